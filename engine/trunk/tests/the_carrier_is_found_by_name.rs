//! A trunk whose proxy is a name: its machines are found by a real DNS (dnsmasq), asked whether they are there, and
//! followed where the DNS says something else; what a DNS does that is away, lies or knows nothing costs no call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    net::{SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};
use waihu_sip::{Codec, Event, Hop, NameAddr, SessionDescription, Uri};
use waihu_trunk::{
    Call, Carrier, Dns, DnsFault, IncomingCall, InviteRequest, Room, SipSocket, Standing, TrunkConfig,
    locate::NotFound,
};

/// Long enough on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A DNS server with what it is told to say.
struct Dnsmasq {
    child: Child,
    at: SocketAddr,
}

impl Dnsmasq {
    fn start(at: SocketAddr, records: &[String]) -> Self {
        let child = Command::new("dnsmasq")
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-hosts",
                "--no-resolv",
                "--bind-interfaces",
            ])
            .args([
                "--pid-file=",
                "--user=root",
                "--local-ttl=1",
                "--local=/example/",
                "--listen-address=127.0.0.1",
            ])
            .arg(format!("--port={}", at.port()))
            .args(records)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dnsmasq is missing: .ci/setup --with-peers installs it");
        Self { child, at }
    }

    /// Ends it and begins another at the same port.
    fn says(self, records: &[String]) -> Self {
        let at = self.at;
        drop(self);
        Self::start(at, records)
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free for datagrams and streams.
fn free() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn naptr(service: &str, replacement: &str) -> String {
    format!("--naptr-record=carrier.example,50,50,s,{service},,{replacement}")
}

fn srv(name: &str, target: &str, port: u16, priority: u16) -> String {
    format!("--srv-host={name},{target},{port},{priority},10")
}

fn host(name: &str, address: &str) -> String {
    format!("--host-record={name},{address}")
}

fn trunk(proxy: &str, dns: SocketAddr, more: &str) -> TrunkConfig {
    let text = format!(
        "[trunk]\nproxy = \"{proxy}\"\nfrom = \"sip:4008001234@carrier.example\"\nbind = \"127.0.0.1:0\"\n\
         [signalling]\ndns = \"{dns}\"\nping_s = 5\n{more}"
    );
    TrunkConfig::parse(&text, "t.toml").unwrap()
}

/// A machine of the carrier.
async fn machine(address: &str) -> (SipSocket, mpsc::Receiver<IncomingCall>) {
    SipSocket::bind(address.parse().unwrap(), "machine").await.unwrap()
}

async fn ours(trunk: &TrunkConfig) -> (Carrier, SipSocket) {
    for _ in 0..20 {
        // A free port for datagrams may be taken for streams.
        if let Ok((sip, _)) = SipSocket::open(trunk.socket("test")).await {
            return (Carrier::find(trunk, sip.clone(), None).await, sip);
        }
    }
    panic!("no free port");
}

/// The DNS may need a moment to be there.
async fn found(trunk: &TrunkConfig) -> (Carrier, SipSocket) {
    let (carrier, sip) = ours(trunk).await;
    until(|| !carrier.standings().is_empty()).await;
    (carrier, sip)
}

async fn until(so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it never comes to that");
}

fn stands(carrier: &Carrier, at: SocketAddr) -> Option<Standing> {
    carrier.standings().into_iter().find(|(hop, _)| hop.address == at).map(|(_, standing)| standing)
}

fn call(us: &SipSocket, carrier: &Carrier) -> Call {
    let route = carrier.route().unwrap();
    us.invite(InviteRequest {
        target: Uri::sip("1001", route.next_hop.address),
        next_hop: route.next_hop,
        backups: route.backups,
        redirects: Vec::new(),
        signed_as: None,
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", us.local_addr())),
        credentials: None,
        offer: SessionDescription::offer("127.0.0.1:40000".parse().unwrap(), &[Codec::Pcma]),
        headers: Vec::new(),
    })
}

async fn event(call: &mut Call, what: impl Fn(&Event) -> bool) {
    let found = async { while !what(&call.event().await.unwrap()) {} };
    timeout(PATIENCE, found).await.unwrap();
}

#[tokio::test]
async fn services_machines_and_addresses_are_found_and_a_machine_that_falls_gets_no_calls_until_it_is_back() {
    let (first, _calls) = machine("127.0.0.31:0").await;
    let (second, mut second_calls) = machine("127.0.0.32:0").await;
    let (one, two) = (first.local_addr(), second.local_addr());
    let _dns = Dnsmasq::start(
        free(),
        &[
            naptr("SIP+D2S", "_sip._sctp.carrier.example"),
            naptr("SIP+D2U", "_sip._udp.carrier.example"),
            srv("_sip._udp.carrier.example", "a.carrier.example", one.port(), 10),
            srv("_sip._udp.carrier.example", "b.carrier.example", two.port(), 20),
            host("a.carrier.example", "127.0.0.31"),
            host("b.carrier.example", "127.0.0.32"),
        ],
    );
    let trunk = trunk("carrier.example", _dns.at, "");
    let (carrier, sip) = found(&trunk).await;
    until(|| carrier.standings().iter().all(|(_, standing)| *standing == Standing::Up)).await;
    let route = carrier.route().unwrap();
    assert_eq!((route.next_hop, route.backups), (Hop::from(one), vec![Hop::from(two)]));
    assert!(carrier.is_one(Hop::from(two)) && !carrier.is_one(Hop::from(free())));

    drop((first, _calls));
    until(|| stands(&carrier, one) == Some(Standing::Down)).await;
    assert_eq!((carrier.route().unwrap().next_hop, carrier.room()), (Hop::from(two), Room::Open));
    let mut up = call(&sip, &carrier);
    let theirs = timeout(PATIENCE, second_calls.recv()).await.unwrap().unwrap();
    theirs.call.answer(SessionDescription::offer("127.0.0.32:50000".parse().unwrap(), &[Codec::Pcma]));
    event(&mut up, |e| matches!(e, Event::Answered { .. })).await;

    let (_first, _calls) = machine(&one.to_string()).await;
    until(|| stands(&carrier, one) == Some(Standing::Up)).await;
    assert_eq!(carrier.route().unwrap().next_hop, Hop::from(one));
    up.hangup(None);
    event(&mut up, |e| matches!(e, Event::Ended { .. })).await;
}

#[tokio::test]
async fn where_the_dns_says_something_else_calls_go_there_and_what_it_said_last_holds_while_it_is_away() {
    let (first, mut first_calls) = machine("127.0.0.33:0").await;
    let port = first.local_addr().port();
    let (second, _second_calls) = machine(&format!("127.0.0.34:{port}")).await;
    let place = format!("sip.carrier.example:{port}");
    let dns = Dnsmasq::start(free(), &[host("sip.carrier.example", "127.0.0.33")]);
    let trunk = trunk(&place, dns.at, "");
    let (carrier, sip) = found(&trunk).await;
    assert_eq!(carrier.route().unwrap().next_hop, Hop::from(first.local_addr()));
    let mut up = call(&sip, &carrier);
    let theirs = timeout(PATIENCE, first_calls.recv()).await.unwrap().unwrap();
    theirs.call.answer(SessionDescription::offer("127.0.0.33:50000".parse().unwrap(), &[Codec::Pcma]));
    event(&mut up, |e| matches!(e, Event::Answered { .. })).await;

    let dns = dns.says(&[host("sip.carrier.example", "127.0.0.34")]);
    until(|| carrier.route().is_some_and(|route| route.next_hop == Hop::from(second.local_addr()))).await;
    // The call that is up stays where it is, and hears its end though the machine is none of the carrier's any more.
    theirs.call.hangup(None);
    event(&mut up, |e| matches!(e, Event::Ended { .. })).await;

    // Away, and knowing nothing: in both cases calls go on.
    let at = dns.at;
    drop(dns);
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(carrier.route().unwrap().next_hop, Hop::from(second.local_addr()));
    let dns = Dnsmasq::start(at, &[]);
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(carrier.route().unwrap().next_hop, Hop::from(second.local_addr()));
    let _dns = dns.says(&[host("sip.carrier.example", "127.0.0.33")]);
    until(|| carrier.route().is_some_and(|route| route.next_hop == Hop::from(first.local_addr()))).await;
}

#[tokio::test]
async fn a_dns_that_comes_late_opens_the_trunk() {
    let (first, _calls) = machine("127.0.0.35:0").await;
    let at = free();
    let trunk = trunk(&format!("sip.carrier.example:{}", first.local_addr().port()), at, "");
    let (carrier, _sip) = ours(&trunk).await;
    assert_eq!((carrier.room(), carrier.route()), (Room::Shut, None));
    let why = carrier.why_shut().unwrap();
    assert!(why.contains("the DNS does not answer (A/AAAA sip.carrier.example)"), "{why}");
    let _dns = Dnsmasq::start(at, &[host("sip.carrier.example", "127.0.0.35")]);
    until(|| carrier.room() == Room::Open).await;
    assert_eq!(carrier.why_shut(), None);
}

/// Answers every question with what `lie` makes of it, until it is told to stop.
fn liar(lie: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> (SocketAddr, Arc<AtomicBool>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (at, over) = (socket.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
    let ends = Arc::clone(&over);
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while !ends.load(Ordering::Relaxed) {
            if let Ok((n, from)) = socket.recv_from(&mut question) {
                let _ = socket.send_to(&lie(&question[..n]), from);
            }
        }
    });
    (at, over)
}

/// The question alone, as an answer, with one record behind it whose name is the question's.
fn answer(question: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let name = 12 + question[12..].iter().position(|b| *b == 0).unwrap();
    let mut bytes = question[..name + 5].to_vec();
    bytes[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    bytes.extend([0xc0, 12]);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 0, 60]);
    bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

#[tokio::test]
async fn a_dns_that_lies_or_knows_nothing_is_told_of() {
    let located = async |at: SocketAddr, place: &str| {
        let dns = Dns::new(Some(at), true).unwrap();
        dns.locate(&place.parse().unwrap(), None, &waihu_trunk::BY_NAME).await.map(|found| found.targets)
    };
    // Garbage, another's answer, an alias of itself, a record that ends in the middle.
    type Lie = fn(&[u8]) -> Vec<u8>;
    let lies: [Lie; 4] = [
        |_| b"\xff\xfe garbage".to_vec(),
        |question| {
            let mut bytes = answer(question, 1, &[127, 0, 0, 1]);
            bytes[0] ^= 0xff;
            bytes
        },
        |question| answer(question, 5, &[0xc0, 12]),
        |question| {
            let mut bytes = answer(question, 1, &[127, 0, 0, 1]);
            bytes.truncate(bytes.len() - 2);
            bytes
        },
    ];
    for (n, lie) in lies.into_iter().enumerate() {
        let (at, over) = liar(lie);
        let fault = located(at, "carrier.example:5060").await.unwrap_err();
        over.store(true, Ordering::Relaxed);
        assert!(fault.to_string().contains("DNS"), "{n}: {fault}");
        println!("lie {n}: {fault}");
    }
    // A pointer into itself in the name of a machine: nothing of it is believed.
    let (at, over) = liar(|question| answer(question, 33, &[0, 1, 0, 1, 0x13, 0xc4, 0xc0, 40]));
    assert!(located(at, "carrier.example").await.is_err());
    over.store(true, Ordering::Relaxed);

    let dns = Dnsmasq::start(
        free(),
        &[host("six.carrier.example", "2001:db8::1"), host("v4.example", "127.0.0.1")],
    );
    until(|| UdpSocket::bind(dns.at).is_err()).await;
    let nowhere = |name: &str| DnsFault::Nowhere { name: name.to_owned(), why: NotFound::Nowhere };
    assert_eq!(located(dns.at, "none.example").await.unwrap_err(), nowhere("none.example"));
    assert_eq!(
        located(dns.at, "six.carrier.example").await.unwrap_err(),
        DnsFault::OtherFamily { name: "six.carrier.example".to_owned(), family: "IPv4" }
    );
    assert_eq!(located(dns.at, "v4.example").await.unwrap()[0].hops[0].to_string(), "UDP 127.0.0.1:5060");
}
