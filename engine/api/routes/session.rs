//! Signing in with a password, and out. Whether a login is unknown, its password wrong or its door locked is told
//! nobody: the answer is the same, and as late.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;
use waihu_store::{Act, ChosenBy, Lockout, Login, Person, Secret, SignInWay};
use waihu_types::WallTime;

use super::second_factor::coded;
use crate::{
    Problem, TokenText,
    access::scopes,
    extract::{Answer, Body, Who},
    problem::Code,
    session::{IDLE, LONGEST, Owed, SignedIn, csrf},
    state::{Here, Passwords, Shared, now},
};

/// Five wrong passwords or codes lock a door for a quarter of an hour: a guesser has twenty tries an hour, and whoever
/// forgot theirs is not out for the day.
pub(super) const LOCKOUT: Lockout = Lockout { after: 5, lasting: Duration::from_secs(15 * 60) };

/// A refusal comes so long after it was asked for: longer than the judging and the writing take, so that its time
/// tells neither which logins there are nor which are locked.
const REFUSED_AFTER: Duration = Duration::from_millis(400);

/// What somebody signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The login.
    #[schema(min_length = 1, max_length = 64, example = "li.ming")]
    login: String,
    /// The password.
    #[schema(min_length = 1, max_length = 256, format = Password)]
    password: String,
    /// The one-time code, where they have a second factor.
    #[schema(min_length = 6, max_length = 16)]
    code: Option<String>,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Signed {
    /// The login; none where a token asks.
    login: Option<String>,
    /// The name for other people.
    name: String,
    /// `operations`, `compliance`, `agent`, `integrator` or `admin`.
    #[schema(value_type = String, example = "agent")]
    role: &'static str,
    /// What they may do.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<&'static str>,
    /// Whether they sign in with a one-time code beside their password.
    second_factor: bool,
    /// What they have to do before anything else: take another `password`, or set up a `second_factor`.
    #[schema(value_type = Option<String>)]
    owed: Option<&'static str>,
    /// What changes by cookie repeat in `X-Waihu-Csrf`; none where a token asks.
    csrf: Option<String>,
    /// From when on they have to sign in again, whatever they do.
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<WallTime>,
    /// After so long without a request they are signed out [s].
    idle_s: Option<u64>,
}

impl Signed {
    pub(super) fn of(
        shared: &Shared,
        (person, way): (&Person, SignInWay),
        token: &TokenText,
        ends_at: WallTime,
    ) -> Self {
        Self {
            login: Some(person.login.to_string()),
            name: person.name.clone(),
            role: person.role.label(),
            scopes: scopes(person.role).iter().map(|s| s.label()).collect(),
            second_factor: person.second_factor_at.is_some(),
            owed: Owed::of(&shared.inner().state, person, way).map(Owed::label),
            csrf: Some(csrf(token)),
            ends_at: Some(ends_at),
            idle_s: Some(IDLE.as_secs()),
        }
    }
}

/// Signs in: the cookie comes with the answer, out of the reach of scripts.
#[utoipa::path(post, path = "/v1/session", tag = "people", request_body = SignIn,
    responses((status = 201, description = "Signed in; the cookie comes in Set-Cookie", body = Signed),
        (status = 401, description = "Not with these", body = crate::problem::Details),
        (status = 403, description = "A code is wanted beside them, or passwords are not taken here", body = crate::problem::Details),
        (status = 422, description = "Login or password is missing", body = crate::problem::Details),
        (status = 429, description = "Too many sign in at once", body = crate::problem::Details)))]
pub(crate) async fn sign_in(
    shared: Here,
    headers: HeaderMap,
    Body(it): Body<SignIn>,
) -> Result<Response, Problem> {
    by_password(&shared)?;
    let refused_at = Instant::now() + REFUSED_AFTER;
    // Whatever went wrong on the way, a refusal comes when all of them come.
    let refused = async |problem: Problem| {
        sleep_until(refused_at).await;
        Err(problem)
    };
    let secret = match known(&shared, &it.login).await {
        Ok(secret) => secret,
        Err(problem) => return refused(problem).await,
    };
    let person = match judged(&shared, secret, it.password).await {
        Ok(Some(person)) => person,
        Ok(None) => {
            let what = "the login or the password is wrong, or there were too many tries: then wait 15 min \
                        登录名或密码有误；多次失败后请等待 15 分钟";
            return refused(Problem::new(Code::Unauthenticated, what)).await;
        }
        Err(problem) => return refused(problem).await,
    };
    // That there is a second factor is told to whoever has the password alone.
    if let Err(problem) = coded(&shared, &person, it.code.as_deref()).await {
        return refused(problem).await;
    }
    let answer = begin(&shared, &person).await?;
    // Its cookie is another from now on: nobody has a use for the one before, but who has copied it.
    let before = shared.inner().state.cookies.token(&headers);
    if let Some(before) = before
        && shared.store().end_session(&before.digest(), now()).await?
    {
        shared.sessions_changed();
    }
    Ok(answer)
}

/// Holds that passwords open anything here.
fn by_password(shared: &Shared) -> Result<(), Problem> {
    if shared.inner().state.passwords == Passwords::Refused {
        let what = "passwords are not taken here: sign in at the provider 请使用统一身份登录";
        return Err(Problem::new(Code::Forbidden, what));
    }
    Ok(())
}

async fn known(shared: &Shared, login: &str) -> Result<Option<Secret>, Problem> {
    // What is no login is nobody's.
    let Ok(login) = login.parse::<Login>() else { return Ok(None) };
    Ok(shared.store().secret(&login).await?)
}

/// The person, where the password is theirs and they may come in. What was wrong is counted and written down.
async fn judged(
    shared: &Shared,
    secret: Option<Secret>,
    password: String,
) -> Result<Option<Person>, Problem> {
    let hash = secret.as_ref().map(|s| s.password.clone());
    let right = shared.inner().judge.is_right(password, hash).await?;
    // Others were judged meanwhile: the fifth wrong one has locked it, or another password has taken this one's place.
    let Some(judged) = secret else { return Ok(None) };
    let stands = shared.store().secret(&judged.person.login).await?;
    let Some(Secret { person, password }) = stands else { return Ok(None) };
    let (right, now) = (right && password == judged.password, now());
    let locked = person.locked_until.is_some_and(|until| now < until);
    if right && !locked && person.disabled_at.is_none() {
        return Ok(Some(person));
    }
    if !right && !locked {
        shared.store().wrong_password(&person.login, LOCKOUT, now).await?;
    }
    write_down(shared, &person, StatusCode::UNAUTHORIZED).await?;
    Ok(None)
}

async fn begin(shared: &Shared, person: &Person) -> Result<Response, Problem> {
    let way = SignInWay::Password;
    let (cookie, token, ends_at) = session_cookie(shared, person, way).await?;
    let told = Json(Signed::of(shared, (person, way), &token, ends_at));
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], told).into_response())
}

/// Begins a session, which is written down before.
pub(super) async fn session_cookie(
    shared: &Shared,
    person: &Person,
    way: SignInWay,
) -> Result<(HeaderValue, TokenText, WallTime), Problem> {
    let token = TokenText::new().map_err(|e| Problem::new(Code::Unavailable, e.to_string()))?;
    let (now, cookies) = (now(), shared.inner().state.cookies);
    let ends_at = now.plus(LONGEST);
    write_down(shared, person, StatusCode::CREATED).await?;
    shared.store().begin_session(&token.digest(), (&person.login, way), now, ends_at).await?;
    Ok((cookies.set(&token), token, ends_at))
}

pub(super) async fn write_down(shared: &Shared, person: &Person, status: StatusCode) -> Result<(), Problem> {
    let act = Act { token: "", person: &person.name, act: "POST /v1/session", request: "" };
    let id = shared.store().write_down(act, now()).await?;
    shared.store().write_down_end(id, status.as_u16(), now()).await?;
    Ok(())
}

/// Tells who is asking, and what they may do.
#[utoipa::path(get, path = "/v1/session", tag = "people",
    responses((status = 200, description = "Who is signed in", body = Signed)))]
pub(crate) async fn who_am_i(shared: Here, who: Who) -> Answer<Signed> {
    Ok(Json(match &who.session {
        Some(SignedIn { token, session }) => {
            Signed::of(&shared, (&session.person, session.way), token, session.ends_at)
        }
        None => Signed {
            login: None,
            name: who.person.clone(),
            role: who.role.label(),
            scopes: scopes(who.role).iter().map(|s| s.label()).collect(),
            second_factor: false,
            owed: None,
            csrf: None,
            ends_at: None,
            idle_s: None,
        },
    }))
}

/// Signs out: from now on the cookie opens nothing.
#[utoipa::path(delete, path = "/v1/session", tag = "people",
    responses((status = 204, description = "Signed out"),
        (status = 409, description = "A token asks, which has no session", body = crate::problem::Details)))]
pub(crate) async fn sign_out(shared: Here, who: Who) -> Result<(StatusCode, HeaderMap), Problem> {
    let Some(signed_in) = &who.session else {
        return Err(Problem::new(Code::Conflict, "a token is not signed in: revoke it 令牌没有会话，请吊销"));
    };
    shared.store().end_session(&signed_in.token.digest(), now()).await?;
    shared.sessions_changed();
    let unset = [(header::SET_COOKIE, shared.inner().state.cookies.unset())];
    Ok((StatusCode::NO_CONTENT, unset.into_iter().collect()))
}

/// Another place where somebody is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OtherSession {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    begun_at: WallTime,
    /// When it was used last, to a minute.
    #[schema(value_type = String, format = DateTime)]
    seen_at: WallTime,
}

pub(super) fn own(who: &Who) -> Result<&SignedIn, Problem> {
    let none = || Problem::new(Code::Conflict, "a token has no session 令牌没有会话");
    who.session.as_ref().ok_or_else(none)
}

/// Tells where else whoever asks is signed in.
#[utoipa::path(get, path = "/v1/session/others", tag = "people",
    responses((status = 200, description = "Their other sessions", body = Vec<OtherSession>),
        (status = 409, description = "A token asks, which has no session", body = crate::problem::Details)))]
pub(crate) async fn others(shared: Here, who: Who) -> Answer<Vec<OtherSession>> {
    let signed_in = own(&who)?;
    let (login, now) = (&signed_in.session.person.login, now());
    let idle_ms = i64::try_from(IDLE.as_millis()).unwrap_or(i64::MAX);
    let alive_since = WallTime::from_unix_millis(now.unix_millis().saturating_sub(idle_ms));
    let digest = signed_in.token.digest();
    let found = shared.store().other_sessions(login, &digest, alive_since, now).await?;
    let other = |(begun_at, seen_at)| OtherSession { begun_at, seen_at };
    Ok(Json(found.into_iter().map(other).collect()))
}

/// Signs whoever asks out everywhere else.
#[utoipa::path(delete, path = "/v1/session/others", tag = "people",
    responses((status = 204, description = "Signed out there"),
        (status = 409, description = "A token asks, which has no session", body = crate::problem::Details)))]
pub(crate) async fn end_others(shared: Here, who: Who) -> Result<StatusCode, Problem> {
    let signed_in = own(&who)?;
    let login = &signed_in.session.person.login;
    shared.store().end_other_sessions(login, &signed_in.token.digest(), now()).await?;
    shared.sessions_changed();
    Ok(StatusCode::NO_CONTENT)
}

/// A password in place of another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The one that holds.
    #[schema(min_length = 1, max_length = 256, format = Password)]
    password: String,
    /// The one that is to hold.
    #[schema(min_length = 12, max_length = 128, format = Password)]
    new: String,
    /// A one-time code, where they have a second factor: the session that comes of it has just been signed in to.
    #[schema(min_length = 6, max_length = 16)]
    code: Option<String>,
}

/// Gives whoever asks another password, and signs them out everywhere else. A wrong one counts as it does at the door.
#[utoipa::path(put, path = "/v1/session/password", tag = "people", request_body = NewPassword,
    responses((status = 201, description = "It holds; the cookie of a new session comes in Set-Cookie", body = Signed),
        (status = 401, description = "The old one is wrong", body = crate::problem::Details),
        (status = 403, description = "A code is wanted beside it, or passwords are not taken here", body = crate::problem::Details),
        (status = 409, description = "A token asks, which has no password", body = crate::problem::Details)))]
pub(crate) async fn change_password(
    shared: Here,
    who: Who,
    Body(it): Body<NewPassword>,
) -> Result<Response, Problem> {
    let login = own(&who)?.session.person.login.clone();
    // The session that comes of it would be one that the provider knows nothing of.
    by_password(&shared)?;
    if it.new == it.password {
        return Err(Problem::invalid(
            "new",
            "that is the one that holds: take another 新密码不能与原密码相同",
        ));
    }
    let refused_at = Instant::now() + REFUSED_AFTER;
    let secret = shared.store().secret(&login).await?;
    let Some(person) = judged(&shared, secret, it.password).await? else {
        sleep_until(refused_at).await;
        return Err(Problem::new(Code::Unauthenticated, "the password is wrong 原密码有误").of("password"));
    };
    let hash = shared.inner().judge.hash(it.new).await.map_err(|problem| problem.of("new"))?;
    // Last: a code that was taken is no good for a second try.
    if let Err(problem) = coded(&shared, &person, it.code.as_deref()).await {
        sleep_until(refused_at).await;
        return Err(problem);
    }
    shared.store().set_password(&login, (hash.as_str(), ChosenBy::Themselves), now()).await?;
    shared.sessions_changed();
    begin(&shared, &Person { password_given: false, ..person }).await
}
