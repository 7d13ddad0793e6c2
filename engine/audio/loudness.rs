//! Bringing recorded or synthesized speech to one loudness, so that no prompt is louder than the next.
//!
//! Loudness as ITU-R BS.1770-4 measures it (K-weighting, gated blocks), for one channel; a limiter for
//! what passes the peak then; and a plain gain to an RMS level. Absent: compression, more channels.

use crate::energy::{SILENCE_DBOV, from_dbov, rms, to_dbov};

/// The level of telephone speech that sounds neither shouted nor far away [dBov of the RMS].
pub const SPEECH_DBOV: f32 = -23.0;

/// The loudness of prompts [LUFS]: above live telephone speech, so that a prompt is heard on a loud
/// street, and below where G.711 clips.
pub const PROMPT_LUFS: f32 = -19.0;

/// No sample above this [amplitude, 1 is full scale]: G.711 distorts at its edge. It is -1 dB, which
/// BS.1770-4 and EBU R 128 leave for the true peak.
pub const PEAK: f32 = 0.89;

/// Multiplies `samples` (-1..1) by one gain so that their RMS is at `target` [dBov], or by less
/// where a sample would pass `peak`. Silence stays as it is. Gives the gain.
pub fn normalise(samples: &mut [f32], target: f32, peak: f32) -> f32 {
    let level = rms(samples);
    let loudest = samples.iter().fold(0.0_f32, |m, s| m.max(s.abs()));
    if to_dbov(level) <= SILENCE_DBOV || !level.is_finite() {
        return 1.0;
    }
    let gain = (from_dbov(target) / level).min(peak / loudest);
    for s in samples {
        *s *= gain;
    }
    gain
}

/// Multiplies `samples` by so many decibels.
pub fn amplify(samples: &mut [f32], db: f32) {
    let gain = 10.0_f32.powf(db / 20.0);
    for s in samples {
        *s *= gain;
    }
}

/// Brings a clip at `rate` [Hz] to `target` [LUFS] by one gain, and limits what passes `peak` then.
/// Silence stays as it is.
pub fn level(samples: &mut [f32], rate: u32, target: f32, peak: f32) {
    if let Some(loudness) = integrated(samples, rate) {
        amplify(samples, target - loudness);
        limit(samples, rate, peak);
    }
}

/// Blocks of 400 ms, each 100 ms after the last (BS.1770-4, 5.1): so many steps a second.
const STEPS_PER_SECOND: usize = 10;
/// Steps in a block.
const STEPS_IN_BLOCK: usize = 4;
/// Blocks below this are not counted [LUFS].
const ABSOLUTE_GATE: f64 = -70.0;
/// Nor are blocks so far below the loudness of the others [LU].
const RELATIVE_GATE: f64 = -10.0;

/// The integrated loudness of a clip at `rate` [Hz] in LUFS, after BS.1770-4 for one channel. A clip that
/// is shorter than a block of 400 ms is one block. None where all is silence, or no sound.
pub fn integrated(samples: &[f32], rate: u32) -> Option<f32> {
    let [mut shelf, mut high_pass] = k_weighting(f64::from(rate.max(1)));
    let weighted = samples.iter().map(|&s| high_pass.step(shelf.step(f64::from(s))));
    let step = (rate as usize / STEPS_PER_SECOND).max(1);
    let mut steps: Vec<(f64, usize)> = Vec::with_capacity(samples.len() / step + 1);
    for (n, w) in weighted.enumerate() {
        if n % step == 0 {
            steps.push((0.0, 0));
        }
        if let Some((sum, count)) = steps.last_mut() {
            *sum += w * w;
            *count += 1;
        }
    }
    // The rest that fills no step is of no block, but where there is no other.
    if steps.len() > STEPS_IN_BLOCK && steps.last().is_some_and(|s| s.1 < step) {
        steps.pop();
    }
    let blocks: Vec<f64> = steps
        .windows(STEPS_IN_BLOCK.min(steps.len()).max(1))
        .map(|w| w.iter().map(|s| s.0).sum::<f64>() / w.iter().map(|s| s.1).sum::<usize>() as f64)
        .collect();
    let over = |gate: f64| {
        let loud = || blocks.iter().copied().filter(move |&b| lufs(b) > gate);
        let count = loud().count();
        (count > 0).then(|| loud().sum::<f64>() / count as f64)
    };
    let relative = lufs(over(ABSOLUTE_GATE)?) + RELATIVE_GATE;
    let loudness = lufs(over(relative.max(ABSOLUTE_GATE))?) as f32;
    loudness.is_finite().then_some(loudness)
}

fn lufs(mean_square: f64) -> f64 {
    -0.691 + 10.0 * mean_square.log10()
}

/// A second-order filter, transposed direct form II.
#[derive(Clone, Copy, Debug)]
pub struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
    z: [f64; 2],
}

impl Biquad {
    /// The filter of H(s) = (n2 s² + n1 s + n0) / (s² + s/Q + 1), s in units of `hz`, at `rate` [Hz], by
    /// the bilinear transform; `hz` below half the rate.
    pub fn analog(numerator: [f64; 3], hz: f64, q: f64, rate: f64) -> Self {
        let k = (std::f64::consts::PI * hz / rate).tan();
        let [n2, n1, n0] = numerator;
        let a0 = 1.0 + k / q + k * k;
        Self {
            b: [
                (n2 + n1 * k + n0 * k * k) / a0,
                2.0 * (n0 * k * k - n2) / a0,
                (n2 - n1 * k + n0 * k * k) / a0,
            ],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
            z: [0.0; 2],
        }
    }

    /// Takes what lies below `hz` away, 12 dB an octave.
    pub fn high_pass(hz: f64, q: f64, rate: f64) -> Self {
        Self::analog([1.0, 0.0, 0.0], hz, q, rate)
    }

    /// Lifts what lies about `hz` by `db`.
    pub fn bell(hz: f64, q: f64, db: f64, rate: f64) -> Self {
        Self::analog([1.0, 10.0_f64.powf(db / 20.0) / q, 1.0], hz, q, rate)
    }

    /// One sample through the filter.
    pub fn step(&mut self, x: f64) -> f64 {
        let y = self.b[0] * x + self.z[0];
        self.z[0] = self.b[1] * x - self.a[0] * y + self.z[1];
        self.z[1] = self.b[2] * x - self.a[1] * y;
        y
    }
}

/// The two filters of K-weighting: a head's shelf and a high-pass. BS.1770-4 gives their coefficients at
/// 48 kHz; these are the analogue filters that have them there, so that they hold at other rates too.
fn k_weighting(rate: f64) -> [Biquad; 2] {
    let gain = 10.0_f64.powf(3.999_843_853_973_347 / 20.0);
    let middle = gain.powf(0.499_666_774_154_541_6);
    let q = 0.707_175_236_955_419_6;
    [
        Biquad::analog([gain, middle / q, 1.0], 1_681.974_450_955_533, q, rate),
        // The standard leaves the numerator of the second at 1, -2, 1.
        Biquad {
            b: [1.0, -2.0, 1.0],
            ..Biquad::high_pass(38.135_470_876_024_44, 0.500_327_037_323_877_3, rate)
        },
    ]
}

/// Taps a phase of the filter that finds peaks between samples.
const TAPS: usize = 12;

/// The largest magnitude of the signal between samples too (BS.1770-4, annex 2: four times the rate),
/// sample by sample: of each, and of the quarter steps after it.
fn peaks(samples: &[f32]) -> Vec<f32> {
    let half = TAPS as f32 / 2.0;
    let phases: [[f32; TAPS]; 3] = std::array::from_fn(|p| {
        let shift = (p + 1) as f32 / 4.0;
        std::array::from_fn(|t| {
            let x = t as f32 - (half - 1.0) - shift;
            let sinc = (std::f32::consts::PI * x).sin() / (std::f32::consts::PI * x);
            // Hann's window over the taps.
            sinc * (0.5 + 0.5 * (std::f32::consts::PI * x / half).cos())
        })
    });
    let before = TAPS / 2 - 1;
    (0..samples.len())
        .map(|n| {
            let between = phases.iter().map(|taps| {
                let sum: f32 = taps
                    .iter()
                    .enumerate()
                    .filter_map(|(t, tap)| Some(tap * samples.get((n + t).checked_sub(before)?)?))
                    .sum();
                sum.abs()
            });
            between.fold(samples[n].abs(), f32::max)
        })
        .collect()
}

/// The true peak of a clip [amplitude].
pub fn true_peak(samples: &[f32]) -> f32 {
    peaks(samples).into_iter().fold(0.0, f32::max)
}

/// How long before a peak its limiting begins, and after it ends [1/s]: 5 ms, a period of a low voice.
const LIMITER_PER_SECOND: usize = 200;

/// Keeps the true peak of a clip at `rate` [Hz] under `peak` [amplitude]: the gain falls smoothly before
/// what is too loud and rises after it. A clip that is under it stays as it is.
pub fn limit(samples: &mut [f32], rate: u32, peak: f32) {
    let peaks = peaks(samples);
    if peaks.iter().all(|p| *p <= peak) {
        return;
    }
    let window = (rate as usize / LIMITER_PER_SECOND).max(1);
    let wanted: Vec<f32> = peaks.iter().map(|&p| if p > peak { peak / p } else { 1.0 }).collect();
    // The least within a window on either side, then the mean over such a window: never above what is
    // wanted at the peak itself, and without a step.
    let least: Vec<f32> = (0..wanted.len())
        .map(|n| {
            let near = &wanted[n.saturating_sub(window)..(n + window + 1).min(wanted.len())];
            near.iter().copied().fold(1.0, f32::min)
        })
        .collect();
    for (n, s) in samples.iter_mut().enumerate() {
        let near = &least[n.saturating_sub(window)..(n + window + 1).min(least.len())];
        *s *= near.iter().sum::<f32>() / near.len() as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frame::to_f32, tone};

    #[test]
    fn quiet_and_loud_clips_come_to_the_same_level() {
        for level in [-50.0, -30.0, -6.0] {
            let mut clip = to_f32(&tone::sine(300.0, 200, level, 8_000));
            normalise(&mut clip, SPEECH_DBOV, PEAK);
            assert!((to_dbov(rms(&clip)) - SPEECH_DBOV).abs() < 0.2, "from {level}");
        }
    }

    #[test]
    fn a_click_does_not_pass_the_peak_and_silence_stays() {
        let mut clip = vec![0.001; 8_000];
        clip[10] = 0.5;
        normalise(&mut clip, -6.0, PEAK);
        assert!((clip[10] - PEAK).abs() < 1e-4);
        let mut nothing = vec![0.0; 100];
        assert_eq!(normalise(&mut nothing, -6.0, PEAK), 1.0);
        assert_eq!(nothing, vec![0.0; 100]);
    }

    fn sine(hz: f64, amplitude: f64, seconds: f64, rate: u32) -> Vec<f32> {
        let step = std::f64::consts::TAU * hz / f64::from(rate);
        (0..(seconds * f64::from(rate)) as u32)
            .map(|n| (amplitude * (f64::from(n) * step).sin()) as f32)
            .collect()
    }

    #[test]
    fn the_filters_have_the_coefficients_of_the_standard_at_48_khz() {
        let [shelf, high_pass] = k_weighting(48_000.0);
        for (ours, theirs) in [
            (shelf.b[0], 1.535_124_859_586_97),
            (shelf.b[1], -2.691_696_189_406_38),
            (shelf.b[2], 1.198_392_810_852_85),
            (shelf.a[0], -1.690_659_293_182_41),
            (shelf.a[1], 0.732_480_774_215_85),
            (high_pass.a[0], -1.990_047_454_833_98),
            (high_pass.a[1], 0.990_072_250_366_21),
        ] {
            assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs}");
        }
    }

    #[test]
    fn a_full_sine_of_997_hz_is_at_minus_three_at_every_rate() {
        for rate in [48_000, 24_000, 22_050, 16_000, 8_000] {
            let loudness = integrated(&sine(997.0, 1.0, 3.0, rate), rate).unwrap();
            // The shelf lies nearer half the rate of a telephone, and is bent there a little.
            let allowed = if rate > 16_000 { 0.1 } else { 0.35 };
            assert!((loudness + 3.01).abs() < allowed, "{loudness} at {rate} Hz");
        }
    }

    #[test]
    fn pauses_are_not_counted_and_short_clips_and_silence_are_taken() {
        let speech = sine(997.0, 0.1, 2.0, 8_000);
        let alone = integrated(&speech, 8_000).unwrap();
        let mut with_pauses = speech.clone();
        with_pauses.extend(vec![0.0; 24_000]);
        with_pauses.extend(&speech);
        assert!((integrated(&with_pauses, 8_000).unwrap() - alone).abs() < 0.5);
        assert!((integrated(&speech[..800], 8_000).unwrap() - alone).abs() < 1.0);
        for silence in [vec![], vec![0.0; 10], vec![0.0; 9_000], vec![f32::NAN; 9_000]] {
            assert_eq!(integrated(&silence, 8_000), None);
        }
    }

    #[test]
    fn the_limiter_holds_the_peak_between_samples_and_leaves_the_rest() {
        // At a quarter of the rate and an eighth turn, the samples miss the peak by 3 dB.
        let mut clip: Vec<f32> = (0..8_000)
            .map(|n| {
                let loud = if (4_000..4_100).contains(&n) { 1.3 } else { 0.3 };
                loud * (std::f32::consts::FRAC_PI_2 * n as f32 + std::f32::consts::FRAC_PI_4).sin()
            })
            .collect();
        let before = clip.clone();
        assert!(true_peak(&clip) > 1.2);
        limit(&mut clip, 8_000, PEAK);
        assert!(true_peak(&clip) <= PEAK * 1.02, "{}", true_peak(&clip));
        assert_eq!((&clip[..3_900], &clip[4_200..]), (&before[..3_900], &before[4_200..]));
        let mut nothing: Vec<f32> = vec![];
        limit(&mut nothing, 8_000, PEAK);
        level(&mut nothing, 8_000, PROMPT_LUFS, PEAK);
    }
}
