//! Whether packets come from a live source, and in which order (RFC 3550, appendix A.1).
//!
//! One state per call leg: telephony has one speaker a stream, so another SSRC is either a
//! restarted source, which replaces the one before once it has shown itself, or noise.

/// Packets in a row that an unknown source must send (RFC 3550: MIN_SEQUENTIAL).
pub const MIN_SEQUENTIAL: u8 = 2;
/// A gap up to this is loss; beyond it, perhaps a restart (RFC 3550: MAX_DROPOUT) [packets].
pub const MAX_DROPOUT: u16 = 3_000;
/// Older by up to this is reordering (RFC 3550: MAX_MISORDER) [packets].
pub const MAX_MISORDER: u16 = 100;

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
}

impl Run {
    fn new(ssrc: u32, sequence: u16) -> Self {
        Self { ssrc, base: sequence, max: sequence, cycles: 0, received: 1, bad: None }
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
}

impl SourceState {
    /// A source of which nothing has been heard.
    ///
    /// Its first packet is believed at once: the signalling has said where it would come from, and
    /// the first 20 ms of a "hello" are worth having. Every later change of SSRC is on probation.
    pub fn new() -> Self {
        Self::default()
    }

    /// A packet has come.
    pub fn arrived(&mut self, ssrc: u32, sequence: u16) -> Arrival {
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

    proptest::proptest! {
        #[test]
        fn no_order_of_numbers_makes_it_fall(packets: Vec<(bool, u16)>) {
            let mut s = SourceState::new();
            for (ssrc, n) in packets {
                s.arrived(u32::from(ssrc), n);
                assert!(s.extended_highest().is_some());
            }
        }
    }
}
