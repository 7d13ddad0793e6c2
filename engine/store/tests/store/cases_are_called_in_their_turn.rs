//! The queue: who is next, for whom, and what becomes of it.
use std::collections::BTreeMap;

use crate::common::{Ground, at, attempt, campaign, case, free, number, on_both, outcome};
use serde_json::{Value, json};
use waihu_compliance::{Gate, Profile};
use waihu_store::{
    Bar, CampaignState, CaseState, Counts, Imported, NewAttempt, Overtaken, Placement, Refusal, Remains,
    Store, StoreError, Unanswered,
};
use waihu_types::{AttemptId, Case, CaseId, Disposition, Outcome};

on_both!(
    the_highest_rank_is_next_and_nobody_takes_it_twice,
    of_several_who_take_at_once_each_has_cases_of_its_own,
    a_case_waits_for_its_moment,
    of_all_that_are_due_the_highest_rank_is_ready_first,
    only_who_took_a_case_may_call_it,
    what_an_attempt_comes_to_moves_its_case,
    what_a_dead_node_took_is_everybodys_again,
    what_was_taken_and_is_not_held_is_ready_again,
    a_case_that_is_paid_is_called_no_more,
    who_rings_is_let_go_where_what_allowed_it_holds_no_longer,
    who_was_changed_since_is_not_called_by_what_was_known,
    what_nobody_here_carries_on_is_filed,
    a_campaign_that_does_not_run_calls_nobody,
    one_number_is_on_the_line_once_whatever_the_case,
    the_same_import_again_changes_nothing,
    a_number_that_is_entered_is_called_by_no_campaign_until_it_is_lifted,
    who_is_told_of_twice_is_entered_once_until_that_is_lifted,
    what_a_call_barred_may_be_lifted_and_is_barred_anew,
    what_happened_is_told_once_and_in_order,
    of_other_days_the_queue_is_asked_anew,
);

fn placed(id: &str, rank: i64, due_s: i64) -> Placement {
    Placement { case: id.parse().unwrap(), rank, due_at: at(due_s), why: "strategy".into() }
}

fn id(id: &str) -> CaseId {
    id.parse().unwrap()
}

/// A running campaign with these cases, all of them due.
async fn running(store: &Store, ranks: &[(&str, i64)]) {
    let cases: Vec<Case> = ranks.iter().map(|(id, _)| case(id)).collect();
    store.import(&cases, at(0)).await.unwrap();
    store.create_campaign(&campaign(), &json!({}), "", at(0)).await.unwrap();
    store.set_campaign_state(&campaign(), CampaignState::Running, Some(1), at(0)).await.unwrap();
    let placements: Vec<Placement> = ranks.iter().map(|(id, rank)| placed(id, *rank, 0)).collect();
    store.enqueue(&campaign(), &placements).await.unwrap();
    store.sweep(&campaign(), at(0), 1_000).await.unwrap();
}

async fn picked(store: &Store, n: u32) -> Vec<String> {
    let picked = store.pick(&campaign(), n).await.unwrap();
    picked.into_iter().map(|p| p.stored.case.id.to_string()).collect()
}

async fn counts(store: &Store) -> (u64, u64, u64, u64) {
    let Counts { waiting, ready, leased, done, .. } = store.campaign_counts(&campaign()).await.unwrap();
    (waiting, ready, leased, done)
}

fn refusal(e: StoreError) -> Refusal {
    match e {
        StoreError::Refused { why, .. } => why,
        other => panic!("{other}"),
    }
}

async fn the_highest_rank_is_next_and_nobody_takes_it_twice(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 1), ("C2", 9), ("C3", 9), ("C4", 5)]).await;
    let other = ground.store().await;
    assert_eq!(picked(&store, 2).await, ["C2", "C3"]);
    assert_eq!(picked(&other, 9).await, ["C4", "C1"]);
    assert_eq!(picked(&store, 9).await, Vec::<String>::new());
    assert_eq!(counts(&store).await, (0, 0, 4, 0));
}

async fn of_several_who_take_at_once_each_has_cases_of_its_own(ground: Ground) {
    let store = ground.store().await;
    let ids: Vec<String> = (10..70).map(|n| format!("C{n}")).collect();
    let ranks: Vec<(&str, i64)> = ids.iter().map(String::as_str).zip(0..).collect();
    running(&store, &ranks).await;
    let (one, two, three) = (ground.store().await, ground.store().await, ground.store().await);
    let all_that_it_can = async |store: &Store| {
        let mut taken = Vec::new();
        loop {
            let more = picked(store, 3).await;
            if more.is_empty() {
                return taken;
            }
            taken.extend(more);
        }
    };
    let (a, b, c) = tokio::join!(all_that_it_can(&one), all_that_it_can(&two), all_that_it_can(&three));
    let mut taken = [a, b, c].concat();
    taken.sort();
    assert_eq!(taken, ids);
}

#[tokio::test]
async fn what_another_node_is_taking_is_passed_over_and_not_waited_for() {
    let ground = Ground::server().await;
    let store = ground.store().await;
    running(&store, &[("C1", 9), ("C2", 5), ("C3", 1)]).await;
    let raw = ground.raw().await;
    let mut other = raw.begin().await.unwrap();
    for taking in [
        "SELECT pg_advisory_xact_lock_shared(hashtextextended('queue:november', 0))",
        "SELECT 1 FROM queue WHERE case_id = 'C1' FOR UPDATE",
    ] {
        sqlx::query(taking).execute(&mut *other).await.unwrap();
    }
    assert_eq!(picked(&store, 1).await, ["C2"]);
    other.rollback().await.unwrap();
    assert_eq!(picked(&store, 9).await, ["C1", "C3"]);
}

async fn a_case_waits_for_its_moment(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[]).await;
    store.import(&[case("C1"), case("C2")], at(0)).await.unwrap();
    store.enqueue(&campaign(), &[placed("C1", 1, 60), placed("C2", 1, 120)]).await.unwrap();
    assert_eq!(store.sweep(&campaign(), at(59), 9).await.unwrap(), 0);
    assert_eq!(store.campaign_counts(&campaign()).await.unwrap().next_due, Some(at(60)));
    assert_eq!(store.sweep(&campaign(), at(60), 9).await.unwrap(), 1);
    assert_eq!(picked(&store, 9).await, ["C1"]);
    store.put_back(&campaign(), &id("C1"), Some(at(90)), "cn-hours").await.unwrap();
    assert_eq!(counts(&store).await, (2, 0, 0, 0));
    assert_eq!(store.sweep(&campaign(), at(500), 1).await.unwrap(), 1);
    assert_eq!(picked(&store, 9).await, ["C1"], "whoever is due longest is ready first");
}

async fn of_all_that_are_due_the_highest_rank_is_ready_first(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[]).await;
    store.import(&["C1", "C2", "C3", "C4", "C5"].map(case), at(0)).await.unwrap();
    let placements = [
        placed("C1", 1, 10),
        placed("C2", 9, 30),
        placed("C3", 9, 20),
        placed("C4", 5, 40),
        placed("C5", 99, 61),
    ];
    store.enqueue(&campaign(), &placements).await.unwrap();
    let swept = async |s: i64, most: u32| {
        let swept = store.sweep(&campaign(), at(s), most).await.unwrap();
        (swept, picked(&store, 9).await)
    };
    assert_eq!(
        swept(60, 1).await,
        (1, vec!["C3".to_owned()]),
        "of the same rank the one that is due longest"
    );
    assert_eq!(swept(60, 2).await, (2, vec!["C2".to_owned(), "C4".to_owned()]));

    // More are due than are sorted, and all of them for longer.
    let more = [
        "INSERT INTO cases (case_id, record, sha256, state, revision, changed_at)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)
         SELECT 'M' || i, '{}', '', 'open', 1, 0 FROM n",
        "INSERT INTO queue (campaign, case_id, state, rank, due_at, why, node)
         SELECT 'november', case_id, 'waiting', 0, 0, 'strategy', NULL FROM cases WHERE sha256 = ''",
    ];
    let raw = ground.raw().await;
    for statement in more {
        sqlx::query(statement).execute(&raw).await.unwrap();
    }
    assert_eq!(swept(60, 1).await, (1, vec!["C1".to_owned()]));
    assert_eq!(swept(61, 1).await, (1, vec!["C5".to_owned()]));
    assert_eq!(store.sweep(&campaign(), at(61), 20_000).await.unwrap(), 10_001);
}

async fn only_who_took_a_case_may_call_it(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 1)]).await;
    let other = ground.store().await;
    let not_yet = store.begin_attempt(&attempt("a1", "C1", 1), &free()).await.unwrap_err();
    assert_eq!(refusal(not_yet), Refusal::NotLeased);
    assert_eq!(picked(&store, 1).await, ["C1"]);
    let others = other.begin_attempt(&attempt("a1", "C1", 1), &free()).await.unwrap_err();
    assert_eq!(refusal(others), Refusal::NotLeased);
    store.begin_attempt(&attempt("a1", "C1", 1), &free()).await.unwrap();
}

async fn who_was_changed_since_is_not_called_by_what_was_known(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 1)]).await;
    let seen = store.pick(&campaign(), 1).await.unwrap().remove(0).stored.revision;
    let mut changed = serde_json::to_value(case("C1")).unwrap();
    changed["phone"] = "13900001111".into();
    store.import(&[serde_json::from_value(changed).unwrap()], at(1)).await.unwrap();
    let stale = store.begin_attempt(&attempt("a1", "C1", 2), &free().as_of(Some(seen))).await.unwrap_err();
    assert_eq!(refusal(stale), Refusal::CaseChanged);
    store.begin_attempt(&attempt("a1", "C1", 2), &free().as_of(Some(seen + 1))).await.unwrap();
}

async fn what_nobody_here_carries_on_is_filed(ground: Ground) {
    let (store, other) = (ground.store().await, ground.store().await);
    running(&store, &[("C1", 3), ("C2", 2), ("C3", 1)]).await;
    assert_eq!(picked(&store, 2).await, ["C1", "C2"]);
    assert_eq!(picked(&other, 1).await, ["C3"]);
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    store.begin_attempt(&attempt("a2", "C2", 0), &free()).await.unwrap();
    other.begin_attempt(&attempt("a3", "C3", 0), &free()).await.unwrap();
    // The answer to the first was lost with the server: its call was never placed.
    let mine = ["a2".parse().unwrap()];
    let closed = store.close_forgotten(at(9), &mine, |_| Remains::default()).await.unwrap();
    assert_eq!(closed.iter().map(|a| a.as_str()).collect::<Vec<_>>(), ["a1"]);
    assert_eq!(counts(&store).await, (1, 0, 2, 0), "and waits to be called");
}

async fn what_an_attempt_comes_to_moves_its_case(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 2), ("C2", 1)]).await;
    for (n, (case, how, then)) in
        [("C1", Disposition::Busy, (1, 1, 0, 0)), ("C2", Disposition::PromiseToPay, (1, 0, 0, 1))]
            .into_iter()
            .enumerate()
    {
        let a = format!("a{n}");
        assert_eq!(picked(&store, 1).await, [case]);
        store.begin_attempt(&attempt(&a, case, 0), &free()).await.unwrap();
        store.close_attempt(&outcome(&a, case, how)).await.unwrap();
        assert_eq!(counts(&store).await, then);
    }
    let due = store.campaign_counts(&campaign()).await.unwrap().next_due.unwrap();
    assert_eq!(due, at(40 + 600), "busy: ten minutes after its end");
    store.sweep(&campaign(), due, 9).await.unwrap();
    assert_eq!(picked(&store, 9).await, ["C1"]);
}

async fn what_a_dead_node_took_is_everybodys_again(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 2), ("C2", 1), ("C3", 0)]).await;
    let dead = ground.store().await;
    assert_eq!(picked(&dead, 2).await, ["C1", "C2"]);
    dead.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    dead.mark_answered(&"a1".parse().unwrap(), at(3)).await.unwrap();
    assert_eq!(store.recover(at(9), |_| Remains::default()).await.unwrap(), []);
    assert_eq!(counts(&store).await, (0, 1, 2, 0), "it lives");
    ground.die(dead).await;
    assert_eq!(store.recover(at(9), |_| Remains::default()).await.unwrap().len(), 1);
    // The first was answered, and may have been told something: nobody calls it again.
    assert_eq!(counts(&store).await, (0, 2, 0, 1));
    assert_eq!(picked(&store, 9).await, ["C2", "C3"]);
}

async fn what_was_taken_and_is_not_held_is_ready_again(ground: Ground) {
    let (store, other) = (ground.store().await, ground.store().await);
    running(&store, &[("C1", 4), ("C2", 3), ("C3", 2), ("C4", 1)]).await;
    assert_eq!(picked(&store, 3).await, ["C1", "C2", "C3"]);
    assert_eq!(picked(&other, 1).await, ["C4"]);
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    // C2 is being prepared; of C3 this process knows nothing, as after an answer that was lost.
    let held = [(campaign(), id("C2"))].into();
    assert_eq!(store.release_but(&held).await.unwrap(), 1);
    assert_eq!(counts(&store).await, (0, 1, 3, 0));
    assert_eq!(picked(&other, 9).await, ["C3"], "neither whose call is open nor another's");
    store.begin_attempt(&attempt("a2", "C2", 1), &free()).await.unwrap();
    assert_eq!(store.release_but(&held).await.unwrap(), 0);
}

async fn a_case_that_is_paid_is_called_no_more(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 3), ("C2", 2), ("C3", 1)]).await;
    assert_eq!(picked(&store, 2).await, ["C1", "C2"]);
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    for case in ["C1", "C2", "C3"] {
        assert_eq!(store.set_case_state(&id(case), CaseState::Paid, None, at(5)).await.unwrap(), 2);
    }
    assert_eq!(counts(&store).await, (0, 0, 2, 1));
    let late = store.begin_attempt(&attempt("a2", "C2", 6), &free()).await.unwrap_err();
    assert_eq!(refusal(late), Refusal::CaseSettled(CaseState::Paid));
    let rings = [ringing("a1", "C1"), ringing("a2", "C2"), ringing("a9", "C9")];
    let over = store.overtaken(&rings, &Gate::laboratory()).await.unwrap();
    assert!(over.len() == 3 && over.values().all(|why| *why == Overtaken::Settled), "{over:?}");
    // Rung out a moment later: the ladder would call it again, and the case says no.
    store.close_attempt(&outcome("a1", "C1", Disposition::NoAnswer)).await.unwrap();
    store.put_back(&campaign(), &id("C2"), None, "settled").await.unwrap();
    assert_eq!(counts(&store).await, (0, 0, 0, 3));
    for (case, waiting) in [("C1", 1), ("C2", 2)] {
        store.set_case_state(&id(case), CaseState::Open, Some(2), at(60)).await.unwrap();
        assert_eq!(
            counts(&store).await,
            (waiting, 0, 0, 3 - waiting),
            "a slip of the lender's is taken back"
        );
    }
}

/// A call that rings at the number which [`case`] tells.
fn ringing(attempt: &str, case: &str) -> Unanswered {
    let number = "1001".parse().unwrap();
    Unanswered { attempt: attempt.parse().unwrap(), case: id(case), number, revision: Some(1) }
}

async fn who_rings_is_let_go_where_what_allowed_it_holds_no_longer(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 5), ("C2", 4), ("C3", 3), ("C4", 2), ("C5", 1)]).await;
    let forbidden = Unanswered { number: "+8613800138000".parse().unwrap(), ..ringing("a5", "C5") };
    let calls =
        [ringing("a1", "C1"), ringing("a2", "C2"), ringing("a3", "C3"), ringing("a4", "C4"), forbidden];
    let cn = include_str!("../../../../compliance/cn.toml");
    let cn = Gate::new(Profile::parse("cn.toml", cn, |_| None).unwrap());
    assert_eq!(store.overtaken(&calls, &cn).await.unwrap(), BTreeMap::new());

    store.set_case_state(&id("C1"), CaseState::Withdrawn, None, at(1)).await.unwrap();
    let told = |case_id: &str, column: &str, value: Value| -> Case {
        let mut told = serde_json::to_value(case(case_id)).unwrap();
        told[column] = value;
        serde_json::from_value(told).unwrap()
    };
    let again = [
        told("C2", "deceased", true.into()),
        told("C3", "phone", "1009".into()),
        told("C4", "amount", "10.00".into()),
    ];
    assert_eq!(store.import(&again, at(1)).await.unwrap().changed, 3);
    store.forbid(&"13800138000".parse().unwrap(), "asked in a letter", "Wang Fang", at(1)).await.unwrap();
    let of = |attempt: &str, why| -> (AttemptId, Overtaken) { (attempt.parse().unwrap(), why) };
    let denied = Overtaken::Denied { rule: "deceased".into() };
    let (a1, a3) = (of("a1", Overtaken::Settled), of("a3", Overtaken::Renumbered));
    let all = BTreeMap::from([a1, of("a2", denied), a3, of("a5", Overtaken::Forbidden)]);
    assert_eq!(store.overtaken(&calls, &cn).await.unwrap(), all, "of another sum it rings on");

    // On a line to machines of one's own no flag is asked.
    let over = store.overtaken(&calls, &Gate::laboratory()).await.unwrap();
    assert_eq!(over.keys().map(|attempt| attempt.as_str()).collect::<Vec<_>>(), ["a1", "a3", "a5"]);
    // Numbers of the practice ground are nobody's.
    let practice = ground.store().await.for_practice();
    assert_eq!(practice.overtaken(&calls[4..], &cn).await.unwrap(), BTreeMap::new());
}

async fn a_campaign_that_does_not_run_calls_nobody(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 3)]).await;
    assert_eq!(picked(&store, 1).await, ["C1"]);
    store.set_campaign_state(&campaign(), CampaignState::Paused, None, at(1)).await.unwrap();
    let paused = store.begin_attempt(&attempt("a1", "C1", 2), &free()).await.unwrap_err();
    assert_eq!(refusal(paused), Refusal::NotRunning(CampaignState::Paused));
    let e = store.set_campaign_state(&campaign(), CampaignState::Running, Some(2), at(3)).await.unwrap_err();
    assert!(matches!(e, StoreError::Revised { revision: 3, .. }), "{e}");
    store.set_campaign_state(&campaign(), CampaignState::Stopped, Some(3), at(3)).await.unwrap();
    let e = store.set_campaign_state(&campaign(), CampaignState::Running, None, at(3)).await.unwrap_err();
    assert!(matches!(e, StoreError::CampaignStopped(_)), "{e}");
}

async fn one_number_is_on_the_line_once_whatever_the_case(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 3), ("C2", 2)]).await;
    picked(&store, 2).await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    let second = NewAttempt { callee: number("C1"), ..attempt("a2", "C2", 41) };
    let e = store.begin_attempt(&second, &free()).await.unwrap_err();
    assert_eq!(refusal(e), Refusal::NumberBusy);
    store.close_attempt(&outcome("a1", "C1", Disposition::Busy)).await.unwrap();
    store.begin_attempt(&second, &free()).await.unwrap();
}

async fn the_same_import_again_changes_nothing(ground: Ground) {
    let store = ground.store().await;
    let first = [case("C1"), case("C2")];
    let imported = store.import(&first, at(0)).await.unwrap();
    assert_eq!(imported, Imported { new: 2, ..Imported::default() });
    let mut second = [case("C1"), case("C2"), case("C3")];
    second[1].name = "李娜".into();
    let imported = store.import(&second, at(60)).await.unwrap();
    assert_eq!(imported, Imported { new: 1, changed: 1, same: 1 });
    assert_eq!(store.import(&second, at(90)).await.unwrap(), Imported { same: 3, ..Imported::default() });
    let stored = store.case(&id("C2")).await.unwrap().unwrap();
    assert_eq!((stored.case.name.as_str(), stored.revision, stored.changed_at), ("李娜", 2, at(60)));
    let page = store.cases_page(Some(&id("C1")), 1).await.unwrap();
    assert_eq!(page[0].case.id, id("C2"));
}

async fn a_number_that_is_entered_is_called_by_no_campaign_until_it_is_lifted(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 1)]).await;
    picked(&store, 1).await;
    let number = number("C1");
    store.forbid(&number, "asked in a letter", "Wang Fang", at(0)).await.unwrap();
    let e = store.begin_attempt(&attempt("a1", "C1", 1), &free()).await.unwrap_err();
    let bar = Bar::Person("asked in a letter".into());
    assert_eq!(refusal(e), Refusal::NumberBarred { by: bar });
    assert_eq!(store.lift(&number, "a slip", "Li Na", at(2)).await.unwrap(), 1);
    let entry = &store.forbidden(&number).await.unwrap()[0];
    assert_eq!(entry.lifted, Some((at(2), "Li Na".into(), "a slip".into())));
    store.begin_attempt(&attempt("a1", "C1", 3), &free()).await.unwrap();
}

async fn who_is_told_of_twice_is_entered_once_until_that_is_lifted(ground: Ground) {
    let store = ground.store().await;
    let number = number("C1");
    let told =
        async |reason: &str, s| store.forbid_once(&number, reason, "text message", at(s)).await.unwrap();
    let first = told("a reply", 0).await;
    assert!(first.is_some());
    assert_eq!(told("a reply", 1).await, None);
    assert!(told("another reply", 2).await.is_some());
    assert_eq!(store.forbidden(&number).await.unwrap().len(), 2);
    let told_of = store.events(0, 99).await.unwrap();
    assert_eq!(told_of.iter().filter(|event| event.kind == "do_not_call").count(), 2);
    store.lift(&number, "they wrote that it was a slip", "Li Na", at(3)).await.unwrap();
    let anew = told("a reply", 4).await;
    assert!(anew > first, "a wish that comes after it was lifted is a new one");
    assert_eq!(store.barred(&number).await.unwrap(), Some(Bar::Person("a reply".into())));
}

async fn what_a_call_barred_may_be_lifted_and_is_barred_anew(ground: Ground) {
    let store = ground.store().await;
    let number = number("C1");
    for (a, ended, lifted) in [("a1", 40, 50), ("a2", 90, 100)] {
        store.begin_attempt(&NewAttempt { campaign: None, ..attempt(a, "C1", 0) }, &free()).await.unwrap();
        let mut barring = Outcome { campaign: None, ..outcome(a, "C1", Disposition::StopCalling) };
        barring.ended_at = at(ended);
        store.close_attempt(&barring).await.unwrap();
        assert_eq!(store.barred(&number).await.unwrap(), Some(Bar::Call(Disposition::StopCalling)));
        store.lift(&number, "heard wrongly", "Li Na", at(lifted)).await.unwrap();
        assert_eq!(store.barred(&number).await.unwrap(), None);
    }
}

async fn what_happened_is_told_once_and_in_order(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 1)]).await;
    picked(&store, 1).await;
    store.begin_attempt(&attempt("a1", "C1", 0), &free()).await.unwrap();
    let a1 = "a1".parse().unwrap();
    store.mark_answered(&a1, at(3)).await.unwrap();
    store.mark_answered(&a1, at(4)).await.unwrap();
    let filed = outcome("a1", "C1", Disposition::PromiseToPay);
    store.close_attempt(&filed).await.unwrap();
    store.close_attempt(&filed).await.unwrap();
    store.set_case_state(&id("C1"), CaseState::Paid, None, at(99)).await.unwrap();
    let events = store.events(0, 99).await.unwrap();
    let keys: Vec<&str> = events.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(
        keys,
        ["campaign:november:1", "campaign:november:2", "a1:dialled", "a1:answered", "a1:1", "case:C1:2"]
    );
    assert!(events.windows(2).all(|w| w[0].seq < w[1].seq));
    let told = &events[4];
    assert_eq!((told.kind.as_str(), told.at, told.campaign.clone()), ("outcome", at(40), Some(campaign())));
    assert_eq!(serde_json::from_value::<waihu_types::Outcome>(told.body["outcome"].clone()).unwrap(), filed);
    assert_eq!(store.events(told.seq, 1).await.unwrap()[0].key, "case:C1:2");
    assert_eq!(store.last_event().await.unwrap(), events[5].seq);
}

async fn of_other_days_the_queue_is_asked_anew(ground: Ground) {
    let store = ground.store().await;
    running(&store, &[("C1", 4), ("C2", 3), ("C3", 2), ("C4", 1)]).await;
    // One waits for the first day, one came after the last one, one was closed by a call under it, one waits.
    assert_eq!(picked(&store, 4).await, ["C1", "C2", "C3", "C4"]);
    store.put_back(&campaign(), &id("C1"), Some(at(5_000)), "early, campaign_from, best_time").await.unwrap();
    store.put_back(&campaign(), &id("C2"), None, "campaign_over").await.unwrap();
    store.begin_attempt(&attempt("a1", "C3", 1), &free()).await.unwrap();
    let mut closed = outcome("a1", "C3", Disposition::Busy);
    closed.redial = waihu_types::Redial::No { rule: "campaign_over".into() };
    store.close_attempt(&closed).await.unwrap();
    store.put_back(&campaign(), &id("C4"), Some(at(9_000)), "busy_10_min").await.unwrap();
    assert_eq!(counts(&store).await, (2, 0, 0, 2));

    let settings = json!({"until": "2026-12-31"});
    let revision =
        store.change_campaign(&campaign(), (&settings, Some(at(60))), Some(2), at(20)).await.unwrap();
    let stands = store.campaign(&campaign()).await.unwrap().unwrap();
    assert_eq!((revision, stands.revision, stands.settings), (3, 3, settings.clone()));
    assert_eq!(counts(&store).await, (3, 0, 0, 1));
    assert_eq!(store.sweep(&campaign(), at(60), 9).await.unwrap(), 2);
    assert_eq!(picked(&store, 9).await, ["C1", "C2"]);

    let stale = store.change_campaign(&campaign(), (&settings, None), Some(2), at(21)).await;
    assert!(matches!(stale, Err(StoreError::Revised { revision: 3, .. })));
    store.set_campaign_state(&campaign(), CampaignState::Stopped, None, at(22)).await.unwrap();
    let stopped = store.change_campaign(&campaign(), (&settings, None), None, at(23)).await;
    assert!(matches!(stopped, Err(StoreError::CampaignStopped(_))));
}
