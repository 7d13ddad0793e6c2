//! What is played, as the far end hears it.

use waihu_audio::tone;
use waihu_codec::{Decoder, MAX_SAMPLES};

use super::*;
use crate::{Clip, PlaybackId, playback::Repeat};

/// What a far end's decoder makes of what was sent.
fn decoded(codec: Codec, packets: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = Decoder::new(codec).unwrap();
    let mut out = Vec::new();
    for bytes in packets {
        let mut sound = [0; MAX_SAMPLES];
        let n = decoder.decode(Packet::parse(bytes).unwrap().payload, &mut sound).unwrap();
        out.extend(&sound[..n]);
    }
    out
}

fn largest_step(sound: &[i16]) -> i32 {
    sound.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap_or(0)
}

#[test]
fn a_stop_fades_within_a_frame_without_a_click_in_every_codec() {
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        let frame = codec.frame_samples();
        let music = Arc::new(Clip::new(tone::sine(370.0, 3_000, -9.0, 8_000).into(), &[codec]));
        // The codec's own delay: libopus looks 6.5 ms ahead, G.722's filters take 1.4 ms.
        let late = if codec == Codec::Opus { rate as usize * 65 / 10_000 } else { 24 };
        for after in [1, 7, 24, 33, 80] {
            let mut rig = Rig::new(codec);
            rig.slot.play(rig.now, PlaybackId(1), Arc::clone(&music), Repeat::Forever);
            rig.run(after * 20);
            rig.slot.stop(rig.now);
            rig.run(200);
            let sound = decoded(codec, &rig.sent);
            let recorded = rig.end();
            let stopped = MediaEvent::PlaybackStopped { id: PlaybackId(1), played_ms: (after + 1) * 20 };
            assert!(recorded.events.contains(&stopped), "{codec:?}: {:?}", recorded.events);
            let end = (after as usize + 1) * frame;
            let what = format!("{codec:?}, after {after} frames");
            assert!(level_dbov(&sound[end - 2 * frame..end - frame]) > -12.0, "{what}: it was loud");
            let rest = &sound[end + late..];
            let left = level_dbov(&rest[..frame]);
            assert!(left < -45.0, "{what}: {left} dBov in the frame after");
            assert!(level_dbov(&rest[frame..2 * frame]) < -55.0, "{what}");
            // A sine's own steepest step, and a quarter for the codec's noise.
            let own = 32_767.0 * 0.355 * 1.414 * std::f32::consts::TAU * 370.0 / rate as f32;
            let step = largest_step(&sound[end - frame - 8..]);
            assert!((step as f32) < own * 1.25, "{what}: a step of {step}, where the sound has {own}");
            // What is recorded is what was said.
            assert!(level_dbov(&recorded.said[end..]) < -90.0 && level_dbov(&recorded.said[..end]) > -14.0);
        }
    }
}

#[test]
fn music_goes_round_without_a_gap_until_it_is_stopped() {
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        let mut rig = Rig::new(codec);
        let music = Clip::new(tone::steady((400.0, 400.0), -12.0, 8_000).into(), &[codec]);
        rig.slot.play(rig.now, PlaybackId(1), Arc::new(music), Repeat::Forever);
        rig.run(10_000);
        let sound = decoded(codec, &rig.sent);
        let quietest =
            sound[rate as usize / 10..].chunks(rate as usize / 50).map(level_dbov).fold(0.0, f32::min);
        assert!(quietest > -14.5, "{codec:?}: {quietest} dBov");
        rig.slot.stop(rig.now);
        rig.run(1_000);
        let recorded = rig.end();
        assert!(level_dbov(&recorded.said[rate as usize * 102 / 10..]) < -90.0);
    }
}
