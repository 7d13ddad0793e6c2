//! Far ends that prove where they are: who is answered, where ours goes, and what costs nothing.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use waihu_audio::tone;
use waihu_srtp::{
    Lock,
    stun::{self, Nomination},
};
use waihu_types::{SrtpKey, SrtpSuite};

use super::{thread::Thread, *};
use crate::{IceCredentials, Security};

const UFRAG: &str = "evtj";
const PWD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

fn ours() -> IceCredentials {
    IceCredentials { ufrag: UFRAG.to_owned(), pwd: PWD.to_owned() }
}

fn check(username: &str, pwd: &str) -> Vec<u8> {
    let mut bytes = vec![0; 160];
    let len = stun::check([7; 12], username, pwd, Nomination::Nominated, &mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}

fn right() -> Vec<u8> {
    check("evtj:far", PWD)
}

fn is_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(&[1, 1])
}

/// One whose far end has said nothing of where it is, as a browser's description.
fn rig() -> Rig {
    let mut rig =
        Rig::unbegun(Codec::Pcma, SSRC, None, |r| Remote { address: "0.0.0.0:9".parse().unwrap(), ..r });
    rig.slot.expect_checks(ours());
    rig.begun()
}

/// What came to the far end since this was asked last: answers, and packets.
fn came(rig: &mut Rig) -> [usize; 2] {
    let sent = std::mem::take(&mut rig.sent);
    let answers = sent.iter().filter(|bytes| is_answer(bytes)).count();
    [answers, sent.len() - answers]
}

#[test]
fn sound_goes_to_who_proves_that_it_is_the_far_end_and_stops_half_a_minute_after_the_last_proof() {
    let mut rig = rig();
    rig.run(1_000);
    assert_eq!(came(&mut rig), [0, 0], "nobody is known to listen");
    rig.comes(rig.now, right());
    rig.run(1_000);
    assert_eq!(came(&mut rig), [1, 50]);
    rig.run(40_000);
    assert_eq!(came(&mut rig), [0, 1_449], "less than 30 s in all");
    let told = |rig: &Rig, wanted: &MediaEvent| rig.events.try_iter().filter(|(_, e)| e == wanted).count();
    assert_eq!(told(&rig, &MediaEvent::ConsentLost), 1);
    rig.comes(rig.now, right());
    rig.run(1_000);
    assert_eq!(came(&mut rig), [1, 50]);
    assert_eq!(told(&rig, &MediaEvent::ConsentRenewed), 1);
}

#[test]
fn what_comes_from_where_no_check_came_from_is_not_heard() {
    let mut rig = rig();
    rig.comes(rig.now, right());
    let (mut far, mut stranger) = (FarEnd::new(Codec::Pcma), FarEnd { ssrc: 10, ..FarEnd::new(Codec::Pcma) });
    far.says_all(&mut rig, BEGIN, &tone::sine(1_000.0, 1_000, -12.0, 8_000), 20);
    for (n, piece) in tone::sine(600.0, 1_000, -6.0, 8_000).chunks(160).enumerate() {
        let bytes = stranger.says(piece);
        rig.comes_from("192.0.2.9:4000".parse().unwrap(), BEGIN + TICK * n as u32, bytes);
    }
    rig.run(1_000);
    let recorded = rig.end();
    assert_eq!((recorded.stats.received, recorded.stats.discarded), (50, 50));
    assert!(tone::amplitude_at(&recorded.heard[4_000..], 600.0, 8_000) < 0.01);
}

/// Wrong passwords, other slots' names, cut ones, changed ones, noise, checks without credentials.
#[test]
fn no_check_that_is_not_whole_and_ours_is_answered_or_moves_the_sound() {
    let mut chance = StdRng::seed_from_u64(41);
    let mut rig = rig();
    let elsewhere: SocketAddr = "127.0.0.1:9".parse().unwrap();
    rig.comes(rig.now, right());
    rig.run(20);
    assert_eq!(came(&mut rig), [1, 1]);
    let mut hostile = 0;
    for n in 0..2_000 {
        let bytes = match n % 6 {
            0 => check("evtj:far", "VOkJxbRl1RmTxUk/WvJxBu"),
            1 => check(&format!("{}:far", ["evt", "evtk", "evtjj", ""][chance.random_range(0..4)]), PWD),
            2 => right()[..chance.random_range(1..right().len())].to_vec(),
            3 => {
                let mut bytes = right();
                let bit = chance.random_range(0..bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            }
            4 => (0..chance.random_range(1..200)).map(|_| chance.random_range(0..4)).collect(),
            _ => {
                // An indication and an answer, whole but for their kind.
                let mut bytes = right();
                bytes[..2].copy_from_slice(&[chance.random_range(0..2), 0x11]);
                bytes
            }
        };
        hostile += 1;
        rig.comes_from(elsewhere, rig.now + Duration::from_millis(n % 20), bytes);
        if n % 20 == 19 {
            rig.tick();
        }
    }
    rig.tick();
    assert_eq!(came(&mut rig), [0, 101], "and the sound goes where it went");
    let recorded = rig.end();
    assert_eq!(recorded.stats.discarded, hostile);
    assert!(recorded.events.iter().all(|e| !matches!(e, MediaEvent::Handshake { .. })));
}

#[test]
fn a_slot_that_expects_no_checks_answers_none() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.comes(rig.now, right());
    rig.run(20);
    assert_eq!(came(&mut rig), [0, 1]);
    let recorded = rig.end();
    assert_eq!((recorded.stats.discarded, recorded.events.contains(&MediaEvent::ConsentLost)), (1, false));
}

#[test]
fn a_handshake_is_taken_from_where_checks_came_from_alone() {
    let mut rig = rig();
    rig.remote.security = Security::Awaited;
    rig.slot.start(BEGIN, rig.remote.clone());
    let hello = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0].to_vec();
    rig.comes(rig.now, hello.clone());
    rig.run(20);
    rig.comes(rig.now, right());
    rig.comes(rig.now, hello.clone());
    rig.comes_from("192.0.2.9:4000".parse().unwrap(), rig.now, hello);
    rig.run(20);
    let shaken: Vec<SocketAddr> = rig
        .events
        .try_iter()
        .filter_map(|(_, e)| if let MediaEvent::Handshake { from, .. } = e { Some(from) } else { None })
        .collect();
    assert_eq!(shaken, [rig.far]);
    let stranger = "192.0.2.9:4000".parse().unwrap();
    assert_eq!(rig.slot.handshake_target(rig.now, rig.far), Some(rig.far));
    assert_eq!(rig.slot.handshake_target(rig.now, stranger), Some(rig.far), "and goes nowhere else");
}

#[test]
fn whoever_begins_anew_has_other_credentials_and_keys_and_the_old_ones_are_worth_nothing() {
    let key = |n| SrtpKey::new(SrtpSuite::AeadAes128Gcm, &[n; 28]).unwrap();
    let mut rig = rig();
    rig.remote.security = Security::Awaited;
    rig.slot.start(BEGIN, rig.remote.clone());
    rig.comes(rig.now, right());
    rig.slot.keys(rig.now, &key(1), &key(2));
    rig.run(1_000);
    assert_eq!(came(&mut rig), [1, 50]);

    let anew = IceCredentials { ufrag: "anew".to_owned(), pwd: "x".repeat(24) };
    rig.slot.expect_checks(anew.clone());
    rig.comes(rig.now, right());
    rig.run(1_000);
    assert_eq!(came(&mut rig), [0, 0], "neither the old name nor the old keys");
    rig.comes(rig.now, check("anew:far", &anew.pwd));
    rig.run(1_000);
    assert_eq!(came(&mut rig), [1, 0], "answered, and the keys are awaited");
    rig.slot.start(rig.now, rig.remote.clone());
    rig.slot.keys(rig.now, &key(3), &key(4));
    // Its own stream begins anew as well.
    let mut far = FarEnd { ssrc: 77, sequence: 5, ..FarEnd::new(Codec::Pcma) };
    let mut lock = Lock::new(&key(4)).unwrap();
    for (n, piece) in tone::sine(1_000.0, 1_000, -12.0, 8_000).chunks(160).enumerate() {
        let mut bytes = far.says(piece);
        let len = bytes.len();
        bytes.resize(len + 40, 0);
        let len = lock.rtp(&mut bytes, len).unwrap();
        rig.comes(rig.now + TICK * (n as u32 + 1), bytes[..len].to_vec());
    }
    rig.run(1_000);
    assert_eq!(came(&mut rig), [0, 50]);
    let recorded = rig.end();
    let end = &recorded.heard[recorded.heard.len() - 4_000..];
    assert!(tone::amplitude_at(end, 1_000.0, 8_000) > 0.3);
}

#[test]
fn on_a_shared_port_a_check_finds_its_slot_by_the_name_that_it_calls() {
    let mut thread = Thread::new(true);
    let at = "0.0.0.0:9".parse().unwrap();
    let legs: Vec<usize> = (0..3).map(|_| thread.open(Codec::Pcma)).collect();
    let far: Vec<UdpSocket> =
        legs.iter().map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    for leg in &legs {
        let ours = IceCredentials { ufrag: format!("leg{leg}"), pwd: PWD.to_owned() };
        thread.expect_checks(*leg, ours);
        thread.start(*leg, Remote::plain(at, Codec::Pcma, 8));
        thread.hums(*leg, 400.0 + 200.0 * *leg as f32, 2_000, -12.0);
    }
    let port = thread.address(legs[0]);
    let mut said: Vec<FarEnd> = legs.iter().map(|_| FarEnd::new(Codec::Pcma)).collect();
    let voices: Vec<Vec<i16>> =
        legs.iter().map(|leg| tone::sine(500.0 + 200.0 * *leg as f32, 2_000, -12.0, 8_000)).collect();
    thread.run_with(2_000, |ms| {
        for (leg, socket) in far.iter().enumerate() {
            if ms % 500 == 0 {
                let bytes = check(&format!("leg{leg}:far"), PWD);
                assert!(socket.send_to(&bytes, port).is_ok());
                // Of a slot that is not there.
                assert!(socket.send_to(&check("leg9:far", PWD), port).is_ok());
            }
            if ms % 20 == 0 {
                let begin = ms as usize * 8;
                let bytes = said[leg].says(&voices[leg][begin..begin + 160]);
                assert!(socket.send_to(&bytes, port).is_ok());
            }
        }
    });
    assert_eq!(thread.load().strangers, 12);
    for (leg, socket) in far.iter().enumerate() {
        socket.set_nonblocking(true).unwrap();
        let (mut answers, mut packets, mut bytes) = (0, 0, [0; 512]);
        while let Ok(len) = socket.recv(&mut bytes) {
            answers += usize::from(is_answer(&bytes[..len]));
            packets += usize::from(!is_answer(&bytes[..len]));
        }
        assert!(answers == 4 && packets >= 98, "leg {leg}: {answers} answers, {packets} packets");
    }
    for (leg, ended) in thread.end().iter().enumerate() {
        let tones = [500.0, 700.0, 900.0];
        let heard = ended.hears(1_000, tones);
        for (n, level) in heard.into_iter().enumerate() {
            assert!(if n == leg { level > 0.3 } else { level < 0.01 }, "leg {leg}: {heard:?}");
        }
    }
}

#[test]
fn a_flood_of_checks_costs_neither_that_call_nor_another() {
    let mut thread = Thread::new(false);
    let [other, humming] = thread.pair(Codec::Pcma);
    let victim = thread.open(Codec::Pcma);
    thread.expect_checks(victim, ours());
    thread.start(victim, Remote::plain("0.0.0.0:9".parse().unwrap(), Codec::Pcma, 8));
    thread.hums(humming, 1_000.0, 3_000, -12.0);
    let at = thread.address(victim);
    let [far, stranger] = [(); 2].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let (forged, proof) = (check("evtj:far", "another's password is this"), right());
    let mut voice = FarEnd::new(Codec::Pcma);
    let sound = tone::sine(700.0, 2_000, -12.0, 8_000);
    thread.run_with(2_000, |ms| {
        if ms % 500 == 0 {
            assert!(far.send_to(&proof, at).is_ok());
        }
        if ms % 20 == 0 {
            assert!(far.send_to(&voice.says(&sound[ms as usize * 8..][..160]), at).is_ok());
        }
        (0..4).for_each(|_| assert!(stranger.send_to(&forged, at).is_ok()));
    });
    let ended = thread.end();
    let stats = ended[victim].stats.as_ref().unwrap();
    assert!(stats.discarded >= 7_900 && stats.lost == 0, "{stats:?}");
    for (leg, frequency) in [(victim, 700.0), (other, 1_000.0)] {
        let [heard] = ended[leg].hears(1_000, [frequency]);
        assert!(heard > 0.34, "leg {leg}: {heard}");
    }
    far.set_nonblocking(true).unwrap();
    let packets = std::iter::from_fn(|| far.recv(&mut [0; 512]).ok()).count();
    assert!(packets >= 102, "{packets} datagrams came back");
    stranger.set_nonblocking(true).unwrap();
    assert!(stranger.recv(&mut [0; 512]).is_err(), "and none to whoever has no password");
}
