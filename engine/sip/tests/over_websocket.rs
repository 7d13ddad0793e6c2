//! Telephones in browsers, which reach us by WebSocket and can be dialled by nobody (RFC 7118): found, called and asked
//! by the connection that they registered over, whatever address they make up, and gone with it.
#![allow(clippy::unwrap_used)]

mod agent;

use std::net::SocketAddr;

use agent::{Agent, CALL, HERE, THERE, field, fields, request, response, sdp, with};
use waihu_sip::{
    Codec, Command, Credentials, Endpoint, EndpointConfig, Event, Hop, IceLite, Input, Invite, Keys,
    NameAddr, Ours, Rtcp, Security, Transport, Uri,
    auth::Challenge,
    registrar::{Registrar, Telephone},
};

/// Where a page says it sits (RFC 2606), and its Contact.
const PAGE: &str = "df7jal23ls0d.invalid";
const CONTACT: &str = "<sip:page@df7jal23ls0d.invalid;transport=ws>";

/// What a browser answers to our offer, as Chromium writes it.
const ANSWER: &str = "v=0\r\no=- 1773830452798365288 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 96 102\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:8WAn\r\n\
    a=ice-pwd:3Du8/1yzIR0TtOlbnoh8nVRb\r\n\
    a=fingerprint:sha-256 EA:CE:C0:02:85:A7:A6:B8:37:30:22:99:C3:8B:1C:E2:C1:F8:0F:93:90:72:97:26:65:60:1C:52:2B:3B:1C:67\r\n\
    a=setup:active\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:96 opus/48000/2\r\n\
    a=rtpmap:102 telephone-event/48000\r\n";

fn listening() -> Agent {
    let mut config = EndpointConfig::new(HERE.parse().unwrap(), "test", 7);
    (config.ws_port, config.wss_port) = (Some(8080), Some(8443));
    let desk = Telephone { user: "desk".to_owned(), password: "secret".to_owned() };
    let mut us = Agent::new();
    us.endpoint = Endpoint::new(config).with_registrar(Registrar::new("waihu", vec![desk], 7));
    us.transport = Transport::Wss;
    us
}

/// What a far end says, as a page with this Contact says it.
fn of_page(text: &str, contact: &str) -> String {
    text.replace(&format!("SIP/2.0/UDP {THERE}"), &format!("SIP/2.0/WSS {PAGE}"))
        .replace(&format!("<sip:far@{THERE}>"), contact)
}

/// A page registers, asked for its proof; the answer that it has at last.
fn registers(us: &mut Agent, contact: &str) -> String {
    let dialog = ("<sip:desk@x>;tag=f", "<sip:desk@x>", "page@x");
    let register = |cseq: u32| {
        let asked = request("REGISTER", cseq, &format!("r{cseq}"), dialog, "");
        of_page(&with(&asked, "Expires: 120"), contact)
    };
    us.hear(&register(1));
    let asked = us.last("SIP/2.0 401");
    let challenge = Challenge::parse(fields(&asked, "WWW-Authenticate")[0]).unwrap();
    let who = Credentials { username: "desk".into(), password: "secret".into(), realm: None };
    let proof = challenge.answer(&who, ("REGISTER", &format!("sip:waihu@{HERE}"), b""), 1, "c");
    us.hear(&with(&register(2), &format!("Authorization: {proof}")));
    us.last("SIP/2.0")
}

/// Calls the page with this offer.
fn calls(us: &mut Agent, offer: waihu_sip::SessionDescription) -> String {
    let here: SocketAddr = HERE.parse().unwrap();
    us.input(Input::Command(Command::Invite(Box::new(Invite {
        call: CALL,
        target: Uri::sip("desk", here),
        next_hop: here.into(),
        backups: Vec::new(),
        redirects: Vec::new(),
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", here)),
        credentials: None,
        offer,
        headers: Vec::new(),
    }))));
    us.last("INVITE")
}

fn went(us: &Agent, start: &str) -> Hop {
    let sent = us.sent_last(start);
    Hop::new(sent.transport, sent.to)
}

/// Where the page's connection ends.
fn page() -> Hop {
    Hop::new(Transport::Wss, THERE.parse().unwrap())
}

#[test]
fn a_page_is_answered_called_and_hung_up_on_by_the_connection_that_it_registered_over() {
    // Some make up an address where others name nobody's host.
    for contact in [CONTACT, "<sip:page@192.0.2.77;transport=ws>", "<sip:page@192.0.2.77:5060;transport=wss>"]
    {
        let mut us = listening();
        let ok = registers(&mut us, contact);
        assert!(ok.starts_with("SIP/2.0 200") && field(&ok, "Contact").starts_with(contact), "{ok}");
        let via = field(&ok, "Via");
        assert!(
            via.starts_with(&format!("SIP/2.0/WSS {PAGE};")) && via.contains(";received=192.0.2.2"),
            "{via}"
        );
        assert!(!via.contains("rport"), "not asked for: {via}");
        assert_eq!(went(&us, "SIP/2.0 200"), page());

        let target = contact.trim_matches(['<', '>']);
        let invite = calls(&mut us, sdp());
        assert!(invite.starts_with(&format!("INVITE {target} SIP/2.0")), "{invite}");
        assert!(field(&invite, "Via").starts_with("SIP/2.0/WSS 192.0.2.1:8443;"));
        assert_eq!(field(&invite, "Contact"), "<sip:waihu@192.0.2.1:8443;transport=ws>");
        us.hear(&of_page(&response(&invite, "200 OK", agent::BODY), contact));
        assert!(matches!(us.end(), Event::Answered { .. }));
        us.hang_up(CALL);
        for start in ["INVITE", "ACK", "BYE"] {
            assert_eq!(went(&us, start), page(), "{contact}");
            assert!(us.last(start).starts_with(&format!("{start} {target} ")), "{contact}");
        }
    }
}

#[test]
fn a_page_has_nobody_else_sent_to() {
    for (contact, route) in [
        ("<sip:page@198.51.100.5:6379;transport=tcp>", ""),
        ("<sip:page@198.51.100.5:6379>", ""),
        (CONTACT, "Record-Route: <sip:198.51.100.5:6379;transport=tcp;lr>"),
        (CONTACT, "Record-Route: <sip:198.51.100.5;transport=ws;lr>"),
    ] {
        let mut us = listening();
        registers(&mut us, CONTACT);
        let invite = calls(&mut us, sdp());
        let ok = of_page(&response(&invite, "200 OK", agent::BODY), contact);
        us.hear(&if route.is_empty() { ok } else { with(&ok, route) });
        us.hang_up(CALL);
        for start in ["ACK", "BYE"] {
            assert_eq!(went(&us, start), page(), "{contact} {route}");
        }
    }
}

#[test]
fn a_page_that_asks_for_the_port_is_told_it() {
    let mut us = listening();
    let dialog = ("<sip:desk@x>;tag=f", "<sip:waihu@x>", "options@x");
    let options = of_page(&request("OPTIONS", 1, "o", dialog, ""), CONTACT);
    us.hear(&options.replace("branch=z9hG4bKo", "branch=z9hG4bKo;rport"));
    let ok = us.last("SIP/2.0 200");
    let via = field(&ok, "Via");
    assert!(via.contains(";rport=5060") && via.contains(";received=192.0.2.2"), "{via}");
    assert_eq!(went(&us, "SIP/2.0 200"), page());
}

#[test]
fn whether_a_page_is_there_is_asked_by_its_connection() {
    let mut us = listening();
    registers(&mut us, CONTACT);
    let here: SocketAddr = HERE.parse().unwrap();
    let asked = Command::Options { ping: 1, target: Uri::sip("desk", here), next_hop: here.into() };
    us.input(Input::Command(asked));
    assert_eq!(went(&us, "OPTIONS"), page());
    assert!(us.last("OPTIONS").starts_with(&format!("OPTIONS {} SIP/2.0", CONTACT.trim_matches(['<', '>']))));
}

#[test]
fn a_page_is_gone_with_its_connection_and_a_telephone_that_can_be_dialled_is_not() {
    let here = Hop::from(HERE.parse::<SocketAddr>().unwrap());
    for (transport, at) in [
        (Transport::Wss, here),
        (Transport::Ws, here),
        (Transport::Tcp, Hop::new(Transport::Tcp, THERE.parse().unwrap())),
    ] {
        let mut us = listening();
        us.transport = transport;
        assert!(registers(&mut us, CONTACT).starts_with("SIP/2.0 200"));
        // Another's end is nothing to it.
        us.input(Input::Unreachable { to: Hop::new(transport, "192.0.2.2:5099".parse().unwrap()) });
        us.input(Input::Unreachable { to: Hop::new(transport, THERE.parse().unwrap()) });
        calls(&mut us, sdp());
        assert_eq!(went(&us, "INVITE"), at, "{transport}");
    }
}

#[test]
fn a_page_takes_our_offer_and_may_hold_by_another() {
    let mut us = listening();
    registers(&mut us, CONTACT);
    let hash = [7; 32];
    let addresses = ["192.0.2.1".parse().unwrap()];
    let ours = Ours {
        rtcp: Rtcp::Mux,
        security: Security::Mandatory(Keys::Dtls(&hash)),
        ..Ours::plain("192.0.2.1:4000".parse().unwrap(), &[Codec::Opus])
    };
    let ice = IceLite { ufrag: "ours", pwd: "of 22 characters or so", addresses: &addresses };
    let invite = calls(&mut us, ours.offer_to_browser(ice));
    us.hear(&of_page(&response(&invite, "200 OK", ANSWER), CONTACT));
    assert!(matches!(us.end(), Event::Answered { .. }), "{:?}", us.end());

    let ack = us.last("ACK");
    let dialog = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    let held = ANSWER.replace("a=setup:active", "a=setup:actpass").replace("a=sendrecv", "a=sendonly");
    us.hear(&of_page(&request("INVITE", 1, "hold", dialog, &held), CONTACT));
    let ok = us.last("SIP/2.0 200");
    // It proves by the same words where it is, and goes on with the same handshake (RFC 8839, RFC 8842).
    for line in
        ["a=ice-lite", "a=ice-ufrag:ours", "a=group:BUNDLE 0", "a=mid:0", "a=setup:passive", "a=recvonly"]
    {
        assert!(ok.lines().any(|l| l == line), "{line} in\n{ok}");
    }
    assert!(ok.contains("a=candidate:1 1 UDP ") && went(&us, "SIP/2.0 200") == page(), "{ok}");
    assert!(matches!(us.end(), Event::Reinvited { .. }), "{:?}", us.end());
}
