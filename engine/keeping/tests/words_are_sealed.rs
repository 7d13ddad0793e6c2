//! Words of calls are sealed with a key that whoever opens files opens, on every node, through each change of keys.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::{path::Path, sync::Arc};

use common::{archive, key};
use waihu_keeping::{Archive, KeepError, KeptWords, WordsKey, unlock_words};
use waihu_store::{NewJudgement, Said, Sought, Store, StoreError};
use waihu_vault::{Vault, VaultError, new_key};

async fn a_call(archive: &Archive, id: &str) {
    common::a_call(archive, id, (b"RIFF".as_slice(), 1_000), "").await;
    let words = [Said { at_ms: 900, speaker: "callee", text: "我周五还" }];
    archive.store.keep_words(&key(id), &words).await.unwrap();
}

async fn found(archive: &Archive) -> usize {
    let sought = Sought { words: Some("周五".into()), ..Sought::default() };
    archive.store.search(&sought, None, 9).await.unwrap().len()
}

/// Another node, or the same one started anew, with these keys.
async fn node(folder: &Path, of: &Archive, vault: Vault) -> Archive {
    let store = Arc::new(Store::open(folder.join("waihu.sqlite")).await.unwrap());
    Archive { store, vault: Arc::new(vault), ..of.clone() }
}

async fn unlock(archive: &Archive) -> Result<(), KeepError> {
    unlock_words(&archive.store, &archive.vault).await
}

fn opening(keys: &str) -> Vault {
    Vault::new(&[], Some(("test", keys))).unwrap()
}

fn standing(key: WordsKey, in_clear: u64, sealed: u64, closed: u64) -> KeptWords {
    KeptWords { key, in_clear, sealed, closed }
}

#[tokio::test]
async fn words_are_sealed_for_whom_files_are_and_found_by_who_opens_them() {
    let (folder, first) = archive().await;
    let (line, recipient) = new_key().unwrap();
    let plain = node(folder.path(), &first, Vault::none()).await;
    unlock(&plain).await.unwrap();
    a_call(&plain, "one").await;
    assert_eq!(plain.kept_words().await.unwrap(), standing(WordsKey::Missing, 1, 0, 0));
    let own = node(folder.path(), &first, opening(&line)).await;
    unlock(&own).await.unwrap();
    a_call(&own, "two").await;
    assert_eq!((found(&own).await, found(&plain).await), (2, 1));
    assert_eq!(own.seal_earlier_words(9).await.unwrap(), 1);
    assert_eq!(own.seal_earlier_words(9).await.unwrap(), 0);
    assert_eq!(own.kept_words().await.unwrap(), standing(WordsKey::Opened, 0, 2, 0));
    // A second node has the same key of words, and makes none.
    let second = node(folder.path(), &first, opening(&line)).await;
    unlock(&second).await.unwrap();
    assert_eq!((found(&second).await, second.store.sealing_keys().await.unwrap().len()), (2, 1));
    // Another key opens nothing, says whose is needed, and seals nothing under a key of its own.
    let (other, _) = new_key().unwrap();
    let other = node(folder.path(), &first, opening(&other)).await;
    let told = unlock(&other).await.unwrap_err();
    assert!(matches!(told, KeepError::Vault(VaultError::NoKey { .. })));
    assert!(told.to_string().contains(&recipient), "{told}");
    assert!(!other.store.seals_words() && found(&other).await == 0);
    assert_eq!(other.kept_words().await.unwrap(), standing(WordsKey::Closed(told.to_string()), 0, 2, 2));
    assert_eq!(other.store.sealing_keys().await.unwrap().len(), 1);
    // Without a vault new words are in clear, and the sealed ones no longer found.
    assert_eq!(found(&plain).await, 0);
}

#[tokio::test]
async fn a_new_key_of_files_takes_the_words_over() {
    let (folder, first) = archive().await;
    let (old, _) = new_key().unwrap();
    let before = node(folder.path(), &first, opening(&old)).await;
    unlock(&before).await.unwrap();
    a_call(&before, "one").await;
    let (new, recipient) = new_key().unwrap();
    let both = node(folder.path(), &first, opening(&format!("{new}\n{old}"))).await;
    unlock(&both).await.unwrap();
    both.rewrap_words().await.unwrap();
    assert_eq!(both.store.sealing_keys().await.unwrap()[0].sealed_for, recipient);
    let after = node(folder.path(), &first, opening(&new)).await;
    unlock(&after).await.unwrap();
    assert_eq!(found(&after).await, 1);
    let gone = node(folder.path(), &first, opening(&old)).await;
    assert!(matches!(unlock(&gone).await, Err(KeepError::Vault(VaultError::NoKey { .. }))));
    assert!(gone.rewrap_words().await.is_err());
    // A process that has opened it goes on.
    assert_eq!(found(&before).await, 1);
}

#[tokio::test]
async fn who_only_seals_writes_no_word_in_clear_and_others_find_it() {
    let (folder, first) = archive().await;
    let (line, recipient) = new_key().unwrap();
    let dials = node(folder.path(), &first, Vault::new(&[recipient], None).unwrap()).await;
    unlock(&dials).await.unwrap();
    unlock(&dials).await.unwrap();
    assert_eq!(dials.store.sealing_keys().await.unwrap().len(), 1, "one key a start");
    a_call(&dials, "one").await;
    assert_eq!((found(&dials).await, dials.seal_earlier_words(9).await.unwrap()), (0, 0));
    assert_eq!(dials.kept_words().await.unwrap(), standing(WordsKey::Missing, 0, 1, 1));
    let own = node(folder.path(), &first, opening(&line)).await;
    unlock(&own).await.unwrap();
    assert_eq!((found(&own).await, own.seal_earlier_words(9).await.unwrap(), found(&own).await), (0, 1, 1));
    assert_eq!(own.kept_words().await.unwrap(), standing(WordsKey::Opened, 0, 1, 0));
}

#[tokio::test]
async fn a_lost_key_is_set_aside_and_its_words_come_back_with_it() {
    let (folder, first) = archive().await;
    let (lost, _) = new_key().unwrap();
    let before = node(folder.path(), &first, opening(&lost)).await;
    unlock(&before).await.unwrap();
    a_call(&before, "one").await;
    let (new, _) = new_key().unwrap();
    let after = node(folder.path(), &first, opening(&new)).await;
    assert!(unlock(&after).await.is_err());
    after.store.set_sealing_key_aside().await.unwrap();
    unlock(&after).await.unwrap();
    a_call(&after, "two").await;
    assert_eq!((after.seal_earlier_words(9).await.unwrap(), found(&after).await), (0, 1));
    assert_eq!(after.kept_words().await.unwrap(), standing(WordsKey::Opened, 0, 2, 1));
    let both = node(folder.path(), &first, opening(&format!("{new}\n{lost}"))).await;
    unlock(&both).await.unwrap();
    assert_eq!((both.seal_earlier_words(9).await.unwrap(), found(&both).await), (1, 2));
}

#[tokio::test]
async fn what_a_judgement_quotes_is_sealed_with_the_words_and_handed_out_by_who_opens_it() {
    let (folder, first) = archive().await;
    let plain = node(folder.path(), &first, Vault::none()).await;
    common::a_call(&plain, "one", (b"RIFF".as_slice(), 1_000), "").await;
    let record =
        r#"{"checks":[{"evidence":[{"en":"the bot said Friday","zh":"说了周五"}],"id":"identity"}]}"#;
    let judged = NewJudgement {
        attempt: &key("one"),
        revision: 1,
        agent: None,
        distress: 0,
        person: true,
        score: Some(40),
        passed: false,
        critical: false,
        checks: &[("identity", "fail")],
        record,
    };
    assert!(plain.store.keep_judgement(&judged, common::at(1)).await.unwrap());
    let (line, _) = new_key().unwrap();
    let own = node(folder.path(), &first, opening(&line)).await;
    unlock(&own).await.unwrap();
    assert_eq!(own.kept_words().await.unwrap(), standing(WordsKey::Opened, 1, 0, 0));
    assert_eq!(own.seal_earlier_words(9).await.unwrap(), 1);
    assert_eq!(own.kept_words().await.unwrap(), standing(WordsKey::Opened, 0, 1, 0));
    assert_eq!(own.store.judgement(&key("one")).await.unwrap().unwrap().record, record);
    let one = "one".parse().unwrap();
    let out = |name: &str| waihu_keeping::handed_out(&folder.path().join(name)).unwrap();
    let told = plain.access(&one, out("plain.zip"), "Li", common::at(2)).await.unwrap_err();
    assert!(matches!(told, KeepError::Store(StoreError::Sealed { .. })), "{told}");
    assert_eq!(own.access(&one, out("own.zip"), "Li", common::at(2)).await.unwrap().calls, 1);
}
