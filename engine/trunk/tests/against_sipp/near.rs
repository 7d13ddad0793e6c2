//! Our end: a socket, a call and its events.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};
use waihu_sip::{Codec, Event, NameAddr, Referral, SessionDescription, Uri};
use waihu_trunk::{Call, Credentials, IncomingCall, InviteRequest, SipSocket, SocketConfig};

use crate::{
    laws,
    sipp::Sipp,
    wire::{Ends, Seen, Wire},
};

/// The longest that a test waits for an event.
pub const PATIENCE: Duration = Duration::from_secs(80);

/// The trunk, the wire and a SIPp that is called.
pub struct World {
    pub socket: SipSocket,
    pub incoming: mpsc::Receiver<IncomingCall>,
    pub wire: Wire,
    pub sipp: Sipp,
    referral: Referral,
}

impl World {
    /// A SIPp that takes one call by the scenario `name`, and a wire that loses nothing.
    pub async fn with(name: &str, words: &[(&str, &str)]) -> Self {
        Self::losing(name, words, |_| false).await
    }

    /// The same with a trunk of another kind.
    pub async fn of(config: SocketConfig, name: &str) -> Self {
        Self::begin(config, name, &[], |_| false).await
    }

    /// The same with a wire that loses what `lose` says.
    pub async fn losing(
        name: &str,
        words: &[(&str, &str)],
        lose: impl FnMut(&Seen) -> bool + Send + 'static,
    ) -> Self {
        Self::begin(usual(), name, words, lose).await
    }

    async fn begin(
        config: SocketConfig,
        name: &str,
        words: &[(&str, &str)],
        lose: impl FnMut(&Seen) -> bool + Send + 'static,
    ) -> Self {
        let (ip, referral) = (config.local.ip(), config.referral);
        let (socket, incoming) = SipSocket::open(config).await.unwrap();
        let ends = Ends::open(ip).await;
        let contact = ends.near().to_string();
        let words: Vec<_> = words.iter().copied().chain([("contact", contact.as_str())]).collect();
        let sipp = Sipp::start(name, 1, &words, (ip, None)).await;
        let wire = ends.join(socket.local_addr(), Some(sipp.address), lose);
        Self { socket, incoming, wire, sipp, referral }
    }

    pub fn invite(&self) -> Call {
        self.socket.invite(request(&self.socket, self.wire.near, None))
    }

    pub fn invite_as(&self, credentials: Credentials) -> Call {
        self.socket.invite(request(&self.socket, self.wire.near, Some(credentials)))
    }

    /// The far side must be content, we settled, and the laws kept. Returns the wire for more questions.
    pub async fn ends_well(self) -> Wire {
        self.sipp.ends_content().await;
        timeout(PATIENCE, self.socket.settled()).await.expect("every request of ours has its answer");
        laws::hold(&self.wire.log(), self.socket.local_addr(), self.referral);
        self.wire
    }
}

/// A trunk as most tests have it.
pub fn usual() -> SocketConfig {
    SocketConfig::new((Ipv4Addr::LOCALHOST, 0).into(), "waihu-test")
}

/// One at an address of IPv6.
pub fn over_ipv6() -> SocketConfig {
    SocketConfig::new((Ipv6Addr::LOCALHOST, 0).into(), "waihu-test")
}

/// One that tells its owner of transfers that are asked for.
pub fn told_of_transfers() -> SocketConfig {
    SocketConfig { referral: Referral::Told, ..usual() }
}

pub async fn open() -> (SipSocket, mpsc::Receiver<IncomingCall>) {
    SipSocket::open(usual()).await.unwrap()
}

/// Where our sound would come from.
pub fn sound_of(socket: &SipSocket) -> SocketAddr {
    SocketAddr::new(socket.local_addr().ip(), 30_000)
}

pub fn request(socket: &SipSocket, to: SocketAddr, credentials: Option<Credentials>) -> InviteRequest {
    InviteRequest {
        target: "sip:callee@callee.example".parse().unwrap(),
        next_hop: to.into(),
        backups: Vec::new(),
        redirects: Vec::new(),
        signed_as: None,
        call_id: None,
        from: NameAddr::new(None, Uri::sip("caller", socket.local_addr())),
        credentials,
        offer: SessionDescription::offer(sound_of(socket), &[Codec::Pcma, Codec::Pcmu]),
        headers: Vec::new(),
    }
}

/// The next event of a call.
pub async fn next(call: &mut Call) -> Option<Event> {
    timeout(PATIENCE, call.event()).await.expect("something happens to the call")
}

/// The first event from here on that `is` says yes to; an end that comes before fails the test.
pub async fn until(call: &mut Call, is: impl Fn(&Event) -> bool) -> Event {
    loop {
        let event = next(call).await.expect("the call is not over");
        if is(&event) {
            return event;
        }
        assert!(!is_end(&event), "the call ended before: {event:?}");
    }
}

/// Waits for the answer and returns their description.
pub async fn answer(call: &mut Call) -> SessionDescription {
    match until(call, |e| matches!(e, Event::Answered { .. })).await {
        Event::Answered { sdp } => sdp,
        _ => unreachable!(),
    }
}

/// Waits for the end, which nothing follows.
pub async fn end(call: &mut Call) -> Event {
    let end = loop {
        let event = next(call).await.expect("a call's end is told");
        if is_end(&event) {
            break event;
        }
    };
    assert_eq!(next(call).await, None, "nothing follows the end");
    end
}

fn is_end(event: &Event) -> bool {
    matches!(event, Event::Failed { .. } | Event::Ended { .. })
}
