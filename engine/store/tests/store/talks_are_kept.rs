//! What agents put down of their calls: kept at once, and filed as the outcome's next revision.

use waihu_store::{Filter, Store, WrapUp};
use waihu_types::{Disposition, Handover, HandoverResult, Promise};

use crate::common::{Ground, at, attempt, case, free, on_both, outcome};

on_both!(a_wrap_up_is_the_next_revision_of_its_outcome, the_agent_who_spoke_last_with_a_debtor_is_known,);

fn wrap_up(agent: &str) -> WrapUp {
    let due = case("C1").due;
    WrapUp {
        attempt: "C1".parse().unwrap(),
        agent: agent.to_owned(),
        disposition: Some(Disposition::PromiseToPay),
        notes: "pays".to_owned(),
        promise: Some(Promise::of(jiff::civil::date(2026, 12, 1), due)),
    }
}

async fn dialled(store: &Store, id: &str) {
    store.begin_attempt(&attempt(id, id, 0), &free()).await.unwrap();
    store.mark_answered(&id.parse().unwrap(), at(5)).await.unwrap();
}

async fn a_wrap_up_is_the_next_revision_of_its_outcome(ground: Ground) {
    let store = ground.store().await;
    dialled(&store, "C1").await;
    let (call, of) = ("C1".parse().unwrap(), "C1".parse().unwrap());
    assert!(!store.wrap_up(&wrap_up("li"), at(9)).await.unwrap(), "it was not theirs");
    store.begin_talk((&call, "li"), (&of, None), at(10)).await.unwrap();
    store.end_talk(&call, "li", at(60)).await.unwrap();
    assert!(store.wrap_up(&wrap_up("li"), at(61)).await.unwrap());
    assert!(!store.amend_outcome(&wrap_up("li")).await.unwrap(), "it is not filed yet");

    let mut filed = outcome("C1", "C1", Disposition::HandedOver);
    filed.handover = Some(Handover::of("LI".to_owned(), HandoverResult::Joined));
    store.close_attempt(&filed).await.unwrap();
    store.close_attempt(&filed).await.unwrap();
    let at_once = store.outcomes(&Filter::default()).await.unwrap().remove(0);
    assert_eq!(at_once.promise, wrap_up("li").promise, "what was put down while the call went on is in it");
    let later = WrapUp { notes: "pays after the holidays".to_owned(), ..wrap_up("li") };
    assert!(store.wrap_up(&later, at(70)).await.unwrap());
    for _ in 0..2 {
        assert!(store.amend_outcome(&later).await.unwrap());
    }
    let now = store.outcomes(&Filter::default()).await.unwrap().remove(0);
    let handover = now.handover.clone().unwrap();
    assert_eq!(handover.disposition, Some(Disposition::PromiseToPay));
    assert_eq!(handover.notes.as_deref(), Some("pays after the holidays"));
    assert_eq!((now.disposition, now.promise), (Disposition::HandedOver, wrap_up("li").promise));
    let keys: Vec<String> = store.events(0, 99).await.unwrap().into_iter().map(|e| e.key).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).filter(|k| k.starts_with("C1:")).collect();
    assert_eq!(keys.last(), Some(&"C1:2"), "the same twice is told once: {keys:?}");
}

async fn the_agent_who_spoke_last_with_a_debtor_is_known(ground: Ground) {
    let store = ground.store().await;
    let debtor = "D-7".parse().unwrap();
    let last = async |of: &str, who: Option<&waihu_types::DebtorId>| {
        store.last_agent(&of.parse().unwrap(), who).await.unwrap()
    };
    for (id, agent, s) in [("C1", "li", 10), ("C2", "wang", 20)] {
        dialled(&store, id).await;
        let (call, of) = (id.parse().unwrap(), id.parse().unwrap());
        store.begin_talk((&call, agent), (&of, Some(&debtor)), at(s)).await.unwrap();
    }
    assert_eq!(last("C1", None).await.as_deref(), Some("li"));
    assert_eq!(last("C1", Some(&debtor)).await.as_deref(), Some("wang"), "of whatever case");
    assert_eq!(last("C9", None).await, None);
}
