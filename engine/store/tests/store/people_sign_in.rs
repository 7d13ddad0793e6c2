//! Who may sign in, how often they may be wrong, and when they are out again.

use std::{collections::BTreeMap, time::Duration};

use waihu_store::{Lockout, Person, PersonChange, Role, Store, StoreError, StoredToken};
use waihu_types::Lang;

use crate::common::{Ground, at, on_both};

on_both!(
    a_person_is_kept_once_with_skills_and_languages,
    too_many_wrong_passwords_lock_the_door_for_a_while,
    a_session_ends_when_it_is_ended_or_its_person_is_shut_out,
    what_is_changed_of_a_person_is_changed_as_one_and_signs_nobody_out,
    another_role_ends_sessions_and_the_tokens_of_all_others,
    somebody_stays_an_admin,
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

fn role(role: Role) -> PersonChange {
    PersonChange { role: Some(role), ..PersonChange::default() }
}

async fn what_is_changed_of_a_person_is_changed_as_one_and_signs_nobody_out(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await;
    store.begin_session("aa", &li.login, at(1), at(100)).await.unwrap();
    let change = PersonChange {
        name: Some("李明月".to_owned()),
        role: None,
        skills: Some(BTreeMap::from([("dispute".to_owned(), 5)])),
        langs: Some(vec![Lang::En]),
    };
    assert_eq!(change.told(&li), "name, skills, languages");
    let stale = store.change_person(&li.login, &change, Some(li.revision() + 1), at(2)).await;
    assert!(matches!(stale, Err(StoreError::Revised { revision, .. }) if revision == li.revision()));
    assert_eq!(store.people().await.unwrap(), std::slice::from_ref(&li), "nothing of it was done");

    let done = store.change_person(&li.login, &change, Some(li.revision()), at(2)).await.unwrap();
    assert_eq!(done, Some(Vec::new()));
    let session = store.session("aa").await.unwrap().unwrap();
    let PersonChange { name, skills, langs, .. } = change.clone();
    let changed =
        Person { name: name.unwrap(), skills: skills.unwrap(), langs: langs.unwrap(), ..li.clone() };
    assert_eq!(session.person, changed);
    assert_ne!(changed.revision(), li.revision());
    assert_eq!(change.told(&changed), "", "it is so already");
    let nobody = store.change_person(&"wang".parse().unwrap(), &change, None, at(3)).await.unwrap();
    assert_eq!(nobody, None);
}

async fn another_role_ends_sessions_and_the_tokens_of_all_others(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await;
    let token = async |name: &str, role, person: &str, expires_at| {
        let (name, person) = (name.to_owned(), person.to_owned());
        let token = StoredToken { name, role, person, made_at: at(0), expires_at, revoked_at: None };
        assert!(store.keep_token(&token, &format!("sha of {}", token.name)).await.unwrap());
    };
    token("by name", Role::Agent, "李明", None).await;
    token("by login", Role::Integrator, "LI", None).await;
    token("of the new role", Role::Compliance, "李明", None).await;
    token("over", Role::Agent, "李明", Some(at(5))).await;
    token("of another", Role::Agent, "李", None).await;
    store.begin_session("aa", &li.login, at(1), at(100)).await.unwrap();
    // Under another name they are theirs all the same.
    let name = PersonChange { name: Some("李四".to_owned()), ..PersonChange::default() };
    assert_eq!(store.change_person(&li.login, &name, None, at(6)).await.unwrap(), Some(Vec::new()));
    assert_eq!(
        store.change_person(&li.login, &role(Role::Agent), None, at(6)).await.unwrap(),
        Some(Vec::new()),
        "the role that they have is no other"
    );
    assert!(store.session("aa").await.unwrap().is_some());

    let revoked = store.change_person(&li.login, &role(Role::Compliance), None, at(7)).await.unwrap();
    assert_eq!(revoked.unwrap(), ["by login", "by name"]);
    assert!(store.session("aa").await.unwrap().is_none());
    let tokens = store.tokens().await.unwrap();
    let good: Vec<_> = tokens.iter().filter(|t| t.is_valid(at(8))).map(|t| t.name.as_str()).collect();
    assert_eq!(good, ["of another", "of the new role"]);
    store.begin_session("bb", &li.login, at(8), at(100)).await.unwrap();
    assert_eq!(store.session("bb").await.unwrap().unwrap().person.role, Role::Compliance);
}

async fn somebody_stays_an_admin(ground: Ground) {
    let store = ground.store().await;
    let (li, wang) = (person(&store, "li").await, person(&store, "wang").await);
    let becomes =
        async |person: &Person, to| store.change_person(&person.login, &role(to), None, at(1)).await;
    for person in [&li, &wang] {
        becomes(person, Role::Admin).await.unwrap();
    }
    // Two who take each other's role away at once.
    let (first, second) = tokio::join!(becomes(&li, Role::Agent), becomes(&wang, Role::Agent));
    let refused = [&first, &second].map(|done| matches!(done, Err(StoreError::LastAdmin(_))));
    assert!(refused[0] != refused[1], "{first:?} {second:?}");
    let admins = async || {
        let people = store.people().await.unwrap();
        people.into_iter().filter(|p| p.role == Role::Admin).map(|p| p.login).collect::<Vec<_>>()
    };
    assert_eq!(admins().await.len(), 1);

    // Who is shut out says nothing of who may sign in.
    for person in [&li, &wang] {
        becomes(person, Role::Admin).await.unwrap();
    }
    store.disable_person(&li.login, at(2)).await.unwrap();
    assert!(matches!(becomes(&wang, Role::Agent).await, Err(StoreError::LastAdmin(_))));
    becomes(&li, Role::Agent).await.unwrap();
    assert_eq!(admins().await, [wang.login]);
}
