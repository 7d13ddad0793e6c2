//! Payload types: which number stands for what (RFC 3551, RFC 4733, RFC 7587).

use waihu_types::Codec;

use super::ComfortNoise;
use crate::sdp::{Media, RtpMap};

/// The number under which our offers carry Opus: the first that is free for anything (RFC 3551 §6).
const OPUS: u8 = 96;
/// The number under which our offers carry telephone-event: the one that most elements use.
const EVENT: u8 = 101;
/// The same at Opus's clock.
const EVENT_48: u8 = 102;
/// Comfort noise's, from RFC 3551.
const NOISE: u8 = 13;
/// The clock of telephone-event where nothing else is said, and of comfort noise [Hz].
const TELEPHONE_HZ: u32 = 8_000;
/// Digits, star and hash, A to D (RFC 4733 §3.2).
const DIGITS: &str = "0-15";
/// A telephone's voice has nothing above 8 kHz, so neither side gains by more than 16,000 samples a second
/// (RFC 7587 §6.1); and what one lost packet held is read out of the next.
const SPEECH: &str = "maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1";

const TELEPHONE_EVENT: &str = "telephone-event";
const CN: &str = "CN";

/// One payload type of ours.
pub(super) struct Format {
    pub(super) map: RtpMap,
    pub(super) params: Option<&'static str>,
}

impl Format {
    fn codec(payload_type: u8, codec: Codec) -> Self {
        // Opus is always written with two channels, whatever is sent (RFC 7587 §7).
        let (channels, params) = if codec == Codec::Opus { (2, Some(SPEECH)) } else { (1, None) };
        let (encoding, rate_hz) = (codec.name().to_owned(), codec.clock_rate_hz());
        Self { map: RtpMap { payload_type, encoding, rate_hz, channels }, params }
    }

    fn event(payload_type: u8, rate_hz: u32) -> Self {
        let encoding = TELEPHONE_EVENT.to_owned();
        Self { map: RtpMap { payload_type, encoding, rate_hz, channels: 1 }, params: Some(DIGITS) }
    }

    fn noise(payload_type: u8) -> Self {
        let encoding = CN.to_owned();
        Self { map: RtpMap { payload_type, encoding, rate_hz: TELEPHONE_HZ, channels: 1 }, params: None }
    }
}

/// All that we offer. Telephone-event of 8,000 Hz goes along with Opus too: some know no other.
pub(super) fn offered(codecs: &[Codec], noise: ComfortNoise) -> Vec<Format> {
    let mut formats: Vec<Format> =
        codecs.iter().map(|c| Format::codec(c.static_payload_type().unwrap_or(OPUS), *c)).collect();
    let telephone = codecs.iter().any(|c| c.clock_rate_hz() == TELEPHONE_HZ);
    formats.extend((telephone && noise == ComfortNoise::Offered).then(|| Format::noise(NOISE)));
    formats.push(Format::event(EVENT, TELEPHONE_HZ));
    let opus = codecs.contains(&Codec::Opus);
    formats.extend(opus.then(|| Format::event(EVENT_48, Codec::Opus.clock_rate_hz())));
    formats
}

/// Our choice from their offer, under their numbers; none where no codec is ours.
pub(super) fn answered(theirs: &Media, codecs: &[Codec], noise: ComfortNoise) -> Option<Vec<Format>> {
    let (number, codec) = theirs.codecs().find(|(_, codec)| codecs.contains(codec))?;
    let mut formats = vec![Format::codec(number, codec)];
    if codec.clock_rate_hz() == TELEPHONE_HZ && noise == ComfortNoise::Offered {
        formats.extend(theirs.comfort_noise().map(Format::noise));
    }
    let event = best_event(codec, theirs.events());
    formats.extend(event.map(|(number, rate_hz)| Format::event(number, rate_hz)));
    Some(formats)
}

/// The event type of the codec's clock (RFC 4733 §2.1), else that of 8,000 Hz: a digit whose duration
/// counts another clock is a digit still.
pub(super) fn best_event(codec: Codec, events: impl Iterator<Item = (u8, u32)>) -> Option<(u8, u32)> {
    let mut telephone = None;
    for (number, rate_hz) in events {
        if rate_hz == codec.clock_rate_hz() {
            return Some((number, rate_hz));
        }
        if rate_hz == TELEPHONE_HZ {
            telephone = telephone.or(Some((number, rate_hz)));
        }
    }
    telephone
}

impl Media {
    /// Each payload type with its encoding name and clock rate, in their order, static types included.
    fn encodings(&self) -> impl Iterator<Item = (u8, &str, u32)> {
        self.formats.iter().filter_map(|f| f.parse::<u8>().ok()).filter_map(|number| {
            let named = self.rtpmaps.iter().find(|m| m.payload_type == number);
            match named {
                Some(map) => Some((number, map.encoding.as_str(), map.rate_hz)),
                None if number == NOISE => Some((number, CN, TELEPHONE_HZ)),
                None => Codec::ALL
                    .into_iter()
                    .find(|c| c.static_payload_type() == Some(number))
                    .map(|c| (number, c.name(), c.clock_rate_hz())),
            }
        })
    }

    /// The codecs of the list that we know.
    pub(super) fn codecs(&self) -> impl Iterator<Item = (u8, Codec)> {
        self.encodings().filter_map(|(number, name, rate_hz)| {
            Codec::from_name(name).filter(|c| c.clock_rate_hz() == rate_hz).map(|c| (number, c))
        })
    }

    /// Telephone-event's numbers and clock rates [Hz].
    pub(super) fn events(&self) -> impl Iterator<Item = (u8, u32)> {
        self.encodings()
            .filter(|(_, name, _)| name.eq_ignore_ascii_case(TELEPHONE_EVENT))
            .map(|(number, _, rate_hz)| (number, rate_hz))
    }

    /// Comfort noise's number.
    pub(super) fn comfort_noise(&self) -> Option<u8> {
        self.encodings()
            .find(|(_, name, rate_hz)| name.eq_ignore_ascii_case(CN) && *rate_hz == TELEPHONE_HZ)
            .map(|(number, ..)| number)
    }
}
