//! Wild bytes for the RTP parser and the state of a source. In `engine/rtp/fuzz`, here as for the
//! other targets, on stable Rust (with nightly, `cargo fuzz run rtp` does as well):
//!
//! `cargo run --release --target x86_64-unknown-linux-gnu --bin rtp -- -max_total_time=120`
#![no_main]

use libfuzzer_sys::fuzz_target;
use waihu_rtp::{Packet, SourceState, header::FIXED_HEADER, write_packet};
use waihu_types::Time;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(packet) = Packet::parse(bytes) {
        let mut written = vec![0; FIXED_HEADER + packet.payload.len()];
        assert_eq!(write_packet(&packet, &mut written), Some(written.len()));
        assert_eq!(Packet::parse(&written), Ok(packet));
    }
    let mut source = SourceState::new();
    source.set_own_ssrc(3);
    for step in bytes.chunks_exact(8) {
        source.arrived(u32::from(step[0] % 4), u16::from_be_bytes([step[1], step[2]]));
        let at = u64::from_be_bytes([0, step[3], step[4], step[5], step[6], 0, step[7], 0]);
        source.timed(Time::from_micros(at), u32::from_be_bytes([step[4], step[5], step[6], step[7]]), 48_000);
        if step[0] > 128
            && let Some(report) = source.report()
        {
            assert!((-(1 << 23)..1 << 23).contains(&report.cumulative_lost));
        }
        assert!(source.expected() < 1 << 40);
    }
});
