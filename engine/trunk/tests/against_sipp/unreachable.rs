//! Trunks that are not there.

use std::net::SocketAddr;

use tokio::{net::UdpSocket, time::timeout};
use waihu_sip::{EndedBy, Event, FailureCause, TimedOut, Uri};
use waihu_trunk::SipSocket;

use crate::near::{PATIENCE, World, answer, end, open, request};

/// A port that nobody listens on, and that nobody else will be given meanwhile: of an address that no
/// other test uses.
async fn closed() -> SocketAddr {
    UdpSocket::bind("127.0.66.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_closed_port_fails_the_call_at_the_first_datagram() {
    let (socket, _incoming) = open().await;
    let closed = closed().await;
    let mut call = socket.invite(request(&socket, closed, None));
    let failed = end(&mut call).await;
    assert!(
        matches!(failed, Event::Failed { code: 503, cause: FailureCause::TransportError, .. }),
        "{failed:?}"
    );
    assert_eq!(socket.counters().sent, 1, "ICMP came before timer A");
    assert_eq!(socket.ping(Uri::sip("x", closed), closed.into()).await, Err(TimedOut));
    assert_eq!(socket.usage().await, waihu_sip::Usage::default());
}

#[tokio::test]
async fn a_closed_port_disturbs_no_call_to_somewhere_else() {
    let world = World::with("answers", &[]).await;
    let closed = closed().await;
    let mut call = world.invite();
    answer(&mut call).await;
    let mut others: Vec<_> =
        (0..100).map(|_| world.socket.invite(request(&world.socket, closed, None))).collect();
    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    for other in &mut others {
        let failed = end(other).await;
        assert!(matches!(failed, Event::Failed { code: 503, .. }), "{failed:?}");
    }
    world.ends_well().await;
}

#[tokio::test]
async fn a_silent_trunk_is_given_up_when_timer_b_says_so() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (socket, _incoming) = open().await;
    let to = silent.local_addr().unwrap();
    let mut waiting = socket.invite(request(&socket, to, None));
    let mut given_up = socket.invite(request(&socket, to, None));
    given_up.hangup(None);
    let (failed, gave_up) = tokio::join!(end(&mut waiting), end(&mut given_up));
    for end in [failed, gave_up] {
        assert!(matches!(end, Event::Failed { code: 408, cause: FailureCause::TimedOut, .. }), "{end:?}");
    }
    let mut heard = Vec::new();
    let mut buffer = vec![0; 2_000];
    while let Ok(n) = silent.try_recv(&mut buffer) {
        heard.push(String::from_utf8(buffer[..n].to_vec()).unwrap());
    }
    // Seven of each, the last perhaps late for timer B; and no CANCEL, for nothing had come back.
    assert!((12..=14).contains(&heard.len()), "{} datagrams", heard.len());
    assert!(heard.iter().all(|text| text.starts_with("INVITE ")));
    timeout(PATIENCE, socket.settled()).await.unwrap();
    assert_eq!(socket.usage().await, waihu_sip::Usage::default());
}

#[tokio::test]
async fn an_address_that_nobody_can_answer_to_is_refused_at_once() {
    let refused = SipSocket::bind("0.0.0.0:0".parse().unwrap(), "waihu-test").await;
    assert!(refused.is_err_and(|e| e.to_string().contains("one address of this machine")));
}

#[tokio::test]
async fn a_socket_that_is_dropped_still_hangs_up() {
    let mut lost = 3;
    let world = World::losing("answers", &[], move |s| {
        let lose = s.ours("BYE") && lost > 0;
        lost -= i32::from(lose);
        lose
    })
    .await;
    let mut call = world.invite();
    answer(&mut call).await;
    let World { socket, incoming, wire, sipp, .. } = world;
    let local = socket.local_addr();
    drop((call, socket, incoming));
    sipp.ends_content().await;
    assert!(wire.all(|s| s.ours("BYE")).len() >= 4);
    // The port is free once the agreement is there.
    wire.first(|s| s.theirs("SIP/2.0 200") && s.text.contains("BYE")).await;
    timeout(PATIENCE, async {
        while UdpSocket::bind(local).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}
