//! What concealment is worth: `cargo run --release -p waihu-audio --example conceal_report RATE
//! SPEECH.raw ...`, each a clip of 16-bit sound at that rate. Frames of 20 ms are lost at random, or two
//! and more on end; what is heard is compared with the whole, with silence in place of what is lost, and
//! with the last frame once more.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use waihu_audio::conceal::Concealer;

/// Which frames are lost: a part of them, each loss `length` on end on average.
fn losses(frames: usize, part: f32, length: f32, seed: u32) -> Vec<bool> {
    let mut random = seed;
    let mut unit = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as f32 / 16_777_216.0
    };
    let mut lost = false;
    (0..frames)
        .map(|_| {
            let begins = part / (length * (1.0 - part));
            lost = if lost { unit() > 1.0 / length } else { unit() < begins };
            lost
        })
        .collect()
}

fn silence(frame: &mut [i16], lost: bool, _: &mut Concealer, _: &[i16]) {
    if lost {
        frame.fill(0);
    }
}

fn again(frame: &mut [i16], lost: bool, _: &mut Concealer, before: &[i16]) {
    if lost {
        frame.copy_from_slice(before);
    }
}

fn ours(frame: &mut [i16], lost: bool, concealer: &mut Concealer, _: &[i16]) {
    if lost {
        concealer.conceal(frame);
    } else {
        concealer.heard(frame);
    }
}

type Way = fn(&mut [i16], bool, &mut Concealer, &[i16]);

/// Mean over frames that are not silent of the signal-to-noise ratio, each held within -10 and 35 dB.
fn segmental_snr(clean: &[i16], heard: &[i16], frame: usize, of: &[bool]) -> f64 {
    let (mut sum, mut n) = (0.0, 0);
    for ((c, h), lost) in clean.chunks_exact(frame).zip(heard.chunks_exact(frame)).zip(of) {
        let signal: f64 = c.iter().map(|s| f64::from(*s).powi(2)).sum();
        let noise: f64 = c.iter().zip(h).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        if *lost && signal / frame as f64 > 10_000.0 {
            sum += (10.0 * (signal / noise.max(1.0)).log10()).clamp(-10.0, 35.0);
            n += 1;
        }
    }
    sum / f64::from(n.max(1))
}

/// Mean distance of the logarithmic spectra [dB], 100 Hz to 3.8 kHz, of the frames about a loss.
fn spectral_distance(clean: &[i16], heard: &[i16], frame: usize, rate: usize, of: &[bool]) -> f64 {
    let bands: Vec<f64> = (1..38).map(|b| 100.0 * f64::from(b)).collect();
    let spectrum = |x: &[i16]| -> Vec<f64> {
        bands
            .iter()
            .map(|f| {
                let w = std::f64::consts::TAU * f / rate as f64;
                let (mut re, mut im) = (0.0, 0.0);
                for (i, s) in x.iter().enumerate() {
                    let hann = 0.5 - 0.5 * (std::f64::consts::TAU * (i as f64 + 0.5) / x.len() as f64).cos();
                    re += f64::from(*s) * hann * (w * i as f64).cos();
                    im += f64::from(*s) * hann * (w * i as f64).sin();
                }
                10.0 * ((re * re + im * im) / x.len() as f64 + 100.0).log10()
            })
            .collect()
    };
    let (mut sum, mut n) = (0.0, 0);
    for (i, lost) in of.iter().enumerate() {
        let c = &clean[i * frame..(i + 1) * frame];
        if *lost && c.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / frame as f64 > 10_000.0 {
            let (a, b) = (spectrum(c), spectrum(&heard[i * frame..(i + 1) * frame]));
            let squares: f64 = a.iter().zip(&b).map(|(x, y)| (x - y).powi(2)).sum();
            sum += (squares / a.len() as f64).sqrt();
            n += 1;
        }
    }
    sum / f64::from(n.max(1))
}

fn main() {
    let rate: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let frame = rate / 50;
    let clean: Vec<i16> = std::env::args()
        .skip(2)
        .flat_map(|f| {
            let bytes = std::fs::read(f).unwrap();
            bytes.as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect::<Vec<_>>()
        })
        .collect();
    println!("{:28} {:>22} {:>26}", "", "SNR of lost frames", "spectral distance");
    let ways: [(&str, Way); 3] = [("silence", silence), ("last frame again", again), ("concealed", ours)];
    for (part, length) in [(0.05, 1.0), (0.1, 1.0), (0.2, 1.0), (0.1, 2.0), (0.1, 3.0)] {
        for (name, way) in ways {
            let lost = losses(clean.len() / frame, part, length, 7);
            let mut heard = clean.clone();
            let mut concealer = Concealer::new(rate as u32);
            let mut before = vec![0; frame];
            for (f, l) in heard.chunks_exact_mut(frame).zip(&lost) {
                way(f, *l, &mut concealer, &before);
                before.copy_from_slice(f);
            }
            println!(
                "{:3.0} %, {length} on end, {name:17} {:14.1} dB {:23.1} dB",
                part * 100.0,
                segmental_snr(&clean, &heard, frame, &lost),
                spectral_distance(&clean, &heard, frame, rate, &lost)
            );
        }
    }
}
