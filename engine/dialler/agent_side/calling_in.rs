//! Whether somebody may be called into a talk by their number. A person is asked for as anybody who is called, but at the
//! callee's wish and by an agent ([`Profile::called_in`](waihu_compliance::Profile::called_in)); numbers of the house's
//! own are not.
//!
//! Deliberately absent: how they are called (`others`).

use std::sync::Arc;

use waihu_agents::AgentId;
use waihu_compliance::Gate;
use waihu_store::{Act, Passage, Store, StoreError};
use waihu_types::{AttemptId, CampaignId, Case, CaseId, PhoneNumber, WallTime};

use crate::{
    legs,
    plant::{Order, Plant},
};

const BARRED: &str = "that number is not to be called 该号码不可呼叫";
const NOT_ASKED: &str = "it could not be asked whether it may be called, try again 暂时无法核对，请稍后再试";

/// Somebody who is to be called into a talk.
pub(super) struct CallingIn {
    pub(super) number: PhoneNumber,
    attempt: AttemptId,
    agent: String,
    campaign: Option<CampaignId>,
    case: CaseId,
    /// The gate that they have to be let through; none for a number of the house's own.
    passage: Option<Passage>,
}

impl CallingIn {
    pub(super) fn of(plant: &Plant, order: &Order, agent: &AgentId, number: PhoneNumber) -> Self {
        Self {
            attempt: order.attempt.clone(),
            agent: agent.to_string(),
            campaign: order.campaign.clone(),
            case: order.case.id.clone(),
            passage: passage(&plant.gate, &order.case, &number, legs::is_internal(plant, &number)),
            number,
        }
    }

    /// Writes down that they are to be called, and asks whether they may be now.
    ///
    /// # Errors
    /// Why not, in both languages.
    pub(super) async fn may(&self, store: &Store, now: WallTime) -> Result<(), String> {
        let asked = self.ask(store, now).await.unwrap_or_else(|error| {
            tracing::error!(attempt = %self.attempt, %error, "nobody could be called in");
            Some(NOT_ASKED.to_owned())
        });
        asked.map_or(Ok(()), Err)
    }

    async fn ask(&self, store: &Store, now: WallTime) -> Result<Option<String>, StoreError> {
        let act = format!("desk call_in {}", self.attempt);
        store.write_down(Act { token: "desk", person: &self.agent, act: &act, request: "" }, now).await?;
        if store.barred(&self.number).await?.is_some() {
            return Ok(Some(BARRED.to_owned()));
        }
        let Some(passage) = &self.passage else { return Ok(None) };
        let denied = store.ask(self.campaign.as_ref(), &self.case, &self.number, passage, now).await?;
        Ok(denied.map(|denied| format!("{} {}", denied.en, denied.zh)))
    }
}

/// The gate before whoever is called in: a number of the case is asked for as that, another one at the case's place.
fn passage(gate: &Gate, case: &Case, number: &PhoneNumber, is_internal: bool) -> Option<Passage> {
    let is_of_case = case.lines().any(|line| line.phone.subscriber() == number.subscriber());
    if is_internal && !is_of_case {
        return None;
    }
    let gate = Gate { profile: Arc::new(gate.profile.called_in()), despite: gate.despite.clone() };
    Some(match is_of_case {
        true => Passage::of(gate, case, number),
        false => Passage::new(gate, &case.time_zone),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use waihu_compliance::Profile;

    const CN: &str = include_str!("../../../compliance/cn.toml");
    const CASE: &str = r#"{"id":"C1","phone":"13800138000","name":"张伟","lang":"zh","creditor":"安信银行",
        "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15","numbers":[
        {"phone":"13700137000"},{"phone":"13900139000","whose":"relative"},{"phone":"8002","whose":"relative"}]}"#;

    /// Somebody who is to be called in, by a desk whose house has these extensions.
    fn calling(number: &str) -> CallingIn {
        let case: Case = serde_json::from_str(CASE).unwrap();
        let number: PhoneNumber = number.parse().unwrap();
        let gate = Gate::new(Profile::parse("cn.toml", CN, |_| None).unwrap());
        CallingIn {
            attempt: "a-1".parse().unwrap(),
            agent: "li".to_owned(),
            campaign: None,
            case: case.id.clone(),
            passage: passage(&gate, &case, &number, number.is_extension()),
            number,
        }
    }

    /// What the clock in Shanghai shows on a Thursday.
    fn at(clock: &str) -> WallTime {
        format!("2026-11-26T{clock}+08:00").parse().unwrap()
    }

    #[tokio::test]
    async fn a_person_is_asked_for_and_a_colleague_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("waihu.sqlite")).await.unwrap();
        let may = async |number: &str, clock: &str| calling(number).may(&store, at(clock)).await;
        // A stranger, the debtor's other number, a colleague's extension.
        for number in ["13600136000", "13700137000", "8001"] {
            assert_eq!(may(number, "12:00:00").await, Ok(()), "{number}");
        }
        assert_eq!(may("8001", "23:00:00").await, Ok(()), "whoever works there, works");
        for number in ["13600136000", "13700137000"] {
            let why = may(number, "23:00:00").await.unwrap_err();
            assert!(why.contains("calls are 08:00-22:00") && why.contains("被叫当地"), "{why}");
        }
        // Of the case, whatever the number looks like, and nobody is called before the debtor.
        for number in ["13900139000", "8002"] {
            let why = may(number, "12:00:00").await.unwrap_err();
            assert!(why.contains("cn-third-party") && why.contains("亲属"), "{why}");
        }
        let kept = store.decisions(&"C1".parse().unwrap()).await.unwrap();
        let rules: Vec<&str> = kept.iter().map(|kept| kept.rules[0].as_str()).collect();
        assert_eq!(
            rules,
            ["cn-hours", "cn-hours", "cn-third-party", "cn-third-party"],
            "what is denied is kept"
        );
        let stranger = "13600136000".parse().unwrap();
        store.forbid(&stranger, "asked in a letter", "Wang", at("12:00:00")).await.unwrap();
        assert_eq!(may("13600136000", "12:00:00").await, Err(BARRED.to_owned()));
    }
}
