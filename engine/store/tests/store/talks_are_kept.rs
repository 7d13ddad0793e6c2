//! What agents put down of their calls: kept at once, and filed as the outcome's next revision.

use std::collections::BTreeMap;

use waihu_campaign::Strategy;
use waihu_compliance::Gate;
use waihu_store::{
    Bar, CampaignState, CaseState, Filter, Overtaken, Part, Placement, Refusal, Remains, Store, StoreError,
    Unanswered, WrapUp,
};
use waihu_types::{
    AnsweredBy, Case, Disposition, Handover, HandoverResult, Outcome, Promise, Redial, WallTime,
};

use crate::common::{Ground, at, attempt, campaign, case, free, number, on_both, outcome};

on_both!(
    a_wrap_up_is_the_next_revision_of_its_outcome,
    the_agent_who_spoke_last_with_a_debtor_is_known,
    a_wish_told_to_an_agent_bars_the_number,
    an_agents_word_moves_its_case,
    a_case_that_went_on_meanwhile_stays_where_it_is,
    the_last_word_of_several_agents_stands,
    what_was_told_to_an_agent_outlives_their_node,
);

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
    assert!(!store.amend_outcome(&call).await.unwrap(), "it is not filed yet");

    let mut filed = outcome("C1", "C1", Disposition::HandedOver);
    filed.handover = Some(Handover::of("LI".to_owned(), HandoverResult::Joined));
    store.close_attempt(&filed).await.unwrap();
    store.close_attempt(&filed).await.unwrap();
    let at_once = store.outcomes(&Filter::default()).await.unwrap().remove(0);
    assert_eq!(at_once.promise, wrap_up("li").promise, "what was put down while the call went on is in it");
    let later = WrapUp { notes: "pays after the holidays".to_owned(), ..wrap_up("li") };
    assert!(store.wrap_up(&later, at(70)).await.unwrap());
    for _ in 0..2 {
        assert!(store.amend_outcome(&call).await.unwrap());
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

/// The outcome of a talk that an agent had.
fn talked(id: &str) -> Outcome {
    Outcome {
        answered_at: Some(at(5)),
        answered_by: AnsweredBy::Human,
        handover: Some(Handover::of("LI".to_owned(), HandoverResult::Joined)),
        ..outcome(id, id, Disposition::HandedOver)
    }
}

/// A talk that an agent has, of a call that was dialled.
async fn has(store: &Store, id: &str, agent: &str) {
    let (call, of) = (id.parse().unwrap(), id.parse().unwrap());
    store.begin_talk((&call, agent), (&of, None), at(10)).await.unwrap();
}

/// An agent puts down how a call ended, once or again.
async fn puts_down(store: &Store, (id, agent): (&str, &str), how: Option<Disposition>, now: WallTime) {
    let promise = wrap_up(agent).promise.filter(|_| how == Some(Disposition::PromiseToPay));
    let it = WrapUp {
        attempt: id.parse().unwrap(),
        disposition: how,
        notes: String::new(),
        promise,
        ..wrap_up(agent)
    };
    assert!(store.wrap_up(&it, now).await.unwrap());
    store.amend_outcome(&it.attempt).await.unwrap();
}

async fn filed(store: &Store, id: &str) -> Outcome {
    let filter = Filter { attempt: Some(id.parse().unwrap()), ..Filter::default() };
    store.outcomes(&filter).await.unwrap().remove(0)
}

async fn a_wish_told_to_an_agent_bars_the_number(ground: Ground) {
    let store = ground.store().await;
    dialled(&store, "C1").await;
    has(&store, "C1", "li").await;
    store.close_attempt(&talked("C1")).await.unwrap();
    assert_eq!(store.barred(&number("C1")).await.unwrap(), None);
    let stop = Disposition::StopCalling;
    for _ in 0..2 {
        puts_down(&store, ("C1", "li"), Some(stop), at(60)).await;
        assert_eq!(store.barred(&number("C1")).await.unwrap(), Some(Bar::Call(stop)));
    }
    // Who is being called there about another case is not rung any longer.
    store.import(&[case("C2")], at(0)).await.unwrap();
    let rings = Unanswered {
        attempt: "C2".parse().unwrap(),
        case: "C2".parse().unwrap(),
        number: number("C1"),
        revision: None,
    };
    let elsewhere = Unanswered { number: number("C3"), attempt: "C3".parse().unwrap(), ..rings.clone() };
    let overtaken = store.overtaken(&[rings.clone(), elsewhere], &Gate::laboratory()).await.unwrap();
    assert_eq!(overtaken, BTreeMap::from([(rings.attempt, Overtaken::Forbidden)]));
    let of = |disposition| Filter { disposition: Some(disposition), ..Filter::default() };
    assert_eq!(store.outcomes(&of(stop)).await.unwrap().len(), 1);
    assert!(store.outcomes(&of(Disposition::HandedOver)).await.unwrap().is_empty());
    let results = store.results(None, (at(0), at(999)), 0).await.unwrap();
    assert_eq!(results[0].disposition, "stop_calling");
    let told: (String, String) = sqlx::query_as("SELECT disposition, effective_disposition FROM outcomes_v1")
        .fetch_one(&ground.raw().await)
        .await
        .unwrap();
    assert_eq!(told, ("handed_over".into(), "stop_calling".into()));
    // A slip is taken back; and what was no slip outlasts the outcome.
    puts_down(&store, ("C1", "li"), Some(Disposition::Hardship), at(70)).await;
    assert_eq!(store.barred(&number("C1")).await.unwrap(), None);
    puts_down(&store, ("C1", "li"), Some(stop), at(80)).await;
    assert!(store.remove(Part::Outcome, &"C1".parse().unwrap(), at(90)).await.unwrap());
    assert!(matches!(store.barred(&number("C1")).await.unwrap(), Some(Bar::Person(_))));
}

/// A running campaign of the shipped strategy, about whose cases an agent talks.
async fn talked_about(store: &Store, ids: &[&str]) {
    let cases: Vec<Case> = ids.iter().map(|id| case(id)).collect();
    store.import(&cases, at(0)).await.unwrap();
    let settings = serde_json::json!({"trunk": "main", "script": "reminder"});
    store.create_campaign(&campaign(), &settings, Strategy::SHIPPED, at(0)).await.unwrap();
    store.set_campaign_state(&campaign(), CampaignState::Running, None, at(0)).await.unwrap();
    let placed =
        |id: &&str| Placement { case: id.parse().unwrap(), rank: 1, due_at: at(0), why: "early".into() };
    store.enqueue(&campaign(), &ids.iter().map(placed).collect::<Vec<_>>()).await.unwrap();
    store.sweep(&campaign(), at(0), 99).await.unwrap();
    store.pick(&campaign(), 99).await.unwrap();
    for id in ids {
        dialled(store, id).await;
        has(store, id, "li").await;
    }
}

/// How many cases wait, are ready, are taken, are done.
async fn counts(store: &Store) -> (u64, u64, u64, u64) {
    let counts = store.campaign_counts(&campaign()).await.unwrap();
    (counts.waiting, counts.ready, counts.leased, counts.done)
}

async fn an_agents_word_moves_its_case(ground: Ground) {
    use Disposition as D;
    let store = ground.store().await;
    talked_about(&store, &["C1", "C2"]).await;
    // One is put down after the call, one while it goes on.
    puts_down(&store, ("C2", "li"), Some(D::PromiseToPay), at(30)).await;
    for id in ["C1", "C2"] {
        for _ in 0..2 {
            store.close_attempt(&talked(id)).await.unwrap();
        }
    }
    assert_eq!(counts(&store).await, (1, 0, 0, 1), "nobody said more of the other yet");
    for _ in 0..2 {
        puts_down(&store, ("C1", "li"), Some(D::PromiseToPay), at(60)).await;
        assert_eq!(counts(&store).await, (2, 0, 0, 0));
    }
    assert_eq!(store.outcome_revision(&"C1".parse().unwrap()).await.unwrap(), Some(2));
    for id in ["C1", "C2"] {
        let Redial::Allowed { rule, not_before } = filed(&store, id).await.redial else {
            unreachable!("a promise is followed up");
        };
        assert!(rule.starts_with("promise_follow_up"), "{rule}");
        assert!(not_before.date_in("Asia/Shanghai").unwrap() > jiff::civil::date(2026, 12, 1));
        assert_eq!(store.campaign_counts(&campaign()).await.unwrap().next_due, Some(not_before));
    }
    puts_down(&store, ("C1", "li"), Some(D::LegalRepresentation), at(70)).await;
    assert_eq!(counts(&store).await, (1, 0, 0, 1));
    let rule = "legal_representation_never".to_owned();
    assert_eq!(filed(&store, "C1").await.redial, Redial::No { rule });
    // Who takes their word back has said nothing.
    puts_down(&store, ("C1", "li"), None, at(80)).await;
    assert_eq!(filed(&store, "C1").await.effective_disposition(), D::HandedOver);
}

async fn a_case_that_went_on_meanwhile_stays_where_it_is(ground: Ground) {
    use Disposition as D;
    let store = ground.store().await;
    talked_about(&store, &["C1", "C2"]).await;
    for id in ["C1", "C2"] {
        store.close_attempt(&talked(id)).await.unwrap();
    }
    store.set_case_state(&"C1".parse().unwrap(), CaseState::Paid, None, at(50)).await.unwrap();
    puts_down(&store, ("C1", "li"), Some(D::PromiseToPay), at(60)).await;
    assert_eq!(counts(&store).await, (0, 0, 0, 2), "it is paid");
    // In three days the other is taken again, and only then its agent tells of the wish.
    puts_down(&store, ("C2", "li"), Some(D::NoCommitment), at(60)).await;
    let Redial::Allowed { not_before, .. } = filed(&store, "C2").await.redial else {
        unreachable!("it is called again");
    };
    store.sweep(&campaign(), not_before, 9).await.unwrap();
    assert_eq!(store.pick(&campaign(), 9).await.unwrap().len(), 1);
    puts_down(&store, ("C2", "li"), Some(D::LegalRepresentation), not_before).await;
    assert_eq!(counts(&store).await, (0, 0, 1, 1), "who has taken it puts it back");
    let again = waihu_store::NewAttempt { dialled_at: not_before, ..attempt("C2-2", "C2", 0) };
    let refused = store.begin_attempt(&again, &free()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused { why: Refusal::Answered, .. }), "{refused}");
}

async fn the_last_word_of_several_agents_stands(ground: Ground) {
    use Disposition as D;
    let store = ground.store().await;
    dialled(&store, "C1").await;
    for agent in ["li", "wang"] {
        has(&store, "C1", agent).await;
    }
    store.close_attempt(&talked("C1")).await.unwrap();
    puts_down(&store, ("C1", "li"), Some(D::StopCalling), at(50)).await;
    puts_down(&store, ("C1", "wang"), None, at(60)).await;
    assert_eq!(filed(&store, "C1").await.effective_disposition(), D::StopCalling, "silence unsays nothing");
    puts_down(&store, ("C1", "wang"), Some(D::Hardship), at(70)).await;
    assert_eq!(filed(&store, "C1").await.effective_disposition(), D::Hardship);
}

async fn what_was_told_to_an_agent_outlives_their_node(ground: Ground) {
    let store = ground.store().await;
    let dead = ground.store().await;
    dialled(&dead, "C1").await;
    has(&dead, "C1", "li").await;
    puts_down(&dead, ("C1", "li"), Some(Disposition::StopCalling), at(30)).await;
    ground.die(dead).await;
    assert_eq!(store.recover(at(99), |_| Remains::default()).await.unwrap().len(), 1);
    let left = filed(&store, "C1").await;
    assert_eq!((left.disposition, left.handover.unwrap().agent.as_str()), (Disposition::Unknown, "li"));
    assert_eq!(store.barred(&number("C1")).await.unwrap(), Some(Bar::Call(Disposition::StopCalling)));
    // It was only thought dead: the real one takes its place, with the same word.
    store.close_attempt(&talked("C1")).await.unwrap();
    assert_eq!(filed(&store, "C1").await.effective_disposition(), Disposition::StopCalling);
}
