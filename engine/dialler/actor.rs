//! One call: what the call machine decides is carried out here.

mod beside;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use waihu_call::{CallMachine, Ending, Input, Leg, Line, MediaEvent, Output, PlaybackId, Speaker};
use waihu_dialog::Interpreter;
use waihu_media::PlaybackId as MediaPlaybackId;
use waihu_record::{RecordingInProgress, TranscriptWriter};
use waihu_sip::Event as SipEvent;
use waihu_speech::{CallMood, Listener, VoicePart};
use waihu_store::NewAttempt;
use waihu_trunk::Call;
use waihu_types::{Outcome, ScriptVersion, Time, WallTime};

use crate::{
    agent_side::AgentSide,
    error::DialError,
    filing, hearing, legs, music,
    outcome::{Attempt, outcome},
    plant::{Order, Plant, Progress, ProgressKind, Stop},
    playout::Playout,
    sound::{Ends, LegSound, Means, News, SoundFault},
    trail::Trail,
    words::{self, Prompts, tell},
};

/// What reaches the call from threads. Few events a second: one per prompt, key or utterance.
enum Happening {
    Sound(News),
    Speech(waihu_speech::Event),
    /// Of a prompt, what is known without the media thread.
    Played(MediaEvent),
    Voiced(PlaybackId, Arc<str>, Result<VoicePart, waihu_speech::SpeechError>),
}

/// Who watches a call.
pub(crate) type Observer = mpsc::UnboundedSender<Progress>;

/// The number of the music for whoever waits: no prompt has it.
const MUSIC: MediaPlaybackId = MediaPlaybackId(u64::MAX);

/// How long the first word waits for the answer to be on the disk: a store that is slower than this must
/// not leave the callee in silence.
const MARK_WAIT: Duration = Duration::from_millis(250);

/// Places one call, and returns its outcome once it is stored. `stop` may end it early.
///
/// # Errors
/// When nothing was dialled, or when the outcome could not be stored.
pub async fn place_call(
    plant: Arc<Plant>,
    order: Order,
    observer: Observer,
    stop: watch::Receiver<Stop>,
) -> Result<Outcome, DialError> {
    let today = legs::today(&order.case)?;
    let unfit = |source| DialError::Unfit { case: order.case.id.clone(), source };
    order.script.fits(&order.case, order.lang, today).map_err(unfit)?;
    let mut interpreter = Interpreter::new(Arc::clone(&order.script), order.lang, &order.case, today);
    interpreter.agents_back(legs::agents_back(&plant, &order.case));
    let prompts = Prompts::prepare(&plant, &order, &interpreter, &observer).await?;

    if *stop.borrow() != Stop::No {
        return Err(DialError::Stopped);
    }
    if !plant.sip.is_open() {
        return Err(DialError::SignallingGone);
    }
    if let Some(why) = plant.carrier.why_shut() {
        return Err(DialError::TrunkShut(why));
    }
    let mut call = ActiveCall::open(&plant, &order, today, prompts, observer, stop)?;
    let attempt = call.begin().await?;
    let ring = Duration::from_secs(order.ring_s(plant.trunk.ring_timeout_s).into());
    let mut machine = CallMachine::new(interpreter, order.lang, ring);

    machine.handle_input(call.now(), Input::Dial);
    let ending = loop {
        if let Some(ending) = call.carry_out(&mut machine) {
            break ending;
        }
        let input = call.next_input(&mut machine).await;
        if let Some(input) = input {
            if let Input::Sip { leg: Leg::Callee, event: SipEvent::Answered { .. } } = &input {
                call.answered().await;
            }
            machine.handle_input(call.now(), input);
        }
    };
    call.close(attempt, ending).await
}

struct ActiveCall<'a> {
    plant: &'a Arc<Plant>,
    order: &'a Order,
    observer: Observer,
    prompts: Prompts,
    playout: Playout,
    happenings: mpsc::UnboundedSender<Happening>,
    inbox: mpsc::UnboundedReceiver<Happening>,
    sound: LegSound,
    /// Why the callee could not be spoken with.
    fault: Option<SoundFault>,
    callee: Option<Call>,
    side: AgentSide,
    /// Kept while the call lasts: dropping it ends the listening.
    listener: Listener,
    /// How many utterances it is known of what became of them.
    taken: u64,
    mood: CallMood,
    recording: Option<RecordingInProgress>,
    /// Until the call is over.
    transcript: Option<TranscriptWriter>,
    /// The start of the recording, to which the transcript's times are told.
    start: Option<Time>,
    answered_at: Option<Time>,
    /// The answer's way into the store, where it takes long.
    marking: Option<JoinHandle<()>>,
    /// Until it has told the call to end.
    stop: Option<watch::Receiver<Stop>>,
    clock: (Time, WallTime),
    /// From the attempt on.
    trail: Option<Trail>,
}

impl<'a> ActiveCall<'a> {
    fn open(
        plant: &'a Arc<Plant>,
        order: &'a Order,
        today: jiff::civil::Date,
        prompts: Prompts,
        observer: Observer,
        stop: watch::Receiver<Stop>,
    ) -> Result<Self, DialError> {
        let (happenings, inbox) = mpsc::unbounded_channel();
        let file = |extension: &str| plant.recordings.join(format!("{}.{extension}", order.attempt));
        let cannot = |path: PathBuf| move |source| DialError::Recordings { path, source };
        std::fs::create_dir_all(&plant.recordings).map_err(cannot(plant.recordings.clone()))?;
        let transcript = TranscriptWriter::create(file("jsonl")).map_err(cannot(file("jsonl")))?;
        let (tape, recording) = plant.recorder.start(file("wav"), legs::recording_rate(&plant.trunk.codecs));
        let to_speech = happenings.clone();
        let listener = plant.speech.listen(
            order.lang,
            today,
            Arc::new(move |event| drop(to_speech.send(Happening::Speech(event)))),
        );
        let ear = listener.ear();
        let to_call = happenings.clone();
        let ends = Ends {
            heard: Some(Box::new(move |heard| ear.hear(heard.frame, legs::gate(heard)))),
            stereo: Some(legs::stereo_tap(tape)),
            ..Ends::default()
        };
        let sound = LegSound::open(plant.means(), &order.attempt, Leg::Callee, ends, move |news| {
            // The call may be over: then nobody need know.
            let _ = to_call.send(Happening::Sound(news));
        })
        // Nobody is called, and nothing is left of it.
        .inspect_err(|_| drop(std::fs::remove_file(file("jsonl"))))?;
        Ok(Self {
            plant,
            order,
            observer,
            prompts,
            playout: Playout::default(),
            happenings,
            inbox,
            sound,
            fault: None,
            callee: None,
            side: AgentSide::new(plant, order),
            listener,
            taken: 0,
            mood: CallMood::new(order.lang),
            recording: Some(recording),
            transcript: Some(transcript),
            start: None,
            answered_at: None,
            marking: None,
            stop: Some(stop),
            clock: (plant.media.now(), legs::wall_now()),
            trail: None,
        })
    }

    fn now(&self) -> Time {
        self.plant.media.now()
    }

    /// The wall time of a point on the media clock.
    fn wall(&self, at: Time) -> WallTime {
        self.clock.1.plus(at.since(self.clock.0))
    }

    /// Writes the attempt down, before its INVITE.
    async fn begin(&mut self) -> Result<Attempt, DialError> {
        let order = self.order;
        let attempt = Attempt {
            attempt: order.attempt.clone(),
            campaign: order.campaign.clone(),
            case: order.case.clone(),
            script: ScriptVersion {
                name: order.script.name().to_owned(),
                lang: order.lang,
                sha256: order.script.sha256().to_owned(),
                variant: order.variant.clone(),
                draft: order.draft,
            },
            models: order.models(&self.plant.models),
            dialled_at: legs::wall_now(),
            number: order.number.clone(),
            plan: order.plan.clone(),
            past: order.past.clone(),
            unreached: order.script.unreached(&order.case, order.lang, legs::today(&order.case)?),
        };
        let begun = NewAttempt {
            attempt: attempt.attempt.clone(),
            campaign: attempt.campaign.clone(),
            case: order.case.id.clone(),
            callee: order.number.clone(),
            script: attempt.script.clone(),
            models: attempt.models.clone(),
            dialled_at: attempt.dialled_at,
            own_number: legs::rings_own_number(order),
        };
        self.plant.store.begin_attempt(&begun, &order.passage(&self.plant.gate)).await?;
        self.trail = Some(Trail::begin(order));
        Ok(attempt)
    }

    /// The answer is on the disk before the first word, unless the disk is slow.
    async fn answered(&mut self) {
        let now = self.now();
        self.answered_at = Some(now);
        self.trail.iter_mut().for_each(Trail::answered);
        self.listener.answered();
        self.side.answered(self.plant, &self.order.case);
        tell(&self.observer, self.order, ProgressKind::Answered);
        let (plant, attempt, at) = (Arc::clone(self.plant), self.order.attempt.clone(), self.wall(now));
        let mut marking = tokio::spawn(async move { filing::mark_answered(&plant, &attempt, at).await });
        if timeout(MARK_WAIT, &mut marking).await.is_err() {
            self.marking = Some(marking);
        }
    }

    /// Waits for what happens next.
    async fn next_input(&mut self, machine: &mut CallMachine) -> Option<Input> {
        let deadline = machine.poll_timeout().map(|at| Instant::now() + at.since(self.plant.media.now()));
        let shake = [self.sound.poll_timeout(), self.side.poll_timeout()].into_iter().flatten().min();
        let shake = shake.map(Instant::from_std);
        tokio::select! {
            event = legs::event(&mut self.callee) => Some(Input::Sip { leg: Leg::Callee, event }),
            event = self.side.next() => self.on_the_side(event),
            Some(happening) = self.inbox.recv() => self.happened(happening),
            () = legs::told_to_hang_up(&mut self.stop) => Some(Input::Stop),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Some(Input::Timeout),
            () = sleep_until(shake.unwrap_or_else(Instant::now)), if shake.is_some() => {
                let callee = self.of_sound(LegSound::handle_timeout);
                callee.or_else(|| self.side.handle_timeout(self.plant, self.sound.slot()))
            }
        }
    }

    fn happened(&mut self, happening: Happening) -> Option<Input> {
        match happening {
            Happening::Sound(News::Call(event)) => {
                let told = self.playout.of_the_whole(event);
                self.play_ready();
                told.map(Input::Media)
            }
            Happening::Played(event) => Some(Input::Media(event)),
            Happening::Sound(News::Datagram(from, bytes)) => {
                self.of_sound(|sound, means| sound.datagram(means, from, &bytes))
            }
            Happening::Sound(News::Failed(why)) => self.of_sound(|_, _| Err(SoundFault::Media(why))),
            // A callee is no browser.
            Happening::Sound(News::Reach(_)) => None,
            Happening::Sound(News::FirstPacket(at)) => {
                // With it the recording begins.
                self.start.get_or_insert(at);
                let after_answer_ms = self.answered_at.map(|answered| at.since(answered).as_millis());
                tracing::info!(attempt = %self.order.attempt, after_answer_ms, "first packet sent");
                None
            }
            Happening::Speech(event) => {
                self.taken += u64::from(event.is_result());
                hearing::take_down(&mut self.mood, &event);
                if matches!(event, waihu_speech::Event::Heard(_)) {
                    self.side.feels(hearing::mood(&self.mood));
                }
                hearing::note(&self.order.attempt, &event);
                if matches!(event, waihu_speech::Event::Heard(_)) {
                    self.trail.iter_mut().for_each(Trail::heard);
                }
                hearing::speech_word(event).map(Input::Speech)
            }
            Happening::Voiced(id, text, part) => {
                if let Err(e) = &part {
                    tracing::error!(attempt = %self.order.attempt, error = %e, "a prompt could not be spoken");
                }
                let told = self.playout.voiced(id, &part);
                if let Ok(VoicePart { whole: Some(whole), .. }) = part {
                    self.prompts.keep(text, whole);
                }
                self.play_ready();
                told.map(Input::Media)
            }
        }
    }

    /// Carries out what the machine wants done; the ending, when it is over.
    fn carry_out(&mut self, machine: &mut CallMachine) -> Option<Ending> {
        while let Some(output) = machine.poll_output() {
            match output {
                Output::InviteCallee => {
                    tell(&self.observer, self.order, ProgressKind::Dialling);
                    match legs::invite_callee(self.plant, self.order, self.sound.offer()) {
                        Some(request) => self.callee = Some(self.plant.sip.invite(request)),
                        None => {
                            let event = legs::not_dialled();
                            machine.handle_input(self.now(), Input::Sip { leg: Leg::Callee, event });
                        }
                    }
                }
                Output::Seek { .. }
                | Output::Unwanted
                | Output::InviteAgent { .. }
                | Output::AcceptAgent { .. }
                | Output::DeclineAgent { .. }
                | Output::Brief
                | Output::Introduce(_)
                | Output::AskHowLong
                | Output::Bridge
                | Output::Unbridge
                | Output::SeekConsulted(_)
                | Output::ConsultOver(_)
                | Output::InviteConsulted { .. }
                | Output::AcceptConsulted { .. }
                | Output::DeclineConsulted { .. }
                | Output::BriefConsulted
                | Output::JoinConsulted
                | Output::HandOver
                | Output::Hangup(Leg::Agent | Leg::Consulted) => self.carry_out_beside(machine, output),
                Output::Hangup(Leg::Callee) => self.callee.iter().for_each(|call| call.hangup(None)),
                Output::Connect { leg, part, remote } => {
                    let input = match leg {
                        Leg::Callee => self.of_sound(|sound, means| sound.described(means, part, &remote)),
                        leg => self.side.described(self.plant, self.sound.slot(), leg, (part, &remote)),
                    };
                    if let Some(input) = input {
                        machine.handle_input(self.now(), input);
                    }
                }
                Output::Play { id, text, from_ms } => self.play(id, text, from_ms),
                Output::StopPlayback => {
                    self.plant.media.stop(self.sound.slot());
                    for event in self.playout.stop() {
                        let _ = self.happenings.send(Happening::Played(event));
                    }
                }
                Output::PlayMusic => {
                    self.plant.media.play_on(self.sound.slot(), MUSIC, music::samples());
                }
                Output::StopMusic => self.plant.media.stop(self.sound.slot()),
                Output::Line(line) => self.line(line),
                Output::Expect(expected) => self.listener.expect(hearing::expectation(expected)),
                Output::Join => self.listener.join(self.taken),
                Output::Ended(ending) => return Some(*ending),
            }
        }
        None
    }

    /// Does something with the callee's sound; what the call is to hear of it where it fails. Who cannot
    /// be spoken with as it was agreed is spoken with in no other way.
    fn of_sound(
        &mut self,
        act: impl FnOnce(&mut LegSound, Means<'_>) -> Result<(), SoundFault>,
    ) -> Option<Input> {
        let fault = act(&mut self.sound, self.plant.means()).err()?;
        tracing::error!(attempt = %self.order.attempt, error = %fault, "the callee cannot be spoken with");
        self.line(Line {
            at: self.now(),
            speaker: Speaker::System,
            text: fault.to_string(),
            understood: None,
        });
        if self.answered_at.is_none() {
            // The telephone rings on unheard; where the slot itself is gone, the call hears of that.
            self.sound.give_up_early();
            return None;
        }
        self.callee.iter().for_each(|callee| callee.hangup(Some(fault.as_reason())));
        self.fault.get_or_insert(fault);
        Some(Input::Media(MediaEvent::Lost))
    }

    fn play(&mut self, id: PlaybackId, text: String, from_ms: u64) {
        self.trail.iter_mut().for_each(Trail::spoke);
        let ready = self.prompts.ready(&text);
        if ready.is_none() {
            let (to_call, words) = (self.happenings.clone(), Arc::<str>::from(text.as_str()));
            let reply = words::live_reply(id, self.playout.stopped_before(), move |part| {
                to_call.send(Happening::Voiced(id, Arc::clone(&words), part)).map_err(drop)
            });
            self.plant.speech.voice(self.prompts.to_speak(text), reply);
        }
        self.playout.push(id, ready, from_ms);
        self.play_ready();
    }

    fn play_ready(&mut self) {
        while let Some((number, pcm)) = self.playout.next() {
            self.plant.media.play(self.sound.slot(), MediaPlaybackId(number), pcm);
        }
    }

    fn line(&mut self, line: Line) {
        let at_ms = self.start.map_or(0, |s| u64::try_from(line.at.since(s).as_millis()).unwrap_or(u64::MAX));
        let kind = ProgressKind::Line {
            at_ms,
            speaker: line.speaker,
            text: line.text.clone(),
            intent: line.understood.as_ref().map(|u| u.intent),
        };
        self.side.said(self.wall(line.at), &line);
        self.write_down(at_ms, line);
        // Whoever watches is told of what is written, and of nothing that a fall could still lose.
        tell(&self.observer, self.order, kind);
    }

    fn write_down(&mut self, at_ms: u64, line: Line) {
        let Some(transcript) = &mut self.transcript else { return };
        let written = transcript.line(&legs::transcript_line(at_ms, line));
        if let Err(e) = written {
            tracing::error!(attempt = %self.order.attempt, error = %e, "a transcript line was not written");
        }
    }

    /// Nobody is on the line any more, however long the disk and the store take from here on: closes the files, stores
    /// the outcome.
    async fn close(mut self, attempt: Attempt, ending: Ending) -> Result<Outcome, DialError> {
        let now = self.now();
        let others = self.side.others(self.wall(now));
        self.side.hang_up_all(self.plant);
        self.plant.media.close(self.sound.slot());
        let causes = &self.plant.trunk.causes;
        let mut outcome = outcome(&attempt, causes, ending, self.wall(now), |at| self.wall(at));
        self.fault.iter().for_each(|fault| fault.mark(&mut outcome));
        if let Some(handover) = &mut outcome.handover {
            handover.others = others;
        }
        self.trail.iter_mut().for_each(|trail| trail.ended(&outcome));
        filing::keep(self.plant, &outcome).await;
        let written = (self.recording.take(), self.transcript.take());
        let stats;
        (outcome.recording, outcome.transcript, stats) =
            filing::close_files(&attempt.attempt, written, self.sound.closed()).await;
        outcome.sound = self.sound.outcome(&stats);
        outcome.mood = hearing::mood(&self.mood);
        // The outcome carries the answer as well.
        if let Some(marking) = self.marking.take() {
            marking.abort();
        }
        filing::file(self.plant, &outcome).await?;
        tell(&self.observer, self.order, ProgressKind::Done(Box::new(outcome.clone())));
        Ok(outcome)
    }
}

/// However a call ends, and be it by a panic: its ports are free again, and no phone stays up.
impl Drop for ActiveCall<'_> {
    fn drop(&mut self) {
        self.plant.media.close(self.sound.slot());
        self.callee.iter().for_each(|call| call.hangup(None));
        self.side.hang_up_all(self.plant);
    }
}
