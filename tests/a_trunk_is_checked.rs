//! What `waihu trunk check` says of a trunk, asked of a real Kamailio: what works, what does not, and what to do then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../engine/trunk/tests/certificates/mod.rs"]
mod certificates;
mod common;
#[path = "../engine/trunk/tests/kamailio/mod.rs"]
mod kamailio;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use common::{PATIENCE, waihu};
use kamailio::{Certificates, Kamailio};
use tempfile::TempDir;
use waihu_trunk::Transport;

const SECURE: [Transport; 2] = [Transport::Tls, Transport::Wss];

/// A project with certificates in it.
fn project() -> TempDir {
    let project = tempfile::tempdir().unwrap();
    certificates::make(project.path());
    fs::create_dir(project.path().join("sip-config")).unwrap();
    project
}

/// A Kamailio with the project's certificates, once it answers.
fn kamailio(project: &TempDir, certificates: Certificates) -> Kamailio {
    let kamailio = Kamailio::start(project.path(), certificates);
    let (at, begun) = (kamailio.by(Transport::Udp).address, Instant::now());
    while let Err(fault) = waihu_trunk::options(at, at.ip(), "ready") {
        assert!(begun.elapsed() < PATIENCE, "it does not answer: {fault}");
        std::thread::sleep(Duration::from_millis(100));
    }
    kamailio
}

/// Whose certificates are believed and shown, as a trunk's file has it.
fn believing(folder: &TempDir, name: &str) -> String {
    format!("tls_name = \"{name}\"\ntls_ca = {:?}\n", folder.path().join("ca.pem"))
}

fn showing(folder: &TempDir) -> String {
    let at = |file: &str| folder.path().join(file);
    format!("tls_certificate = {:?}\ntls_key = {:?}\n", at("own.pem"), at("own.key"))
}

/// What is said of a trunk to there, and whether all is well.
fn checked(project: &Path, kamailio: &Kamailio, by: Transport, password: &str, more: &str) -> (bool, String) {
    let secret = project.join("password");
    fs::write(&secret, password).unwrap();
    let (proxy, name) = (kamailio.by(by).address, by.name().to_ascii_lowercase());
    let trunk = format!(
        "[trunk]\nproxy = \"{proxy}\"\nfrom = \"sip:4008@carrier.example\"\nbind = \"127.0.0.1:0\"\n\
         username = \"4008\"\npassword_file = {secret:?}\n\
         [signalling]\ntransport = \"{name}\"\nregister = true\n{more}"
    );
    fs::write(project.join("sip-config/line.toml"), trunk).unwrap();
    let done = waihu(project).args(["trunk", "check", "line"]).output().unwrap();
    let told = String::from_utf8(done.stdout).unwrap();
    (done.status.success(), format!("{told}{}", String::from_utf8(done.stderr).unwrap()))
}

/// It fails before anything is registered, and these words say why.
fn fails(project: &TempDir, kamailio: &Kamailio, more: &str, words: &str) {
    for by in SECURE {
        let (well, told) = checked(project.path(), kamailio, by, "secret", more);
        let hop = kamailio.by(by);
        assert!(!well && told.contains(&format!("✗ OPTIONS: {hop} does not answer")), "{told}");
        assert!(told.contains(words) && told.contains("not tried"), "{words}: {told}");
    }
}

#[test]
fn a_trunk_that_answers_and_registers_is_well_and_a_wrong_password_is_told() {
    let project = project();
    let kamailio = kamailio(&project, Certificates::Optional);
    for by in [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let more = if by.is_secure() { believing(&project, "localhost") } else { String::new() };
        let answers = format!("✓ OPTIONS: {} answers 200", kamailio.by(by));
        let (well, told) = checked(project.path(), &kamailio, by, "secret", &more);
        assert!(well && told.contains(&answers) && told.contains("✓ REGISTER: registered for"), "{told}");
        let (well, told) = checked(project.path(), &kamailio, by, "guess", &more);
        assert!(!well && told.contains(&answers) && told.contains("✗ REGISTER: 401 Unauthorized"), "{told}");
        assert!(told.contains("user name or password are wrong") && !told.contains("guess"), "{told}");
    }
}

#[test]
fn a_certificate_of_theirs_that_is_not_believed_is_told_with_what_to_write() {
    let (project, others) = (project(), project());
    let valid = kamailio(&project, Certificates::Optional);
    fails(&project, &valid, &believing(&project, "carrier.example"), "write tls_name");
    fails(&project, &valid, &believing(&others, "localhost"), "tls_ca where");
    drop(valid);
    certificates::expire(project.path());
    let expired = kamailio(&project, Certificates::Optional);
    fails(&project, &expired, &believing(&project, "localhost"), "see this machine's clock");
}

#[test]
fn a_certificate_of_ours_that_is_missed_or_not_believed_is_told_with_what_to_write() {
    let (project, others) = (project(), project());
    let kamailio = kamailio(&project, Certificates::Demanded);
    let believed = believing(&project, "localhost");
    fails(&project, &kamailio, &believed, "the carrier wants a certificate of ours");
    fails(&project, &kamailio, &(believed.clone() + &showing(&others)), "does not believe our certificate");
    for by in SECURE {
        let more = believed.clone() + &showing(&project);
        let (well, told) = checked(project.path(), &kamailio, by, "secret", &more);
        assert!(well, "{told}");
    }
}
