//! Bytes of strangers: noise, messages cut short, the torture messages of RFC 4475, forged requests.

use std::net::SocketAddr;

use tokio::{net::UdpSocket, sync::mpsc, time::timeout};
use waihu_sip::{EndedBy, Event};
use waihu_trunk::IncomingCall;

use crate::{
    laws::{Message, tag},
    near::{PATIENCE, World, answer, end, until},
    torture,
};

/// Datagrams between two questions whether the trunk still keeps up: fewer than its socket's buffer holds.
const BURST: usize = 32;

/// A stranger on an address of its own, so that no answer hits another test.
struct Stranger {
    socket: UdpSocket,
    trunk: SocketAddr,
    asked: u64,
}

impl Stranger {
    async fn of(trunk: SocketAddr) -> Self {
        Self { socket: UdpSocket::bind("127.0.77.1:0").await.unwrap(), trunk, asked: 0 }
    }

    async fn send(&mut self, datagrams: &[Vec<u8>]) {
        for burst in datagrams.chunks(BURST) {
            for bytes in burst {
                // An answer that found no open port comes back as an error here; it is of no interest.
                while self.socket.send_to(bytes, self.trunk).await.is_err() {}
            }
            self.is_answered().await;
        }
    }

    /// An OPTIONS that is answered shows that the trunk has read everything before it.
    async fn is_answered(&mut self) {
        self.asked += 1;
        let (branch, here) = (format!("z9hG4bKstranger{}", self.asked), self.socket.local_addr().unwrap());
        let options = format!(
            "OPTIONS sip:waihu@{} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch={branch};rport\r\nFrom: <sip:s@{here}>;tag=s\r\n\
             To: <sip:waihu@{}>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            self.trunk, self.trunk
        );
        self.socket.send_to(options.as_bytes(), self.trunk).await.unwrap();
        let mut buffer = vec![0; 65_535];
        let answered = timeout(PATIENCE, async {
            loop {
                let Ok(n) = self.socket.recv(&mut buffer).await else { continue };
                let text = String::from_utf8_lossy(&buffer[..n]);
                if text.starts_with("SIP/2.0 200") && text.contains(&branch) {
                    return;
                }
            }
        });
        answered.await.expect("the trunk answers OPTIONS amid the noise");
    }
}

/// Bytes without meaning, the same in each run.
fn noise() -> Vec<Vec<u8>> {
    let mut state = 1u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    (0..400)
        .map(|_| {
            let length = next() as usize % 1_500;
            (0..length).map(|_| next() as u8).collect()
        })
        .collect()
}

/// A message of the live call, cut at every 7th byte.
fn cut(text: &str) -> Vec<Vec<u8>> {
    (0..text.len()).step_by(7).map(|n| text.as_bytes()[..n].to_vec()).collect()
}

/// The same with every 11th byte changed in turn.
fn changed(text: &str) -> Vec<Vec<u8>> {
    let change = |n: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[n] ^= 0x55;
        bytes
    };
    (0..text.len()).step_by(11).map(change).collect()
}

/// Requests that know the live call's Call-ID, but not its tags or its branch.
fn forged(invite: &Message<'_>) -> Vec<Vec<u8>> {
    let ours = tag(invite.one("From")).unwrap();
    let request = |method: &str, from: &str, to: &str, branch: &str| {
        format!(
            "{method} sip:waihu@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.77.1:9;branch={branch}\r\n\
             From: <sip:x@y>{from}\r\nTo: <sip:x@y>{to}\r\nCall-ID: {}\r\nCSeq: 900 {method}\r\n\
             Contact: <sip:x@127.0.77.1:9>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            invite.one("Call-ID")
        )
        .into_bytes()
    };
    let theirs_unknown = format!(";tag={ours}");
    let branch = invite.branch();
    let mut all = vec![
        request("BYE", ";tag=guess", &theirs_unknown, "z9hG4bKf1"),
        request("BYE", &theirs_unknown, ";tag=guess", "z9hG4bKf2"),
        request("INVITE", ";tag=guess", &theirs_unknown, "z9hG4bKf3"),
        request("CANCEL", &theirs_unknown, "", branch),
        request("ACK", ";tag=guess", &theirs_unknown, branch),
    ];
    for code in ["200 OK", "486 Busy", "100 Trying"] {
        all.push(
            format!(
                "SIP/2.0 {code}\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKguess\r\nFrom: {}\r\nTo: <sip:x@y>;tag=g\r\n\
                 Call-ID: {}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
                invite.one("From"),
                invite.one("Call-ID")
            )
            .into_bytes(),
        );
    }
    all
}

/// Some torture messages are calls in good order; they are let go like any that nobody wants.
fn let_go(incoming: &mut mpsc::Receiver<IncomingCall>) -> usize {
    std::iter::from_fn(|| incoming.try_recv().ok()).count()
}

#[tokio::test]
async fn strangers_disturb_no_call_before_during_or_after_it() {
    let mut world = World::with("answers", &[]).await;
    let mut stranger = Stranger::of(world.socket.local_addr()).await;
    let torture = torture::all();
    let general: Vec<Vec<u8>> = noise().into_iter().chain(torture.clone()).collect();
    stranger.send(&general).await;
    let mut calls = let_go(&mut world.incoming);

    let mut call = world.invite();
    until(&mut call, |e| matches!(e, Event::Provisional { code: 180, .. })).await;
    stranger.send(&general).await;
    answer(&mut call).await;
    let sent = world.wire.first(|s| s.ours("INVITE")).await;
    stranger.send(&general).await;
    stranger.send(&cut(&sent.text)).await;
    stranger.send(&changed(&sent.text)).await;
    stranger.send(&forged(&Message::of(&sent.text))).await;
    let answered = world.wire.first(|s| s.theirs("SIP/2.0 200")).await;
    // Not changed: with another To tag it would rightly count as a second callee's answer.
    stranger.send(&cut(&answered.text)).await;
    calls += let_go(&mut world.incoming);
    assert!(calls > 0 || torture.is_empty(), "the valid INVITEs among the torture messages came through");

    call.hangup(None);
    assert_eq!(end(&mut call).await, Event::Ended { by: EndedBy::Local, reason: None });
    stranger.send(&general).await;
    let_go(&mut world.incoming);
    assert!(world.socket.counters().discarded > 1_600);
    let socket = world.socket.clone();
    world.ends_well().await;
    assert_eq!(socket.usage().await.calls, 0);
}
