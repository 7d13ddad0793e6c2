//! The checks, each a question to what was heard of a call.

mod pace;
mod who;
mod wishes;
mod words;

use waihu_dialog::debt_word;
use waihu_types::{AnsweredBy, Identity, Intent, Lang};

use crate::{
    Call, Check, Evidence, Rules, Speaker, Verdict,
    timeline::{Said, Timeline},
};

/// A verdict with what it rests on.
type Found = (Verdict, Vec<Evidence>);

/// A call as it was heard, with what all checks ask of it.
pub(crate) struct Hearing<'a> {
    call: &'a Call<'a>,
    rules: &'a Rules,
    timeline: &'a Timeline<'a>,
    lang: Lang,
}

/// Nothing to hold it against.
fn does_not_apply() -> Found {
    (Verdict::DoesNotApply, Vec::new())
}

/// It holds, or fails for each of these.
fn unless(failures: Vec<Evidence>) -> Found {
    (if failures.is_empty() { Verdict::Pass } else { Verdict::Fail }, failures)
}

fn pass(evidence: Option<Evidence>) -> Found {
    (Verdict::Pass, evidence.into_iter().collect())
}

fn fail(evidence: Evidence) -> Found {
    (Verdict::Fail, vec![evidence])
}

/// What a line shows.
fn shown(said: &Said<'_>, zh: impl Into<String>, en: impl Into<String>) -> Evidence {
    Evidence { line: Some(said.line), at_ms: Some(said.from_ms), zh: zh.into(), en: en.into() }
}

/// What no line shows.
fn told(zh: impl Into<String>, en: impl Into<String>) -> Evidence {
    Evidence { line: None, at_ms: None, zh: zh.into(), en: en.into() }
}

impl<'a> Hearing<'a> {
    pub(crate) fn of(call: &'a Call<'a>, rules: &'a Rules, timeline: &'a Timeline<'a>) -> Self {
        Self { call, rules, timeline, lang: call.outcome.script.lang }
    }

    pub(crate) fn ask(&self, check: Check) -> Found {
        // Of a call without its words only the decision can be judged.
        if self.call.lines.is_none() && check != Check::Hours {
            return does_not_apply();
        }
        match check {
            Check::Identity => self.identity(),
            Check::ThirdParty => self.third_party(),
            Check::Disclosures => self.disclosures(),
            Check::BotWords => self.words_of(Speaker::Bot),
            Check::AgentWords => self.words_of(Speaker::Agent),
            Check::Hours => self.hours(),
            Check::Wishes => self.wishes(),
            Check::Distress => self.distress(),
            Check::ReadBack => self.read_back(),
            Check::BargeIn => self.barge_in(),
            Check::Silence => self.silence(),
            Check::TalkRatio => self.talk_ratio(),
            Check::AgentManners => self.agent_manners(),
        }
    }

    /// What of a line tells that it is about a debt: a word for it, or the sum. The lender's name alone tells nothing.
    fn tells(&self, said: &Said<'_>) -> Option<&'static str> {
        let mut text = said.text.to_owned();
        if let Some(case) = self.call.case {
            // A lender's name may have such a word in it, and is said before anybody is known.
            text = text.replace(&case.creditor, " ").replace(&case.name, " ");
            if text.contains(&waihu_dialog::money(case.due, self.lang)) {
                return Some("amount");
            }
        }
        debt_word(&text, self.lang)
    }

    /// The lines of ours that told of the debt, as they were heard.
    fn matter(&self) -> impl Iterator<Item = &Said<'a>> {
        self.timeline.ours().filter(|said| self.tells(said).is_some())
    }

    /// Whether a callee's line means one of these, surely enough.
    fn means(&self, said: &Said<'_>, intents: &[Intent]) -> bool {
        said.by == Speaker::Callee
            && said.intent.is_some_and(|intent| intents.contains(&intent))
            && said.confidence >= self.rules.sure()
    }

    /// The callee's lines that mean one of these.
    fn meaning(&self, intents: &'static [Intent]) -> impl Iterator<Item = &Said<'a>> {
        self.timeline.by(Speaker::Callee).filter(move |said| self.means(said, intents))
    }

    /// Whether a person was on the line and said something.
    fn talked(&self) -> bool {
        let outcome = self.call.outcome;
        let person = matches!(outcome.answered_by, AnsweredBy::Human | AnsweredBy::Unknown)
            || outcome.answered_by == AnsweredBy::Screening && self.put_through().is_some();
        person && outcome.answered_at.is_some() && self.timeline.by(Speaker::Callee).next().is_some()
    }

    /// When an assistant put the call through to a person [place in the transcript].
    fn put_through(&self) -> Option<usize> {
        let note = self.timeline.notes.iter().find(|note| note.text.ends_with("a person is on the line"));
        note.map(|note| note.order)
    }

    /// The first yes by which the callee said to be the debtor, and anything that the outcome rests on.
    fn confirmed_at(&self) -> Option<usize> {
        let key = self.timeline.notes.iter().find(|note| note.text == "key pressed").map(|note| note.order);
        if self.call.outcome.identity != Identity::Confirmed {
            return None;
        }
        let yes =
            self.timeline.by(Speaker::Callee).find(|s| self.means(s, &[Intent::Affirm])).map(|s| s.order);
        // Several utterances may be understood as one: what the script acted on stands in a note.
        let acted =
            self.timeline.notes.iter().find(|note| note.text.contains(": affirm (")).map(|note| note.order);
        [key, yes, acted].into_iter().flatten().min()
    }
}
