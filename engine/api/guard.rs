//! What every request passes: measured, admitted, kept from being done twice, written down.

use std::time::Instant;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use waihu_store::{Act, Earlier, KeyedRequest};

use crate::{
    Problem,
    access::{Asks, LOOKS, Scope, WEIGHTY, asked, methods, shows_clear},
    extract::{Who, unauthenticated},
    mask::Purpose,
    problem::Code,
    session::{self, Owed, SEEN_EVERY, SignedIn},
    state::{Shared, now},
    token::TokenText,
};

/// Header of the key by which a repeated POST is known.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The longest key \[bytes\]: a UUID has 36.
const MAX_KEY: usize = 128;
/// The longest answer that is kept \[bytes\]: a thousand rows of a batch.
const MAX_ANSWER: usize = 1 << 20;

/// Refusals that the log tells of: whoever looks for a way in meets one of these.
const REFUSALS: [u16; 8] = [400, 401, 403, 405, 413, 415, 422, 429];

/// Who asked, as the log names them.
#[derive(Clone)]
struct By(String);

impl By {
    /// A token by its name; who is signed in by what is kept of their session, which tells who it is to none but those
    /// who may read the store.
    fn of(who: &Who) -> Self {
        match &who.session {
            Some(signed_in) => Self(format!("session {:.16}", signed_in.token.digest())),
            None => Self(format!("token {}", who.token)),
        }
    }
}

/// Measures, by the route and not by what stands in its place, and tells the log what was refused.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let route = route(&request);
    let method = method_label(request.method());
    let begun = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    if REFUSALS.contains(&status) {
        let by = response.extensions().get::<By>().map_or("nobody who is known", |by| by.0.as_str());
        tracing::info!(method, route, status, by, "a request was refused");
    }
    let status = status.to_string();
    metrics::counter!("waihu_http_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("waihu_http_request_seconds", "route" => route).record(begun.elapsed().as_secs_f64());
    response
}

/// Methods that others make up are one.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn route(request: &Request) -> String {
    request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned()
}

/// Lets a request through to its route where the table of routes and the token's role say so.
pub(crate) async fn admit(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let route = route(&request);
    let asks = match asked(request.method().as_str(), &route) {
        Some(Asks::Nothing) => return next.run(request).await,
        Some(asks) => asks,
        // A path that nothing is registered for, or a method that its path does not know.
        None if route == "none" => return next.run(request).await,
        None if methods(&route).is_empty() => return Problem::not_found("path 路径").into_response(),
        None => return not_allowed(&route).into_response(),
    };
    let who = match known(&shared, request.headers()).await {
        Ok(who) => who,
        Err(problem) => return problem.into_response(),
    };
    let by = By::of(&who);
    let admitted = admitted(&shared, &who, &request, asks)
        .and_then(|()| owes_nothing(&shared, &who, &request, &route))
        .and_then(|()| lately(&who, &request, &route))
        .and_then(|()| for_purpose(who, &request, &route));
    let mut response = match admitted {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(by);
    response
}

/// Who asks, with what they say that it is for where the answer may be in clear. From a role that sees nothing in clear it
/// counts for nothing: what it is given is not what another role was given, or was written down to have seen.
fn for_purpose(mut who: Who, request: &Request, route: &str) -> Result<Who, Problem> {
    if shows_clear(request.method().as_str(), route) {
        let stated = Purpose::stated(request.headers(), request.uri())?;
        who.purpose = stated.filter(|_| Scope::NumbersRead.is_of(who.role));
    }
    Ok(who)
}

fn not_allowed(route: &str) -> Problem {
    let methods = methods(route);
    Problem::new(Code::MethodNotAllowed, format!("this path knows 该路径支持: {methods}")).allowing(methods)
}

/// Holds that whoever asks may: not too often, from a page of ours, with a role that has what the route asks for.
fn admitted(shared: &Shared, who: &Who, request: &Request, asks: Asks) -> Result<(), Problem> {
    shared.inner().rates.take(&who.token, Instant::now()).map_err(|seconds| {
        Problem::new(Code::TooMany, format!("wait {seconds} s 请等待 {seconds} 秒")).after(seconds)
    })?;
    if let Some(signed_in) = &who.session {
        session::own_page(&signed_in.token, request.method(), request.headers())?;
    }
    match asks {
        Asks::Scope(scope) if !scope.is_of(who.role) => {
            let (role, scope) = (who.role, scope.label());
            let what = format!("the role {role} has not {scope} 角色 {role} 没有 {scope} 权限");
            Err(Problem::new(Code::Forbidden, what))
        }
        _ => Ok(()),
    }
}

/// Holds that whoever is signed in has done what comes before anything else.
fn owes_nothing(shared: &Shared, who: &Who, request: &Request, route: &str) -> Result<(), Problem> {
    let Some(SignedIn { session, .. }) = &who.session else { return Ok(()) };
    let owed = Owed::of(&shared.inner().state, &session.person, session.way);
    owed.map_or(Ok(()), |owed| owed.lets(request.method().as_str(), route))
}

/// Holds that whoever does what weighs most by a session has signed in lately.
fn lately(who: &Who, request: &Request, route: &str) -> Result<(), Problem> {
    match &who.session {
        Some(it) if WEIGHTY.contains(&(request.method().as_str(), route)) => {
            session::lately(&it.session, now())
        }
        _ => Ok(()),
    }
}

async fn known(shared: &Shared, headers: &HeaderMap) -> Result<Who, Problem> {
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return signed_in(shared, headers).await?.map(Who::from).ok_or_else(unauthenticated);
    };
    let given = given.to_str().unwrap_or_default();
    let (scheme, given) = given.split_once(' ').unwrap_or_default();
    let text = TokenText::read(given.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"));
    let text = text.ok_or_else(unauthenticated)?;
    let token = shared.store().token(&text.digest()).await?;
    token.filter(|token| token.is_valid(now())).map(Who::from).ok_or_else(unauthenticated)
}

/// Who is signed in by the cookie of a request; that they were here is written down once a minute.
async fn signed_in(shared: &Shared, headers: &HeaderMap) -> Result<Option<SignedIn>, Problem> {
    let Some(token) = shared.inner().state.cookies.token(headers) else { return Ok(None) };
    let (digest, now) = (token.digest(), now());
    let session = shared.store().session(&digest).await?;
    let Some(session) = session.filter(|s| session::is_alive(s, now)) else { return Ok(None) };
    if now >= session.seen_at.plus(SEEN_EVERY) {
        shared.store().session_seen(&digest, now).await?;
    }
    Ok(Some(SignedIn { token, session }))
}

/// Writes down who changes what, before it is done and with how it ended; and who looks at what.
pub(crate) async fn write_down(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let Some(who) = request.extensions().get::<Who>().cloned() else { return next.run(request).await };
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return looked(&shared, &who, request, next).await;
    }
    let (parts, body) = request.into_parts();
    let bytes = match whole(&shared, body).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let digest = if bytes.is_empty() || is_guessable(parts.uri.path(), &bytes) {
        String::new()
    } else {
        hex::encode(Sha256::digest(&bytes))
    };
    let act = format!("{} {}{}", parts.method, parts.uri.path(), who.what_for());
    let act = Act { token: &who.token, person: &who.person, act: &act, request: &digest };
    let id = match shared.store().write_down(act, now()).await {
        Ok(id) => id,
        Err(e) => return Problem::from(e).into_response(),
    };
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    ended(&shared, id, response.status()).await;
    response
}

async fn ended(shared: &Shared, id: i64, status: StatusCode) {
    if let Err(e) = shared.store().write_down_end(id, status.as_u16(), now()).await {
        tracing::warn!(error = %e, "how what was asked for ended was not written down");
    }
}

/// Writes down who looks at what tells of persons, before it is shown: the path, the keys that it was asked by without
/// their values, how many rows there are, and what for where they are in clear.
async fn looked(shared: &Shared, who: &Who, request: Request, next: Next) -> Response {
    if *request.method() != Method::GET || !LOOKS.contains(&route(&request).as_str()) {
        return next.run(request).await;
    }
    let uri = request.uri().clone();
    let response = next.run(request).await;
    if !response.status().is_success() {
        return response;
    }
    let (response, rows) = counted(response).await;
    let asked = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split('=').next());
    let asked: Vec<&str> = asked.filter(|key| !key.is_empty()).collect();
    let asked = if asked.is_empty() { String::new() } else { format!("?{}", asked.join("&")) };
    let rows = rows.map(|rows| format!(": {rows} rows")).unwrap_or_default();
    let act = format!("GET {}{asked}{rows}{}", uri.path(), who.what_for());
    let act = Act { token: &who.token, person: &who.person, act: &act, request: "" };
    match shared.store().write_down(act, now()).await {
        Ok(id) => {
            ended(shared, id, response.status()).await;
            response
        }
        Err(e) => Problem::from(e).into_response(),
    }
}

/// An answer, and how many rows it has; none where it is no list, or a stream without an end.
async fn counted(response: Response) -> (Response, Option<usize>) {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    // A page, which was made in memory and is whole.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let told: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let rows = told.get("items").unwrap_or(&told).as_array().map(Vec::len);
    (Response::from_parts(parts, Body::from(bytes)), rows)
}

/// Whether what is sent there could be found again from its digest: a password, words, or a number that is looked up.
fn is_guessable(path: &str, body: &[u8]) -> bool {
    let by_id = || {
        let asked = serde_json::from_slice::<Value>(body).unwrap_or_default();
        asked.is_object() && asked.get("number").is_none()
    };
    ["/v1/people", "/v1/session", "/v1/do-not-call/lookup", "/v1/search"]
        .iter()
        .any(|of| path.starts_with(of))
        || path == "/v1/debtors/find" && !by_id()
}

/// A body, up to the limit.
async fn whole(shared: &Shared, body: Body) -> Result<Bytes, Problem> {
    to_bytes(body, shared.inner().state.limits.body_bytes)
        .await
        .map_err(|_| Problem::new(Code::TooLarge, "split it: a body has 4 MiB at most 请求体不得超过 4 MiB"))
}

/// What is kept of an answer.
#[derive(Serialize, Deserialize)]
struct Kept {
    headers: Vec<(String, String)>,
    body: String,
}

/// The headers of an answer that belong to it, and not to when it was given.
const KEPT_HEADERS: [header::HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// Gives the same answer again to a POST that carries the same key.
pub(crate) async fn once(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let keyed = (request.method() == Method::POST).then(|| request.headers().get(IDEMPOTENCY_KEY)).flatten();
    let Some(key) = keyed.cloned() else { return next.run(request).await };
    let Some(who) = request.extensions().get::<Who>().cloned() else { return next.run(request).await };
    match answered(&shared, &who, &key, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answered(
    shared: &Shared,
    who: &Who,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = key.to_str().ok().filter(|key| (1..=MAX_KEY).contains(&key.len())).ok_or_else(|| {
        Problem::invalid(
            "Idempotency-Key",
            "1 to 128 visible ASCII characters are expected 应为 1 至 128 个可见字符",
        )
    })?;
    let (parts, body) = request.into_parts();
    let bytes = whole(shared, body).await?;
    let mut sha = Sha256::new();
    for part in [parts.method.as_str(), &parts.uri.to_string()] {
        sha.update(part);
        sha.update([0]);
    }
    for header in [header::IF_MATCH, header::CONTENT_TYPE] {
        sha.update(parts.headers.get(header).map_or(&b""[..], HeaderValue::as_bytes));
        sha.update([0]);
    }
    // The same in clear is another answer.
    if let Some(purpose) = who.purpose {
        sha.update(purpose.label());
        sha.update([0]);
    }
    sha.update(&bytes);
    let request = hex::encode(sha.finalize());
    let it = KeyedRequest { token: &who.token, key, request: &request };
    match shared.store().take_request(it, now()).await? {
        Earlier::Nothing => {}
        Earlier::Answered { status, body } => return again(status, &body),
        Earlier::InFlight => {
            return Err(Problem::new(
                Code::InFlight,
                "the same key is being answered: ask again 相同幂等键处理中",
            )
            .after(1));
        }
        Earlier::Other => {
            return Err(Problem::new(
                Code::KeyReused,
                "a new request needs a new key 新的请求请使用新的幂等键",
            )
            .of("Idempotency-Key"));
        }
    }
    // Carried on where whoever asks goes away: an answer that nobody hears is the one that is asked for again.
    let (shared, it) = (shared.clone(), (who.token.clone(), key.to_owned(), request));
    let done = tokio::spawn(async move {
        let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
        keep(&shared, KeyedRequest { token: &it.0, key: &it.1, request: &it.2 }, response).await
    });
    done.await.map_err(|_| Problem::new(Code::Internal, "the request failed half-way 请求中途失败"))?
}

/// Keeps what was answered; what may be otherwise at the next try is not kept.
async fn keep(shared: &Shared, it: KeyedRequest<'_>, response: Response) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    let kind =
        parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // A file is handed out as it comes: it is too large to be kept, and asked for again it is made again.
    if !(kind.is_empty() || kind.ends_with("json")) {
        shared.store().forget_request(it).await?;
        return Ok(Response::from_parts(parts, body));
    }
    let passing = parts.status.is_server_error() || parts.status == StatusCode::TOO_MANY_REQUESTS;
    let bytes: Bytes = to_bytes(body, MAX_ANSWER).await.unwrap_or_default();
    if passing {
        shared.store().forget_request(it).await?;
    } else {
        let text = |name: &header::HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok());
        let headers =
            KEPT_HEADERS.iter().filter_map(|n| Some((n.to_string(), text(n)?.to_owned()))).collect();
        let kept = Kept { headers, body: String::from_utf8_lossy(&bytes).into_owned() };
        shared.store().keep_answer(it, parts.status.as_u16(), &crate::extract::text(&kept)?).await?;
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn again(status: u16, kept: &str) -> Result<Response, Problem> {
    let kept: Kept = serde_json::from_str(kept)
        .map_err(|_| Problem::new(Code::Internal, "a kept answer cannot be read 已存答复无法读取"))?;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = (status, kept.body).into_response();
    for name in KEPT_HEADERS {
        let value = kept.headers.iter().find(|(n, _)| *n == name.as_str());
        match value.and_then(|(_, v)| HeaderValue::from_str(v).ok()) {
            Some(value) => drop(response.headers_mut().insert(name, value)),
            None => drop(response.headers_mut().remove(name)),
        }
    }
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    Ok(response)
}
