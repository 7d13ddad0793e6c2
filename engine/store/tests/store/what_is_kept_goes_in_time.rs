//! What has had its days goes, what is held stays, and of an erased debtor nobody can be told.

use serde_json::json;
use waihu_store::{Filter, HoldOn, NewMessage, Part, Said, Store, StoreError, WrapUp};
use waihu_types::{AttemptId, Case, DebtorId, Disposition, Outcome, WallTime};

use crate::common::{Ground, at, attempt, case, free, number, on_both, outcome};

on_both!(
    parts_go_when_their_days_are_over,
    a_hold_keeps_what_has_had_its_days,
    holds_that_stand_come_first_and_the_newest_before_others,
    of_an_erased_debtor_nobody_can_be_told,
    nothing_is_erased_under_a_hold_or_while_a_call_is_up,
    who_must_not_be_called_stays_on_the_list,
    a_day_is_swept_once,
);

const DAY: i64 = 86_400;

/// A call with words, a message and an outcome that was told to others.
async fn a_call(store: &Store, id: &str, ended: Disposition) {
    store.begin_attempt(&attempt(id, id, 0), &free()).await.unwrap();
    store.close_attempt(&outcome(id, id, ended)).await.unwrap();
    store.keep_words(&key(id), &[Said { at_ms: 0, speaker: "callee", text: "我周五还" }]).await.unwrap();
    let message = NewMessage {
        message: format!("m-{id}"),
        attempt: key(id),
        case: id.parse().unwrap(),
        callee: number(id),
        template: "sent".into(),
        text: "张伟先生：".into(),
        made_at: at(40),
    };
    store.add_messages(&[message]).await.unwrap();
}

fn key(id: &str) -> AttemptId {
    id.parse().unwrap()
}

fn debtor(id: &str) -> DebtorId {
    id.parse().unwrap()
}

async fn filed(store: &Store, id: &str) -> Outcome {
    let filter = Filter { attempt: Some(key(id)), ..Filter::default() };
    store.outcomes(&filter).await.unwrap().pop().unwrap()
}

async fn due(store: &Store, part: Part, before: WallTime) -> Vec<String> {
    let due = store.due(part, "laboratory", (before, at(0)), "", 9).await.unwrap();
    due.iter().map(ToString::to_string).collect()
}

async fn parts_go_when_their_days_are_over(ground: Ground) {
    let store = ground.store().await;
    a_call(&store, "C1", Disposition::PromiseToPay).await;
    for part in [Part::Words, Part::Deliveries, Part::Outcome] {
        assert!(due(&store, part, at(40)).await.is_empty(), "it ended at 40 s");
        assert!(
            store.due(part, "cn", (at(DAY), at(0)), "", 9).await.unwrap().is_empty(),
            "under another profile"
        );
        assert_eq!(due(&store, part, at(DAY)).await, ["C1"]);
        assert!(store.remove(part, &key("C1"), at(DAY)).await.unwrap());
        assert!(due(&store, part, at(DAY)).await.is_empty(), "it has gone, once");
    }
    let left = filed(&store, "C1").await;
    assert_eq!(
        (left.callee.as_str(), &left.promise, left.disposition),
        ("000", &None, Disposition::PromiseToPay)
    );
    assert_eq!((left.case.as_str(), left.dialled_at), ("C1", at(0)));
    let told = store.events(0, 99).await.unwrap();
    let outcome = told.iter().find(|event| event.kind == "outcome").unwrap();
    assert_eq!((outcome.key.as_str(), &outcome.body), ("C1:1", &json!({"removed": true})));
    // What waits to be sent keeps its text.
    assert_eq!(store.messages_of(&key("C1")).await.unwrap()[0].new.text, "张伟先生：");
    assert!(store.without_words("", 9).await.unwrap().is_empty(), "its words do not come back");
}

async fn a_hold_keeps_what_has_had_its_days(ground: Ground) {
    let store = ground.store().await;
    for id in ["C1", "C2"] {
        a_call(&store, id, Disposition::PromiseToPay).await;
    }
    let hold =
        store.place_hold(&"case:C1".parse().unwrap(), "court", "Li", Some(at(9 * DAY)), at(0)).await.unwrap();
    assert_eq!(due(&store, Part::Words, at(DAY)).await, ["C2"]);
    assert!(!store.remove(Part::Words, &key("C1"), at(DAY)).await.unwrap());
    let standing = store.kept_calls(&[key("C1"), key("C2")], at(DAY)).await.unwrap();
    assert_eq!(standing.iter().map(|call| call.is_held()).collect::<Vec<_>>(), [true, false]);
    assert_eq!(standing[0].profile.as_deref(), Some("laboratory"));
    // It is over, or lifted.
    assert!(store.remove(Part::Deliveries, &key("C1"), at(10 * DAY)).await.unwrap());
    assert!(store.lift_hold(hold, "settled", "Wang", at(DAY)).await.unwrap());
    assert!(!store.lift_hold(hold, "settled", "Wang", at(DAY)).await.unwrap());
    assert!(store.remove(Part::Words, &key("C1"), at(DAY)).await.unwrap());
    let listed = &store.holds(0, 9).await.unwrap()[0];
    assert!(!listed.stands(at(DAY)) && listed.on == HoldOn::Case("C1".parse().unwrap()));
    assert_eq!(listed.lifted.as_ref().unwrap().1, "Wang");
    // A case that names no debtor is known by its own id; one whose attempt was stripped, by what its case says.
    store.import(&[case_of("C4", "D-4")], at(0)).await.unwrap();
    for (id, on) in [("C3", "debtor:C3"), ("C4", "debtor:D-4")] {
        a_call(&store, id, Disposition::PromiseToPay).await;
        assert!(store.remove(Part::Outcome, &key(id), at(DAY)).await.unwrap());
        store.place_hold(&on.parse().unwrap(), "court", "Li", None, at(0)).await.unwrap();
        assert!(!store.remove(Part::Words, &key(id), at(DAY)).await.unwrap(), "{on}");
        assert!(store.kept_calls(&[key(id)], at(DAY)).await.unwrap()[0].is_held(), "{on}");
    }
    for text in ["case", "case:", "who:C1", "debtor:../x"] {
        assert!(text.parse::<HoldOn>().is_err(), "{text}");
    }
}

async fn holds_that_stand_come_first_and_the_newest_before_others(ground: Ground) {
    let store = ground.store().await;
    let mut ids = Vec::new();
    for (on, until) in [("case:C1", None), ("case:C2", Some(9)), ("call:C3", None), ("debtor:C4", Some(99))] {
        let until = until.map(at);
        ids.push(store.place_hold(&on.parse().unwrap(), "court", "Li", until, at(0)).await.unwrap());
    }
    assert!(store.lift_hold(ids[2], "settled", "Wang", at(5)).await.unwrap());
    let listed = async |s: i64, limit: u32| {
        let (mut after, mut listed) = (None, Vec::new());
        loop {
            let page = store.holds_page(after, limit, at(s)).await.unwrap();
            let Some(last) = page.last() else { return listed };
            after = Some((last.stands(at(s)), last.id));
            listed.extend(page.iter().map(|hold| hold.on.subject().to_owned()));
        }
    };
    for limit in [1, 2, 3, 9] {
        assert_eq!(listed(8, limit).await, ["C4", "C2", "C1", "C3"]);
        assert_eq!(listed(9, limit).await, ["C4", "C1", "C3", "C2"], "one is over by then");
    }
}

/// A case of a debtor whose id is told.
fn case_of(id: &str, debtor: &str) -> Case {
    let mut value = serde_json::to_value(case(id)).unwrap();
    value["debtor"] = debtor.into();
    value["phone"] = number(id).as_str().into();
    serde_json::from_value(value).unwrap()
}

async fn of_an_erased_debtor_nobody_can_be_told(ground: Ground) {
    let store = ground.store().await;
    store.import(&[case_of("C1", "D-7"), case_of("C2", "D-7"), case_of("C3", "D-8")], at(0)).await.unwrap();
    for id in ["C1", "C2", "C3"] {
        a_call(&store, id, Disposition::PromiseToPay).await;
    }
    store.set_case_state(&"C1".parse().unwrap(), waihu_store::CaseState::Paid, None, at(1)).await.unwrap();
    store
        .begin_talk((&key("C1"), "lee"), (&"C1".parse().unwrap(), Some(&debtor("D-7"))), at(9))
        .await
        .unwrap();
    let notes = WrapUp {
        attempt: key("C1"),
        agent: "lee".into(),
        disposition: None,
        notes: "ill".into(),
        promise: None,
    };
    store.wrap_up(&notes, at(50)).await.unwrap();
    let traces = store.traces(&debtor("D-7")).await.unwrap();
    assert_eq!((traces.cases.len(), traces.calls.len()), (2, 2));

    let erased = store.erase(&debtor("D-7"), ("a letter", "Li"), at(DAY)).await.unwrap();
    assert_eq!((erased.cases, erased.calls), (2, vec![key("C1"), key("C2")]));
    let again = store.erase(&debtor("D-7"), ("a letter", "Li"), at(DAY)).await.unwrap();
    assert_eq!((again.cases, again.calls.len()), (0, 2), "once more: nothing but the files to be removed");
    let traces = store.traces(&debtor("D-7")).await.unwrap();
    assert!(traces.case_ids.is_empty() && traces.calls.is_empty());
    assert_eq!(store.erased_since(0).await.unwrap().len(), 2);
    // What comes late is kept no more.
    assert!(!store.wrap_up(&notes, at(DAY)).await.unwrap());
    assert!(store.amend_outcome(&key("C1")).await.unwrap());
    store.keep_words(&key("C1"), &[Said { at_ms: 0, speaker: "callee", text: "我周五还" }]).await.unwrap();
    assert!(store.is_erased(&key("C1")).await.unwrap() && !store.is_erased(&key("C3")).await.unwrap());

    // Nowhere in the database stands a word of theirs, but in what others have.
    let raw = ground.raw().await;
    let held = [
        ("attempts", "case_id"),
        ("attempts", "callee"),
        ("attempts", "debtor"),
        ("outcomes", "record"),
        ("outcomes", "case_id"),
        ("compliance_decisions", "case_id"),
        ("compliance_decisions", "evidence"),
        ("events", "key"),
        ("events", "case_id"),
        ("events", "body"),
        ("messages", "text"),
        ("messages", "callee"),
        ("messages", "subscriber"),
        ("messages", "case_id"),
        ("talks", "notes"),
        ("talks", "case_id"),
        ("talks", "debtor"),
        ("utterances", "text"),
        ("cases", "record"),
        ("queue", "case_id"),
        ("promises", "case_id"),
        ("case_changes", "case_id"),
    ];
    for (table, column) in held {
        let sql = format!("SELECT coalesce({column}, '') FROM {table}");
        let values: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&raw).await.unwrap();
        for value in &values {
            // The calls have the same ids here, and keep them.
            let own = ["D-7", "1001", "1002", "case\":\"C1", "case\":\"C2", "case:C1", "case:C2"];
            // The other debtor's call says the same words, and stays.
            let bare = value == "C1" || value == "C2" || own.iter().any(|word| value.contains(word));
            assert!(!bare, "{table}.{column}: {value}");
        }
    }
    let left = filed(&store, "C1").await;
    assert!(left.case.as_str().starts_with("erased-") && left.dialled_at == at(0));
    assert_eq!(store.decisions(&left.case).await.unwrap().len(), 1, "why it was allowed is kept");
    // Another debtor's is as it was.
    assert_eq!(filed(&store, "C3").await, outcome("C3", "C3", Disposition::PromiseToPay));
    assert_eq!(store.messages_of(&key("C3")).await.unwrap()[0].new.text, "张伟先生：");
}

async fn nothing_is_erased_under_a_hold_or_while_a_call_is_up(ground: Ground) {
    let store = ground.store().await;
    store.import(&[case_of("C1", "D-7")], at(0)).await.unwrap();
    store.begin_attempt(&attempt("C1", "C1", 0), &free()).await.unwrap();
    let erase = async || store.erase(&debtor("D-7"), ("a letter", "Li"), at(DAY)).await;
    assert!(matches!(erase().await, Err(StoreError::OnTheLine)));
    store.close_attempt(&outcome("C1", "C1", Disposition::PromiseToPay)).await.unwrap();
    for on in ["call:C1", "case:C1", "debtor:D-7"] {
        let hold = store.place_hold(&on.parse().unwrap(), "court", "Li", None, at(0)).await.unwrap();
        assert!(matches!(erase().await, Err(StoreError::Held)), "{on}");
        store.lift_hold(hold, "over", "Li", at(1)).await.unwrap();
    }
    assert_eq!(filed(&store, "C1").await, outcome("C1", "C1", Disposition::PromiseToPay));
    assert_eq!(erase().await.unwrap().calls.len(), 1);
}

async fn who_must_not_be_called_stays_on_the_list(ground: Ground) {
    let store = ground.store().await;
    store.import(&[case_of("C1", "D-7")], at(0)).await.unwrap();
    a_call(&store, "C1", Disposition::StopCalling).await;
    a_call(&store, "C2", Disposition::StopCalling).await;
    assert!(store.barred(&number("C1")).await.unwrap().is_some());
    store.erase(&debtor("D-7"), ("a letter", "Li"), at(DAY)).await.unwrap();
    assert!(store.remove(Part::Outcome, &key("C2"), at(DAY)).await.unwrap());
    for id in ["C1", "C2"] {
        assert!(store.barred(&number(id)).await.unwrap().is_some(), "{id}");
        store.lift(&number(id), "asked for", "Li", at(2 * DAY)).await.unwrap();
        assert!(store.barred(&number(id)).await.unwrap().is_none(), "and a person may lift it");
    }
}

async fn a_day_is_swept_once(ground: Ground) {
    let (one, other) = (ground.store().await, ground.store().await);
    assert!(one.begin_sweep("2026-11-26", at(0)).await.unwrap());
    assert!(!other.begin_sweep("2026-11-26", at(60)).await.unwrap(), "the first one is at it");
    assert!(other.begin_sweep("2026-11-26", at(3_700)).await.unwrap(), "and is taken for dead some time");
    other.end_sweep("2026-11-26", "{}", at(3_800)).await.unwrap();
    assert!(!one.begin_sweep("2026-11-26", at(9_999)).await.unwrap(), "it was done");
    assert!(one.begin_sweep("2026-11-27", at(DAY)).await.unwrap());
}
