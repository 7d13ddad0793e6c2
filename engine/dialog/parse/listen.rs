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
    io::{BargeIn, Pause},
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

const QUESTIONS: [(&str, Question); 5] = [
    ("yes_no", Question::YesNo),
    ("when", Question::When),
    ("how_much", Question::HowMuch),
    ("digits", Question::Digits),
    ("open", Question::Open),
];

/// A state's words for the recognizer as a prompts file has them: the state, and each word, with its place.
pub(super) type StateWords = (String, Place, Vec<(String, Place)>);
/// Those of every prompts file.
pub(super) type HearWords = BTreeMap<Lang, Vec<StateWords>>;

/// Reads the table `hear` of a prompts file.
pub(super) fn hear(value: Value<'_>, problems: &mut Problems) -> Vec<StateWords> {
    let Some(table) = value.table("hear", problems) else { return Vec::new() };
    let states = table.into_named();
    states.map(|(state, v)| (state.clone(), v.at.clone(), v.strings(&state, problems))).collect()
}

impl Parser<'_> {
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
    pub(super) fn screening(&mut self, t: &mut Table<'_>) -> Option<Screening> {
        let mut table = t.table("screening", self.problems)?;
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
        let mut all = BTreeMap::new();
        for (lang, states) in std::mem::take(&mut self.prompts.hear) {
            let of_lang: &mut BTreeMap<StateIx, Vec<String>> = all.entry(lang).or_default();
            for (name, at, words) in states {
                let Some(ix) = self.states.get(&name).copied() else {
                    let help = nearest(&name, self.states.keys().map(String::as_str));
                    self.problems.add(&at, format!("hear: no state {name:?}"), help);
                    continue;
                };
                if words.len() > MAX_WORDS {
                    let message = format!("hear: {} words, and at most {MAX_WORDS} are told", words.len());
                    self.problems.add(&at, message, "keep the likeliest");
                }
                for (word, at) in &words {
                    if word.trim().is_empty() || word.chars().count() > MAX_WORD_CHARS {
                        let message = format!("hear: a word has 1 to {MAX_WORD_CHARS} characters");
                        self.problems.add(at, message, "");
                    }
                }
                of_lang.insert(ix, words.into_iter().map(|w| w.0).collect());
            }
        }
        all
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
