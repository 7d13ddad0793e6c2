//! The thread itself: absolute 20 ms deadlines, reads in between, commands when they come.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use waihu_types::Time;

use crate::{
    event::{MediaEvent, PlaybackId, SlotId},
    media::Shared,
    slot::{Remote, Slot},
};

/// Half a tick: sockets are read twice a tick, so that what just missed a read waits 10 ms.
const STEP_MS: u64 = 10;
/// A tick later than this is counted: the far end's buffer begins to feel it.
const LATE: Duration = Duration::from_millis(20);
/// After standing still, at most so much is made up [steps]: 480 ms. Beyond, a burst does more
/// harm at the far end than a hole, and our own buffers hold no more.
const CATCH_UP: u64 = 48;
/// The longest datagram looked at; anything longer is no telephone sound.
const DATAGRAM: usize = 2_048;

/// What control asks of the thread. For a slot that is gone, it is passed over.
pub(crate) enum Command {
    Open(Box<Slot>, SlotId),
    Start(SlotId, Remote),
    Play(SlotId, PlaybackId, Arc<[i16]>),
    Stop(SlotId),
    SendDtmf(SlotId, String),
    Bridge(SlotId, SlotId),
    Unbridge(SlotId, SlotId),
    Close(SlotId),
}

pub(crate) struct Worker {
    shared: Arc<Shared>,
    commands: Receiver<Command>,
    slots: BTreeMap<SlotId, Box<Slot>>,
    /// The ids of `slots`, kept so that a tick can look at two slots at once.
    order: Vec<SlotId>,
    buffer: Box<[u8]>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, commands: Receiver<Command>) -> Self {
        Self {
            shared,
            commands,
            slots: BTreeMap::new(),
            order: Vec::new(),
            buffer: vec![0; DATAGRAM].into_boxed_slice(),
        }
    }

    /// Runs until the last handle is dropped; then closes what is open.
    pub(crate) fn run(mut self) {
        let mut step = 0_u64;
        loop {
            let due = Time::from_millis(STEP_MS * step);
            match self.commands.recv_deadline(self.shared.instant(due)) {
                Ok(command) => self.apply(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.shared.now() < due {
                continue;
            }
            // What waits now and no more: commands that never end must not hold back a tick, nor a
            // thread that lags behind the commands.
            for _ in 0..self.commands.len() {
                let Ok(command) = self.commands.try_recv() else { break };
                self.apply(command);
            }
            let now = self.shared.now();
            let behind = now.as_millis().saturating_sub(due.as_millis()) / STEP_MS;
            if behind > CATCH_UP {
                let ticks = behind / 2;
                self.slots.values_mut().for_each(|s| guarded(s, |s| s.skip(ticks)));
                self.shared.late_ticks.fetch_add(ticks, Relaxed);
                step += ticks * 2;
                continue;
            }
            self.read(now);
            if step.is_multiple_of(2) {
                if now.since(due) > LATE {
                    self.shared.late_ticks.fetch_add(1, Relaxed);
                }
                self.tick(due);
            }
            self.shared.busy_us.fetch_add(self.shared.now().since(now).as_micros() as u64, Relaxed);
            step += 1;
        }
        for id in std::mem::take(&mut self.order) {
            self.close(id);
        }
    }

    fn read(&mut self, now: Time) {
        for slot in self.slots.values_mut() {
            guarded(slot, |s| s.receive(now, &mut self.buffer));
        }
    }

    fn tick(&mut self, at: Time) {
        self.slots.values_mut().for_each(|s| guarded(s, |s| s.hear(at)));
        let mut broken = false;
        for id in &self.order {
            let other = self.slots.get(id).and_then(|s| s.bridged);
            let said = other.and_then(|o| self.slots.get(&o)).map(|o| o.heard);
            if let Some(slot) = self.slots.get_mut(id) {
                guarded(slot, |s| s.speak(at, said.as_ref()));
                broken |= slot.is_broken();
            }
        }
        self.shared.ticks.fetch_add(1, Relaxed);
        if broken {
            let fallen: Vec<_> =
                self.slots.iter().filter(|(_, s)| s.is_broken()).map(|(id, _)| *id).collect();
            fallen.into_iter().for_each(|id| self.close(id));
        }
    }

    fn apply(&mut self, command: Command) {
        let now = self.shared.now();
        match command {
            Command::Open(slot, id) => {
                self.slots.insert(id, slot);
                self.order.push(id);
            }
            Command::Start(id, remote) => self.with(id, |s| s.start(now, remote)),
            Command::Play(id, clip, samples) => self.with(id, |s| s.play(now, clip, samples)),
            Command::Stop(id) => self.with(id, |s| s.stop(now)),
            Command::SendDtmf(id, digits) => self.with(id, |s| s.send_dtmf(&digits)),
            Command::Bridge(a, b) => {
                if a != b && self.slots.contains_key(&a) && self.slots.contains_key(&b) {
                    self.leave_bridge(a);
                    self.leave_bridge(b);
                    self.with(a, |s| s.bridged = Some(b));
                    self.with(b, |s| s.bridged = Some(a));
                }
            }
            Command::Unbridge(a, b) => {
                if self.slots.get(&a).is_some_and(|s| s.bridged == Some(b)) {
                    self.leave_bridge(a);
                }
            }
            Command::Close(id) => self.close(id),
        }
    }

    fn with(&mut self, id: SlotId, f: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slots.get_mut(&id) {
            guarded(slot, f);
        }
    }

    fn leave_bridge(&mut self, id: SlotId) {
        let Some(other) = self.slots.get_mut(&id).and_then(|s| s.bridged.take()) else { return };
        self.with(other, |s| s.bridged = None);
    }

    fn close(&mut self, id: SlotId) {
        self.leave_bridge(id);
        let Some(mut slot) = self.slots.remove(&id) else { return };
        self.order.retain(|o| *o != id);
        let now = self.shared.now();
        // Not `guarded`: a slot that fell before has its last to say too.
        let stats = catch_unwind(AssertUnwindSafe(|| slot.wind_up(now))).unwrap_or_default();
        // The socket goes with the slot, before the port is given back and the end is told: who
        // hears of the end may open the next at once.
        let (port, mut listener) = slot.into_port();
        self.shared.ports.give_back(port);
        self.shared.slots.fetch_sub(1, Relaxed);
        listener.tell(now, MediaEvent::Closed(stats));
    }
}

/// Does something to a slot behind a wall: a fault of ours in one call is that call's end only.
fn guarded(slot: &mut Slot, what: impl FnOnce(&mut Slot)) {
    // A slot that fell is closed at the next tick and not used again until then.
    if !slot.is_broken() && catch_unwind(AssertUnwindSafe(|| what(slot))).is_err() {
        slot.broken = true;
    }
}
