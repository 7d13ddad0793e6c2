//! Who may sign in, how often they may be wrong, and when they are out again.

use std::{collections::BTreeMap, time::Duration};

use waihu_store::{Lockout, Person, Role, Store};
use waihu_types::Lang;

use crate::common::{Ground, at, on_both};

on_both!(
    a_person_is_kept_once_with_skills_and_languages,
    too_many_wrong_passwords_lock_the_door_for_a_while,
    a_session_ends_when_it_is_ended_or_its_person_is_shut_out,
);

const LOCKOUT: Lockout = Lockout { after: 3, lasting: Duration::from_secs(900) };

async fn person(store: &Store, login: &str) -> Person {
    let person = Person {
        login: login.parse().unwrap(),
        name: "李明".to_owned(),
        role: Role::Agent,
        skills: BTreeMap::from([("hardship".to_owned(), 4)]),
        langs: vec![Lang::Zh],
        answers: waihu_types::Answers::ByHand,
        made_at: at(0),
        disabled_at: None,
        locked_until: None,
    };
    assert!(store.keep_person(&person, "$argon2id$1").await.unwrap());
    person
}

async fn a_person_is_kept_once_with_skills_and_languages(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await;
    let other = Person { name: "x".to_owned(), ..li.clone() };
    assert!(!store.keep_person(&other, "$argon2id$2").await.unwrap(), "the login is taken");
    assert_eq!(store.people().await.unwrap(), std::slice::from_ref(&li));
    let secret = store.secret(&"LI".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((secret.person, secret.password.as_str()), (li, "$argon2id$1"));
    assert_eq!(store.secret(&"nobody".parse().unwrap()).await.unwrap(), None);
}

async fn too_many_wrong_passwords_lock_the_door_for_a_while(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await;
    let locked = async || store.secret(&li.login).await.unwrap().unwrap().person.locked_until;
    for _ in 0..2 {
        store.wrong_password(&li.login, LOCKOUT, at(10)).await.unwrap();
    }
    assert_eq!(locked().await, None);
    store.begin_session("aa", &li.login, at(11), at(99)).await.unwrap();
    for _ in 0..2 {
        store.wrong_password(&li.login, LOCKOUT, at(20)).await.unwrap();
    }
    assert_eq!(locked().await, None, "the right one in between made it begin anew");
    store.wrong_password(&li.login, LOCKOUT, at(20)).await.unwrap();
    assert_eq!(locked().await, Some(at(920)));
    assert!(store.set_password(&li.login, "$argon2id$9", at(30)).await.unwrap());
    assert_eq!(locked().await, None);
}

async fn a_session_ends_when_it_is_ended_or_its_person_is_shut_out(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await;
    let there = async |sha256: &str| store.session(sha256).await.unwrap().is_some();
    for sha256 in ["aa", "bb", "cc"] {
        store.begin_session(sha256, &li.login, at(1), at(100)).await.unwrap();
    }
    store.session_seen("aa", at(5)).await.unwrap();
    let session = store.session("aa").await.unwrap().unwrap();
    assert_eq!((session.made_at, session.seen_at, session.ends_at), (at(1), at(5), at(100)));
    assert_eq!(session.person, li);
    assert!(store.end_session("aa", at(6)).await.unwrap());
    assert!(!store.end_session("aa", at(6)).await.unwrap());
    assert!(!there("aa").await && there("bb").await);
    assert!(store.set_password(&li.login, "$argon2id$2", at(7)).await.unwrap());
    assert!(!there("bb").await, "another password signs everybody out");
    store.begin_session("dd", &li.login, at(8), at(100)).await.unwrap();
    assert!(store.disable_person(&li.login, at(9)).await.unwrap());
    assert!(!store.disable_person(&li.login, at(9)).await.unwrap());
    assert!(!there("dd").await && !there("none").await);
}
