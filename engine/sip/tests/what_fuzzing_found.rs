//! What wild bytes once brought to light stays mended: each kept input is read the same again from what is printed.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use waihu_sip::Message;

#[test]
fn what_was_read_is_read_the_same_from_what_is_printed() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut read = 0;
    for seed in fs::read_dir(seeds).unwrap() {
        let path = seed.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("message-")) {
            let message = Message::parse(&fs::read(&path).unwrap()).unwrap();
            let printed = message.to_bytes();
            let head = printed.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
            let lone = printed[..head].windows(2).filter(|w| w[0] == b'\r' && w[1] != b'\n').count();
            assert_eq!(lone, 0, "{}: a carriage return that ends no line", path.display());
            assert_eq!(Message::parse(&printed).as_ref(), Ok(&message), "{}", path.display());
            read += 1;
        }
    }
    assert!(read > 0, "no input was kept");
}

#[test]
fn a_carriage_return_alone_is_no_end_of_a_line() {
    let text = |field: &str| {
        format!(
            "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n{field}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let message = Message::parse(text("Subject: one\rRoute: <sip:evil>").as_bytes()).unwrap();
    assert_eq!(message.headers().other.value("Subject"), Some("one Route: <sip:evil>"));
    assert!(message.headers().route.is_empty());
    assert!(Message::parse(text("Subject: one\r\n\rRoute: <sip:evil>").as_bytes()).is_err());
}
