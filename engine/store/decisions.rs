//! Whether somebody may be called now: asked with what stands here, and kept with what it was decided from.

use sqlx::{FromRow, any::AnyExecutor};
use waihu_compliance::{AnswersByDay, Contact, Decision, Gate, Reached, Subject, refused};
use waihu_types::{AttemptId, CampaignId, Case, CaseId, DebtorId, Lang, PhoneNumber, WallTime};

use crate::{
    Store, StoreError,
    attempts::{NO_SUBSCRIBER, NewAttempt},
    outcomes::read,
    write::Tx,
};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Profile of lines on which nobody is called: its calls are no contacts.
const LABORATORY: &str = "laboratory";

/// The gate that a call has to pass, and where its callee is.
#[derive(Clone, Debug)]
pub struct Passage {
    gate: Gate,
    subject: Subject,
    /// The case's revision that this is about; none where it is not asked.
    revision: Option<i64>,
}

impl Passage {
    /// The way through a gate to a callee, by the IANA name of the time zone there.
    pub fn new(gate: Gate, time_zone: &str) -> Self {
        Self { gate, subject: Subject::new(time_zone), revision: None }
    }

    /// The way through a gate to whom a case is about, at a number.
    pub fn of(gate: Gate, case: &Case, number: &PhoneNumber) -> Self {
        Self { gate, subject: Subject::of(case, number), revision: None }
    }

    /// The same, for the case as it stood in this revision: one that was changed since, by a consent that was taken
    /// back or a number that is another's, is not dialled by what is known no longer.
    #[must_use]
    pub fn as_of(self, revision: Option<i64>) -> Self {
        Self { revision, ..self }
    }

    /// The same, for a call that is placed ahead of free agents: [`Subject::ahead_of_agents`].
    #[must_use]
    pub fn ahead_of_agents(self, answers: AnswersByDay) -> Self {
        Self { subject: self.subject.ahead_of_agents(answers), ..self }
    }

    pub(crate) fn revision(&self) -> Option<i64> {
        self.revision
    }

    /// Who is to be called, as far as rules ask.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }
}

/// A call that the compliance profile denies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The rule.
    pub rule: String,
    /// Why, for readers of Mandarin.
    pub zh: String,
    /// Why, for readers of English.
    pub en: String,
    /// The first moment at which it would be allowed, if nothing else happens.
    pub next: Option<WallTime>,
    /// Whether it is for want of an agent alone: with one who is free for it, it would be allowed at once.
    pub wants_an_agent: bool,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was allowed.
    Allowed,
    /// It was denied, and nobody was called.
    Denied,
    /// It was denied, and somebody answered for calling all the same.
    Despite,
}

impl Verdict {
    /// The word in the store.
    pub fn label(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Despite => "despite",
        }
    }

    /// The same for readers of Mandarin.
    pub fn label_zh(self) -> &'static str {
        match self {
            Self::Allowed => "允许",
            Self::Denied => "拒绝",
            Self::Despite => "强行呼叫",
        }
    }
}

/// A decision as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptDecision {
    /// The clock that it was decided by.
    pub at: WallTime,
    /// The campaign; none for a call placed by hand.
    pub campaign: Option<CampaignId>,
    /// The attempt that began with it.
    pub attempt: Option<AttemptId>,
    /// The profile.
    pub profile: String,
    /// The hash of the profile's files.
    pub profile_sha256: String,
    /// What was decided.
    pub verdict: Verdict,
    /// The rules that were asked; where it was denied, those that denied it.
    pub rules: Vec<String>,
    /// The first moment at which it would be allowed, where it was denied and there is one.
    pub next: Option<WallTime>,
    /// What it was decided from.
    pub evidence: serde_json::Value,
    /// Who let it pass that was denied, and why.
    pub despite: Option<String>,
}

impl Store {
    /// Asks whether a case may be called at `now`, before anything is prepared for it. A denial is kept;
    /// [`Store::begin_attempt`] asks again, and keeps what it is told.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn ask(
        &self,
        campaign: Option<&CampaignId>,
        case: &CaseId,
        number: &PhoneNumber,
        passage: &Passage,
        now: WallTime,
    ) -> Result<Option<Denied>, StoreError> {
        if passage.gate.despite.is_some() {
            return Ok(None);
        }
        let history = self.contacts_on(&self.pool, Some(number), case, passage, now).await?;
        let judged = Judged::of(passage, history, now);
        if judged.denied.is_none() {
            return Ok(None);
        }
        let mut tx = self.write().await?;
        self.keep(&mut tx, &Asked { campaign, case, attempt: None, now }, passage, &judged).await?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(judged.denied)
    }

    /// Asks for an attempt that is about to begin.
    pub(crate) async fn weigh(
        &self,
        tx: &mut Tx,
        new: &NewAttempt,
        passage: &Passage,
    ) -> Result<Judged, StoreError> {
        let (number, now) = (new.own_number.then_some(&new.callee), new.dialled_at);
        let history = self.contacts_on(&mut **tx, number, &new.case, passage, now).await?;
        Ok(Judged::of(passage, history, now))
    }

    /// What was called before that a profile may count: to the number, and about the case, or another of its debtor, in any campaign.
    /// Calls on laboratory lines are none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn contacts(
        &self,
        number: &PhoneNumber,
        case: &CaseId,
        passage: &Passage,
        now: WallTime,
    ) -> Result<Vec<Contact>, StoreError> {
        self.contacts_on(&self.pool, Some(number), case, passage, now).await
    }

    async fn contacts_on<'e>(
        &self,
        on: impl AnyExecutor<'e>,
        number: Option<&PhoneNumber>,
        case: &CaseId,
        passage: &Passage,
        now: WallTime,
    ) -> Result<Vec<Contact>, StoreError> {
        let reach = DAY_MS * i64::from(passage.gate.profile.reach_days());
        let rows: Vec<ContactRow> = sqlx::query_as(
            "SELECT a.attempt AS attempt, a.subscriber AS subscriber, a.dialled_at AS dialled_at, o.record AS record,
                    CASE WHEN a.answered_at IS NULL THEN 0 ELSE 1 END AS answered,
                    CASE WHEN a.subscriber IS NOT DISTINCT FROM $1 THEN 1 ELSE 0 END AS same_number,
                    CASE WHEN a.case_id = $2 THEN 1 ELSE 0 END AS same_debt,
                    CASE WHEN a.case_id = $2 OR a.debtor = $6 THEN 1 ELSE 0 END AS same_debtor
             FROM attempts AS a
             LEFT JOIN outcomes AS o ON o.attempt = a.attempt
             LEFT JOIN compliance_decisions AS d ON d.attempt = a.attempt
             WHERE (a.subscriber = $1 OR a.case_id = $2 OR a.debtor = $6) AND a.dialled_at >= $3
               AND (d.profile IS NOT NULL AND d.profile <> $4 OR d.profile IS NULL AND a.subscriber <> $5)",
        )
        .bind(number.map(PhoneNumber::subscriber))
        .bind(case.as_str())
        .bind(now.unix_millis().saturating_sub(reach))
        .bind(LABORATORY)
        .bind(NO_SUBSCRIBER)
        .bind(passage.subject.debtor().map(DebtorId::as_str))
        .fetch_all(on)
        .await
        .map_err(|e| self.sql(e))?;
        rows.iter().map(|row| row.contact(&passage.subject)).collect()
    }

    /// Keeps what was decided.
    pub(crate) async fn keep(
        &self,
        tx: &mut Tx,
        asked: &Asked<'_>,
        passage: &Passage,
        judged: &Judged,
    ) -> Result<(), StoreError> {
        let Passage { gate, subject, .. } = passage;
        let Judged { history, denied } = judged;
        let profile = &gate.profile;
        let json = |e| StoreError::Record { of: asked.case.to_string(), source: e };
        let facts = profile.facts(subject, history, asked.now.timestamp());
        let rules: Vec<&str> = match denied {
            Some(_) => facts.denied.iter().map(|(rule, _)| rule.as_str()).collect(),
            None => profile.rules().iter().map(|rule| rule.id.as_str()).collect(),
        };
        let (verdict, despite) = match (denied, &gate.despite, asked.attempt) {
            (None, ..) => (Verdict::Allowed, None),
            (Some(_), Some(despite), Some(_)) => (Verdict::Despite, Some(despite.as_str())),
            (Some(_), ..) => (Verdict::Denied, None),
        };
        sqlx::query(
            "INSERT INTO compliance_decisions (at, campaign, case_id, attempt, profile, profile_sha256, verdict,
                rules, next_at, evidence, despite)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(asked.now.unix_millis())
        .bind(asked.campaign.map(CampaignId::as_str))
        .bind(asked.case.as_str())
        .bind(asked.attempt.map(AttemptId::as_str))
        .bind(profile.id())
        .bind(profile.sha256())
        .bind(verdict.label())
        .bind(serde_json::to_string(&rules).map_err(json)?)
        .bind(denied.as_ref().and_then(|d| d.next).map(WallTime::unix_millis))
        .bind(serde_json::to_string(&facts).map_err(json)?)
        .bind(despite)
        .execute(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(())
    }

    /// What was decided about a case, in the order in which it was asked.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn decisions(&self, case: &CaseId) -> Result<Vec<KeptDecision>, StoreError> {
        let rows: Vec<DecisionRow> = sqlx::query_as(
            "SELECT at, campaign, case_id, attempt, profile, profile_sha256, verdict, rules, next_at,
                    evidence, despite FROM compliance_decisions WHERE case_id = $1 ORDER BY id",
        )
        .bind(case.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.into_iter().map(DecisionRow::decision).collect()
    }
}

/// For whom it is asked, and when.
pub(crate) struct Asked<'a> {
    campaign: Option<&'a CampaignId>,
    case: &'a CaseId,
    /// The attempt that begins with it.
    attempt: Option<&'a AttemptId>,
    now: WallTime,
}

/// What a profile says of a call, and from what.
pub(crate) struct Judged {
    history: Vec<Contact>,
    pub(crate) denied: Option<Denied>,
}

impl Judged {
    pub(crate) fn of(passage: &Passage, history: Vec<Contact>, now: WallTime) -> Self {
        let Passage { gate, subject, .. } = passage;
        let at = now.timestamp();
        let decision = gate.profile.decide(subject, &history, at);
        let denied = match &decision {
            Decision::Allowed { .. } => None,
            Decision::Denied { rule, .. } => {
                let next = gate.profile.next_allowed(subject, &history, at);
                Some(Denied {
                    rule: rule.id.clone(),
                    zh: decision.explain(subject, Lang::Zh),
                    en: decision.explain(subject, Lang::En),
                    next: next.map(|next| WallTime::from_unix_millis(next.as_millisecond())),
                    wants_an_agent: rule.wants_an_agent(),
                })
            }
        };
        Self { history, denied }
    }

    /// The denial that nobody answers for.
    pub(crate) fn stopped(&self, passage: &Passage) -> Option<&Denied> {
        self.denied.as_ref().filter(|_| passage.gate.despite.is_none())
    }

    pub(crate) fn asked<'a>(&self, new: &'a NewAttempt, passage: &Passage) -> Asked<'a> {
        let attempt = self.stopped(passage).is_none().then_some(&new.attempt);
        Asked { campaign: new.campaign.as_ref(), case: &new.case, attempt, now: new.dialled_at }
    }
}

#[derive(FromRow)]
struct ContactRow {
    attempt: String,
    subscriber: Option<String>,
    dialled_at: i64,
    answered: i64,
    same_number: i64,
    same_debt: i64,
    same_debtor: i64,
    record: Option<String>,
}

impl ContactRow {
    fn contact(&self, subject: &Subject) -> Result<Contact, StoreError> {
        let outcome = self.record.as_deref().map(|record| read(&self.attempt, record)).transpose()?;
        let reached = match &outcome {
            Some(outcome) => Reached::of(outcome),
            None => Reached::without_outcome(self.answered != 0),
        };
        let at = WallTime::from_unix_millis(self.dialled_at).timestamp();
        Ok(Contact {
            same_number: self.same_number != 0,
            same_debt: self.same_debt != 0,
            same_debtor: self.same_debtor != 0,
            whose: self.subscriber.as_deref().map(|number| subject.whose_is(number)).unwrap_or_default(),
            refused: outcome.as_ref().is_some_and(refused),
            ..Contact::new(at, reached)
        })
    }
}

#[derive(FromRow)]
struct DecisionRow {
    at: i64,
    campaign: Option<String>,
    case_id: String,
    attempt: Option<String>,
    profile: String,
    profile_sha256: String,
    verdict: String,
    rules: String,
    next_at: Option<i64>,
    evidence: String,
    despite: Option<String>,
}

impl DecisionRow {
    fn decision(self) -> Result<KeptDecision, StoreError> {
        let json = |e| StoreError::Record { of: self.case_id.clone(), source: e };
        Ok(KeptDecision {
            at: WallTime::from_unix_millis(self.at),
            campaign: self.campaign.as_deref().map(str::parse).transpose()?,
            attempt: self.attempt.as_deref().map(str::parse).transpose()?,
            verdict: match self.verdict.as_str() {
                "allowed" => Verdict::Allowed,
                "despite" => Verdict::Despite,
                // The table knows no fourth word.
                _ => Verdict::Denied,
            },
            rules: serde_json::from_str(&self.rules).map_err(json)?,
            next: self.next_at.map(WallTime::from_unix_millis),
            evidence: serde_json::from_str(&self.evidence).map_err(json)?,
            profile: self.profile,
            profile_sha256: self.profile_sha256,
            despite: self.despite,
        })
    }
}
