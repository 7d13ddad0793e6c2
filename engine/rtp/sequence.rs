//! Whether packets come from a live source, in which order and how evenly (RFC 3550, appendices
//! A.1, A.3 and A.8): what a reception report tells.
//!
//! One state per call leg: telephony has one speaker a stream, so another SSRC is either a
//! restarted source, which replaces the one before once it has shown itself, or noise. Absent: what
//! to do about a collision with our own SSRC (8.2); it is counted, and the packets are not used.

use waihu_types::Time;

/// Packets in a row that an unknown source must send (RFC 3550: MIN_SEQUENTIAL).
pub const MIN_SEQUENTIAL: u8 = 2;
/// A gap up to this is loss; beyond it, perhaps a restart (RFC 3550: MAX_DROPOUT) [packets].
pub const MAX_DROPOUT: u16 = 3_000;
/// Older by up to this is reordering (RFC 3550: MAX_MISORDER) [packets].
pub const MAX_MISORDER: u16 = 100;

/// More than this from one packet to the next is a clock that jumped [ticks]: it counts as so much.
const MAX_DEVIATION: u32 = 1 << 26;

/// What a packet is in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The newest so far, `skipped` packets after the one before it.
    Next {
        /// Packets missing in between.
        skipped: u16,
    },
    /// Older than the newest: reordered, or a copy.
    Older,
    /// The source begins anew (another SSRC, or its numbers jumped): what was buffered is void.
    Restarted,
    /// Not to be used: the source is not proven, or the number makes no sense.
    Discarded,
}

/// The sequence numbers of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    ssrc: u32,
    base: u16,
    max: u16,
    cycles: u32,
    received: u64,
    /// The number that would prove a restart.
    bad: Option<u16>,
    /// Expected and received when the last report was made.
    reported: (u64, u64),
    /// Arrival less timestamp of the last packet [ticks, of an unknown beginning].
    transit: Option<u32>,
    /// Sixteen times the mean deviation [ticks].
    jitter_x16: u32,
}

impl Run {
    fn new(ssrc: u32, sequence: u16) -> Self {
        Self {
            ssrc,
            base: sequence,
            max: sequence,
            cycles: 0,
            received: 1,
            bad: None,
            reported: (0, 0),
            transit: None,
            jitter_x16: 0,
        }
    }

    /// A.8: the jitter moves by a sixteenth towards how much later or earlier than the packet before
    /// it this one came.
    fn timed(&mut self, transit: u32) {
        if let Some(last) = self.transit.replace(transit) {
            let d = transit.wrapping_sub(last).cast_signed().unsigned_abs().min(MAX_DEVIATION);
            self.jitter_x16 = self.jitter_x16 - ((self.jitter_x16 + 8) >> 4) + d;
        }
    }

    fn expected(&self) -> u64 {
        u64::from(self.cycles) * 65_536 + u64::from(self.max) + 1 - u64::from(self.base)
    }

    /// A.1's `update_seq` for a source out of probation.
    fn update(&mut self, sequence: u16) -> Arrival {
        let delta = sequence.wrapping_sub(self.max);
        if delta == 0 {
            self.received += 1;
            return Arrival::Older;
        }
        if delta < MAX_DROPOUT {
            if sequence < self.max {
                self.cycles += 1;
            }
            self.max = sequence;
            self.received += 1;
            self.bad = None;
            return Arrival::Next { skipped: delta - 1 };
        }
        if delta <= u16::MAX - MAX_MISORDER {
            if self.bad == Some(sequence) {
                return Arrival::Restarted;
            }
            self.bad = Some(sequence.wrapping_add(1));
            return Arrival::Discarded;
        }
        self.received += 1;
        Arrival::Older
    }
}

/// A source on the way to being believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    ssrc: u32,
    next: u16,
    in_a_row: u8,
}

/// The state of the source of one call leg.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceState {
    run: Option<Run>,
    candidate: Option<Candidate>,
    /// Of runs that ended: packets expected, and received.
    past: (u64, u64),
    own_ssrc: Option<u32>,
    collisions: u64,
}

/// What a reception report says of a source (RFC 3550, 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reception {
    /// The source.
    pub ssrc: u32,
    /// Lost since the last report [1/256 of what was expected]; 0 where copies outweigh the loss.
    pub fraction_lost: u8,
    /// Lost since the beginning, less copies: -2^23 to 2^23 - 1 [packets].
    pub cumulative_lost: i32,
    /// The newest sequence number with the count of wraps above it.
    pub extended_highest: u32,
    /// Interarrival jitter [ticks of the RTP clock].
    pub jitter: u32,
}

/// What a signed number of 24 bits holds.
const CUMULATIVE_MAX: i64 = (1 << 23) - 1;

impl SourceState {
    /// A source of which nothing has been heard.
    ///
    /// Its first packet is believed at once: the signalling has said where it would come from, and
    /// the first 20 ms of a "hello" are worth having. Every later change of SSRC is on probation.
    pub fn new() -> Self {
        Self::default()
    }

    /// We ourselves send under `ssrc`, so a packet with it is a collision or our own come back
    /// (RFC 3550, 8.2).
    pub fn set_own_ssrc(&mut self, ssrc: u32) {
        self.own_ssrc = Some(ssrc);
    }

    /// Packets that came under our own SSRC. Whoever sends says goodbye and takes another number when
    /// the first comes; if they follow the new number too, it is a loop.
    pub fn collisions(&self) -> u64 {
        self.collisions
    }

    /// A packet has come.
    pub fn arrived(&mut self, ssrc: u32, sequence: u16) -> Arrival {
        if self.own_ssrc == Some(ssrc) {
            self.collisions += 1;
            return Arrival::Discarded;
        }
        let Some(run) = &mut self.run else {
            self.run = Some(Run::new(ssrc, sequence));
            return Arrival::Next { skipped: 0 };
        };
        if run.ssrc == ssrc {
            let arrival = run.update(sequence);
            if arrival == Arrival::Restarted {
                self.begin(ssrc, sequence);
            } else if matches!(arrival, Arrival::Next { .. }) {
                self.candidate = None;
            }
            return arrival;
        }
        let in_a_row = match self.candidate {
            Some(c) if c.ssrc == ssrc && c.next == sequence => c.in_a_row + 1,
            _ => 1,
        };
        if in_a_row >= MIN_SEQUENTIAL {
            self.begin(ssrc, sequence);
            return Arrival::Restarted;
        }
        self.candidate = Some(Candidate { ssrc, next: sequence.wrapping_add(1), in_a_row });
        Arrival::Discarded
    }

    /// The packet that was just believed came at `at`. Only for packets whose timestamp is the time of
    /// their first sample: sound, not keys.
    pub fn timed(&mut self, at: Time, timestamp: u32, clock_rate_hz: u32) {
        let Some(run) = &mut self.run else { return };
        let (us, rate) = (at.as_micros(), u64::from(clock_rate_hz));
        // The count wraps, as timestamps do; its beginning means nothing.
        let ticks = (us / 1_000_000).wrapping_mul(rate).wrapping_add(us % 1_000_000 * rate / 1_000_000);
        run.timed((ticks as u32).wrapping_sub(timestamp));
    }

    /// What is to be reported now (A.3); the fraction begins anew. `None` before the first packet.
    pub fn report(&mut self) -> Option<Reception> {
        let extended_highest = self.extended_highest()?;
        let run = self.run.as_mut()?;
        let (expected, received) = (run.expected(), run.received);
        let (expected_before, received_before) = std::mem::replace(&mut run.reported, (expected, received));
        let expected_now = expected - expected_before;
        let lost_now = expected_now.saturating_sub(received - received_before);
        let fraction = (lost_now << 8).checked_div(expected_now).unwrap_or(0);
        let lost = expected.cast_signed() - received.cast_signed();
        Some(Reception {
            ssrc: run.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative_lost: lost.clamp(-CUMULATIVE_MAX - 1, CUMULATIVE_MAX) as i32,
            extended_highest,
            jitter: run.jitter_x16 >> 4,
        })
    }

    /// Interarrival jitter (RFC 3550, 6.4.1) [ticks of the RTP clock].
    pub fn jitter(&self) -> u32 {
        self.run.as_ref().map_or(0, |r| r.jitter_x16 >> 4)
    }

    fn begin(&mut self, ssrc: u32, sequence: u16) {
        if let Some(run) = &self.run {
            self.past.0 += run.expected();
            self.past.1 += run.received;
        }
        self.run = Some(Run::new(ssrc, sequence));
        self.candidate = None;
    }

    /// The believed source.
    pub fn ssrc(&self) -> Option<u32> {
        self.run.as_ref().map(|r| r.ssrc)
    }

    /// The newest sequence number, with the count of wraps above it (RFC 3550, 6.4.1); `None`
    /// before the first packet.
    pub fn extended_highest(&self) -> Option<u32> {
        self.run.as_ref().map(|r| (r.cycles << 16).wrapping_add(u32::from(r.max)))
    }

    /// Packets received from believed sources, copies among them.
    pub fn received(&self) -> u64 {
        self.past.1 + self.run.as_ref().map_or(0, |r| r.received)
    }

    /// Packets that should have come by now, counting from the first.
    pub fn expected(&self) -> u64 {
        self.past.0 + self.run.as_ref().map_or(0, Run::expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(skipped: u16) -> Arrival {
        Arrival::Next { skipped }
    }

    #[test]
    fn a_gap_is_loss_and_a_late_packet_fills_it() {
        let mut s = SourceState::new();
        assert_eq!([10, 11, 14, 12].map(|n| s.arrived(1, n)), [next(0), next(0), next(2), Arrival::Older]);
        assert_eq!((s.expected(), s.received()), (5, 4));
    }

    #[test]
    fn numbers_wrap_and_the_count_goes_on() {
        let mut s = SourceState::new();
        for n in [65_533, 65_534, 65_535, 0, 1, 65_535] {
            assert_ne!(s.arrived(1, n), Arrival::Discarded);
        }
        assert_eq!(s.extended_highest(), Some(65_537));
        assert_eq!((s.expected(), s.received()), (5, 6));
    }

    #[test]
    fn one_wild_number_is_dropped_and_two_in_a_row_are_a_restart() {
        let mut s = SourceState::new();
        s.arrived(1, 100);
        assert_eq!(s.arrived(1, 40_000), Arrival::Discarded);
        assert_eq!(s.arrived(1, 101), next(0));
        assert_eq!(s.arrived(1, 50_000), Arrival::Discarded);
        assert_eq!(s.arrived(1, 50_001), Arrival::Restarted);
        assert_eq!(s.arrived(1, 50_002), next(0));
        // What was expected before the restart stays expected.
        assert_eq!((s.expected(), s.received()), (4, 4));
    }

    #[test]
    fn another_source_is_believed_only_after_two_in_a_row() {
        let mut s = SourceState::new();
        s.arrived(1, 100);
        assert_eq!(s.arrived(2, 7), Arrival::Discarded);
        assert_eq!(s.arrived(3, 8), Arrival::Discarded);
        assert_eq!(s.arrived(2, 8), Arrival::Discarded, "the row was broken");
        assert_eq!(s.arrived(2, 9), Arrival::Restarted);
        assert_eq!(s.ssrc(), Some(2));
        assert_eq!(s.arrived(2, 10), next(0));
    }

    #[test]
    fn a_lone_intruder_between_good_packets_never_gets_in() {
        let mut s = SourceState::new();
        for n in 0..100 {
            assert_eq!(s.arrived(1, n), next(0));
            assert_eq!(s.arrived(9, n), Arrival::Discarded);
        }
        assert_eq!((s.ssrc(), s.expected(), s.received()), (Some(1), 100, 100));
    }

    #[test]
    fn the_jitter_is_that_of_the_rfcs_formula() {
        let (mut s, mut exact, mut before) = (SourceState::new(), 0.0_f64, None::<f64>);
        let mut dice = 7_u64;
        for n in 0..20_000_u32 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let late_us = dice % 30_000;
            s.arrived(1, n as u16);
            // Near both wraps: of the timestamp, and of the ticks since the clock's start.
            let at = 536_869_000_000 + u64::from(n) * 20_000 + late_us;
            s.timed(Time::from_micros(at), (u32::MAX - 1_000).wrapping_add(n * 160), 8_000);
            if let Some(before) = before.replace(late_us as f64) {
                exact += ((late_us as f64 - before).abs() / 125.0 - exact) / 16.0;
            }
            assert!((f64::from(s.jitter()) - exact).abs() < 3.0, "{n}: {} for {exact}", s.jitter());
        }
        assert!(s.jitter() > 40);
    }

    #[test]
    fn even_arrival_has_no_jitter_and_one_jump_fades() {
        let mut s = SourceState::new();
        let mut send = |n: u16, late: u64| {
            s.arrived(1, n);
            s.timed(Time::from_millis(u64::from(n) * 20 + late), u32::from(n) * 960, 48_000);
            s.jitter()
        };
        assert!((0..100).all(|n| send(n, 0) == 0));
        assert_eq!(send(100, 10), 480 / 16);
        assert!((101..200).map(|n| send(n, 10)).last().unwrap() < 2);
    }

    #[test]
    fn a_report_tells_loss_since_the_last_one_and_in_all() {
        let mut s = SourceState::new();
        assert_eq!(s.report(), None);
        // Every fourth is lost, the first is not.
        (0..=100).filter(|n| n % 4 != 3).for_each(|n| _ = s.arrived(9, 65_500_u16.wrapping_add(n)));
        let r = s.report().unwrap();
        assert_eq!((r.ssrc, r.cumulative_lost, r.fraction_lost), (9, 25, (25 * 256 / 101) as u8));
        assert_eq!(r.extended_highest, 65_536 + 64);
        (101..=200).for_each(|n| _ = s.arrived(9, 65_500_u16.wrapping_add(n)));
        let r = s.report().unwrap();
        assert_eq!((r.cumulative_lost, r.fraction_lost), (25, 0));
        assert_eq!(s.report().unwrap().fraction_lost, 0, "nothing was expected");
        // Copies count as received: the loss of the interval is none, and in all it sinks below zero.
        (0..30).for_each(|_| _ = s.arrived(9, 65_500_u16.wrapping_add(200)));
        let r = s.report().unwrap();
        assert_eq!((r.cumulative_lost, r.fraction_lost), (-5, 0));
    }

    #[test]
    fn all_of_an_interval_may_be_lost_and_the_sum_stays_in_24_bits() {
        let mut s = SourceState::new();
        s.arrived(1, 0);
        s.report();
        let mut n = 0_u16;
        for _ in 0..3_000 {
            n = n.wrapping_add(MAX_DROPOUT - 1);
            s.arrived(1, n);
        }
        let r = s.report().unwrap();
        assert_eq!((r.fraction_lost, r.cumulative_lost), (255, 8_388_607));
    }

    #[test]
    fn our_own_number_coming_back_is_told_and_not_heard() {
        let mut s = SourceState::new();
        s.set_own_ssrc(77);
        assert!((0..5).all(|n| s.arrived(77, n) == Arrival::Discarded));
        assert_eq!((s.collisions(), s.ssrc()), (5, None));
        s.set_own_ssrc(78);
        assert_eq!(s.arrived(77, 5), next(0));
    }

    proptest::proptest! {
        #[test]
        fn no_order_of_numbers_makes_it_fall(packets: Vec<(bool, u16, u64, u32)>) {
            let mut s = SourceState::new();
            for (ssrc, n, at, timestamp) in packets {
                s.arrived(u32::from(ssrc), n);
                s.timed(Time::from_micros(at), timestamp, timestamp);
                assert!(s.extended_highest().is_some() && s.report().is_some());
            }
        }
    }
}
