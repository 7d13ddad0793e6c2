//! A call of the reminder script in virtual time, in which the bot states the matter: whether what is said
//! over that stops it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use waihu_call::{AgentEvent, CallMachine, Input, Leg, MediaEvent, Output, PlaybackId, Speaker, SpeechEvent};
use waihu_dialler::{expectation, speech_word};
use waihu_dialog::{Interpreter, Script, Utterance};
use waihu_nlu::Entities;
use waihu_sip::{Codec, Event as SipEvent, SessionDescription};
use waihu_speech::{Event, Expectation};
use waihu_types::{Case, Intent, Lang, Time};

/// Lines that the script says, and waits for, before the matter at the most.
const STEPS: usize = 20;

/// How long each line before the matter takes [ms].
const LINE: Duration = Duration::from_secs(3);

/// The call. Its lines last until they are stopped.
pub(super) struct Talk {
    call: CallMachine,
    now: Time,
    /// When the sound that is heard began.
    began: Time,
    playing: Option<(PlaybackId, Time)>,
    said: String,
    expected: Expectation,
    joins: bool,
    stopped_ms: Option<u64>,
    went_on: bool,
}

/// Somebody whom the script may be spoken with.
fn case(lang: Lang) -> Result<Case> {
    let (name, title, creditor, product, amount, currency) = match lang {
        Lang::Zh => ("张伟", "先生", "安信银行", "信用卡", "3250.00", "CNY"),
        Lang::En => ("Daniel Reed", "Mr", "Harbor Bank", "personal loan", "1840.50", "USD"),
    };
    let case = serde_json::json!({
        "id": "eval", "phone": "1001", "name": name, "title": title, "lang": lang.code(), "creditor": creditor,
        "product": product, "amount": amount, "currency": currency, "due_date": "2026-11-15",
    });
    Ok(serde_json::from_value(case)?)
}

impl Talk {
    /// The bot has begun to state the matter to the person, who is confirmed.
    pub(super) fn in_the_matter(script: &Arc<Script>, lang: Lang) -> Result<Self> {
        let case = case(lang)?;
        let interpreter = Interpreter::new(script.clone(), lang, &case, super::TODAY);
        let mut talk = Self {
            call: CallMachine::new(interpreter, lang, LINE),
            now: Time::from_millis(1_000),
            began: Time::ZERO,
            playing: None,
            said: String::new(),
            expected: Expectation::default(),
            joins: false,
            stopped_ms: None,
            went_on: false,
        };
        talk.input(Input::Dial);
        let sdp = SessionDescription::offer("127.0.0.1:4000".parse()?, &[Codec::Pcma]);
        talk.input(Input::Sip { leg: Leg::Callee, event: SipEvent::Answered { sdp } });
        for _ in 0..STEPS {
            if talk.said.contains(&case.product) {
                talk.began = talk.now;
                (talk.joins, talk.stopped_ms, talk.went_on) = (false, None, false);
                return Ok(talk);
            }
            talk.pass(talk.now + LINE);
            match talk.playing.take() {
                Some((id, _)) => talk.input(Input::Media(MediaEvent::PlaybackDone(id))),
                None => talk.agree(),
            }
        }
        bail!("the reminder script states no matter to who agrees 话术未说明事由")
    }

    fn agree(&mut self) {
        let yes = Utterance {
            text: String::new(),
            intent: Intent::Affirm,
            confidence: 1.0,
            entities: Entities::default(),
            also: Vec::new(),
        };
        self.input(Input::Speech(SpeechEvent::Started));
        self.input(Input::Speech(SpeechEvent::Heard { utterance: yes, clear: 1.0 }));
    }

    /// What the ears were told of the next words.
    pub(super) fn expected(&self) -> Expectation {
        self.expected.clone()
    }

    /// The ears tell something `at_ms` after the sound began.
    pub(super) fn hears(&mut self, at_ms: u64, event: Event) {
        self.pass(self.began + Duration::from_millis(at_ms));
        if let Some(word) = speech_word(event) {
            self.input(Input::Speech(word));
        }
    }

    /// Whether the next words belong to the last, since this was asked.
    pub(super) fn joins(&mut self) -> bool {
        std::mem::take(&mut self.joins)
    }

    /// When the bot was stopped first [ms after the sound began].
    pub(super) fn stopped_ms(&self) -> Option<u64> {
        self.stopped_ms
    }

    /// Whether what was stopped was gone on with.
    pub(super) fn went_on(&self) -> bool {
        self.went_on
    }

    /// Lets time pass.
    fn pass(&mut self, until: Time) {
        while let Some(due) = self.call.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.input(Input::Timeout);
            if self.call.poll_timeout().is_some_and(|next| next <= due) {
                break;
            }
        }
        self.now = self.now.max(until);
    }

    fn input(&mut self, input: Input) {
        self.call.handle_input(self.now, input);
        while let Some(output) = self.call.poll_output() {
            match output {
                Output::Play { id, from_ms, .. } => {
                    self.went_on |= from_ms > 0;
                    self.playing = Some((id, self.now));
                    self.input(Input::Media(MediaEvent::PlaybackStarted(id)));
                }
                Output::StopPlayback => {
                    let at = self.now.since(self.began).as_millis();
                    self.stopped_ms = self.stopped_ms.or(u64::try_from(at).ok());
                    if let Some((id, begun)) = self.playing.take() {
                        let played_ms = u64::try_from(self.now.since(begun).as_millis()).unwrap_or(u64::MAX);
                        let stopped = MediaEvent::PlaybackStopped { id, played_ms, heard_bytes: 0 };
                        self.input(Input::Media(stopped));
                    }
                }
                Output::Line(line) if line.speaker == Speaker::Bot => self.said = line.text,
                Output::Expect(expected) => self.expected = expectation(expected),
                Output::Join => self.joins = true,
                Output::Seek { .. } => self.input(Input::Agent(AgentEvent::Missing)),
                _ => {}
            }
        }
    }
}

/// The script that the bot speaks by.
pub(super) fn script(project: &crate::project::Project) -> Result<Arc<Script>> {
    project.flow("reminder").context("what is said over the bot is judged in the reminder 需要 reminder 话术")
}
