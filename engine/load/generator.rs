//! The run itself: one thread, a tick each millisecond, a twentieth of the streams each.

use std::{
    collections::HashSet,
    io::{BufRead, Write},
    net::{SocketAddrV4, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use waihu_rtp::Packet;
use waihu_srtp::{Lock, Unlock, is_stun};
use waihu_types::{SrtpKey, Time};

use crate::{
    Delivery, FarEnd, FarEnds, Line, LoadConfig, LoadError, NearEnds, Ports, Progress, Report, Spread,
    StreamReport, audit,
    far_end::{Directory, FarStream, Found, MAX_PACKET, check, payload_type},
    judge::{Counts, Judge, Seen, Window},
    key_of, key_text,
    queue::Queue,
    socket::{self, BATCH, Inbox, Outbox},
    spread::Histogram,
    track::Track,
    wire::Said,
};

/// The most calls: with a port each, as many as there are ephemeral ports to take.
const MAX_CALLS: usize = 28_000;
/// Milliseconds between two packets of a stream.
const SLOTS: u64 = 20;
/// Ticks between two checks of a stream: 2.5 s, as Chromium's on a connection that stands.
const CHECK_EACH: u64 = 2_500;
/// A call's own socket is read each so many ticks: five packets at once, where its buffer holds 270.
const READ_EACH: usize = 100;
/// Batches that one tick reads from a shared socket: sending must not wait longer.
const MAX_BATCHES: usize = 32;
/// Batches that may be left in one socket at the end: as many as its buffer holds.
const MAX_LEFT: usize = SHARED_BUFFER / 768 / BATCH;
/// Receive buffer of a call's own socket, and of a shared one [bytes]: a second of 4,000 streams, a
/// small packet being charged with 768.
const OWN_BUFFER: usize = 256 << 10;
const SHARED_BUFFER: usize = 160 << 20;
/// How long is listened after the last packet was sent.
const AFTER: Duration = Duration::from_millis(300);
/// What the window of loss leaves out at either end, at most.
const MARGIN: Duration = Duration::from_secs(1);
/// Packets fewer than the window asks for that make a stream short.
const SHORT_BY: u64 = 5;
/// Buckets of lateness of 0.25 ms each.
const BUCKETS: usize = 2_000;
/// Between the seeds of two streams: the golden ratio's bits, as in SplitMix64.
const SEED_STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Runs the far ends: says on `output` where they are, reads from `input` where the near ends are, sends
/// and receives for `config.seconds`, and says what came of it, a JSON object a line.
///
/// Keys and all else come from the seed: they lock nothing that is worth it. `output` is written to
/// once a second out of the sending loop: the parent reads it. What the engine sends must come from the
/// near end that it named; RTCP goes nowhere.
///
/// # Errors
/// [`LoadError`], before the first packet is sent; after it, only where the parent is gone.
pub fn run(
    config: &LoadConfig,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<Report, LoadError> {
    let shared = match config.ports {
        Ports::PerCall => None,
        Ports::Shared { sockets } => Some(sockets),
    };
    if !(1..=MAX_CALLS).contains(&config.calls) || config.seconds == 0 || shared == Some(0) {
        return Err(LoadError::Nothing { max: MAX_CALLS });
    }
    if let Some(core) = config.core {
        let mut set = CpuSet::new();
        set.set(core)?;
        sched_setaffinity(Pid::from_raw(0), &set)?;
    }
    let mut chance = StdRng::seed_from_u64(config.seed);
    let track = Track::new(config.codec, &config.speech, config.seed)?;
    let (count, buffer) = shared.map_or((config.calls, OWN_BUFFER), |sockets| (sockets, SHARED_BUFFER));
    let sockets = (0..count).map(|_| socket::bind(buffer)).collect::<Result<Vec<_>, _>>()?;
    let ends = (0..config.calls)
        .map(|i| End::new(config, &mut chance, i, &sockets))
        .collect::<Result<Vec<_>, _>>()?;
    let far_ends = ends.iter().map(End::told).collect();
    say(output, &FarEnds { far_ends })?;
    let mut line = String::new();
    input.read_line(&mut line)?;
    let told: NearEnds = serde_json::from_str(&line)?;
    let (near, keys) = near_ends(config, &told)?;
    if shared.is_none() {
        for (socket, near) in sockets.iter().zip(&near) {
            socket.connect(near)?;
        }
    }
    let start = Instant::now() + Duration::from_millis(50);
    let start_us = socket::wall_us() + 50_000;
    let span_us = i64::try_from(config.seconds).unwrap_or(i64::MAX / 2_000_000) * 1_000_000;
    let margin_us = i64::try_from(MARGIN.as_micros()).unwrap_or(0).min(span_us / 4);
    let window = Window { open_us: start_us + margin_us, close_us: start_us + span_us - margin_us };
    let mut streams = ends
        .into_iter()
        .zip(near.into_iter().zip(keys))
        .enumerate()
        .map(|(i, (end, (to, key)))| end.stream(config, &track, window, i, to, key))
        .collect::<Result<Vec<_>, _>>()?;
    streams.iter_mut().zip(&told.checks).for_each(|(stream, ours)| stream.check = check(ours));
    let mut generator = Generator {
        config,
        track,
        order: order(&streams),
        directory: Directory::new(&streams),
        streams,
        sockets,
        outbox: Outbox::new(),
        inbox: Inbox::new(),
        queue: Queue::new(),
        counts: Report::default(),
        own_late: Histogram::new(BUCKETS),
    };
    let cpu_s = audit::thread_cpu_s()?;
    generator.send_and_receive(start, output)?;
    let report = generator.report(window, start_us, cpu_s)?;
    say(output, &Said::Report(&report))?;
    Ok(report)
}

fn say(output: &mut dyn Write, what: &impl serde::Serialize) -> Result<(), LoadError> {
    let mut line = serde_json::to_string(what)?;
    line.push('\n');
    output.write_all(line.as_bytes())?;
    Ok(output.flush()?)
}

/// The parent's addresses and keys, one a call.
fn near_ends(
    config: &LoadConfig,
    near: &NearEnds,
) -> Result<(Vec<SocketAddrV4>, Vec<Option<SrtpKey>>), LoadError> {
    let keys = if config.srtp.is_some() { near.keys.len() } else { config.calls };
    let checks = if near.checks.is_empty() { config.calls } else { near.checks.len() };
    if let Some(got) = [near.near_ends.len(), keys, checks].into_iter().find(|n| *n != config.calls) {
        return Err(LoadError::Count { got, calls: config.calls });
    }
    let key = |i: usize| match config.srtp {
        None => Ok(None),
        Some(suite) => key_of(&near.keys[i], suite).map(Some).ok_or(LoadError::Key(i)),
    };
    Ok((near.near_ends.clone(), (0..config.calls).map(key).collect::<Result<_, _>>()?))
}

/// For each tick, its streams; those that share socket and address stand together, so that the kernel
/// may cut one datagram into their packets.
fn order(streams: &[FarStream]) -> Vec<Vec<usize>> {
    let slots = SLOTS as usize;
    let slot = |slot| {
        let mut slot: Vec<usize> = (slot..streams.len()).step_by(slots).collect();
        slot.sort_by_key(|i| (streams[*i].socket, streams[*i].to));
        slot
    };
    (0..slots).map(slot).collect()
}

/// A far end that does not know yet where to send.
struct End {
    socket: usize,
    address: SocketAddrV4,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    key: Option<SrtpKey>,
    frame: usize,
}

impl End {
    fn new(
        config: &LoadConfig,
        chance: &mut StdRng,
        i: usize,
        sockets: &[UdpSocket],
    ) -> Result<Self, LoadError> {
        let socket = match config.ports {
            Ports::PerCall => i,
            // A tick's streams have one socket.
            Ports::Shared { sockets } => i % SLOTS as usize % sockets,
        };
        let key = match config.srtp {
            None => None,
            Some(suite) => {
                let keying: Vec<u8> =
                    (0..suite.key_len() + suite.salt_len()).map(|_| chance.random()).collect();
                Some(SrtpKey::new(suite, &keying).ok_or(LoadError::Key(i))?)
            }
        };
        Ok(Self {
            socket,
            address: socket::address(&sockets[socket])?,
            ssrc: chance.random(),
            // RFC 3711, 3.3.1: a sequence that wraps within the first packets may leave SRTP's two ends
            // disagreeing on how often it has.
            sequence: chance.random_range(0..1 << 15),
            timestamp: chance.random(),
            key,
            frame: chance.random_range(0..usize::MAX),
        })
    }

    fn told(&self) -> FarEnd {
        let key = self.key.as_ref().map(key_text);
        FarEnd { address: self.address, ssrc: self.ssrc, key }
    }

    fn stream(
        self,
        config: &LoadConfig,
        track: &Track,
        window: Window,
        i: usize,
        to: SocketAddrV4,
        key: Option<SrtpKey>,
    ) -> Result<FarStream, LoadError> {
        let seed = config.seed.wrapping_add(SEED_STEP.wrapping_mul(i as u64 + 1));
        Ok(FarStream {
            socket: self.socket,
            to,
            ssrc: self.ssrc,
            check: None,
            sequence: self.sequence,
            timestamp: self.timestamp,
            frame: self.frame % track.len().max(1),
            lock: self.key.as_ref().map(Lock::new).transpose()?,
            unlock: key.as_ref().map(Unlock::new).transpose()?,
            judge: Judge::new(window, config.codec.clock_rate_hz()),
            line: (!config.network.is_perfect()).then(|| Line::new(config.network, seed)),
            claimed: false,
        })
    }
}

/// A packet that is on its way.
struct Delayed {
    stream: usize,
    len: usize,
    bytes: [u8; MAX_PACKET],
}

struct Generator<'a> {
    config: &'a LoadConfig,
    track: Track,
    order: Vec<Vec<usize>>,
    directory: Directory,
    streams: Vec<FarStream>,
    sockets: Vec<UdpSocket>,
    outbox: Outbox,
    inbox: Inbox,
    queue: Queue<Box<Delayed>>,
    counts: Report,
    own_late: Histogram,
}

impl Generator<'_> {
    fn send_and_receive(&mut self, start: Instant, output: &mut dyn Write) -> Result<(), LoadError> {
        let ticks = self.config.seconds.saturating_mul(1_000);
        let speed = 1_000_000 + i128::from(self.config.network.drift_ppm.clamp(-100_000, 100_000));
        let mut own_late_ms: f64 = 0.0;
        for tick in 0..ticks {
            // Of a clock that is too fast, a millisecond is shorter than one.
            let due_us = i128::from(tick) * 1_000 * 1_000_000 / speed;
            let due_us = u64::try_from(due_us).unwrap_or(u64::MAX);
            let due = start + Duration::from_micros(due_us);
            if let Some(wait) = due.checked_duration_since(Instant::now()) {
                thread::sleep(wait);
            }
            let late = due.elapsed();
            self.own_late.add(i64::try_from(late.as_micros()).unwrap_or(i64::MAX));
            own_late_ms = own_late_ms.max(late.as_secs_f64() * 1e3);
            self.send(tick, Time::from_micros(due_us));
            self.receive(tick as usize);
            if (tick + 1).is_multiple_of(1_000) {
                let progress = self.progress((tick + 1) / 1_000, own_late_ms);
                say(output, &Said::Progress(&progress))?;
                own_late_ms = 0.0;
            }
        }
        thread::sleep(AFTER);
        for socket in 0..self.sockets.len() {
            // An engine that never stops must not keep us.
            for _ in 0..MAX_LEFT {
                if self.read(socket) == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    fn progress(&self, second: u64, own_late_ms: f64) -> Progress {
        let streams = self.streams.iter().filter(|s| s.judge.first_us().is_some()).count();
        Progress { second, sent: self.outbox.sent, received: self.counts.received, streams, own_late_ms }
    }

    fn send(&mut self, tick: u64, now: Time) {
        let mut buffer = [0; MAX_PACKET];
        for &i in &self.order[(tick % SLOTS) as usize] {
            let stream = &mut self.streams[i];
            if let Some(check) = stream.check.as_deref().filter(|_| tick % CHECK_EACH < SLOTS) {
                self.outbox.push(stream.socket, stream.to, check);
            }
            let Some(len) = stream.write(self.config.codec, &self.track, &mut buffer) else {
                self.counts.send_errors += 1;
                continue;
            };
            let Some(line) = &mut stream.line else {
                self.outbox.push(stream.socket, stream.to, &buffer[..len]);
                continue;
            };
            let deliveries = line.decide(now, len);
            self.counts.spoiled += u64::from(deliveries[0].is_none());
            for Delivery { at, flip } in deliveries.into_iter().flatten() {
                let mut delayed = Box::new(Delayed { stream: i, len, bytes: buffer });
                if let Some(flip) = flip {
                    delayed.bytes[flip.byte] ^= flip.mask;
                }
                self.counts.spoiled += u64::from(!self.queue.push(at, delayed));
            }
        }
        while let Some(delayed) = self.queue.pop(now) {
            let stream = &self.streams[delayed.stream];
            self.outbox.push(stream.socket, stream.to, &delayed.bytes[..delayed.len]);
        }
        self.outbox.flush(&self.sockets);
    }

    fn receive(&mut self, tick: usize) {
        match self.config.ports {
            Ports::PerCall => {
                for socket in (tick % READ_EACH..self.sockets.len()).step_by(READ_EACH) {
                    self.read(socket);
                }
            }
            Ports::Shared { .. } => {
                for socket in 0..self.sockets.len() {
                    for _ in 0..MAX_BATCHES {
                        if self.read(socket) < BATCH {
                            break;
                        }
                    }
                }
            }
        }
    }

    fn read(&mut self, socket: usize) -> usize {
        let Self { inbox, sockets, directory, streams, counts, config, .. } = self;
        let expected = payload_type(config.codec);
        inbox.read(&sockets[socket], |bytes, from, at_us| {
            if bytes.first().is_some_and(|first| is_stun(*first)) {
                counts.answers += 1;
                return;
            }
            let (i, len) = match directory.find(streams, socket, from, bytes) {
                Found::Stream(i, len) => (i, len),
                Found::Bad => {
                    counts.bad += 1;
                    return;
                }
                Found::Unknown => {
                    counts.unknown += 1;
                    return;
                }
            };
            let Ok(packet) = Packet::parse(&bytes[..len]) else { return };
            counts.received += 1;
            counts.other_payloads += u64::from(packet.payload_type != expected);
            let Packet { ssrc, sequence, timestamp, .. } = packet;
            streams[i].judge.packet(Seen { at_us, ssrc, sequence, timestamp });
        })
    }

    fn report(mut self, window: Window, start_us: i64, cpu_before_s: f64) -> Result<Report, LoadError> {
        let due = u64::try_from((window.close_us - window.open_us) / (SLOTS as i64 * 1_000)).unwrap_or(0);
        let mut late = Histogram::new(BUCKETS);
        let (mut jitter, mut first) = (Vec::new(), Vec::new());
        let mut report = self.counts;
        report.streams = self.streams.len();
        for stream in &mut self.streams {
            let counts @ Counts { expected, arrived, .. } = stream.judge.close();
            let lost = expected.saturating_sub(arrived);
            report.expected += expected;
            report.lost += lost;
            report.duplicate += counts.duplicate;
            report.reordered += counts.reordered;
            report.bad += counts.stale;
            report.restarts += counts.restarts;
            report.silent += usize::from(expected == 0);
            report.short += usize::from(expected > 0 && expected + SHORT_BY <= due);
            let window = counts.first.zip(counts.last);
            report.each.push(StreamReport { received: counts.received, expected, lost, window });
            if let Some(first_us) = stream.judge.first_us() {
                stream.judge.add_lateness(&mut late);
                jitter.push(stream.judge.jitter_us() / 1e3);
                first.push((first_us - start_us) as f64 / 1e3);
            }
        }
        report.sent = self.outbox.sent;
        report.send_errors += self.outbox.errors;
        report.late_ms = late.spread();
        report.jitter_ms = Spread::of(jitter);
        report.first_packet_ms = Spread::of(first);
        report.own_late_ms = self.own_late.spread();
        report.cpu_s = audit::thread_cpu_s()? - cpu_before_s;
        let ports = self.sockets.iter().map(|s| socket::address(s).map(|a| a.port()));
        report.queue_drops = audit::queue_drops(&ports.collect::<Result<HashSet<_>, _>>()?)?;
        Ok(report)
    }
}
