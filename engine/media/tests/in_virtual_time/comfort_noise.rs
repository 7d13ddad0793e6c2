//! Far ends that describe their silence instead of sending it (RFC 3389).

use waihu_audio::tone;

use super::*;

#[test]
fn the_noise_between_two_words_has_the_level_that_is_said_and_its_gap_is_no_loss() {
    for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
        let rate = codec.sample_rate_hz();
        let (mut rig, mut far) = (Rig::new(codec), FarEnd::new(codec));
        let word = tone::sine(1_000.0, 400, -12.0, rate);
        let ticks = codec.frame_ticks();
        let mut at = far.says_all(&mut rig, BEGIN, &word, 20);
        // Three seconds with two descriptions: the second is quieter.
        for level in [50, 62] {
            let bytes = far.wrap(13, &[level], ticks * 75);
            rig.comes(at + TICK, bytes);
            at = at + TICK * 75;
        }
        let at = far.says_all(&mut rig, at, &word, 20);
        rig.run(at.since(BEGIN).as_millis() as u64 + 40);
        let recorded = rig.end();
        let part = |from_ms: usize, ms: usize| {
            &recorded.heard[from_ms * rate as usize / 1_000..][..ms * rate as usize / 1_000]
        };
        for (from_ms, wanted) in [(800, -50.0), (2_300, -62.0)] {
            let level = level_dbov(part(from_ms, 800));
            assert!((level - wanted).abs() < 2.0, "{codec:?}: {level} where {wanted} was said");
        }
        for from_ms in [150, 3_600] {
            assert!(tone::amplitude_at(part(from_ms, 200), 1_000.0, rate) > 0.3, "{codec:?}");
        }
        let (stats, quality) = (&recorded.stats, recorded.stats.quality.unwrap());
        assert_eq!((stats.lost, stats.discarded, stats.underruns), (0, 0, 0), "{codec:?}");
        assert_eq!(quality.loss, 0.0, "{codec:?}");
    }
}

#[test]
fn a_gap_in_the_timestamps_alone_is_a_pause_and_no_loss() {
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        let (mut rig, mut far) = (Rig::new(codec), FarEnd::new(codec));
        let word = tone::sine(1_000.0, 400, -12.0, rate);
        let mut at = BEGIN;
        for _ in 0..3 {
            at = far.says_all(&mut rig, at, &word, 20) + Duration::from_millis(1_000);
            far.timestamp = far.timestamp.wrapping_add(codec.clock_rate_hz());
        }
        rig.run(4_200);
        let recorded = rig.end();
        assert_eq!((recorded.stats.lost, recorded.stats.discarded), (0, 0), "{codec:?}");
        let loud_ms = recorded.loud(rate).len() as u64 * 1_000 / u64::from(rate);
        // What follows the end of each word until a pause is certain is made up.
        assert!((1_200..=1_200 + 3 * 70).contains(&loud_ms), "{codec:?}: {loud_ms} ms of three words");
    }
}
