//! Nothing comes for a minute, and then something does.

use waihu_audio::tone;

use super::*;

#[test]
fn after_a_minute_of_nothing_sound_is_heard_whole_and_both_were_told() {
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        let (mut rig, mut far) = (Rig::new(codec), FarEnd::new(codec));
        let word = tone::sine(1_000.0, 1_000, -12.0, rate);
        let at = far.says_all(&mut rig, BEGIN, &word, 20) + Duration::from_secs(61);
        // Its clock may have gone on or stood still.
        if codec != Codec::Pcmu {
            far.timestamp = far.timestamp.wrapping_add(codec.clock_rate_hz() * 61);
        }
        far.says_all(&mut rig, at, &word, 20);
        rig.run(63_500);
        let recorded = rig.end();
        let told = |wanted: &MediaEvent| recorded.events.iter().filter(|e| *e == wanted).count();
        assert_eq!(told(&MediaEvent::NoAudio { for_ms: 60_000 }), 1, "{codec:?}: {:?}", recorded.events);
        assert_eq!(told(&MediaEvent::AudioResumed), 1, "{codec:?}");
        let second = &recorded.heard[rate as usize * 61..];
        let loud: Vec<i16> =
            second.chunks(rate as usize / 100).filter(|f| level_dbov(f) > -45.0).flatten().copied().collect();
        let ms = loud.len() * 1_000 / rate as usize;
        assert!((990..=1_070).contains(&ms), "{codec:?}: {ms} ms of a second");
        assert!(tone::amplitude_at(&loud[..rate as usize * 9 / 10], 1_000.0, rate) > 0.3, "{codec:?}");
        let nothing = &recorded.heard[rate as usize * 6 / 5..rate as usize * 61];
        assert!(level_dbov(nothing) < -90.0, "{codec:?}: silence is silent");
        assert_eq!(recorded.stats.lost, 0);
    }
}
