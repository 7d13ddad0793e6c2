//! One talk of a simulated callee with a script, in virtual time.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use waihu_dialog::{
    BargeIn, Conclusion, Expectation, Input, Interpreter, Output, Private, PromptId, Script, Utterance,
};
use waihu_types::{Disposition, HandoverResult, Intent, Lang, Time};

use crate::{
    asked::Lines,
    mind::{Act, Mind},
    noise::{Arrived, Understood},
    persona::{Kind, Persona},
    random::Random,
    scene::{Allows, Scene},
};

/// How much happens in a talk at most. A call of five minutes has about a hundred inputs; whatever needs more
/// than this goes round and round.
const MAX_EVENTS: u32 = 2_000;
/// From the callee's last sound to its words: a pause to tell the end by, and recognition [ms].
const RECOGNIZED_AFTER_MS: u64 = 700;
/// From the first voice over a line until it is stopped [ms].
const STOPPED_AFTER_MS: u64 = 500;
/// The agent's name.
const AGENT: &str = "agent-1";

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When it began.
    pub at: Time,
    /// The state that the bot was in.
    pub state: Arc<str>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The bot said a line.
    Bot {
        /// The prompt's name.
        prompt: Arc<str>,
        /// The words.
        text: String,
    },
    /// The callee said something.
    Callee {
        /// The words; where others arrived, these behind a "≈".
        text: String,
        /// What it was taken for; none where no words were found.
        taken_for: Option<(Intent, f32)>,
        /// Whether what was meant is what was understood.
        understood: Understood,
        /// Whether a line was still being spoken.
        over: bool,
    },
    /// The callee pressed a key.
    Key(char),
    /// The callee let its turn pass.
    Silence,
    /// The callee ended the call.
    HungUp,
    /// Something else, in a word.
    Event(&'static str),
}

/// How a turn failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    /// The callee was not understood.
    NoMatch,
    /// The callee said nothing.
    Silence,
    /// A limit of the call was reached.
    Limit,
}

impl Failure {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::NoMatch, Self::Silence, Self::Limit];
}

/// Whether somebody who is not the person was told of the debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disclosure {
    /// Nobody was.
    None,
    /// The script told it.
    ByTheScript,
    /// The recognizer had taken something else for a yes.
    Misheard,
}

/// A talk that is over.
#[derive(Clone, Debug)]
pub struct Talk {
    /// Who it was with.
    pub persona: Persona,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// How it ended; none where it did not.
    pub conclusion: Option<Conclusion>,
    /// How long it took.
    pub took: Duration,
    /// The states come to, in order.
    pub entered: Vec<Arc<str>>,
    /// The turns that failed, and in which state.
    pub failures: Vec<(Arc<str>, Failure)>,
    /// Whether somebody else was told of the debt.
    pub disclosure: Disclosure,
    /// What the lender lets be agreed.
    pub allows: Allows,
    /// Whether the callee asked for other terms than it was asked for: a part, parts, more time, or less.
    pub bargained: bool,
    /// Inputs that the interpreter took.
    pub inputs: u32,
}

/// What came of bargaining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bargain {
    /// One payment of all that is due, or of a part of it where nothing was said of the rest.
    One,
    /// Several payments.
    Parts,
    /// A discount.
    Less,
    /// A person took over, or is to call.
    Person,
    /// Nothing was agreed.
    Nothing,
    /// The callee was not understood.
    NotUnderstood,
}

impl Bargain {
    /// All of it, with the words for people.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::One, "one payment 一次"),
        (Self::Parts, "parts 分期"),
        (Self::Less, "discount 减免"),
        (Self::Person, "person 人工"),
        (Self::Nothing, "nothing 未达成"),
        (Self::NotUnderstood, "not understood 未听懂"),
    ];

    /// The name as figures have it.
    pub fn label(self) -> &'static str {
        match self {
            Self::One => "one_payment",
            Self::Parts => "parts",
            Self::Less => "discount",
            Self::Person => "person",
            Self::Nothing => "nothing",
            Self::NotUnderstood => "not_understood",
        }
    }
}

impl Talk {
    /// Whether what was promised is within the callee's means; none where nothing was.
    pub fn promise_kept(&self) -> Option<bool> {
        let promise = self.conclusion.as_ref()?.promise.as_ref()?;
        let means = &self.persona.means;
        let parts: Vec<_> = promise.parts.iter().map(|p| (p.date, p.sum.amount())).collect();
        Some(if parts.is_empty() {
            means.affords(promise.sum.amount(), promise.date)
        } else {
            means.affords_all(&parts)
        })
    }

    /// What came of bargaining; none where there was none.
    pub fn bargain(&self) -> Option<Bargain> {
        let c = self.conclusion.as_ref().filter(|_| self.bargained)?;
        let promise = c.promise.as_ref().filter(|_| c.disposition == Disposition::PromiseToPay);
        Some(match (promise, c.disposition) {
            (Some(p), _) if p.discount.is_some() => Bargain::Less,
            (Some(p), _) if p.parts.len() > 1 => Bargain::Parts,
            (Some(_), _) => Bargain::One,
            (None, Disposition::HandedOver) => Bargain::Person,
            (None, Disposition::NotUnderstood) => Bargain::NotUnderstood,
            (None, _) if c.callback.as_ref().is_some_and(|b| b.by_agent) => Bargain::Person,
            (None, _) => Bargain::Nothing,
        })
    }

    /// How ill it went: 0 is well, more is worse.
    pub fn trouble(&self) -> u32 {
        let failed: u32 = self.failures.iter().map(|f| if f.1 == Failure::Limit { 6 } else { 2 }).sum();
        let told = match self.disclosure {
            Disclosure::None => 0,
            Disclosure::ByTheScript => 1_000,
            Disclosure::Misheard => 8,
        };
        let unkept = if self.promise_kept() == Some(false) { 12 } else { 0 };
        let endless = if self.conclusion.is_none() { 2_000 } else { 0 };
        failed + told + unkept + endless + self.conclusion.as_ref().map_or(0, |c| c.turns / 6)
    }

    /// The talk as people read it.
    pub fn dialogue(&self) -> String {
        let mut out = String::new();
        for step in &self.steps {
            let s = step.at.as_millis() / 1_000;
            let _ = write!(out, "{:>2}:{:02} {:<14} ", s / 60, s % 60, step.state);
            let _ = match &step.what {
                What::Bot { text, .. } => writeln!(out, "bot 机器人  {text}"),
                What::Callee { text, taken_for, understood, over } => {
                    let over = if *over { "⤷ " } else { "" };
                    let taken = match taken_for {
                        Some((intent, sure)) => format!("{intent} {sure:.2}"),
                        None => "no words 无文字".to_owned(),
                    };
                    let wrong = if *understood == Understood::Wrongly { " ✗" } else { "" };
                    writeln!(out, "callee 被叫  {over}{text}  [{taken}{wrong}]")
                }
                What::Key(key) => writeln!(out, "callee 被叫  [key 按键 {key}]"),
                What::Silence => writeln!(out, "callee 被叫  [silence 沉默]"),
                What::HungUp => writeln!(out, "callee 被叫  [hangs up 挂断]"),
                What::Event(event) => writeln!(out, "[{event}]"),
            };
        }
        out
    }
}

/// A callee's words as they leave the mouth.
#[derive(Debug)]
pub struct Said<'a> {
    /// The words, and what is meant.
    pub utterance: &'a Utterance,
    /// The language that they are in.
    pub lang: Lang,
    /// What the bot expects of them.
    pub expected: Option<&'a Expectation>,
    /// The day of the call.
    pub today: jiff::civil::Date,
}

/// How a callee's words come to the bot: through a voice, a telephone and a recognizer, for instance.
pub type Way<'w> = dyn FnMut(&Said<'_>) -> Arrived + 'w;

/// Lets a callee talk with a script about a case; the same talk for the same seed. Words come to harm on their way as
/// often as the persona's noise says.
pub fn converse(script: &Arc<Script>, persona: Persona, scene: &Scene, seed: u64) -> Talk {
    talk(script, persona, scene, seed, None)
}

/// The same, where words come to the bot on a way of their own.
pub fn converse_by(
    script: &Arc<Script>,
    persona: Persona,
    scene: &Scene,
    seed: u64,
    way: &mut Way<'_>,
) -> Talk {
    talk(script, persona, scene, seed, Some(way))
}

fn talk<'s>(
    script: &Arc<Script>,
    persona: Persona,
    scene: &'s Scene,
    seed: u64,
    way: Option<&'s mut Way<'s>>,
) -> Talk {
    let mut random = Random::nth(seed, 0x7A1C);
    let lang = scene.case.lang;
    let mind = Mind::new(persona, scene, &mut random);
    let bot = Interpreter::new(script.clone(), lang, &scene.case, scene.today);
    let call = Call {
        bot,
        scene,
        random,
        lang,
        now: Time::ZERO,
        saying: None,
        dialling: false,
        lines: Lines::default(),
        expected: None,
        talk: Talk {
            persona: mind.persona().clone(),
            steps: Vec::new(),
            conclusion: None,
            took: Duration::ZERO,
            entered: Vec::new(),
            failures: Vec::new(),
            disclosure: Disclosure::None,
            allows: Allows::of(&scene.case.particulars.authority),
            bargained: false,
            inputs: 0,
        },
        mind,
        misheard_yes: false,
        way,
    };
    call.run()
}

/// A line on its way.
struct Saying {
    id: PromptId,
    until: Time,
    barge_in: BargeIn,
}

struct Call<'s> {
    bot: Interpreter,
    scene: &'s Scene,
    random: Random,
    lang: Lang,
    now: Time,
    saying: Option<Saying>,
    /// An agent is being dialled.
    dialling: bool,
    /// What the bot said since the callee's last turn.
    lines: Lines,
    expected: Option<Expectation>,
    talk: Talk,
    mind: Mind,
    /// Something that was no yes was taken for one.
    misheard_yes: bool,
    way: Option<&'s mut Way<'s>>,
}

impl Call<'_> {
    fn run(mut self) -> Talk {
        self.input(Input::Start);
        self.begin();
        while !self.over() {
            if self.saying.is_some() {
                self.listen();
            } else if self.dialling {
                self.agent();
            } else if self.bot.is_listening() {
                self.turn();
            } else if !self.time_passes() {
                // It waits for nothing: a dead end.
                break;
            }
        }
        self.talk.took = self.now.since(Time::ZERO);
        self.talk
    }

    fn over(&self) -> bool {
        self.talk.conclusion.is_some() || self.talk.inputs >= MAX_EVENTS
    }

    /// Machines show themselves at the beginning.
    fn begin(&mut self) {
        match self.talk.persona.kind {
            Kind::Voicemail => {
                self.pass(2_500);
                self.input(Input::Voicemail);
                self.note(What::Event("voicemail box 语音信箱"));
                let greeting = self.random.between(1_000, 9_000).unsigned_abs();
                self.pass(greeting);
                self.input(Input::Beep);
            }
            Kind::Screened => {
                self.pass(3_000);
                self.input(Input::Screening);
                self.note(What::Event("assistant asks who is calling 助理询问来电者"));
                let comes = self.random.chance(0.7);
                while !self.over() && self.bot.waits_for_a_person() {
                    if let Some(saying) = self.saying.take() {
                        self.until(saying.until);
                        self.input(Input::PromptDone { id: saying.id });
                    } else if comes {
                        let waits = self.random.between(2_000, 20_000).unsigned_abs();
                        self.pass(waits);
                        self.note(What::Event("the person comes 本人接听"));
                        self.input(Input::Person);
                    } else if !self.time_passes() {
                        break;
                    }
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, what: What) {
        let state = self.talk.entered.last().cloned().unwrap_or_else(|| "".into());
        self.talk.steps.push(Step { at: self.now, state, what });
    }

    fn input(&mut self, input: Input) {
        if self.talk.conclusion.is_some() {
            return;
        }
        self.talk.inputs += 1;
        self.bot.handle_input(self.now, input);
        while let Some(output) = self.bot.poll_output() {
            self.output(output);
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Say { id, prompt, text, barge_in, private } => {
                let until = self.now + Duration::from_millis(speaking_ms(self.lang, &text));
                self.saying = Some(Saying { id, until, barge_in });
                self.lines.hear(&text, private == Private::Yes);
                if private == Private::Yes
                    && !self.talk.persona.is_the_person
                    && self.talk.persona.kind != Kind::Voicemail
                {
                    self.talk.disclosure =
                        if self.misheard_yes { Disclosure::Misheard } else { Disclosure::ByTheScript };
                }
                self.note(What::Bot { prompt, text });
            }
            Output::Resume { id, barge_in } => {
                // What is left of it: about half.
                self.saying = Some(Saying { id, until: self.now + Duration::from_millis(1_500), barge_in });
                self.note(What::Event("the line goes on 继续播放"));
            }
            Output::Listen { expectation, .. } => self.expected = Some(expectation),
            Output::DialAgent { .. } => self.dialling = true,
            Output::CancelAgent => self.dialling = false,
            Output::LeaveToAgent => self.note(What::Event("the agent takes over 坐席接管")),
            Output::HangUp => self.saying = None,
            Output::Ended(conclusion) => self.talk.conclusion = Some(conclusion),
            Output::Trace { state, why } => self.trace(state, &why),
        }
    }

    fn trace(&mut self, state: Arc<str>, why: &str) {
        let failure = match why {
            "silence" => Some(Failure::Silence),
            _ if why.starts_with("not understood") => Some(Failure::NoMatch),
            _ if why.ends_with("of a call are over") || why.ends_with("of a call is over") => {
                Some(Failure::Limit)
            }
            _ => None,
        };
        if let Some(failure) = failure {
            self.talk.failures.push((state, failure));
        } else if why == "entered" {
            self.talk.entered.push(state);
        }
    }

    /// Time goes by, and what falls due meanwhile is told.
    fn until(&mut self, then: Time) {
        while !self.over()
            && let Some(at) = self.bot.poll_timeout().filter(|at| *at <= then)
        {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
        }
        self.now = self.now.max(then);
    }

    fn pass(&mut self, ms: u64) {
        self.until(self.now + Duration::from_millis(ms));
    }

    /// The next thing the bot waits for comes; false where it waits for nothing.
    fn time_passes(&mut self) -> bool {
        let Some(at) = self.bot.poll_timeout() else { return false };
        self.now = self.now.max(at);
        self.input(Input::Timeout);
        true
    }

    /// A line is being spoken: it is heard to its end, talked over or murmured into.
    fn listen(&mut self) {
        let Some(Saying { id, until, barge_in }) = self.saying.take() else { return };
        let left_ms = u64::try_from(until.since(self.now).as_millis()).unwrap_or(0);
        let manners = &self.talk.persona.manners;
        let (over, murmurs) = (manners.talks_over, manners.murmurs);
        // Nobody says anything into a line of a second.
        let long = left_ms > 1_500 && self.talk.persona.kind != Kind::Voicemail;
        if long && self.random.chance(over * 0.5) {
            let before = left_ms * self.random.between(40, 90).unsigned_abs() / 100;
            self.saying = Some(Saying { id, until, barge_in });
            self.pass(before);
            if !self.over() {
                self.talks_over();
            }
        } else if long && self.random.chance(murmurs * 0.5) {
            self.saying = Some(Saying { id, until, barge_in });
            self.pass(left_ms / 2);
            self.input(Input::SpeechStarted);
            self.note(What::Event("mm-hm 嗯"));
            self.input(Input::BackChannel);
            self.finish();
        } else {
            self.saying = Some(Saying { id, until, barge_in });
            self.finish();
        }
    }

    /// The line comes to its end, unless time stopped it before.
    fn finish(&mut self) {
        let Some(saying) = &self.saying else { return };
        let (id, until) = (saying.id, saying.until);
        self.until(until);
        if self.saying.as_ref().is_some_and(|s| s.id == id) && !self.over() {
            self.saying = None;
            self.input(Input::PromptDone { id });
        }
    }

    fn talks_over(&mut self) {
        let began = self.now;
        self.expected = Some(self.bot.expectation());
        let Some(utterance) = self.act() else { return };
        self.input(Input::SpeechStarted);
        self.pass(STOPPED_AFTER_MS);
        if let Some(Saying { id, barge_in: BargeIn::Allowed { .. }, .. }) = self.saying {
            self.saying = None;
            let played_ms = self.now.since(began).as_millis().try_into().unwrap_or(1);
            self.input(Input::PromptInterrupted { id, played_ms });
        }
        self.speaks(utterance, began, true);
    }

    /// It is the callee's turn.
    fn turn(&mut self) {
        let (least, most) = self.talk.persona.manners.thinks_ms;
        let thinks = self.random.between(least, most).unsigned_abs();
        let Some(utterance) = self.act() else { return };
        self.pass(thinks);
        // It may have lost its patience with a question that lasts: then it answers the next one.
        if self.over() || !self.bot.is_listening() {
            return;
        }
        let began = self.now;
        self.input(Input::SpeechStarted);
        self.speaks(utterance, began, false);
    }

    /// What the callee does about what it was asked; words, if it says any.
    fn act(&mut self) -> Option<Utterance> {
        let Scene { case, today } = self.scene;
        let asked = self.lines.asked(self.lang, &case.name, *today, self.expected.as_ref());
        let act = self.mind.answer(&asked, &self.lines, &mut self.random);
        self.lines.clear();
        match act {
            Act::Says(line) => Some(line.spoken(self.talk.persona.lang, *today, &mut self.random)),
            Act::Presses(key) => {
                self.pass(800);
                self.note(What::Key(key));
                self.input(Input::Digit(key));
                None
            }
            Act::IsSilent => {
                if self.saying.is_none() {
                    self.note(What::Silence);
                    self.time_passes();
                }
                None
            }
            Act::HangsUp => {
                self.note(What::HungUp);
                self.input(Input::CalleeHungUp);
                None
            }
        }
    }

    /// The words leave the mouth, and arrive as they do.
    fn speaks(&mut self, utterance: Utterance, began: Time, over: bool) {
        let mut text = utterance.text.clone();
        let meant = utterance.intent;
        // Of the whole on a day of its own nobody has to be persuaded.
        self.talk.bargained |= matches!(
            meant,
            Intent::PartialPayment
                | Intent::RequestInstallments
                | Intent::RequestExtension
                | Intent::RequestReduction
        );
        let arrived = self.arrives(utterance);
        let ms = speaking_ms(self.talk.persona.lang, &text) + RECOGNIZED_AFTER_MS;
        let state_then = self.talk.entered.last().cloned().unwrap_or_else(|| "".into());
        let at = self.now;
        self.pass(ms);
        let (taken_for, understood, input) = match arrived {
            Arrived::Words(u, understood) => {
                let words = |s: &str| -> String { s.chars().filter(|c| c.is_alphanumeric()).collect() };
                if words(&u.text) != words(&text) {
                    let _ = write!(text, " ≈ {}", u.text);
                }
                self.misheard_yes |= u.intent == Intent::Affirm && meant != Intent::Affirm;
                let taken_for = Some((u.intent, u.confidence));
                (taken_for, understood, Input::Heard { utterance: u, began })
            }
            Arrived::Nothing => (None, Understood::Wrongly, Input::Unintelligible),
        };
        let what = What::Callee { text, taken_for, understood, over };
        self.talk.steps.push(Step { at, state: state_then, what });
        self.input(input);
    }

    fn arrives(&mut self, mut utterance: Utterance) -> Arrived {
        let lang = self.talk.persona.lang;
        if let Some(way) = &mut self.way {
            let (expected, today) = (self.expected.as_ref(), self.scene.today);
            return way(&Said { utterance: &utterance, lang, expected, today });
        }
        if lang != self.lang {
            // What a recognizer for one language makes of another: few words, and none that are sure.
            utterance.intent = Intent::OutOfScope;
            utterance.confidence = 0.15 + 0.3 * self.random.unit();
            utterance.entities = Default::default();
        }
        let noise = self.talk.persona.noise;
        noise.on(utterance, &mut self.random)
    }

    /// The agent's telephone rings.
    fn agent(&mut self) {
        let agent = AGENT.to_owned();
        let (after, result) = match self.random.between(0, 9) {
            0..=5 => (self.random.between(3_000, 20_000), None),
            6 | 7 => (60_000, None),
            8 => (30_000, Some(HandoverResult::NoAnswer)),
            _ => (2_000, Some(HandoverResult::Failed)),
        };
        self.pass(after.unsigned_abs());
        // The script may have given it up meanwhile.
        if self.over() || !std::mem::take(&mut self.dialling) {
            return;
        }
        self.note(What::Event(if result.is_none() {
            "an agent answers 坐席接听"
        } else {
            "no agent 无坐席"
        }));
        self.input(match result {
            None => Input::AgentJoined { agent },
            Some(result) => Input::AgentUnavailable { agent, result },
        });
    }
}

/// How long a text takes to be spoken [ms]: five syllables a second in Mandarin, fifteen letters in English.
pub fn speaking_ms(lang: Lang, text: &str) -> u64 {
    let count = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let each = match lang {
        Lang::Zh => 200,
        Lang::En => 66,
    };
    count.saturating_mul(each).max(400)
}
