//! An operator sees in the log that messages are discarded, and from where: in one line a minute, with nobody's number.
#![allow(clippy::unwrap_used)]

use std::{
    io::{self, Write},
    net::UdpSocket,
    sync::{Arc, Mutex},
    time::Duration,
};

use waihu_trunk::{Callers, SipSocket, SocketConfig};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How many messages of either kind come.
const EACH: u64 = 20;

// On one thread: so does the subscriber hear all, and of this test alone.
#[tokio::test]
async fn a_flood_of_strangers_is_one_line() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _here = tracing::subscriber::set_default(lines);
    let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
    config.callers = Callers::Of(vec!["192.0.2.0/24".parse().unwrap()]);
    let (sip, _calls) = SipSocket::open(config).await.unwrap();
    let stranger = "OPTIONS sip:13800001234@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKs\r\n\
        From: <sip:13800001234@x>;tag=f\r\nTo: <sip:13800001234@x>\r\nCall-ID: s\r\nCSeq: 1 OPTIONS\r\n\
        Content-Length: 0\r\n\r\n";
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..EACH {
        socket.send_to(stranger.as_bytes(), sip.local_addr()).unwrap();
        socket.send_to(b"13800001234", sip.local_addr()).unwrap();
    }
    for _ in 0..100 {
        if sip.counters().discarded == 2 * EACH {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(sip.counters().discarded, 2 * EACH);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let told: Vec<&str> = text.lines().filter(|line| line.contains("messages were discarded")).collect();
    assert_eq!(told.len(), 1, "{text}");
    for word in ["WARN", "sources=1", "latest=127.0.0.1", "stranger"] {
        assert!(told[0].contains(word), "{word}: {text}");
    }
    assert!(!text.contains("1380"), "{text}");
}
