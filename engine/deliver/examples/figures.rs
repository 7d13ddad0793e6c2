//! How fast events are delivered, and how late at 2,000 a second: prints a table.
//!
//! `cargo run --release -p waihu-deliver --example figures`, with `nats-server` where NATS is to be measured. The
//! receivers run on the same machine and share its cores.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../tests/deliver/common/mod.rs"]
mod common;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use common::{case, changes, courier, drain, store, webhook};
use waihu_deliver::{Destination, NatsLogin, NatsTarget, Reader, wall_now};

const EVENTS: usize = 10_000;
/// How long events are made at [`A_SECOND`].
const FOR: Duration = Duration::from_secs(20);
const A_SECOND: usize = 2_000;

fn parallel(mut reader: Reader, n: u32) -> Reader {
    let Destination::Webhook(target) = &mut reader.to else { panic!("no webhook") };
    target.parallel = n;
    reader
}

fn nats(port: u16) -> Reader {
    let target = NatsTarget {
        url: format!("nats://127.0.0.1:{port}"),
        tls: false,
        ca: None,
        stream: "WAIHU".into(),
        subject: "waihu".into(),
        login: NatsLogin::Open,
        timeout: Duration::from_secs(10),
        duplicate_window: Duration::from_secs(7_200),
    };
    common::reader("nats", Destination::Nats(target))
}

async fn rate(name: &str, reader: Reader) {
    let (_dir, store) = store().await;
    changes(&store, EVENTS, "房贷").await;
    let mut courier = courier(&store, &Reader { batch: 200, ..reader });
    let begun = Instant::now();
    drain(&mut courier, wall_now()).await;
    println!("{name:<28} {:>8.0} events/s", EVENTS as f64 / begun.elapsed().as_secs_f64());
}

/// Takes everything, and notes how old it is [ms].
async fn aging() -> (String, Arc<Mutex<Vec<i64>>>) {
    let ages: Arc<Mutex<Vec<i64>>> = Arc::default();
    let take = |State(ages): State<Arc<Mutex<Vec<i64>>>>, body: Bytes| async move {
        let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let at: waihu_types::WallTime = event["timestamp"].as_str().unwrap().parse().unwrap();
        ages.lock().unwrap().push(wall_now().unix_millis() - at.unix_millis());
    };
    let app = Router::new().route("/hook", post(take)).with_state(Arc::clone(&ages));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, ages)
}

async fn lag(n: u32) {
    let (_dir, store) = store().await;
    // Twenty times a second a hundred cases change.
    let cases = |round: usize| {
        (0..A_SECOND / 20).map(|n| case(&format!("C{n}"), &round.to_string())).collect::<Vec<_>>()
    };
    store.import(&cases(0), wall_now()).await.unwrap();
    let (url, ages) = aging().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let reader = parallel(webhook("crm", &url), n);
    let delivering = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            waihu_deliver::run(store, vec![Reader { batch: 200, ..reader }], None, "node", stopped).await
        }
    });
    let begun = Instant::now();
    let mut rounds = tokio::time::interval(Duration::from_millis(50));
    let mut round = 0;
    while begun.elapsed() < FOR {
        rounds.tick().await;
        round += 1;
        store.import(&cases(round), wall_now()).await.unwrap();
    }
    let made = round * A_SECOND / 20;
    let in_time = ages.lock().unwrap().len();
    while ages.lock().unwrap().len() < made {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send_replace(true);
    delivering.await.unwrap().unwrap();
    let mut ages = ages.lock().unwrap().clone();
    ages.sort_unstable();
    let at = |share: usize| ages[(ages.len() - 1) * share / 100];
    println!(
        "{made} events at {:.0}/s, {n} at once: {in_time} there at the end; late p50 {} ms, p99 {} ms, most {} ms",
        made as f64 / FOR.as_secs_f64(),
        at(50),
        at(99),
        at(100)
    );
}

#[tokio::main]
async fn main() {
    let crm = common::Receiver::willing().await;
    for n in [1, 8] {
        rate(&format!("webhook, {n} at once"), parallel(webhook("crm", &crm.url), n)).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
    let server = tokio::process::Command::new("nats-server")
        .env("PATH", path)
        .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
        .arg(dir.path())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn();
    match server {
        Ok(_server) => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            rate("NATS JetStream", nats(port)).await;
        }
        Err(_) => println!("no nats-server here"),
    }
    for n in [1, 8] {
        lag(n).await;
    }
}
