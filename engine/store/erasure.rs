//! A debtor's traces: all that is kept of a person, to be handed out or to be removed.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, error::Error as SqlError};
use waihu_types::{AttemptId, Case, CaseId, DebtorId, Outcome, PhoneNumber, WallTime};

use crate::{Store, StoreError, StoredCase, board::json_field, holds::held, outcomes::read, write::Tx};

/// So many last digits of a number are compared by the database before all of it is \[digits\].
const COMPARED: usize = 7;

/// What is kept of a debtor, beside files.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// The lender's cases, as they were told last.
    pub cases: Vec<StoredCase>,
    /// The cases of the calls, whether they are still there or not.
    pub case_ids: Vec<CaseId>,
    /// Calls, the oldest first.
    pub calls: Vec<AttemptId>,
}

/// What was removed of a debtor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Cases.
    pub cases: usize,
    /// Calls, whose files are to be removed.
    pub calls: Vec<AttemptId>,
}

impl Store {
    /// What is kept of a debtor, by the lender's id of the person; a case that names no debtor is found by its own.
    /// Every case is looked at: for people, not for the time of a call.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn traces(&self, debtor: &DebtorId) -> Result<Traces, StoreError> {
        let mut on = self.pool.acquire().await.map_err(|e| self.sql(e))?;
        let (case_ids, calls) = self.find(&mut on, debtor).await.map_err(|e| self.sql(e))?;
        let mut traces = Traces::default();
        for id in case_ids {
            let id: CaseId = id.parse()?;
            traces.cases.extend(self.case(&id).await?);
            traces.case_ids.push(id);
        }
        traces.calls = calls.into_iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
        Ok(traces)
    }

    /// Whether what a call tells of a person was erased: nothing of it is kept from then on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn is_erased(&self, attempt: &AttemptId) -> Result<bool, StoreError> {
        let mut on = self.pool.acquire().await.map_err(|e| self.sql(e))?;
        self.was_erased(&mut on, attempt).await
    }

    async fn was_erased(
        &self,
        on: &mut sqlx::AnyConnection,
        attempt: &AttemptId,
    ) -> Result<bool, StoreError> {
        let n: i64 = sqlx::query_scalar("SELECT count(*) FROM erased_calls WHERE attempt = $1")
            .bind(attempt.as_str())
            .fetch_one(on)
            .await
            .map_err(|e| self.sql(e))?;
        Ok(n > 0)
    }

    /// The case that a call is about; none where there is no such call.
    pub(crate) async fn case_of(&self, attempt: &AttemptId) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT case_id FROM attempts WHERE attempt = $1")
            .bind(attempt.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// Begins to write what a call tells of a person, which comes late: none where that was erased meanwhile.
    pub(crate) async fn write_of(&self, attempt: &AttemptId) -> Result<Option<Tx>, StoreError> {
        self.write_of_with(attempt, None).await
    }

    /// The same, which waits for others that named a further thing too.
    pub(crate) async fn write_of_with(
        &self,
        attempt: &AttemptId,
        thing: Option<String>,
    ) -> Result<Option<Tx>, StoreError> {
        let case = self.case_of(attempt).await?.map(|case| format!("case:{case}"));
        let things: Vec<String> = case.into_iter().chain(thing).collect();
        let mut tx = self.write_alone(&things).await?;
        Ok(if self.was_erased(&mut tx, attempt).await? { None } else { Some(tx) })
    }

    /// Whether a case is of the debtor that is bound first.
    fn own_case(&self) -> String {
        let named = json_field(&self.location, "record", "debtor");
        format!("{named} = $1 OR case_id = $1 AND {named} IS NULL")
    }

    /// The ids of a debtor's cases, and of the calls about them and to the debtor.
    async fn find(
        &self,
        on: &mut sqlx::AnyConnection,
        debtor: &DebtorId,
    ) -> Result<(Vec<String>, Vec<String>), SqlError> {
        let own = self.own_case();
        let sql = format!(
            "SELECT case_id FROM cases WHERE {own}
             UNION SELECT case_id FROM attempts WHERE debtor = $1
             UNION SELECT case_id FROM attempts WHERE case_id = $1 AND debtor IS NULL ORDER BY 1"
        );
        let cases: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).bind(debtor.as_str()).fetch_all(&mut *on).await?;
        let mut calls: Vec<String> = sqlx::query_scalar("SELECT attempt FROM attempts WHERE debtor = $1")
            .bind(debtor.as_str())
            .fetch_all(&mut *on)
            .await?;
        for case in &cases {
            // Of a case that another person owes by now, the calls to that person are theirs.
            let of_case: Vec<String> = sqlx::query_scalar(
                "SELECT attempt FROM attempts WHERE case_id = $1 AND (debtor IS NULL OR debtor = $2)",
            )
            .bind(case)
            .bind(debtor.as_str())
            .fetch_all(&mut *on)
            .await?;
            calls.extend(of_case);
        }
        calls.sort();
        calls.dedup();
        Ok((cases, calls))
    }

    /// Whose a case is, and was while it was called.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn debtors_of_case(&self, case: &CaseId) -> Result<Vec<DebtorId>, StoreError> {
        let named = json_field(&self.location, "record", "debtor");
        let sql = format!(
            "SELECT coalesce({named}, case_id) FROM cases WHERE case_id = $1
             UNION SELECT coalesce(debtor, case_id) FROM attempts WHERE case_id = $1 ORDER BY 1"
        );
        let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(case.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        found.into_iter().map(|id| Ok(id.parse()?)).collect()
    }

    /// Who was called at a number, or is to be, however it is written. Every case is looked at: for people, not for
    /// the time of a call.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn debtors_of_number(&self, number: &PhoneNumber) -> Result<Vec<DebtorId>, StoreError> {
        let called: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT coalesce(debtor, case_id) FROM attempts WHERE subscriber = $1",
        )
        .bind(number.subscriber())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        let mut found =
            called.into_iter().map(|id| Ok(id.parse()?)).collect::<Result<BTreeSet<_>, StoreError>>()?;
        // Where it stands in a record, its end does, whatever comes before.
        let from = number.subscriber().len().saturating_sub(COMPARED);
        let records: Vec<String> = sqlx::query_scalar(
            "SELECT record FROM cases WHERE record LIKE '%' || $1 || '\"%' ORDER BY case_id",
        )
        .bind(&number.subscriber()[from..])
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        for record in records {
            let case: Case = serde_json::from_str(&record)
                .map_err(|source| StoreError::Record { of: "a case".to_owned(), source })?;
            if case.lines().any(|line| line.phone.subscriber() == number.subscriber()) {
                found.insert(match case.dossier.debtor {
                    Some(debtor) => debtor,
                    None => case.id.as_str().parse()?,
                });
            }
        }
        Ok(found.into_iter().collect())
    }

    /// All revisions of a call's outcome that others were told of, the oldest first, and the one that stands; what
    /// was emptied since is left out.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn revisions(&self, attempt: &AttemptId) -> Result<Vec<(i64, Outcome)>, StoreError> {
        let stands: Option<(String, i64)> =
            sqlx::query_as("SELECT record, revision FROM outcomes WHERE attempt = $1")
                .bind(attempt.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        let Some((record, last)) = stands else { return Ok(Vec::new()) };
        let mut revisions = Vec::new();
        for revision in 1..last {
            let body: Option<String> = sqlx::query_scalar("SELECT body FROM events WHERE key = $1")
                .bind(format!("{attempt}:{revision}"))
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
            let told = body.and_then(|body| serde_json::from_str::<serde_json::Value>(&body).ok());
            let told = told.and_then(|told| serde_json::from_value(told.get("outcome")?.clone()).ok());
            revisions.extend(told.map(|outcome| (revision, outcome)));
        }
        revisions.push((last, read(attempt.as_str(), &record)?));
        Ok(revisions)
    }

    /// Removes what tells who a debtor is: in one transaction, so that it has happened or not. What stays is that
    /// calls were made, when, how they ended and why they were allowed, under ids that lead to nobody; whose number is
    /// not to be called stays on the do-not-call list, since that is the debtor's own wish. The files of the calls
    /// that are named are to be removed next, here and on every node.
    ///
    /// # Errors
    /// [`StoreError::Held`] under a hold, [`StoreError::OnTheLine`] while a call is up, or that it cannot be written.
    pub async fn erase(
        &self,
        debtor: &DebtorId,
        (why, person): (&str, &str),
        now: WallTime,
    ) -> Result<Erased, StoreError> {
        let before = self.traces(debtor).await?;
        let things = before.case_ids.iter().map(|case| format!("case:{case}"));
        let things: Vec<String> = things.chain([format!("debtor:{debtor}"), "import".to_owned()]).collect();
        let mut tx = self.write_alone(&things).await?;
        let (cases, calls) = self.find(&mut tx, debtor).await.map_err(|e| self.sql(e))?;
        let sha256 = hex::encode(Sha256::digest(debtor.as_str()));
        if cases.is_empty() && calls.is_empty() {
            // Once more after a crash: the rows have gone, and files may be left.
            let before: Vec<String> = sqlx::query_scalar(
                "SELECT c.attempt FROM erased_calls AS c JOIN erasures AS e ON e.id = c.erasure
                 WHERE e.debtor_sha256 = $1",
            )
            .bind(sha256)
            .fetch_all(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
            let calls = before.into_iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
            return Ok(Erased { cases: 0, calls });
        }
        self.may_go(&mut tx, debtor, &cases, &calls, now).await?;
        let erasure: i64 = sqlx::query_scalar(
            "INSERT INTO erasures (debtor_sha256, why, person, at) VALUES ($1, $2, $3, $4) RETURNING id",
        )
        .bind(sha256)
        .bind(why)
        .bind(person)
        .bind(now.unix_millis())
        .fetch_one(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        let mut erased = Erased { cases: cases.len(), calls: Vec::new() };
        let stand_in = |n: usize| format!("erased-{erasure}-{n}");
        for call in &calls {
            let attempt: AttemptId = call.parse()?;
            self.put_words(&mut tx, &attempt, &[]).await?;
            self.give_messages_up(&mut tx, call).await.map_err(|e| self.sql(e))?;
            self.empty_deliveries(&mut tx, &attempt, now).await?;
            self.strip(&mut tx, &attempt, now).await?;
            sqlx::query(
                "INSERT INTO erased_calls (attempt, erasure) VALUES ($1, $2) ON CONFLICT (attempt) DO NOTHING",
            )
            .bind(call)
            .bind(erasure)
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
            erased.calls.push(attempt);
        }
        // Holds that were lifted tell of whom they were.
        for (kind, subject, n) in cases
            .iter()
            .enumerate()
            .map(|(n, case)| ("case", case.as_str(), n))
            .chain([("debtor", debtor.as_str(), cases.len())])
        {
            sqlx::query("UPDATE holds SET subject = $3 WHERE kind = $1 AND subject = $2")
                .bind(kind)
                .bind(subject)
                .bind(stand_in(n))
                .execute(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?;
        }
        for (n, case) in cases.iter().enumerate() {
            self.rename_case(&mut tx, case, &stand_in(n), (debtor, calls.as_slice()))
                .await
                .map_err(|e| self.sql(e))?;
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(erased)
    }

    /// Whether nothing keeps a debtor's traces.
    async fn may_go(
        &self,
        tx: &mut Tx,
        debtor: &DebtorId,
        cases: &[String],
        calls: &[String],
        now: WallTime,
    ) -> Result<(), StoreError> {
        let of_debtor = "SELECT count(*) FROM holds WHERE lifted_at IS NULL AND (until IS NULL OR until > $1)
            AND (kind = 'debtor' AND subject = $2 OR kind = 'case' AND subject = $3)";
        for case in cases.iter().map(String::as_str).chain([""]) {
            let held: i64 = sqlx::query_scalar(of_debtor)
                .bind(now.unix_millis())
                .bind(debtor.as_str())
                .bind(case)
                .fetch_one(&mut **tx)
                .await
                .map_err(|e| self.sql(e))?;
            if held > 0 {
                return Err(StoreError::Held);
            }
        }
        let of_call = format!(
            "SELECT a.open, CASE WHEN {} THEN 1 ELSE 0 END FROM attempts AS a WHERE a.attempt = $2",
            held(&self.location, 1)
        );
        for call in calls {
            let (open, held): (i64, i64) = sqlx::query_as(AssertSqlSafe(of_call.as_str()))
                .bind(now.unix_millis())
                .bind(call)
                .fetch_one(&mut **tx)
                .await
                .map_err(|e| self.sql(e))?;
            if held != 0 {
                return Err(StoreError::Held);
            }
            if open != 0 {
                return Err(StoreError::OnTheLine);
            }
        }
        Ok(())
    }

    /// Messages that were not sent are not.
    async fn give_messages_up(&self, tx: &mut Tx, call: &str) -> Result<(), SqlError> {
        let statements = [
            "UPDATE messages SET state = 'refused', why = 'erased' WHERE attempt = $1 AND state = 'waiting'",
            "UPDATE messages SET state = 'unknown', why = 'erased' WHERE attempt = $1 AND state = 'sending'",
            "UPDATE messages SET subscriber = '-' WHERE attempt = $1",
        ];
        for statement in statements {
            sqlx::query(statement).bind(call).execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Puts another name in place of a case's, wherever it stands, and lets go of the case itself. What stands of it
    /// about calls to somebody else, who owed it before or since, stays.
    async fn rename_case(
        &self,
        tx: &mut Tx,
        case: &str,
        stand_in: &str,
        (debtor, calls): (&DebtorId, &[String]),
    ) -> Result<(), SqlError> {
        for call in calls {
            for table in ["attempts", "outcomes", "talks", "messages", "compliance_decisions"] {
                let sql = format!("UPDATE {table} SET case_id = $3 WHERE attempt = $1 AND case_id = $2");
                let rename = sqlx::query(AssertSqlSafe(sql)).bind(call).bind(case).bind(stand_in);
                rename.execute(&mut **tx).await?;
            }
            // Keys of a call's events begin with its id, and those of a message's with the message's.
            let of_messages: Vec<String> =
                sqlx::query_scalar("SELECT message FROM messages WHERE attempt = $1")
                    .bind(call)
                    .fetch_all(&mut **tx)
                    .await?;
            for key in of_messages.iter().map(|message| format!("sms:{message}")).chain([call.clone()]) {
                sqlx::query(
                    "UPDATE events SET case_id = $3 WHERE key > $1 || ':' AND key < $1 || ';' AND case_id = $2",
                )
                .bind(key)
                .bind(case)
                .bind(stand_in)
                .execute(&mut **tx)
                .await?;
            }
            let record: Option<String> =
                sqlx::query_scalar("SELECT record FROM outcomes WHERE attempt = $1 AND case_id = $2")
                    .bind(call)
                    .bind(stand_in)
                    .fetch_optional(&mut **tx)
                    .await?;
            if let Some(mut record) = record.and_then(|r| serde_json::from_str::<serde_json::Value>(&r).ok())
            {
                record["case"] = stand_in.into();
                sqlx::query("UPDATE outcomes SET record = $2 WHERE attempt = $1")
                    .bind(call)
                    .bind(record.to_string())
                    .execute(&mut **tx)
                    .await?;
            }
        }
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM attempts WHERE case_id = $1")
            .bind(case)
            .fetch_one(&mut **tx)
            .await?;
        if left == 0 {
            let statements = [
                "UPDATE compliance_decisions SET case_id = $2 WHERE case_id = $1",
                "UPDATE events SET case_id = $2, key = 'case:' || $2 || substr(key, length('case:' || $1) + 1)
                 WHERE kind = 'case' AND key > 'case:' || $1 || ':' AND key < 'case:' || $1 || ';'",
            ];
            for statement in statements {
                sqlx::query(statement).bind(case).bind(stand_in).execute(&mut **tx).await?;
            }
        }
        let own = self.own_case();
        for sql in [
            format!(
                "DELETE FROM queue WHERE case_id IN (SELECT case_id FROM cases WHERE case_id = $2 AND ({own}))"
            ),
            format!("DELETE FROM cases WHERE case_id = $2 AND ({own})"),
        ] {
            sqlx::query(AssertSqlSafe(sql)).bind(debtor.as_str()).bind(case).execute(&mut **tx).await?;
        }
        Ok(())
    }
}
