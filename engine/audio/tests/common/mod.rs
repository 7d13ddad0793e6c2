//! Sound for the tests, the same on every run: a voice of pulses and formants, noise, an echo's path.
#![allow(dead_code)]

use std::f32::consts::TAU;

use waihu_audio::{energy::from_dbov, g711::Law};

/// Numbers that look random.
pub struct Seeded(pub u32);

impl Seeded {
    /// From -1 to 1.
    pub fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0.cast_signed() >> 8) as f32 / 8_388_608.0
    }
}

/// A resonance of one formant.
#[derive(Default)]
struct Formant(f32, f32);

impl Formant {
    fn push(&mut self, x: f32, hz: f32, width: f32, rate: f32) -> f32 {
        let r = (-std::f32::consts::PI * width / rate).exp();
        let y = x + 2.0 * r * (TAU * hz / rate).cos() * self.0 - r * r * self.1;
        (self.0, self.1) = (y, self.0);
        y
    }
}

/// Syllables: a hiss or nothing, a vowel that glides in pitch and formants, a pause now and then. At
/// about -22 dBov where it is loud, at `rate` [Hz]; another `seed` is another voice and text.
pub fn voice(seconds: f32, rate: u32, seed: u32) -> Vec<i16> {
    let mut random = Seeded(seed.wrapping_mul(2_654_435_761).wrapping_add(12_345));
    for _ in 0..10 {
        random.unit();
    }
    let rate = rate as f32;
    let base = 160.0 + 60.0 * random.unit();
    let (mut out, mut phase) = (Vec::new(), 0.0_f32);
    let mut formants = [Formant::default(), Formant::default(), Formant::default()];
    while (out.len() as f32) < seconds * rate {
        let hiss = ((0.05 + 0.03 * random.unit()) * rate) as usize;
        let loud = if random.unit() > 0.0 { 0.03 } else { 0.0 };
        out.extend((0..hiss).map(|i| random.unit() * loud * (i as f32 / hiss as f32)));
        let vowel = (0.14 + 0.07 * random.unit()) * rate;
        let target = [500.0 + 250.0 * random.unit(), 1_400.0 + 600.0 * random.unit(), 2_600.0];
        let (from, to) = (base * (1.0 + 0.2 * random.unit()), base * (1.0 + 0.2 * random.unit()));
        let level = 0.6 + 0.35 * random.unit();
        for i in 0..vowel as usize {
            let part = i as f32 / vowel;
            phase += (from + (to - from) * part) / rate;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            let x = pulse + 0.01 * random.unit();
            let sound: f32 = formants
                .iter_mut()
                .zip(target.iter().zip([(80.0, 1.0), (110.0, 0.5), (160.0, 0.25)]))
                .map(|(f, (hz, (width, gain)))| gain * f.push(x, *hz * (0.9 + 0.2 * part), width, rate))
                .sum();
            out.push(0.06 * level * sound * (std::f32::consts::PI * part).sin().sqrt());
        }
        if random.unit() > 0.6 {
            let pause = ((0.3 + 0.25 * random.unit()) * rate) as usize;
            out.extend(std::iter::repeat_n(0.0, pause));
        }
    }
    out.truncate((seconds * rate) as usize);
    let power = out.iter().map(|s| s * s).sum::<f32>() / out.len() as f32;
    let gain = from_dbov(-24.0) / power.sqrt();
    out.iter().map(|s| (s * gain * 32_768.0) as i16).collect()
}

/// White noise of that level [dBov] on top, then A-law.
pub fn noisy(clean: &[i16], dbov: f32, seed: u32) -> Vec<i16> {
    let mut random = Seeded(seed);
    let level = from_dbov(dbov) * 32_768.0 * 1.732;
    coded(&clean.iter().map(|s| (f32::from(*s) + level * random.unit()) as i16).collect::<Vec<_>>())
}

/// Through A-law and back.
pub fn coded(x: &[i16]) -> Vec<i16> {
    x.iter().map(|s| Law::A.decode(Law::A.encode(*s))).collect()
}

/// What comes back of `said`: later, softer, through a codec and a hybrid's filter.
pub fn echo(said: &[i16], delay_ms: f32, loss_db: f32) -> Vec<i16> {
    const TAPS: [f32; 8] = [0.2, -0.5, 0.75, 0.3, -0.2, 0.1, -0.1, 0.05];
    let delay = (delay_ms * 8.0) as usize;
    let norm = TAPS.iter().map(|t| t * t).sum::<f32>().sqrt();
    let gain = from_dbov(-loss_db) / norm;
    let sent = coded(said);
    let at = |n: usize, k: usize| n.checked_sub(delay + 3 * k).map_or(0.0, |i| f32::from(sent[i]));
    (0..said.len())
        .map(|n| (TAPS.iter().enumerate().map(|(k, t)| t * at(n, k)).sum::<f32>() * gain) as i16)
        .collect()
}

/// How many of a hundred.
pub fn percent(of: impl IntoIterator<Item = bool>) -> f32 {
    let (mut n, mut hits) = (0, 0);
    for hit in of {
        n += 1;
        hits += u16::from(hit);
    }
    100.0 * f32::from(hits) / n.max(1) as f32
}
