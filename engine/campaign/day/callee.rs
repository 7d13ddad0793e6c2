//! Simulated debtors: when they answer, and what comes of it. Nothing here is measured on people: the figures are
//! made up, of the size that those who call for a living tell of.

use std::time::Duration;

use jiff::ToSpan;
use serde_json::json;
use waihu_types::{Case, Disposition, Line, ProductKind, SplitMix64};

/// Numbers that come as they come, from a seed.
#[derive(Clone, Debug)]
pub(super) struct Chance(SplitMix64);

impl Chance {
    /// Those of one thing among many: the same whatever came before.
    pub(super) fn of(seed: u64, thing: u64) -> Self {
        Self(SplitMix64::new(seed ^ thing.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// From 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn happens(&mut self, chance: f64) -> bool {
        self.unit() < chance
    }

    fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// About normal, with mean 0 and deviation 1: twelve even ones.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// Around `mean_s`, twice as long as rarely as half as long.
    fn lasting(&mut self, mean_s: f64) -> Duration {
        Duration::from_secs_f64(mean_s * (0.45 * self.normal() - 0.1).exp())
    }
}

/// What is put into the simulation, to be found again by whoever looks for it: how much likelier an answer is, on
/// the scale of log odds.
pub mod truth {
    use waihu_types::PhoneKind;

    /// By the hour of a weekday, from midnight on: noon and the evening are best.
    pub const BY_HOUR: [f64; 24] = [
        -3.0, -3.0, -3.0, -3.0, -3.0, -3.0, -2.0, -1.2, -1.0, -0.9, -0.8, -0.5, -0.1, -0.6, -1.1, -1.1, -0.9,
        -0.5, 0.0, 0.2, 0.1, -0.5, -1.2, -2.5,
    ];
    /// By the lender's grade of risk.
    pub const BY_GRADE: [(&str, f64); 4] = [("M1", 0.4), ("M2", 0.0), ("M3", -0.4), ("M4", -0.9)];
    /// For each attempt before.
    pub const BY_ATTEMPT: f64 = -0.15;
    /// What a debtor is like beside all that is known [one standard deviation].
    pub const HIDDEN: f64 = 0.6;
    /// A promise, by the grade and for each ten days past due.
    pub const PAYS: f64 = -0.2;
    /// A promise, for each ten days past due.
    pub const PAYS_BY_TEN_DAYS: f64 = -0.06;

    /// By the kind of telephone.
    pub fn by_kind(kind: PhoneKind) -> f64 {
        match kind {
            PhoneKind::Mobile => 0.2,
            PhoneKind::Home => -0.2,
            PhoneKind::Work => -0.4,
            PhoneKind::Other => 0.0,
        }
    }

    /// By the grade, 0 for one that is not known.
    pub fn by_grade(grade: Option<&str>) -> f64 {
        BY_GRADE.iter().find(|(known, _)| Some(*known) == grade).map_or(0.0, |(_, effect)| *effect)
    }
}

fn chance_of(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// What comes of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    /// How long it rings.
    pub(super) rings: Duration,
    /// Whether a person answers.
    pub(super) answers: bool,
    /// How long is talked, where one does.
    pub(super) talks: Duration,
    pub(super) disposition: Disposition,
}

/// Somebody who may be called.
#[derive(Clone, Debug)]
pub(super) struct Callee {
    /// Beside all that is known of the case.
    hidden: f64,
    /// Of each number of the case, whether it is dead, and how.
    dead: Vec<Option<Disposition>>,
    chance: Chance,
}

impl Callee {
    pub(super) fn new(seed: u64, n: u64, case: &Case) -> Self {
        let mut chance = Chance::of(seed.wrapping_add(1), n);
        let hidden = truth::HIDDEN * chance.normal();
        let dead = case.lines().map(|_| match chance.unit() {
            u if u < 0.04 => Some(Disposition::InvalidNumber),
            u if u < 0.06 => Some(Disposition::NotInService),
            u if u < 0.08 => Some(Disposition::Suspended),
            _ => None,
        });
        let dead = dead.collect();
        Self { hidden, dead, chance }
    }

    /// What comes of a call at an hour of the clock there, after so many attempts.
    pub(super) fn called(
        &mut self,
        case: &Case,
        line: &Line<'_>,
        hour: i8,
        attempts: usize,
        ring_s: u32,
    ) -> Fate {
        let at = case.lines().position(|l| l.phone == line.phone).unwrap_or(0);
        let chance = &mut self.chance;
        let silent =
            |rings: Duration, disposition| Fate { rings, answers: false, talks: Duration::ZERO, disposition };
        let s = Duration::from_secs_f64;
        if let Some(disposition) = self.dead.get(at).copied().flatten() {
            return silent(s(1.0 + 4.0 * chance.unit()), disposition);
        }
        let hour = usize::try_from(hour).unwrap_or(0).min(23);
        let log_odds = truth::BY_HOUR[hour]
            + truth::by_grade(case.dossier.risk_grade.as_deref())
            + truth::by_kind(line.kind)
            + truth::BY_ATTEMPT * attempts as f64
            + self.hidden;
        if chance.happens(chance_of(log_odds)) {
            let disposition = Self::talks(chance, case);
            let mean_s = match disposition {
                Disposition::HungUp => 15.0,
                Disposition::ThirdParty | Disposition::WrongNumber | Disposition::StopCalling => 35.0,
                _ => 95.0,
            };
            let rings = chance.lasting(9.0).min(Duration::from_secs(u64::from(ring_s)));
            return Fate { rings, answers: true, talks: chance.lasting(mean_s), disposition };
        }
        match chance.unit() {
            u if u < 0.10 => silent(s(2.0), Disposition::Busy),
            u if u < 0.22 => silent(s(6.0), Disposition::Unreachable),
            u if u < 0.37 => silent(chance.lasting(18.0), Disposition::Voicemail),
            u if u < 0.45 => silent(chance.lasting(7.0), Disposition::Rejected),
            _ => silent(s(f64::from(ring_s)), Disposition::NoAnswer),
        }
    }

    fn talks(chance: &mut Chance, case: &Case) -> Disposition {
        use Disposition as D;
        match chance.unit() {
            u if u < 0.18 => return D::HungUp,
            u if u < 0.25 => return D::ThirdParty,
            u if u < 0.28 => return D::WrongNumber,
            u if u < 0.29 => return D::StopCalling,
            u if u < 0.33 => return D::CallbackAgreed,
            _ => {}
        }
        let days = f64::from(case.dossier.days_past_due.unwrap_or(0));
        let pays = truth::PAYS
            + truth::by_grade(case.dossier.risk_grade.as_deref())
            + truth::PAYS_BY_TEN_DAYS * days / 10.0;
        match chance.unit() {
            u if u < chance_of(pays) => D::PromiseToPay,
            u if u < chance_of(pays) + 0.1 => D::RefusedToPay,
            _ => D::NoCommitment,
        }
    }
}

/// A case as lenders have them; none for no reason that there is.
pub(super) fn case(seed: u64, n: u64) -> Option<Case> {
    let mut chance = Chance::of(seed, n);
    let grade = truth::BY_GRADE[chance.below(truth::BY_GRADE.len())].0;
    let kinds = [ProductKind::Card, ProductKind::PersonalLoan, ProductKind::MicroLoan];
    let kind = kinds[chance.below(kinds.len())];
    let days = 5 + chance.below(115);
    // Numbers that ring nowhere: none of China begins so.
    let phone = |at: u64| format!("100{:08}", (n * 4 + at) % 100_000_000);
    let mut numbers = Vec::new();
    if chance.happens(0.3) {
        numbers.push(json!({ "phone": phone(1), "kind": "home" }));
    }
    if chance.happens(0.2) {
        numbers.push(json!({ "phone": phone(2), "kind": "work" }));
    }
    let due_date = jiff::civil::date(2026, 11, 26).saturating_sub(i64::try_from(days).unwrap_or(0).days());
    let case = json!({
        "id": format!("S-{n}"), "phone": phone(0), "phone_kind": "mobile", "numbers": numbers,
        "name": "张伟", "lang": "zh", "creditor": "安信银行", "product": "贷款", "kind": kind.label(),
        "amount": format!("{}.00", 200 + chance.below(40_000)), "currency": "CNY",
        "due_date": due_date.to_string(), "days_past_due": days, "risk_grade": grade,
    });
    serde_json::from_value(case).ok()
}
