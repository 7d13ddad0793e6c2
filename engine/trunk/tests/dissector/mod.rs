//! A second judge of what we send: Wireshark's dissector, over what passed on the wire or what a capture server was told.
#![allow(dead_code, reason = "each test file needs its own part")]

use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    process::Command,
    time::Duration,
};

/// A message by the ports of its ends.
#[derive(Clone)]
pub struct Passed {
    pub from: u16,
    pub to: u16,
    pub bytes: Vec<u8>,
}

/// A capture file of bare IPv4 packets (link type 101).
fn capture(log: &[Passed]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    for passed in log {
        let length = u16::try_from(28 + passed.bytes.len()).unwrap();
        for word in [0, 0, u32::from(length), u32::from(length)] {
            file.extend(word.to_le_bytes());
        }
        file.extend([0x45, 0]);
        file.extend(length.to_be_bytes());
        file.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
        file.extend(Ipv4Addr::LOCALHOST.octets());
        file.extend(Ipv4Addr::LOCALHOST.octets());
        for half in [passed.from, passed.to, length - 20, 0] {
            file.extend(half.to_be_bytes());
        }
        file.extend(&passed.bytes);
    }
    file
}

fn tshark(log: &[Passed], arguments: &[&str]) -> String {
    let file = tempfile::Builder::new().suffix(".pcap").tempfile().unwrap();
    fs::write(file.path(), capture(log)).unwrap();
    let ports: BTreeSet<u16> = log.iter().flat_map(|passed| [passed.from, passed.to]).collect();
    let mut command = Command::new("tshark");
    command.args(["-n", "-o", "udp.check_checksum:FALSE"]);
    for port in ports {
        command.args(["-d", &format!("udp.port=={port},sip")]);
    }
    let output = command
        .arg("-r")
        .arg(file.path())
        .args(arguments)
        .output()
        .unwrap_or_else(|e| panic!("tshark cannot be started ({e}): run `.ci/setup --with-peers`"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Those that this port of ours sent.
fn sent_by(port: u16) -> String {
    format!("udp.srcport=={port}")
}

/// What the dissector has against us: severities from "warning" (0x600000) up; retransmissions are a "note".
fn faults(log: &[Passed], ours: u16) -> String {
    let wrong = "(_ws.malformed || _ws.expert.severity >= 0x600000)";
    tshark(log, &["-Y", &format!("{} && {wrong}", sent_by(ours)), "-V"])
}

/// All that we sent is read as SIP, and nothing is held against it.
pub fn is_clean(log: &[Passed], ours: u16) {
    let sent = log.iter().filter(|passed| passed.from == ours).count();
    let read = tshark(log, &["-Y", &format!("sip && {}", sent_by(ours)), "-T", "fields", "-e", "sip.CSeq"]);
    assert!(sent > 0, "nothing was sent");
    assert_eq!(read.lines().count(), sent, "not all is read as SIP");
    assert_eq!(faults(log, ours), "", "the dissector complains");
    // The judge is awake: a length that is no number does not pass.
    let wrong = |passed: &Passed| {
        let text =
            String::from_utf8_lossy(&passed.bytes).replacen("Content-Length: ", "Content-Length: x", 1);
        Passed { bytes: text.into_bytes(), ..passed.clone() }
    };
    assert_ne!(faults(&log.iter().map(wrong).collect::<Vec<_>>(), ours), "", "the dissector lets all pass");
}

/// A capture server of our own, that keeps what it is told by HEP until it is asked.
pub struct Tap(UdpSocket);

impl Tap {
    pub fn open() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        Self(socket)
    }

    pub fn at(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// All that it was told, once nothing more comes.
    pub fn told(&self) -> Vec<Passed> {
        let mut told = Vec::new();
        let mut packet = [0; 65_535];
        while let Ok(length) = self.0.recv(&mut packet) {
            told.push(read(&packet[..length]));
        }
        told
    }
}

/// Chunk by chunk: two bytes of vendor, two of kind, two of length with these six, and the value.
fn read(packet: &[u8]) -> Passed {
    assert_eq!(&packet[..4], b"HEP3");
    let (mut passed, mut rest) = (Passed { from: 0, to: 0, bytes: Vec::new() }, &packet[6..]);
    while !rest.is_empty() {
        let length = usize::from(u16::from_be_bytes([rest[4], rest[5]]));
        let (chunk, others) = rest.split_at(length);
        let port = || u16::from_be_bytes([chunk[6], chunk[7]]);
        match u16::from_be_bytes([chunk[2], chunk[3]]) {
            7 => passed.from = port(),
            8 => passed.to = port(),
            15 => passed.bytes = chunk[6..].to_vec(),
            _ => {}
        }
        rest = others;
    }
    passed
}
