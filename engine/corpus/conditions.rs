//! What the telephone, the place and the speaker do to an utterance before an engine hears it.
//!
//! In the order of the real thing: the speaker is fast, slow, loud or low; the place adds its noise; the
//! microphone overdrives; the line codes in A-law or µ-law; the network loses packets, and what is lost is
//! made up as the engine makes it up ([`waihu_audio::conceal`]). The same seed gives the same samples.
//! Absent: echo, mobile codecs (AMR, Opus), and rooms.

use waihu_audio::{
    SAMPLES_8K,
    conceal::Concealer,
    energy::{from_dbov, level_dbov, rms},
    frame::{to_f32, to_i16},
    g711::Law,
};

use crate::{noise, random::Random, speed};

/// Mean number of packets lost in a row. Losses come in bursts (a queue overflows): two packets of 20 ms is
/// common in traces of voice over IP.
const BURST: f32 = 2.0;

/// A frame this far under the loudest one is no speech [dB]: pauses do not count when a level is measured.
const PAUSE_DB: f32 = 30.0;

/// Where peaks lie before they are overdriven [of full scale].
const FULL: f32 = 1.0;

/// Where an utterance is spoken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// A quiet room.
    None,
    /// Among people who talk.
    Babble {
        /// Speech, its pauses left out, over the noise [dB].
        snr_db: f32,
    },
    /// On a street with vehicles and horns.
    Street {
        /// Speech, its pauses left out, over the noise [dB].
        snr_db: f32,
    },
}

/// What is done to an utterance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// The law of G.711 that it goes through; `None` leaves 16 bits.
    pub law: Option<Law>,
    /// The share of packets of 20 ms that are lost, 0 to 1.
    pub loss: f32,
    /// The noise of the place.
    pub noise: Noise,
    /// Times as fast as spoken, 0.5 to 2, at the same pitch.
    pub speed: f32,
    /// Louder (above 0) or lower than it came [dB].
    pub level_db: f32,
    /// How far the loudest peak is driven beyond full scale [dB]; 0 leaves the peaks alone.
    pub clip: f32,
}

/// Nothing is done.
const CLEAN: Condition =
    Condition { law: None, loss: 0.0, noise: Noise::None, speed: 1.0, level_db: 0.0, clip: 0.0 };

/// A quiet call.
const ALAW: Condition = Condition { law: Some(Law::A), ..CLEAN };

const ALL: [(&str, Condition); 12] = [
    ("clean", CLEAN),
    ("alaw", ALAW),
    ("mulaw", Condition { law: Some(Law::Mu), ..CLEAN }),
    ("loss5", Condition { loss: 0.05, ..ALAW }),
    ("babble10", Condition { noise: Noise::Babble { snr_db: 10.0 }, ..ALAW }),
    ("babble20", Condition { noise: Noise::Babble { snr_db: 20.0 }, ..ALAW }),
    ("street10", Condition { noise: Noise::Street { snr_db: 10.0 }, ..ALAW }),
    ("street20", Condition { noise: Noise::Street { snr_db: 20.0 }, ..ALAW }),
    ("fast", Condition { speed: 1.3, ..ALAW }),
    ("slow", Condition { speed: 0.75, ..ALAW }),
    ("low", Condition { level_db: -20.0, ..ALAW }),
    ("clipped", Condition { clip: 12.0, ..ALAW }),
];

impl Condition {
    /// Every condition that has a name, `clean` first. All but `clean` and `mulaw` go through A-law, as a
    /// call does.
    pub fn all() -> &'static [(&'static str, Condition)] {
        &ALL
    }

    /// The condition of that name; `None` where there is none.
    pub fn named(name: &str) -> Option<Condition> {
        ALL.iter().find(|(n, _)| *n == name).map(|(_, c)| *c)
    }
}

impl Default for Condition {
    fn default() -> Self {
        CLEAN
    }
}

/// `samples` at 8 kHz as they are heard under `condition`. Babble is made of `others`, at 8 kHz too, any
/// number of them; without one it is noise in the rhythm of speech. The length changes with the speed alone.
pub fn apply(condition: &Condition, samples: &[i16], others: &[&[i16]], seed: u64) -> Vec<i16> {
    let spoken = speed::change(samples, condition.speed);
    if spoken.is_empty() {
        return spoken;
    }
    let mut random = Random::new(seed);
    let mut sound = to_f32(&spoken);
    let gain = from_dbov(finite(condition.level_db));
    sound.iter_mut().for_each(|s| *s *= gain);
    add_noise(condition.noise, &mut sound, others, &mut random);
    overdrive(finite(condition.clip), &mut sound);
    let mut line = to_i16(&sound);
    if let Some(law) = condition.law {
        line.iter_mut().for_each(|s| *s = law.decode(law.encode(*s)));
    }
    lose(finite(condition.loss), &mut line, &mut random);
    line
}

/// What is no number does nothing.
fn finite(x: f32) -> f32 {
    if x.is_finite() { x } else { 0.0 }
}

/// The level of speech without its pauses [dBov]: the mean power of the frames of 20 ms within 30 dB of the
/// loudest.
pub fn speech_level_dbov(samples: &[i16]) -> f32 {
    let levels: Vec<f32> = samples.chunks(SAMPLES_8K).map(level_dbov).collect();
    let loudest = levels.iter().copied().fold(f32::MIN, f32::max);
    let active: Vec<f64> = levels
        .iter()
        .filter(|l| **l > loudest - PAUSE_DB)
        .map(|l| f64::from(from_dbov(*l)).powi(2))
        .collect();
    if active.is_empty() {
        return waihu_audio::energy::SILENCE_DBOV;
    }
    let mean = active.iter().sum::<f64>() / active.len() as f64;
    waihu_audio::energy::to_dbov(mean.sqrt() as f32)
}

fn add_noise(noise: Noise, sound: &mut [f32], others: &[&[i16]], random: &mut Random) {
    let (made, snr_db) = match noise {
        Noise::None => return,
        Noise::Babble { snr_db } => (noise::babble(sound.len(), others, random), snr_db),
        Noise::Street { snr_db } => (noise::street(sound.len(), random), snr_db),
    };
    let speech = from_dbov(speech_level_dbov(&to_i16(sound)));
    let own = rms(&made);
    if own <= 0.0 || !snr_db.is_finite() {
        return;
    }
    let gain = speech * from_dbov(-snr_db) / own;
    for (s, n) in sound.iter_mut().zip(made) {
        *s += n * gain;
    }
}

/// Amplifies until the loudest peak lies `db` beyond full scale, where it is cut off.
fn overdrive(db: f32, sound: &mut [f32]) {
    let peak = sound.iter().fold(0.0_f32, |m, s| m.max(s.abs()));
    if db <= 0.0 || peak <= 0.0 {
        return;
    }
    let gain = FULL * from_dbov(db) / peak;
    sound.iter_mut().for_each(|s| *s = (*s * gain).clamp(-FULL, FULL));
}

/// Loses packets in bursts (Gilbert's model of two states), and makes them up.
fn lose(share: f32, line: &mut [i16], random: &mut Random) {
    if share <= 0.0 {
        return;
    }
    let share = share.min(1.0);
    // In the long run: lost = begin / (begin + end).
    let end = 1.0 / BURST;
    let begin = if share < 1.0 { end * share / (1.0 - share) } else { 1.0 };
    let mut lost = random.unit() < share;
    let mut concealer = Concealer::new(waihu_audio::frame::RATE_8K);
    for packet in line.chunks_mut(SAMPLES_8K) {
        if lost {
            concealer.conceal(packet);
        } else {
            concealer.heard(packet);
        }
        lost = if lost { share >= 1.0 || random.unit() >= end } else { random.unit() < begin };
    }
}

#[cfg(test)]
mod tests {
    use waihu_audio::tone;

    use super::*;

    /// Something like speech: syllables of a buzzing voice, and a pause.
    fn speech(pitch: f32, seconds: usize) -> Vec<i16> {
        let mut out = Vec::new();
        while out.len() < seconds * 8_000 {
            out.extend(tone::dual((pitch, pitch * 3.0), 240, -20.0, 8_000));
            out.extend([0; 480]);
        }
        out.truncate(seconds * 8_000);
        out
    }

    fn minus(a: &[i16], b: &[i16]) -> Vec<i16> {
        a.iter().zip(b).map(|(a, b)| a.saturating_sub(*b)).collect()
    }

    #[test]
    fn the_ratio_of_speech_to_noise_is_what_it_says() {
        let voice = speech(150.0, 4);
        let (a, b) = (speech(110.0, 3), speech(210.0, 5));
        for snr_db in [0.0, 10.0, 20.0] {
            for noise in [Noise::Babble { snr_db }, Noise::Street { snr_db }] {
                for seed in 0..5 {
                    let out = apply(&Condition { noise, ..CLEAN }, &voice, &[&a, &b], seed);
                    let ratio = speech_level_dbov(&voice) - level_dbov(&minus(&out, &voice));
                    assert!((ratio - snr_db).abs() < 0.5, "{noise:?}, seed {seed}: {ratio} dB");
                }
            }
        }
    }

    #[test]
    fn the_share_lost_is_what_it_says_in_bursts() {
        let steady = tone::sine(400.0, 400_000, -20.0, 8_000);
        for loss in [0.01, 0.05, 0.2] {
            let out = apply(&Condition { loss, ..CLEAN }, &steady, &[], 1);
            let changed: Vec<bool> = out
                .chunks(160)
                .zip(steady.chunks(160))
                // Sound that returns is faded in over 10 ms; a packet that was lost differs to its end.
                .map(|(a, b)| a[120..] != b[120..])
                .collect();
            let lost = changed.iter().filter(|l| **l).count();
            let share = lost as f32 / changed.len() as f32;
            assert!((share / loss - 1.0).abs() < 0.15, "{loss}: {share}");
            let bursts = changed.windows(2).filter(|w| !w[0] && w[1]).count();
            let mean = lost as f32 / bursts as f32;
            assert!((1.7..2.6).contains(&mean), "{loss}: {mean} in a row");
        }
        let none = apply(&Condition { loss: 1.0, ..CLEAN }, &steady[..8_000], &[], 1);
        assert!(none.iter().all(|s| *s == 0));
    }

    #[test]
    fn a_seed_gives_the_same_samples_and_another_gives_others() {
        let voice = speech(150.0, 2);
        let other = speech(100.0, 2);
        for (name, condition) in Condition::all() {
            let heard = |seed| apply(condition, &voice, &[&other], seed);
            assert_eq!(heard(7), heard(7), "{name}");
            let random = condition.loss > 0.0 || condition.noise != Noise::None;
            assert_eq!(heard(7) != heard(8), random, "{name}");
        }
    }

    #[test]
    fn each_condition_does_what_its_name_says() {
        let voice = speech(150.0, 2);
        let heard = |name: &str| apply(&Condition::named(name).unwrap(), &voice, &[], 1);
        assert_eq!(heard("clean"), voice);
        for law in ["alaw", "mulaw"] {
            let noise = level_dbov(&minus(&heard(law), &voice));
            // G.711's quantizing noise lies some 38 dB under the signal.
            assert!((-45.0..-30.0).contains(&(noise - level_dbov(&voice))), "{law}: {noise}");
        }
        assert_eq!((heard("fast").len(), heard("slow").len()), (12_308, 21_333));
        let low = level_dbov(&voice) - level_dbov(&heard("low"));
        assert!((low - 20.0).abs() < 0.3, "{low}");
        let clipped = heard("clipped");
        let full = clipped.iter().filter(|s| s.unsigned_abs() > 30_000).count();
        assert!(full > clipped.len() / 5, "{full} of {}", clipped.len());
        assert_eq!(Condition::named("noisy"), None);
    }

    #[test]
    fn odd_numbers_do_no_harm() {
        let loud = [i16::MIN; 999];
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -5.0, 1e30] {
            for noise in [Noise::Babble { snr_db: x }, Noise::Street { snr_db: x }] {
                let condition = Condition { law: None, loss: x, noise, speed: x, level_db: x, clip: x };
                for samples in [&loud[..], &[], &[0; 999], &[1]] {
                    apply(&condition, samples, &[&loud, &[]], 1);
                }
            }
        }
        assert_eq!(speech_level_dbov(&[]), waihu_audio::energy::SILENCE_DBOV);
    }
}
