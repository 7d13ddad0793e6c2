//! The judgement of a call.

use crate::{Call, Rules, Speaker, checks::Hearing, timeline::Timeline};
use serde::{Deserialize, Serialize};

/// The version of [`Judgement`]'s shape; raised when a field changes its meaning or goes.
pub const JUDGEMENT_VERSION: u16 = 1;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// There was nothing to hold it against.
    DoesNotApply,
}

impl Verdict {
    /// The name as it is written in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::DoesNotApply => "does_not_apply",
        }
    }
}

/// What a verdict rests on. It holds no word of the callee's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The line of the transcript, from 1; none where no line shows it.
    pub line: Option<u32>,
    /// The moment, from the beginning of the recording [ms].
    pub at_ms: Option<u64>,
    /// What is there to see, in Mandarin.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

/// A check, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// The check's name.
    pub id: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What it weighs.
    pub weight: u32,
    /// Whether its failure is the call's.
    pub critical: bool,
    /// What that rests on.
    pub evidence: Vec<Evidence>,
}

/// What was measured. Lengths of lines are reckoned from their words where the transcript does not tell them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Our share of the talk [percent]; none where nobody spoke.
    pub our_share: Option<u8>,
    /// The longest that a callee waited for a reply [ms].
    pub longest_wait_ms: u64,
    /// How often the callee spoke over a line of ours.
    pub overlaps: u32,
}

/// What a call is judged to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// [`JUDGEMENT_VERSION`] when it was written.
    pub version: u16,
    /// The share of the weights that hold, of those that apply [percent]; none where none does.
    pub score: Option<u8>,
    /// Whether it is right: no critical failure, and score enough. Where nothing applies nothing is wrong.
    pub passed: bool,
    /// Every check, the gravest first.
    pub checks: Vec<Checked>,
    /// What was measured.
    pub facts: Facts,
    /// The SHA-256 of the rules.
    pub rules: String,
}

impl Judgement {
    /// The checks that fail.
    pub fn failures(&self) -> impl Iterator<Item = &Checked> {
        self.checks.iter().filter(|checked| checked.verdict == Verdict::Fail)
    }

    /// Whether a failure is the call's.
    pub fn is_critical(&self) -> bool {
        self.failures().any(|checked| checked.critical)
    }
}

/// Judges a call.
pub fn judge(call: &Call<'_>, rules: &Rules) -> Judgement {
    let lang = call.outcome.script.lang;
    let timeline = Timeline::of(call.lines.unwrap_or_default(), lang);
    let hearing = Hearing::of(call, rules, &timeline);
    let checks: Vec<Checked> = rules
        .asked(call.profile)
        .map(|(check, weight, critical)| {
            let (verdict, evidence) = hearing.ask(check);
            Checked { id: check.label().to_owned(), verdict, weight, critical, evidence }
        })
        .collect();
    let weigh = |wanted: &[Verdict]| -> u32 {
        checks.iter().filter(|c| wanted.contains(&c.verdict)).map(|c| c.weight).sum()
    };
    let (held, applied) = (weigh(&[Verdict::Pass]), weigh(&[Verdict::Pass, Verdict::Fail]));
    let score = (applied > 0).then(|| u8::try_from(held * 100 / applied).unwrap_or(100));
    let critical = checks.iter().any(|c| c.critical && c.verdict == Verdict::Fail);
    Judgement {
        version: JUDGEMENT_VERSION,
        score,
        passed: !critical && score.is_none_or(|score| score >= rules.pass()),
        checks,
        facts: facts(&timeline, &hearing),
        rules: rules.sha256().to_owned(),
    }
}

fn facts(timeline: &Timeline<'_>, hearing: &Hearing<'_>) -> Facts {
    let lasting = |ours: bool| -> u64 {
        timeline.said.iter().filter(|s| s.is_ours() == ours).map(|s| s.to_ms - s.from_ms).sum()
    };
    let (ours, theirs) = (lasting(true), lasting(false));
    let share = (ours * 100).checked_div(ours + theirs);
    let over = |callee: &&crate::timeline::Said<'_>| {
        timeline.ours().any(|ours| ours.from_ms < callee.from_ms && callee.from_ms < ours.to_ms)
    };
    Facts {
        our_share: share.and_then(|share| u8::try_from(share).ok()),
        longest_wait_ms: hearing.waits().map(|(_, ms)| ms).max().unwrap_or(0),
        overlaps: u32::try_from(timeline.by(Speaker::Callee).filter(over).count()).unwrap_or(u32::MAX),
    }
}
