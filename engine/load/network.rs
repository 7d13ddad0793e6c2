//! What a bad network does to packets, decided without one: time and seed in, decisions out.
//!
//! Chance is a seeded generator, so a run can be repeated. Absent: limits of rate, and queues that grow.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use waihu_types::Time;

/// How much later than its order a packet comes that is overtaken: more than the 20 ms to the next.
const OVERTAKEN: Duration = Duration::from_millis(30);

/// A network's faults; all off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// The share of packets that are lost one by one, 0 to 1.
    pub loss: f64,
    /// Runs of packets that are lost together.
    pub burst: Option<Burst>,
    /// How long every packet is on its way [ms].
    pub delay_ms: u32,
    /// By how much more at most, equally spread; order is kept [ms].
    pub jitter_ms: u32,
    /// The share that is overtaken by the next packet, 0 to 1.
    pub reorder: f64,
    /// The share that comes twice, 0 to 1.
    pub duplicate: f64,
    /// The share with one bit turned over, 0 to 1.
    pub corrupt: f64,
    /// By how much the sender's clock is too fast, negative: too slow [millionths]. The sender keeps to
    /// it; a [`Line`] knows nothing of it.
    pub drift_ppm: i32,
}

impl Network {
    /// Whether a packet may fare otherwise than being there at once.
    pub fn is_perfect(&self) -> bool {
        Self { drift_ppm: 0, ..*self } == Self::default()
    }
}

/// Gilbert's model: a line is good, or bad and loses all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// The chance at each packet of a good line that it turns bad, 0 to 1.
    pub begins: f64,
    /// The chance at each packet of a bad line that it turns good, 0 to 1; 0.2 makes bursts of five.
    pub ends: f64,
}

/// One bit of a packet that arrives turned over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip {
    /// Which byte, less than the packet's length.
    pub byte: usize,
    /// The bit within it.
    pub mask: u8,
}

/// One arrival of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When.
    pub at: Time,
    /// What is wrong with it.
    pub flip: Option<Flip>,
}

/// One direction between two ends.
#[derive(Debug)]
pub struct Line {
    network: Network,
    chance: StdRng,
    bad: bool,
    /// When the last packet that kept its order arrives.
    last: Time,
}

impl Line {
    /// A line of that network; the same seed decides the same.
    pub fn new(network: Network, seed: u64) -> Self {
        Self { network, chance: StdRng::seed_from_u64(seed), bad: false, last: Time::ZERO }
    }

    fn falls(&mut self, share: f64) -> bool {
        // Drawn even where it cannot fall: one fault more does not shift all others.
        self.chance.random::<f64>() < share
    }

    /// What becomes of a packet of `len` bytes that is sent `now`: lost, or there once or twice.
    pub fn decide(&mut self, now: Time, len: usize) -> [Option<Delivery>; 2] {
        let network = self.network;
        let turns = match (network.burst, self.bad) {
            (Some(burst), false) => burst.begins,
            (Some(burst), true) => burst.ends,
            (None, _) => 0.0,
        };
        if self.falls(turns) {
            self.bad = !self.bad;
        }
        let lost = self.falls(network.loss) || self.bad;
        let jitter_us = self.chance.random::<f64>() * f64::from(network.jitter_ms) * 1e3;
        let overtaken = self.falls(network.reorder);
        let twice = self.falls(network.duplicate);
        let corrupt = self.falls(network.corrupt);
        let (byte, bit) = (self.chance.random::<u32>() as usize, self.chance.random::<u8>() % 8);
        if lost {
            return [None; 2];
        }
        let delay = Duration::from_millis(network.delay_ms.into()) + Duration::from_micros(jitter_us as u64);
        let mut at = (now + delay).max(self.last);
        match overtaken {
            true => at = at + OVERTAKEN,
            false => self.last = at,
        }
        let flip = (corrupt && len > 0).then(|| Flip { byte: byte % len.max(1), mask: 1 << bit });
        let delivery = Delivery { at, flip };
        [Some(delivery), twice.then_some(delivery)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What arrives of 10,000 packets, one each 20 ms, as (number, delivery) in the order of sending.
    fn fates(network: Network, seed: u64) -> Vec<(u64, Delivery)> {
        let mut line = Line::new(network, seed);
        (0..10_000)
            .flat_map(|n| {
                line.decide(Time::from_millis(n * 20), 172).into_iter().flatten().map(move |d| (n, d))
            })
            .collect()
    }

    #[test]
    fn a_perfect_network_delivers_at_once_and_once() {
        let fates = fates(Network::default(), 1);
        assert_eq!(fates.len(), 10_000);
        assert!(fates.iter().all(|(n, d)| *d == Delivery { at: Time::from_millis(n * 20), flip: None }));
    }

    #[test]
    fn the_same_seed_decides_the_same_and_another_otherwise() {
        let network = Network { loss: 0.1, jitter_ms: 30, corrupt: 0.1, ..Network::default() };
        assert_eq!(fates(network, 7), fates(network, 7));
        assert_ne!(fates(network, 7), fates(network, 8));
    }

    #[test]
    fn faults_fall_as_often_as_they_should() {
        let count = |network| fates(network, 3).len();
        assert!((9_400..9_600).contains(&count(Network { loss: 0.05, ..Network::default() })));
        assert!((10_400..10_600).contains(&count(Network { duplicate: 0.05, ..Network::default() })));
        // Bad for 5 of 100 packets: 0.2 / (0.2 + 0.0105) good.
        let burst = Some(Burst { begins: 0.0105, ends: 0.2 });
        assert!((9_300..9_700).contains(&count(Network { burst, ..Network::default() })));
        let corrupt = fates(Network { corrupt: 0.05, ..Network::default() }, 3);
        let flips: Vec<Flip> = corrupt.iter().filter_map(|(_, d)| d.flip).collect();
        assert!((400..600).contains(&flips.len()));
        assert!(flips.iter().all(|f| f.byte < 172 && f.mask.count_ones() == 1));
    }

    #[test]
    fn bursts_are_runs_and_single_losses_are_not() {
        let runs = |network| {
            let arrived: Vec<u64> = fates(network, 5).iter().map(|(n, _)| *n).collect();
            let gaps = arrived.windows(2).filter(|w| w[1] - w[0] > 1).count() as f64;
            (10_000 - arrived.len()) as f64 / gaps
        };
        assert!(runs(Network { loss: 0.05, ..Network::default() }) < 1.2);
        let burst = Some(Burst { begins: 0.0105, ends: 0.2 });
        assert!(runs(Network { burst, ..Network::default() }) > 3.5);
    }

    #[test]
    fn jitter_keeps_order_and_only_what_is_overtaken_comes_late() {
        let jitter = fates(Network { delay_ms: 50, jitter_ms: 60, ..Network::default() }, 9);
        assert!(jitter.windows(2).all(|w| w[0].1.at <= w[1].1.at));
        let late = |n: u64, d: Delivery| d.at.since(Time::from_millis(n * 20)).as_millis();
        assert!(jitter.iter().all(|(n, d)| (50..=110).contains(&late(*n, *d))));
        let reorder = fates(Network { reorder: 0.02, ..Network::default() }, 9);
        let overtaken = reorder.windows(2).filter(|w| w[0].1.at > w[1].1.at).count();
        assert!((150..250).contains(&overtaken));
    }
}
