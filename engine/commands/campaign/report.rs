//! What became of a campaign's cases while it was watched.

use std::collections::BTreeMap;

use waihu_dialler::{Progress, ProgressKind};
use waihu_store::{Counts, Denied, Refusal};
use waihu_types::{CampaignId, CaseId, Outcome};

use crate::watch::named;

/// How a run went.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Outcomes of this run.
    pub(crate) outcomes: Vec<Outcome>,
    /// Cases that may not be called any more, and why.
    pub(crate) refused: Vec<(CaseId, String)>,
    /// Cases that the compliance profile let nobody call now. They have not had their turn.
    pub(crate) denied: Vec<(CaseId, Denied)>,
    /// Cases that could not be called, and why.
    pub(crate) not_placed: Vec<(CaseId, String)>,
    /// Cases that were called, and why their outcomes are not in the store.
    pub(crate) not_filed: Vec<(CaseId, String)>,
    /// Why the campaign could not be dialled.
    pub(crate) faults: Vec<String>,
    /// How the queue stands at the end.
    pub(crate) counts: Counts,
}

impl Report {
    /// Takes what happened.
    pub(crate) fn take(&mut self, progress: &Progress) {
        let (case, kind) = match progress {
            Progress::Case { case, kind } => (case.clone(), kind),
            Progress::Campaign { why, .. } => return self.faults.push(why.clone()),
            Progress::Pace(_) | Progress::Trunk(_) => return,
        };
        match kind {
            ProgressKind::Done(outcome) => self.outcomes.push((**outcome).clone()),
            ProgressKind::NotCalled(Refusal::Denied(denied)) => self.denied.push((case, (**denied).clone())),
            ProgressKind::NotCalled(refusal) => self.refused.push((case, refusal.to_string())),
            ProgressKind::NotPlaced(why) => self.not_placed.push((case, why.clone())),
            ProgressKind::NotFiled { why, .. } => self.not_filed.push((case, why.clone())),
            ProgressKind::Preparing { .. }
            | ProgressKind::Dialling
            | ProgressKind::Answered
            | ProgressKind::Line { .. }
            | ProgressKind::Stopped => {}
        }
    }

    /// Cases that were still to come when the run was stopped.
    pub(crate) fn stopped(&self) -> u64 {
        self.counts.ready + self.counts.leased
    }

    /// Whether every case had its turn, now or before.
    pub(crate) fn is_done(&self) -> bool {
        self.stopped() == 0
            && self.faults.is_empty()
            && self.denied.is_empty()
            && self.not_placed.is_empty()
            && self.not_filed.is_empty()
    }

    /// The lines that close a run.
    pub(super) fn summary(&self, id: &CampaignId, left_out: u64, bad_rows: usize) -> Vec<String> {
        let mut by_disposition = BTreeMap::<String, usize>::new();
        for outcome in &self.outcomes {
            *by_disposition.entry(named(outcome.effective_disposition())).or_default() += 1;
        }
        let mut lines = vec![format!("campaign 批次 {id}: {} called 已呼叫", self.outcomes.len())];
        lines.extend(by_disposition.into_iter().map(|(name, count)| format!("  {count:>6} {name}")));
        for (count, what) in [
            (left_out, "left out: called before, or not yet due 略过：已呼叫过或未到再呼时间"),
            (self.refused.len() as u64, "not called: they, or their numbers, may not be any more 不再呼叫"),
            (self.not_placed.len() as u64, "not placed 未能呼叫"),
            (self.not_filed.len() as u64, "called, and not filed yet 已呼叫，结果未入库"),
            (
                self.stopped(),
                "not called: the run was stopped; run it again to go on 因停止而未呼叫，可再次运行",
            ),
            (bad_rows as u64, "rows not called: wrong as named above 有误的行，未呼叫"),
        ] {
            if count > 0 {
                lines.push(format!("  {count:>6} {what}"));
            }
        }
        lines.extend(
            self.faults.iter().map(|why| format!("  the campaign cannot be dialled 批次无法拨打: {why}")),
        );
        lines.extend(self.denials());
        if self.counts.waiting > 0 {
            let from = self.counts.next_due.map_or(String::new(), |at| format!(", the first from 最早 {at}"));
            lines.push(format!("  {:>6} wait for another time 等待再呼{from}", self.counts.waiting));
        }
        lines.push(format!("see 查看: waihu outcomes --campaign {id}"));
        lines
    }

    /// Who might not be called now, by rule, and from when.
    fn denials(&self) -> Vec<String> {
        let mut by_rule = BTreeMap::<&str, Vec<&Denied>>::new();
        for (_, denied) in &self.denied {
            by_rule.entry(&denied.rule).or_default().push(denied);
        }
        let of_rule = by_rule.into_iter().flat_map(|(rule, denied)| {
            let from = match denied.iter().filter_map(|d| d.next).min() {
                Some(next) => format!("from 最早 {next}"),
                None => "time alone does not help 等待无效".to_owned(),
            };
            let told = format!("  {:>6} may not be called now 现在不可呼叫: {rule}, {from}", denied.len());
            let first = denied.first().map(|d| format!("         {}\n         {}", d.zh, d.en));
            std::iter::once(told).chain(first)
        });
        of_rule.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_undone_is_told_and_fails() {
        let id = "november".parse().unwrap();
        let case = || vec![("C1".parse().unwrap(), "why".to_owned())];
        let done = Report { refused: case(), ..Report::default() };
        assert!(done.is_done());
        assert!(done.summary(&id, 3, 7).iter().any(|l| l.contains("7 rows not called")));
        for undone in [
            Report { counts: Counts { ready: 4, ..Counts::default() }, ..Report::default() },
            Report { not_placed: case(), ..Report::default() },
            Report { not_filed: case(), ..Report::default() },
            Report { faults: vec!["no script".to_owned()], ..Report::default() },
        ] {
            assert!(!undone.is_done());
            assert_eq!(undone.summary(&id, 0, 0).len(), 3);
        }
    }

    #[test]
    fn who_may_not_be_called_now_is_told_by_rule_with_the_first_moment_and_is_not_done() {
        let denied = |rule: &str, next: Option<&str>| Denied {
            rule: rule.to_owned(),
            zh: "时段之外".to_owned(),
            en: "no calling hour".to_owned(),
            next: next.map(|at| at.parse().unwrap()),
            wants_an_agent: false,
        };
        let report = Report {
            denied: vec![
                ("C1".parse().unwrap(), denied("cn-hours", Some("2026-11-27T01:00:00Z"))),
                ("C2".parse().unwrap(), denied("cn-hours", Some("2026-11-27T00:00:00Z"))),
                ("C3".parse().unwrap(), denied("zone", None)),
            ],
            ..Report::default()
        };
        assert!(!report.is_done());
        let lines = report.summary(&"november".parse().unwrap(), 0, 0).join("\n");
        assert!(
            lines.contains("2 may not be called now 现在不可呼叫: cn-hours, from 最早 2026-11-27T00:00:00"),
            "{lines}"
        );
        assert!(lines.contains("时段之外") && lines.contains("zone, time alone does not help"), "{lines}");
    }
}
