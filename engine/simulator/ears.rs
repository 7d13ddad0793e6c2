//! One thread that listens to every call's bot, and says when it speaks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crossbeam_channel::{Sender, bounded};
use tokio::sync::mpsc::UnboundedSender;
use waihu_audio::energy::level_dbov;
use waihu_media::{HeardFrame, SlotId};

use crate::{
    ear::{Ear, Edge},
    persona::Input,
};

/// Frames that may wait [20 ms of one call each]: some seconds of dozens of calls. Beyond, the
/// media thread drops them, and a persona hears a gap.
const QUEUE: usize = 8_192;

/// The silence that ends the bot's turn [ms]: longer than its pause between two sentences, shorter
/// than a person's patience.
const TURN_END_MS: u64 = 900;

/// Each call's ear, and where its edges go.
type Listening = HashMap<SlotId, (Ear, UnboundedSender<Input>)>;

/// The thread's handle; the thread ends with the last handle and the last call.
#[derive(Debug)]
pub(crate) struct Ears {
    frames: Sender<HeardFrame>,
    listening: Arc<Mutex<Listening>>,
}

impl Ears {
    /// Starts the thread.
    pub(crate) fn spawn() -> std::io::Result<Self> {
        let (frames, heard) = bounded::<HeardFrame>(QUEUE);
        let listening = Arc::<Mutex<Listening>>::default();
        let shared = Arc::clone(&listening);
        std::thread::Builder::new().name("callees' ears".to_owned()).spawn(move || {
            for HeardFrame { slot, at, frame } in heard {
                let mut listening = lock(&shared);
                let Some((ear, edges)) = listening.get_mut(&slot) else { continue };
                let input = match ear.hear(at, level_dbov(&frame)) {
                    None => continue,
                    Some(Edge::Started) => Input::BotStarted,
                    Some(Edge::Stopped) => Input::BotStopped,
                };
                // The call may have ended meanwhile.
                let _ = edges.send(input);
            }
        })?;
        Ok(Self { frames, listening })
    }

    /// Where a slot's frames go.
    pub(crate) fn frames(&self) -> Sender<HeardFrame> {
        self.frames.clone()
    }

    /// Begins to listen to a slot.
    pub(crate) fn listen(&self, slot: SlotId, edges: UnboundedSender<Input>) {
        lock(&self.listening).insert(slot, (Ear::new(TURN_END_MS), edges));
    }

    /// Listens no more.
    pub(crate) fn forget(&self, slot: SlotId) {
        lock(&self.listening).remove(&slot);
    }
}

/// A poisoned lock only means that a panic came between: each ear is whole.
fn lock(listening: &Mutex<Listening>) -> MutexGuard<'_, Listening> {
    listening.lock().unwrap_or_else(PoisonError::into_inner)
}
