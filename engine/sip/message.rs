//! Requests and responses on the wire (RFC 3261 §7): parse and print.
//!
//! Datagrams only: a message without Content-Length ends with its datagram (§18.3), and what follows
//! the body is left alone. Deliberately absent: framing for streams.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::{
    error::ParseError,
    headers::{self, Headers, Kind, Line, MAX_FIELDS, canonical},
    lex::{TOKEN, Text, cut, find, one_line, put_number},
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
    pub reason: Text,
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
    Status(u16, Text),
}

/// A message cut in two, nothing understood yet.
struct Halves<'a> {
    /// All lines before the empty one.
    head: Cow<'a, str>,
    body: &'a [u8],
}

impl<'a> Halves<'a> {
    /// Text is UTF-8 (§7), yet some write names and phrases in GBK: what is no UTF-8 is replaced, so that
    /// the rest of the message is not lost with it. A carriage return that ends no line becomes a space: others
    /// may take it for a line's end.
    fn cut(bytes: &'a [u8]) -> Result<Self, ParseError> {
        if bytes.len() > MAX_BYTES {
            return Err(ParseError::TooLarge(bytes.len()));
        }
        // Empty lines before the start line are ignored (§7.5); alone they are a keep-alive.
        let lead = bytes.iter().take_while(|c| matches!(c, b'\r' | b'\n')).count();
        let rest = bytes.get(lead..).unwrap_or_default();
        if rest.iter().all(|c| matches!(c, 0 | b'\r' | b'\n')) {
            return Err(ParseError::KeepAlive);
        }
        let (mut lines, mut returns, mut end) = (0, false, 0);
        let body = loop {
            let left = &rest[end..];
            let line = &left[..find(b'\n', left).ok_or(ParseError::NoEndOfHead)?];
            match find(b'\r', line) {
                // It would make of what follows another line, or none.
                Some(0) if line.len() > 1 => return Err(ParseError::FieldLine),
                Some(at) => returns |= at + 1 < line.len(),
                None => {}
            }
            end += line.len() + 1;
            lines += 1;
            // Folded lines may outnumber fields; four to one is beyond any real message.
            if lines > 4 * MAX_FIELDS {
                return Err(ParseError::TooManyFields);
            }
            match &rest[end..] {
                [b'\n', body @ ..] | [b'\r', b'\n', body @ ..] => break body,
                _ => {}
            }
        };
        let head = &rest[..end - 1];
        let mut head = str::from_utf8(head).map_or_else(|_| String::from_utf8_lossy(head), Cow::Borrowed);
        if returns {
            head = head.replace("\r\n", "\n").replace('\r', " ").into();
        }
        Ok(Self { head, body })
    }

    /// The start line, and the fields by name and value.
    fn lines(&self) -> Result<(&str, Vec<Line<'_>>), ParseError> {
        let (start, mut rest) = cut(&self.head, b'\n');
        let mut fields: Vec<Line<'_>> = Vec::with_capacity(16);
        while let Some(lines) = rest {
            let (line, after) = cut(lines, b'\n');
            rest = after;
            if line.starts_with([' ', '\t']) {
                let (_, value) = fields.last_mut().ok_or(ParseError::FieldLine)?;
                let value = value.to_mut();
                value.truncate(value.trim_ascii_end().len());
                value.push(' ');
                value.push_str(line.trim_ascii());
                continue;
            }
            let (name, rest) = line.split_at(TOKEN.span(line));
            let value = rest.trim_ascii_start().strip_prefix(':').filter(|_| !name.is_empty());
            let value = value.ok_or(ParseError::FieldLine)?;
            if fields.len() >= MAX_FIELDS {
                return Err(ParseError::TooManyFields);
            }
            fields.push((name, value.trim_ascii().into()));
        }
        for (_, value) in &mut fields {
            if let Cow::Owned(value) = value {
                *value = value.trim_ascii().to_owned();
            }
        }
        Ok((start.strip_suffix('\r').unwrap_or(start), fields))
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
        return Ok(StartLine::Status(code, reason.into()));
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
        let halves = Halves::cut(bytes)?;
        let (start, fields) = halves.lines()?;
        let start = parse_start(start)?;
        let kind = match start {
            StartLine::Request(..) => Kind::Request,
            StartLine::Status(..) => Kind::Response,
        };
        let (headers, length) = headers::parse(&fields, kind)?;
        let present = halves.body.len();
        let declared = length.unwrap_or(present);
        let body = halves.body.get(..declared).ok_or(ParseError::BodyCutShort { declared, present })?;
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
    let halves = Halves::cut(if *error == ParseError::NoEndOfHead { &mended } else { bytes }).ok()?;
    let (start, fields) = halves.lines().ok()?;
    let method = start.split(' ').next()?;
    if method == "ACK" || Method::parse(method).is_none() {
        return None;
    }
    let named = |name: &'static str| fields.iter().filter(move |(n, _)| canonical(n) == name);
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

/// A message of which `start` writes the first line.
fn print(start: impl FnOnce(&mut String) -> fmt::Result, headers: &Headers, body: &Bytes) -> Bytes {
    let mut out = String::with_capacity(1024 + body.len());
    // To write to a text cannot fail.
    let _ = start(&mut out).and_then(|()| headers.put(&mut out, body.len()));
    let mut bytes = out.into_bytes();
    bytes.extend_from_slice(body);
    bytes.into()
}

impl Request {
    /// The message as it goes on the wire.
    pub fn to_bytes(&self) -> Bytes {
        let start = |out: &mut String| {
            out.push_str(self.method.as_str());
            out.push(' ');
            self.uri.put(out)?;
            out.push_str(" SIP/2.0\r\n");
            Ok(())
        };
        print(start, &self.headers, &self.body)
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
        Response { code, reason: one_line(reason).into(), headers, body: Bytes::new() }
    }
}

impl Response {
    /// The message as it goes on the wire.
    pub fn to_bytes(&self) -> Bytes {
        let start = |out: &mut String| {
            out.push_str("SIP/2.0 ");
            put_number(self.code.into(), out)?;
            out.push(' ');
            out.push_str(&self.reason);
            out.push_str("\r\n");
            Ok(())
        };
        print(start, &self.headers, &self.body)
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
