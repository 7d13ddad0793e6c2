//! The values of single lines.

use std::net::IpAddr;

use waihu_types::Direction;

use super::{
    Candidate, Crypto, Dtls, Fingerprint, Ice, MAX_FORMATS, MAX_LINES, Media, Origin, RtcpPlace, RtpMap,
    SessionDescription, Setup, Source,
};

/// Only the address must be there: nobody acts on the rest, and some write names with spaces in them,
/// identifiers that are negative or beyond 64 bits, or none at all.
pub(super) fn origin(value: &str) -> Option<Origin> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let [before @ .., "IN", "IP4" | "IP6", address] = &words[..] else { return None };
    let number = |t: &str| match t.bytes().all(|c| c.is_ascii_digit()) {
        true => t.parse().unwrap_or(u64::MAX),
        false => 0,
    };
    let (name, session_id, version) = match before {
        [name @ .., id, version] if !name.is_empty() => (name, number(id), number(version)),
        name => (name, 0, 0),
    };
    let username = if name.is_empty() { "-".to_owned() } else { name.join(" ") };
    Some(Origin { username, session_id, version, address: (*address).to_owned() })
}

/// An address, or `None` for a host name: this agent asks no name server in the middle of a call.
pub(super) fn connection(value: &str) -> Result<Option<IpAddr>, &'static str> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let ["IN", "IP4" | "IP6", address] = words[..] else { return Err("the connection") };
    let address = address.split('/').next().unwrap_or(address);
    Ok(address.parse().ok())
}

pub(super) fn media(value: &str) -> Option<Media> {
    let mut words = value.split_whitespace();
    let (kind, port, protocol) = (words.next()?, words.next()?, words.next()?);
    Some(Media {
        kind: kind.to_owned(),
        port: port.split('/').next()?.parse().ok()?,
        protocol: protocol.to_owned(),
        formats: words.map(str::to_owned).collect(),
        ..Media::default()
    })
}

/// An attribute's name and value.
fn split(attribute: &str) -> (&str, &str) {
    attribute.split_once(':').map_or((attribute, ""), |(name, rest)| (name, rest.trim()))
}

impl SessionDescription {
    pub(super) fn attribute(&mut self, attribute: &str) {
        let (name, rest) = split(attribute);
        match name {
            "group" => push(&mut self.groups, Some(rest.to_owned())),
            "ice-lite" => self.ice_lite = true,
            _ if self.dtls.attribute(name, rest) || self.ice.attribute(name, rest) => {}
            _ => self.direction = Direction::from_name(name).or(self.direction),
        }
    }
}

impl Media {
    pub(super) fn attribute(&mut self, attribute: &str) {
        let (name, rest) = split(attribute);
        match name {
            "rtpmap" if self.rtpmaps.len() < MAX_FORMATS => self.rtpmaps.extend(rtpmap(rest)),
            "fmtp" if self.fmtps.len() < MAX_FORMATS => self.fmtps.extend(fmtp(rest)),
            "ptime" => self.ptime_ms = milliseconds(rest).or(self.ptime_ms),
            "maxptime" => self.max_ptime_ms = milliseconds(rest).or(self.max_ptime_ms),
            "rtcp" => self.rtcp = rtcp(rest).or(self.rtcp),
            "rtcp-mux" => self.rtcp_mux = true,
            "mid" => self.mid = Some(rest.to_owned()).filter(|m| !m.is_empty()),
            "msid" => self.msid = Some(rest.to_owned()).filter(|m| !m.is_empty()),
            "crypto" => push(&mut self.crypto, Some(Crypto::parse(rest))),
            "ssrc" => self.source(rest),
            _ if self.dtls.attribute(name, rest) || self.ice.attribute(name, rest) => {}
            _ => self.direction = Direction::from_name(name).or(self.direction),
        }
    }

    /// A source may have several lines, each with one attribute (RFC 5576 §4.1).
    fn source(&mut self, rest: &str) {
        let (ssrc, attribute) = rest.split_once(' ').unwrap_or((rest, ""));
        let Ok(ssrc) = ssrc.parse() else { return };
        let cname = attribute.trim().strip_prefix("cname:").map(str::to_owned).filter(|c| !c.is_empty());
        match self.sources.iter_mut().find(|s| s.ssrc == ssrc) {
            Some(known) => known.cname = cname.or(known.cname.take()),
            None => push(&mut self.sources, Some(Source { ssrc, cname })),
        }
    }
}

impl Dtls {
    /// Whether the attribute was one of these.
    fn attribute(&mut self, name: &str, rest: &str) -> bool {
        match name {
            "fingerprint" => push(&mut self.fingerprints, Fingerprint::parse(rest)),
            "setup" => self.setup = Setup::parse(rest).or(self.setup),
            _ => return false,
        }
        true
    }
}

impl Ice {
    /// Whether the attribute was one of these.
    fn attribute(&mut self, name: &str, rest: &str) -> bool {
        let text = || Some(rest.to_owned()).filter(|t| !t.is_empty());
        match name {
            "ice-ufrag" => self.ufrag = text(),
            "ice-pwd" => self.pwd = text(),
            "candidate" => push(&mut self.candidates, Candidate::parse(rest)),
            "end-of-candidates" => self.are_all = true,
            _ => return false,
        }
        true
    }
}

fn push<T>(lines: &mut Vec<T>, line: Option<T>) {
    if lines.len() < MAX_LINES {
        lines.extend(line);
    }
}

/// Some write 20.0 (RFC 4566 did not forbid it); the whole part is what counts.
fn milliseconds(rest: &str) -> Option<u32> {
    rest.split('.').next()?.parse().ok()
}

/// Payload type and parameters. Formats of other protocols are not numbers; nothing of ours reads them.
fn fmtp(rest: &str) -> Option<(u8, String)> {
    let (kind, params) = rest.split_once(' ')?;
    Some((kind.parse().ok()?, params.to_owned()))
}

fn rtpmap(rest: &str) -> Option<RtpMap> {
    let (kind, encoding) = rest.split_once(' ')?;
    let mut parts = encoding.trim().split('/');
    Some(RtpMap {
        payload_type: kind.parse().ok().filter(|p| *p < 128)?,
        encoding: parts.next()?.to_owned(),
        rate_hz: parts.next()?.parse().ok()?,
        channels: parts.next().and_then(|c| c.parse().ok()).filter(|c| *c > 0).unwrap_or(1),
    })
}

/// The port, and after it an address as `c=` has one.
fn rtcp(rest: &str) -> Option<RtcpPlace> {
    let (port, place) = rest.split_once(' ').unwrap_or((rest, ""));
    let address = connection(place).ok().flatten();
    Some(RtcpPlace { port: port.parse().ok().filter(|p| *p != 0)?, address })
}
