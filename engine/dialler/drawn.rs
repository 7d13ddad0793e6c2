//! Once a day the calls of the day that is over are drawn for people to look at, by whichever node comes first.

use waihu_quality::{Candidate, Plan, Sampling};
use waihu_store::{JudgedFilter, NewReview, Store, StoreError};
use waihu_types::{AttemptId, WallTime};

/// Judgements that are read at once.
const AT_ONCE: u32 = 500;

/// So many days back a draw is made good that nobody was there for.
const DAYS_BACK: i64 = 3;

/// Draws what is due; how many calls were drawn.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn draw(store: &Store, sampling: &Sampling, now: WallTime) -> Result<usize, StoreError> {
    let mut drawn = 0;
    for back in (0..DAYS_BACK).rev() {
        let moment = now.timestamp().checked_sub(jiff::SignedDuration::from_hours(24 * back));
        let Some((day, from, to)) = moment.ok().and_then(|at| sampling.day_due(at)) else { continue };
        let mut calls: Option<Vec<Candidate>> = None;
        for plan in sampling.plans() {
            let named = day.to_string();
            if store.is_drawn(&plan.id, &named).await? {
                continue;
            }
            if calls.is_none() {
                calls = Some(candidates(store, (wall(from), wall(to))).await?);
            }
            let calls = calls.as_deref().unwrap_or_default();
            let reviews = reviews(store, sampling, plan, sampling.draw(plan, day, calls)).await?;
            if store.keep_draw(&plan.id, &named, &reviews, now).await? {
                drawn += reviews.len();
            }
        }
    }
    Ok(drawn)
}

fn wall(at: jiff::Timestamp) -> WallTime {
    WallTime::from_unix_millis(at.as_millisecond())
}

/// The judged calls that ended between two moments.
async fn candidates(
    store: &Store,
    (since, until): (WallTime, WallTime),
) -> Result<Vec<Candidate>, StoreError> {
    let filter = JudgedFilter { since: Some(since), until: Some(until), ..JudgedFilter::default() };
    let (mut all, mut before): (Vec<Candidate>, Option<(WallTime, AttemptId)>) = (Vec::new(), None);
    loop {
        let rows = store.judgements(&filter, before.as_ref(), AT_ONCE).await?;
        let Some(last) = rows.last() else { return Ok(all) };
        before = Some((WallTime::from_unix_millis(last.ended_at), last.attempt.parse()?));
        for row in rows {
            // An ending that this program does not know is drawn by nobody here.
            let Ok(disposition) = serde_json::from_value(row.disposition.into()) else { continue };
            all.push(Candidate {
                attempt: row.attempt.parse()?,
                script: row.script,
                agent: row.agent,
                disposition,
                distress: u8::try_from(row.distress).unwrap_or(0),
                critical: row.critical != 0,
                passed: row.passed != 0,
                person: row.person != 0,
            });
        }
    }
}

async fn reviews(
    store: &Store,
    sampling: &Sampling,
    plan: &Plan,
    drawn: Vec<&Candidate>,
) -> Result<Vec<NewReview>, StoreError> {
    // A plan without its form is refused when it is read.
    let form =
        sampling.form(&plan.form).and_then(|form| serde_json::to_string(form).ok()).unwrap_or_default();
    let mut reviews = Vec::with_capacity(drawn.len());
    for call in drawn {
        let mut agents = store.agents_of(&call.attempt).await?;
        agents.extend(call.agent.clone());
        agents.sort();
        agents.dedup();
        let (attempt, form) = (call.attempt.clone(), form.clone());
        reviews.push(NewReview { attempt, form, four_eyes: plan.four_eyes, agents });
    }
    Ok(reviews)
}
