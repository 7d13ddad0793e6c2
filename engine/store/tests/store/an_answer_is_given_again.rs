//! The same request with the same key has one answer, and a token is what its row says it is.

use std::time::Duration;

use crate::common::{Ground, at, on_both};
use waihu_store::{Act, Earlier, KeyedRequest, PageFilter, Role, StoredToken};

on_both!(
    a_key_stands_for_one_request_until_a_day_has_passed,
    a_request_that_was_given_up_begins_anew,
    a_token_is_found_by_its_hash_until_it_ends_or_is_revoked,
    what_is_done_is_written_down_before_and_after,
    pages_of_nothing_are_empty,
);

async fn a_key_stands_for_one_request_until_a_day_has_passed(ground: Ground) {
    let store = ground.store().await;
    let it = KeyedRequest { token: "t", key: "k", request: "a" };
    assert_eq!(store.take_request(it, at(0)).await.unwrap(), Earlier::Nothing);
    assert_eq!(store.take_request(it, at(1)).await.unwrap(), Earlier::InFlight);
    let other = KeyedRequest { request: "b", ..it };
    assert_eq!(store.take_request(other, at(1)).await.unwrap(), Earlier::Other);
    store.keep_answer(it, 201, "{}").await.unwrap();
    let told = Earlier::Answered { status: 201, body: "{}".to_owned() };
    assert_eq!(store.take_request(it, at(2)).await.unwrap(), told);
    assert_eq!(store.take_request(other, at(3)).await.unwrap(), Earlier::Other);
    let of_another = KeyedRequest { token: "u", ..other };
    assert_eq!(store.take_request(of_another, at(3)).await.unwrap(), Earlier::Nothing);
    assert_eq!(store.take_request(other, at(86_400)).await.unwrap(), Earlier::Nothing, "a day later");
}

async fn a_request_that_was_given_up_begins_anew(ground: Ground) {
    let store = ground.store().await;
    let it = KeyedRequest { token: "t", key: "k", request: "a" };
    assert_eq!(store.take_request(it, at(0)).await.unwrap(), Earlier::Nothing);
    store.forget_request(it).await.unwrap();
    assert_eq!(store.take_request(it, at(1)).await.unwrap(), Earlier::Nothing);
    assert_eq!(store.take_request(it, at(62)).await.unwrap(), Earlier::Nothing, "its process died");
    store.keep_answer(it, 200, "").await.unwrap();
    store.forget_request(it).await.unwrap();
    assert!(matches!(store.take_request(it, at(63)).await.unwrap(), Earlier::Answered { .. }));
    assert_eq!(store.forget_old_answers(at(90_000)).await.unwrap(), 1);
}

async fn a_token_is_found_by_its_hash_until_it_ends_or_is_revoked(ground: Ground) {
    let store = ground.store().await;
    let token = StoredToken {
        name: "crm".to_owned(),
        role: Role::Integrator,
        person: "Li Ming".to_owned(),
        made_at: at(0),
        expires_at: Some(at(10)),
        revoked_at: None,
    };
    assert!(store.keep_token(&token, "aa").await.unwrap());
    assert!(!store.keep_token(&token, "bb").await.unwrap(), "its name is taken");
    assert_eq!(store.token("aa").await.unwrap().as_ref(), Some(&token));
    assert_eq!(store.token("bb").await.unwrap(), None);
    assert!(token.is_valid(at(0).plus(Duration::from_secs(9))) && !token.is_valid(at(10)));
    assert!(store.revoke_token("crm", at(3)).await.unwrap());
    assert!(!store.revoke_token("crm", at(4)).await.unwrap());
    let revoked = store.tokens().await.unwrap().pop().unwrap();
    assert_eq!(revoked.revoked_at, Some(at(3)));
    assert!(!revoked.is_valid(at(3)));
}

async fn what_is_done_is_written_down_before_and_after(ground: Ground) {
    let store = ground.store().await;
    let act = Act { token: "crm", person: "Li Ming", act: "POST /v1/cases", request: "ab" };
    let first = store.write_down(act, at(0)).await.unwrap();
    let second = store.write_down(Act { act: "DELETE /v1/cases/C1", ..act }, at(1)).await.unwrap();
    store.write_down_end(first, 200, at(2)).await.unwrap();
    let rows = store.audit(0, 10).await.unwrap();
    assert_eq!(
        rows.iter().map(|r| (r.id, r.status)).collect::<Vec<_>>(),
        [(first, Some(200)), (second, None)]
    );
    assert_eq!(store.audit(first, 10).await.unwrap()[0].act, "DELETE /v1/cases/C1");
}

async fn pages_of_nothing_are_empty(ground: Ground) {
    let store = ground.store().await;
    store.ping().await.unwrap();
    let filter =
        PageFilter { campaign: Some("c".parse().unwrap()), since: Some(at(0)), ..PageFilter::default() };
    let after = Some((at(5), "a".parse().unwrap()));
    assert!(store.outcomes_page(&filter, after.as_ref(), 10).await.unwrap().is_empty());
    assert!(store.attempts_page(&filter, after.as_ref(), 10).await.unwrap().is_empty());
    assert_eq!(store.attempt(&"a".parse().unwrap()).await.unwrap(), None);
}
