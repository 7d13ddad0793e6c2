//! Which case is dialled next, with a bounded number at once.
//!
//! Fewer are dialled while the engine is behind ([`crate::Pace`]). Deliberately absent: redials. A run takes
//! each case once; what a verdict allows later is another run's. Two cases with one number are never on the line
//! together.

use std::collections::{BTreeSet, HashMap, VecDeque};

use waihu_types::{Case, CaseId, PhoneNumber, Time};

use crate::pace::{Load, Pace, Pacer};

/// One pass over the cases of a campaign.
#[derive(Debug)]
pub struct Run {
    waiting: VecDeque<Case>,
    in_flight: HashMap<CaseId, PhoneNumber>,
    pacer: Pacer,
    already_done: usize,
    finished: usize,
}

/// How far a run has come; the five counts of cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Handed in.
    pub total: usize,
    /// Done before this run began.
    pub already_done: usize,
    /// Not dialled yet.
    pub waiting: usize,
    /// Being dialled or on the line.
    pub in_flight: usize,
    /// Dialled and over.
    pub finished: usize,
}

impl Run {
    /// A run over `cases` in their order, leaving out those in `already_done` and the second of two
    /// with one id. At least one is dialled at a time, whatever `max_at_once` says.
    pub fn new(
        cases: impl IntoIterator<Item = Case>,
        already_done: &BTreeSet<CaseId>,
        max_at_once: usize,
    ) -> Self {
        let mut seen = BTreeSet::new();
        let mut done = 0;
        let mut waiting = VecDeque::new();
        for case in cases {
            if !seen.insert(case.id.clone()) {
                continue;
            }
            if already_done.contains(&case.id) {
                done += 1;
            } else {
                waiting.push_back(case);
            }
        }
        Self {
            waiting,
            in_flight: HashMap::new(),
            pacer: Pacer::new(max_at_once.max(1)),
            already_done: done,
            finished: 0,
        }
    }

    /// The case to dial now; none while as many as allowed are in flight, or the engine is behind, or none is
    /// left whose number is free.
    #[allow(clippy::should_implement_trait)] // Not an iterator: none now may be some later.
    pub fn next(&mut self) -> Option<Case> {
        if !self.pacer.may_dial(self.in_flight.len()) {
            return None;
        }
        let free = self
            .waiting
            .iter()
            .position(|c| !self.in_flight.values().any(|n| n.subscriber() == c.phone.subscriber()))?;
        let case = self.waiting.remove(free)?;
        self.in_flight.insert(case.id.clone(), case.phone.clone());
        Some(case)
    }

    /// Takes how loaded the engine is at `now`, every second or two; the pace, where that is another now.
    pub fn loaded(&mut self, now: Time, load: Load) -> Option<Pace> {
        let before = self.pacer.pace();
        self.pacer.loaded(now, load, self.in_flight.len());
        Some(self.pacer.pace()).filter(|pace| *pace != before)
    }

    /// The attempt for a case is over; nothing happens where it was not in flight.
    pub fn finished(&mut self, case: &CaseId) {
        if self.in_flight.remove(case).is_some() {
            self.finished += 1;
        }
    }

    /// Dials no further: the cases still waiting are handed back, those in flight go on.
    pub fn stop(&mut self) -> Vec<Case> {
        self.waiting.drain(..).collect()
    }

    /// Whether nothing is waiting and nothing in flight.
    pub fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    /// How far the run has come.
    pub fn progress(&self) -> Progress {
        let (waiting, in_flight) = (self.waiting.len(), self.in_flight.len());
        Progress {
            total: self.already_done + waiting + in_flight + self.finished,
            already_done: self.already_done,
            waiting,
            in_flight,
            finished: self.finished,
        }
    }
}

#[cfg(test)]
mod tests {
    use waihu_types::{Currency, Lang, Money};

    use super::*;

    fn case(id: &str, phone: &str) -> Case {
        Case {
            id: id.parse().unwrap(),
            phone: phone.parse().unwrap(),
            name: "张伟".into(),
            title: "先生".into(),
            lang: Lang::Zh,
            creditor: "安信银行".into(),
            product: "信用卡".into(),
            due: Money::parse("3250", Currency::CNY).unwrap(),
            due_date: jiff::civil::date(2026, 11, 15),
            time_zone: "Asia/Shanghai".into(),
            particulars: waihu_types::Particulars::default(),
            voice: Default::default(),
            dossier: Default::default(),
        }
    }

    fn cases(n: usize) -> Vec<Case> {
        (0..n).map(|i| case(&format!("C{i}"), &format!("{}", 1000 + i))).collect()
    }

    fn id(c: Option<Case>) -> Option<String> {
        c.map(|c| c.id.to_string())
    }

    #[test]
    fn never_more_are_in_flight_than_allowed_and_each_is_dialled_once() {
        let mut run = Run::new(cases(7), &BTreeSet::new(), 3);
        let mut dialled = Vec::new();
        let mut up: VecDeque<Case> = VecDeque::new();
        while !run.is_over() {
            while let Some(c) = run.next() {
                dialled.push(c.id.clone());
                up.push_back(c);
            }
            assert!(run.progress().in_flight <= 3);
            let over = up.pop_front().unwrap();
            run.finished(&over.id);
            run.finished(&over.id);
        }
        assert_eq!(dialled, cases(7).into_iter().map(|c| c.id).collect::<Vec<_>>());
        assert_eq!(run.progress(), Progress { total: 7, finished: 7, ..Progress::default() });
    }

    #[test]
    fn what_was_done_before_is_not_dialled_again() {
        let done = BTreeSet::from(["C0".parse().unwrap(), "C9".parse().unwrap()]);
        let mut run = Run::new(cases(2), &done, 5);
        assert_eq!(id(run.next()), Some("C1".into()));
        assert_eq!(id(run.next()), None);
        assert_eq!(
            run.progress(),
            Progress { total: 2, already_done: 1, in_flight: 1, ..Progress::default() }
        );
    }

    #[test]
    fn one_number_is_never_on_the_line_twice() {
        let cases = [case("A", "+8613800138000"), case("B", "13800138000"), case("C", "13800138001")];
        let mut run = Run::new(cases, &BTreeSet::new(), 3);
        assert_eq!(id(run.next()), Some("A".into()));
        assert_eq!(id(run.next()), Some("C".into()));
        assert_eq!(id(run.next()), None);
        run.finished(&"A".parse().unwrap());
        assert_eq!(id(run.next()), Some("B".into()));
    }

    #[test]
    fn who_is_behind_places_no_call_and_touches_none() {
        let mut run = Run::new(cases(9), &BTreeSet::new(), 4);
        let up: Vec<_> = std::iter::from_fn(|| run.next()).collect();
        assert_eq!(up.len(), 4);
        let behind = Load { queue_age_ms: 2_000, late_permille: 0 };
        let held = Pace::Held(crate::Bottleneck::Recognition);
        assert_eq!(run.loaded(Time::from_millis(1_000), behind), Some(held));
        assert_eq!(run.loaded(Time::from_millis(2_000), behind), None, "it is told once");
        run.finished(&up[0].id);
        run.finished(&up[1].id);
        assert_eq!((id(run.next()), run.progress().in_flight), (None, 2));
        let slower = Pace::Slower(crate::Bottleneck::Recognition);
        assert_eq!(run.loaded(Time::from_millis(3_000), Load::default()), Some(slower));
        assert_eq!(id(run.next()), Some("C4".into()), "three are allowed");
        assert_eq!(id(run.next()), None);
        let full = |n: u64| run.loaded(Time::from_millis(n * 1_000), Load::default());
        assert_eq!((3..40).filter_map(full).collect::<Vec<_>>(), [Pace::Full]);
        assert_eq!(id(run.next()), Some("C5".into()));
    }

    #[test]
    fn a_stopped_run_lets_the_calls_in_flight_end() {
        let mut run = Run::new(cases(3), &BTreeSet::new(), 0);
        let up = run.next().unwrap();
        assert_eq!(id(run.next()), None);
        assert_eq!(run.stop().len(), 2);
        assert!(!run.is_over());
        run.finished(&up.id);
        assert!(run.is_over());
        assert_eq!(id(run.next()), None);
    }
}
