//! An agent calls somebody in and leaves them to each other; a callee is referred to a PBX. By real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/desk.rs"]
mod desk;
#[path = "common/floor.rs"]
mod floor;
#[path = "common/page.rs"]
mod page;

use std::{net::UdpSocket, thread, time::Duration};

use floor::{Agent, Floor, Place, offers};
use serde_json::json;
use tokio::time::sleep;

const LI: u16 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_called_in_stays_with_the_callee_when_the_agent_leaves() {
    const API: &str = "127.0.0.1:8504";
    let place = Place::of("127.0.0.1:5104", API, (26_300, 36_300));
    let mut floor = Floor::open(place, 2, "", &[], "");
    floor.is_open();
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call("张伟");
    let attempt = li.takes().await;
    // The second callee of the ground: nobody's case, and called as the callee wishes it.
    li.desk.say(json!({"type": "call_in", "attempt": attempt, "number": "1301"})).await;
    let there = loop {
        let state = li.desk.wait_for("state").await;
        if state["call"]["called_in"]["there"] == true {
            break state;
        }
    };
    assert_eq!(there["call"]["called_in"]["number"], "…01");
    sleep(Duration::from_secs(2)).await;
    li.says("leave", &attempt).await;
    li.is_free_after_the_end().await;
    // Both talk on without an agent, until they are gone.
    sleep(Duration::from_secs(3)).await;
    floor.callees_hang_up();
    let outcome = floor.filed(&talk, |_| true).await;
    assert_eq!(offers(&outcome), [("李明", "joined")]);
    let others = outcome["handover"]["others"].as_array().unwrap();
    assert_eq!((others.len(), &others[0]["part"]), (1, &json!("called_in")), "{outcome}");
    assert!(others[0]["name"].as_str().is_some_and(|name| name.ends_with("01") && name.len() < 8));
    floor.end();
}

/// A telephone behind a PBX: it picks up, and calls whom it is asked to call.
struct Pbx(UdpSocket);

impl Pbx {
    /// Serves one call to its end; whom it was referred to.
    fn serve(self) -> String {
        self.0.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let (mut bytes, mut to, mut invited) = ([0; 65_536], String::new(), String::new());
        loop {
            let (len, from) = self.0.recv_from(&mut bytes).expect("nobody hung up");
            let request = String::from_utf8_lossy(&bytes[..len]).into_owned();
            let answer = |code: &str, sdp: &str| {
                let answer = self.answer(&request, code, sdp);
                self.0.send_to(answer.as_bytes(), from).unwrap();
            };
            match request.split(' ').next().unwrap() {
                "INVITE" => {
                    invited = request.clone();
                    answer(
                        "200 OK",
                        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                         m=audio 36490 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
                    );
                }
                "REFER" => {
                    to = line(&request, "Refer-To: ");
                    answer("202 Accepted", "");
                    for (n, code) in ["100 Trying", "200 OK"].iter().enumerate() {
                        let is_last = n == 1;
                        self.0.send_to(self.notify(&invited, n + 1, code, is_last).as_bytes(), from).unwrap();
                    }
                }
                "BYE" => {
                    answer("200 OK", "");
                    return to;
                }
                _ => {}
            }
        }
    }

    fn answer(&self, request: &str, code: &str, sdp: &str) -> String {
        let mut lines = format!("SIP/2.0 {code}\r\n");
        for kept in request.lines() {
            if ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| kept.starts_with(name)) {
                lines += &format!("{kept}\r\n");
            } else if kept.starts_with("To:") {
                let tag = if kept.contains(";tag=") { "" } else { ";tag=far" };
                lines += &format!("{kept}{tag}\r\n");
            }
        }
        let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let (at, len) = (self.0.local_addr().unwrap(), sdp.len());
        format!("{lines}Contact: <sip:far@{at}>\r\n{kind}Content-Length: {len}\r\n\r\n{sdp}")
    }

    /// How far the call that it was asked for has come (RFC 3515, 2.4.4).
    fn notify(&self, invited: &str, number: usize, code: &str, is_last: bool) -> String {
        let state = if is_last { "terminated;reason=noresource" } else { "active;expires=60" };
        let contact = line(invited, "Contact: ");
        let target = contact.trim_start_matches('<').split('>').next().unwrap().to_owned();
        let (at, body) = (self.0.local_addr().unwrap(), format!("SIP/2.0 {code}\r\n"));
        format!(
            "NOTIFY {target} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKn{number}\r\nMax-Forwards: 70\r\n\
             From: {};tag=far\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number} NOTIFY\r\nContact: <sip:far@{at}>\r\n\
             Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag;version=2.0\r\n\
             Content-Length: {}\r\n\r\n{body}",
            line(invited, "To: "),
            line(invited, "From: "),
            line(invited, "Call-ID: "),
            body.len()
        )
    }
}

/// The value of a header field.
fn line(message: &str, begins: &str) -> String {
    let found = message.lines().find_map(|l| l.strip_prefix(begins));
    found.unwrap_or_else(|| panic!("no {begins} in\n{message}")).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callee_behind_a_pbx_is_referred_to_the_agents_telephone() {
    let place = Place::of("127.0.0.1:5105", "127.0.0.1:8505", (26_400, 36_400));
    let pbx = Pbx(UdpSocket::bind(place.sip).unwrap());
    let agent = "\n[[agent]]\nname = \"前台\"\naddress = \"sip:9000@127.0.0.1:5106\"\nskills = [\"hardship\"]\n\
                 handover = \"refer\"\n";
    let mut floor = Floor::open(place, 0, "", &[], agent);
    let serving = thread::spawn(move || pbx.serve());
    floor.serve();
    let talk = floor.call("张伟");
    let outcome = floor.filed(&talk, |_| true).await;
    assert!(serving.join().unwrap().contains("sip:9000@127.0.0.1:5106"));
    assert_eq!(offers(&outcome), [("前台", "joined")]);
    let handover = &outcome["handover"];
    assert_eq!((&handover["result"], &outcome["ended_by"]), (&json!("joined"), &json!("us")), "{outcome}");
    assert_eq!(outcome["disposition"], "handed_over");
    floor.end();
}
