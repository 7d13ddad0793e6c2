//! What calls cost: what the carrier charges for connected time, and what agents' time costs.
//!
//! Told by campaign, since a campaign has a trunk and a trunk has its rates. Calls placed by hand name no trunk here:
//! of them the agents' time alone is counted. Sums of different currencies are not added up.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::{Decimal, RoundingStrategy};
use waihu_store::{Effort, Store, StoreError};
use waihu_types::{CampaignId, WallTime};

use crate::routes::quality::Cost;

/// What a carrier charges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkRates {
    /// For a minute of connected time.
    pub per_minute: Decimal,
    /// For each call that is answered, whatever its length.
    pub per_call: Decimal,
    /// What is charged as a whole once it is begun [s], 1 to 60.
    pub unit_s: u32,
    /// The currency, by its ISO 4217 code.
    pub currency: String,
}

/// What things cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// By trunk.
    pub trunks: BTreeMap<String, TrunkRates>,
    /// A minute of an agent's.
    pub agent_minute: Decimal,
    /// The currency where a trunk names none.
    pub currency: String,
}

/// What the calls of each campaign that ended between two moments cost.
///
/// # Errors
/// When they cannot be counted.
pub async fn costs(
    store: &Store,
    rates: &Prices,
    campaign: Option<&CampaignId>,
    (since, until): (WallTime, WallTime),
) -> Result<Vec<Cost>, StoreError> {
    // Of each way of rounding time once; a second for whoever has no rates.
    let units: BTreeSet<u32> = rates.trunks.values().map(|r| r.unit_s).chain([1]).collect();
    let mut trunks: BTreeMap<String, Option<String>> = BTreeMap::new();
    for stored in store.campaigns().await? {
        let trunk = stored.settings.get("trunk").and_then(|t| t.as_str()).map(str::to_owned);
        trunks.insert(stored.id.to_string(), trunk);
    }
    let mut costs = Vec::new();
    for unit_s in units {
        for effort in store.efforts(campaign, (since, until), i64::from(unit_s) * 1_000).await? {
            let trunk = effort.campaign.as_ref().and_then(|id| trunks.get(id).cloned()).flatten();
            let own = trunk.as_ref().and_then(|trunk| rates.trunks.get(trunk));
            if own.map_or(1, |r| r.unit_s) == unit_s {
                costs.push(cost(effort, trunk.filter(|_| own.is_some()), own, rates));
            }
        }
    }
    costs.sort_by(|a, b| a.campaign.cmp(&b.campaign));
    Ok(costs)
}

fn cost(effort: Effort, trunk: Option<String>, own: Option<&TrunkRates>, rates: &Prices) -> Cost {
    let minute = Decimal::from(60);
    let calls = own.map_or(Decimal::ZERO, |own| {
        let seconds = Decimal::from(effort.units) * Decimal::from(own.unit_s);
        own.per_minute * seconds / minute + own.per_call * Decimal::from(effort.answered)
    });
    let agents = rates.agent_minute * Decimal::from(effort.agent_ms) / Decimal::from(60_000);
    let hundredths = |sum: Decimal| {
        let rounded = sum.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        format!("{rounded:.2}")
    };
    let each = |n: i64| (n > 0).then(|| hundredths((calls + agents) / Decimal::from(n)));
    Cost {
        campaign: effort.campaign,
        trunk,
        currency: own.map_or(&rates.currency, |own| &own.currency).clone(),
        calls: effort.calls,
        answered: effort.answered,
        contacts: effort.contacts,
        promises: effort.promises,
        kept: effort.kept,
        per_contact: each(effort.contacts),
        per_promise: each(effort.promises),
        per_kept: each(effort.kept),
        calls_cost: hundredths(calls),
        agents_cost: hundredths(agents),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_charged_by_begun_units_and_rounded_once() {
        let own = TrunkRates {
            per_minute: Decimal::new(45, 3),
            per_call: Decimal::new(1, 2),
            unit_s: 6,
            currency: "CNY".into(),
        };
        let rates = Prices { agent_minute: Decimal::ONE, currency: "CNY".into(), ..Prices::default() };
        let effort = Effort {
            campaign: Some("november".into()),
            calls: 10,
            answered: 4,
            contacts: 3,
            promises: 0,
            kept: 0,
            units: 100,
            agent_ms: 90_000,
        };
        let told = cost(effort, Some("main".into()), Some(&own), &rates);
        // 600 s at 0.045 a minute, 4 calls at 0.01; a minute and a half of an agent's.
        assert_eq!((told.calls_cost.as_str(), told.agents_cost.as_str()), ("0.49", "1.50"));
        assert_eq!((told.per_contact.as_deref(), told.per_promise), (Some("0.66"), None));
    }
}
