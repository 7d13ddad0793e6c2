//! Versions of flows: stored once, approved by another person, pinned for as long as a campaign runs.
#![allow(clippy::unwrap_used)]

mod common;

use common::{at, campaign, store};
use waihu_store::{Pin, ScriptRefusal, Store, StoreError};

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

async fn submitted() -> (tempfile::TempDir, Store) {
    let (dir, store) = store().await;
    store.submit_script("reminder", SHA, &files(), "Li Na", at(0)).await.unwrap();
    (dir, store)
}

fn pin(variant: Option<&str>, sha256: &str, share: u32) -> Pin {
    Pin { variant: variant.map(Into::into), flow: "reminder".into(), sha256: sha256.into(), share }
}

#[tokio::test]
async fn whoever_submitted_a_version_cannot_approve_it_however_the_name_is_written() {
    let (_dir, store) = submitted().await;
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

#[tokio::test]
async fn content_that_is_submitted_again_keeps_its_first_author() {
    let (_dir, store) = submitted().await;
    let again = store.submit_script("reminder", SHA, &files(), "Wang", at(9)).await.unwrap();
    assert_eq!(again.submitted().unwrap().by, "Li Na");
    assert_eq!(why(store.approve_script("reminder", SHA, "Li Na", at(9)).await), ScriptRefusal::SamePerson);
    assert_eq!(store.script_files("reminder", SHA).await.unwrap(), files());
}

#[tokio::test]
async fn only_an_approved_version_is_pinned_and_the_first_pin_stands() {
    let (_dir, store) = submitted().await;
    assert_eq!(why(store.pin(&campaign(), &[pin(None, SHA, 1)], at(1)).await), ScriptRefusal::NotApproved);
    assert!(store.pinned(&campaign()).await.unwrap().is_empty());
    store.approve_script("reminder", SHA, "Wang", at(2)).await.unwrap();
    store.submit_script("reminder", "bb22", &files(), "Li Na", at(3)).await.unwrap();
    store.approve_script("reminder", "bb22", "Wang", at(4)).await.unwrap();
    let first = [pin(Some("A"), SHA, 50), pin(Some("B"), "bb22", 50)];
    assert_eq!(store.pin(&campaign(), &first, at(5)).await.unwrap(), first);
    assert_eq!(store.pin(&campaign(), &[pin(None, "bb22", 1)], at(6)).await.unwrap(), first);
    assert_eq!(store.pinned(&campaign()).await.unwrap(), first);
}

#[tokio::test]
async fn an_approval_that_was_withdrawn_approves_no_more_until_the_next() {
    let (_dir, store) = submitted().await;
    assert_eq!(why(store.withdraw_script("reminder", SHA, "Wang", at(1)).await), ScriptRefusal::NotApproved);
    store.approve_script("reminder", SHA, "Wang", at(2)).await.unwrap();
    let script = store.withdraw_script("reminder", SHA, "Li Na", at(3)).await.unwrap();
    assert_eq!(script.approved(), None);
    assert_eq!(why(store.pin(&campaign(), &[pin(None, SHA, 1)], at(4)).await), ScriptRefusal::NotApproved);
    let script = store.approve_script("reminder", SHA, "Wang", at(5)).await.unwrap();
    assert_eq!(script.acts.len(), 4, "nothing that was done is forgotten");
    assert!(script.approved().is_some());
}

#[tokio::test]
async fn a_version_is_found_by_the_beginning_of_its_hash_where_that_is_one() {
    let (_dir, store) = submitted().await;
    store.submit_script("reminder", "aa22", &files(), "Li Na", at(1)).await.unwrap();
    assert_eq!(store.find_script("reminder", "aa1").await.unwrap().sha256, SHA);
    for beginning in ["aa", "cc", ""] {
        let found = store.find_script("reminder", beginning).await;
        assert!(matches!(found, Err(StoreError::UnknownScript { .. })), "{beginning:?}");
    }
}
