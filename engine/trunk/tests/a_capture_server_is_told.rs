//! A capture server of others (Kamailio's sipcapture) hears of each message what passed, and one that is not there holds
//! nobody up.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};
use waihu_sip::{Codec, Event, NameAddr, SessionDescription, Uri};
use waihu_trunk::{HepConfig, Hop, IncomingCall, InviteRequest, SipSocket, SocketConfig, Way};

async fn socket(hep: Option<String>) -> (SipSocket, mpsc::Receiver<IncomingCall>) {
    let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
    config.hep =
        hep.map(|server| HepConfig { server, capture_id: 2_001, password: Some("secret".to_owned()) });
    SipSocket::open(config).await.unwrap()
}

/// A call that is up for a moment.
async fn talk(us: &SipSocket, them: &SipSocket, calls: &mut mpsc::Receiver<IncomingCall>, key: &str) {
    let to = them.local_addr();
    let sdp = SessionDescription::offer(SocketAddr::from(([127, 0, 0, 1], 40_000)), &[Codec::Pcma]);
    let text = sdp.to_string().replace("RTP/AVP", "RTP/SAVP")
        + &format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n");
    let mut call = us.invite(InviteRequest {
        target: Uri::sip("13800001234", to),
        next_hop: Hop::from(to),
        backups: Vec::new(),
        call_id: Some("told-of".to_owned()),
        from: NameAddr::new(None, Uri::sip("waihu", us.local_addr())),
        credentials: None,
        offer: SessionDescription::parse(text.as_bytes()).unwrap(),
        headers: Vec::new(),
        signed_as: None,
        redirects: Vec::new(),
    });
    let theirs = timeout(Duration::from_secs(10), calls.recv()).await.unwrap().unwrap();
    theirs.call.answer(SessionDescription::parse(text.as_bytes()).unwrap());
    while !matches!(
        timeout(Duration::from_secs(10), call.event()).await.unwrap(),
        Some(Event::Answered { .. })
    ) {}
    call.hangup(None);
    us.settled().await;
}

/// A capture server by others; what it is told stands in its log.
struct Server(Child, PathBuf);

impl Server {
    fn start(folder: &Path) -> (Self, SocketAddr) {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = folder.join("log");
        let child = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kamailio/capture.cfg"))
            .arg("-A")
            .arg(format!("UDP_PORT=udp:127.0.0.1:{port}"))
            .arg("-A")
            .arg(format!("FOLDER={:?}", format!("flatstore:{}", folder.display())))
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .expect("kamailio is missing: run `.ci/setup --with-peers`");
        let (server, at) = (Self(child, log), SocketAddr::from(([127, 0, 0, 1], port)));
        // It listens once it has something to say about what is no message at all.
        let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..400 {
            probe.send_to(b"neither a message of SIP nor a packet of HEP\r\n\r\n", at).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            if server.log().contains("bad message") {
                break;
            }
        }
        (server, at)
    }

    /// Its log: it has packets in it as they came.
    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.1).unwrap()).into_owned()
    }

    /// What its log says of each packet, field by field.
    fn told(&self) -> Vec<Vec<String>> {
        let text = self.log();
        let rows = text.lines().filter_map(|line| Some(line.split_once("HEP ")?.1));
        // Without a version it is the probe's.
        let rows = rows.filter(|row| row.starts_with("3|"));
        rows.map(|row| row.split('|').map(str::to_owned).collect()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its first process ends the others.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_told_with_its_ends_and_without_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (server, at) = Server::start(folder.path());
    let (us, _in) = socket(Some(format!("localhost:{}", at.port()))).await;
    let (them, mut calls) = socket(None).await;
    let key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    talk(&us, &them, &mut calls, key).await;
    let steps = us.trace("told-of");
    for _ in 0..100 {
        if server.told().len() >= steps.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (told, log) = (server.told(), server.log());
    assert_eq!(told.len(), steps.len(), "{log}");
    assert!(log.contains("inline:****") && !log.contains(key), "{log}");
    let (own, far) = (us.local_addr().port().to_string(), them.local_addr().port().to_string());
    for (fields, step) in told.iter().zip(&steps) {
        let ends = if step.way == Way::Out { [&own, &far] } else { [&far, &own] };
        assert_eq!(fields[..4], ["3", "2001", "secret", "1"], "{log}");
        assert_eq!(fields[4], (step.at_ms / 1_000).to_string(), "{log}");
        assert_eq!([fields[5].as_str(), &fields[6], &fields[7]], ["127.0.0.1", ends[0], ends[1]], "{log}");
        // The method, or the status line.
        let line = fields[8].trim_start_matches("SIP/2.0 ");
        assert_eq!(line.split(' ').next(), step.line.split(' ').next(), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_holds_nobody_up() {
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for server in [nobody.to_string(), "no-such-host.invalid:9060".to_owned()] {
        let (us, _in) = socket(Some(server)).await;
        let (them, mut calls) = socket(None).await;
        talk(&us, &them, &mut calls, "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz").await;
    }
}
