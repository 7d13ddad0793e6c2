//! Far ends that put 10 to 60 ms into a packet, and that change their mind.

use waihu_audio::tone;

use super::*;

fn hears_it_all(codec: Codec, lengths_ms: &[u64]) {
    let mut rig = Rig::new(codec);
    let mut far = FarEnd::new(codec);
    let rate = codec.sample_rate_hz();
    // Begins between two ticks, as everybody does.
    let mut at = BEGIN + Duration::from_millis(107);
    let sound = tone::sine(1_000.0, 1_200 * lengths_ms.len() as u32, -12.0, rate);
    for (piece, ms) in sound.chunks(1_200 * rate as usize / 1_000).zip(lengths_ms) {
        at = far.says_all(&mut rig, at, piece, *ms);
    }
    // Silence follows, as it does in a call.
    let last = lengths_ms[lengths_ms.len() - 1];
    far.says_all(&mut rig, at, &vec![0; rate as usize * 6 / 10], last);
    rig.run(600 + 1_200 * lengths_ms.len() as u64);
    let recorded = rig.end();
    let loud = recorded.loud(rate);
    let (wanted, what) = (sound.len(), format!("{codec:?}, {lengths_ms:?} ms"));
    // Long packets want a longer delay, and the first of them comes by so much later: that is made good by
    // sound that is stretched or shortened.
    let change_ms = lengths_ms.windows(2).map(|w| w[1].abs_diff(w[0])).sum::<u64>();
    let near = (40 + change_ms) as usize * rate as usize / 1_000;
    assert!(loud.len().abs_diff(wanted) <= near, "{what}: {} of {wanted}", loud.len());
    let begin = recorded.heard.iter().position(|s| s.unsigned_abs() > 3_000).unwrap();
    let steady = &recorded.heard[begin + rate as usize / 20..][..wanted - rate as usize / 5];
    for (n, tenth) in steady.chunks_exact(rate as usize / 10).enumerate() {
        let amplitude = tone::amplitude_at(tenth, 1_000.0, rate);
        assert!(amplitude > 0.3, "{what}: {amplitude} in tenth {n}");
    }
    assert_eq!((recorded.stats.lost, recorded.stats.discarded, recorded.stats.late), (0, 0, 0), "{what}");
    assert!(
        recorded.stats.quality.is_some_and(|q| q.loss <= change_ms as f32 / 2_400.0),
        "{what}: {:?}",
        recorded.stats
    );
}

#[test]
fn packets_of_10_to_60_ms_are_heard_whole() {
    for codec in Codec::ALL {
        for ms in [10, 20, 40, 60] {
            hears_it_all(codec, &[ms]);
        }
    }
    for codec in [Codec::Pcma, Codec::G722] {
        hears_it_all(codec, &[30]);
    }
}

#[test]
fn a_change_of_length_in_mid_call_costs_no_sound() {
    for codec in Codec::ALL {
        for lengths in [[40, 20], [20, 40], [20, 60], [60, 10], [10, 40]] {
            hears_it_all(codec, &lengths);
        }
    }
}
