//! Whose packets count, and where ours go: symmetric RTP (RFC 4961) behind address translation.
//!
//! The rule:
//! 1. Packets from the address in the SDP always count, and bring us back to it.
//! 2. Another address is taken over ("latched") only after five packets in a row of one source,
//!    and only
//!    - while the SDP's address has never spoken, where it is a port of the same host, or in a network
//!      that the trunk's configuration names as the carrier's, or where the SDP's host or the packets'
//!      own means nothing outside its own network (RFC 1918, RFC 6598, RFC 4193, link-local, loopback);
//!    - where the far end has been silent for half a second, if it is a port of the same host.
//! 3. That happens once until the next offer or answer. Everything else is discarded.
//! 4. An offer or answer that names the same address again changes nothing that was found; it only
//!    allows one more change.
//! 5. A key is taken from an address that is believed already, and helps none to be believed; nor is
//!    anybody looked for while the far end says that it sends nothing (both are the slot's part).
//! 6. Under SRTP none of this is needed: a packet that the far end's key opens is the far end's, and the
//!    newest of its stream says where it is.
//!
//! The reason for 2: a far end behind address translation that does not know of it names an address
//! inside its network, and where its packets come from is known by nothing but the packets. One in
//! our own network may name the public side of its translation, and its packets come from within. One
//! that names a public host is there: it may be translated to another port, but whoever sends from
//! another public host is a stranger who guessed our port. The price is that a far end which names one
//! public host and sends from another is not heard unless the trunk names the networks it sends from
//! (RFC 4961 asks it not to; the log tells of it), and that our own network is trusted until the far end
//! speaks.
//!
//! So a translated port is found, and a stranger can neither talk into a call that has sound nor
//! keep one that the signalled side takes up.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use waihu_types::Time;

/// Packets in a row before another address is believed: 100 ms of speech.
const PROBATION: u8 = 5;
/// The far end counts as silent after this.
const QUIET: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
    in_a_row: u8,
}

#[derive(Debug)]
pub(crate) struct Latch {
    signalled: SocketAddr,
    active: SocketAddr,
    heard: Option<Time>,
    used: bool,
    candidate: Option<Candidate>,
}

impl Latch {
    pub(crate) fn new(signalled: SocketAddr) -> Self {
        Self { signalled, active: signalled, heard: None, used: false, candidate: None }
    }

    /// An offer or answer has come.
    pub(crate) fn signalled_again(&mut self, signalled: SocketAddr) {
        if signalled == self.signalled {
            (self.used, self.candidate) = (false, None);
        } else {
            *self = Self::new(signalled);
        }
    }

    /// Where to send; `None` while the far end holds (address 0.0.0.0 or port 0).
    pub(crate) fn target(&self) -> Option<SocketAddr> {
        let a = self.active;
        (a.port() != 0 && !a.ip().is_unspecified()).then_some(a)
    }

    /// Whether packets from `from` count without further proof.
    pub(crate) fn believes(&self, from: SocketAddr) -> bool {
        from == self.signalled || from == self.active
    }

    /// Whether RTCP from `from` is worth reading: it comes from another port of the same host.
    pub(crate) fn believes_host(&self, from: SocketAddr) -> bool {
        from.ip() == self.signalled.ip() || from.ip() == self.active.ip()
    }

    /// A packet that was locked with the far end's key has come, newer than all before it: nobody else can
    /// have made it, nor sent it a second time. Ours go back to where it came from.
    pub(crate) fn proven(&mut self, now: Time, from: SocketAddr) {
        (self.active, self.heard, self.candidate) = (from, Some(now), None);
    }

    /// Whether a valid RTP packet from `from` counts.
    /// `owned` says that it comes from a network that is known to be the far end's.
    pub(crate) fn admits(
        &mut self,
        now: Time,
        from: SocketAddr,
        owned: bool,
        ssrc: u32,
        sequence: u16,
    ) -> bool {
        if self.believes(from) {
            self.active = from;
            self.heard = Some(now);
            self.candidate = None;
            return true;
        }
        let free = match self.heard {
            None => {
                let signalled = self.signalled.ip();
                from.ip() == signalled
                    || owned
                    || is_internal(signalled)
                    || is_internal(from.ip()) && !signalled.is_unspecified()
            }
            Some(at) => now.since(at) >= QUIET && from.ip() == self.active.ip(),
        };
        if self.used || !free {
            return false;
        }
        let in_a_row = match self.candidate {
            Some(c) if c.from == from && c.ssrc == ssrc && c.next == sequence => c.in_a_row + 1,
            _ => 1,
        };
        self.candidate = Some(Candidate { from, ssrc, next: sequence.wrapping_add(1), in_a_row });
        if in_a_row < PROBATION {
            return false;
        }
        self.candidate = None;
        self.used = true;
        self.active = from;
        self.heard = Some(now);
        true
    }
}

/// Whether an address means something in its own network only.
fn is_internal(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let carrier_translated = a == 100 && b & 0xC0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || carrier_translated
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a(s: &str) -> SocketAddr {
        s.parse().unwrap()
    }

    /// How many of `n` packets in a row count.
    fn admitted(l: &mut Latch, ms: u64, from: &str, first: u16, n: u16) -> usize {
        (first..first + n).filter(|s| l.admits(Time::from_millis(ms), a(from), false, 1, *s)).count()
    }

    #[test]
    fn a_translated_address_is_found_when_the_signalled_one_is_silent() {
        let mut l = Latch::new(a("10.0.0.1:4000"));
        assert_eq!(admitted(&mut l, 0, "203.0.113.5:61000", 0, 10), 6);
        assert_eq!(l.target(), Some(a("203.0.113.5:61000")));
        assert_eq!(admitted(&mut l, 9_000, "198.51.100.1:9", 0, 50), 0, "it happens once");
    }

    #[test]
    fn nobody_takes_the_call_of_a_far_end_that_says_where_it_is() {
        for (signalled, stranger, counts) in [
            ("203.0.113.5:4000", "198.51.100.1:4000", false),
            ("[2001:db8::5]:4000", "[2001:db8::6]:4000", false),
            ("203.0.113.5:4000", "203.0.113.5:61000", true),
            ("100.63.255.255:4000", "198.51.100.1:4000", false),
            ("0.0.0.0:4000", "198.51.100.1:4000", false),
            ("0.0.0.0:4000", "10.0.0.1:4000", false),
            ("203.0.113.5:4000", "10.0.0.1:4000", true),
            ("192.0.2.2:4000", "127.0.0.1:4000", true),
            ("100.64.0.1:4000", "198.51.100.1:4000", true),
            ("192.168.1.9:4000", "198.51.100.1:4000", true),
            ("127.0.0.1:4000", "198.51.100.1:4000", true),
            ("[fd00::9]:4000", "[2001:db8::6]:4000", true),
        ] {
            let mut l = Latch::new(a(signalled));
            assert_eq!(admitted(&mut l, 0, stranger, 0, 5), usize::from(counts), "{signalled}, {stranger}");
        }
    }

    #[test]
    fn a_carriers_own_network_is_believed_while_its_host_is_silent() {
        let mut l = Latch::new(a("203.0.113.5:4000"));
        let owned = |l: &mut Latch, n| l.admits(Time::ZERO, a("198.51.100.1:4000"), true, 1, n);
        assert_eq!((0..5).filter(|n| owned(&mut l, *n)).count(), 1);
        assert_eq!(l.target(), Some(a("198.51.100.1:4000")));
        let mut l = Latch::new(a("203.0.113.5:4000"));
        admitted(&mut l, 0, "203.0.113.5:4000", 0, 1);
        assert_eq!((0..50).filter(|n| owned(&mut l, *n)).count(), 0);
    }

    #[test]
    fn who_has_the_key_may_come_from_anywhere() {
        let mut l = Latch::new(a("203.0.113.5:4000"));
        admitted(&mut l, 0, "203.0.113.5:4000", 0, 1);
        l.proven(Time::ZERO, a("198.51.100.1:9"));
        assert_eq!(l.target(), Some(a("198.51.100.1:9")));
    }

    #[test]
    fn nobody_talks_into_a_call_that_has_sound() {
        let mut l = Latch::new(a("10.0.0.1:4000"));
        for n in 0..50 {
            assert_eq!(admitted(&mut l, n * 20, "10.0.0.1:4000", n as u16, 1), 1);
            assert_eq!(admitted(&mut l, n * 20, "10.0.0.1:4002", n as u16, 1), 0);
        }
        assert_eq!(admitted(&mut l, 60_000, "198.51.100.1:4000", 0, 50), 0, "another host, ever");
        assert_eq!(admitted(&mut l, 60_000, "10.0.0.1:4002", 0, 5), 1, "another port after silence");
    }

    #[test]
    fn the_signalled_side_takes_its_call_back_for_good() {
        let mut l = Latch::new(a("10.0.0.1:4000"));
        admitted(&mut l, 0, "198.51.100.1:4000", 0, 5);
        assert_eq!(admitted(&mut l, 0, "10.0.0.1:4000", 0, 1), 1);
        assert_eq!(l.target(), Some(a("10.0.0.1:4000")));
        assert_eq!(admitted(&mut l, 100, "198.51.100.1:4000", 5, 50), 0);
    }

    #[test]
    fn an_answer_with_the_same_address_keeps_what_was_found() {
        let mut l = Latch::new(a("10.0.0.1:4000"));
        admitted(&mut l, 0, "203.0.113.5:61000", 0, 5);
        l.signalled_again(a("10.0.0.1:4000"));
        assert_eq!(l.target(), Some(a("203.0.113.5:61000")));
        assert_eq!(admitted(&mut l, 100, "203.0.113.5:61000", 5, 5), 5, "without a gap");
        assert_eq!(admitted(&mut l, 100, "198.51.100.1:9", 0, 50), 0, "and nobody else");
        assert_eq!(admitted(&mut l, 9_000, "203.0.113.5:61002", 0, 5), 1, "but its next port");
        l.signalled_again(a("10.0.0.1:4004"));
        assert_eq!(l.target(), Some(a("10.0.0.1:4004")));
    }

    #[test]
    fn a_broken_row_or_mixed_sources_are_not_believed() {
        let mut l = Latch::new(a("10.0.0.1:4000"));
        for n in 0..40 {
            assert!(!l.admits(Time::ZERO, a("10.0.0.1:4002"), false, 1, n * 2));
            assert!(!l.admits(Time::ZERO, a("10.0.0.1:4004"), false, 1, n));
        }
    }

    #[test]
    fn nothing_is_sent_to_a_far_end_on_hold() {
        assert_eq!(Latch::new(a("0.0.0.0:4000")).target(), None);
        assert_eq!(Latch::new(a("10.0.0.1:0")).target(), None);
    }
}
