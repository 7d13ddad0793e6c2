//! CTranslate2's binary model file, version 6: named variables, little-endian, one after another.

use std::collections::BTreeMap;

use super::ConvertError;

/// A Whisper weight has at most three dimensions (a convolution's).
const RANK_MAX: usize = 4;

/// The variables of a model, borrowed from its bytes.
pub(super) struct Model<'a> {
    variables: BTreeMap<&'a str, Variable<'a>>,
}

/// One variable: dimensions, element type and raw little-endian data.
#[derive(Clone, Debug)]
pub(super) struct Variable<'a> {
    pub(super) dims: Vec<usize>,
    kind: u8,
    data: &'a [u8],
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize, reading: &'static str) -> Result<&'a [u8], ConvertError> {
        let end = self.at.checked_add(n).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(ConvertError::Ended { at: self.at, reading })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn u8(&mut self, reading: &'static str) -> Result<u8, ConvertError> {
        Ok(self.take(1, reading)?[0])
    }

    fn u16(&mut self, reading: &'static str) -> Result<u16, ConvertError> {
        let b = self.take(2, reading)?;
        Ok(u16::from_le_bytes([b[0], b[1]]))
    }

    fn u32(&mut self, reading: &'static str) -> Result<u32, ConvertError> {
        let b = self.take(4, reading)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// A length that counts the closing NUL, then the text.
    fn text(&mut self) -> Result<&'a str, ConvertError> {
        let at = self.at;
        let n = usize::from(self.u16("a string")?);
        let bytes = self.take(n, "a string")?;
        let text = bytes.strip_suffix(&[0]).ok_or(ConvertError::Text(at))?;
        std::str::from_utf8(text).map_err(|_| ConvertError::Text(at))
    }
}

impl<'a> Model<'a> {
    /// Reads the file's structure; the data stays where it is.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ConvertError> {
        let mut c = Cursor { bytes, at: 0 };
        let version = c.u32("the version")?;
        if version != 6 {
            return Err(ConvertError::Version(version));
        }
        let spec = c.text()?;
        if spec != "WhisperSpec" {
            return Err(ConvertError::Spec(spec.to_owned()));
        }
        let _revision = c.u32("the revision")?;
        let count = c.u32("the number of variables")?;
        let mut variables = BTreeMap::new();
        // Each round takes bytes or ends, so a count that is too large costs nothing.
        for _ in 0..count {
            let name = c.text()?;
            variables.insert(name, variable(&mut c)?);
        }
        let aliases = c.u32("the number of aliases")?;
        for _ in 0..aliases {
            let alias = c.text()?;
            let name = c.text()?;
            let target = variables.get(name).ok_or_else(|| ConvertError::NoVariable(name.to_owned()))?;
            variables.insert(alias, target.clone());
        }
        Ok(Self { variables })
    }

    /// The variable called `name`.
    pub(super) fn variable(&self, name: &str) -> Result<&Variable<'a>, ConvertError> {
        self.variables.get(name).ok_or_else(|| ConvertError::NoVariable(name.to_owned()))
    }

    /// The values of `name`, which must have shape `dims`.
    pub(super) fn values(&self, name: &str, dims: &[usize]) -> Result<Vec<f32>, ConvertError> {
        let variable = self.variable(name)?;
        if variable.dims != dims {
            return Err(ConvertError::Shape {
                name: name.to_owned(),
                actual: variable.dims.clone(),
                expected: dims.to_owned(),
            });
        }
        variable.values().ok_or_else(|| ConvertError::Type(name.to_owned()))
    }

    /// A whole number held in a variable without dimensions (CTranslate2 keeps head counts so).
    pub(super) fn scalar(&self, name: &str) -> Result<i32, ConvertError> {
        let v = self.variable(name)?;
        match (v.kind, v.data) {
            (1, &[a]) => Ok(i32::from(a.cast_signed())),
            (2, &[a, b]) => Ok(i32::from(i16::from_le_bytes([a, b]))),
            (3, &[a, b, c, d]) => Ok(i32::from_le_bytes([a, b, c, d])),
            _ => Err(ConvertError::Type(name.to_owned())),
        }
    }

    /// How many layers `encoder` or `decoder` has.
    pub(super) fn layers(&self, stack: &str) -> usize {
        (0..)
            .take_while(|i| {
                self.variables.contains_key(format!("{stack}/layer_{i}/ffn/linear_0/weight").as_str())
            })
            .count()
    }
}

impl Variable<'_> {
    fn values(&self) -> Option<Vec<f32>> {
        match self.kind {
            0 => Some(
                self.data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            ),
            4 => Some(
                self.data.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
            ),
            _ => None,
        }
    }
}

fn variable<'a>(c: &mut Cursor<'a>) -> Result<Variable<'a>, ConvertError> {
    let at = c.at;
    let rank = usize::from(c.u8("a rank")?);
    if rank > RANK_MAX {
        return Err(ConvertError::Impossible { at, what: "rank" });
    }
    let mut dims = Vec::with_capacity(rank);
    for _ in 0..rank {
        dims.push(c.u32("a dimension")? as usize);
    }
    let at = c.at;
    let kind = c.u8("a type")?;
    let width = match kind {
        0 | 3 => 4,
        1 => 1,
        2 | 4 => 2,
        _ => return Err(ConvertError::Impossible { at, what: "type" }),
    };
    let at = c.at;
    let bytes = c.u32("a size")? as usize;
    let expected = dims.iter().try_fold(width, |n: usize, &d| n.checked_mul(d));
    if expected != Some(bytes) {
        return Err(ConvertError::Impossible { at, what: "size" });
    }
    Ok(Variable { dims, kind, data: c.take(bytes, "a variable's data")? })
}
