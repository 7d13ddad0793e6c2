//! Agents as the pacing sees them: for which campaign each may be next, and what was seen of them.
//!
//! Deliberately absent: who is offered which call (`agents`).

use std::{collections::HashMap, time::Duration};

use waihu_agents::{AgentId, Presence};
use waihu_campaign::{
    Mode, PacingSettings,
    pacing::{AgentNow, Pacing, Seen},
};
use waihu_types::{AttemptId, CampaignId, Time};

use crate::switchboard::AgentStanding;

/// The agents of this node, as they were at the last look.
#[derive(Default)]
pub(super) struct Crew {
    /// Who does what is to be done after a call, for so long; and the campaign of that call, where it is known.
    wrapping: HashMap<AgentId, (Option<CampaignId>, Duration)>,
    /// The campaign of the call that each has, or had last.
    last: HashMap<AgentId, CampaignId>,
}

/// A campaign whose calls may want agents.
pub(super) struct Wanting<'a> {
    pub(super) id: &'a CampaignId,
    pub(super) settings: &'a PacingSettings,
    /// Whether there is anybody to call for it.
    pub(super) has_work: bool,
}

/// What a campaign has of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// Those that it may count on.
    pub(super) agents: Vec<AgentNow>,
    /// Its calls that have an agent.
    pub(super) joined: u32,
    /// Those of them who are free: a case may be shown to them.
    pub(super) free: Vec<AgentId>,
}

impl Crew {
    /// Deals the agents out to campaigns, in the order of `campaigns`: who is at a call counts for its campaign;
    /// who is free, or soon will be, for those of the highest priority that have work, by their weight. None is
    /// counted twice: two campaigns never dial for the same agent.
    pub(super) fn deal(
        &mut self,
        now: Time,
        standings: &[AgentStanding],
        campaigns: &[Wanting<'_>],
        of_call: impl Fn(&AttemptId) -> Option<CampaignId>,
    ) -> Vec<Share> {
        let mut shares: Vec<Share> = campaigns.iter().map(|_| Share::default()).collect();
        let mut dealt = vec![0_u32; campaigns.len()];
        let place = |id: &CampaignId| campaigns.iter().position(|campaign| campaign.id == id);
        for standing in standings {
            let campaign = standing.call.as_ref().and_then(&of_call);
            if let Some(campaign) = &campaign {
                self.last.insert(standing.agent.clone(), campaign.clone());
            }
            // Monotonic time begins with the process: nobody has stood so for longer.
            let since = Time::ZERO + now.since(Time::ZERO).saturating_sub(standing.lasting);
            let at = campaign.as_ref().and_then(place);
            match (standing.presence, at) {
                // Who looks at a case takes no call, and has asked for none yet.
                (Presence::Away | Presence::OnBreak | Presence::Looking, _) => {}
                (Presence::Awaiting, at) => {
                    if let Some(share) = at.and_then(|at| shares.get_mut(at)) {
                        share.agents.push(AgentNow::Asks);
                    }
                }
                (Presence::Talking | Presence::Offered, at) => {
                    let Some(share) = at.and_then(|at| shares.get_mut(at)) else { continue };
                    share.agents.push(AgentNow::Talking { since });
                    share.joined += u32::from(standing.presence == Presence::Talking);
                }
                (Presence::Available | Presence::WrappingUp, _) => {
                    let Some(at) = next(campaigns, &dealt) else { continue };
                    dealt[at] += 1;
                    if standing.presence == Presence::Available {
                        shares[at].agents.push(AgentNow::Free);
                        shares[at].free.push(standing.agent.clone());
                    } else {
                        shares[at].agents.push(AgentNow::Wrapping { since });
                    }
                }
            }
        }
        shares
    }

    /// Tells the pacing of each who is ready for the next call, how long that took.
    pub(super) fn learn(
        &mut self,
        standings: &[AgentStanding],
        pacing: &mut Pacing,
        today: jiff::civil::Date,
    ) {
        let mut wrapping = HashMap::new();
        for standing in standings.iter().filter(|standing| standing.presence == Presence::WrappingUp) {
            let campaign = self.last.get(&standing.agent).cloned();
            wrapping.insert(standing.agent.clone(), (campaign, standing.lasting));
        }
        for (agent, (campaign, lasted)) in std::mem::replace(&mut self.wrapping, wrapping) {
            if let (false, Some(campaign)) = (self.wrapping.contains_key(&agent), campaign) {
                pacing.saw(&campaign, Seen::Wrapped { lasted }, today);
            }
        }
    }
}

/// The campaign that is to have the next free agent: of the highest priority that has work, the one that has the
/// fewest by its weight.
fn next(campaigns: &[Wanting<'_>], dealt: &[u32]) -> Option<usize> {
    let wants = |campaign: &Wanting<'_>| campaign.has_work && campaign.settings.mode != Mode::Agentless;
    let top = campaigns.iter().filter(|c| wants(c)).map(|c| c.settings.priority).max()?;
    let of_top = campaigns.iter().enumerate().filter(|(_, c)| wants(c) && c.settings.priority == top);
    // Fractions compared without division: dealt / weight.
    let less = |a: usize, b: usize| {
        let weight = |n: usize| u64::from(campaigns[n].settings.weight.max(1));
        (u64::from(dealt[a]) * weight(b)).cmp(&(u64::from(dealt[b]) * weight(a)))
    };
    of_top.map(|(at, _)| at).min_by(|a, b| less(*a, *b))
}

#[cfg(test)]
mod tests {
    use waihu_agents::Reach;

    use super::*;

    fn standing(agent: &str, presence: Presence, lasting_s: u64, call: Option<&str>) -> AgentStanding {
        AgentStanding {
            agent: AgentId::new(agent),
            name: agent.to_owned(),
            reach: Reach::Desk,
            presence,
            lasting: Duration::from_secs(lasting_s),
            call: call.map(|id| id.parse().unwrap()),
        }
    }

    fn settings(mode: Mode, priority: u8, weight: u32) -> PacingSettings {
        PacingSettings { mode, priority, weight, ..PacingSettings::default() }
    }

    fn at(s: u64) -> Time {
        Time::ZERO + Duration::from_secs(s)
    }

    #[test]
    fn no_agent_is_counted_for_two_campaigns() {
        let ids: Vec<CampaignId> = ["a", "b", "bot", "low"].iter().map(|id| id.parse().unwrap()).collect();
        let of = [
            settings(Mode::Progressive, 5, 1),
            settings(Mode::Predictive, 5, 2),
            settings(Mode::Agentless, 9, 1),
            settings(Mode::Progressive, 1, 1),
        ];
        let campaigns: Vec<Wanting<'_>> =
            ids.iter().zip(&of).map(|(id, settings)| Wanting { id, settings, has_work: true }).collect();
        let standings = [
            standing("1", Presence::Available, 3, None),
            standing("2", Presence::Available, 3, None),
            standing("3", Presence::WrappingUp, 7, None),
            standing("4", Presence::Talking, 40, Some("call-b")),
            standing("5", Presence::Offered, 1, Some("call-low")),
            standing("6", Presence::Talking, 9, Some("by-hand")),
            standing("7", Presence::OnBreak, 9, None),
            standing("8", Presence::Away, 9, None),
            standing("9", Presence::Looking, 9, Some("call-a")),
            standing("10", Presence::Awaiting, 9, Some("call-low")),
        ];
        let of_call = |call: &AttemptId| call.as_str().strip_prefix("call-").map(|c| c.parse().unwrap());
        let shares = Crew::default().deal(at(100), &standings, &campaigns, of_call);
        assert_eq!(shares[0].agents, [AgentNow::Free]);
        let wrapping = AgentNow::Wrapping { since: at(93) };
        let talking = AgentNow::Talking { since: at(60) };
        assert_eq!(shares[1].agents, [AgentNow::Free, wrapping, talking]);
        assert_eq!((shares[1].joined, shares[3].joined), (1, 0));
        assert_eq!(shares[2], Share::default(), "the bot talks");
        let has = [AgentNow::Talking { since: at(99) }, AgentNow::Asks];
        assert_eq!(shares[3].agents, has, "only what it has");
        assert_eq!(shares[0].free, [AgentId::new("1")]);
    }

    #[test]
    fn a_campaign_without_work_has_nobody_and_the_next_priority_has_them() {
        let ids: Vec<CampaignId> = ["a", "low"].iter().map(|id| id.parse().unwrap()).collect();
        let of = [settings(Mode::Progressive, 5, 1), settings(Mode::Progressive, 1, 1)];
        let mut campaigns: Vec<Wanting<'_>> =
            ids.iter().zip(&of).map(|(id, settings)| Wanting { id, settings, has_work: true }).collect();
        campaigns[0].has_work = false;
        let free = [standing("1", Presence::Available, 3, None)];
        let shares = Crew::default().deal(at(9), &free, &campaigns, |_| None);
        assert_eq!((shares[0].agents.len(), shares[1].agents.len()), (0, 1));
    }
}
