//! Payloads that are not as long as they should be.

use waihu_audio::tone;

use super::*;

/// What a far end may put where 20 ms of a codec should be, and whether it can be that codec's at all.
fn lies(codec: Codec) -> Vec<(Vec<u8>, bool)> {
    let mut lies = vec![(vec![], false)];
    if codec == Codec::Opus {
        lies.extend([
            // 120 ms at once; 125; 48 frames of 2.5 ms; 63 of them; none; a length beyond the end; too long.
            (vec![0x08 | 3, 6, 1, 2, 3, 4, 5, 6], false),
            (vec![0x18 | 3, 2, 7, 7, 7, 7], true),
            (vec![0x18 | 3, 3, 7, 7, 7, 7], false),
            (vec![0x80 | 3, 48], true),
            (vec![0x80 | 3, 63], false),
            (vec![0x80 | 3, 0], false),
            (vec![0x80 | 2, 251, 255, 1], false),
            (vec![0x80; 1_472], false),
            (vec![0x80 | 3, 0x41, 255, 255, 255], false),
        ]);
        lies[1].1 = true;
    } else {
        lies.extend(
            [(1, true), (3, true), (159, true), (1_472, true), (1_600, true), (1_601, false)]
                .map(|(n, is_one): (usize, bool)| (vec![0xD5; n], is_one)),
        );
    }
    lies
}

#[test]
fn payloads_whose_sizes_lie_never_stop_a_call_and_the_impossible_ones_are_counted() {
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        for (n, (payload, is_one)) in lies(codec).into_iter().enumerate() {
            let what = format!("{codec:?}, lie {n} of {} bytes", payload.len());
            let mut rig = Rig::new(codec);
            let mut far = FarEnd::new(codec);
            let at = far.says_all(&mut rig, BEGIN, &tone::sine(1_000.0, 600, -12.0, rate), 20);
            let ticks = codec.frame_ticks();
            for k in 0..5 {
                let bytes = far.wrap(number_of(codec), &payload, ticks);
                rig.comes(at + TICK * k, bytes);
            }
            let at = at + TICK * 5;
            far.says_all(&mut rig, at, &tone::sine(1_000.0, 9_000, -12.0, rate), 20);
            rig.run(9_600);
            let recorded = rig.end();
            assert_eq!(recorded.stats.discarded, if is_one { 0 } else { 5 }, "{what}");
            let [begin, end] = [0, recorded.heard.len() - rate as usize / 2]
                .map(|at| &recorded.heard[at + rate as usize / 10..][..rate as usize * 2 / 5]);
            for part in [begin, end] {
                let amplitude = tone::amplitude_at(part, 1_000.0, rate);
                assert!(amplitude > 0.3, "{what}: {amplitude}");
            }
            let held = recorded.stats.quality.unwrap().buffer_ms;
            assert!(held <= 120.0, "{what}: {held} ms are held at the end");
        }
    }
}

#[test]
fn padding_is_no_sound_and_more_of_it_than_there_is_payload_is_no_packet() {
    let codec = Codec::Pcma;
    let mut heard = Vec::new();
    for padding in [0, 4, 173, 255] {
        let (mut rig, mut far) = (Rig::new(codec), FarEnd::new(codec));
        for (n, piece) in tone::sine(1_000.0, 1_000, -12.0, 8_000).chunks(160).enumerate() {
            let mut bytes = far.says(piece);
            if padding > 0 {
                bytes[0] |= 0x20;
                bytes.extend([0, 0, 0, padding]);
            }
            rig.comes(BEGIN + TICK * n as u32, bytes);
        }
        rig.run(1_000);
        let recorded = rig.end();
        let whole = padding <= 4;
        assert_eq!(recorded.stats.discarded, if whole { 0 } else { 50 }, "{padding}");
        heard.push(recorded.heard);
    }
    assert!(heard[0] == heard[1] && tone::amplitude_at(&heard[0], 1_000.0, 8_000) > 0.3);
    assert!(heard[2].iter().chain(&heard[3]).all(|s| *s == 0));
}
