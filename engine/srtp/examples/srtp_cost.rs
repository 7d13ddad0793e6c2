//! What locking and unlocking cost: ns per packet of 172 bytes (20 ms of G.711) in either direction, for
//! each suite, by this room and by rtc-srtp, and the bytes a session takes. Then what a certificate, a
//! handshake (both sides together) and an answer to a connectivity check cost.
//!
//! `cargo run --release -p waihu-srtp --example srtp_cost`

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::time::Instant;

use rtc_srtp::context::Context;
use rtc_srtp::crypto::default_provider;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;
use waihu_srtp::stun::{MAX_ANSWER, answer};
use waihu_srtp::{Certificate, Handshake, Lock, MAX_GROWTH, Role, Unlock};
use waihu_types::{SrtpKey, SrtpSuite};

/// Header and payload of 20 ms of G.711 [bytes].
const PACKET: usize = 172;
/// Packets of a run, within one wrap count.
const PACKETS: u16 = 50_000;
/// The request of RFC 5769, 2.1.
const CHECK: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
/// Runs, of which the quickest counts.
const RUNS: usize = 9;

type Packets = Vec<([u8; PACKET + MAX_GROWTH], usize)>;

fn plain() -> Packets {
    (0..PACKETS)
        .map(|sequence| {
            let mut packet = [sequence as u8; PACKET + MAX_GROWTH];
            packet[..2].copy_from_slice(&[0x80, 0]);
            packet[2..4].copy_from_slice(&sequence.to_be_bytes());
            packet[8..12].copy_from_slice(&[1, 2, 3, 4]);
            (packet, PACKET)
        })
        .collect()
}

/// The quickest of all runs [ns a packet].
fn quickest(mut run: impl FnMut() -> f64) -> f64 {
    (0..RUNS).map(|_| run()).fold(f64::MAX, f64::min)
}

fn ns_per_packet(begun: Instant) -> f64 {
    begun.elapsed().as_nanos() as f64 / f64::from(PACKETS)
}

fn ours(key: &SrtpKey) -> (f64, f64) {
    let mut locked = plain();
    let lock = quickest(|| {
        let (mut session, mut packets) = (Lock::new(key).unwrap(), plain());
        let begun = Instant::now();
        for (packet, len) in &mut packets {
            *len = session.rtp(packet, *len).unwrap();
        }
        let ns = ns_per_packet(begun);
        locked = packets;
        ns
    });
    let unlock = quickest(|| {
        let (mut session, mut packets) = (Unlock::new(key).unwrap(), locked.clone());
        let begun = Instant::now();
        for (packet, len) in &mut packets {
            *len = session.rtp(&mut packet[..*len]).unwrap();
        }
        ns_per_packet(begun)
    });
    (lock, unlock)
}

fn rtc(key: &SrtpKey) -> (f64, f64) {
    let profile = match key.suite() {
        SrtpSuite::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        SrtpSuite::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
        SrtpSuite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        SrtpSuite::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
    };
    let provider = default_provider().unwrap();
    let session = || {
        let windows = (srtp_replay_protection(128), srtcp_replay_protection(128));
        let (rtp, rtcp) = (Some(windows.0), Some(windows.1));
        Context::new(key.key(), key.salt(), profile, rtp, rtcp, provider.crypto()).unwrap()
    };
    let mut locked = Vec::new();
    let lock = quickest(|| {
        let (mut session, packets) = (session(), plain());
        let mut out = Vec::with_capacity(packets.len());
        let begun = Instant::now();
        for (packet, len) in &packets {
            out.push(session.encrypt_rtp(&packet[..*len]).unwrap());
        }
        let ns = ns_per_packet(begun);
        locked = out;
        ns
    });
    let unlock = quickest(|| {
        let mut session = session();
        let begun = Instant::now();
        for packet in &locked {
            std::hint::black_box(session.decrypt_rtp(packet).unwrap());
        }
        ns_per_packet(begun)
    });
    (lock, unlock)
}

/// Two of ours, without a line between them.
fn shake_hands(a: &Certificate, b: &Certificate) {
    let now = Instant::now();
    let mut active = Handshake::new(a, Role::Active, b.sha256_fingerprint(), now).unwrap();
    let mut passive = Handshake::new(b, Role::Passive, a.sha256_fingerprint(), now).unwrap();
    loop {
        while let Some(datagram) = active.poll_datagram() {
            passive.handle_datagram(now, &datagram);
        }
        while let Some(datagram) = passive.poll_datagram() {
            active.handle_datagram(now, &datagram);
        }
        if let Some(outcome) = active.outcome() {
            outcome.unwrap();
            return;
        }
    }
}

/// The mean of so many calls [µs].
fn mean_us(calls: u32, mut call: impl FnMut()) -> f64 {
    let begun = Instant::now();
    (0..calls).for_each(|_| call());
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

fn main() {
    println!("{:26} {:>6} {:>6}   rtc-srtp {:>6} {:>6}", "", "lock", "unlock", "lock", "unlock");
    for suite in SrtpSuite::ALL {
        let keying: Vec<u8> = (1..=(suite.key_len() + suite.salt_len()) as u8).collect();
        let key = SrtpKey::new(suite, &keying).unwrap();
        let ((lock, unlock), (their_lock, their_unlock)) = (ours(&key), rtc(&key));
        println!(
            "{:26} {lock:6.0} {unlock:6.0}            {their_lock:6.0} {their_unlock:6.0}",
            suite.name()
        );
    }
    println!("Lock {} bytes, Unlock {} bytes", size_of::<Lock>(), size_of::<Unlock>());
    let (a, b) = (Certificate::generate().unwrap(), Certificate::generate().unwrap());
    println!("certificate {:.0} µs", mean_us(200, || drop(Certificate::generate().unwrap())));
    println!("handshake {:.0} µs", mean_us(200, || shake_hands(&a, &b)));
    let request = hex::decode(CHECK).unwrap();
    let from = SocketAddr::from(([192, 0, 2, 1], 32_853));
    let check_us = mean_us(100_000, || {
        let mut out = [0; MAX_ANSWER];
        std::hint::black_box(answer(&request, "evtj", "VOkJxbRl1RmTxUk/WvJxBt", from, &mut out)).unwrap();
    });
    println!("connectivity check {check_us:.2} µs");
}
