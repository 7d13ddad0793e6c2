//! The few lexical rules that every header shares (RFC 3261 §25.1): tokens, quoted strings, splitting.
//!
//! Deliberately absent: anything that knows a header by name.

/// Whether `c` may stand in a `token`.
pub(crate) fn is_token_char(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&c)
}

/// Whether `s` is a `token`.
pub(crate) fn is_token(s: &str) -> bool {
    !s.is_empty() && s.bytes().all(is_token_char)
}

/// A quoted string or a pair of angle brackets that does not close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unbalanced;

/// Splits at `sep` wherever it stands outside quoted strings and angle brackets; parts are trimmed.
pub(crate) fn split_outside(s: &str, sep: u8) -> Result<Vec<&str>, Unbalanced> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    for (i, c) in s.bytes().enumerate() {
        if quoted {
            match c {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if bracketed {
            bracketed = c != b'>';
        } else if c == b'"' {
            quoted = true;
        } else if c == b'<' {
            bracketed = true;
        } else if c == sep {
            parts.push(s[start..i].trim());
            start = i + 1;
        }
    }
    if quoted || bracketed {
        return Err(Unbalanced);
    }
    parts.push(s[start..].trim());
    Ok(parts)
}

/// Reads a quoted string at the start of `s`: its meaning and what follows the closing quote.
pub(crate) fn quoted(s: &str) -> Option<(String, &str)> {
    let inner = s.strip_prefix('"')?;
    let (mut text, mut escaped) = (String::new(), false);
    for (i, c) in inner.char_indices() {
        match c {
            _ if escaped => {
                text.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((text, &inner[i + 1..])),
            _ => text.push(c),
        }
    }
    None
}

/// `text` as a quoted string. Line ends become spaces: a value never breaks out of its line.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\r' | '\n' => out.push(' '),
            _ => out.push(c),
        }
    }
    out.push('"');
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
        assert_eq!(split_outside(r#""a, \",b" <x,y>, c"#, b','), Ok(vec![r#""a, \",b" <x,y>"#, "c"]));
        assert_eq!(split_outside(r#""a, b"#, b','), Err(Unbalanced));
    }

    #[test]
    fn a_quoted_string_is_read_back_as_written() {
        let odd = "q\" b\\ \u{7}é";
        let text = quote(odd);
        assert_eq!(quoted(&text), Some((odd.to_owned(), "")));
        assert!(!quote("a\r\nVia: x").contains('\n'));
    }
}
