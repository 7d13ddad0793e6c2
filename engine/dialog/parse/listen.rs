//! How a state listens: its kind of question, its pauses, who may stop its lines, and words to
//! expect; and what is said to an assistant that asks who is calling.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use waihu_types::{Intent, Lang, Question};

use super::Parser;
use crate::{
    condition::Condition,
    io::{BargeIn, LocalExamples, Pause},
    problem::{Place, Problems, nearest},
    reader::{Scalar, Table, Value},
    script::{Listen, Rule, Screening, StateIx},
};

/// How long a state listens where it does not say [s]: people answer within two, and hesitate.
const LISTEN_S: u32 = 6;
/// How long a person is waited for behind an assistant that asked who is calling [s]: it reads the
/// words out, and lets the telephone ring again.
const SCREENING_S: u32 = 40;
/// The silence that may end a turn [ms]: shorter than the least is the closure of a stop consonant,
/// and after the most a callee believes that nobody listens.
const PAUSE_MS: std::ops::RangeInclusive<u32> = 100..=5_000;
/// How much voice may stop a line [ms]: less is a click, more is never reached over a line.
const BARGE_IN_MS: std::ops::RangeInclusive<u32> = 100..=5_000;
/// Words to expect in one state. The recognizer's prompt holds 224 tokens, of which the case and the
/// flow take their part.
const MAX_WORDS: usize = 20;
/// How long one of them may be [characters].
const MAX_WORD_CHARS: usize = 40;
/// Examples of what is said in one state: each is embedded once, and compared with every utterance.
const MAX_EXAMPLES: usize = 100;
/// How long one of them may be [characters]: an answer, not a story.
const MAX_EXAMPLE_CHARS: usize = 200;

const QUESTIONS: [(&str, Question); 5] = [
    ("yes_no", Question::YesNo),
    ("when", Question::When),
    ("how_much", Question::HowMuch),
    ("digits", Question::Digits),
    ("open", Question::Open),
];

/// A table of a prompts file by state: the state, its place, and what is there.
pub(super) type OfStates<T> = Vec<(String, Place, T)>;
/// Those of every prompts file, with the language and the part that the file belongs to.
pub(super) type ByFile<T> = Vec<(Lang, Option<String>, OfStates<T>)>;
/// Words, each with its place.
pub(super) type Words = Vec<(String, Place)>;

/// Reads the table `hear` of a prompts file.
pub(super) fn hear(value: Value<'_>, problems: &mut Problems) -> OfStates<Words> {
    let Some(table) = value.table("hear", problems) else { return Vec::new() };
    let states = table.into_named();
    states.map(|(state, v)| (state.clone(), v.at.clone(), v.strings(&state, problems))).collect()
}

/// Reads the table `examples` of a prompts file: by state and intent, what a callee may say there.
pub(super) fn examples(value: Value<'_>, problems: &mut Problems) -> OfStates<Vec<(Intent, Words)>> {
    let Some(table) = value.table("examples", problems) else { return Vec::new() };
    let mut all = Vec::new();
    for (state, value) in table.into_named() {
        let at = value.at.clone();
        let Some(intents) = value.table(&state, problems) else { continue };
        let mut of_state = Vec::new();
        for (label, value) in intents.into_named() {
            match label.parse::<Intent>() {
                Ok(intent) => of_state.push((intent, value.strings(&label, problems))),
                Err(_) => {
                    let help = nearest(&label, Intent::ALL.iter().map(|i| i.label()));
                    problems.add(&value.at, format!("unknown intent {label:?}"), help);
                }
            }
        }
        all.push((state, at, of_state));
    }
    all
}

impl Parser<'_, '_> {
    /// `[states.X.listen]`, with what the state's rules say of it where it is silent.
    pub(super) fn listen(&mut self, t: &mut Table<'_>, rules: &[Rule]) -> Listen {
        // What is out of scope may be answered, and is never expected: it would drown real answers.
        let own = rules.iter().flat_map(|r| r.intents.iter().copied());
        let mut expects: Vec<Intent> = own.filter(|i| *i != Intent::OutOfScope).collect();
        let (mut timeout, mut question, mut pause) = (LISTEN_S, asked_by(rules), None);
        if let Some(mut listen) = t.table("listen", self.problems) {
            timeout = listen.number("timeout_s", 1..=60, self.problems).unwrap_or(timeout);
            if listen.has("expects") {
                expects = self.intents(&mut listen, "expects");
            }
            if let Some((word, at)) = listen.string("answer", self.problems) {
                question = self.word(&word, &at, &QUESTIONS).unwrap_or(question);
            }
            pause = self.pause(&mut listen);
            listen.close(self.problems);
        }
        expects.sort_unstable();
        expects.dedup();
        Listen { timeout: Duration::from_secs(timeout.into()), expects, question, pause }
    }

    fn pause(&mut self, listen: &mut Table<'_>) -> Option<Pause> {
        let mut t = listen.table("pause_ms", self.problems)?;
        let at = t.at.clone();
        let mut ms = |key| {
            if !t.has(key) {
                let help = "pause_ms = { least = 400, most = 1200 }";
                self.problems.add(&at, format!("pause_ms has no {key}"), help);
            }
            t.number(key, PAUSE_MS, self.problems)
        };
        let (least, most) = (ms("least"), ms("most"));
        t.close(self.problems);
        let (least, most) = (least?, most?);
        if least > most {
            self.problems.add(&at, "pause_ms: least is more than most", "");
        }
        let of = |ms: u32| Duration::from_millis(ms.into());
        Some(Pause { least: of(least), most: of(most) })
    }

    /// `barge_in` of a state or a prompt.
    pub(super) fn barge_in(&mut self, t: &mut Table<'_>) -> Option<BargeIn> {
        let value = t.take("barge_in")?;
        let found = match value.scalar() {
            Some(Scalar::Bool(true)) => Some(BargeIn::Allowed { after: None }),
            Some(Scalar::Bool(false)) => Some(BargeIn::MustBeHeard),
            Some(Scalar::Word(word)) if word == "words" => Some(BargeIn::ByWords),
            Some(Scalar::Whole(ms)) if BARGE_IN_MS.contains(&ms) => {
                Some(BargeIn::Allowed { after: Some(Duration::from_millis(ms.into())) })
            }
            _ => None,
        };
        if found.is_none() {
            let message =
                "barge_in is true, false, \"words\", or the voice that stops the line [ms], 100 to 5000";
            self.problems.add(&value.at, message, "");
        }
        found
    }

    /// `[screening]` at the top.
    pub(super) fn screening(&mut self) -> Option<Screening> {
        let mut table = self.setting("screening")?;
        let at = table.at.clone();
        let barge_in = BargeIn::MustBeHeard;
        let say = self.lines(&mut table, "say", barge_in);
        if say.is_empty() {
            let help = "say who is calling and for whom, and nothing of the matter";
            self.problems.add(&at, "screening says nothing", help);
        }
        let wait = table.number("wait_s", 5..=120, self.problems).unwrap_or(SCREENING_S);
        let to = self.target(&mut table, "to");
        table.close(self.problems);
        Some(Screening { say, wait: Duration::from_secs(wait.into()), to: to?, at })
    }

    /// The words of the prompts files, by the states' numbers.
    pub(super) fn hear_words(&mut self) -> BTreeMap<Lang, BTreeMap<StateIx, Vec<String>>> {
        let all = std::mem::take(&mut self.prompts.hear);
        for (_, at, words) in all.iter().flat_map(|(_, _, states)| states) {
            if words.len() > MAX_WORDS {
                let message = format!("hear: {} words, and at most {MAX_WORDS} are told", words.len());
                self.problems.add(at, message, "keep the likeliest");
            }
            self.check_words("hear", words, MAX_WORD_CHARS);
        }
        let mut of_lang: BTreeMap<Lang, BTreeMap<StateIx, Vec<String>>> = BTreeMap::new();
        for (lang, ix, words) in self.by_state("hear", all) {
            of_lang.entry(lang).or_default().insert(ix, words.into_iter().map(|w| w.0).collect());
        }
        of_lang
    }

    /// What callees may say in a state, as the prompts files have it, by the states' numbers.
    pub(super) fn local_examples(&mut self) -> BTreeMap<Lang, BTreeMap<StateIx, LocalExamples>> {
        let all = std::mem::take(&mut self.prompts.examples);
        for (_, at, intents) in all.iter().flat_map(|(_, _, states)| states) {
            let count: usize = intents.iter().map(|(_, lines)| lines.len()).sum();
            if count > MAX_EXAMPLES {
                let message =
                    format!("examples: {count} lines in one state, and at most {MAX_EXAMPLES} are used");
                self.problems.add(at, message, "keep those that are said in no other way");
            }
            intents.iter().for_each(|(_, lines)| self.check_words("examples", lines, MAX_EXAMPLE_CHARS));
        }
        let mut of_lang: BTreeMap<Lang, BTreeMap<StateIx, LocalExamples>> = BTreeMap::new();
        for (lang, ix, intents) in self.by_state("examples", all) {
            let lines = intents.into_iter().flat_map(|(i, lines)| lines.into_iter().map(move |l| (i, l.0)));
            of_lang.entry(lang).or_default().insert(ix, lines.collect());
        }
        of_lang
    }

    fn check_words(&mut self, what: &str, words: &Words, longest: usize) {
        for (word, at) in words {
            if word.trim().is_empty() || word.chars().count() > longest {
                self.problems.add(at, format!("{what}: each has 1 to {longest} characters"), "");
            }
        }
    }

    /// What prompts files say by state, for every use of the part that they belong to.
    fn by_state<T: Clone>(&mut self, what: &str, all: ByFile<T>) -> Vec<(Lang, StateIx, T)> {
        let mut found = Vec::new();
        for (lang, part, states) in all {
            for (name, at, value) in states {
                let units = self.units.iter().filter(|u| u.part == part);
                let ixs = units.filter_map(|u| self.states.get(&format!("{}{name}", u.prefix)));
                let before = found.len();
                found.extend(ixs.map(|ix| (lang, *ix, value.clone())));
                if found.len() == before {
                    let prefixes = self.units.iter().filter(|u| u.part == part).map(|u| u.prefix.as_str());
                    let known =
                        prefixes.flat_map(|p| self.states.keys().filter_map(move |s| s.strip_prefix(p)));
                    let help = nearest(&name, known);
                    self.problems.add(&at, format!("{what}: no state {name:?}"), help);
                }
            }
        }
        found
    }
}

/// What kind of answer a state's own rules wait for, where it does not say.
fn asked_by(rules: &[Rule]) -> Question {
    use Condition as C;
    use Intent as I;
    const OF_A_DAY: [Condition; 8] = [
        C::Date,
        C::NoDate,
        C::DateSoon,
        C::DateLate,
        C::DateWithin,
        C::DateBeyond,
        C::DayOrTime,
        C::NoDayOrTime,
    ];
    const OF_A_SUM: [Condition; 4] = [C::Amount, C::NoAmount, C::Count, C::NoCount];
    /// What is said to a question that a yes or no answers.
    const CLOSED: [Intent; 10] = [
        I::Affirm,
        I::Deny,
        I::Acknowledge,
        I::Greeting,
        I::Goodbye,
        I::RequestHuman,
        I::RefuseToPay,
        I::DisputeDebt,
        I::ThirdParty,
        I::WrongNumber,
    ];
    let conditions: BTreeSet<Condition> = rules.iter().flat_map(|r| r.when.iter().copied()).collect();
    let intents: BTreeSet<Intent> = rules.iter().flat_map(|r| r.intents.iter().copied()).collect();
    let closed = intents.iter().all(|i| CLOSED.contains(i) || *i == I::OutOfScope);
    let asks = intents.contains(&I::Affirm) || intents.contains(&I::Deny);
    if conditions.iter().any(|c| OF_A_DAY.contains(c)) {
        Question::When
    } else if conditions.iter().any(|c| OF_A_SUM.contains(c)) {
        Question::HowMuch
    } else if closed && asks {
        Question::YesNo
    } else {
        Question::Open
    }
}
