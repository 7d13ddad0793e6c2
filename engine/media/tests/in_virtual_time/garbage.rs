//! What is no telephone sound, as fast as it may come.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use waihu_audio::tone;

use super::*;

/// Datagrams that mean nothing: of any length, and with the beginnings that something else has.
fn garbage(chance: &mut StdRng) -> Vec<u8> {
    let len = chance.random_range(0..200_usize);
    let mut bytes: Vec<u8> = (0..len).map(|_| chance.random()).collect();
    let begin: &[u8] = match chance.random_range(0..10) {
        // Four sources that are not there; an extension of 256 kB; padding without end; another version.
        0 => &[0x84, 8],
        1 => &[0x90, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9, 0xBE, 0xDE, 0xFF, 0xFF],
        2 => &[0xA0, 8],
        3 => &[0x40, 8],
        // RTCP whose lengths lie, STUN, DTLS, a word of SIP.
        4 => &[0x81, 200, 0xFF, 0xFF],
        5 => &[0x81, 203, 0, 0],
        6 => &[0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42],
        7 => &[22, 254, 253, 0, 0],
        8 => b"OPTIONS sip:",
        _ => &[],
    };
    let n = begin.len().min(bytes.len());
    bytes[..n].copy_from_slice(&begin[..n]);
    bytes
}

#[test]
fn garbage_a_hundred_times_as_dense_as_sound_changes_no_sample() {
    for codec in Codec::ALL {
        let sound = tone::sine(1_000.0, 2_000, -12.0, codec.sample_rate_hz());
        let mut heard = Vec::new();
        for rounds in [0, 100] {
            let mut rig = Rig::new(codec);
            let mut far = FarEnd::new(codec);
            let mut chance = StdRng::seed_from_u64(7);
            far.says_all(&mut rig, BEGIN, &sound, 20);
            let stranger = "198.51.100.7:4000".parse().unwrap();
            for n in 0..100 * rounds {
                let at = BEGIN + Duration::from_micros(n * 20_000 / rounds);
                // Whose address nobody has spoken from yet, is believed at its first word.
                let from = if n % 2 == 0 && n > rounds { rig.far } else { stranger };
                let bytes = garbage(&mut chance);
                rig.comes_from(from, at, bytes);
            }
            rig.run(2_100);
            let recorded = rig.end();
            assert_eq!(recorded.stats.discarded, 100 * rounds, "{codec:?}");
            assert_eq!((recorded.stats.received, recorded.stats.lost), (100, 0), "{codec:?}");
            heard.push(recorded.heard);
        }
        assert!(heard[0] == heard[1], "{codec:?}: the same sound with it and without");
        let rate = codec.sample_rate_hz();
        let middle = &heard[0][rate as usize / 2..3 * rate as usize / 2];
        assert!(tone::amplitude_at(middle, 1_000.0, rate) > 0.3);
    }
}

#[test]
fn packets_with_bits_turned_over_and_ends_cut_off_leave_a_call_that_goes_on() {
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        let mut rig = Rig::with(codec, |r| Remote { dtmf_payload_type: Some(101), inband_keys: true, ..r });
        let mut far = FarEnd::new(codec);
        let mut chance = StdRng::seed_from_u64(11);
        let sound = tone::sine(1_000.0, 20, -12.0, rate);
        for n in 0..2_000_u64 {
            let mut bytes = far.says(&sound);
            for _ in 0..chance.random_range(0..4) {
                let at = chance.random_range(0..bytes.len() * 8);
                bytes[at / 8] ^= 1 << (at % 8);
            }
            if chance.random_range(0..4) == 0 {
                bytes.truncate(chance.random_range(0..bytes.len()));
            }
            rig.comes(BEGIN + TICK * n as u32, bytes);
        }
        rig.run(40_000);
        // Whole again: it is heard as ever.
        let at = rig.now;
        far.says_all(&mut rig, at, &tone::sine(1_000.0, 3_000, -12.0, rate), 20);
        rig.run(2_900);
        let recorded = rig.end();
        let end = &recorded.heard[recorded.heard.len() - rate as usize / 2..];
        let amplitude = tone::amplitude_at(end, 1_000.0, rate);
        assert!(amplitude > 0.3, "{codec:?}: {amplitude}");
    }
}
