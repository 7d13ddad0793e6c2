//! Registered at Kamailio and called through it over UDP, TCP, TLS and WebSocket: it reaches us by the connection
//! that we keep, whoever hangs up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod certificates;
mod dissector;

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use dissector::Tap;
use tokio::{sync::mpsc, time::timeout};
use waihu_sip::{Codec, EndedBy, Event, NameAddr, SessionDescription, Uri};
use waihu_trunk::{
    Call, Credentials, HepConfig, Hop, IncomingCall, InviteRequest, SipSocket, SocketConfig, StreamConfig,
    Transport,
    registration::{Order, State},
};

const PATIENCE: Duration = Duration::from_secs(20);

struct Kamailio(Child);

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its first process ends the others.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// A Kamailio with UDP and TCP on one port and TLS on the next.
async fn kamailio(folder: &Path) -> (Kamailio, SocketAddr) {
    let port = loop {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port_is_free(probe) && port_is_free(probe + 1) {
            break probe;
        }
    };
    let define = |name: &str, value: String| ["-A".to_owned(), format!("{name}={value}")];
    let file = |name: &str| format!("{:?}", folder.join(name).display().to_string());
    let child = Command::new("kamailio")
        .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kamailio/registrar.cfg"))
        .args(define("UDP_PORT", format!("udp:127.0.0.1:{port}")))
        .args(define("TCP_PORT", format!("tcp:127.0.0.1:{port}")))
        .args(define("TLS_PORT", format!("tls:127.0.0.1:{}", port + 1)))
        .args(define("CERTIFICATE", file("own.pem")))
        .args(define("KEY", file("own.key")))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .expect("kamailio is missing: .ci/setup --with-peers installs it");
    (Kamailio(child), SocketAddr::from(([127, 0, 0, 1], port)))
}

fn port_is_free(port: u16) -> bool {
    std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
        && std::net::UdpSocket::bind(("127.0.0.1", port)).is_ok()
}

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

async fn talk(caller: &SipSocket, proxy: SocketAddr, calls: &mut mpsc::Receiver<IncomingCall>, by: EndedBy) {
    let mut call = caller.invite(InviteRequest {
        target: "sip:4008@carrier.example".parse().unwrap(),
        next_hop: proxy.into(),
        backups: Vec::new(),
        redirects: Vec::new(),
        signed_as: None,
        call_id: None,
        from: NameAddr::new(None, Uri::sip("caller", caller.local_addr())),
        credentials: None,
        offer: sdp(40_000),
        headers: Vec::new(),
    });
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
    let (_kamailio, proxy) = kamailio(files.path()).await;
    let (caller, _in) = SipSocket::bind("127.0.0.1:0".parse().unwrap(), "caller").await.unwrap();
    answers(&caller, proxy.into()).await;
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws] {
        let port = if transport == Transport::Tls { proxy.port() + 1 } else { proxy.port() };
        let hop = Hop::new(transport, SocketAddr::new(proxy.ip(), port));
        let tap = Tap::open();
        let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
        config.hep = Some(HepConfig { server: tap.at().to_string(), capture_id: 1, password: None });
        config.streams = StreamConfig {
            tls: Some(client.clone()),
            names: vec![(proxy.ip(), "localhost".to_owned())],
            ..StreamConfig::default()
        };
        let (us, mut calls) = SipSocket::open(config).await.unwrap();
        answers(&us, hop).await;
        let order = |password: &str| Order {
            registration: 0,
            registrar: "sip:carrier.example".parse().unwrap(),
            next_hop: hop,
            of: NameAddr::new(None, "sip:4008@carrier.example".parse().unwrap()),
            contact_user: "4008".to_owned(),
            expires_s: 120,
            credentials: Some(Credentials {
                username: "4008".into(),
                password: password.into(),
                realm: None,
            }),
        };
        let mut wrong = us.register(order("guess"));
        let state = timeout(PATIENCE, wrong.state()).await.unwrap().unwrap();
        assert!(matches!(state, State::Failed { code: 401, .. }), "{transport}: {state:?}");
        drop(wrong);
        let mut registration = us.register(order("secret"));
        let state = timeout(PATIENCE, registration.state()).await.unwrap().unwrap();
        assert!(matches!(state, State::Registered { expires_s: 60..=3600 }), "{transport}: {state:?}");
        for by in [EndedBy::Local, EndedBy::Remote] {
            talk(&caller, proxy, &mut calls, by).await;
        }
        drop(registration);
        us.settled().await;
        dissector::is_clean(&tap.told(), us.local_addr().port());
    }
}
