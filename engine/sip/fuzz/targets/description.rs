//! Wild bytes as a description: read the same again from what is printed, agreed to or refused. How to run it:
//! `message.rs`.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use waihu_sip::{Codec, SessionDescription};

fuzz_target!(|bytes: &[u8]| {
    let Ok(theirs) = SessionDescription::parse(bytes) else { return };
    let printed = theirs.to_string();
    let again = SessionDescription::parse(printed.as_bytes());
    assert!(again.is_ok(), "{printed}");
    assert_eq!(again.map(|a| a.to_string()), Ok(printed));
    let at = SocketAddr::from(([192, 0, 2, 1], 4_000));
    let mut ours = SessionDescription::offer(at, &[Codec::Pcma, Codec::Opus, Codec::G722]);
    let _ = ours.settle(&theirs);
    let _ = ours.settle_again(&theirs);
    if let Ok(answer) = ours.answer_again(&theirs) {
        assert_eq!(answer.media.len(), theirs.media.len());
    }
});
