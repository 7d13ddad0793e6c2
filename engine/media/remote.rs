//! The far end of a leg, as offer and answer have it, and what its packets hold.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use waihu_rtp::{DtmfEvent, Packet, dtmf};
use waihu_types::{Codec, Direction, SrtpKey};

/// Comfort noise (RFC 3389): of every telephone's clock rate, and never negotiated away.
const COMFORT_NOISE: u8 = 13;

/// Where a slot sends, and how: the outcome of offer and answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// From the SDP. 0.0.0.0 or port 0 is a far end on hold: nothing is sent to it.
    pub address: SocketAddr,
    /// Where its RTCP goes (RFC 3605); the address itself where both share a port (RFC 5761), none
    /// where it wants none.
    pub rtcp: Option<SocketAddr>,
    /// The source that its description names (RFC 5576). On a shared port it tells streams of one
    /// address apart.
    pub ssrc: Option<u32>,
    /// How sound is coded.
    pub codec: Codec,
    /// Under which number it is sent.
    pub payload_type: u8,
    /// Under which number it comes, where that is another: who answers may give dynamic ones anew
    /// (RFC 3264, 6.1).
    pub incoming_payload_type: u8,
    /// Under which number keys are sent; without one they are sent as tones.
    pub dtmf_payload_type: Option<u8>,
    /// The clock of the keys' durations [Hz]: the codec's, but 8000 where the far end has no other
    /// beside Opus.
    pub dtmf_clock_hz: u32,
    /// Nothing is sent to who does not listen, and nothing expected of who does not send.
    pub direction: Direction,
    /// How the sound is locked.
    pub security: Security,
    /// Networks that its sound may come from besides the host it names (a carrier's media servers): an
    /// address and the bits of it that count.
    pub networks: Arc<[(IpAddr, u8)]>,
    /// Keys are heard as tones in the sound too.
    pub inband_keys: bool,
}

/// How a leg's sound is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    Plain,
    /// SRTP with these keys.
    Srtp {
        /// What we lock with.
        ours: SrtpKey,
        /// What the far end locks with.
        theirs: SrtpKey,
    },
    /// By keys that a handshake is to bring (RFC 5764). Until then nothing is sent or heard.
    Awaited,
}

impl Remote {
    /// A far end without RTCP and locks, that takes no keys but tones and sends and listens.
    pub fn plain(address: SocketAddr, codec: Codec, payload_type: u8) -> Self {
        Self {
            address,
            rtcp: None,
            ssrc: None,
            codec,
            payload_type,
            incoming_payload_type: payload_type,
            dtmf_payload_type: None,
            dtmf_clock_hz: codec.clock_rate_hz(),
            direction: Direction::SendRecv,
            security: Security::Plain,
            networks: Arc::default(),
            inband_keys: false,
        }
    }

    /// What a payload type stands for in this call.
    pub(crate) fn codec_of(&self, payload_type: u8) -> Option<Codec> {
        let g711 = matches!(self.codec, Codec::Pcma | Codec::Pcmu);
        match payload_type {
            n if n == self.payload_type || n == self.incoming_payload_type => Some(self.codec),
            // Both laws are in every offer of ours, and an answerer may change between them.
            0 if g711 => Some(Codec::Pcmu),
            8 if g711 => Some(Codec::Pcma),
            _ => None,
        }
    }

    /// What a packet holds; `None` for a payload type that was never agreed.
    pub(crate) fn content(&self, packet: &Packet<'_>) -> Option<Content> {
        let number = packet.payload_type;
        if number == self.incoming_payload_type {
            return Some(Content::Sound(self.codec));
        }
        // A far end may send events under our number while we send them under its own, and we
        // offer nothing else that is dynamic but Opus: four bytes under such a number are an event.
        let event = number >= 96 && number != self.payload_type && packet.payload.len() == dtmf::EVENT_LEN;
        if Some(number) == self.dtmf_payload_type || event {
            return DtmfEvent::parse(packet.payload).map(|_| Content::Keys);
        }
        match self.codec_of(number) {
            Some(codec) => Some(Content::Sound(codec)),
            None if number == COMFORT_NOISE => Some(Content::Noise),
            None => None,
        }
    }

    /// Whether an address is in one of the networks that belong to the far end.
    pub(crate) fn owns(&self, from: IpAddr) -> bool {
        self.networks.iter().any(|(network, bits)| is_within(from, *network, *bits))
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (u128::from(a.to_bits()), u128::from(n.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128_u32),
        _ => return false,
    };
    let host_bits = width.saturating_sub(u32::from(bits));
    // All of a width of 128 cannot be shifted away at once.
    address.checked_shr(host_bits).unwrap_or(0) == network.checked_shr(host_bits).unwrap_or(0)
}

/// What a packet holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Sound(Codec),
    /// Telephone events, one or several.
    Keys,
    Noise,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_what_shares_its_bits() {
        for (address, network, bits, within) in [
            ("203.0.113.7", "203.0.113.0", 24, true),
            ("203.0.114.7", "203.0.113.0", 24, false),
            ("198.51.100.1", "0.0.0.0", 0, true),
            ("203.0.113.7", "203.0.113.7", 32, true),
            ("2001:db8::1", "2001:db8::", 32, true),
            ("2001:db9::1", "2001:db8::", 32, false),
            ("2001:db9::1", "::", 0, true),
            ("203.0.113.7", "::", 0, false),
        ] {
            let (address, network) = (address.parse().unwrap(), network.parse().unwrap());
            assert_eq!(is_within(address, network, bits), within, "{address} in {network}/{bits}");
        }
    }

    #[test]
    fn a_payload_type_stands_for_what_was_agreed() {
        let at = "192.0.2.1:4000".parse().unwrap();
        let mut remote = Remote::plain(at, Codec::Pcma, 8);
        assert_eq!((remote.codec_of(0), remote.codec_of(9)), (Some(Codec::Pcmu), None));
        remote = Remote { dtmf_payload_type: Some(97), ..Remote::plain(at, Codec::Opus, 96) };
        assert_eq!((remote.codec_of(96), remote.codec_of(8)), (Some(Codec::Opus), None));
        let opus = remote.clone();
        let content = |payload_type, payload: &'static [u8]| {
            let (marker, sequence, timestamp, ssrc) = (false, 1, 1, 1);
            opus.content(&Packet { payload_type, marker, sequence, timestamp, ssrc, payload })
        };
        assert_eq!(content(96, &[1, 2, 3, 4]), Some(Content::Sound(Codec::Opus)), "four bytes of Opus");
        for number in [97, 101] {
            assert!(content(number, &[5, 0x8A, 3, 32]) == Some(Content::Keys), "{number}");
        }
        assert_eq!((content(13, &[60]), content(18, &[0; 20])), (Some(Content::Noise), None));
        // It answered with numbers of its own, and its keys have the one that we hear sound under.
        remote = Remote { incoming_payload_type: 96, ..Remote::plain(at, Codec::Opus, 111) };
        remote.dtmf_payload_type = Some(96);
        assert_eq!((remote.codec_of(96), remote.codec_of(111)), (Some(Codec::Opus), Some(Codec::Opus)));
        let packet = Packet {
            payload_type: 96,
            marker: false,
            sequence: 1,
            timestamp: 1,
            ssrc: 1,
            payload: &[5, 0x8A, 3, 32],
        };
        assert_eq!(remote.content(&packet), Some(Content::Sound(Codec::Opus)));
    }
}
