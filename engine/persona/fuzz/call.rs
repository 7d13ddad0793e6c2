//! A random callee's call in virtual time, watched for what must never be.
//!
//! The watcher goes by the words and by what went in: it shares nothing with the interpreter's own account.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use waihu_dialog::{Bounds, Conclusion, Input, Interpreter, Output, Private, PromptId, Script, Utterance};
use waihu_types::{Disposition, HandoverResult, Identity, Intent, Lang, Time};

use super::{
    act::{Act, Meant, Named, Values},
    law::{Fault, Law},
};
use crate::{
    asked::{Asked, Lines},
    scene::Scene,
};

/// How long a line takes [ms].
const LINE_MS: u64 = 3_000;
/// How long words take [ms].
const WORDS_MS: u64 = 1_000;
/// How long before a question's end its answer may begin, as the manual says [ms].
const ANTICIPATION_MS: u64 = 700;
/// So often is a silent callee listened to before the call counts as endless.
const MAX_ROUNDS: u32 = 100;
/// A call's limits are for the callee's turns; the line being spoken is finished, and the closing words have
/// their 20 s.
const CLOSING_S: u64 = 40;

/// What happened, for the golden conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// The bot began a prompt.
    Said(Arc<str>),
    /// It went on with one.
    Resumed(Arc<str>),
    /// The act of this number happened; the intent, where it was said.
    Did(usize, Option<Intent>),
}

/// A call that was tried.
#[derive(Clone, Debug)]
pub struct Run {
    /// How it ended, if it did.
    pub conclusion: Option<Conclusion>,
    /// The first law that was broken.
    pub fault: Option<Fault>,
    /// What happened.
    pub log: Vec<Entry>,
    /// The prompts that were spoken, and whether their words were known before the call.
    pub spoken: Vec<(Arc<str>, bool)>,
    /// The states come to.
    pub states: Vec<Arc<str>>,
}

/// Lets a callee that does this call a script; a panic is caught, and is a fault.
pub fn run(script: &Arc<Script>, scene: &Scene, acts: &[Act]) -> Run {
    let played = catch_unwind(AssertUnwindSafe(|| Call::new(script, scene).play(acts)));
    played.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        let fault = Some(Fault { law: Law::Panic, detail: said.to_owned() });
        let log = (0..acts.len()).map(|n| Entry::Did(n, None)).collect();
        Run { conclusion: None, fault, log, spoken: Vec::new(), states: Vec::new() }
    })
}

/// Something that was said, for judging a promise.
enum Said {
    Bot {
        text: String,
        until: Option<Time>,
    },
    /// A yes, or the promise once more, that began then.
    Agreed {
        began: Time,
    },
}

struct Call<'s> {
    bot: Interpreter,
    scene: &'s Scene,
    bounds: Bounds,
    now: Time,
    saying: Option<PromptId>,
    last_prompt: Arc<str>,
    /// When the person was last asked for; none once something else was asked.
    asked_at: Option<Time>,
    /// Said yes to that, after it began.
    confirmed: bool,
    stop_asked: bool,
    prepared: std::collections::BTreeSet<String>,
    said: Vec<Said>,
    ended_at: Time,
    run: Run,
}

impl<'s> Call<'s> {
    fn new(script: &Arc<Script>, scene: &'s Scene) -> Self {
        let bot = Interpreter::new(script.clone(), scene.case.lang, &scene.case, scene.today);
        Self {
            prepared: bot.prompts_to_prepare().into_iter().collect(),
            bounds: script.bounds(),
            bot,
            scene,
            now: Time::ZERO,
            saying: None,
            last_prompt: "".into(),
            asked_at: None,
            confirmed: false,
            stop_asked: false,
            said: Vec::new(),
            ended_at: Time::ZERO,
            run: Run {
                conclusion: None,
                fault: None,
                log: Vec::new(),
                spoken: Vec::new(),
                states: Vec::new(),
            },
        }
    }

    fn lang(&self) -> Lang {
        self.scene.case.lang
    }

    fn broken(&mut self, law: Law, detail: impl Into<String>) {
        let detail = format!("{} (in state 状态 {})", detail.into(), self.bot.state_name());
        self.run.fault.get_or_insert(Fault { law, detail });
    }

    fn hold(&mut self, holds: bool, law: Law, detail: impl FnOnce() -> String) {
        if !holds {
            self.broken(law, detail());
        }
    }

    fn play(mut self, acts: &[Act]) -> Run {
        self.input(Input::Timeout);
        self.input(Input::Start);
        let mut left = acts.iter().enumerate();
        for (n, act) in left.by_ref() {
            self.act(n, act);
            if self.run.conclusion.is_some() || self.run.fault.is_some() {
                break;
            }
            let waits = self.bot.poll_timeout().is_some();
            self.hold(waits, Law::DeadEnd, || "it waits for nothing".to_owned());
        }
        // The callee is silent now, and prompts are spoken: the bot must come to an end by itself.
        for _ in 0..MAX_ROUNDS {
            if self.run.conclusion.is_none() && self.run.fault.is_none() {
                self.finish_line();
                self.wait();
            }
        }
        if self.run.fault.is_none() {
            self.judge();
        }
        // Nothing comes out any more, whatever goes in.
        for (n, act) in left.take(20) {
            if self.run.fault.is_none() {
                self.act(n, act);
            }
        }
        self.run
    }

    fn input(&mut self, input: Input) {
        self.bot.handle_input(self.now, input);
        while let Some(output) = self.bot.poll_output() {
            if self.run.conclusion.is_some() {
                self.broken(Law::AfterTheEnd, format!("{output:?}"));
            }
            match output {
                Output::Say { id, prompt, text, private, .. } => self.say(id, prompt, text, private),
                Output::Resume { id, .. } => {
                    self.saying = Some(id);
                    self.run.log.push(Entry::Resumed(self.last_prompt.clone()));
                }
                Output::Ended(c) => (self.run.conclusion, self.ended_at) = (Some(c), self.now),
                Output::Trace { state, .. } if self.run.states.last() != Some(&state) => {
                    self.run.states.push(state)
                }
                _ => {}
            }
        }
        // Who is told not to be the person is asked anew.
        self.confirmed &= self.bot.identity() != Identity::Denied;
    }

    fn say(&mut self, id: PromptId, prompt: Arc<str>, text: String, private: Private) {
        self.saying = Some(id);
        self.last_prompt = prompt.clone();
        let mut lines = Lines::default();
        lines.hear(&text, false);
        match lines.asked(self.lang(), &self.scene.case.name, self.scene.today, None) {
            Asked::Who => self.asked_at = Some(self.now),
            Asked::Open | Asked::Whether => {}
            _ if text.contains(['?', '？']) => self.asked_at = None,
            // "You can ask for a person at any time" asks nothing.
            _ => {}
        }
        let tells = self.tells(&text);
        self.hold(!tells || private == Private::Yes, Law::Unmarked, || format!("{prompt}: {text}"));
        let confirmed = self.confirmed;
        self.hold(private == Private::No || confirmed, Law::Private, || format!("{prompt}: {text}"));
        let whole = !text.contains(['{', '}']) && !text.contains("  ") && !text.trim().is_empty();
        self.hold(whole, Law::Words, || format!("{prompt}: {text:?}"));
        self.run.spoken.push((prompt.clone(), self.prepared.contains(&text)));
        self.run.log.push(Entry::Said(prompt));
        self.said.push(Said::Bot { text, until: None });
    }

    /// Whether a text tells of the debt.
    fn tells(&self, text: &str) -> bool {
        let case = &self.scene.case;
        let sum = waihu_dialog::money(case.due, case.lang);
        let sum = sum.trim_start_matches(['$', '£', '€']).trim_end_matches(|c: char| !c.is_ascii_digit());
        let text = text.to_lowercase();
        let words: &[&str] = match case.lang {
            Lang::Zh => &["还款", "欠款", "逾期"],
            Lang::En => &["debt", " pay", "owe", "overdue"],
        };
        let values = [case.product.to_lowercase(), sum.to_owned()];
        values.iter().any(|v| text.contains(v.as_str())) || words.iter().any(|w| text.contains(w))
    }

    /// What the watcher makes of an utterance that began at `began`.
    fn observe(&mut self, intent: Intent, confidence: f32, began: Time, named: Named) {
        let asked = self.asked_at.is_some_and(|at| began > at);
        self.confirmed |=
            intent == Intent::Affirm && confidence >= self.bounds.confirm && asked && named != Named::Another;
        self.note_urgent(intent, confidence);
        let agrees = matches!(
            intent,
            Intent::Affirm | Intent::PromiseToPay | Intent::PartialPayment | Intent::RequestInstallments
        );
        if agrees && confidence >= self.bounds.accept {
            self.said.push(Said::Agreed { began });
        }
    }

    fn note_urgent(&mut self, intent: Intent, confidence: f32) {
        let urgent = self.bounds.urgent_intents.contains(&intent) && confidence >= self.bounds.urgent;
        self.stop_asked |= intent == Intent::StopCalling && urgent;
    }

    fn act(&mut self, n: usize, act: &Act) {
        if !matches!(act, Act::Says { .. }) {
            self.run.log.push(Entry::Did(n, None));
        }
        match act {
            Act::Listens => self.finish_line(),
            Act::Says { meant, confidence, values, over, named, also } => {
                self.says(n, *meant, *confidence, values, *over, *named, *also);
            }
            Act::BeginsToSpeak => drop(self.speak(false)),
            Act::Noise { over } => {
                self.speak(*over);
                self.input(Input::Unintelligible);
            }
            Act::Murmurs => {
                self.input(Input::SpeechStarted);
                self.input(Input::BackChannel);
            }
            Act::IsSilent => self.wait(),
            Act::Waits(ms) => {
                let next = self.now + Duration::from_millis(*ms);
                self.now = self.bot.poll_timeout().map_or(next, |at| next.min(at)).max(self.now);
                self.input(Input::Timeout);
            }
            Act::Key(key) => {
                if let Some(intent) = self.bounds.keys.get(key).copied() {
                    let began = self.now + Duration::from_millis(1);
                    self.observe(intent, 1.0, began, Named::Nobody);
                }
                self.input(Input::Digit(*key));
            }
            Act::Agent(None) => self.input(Input::AgentJoined { agent: "agent-1".to_owned() }),
            Act::Agent(Some(result)) => {
                self.input(Input::AgentUnavailable { agent: "agent-1".to_owned(), result: *result });
            }
            Act::Voicemail => self.input(Input::Voicemail),
            Act::Beep => self.input(Input::Beep),
            Act::Screening => self.input(Input::Screening),
            Act::Person => self.input(Input::Person),
            Act::NoPerson => self.input(Input::NoPerson { disposition: Disposition::Fax }),
            Act::StalePrompt(n) => {
                // One that is being spoken is not stale.
                if self.saying != Some(PromptId(*n)) {
                    self.input(Input::PromptDone { id: PromptId(*n) });
                }
            }
            Act::VoiceFails => {
                if let Some(id) = self.saying.take() {
                    self.input(Input::PromptFailed { id });
                }
            }
            Act::HangsUp => self.input(Input::CalleeHungUp),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one act")]
    fn says(
        &mut self,
        n: usize,
        meant: Meant,
        confidence: f32,
        values: &Values,
        over: bool,
        named: Named,
        also: Option<(Intent, f32)>,
    ) {
        let intent = match meant {
            Meant::Is(intent) => intent,
            Meant::Expected(n) => {
                let expected = self.bot.expectation().intents;
                let at = usize::try_from(n).unwrap_or(0).checked_rem(expected.len());
                at.and_then(|at| expected.get(at).copied()).unwrap_or(Intent::Affirm)
            }
        };
        // What else was meant is something else.
        let also = also.filter(|a| a.0 != intent);
        self.run.log.push(Entry::Did(n, Some(intent)));
        let began = self.speak(over);
        if self.run.conclusion.is_none() {
            self.observe(intent, confidence, began, named);
            also.iter().for_each(|(intent, sure)| self.note_urgent(*intent, *sure));
        }
        let text = named.words(self.lang()).to_owned();
        let entities = values.entities(self.scene.today, self.scene.case.due.amount());
        let utterance = Utterance { text, intent, confidence, entities, also: also.into_iter().collect() };
        self.input(Input::Heard { utterance, began });
    }

    fn speak(&mut self, over: bool) -> Time {
        self.pass(WORDS_MS);
        let began = self.now;
        self.input(Input::SpeechStarted);
        if let (true, Some(id)) = (over, self.saying) {
            self.pass(500);
            self.input(Input::PromptInterrupted { id, played_ms: 400 });
        }
        began
    }

    fn finish_line(&mut self) {
        if self.saying.is_some() {
            self.pass(LINE_MS);
        }
        if let Some(id) = self.saying.take() {
            if let Some(Said::Bot { until, .. }) =
                self.said.iter_mut().rev().find(|s| matches!(s, Said::Bot { .. }))
            {
                *until = Some(self.now);
            }
            self.input(Input::PromptDone { id });
        }
    }

    /// Time passes, and what falls due meanwhile is told.
    fn pass(&mut self, ms: u64) {
        let then = self.now + Duration::from_millis(ms);
        let mut told = 0;
        while let Some(at) = self.bot.poll_timeout().filter(|at| *at <= then) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
            told += 1;
            if told > 1_000 {
                self.broken(Law::Endless, "a timeout is due again and again at the same time");
                break;
            }
        }
        self.now = self.now.max(then);
    }

    fn wait(&mut self) {
        if let Some(at) = self.bot.poll_timeout() {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
        }
    }

    // The end.

    fn judge(&mut self) {
        let Some(c) = self.run.conclusion.clone() else {
            self.broken(Law::Endless, "a silent callee is asked for ever");
            return;
        };
        let waits = self.bot.poll_timeout();
        self.hold(waits.is_none(), Law::AfterTheEnd, || "it waits for something".to_owned());
        // What is urgent and comes at the last moment has its own time: words for one, an agent's
        // telephone for the other.
        let extra = |intent, s| if c.intents.contains(&intent) { s } else { 0 };
        let extra_s = CLOSING_S + extra(Intent::StopCalling, 20) + extra(Intent::Distress, 110);
        let (took, most) = (self.ended_at.as_millis(), self.bounds.max_time.as_secs() + extra_s);
        self.hold(took <= most * 1_000, Law::Endless, || format!("{} s, {most} at most", took / 1_000));
        let turns = self.bounds.max_turns + 3;
        self.hold(c.turns <= turns, Law::Endless, || format!("{} turns", c.turns));
        self.judge_promise(&c);
        self.judge_record(&c);
        if self.stop_asked {
            // Danger to life goes before it; a box that answers has asked for nothing.
            use Disposition as D;
            let heeded = matches!(c.disposition, D::StopCalling | D::Distress | D::HandedOver | D::Voicemail);
            self.hold(heeded, Law::Heeded, || format!("it ended as {}", c.disposition.label()));
        }
    }

    /// Somewhere its day and sum were said in one line, and a yes followed that began when the line was as
    /// good as over.
    fn judge_promise(&mut self, c: &Conclusion) {
        let Some(promise) = &c.promise else { return };
        let (today, lang) = (self.scene.today, self.lang());
        let day = waihu_dialog::day(promise.date, today, lang);
        let sum = waihu_dialog::money(promise.sum, lang);
        let mut end = None;
        let mut agreed = false;
        for said in &self.said {
            match said {
                Said::Bot { text, until } if text.contains(&day) && text.contains(&sum) => {
                    end = Some(until.map_or(Time::ZERO, |t| t));
                }
                Said::Bot { .. } => {}
                Said::Agreed { began } => {
                    let anticipated = *began + Duration::from_millis(ANTICIPATION_MS);
                    agreed |= end.is_some_and(|end| anticipated >= end);
                }
            }
        }
        self.hold(agreed, Law::Promise, || format!("{day}, {sum}: no clear yes to it"));
        let days = (promise.date - today).get_days();
        let most = i32::try_from(self.bounds.max_promise_days).unwrap_or(i32::MAX);
        self.hold((0..=most).contains(&days), Law::Promise, || format!("a promise {days} days ahead"));
        let due = self.scene.case.due.amount();
        let within = !promise.sum.amount().is_zero() && promise.sum.amount() <= due;
        self.hold(within, Law::Promise, || "a promise of nothing, or of more than is due".to_owned());
    }

    fn judge_record(&mut self, c: &Conclusion) {
        use Disposition as D;
        let name = c.disposition.label();
        let confirmed = self.confirmed;
        let mut record = |holds: bool, what: &str| {
            self.hold(holds, Law::Record, || format!("{name}: {what}"));
        };
        record(c.identity != Identity::Confirmed || confirmed, "nobody said to be the person");
        record(c.disposition != D::PromiseToPay || c.promise.is_some(), "without a promise");
        // What is urgent may still be said over the thanks: then both stand.
        let settled = matches!(c.disposition, D::PromiseToPay | D::StopCalling | D::Distress | D::HandedOver);
        record(c.promise.is_none() || settled, "with a promise");
        let told = c.identity == Identity::Confirmed && c.debt_disclosed;
        record(c.promise.is_none() || told, "a promise by nobody, of nothing that was told");
        let past = c.callback.as_ref().and_then(|b| b.date).is_some_and(|d| d < self.scene.today);
        let mut record = |holds: bool, what: &str| {
            self.hold(holds, Law::Record, || format!("{name}: {what}"));
        };
        record(!past, "a call back on a day that is past");
        record(c.disposition != D::CallbackAgreed || c.callback.is_some(), "without a call back");
        let joined = c.handover.as_ref().is_some_and(|h| h.result == HandoverResult::Joined);
        record((c.disposition == D::HandedOver) == joined, "the agent says otherwise");
        let another = matches!(c.disposition, D::WrongNumber | D::ThirdParty);
        record(!another || c.identity == Identity::Denied, "not denied by anybody");
        let of_the_debt = matches!(
            c.disposition,
            D::PromiseToPay | D::AlreadyPaid | D::RefusedToPay | D::Hardship | D::Dispute
        );
        // The person may speak of it first, and hang up before a word about it was spoken.
        let told = c.debt_disclosed || c.identity == Identity::Confirmed;
        record(!of_the_debt || told, "nobody was told of the debt");
    }
}
