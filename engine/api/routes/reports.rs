//! Reports that are sent by themselves: what is planned in `waihu.toml`, what was made, how each is getting on, and one as
//! it would be now.

use axum::Json;
use futures_util::future::BoxFuture;
use serde::Serialize;
use utoipa::ToSchema;
use waihu_store::{ReportMade, StoreError};
use waihu_types::WallTime;

use crate::{
    Problem,
    extract::{Answer, Asked, At, Who},
    page::{Page, Wanted, after, limit},
    state::{Here, now},
};

/// What only the program knows of reports.
pub struct Reports {
    /// What `waihu.toml` plans, with when each is made next.
    pub planned: Box<dyn Fn(WallTime) -> Vec<ReportPlanned> + Send + Sync>,
    /// Makes one of a name as it would be now, as its page and its table; nothing is kept or sent. None where there is
    /// no such plan.
    pub preview: Box<Preview>,
    /// Whether a mail server is named.
    pub mails: bool,
}

/// Makes a report as it would be now: its period's first day, its page, its table.
pub type Preview =
    dyn Fn(String) -> BoxFuture<'static, Result<Option<(String, String, String)>, StoreError>> + Send + Sync;

/// A report that is made by itself, as `[[report]]` of `waihu.toml` has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportPlanned {
    /// Its name.
    #[schema(example = "daily")]
    pub name: String,
    /// `day` or `week`.
    #[schema(value_type = String, example = "day")]
    pub every: &'static str,
    /// From which hour on it is made, by the clock of its zone.
    #[schema(minimum = 0, maximum = 23)]
    pub hour: i8,
    /// The zone whose days it is about, by its IANA name.
    #[schema(example = "Asia/Shanghai")]
    pub zone: String,
    /// The campaigns that it is about; empty for all.
    pub campaigns: Vec<String>,
    /// To whom it goes by mail; empty where readers of events alone have it.
    pub mail: Vec<String>,
    /// When the next one is made.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<WallTime>,
}

/// What is planned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportsPlanned {
    /// Whether a mail server is named: without one nothing goes out by mail.
    mails: bool,
    /// The plans, in the order of the file.
    items: Vec<ReportPlanned>,
}

/// Reports that are planned. They are changed in `waihu.toml`, and hold from the next start.
#[utoipa::path(get, path = "/v1/reports", tag = "reports",
    responses((status = 200, description = "The plans", body = ReportsPlanned)))]
pub(crate) async fn planned(shared: Here, _: Who) -> Answer<ReportsPlanned> {
    let reports = shared.inner().state.reports.as_ref();
    let (mails, items) = reports.map_or((false, Vec::new()), |r| (r.mails, (r.planned)(now())));
    Ok(Json(ReportsPlanned { mails, items }))
}

/// A report that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportTold {
    /// Its name.
    report: String,
    /// The first day of what it is about.
    #[schema(format = Date)]
    period: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: WallTime,
    /// `kept`: readers of events alone have it; `waiting` to be sent by mail, `sent`, or `failed`: given up.
    #[schema(value_type = String, example = "sent")]
    state: &'static str,
    /// How often a mail server was tried.
    #[schema(minimum = 0)]
    tries: i64,
    /// When a mail server is tried next; none where none is.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<WallTime>,
    /// What went wrong last; empty where nothing did.
    told: String,
    /// When a mail server took it.
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<WallTime>,
}

impl From<ReportMade> for ReportTold {
    fn from(r: ReportMade) -> Self {
        let state = match (r.state.as_str(), r.sent_at) {
            ("waiting", _) => "waiting",
            ("failed", _) => "failed",
            (_, Some(_)) => "sent",
            (_, None) => "kept",
        };
        Self {
            report: r.report,
            period: r.period,
            made_at: WallTime::from_unix_millis(r.made_at),
            state,
            tries: r.tries,
            next_at: (state == "waiting").then(|| WallTime::from_unix_millis(r.next_at)),
            told: r.told,
            sent_at: r.sent_at.map(WallTime::from_unix_millis),
        }
    }
}

/// Reports that were made, the newest first.
#[utoipa::path(get, path = "/v1/reports/made", tag = "reports", params(Wanted),
    responses((status = 200, description = "A page of reports", body = Page<ReportTold>)))]
pub(crate) async fn made(shared: Here, _: Who, Asked(wanted): Asked<Wanted>) -> Answer<Page<ReportTold>> {
    let (from, limit) = (after::<(i64, String, String)>(wanted.cursor.as_deref())?, limit(wanted.limit)?);
    let rows = shared.store().reports_before(from.as_ref(), limit + 1).await?;
    let place = |r: &ReportMade| (r.made_at, r.report.clone(), r.period.clone());
    Page::of(rows, limit, place, |r| Ok(r.into())).map(Json)
}

/// What stands in a report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportContent {
    /// Its name.
    report: String,
    /// The first day of what it is about.
    #[schema(format = Date)]
    period: String,
    /// Its page, as it goes out by mail.
    html: String,
    /// Its table.
    csv: String,
}

/// A report as it was made.
#[utoipa::path(get, path = "/v1/reports/{report}/{period}", tag = "reports",
    params(("report" = String, Path, description = "Its name"), ("period" = String, Path, description = "The first day of what it is about")),
    responses((status = 200, description = "The report", body = ReportContent)))]
pub(crate) async fn one(
    shared: Here,
    _: Who,
    At((report, period)): At<(String, String)>,
) -> Answer<ReportContent> {
    let found = shared.store().report(&report, &period).await?;
    let found = found.ok_or_else(|| Problem::not_found("report 报表"))?;
    Ok(Json(ReportContent { report, period, html: found.html, csv: found.csv }))
}

/// A planned report as it would be now, of the last period that is over. Nothing is kept or sent.
#[utoipa::path(get, path = "/v1/reports/{report}/preview", tag = "reports",
    params(("report" = String, Path, description = "The plan's name")),
    responses((status = 200, description = "The report", body = ReportContent)))]
pub(crate) async fn preview(shared: Here, _: Who, At(report): At<String>) -> Answer<ReportContent> {
    let none = || Problem::not_found("report 报表");
    let reports = shared.inner().state.reports.as_ref().ok_or_else(none)?;
    let (period, html, csv) = (reports.preview)(report.clone()).await?.ok_or_else(none)?;
    Ok(Json(ReportContent { report, period, html, csv }))
}
