//! What one stream of the engine is worth, from what arrived of it.
//!
//! Loss is counted by sequence numbers between the first packet within the window and the last, not by
//! totals: what begins and ends does not count. Lateness is against the stream's own grid: each packet
//! belongs at its RTP timestamp's place, counted from the earliest that any came in relation to it.

use crate::spread::{BUCKET_US, Histogram};

/// Buckets before and after the first packet's place: 50 ms and 200 ms.
const EARLY: i64 = 200;
const BUCKETS: i64 = 1_000;
/// How many sequence numbers behind the highest are told apart [packets].
const REMEMBERED: u64 = 128;
/// A step in sequence above which it is taken for a new beginning (RFC 3550, A.1: MAX_DROPOUT).
const MAX_DROPOUT: i64 = 3_000;

/// When packets count [µs of the kernel's wall clock].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) open_us: i64,
    pub(crate) close_us: i64,
}

/// What is read of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) at_us: i64,
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
}

/// A stream's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// All that came, from the first packet to the last.
    pub(crate) received: u64,
    /// Sequence numbers in the window.
    pub(crate) expected: u64,
    /// Of these, how many came.
    pub(crate) arrived: u64,
    pub(crate) duplicate: u64,
    pub(crate) reordered: u64,
    /// Too far behind to say whether it is a second time.
    pub(crate) stale: u64,
    /// Times that its SSRC changed or its sequence leapt.
    pub(crate) restarts: u64,
    /// Its first sequence number in the window, and the last.
    pub(crate) first: Option<u16>,
    pub(crate) last: Option<u16>,
}

/// The judge of one stream.
pub(crate) struct Judge {
    window: Window,
    clock_hz: i64,
    counts: Counts,
    grid: Option<Grid>,
    /// Packets by relative delay; bucket [`EARLY`] is the first packet's.
    buckets: Box<[u32]>,
    min_us: i64,
    max_us: i64,
    jitter_us: f64,
    first_us: Option<i64>,
}

/// Where the stream is.
struct Grid {
    ssrc: u32,
    /// The highest sequence number, unwrapped, and which of those behind it came, bit 0 the highest.
    highest: u64,
    seen: u128,
    /// The first in the window, and the highest before it closed.
    base: Option<u64>,
    top: u64,
    /// The last timestamp, unwrapped, as ticks after the first packet's; and that packet's arrival.
    ticks: i64,
    timestamp: u32,
    origin_us: i64,
    last_relative_us: i64,
}

impl Judge {
    pub(crate) fn new(window: Window, clock_hz: u32) -> Self {
        Self {
            window,
            clock_hz: i64::from(clock_hz),
            counts: Counts::default(),
            grid: None,
            buckets: vec![0; BUCKETS as usize].into(),
            min_us: 0,
            max_us: 0,
            jitter_us: 0.0,
            first_us: None,
        }
    }

    pub(crate) fn packet(&mut self, seen: Seen) {
        self.counts.received += 1;
        self.first_us.get_or_insert(seen.at_us);
        let step = self.grid.as_ref().and_then(|grid| grid.step(seen));
        let Some(step) = step else {
            if self.grid.is_some() {
                self.counts.restarts += 1;
                self.close_grid();
            }
            self.begin(seen);
            return;
        };
        let Some(grid) = &mut self.grid else { return };
        let number = grid.highest.saturating_add_signed(step);
        if step > 0 {
            grid.seen = if step < 128 { grid.seen << step } else { 0 } | 1;
            grid.highest = number;
        } else {
            let behind = step.unsigned_abs();
            if behind >= REMEMBERED {
                self.counts.stale += 1;
                return;
            }
            if grid.seen >> behind & 1 == 1 {
                self.counts.duplicate += 1;
                return;
            }
            grid.seen |= 1 << behind;
            self.counts.reordered += 1;
        }
        if grid.counts(number, seen.at_us, self.window) {
            self.counts.arrived += 1;
        }
        let delta = seen.timestamp.wrapping_sub(grid.timestamp).cast_signed();
        grid.ticks += i64::from(delta);
        grid.timestamp = seen.timestamp;
        let relative = (seen.at_us - grid.origin_us) - grid.ticks * 1_000_000 / self.clock_hz;
        // RFC 3550, 6.4.1.
        let change = (relative - grid.last_relative_us).abs() as f64;
        grid.last_relative_us = relative;
        self.jitter_us += (change - self.jitter_us) / 16.0;
        self.place(relative);
    }

    fn begin(&mut self, seen: Seen) {
        // Room below, for packets that the first overtook.
        let number = (1 << 32) + u64::from(seen.sequence);
        let mut grid = Grid {
            ssrc: seen.ssrc,
            highest: number,
            seen: 1,
            base: None,
            top: 0,
            ticks: 0,
            timestamp: seen.timestamp,
            origin_us: seen.at_us,
            last_relative_us: 0,
        };
        if grid.counts(number, seen.at_us, self.window) {
            self.counts.arrived += 1;
        }
        self.grid = Some(grid);
        self.place(0);
    }

    fn place(&mut self, relative_us: i64) {
        let bucket = (relative_us.div_euclid(BUCKET_US) + EARLY).clamp(0, BUCKETS - 1);
        self.buckets[bucket as usize] += 1;
        self.min_us = self.min_us.min(relative_us);
        self.max_us = self.max_us.max(relative_us);
    }

    fn close_grid(&mut self) {
        if let Some(grid) = self.grid.take()
            && let Some(base) = grid.base
        {
            self.counts.expected += grid.top - base + 1;
            self.counts.first.get_or_insert(base as u16);
            self.counts.last = Some(grid.top as u16);
        }
    }

    /// The stream's counts, when no more comes.
    pub(crate) fn close(&mut self) -> Counts {
        self.close_grid();
        self.counts
    }

    /// Adds how late each packet came to `late`.
    pub(crate) fn add_lateness(&self, late: &mut Histogram) {
        let first = self.min_us.div_euclid(BUCKET_US).max(-EARLY) + EARLY;
        for (bucket, n) in self.buckets.iter().enumerate().filter(|(_, n)| **n > 0) {
            late.add_many(bucket as i64 - first, u64::from(*n));
        }
        late.note_max(self.max_us - self.min_us);
    }

    /// Its jitter as the RTCP of a receiver would tell [µs].
    pub(crate) fn jitter_us(&self) -> f64 {
        self.jitter_us
    }

    /// When its first packet came.
    pub(crate) fn first_us(&self) -> Option<i64> {
        self.first_us
    }
}

impl Grid {
    /// How far ahead of the highest it is, negative: behind; none where it does not belong to the stream.
    fn step(&self, seen: Seen) -> Option<i64> {
        let step = i64::from(seen.sequence.wrapping_sub(self.highest as u16).cast_signed());
        (seen.ssrc == self.ssrc && step.abs() <= MAX_DROPOUT).then_some(step)
    }

    /// Whether a packet is within the window; the first there sets where it begins.
    fn counts(&mut self, number: u64, at_us: i64, window: Window) -> bool {
        if at_us < window.open_us {
            return false;
        }
        if at_us >= window.close_us {
            // Late, but of the window.
            return self.base.is_some_and(|base| (base..=self.top).contains(&number));
        }
        let base = *self.base.get_or_insert(number);
        self.top = self.top.max(number);
        number >= base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { open_us: 1_000_000, close_us: 3_000_000 };

    fn seen(n: i64, late_us: i64) -> Seen {
        let sequence = (65_500 + n) as u16;
        Seen {
            at_us: n * 20_000 + late_us,
            ssrc: 7,
            sequence,
            timestamp: (n as u32).wrapping_mul(160).wrapping_sub(5_000),
        }
    }

    fn judged(packets: impl IntoIterator<Item = Seen>) -> (Counts, Judge) {
        let mut judge = Judge::new(WINDOW, 8_000);
        packets.into_iter().for_each(|p| judge.packet(p));
        (judge.close(), judge)
    }

    #[test]
    fn only_the_window_counts_and_there_every_sequence_number() {
        let (all, _) = judged((0..200).map(|n| seen(n, 0)));
        assert_eq!((all.received, all.expected, all.arrived), (200, 100, 100));
        assert_eq!((all.first, all.last), (Some(14), Some(113)));
        // Every tenth is lost: 20 of them, 10 within.
        let (some, _) = judged((0..200).filter(|n| n % 10 != 3).map(|n| seen(n, 0)));
        assert_eq!((some.received, some.expected, some.arrived), (180, 100, 90));
        assert_eq!(judged([]).0, Counts::default());
    }

    #[test]
    fn twice_and_overtaken_are_told_apart_from_lost() {
        let (twice, _) = judged((0..200).flat_map(|n| [seen(n, 0), seen(n, 1)]));
        assert_eq!((twice.expected, twice.arrived, twice.duplicate, twice.reordered), (100, 100, 200, 0));
        let order = (0..100).flat_map(|n| [seen(2 * n + 1, 0), seen(2 * n, 22_000)]);
        let (swapped, _) = judged(order);
        assert_eq!((swapped.duplicate, swapped.reordered), (0, 100));
        // The first of the window overtook the one before it, which does not count.
        assert_eq!(swapped.expected, swapped.arrived);
    }

    #[test]
    fn lateness_is_against_the_earliest_and_has_no_drift_of_the_start() {
        // The first comes 5 ms late, one in a hundred 30 ms.
        let late = |n: i64| {
            if n == 0 {
                5_000
            } else if n % 50 == 7 {
                30_000
            } else {
                0
            }
        };
        let (_, judge) = judged((0..200).map(|n| seen(n, late(n))));
        let mut histogram = Histogram::new(1_000);
        judge.add_lateness(&mut histogram);
        let spread = histogram.spread();
        assert_eq!(spread.max, 30.0);
        assert!(spread.p50 <= 0.25 && spread.p99 >= 30.0 - 0.25, "{spread:?}");
    }

    #[test]
    fn another_ssrc_is_another_beginning_and_loses_nothing() {
        let next = (100..200).map(|n| Seen { ssrc: 8, sequence: 40 + n as u16, ..seen(n, 0) });
        let (counts, _) = judged((0..100).map(|n| seen(n, 0)).chain(next));
        assert_eq!((counts.restarts, counts.expected, counts.arrived), (1, 100, 100));
    }

    #[test]
    fn what_comes_from_long_ago_counts_as_stale() {
        let (counts, _) = judged((0..200).map(|n| seen(n, 0)).chain([seen(10, 4_000_000)]));
        assert_eq!((counts.stale, counts.duplicate), (1, 0));
    }
}
