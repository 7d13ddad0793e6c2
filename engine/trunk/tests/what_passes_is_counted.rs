//! Calls that are answered, refused and unheard, a stranger and garbage are counted under their trunk, each once.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{net::SocketAddr, net::UdpSocket, time::Duration};

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::time::timeout;
use waihu_sip::{Codec, Event, NameAddr, SessionDescription, Uri};
use waihu_trunk::{Call, Callers, Hop, InviteRequest, SipSocket, SocketConfig};

fn sdp() -> SessionDescription {
    SessionDescription::offer(SocketAddr::from(([127, 0, 0, 1], 40_000)), &[Codec::Pcma])
}

fn invite(from: &SipSocket, to: SocketAddr) -> Call {
    from.invite(InviteRequest {
        target: Uri::sip("13800001234", to),
        next_hop: Hop::from(to),
        backups: Vec::new(),
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", from.local_addr())),
        credentials: None,
        offer: sdp(),
        headers: Vec::new(),
        signed_as: None,
        redirects: Vec::new(),
    })
}

async fn until(call: &mut Call, what: impl Fn(&Event) -> bool) {
    while !what(&timeout(Duration::from_secs(10), call.event()).await.unwrap().unwrap()) {}
}

// On one thread: so does a recorder hear all, and of this test alone.
#[tokio::test]
async fn each_end_has_its_row() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
    config.name = "carrier".to_owned();
    config.callers = Callers::Of(vec!["192.0.2.0/24".parse().unwrap()]);
    let (us, _in) = SipSocket::open(config).await.unwrap();
    let (them, mut calls) = SipSocket::bind("127.0.0.1:0".parse().unwrap(), "far").await.unwrap();

    let mut answered = invite(&us, them.local_addr());
    let theirs = calls.recv().await.unwrap().call;
    theirs.ring(180, None);
    theirs.answer(sdp());
    until(&mut answered, |e| matches!(e, Event::Answered { .. })).await;
    theirs.hangup(Some("Q.850;cause=16".to_owned()));
    until(&mut answered, |e| matches!(e, Event::Ended { .. })).await;

    let mut refused = invite(&us, them.local_addr());
    calls.recv().await.unwrap().call.reject(486, "Busy Here");
    until(&mut refused, |e| matches!(e, Event::Failed { code: 486, .. })).await;

    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut unheard = invite(&us, nobody);
    until(&mut unheard, |e| matches!(e, Event::Failed { .. })).await;

    // A telephone that nobody knows, and something that is no SIP.
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let stranger = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKs\r\nFrom: <sip:a@x>;tag=f\r\nTo: <sip:x>\r\n\
        Call-ID: s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    other.send_to(stranger.as_bytes(), us.local_addr()).unwrap();
    other.send_to(b"garbage", us.local_addr()).unwrap();
    for _ in 0..100 {
        if us.counters().discarded == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let text = handle.render();
    for row in [
        "waihu_sip_invites_total{trunk=\"carrier\"} 3",
        "waihu_sip_finals_total{trunk=\"carrier\",code=\"200\",cause=\"answered\"} 1",
        "waihu_sip_finals_total{trunk=\"carrier\",code=\"486\",cause=\"rejected\"} 1",
        "waihu_sip_finals_total{trunk=\"carrier\",code=\"503\",cause=\"transport_error\"} 1",
        "waihu_sip_hangups_total{trunk=\"carrier\",by=\"them\",cause=\"q850-16\"} 1",
        "waihu_sip_discarded_total{trunk=\"carrier\",why=\"stranger\"} 1",
        "waihu_sip_discarded_total{trunk=\"carrier\",why=\"unparsable\"} 1",
        "waihu_sip_request_delay_seconds_count{trunk=\"carrier\"} 3",
    ] {
        assert!(text.lines().any(|line| line == row), "{row}: {text}");
    }
    assert!(!text.contains("1380"), "{text}");
}
