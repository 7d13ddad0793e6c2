//! How loaded this machine is, looked at once a second; and what the pacing goes by, for whoever watches.

use std::time::{Duration, Instant};

use waihu_campaign::{Load, pacing::Pacing};
use waihu_trunk::{Carrier, Standing};

use super::Active;
use crate::plant::Plant;

/// How often it is looked at: often enough to stop before many more are dialled.
const LOOK: Duration = Duration::from_secs(1);

/// What the load is told from: counts of the media threads at the last look.
#[derive(Default)]
pub(super) struct Gauge {
    load: Load,
    looked_at: Option<Instant>,
    ticks: u64,
    late_ticks: u64,
}

impl Gauge {
    /// The load as it is, or was less than a second ago.
    pub(super) fn read(&mut self, plant: &Plant) -> Load {
        if self.looked_at.is_none_or(|at| at.elapsed() >= LOOK) {
            self.looked_at = Some(Instant::now());
            let (speech, media) = (plant.speech.load(), plant.media.load());
            let late_permille = self.late_permille(media.ticks, media.late_ticks);
            let age = speech.queue_age_p95.max(speech.oldest);
            let queue_age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            metrics::gauge!("waihu_recognition_queue_age_seconds").set(age.as_secs_f64());
            metrics::gauge!("waihu_media_late_ratio").set(f64::from(late_permille) / 1_000.0);
            self.load = Load { queue_age_ms, late_permille };
        }
        self.load
    }

    /// Of the ticks since the last look, those that came late.
    fn late_permille(&mut self, ticks: u64, late_ticks: u64) -> u32 {
        let (all, late) = (ticks.saturating_sub(self.ticks), late_ticks.saturating_sub(self.late_ticks));
        (self.ticks, self.late_ticks) = (ticks, late_ticks);
        u32::try_from(late.saturating_mul(1_000) / all.max(1)).unwrap_or(u32::MAX)
    }
}

/// Tells how many of the carrier's machines stand how.
pub(super) fn measure_trunk(carrier: &Carrier) {
    let standings = carrier.standings();
    for standing in Standing::ALL {
        let count = standings.iter().filter(|(_, stands)| *stands == standing).count();
        metrics::gauge!("waihu_trunk_machines", "state" => standing.label()).set(count as f64);
    }
}

/// Tells what the pacing has learnt of each campaign; of those whose calls want agents, how many found none too.
pub(super) fn measure<'a>(pacing: &Pacing, campaigns: impl Iterator<Item = &'a Active>) {
    let today = super::today();
    for campaign in campaigns {
        let Some(view) = pacing.view(campaign.id(), today) else { continue };
        let tell = |name: &'static str, value: f64| {
            metrics::gauge!(name, "campaign" => campaign.id().to_string()).set(value);
        };
        tell("waihu_pacing_answer_ratio", view.answer_rate);
        tell("waihu_pacing_talk_seconds", view.talk_s);
        if campaign.wants_agents() {
            tell("waihu_pacing_abandoned_ratio", view.window.share());
            tell("waihu_pacing_abandoned_limit_ratio", view.most);
            tell("waihu_pacing_abandoned_room", f64::from(view.room));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_ticks_are_a_share_of_those_since_the_last_look() {
        let mut gauge = Gauge::default();
        assert_eq!(gauge.late_permille(0, 0), 0);
        assert_eq!(gauge.late_permille(1_000, 5), 5);
        assert_eq!(gauge.late_permille(1_500, 5), 0);
        assert_eq!(gauge.late_permille(1_500, 5), 0, "nobody is on the line");
        assert_eq!(gauge.late_permille(2_000, 505), 1_000);
    }
}
