//! Whose a datagram is, where many slots share one port: by the far end's address, and by its source
//! number where several come from one address.

use std::{collections::HashMap, net::SocketAddr};

/// The slots of a thread, by their far ends.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    by_source: HashMap<(SocketAddr, u32), usize>,
    by_address: HashMap<SocketAddr, Vec<usize>>,
    known: HashMap<usize, (SocketAddr, Option<u32>)>,
}

impl Demux {
    /// The far end of the slot at a place, as its description has it now.
    pub(crate) fn learn(&mut self, place: usize, far_end: Option<(SocketAddr, Option<u32>)>) {
        let Some((address, ssrc)) = far_end else { return };
        self.forget(place);
        self.known.insert(place, (address, ssrc));
        match ssrc {
            Some(ssrc) => drop(self.by_source.insert((address, ssrc), place)),
            None => self.by_address.entry(address).or_default().push(place),
        }
    }

    pub(crate) fn forget(&mut self, place: usize) {
        let Some((address, _)) = self.known.remove(&place) else { return };
        self.by_source.retain(|_, p| *p != place);
        if let Some(places) = self.by_address.get_mut(&address) {
            places.retain(|p| *p != place);
            if places.is_empty() {
                self.by_address.remove(&address);
            }
        }
    }

    /// The slot that a datagram is for. A source number that nobody named belongs to the slot that
    /// alone has this address; where several have it, nobody can tell, and it is nobody's.
    pub(crate) fn slot_of(&self, from: SocketAddr, bytes: &[u8]) -> Option<usize> {
        let at = match bytes {
            // RTCP names its source where RTP has its timestamp.
            [128..=191, 192..=223, ..] => 4,
            _ => 8,
        };
        let named = bytes.get(at..at + 4).and_then(|b| Some(u32::from_be_bytes(b.try_into().ok()?)));
        let by_source = named.and_then(|ssrc| self.by_source.get(&(from, ssrc)));
        by_source.copied().or_else(|| match self.by_address.get(&from).map(Vec::as_slice) {
            Some([only]) => Some(*only),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtp(ssrc: u32) -> Vec<u8> {
        [&[0x80, 8, 0, 1, 0, 0, 0, 160][..], &ssrc.to_be_bytes(), &[0; 4]].concat()
    }

    #[test]
    fn streams_are_told_apart_by_address_and_source() {
        let (a, b): (SocketAddr, SocketAddr) =
            ("192.0.2.1:4000".parse().unwrap(), "192.0.2.1:4002".parse().unwrap());
        let mut d = Demux::default();
        d.learn(0, Some((a, Some(7))));
        d.learn(1, Some((a, Some(8))));
        d.learn(2, Some((b, None)));
        assert_eq!([7, 8, 9].map(|s| d.slot_of(a, &rtp(s))), [Some(0), Some(1), None]);
        assert_eq!(d.slot_of(b, &rtp(99)), Some(2), "alone at its address");
        assert_eq!(d.slot_of(b, &[1]), Some(2));
        let report = [&[0x80, 201, 0, 1][..], &8_u32.to_be_bytes()].concat();
        assert_eq!(d.slot_of(a, &report), Some(1), "RTCP");
        d.learn(3, Some((b, None)));
        assert_eq!(d.slot_of(b, &rtp(99)), None, "whose it is cannot be told");
        d.forget(2);
        assert_eq!(d.slot_of(b, &rtp(99)), Some(3));
        d.learn(0, Some((b, Some(7))));
        assert_eq!((d.slot_of(a, &rtp(7)), d.slot_of(b, &rtp(7))), (None, Some(0)), "it has moved");
    }
}
