//! What calls cost: `[rates]` of the trunks' files, and an agent's minute in `waihu.toml`.

use std::fs;

use anyhow::{Context, Result, bail};
use rust_decimal::Decimal;
use serde::{Deserialize, de::IgnoredAny};
use waihu_api::{Prices, TrunkRates};

use crate::project::Project;

/// The longest unit [s]: a minute.
const MAX_UNIT_S: u32 = 60;

#[derive(Deserialize)]
struct TrunkFile {
    rates: Option<RatesTable>,
    #[serde(flatten)]
    _rest: std::collections::BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RatesTable {
    per_minute: Decimal,
    #[serde(default)]
    per_call: Decimal,
    #[serde(default = "one")]
    unit_s: u32,
    currency: String,
}

fn one() -> u32 {
    1
}

/// What an agent's time costs: `[cost]` of `waihu.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentCost {
    /// For a minute of talk.
    agent_minute: Decimal,
    /// The currency.
    currency: String,
}

/// All rates of a project; a trunk whose rates are not right is told of in the log, and has none.
pub(crate) fn of(project: &Project, agents: &AgentCost) -> Prices {
    let mut rates =
        Prices { agent_minute: agents.agent_minute, currency: agents.currency.clone(), ..Prices::default() };
    for name in project.names("sip-config") {
        match trunk(project, &name) {
            Ok(Some(own)) => drop(rates.trunks.insert(name, own)),
            Ok(None) => {}
            Err(e) => {
                tracing::warn!(trunk = name, error = %format!("{e:#}"), "a trunk's rates are not right")
            }
        }
    }
    rates
}

/// The rates of a trunk; none where its file names none.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn trunk(project: &Project, name: &str) -> Result<Option<TrunkRates>> {
    let path = project.trunk(name);
    let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
    let file: TrunkFile = toml::from_str(&text).with_context(|| format!("{}", path.display()))?;
    file.rates.map(|table| checked(table).with_context(|| format!("{}: [rates]", path.display()))).transpose()
}

fn checked(table: RatesTable) -> Result<TrunkRates> {
    if table.per_minute.is_sign_negative() || table.per_call.is_sign_negative() {
        bail!("per_minute, per_call: nothing below zero 不得为负");
    }
    if !(1..=MAX_UNIT_S).contains(&table.unit_s) {
        bail!("unit_s: 1 to 60 is expected 应为 1 至 60");
    }
    if table.currency.len() != 3 || !table.currency.bytes().all(|b| b.is_ascii_uppercase()) {
        bail!("currency: a code as CNY is expected 应为货币代码");
    }
    let RatesTable { per_minute, per_call, unit_s, currency } = table;
    Ok(TrunkRates { per_minute, per_call, unit_s, currency })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_exact_decimals_and_checked() {
        let read = |rates: &str| -> Result<Option<TrunkRates>, String> {
            let file: TrunkFile =
                toml::from_str(&format!("[trunk]\nproxy = \"a\"\n{rates}")).map_err(|e| e.to_string())?;
            file.rates.map(checked).transpose().map_err(|e| e.to_string())
        };
        let own = read("[rates]\nper_minute = \"0.045\"\nunit_s = 6\ncurrency = \"CNY\"").unwrap().unwrap();
        assert_eq!((own.per_minute, own.per_call, own.unit_s), (Decimal::new(45, 3), Decimal::ZERO, 6));
        assert_eq!(read("").unwrap(), None);
        assert!(read("[rates]\nper_minute = \"-1\"\ncurrency = \"CNY\"").unwrap_err().contains("below zero"));
        assert!(
            read("[rates]\nper_minute = \"1\"\nunit_s = 90\ncurrency = \"CNY\"").unwrap_err().contains("60")
        );
        assert!(read("[rates]\nper_minute = \"1\"\ncurrency = \"yuan\"").unwrap_err().contains("CNY"));
    }
}
