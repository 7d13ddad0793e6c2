//! Legs of different codecs and rates that hear each other.

use super::{thread::Thread, *};

/// The tones of three far ends, and of a whisper.
const TONES: [f32; 4] = [500.0, 900.0, 1_300.0, 2_100.0];
/// Of a tone of -18 dBov 0.178 is full; a codec and a resampler take little of it.
const THERE: f32 = 0.14;
/// At the edge of what a codec's own noise puts there.
const GONE: f32 = 0.01;

fn is_as(what: &str, got: [f32; 4], wanted: [bool; 4]) {
    let fits = |(a, there): (f32, bool)| if there { a > THERE } else { a < GONE };
    assert!(got.into_iter().zip(wanted).all(fits), "{what}: {got:?}, and it should be {wanted:?}");
}

#[test]
fn three_of_three_codecs_hear_the_other_two_and_a_whisper_is_for_one() {
    for codecs in [
        [Codec::Pcma, Codec::G722, Codec::Opus],
        [Codec::Opus, Codec::Pcmu, Codec::Pcma],
        [Codec::G722, Codec::Opus, Codec::G722],
    ] {
        let mut thread = Thread::new(false);
        // Ours and the far end's, three times.
        let pairs = codecs.map(|codec| thread.pair(codec));
        let ours = pairs.map(|p| p[0]);
        for ([_, far], tone) in pairs.into_iter().zip(TONES) {
            thread.hums(far, tone, 9_000, -18.0);
        }
        thread.run(500);
        thread.join(&ours);
        thread.run(1_500);
        // From 2 s on, for the first alone.
        thread.hums(ours[0], TONES[3], 1_500, -18.0);
        thread.run(2_000);
        // At 4 s one goes, at 6 s it comes again.
        thread.leave(ours[2]);
        thread.run(2_000);
        thread.join(&ours);
        thread.run(2_000);
        let ended = thread.end();
        let far = pairs.map(|p| &ended[p[1]]);
        let own = ours.map(|n| &ended[n]);
        let what = |n: usize, when: &str| format!("far end {n} of {codecs:?} {when}");
        for n in 0..3 {
            let others = |_| [0, 1, 2].map(|k| k != n);
            let [a, b, c] = others(n);
            is_as(&what(n, "joined"), far[n].hears(1_300, TONES), [a, b, c, false]);
            is_as(&what(n, "while one is whispered to"), far[n].hears(2_600, TONES), [a, b, c, n == 0]);
            let two = if n == 2 { [false; 4] } else { [n != 0, n != 1, false, false] };
            is_as(&what(n, "without the third"), far[n].hears(4_800, TONES), two);
            is_as(&what(n, "joined anew"), far[n].hears(7_200, TONES), [a, b, c, false]);
            // Our recording has the far end on the left and all that it heard on the right.
            is_as(&what(n, "as recorded, left"), own[n].hears(2_600, TONES), [!a, !b, !c, false]);
            is_as(&what(n, "as recorded, right"), own[n].said(2_600, TONES), [a, b, c, n == 0]);
        }
        for e in &ended {
            let stats = e.stats.as_ref().unwrap();
            assert_eq!((stats.discarded, stats.unrecorded, stats.send_errors), (0, 0, 0), "{codecs:?}");
        }
    }
}

#[test]
fn opus_made_of_telephones_sound_is_coded_as_a_telephones_and_of_anything_wider_as_that() {
    for (others, wide) in [(vec![Codec::Pcma], false), (vec![Codec::Pcma, Codec::G722], true)] {
        let mut thread = Thread::new(false);
        let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        sink.set_nonblocking(true).unwrap();
        let leg = thread.open(Codec::Opus);
        thread.start(leg, Remote::plain(sink.local_addr().unwrap(), Codec::Opus, 96));
        let mut joined = vec![leg];
        for codec in &others {
            let [near, far] = thread.pair(*codec);
            thread.hums(far, 900.0, 3_000, -12.0);
            joined.push(near);
        }
        thread.join(&joined);
        thread.run(3_000);
        let mut bytes = [0; 512];
        let payloads = std::iter::from_fn(|| {
            let len = sink.recv(&mut bytes).ok()?;
            Packet::parse(&bytes[..len]).ok().map(|packet| packet.payload[0] >> 3)
        });
        // RFC 6716, Table 2: the first four configurations are SILK of a telephone's band.
        let narrow = payloads.skip(50).map(|config| config < 4).collect::<Vec<_>>();
        assert!(narrow.len() > 90 && narrow.iter().all(|narrow| *narrow != wide), "{others:?}: {narrow:?}");
    }
}

#[test]
fn a_third_listens_whispers_joins_and_takes_over_without_a_gap_for_the_first() {
    let mut thread = Thread::new(false);
    let pairs = [Codec::Pcma, Codec::Opus, Codec::Opus].map(|codec| thread.pair(codec));
    let [callee, agent, third] = pairs.map(|p| p[0]);
    for ([_, far], tone) in pairs.into_iter().zip(TONES) {
        thread.hums(far, tone, 9_500, -18.0);
    }
    thread.run(500);
    // It listens; from 2 s on it whispers, from 4 s on it is heard by all, from 6 s on it has the agent's place.
    thread.hear(&[(callee, &[agent]), (agent, &[callee]), (third, &[callee, agent])]);
    thread.run(1_500);
    thread.hear(&[(callee, &[agent]), (agent, &[callee, third]), (third, &[callee, agent])]);
    thread.run(2_000);
    thread.hear(&[(callee, &[agent, third]), (agent, &[callee, third]), (third, &[callee, agent])]);
    thread.run(2_000);
    thread.hear(&[(callee, &[third]), (third, &[callee])]);
    thread.leave(agent);
    thread.run(2_000);
    thread.leave(third);
    thread.run(1_000);
    let ended = thread.end();
    let far = |n: usize, from| ended[pairs[n][1]].hears(from, TONES);
    for (from, when, [first, second, third]) in [
        (1_000, "listening", [[false, true, false], [true, false, false], [true, true, false]]),
        (2_700, "whispering", [[false, true, false], [true, false, true], [true, true, false]]),
        (4_700, "joined", [[false, true, true], [true, false, true], [true, true, false]]),
        (6_700, "in the agent's place", [[false, false, true], [false; 3], [true, false, false]]),
        (8_400, "gone", [[false; 3], [false; 3], [false; 3]]),
    ] {
        for (n, heard) in [first, second, third].into_iter().enumerate() {
            let [a, b, c] = heard;
            is_as(&format!("far end {n} while it is {when}"), far(n, from), [a, b, c, false]);
        }
    }
    // Whoever changes hears on: the agent's voice is there on both sides of each change.
    for from in [1_700, 3_700] {
        let [_, agent, ..] = far(0, from);
        assert!(agent > THERE, "the callee hears the agent through the change at {from} ms: {agent}");
    }
    for e in &ended {
        let stats = e.stats.as_ref().unwrap();
        assert_eq!((stats.discarded, stats.unrecorded, stats.send_errors), (0, 0, 0));
    }
}
