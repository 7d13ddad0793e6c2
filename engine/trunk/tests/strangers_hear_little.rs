//! Whoever is no carrier, no agent and no telephone of a trunk gets nothing over UDP, or a 403 ten times a second.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{net::UdpSocket, time::Duration};

use waihu_trunk::{Callers, SipSocket, SocketConfig, Strangers};

const ASKED: u32 = 100;

fn ask(socket: &UdpSocket, to: &str, method: &str, n: u32) {
    let at = socket.local_addr().unwrap();
    let text = format!(
        "{method} sip:1@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{method}{n}\r\nFrom: <sip:a@{at}>;tag=1\r\n\
         To: <sip:1@{to}>\r\nCall-ID: {method}-{n}-{at}\r\nCSeq: 1 {method}\r\nContact: <sip:a@{at}>\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send_to(text.as_bytes(), to).unwrap();
}

/// The status lines that come until nothing comes for a while.
fn answers(socket: &UdpSocket) -> Vec<String> {
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let (mut lines, mut bytes) = (Vec::new(), [0; 4_096]);
    while let Ok(n) = socket.recv(&mut bytes) {
        let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
        lines.push(text.lines().next().unwrap().to_owned());
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_hear_nothing_or_a_403_ten_times_a_second_and_the_carrier_is_answered() {
    for strangers in [Strangers::Ignored, Strangers::Refused] {
        let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
        config.callers = Callers::Of(vec!["127.0.0.41/32".parse().unwrap()]);
        config.strangers = strangers;
        let (sip, mut calls) = SipSocket::open(config).await.unwrap();
        let to = sip.local_addr().to_string();
        let stranger = UdpSocket::bind("127.0.0.42:0").unwrap();
        // So many fit into the socket's buffer, however late they are read.
        for n in 0..ASKED {
            ask(&stranger, &to, "INVITE", n);
        }
        let heard = answers(&stranger);
        match strangers {
            Strangers::Ignored => assert_eq!(heard, Vec::<String>::new()),
            Strangers::Refused => {
                assert!(heard.iter().all(|line| line == "SIP/2.0 403 Forbidden"), "{heard:?}");
                // They may fall into two seconds.
                assert!((1..=20).contains(&heard.len()), "{}", heard.len());
            }
        }
        assert!(calls.try_recv().is_err(), "a stranger's call came in");
        // Whoever is not answered is read all the same, at leisure.
        let unanswered = u64::from(ASKED) - heard.len() as u64;
        let read = async {
            while sip.counters().discarded < unanswered {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(30), read).await;
        assert!(read.is_ok(), "{strangers:?}: {:?}", sip.counters());
        let carrier = UdpSocket::bind("127.0.0.41:0").unwrap();
        ask(&carrier, &to, "OPTIONS", 1);
        assert_eq!(answers(&carrier), ["SIP/2.0 200 OK"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_takes_is_told_when_to_come_again() {
    let (sip, calls) = SipSocket::bind("127.0.0.1:0".parse().unwrap(), "test").await.unwrap();
    drop(calls);
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    ask(&caller, &sip.local_addr().to_string(), "INVITE", 1);
    let mut bytes = [0; 4_096];
    loop {
        let n = caller.recv(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
        if text.starts_with("SIP/2.0 503") {
            assert!(text.contains("\r\nRetry-After: 10\r\n"), "{text}");
            return;
        }
        assert!(text.starts_with("SIP/2.0 100"), "{text}");
    }
}
