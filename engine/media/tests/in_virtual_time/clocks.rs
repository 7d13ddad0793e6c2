//! Far ends whose clock runs fast or slow.

use waihu_audio::tone;

use super::*;

/// A minute of a tone from a clock that is off by `ppm`.
fn a_minute(codec: Codec, ms: u64, ppm: i64) {
    let mut rig = Rig::new(codec);
    let mut far = FarEnd::new(codec);
    let rate = codec.sample_rate_hz();
    let sound = tone::sine(400.0, 1_200, -12.0, rate);
    let frame = ms as usize * rate as usize / 1_000;
    let pieces: Vec<&[i16]> = sound.chunks_exact(frame).collect();
    // A clock that is fast has less of our time in a packet.
    let step_us = (ms as i64 * 1_000 * 1_000_000 / (1_000_000 + ppm)) as u64;
    for n in 0..60_000 / ms {
        let bytes = far.says(pieces[n as usize % pieces.len()]);
        rig.comes(BEGIN + Duration::from_micros(step_us * (n + 1)), bytes);
    }
    rig.run(59_000);
    let recorded = rig.end();
    let what = format!("{codec:?}, {ms} ms, {ppm} ppm");
    let quality = recorded.stats.quality.unwrap();
    assert!(quality.buffer_ms <= 160.0, "{what}: {} ms are held", quality.buffer_ms);
    assert_eq!(quality.loss, 0.0, "{what}: sound was made up");
    let stats = &recorded.stats;
    assert_eq!((stats.lost, stats.late, stats.underruns), (0, 0, 0), "{what}");
    let second = rate as usize;
    let quietest = recorded.heard[second..].chunks_exact(second / 20).map(level_dbov).fold(0.0, f32::min);
    assert!(quietest > -20.0, "{what}: a hole, {quietest} dBov");
}

#[test]
fn a_clock_that_is_off_by_a_hundredth_makes_no_hole_and_no_growing_delay() {
    for codec in Codec::ALL {
        for ms in [10, 20, 60] {
            for ppm in [10_000, -10_000] {
                a_minute(codec, ms, ppm);
            }
        }
    }
}
