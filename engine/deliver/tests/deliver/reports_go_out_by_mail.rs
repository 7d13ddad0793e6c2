//! A report goes out by mail to a real server, over TLS from the first byte or by STARTTLS, once, and is tried again
//! until it is taken.
use std::{fs, path::Path, process::Stdio};

use crate::common::{certificate, store};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use waihu_deliver::{MailServer, ReportPlan, send_reports};
use waihu_store::ByMail;
use waihu_types::WallTime;

/// A mail server that ends with its input.
struct Server {
    _process: Child,
    port: String,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start(mode: &str, refuse: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [cert, key] = certificate(folder.path(), "localhost");
        fs::write(folder.path().join("password"), "a long secret\n").unwrap();
        let here = env!("CARGO_MANIFEST_DIR");
        let mut process = Command::new("python3")
            .env("PYTHONPATH", format!("{here}/../../.tools/aiosmtpd"))
            .arg(format!("{here}/tests/peers/mail.py"))
            .args([folder.path(), &cert, &key, Path::new(mode), Path::new(refuse)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next_line().await.unwrap().expect("aiosmtpd is missing: .ci/setup --with-peers");
        Self { _process: process, port, folder }
    }

    fn mail(&self, encipher: &str) -> MailServer {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        toml::from_str(&format!(
            "host = \"localhost\"\nport = {}\nencipher = \"{encipher}\"\nfrom = \"waihu@bank.example\"\nuser = \"waihu\"\n\
             password_file = \"{}\"\nca = \"{}\"",
            self.port,
            at("password"),
            at("localhost.pem")
        ))
        .unwrap()
    }

    fn taken(&self) -> Vec<String> {
        let mut files: Vec<_> =
            fs::read_dir(self.folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|e| e == "eml"));
        files.sort();
        files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

fn plan(mail: &str) -> Vec<ReportPlan> {
    let text = format!("name = \"daily\"\nevery = \"day\"\nzone = \"Asia/Shanghai\"\nmail = [\"{mail}\"]");
    vec![toml::from_str(&text).unwrap()]
}

fn at(s: i64) -> WallTime {
    WallTime::from_unix_millis(1_795_772_096_000 + s * 1_000)
}

#[tokio::test]
async fn a_report_is_taken_over_tls_with_both_its_parts() {
    for mode in ["tls", "starttls"] {
        let server = Server::start(mode, "0").await;
        let (_folder, store) = store().await;
        let name = ("daily", "2026-11-26");
        store.keep_report(name, ("<p>批次</p>", "campaign,calls\r\n"), ByMail::Too, at(0)).await.unwrap();
        let (plans, mail) = (plan("ops@bank.example"), server.mail(mode));
        let send = async |s| send_reports(&store, &plans, Some(&mail), at(s), || 0).await.unwrap();
        assert_eq!((send(1).await, send(500).await), (1, 0), "{mode}: once");
        let taken = server.taken();
        assert_eq!(taken.len(), 1);
        assert!(taken[0].starts_with("tls: True"));
        for part in ["Message-ID: <waihu-daily-2026-11-26@bank.example>", "text/html", "daily-2026-11-26.csv"]
        {
            assert!(taken[0].contains(part), "{mode}: {part}");
        }
        assert_eq!(store.reports(9).await.unwrap()[0].state, "sent");
    }
}

#[tokio::test]
async fn what_is_not_taken_now_is_tried_again_and_what_never_is_given_up() {
    let server = Server::start("starttls", "1").await;
    let (_folder, store) = store().await;
    store.keep_report(("daily", "2026-11-26"), ("<p>", "a"), ByMail::Too, at(0)).await.unwrap();
    let (plans, mail) = (plan("ops@bank.example"), server.mail("starttls"));
    assert_eq!(send_reports(&store, &plans, Some(&mail), at(1), || 0).await.unwrap(), 0);
    let waits = store.reports(9).await.unwrap().remove(0);
    assert!(waits.state == "waiting" && waits.told.contains("451"), "{}", waits.told);
    assert_eq!(send_reports(&store, &plans, Some(&mail), at(400), || 0).await.unwrap(), 1);
    // An address that the server refuses for good.
    let never = plan("never@bank.example");
    store.keep_report(("daily", "2026-11-27"), ("<p>", "a"), ByMail::Too, at(0)).await.unwrap();
    assert_eq!(send_reports(&store, &never, Some(&mail), at(401), || 0).await.unwrap(), 0);
    assert_eq!(store.reports(9).await.unwrap().iter().filter(|r| r.state == "failed").count(), 1);
    // A server whose certificate nobody vouches for is handed nothing.
    let stranger = Server::start("tls", "0").await;
    store.keep_report(("daily", "2026-11-28"), ("<p>", "a"), ByMail::Too, at(0)).await.unwrap();
    let wrong: MailServer = toml::from_str(&format!(
        "host = \"localhost\"\nport = {}\nencipher = \"tls\"\nfrom = \"waihu@bank.example\"",
        stranger.port
    ))
    .unwrap();
    assert_eq!(send_reports(&store, &plans, Some(&wrong), at(500), || 0).await.unwrap(), 0);
    assert!(stranger.taken().is_empty());
}
