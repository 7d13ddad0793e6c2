//! What one side locks the other unlocks: this room and rtc-srtp, in every suite, over wraps of the sequence
//! number, with packets lost, late and of every shape.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;

use proptest::prelude::*;
use rtc_srtp::context::Context;
use rtc_srtp::crypto::default_provider;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;
use waihu_srtp::{Lock, MAX_GROWTH, Unlock};
use waihu_types::{SrtpKey, SrtpSuite};

fn key(suite: SrtpSuite) -> SrtpKey {
    let keying: Vec<u8> = (0..suite.key_len() + suite.salt_len()).map(|n| (n * 37 + 11) as u8).collect();
    SrtpKey::new(suite, &keying).unwrap()
}

fn theirs(key: &SrtpKey) -> Context {
    let profile = match key.suite() {
        SrtpSuite::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        SrtpSuite::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
        SrtpSuite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        SrtpSuite::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
    };
    let provider = default_provider().unwrap();
    let (rtp, rtcp) = (Some(srtp_replay_protection(128)), Some(srtcp_replay_protection(128)));
    Context::new(key.key(), key.salt(), profile, rtp, rtcp, provider.crypto()).unwrap()
}

/// The shape of an RTP packet.
#[derive(Clone, Copy, Debug)]
struct Shape {
    csrcs: u8,
    extension_words: Option<u8>,
    payload: u8,
    padded: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    (0_u8..16, prop::option::of(0_u8..9), 0_u8..=200, any::<bool>()).prop_map(
        |(csrcs, extension_words, payload, padded)| Shape {
            csrcs,
            extension_words,
            payload,
            padded: padded && payload > 0,
        },
    )
}

fn rtp(sequence: u16, ssrc: u32, shape: Shape) -> Vec<u8> {
    let first =
        0x80 | u8::from(shape.padded) << 5 | u8::from(shape.extension_words.is_some()) << 4 | shape.csrcs;
    let mut packet = vec![first, 0x80 | 8];
    packet.extend(sequence.to_be_bytes());
    packet.extend(u32::from(sequence).wrapping_mul(160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    (0..shape.csrcs).for_each(|n| packet.extend([n, 1, 2, 3]));
    if let Some(words) = shape.extension_words {
        packet.extend([0x12, 0x34, 0, words]);
        (0..words).for_each(|n| packet.extend([n, 0, 0, n]));
    }
    packet.extend((0..shape.payload).map(|n| n ^ sequence as u8));
    if shape.padded {
        *packet.last_mut().unwrap() = 1;
    }
    packet
}

/// A sender report, and more behind it.
fn rtcp(n: u8, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 200, 0, 6];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([n; 20]);
    packet.extend([0x81, 202, 0, 2, n, n, n, n, 1, 2, b'w', b'h']);
    packet
}

fn locked(len: usize, packet: &[u8], lock: impl FnOnce(&mut [u8], usize) -> usize) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(len + MAX_GROWTH, 0xee);
    let new_len = lock(&mut buffer, len);
    buffer.truncate(new_len);
    buffer
}

fn unlocked(packet: &[u8], unlock: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    let new_len = unlock(&mut buffer);
    buffer.truncate(new_len);
    buffer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Packets in all shapes, from any sequence number; octet for octet the same.
    #[test]
    fn every_shape_of_packet_is_locked_octet_for_octet_alike(
        suite in prop::sample::select(SrtpSuite::ALL.to_vec()),
        first in 0..65_500_u16,
        shapes in prop::collection::vec(shape(), 1..20),
    ) {
        let key = key(suite);
        let (mut lock, mut unlock) = (Lock::new(&key).unwrap(), Unlock::new(&key).unwrap());
        let (mut their_lock, mut their_unlock) = (theirs(&key), theirs(&key));
        for (n, shape) in (0_u16..).zip(shapes) {
            let plain = rtp(first + n, 0xcafe_babe, shape);
            let packet = locked(plain.len(), &plain, |buffer, len| lock.rtp(buffer, len).unwrap());
            prop_assert_eq!(&packet[..], &their_lock.encrypt_rtp(&plain).unwrap()[..]);
            prop_assert_eq!(&plain[..], &their_unlock.decrypt_rtp(&packet).unwrap()[..]);
            prop_assert_eq!(unlocked(&packet, |packet| unlock.rtp(packet).unwrap()), plain);
        }
    }
}

/// A simple generator: every run is the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Two wraps and a half, a tenth of the packets lost, a tenth up to 40 packets late.
#[test]
fn wraps_are_followed_through_loss_and_disorder() {
    const SHAPE: Shape = Shape { csrcs: 0, extension_words: None, payload: 40, padded: false };
    for suite in SrtpSuite::ALL {
        let key = key(suite);
        let (mut lock, mut unlock) = (Lock::new(&key).unwrap(), Unlock::new(&key).unwrap());
        let mut their_unlock = theirs(&key);
        let (mut their_lock, mut their_packets_unlock) = (theirs(&key), Unlock::new(&key).unwrap());
        let (mut dice, mut late, mut arrived) = (Dice(0x5eed), VecDeque::new(), 0);
        for n in 20_000_u32..180_000 {
            let plain = rtp(n as u16, 7, SHAPE);
            let packet = locked(plain.len(), &plain, |buffer, len| lock.rtp(buffer, len).unwrap());
            let their_packet = their_lock.encrypt_rtp(&plain).unwrap();
            let fate = dice.below(10);
            let mut ready = Vec::new();
            match fate {
                0 => {}
                1 => late.push_back((n + 1 + dice.below(40) as u32, plain, packet, their_packet)),
                _ => ready.push((plain, packet, their_packet)),
            }
            while let Some(at) = late.iter().position(|(due, ..)| *due <= n) {
                let (_, plain, packet, their_packet) = late.remove(at).unwrap();
                ready.push((plain, packet, their_packet));
            }
            for (plain, packet, their_packet) in ready {
                assert_eq!(their_unlock.decrypt_rtp(&packet).unwrap(), plain, "{suite:?} {n}");
                assert_eq!(unlocked(&packet, |packet| unlock.rtp(packet).unwrap()), plain, "{suite:?} {n}");
                let theirs = unlocked(&their_packet, |packet| their_packets_unlock.rtp(packet).unwrap());
                assert_eq!(theirs, plain, "{suite:?} {n}");
                arrived += 1;
            }
        }
        assert!(arrived > 140_000, "{arrived}");
    }
}

#[test]
fn rtcp_goes_both_ways_in_every_suite() {
    for suite in SrtpSuite::ALL {
        let key = key(suite);
        let (mut lock, mut unlock) = (Lock::new(&key).unwrap(), Unlock::new(&key).unwrap());
        let (mut their_lock, mut their_unlock) = (theirs(&key), theirs(&key));
        for n in 0..200_u8 {
            let plain = rtcp(n, 1 + u32::from(n % 2));
            let packet = locked(plain.len(), &plain, |buffer, len| lock.rtcp(buffer, len).unwrap());
            assert_eq!(their_unlock.decrypt_rtcp(&packet).unwrap(), plain, "{suite:?} {n}");
            let theirs = their_lock.encrypt_rtcp(&plain).unwrap();
            assert_eq!(unlocked(&theirs, |packet| unlock.rtcp(packet).unwrap()), plain, "{suite:?} {n}");
            assert_eq!(packet.len(), theirs.len());
            assert!(packet.len() <= plain.len() + MAX_GROWTH);
        }
    }
}

/// The packet that libsrtp's own validation uses, with the key of RFC 3711's appendix B.3.
#[test]
fn a_packet_of_libsrtp_is_locked_as_it_locks_it() {
    let keying = hex::decode("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6").unwrap();
    let key = SrtpKey::new(SrtpSuite::AesCm128HmacSha1_80, &keying).unwrap();
    let plain = hex::decode("800f1234decafbadcafebabeabababababababababababababababab").unwrap();
    let packet =
        locked(plain.len(), &plain, |buffer, len| Lock::new(&key).unwrap().rtp(buffer, len).unwrap());
    let known = "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb";
    assert_eq!(hex::encode(packet), known);
}
