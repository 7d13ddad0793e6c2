//! The band of a telephone, 300 to 3400 Hz, filled so that a voice made for loudspeakers is understood
//! through it. What lies above 4 kHz was taken off by the resampler.

use waihu_audio::loudness::Biquad;

/// The rate at which the band is shaped [Hz].
pub(crate) const RATE: u32 = 8_000;
/// Below this there is only rumble and the voice's fundamental, which small loudspeakers do not give
/// back and which takes level from what they do [Hz].
const LOW_HZ: f64 = 220.0;
/// Where consonants are told apart [Hz].
const PRESENCE_HZ: f64 = 2_700.0;
/// How much that is lifted [dB].
const PRESENCE_DB: f64 = 3.0;

/// Shapes a clip at 8 kHz in place. Its loudness changes; the caller sets it after.
pub(crate) fn shape(samples: &mut [f32]) {
    let rate = f64::from(RATE);
    let mut low = Biquad::high_pass(LOW_HZ, std::f64::consts::FRAC_1_SQRT_2, rate);
    let mut presence = Biquad::bell(PRESENCE_HZ, 0.9, PRESENCE_DB, rate);
    for s in samples {
        *s = presence.step(low.step(f64::from(*s))) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rumble_is_taken_off_and_presence_lifted() {
        let gain_db = |hz: f32| {
            let mut tone: Vec<f32> =
                (0..8_000).map(|n| (std::f32::consts::TAU * hz * n as f32 / 8_000.0).sin()).collect();
            shape(&mut tone);
            20.0 * (waihu_audio::energy::rms(&tone[4_000..]) * std::f32::consts::SQRT_2).log10()
        };
        assert!(gain_db(60.0) < -18.0, "{}", gain_db(60.0));
        assert!(gain_db(600.0).abs() < 0.6, "{}", gain_db(600.0));
        assert!((gain_db(2_700.0) - 3.0).abs() < 0.3, "{}", gain_db(2_700.0));
        assert!(gain_db(3_900.0) < 0.6, "{}", gain_db(3_900.0));
    }
}
