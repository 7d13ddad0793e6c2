//! Who may sign in: added with a first password, shut out, given another.

use std::collections::BTreeMap;

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waihu_store::{Login, Person};
use waihu_types::{Answers, Lang, WallTime};

use crate::{
    Problem,
    extract::{Answer, At, Body, IfMatch, Who},
    problem::Code,
    state::{Here, now},
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
    /// Since when they are known.
    #[schema(value_type = String, format = DateTime)]
    made_at: WallTime,
    /// Since when they may not sign in any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<WallTime>,
    /// Until when no password opens: too many were wrong.
    #[schema(value_type = Option<String>, format = DateTime)]
    locked_until: Option<WallTime>,
}

impl From<Person> for PersonTold {
    fn from(p: Person) -> Self {
        Self {
            login: p.login.to_string(),
            name: p.name,
            role: p.role.label(),
            skills: p.skills,
            langs: p.langs,
            answers: p.answers,
            made_at: p.made_at,
            disabled_at: p.disabled_at,
            locked_until: p.locked_until.filter(|until| now() < *until),
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
    #[schema(min_length = 12, max_length = 256, format = Password)]
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
    let name = it.name.trim();
    if !(1..=MAX_NAME).contains(&name.chars().count()) || name.contains(char::is_control) {
        return Err(Problem::invalid("name", "from 1 to 64 characters are expected 应为 1 至 64 个字符"));
    }
    let odd = |(skill, level): (&String, &u8)| {
        !(1..=5).contains(level) || !(1..=MAX_NAME).contains(&skill.chars().count())
    };
    if it.skills.len() > MAX_SKILLS || it.skills.iter().any(odd) {
        return Err(Problem::invalid("skills", "words with levels from 1 to 5 技能等级应为 1 至 5"));
    }
    let person = Person {
        login: login(&it.login)?,
        name: name.to_owned(),
        role: it
            .role
            .parse()
            .map_err(|e: waihu_store::UnknownRole| Problem::invalid("role", e.to_string()))?,
        skills: it.skills,
        langs: it.langs,
        answers: it.answers,
        made_at: now(),
        disabled_at: None,
        locked_until: None,
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

/// What of a person is to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonChange {
    /// True shuts them out, and ends their sessions. To let them in again, give them a password.
    #[serde(default)]
    disabled: bool,
    /// Another password, at least 12 characters; it ends their sessions.
    #[schema(min_length = 12, max_length = 256, format = Password)]
    password: Option<String>,
    /// How they take calls, from when they next sit down at their desk: `by_hand`, or `at_once`.
    #[schema(value_type = Option<String>)]
    answers: Option<Answers>,
}

/// Shuts a person out, or gives them another password: either ends their sessions. Or has them take calls in another
/// way.
#[utoipa::path(patch, path = "/v1/people/{login}", tag = "people", request_body = PersonChange,
    params(("login" = String, Path, description = "By what they sign in")),
    responses((status = 204, description = "It is so")))]
pub(crate) async fn change(
    shared: Here,
    _: Who,
    _: IfMatch,
    At(at): At<String>,
    Body(it): Body<PersonChange>,
) -> Result<StatusCode, Problem> {
    let nobody = || Problem::not_found("person 人员");
    let login = at.parse::<Login>().map_err(|_| nobody())?;
    let done = match (it.disabled, it.password, it.answers) {
        (false, Some(password), None) => {
            let hash = shared.inner().judge.hash(password).await?;
            shared.store().set_password(&login, &hash, now()).await?
        }
        (true, None, None) => shared.store().disable_person(&login, now()).await?,
        (false, None, Some(answers)) => shared.store().set_answers(&login, answers).await?,
        _ => {
            let one = "one of `disabled: true`, `password` and `answers` 三者择一";
            return Err(Problem::invalid("disabled", one));
        }
    };
    shared.sessions_ended();
    if done { Ok(StatusCode::NO_CONTENT) } else { Err(nobody()) }
}
