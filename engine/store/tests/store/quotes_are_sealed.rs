//! What quotes calls is sealed as their words are: it stands nowhere in clear, it is read as before, and a key that is
//! lost stops no list.

use serde_json::{Value, json};
use waihu_store::{
    JudgedFilter, Keeper, MessageBegun, MessageState, NewJudgement, NewMessage, NewReview, Part,
    ReviewFilter, Seal, SealingSecret, Settled, Store, StoreError, TurnTaken,
};
use waihu_types::{AttemptId, Disposition};

use crate::common::{Ground, at, attempt, free, number, on_both, outcome};

on_both!(
    what_quotes_calls_stands_nowhere_in_clear_and_is_read_as_before,
    a_text_that_may_still_be_sent_stays_in_clear,
    quotes_of_before_the_key_are_sealed_in_their_places,
    an_older_program_judges_anew_in_clear_and_is_read,
    a_lost_key_is_told_and_stops_no_list,
    who_seals_alone_leaves_the_rest_to_others,
    sealed_quotes_go_when_their_days_are_over_and_with_whom_they_are_of,
    a_review_stays_but_for_what_it_is_sealed_with,
);

const TEXT: &str = "张伟先生：请于周五还款";
const NOTE: &str = r#"{"note":"周五, he said Friday","opinion":"right","stage":"first"}"#;

fn evidence(zh: &str) -> String {
    let evidence = json!([{"line": 2, "at_ms": 900, "zh": zh, "en": "the bot said Friday"}]);
    json!({"checks": [{"id": "identity", "verdict": "fail", "evidence": evidence}], "rules": "ab"})
        .to_string()
}

fn key(id: &str) -> AttemptId {
    id.parse().unwrap()
}

fn secret(byte: u8) -> SealingSecret {
    SealingSecret::of(&[byte; 32]).unwrap()
}

fn seal(store: &Store, id: i64, byte: u8) {
    store.seal_with(Seal::new(Keeper::All, (id, &secret(byte)), []));
}

async fn judge(store: &Store, id: &str, zh: &str, s: i64) {
    let (attempt, record) = (key(id), evidence(zh));
    let it = NewJudgement {
        attempt: &attempt,
        revision: 1,
        agent: None,
        distress: 0,
        person: true,
        score: Some(40),
        passed: false,
        critical: true,
        checks: &[("identity", "fail")],
        record: &record,
    };
    assert!(store.keep_judgement(&it, at(s)).await.unwrap());
}

fn message(id: &str) -> NewMessage {
    NewMessage {
        message: NewMessage::id(&key(id), 0),
        attempt: key(id),
        case: id.parse().unwrap(),
        callee: number(id),
        template: "sent".into(),
        text: TEXT.into(),
        made_at: at(40),
    }
}

async fn settle(store: &Store, id: &str, state: MessageState) {
    let settled = Settled { state, why: String::new(), gateway_id: None, due_at: Some(at(60)) };
    store.settle_message(&message(id).message, &settled, at(60)).await.unwrap();
}

/// A call that was judged, looked at by a person, and left a message that was sent.
async fn quoted(store: &Store, id: &str) {
    store.begin_attempt(&attempt(id, id, 0), &free()).await.unwrap();
    store.close_attempt(&outcome(id, id, Disposition::PromiseToPay)).await.unwrap();
    judge(store, id, "说了“周五还”", 99).await;
    let drawn = NewReview { attempt: key(id), form: "{}".into(), four_eyes: true, agents: vec!["li".into()] };
    assert!(store.keep_draw(&format!("of-{id}"), "2026-11-26", &[drawn], at(99)).await.unwrap());
    let turn = TurnTaken {
        stage: "first",
        person: "chen",
        record: NOTE,
        next: Some("second"),
        score: None,
        opinion: None,
    };
    assert!(store.take_turn(review(store, id).await, &turn, at(100)).await.unwrap());
    store.add_messages(&[message(id)]).await.unwrap();
    assert_eq!(store.begin_message(&message(id), &free(), at(50)).await.unwrap(), MessageBegun::Begun);
    settle(store, id, MessageState::Sent).await;
}

async fn review(store: &Store, id: &str) -> i64 {
    let of_call = ReviewFilter { attempt: Some(key(id)), ..ReviewFilter::default() };
    store.reviews(&of_call, None, 9).await.unwrap()[0].id
}

/// What is read of a call: the judgement's record, what was done in its review, its message's text.
async fn read(store: &Store, id: &str) -> (Value, Vec<Value>, String) {
    let parsed = |text: &String| serde_json::from_str::<Value>(text).unwrap();
    let judged = store.judgement(&key(id)).await.unwrap().unwrap();
    let (_, acts) = store.review(review(store, id).await).await.unwrap().unwrap();
    let sent = store.messages_of(&key(id)).await.unwrap().remove(0);
    assert!(!sent.closed);
    (parsed(&judged.record), acts.iter().map(parsed).collect(), sent.new.text)
}

fn as_written(zh: &str) -> (Value, Vec<Value>, String) {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    (parsed(&evidence(zh)), vec![parsed(NOTE)], TEXT.to_owned())
}

/// All that the database holds of what quotes calls.
async fn held(ground: &Ground) -> String {
    let raw = ground.raw().await;
    let mut held = Vec::new();
    for sql in [
        "SELECT record || words FROM judgements",
        "SELECT record || words FROM review_acts",
        "SELECT text FROM messages",
    ] {
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&raw).await.unwrap();
        held.extend(rows);
    }
    held.join("\n")
}

fn in_clear(held: &str) -> Vec<&'static str> {
    ["说了", "Friday", "he said", "还款"].into_iter().filter(|word| held.contains(word)).collect()
}

async fn due(store: &Store) -> Vec<String> {
    store.words_to_seal("", 9).await.unwrap().iter().map(ToString::to_string).collect()
}

async fn what_quotes_calls_stands_nowhere_in_clear_and_is_read_as_before(ground: Ground) {
    let store = ground.store().await;
    quoted(&store, "C1").await;
    assert_eq!(in_clear(&held(&ground).await).len(), 4, "else this test shows nothing");
    assert_eq!(read(&store, "C1").await, as_written("说了“周五还”"));
    seal(&store, 1, 7);
    quoted(&store, "C2").await;
    assert!(store.seal_words(&key("C1")).await.unwrap());
    let kept = held(&ground).await;
    assert_eq!(in_clear(&kept), [""; 0], "{kept}");
    for id in ["C1", "C2"] {
        assert_eq!(read(&store, id).await, as_written("说了“周五还”"), "{id}");
    }
    // What is no word stands where it did, for lists and older programs.
    assert!(kept.contains("identity") && kept.contains("opinion"), "{kept}");
    let listed = store.judgements(&JudgedFilter::default(), None, 9).await.unwrap();
    let records: Vec<Value> = listed.iter().map(|it| serde_json::from_str(&it.record).unwrap()).collect();
    assert!(records.len() == 2 && records.iter().all(|it| it["checks"][0]["evidence"][0]["zh"] == ""));
    // Judged anew, it is sealed anew.
    judge(&store, "C2", "又说了", 120).await;
    assert_eq!(read(&store, "C2").await, as_written("又说了"));
    assert_eq!(in_clear(&held(&ground).await), [""; 0]);
}

async fn a_text_that_may_still_be_sent_stays_in_clear(ground: Ground) {
    let (store, other) = (ground.store().await, ground.store().await);
    seal(&store, 1, 7);
    store.begin_attempt(&attempt("C1", "C1", 0), &free()).await.unwrap();
    store.add_messages(&[message("C1")]).await.unwrap();
    // A node without the key sends it as well.
    let waiting = other.due_messages(at(50), 9).await.unwrap().remove(0);
    assert!(waiting.new.text == TEXT && !waiting.closed);
    assert!(!store.seal_words(&key("C1")).await.unwrap() && due(&store).await.is_empty());
    assert_eq!(store.begin_message(&waiting.new, &free(), at(50)).await.unwrap(), MessageBegun::Begun);
    settle(&store, "C1", MessageState::Waiting).await;
    assert_eq!(other.due_messages(at(60), 9).await.unwrap()[0].new.text, TEXT);
    assert_eq!(store.begin_message(&waiting.new, &free(), at(61)).await.unwrap(), MessageBegun::Begun);
    assert_eq!(store.abandon_messages(at(62), at(99)).await.unwrap().len(), 1);
    assert!(due(&store).await.is_empty(), "its sender may live, and say that it did not leave");
    settle(&store, "C1", MessageState::Failed).await;
    assert_eq!(in_clear(&held(&ground).await), [""; 0]);
    assert_eq!(store.messages_amiss(9).await.unwrap()[0].new.text, TEXT);
    // How it stands is told where its text is not.
    let told = other.messages_amiss(9).await.unwrap().remove(0);
    assert!(told.closed && told.new.text.is_empty() && told.state == MessageState::Failed);
    // One that is refused is not sent either.
    store.begin_attempt(&attempt("C2", "C2", 0), &free()).await.unwrap();
    store.add_messages(&[message("C2")]).await.unwrap();
    store.put_off_message(&message("C2").message, None, "no", at(60)).await.unwrap();
    assert_eq!(in_clear(&held(&ground).await), [""; 0]);
    assert_eq!(store.messages_of(&key("C2")).await.unwrap()[0].new.text, TEXT);
}

async fn quotes_of_before_the_key_are_sealed_in_their_places(ground: Ground) {
    let store = ground.store().await;
    quoted(&store, "C1").await;
    quoted(&store, "C2").await;
    seal(&store, 1, 7);
    quoted(&store, "C3").await;
    assert_eq!(store.words_by_key().await.unwrap(), [(0, 2), (1, 1)]);
    assert_eq!(due(&store).await, ["C1", "C2"]);
    assert_eq!(store.words_to_seal("C1", 9).await.unwrap(), [key("C2")]);
    for id in due(&store).await {
        assert!(store.seal_words(&key(&id)).await.unwrap());
        assert!(!store.seal_words(&key(&id)).await.unwrap(), "once");
    }
    assert!(due(&store).await.is_empty());
    assert_eq!(store.words_by_key().await.unwrap(), [(1, 3)]);
    assert_eq!(in_clear(&held(&ground).await), [""; 0]);
    for id in ["C1", "C2", "C3"] {
        assert_eq!(read(&store, id).await, as_written("说了“周五还”"), "{id}");
    }
    // A new key takes them over, where the old one is here.
    seal(&store, 2, 8);
    assert!(due(&store).await.is_empty());
    store.seal_with(Seal::new(Keeper::All, (2, &secret(8)), [(1, secret(7))]));
    for id in due(&store).await {
        assert!(store.seal_words(&key(&id)).await.unwrap());
    }
    assert_eq!(store.words_by_key().await.unwrap(), [(2, 3)]);
    seal(&store, 2, 8);
    assert_eq!(read(&store, "C1").await, as_written("说了“周五还”"));
}

async fn an_older_program_judges_anew_in_clear_and_is_read(ground: Ground) {
    let store = ground.store().await;
    seal(&store, 1, 7);
    quoted(&store, "C1").await;
    // It names no column that it does not know.
    let raw = ground.raw().await;
    sqlx::query("UPDATE judgements SET record = $1, judged_at = judged_at + 7")
        .bind(evidence("旧程序说了"))
        .execute(&raw)
        .await
        .unwrap();
    assert_eq!(read(&store, "C1").await, as_written("旧程序说了"));
    assert_eq!(due(&store).await, ["C1"]);
    assert_eq!(store.words_by_key().await.unwrap(), [(0, 1), (1, 1)]);
    assert!(store.seal_words(&key("C1")).await.unwrap() && due(&store).await.is_empty());
    assert_eq!(read(&store, "C1").await, as_written("旧程序说了"));
    assert_eq!(in_clear(&held(&ground).await), [""; 0]);
    // A node without a key does the same.
    let other = ground.store().await;
    judge(&other, "C1", "又说了", 120).await;
    assert_eq!(other.judgement(&key("C1")).await.unwrap().unwrap().record, evidence("又说了"));
    assert_eq!(read(&store, "C1").await, as_written("又说了"));
    assert_eq!(due(&store).await, ["C1"]);
}

async fn a_lost_key_is_told_and_stops_no_list(ground: Ground) {
    let store = ground.store().await;
    seal(&store, 1, 7);
    quoted(&store, "C1").await;
    let other = ground.store().await;
    quoted(&other, "C2").await;
    for lost in [None, Some(8)] {
        if let Some(byte) = lost {
            seal(&other, 2, byte);
            assert!(other.seal_words(&key("C2")).await.unwrap());
        }
        let listed = other.judgements(&JudgedFilter::default(), None, 9).await.unwrap();
        assert_eq!(listed.len(), 2);
        assert!(listed.iter().all(|it| it.score == Some(40) && it.record.contains("identity")));
        assert_eq!(other.check_shares(&JudgedFilter::default()).await.unwrap()[0].failed, 2);
        assert_eq!(other.reviews(&ReviewFilter::default(), None, 9).await.unwrap().len(), 2);
        assert_eq!(other.score_of(&key("C1")).await.unwrap(), Some(40));
        let judged = other.judgement(&key("C1")).await.unwrap_err();
        let noted = other.review(review(&other, "C1").await).await.unwrap_err();
        for e in [judged, noted] {
            assert!(matches!(&e, StoreError::Sealed { attempt } if attempt == "C1"), "{e}");
            assert!(e.to_string().contains("waihu vault status") && in_clear(&e.to_string()).is_empty());
        }
        let sent = other.messages_of(&key("C1")).await.unwrap().remove(0);
        assert!(sent.closed && sent.new.text.is_empty() && sent.state == MessageState::Sent);
        // It leaves as it is what it cannot open.
        assert!(due(&other).await.iter().all(|id| id != "C1"));
        assert!(!other.seal_words(&key("C1")).await.unwrap());
        assert_eq!(read(&other, "C2").await, as_written("说了“周五还”"));
    }
    assert_eq!(read(&store, "C1").await, as_written("说了“周五还”"));
}

async fn who_seals_alone_leaves_the_rest_to_others(ground: Ground) {
    let (store, alone) = (ground.store().await, ground.store().await);
    seal(&store, 1, 7);
    alone.seal_with(Seal::new(Keeper::Alone, (2, &secret(9)), []));
    quoted(&store, "C1").await;
    quoted(&alone, "C2").await;
    assert_eq!(in_clear(&held(&ground).await), [""; 0]);
    assert!(due(&alone).await.is_empty() && due(&store).await.is_empty());
    store.seal_with(Seal::new(Keeper::All, (1, &secret(7)), [(2, secret(9))]));
    assert_eq!(due(&store).await, ["C2"]);
    assert!(store.seal_words(&key("C2")).await.unwrap());
    seal(&store, 1, 7);
    assert_eq!(read(&store, "C2").await, as_written("说了“周五还”"));
}

async fn sealed_quotes_go_when_their_days_are_over_and_with_whom_they_are_of(ground: Ground) {
    let store = ground.store().await;
    seal(&store, 1, 7);
    quoted(&store, "C1").await;
    quoted(&store, "C2").await;
    assert!(store.remove(Part::Deliveries, &key("C1"), at(999)).await.unwrap());
    let emptied = ground.store().await.messages_of(&key("C1")).await.unwrap().remove(0);
    assert!(emptied.new.text.is_empty() && !emptied.closed, "there is nothing to be opened");
    assert!(store.remove(Part::Outcome, &key("C1"), at(999)).await.unwrap());
    assert!(store.judgement(&key("C1")).await.unwrap().is_none());
    assert_eq!(store.reviews(&ReviewFilter::default(), None, 9).await.unwrap().len(), 1);
    assert_eq!(read(&store, "C2").await, as_written("说了“周五还”"), "another's stay");
    store.erase(&"C2".parse().unwrap(), ("a letter", "Li"), at(999)).await.unwrap();
    assert_eq!(held(&ground).await.trim(), "");
    assert!(due(&store).await.is_empty() && store.words_by_key().await.unwrap().is_empty());
    assert!(!store.seal_words(&key("C2")).await.unwrap());
}

async fn a_review_stays_but_for_what_it_is_sealed_with(ground: Ground) {
    let store = ground.store().await;
    quoted(&store, "C1").await;
    let raw = ground.raw().await;
    for change in ["record = '{}'", "sealed = 1, person = 'li'", "sealed = 1, at = at + 1", "words = 'x'"] {
        let sql = format!("UPDATE review_acts SET {change}");
        assert!(sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&raw).await.is_err(), "{change}");
    }
    seal(&store, 1, 7);
    assert!(store.seal_words(&key("C1")).await.unwrap());
    assert_eq!(read(&store, "C1").await.1, as_written("").1);
}
