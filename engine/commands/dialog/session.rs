//! One conversation with a flow that somebody holds by hand: in virtual time, without a telephone.
//!
//! What is typed (or heard from a file) goes into the real interpreter; what comes out becomes lines for a
//! terminal. Deliberately absent: where words come from and who understands them ([`super::chat`],
//! [`super::talk`]).

use std::{sync::Arc, time::Duration};

use jiff::civil::Date;
use serde_json::{Value, json};
use waihu_dialog::{
    BargeIn, Conclusion, Event, Expectation, Input, Interpreter, Output, Private, PromptId, RedialAdvice,
    Script, Utterance, Weight,
};
use waihu_types::{Case, Intent, Lang, Time};

/// How long a letter takes to say, and a Chinese character [ms]: for the limits of a call.
const LETTER_MS: u64 = 65;
const CHARACTER_MS: u64 = 220;
/// How long people wait before they answer.
const REACTION: Duration = Duration::from_millis(600);

/// What is shown beside the words.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    /// Why each thing was decided.
    pub(super) trace: bool,
    /// The prompts' names, and whether they can be stopped.
    pub(super) names: bool,
}

/// A conversation under way.
pub(super) struct Session {
    script: Arc<Script>,
    lang: Lang,
    bot: Interpreter,
    now: Time,
    pub(super) shown: Shown,
    /// The line being spoken.
    saying: Option<Line>,
    /// How it was before the last line was spoken to its end, so that it can still be talked over.
    before: Option<(Interpreter, Time, Line)>,
    /// Whether an agent's telephone rings.
    ringing: bool,
    conclusion: Option<Conclusion>,
    out: Vec<String>,
    /// The conversation as steps of a golden one.
    steps: Vec<String>,
    said: Vec<String>,
}

#[derive(Clone)]
struct Line {
    id: PromptId,
    prompt: Arc<str>,
    barge_in: BargeIn,
    lasts: Duration,
}

impl Session {
    /// Begins a conversation; the bot's first lines are in [`Self::take`].
    pub(super) fn begin(script: &Arc<Script>, lang: Lang, case: &Case, today: Date, shown: Shown) -> Self {
        let mut session = Self {
            script: Arc::clone(script),
            lang,
            bot: Interpreter::new(Arc::clone(script), lang, case, today),
            now: Time::from_millis(1_000),
            shown,
            saying: None,
            before: None,
            ringing: false,
            conclusion: None,
            out: Vec::new(),
            steps: Vec::new(),
            said: Vec::new(),
        };
        session.input(Input::Start);
        session.speak_on();
        session
    }

    /// The lines since the last time.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn is_over(&self) -> bool {
        self.conclusion.is_some()
    }

    pub(super) fn lang(&self) -> Lang {
        self.lang
    }

    /// What is known of the next words beforehand.
    pub(super) fn expectation(&self) -> Expectation {
        self.bot.expectation()
    }

    /// The callee says something after the bot's lines.
    pub(super) fn heard(&mut self, utterance: Utterance) {
        self.callee_step(&utterance, false);
        self.now = self.now + REACTION;
        let began = self.now;
        self.input(Input::SpeechStarted);
        self.now = self.now + lasts(&utterance.text);
        self.input(Input::Heard { utterance, began });
        self.speak_on();
    }

    /// The callee says something over the last line, in the middle of it.
    pub(super) fn heard_over(&mut self, utterance: Utterance) {
        let Some((bot, now, line)) = self.before.take() else {
            self.out.push("nothing is being said that could be talked over 没有正在说的话".to_owned());
            return;
        };
        (self.bot, self.now) = (bot, now + line.lasts / 2);
        self.saying = Some(line.clone());
        self.callee_step(&utterance, true);
        let began = self.now;
        self.input(Input::SpeechStarted);
        let stops = match (line.barge_in, self.bot.weigh(utterance.intent, utterance.confidence)) {
            (BargeIn::MustBeHeard, _) | (_, Weight::BackChannel) => false,
            (BargeIn::ByWords, weight) => weight == Weight::CutsIn,
            (BargeIn::Allowed { .. }, _) => true,
        };
        if stops {
            let played = u64::try_from((line.lasts / 2).as_millis()).unwrap_or(u64::MAX);
            self.out.push(format!("    (over {:?}, which is stopped 打断)", &*line.prompt));
            self.saying = None;
            self.input(Input::PromptInterrupted { id: line.id, played_ms: played });
        } else {
            self.out.push(format!("    (over {:?}, which goes on 未打断)", &*line.prompt));
        }
        self.now = self.now + lasts(&utterance.text);
        self.input(Input::Heard { utterance, began });
        self.speak_on();
    }

    /// The callee presses a key.
    pub(super) fn key(&mut self, key: char) {
        self.flush();
        self.steps.push(format!("{{ key = {:?} }},", key.to_string()));
        self.now = self.now + REACTION;
        self.input(Input::Digit(key));
        self.speak_on();
    }

    /// Something happens.
    pub(super) fn event(&mut self, event: Event) {
        if matches!(event, Event::AgentJoined | Event::AgentNoAnswer | Event::AgentFailed) && !self.ringing {
            self.out.push("no agent is being called 没有在呼叫坐席".to_owned());
            return;
        }
        if event == Event::PromptFailed {
            self.out.push("every line was spoken to its end 每句话都已说完".to_owned());
            return;
        }
        self.flush();
        let word = Event::WORDS.iter().find(|w| w.1 == event).map_or("", |w| w.0);
        self.steps.push(format!("{{ event = {word:?} }},"));
        self.ringing &= matches!(event, Event::Noise);
        if event == Event::Silence {
            self.now = self.bot.poll_timeout().unwrap_or(self.now).max(self.now);
        }
        event.inputs(None).into_iter().for_each(|input| self.input(input));
        self.speak_on();
    }

    /// Where the conversation stands, for people.
    pub(super) fn state(&self) -> Vec<String> {
        let expectation = self.bot.expectation();
        let labels: Vec<&str> = expectation.intents.iter().map(|i| i.label()).collect();
        vec![
            format!("state 状态: {}", self.bot.state_name()),
            format!("question 问题: {:?}; expects 期待: {}", expectation.question, labels.join(", ")),
            format!("since the answer 通话已进行: {} s", self.now.as_millis().saturating_sub(1_000) / 1_000),
        ]
    }

    /// The conversation as a golden one, as far as it has come.
    pub(super) fn golden(&mut self) -> Vec<String> {
        self.flush();
        let mut lines =
            vec!["[[conversation]]".to_owned(), "name = \"…\"".to_owned(), "steps = [".to_owned()];
        lines.extend(self.steps.iter().map(|s| format!("    {s}")));
        lines.push("]".to_owned());
        if let Some(c) = &self.conclusion {
            lines.push(golden_outcome(c));
        }
        lines
    }

    /// The outcome with the names of the record; nothing while it goes on.
    pub(super) fn outcome(&self) -> Option<Value> {
        let c = self.conclusion.as_ref()?;
        let promise = c.promise.as_ref().and_then(|p| serde_json::to_value(p).ok());
        let callback = c.callback.as_ref().and_then(|b| serde_json::to_value(b).ok());
        let redial = match c.redial {
            RedialAdvice::ByRule => "by_rule",
            RedialAdvice::Never => "never",
        };
        Some(json!({
            "disposition": c.disposition, "identity": c.identity, "debt_disclosed": c.debt_disclosed,
            "promise": promise, "callback": callback, "intents": c.intents, "handover": c.handover, "follow_ups": c.follow_ups,
            "script": { "name": self.script.name(), "lang": self.lang, "sha256": self.script.sha256() },
            "redial": redial, "turns": c.turns,
        }))
    }

    fn input(&mut self, input: Input) {
        self.bot.handle_input(self.now, input);
        while let Some(output) = self.bot.poll_output() {
            self.output(output);
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Say { id, prompt, text, barge_in, private } => {
                let lock = if private == Private::Yes { " [private 仅限本人]" } else { "" };
                let named =
                    if self.shown.names { format!(" ({prompt}{})", barge(barge_in)) } else { String::new() };
                self.out.push(format!("bot 机器人{named}{lock}: {text}"));
                self.said.push(format!("{:?}", &*prompt));
                self.saying = Some(Line { id, prompt, barge_in, lasts: lasts(&text) });
            }
            Output::Resume { id, barge_in } => {
                let Some((_, _, line)) = self.before.clone().filter(|(_, _, line)| line.id == id) else {
                    self.saying = self.saying.take().map(|line| Line { id, barge_in, ..line });
                    return;
                };
                self.out.push(format!("bot 机器人: … ({} goes on 继续)", line.prompt));
                self.said.push(format!("\"… {}\"", line.prompt));
                self.saying = Some(Line { barge_in, ..line });
            }
            Output::DialAgent { .. } => {
                self.ringing = true;
                self.out.push(
                    "— an agent is being called 正在呼叫坐席: /agent joined | no_answer | failed".to_owned(),
                );
            }
            Output::CancelAgent => {
                self.ringing = false;
                self.out.push("— the agent is no longer wanted 不再呼叫坐席".to_owned());
            }
            Output::LeaveToAgent => self.out.push("— the agent has the call 已转给坐席".to_owned()),
            Output::HangUp => self.out.push("— the bot hangs up 机器人挂断".to_owned()),
            Output::Ended(conclusion) => self.conclusion = Some(conclusion),
            Output::Trace { state, why } if self.shown.trace => {
                self.out.push(format!("    · {state}: {why}"))
            }
            Output::Trace { .. } | Output::Listen { .. } => {}
        }
    }

    /// Every line is spoken to its end; the last can still be talked over.
    fn speak_on(&mut self) {
        while let Some(line) = self.saying.take() {
            self.before = Some((self.bot.clone(), self.now, line.clone()));
            self.now = self.now + line.lasts;
            self.input(Input::PromptDone { id: line.id });
        }
    }

    fn callee_step(&mut self, utterance: &Utterance, over: bool) {
        self.flush();
        let e = &utterance.entities;
        let mut step = format!("{{ callee = {:?}, intent = {:?}", utterance.text, utterance.intent.label());
        if !utterance.also.is_empty() {
            let also: Vec<String> = utterance.also.iter().map(|a| format!("{:?}", a.0.label())).collect();
            step += &format!(", also = [{}]", also.join(", "));
        }
        let values = [
            e.date.map(|d| format!("date = {d}")),
            e.time.map(|t| format!("time = \"{t}\"")),
            e.amount.map(|a| format!("amount = \"{a:.2}\"")),
            e.currency.map(|c| format!("currency = \"{}\"", c.code())),
            e.whole.then(|| "whole = true".to_owned()),
            e.count.map(|c| format!("count = {c}")),
            e.digits.as_ref().map(|d| format!("digits = {d:?}")),
            over.then(|| "over = true".to_owned()),
        ];
        values.into_iter().flatten().for_each(|v| step += &format!(", {v}"));
        self.steps.push(step + " },");
    }

    /// What the bot has said since the last step becomes one.
    fn flush(&mut self) {
        if !self.said.is_empty() {
            let said = std::mem::take(&mut self.said);
            self.steps.push(format!("{{ bot = [{}] }},", said.join(", ")));
        }
    }
}

fn golden_outcome(c: &Conclusion) -> String {
    let word = |v: Value| v.to_string();
    let mut all = vec![
        format!("disposition = {}", word(json!(c.disposition))),
        format!("identity = {}", word(json!(c.identity))),
        format!("debt_disclosed = {}", c.debt_disclosed),
    ];
    if let Some(p) = &c.promise {
        all.push(format!("promise_date = {}, promise_amount = \"{:.2}\"", p.date, p.sum.amount()));
    }
    if let Some(b) = &c.callback {
        all.push(format!("callback_by = {:?}", if b.by_agent { "agent" } else { "bot" }));
        all.extend(b.date.map(|d| format!("callback_date = {d}")));
        all.extend(b.time.map(|t| format!("callback_time = \"{t}\"")));
    }
    if let Some(h) = &c.handover {
        all.push(format!("handover = {}", word(json!(h.result))));
    }
    format!("outcome = {{ {} }}", all.join(", "))
}

fn barge(barge_in: BargeIn) -> String {
    match barge_in {
        BargeIn::Allowed { after: None } => String::new(),
        BargeIn::Allowed { after: Some(after) } => format!(", barge-in {} ms", after.as_millis()),
        BargeIn::ByWords => ", barge-in by words".to_owned(),
        BargeIn::MustBeHeard => ", must be heard 必须听完".to_owned(),
    }
}

/// About how long a text takes to say.
fn lasts(text: &str) -> Duration {
    let ms = text.chars().map(|c| if u32::from(c) > 0x2e7f { CHARACTER_MS } else { LETTER_MS }).sum::<u64>();
    Duration::from_millis(ms.max(300))
}

/// An utterance told by its labels: `promise_to_pay date=2026-12-01 amount=500 also=goodbye: words`.
///
/// # Errors
/// What cannot be read.
pub(super) fn labelled(text: &str) -> Result<Utterance, String> {
    // The words come after a colon with a space; a time has a colon of its own.
    let (labels, words) = text.split_once(": ").unwrap_or((text.trim_end_matches(':'), ""));
    let mut utterance = Utterance {
        text: words.trim().to_owned(),
        intent: Intent::OutOfScope,
        confidence: 0.9,
        entities: waihu_nlu::Entities::default(),
        also: Vec::new(),
    };
    let mut named = labels.split_whitespace();
    let first = named.next().unwrap_or_default();
    utterance.intent = intent(first)?;
    for word in named {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let wrong = || format!("{key}: {value:?} cannot be read 无法识别");
        let e = &mut utterance.entities;
        match key {
            "date" => e.date = Some(value.parse().map_err(|_| wrong())?),
            "time" => e.time = Some(value.parse().map_err(|_| wrong())?),
            "amount" => e.amount = Some(value.parse().map_err(|_| wrong())?),
            "currency" => e.currency = Some(value.parse().map_err(|_| wrong())?),
            "count" => e.count = Some(value.parse().map_err(|_| wrong())?),
            "digits" => e.digits = Some(value.to_owned()),
            "whole" => e.whole = true,
            "confidence" => utterance.confidence = value.parse().map_err(|_| wrong())?,
            "also" => utterance.also.push((intent(value)?, 0.9)),
            _ => {
                return Err(format!(
                    "{word:?}: use date= time= amount= currency= count= digits= whole also= confidence= 未知的值"
                ));
            }
        }
    }
    Ok(utterance)
}

fn intent(label: &str) -> Result<Intent, String> {
    label.parse().map_err(|_| {
        let all: Vec<&str> = Intent::ALL.iter().map(|i| i.label()).collect();
        format!("no intent {label:?} 没有该意图; there are 现有: {}", all.join(" "))
    })
}
