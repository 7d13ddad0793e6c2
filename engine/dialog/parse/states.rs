//! States and rules: from their tables to what the interpreter runs.

use std::time::Duration;

use super::{ANSWER_LIMIT, Ladders, Parser, SMS, TRANSFER_S};
use crate::{
    condition::{Condition, Slot, Who},
    guard::{Guard, guard_names},
    io::BargeIn,
    reader::{Table, Value},
    script::{Act, CallbackBy, End, Kind, Line, RedialAdvice, Rule, State, Then},
};

/// How long a note may be [characters]: a line in a list of cases.
const MAX_NOTE_CHARS: usize = 200;

impl Parser<'_, '_> {
    pub(super) fn state(&mut self, name: &str, mut t: Table<'_>, ladders: &Ladders) -> Option<State> {
        let at = t.at.clone();
        let private = t.bool("private", self.problems).unwrap_or(false);
        let barge_in = self.barge_in(&mut t).unwrap_or(BargeIn::Allowed { after: None });
        let say = self.lines(&mut t, "say", barge_in);
        // What had to be heard was heard; asking again may be cut short.
        let again = match barge_in {
            BargeIn::MustBeHeard => BargeIn::Allowed { after: None },
            other => other,
        };
        let again = self.lines(&mut t, "again", again).pop();
        let acts = self.acts(&mut t);
        let aside = t.bool("aside", self.problems).unwrap_or(false);
        let reached = t.string("reached", self.problems).and_then(|(w, at)| self.disposition(&w, &at));
        let ways: Vec<&str> = ["on", "next", "transfer", "end"].into_iter().filter(|k| t.has(k)).collect();
        let kind = match ways[..] {
            ["on"] => self.ask(&mut t, ladders),
            ["next"] => self.next(&mut t),
            ["transfer"] => self.transfer(&mut t),
            ["end"] => self.end(&mut t),
            [] => {
                self.problems.add(
                    &at,
                    format!("state {name:?} has no way on: the call would have no outcome"),
                    "give it rules (on), next, transfer or end",
                );
                None
            }
            _ => {
                self.problems.add(
                    &at,
                    format!("state {name:?} has {} at once", ways.join(" and ")),
                    "keep one",
                );
                None
            }
        };
        let failed_silently = kind.is_none() && ways.len() == 1;
        if !failed_silently && kind.is_some() {
            t.close(self.problems);
        }
        Some(State { name: name.into(), at, say, again, private, acts, aside, reached, kind: kind? })
    }

    fn next(&mut self, t: &mut Table<'_>) -> Option<Kind> {
        let (name, at) = t.string("next", self.problems)?;
        match name.as_str() {
            "back" => Some(Kind::Back),
            _ => self.state_named(&name, &at).map(|next| Kind::Pass { next }),
        }
    }

    fn ask(&mut self, t: &mut Table<'_>, ladders: &Ladders) -> Option<Kind> {
        let on = t.tables("on", self.problems);
        let rules: Vec<Rule> = on.into_iter().filter_map(|r| self.rule(r)).collect();
        let listen = self.listen(t, &rules);
        let silence = self.ladder(t, "silence").or_else(|| ladders.0.clone());
        let no_match = self.ladder(t, "no_match").or_else(|| ladders.1.clone());
        for (ladder, name) in [(&silence, "silence"), (&no_match, "no_match")] {
            if ladder.is_none() {
                self.problems.add(
                    &t.at,
                    format!("no {name} ladder: the call would have no outcome"),
                    format!("add [{name}] with say and to, here or for all states"),
                );
            }
        }
        Some(Kind::Ask { listen, rules, silence: silence?, no_match: no_match? })
    }

    fn transfer(&mut self, t: &mut Table<'_>) -> Option<Kind> {
        let mut table = t.table("transfer", self.problems)?;
        let timeout = table.number("timeout_s", 5..=300, self.problems).unwrap_or(TRANSFER_S);
        let failed = self.target(&mut table, "failed");
        let skills = table.strings("skills", self.problems).into_iter().map(|s| s.0).collect();
        let mut words = |key| {
            let (name, at) = table.string(key, self.problems)?;
            let barge_in = BargeIn::Allowed { after: None };
            Some(Line { prompt: self.prompt(&name, &at)?, barge_in, at })
        };
        let (waiting, joined) = (words("waiting"), words("joined"));
        let rules = table.tables("on", self.problems);
        let rules = rules.into_iter().filter_map(|r| self.rule(r)).collect();
        table.close(self.problems);
        let timeout = Duration::from_secs(timeout.into());
        Some(Kind::Transfer { timeout, failed: failed?, skills, waiting, joined, rules })
    }

    /// `do`: tables `{ sms = "template" }` and `{ note = "words" }`.
    fn acts(&mut self, t: &mut Table<'_>) -> Vec<Act> {
        let items = t.take("do").map(Value::items_or_one).unwrap_or_default();
        let mut acts = Vec::new();
        for item in items {
            let Some(mut t) = item.table("do", self.problems) else { continue };
            let at = t.at.clone();
            let sms = t.string("sms", self.problems);
            let note = t.string("note", self.problems);
            t.close(self.problems);
            match (sms, note) {
                (Some((name, at)), None) => {
                    let prompt = self.prompt(&format!("{SMS}{name}"), &at);
                    acts.extend(
                        prompt.map(|prompt| Act::Sms(Line { prompt, barge_in: BargeIn::MustBeHeard, at })),
                    );
                }
                (None, Some((words, at))) => {
                    if words.trim().is_empty() || words.chars().count() > MAX_NOTE_CHARS {
                        let message = format!("a note has 1 to {MAX_NOTE_CHARS} characters");
                        self.problems.add(&at, message, "");
                    }
                    acts.push(Act::Note(words.into()));
                }
                _ => self.problems.add(
                    &at,
                    "do wants one thing",
                    "{ sms = \"template\" } or { note = \"words\" }",
                ),
            }
        }
        acts
    }

    fn end(&mut self, t: &mut Table<'_>) -> Option<Kind> {
        let (word, at) = t.string("end", self.problems)?;
        let disposition = self.disposition(&word, &at);
        let callback = t.string("callback", self.problems).and_then(|(w, at)| {
            self.word(&w, &at, &[("bot", CallbackBy::Bot), ("agent", CallbackBy::Agent)])
        });
        let redial = t.string("redial", self.problems).and_then(|(w, at)| {
            self.word(&w, &at, &[("by_rule", RedialAdvice::ByRule), ("never", RedialAdvice::Never)])
        });
        let keep_reached = t.bool("keep_reached", self.problems).unwrap_or(false);
        let after = t.string("after_disclosure", self.problems);
        let after_disclosure = after.and_then(|(w, at)| self.disposition(&w, &at));
        let redial = redial.unwrap_or(RedialAdvice::ByRule);
        Some(Kind::End(End { callback, redial, keep_reached, after_disclosure, ..End::of(disposition?) }))
    }

    pub(super) fn rule(&mut self, mut t: Table<'_>) -> Option<Rule> {
        let at = t.at.clone();
        let intents = self.intents(&mut t, "intent");
        if intents.is_empty() {
            self.problems.add(&at, "a rule without an intent", "add intent = [\"affirm\"]");
        }
        let when = t.strings("when", self.problems);
        let when = when.iter().filter_map(|(w, at)| self.word(w, at, Condition::WORDS)).collect();
        let guard = t.string("if", self.problems).and_then(|(text, at)| {
            let read = Guard::parse(&text);
            if let Err(e) = &read {
                let names = guard_names().iter().map(|n| n.0).collect::<Vec<_>>().join(", ");
                self.problems.add(&at, format!("if = {text:?}: {e}"), format!("it can name {names}"));
            }
            read.ok()
        });
        let take = t.strings("take", self.problems);
        let take = take.iter().filter_map(|(w, at)| self.word(w, at, Slot::WORDS)).collect();
        let identity = t.string("identity", self.problems).and_then(|(w, at)| {
            let words =
                [("confirmed", Who::Confirmed), ("denied", Who::Denied), ("unconfirmed", Who::Unconfirmed)];
            self.word(&w, &at, &words)
        });
        let say = self.lines(&mut t, "say", BargeIn::Allowed { after: None });
        let acts = self.acts(&mut t);
        let private = t.bool("private", self.problems).unwrap_or(false);
        let listen_s = t.number("listen_s", 1..=120, self.problems);
        let limit = t.number("limit", 1..=20, self.problems);
        let then = if t.has("to") {
            if t.has("then") {
                self.problems.add(&at, "a rule with both to and then", "keep one");
            }
            t.string("then", self.problems);
            self.target(&mut t, "to").map(Then::Go)
        } else {
            let listen = Then::Listen(listen_s.map(|s| Duration::from_secs(s.into())));
            let words = [("ask", Then::Ask), ("listen", listen), ("replay", Then::Replay)];
            match t.string("then", self.problems) {
                Some((w, at)) => self.word(&w, &at, &words),
                None => Some(Then::Ask),
            }
        };
        t.close(self.problems);
        let limit = match then? {
            Then::Go(_) => limit,
            _ => limit.or(Some(ANSWER_LIMIT)),
        };
        self.rules += 1;
        Some(Rule {
            id: self.rules - 1,
            at,
            intents,
            when,
            guard,
            take,
            identity,
            say,
            acts,
            private,
            then: then?,
            limit,
        })
    }
}
