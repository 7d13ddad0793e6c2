//! `name-addr` and `addr-spec` with parameters: From, To, Contact, Route, Record-Route (RFC 3261 §20.10).

use std::fmt;

use crate::{
    error::FieldFault,
    lex::{Set, Text, WHITE, cut, is_token, put_quoted, quoted, split_outside},
    uri::{Params, Uri},
};

/// A display name, a URI and the header's parameters. `Debug` hides the name and the user.
#[derive(Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name, its quoting resolved; `None` where there is none.
    pub display: Option<Text>,
    /// The URI.
    pub uri: Uri,
    /// The header's own parameters, such as `tag`.
    pub params: Params,
}

impl NameAddr {
    /// A URI with an optional display name and no parameters.
    pub fn new(display: Option<&str>, uri: Uri) -> Self {
        Self { display: display.filter(|d| !d.is_empty()).map(Text::new), uri, params: Params::default() }
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&str> {
        self.params.value("tag")
    }

    /// The same with this `tag`.
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// Reads one value.
    ///
    /// # Errors
    /// With the reason; the text itself is never part of it.
    pub fn parse(text: &str) -> Result<Self, FieldFault> {
        let text = text.trim_ascii();
        let (display, rest) = if text.starts_with('"') {
            let (name, rest) = quoted(text).ok_or(FieldFault::Unbalanced)?;
            (Some(name), rest.trim_ascii_start())
        } else if let Some(at) = bracket(text) {
            (display_name(&text[..at])?, &text[at..])
        } else {
            // The short form: parameters are the header's own, so `?` and `,` have no place (§20.10).
            let (uri, params) = cut(text, b';');
            if uri.contains(['?', ',']) {
                return Err(FieldFault::Unbracketed);
            }
            let params = params.map_or_else(|| Ok(Params::default()), parse_params)?;
            return Ok(Self { display: None, uri: uri.trim_ascii_end().parse()?, params });
        };
        let (uri, rest) = match rest.strip_prefix('<').map(|rest| cut(rest, b'>')) {
            Some((uri, Some(rest))) => (uri, rest.trim_ascii_start()),
            _ => return Err(FieldFault::Unbalanced),
        };
        let params = match rest.strip_prefix(';') {
            Some(list) => parse_params(list)?,
            None if rest.is_empty() => Params::default(),
            None => return Err(FieldFault::Parameter),
        };
        Ok(Self { display, uri: uri.parse()?, params })
    }
}

/// Where the `<` stands, unless a `;` or a quote comes before it.
fn bracket(text: &str) -> Option<usize> {
    let at = text.bytes().position(|c| matches!(c, b'<' | b';' | b'"'))?;
    text[at..].starts_with('<').then_some(at)
}

/// A display name without quotes: tokens.
fn display_name(text: &str) -> Result<Option<Text>, FieldFault> {
    let mut name = Text::default();
    for word in text.split_ascii_whitespace() {
        if !is_token(word) {
            return Err(FieldFault::DisplayName);
        }
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
    }
    Ok(Some(name).filter(|name| !name.is_empty()))
}

/// What ends the value of a parameter that has no quotes.
static ENDS_VALUE: Set = WHITE.and(b"\",;<>");

/// Reads `name [= value]` separated by `;`, white space around each allowed (RFC 3261 §7.3.1).
pub(crate) fn parse_params(list: &str) -> Result<Params, FieldFault> {
    let mut params = Params::default();
    for item in split_outside(list, b';') {
        let (name, value) = cut(item.map_err(|_| FieldFault::Unbalanced)?, b'=');
        let (name, value) = (name.trim_ascii_end(), value.map(str::trim_ascii_start));
        let sound = value.is_none_or(|v| match v.strip_prefix('"') {
            Some(_) => quoted(v).is_some_and(|(_, rest)| rest.is_empty()),
            None => !v.is_empty() && !ENDS_VALUE.meets(v),
        });
        if !is_token(name) || !sound {
            return Err(FieldFault::Parameter);
        }
        if !params.push(name, value) {
            return Err(FieldFault::TooMany);
        }
    }
    Ok(params)
}

impl NameAddr {
    pub(crate) fn put(&self, out: &mut impl fmt::Write) -> fmt::Result {
        if let Some(display) = &self.display {
            put_quoted(display, out)?;
            out.write_char(' ')?;
        }
        out.write_char('<')?;
        self.uri.put(out)?;
        out.write_char('>')?;
        self.params.put(out)
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(f)
    }
}

impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{:?}>", self.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_quoted_bare_or_absent() {
        let a = NameAddr::parse(r#""J \"R\"" <sip:j@example.com;lr> ; tag = 98 ;x="a;b""#).unwrap();
        assert_eq!(a.display.as_deref(), Some("J \"R\""));
        assert_eq!((a.tag(), a.params.value("x")), (Some("98"), Some("\"a;b\"")));
        let b = NameAddr::parse("caller<sip:caller@example.com>;tag=323").unwrap();
        assert_eq!((b.display.as_deref(), b.tag()), (Some("caller"), Some("323")));
        let c = NameAddr::parse("sip:c@example.com;tag=1").unwrap();
        assert_eq!((c.uri.to_string().as_str(), c.tag()), ("sip:c@example.com", Some("1")));
        assert_eq!(NameAddr::parse(&a.to_string()), Ok(a));
    }

    #[test]
    fn broken_values_say_why() {
        for (text, fault) in [
            ("\"open <sip:a@b>", FieldFault::Unbalanced),
            ("Bell, A <sip:a@b>", FieldFault::DisplayName),
            ("sip:a@b?x=y", FieldFault::Unbracketed),
            ("<sip:a@b>;;", FieldFault::Parameter),
            ("<sip:a@b> x", FieldFault::Parameter),
        ] {
            assert_eq!(NameAddr::parse(text), Err(fault), "{text}");
        }
        assert!(matches!(NameAddr::parse("< sip:a@b >"), Err(FieldFault::Uri(_))));
    }

    #[test]
    fn debug_shows_neither_name_nor_number() {
        let text = format!("{:?}", NameAddr::parse("\"Zhang San\" <sip:13800001234@h>").unwrap());
        assert!(!text.contains("Zhang") && !text.contains("1380"));
    }
}
