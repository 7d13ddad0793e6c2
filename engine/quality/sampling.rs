//! Which calls people look at: `compliance/sampling.toml`.
//!
//! A draw is a fixed function of seed, plan, day and the calls of that day: whichever node draws, the same calls come
//! out, and nobody can wish one away by drawing again.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use waihu_types::{AttemptId, Disposition};

use crate::{Form, FormFault, rules::line_of};

/// The plans as they are shipped.
const SHIPPED: &str = include_str!("../../compliance/sampling.toml");

/// The most calls that a plan may draw a day: more than a hundred people look at.
const MAX_A_DAY: u32 = 5_000;

/// A call that may be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The attempt.
    pub attempt: AttemptId,
    /// The script's name.
    pub script: String,
    /// The agent who had it; none where it was the bot's alone.
    pub agent: Option<String>,
    /// How it ended.
    pub disposition: Disposition,
    /// How much distress was heard [percent].
    pub distress: u8,
    /// Whether a failure was critical.
    pub critical: bool,
    /// Whether it was right.
    pub passed: bool,
    /// Whether a person was on the line.
    pub person: bool,
}

/// Which calls; all where nothing is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Slot {
    /// Of these scripts.
    script: Vec<String>,
    /// Of these agents.
    agent: Vec<String>,
    /// That ended so.
    disposition: Vec<Disposition>,
    /// With so much distress or more [percent].
    distress: Option<u8>,
    /// With a critical failure.
    critical: bool,
    /// That were not right.
    failed: bool,
    /// In which an agent talked.
    handed_over: bool,
}

impl Slot {
    fn takes(&self, call: &Candidate) -> bool {
        let agent = call.agent.as_deref();
        (self.script.is_empty() || self.script.contains(&call.script))
            && (self.agent.is_empty() || agent.is_some_and(|agent| self.agent.iter().any(|a| a == agent)))
            && (self.disposition.is_empty() || self.disposition.contains(&call.disposition))
            && self.distress.is_none_or(|least| call.distress >= least)
            && (!self.critical || call.critical)
            && (!self.failed || !call.passed)
            && (!self.handed_over || agent.is_some())
    }
}

/// A part of a day's draw.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Share {
    percent: u8,
    #[serde(rename = "where")]
    of: Slot,
}

/// By what a draw is spread, as evenly as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Spread {
    Agent,
    Script,
    Disposition,
}

/// Which calls of a day are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Its id.
    pub id: String,
    /// Its name in Mandarin.
    pub zh: String,
    /// Its name in English.
    pub en: String,
    /// The form that is filled.
    pub form: String,
    /// Whether a second person has to confirm.
    #[serde(default)]
    pub four_eyes: bool,
    /// At most so many a day; all that fit where left out.
    #[serde(default)]
    a_day: Option<u32>,
    #[serde(default, rename = "where")]
    of: Slot,
    #[serde(default)]
    share: Vec<Share>,
    #[serde(default)]
    spread: Option<Spread>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    seed: u64,
    zone: String,
    hour: u8,
    #[serde(default)]
    plan: Vec<Plan>,
    #[serde(default)]
    form: Vec<Form>,
}

/// All plans, with their forms and when they draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampling {
    seed: u64,
    zone: String,
    hour: u8,
    plans: Vec<Plan>,
    forms: Vec<Form>,
}

/// What is wrong with `sampling.toml`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlansFault {
    /// It cannot be read.
    #[error("{path}:{line}: {message}")]
    Unreadable {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What the reader says.
        message: String,
    },
    /// A plan or a form is not right.
    #[error("{path}: {of}: {expected}")]
    Odd {
        /// The file.
        path: String,
        /// Which.
        of: String,
        /// What is expected.
        expected: &'static str,
    },
    /// A form is not right.
    #[error("{path}: {source}")]
    Form {
        /// The file.
        path: String,
        /// Why.
        source: FormFault,
    },
}

impl Sampling {
    /// The plans as they are shipped.
    ///
    /// # Errors
    /// Never, as a test holds.
    pub fn shipped() -> Result<Self, PlansFault> {
        Self::parse("compliance/sampling.toml", SHIPPED)
    }

    /// Reads the plans; `path` is for messages.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(path: &str, text: &str) -> Result<Self, PlansFault> {
        let file: File = toml::from_str(text).map_err(|e| PlansFault::Unreadable {
            path: path.to_owned(),
            line: line_of(text, &e),
            message: e.message().to_owned(),
        })?;
        let odd =
            |of: &str, expected| Err(PlansFault::Odd { path: path.to_owned(), of: of.to_owned(), expected });
        if jiff::tz::TimeZone::get(&file.zone).is_err() {
            return odd("zone", "an IANA name, as Asia/Shanghai, is expected 时区无效");
        }
        if file.hour > 23 {
            return odd("hour", "0 to 23 is expected 应为 0 至 23");
        }
        for form in &file.form {
            form.check().map_err(|source| PlansFault::Form { path: path.to_owned(), source })?;
        }
        for (n, plan) in file.plan.iter().enumerate() {
            if plan.id.is_empty() || file.plan[..n].iter().any(|other| other.id == plan.id) {
                return odd(&plan.id, "each plan has an id of its own 抽检方案编号重复");
            }
            if file.form.iter().all(|form| form.id != plan.form) {
                return odd(&plan.id, "form names none of [[form]] 没有该评审表");
            }
            if plan.a_day.is_some_and(|n| n == 0 || n > MAX_A_DAY) {
                return odd(&plan.id, "a_day: 1 to 5000 is expected 应为 1 至 5000");
            }
            if plan.share.iter().map(|share| u32::from(share.percent)).sum::<u32>() > 100 {
                return odd(&plan.id, "the shares are 100 percent at most together 份额合计不得超过 100%");
            }
        }
        let File { seed, zone, hour, plan: plans, form: forms } = file;
        Ok(Self { seed, zone, hour, plans, forms })
    }

    /// The plans.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// A form by its id.
    pub fn form(&self, id: &str) -> Option<&Form> {
        self.forms.iter().find(|form| form.id == id)
    }

    /// The day whose calls are to be drawn at a moment, which is over; and the moments between which its calls ended.
    /// None where the zone has no such day.
    pub fn day_due(
        &self,
        now: jiff::Timestamp,
    ) -> Option<(jiff::civil::Date, jiff::Timestamp, jiff::Timestamp)> {
        let local = now.in_tz(&self.zone).ok()?;
        let back = if local.hour() < i8::try_from(self.hour).ok()? { 2 } else { 1 };
        let day = local.date().checked_sub(jiff::Span::new().days(back)).ok()?;
        let start = |day: jiff::civil::Date| Some(day.at(0, 0, 0, 0).in_tz(&self.zone).ok()?.timestamp());
        Some((day, start(day)?, start(day.tomorrow().ok()?)?))
    }

    /// The calls of a day that a plan draws, in the order of their draw.
    pub fn draw<'c>(
        &self,
        plan: &Plan,
        day: jiff::civil::Date,
        calls: &'c [Candidate],
    ) -> Vec<&'c Candidate> {
        let mut fit: Vec<(u64, &Candidate)> = calls
            .iter()
            .filter(|call| plan.of.takes(call))
            .map(|call| (self.rank(plan, day, call), call))
            .collect();
        // Ids break what is hardly ever even.
        fit.sort_by(|a, b| (a.0, a.1.attempt.as_str()).cmp(&(b.0, b.1.attempt.as_str())));
        let mut fit: Vec<&Candidate> = fit.into_iter().map(|(_, call)| call).collect();
        let Some(most) = plan.a_day.and_then(|n| usize::try_from(n).ok()) else { return fit };
        let mut drawn: Vec<&Candidate> = Vec::new();
        for share in &plan.share {
            let quota = (most * usize::from(share.percent)).div_ceil(100);
            let chosen: Vec<&Candidate> =
                fit.iter().copied().filter(|c| share.of.takes(c)).take(quota).collect();
            fit.retain(|call| !chosen.contains(call));
            drawn.extend(chosen);
        }
        match plan.spread {
            Some(by) => drawn.extend(spread(fit, by)),
            None => drawn.extend(fit),
        }
        drawn.truncate(most);
        drawn
    }

    /// A call's place in a draw, as good as random.
    fn rank(&self, plan: &Plan, day: jiff::civil::Date, call: &Candidate) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        for part in [plan.id.as_str(), &day.to_string(), call.attempt.as_str()] {
            hash.update(part);
            hash.update([0]);
        }
        let hash = hash.finalize();
        hash.iter().take(8).fold(0, |rank, byte| rank << 8 | u64::from(*byte))
    }
}

/// Takes one of each kind in turn.
fn spread(calls: Vec<&Candidate>, by: Spread) -> Vec<&Candidate> {
    let kind = |call: &Candidate| match by {
        Spread::Agent => call.agent.clone().unwrap_or_default(),
        Spread::Script => call.script.clone(),
        Spread::Disposition => call.disposition.label().to_owned(),
    };
    let mut taken: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    let mut ranked: Vec<(usize, usize, &Candidate)> = Vec::with_capacity(calls.len());
    for (n, call) in calls.into_iter().enumerate() {
        let of_kind = taken.entry(kind(call)).or_default();
        ranked.push((*of_kind, n, call));
        *of_kind += 1;
    }
    ranked.sort_by_key(|(round, n, _)| (*round, *n));
    ranked.into_iter().map(|(.., call)| call).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(n: usize) -> Vec<Candidate> {
        let call = |n: usize| Candidate {
            attempt: format!("a-{n}").parse().unwrap(),
            script: "reminder".into(),
            agent: n.is_multiple_of(4).then(|| if n.is_multiple_of(8) { "li".into() } else { "wang".into() }),
            disposition: if n.is_multiple_of(5) { Disposition::PromiseToPay } else { Disposition::HungUp },
            distress: u8::try_from(n % 100).unwrap(),
            critical: n.is_multiple_of(50),
            passed: !n.is_multiple_of(50),
            person: true,
        };
        (0..n).map(call).collect()
    }

    fn day() -> jiff::civil::Date {
        jiff::civil::date(2026, 11, 26)
    }

    const FORM: &str = "seed = 7\nzone = \"Asia/Shanghai\"\nhour = 1\n[[form]]\nid = \"f\"\nzh = \"表\"\nen = \"form\"\npass = 60\n\
        [[form.question]]\nid = \"q\"\nzh = \"问\"\nen = \"?\"\nmost = 5\n";

    fn sampling(plan: &str) -> Sampling {
        let plan =
            format!("{FORM}[[plan]]\nid = \"p\"\nzh = \"方案\"\nen = \"plan\"\nform = \"f\"\n{plan}\n");
        Sampling::parse("s", &plan).unwrap()
    }

    #[test]
    fn the_shipped_plans_are_right_and_take_every_critical_failure() {
        let shipped = Sampling::shipped().unwrap();
        let calls = calls(400);
        let all = shipped.plans().iter().find(|plan| plan.of.critical).unwrap();
        let drawn = shipped.draw(all, day(), &calls);
        assert_eq!(drawn.len(), calls.iter().filter(|c| c.critical).count());
        assert!(drawn.iter().all(|call| call.critical) && all.four_eyes);
    }

    #[test]
    fn a_draw_is_the_same_whoever_draws_and_another_on_another_day() {
        let s = sampling("a_day = 10");
        let (some, plan) = (calls(200), &s.plans()[0]);
        let mut turned = some.clone();
        turned.reverse();
        let ids = |day, calls: &[Candidate]| -> Vec<String> {
            s.draw(plan, day, calls).iter().map(|call| call.attempt.to_string()).collect()
        };
        assert_eq!(ids(day(), &some), ids(day(), &turned));
        assert_eq!(ids(day(), &some).len(), 10);
        assert_ne!(ids(day(), &some), ids(day().tomorrow().unwrap(), &some));
    }

    #[test]
    fn every_call_is_drawn_about_as_often() {
        let s = sampling("a_day = 10");
        let (some, mut hits) = (calls(50), std::collections::BTreeMap::<String, u32>::new());
        let mut day = day();
        for _ in 0..1_000 {
            for call in s.draw(&s.plans()[0], day, &some) {
                *hits.entry(call.attempt.to_string()).or_default() += 1;
            }
            day = day.tomorrow().unwrap();
        }
        // 10 of 50 on 1,000 days: 200 each, give or take five deviations of 12.6.
        assert!(hits.len() == 50 && hits.values().all(|n| (137..=263).contains(n)), "{hits:?}");
    }

    #[test]
    fn shares_are_filled_first_and_the_rest_is_spread() {
        let share = "a_day = 20\nspread = \"agent\"\n[[plan.share]]\npercent = 50\nwhere = { disposition = [\"promise_to_pay\"] }";
        let (s, some) = (sampling(share), calls(200));
        let drawn = s.draw(&s.plans()[0], day(), &some);
        assert_eq!(drawn.len(), 20);
        assert!(drawn[..10].iter().all(|call| call.disposition == Disposition::PromiseToPay));
        let of = |agent: Option<&str>| drawn[10..].iter().filter(|c| c.agent.as_deref() == agent).count();
        assert!([of(None), of(Some("li")), of(Some("wang"))].iter().all(|n| (3..=4).contains(n)));
    }

    #[test]
    fn a_day_is_drawn_once_it_is_over() {
        let s = sampling("a_day = 1");
        let due = |text: &str| {
            s.day_due(text.parse().unwrap()).map(|(day, from, to)| (day.to_string(), from, to)).unwrap()
        };
        // 00:59 and 01:00 in Shanghai.
        assert_eq!(due("2026-11-26T16:59:59Z").0, "2026-11-25");
        let (day, from, to) = due("2026-11-26T17:00:00Z");
        assert_eq!((day.as_str(), from.to_string().as_str()), ("2026-11-26", "2026-11-25T16:00:00Z"));
        assert_eq!(to.to_string(), "2026-11-26T16:00:00Z");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let fault = |text: &str| Sampling::parse("s", text).unwrap_err().to_string();
        assert!(fault("seed = 1\nzone = \"Mars\"\nhour = 1").contains("IANA"));
        assert!(fault("seed = 1\nzone = \"UTC\"\nhour = 24").contains("0 to 23"));
        assert!(fault("seed = 1\nzone = \"UTC\"\nhour = 1\nmore = 2").starts_with("s:4:"));
        let plan = "[[plan]]\nid = \"p\"\nzh = \"\"\nen = \"\"\nform = \"none\"\n";
        assert!(fault(&format!("{FORM}{plan}")).contains("[[form]]"));
        assert!(fault(&format!("{FORM}{}a_day = 0", plan.replace("none", "f"))).contains("5000"));
    }
}
