//! Calls over TCP and TLS between two sockets of ours: set up, held, hung up; and what goes wrong with streams is
//! told, and hurts no other call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod certificates;

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};
use waihu_sip::{Codec, Direction, EndedBy, Event, FailureCause, NameAddr, SessionDescription, Uri};
use waihu_trunk::{
    Call, Hop, IncomingCall, InviteRequest, Listen, SipSocket, SocketConfig, StreamConfig, TlsFiles,
    Transport,
};

/// Each call here is the only one of its sockets.
const ID: &str = "attempt-of-a-test";

fn sdp(port: u16) -> SessionDescription {
    SessionDescription::offer(SocketAddr::from(([127, 0, 0, 1], port)), &[Codec::Pcma])
}

async fn socket(streams: StreamConfig) -> (SipSocket, mpsc::Receiver<IncomingCall>) {
    for _ in 0..20 {
        let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
        config.streams = streams.clone();
        // A free port for datagrams may be taken for streams.
        if let Ok(open) = SipSocket::open(config).await {
            return open;
        }
    }
    panic!("no free port");
}

fn invite(from: &SipSocket, to: Hop) -> Call {
    from.invite(InviteRequest {
        target: Uri::sip("1001", to.address),
        next_hop: to,
        backups: Vec::new(),
        redirects: Vec::new(),
        signed_as: None,
        call_id: Some(ID.to_owned()),
        from: NameAddr::new(None, Uri::sip("waihu", from.local_addr())),
        credentials: None,
        offer: sdp(40_000),
        headers: Vec::new(),
    })
}

async fn until(call: &mut Call, what: impl Fn(&Event) -> bool) -> Event {
    let found = async {
        loop {
            let event = call.event().await.unwrap();
            if what(&event) {
                return event;
            }
        }
    };
    timeout(Duration::from_secs(10), found).await.unwrap()
}

async fn talk(us: &SipSocket, calls: &mut mpsc::Receiver<IncomingCall>, to: Hop) {
    let mut call = invite(us, to);
    let mut theirs = timeout(Duration::from_secs(10), calls.recv()).await.unwrap().unwrap();
    theirs.call.ring(180, None);
    theirs.call.answer(sdp(50_000));
    until(&mut call, |e| matches!(e, Event::Answered { .. })).await;
    until(&mut theirs.call, |e| *e == Event::Confirmed).await;
    theirs.call.direct(Direction::SendOnly);
    until(&mut theirs.call, |e| matches!(e, Event::Modified { .. })).await;
    until(&mut call, |e| matches!(e, Event::Reinvited { .. })).await;
    let steps = us.trace(ID);
    assert!(steps.iter().any(|s| s.line.starts_with("INVITE")) && steps.iter().any(|s| s.line == "200 OK"));
    theirs.call.hangup(None);
    let ended = until(&mut call, |e| matches!(e, Event::Ended { .. })).await;
    assert!(matches!(ended, Event::Ended { by: EndedBy::Remote, .. }));
}

#[tokio::test]
async fn a_call_goes_over_tcp_and_the_far_end_uses_the_same_connection() {
    // Nobody listens for streams here: what the far end asks can only come back through our connection.
    let (us, _calls) = socket(StreamConfig::default()).await;
    let (them, mut calls) = socket(StreamConfig { listen: Listen::Streams, ..StreamConfig::default() }).await;
    talk(&us, &mut calls, Hop::new(Transport::Tcp, them.local_addr())).await;
    us.settled().await;
}

/// One that listens for TLS with these files, and the way to it.
async fn listening(tls: TlsFiles) -> (SipSocket, mpsc::Receiver<IncomingCall>, Hop) {
    let (them, calls) =
        socket(StreamConfig { listen: Listen::Streams, tls: Some(tls), ..StreamConfig::default() }).await;
    let at = them.local_addr();
    (them, calls, Hop::new(Transport::Tls, SocketAddr::new(at.ip(), at.port() + 1)))
}

/// One that calls there with these files, and wants this name in the certificate.
async fn calling(tls: &TlsFiles, to: Hop, name: &str) -> SipSocket {
    let names = vec![(to.address.ip(), name.to_owned())];
    socket(StreamConfig { tls: Some(tls.clone()), names, ..StreamConfig::default() }).await.0
}

/// Calls there, which comes to nothing; what is told of the connection.
async fn fault(us: &SipSocket, hop: Hop) -> String {
    let mut call = invite(us, hop);
    let failed = until(&mut call, |e| matches!(e, Event::Failed { .. })).await;
    assert!(matches!(failed, Event::Failed { code: 503, cause: FailureCause::TransportError, .. }));
    us.fault(hop).unwrap()
}

#[tokio::test]
async fn a_call_goes_over_tls_and_a_certificate_of_another_name_is_refused() {
    let files = tempfile::tempdir().unwrap();
    let (client, server) = certificates::make(files.path());
    let (_them, mut calls, hop) = listening(server).await;
    talk(&calling(&client, hop, "localhost").await, &mut calls, hop).await;
    let told = fault(&calling(&client, hop, "carrier.example").await, hop).await;
    assert!(told.contains("certificate not valid for name"), "{told}");
}

#[tokio::test]
async fn a_certificate_that_has_run_out_is_refused() {
    let files = tempfile::tempdir().unwrap();
    let (client, server) = certificates::make(files.path());
    certificates::expire(files.path());
    let (_them, _calls, hop) = listening(server).await;
    let told = fault(&calling(&client, hop, "localhost").await, hop).await;
    assert!(told.contains("certificate expired"), "{told}");
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_is_not_believed_is_refused() {
    let [files, others] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (_, server) = certificates::make(files.path());
    let (client, _) = certificates::make(others.path());
    let (_them, _calls, hop) = listening(server).await;
    let told = fault(&calling(&client, hop, "localhost").await, hop).await;
    assert!(told.contains("UnknownIssuer"), "{told}");
}

#[tokio::test]
async fn who_shows_a_certificate_shows_one_of_our_authority() {
    let [files, others] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (_, server) = certificates::make(files.path());
    let (_, other) = certificates::make(others.path());
    let (_them, mut calls, hop) = listening(server.clone()).await;
    talk(&calling(&server, hop, "localhost").await, &mut calls, hop).await;
    // It believes us, and shows what we do not believe.
    let stranger = TlsFiles { authorities: server.authorities, ..other };
    let told = fault(&calling(&stranger, hop, "localhost").await, hop).await;
    assert!(told.contains("UnknownCA"), "{told}");
    assert!(calls.try_recv().is_err());
}

#[tokio::test]
async fn nobody_listening_fails_the_call_at_once_and_garbage_closes_only_its_own_connection() {
    let (us, _in) = socket(StreamConfig::default()).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut call = invite(&us, Hop::new(Transport::Tcp, closed));
    let failed = until(&mut call, |e| matches!(e, Event::Failed { .. })).await;
    assert!(matches!(failed, Event::Failed { code: 503, .. }));

    let (them, mut calls) = socket(StreamConfig { listen: Listen::Streams, ..StreamConfig::default() }).await;
    let mut stranger = TcpStream::connect(them.local_addr()).await.unwrap();
    stranger.write_all(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n").await.unwrap();
    let theirs = Hop::new(Transport::Tcp, stranger.local_addr().unwrap());
    let mut rest = Vec::new();
    timeout(Duration::from_secs(5), stranger.read_to_end(&mut rest)).await.unwrap().unwrap();
    let mut pinging = TcpStream::connect(them.local_addr()).await.unwrap();
    pinging.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    timeout(Duration::from_secs(5), pinging.read_exact(&mut pong)).await.unwrap().unwrap();
    assert_eq!(&pong, b"\r\n");
    talk(&us, &mut calls, Hop::new(Transport::Tcp, them.local_addr())).await;
    // What others open and break is no fault of a hop of ours.
    assert_eq!(them.fault(theirs), None);
}

#[tokio::test]
async fn why_a_hop_could_not_be_reached_is_told_until_it_can() {
    let (us, _in) = socket(StreamConfig::default()).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hop = Hop::new(Transport::Tcp, closed);
    let mut call = invite(&us, hop);
    until(&mut call, |e| matches!(e, Event::Failed { .. })).await;
    assert!(us.fault(hop).is_some());
    let _listener = std::net::TcpListener::bind(closed).unwrap();
    let _call = invite(&us, hop);
    let up = async {
        while us.fault(hop).is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), up).await.unwrap();
}
