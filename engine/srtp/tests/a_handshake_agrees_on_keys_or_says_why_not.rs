//! Two handshakes of ours over a line in memory, in virtual time: they agree on keys through loss, delay and
//! rubbish, and where they must not agree they say why.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, Instant};

use waihu_srtp::{Certificate, DtlsError, DtlsKeys, Handshake, Lock, MAX_GROWTH, Role, Unlock};
use waihu_types::SrtpSuite;

type Outcome = Option<Result<DtlsKeys, DtlsError>>;

/// A simple generator: every run is the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// A line: what is on its way, and how badly it treats it.
struct Line {
    dice: Dice,
    /// Of a hundred datagrams.
    lost: u64,
    doubled: u64,
    /// The longest delay; the shortest is 10 ms [ms].
    delay_ms: u64,
    /// When, to whom, what.
    under_way: Vec<(Instant, usize, Vec<u8>)>,
}

impl Line {
    fn new(seed: u64, lost: u64, doubled: u64, delay_ms: u64) -> Self {
        let seed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { dice: Dice(seed), lost, doubled, delay_ms, under_way: Vec::new() }
    }

    fn send(&mut self, now: Instant, to: usize, bytes: &[u8]) {
        let copies = if self.dice.below(100) < self.doubled { 2 } else { 1 };
        for _ in 0..copies {
            if self.dice.below(100) >= self.lost {
                let delay = 10 + self.dice.below(self.delay_ms - 9);
                self.under_way.push((now + Duration::from_millis(delay), to, bytes.to_vec()));
            }
        }
    }

    /// Runs both sides until each has an outcome; gives them and how long it took.
    fn run(&mut self, sides: &mut [Handshake; 2], begin: Instant) -> ([Outcome; 2], Duration) {
        let (mut outcomes, mut now) = ([None, None], begin);
        for _ in 0..20_000 {
            for (n, side) in sides.iter_mut().enumerate() {
                while let Some(bytes) = side.poll_datagram() {
                    self.send(now, 1 - n, &bytes);
                }
                if let Some(outcome) = side.outcome() {
                    assert!(outcomes[n].replace(outcome).is_none(), "an outcome is told once");
                }
            }
            let next_timeout = sides.iter().filter_map(Handshake::poll_timeout).min();
            let next_datagram = self.under_way.iter().map(|(at, ..)| *at).min();
            // Once both have ended, what is still under way matters to neither.
            if outcomes.iter().all(Option::is_some) {
                return (outcomes, now - begin);
            }
            let Some(next) = [next_timeout, next_datagram].into_iter().flatten().min() else {
                return (outcomes, now - begin);
            };
            now = now.max(next);
            while let Some(at) = self.under_way.iter().position(|(at, ..)| *at <= now) {
                let (_, to, bytes) = self.under_way.swap_remove(at);
                sides[to].handle_datagram(now, &bytes);
            }
            sides.iter_mut().for_each(|side| side.handle_timeout(now));
        }
        panic!("it does not end");
    }
}

fn sides(now: Instant) -> [Handshake; 2] {
    let (a, b) = (Certificate::generate().unwrap(), Certificate::generate().unwrap());
    [
        Handshake::new(&a, Role::Active, b.sha256_fingerprint(), now).unwrap(),
        Handshake::new(&b, Role::Passive, a.sha256_fingerprint(), now).unwrap(),
    ]
}

fn agreed([a, b]: &[Outcome; 2]) -> DtlsKeys {
    let (a, b) = (a.unwrap().unwrap(), b.unwrap().unwrap());
    assert!(a.ours == b.theirs && a.theirs == b.ours && a.ours != a.theirs);
    a
}

#[test]
fn both_sides_lock_for_each_other_with_the_preferred_suite() {
    let now = Instant::now();
    let (outcomes, took) = Line::new(1, 0, 0, 10).run(&mut sides(now), now);
    let keys = agreed(&outcomes);
    assert_eq!(keys.ours.suite(), SrtpSuite::AeadAes128Gcm);
    // Six flights, of which the last two need no wait of ours.
    assert!(took <= Duration::from_millis(60), "{took:?}");
    let mut packet = [0x80; 172 + MAX_GROWTH];
    let len = Lock::new(&keys.ours).unwrap().rtp(&mut packet, 172).unwrap();
    let theirs = outcomes[1].unwrap().unwrap().theirs;
    assert_eq!(Unlock::new(&theirs).unwrap().rtp(&mut packet[..len]), Ok(172));
}

#[test]
fn loss_doubling_and_disorder_cost_time_only() {
    let (mut longest, mut within_a_second) = (Duration::ZERO, 0);
    for seed in 0..200 {
        let now = Instant::now();
        let (outcomes, took) = Line::new(seed, 10, 10, 200).run(&mut sides(now), now);
        agreed(&outcomes);
        longest = longest.max(took);
        within_a_second += u32::from(took <= Duration::from_secs(1));
    }
    assert!(longest <= Duration::from_secs(5), "{longest:?}");
    assert!(within_a_second >= 100, "{within_a_second}");
}

/// The far end is not there yet when we begin, for longer than rtc-dtls tries.
#[test]
fn a_far_end_that_comes_late_is_waited_for() {
    let begin = Instant::now();
    let [mut a, mut b] = sides(begin);
    let mut now = begin;
    while now < begin + Duration::from_secs(6) {
        while a.poll_datagram().is_some() {}
        now = a.poll_timeout().unwrap();
        a.handle_timeout(now);
    }
    assert_eq!(a.outcome(), None);
    b.handle_timeout(now);
    let (outcomes, _) = Line::new(2, 0, 0, 20).run(&mut [a, b], now);
    agreed(&outcomes);
}

#[test]
fn another_certificate_than_the_signallings_gives_no_keys() {
    for wrong_side in [0, 1] {
        let now = Instant::now();
        let (a, b) = (Certificate::generate().unwrap(), Certificate::generate().unwrap());
        let mut known = [b.sha256_fingerprint(), a.sha256_fingerprint()];
        known[wrong_side][31] ^= 1;
        let mut sides = [
            Handshake::new(&a, Role::Active, known[0], now).unwrap(),
            Handshake::new(&b, Role::Passive, known[1], now).unwrap(),
        ];
        let (outcomes, _) = Line::new(3, 0, 0, 10).run(&mut sides, now);
        assert_eq!(outcomes[wrong_side], Some(Err(DtlsError::Fingerprint)));
        assert_eq!(outcomes[1 - wrong_side], Some(Err(DtlsError::Refused)));
    }
}

#[test]
fn silence_ends_after_ten_seconds() {
    for n in [0, 1] {
        let begin = Instant::now();
        let mut side = sides(begin).into_iter().nth(n).unwrap();
        let (mut now, mut sent) = (begin, 0);
        while let Some(at) = side.poll_timeout() {
            assert!(at > now || now == begin);
            now = at;
            side.handle_timeout(now);
            while side.poll_datagram().is_some() {
                sent += 1;
            }
        }
        assert_eq!(side.outcome(), Some(Err(DtlsError::TimedOut)));
        assert_eq!(now - begin, Duration::from_secs(10));
        assert!(sent <= 30);
        side.handle_timeout(now + Duration::from_secs(1));
        assert_eq!((side.outcome(), side.poll_datagram()), (None, None));
    }
}

/// Rubbish of every length, and records with a true header and rubbish in it, before each true datagram.
#[test]
fn rubbish_between_the_flights_is_passed_over() {
    let mut dice = Dice(0xbad);
    for _ in 0..20 {
        let now = Instant::now();
        let mut sides = sides(now);
        let mut line = Line::new(4, 0, 0, 10);
        for side in &mut sides {
            for _ in 0..20 {
                let mut rubbish: Vec<u8> = (0..dice.below(120)).map(|_| dice.below(256) as u8).collect();
                side.handle_datagram(now, &rubbish);
                if let Some(first) = rubbish.first_mut() {
                    *first = 20 + dice.below(44) as u8;
                }
                side.handle_datagram(now, &rubbish);
                if rubbish.len() > 25 {
                    let body = rubbish.len() as u16 - 13;
                    rubbish[0] = [20, 21, 23, 24][dice.below(4) as usize];
                    rubbish[1..5].copy_from_slice(&[0xfe, 0xfd, 0, 0]);
                    rubbish[11..13].copy_from_slice(&body.to_be_bytes());
                    side.handle_datagram(now, &rubbish);
                }
            }
        }
        agreed(&line.run(&mut sides, now).0);
    }
}

/// The passive side is done when it has sent its last flight; if that is lost, the active side repeats its
/// own, and the passive side answers although its outcome is told.
#[test]
fn a_lost_last_flight_is_sent_again() {
    let begin = Instant::now();
    let [mut active, mut passive] = sides(begin);
    let mut now = begin;
    let keys = loop {
        while let Some(bytes) = active.poll_datagram() {
            passive.handle_datagram(now, &bytes);
        }
        if let Some(outcome) = passive.outcome() {
            while passive.poll_datagram().is_some() {}
            break outcome.unwrap();
        }
        while let Some(bytes) = passive.poll_datagram() {
            active.handle_datagram(now, &bytes);
        }
    };
    assert_eq!(active.outcome(), None);
    now = active.poll_timeout().unwrap();
    active.handle_timeout(now);
    while let Some(bytes) = active.poll_datagram() {
        passive.handle_datagram(now, &bytes);
    }
    while let Some(bytes) = passive.poll_datagram() {
        active.handle_datagram(now, &bytes);
    }
    assert_eq!(active.outcome().unwrap().unwrap().theirs, keys.ours);
    assert_eq!(now - begin, Duration::from_millis(500));
}

#[test]
fn a_flood_of_records_is_not_kept() {
    let now = Instant::now();
    let [_, mut passive] = sides(now);
    // The epoch after this one: such records wait for their key.
    let mut record = vec![23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0];
    record.resize(13 + 1024, 0);
    for n in 0..1_000_u16 {
        record[9..11].copy_from_slice(&n.to_be_bytes());
        passive.handle_datagram(now, &record);
    }
    assert_eq!(passive.outcome(), Some(Err(DtlsError::Flooded)));
}

/// Once there are keys, an alert, a close or a new beginning takes them from nobody.
#[test]
fn what_comes_after_the_end_changes_nothing() {
    let now = Instant::now();
    let mut sides = sides(now);
    agreed(&Line::new(5, 0, 0, 10).run(&mut sides, now).0);
    for side in &mut sides {
        for alert in [[2, 40], [1, 0]] {
            let mut record = vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2];
            record.extend(alert);
            side.handle_datagram(now, &record);
        }
        side.handle_timeout(now + Duration::from_secs(60));
        assert_eq!((side.outcome(), side.poll_timeout()), (None, None));
    }
}
