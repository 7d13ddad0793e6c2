//! Versions of flows: stored once, approved by another person, pinned for as long as a campaign runs.
use crate::common::{Ground, at, campaign, on_both};
use waihu_store::{Begun, Pin, ScriptRefusal, Store, StoreError};
use waihu_types::{CampaignId, GivenAuthority};

on_both!(
    whoever_submitted_a_version_cannot_approve_it_however_the_name_is_written,
    content_that_is_submitted_again_keeps_its_first_author,
    only_an_approved_version_is_pinned_and_the_first_pin_stands,
    a_campaign_keeps_the_authority_that_it_was_begun_with,
    a_campaign_keeps_the_versions_that_its_strategy_names,
    an_approval_that_was_withdrawn_approves_no_more_until_the_next,
    a_version_is_found_by_the_beginning_of_its_hash_where_that_is_one,
);

const SHA: &str = "aa11";

fn files() -> Vec<(String, String)> {
    vec![("script.toml".into(), "start = \"greet\"".into()), ("prompts.zh.toml".into(), "你好".into())]
}

fn why<T: std::fmt::Debug>(done: Result<T, StoreError>) -> ScriptRefusal {
    match done.unwrap_err() {
        StoreError::ScriptRefused { why, .. } => why,
        other => unreachable!("{other}"),
    }
}

async fn submitted(ground: &Ground) -> Store {
    let store = ground.store().await;
    store.submit_script("reminder", SHA, &files(), "Li Na", at(0)).await.unwrap();
    store
}

fn pin(variant: Option<&str>, sha256: &str, share: u32) -> Pin {
    Pin { variant: variant.map(Into::into), flow: "reminder".into(), sha256: sha256.into(), share }
}

/// A campaign's beginning with these scripts and no authority of its own.
fn with(scripts: &[Pin]) -> Begun {
    Begun { scripts: scripts.to_vec(), ..Begun::default() }
}

async fn whoever_submitted_a_version_cannot_approve_it_however_the_name_is_written(ground: Ground) {
    let store = submitted(&ground).await;
    for by in ["Li Na", "li na", "  LI   NA "] {
        assert_eq!(why(store.approve_script("reminder", SHA, by, at(1)).await), ScriptRefusal::SamePerson);
    }
    assert_eq!(why(store.approve_script("reminder", SHA, " ", at(1)).await), ScriptRefusal::Nobody);
    let script = store.approve_script("reminder", SHA, "王芳", at(2)).await.unwrap();
    let approved = script.approved().unwrap();
    assert_eq!((approved.by.as_str(), approved.at), ("王芳", at(2)));
    assert_eq!(
        why(store.approve_script("reminder", SHA, "Zhao", at(3)).await),
        ScriptRefusal::AlreadyApproved { by: "王芳".into() }
    );
}

async fn content_that_is_submitted_again_keeps_its_first_author(ground: Ground) {
    let store = submitted(&ground).await;
    let again = store.submit_script("reminder", SHA, &files(), "Wang", at(9)).await.unwrap();
    assert_eq!(again.submitted().unwrap().by, "Li Na");
    assert_eq!(why(store.approve_script("reminder", SHA, "Li Na", at(9)).await), ScriptRefusal::SamePerson);
    assert_eq!(store.script_files("reminder", SHA).await.unwrap(), files());
}

async fn only_an_approved_version_is_pinned_and_the_first_pin_stands(ground: Ground) {
    let store = submitted(&ground).await;
    assert_eq!(
        why(store.begin(&campaign(), &with(&[pin(None, SHA, 1)]), at(1)).await),
        ScriptRefusal::NotApproved
    );
    assert_eq!(store.begun(&campaign()).await.unwrap(), Begun::default());
    store.approve_script("reminder", SHA, "Wang", at(2)).await.unwrap();
    store.submit_script("reminder", "bb22", &files(), "Li Na", at(3)).await.unwrap();
    store.approve_script("reminder", "bb22", "Wang", at(4)).await.unwrap();
    let first = with(&[pin(Some("A"), SHA, 50), pin(Some("B"), "bb22", 50)]);
    assert_eq!(store.begin(&campaign(), &first, at(5)).await.unwrap(), first);
    assert_eq!(store.begin(&campaign(), &with(&[pin(None, "bb22", 1)]), at(6)).await.unwrap(), first);
    assert_eq!(store.begun(&campaign()).await.unwrap(), first);
}

async fn a_campaign_keeps_the_authority_that_it_was_begun_with(ground: Ground) {
    let store = submitted(&ground).await;
    store.approve_script("reminder", SHA, "Wang", at(1)).await.unwrap();
    let given = |json: &str| serde_json::from_str::<GivenAuthority>(json).unwrap();
    let begin = |json: &str| Begun { scripts: vec![pin(None, SHA, 1)], authority: given(json) };
    let three = begin(r#"{"least_part":"20%","max_parts":3,"discounts":["5%","10%"],"approver":"客户经理"}"#);
    assert_eq!(store.begin(&campaign(), &three, at(2)).await.unwrap(), three);
    assert_eq!(store.begin(&campaign(), &begin(r#"{"max_parts":6}"#), at(3)).await.unwrap(), three);
    let none = begin("{}");
    let other = "december".parse().unwrap();
    assert_eq!(store.begin(&other, &none, at(4)).await.unwrap(), none);
    assert_eq!(store.begin(&other, &three, at(5)).await.unwrap(), none, "begun without is kept as well");
    assert_eq!(store.begun(&campaign()).await.unwrap(), three);
}

async fn an_approval_that_was_withdrawn_approves_no_more_until_the_next(ground: Ground) {
    let store = submitted(&ground).await;
    assert_eq!(why(store.withdraw_script("reminder", SHA, "Wang", at(1)).await), ScriptRefusal::NotApproved);
    store.approve_script("reminder", SHA, "Wang", at(2)).await.unwrap();
    let script = store.withdraw_script("reminder", SHA, "Li Na", at(3)).await.unwrap();
    assert_eq!(script.approved(), None);
    assert_eq!(
        why(store.begin(&campaign(), &with(&[pin(None, SHA, 1)]), at(4)).await),
        ScriptRefusal::NotApproved
    );
    let script = store.approve_script("reminder", SHA, "Wang", at(5)).await.unwrap();
    assert_eq!(script.acts.len(), 4, "nothing that was done is forgotten");
    assert!(script.approved().is_some());
}

async fn a_version_is_found_by_the_beginning_of_its_hash_where_that_is_one(ground: Ground) {
    let store = submitted(&ground).await;
    store.submit_script("reminder", "aa22", &files(), "Li Na", at(1)).await.unwrap();
    assert_eq!(store.find_script("reminder", "aa1").await.unwrap().sha256, SHA);
    for beginning in ["aa", "cc", ""] {
        let found = store.find_script("reminder", beginning).await;
        assert!(matches!(found, Err(StoreError::UnknownScript { .. })), "{beginning:?}");
    }
}

async fn a_campaign_keeps_the_versions_that_its_strategy_names(ground: Ground) {
    let store = submitted(&ground).await;
    let strategy = "[[rule]]\nscript = \"reminder\" # for all\n[promises]\nscript = \"other\"\n";
    let made = async |id: &str, s: i64| {
        let id: CampaignId = id.parse().unwrap();
        store.create_campaign(&id, &serde_json::json!({}), strategy, at(s)).await.unwrap();
        store.campaign(&id).await.unwrap().unwrap().strategy
    };
    assert_eq!(made("early", 1).await, strategy, "nobody has approved anything");
    store.approve_script("reminder", SHA, "Wang", at(2)).await.unwrap();
    let kept = strategy.replace("\"reminder\"", &format!("\"reminder@{SHA}\""));
    assert_eq!(made("first", 3).await, kept);
    store.submit_script("reminder", "bb22", &files(), "Li Na", at(4)).await.unwrap();
    assert_eq!(made("second", 5).await, kept, "the newer one is a draft");
    store.approve_script("reminder", "bb22", "Wang", at(6)).await.unwrap();
    assert_eq!(made("third", 7).await, kept.replace(SHA, "bb22"));
    let first = store.campaign(&"first".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(first.strategy, kept, "and who was there before stays");
}
