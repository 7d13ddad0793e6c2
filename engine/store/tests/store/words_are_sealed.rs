//! Words that are sealed are found as those in clear are, by whoever has the key, and stand nowhere in the database.

use waihu_store::{Hit, Keeper, Location, Part, Said, Seal, SealingSecret, Sought, Store, StoreError};
use waihu_types::{Disposition, Outcome, Transcript};

use crate::common::{Ground, at, attempt, campaign, free, on_both, outcome};

on_both!(
    sealed_words_are_found_as_those_in_clear_are,
    nothing_of_sealed_words_stands_in_the_database,
    words_of_before_the_key_are_sealed_in_their_places,
    who_has_another_key_or_none_finds_nothing_and_is_told,
    words_open_nowhere_but_in_their_place,
    who_seals_alone_leaves_the_finding_to_others,
    all_nodes_share_one_key_and_older_ones_still_open
);

const CALLS: [(&str, &[(&str, &str)]); 3] = [
    ("C1", &[("bot", "请问您大概哪天可以还款？"), ("callee", "我周五还,发了工资就还。")]),
    ("C2", &[("bot", "Could you tell me when you can pay?"), ("callee", "周末吧, I'll pay Friday.")]),
    ("C3", &[("bot", "打13800138000"), ("callee", "…"), ("agent", "下个月还，OK")]),
];

/// Words that are sought, and how often each is found.
const SOUGHT: [(&str, usize); 18] = [
    ("周五还", 1),
    ("周", 2),
    ("资", 1),
    ("还", 3),
    ("还款", 1),
    ("周还", 0),
    ("五还发", 0),
    ("周五 工资", 1),
    ("周五 还款", 0),
    ("PAY fri", 1),
    ("p", 2),
    ("pay", 2),
    ("ay", 0),
    ("Friday", 1),
    ("Fridays", 0),
    ("138", 1),
    ("月还 ok", 1),
    ("!?", 0),
];

fn secret(byte: u8) -> SealingSecret {
    SealingSecret::of(&[byte; 32]).unwrap()
}

fn seal(store: &Store, id: i64, byte: u8) {
    store.seal_with(Seal::new(Keeper::All, (id, &secret(byte)), []));
}

async fn a_call(store: &Store, id: &str, s: i64, words: &[(&str, &str)]) {
    store.begin_attempt(&attempt(id, id, s), &free()).await.unwrap();
    let transcript = Some(Transcript { path: format!("recordings/{id}.jsonl"), sha256: "cd".repeat(32) });
    let ended = outcome(id, id, Disposition::PromiseToPay);
    store.close_attempt(&Outcome { transcript, ..ended }).await.unwrap();
    keep(store, id, words).await;
}

async fn keep(store: &Store, id: &str, words: &[(&str, &str)]) {
    let lines: Vec<Said<'_>> =
        (0..).zip(words).map(|(n, (speaker, text))| Said { at_ms: n * 1_000, speaker, text }).collect();
    store.keep_words(&id.parse().unwrap(), &lines).await.unwrap();
}

async fn all_calls(store: &Store) {
    for (s, (id, words)) in (0..).zip(CALLS) {
        a_call(store, id, s, words).await;
    }
}

fn sought(words: &str) -> Sought {
    Sought { words: Some(words.into()), ..Sought::default() }
}

/// The attempt, and of what was said when, by whom and the words.
type ToldOf = (String, Option<i64>, Option<String>, Option<String>);

fn told(hits: Vec<Hit>) -> Vec<ToldOf> {
    hits.into_iter().map(|hit| (hit.attempt, hit.at_ms, hit.speaker, hit.text)).collect()
}

async fn found(store: &Store, words: &str) -> Vec<String> {
    let hits = store.search(&sought(words), None, 50).await.unwrap();
    hits.into_iter().map(|hit| hit.text.unwrap()).collect()
}

/// All that the database holds of words: rows, and the index's own tables.
async fn held(ground: &Ground, store: &Store) -> (String, String) {
    let raw = ground.raw().await;
    let index = match store.location() {
        Location::File(_) => "SELECT hex(block) FROM utterance_words_data",
        Location::Server { .. } => "SELECT CAST(grams AS TEXT) FROM utterances",
    };
    let texts = "SELECT text FROM utterances";
    let texts: Vec<String> = sqlx::query_scalar(texts).fetch_all(&raw).await.unwrap();
    let values: Vec<String> = sqlx::query_scalar(index).fetch_all(&raw).await.unwrap();
    let plain = |value: &String| match store.location() {
        Location::File(_) => String::from_utf8_lossy(&hex::decode(value).unwrap()).into_owned(),
        Location::Server { .. } => value.clone(),
    };
    (texts.join("\n"), values.iter().map(plain).collect::<Vec<_>>().join("\n"))
}

/// Whether words stand in rows, and whether an index in clear has any. A short word may stand in what is sealed, by
/// chance.
fn told_of((texts, index): &(String, String)) -> (bool, bool) {
    let any = |held: &str, words: &[&str]| words.iter().any(|word| held.contains(word));
    (any(texts, &["周", "还", "Friday", "138001"]), any(index, &["x0", "xp", "xfri"]))
}

async fn sealed_words_are_found_as_those_in_clear_are(ground: Ground) {
    let plain_ground = Ground::file();
    let (plain, store) = (plain_ground.store().await, ground.store().await);
    seal(&store, 1, 7);
    all_calls(&plain).await;
    all_calls(&store).await;
    for (words, times) in SOUGHT {
        let clear = told(plain.search(&sought(words), None, 50).await.unwrap());
        assert_eq!(clear.len(), times, "{words}");
        assert_eq!(told(store.search(&sought(words), None, 50).await.unwrap()), clear, "{words}");
    }
    let by = Sought { speaker: Some("agent".into()), ..sought("还") };
    assert_eq!(told(store.search(&by, None, 9).await.unwrap())[0].0, "C3");
    let of = |id: &str| Sought { campaign: Some(id.parse().unwrap()), ..sought("周") };
    assert_eq!(store.search(&of(campaign().as_str()), None, 9).await.unwrap().len(), 2);
    assert!(store.search(&of("another"), None, 9).await.unwrap().is_empty());
    let newest = store.search(&sought("周"), None, 1).await.unwrap();
    let rest = store.search(&sought("周"), Some(&newest[0].place()), 9).await.unwrap();
    assert_eq!((newest[0].attempt.as_str(), rest[0].attempt.as_str(), rest.len()), ("C2", "C1", 1));
    // A conversation is opened as a whole; a list of calls holds no words.
    let calls = store.conversations(&newest).await.unwrap();
    let line = &calls["C2"].lines[calls["C2"].line_of(&newest[0]).unwrap()];
    assert_eq!((line.text.as_str(), calls["C2"].lines[0].text.as_str()), (CALLS[1].1[1].1, CALLS[1].1[0].1));
    assert_eq!(store.search(&Sought::default(), None, 9).await.unwrap().len(), 3);
    // What is taken in anew, or has had its days, is found no more.
    keep(&store, "C1", &[("callee", "下周")]).await;
    assert_eq!(found(&store, "周五").await, Vec::<String>::new());
    assert!(store.remove(Part::Words, &"C2".parse().unwrap(), at(9)).await.unwrap());
    assert_eq!(found(&store, "周").await, ["下周"]);
}

async fn nothing_of_sealed_words_stands_in_the_database(ground: Ground) {
    let store = ground.store().await;
    seal(&store, 1, 7);
    all_calls(&store).await;
    let kept = held(&ground, &store).await;
    assert_eq!(told_of(&kept), (false, false), "{kept:?}");
    // The same words are not the same twice.
    keep(&store, "C3", &[("callee", "周五还"), ("callee", "周五还")]).await;
    let raw = ground.raw().await;
    let texts: Vec<String> =
        sqlx::query_scalar("SELECT text FROM utterances WHERE attempt = 'C3'").fetch_all(&raw).await.unwrap();
    assert_ne!(texts[0], texts[1]);
}

async fn words_of_before_the_key_are_sealed_in_their_places(ground: Ground) {
    let store = ground.store().await;
    a_call(&store, "C1", 0, CALLS[0].1).await;
    a_call(&store, "C2", 1, CALLS[1].1).await;
    assert_eq!(told_of(&held(&ground, &store).await), (true, true), "else this test shows nothing");
    assert!(store.words_to_seal("", 9).await.unwrap().is_empty() && !store.seals_words());
    seal(&store, 1, 7);
    a_call(&store, "C3", 2, CALLS[2].1).await;
    // Both kinds are found side by side, and again once all are of one.
    let all = told(store.search(&sought("还"), None, 9).await.unwrap());
    assert_eq!(all.len(), 3);
    assert_eq!(store.words_by_key().await.unwrap(), [(0, 2), (1, 1)]);
    let place = store.search(&sought("周"), None, 1).await.unwrap()[0].place();
    let due = store.words_to_seal("", 1).await.unwrap();
    assert_eq!(due[0].as_str(), "C1");
    assert!(store.seal_words(&due[0]).await.unwrap());
    assert_eq!(store.words_to_seal("C1", 9).await.unwrap()[0].as_str(), "C2");
    assert!(store.seal_words(&"C2".parse().unwrap()).await.unwrap());
    assert!(!store.seal_words(&"C2".parse().unwrap()).await.unwrap());
    assert!(store.words_to_seal("", 9).await.unwrap().is_empty());
    assert_eq!(store.words_by_key().await.unwrap(), [(1, 3)]);
    assert_eq!(told(store.search(&sought("还"), None, 9).await.unwrap()), all);
    let rest = store.search(&sought("周"), Some(&place), 9).await.unwrap();
    assert_eq!((rest.len(), rest[0].attempt.as_str()), (1, "C1"), "a page goes on where it ended");
    store.tidy_index().await.unwrap();
    let kept = held(&ground, &store).await;
    assert_eq!(told_of(&kept), (false, false), "{kept:?}");
    for (words, times) in SOUGHT {
        assert_eq!(found(&store, words).await.len(), times, "{words}");
    }
    // An older program, or a node without a key, writes in clear beside them: its words are found, and sealed in turn.
    let other = ground.store().await;
    keep(&other, "C1", &[("callee", "周五还")]).await;
    assert_eq!(found(&store, "周五").await, ["周五还"]);
    assert_eq!(store.words_to_seal("", 9).await.unwrap()[0].as_str(), "C1");
}

async fn who_has_another_key_or_none_finds_nothing_and_is_told(ground: Ground) {
    let store = ground.store().await;
    seal(&store, 1, 7);
    all_calls(&store).await;
    let hits = store.search(&sought("还"), None, 9).await.unwrap();
    let other = ground.store().await;
    for key in [None, Some(8)] {
        if let Some(byte) = key {
            seal(&other, 1, byte);
        }
        assert!(found(&other, "还").await.is_empty());
        assert_eq!(other.search(&Sought::default(), None, 9).await.unwrap().len(), 3);
        let Err(e) = other.conversations(&hits).await else { panic!("opened by {key:?}") };
        assert!(matches!(&e, StoreError::Sealed { attempt } if attempt == "C1"), "{e}");
        assert!(!e.to_string().contains("还"));
    }
    // What it cannot open it leaves as it is.
    seal(&other, 2, 8);
    assert!(other.words_to_seal("", 9).await.unwrap().is_empty());
    assert!(matches!(
        other.seal_words(&"C1".parse().unwrap()).await,
        Err(StoreError::Sealed { attempt }) if attempt == "C1"
    ));
    assert_eq!(found(&store, "还").await.len(), 3);
}

async fn words_open_nowhere_but_in_their_place(ground: Ground) {
    let store = ground.store().await;
    seal(&store, 1, 7);
    all_calls(&store).await;
    let raw = ground.raw().await;
    let moves = "UPDATE utterances SET text = (SELECT max(o.text) FROM utterances AS o WHERE o.attempt = 'C2' AND o.at_ms = 1000)
        WHERE attempt = 'C1' AND at_ms = 1000";
    sqlx::query(moves).execute(&raw).await.unwrap();
    let moved = store.search(&sought("工资"), None, 9).await;
    assert!(matches!(moved, Err(StoreError::Sealed { attempt }) if attempt == "C1"));
    sqlx::query("UPDATE utterances SET text = 'none' WHERE attempt = 'C1'").execute(&raw).await.unwrap();
    assert!(matches!(store.search(&sought("工资"), None, 9).await, Err(StoreError::Sealed { .. })));
    assert_eq!(found(&store, "Friday").await.len(), 1);
}

async fn who_seals_alone_leaves_the_finding_to_others(ground: Ground) {
    let (store, alone) = (ground.store().await, ground.store().await);
    seal(&store, 1, 7);
    alone.seal_with(Seal::new(Keeper::Alone, (2, &secret(9)), []));
    all_calls(&alone).await;
    let kept = held(&ground, &alone).await;
    assert_eq!(told_of(&kept), (false, false), "{kept:?}");
    assert!(found(&alone, "还").await.is_empty() && alone.words_to_seal("", 9).await.unwrap().is_empty());
    assert!(!alone.seal_words(&"C1".parse().unwrap()).await.unwrap());
    // Not before the key that it sealed with is here.
    assert!(found(&store, "还").await.is_empty() && store.words_to_seal("", 9).await.unwrap().is_empty());
    store.seal_with(Seal::new(Keeper::All, (1, &secret(7)), [(2, secret(9))]));
    let due = store.words_to_seal("", 9).await.unwrap();
    assert_eq!(due.len(), 3);
    for call in &due {
        assert!(store.seal_words(call).await.unwrap());
    }
    for (words, times) in SOUGHT {
        assert_eq!(found(&store, words).await.len(), times, "{words}");
    }
}

async fn all_nodes_share_one_key_and_older_ones_still_open(ground: Ground) {
    let store = ground.store().await;
    let first = store.keep_sealing_key(Keeper::All, "wrapped", "age1a").await.unwrap().unwrap();
    assert_eq!(store.keep_sealing_key(Keeper::All, "another", "age1a").await.unwrap(), None);
    let alone = store.keep_sealing_key(Keeper::Alone, "own", "age1a").await.unwrap().unwrap();
    assert!(store.keep_sealing_key(Keeper::Alone, "own", "age1a").await.unwrap().is_some());
    let keys = store.sealing_keys().await.unwrap();
    assert_eq!(
        keys.iter().map(|key| (key.id, key.is_shared())).collect::<Vec<_>>()[..2],
        [(first, true), (alone, false)]
    );
    assert!(store.rewrap(&keys[0], "anew", "age1b").await.unwrap());
    assert!(!store.rewrap(&keys[0], "anew by another", "age1b").await.unwrap());
    let key = store.sealing_keys().await.unwrap().remove(0);
    assert_eq!((key.wrapped.as_str(), key.sealed_for.as_str()), ("anew", "age1b"));
    // Set aside, it opens what it sealed, and there is room for another.
    seal(&store, first, 7);
    all_calls(&store).await;
    store.set_sealing_key_aside().await.unwrap();
    let second = store.keep_sealing_key(Keeper::All, "second", "age1b").await.unwrap().unwrap();
    store.seal_with(Seal::new(Keeper::All, (second, &secret(8)), [(first, secret(7))]));
    assert!(found(&store, "还").await.is_empty());
    for call in store.words_to_seal("", 9).await.unwrap() {
        assert!(store.seal_words(&call).await.unwrap());
    }
    assert_eq!(found(&store, "还").await.len(), 3);
    assert_eq!(store.words_by_key().await.unwrap(), [(second, 3)]);
}
