//! The ready configuration of `sip-config/edge` on a real Kamailio: calls go out through it, a carrier that is dead
//! is passed over before a telephone rings, and whoever is no node places no call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    fs,
    net::UdpSocket,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use common::{COLUMNS, PATIENCE, approve, at, callees, lay_out, row, run};

const CARRIER: &str = "127.0.0.1:5093";
/// Nobody is there.
const DEAD: &str = "127.0.0.1:5094";
const EDGE: &str = "127.0.0.1:5095";
const NODE: &str = "127.0.0.1:5096";

const PERSONAS: &str = r#"
[[persona]]
number = "1301"
name = "busy"
lang = "zh"
rings_ms = 200
decline = 486

[[persona]]
number = "1302"
name = "hangs up"
lang = "zh"
rings_ms = 200
steps = [{ after_ms = 1500, hang_up = true }]
"#;

struct Edge(Child);

impl Edge {
    fn start(project: &Path) -> Self {
        let list = format!("1 sip:{DEAD} 0 0 weight=99\n1 sip:{CARRIER} 0 0 weight=1\n2 sip:{NODE} 4\n");
        fs::write(project.join("dispatcher.list"), list).unwrap();
        let define = |name: &str, value: String| ["-A".to_owned(), format!("{name}={value}")];
        let child = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("sip-config/edge/kamailio.cfg"))
            .args(define("EDGE", format!("udp:{EDGE}")))
            .args(define("CARRIERS_AND_NODES", format!("{:?}", at(project, "dispatcher.list"))))
            .args(define("CONTROL", format!("\"unix:{}\"", at(project, "control"))))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("kamailio is missing: .ci/setup --with-peers installs it");
        let edge = Self(child);
        assert!(answers(OPTIONS), "the edge does not answer");
        edge
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // Its first process ends the others.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

const OPTIONS: &str = "OPTIONS sip:127.0.0.1:5095 SIP/2.0\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\n\
    To: <sip:127.0.0.1:5095>\r\nCSeq: 1 OPTIONS\r\n";
const INVITE: &str = "INVITE sip:1301@127.0.0.1:5095 SIP/2.0\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\n\
    To: <sip:1301@127.0.0.1:5095>\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1>\r\n";

/// Whether a stranger's request is answered.
fn answers(request: &str) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (port, every) = (socket.local_addr().unwrap().port(), Duration::from_millis(500));
    socket.set_read_timeout(Some(every)).unwrap();
    let method = request.split(' ').next().unwrap();
    for n in 0..if method == "INVITE" { 4 } else { PATIENCE.as_millis() / every.as_millis() } {
        let text = format!(
            "{request}Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}{n}\r\nCall-ID: {method}-{n}\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        let _ = socket.send_to(text.as_bytes(), EDGE);
        let mut answer = [0; 2_048];
        match socket.recv(&mut answer) {
            Ok(n) if answer[..n].starts_with(b"SIP/2.0 ") => return true,
            Ok(_) => {}
            // Not there yet: a refused port answers at once.
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    false
}

#[test]
fn calls_go_out_by_the_carrier_that_lives() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = {EDGE:?}\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
         bind = {NODE:?}\nrtp_ports = [24300, 24398]\nring_timeout_s = 20\nmax_calls = 2\n"
    );
    let cases = [COLUMNS, &row("busy", "1301"), &row("hangs-up", "1302")].concat();
    lay_out(project, &[("sip-config/edge.toml", &trunk), ("personas.toml", PERSONAS), ("cases.csv", &cases)]);
    approve(project, "reminder");
    let carrier = callees(project, CARRIER, ("34100", "34198"), "personas.toml");
    let edge = Edge::start(project);
    assert!(!answers(INVITE), "a stranger placed a call");

    let table = at(project, "cases.csv");
    run(project, &["campaign", "run", "--cases", &table, "--script", "reminder", "--trunk", "edge"]);
    let told = run(project, &["outcomes", "--json"]);
    let mut came: Vec<(String, String, bool)> = told
        .lines()
        .map(|line| {
            let o: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| o[key].as_str().unwrap().to_owned();
            (text("case"), text("disposition"), o["answered_at"].is_string())
        })
        .collect();
    came.sort();
    assert_eq!(came[0], ("busy".to_owned(), "busy".to_owned(), false));
    assert_eq!((came[1].0.as_str(), came[1].2), ("hangs-up", true), "{came:?}");
    let rang = carrier.close().iter().filter(|line| line.starts_with("called")).count();
    assert_eq!(rang, 2, "nobody's telephone rang twice");
    drop(edge);
}
