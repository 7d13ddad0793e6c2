//! Digest authentication: RFC 7616 and RFC 8760 with MD5 and SHA-256, `qop` auth, auth-int or none, challenges
//! by the callee's side (401) and by proxies (407). [`verify`] is the side that asks.
//!
//! `auth-int` is answered only where nothing else is offered: it hashes bodies, which proxies may touch.
//! Deliberately absent: Basic, which RFC 3261 §22 forbids; proving anything before it is asked for.

pub mod verify;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
};

use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::{
    headers::Fields,
    lex::{quote, quoted, split_all},
    message::{Request, Response},
};

/// Why a challenge is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// There are no credentials.
    #[error("a password is asked for and none is configured")]
    NoCredentials,
    /// Another realm than ours, another hash than MD5 and SHA-256, or no Digest challenge at all.
    #[error("no challenge is for our realm and a hash that we speak")]
    NoChallenge,
    /// Our answer came back.
    #[error("user name or password are refused")]
    Refused,
}

/// The most answers given for one request: one proxy and one callee's side, each stale once, or so many
/// proxies in a row.
const MAX_ANSWERS: usize = 4;

/// What we prove to know. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
    /// Answer this realm only; `None` answers any, which is right where the next hop is the carrier.
    pub realm: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// The hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 7616 `MD5`, also where no algorithm is named.
    Md5,
    /// RFC 7616 `SHA-256`.
    Sha256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256].into_iter().find(|a| a.name().eq_ignore_ascii_case(name))
    }

    fn hash(self, bytes: &[u8]) -> String {
        match self {
            Self::Md5 => hex::encode(Md5::digest(bytes)),
            Self::Sha256 => hex::encode(Sha256::digest(bytes)),
        }
    }
}

/// Who challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenger {
    /// 401, WWW-Authenticate.
    Server,
    /// 407, Proxy-Authenticate.
    Proxy,
}

impl Challenger {
    fn challenge_header(self) -> &'static str {
        match self {
            Self::Server => "WWW-Authenticate",
            Self::Proxy => "Proxy-Authenticate",
        }
    }

    fn answer_header(self) -> &'static str {
        match self {
            Self::Server => "Authorization",
            Self::Proxy => "Proxy-Authorization",
        }
    }
}

/// The quality of protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop {
    /// None is named: the form of RFC 2069.
    None,
    /// Method and URI.
    Auth,
    /// The body too.
    AuthInt,
}

impl Qop {
    fn name(self) -> &'static str {
        if self == Self::AuthInt { "auth-int" } else { "auth" }
    }

    /// The best of a list for us; `None` where there is none that we know.
    fn of(list: Option<&String>) -> Option<Self> {
        let Some(list) = list else { return Some(Self::None) };
        let offers = |name: &str| list.split(',').any(|q| q.trim().eq_ignore_ascii_case(name));
        [Self::Auth, Self::AuthInt].into_iter().find(|qop| offers(qop.name()))
    }
}

/// The parameters of a Digest header by their names in small letters; `None` for another scheme.
fn parameters(value: &str) -> Option<HashMap<String, String>> {
    let (scheme, rest) = value.trim_start().split_once(char::is_whitespace)?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return None;
    }
    let mut read = HashMap::new();
    for item in split_all(rest, b',').ok()? {
        let Some((name, raw)) = item.split_once('=') else { continue };
        let raw = raw.trim();
        let value = quoted(raw).map_or_else(|| raw.to_owned(), |(text, _)| text.into());
        read.insert(name.trim().to_ascii_lowercase(), value);
    }
    Some(read)
}

/// A Digest challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The realm.
    pub realm: String,
    /// The nonce.
    pub nonce: String,
    /// To be sent back as it came.
    pub opaque: Option<String>,
    /// The hash asked for.
    pub algorithm: Algorithm,
    /// What is protected.
    pub qop: Qop,
    /// Whether only the nonce was too old.
    pub stale: bool,
}

impl Challenge {
    /// Reads one challenge; `None` for another scheme, hash or quality than we speak.
    pub fn parse(value: &str) -> Option<Self> {
        let mut read = parameters(value)?;
        let algorithm =
            read.get("algorithm").map_or(Some(Algorithm::Md5), |name| Algorithm::from_name(name))?;
        let qop = Qop::of(read.get("qop"))?;
        let stale = read.get("stale").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let opaque = read.remove("opaque");
        Some(Self {
            realm: read.remove("realm")?,
            nonce: read.remove("nonce")?,
            opaque,
            algorithm,
            qop,
            stale,
        })
    }

    /// The value of the answering header for a request of `method` to `uri`; `count` is how often
    /// this nonce has been used, this time included.
    pub fn answer(
        &self,
        who: &Credentials,
        (method, uri, body): (&str, &str, &[u8]),
        count: u32,
        cnonce: &str,
    ) -> String {
        let hash = |text: String| self.algorithm.hash(text.as_bytes());
        let a1 = hash(format!("{}:{}:{}", who.username, self.realm, who.password));
        let a2 = match self.qop {
            Qop::AuthInt => hash(format!("{method}:{uri}:{}", self.algorithm.hash(body))),
            Qop::None | Qop::Auth => hash(format!("{method}:{uri}")),
        };
        let (nonce, qop) = (&self.nonce, self.qop.name());
        let middle = match self.qop {
            Qop::None => nonce.clone(),
            Qop::Auth | Qop::AuthInt => format!("{nonce}:{count:08x}:{cnonce}:{qop}"),
        };
        let response = hash(format!("{a1}:{middle}:{a2}"));
        let mut out = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}",
            quote(&who.username),
            quote(&self.realm),
            quote(nonce),
            quote(uri),
            self.algorithm.name(),
        );
        if let Some(opaque) = &self.opaque {
            out.push_str(&format!(", opaque={}", quote(opaque)));
        }
        if self.qop != Qop::None {
            out.push_str(&format!(", qop={qop}, nc={count:08x}, cnonce=\"{cnonce}\""));
        }
        out
    }
}

/// A challenge answered in the attempts at one request.
#[derive(Clone, Debug)]
struct Answered {
    challenger: Challenger,
    challenge: Challenge,
    times: usize,
}

/// How many nonces are remembered: ten for each of as many calls as there may be at once. Who is given one that was
/// forgotten counts it from the start again, and is told at worst that it is stale.
const MAX_NONCES: usize = 200_000;

/// How often each nonce was used. The count is the client's, whatever call and request it was for (RFC 7616 §3.4): two
/// calls that are given the same nonce at once, or two requests of one call, may not use it with the same count.
#[derive(Debug, Default)]
pub struct Nonces {
    /// By the hash of realm and nonce: a far end may choose long ones.
    counts: HashMap<[u8; 16], u32>,
    /// The oldest first.
    order: VecDeque<[u8; 16]>,
}

impl Nonces {
    /// Counts a use of a nonce: 1 for the first.
    fn count(&mut self, realm: &str, nonce: &str) -> u32 {
        let mut hash = Sha256::new();
        // The length keeps the two apart.
        hash.update(realm.len().to_be_bytes());
        hash.update(realm);
        hash.update(nonce);
        let mut key = [0; 16];
        key.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        if let Some(count) = self.counts.get_mut(&key) {
            *count = count.saturating_add(1);
            return *count;
        }
        if self.order.len() >= MAX_NONCES
            && let Some(oldest) = self.order.pop_front()
        {
            self.counts.remove(&oldest);
        }
        self.order.push_back(key);
        self.counts.insert(key, 1);
        1
    }
}

/// Keeps count over the attempts at one request, so that a wrong password is sent once.
#[derive(Clone, Debug, Default)]
pub struct Authenticator {
    /// One a challenger and realm, the latest.
    answered: Vec<Answered>,
}

impl Authenticator {
    /// Puts the answers to the challenges of `response` into `request`, which is the next attempt at the
    /// request that was challenged. Each proxy on the way has its own realm, and wants its own answer in
    /// every attempt (RFC 3261 §22.3): earlier ones are computed anew.
    ///
    /// # Errors
    /// With the reason why no answer is to be given; a refused answer that was only stale is none.
    pub fn answer(
        &mut self,
        response: &Response,
        request: &mut Request,
        who: Option<&Credentials>,
        cnonce: &str,
        nonces: &mut Nonces,
    ) -> Result<(), Unanswerable> {
        let who = who.ok_or(Unanswerable::NoCredentials)?;
        let mut seen: Vec<(Challenger, Challenge)> = Vec::new();
        // A proxy that forks may gather challenges of both kinds in one response (§16.7, step 7).
        for challenger in [Challenger::Server, Challenger::Proxy] {
            for challenge in challenges(&response.headers.other, challenger) {
                let ours = who.realm.as_ref().is_none_or(|r| *r == challenge.realm);
                let first = !seen.iter().any(|(c, s)| *c == challenger && s.realm == challenge.realm);
                if ours && first {
                    seen.push((challenger, challenge));
                }
            }
        }
        if seen.is_empty() {
            return Err(Unanswerable::NoChallenge);
        }
        let mut news = false;
        for (challenger, challenge) in seen {
            news |= self.take(challenger, challenge);
        }
        if !news {
            return Err(Unanswerable::Refused);
        }
        self.write(request, who, cnonce, nonces);
        Ok(())
    }

    /// The same answers in a further attempt that no challenge has asked for, as after a 422: each use of a nonce
    /// has its own count (RFC 7616 §3.4).
    pub fn answer_again(
        &self,
        request: &mut Request,
        who: Option<&Credentials>,
        cnonce: &str,
        nonces: &mut Nonces,
    ) {
        if let Some(who) = who {
            self.write(request, who, cnonce, nonces);
        }
    }

    /// Notes a challenge that is to be answered: false where our answer to it was refused already.
    fn take(&mut self, challenger: Challenger, challenge: Challenge) -> bool {
        let given: usize = self.answered.iter().map(|a| a.times).sum();
        let same = |a: &&mut Answered| a.challenger == challenger && a.challenge.realm == challenge.realm;
        match self.answered.iter_mut().find(same) {
            _ if given >= MAX_ANSWERS => return false,
            Some(before) if !challenge.stale || before.times >= 2 => return false,
            Some(before) => *before = Answered { challenger, challenge, times: before.times + 1 },
            None => self.answered.push(Answered { challenger, challenge, times: 1 }),
        }
        true
    }

    /// Every answer, in place of those of the attempt before.
    fn write(&self, request: &mut Request, who: &Credentials, cnonce: &str, nonces: &mut Nonces) {
        for challenger in [Challenger::Server, Challenger::Proxy] {
            request.headers.other.remove(challenger.answer_header());
        }
        let uri = request.uri.to_string();
        for Answered { challenger, challenge, .. } in &self.answered {
            let count = nonces.count(&challenge.realm, &challenge.nonce);
            let value = challenge.answer(who, (request.method.as_str(), &uri, &request.body), count, cnonce);
            request.headers.other.push(challenger.answer_header(), &value);
        }
    }
}

/// The challenges that we can answer, in the order of preference that the challenger gave (RFC 8760 §2.4).
fn challenges(fields: &Fields, challenger: Challenger) -> impl Iterator<Item = Challenge> {
    fields.values(challenger.challenge_header()).filter_map(Challenge::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mufasa(password: &str) -> Credentials {
        Credentials { username: "Mufasa".into(), password: password.into(), realm: None }
    }

    fn response_of(answer: &str) -> &str {
        answer.split("response=\"").nth(1).unwrap().split('"').next().unwrap()
    }

    #[test]
    fn the_examples_of_rfc_7616_come_out() {
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, expected) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let text = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, nonce=\"{nonce}\""
            );
            let challenge = Challenge::parse(&text).unwrap();
            let answer =
                challenge.answer(&mufasa("Circle of Life"), ("GET", "/dir/index.html", b""), 1, cnonce);
            assert_eq!(response_of(&answer), expected);
        }
    }

    #[test]
    fn without_qop_the_form_of_rfc_2069_is_used() {
        let challenge = Challenge::parse(
            "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5c\"",
        )
        .unwrap();
        let answer = challenge.answer(&mufasa("CircleOfLife"), ("GET", "/dir/index.html", b""), 1, "x");
        assert_eq!(response_of(&answer), "1949323746fe6a43ef61f9606e7febea");
        assert!(answer.contains("opaque=\"5c\"") && !answer.contains("qop"));
    }

    #[test]
    fn what_we_cannot_answer_is_no_challenge() {
        for text in [
            "Basic realm=\"a\"",
            "Digest realm=\"a\"",
            "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-512-256",
            "Digest realm=\"a\", nonce=\"b\", qop=\"auth-conf\"",
            "Digest realm=\"a, nonce=b",
        ] {
            assert_eq!(Challenge::parse(text), None, "{text}");
        }
    }

    #[test]
    fn where_only_auth_int_is_offered_the_body_is_proven_too() {
        let text = "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"";
        let challenge = Challenge::parse(text).unwrap();
        let of = |body: &[u8]| challenge.answer(&mufasa("p"), ("INVITE", "sip:a@b", body), 1, "c");
        // RFC 7616 §3.4.3: A2 holds the hash of the body.
        let md5 = |text: &str| Algorithm::Md5.hash(text.as_bytes());
        let a2 = md5(&format!("INVITE:sip:a@b:{}", md5("body")));
        assert_eq!(
            response_of(&of(b"body")),
            md5(&format!("{}:n:00000001:c:auth-int:{a2}", md5("Mufasa:r:p")))
        );
        assert_ne!(of(b"body"), of(b"another"));
        let both = Challenge::parse("Digest realm=\"r\", nonce=\"n\", qop=\"auth-int,auth\"").unwrap();
        assert_eq!(both.qop, Qop::Auth);
    }

    #[test]
    fn a_nonce_is_counted_for_each_realm_and_forgotten_when_many_came_after_it() {
        let mut nonces = Nonces::default();
        assert_eq!([nonces.count("r", "n"), nonces.count("r", "n"), nonces.count("s", "n")], [1, 2, 1]);
        assert_eq!(nonces.count("rn", ""), 1, "another realm");
        (0..MAX_NONCES).for_each(|n| assert_eq!(nonces.count("r", &n.to_string()), 1));
        assert_eq!((nonces.counts.len(), nonces.order.len()), (MAX_NONCES, MAX_NONCES));
        assert_eq!(nonces.count("r", "n"), 1);
    }

    #[test]
    fn debug_never_shows_the_password() {
        assert!(!format!("{:?}", mufasa("secret")).contains("secret"));
    }
}
