//! Wild event packets for the reader of keys. How to run it: `rtp.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waihu_rtp::{DtmfEvent, DtmfReceiver};
use waihu_types::Time;

fuzz_target!(|bytes: &[u8]| {
    let Some((&rate, script)) = bytes.split_first() else { return };
    let mut receiver = DtmfReceiver::with_rate(if rate & 1 == 0 { 8_000 } else { 48_000 });
    let (mut now, mut timestamp, mut events, mut keys) = (Time::ZERO, u32::MAX - 5_000, 0_u32, 0_u32);
    // A byte of time, a byte of timestamp, a byte of length, the payload.
    let mut rest = script;
    while let [wait, moved, len, behind @ ..] = rest {
        let (payload, behind) = behind.split_at(usize::from(len % 16).min(behind.len()));
        rest = behind;
        now = now + std::time::Duration::from_millis(u64::from(*wait));
        timestamp = timestamp.wrapping_add_signed(i32::from(moved.cast_signed()) * 160);
        keys += u32::from(receiver.poll(now).is_some());
        for (timestamp, event) in DtmfEvent::parse_all(payload, timestamp) {
            events += 1;
            keys += u32::from(receiver.push(now, timestamp, event).is_some());
        }
        if *wait == 255 {
            keys += u32::from(receiver.reset().is_some());
        }
    }
    keys += u32::from(receiver.reset().is_some());
    assert!(keys <= events, "{keys} keys of {events} events");
});
