//! What a tick costs: slots that all play, hear and record, in pairs over loopback.
//!
//! `cargo run --release -p waihu-media --example tick -- SLOTS SECONDS [shared] [record] [CODEC]`. The
//! thread is pinned to core 0; recordings are thrown away by another thread.

// Its table is what it is for.
#![allow(clippy::print_stdout)]

use std::{
    error::Error,
    net::Ipv4Addr,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use crossbeam_channel::unbounded;
use waihu_audio::{StereoChunk, tone};
use waihu_media::{Codec, Media, MediaConfig, MediaEvent, PlaybackId, Ports, Remote, StereoTap, Taps};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize, or: u64| args.get(n).and_then(|a| a.parse().ok()).unwrap_or(or);
    let (slots, seconds) = (number(0, 1_000), number(1, 10));
    let has = |word: &str| args.iter().any(|a| a == word);
    let codec = args.iter().find_map(|a| Codec::from_name(a)).unwrap_or(Codec::Pcma);
    let mut config = MediaConfig::new(Ipv4Addr::LOCALHOST.into(), 10_000..=29_999, Duration::from_secs(60));
    config.cores = vec![0];
    config.codecs = vec![codec];
    config.port_mode = if has("shared") { Ports::Shared } else { Ports::PerCall };
    let before = resident_kib()?;
    let media = Media::spawn(config)?;
    let ((full, filled), (give, empty)) = (unbounded::<Box<StereoChunk>>(), unbounded());
    let back = give.clone();
    std::thread::spawn(move || filled.into_iter().for_each(|c| drop(back.send(c))));
    let speech: Arc<[i16]> = tone::sine(440.0, 60_000, -20.0, 8_000).into();
    let mut legs = Vec::new();
    for n in 0..slots {
        let paused = Arc::<AtomicBool>::default();
        let rate_hz = codec.sample_rate_hz();
        let stereo = has("record").then(|| {
            (0..2).for_each(|_| drop(give.send(Box::new(StereoChunk::new(rate_hz)))));
            StereoTap { recording: n, rate_hz, full: full.clone(), empty: empty.clone(), paused }
        });
        let (closed, stats) = unbounded();
        let events = Box::new(move |_, e| {
            if let MediaEvent::Closed(stats) = e {
                drop(closed.send(stats));
            }
        });
        let heard: waihu_media::HeardTap = Box::new(|h| h.at.as_micros() > 0);
        legs.push((media.open(Taps { heard: Some(heard), stereo, events })?, stats));
    }
    for (n, (leg, _)) in legs.iter().enumerate() {
        let other = legs.get(n ^ 1).map_or(leg, |l| &l.0);
        let number = codec.static_payload_type().unwrap_or(96);
        let remote = Remote { ssrc: Some(other.ssrc), ..Remote::plain(other.rtp, codec, number) };
        media.start(leg.slot, remote);
        media.play(leg.slot, PlaybackId(1), Arc::clone(&speech));
    }
    std::thread::sleep(Duration::from_secs(3));
    let (from, began) = (media.load(), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let (to, took) = (media.load(), began.elapsed());
    let kib = resident_kib()?.saturating_sub(before) as f64 / slots as f64;
    let (mut lost, mut late, mut unrecorded, mut received, mut mos) = (0, 0, 0, 0, 0.0);
    for (leg, stats) in legs {
        media.close(leg.slot);
        let stats = stats.recv_timeout(Duration::from_secs(10))?;
        (lost, late) = (lost + stats.lost, late + stats.late);
        (unrecorded, received) = (unrecorded + stats.unrecorded, received + stats.received);
        mos += stats.quality.map_or(0.0, |q| q.mos) / slots as f32;
    }
    let busy = (to.busy - from.busy).as_secs_f64() / took.as_secs_f64() * 100.0;
    let late_at = |share| to.lateness_quantile(&from, share).as_secs_f64() * 1_000.0;
    println!(
        "{slots} slots: {busy:.1} % of the core, {:.2} % per 1,000; late ms p50 {:.1} p99 {:.1} max {:.1}; \
         late ticks {} of {}; received {received}, lost {lost}, late {late}, unrecorded {unrecorded}; \
         {kib:.1} KiB a slot; MOS {mos:.2}; refused {}, strangers {}",
        busy * 1_000.0 / slots as f64,
        late_at(0.5),
        late_at(0.99),
        late_at(1.0),
        to.late_ticks - from.late_ticks,
        to.ticks - from.ticks,
        to.refused - from.refused,
        to.strangers - from.strangers,
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
