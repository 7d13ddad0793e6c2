//! When the socket's task is gone, by a panic or with its runtime, no call waits for it.
#![allow(clippy::unwrap_used)]

use std::{
    net::UdpSocket,
    pin::pin,
    task::{Context, Poll, Waker},
};

use waihu_sip::{Codec, Event, NameAddr, SessionDescription, Uri};
use waihu_trunk::{Call, InviteRequest, SipSocket};

fn next(call: &mut Call) -> Poll<Option<Event>> {
    pin!(call.event()).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_call_that_was_up_and_one_that_is_placed_too_late_are_over_at_once() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let next_hop = silent.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (sip, _incoming) = runtime.block_on(SipSocket::bind("127.0.0.1:0".parse().unwrap(), "test")).unwrap();
    let place = || {
        sip.invite(InviteRequest {
            target: Uri::sip("1001", next_hop),
            next_hop: next_hop.into(),
            backups: Vec::new(),
            redirects: Vec::new(),
            signed_as: None,
            call_id: None,
            from: NameAddr::new(None, Uri::sip("waihu", sip.local_addr())),
            credentials: None,
            offer: SessionDescription::offer(sip.local_addr(), &[Codec::Pcma]),
            headers: Vec::new(),
        })
    };
    let mut before = place();
    assert_eq!(next(&mut before), Poll::Pending);
    assert!(sip.is_open());
    drop(runtime);
    assert_eq!(next(&mut before), Poll::Ready(None));
    assert!(!sip.is_open());
    assert_eq!(next(&mut place()), Poll::Ready(None));
}
