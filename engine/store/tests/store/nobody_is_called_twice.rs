//! Attempts, verdicts and dead processes, on real files.

use crate::common::{Ground, at, attempt, campaign, free, number, on_both, outcome, redial_from};
use waihu_store::{Bar, Filter, Location, NewAttempt, Refusal, Remains, Standing, Store, StoreError};
use waihu_types::{AnsweredBy, AttemptId, Disposition, FaultOwner, Outcome, Recording, Redial, Transcript};

on_both!(
    a_case_in_flight_is_refused_and_so_is_its_number_elsewhere,
    two_at_the_same_moment_get_one_attempt,
    an_answered_case_is_refused_and_a_busy_one_waits,
    a_number_that_asked_not_to_be_called_is_refused_in_every_campaign,
    what_a_dead_process_left_is_closed_once_and_never_redialled_if_answered,
    a_call_that_fell_in_a_process_that_lives_is_closed_as_our_fault,
    what_a_dead_process_left_beside_the_store_is_filed_with_the_attempt,
    a_campaign_is_run_by_one_at_a_time,
);

fn nothing(_: &AttemptId) -> Remains {
    Remains::default()
}

fn refused(r: Result<(), StoreError>) -> Option<Refusal> {
    match r {
        Err(StoreError::Refused { why, .. }) => Some(why),
        Ok(()) => None,
        Err(other) => panic!("{other}"),
    }
}

async fn a_case_in_flight_is_refused_and_so_is_its_number_elsewhere(ground: Ground) {
    let store = ground.store().await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    assert_eq!(refused(store.begin_attempt(&attempt("a2", "C1", 1), &free()).await), Some(Refusal::InFlight));
    assert_eq!(refused(store.begin_attempt(&attempt("a3", "C2", 1), &free()).await), None);
    let mut elsewhere = attempt("a4", "C1", 1);
    elsewhere.campaign = Some("other".parse().unwrap());
    assert_eq!(refused(store.begin_attempt(&elsewhere, &free()).await), Some(Refusal::NumberBusy));
    elsewhere.callee = "1009".parse().unwrap();
    assert_eq!(refused(store.begin_attempt(&elsewhere, &free()).await), None);
    for id in ["a5", "a6"] {
        let mut by_hand = attempt(id, "C1", 1);
        by_hand.campaign = None;
        assert_eq!(refused(store.begin_attempt(&by_hand, &free()).await), None);
    }
}

async fn two_at_the_same_moment_get_one_attempt(ground: Ground) {
    let one = ground.store().await;
    let two = ground.store().await;
    let (a, b) = (attempt("a1", "C1", 0), attempt("a2", "C1", 0));
    let free = free();
    let (x, y) = tokio::join!(one.begin_attempt(&a, &free), two.begin_attempt(&b, &free));
    let refusals = [refused(x), refused(y)];
    assert_eq!(refusals.iter().filter(|r| r.is_none()).count(), 1);
    assert!(refusals.contains(&Some(Refusal::InFlight)));
}

async fn an_answered_case_is_refused_and_a_busy_one_waits(ground: Ground) {
    let store = ground.store().await;
    for (a, c) in [("a1", "C1"), ("a2", "C2"), ("a3", "C3"), ("a4", "C4")] {
        store.begin_attempt(&attempt(a, c, 0), &free()).await.unwrap();
    }
    store.close_attempt(&outcome("a1", "C1", Disposition::PromiseToPay)).await.unwrap();
    store.close_attempt(&outcome("a2", "C2", Disposition::Busy)).await.unwrap();
    store.close_attempt(&outcome("a3", "C3", Disposition::InvalidNumber)).await.unwrap();
    let done = store.cases_done(&campaign()).await.unwrap();
    let standing = |c: &str| done.get(&c.parse().unwrap()).cloned();
    assert_eq!(standing("C1"), Some(Standing::Answered));
    let (rule, not_before) = redial_from(&outcome("a2", "C2", Disposition::Busy));
    assert_eq!(standing("C2"), Some(Standing::Waits { rule: rule.clone(), not_before }));
    assert_eq!(standing("C3"), Some(Standing::Settled { rule: "invalid_number_never".into() }));
    assert_eq!(standing("C4"), Some(Standing::InFlight));
    assert_eq!(standing("C5"), None);

    assert_eq!(
        refused(store.begin_attempt(&attempt("b1", "C1", 9_999_999), &free()).await),
        Some(Refusal::Answered)
    );
    assert_eq!(
        refused(store.begin_attempt(&attempt("b2", "C2", 60), &free()).await),
        Some(Refusal::TooEarly { rule, not_before })
    );
    assert_eq!(refused(store.begin_attempt(&attempt("b2", "C2", 660), &free()).await), None);
    assert!(refused(store.begin_attempt(&attempt("b3", "C3", 9_999_999), &free()).await).is_some());
    assert_eq!(store.attempts_so_far(Some(&campaign()), &"C2".parse().unwrap()).await.unwrap(), 2);
}

async fn a_number_that_asked_not_to_be_called_is_refused_in_every_campaign(ground: Ground) {
    let store = ground.store().await;
    let dial = async |store: &Store, id: &str, case: &str, campaign: Option<&str>, number: &str| {
        let mut new = attempt(id, case, 0);
        new.campaign = campaign.map(|c| c.parse().unwrap());
        new.callee = number.parse().unwrap();
        let refusal = refused(store.begin_attempt(&new, &free()).await);
        assert!(refusal.is_none() || store.barred(&new.callee).await.unwrap().is_some());
        refusal
    };
    let close = async |store: &Store, id: &str, case: &str, number: &str, disposition| {
        let mut o = outcome(id, case, disposition);
        o.campaign = o.attempt.as_str().starts_with('a').then(campaign);
        o.callee = number.parse().unwrap();
        store.close_attempt(&o).await.unwrap();
    };
    let barred = |by| Some(Refusal::NumberBarred { by });

    assert_eq!(dial(&store, "a1", "C1", Some("november"), "+8613800138000").await, None);
    assert_eq!(dial(&store, "a2", "C2", Some("november"), "13800138001").await, None);
    assert_eq!(dial(&store, "h1", "C3", None, "13800138002").await, None);
    close(&store, "a1", "C1", "+8613800138000", Disposition::StopCalling).await;
    close(&store, "a2", "C2", "13800138001", Disposition::PromiseToPay).await;
    close(&store, "h1", "C3", "13800138002", Disposition::Deceased).await;

    for (id, campaign) in [("b1", "november"), ("b2", "december")] {
        assert_eq!(
            dial(&store, id, "C7", Some(campaign), "13800138000").await,
            barred(Bar::Call(Disposition::StopCalling))
        );
    }
    assert_eq!(
        dial(&store, "b3", "C7", Some("december"), "+8613800138002").await,
        barred(Bar::Call(Disposition::Deceased))
    );
    assert_eq!(dial(&store, "b4", "C7", Some("december"), "+8613800138001").await, None);
    assert_eq!(dial(&store, "h2", "C7", None, "13800138000").await, None, "by hand");

    // What is said at another telephone says nothing of the case's number.
    let elsewhere = NewAttempt { campaign: None, own_number: false, ..attempt("h3", "C6", 0) };
    store
        .begin_attempt(&NewAttempt { callee: "13800138003".parse().unwrap(), ..elsewhere }, &free())
        .await
        .unwrap();
    close(&store, "h3", "C6", "13800138003", Disposition::StopCalling).await;
    assert_eq!(dial(&store, "b6", "C6", Some("december"), "13800138003").await, None);

    // Numbers of the practice ground are nobody's.
    let practice = ground.store().await.for_practice();
    assert_eq!(dial(&practice, "a8", "C8", Some("november"), "13800138000").await, None);
    assert_eq!(dial(&practice, "a9", "C9", Some("november"), "1001").await, None);
    close(&practice, "a9", "C9", "1001", Disposition::StopCalling).await;
    assert_eq!(dial(&store, "b5", "C9", Some("december"), "1001").await, None);
}

#[tokio::test]
async fn attempts_of_the_first_schema_bar_their_numbers_too() {
    let ground = Ground::file();
    let store = ground.store().await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    store.close_attempt(&outcome("a1", "C1", Disposition::StopCalling)).await.unwrap();
    drop(store);
    let pool = ground.raw().await;
    sqlx::raw_sql(
        "DROP INDEX attempts_by_subscriber; ALTER TABLE attempts DROP COLUMN subscriber;
         DELETE FROM _sqlx_migrations WHERE version = 2",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let store = ground.store().await;
    let mut again = attempt("b1", "C2", 0);
    again.campaign = Some("december".parse().unwrap());
    again.callee = number("C1");
    let barred = Some(Refusal::NumberBarred { by: Bar::Call(Disposition::StopCalling) });
    assert_eq!(refused(store.begin_attempt(&again, &free()).await), barred);
}

async fn what_a_dead_process_left_is_closed_once_and_never_redialled_if_answered(ground: Ground) {
    let dead = ground.store().await;
    dead.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    dead.begin_attempt(&attempt("a2", "C2", 0), &free()).await.unwrap();
    dead.mark_answered(&"a2".parse().unwrap(), at(5)).await.unwrap();
    dead.mark_answered(&"a2".parse().unwrap(), at(7)).await.unwrap();

    let next = ground.store().await;
    assert_eq!(next.recover(at(50), nothing).await.unwrap(), [], "a process that lives is left alone");
    next.begin_attempt(&attempt("a3", "C3", 0), &free()).await.unwrap();
    ground.die(dead).await;

    let closed = next.recover(at(60), nothing).await.unwrap();
    assert_eq!(closed, ["a1".parse().unwrap(), "a2".parse().unwrap()]);
    assert_eq!(next.recover(at(61), nothing).await.unwrap(), []);

    let of = |a: &'static str| Filter { attempt: Some(a.parse().unwrap()), ..Filter::default() };
    let unanswered = &next.outcomes(&of("a1")).await.unwrap()[0];
    assert_eq!((unanswered.disposition, unanswered.fault), (Disposition::Unknown, Some(FaultOwner::Us)));
    assert_eq!(unanswered.answered_by, AnsweredBy::Nobody);
    assert!(matches!(unanswered.redial, Redial::Allowed { .. }));
    let answered = &next.outcomes(&of("a2")).await.unwrap()[0];
    assert_eq!(answered.answered_at, Some(at(5)));
    assert!(matches!(answered.redial, Redial::No { .. }));

    assert!(refused(next.begin_attempt(&attempt("b0", "C1", 199), &free()).await).is_some());
    assert_eq!(refused(next.begin_attempt(&attempt("b1", "C1", 200), &free()).await), None);
    assert_eq!(
        refused(next.begin_attempt(&attempt("b2", "C2", 99_999_999), &free()).await),
        Some(Refusal::Answered)
    );
    assert_eq!(refused(next.begin_attempt(&attempt("b3", "C3", 61), &free()).await), Some(Refusal::InFlight));
}

async fn a_call_that_fell_in_a_process_that_lives_is_closed_as_our_fault(ground: Ground) {
    let store = ground.store().await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    store.begin_attempt(&attempt("a2", "C2", 0), &free()).await.unwrap();
    store.mark_answered(&"a1".parse().unwrap(), at(5)).await.unwrap();
    let fell = |a: &'static str| {
        let (store, a) = (&store, a.parse().unwrap());
        async move { store.close_fallen(&a, at(9), Remains::default()).await.unwrap() }
    };
    let outcome = fell("a1").await.unwrap();
    assert_eq!((outcome.disposition, outcome.fault), (Disposition::EngineFailed, Some(FaultOwner::Us)));
    assert_eq!((outcome.dialled_at, outcome.answered_at), (at(0), Some(at(5))));
    assert!(outcome.debt_disclosed && matches!(outcome.redial, Redial::No { .. }));
    assert!(matches!(fell("a2").await.unwrap().redial, Redial::Allowed { .. }), "nobody had answered");
    assert_eq!(fell("a3").await, None, "it had not begun");
}

async fn what_a_dead_process_left_beside_the_store_is_filed_with_the_attempt(ground: Ground) {
    let dead = ground.store().await;
    for (a, c) in [("a1", "C1"), ("a2", "C2"), ("a3", "C3")] {
        dead.begin_attempt(&attempt(a, c, 0), &free()).await.unwrap();
    }
    ground.die(dead).await;
    let files = Remains {
        outcome: None,
        recording: Some(Recording {
            path: "recordings/a.wav".into(),
            sha256: "cd".repeat(32),
            duration_ms: 4_000,
            cut_short: None,
            holes_ms: 0,
            paused_ms: 0,
        }),
        transcript: Some(Transcript { path: "recordings/a.jsonl".into(), sha256: "ef".repeat(32) }),
    };
    let real = outcome("a2", "C2", Disposition::PromiseToPay);
    let next = ground.store().await;
    let remains = |a: &AttemptId| match a.as_str() {
        "a1" => files.clone(),
        "a2" => Remains { outcome: Some(real.clone()), ..files.clone() },
        // Of another case: not this attempt's, whatever the file is called.
        _ => Remains { outcome: Some(outcome("a3", "C9", Disposition::Busy)), ..Remains::default() },
    };
    assert_eq!(next.recover(at(60), remains).await.unwrap().len(), 3);
    let filed = next.outcomes(&Filter::default()).await.unwrap();
    let of = |a: &str| filed.iter().find(|o| o.attempt.as_str() == a).unwrap();

    let sounded = of("a1");
    assert_eq!((&sounded.recording, &sounded.transcript), (&files.recording, &files.transcript));
    // Sound was recorded, so it was answered, though the store has no mark of it.
    assert_eq!(sounded.redial, Redial::No { rule: "interrupted_after_answer".into() });
    let with_files = |o: Outcome| Outcome {
        recording: files.recording.clone(),
        transcript: files.transcript.clone(),
        ..o
    };
    assert_eq!(*of("a2"), with_files(real.clone()));
    assert_eq!((of("a3").disposition, &of("a3").recording), (Disposition::Unknown, &None));
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_its_attempts_to_the_next() {
    // The kernel frees the lock of a killed process: a child holds it here, and is killed.
    let ground = Ground::file();
    let store = ground.store().await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    let locks = format!("{}.locks", ground.address());
    let file = std::fs::read_dir(&locks).unwrap().next().unwrap().unwrap().path();
    drop(store);
    std::fs::write(&file, "").unwrap();
    let mut child = std::process::Command::new("flock")
        .args(["--no-fork", file.to_str().unwrap(), "sh", "-c", "echo held; exec sleep 600"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut held = [0; 5];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut held).unwrap();

    let next = ground.store().await;
    assert_eq!(next.recover(at(60), nothing).await.unwrap(), []);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(next.recover(at(61), nothing).await.unwrap(), ["a1".parse().unwrap()]);
}

async fn a_campaign_is_run_by_one_at_a_time(ground: Ground) {
    let one = ground.store().await;
    let two = ground.store().await;
    let file = matches!(one.location(), Location::File(_));
    let claim = one.claim(&campaign()).await.unwrap();
    match two.claim(&campaign()).await {
        Err(StoreError::CampaignTaken { pid, .. }) => assert_eq!(pid, file.then(std::process::id)),
        other => panic!("{other:?}"),
    }
    assert!(two.claim(&"other".parse().unwrap()).await.is_ok());
    drop(claim);
    // A server hears a moment later that the connection is closed.
    let again = loop {
        match two.claim(&campaign()).await {
            Err(StoreError::CampaignTaken { .. }) if !file => tokio::task::yield_now().await,
            done => break done.unwrap(),
        }
    };
    assert_eq!(again.campaign(), &campaign());
}
