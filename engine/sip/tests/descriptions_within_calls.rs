//! What descriptions do to calls: keys that must be there, bodies with ISUP beside the description.
#![allow(clippy::unwrap_used)]

mod agent;

use agent::{Agent, BODY, CALL, HERE, THERE, field, request, response};
use waihu_sip::{
    Codec, Command, Direction, Event, FailureCause, Input, Invite, Keys, MediaMismatch, NameAddr, Ours,
    Security, SessionDescription, SrtpKey, SrtpSuite, StreamSecurity, Uri, agree,
};

const SUITE: SrtpSuite = SrtpSuite::AesCm128HmacSha1_80;
const THEIR_KEY: &str =
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";

fn our_key() -> SrtpKey {
    SrtpKey::new(SUITE, &[0x11; 30]).unwrap()
}

/// Our offer where SRTP is mandatory.
fn enciphered() -> SessionDescription {
    let keys = [our_key()];
    let security = Security::Mandatory(Keys::Sdes(&keys));
    Ours { security, ..Ours::plain("192.0.2.1:4000".parse().unwrap(), &[Codec::Pcma]) }.offer()
}

fn invite(us: &mut Agent, offer: SessionDescription) -> String {
    let there = THERE.parse().unwrap();
    us.input(Input::Command(Command::Invite(Box::new(Invite {
        call: CALL,
        target: Uri::sip("far", there),
        next_hop: std::net::SocketAddr::into(there),
        backups: Vec::new(),
        redirects: Vec::new(),
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", HERE.parse().unwrap())),
        credentials: None,
        offer,
        headers: Vec::new(),
    }))));
    us.last("INVITE")
}

/// The far end's description where it enciphers too.
fn theirs() -> String {
    BODY.replace("RTP/AVP", "RTP/SAVP") + THEIR_KEY
}

#[test]
fn an_answer_that_is_not_enciphered_ends_a_call_that_must_be() {
    for (body, said) in [
        (BODY.to_owned(), MediaMismatch::NoKey.to_string()),
        (BODY.replace("RTP/AVP", "RTP/SAVP"), MediaMismatch::NoKey.to_string()),
        (theirs().replace("crypto:1", "crypto:2"), MediaMismatch::KeyMismatch.to_string()),
        (theirs().trim_end().to_owned() + " UNENCRYPTED_SRTP\r\n", "session parameter".to_owned()),
    ] {
        let mut us = Agent::new();
        let invite = invite(&mut us, enciphered());
        us.hear(&response(&invite, "200 OK", &body));
        let Event::Failed { code: 488, reason, cause: FailureCause::BadAnswer, .. } = us.end() else {
            panic!("{:?}", us.end())
        };
        assert!(reason.contains(&said), "{reason}");
        assert_eq!((us.times("ACK").len(), us.times("BYE").len()), (1, 1));
    }
}

#[test]
fn a_call_that_is_enciphered_is_held_with_its_keys_and_never_becomes_plain() {
    let mut us = Agent::new();
    let mut ours = enciphered();
    let invite = invite(&mut us, ours.clone());
    assert!(invite.contains("m=audio 4000 RTP/SAVP 8 101\r\n"));
    us.hear(&response(&invite, "200 OK", &theirs()));
    let Event::Answered { sdp } = us.end() else { panic!("{:?}", us.end()) };
    let first = ours.settle(sdp).unwrap();
    assert!(matches!(first.srtp, StreamSecurity::Sdes { ours, .. } if ours == our_key()));
    let ack = us.last("ACK");
    let dialog = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));

    us.hear(&request("INVITE", 1, "plain", dialog, BODY));
    assert_eq!(us.times("SIP/2.0 488").len(), 1);
    assert!(matches!(us.end(), Event::Answered { .. }), "the call goes on as it was");

    us.hear(&request("INVITE", 2, "hold", dialog, &(theirs() + "a=sendonly\r\n")));
    let ok = us.last("SIP/2.0 200");
    let answer: SessionDescription = ok.split("\r\n\r\n").nth(1).unwrap().parse().unwrap();
    assert_eq!(answer.media[0].crypto, ours.media[0].crypto);
    let Event::Reinvited { sdp } = us.end() else { panic!("{:?}", us.end()) };
    let held = ours.settle_again(sdp).unwrap();
    assert_eq!((held.srtp, held.direction), (first.srtp, Direction::SendOnly));
    assert_eq!(agree(&answer, sdp), Ok(held), "whoever keeps our description comes to the endpoint's answer");
    assert_eq!(answer.origin.version, ours.origin.version);
}

/// A body as a carrier sends it that speaks SIP-I.
fn sip_i(message: &str, sdp: &str) -> String {
    let body = format!(
        "--b1\r\nContent-Type: application/sdp\r\n\r\n{sdp}--b1\r\nContent-Type: application/isup;version=itu-t92+\r\n\
        Content-Disposition: signal;handling=optional\r\n\r\nIAM\r\n--b1--\r\n"
    );
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    let kept: Vec<&str> = head.lines().filter(|l| !l.starts_with("Content-")).collect();
    format!(
        "{}\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\nMIME-Version: 1.0\r\nContent-Length: {}\r\n\r\n{body}",
        kept.join("\r\n"),
        body.len()
    )
}

#[test]
fn a_description_with_isup_beside_it_is_an_offer_and_an_answer_like_any() {
    let mut us = Agent::new();
    us.hear(&sip_i(&request("INVITE", 1, "in", ("<sip:far@x>;tag=f", "<sip:waihu@x>", "in@x"), BODY), BODY));
    let Event::Incoming { offer: Some(offer), .. } = us.end() else { panic!("{:?}", us.end()) };
    assert_eq!(offer.audio().unwrap().remote, "192.0.2.2:4000".parse().unwrap());

    let mut us = Agent::new();
    let invite = us.invite(CALL, None);
    us.hear(&sip_i(&response(&invite, "183 Session Progress", BODY), BODY));
    assert!(matches!(us.end(), Event::Provisional { sdp: Some(_), .. }));
    us.hear(&sip_i(&response(&invite, "200 OK", BODY), BODY));
    assert!(matches!(us.end(), Event::Answered { .. }));
    let ack = us.last("ACK");
    let dialog = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    us.hear(&sip_i(&request("INVITE", 1, "re", dialog, BODY), BODY));
    assert!(matches!(us.end(), Event::Reinvited { .. }));
}

#[test]
fn parts_without_a_description_are_refused_as_any_body_that_is_none() {
    let mut us = Agent::new();
    let heard = request("INVITE", 1, "in", ("<sip:far@x>;tag=f", "<sip:waihu@x>", "in@x"), BODY);
    us.hear(&sip_i(&heard, BODY).replace("application/sdp", "text/plain     "));
    assert_eq!(us.times("SIP/2.0 415").len(), 1);
    let mut us = Agent::new();
    us.hear(&sip_i(&heard, "v=0\r\nrubbish\r\n"));
    assert_eq!(us.times("SIP/2.0 400").len(), 1);
}
