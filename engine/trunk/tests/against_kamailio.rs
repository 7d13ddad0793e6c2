//! Registered at Kamailio, called through it and calling through it over UDP, TCP, TLS and WebSocket, plain and within
//! TLS: it reaches us by the connection that we keep, whoever hangs up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod certificates;
mod dissector;
mod kamailio;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use dissector::Tap;
use kamailio::{Certificates, Kamailio};
use tokio::{sync::mpsc, time::timeout};
use waihu_sip::{Codec, EndedBy, Event, FailureCause, NameAddr, SessionDescription, Uri};
use waihu_trunk::{
    Call, Credentials, HepConfig, Hop, IncomingCall, InviteRequest, SipSocket, SocketConfig, StreamConfig,
    TlsFiles, Transport,
    registration::{Order, State},
};

/// Long enough on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const TRANSPORTS: [Transport; 5] =
    [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

fn sdp(port: u16) -> SessionDescription {
    SessionDescription::offer(SocketAddr::from(([127, 0, 0, 1], port)), &[Codec::Pcma])
}

async fn until(call: &mut Call, what: impl Fn(&Event) -> bool) -> Event {
    let found = async {
        loop {
            let event = call.event().await.expect("the call is over");
            if what(&event) {
                return event;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("it does not come")
}

/// Waits until the proxy answers over this transport.
async fn answers(socket: &SipSocket, hop: Hop) {
    let asked = async {
        while socket.ping(Uri::sip("", hop.address), hop).await != Ok(200) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, asked)
        .await
        .unwrap_or_else(|_| panic!("{hop} does not answer: {:?}", socket.fault(hop)));
}

/// A socket of ours that believes the proxy's authority, and is listened in on.
async fn ours(client: &TlsFiles) -> (SipSocket, mpsc::Receiver<IncomingCall>, Tap) {
    let tap = Tap::open();
    let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
    config.hep = Some(HepConfig { server: tap.at().to_string(), capture_id: 1, password: None });
    config.streams = StreamConfig {
        tls: Some(client.clone()),
        names: vec![(Ipv4Addr::LOCALHOST.into(), "localhost".to_owned())],
        ..StreamConfig::default()
    };
    let (us, calls) = SipSocket::open(config).await.unwrap();
    (us, calls, tap)
}

fn credentials(username: &str, password: &str) -> Option<Credentials> {
    Some(Credentials { username: username.into(), password: password.into(), realm: None })
}

fn order(next_hop: Hop, password: &str) -> Order {
    Order {
        registration: 0,
        registrar: "sip:carrier.example".parse().unwrap(),
        next_hop,
        of: NameAddr::new(None, "sip:4008@carrier.example".parse().unwrap()),
        contact_user: "4008".to_owned(),
        expires_s: 120,
        credentials: credentials("4008", password),
    }
}

/// Calls 4008 by this hop: as a stranger, or in the name of the domain with this password.
fn invite(caller: &SipSocket, next_hop: Hop, password: Option<&str>, call_id: &str) -> Call {
    let from = match password {
        None => Uri::sip("caller", caller.local_addr()),
        Some(_) => "sip:4009@carrier.example".parse().unwrap(),
    };
    caller.invite(InviteRequest {
        target: "sip:4008@carrier.example".parse().unwrap(),
        next_hop,
        backups: Vec::new(),
        redirects: Vec::new(),
        signed_as: None,
        call_id: Some(call_id.to_owned()),
        from: NameAddr::new(None, from),
        credentials: password.and_then(|password| credentials("4009", password)),
        offer: sdp(40_000),
        headers: Vec::new(),
    })
}

async fn talk(mut call: Call, calls: &mut mpsc::Receiver<IncomingCall>, by: EndedBy) {
    let mut theirs = timeout(PATIENCE, calls.recv()).await.expect("nobody is called").unwrap();
    theirs.call.ring(180, None);
    theirs.call.answer(sdp(50_000));
    until(&mut call, |e| matches!(e, Event::Answered { .. })).await;
    until(&mut theirs.call, |e| *e == Event::Confirmed).await;
    let (first, second) =
        if by == EndedBy::Local { (&mut call, &mut theirs.call) } else { (&mut theirs.call, &mut call) };
    first.hangup(None);
    let ended = until(second, |e| matches!(e, Event::Ended { .. })).await;
    assert!(matches!(ended, Event::Ended { by: EndedBy::Remote, .. }), "{ended:?}");
}

#[tokio::test]
async fn we_register_and_are_called_over_every_transport() {
    let files = tempfile::tempdir().unwrap();
    let (client, _) = certificates::make(files.path());
    let kamailio = Kamailio::start(files.path(), Certificates::Optional);
    let udp = kamailio.by(Transport::Udp);
    let (caller, _in) = SipSocket::bind("127.0.0.1:0".parse().unwrap(), "caller").await.unwrap();
    answers(&caller, udp).await;
    for transport in TRANSPORTS {
        let hop = kamailio.by(transport);
        let (us, mut calls, tap) = ours(&client).await;
        answers(&us, hop).await;
        let mut wrong = us.register(order(hop, "guess"));
        let state = timeout(PATIENCE, wrong.state()).await.unwrap().unwrap();
        assert!(matches!(state, State::Failed { code: 401, .. }), "{transport}: {state:?}");
        drop(wrong);
        let mut registration = us.register(order(hop, "secret"));
        let state = timeout(PATIENCE, registration.state()).await.unwrap().unwrap();
        assert!(matches!(state, State::Registered { expires_s: 60..=3600 }), "{transport}: {state:?}");
        for by in [EndedBy::Local, EndedBy::Remote] {
            let call = invite(&caller, udp, None, &format!("{transport}-{by:?}"));
            talk(call, &mut calls, by).await;
        }
        drop(registration);
        us.settled().await;
        dissector::is_clean(&tap.told(), us.local_addr().port());
    }
}

#[tokio::test]
async fn our_calls_go_out_through_it_over_every_transport_and_prove_who_calls() {
    let files = tempfile::tempdir().unwrap();
    let (client, _) = certificates::make(files.path());
    let kamailio = Kamailio::start(files.path(), Certificates::Optional);
    let udp = kamailio.by(Transport::Udp);
    let (callee, mut calls) = SipSocket::bind("127.0.0.1:0".parse().unwrap(), "callee").await.unwrap();
    answers(&callee, udp).await;
    let mut registration = callee.register(order(udp, "secret"));
    let state = timeout(PATIENCE, registration.state()).await.unwrap().unwrap();
    assert!(matches!(state, State::Registered { .. }), "{state:?}");
    for transport in TRANSPORTS {
        let hop = kamailio.by(transport);
        let (us, _in, tap) = ours(&client).await;
        let mut wrong = invite(&us, hop, Some("guess"), "wrong");
        let failed = until(&mut wrong, |e| matches!(e, Event::Failed { .. })).await;
        assert!(
            matches!(failed, Event::Failed { code: 407, cause: FailureCause::Unauthorized, .. }),
            "{transport}: {failed:?}"
        );
        for by in [EndedBy::Local, EndedBy::Remote] {
            let id = format!("{by:?}");
            talk(invite(&us, hop, Some("secret"), &id), &mut calls, by).await;
            us.settled().await;
            let steps = us.trace(&id);
            assert!(steps.iter().all(|step| step.hop == hop), "{transport}: {steps:?}");
            let asked = steps.iter().filter(|step| step.line.starts_with("407")).count();
            let invited = steps.iter().filter(|step| step.line.starts_with("INVITE")).count();
            assert_eq!((asked, invited), (1, 2), "{transport}: {steps:?}");
        }
        dissector::is_clean(&tap.told(), us.local_addr().port());
    }
}

#[tokio::test]
async fn a_proxy_that_demands_our_certificate_is_shown_one_or_says_that_it_wants_one() {
    let files = tempfile::tempdir().unwrap();
    let (without, with) = certificates::make(files.path());
    let kamailio = Kamailio::start(files.path(), Certificates::Demanded);
    for transport in [Transport::Tls, Transport::Wss] {
        let hop = kamailio.by(transport);
        let (us, _in, _tap) = ours(&with).await;
        answers(&us, hop).await;
        let (other, _in, _tap) = ours(&without).await;
        let mut call = invite(&other, hop, Some("secret"), "without");
        let failed = until(&mut call, |e| matches!(e, Event::Failed { .. })).await;
        assert!(
            matches!(failed, Event::Failed { code: 503, cause: FailureCause::TransportError, .. }),
            "{transport}: {failed:?}"
        );
        let fault = other.fault(hop).unwrap();
        assert!(fault.contains("CertificateRequired"), "{transport}: {fault}");
    }
}
