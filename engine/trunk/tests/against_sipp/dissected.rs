//! A second judge of what we send: Wireshark's dissector.

use std::{fs, net::Ipv4Addr, process::Command};

use waihu_sip::Event;
use waihu_trunk::Credentials;

use crate::{
    near::{World, answer, end},
    wire::{By, Seen, Wire},
};

/// A capture file of bare IPv4 packets (link type 101), our port 5060, SIPp's 5061.
fn capture(log: &[Seen]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    for seen in log {
        let payload = seen.text.as_bytes();
        let (from, to) = if seen.by == By::Us { (5060u16, 5061u16) } else { (5061, 5060) };
        let length = u16::try_from(28 + payload.len()).unwrap();
        for word in [0, 0, u32::from(length), u32::from(length)] {
            file.extend(word.to_le_bytes());
        }
        file.extend([0x45, 0]);
        file.extend(length.to_be_bytes());
        file.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
        file.extend(Ipv4Addr::LOCALHOST.octets());
        file.extend(Ipv4Addr::LOCALHOST.octets());
        for half in [from, to, length - 20, 0] {
            file.extend(half.to_be_bytes());
        }
        file.extend(payload);
    }
    file
}

fn tshark(log: &[Seen], arguments: &[&str]) -> String {
    let file = tempfile::Builder::new().suffix(".pcap").tempfile().unwrap();
    fs::write(file.path(), capture(log)).unwrap();
    let output = Command::new("tshark")
        .args(["-n", "-o", "udp.check_checksum:FALSE", "-d", "udp.port==5061,sip", "-r"])
        .arg(file.path())
        .args(arguments)
        .output()
        .unwrap_or_else(|e| panic!("tshark cannot be started ({e}): run `.ci/setup --with-peers`"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the dissector has against us: severities from "warning" (0x600000) up; retransmissions are a "note".
fn faults(log: &[Seen]) -> String {
    tshark(log, &["-Y", "udp.srcport==5060 && (_ws.malformed || _ws.expert.severity >= 0x600000)", "-V"])
}

fn is_clean(wire: &Wire) {
    let log = wire.log();
    let read = tshark(&log, &["-Y", "sip && udp.srcport==5060", "-T", "fields", "-e", "sip.CSeq"]);
    assert_eq!(read.lines().count(), wire.all(|s| s.by == By::Us).len(), "not all is read as SIP");
    assert_eq!(faults(&log), "", "the dissector complains");
    // The judge is awake: a length that is no number does not pass.
    let wrong =
        |s: &Seen| Seen { text: s.text.replacen("Content-Length: ", "Content-Length: x", 1), ..s.clone() };
    assert_ne!(faults(&log.iter().map(wrong).collect::<Vec<_>>()), "", "the dissector lets all pass");
}

#[tokio::test]
async fn a_dissector_finds_no_fault_in_what_we_send() {
    let world = World::with("challenges", &[]).await;
    let password = "right".to_owned();
    let mut call = world.invite_as(Credentials { username: "waihu".to_owned(), password, realm: None });
    answer(&mut call).await;
    call.hangup(Some("SIP;cause=200;text=\"done\"".to_owned()));
    end(&mut call).await;
    is_clean(&world.ends_well().await);

    let world = World::with("asks_for_all_methods", &[]).await;
    let mut call = world.invite();
    answer(&mut call).await;
    world.wire.first(|s| s.ours("SIP/2.0 420")).await;
    call.hangup(None);
    assert!(matches!(end(&mut call).await, Event::Ended { .. }));
    is_clean(&world.ends_well().await);
}
