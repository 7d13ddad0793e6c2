//! Cases that agents look at before their calls (preview): shown, asked for, and given back.
//!
//! A case that is looked at is leased as one that is dialled, and its call has its id already. Deliberately absent:
//! which campaign's cases an agent may look at (`crew`), who suits one best (`agents`), and how many of those that were
//! asked for may be placed now (`campaign::pacing`).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use waihu_agents::{AgentId, Decision, Need, Urgency};
use waihu_dialog::Interpreter;
use waihu_types::{AttemptId, CampaignId, CaseId};

use super::{Engine, where_to};
use crate::{
    agent_side::card,
    error::DialError,
    legs,
    plant::Order,
    switchboard::{CallSide, Switchboard},
};

/// Where a case waits whose language none of the free agents speaks: others are shown to them meanwhile.
const NOBODY_FOR_IT: Duration = Duration::from_secs(30);

/// What a case needs of whoever looks at it: its language, and best what its script hands over for.
pub(super) fn need(order: &Order) -> Need {
    Need {
        skills: order.script.transfer_skills(),
        lang: order.lang,
        last_agent: None,
        without: Vec::new(),
        only: None,
        urgency: Urgency::Usual,
    }
}

/// The first of those who may look at a case who is one of `dealt`: nobody else's turn it is.
fn first_of(may_look: Vec<AgentId>, dealt: &[AgentId]) -> Option<AgentId> {
    may_look.into_iter().find(|agent| dealt.contains(agent))
}

impl Engine {
    /// It is the turn of a campaign's cases to be looked at, by these agents who are free.
    pub(super) async fn show_cases(
        &mut self,
        id: &CampaignId,
        mut agents: Vec<AgentId>,
    ) -> Result<(), DialError> {
        let most = u32::try_from(agents.len()).unwrap_or(u32::MAX);
        for picked in self.pick(id, most).await? {
            let Some(order) = self.turn(id, picked, None).await? else { continue };
            let case = order.case.id.clone();
            let may_look = self.plant.switchboard.who_may_look(&need(&order));
            let Some(agent) = first_of(may_look, &agents) else {
                let due_at = legs::wall_now().plus(NOBODY_FOR_IT);
                self.put_back(id, &case, Some(due_at), "no_agent_for_it").await?;
                continue;
            };
            agents.retain(|other| *other != agent);
            if let Err(e) = self.looks.show(order, agent, &self.plant.switchboard) {
                let (due_at, why) = where_to(&e, legs::wall_now());
                self.tell(case.clone(), super::not_placed(e));
                self.put_back(id, &case, due_at, why).await?;
            }
        }
        Ok(())
    }
}

/// A case before its call.
struct Look {
    order: Order,
    /// Dropping it takes the case off the agent's desk.
    side: CallSide,
    is_asked_for: bool,
}

/// The cases that agents of this node look at, or whose calls they have asked for.
#[derive(Default)]
pub(super) struct Looks(BTreeMap<AttemptId, Look>);

impl Looks {
    /// Shows a case to an agent who is free.
    ///
    /// # Errors
    /// When the case's time zone is none.
    pub(super) fn show(
        &mut self,
        order: Order,
        agent: AgentId,
        switchboard: &Switchboard,
    ) -> Result<(), DialError> {
        let today = legs::today(&order.case)?;
        let dialog = Interpreter::new(Arc::clone(&order.script), order.lang, &order.case, today);
        let side = switchboard.of_call(order.attempt.clone());
        side.show(agent, card(&order, dialog.so_far(), (None, Vec::new()), None));
        self.0.insert(order.attempt.clone(), Look { order, side, is_asked_for: false });
        Ok(())
    }

    /// Takes in what agents have decided; the cases that are not to be called, and why.
    pub(super) fn decided(&mut self) -> Vec<(Order, Decision)> {
        let mut given_up = Vec::new();
        for look in self.0.values_mut() {
            match look.side.decision() {
                None => {}
                Some(Decision::Asks) => look.is_asked_for = true,
                Some(decision) => given_up.push((look.order.clone(), decision)),
            }
        }
        given_up.iter().for_each(|(order, _)| drop(self.0.remove(&order.attempt)));
        given_up
    }

    /// Calls that were asked for, at most so many: they are to be placed.
    pub(super) fn take(&mut self, campaign: &CampaignId, most: u32) -> Vec<(Order, CallSide)> {
        let asked = |look: &&Look| look.is_asked_for && look.order.campaign.as_ref() == Some(campaign);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let taken: Vec<AttemptId> =
            self.0.values().filter(asked).take(most).map(|look| look.order.attempt.clone()).collect();
        taken.iter().filter_map(|id| self.0.remove(id)).map(|look| (look.order, look.side)).collect()
    }

    /// Calls that were asked for.
    pub(super) fn asked_for(&self, campaign: &CampaignId) -> u32 {
        let asked = |look: &&Look| look.is_asked_for && look.order.campaign.as_ref() == Some(campaign);
        u32::try_from(self.0.values().filter(asked).count()).unwrap_or(u32::MAX)
    }

    /// Takes cases off the desks: those whose order is so.
    pub(super) fn withdraw(&mut self, is_over: impl Fn(&Order) -> bool) -> Vec<Order> {
        let over: Vec<AttemptId> =
            self.0.values().filter(|l| is_over(&l.order)).map(|l| l.order.attempt.clone()).collect();
        over.iter().filter_map(|id| self.0.remove(id)).map(|look| look.order).collect()
    }

    /// The campaign whose case is looked at under this id.
    pub(super) fn campaign_of(&self, attempt: &AttemptId) -> Option<CampaignId> {
        self.0.get(attempt)?.order.campaign.clone()
    }

    /// The calls that may follow.
    pub(super) fn orders(&self) -> impl Iterator<Item = &Order> {
        self.0.values().map(|look| &look.order)
    }

    /// What is looked at.
    pub(super) fn held(&self) -> impl Iterator<Item = (CampaignId, CaseId)> {
        self.0.values().filter_map(|l| Some((l.order.campaign.clone()?, l.order.case.id.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_those_who_may_look_the_best_who_was_dealt_to_the_campaign_does() {
        let of = |names: &[&str]| names.iter().map(|name| AgentId::new(name)).collect::<Vec<_>>();
        let dealt = of(&["li", "wang"]);
        assert_eq!(first_of(of(&["zhao", "wang", "li"]), &dealt), Some(AgentId::new("wang")));
        assert_eq!(first_of(of(&["zhao"]), &dealt), None, "another campaign's");
        assert_eq!(first_of(Vec::new(), &dealt), None, "nobody speaks it");
    }
}
