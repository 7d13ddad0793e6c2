//! Calls in virtual time, with the shipped script: a shell that plays, stops and hangs up as told.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use waihu_agents::{Agent, AgentId, Need, Reach, Rules, Switchboard, Urgency, Wish};
use waihu_call::{
    AgentEvent, CallMachine, ConsultEnd, Ending, Input, Leg, MediaEvent, Onward, Output, Part, Partial,
    PlaybackId, Speaker, SpeechEvent,
};
use waihu_dialog::{Expectation, Interpreter, Script, Utterance};
use waihu_nlu::Entities;
use waihu_sip::{Codec, EndedBy as SipEndedBy, Event, FailureCause, SessionDescription};
use waihu_types::{Announcement, AnsweredBy, Answers, AttemptId, Case, Intent, Lang, Time, Told};

/// How long every prompt is [ms].
pub const PROMPT_MS: u64 = 3_000;
/// How long the callee's phone may ring.
const RING: Duration = Duration::from_secs(20);

/// Read and checked once: a check walks every path.
static SCRIPT: LazyLock<Arc<Script>> = LazyLock::new(script);

fn script() -> Arc<Script> {
    let dialogs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialogs");
    let parts = fs::read_dir(dialogs.join("parts")).unwrap().map(|e| e.unwrap().path());
    let folders = parts.chain([dialogs.join("reminder")]);
    let files: Vec<(String, String)> = folders
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .map(|p| (p.display().to_string(), fs::read_to_string(&p).unwrap()))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    Arc::new(Script::load("reminder", &files).unwrap())
}

/// The attempt, as the switchboard knows it.
pub fn call() -> AttemptId {
    "a-1".parse().unwrap()
}

/// By which an agent is asked about the call.
pub fn consult() -> AttemptId {
    "a-1.2".parse().unwrap()
}

fn agent(name: &str, reach: Reach) -> Agent {
    let (id, name, skills) = (AgentId::new(name), name.to_owned(), Default::default());
    let answers = Answers::ByHand;
    Agent { id, name, skills, langs: Vec::new(), reach, answers, ring: Some(Duration::from_secs(15)) }
}

pub fn case() -> Case {
    serde_json::from_str(
        r#"{"id":"c-1","phone":"1001","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行",
            "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#,
    )
    .unwrap()
}

/// How sure a recognizer is of words on a telephone, mostly.
const CLEAR: f32 = 0.75;

/// The wires, played by hand.
pub struct Shell {
    pub call: CallMachine,
    pub now: Time,
    pub playing: Option<(PlaybackId, Time)>,
    /// Every playing: the words, and from where on [ms].
    pub played: Vec<(String, u64)>,
    /// The prompt that waits for its voice, and until when.
    pub starts: Option<(PlaybackId, Time)>,
    /// The engine's notes.
    pub notes: Vec<String>,
    pub joins: u32,
    /// How much voice the utterance has.
    voiced: Duration,
    pub expected: Expectation,
    /// How long a prompt waits for its voice [ms].
    pub voice_ms: u64,
    pub said: Vec<String>,
    pub hangups: Vec<Leg>,
    pub invited: Vec<Leg>,
    pub stops: u32,
    /// Descriptions that media was told of.
    pub connects: Vec<(Leg, Part)>,
    pub bridged: bool,
    pub ending: Option<Ending>,
    /// The agents, as the switchboard has them.
    pub agents: Switchboard,
    /// Who was called, in order.
    pub desks: Vec<String>,
    /// How often an agent was told who it is.
    pub briefed: u32,
    /// Whether the callee is on hold, and whether the agent talks with another meanwhile.
    pub held: bool,
    pub consulted: bool,
    /// How it ended that somebody was asked.
    pub consults: Vec<ConsultEnd>,
    /// Who is not to be asked.
    pub without: Vec<AgentId>,
    /// Whether the callee hears music.
    pub music: bool,
    /// What both are to hear, and have heard.
    introduction: Option<String>,
    pub introduced: Vec<String>,
    /// How it stands for whoever waits, and how often that was asked.
    pub wait: waihu_dialog::Wait,
    pub asked: u32,
    /// Whether agents' phones ring, and far sides answer a hang-up.
    pub polite: bool,
}

impl Shell {
    pub fn dialled(agents: &[&str]) -> Self {
        let today = jiff::civil::date(2026, 11, 24);
        let interpreter = Interpreter::new(SCRIPT.clone(), Lang::Zh, &case(), today);
        let mut board = Switchboard::new(Rules::default());
        for (place, name) in agents.iter().enumerate() {
            let agent = agent(name, Reach::Phone { place, refers: false });
            board.handle_input(Time::ZERO, waihu_agents::Input::SignIn { agent });
        }
        let mut shell = Self {
            call: CallMachine::new(interpreter, Lang::Zh, RING),
            agents: board,
            briefed: 0,
            now: Time::from_millis(1_000),
            playing: None,
            played: Vec::new(),
            starts: None,
            notes: Vec::new(),
            joins: 0,
            voiced: Duration::ZERO,
            expected: Expectation::default(),
            voice_ms: 0,
            said: Vec::new(),
            hangups: Vec::new(),
            invited: Vec::new(),
            desks: Vec::new(),
            stops: 0,
            connects: Vec::new(),
            bridged: false,
            ending: None,
            polite: true,
            held: false,
            consulted: false,
            consults: Vec::new(),
            without: Vec::new(),
            music: false,
            introduction: None,
            introduced: Vec::new(),
            wait: waihu_dialog::Wait::default(),
            asked: 0,
        };
        shell.input(Input::Dial);
        shell
    }

    pub fn answered(agents: &[&str]) -> Self {
        let mut shell = Self::dialled(agents);
        shell.sip(Leg::Callee, answer());
        shell
    }

    pub fn input(&mut self, input: Input) {
        assert!(self.ending.is_none() || self.call.poll_timeout().is_none());
        self.call.handle_input(self.now, input);
        while let Some(output) = self.call.poll_output() {
            assert!(self.ending.is_none(), "nothing comes after the end: {output:?}");
            match output {
                Output::InviteCallee => self.invited.push(Leg::Callee),
                Output::Seek { skills, only, .. } => {
                    let (lang, last_agent, urgency) = (Lang::Zh, None, Urgency::Usual);
                    let need =
                        Need { skills, lang, last_agent, without: self.without.clone(), only, urgency };
                    self.board(waihu_agents::Input::Seek { call: call(), need });
                }
                Output::SeekConsulted(to) => {
                    self.held = true;
                    let (skills, only) = match to {
                        Onward::Agent(agent) => (Vec::new(), Some(agent)),
                        Onward::Skills(skills) => (skills, None),
                    };
                    let (lang, without) = (Lang::Zh, vec![AgentId::new("li")]);
                    let urgency = Urgency::Usual;
                    let need = Need { skills, lang, last_agent: None, without, only, urgency };
                    self.board(waihu_agents::Input::Seek { call: consult(), need });
                }
                Output::ConsultOver(why) => {
                    (self.held, self.consulted) = (false, false);
                    self.consults.push(why);
                    self.board(waihu_agents::Input::Unwanted { call: consult() });
                }
                Output::InviteConsulted { agent } => self.desks.push(agent.to_string()),
                Output::AcceptConsulted { agent } => {
                    self.board(waihu_agents::Input::Accept { agent, call: consult() });
                }
                Output::DeclineConsulted { agent } => {
                    self.board(waihu_agents::Input::Decline { agent, call: consult() });
                }
                Output::BriefConsulted => {
                    if self.polite {
                        self.input(Input::Consulted(AgentEvent::Briefed));
                    }
                }
                Output::JoinConsulted => self.consulted = true,
                Output::HandOver => {
                    assert!(self.consulted && self.bridged, "who takes it is on the line");
                    (self.held, self.consulted) = (false, false);
                    self.board(waihu_agents::Input::HandOver { consult: consult(), call: call() });
                }
                Output::Unwanted => self.board(waihu_agents::Input::Unwanted { call: call() }),
                Output::AcceptAgent { agent } => {
                    self.board(waihu_agents::Input::Accept { agent, call: call() });
                }
                Output::DeclineAgent { agent } => {
                    self.board(waihu_agents::Input::Decline { agent, call: call() });
                }
                Output::Brief => {
                    self.briefed += 1;
                    if self.polite {
                        self.input(Input::Agent(AgentEvent::Briefed));
                    }
                }
                Output::InviteAgent { agent } => {
                    self.invited.push(Leg::Agent);
                    self.desks.push(agent.to_string());
                    if self.polite {
                        self.sip(Leg::Agent, ringing(180));
                    }
                }
                Output::Hangup(leg) => {
                    self.hangups.push(leg);
                    if self.polite {
                        self.far_side_obeys(leg);
                    }
                }
                Output::Play { id, text, from_ms } => {
                    let starts = self.now + Duration::from_millis(self.voice_ms);
                    self.playing = Some((id, starts + Duration::from_millis(PROMPT_MS - from_ms)));
                    self.starts = Some((id, starts));
                    self.played.push((text, from_ms));
                    if self.voice_ms == 0 {
                        self.begin_playing();
                    }
                }
                Output::StopPlayback => {
                    self.stops += 1;
                    let begun = self.starts.take().is_none();
                    if let Some((id, until)) = self.playing.take() {
                        let left = until.since(self.now).as_millis() as u64;
                        let played_ms = if begun { PROMPT_MS.saturating_sub(left) } else { 0 };
                        let heard_bytes = self.heard_bytes(played_ms);
                        let stopped = MediaEvent::PlaybackStopped { id, played_ms, heard_bytes };
                        self.input(Input::Media(stopped));
                    }
                }
                Output::Bridge => {
                    assert!(!self.music, "who talks with an agent hears no music");
                    self.bridged = true;
                    self.introduced.extend(self.introduction.take());
                }
                Output::Introduce(words) => self.introduction = Some(words),
                Output::AskHowLong => {
                    self.asked += 1;
                    self.input(Input::Agent(AgentEvent::Waits(self.wait)));
                }
                Output::PlayMusic => {
                    assert!(self.playing.is_none() && !self.music, "music under words");
                    self.music = true;
                }
                Output::StopMusic => self.music = false,
                Output::Unbridge => self.bridged = false,
                Output::Line(line) if line.speaker == Speaker::Bot => self.said.push(line.text),
                Output::Ended(ending) => self.ending = Some(*ending),
                Output::Line(line) if line.speaker == Speaker::System => self.notes.push(line.text),
                Output::Join => self.joins += 1,
                Output::Expect(expected) => self.expected = expected,
                Output::Connect { leg, part, .. } => self.connects.push((leg, part)),
                Output::Line(_) => {}
            }
        }
    }

    /// The switchboard takes something in, and the call hears of it.
    pub fn board(&mut self, input: waihu_agents::Input) {
        self.agents.handle_input(self.now, input);
        while let Some(output) = self.agents.poll_output() {
            use waihu_agents::Output as O;
            let (of, event) = match output {
                O::Offer { agent, call, .. } => {
                    let known = self.agents.standing(&agent).unwrap();
                    let (name, reach) = (known.name, known.reach);
                    (call, AgentEvent::Offered(waihu_call::Agent { id: agent, name, reach }))
                }
                O::Revoke { agent, why, call } => (call, AgentEvent::Revoked { agent, why }),
                O::Taken { agent, call } => (call, AgentEvent::Taken(agent)),
                O::Missing { call } => (call, AgentEvent::Missing),
                O::Lost { call, .. } => (call, AgentEvent::Lost),
                O::TooLate { .. } | O::Changed { .. } | O::Look { .. } | O::Looked { .. } => continue,
            };
            if self.ending.is_none() {
                let consulted = of == consult();
                self.input(if consulted { Input::Consulted(event) } else { Input::Agent(event) });
            }
        }
    }

    /// An agent at a desk signs in, and is available.
    pub fn sits_down(&mut self, name: &str) {
        let id = AgentId::new(name);
        self.board(waihu_agents::Input::SignIn { agent: agent(name, Reach::Desk) });
        self.board(waihu_agents::Input::Wants { agent: id, wish: Wish::Available });
    }

    /// Telephones that the callee's side calls in our place.
    pub fn behind_a_pbx(&mut self, names: &[&str]) {
        for (place, name) in names.iter().enumerate() {
            let agent = agent(name, Reach::Phone { place, refers: true });
            self.board(waihu_agents::Input::SignIn { agent });
        }
    }

    /// An agent at a desk says yes to being asked, and their page answers.
    pub fn desk_may_be_asked(&mut self, name: &str) {
        self.board(waihu_agents::Input::Accept { agent: AgentId::new(name), call: consult() });
        self.sip(Leg::Consulted, answer());
    }

    /// An agent at a desk takes the call that rings there, and their page answers.
    pub fn desk_answers(&mut self, name: &str) {
        self.board(waihu_agents::Input::Accept { agent: AgentId::new(name), call: call() });
        self.sip(Leg::Agent, answer());
    }

    pub fn far_side_obeys(&mut self, leg: Leg) {
        // Of an agent's leg nothing is told once it was given up.
        if leg != Leg::Callee {
            return;
        }
        let up = !self.said.is_empty();
        let event = match up {
            true => Event::Ended { by: SipEndedBy::Local, reason: None },
            false => failed(487, FailureCause::Cancelled),
        };
        self.sip(leg, event);
    }

    pub fn sip(&mut self, leg: Leg, event: Event) {
        self.input(Input::Sip { leg, event });
    }

    fn begin_playing(&mut self) {
        if let Some((id, _)) = self.starts.take() {
            self.input(Input::Media(MediaEvent::PlaybackStarted(id)));
        }
    }

    /// The end of the last character that was heard of the prompt under way: speech is even here.
    fn heard_bytes(&self, played_ms: u64) -> usize {
        let Some((text, _)) = self.played.last() else { return 0 };
        let heard = text.chars().count() as u64 * played_ms / PROMPT_MS;
        text.chars().take(heard as usize).map(char::len_utf8).sum()
    }

    /// Lets time pass; prompts begin and end and timers run when they are due.
    pub fn wait(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while self.ending.is_none() {
            let playback = [self.starts.map(|p| p.1), self.playing.map(|p| p.1)];
            let timers = [self.call.poll_timeout(), self.agents.poll_timeout()];
            let due = playback.into_iter().chain(timers).flatten().min();
            let Some(due) = due.filter(|d| *d <= until) else { break };
            self.now = self.now.max(due);
            match (self.starts, self.playing) {
                (Some((_, at)), _) if at <= self.now => self.begin_playing(),
                (_, Some((id, end))) if end <= self.now => {
                    self.playing = None;
                    self.input(Input::Media(MediaEvent::PlaybackDone(id)));
                }
                _ if self.agents.poll_timeout().is_some_and(|at| at <= self.now) => {
                    self.board(waihu_agents::Input::Timeout);
                }
                _ => self.input(Input::Timeout),
            }
        }
        self.now = self.now.max(until);
    }

    /// Until the bot is silent.
    pub fn hear_out(&mut self) {
        while self.playing.is_some() && self.ending.is_none() {
            self.wait(100);
        }
    }

    pub fn begins(&mut self) {
        self.input(Input::Speech(SpeechEvent::Started));
    }

    /// Voice for so long, and the silence that ends the utterance: told at the times at which the
    /// ears tell of them (`a_murmur_and_a_sentence_are_told_in_their_time` in speech/ears.rs).
    pub fn utters(&mut self, voice_ms: u64) {
        self.wait(140);
        self.begins();
        let mut voiced = 140;
        while voiced + 110 <= voice_ms {
            self.wait(110);
            voiced += 110;
            self.input(Input::Speech(SpeechEvent::GoesOn { voiced: Duration::from_millis(voiced) }));
        }
        self.wait(voice_ms - voiced + 600);
    }

    pub fn ends(&mut self, text: &str, intent: Intent, entities: Entities) {
        self.is_understood(text, intent, entities);
    }

    pub fn is_understood(&mut self, text: &str, intent: Intent, entities: Entities) {
        self.wait(700);
        let utterance =
            Utterance { text: text.to_owned(), intent, confidence: 0.95, entities, also: Vec::new() };
        self.input(Input::Speech(SpeechEvent::Heard { utterance, clear: CLEAR }));
    }

    /// Says something once the bot is silent.
    pub fn say(&mut self, text: &str, intent: Intent) {
        self.hear_out();
        self.wait(500);
        self.begins();
        self.wait(900);
        self.ends(text, intent, waihu_nlu::extract(Lang::Zh, text, jiff::civil::date(2026, 11, 24)));
    }

    /// Voice for so long over what is being said, and nothing yet of what it means.
    pub fn voices(&mut self, ms: u64) {
        for _ in 0..ms / 100 {
            self.wait(100);
            self.voiced += Duration::from_millis(100);
            self.input(Input::Speech(SpeechEvent::GoesOn { voiced: self.voiced }));
        }
    }

    pub fn starts_speaking(&mut self) {
        self.voiced = Duration::from_millis(100);
        self.begins();
    }

    /// Something is known of what is being said.
    pub fn half_heard(&mut self, intent: Intent, confidence: f32) {
        let partial = Partial { text: "…".to_owned(), intent, confidence, clear: CLEAR };
        self.input(Input::Speech(SpeechEvent::Partial(partial)));
    }

    /// The words of the utterance come, as they are understood.
    pub fn heard(&mut self, text: &str, intent: Intent) {
        let entities = waihu_nlu::extract(Lang::Zh, text, jiff::civil::date(2026, 11, 24));
        let utterance =
            Utterance { text: text.to_owned(), intent, confidence: 0.95, entities, also: Vec::new() };
        self.input(Input::Speech(SpeechEvent::Heard { utterance, clear: CLEAR }));
    }

    /// As [`Self::heard`], of words that have no value in them, as sure as this.
    pub fn understood(&mut self, intent: Intent, confidence: f32) {
        let (text, entities) = ("…".to_owned(), Entities::default());
        let utterance = Utterance { text, intent, confidence, entities, also: Vec::new() };
        self.input(Input::Speech(SpeechEvent::Heard { utterance, clear: CLEAR }));
    }

    pub fn noise(&mut self) {
        self.input(Input::Speech(SpeechEvent::Unintelligible));
    }

    /// It is told who answered.
    pub fn told(&mut self, by: AnsweredBy, announcement: Option<Announcement>) {
        let told = Told { after_ms: 1_200, confidence: 95 };
        self.input(Input::Speech(SpeechEvent::AnsweredBy { by, announcement, told }));
    }

    /// It is told what the network announces before an answer, so surely [percent].
    pub fn announced(&mut self, announcement: Announcement, confidence: u8) {
        let told = Told { after_ms: 2_400, confidence };
        self.input(Input::Speech(SpeechEvent::Announced { announcement, told }));
    }

    /// So many utterances of early media are owed their words.
    pub fn owes(&mut self, owed: usize) {
        self.input(Input::Speech(SpeechEvent::EarlyWords { owed }));
    }

    /// A call in which the bot has begun to state the matter to the person confirmed.
    pub fn in_the_matter() -> Self {
        let mut shell = Self::answered(&[]);
        shell.say("对，我就是", Intent::Affirm);
        while !shell.said.iter().any(|s| s.contains("信用卡")) {
            shell.wait(100);
        }
        shell
    }

    /// The same, and "when can you pay?" was asked.
    pub fn asked_when() -> Self {
        let mut shell = Self::in_the_matter();
        shell.hear_out();
        shell.wait(400);
        shell
    }

    pub fn end(mut self) -> Ending {
        self.wait(600_000);
        self.ending.expect("every call comes to an end")
    }
}

pub fn ringing(code: u16) -> Event {
    Event::Provisional { code, reason: "Ringing".to_owned(), early_dialog: None, sdp: None }
}

/// A provisional response that brings sound.
pub fn early_media() -> Event {
    early_media_of("far")
}

/// The same of one early dialog of a fork.
pub fn early_media_of(dialog: &str) -> Event {
    let (reason, early_dialog) = ("Session Progress".to_owned(), Some(dialog.to_owned()));
    Event::Provisional { code: 183, reason, early_dialog, sdp: Some(description()) }
}

pub fn answer() -> Event {
    Event::Answered { sdp: description() }
}

fn description() -> SessionDescription {
    SessionDescription::offer("127.0.0.1:4000".parse().unwrap(), &[Codec::Pcma])
}

pub fn failed(code: u16, cause: FailureCause) -> Event {
    Event::Failed { code, reason: "x".to_owned(), cause, retry_after_s: None, because: Vec::new() }
}

pub fn hung_up() -> Event {
    Event::Ended { by: SipEndedBy::Remote, reason: None }
}
