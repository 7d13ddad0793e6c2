//! How busy a media thread is.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The steps of [`Load::lateness`].
const STEP: Duration = Duration::from_micros(100);
/// How many there are: 50 ms; the last is for all above.
pub const LATENESS_STEPS: usize = 500;

/// How busy the threads are; the pacer dials slower when ticks come late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Slots open now.
    pub slots: u64,
    /// Slots ticked so far, in all.
    pub ticks: u64,
    /// Of these, ticked more than 20 ms late, or not at all.
    pub late_ticks: u64,
    /// Time spent working so far, by all threads. What it grew by between two looks, over the time
    /// between them, is how many threads were in use; ticks come late as it nears their number.
    pub busy: Duration,
    /// Packets that a shared socket refused to send.
    pub refused: u64,
    /// Datagrams at a shared port that were nobody's.
    pub strangers: u64,
    /// How late slots' packets went out, counted in steps of 0.1 ms.
    pub lateness: Vec<u64>,
}

impl Load {
    /// The lateness that a share of packets did not exceed, since an `earlier` look.
    pub fn lateness_quantile(&self, earlier: &Self, share: f64) -> Duration {
        let grown = || self.lateness.iter().zip(&earlier.lateness).map(|(a, b)| a.saturating_sub(*b));
        let wanted = (grown().sum::<u64>() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let step = grown().position(|n| {
            seen += n;
            seen >= wanted && wanted > 0
        });
        // The upper edge of the step in which it lies.
        step.map_or(Duration::ZERO, |n| STEP * (n as u32 + 1))
    }
}

/// What one thread counts, and anybody reads.
#[derive(Debug)]
pub(crate) struct Gauges {
    slots: AtomicU64,
    ticks: AtomicU64,
    late_ticks: AtomicU64,
    busy_ns: AtomicU64,
    refused: AtomicU64,
    strangers: AtomicU64,
    lateness: [AtomicU64; LATENESS_STEPS],
}

impl Gauges {
    pub(crate) fn new() -> Self {
        Self {
            slots: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            late_ticks: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            strangers: AtomicU64::new(0),
            lateness: [const { AtomicU64::new(0) }; LATENESS_STEPS],
        }
    }

    pub(crate) fn opened(&self) {
        self.slots.fetch_add(1, Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.slots.fetch_sub(1, Relaxed);
    }

    pub(crate) fn slots(&self) -> u64 {
        self.slots.load(Relaxed)
    }

    pub(crate) fn ticked(&self, slots: u64, late: Duration, limit: Duration) {
        self.ticks.fetch_add(slots, Relaxed);
        if late > limit {
            self.late_ticks.fetch_add(slots, Relaxed);
        }
        let step = (late.as_nanos() / STEP.as_nanos()) as usize;
        self.lateness[step.min(LATENESS_STEPS - 1)].fetch_add(slots, Relaxed);
    }

    pub(crate) fn skipped(&self, ticks: u64) {
        self.late_ticks.fetch_add(ticks * self.slots(), Relaxed);
    }

    pub(crate) fn worked(&self, busy: Duration) {
        self.busy_ns.fetch_add(busy.as_nanos() as u64, Relaxed);
    }

    pub(crate) fn refused(&self, packets: u64) {
        if packets > 0 {
            self.refused.fetch_add(packets, Relaxed);
        }
    }

    pub(crate) fn strangers(&self, datagrams: u64) {
        self.strangers.fetch_add(datagrams, Relaxed);
    }

    /// Adds this thread's counts to a look at all of them.
    pub(crate) fn add_to(&self, load: &mut Load) {
        load.slots += self.slots();
        load.ticks += self.ticks.load(Relaxed);
        load.late_ticks += self.late_ticks.load(Relaxed);
        load.busy += Duration::from_nanos(self.busy_ns.load(Relaxed));
        load.refused += self.refused.load(Relaxed);
        load.strangers += self.strangers.load(Relaxed);
        for (sum, n) in load.lateness.iter_mut().zip(&self.lateness) {
            *sum += n.load(Relaxed);
        }
    }
}

impl Default for Load {
    fn default() -> Self {
        Self {
            slots: 0,
            ticks: 0,
            late_ticks: 0,
            busy: Duration::ZERO,
            refused: 0,
            strangers: 0,
            lateness: vec![0; LATENESS_STEPS],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_told_by_the_share_of_packets() {
        let gauges = Gauges::new();
        let look = || {
            let mut load = Load::default();
            gauges.add_to(&mut load);
            load
        };
        gauges.ticked(50, Duration::from_millis(40), Duration::from_millis(20));
        let before = look();
        gauges.ticked(98, Duration::from_micros(250), Duration::from_millis(20));
        gauges.ticked(2, Duration::from_millis(700), Duration::from_millis(20));
        let load = look();
        let quantile = |share| load.lateness_quantile(&before, share);
        assert_eq!([0.5, 0.98, 0.99].map(quantile), [300, 300, 50_000].map(Duration::from_micros));
        assert_eq!((load.ticks, load.late_ticks), (150, 52));
        assert_eq!(before.lateness_quantile(&before, 0.5), Duration::ZERO, "nothing in between");
    }
}
