//! Background noise by calculation: babble from others' utterances, and a street.
//!
//! A street here is a steady hum of far traffic, vehicles that pass near, and a horn now and then. Both
//! noises are cut to the telephone's band first (ITU-T G.712: 300 to 3400 Hz), so that a ratio of signal to
//! noise speaks of what is heard and not of a rumble that no line carries. Absent: rooms and echo.

use std::f32::consts::{PI, TAU};

use waihu_audio::{energy::rms, frame::RATE_8K};

use crate::random::Random;

const RATE: f32 = RATE_8K as f32;

/// Voices in a babble. Fewer are single people who can be understood, more are a hiss.
const BABBLERS: usize = 6;

/// The telephone's band, as second-order filters make it [Hz].
const BAND: (f32, f32) = (250.0, 3_400.0);

/// `len` samples of several people talking at once, at a level of its own. Where there are fewer than six
/// `others`, they are heard more than once, from other places; where there is none, noise in the rhythm of
/// speech stands in.
pub(crate) fn babble(len: usize, others: &[&[i16]], random: &mut Random) -> Vec<f32> {
    let others: Vec<&[i16]> = others.iter().copied().filter(|o| o.iter().any(|s| *s != 0)).collect();
    let mut out = vec![0.0; len];
    let first = random.below(others.len());
    for n in 0..BABBLERS {
        if others.is_empty() {
            murmur(&mut out, random);
            continue;
        }
        // Everyone once before anyone twice.
        let other = others[(first + n) % others.len()];
        let sound = waihu_audio::frame::to_f32(other);
        let gain = random.between(0.7, 1.3) / rms(&sound).max(1e-6);
        let from = random.below(sound.len());
        for (o, s) in out.iter_mut().zip(sound.iter().cycle().skip(from)) {
            *o += s * gain;
        }
    }
    telephone_band(&mut out);
    out
}

/// Noise with the spectrum (ITU-T P.50: falling from 500 Hz on) and the syllables (some four a second) of one
/// person's speech, added to `out`.
fn murmur(out: &mut [f32], random: &mut Random) {
    let mut low = Biquad::low_pass(random.between(450.0, 700.0));
    let mut left = 0;
    let (mut gain, mut target) = (0.0, 0.0);
    for o in out {
        if left == 0 {
            left = random.between(0.08 * RATE, 0.3 * RATE) as usize;
            target = if random.unit() < 0.25 { 0.0 } else { random.between(0.4, 1.2) };
        }
        left -= 1;
        gain += (target - gain) * 0.004;
        *o += low.run(random.white()) * gain;
    }
}

/// `len` samples of a street, at a level of its own.
pub(crate) fn street(len: usize, random: &mut Random) -> Vec<f32> {
    let mut out = vec![0.0; len];
    let mut hum = Biquad::low_pass(500.0);
    for o in &mut out {
        *o = hum.run(random.white()) * 0.5 + random.white() * 0.02;
    }
    // A vehicle each two seconds or so, and one at least, however short the piece is.
    let vehicles = len / (2 * RATE_8K as usize) + 1;
    for _ in 0..vehicles {
        vehicle(&mut out, random);
    }
    // A horn each eight seconds, by chance.
    for _ in 0..len / (4 * RATE_8K as usize) + 1 {
        if random.unit() < 0.5 {
            horn(&mut out, random);
        }
    }
    telephone_band(&mut out);
    out
}

/// One vehicle passes: a swell of tyre noise and an engine's low harmonics, which drop as it goes away.
fn vehicle(out: &mut [f32], random: &mut Random) {
    let middle = random.between(0.0, out.len() as f32);
    let width = random.between(0.5, 1.5) * RATE;
    let loud = random.between(0.6, 1.6);
    let engine = random.between(60.0, 140.0);
    let mut tyres = Biquad::low_pass(random.between(700.0, 1_400.0));
    let mut phase = 0.0_f32;
    for (i, o) in out.iter_mut().enumerate() {
        let away = (i as f32 - middle) / width;
        let near = 1.0 / (1.0 + away * away * away * away);
        // A passing car's pitch falls by some 8 % (50 km/h, Doppler).
        phase = (phase + engine * (1.0 - 0.04 * away.clamp(-1.0, 1.0)) / RATE).fract();
        let harmonics: f32 = (3..8).map(|h| (TAU * phase * h as f32).sin() / h as f32).sum();
        *o += near * loud * (tyres.run(random.white()) + 0.15 * harmonics);
    }
}

/// One horn: two notes a third apart, with the harmonics of a trumpet, a quarter to three quarters of a second.
fn horn(out: &mut [f32], random: &mut Random) {
    let from = random.below(out.len());
    let len = (random.between(0.25, 0.75) * RATE) as usize;
    let (low, loud) = (random.between(380.0, 460.0), random.between(0.3, 0.7));
    let edge = 0.02 * RATE;
    for (i, o) in out.iter_mut().skip(from).take(len).enumerate() {
        let t = i as f32 / RATE;
        let ends = (i as f32 / edge).min((len - i) as f32 / edge).min(1.0);
        let note = |f: f32| (1..5).map(|h| (TAU * f * h as f32 * t).sin() / h as f32).sum::<f32>();
        *o += loud * ends * (note(low) + note(low * 1.25));
    }
}

fn telephone_band(sound: &mut [f32]) {
    let (mut high, mut low) = (Biquad::high_pass(BAND.0), Biquad::low_pass(BAND.1));
    for s in sound {
        *s = low.run(high.run(*s));
    }
}

/// A filter of second order, Butterworth, after the bilinear transform.
struct Biquad {
    b: [f32; 3],
    a: [f32; 2],
    state: [f32; 2],
}

impl Biquad {
    fn low_pass(hz: f32) -> Self {
        let (alpha, cos) = Self::angles(hz);
        Self::of([(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0], alpha, cos)
    }

    fn high_pass(hz: f32) -> Self {
        let (alpha, cos) = Self::angles(hz);
        Self::of([(1.0 + cos) / 2.0, -1.0 - cos, (1.0 + cos) / 2.0], alpha, cos)
    }

    fn angles(hz: f32) -> (f32, f32) {
        let w = 2.0 * PI * hz / RATE;
        (w.sin() / std::f32::consts::SQRT_2, w.cos())
    }

    fn of(b: [f32; 3], alpha: f32, cos: f32) -> Self {
        let a0 = 1.0 + alpha;
        Self { b: b.map(|b| b / a0), a: [-2.0 * cos / a0, (1.0 - alpha) / a0], state: [0.0; 2] }
    }

    /// Transposed direct form II.
    fn run(&mut self, x: f32) -> f32 {
        let y = self.b[0] * x + self.state[0];
        self.state[0] = self.b[1] * x - self.a[0] * y + self.state[1];
        self.state[1] = self.b[2] * x - self.a[1] * y;
        y
    }
}

#[cfg(test)]
mod tests {
    use waihu_audio::tone::amplitude_at;

    use super::*;

    #[test]
    fn a_street_swells_and_falls_and_is_another_with_another_seed() {
        let sound = street(80_000, &mut Random::new(3));
        let levels: Vec<f32> = sound.chunks(4_000).map(rms).collect();
        let (least, most) = levels.iter().fold((f32::MAX, 0.0_f32), |(a, b), l| (a.min(*l), b.max(*l)));
        assert!(most > 1.3 * least, "{least} to {most}");
        assert!(sound.iter().all(|s| s.is_finite()));
        assert_ne!(sound, street(80_000, &mut Random::new(4)));
        assert!(street(0, &mut Random::new(1)).is_empty());
    }

    #[test]
    fn the_band_is_the_telephones() {
        for (hz, least, most) in [(60.0, 0.0, 0.1), (1_000.0, 0.9, 1.1), (3_950.0, 0.0, 0.2)] {
            let mut tone: Vec<f32> = (0..8_000).map(|i| (TAU * hz * i as f32 / RATE).sin() * 0.5).collect();
            telephone_band(&mut tone);
            let passed = amplitude_at(&waihu_audio::frame::to_i16(&tone[800..]), hz, 8_000) / 0.5;
            assert!((least..=most).contains(&passed), "{hz} Hz: {passed}");
        }
    }

    #[test]
    fn babble_holds_everyone_and_does_without_anyone() {
        let a = waihu_audio::tone::sine(700.0, 400, -20.0, 8_000);
        let b = waihu_audio::tone::sine(1_300.0, 300, -40.0, 8_000);
        let sound = waihu_audio::frame::to_i16(
            &babble(16_000, &[&a, &b, &[0; 50], &[]], &mut Random::new(1))
                .iter()
                .map(|s| s * 0.05)
                .collect::<Vec<_>>(),
        );
        for hz in [700.0, 1_300.0] {
            assert!(amplitude_at(&sound, hz, 8_000) > 0.02, "{hz}");
        }
        assert!(rms(&babble(8_000, &[], &mut Random::new(1))) > 0.05);
    }
}
