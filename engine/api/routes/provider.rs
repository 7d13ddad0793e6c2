//! Signing in at the house's own provider: there by a redirect, and back with a code.
//!
//! Whoever comes back is somebody of the store's people, by their login, or nobody: a provider makes no roles here.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use waihu_store::{Login, Person, SignInWay};

use super::session::{session_cookie, write_down};
use crate::{
    Problem, TokenText,
    extract::{Answer, Asked},
    oidc::{OpenId, SignInError},
    problem::Code,
    state::{Here, Passwords, Shared},
};

/// How one may sign in here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ways {
    /// Whether by a password.
    password: bool,
    /// The issuer of the provider; none where there is none.
    provider: Option<String>,
}

/// Tells how one may sign in.
#[utoipa::path(get, path = "/v1/session/ways", tag = "people",
    responses((status = 200, description = "The ways", body = Ways)))]
pub(crate) async fn ways(shared: Here) -> Answer<Ways> {
    let state = &shared.inner().state;
    let provider = state.provider.as_ref().map(|provider| provider.issuer().to_owned());
    Ok(Json(Ways { password: state.passwords == Passwords::Taken, provider }))
}

fn provider(shared: &Shared) -> Result<&OpenId, Problem> {
    let none = || Problem::not_found("provider 身份提供方");
    shared.inner().state.provider.as_ref().ok_or_else(none)
}

/// Sends a browser to the provider.
#[utoipa::path(get, path = "/v1/session/provider", tag = "people",
    responses((status = 303, description = "To the provider, with a cookie of ten minutes"),
        (status = 404, description = "There is no provider", body = crate::problem::Details),
        (status = 503, description = "The provider does not answer", body = crate::problem::Details)))]
pub(crate) async fn leave(shared: Here) -> Result<Response, Problem> {
    let openid = provider(&shared)?;
    let ticket = TokenText::new().map_err(|e| Problem::new(Code::Unavailable, e.to_string()))?;
    let address = openid.address(&ticket).await.map_err(|error| {
        tracing::warn!(%error, "nobody can sign in at the provider");
        Problem::new(Code::Unavailable, error.to_string()).after(30)
    })?;
    let to = HeaderValue::from_str(address.as_str())
        .map_err(|_| Problem::new(Code::Unavailable, "the provider's address cannot be used 地址有误"))?;
    let cookie = shared.inner().state.cookies.set_ticket(&ticket);
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to), (header::SET_COOKIE, cookie)]).into_response())
}

/// What a browser brings back (RFC 6749, 4.1.2).
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Back {
    /// The code.
    #[serde(default)]
    code: String,
    /// What was sent along.
    #[serde(default)]
    state: String,
    /// Why there is no code.
    #[serde(default)]
    error: Option<String>,
}

/// How it went, as the console's page is told.
#[derive(Clone, Copy)]
enum Went {
    In,
    /// Nobody by that login may come in.
    Refused,
    /// The answer is another request's, or came too late.
    Again,
    /// The provider does not vouch for them, or does not answer.
    Failed,
}

impl Went {
    fn page(self) -> &'static str {
        match self {
            Self::In => "/",
            Self::Refused => "/?sign_in=refused",
            Self::Again => "/?sign_in=again",
            Self::Failed => "/?sign_in=failed",
        }
    }
}

/// Takes a browser back: it is signed in, or its page says why not.
#[utoipa::path(get, path = "/v1/session/provider/callback", tag = "people", params(Back),
    responses((status = 303, description = "To the console; with a session's cookie where it went well")))]
pub(crate) async fn back(
    shared: Here,
    headers: HeaderMap,
    Asked(back): Asked<Back>,
) -> Result<Response, Problem> {
    let cookies = shared.inner().state.cookies;
    let mut answer = HeaderMap::new();
    answer.append(header::SET_COOKIE, cookies.unset_ticket());
    let went = match person(&shared, &headers, &back).await? {
        Ok(person) => {
            answer.append(header::SET_COOKIE, session_cookie(&shared, &person, SignInWay::Provider).await?.0);
            Went::In
        }
        Err(went) => went,
    };
    answer.insert(header::LOCATION, HeaderValue::from_static(went.page()));
    Ok((StatusCode::SEE_OTHER, answer).into_response())
}

/// Who came back.
async fn person(shared: &Shared, headers: &HeaderMap, back: &Back) -> Result<Result<Person, Went>, Problem> {
    let openid = provider(shared)?;
    if back.error.is_some() {
        return Ok(Err(Went::Failed));
    }
    let Some(ticket) = shared.inner().state.cookies.ticket(headers) else { return Ok(Err(Went::Again)) };
    let login = match openid.login(&ticket, &back.state, &back.code).await {
        Ok(login) => login,
        Err(SignInError::State | SignInError::TooMany) => return Ok(Err(Went::Again)),
        Err(error) => {
            tracing::warn!(%error, "the provider did not vouch for anybody");
            return Ok(Err(Went::Failed));
        }
    };
    let Ok(login) = login.parse::<Login>() else { return Ok(Err(Went::Refused)) };
    let Some(secret) = shared.store().secret(&login).await? else { return Ok(Err(Went::Refused)) };
    if secret.person.disabled_at.is_some() {
        write_down(shared, &secret.person, StatusCode::UNAUTHORIZED).await?;
        return Ok(Err(Went::Refused));
    }
    Ok(Ok(secret.person))
}
