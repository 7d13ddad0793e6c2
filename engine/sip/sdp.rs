//! Session descriptions: the part of RFC 4566 that one audio call needs, parsed and printed.
//!
//! Offers and answers (RFC 3264) stand in [`crate::offer_answer`]. Deliberately absent: encryption
//! keys, repeat times, time zones, bandwidth. Such lines are read over and not printed.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use waihu_types::Direction;

/// The most media sections of one description; browsers send three or four.
const MAX_MEDIA: usize = 16;
/// The most payload formats of one media section: payload types are 7 bits (RFC 3551 §6).
const MAX_FORMATS: usize = 128;

/// Why a text is not a session description.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// A line that is not `x=…`.
    #[error("line {0}: not of the form x=value")]
    Line(usize),
    /// A line whose value is broken.
    #[error("line {line}: {what} is broken")]
    Value {
        /// From 1.
        line: usize,
        /// What it should have been.
        what: &'static str,
    },
    /// `v=0` does not come first.
    #[error("it does not begin with v=0")]
    Version,
    /// No `o=` line.
    #[error("the origin (o=) is missing")]
    NoOrigin,
    /// More media or formats than any call needs.
    #[error("more media sections or formats than any call needs")]
    TooMany,
}

/// `o=` (RFC 4566 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `-` where there is none.
    pub username: String,
    /// sess-id.
    pub session_id: u64,
    /// sess-version; one more on each change.
    pub version: u64,
    /// Address or host name.
    pub address: String,
}

/// `a=rtpmap` (RFC 4566 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpMap {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Encoding name; case does not matter.
    pub encoding: String,
    /// Clock rate [Hz].
    pub rate_hz: u32,
}

/// One `m=` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, …
    pub kind: String,
    /// Zero: refused or switched off.
    pub port: u16,
    /// `RTP/AVP`, …
    pub protocol: String,
    /// Payload types, or whatever the protocol numbers its formats with.
    pub formats: Vec<String>,
    /// Its own `c=` address, where given.
    pub connection: Option<IpAddr>,
    /// `a=rtpmap` lines.
    pub rtpmaps: Vec<RtpMap>,
    /// `a=fmtp` lines: payload type and parameters.
    pub fmtps: Vec<(u8, String)>,
    /// `a=ptime` [ms].
    pub ptime_ms: Option<u32>,
    /// Its own direction, where given.
    pub direction: Option<Direction>,
}

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    /// `o=`.
    pub origin: Origin,
    /// `c=` at session level.
    pub connection: Option<IpAddr>,
    /// Direction at session level.
    pub direction: Option<Direction>,
    /// The media sections in order. An answer has as many as its offer (RFC 3264 §6).
    pub media: Vec<Media>,
}

impl SessionDescription {
    /// Reads a body.
    ///
    /// # Errors
    /// With the line and what was expected there. Unknown lines, and attributes that are unknown or
    /// broken, are read over: whoever has picked up is not hung up on for what the sound can do without.
    pub fn parse(body: &[u8]) -> Result<Self, SdpError> {
        // Free text may be in another character set (RFC 4566 §6, charset); nothing here reads it.
        let text = String::from_utf8_lossy(body);
        let (mut origin, mut connection, mut direction) = (None, None, None);
        let mut media: Vec<Media> = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let number = i + 1;
            let line = line.trim_end();
            if line.is_empty() {
                continue;
            }
            let (kind, value) = line.split_once('=').ok_or(SdpError::Line(number))?;
            if number == 1 && (kind, value) != ("v", "0") {
                return Err(SdpError::Version);
            }
            let broken = |what| SdpError::Value { line: number, what };
            match (kind, media.last_mut()) {
                ("v", _) if number > 1 => return Err(broken("a second version")),
                ("o", None) => origin = Some(parse_origin(value).ok_or_else(|| broken("the origin"))?),
                ("c", None) => connection = parse_connection(value).map_err(broken)?,
                ("c", Some(m)) => m.connection = parse_connection(value).map_err(broken)?,
                ("m", _) => {
                    media.push(parse_media(value).ok_or_else(|| broken("the media line"))?);
                    if media.len() > MAX_MEDIA || media.iter().any(|m| m.formats.len() > MAX_FORMATS) {
                        return Err(SdpError::TooMany);
                    }
                }
                ("a", None) => direction = Direction::from_name(value).or(direction),
                ("a", Some(m)) => m.attribute(value),
                _ if kind.len() != 1 => return Err(SdpError::Line(number)),
                _ => {}
            }
        }
        Ok(Self { origin: origin.ok_or(SdpError::NoOrigin)?, connection, direction, media })
    }

    /// The direction of one section: its own, else the session's, else both ways.
    pub fn direction_of(&self, media: &Media) -> Direction {
        media.direction.or(self.direction).unwrap_or_default()
    }
}

/// Only the address must be there: nobody acts on the rest, and some write names with spaces in them,
/// identifiers that are negative or beyond 64 bits, or none at all.
fn parse_origin(value: &str) -> Option<Origin> {
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
fn parse_connection(value: &str) -> Result<Option<IpAddr>, &'static str> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let ["IN", "IP4" | "IP6", address] = words[..] else { return Err("the connection") };
    let address = address.split('/').next().unwrap_or(address);
    Ok(address.parse().ok())
}

fn parse_media(value: &str) -> Option<Media> {
    let mut words = value.split_whitespace();
    let (kind, port, protocol) = (words.next()?, words.next()?, words.next()?);
    Some(Media {
        kind: kind.to_owned(),
        port: port.split('/').next()?.parse().ok()?,
        protocol: protocol.to_owned(),
        formats: words.map(str::to_owned).collect(),
        connection: None,
        rtpmaps: Vec::new(),
        fmtps: Vec::new(),
        ptime_ms: None,
        direction: None,
    })
}

impl Media {
    fn attribute(&mut self, value: &str) {
        let (name, rest) = value.split_once(':').map_or((value, ""), |(n, r)| (n, r.trim()));
        match name {
            "rtpmap" if self.rtpmaps.len() < MAX_FORMATS => self.rtpmaps.extend(parse_rtpmap(rest)),
            "fmtp" if self.fmtps.len() < MAX_FORMATS => self.fmtps.extend(parse_fmtp(rest)),
            "ptime" => {
                // Some write 20.0 (RFC 4566 does not forbid it); the whole part is what counts.
                let whole = rest.split('.').next().unwrap_or(rest);
                self.ptime_ms = whole.parse().ok().or(self.ptime_ms);
            }
            _ => self.direction = Direction::from_name(name).or(self.direction),
        }
    }
}

/// Payload type and parameters. Formats of other protocols are not numbers; nothing of ours reads them.
fn parse_fmtp(rest: &str) -> Option<(u8, String)> {
    let (kind, params) = rest.split_once(' ')?;
    Some((kind.parse().ok()?, params.to_owned()))
}

fn parse_rtpmap(rest: &str) -> Option<RtpMap> {
    let (kind, encoding) = rest.split_once(' ')?;
    let mut parts = encoding.trim().split('/');
    Some(RtpMap {
        payload_type: kind.parse().ok().filter(|p| *p < 128)?,
        encoding: parts.next()?.to_owned(),
        rate_hz: parts.next()?.parse().ok()?,
    })
}

impl FromStr for SessionDescription {
    type Err = SdpError;

    fn from_str(text: &str) -> Result<Self, SdpError> {
        Self::parse(text.as_bytes())
    }
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IP4" } else { "IP6" }
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let o = &self.origin;
        let kind = if o.address.contains(':') { "IP6" } else { "IP4" };
        write!(
            f,
            "v=0\r\no={} {} {} IN {kind} {}\r\ns=-\r\n",
            o.username, o.session_id, o.version, o.address
        )?;
        // Either every section or the session must have an address (RFC 4566 §5.7).
        let needed = self.media.iter().any(|m| m.connection.is_none());
        if let Some(c) = self.connection.or(needed.then_some(IpAddr::V4(Ipv4Addr::UNSPECIFIED))) {
            write!(f, "c=IN {} {c}\r\n", family(c))?;
        }
        f.write_str("t=0 0\r\n")?;
        if let Some(d) = self.direction {
            write!(f, "a={}\r\n", d.as_str())?;
        }
        self.media.iter().try_for_each(|m| m.fmt(f))
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {} {} {}\r\n", self.kind, self.port, self.protocol, self.formats.join(" "))?;
        if let Some(c) = self.connection {
            write!(f, "c=IN {} {c}\r\n", family(c))?;
        }
        for map in &self.rtpmaps {
            write!(f, "a=rtpmap:{} {}/{}\r\n", map.payload_type, map.encoding, map.rate_hz)?;
        }
        for (kind, params) in &self.fmtps {
            write!(f, "a=fmtp:{kind} {params}\r\n")?;
        }
        if let Some(ms) = self.ptime_ms {
            write!(f, "a=ptime:{ms}\r\n")?;
        }
        self.direction.map_or(Ok(()), |d| write!(f, "a={}\r\n", d.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROWSER: &str = "v=0\r\no=- 20518 7 IN IP4 203.0.113.1\r\ns= \r\nt=0 0\r\nc=IN IP4 203.0.113.1\r\n\
        a=sendonly\r\nm=audio 54400 RTP/SAVPF 0 96\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 opus/48000/2\r\n\
        a=fmtp:96 minptime=10\r\na=ptime:20\r\na=candidate:0 1 UDP 2113667327 203.0.113.1 54400 typ host\r\n\
        m=video 55400 RTP/SAVPF 97\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n";

    #[test]
    fn levels_are_kept_apart() {
        let sdp: SessionDescription = BROWSER.parse().unwrap();
        assert_eq!(sdp.connection, Some("203.0.113.1".parse().unwrap()));
        assert_eq!(sdp.media[1].connection, Some("2001:db8::1".parse().unwrap()));
        assert_eq!(sdp.direction_of(&sdp.media[0]), Direction::SendOnly);
        assert_eq!(sdp.direction_of(&sdp.media[1]), Direction::Inactive);
        assert_eq!(sdp.media[0].ptime_ms, Some(20));
        assert_eq!(sdp.media[0].fmtps, [(96, "minptime=10".to_owned())]);
    }

    #[test]
    fn what_is_printed_is_read_back_the_same() {
        let sdp: SessionDescription = BROWSER.parse().unwrap();
        assert_eq!(sdp.to_string().parse(), Ok(sdp));
    }

    #[test]
    fn harmless_oddities_leave_the_audio_usable() {
        let plain = "v=0\r\no=- 1 2 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
            m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
        let audio = plain.parse::<SessionDescription>().unwrap().audio().unwrap();
        for origin in ["My Gateway 1 2", "- -7 2", "- 1", "-", "", "- 1 18446744073709551616"] {
            let odd = plain.replace("- 1 2", origin);
            let read: SessionDescription = odd.parse().unwrap_or_else(|e| panic!("{origin}: {e}"));
            assert_eq!(read.audio(), Ok(audio), "{origin}");
        }
        for line in ["rtpmap:8 PCMA", "rtpmap:8", "rtpmap:", "fmtp:101", "fmtp", "ptime:twenty", "ptime", ""]
        {
            let odd = format!("{plain}a={line}\r\n");
            let read: SessionDescription = odd.parse().unwrap_or_else(|e| panic!("{line}: {e}"));
            assert_eq!(read.audio(), Ok(audio), "{line}");
        }
        let mut gbk = plain.as_bytes().to_vec();
        gbk[plain.find("s=-").unwrap() + 2] = 0xd3;
        assert_eq!(SessionDescription::parse(&gbk).unwrap().audio(), Ok(audio));
        for origin in ["My Gateway 1 2", "- -7 2", ""] {
            let read: SessionDescription = plain.replace("- 1 2", origin).parse().unwrap();
            assert_eq!(read.to_string().parse(), Ok(read), "{origin}");
        }
    }

    #[test]
    fn broken_descriptions_name_the_line() {
        for (text, error) in [
            ("", SdpError::NoOrigin),
            ("s=-\r\n", SdpError::Version),
            ("v=0\r\nrubbish\r\n", SdpError::Line(2)),
            ("v=0\r\no=- 1 1 IN IP4\r\n", SdpError::Value { line: 2, what: "the origin" }),
            (
                "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio x RTP/AVP 0\r\n",
                SdpError::Value { line: 3, what: "the media line" },
            ),
            ("v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4\r\n", SdpError::Value { line: 3, what: "the connection" }),
        ] {
            assert_eq!(text.parse::<SessionDescription>(), Err(error), "{text:?}");
        }
        let many = format!("v=0\r\no=- 1 1 IN IP4 h\r\n{}", "m=audio 1 RTP/AVP 0\r\n".repeat(17));
        assert_eq!(many.parse::<SessionDescription>(), Err(SdpError::TooMany));
    }
}
