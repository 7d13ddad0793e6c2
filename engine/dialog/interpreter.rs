//! The interpreter: one conversation, as a pure machine.
//!
//! It meets intents and entities and says prompts; time is an argument. Deliberately absent: SIP,
//! sound, models, the clock. A spurious timeout does nothing; nothing comes out after `Ended`.

mod echo;
mod hearing;
mod so_far;
mod transfer;
mod who;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::civil::Date;
use waihu_types::{
    Callback, Case, Disposition, FollowUp, Handover, HandoverResult, Intent, Lang, Promise, Question, Time,
};

pub use so_far::SoFar;
pub use transfer::Wait;

use crate::{
    condition::Who,
    io::{Answer, BargeIn, Conclusion, Expectation, Input, Output, Private, PromptId},
    memory::{Memory, Understood},
    parse::SMS,
    script::{Act, CallbackBy, End, Kind, Line, PromptIx, RedialAdvice, Script, StateIx},
};

/// How long to wait for words after a prompt was interrupted, before it is spoken again. People
/// who cut in go on within a second or two; a cough does not.
const INTERRUPT_WAIT: Duration = Duration::from_secs(4);
/// How often one line is gone on with after a false stop: then whoever makes the noise is not
/// listening. The last time only words stop it.
const MAX_REPLAYS: u32 = 3;
/// How much of what is said over lines that must be heard is kept for after them: people say one
/// thing or two, and who says more has forgotten the first.
const MAX_HELD: usize = 3;
/// How many of the last lines may come back as an echo: a question, and what was said before it.
const ECHOED: usize = 3;
/// How often a line that could not be spoken is tried again: its next wording may have a voice.
const MAX_FAILURES: u32 = 1;
/// Whoever says one of these is not who is meant, or may not be told: nothing more of the matter is said to them.
const FOR_NOBODY: [Intent; 4] =
    [Intent::WrongNumber, Intent::ThirdParty, Intent::Deceased, Intent::LegalRepresentation];
/// How long the closing words may take after a limit of the call, before it is cut.
const CLOSING_GRACE: Duration = Duration::from_secs(20);

/// One line about to be spoken.
#[derive(Clone, Copy, Debug)]
struct Speech {
    prompt: PromptIx,
    barge_in: BargeIn,
    private: bool,
}

impl Speech {
    fn of(line: &Line, private: bool) -> Self {
        Self { prompt: line.prompt, barge_in: line.barge_in, private }
    }

    fn must_be_heard(&self) -> bool {
        self.barge_in == BargeIn::MustBeHeard
    }
}

#[derive(Clone, Debug)]
enum Phase {
    Before,
    /// `current` is being spoken; once interrupted, words are waited for until then.
    Saying {
        id: PromptId,
        current: Speech,
        interrupted_until: Option<Time>,
    },
    Listening {
        until: Time,
        speaking: bool,
    },
    /// An agent is being dialled.
    Calling {
        until: Time,
    },
    Over,
}

/// The line that was spoken last, for telling whether a yes can be an answer to it.
#[derive(Clone, Copy, Debug)]
struct Spoken {
    must_be_heard: bool,
    since: Time,
    /// When it came to its end, if it has.
    until: Option<Time>,
}

/// What is answered when the lines are spoken.
#[derive(Clone, Debug)]
struct Held {
    utterance: Understood,
    began: Time,
}

/// One conversation of one call, running a [`Script`]. A copy is the conversation as it was: see
/// [`Interpreter::take_back`].
#[derive(Clone)]
pub struct Interpreter {
    script: Arc<Script>,
    lang: Lang,
    memory: Memory,
    state: StateIx,
    /// In an aside: the state that it led away from.
    back: Option<StateIx>,
    phase: Phase,
    outputs: VecDeque<Output>,
    /// Lines still to be spoken after the current one.
    queue: VecDeque<Speech>,
    /// How long to listen when the lines are spoken, where it is not the state's own time.
    listen_for: Option<Duration>,
    /// What was said over a line that must be heard, or a yes into a question that is not over: what
    /// is urgent first, then in its order.
    held: Vec<Held>,
    /// Whoever answered asks who is calling, and the person is waited for.
    screened: Option<who::Screened>,
    /// A voicemail box answered, and its tone is waited for.
    boxed: bool,
    line: Option<Spoken>,
    /// Whether the state's question was spoken to its end.
    asked: bool,
    /// How often each rule has applied. Both counts stand still at their greatest, which no call comes to.
    applied: Vec<u8>,
    /// How often each prompt was spoken: the wordings take turns.
    spoken: Vec<u8>,
    /// The last lines that were begun, the latest last: the prompt, and which of its turns.
    said: [Option<(u16, u8)>; ECHOED],
    replays: u32,
    /// How often the current line could not be spoken.
    failures: u32,
    silence_rung: usize,
    no_match_rung: usize,
    turns: u32,
    next_id: u32,
    heard_anything: bool,
    intents: Vec<Intent>,
    /// How many had been met when it was given up to understand the callee.
    unclear_after: Option<usize>,
    disclosed: bool,
    /// The same before the line that is being spoken.
    disclosed_before: bool,
    /// The end that was come to: it stands even when the callee hangs up over its words.
    settled: Option<End>,
    reached: Option<Disposition>,
    promise: Option<Promise>,
    callback: Option<Callback>,
    follow_ups: Vec<FollowUp>,
    /// A transfer was come to.
    sought: bool,
    /// Few calls have one, and it is large.
    handover: Option<Box<Handover>>,
    /// When the call is closed, or cut once it is closing.
    limit_at: Option<Time>,
    closing: Closing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    /// The limit has been reached; the line being spoken is finished first.
    Due,
    Under,
}

impl Interpreter {
    /// A conversation about `case`, on the day that is `today` at the callee's place.
    pub fn new(script: Arc<Script>, lang: Lang, case: &Case, today: Date) -> Self {
        let memory = Memory::new(case, lang, today, script.promise);
        let applied = vec![0; script.rules().map(|r| r.id + 1).max().unwrap_or(0)];
        let spoken = vec![0; script.prompts.names.len()];
        let state = script.start;
        Self {
            script,
            lang,
            memory,
            state,
            back: None,
            phase: Phase::Before,
            outputs: VecDeque::new(),
            queue: VecDeque::new(),
            listen_for: None,
            held: Vec::new(),
            screened: None,
            boxed: false,
            line: None,
            asked: false,
            applied,
            spoken,
            said: [None; ECHOED],
            replays: 0,
            failures: 0,
            silence_rung: 0,
            no_match_rung: 0,
            turns: 0,
            next_id: 0,
            heard_anything: false,
            intents: Vec::new(),
            unclear_after: None,
            disclosed: false,
            disclosed_before: false,
            settled: None,
            reached: None,
            promise: None,
            callback: None,
            follow_ups: Vec::new(),
            sought: false,
            handover: None,
            limit_at: None,
            closing: Closing::No,
        }
    }

    /// Every text that is known before dialling: all prompts, in every wording, but those with a
    /// value that only the callee can give. What is spoken later is exactly one of these, or new.
    pub fn prompts_to_prepare(&self) -> Vec<String> {
        let spoken = |ix: &PromptIx| !self.script.prompt_name(*ix).starts_with(SMS);
        let mut texts: Vec<String> = (0..self.script.prompts.names.len())
            .filter(spoken)
            .flat_map(|ix| self.script.wordings(self.lang, self.memory.kind(), ix))
            .filter(|t| !t.placeholders().any(|p| p.comes_from_the_callee()))
            .filter_map(|t| self.memory.fill(t))
            .collect();
        texts.sort_unstable();
        texts.dedup();
        texts
    }

    /// What its texts are made from: the wordings of the script, in its language, with its values.
    pub(crate) fn spoken_from(&self) -> (&Script, Lang, &Memory) {
        (self.script.as_ref(), self.lang, &self.memory)
    }

    /// The name of the state that the conversation is in.
    pub fn state_name(&self) -> &str {
        &self.script.state(self.state).name
    }

    /// Whether the person is known to be who was asked for.
    pub fn identity(&self) -> waihu_types::Identity {
        self.memory.identity.into()
    }

    /// The rules that have applied in this conversation.
    pub(crate) fn applied_rules(&self) -> impl Iterator<Item = usize> {
        self.applied.iter().enumerate().filter(|(_, times)| **times > 0).map(|(rule, _)| rule)
    }

    /// What is known beforehand of the callee's next words, true also while the state's line is spoken.
    pub fn expectation(&self) -> Expectation {
        let hear = self.script.hear.get(&self.lang).and_then(|states| states.get(&self.state));
        let own = hear.into_iter().flatten().map(String::as_str);
        let words = self.memory.words().chain(own).map(str::to_owned).collect();
        match &self.script.state(self.state).kind {
            Kind::Ask { listen, .. } => Expectation {
                intents: listen.expects.clone(),
                question: self.question_asked(),
                pause: listen.pause,
                words,
                examples: self.script.local_examples(self.lang, self.state),
            },
            _ => Expectation { words, ..Expectation::default() },
        }
    }

    /// Whether it is the callee's turn, and no line waits to be gone on with.
    pub fn is_listening(&self) -> bool {
        matches!(self.phase, Phase::Listening { .. })
    }

    fn question_asked(&self) -> Question {
        match &self.script.state(self.state).kind {
            Kind::Ask { listen, .. } => listen.question,
            _ => Question::Open,
        }
    }

    /// The conversation is `before` again, a copy from before the last words: the callee had not
    /// finished. Of the debt, what the answer has spoken stays spoken, however little it was.
    pub fn take_back(&mut self, before: Self, answer: Answer) {
        let (next_id, disclosed) = (self.next_id, self.disclosed);
        *self = before;
        self.next_id = self.next_id.max(next_id);
        self.disclosed |= disclosed && answer == Answer::Begun;
        self.outputs.clear();
    }

    /// Takes in what has happened.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match (&self.phase, input) {
            (Phase::Over, _) => {}
            (Phase::Before, Input::Start) => {
                self.limit_at = Some(now + self.script.limits.max_time);
                self.enter(now, self.script.start, Vec::new());
            }
            (_, Input::CalleeHungUp) => {
                self.settle_held();
                self.conclude("the call is over");
            }
            (_, Input::Voicemail) => self.voicemail(now),
            (_, Input::Beep) => self.beep(now),
            (_, Input::NoPerson { disposition }) => self.no_person(disposition),
            (Phase::Before, _) | (_, Input::Start) => {}
            (_, Input::PromptDone { id }) => self.prompt_done(now, id),
            (_, Input::PromptInterrupted { id, played_ms }) => self.prompt_interrupted(now, id, played_ms),
            (_, Input::PromptFailed { id }) => self.prompt_failed(now, id),
            (_, Input::SpeechStarted) => self.speech_started(now),
            (_, Input::Screening) => self.screening(now),
            (_, Input::Person) => self.person(now, None),
            (_, Input::Heard { utterance, .. }) if !self.boxed && self.is_an_echo(&utterance) => {
                self.trace("our own line comes back");
                self.unintelligible(now);
            }
            (_, Input::Heard { utterance, began }) if self.boxed => {
                self.heard_from_a_box(now, utterance, began);
            }
            (_, Input::Heard { utterance, began }) if self.screened.is_some() => {
                self.heard_screened(now, utterance, began);
            }
            (_, Input::Heard { utterance, began }) => {
                let utterance = self.understood(utterance);
                if self.is_too_early(began, &utterance) {
                    self.heard_too_early(now, &utterance);
                } else {
                    self.heard(now, Held { utterance, began });
                }
            }
            (_, Input::Digit(_)) if self.boxed => self.trace("a key while a box has the line"),
            (_, Input::Digit(key)) => match self.script.digits.get(&key).copied() {
                Some(intent) => self.key_pressed(now, intent),
                None => self.trace("a key without a meaning"),
            },
            (_, Input::Unintelligible) => self.unintelligible(now),
            (_, Input::BackChannel) => self.murmured(now),
            (_, Input::AgentJoined { agent }) => self.agent_joined(agent),
            (_, Input::AgentLost) => self.agent_lost(now),
            (_, Input::AgentUnavailable { agent, result }) => self.agent_unavailable(now, agent, result),
            (_, Input::Timeout) => self.timeout(now),
        }
    }

    /// The next thing to do; ask until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due, if at all.
    pub fn poll_timeout(&self) -> Option<Time> {
        let own = match self.phase {
            Phase::Over | Phase::Before => return None,
            Phase::Saying { interrupted_until, .. } => interrupted_until,
            Phase::Listening { until, .. } | Phase::Calling { until } => Some(until),
        };
        [own, self.limit_at].into_iter().flatten().min()
    }

    fn trace(&mut self, why: impl Into<String>) {
        let state = self.script.state(self.state).name.clone();
        self.outputs.push_back(Output::Trace { state, why: why.into() });
    }

    // What is spoken.

    /// Goes to a state and speaks its lines after `first`.
    fn enter(&mut self, now: Time, to: StateIx, first: Vec<Speech>) {
        let script = self.script.clone();
        let (state, before) = (script.state(to), script.state(self.state));
        if !state.aside {
            self.back = None;
        } else if !before.aside {
            self.back = before.kind.can_be_left().then_some(self.state);
        }
        self.state = to;
        self.sought |= matches!(state.kind, Kind::Transfer { .. });
        (self.silence_rung, self.no_match_rung, self.listen_for) = (0, 0, None);
        (self.asked, self.boxed) = (false, false);
        self.reached = state.reached.or(self.reached);
        self.trace("entered");
        self.carry_out(&state.acts, state.private);
        if let Kind::End(end) = &state.kind {
            self.settle(*end);
        }
        let own = state.say.iter().map(|l| Speech::of(l, state.private));
        self.speak(now, first.into_iter().chain(own));
    }

    /// Takes down what is wanted beside the talk; one message is sent once. Nothing private goes out to
    /// somebody unconfirmed.
    fn carry_out(&mut self, acts: &[Act], private: bool) {
        let script = self.script.clone();
        for act in acts {
            let follow_up = match act {
                Act::Note(words) => FollowUp::Note { words: words.to_string() },
                Act::Sms(_) if private && self.memory.identity != Who::Confirmed => continue,
                Act::Sms(line) => {
                    let wording = script.wordings(self.lang, self.memory.kind(), line.prompt).first();
                    let Some(text) = wording.and_then(|w| self.memory.fill(w)) else {
                        self.trace("a message is left out: a value is missing");
                        continue;
                    };
                    let template = script.prompt_name(line.prompt).trim_start_matches(SMS).to_owned();
                    FollowUp::Sms { template, text }
                }
            };
            if !self.follow_ups.contains(&follow_up) {
                // Calls leave one, or none.
                self.follow_ups.reserve_exact(1);
                self.follow_ups.push(follow_up);
            }
        }
    }

    /// Takes down what an end decides, before its words: they may be cut off.
    fn settle(&mut self, end: End) {
        if end.disposition == Disposition::PromiseToPay {
            self.promise = self.memory.promise();
        }
        if end.callback == Some(CallbackBy::Agent) {
            self.memory.wait_for_agents();
        }
        self.callback = end.callback.map(|by| Callback {
            date: self.memory.callback_date,
            time: self.memory.callback_time,
            by_agent: by == CallbackBy::Agent,
        });
        let disposition = match (self.reached, end.after_disclosure) {
            (Some(reached), _) if end.keep_reached => reached,
            (_, Some(after)) if self.disclosed => after,
            _ => end.disposition,
        };
        self.settled = Some(End { disposition, ..end });
    }

    fn speak(&mut self, now: Time, lines: impl IntoIterator<Item = Speech>) {
        self.queue = lines.into_iter().collect();
        self.next_line(now);
    }

    /// Speaks the next line, or does what follows the last.
    fn next_line(&mut self, now: Time) {
        (self.replays, self.failures) = (0, 0);
        if self.closing == Closing::Due && self.settled.is_none() {
            self.close(now, "the time of a call is over");
            return;
        }
        while let Some(line) = self.queue.pop_front() {
            if self.say(now, line) {
                return;
            }
        }
        self.lines_done(now);
    }

    /// Speaks a line; false where it may not or cannot be spoken.
    fn say(&mut self, now: Time, line: Speech) -> bool {
        // Proved by the check of the script, and held here once more: it is the law.
        if line.private && self.memory.identity != Who::Confirmed {
            self.trace("a private line is withheld: the person is not confirmed");
            return false;
        }
        let script = self.script.clone();
        let wording = self.wording(line.prompt, self.spoken[line.prompt]);
        let text = wording.and_then(|w| self.memory.fill(w));
        let Some(text) = text else {
            self.trace("a line is left out: a value is missing");
            return false;
        };
        self.said.rotate_left(1);
        // No script has more prompts than that.
        let prompt = u16::try_from(line.prompt).ok();
        self.said[ECHOED - 1] = prompt.map(|prompt| (prompt, self.spoken[line.prompt]));
        self.spoken[line.prompt] = self.spoken[line.prompt].saturating_add(1);
        (self.disclosed_before, self.disclosed) = (self.disclosed, self.disclosed || line.private);
        let id = PromptId(self.next_id);
        self.next_id += 1;
        self.line = Some(Spoken { must_be_heard: line.must_be_heard(), since: now, until: None });
        self.phase = Phase::Saying { id, current: line, interrupted_until: None };
        self.outputs.push_back(Output::Say {
            id,
            prompt: script.prompt_name(line.prompt).clone(),
            text,
            barge_in: line.barge_in,
            private: if line.private { Private::Yes } else { Private::No },
        });
        true
    }

    /// All lines are spoken: listen, go on, dial or end.
    fn lines_done(&mut self, now: Time) {
        if self.screened.is_some() {
            self.wait_for_the_person(now);
            return;
        }
        let script = self.script.clone();
        let state = script.state(self.state);
        match &state.kind {
            Kind::Ask { listen, .. } => {
                let timeout = self.listen_for.take().unwrap_or(listen.timeout);
                self.phase = Phase::Listening { until: now + timeout, speaking: false };
                self.asked = self.line.is_some_and(|line| line.until.is_some());
                let mut early = None;
                while !self.held.is_empty() {
                    let held = self.held.remove(0);
                    if !self.is_too_early(held.began, &held.utterance) {
                        self.respond(now, held.utterance);
                        return;
                    }
                    early = Some(held.utterance);
                }
                self.outputs.push_back(Output::Listen { timeout, expectation: self.expectation() });
                if let Some(early) = early {
                    self.heard_too_early(now, &early);
                }
            }
            Kind::Pass { next } => {
                // Who says over a notice not to be called, or that they are not who is meant, hears no more of the
                // matter.
                let held = std::mem::take(&mut self.held);
                let is_heeded = |h: &Held| {
                    let intent = h.utterance.intent;
                    (self.is_urgent(intent) || FOR_NOBODY.contains(&intent))
                        && self.heed_urgently(now, &h.utterance)
                };
                if !held.iter().any(is_heeded) {
                    self.held = held;
                    self.enter(now, *next, Vec::new());
                }
            }
            Kind::Back => self.go_back(now),
            Kind::Transfer { timeout, skills, .. } => {
                let reason = self.reason();
                self.outputs.push_back(Output::DialAgent { reason, skills: skills.clone() });
                self.phase = Phase::Calling { until: now + *timeout };
                for held in std::mem::take(&mut self.held) {
                    self.heard(now, held);
                }
            }
            Kind::End(_) => {
                let held = std::mem::take(&mut self.held);
                if held.iter().any(|h| self.heed_urgently(now, &h.utterance)) {
                    return;
                }
                self.outputs.push_back(Output::HangUp);
                self.conclude("an end");
            }
        }
    }

    /// Asks again what an aside led away from, or goes on from there.
    fn go_back(&mut self, now: Time) {
        let Some(to) = self.back.take() else {
            // The check proves that there is a way back.
            self.close(now, "nothing to go back to");
            return;
        };
        let script = self.script.clone();
        if let Kind::Pass { next } = script.state(to).kind {
            self.enter(now, next, Vec::new());
            return;
        }
        self.state = to;
        (self.silence_rung, self.no_match_rung, self.listen_for) = (0, 0, None);
        self.asked = false;
        self.trace("back");
        let question = self.question();
        self.speak(now, question);
    }

    fn prompt_done(&mut self, now: Time, done: PromptId) {
        if matches!(self.phase, Phase::Saying { id, .. } if id == done) {
            self.line = self.line.map(|line| Spoken { until: Some(now), ..line });
            self.next_line(now);
        }
    }

    fn prompt_interrupted(&mut self, now: Time, by: PromptId, played_ms: u64) {
        let Phase::Saying { id, current, interrupted_until } = &mut self.phase else { return };
        if *id != by {
            return;
        }
        // Any of it that was heard counts as told, and nothing of it as untold.
        match played_ms {
            0 => self.disclosed = self.disclosed_before,
            _ => self.disclosed_before = self.disclosed,
        }
        if current.must_be_heard() {
            self.trace("a line that must be heard was interrupted");
            self.replay(now);
        } else if interrupted_until.is_none() {
            *interrupted_until = Some(now + INTERRUPT_WAIT);
        }
    }

    /// Speaks the current line again, once; then the fault is ours, and the call is over. An end
    /// stands without its words, and an agent who is wanted is dialled without them.
    fn prompt_failed(&mut self, now: Time, failed: PromptId) {
        let Phase::Saying { id, current, .. } = self.phase else { return };
        if id != failed {
            return;
        }
        self.trace("a line could not be spoken");
        self.disclosed = self.disclosed_before;
        self.failures += 1;
        if self.failures <= MAX_FAILURES && self.say(now, current) {
            return;
        }
        if self.settled.is_some() || matches!(self.script.state(self.state).kind, Kind::Transfer { .. }) {
            self.next_line(now);
            return;
        }
        self.settle_held();
        if self.settled.is_none() {
            self.settled = Some(End::of(self.reached.unwrap_or(Disposition::EngineFailed)));
        }
        self.outputs.push_back(Output::HangUp);
        self.conclude("our own voice failed");
    }

    /// Goes on with the line that was interrupted, unless that has been in vain; in an end it leaves
    /// it. What must be heard is spoken again from its beginning.
    fn replay(&mut self, now: Time) {
        let Phase::Saying { id, current, .. } = self.phase else { return };
        let ending = self.settled.is_some() && !current.must_be_heard();
        self.replays += 1;
        if ending || self.replays > MAX_REPLAYS || self.closing == Closing::Due {
            self.next_line(now);
        } else if current.must_be_heard() {
            if !self.say(now, current) {
                self.next_line(now);
            }
        } else {
            let barge_in = if self.replays == MAX_REPLAYS { BargeIn::ByWords } else { current.barge_in };
            self.disclosed |= current.private;
            self.phase = Phase::Saying { id, current, interrupted_until: None };
            self.outputs.push_back(Output::Resume { id, barge_in });
        }
    }

    // Agents, voicemail, limits, the end.

    fn agent_joined(&mut self, agent: String) {
        if !self.sought {
            self.trace("an agent joined whom nobody dialled");
            return;
        }
        // Where the callee's side was asked to call them, they may be faster than the words before, or come when nobody
        // waits for them any more: what was settled meanwhile stands.
        let waits = self.agent_wanted().is_some();
        if !waits {
            self.settle_held();
        }
        if waits || self.settled.is_none() {
            self.handover = Some(Box::new(Handover::of(agent, HandoverResult::Joined)));
            self.settled = Some(End::of(Disposition::HandedOver));
        }
        self.outputs.push_back(Output::LeaveToAgent);
        self.conclude("an agent has taken the call");
    }

    /// The words of the transfer are said anew, and the next agent is sought.
    fn agent_lost(&mut self, now: Time) {
        if matches!(self.phase, Phase::Calling { .. }) {
            self.trace("the agent was lost");
            self.enter(now, self.state, Vec::new());
        }
    }

    fn agent_unavailable(&mut self, now: Time, agent: String, result: HandoverResult) {
        let script = self.script.clone();
        if let (Phase::Calling { .. }, Kind::Transfer { failed, .. }) =
            (&self.phase, &script.state(self.state).kind)
        {
            self.handover = Some(Box::new(Handover::of(agent, result)));
            self.enter(now, *failed, Vec::new());
        }
    }

    /// Whether the turns are used up; then the call is being closed.
    fn over_turns(&mut self, now: Time) -> bool {
        let over = self.turns > self.script.limits.max_turns && self.settled.is_none();
        if over {
            self.close(now, "the turns of a call are over");
        }
        over
    }

    fn close(&mut self, now: Time, why: &str) {
        self.trace(why);
        if matches!(self.phase, Phase::Calling { .. }) {
            self.outputs.push_back(Output::CancelAgent);
        }
        self.closing = Closing::Under;
        // What is urgent is heeded after the closing words; all else comes too late.
        let urgent = &self.script.confidence.urgent_intents;
        self.held.retain(|held| urgent.contains(&held.utterance.intent));
        self.screened = None;
        self.limit_at = Some(now + CLOSING_GRACE);
        self.enter(now, self.script.limits.to, Vec::new());
    }

    fn timeout(&mut self, now: Time) {
        if self.limit_at.is_some_and(|at| now >= at) {
            self.limit_reached(now);
            return;
        }
        match self.phase {
            Phase::Saying { interrupted_until: Some(until), .. } if now >= until => {
                self.trace("interrupted, and nothing was said");
                self.replay(now);
            }
            Phase::Listening { until, .. } if now >= until && self.boxed => {
                self.trace("no tone is to be heard");
                self.enter(now, self.script.voicemail, Vec::new());
            }
            Phase::Listening { until, .. } if now >= until && self.screened.is_some() => {
                self.nobody_came(now);
            }
            Phase::Listening { until, speaking } if now >= until => {
                if speaking {
                    self.unintelligible(now);
                } else {
                    self.silent(now);
                }
            }
            Phase::Calling { until } if now >= until => {
                self.outputs.push_back(Output::CancelAgent);
                self.agent_unavailable(now, String::new(), HandoverResult::NoAnswer);
            }
            _ => {}
        }
    }

    fn limit_reached(&mut self, now: Time) {
        match (self.closing, &self.phase) {
            (Closing::No, Phase::Saying { .. }) => {
                // No sentence is cut in half; if it never ends, the grace is the net.
                self.closing = Closing::Due;
                self.limit_at = Some(now + CLOSING_GRACE);
            }
            (Closing::No, _) => self.close(now, "the time of a call is over"),
            (Closing::Due | Closing::Under, _) => {
                self.settle_held();
                self.outputs.push_back(Output::HangUp);
                self.conclude("the closing took too long");
            }
        }
    }

    fn conclude(&mut self, why: &str) {
        self.trace(why);
        let disposition = self.settled.map(|end| end.disposition).or(self.reached).unwrap_or({
            if !self.heard_anything && self.silence_rung > 0 {
                Disposition::Silence
            } else {
                Disposition::HungUp
            }
        });
        if self.promise.is_none() && disposition == Disposition::PromiseToPay {
            // The call was cut off after the yes, before its end was come to.
            self.promise = self.memory.promise();
        }
        self.phase = Phase::Over;
        self.queue.clear();
        self.outputs.push_back(Output::Ended(Conclusion {
            disposition,
            identity: self.memory.identity.into(),
            debt_disclosed: self.disclosed,
            promise: self.promise.take(),
            callback: self.callback.take(),
            follow_ups: std::mem::take(&mut self.follow_ups),
            intents: std::mem::take(&mut self.intents),
            handover: self.handover.take().map(|handover| *handover),
            redial: self.settled.map_or(RedialAdvice::ByRule, |end| end.redial),
            turns: self.turns,
        }));
    }
}
