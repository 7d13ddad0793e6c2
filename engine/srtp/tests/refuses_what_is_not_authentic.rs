//! Nothing that was not locked with the key is unlocked, nothing twice, and no packet of any kind makes the
//! session panic or forget.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use waihu_srtp::{Lock, MAX_GROWTH, SrtpError, Unlock};
use waihu_types::{SrtpKey, SrtpSuite};

fn key(suite: SrtpSuite, seed: u8) -> SrtpKey {
    let keying: Vec<u8> = (0..suite.key_len() + suite.salt_len()).map(|n| n as u8 ^ seed).collect();
    SrtpKey::new(suite, &keying).unwrap()
}

fn pair(suite: SrtpSuite) -> (Lock, Unlock) {
    (Lock::new(&key(suite, 1)).unwrap(), Unlock::new(&key(suite, 1)).unwrap())
}

fn rtp(lock: &mut Lock, sequence: u16, ssrc: u8) -> Vec<u8> {
    let mut buffer = vec![0x80, 8];
    buffer.extend(sequence.to_be_bytes());
    buffer.extend([0, 0, 0, 1, 0, 0, 0, ssrc]);
    buffer.extend([sequence as u8; 40]);
    let len = buffer.len();
    buffer.resize(len + MAX_GROWTH, 0);
    let new_len = lock.rtp(&mut buffer, len).unwrap();
    buffer.truncate(new_len);
    buffer
}

fn rtcp(lock: &mut Lock, ssrc: u8) -> Vec<u8> {
    let mut buffer = vec![0x81, 201, 0, 7, 0, 0, 0, ssrc];
    buffer.extend([9; 24]);
    let len = buffer.len();
    buffer.resize(len + MAX_GROWTH, 0);
    let new_len = lock.rtcp(&mut buffer, len).unwrap();
    buffer.truncate(new_len);
    buffer
}

/// Each bit, one at a time: refused, and the true packet is taken afterwards.
#[test]
fn one_changed_bit_is_refused_and_leaves_no_trace() {
    for suite in SrtpSuite::ALL {
        let (mut lock, mut unlock) = pair(suite);
        let (packet, report) = (rtp(&mut lock, 9, 1), rtcp(&mut lock, 1));
        for bit in 0..packet.len() * 8 {
            let mut forged = packet.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(unlock.rtp(&mut forged).is_err(), "{suite:?} {bit}");
        }
        for bit in 0..report.len() * 8 {
            let mut forged = report.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(unlock.rtcp(&mut forged).is_err(), "{suite:?} {bit}");
        }
        assert_eq!(unlock.rtp(&mut packet.clone()), Ok(52), "{suite:?}");
        assert_eq!(unlock.rtcp(&mut report.clone()), Ok(32), "{suite:?}");
    }
}

#[test]
fn every_shortened_packet_is_refused() {
    for suite in SrtpSuite::ALL {
        let (mut lock, mut unlock) = pair(suite);
        let (packet, report) = (rtp(&mut lock, 9, 1), rtcp(&mut lock, 1));
        (0..packet.len()).for_each(|len| assert!(unlock.rtp(&mut packet[..len].to_vec()).is_err()));
        (0..report.len()).for_each(|len| assert!(unlock.rtcp(&mut report[..len].to_vec()).is_err()));
    }
}

#[test]
fn another_key_opens_nothing() {
    for suite in SrtpSuite::ALL {
        let mut lock = Lock::new(&key(suite, 1)).unwrap();
        let mut unlock = Unlock::new(&key(suite, 2)).unwrap();
        assert_eq!(unlock.rtp(&mut rtp(&mut lock, 1, 1)), Err(SrtpError::Forged));
        assert_eq!(unlock.rtcp(&mut rtcp(&mut lock, 1)), Err(SrtpError::Forged));
    }
}

#[test]
fn a_packet_is_taken_once_even_over_the_wrap() {
    for suite in SrtpSuite::ALL {
        let (mut lock, mut unlock) = pair(suite);
        let packets: Vec<Vec<u8>> =
            (65_500_u32..65_600).map(|sequence| rtp(&mut lock, sequence as u16, 1)).collect();
        // Every second one first, then the others, which are late by up to a hundred.
        for packet in packets.iter().step_by(2).chain(packets.iter().skip(1).step_by(2)) {
            assert_eq!(unlock.rtp(&mut packet.clone()), Ok(52));
        }
        for packet in &packets {
            assert_eq!(unlock.rtp(&mut packet.clone()), Err(SrtpError::Replayed), "{suite:?}");
        }
        let report = rtcp(&mut lock, 1);
        assert_eq!(unlock.rtcp(&mut report.clone()), Ok(32));
        assert_eq!(unlock.rtcp(&mut report.clone()), Err(SrtpError::Replayed));
    }
}

/// What was sent 65,536 packets ago has the same sequence number, and another tag.
#[test]
fn a_packet_of_the_last_round_is_not_taken_for_this_one() {
    for suite in SrtpSuite::ALL {
        let (mut lock, mut unlock) = pair(suite);
        let old = rtp(&mut lock, 1_000, 1);
        assert_eq!(unlock.rtp(&mut old.clone()), Ok(52));
        for sequence in 1_001_u32..66_535 {
            unlock.rtp(&mut rtp(&mut lock, sequence as u16, 1)).unwrap();
        }
        assert_eq!(unlock.rtp(&mut old.clone()), Err(SrtpError::Forged));
        assert_eq!(unlock.rtp(&mut rtp(&mut lock, 1_000, 1)), Ok(52));
    }
}

/// The same key stream upon two texts gives both away.
#[test]
fn no_sequence_number_is_locked_twice() {
    let (mut lock, _) = pair(SrtpSuite::AesCm128HmacSha1_80);
    let mut buffer = [0x80; 80];
    assert_eq!(lock.rtp(&mut buffer, 40), Ok(50));
    let mut buffer = [0x80; 80];
    assert_eq!(lock.rtp(&mut buffer, 40), Err(SrtpError::Replayed));
    assert_eq!(buffer, [0x80; 80]);
}

#[test]
fn a_buffer_without_room_is_left_as_it_is() {
    for suite in SrtpSuite::ALL {
        let (mut lock, _) = pair(suite);
        for (room, len) in [(60, 60), (63, 60), (10, 20)] {
            let mut buffer = vec![0x80; room];
            assert_eq!(lock.rtp(&mut buffer, len), Err(SrtpError::NoRoom));
            assert_eq!(lock.rtcp(&mut buffer, len), Err(SrtpError::NoRoom));
            assert_eq!(buffer, vec![0x80; room]);
        }
    }
}

/// Eight sources have state; forged ones take none of it away.
#[test]
fn sources_are_bounded_and_forgeries_take_no_place() {
    for suite in SrtpSuite::ALL {
        let (mut lock, mut unlock) = pair(suite);
        for ssrc in 100..200 {
            let mut forged = rtp(&mut Lock::new(&key(suite, 3)).unwrap(), 5, ssrc);
            assert_eq!(unlock.rtp(&mut forged), Err(SrtpError::Forged));
        }
        for ssrc in 0..8 {
            assert_eq!(unlock.rtp(&mut rtp(&mut lock, 5, ssrc)), Ok(52));
        }
        let mut ninth = rtp(&mut Lock::new(&key(suite, 1)).unwrap(), 5, 8);
        assert_eq!(unlock.rtp(&mut ninth), Err(SrtpError::TooManySources));
        assert_eq!(unlock.rtp(&mut rtp(&mut lock, 6, 0)), Ok(52));
    }
}

/// With AES-CM the bit is authenticated like all else; GCM would need another tag, and is not asked.
#[test]
fn rtcp_that_says_it_is_clear_is_refused() {
    for (suite, from_the_end, reason) in [
        (SrtpSuite::AesCm128HmacSha1_80, 14, SrtpError::Forged),
        (SrtpSuite::AeadAes128Gcm, 4, SrtpError::Unenciphered),
    ] {
        let (mut lock, mut unlock) = pair(suite);
        let mut report = rtcp(&mut lock, 1);
        let index_at = report.len() - from_the_end;
        assert_eq!(report[index_at], 0x80);
        report[index_at] = 0;
        assert_eq!(unlock.rtcp(&mut report), Err(reason));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        suite in prop::sample::select(SrtpSuite::ALL.to_vec()),
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        version_2 in any::<bool>(),
        len in 0_usize..260,
    ) {
        if let (true, Some(first)) = (version_2, bytes.first_mut()) {
            *first = 0x80 | *first & 0x3f;
        }
        let (mut lock, mut unlock) = pair(suite);
        prop_assert!(unlock.rtp(&mut bytes.clone()).is_err());
        prop_assert!(unlock.rtcp(&mut bytes.clone()).is_err());
        let _ = lock.rtp(&mut bytes.clone(), len);
        let _ = lock.rtcp(&mut bytes.clone(), len);
    }
}
