//! Call backs that a person promised: at its time the case is shown to an agent, the one who knows the debtor before all
//! others, and called when they ask for it. Until somebody is free it waits in the campaign's queue.
//!
//! Deliberately absent: when that time is (`campaign::Past`), and how a case is shown (`preview`).

use std::time::Duration;

use waihu_agents::AgentId;
use waihu_types::CampaignId;

use super::{Active, Engine, preview::need, where_to};
use crate::{error::DialError, legs, plant::Order};

/// Where an appointment waits for which nobody is free: often enough to be kept to the minute.
const NOBODY_FREE: Duration = Duration::from_secs(30);

/// Whether a person is to call, as it was agreed in the last call.
pub(super) fn is_one(order: &Order) -> bool {
    order.past.last().is_some_and(|past| past.agent_calls && past.callback_at.is_some())
}

/// Who keeps an appointment, of those who may: the one whom the debtor knows before all others.
fn keeper(known: Option<AgentId>, may: Vec<AgentId>) -> Option<AgentId> {
    known.filter(|known| may.contains(known)).or_else(|| may.into_iter().next())
}

impl Engine {
    /// It is an appointment's time.
    pub(super) async fn keep_appointment(&mut self, id: &CampaignId, order: Order) -> Result<(), DialError> {
        let case = order.case.id.clone();
        let Some(agent) = self.who_keeps_it(&order).await else {
            let due_at = legs::wall_now().plus(NOBODY_FREE);
            return self.put_back(id, &case, Some(due_at), "callback_by_agent").await;
        };
        let Err(error) = self.looks.show(order, agent, &self.plant.switchboard) else { return Ok(()) };
        let (due_at, why) = where_to(&error, legs::wall_now());
        self.tell(case.clone(), super::not_placed(error));
        self.put_back(id, &case, due_at, why).await
    }

    /// Who is free at a desk and speaks the callee's language: whoever spoke with the debtor last, or is the best for it.
    async fn who_keeps_it(&self, order: &Order) -> Option<AgentId> {
        let case = &order.case;
        let known = self.plant.store.last_agent(&case.id, case.dossier.debtor.as_ref()).await;
        let known = known.ok().flatten().map(|agent| AgentId::new(&agent));
        keeper(known, self.plant.switchboard.who_may_look(&need(order)))
    }

    /// Calls the appointments that agents asked for; in a campaign where all cases are looked at first, the pacing does.
    pub(super) fn place_appointments(&mut self) {
        let others = self.campaigns.iter().filter(|(_, active)| !Active::previews(active));
        for id in others.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            for (order, asked_for) in self.looks.take(&id, u32::MAX) {
                self.place(order, Some(asked_for));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_the_debtor_knows_keeps_it_where_they_may_and_else_the_best() {
        let of = |names: &[&str]| names.iter().map(|name| AgentId::new(name)).collect::<Vec<_>>();
        let li = Some(AgentId::new("li"));
        assert_eq!(keeper(li.clone(), of(&["zhao", "li"])), li);
        // The one who is known is busy, gone, or does not speak the callee's language.
        assert_eq!(keeper(li, of(&["zhao", "wang"])), Some(AgentId::new("zhao")));
        assert_eq!(keeper(None, of(&["wang"])), Some(AgentId::new("wang")));
        assert_eq!(keeper(None, Vec::new()), None, "it waits");
    }
}
