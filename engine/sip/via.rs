//! Via (RFC 3261 §20.42) with `received` and `rport` (RFC 3581).

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use crate::{
    error::FieldFault,
    lex::{TOKEN, Text, cut},
    name_addr::parse_params,
    transport::{Hop, Transport},
    uri::{Host, Params, put_host_and_port},
};

/// Every branch of an RFC 3261 element begins so (§8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One Via value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// `UDP`, `TCP`, …, as written.
    pub transport: Text,
    /// Where the sender says it sits.
    pub host: Host,
    /// Its port, where written.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and others.
    pub params: Params,
}

impl Via {
    /// A Via for a request of ours; it asks for `rport` (RFC 3581), and over a stream that the connection be
    /// used for requests the other way too (RFC 5923).
    pub fn ours(transport: Transport, local: SocketAddr, branch: &str) -> Self {
        let mut params = Params::default();
        params.set("branch", Some(branch));
        params.set("rport", None);
        if matches!(transport, Transport::Tcp | Transport::Tls) {
            params.set("alias", None);
        }
        Self {
            transport: transport.name().into(),
            host: Host::Address(local.ip()),
            port: Some(local.port()),
            params,
        }
    }

    /// The branch of an RFC 3261 element; `None` where it is absent or only the cookie (RFC 4475 §3.2.1).
    pub fn branch(&self) -> Option<&str> {
        let branch = self.params.value("branch")?;
        let cookie = branch.get(..MAGIC_COOKIE.len())?.eq_ignore_ascii_case(MAGIC_COOKIE);
        (cookie && branch.len() > MAGIC_COOKIE.len()).then_some(branch)
    }

    /// What carries it; UDP where the name is none that we know.
    pub fn transport_kind(&self) -> Transport {
        Transport::from_name(&self.transport).unwrap_or_default()
    }

    /// Notes where the request came from (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn note_source(&mut self, from: SocketAddr) {
        let asks_rport = self.params.find("rport").is_some();
        if asks_rport {
            self.params.set("rport", Some(&from.port().to_string()));
        }
        if asks_rport || self.host.address() != Some(from.ip()) {
            self.params.set("received", Some(&from.ip().to_string()));
        }
    }

    /// Where the response goes (RFC 3261 §18.2.2, RFC 3581 §4): over a stream back through the connection,
    /// over UDP back to the source port where `rport` was asked for, else to the sent-by port at the source
    /// address. `maddr` is not followed: it would let a stranger aim our responses.
    pub fn response_address(&self, from: Hop) -> Hop {
        if from.transport.is_reliable() {
            return from;
        }
        let from = from.address;
        let port = match self.params.find("rport") {
            Some(_) => from.port(),
            None => self.port.unwrap_or(5060),
        };
        SocketAddr::new(from.ip(), port).into()
    }

    /// Reads one value, white space around the slashes, the colon and the semicolons allowed.
    ///
    /// # Errors
    /// With the reason.
    pub fn parse(text: &str) -> Result<Self, FieldFault> {
        let (sent, params) = cut(text, b';');
        let (name, rest) = cut(sent, b'/');
        let (version, rest) = cut(rest.unwrap_or_default(), b'/');
        if !name.trim_ascii().eq_ignore_ascii_case("SIP") || version.trim_ascii() != "2.0" {
            return Err(FieldFault::Syntax);
        }
        let rest = rest.unwrap_or_default().trim_ascii();
        let (transport, sent_by) = rest.split_at(TOKEN.span(rest));
        if transport.is_empty() || !sent_by.starts_with([' ', '\t']) {
            return Err(FieldFault::Syntax);
        }
        let (host, port) = Host::parse_with_port(sent_by.trim_ascii())?;
        let params = params.map_or_else(|| Ok(Params::default()), parse_params)?;
        if params.value("received").is_some_and(|r| bare(r).parse::<IpAddr>().is_err()) {
            return Err(FieldFault::Parameter);
        }
        Ok(Self { transport: transport.into(), host, port, params })
    }
}

/// An address without the brackets that some elements write around IPv6 in `received`.
fn bare(text: &str) -> &str {
    text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text)
}

impl Via {
    pub(crate) fn put(&self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str("SIP/2.0/")?;
        out.write_str(&self.transport)?;
        out.write_char(' ')?;
        put_host_and_port(&self.host, self.port, out)?;
        self.params.put(out)
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(text: &str) -> Via {
        Via::parse(text).unwrap()
    }

    #[test]
    fn a_via_is_read_with_white_space_anywhere() {
        let v = via("SIP  / 2.0  / TCP     spindle.example.com : 5061  ;\t branch  =   z9hG4bK9ikj8");
        assert_eq!(v.to_string(), "SIP/2.0/TCP spindle.example.com:5061;branch=z9hG4bK9ikj8");
    }

    #[test]
    fn responses_go_back_through_the_hole_the_request_made() {
        let from: SocketAddr = "198.51.100.7:40000".parse().unwrap();
        let mut asked = via("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKa;rport");
        asked.note_source(from);
        assert_eq!(asked.params.value("rport"), Some("40000"));
        assert_eq!(asked.params.value("received"), Some("198.51.100.7"));
        assert_eq!(asked.response_address(from.into()), from.into());
        let stream = Hop::new(Transport::Tcp, from);
        assert_eq!(asked.response_address(stream), stream);
        let plain = via("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa");
        let sent_by: SocketAddr = "198.51.100.7:5060".parse().unwrap();
        assert_eq!(plain.response_address(from.into()), sent_by.into());
    }

    #[test]
    fn a_bare_cookie_is_no_branch() {
        assert_eq!(via("SIP/2.0/UDP h;branch=z9hG4bK").branch(), None);
        assert_eq!(via("SIP/2.0/UDP h;branch=1").branch(), None);
        assert_eq!(via("SIP/2.0/UDP h;branch=z9hG4bK1").branch(), Some("z9hG4bK1"));
    }
}
