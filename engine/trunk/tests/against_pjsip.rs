//! Attended transfers with an exchange that we did not write (PJSIP): we have it put two calls together, and put two of
//! its calls together when it asks; both are followed to their end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dissector;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, UdpSocket},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use dissector::Tap;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, unbounded_channel},
    time::timeout,
};
use waihu_sip::{Codec, EndedBy, Event, NameAddr, Referral, SessionDescription, Uri};
use waihu_trunk::{Call, HepConfig, Hop, IncomingCall, InviteRequest, SipSocket, SocketConfig};

const PATIENCE: Duration = Duration::from_secs(20);

/// The exchange; it ends with its input.
struct Exchange {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: UnboundedReceiver<String>,
    at: SocketAddr,
}

impl Exchange {
    async fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let packages = root.join("../../.tools/pjsua2");
        assert!(packages.exists(), "pjsua2 is missing: run `.ci/setup --with-peers`");
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new("python3")
            .arg(root.join("tests/pjsip/exchange.py"))
            .arg(port.to_string())
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, lines) = unbounded_channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let stdin = child.stdin.take();
        let mut own = Self { child, stdin, lines, at: SocketAddr::from(([127, 0, 0, 1], port)) };
        own.tells("ready").await;
        own
    }

    fn do_this(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits for a line that begins so; all of it.
    async fn tells(&mut self, beginning: &str) -> String {
        let mut told = Vec::new();
        loop {
            let line = timeout(PATIENCE, self.lines.recv()).await;
            let line = line.unwrap_or_else(|_| panic!("{beginning:?} is not told: {told:?}")).unwrap();
            if line.starts_with(beginning) {
                return line;
            }
            told.push(line);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        drop(self.stdin.take());
        for _ in 0..60 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A socket of ours, all of whose messages are kept for the dissector.
async fn socket(tap: &Tap) -> (SipSocket, mpsc::Receiver<IncomingCall>) {
    let config = SocketConfig {
        referral: Referral::Told,
        hep: Some(HepConfig { server: tap.at().to_string(), capture_id: 1, password: None }),
        ..SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test")
    };
    SipSocket::open(config).await.unwrap()
}

fn sdp(port: u16) -> SessionDescription {
    SessionDescription::offer(SocketAddr::from(([127, 0, 0, 1], port)), &[Codec::Pcma, Codec::Pcmu])
}

fn invite(from: &SipSocket, target: Uri, next_hop: Hop, headers: Vec<(String, String)>) -> Call {
    from.invite(InviteRequest {
        target,
        next_hop,
        backups: Vec::new(),
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", from.local_addr())),
        credentials: None,
        offer: sdp(40_000),
        headers,
        signed_as: None,
        redirects: Vec::new(),
    })
}

async fn until(call: &mut Call, what: impl Fn(&Event) -> bool) -> Event {
    let mut others = Vec::new();
    loop {
        let event =
            timeout(PATIENCE, call.event()).await.unwrap_or_else(|_| panic!("it does not come: {others:?}"));
        let event = event.unwrap_or_else(|| panic!("the call is over: {others:?}"));
        if what(&event) {
            return event;
        }
        others.push(event);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exchange_puts_two_of_our_calls_together() {
    let mut exchange = Exchange::start().await;
    let tap = Tap::open();
    let (us, _in) = socket(&tap).await;
    let call = |user: &str| invite(&us, Uri::sip(user, exchange.at), exchange.at.into(), Vec::new());
    // The callee, and the colleague who was asked first.
    let (mut callee, mut colleague) = (call("callee"), call("colleague"));
    until(&mut callee, |e| matches!(e, Event::Answered { .. })).await;
    until(&mut colleague, |e| matches!(e, Event::Answered { .. })).await;
    exchange.tells("up").await;
    exchange.tells("up").await;
    callee.refer(Uri::sip("colleague", exchange.at), Some(colleague.id()));
    exchange.tells("replaced").await;
    let mut codes = Vec::new();
    while codes.last().is_none_or(|code| *code < 200) {
        let Event::Transfer { code } = until(&mut callee, |e| matches!(e, Event::Transfer { .. })).await
        else {
            continue;
        };
        codes.push(code);
    }
    assert_eq!(codes.last(), Some(&200), "{codes:?}");
    // The colleague's call with us has given way to the one with the callee.
    let ended = until(&mut colleague, |e| matches!(e, Event::Ended { .. })).await;
    assert!(matches!(ended, Event::Ended { by: EndedBy::Remote, .. }), "{ended:?}");
    callee.hangup(None);
    until(&mut callee, |e| matches!(e, Event::Ended { .. })).await;
    us.settled().await;
    dissector::is_clean(&tap.told(), us.local_addr().port());
    // Both are with each other still.
    exchange.do_this("hang-up");
    exchange.tells("over").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn we_put_two_calls_of_the_exchange_together() {
    let mut exchange = Exchange::start().await;
    let taps = [Tap::open(), Tap::open()];
    let (callee, mut to_callee) = socket(&taps[0]).await;
    let (colleague, mut to_colleague) = socket(&taps[1]).await;
    exchange.do_this(&format!("call callee@{}", callee.local_addr()));
    let mut with_exchange = timeout(PATIENCE, to_callee.recv()).await.unwrap().unwrap();
    with_exchange.call.answer(sdp(41_000));
    let first = exchange.tells("up").await;
    exchange.do_this(&format!("call colleague@{}", colleague.local_addr()));
    let mut waiting = timeout(PATIENCE, to_colleague.recv()).await.unwrap().unwrap();
    waiting.call.answer(sdp(42_000));
    let second = exchange.tells("up").await;
    let number = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
    exchange.do_this(&format!("hand-on {} {}", number(&first), number(&second)));

    // The callee's side is asked, and does it.
    let asked = until(&mut with_exchange.call, |e| matches!(e, Event::TransferAsked { .. })).await;
    let Event::TransferAsked { target, replaces, .. } = asked else { panic!("{asked:?}") };
    let replaces = replaces.expect("no Replaces in Refer-To");
    let headers = vec![("Replaces".to_owned(), replaces), ("Require".to_owned(), "replaces".to_owned())];
    let mut anew = invite(&callee, target, colleague.local_addr().into(), headers);

    // The colleague's side takes it in place of the call that waits.
    let taking = timeout(PATIENCE, to_colleague.recv()).await.unwrap().unwrap();
    assert_eq!(taking.replaces, Some(waiting.call.id()));
    taking.call.answer(sdp(42_000));
    until(&mut anew, |e| matches!(e, Event::Answered { .. })).await;
    let ended = until(&mut waiting.call, |e| matches!(e, Event::Ended { .. })).await;
    assert_eq!(ended, Event::Ended { by: EndedBy::Replaced(taking.call.id()), reason: None });

    // The exchange hears of it and lets go; both are with each other.
    with_exchange.call.report_transfer(200, "OK");
    while !exchange.tells("handed-on").await.contains(" 200 last") {}
    exchange.do_this("hang-up");
    until(&mut with_exchange.call, |e| matches!(e, Event::Ended { .. })).await;
    anew.hangup(None);
    until(&mut anew, |e| matches!(e, Event::Ended { .. })).await;
    for (tap, socket) in taps.iter().zip([&callee, &colleague]) {
        socket.settled().await;
        dissector::is_clean(&tap.told(), socket.local_addr().port());
    }
}
