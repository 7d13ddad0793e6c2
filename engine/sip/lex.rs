//! The few lexical rules that every header shares (RFC 3261 §25.1): tokens, quoted strings, splitting.
//!
//! Deliberately absent: anything that knows a header by name.

use std::fmt::{self, Write};

use compact_str::CompactString;

/// Text of a message. What is short, as most of it is, needs no memory of its own.
pub type Text = CompactString;

/// A set of ASCII characters, each found by one look.
pub(crate) struct Set([bool; 256]);

impl Set {
    /// Letters, digits and `more`.
    pub(crate) const fn alphanumeric_and(more: &[u8]) -> Self {
        let mut set = [false; 256];
        let mut c = 0;
        while c < 128 {
            set[c] = (c as u8).is_ascii_alphanumeric();
            c += 1;
        }
        Self(set).and(more)
    }

    /// These alone.
    pub(crate) const fn of(these: &[u8]) -> Self {
        Self([false; 256]).and(these)
    }

    pub(crate) const fn and(mut self, more: &[u8]) -> Self {
        let mut i = 0;
        while i < more.len() {
            self.0[more[i] as usize] = true;
            i += 1;
        }
        self
    }

    pub(crate) fn has(&self, c: u8) -> bool {
        self.0[usize::from(c)]
    }

    /// Whether all of `text` is of it.
    pub(crate) fn holds(&self, text: &str) -> bool {
        text.bytes().all(|c| self.has(c))
    }

    /// How much of `text`, from its beginning, is of it [bytes].
    pub(crate) fn span(&self, text: &str) -> usize {
        text.bytes().position(|c| !self.has(c)).unwrap_or(text.len())
    }

    /// Whether some of `text` is.
    pub(crate) fn meets(&self, text: &str) -> bool {
        text.bytes().any(|c| self.has(c))
    }
}

/// What a `token` is made of.
pub(crate) static TOKEN: Set = TOKENS;
pub(crate) const TOKENS: Set = Set::alphanumeric_and(b"-.!%*_+`'~");

/// White space as the grammar has it, and what has no place in a line.
pub(crate) static SPACES: Set = WHITE;
pub(crate) const WHITE: Set = Set::of(b" \t\r\n\x0b\x0c");

/// Whether `s` is a `token`.
pub(crate) fn is_token(s: &str) -> bool {
    !s.is_empty() && TOKEN.holds(s)
}

/// Where the first `c` stands. Eight bytes are looked at together: what is sought in a message is a few bytes away,
/// where a vector search costs more by its call than it wins.
#[inline]
pub(crate) fn find(c: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    let within = |chunk: &[u8; 8]| {
        let differs = u64::from_le_bytes(*chunk) ^ (ONES * u64::from(c));
        // A high bit is left where a byte is zero; above the first there may be false ones.
        let zero = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
        (zero != 0).then(|| zero.trailing_zeros() as usize / 8)
    };
    let Some(last) = bytes.last_chunk() else { return bytes.iter().position(|b| *b == c) };
    let (chunks, rest) = bytes.as_chunks();
    let found = chunks.iter().enumerate().find_map(|(i, chunk)| Some(8 * i + within(chunk)?));
    if rest.is_empty() { found } else { found.or_else(|| Some(bytes.len() - 8 + within(last)?)) }
}

/// Cuts at the first `sep`: what stands before it, and behind it where it is there.
#[inline]
pub(crate) fn cut(s: &str, sep: u8) -> (&str, Option<&str>) {
    find(sep, s.as_bytes()).map_or((s, None), |at| (&s[..at], Some(&s[at + 1..])))
}

/// A quoted string or a pair of angle brackets that does not close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unbalanced;

/// Splits at `sep` wherever it stands outside quoted strings and angle brackets; parts are trimmed.
pub(crate) fn split_outside(s: &str, sep: u8) -> Split<'_> {
    Split { rest: Some(s), sep }
}

/// The same, where one part that does not close spoils all.
pub(crate) fn split_all(s: &str, sep: u8) -> Result<Vec<&str>, Unbalanced> {
    split_outside(s, sep).collect()
}

/// The parts of a text; after one that does not close, nothing.
pub(crate) struct Split<'a> {
    rest: Option<&'a str>,
    sep: u8,
}

impl<'a> Iterator for Split<'a> {
    type Item = Result<&'a str, Unbalanced>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.take()?;
        let bytes = text.as_bytes();
        let mut at = 0;
        let marks = |c: &u8| *c == self.sep || *c == b'"' || *c == b'<';
        while let Some(found) = bytes[at..].iter().position(marks) {
            at += found;
            let closed = match bytes[at] {
                b'"' => end_of_quoted(&bytes[at + 1..]),
                b'<' => find(b'>', &bytes[at + 1..]),
                _ => {
                    self.rest = Some(&text[at + 1..]);
                    return Some(Ok(text[..at].trim_ascii()));
                }
            };
            match closed {
                Some(end) => at += end + 2,
                None => return Some(Err(Unbalanced)),
            }
        }
        Some(Ok(text.trim_ascii()))
    }
}

/// Where the quotation mark stands that closes a quoted string, of which the first has been read.
fn end_of_quoted(inner: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += inner.get(at..)?.iter().position(|c| matches!(c, b'"' | b'\\'))?;
        if inner[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Reads a quoted string at the start of `s`: its meaning and what follows the closing quote.
pub(crate) fn quoted(s: &str) -> Option<(Text, &str)> {
    let inner = s.strip_prefix('"')?;
    let end = end_of_quoted(inner.as_bytes())?;
    let (written, rest) = (&inner[..end], &inner[end + 1..]);
    if find(b'\\', written.as_bytes()).is_none() {
        return Some((written.into(), rest));
    }
    let (mut text, mut chars) = (Text::default(), written.chars());
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Some((text, rest))
}

/// Writes `text` as a quoted string. Line ends become spaces: a value never breaks out of its line.
pub(crate) fn put_quoted(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    if SPECIAL.meets(text) {
        for c in text.chars() {
            match c {
                '"' | '\\' => ['\\', c].into_iter().try_for_each(|c| out.write_char(c))?,
                '\r' | '\n' => out.write_char(' ')?,
                _ => out.write_char(c)?,
            }
        }
    } else {
        out.write_str(text)?;
    }
    out.write_char('"')
}

/// What does not stand as it is within quotes.
static SPECIAL: Set = Set::of(b"\"\\\r\n");

/// Writes digits.
pub(crate) fn put_number(number: u32, out: &mut impl Write) -> fmt::Result {
    out.write_str(itoa::Buffer::new().format(number))
}

/// `text` as a quoted string.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    let _ = put_quoted(text, &mut out);
    out
}

/// `text` with control characters turned into spaces, so that it stays within its line.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        let parts = |text: &'static str| split_outside(text, b',').collect::<Result<Vec<_>, _>>();
        assert_eq!(parts(r#""a, \",b" <x,y>, c"#), Ok(vec![r#""a, \",b" <x,y>"#, "c"]));
        assert_eq!(parts(",a,"), Ok(vec!["", "a", ""]));
        for open in [r#""a, b"#, r#""a\""#, r#"a, "b\"#, "a, <b"] {
            assert_eq!(parts(open), Err(Unbalanced), "{open}");
        }
    }

    #[test]
    fn a_quoted_string_is_read_back_as_written() {
        let odd = "q\" b\\ \u{7}é";
        let text = quote(odd);
        assert_eq!(quoted(&text), Some((odd.into(), "")));
        assert!(!quote("a\r\nVia: x").contains('\n'));
    }
}
