//! From a flow's TOML files to a [`Script`]: keys, words and names. Every problem is collected.
//!
//! Deliberately absent: what the states mean together (see [`crate::check`]).

mod lexicon;
mod listen;
mod parts;
mod states;
mod voice;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

pub use lexicon::Lexicon;
pub(crate) use parts::short_path;
use parts::{Sources, Unit};

use serde::{Deserialize, de::value::StrDeserializer};
use sha2::{Digest, Sha256};
use waihu_types::{Disposition, Intent, Lang, ProductKind};

use crate::{
    condition::PromiseRules,
    example,
    io::BargeIn,
    notices::{Notice, Profile},
    problem::{Place, Problems, nearest},
    reader::{self, Table, Value},
    script::{Confidence, Ladder, Limits, Line, Notices, PromptIx, Prompts, Script, StateIx},
    template::Template,
};

/// How long an agent's telephone may ring where the state does not say [s].
const TRANSFER_S: u32 = 40;
/// How often a rule that answers and returns applies where it does not say.
const ANSWER_LIMIT: u32 = 3;

/// Before the name of a text message's template: it is a prompt that is never spoken.
pub(crate) const SMS: &str = "sms.";

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
    let sources = Sources::of(files, problems);
    let mut prompts = PromptFiles::default();
    for lang in Lang::ALL {
        match sources.own(&format!("prompts.{lang}.toml")) {
            Some((path, text)) => prompts.read(lang, path, text, None, problems),
            None => problems.add(&start, format!("prompts.{lang}.toml is missing"), ""),
        }
    }
    let Some((path, text)) = sources.own("script.toml") else {
        problems.add(&start, "script.toml is missing", "");
        return None;
    };
    let table = reader::read(path, text, problems);
    let mut parser = Parser::new(sources, prompts, problems);
    let mut script = parser.script(name, table)?;
    let Parser { prompts, used, sources, parts_read, problems, .. } = parser;
    prompts.check_use(&used, problems);
    for lang in Lang::ALL {
        if let Some((path, text)) = sources.own(&format!("lexicon.{lang}.toml")) {
            prompts.check_words(lang, &Lexicon::read(path, text, lang, problems), problems);
        }
    }
    script.prompts = Prompts { names: prompts.names, wordings: prompts.wordings, variants: prompts.variants };
    let files = sources.used(parts_read.iter().map(String::as_str));
    script.sha256 = digest(&files);
    script.files = files.into_iter().map(|(name, text)| (name, text.into())).collect();
    for lang in Lang::ALL {
        if let Some((path, text)) = sources.own(&format!("examples.{lang}.toml")) {
            let examples = example::read(path, text, lang, &script.prompts.names, problems);
            script.examples.insert(lang, examples);
        }
    }
    Some(script)
}

/// Over name, length and text of every file, so that no two flows share one.
fn digest(files: &[(String, &str)]) -> String {
    let mut hash = Sha256::new();
    for (name, text) in files {
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
    variants: BTreeMap<(Lang, ProductKind), BTreeMap<PromptIx, Vec<Template>>>,
    /// Where each variant stands, with the prompt that it words.
    variant_places: Vec<(Lang, ProductKind, PromptIx, Place)>,
    places: BTreeMap<Lang, Vec<Option<Place>>>,
    files: BTreeMap<Lang, Place>,
    /// Who wrote each wording: a part, or the flow, which may reword what a part says.
    owners: BTreeMap<(Lang, PromptIx), Option<String>>,
    hear: listen::ByFile<listen::Words>,
    examples: listen::ByFile<Vec<(Intent, listen::Words)>>,
}

impl PromptFiles {
    /// Reads a file of the flow, or one of `part`.
    fn read(&mut self, lang: Lang, path: &str, text: &str, part: Option<&str>, problems: &mut Problems) {
        let table = reader::read(path, text, problems);
        if part.is_none() {
            self.files.insert(lang, table.at.clone());
        }
        let mut named: Vec<(String, Value<'_>)> = Vec::new();
        for (name, value) in table.into_named() {
            if name == "sms" && value.is_table() {
                let templates = value.table("sms", problems).into_iter().flat_map(Table::into_named);
                named.extend(templates.map(|(name, value)| (format!("{SMS}{name}"), value)));
            } else {
                named.push((name, value));
            }
        }
        for (name, value) in named {
            let at = value.at.clone();
            if name == "hear" && value.is_table() {
                self.hear.push((lang, part.map(str::to_owned), listen::hear(value, problems)));
                continue;
            }
            if name == "examples" && value.is_table() {
                self.examples.push((lang, part.map(str::to_owned), listen::examples(value, problems)));
                continue;
            }
            let wordings = read_wordings(&name, value, problems);
            if let Some((prompt, kind)) = name.split_once('@') {
                self.add_variant(lang, prompt, kind, &at, wordings, problems);
                continue;
            }
            let ix = self.add(&name);
            match self.owners.get(&(lang, ix)) {
                // The flow, which was read first, says it in its own words.
                Some(None) => continue,
                Some(Some(other)) => {
                    let message = format!("prompt {name:?} is in part {other:?} too");
                    problems.add(&at, message, "give one of them another name");
                    continue;
                }
                None => self.owners.insert((lang, ix), part.map(str::to_owned)),
            };
            put(self.wordings.entry(lang).or_default(), ix, wordings);
            put(self.places.entry(lang).or_default(), ix, Some(at));
        }
    }

    /// `prompt@kind`: how a prompt is worded for one kind of product. What was read first stands.
    fn add_variant(
        &mut self,
        lang: Lang,
        prompt: &str,
        kind: &str,
        at: &Place,
        wordings: Vec<Template>,
        problems: &mut Problems,
    ) {
        let Some(kind) = ProductKind::ALL.into_iter().find(|k| k.label() == kind) else {
            let help = nearest(kind, ProductKind::ALL.iter().map(|k| k.label()));
            problems.add(
                at,
                format!("prompt {prompt:?} has a wording for {kind:?}, which is no product"),
                help,
            );
            return;
        };
        let ix = self.add(prompt);
        self.variants.entry((lang, kind)).or_default().entry(ix).or_insert(wordings);
        self.variant_places.push((lang, kind, ix, at.clone()));
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

    /// No wording has an expression of the lexicon in it.
    fn check_words(&self, lang: Lang, lexicon: &Lexicon, problems: &mut Problems) {
        let wordings = self.wordings.get(&lang).map_or(&[][..], Vec::as_slice);
        let places = self.places.get(&lang).map_or(&[][..], Vec::as_slice);
        let general = wordings.iter().zip(places).enumerate();
        let general = general.filter_map(|(ix, (of_prompt, at))| Some((ix, of_prompt, at.as_ref()?)));
        let own = self.variant_places.iter().filter(|v| v.0 == lang);
        let own =
            own.filter_map(|(_, kind, ix, at)| Some((*ix, self.variants.get(&(lang, *kind))?.get(ix)?, at)));
        for (ix, of_prompt, at) in general.chain(own) {
            for wording in of_prompt {
                if let Some((word, why)) = lexicon.first_in(&wording.fixed_text(), lang) {
                    let name = &self.names[ix];
                    let message = format!("prompt {name:?} says {word:?}, which is never said: {why}");
                    problems.add(at, message, "say it in other words, or ask compliance (lexicon)");
                }
            }
        }
    }

    fn check_use(&self, used: &BTreeSet<PromptIx>, problems: &mut Problems) {
        for (lang, kind, ix, at) in &self.variant_places {
            let general = self.wordings.get(lang).and_then(|all| all.get(*ix)).is_some_and(|w| !w.is_empty());
            if !general {
                let (name, kind) = (&self.names[*ix], kind.label());
                let message = format!("prompt {name:?} is worded for {kind:?} only");
                problems.add(at, message, format!("add {name} = \"…\" for every other product"));
            }
        }
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

/// The wordings of one prompt.
fn read_wordings(name: &str, value: Value<'_>, problems: &mut Problems) -> Vec<Template> {
    let at = value.at.clone();
    let mut wordings = Vec::new();
    let before = problems.0.len();
    for (words, at) in value.strings(name, problems) {
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
    wordings
}

fn put<T: Default + Clone>(list: &mut Vec<T>, ix: usize, value: T) {
    if list.len() <= ix {
        list.resize(ix + 1, T::default());
    }
    list[ix] = value;
}

struct Parser<'f, 'p> {
    sources: Sources<'f>,
    prompts: PromptFiles,
    used: BTreeSet<PromptIx>,
    /// The flow, and every use of a part.
    units: Vec<Unit<'f>>,
    /// The one whose names are being read.
    unit: usize,
    parts_read: Vec<String>,
    states: BTreeMap<String, StateIx>,
    /// By the name of a use: the state it begins with, and where that is said.
    starts: BTreeMap<String, (String, Place)>,
    /// How many rules there are so far.
    rules: usize,
    problems: &'p mut Problems,
}

/// Ladders for every state of a unit, as far as it has any.
type Ladders = (Option<Ladder>, Option<Ladder>);

impl<'f, 'p> Parser<'f, 'p> {
    fn new(sources: Sources<'f>, prompts: PromptFiles, problems: &'p mut Problems) -> Self {
        Self {
            sources,
            prompts,
            used: BTreeSet::new(),
            units: Vec::new(),
            unit: 0,
            parts_read: Vec::new(),
            states: BTreeMap::new(),
            starts: BTreeMap::new(),
            rules: 0,
            problems,
        }
    }

    fn script(&mut self, name: &str, mut t: Table<'f>) -> Option<Script> {
        let start = t.need("start", self.problems).and_then(|v| v.string("start", self.problems));
        self.take_in(t, Unit::flow(), &[]);
        self.check_needs();
        let start = start.and_then(|(name, at)| self.state_named(&name, &at));
        let limits = self.limits();
        let confidence = self.confidence();
        let promise = self.promise();
        let digits = self.digits();
        let voicemail = self.needed("voicemail").and_then(|mut v| {
            let (to, at) = (self.target(&mut v, "to"), v.at.clone());
            v.close(self.problems);
            Some((to?, at))
        });
        let screening = self.screening();
        let unreached = self.unreached();
        let notices = self.notices();
        let voices = self.voices();
        let hear = self.hear_words();
        let local = self.local_examples();
        let ladders = self.unit_ladders();
        self.close_units();
        let (mut states, mut always) = (Vec::new(), Vec::new());
        for ix in 0..self.units.len() {
            self.unit = ix;
            let rules = std::mem::take(&mut self.units[ix].always);
            always.extend(rules.into_iter().filter_map(|r| self.rule(r)));
            let own = self.units[ix].ladders.clone();
            let ladders = (own.0.or(ladders.0.clone()), own.1.or(ladders.1.clone()));
            for (name, table) in std::mem::take(&mut self.units[ix].states) {
                let number = self.states.get(&name).copied();
                states.extend(number.zip(self.state(&name, table, &ladders)));
            }
        }
        if states.len() != self.states.len() {
            return None;
        }
        states.sort_by_key(|(number, _)| *number);
        let (voicemail, voicemail_at) = voicemail?;
        Some(Script {
            name: name.to_owned(),
            sha256: String::new(),
            files: Vec::new(),
            start: start?,
            states: states.into_iter().map(|(_, state)| state).collect(),
            always,
            limits: limits?,
            confidence,
            promise,
            digits,
            voicemail,
            voicemail_at,
            screening,
            unreached,
            notices,
            voices,
            recorded: BTreeMap::new(),
            hear,
            local,
            prompts: Prompts::default(),
            examples: BTreeMap::new(),
        })
    }

    fn limits(&mut self) -> Option<Limits> {
        let mut l = self.needed("limits")?;
        let at = l.at.clone();
        let max_turns = l.number("max_turns", 1..=200, self.problems).unwrap_or(40);
        let max_s = l.number("max_seconds", 10..=3_600, self.problems).unwrap_or(300);
        let to = self.target(&mut l, "to");
        l.close(self.problems);
        Some(Limits { max_turns, max_time: Duration::from_secs(max_s.into()), to: to?, at })
    }

    fn confidence(&mut self) -> Confidence {
        let mut c = Confidence {
            accept: 0.45,
            expected: 0.35,
            confirm: 0.45,
            urgent: 0.3,
            urgent_intents: Vec::new(),
        };
        let Some(mut table) = self.setting("confidence") else { return c };
        c.accept = table.share("accept", self.problems).unwrap_or(c.accept);
        c.expected = table.share("expected", self.problems).unwrap_or(c.expected);
        c.confirm = table.share("confirm", self.problems).unwrap_or(c.accept);
        c.urgent = table.share("urgent", self.problems).unwrap_or(c.urgent);
        c.urgent_intents = self.intents(&mut table, "urgent_intents");
        table.close(self.problems);
        c
    }

    fn promise(&mut self) -> PromiseRules {
        let mut p = PromiseRules::default();
        let Some(mut table) = self.setting("promise") else { return p };
        p.max_days = table.number("max_days", 0..=366, self.problems).unwrap_or(p.max_days);
        p.soon_days = table.number("soon_days", 0..=366, self.problems).unwrap_or(p.soon_days);
        if p.soon_days > p.max_days {
            self.problems.add(&table.at, "soon_days is more than max_days", "");
        }
        table.close(self.problems);
        p
    }

    fn digits(&mut self) -> BTreeMap<char, Intent> {
        let Some(table) = self.setting("digits") else { return BTreeMap::new() };
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

    /// `[unreached]` at the top.
    fn unreached(&mut self) -> Option<Line> {
        let mut table = self.setting("unreached")?;
        let named = table.need("sms", self.problems).and_then(|v| v.string("sms", self.problems));
        table.close(self.problems);
        let (name, at) = named?;
        let prompt = self.prompt(&format!("{SMS}{name}"), &at)?;
        Some(Line { prompt, barge_in: BargeIn::MustBeHeard, at })
    }

    /// `[notices]` of the flow and of its parts together.
    fn notices(&mut self) -> Notices {
        let mut all = Notices::default();
        for (ix, mut table) in self.every("notices") {
            self.unit = ix;
            all.at.get_or_insert(table.at.clone());
            for (word, at) in table.strings("profiles", self.problems) {
                all.profiles.extend(self.word(&word, &at, Profile::WORDS));
            }
            for (word, notice) in Notice::WORDS {
                for (prompt, at) in table.strings(word, self.problems) {
                    if let Some(prompt) = self.prompt(&prompt, &at) {
                        all.given_by.entry(prompt).or_default().insert(*notice);
                    }
                }
            }
            table.close(self.problems);
        }
        all
    }

    fn ladder(&mut self, t: &mut Table<'_>, key: &'static str) -> Option<Ladder> {
        let mut table = t.table(key, self.problems)?;
        let rungs = self.lines(&mut table, "say", BargeIn::Allowed { after: None });
        let to = self.target(&mut table, "to");
        table.close(self.problems);
        Some(Ladder { rungs, to: to? })
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
        self.state_named(&name, &at)
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
