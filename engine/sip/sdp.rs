//! Session descriptions: the part of RFC 8866 that one audio call needs, parsed and printed, with what
//! RTP asks for around it: RTCP's place (RFC 3605, RFC 5761), keys ([`crypto`], [`dtls`]), sources
//! (RFC 5576), candidates ([`ice`]).
//!
//! Offers and answers (RFC 3264) stand in [`crate::offer_answer`]. Deliberately absent: repeat times, time
//! zones, bandwidth, RTCP feedback. Such lines are read over and not printed.

pub mod crypto;
pub mod dtls;
pub mod ice;
mod lines;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use waihu_types::Direction;

pub use self::{
    crypto::{Crypto, CryptoFault},
    dtls::{Dtls, Fingerprint, Setup},
    ice::{Candidate, Ice},
};

/// The most media sections of one description; browsers send three or four.
const MAX_MEDIA: usize = 16;
/// The most payload formats of one media section: payload types are 7 bits (RFC 3551 §6).
const MAX_FORMATS: usize = 128;
/// The most lines of one kind of any other attribute in one section. Four suites in three variants are a
/// dozen `a=crypto` lines; a machine with many addresses has as many candidates. What is beyond is read over.
const MAX_LINES: usize = 32;

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

/// `o=` (RFC 8866 §5.2).
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

/// How a section's packets travel: the RTP profile and what lies below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `RTP/AVP`: plain RTP (RFC 3551).
    Avp,
    /// `RTP/AVPF`: with early RTCP feedback (RFC 4585).
    Avpf,
    /// `RTP/SAVP`: SRTP (RFC 3711), its keys in `a=crypto`.
    Savp,
    /// `RTP/SAVPF` (RFC 5124).
    Savpf,
    /// `UDP/TLS/RTP/SAVP`: SRTP, its keys by DTLS (RFC 5764).
    DtlsSavp,
    /// `UDP/TLS/RTP/SAVPF`.
    DtlsSavpf,
}

impl Profile {
    const ALL: [Self; 6] = [Self::Avp, Self::Avpf, Self::Savp, Self::Savpf, Self::DtlsSavp, Self::DtlsSavpf];

    /// As an `m=` line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Avpf => "RTP/AVPF",
            Self::Savp => "RTP/SAVP",
            Self::Savpf => "RTP/SAVPF",
            Self::DtlsSavp => "UDP/TLS/RTP/SAVP",
            Self::DtlsSavpf => "UDP/TLS/RTP/SAVPF",
        }
    }

    /// The profile of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// Whether nothing but SRTP may be sent under it.
    pub fn is_secure(self) -> bool {
        !matches!(self, Self::Avp | Self::Avpf)
    }
}

/// `a=rtpmap` (RFC 8866 §6.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpMap {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Encoding name; case does not matter.
    pub encoding: String,
    /// Clock rate [Hz].
    pub rate_hz: u32,
    /// Channels; 1 where it is not said.
    pub channels: u8,
}

/// `a=rtcp`: where RTCP goes, where that is not the port above RTP's (RFC 3605).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtcpPlace {
    /// The port.
    pub port: u16,
    /// The address, where it is not the section's. A host name counts as none.
    pub address: Option<IpAddr>,
}

/// `a=ssrc`: a source that the describer sends (RFC 5576).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The SSRC.
    pub ssrc: u32,
    /// Its canonical name, where one of its lines says it.
    pub cname: Option<String>,
}

/// One `m=` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, …
    pub kind: String,
    /// Zero: refused or switched off.
    pub port: u16,
    /// `RTP/AVP`, …; [`Media::profile`] reads it.
    pub protocol: String,
    /// Payload types, or whatever the protocol numbers its formats with.
    pub formats: Vec<String>,
    /// Its own `c=` address, where given.
    pub connection: Option<IpAddr>,
    /// `a=mid` (RFC 5888).
    pub mid: Option<String>,
    /// `a=msid` as it stands: the stream and the track that a page knows the sound by (RFC 8830).
    pub msid: Option<String>,
    /// `a=rtpmap` lines.
    pub rtpmaps: Vec<RtpMap>,
    /// `a=fmtp` lines: payload type and parameters.
    pub fmtps: Vec<(u8, String)>,
    /// `a=ptime` [ms].
    pub ptime_ms: Option<u32>,
    /// `a=maxptime` [ms].
    pub max_ptime_ms: Option<u32>,
    /// Its own direction, where given.
    pub direction: Option<Direction>,
    /// `a=rtcp`.
    pub rtcp: Option<RtcpPlace>,
    /// `a=rtcp-mux`: RTCP may come on RTP's own port (RFC 5761).
    pub rtcp_mux: bool,
    /// `a=ssrc` lines, one entry a source.
    pub sources: Vec<Source>,
    /// `a=crypto` lines.
    pub crypto: Vec<Crypto>,
    /// Fingerprints and who begins, where the section has its own.
    pub dtls: Dtls,
    /// Its own candidates.
    pub ice: Ice,
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
    /// `a=group` lines as they stand (RFC 5888).
    pub groups: Vec<String>,
    /// Fingerprints and who begins, for all sections that say nothing of their own.
    pub dtls: Dtls,
    /// The same of ICE.
    pub ice: Ice,
    /// `a=ice-lite`: the describer answers checks and makes none.
    pub ice_lite: bool,
    /// The media sections in order. An answer has as many as its offer (RFC 3264 §6).
    pub media: Vec<Media>,
}

impl SessionDescription {
    /// A description without media.
    pub fn of(origin: Origin, connection: Option<IpAddr>) -> Self {
        Self {
            origin,
            connection,
            direction: None,
            groups: Vec::new(),
            dtls: Dtls::default(),
            ice: Ice::default(),
            ice_lite: false,
            media: Vec::new(),
        }
    }

    /// Reads a body.
    ///
    /// # Errors
    /// With the line and what was expected there. Unknown lines, and attributes that are unknown or
    /// broken, are read over: whoever has picked up is not hung up on for what the sound can do without.
    pub fn parse(body: &[u8]) -> Result<Self, SdpError> {
        // Free text may be in another character set (RFC 8866 §6.10); nothing here reads it.
        let text = String::from_utf8_lossy(body);
        let unknown = Origin { username: "-".to_owned(), session_id: 0, version: 0, address: String::new() };
        let (mut read, mut origin) = (Self::of(unknown, None), None);
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
            match (kind, read.media.last_mut()) {
                ("v", _) if number > 1 => return Err(broken("a second version")),
                ("o", None) => origin = Some(lines::origin(value).ok_or_else(|| broken("the origin"))?),
                ("c", None) => read.connection = lines::connection(value).map_err(broken)?,
                ("c", Some(m)) => m.connection = lines::connection(value).map_err(broken)?,
                ("m", _) => {
                    let media = lines::media(value).ok_or_else(|| broken("the media line"))?;
                    if read.media.len() == MAX_MEDIA || media.formats.len() > MAX_FORMATS {
                        return Err(SdpError::TooMany);
                    }
                    read.media.push(media);
                }
                ("a", None) => read.attribute(value),
                ("a", Some(m)) => m.attribute(value),
                _ if kind.len() != 1 => return Err(SdpError::Line(number)),
                _ => {}
            }
        }
        Ok(Self { origin: origin.ok_or(SdpError::NoOrigin)?, ..read })
    }

    /// The direction of one section: its own, else the session's, else both ways.
    pub fn direction_of(&self, media: &Media) -> Direction {
        media.direction.or(self.direction).unwrap_or_default()
    }
}

impl Media {
    /// The RTP profile, where the protocol is one of RTP over UDP.
    pub fn profile(&self) -> Option<Profile> {
        Profile::from_name(&self.protocol)
    }
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
        // Either every section or the session must have an address (RFC 8866 §5.7).
        let needed = self.media.iter().any(|m| m.connection.is_none());
        if let Some(c) = self.connection.or(needed.then_some(IpAddr::V4(Ipv4Addr::UNSPECIFIED))) {
            write!(f, "c=IN {} {c}\r\n", family(c))?;
        }
        f.write_str("t=0 0\r\n")?;
        self.groups.iter().try_for_each(|g| write!(f, "a=group:{g}\r\n"))?;
        if self.ice_lite {
            f.write_str("a=ice-lite\r\n")?;
        }
        write!(f, "{}{}", self.ice, self.dtls)?;
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
        if let Some(RtcpPlace { port, address }) = self.rtcp {
            write!(f, "a=rtcp:{port}")?;
            address.map_or(Ok(()), |a| write!(f, " IN {} {a}", family(a)))?;
            f.write_str("\r\n")?;
        }
        write!(f, "{}{}", self.ice, self.dtls)?;
        self.mid.iter().try_for_each(|mid| write!(f, "a=mid:{mid}\r\n"))?;
        self.msid.iter().try_for_each(|msid| write!(f, "a=msid:{msid}\r\n"))?;
        for RtpMap { payload_type, encoding, rate_hz, channels } in &self.rtpmaps {
            write!(f, "a=rtpmap:{payload_type} {encoding}/{rate_hz}")?;
            if *channels == 1 { f.write_str("\r\n")? } else { write!(f, "/{channels}\r\n")? }
        }
        for (kind, params) in &self.fmtps {
            write!(f, "a=fmtp:{kind} {params}\r\n")?;
        }
        for (name, ms) in [("ptime", self.ptime_ms), ("maxptime", self.max_ptime_ms)] {
            ms.map_or(Ok(()), |ms| write!(f, "a={name}:{ms}\r\n"))?;
        }
        self.direction.map_or(Ok(()), |d| write!(f, "a={}\r\n", d.as_str()))?;
        if self.rtcp_mux {
            f.write_str("a=rtcp-mux\r\n")?;
        }
        self.crypto.iter().try_for_each(|c| write!(f, "a=crypto:{c}\r\n"))?;
        for Source { ssrc, cname } in &self.sources {
            match cname {
                Some(cname) => write!(f, "a=ssrc:{ssrc} cname:{cname}\r\n")?,
                None => write!(f, "a=ssrc:{ssrc}\r\n")?,
            }
        }
        Ok(())
    }
}
