//! Turns: who gave way, who waited, who talked.

use waihu_types::Intent;

use super::{Found, Hearing, does_not_apply, fail, pass, shown, told, unless};
use crate::{Speaker, timeline::Said};

/// What is said over a line and wants no answer.
const IN_PASSING: [Intent; 4] = [Intent::Acknowledge, Intent::Greeting, Intent::Wait, Intent::OutOfScope];

/// Shorter talks have no ratio [ms].
const LEAST_TALK_MS: u64 = 20_000;

/// Lengths are reckoned: what they differ by is nobody's fault [ms].
const RECKONED_MS: u64 = 500;

impl<'a> Hearing<'a> {
    /// Whoever cut in was heeded soon after their words. Lines that have to be heard come before the matter, and go on.
    pub(super) fn barge_in(&self) -> Found {
        let Some(matter) = self.matter().map(|said| said.order).min() else { return does_not_apply() };
        let mut cut_in = 0_u32;
        let mut failures = Vec::new();
        for callee in self.timeline.by(Speaker::Callee) {
            let counts = callee.intent.is_some_and(|intent| !IN_PASSING.contains(&intent))
                && callee.confidence >= self.rules.sure();
            let over = |bot: &&Said<'a>| {
                bot.order >= matter
                    && bot.from_ms + RECKONED_MS < callee.from_ms
                    && callee.from_ms + RECKONED_MS < bot.to_ms
            };
            let Some(bot) = self.timeline.by(Speaker::Bot).find(over).filter(|_| counts) else { continue };
            cut_in += 1;
            let went_on = bot.to_ms.saturating_sub(callee.to_ms);
            if went_on > self.rules.limits.barge_in_ms + RECKONED_MS {
                let s = went_on / 1_000;
                let en = format!(
                    "the bot went on for about {s} s after the callee's words (line {})",
                    callee.line
                );
                failures.push(shown(
                    bot,
                    format!("被叫（第 {} 行）说完后机器人又说了约 {s} 秒", callee.line),
                    en,
                ));
            }
        }
        if cut_in == 0 { does_not_apply() } else { unless(failures) }
    }

    /// How long each line of the callee's waited for ours [ms]. Waiting for an agent is counted elsewhere.
    pub(crate) fn waits(&self) -> impl Iterator<Item = (&Said<'a>, u64)> {
        self.timeline.by(Speaker::Callee).filter_map(|callee| {
            let next =
                self.timeline.said.iter().filter(|s| s.from_ms > callee.from_ms).min_by_key(|s| s.from_ms)?;
            // Over a line of ours nobody waits.
            let over =
                self.timeline.ours().any(|ours| ours.from_ms <= callee.to_ms && callee.to_ms < ours.to_ms);
            (next.is_ours() && !over).then(|| (callee, next.from_ms.saturating_sub(callee.to_ms)))
        })
    }

    /// Nobody waited long for a reply.
    pub(super) fn silence(&self) -> Found {
        if !self.talked() {
            return does_not_apply();
        }
        let limit = self.rules.limits.silence_ms + RECKONED_MS;
        let long = self.waits().filter(|(_, ms)| *ms > limit).map(|(callee, ms)| {
            let s = ms / 1_000;
            shown(callee, format!("说完后约 {s} 秒无人应答"), format!("about {s} s without a reply"))
        });
        unless(long.collect())
    }

    /// Our side left the callee a share of the talk.
    pub(super) fn talk_ratio(&self) -> Found {
        let lasting = |said: &Said<'_>| said.to_ms.saturating_sub(said.from_ms);
        let ours: u64 = self.timeline.ours().map(lasting).sum();
        let theirs: u64 = self.timeline.by(Speaker::Callee).map(lasting).sum();
        if !self.talked() || ours + theirs < LEAST_TALK_MS {
            return does_not_apply();
        }
        let share = ours * 100 / (ours + theirs);
        let evidence = told(format!("我方约占 {share}%"), format!("about {share} % of the talk was ours"));
        if share > u64::from(self.rules.limits.our_share) { fail(evidence) } else { pass(Some(evidence)) }
    }

    /// The agent let the callee finish.
    pub(super) fn agent_manners(&self) -> Found {
        if self.timeline.by(Speaker::Agent).next().is_none() {
            return does_not_apply();
        }
        let broke_in = |agent: &&Said<'_>| {
            self.timeline.by(Speaker::Callee).any(|callee| {
                callee.from_ms + RECKONED_MS < agent.from_ms && agent.from_ms + 2 * RECKONED_MS < callee.to_ms
            })
        };
        let times: Vec<_> = self
            .timeline
            .by(Speaker::Agent)
            .filter(broke_in)
            .map(|agent| shown(agent, "坐席在被叫说话时插话", "the agent spoke while the callee did"))
            .collect();
        let allowed = usize::try_from(self.rules.limits.interruptions).unwrap_or(usize::MAX);
        if times.len() > allowed { unless(times) } else { pass(None) }
    }
}
