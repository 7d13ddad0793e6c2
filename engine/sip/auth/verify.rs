//! Digest authentication, the side that asks: for those who register here (RFC 7616, RFC 8760).
//!
//! A nonce says when it was made, has a number of its own and proves that we made it, so that nothing is kept of those
//! who are only asked; of those who answer, how often each nonce was used, so that an answer that was overheard is
//! none (RFC 7616 §5.5).

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use waihu_types::Time;

use super::{Algorithm, parameters};
use crate::{lex::quote, message::Request};

/// How long a nonce is good; an answer to an older one is asked for again as stale.
const NONCE_LIFE: Duration = Duration::from_secs(300);
/// Nonces of one user whose use is remembered: a few telephones, each with the last and the one before.
const MAX_REMEMBERED: usize = 16;

/// What an Authorization proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// That it comes from this user.
    Proven(String),
    /// Nothing yet: challenge it.
    Unproven,
    /// The right password for a nonce that is too old, was used, or is none of ours: challenge it as stale.
    Stale,
    /// A wrong name or password.
    Wrong,
}

/// The nonces that a user has proven himself with, by their numbers.
#[derive(Default)]
struct Used {
    /// The highest count that each was used with.
    counts: BTreeMap<u64, u32>,
    /// The latest whose count was forgotten: it and those before are good no more.
    forgotten: u64,
}

impl Used {
    /// Notes a use: false where it may be one of the past.
    fn note(&mut self, nonce: u64, count: u32) -> bool {
        let highest = self.counts.get(&nonce).copied().unwrap_or(0);
        if nonce <= self.forgotten || count <= highest {
            return false;
        }
        self.counts.insert(nonce, count);
        if self.counts.len() > MAX_REMEMBERED
            && let Some((oldest, _)) = self.counts.pop_first()
        {
            self.forgotten = oldest;
        }
        true
    }
}

/// Whoever asks for a proof.
pub struct Verifier {
    realm: String,
    secret: u64,
    /// Nonces made so far.
    made: u64,
    /// Of each user with a password.
    used: HashMap<String, Used>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(…)")
    }
}

impl Verifier {
    /// Asks in the name of `realm`; `secret` is drawn from the system's randomness.
    pub fn new(realm: &str, secret: u64) -> Self {
        Self { realm: realm.to_owned(), secret, made: 0, used: HashMap::new() }
    }

    /// The values of WWW-Authenticate, the better hash first (RFC 8760 §2.3).
    pub fn challenges(&mut self, now: Time, stale: bool) -> [String; 2] {
        self.made += 1;
        let nonce = self.nonce(now.since(Time::ZERO).as_secs(), self.made);
        let stale = if stale { ", stale=true" } else { "" };
        [Algorithm::Sha256, Algorithm::Md5].map(|algorithm| {
            let realm = quote(&self.realm);
            format!(
                "Digest realm={realm}, nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}",
                algorithm.name()
            )
        })
    }

    fn nonce(&self, second: u64, number: u64) -> String {
        let mut hash = Sha256::new();
        hash.update(self.secret.to_be_bytes());
        hash.update(second.to_be_bytes());
        hash.update(number.to_be_bytes());
        hash.update(self.realm.as_bytes());
        format!("{second:x}.{number:x}.{}", hex::encode(hash.finalize().get(..16).unwrap_or_default()))
    }

    /// The second and the number of a nonce that we have made.
    fn made_by_us(&self, nonce: &str) -> Option<(u64, u64)> {
        let mut parts = nonce.split('.').map(|part| u64::from_str_radix(part, 16).ok());
        let (second, number) = (parts.next()??, parts.next()??);
        (self.nonce(second, number) == nonce).then_some((second, number))
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
        // One that is none of ours is as good as none, and may be of before a restart: a telephone that answers it
        // rightly would take its password for wrong if it were not told that only the nonce is (RFC 7616 §3.3).
        let made = self.made_by_us(nonce);
        let wrong = if made.is_some() { Verdict::Wrong } else { Verdict::Unproven };
        let Some(password) = password(user) else { return wrong };
        let a1 = algorithm.hash(format!("{user}:{}:{password}", self.realm).as_bytes());
        let a2 = algorithm.hash(format!("{}:{uri}", request.method).as_bytes());
        let right = algorithm.hash(format!("{a1}:{nonce}:{count}:{cnonce}:auth:{a2}").as_bytes());
        if !same(right.as_bytes(), response.to_ascii_lowercase().as_bytes()) {
            return wrong;
        }
        let Some((second, number)) = made else { return Verdict::Stale };
        let now_s = now.since(Time::ZERO).as_secs();
        let count = u32::from_str_radix(count, 16).unwrap_or(0);
        let old = now_s.saturating_sub(second) > NONCE_LIFE.as_secs();
        if old || !self.used.entry(user.to_owned()).or_default().note(number, count) {
            return Verdict::Stale;
        }
        Verdict::Proven(user.to_owned())
    }
}

/// Compares in a time that does not tell where the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}
