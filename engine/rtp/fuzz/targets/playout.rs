//! Wild packets and pops for the play-out: nothing is heard twice or out of order, all is bounded.
//! How to run it: `rtp.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waihu_rtp::{
    Packet, PlayoutBuffer,
    playout::{CAPACITY_MS, Popped, Pushed},
};
use waihu_types::Time;

fuzz_target!(|bytes: &[u8]| {
    let Some((&rate, script)) = bytes.split_first() else { return };
    let mut buffer = PlayoutBuffer::new(if rate & 1 == 0 { 8_000 } else { u32::from(rate) * 400 });
    let mut now = Time::ZERO;
    let (mut sequence, mut timestamp, mut last) = (65_530_u16, u32::MAX - 500, None::<u16>);
    for step in script.chunks_exact(8) {
        now = now + std::time::Duration::from_micros(u64::from(step[0]) * u64::from(step[0]) * 10);
        let jump = i16::from_be_bytes([step[1], step[2]]);
        let moved = i32::from_be_bytes([step[3], step[4], step[5], 0]);
        match step[6] % 8 {
            0..=3 => {
                // As a sender would, and a little beside it.
                sequence = sequence.wrapping_add_signed(jump % 4);
                timestamp = timestamp.wrapping_add_signed(i32::from(jump % 4) * 160);
            }
            4 => {
                sequence = sequence.wrapping_add_signed(jump);
                timestamp = timestamp.wrapping_add_signed(moved);
            }
            5 => timestamp = timestamp.wrapping_add_signed(moved),
            6 => sequence = sequence.wrapping_add(1),
            _ => buffer.pass(sequence.wrapping_add_signed(jump % 40)),
        }
        let [high, low] = sequence.to_be_bytes();
        let payload = [high, low, step[7]];
        let packet =
            Packet { payload_type: 0, marker: false, sequence, timestamp, ssrc: 1, payload: &payload };
        if buffer.push(now, &packet, u32::from(step[7]) * 8) == Pushed::Resynced {
            last = None;
        }
        for _ in 0..step[7] % 4 {
            match buffer.pop(now) {
                Popped::Packet { payload, duration, .. } => {
                    let heard = u16::from_be_bytes([payload[0], payload[1]]);
                    if let Some(last) = last {
                        assert!(heard.wrapping_sub(last).cast_signed() > 0, "{heard} after {last}");
                    }
                    last = Some(heard);
                    assert!(duration > 0 && duration <= 9_600);
                }
                Popped::Lost { duration, .. } => assert!(duration > 0 && duration <= 9_600),
                Popped::Empty { .. } => {}
            }
        }
        assert!(buffer.depth_ms() <= CAPACITY_MS && buffer.target_ms() <= 200);
        if step[6] == 255 {
            buffer.reset();
            last = None;
        }
    }
});
