//! One call's listening: where an utterance begins and ends, what of it is looked at and recognized when,
//! and what the call is told, in which order.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use waihu_answer::{Detector as WhoAnswered, Output as Answered};
use waihu_audio::{
    Frame, SAMPLES_8K,
    foreground::{Foreground, Whose},
};
use waihu_turn::{EndOfTurn, Input, Output, PauseId, Policy, Words};
use waihu_types::{AnsweredBy, Time};
use waihu_vad::{Detector, Endpointer, EndpointerConfig, Gate, Silero, SpeechBoundary};

use crate::{
    Event, Heard, Partial,
    looks::Looks,
    recognizer::{Answer, Call, Job, Ticket, What},
};

/// Sound kept from before speech was detected [samples at 8 kHz]: 400 ms.
const PRE_ROLL: usize = 3_200;

/// Voice between two reports that speech goes on [ms]: what it decides may come late by as much.
const REPORT_MS: u64 = 100;

/// An utterance that was longer than this when the callee was first louder than the voices around began with those
/// [samples]: 1.5 s.
const BEFORE_THE_CALLEE: usize = 12_000;

/// The endpointer only tells voice from pauses here; the machine of the turn ends it, 2 s of silence at most
/// and 25 s of voice at most, which lie below these.
const ENDPOINTER: EndpointerConfig = EndpointerConfig {
    start_probability: 0.5,
    stop_probability: 0.35,
    min_speech_ms: 120,
    hangover_ms: 2_400,
    max_speech_ms: 27_000,
};

/// Utterances of one call whose words may be owed: 6 s of somebody who says yes without end. Of more the
/// turn is kept and the words are not.
const MAX_OWED: usize = 8;

/// How often early media of one call is recognized: an announcement is told by its first or second sentence,
/// and a ringback song would be recognized in each of its pauses for half a minute.
const MAX_EARLY_LOOKS: u32 = 6;

/// Utterances are joined up to this length [samples at 8 kHz]: 28 s, of the 30 s that the recognizer hears.
const MAX_JOINED: usize = 28 * 8_000;
/// What stands between two that are joined [samples]: 200 ms.
const JOINT: usize = 1_600;

pub(crate) struct Ear {
    call: Call,
    detector: Detector,
    endpointer: Endpointer,
    foreground: Foreground,
    /// Until it is certain who answered.
    who: Option<Box<WhoAnswered>>,
    is_answered: bool,
    /// How often early media was handed in to be recognized.
    early_looks: u32,
    /// How many utterances of early media were told to be owed their words.
    early_owed: usize,
    /// Frames heard; the ear's clock.
    frames: u64,
    recent: VecDeque<i16>,
    turn: Option<Turn>,
    /// The number of the next utterance.
    next: u64,
    /// Utterances that are over and whose words were not told yet, oldest first.
    owed: VecDeque<Owed>,
    /// What was told last, for one that goes on with it: whole, or nothing where its parts were told apart and are too long
    /// to be recognized again.
    last: Arc<[i16]>,
    /// How many utterances the call was told what became of.
    told: u64,
    /// The next utterance goes on with the last.
    joins: bool,
}

/// The utterance that goes on.
struct Turn {
    number: u64,
    machine: EndOfTurn,
    samples: Vec<i16>,
    /// How much voice of it was reported [ms].
    reported_ms: u64,
    /// What is under way or known, up to the pause that lasts.
    guess: Option<Guess>,
    /// What it goes on with.
    before: Option<Arc<[i16]>>,
    /// The callee was louder in it than the voices around.
    is_callees: bool,
}

struct Guess {
    pause: PauseId,
    samples: Arc<[i16]>,
    dropped: Arc<AtomicBool>,
    /// It was handed in with what the turn goes on with.
    rejoined: bool,
    words: Option<Option<Heard>>,
}

struct Owed {
    number: u64,
    /// The pause up to which the whole of it was handed in; none where it was without one.
    pause: Option<PauseId>,
    samples: Arc<[i16]>,
    /// It goes on with the one before it; and it was handed in with that.
    goes_on: bool,
    rejoined: bool,
    /// When its last word ended, and the turn [ms on the ear's clock; the wall's].
    silence_ms: u64,
    over: Instant,
    words: Option<Option<Heard>>,
}

impl Ear {
    pub(crate) fn new(call: Call) -> Self {
        Self {
            call,
            detector: Detector::default(),
            endpointer: Endpointer::new(ENDPOINTER),
            foreground: Foreground::default(),
            who: Some(Box::default()),
            is_answered: false,
            early_looks: 0,
            early_owed: 0,
            frames: 0,
            recent: VecDeque::with_capacity(PRE_ROLL + SAMPLES_8K),
            turn: None,
            next: 0,
            owed: VecDeque::new(),
            last: Arc::default(),
            told: 0,
            joins: false,
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.call.is_gone()
    }

    /// Acts behind a wall: a fault of ours costs this call what it was saying, and others nothing.
    pub(crate) fn guarded(&mut self, act: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| act(self))).is_ok() {
            return;
        }
        tracing::error!("a call could not be listened to, and is listened to anew");
        let fresh = Self {
            who: self.who.is_some().then(Box::default),
            is_answered: self.is_answered,
            early_looks: self.early_looks,
            early_owed: self.early_owed,
            next: self.next + 1,
            told: self.told,
            ..Self::new(self.call.clone())
        };
        let old = std::mem::replace(self, fresh);
        for _ in 0..old.owed.len() {
            self.tell(Event::Unintelligible);
        }
        if old.turn.is_some() {
            self.tell(Event::Ended);
            self.tell(Event::Unintelligible);
        }
        self.tell_early();
    }

    /// Has heard this from the callee before: the voices around are known by it.
    pub(crate) fn has_heard(&mut self, model: &mut Silero, frame: &Frame, gate: Gate) {
        let probability = self.detector.push(model, frame, gate).unwrap_or_default();
        self.foreground.push(frame, probability, false);
    }

    pub(crate) fn hear(&mut self, model: &mut Silero, frame: &Frame, gate: Gate, looks: &Looks) {
        let probability = self.detector.push(model, frame, gate).unwrap_or_else(|e| {
            tracing::error!(error = %e, "voice activity was not judged");
            None
        });
        // A voice that is not the callee's is none here.
        let speaks = self.turn.is_some() && self.endpointer.silent_since_ms().is_none();
        let whose = self.foreground.push(frame, probability, speaks);
        if whose == Whose::Callees {
            self.is_the_callee();
        }
        self.judged(frame, gate, probability.map(|p| if whose == Whose::Around { 0.0 } else { p }), looks);
    }

    /// What began before the answer is early media's, and so are the words that it is owed. Voice that goes on
    /// is heard as an utterance that begins here: a callee's hello may reach us before the answer does.
    pub(crate) fn answered(&mut self) {
        self.is_answered = true;
        self.call.answer();
        (self.turn, self.endpointer) = (None, Endpointer::new(ENDPOINTER));
        self.owed.clear();
        self.recent.clear();
        let now = self.now_ms();
        self.with_who(|who| who.answered(now));
    }

    /// Who answered is told no more, and nothing that they say before the answer is recognized.
    pub(crate) fn knows_who(&mut self) {
        self.who = None;
    }

    /// Another question is asked.
    pub(crate) fn ask(&mut self, looks: &Looks) {
        let policy = self.policy();
        self.machine(Input::Ask(policy), looks);
    }

    /// What is told next goes on with what was told last, which was that of so many utterances.
    pub(crate) fn join(&mut self, told: u64) {
        if told != self.told {
            // It was told alone meanwhile: nothing is told a second time with what comes after it.
            self.last = Arc::default();
            return;
        }
        match (self.owed.front_mut(), &mut self.turn) {
            // It is over, and too late for that: it is told alone.
            (Some(owed), _) => owed.goes_on = true,
            (None, Some(turn)) => turn.before = Some(Arc::clone(&self.last)),
            (None, None) => self.joins = true,
        }
    }

    /// How many utterances the call was told what became of.
    pub(crate) fn told(&self) -> u64 {
        self.told
    }

    fn now_ms(&self) -> u64 {
        self.frames * 20
    }

    fn policy(&self) -> Policy {
        let expected = self.call.expectation();
        let policy = Policy::of(expected.question);
        match expected.pause_ms {
            Some((least_ms, most_ms)) => Policy { least_ms, most_ms, ..policy },
            None => policy,
        }
    }

    /// Tells the call. Of early media it hears only what is announced, and how much of it is still to be told.
    fn tell(&mut self, event: Event) {
        if self.is_answered {
            self.told += u64::from(event.is_result());
            (self.call.sink)(event);
        }
    }

    /// Tells how much early media is owed its words, where that has changed.
    fn tell_early(&mut self) {
        let to_come = self.turn.as_ref().is_some_and(|turn| turn.guess.is_some() || !self.is_unheard());
        let owed = self.owed.len() + usize::from(to_come);
        if !self.is_answered && self.early_owed != owed {
            self.early_owed = owed;
            (self.call.sink)(Event::EarlyWords { owed });
        }
    }

    /// Takes a frame, and the probability of speech of the window that it completes.
    fn judged(&mut self, frame: &Frame, gate: Gate, probability: Option<f32>, looks: &Looks) {
        self.frames += 1;
        let now = self.now_ms();
        let open = if gate == Gate::Open { waihu_answer::Gate::Open } else { waihu_answer::Gate::Closed };
        self.with_who(|who| who.push(now, frame, open));
        match &mut self.turn {
            Some(turn) => turn.samples.extend_from_slice(frame),
            None => {
                let surplus = (self.recent.len() + SAMPLES_8K).saturating_sub(PRE_ROLL);
                self.recent.drain(..surplus);
                self.recent.extend(frame);
            }
        }
        let boundary = probability.and_then(|p| self.endpointer.push(now, p));
        if let Some(SpeechBoundary::Started { at_ms }) = boundary {
            self.begin(at_ms, looks);
        } else if probability.is_some() && self.turn.is_some() {
            let voice = match self.endpointer.silent_since_ms() {
                Some(since) => Input::Pause { since: Time::from_millis(since) },
                None => Input::Voice,
            };
            self.report();
            self.machine(voice, looks);
        } else if self.turn.is_some() {
            self.machine(Input::Timeout, looks);
        }
    }

    /// Who speaks is the callee. What went before in this utterance was a voice around, which could not be told until
    /// the callee spoke: the utterance begins here.
    fn is_the_callee(&mut self) {
        let policy = self.policy();
        let Some(turn) = &mut self.turn else { return };
        if !std::mem::replace(&mut turn.is_callees, true) && turn.samples.len() > BEFORE_THE_CALLEE {
            turn.samples.drain(..turn.samples.len() - PRE_ROLL);
            turn.machine = EndOfTurn::new(policy);
            // Its pauses are counted anew: what is found of those before is not taken for these.
            turn.number = self.next;
            self.next += 1;
            if let Some(guess) = turn.guess.take() {
                guess.dropped.store(true, Ordering::Relaxed);
            }
        }
    }

    fn begin(&mut self, at_ms: u64, looks: &Looks) {
        let before = std::mem::take(&mut self.joins).then(|| Arc::clone(&self.last));
        self.turn = Some(Turn {
            number: self.next,
            machine: EndOfTurn::new(self.policy()),
            samples: self.recent.drain(..).collect(),
            reported_ms: self.endpointer.voiced_ms(),
            guess: None,
            before,
            is_callees: false,
        });
        self.next += 1;
        self.with_who(|who| who.speech_started(at_ms));
        self.tell(Event::Started);
        self.tell_early();
        self.machine(Input::Voice, looks);
    }

    /// Tells that speech goes on.
    fn report(&mut self) {
        let voiced_ms = self.endpointer.voiced_ms();
        let Some(turn) = &mut self.turn else { return };
        if voiced_ms >= turn.reported_ms + REPORT_MS {
            turn.reported_ms = voiced_ms;
            self.tell(Event::GoesOn { voiced: Duration::from_millis(voiced_ms) });
        }
    }

    /// Hands something to the machine of the turn, and does what it wants.
    fn machine(&mut self, input: Input, looks: &Looks) {
        let now = Time::from_millis(self.now_ms());
        let Some(turn) = &mut self.turn else { return };
        turn.machine.handle_input(now, input);
        while let Some(output) = self.turn.as_mut().and_then(|t| t.machine.poll_output()) {
            match output {
                // Both are asked of the same workers, one after the other.
                Output::AskModel(_) => {}
                Output::Recognize(pause) => self.look(pause, looks),
                Output::GoesOn(_) => self.drop_guess(),
                Output::Ended { at, silence_ms, pause, .. } => {
                    self.end(at, silence_ms.into(), pause, looks);
                    return;
                }
            }
        }
    }

    fn drop_guess(&mut self) {
        if let Some(guess) = self.turn.as_mut().and_then(|t| t.guess.take()) {
            // Until it is certain who answered, half an announcement tells that sooner than the whole of it.
            guess.dropped.store(self.who.is_none(), Ordering::Relaxed);
        }
    }

    /// Whether early media was recognized often enough, or tells nothing that is not known.
    fn is_unheard(&self) -> bool {
        !self.is_answered && (self.early_looks >= MAX_EARLY_LOOKS || self.who.is_none())
    }

    /// Hands a piece in.
    fn submit(&mut self, job: Job, spot: bool, looks: &Looks) {
        if job.is_early {
            // Nothing in it is a short answer, and nobody waits for its end.
            self.early_looks += 1;
            return looks.recognize(job);
        }
        match job.ticket.pause {
            Some(_) => looks.submit(job, spot),
            None => looks.recognize(job),
        }
    }

    /// Has the turn looked at and recognized as far as this pause.
    fn look(&mut self, pause: PauseId, looks: &Looks) {
        self.drop_guess();
        if self.is_unheard() {
            return;
        }
        let Some(turn) = &mut self.turn else { return };
        let samples: Arc<[i16]> = turn.samples.as_slice().into();
        let whole = joined(turn.before.as_deref(), &samples);
        let dropped = Arc::<AtomicBool>::default();
        turn.guess = Some(Guess {
            pause,
            samples: Arc::clone(&samples),
            dropped: Arc::clone(&dropped),
            rejoined: whole.is_some(),
            words: None,
        });
        let ticket = Ticket { call: self.call.id, number: turn.number, pause: Some(pause) };
        let job = Job {
            of: self.call.clone(),
            ticket,
            samples: whole.unwrap_or(samples),
            since: Instant::now(),
            dropped,
            is_early: !self.is_answered,
        };
        let spot = turn.before.is_none();
        self.submit(job, spot, looks);
    }

    fn end(&mut self, at: Time, silence_ms: u64, pause: Option<PauseId>, looks: &Looks) {
        let Some(mut turn) = self.turn.take() else { return };
        self.endpointer = Endpointer::new(ENDPOINTER);
        self.with_who(|who| who.speech_ended(at.as_millis()));
        let guess = turn.guess.take().filter(|g| Some(g.pause) == pause);
        // What comes next may have begun in the silence.
        let spoken = turn.samples.len().saturating_sub((silence_ms as usize).saturating_sub(200) * 8);
        self.recent.extend(&turn.samples[spoken.max(turn.samples.len().saturating_sub(PRE_ROLL))..]);
        let mut owed = Owed {
            number: turn.number,
            pause: guess.as_ref().map(|g| g.pause),
            samples: Arc::default(),
            goes_on: turn.before.is_some(),
            rejoined: guess.as_ref().is_some_and(|g| g.rejoined),
            silence_ms,
            over: Instant::now(),
            words: None,
        };
        owed.samples = match guess {
            Some(guess) => {
                owed.words = guess.words;
                guess.samples
            }
            None if self.is_unheard() => {
                owed.words = Some(None);
                Arc::default()
            }
            None => {
                turn.samples.truncate(spoken);
                let samples: Arc<[i16]> = turn.samples.into();
                let whole = joined(turn.before.as_deref(), &samples);
                owed.rejoined = whole.is_some();
                let job = Job {
                    of: self.call.clone(),
                    ticket: Ticket { call: self.call.id, number: turn.number, pause: None },
                    samples: whole.unwrap_or_else(|| Arc::clone(&samples)),
                    since: Instant::now(),
                    dropped: Arc::default(),
                    is_early: !self.is_answered,
                };
                self.submit(job, false, looks);
                samples
            }
        };
        self.tell(Event::Ended);
        if self.owed.len() >= MAX_OWED {
            // The turn is kept.
            owed.words = Some(None);
        }
        self.owed.push_back(owed);
        self.pay();
    }

    /// Tells words that are known, in the order in which they were said.
    fn pay(&mut self) {
        while let Some(Owed { words: Some(words), .. }) = self.owed.front_mut() {
            let words = words.take();
            let Some(owed) = self.owed.pop_front() else { return };
            self.last = match owed.goes_on {
                true => joined(Some(&self.last), &owed.samples).unwrap_or_default(),
                false => owed.samples,
            };
            let Some(mut heard) = words else {
                self.tell(Event::Unintelligible);
                continue;
            };
            heard.silence_ms = owed.silence_ms;
            heard.waited_ms = u64::try_from(owed.over.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.tell(if owed.rejoined { Event::Rejoined(heard) } else { Event::Heard(heard) });
        }
        self.tell_early();
    }

    /// Takes what a worker found.
    pub(crate) fn answer(&mut self, answer: Answer, looks: &Looks) {
        let Ticket { number, pause, .. } = answer.ticket;
        let goes_on = self.turn.as_mut().filter(|t| t.number == number);
        match (answer.what, goes_on) {
            (What::Tone(probability), Some(_)) => {
                if let Some(pause) = pause {
                    self.machine(Input::Model { pause, probability }, looks);
                }
            }
            (What::Words(words), Some(turn)) => {
                let Some(guess) = turn.guess.as_mut().filter(|g| Some(g.pause) == pause) else {
                    self.tell_who(words.as_ref());
                    return;
                };
                guess.words = Some(words.clone());
                let pause = guess.pause;
                self.understood(words.as_ref());
                let question = self.call.expectation().question;
                let words = match &words {
                    Some(heard) => Words::of(self.call.lang, &heard.text, question),
                    None => Words::default(),
                };
                self.machine(Input::Words { pause, words }, looks);
            }
            (What::Words(words), None) => {
                let mut owed = self.owed.iter_mut();
                let Some(owed) = owed.find(|o| o.number == number && o.words.is_none()) else { return };
                if owed.pause != pause {
                    // A recognizer was still busy with an earlier pause of it: these are not all its words.
                    self.tell_who(words.as_ref());
                    return;
                }
                owed.words = Some(words.clone());
                self.understood(words.as_ref());
                self.pay();
            }
            (What::Tone(_), None) => {}
        }
    }

    fn tell_who(&mut self, words: Option<&Heard>) {
        let Some(heard) = words else { return };
        let (now, lang) = (self.now_ms(), self.call.lang);
        self.with_who(|who| who.heard(now, lang, &heard.text));
    }

    /// Words are known, of an utterance that may go on.
    fn understood(&mut self, words: Option<&Heard>) {
        self.tell_who(words);
        let Some(heard) = words else { return };
        if self.turn.is_some() {
            self.tell(Event::Partial(Partial {
                text: heard.text.clone(),
                intent: heard.intent,
                confidence: heard.confidence,
                clear: heard.clear,
            }));
        }
    }

    /// Lets the judge of who answered know something, and tells what it says.
    fn with_who(&mut self, act: impl FnOnce(&mut WhoAnswered)) {
        let Some(who) = &mut self.who else { return };
        act(who);
        let (mut over, mut another) = (false, false);
        while let Some(output) = who.poll_output() {
            (self.call.sink)(match output {
                Answered::Beep => Event::Beep,
                // Who else is told of there has not answered.
                Answered::Verdict(verdict) if !self.is_answered => match verdict.by {
                    AnsweredBy::Announcement => Event::Announced(verdict),
                    _ => continue,
                },
                Answered::Verdict(verdict) => {
                    // Of a box the beep is still to come; who comes after an assistant is to be told anew.
                    let settled = verdict.settled;
                    over |= settled && verdict.by != AnsweredBy::Voicemail;
                    another |= settled && verdict.by == AnsweredBy::Screening;
                    Event::AnsweredBy(verdict)
                }
            });
        }
        if over {
            self.who = another.then(|| {
                let mut next = Box::<WhoAnswered>::default();
                next.answered(self.now_ms());
                next
            });
        }
    }
}

/// Two utterances in a row, with a pause between them; none where nothing goes before, or they would be too long.
fn joined(before: Option<&[i16]>, samples: &[i16]) -> Option<Arc<[i16]>> {
    let before = before.filter(|before| !before.is_empty())?;
    if before.len() + JOINT + samples.len() > MAX_JOINED {
        return None;
    }
    Some([before, &[0; JOINT], samples].concat().into())
}

#[cfg(test)]
#[path = "ear_tests.rs"]
mod tests;
