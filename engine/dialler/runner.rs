//! One campaign: a bounded number of calls at once until each case has had its turn.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::MissedTickBehavior};
use waihu_campaign::{Load, Run, variant_of};
use waihu_dialog::Script;
use waihu_store::{Denied, Passage, Refusal, StoreError};
use waihu_types::{CampaignId, Case, CaseId, Outcome};

use crate::{
    actor::{Observer, place_call},
    error::DialError,
    legs,
    plant::{Order, Plant, Progress, ProgressKind, Stop},
    recovery::close_fallen,
    words::RecordedPrompts,
};

/// How often the pacer is told of the load: often enough to stop before many more are dialled.
const LOOK: Duration = Duration::from_secs(1);

/// What a campaign is to do.
pub struct CampaignOrder {
    /// Its id. A second run of the same id goes on where the first ended.
    pub id: CampaignId,
    /// The cases, in the order in which they are dialled.
    pub cases: Vec<Case>,
    /// The scripts; which of them a case meets is drawn by its id ([`waihu_campaign::variant_of`]).
    pub scripts: Vec<Variant>,
    /// Calls at once.
    pub max_at_once: usize,
}

/// One of the scripts that a campaign tries.
#[derive(Clone)]
pub struct Variant {
    /// Its name; none where there is one script for all.
    pub name: Option<String>,
    /// Its share of the cases, against the shares of the others.
    pub share: u32,
    /// The script.
    pub script: Arc<Script>,
    /// The sound of what a person recorded for it.
    pub recorded: Arc<RecordedPrompts>,
}

impl Variant {
    /// One script for all cases.
    pub fn only(recorded: Arc<RecordedPrompts>, script: Arc<Script>) -> Vec<Self> {
        vec![Self { name: None, share: 1, script, recorded }]
    }
}

/// How a campaign's run ended.
#[derive(Debug, Default)]
pub struct CampaignReport {
    /// Outcomes of this run.
    pub outcomes: Vec<Outcome>,
    /// Cases left out, since an earlier run was done with them or a redial is not yet due.
    pub left_out: usize,
    /// Cases that were not dialled since whoever answers their number may not be called, and why.
    pub barred: Vec<(CaseId, String)>,
    /// Cases that the compliance profile let nobody call now. They have not had their turn.
    pub denied: Vec<(CaseId, Denied)>,
    /// Cases that were not dialled, and why.
    pub not_placed: Vec<(CaseId, String)>,
    /// Cases that were called, and why their outcomes are not in the store.
    pub not_filed: Vec<(CaseId, String)>,
    /// Cases that were still to come when the run was stopped.
    pub stopped: usize,
}

/// Runs a campaign to its end, or until `stop` says otherwise. What dead processes left is filed before
/// ([`crate::recover`]): a case of theirs counts as being called. No call is placed any more once an outcome
/// could not be stored.
///
/// # Errors
/// When another process runs the campaign, or the store cannot be read.
pub async fn run_campaign(
    plant: Arc<Plant>,
    order: CampaignOrder,
    observer: Observer,
    mut stop: watch::Receiver<Stop>,
) -> Result<CampaignReport, DialError> {
    let _claim = plant.store.claim(&order.id)?;
    let now = legs::wall_now();
    let mut report = CampaignReport::default();
    let done: BTreeSet<CaseId> = plant
        .store
        .cases_done(&order.id)
        .await?
        .into_iter()
        .filter(|(_, standing)| standing.refusal(now).is_some())
        .map(|(case, _)| case)
        .collect();
    let shares: Vec<u32> = order.scripts.iter().map(|variant| variant.share).collect();
    let mut run = Run::new(order.cases, &done, order.max_at_once);
    report.left_out = run.progress().already_done;

    let mut calls: JoinSet<(Order, Result<Outcome, DialError>)> = JoinSet::new();
    let mut on_the_line: Vec<(tokio::task::Id, Order)> = Vec::new();
    let mut gauge = Gauge::default();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        while let Some(case) = run.next() {
            // Asked before its prompts are made; the store asks again in the moment of dialling.
            if let Ok(Some(by)) = plant.store.barred(&case.phone).await {
                let why = Refusal::NumberBarred { by }.to_string();
                run.finished(&case.id);
                report.barred.push((case.id.clone(), why.clone()));
                let _ = observer.send(Progress::Case { case: case.id, kind: ProgressKind::NotPlaced(why) });
                continue;
            }
            let passage = Passage::new(plant.gate.clone(), &case.time_zone);
            let asked = plant.store.ask(Some(&order.id), &case.id, &case.phone, &passage, legs::wall_now());
            if let Ok(Some(denied)) = asked.await {
                run.finished(&case.id);
                let why = Refusal::Denied(Box::new(denied.clone())).to_string();
                report.denied.push((case.id.clone(), denied));
                let _ = observer.send(Progress::Case { case: case.id, kind: ProgressKind::NotPlaced(why) });
                continue;
            }
            let drawn = variant_of(&order.id, &case.id, &shares).and_then(|at| order.scripts.get(at));
            let Some(variant) = drawn else {
                let why = "the campaign has no script for it 批次没有话术".to_owned();
                run.finished(&case.id);
                report.not_placed.push((case.id.clone(), why));
                continue;
            };
            let call = Order {
                attempt: Order::new_attempt_id(),
                campaign: Some(order.id.clone()),
                lang: case.lang,
                case,
                script: Arc::clone(&variant.script),
                recorded: Arc::clone(&variant.recorded),
                variant: variant.name.clone(),
                draft: false,
                target: None,
            };
            let (plant, watcher, own) = (Arc::clone(&plant), observer.clone(), call.clone());
            let stop = stop.clone();
            let handle = calls.spawn(async move {
                let placed = place_call(plant, own.clone(), watcher, stop).await;
                (own, placed)
            });
            on_the_line.push((handle.id(), call));
        }
        if run.is_over() {
            break;
        }
        tokio::select! {
            Some(ended) = calls.join_next_with_id() => {
                let (id, order, placed) = match ended {
                    Ok((id, (order, placed))) => (id, order, placed),
                    // A panic in one call ends that call, with an outcome, and no other.
                    Err(e) => {
                        let id = e.id();
                        let Some((_, order)) = on_the_line.iter().find(|(own, _)| *own == id).cloned() else { continue };
                        let closed = close_fallen(&plant, &order.attempt).await;
                        (id, order, closed)
                    }
                };
                on_the_line.retain(|(own, _)| *own != id);
                run.finished(&order.case.id);
                match placed {
                    Ok(outcome) => report.outcomes.push(outcome),
                    Err(DialError::Stopped) => report.stopped += 1,
                    Err(e) => {
                        let case = order.case.id;
                        let why = e.to_string();
                        let kind = match e {
                            DialError::NotFiled { outcome, path, .. } => {
                                report.stopped += run.stop().len();
                                report.not_filed.push((case.clone(), why.clone()));
                                ProgressKind::NotFiled { why, outcome: path.is_none().then_some(outcome) }
                            }
                            DialError::Store(StoreError::Refused { why: Refusal::Denied(denied), .. }) => {
                                report.denied.push((case.clone(), *denied));
                                ProgressKind::NotPlaced(why)
                            }
                            _ => {
                                report.not_placed.push((case.clone(), why.clone()));
                                ProgressKind::NotPlaced(why)
                            }
                        };
                        let _ = observer.send(Progress::Case { case, kind });
                    }
                }
            }
            _ = looks.tick() => {
                let load = gauge.read(&plant);
                if let Some(pace) = run.loaded(plant.media.now(), load) {
                    tracing::info!(?pace, ?load, "the pace of dialling has changed");
                    let _ = observer.send(Progress::Pace(pace));
                }
            }
            Ok(()) = stop.changed() => if *stop.borrow() != Stop::No { report.stopped += run.stop().len(); },
        }
    }
    Ok(report)
}

/// What the load is told from: counts of the media threads at the last look.
#[derive(Default)]
struct Gauge {
    ticks: u64,
    late_ticks: u64,
}

impl Gauge {
    fn read(&mut self, plant: &Plant) -> Load {
        let (speech, media) = (plant.speech.load(), plant.media.load());
        let late_permille = self.late_permille(media.ticks, media.late_ticks);
        let age = speech.queue_age_p95.max(speech.oldest);
        Load { queue_age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX), late_permille }
    }

    /// Of the ticks since the last look, those that came late.
    fn late_permille(&mut self, ticks: u64, late_ticks: u64) -> u32 {
        let (all, late) = (ticks.saturating_sub(self.ticks), late_ticks.saturating_sub(self.late_ticks));
        (self.ticks, self.late_ticks) = (ticks, late_ticks);
        u32::try_from(late.saturating_mul(1_000) / all.max(1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_ticks_are_a_share_of_those_since_the_last_look() {
        let mut gauge = Gauge::default();
        assert_eq!(gauge.late_permille(0, 0), 0);
        assert_eq!(gauge.late_permille(1_000, 5), 5);
        assert_eq!(gauge.late_permille(1_500, 5), 0);
        assert_eq!(gauge.late_permille(1_500, 5), 0, "nobody is on the line");
        assert_eq!(gauge.late_permille(2_000, 505), 1_000);
    }
}
