//! What stands of a case, as JSON: names of keys are the API's where it has them.

use jiff::Timestamp;
use serde_json::{Value, json};
use waihu_compliance::{Decision, Gate, Subject};
use waihu_store::{Ahead, CaseState, Message, QueuePlace};
use waihu_types::{Lang, WallTime};

use super::{Explained, Number, over};

/// A case with its numbers, its places in queues and its texts.
pub(super) fn told(gate: &Gate, of: &Explained<'_>) -> Value {
    json!({
        "case": of.case.id, "state": of.state.map(CaseState::label), "profile": gate.profile.id(),
        "may_be_called": of.may_be_called(gate),
        "numbers": of.numbers.iter().map(|number| at(gate, number)).collect::<Vec<_>>(),
        "queue": of.places.iter().map(place).collect::<Vec<_>>(),
        "texts": of.texts.iter().map(text).collect::<Vec<_>>(),
    })
}

/// A number, none of whose digits are told but the last; with what denies a call to it, and what that was decided from.
fn at(gate: &Gate, of: &Number<'_>) -> Value {
    let (subject, now) = (of.passage.subject(), of.now);
    let denied: Vec<_> = of.denials(gate).iter().filter_map(|denied| denial(denied, subject)).collect();
    let ahead = of.ahead.iter().map(|(campaign, answers)| {
        let subject = subject.clone().ahead_of_agents(answers.clone());
        let denied = over(gate, &subject, now);
        let denied = denied.iter().filter_map(|(denied, _)| denial(denied, &subject));
        json!({"campaign": campaign, "denied": denied.collect::<Vec<_>>()})
    });
    json!({
        "number": of.line.phone.masked(), "may_be_called": of.may_be_called(gate),
        "campaign_denies": of.refusal.as_ref().map(ToString::to_string),
        "barred": of.bar.as_ref().map(ToString::to_string), "denied": denied,
        "next": gate.profile.next_allowed(subject, &of.history, now).map(wall),
        "ahead_of_agents": ahead.collect::<Vec<_>>(),
        "evidence": gate.profile.facts(subject, &of.history, now),
    })
}

/// A rule that denies a call, until when it does where time helps, and why.
fn denial(decision: &Decision<'_>, subject: &Subject) -> Option<Value> {
    let Decision::Denied { rule, until, .. } = decision else { return None };
    let (zh, en) = (decision.explain(subject, Lang::Zh), decision.explain(subject, Lang::En));
    Some(json!({"rule": rule.id, "until": until.map(wall), "zh": zh, "en": en}))
}

fn place(of: &QueuePlace) -> Value {
    let (ahead, more) = match of.ahead {
        None => (None, false),
        Some(Ahead::Exactly(n)) => (Some(n), false),
        Some(Ahead::MoreThan(n)) => (Some(n), true),
    };
    json!({
        "campaign": of.campaign, "campaign_state": of.campaign_state.label(), "state": of.state.label(),
        "rank": of.rank, "due_at": of.due_at, "rule": of.why, "ahead": ahead, "more": more,
    })
}

/// A text message, without its words.
fn text(of: &Message) -> Value {
    json!({
        "template": of.new.template, "state": of.state.label(), "why": of.why, "due_at": of.due_at,
        "tries": of.tries, "sent_at": of.sent_at,
    })
}

fn wall(at: Timestamp) -> WallTime {
    WallTime::from_unix_millis(at.as_millisecond())
}
