//! Over datagrams as over streams: who belongs to no trunk rings at nobody's, and what passed is told by its call.
#![allow(clippy::unwrap_used)]

use std::{
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};
use waihu_sip::{Codec, SessionDescription};
use waihu_trunk::{Callers, HepConfig, IncomingCall, SipSocket, SocketConfig, Strangers, Way};

async fn socket(callers: &str, hep: Option<HepConfig>) -> (SipSocket, mpsc::Receiver<IncomingCall>) {
    let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
    config.callers = Callers::Of(vec![callers.parse().unwrap()]);
    config.strangers = Strangers::Refused;
    config.hep = hep;
    SipSocket::open(config).await.unwrap()
}

/// A telephone of somebody's, without a call of ours.
struct Caller(UdpSocket);

impl Caller {
    fn at(address: &str) -> Self {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self(socket)
    }

    fn invites(&self, to: SocketAddr) {
        let (at, offer) = (self.0.local_addr().unwrap(), SessionDescription::offer(to, &[Codec::Pcma]));
        let body = offer.to_string();
        let invite = format!(
            "INVITE sip:waihu@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKa\r\nMax-Forwards: 70\r\n\
             From: <sip:13800001234@{at}>;tag=f\r\nTo: <sip:waihu@{to}>\r\nCall-ID: of-a-caller\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:13800001234@{at}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.send_to(invite.as_bytes(), to).unwrap();
    }

    /// The status line of the final response.
    fn hears(&self) -> String {
        loop {
            let mut buffer = [0; 2_048];
            let (length, _) = self.0.recv_from(&mut buffer).unwrap();
            let line = String::from_utf8_lossy(&buffer[..length]).lines().next().unwrap().to_owned();
            if !line.starts_with("SIP/2.0 1") {
                return line;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_over_datagrams_is_refused_and_nothing_is_kept_of_it() {
    let (sip, mut calls) = socket("192.0.2.0/24", None).await;
    let caller = Caller::at("127.0.0.1");
    caller.invites(sip.local_addr());
    assert_eq!(caller.hears(), "SIP/2.0 403 Forbidden");
    assert!(timeout(Duration::from_millis(200), calls.recv()).await.is_err());
    assert_eq!(sip.counters().discarded, 1);
    assert!(sip.trace("of-a-caller").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_belongs_to_the_trunk_rings_and_both_ways_are_told() {
    let (sip, mut calls) = socket("127.0.0.0/8", None).await;
    let caller = Caller::at("127.0.0.1");
    caller.invites(sip.local_addr());
    let call = timeout(Duration::from_secs(10), calls.recv()).await.unwrap().unwrap().call;
    call.reject(486, "Busy Here");
    assert_eq!(caller.hears(), "SIP/2.0 486 Busy Here");
    let steps = sip.trace("of-a-caller");
    let told: Vec<_> = steps.iter().map(|step| (step.way, step.line.split(' ').next().unwrap())).collect();
    assert!(told.starts_with(&[(Way::In, "INVITE")]) && told.contains(&(Way::Out, "486")), "{steps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_is_told_is_told_to_no_capture_server() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let at = server.local_addr().unwrap().to_string();
    let (sip, _calls) =
        socket("127.0.0.47", Some(HepConfig { server: at, capture_id: 1, password: None })).await;
    let stranger = Caller::at("127.0.0.1");
    stranger.invites(sip.local_addr());
    assert_eq!(stranger.hears(), "SIP/2.0 403 Forbidden");
    let friend = Caller::at("127.0.0.47");
    friend.invites(sip.local_addr());
    let mut packet = [0; 4_096];
    let (n, _) = server.recv_from(&mut packet).unwrap();
    let told = String::from_utf8_lossy(&packet[..n]).into_owned();
    let from = format!("Via: SIP/2.0/UDP {}", friend.0.local_addr().unwrap());
    assert!(told.contains("INVITE sip:") && told.contains(&from), "{told}");
    assert_eq!(sip.counters().received, 2);
}
