//! Outcomes as rows of a file, with the columns of the view `outcomes_v1`.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use serde_json::Value;
use waihu_campaign::fate::Fate;
use waihu_store::{FiledOutcome, Kept, PageFilter, Store};
use waihu_tabular::{Column, Kind};
use waihu_types::WallTime;

use super::OutcomesArgs;
use crate::{
    commands::{
        cases::{File, Form},
        dialog::{now, open},
        written::written,
    },
    output::out,
    plant,
    project::Project,
};

/// How many are read at once.
const PAGE: u32 = 1_000;

/// The columns, with their place in the record; those without one are told below.
const COLUMNS: [(&str, Kind, &str); 43] = [
    ("attempt", Kind::Text, "/attempt"),
    ("campaign", Kind::Text, "/campaign"),
    ("case_id", Kind::Text, "/case"),
    ("callee", Kind::Text, "/callee"),
    ("dialled_at", Kind::Moment, "/dialled_at"),
    ("answered_at", Kind::Moment, "/answered_at"),
    ("ended_at", Kind::Moment, "/ended_at"),
    ("talk_s", Kind::Number, ""),
    ("answered_by", Kind::Text, "/answered_by"),
    ("identity", Kind::Text, "/identity"),
    ("debt_disclosed", Kind::Flag, "/debt_disclosed"),
    ("disposition", Kind::Text, "/disposition"),
    ("promise_date", Kind::Day, "/promise/date"),
    ("promise_amount", Kind::Sum, "/promise/amount"),
    ("promise_currency", Kind::Text, "/promise/currency"),
    ("callback_date", Kind::Day, "/callback/date"),
    ("callback_time", Kind::Text, "/callback/time"),
    ("callback_by_agent", Kind::Flag, "/callback/by_agent"),
    ("intents", Kind::Text, "/intents"),
    ("handover_agent", Kind::Text, "/handover/agent"),
    ("handover_result", Kind::Text, "/handover/result"),
    ("script_name", Kind::Text, "/script/name"),
    ("script_lang", Kind::Text, "/script/lang"),
    ("script_sha256", Kind::Text, "/script/sha256"),
    ("recording_path", Kind::Text, "/recording/path"),
    ("recording_sha256", Kind::Text, "/recording/sha256"),
    ("recording_duration_ms", Kind::Whole, "/recording/duration_ms"),
    ("transcript_path", Kind::Text, "/transcript/path"),
    ("transcript_sha256", Kind::Text, "/transcript/sha256"),
    ("sip_code", Kind::Whole, "/sip/code"),
    ("sip_reason", Kind::Text, "/sip/reason"),
    ("ended_by", Kind::Text, "/ended_by"),
    ("fault", Kind::Text, "/fault"),
    ("redial_verdict", Kind::Text, "/redial/verdict"),
    ("redial_rule", Kind::Text, "/redial/rule"),
    ("redial_not_before", Kind::Moment, "/redial/not_before"),
    ("recovered", Kind::Flag, ""),
    ("promise_parts", Kind::Text, "/promise/parts"),
    ("promise_discount", Kind::Sum, "/promise/discount/amount"),
    ("promise_channel", Kind::Text, "/promise/channel"),
    ("effective_disposition", Kind::Text, ""),
    ("record", Kind::Text, ""),
    ("promise_state", Kind::Text, ""),
];

/// Writes outcomes into a file.
pub(super) async fn write(project: &Project, args: &OutcomesArgs, path: &Path) -> Result<ExitCode> {
    let form = Form::of(path)?;
    let since = args.since.as_deref().map(moment).transpose()?;
    let store = open(project).await?;
    plant::recover(project, &store).await?;
    store.judge_promises(now()).await?;
    let count = written(&store, &args.act(), rows(&store, args, since, (path, form))).await?;
    out!("{}: {count} outcomes 条记录", path.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the rows; how many there were.
async fn rows(
    store: &Store,
    args: &OutcomesArgs,
    since: Option<WallTime>,
    (path, form): (&Path, Form),
) -> Result<usize> {
    let columns: Vec<Column> = COLUMNS.iter().map(|(name, kind, _)| Column::new(name, *kind)).collect();
    let mut file = File::new(path, form, &columns)?;
    let kept = if args.promises { Kept::Promises } else { Kept::All };
    let filter = PageFilter {
        campaign: args.campaign.clone(),
        case: args.case.clone(),
        since,
        kept,
        ..PageFilter::default()
    };
    let (mut after, mut count) = (None, 0);
    loop {
        let page = store.filed_page(&filter, after.as_ref(), PAGE).await?;
        let Some(FiledOutcome { outcome: last, .. }) = page.last() else { break };
        after = Some((last.ended_at, last.attempt.clone()));
        count += page.len();
        page.iter().try_for_each(|filed| file.push(row(filed)?))?;
    }
    file.close()?;
    Ok(count)
}

fn row(filed: &FiledOutcome) -> Result<Vec<Value>> {
    let outcome = &filed.outcome;
    let record = serde_json::to_value(outcome)?;
    let talked =
        outcome.answered_at.map(|at| (outcome.ended_at.unix_millis() - at.unix_millis()) as f64 / 1_000.0);
    let value = |(name, kind, place): &(&str, Kind, &str)| match *name {
        "talk_s" => talked.into(),
        "recovered" => filed.recovered.into(),
        "effective_disposition" => outcome.effective_disposition().label().into(),
        "record" => record.to_string().into(),
        "promise_state" => filed.fate.map(Fate::label).into(),
        // Lists stand in a column of text as JSON.
        _ => match record.pointer(place).cloned().unwrap_or_default() {
            nested @ (Value::Array(_) | Value::Object(_)) if *kind == Kind::Text => nested.to_string().into(),
            value => value,
        },
    };
    Ok(COLUMNS.iter().map(value).collect())
}

/// A moment, or the midnight of a day by this machine's clock.
pub(crate) fn moment(text: &str) -> Result<WallTime> {
    let at = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let day: jiff::civil::Date = text.parse().ok()?;
        jiff::tz::TimeZone::system().to_timestamp(day.at(0, 0, 0, 0)).ok()
    });
    let at = at.with_context(|| {
        format!("--since {text:?}: write it as 2026-11-26 or 2026-11-26T08:00+08:00 时间格式有误")
    })?;
    Ok(WallTime::from_unix_millis(at.as_millisecond()))
}
