//! Attempts: begun before the INVITE, answered, and what stands in the way of another.

use std::collections::{BTreeMap, HashMap};

use sqlx::FromRow;
use waihu_types::{AttemptId, CampaignId, CaseId, DebtorId, PhoneNumber, Redial, ScriptVersion, WallTime};

use crate::{
    Passage, Refusal, Store, StoreError,
    error::{Kind, kind},
    events::Happened,
    write::Tx,
};

/// An attempt about to be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttempt {
    /// Its id.
    pub attempt: AttemptId,
    /// The campaign; none for a call placed by hand.
    pub campaign: Option<CampaignId>,
    /// The case.
    pub case: CaseId,
    /// The number to dial.
    pub callee: PhoneNumber,
    /// The script that will run.
    pub script: ScriptVersion,
    /// The models that will run, by job.
    pub models: BTreeMap<String, String>,
    /// When the INVITE is to leave.
    pub dialled_at: WallTime,
    /// Whether it is that number's telephone that rings: only then what is said there bars the number.
    pub own_number: bool,
}

/// An attempt as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What was known before the INVITE.
    pub begun: NewAttempt,
    /// When it was answered.
    pub answered_at: Option<WallTime>,
    /// Whether it is under way, or was when its process died.
    pub open: bool,
}

/// What [`AttemptRow`] is read from. The columns are named one by one everywhere in this room: to `*` another
/// process's newer schema would add some, which PostgreSQL refuses a statement that it knows without them.
macro_rules! attempt_columns {
    () => {
        "SELECT attempt, campaign, case_id, callee, script, models, dialled_at, answered_at, open, owner, subscriber
         FROM attempts"
    };
}
pub(crate) use attempt_columns;

/// Stands for the number where what is said bars none; no number is written so.
pub(crate) const NO_SUBSCRIBER: &str = "-";

/// How a case stands in its campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// An attempt is under way, or was when its process died.
    InFlight,
    /// It was answered, and the verdict after that says never.
    Answered,
    /// It was not answered, and the last verdict says never, by this rule.
    Settled {
        /// The rule's name.
        rule: String,
    },
    /// The last verdict allows a redial from a time on (a voicemail box answered, say).
    Waits {
        /// The rule's name.
        rule: String,
        /// The earliest time.
        not_before: WallTime,
    },
}

impl Standing {
    /// Why the case may not be dialled at `now`; none where it may.
    pub fn refusal(&self, now: WallTime) -> Option<Refusal> {
        match self.clone() {
            Self::InFlight => Some(Refusal::InFlight),
            Self::Answered => Some(Refusal::Answered),
            Self::Settled { rule } => Some(Refusal::Settled { rule }),
            Self::Waits { rule, not_before } if now < not_before => {
                Some(Refusal::TooEarly { rule, not_before })
            }
            Self::Waits { .. } => None,
        }
    }
}

/// A row that says how a case stands: whether any attempt of it is open, whether any was answered, and the verdict of
/// the last outcome.
#[derive(FromRow)]
struct StandingRow {
    case_id: String,
    open: i64,
    answered: i64,
    /// Whether the last one was answered after another node had filed that it was not.
    late: i64,
    rule: Option<String>,
    verdict: Option<String>,
    not_before: Option<i64>,
}

/// How cases of a campaign (`$1`) stand, a row a case; `$and` says which of them. Where it is one, that has to
/// stand there by itself: what is a condition for some and none for others keeps a database from its index.
macro_rules! standing {
    ($and:literal) => {
        concat!(
            "SELECT a.case_id AS case_id, max(a.open) AS open,
                    max(CASE WHEN a.answered_at IS NULL THEN 0 ELSE 1 END) AS answered,
                    max(CASE WHEN o.recovered = 1 AND o.answered_at IS NULL AND a.attempt = o.attempt
                        AND a.answered_at IS NOT NULL THEN 1 ELSE 0 END) AS late,
                    o.redial_rule AS rule, o.redial_verdict AS verdict, o.redial_not_before AS not_before
             FROM attempts AS a
             LEFT JOIN outcomes AS o ON o.attempt = (
                SELECT l.attempt FROM outcomes AS l WHERE l.campaign = a.campaign AND l.case_id = a.case_id
                ORDER BY l.ended_at DESC, l.attempt DESC LIMIT 1)
             WHERE a.campaign = $1",
            $and,
            " GROUP BY a.case_id, o.attempt"
        )
    };
}

impl StandingRow {
    fn standing(&self) -> Standing {
        let rule = self.rule.clone().unwrap_or_default();
        match (self.open != 0, self.answered != 0, self.verdict.as_deref(), self.not_before) {
            (true, ..) => Standing::InFlight,
            _ if self.late != 0 => Standing::Answered,
            (_, _, Some("allowed"), Some(ms)) => {
                Standing::Waits { rule, not_before: WallTime::from_unix_millis(ms) }
            }
            (_, true, ..) => Standing::Answered,
            _ => Standing::Settled { rule },
        }
    }
}

impl Store {
    /// Writes an attempt down; it is on the disk when this returns, and only then may the INVITE
    /// leave.
    ///
    /// A case of a campaign is refused where it is under way, or where the last verdict on it in that
    /// campaign does not allow a redial at `dialled_at`: so nobody who was reached is called twice. It
    /// is refused too where its number is barred, see [`Store::barred`], or another call to it is up; and, in a
    /// stored campaign, where that does not run, the case is settled or was changed meanwhile, or this node has not
    /// taken it ([`Store::pick`]). A call placed by hand (no campaign) is refused only for an id that is taken: who types
    /// the address answers for it.
    ///
    /// Either has to pass the compliance gate, which is asked with what stands here in the same moment: what
    /// it decides is kept with the attempt, and a denial without one.
    ///
    /// # Errors
    /// [`StoreError::Refused`], [`StoreError::AttemptExists`], or that it could not be written.
    pub async fn begin_attempt(&self, new: &NewAttempt, passage: &Passage) -> Result<(), StoreError> {
        // What is decided here hangs on what was done about the case, with the number and to the debtor.
        let number = number_lock(&new.callee);
        let debtor = passage.subject().debtor().map(|debtor| format!("debtor:{debtor}"));
        let things = [format!("case:{}", new.case), number].into_iter().chain(debtor);
        let mut tx = self.write_alone(&things.collect::<Vec<_>>()).await?;
        let owner = self.living(&mut tx, new.dialled_at).await?;
        if let Some(campaign) = &new.campaign
            && let Some(standing) = self.standing(&mut tx, campaign, &new.case).await?
            && let Some(why) = standing.refusal(new.dialled_at)
        {
            return Err(StoreError::Refused { case: new.case.clone(), why });
        }
        if let Some(campaign) = &new.campaign {
            let refused = |why| StoreError::Refused { case: new.case.clone(), why };
            if let Some(why) = self.queued(&mut tx, campaign, &new.case, (&owner, passage.revision())).await?
            {
                return Err(refused(why));
            }
            // In this order: a call that ends between the two has told by the second what it forbids.
            if new.own_number && self.on_the_line(&mut tx, &new.callee).await? {
                return Err(refused(Refusal::NumberBusy));
            }
            if let Some(by) = self.bar(&mut tx, &new.callee).await? {
                return Err(refused(Refusal::NumberBarred { by }));
            }
        }
        let judged = self.weigh(&mut tx, new, passage).await?;
        let stopped = judged.stopped(passage);
        if stopped.is_none() {
            self.insert_attempt(&mut tx, new, passage.subject().debtor(), owner).await?;
            tx.tell(passed(new.campaign.as_ref(), &new.case, &new.attempt, "dialled", new.dialled_at));
        }
        self.keep(&mut tx, &judged.asked(new, passage), passage, &judged).await?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        match stopped {
            None => Ok(()),
            Some(denied) => {
                let why = Refusal::Denied(Box::new(denied.clone()));
                Err(StoreError::Refused { case: new.case.clone(), why })
            }
        }
    }

    async fn insert_attempt(
        &self,
        tx: &mut Tx,
        new: &NewAttempt,
        debtor: Option<&DebtorId>,
        owner: String,
    ) -> Result<(), StoreError> {
        let json = |e| StoreError::Record { of: new.attempt.to_string(), source: e };
        sqlx::query(
            "INSERT INTO attempts (attempt, campaign, case_id, callee, script, models, dialled_at, owner,
                subscriber, debtor)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(new.attempt.as_str())
        .bind(new.campaign.as_ref().map(CampaignId::as_str))
        .bind(new.case.as_str())
        .bind(new.callee.as_str())
        .bind(serde_json::to_string(&new.script).map_err(json)?)
        .bind(serde_json::to_string(&new.models).map_err(json)?)
        .bind(new.dialled_at.unix_millis())
        .bind(owner)
        .bind(if self.practice || !new.own_number { NO_SUBSCRIBER } else { new.callee.subscriber() })
        .bind(debtor.map(DebtorId::as_str))
        .execute(&mut **tx)
        .await
        .map_err(|e| match kind(&e) {
            Kind::Unique => StoreError::AttemptExists(new.attempt.clone()),
            _ => self.sql(e),
        })
        .map(drop)
    }

    /// Notes that the callee's side answered; on the disk when this returns. A second time changes nothing. Where
    /// another node took this one for dead and filed the call as unanswered, it is under way again until its own
    /// outcome takes that one's place.
    ///
    /// # Errors
    /// [`StoreError::UnknownAttempt`], or that it could not be written.
    pub async fn mark_answered(&self, attempt: &AttemptId, at: WallTime) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let row: Option<(Option<String>, String)> = sqlx::query_as(
            "UPDATE attempts SET answered_at = coalesce(answered_at, $2), open = CASE WHEN EXISTS (
                SELECT 1 FROM outcomes AS o WHERE o.attempt = $1 AND o.recovered = 1) THEN 1 ELSE open END
             WHERE attempt = $1 RETURNING campaign, case_id",
        )
        .bind(attempt.as_str())
        .bind(at.unix_millis())
        .fetch_optional(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        let (campaign, case) = row.ok_or_else(|| StoreError::UnknownAttempt(attempt.clone()))?;
        let campaign = campaign.as_deref().map(str::parse).transpose()?;
        tx.tell(passed(campaign.as_ref(), &case.parse()?, attempt, "answered", at));
        tx.commit().await.map_err(|e| self.sql(e))
    }

    /// Whether a call to a number is up, about whatever case.
    async fn on_the_line(&self, tx: &mut Tx, number: &PhoneNumber) -> Result<bool, StoreError> {
        if self.practice {
            return Ok(false);
        }
        let open: i64 =
            sqlx::query_scalar("SELECT count(*) FROM attempts WHERE subscriber = $1 AND open = 1")
                .bind(number.subscriber())
                .fetch_one(&mut **tx)
                .await
                .map_err(|e| self.sql(e))?;
        Ok(open > 0)
    }

    /// How each case of a campaign that was ever dialled stands in it. A case that is not in it was
    /// never dialled.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn cases_done(&self, campaign: &CampaignId) -> Result<BTreeMap<CaseId, Standing>, StoreError> {
        let rows: Vec<StandingRow> = sqlx::query_as(standing!(""))
            .bind(campaign.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        rows.iter().map(|row| Ok((row.case_id.parse()?, row.standing()))).collect()
    }

    /// How many attempts there were for a case, in a campaign or by hand.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn attempts_so_far(
        &self,
        campaign: Option<&CampaignId>,
        case: &CaseId,
    ) -> Result<u32, StoreError> {
        let n: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM attempts WHERE campaign IS NOT DISTINCT FROM $1 AND case_id = $2",
        )
        .bind(campaign.map(CampaignId::as_str))
        .bind(case.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(u32::try_from(n).unwrap_or(u32::MAX))
    }

    /// The attempts of a campaign, or all, in the order in which they were dialled.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn attempts(&self, campaign: Option<&CampaignId>) -> Result<Vec<Attempt>, StoreError> {
        let rows: Vec<AttemptRow> = sqlx::query_as(concat!(
            attempt_columns!(),
            " WHERE $1 IS NULL OR campaign = $1 ORDER BY dialled_at, attempt"
        ))
        .bind(campaign.map(CampaignId::as_str))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        rows.into_iter().map(Attempt::try_from).collect()
    }

    async fn standing(
        &self,
        tx: &mut Tx,
        campaign: &CampaignId,
        case: &CaseId,
    ) -> Result<Option<Standing>, StoreError> {
        let row: Option<StandingRow> = sqlx::query_as(standing!(" AND a.case_id = $2"))
            .bind(campaign.as_str())
            .bind(case.as_str())
            .fetch_optional(&mut **tx)
            .await
            .map_err(|e| self.sql(e))?;
        Ok(row.map(|r| r.standing()))
    }

    /// The attempts left open, by the mark of who opened them.
    pub(crate) async fn open_attempts(&self) -> Result<HashMap<String, Vec<Attempt>>, StoreError> {
        let rows: Vec<AttemptRow> =
            sqlx::query_as(concat!(attempt_columns!(), " WHERE open = 1 ORDER BY dialled_at, attempt"))
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        let mut by_owner: HashMap<String, Vec<Attempt>> = HashMap::new();
        for row in rows {
            by_owner.entry(row.owner.clone()).or_default().push(row.try_into()?);
        }
        Ok(by_owner)
    }
}

#[derive(FromRow)]
pub(crate) struct AttemptRow {
    attempt: String,
    campaign: Option<String>,
    case_id: String,
    callee: String,
    script: String,
    models: String,
    dialled_at: i64,
    answered_at: Option<i64>,
    open: i64,
    owner: String,
    subscriber: Option<String>,
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = StoreError;

    fn try_from(row: AttemptRow) -> Result<Self, StoreError> {
        let json = |e| StoreError::Record { of: row.attempt.clone(), source: e };
        Ok(Self {
            begun: NewAttempt {
                attempt: row.attempt.parse()?,
                campaign: row.campaign.as_deref().map(str::parse).transpose()?,
                case: row.case_id.parse()?,
                callee: row.callee.parse()?,
                script: serde_json::from_str(&row.script).map_err(json)?,
                models: serde_json::from_str(&row.models).map_err(json)?,
                dialled_at: WallTime::from_unix_millis(row.dialled_at),
                own_number: row.subscriber.as_deref() != Some(NO_SUBSCRIBER),
            },
            answered_at: row.answered_at.map(WallTime::from_unix_millis),
            open: row.open != 0,
        })
    }
}

/// That an attempt came so far.
fn passed<'a>(
    campaign: Option<&'a CampaignId>,
    case: &'a CaseId,
    attempt: &'a AttemptId,
    state: &str,
    at: WallTime,
) -> Happened<'a> {
    Happened {
        key: format!("{attempt}:{state}"),
        kind: "attempt",
        at,
        campaign,
        case: Some(case),
        attempt: Some(attempt),
        body: serde_json::json!({ "state": state }),
    }
}

/// What whoever calls a number or forbids it waits for.
pub(crate) fn number_lock(number: &PhoneNumber) -> String {
    format!("number:{}", number.subscriber())
}

/// The two words of a verdict, as columns.
pub(crate) fn redial_columns(redial: &Redial) -> (&'static str, &str, Option<i64>) {
    match redial {
        Redial::No { rule } => ("no", rule, None),
        Redial::Allowed { rule, not_before } => ("allowed", rule, Some(not_before.unix_millis())),
    }
}
