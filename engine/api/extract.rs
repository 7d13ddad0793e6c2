//! What a request holds, or the problem with it.

use axum::{
    Json,
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, OptionalFromRequestParts, Path, Query, Request,
        rejection::BytesRejection,
    },
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use waihu_store::{Role, StoredToken};

use crate::{Problem, access::Scope, mask::Purpose, problem::Code, session::SignedIn, state::Shared};

/// Who asks, by a token or by being signed in.
#[derive(Clone, Debug)]
pub struct Who {
    /// The token's name in logs; of who is signed in, what stands for one.
    pub token: String,
    /// The person, as what they change is written down.
    pub person: String,
    /// What they may do.
    pub role: Role,
    /// Their session, where they are signed in.
    pub(crate) session: Option<SignedIn>,
    /// What they look at personal data in clear for; none where they have not said, and where the route shows none or their
    /// role sees none.
    pub(crate) purpose: Option<Purpose>,
}

impl Who {
    /// The person.
    pub fn person(&self) -> &str {
        &self.person
    }

    /// Whether they see personal data in clear: their role may, and they have said what for. A lender's system gets what
    /// the lender has handed over, and what came of it: its token was made for that, and says no more each time.
    pub fn sees_clear(&self) -> bool {
        let is_lender = self.role == Role::Integrator && self.session.is_none();
        Scope::NumbersRead.is_of(self.role) && (self.purpose.is_some() || is_lender)
    }

    /// Holds that they see in clear what cannot be masked.
    pub(crate) fn needs_purpose(&self) -> Result<(), Problem> {
        if self.sees_clear() { Ok(()) } else { Err(Purpose::missing()) }
    }

    /// How a row of the audit ends where something was seen in clear.
    pub(crate) fn what_for(&self) -> String {
        let purpose = self.purpose.filter(|_| self.sees_clear());
        purpose.map(|purpose| format!(" for {}", purpose.label())).unwrap_or_default()
    }
}

impl From<StoredToken> for Who {
    fn from(token: StoredToken) -> Self {
        Self { token: token.name, person: token.person, role: token.role, session: None, purpose: None }
    }
}

impl From<SignedIn> for Who {
    fn from(signed_in: SignedIn) -> Self {
        let person = &signed_in.session.person;
        Self {
            token: format!("session of {}", person.login),
            person: person.name.clone(),
            role: person.role,
            session: Some(signed_in),
            purpose: None,
        }
    }
}

impl FromRequestParts<Shared> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        // The guard put it there; where it did not, nobody has asked.
        parts.extensions.get::<Self>().cloned().ok_or_else(unauthenticated)
    }
}

/// No token, or none that opens anything: the two are not told apart.
pub fn unauthenticated() -> Problem {
    Problem::new(
        Code::Unauthenticated,
        "sign in, or send `Authorization: Bearer whu_…` with a token that `waihu token make` printed 请登录或携带有效令牌",
    )
    .of("Authorization")
}

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, Problem> {
        let is_json = |headers: &HeaderMap| {
            let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
            kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        };
        if !is_json(request.headers()) {
            return Err(Problem::new(
                Code::UnsupportedMedia,
                "send Content-Type: application/json 请使用 JSON",
            )
            .of("Content-Type"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(unread)?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| {
            Problem::new(Code::Malformed, format!("the body is no JSON 请求体不是 JSON: {e}"))
        })?;
        if has_nul(&value) {
            return Err(Problem::new(
                Code::Invalid,
                "a text has the character U+0000: leave it out 文本含有空字符",
            ));
        }
        shaped(value).map(Self)
    }
}

/// A value in the shape that is expected.
pub fn shaped<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|e| {
        let field = e.path().to_string();
        let field = if field == "." { "" } else { &field };
        Problem::new(Code::Invalid, e.inner().to_string()).of(field)
    })
}

/// A database keeps no U+0000 in a text (PostgreSQL says so itself).
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn unread(e: BytesRejection) -> Problem {
    if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(Code::TooLarge, "split it: a body has 4 MiB at most 请求体不得超过 4 MiB")
    } else {
        Problem::new(Code::Malformed, "the body could not be read to its end 请求体未能完整读取")
    }
}

/// What the path names.
pub struct At<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        match <Path<T> as FromRequestParts<Shared>>::from_request_parts(parts, state).await {
            Ok(Path(at)) => Ok(Self(at)),
            // An id that cannot be one names nothing here.
            Err(e) => Err(Problem::new(
                Code::NotFound,
                format!("the path names nothing here 路径无效: {}", e.body_text()),
            )),
        }
    }
}

/// What the query says.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(e) => {
                let said = e.body_text();
                let said = said.rsplit_once("query string: ").map_or(said.as_str(), |(_, said)| said);
                let field = said.split_once(": ").map_or("", |(field, _)| field);
                Err(Problem::invalid(field, format!("the query cannot be read 查询参数有误: {said}")))
            }
        }
    }
}

/// Which revision a change is of (RFC 9110, 13.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Whatever it is.
    Any,
    /// This one.
    Revision(i64),
}

impl IfMatch {
    /// The revision, where one was named.
    pub fn expected(self) -> Option<i64> {
        match self {
            Self::Any => None,
            Self::Revision(revision) => Some(revision),
        }
    }
}

impl IfMatch {
    fn read(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let Some(given) = headers.get(header::IF_MATCH) else { return Ok(None) };
        let given = given.to_str().unwrap_or_default().trim();
        if given == "*" {
            return Ok(Some(Self::Any));
        }
        // A weak tag never matches here, and one that is not ours cannot.
        let revision = given.strip_prefix('"').and_then(|g| g.strip_suffix('"')).and_then(|g| g.parse().ok());
        revision.map(|revision| Some(Self::Revision(revision))).ok_or_else(|| {
            Problem::new(
                Code::Malformed,
                "an ETag that was given out here is expected, or * 应为本接口给出的 ETag 或 *",
            )
            .of("If-Match")
        })
    }
}

impl FromRequestParts<Shared> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        Self::read(&parts.headers)?.ok_or_else(|| {
            let what = "send If-Match with the ETag that you read, or * for whatever it is 请携带 If-Match";
            Problem::new(Code::PreconditionRequired, what).of("If-Match")
        })
    }
}

impl OptionalFromRequestParts<Shared> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Option<Self>, Problem> {
        Self::read(&parts.headers)
    }
}

/// The header that names a revision.
pub fn etag(revision: i64) -> [(header::HeaderName, String); 1] {
    [(header::ETAG, format!("\"{revision}\""))]
}

/// A value as JSON text.
pub fn text(value: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(unwritable)
}

pub(crate) fn unwritable(_: serde_json::Error) -> Problem {
    tracing::error!("a record cannot be written as JSON");
    Problem::new(Code::Internal, "a record cannot be written 记录无法输出")
}

/// JSON that is answered.
pub type Answer<T> = Result<Json<T>, Problem>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_etag_of_ours_is_a_revision() {
        let read = |tag: &'static str| {
            IfMatch::read(&[(header::IF_MATCH, header::HeaderValue::from_static(tag))].into_iter().collect())
        };
        assert_eq!(read("\"3\"").unwrap(), Some(IfMatch::Revision(3)));
        assert_eq!(read("*").unwrap(), Some(IfMatch::Any));
        for odd in ["3", "W/\"3\"", "\"x\"", ""] {
            assert_eq!(read(odd).unwrap_err().status().as_u16(), 400, "{odd}");
        }
        assert_eq!(IfMatch::read(&HeaderMap::new()).unwrap(), None);
    }
}
