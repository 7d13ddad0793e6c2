//! One call: its persona's machine joined to its signalling and its media.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};
use waihu_audio::{Frame, energy::level_dbov};
use waihu_media::{Media, MediaError, MediaEvent, PlaybackId, SlotId, Taps};
use waihu_sip::{Codec, Event, SessionDescription, SrtpPolicy};
use waihu_srtp::Certificate;
use waihu_trunk::{Call, IncomingCall};

use crate::{
    clips::{Clips, Pcm, line},
    ear::{self, Ear, Edge},
    noises,
    persona::{Act, Input, Machine, Output, Persona},
    serve::{Counters, Report},
    sound::Sound,
};

/// The silence that ends the bot's turn [ms]: longer than its pause between two sentences, shorter
/// than a person's patience.
const TURN_END_MS: u64 = 900;

/// How long a key and the pause after it take to send [ms]; the media thread does not say when a key
/// is over.
const KEY_MS: u64 = 250;

/// A parrot says no more than this at once [frames of 20 ms]: 20 s.
const PARROT_FRAMES: usize = 1_000;

/// How long the far end's answer to our BYE is waited for [s]; its retransmissions go on without us.
const GOODBYE_S: u64 = 3;

/// What every call shares.
pub(crate) struct Stage {
    pub(crate) media: Media,
    /// The caller's order decides.
    pub(crate) codecs: Vec<Codec>,
    pub(crate) srtp: SrtpPolicy,
    pub(crate) certificate: Certificate,
    pub(crate) clips: Clips,
    pub(crate) counters: Counters,
    pub(crate) report: Box<dyn Fn(Report) + Send + Sync>,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// Plays a persona in a call that has come in, to its end.
pub(crate) async fn serve(incoming: IncomingCall, persona: Persona, stage: Arc<Stage>) {
    let name = persona.name.clone();
    (stage.report)(Report::Called { persona: name.clone() });
    let bot_turns = Part::new(incoming, persona, &stage).play().await;
    (stage.report)(Report::Over { persona: name, bot_turns });
}

struct Part<'a> {
    stage: &'a Arc<Stage>,
    call: Call,
    offer: Option<SessionDescription>,
    persona: Persona,
    machine: Machine,
    /// The media, once it is answered.
    slot: Option<SlotId>,
    sound: Option<Sound>,
    happenings: mpsc::UnboundedSender<Input>,
    inbox: mpsc::UnboundedReceiver<Input>,
    /// Datagrams of the handshake that brings keys, and from where.
    flights: mpsc::UnboundedReceiver<(SocketAddr, Box<[u8]>)>,
    to_flights: mpsc::UnboundedSender<(SocketAddr, Box<[u8]>)>,
    /// What the bot said since a parrot said it.
    bot: mpsc::UnboundedReceiver<Frame>,
    to_parrot: mpsc::UnboundedSender<Frame>,
    playbacks: u64,
    /// Whether it has picked up.
    picked_up: Arc<AtomicBool>,
    /// When the keys being pressed are over.
    keys_done: Option<Instant>,
    /// Whether the signalling has said that it is over.
    signalling_over: bool,
}

impl Drop for Part<'_> {
    // In a drop, so that a panic in one call gives back its port and its place too.
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.stage.media.close(slot);
        }
        self.stage.counters.up.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<'a> Part<'a> {
    fn new(incoming: IncomingCall, persona: Persona, stage: &'a Arc<Stage>) -> Self {
        let (happenings, inbox) = mpsc::unbounded_channel();
        let (to_flights, flights) = mpsc::unbounded_channel();
        let (to_parrot, bot) = mpsc::unbounded_channel();
        Self {
            stage,
            call: incoming.call,
            offer: incoming.offer,
            machine: Machine::new(persona.clone()),
            persona,
            slot: None,
            sound: None,
            happenings,
            inbox,
            flights,
            to_flights,
            bot,
            to_parrot,
            playbacks: 0,
            picked_up: Arc::default(),
            keys_done: None,
            signalling_over: false,
        }
    }

    /// Plays to the end; how often the bot spoke.
    async fn play(mut self) -> u32 {
        let mut input = Input::Invited;
        loop {
            self.machine.handle_input(self.stage.media.now(), input);
            self.carry_out();
            if self.machine.is_over() {
                break;
            }
            input = self.next_input().await;
        }
        self.say_goodbye().await;
        self.machine.turns()
    }

    async fn next_input(&mut self) -> Input {
        let mut stopping = self.stage.stopping.clone();
        loop {
            let now = self.stage.media.now();
            let wait = self.machine.poll_timeout().map(|t| Instant::now() + t.since(now));
            let shake = self.sound.as_ref().and_then(Sound::poll_timeout).map(Instant::from_std);
            tokio::select! {
                event = self.call.event() => {
                    if let Some(input) = self.signalled(event) {
                        return input;
                    }
                }
                Some(input) = self.inbox.recv() => return input,
                Some((from, bytes)) = self.flights.recv() => {
                    self.sound.iter_mut().for_each(|s| s.datagram(&self.stage.media, from, &bytes));
                }
                () = sleep_until(shake.unwrap_or_else(Instant::now)), if shake.is_some() => {
                    self.sound.iter_mut().for_each(|s| s.handle_timeout(&self.stage.media));
                }
                () = sleep_until(wait.unwrap_or_else(Instant::now)), if wait.is_some() => return Input::Timeout,
                () = sleep_until(self.keys_done.unwrap_or_else(Instant::now)), if self.keys_done.is_some() => {
                    self.keys_done = None;
                    return Input::ActDone;
                }
                _ = stopping.wait_for(|stop| *stop) => {
                    self.call.hangup(None);
                    return Input::Ended;
                }
            }
        }
    }

    /// What news of the signalling is to the persona.
    fn signalled(&mut self, event: Option<Event>) -> Option<Input> {
        match event {
            None | Some(Event::Failed { .. } | Event::Ended { .. }) => {
                self.signalling_over = true;
                Some(Input::Ended)
            }
            Some(Event::Answered { sdp } | Event::Reinvited { sdp }) => {
                self.connect(&sdp);
                None
            }
            Some(_) => None,
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Ring => self.call.ring(180, None),
                Output::Progress => self.pick_up(Opening::Early),
                Output::Answer => self.pick_up(Opening::Answer),
                Output::Reject(code) => self.call.reject(code, phrase(code)),
                Output::Play(act) => self.speak(&act),
                Output::Press(keys) => self.press(&keys),
                Output::HangUp => self.call.hangup(None),
            }
        }
    }

    /// Opens the media where it is closed yet, and tells the caller of it.
    fn pick_up(&mut self, opening: Opening) {
        let opened = if self.sound.is_some() { Ok(()) } else { self.open() };
        let (code, reason) = match opened {
            Ok(()) => return self.tell(opening),
            Err(refusal) => refusal,
        };
        tracing::warn!(code, "a call could not be answered");
        self.call.reject(code, reason);
        self.machine.handle_input(self.stage.media.now(), Input::Ended);
    }

    fn tell(&mut self, opening: Opening) {
        let Some(sound) = &mut self.sound else { return };
        let description = sound.description();
        match opening {
            // Who left the offer to us is given it with the answer.
            Opening::Early => self.call.ring(183, self.offer.is_some().then_some(description)),
            Opening::Answer => {
                self.stage.counters.answered.fetch_add(1, Ordering::Relaxed);
                self.call.answer(description);
                self.picked_up.store(true, Ordering::Relaxed);
                (self.stage.report)(Report::PickedUp { persona: self.persona.name.clone() });
            }
        }
        // The answer repeats what was told early: it is settled once.
        if let Some(offer) = self.offer.take() {
            sound.agreed(&self.stage.media, &self.stage.certificate, &offer);
        }
    }

    /// Opens the media; else the status that says why not.
    fn open(&mut self) -> Result<(), (u16, &'static str)> {
        let (to_persona, edges) = (self.happenings.clone(), self.happenings.clone());
        let to_flights = self.to_flights.clone();
        let mut ear = Ear::new(TURN_END_MS);
        // When the last line was said, until it is answered [ms; 0 where none waits for that].
        let said_ms = Arc::<AtomicU64>::default();
        let (answered, stage, persona) =
            (Arc::clone(&said_ms), Arc::clone(self.stage), self.persona.name.clone());
        let (picked_up, mut greeted) = (Arc::clone(&self.picked_up), false);
        let parrots = self.persona.parrots().then(|| self.to_parrot.clone());
        let opened = self.stage.media.open(Taps {
            heard: Some(Box::new(move |heard| {
                if let Some(parrot) = &parrots {
                    let _ = parrot.send(*heard.frame);
                }
                let input = match ear.hear(heard.at, level_dbov(heard.frame)) {
                    None => return true,
                    Some(Edge::Started { at }) => {
                        if !greeted && picked_up.load(Ordering::Relaxed) {
                            greeted = true;
                            (stage.report)(Report::Greeted { persona: persona.clone() });
                        }
                        let said_ms = answered.swap(0, Ordering::Relaxed);
                        if let Some(after_ms) = at.as_millis().checked_sub(said_ms).filter(|_| said_ms > 0) {
                            (stage.report)(Report::Answered { persona: persona.clone(), after_ms });
                        }
                        Input::BotStarted
                    }
                    Some(Edge::Stopped { spoke_ms }) => Input::BotStopped { spoke_ms },
                };
                // The call may have ended meanwhile.
                let _ = edges.send(input);
                true
            })),
            stereo: None,
            // The call may have ended meanwhile.
            events: Box::new(move |at, event| match event {
                MediaEvent::PlaybackDone { .. } | MediaEvent::PlaybackStopped { .. } => {
                    said_ms.store(at.as_millis(), Ordering::Relaxed);
                    let _ = to_persona.send(Input::ActDone);
                }
                MediaEvent::Handshake { from, bytes } => {
                    let _ = to_flights.send((from, bytes));
                }
                _ => {}
            }),
        });
        let opened = match opened {
            Ok(opened) => opened,
            Err(MediaError::PortsExhausted { .. }) => return Err((503, "No Media Ports")),
            Err(_) => return Err((500, "No Media")),
        };
        self.slot = Some(opened.slot);
        self.sound = Some(Sound::answering(self.stage, opened, self.offer.as_ref())?);
        Ok(())
    }

    /// The caller's answer to an offer of ours has come, or a later offer of its own.
    fn connect(&mut self, theirs: &SessionDescription) {
        if let Some(sound) = &mut self.sound {
            sound.described(&self.stage.media, &self.stage.certificate, theirs);
        }
    }

    fn speak(&mut self, act: &Act) {
        let sound: Option<Pcm> = match act {
            Act::Say(text) => self.stage.clips.of(&line(&self.persona, text)),
            Act::Make(noise, ms) => Some(noises::noise(*noise, *ms).into()),
            Act::Tones(keys) => Some(noises::keys(keys).into()),
            Act::Parrot => Some(self.what_the_bot_said()),
            Act::Press(_) | Act::Listen | Act::HangUp => None,
        };
        match (self.slot, sound.filter(|s| !s.is_empty())) {
            (Some(slot), Some(sound)) => {
                self.playbacks += 1;
                self.stage.media.play(slot, PlaybackId(self.playbacks), sound);
            }
            // Nothing to wait for: a parrot that heard nothing. Of lines `serve` has seen to it that all have a
            // sound.
            _ => drop(self.happenings.send(Input::ActDone)),
        }
    }

    /// The last of it, from its first sound to its last.
    fn what_the_bot_said(&mut self) -> Pcm {
        let mut frames: Vec<Frame> = std::iter::from_fn(|| self.bot.try_recv().ok()).collect();
        let loud = |f: &Frame| level_dbov(f) > ear::SPEECH_DBOV;
        let end = frames.iter().rposition(loud).map_or(0, |last| last + 1);
        frames.truncate(end);
        let begin = frames.iter().position(loud).unwrap_or(0).max(end.saturating_sub(PARROT_FRAMES));
        frames.get(begin..).unwrap_or_default().concat().into()
    }

    fn press(&mut self, keys: &str) {
        if let Some(slot) = self.slot {
            self.stage.media.send_dtmf(slot, keys);
        }
        let count = u64::try_from(keys.len()).unwrap_or(1);
        self.keys_done = Some(Instant::now() + Duration::from_millis(KEY_MS * count));
    }

    /// Waits until the signalling is over, for a while.
    async fn say_goodbye(&mut self) {
        let over = async {
            while !self.signalling_over {
                let event = self.call.event().await;
                self.signalled(event);
            }
        };
        if timeout(Duration::from_secs(GOODBYE_S), over).await.is_err() {
            tracing::debug!("the far end did not answer our goodbye in time");
        }
    }
}

/// With what the caller is told of the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// A 183: before an answer.
    Early,
    /// The 200.
    Answer,
}

/// The phrase of a refusal (RFC 3261 section 21).
fn phrase(code: u16) -> &'static str {
    match code {
        403 => "Forbidden",
        404 => "Not Found",
        480 => "Temporarily Unavailable",
        486 => "Busy Here",
        600 => "Busy Everywhere",
        603 => "Decline",
        _ => "Refused",
    }
}
