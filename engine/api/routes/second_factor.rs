//! One's own second factor: set up with a secret for an app, asked for beside the password, switched off again. A code
//! that is wrong counts as a wrong password does.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waihu_store::Person;

use super::session::{LOCKOUT, Signed, own, write_down};
use crate::{
    Problem,
    extract::{Answer, Body, Who},
    problem::Code,
    session::SignedIn,
    state::{Here, Shared, now},
    totp,
};

/// Holds that a code is one of a person's second factor, where they have one, and takes it: it counts once.
pub(super) async fn coded(shared: &Shared, person: &Person, code: Option<&str>) -> Result<(), Problem> {
    if person.second_factor_at.is_none() {
        return Ok(());
    }
    // Taken away this moment, it is asked for no more.
    let Some(factor) = shared.store().second_factor(&person.login).await? else { return Ok(()) };
    let Some(code) = code else {
        // Whoever has the password and not the telephone is seen.
        write_down(shared, person, StatusCode::FORBIDDEN).await?;
        let what = "the code that your authenticator app shows is wanted too 请输入身份验证器应用中的验证码";
        return Err(Problem::new(Code::CodeWanted, what).of("code"));
    };
    let now = now();
    if let Some(step) = totp::step_of(&factor.secret, code, now)
        && shared.store().take_code(&person.login, &factor, step, now).await?
    {
        return Ok(());
    }
    shared.store().wrong_password(&person.login, LOCKOUT, now).await?;
    write_down(shared, person, StatusCode::UNAUTHORIZED).await?;
    Err(wrong(Code::Unauthenticated))
}

fn wrong(code: Code) -> Problem {
    let what = "the code is wrong, or was used before: take the next one that the app shows 验证码有误或已使用，请用下一个";
    Problem::new(code, what).of("code")
}

/// A secret for an authenticator app. It is shown here alone.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewSecret {
    /// In base32, to be typed in.
    secret: String,
    /// The same as an address that apps open (otpauth).
    uri: String,
}

/// Makes a secret for whoever asks; it counts once they have shown a code of it.
#[utoipa::path(put, path = "/v1/session/second-factor", tag = "people",
    responses((status = 200, description = "The secret, this once", body = NewSecret),
        (status = 409, description = "They have one, or a token asks, which has no session", body = crate::problem::Details)))]
pub(crate) async fn offer(shared: Here, who: Who) -> Answer<NewSecret> {
    let login = &own(&who)?.session.person.login;
    let secret = totp::new_secret().map_err(|e| Problem::new(Code::Unavailable, e.to_string()))?;
    if !shared.store().offer_second_factor(login, &secret).await? {
        let what = "there is one already: switch it off first 已设置双因素认证，请先关闭";
        return Err(Problem::new(Code::Conflict, what));
    }
    Ok(Json(NewSecret { uri: totp::address(login.as_str(), &secret), secret }))
}

/// A one-time code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneTimeCode {
    /// The six digits that the app shows.
    #[schema(min_length = 6, max_length = 16)]
    code: String,
}

/// Has a code asked for from now on, and signs whoever asks out everywhere else.
#[utoipa::path(post, path = "/v1/session/second-factor", tag = "people", request_body = OneTimeCode,
    responses((status = 200, description = "It counts", body = Signed),
        (status = 409, description = "No secret was made before, or it counts already, or a token asks, which has no session", body = crate::problem::Details)))]
pub(crate) async fn confirm(shared: Here, who: Who, Body(it): Body<OneTimeCode>) -> Answer<Signed> {
    let signed_in = own(&who)?;
    let login = &signed_in.session.person.login;
    let factor = shared.store().second_factor(login).await?.filter(|factor| factor.since.is_none());
    let none = || Problem::new(Code::Conflict, "make a secret first 请先生成密钥");
    let (factor, now) = (factor.ok_or_else(none)?, now());
    let step = totp::step_of(&factor.secret, &it.code, now).ok_or_else(|| wrong(Code::Invalid))?;
    if !shared.store().take_code(login, &factor, step, now).await? {
        return Err(wrong(Code::Invalid));
    }
    shared.store().end_other_sessions(login, &signed_in.token.digest(), now).await?;
    shared.sessions_changed();
    Ok(Json(told(&shared, signed_in).await?))
}

/// Switches it off, and signs whoever asks out everywhere else.
#[utoipa::path(post, path = "/v1/session/second-factor/remove", tag = "people", request_body = OneTimeCode,
    responses((status = 200, description = "No code is asked for any more", body = Signed),
        (status = 401, description = "The code is wrong, or there were too many tries", body = crate::problem::Details),
        (status = 403, description = "They have signed in too long ago for it", body = crate::problem::Details),
        (status = 409, description = "There is none, or a token asks, which has no session", body = crate::problem::Details)))]
pub(crate) async fn remove(shared: Here, who: Who, Body(it): Body<OneTimeCode>) -> Answer<Signed> {
    let signed_in = own(&who)?;
    let person = &signed_in.session.person;
    if person.second_factor_at.is_none() {
        return Err(Problem::new(Code::Conflict, "there is no second factor 未设置双因素认证"));
    }
    if person.locked_until.is_some_and(|until| now() < until) {
        return Err(Problem::new(
            Code::Unauthenticated,
            "there were too many tries: wait 15 min 请等待 15 分钟",
        ));
    }
    coded(&shared, person, Some(&it.code)).await?;
    let digest = signed_in.token.digest();
    shared.store().remove_second_factor(&person.login, Some(&digest), now()).await?;
    shared.sessions_changed();
    Ok(Json(told(&shared, signed_in).await?))
}

/// Who is signed in, as they are by now.
async fn told(shared: &Shared, SignedIn { token, session }: &SignedIn) -> Result<Signed, Problem> {
    let stands = shared.store().secret(&session.person.login).await?;
    let person = stands.map_or_else(|| session.person.clone(), |stands| stands.person);
    Ok(Signed::of(shared, (&person, session.way), token, session.ends_at))
}
