//! Whose a datagram is, where many slots share one port: by the far end's address, and by its source
//! number where several come from one address. A far end that proves where it is by checks is known by the
//! name that they call, and then by where they came from.

use std::{collections::HashMap, net::SocketAddr};

use waihu_srtp::stun;

use crate::checks::Proven;

/// The slots of a thread, by their far ends.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    by_source: HashMap<(SocketAddr, u32), usize>,
    by_address: HashMap<SocketAddr, Vec<usize>>,
    /// Where handshakes come from, which name no source.
    by_rtp: HashMap<SocketAddr, Vec<usize>>,
    known: HashMap<usize, FarEnd>,
    /// Whom a check may call.
    by_ufrag: HashMap<Box<[u8]>, usize>,
    /// Where checks came from: a browser has a port of its own for each session.
    by_check: HashMap<SocketAddr, usize>,
}

/// What tells a far end's datagrams from others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FarEnd {
    pub(crate) rtp: SocketAddr,
    /// Where its RTCP comes from, if it sends any; `rtp` where both share a port.
    pub(crate) rtcp: Option<SocketAddr>,
    pub(crate) ssrc: Option<u32>,
}

impl FarEnd {
    fn addresses(self) -> impl Iterator<Item = SocketAddr> {
        [Some(self.rtp), self.rtcp.filter(|rtcp| *rtcp != self.rtp)].into_iter().flatten()
    }
}

impl Demux {
    /// The far end of the slot at a place, as its description has it now.
    pub(crate) fn learn(&mut self, place: usize, far_end: Option<FarEnd>) {
        let Some(far_end) = far_end else { return };
        self.forget(place);
        self.known.insert(place, far_end);
        self.by_rtp.entry(far_end.rtp).or_default().push(place);
        for address in far_end.addresses() {
            match far_end.ssrc {
                Some(ssrc) => drop(self.by_source.insert((address, ssrc), place)),
                None => self.by_address.entry(address).or_default().push(place),
            }
        }
    }

    pub(crate) fn forget(&mut self, place: usize) {
        let Some(far_end) = self.known.remove(&place) else { return };
        let leave = |places: &mut HashMap<SocketAddr, Vec<usize>>, address| {
            if let Some(all) = places.get_mut(&address) {
                all.retain(|p| *p != place);
                if all.is_empty() {
                    places.remove(&address);
                }
            }
        };
        leave(&mut self.by_rtp, far_end.rtp);
        for address in far_end.addresses() {
            if let Some(ssrc) = far_end.ssrc {
                // Another may have come to it since.
                if self.by_source.get(&(address, ssrc)) == Some(&place) {
                    self.by_source.remove(&(address, ssrc));
                }
            } else {
                leave(&mut self.by_address, address);
            }
        }
    }

    /// The slot at a place answers checks that call it so, and none that called it otherwise before.
    pub(crate) fn expect_checks(&mut self, place: usize, ufrag: &str) {
        self.forget(place);
        self.forget_checks(place);
        self.by_ufrag.insert(ufrag.as_bytes().into(), place);
    }

    /// An address was proven to be the far end's of the slot at a place.
    pub(crate) fn prove(&mut self, place: usize, proven: Proven) {
        if let Some(old) = proven.forgotten.filter(|old| self.by_check.get(old) == Some(&place)) {
            self.by_check.remove(&old);
        }
        self.by_check.insert(proven.address, place);
    }

    /// A few hundred are looked through, once a call.
    pub(crate) fn forget_checks(&mut self, place: usize) {
        self.by_ufrag.retain(|_, p| *p != place);
        self.by_check.retain(|_, p| *p != place);
    }

    /// The slot that a datagram is for. A source number that nobody named belongs to the slot that
    /// alone has this address; where several have it, nobody can tell, and it is nobody's.
    pub(crate) fn slot_of(&self, from: SocketAddr, bytes: &[u8]) -> Option<usize> {
        let alone = |places: Option<&Vec<usize>>| match places.map(Vec::as_slice) {
            Some([only]) => Some(*only),
            _ => None,
        };
        if let [0..=3, ..] = bytes {
            return self.by_ufrag.get(stun::called(bytes)?).copied();
        }
        if let Some(place) = self.by_check.get(&from) {
            return Some(*place);
        }
        if let [4..=63, ..] = bytes {
            return alone(self.by_rtp.get(&from));
        }
        let at = match bytes {
            // RTCP names its source where RTP has its timestamp.
            [128..=191, 192..=223, ..] => 4,
            _ => 8,
        };
        let named = bytes.get(at..at + 4).and_then(|b| Some(u32::from_be_bytes(b.try_into().ok()?)));
        let by_source = named.and_then(|ssrc| self.by_source.get(&(from, ssrc)));
        by_source.copied().or_else(|| alone(self.by_address.get(&from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtp(ssrc: u32) -> Vec<u8> {
        [&[0x80, 8, 0, 1, 0, 0, 0, 160][..], &ssrc.to_be_bytes(), &[0; 4]].concat()
    }

    fn far(rtp: SocketAddr, ssrc: Option<u32>) -> Option<FarEnd> {
        Some(FarEnd { rtp, rtcp: Some(SocketAddr::new(rtp.ip(), rtp.port() + 1)), ssrc })
    }

    #[test]
    fn a_handshake_is_for_who_alone_has_its_address_whatever_source_was_named() {
        let (a, b): (SocketAddr, SocketAddr) =
            ("192.0.2.1:4000".parse().unwrap(), "192.0.2.1:4002".parse().unwrap());
        let mut d = Demux::default();
        d.learn(0, far(a, Some(7)));
        let hello = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
        assert_eq!([a, b].map(|s| d.slot_of(s, &hello)), [Some(0), None]);
        assert_eq!(d.slot_of(a, &rtp(8)), None, "sound of another source is not");
        d.learn(1, far(a, Some(8)));
        assert_eq!(d.slot_of(a, &hello), None, "whose it is cannot be told");
        d.forget(0);
        assert_eq!(d.slot_of(a, &hello), Some(1));
        d.forget(1);
        assert_eq!((d.slot_of(a, &hello), d.by_rtp.len()), (None, 0));
    }

    #[test]
    fn streams_are_told_apart_by_address_and_source() {
        let (a, b): (SocketAddr, SocketAddr) =
            ("192.0.2.1:4000".parse().unwrap(), "192.0.2.1:4002".parse().unwrap());
        let mut d = Demux::default();
        d.learn(0, far(a, Some(7)));
        d.learn(1, far(a, Some(8)));
        d.learn(2, far(b, None));
        assert_eq!([7, 8, 9].map(|s| d.slot_of(a, &rtp(s))), [Some(0), Some(1), None]);
        assert_eq!(d.slot_of(b, &rtp(99)), Some(2), "alone at its address");
        assert_eq!(d.slot_of(b, &[200]), Some(2));
        let report = [&[0x80, 201, 0, 1][..], &8_u32.to_be_bytes()].concat();
        assert_eq!(d.slot_of(a, &report), Some(1), "RTCP on the same port");
        let [above_a, above_b] = [a, b].map(|s| SocketAddr::new(s.ip(), s.port() + 1));
        assert_eq!([above_a, above_b].map(|s| d.slot_of(s, &report)), [Some(1), Some(2)], "and on its own");
        d.learn(3, far(b, None));
        assert_eq!(d.slot_of(b, &rtp(99)), None, "whose it is cannot be told");
        d.forget(2);
        assert_eq!(d.slot_of(b, &rtp(99)), Some(3));
        d.learn(0, far(b, Some(7)));
        assert_eq!((d.slot_of(a, &rtp(7)), d.slot_of(b, &rtp(7))), (None, Some(0)), "it has moved");
        d.learn(4, far(b, Some(7)));
        d.forget(0);
        assert_eq!(d.slot_of(b, &rtp(7)), Some(4), "another has come to its place");
    }
}
