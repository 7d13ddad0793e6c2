//! What a tick costs: slots that all play, hear and record, in pairs over loopback.
//!
//! `cargo run --release -p waihu-media --example tick [slots ...]` takes 10 s a number (100 and 500
//! without any), and some for reading memory. Each slot's sound is written by the recorder into a
//! folder that is removed at the end, 32 kB a second.

// Its table is what it is for.
#![allow(clippy::print_stdout)]

use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, bounded, unbounded};
use waihu_audio::{Frame, tone};
use waihu_media::{
    Codec, Direction, Media, MediaConfig, MediaEvent, PlaybackId, Remote, SlotId, Stats, Taps,
};
use waihu_record::{Recorder, RecordingInProgress};

/// How long each number of slots is watched.
const WATCHED: Duration = Duration::from_secs(10);
/// No wait in here is longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Buckets of lateness, 1 ms each; the last is for all above.
const BUCKETS: usize = 500;

/// How late frames were taken, against their tick's time.
struct Lateness([AtomicU64; BUCKETS]);

impl Lateness {
    fn add(&self, late: Duration) {
        let ms = usize::try_from(late.as_millis()).unwrap_or(usize::MAX);
        self.0[ms.min(BUCKETS - 1)].fetch_add(1, Relaxed);
    }

    fn clear(&self) {
        self.0.iter().for_each(|n| n.store(0, Relaxed));
    }

    /// The upper edge of the bucket in which the given share of frames lies [ms].
    fn quantile(&self, share: f64) -> usize {
        let all: u64 = self.0.iter().map(|n| n.load(Relaxed)).sum();
        let wanted = (all as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = self.0.iter().position(|n| {
            seen += n.load(Relaxed);
            seen >= wanted
        });
        found.map_or(BUCKETS, |ms| ms + 1)
    }
}

struct Leg {
    slot: SlotId,
    address: SocketAddr,
    recording: Option<RecordingInProgress>,
    closed: Receiver<Stats>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut sizes = Vec::new();
    for arg in std::env::args().skip(1) {
        sizes.push(arg.parse::<usize>()?);
    }
    if sizes.is_empty() {
        sizes = vec![100, 500];
    }
    println!(
        " slots  record  tick[ms]  thread  late/ticks  frame late p50/p99/max[ms]  lost  dropped  KiB/slot"
    );
    // First, since memory that one run gave back to the allocator would not show in the next.
    measure(sizes.iter().copied().max().unwrap_or(0), false)?;
    sizes.into_iter().try_for_each(|slots| measure(slots, true))
}

fn measure(slots: usize, record: bool) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let media = Media::spawn(MediaConfig {
        address: Ipv4Addr::LOCALHOST.into(),
        ports: 30_000..=60_000,
        no_audio_after: PATIENCE,
    })?;
    let recorder = Recorder::spawn()?;
    let clip: Arc<[i16]> = tone::sine(440.0, 30_000, -12.0, 8_000).into();
    let lateness = Arc::new(Lateness(std::array::from_fn(|_| AtomicU64::new(0))));
    // Someone listens to every frame, as the speech workers do.
    let (ears, frames) = bounded::<Frame>(65_536);
    let listener = std::thread::spawn(move || frames.iter().map(|f| u64::from(f[0] != 0)).sum::<u64>());
    let before = resident_kib()?;
    let mut legs = Vec::new();
    for n in 0..slots {
        let (late, clock, ears) = (Arc::clone(&lateness), media.clone(), ears.clone());
        let (close, closed) = unbounded();
        let recorded = record.then(|| recorder.start(folder.path().join(format!("{n}.wav"))));
        let (stereo, recording) = recorded.map_or((None, None), |(s, r)| (Some(s), Some(r)));
        let (slot, address) = media.open(Taps {
            heard: Some(Box::new(move |at, frame| {
                late.add(clock.now().since(at));
                ears.try_send(*frame).is_ok()
            })),
            stereo,
            events: Box::new(move |_, event| {
                if let MediaEvent::Closed(stats) = event {
                    let _ = close.send(stats);
                }
            }),
        })?;
        legs.push(Leg { slot, address, recording, closed });
    }
    drop(ears);
    for pair in legs.chunks(2) {
        for (leg, far) in pair.iter().zip(pair.iter().rev()) {
            let address = far.address;
            let direction = Direction::SendRecv;
            let remote =
                Remote { address, codec: Codec::Pcma, payload_type: 8, dtmf_payload_type: None, direction };
            media.start(leg.slot, remote);
            media.play(leg.slot, PlaybackId(1), clip.clone());
        }
    }
    // Until every stream runs and every buffer has been touched.
    std::thread::sleep(Duration::from_secs(4));
    let kib = resident_kib()?.saturating_sub(before) as f64 / slots.max(1) as f64;
    lateness.clear();
    let (from, began) = (media.load(), Instant::now());
    std::thread::sleep(WATCHED);
    let (to, took) = (media.load(), began.elapsed());
    let quantiles = [0.5, 0.99, 1.0].map(|share| lateness.quantile(share));
    let (mut lost, mut dropped) = (0, 0);
    for leg in legs {
        media.close(leg.slot);
        let stats = leg.closed.recv_timeout(PATIENCE)?;
        lost += stats.lost;
        dropped += stats.unheard + stats.unrecorded;
        if let Some(recording) = leg.recording {
            let recording = recording.finish().recv_timeout(PATIENCE)?;
            if let Some(why) = recording.cut_short {
                return Err(why.into());
            }
        }
    }
    let heard = listener.join().map_err(|_| "the listener fell")?;
    if heard == 0 && slots > 0 {
        return Err("no slot heard the other".into());
    }
    let (ticks, busy) = (to.ticks - from.ticks, to.busy.saturating_sub(from.busy));
    println!(
        "{slots:>6}  {:>6}  {:>8.2}  {:>5.1}%  {:>4}/{:<5}  {:>14}/{}/{}  {lost:>16}  {dropped:>7}  {kib:>8.1}",
        if record { "yes" } else { "no" },
        busy.as_secs_f64() * 1_000.0 / ticks.max(1) as f64,
        busy.as_secs_f64() / took.as_secs_f64() * 100.0,
        to.late_ticks - from.late_ticks,
        ticks,
        quantiles[0],
        quantiles[1],
        quantiles[2],
    );
    Ok(())
}

/// What the process has in memory now [KiB].
fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
