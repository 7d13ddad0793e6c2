//! A far end that proves where it is: the lite agent's side of ICE (RFC 8445, RFC 7675), for browsers.
//!
//! The rule:
//! 1. A check with our password is answered, and its address belongs to the far end.
//! 2. Ours go to the address that was nominated last; before one was, to the one checked last.
//! 3. They go there for as long as checks come from there, and for half a minute after the last: who is not
//!    heard of any more is sent nothing (consent, RFC 7675). Then any check brings us back.
//!
//! The password is all the proof there is: a check that someone saw on its way and sends again from
//! elsewhere is believed as well. What goes there is locked, and the far end's next check brings it back.
//! Absent: checks of ours, candidates and pairs (a lite agent has none), TURN.

use std::{fmt, net::SocketAddr, time::Duration};

use waihu_srtp::stun::{self, Answer, MAX_ANSWER};
use waihu_types::Time;

/// Without a check for so long nothing more is sent (RFC 7675, 5.1). Browsers check each 2 to 5 s.
const CONSENT: Duration = Duration::from_secs(30);
/// Addresses of the far end that are remembered: a machine's networks, in both families.
const KNOWN: usize = 8;
/// Answers in a tick. A browser sends a check each 50 ms while it tries its addresses; what is beyond is
/// lost to it as in any network, and a flood of checks costs the other calls no more than one of sound.
const ANSWERS: u8 = 16;

/// What a check has to know: our `a=ice-ufrag` and `a=ice-pwd`.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// Names the slot; on a port that several share, no two have the same.
    pub ufrag: String,
    /// Whoever has it can have the sound sent to where they are.
    pub pwd: String,
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// An address that was proven to be the far end's, and the one that is forgotten for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    pub(crate) address: SocketAddr,
    pub(crate) forgotten: Option<SocketAddr>,
}

/// What came of a check.
pub(crate) struct Checked {
    /// The answer's length [bytes].
    pub(crate) len: usize,
    /// Nothing more was sent before it.
    pub(crate) renewed: bool,
}

#[derive(Debug)]
pub(crate) struct Checks {
    ours: IceCredentials,
    known: [Option<SocketAddr>; KNOWN],
    /// Which of them is forgotten next.
    oldest: usize,
    to: Option<SocketAddr>,
    is_nominated: bool,
    /// When the last check came from there.
    heard: Time,
    /// It was told that nothing more is sent.
    is_lost: bool,
    answers: u8,
    fresh: Option<Proven>,
}

impl Checks {
    pub(crate) fn new(ours: IceCredentials) -> Self {
        Self {
            ours,
            known: [None; KNOWN],
            oldest: 0,
            to: None,
            is_nominated: false,
            heard: Time::ZERO,
            is_lost: false,
            answers: ANSWERS,
            fresh: None,
        }
    }

    /// A datagram that begins as STUN has come. Where it is a check with our password, its answer stands in
    /// `out`.
    pub(crate) fn take(
        &mut self,
        arrived: Time,
        from: SocketAddr,
        bytes: &[u8],
        out: &mut [u8; MAX_ANSWER],
    ) -> Option<Checked> {
        if self.answers == 0 {
            return None;
        }
        let Answer { len, nominated } =
            stun::answer(bytes, &self.ours.ufrag, &self.ours.pwd, from, out).ok()?;
        self.answers -= 1;
        if !self.knows(from) {
            if self.to.is_some() && self.known[self.oldest] == self.to {
                self.oldest = (self.oldest + 1) % KNOWN;
            }
            let forgotten = self.known[self.oldest].replace(from);
            self.oldest = (self.oldest + 1) % KNOWN;
            self.fresh = Some(Proven { address: from, forgotten });
        }
        let is_heard = self.to.is_some() && arrived.since(self.heard) < CONSENT;
        if nominated || !self.is_nominated || !is_heard || self.to == Some(from) {
            self.is_nominated = nominated || is_heard && self.is_nominated;
            (self.to, self.heard) = (Some(from), self.heard.max(arrived));
        }
        Some(Checked { len, renewed: std::mem::take(&mut self.is_lost) })
    }

    /// 20 ms have gone by; whether with them the consent has ended.
    pub(crate) fn tick(&mut self, now: Time) -> bool {
        self.answers = ANSWERS;
        let ends = !self.is_lost && self.to.is_some() && self.target(now).is_none();
        self.is_lost |= ends;
        ends
    }

    /// Where to send; none where nobody is known to hear it.
    pub(crate) fn target(&self, now: Time) -> Option<SocketAddr> {
        self.to.filter(|_| now.since(self.heard) < CONSENT)
    }

    /// Whether an address is the far end's.
    pub(crate) fn knows(&self, from: SocketAddr) -> bool {
        self.known.contains(&Some(from))
    }

    /// An address that was not known when this was asked last.
    pub(crate) fn take_fresh(&mut self) -> Option<Proven> {
        self.fresh.take()
    }
}

#[cfg(test)]
mod tests {
    use waihu_srtp::stun::Nomination::{self, Nominated, Tried};

    use super::*;

    const PWD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    fn checks() -> Checks {
        Checks::new(IceCredentials { ufrag: "evtj".to_owned(), pwd: PWD.to_owned() })
    }

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn secs(s: u64) -> Time {
        Time::from_millis(s * 1_000)
    }

    fn asked(checks: &mut Checks, s: u64, port: u16, how: Nomination) -> Option<Checked> {
        let mut bytes = [0; 128];
        let len = stun::check([7; 12], "evtj:far", PWD, how, &mut bytes).unwrap();
        checks.take(secs(s), at(port), &bytes[..len], &mut [0; MAX_ANSWER])
    }

    #[test]
    fn ours_goes_where_it_was_nominated_and_before_that_where_it_was_checked_last() {
        let mut c = checks();
        for (port, how, target) in [
            (1, Tried, 1),
            (2, Tried, 2),
            (1, Nominated, 1),
            (2, Tried, 1),
            (1, Tried, 1),
            (2, Tried, 1),
            (3, Nominated, 3),
            (1, Tried, 3),
        ] {
            assert!(asked(&mut c, 1, port, how).is_some());
            assert_eq!(c.target(secs(1)), Some(at(target)), "after {how:?} from {port}");
        }
        assert!((1..4).all(|port| c.knows(at(port))) && !c.knows(at(4)));
    }

    #[test]
    fn who_has_not_checked_for_half_a_minute_is_sent_nothing_until_the_next_check() {
        let mut c = checks();
        assert!(!c.tick(secs(100)), "nobody was there to be lost");
        asked(&mut c, 100, 1, Nominated);
        // Checks from elsewhere say nothing of the address that is sent to.
        asked(&mut c, 120, 2, Tried);
        let just_before = Time::from_millis(129_980);
        assert_eq!((c.tick(just_before), c.target(just_before)), (false, Some(at(1))));
        let ended = secs(130);
        assert_eq!((c.tick(ended), c.target(ended)), (true, None));
        assert!(!c.tick(secs(200)), "told once");
        assert!(asked(&mut c, 200, 2, Tried).unwrap().renewed, "any address brings it back");
        assert_eq!(c.target(secs(201)), Some(at(2)));
        assert!(!asked(&mut c, 202, 2, Tried).unwrap().renewed);
        assert!(c.tick(secs(240)), "and is lost again");
    }

    #[test]
    fn a_few_addresses_are_remembered_and_the_one_in_use_is_among_them() {
        let mut c = checks();
        asked(&mut c, 1, 1, Nominated);
        let mut forgotten = 0;
        for port in 2..100 {
            c.tick(secs(1));
            asked(&mut c, 1, port, Tried);
            let fresh = c.take_fresh().unwrap();
            assert_eq!(fresh.address, at(port));
            forgotten += usize::from(fresh.forgotten.is_some());
            assert!(c.knows(at(1)) && c.knows(at(port)));
        }
        assert_eq!((1..100).filter(|port| c.knows(at(*port))).count(), KNOWN);
        assert_eq!(forgotten, 99 - KNOWN);
        assert_eq!(c.take_fresh(), None);
    }

    #[test]
    fn answers_are_bounded_in_a_tick() {
        let mut c = checks();
        let answered = |c: &mut Checks| (0..100).filter(|_| asked(c, 1, 1, Tried).is_some()).count();
        assert_eq!(answered(&mut c), usize::from(ANSWERS));
        c.tick(secs(1));
        assert_eq!(answered(&mut c), usize::from(ANSWERS));
    }

    #[test]
    fn the_password_is_never_shown() {
        assert!(!format!("{:?}", checks()).contains(PWD));
    }
}
