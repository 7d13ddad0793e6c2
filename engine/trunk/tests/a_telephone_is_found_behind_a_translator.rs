//! A telephone that registers with us is called where it is, by the address that we are bound to and by the public one
//! that a translator (NAT) passes on to us.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::time::timeout;
use waihu_sip::{Codec, NameAddr, SessionDescription, Uri};
use waihu_trunk::{
    Credentials, InviteRequest, SipSocket, SocketConfig, Telephone,
    registration::{Order, State},
};

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_telephone_is_found_by_either_of_our_addresses() {
    let public: IpAddr = "203.0.113.5".parse().unwrap();
    let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
    config.public = Some(public);
    config.telephones = vec![Telephone { user: "desk".to_owned(), password: "secret".to_owned() }];
    let (us, _calls) = SipSocket::open(config).await.unwrap();
    let at = us.local_addr();
    let (desk, mut rings) = SipSocket::bind("127.0.0.1:0".parse().unwrap(), "desk").await.unwrap();
    let mut registration = desk.register(Order {
        registration: 0,
        registrar: Uri::sip("", at),
        next_hop: at.into(),
        of: NameAddr::new(None, Uri::sip("desk", at)),
        contact_user: "desk".to_owned(),
        expires_s: 120,
        credentials: Some(Credentials { username: "desk".into(), password: "secret".into(), realm: None }),
    });
    let state = timeout(PATIENCE, registration.state()).await.unwrap().unwrap();
    assert!(matches!(state, State::Registered { .. }), "{state:?}");
    for ip in [at.ip(), public] {
        let _call = us.invite(InviteRequest {
            target: Uri::sip("desk", SocketAddr::new(ip, at.port())),
            next_hop: at.into(),
            backups: Vec::new(),
            redirects: Vec::new(),
            call_id: None,
            from: NameAddr::new(None, Uri::sip("waihu", at)),
            signed_as: None,
            credentials: None,
            offer: SessionDescription::offer(SocketAddr::new(at.ip(), 40_000), &[Codec::Pcma]),
            headers: Vec::new(),
        });
        let ringing =
            timeout(PATIENCE, rings.recv()).await.unwrap_or_else(|_| panic!("{ip}: nobody is called"));
        assert_eq!(ringing.unwrap().request_uri, Uri::sip("desk", desk.local_addr()));
    }
}
