//! Cases that agents look at before their calls (preview): shown, asked for, and given back.
//!
//! A case that is looked at is leased as one that is dialled, and its call has its id already. Deliberately absent:
//! who may look at what (`crew`), and how many of those that were asked for may be placed now (`campaign::pacing`).

use std::{collections::BTreeMap, sync::Arc};

use waihu_agents::{AgentId, Decision};
use waihu_dialog::Interpreter;
use waihu_types::{AttemptId, CampaignId, CaseId};

use crate::{
    agent_side::card,
    error::DialError,
    legs,
    plant::Order,
    switchboard::{CallSide, Switchboard},
};

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
