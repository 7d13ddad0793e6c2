//! Golden conversations: what a callee says, what the bot must say, and how it must end.
//!
//! They lie beside the script as data and run in virtual time, in tests and in `waihu check`.

mod case;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use jiff::civil::{Date, DateTime, Time as ClockTime};
use rust_decimal::Decimal;
use serde::{Deserialize, de::value::StrDeserializer};
use waihu_nlu::Entities;
use waihu_types::{
    Case, Disposition, FollowUp, HandoverResult, Identity, Intent, Lang, PaymentChannel, Time,
};

use crate::{
    interpreter::Interpreter,
    io::{AgentsBack, BargeIn, Conclusion, Input, Output, PromptId, Utterance},
    problem::{Place, Problem, Problems, nearest},
    reader::{self, Table},
    script::Script,
};

use case::Written;

/// One golden conversation.
#[derive(Debug)]
pub struct Example {
    /// What it shows.
    pub name: String,
    pub(crate) at: Place,
    today: Date,
    case: Case,
    /// Agents are not at work, and are again then.
    agents_back: AgentsBack,
    steps: Vec<Step>,
    outcome: Expected,
}

#[derive(Debug)]
struct Step {
    at: Place,
    act: Act,
    /// It happens while the line before it is still being spoken.
    over: bool,
}

#[derive(Debug)]
enum Act {
    /// The prompts that the bot says, and words that must be among theirs.
    Bot(Vec<String>, Option<String>),
    Callee(Utterance),
    Key(char),
    Event(Event),
}

/// What happens in a conversation that is no word, as golden conversations tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The callee says nothing for as long as the bot waits.
    Silence,
    /// Sound without words.
    Noise,
    /// There is no voice for the line being spoken.
    PromptFailed,
    /// The callee hangs up.
    HangUp,
    /// A box answers, and gives its tone.
    Voicemail,
    /// An assistant asks who is calling.
    Screening,
    /// The person comes behind it.
    Person,
    /// An announcement answers.
    Announcement,
    /// An agent takes the call.
    AgentJoined,
    /// An agent does not.
    AgentNoAnswer,
    /// An agent's telephone cannot be reached.
    AgentFailed,
}

impl Event {
    /// Every one, by its word.
    pub const WORDS: [(&str, Self); 11] = [
        ("silence", Self::Silence),
        ("noise", Self::Noise),
        ("prompt_failed", Self::PromptFailed),
        ("hang_up", Self::HangUp),
        ("voicemail", Self::Voicemail),
        ("screening", Self::Screening),
        ("person", Self::Person),
        ("announcement", Self::Announcement),
        ("agent_joined", Self::AgentJoined),
        ("agent_no_answer", Self::AgentNoAnswer),
        ("agent_failed", Self::AgentFailed),
    ];

    /// What it is to the interpreter while `saying` is being spoken. Silence lasts until
    /// [`Interpreter::poll_timeout`].
    pub fn inputs(self, saying: Option<PromptId>) -> Vec<Input> {
        let agent = || AGENT.to_owned();
        let unavailable = |result| vec![Input::AgentUnavailable { agent: agent(), result }];
        match self {
            Self::Silence => vec![Input::Timeout],
            Self::Noise => vec![Input::Unintelligible],
            Self::PromptFailed => saying.map(|id| Input::PromptFailed { id }).into_iter().collect(),
            Self::HangUp => vec![Input::CalleeHungUp],
            Self::Voicemail => vec![Input::Voicemail, Input::Beep],
            Self::Screening => vec![Input::Screening],
            Self::Person => vec![Input::Person],
            Self::Announcement => vec![Input::NoPerson { disposition: Disposition::Unreachable }],
            Self::AgentJoined => vec![Input::AgentJoined { agent: agent() }],
            Self::AgentNoAnswer => unavailable(HandoverResult::NoAnswer),
            Self::AgentFailed => unavailable(HandoverResult::Failed),
        }
    }
}

/// Before a prompt's name: it goes on where it broke off.
const GOES_ON: &str = "… ";

/// The agent's name in examples.
const AGENT: &str = "agent-1";

/// What the conclusion must be. What is not named must not be there, but for text messages.
#[derive(Debug)]
struct Expected {
    at: Place,
    disposition: Option<Disposition>,
    identity: Option<Identity>,
    debt_disclosed: Option<bool>,
    promise: Option<(Date, Decimal)>,
    /// Of a promise that is named: the number of payments, what is waived, and by what way it is paid.
    terms: (usize, Decimal, Option<PaymentChannel>),
    callback: Option<(Option<Date>, Option<ClockTime>, bool)>,
    handover: Option<HandoverResult>,
    /// The texts that it leaves to be sent, where any are named.
    sms: Vec<String>,
}

/// Reads an examples file; prompts are checked against the script's.
pub(crate) fn read(
    path: &str,
    text: &str,
    lang: Lang,
    prompts: &[Arc<str>],
    problems: &mut Problems,
) -> Vec<Example> {
    let mut t = reader::read(path, text, problems);
    let today = take::<Date>(&mut t, "today", problems);
    let case = t.table("case", problems).map(|c| Written::of(c, problems));
    let (Some(today), Some(case)) = (today, case) else {
        problems.add(&t.at, "examples need today and [case]", "");
        return Vec::new();
    };
    let conversations = t.tables("conversation", problems);
    t.close(problems);
    conversations.into_iter().filter_map(|c| read_one(c, today, lang, &case, prompts, problems)).collect()
}

/// A value that is written as text: a day, a time, an amount.
fn take<T: FromStr>(t: &mut Table<'_>, key: &'static str, problems: &mut Problems) -> Option<T> {
    let (text, at) = t.take(key)?.written(key, problems)?;
    let value = text.parse().ok();
    if value.is_none() {
        problems.add(
            &at,
            format!("{key} cannot be read"),
            "write 2026-11-27, 2026-11-27T09:00:00, \"15:00:00\" or \"500.00\"",
        );
    }
    value
}

/// A word of a closed set, as serde knows it.
fn word<T: for<'d> Deserialize<'d>>(
    t: &mut Table<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<T> {
    let (text, at) = t.string(key, problems)?;
    let value = T::deserialize(StrDeserializer::<serde::de::value::Error>::new(&text)).ok();
    if value.is_none() {
        problems.add(&at, format!("{key}: unknown word {text:?}"), "");
    }
    value
}

fn read_one(
    mut t: Table<'_>,
    today: Date,
    lang: Lang,
    case: &Written,
    prompts: &[Arc<str>],
    problems: &mut Problems,
) -> Option<Example> {
    let at = t.at.clone();
    let name = t.string("name", problems).map(|s| s.0).unwrap_or_default();
    let own = t.table("case", problems).map(|c| Written::of(c, problems));
    let case = own.map_or_else(|| case.clone(), |own| case.clone().with(own)).read(lang, problems);
    let agents_back = take::<DateTime>(&mut t, "agents_back", problems);
    let steps = t.tables("steps", problems);
    let steps = steps.into_iter().filter_map(|s| read_step(s, prompts, problems)).collect();
    let outcome = t.need("outcome", problems)?.table("outcome", problems)?;
    let outcome = read_outcome(outcome, problems);
    t.close(problems);
    Some(Example { name, at, today, case: case?, agents_back, steps, outcome })
}

fn read_step(mut t: Table<'_>, prompts: &[Arc<str>], problems: &mut Problems) -> Option<Step> {
    let at = t.at.clone();
    let over = t.bool("over", problems).unwrap_or(false);
    if over && t.has("bot") {
        problems.add(
            &at,
            "a step of the bot cannot be over another",
            "put over = true to what is done over it",
        );
    }
    let act = if t.has("bot") {
        let named = t.strings("bot", problems);
        for (name, at) in &named {
            let name = name.strip_prefix(GOES_ON).unwrap_or(name);
            if !prompts.iter().any(|p| p.as_ref() == name) {
                problems.add(
                    at,
                    format!("no prompt {name:?}"),
                    nearest(name, prompts.iter().map(AsRef::as_ref)),
                );
            }
        }
        let words = t.string("says", problems).map(|s| s.0);
        Some(Act::Bot(named.into_iter().map(|n| n.0).collect(), words))
    } else if t.has("key") {
        t.string("key", problems).and_then(|(k, _)| k.chars().next()).map(Act::Key)
    } else if t.has("event") {
        t.string("event", problems).and_then(|(e, at)| {
            let found = Event::WORDS.iter().find(|(name, _)| *name == e).map(|e| Act::Event(e.1));
            if found.is_none() {
                problems.add(
                    &at,
                    format!("unknown event {e:?}"),
                    nearest(&e, Event::WORDS.iter().map(|e| e.0)),
                );
            }
            found
        })
    } else {
        let text = t.string("callee", problems).map(|s| s.0).unwrap_or_default();
        let intent = t.string("intent", problems).and_then(|(label, at)| {
            let found = label.parse::<Intent>().ok();
            if found.is_none() {
                let help = nearest(&label, Intent::ALL.iter().map(|i| i.label()));
                problems.add(&at, format!("unknown intent {label:?}"), help);
            }
            found
        });
        let entities = Entities {
            date: take(&mut t, "date", problems),
            day_left_out: false,
            time: take(&mut t, "time", problems),
            amount: take(&mut t, "amount", problems),
            currency: take(&mut t, "currency", problems),
            shared_currency: false,
            whole: t.bool("whole", problems).unwrap_or(false),
            count: t.number("count", 1..=360, problems),
            digits: t.string("digits", problems).map(|s| s.0),
            each: t.bool("each", problems).unwrap_or(false),
            rest: t.bool("rest", problems).unwrap_or(false),
            channel: word(&mut t, "channel", problems),
        };
        let confidence = t.share("confidence", problems).unwrap_or(0.9);
        if intent.is_none() && !t.has("intent") {
            problems.add(&at, "a step needs bot, callee with intent, key or event", "");
        }
        let also = read_also(&mut t, confidence, problems);
        intent.map(|intent| Act::Callee(Utterance { text, intent, confidence, entities, also }))
    };
    t.close(problems);
    Some(Step { at, act: act?, over })
}

/// What else was meant: labels, each as sure as the first.
fn read_also(t: &mut Table<'_>, confidence: f32, problems: &mut Problems) -> Vec<(Intent, f32)> {
    let mut also = Vec::new();
    for (label, at) in t.strings("also", problems) {
        match label.parse::<Intent>() {
            Ok(intent) => also.push((intent, confidence)),
            Err(_) => {
                let help = nearest(&label, Intent::ALL.iter().map(|i| i.label()));
                problems.add(&at, format!("unknown intent {label:?}"), help);
            }
        }
    }
    also
}

fn read_outcome(mut t: Table<'_>, problems: &mut Problems) -> Expected {
    let at = t.at.clone();
    let date = take::<Date>(&mut t, "promise_date", problems);
    let amount = take::<Decimal>(&mut t, "promise_amount", problems);
    let parts = t.number("promise_parts", 1..=60, problems).unwrap_or(1);
    let discount = take::<Decimal>(&mut t, "promise_discount", problems).unwrap_or_default();
    let channel = word(&mut t, "channel", problems);
    let by = t.string("callback_by", problems);
    let callback_date = take::<Date>(&mut t, "callback_date", problems);
    let callback_time = take::<ClockTime>(&mut t, "callback_time", problems);
    let expected = Expected {
        at,
        disposition: word(&mut t, "disposition", problems),
        identity: word(&mut t, "identity", problems),
        debt_disclosed: t.bool("debt_disclosed", problems),
        promise: date.zip(amount),
        terms: (usize::try_from(parts).unwrap_or(1), discount, channel),
        callback: by.map(|(by, _)| (callback_date, callback_time, by == "agent")),
        handover: word(&mut t, "handover", problems),
        sms: t.strings("sms", problems).into_iter().map(|(text, _)| text).collect(),
    };
    t.close(problems);
    expected
}

impl Example {
    /// How many steps it has.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The case it is about, and the day of the call.
    pub fn case(&self) -> (&Case, Date) {
        (&self.case, self.today)
    }

    /// Runs the conversation in virtual time.
    ///
    /// # Errors
    /// The first thing that came out otherwise.
    pub fn run(&self, script: &Arc<Script>, lang: Lang) -> Result<(), Problem> {
        Run::new(self, script, lang).all()
    }
}

pub(crate) struct Run<'e> {
    example: &'e Example,
    pub(crate) bot: Interpreter,
    now: Time,
    /// The prompt being spoken.
    saying: Option<(PromptId, BargeIn)>,
    named: BTreeMap<PromptId, Arc<str>>,
    /// Prompts that no step has asked for yet.
    said: VecDeque<String>,
    /// Their words.
    words: String,
    conclusion: Option<Conclusion>,
    /// The states come to.
    pub(crate) entered: BTreeSet<Arc<str>>,
    /// The step under way, from 1; one more than there are: the outcome.
    pub(crate) at_step: usize,
}

/// How long a prompt, or an utterance, takes in an example.
const SPEAKING: Duration = Duration::from_secs(2);

impl<'e> Run<'e> {
    pub(crate) fn new(example: &'e Example, script: &Arc<Script>, lang: Lang) -> Self {
        let mut bot = Interpreter::new(script.clone(), lang, &example.case, example.today);
        bot.agents_back(example.agents_back);
        Self {
            example,
            bot,
            now: Time::from_millis(1_000),
            saying: None,
            named: BTreeMap::new(),
            said: VecDeque::new(),
            words: String::new(),
            conclusion: None,
            entered: BTreeSet::new(),
            at_step: 0,
        }
    }

    pub(crate) fn all(&mut self) -> Result<(), Problem> {
        self.input(Input::Start);
        let example = self.example;
        for (i, step) in example.steps.iter().enumerate() {
            self.at_step = i + 1;
            let next_is_over = example.steps.get(i + 1).is_some_and(|s| s.over);
            self.step(step, next_is_over)?;
        }
        self.at_step = example.steps.len() + 1;
        self.advance(None);
        self.check_outcome()
    }

    fn input(&mut self, input: Input) {
        self.bot.handle_input(self.now, input);
        while let Some(output) = self.bot.poll_output() {
            match output {
                Output::Say { id, prompt, text, barge_in, .. } => {
                    self.words.push_str(&text);
                    self.saying = Some((id, barge_in));
                    self.named.insert(id, prompt.clone());
                    self.said.push_back(prompt.to_string());
                }
                Output::Resume { id, barge_in } => {
                    self.saying = Some((id, barge_in));
                    let prompt = self.named.get(&id).map_or("", AsRef::as_ref);
                    self.said.push_back(format!("{GOES_ON}{prompt}"));
                }
                Output::Ended(c) => self.conclusion = Some(c),
                Output::Trace { state, .. } => drop(self.entered.insert(state)),
                _ => {}
            }
        }
    }

    /// Speaks on until the bot waits, or `stop` prompts have begun.
    fn advance(&mut self, stop: Option<usize>) {
        while stop.is_none_or(|n| self.said.len() < n) {
            let Some((id, _)) = self.saying.take() else { return };
            self.now = self.now + SPEAKING;
            self.input(Input::PromptDone { id });
        }
    }

    fn step(&mut self, step: &Step, next_is_over: bool) -> Result<(), Problem> {
        let wrong = |message: String| self.example.problem(&step.at, message);
        if let Act::Bot(expected, words) = &step.act {
            self.advance(next_is_over.then_some(expected.len()));
            let said: Vec<String> = self.said.drain(..).collect();
            if said != *expected {
                return Err(self.example.problem(
                    &step.at,
                    format!(
                        "the bot said [{}], not [{}] (in state {})",
                        said.join(", "),
                        expected.join(", "),
                        self.bot.state_name()
                    ),
                ));
            }
            let text = std::mem::take(&mut self.words);
            if words.as_ref().is_some_and(|w| !text.contains(w)) {
                return Err(wrong(format!("the bot said: {text}")));
            }
            return Ok(());
        }
        let over = step.over;
        if !over {
            self.advance(None);
        }
        if !self.said.is_empty() {
            let said: Vec<&str> = self.said.iter().map(String::as_str).collect();
            return Err(self
                .example
                .problem(&step.at, format!("before this the bot said [{}]", said.join(", "))));
        }
        if self.conclusion.is_some() {
            return Err(wrong("the conversation is over already".to_owned()));
        }
        self.now = self.now + SPEAKING;
        match &step.act {
            Act::Bot(..) => {}
            Act::Callee(utterance) => {
                let began = self.now;
                self.input(Input::SpeechStarted);
                if let Some((id, BargeIn::Allowed { .. })) = self.saying.filter(|_| over) {
                    self.input(Input::PromptInterrupted { id, played_ms: 500 });
                    self.now = self.now + SPEAKING;
                }
                self.input(Input::Heard { utterance: utterance.clone(), began });
            }
            Act::Key(key) => self.input(Input::Digit(*key)),
            Act::Event(event) => self.event(*event),
        }
        Ok(())
    }

    fn event(&mut self, event: Event) {
        if event == Event::Silence {
            self.now = self.bot.poll_timeout().unwrap_or(self.now).max(self.now);
        }
        let saying = match event {
            // The last prompt named, which is being spoken, could not be.
            Event::PromptFailed => self.saying.take().map(|(id, _)| id),
            _ => None,
        };
        event.inputs(saying).into_iter().for_each(|input| self.input(input));
    }

    fn check_outcome(&self) -> Result<(), Problem> {
        let expected = &self.example.outcome;
        let wrong = |message: String| Err(self.example.problem(&expected.at, message));
        if !self.said.is_empty() {
            let said: Vec<&str> = self.said.iter().map(String::as_str).collect();
            return wrong(format!("at the end the bot said [{}]", said.join(", ")));
        }
        let Some(c) = &self.conclusion else { return wrong("the conversation is not over".to_owned()) };
        if expected.disposition.is_some_and(|d| d != c.disposition) {
            return wrong(format!("disposition {}", c.disposition.label()));
        }
        if expected.identity.is_some_and(|i| i != c.identity) {
            return wrong(format!("identity {:?}", c.identity));
        }
        if expected.debt_disclosed.is_some_and(|d| d != c.debt_disclosed) {
            return wrong(format!("debt_disclosed {}", c.debt_disclosed));
        }
        let promise = c.promise.as_ref().map(|p| (p.date, p.sum.amount()));
        if expected.promise != promise {
            return wrong(format!("promise {promise:?}, not {:?}", expected.promise));
        }
        if let Some(p) = &c.promise {
            let waived = p.discount.map(|d| d.amount()).unwrap_or_default();
            let terms = (p.parts.len().max(1), waived, p.channel);
            if expected.terms != terms {
                return wrong(format!("payments, discount and channel {terms:?}, not {:?}", expected.terms));
            }
        }
        let callback = c.callback.as_ref().map(|b| (b.date, b.time, b.by_agent));
        if expected.callback != callback {
            return wrong(format!("callback {callback:?}, not {:?}", expected.callback));
        }
        let handover = c.handover.as_ref().map(|h| h.result);
        if expected.handover != handover {
            return wrong(format!("handover {handover:?}, not {:?}", expected.handover));
        }
        let sms = c.follow_ups.iter().filter_map(|left| match left {
            FollowUp::Sms { text, .. } => Some(text.as_str()),
            FollowUp::Note { .. } => None,
        });
        let sms: Vec<&str> = sms.collect();
        if !expected.sms.is_empty() && expected.sms != sms {
            return wrong(format!("sms {sms:?}, not {:?}", expected.sms));
        }
        Ok(())
    }
}

impl Example {
    fn problem(&self, at: &Place, message: String) -> Problem {
        Problem {
            file: at.file.to_string(),
            line: at.line,
            message: format!("{:?} (line {}): {message}", self.name, self.at.line),
            help: String::new(),
        }
    }
}
