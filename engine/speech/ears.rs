//! The ears: the callees' sound in, what is heard of it out.
//!
//! One plain thread listens to every call. A cheap gate before it (the media threads') lets the detector
//! run only where there may be speech. What takes longer than a frame is done by others and comes back here:
//! the look at a pause ([`crate::looks`]) and the words ([`crate::recognizer`]), so that each call's state
//! has one owner.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crossbeam_channel::{Receiver, Sender, bounded, select_biased, unbounded};
use waihu_audio::Frame;
use waihu_vad::{Gate, Silero};

use crate::{
    Expectation, Sink, SpeechError,
    ear::Ear,
    looks::Looks,
    recognizer::{Answer, Call},
};

/// Frames and commands that may wait: a second of sound of 80 calls.
const MAX_WAITING: usize = 4_096;

enum Command {
    Open(u64, Box<Ear>),
    Frame(u64, Frame, Gate),
    Answered(u64),
    KnowsWho(u64),
    Ask(u64),
    Join(u64, u64),
    Close(u64),
}

/// Where callees' sound is handed in.
#[derive(Clone)]
pub(crate) struct Ears {
    queue: Sender<Command>,
    next: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
}

/// A call's listening; it ends when this is dropped.
pub struct Listener {
    id: u64,
    ears: Ears,
    call: Call,
}

/// The end of a [`Listener`] that takes sound.
#[derive(Clone)]
pub struct EarTap {
    id: u64,
    ears: Ears,
}

impl Listener {
    /// Where the media thread hands in the callee's frames.
    pub fn ear(&self) -> EarTap {
        EarTap { id: self.id, ears: self.ears.clone() }
    }

    /// The call was answered: what was heard so far was early media, of which only who spoke it is told.
    pub fn answered(&self) {
        self.tell(Command::Answered(self.id));
    }

    /// Who speaks is known, as of an agent's leg: it is not told who answered, nor what was said before the answer.
    pub fn knows_who(&self) {
        self.tell(Command::KnowsWho(self.id));
    }

    /// What the script asks and expects to hear from here on.
    pub fn expect(&self, expectation: Expectation) {
        self.call.expect(expectation);
        self.tell(Command::Ask(self.id));
    }

    /// The utterance that goes on, or comes next, belongs to the one that was told last: both are told
    /// together, as [`crate::Event::Rejoined`], where it is not too late for that. It is where another was told meanwhile:
    /// `taken` results ([`crate::Event::is_result`]) are those that the call knows of.
    pub fn join(&self, taken: u64) {
        self.tell(Command::Join(self.id, taken));
    }

    fn tell(&self, command: Command) {
        // A few in a call, and each matters: these wait for room.
        let _ = self.ears.queue.send(command);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.call.end();
        // A full queue only means that the ears hear of it with the next call's end; the flag
        // above already spares the workers.
        let _ = self.ears.queue.try_send(Command::Close(self.id));
    }
}

impl EarTap {
    /// Takes 20 ms of the callee's sound, and whether it may be speech. Never blocks: what finds no room is
    /// dropped and counted, and false returned.
    pub fn hear(&self, frame: &Frame, gate: Gate) -> bool {
        let taken = self.ears.queue.try_send(Command::Frame(self.id, *frame, gate)).is_ok();
        if !taken {
            self.ears.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }
}

/// Where the workers' answers come back to the ears. Each piece of work that was taken has a few, so that the
/// queues before the workers bound this one.
pub(crate) fn answers() -> (Sender<Answer>, Receiver<Answer>) {
    unbounded()
}

impl Ears {
    pub(crate) fn start(silero: &Path, looks: Looks, answers: Receiver<Answer>) -> Result<Self, SpeechError> {
        let model = Silero::load(silero)?;
        let (queue, commands) = bounded(MAX_WAITING);
        thread::Builder::new()
            .name("ears".to_owned())
            .spawn(move || listen(model, &looks, &commands, &answers))
            .map_err(SpeechError::Thread)?;
        Ok(Self { queue, next: Arc::default(), dropped: Arc::default() })
    }

    pub(crate) fn open(&self, lang: waihu_types::Lang, today: jiff::civil::Date, sink: Sink) -> Listener {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let call = Call::new(id, lang, today, sink);
        let ear = Ear::new(call.clone());
        // It waits for room: without it the call would be deaf.
        let _ = self.queue.send(Command::Open(id, Box::new(ear)));
        Listener { id, ears: self.clone(), call }
    }

    /// Frames that found no room so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn listen(mut model: Silero, looks: &Looks, commands: &Receiver<Command>, answers: &Receiver<Answer>) {
    let mut ears: HashMap<u64, Box<Ear>> = HashMap::new();
    loop {
        // Answers first: who has finished waits for them.
        select_biased! {
            recv(answers) -> answer => {
                let Ok(answer) = answer else { return };
                if let Some(ear) = ears.get_mut(&answer.ticket.call) {
                    ear.guarded(|ear| ear.answer(answer, looks));
                }
            }
            recv(commands) -> command => {
                let Ok(command) = command else { return };
                obey(&mut ears, command, &mut model, looks);
                ears.retain(|_, ear| !ear.is_gone());
            }
        }
    }
}

fn obey(ears: &mut HashMap<u64, Box<Ear>>, command: Command, model: &mut Silero, looks: &Looks) {
    let mut guarded = |id: u64, act: &mut dyn FnMut(&mut Ear)| {
        if let Some(ear) = ears.get_mut(&id) {
            ear.guarded(act);
        }
    };
    match command {
        Command::Frame(id, frame, gate) => guarded(id, &mut |ear| ear.hear(model, &frame, gate, looks)),
        Command::Answered(id) => guarded(id, &mut Ear::answered),
        Command::KnowsWho(id) => guarded(id, &mut Ear::knows_who),
        Command::Ask(id) => guarded(id, &mut |ear| ear.ask(looks)),
        Command::Join(id, taken) => guarded(id, &mut |ear| ear.join(taken)),
        Command::Open(id, ear) => drop(ears.insert(id, ear)),
        Command::Close(id) => drop(ears.remove(&id)),
    }
}
