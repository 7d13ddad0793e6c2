//! SIPp calls us, and asks about us.

use tokio::time::timeout;
use waihu_sip::{Codec, EndedBy, Event, FailureCause, Referral, SessionDescription};
use waihu_trunk::{IncomingCall, SipSocket, SocketConfig, Telephone};

use crate::{
    laws::{self, Message},
    near::{PATIENCE, end, over_ipv6, sound_of, until, usual},
    sipp::Sipp,
    wire::{Ends, Wire},
};

/// A SIPp that calls the trunk.
struct World {
    socket: SipSocket,
    incoming: tokio::sync::mpsc::Receiver<IncomingCall>,
    wire: Wire,
    sipp: Sipp,
}

impl World {
    async fn with(name: &str) -> Self {
        Self::of(usual(), name).await
    }

    /// The same with a trunk of another kind.
    async fn of(config: SocketConfig, name: &str) -> Self {
        let ip = config.local.ip();
        let (socket, incoming) = SipSocket::open(config).await.unwrap();
        let ends = Ends::open(ip).await;
        let (contact, remote) = (ends.near().to_string(), ends.far());
        let wire = ends.join(socket.local_addr(), None, |_| false);
        let sipp = Sipp::start(name, 1, &[("contact", &contact)], (ip, Some(remote))).await;
        Self { socket, incoming, wire, sipp }
    }

    async fn call(&mut self) -> IncomingCall {
        timeout(PATIENCE, self.incoming.recv()).await.unwrap().unwrap()
    }

    async fn ends_well(self) -> Wire {
        self.sipp.ends_content().await;
        timeout(PATIENCE, self.socket.settled()).await.unwrap();
        laws::hold(&self.wire.log(), self.socket.local_addr(), Referral::Declined);
        self.wire
    }
}

fn answer_to(incoming: &IncomingCall, socket: &SipSocket) -> SessionDescription {
    let offer = incoming.offer.as_ref().unwrap();
    SessionDescription::answer(offer, sound_of(socket), &[Codec::Pcma]).unwrap()
}

#[tokio::test]
async fn a_caller_is_answered_and_hangs_up_over_ipv4_and_ipv6() {
    for config in [usual(), over_ipv6()] {
        let mut world = World::of(config, "calls_and_hangs_up").await;
        let mut incoming = world.call().await;
        incoming.call.ring(180, None);
        incoming.call.answer(answer_to(&incoming, &world.socket));
        until(&mut incoming.call, |e| *e == Event::Confirmed).await;
        assert_eq!(end(&mut incoming.call).await, Event::Ended { by: EndedBy::Remote, reason: None });
        world.ends_well().await;
    }
}

#[tokio::test]
async fn a_caller_is_answered_and_we_hang_up_once_the_ack_is_there() {
    let mut world = World::with("calls_and_waits").await;
    let mut incoming = world.call().await;
    incoming.call.ring(180, None);
    incoming.call.answer(answer_to(&incoming, &world.socket));
    incoming.call.hangup(None);
    assert_eq!(end(&mut incoming.call).await, Event::Ended { by: EndedBy::Local, reason: None });
    let wire = world.ends_well().await;
    let log = wire.log();
    let position = |ours: bool, start: &str| {
        log.iter().position(|s| if ours { s.ours(start) } else { s.theirs(start) }).unwrap()
    };
    assert!(position(false, "ACK") < position(true, "BYE"), "{}", wire.course());
}

#[tokio::test]
async fn a_caller_that_gives_up_is_told_so() {
    let mut world = World::with("calls_and_cancels").await;
    let mut incoming = world.call().await;
    incoming.call.ring(180, None);
    let end = end(&mut incoming.call).await;
    assert!(matches!(end, Event::Failed { code: 487, cause: FailureCause::Cancelled, .. }), "{end:?}");
    let wire = world.ends_well().await;
    let tags: Vec<_> = wire
        .all(|s| s.ours("SIP/2.0 200") || s.ours("SIP/2.0 487"))
        .iter()
        .map(|s| laws::tag(Message::of(&s.text).one("To")).unwrap().to_owned())
        .collect();
    assert_eq!(tags[0], tags[1], "CANCEL and INVITE are answered under one tag (RFC 3261 §9.2)");
}

#[tokio::test]
async fn a_caller_whom_nobody_takes_is_refused() {
    let mut world = World::with("calls_and_is_refused").await;
    world.incoming.close();
    world.wire.first(|s| s.ours("SIP/2.0 503")).await;
    let socket = world.socket.clone();
    world.ends_well().await;
    assert_eq!(socket.counters().refused, 1);
}

#[tokio::test]
async fn questions_outside_any_call_are_answered() {
    World::with("asks_outside_a_call").await.ends_well().await;
}

#[tokio::test]
async fn ringing_that_has_to_arrive_is_acknowledged_before_the_answer_goes_out() {
    let mut world = World::with("calls_and_confirms_ringing").await;
    let mut incoming = world.call().await;
    incoming.call.ring(180, None);
    incoming.call.answer(answer_to(&incoming, &world.socket));
    until(&mut incoming.call, |e| *e == Event::Confirmed).await;
    assert_eq!(end(&mut incoming.call).await, Event::Ended { by: EndedBy::Remote, reason: None });
    world.ends_well().await;
}

#[tokio::test]
async fn a_telephone_registers_comes_again_and_leaves() {
    let telephone = Telephone { user: "desk".to_owned(), password: "secret".to_owned() };
    let config = SocketConfig { telephones: vec![telephone], ..usual() };
    let wire = World::of(config, "registers_here").await.ends_well().await;
    let left = wire.first(|s| s.ours("SIP/2.0 200") && s.text.contains("CSeq: 5 REGISTER")).await;
    assert!(Message::of(&left.text).all("Contact").is_empty(), "it is nowhere");
}
