//! From a flow's TOML files to a [`Script`]: keys, words and names. Every problem is collected.
//!
//! Deliberately absent: what the states mean together (see [`crate::check`]).

mod listen;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, de::value::StrDeserializer};
use sha2::{Digest, Sha256};
use waihu_types::{Disposition, Intent, Lang};

use crate::{
    condition::{Condition, PromiseRules, Slot, Who},
    example,
    io::BargeIn,
    problem::{Place, Problems, nearest},
    reader::{self, Table, Value},
    script::{
        CallbackBy, Confidence, End, Kind, Ladder, Limits, Line, PromptIx, Prompts, RedialAdvice, Rule,
        Script, State, StateIx, Then,
    },
    template::Template,
};

/// How long an agent's telephone may ring where the state does not say [s].
const TRANSFER_S: u32 = 40;
/// How often a rule that answers and returns applies where it does not say.
const ANSWER_LIMIT: u32 = 3;

/// Dispositions that a conversation can come to; the others are told by signalling or by the engine.
const SPOKEN: [Disposition; 19] = {
    use Disposition as D;
    [
        D::PromiseToPay,
        D::AlreadyPaid,
        D::RefusedToPay,
        D::Hardship,
        D::Dispute,
        D::WrongNumber,
        D::ThirdParty,
        D::Deceased,
        D::StopCalling,
        D::LegalRepresentation,
        D::Complaint,
        D::Distress,
        D::CallbackAgreed,
        D::NoCommitment,
        D::Silence,
        D::NotUnderstood,
        D::HungUp,
        D::Voicemail,
        D::Screened,
    ]
};

/// Reads all files; none when there is no script to go on with.
pub(crate) fn script(name: &str, files: &[(&str, &str)], problems: &mut Problems) -> Option<Script> {
    let start = Place { file: name.into(), line: 1 };
    let find = |wanted: &str| files.iter().find(|(path, _)| last_part(path) == wanted);
    let known: Vec<String> = std::iter::once("script.toml".to_owned())
        .chain(Lang::ALL.iter().flat_map(|l| [format!("prompts.{l}.toml"), format!("examples.{l}.toml")]))
        .collect();
    for (path, _) in files {
        if !known.iter().any(|k| k == last_part(path)) {
            let at = Place { file: (*path).into(), line: 1 };
            let help = nearest(last_part(path), known.iter().map(String::as_str));
            problems.add(&at, "no file of a flow", help);
        }
    }
    let mut prompts = PromptFiles::default();
    for lang in Lang::ALL {
        match find(&format!("prompts.{lang}.toml")) {
            Some((path, text)) => prompts.read(lang, path, text, problems),
            None => problems.add(&start, format!("prompts.{lang}.toml is missing"), ""),
        }
    }
    let Some((path, text)) = find("script.toml") else {
        problems.add(&start, "script.toml is missing", "");
        return None;
    };
    let table = reader::read(path, text, problems);
    let mut parser = Parser { prompts, used: BTreeSet::new(), states: BTreeMap::new(), rules: 0, problems };
    let mut script = parser.script(name, table)?;
    let Parser { prompts, used, .. } = parser;
    prompts.check_use(&used, problems);
    script.prompts = Prompts { names: prompts.names, wordings: prompts.wordings };
    script.sha256 = digest(files);
    for lang in Lang::ALL {
        if let Some((path, text)) = find(&format!("examples.{lang}.toml")) {
            let examples = example::read(path, text, lang, &script.prompts.names, problems);
            script.examples.insert(lang, examples);
        }
    }
    Some(script)
}

fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Over name, length and text of every file, so that no two flows share one.
fn digest(files: &[(&str, &str)]) -> String {
    let mut sorted: Vec<(&str, &str)> = files.iter().map(|(p, t)| (last_part(p), *t)).collect();
    sorted.sort_unstable();
    let mut hash = Sha256::new();
    for (name, text) in sorted {
        hash.update(format!("{name}\n{}\n", text.len()));
        hash.update(text);
    }
    hex::encode(hash.finalize())
}

/// The prompt files of all languages.
#[derive(Default)]
struct PromptFiles {
    names: Vec<Arc<str>>,
    index: BTreeMap<Arc<str>, PromptIx>,
    wordings: BTreeMap<Lang, Vec<Vec<Template>>>,
    places: BTreeMap<Lang, Vec<Option<Place>>>,
    files: BTreeMap<Lang, Place>,
    hear: listen::HearWords,
}

impl PromptFiles {
    fn read(&mut self, lang: Lang, path: &str, text: &str, problems: &mut Problems) {
        let table = reader::read(path, text, problems);
        self.files.insert(lang, table.at.clone());
        for (name, value) in table.into_named() {
            let at = value.at.clone();
            if name == "hear" && value.is_table() {
                self.hear.insert(lang, listen::hear(value, problems));
                continue;
            }
            let mut wordings = Vec::new();
            let before = problems.0.len();
            for (words, at) in value.strings(&name, problems) {
                match Template::parse(&words) {
                    Ok(t) => wordings.push(t),
                    Err(e) => {
                        let help = match &e {
                            crate::TemplateError::Unknown(w) => {
                                nearest(w, crate::Placeholder::ALL.iter().map(|p| p.name()))
                            }
                            _ => String::new(),
                        };
                        problems.add(&at, format!("prompt {name:?}: {e}"), help);
                    }
                }
            }
            if wordings.is_empty() && problems.0.len() == before {
                problems.add(&at, format!("prompt {name:?} has no wording"), "write what is said, in quotes");
            }
            let ix = self.add(&name);
            put(self.wordings.entry(lang).or_default(), ix, wordings);
            put(self.places.entry(lang).or_default(), ix, Some(at));
        }
    }

    fn add(&mut self, name: &str) -> PromptIx {
        if let Some(ix) = self.index.get(name) {
            return *ix;
        }
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.index.insert(name, self.names.len() - 1);
        self.names.len() - 1
    }

    fn check_use(&self, used: &BTreeSet<PromptIx>, problems: &mut Problems) {
        for (lang, file) in &self.files {
            let places = self.places.get(lang).map_or(&[][..], Vec::as_slice);
            for (ix, name) in self.names.iter().enumerate() {
                match places.get(ix).and_then(Option::as_ref) {
                    Some(at) if !used.contains(&ix) => {
                        problems.add(
                            at,
                            format!("prompt {name:?} is never said"),
                            "say it in script.toml, or take it out",
                        );
                    }
                    None if used.contains(&ix) => problems.add(
                        file,
                        format!("prompt {name:?} is missing in {lang}"),
                        "script.toml says it, and another language has it",
                    ),
                    _ => {}
                }
            }
        }
    }
}

fn put<T: Default + Clone>(list: &mut Vec<T>, ix: usize, value: T) {
    if list.len() <= ix {
        list.resize(ix + 1, T::default());
    }
    list[ix] = value;
}

struct Parser<'p> {
    prompts: PromptFiles,
    used: BTreeSet<PromptIx>,
    states: BTreeMap<String, StateIx>,
    /// How many rules there are so far.
    rules: usize,
    problems: &'p mut Problems,
}

/// A ladder as the file has it; the states' names are known by then.
type Ladders = (Option<Ladder>, Option<Ladder>);

impl Parser<'_> {
    fn script(&mut self, name: &str, mut t: Table<'_>) -> Option<Script> {
        let states: Vec<(String, Table<'_>)> = match t.need("states", self.problems) {
            Some(v) => v.table("states", self.problems)?.into_named().collect::<Vec<_>>(),
            None => return None,
        }
        .into_iter()
        .filter_map(|(name, v)| v.table(&name, self.problems).map(|t| (name, t)))
        .collect();
        self.states = states.iter().enumerate().map(|(i, (name, _))| (name.clone(), i)).collect();
        let start = self.target(&mut t, "start");
        let limits = self.limits(&mut t);
        let confidence = self.confidence(&mut t);
        let promise = self.promise(&mut t);
        let digits = self.digits(&mut t);
        let voicemail = t.need("voicemail", self.problems).and_then(|v| v.table("voicemail", self.problems));
        let voicemail = voicemail.and_then(|mut v| {
            let (to, at) = (self.target(&mut v, "to"), v.at.clone());
            v.close(self.problems);
            Some((to?, at))
        });
        let screening = self.screening(&mut t);
        let hear = self.hear_words();
        let ladders = (self.ladder(&mut t, "silence"), self.ladder(&mut t, "no_match"));
        let always = t.tables("always", self.problems);
        let always = always.into_iter().filter_map(|r| self.rule(r)).collect();
        t.close(self.problems);
        let states =
            states.into_iter().filter_map(|(name, t)| self.state(&name, t, &ladders)).collect::<Vec<_>>();
        if states.len() != self.states.len() {
            return None;
        }
        let (voicemail, voicemail_at) = voicemail?;
        Some(Script {
            name: name.to_owned(),
            sha256: String::new(),
            start: start?,
            states,
            always,
            limits: limits?,
            confidence,
            promise,
            digits,
            voicemail,
            voicemail_at,
            screening,
            hear,
            prompts: Prompts::default(),
            examples: BTreeMap::new(),
        })
    }

    fn limits(&mut self, t: &mut Table<'_>) -> Option<Limits> {
        let mut l = t.need("limits", self.problems)?.table("limits", self.problems)?;
        let at = l.at.clone();
        let max_turns = l.number("max_turns", 1..=200, self.problems).unwrap_or(40);
        let max_s = l.number("max_seconds", 10..=3_600, self.problems).unwrap_or(300);
        let to = self.target(&mut l, "to");
        l.close(self.problems);
        Some(Limits { max_turns, max_time: Duration::from_secs(max_s.into()), to: to?, at })
    }

    fn confidence(&mut self, t: &mut Table<'_>) -> Confidence {
        let mut c = Confidence {
            accept: 0.45,
            expected: 0.35,
            confirm: 0.45,
            urgent: 0.3,
            urgent_intents: Vec::new(),
        };
        let Some(mut table) = t.table("confidence", self.problems) else { return c };
        c.accept = table.share("accept", self.problems).unwrap_or(c.accept);
        c.expected = table.share("expected", self.problems).unwrap_or(c.expected);
        c.confirm = table.share("confirm", self.problems).unwrap_or(c.accept);
        c.urgent = table.share("urgent", self.problems).unwrap_or(c.urgent);
        c.urgent_intents = self.intents(&mut table, "urgent_intents");
        table.close(self.problems);
        c
    }

    fn promise(&mut self, t: &mut Table<'_>) -> PromiseRules {
        let mut p = PromiseRules::default();
        let Some(mut table) = t.table("promise", self.problems) else { return p };
        p.max_days = table.number("max_days", 0..=366, self.problems).unwrap_or(p.max_days);
        p.soon_days = table.number("soon_days", 0..=366, self.problems).unwrap_or(p.soon_days);
        if p.soon_days > p.max_days {
            self.problems.add(&table.at, "soon_days is more than max_days", "");
        }
        table.close(self.problems);
        p
    }

    fn digits(&mut self, t: &mut Table<'_>) -> BTreeMap<char, Intent> {
        let Some(table) = t.table("digits", self.problems) else { return BTreeMap::new() };
        let mut digits = BTreeMap::new();
        for (key, value) in table.into_named() {
            let at = value.at.clone();
            let mut chars = key.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if c.is_ascii_digit() || c == '*' || c == '#' => {
                    if let Some((word, at)) = value.string(&key, self.problems)
                        && let Some(intent) = self.intent(&word, &at)
                    {
                        digits.insert(c, intent);
                    }
                }
                _ => {
                    self.problems.add(&at, format!("{key:?} is no key of a telephone"), "use 0 to 9, * or #")
                }
            }
        }
        digits
    }

    fn ladder(&mut self, t: &mut Table<'_>, key: &'static str) -> Option<Ladder> {
        let mut table = t.table(key, self.problems)?;
        let rungs = self.lines(&mut table, "say", BargeIn::Allowed { after: None });
        let to = self.target(&mut table, "to");
        table.close(self.problems);
        Some(Ladder { rungs, to: to? })
    }

    fn state(&mut self, name: &str, mut t: Table<'_>, ladders: &Ladders) -> Option<State> {
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
        let reached = t.string("reached", self.problems).and_then(|(w, at)| self.disposition(&w, &at));
        let ways: Vec<&str> = ["on", "next", "transfer", "end"].into_iter().filter(|k| t.has(k)).collect();
        let kind = match ways[..] {
            ["on"] => self.ask(&mut t, ladders),
            ["next"] => self.target(&mut t, "next").map(|next| Kind::Pass { next }),
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
        Some(State { name: name.into(), at, say, again, private, reached, kind: kind? })
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
        let rules = table.tables("on", self.problems);
        let rules = rules.into_iter().filter_map(|r| self.rule(r)).collect();
        table.close(self.problems);
        Some(Kind::Transfer { timeout: Duration::from_secs(timeout.into()), failed: failed?, rules })
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

    fn rule(&mut self, mut t: Table<'_>) -> Option<Rule> {
        let at = t.at.clone();
        let intents = self.intents(&mut t, "intent");
        if intents.is_empty() {
            self.problems.add(&at, "a rule without an intent", "add intent = [\"affirm\"]");
        }
        let when = t.strings("when", self.problems);
        let when = when.iter().filter_map(|(w, at)| self.word(w, at, Condition::WORDS)).collect();
        let take = t.strings("take", self.problems);
        let take = take.iter().filter_map(|(w, at)| self.word(w, at, Slot::WORDS)).collect();
        let identity = t.string("identity", self.problems).and_then(|(w, at)| {
            let words =
                [("confirmed", Who::Confirmed), ("denied", Who::Denied), ("unconfirmed", Who::Unconfirmed)];
            self.word(&w, &at, &words)
        });
        let say = self.lines(&mut t, "say", BargeIn::Allowed { after: None });
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
        Some(Rule { id: self.rules - 1, at, intents, when, take, identity, say, private, then: then?, limit })
    }

    /// Prompt names, or tables `{ prompt, barge_in }`.
    fn lines(&mut self, t: &mut Table<'_>, key: &'static str, barge_in: BargeIn) -> Vec<Line> {
        let Some(value) = t.take(key) else { return Vec::new() };
        value.items_or_one().into_iter().filter_map(|v| self.line(v, key, barge_in)).collect()
    }

    fn line(&mut self, v: Value<'_>, key: &str, barge_in: BargeIn) -> Option<Line> {
        if v.is_string() {
            let (name, at) = v.string(key, self.problems)?;
            return Some(Line { prompt: self.prompt(&name, &at)?, barge_in, at });
        }
        let mut t = v.table(key, self.problems)?;
        let named = t.string("prompt", self.problems);
        let barge_in = self.barge_in(&mut t).unwrap_or(barge_in);
        if named.is_none() {
            self.problems.add(&t.at, "prompt is missing", "");
        }
        t.close(self.problems);
        let (name, at) = named?;
        Some(Line { prompt: self.prompt(&name, &at)?, barge_in, at })
    }

    fn prompt(&mut self, name: &str, at: &Place) -> Option<PromptIx> {
        let found = self.prompts.index.get(name).copied();
        match found {
            Some(ix) => {
                self.used.insert(ix);
            }
            None => {
                let help = nearest(name, self.prompts.index.keys().map(AsRef::as_ref));
                self.problems.add(at, format!("prompt {name:?} is in no language"), help);
            }
        }
        found
    }

    fn target(&mut self, t: &mut Table<'_>, key: &'static str) -> Option<StateIx> {
        let (name, at) = t.need(key, self.problems)?.string(key, self.problems)?;
        let found = self.states.get(&name).copied();
        if found.is_none() {
            let help = nearest(&name, self.states.keys().map(String::as_str));
            self.problems.add(&at, format!("no state {name:?}"), help);
        }
        found
    }

    fn intents(&mut self, t: &mut Table<'_>, key: &'static str) -> Vec<Intent> {
        let words = t.strings(key, self.problems);
        words.iter().filter_map(|(w, at)| self.intent(w, at)).collect()
    }

    fn intent(&mut self, word: &str, at: &Place) -> Option<Intent> {
        let found = word.parse().ok();
        if found.is_none() {
            let help = nearest(word, Intent::ALL.iter().map(|i| i.label()));
            self.problems.add(at, format!("unknown intent {word:?}"), help);
        }
        found
    }

    fn disposition(&mut self, word: &str, at: &Place) -> Option<Disposition> {
        let found = Disposition::deserialize(StrDeserializer::<serde::de::value::Error>::new(word))
            .ok()
            .filter(|found| SPOKEN.contains(found));
        if found.is_none() {
            let help = nearest(word, SPOKEN.iter().map(|d| d.label()));
            self.problems.add(at, format!("{word:?} is no disposition that a script can give"), help);
        }
        found
    }

    fn word<T: Copy>(&mut self, word: &str, at: &Place, words: &[(&'static str, T)]) -> Option<T> {
        let found = words.iter().find(|w| w.0 == word).map(|w| w.1);
        if found.is_none() {
            self.problems.add(at, format!("unknown word {word:?}"), nearest(word, words.iter().map(|w| w.0)));
        }
        found
    }
}
