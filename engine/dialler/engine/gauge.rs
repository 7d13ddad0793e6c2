//! How loaded this machine is, and whether another call may be placed on it.

use std::time::{Duration, Instant};

use waihu_campaign::{Load, Pace, Pacer};

use crate::plant::Plant;

/// How often the pacer is told of the load: often enough to stop before many more are dialled.
const LOOK: Duration = Duration::from_secs(1);

/// What the load is told from: counts of the media threads at the last look.
pub(super) struct Gauge {
    pacer: Pacer,
    looked_at: Option<Instant>,
    ticks: u64,
    late_ticks: u64,
}

impl Gauge {
    pub(super) fn new(max_at_once: usize) -> Self {
        Self { pacer: Pacer::new(max_at_once.max(1)), looked_at: None, ticks: 0, late_ticks: 0 }
    }

    pub(super) fn may_dial(&self, in_flight: usize) -> bool {
        self.pacer.may_dial(in_flight)
    }

    /// Looks at the load, once a second; the pace, where that is another now.
    pub(super) fn look(&mut self, plant: &Plant, in_flight: usize) -> Option<Pace> {
        if self.looked_at.is_some_and(|at| at.elapsed() < LOOK) {
            return None;
        }
        self.looked_at = Some(Instant::now());
        let (speech, media) = (plant.speech.load(), plant.media.load());
        let late_permille = self.late_permille(media.ticks, media.late_ticks);
        let age = speech.queue_age_p95.max(speech.oldest);
        let load = Load { queue_age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX), late_permille };
        let before = self.pacer.pace();
        self.pacer.loaded(plant.media.now(), load, in_flight);
        Some(self.pacer.pace()).filter(|pace| *pace != before)
    }

    /// Of the ticks since the last look, those that came late.
    fn late_permille(&mut self, ticks: u64, late_ticks: u64) -> u32 {
        let (all, late) = (ticks.saturating_sub(self.ticks), late_ticks.saturating_sub(self.late_ticks));
        (self.ticks, self.late_ticks) = (ticks, late_ticks);
        u32::try_from(late.saturating_mul(1_000) / all.max(1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_ticks_are_a_share_of_those_since_the_last_look() {
        let mut gauge = Gauge::new(4);
        assert_eq!(gauge.late_permille(0, 0), 0);
        assert_eq!(gauge.late_permille(1_000, 5), 5);
        assert_eq!(gauge.late_permille(1_500, 5), 0);
        assert_eq!(gauge.late_permille(1_500, 5), 0, "nobody is on the line");
        assert_eq!(gauge.late_permille(2_000, 505), 1_000);
    }
}
