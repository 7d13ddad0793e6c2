//! Slots on real sockets on loopback, judged by what is heard and told, never by how long it took.

mod in_virtual_time;

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, unbounded};
use waihu_audio::{Frame, StereoChunk, energy::level_dbov, g711::Law, tone};
use waihu_rtp::{Packet, write_packet};
use waihu_types::Time;

use crate::{
    Codec, Media, MediaConfig, MediaError, MediaEvent, Opened, PlaybackId, Remote, SlotId, Stats, StereoTap,
    Taps,
};

/// Nothing here takes a second; a machine that is busy with other things gets this.
const PATIENCE: Duration = Duration::from_secs(30);

fn media_with(ports: u16, no_audio_after: Duration) -> Media {
    static NEXT: AtomicU16 = AtomicU16::new(21_000);
    let first = NEXT.fetch_add(20, Ordering::Relaxed);
    assert!(ports <= 10);
    let ports = first..=first + ports * 2 - 1;
    Media::spawn(MediaConfig::new(Ipv4Addr::LOCALHOST.into(), ports, no_audio_after)).unwrap()
}

fn media() -> Media {
    media_with(10, Duration::from_secs(60))
}

/// A thread that notices when the machine has no time for it.
struct Witness {
    over: Arc<AtomicBool>,
    worst: JoinHandle<Duration>,
}

impl Witness {
    fn begin() -> Self {
        let over = Arc::<AtomicBool>::default();
        let told = Arc::clone(&over);
        let worst = std::thread::spawn(move || {
            let nap = Duration::from_millis(5);
            let mut worst = Duration::ZERO;
            while !told.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(nap);
                worst = worst.max(began.elapsed().saturating_sub(nap));
            }
            worst
        });
        Self { over, worst }
    }

    /// Whether no sleep was longer than half of what a jitter buffer holds.
    fn was_steady(self) -> bool {
        self.over.store(true, Ordering::Relaxed);
        self.worst.join().unwrap() < Duration::from_millis(20)
    }
}

/// Real time is a part of what is tested here: a machine that stands still for longer than a jitter
/// buffer holds does make holes. So a failure counts where the machine was steady, and is tried
/// again where it was not; one that fails each time counts as well.
fn steadily_with(no_audio_after: Duration, test: impl Fn(&Media)) {
    static ALONE: Mutex<()> = Mutex::new(());
    let mut alone = None;
    for last in [false; 7].into_iter().chain([true]) {
        let media = media_with(10, no_audio_after);
        let witness = Witness::begin();
        let result = catch_unwind(AssertUnwindSafe(|| test(&media)));
        let steady = witness.was_steady() && media.load().late_ticks == 0;
        match result {
            Ok(()) => return,
            Err(fault) if steady || last => resume_unwind(fault),
            Err(_) => println!("the machine stood still: once more"),
        }
        // One at a time from here on, and after a calm second, if one comes.
        alone.get_or_insert_with(|| ALONE.lock().unwrap_or_else(PoisonError::into_inner));
        for _ in 0..10 {
            let witness = Witness::begin();
            std::thread::sleep(Duration::from_secs(1));
            if witness.was_steady() {
                break;
            }
        }
    }
}

fn steadily(test: impl Fn(&Media)) {
    steadily_with(Duration::from_secs(60), test);
}

struct Heard {
    at: Time,
    frame: Frame,
}

/// A tap for a recording, with so many chunks to fill, and where full ones come out.
fn tape(chunks: usize) -> (StereoTap, Receiver<Box<StereoChunk>>) {
    let ((full, recorded), (give, empty)) = (unbounded(), unbounded());
    for _ in 0..chunks {
        give.send(Box::new(StereoChunk::new(8_000))).unwrap();
    }
    let paused = Arc::<AtomicBool>::default();
    (StereoTap { recording: 7, rate_hz: 8_000, full, empty, paused }, recorded)
}

/// What a recording holds, in frames: left and right.
fn recorded(chunks: &Receiver<Box<StereoChunk>>) -> Vec<[Vec<i16>; 2]> {
    let mut pairs = Vec::new();
    loop {
        let chunk = chunks.recv_timeout(PATIENCE).expect("a recording has an end");
        assert_eq!(chunk.recording(), 7);
        pairs.extend(vec![[0, 0]; chunk.owed() as usize]);
        pairs.extend(chunk.samples().chunks(2).map(|p| [p[0], p[1]]));
        if chunk.is_last() {
            break;
        }
    }
    pairs.chunks(160).map(|f| [0, 1].map(|side| f.iter().map(|p| p[side]).collect())).collect()
}

struct Leg {
    media: Media,
    slot: SlotId,
    address: SocketAddr,
    events: Receiver<(Time, MediaEvent)>,
    heard: Receiver<Heard>,
    tape: StereoTap,
    chunks: Receiver<Box<StereoChunk>>,
}

fn leg(media: &Media) -> Leg {
    let (heard_tap, heard) = unbounded();
    let (tell, events) = unbounded();
    let (tape, chunks) = tape(40);
    let taps = Taps {
        heard: Some(Box::new(move |heard: &crate::Heard<'_>| {
            heard_tap.send(Heard { at: heard.at, frame: *heard.frame }).is_ok()
        })),
        stereo: Some(tape.clone()),
        events: Box::new(move |at, event| {
            let _ = tell.send((at, event));
        }),
    };
    let Opened { slot, rtp: address, .. } = media.open(taps).unwrap();
    Leg { media: media.clone(), slot, address, events, heard, tape, chunks }
}

fn remote(address: SocketAddr) -> Remote {
    Remote { dtmf_payload_type: Some(101), ..Remote::plain(address, Codec::Pcma, 8) }
}

impl Leg {
    fn start(&self, address: SocketAddr) {
        self.media.start(self.slot, remote(address));
    }

    fn play(&self, id: u64, samples: Vec<i16>) {
        self.media.play(self.slot, PlaybackId(id), samples.into());
    }

    /// Waits for an event that `wanted` takes; what comes before it is passed over.
    fn wait<T>(&self, what: &str, wanted: impl Fn(Time, MediaEvent) -> Option<T>) -> T {
        loop {
            let Ok((at, event)) = self.events.recv_timeout(PATIENCE) else { panic!("no {what}") };
            if let Some(t) = wanted(at, event) {
                return t;
            }
        }
    }

    fn wait_for(&self, event: MediaEvent) -> Time {
        self.wait(&format!("{event:?}"), |at, e| (e == event).then_some(at))
    }

    /// What is heard until sound was followed by a second of silence.
    fn hear_sound(&self) -> Vec<Frame> {
        let (mut frames, mut loud, mut quiet) = (vec![], 0, 0);
        while quiet < 50 {
            let frame = self.heard.recv_timeout(PATIENCE).expect("a frame each tick").frame;
            if is_loud(&frame) {
                (loud, quiet) = (loud + 1, 0);
            } else if loud > 0 {
                quiet += 1;
            }
            frames.push(frame);
            assert!(frames.len() < 2_000, "no sound in 40 s");
        }
        frames
    }

    fn close(self) -> Stats {
        self.media.close(self.slot);
        self.wait("end", |_, e| if let MediaEvent::Closed(s) = e { Some(s) } else { None })
    }
}

fn is_loud(frame: &[i16]) -> bool {
    level_dbov(frame) > -45.0
}

fn loud(frames: &[Frame]) -> Vec<i16> {
    frames.iter().filter(|f| is_loud(*f)).flatten().copied().collect()
}

/// A pair of legs that talk to each other.
fn pair(media: &Media) -> (Leg, Leg) {
    let (a, b) = (leg(media), leg(media));
    a.start(b.address);
    b.start(a.address);
    (a, b)
}

fn raw_socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn sound_packet(ssrc: u32, n: u16, sound: &[i16]) -> Vec<u8> {
    let payload: Vec<u8> = sound.iter().map(|s| Law::A.encode(*s)).collect();
    let timestamp = u32::from(n) * 160;
    let packet = Packet { payload_type: 8, marker: n == 0, sequence: n, timestamp, ssrc, payload: &payload };
    let mut bytes = vec![0; 400];
    let len = write_packet(&packet, &mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}

#[test]
fn a_tone_arrives_with_its_length_and_pitch() {
    steadily(|media| {
        let (a, b) = pair(media);
        a.play(1, tone::sine(1_000.0, 1_000, -12.0, 8_000));
        let sound = loud(&b.hear_sound());
        assert_eq!(sound.len(), 8_000);
        assert!(tone::amplitude_at(&sound, 1_000.0, 8_000) > 0.3);
        let started = a.wait_for(MediaEvent::PlaybackStarted { id: PlaybackId(1) });
        let done = a.wait_for(MediaEvent::PlaybackDone { id: PlaybackId(1) });
        assert_eq!(done.since(started), Duration::from_millis(980), "the first and the last of 50 ticks");
        b.wait_for(MediaEvent::FirstPacketReceived);
        let (sent, received) = (a.close(), b.close());
        assert_eq!((received.lost, received.discarded, received.duplicate), (0, 0, 0));
        assert!(received.received >= 100 && sent.sent >= received.received);
        assert_eq!((sent.send_errors, sent.unheard, sent.unrecorded), (0, 0, 0));
    });
}

#[test]
fn packets_go_out_numbered_and_stamped_evenly() {
    steadily(|media| {
        let (socket, address) = raw_socket();
        let a = leg(media);
        a.start(address);
        a.play(1, tone::sine(500.0, 300, -12.0, 8_000));
        let mut buffer = [0; 2_048];
        let mut last: Option<(u16, u32, u32)> = None;
        for n in 0..100 {
            let len = socket.recv(&mut buffer).unwrap();
            let p = Packet::parse(&buffer[..len]).unwrap();
            assert_eq!((len, p.payload_type, p.payload.len()), (172, 8, 160));
            if let Some((sequence, timestamp, ssrc)) = last {
                assert_eq!(p.sequence, sequence.wrapping_add(1), "packet {n}");
                assert_eq!(p.ssrc, ssrc);
                let step = p.timestamp.wrapping_sub(timestamp);
                // A machine that stood still for half a second leaves a marked hole.
                assert!(step == 160 || (p.marker && step % 160 == 0), "packet {n}: {step}");
            } else {
                assert!(p.marker, "the first of a talkspurt");
            }
            last = Some((p.sequence, p.timestamp, p.ssrc));
        }
        // A new far end hears the same source go on.
        let (second, address) = raw_socket();
        a.start(address);
        let len = second.recv(&mut buffer).unwrap();
        let p = Packet::parse(&buffer[..len]).unwrap();
        assert_eq!(Some(p.ssrc), last.map(|l| l.2));
    });
}

#[test]
fn a_bridge_carries_both_ways_mixes_and_ends() {
    steadily(|media| {
        let ((callee, a), (b, agent)) = (pair(media), pair(media));
        media.join(&[a.slot, b.slot]);
        callee.play(1, tone::sine(700.0, 400, -12.0, 8_000));
        let sound = loud(&agent.hear_sound());
        assert_eq!(sound.len(), 3_200);
        assert!(tone::amplitude_at(&sound, 700.0, 8_000) > 0.3);
        // The agent speaks while a clip plays towards the callee: the callee hears both.
        agent.play(2, tone::sine(1_500.0, 600, -18.0, 8_000));
        b.media.play(a.slot, PlaybackId(3), tone::sine(400.0, 600, -18.0, 8_000).into());
        let sound = loud(&callee.hear_sound());
        assert!(sound.len() >= 4_800);
        for pitch in [400.0, 1_500.0] {
            assert!(tone::amplitude_at(&sound, pitch, 8_000) > 0.08, "{pitch} Hz");
        }
        media.leave(a.slot);
        while !a.heard.is_empty() {
            a.heard.recv_timeout(PATIENCE).unwrap();
        }
        callee.play(4, tone::sine(700.0, 200, -12.0, 8_000));
        assert_eq!(loud(&a.hear_sound()).len(), 1_600, "it came as far as the engine");
        assert!(agent.heard.try_iter().all(|h| !is_loud(&h.frame)), "but no further");
    });
}

#[test]
fn a_stop_fades_at_once_and_what_comes_after_is_heard() {
    steadily(|media| {
        let (a, b) = pair(media);
        a.play(1, tone::sine(1_000.0, 20_000, -12.0, 8_000));
        a.play(2, tone::sine(1_000.0, 20_000, -12.0, 8_000));
        a.wait_for(MediaEvent::PlaybackStarted { id: PlaybackId(1) });
        for _ in 0..20 {
            a.heard.recv_timeout(PATIENCE).unwrap();
        }
        media.stop(a.slot);
        a.wait_for(MediaEvent::PlaybackStopped { id: PlaybackId(2), played_ms: 0 });
        let played = a.wait("stop", |_, e| match e {
            MediaEvent::PlaybackStopped { id: PlaybackId(1), played_ms } => Some(played_ms),
            _ => None,
        });
        let sound = loud(&b.hear_sound());
        assert!(played % 20 == 0 && (400..20_000).contains(&played), "{played} ms");
        assert_eq!(sound.len() as u64 / 8, played);
        let end = &sound[sound.len() - 160..];
        assert!(level_dbov(&end[120..]) < level_dbov(&end[..40]) - 6.0, "faded and not cut");
        a.play(3, tone::sine(1_000.0, 100, -12.0, 8_000));
        assert_eq!(loud(&b.hear_sound()).len(), 800);
    });
}

#[test]
fn keys_are_heard_once_each_in_both_directions() {
    steadily(|media| {
        let (a, b) = (leg(media), leg(media));
        // Each sends under the number that the other named.
        media.start(a.slot, Remote { dtmf_payload_type: Some(97), ..remote(b.address) });
        b.start(a.address);
        media.send_dtmf(a.slot, "1 12#");
        media.send_dtmf(b.slot, "*D");
        let keys = |l: &Leg, n| -> Vec<_> {
            let key = |_, e| {
                if let MediaEvent::Dtmf { digit, duration_ms } = e {
                    Some((digit, duration_ms))
                } else {
                    None
                }
            };
            (0..n).map(|_| l.wait("key", key)).collect()
        };
        assert_eq!(keys(&b, 4), ['1', '1', '2', '#'].map(|d| (d, 160)));
        assert_eq!(keys(&a, 2), ['*', 'D'].map(|d| (d, 160)));
        // Sound goes on after the keys.
        a.play(1, tone::sine(1_000.0, 200, -12.0, 8_000));
        assert_eq!(loud(&b.hear_sound()).len(), 1_600);
        assert!(!b.events.try_iter().any(|(_, e)| matches!(e, MediaEvent::Dtmf { .. })));
        assert_eq!(b.close().discarded, 0);
    });
}

#[test]
fn keys_are_tones_where_events_were_not_agreed() {
    steadily(|media| {
        let (a, b) = (leg(media), leg(media));
        media.start(a.slot, Remote { dtmf_payload_type: None, ..remote(b.address) });
        b.start(a.address);
        media.send_dtmf(a.slot, "5");
        let sound = loud(&b.hear_sound());
        assert_eq!(sound.len(), 160 * 8);
        for pitch in [770.0, 1_336.0] {
            assert!(tone::amplitude_at(&sound, pitch, 8_000) > 0.15, "{pitch} Hz");
        }
    });
}

#[test]
fn a_flood_of_garbage_is_counted_and_the_call_goes_on() {
    steadily(|media| {
        let (a, b) = pair(media);
        a.wait_for(MediaEvent::FirstPacketSent);
        a.play(1, tone::sine(1_000.0, 600, -12.0, 8_000));
        let (stranger, _) = raw_socket();
        let mut frames = vec![];
        for n in 0..400_u16 {
            let bytes = match n % 4 {
                0 => vec![],
                1 => b"OPTIONS sip:waihu SIP/2.0\r\n\r\n".to_vec(),
                2 => vec![0x80; usize::from(n)],
                _ => sound_packet(9, n, &[20_000; 160]),
            };
            stranger.send_to(&bytes, b.address).unwrap();
            if n % 8 == 7 {
                // Some each tick, so that the system's own queue does not throw away what counts.
                frames.push(b.heard.recv_timeout(PATIENCE).unwrap().frame);
            }
        }
        let sound = loud(&frames);
        assert_eq!(sound.len(), 4_800);
        assert!(tone::amplitude_at(&sound, 1_000.0, 8_000) > 0.3);
        let stats = b.close();
        assert!(stats.discarded >= 300, "{stats:?}");
        assert_eq!(stats.lost, 0);
    });
}

#[test]
fn loss_and_mixed_order_on_the_way_are_counted_for_what_they_are() {
    steadily(|media| {
        let (relay, between) = raw_socket();
        let (a, b) = (leg(media), leg(media));
        a.start(between);
        b.start(between);
        a.play(1, tone::sine(1_000.0, 2_000, -12.0, 8_000));
        let mut buffer = [0; 2_048];
        let (mut held, mut lost, mut swapped, mut passed) = (None, 0, 0, 0);
        while passed < 150 {
            let (n, from) = relay.recv_from(&mut buffer).unwrap();
            if from != a.address {
                continue;
            }
            passed += 1;
            let packet = buffer[..n].to_vec();
            match passed % 20 {
                5 => lost += 1,
                10 => held = Some(packet),
                _ => {
                    relay.send_to(&packet, b.address).unwrap();
                    if let Some(late) = held.take() {
                        relay.send_to(&late, b.address).unwrap();
                        relay.send_to(&late, b.address).unwrap();
                        swapped += 1;
                    }
                }
            }
        }
        let sound = loud(&b.hear_sound());
        let stats = b.close();
        assert_eq!(stats.lost, lost, "{stats:?}");
        // A busy machine may bring the overtaken one too late; then both copies are late.
        assert!(
            stats.reordered + stats.late >= swapped
                && stats.reordered + stats.late + stats.duplicate == 2 * swapped,
            "{stats:?}"
        );
        assert!(tone::amplitude_at(&sound, 1_000.0, 8_000) > 0.2);
    });
}

#[test]
fn both_sides_are_recorded_on_one_clock() {
    steadily(|media| {
        let (echo, far) = raw_socket();
        let a = leg(media);
        a.start(far);
        a.play(1, vec![0; 8_000]);
        a.play(2, tone::sine(1_000.0, 500, -12.0, 8_000));
        let mut buffer = [0; 2_048];
        for _ in 0..150 {
            let (n, from) = echo.recv_from(&mut buffer).unwrap();
            echo.send_to(&buffer[..n], from).unwrap();
        }
        let first = a.wait_for(MediaEvent::FirstPacketSent);
        media.close(a.slot);
        let stereo = recorded(&a.chunks);
        assert!(stereo.len() >= 150, "{} frames", stereo.len());
        let heard: Vec<_> = a.heard.try_iter().filter(|h| h.at >= first).collect();
        for (n, ([left, _], h)) in stereo.iter().zip(&heard).enumerate() {
            assert_eq!(h.at, first + Duration::from_millis(20) * n as u32);
            assert_eq!(left[..], h.frame, "frame {n}");
        }
        let loud = |side: usize| (0..150).filter(|n| is_loud(&stereo[*n][side])).collect::<Vec<_>>();
        let (came, said) = (loud(0), loud(1));
        assert_eq!(said, (50..75).collect::<Vec<_>>());
        assert!(came.len() >= 24 && came[0] > said[0], "said from {}, came from {:?}", said[0], came.first());
    });
}

#[test]
fn while_a_recording_is_paused_it_is_silent_and_goes_on_in_time() {
    steadily(|media| {
        let (a, b) = pair(media);
        a.play(1, tone::sine(1_000.0, 5_000, -12.0, 8_000));
        let listen = |n| (0..n).for_each(|_| assert!(b.heard.recv_timeout(PATIENCE).is_ok()));
        listen(20);
        a.tape.paused.store(true, Ordering::Relaxed);
        listen(30);
        a.tape.paused.store(false, Ordering::Relaxed);
        listen(20);
        media.close(a.slot);
        let frames = recorded(&a.chunks);
        let loud: Vec<_> = (0..frames.len()).filter(|n| is_loud(&frames[*n][1])).collect();
        let hole = loud.windows(2).map(|w| w[1] - w[0] - 1).max();
        assert!(hole.is_some_and(|frames| frames.abs_diff(30) <= 2), "{hole:?}");
    });
}

#[test]
fn a_port_behind_translation_is_found_and_a_strangers_is_not() {
    steadily(|media| {
        let a = leg(media);
        let (silent, signalled) = raw_socket();
        a.start(signalled);
        let (translated, _) = raw_socket();
        let sound = tone::sine(1_000.0, 20, -12.0, 8_000);
        for n in 0..30 {
            translated.send_to(&sound_packet(1, n, &sound), a.address).unwrap();
        }
        a.wait_for(MediaEvent::FirstPacketReceived);
        let mut buffer = [0; 2_048];
        assert_eq!(translated.recv(&mut buffer).unwrap(), 172, "our sound goes where theirs comes from");
        let (stranger, _) = raw_socket();
        for n in 0..30 {
            stranger.send_to(&sound_packet(2, n, &sound), a.address).unwrap();
        }
        // The signalled side speaks up: from now on it is the far end.
        while silent.set_nonblocking(true).is_ok() && silent.recv(&mut buffer).is_ok() {}
        silent.set_nonblocking(false).unwrap();
        for n in 100..103 {
            silent.send_to(&sound_packet(3, n, &sound), a.address).unwrap();
        }
        assert_eq!(silent.recv(&mut buffer).unwrap(), 172);
        let stats = a.close();
        assert!(stats.discarded >= 30 && stats.received <= 33, "{stats:?}");
    });
}

#[test]
fn a_hold_is_silent_untold_and_ends_with_a_mark() {
    steadily_with(Duration::from_millis(100), |media| {
        let a = leg(media);
        let (far, address) = raw_socket();
        a.start("0.0.0.0:4000".parse().unwrap());
        for _ in 0..20 {
            a.heard.recv_timeout(PATIENCE).unwrap();
        }
        assert!(a.events.is_empty(), "neither a packet nor a complaint");
        let mut buffer = [0; 2_048];
        let mut next = |of: &str| {
            let n = far.recv(&mut buffer).expect(of);
            let p = Packet::parse(&buffer[..n]).unwrap();
            (p.marker, p.sequence, p.timestamp)
        };
        a.start(address);
        let (marker, ..) = next("the first");
        assert!(marker, "first heard after a hold");
        let before = next("the second");
        assert!(!before.0);
        a.wait("complaint", |_, e| matches!(e, MediaEvent::NoAudio { .. }).then_some(()));
        a.start("0.0.0.0:4000".parse().unwrap());
        while !a.heard.is_empty() {
            a.heard.recv_timeout(PATIENCE).unwrap();
        }
        for _ in 0..10 {
            a.heard.recv_timeout(PATIENCE).unwrap();
        }
        a.start(address);
        let mut last = before;
        loop {
            let p = next("after the hold");
            assert_eq!(p.1, last.1.wrapping_add(1), "no number is missing");
            if p.0 {
                assert!(p.2.wrapping_sub(last.2) >= 10 * 160, "time went on");
                break;
            }
            last = p;
        }
    });
}

#[test]
fn the_end_of_a_slot_tells_how_far_its_clips_came() {
    steadily(|media| {
        let (a, _b) = pair(media);
        a.play(1, vec![500; 160_000]);
        a.play(2, vec![500; 160]);
        a.wait_for(MediaEvent::PlaybackStarted { id: PlaybackId(1) });
        media.close(a.slot);
        let told: Vec<_> =
            a.events.iter().map(|(_, e)| e).take_while(|e| !matches!(e, MediaEvent::Closed(_))).collect();
        let [.., MediaEvent::PlaybackStopped { id: PlaybackId(1), played_ms }, second] = &told[..] else {
            panic!("{told:?}")
        };
        assert!(*played_ms >= 20 && played_ms % 20 == 0, "{played_ms}");
        assert_eq!(*second, MediaEvent::PlaybackStopped { id: PlaybackId(2), played_ms: 0 });
    });
}

#[test]
fn silence_is_told_each_time_that_it_has_doubled_and_its_end_too() {
    steadily_with(Duration::from_millis(200), |media| {
        let a = leg(media);
        let (far, address) = raw_socket();
        a.start(address);
        for round in 0..2 {
            let gap = |_, e| if let MediaEvent::NoAudio { for_ms } = e { Some(for_ms) } else { None };
            let gaps = [(); 3].map(|()| a.wait("silence", gap));
            assert!(gaps[0] >= 200 && gaps[1] >= 2 * gaps[0] && gaps[2] >= 2 * gaps[1], "{gaps:?}");
            far.send_to(&sound_packet(1, round, &[0; 160]), a.address).unwrap();
            a.wait_for(MediaEvent::AudioResumed);
        }
    });
}

#[test]
fn ports_run_out_with_their_own_error_and_come_back() {
    let media = media_with(3, PATIENCE);
    let mut legs: Vec<_> = (0..3).map(|_| leg(&media)).collect();
    assert!(legs.iter().all(|l| l.address.port() % 2 == 0));
    let none = || Taps { heard: None, stereo: None, events: Box::new(|_, _| ()) };
    let error = media.open(none()).unwrap_err();
    assert!(matches!(error, MediaError::PortsExhausted { .. }), "{error}");
    let port = legs[1].address.port();
    legs.remove(1).close();
    assert_eq!(leg(&media).address.port(), port);
    let (first, last) = (7, 7);
    let config = MediaConfig::new(Ipv4Addr::LOCALHOST.into(), first..=last, PATIENCE);
    assert!(matches!(Media::spawn(config), Err(MediaError::NoPorts { .. })));
    let config = MediaConfig::new("192.0.2.1".parse().unwrap(), 21_990..=21_999, PATIENCE);
    let elsewhere = Media::spawn(config).unwrap();
    assert!(matches!(elsewhere.open(none()), Err(MediaError::Bind { .. })));
}

#[test]
fn a_listener_that_falls_ends_its_own_slot_and_no_other() {
    steadily(|media| {
        let (a, b) = pair(media);
        let Opened { slot, rtp: address, .. } = media
            .open(Taps { heard: None, stereo: None, events: Box::new(|_, _| panic!("a test's own fault")) })
            .unwrap();
        media.start(slot, remote(address));
        a.play(1, tone::sine(1_000.0, 500, -12.0, 8_000));
        assert_eq!(loud(&b.hear_sound()).len(), 4_000);
        assert_eq!(media.load().slots, 2);
    });
}

/// Falls when it is let go of.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a test's own fault");
    }
}

#[test]
fn a_slot_that_falls_at_its_end_gives_its_port_back_and_ends_no_other() {
    let media = media_with(2, PATIENCE);
    let other = leg(&media);
    let (tell, events) = unbounded();
    let bomb = Bomb;
    let taps = Taps {
        heard: Some(Box::new(move |_: &crate::Heard<'_>| std::ptr::addr_of!(bomb).is_aligned())),
        stereo: None,
        events: Box::new(move |_, e| drop(tell.send(e))),
    };
    let Opened { slot, rtp: address, .. } = media.open(taps).unwrap();
    media.close(slot);
    assert!(matches!(events.recv_timeout(PATIENCE), Ok(MediaEvent::Closed(_))));
    assert_eq!(leg(&media).address, address, "the port is free again");
    other.close();
}

#[test]
fn with_the_last_handle_every_slot_is_closed() {
    let media = media();
    let Leg { media: second, events, slot, address, .. } = leg(&media);
    second.start(slot, remote(address));
    drop(media);
    drop(second);
    let last = std::iter::from_fn(|| events.recv_timeout(PATIENCE).ok()).last();
    assert!(matches!(last, Some((_, MediaEvent::Closed(_)))), "{last:?}");
}

#[test]
fn a_tap_that_nobody_empties_costs_sound_and_nothing_else() {
    steadily(|media| {
        let (tape, chunks) = tape(1);
        let full = tape.full.clone();
        let (tell, events) = unbounded();
        let tell = Box::new(move |_, event| drop(tell.send(event)));
        let Opened { slot, .. } = media.open(Taps { heard: None, stereo: Some(tape), events: tell }).unwrap();
        let clock = leg(media);
        media.start(slot, remote(clock.address));
        clock.start(clock.address);
        let marked: Arc<[i16]> = vec![9_000; 160 * 40].into();
        media.play(slot, PlaybackId(1), marked);
        for _ in 0..60 {
            clock.heard.recv_timeout(PATIENCE).unwrap();
        }
        media.close(slot);
        // The first half second is there, the rest is missing: no chunk was left for it.
        let first = chunks.recv_timeout(PATIENCE).unwrap();
        assert_eq!((first.pairs(), first.owed(), first.is_last()), (4_000, 0, false));
        assert!(first.samples().chunks(2).all(|p| p[1] > 8_000));
        let closed = |e| if let MediaEvent::Closed(stats) = e { Some(stats) } else { None };
        let stats = events.iter().find_map(closed).unwrap();
        assert!(stats.unrecorded >= 30, "{stats:?}");
        drop(full);
        assert!(chunks.recv().is_err(), "no last chunk either");
    });
}
