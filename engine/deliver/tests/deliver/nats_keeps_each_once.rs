//! NATS JetStream: a real server, killed and restarted, and a consumer that is killed too.
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use crate::common::{at, certificate, changes, courier, reader, store};
use async_nats::jetstream::{self, consumer::pull, stream::Stream};
use futures_util::StreamExt;
use tokio::process::{Child, Command};
use waihu_deliver::{Courier, Destination, NatsLogin, NatsTarget, Reader, Secret, Step, standing};
use waihu_store::{Filter, Store};
use waihu_types::Outcome;

/// A server on a free port, with what it keeps in a folder.
struct Server {
    port: u16,
    folder: PathBuf,
    more: Vec<String>,
    process: Child,
}

impl Server {
    async fn start(folder: &Path, more: &[&str]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let more: Vec<String> = more.iter().map(ToString::to_string).collect();
        let process = Self::spawn(port, folder, &more).await;
        Self { port, folder: folder.to_owned(), more, process }
    }

    async fn spawn(port: u16, folder: &Path, more: &[String]) -> Child {
        // Debian puts it where only root looks.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
        let process = Command::new("nats-server")
            .env("PATH", path)
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(folder)
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("nats-server is missing: .ci/setup --with-peers");
        for _ in 0..1_000 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return process;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nats-server does not answer")
    }

    /// Kills it (`SIGKILL`) and starts it again on what it had kept.
    async fn killed_and_restarted(&mut self) {
        self.process.kill().await.unwrap();
        self.process = Self::spawn(self.port, &self.folder, &self.more).await;
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn reader(&self) -> Reader {
        reader("bus", Destination::Nats(self.target()))
    }

    fn target(&self) -> NatsTarget {
        NatsTarget {
            url: self.url(),
            tls: false,
            ca: None,
            stream: "WAIHU".into(),
            subject: "waihu".into(),
            login: NatsLogin::Open,
            timeout: Duration::from_secs(5),
            duplicate_window: Duration::from_secs(7_200),
        }
    }

    async fn stream(&self) -> Stream {
        let client = async_nats::connect(self.url()).await.unwrap();
        jetstream::new(client).get_stream("WAIHU").await.unwrap()
    }

    /// Subjects and bodies, in the stream's order.
    async fn kept(&self) -> Vec<(String, serde_json::Value)> {
        let mut stream = self.stream().await;
        let n = stream.info().await.unwrap().state.messages;
        let consumer = stream
            .create_consumer(pull::Config {
                ack_policy: jetstream::consumer::AckPolicy::None,
                ..Default::default()
            })
            .await
            .unwrap();
        let messages = consumer.messages().await.unwrap().take(usize::try_from(n).unwrap());
        let read = |m: Result<jetstream::Message, _>| {
            let m = m.unwrap();
            let id = m.headers.as_ref().unwrap().get("Nats-Msg-Id").unwrap().to_string();
            let body: serde_json::Value = serde_json::from_slice(&m.payload).unwrap();
            assert_eq!(body["key"], id);
            (m.subject.to_string(), body)
        };
        messages.map(read).collect().await
    }
}

fn seqs(kept: &[(String, serde_json::Value)]) -> Vec<i64> {
    kept.iter().map(|(_, body)| body["seq"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_server_that_is_killed_again_and_again_has_each_event_once() {
    let (dir, store) = store().await;
    for round in 0..5 {
        changes(&store, 100, &format!("房贷{round}")).await;
    }
    let all = store.last_event().await.unwrap();
    let mut server = Server::start(&dir.path().join("js"), &[]).await;
    let mut courier = courier(&store, &server.reader());
    let (mut now, mut steps) = (at(1), 0);
    loop {
        steps += 1;
        // Every third batch meets a server that dies under it.
        let step = if steps % 3 == 0 {
            let (step, ()) = tokio::join!(courier.step(now), server.killed_and_restarted());
            step
        } else {
            courier.step(now).await
        };
        match step.unwrap() {
            Step::Again => {}
            Step::At(at) => now = at,
            Step::Idle => break,
        }
    }
    assert!(steps > 9, "it was killed three times at least: {steps} steps");
    let kept = server.kept().await;
    assert_eq!(kept[0].0, "waihu.case");
    let seqs = seqs(&kept);
    assert_eq!(seqs.len(), usize::try_from(all).unwrap(), "none twice");
    assert_eq!(seqs.iter().copied().collect::<BTreeSet<_>>(), (1..=all).collect(), "none lost");
    // All told again: the stream drops every one.
    store.put_reader_before("bus", 1).await.unwrap();
    courier.release().await.unwrap();
    let mut again = Courier::new(Arc::clone(&store), server.reader(), "another node", 3).unwrap();
    crate::common::drain(&mut again, now).await;
    assert_eq!(server.kept().await.len(), usize::try_from(all).unwrap());
}

#[tokio::test]
async fn a_server_that_is_away_or_refuses_the_password_is_waited_for() {
    let (dir, store) = store().await;
    changes(&store, 3, "房贷").await;
    let server = Server::start(&dir.path().join("js"), &["--user", "waihu", "--pass", "right"]).await;
    let with = |password: &str| {
        let path = dir.path().join("password");
        std::fs::write(&path, password).unwrap();
        let login = NatsLogin::User { name: "waihu".into(), password: Secret::File(path) };
        reader("bus", Destination::Nats(NatsTarget { login, ..server.target() }))
    };
    let mut courier = courier(&store, &with("wrong"));
    let Step::At(now) = courier.step(at(1)).await.unwrap() else { panic!("it was let in") };
    assert!(!standing(&store, "bus").await.unwrap().place.unwrap().told.contains("wrong"));
    std::fs::write(dir.path().join("password"), "right\n").unwrap();
    crate::common::drain(&mut courier, now).await;
    assert_eq!(standing(&store, "bus").await.unwrap().lag, 0);
    let nobody = NatsTarget { url: "nats://127.0.0.1:9".into(), ..server.target() };
    let mut away = crate::common::courier(&store, &reader("away", Destination::Nats(nobody)));
    assert!(matches!(away.step(at(1)).await.unwrap(), Step::At(_)));
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_is_not_who_it_should_be() {
    let (dir, store) = store().await;
    changes(&store, 3, "房贷").await;
    let [ca, key] = certificate(dir.path(), "localhost");
    let [other, _] = certificate(dir.path(), "elsewhere");
    let [cert, key] = [&ca, &key].map(|path| path.to_str().unwrap().to_owned());
    let server =
        Server::start(&dir.path().join("js"), &["--tls", "--tlscert", &cert, "--tlskey", &key]).await;
    let target = NatsTarget { url: format!("tls://localhost:{}", server.port), tls: true, ..server.target() };
    let of = |target: NatsTarget| reader("bus", Destination::Nats(target));
    // Vouched for by nobody that the machine trusts, by another authority, under another name.
    let numbered = NatsTarget {
        url: format!("tls://127.0.0.1:{}", server.port),
        ca: Some(ca.clone()),
        ..target.clone()
    };
    for wrong in [target.clone(), NatsTarget { ca: Some(other), ..target.clone() }, numbered] {
        let mut courier = courier(&store, &of(wrong.clone()));
        assert!(matches!(courier.step(at(1)).await.unwrap(), Step::At(_)), "{wrong:?}");
        courier.release().await.unwrap();
    }
    let mut courier = courier(&store, &of(NatsTarget { ca: Some(ca), ..target }));
    crate::common::drain(&mut courier, at(1_000)).await;
    assert_eq!(standing(&store, "bus").await.unwrap().lag, 0);
    // One that has no TLS to offer is told nothing where TLS is insisted on.
    let open = Server::start(&dir.path().join("open"), &[]).await;
    let insisting = reader("open", Destination::Nats(NatsTarget { tls: true, ..open.target() }));
    assert!(matches!(crate::common::courier(&store, &insisting).step(at(1)).await.unwrap(), Step::At(_)));
}

/// Files the outcome of a call; every third promises to pay, each another sum.
async fn call(store: &Store, n: u32) {
    let outcome = crate::common::outcome(n, "1001", at(i64::from(n) * 60));
    crate::common::file(store, outcome).await;
}

/// Runs the consumer that is shown to receivers; how it ended.
async fn consume(server: &Server, table: &Path, more: &[&str]) -> bool {
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/nats");
    Command::new("python3")
        .env("PYTHONPATH", tools)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/promises.py"))
        .args(["--url", &server.url(), "--until-idle", "3", "--ack-wait", "1", "--table"])
        .arg(table)
        .args(more)
        .status()
        .await
        .unwrap()
        .success()
}

fn promises_of(table: &Path) -> Vec<String> {
    let query = "SELECT attempt || ' ' || case_id || ' ' || date || ' ' || amount || ' ' || currency \
                 FROM promises ORDER BY attempt";
    let script =
        "import sqlite3, sys\nfor row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(row[0])";
    let out =
        std::process::Command::new("python3").args(["-c", script]).arg(table).arg(query).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().lines().map(ToOwned::to_owned).collect()
}

async fn promises_in(store: &Store) -> Vec<String> {
    let outcomes = store.outcomes(&Filter::default()).await.unwrap();
    let line = |o: &Outcome| {
        let p = o.promise.as_ref()?;
        Some(format!("{} {} {} {} {}", o.attempt, o.case, p.date, p.sum.amount(), p.sum.currency()))
    };
    let mut lines: Vec<String> = outcomes.iter().filter_map(line).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_consumers_table_of_promises_is_the_stores_after_kills_and_repeats() {
    let (dir, store) = store().await;
    for n in 1..=30 {
        call(&store, n).await;
    }
    let mut server = Server::start(&dir.path().join("js"), &[]).await;
    let mut courier = courier(&store, &server.reader());
    crate::common::drain(&mut courier, at(1)).await;
    let table = dir.path().join("promises.db");
    // Killed when it had written, and before it had said so: twice.
    for _ in 0..2 {
        assert!(!consume(&server, &table, &["--die-after", "7"]).await);
    }
    server.killed_and_restarted().await;
    for n in 31..=45 {
        call(&store, n).await;
    }
    crate::common::drain(&mut courier, at(10_000)).await;
    assert!(consume(&server, &table, &[]).await);
    let promised = promises_in(&store).await;
    assert_eq!(promised.len(), 15);
    assert_eq!(promises_of(&table), promised);
    // Everything once more, from the stream's beginning, into the same table.
    assert!(consume(&server, &table, &["--durable", "promises-again"]).await);
    assert_eq!(promises_of(&table), promised);
}
