//! Offer and answer (RFC 3264) for one audio stream: codecs, telephone-event (RFC 4733), comfort noise
//! (RFC 3389), RTCP's place, and keys for SRTP.
//!
//! [`Ours`] is what this side can do: [`Ours::offer`] and [`Ours::answer`] say it, [`agree`] finds out
//! what both sides have said. Keys and certificates are arguments: there is no randomness here.
//!
//! How SRTP is offered where it is optional: as RFC 8643 has it, `RTP/AVP` with the keys in it. Whoever
//! knows no SRTP reads over them and answers all the same. baresip 1.0 (mediaenc=srtp) and pjsua2 2.15
//! (srtpUse=1) answer with a key, tried out; Asterisk has a setting for it
//! (`media_encryption_optimistic`), FreeSWITCH too (`NDLB-allow-crypto-in-avp`). `RTP/SAVP` alone is
//! refused with 488 by whoever has SRTP off, and two sections, one of each, are two streams to many a
//! carrier and may change places in a later offer. Whoever has SRTP mandatory itself refuses `RTP/AVP`
//! with keys in it (both of these do) and must be called with [`Security::Mandatory`]. Either form is
//! answered.

mod agree;
mod browser;
mod formats;
#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod real_tests;
mod security;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use waihu_types::{Codec, Direction, SrtpKey};

use self::security::Reply;
pub use self::{
    agree::agree,
    browser::IceLite,
    security::{DtlsRole, Keys, Security, SrtpPolicy, StreamSecurity},
};
use crate::sdp::{
    CryptoFault, Dtls, Fingerprint, Media, Origin, Profile, RtcpPlace, SessionDescription, Setup, Source,
};

/// The packet time of everything we send [ms] (RFC 3551 §4.5).
const PTIME_MS: u32 = 20;
/// The codecs of the forms that name none.
const TELEPHONE: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

/// Why two sides cannot talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaMismatch {
    /// No audio section over RTP that is switched on.
    #[error("the description has no audio stream over RTP")]
    NoAudio,
    /// None of our codecs.
    #[error("no codec in common")]
    NoCommonCodec,
    /// The address is a host name, or missing.
    #[error("the media address is missing or a host name")]
    NoAddress,
    /// Nothing but SRTP is offered, and we have it off.
    #[error("the far end wants SRTP, which is off here")]
    SrtpOff,
    /// One side has SRTP mandatory, and the far end gives no key for it.
    #[error("SRTP is mandatory, and the far end gives no key for it")]
    NoKey,
    /// The far end gives keys, and none that can be used; the fault is the first one's.
    #[error("the far end's key for SRTP cannot be used: {0}")]
    UnusableKey(CryptoFault),
    /// The answer's tag and suite are not those of one line of the offer (RFC 4568 §5.1.3).
    #[error("the far end's key for SRTP answers none of ours, or several")]
    KeyMismatch,
    /// No fingerprint by SHA-256.
    #[error("the far end's certificate has no fingerprint by SHA-256")]
    NoFingerprint,
    /// We prove nothing and believe nobody unproven, and the far end makes no connectivity checks.
    #[error("the far end makes no connectivity checks")]
    NoIce,
    /// Both sides would begin the DTLS handshake, or neither.
    #[error("it is not settled who begins the DTLS handshake")]
    DtlsRole,
}

/// Whether comfort noise (RFC 3389) may come while the far end's speaker is silent. It goes with codecs
/// of 8,000 Hz; Opus has its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ComfortNoise {
    /// Not offered, not accepted.
    #[default]
    Absent,
    /// Offered, and accepted where offered.
    Offered,
}

/// Where we receive RTCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rtcp {
    /// On the port above RTP's, which need not be said (RFC 3550 §11).
    #[default]
    Above,
    /// Elsewhere; `a=rtcp` says so (RFC 3605).
    At(SocketAddr),
    /// On RTP's port where the far end has it so too (RFC 5761), else on the port above.
    MuxOrAbove,
    /// On RTP's port in any case, as where many calls share one: `a=rtcp` names it.
    Mux,
}

/// This side of a call's sound.
#[derive(Clone, Copy, Debug)]
pub struct Ours<'a> {
    /// Where we receive RTP.
    pub rtp: SocketAddr,
    /// Where we receive RTCP.
    pub rtcp: Rtcp,
    /// In order of preference.
    pub codecs: &'a [Codec],
    /// Comfort noise.
    pub comfort_noise: ComfortNoise,
    /// Keys, and how badly they are wanted.
    pub security: Security<'a>,
    /// The SSRC that we send and its canonical name, which holds no space (RFC 5576).
    pub source: Option<(u32, &'a str)>,
}

impl<'a> Ours<'a> {
    /// Plain RTP, RTCP on the port above, nothing else said.
    pub fn plain(rtp: SocketAddr, codecs: &'a [Codec]) -> Self {
        let (rtcp, comfort_noise) = (Rtcp::default(), ComfortNoise::default());
        Self { rtp, rtcp, codecs, comfort_noise, security: Security::Off, source: None }
    }

    /// The offer of all that.
    pub fn offer(&self) -> SessionDescription {
        let (profile, keys) = match self.security {
            Security::Off => (Profile::Avp, None),
            Security::Optional(keys) => (Profile::Avp, Some(keys)),
            Security::Mandatory(keys @ Keys::Sdes(_)) => (Profile::Savp, Some(keys)),
            Security::Mandatory(keys @ Keys::Dtls(_)) => (Profile::DtlsSavp, Some(keys)),
        };
        let formats = formats::offered(self.codecs, self.comfort_noise);
        let mut media = self.section(profile.name(), formats, Direction::SendRecv);
        media.rtcp_mux = matches!(self.rtcp, Rtcp::MuxOrAbove | Rtcp::Mux);
        match keys {
            None => {}
            Some(Keys::Sdes(keys)) => media.crypto = security::lines(keys),
            Some(Keys::Dtls(hash)) => {
                media.dtls =
                    Dtls { fingerprints: vec![Fingerprint::sha256(hash)], setup: Some(Setup::ActPass) };
            }
        }
        self.around(vec![media])
    }

    /// The answer to `offer`: the first audio section that can be enciphered as we want it, else the first
    /// that may go unenciphered, with the first codec in its order that is ours; the direction is turned
    /// round (RFC 3264 §6.1), every other section gets port 0.
    ///
    /// # Errors
    /// When there is no audio, no common codec, or no agreement over SRTP: the call deserves a 488.
    pub fn answer(&self, offer: &SessionDescription) -> Result<SessionDescription, MediaMismatch> {
        self.answer_as(offer, None)
    }

    /// `role` is the one that we have in a DTLS handshake already made.
    fn answer_as(
        &self,
        offer: &SessionDescription,
        role: Option<DtlsRole>,
    ) -> Result<SessionDescription, MediaMismatch> {
        let judge = |theirs: &Media| {
            let reply = self.security.reply(offer, theirs, role)?;
            let formats = formats::answered(theirs, self.codecs, self.comfort_noise);
            formats.map(|f| (reply, f)).ok_or(MediaMismatch::NoCommonCodec)
        };
        let mut judged: Vec<_> = offer
            .media
            .iter()
            .enumerate()
            .filter(|(_, m)| m.is_usable_audio())
            .map(|(i, m)| (i, judge(m)))
            .collect();
        // The first of the best; a sort keeps the order of equals.
        judged.sort_by_key(|(_, judgement)| match judgement {
            Ok((Reply::Sdes(_) | Reply::Dtls(..), _)) => 0,
            Ok((Reply::Plain, _)) => 1,
            Err(_) => 2,
        });
        let (chosen, judgement) = judged.into_iter().next().ok_or(MediaMismatch::NoAudio)?;
        let (reply, formats) = judgement?;
        let mut media: Vec<Media> = offer.media.iter().map(refused).collect();
        let theirs = &offer.media[chosen];
        let mut mine = self.section(&theirs.protocol, formats, turned(offer.direction_of(theirs)));
        mine.mid.clone_from(&theirs.mid);
        mine.rtcp_mux = theirs.rtcp_mux && matches!(self.rtcp, Rtcp::MuxOrAbove | Rtcp::Mux);
        match reply {
            Reply::Plain => {}
            Reply::Sdes(line) => mine.crypto.push(line),
            Reply::Dtls(hash, role) => {
                let setup = if role == DtlsRole::Client { Setup::Active } else { Setup::Passive };
                mine.dtls = Dtls { fingerprints: vec![Fingerprint::sha256(&hash)], setup: Some(setup) };
            }
        }
        media[chosen] = mine;
        Ok(self.around(media))
    }

    fn section(&self, protocol: &str, formats: Vec<formats::Format>, direction: Direction) -> Media {
        let rtcp = match self.rtcp {
            Rtcp::Above | Rtcp::MuxOrAbove => None,
            Rtcp::Mux => Some(RtcpPlace { port: self.rtp.port(), address: None }),
            Rtcp::At(at) => {
                let address = (at.ip() != self.rtp.ip()).then_some(at.ip());
                Some(RtcpPlace { port: at.port(), address })
            }
        };
        let source = self.source.map(|(ssrc, cname)| Source { ssrc, cname: Some(cname.to_owned()) });
        Media {
            kind: "audio".to_owned(),
            port: self.rtp.port(),
            protocol: protocol.to_owned(),
            formats: formats.iter().map(|f| f.map.payload_type.to_string()).collect(),
            fmtps: formats.iter().filter_map(|f| Some((f.map.payload_type, f.params?.to_owned()))).collect(),
            rtpmaps: formats.into_iter().map(|f| f.map).collect(),
            ptime_ms: Some(PTIME_MS),
            direction: Some(direction),
            rtcp,
            sources: source.into_iter().collect(),
            ..Media::default()
        }
    }

    fn around(&self, media: Vec<Media>) -> SessionDescription {
        // The port is ours alone while the session lasts, and where calls share one the SSRC is, which is
        // all that uniqueness here means (RFC 8866 §5.2).
        let ssrc = self.source.map_or(0, |(ssrc, _)| u64::from(ssrc));
        let origin = Origin {
            username: "waihu".to_owned(),
            session_id: ssrc << 16 | u64::from(self.rtp.port()),
            version: 1,
            address: self.rtp.ip().to_string(),
        };
        SessionDescription { media, ..SessionDescription::of(origin, Some(self.rtp.ip())) }
    }
}

/// The answer's direction, from the offer's.
fn turned(direction: Direction) -> Direction {
    match direction {
        Direction::SendRecv => Direction::SendRecv,
        Direction::SendOnly => Direction::RecvOnly,
        Direction::RecvOnly => Direction::SendOnly,
        Direction::Inactive => Direction::Inactive,
    }
}

/// The section with port 0 (RFC 3264 §6): a refusal names at least one of its formats.
fn refused(theirs: &Media) -> Media {
    Media {
        kind: theirs.kind.clone(),
        protocol: theirs.protocol.clone(),
        formats: theirs.formats.iter().take(1).cloned().collect(),
        mid: theirs.mid.clone(),
        ..Media::default()
    }
}

impl Media {
    fn is_usable_audio(&self) -> bool {
        self.kind == "audio" && self.port != 0 && self.profile().is_some()
    }
}

/// The payload types that one side wants to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadTypes {
    /// The codec's.
    pub codec: u8,
    /// Telephone-event's.
    pub telephone_event: Option<u8>,
    /// Comfort noise's.
    pub comfort_noise: Option<u8>,
}

/// What both sides have agreed on about an audio stream, in the terms a media engine needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioStream {
    /// It proves where it is by connectivity checks (RFC 8445): `remote` and `rtcp` say nothing then.
    pub ice: bool,
    /// Where the far end receives RTP.
    pub remote: SocketAddr,
    /// Where it receives RTCP.
    pub rtcp: SocketAddr,
    /// RTP and RTCP share one port on both sides.
    pub rtcp_mux: bool,
    /// The first codec in the far end's list that is ours too.
    pub codec: Codec,
    /// The payload type that we send it under.
    pub payload_type: u8,
    /// The payload type that we send telephone-event under, where both have it.
    pub telephone_event: Option<u8>,
    /// The clock that telephone-event's durations count [Hz]: the codec's, but 8,000 beside Opus where the
    /// far end has no other.
    pub telephone_event_clock_hz: u32,
    /// The payload type that we send comfort noise under, where both have it.
    pub comfort_noise: Option<u8>,
    /// What we receive: the same numbers as a rule, but the far end may number dynamic ones anew
    /// (RFC 3264 §6.1).
    pub receives: PayloadTypes,
    /// The packet time asked for [ms]; 20 where none is; never above the longest that it takes.
    pub ptime_ms: u32,
    /// The direction, seen from the far end; inactive also where its address is 0.0.0.0, the hold of
    /// RFC 2543.
    pub direction: Direction,
    /// The SSRC that the far end says it sends.
    pub ssrc: Option<u32>,
    /// Plain or enciphered: what it has become.
    pub srtp: StreamSecurity,
}

impl SessionDescription {
    /// An offer of plain RTP on `rtp`: [`Ours::plain`].
    pub fn offer(rtp: SocketAddr, codecs: &[Codec]) -> Self {
        Ours::plain(rtp, codecs).offer()
    }

    /// The answer of plain RTP to `offer`.
    ///
    /// # Errors
    /// As [`Ours::answer`].
    pub fn answer(offer: &Self, rtp: SocketAddr, codecs: &[Codec]) -> Result<Self, MediaMismatch> {
        Ours::plain(rtp, codecs).answer(offer)
    }

    /// The far end's audio stream for whoever speaks PCMA and PCMU over plain RTP. [`agree`] knows more.
    ///
    /// # Errors
    /// When there is none that could be spoken on.
    pub fn audio(&self) -> Result<AudioStream, MediaMismatch> {
        let anywhere = SocketAddr::from(([0, 0, 0, 0], 9));
        agree(&Self::answer(self, anywhere, &TELEPHONE)?, self)
    }

    /// [`agree`]s with the answer to this offer of ours, and keeps what later offers must not change: who
    /// begins a DTLS handshake.
    ///
    /// # Errors
    /// As [`agree`]; nothing is changed then.
    pub fn settle(&mut self, answer: &Self) -> Result<AudioStream, MediaMismatch> {
        let stream = agree(self, answer)?;
        if let StreamSecurity::Dtls { role, .. } = stream.srtp {
            let setup = if role == DtlsRole::Client { Setup::Active } else { Setup::Passive };
            self.media.iter_mut().for_each(|m| m.dtls.setup = m.dtls.setup.and(Some(setup)));
        }
        Ok(stream)
    }

    /// The answer to a later offer in the same session: same socket, keys and DTLS role, same codec where
    /// it is still offered, and the origin's version one higher (RFC 3264 §8). Where ours is a secure
    /// profile, nothing but SRTP is agreed to.
    ///
    /// # Errors
    /// As [`Ours::answer`]; the session then goes on as it was.
    pub fn answer_again(&self, offer: &Self) -> Result<Self, MediaMismatch> {
        let mine = self.media.iter().find(|m| m.is_usable_audio()).ok_or(MediaMismatch::NoAudio)?;
        let address = mine.connection.or(self.connection).ok_or(MediaMismatch::NoAddress)?;
        let rtp = SocketAddr::new(address, mine.port);
        let codecs: Vec<Codec> = mine.codecs().map(|(_, codec)| codec).collect();
        let keys: Vec<SrtpKey> = mine.crypto.iter().filter_map(|line| line.key().ok()).collect();
        let fingerprint = security::fingerprint(self, mine);
        let keys = match &fingerprint {
            Some(hash) => Keys::Dtls(hash),
            None => Keys::Sdes(&keys),
        };
        let policy = match mine.profile() {
            Some(profile) if profile.is_secure() => SrtpPolicy::Mandatory,
            _ if matches!(keys, Keys::Sdes([])) => SrtpPolicy::Off,
            _ => SrtpPolicy::Optional,
        };
        let ours = Ours {
            rtp,
            rtcp: match (mine.rtcp_mux, mine.rtcp) {
                (true, Some(place)) if place.port == mine.port => Rtcp::Mux,
                (true, _) => Rtcp::MuxOrAbove,
                (false, Some(place)) => {
                    Rtcp::At(SocketAddr::new(place.address.unwrap_or(address), place.port))
                }
                (false, None) => Rtcp::Above,
            },
            codecs: &codecs,
            comfort_noise: match mine.comfort_noise() {
                Some(_) => ComfortNoise::Offered,
                None => ComfortNoise::Absent,
            },
            security: Security::new(policy, keys),
            source: mine.sources.first().map(|s| (s.ssrc, s.cname.as_deref().unwrap_or_default())),
        };
        let role = match security::setup(self, mine) {
            Some(Setup::Active) => Some(DtlsRole::Client),
            Some(Setup::Passive) => Some(DtlsRole::Server),
            _ => None,
        };
        let mut answer = ours.answer_as(offer, role)?;
        if mine.ice.ufrag.is_some() {
            browser::go_on(&mut answer, (self, mine));
        }
        let version = self.origin.version.saturating_add(1);
        Ok(Self { origin: Origin { version, ..self.origin.clone() }, ..answer })
    }

    /// [`SessionDescription::answer_again`], what it comes to, and a note of it here. Whoever keeps our
    /// description beside an endpoint that answers by itself comes to the same as the endpoint.
    ///
    /// # Errors
    /// As [`SessionDescription::answer_again`] and [`agree`]; nothing is changed then.
    pub fn settle_again(&mut self, offer: &Self) -> Result<AudioStream, MediaMismatch> {
        let answer = self.answer_again(offer)?;
        let stream = agree(&answer, offer)?;
        self.note(&answer);
        Ok(stream)
    }

    /// Keeps the version of our latest answer, and its part in a DTLS handshake.
    pub(crate) fn note(&mut self, answer: &Self) {
        self.origin.version = answer.origin.version;
        if let Some(setup) = answer.media.iter().find_map(|m| m.dtls.setup) {
            self.media.iter_mut().for_each(|m| m.dtls.setup = m.dtls.setup.and(Some(setup)));
        }
    }

    /// The same offered once more, for an INVITE that leaves the offer to us: the version one higher, and
    /// the DTLS roles open (RFC 8842 §5.5).
    pub fn offer_again(&self) -> Self {
        let mut again = self.clone();
        again.origin.version = again.origin.version.saturating_add(1);
        again.media.iter_mut().for_each(|m| m.dtls.setup = m.dtls.setup.and(Some(Setup::ActPass)));
        again
    }
}
