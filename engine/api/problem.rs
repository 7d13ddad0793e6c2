//! What went wrong, for whoever asked: problem details (RFC 9457) with a code that programs go by and words
//! in both languages that people read.
//!
//! The one place where errors of rooms become statuses of HTTP. Nothing of a request is repeated in a log.

use std::fmt;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use waihu_store::StoreError;

/// What kind of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The body is no JSON, or the path or the query cannot be read.
    Malformed,
    /// It can be read, and does not hold.
    Invalid,
    /// No token, or none that is known and valid.
    Unauthenticated,
    /// The token's role does not allow it.
    Forbidden,
    /// They have signed in too long ago for it.
    SignInAgain,
    /// The password is right, and a one-time code is wanted beside it.
    CodeWanted,
    /// First of all they set up a second factor.
    SecondFactorNeeded,
    /// First of all they take another password.
    PasswordToBeChanged,
    /// There is no such thing.
    NotFound,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// As things stand it cannot be done.
    Conflict,
    /// The same request is being answered.
    InFlight,
    /// It was changed since it was read.
    PreconditionFailed,
    /// The body is too large.
    TooLarge,
    /// The body is not JSON by its type.
    UnsupportedMedia,
    /// The idempotency key belongs to another request.
    KeyReused,
    /// A change has to say which revision it is of.
    PreconditionRequired,
    /// More requests than are allowed.
    TooMany,
    /// A fault of ours.
    Internal,
    /// It cannot be done now.
    Unavailable,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Malformed,
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::SignInAgain,
        Self::CodeWanted,
        Self::SecondFactorNeeded,
        Self::PasswordToBeChanged,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::InFlight,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::KeyReused,
        Self::PreconditionRequired,
        Self::TooMany,
        Self::Internal,
        Self::Unavailable,
    ];

    /// Its word, its status, and its title in either language.
    fn row(self) -> (&'static str, StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Malformed => ("malformed", S::BAD_REQUEST, "The request cannot be read", "请求无法解析"),
            Self::Invalid => {
                ("invalid", S::UNPROCESSABLE_ENTITY, "What is asked does not hold", "请求内容有误")
            }
            Self::Unauthenticated => {
                ("unauthenticated", S::UNAUTHORIZED, "A valid token is needed", "需要有效的令牌")
            }
            Self::Forbidden => {
                ("forbidden", S::FORBIDDEN, "The token's role does not allow it", "该角色无权限")
            }
            Self::SignInAgain => ("sign_in_again", S::FORBIDDEN, "Sign in once more", "请再次登录"),
            Self::CodeWanted => ("code_wanted", S::FORBIDDEN, "A code is wanted", "需要验证码"),
            Self::SecondFactorNeeded => {
                ("second_factor_needed", S::FORBIDDEN, "Set up a second factor first", "须先设置双因素认证")
            }
            Self::PasswordToBeChanged => {
                ("password_to_be_changed", S::FORBIDDEN, "Take another password first", "须先修改密码")
            }
            Self::NotFound => ("not_found", S::NOT_FOUND, "There is no such thing", "不存在"),
            Self::MethodNotAllowed => {
                ("method_not_allowed", S::METHOD_NOT_ALLOWED, "Not with this method", "不支持该方法")
            }
            Self::Conflict => ("conflict", S::CONFLICT, "Not as things stand", "当前状态不允许"),
            Self::InFlight => {
                ("in_flight", S::CONFLICT, "The same request is being answered", "相同请求处理中")
            }
            Self::PreconditionFailed => {
                ("precondition_failed", S::PRECONDITION_FAILED, "It was changed since", "已被他人修改")
            }
            Self::TooLarge => ("too_large", S::PAYLOAD_TOO_LARGE, "The body is too large", "请求体过大"),
            Self::UnsupportedMedia => {
                ("unsupported_media", S::UNSUPPORTED_MEDIA_TYPE, "JSON is expected", "请使用 JSON")
            }
            Self::KeyReused => (
                "key_reused",
                S::UNPROCESSABLE_ENTITY,
                "The idempotency key belongs to another request",
                "幂等键已用于其他请求",
            ),
            Self::PreconditionRequired => {
                ("precondition_required", S::PRECONDITION_REQUIRED, "A header is needed", "缺少必要的请求头")
            }
            Self::TooMany => ("too_many", S::TOO_MANY_REQUESTS, "Too many requests", "请求过于频繁"),
            Self::Internal => ("internal", S::INTERNAL_SERVER_ERROR, "A fault of ours", "内部故障"),
            Self::Unavailable => ("unavailable", S::SERVICE_UNAVAILABLE, "Not now", "暂不可用"),
        }
    }

    /// The word that programs go by.
    pub fn label(self) -> &'static str {
        self.row().0
    }

    /// The status.
    pub fn status(self) -> StatusCode {
        self.row().1
    }
}

/// What went wrong. Boxed: it is the rare end of every route, and no result has to carry its size.
#[derive(Clone, Debug)]
pub struct Problem(Box<Details>);

/// Problem details of RFC 9457, with a code and both languages.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "urn:waihu:problem:invalid", "title": "What is asked does not hold", "title_zh": "请求内容有误",
    "status": 422, "code": "invalid", "detail": "limit: a number from 1 to 200 is expected 应为 1 至 200",
    "field": "limit"
}))]
pub struct Details {
    /// `urn:waihu:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What kind of problem it is, in English.
    title: &'static str,
    /// The same in Chinese.
    title_zh: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What kind of problem it is, for programs.
    code: &'static str,
    /// What is wrong here and what to do, in both languages.
    detail: String,
    /// The field, the parameter or the header that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    /// Where several things of a list are wrong, each of them; at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    #[serde(skip)]
    retry_after_s: Option<u32>,
    #[serde(skip)]
    allow: Option<String>,
}

/// One thing of a list that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub field: Option<String>,
    /// What is wrong, in both languages.
    pub detail: String,
}

/// The most faults of a list that are told: enough to see what is wrong with all of them.
const MOST_FAULTS: usize = 100;

impl Problem {
    /// A problem of a kind, and what is wrong here.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let (label, status, title, title_zh) = code.row();
        Self(Box::new(Details {
            kind: format!("urn:waihu:problem:{label}"),
            title,
            title_zh,
            status: status.as_u16(),
            code: label,
            detail: detail.into(),
            field: None,
            errors: Vec::new(),
            retry_after_s: None,
            allow: None,
        }))
    }

    /// A field that does not hold.
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail).of(field)
    }

    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what} here 不存在"))
    }

    /// The same, of a field.
    #[must_use]
    pub fn of(mut self, field: &str) -> Self {
        self.0.field = Some(field.to_owned()).filter(|f| !f.is_empty());
        self
    }

    /// The same, of a field within another.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        let field =
            self.0.field.as_ref().map_or_else(|| outer.to_owned(), |inner| format!("{outer}.{inner}"));
        self.of(&field)
    }

    /// Its field, and what is wrong.
    pub fn told(self) -> (Option<String>, String) {
        (self.0.field, self.0.detail)
    }

    /// The same, with what is wrong of a list.
    #[must_use]
    pub fn with(mut self, mut errors: Vec<Fault>) -> Self {
        errors.truncate(MOST_FAULTS);
        self.0.errors = errors;
        self
    }

    /// The same, with when to try again [s].
    #[must_use]
    pub fn after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// The same, with the methods that there are.
    #[must_use]
    pub fn allowing(mut self, methods: String) -> Self {
        self.0.allow = Some(methods);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// What is wrong, with its field, and a line for each thing of a list: for people.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of =
            |field: &Option<String>| field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
        write!(f, "{}{}", of(&self.0.field), self.0.detail)?;
        self.0.errors.iter().try_for_each(|fault| write!(f, "\n{}{}", of(&fault.field), fault.detail))
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self.0).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(allow) = self.0.allow.as_ref().and_then(|a| HeaderValue::from_str(a).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if self.0.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"waihu\""));
        }
        response
    }
}

/// When whoever met a store that cannot answer tries again [s]: a restart of a database takes seconds.
const STORE_AGAIN_S: u32 = 5;

impl From<StoreError> for Problem {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::UnknownScript { .. } => Self::not_found("version 话术版本"),
            StoreError::UnknownCase(_) => Self::not_found("case 案件"),
            StoreError::UnknownCampaign(_) => Self::not_found("campaign 批次"),
            StoreError::CampaignExists(_)
            | StoreError::CampaignStopped(_)
            | StoreError::LastAdmin(_)
            | StoreError::Held
            | StoreError::OnTheLine
            | StoreError::Sealed { .. } => Self::new(Code::Conflict, e.to_string()),
            StoreError::FactorSealed => Self::new(Code::Unavailable, e.to_string()),
            StoreError::Revised { .. } => Self::new(Code::PreconditionFailed, e.to_string()).of("If-Match"),
            StoreError::ScriptRefused { why, .. } => Self::new(Code::Conflict, why.to_string()),
            StoreError::Refused { why, .. } => Self::new(Code::Conflict, why.to_string()),
            StoreError::Locked { .. } | StoreError::DiskFull { .. } | StoreError::Unreachable { .. } => {
                tracing::warn!(error = %e, "the store does not answer");
                Self::new(
                    Code::Unavailable,
                    "the database does not answer now: try again 数据库暂不可用，请稍后重试",
                )
                .after(STORE_AGAIN_S)
            }
            e => {
                tracing::error!(error = %e, "the store failed");
                Self::new(Code::Internal, "the database failed; the log says more 数据库故障，详见日志")
            }
        }
    }
}
