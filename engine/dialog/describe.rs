//! Rules, ladders and ends in words: what a drawing and a comparison show of them.
//!
//! The words are those of the script's own format, so that whoever reads them finds them there. What is
//! said here is all that a rule is: two rules with the same words do the same.

use std::time::Duration;

use crate::{
    io::BargeIn,
    script::{Act, CallbackBy, End, Ladder, Line, RedialAdvice, Rule, Script, Then},
};

impl Script {
    /// When a rule applies, in short: at most so many intents by name, and every condition.
    pub(crate) fn rule_label(&self, rule: &Rule, named: usize) -> String {
        let (named, rest) = rule.intents.split_at(rule.intents.len().min(named));
        let mut label = list(named.iter().map(|i| i.label()));
        if !rest.is_empty() {
            label += &format!(" +{}", rest.len());
        }
        for condition in &rule.when {
            label += &format!(" · {}", condition.word());
        }
        if let Some(guard) = &rule.guard {
            label += &format!(" · {}", guard.text);
        }
        label
    }

    /// When a rule applies: every intent and condition, and its limit.
    pub(crate) fn rule_cause(&self, rule: &Rule) -> String {
        let mut words = list(rule.intents.iter().map(|i| i.label()));
        if !rule.when.is_empty() {
            words += &format!(", when {}", list(rule.when.iter().map(|c| c.word())));
        }
        if let Some(guard) = &rule.guard {
            words += &format!(", if {}", guard.text);
        }
        if let Some(limit) = rule.limit {
            words += &format!(", limit {limit}");
        }
        words
    }

    /// What a rule does.
    pub(crate) fn rule_effect(&self, rule: &Rule) -> String {
        let mut does = Vec::new();
        if !rule.take.is_empty() {
            does.push(format!("take {}", list(rule.take.iter().map(|s| s.word()))));
        }
        if let Some(who) = rule.identity {
            does.push(format!("identity {who:?}").to_lowercase());
        }
        if !rule.say.is_empty() {
            let private = if rule.private { " (private)" } else { "" };
            does.push(format!("say {}{private}", list(rule.say.iter().map(|l| self.line_words(l)))));
        }
        does.extend(self.acts_words(&rule.acts));
        does.push(match rule.then {
            Then::Go(to) => format!("to {}", self.state(to).name),
            Then::Ask => "then ask".to_owned(),
            Then::Listen(None) => "then listen".to_owned(),
            Then::Listen(Some(time)) => format!("then listen {}", seconds(time)),
            Then::Replay => "then replay".to_owned(),
        });
        does.join("; ")
    }

    /// What is wanted done beside the talk; nothing where nothing is.
    pub(crate) fn acts_words(&self, acts: &[Act]) -> Option<String> {
        let told = acts.iter().map(|act| match act {
            Act::Sms(line) => format!("sms {}", self.prompt_name(line.prompt)),
            Act::Note(text) => format!("note {text:?}"),
        });
        (!acts.is_empty()).then(|| format!("do {}", list(told)))
    }

    /// A prompt's name, and who may stop it where that is not as usual.
    pub(crate) fn line_words(&self, line: &Line) -> String {
        let name = self.prompt_name(line.prompt);
        match line.barge_in {
            BargeIn::Allowed { after: None } => name.to_string(),
            BargeIn::Allowed { after: Some(after) } => {
                format!("{name} (barge_in {} ms)", after.as_millis())
            }
            BargeIn::ByWords => format!("{name} (barge_in words)"),
            BargeIn::MustBeHeard => format!("{name} (barge_in false)"),
        }
    }

    /// What is said rung by rung, and where it leads.
    pub(crate) fn ladder_words(&self, ladder: &Ladder) -> String {
        let rungs = list(ladder.rungs.iter().map(|l| self.line_words(l)));
        format!("{rungs}, to {}", self.state(ladder.to).name)
    }
}

/// What an end decides.
pub(crate) fn end_words(end: &End) -> String {
    let End { disposition, callback, redial, keep_reached, after_disclosure } = end;
    let mut words = disposition.label().to_owned();
    match callback {
        Some(CallbackBy::Bot) => words += ", callback bot",
        Some(CallbackBy::Agent) => words += ", callback agent",
        None => {}
    }
    if *redial == RedialAdvice::Never {
        words += ", redial never";
    }
    if *keep_reached {
        words += ", keep_reached";
    }
    if let Some(after) = after_disclosure {
        words += &format!(", after_disclosure {}", after.label());
    }
    words
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f32())
}

/// Words with commas between them.
pub(crate) fn list<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<T> = words.into_iter().collect();
    words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}
