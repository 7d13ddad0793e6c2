//! Webhooks on real sockets: order, signatures, repeats, and receivers that do everything wrong.
use std::{
    io::Write,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::common::{Receiver, SECRET, at, changes, courier, drain, open, store, webhook};
use axum::http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use waihu_deliver::{
    Again, Courier, Destination, Reader, Secret, SigningKey, Step, replay, signature, standing,
};

fn change(reader: &mut Reader, with: impl FnOnce(&mut waihu_deliver::WebhookTarget)) {
    let Destination::Webhook(target) = &mut reader.to else { panic!("no webhook") };
    with(target);
}

#[tokio::test]
async fn every_event_comes_once_in_order_with_its_key() {
    let (_dir, store) = store().await;
    changes(&store, 120, "房贷").await;
    let crm = Receiver::willing().await;
    let mut courier = courier(&store, &webhook("crm", &crm.url));
    drain(&mut courier, at(1)).await;
    assert_eq!(crm.cases(), (1..=120).collect::<Vec<_>>());
    let stands = standing(&store, "crm").await.unwrap();
    assert_eq!((stands.lag, stands.dead), (0, 0));
    let got = crm.got.lock().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&got.bodies["case:C7:2"]).unwrap();
    assert_eq!(body["type"], "case");
    assert_eq!(body["key"], "case:C7:2");
    assert_eq!(body["case"], "C7");
    assert_eq!(body["data"]["state"], "open");
    assert_eq!(body["seq"], 7);
    assert!(got.headers[0].get("webhook-signature").is_none(), "without a secret nothing is signed");
}

#[tokio::test]
async fn what_nobody_asked_for_is_passed_over() {
    let (_dir, store) = store().await;
    changes(&store, 60, "房贷").await;
    let crm = Receiver::willing().await;
    let reader = Reader { events: vec![waihu_deliver::EventKind::Outcome], ..webhook("crm", &crm.url) };
    drain(&mut courier(&store, &reader), at(1)).await;
    assert!(crm.keys().is_empty());
    assert_eq!(standing(&store, "crm").await.unwrap().lag, 0);
}

/// Runs the verifier that is shown to receivers.
fn python_verifies(secret: &str, headers: &axum::http::HeaderMap, body: &[u8], now_s: i64) -> bool {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let mut python = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/verify_webhook.py"))
        .args([secret, &header("webhook-id"), &header("webhook-timestamp"), &header("webhook-signature")])
        .arg(now_s.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(body).unwrap();
    python.wait().unwrap().success()
}

#[tokio::test]
async fn a_receiver_verifies_with_the_old_secret_and_with_the_new_one() {
    const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let (dir, store) = store().await;
    changes(&store, 1, "房贷").await;
    let crm = Receiver::willing().await;
    let mut reader = webhook("crm", &crm.url);
    let secret = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), format!("{text}\n")).unwrap();
        Some(Secret::File(dir.path().join(name)))
    };
    change(&mut reader, |target| {
        target.secret = secret("new", NEW);
        target.old_secret = secret("old", SECRET);
    });
    drain(&mut courier(&store, &reader), at(1)).await;
    let got = crm.got.lock().unwrap();
    let (headers, body) = (&got.headers[0], &got.bodies["case:C1:2"]);
    let now_s = at(1).unix_millis() / 1_000;
    assert!(python_verifies(NEW, headers, body, now_s));
    assert!(python_verifies(SECRET, headers, body, now_s));
    assert!(!python_verifies("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", headers, body, now_s));
    assert!(!python_verifies(NEW, headers, b"{}", now_s), "another body");
    assert!(!python_verifies(NEW, headers, body, now_s + 3_600), "an hour old");
    let key = SigningKey::parse(NEW).unwrap();
    let signed = signature(&[key], "case:C1:2", now_s, body).unwrap();
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with(&signed));
}

#[tokio::test]
async fn a_secret_that_is_not_there_holds_all_back_until_it_is() {
    let (dir, store) = store().await;
    changes(&store, 1, "房贷").await;
    let crm = Receiver::willing().await;
    let mut reader = webhook("crm", &crm.url);
    let path = dir.path().join("secret");
    change(&mut reader, |target| target.secret = Some(Secret::File(path.clone())));
    let mut courier = courier(&store, &reader);
    let Step::At(later) = courier.step(at(1)).await.unwrap() else { panic!("sent without a secret") };
    assert!(crm.keys().is_empty());
    std::fs::write(&path, SECRET).unwrap();
    drain(&mut courier, later).await;
    assert_eq!(crm.cases(), [1]);
}

#[tokio::test]
async fn an_hour_of_500_loses_nothing_and_sets_nothing_aside() {
    let (_dir, store) = store().await;
    changes(&store, 3, "房贷").await;
    let minute = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&minute);
    let crm = Receiver::new(move |_, _| match seen.load(Ordering::SeqCst) {
        0..60 => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::NO_CONTENT,
    })
    .await;
    let mut courier = courier(&store, &webhook("crm", &crm.url));
    let mut now = at(0);
    let mut waits = 0;
    loop {
        minute.store(
            usize::try_from((now.unix_millis() - at(0).unix_millis()) / 60_000).unwrap(),
            Ordering::SeqCst,
        );
        match courier.step(now).await.unwrap() {
            Step::Again => {}
            Step::Idle => break,
            Step::At(at) => {
                waits += 1;
                now = at;
            }
        }
        if crm.keys().is_empty() && waits % 20 == 1 {
            changes(&store, 3, &format!("房贷{waits}")).await;
        }
    }
    let asked = crm.got.lock().unwrap().headers.len();
    let tried = asked - crm.keys().len();
    assert!((20..400).contains(&tried), "{tried} tries in an hour");
    assert!(now >= at(3_600) && now < at(3_600 + 301), "back within five minutes: {now}");
    let stands = standing(&store, "crm").await.unwrap();
    assert_eq!(
        (stands.lag, stands.dead, crm.keys().len()),
        (0, 0, usize::try_from(store.last_event().await.unwrap()).unwrap())
    );
    assert_eq!(crm.cases().chunks(3).next(), Some(&[1, 2, 3][..]));
    assert_eq!(stands.place.unwrap().told, "");
}

#[tokio::test]
async fn one_that_is_refused_is_set_aside_and_sent_again_when_asked() {
    let (_dir, store) = store().await;
    changes(&store, 5, "房贷").await;
    let mended = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&mended);
    let crm = Receiver::new(move |key, _| {
        if key == "case:C3:2" && seen.load(Ordering::SeqCst) == 0 {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        }
    })
    .await;
    let reader = webhook("crm", &crm.url);
    drain(&mut courier(&store, &reader), at(1)).await;
    assert_eq!(crm.cases(), [1, 2, 4, 5]);
    let stands = standing(&store, "crm").await.unwrap();
    assert_eq!((stands.lag, stands.dead, stands.letters[0].seq, stands.letters[0].tries), (0, 1, 3, 1));
    assert!(stands.letters[0].told.contains("422"));
    let resent = replay(&store, &reader, Again::DeadLetters, at(2)).await.unwrap();
    assert_eq!((resent.taken, resent.left), (0, 1), "still refused, and still set aside");
    mended.store(1, Ordering::SeqCst);
    let resent = replay(&store, &reader, Again::DeadLetters, at(3)).await.unwrap();
    assert_eq!((resent.taken, resent.left), (1, 0));
    assert_eq!(crm.cases(), [1, 2, 4, 5, 3]);
    assert_eq!(standing(&store, "crm").await.unwrap().dead, 0);
    replay(&store, &reader, Again::One(2), at(4)).await.unwrap();
    assert_eq!(crm.cases(), [1, 2, 4, 5, 3, 2]);
    assert!(replay(&store, &reader, Again::One(99), at(4)).await.is_err());
}

#[tokio::test]
async fn one_that_is_never_taken_is_given_up_in_the_end_and_the_others_go_on() {
    let (_dir, store) = store().await;
    changes(&store, 3, "房贷").await;
    let crm =
        Receiver::new(|key, _| if key == "case:C2:2" { StatusCode::BAD_GATEWAY } else { StatusCode::OK })
            .await;
    let reader = Reader { give_up: Duration::from_secs(4 * 3_600), ..webhook("crm", &crm.url) };
    let late = drain(&mut courier(&store, &reader), at(0)).await;
    assert_eq!(crm.cases(), [1, 3]);
    assert!(late >= at(4 * 3_600), "{late}");
    let letter = standing(&store, "crm").await.unwrap().letters.remove(0);
    assert!(letter.seq == 2 && letter.told.contains("502"), "{letter:?}");
}

#[tokio::test]
async fn with_several_at_once_each_case_keeps_its_order_and_nothing_is_lost() {
    let (_dir, store) = store().await;
    for round in 0..6 {
        changes(&store, 20, &format!("房贷{round}")).await;
    }
    // Every seventh request fails.
    let crm =
        Receiver::new(|_, n| if n % 7 == 3 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }).await;
    let mut reader = webhook("crm", &crm.url);
    change(&mut reader, |target| target.parallel = 8);
    drain(&mut courier(&store, &reader), at(0)).await;
    let keys = crm.keys();
    assert_eq!(keys.len(), usize::try_from(store.last_event().await.unwrap()).unwrap(), "each once");
    for case in 1..=20 {
        let start = format!("case:C{case}:");
        let revisions: Vec<u32> =
            keys.iter().filter_map(|key| key.strip_prefix(&start)?.parse().ok()).collect();
        assert!(revisions.is_sorted() && revisions.len() == keys.len() / 20, "{case}: {revisions:?}");
    }
    assert_eq!(standing(&store, "crm").await.unwrap().lag, 0);
}

/// A server that says one thing to everybody, whatever it is asked, and counts who came.
async fn liar(says: &'static [u8], then: Then) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    tokio::spawn(async move {
        let held = Mutex::new(Vec::new());
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut asked = [0; 512];
            let _ = socket.read(&mut asked).await;
            let _ = socket.write_all(says).await;
            match then {
                Then::Close => drop(socket),
                Then::Hang => held.lock().unwrap().push(socket),
                Then::Flood => while socket.write_all(&[b'x'; 4_096]).await.is_ok() {},
            }
        }
    });
    (url, came)
}

#[derive(Clone, Copy)]
enum Then {
    Close,
    Hang,
    Flood,
}

#[tokio::test]
async fn a_receiver_that_lies_hangs_or_breaks_off_is_tried_again() {
    let (_dir, store) = store().await;
    changes(&store, 1, "房贷").await;
    for (n, (says, then, told)) in [
        (&b"I am no web server\r\n\r\n"[..], Then::Close, ""),
        (b"", Then::Close, ""),
        (b"", Then::Hang, "timed out"),
        (b"HTTP/1.1 200", Then::Hang, "timed out"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", Then::Flood, ""),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
            Then::Close,
            "302",
        ),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", Then::Close, "401"),
        (b"HTTP/1.1 429 Too Many\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n", Then::Close, "429"),
    ]
    .into_iter()
    .enumerate()
    {
        let (url, came) = liar(says, then).await;
        let mut reader = webhook(&format!("liar{n}"), &url);
        change(&mut reader, |target| target.timeout = Duration::from_millis(300));
        let mut courier = courier(&store, &reader);
        let Step::At(next) = courier.step(at(1)).await.unwrap() else { panic!("{n}: taken for delivered") };
        let place = standing(&store, &reader.name).await.unwrap().place.unwrap();
        assert_eq!((place.seq, place.tries, place.next_at), (0, 1, next), "{n}");
        assert!(place.told.contains(told) && !place.told.is_empty(), "{n}: {}", place.told);
        assert!(!place.told.contains("127.0.0.1"), "an address may hold a secret: {}", place.told);
        assert!(came.load(Ordering::SeqCst) >= 1);
        if told == "429" {
            assert!(next >= at(121), "it asked for two minutes");
        }
    }
}

#[tokio::test]
async fn a_200_whose_body_never_ends_is_a_200() {
    let (_dir, store) = store().await;
    changes(&store, 2, "房贷").await;
    let (url, came) = liar(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", Then::Flood).await;
    drain(&mut courier(&store, &webhook("crm", &url)), at(1)).await;
    assert_eq!(came.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_name_that_is_gone_is_told() {
    let (_dir, store) = store().await;
    changes(&store, 1, "房贷").await;
    let mut reader = webhook("crm", "http://receiver.invalid/hook");
    change(&mut reader, |target| target.timeout = Duration::from_secs(2));
    assert!(matches!(courier(&store, &reader).step(at(1)).await.unwrap(), Step::At(_)));
    assert!(!standing(&store, "crm").await.unwrap().place.unwrap().told.is_empty());
}

#[tokio::test]
async fn who_hangs_delays_nobody_else() {
    let (_dir, store) = store().await;
    changes(&store, 40, "房贷").await;
    let (hangs, _) = liar(b"", Then::Hang).await;
    let crm = Receiver::willing().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let readers = vec![webhook("hangs", &hangs), webhook("crm", &crm.url)];
    let running = tokio::spawn({
        let store = Arc::clone(&store);
        async move { waihu_deliver::run(store, readers, None, "node", stopped).await }
    });
    // As long as the other is waited for, and no longer.
    tokio::time::timeout(Duration::from_secs(4), async {
        while crm.keys().len() < 40 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(standing(&store, "hangs").await.unwrap().lag, 40);
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    let other = Courier::new(Arc::clone(&store), webhook("crm", &crm.url), "another node", 1)
        .unwrap()
        .step(waihu_deliver::wall_now())
        .await;
    assert_eq!(other.unwrap(), Step::Idle, "who stops lets go");
}

#[tokio::test]
async fn while_one_node_delivers_another_does_not() {
    let (_dir, store) = store().await;
    changes(&store, 60, "房贷").await;
    let crm = Receiver::willing().await;
    let reader = webhook("crm", &crm.url);
    let mut first = courier(&store, &reader);
    let mut second = Courier::new(Arc::clone(&store), reader, "another node", 1).unwrap();
    first.step(at(1)).await.unwrap();
    assert!(matches!(second.step(at(2)).await.unwrap(), Step::At(_)));
    assert_eq!(crm.keys().len(), 50);
    // It died: its lease ends, and the other goes on where it was.
    drain(&mut second, at(200)).await;
    assert_eq!(crm.cases(), (1..=60).collect::<Vec<_>>());
    drain(&mut first, at(201)).await;
    assert_eq!(crm.keys().len(), 60, "who comes back late moves nothing");
}

#[tokio::test]
async fn a_person_puts_a_reader_back_and_all_from_there_is_told_again() {
    let (_dir, store) = store().await;
    changes(&store, 5, "房贷").await;
    let crm = Receiver::willing().await;
    let mut courier = courier(&store, &webhook("crm", &crm.url));
    drain(&mut courier, at(1)).await;
    store.put_reader_before("crm", 4).await.unwrap();
    changes(&store, 1, "车贷").await;
    // It still believes in its old place for one batch, and is told otherwise by the store.
    drain(&mut courier, at(2)).await;
    let cases = crm.cases();
    assert!(cases.ends_with(&[4, 5, 1, 1]), "{cases:?}");
}

const DIR: &str = "WAIHU_TEST_DELIVER_DIR";
const URL: &str = "WAIHU_TEST_DELIVER_URL";

/// No test of its own: what is killed by the next one.
#[tokio::test]
async fn a_process_that_delivers() {
    let (Ok(dir), Ok(url)) = (std::env::var(DIR), std::env::var(URL)) else { return };
    let store = open(std::path::Path::new(&dir)).await;
    drain(&mut courier(&store, &webhook("crm", &url)), at(1)).await;
}

#[tokio::test]
async fn who_is_killed_between_delivery_and_its_mark_delivers_again_with_the_same_key_and_bytes() {
    let (dir, store) = store().await;
    changes(&store, 10, "房贷").await;
    store.put_reader_before("crm", 1).await.unwrap();
    let child: Arc<Mutex<Option<u32>>> = Arc::default();
    let victim = Arc::clone(&child);
    // It has the fourth, and kills who brought it before the answer is out.
    let crm = Receiver::new(move |_, n| {
        if n == 3 {
            let pid = victim.lock().unwrap().take().unwrap();
            assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        }
        StatusCode::OK
    })
    .await;
    let mut process = {
        let mut held = child.lock().unwrap();
        let process = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["webhooks_lose_nothing::a_process_that_delivers", "--exact"])
            .env(DIR, dir.path())
            .env(URL, &crm.url)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        *held = process.id();
        process
    };
    assert!(!process.wait().await.unwrap().success());
    assert_eq!(crm.cases(), [1, 2, 3, 4]);
    // Its lease ends; the receiver itself checks that a repeat has the same bytes.
    let mut courier = Courier::new(Arc::clone(&store), webhook("crm", &crm.url), "next", 1).unwrap();
    drain(&mut courier, at(200)).await;
    assert_eq!(crm.cases(), [1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(crm.got.lock().unwrap().bodies.len(), 10);
}
