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
    lex::is_token_char,
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
    Name(String),
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
            let end = text.find(':').unwrap_or(text.len());
            (Self::parse_name(text[..end].trim_end())?, &text[end..])
        };
        let rest = rest.trim();
        if rest.is_empty() {
            return Ok((host, None));
        }
        let digits = rest.strip_prefix(':').ok_or(InvalidUri::Host)?.trim_start();
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
        let name = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
        if text.is_empty() || text.len() > 255 || !text.bytes().all(name) {
            return Err(InvalidUri::Host);
        }
        Ok(Self::Name(text.to_owned()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(n) => f.write_str(n),
            Self::Address(IpAddr::V6(a)) => write!(f, "[{a}]"),
            Self::Address(IpAddr::V4(a)) => write!(f, "{a}"),
        }
    }
}

/// Parameters after `;`, in order, values as written (quotes included).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Params(Vec<(String, Option<String>)>);

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
    pub fn set(&mut self, name: &str, value: Option<String>) {
        match self.0.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some(slot) => slot.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    pub(crate) fn push(&mut self, name: &str, value: Option<&str>) -> bool {
        self.0.push((name.to_owned(), value.map(str::to_owned)));
        self.0.len() <= Self::MAX
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(v) => write!(f, ";{name}={v}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

/// A `sip:` or `sips:` URI.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SipUri {
    /// Whether the scheme is `sips`.
    pub secure: bool,
    /// What stands before the `@` (user, and `:password` where there is one), escapes as written.
    pub userinfo: Option<String>,
    /// The host.
    pub host: Host,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// Parameters after the host.
    pub params: Params,
    /// What stands after `?`, as written.
    pub headers: Option<String>,
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
        let (userinfo, rest) = match rest.split_once('@') {
            Some((user, rest)) => (Some(check_userinfo(user)?.to_owned()), rest),
            None => (None, rest),
        };
        let (rest, headers) = match rest.split_once('?') {
            Some((rest, headers)) => {
                (rest, Some(check(headers, b"[]/?:+$&=", InvalidUri::Headers)?.to_owned()))
            }
            None => (rest, None),
        };
        let (hostport, list) = match rest.split_once(';') {
            Some((hostport, list)) => (hostport, Some(list)),
            None => (rest, None),
        };
        if hostport.contains(char::is_whitespace) {
            return Err(InvalidUri::Host);
        }
        let (host, port) = Host::parse_with_port(hostport)?;
        let mut params = Params::default();
        for item in list.into_iter().flat_map(|l| l.split(';')) {
            let (name, value) = item.split_once('=').map_or((item, None), |(n, v)| (n, Some(v)));
            check(name, b"[]/:&+$", InvalidUri::Parameter)?;
            check(value.unwrap_or("x"), b"[]/:&+$", InvalidUri::Parameter)?;
            if !params.push(name, value) {
                return Err(InvalidUri::Parameter);
            }
        }
        Ok(Self { secure, userinfo, host, port, params, headers })
    }
}

/// Unreserved characters and escapes, and `extra`; never empty.
fn check<'a>(text: &'a str, extra: &[u8], fault: InvalidUri) -> Result<&'a str, InvalidUri> {
    let bytes = text.as_bytes();
    let mut i = 0;
    while let Some(&c) = bytes.get(i) {
        let hex = |n: usize| bytes.get(i + n).is_some_and(u8::is_ascii_hexdigit);
        let escape = c == b'%' && hex(1) && hex(2);
        if !escape && !c.is_ascii_alphanumeric() && !b"-_.!~*'()".contains(&c) && !extra.contains(&c) {
            return Err(fault);
        }
        i += 1;
    }
    if bytes.is_empty() { Err(fault) } else { Ok(text) }
}

fn check_userinfo(text: &str) -> Result<&str, InvalidUri> {
    let (user, password) = text.split_once(':').map_or((text, ""), |(u, p)| (u, p));
    // A bare # must be escaped by the grammar, yet gateways write it in a dialled number.
    check(user, b"&=+$,;?/#", InvalidUri::UserInfo)?;
    if !password.is_empty() {
        check(password, b"&=+$,", InvalidUri::UserInfo)?;
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
        scheme: String,
        /// What follows the colon.
        rest: String,
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
            userinfo: (!escaped.is_empty()).then_some(escaped),
            host: Host::Address(address.ip()),
            port: Some(address.port()),
            params: Params::default(),
            headers: None,
        })
    }

    /// The same with a parameter set; without a change where the scheme is another than SIP's.
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        if let Self::Sip(uri) = &mut self {
            uri.params.set(name, Some(value.to_owned()));
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
        let (scheme, rest) = text.split_once(':').ok_or(InvalidUri::Scheme)?;
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"+-.".contains(&c);
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(allowed) {
            return Err(InvalidUri::Scheme);
        }
        if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips") {
            return SipUri::parse(scheme.len() == 4, rest).map(Self::Sip);
        }
        let opaque = |c: u8| is_token_char(c) || b"/?:@&=$,;()[]#".contains(&c);
        if rest.is_empty() || !rest.bytes().all(opaque) {
            return Err(InvalidUri::Opaque);
        }
        Ok(Self::Other { scheme: scheme.to_owned(), rest: rest.to_owned() })
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = &self.userinfo {
            write!(f, "{user}@")?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        self.headers.as_ref().map_or(Ok(()), |h| write!(f, "?{h}"))
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(uri) => uri.fmt(f),
            Self::Other { scheme, rest } => write!(f, "{scheme}:{rest}"),
        }
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
