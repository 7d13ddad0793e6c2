//! Digest authentication, the side that asks: for those who register here (RFC 7616, RFC 8760).
//!
//! A nonce says when it was made and proves that we made it, so that nothing is kept of those who are only asked;
//! of those who answer, how often each nonce was used, so that an answer that was overheard is none.

use std::{collections::HashMap, fmt, time::Duration};

use sha2::{Digest as _, Sha256};
use waihu_types::Time;

use super::{Algorithm, parameters};
use crate::{lex::quote, message::Request};

/// How long a nonce is good; an answer to an older one is asked for again as stale.
const NONCE_LIFE: Duration = Duration::from_secs(300);
/// Nonces whose use is remembered: some hundred telephones that register every minute.
const MAX_REMEMBERED: usize = 4_096;

/// What an Authorization proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// That it comes from this user.
    Proven(String),
    /// Nothing yet: challenge it.
    Unproven,
    /// The right password for a nonce that is too old, or was used: challenge it as stale.
    Stale,
    /// A wrong name or password.
    Wrong,
}

/// Whoever asks for a proof.
pub struct Verifier {
    realm: String,
    secret: u64,
    /// The highest count that each nonce was used with, and when it was made.
    used: HashMap<String, (u32, u64)>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(…)")
    }
}

impl Verifier {
    /// Asks in the name of `realm`; `secret` is drawn from the system's randomness.
    pub fn new(realm: &str, secret: u64) -> Self {
        Self { realm: realm.to_owned(), secret, used: HashMap::new() }
    }

    /// The values of WWW-Authenticate, the better hash first (RFC 8760 §2.3).
    pub fn challenges(&self, now: Time, stale: bool) -> [String; 2] {
        let nonce = self.nonce(now.since(Time::ZERO).as_secs());
        let stale = if stale { ", stale=true" } else { "" };
        [Algorithm::Sha256, Algorithm::Md5].map(|algorithm| {
            let realm = quote(&self.realm);
            format!(
                "Digest realm={realm}, nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}",
                algorithm.name()
            )
        })
    }

    fn nonce(&self, second: u64) -> String {
        let mut hash = Sha256::new();
        hash.update(self.secret.to_be_bytes());
        hash.update(second.to_be_bytes());
        hash.update(self.realm.as_bytes());
        format!("{second:x}.{}", hex::encode(hash.finalize().get(..16).unwrap_or_default()))
    }

    /// Judges a request; `password` looks a user up.
    pub fn check<'a>(
        &mut self,
        now: Time,
        request: &Request,
        password: impl Fn(&str) -> Option<&'a str>,
    ) -> Verdict {
        let ours = |value: &&str| {
            parameters(value).is_some_and(|p| p.get("realm").is_some_and(|realm| *realm == self.realm))
        };
        let Some(value) = request.headers.other.values("Authorization").find(ours) else {
            return Verdict::Unproven;
        };
        let Some(given) = parameters(value) else { return Verdict::Unproven };
        let of = |name: &str| given.get(name).map(String::as_str);
        let (Some(user), Some(nonce), Some(uri), Some(response)) =
            (of("username"), of("nonce"), of("uri"), of("response"))
        else {
            return Verdict::Unproven;
        };
        let Some(algorithm) = Algorithm::from_name(of("algorithm").unwrap_or("MD5")) else {
            return Verdict::Unproven;
        };
        let (Some(count), Some(cnonce), Some("auth")) = (of("nc"), of("cnonce"), of("qop")) else {
            return Verdict::Unproven;
        };
        // A nonce that is none of ours is as good as none.
        let second = nonce.split('.').next().and_then(|s| u64::from_str_radix(s, 16).ok());
        let Some(second) = second.filter(|s| self.nonce(*s) == nonce) else { return Verdict::Unproven };
        let Some(password) = password(user) else { return Verdict::Wrong };
        let a1 = algorithm.hash(format!("{user}:{}:{password}", self.realm).as_bytes());
        let a2 = algorithm.hash(format!("{}:{uri}", request.method).as_bytes());
        let right = algorithm.hash(format!("{a1}:{nonce}:{count}:{cnonce}:auth:{a2}").as_bytes());
        if !same(right.as_bytes(), response.to_ascii_lowercase().as_bytes()) {
            return Verdict::Wrong;
        }
        let now_s = now.since(Time::ZERO).as_secs();
        let count = u32::from_str_radix(count, 16).unwrap_or(0);
        let used = self.used.get(nonce).map_or(0, |(count, _)| *count);
        if now_s.saturating_sub(second) > NONCE_LIFE.as_secs() || count <= used {
            return Verdict::Stale;
        }
        if self.used.len() >= MAX_REMEMBERED {
            self.used.retain(|_, (_, made)| now_s.saturating_sub(*made) <= NONCE_LIFE.as_secs());
        }
        if self.used.len() >= MAX_REMEMBERED {
            return Verdict::Stale;
        }
        self.used.insert(nonce.to_owned(), (count, second));
        Verdict::Proven(user.to_owned())
    }
}

/// Compares in a time that does not tell where the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}
