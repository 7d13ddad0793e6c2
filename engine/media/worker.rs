//! A thread itself: absolute deadlines a millisecond apart, each for a twentieth of the slots.

use std::{
    collections::HashMap,
    net::{SocketAddr, UdpSocket},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crossbeam_channel::{Receiver, TryRecvError};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::prctl::set_timerslack,
    unistd::Pid,
};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use waihu_audio::{SAMPLES_8K, mix};
use waihu_codec::Band;
use waihu_types::{SrtpKey, Time};

use crate::{
    checks::IceCredentials,
    clip::Clip,
    demux::Demux,
    event::{MediaEvent, PlaybackId, SlotId},
    load::Gauges,
    media::Shared,
    playback::Repeat,
    receiver::MAX_FRAME,
    remote::Remote,
    slot::{
        Slot, Sockets,
        speak::{Others, Silence, Voice},
    },
    wire::{Batch, Clocks, Outbox, Single},
};

/// A tick is 20 ms, and has so many phases of a millisecond.
const PHASES: u64 = 20;
/// A phase later than this is counted: the far end's buffer begins to feel it.
const LATE: Duration = Duration::from_millis(20);
/// After standing still, at most so much is made up [ms]. Beyond, a burst does more harm at the far
/// end than a hole, and our own buffers hold no more.
const CATCH_UP_MS: u64 = 480;
/// Commands carried out in a millisecond. A call sends a handful in a second; more than this wait for
/// the next millisecond, so that they never hold back a tick.
const COMMANDS: usize = 64;
/// Datagrams read from a shared port in a millisecond: three times what 6,000 calls bring.
const SHARED_READ: usize = 1_024;
/// Datagrams read in a millisecond beyond what is each slot's due, by all of its slots together. So a
/// flood of 13,000 a second at one call's port costs that call nothing, and one at every port costs the
/// others a fifth of the thread's time at most.
const FLOOD_READ: usize = 256;
/// A slot's own socket is read until it is empty each so many ticks, else until a packet is new.
const DRAIN_TICKS: u64 = 16;
/// RTCP sockets are read each so many ticks: stamps tell when it came, so it can wait.
const RTCP_TICKS: u64 = 25;
/// How exactly the system wakes us [ns]; by default it may take 50 µs longer.
const TIMER_SLACK_NS: u64 = 1_000;

/// What control asks of a thread. For a slot that is gone, it is passed over.
pub(crate) enum Command {
    Open {
        slot: Box<Slot>,
        id: SlotId,
        beside: Option<SlotId>,
    },
    Start(SlotId, Box<Remote>),
    ExpectChecks(SlotId, Box<IceCredentials>),
    Keys(SlotId, Box<(SrtpKey, SrtpKey)>),
    Handshake(SlotId, SocketAddr, Box<[u8]>),
    Play(SlotId, PlaybackId, Arc<Clip>, Repeat),
    Stop(SlotId),
    SendDtmf(SlotId, String),
    /// Each hears all the others.
    Join(Vec<SlotId>),
    /// Each hears those beside it, and nobody else.
    Hear(Vec<(SlotId, Vec<SlotId>)>),
    /// It hears nobody, and nobody it.
    Leave(SlotId),
    Close(SlotId),
}

/// What a thread is made with.
pub(crate) struct Post {
    pub(crate) shared: Arc<Shared>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) commands: Receiver<Command>,
    pub(crate) core: Option<usize>,
    /// The sockets for RTP and RTCP that its slots share, if they do.
    pub(crate) sockets: Option<(UdpSocket, UdpSocket)>,
}

struct Place {
    id: SlotId,
    phase: usize,
    slot: Box<Slot>,
}

pub(crate) struct Worker {
    post: Post,
    voice: Voice,
    places: Vec<Option<Place>>,
    free: Vec<usize>,
    by_id: HashMap<SlotId, usize>,
    phases: [Vec<usize>; PHASES as usize],
    demux: Demux,
    single: Single,
    batch: Batch,
    step: u64,
}

impl Worker {
    pub(crate) fn new(mut post: Post) -> Self {
        let (rtp, rtcp) = post.sockets.take().unzip();
        Self {
            post,
            voice: Voice::new(rtp, rtcp),
            places: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            phases: Default::default(),
            demux: Demux::default(),
            single: Single::new(),
            batch: Batch::new(),
            step: 0,
        }
    }

    /// Runs until the last handle is dropped; then closes what is open.
    pub(crate) fn run(mut self) {
        // Wishes: a machine that refuses them still carries calls, less evenly.
        let _ = set_timerslack(TIMER_SLACK_NS);
        if let Some(core) = self.post.core {
            let mut set = CpuSet::new();
            let _ = set.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
        }
        // Before all else on its core, the recorder and the models above all, as a sound card's thread: it
        // sleeps through most of each millisecond, and 1 is the least that the system knows. It takes
        // CAP_SYS_NICE, or a limit for it (LimitRTPRIO).
        let lowest = ThreadPriorityValue::try_from(1).map(ThreadPriority::Crossplatform);
        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
        let _ = lowest.map(|p| set_thread_priority_and_policy(thread_native_id(), p, policy));
        while self.obey() {
            let due = Time::from_millis(self.step);
            let now = self.now();
            if now < due {
                std::thread::sleep(due.since(now));
                continue;
            }
            let behind = now.as_millis() - due.as_millis();
            if behind > CATCH_UP_MS {
                self.skip(behind / PHASES);
                continue;
            }
            self.millisecond(due, now);
            self.step = self.next_with_slots();
        }
        let open: Vec<usize> = self.by_id.values().copied().collect();
        open.into_iter().for_each(|at| self.close(at));
    }

    fn now(&self) -> Time {
        self.post.shared.now()
    }

    /// Carries out commands; false when nobody can give any more.
    fn obey(&mut self) -> bool {
        if self.by_id.is_empty() {
            // Nobody to tick for: sleeps until there is, and begins at the present.
            let Ok(command) = self.post.commands.recv() else { return false };
            self.apply(command);
            self.step = self.now().as_millis();
        }
        for _ in 0..COMMANDS {
            match self.post.commands.try_recv() {
                Ok(command) => self.apply(command),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    /// The next millisecond in which there is a slot to tick, from this one on: with few calls the thread
    /// sleeps through the others.
    fn next_with_slots(&self) -> u64 {
        let has_slots = |step: &u64| !self.phases[(step % PHASES) as usize].is_empty();
        (self.step..self.step + PHASES).find(has_slots).unwrap_or(self.step)
    }

    fn skip(&mut self, ticks: u64) {
        self.places.iter_mut().flatten().for_each(|p| guarded(&mut p.slot, |s| s.skip(ticks)));
        self.post.gauges.skipped(ticks);
        self.step += ticks * PHASES;
    }

    /// One millisecond: what came to the shared port, and the tick of one phase.
    pub(crate) fn millisecond(&mut self, due: Time, now: Time) {
        let phase = (self.step % PHASES) as usize;
        let clocks = Clocks::at(now);
        self.read_shared(clocks);
        let slots = self.phases[phase].len();
        if slots > 0 {
            self.read_own(phase, clocks);
            let broken = self.tick(phase, due);
            if let Some(socket) = &self.voice.shared {
                self.voice.outbox.flush(socket);
                self.post.gauges.refused(self.voice.outbox.take_failed());
            }
            self.post.gauges.ticked(slots as u64, self.now().since(due), LATE);
            if broken {
                self.close_broken(phase);
            }
        }
        self.post.gauges.worked(self.now().since(now));
        self.step += 1;
    }

    fn read_shared(&mut self, clocks: Clocks) {
        let (places, demux) = (&mut self.places, &mut self.demux);
        let mut strangers = 0;
        for socket in [&self.voice.shared, &self.voice.shared_rtcp].into_iter().flatten() {
            self.batch.read(socket, clocks, SHARED_READ, |arrived, from, bytes| {
                let at = demux.slot_of(from, bytes);
                let Some((at, place)) = at.and_then(|at| Some((at, places.get_mut(at)?.as_mut()?))) else {
                    strangers += 1;
                    return;
                };
                guarded(&mut place.slot, |s| s.datagram(arrived, from, bytes, socket));
                if let Some(proven) = place.slot.take_proven() {
                    demux.prove(at, proven);
                }
            });
        }
        if strangers > 0 {
            self.post.gauges.strangers(strangers);
        }
    }

    fn read_own(&mut self, phase: usize, clocks: Clocks) {
        let tick = self.step / PHASES;
        let mut spare = FLOOD_READ;
        for at in &self.phases[phase] {
            let Some(place) = self.places.get_mut(*at).and_then(Option::as_mut) else { continue };
            let with_rtcp = (tick + *at as u64).is_multiple_of(RTCP_TICKS);
            let single = &mut self.single;
            let all = (tick + *at as u64).is_multiple_of(DRAIN_TICKS);
            guarded(&mut place.slot, |s| s.receive(clocks, single, &mut spare, all, with_rtcp));
        }
    }

    /// 20 ms of every slot of a phase; whether one of them has fallen.
    fn tick(&mut self, phase: usize, at: Time) -> bool {
        let mut broken = false;
        for n in 0..self.phases[phase].len() {
            let place = self.phases[phase][n];
            if let Some(place) = self.places[place].as_mut() {
                guarded(&mut place.slot, |s| s.hear(at));
            }
        }
        for n in 0..self.phases[phase].len() {
            let place = self.phases[phase][n];
            let mut others = [0; MAX_FRAME];
            let others = self.others(place, &mut others);
            let voice = &mut self.voice;
            if let Some(place) = self.places[place].as_mut() {
                guarded(&mut place.slot, |s| {
                    s.speak(at, others, voice);
                    s.report(at, voice);
                });
                broken |= place.slot.is_broken();
            }
        }
        broken
    }

    /// What the slots that one hears said in this tick; none where it hears nobody.
    fn others<'a>(&mut self, at: usize, mixed: &'a mut [i16; MAX_FRAME]) -> Option<Others<'a>> {
        let slot = &self.places[at].as_ref()?.slot;
        if slot.hears.is_empty() {
            return None;
        }
        let (frame, heard, mut band) = (slot.frame_len(), slot.hears.len(), Band::Narrow);
        for n in 0..heard {
            let Some(other) = self.places[at].as_ref().and_then(|p| p.slot.hears.get(n)).copied() else {
                break;
            };
            if let Some(other) = self.places[other].as_mut() {
                mix::add(&mut mixed[..frame], other.slot.heard_at(frame));
                if other.slot.frame_len() > SAMPLES_8K {
                    band = Band::Wide;
                }
            }
        }
        Some(Others { mixed: &mixed[..frame], band })
    }

    pub(crate) fn apply(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Open { slot, id, beside } => self.open(slot, id, beside),
            Command::Start(id, remote) => {
                self.with(id, |s| s.start(now, *remote));
                if let Some(at) = self.by_id.get(&id)
                    && let Some(place) = &self.places[*at]
                    && matches!(place.slot.sockets(), Sockets::Shared)
                {
                    self.demux.learn(*at, place.slot.far_end());
                }
            }
            Command::ExpectChecks(id, ours) => {
                if let Some(at) = self.by_id.get(&id)
                    && let Some(place) = &self.places[*at]
                    && matches!(place.slot.sockets(), Sockets::Shared)
                {
                    self.demux.expect_checks(*at, &ours.ufrag);
                }
                self.with(id, |s| s.expect_checks(*ours));
            }
            Command::Keys(id, keys) => self.with(id, |s| s.keys(now, &keys.0, &keys.1)),
            Command::Handshake(id, to, bytes) => self.hand_shake(now, id, to, &bytes),
            Command::Play(id, clip, samples, repeat) => self.with(id, |s| s.play(now, clip, samples, repeat)),
            Command::Stop(id) => self.with(id, |s| s.stop(now)),
            Command::SendDtmf(id, digits) => self.with(id, |s| s.send_dtmf(&digits)),
            Command::Join(ids) => self.join(&ids),
            Command::Hear(who) => self.hear(&who),
            Command::Leave(id) => {
                if let Some(at) = self.by_id.get(&id).copied() {
                    self.leave(at);
                }
            }
            Command::Close(id) => {
                if let Some(at) = self.by_id.get(&id).copied() {
                    self.close(at);
                }
            }
        }
    }

    fn with(&mut self, id: SlotId, f: impl FnOnce(&mut Slot)) {
        if let Some(place) = self.by_id.get(&id).and_then(|at| self.places.get_mut(*at)?.as_mut()) {
            guarded(&mut place.slot, f);
        }
    }

    fn open(&mut self, slot: Box<Slot>, id: SlotId, beside: Option<SlotId>) {
        let beside = beside.and_then(|b| self.places[*self.by_id.get(&b)?].as_ref()).map(|p| p.phase);
        // The emptiest phase, from one place to the next so that a few slots are spread as well.
        let spread = |n: &usize| (self.phases[*n].len(), (n * 7) % PHASES as usize);
        let phase = beside.or_else(|| (0..PHASES as usize).min_by_key(spread)).unwrap_or(0);
        let at = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[at] = Some(Place { id, phase, slot });
        self.phases[phase].push(at);
        self.by_id.insert(id, at);
    }

    fn hand_shake(&mut self, now: Time, id: SlotId, to: SocketAddr, bytes: &[u8]) {
        let Some(place) = self.by_id.get(&id).and_then(|at| self.places.get(*at)?.as_ref()) else { return };
        let Some(to) = place.slot.handshake_target(now, to) else { return };
        let socket = match place.slot.sockets() {
            Sockets::Own { rtp, .. } => Some(rtp),
            Sockets::Shared => self.voice.shared.as_ref(),
        };
        // Lost, it is sent again by whoever makes the handshake.
        let _ = socket.map(|s| s.send_to(bytes, to));
    }

    fn join(&mut self, ids: &[SlotId]) {
        let mut places: Vec<usize> = ids.iter().filter_map(|id| self.by_id.get(id).copied()).collect();
        places.sort_unstable();
        places.dedup();
        if places.len() < 2 || places.len() < ids.len() {
            // One of them is gone: nobody is left alone with a stranger.
            return;
        }
        self.gather(&places);
        for at in &places {
            if let Some(place) = &mut self.places[*at] {
                place.slot.hears.extend(places.iter().filter(|o| *o != at));
            }
        }
    }

    fn hear(&mut self, who: &[(SlotId, Vec<SlotId>)]) {
        let there: Vec<_> =
            who.iter().filter_map(|(id, heard)| Some((*self.by_id.get(id)?, heard))).collect();
        let places: Vec<usize> = there.iter().map(|(at, _)| *at).collect();
        self.gather(&places);
        for (at, heard) in there {
            let heard = heard.iter().filter_map(|id| self.by_id.get(id).copied());
            // Whoever is not gathered here may tick in another phase.
            let heard = heard.filter(|other| *other != at && places.contains(other)).collect();
            if let Some(place) = &mut self.places[at] {
                place.slot.hears = heard;
            }
        }
    }

    /// Brings slots into one phase, where all of them are heard before any of them speaks; none hears another yet.
    fn gather(&mut self, places: &[usize]) {
        let first = places.first().and_then(|at| self.places[*at].as_ref());
        let Some(phase) = first.map(|place| place.phase) else { return };
        for at in places {
            self.leave(*at);
            self.move_to(*at, phase);
        }
    }

    fn move_to(&mut self, at: usize, phase: usize) {
        let Some(place) = &mut self.places[at] else { return };
        let before = std::mem::replace(&mut place.phase, phase);
        if before != phase {
            self.phases[before].retain(|o| *o != at);
            self.phases[phase].push(at);
        }
    }

    fn leave(&mut self, at: usize) {
        let Some(place) = &mut self.places[at] else { return };
        place.slot.hears.clear();
        // Who is heard need not hear: whoever listens ticks in the same phase.
        for other in &self.phases[place.phase] {
            if let Some(other) = &mut self.places[*other] {
                other.slot.hears.retain(|o| *o != at);
            }
        }
    }

    fn close_broken(&mut self, phase: usize) {
        for n in (0..self.phases[phase].len()).rev() {
            let at = self.phases[phase][n];
            if self.places[at].as_ref().is_some_and(|p| p.slot.is_broken()) {
                self.close(at);
            }
        }
    }

    fn close(&mut self, at: usize) {
        self.leave(at);
        let Some(Place { id, phase, mut slot }) = self.places[at].take() else { return };
        self.phases[phase].retain(|o| *o != at);
        self.by_id.remove(&id);
        self.demux.forget(at);
        self.demux.forget_checks(at);
        self.free.push(at);
        let now = self.now();
        guarded(&mut slot, |s| s.say_goodbye(now, &self.voice));
        // Not `guarded`: a slot that fell before has its last to say too.
        let stats = catch_unwind(AssertUnwindSafe(|| slot.wind_up(now))).unwrap_or_default();
        let port = match slot.sockets() {
            Sockets::Own { rtp, .. } => rtp.local_addr().ok().map(|a| a.port()),
            Sockets::Shared => None,
        };
        // The sockets go with the slot, before the port is given back and the end is told: who hears of
        // the end may open the next at once.
        let mut listener = slot.into_listener();
        if let Some(port) = port {
            self.post.shared.ports.give_back(port);
        }
        self.post.gauges.closed();
        listener.tell(now, MediaEvent::Closed(stats));
    }
}

impl Voice {
    pub(crate) fn new(shared: Option<UdpSocket>, shared_rtcp: Option<UdpSocket>) -> Self {
        Self { outbox: Outbox::new(), silence: Silence::new(), shared, shared_rtcp }
    }
}

/// Does something to a slot behind a wall: a fault of ours in one call is that call's end only.
fn guarded(slot: &mut Slot, what: impl FnOnce(&mut Slot)) {
    // A slot that fell is closed at the next tick and not used again until then.
    if !slot.is_broken() && catch_unwind(AssertUnwindSafe(|| what(slot))).is_err() {
        slot.broken = true;
    }
}
