//! Calls are found by what was said in them, the newest first, a page at a time; and their results are counted.

use std::{collections::BTreeMap, time::Duration};

use waihu_store::{Hit, Said, Sought, Store};
use waihu_types::{Disposition, Lang, Outcome, Transcript, WallTime};

use crate::common::{Ground, at, attempt, campaign, case, free, on_both, outcome};

on_both!(
    words_are_found_as_they_stand,
    a_hit_is_a_line_of_its_conversation,
    calls_are_listed_the_newest_first,
    results_are_counted_by_what_tells_them_apart,
    what_each_node_has_on_its_trunk_is_counted,
);

async fn a_call(store: &Store, id: &str, s: i64, ended: Disposition) {
    store.begin_attempt(&attempt(id, id, s), &free()).await.unwrap();
    let transcript = Some(Transcript { path: format!("recordings/{id}.jsonl"), sha256: "cd".repeat(32) });
    store.close_attempt(&Outcome { transcript, ..outcome(id, id, ended) }).await.unwrap();
}

fn said<'a>(at_ms: u64, speaker: &'a str, text: &'a str) -> Said<'a> {
    Said { at_ms, speaker, text }
}

async fn found(store: &Store, words: &str) -> Vec<(String, String)> {
    let sought = Sought { words: Some(words.into()), ..Sought::default() };
    let hits = store.search(&sought, None, 50).await.unwrap();
    hits.into_iter().map(|hit: Hit| (hit.attempt, hit.text.unwrap())).collect()
}

async fn words_are_found_as_they_stand(ground: Ground) {
    let store = ground.store().await;
    for (id, s) in [("C1", 0), ("C2", 1)] {
        a_call(&store, id, s, Disposition::PromiseToPay).await;
    }
    let (one, other) = ("C1".parse().unwrap(), "C2".parse().unwrap());
    let first =
        [said(0, "bot", "请问您大概哪天可以还款？"), said(4_000, "callee", "我周五还,发了工资就还。")];
    store.keep_words(&one, &first).await.unwrap();
    let second = [
        said(0, "bot", "Could you tell me when you can pay?"),
        said(2_000, "callee", "周末吧, I'll pay Friday."),
    ];
    store.keep_words(&other, &second).await.unwrap();

    let texts = |found: Vec<(String, String)>| found.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(texts(found(&store, "周五还").await), ["C1"]);
    assert_eq!(texts(found(&store, "周").await), ["C2", "C1"]);
    assert_eq!(texts(found(&store, "资").await), ["C1"]);
    assert_eq!(texts(found(&store, "PAY fri").await), ["C2"]);
    // Both have to stand there, and next to each other within a phrase.
    assert!(found(&store, "周五 还款").await.is_empty() && found(&store, "周还").await.is_empty());
    assert!(found(&store, "!?").await.is_empty());
    assert!(found(&store, "\") OR grams MATCH (\"").await.is_empty());
    let by = |speaker: &str| Sought {
        words: Some("还".into()),
        speaker: Some(speaker.into()),
        ..Sought::default()
    };
    assert_eq!(store.search(&by("callee"), None, 9).await.unwrap()[0].at_ms, Some(4_000));
    assert_eq!(store.search(&by("bot"), None, 9).await.unwrap()[0].at_ms, Some(0));
    let of = |id: &str| Sought {
        words: Some("周".into()),
        campaign: Some(id.parse().unwrap()),
        ..Sought::default()
    };
    assert_eq!(store.search(&of(campaign().as_str()), None, 9).await.unwrap().len(), 2);
    assert!(store.search(&of("another"), None, 9).await.unwrap().is_empty());
    let page = Sought { words: Some("周".into()), ..Sought::default() };
    let newest = store.search(&page, None, 1).await.unwrap();
    assert_eq!(store.search(&page, Some(&newest[0].place()), 9).await.unwrap()[0].attempt, "C1");
    // Taken in anew, the old words are gone.
    store.keep_words(&one, &[said(0, "callee", "下个月")]).await.unwrap();
    assert!(found(&store, "周五还").await.is_empty());
    assert_eq!(texts(found(&store, "下个月").await), ["C1"]);
}

async fn a_hit_is_a_line_of_its_conversation(ground: Ground) {
    let store = ground.store().await;
    for (id, s) in [("C1", 0), ("C2", 1)] {
        a_call(&store, id, s, Disposition::PromiseToPay).await;
        let lines = [said(0, "bot", "您好"), said(900, "callee", "周五还"), said(2_000, "callee", "还清")];
        store.keep_words(&id.parse().unwrap(), &lines).await.unwrap();
    }
    store.import(&[case("C1")], at(1)).await.unwrap();
    let sought = Sought { words: Some("还".into()), ..Sought::default() };
    let hits = store.search(&sought, None, 50).await.unwrap();
    let calls = store.conversations(&hits).await.unwrap();
    assert_eq!((hits.len(), calls.len()), (4, 2));
    for hit in &hits {
        let call = &calls[&hit.attempt];
        let line = &call.lines[call.line_of(hit).unwrap()];
        assert_eq!((Some(&line.text), Some(&line.speaker)), (hit.text.as_ref(), hit.speaker.as_ref()));
        assert_eq!((call.lines.len(), call.lines[1].at_ms), (3, 900));
        assert_eq!(call.lang, Lang::Zh);
        let told = (hit.attempt == "C1").then(|| case("C1").id);
        assert_eq!(call.case.as_ref().map(|case| &case.id), told.as_ref());
    }
    // Words that have gone meanwhile are nowhere.
    store.keep_words(&"C1".parse().unwrap(), &[]).await.unwrap();
    let calls = store.conversations(&hits).await.unwrap();
    assert!(calls["C1"].lines.is_empty());
    assert!(hits.iter().filter(|hit| hit.attempt == "C1").all(|hit| calls["C1"].line_of(hit).is_none()));
    assert!(store.conversations(&[]).await.unwrap().is_empty());
}

async fn calls_are_listed_the_newest_first(ground: Ground) {
    let store = ground.store().await;
    for (id, s) in [("C1", 0), ("C2", 100), ("C3", 200)] {
        a_call(&store, id, s, Disposition::NoAnswer).await;
    }
    let all = Sought::default();
    let first = store.search(&all, None, 2).await.unwrap();
    let rest = store.search(&all, Some(&first[1].place()), 9).await.unwrap();
    let mut listed: Vec<&str> = first.iter().chain(&rest).map(|hit| hit.attempt.as_str()).collect();
    listed.dedup();
    assert_eq!(listed.len(), 3);
    assert!(first.iter().chain(&rest).is_sorted_by(|a, b| a.ended_at >= b.ended_at));
    let others = Sought { disposition: Some(Disposition::Busy), ..Sought::default() };
    assert!(store.search(&others, None, 9).await.unwrap().is_empty());
    // Transcripts whose words were taken in are left out.
    store.keep_words(&"C1".parse().unwrap(), &[]).await.unwrap();
    let left = store.without_words("", 1).await.unwrap();
    assert_eq!((left.len(), left[0].0.as_str(), left[0].1.as_str()), (1, "C2", "recordings/C2.jsonl"));
    assert_eq!(store.without_words("C2", 9).await.unwrap().len(), 1);
}

async fn results_are_counted_by_what_tells_them_apart(ground: Ground) {
    let store = ground.store().await;
    for (id, ended) in
        [("C1", Disposition::PromiseToPay), ("C2", Disposition::PromiseToPay), ("C3", Disposition::Busy)]
    {
        a_call(&store, id, 0, ended).await;
    }
    store.begin_attempt(&attempt("C4", "C4", 0), &free()).await.unwrap();
    assert_eq!(
        store.live_calls(9).await.unwrap().iter().map(|c| c.attempt.as_str()).collect::<Vec<_>>(),
        ["C4"]
    );
    let all = (WallTime::from_unix_millis(0), at(1_000_000));
    let cells = store.results(Some(&campaign()), all, 480).await.unwrap();
    assert_eq!(cells.iter().map(|c| c.calls).sum::<i64>(), 3);
    let promised: Vec<_> = cells.iter().filter(|c| c.disposition == "promise_to_pay").collect();
    assert_eq!((promised.len(), promised[0].calls, promised[0].script.as_str()), (1, 2, "reminder"));
    assert!((0..24).contains(&promised[0].hour));
    assert!(store.results(Some(&campaign()), (all.1, all.1), 0).await.unwrap().is_empty());
    let tallies = store.tallies(all.0).await.unwrap();
    assert_eq!((tallies.len(), tallies[0].calls), (1, 3));
    assert!(tallies[0].completed <= tallies[0].human && tallies[0].human <= tallies[0].answered);
}

async fn what_each_node_has_on_its_trunk_is_counted(ground: Ground) {
    let (one, other) = (ground.store().await, ground.store().await);
    let lease = Duration::from_secs(600);
    let here = one.join("a:1@main", at(0), lease).await.unwrap();
    let there = other.join("b:2@main", at(0), lease).await.unwrap();
    // Both are over at 40 s; one of them was dialled of late.
    a_call(&one, "C1", 0, Disposition::Busy).await;
    a_call(&one, "C2", 35, Disposition::Busy).await;
    // Up, and dialled before.
    one.begin_attempt(&attempt("C3", "C3", 1), &free()).await.unwrap();
    for (id, s) in [("C4", 38), ("C5", 39)] {
        other.begin_attempt(&attempt(id, id, s), &free()).await.unwrap();
    }
    let loads = one.node_loads(at(30)).await.unwrap();
    let told: BTreeMap<_, _> = loads.into_iter().map(|l| (l.node, (l.calls, l.dialled))).collect();
    assert_eq!(told, BTreeMap::from([(here, (1, 1)), (there.clone(), (2, 2))]));
    let later = one.node_loads(at(39)).await.unwrap();
    let told: Vec<_> = later.iter().filter(|l| l.node == there).map(|l| (l.calls, l.dialled)).collect();
    assert_eq!(told, [(2, 1)]);
}
