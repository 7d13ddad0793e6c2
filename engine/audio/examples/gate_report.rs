//! How often the speech gate is right: `cargo run --release -p waihu-audio --example gate_report
//! SPEECH.raw SPEECH.raw ...`, each a clip of 16-bit sound at 8 kHz. The first half of the clips is the
//! callee's, the second half the bot's. WebRTC's detector stands beside it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use waihu_audio::{energy::from_dbov, g711::Law, gate::SpeechGate, tone};
use webrtc_vad::{SampleRate, Vad, VadMode};

struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0.cast_signed() >> 8) as f32 / 8_388_608.0
    }
}

/// At -23 dBov where it is loud, with a second of nothing before and after.
fn clip(file: &str) -> Vec<i16> {
    let bytes = std::fs::read(file).unwrap();
    let x: Vec<f32> = bytes.as_chunks::<2>().0.iter().map(|b| f32::from(i16::from_le_bytes(*b))).collect();
    let power = x.iter().map(|s| s * s).sum::<f32>() / x.len() as f32;
    let gain = from_dbov(-25.0) * 32_768.0 / power.sqrt();
    let mut all = vec![0; 8_000];
    all.extend(x.iter().map(|s| (s * gain) as i16));
    all.extend([0; 8_000]);
    all.truncate(all.len() / 160 * 160);
    all
}

/// Frames that hold speech: within 30 dB of the loudest, by clean sound.
fn truth(clean: &[i16]) -> Vec<bool> {
    let energy = |f: &[i16]| f.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let most = clean.chunks(160).map(energy).fold(0.0, f64::max);
    clean.chunks(160).map(|f| energy(f) > most / 2_000.0).collect()
}

/// Frames where a gap below 200 ms after speech counts as speech.
fn held(truth: &[bool]) -> Vec<bool> {
    (0..truth.len()).map(|i| truth[i.saturating_sub(10)..=i].contains(&true)).collect()
}

fn coded(x: &[i16]) -> Vec<i16> {
    x.iter().map(|s| Law::A.decode(Law::A.encode(*s))).collect()
}

fn ours(heard: &[i16], said: Option<&[i16]>) -> Vec<(bool, bool)> {
    let mut gate = SpeechGate::new(8_000);
    heard
        .chunks_exact(160)
        .enumerate()
        .map(|(n, f)| {
            let g = gate.push(f, said.and_then(|s| s.get(n * 160..n * 160 + 160)));
            (g.speech, g.echo)
        })
        .collect()
}

fn webrtc(heard: &[i16]) -> Vec<bool> {
    let mut vad = Vad::new_with_rate_and_mode(SampleRate::Rate8kHz, VadMode::Aggressive);
    heard.chunks_exact(160).map(|f| vad.is_voice_segment(f).unwrap()).collect()
}

fn rate(of: impl Iterator<Item = bool>) -> f64 {
    let (mut n, mut hits) = (0, 0);
    for hit in of {
        n += 1;
        hits += usize::from(hit);
    }
    100.0 * hits as f64 / f64::from(n.max(1))
}

fn noisy(clean: &[i16], dbov: f32, pink: bool, seed: u32) -> Vec<i16> {
    let mut noise = Noise(seed);
    let mut low = 0.0;
    let level = from_dbov(dbov) * 32_768.0;
    let x: Vec<i16> = clean
        .iter()
        .map(|s| {
            let white = noise.next() * 1.732;
            low = 0.9 * low + white * 0.4359;
            (f32::from(*s) + level * if pink { low } else { white }) as i16
        })
        .collect();
    coded(&x)
}

fn speech_in_noise(speech: &[Vec<i16>]) {
    println!("{:24} {:>8} {:>8} {:>8} {:>8} {:>9}", "", "miss", "false", "w. miss", "w. false", "agree");
    for (name, level, pink) in [
        ("clean", -127.0, false),
        ("white, 20 dB", -45.0, false),
        ("white, 10 dB", -35.0, false),
        ("white, 5 dB", -30.0, false),
        ("low, 20 dB", -45.0, true),
        ("low, 10 dB", -35.0, true),
        ("low, 5 dB", -30.0, true),
    ] {
        let mut rows = Vec::new();
        for (n, s) in speech.iter().enumerate() {
            let x = noisy(s, level, pink, n as u32);
            let (t, a, b) = (truth(s), ours(&x, None), webrtc(&x));
            let gap = held(&t);
            rows.extend((0..t.len()).skip(25).map(|i| (t[i], gap[i], a[i].0, b[i])));
        }
        println!(
            "{name:24} {:7.1}% {:7.1}% {:7.1}% {:7.1}% {:8.1}%",
            rate(rows.iter().filter(|r| r.0).map(|r| !r.2)),
            rate(rows.iter().filter(|r| !r.1).map(|r| r.2)),
            rate(rows.iter().filter(|r| r.0).map(|r| !r.3)),
            rate(rows.iter().filter(|r| !r.1).map(|r| r.3)),
            rate(rows.iter().map(|r| r.2 == r.3)),
        );
    }
}

fn no_speech() {
    let ringback = [tone::RINGBACK_CN.period(-15.0), tone::RINGBACK_CN.period(-15.0)].concat();
    let ringback_us = [tone::RINGBACK_US.period(-18.0), tone::RINGBACK_US.period(-18.0)].concat();
    let busy: Vec<i16> = (0..20)
        .flat_map(|_| [tone::sine(450.0, 350, -15.0, 8_000), tone::silence(350, 8_000)].concat())
        .collect();
    let hum: Vec<i16> = tone::sine(50.0, 5_000, -35.0, 8_000)
        .iter()
        .zip(tone::sine(150.0, 5_000, -45.0, 8_000))
        .map(|(a, b)| a + b)
        .collect();
    let zero = vec![0; 80_000];
    for (name, x) in [
        ("silence", zero.clone()),
        ("noise -60", noisy(&zero, -60.0, false, 1)),
        ("noise -40", noisy(&zero, -40.0, false, 1)),
        ("ringback, China", ringback),
        ("ringback, America", ringback_us),
        ("busy, China", busy),
        ("tone 1000 Hz", tone::sine(1_000.0, 5_000, -15.0, 8_000)),
        ("hum 50 + 150 Hz", hum),
    ] {
        let x = coded(&x);
        let (a, b) = (ours(&x, None), webrtc(&x));
        println!(
            "{name:24} speech {:5.1}% of frames, WebRTC {:5.1}%",
            rate(a.iter().map(|r| r.0)),
            rate(b.into_iter())
        );
    }
}

/// The bot's voice as it comes back.
fn echo_of(said: &[i16], delay_ms: f32, loss_db: f32) -> Vec<i16> {
    let delay = (delay_ms * 8.0) as usize;
    let gain = from_dbov(-loss_db);
    let sent = coded(said);
    // A hybrid's path: some ms of a decaying impulse response, of power 1.
    let taps = [0.2, -0.5, 0.75, 0.3, -0.2, 0.1, -0.1, 0.05_f32];
    let norm = taps.iter().map(|t| t * t).sum::<f32>().sqrt();
    (0..said.len())
        .map(|n| {
            let y: f32 = taps
                .iter()
                .enumerate()
                .map(|(k, t)| if n >= delay + 3 * k { t * f32::from(sent[n - delay - 3 * k]) } else { 0.0 })
                .sum();
            (y * gain / norm) as i16
        })
        .collect()
}

fn echo(bot: &[i16], callee: &[Vec<i16>]) {
    println!(
        "{:>6} {:>6}   {:>14} {:>14} {:>16} {:>14} {:>14}",
        "delay", "loss", "echo: speech", "after 2 s", "double: frames", "utterances", "within 100 ms"
    );
    for delay in [0.0, 35.0, 120.0, 250.0, 400.0] {
        for loss in [6.0, 12.0, 20.0, 30.0, 40.0, 120.0] {
            let back = echo_of(bot, delay, loss);
            let heard = noisy(&back, -62.0, false, 5);
            let only = ours(&heard, Some(bot));
            let settled = only.len().min(100);
            // The callee comes in again and again over the bot's voice.
            let (mut frames, mut utterances, mut at_once) = (Vec::new(), Vec::new(), Vec::new());
            for c in callee {
                let mut mixed = back.clone();
                let from = 5 * 8_000;
                let voice = &c[8_000..c.len() - 8_000];
                let n = voice.len().min(mixed.len() - from).min(16_000);
                for (m, v) in mixed[from..].iter_mut().zip(&voice[..n]) {
                    *m = m.saturating_add(*v);
                }
                let mut clean = vec![0; mixed.len()];
                clean[from..from + n].copy_from_slice(&voice[..n]);
                let t = truth(&clean);
                let a = ours(&noisy(&mixed, -62.0, false, 9), Some(bot));
                frames.extend(t.iter().zip(&a).filter(|(t, _)| **t).map(|(_, a)| a.0));
                let onset = t.iter().position(|t| *t).unwrap();
                utterances.push(a[onset..onset + 50].iter().any(|a| a.0));
                at_once.push(a[onset..onset + 5].iter().any(|a| a.0));
            }
            println!(
                "{delay:4} ms {loss:3} dB {:13.1}% {:13.1}% {:15.1}% {:13.1}% {:13.1}%",
                rate(only.iter().map(|r| r.0)),
                rate(only[settled..].iter().map(|r| r.0)),
                rate(frames.into_iter()),
                rate(utterances.into_iter()),
                rate(at_once.into_iter())
            );
        }
    }
}

fn main() {
    let clips: Vec<Vec<i16>> = std::env::args().skip(1).map(|f| clip(&f)).collect();
    assert!(clips.len() >= 2, "two clips of speech at least");
    speech_in_noise(&clips);
    no_speech();
    let (callee, bot) = clips.split_at(clips.len() / 2);
    let bot: Vec<i16> = bot.iter().flat_map(|c| c[4_000..c.len() - 4_000].to_vec()).collect();
    echo(&bot, callee);
    let frames: Vec<&[i16]> = bot.chunks_exact(160).collect();
    let heard = noisy(&echo_of(&bot, 120.0, 20.0), -62.0, false, 5);
    for (name, said) in [("alone", false), ("with the bot's voice", true)] {
        let mut gate = SpeechGate::new(8_000);
        let mut quickest = f64::MAX;
        for _ in 0..10 {
            let start = std::time::Instant::now();
            for (h, s) in heard.chunks_exact(160).zip(&frames) {
                std::hint::black_box(gate.push(h, said.then_some(*s)));
            }
            quickest = quickest.min(start.elapsed().as_secs_f64() * 1e6 / frames.len() as f64);
        }
        println!("{quickest:.2} µs a frame {name}; {} bytes a call", std::mem::size_of::<SpeechGate>());
    }
}
