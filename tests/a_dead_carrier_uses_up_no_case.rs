//! Where none of the carrier's machines answers a campaign waits, and says so; once the carrier is there each case is
//! called, once. A carrier that is found by name is asked of the DNS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use common::{COLUMNS, Told, approve, at, callees, lay_out, row, run, waihu};
use serde_json::Value;

const DNS_PORT: u16 = 5357;
const SIP: &str = "127.0.0.1:5097";

const PERSONAS: &str = r#"
[[persona]]
number = "01301"
name = "busy"
lang = "zh"
rings_ms = 200
decline = 486

[[persona]]
number = "01302"
name = "busy too"
lang = "zh"
rings_ms = 200
decline = 486
"#;

/// A DNS that says where the carrier is; ended when it is dropped.
struct Dns(Child);

impl Dns {
    fn start() -> Self {
        let child = Command::new("dnsmasq")
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-hosts",
                "--no-resolv",
                "--pid-file=",
            ])
            .args(["--user=root", "--bind-interfaces", "--listen-address=127.0.0.1", "--local=/example/"])
            .args([&format!("--port={DNS_PORT}"), "--host-record=a.carrier.example,127.0.0.1"])
            .args(["--naptr-record=carrier.example,50,50,s,SIP+D2U,,_sip._udp.carrier.example"])
            .args(["--srv-host=_sip._udp.carrier.example,a.carrier.example,5097,10,10"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dnsmasq is missing: .ci/setup --with-peers installs it");
        Self(child)
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn nobody_is_called_until_the_carrier_is_there_and_then_everybody_once() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let trunk = format!(
        "[trunk]\nproxy = \"carrier.example\"\nfrom = \"sip:4008001234@carrier.example\"\n\
         compliance = \"laboratory\"\nbind = \"127.0.0.1:0\"\nrtp_ports = [24500, 24598]\nmax_calls = 4\n\
         [signalling]\ndns = \"127.0.0.1:{DNS_PORT}\"\nping_s = 5\n\
         [[numbers.callee]]\nprefix = \"\"\nprepend = \"0\"\n\
         [[cause]]\ncode = [486]\nmeans = \"switched_off\"\n"
    );
    lay_out(
        project,
        &[
            ("sip-config/named.toml", &trunk),
            ("rows.toml", "trunk = \"named\"\nscript = \"reminder\"\n"),
            ("personas.toml", PERSONAS),
            ("cases.csv", &[COLUMNS, &row("busy", "1301"), &row("busy-too", "1302")].concat()),
        ],
    );
    approve(project, "reminder");
    let at = |file| at(project, file);
    let dns = Dns::start();
    let told = waihu(project).args(["trunk", "check", "named"]).output().unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(!told.status.success(), "{text}");
    for said in [
        "NAPTR carrier.example → 50 50 SIP+D2U _sip._udp.carrier.example",
        "SRV _sip._udp.carrier.example → 10 10 a.carrier.example",
        "A/AAAA a.carrier.example → 127.0.0.1",
        "sip:0+8610000000000@carrier.example",
        "✗ OPTIONS: UDP 127.0.0.1:5097 does not answer",
    ] {
        assert!(text.contains(said), "{said:?} in {text}");
    }

    run(
        project,
        &["campaign", "create", "rows", "--settings", &at("rows.toml"), "--cases", &at("cases.csv")],
    );
    run(project, &["campaign", "start", "rows"]);
    let engine =
        Told::spawn(waihu(project).args(["serve", "--trunk", "named", "--listen", "127.0.0.1:8497"]));
    engine.wait_for("waiting for the carrier, no case is used up");
    std::thread::sleep(Duration::from_secs(3));
    let status: Value =
        serde_json::from_str(&run(project, &["campaign", "status", "rows", "--json"])).unwrap();
    assert_eq!((&status["ready"], &status["leased"], &status["done"]), (&2.into(), &0.into(), &0.into()));
    assert_eq!(run(project, &["outcomes", "--json"]), "");

    let carrier = callees(project, SIP, ("34500", "34598"), "personas.toml");
    engine.wait_for("the carrier is back");
    // The DNS is not needed any more.
    drop(dns);
    let mut called = [carrier.wait_for("called 来电: "), carrier.wait_for("called 来电: ")];
    called.sort();
    assert!(called[0].ends_with("busy") && called[1].ends_with("busy too"), "{called:?}");
    engine.wait_for("unreachable");
    engine.wait_for("unreachable");
    engine.end();
    let outcomes = run(project, &["outcomes", "--json"]);
    let outcomes: Vec<Value> = outcomes.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(outcomes.len(), 2, "each once: {outcomes:?}");
    // The trunk's own table has the last word of what 486 means.
    assert!(
        outcomes.iter().all(|o| o["disposition"] == "unreachable" && o["sip"]["code"] == 486),
        "{outcomes:?}"
    );
    assert_eq!(carrier.close().iter().filter(|line| line.starts_with("called")).count(), 0);
}
