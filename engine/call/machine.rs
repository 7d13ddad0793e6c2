//! The call machine.

use std::{collections::VecDeque, time::Duration};

use waihu_dialog as dialog;
use waihu_dialog::{BargeIn, Conclusion, Expectation, Interpreter, PromptId, Utterance};
use waihu_sip::sdp::SessionDescription;
use waihu_types::{Announcement, AnsweredBy, EndedBy, Lang, SipCause, Time, Told};

use crate::{
    seam::{ConsultEnd, Ending, Input, Leg, Line, MediaEvent, Output, Part, PlaybackId, Speaker},
    transfer::Transfer,
    turn::{Turn, heard},
};

mod agent_leg;
mod callee_leg;
mod consult;
mod early;
mod hearing;
mod who;

pub use hearing::GOES_ON_WITHIN;

/// After a hang-up the far side has this long to say so; then the call is over all the same.
/// RFC 3261 gives a BYE 32 s; by then the outcome has long been wanted.
const LINGER: Duration = Duration::from_secs(3);

/// Who sends nothing in a talk of two people for so long is gone: muted phones are silent for less.
pub const DEAD_AFTER: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LegState {
    Idle,
    Ringing,
    Up,
    Ending,
    Over,
}

/// One call from the INVITE to its end. See the crate's page for its place.
pub struct CallMachine {
    lang: Lang,
    /// How long the callee's phone may ring.
    ring: Duration,
    interpreter: Interpreter,
    turn: Turn,
    /// What was last told to be expected.
    expected: Expectation,
    /// The first part of a turn that goes on, and when it began.
    unfinished: Option<(Utterance, Time)>,
    answered: Option<hearing::Answered>,
    /// How many parts the turn has been joined from.
    joins: u32,
    /// The dialog did what cannot be undone.
    acted: bool,
    callee: LegState,
    early: early::Early,
    transfer: Transfer,
    consult: Option<consult::Consult>,
    outputs: VecDeque<Output>,
    conclusion: Option<Conclusion>,
    answered_at: Option<Time>,
    answered_by: AnsweredBy,
    announcement: Option<Announcement>,
    told: Option<Told>,
    /// Something came that no box has: a key, or words that answer.
    person_heard: bool,
    sip: Option<SipCause>,
    because: Vec<waihu_sip::identity::Cause>,
    ended_by: Option<EndedBy>,
    rang_out: bool,
    /// Something came back for the INVITE before its final answer.
    rang: bool,
    /// A fault of ours ended it.
    engine_failed: bool,
    /// Since then the bot has left the call to an agent.
    with_agent: Option<Time>,
    /// How long agents had the call before: the dialog's time stood still meanwhile.
    talked: Duration,
    /// The callee hears music while they wait.
    music: bool,
    ring_until: Option<Time>,
    linger_until: Option<Time>,
    ended: bool,
}

impl CallMachine {
    /// A call that is yet to be placed. The callee's phone may `ring` for so long.
    pub fn new(interpreter: Interpreter, lang: Lang, ring: Duration) -> Self {
        Self {
            lang,
            ring,
            interpreter,
            turn: Turn::default(),
            expected: Expectation::default(),
            unfinished: None,
            answered: None,
            joins: 0,
            acted: false,
            callee: LegState::Idle,
            early: early::Early::default(),
            transfer: Transfer::new(),
            consult: None,
            outputs: VecDeque::new(),
            conclusion: None,
            answered_at: None,
            answered_by: AnsweredBy::Nobody,
            announcement: None,
            told: None,
            person_heard: false,
            sip: None,
            because: Vec::new(),
            ended_by: None,
            rang_out: false,
            rang: false,
            engine_failed: false,
            with_agent: None,
            talked: Duration::ZERO,
            music: false,
            ring_until: None,
            linger_until: None,
            ended: false,
        }
    }

    /// Takes what happened at `now`.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        if self.ended {
            return;
        }
        match input {
            Input::Dial => self.dial(now),
            Input::Sip { leg: Leg::Callee, event } => self.callee_signalling(now, event),
            Input::Sip { leg: Leg::Agent, event } => self.agent_signalling(now, event),
            Input::Sip { leg: Leg::Consulted, event } => self.consulted_signalling(now, event),
            Input::Media(event) => self.media(now, event),
            Input::Speech(event) => self.speech(now, event),
            Input::Agent(event) => self.agent(now, event),
            Input::Consulted(event) => self.consulted(now, event),
            Input::Wish(wish) => self.wished(now, wish),
            Input::Stop => self.hang_up(now, EndedBy::Us),
            Input::Timeout => self.timeout(now),
        }
        self.interpret(now);
        self.look_ahead(now);
        self.keep_company();
        self.end_if_over(now);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `Input::Timeout` is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.ended {
            return None;
        }
        [
            self.ring_until,
            self.early.give_up_at(),
            self.transfer.join_until(),
            self.consult.as_ref().and_then(consult::Consult::join_until),
            self.transfer.words_at.filter(|_| self.dialog_runs()),
            self.ahead_at(),
            self.linger_until,
            if self.dialog_runs() {
                self.interpreter.poll_timeout().map(|at| at + self.talked)
            } else {
                None
            },
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn dial(&mut self, now: Time) {
        if self.callee == LegState::Idle {
            self.callee = LegState::Ringing;
            self.ring_until = Some(now + self.ring);
            self.outputs.push_back(Output::InviteCallee);
        }
    }

    fn media(&mut self, now: Time, event: MediaEvent) {
        match event {
            // Keys and pauses of early media are the network's.
            MediaEvent::Digit(_) | MediaEvent::NoAudio { .. } if self.answered_at.is_none() => {}
            MediaEvent::PlaybackStarted(id) => self.turn.begun(now, id),
            MediaEvent::PlaybackDone(id) => self.prompt_over(now, id, None),
            MediaEvent::PlaybackStopped { id, played_ms, heard_bytes } => {
                self.prompt_over(now, id, Some((played_ms, heard_bytes)));
            }
            MediaEvent::PlaybackFailed(id) => {
                if let Some(over) = self.turn.over(id).filter(|over| !over.gave_way) {
                    self.note(now, format!("prompt {} could not be spoken", over.prompt.0));
                    self.tell_dialog(now, dialog::Input::PromptFailed { id: over.prompt });
                }
            }
            MediaEvent::Digit(digit) => {
                self.answered_by = AnsweredBy::Human;
                self.person_heard = true;
                self.note(now, "key pressed".to_owned());
                self.tell_dialog(now, dialog::Input::Digit(digit));
            }
            MediaEvent::Lost => {
                self.note(now, "the media of the call was lost".to_owned());
                self.engine_failed = true;
                self.hang_up(now, EndedBy::Us);
            }
            MediaEvent::NoAudio { lasting } => {
                self.note(now, format!("no audio from the callee for {} s", lasting.as_secs()));
                if self.with_agent.is_some() && lasting >= DEAD_AFTER {
                    self.hang_up(now, EndedBy::Network);
                }
            }
        }
    }

    /// A prompt was played out, or stopped there [ms, bytes].
    fn prompt_over(&mut self, now: Time, id: PlaybackId, stopped: Option<(u64, usize)>) {
        let Some(over) = self.turn.over(id) else { return };
        if let Some((played_ms, heard_bytes)) = stopped {
            let words = match heard(&over.text, heard_bytes) {
                "" => String::new(),
                words => format!(", heard: {words}"),
            };
            self.note(now, format!("prompt {} was cut short after {played_ms} ms{words}", over.prompt.0));
        }
        if over.gave_way {
            return;
        }
        let id = over.prompt;
        match stopped {
            None => {
                self.joins = 0;
                self.tell_dialog(now, dialog::Input::PromptDone { id });
            }
            Some((played_ms, heard_bytes)) => {
                self.turn.broke_off(over, played_ms, heard_bytes);
                self.tell_dialog(now, dialog::Input::PromptInterrupted { id, played_ms });
            }
        }
        self.interpret(now);
        // Words that began over the prompt are waited for as if they had begun after it.
        if self.turn.is_quiet() && self.turn.words_to_come() {
            self.tell_dialog(now, dialog::Input::SpeechStarted);
        }
    }

    fn timeout(&mut self, now: Time) {
        let due = |t: Option<Time>| t.is_some_and(|t| t <= now);
        if due(self.ring_until) || due(self.early.give_up_at()) {
            self.ring_until = None;
            self.early.given_up();
            self.rang_out = true;
            self.linger_until = Some(now + LINGER);
            self.outputs.push_back(Output::Hangup(Leg::Callee));
        }
        if due(self.transfer.join_until()) {
            self.agent_is_lost(now);
        }
        if due(self.consult.as_ref().and_then(consult::Consult::join_until)) {
            self.consult_over(now, ConsultEnd::Gone);
        }
        if self.dialog_runs() && due(self.transfer.words_at) {
            self.words_are_due(now);
        }
        if due(self.linger_until) {
            // The last word of a phone that rings out is its 487; a trunk that never spoke has none.
            self.rang_out &= self.rang;
            self.callee = LegState::Over;
            self.turn.forget_words();
            self.early.forget_words();
        }
        if self.dialog_runs() && self.interpreter.poll_timeout().is_some_and(|at| at + self.talked <= now) {
            self.tell_dialog(now, dialog::Input::Timeout);
        }
    }

    /// How the conversation stands, for a person who is to go on with it.
    pub fn so_far(&self) -> dialog::SoFar {
        self.interpreter.so_far()
    }

    /// Whether the dialog still has a say.
    fn dialog_runs(&self) -> bool {
        self.callee == LegState::Up && self.with_agent.is_none()
    }

    fn tell_dialog(&mut self, now: Time, input: dialog::Input) {
        // With anything else happening, the last answer stands.
        if input != dialog::Input::SpeechStarted {
            self.answered = None;
        }
        // While an agent has the call, the dialog waits for one still, since it may have to go on; in the end it
        // learns who it was.
        let is_end = matches!(input, dialog::Input::CalleeHungUp);
        if let Some(agent) = self.transfer.agent().filter(|_| self.with_agent.is_some() && is_end) {
            let joined = dialog::Input::AgentJoined { agent: agent.name.clone() };
            self.interpreter.handle_input(self.dialogs(now), joined);
        }
        if self.with_agent.is_none() || is_end {
            let input = match input {
                dialog::Input::Heard { utterance, began } => {
                    dialog::Input::Heard { utterance, began: self.dialogs(began) }
                }
                input => input,
            };
            self.interpreter.handle_input(self.dialogs(now), input);
        }
    }

    /// The dialog's time: it stands still while an agent talks, so that nothing has run out when the bot comes back.
    fn dialogs(&self, at: Time) -> Time {
        let since = self.with_agent.map_or(Duration::ZERO, |since| at.since(since));
        Time::ZERO + at.since(Time::ZERO + self.talked + since)
    }

    /// Carries out what the dialog decided.
    fn interpret(&mut self, now: Time) {
        while let Some(output) = self.interpreter.poll_output() {
            use dialog::Output as O;
            self.acted |= matches!(
                output,
                O::DialAgent { .. } | O::CancelAgent | O::LeaveToAgent | O::HangUp | O::Ended(_)
            );
            match output {
                dialog::Output::Say { id, text, barge_in, .. } => self.say(now, id, text, barge_in),
                dialog::Output::Resume { id, barge_in } => self.go_on(now, id, barge_in),
                dialog::Output::Listen { .. } => self.hush(),
                dialog::Output::DialAgent { reason, skills } => {
                    self.hush();
                    self.dial_agent(now, reason, &skills);
                }
                dialog::Output::CancelAgent => self.seek_no_longer(now),
                // It is left to them already: see `end_if_over`.
                dialog::Output::LeaveToAgent => self.hush(),
                dialog::Output::HangUp => self.hang_up(now, EndedBy::Us),
                dialog::Output::Ended(conclusion) => self.conclusion = Some(conclusion),
                dialog::Output::Trace { state, why } => self.note(now, format!("{state}: {why}")),
            }
        }
        let expected = self.interpreter.expectation();
        if self.expected != expected {
            self.outputs.push_back(Output::Expect(expected.clone()));
            self.expected = expected;
        }
    }

    pub(super) fn say(&mut self, now: Time, prompt: PromptId, text: String, barge_in: BargeIn) {
        if self.callee != LegState::Up {
            return;
        }
        self.hush();
        let id = self.turn.begin(prompt, text.clone(), barge_in);
        let line = Line { at: now, speaker: Speaker::Bot, text: text.clone(), understood: None };
        self.outputs.push_back(Output::Line(line));
        self.stop_music();
        self.outputs.push_back(Output::Play { id, text, from_ms: 0 });
    }

    /// Goes on with a prompt that was stopped.
    fn go_on(&mut self, now: Time, prompt: PromptId, barge_in: BargeIn) {
        if self.callee != LegState::Up {
            return;
        }
        self.hush();
        match self.turn.go_on(prompt, barge_in) {
            Some((id, text, from_ms)) => {
                self.note(now, format!("prompt {} goes on from {from_ms} ms", prompt.0));
                self.stop_music();
                self.outputs.push_back(Output::Play { id, text, from_ms });
            }
            // It is no longer known: the dialog says it anew.
            None => self.tell_dialog(now, dialog::Input::PromptFailed { id: prompt }),
        }
    }

    /// Stops what is being spoken: the dialog has moved on.
    fn hush(&mut self) {
        if self.turn.give_way() {
            self.outputs.push_back(Output::StopPlayback);
        }
    }

    fn hang_up(&mut self, now: Time, by: EndedBy) {
        self.hush();
        if matches!(self.callee, LegState::Ringing | LegState::Up) {
            if self.answered_at.is_some() {
                self.ended_by.get_or_insert(by);
            }
            self.callee = LegState::Ending;
            self.outputs.push_back(Output::Hangup(Leg::Callee));
        }
        self.linger_until.get_or_insert(now + LINGER);
        self.ring_until = None;
        self.early.given_up();
    }

    fn end_if_over(&mut self, now: Time) {
        if self.callee != LegState::Over {
            return;
        }
        let last_words = match self.answered_at {
            Some(_) => self.conclusion.is_none() && self.with_agent.is_none() && self.turn.words_to_come(),
            None => self.early.words_to_come(),
        };
        if last_words {
            self.linger_until.get_or_insert(now + LINGER);
            return;
        }
        let handover = self.transfer.end(now);
        if self.conclusion.is_none() {
            self.finish_words(now);
            self.tell_dialog(now, dialog::Input::CalleeHungUp);
            self.interpret(now);
        }
        self.seek_no_longer(now);
        self.ended = true;
        if let Some(conclusion) = self.conclusion.take() {
            self.outputs.push_back(Output::Ended(Box::new(Ending {
                conclusion,
                answered_at: self.answered_at,
                answered_by: self.answered_by,
                announcement: self.announcement,
                told: self.told,
                sip: self.sip.take(),
                because: std::mem::take(&mut self.because),
                ended_by: self.ended_by,
                rang_out: self.rang_out,
                handover,
                engine_failed: self.engine_failed,
            })));
        }
    }

    fn connect(&mut self, leg: Leg, part: Part, remote: SessionDescription) {
        self.outputs.push_back(Output::Connect { leg, part, remote: Box::new(remote) });
    }

    fn note(&mut self, at: Time, text: String) {
        self.outputs.push_back(Output::Line(Line { at, speaker: Speaker::System, text, understood: None }));
    }
}
