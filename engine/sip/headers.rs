//! The header of a message: what every message must have, typed; the rest by canonical name.
//!
//! Deliberately absent: typed forms of headers that this agent never acts on. They are kept as text.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use crate::{
    error::{FieldFault, ParseError},
    lex::{SPACES, TOKEN, Text, is_token, one_line, put_number, split_all, split_outside},
    method::Method,
    name_addr::NameAddr,
    via::Via,
};

/// The most header lines of one message, and the most values in one list: a request may pass 70
/// proxies (Max-Forwards), each adding a Via and a Record-Route; the rest is slack.
pub const MAX_FIELDS: usize = 256;

/// CSeq (RFC 3261 §20.16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2³¹.
    pub number: u32,
    /// The method of the request that this message belongs to.
    pub method: Method,
}

impl CSeq {
    fn parse(text: &str) -> Result<Self, FieldFault> {
        let (number, method) = text.split_at(TOKEN.span(text));
        if !method.starts_with([' ', '\t']) {
            return Err(FieldFault::Syntax);
        }
        let number = parse_number(number, (1 << 31) - 1)?;
        Ok(Self { number, method: Method::parse(method.trim_ascii_start()).ok_or(FieldFault::Syntax)? })
    }
}

/// Digits only, at most `max`.
fn parse_number(text: &str, max: u32) -> Result<u32, FieldFault> {
    if !text.bytes().all(|c| c.is_ascii_digit()) {
        return Err(FieldFault::Number);
    }
    text.parse().ok().filter(|n| *n <= max).ok_or(FieldFault::Number)
}

/// The header of a request or response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Top first; never empty in a parsed message.
    pub via: Vec<Via>,
    /// The originator, with its tag.
    pub from: NameAddr,
    /// The addressee; it gets its tag from the answering side.
    pub to: NameAddr,
    /// Call-ID.
    pub call_id: String,
    /// CSeq.
    pub cseq: CSeq,
    /// Max-Forwards, where present.
    pub max_forwards: Option<u8>,
    /// Contact, in order; `*` is left out.
    pub contact: Vec<NameAddr>,
    /// Route, in order.
    pub route: Vec<NameAddr>,
    /// Record-Route, in order.
    pub record_route: Vec<NameAddr>,
    /// Every other header in order, except Content-Length (that is the body's length). Private: it may
    /// hold names and numbers, and `Debug` of it shows the header names only.
    pub other: Fields,
}

/// Headers kept as text: canonical name and unfolded value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(Text, Text)>);

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(n, _)| n)).finish()
    }
}

impl Fields {
    /// The first value of a header.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// Every value of a header, one per line.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Every comma-separated item of a header over all its lines; a line that does not split is left out.
    pub fn items(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).flat_map(|v| split_all(v, b',').unwrap_or_default()).filter(|v| !v.is_empty())
    }

    /// Adds a header. Line ends and other controls in the value become spaces; a name that is no
    /// token, or that [`Headers`] holds typed, is not added.
    pub fn push(&mut self, name: &str, value: &str) {
        const TYPED: [&str; 10] = [
            "Via",
            "From",
            "To",
            "Call-ID",
            "CSeq",
            "Max-Forwards",
            "Contact",
            "Route",
            "Record-Route",
            "Content-Length",
        ];
        let name = canonical(name);
        if is_token(&name) && !TYPED.contains(&name.as_str()) {
            self.0.push((name, one_line(value).into()));
        }
    }

    /// Takes a header out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }
}

/// The names that this agent acts on or knows a compact form of, by their first letter.
const fn known_by(letter: u8) -> &'static [&'static str] {
    match letter.to_ascii_lowercase() {
        b'a' => &["Allow-Events", "Accept-Contact"],
        b'c' => &["CSeq", "Call-ID", "Contact", "Content-Length", "Content-Type", "Content-Encoding"],
        b'd' => &["Date"],
        b'e' => &["Event"],
        b'f' => &["From"],
        b'm' => &["Max-Forwards"],
        b'r' => {
            &["Route", "Record-Route", "Refer-To", "Referred-By", "Reject-Contact", "Request-Disposition"]
        }
        b's' => &["Supported", "Subject", "Session-Expires"],
        b't' => &["To"],
        b'v' => &["Via"],
        _ => &[],
    }
}

/// What a compact form stands for (RFC 3261 §7.3.3).
const fn spelled_out(letter: u8) -> Option<&'static str> {
    Some(match letter.to_ascii_lowercase() {
        b'v' => "Via",
        b'f' => "From",
        b't' => "To",
        b'i' => "Call-ID",
        b'm' => "Contact",
        b'l' => "Content-Length",
        b'c' => "Content-Type",
        b'e' => "Content-Encoding",
        b's' => "Subject",
        b'k' => "Supported",
        b'o' => "Event",
        b'u' => "Allow-Events",
        b'r' => "Refer-To",
        b'b' => "Referred-By",
        b'a' => "Accept-Contact",
        b'j' => "Reject-Contact",
        b'd' => "Request-Disposition",
        b'x' => "Session-Expires",
        _ => return None,
    })
}

/// A known name in its usual case, compact forms spelled out.
fn known(name: &str) -> Option<&'static str> {
    match name.as_bytes() {
        [letter] => spelled_out(*letter),
        [letter, ..] => {
            let mut likely = known_by(*letter).iter().filter(|known| known.len() == name.len());
            likely.find(|known| **known == name || known.eq_ignore_ascii_case(name)).copied()
        }
        [] => None,
    }
}

/// The canonical name: a known one in its usual case, another as it was written.
pub(crate) fn canonical(name: &str) -> Text {
    known(name).map_or_else(|| name.into(), Text::const_new)
}

/// Sets `slot` once.
fn once<T>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), ParseError> {
    if slot.replace(value).is_some() { Err(ParseError::Repeated(name)) } else { Ok(()) }
}

/// Reads each comma-separated item of a value into `list`; where one is broken, none is taken.
fn each<T>(
    list: &mut Vec<T>,
    value: &str,
    parse: impl Fn(&str) -> Result<T, FieldFault>,
) -> Result<(), FieldFault> {
    let before = list.len();
    for item in split_outside(value, b',') {
        let read = item.map_err(|_| FieldFault::Unbalanced).and_then(&parse);
        match read {
            Ok(item) if list.len() < MAX_FIELDS => list.push(item),
            read => {
                list.truncate(before);
                return Err(read.err().unwrap_or(FieldFault::TooMany));
            }
        }
    }
    Ok(())
}

/// A field as it stands on the wire, unfolded: its name and its value.
pub(crate) type Line<'a> = (&'a str, Cow<'a, str>);

/// Which kind of message a header belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
}

/// Reads unfolded header lines (`name`, `value`): the header, and Content-Length where it is given.
///
/// A fault in Date, Contact, Route, Record-Route or Max-Forwards refuses a request outside any dialog.
/// Elsewhere the broken line is left out: a call must not hang on what is not needed to answer or end it.
pub(crate) fn parse(lines: &[Line<'_>], kind: Kind) -> Result<(Headers, Option<usize>), ParseError> {
    let (mut from, mut to, mut call_id, mut cseq) = (None, None, None, None);
    let (mut max_forwards, mut length, mut content_type, mut spare) = (None, None, None, Ok(()));
    let (mut via, mut contact, mut route, mut record_route) = (vec![], vec![], vec![], vec![]);
    let mut other = Fields::default();
    for (name, value) in lines {
        let known = known(name);
        let at = |name: &'static str| move |fault| ParseError::Field { name, fault };
        match known.unwrap_or_default() {
            "Via" => each(&mut via, value, Via::parse).map_err(at("Via"))?,
            "From" => once(&mut from, "From", NameAddr::parse(value).map_err(at("From"))?)?,
            "To" => once(&mut to, "To", NameAddr::parse(value).map_err(at("To"))?)?,
            "Call-ID" => {
                if value.is_empty() || SPACES.meets(value) {
                    return Err(at("Call-ID")(FieldFault::Syntax));
                }
                once(&mut call_id, "Call-ID", value.as_ref().to_owned())?;
            }
            "CSeq" => once(&mut cseq, "CSeq", CSeq::parse(value).map_err(at("CSeq"))?)?,
            "Max-Forwards" => {
                let hops = parse_number(value, 255).map_err(at("Max-Forwards"));
                let set = |h| once(&mut max_forwards, "Max-Forwards", u8::try_from(h).unwrap_or(u8::MAX));
                spare = spare.and(hops.and_then(set));
            }
            "Content-Length" => {
                let n = parse_number(value, u32::MAX).map_err(at("Content-Length"))?;
                once(&mut length, "Content-Length", n as usize)?;
            }
            // `*` names nobody: it is kept as it stands, for a registrar (§10.2.2).
            "Contact" if value != "*" => {
                spare = spare.and(each(&mut contact, value, NameAddr::parse).map_err(at("Contact")));
            }
            "Route" => spare = spare.and(each(&mut route, value, NameAddr::parse).map_err(at("Route"))),
            "Record-Route" => {
                let read = each(&mut record_route, value, NameAddr::parse);
                spare = spare.and(read.map_err(at("Record-Route")));
            }
            "Date" if !value.ends_with("GMT") => {
                spare = spare.and(Err(at("Date")(FieldFault::Zone)));
            }
            _ => {
                if known == Some("Content-Type") {
                    once(&mut content_type, "Content-Type", ())?;
                }
                let name = known.map_or_else(|| (*name).into(), Text::const_new);
                other.0.push((name, value.as_ref().into()));
            }
        }
    }
    if via.is_empty() {
        return Err(ParseError::Missing("Via"));
    }
    let to: NameAddr = to.ok_or(ParseError::Missing("To"))?;
    if kind == Kind::Request && to.tag().is_none() {
        spare?;
    }
    let headers = Headers {
        via,
        from: from.ok_or(ParseError::Missing("From"))?,
        to,
        call_id: call_id.ok_or(ParseError::Missing("Call-ID"))?,
        cseq: cseq.ok_or(ParseError::Missing("CSeq"))?,
        max_forwards,
        contact,
        route,
        record_route,
        other,
    };
    Ok((headers, length))
}

impl Headers {
    /// Appends every line, Content-Length last.
    pub(crate) fn put(&self, out: &mut impl Write, body_bytes: usize) -> fmt::Result {
        self.via.iter().try_for_each(|v| line(out, "Via", |out| v.put(out)))?;
        self.record_route.iter().try_for_each(|v| line(out, "Record-Route", |out| v.put(out)))?;
        self.route.iter().try_for_each(|v| line(out, "Route", |out| v.put(out)))?;
        if let Some(hops) = self.max_forwards {
            line(out, "Max-Forwards", |out| put_number(hops.into(), out))?;
        }
        line(out, "From", |out| self.from.put(out))?;
        line(out, "To", |out| self.to.put(out))?;
        line(out, "Call-ID", |out| out.write_str(&self.call_id))?;
        line(out, "CSeq", |out| {
            put_number(self.cseq.number, out)?;
            out.write_char(' ')?;
            out.write_str(self.cseq.method.as_str())
        })?;
        self.contact.iter().try_for_each(|v| line(out, "Contact", |out| v.put(out)))?;
        self.other.0.iter().try_for_each(|(name, value)| line(out, name, |out| out.write_str(value)))?;
        line(out, "Content-Length", |out| put_number(u32::try_from(body_bytes).unwrap_or(u32::MAX), out))?;
        out.write_str("\r\n")
    }
}

fn line<W: Write>(out: &mut W, name: &str, value: impl FnOnce(&mut W) -> fmt::Result) -> fmt::Result {
    out.write_str(name)?;
    out.write_str(": ")?;
    value(out)?;
    out.write_str("\r\n")
}
