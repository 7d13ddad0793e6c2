//! SIP and SIPS URIs (RFC 3261 §19.1), and any other scheme as opaque text.
//!
//! Escapes are kept as written, so that a URI is echoed byte for byte. Deliberately absent: URI
//! equivalence (§19.1.4), which this agent never needs, and name resolution.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use crate::{
    lex::{SPACES, Set, TOKENS, Text, cut, find, put_number},
    transport::{Hop, Transport},
};

/// Why a text is not a URI. It never repeats the text: that may be somebody's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUri {
    /// No `scheme:` in front, or a scheme with a character that RFC 3986 does not allow.
    #[error("no valid scheme: write it as sip:name@host")]
    Scheme,
    /// Nothing after the scheme, or white space, brackets, quotes or controls within.
    #[error("white space, brackets or quotes within the URI")]
    Opaque,
    /// The part before `@`.
    #[error("a character before the @ that must be escaped, or a broken %-escape")]
    UserInfo,
    /// The host.
    #[error("the host is neither a name nor an address")]
    Host,
    /// The port.
    #[error("the port is not a number from 0 to 65535")]
    Port,
    /// The parameters after `;`.
    #[error("a parameter that is empty or has a character that must be escaped")]
    Parameter,
    /// The headers after `?`.
    #[error("a header after the ? that is broken or not allowed here")]
    Headers,
}

/// A host as RFC 3261 §25.1 writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A domain name, as written.
    Name(Text),
    /// An address literal.
    Address(IpAddr),
}

impl Host {
    /// The address, where the host is a literal.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(a) => Some(*a),
            Self::Name(_) => None,
        }
    }

    /// Whether both are the same host: names in capitals or not, with the root's dot or without.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Address(one), Self::Address(other)) => one == other,
            (Self::Name(one), Self::Name(other)) => {
                one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
            }
            _ => false,
        }
    }

    /// Reads `host [":" port]`, white space around the colon allowed (Via allows it).
    pub(crate) fn parse_with_port(text: &str) -> Result<(Self, Option<u16>), InvalidUri> {
        let (host, rest) = if let Some(inner) = text.strip_prefix('[') {
            let (v6, rest) = inner.split_once(']').ok_or(InvalidUri::Host)?;
            let v6: Ipv6Addr = v6.parse().map_err(|_| InvalidUri::Host)?;
            (Self::Address(IpAddr::V6(v6)), rest)
        } else {
            let end = find(b':', text.as_bytes()).unwrap_or(text.len());
            (Self::parse_name(text[..end].trim_ascii_end())?, &text[end..])
        };
        let rest = rest.trim_ascii();
        if rest.is_empty() {
            return Ok((host, None));
        }
        let digits = rest.strip_prefix(':').ok_or(InvalidUri::Host)?.trim_ascii_start();
        if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return Err(InvalidUri::Port);
        }
        Ok((host, Some(digits.parse().map_err(|_| InvalidUri::Port)?)))
    }

    fn parse_name(text: &str) -> Result<Self, InvalidUri> {
        if let Ok(v4) = text.parse() {
            return Ok(Self::Address(IpAddr::V4(v4)));
        }
        // An underscore is not in the grammar, yet stands in real host names.
        static NAME: Set = Set::alphanumeric_and(b"-._");
        if text.is_empty() || text.len() > 255 || !NAME.holds(text) {
            return Err(InvalidUri::Host);
        }
        Ok(Self::Name(text.into()))
    }
}

impl Host {
    fn put(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Name(n) => out.write_str(n),
            Self::Address(IpAddr::V6(a)) => write!(out, "[{a}]"),
            Self::Address(IpAddr::V4(a)) => {
                let [first, others @ ..] = a.octets();
                put_number(first.into(), out)?;
                others.into_iter().try_for_each(|n| {
                    out.write_char('.')?;
                    put_number(n.into(), out)
                })
            }
        }
    }
}

/// Writes `host [":" port]`.
pub(crate) fn put_host_and_port(host: &Host, port: Option<u16>, out: &mut impl fmt::Write) -> fmt::Result {
    host.put(out)?;
    let Some(port) = port else { return Ok(()) };
    out.write_char(':')?;
    put_number(port.into(), out)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(f)
    }
}

/// Parameters after `;`, in order, values as written (quotes included).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Params(Vec<(Text, Option<Text>)>);

impl Params {
    /// The most parameters of one value. The longest in RFC 4475 has under ten; more is an attack.
    pub const MAX: usize = 64;

    /// The value of `name`: `None` where it is absent, `Some(None)` where it has no value.
    pub fn find(&self, name: &str) -> Option<Option<&str>> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_deref())
    }

    /// The value of `name`, where it is there and has one.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.find(name).flatten()
    }

    /// Sets `name`, replacing what stands there.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(Text::new);
        match self.0.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some(slot) => slot.1 = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    pub(crate) fn push(&mut self, name: &str, value: Option<&str>) -> bool {
        self.0.push((name.into(), value.map(Text::new)));
        self.0.len() <= Self::MAX
    }
}

impl Params {
    pub(crate) fn put(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for (name, value) in &self.0 {
            out.write_char(';')?;
            out.write_str(name)?;
            if let Some(value) = value {
                out.write_char('=')?;
                out.write_str(value)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(f)
    }
}

/// A `sip:` or `sips:` URI.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SipUri {
    /// Whether the scheme is `sips`.
    pub secure: bool,
    /// What stands before the `@` (user, and `:password` where there is one), escapes as written.
    pub userinfo: Option<Text>,
    /// The host.
    pub host: Host,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// Parameters after the host.
    pub params: Params,
    /// What stands after `?`, as written.
    pub headers: Option<Text>,
}

impl SipUri {
    /// The user without its password, with escapes resolved; `None` where there is none.
    pub fn user(&self) -> Option<String> {
        let raw = self.userinfo.as_deref()?;
        Some(unescape(raw.split_once(':').map_or(raw, |(user, _)| user)))
    }

    /// The socket address, where the host is a literal; port 5060 where none is written.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.host.address()?, self.port.unwrap_or(5060)))
    }

    /// The transport that it asks for; none where it leaves that open. `sips` with `transport=tcp` is TLS.
    pub fn transport(&self) -> Option<Transport> {
        let named = self.params.value("transport").and_then(Transport::from_name);
        match named {
            Some(Transport::Tcp) | None if self.secure => Some(Transport::Tls),
            Some(Transport::Ws) if self.secure => Some(Transport::Wss),
            named => named,
        }
    }

    /// The machine that it names by its address: by UDP where it asks for nothing else, at that transport's
    /// port where it names none.
    pub fn hop(&self) -> Option<Hop> {
        let transport = self.transport().unwrap_or_default();
        let port = self.port.unwrap_or(transport.usual_port());
        Some(Hop::new(transport, SocketAddr::new(self.host.address()?, port)))
    }

    fn parse(secure: bool, rest: &str) -> Result<Self, InvalidUri> {
        let plain = USER.span(rest);
        let (userinfo, rest) = match (&rest[..plain], rest[plain..].strip_prefix('@')) {
            (user, Some(rest)) if !user.is_empty() => (Some(user.into()), rest),
            _ => match cut(rest, b'@') {
                (user, Some(rest)) => (Some(check_userinfo(user)?.into()), rest),
                (rest, None) => (None, rest),
            },
        };
        let (rest, headers) = match cut(rest, b'?') {
            (rest, Some(headers)) => (rest, Some(check(headers, &HEADERS, InvalidUri::Headers)?.into())),
            (rest, None) => (rest, None),
        };
        let (hostport, list) = cut(rest, b';');
        let (host, port) = Host::parse_with_port(hostport)?;
        if port.is_some() && SPACES.meets(hostport) {
            return Err(InvalidUri::Host);
        }
        let mut params = Params::default();
        let mut left = list;
        while let Some(list) = left {
            let (item, rest) = cut(list, b';');
            let (name, value) = cut(item, b'=');
            check(name, &PARAMETER, InvalidUri::Parameter)?;
            check(value.unwrap_or("x"), &PARAMETER, InvalidUri::Parameter)?;
            if !params.push(name, value) {
                return Err(InvalidUri::Parameter);
            }
            left = rest;
        }
        Ok(Self { secure, userinfo, host, port, params, headers })
    }
}

/// What stands unescaped in each part (RFC 3261 §25.1).
const UNRESERVED: &[u8] = b"-_.!~*'()";
static PARAMETER: Set = Set::alphanumeric_and(UNRESERVED).and(b"[]/:&+$");
static HEADERS: Set = Set::alphanumeric_and(UNRESERVED).and(b"[]/?:+$&=");
/// A bare # must be escaped by the grammar, yet gateways write it in a dialled number.
static USER: Set = Set::alphanumeric_and(UNRESERVED).and(b"&=+$,;?/#");
static PASSWORD: Set = Set::alphanumeric_and(UNRESERVED).and(b"&=+$,");
/// What stands in the rest of a URI of another scheme.
static OPAQUE: Set = TOKENS.and(b"/?:@&=$,;()[]#");

/// Characters of the set, and escapes; never empty.
fn check<'a>(text: &'a str, plain: &Set, fault: InvalidUri) -> Result<&'a str, InvalidUri> {
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => break,
            [c, rest @ ..] if plain.has(*c) => rest,
            [b'%', one, two, rest @ ..] if one.is_ascii_hexdigit() && two.is_ascii_hexdigit() => rest,
            _ => return Err(fault),
        };
    }
    if text.is_empty() { Err(fault) } else { Ok(text) }
}

fn check_userinfo(text: &str) -> Result<&str, InvalidUri> {
    let (user, password) = cut(text, b':');
    check(user, &USER, InvalidUri::UserInfo)?;
    if let Some(password) = password.filter(|p| !p.is_empty()) {
        check(password, &PASSWORD, InvalidUri::UserInfo)?;
    }
    Ok(text)
}

/// `text` as the value of a header within a URI: all that is not plainly allowed as `%HH`.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// Resolves `%HH`; what does not come out as UTF-8 is replaced.
pub(crate) fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&c) = bytes.get(i) {
        let pair = bytes.get(i + 1..i + 3).and_then(|p| std::str::from_utf8(p).ok());
        match pair.filter(|_| c == b'%').and_then(|p| u8::from_str_radix(p, 16).ok()) {
            Some(b) => {
                out.push(b);
                i += 3;
            }
            None => {
                out.push(c);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A URI. `Debug` hides the user: it is as a rule somebody's number.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// Any other scheme, what follows the colon as written (`tel:`, `urn:`, …).
    Other {
        /// The scheme, as written.
        scheme: Text,
        /// What follows the colon.
        rest: Text,
    },
}

impl Uri {
    /// `sip:user@address`; `user` is escaped as needed, and left out where empty.
    pub fn sip(user: &str, address: SocketAddr) -> Self {
        let mut escaped = String::new();
        for b in user.bytes() {
            if b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&b) {
                escaped.push(char::from(b));
            } else {
                escaped.push_str(&format!("%{b:02X}"));
            }
        }
        Self::Sip(SipUri {
            secure: false,
            userinfo: (!escaped.is_empty()).then_some(escaped.into()),
            host: Host::Address(address.ip()),
            port: Some(address.port()),
            params: Params::default(),
            headers: None,
        })
    }

    /// The same with a parameter set; without a change where the scheme is another than SIP's.
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        if let Self::Sip(uri) = &mut self {
            uri.params.set(name, Some(value));
        }
        self
    }

    /// The SIP form, where the scheme is `sip` or `sips`.
    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Other { .. } => None,
        }
    }

    /// Its part that may stand in a Request-URI: no headers, no `method` (RFC 3261 §19.1.1, table 1).
    pub(crate) fn for_request_line(mut self) -> Self {
        if let Self::Sip(uri) = &mut self {
            uri.headers = None;
            uri.params.remove("method");
        }
        self
    }

    /// Whether it says `;lr` (RFC 3261 §16.12: the hop routes loosely).
    pub fn is_loose_router(&self) -> bool {
        self.as_sip().is_some_and(|u| u.params.find("lr").is_some())
    }
}

impl FromStr for Uri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        let (scheme, Some(rest)) = cut(text, b':') else { return Err(InvalidUri::Scheme) };
        static SCHEME: Set = Set::alphanumeric_and(b"+-.");
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !SCHEME.holds(scheme) {
            return Err(InvalidUri::Scheme);
        }
        if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips") {
            return SipUri::parse(scheme.len() == 4, rest).map(Self::Sip);
        }
        if rest.is_empty() || !OPAQUE.holds(rest) {
            return Err(InvalidUri::Opaque);
        }
        Ok(Self::Other { scheme: scheme.into(), rest: rest.into() })
    }
}

impl Uri {
    pub(crate) fn put(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Sip(uri) => uri.put(out),
            Self::Other { scheme, rest } => {
                out.write_str(scheme)?;
                out.write_char(':')?;
                out.write_str(rest)
            }
        }
    }
}

impl SipUri {
    fn put(&self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str(if self.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = &self.userinfo {
            out.write_str(user)?;
            out.write_char('@')?;
        }
        put_host_and_port(&self.host, self.port, out)?;
        self.params.put(out)?;
        let Some(headers) = &self.headers else { return Ok(()) };
        out.write_char('?')?;
        out.write_str(headers)
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(f)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(f)
    }
}

impl fmt::Debug for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.userinfo.is_some() { "…@" } else { "" };
        write!(f, "sip:{user}{}:{}", self.host, self.port.unwrap_or(5060))
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(uri) => uri.fmt(f),
            Self::Other { scheme, .. } => write!(f, "{scheme}:…"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_printed_as_it_was_written() {
        for text in [
            "sip:alice@atlanta.example",
            "sips:+8613800000000:pw@[2001:db8::1]:5061;transport=tcp;lr?Subject=a&x=y",
            "sip:user;par=u%40example.net@example.com",
            "tel:+1-201-555-0123",
            "sip:99#138@192.0.2.1",
        ] {
            assert_eq!(text.parse::<Uri>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn broken_uris_are_refused_with_their_reason() {
        for (text, fault) in [
            ("alice@atlanta", InvalidUri::Scheme),
            ("sip:a b@host", InvalidUri::UserInfo),
            ("sip:%zz@host", InvalidUri::UserInfo),
            ("sip:a@", InvalidUri::Host),
            ("sip:a@b@c", InvalidUri::Host),
            ("sip:a@host:99999", InvalidUri::Port),
            ("sip:a@host;", InvalidUri::Parameter),
            ("sip:a@host?", InvalidUri::Headers),
            ("tel:", InvalidUri::Opaque),
        ] {
            assert_eq!(text.parse::<Uri>(), Err(fault), "{text}");
        }
    }

    #[test]
    fn debug_never_shows_the_number() {
        let uri: Uri = "sip:13800001234@192.0.2.1".parse().unwrap();
        assert!(!format!("{uri:?}").contains("1380"));
        assert!(!format!("{:?}", "tel:13800001234".parse::<Uri>().unwrap()).contains("1380"));
    }

    #[test]
    fn a_made_uri_escapes_what_would_break_it() {
        let uri = Uri::sip("a@b c", "192.0.2.1:5070".parse().unwrap());
        assert_eq!(uri.to_string(), "sip:a%40b%20c@192.0.2.1:5070");
        assert_eq!(uri.as_sip().unwrap().user().as_deref(), Some("a@b c"));
    }
}
