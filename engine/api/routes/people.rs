//! Who may sign in: added with a first password, changed, shut out, given another.

use std::collections::BTreeMap;

use axum::{Json, http::StatusCode, response::IntoResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waihu_store::{Act, ChosenBy, Login, Person, Role, StoreError};
use waihu_types::{Answers, Lang, WallTime};

use super::calls::ended;
use crate::{
    Problem,
    extract::{Answer, At, Body, IfMatch, Who, etag},
    problem::Code,
    state::{Here, Shared, now},
};

/// The longest name [characters].
const MAX_NAME: usize = 64;
/// The most skills of a person: a script names a handful.
const MAX_SKILLS: usize = 64;

/// Somebody who may sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonTold {
    /// By what they sign in.
    login: String,
    /// Their name for other people.
    name: String,
    /// `operations`, `compliance`, `agent`, `integrator` or `admin`.
    #[schema(value_type = String, example = "agent")]
    role: &'static str,
    /// What they can do, in the words of scripts, from 1 to 5.
    skills: BTreeMap<String, u8>,
    /// Languages they speak, `zh` or `en`; empty for all.
    #[schema(value_type = Vec<String>)]
    langs: Vec<Lang>,
    /// How they take calls: `by_hand`, or `at_once`, where their desk answers by itself after a short tone.
    #[schema(value_type = String, example = "by_hand")]
    answers: Answers,
    /// Another one once anything of them is changed; their ETag.
    #[schema(minimum = 0)]
    revision: i64,
    /// Since when they are known.
    #[schema(value_type = String, format = DateTime)]
    made_at: WallTime,
    /// Since when they may not sign in any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<WallTime>,
    /// Until when no password opens: too many were wrong.
    #[schema(value_type = Option<String>, format = DateTime)]
    locked_until: Option<WallTime>,
    /// Since when they sign in with a one-time code beside their password.
    #[schema(value_type = Option<String>, format = DateTime)]
    second_factor_at: Option<WallTime>,
}

impl From<Person> for PersonTold {
    fn from(p: Person) -> Self {
        Self {
            revision: p.revision(),
            login: p.login.to_string(),
            name: p.name,
            role: p.role.label(),
            skills: p.skills,
            langs: p.langs,
            answers: p.answers,
            made_at: p.made_at,
            disabled_at: p.disabled_at,
            locked_until: p.locked_until.filter(|until| now() < *until),
            second_factor_at: p.second_factor_at,
        }
    }
}

/// Everybody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct People {
    /// By login.
    items: Vec<PersonTold>,
}

/// Everybody who may sign in, and who might.
#[utoipa::path(get, path = "/v1/people", tag = "people",
    responses((status = 200, description = "By login", body = People)))]
pub(crate) async fn list(shared: Here, _: Who) -> Answer<People> {
    let items = shared.store().people().await?.into_iter().map(PersonTold::from).collect();
    Ok(Json(People { items }))
}

/// Somebody who is to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerson {
    /// By what they are to sign in: letters, digits and . _ - + @.
    #[schema(min_length = 1, max_length = 64, example = "li.ming")]
    login: String,
    /// Their name for other people.
    #[schema(min_length = 1, max_length = 64, example = "李明")]
    name: String,
    /// `operations`, `compliance`, `agent`, `integrator` or `admin`.
    #[schema(example = "agent")]
    role: String,
    /// The first password, at least 12 characters.
    #[schema(min_length = 12, max_length = 128, format = Password)]
    password: String,
    /// What they can do, in the words of scripts, from 1 to 5.
    #[serde(default)]
    skills: BTreeMap<String, u8>,
    /// Languages they speak, `zh` or `en`; left out for all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    langs: Vec<Lang>,
    /// How they take calls: `by_hand` where left out, or `at_once`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    answers: Answers,
}

/// Adds a person. Who there is and what they may do is nobody else's doing than an admin's.
#[utoipa::path(post, path = "/v1/people", tag = "people", request_body = NewPerson,
    responses((status = 201, description = "They may sign in", body = PersonTold)))]
pub(crate) async fn add(
    shared: Here,
    _: Who,
    Body(it): Body<NewPerson>,
) -> Result<(StatusCode, Json<PersonTold>), Problem> {
    let person = Person {
        login: login(&it.login)?,
        name: name(&it.name)?,
        role: role(&it.role)?,
        skills: skills(it.skills)?,
        langs: it.langs,
        answers: it.answers,
        made_at: now(),
        disabled_at: None,
        locked_until: None,
        second_factor_at: None,
        password_given: true,
    };
    let hash = shared.inner().judge.hash(it.password).await?;
    if !shared.store().keep_person(&person, &hash).await? {
        return Err(Problem::new(Code::Conflict, "the login is taken 登录名已存在").of("login"));
    }
    Ok((StatusCode::CREATED, Json(person.into())))
}

fn login(text: &str) -> Result<Login, Problem> {
    text.parse().map_err(|e: waihu_store::InvalidLogin| Problem::invalid("login", e.to_string()))
}

fn name(text: &str) -> Result<String, Problem> {
    let name = text.trim();
    if !(1..=MAX_NAME).contains(&name.chars().count()) || name.contains(char::is_control) {
        return Err(Problem::invalid("name", "from 1 to 64 characters are expected 应为 1 至 64 个字符"));
    }
    Ok(name.to_owned())
}

fn role(word: &str) -> Result<Role, Problem> {
    word.parse().map_err(|e: waihu_store::UnknownRole| Problem::invalid("role", e.to_string()))
}

fn skills(skills: BTreeMap<String, u8>) -> Result<BTreeMap<String, u8>, Problem> {
    let odd = |(skill, level): (&String, &u8)| {
        !(1..=5).contains(level) || !(1..=MAX_NAME).contains(&skill.chars().count())
    };
    if skills.len() > MAX_SKILLS || skills.iter().any(odd) {
        return Err(Problem::invalid("skills", "words with levels from 1 to 5 技能等级应为 1 至 5"));
    }
    Ok(skills)
}

/// What of a person is to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonChange {
    /// True shuts them out, ends their sessions, and revokes tokens under their name or login. To let them in again, give
    /// them a password.
    #[serde(default)]
    disabled: bool,
    /// Another password, at least 12 characters; it ends their sessions.
    #[schema(min_length = 12, max_length = 128, format = Password)]
    password: Option<String>,
    /// How they take calls, from when they next sit down at their desk: `by_hand`, or `at_once`.
    #[schema(value_type = Option<String>)]
    answers: Option<Answers>,
    /// False takes their second factor away, where their telephone is lost, and ends their sessions. One's own is switched
    /// off with a code.
    second_factor: Option<bool>,
    /// Their name for other people.
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
    /// `operations`, `compliance`, `agent`, `integrator` or `admin`. Another one ends their sessions, and revokes tokens
    /// under their name or login that are of any other.
    role: Option<String>,
    /// All that they can do, in the words of scripts, from 1 to 5; at their desk from the next offer on.
    skills: Option<BTreeMap<String, u8>>,
    /// All languages that they speak, `zh` or `en`, empty for all there are; at their desk from the next offer on.
    #[schema(value_type = Option<Vec<String>>)]
    langs: Option<Vec<Lang>>,
}

/// One thing that is done to a person.
enum Deed {
    ShutOut,
    Password(String),
    Answers(Answers),
    NoSecondFactor,
    Change(waihu_store::PersonChange),
}

impl TryFrom<PersonChange> for Deed {
    type Error = Problem;

    fn try_from(it: PersonChange) -> Result<Self, Problem> {
        let change = waihu_store::PersonChange {
            name: it.name.as_deref().map(name).transpose()?,
            role: it.role.as_deref().map(role).transpose()?,
            skills: it.skills.map(skills).transpose()?,
            langs: it.langs,
        };
        let change = Some(change).filter(|change| *change != waihu_store::PersonChange::default());
        match (it.disabled, it.password, it.answers, it.second_factor, change) {
            (true, None, None, None, None) => Ok(Self::ShutOut),
            (false, Some(password), None, None, None) => Ok(Self::Password(password)),
            (false, None, Some(answers), None, None) => Ok(Self::Answers(answers)),
            (false, None, None, Some(false), None) => Ok(Self::NoSecondFactor),
            (false, None, None, None, Some(change)) => Ok(Self::Change(change)),
            _ => {
                let one = "one of `disabled: true`, `password`, `answers` and `second_factor: false`, or some of \
                           `name`, `role`, `skills` and `langs` 前四项择一，或后四项中的任意项";
                Err(Problem::invalid("disabled", one))
            }
        }
    }
}

/// A person as they are from now on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonChanged {
    /// Who.
    person: PersonTold,
    /// The names of tokens that were revoked with their role, or with all that they may.
    revoked: Vec<String>,
}

fn nobody() -> Problem {
    Problem::not_found("person 人员")
}

/// Changes a person: what they are called, may do, can do and speak, as one. Or shuts them out, or gives them another
/// password, or has them take calls in another way, or takes their second factor away. Nobody changes their own role, and
/// somebody stays an admin.
#[utoipa::path(patch, path = "/v1/people/{login}", tag = "people", request_body = PersonChange,
    params(("login" = String, Path, description = "By what they sign in")),
    responses((status = 200, description = "It is so", body = PersonChanged, headers(("ETag" = String, description = "Their revision"))),
        (status = 409, description = "They are the last admin", body = crate::problem::Details)))]
pub(crate) async fn change(
    shared: Here,
    who: Who,
    expected: IfMatch,
    At(at): At<String>,
    Body(it): Body<PersonChange>,
) -> Result<impl IntoResponse, Problem> {
    let login = at.parse::<Login>().map_err(|_| nobody())?;
    let deed = Deed::try_from(it)?;
    let store = shared.store();
    let before = store.secret(&login).await?.ok_or_else(nobody)?.person;
    let revision = before.revision();
    if expected.expected().is_some_and(|expected| expected != revision) {
        return Err(StoreError::Revised { of: login.to_string(), revision }.into());
    }
    let mut revoked = Vec::new();
    let done = match deed {
        Deed::ShutOut => match store.disable_person(&login, now()).await? {
            Some(tokens) => {
                revoked = tokens;
                true
            }
            None => false,
        },
        Deed::Password(password) => {
            let hash = shared.inner().judge.hash(password).await?;
            let chosen = if is_self(&who, &before) { ChosenBy::Themselves } else { ChosenBy::Another };
            store.set_password(&login, (hash.as_str(), chosen), now()).await?
        }
        Deed::Answers(answers) => store.set_answers(&login, answers).await?,
        Deed::NoSecondFactor => {
            no_second_factor(&shared, &who, &before).await?;
            true
        }
        Deed::Change(change) => {
            revoked = changed(&shared, &who, &before, &change).await?;
            true
        }
    };
    shared.sessions_changed();
    let after = store.secret(&login).await?.filter(|_| done).ok_or_else(nobody)?.person;
    let told = PersonChanged { person: after.into(), revoked };
    Ok((etag(told.person.revision), Json(told)))
}

/// Changes a person, written down by what is another before it is; the names of tokens that were revoked.
async fn changed(
    shared: &Shared,
    who: &Who,
    before: &Person,
    change: &waihu_store::PersonChange,
) -> Result<Vec<String>, Problem> {
    let told = change.told(before);
    if told.is_empty() {
        return Ok(Vec::new());
    }
    if change.role.is_some_and(|role| role != before.role) && is_self(who, before) {
        let what = "nobody changes their own role: another admin does 不能更改自己的角色，请由其他管理员操作";
        return Err(Problem::new(Code::Forbidden, what).of("role"));
    }
    let act = format!("person change {}: {told}", before.login);
    let act = Act { token: &who.token, person: who.person(), act: &act, request: "" };
    let row = shared.store().write_down(act, now()).await?;
    // Of the person who was read, so that what was written down is what is done.
    let done = shared.store().change_person(&before.login, change, Some(before.revision()), now()).await;
    let done = done.map_err(Problem::from).and_then(|revoked| revoked.ok_or_else(nobody));
    ended(shared, row, done.as_ref().map_or_else(Problem::status, |_| StatusCode::OK).as_u16()).await;
    done
}

/// Takes a person's second factor away, written down by what it is before it is done.
async fn no_second_factor(shared: &Shared, who: &Who, before: &Person) -> Result<(), Problem> {
    let none = || {
        let what = "they have no second factor 该人员未设置双因素认证";
        Problem::new(Code::Conflict, what).of("second_factor")
    };
    if before.second_factor_at.is_none() {
        return Err(none());
    }
    if is_self(who, before) {
        let what = "your own is switched off with a code, at My account, or by another admin 请在“我的账号”用验证码关闭，或由其他管理员移除";
        return Err(Problem::new(Code::Forbidden, what).of("second_factor"));
    }
    let act = format!("person second-factor {}", before.login);
    let act = Act { token: &who.token, person: who.person(), act: &act, request: "" };
    let row = shared.store().write_down(act, now()).await?;
    let done = shared.store().remove_second_factor(&before.login, None, now()).await;
    let done = done.map_err(Problem::from).and_then(|done| if done { Ok(()) } else { Err(none()) });
    ended(shared, row, done.as_ref().map_or_else(Problem::status, |()| StatusCode::OK).as_u16()).await;
    done
}

/// Whether it is the person who asks, be it by a token under their name.
fn is_self(who: &Who, person: &Person) -> bool {
    match &who.session {
        Some(signed_in) => signed_in.session.person.login == person.login,
        None => who.person == person.name || who.person.eq_ignore_ascii_case(person.login.as_str()),
    }
}
