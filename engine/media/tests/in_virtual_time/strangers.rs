//! Packets from where the far end is not, and source numbers that two have.

use waihu_audio::tone;

use super::*;

fn is_the_tone_alone(codec: Codec, recorded: &Recorded, what: &str) {
    let rate = codec.sample_rate_hz();
    let middle = &recorded.heard[rate as usize / 2..rate as usize * 3 / 2];
    let (ours, other) = (tone::amplitude_at(middle, 1_000.0, rate), tone::amplitude_at(middle, 600.0, rate));
    assert!(ours > 0.3 && other < 0.01, "{codec:?}, {what}: {ours} of the far end, {other} of another");
}

#[test]
fn who_knows_number_and_source_but_not_the_address_is_not_heard() {
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        for from in ["198.51.100.7:4000", "127.0.0.1:9", "127.0.0.2:4000"] {
            let mut rig = Rig::new(codec);
            let (mut far, mut stranger) = (FarEnd::new(codec), FarEnd::new(codec));
            far.says_all(&mut rig, BEGIN, &tone::sine(1_000.0, 2_000, -12.0, rate), 20);
            // A packet ahead of each of the far end's, with the number that is expected next.
            for (n, piece) in tone::sine(600.0, 2_000, -6.0, rate).chunks(rate as usize / 50).enumerate() {
                let bytes = stranger.says(piece);
                let at = BEGIN + TICK * n as u32 + Duration::from_millis(15);
                rig.comes_from(from.parse().unwrap(), at, bytes);
            }
            rig.run(2_000);
            assert!(rig.sent.len() == 100, "all of ours goes to the far end");
            let recorded = rig.end();
            is_the_tone_alone(codec, &recorded, from);
            assert_eq!((recorded.stats.discarded, recorded.stats.received), (100, 100), "{codec:?}, {from}");
        }
    }
}

#[test]
fn a_far_end_that_has_our_own_source_number_is_heard() {
    // An echo, or chance: either way its packets come from the far end's address.
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        let mut rig = Rig::new(codec);
        let mut far = FarEnd { ssrc: SSRC, ..FarEnd::new(codec) };
        far.says_all(&mut rig, BEGIN, &tone::sine(1_000.0, 2_000, -12.0, rate), 20);
        rig.run(2_000);
        let recorded = rig.end();
        is_the_tone_alone(codec, &recorded, "our number");
        assert_eq!((recorded.stats.discarded, recorded.stats.lost), (0, 0));
    }
}

#[test]
fn of_two_that_send_from_one_address_the_first_is_heard() {
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        for ssrc in [9, 10] {
            let mut rig = Rig::new(codec);
            let mut far = FarEnd::new(codec);
            let mut other = FarEnd { ssrc, sequence: 30_000, timestamp: 77, ..FarEnd::new(codec) };
            far.says_all(&mut rig, BEGIN, &tone::sine(1_000.0, 2_000, -12.0, rate), 20);
            let late = BEGIN + Duration::from_millis(7);
            other.says_all(&mut rig, late, &tone::sine(600.0, 1_960, -6.0, rate), 20);
            rig.run(2_000);
            let recorded = rig.end();
            is_the_tone_alone(codec, &recorded, &format!("source {ssrc}"));
            assert_eq!((recorded.stats.discarded, recorded.stats.received), (98, 100), "{codec:?}, {ssrc}");
        }
    }
}

#[test]
fn a_source_that_begins_anew_is_heard_from_its_second_packet_on() {
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        let mut rig = Rig::new(codec);
        let mut far = FarEnd::new(codec);
        let at = far.says_all(&mut rig, BEGIN, &tone::sine(600.0, 1_000, -12.0, rate), 20);
        let mut anew = FarEnd { ssrc: 77, sequence: 5, timestamp: 900_000, ..FarEnd::new(codec) };
        anew.says_all(&mut rig, at, &tone::sine(1_000.0, 1_500, -12.0, rate), 20);
        rig.run(2_400);
        let recorded = rig.end();
        let end = &recorded.heard[rate as usize * 6 / 5..];
        assert!(tone::amplitude_at(end, 1_000.0, rate) > 0.3, "{codec:?}");
        let hole = recorded.heard[rate as usize / 2..rate as usize * 9 / 5]
            .chunks(rate as usize / 100)
            .filter(|f| level_dbov(f) < -30.0)
            .count();
        assert!(hole <= 10, "{codec:?}: {hole} of 10 ms are missing");
        assert_eq!(recorded.stats.discarded, 1, "{codec:?}");
    }
}
