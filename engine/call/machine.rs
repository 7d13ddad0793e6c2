//! The call machine.

use std::{collections::VecDeque, time::Duration};

use waihu_dialog as dialog;
use waihu_dialog::{BargeIn, Conclusion, Interpreter, PromptId, Utterance};
use waihu_types::{AnsweredBy, EndedBy, HandoverResult, Intent, Lang, SipCause, Time};

use crate::{
    agents::{Agents, Desk},
    answered::is_voicemail_greeting,
    seam::{Ending, Input, Leg, Line, MediaEvent, Output, PlaybackId, Speaker, SpeechEvent},
    turn::Turn,
};

mod agent_leg;

/// After a hang-up the far side has this long to say so; then the call is over all the same.
/// RFC 3261 gives a BYE 32 s; by then the outcome has long been wanted.
const LINGER: Duration = Duration::from_secs(3);

/// A callee who sends nothing to the agent for so long is gone: muted phones are silent for less.
const DEAD_AFTER: Duration = Duration::from_secs(120);

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
    /// What the classifier was last told to expect.
    expected: Vec<Intent>,
    callee: LegState,
    agents: Agents,
    outputs: VecDeque<Output>,
    conclusion: Option<Conclusion>,
    answered_at: Option<Time>,
    answered_by: AnsweredBy,
    /// Something came that no box has: a key, or words that answer.
    person_heard: bool,
    sip: Option<SipCause>,
    ended_by: Option<EndedBy>,
    rang_out: bool,
    /// Something came back for the INVITE before its final answer.
    rang: bool,
    /// A fault of ours ended it.
    engine_failed: bool,
    /// The bot has left the call to the agent.
    with_agent: bool,
    ring_until: Option<Time>,
    linger_until: Option<Time>,
    ended: bool,
}

impl CallMachine {
    /// A call that is yet to be placed. The callee's phone may `ring` for so long; the `desks` are asked
    /// in their order when an agent is wanted.
    pub fn new(interpreter: Interpreter, lang: Lang, ring: Duration, desks: Vec<Desk>) -> Self {
        Self {
            lang,
            ring,
            interpreter,
            turn: Turn::default(),
            expected: Vec::new(),
            callee: LegState::Idle,
            agents: Agents::new(desks),
            outputs: VecDeque::new(),
            conclusion: None,
            answered_at: None,
            answered_by: AnsweredBy::Nobody,
            person_heard: false,
            sip: None,
            ended_by: None,
            rang_out: false,
            rang: false,
            engine_failed: false,
            with_agent: false,
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
            Input::Media(event) => self.media(now, event),
            Input::Speech(event) => self.speech(now, event),
            Input::Stop => self.hang_up(now, EndedBy::Us),
            Input::Timeout => self.timeout(now),
        }
        self.interpret(now);
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
            self.agents.ring_until,
            self.linger_until,
            if self.dialog_runs() { self.interpreter.poll_timeout() } else { None },
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

    fn callee_signalling(&mut self, now: Time, event: waihu_sip::Event) {
        use waihu_sip::Event as E;
        if self.callee == LegState::Over {
            return;
        }
        match event {
            E::Provisional { code, .. } => {
                self.rang = true;
                if code > 100 {
                    self.note(now, format!("SIP {code}"));
                }
            }
            E::Answered { sdp } if self.callee == LegState::Ringing && !self.rang_out => {
                self.callee = LegState::Up;
                self.ring_until = None;
                self.answered_at = Some(now);
                self.answered_by = AnsweredBy::Unknown;
                self.sip = Some(SipCause { code: 200, reason: "OK".to_owned() });
                self.note(now, "answered".to_owned());
                self.outputs.push_back(Output::Connect { leg: Leg::Callee, remote: Box::new(sdp) });
                self.tell_dialog(now, dialog::Input::Start);
            }
            E::Reinvited { sdp } => {
                self.outputs.push_back(Output::Connect { leg: Leg::Callee, remote: Box::new(sdp) });
            }
            E::Failed { code, reason, cause, .. } => {
                // The signalling fell under a call that was up.
                if self.callee == LegState::Up {
                    self.note(now, "the signalling of the call was lost".to_owned());
                    self.engine_failed = true;
                    self.ended_by.get_or_insert(EndedBy::Network);
                    self.callee = LegState::Over;
                    return;
                }
                // Somebody picked up, and we could not speak with them.
                if cause == waihu_sip::FailureCause::BadAnswer {
                    self.answered_at = Some(now);
                    self.answered_by = AnsweredBy::Unknown;
                    self.ended_by = Some(EndedBy::Us);
                    self.engine_failed = true;
                }
                // Where nothing at all came back, it is the trunk that was silent and not the callee.
                let silent = cause == waihu_sip::FailureCause::TimedOut || self.rang_out && !self.rang;
                self.rang_out &= !silent;
                self.note(
                    now,
                    if silent { "no answer from the trunk".to_owned() } else { format!("SIP {code}") },
                );
                self.sip = (!silent).then_some(SipCause { code, reason });
                self.callee = LegState::Over;
            }
            E::Ended { by, reason } => {
                let by = match by {
                    waihu_sip::EndedBy::Local => EndedBy::Us,
                    waihu_sip::EndedBy::Remote => EndedBy::Callee,
                };
                self.ended_by.get_or_insert(by);
                if let (Some(sip), Some(reason)) = (&mut self.sip, reason) {
                    sip.reason = reason;
                }
                let who = if by == EndedBy::Us { "we" } else { "the callee" };
                self.note(now, format!("{who} hung up"));
                self.callee = LegState::Over;
                // "Don't call again", and the receiver is down: those words still count.
                if self.turn.words_to_come() {
                    self.linger_until.get_or_insert(now + LINGER);
                } else {
                    self.tell_dialog(now, dialog::Input::CalleeHungUp);
                }
            }
            E::Answered { .. } | E::Incoming { .. } | E::Confirmed => {}
        }
    }

    fn media(&mut self, now: Time, event: MediaEvent) {
        match event {
            MediaEvent::PlaybackDone(id) => self.prompt_over(now, id, None),
            MediaEvent::PlaybackStopped { id, played_ms } => self.prompt_over(now, id, Some(played_ms)),
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
                if self.with_agent && lasting >= DEAD_AFTER {
                    self.hang_up(now, EndedBy::Network);
                }
            }
        }
    }

    /// A prompt was played out, or stopped after `played_ms`.
    fn prompt_over(&mut self, now: Time, id: PlaybackId, played_ms: Option<u64>) {
        let Some(over) = self.turn.over(id) else { return };
        if let Some(played_ms) = played_ms {
            self.note(now, format!("prompt {} was cut short after {played_ms} ms", over.prompt.0));
        }
        if over.gave_way {
            return;
        }
        self.tell_dialog(
            now,
            match played_ms {
                None => dialog::Input::PromptDone { id: over.prompt },
                Some(played_ms) => dialog::Input::PromptInterrupted { id: over.prompt, played_ms },
            },
        );
        self.interpret(now);
        // Words that began over the prompt are waited for as if they had begun after it.
        if self.turn.is_quiet() && self.turn.words_to_come() {
            self.tell_dialog(now, dialog::Input::SpeechStarted);
        }
    }

    fn speech(&mut self, now: Time, event: SpeechEvent) {
        match event {
            SpeechEvent::Started => {
                self.turn.speech_started(now);
                self.tell_dialog(now, dialog::Input::SpeechStarted);
            }
            SpeechEvent::GoesOn { voiced } => {
                if self.turn.speech_goes_on(voiced) {
                    self.outputs.push_back(Output::StopPlayback);
                }
            }
            SpeechEvent::Heard(utterance) => {
                let began = self.turn.utterance_resolved().unwrap_or(now);
                self.heard(now, began, utterance);
            }
            SpeechEvent::Unintelligible => {
                self.turn.utterance_resolved();
                self.tell_dialog(now, dialog::Input::Unintelligible);
            }
            SpeechEvent::Beep => self.voicemail(now),
        }
    }

    fn heard(&mut self, now: Time, began: Time, utterance: Utterance) {
        self.outputs.push_back(Output::Line(Line {
            at: began,
            speaker: Speaker::Callee,
            text: utterance.text.clone(),
            understood: Some(utterance.clone()),
        }));
        if !self.person_heard && is_voicemail_greeting(self.lang, &utterance.text) {
            return self.voicemail(now);
        }
        if self.answered_by != AnsweredBy::Voicemail {
            self.person_heard |= !matches!(utterance.intent, Intent::OutOfScope | Intent::Greeting);
            self.answered_by = AnsweredBy::Human;
            self.tell_dialog(now, dialog::Input::Heard { utterance, began });
        }
    }

    fn voicemail(&mut self, now: Time) {
        // A tone after a person was understood is a key or a kettle, not a box. A greeting and words
        // out of all scope are what boxes are heard as.
        let told = self.answered_by == AnsweredBy::Voicemail;
        if self.callee == LegState::Up && !self.person_heard && !told {
            self.answered_by = AnsweredBy::Voicemail;
            self.note(now, "a voicemail box answered".to_owned());
            self.tell_dialog(now, dialog::Input::Voicemail);
        }
    }

    fn timeout(&mut self, now: Time) {
        let due = |t: Option<Time>| t.is_some_and(|t| t <= now);
        if due(self.ring_until) {
            self.ring_until = None;
            self.rang_out = true;
            self.linger_until = Some(now + LINGER);
            self.outputs.push_back(Output::Hangup(Leg::Callee));
        }
        if due(self.agents.ring_until) {
            self.cancel_agent();
            // A desk of which nothing was heard has no last word either.
            if !self.agents.rang {
                self.agent_is_missing(now, HandoverResult::Failed);
            }
        }
        if due(self.linger_until) {
            // The last word of a phone that rings out is its 487; a trunk that never spoke has none.
            self.rang_out &= self.rang;
            self.callee = LegState::Over;
            self.agents.leg = LegState::Over;
            self.turn.forget_words();
        }
        if self.dialog_runs() && due(self.interpreter.poll_timeout()) {
            self.tell_dialog(now, dialog::Input::Timeout);
        }
    }

    /// Whether the dialog still has a say.
    fn dialog_runs(&self) -> bool {
        self.callee == LegState::Up && !self.with_agent
    }

    fn tell_dialog(&mut self, now: Time, input: dialog::Input) {
        // Once the agent has the call, the dialog only learns of its end.
        if !self.with_agent || matches!(input, dialog::Input::CalleeHungUp) {
            self.interpreter.handle_input(now, input);
        }
    }

    /// Carries out what the dialog decided.
    fn interpret(&mut self, now: Time) {
        while let Some(output) = self.interpreter.poll_output() {
            match output {
                dialog::Output::Say { id, text, barge_in, .. } => self.say(now, id, text, barge_in),
                dialog::Output::Listen { .. } => self.hush(),
                dialog::Output::DialAgent { .. } => {
                    self.hush();
                    self.dial_agent(now);
                }
                dialog::Output::CancelAgent => {
                    self.agents.unwanted();
                    self.cancel_agent();
                }
                dialog::Output::LeaveToAgent => {
                    self.hush();
                    self.with_agent = true;
                }
                dialog::Output::HangUp => self.hang_up(now, EndedBy::Us),
                dialog::Output::Ended(conclusion) => self.conclusion = Some(conclusion),
                dialog::Output::Trace { state, why } => self.note(now, format!("{state}: {why}")),
            }
        }
        if self.expected != self.interpreter.expects() {
            self.expected = self.interpreter.expects().to_vec();
            self.outputs.push_back(Output::Expect(self.expected.clone()));
        }
    }

    fn say(&mut self, now: Time, prompt: PromptId, text: String, barge_in: BargeIn) {
        if self.callee != LegState::Up {
            return;
        }
        self.hush();
        let id = self.turn.begin(prompt, barge_in);
        let line = Line { at: now, speaker: Speaker::Bot, text: text.clone(), understood: None };
        self.outputs.push_back(Output::Line(line));
        self.outputs.push_back(Output::Play { id, text });
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
    }

    fn end_if_over(&mut self, now: Time) {
        if self.callee != LegState::Over {
            return;
        }
        if matches!(self.agents.leg, LegState::Ringing | LegState::Up) {
            self.agents.leg = LegState::Ending;
            self.agents.ring_until = None;
            self.outputs.push_back(Output::Hangup(Leg::Agent));
        }
        let last_words = self.conclusion.is_none() && !self.with_agent && self.turn.words_to_come();
        if self.agents.leg == LegState::Ending || last_words {
            self.linger_until.get_or_insert(now + LINGER);
            return;
        }
        if self.conclusion.is_none() {
            self.tell_dialog(now, dialog::Input::CalleeHungUp);
            self.interpret(now);
        }
        self.ended = true;
        if let Some(conclusion) = self.conclusion.take() {
            self.outputs.push_back(Output::Ended(Box::new(Ending {
                conclusion,
                answered_at: self.answered_at,
                answered_by: self.answered_by,
                sip: self.sip.take(),
                ended_by: self.ended_by,
                rang_out: self.rang_out,
                handover: self.agents.handover.take(),
                engine_failed: self.engine_failed,
            })));
        }
    }

    fn note(&mut self, at: Time, text: String) {
        self.outputs.push_back(Output::Line(Line { at, speaker: Speaker::System, text, understood: None }));
    }
}
