//! Reports that are sent by themselves: made once a period whichever node, sent until they are taken, kept.

use sqlx::FromRow;
use waihu_types::{CampaignId, WallTime};

use crate::{Store, StoreError, board::json_field, events::Happened};

/// A report that is on file.
#[derive(Clone, PartialEq, Eq, FromRow)]
pub struct StoredReport {
    /// Its name.
    pub report: String,
    /// The first day of its period.
    pub period: String,
    /// When it was made [ms since the Unix epoch].
    pub made_at: i64,
    /// Its page.
    pub html: String,
    /// Its table.
    pub csv: String,
    /// `waiting`, `sent` or `failed`.
    pub state: String,
    /// How often it was tried.
    pub tries: i64,
    /// Not to be tried before.
    pub next_at: i64,
    /// What went wrong last; empty where nothing did.
    pub told: String,
    /// When it was taken.
    pub sent_at: Option<i64>,
}

impl std::fmt::Debug for StoredReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredReport({} {} {})", self.report, self.period, self.state)
    }
}

/// A report that is on file, without what stands in it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ReportMade {
    /// Its name.
    pub report: String,
    /// The first day of its period.
    pub period: String,
    /// When it was made [ms since the Unix epoch].
    pub made_at: i64,
    /// `waiting`, `sent` or `failed`.
    pub state: String,
    /// How often it was tried.
    pub tries: i64,
    /// Not to be tried before [ms since the Unix epoch].
    pub next_at: i64,
    /// What went wrong last; empty where nothing did.
    pub told: String,
    /// When it was taken by a mail server; none where it was not, or never was to be.
    pub sent_at: Option<i64>,
}

/// Whether a report goes out by mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByMail {
    /// As well.
    Too,
    /// Readers of events alone have it.
    No,
}

/// What came of sending a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent<'a> {
    /// It was taken.
    Taken,
    /// It was not, and is to be tried again.
    Again {
        /// From then on.
        at: WallTime,
        /// What went wrong.
        told: &'a str,
    },
    /// It is tried no more.
    Failed {
        /// What went wrong.
        told: &'a str,
    },
}

/// What the calls of a campaign came to, to be paid for.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Effort {
    /// The campaign; none for calls placed by hand.
    pub campaign: Option<String>,
    /// Calls that ended.
    pub calls: i64,
    /// That were answered, by whatever: those are charged for.
    pub answered: i64,
    /// In which the person who owes was spoken with.
    pub contacts: i64,
    /// With a promise.
    pub promises: i64,
    /// With a promise that is due by now, and was kept.
    pub kept: i64,
    /// Units that are charged for, each begun one whole.
    pub units: i64,
    /// How long agents talked, together [ms].
    pub agent_ms: i64,
}

macro_rules! columns {
    () => {
        "SELECT report, period, made_at, html, csv, state, tries, next_at, told, sent_at FROM reports"
    };
}

impl Store {
    /// Keeps a report that was made, and tells the readers of events. False where it was made already, by whichever node.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn keep_report(
        &self,
        (report, period): (&str, &str),
        (html, csv): (&str, &str),
        by_mail: ByMail,
        now: WallTime,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let state = if by_mail == ByMail::Too { "waiting" } else { "sent" };
        let made = sqlx::query(
            "INSERT INTO reports (report, period, made_at, html, csv, state, tries, next_at, told, lease_until)
             VALUES ($1, $2, $3, $4, $5, $6, 0, $3, '', 0) ON CONFLICT (report, period) DO NOTHING",
        )
        .bind(report)
        .bind(period)
        .bind(now.unix_millis())
        .bind(html)
        .bind(csv)
        .bind(state)
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?
        .rows_affected();
        if made == 1 {
            tx.tell(Happened {
                key: format!("report:{report}:{period}"),
                kind: "report",
                at: now,
                campaign: None,
                case: None,
                attempt: None,
                body: serde_json::json!({ "report": report, "period": period, "html": html, "csv": csv }),
            });
        }
        tx.commit().await.map(|()| made == 1).map_err(|e| self.sql(e))
    }

    /// Whether the report of a period was made.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn is_reported(&self, report: &str, period: &str) -> Result<bool, StoreError> {
        let row: Option<i64> =
            sqlx::query_scalar("SELECT made_at FROM reports WHERE report = $1 AND period = $2")
                .bind(report)
                .bind(period)
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        Ok(row.is_some())
    }

    /// Takes a report of one of these names that waits to be sent: until the lease ends nobody else does.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn take_report(
        &self,
        names: &[&str],
        now: WallTime,
        lease: std::time::Duration,
    ) -> Result<Option<StoredReport>, StoreError> {
        let due: Vec<StoredReport> = sqlx::query_as(concat!(
            columns!(),
            " WHERE state = 'waiting' AND next_at <= $1 AND lease_until <= $1 ORDER BY made_at, report LIMIT 100"
        ))
        .bind(now.unix_millis())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        for report in due.into_iter().filter(|report| names.contains(&report.report.as_str())) {
            let statement = sqlx::query(
                "UPDATE reports SET lease_until = $4, tries = tries + 1
                 WHERE report = $1 AND period = $2 AND state = 'waiting' AND lease_until <= $3",
            )
            .bind(report.report.as_str())
            .bind(report.period.as_str())
            .bind(now.unix_millis())
            .bind(now.plus(lease).unix_millis());
            if self.change(statement).await? == 1 {
                return Ok(Some(StoredReport { tries: report.tries + 1, ..report }));
            }
        }
        Ok(None)
    }

    /// Writes down what came of sending a report.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn settle_report(
        &self,
        (report, period): (&str, &str),
        sent: Sent<'_>,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let (state, next_at, told, sent_at) = match sent {
            Sent::Taken => ("sent", now, "", Some(now)),
            Sent::Again { at, told } => ("waiting", at, told, None),
            Sent::Failed { told } => ("failed", now, told, None),
        };
        let statement = sqlx::query(
            "UPDATE reports SET state = $3, next_at = $4, told = $5, sent_at = $6, lease_until = 0
             WHERE report = $1 AND period = $2",
        )
        .bind(report)
        .bind(period)
        .bind(state)
        .bind(next_at.unix_millis())
        .bind(told)
        .bind(sent_at.map(WallTime::unix_millis));
        self.change(statement).await.map(drop)
    }

    /// Reports before a place, the newest first; from the newest on where there is none.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn reports_before(
        &self,
        place: Option<&(i64, String, String)>,
        limit: u32,
    ) -> Result<Vec<ReportMade>, StoreError> {
        let (at, report, period) =
            place.map_or((i64::MAX, "", ""), |(at, report, period)| (*at, report.as_str(), period.as_str()));
        sqlx::query_as(
            "SELECT report, period, made_at, state, tries, next_at, told, sent_at FROM reports
             WHERE made_at < $1 OR made_at = $1 AND (report > $2 OR report = $2 AND period > $3)
             ORDER BY made_at DESC, report, period LIMIT $4",
        )
        .bind(at)
        .bind(report)
        .bind(period)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))
    }

    /// A report of a period; none where it was not made.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn report(&self, report: &str, period: &str) -> Result<Option<StoredReport>, StoreError> {
        sqlx::query_as(concat!(columns!(), " WHERE report = $1 AND period = $2"))
            .bind(report)
            .bind(period)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// The newest reports.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn reports(&self, limit: u32) -> Result<Vec<StoredReport>, StoreError> {
        sqlx::query_as(concat!(columns!(), " ORDER BY made_at DESC, report LIMIT $1"))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// What the calls of each campaign that ended between two moments came to, where connected time is charged in
    /// units of so long \[ms\].
    ///
    /// # Errors
    /// When they cannot be counted.
    pub async fn efforts(
        &self,
        campaign: Option<&CampaignId>,
        (since, until): (WallTime, WallTime),
        unit_ms: i64,
    ) -> Result<Vec<Effort>, StoreError> {
        let talked = json_field(&self.location, "record", "handover.talked_ms");
        let sql = format!(
            "SELECT campaign, count(*) AS calls,
                CAST(sum(CASE WHEN answered_at IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS answered,
                CAST(sum(CASE WHEN answered_by = 'human' AND identity = 'confirmed' THEN 1 ELSE 0 END) AS BIGINT)
                    AS contacts,
                CAST(sum(CASE WHEN promise_date IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS promises,
                CAST(sum(CASE WHEN p.due = 1 AND p.state = 'kept' THEN 1 ELSE 0 END) AS BIGINT) AS kept,
                CAST(sum(CASE WHEN answered_at IS NULL THEN 0
                              ELSE (ended_at - answered_at + $4 - 1) / $4 END) AS BIGINT) AS units,
                CAST(sum(CAST(coalesce({talked}, '0') AS BIGINT)) AS BIGINT) AS agent_ms
             FROM outcomes AS o LEFT JOIN promises AS p ON p.attempt = o.attempt
             WHERE ($1 IS NULL OR campaign = $1) AND ended_at >= $2 AND ended_at < $3
             GROUP BY campaign ORDER BY campaign"
        );
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(campaign.map(CampaignId::as_str))
            .bind(since.unix_millis())
            .bind(until.unix_millis())
            .bind(unit_ms.max(1))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }
}
