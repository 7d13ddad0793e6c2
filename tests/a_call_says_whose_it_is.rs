//! What a carrier is told of who calls, by a campaign that names no number of its own: `from` as it is written, asserted,
//! and signed with its country.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    net::{SocketAddr, UdpSocket},
    process::Command,
    sync::mpsc::{Receiver, channel},
};

use common::{COLUMNS, PATIENCE, approve, at, lay_out, row, run};
use serde_json::Value;

/// A carrier that is there, and whose callees are all busy; the INVITEs that it hears.
fn carrier() -> (SocketAddr, Receiver<String>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let (tell, heard) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 8_192];
        loop {
            let Ok((n, from)) = socket.recv_from(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
            let status = match text.split(' ').next() {
                Some("INVITE") => "486 Busy Here",
                Some("OPTIONS") => "200 OK",
                _ => continue,
            };
            let mut answer = format!("SIP/2.0 {status}\r\n");
            for line in text.lines() {
                match line.split(':').next() {
                    Some("To") => answer += &format!("{line};tag=carrier\r\n"),
                    Some("Via" | "From" | "Call-ID" | "CSeq") => answer += &format!("{line}\r\n"),
                    _ => {}
                }
            }
            let _ = socket.send_to(format!("{answer}Content-Length: 0\r\n\r\n").as_bytes(), from);
            if text.starts_with("INVITE ") {
                let _ = tell.send(text);
            }
        }
    });
    (at, heard)
}

/// The value of a header that stands once.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let all: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect();
    assert_eq!(all.len(), 1, "{name} in {text}");
    all[0]
}

/// Base64 as JWS has it (RFC 4648 §5), without padding.
fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut out) = (0_u32, 0, Vec::new());
    for byte in text.bytes() {
        let value = LETTERS.iter().position(|letter| *letter == byte).unwrap();
        bits = (bits << 6) | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held).unwrap());
            bits &= (1 << held) - 1;
        }
    }
    out
}

#[test]
fn from_is_signed_with_its_country_and_asserted_as_the_carrier_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let key = at(project, "stir.key");
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (proxy, heard) = carrier();
    let trunk = format!(
        "[trunk]\nproxy = \"{proxy}\"\nfrom = \"sip:4008001234@carrier.example\"\nasserted_identity = \"shown\"\n\
         compliance = \"laboratory\"\nbind = \"127.0.0.1:0\"\nrtp_ports = [24700, 24798]\nmax_calls = 1\n\
         [signalling]\nstir_key = {key:?}\nstir_x5u = \"https://cert.example/a.pem\"\n\
         [numbers]\ncountry = \"86\"\n[[numbers.callee]]\nprefix = \"+86\"\nstrip = 3\nprepend = \"0\"\n"
    );
    let cases = [COLUMNS, &row("busy", "13800001234")].concat();
    lay_out(project, &[("sip-config/signing.toml", &trunk), ("cases.csv", &cases)]);
    approve(project, "reminder");
    let table = at(project, "cases.csv");
    run(project, &["campaign", "run", "--cases", &table, "--script", "reminder", "--trunk", "signing"]);
    let invite = heard.recv_timeout(PATIENCE).unwrap();
    assert!(invite.starts_with("INVITE sip:013800001234@127.0.0.1:"), "{invite}");
    assert!(field(&invite, "From").starts_with("<sip:4008001234@carrier.example>;tag="), "{invite}");
    assert_eq!(field(&invite, "P-Asserted-Identity"), "<sip:4008001234@carrier.example>");
    assert_eq!(field(&invite, "Supported"), "100rel, timer");
    assert!(field(&invite, "Date").ends_with(" GMT"), "{invite}");
    let token = field(&invite, "Identity").split(';').next().unwrap();
    let claims: Value = serde_json::from_slice(&decoded(token.split('.').nth(1).unwrap())).unwrap();
    assert_eq!(claims["orig"], serde_json::json!({"tn": "864008001234"}));
    assert_eq!(claims["dest"], serde_json::json!({"tn": ["8613800001234"]}));
}
