//! Two versions of a flow compared: what is said otherwise, where rules lead otherwise, which limits moved.
//!
//! Everything is told in the words of the script's own format ([`crate::describe`]), before and after, with
//! the words that are gone or new marked. Deliberately absent: golden conversations, which
//! [`Script::try_with`] runs, and how a comparison is printed.

use std::collections::BTreeSet;

use waihu_types::{Lang, ProductKind};

use crate::{
    describe::{end_words, list, seconds},
    script::{Kind, Rule, Script, State, StateIx},
};

/// What differs between two versions of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Wordings, by language and prompt.
    pub said: Vec<Change>,
    /// States: what they say, how they listen, how they end.
    pub states: Vec<Change>,
    /// Rules, in their order within a state: what makes them apply and what they do.
    pub rules: Vec<Change>,
    /// Limits, confidences, keys and whatever else holds for the whole flow.
    pub settings: Vec<Change>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What: `zh greeting`, `read_back`, `limits.max_turns`.
    pub what: String,
    /// How it was; none where it is new.
    pub before: Option<String>,
    /// How it is; none where it is gone.
    pub after: Option<String>,
}

/// A run of words in a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Whether it is in both.
    pub mark: Mark,
    /// The words, with the spaces between them.
    pub text: String,
}

/// Where a piece stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// In both.
    Same,
    /// Only before.
    Gone,
    /// Only after.
    New,
}

impl Difference {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        [&self.said, &self.states, &self.rules, &self.settings].iter().all(|part| part.is_empty())
    }
}

impl Change {
    fn of(what: impl Into<String>, before: Option<String>, after: Option<String>) -> Option<Self> {
        (before != after).then(|| Self { what: what.into(), before, after })
    }

    /// The change word by word; Chinese characters are words of their own.
    pub fn pieces(&self) -> Vec<Piece> {
        let (before, after) =
            (self.before.as_deref().unwrap_or_default(), self.after.as_deref().unwrap_or_default());
        let (a, b) = (words(before), words(after));
        let mut pieces: Vec<Piece> = Vec::new();
        let mut push = |mark: Mark, text: &str| match pieces.last_mut().filter(|p| p.mark == mark) {
            Some(last) => last.text.push_str(text),
            None => pieces.push(Piece { mark, text: text.to_owned() }),
        };
        for step in align(&a, &b) {
            match step {
                (Some(i), Some(_)) => push(Mark::Same, a[i]),
                (Some(i), None) => push(Mark::Gone, a[i]),
                (None, Some(j)) => push(Mark::New, b[j]),
                (None, None) => {}
            }
        }
        pieces
    }
}

impl Script {
    /// What `after` has otherwise.
    pub fn difference(&self, after: &Self) -> Difference {
        let everywhere = ("in every state".to_owned(), &self.always[..], &after.always[..]);
        let states = names(self, after);
        let own = states.iter().map(|name| (name.clone(), own_rules(self, name), own_rules(after, name)));
        let rules = std::iter::once(everywhere).chain(own);
        Difference {
            said: self.said_otherwise(after),
            states: states
                .iter()
                .filter_map(|name| Change::of(name, self.state_words(name), after.state_words(name)))
                .collect(),
            rules: rules.flat_map(|(name, a, b)| self.rules_otherwise(&name, a, after, b)).collect(),
            settings: pairs(&self.settings(), &after.settings()),
        }
    }

    fn said_otherwise(&self, after: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for lang in Lang::ALL {
            let mut prompts: Vec<&str> = after.prompts.names.iter().map(AsRef::as_ref).collect();
            let had: BTreeSet<&str> = prompts.iter().copied().collect();
            prompts.extend(self.prompts.names.iter().map(AsRef::as_ref).filter(|n| !had.contains(n)));
            for prompt in prompts {
                changes.extend(otherwise(
                    &format!("{lang} {prompt}"),
                    &self.wordings_named(lang, None, prompt),
                    &after.wordings_named(lang, None, prompt),
                ));
                for kind in ProductKind::ALL {
                    changes.extend(otherwise(
                        &format!("{lang} {prompt}@{}", kind.label()),
                        &self.wordings_named(lang, Some(kind), prompt),
                        &after.wordings_named(lang, Some(kind), prompt),
                    ));
                }
            }
        }
        changes
    }

    /// The wordings of a prompt as they are written; those for one kind of product alone.
    fn wordings_named(&self, lang: Lang, kind: Option<ProductKind>, prompt: &str) -> Vec<String> {
        let prompts = &self.prompts;
        let Some(ix) = prompts.names.iter().position(|n| n.as_ref() == prompt) else { return Vec::new() };
        let wordings = match kind {
            None => prompts.wordings.get(&lang).and_then(|all| all.get(ix)),
            Some(kind) => prompts.variants.get(&(lang, kind)).and_then(|all| all.get(&ix)),
        };
        wordings.into_iter().flatten().map(ToString::to_string).collect()
    }

    fn rules_otherwise(&self, state: &str, a: &[Rule], after: &Self, b: &[Rule]) -> Vec<Change> {
        let told = |script: &Self, rules: &[Rule]| -> Vec<String> {
            rules.iter().map(|r| format!("{} → {}", script.rule_cause(r), script.rule_effect(r))).collect()
        };
        let (before, now) = (told(self, a), told(after, b));
        let causes: Vec<(String, String)> =
            a.iter().flat_map(|x| b.iter().map(move |y| (self.rule_cause(x), after.rule_cause(y)))).collect();
        let same_cause = |i: usize, j: usize| causes.get(i * b.len() + j).is_some_and(|(x, y)| x == y);
        let mut changes = Vec::new();
        let steps = align(&before, &now);
        let mut gone: Vec<usize> = steps.iter().filter(|s| s.1.is_none()).filter_map(|s| s.0).collect();
        for j in steps.iter().filter(|s| s.0.is_none()).filter_map(|s| s.1) {
            // The same rule elsewhere is a rule moved; one with the same cause is a rule changed.
            let found = gone.iter().position(|i| before[*i] == now[j]);
            if let Some(at) = found {
                gone.remove(at);
                let place = |n: usize| Some(format!("{} [rule {}]", now[j], n + 1));
                let from = steps.iter().filter_map(|s| s.0).position(|i| before[i] == now[j]).unwrap_or(j);
                changes.extend(Change::of(state, place(from), place(j)));
                continue;
            }
            let cause = gone.iter().position(|i| same_cause(*i, j));
            let was = cause.map(|at| before[gone.remove(at)].clone());
            changes.extend(Change::of(state, was, Some(now[j].clone())));
        }
        changes.extend(gone.into_iter().filter_map(|i| Change::of(state, Some(before[i].clone()), None)));
        changes
    }

    fn state_words(&self, name: &str) -> Option<String> {
        let state = self.states.iter().find(|s| s.name.as_ref() == name)?;
        let mut words = Vec::new();
        let to = |ix: &StateIx| self.state(*ix).name.to_string();
        if !state.say.is_empty() {
            words.push(format!("say {}", list(state.say.iter().map(|l| self.line_words(l)))));
        }
        if let Some(again) = &state.again {
            words.push(format!("again {}", self.line_words(again)));
        }
        words.extend(state.private.then(|| "private".to_owned()));
        words.extend(state.aside.then(|| "aside".to_owned()));
        words.extend(self.acts_words(&state.acts));
        words.extend(state.reached.map(|d| format!("reached {}", d.label())));
        match &state.kind {
            Kind::Ask { listen, silence, no_match, .. } => {
                let mut heard =
                    format!("listen {}, {:?}", seconds(listen.timeout), listen.question).to_lowercase();
                if let Some(pause) = listen.pause {
                    heard += &format!(", pause {}-{} ms", pause.least.as_millis(), pause.most.as_millis());
                }
                words.push(heard);
                words.push(format!("expects {}", list(listen.expects.iter().map(|i| i.label()))));
                words.push(format!("silence: {}", self.ladder_words(silence)));
                words.push(format!("no_match: {}", self.ladder_words(no_match)));
            }
            Kind::Pass { next } => words.push(format!("next {}", to(next))),
            Kind::Back => words.push("next back".to_owned()),
            Kind::Transfer { timeout, failed, skills, waiting, joined, .. } => {
                let mut words_of = format!("transfer, {}, failed {}", seconds(*timeout), to(failed));
                if !skills.is_empty() {
                    words_of += &format!(", skills {}", list(skills.iter()));
                }
                for (what, line) in [("waiting", waiting), ("joined", joined)] {
                    words_of +=
                        &line.iter().map(|l| format!(", {what} {}", self.line_words(l))).collect::<String>();
                }
                words.push(words_of);
            }
            Kind::End(end) => words.push(format!("end {}", end_words(end))),
        }
        Some(words.join("; "))
    }

    /// What holds for the whole flow, by its key.
    fn settings(&self) -> Vec<(String, String)> {
        let to = |ix: StateIx| self.state(ix).name.to_string();
        let (limits, confidence) = (&self.limits, &self.confidence);
        let mut all = vec![
            ("start".to_owned(), to(self.start)),
            ("limits.max_turns".to_owned(), limits.max_turns.to_string()),
            ("limits.max_seconds".to_owned(), limits.max_time.as_secs().to_string()),
            ("limits.to".to_owned(), to(limits.to)),
            ("voicemail.to".to_owned(), to(self.voicemail)),
            ("confidence.accept".to_owned(), confidence.accept.to_string()),
            ("confidence.expected".to_owned(), confidence.expected.to_string()),
            ("confidence.confirm".to_owned(), confidence.confirm.to_string()),
            ("confidence.urgent".to_owned(), confidence.urgent.to_string()),
            (
                "confidence.urgent_intents".to_owned(),
                list(confidence.urgent_intents.iter().map(|i| i.label())),
            ),
            ("promise.soon_days".to_owned(), self.promise.soon_days.to_string()),
            ("promise.max_days".to_owned(), self.promise.max_days.to_string()),
        ];
        all.extend(
            self.digits.iter().map(|(key, intent)| (format!("digits.{key}"), intent.label().to_owned())),
        );
        if let Some(screening) = &self.screening {
            let say = list(screening.say.iter().map(|l| self.line_words(l)));
            all.push((
                "screening".to_owned(),
                format!("say {say}; wait {}; to {}", seconds(screening.wait), to(screening.to)),
            ));
        }
        if let Some(line) = &self.unreached {
            all.push(("unreached.sms".to_owned(), self.prompt_name(line.prompt).to_string()));
        }
        if !self.notices.profiles.is_empty() {
            all.push((
                "notices.profiles".to_owned(),
                list(self.notices.profiles.iter().map(ToString::to_string)),
            ));
        }
        for (prompt, notices) in &self.notices.given_by {
            let key = format!("notices given by {}", self.prompt_name(*prompt));
            all.push((key, list(notices.iter().map(|n| n.word()))));
        }
        for lang in Lang::ALL {
            let style = self.voice_style(lang);
            let voice = style.voice.as_deref().unwrap_or("of the language");
            all.push((
                format!("{lang} voice"),
                format!("{voice}, speed {}, pitch {}", style.speed, style.pitch),
            ));
        }
        all.push(("recorded wordings".to_owned(), self.recorded.len().to_string()));
        for (lang, states) in &self.local {
            all.extend(states.iter().map(|(ix, examples)| {
                let told = examples.iter().map(|(intent, text)| format!("{} {text:?}", intent.label()));
                (format!("{lang} examples.{}", to(*ix)), list(told))
            }));
        }
        for (lang, states) in &self.hear {
            all.extend(states.iter().map(|(ix, words)| (format!("{lang} hear.{}", to(*ix)), list(words))));
        }
        all
    }
}

/// The states of both, those of the later version first.
fn names(before: &Script, after: &Script) -> Vec<String> {
    let now: Vec<String> = after.states.iter().map(|s| s.name.to_string()).collect();
    let gone = before.states.iter().map(|s| s.name.to_string()).filter(|n| !now.contains(n));
    let gone: Vec<String> = gone.collect();
    now.into_iter().chain(gone).collect()
}

fn own_rules<'s>(script: &'s Script, name: &str) -> &'s [Rule] {
    let state: Option<&State> = script.states.iter().find(|s| s.name.as_ref() == name);
    state.map_or(&[], |s| s.kind.rules())
}

fn pairs(before: &[(String, String)], after: &[(String, String)]) -> Vec<Change> {
    let find = |all: &[(String, String)], key: &str| all.iter().find(|e| e.0 == key).map(|e| e.1.clone());
    let gone = before.iter().filter(|e| find(after, &e.0).is_none());
    let keys = after.iter().chain(gone).map(|e| &e.0);
    keys.filter_map(|key| Change::of(key, find(before, key), find(after, key))).collect()
}

fn otherwise(what: &str, a: &[String], b: &[String]) -> Vec<Change> {
    let several = a.len().max(b.len()) > 1;
    let named = |n: usize| if several { format!("{what} ({})", n + 1) } else { what.to_owned() };
    let pairs = matched(a, b).into_iter().enumerate();
    pairs
        .filter_map(|(n, (i, j))| Change::of(named(n), i.map(|i| a[i].clone()), j.map(|j| b[j].clone())))
        .collect()
}

/// Wordings beside each other: those that are the same, and what is left on either side in its order.
fn matched(a: &[String], b: &[String]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut out = Vec::new();
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    let flush = |gone: &mut Vec<usize>, new: &mut Vec<usize>, out: &mut Vec<_>| {
        for n in 0..gone.len().max(new.len()) {
            out.push((gone.get(n).copied(), new.get(n).copied()));
        }
        gone.clear();
        new.clear();
    };
    for step in align(a, b) {
        match step {
            (Some(_), Some(_)) => {
                flush(&mut gone, &mut new, &mut out);
                out.push(step);
            }
            (i, j) => {
                gone.extend(i);
                new.extend(j);
            }
        }
    }
    flush(&mut gone, &mut new, &mut out);
    out
}

/// The words of a text with what follows each up to the next; Chinese characters one by one.
fn words(text: &str) -> Vec<&str> {
    let mut cuts = vec![0];
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let joined =
            |c: char| c.is_alphanumeric() && c.is_ascii() || matches!(c, '_' | '\'' | '{' | '}' | '.');
        if at > 0 && !(joined(before) && joined(c)) && !c.is_whitespace() {
            cuts.push(at);
        }
        before = c;
    }
    cuts.push(text.len());
    cuts.windows(2).map(|w| &text[w[0]..w[1]]).filter(|w| !w.is_empty()).collect()
}

/// Two lists beside each other by their longest common subsequence; what is gone comes before what is new.
fn align<T: PartialEq>(a: &[T], b: &[T]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut common = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] =
                if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut steps = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            steps.push((Some(i), Some(j)));
            (i, j) = (i + 1, j + 1);
        } else if i < a.len() && (j == b.len() || common[i + 1][j] >= common[i][j + 1]) {
            steps.push((Some(i), None));
            i += 1;
        } else {
            steps.push((None, Some(j)));
            j += 1;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &str, after: &str) -> String {
        let change = Change { what: String::new(), before: Some(before.into()), after: Some(after.into()) };
        let mark = |p: Piece| match p.mark {
            Mark::Same => p.text,
            Mark::Gone => format!("[-{}-]", p.text),
            Mark::New => format!("[+{}+]", p.text),
        };
        change.pieces().into_iter().map(mark).collect()
    }

    #[test]
    fn what_is_gone_and_new_is_marked_word_by_word() {
        assert_eq!(
            told("Could you pay it now?", "Could you pay it today?"),
            "Could you pay it [-now-][+today+]?"
        );
        assert_eq!(told("请问您是{name}吗？", "您是{name}本人吗？"), "[-请问-]您是{name}[+本人+]吗？");
        assert_eq!(told("same", "same"), "same");
    }

    #[test]
    fn every_word_of_both_is_in_the_pieces() {
        let change =
            Change {
                what: String::new(), before: Some("a b, 您好 c".into()), after: Some("b 您 d".into())
            };
        let side = |not: Mark| -> String {
            change.pieces().into_iter().filter(|p| p.mark != not).map(|p| p.text).collect()
        };
        assert_eq!((side(Mark::New), side(Mark::Gone)), ("a b, 您好 c".to_owned(), "b 您 d".to_owned()));
    }
}
