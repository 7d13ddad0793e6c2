//! Who is likely to answer when, and to pay: two logistic regressions, trained on what came of calls.
//!
//! An example knows of its case what was known when it was dialled: attempts that were over by then, and no later
//! one. What is judged is later than what was learnt from. A part that is no better than a guess is left out of the
//! model. Deliberately absent: the store, from which calls come, and the file in which a model is kept.

mod judge;
mod logistic;

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use waihu_types::{Case, Disposition, PhoneKind, WallTime};

pub use judge::Judgement;
pub use logistic::{Logistic, Weight};

use crate::{Past, strategy::hours};

/// The version of a model's file.
pub const VERSION: u16 = 1;

/// So few examples teach nothing.
const FEWEST: usize = 200;

/// A call as far as it can be known before it is placed.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The case.
    pub case: &'a Case,
    /// What kind of telephone it would ring.
    pub kind: PhoneKind,
    /// What was tried and is over.
    pub past: &'a [Past],
    /// What the clock shows at the callee's place.
    pub local: DateTime,
}

/// A call of before, with what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// When it was dialled.
    pub at: WallTime,
    /// What was known then, by name.
    pub features: Vec<(String, f64)>,
    /// Whether a person answered.
    pub answered: bool,
    /// Whether who answered agreed to pay or had paid, or has paid since; none where nobody answered, or nobody whom
    /// it concerns.
    pub pays: Option<bool>,
}

/// A trained model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactModel {
    /// [`VERSION`] when it was written.
    pub version: u16,
    /// What it was trained on, in words.
    pub trained_on: String,
    /// The first and the last call that it was trained and judged on.
    pub calls: (WallTime, WallTime),
    /// Who answers when; none where nothing was found.
    pub answers: Option<Logistic>,
    /// Who pays; none where nothing was found.
    pub pays: Option<Logistic>,
    /// How the first did on later calls.
    pub answers_judged: Judgement,
    /// How the second did.
    pub pays_judged: Judgement,
}

/// A model, and what is drawn of it.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model.
    pub model: ContactModel,
    /// The share of all answers among the first so many calls by chance, a point each hundredth.
    pub answers_gains: Vec<f64>,
    /// The same of those who pay.
    pub pays_gains: Vec<f64>,
}

/// Why there is no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoModel {
    /// There are too few calls.
    #[error("{0} calls are too few to learn from: at least {FEWEST} are needed 通话太少，无法训练")]
    TooFew(usize),
}

/// Why a file is no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidModel {
    /// It is no JSON of the right shape.
    #[error("no contact model: {0}; train it again with waihu train contact 请重新训练")]
    Shape(String),
    /// It is of another version.
    #[error(
        "a contact model of version {0}, and {VERSION} is expected: train it again with waihu train contact 版本不符，请重新训练"
    )]
    Version(u16),
    /// A weight is no number, or divides by nothing.
    #[error("a weight of {0:?} is no number: train it again with waihu train contact 请重新训练")]
    Weight(String),
}

/// The value of a feature of `asked`, by its name; 0 for one that it does not have.
fn value(asked: &Asked<'_>, name: &str) -> f64 {
    let is = |yes: bool| f64::from(u8::from(yes));
    let (key, of) = name.split_once('=').unwrap_or((name, ""));
    match key {
        "hour" => is(of.parse() == Ok(asked.local.hour())),
        "weekday" => is(of.parse() == Ok(asked.local.weekday().to_monday_zero_offset())),
        "number" => is(of == asked.kind.label()),
        "grade" => is(asked.case.dossier.risk_grade.as_deref() == Some(of)),
        "product" => is(of == asked.case.particulars.kind.label()),
        "last" => is(of == last(asked.past)),
        "attempts" => asked.past.len().min(10) as f64,
        // Days count from the due day: what the lender counts is as of its file, not of the call.
        "days_past_due" => {
            let days = asked.local.date().since(asked.case.due_date).map_or(0, |span| span.get_days());
            f64::from(days.clamp(0, 365)).ln_1p()
        }
        _ => 0.0,
    }
}

/// How the last attempt ended, in few words.
fn last(past: &[Past]) -> &'static str {
    use Disposition as D;
    match past.last() {
        None => "none",
        Some(past) if past.answered => "talked",
        Some(past) => match past.disposition {
            D::NoAnswer => "no_answer",
            D::Busy => "busy",
            D::Voicemail | D::Screened => "voicemail",
            D::Rejected => "rejected",
            D::Unreachable | D::Suspended => "unreachable",
            _ => "other",
        },
    }
}

/// The names of all features that a call has, the zeros among them left out.
fn names(asked: &Asked<'_>) -> Vec<String> {
    let mut names = vec![
        format!("hour={}", asked.local.hour()),
        format!("weekday={}", asked.local.weekday().to_monday_zero_offset()),
        format!("number={}", asked.kind.label()),
        format!("product={}", asked.case.particulars.kind.label()),
        format!("last={}", last(asked.past)),
        "attempts".to_owned(),
        "days_past_due".to_owned(),
    ];
    names.extend(asked.case.dossier.risk_grade.as_ref().map(|grade| format!("grade={grade}")));
    names
}

/// Whether it says something of who pays: what is so of a call alone does not.
fn is_of_case(name: &str) -> bool {
    !["hour=", "weekday=", "number="].iter().any(|of| name.starts_with(of))
}

/// The examples that the calls of a case are, in the order of time. `paid` tells whether it has been paid since.
pub fn examples(case: &Case, calls: &[Past], paid: bool) -> Vec<Example> {
    use Disposition as D;
    let mut calls: Vec<&Past> = calls.iter().collect();
    calls.sort_by_key(|past| past.dialled_at);
    let example = |call: &&Past| {
        let line = case.lines().find(|line| line.phone.subscriber() == call.number.subscriber());
        let zone = hours::zone(line.map_or(&case.time_zone, |line| line.time_zone));
        let is_known =
            |before: &&&Past| before.dialled_at < call.dialled_at && before.ended_at <= call.dialled_at;
        let known = calls.iter().filter(is_known);
        let mut past: Vec<Past> = known.map(|before| (*before).clone()).collect();
        past.sort_by_key(|before| before.ended_at);
        let kind = line.map_or(PhoneKind::Other, |line| line.kind);
        let asked = Asked { case, kind, past: &past, local: hours::local(&zone, call.dialled_at) };
        let features = names(&asked).into_iter().map(|name| (value(&asked, &name), name));
        let agreed = paid || matches!(call.disposition, D::PromiseToPay | D::AlreadyPaid);
        let concerns =
            call.answered && !matches!(call.disposition, D::WrongNumber | D::ThirdParty | D::Deceased);
        Example {
            at: call.dialled_at,
            features: features.map(|(value, name)| (name, value)).collect(),
            answered: call.answered,
            pays: concerns.then_some(agreed),
        }
    };
    calls.iter().map(example).collect()
}

/// Learns from examples, in any order: from the first three fifths by time the weights, from the next the
/// calibration, and judges by the last.
///
/// # Errors
/// When there are too few.
pub fn train(mut examples: Vec<Example>, trained_on: &str) -> Result<Trained, NoModel> {
    if examples.len() < FEWEST {
        return Err(NoModel::TooFew(examples.len()));
    }
    examples.sort_by_key(|example| example.at);
    let calls = (examples[0].at, examples[examples.len() - 1].at);
    let of = |pick: &dyn Fn(&Example) -> Option<bool>| -> Vec<(&Example, bool)> {
        examples.iter().filter_map(|example| Some((example, pick(example)?))).collect()
    };
    let (answers, answers_judged, answers_gains) = part(&of(&|e| Some(e.answered)), |_| true);
    let (pays, pays_judged, pays_gains) = part(&of(&|e| e.pays), is_of_case);
    let model = ContactModel {
        version: VERSION,
        trained_on: trained_on.to_owned(),
        calls,
        answers,
        pays,
        answers_judged,
        pays_judged,
    };
    Ok(Trained { model, answers_gains, pays_gains })
}

/// One of the two: its weights where they are of use, how they did, and the curve of that.
fn part(examples: &[(&Example, bool)], wanted: fn(&str) -> bool) -> (Option<Logistic>, Judgement, Vec<f64>) {
    let third = examples.len() * 3 / 5;
    let (learnt, later) = examples.split_at(day_edge(examples, third));
    let (calibrating, judged) = later.split_at(day_edge(later, later.len() / 2));
    let names: BTreeSet<&str> =
        learnt.iter().flat_map(|(e, _)| &e.features).map(|(name, _)| name.as_str()).collect();
    let names: Vec<String> = names.into_iter().filter(|name| wanted(name)).map(str::to_owned).collect();
    let rows = |of: &[(&Example, bool)]| of.iter().map(|(e, _)| row(&names, e)).collect::<Vec<_>>();
    let happened = |of: &[(&Example, bool)]| of.iter().map(|(_, yes)| *yes).collect::<Vec<_>>();
    let nothing = || (None, Judgement { auc: 0.5, auc_error: 0.5, ..Judgement::default() }, Vec::new());
    if learnt.len() < FEWEST / 2 {
        return nothing();
    }
    let Some(mut logistic) = Logistic::fit(&names, &rows(learnt), &happened(learnt)) else {
        return nothing();
    };
    logistic.calibrate(&rows(calibrating), &happened(calibrating));
    let base = learnt.iter().filter(|(_, yes)| *yes).count() as f64 / learnt.len() as f64;
    let chances: Vec<(f64, bool)> = judged
        .iter()
        .map(|(e, yes)| (logistic.calibrated(logistic.raw_row(&row(&names, e))), *yes))
        .collect();
    let judgement = Judgement::of(&chances, base);
    let gains = judge::gains(&chances);
    (Some(logistic).filter(|_| judgement.is_of_use()), judgement, gains)
}

/// Moves an edge between examples to the beginning of its day, where there are days enough that much is left on both
/// sides: what was learnt from the morning is not to be judged by the afternoon.
fn day_edge(examples: &[(&Example, bool)], at: usize) -> usize {
    let day = |n: usize| examples.get(n).map(|(e, _)| e.at.unix_millis().div_euclid(86_400_000));
    let begin = (0..=at).rev().find(|n| *n == 0 || day(*n) != day(n.saturating_sub(1))).unwrap_or(at);
    if begin * 2 >= at { begin } else { at }
}

fn row(names: &[String], example: &Example) -> Vec<f64> {
    let mut row = vec![0.0; names.len()];
    for (name, value) in &example.features {
        if let Ok(at) = names.binary_search(name) {
            row[at] = *value;
        }
    }
    row
}

impl ContactModel {
    /// Reads a model from its file.
    ///
    /// # Errors
    /// When it is none, or of another version.
    pub fn parse(json: &str) -> Result<Self, InvalidModel> {
        let model: Self = serde_json::from_str(json).map_err(|e| InvalidModel::Shape(e.to_string()))?;
        if model.version != VERSION {
            return Err(InvalidModel::Version(model.version));
        }
        let mut weights = model.answers.iter().chain(&model.pays).flat_map(|part| &part.weights);
        let odd = |w: &&Weight| !(w.weight.is_finite() && w.mean.is_finite() && w.deviation > 0.0);
        match weights.find(odd) {
            Some(weight) => Err(InvalidModel::Weight(weight.name.clone())),
            None => Ok(model),
        }
    }

    /// How likely a person answers, at whichever hour and weekday the clock there shows, all else as asked; none
    /// where nothing is known of it.
    pub fn answers(&self, asked: &Asked<'_>) -> Option<impl Fn(DateTime) -> f64 + use<>> {
        let part = self.answers.clone()?;
        let (mut hours, mut weekdays) = ([0.0; 24], [0.0; 7]);
        let mut slot = |name: &str, weight: f64| {
            let (key, of) = name.split_once('=')?;
            let of: usize = of.parse().ok()?;
            let by = if key == "hour" { hours.get_mut(of)? } else { weekdays.get_mut(of)? };
            *by = weight;
            Some(())
        };
        let is_of_time = |name: &str| name.starts_with("hour=") || name.starts_with("weekday=");
        for weight in part.weights.iter().filter(|w| is_of_time(&w.name)) {
            slot(&weight.name, weight.weight / weight.deviation);
        }
        let rest = part.raw(|name| if is_of_time(name) { 0.0 } else { value(asked, name) });
        Some(move |local: DateTime| {
            let hour = usize::try_from(local.hour()).ok().and_then(|hour| hours.get(hour));
            let day = usize::try_from(local.weekday().to_monday_zero_offset()).ok();
            let day = day.and_then(|day| weekdays.get(day));
            part.calibrated(rest + hour.unwrap_or(&0.0) + day.unwrap_or(&0.0))
        })
    }

    /// How likely the debtor pays, once reached; none where nothing is known of it.
    pub fn pays(&self, asked: &Asked<'_>) -> Option<f64> {
        let part = self.pays.as_ref()?;
        Some(part.calibrated(part.raw(|name| value(asked, name))))
    }
}

#[cfg(test)]
mod tests;
