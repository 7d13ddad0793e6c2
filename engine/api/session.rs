//! Sessions: a cookie that scripts cannot read, when it has run out, and the header that changes need with it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use sha2::{Digest, Sha256};
use waihu_store::{Person, Session, SignInWay};
use waihu_types::WallTime;

use crate::{FirstPasswords, Problem, State, problem::Code, token::TokenText};

/// After so long without a request somebody is signed out.
pub(crate) const IDLE: Duration = Duration::from_secs(30 * 60);
/// After so long somebody signs in again, whatever they do: longer than a shift.
pub(crate) const LONGEST: Duration = Duration::from_secs(12 * 3_600);
/// For so long after signing in nobody is asked for their password again, whatever they do.
pub(crate) const FRESH: Duration = Duration::from_secs(15 * 60);
/// How often it is written down that a session was used.
pub(crate) const SEEN_EVERY: Duration = Duration::from_secs(60);

/// The header of changes by cookie.
pub(crate) const CSRF: &str = "x-waihu-csrf";

/// How the browser reaches us: what is kept for an encrypted way does not go over another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookies {
    /// By TLS, our own or a proxy's: the cookie is bound to this host (RFC 6265bis, 4.1.3.2).
    Secure,
    /// In the clear, on this machine alone.
    Plain,
}

impl Cookies {
    fn name(self) -> &'static str {
        match self {
            Self::Secure => "__Host-waihu",
            Self::Plain => "waihu",
        }
    }

    fn flags(self) -> &'static str {
        match self {
            Self::Secure => "; Path=/; HttpOnly; SameSite=Strict; Secure",
            Self::Plain => "; Path=/; HttpOnly; SameSite=Strict",
        }
    }

    /// The header that sets the cookie; it goes with the browser.
    pub(crate) fn set(self, token: &TokenText) -> HeaderValue {
        self.header(token.reveal(), "")
    }

    /// The header that takes it away.
    pub(crate) fn unset(self) -> HeaderValue {
        self.header("", "; Max-Age=0")
    }

    /// The header that gives a browser its ticket while it signs in elsewhere. It comes back from another site, which
    /// `SameSite=Strict` would not let it.
    pub(crate) fn set_ticket(self, ticket: &TokenText) -> HeaderValue {
        let flags = self.flags().replace("Strict", "Lax");
        sensitive(&format!("{}-ticket={}{flags}; Max-Age=600", self.name(), ticket.reveal()))
    }

    /// The header that takes the ticket away.
    pub(crate) fn unset_ticket(self) -> HeaderValue {
        sensitive(&format!("{}-ticket={}; Max-Age=0", self.name(), self.flags()))
    }

    /// The ticket of a request's cookie.
    pub(crate) fn ticket(self, headers: &HeaderMap) -> Option<TokenText> {
        found(headers, &format!("{}-ticket", self.name()))
    }

    fn header(self, value: &str, more: &str) -> HeaderValue {
        sensitive(&format!("{}={value}{}{more}", self.name(), self.flags()))
    }

    /// The token of a request's cookie.
    pub(crate) fn token(self, headers: &HeaderMap) -> Option<TokenText> {
        found(headers, self.name())
    }
}

/// A header of letters, digits and marks of our own, which no log shows.
fn sensitive(text: &str) -> HeaderValue {
    let mut header = HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("waihu="));
    header.set_sensitive(true);
    header
}

fn found(headers: &HeaderMap, cookie: &str) -> Option<TokenText> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == cookie).find_map(|(_, value)| TokenText::read(value))
}

/// What is told to our own pages alone, and that changes have to repeat.
pub(crate) fn csrf(token: &TokenText) -> String {
    hex::encode(Sha256::digest(format!("waihu csrf {}", token.reveal())))
}

/// Holds a change by cookie against the header that only our own pages can set.
pub(crate) fn own_page(token: &TokenText, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let given = headers.get(CSRF).and_then(|v| v.to_str().ok()).unwrap_or_default();
    // Hashed once more: how long the comparison takes tells nothing of it.
    if Sha256::digest(given) == Sha256::digest(csrf(token)) {
        return Ok(());
    }
    let what = "send X-Waihu-Csrf with what GET /v1/session tells 请携带 X-Waihu-Csrf";
    Err(Problem::new(Code::Forbidden, what).of("X-Waihu-Csrf"))
}

/// Whether a session still opens anything.
pub(crate) fn is_alive(session: &Session, now: WallTime) -> bool {
    now < session.ends_at && now < session.seen_at.plus(IDLE)
}

/// Holds that somebody has signed in lately: a screen that was left alone, or a cookie that was copied, does not do what
/// weighs most.
pub(crate) fn lately(session: &Session, now: WallTime) -> Result<(), Problem> {
    if now < session.made_at.plus(FRESH) {
        return Ok(());
    }
    let what = "sign in once more: for this it has to be within the last 15 min 此操作须在最近 15 分钟内登录过，请再次登录";
    Err(Problem::new(Code::SignInAgain, what))
}

/// What somebody has to do before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owed {
    /// Take a password that nobody else knows.
    Password,
    /// Set up a second factor.
    SecondFactor,
}

impl Owed {
    /// What it is for a person who has signed in so; none for most. A provider asks for what it asks for.
    pub fn of(state: &State, person: &Person, way: SignInWay) -> Option<Self> {
        if way == SignInWay::Provider {
            return None;
        }
        if person.password_given && state.first_passwords == FirstPasswords::Change {
            return Some(Self::Password);
        }
        let lacks = person.second_factor_at.is_none() && state.second_factor.contains(&person.role);
        lacks.then_some(Self::SecondFactor)
    }

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
        }
    }

    /// Holds that a route is what it takes: doing it, asking who one is, signing out.
    pub fn lets(self, method: &str, route: &str) -> Result<(), Problem> {
        let does = match self {
            Self::Password => (method, route) == ("PUT", "/v1/session/password"),
            Self::SecondFactor => matches!(method, "PUT" | "POST") && route == "/v1/session/second-factor",
        };
        if does || route == "/v1/session" {
            return Ok(());
        }
        let (code, what) = match self {
            Self::Password => (
                Code::PasswordToBeChanged,
                "somebody else chose your password: take another one first 密码由他人设置，请先修改",
            ),
            Self::SecondFactor => (
                Code::SecondFactorNeeded,
                "your role signs in with a one-time code as well: set it up first 您的角色须使用验证码登录，请先设置",
            ),
        };
        Err(Problem::new(code, what))
    }
}

/// Who is signed in, beside what every request has.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub token: TokenText,
    pub session: Session,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_bound_to_the_host_and_kept_from_scripts() {
        let token = TokenText::new().unwrap();
        let set = Cookies::Secure.set(&token);
        let text = set.to_str().unwrap();
        assert!(text.starts_with("__Host-waihu=whu_") && set.is_sensitive());
        for flag in ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"] {
            assert!(text.split("; ").any(|part| part == flag), "{text}");
        }
        assert!(!Cookies::Plain.set(&token).to_str().unwrap().contains("Secure"));
        assert!(Cookies::Plain.unset().to_str().unwrap().contains("waihu=; "));
    }

    #[test]
    fn the_token_is_found_among_other_cookies_and_under_its_name_alone() {
        let token = TokenText::new().unwrap();
        let read = |text: String| {
            let headers = [(header::COOKIE, text.parse().unwrap())].into_iter().collect();
            Cookies::Plain.token(&headers)
        };
        assert_eq!(read(format!("a=b; waihu={}; c=d", token.reveal())), Some(token.clone()));
        assert_eq!(read(format!("waihu=x; waihu={}", token.reveal())), Some(token.clone()));
        assert_eq!(read(format!("__Host-waihu={}", token.reveal())), None);
        assert_eq!(read("waihu".to_owned()), None);
    }
}
