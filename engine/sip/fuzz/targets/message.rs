//! Wild bytes as a message: what is read is read the same again from what is printed, and a stream's framing takes it
//! apart without a panic. In `engine/sip/fuzz`, here as for the other targets, on stable Rust:
//!
//! `cargo run --release --target x86_64-unknown-linux-gnu --bin message -- -max_total_time=600 corpus/message`
#![no_main]

use libfuzzer_sys::fuzz_target;
use waihu_sip::{Message, framing::Framer};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::parse(bytes) {
        let printed = message.to_bytes();
        let again = Message::parse(&printed);
        assert_eq!(again.as_ref(), Ok(&message), "{:?}", String::from_utf8_lossy(&printed));
        assert_eq!(again.map(|m| m.to_bytes()), Ok(printed));
    }
    let mut framer = Framer::default();
    for part in bytes.chunks(1 + bytes.len() / 3) {
        framer.push(part);
        while let Ok(Some(_)) = framer.next_frame() {}
    }
});
