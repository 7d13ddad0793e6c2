//! What one packet costs in each of this room's parts: `cargo bench -p waihu-rtp`.
//!
//! A plain loop: the figures wanted are tens of nanoseconds with a digit or two.
#![allow(clippy::print_stdout, missing_docs)]

use std::{hint::black_box, time::Instant};

use waihu_rtp::{Packet, PlayoutBuffer, SourceState, write_packet};
use waihu_types::Time;

const ROUNDS: u32 = 5_000_000;

fn measure(what: &str, mut one: impl FnMut(u32)) {
    for n in 0..ROUNDS / 10 {
        one(n);
    }
    let begun = Instant::now();
    for n in ROUNDS / 10..ROUNDS / 10 + ROUNDS {
        one(n);
    }
    println!("{what}: {:.1} ns", begun.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS));
}

fn main() {
    let mut bytes = [0; 172];
    let payload = [0xD5; 160];
    let packet = |n: u32, payload| Packet {
        payload_type: 8,
        marker: false,
        sequence: n as u16,
        timestamp: n.wrapping_mul(160),
        ssrc: 7,
        payload,
    };
    measure("write a packet", |n| {
        black_box(write_packet(&packet(n, &payload), &mut bytes));
    });
    measure("parse a packet", |_| {
        black_box(Packet::parse(black_box(&bytes)).is_ok());
    });
    let mut source = SourceState::new();
    measure("sequence of a packet", |n| {
        black_box(source.arrived(7, n as u16));
    });
    let mut playout = PlayoutBuffer::new(8_000);
    measure("play-out: push and pop", |n| {
        let now = Time::from_micros(u64::from(n) * 20_000);
        playout.push(now, &packet(n, &payload), 160);
        black_box(playout.pop(now));
    });
    let mut playout = PlayoutBuffer::new(8_000);
    measure("play-out: push and pop with jitter and a tenth lost", |n| {
        let jitter = n.wrapping_mul(2_654_435_761) >> 16;
        let now = Time::from_micros(u64::from(n) * 20_000 + u64::from(jitter % 30_000));
        if jitter % 10 != 0 {
            playout.push(now, &packet(n, &payload), 160);
        }
        black_box(playout.pop(now));
    });
}
