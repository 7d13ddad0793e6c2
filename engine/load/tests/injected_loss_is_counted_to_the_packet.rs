//! The far ends against a plain echo that loses, doubles and swaps packets by sequence number.
#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader, Write, pipe},
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use socket2::SockRef;
use waihu_load::{Credentials, FarEnds, LoadConfig, NearEnds, Network, Ports, Report, run};
use waihu_srtp::stun::{MAX_ANSWER, answer};
use waihu_types::{Codec, SrtpSuite};

const CALLS: usize = 50;
const UFRAG: &str = "near";
const PWD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

fn config(ports: Ports) -> LoadConfig {
    LoadConfig {
        calls: CALLS,
        seconds: 2,
        codec: Codec::Pcma,
        ports,
        srtp: None,
        speech: Vec::new(),
        network: Network::default(),
        core: None,
        seed: 5,
    }
}

/// The echo's fault, by sequence number.
fn is_lost(sequence: u16) -> bool {
    sequence % 10 == 3
}

/// Sends back what comes, but answers checks, with a socket for each call or one for all, until told to stop.
fn echo(sockets: &[UdpSocket], stop: &AtomicBool) {
    let mut buffer = [0; 2_048];
    while !stop.load(Ordering::Relaxed) {
        for socket in sockets {
            while let Ok((n, from)) = socket.recv_from(&mut buffer) {
                if buffer[0] == 0 {
                    let mut out = [0; MAX_ANSWER];
                    let answer = answer(&buffer[..n], UFRAG, PWD, from, &mut out).unwrap();
                    assert!(answer.nominated);
                    socket.send_to(&out[..answer.len], from).unwrap();
                } else if !is_lost(u16::from_be_bytes([buffer[2], buffer[3]])) {
                    socket.send_to(&buffer[..n], from).unwrap();
                }
            }
        }
        thread::yield_now();
    }
}

fn run_against_echo(config: LoadConfig, near_sockets: usize) -> (Report, Vec<String>) {
    run_with_checks(config, near_sockets, Vec::new())
}

fn run_with_checks(
    config: LoadConfig,
    near_sockets: usize,
    checks: Vec<Credentials>,
) -> (Report, Vec<String>) {
    let sockets: Vec<UdpSocket> =
        (0..near_sockets).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    for socket in &sockets {
        socket.set_nonblocking(true).unwrap();
        // An echo that the machine holds up must not be what loses packets: seconds of them.
        SockRef::from(socket).set_recv_buffer_size(4 << 20).unwrap();
    }
    let near: Vec<SocketAddrV4> = (0..config.calls)
        .map(|i| {
            SocketAddrV4::new(Ipv4Addr::LOCALHOST, sockets[i % near_sockets].local_addr().unwrap().port())
        })
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let echoing = thread::spawn({
        let stop = Arc::clone(&stop);
        move || echo(&sockets, &stop)
    });
    let (input, mut to_input) = pipe().unwrap();
    let (from_output, mut output) = pipe().unwrap();
    let running = thread::spawn(move || run(&config, &mut BufReader::new(input), &mut output));
    let mut lines = BufReader::new(from_output).lines().map(Result::unwrap);
    let far: FarEnds = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(far.far_ends.len(), CALLS);
    // What comes back is locked with our own keys: it is an echo.
    let keys = far.far_ends.iter().filter_map(|end| end.key.clone()).collect();
    let line = serde_json::to_string(&NearEnds { near_ends: near, keys, checks }).unwrap();
    writeln!(to_input, "{line}").unwrap();
    let said: Vec<String> = lines.collect();
    let report = running.join().unwrap().unwrap();
    stop.store(true, Ordering::Relaxed);
    echoing.join().unwrap();
    (report, said)
}

fn check(report: &Report, said: &[String]) {
    assert_eq!((report.sent, report.send_errors, report.queue_drops), (CALLS as u64 * 100, 0, 0));
    assert_eq!((report.streams, report.silent), (CALLS, 0));
    assert_eq!(
        (report.bad, report.unknown, report.duplicate, report.reordered, report.restarts),
        (0, 0, 0, 0, 0)
    );
    for stream in &report.each {
        let (first, last) = stream.window.unwrap();
        let lost = (first..=last).filter(|sequence| is_lost(*sequence)).count() as u64;
        assert_eq!((stream.expected, stream.lost), (u64::from(last - first) + 1, lost));
        assert!(stream.received == 90, "{stream:?}");
    }
    assert_eq!(report.lost, report.each.iter().map(|s| s.lost).sum::<u64>());
    assert!(report.lost > 0);
    assert_eq!(said.iter().filter(|line| line.starts_with("{\"progress\":")).count(), 2);
    let last = said.last().unwrap().strip_prefix("{\"report\":").unwrap().strip_suffix('}').unwrap();
    let told: Report = serde_json::from_str(last).unwrap();
    let counts = |r: &Report| (r.sent, r.received, r.expected, r.lost, r.late_ms);
    assert_eq!(counts(&told), counts(report));
}

#[test]
fn with_a_port_a_call() {
    let (report, said) = run_against_echo(config(Ports::PerCall), CALLS);
    check(&report, &said);
}

#[test]
fn with_checks_that_prove_where_each_is() {
    let ours = Credentials { ufrag: UFRAG.to_owned(), pwd: PWD.to_owned() };
    let (report, _) = run_with_checks(config(Ports::PerCall), CALLS, vec![ours; CALLS]);
    // One each, before the first packet.
    assert_eq!((report.answers, report.bad, report.unknown, report.silent), (CALLS as u64, 0, 0, 0));
    assert_eq!((report.sent, report.received), (CALLS as u64 * 101, CALLS as u64 * 90));
}

#[test]
fn with_two_ports_for_all_and_one_of_the_engines() {
    let (report, said) = run_against_echo(config(Ports::Shared { sockets: 2 }), 1);
    check(&report, &said);
}

#[test]
fn with_locked_opus_of_which_only_the_key_tells_whose_it_is() {
    let locked = LoadConfig {
        codec: Codec::Opus,
        srtp: Some(SrtpSuite::AeadAes128Gcm),
        ..config(Ports::Shared { sockets: 2 })
    };
    let (report, said) = run_against_echo(locked, 1);
    check(&report, &said);
}

#[test]
fn a_bad_network_of_our_own_is_told_apart_from_the_engines_loss() {
    let network = Network { loss: 0.2, ..Network::default() };
    let (report, _) = run_against_echo(LoadConfig { network, ..config(Ports::PerCall) }, CALLS);
    assert_eq!(report.sent + report.spoiled, CALLS as u64 * 100);
    assert!((800..1_200).contains(&report.spoiled), "{}", report.spoiled);
    // What never reached the echo is missing in what comes back.
    assert!(report.lost > 0);
}

#[test]
fn a_parent_that_names_too_few_near_ends_is_refused() {
    let line = b"{\"near_ends\":[\"127.0.0.1:9\"]}\n";
    let refused = run(&config(Ports::PerCall), &mut &line[..], &mut Vec::new());
    assert!(refused.unwrap_err().to_string().starts_with("1 near ends"));
    let nothing = run(&LoadConfig { calls: 0, ..config(Ports::PerCall) }, &mut &line[..], &mut Vec::new());
    assert!(nothing.is_err());
}
