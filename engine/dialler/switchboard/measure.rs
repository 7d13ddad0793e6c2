//! What is measured of agents: how they stand and for how long, how offers end, how long callees wait for them.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use waihu_agents::{AgentId, OfferEnd, Presence, Standing};
use waihu_types::Time;

/// Skills that are told apart: scripts name a handful, and files are not to fill the memory.
const MOST_SKILLS: usize = 32;

/// How each agent stood when they were looked at last, and the skills that are told apart.
#[derive(Default)]
pub(super) struct Measures {
    stood: HashMap<AgentId, (Presence, Time)>,
    skills: BTreeSet<String>,
}

impl Measures {
    /// Looks how all agents stand now.
    pub(super) fn look(&mut self, now: Time, standings: impl Iterator<Item = Standing>) {
        let mut counts = Presence::ALL.map(|presence| (presence, 0_u32));
        let mut there = HashMap::new();
        for Standing { agent, presence, .. } in standings {
            counts.iter_mut().filter(|(p, _)| *p == presence).for_each(|(_, n)| *n += 1);
            let since = match self.stood.remove(&agent) {
                Some((same, since)) if same == presence => since,
                Some((before, since)) => {
                    stood(before, now.since(since));
                    now
                }
                None => now,
            };
            there.insert(agent, (presence, since));
        }
        // Whoever is left is gone.
        for (before, since) in std::mem::replace(&mut self.stood, there).into_values() {
            stood(before, now.since(since));
        }
        for (presence, count) in counts {
            metrics::gauge!("waihu_agents_present", "presence" => presence.label()).set(f64::from(count));
        }
    }

    /// An offer ended; none is a yes.
    pub(super) fn offer_ended(why: Option<OfferEnd>) {
        let end = match why {
            None => "taken",
            Some(OfferEnd::Declined) => "declined",
            Some(OfferEnd::RangOut) => "rang_out",
            Some(OfferEnd::DeskGone) => "desk_gone",
            Some(OfferEnd::Unwanted) => "unwanted",
        };
        metrics::counter!("waihu_agent_offers_total", "end" => end).increment(1);
    }

    /// A callee has waited so long for somebody who can do this.
    pub(super) fn waited(&mut self, skills: &[String], waited: Duration) {
        let skill = skills.first().map_or("", String::as_str);
        let is_known = self.skills.contains(skill);
        let skill = if is_known || self.skills.len() < MOST_SKILLS { skill } else { "other" };
        if !is_known {
            self.skills.insert(skill.to_owned());
        }
        metrics::histogram!("waihu_agent_wait_seconds", "skill" => skill.to_owned())
            .record(waited.as_secs_f64());
    }
}

/// Somebody stood so, for so long.
fn stood(presence: Presence, lasting: Duration) {
    // Whole seconds of what lasts for minutes.
    metrics::counter!("waihu_agent_seconds_total", "presence" => presence.label())
        .increment(lasting.as_secs_f64().round() as u64);
    match presence {
        Presence::Talking => metrics::histogram!("waihu_agent_talk_seconds").record(lasting.as_secs_f64()),
        Presence::WrappingUp => {
            metrics::histogram!("waihu_agent_wrap_up_seconds").record(lasting.as_secs_f64());
        }
        _ => {}
    }
}
