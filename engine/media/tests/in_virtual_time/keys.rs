//! Keys, as events in each form that RFC 4733 allows and devices have, and as tones.

use waihu_audio::tone;
use waihu_rtp::DtmfEvent;

use super::*;

fn pressed(recorded: &Recorded) -> Vec<(char, u32)> {
    let key = |e: &MediaEvent| match e {
        MediaEvent::Dtmf { digit, duration_ms } => Some((*digit, *duration_ms)),
        _ => None,
    };
    recorded.events.iter().filter_map(key).collect()
}

/// One press of '5' in packets of 20 ms, and sound around it; what is heard of keys.
fn hears(
    codec: Codec,
    change: impl Fn(Remote) -> Remote,
    number: u8,
    hz: u32,
    press: &[(u16, bool)],
) -> Recorded {
    let rate = codec.sample_rate_hz();
    let (mut rig, mut far) = (Rig::with(codec, change), FarEnd::new(codec));
    let sound = tone::sine(1_000.0, 400, -12.0, rate);
    let mut at = far.says_all(&mut rig, BEGIN, &sound, 20);
    let timestamp = far.timestamp;
    for (frames, end) in press {
        let duration = (u32::from(*frames) * hz / 50).min(65_535) as u16;
        let event = DtmfEvent { code: 5, end: *end, volume: 10, duration };
        at = at + TICK;
        let bytes = far.wrap(number, &event.to_bytes(), 0);
        rig.comes(at, bytes);
    }
    far.timestamp = timestamp.wrapping_add(codec.frame_ticks() * press.len() as u32);
    at = far.says_all(&mut rig, at, &sound, 20);
    rig.run(at.since(BEGIN).as_millis() as u64 + 100);
    rig.end()
}

#[test]
fn a_press_is_told_once_under_every_number_and_whatever_of_it_is_lost() {
    let press: Vec<(u16, bool)> = (1..=5).map(|n| (n, false)).chain([(6, true); 3]).collect();
    for codec in Codec::ALL {
        let hz = codec.clock_rate_hz();
        for number in (97..=127).chain(if codec == Codec::Opus { None } else { Some(96) }) {
            for agreed in [Some(101), Some(number)] {
                let got = hears(codec, |r| Remote { dtmf_payload_type: agreed, ..r }, number, hz, &press);
                assert_eq!(pressed(&got), [('5', 120)], "{codec:?}, {number}");
                assert_eq!((got.stats.lost, got.stats.discarded), (0, 0), "{codec:?}, {number}");
            }
        }
        for (what, some, ms) in [
            ("without an end", &press[..5], 100),
            ("an end alone", &press[7..], 120),
            ("without its first half", &press[3..], 120),
        ] {
            let got = hears(codec, |r| Remote { dtmf_payload_type: Some(101), ..r }, 101, hz, some);
            assert_eq!(pressed(&got), [('5', ms)], "{codec:?}, {what}");
        }
    }
}

#[test]
fn keys_beside_opus_have_either_clock() {
    let press: Vec<(u16, bool)> = (1..=5).map(|n| (n, false)).chain([(6, true); 3]).collect();
    for hz in [8_000, 48_000] {
        let change = |r| Remote { dtmf_payload_type: Some(101), dtmf_clock_hz: hz, ..r };
        assert_eq!(pressed(&hears(Codec::Opus, change, 101, hz, &press)), [('5', 120)], "{hz} Hz");
    }
}

#[test]
fn a_press_of_more_than_eight_seconds_is_one() {
    for codec in [Codec::Pcma, Codec::G722] {
        let (mut rig, mut far) = (Rig::new(codec), FarEnd::new(codec));
        far.says_all(&mut rig, BEGIN, &vec![0; codec.sample_rate_hz() as usize / 5], 20);
        let mut at = BEGIN + TICK * 10;
        // 8.2 s, which 16 bits hold at 8 kHz, and a second segment of 1.8 s.
        for (segment, packets) in [(65_535_u32, 410_u32), (14_400, 90)] {
            for n in 1..=packets {
                let duration = (n * 160).min(segment) as u16;
                let end = segment < 65_535 && n == packets;
                let bytes = far.wrap(101, &DtmfEvent { code: 5, end, volume: 10, duration }.to_bytes(), 0);
                rig.comes(at, bytes);
                at = at + TICK;
            }
            far.timestamp = far.timestamp.wrapping_add(segment);
        }
        rig.run(10_500);
        let recorded = rig.end();
        assert_eq!(pressed(&recorded), [('5', (65_535 + 14_400) / 8)], "{codec:?}");
        // What is pressed instead of sound is no loss, and no noise.
        assert!(recorded.heard.iter().all(|s| s.unsigned_abs() < 300), "{codec:?}");
    }
}

#[test]
fn tones_in_the_sound_are_keys_where_they_are_to_be_and_only_there() {
    for codec in Codec::ALL {
        let rate = codec.sample_rate_hz();
        for wanted in [true, false] {
            let mut rig = Rig::with(codec, |r| Remote { inband_keys: wanted, ..r });
            let mut far = FarEnd::new(codec);
            let mut sound = Vec::new();
            for key in "159#".chars() {
                sound.extend(tone::dual(tone::dtmf(key).unwrap(), 120, -16.0, rate));
                sound.extend(vec![0; rate as usize * 8 / 100]);
            }
            far.says_all(&mut rig, BEGIN, &sound, 20);
            rig.run(1_000);
            let told: String = pressed(&rig.end()).iter().map(|k| k.0).collect();
            assert_eq!(told, if wanted { "159#" } else { "" }, "{codec:?}");
        }
    }
}

/// What another slot hears of what one sends.
fn heard_by_another(
    codec: Codec,
    change: impl Fn(Remote) -> Remote,
    say: impl FnOnce(Rig) -> Rig,
) -> Recorded {
    let mut a = say(Rig::unbegun(codec, SSRC, None, &change));
    let mut b = Rig::with(codec, &change);
    for _ in 0..120 {
        a.tick();
        for bytes in std::mem::take(&mut a.sent) {
            b.comes(a.now, bytes);
        }
        b.tick();
    }
    b.end()
}

#[test]
fn keys_that_we_send_are_heard_as_events_and_as_tones_with_every_codec() {
    for codec in Codec::ALL {
        for early in [false, true] {
            let as_events = |r| Remote { dtmf_payload_type: Some(101), ..r };
            // Before it is known how the far end takes keys and at what rate, and after.
            let say = |a: Rig| {
                let mut a = if early { a } else { a.begun() };
                a.slot.send_dtmf("1 5#");
                if early { a.begun() } else { a }
            };
            let mut b = heard_by_another(codec, as_events, say);
            assert_eq!(pressed(&b), [('1', 160), ('5', 160), ('#', 160)], "{codec:?}");
            assert_eq!((b.stats.lost, b.stats.discarded), (0, 0), "{codec:?}");
            let as_tones = |r| Remote { inband_keys: true, ..r };
            b = heard_by_another(codec, as_tones, say);
            let told: String = pressed(&b).iter().map(|k| k.0).collect();
            assert_eq!(told, "15#", "{codec:?}, asked for early: {early}");
        }
    }
}

#[test]
fn tones_that_wait_keep_their_pitch_when_the_codec_changes() {
    for (first, second) in [(Codec::Pcma, Codec::Opus), (Codec::G722, Codec::Pcmu)] {
        let keys = |r| Remote { inband_keys: true, ..r };
        let b = heard_by_another(second, keys, |mut a| {
            a.slot.start(a.now, Remote::plain(a.far, first, number_of(first)));
            a.slot.send_dtmf("159#");
            a.begun()
        });
        let told: String = pressed(&b).iter().map(|k| k.0).collect();
        assert_eq!(told, "159#", "{first:?} to {second:?}");
    }
}

#[test]
fn a_key_that_is_down_when_the_clock_changes_is_told() {
    let (mut rig, mut far) = (Rig::new(Codec::Pcma), FarEnd::new(Codec::Pcma));
    far.says_all(&mut rig, BEGIN, &[0; 800], 20);
    let event = DtmfEvent { code: 5, end: false, volume: 10, duration: 800 };
    let bytes = far.wrap(101, &event.to_bytes(), 0);
    rig.comes(BEGIN + TICK * 6, bytes);
    rig.run(120);
    rig.slot.start(rig.now, Remote::plain(rig.far, Codec::Opus, 96));
    let key = rig.events.try_iter().find_map(|(_, e)| match e {
        MediaEvent::Dtmf { digit, .. } => Some(digit),
        _ => None,
    });
    assert_eq!(key, Some('5'));
}

#[test]
fn an_offer_turns_keys_in_the_sound_on_and_off_and_another_codec_keeps_them() {
    // Before, after, and with which codec after.
    for (before, after, codec) in [
        (false, true, Codec::Pcma),
        (true, false, Codec::Pcma),
        (true, true, Codec::Opus),
        (false, true, Codec::G722),
    ] {
        let mut rig = Rig::with(Codec::Pcma, |r| Remote { inband_keys: before, ..r });
        FarEnd::new(Codec::Pcma).says_all(&mut rig, BEGIN, &[0; 1_600], 20);
        rig.run(300);
        rig.slot
            .start(rig.now, Remote { inband_keys: after, ..Remote::plain(rig.far, codec, number_of(codec)) });
        let rate = codec.sample_rate_hz();
        let sound = [tone::dual((770.0, 1_336.0), 160, -16.0, rate), vec![0; rate as usize / 5]].concat();
        let mut far = FarEnd { sequence: 65_510, ..FarEnd::new(codec) };
        let at = rig.now;
        far.says_all(&mut rig, at, &sound, 20);
        for _ in 0..20 {
            rig.tick();
        }
        let told: Vec<char> = rig
            .events
            .try_iter()
            .filter_map(|(_, e)| match e {
                MediaEvent::Dtmf { digit, .. } => Some(digit),
                _ => None,
            })
            .collect();
        assert_eq!(told, if after { vec!['5'] } else { vec![] }, "{before}, {after}, {codec:?}");
    }
}

#[test]
fn what_was_counted_before_another_codec_stays_counted() {
    let mut rig = Rig::new(Codec::Pcma);
    let mut far = FarEnd::new(Codec::Pcma);
    for n in 0..50 {
        let bytes = far.says(&[0; 160]);
        rig.comes(BEGIN + TICK * n, bytes.clone());
        rig.comes(BEGIN + TICK * n, bytes);
    }
    rig.run(1_000);
    rig.slot.start(rig.now, Remote::plain(rig.far, Codec::G722, 9));
    let mut wide = FarEnd { sequence: far.sequence, ..FarEnd::new(Codec::G722) };
    let at = rig.now;
    wide.says_all(&mut rig, at, &[0; 3_200], 20);
    rig.run(200);
    let stats = rig.slot.wind_up(rig.now);
    assert_eq!((stats.duplicate, stats.received, stats.lost), (50, 110, 0));
}
