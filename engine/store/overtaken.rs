//! Calls that are overtaken: nobody has answered them yet, and what allowed them when they were begun holds no longer.
//!
//! Deliberately absent: what becomes of such a call (`dialler`), and what the clock alone forbids: a telephone that rings
//! as the calling hours end may ring on.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sqlx::AssertSqlSafe;
use waihu_compliance::{Gate, Subject};
use waihu_types::{AttemptId, CaseId, Disposition, PhoneNumber};

use crate::{
    CaseState, Store, StoreError,
    write::{placeholders, slices},
};

/// A call that nobody has answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Its attempt.
    pub attempt: AttemptId,
    /// The case.
    pub case: CaseId,
    /// The number that is called.
    pub number: PhoneNumber,
    /// The case's revision that it goes by; none where it is not asked.
    pub revision: Option<i64>,
}

/// What has overtaken a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overtaken {
    /// Its case is open no longer.
    Settled,
    /// Its number was barred: entered into the do-not-call list, or by what an agent put down of another call.
    Forbidden,
    /// Its case tells what this rule of the profile forbids, whatever the time.
    Denied {
        /// The rule.
        rule: String,
    },
    /// Its case has the number no longer: it is somebody else's.
    Renumbered,
}

impl Store {
    /// Which of these calls may ring no longer, and why.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn overtaken(
        &self,
        calls: &[Unanswered],
        gate: &Gate,
    ) -> Result<BTreeMap<AttemptId, Overtaken>, StoreError> {
        let (stand, forbidden) = (self.stand(calls).await?, self.entered(calls).await?);
        let mut overtaken = BTreeMap::new();
        for call in calls {
            let why = match stand.get(call.case.as_str()) {
                Some((CaseState::Open, _)) if forbidden.contains(call.number.subscriber()) => {
                    Some(Overtaken::Forbidden)
                }
                Some((CaseState::Open, revision)) if call.revision.is_some_and(|seen| seen != *revision) => {
                    self.told_since(call, gate).await?
                }
                Some((CaseState::Open, _)) => None,
                // One that is erased is there no more.
                _ => Some(Overtaken::Settled),
            };
            overtaken.extend(why.map(|why| (call.attempt.clone(), why)));
        }
        Ok(overtaken)
    }

    /// How the cases of calls stand, and in what revision.
    async fn stand(&self, calls: &[Unanswered]) -> Result<HashMap<String, (CaseState, i64)>, StoreError> {
        let cases: BTreeSet<&str> = calls.iter().map(|call| call.case.as_str()).collect();
        let cases: Vec<&str> = cases.into_iter().collect();
        let mut stand = HashMap::new();
        for some in slices(&cases) {
            let sql = format!(
                "SELECT case_id, state, revision FROM cases WHERE case_id IN {}",
                placeholders(1, 1, some.len())
            );
            let mut select = sqlx::query_as(AssertSqlSafe(sql));
            for case in some {
                select = select.bind(*case);
            }
            let rows: Vec<(String, String, i64)> =
                select.fetch_all(&self.pool).await.map_err(|e| self.sql(e))?;
            stand.extend(
                rows.into_iter().map(|(case, state, revision)| (case, (CaseState::read(&state), revision))),
            );
        }
        Ok(stand)
    }

    /// Those of the calls' numbers that are barred, as [`Store::barred`] has it, as numbers are compared: by the
    /// do-not-call list, or by how a call ended, which an agent may put down later.
    async fn entered(&self, calls: &[Unanswered]) -> Result<HashSet<String>, StoreError> {
        let mut entered = HashSet::new();
        if self.practice {
            return Ok(entered);
        }
        let numbers: BTreeSet<&str> = calls.iter().map(|call| call.number.subscriber()).collect();
        let numbers: Vec<&str> = numbers.into_iter().collect();
        let bars = Disposition::ALL.into_iter().filter(|how| waihu_campaign::bars_number(*how));
        let bars: Vec<String> = bars.map(|how| format!("'{}'", how.label())).collect();
        for some in slices(&numbers) {
            let these = placeholders(1, 1, some.len());
            let list = format!(
                "SELECT subscriber FROM do_not_call WHERE lifted_at IS NULL AND subscriber IN {these}"
            );
            let ends = format!(
                "SELECT a.subscriber FROM attempts AS a JOIN outcomes AS o ON o.attempt = a.attempt
                 WHERE a.subscriber IN {these} AND o.effective IN ({})
                   AND o.ended_at > (SELECT coalesce(max(l.at), -1) FROM bars_lifted AS l
                                     WHERE l.subscriber = a.subscriber)",
                bars.join(", ")
            );
            for sql in [list, ends] {
                let mut select = sqlx::query_scalar(AssertSqlSafe(sql));
                for number in some {
                    select = select.bind(*number);
                }
                let found: Vec<String> = select.fetch_all(&self.pool).await.map_err(|e| self.sql(e))?;
                entered.extend(found);
            }
        }
        Ok(entered)
    }

    /// What a case that was changed tells against a call now.
    async fn told_since(&self, call: &Unanswered, gate: &Gate) -> Result<Option<Overtaken>, StoreError> {
        let Some(stored) = self.case(&call.case).await? else { return Ok(Some(Overtaken::Settled)) };
        let subscriber = call.number.subscriber();
        if !stored.case.lines().any(|line| line.phone.subscriber() == subscriber) {
            return Ok(Some(Overtaken::Renumbered));
        }
        let subject = Subject::of(&stored.case, &call.number);
        Ok(gate.profile.forbids(&subject).map(|rule| Overtaken::Denied { rule: rule.id.clone() }))
    }
}
