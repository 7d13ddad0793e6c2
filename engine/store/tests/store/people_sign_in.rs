//! Who may sign in, how often they may be wrong, and when they are out again.

use std::{collections::BTreeMap, time::Duration};

use waihu_store::{
    ChosenBy, Keeper, Lockout, Person, PersonChange, Role, Seal, SealingSecret, SignInWay, Store, StoreError,
    StoredToken,
};
use waihu_types::Lang;

use crate::common::{Ground, at, on_both};

on_both!(
    a_person_is_kept_once_with_skills_and_languages,
    too_many_wrong_passwords_lock_the_door_for_a_while,
    a_session_ends_when_it_is_ended_or_its_person_is_shut_out,
    what_is_changed_of_a_person_is_changed_as_one_and_signs_nobody_out,
    another_role_ends_sessions_and_the_tokens_of_all_others,
    somebody_stays_an_admin,
    a_password_is_known_to_be_of_another_until_one_takes_their_own,
    a_session_tells_by_what_somebody_signed_in,
    a_second_factor_counts_from_its_first_code_and_takes_each_step_once,
    no_code_opens_a_locked_door,
    a_second_factor_that_is_taken_away_ends_sessions,
    a_second_factor_is_sealed_where_words_are,
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
        second_factor_at: None,
        password_given: true,
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
    store.begin_session("aa", (&li.login, SignInWay::Password), at(11), at(99)).await.unwrap();
    for _ in 0..2 {
        store.wrong_password(&li.login, LOCKOUT, at(20)).await.unwrap();
    }
    assert_eq!(locked().await, None, "the right one in between made it begin anew");
    store.wrong_password(&li.login, LOCKOUT, at(20)).await.unwrap();
    assert_eq!(locked().await, Some(at(920)));
    assert!(store.set_password(&li.login, ("$argon2id$9", ChosenBy::Another), at(30)).await.unwrap());
    assert_eq!(locked().await, None);
}

async fn a_session_ends_when_it_is_ended_or_its_person_is_shut_out(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await;
    let there = async |sha256: &str| store.session(sha256).await.unwrap().is_some();
    for sha256 in ["aa", "bb", "cc"] {
        store.begin_session(sha256, (&li.login, SignInWay::Password), at(1), at(100)).await.unwrap();
    }
    store.session_seen("aa", at(5)).await.unwrap();
    let session = store.session("aa").await.unwrap().unwrap();
    assert_eq!((session.made_at, session.seen_at, session.ends_at), (at(1), at(5), at(100)));
    assert_eq!(session.person, li);
    assert!(store.end_session("aa", at(6)).await.unwrap());
    assert!(!store.end_session("aa", at(6)).await.unwrap());
    assert!(!there("aa").await && there("bb").await);
    assert!(store.set_password(&li.login, ("$argon2id$2", ChosenBy::Themselves), at(7)).await.unwrap());
    assert!(!there("bb").await, "another password signs everybody out");
    store.begin_session("dd", (&li.login, SignInWay::Password), at(8), at(100)).await.unwrap();
    let token = async |name: &str, person: &str| {
        let (name, person) = (name.to_owned(), person.to_owned());
        let (role, made_at) = (Role::Operations, at(0));
        let token = StoredToken { name, role, person, made_at, expires_at: None, revoked_at: None };
        assert!(store.keep_token(&token, &format!("sha of {}", token.name)).await.unwrap());
    };
    for (name, person) in [("by name", "李明"), ("by login", "Li"), ("of another", "李")] {
        token(name, person).await;
    }
    let revoked = store.disable_person(&li.login, at(9)).await.unwrap();
    assert_eq!(revoked, Some(vec!["by login".to_owned(), "by name".to_owned()]));
    assert_eq!(store.disable_person(&li.login, at(9)).await.unwrap(), None);
    let tokens = store.tokens().await.unwrap();
    let good: Vec<_> = tokens.iter().filter(|t| t.is_valid(at(10))).map(|t| t.name.as_str()).collect();
    assert_eq!(good, ["of another"]);
    assert!(!there("dd").await && !there("none").await);
}

fn role(role: Role) -> PersonChange {
    PersonChange { role: Some(role), ..PersonChange::default() }
}

async fn what_is_changed_of_a_person_is_changed_as_one_and_signs_nobody_out(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await;
    store.begin_session("aa", (&li.login, SignInWay::Password), at(1), at(100)).await.unwrap();
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
    store.begin_session("aa", (&li.login, SignInWay::Password), at(1), at(100)).await.unwrap();
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
    store.begin_session("bb", (&li.login, SignInWay::Password), at(8), at(100)).await.unwrap();
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

async fn a_password_is_known_to_be_of_another_until_one_takes_their_own(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await;
    let given = async || store.secret(&li.login).await.unwrap().unwrap().person.password_given;
    assert!(given().await);
    for (chosen, is_given) in
        [(ChosenBy::Themselves, false), (ChosenBy::Another, true), (ChosenBy::Themselves, false)]
    {
        assert!(store.set_password(&li.login, ("$argon2id$2", chosen), at(1)).await.unwrap());
        assert_eq!(given().await, is_given);
    }
    let wang = Person { login: "wang".parse().unwrap(), password_given: false, ..li.clone() };
    assert!(store.keep_person(&wang, "$argon2id$1").await.unwrap());
    assert!(store.people().await.unwrap().iter().all(|person| !person.password_given));
}

async fn a_session_tells_by_what_somebody_signed_in(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await;
    for (sha256, way) in [("aa", SignInWay::Password), ("bb", SignInWay::Provider)] {
        store.begin_session(sha256, (&li.login, way), at(1), at(100)).await.unwrap();
        assert_eq!(store.session(sha256).await.unwrap().unwrap().way, way);
    }
    // As an older program begins one.
    let raw = ground.raw().await;
    let older =
        "INSERT INTO sessions (sha256, login, made_at, seen_at, ends_at) VALUES ('cc', 'li', 1, 1, 9)";
    sqlx::query(older).execute(&raw).await.unwrap();
    assert_eq!(store.session("cc").await.unwrap().unwrap().way, SignInWay::Password);
}

async fn a_second_factor_counts_from_its_first_code_and_takes_each_step_once(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await.login;
    let since = async || store.secret(&li).await.unwrap().unwrap().person.second_factor_at;
    assert_eq!(store.second_factor(&li).await.unwrap(), None);
    assert!(!store.offer_second_factor(&"nobody".parse().unwrap(), "AAAA").await.unwrap());

    assert!(store.offer_second_factor(&li, "AAAA").await.unwrap());
    let first = store.second_factor(&li).await.unwrap().unwrap();
    assert_eq!((first.secret.as_str(), first.since, since().await), ("AAAA", None, None));
    assert!(!format!("{first:?}").contains("AAAA"));
    // Whoever begins anew has another secret, and a code of the one before counts no more.
    assert!(store.offer_second_factor(&li, "BBBB").await.unwrap());
    let second = store.second_factor(&li).await.unwrap().unwrap();
    assert_eq!(second.secret, "BBBB");
    assert!(!store.take_code(&li, &first, 7, at(1)).await.unwrap());
    assert_eq!(since().await, None);

    assert!(store.take_code(&li, &second, 7, at(2)).await.unwrap());
    assert_eq!(since().await, Some(at(2)));
    assert!(!store.offer_second_factor(&li, "CCCC").await.unwrap(), "there is one");
    let stands = store.second_factor(&li).await.unwrap().unwrap();
    assert_eq!((stands.secret.as_str(), stands.since), ("BBBB", Some(at(2))));
    for (step, taken) in [(7, false), (6, false), (8, true), (8, false), (7, false), (10, true)] {
        assert_eq!(store.take_code(&li, &stands, step, at(3)).await.unwrap(), taken, "{step}");
    }
    assert_eq!(since().await, Some(at(2)));
    // Of two who send the same at once one is in.
    let (one, other) =
        tokio::join!(store.take_code(&li, &stands, 11, at(4)), store.take_code(&li, &stands, 11, at(4)));
    assert!(one.unwrap() != other.unwrap());
}

async fn no_code_opens_a_locked_door(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await.login;
    assert!(store.offer_second_factor(&li, "AAAA").await.unwrap());
    let factor = store.second_factor(&li).await.unwrap().unwrap();
    for _ in 0..3 {
        store.wrong_password(&li, LOCKOUT, at(10)).await.unwrap();
    }
    // Whoever is inside sets one up all the same.
    assert!(store.take_code(&li, &factor, 7, at(11)).await.unwrap());
    // The right one of many that were sent at once comes after the wrong ones that locked it.
    assert!(!store.take_code(&li, &factor, 8, at(909)).await.unwrap());
    assert!(store.take_code(&li, &factor, 8, at(910)).await.unwrap());
}

async fn a_second_factor_that_is_taken_away_ends_sessions(ground: Ground) {
    let store = ground.store().await;
    let li = person(&store, "li").await;
    let counts = async || {
        assert!(store.offer_second_factor(&li.login, "AAAA").await.unwrap());
        let factor = store.second_factor(&li.login).await.unwrap().unwrap();
        // The steps that were taken of the one before are none of this one's.
        assert!(store.take_code(&li.login, &factor, 7, at(1)).await.unwrap());
    };
    let begin = async |sha256: &str| {
        store.begin_session(sha256, (&li.login, SignInWay::Password), at(1), at(100)).await.unwrap();
    };
    let there = async |sha256: &str| store.session(sha256).await.unwrap().is_some();
    begin("aa").await;
    assert!(!store.remove_second_factor(&li.login, None, at(2)).await.unwrap());
    assert!(there("aa").await, "there was none to take away");

    counts().await;
    begin("bb").await;
    let revision = async || store.secret(&li.login).await.unwrap().unwrap().person.revision();
    let before = revision().await;
    assert!(store.remove_second_factor(&li.login, Some("bb"), at(2)).await.unwrap());
    assert!(!there("aa").await && there("bb").await);
    assert_ne!(revision().await, before);
    assert_eq!(store.second_factor(&li.login).await.unwrap(), None);

    counts().await;
    assert!(store.remove_second_factor(&li.login, None, at(3)).await.unwrap());
    assert!(!there("bb").await);
    assert!(!store.remove_second_factor(&li.login, None, at(3)).await.unwrap());
}

async fn a_second_factor_is_sealed_where_words_are(ground: Ground) {
    let (store, alone, without) = (ground.store().await, ground.store().await, ground.store().await);
    let key = |byte| SealingSecret::of(&[byte; 32]).unwrap();
    let (li, wang) = (person(&store, "li").await.login, person(&store, "wang").await.login);
    // From before there was a key: it stays as it is.
    assert!(store.offer_second_factor(&wang, "BBBB").await.unwrap());
    store.seal_with(Seal::new(Keeper::All, (1, &key(7)), []));
    alone.seal_with(Seal::new(Keeper::Alone, (2, &key(9)), []));
    assert!(store.offer_second_factor(&li, "AAAA").await.unwrap());
    let raw = ground.raw().await;
    let kept: Vec<(String, i64)> =
        sqlx::query_as("SELECT second_factor, second_factor_key FROM people ORDER BY login")
            .fetch_all(&raw)
            .await
            .unwrap();
    assert!(kept[0].1 == 1 && !kept[0].0.contains("AAAA"), "{kept:?}");
    assert_eq!(kept[1], ("BBBB".to_owned(), 0));
    for login in [&li, &wang] {
        let factor = store.second_factor(login).await.unwrap().unwrap();
        assert_eq!(factor.secret, if login == &li { "AAAA" } else { "BBBB" });
        assert!(store.take_code(login, &factor, 7, at(1)).await.unwrap());
    }
    for other in [&alone, &without] {
        assert!(matches!(other.second_factor(&li).await, Err(StoreError::FactorSealed)));
        assert_eq!(other.second_factor(&wang).await.unwrap().unwrap().secret, "BBBB");
    }
    let zhao = person(&store, "zhao").await.login;
    assert!(matches!(alone.offer_second_factor(&zhao, "CCCC").await, Err(StoreError::FactorSealed)));
    // A key that took this one's place opens it as well; in another's row it opens nothing.
    let renewed = Seal::new(Keeper::All, (3, &key(8)), [(1, key(7))]);
    store.seal_with(renewed);
    assert_eq!(store.second_factor(&li).await.unwrap().unwrap().secret, "AAAA");
    let moves = "UPDATE people SET second_factor_key = 1,
        second_factor = (SELECT o.second_factor FROM people AS o WHERE o.login = 'li') WHERE login = 'wang'";
    sqlx::query(moves).execute(&raw).await.unwrap();
    assert!(matches!(store.second_factor(&wang).await, Err(StoreError::FactorSealed)));
    // Where the key is lost the factor can still be taken away.
    assert!(without.remove_second_factor(&li, None, at(2)).await.unwrap());
}
