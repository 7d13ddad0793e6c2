//! SRTP: what is locked is heard and said, and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use waihu_audio::tone;
use waihu_codec::Decoder;
use waihu_srtp::{Lock, Unlock};
use waihu_types::{SrtpKey, SrtpSuite};

use super::*;
use crate::{Security, playback::Repeat};

fn key(suite: SrtpSuite, n: u8) -> SrtpKey {
    SrtpKey::new(suite, &vec![n; suite.key_len() + suite.salt_len()]).unwrap()
}

fn locked(mut lock: impl FnMut(&mut [u8], usize) -> usize, mut packet: Vec<u8>) -> Vec<u8> {
    let len = packet.len();
    packet.resize(len + 40, 0);
    let len = lock(&mut packet, len);
    packet.truncate(len);
    packet
}

/// A far end that locks what it says.
struct Locked {
    far: FarEnd,
    lock: Lock,
}

impl Locked {
    fn new(codec: Codec, key: SrtpKey) -> Self {
        Self { far: FarEnd::new(codec), lock: Lock::new(&key).unwrap() }
    }

    fn says(&mut self, sound: &[i16]) -> Vec<u8> {
        let lock = &mut self.lock;
        locked(|bytes, len| lock.rtp(bytes, len).unwrap(), self.far.says(sound))
    }

    /// So many packets of a tone, from now on, one each tick.
    fn hums(&mut self, rig: &mut Rig, frequency: f32, packets: u32) {
        let rate = self.far.encoder.codec().sample_rate_hz();
        let frame = rate as usize / 50;
        for (n, piece) in tone::sine(frequency, packets * 20, -12.0, rate).chunks(frame).enumerate() {
            let bytes = self.says(piece);
            rig.comes(rig.now + TICK * (n as u32 + 1), bytes);
        }
    }
}

fn rig(codec: Codec, ours: SrtpKey, theirs: SrtpKey) -> Rig {
    Rig::with(codec, |r| Remote { security: Security::Srtp { ours, theirs }, ..r })
}

fn level_at(recorded: &Recorded, codec: Codec, second: f32, frequency: f32) -> f32 {
    let rate = codec.sample_rate_hz();
    let at = (second * rate as f32) as usize;
    tone::amplitude_at(&recorded.heard[at..at + rate as usize / 2], frequency, rate)
}

#[test]
fn every_suite_is_heard_and_said_with_every_codec() {
    for suite in SrtpSuite::ALL {
        for codec in Codec::ALL {
            let (ours, theirs) = (key(suite, 1), key(suite, 2));
            let rate = codec.sample_rate_hz();
            let mut rig = rig(codec, ours, theirs);
            let mut far = Locked::new(codec, theirs);
            let clip = crate::Clip::new(tone::sine(500.0, 2_000, -12.0, 8_000).into(), &[codec]);
            rig.slot.play(rig.now, crate::PlaybackId(1), clip.into(), Repeat::Once);
            far.hums(&mut rig, 1_000.0, 100);
            rig.run(2_000);
            let (mut unlock, mut decoder) = (Unlock::new(&ours).unwrap(), Decoder::new(codec).unwrap());
            let mut said = Vec::new();
            for mut bytes in std::mem::take(&mut rig.sent) {
                let len = unlock.rtp(&mut bytes).unwrap();
                let mut sound = [0; waihu_codec::MAX_SAMPLES];
                let n = decoder.decode(Packet::parse(&bytes[..len]).unwrap().payload, &mut sound).unwrap();
                said.extend(&sound[..n]);
            }
            assert_eq!(said.len(), 2 * rate as usize);
            let said = tone::amplitude_at(&said[rate as usize / 2..], 500.0, rate);
            let recorded = rig.end();
            let heard = level_at(&recorded, codec, 1.0, 1_000.0);
            assert!(heard > 0.3 && said > 0.3, "{suite:?}, {codec:?}: {heard} heard, {said} said");
            assert_eq!((recorded.stats.discarded, recorded.stats.lost), (0, 0));
        }
    }
}

#[test]
fn another_key_or_none_is_silence_and_is_counted() {
    for suite in SrtpSuite::ALL {
        let (ours, theirs) = (key(suite, 1), key(suite, 2));
        for plain in [false, true] {
            let mut rig = rig(Codec::Pcma, ours, theirs);
            let mut other = Locked::new(Codec::Pcma, key(suite, 3));
            if plain {
                other.far.says_all(&mut rig, BEGIN, &tone::sine(1_000.0, 1_000, -12.0, 8_000), 20);
            } else {
                other.hums(&mut rig, 1_000.0, 50);
            }
            rig.run(1_100);
            let recorded = rig.end();
            assert!(recorded.heard.iter().all(|s| *s == 0), "{suite:?}");
            assert_eq!((recorded.stats.discarded, recorded.stats.received), (50, 0), "{suite:?}");
        }
    }
}

#[test]
fn while_keys_are_awaited_nothing_is_sent_or_heard_in_the_clear() {
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    let (ours, theirs) = (key(suite, 1), key(suite, 2));
    let mut rig = Rig::with(Codec::Pcma, |r| Remote { security: Security::Awaited, ..r });
    FarEnd::new(Codec::Pcma).says_all(&mut rig, BEGIN, &tone::sine(600.0, 1_000, -12.0, 8_000), 20);
    rig.run(1_000);
    assert!(rig.sent.is_empty());
    rig.slot.keys(rig.now, &ours, &theirs);
    Locked::new(Codec::Pcma, theirs).hums(&mut rig, 1_000.0, 50);
    rig.run(1_000);
    let mut unlock = Unlock::new(&ours).unwrap();
    assert!(rig.sent.len() == 50 && rig.sent.iter_mut().all(|p| unlock.rtp(p).is_ok()));
    let stats = rig.slot.wind_up(rig.now);
    assert_eq!((stats.discarded, stats.received), (50, 50));
}

#[test]
fn an_offer_with_the_same_keys_goes_on_counting_and_a_new_key_takes_over_each_way() {
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    let codec = Codec::Pcma;
    let [ours, theirs, new] = [1, 2, 3].map(|n| key(suite, n));
    // Offered again: the same, another of ours, another of theirs.
    for (ours_then, theirs_then) in [(ours, theirs), (new, theirs), (ours, new)] {
        let mut rig = rig(codec, ours, theirs);
        let mut far = Locked::new(codec, theirs);
        // Its numbers wrap in the first second, so that its index counts beyond them.
        far.hums(&mut rig, 600.0, 50);
        rig.run(1_000);
        let security = Security::Srtp { ours: ours_then, theirs: theirs_then };
        rig.slot.start(rig.now, Remote { security, ..rig.remote.clone() });
        let before = rig.sent.len();
        let mut stale = None;
        if theirs_then != theirs {
            stale = Some(far.says(&[9_000; 160]));
            far.lock = Lock::new(&theirs_then).unwrap();
        }
        far.hums(&mut rig, 1_000.0, 50);
        rig.comes(rig.now, stale.clone().unwrap_or_default());
        rig.run(1_000);
        let mut unlock = Unlock::new(&ours).unwrap();
        for (n, packet) in rig.sent.iter_mut().enumerate() {
            if n == before && ours_then != ours {
                unlock = Unlock::new(&ours_then).unwrap();
            }
            assert!(unlock.rtp(packet).is_ok(), "packet {n} of ours");
        }
        let recorded = rig.end();
        let heard = level_at(&recorded, codec, 1.4, 1_000.0);
        assert!(heard > 0.3, "{heard} of what was locked after");
        assert_eq!(recorded.stats.discarded, 1, "an empty datagram, or one locked with the key before");
        assert!(recorded.stats.received == 100);
    }
}

#[test]
fn our_count_goes_on_beyond_a_wrap_when_only_the_far_ends_key_is_new() {
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    let [ours, theirs, new] = [1, 2, 3].map(|n| key(suite, n));
    let mut rig = rig(Codec::Pcma, ours, theirs);
    let mut unlock = Unlock::new(&ours).unwrap();
    // Its beginning is a matter of chance, and so is when it wraps.
    let (mut after, mut count) = (0, 0);
    while after < 100 {
        rig.tick();
        count += 1;
        for mut packet in std::mem::take(&mut rig.sent) {
            let number = u16::from_be_bytes([packet[2], packet[3]]);
            after += u32::from(after > 0 || number == 0);
            assert!(unlock.rtp(&mut packet).is_ok(), "packet {count}, {after} behind the wrap");
        }
        if after == 50 {
            let security = Security::Srtp { ours, theirs: new };
            rig.slot.start(rig.now, Remote { security, ..rig.remote.clone() });
        }
        assert!(count < 65_700, "it wraps at last");
    }
}

#[test]
fn a_packet_that_was_held_back_or_is_sent_again_moves_no_sound_elsewhere() {
    let suite = SrtpSuite::AeadAes128Gcm;
    let (ours, theirs) = (key(suite, 1), key(suite, 2));
    let mut rig = rig(Codec::Pcma, ours, theirs);
    let mut far = Locked::new(Codec::Pcma, theirs);
    let elsewhere = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let thief = elsewhere.local_addr().unwrap();
    for n in 0..50_u32 {
        let bytes = far.says(&[1_000; 160]);
        // The last that comes before a tick is the thief's.
        let (at, late) = (BEGIN + TICK * n, Duration::from_millis(10));
        match n {
            20 => rig.comes_from(thief, at + TICK * 3 + late, bytes),
            30 => {
                rig.comes(at + late / 2, bytes.clone());
                rig.comes_from(thief, at + late, bytes);
            }
            _ => rig.comes(at + late / 2, bytes),
        }
    }
    rig.run(1_000);
    assert!(elsewhere.recv(&mut [0; 512]).is_err() && rig.sent.len() == 50);
    // But a far end that moves is followed at its next word.
    let bytes = far.says(&[1_000; 160]);
    rig.comes_from(thief, rig.now, bytes);
    rig.run(20);
    assert!(elsewhere.recv(&mut [0; 512]).is_ok());
}

/// Falls when it is let go of.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a test's own fault");
    }
}

#[test]
fn a_recording_has_a_last_chunk_also_where_its_leg_falls() {
    let ((full, filled), (give, empty)) = (unbounded(), unbounded());
    give.send(Box::new(StereoChunk::new(8_000))).unwrap();
    let bomb = Bomb;
    let taps = Taps {
        heard: Some(Box::new(move |_: &crate::Heard<'_>| std::ptr::addr_of!(bomb).is_aligned())),
        stereo: Some(StereoTap { recording: 1, rate_hz: 8_000, full, empty, paused: Default::default() }),
        events: Box::new(|_, _| ()),
    };
    let mut slot = Slot::new(Sockets::Shared, SSRC, taps, Duration::from_secs(60));
    assert!(catch_unwind(AssertUnwindSafe(|| slot.wind_up(BEGIN))).is_err());
    drop(slot);
    assert!(filled.try_recv().is_ok_and(|c| c.is_last()));
}
