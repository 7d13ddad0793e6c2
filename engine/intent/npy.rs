//! Reading the arrays of a NumPy `.npz` file: a zip of `.npy` members (NumPy's NEP 1).
//!
//! Absent: writing, Fortran order, and every element type but the three that the encoder has.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use zip::ZipArchive;

use crate::IntentError;

/// One array may not be larger than this, so that a damaged header cannot ask for all memory. The
/// largest real one has 3.9 MB.
const MAX_ARRAY_BYTES: usize = 256 << 20;

/// The values of one array, row by row.
pub(crate) enum Values {
    U8(Vec<u8>),
    F32(Vec<f32>),
}

/// One array of the file.
pub(crate) struct Array {
    pub shape: Vec<usize>,
    pub values: Values,
}

/// An open `.npz` file.
pub(crate) struct Npz {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

impl Npz {
    pub fn open(path: &Path) -> Result<Self, IntentError> {
        let file = File::open(path).map_err(|source| IntentError::Read { path: path.to_owned(), source })?;
        let zip =
            ZipArchive::new(BufReader::new(file)).map_err(|e| bad(path, format!("no zip archive: {e}")))?;
        Ok(Self { path: path.to_owned(), zip })
    }

    /// Reads one array by its name (without `.npy`).
    pub fn array(&mut self, name: &str) -> Result<Array, IntentError> {
        let path = self.path.clone();
        let fail = |reason: String| bad(&path, format!("array {name}: {reason}"));
        let mut member = self.zip.by_name(&format!("{name}.npy")).map_err(|e| fail(e.to_string()))?;
        let mut bytes = Vec::new();
        member
            .by_ref()
            .take(MAX_ARRAY_BYTES as u64)
            .read_to_end(&mut bytes)
            .map_err(|e| fail(e.to_string()))?;
        parse(&bytes).map_err(fail)
    }

    /// Reads a float array and checks its shape.
    pub fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, IntentError> {
        let array = self.array(name)?;
        match array.values {
            Values::F32(v) if array.shape == shape => Ok(v),
            _ => Err(self.unexpected(name, &array.shape, shape)),
        }
    }

    /// Reads a byte array and checks its shape.
    pub fn bytes(&mut self, name: &str, shape: &[usize]) -> Result<Vec<u8>, IntentError> {
        let array = self.array(name)?;
        match array.values {
            Values::U8(v) if array.shape == shape => Ok(v),
            _ => Err(self.unexpected(name, &array.shape, shape)),
        }
    }

    fn unexpected(&self, name: &str, got: &[usize], want: &[usize]) -> IntentError {
        bad(&self.path, format!("array {name} has shape {got:?} or another type; expected {want:?}"))
    }
}

fn bad(path: &Path, reason: String) -> IntentError {
    IntentError::BadModel { path: path.to_owned(), reason }
}

/// Parses one `.npy` member: magic, version, length of header, header, data.
fn parse(bytes: &[u8]) -> Result<Array, String> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("no NumPy magic")?;
    let (version, rest) = rest.split_at_checked(2).ok_or("cut short")?;
    let (header_len, rest) = match version[0] {
        1 => {
            let (n, rest) = rest.split_first_chunk::<2>().ok_or("cut short")?;
            (usize::from(u16::from_le_bytes(*n)), rest)
        }
        2 | 3 => {
            let (n, rest) = rest.split_first_chunk::<4>().ok_or("cut short")?;
            (u32::from_le_bytes(*n) as usize, rest)
        }
        v => return Err(format!("NumPy format {v} is not known")),
    };
    let (header, data) = rest.split_at_checked(header_len).ok_or("cut short")?;
    let header = std::str::from_utf8(header).map_err(|_| "header is not text")?;
    if field(header, "fortran_order")?.starts_with("True") {
        return Err("Fortran order is not read".to_owned());
    }
    let shape = shape(field(header, "shape")?)?;
    let count = shape
        .iter()
        .try_fold(1usize, |n, d| n.checked_mul(*d))
        .filter(|n| *n <= MAX_ARRAY_BYTES)
        .ok_or("too large")?;
    let values = match field(header, "descr")? {
        d if d.starts_with("'|u1'") => Values::U8(exact(data, count)?.to_vec()),
        d if d.starts_with("'<f4'") => Values::F32(
            exact(data, count * 4)?
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        ),
        d if d.starts_with("'<f8'") => Values::F32(
            exact(data, count * 8)?
                .chunks_exact(8)
                .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32)
                .collect(),
        ),
        d => return Err(format!("element type {:?} is not read", d.get(..6).unwrap_or(d))),
    };
    Ok(Array { shape, values })
}

fn exact(data: &[u8], n: usize) -> Result<&[u8], String> {
    data.get(..n).ok_or_else(|| format!("cut short: {} of {n} bytes", data.len()))
}

/// The text after `'name':` in the header, a Python dictionary.
fn field<'a>(header: &'a str, name: &str) -> Result<&'a str, String> {
    let at = header.find(&format!("'{name}':")).ok_or_else(|| format!("no {name} in the header"))?;
    Ok(header[at + name.len() + 3..].trim_start())
}

/// Reads `(7530, 512)`, `(17,)` or `()`.
fn shape(text: &str) -> Result<Vec<usize>, String> {
    let inner = text.strip_prefix('(').and_then(|t| t.split_once(')')).ok_or("no shape in the header")?.0;
    inner
        .split(',')
        .map(str::trim)
        .filter(|d| !d.is_empty())
        .map(|d| d.parse().map_err(|_| format!("shape {d:?} is no number")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut v = b"\x93NUMPY\x01\x00".to_vec();
        v.extend((header.len() as u16).to_le_bytes());
        v.extend(header.as_bytes());
        v.extend(data);
        v
    }

    #[test]
    fn floats_come_out_row_by_row() {
        let data: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|f| f.to_le_bytes()).collect();
        let a = parse(&npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", &data)).unwrap();
        assert_eq!(a.shape, [1, 2]);
        assert!(matches!(a.values, Values::F32(v) if v == [1.5, -2.0]));
    }

    #[test]
    fn damaged_arrays_are_refused_with_the_reason() {
        let head = "{'descr': '<f4', 'fortran_order': False, 'shape': (9999,), }";
        assert!(parse(&npy(head, &[0; 8])).err().unwrap().contains("cut short"));
        let fortran = "{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }";
        assert!(parse(&npy(fortran, &[0; 8])).err().unwrap().contains("Fortran"));
        let huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }";
        assert!(parse(&npy(huge, &[])).is_err());
        for n in 0..12 {
            assert!(parse(&npy(head, &[])[..n]).is_err());
        }
    }
}
