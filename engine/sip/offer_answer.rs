//! Offer and answer (RFC 3264) for one audio stream of PCMA or PCMU with telephone-event (RFC 4733).

use std::net::{IpAddr, SocketAddr};

use waihu_types::{Codec, Direction};

use crate::sdp::{Media, Origin, RtpMap, SessionDescription};

/// The payload type under which our offers carry telephone-event: the one that most elements use.
const TELEPHONE_EVENT: u8 = 101;
/// The packet time of everything we send [ms] (RFC 3551 §4.5).
const PTIME_MS: u32 = 20;

/// Why two sides cannot talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaMismatch {
    /// No audio section over RTP/AVP that is switched on.
    #[error("the description has no audio stream over RTP/AVP")]
    NoAudio,
    /// None of our codecs.
    #[error("no codec in common: this agent speaks PCMA and PCMU")]
    NoCommonCodec,
    /// The address is a host name, or missing.
    #[error("the media address is missing or a host name")]
    NoAddress,
}

/// What a description says about its audio stream, in the terms a media engine needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioStream {
    /// Where the describer receives RTP.
    pub remote: SocketAddr,
    /// The first codec in its list that we speak.
    pub codec: Codec,
    /// The payload type it goes under.
    pub payload_type: u8,
    /// The payload type of telephone-event at 8,000 Hz, where given.
    pub telephone_event: Option<u8>,
    /// The packet time asked for [ms]; 20 where none is.
    pub ptime_ms: u32,
    /// The direction, seen from the describer; inactive also where the address is 0.0.0.0, the hold of RFC 2543.
    pub direction: Direction,
}

impl Media {
    /// Each payload type with its encoding name, static types included.
    fn encodings(&self) -> impl Iterator<Item = (u8, &str)> {
        self.formats.iter().filter_map(|f| f.parse::<u8>().ok()).filter_map(|pt| {
            let mapped = self.rtpmaps.iter().find(|m| m.payload_type == pt);
            match (mapped, pt) {
                (Some(m), _) if m.rate_hz == 8_000 => Some((pt, m.encoding.as_str())),
                (None, 0) => Some((pt, "PCMU")),
                (None, 8) => Some((pt, "PCMA")),
                _ => None,
            }
        })
    }

    fn is_usable_audio(&self) -> bool {
        self.kind == "audio" && self.port != 0 && self.protocol == "RTP/AVP"
    }

    fn telephone_event(&self) -> Option<u8> {
        self.encodings().find(|(_, name)| name.eq_ignore_ascii_case("telephone-event")).map(|(pt, _)| pt)
    }

    /// The first format of the list whose codec is among `codecs`.
    fn first_codec(&self, codecs: &[Codec]) -> Option<(u8, Codec)> {
        self.encodings()
            .filter_map(|(pt, name)| Some((pt, Codec::from_name(name)?)))
            .find(|(_, codec)| codecs.contains(codec))
    }
}

fn rtpmap(payload_type: u8, encoding: &str) -> RtpMap {
    RtpMap { payload_type, encoding: encoding.to_owned(), rate_hz: 8_000 }
}

fn audio(rtp: SocketAddr, codecs: &[(u8, Codec)], event: Option<u8>, direction: Direction) -> Media {
    let mut rtpmaps: Vec<RtpMap> = codecs.iter().map(|(pt, c)| rtpmap(*pt, c.name())).collect();
    rtpmaps.extend(event.map(|pt| rtpmap(pt, "telephone-event")));
    Media {
        kind: "audio".to_owned(),
        port: rtp.port(),
        protocol: "RTP/AVP".to_owned(),
        formats: rtpmaps.iter().map(|m| m.payload_type.to_string()).collect(),
        connection: None,
        rtpmaps,
        // Digits, star and hash, A to D (RFC 4733 §3.2).
        fmtps: event.map(|pt| (pt, "0-15".to_owned())).into_iter().collect(),
        ptime_ms: Some(PTIME_MS),
        direction: Some(direction),
    }
}

fn origin(rtp: SocketAddr) -> Origin {
    // The port is ours alone while the session lasts, which is all that uniqueness here means (§5.2).
    Origin {
        username: "waihu".to_owned(),
        session_id: u64::from(rtp.port()),
        version: 1,
        address: rtp.ip().to_string(),
    }
}

impl SessionDescription {
    /// An offer to receive on `rtp`, codecs in order of preference, with telephone-event.
    pub fn offer(rtp: SocketAddr, codecs: &[Codec]) -> Self {
        let codecs: Vec<_> = codecs.iter().filter_map(|c| Some((c.static_payload_type()?, *c))).collect();
        Self {
            origin: origin(rtp),
            connection: Some(rtp.ip()),
            direction: None,
            media: vec![audio(rtp, &codecs, Some(TELEPHONE_EVENT), Direction::SendRecv)],
        }
    }

    /// The answer to `offer`: its first audio section gets the first codec in its order that is among
    /// `codecs`, the direction is turned round (RFC 3264 §6.1), every other section gets port 0.
    ///
    /// # Errors
    /// When there is no audio or no common codec: the call deserves a 488.
    pub fn answer(offer: &Self, rtp: SocketAddr, codecs: &[Codec]) -> Result<Self, MediaMismatch> {
        let chosen = offer.media.iter().position(Media::is_usable_audio).ok_or(MediaMismatch::NoAudio)?;
        let mut media = Vec::with_capacity(offer.media.len());
        for (i, theirs) in offer.media.iter().enumerate() {
            if i != chosen {
                media.push(refused(theirs));
                continue;
            }
            let codec = theirs.first_codec(codecs).ok_or(MediaMismatch::NoCommonCodec)?;
            let direction = match offer.direction_of(theirs) {
                Direction::SendRecv => Direction::SendRecv,
                Direction::SendOnly => Direction::RecvOnly,
                Direction::RecvOnly => Direction::SendOnly,
                Direction::Inactive => Direction::Inactive,
            };
            media.push(audio(rtp, &[codec], theirs.telephone_event(), direction));
        }
        Ok(Self { origin: origin(rtp), connection: Some(rtp.ip()), direction: None, media })
    }

    /// The answer to a later offer in the same session: same socket, same codec where it is still
    /// offered, and the origin's version one higher (RFC 3264 §8).
    ///
    /// # Errors
    /// As [`SessionDescription::answer`]; the session then goes on as it was.
    pub fn answer_again(&self, offer: &Self) -> Result<Self, MediaMismatch> {
        let mine = self.media.iter().find(|m| m.is_usable_audio()).ok_or(MediaMismatch::NoAudio)?;
        let address = mine.connection.or(self.connection).ok_or(MediaMismatch::NoAddress)?;
        let codecs: Vec<Codec> = mine.encodings().filter_map(|(_, name)| Codec::from_name(name)).collect();
        let mut answer = Self::answer(offer, SocketAddr::new(address, mine.port), &codecs)?;
        answer.origin = Origin { version: self.origin.version.saturating_add(1), ..self.origin.clone() };
        Ok(answer)
    }

    /// The first usable audio stream.
    ///
    /// # Errors
    /// When there is none that we could speak on.
    pub fn audio(&self) -> Result<AudioStream, MediaMismatch> {
        let media = self.media.iter().find(|m| m.is_usable_audio()).ok_or(MediaMismatch::NoAudio)?;
        let (payload_type, codec) =
            media.first_codec(&[Codec::Pcma, Codec::Pcmu]).ok_or(MediaMismatch::NoCommonCodec)?;
        let address: IpAddr = media.connection.or(self.connection).ok_or(MediaMismatch::NoAddress)?;
        let direction = self.direction_of(media);
        Ok(AudioStream {
            remote: SocketAddr::new(address, media.port),
            codec,
            payload_type,
            telephone_event: media.telephone_event(),
            ptime_ms: media.ptime_ms.unwrap_or(PTIME_MS),
            direction: if address.is_unspecified() { Direction::Inactive } else { direction },
        })
    }
}

/// The section with port 0 (RFC 3264 §6): a refusal names at least one of its formats.
fn refused(theirs: &Media) -> Media {
    Media {
        port: 0,
        formats: theirs.formats.iter().take(1).cloned().collect(),
        connection: None,
        rtpmaps: Vec::new(),
        fmtps: Vec::new(),
        ptime_ms: None,
        direction: None,
        ..theirs.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

    fn here() -> SocketAddr {
        "192.0.2.1:4000".parse().unwrap()
    }

    fn there() -> SocketAddr {
        "192.0.2.2:5000".parse().unwrap()
    }

    #[test]
    fn an_offer_is_answered_with_its_first_codec_that_we_speak() {
        let offer = SessionDescription::offer(here(), &[Codec::Pcmu, Codec::Pcma]);
        let answer = SessionDescription::answer(&offer, there(), &BOTH).unwrap();
        let audio = answer.to_string().parse::<SessionDescription>().unwrap().audio().unwrap();
        assert_eq!((audio.remote, audio.codec, audio.payload_type), (there(), Codec::Pcmu, 0));
        assert_eq!((audio.telephone_event, audio.ptime_ms), (Some(101), 20));
        assert_eq!(answer.media[0].formats, ["0", "101"]);
    }

    #[test]
    fn every_other_section_is_refused_in_its_place() {
        let mut offer = SessionDescription::offer(here(), &BOTH);
        let video =
            Media { kind: "video".to_owned(), formats: vec!["31".to_owned()], ..offer.media[0].clone() };
        offer.media.insert(0, video);
        let answer = SessionDescription::answer(&offer, there(), &BOTH).unwrap();
        let ports: Vec<_> = answer.media.iter().map(|m| (m.kind.as_str(), m.port)).collect();
        assert_eq!(ports, [("video", 0), ("audio", 5000)]);
    }

    #[test]
    fn dynamic_payload_types_are_followed_by_name() {
        let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
            m=audio 4000 RTP/AVP 18 97 96\r\na=rtpmap:18 G729/8000\r\na=rtpmap:97 pcma/8000\r\na=rtpmap:96 telephone-event/8000\r\n";
        let offer: SessionDescription = text.parse().unwrap();
        let audio = offer.audio().unwrap();
        assert_eq!((audio.codec, audio.payload_type, audio.telephone_event), (Codec::Pcma, 97, Some(96)));
        let answer = SessionDescription::answer(&offer, there(), &BOTH).unwrap();
        assert_eq!(answer.media[0].formats, ["97", "96"]);
        assert_eq!(
            SessionDescription::answer(&offer, there(), &[Codec::Pcmu]),
            Err(MediaMismatch::NoCommonCodec)
        );
    }

    #[test]
    fn hold_is_answered_turned_round_with_a_new_version() {
        let local = SessionDescription::offer(here(), &BOTH);
        for (theirs, ours) in [
            (Direction::SendOnly, Direction::RecvOnly),
            (Direction::RecvOnly, Direction::SendOnly),
            (Direction::Inactive, Direction::Inactive),
            (Direction::SendRecv, Direction::SendRecv),
        ] {
            let mut offer = SessionDescription::offer(there(), &[Codec::Pcma]);
            offer.media[0].direction = Some(theirs);
            let answer = local.answer_again(&offer).unwrap();
            assert_eq!(answer.media[0].direction, Some(ours));
            assert_eq!((answer.origin.version, answer.audio().unwrap().remote), (2, here()));
        }
        let mut old = SessionDescription::offer(there(), &BOTH);
        old.connection = Some("0.0.0.0".parse().unwrap());
        assert_eq!(old.audio().unwrap().direction, Direction::Inactive);
    }

    #[test]
    fn a_description_without_usable_audio_says_why() {
        let mut offer = SessionDescription::offer(here(), &BOTH);
        offer.connection = None;
        assert_eq!(offer.audio(), Err(MediaMismatch::NoAddress));
        offer.media[0].protocol = "RTP/SAVPF".to_owned();
        assert_eq!(offer.audio(), Err(MediaMismatch::NoAudio));
    }
}
