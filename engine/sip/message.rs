//! Requests and responses on the wire (RFC 3261 §7): parse and print.
//!
//! Datagrams only: a message without Content-Length ends with its datagram (§18.3), and what follows
//! the body is left alone. Deliberately absent: framing for streams.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::{
    error::ParseError,
    headers::{self, Headers, Kind, MAX_FIELDS, canonical},
    lex::one_line,
    method::Method,
    name_addr::NameAddr,
    uri::Uri,
    via::Via,
};

/// The largest message [bytes]: what a UDP datagram over IPv4 holds.
pub const MAX_BYTES: usize = 65_507;

/// A request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// Whom it is asked of.
    pub uri: Uri,
    /// The header.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// A response.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub code: u16,
    /// The reason phrase, possibly empty.
    pub reason: String,
    /// The header.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// Either kind of message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

enum StartLine {
    Request(Method, Uri),
    Status(u16, String),
}

/// A message cut into lines, nothing understood yet.
struct Lines<'a> {
    start: Cow<'a, str>,
    fields: Vec<(&'a str, String)>,
    body: &'a [u8],
}

impl<'a> Lines<'a> {
    /// Text is UTF-8 (§7), yet some write names and phrases in GBK: what is no UTF-8 is replaced, so that
    /// the rest of the message is not lost with it.
    fn cut(bytes: &'a [u8]) -> Result<Self, ParseError> {
        if bytes.len() > MAX_BYTES {
            return Err(ParseError::TooLarge(bytes.len()));
        }
        // Empty lines before the start line are ignored (§7.5); alone they are a keep-alive.
        let lead = bytes.iter().take_while(|c| matches!(c, b'\r' | b'\n')).count();
        let mut rest = bytes.get(lead..).unwrap_or_default();
        if rest.iter().all(|c| matches!(c, 0 | b'\r' | b'\n')) {
            return Err(ParseError::KeepAlive);
        }
        let mut lines = Vec::new();
        loop {
            let end = rest.iter().position(|c| *c == b'\n').ok_or(ParseError::NoEndOfHead)?;
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                break;
            }
            // Folded lines may outnumber fields; four to one is beyond any real message.
            if lines.len() > 4 * MAX_FIELDS {
                return Err(ParseError::TooManyFields);
            }
            lines.push(line);
        }
        let mut lines = lines.into_iter();
        let start = String::from_utf8_lossy(lines.next().ok_or(ParseError::StartLine)?);
        let mut fields: Vec<(&str, String)> = Vec::new();
        for line in lines {
            if let [b' ' | b'\t', ..] = line {
                let (_, value) = fields.last_mut().ok_or(ParseError::FieldLine)?;
                value.push(' ');
                value.push_str(String::from_utf8_lossy(line).trim());
                continue;
            }
            let colon = line.iter().position(|c| *c == b':').ok_or(ParseError::FieldLine)?;
            let (name, value) = (&line[..colon], String::from_utf8_lossy(&line[colon + 1..]));
            let name = std::str::from_utf8(name).map_err(|_| ParseError::FieldLine)?.trim_end();
            if !crate::lex::is_token(name) {
                return Err(ParseError::FieldLine);
            }
            if fields.len() >= MAX_FIELDS {
                return Err(ParseError::TooManyFields);
            }
            fields.push((name, value.trim().to_owned()));
        }
        for (_, value) in &mut fields {
            *value = value.trim().to_owned();
        }
        Ok(Self { start, fields, body: rest })
    }
}

fn parse_start(line: &str) -> Result<StartLine, ParseError> {
    let is_version = |v: &str| v.eq_ignore_ascii_case("SIP/2.0");
    if line.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("SIP/")) {
        let (version, rest) = line.split_once(' ').ok_or(ParseError::StartLine)?;
        if !is_version(version) {
            return Err(ParseError::Version);
        }
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        if code.len() != 3 || !code.bytes().all(|c| c.is_ascii_digit()) {
            return Err(ParseError::StartLine);
        }
        let code = code.parse().ok().filter(|c| (100..700).contains(c)).ok_or(ParseError::StartLine)?;
        return Ok(StartLine::Status(code, reason.to_owned()));
    }
    let mut parts = line.split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ParseError::StartLine);
    };
    let method = Method::parse(method).ok_or(ParseError::StartLine)?;
    if !version.get(..4).is_some_and(|v| v.eq_ignore_ascii_case("SIP/")) {
        return Err(ParseError::StartLine);
    }
    if !is_version(version) {
        return Err(ParseError::Version);
    }
    let uri: Uri = uri.parse().map_err(ParseError::RequestUri)?;
    if uri.as_sip().is_some_and(|u| u.headers.is_some()) {
        // Headers have no place in a Request-URI (§19.1.1, table 1).
        return Err(ParseError::RequestUri(crate::uri::InvalidUri::Headers));
    }
    Ok(StartLine::Request(method, uri))
}

impl Message {
    /// Reads one datagram.
    ///
    /// # Errors
    /// With the first reason found; [`refusal`] makes the answer that a broken request deserves.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let lines = Lines::cut(bytes)?;
        let start = parse_start(&lines.start)?;
        let kind = match start {
            StartLine::Request(..) => Kind::Request,
            StartLine::Status(..) => Kind::Response,
        };
        let (headers, length) = headers::parse(&lines.fields, kind)?;
        let present = lines.body.len();
        let declared = length.unwrap_or(present);
        let body = lines.body.get(..declared).ok_or(ParseError::BodyCutShort { declared, present })?;
        let body = Bytes::copy_from_slice(body);
        match start {
            StartLine::Request(method, _) if method != headers.cseq.method => Err(ParseError::MethodMismatch),
            StartLine::Request(method, uri) => Ok(Self::Request(Request { method, uri, headers, body })),
            StartLine::Status(code, reason) => Ok(Self::Response(Response { code, reason, headers, body })),
        }
    }

    /// The header.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(r) => &r.headers,
            Self::Response(r) => &r.headers,
        }
    }

    /// The message as it goes on the wire.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(r) => r.to_bytes(),
            Self::Response(r) => r.to_bytes(),
        }
    }
}

/// The answer to a request that would not parse (RFC 3261 §8.2, §21.4.1): 400, or 505 for another
/// version, with the fields copied as text, and the Via that says where it goes. The To tag that it
/// needs (§8.2.6.2) is drawn from the bytes, so that the same request gets the same answer.
///
/// `None` where no answer is due: not a request, an ACK, or nothing to address it by.
pub fn refusal(bytes: &[u8], error: &ParseError) -> Option<(Via, Bytes)> {
    // Over datagrams a head may end with its datagram, and its sender still hears what is wrong.
    let mended = [bytes, b"\r\n\r\n"].concat();
    let lines = Lines::cut(if *error == ParseError::NoEndOfHead { &mended } else { bytes }).ok()?;
    let method = lines.start.split(' ').next()?;
    if method == "ACK" || Method::parse(method).is_none() {
        return None;
    }
    let named = |name: &'static str| lines.fields.iter().filter(move |(n, _)| canonical(n) == name);
    let top = &named("Via").next()?.1;
    let via = addressable(top)?;
    let code = if *error == ParseError::Version { 505 } else { 400 };
    let mut out = format!("SIP/2.0 {code} {}\r\n", one_line(&error.to_string()));
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let several = if name == "Via" { MAX_FIELDS } else { 1 };
        for (_, value) in named(name).take(several) {
            out.push_str(&format!("{name}: {value}"));
            if name == "To" && NameAddr::parse(value).is_ok_and(|to| to.tag().is_none()) {
                let hash = hex::encode(Sha256::digest(bytes));
                out.push_str(&format!(";tag={}", hash.get(..16).unwrap_or_default()));
            }
            out.push_str("\r\n");
        }
    }
    out.push_str("Content-Length: 0\r\n\r\n");
    Some((via, out.into()))
}

/// A Via good enough to address a refusal by, where it is the Via that is broken: another version is taken for
/// ours, and broken parameters are left out.
fn addressable(value: &str) -> Option<Via> {
    let first = value.split(',').next()?;
    let bare = first.split(';').next()?;
    let ours = bare.splitn(3, '/').nth(2).map(|rest| format!("SIP/2.0/{}", rest.trim_start()));
    Via::parse(first).or_else(|_| Via::parse(bare)).ok().or_else(|| Via::parse(&ours?).ok())
}

fn print(start: &str, headers: &Headers, body: &Bytes) -> Bytes {
    let mut out = String::with_capacity(512 + body.len());
    out.push_str(start);
    out.push_str("\r\n");
    headers.write(&mut out, body.len());
    let mut bytes = out.into_bytes();
    bytes.extend_from_slice(body);
    bytes.into()
}

impl Request {
    /// The message as it goes on the wire.
    pub fn to_bytes(&self) -> Bytes {
        print(&format!("{} {} SIP/2.0", self.method, self.uri), &self.headers, &self.body)
    }

    /// The top Via's branch, where it is one of RFC 3261.
    pub fn branch(&self) -> Option<&str> {
        self.headers.via.first()?.branch()
    }

    /// A response to this request (RFC 3261 §8.2.6): Via, From, To, Call-ID and CSeq copied, `to_tag`
    /// set where the request has none, Record-Route copied into what makes a dialog.
    pub fn respond(&self, code: u16, reason: &str, to_tag: Option<&str>) -> Response {
        let mut to = self.headers.to.clone();
        if let Some(tag) = to_tag.filter(|_| code > 100 && to.tag().is_none()) {
            to = to.with_tag(tag);
        }
        let dialog = self.method == Method::Invite && (101..300).contains(&code);
        let headers = Headers {
            via: self.headers.via.clone(),
            from: self.headers.from.clone(),
            to,
            call_id: self.headers.call_id.clone(),
            cseq: self.headers.cseq.clone(),
            max_forwards: None,
            contact: Vec::new(),
            route: Vec::new(),
            record_route: if dialog { self.headers.record_route.clone() } else { Vec::new() },
            other: headers::Fields::default(),
        };
        Response { code, reason: one_line(reason), headers, body: Bytes::new() }
    }
}

impl Response {
    /// The message as it goes on the wire.
    pub fn to_bytes(&self) -> Bytes {
        print(&format!("SIP/2.0 {} {}", self.code, self.reason), &self.headers, &self.body)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} cseq={}", self.method, self.uri, self.headers.cseq.number)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cseq = &self.headers.cseq;
        write!(f, "{} to cseq={} {}", self.code, cseq.number, cseq.method)
    }
}
