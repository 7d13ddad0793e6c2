//! OpenSSL as the far end of a handshake, in both roles: it exports the very keys that we give out. Wants the
//! program `openssl`, version 1.1.1 or later.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use waihu_srtp::{Certificate, DtlsError, DtlsKeys, Handshake, Role};
use waihu_types::SrtpSuite;

const SUITES: [(SrtpSuite, &str); 4] = [
    (SrtpSuite::AeadAes128Gcm, "SRTP_AEAD_AES_128_GCM"),
    (SrtpSuite::AeadAes256Gcm, "SRTP_AEAD_AES_256_GCM"),
    (SrtpSuite::AesCm128HmacSha1_80, "SRTP_AES128_CM_SHA1_80"),
    (SrtpSuite::AesCm128HmacSha1_32, "SRTP_AES128_CM_SHA1_32"),
];
const ECDSA: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const RSA: &[&str] = &["-newkey", "rsa:2048"];
/// How long a line of OpenSSL's is waited for before the test is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// OpenSSL's certificate.
struct Theirs {
    folder: TempDir,
    sha256: [u8; 32],
}

impl Theirs {
    fn new(kind: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let status = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=far end", "-keyout", "key.pem"])
            .args(["-out", "certificate.pem"])
            .args(kind)
            .current_dir(&folder)
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        let fingerprint = Command::new("openssl")
            .args(["x509", "-in", "certificate.pem", "-noout", "-fingerprint", "-sha256"])
            .current_dir(&folder)
            .output();
        let said = String::from_utf8(fingerprint.unwrap().stdout).unwrap();
        let octets = said.trim().rsplit('=').next().unwrap().replace(':', "");
        Self { folder, sha256: hex::decode(octets).unwrap().try_into().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A running `openssl`, and what it says.
struct Openssl {
    child: Child,
    lines: Receiver<String>,
}

impl Openssl {
    fn start(role: &str, theirs: &Theirs, suite: (SrtpSuite, &str), more: &[&str]) -> Self {
        let exported = (2 * (suite.0.key_len() + suite.0.salt_len())).to_string();
        let mut child = Command::new("openssl")
            .args([role, "-dtls1_2", "-timeout"])
            .args(["-use_srtp", suite.1].iter().filter(|_| !suite.1.is_empty()))
            .args(["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", &exported])
            .arg("-cert")
            .arg(theirs.path("certificate.pem"))
            .arg("-key")
            .arg(theirs.path("key.pem"))
            .args(more)
            // Kept open: it hangs up when its input ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        tell(child.stdout.take().unwrap(), sender.clone());
        tell(child.stderr.take().unwrap(), sender);
        Self { child, lines }
    }

    /// What follows `mark` in the first line that has it.
    fn says(&self, mark: &str) -> String {
        let mut said = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            if let Some((_, rest)) = line.split_once(mark) {
                return rest.trim().to_owned();
            }
            said.push(line);
        }
        panic!("openssl does not say {mark:?} but {said:#?}");
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn tell(from: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    });
}

/// What becomes of datagrams on their way.
#[derive(Clone, Copy, PartialEq)]
enum Line {
    Good,
    /// Two of seven are lost, in either direction; a flight of three loses another part each time.
    Lossy,
}

/// Carries datagrams until there is an outcome.
fn carry(
    handshake: &mut Handshake,
    socket: &UdpSocket,
    mut far_end: Option<SocketAddr>,
    line: Line,
) -> Result<DtlsKeys, DtlsError> {
    let (mut buffer, mut sent, mut received) = ([0; 2_048], 0, 0);
    let arrives = |n: &mut u32| {
        *n += 1;
        line == Line::Good || !matches!(*n % 7, 1 | 3)
    };
    loop {
        while let (Some(to), Some(bytes)) = (far_end, handshake.poll_datagram()) {
            if arrives(&mut sent) {
                socket.send_to(&bytes, to).unwrap();
            }
        }
        if let Some(outcome) = handshake.outcome() {
            return outcome;
        }
        let wait = handshake.poll_timeout().unwrap().saturating_duration_since(Instant::now());
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1)))).unwrap();
        if let Ok((len, from)) = socket.recv_from(&mut buffer) {
            far_end = Some(from);
            if arrives(&mut received) {
                handshake.handle_datagram(Instant::now(), &buffer[..len]);
            }
        }
        handshake.handle_timeout(Instant::now());
    }
}

/// One handshake with `openssl`; gives our outcome and the process.
fn shake(
    role: Role,
    theirs: &Theirs,
    known: [u8; 32],
    suite: (SrtpSuite, &str),
    more: &[&str],
    line: Line,
) -> (Result<DtlsKeys, DtlsError>, Openssl) {
    let ours = Certificate::generate().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (openssl, far_end) = match role {
        Role::Active => {
            let options = [&["-accept", "127.0.0.1:0", "-Verify", "1"], more].concat();
            let openssl = Openssl::start("s_server", theirs, suite, &options);
            let port = openssl.says("ACCEPT").rsplit(':').next().unwrap().parse().unwrap();
            (openssl, Some(SocketAddr::from(([127, 0, 0, 1], port))))
        }
        Role::Passive => {
            let address = socket.local_addr().unwrap().to_string();
            (Openssl::start("s_client", theirs, suite, &[&["-connect", &address], more].concat()), None)
        }
    };
    let mut handshake = Handshake::new(&ours, role, known, Instant::now()).unwrap();
    (carry(&mut handshake, &socket, far_end, line), openssl)
}

/// What RFC 5764, 4.2 makes those keys of.
fn material(role: Role, keys: &DtlsKeys) -> String {
    let (client, server) = match role {
        Role::Active => (keys.ours, keys.theirs),
        Role::Passive => (keys.theirs, keys.ours),
    };
    hex::encode_upper([client.key(), server.key(), client.salt(), server.salt()].concat())
}

fn agrees(role: Role, kind: &[&str], more: &[&str]) {
    let theirs = Theirs::new(kind);
    for suite in SUITES {
        let (outcome, openssl) = shake(role, &theirs, theirs.sha256, suite, more, Line::Good);
        let keys = outcome.unwrap();
        assert_eq!(keys.ours.suite(), suite.0);
        assert_eq!(openssl.says("Keying material:").to_uppercase(), material(role, &keys), "{suite:?}");
    }
}

#[test]
fn as_the_active_side_every_suite_gives_openssls_keys() {
    agrees(Role::Active, ECDSA, &[]);
}

#[test]
fn as_the_passive_side_every_suite_gives_openssls_keys() {
    agrees(Role::Passive, ECDSA, &[]);
}

#[test]
fn an_rsa_certificate_and_small_fragments_do_no_harm() {
    agrees(Role::Active, RSA, &["-mtu", "300"]);
    agrees(Role::Passive, RSA, &["-mtu", "300"]);
}

#[test]
fn openssl_with_another_certificate_than_signalled_gets_no_keys() {
    let theirs = Theirs::new(ECDSA);
    for role in [Role::Active, Role::Passive] {
        let (outcome, openssl) = shake(role, &theirs, [7; 32], SUITES[0], &[], Line::Good);
        assert_eq!(outcome, Err(DtlsError::Fingerprint));
        openssl.says("alert bad certificate");
    }
}

#[test]
fn without_srtp_on_its_side_there_are_no_keys() {
    let theirs = Theirs::new(ECDSA);
    for role in [Role::Active, Role::Passive] {
        let (outcome, _) =
            shake(role, &theirs, theirs.sha256, (SrtpSuite::AeadAes128Gcm, ""), &[], Line::Good);
        assert_eq!(outcome, Err(DtlsError::NoProfile));
    }
}

/// Only as the active side: the passive one ends with its last flight, and if that is lost, whoever reads the
/// socket goes on handing what comes to the handshake, where this test has stopped.
#[test]
fn through_loss_the_keys_are_openssls_too() {
    let theirs = Theirs::new(ECDSA);
    let (outcome, openssl) =
        shake(Role::Active, &theirs, theirs.sha256, SUITES[0], &["-mtu", "400"], Line::Lossy);
    assert_eq!(openssl.says("Keying material:").to_uppercase(), material(Role::Active, &outcome.unwrap()));
}
