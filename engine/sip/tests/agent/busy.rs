//! An agent with calls in every stage.

use waihu_sip::{
    CallHandle, Command, Credentials, Endpoint, EndpointConfig, Input, Referral,
    registrar::{Registrar, Telephone},
};

use super::{Agent, BODY, CALL, HERE, field, request, response, sdp, with};

/// An agent with a call that rings, one that is up, one that came in, and the messages that fit them.
pub fn busy() -> (Agent, Vec<String>) {
    let mut config = EndpointConfig::new(HERE.parse().unwrap(), "test", 7);
    config.referral = Referral::Told;
    let mut us = Agent::with(config.clone());
    let telephones = vec![Telephone { user: "desk".into(), password: "p".into() }];
    us.endpoint = Endpoint::new(config).with_registrar(Registrar::new("waihu", telephones, 7));
    let who = Credentials { username: "u".into(), password: "p".into(), realm: None };
    let (_, ack) = us.call(CALL);
    let invite = us.invite(CallHandle(4), Some(who));
    let (_, came) = us.ringing();
    us.input(Input::Command(Command::Ring { call: came, code: 183, sdp: Some(sdp()) }));
    let theirs = (field(&ack, "To"), field(&ack, "From"), field(&ack, "Call-ID"));
    let mut fitting: Vec<String> = ["BYE", "INVITE", "UPDATE", "INFO", "OPTIONS", "PRACK", "NOTIFY", "REFER"]
        .iter()
        .enumerate()
        .map(|(n, method)| {
            request(method, 10 + n as u32, &format!("d{n}"), theirs, if n < 3 { BODY } else { "" })
        })
        .collect();
    fitting.push(with(&fitting[7], "Refer-To: <sip:x@192.0.2.8?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>"));
    fitting.push(with(&fitting[6], "Event: refer\r\nSubscription-State: terminated"));
    for status in ["100 Trying", "183 Session Progress", "200 OK", "486 Busy Here", "422 Too Small"] {
        fitting.push(with(
            &response(&invite, status, BODY),
            "Require: 100rel\r\nRSeq: 1\r\nMin-SE: 1900\r\nSession-Expires: 1800",
        ));
    }
    let challenge =
        "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", algorithm=SHA-256";
    fitting.push(with(&response(&invite, "407 Proxy Authentication Required", ""), challenge));
    let dialog = ("<sip:desk@x>;tag=f", "<sip:desk@x>", "reg@x");
    fitting.push(request("REGISTER", 1, "r", dialog, ""));
    fitting.push(with(
        &request("INVITE", 1, "n", ("<sip:n@x>;tag=n", "<sip:waihu@x>", "n@x"), BODY),
        "Replaces: a;to-tag=b;from-tag=c\r\nRequire: 100rel\r\nSession-Expires: 90;refresher=uac\r\nSupported: timer",
    ));
    (us, fitting)
}
