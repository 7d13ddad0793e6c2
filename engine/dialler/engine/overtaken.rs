//! Calls that ring and cases that are looked at, while what allowed them is looked up again: a case that is settled,
//! flagged or given another number, a number that somebody enters, stops them within a second.
//!
//! Deliberately absent: what overtakes a call (`store`), and calls that were answered: they come to their own end.

use waihu_store::{Overtaken, Unanswered};
use waihu_types::WallTime;

use super::{Engine, Up};
use crate::{
    error::DialError,
    legs,
    plant::{Order, Stop},
};

impl Engine {
    /// Gives up what rings and may ring no longer, and takes such cases off the agents' desks.
    pub(super) async fn stop_overtaken(&mut self) -> Result<(), DialError> {
        let rings = |up: &&Up| up.answered_at.is_none();
        let orders = self.up.values().filter(rings).map(|up| &up.order).chain(self.looks.orders());
        let calls: Vec<Unanswered> = orders.map(unanswered).collect();
        let overtaken = self.plant.store.overtaken(&calls, &self.plant.gate).await?;
        for up in self.up.values().filter(rings).filter(|up| overtaken.contains_key(&up.order.attempt)) {
            let _ = up.stop.send(Stop::HangUp);
        }
        for order in self.looks.withdraw(|order| overtaken.contains_key(&order.attempt)) {
            if let (Some(campaign), Some(why)) = (&order.campaign, overtaken.get(&order.attempt)) {
                let (due_at, rule) = where_to(why, legs::wall_now());
                self.put_back(campaign, &order.case.id, due_at, rule).await?;
            }
        }
        Ok(())
    }
}

fn unanswered(order: &Order) -> Unanswered {
    Unanswered {
        attempt: order.attempt.clone(),
        case: order.case.id.clone(),
        number: order.number.clone(),
        revision: order.revision,
    }
}

/// Where a case goes that was not called yet, and by what rule.
fn where_to(why: &Overtaken, now: WallTime) -> (Option<WallTime>, &str) {
    match why {
        Overtaken::Settled => (None, "settled"),
        Overtaken::Forbidden => (None, "number_barred"),
        Overtaken::Denied { rule } => (None, rule.as_str()),
        // It may have another one.
        Overtaken::Renumbered => (Some(now), "put_back"),
    }
}
