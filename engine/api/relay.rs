//! TURN (RFC 8656) for browsers whose network lets no UDP through to us: relays, and credentials for them that run out.
//!
//! The credentials are those of coturn's `use-auth-secret`: the name is the moment until which they hold [s since the
//! Unix epoch] and whose they are, the password its HMAC-SHA1 under a secret that the relays know as well. So a relay
//! asks nobody, and what was copied from a page opens nothing the day after. Our side needs no relay: it is reached at
//! its own address, by the relay as by anybody.

use std::fmt;

use ring::hmac;
use serde::Serialize;
use waihu_types::{WallTime, base64};

use crate::session::LONGEST;

/// The most relays that a browser is told of: it tries all of them at each call.
const MOST: usize = 8;
/// The least of a secret [bytes]: 128 bits.
const LEAST_SECRET: usize = 16;

/// Relays for browsers.
pub struct Relays {
    urls: Vec<String>,
    key: hmac::Key,
}

impl fmt::Debug for Relays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relays").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// What is wrong with how relays are set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayFault {
    /// An address is none.
    #[error("turn.urls: {0:?} is no address as turn:turn.bank.example:3478 (RFC 7065) 应为 TURN 地址")]
    Url(String),
    /// There are none, or too many.
    #[error("turn.urls: from 1 to 8 are expected 应为 1 至 8 个")]
    Count,
    /// The secret is soon guessed.
    #[error("turn: the secret has 16 characters at least 密钥至少 16 个字符")]
    Secret,
}

/// What a page is told of relays, in the words of `RTCPeerConnection` (W3C WebRTC 1.0, 4.2.4).
#[derive(Serialize)]
#[serde(tag = "type", rename = "ice")]
pub(crate) struct ToldRelays<'a> {
    servers: [IceServer<'a>; 1],
}

#[derive(Serialize)]
struct IceServer<'a> {
    urls: &'a [String],
    username: String,
    credential: String,
}

impl Relays {
    /// Relays at these addresses (RFC 7065) that know this secret.
    ///
    /// # Errors
    /// When an address is none, there are none or too many, or the secret is soon guessed.
    pub fn new(urls: Vec<String>, secret: &str) -> Result<Self, RelayFault> {
        if !(1..=MOST).contains(&urls.len()) {
            return Err(RelayFault::Count);
        }
        let is_url = |url: &String| {
            let at = url.strip_prefix("turn:").or_else(|| url.strip_prefix("turns:")).unwrap_or_default();
            at.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
                && at.bytes().all(|b| b.is_ascii_graphic())
        };
        if let Some(odd) = urls.iter().find(|url| !is_url(url)) {
            return Err(RelayFault::Url(odd.clone()));
        }
        let secret = secret.trim();
        if secret.len() < LEAST_SECRET {
            return Err(RelayFault::Secret);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
        Ok(Self { urls, key })
    }

    /// What somebody's page is told: credentials for as long as a session may last.
    pub(crate) fn of(&self, login: &str, now: WallTime) -> ToldRelays<'_> {
        let username = format!("{}:{login}", now.plus(LONGEST).unix_millis() / 1_000);
        let credential = base64::encode(hmac::sign(&self.key, username.as_bytes()).as_ref());
        ToldRelays { servers: [IceServer { urls: &self.urls, username, credential }] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `openssl dgst -sha1 -hmac` and coturn have it.
    #[test]
    fn credentials_are_what_coturn_reckons() {
        let urls = vec!["turn:127.0.0.1:3478?transport=udp".to_owned()];
        let relays = Relays::new(urls, "a secret of the north\n").unwrap();
        let told = relays.of("li", WallTime::from_unix_millis(1_795_772_096_789));
        assert_eq!(
            serde_json::to_value(told).unwrap(),
            serde_json::json!({"type": "ice", "servers": [{"urls": ["turn:127.0.0.1:3478?transport=udp"],
                "username": "1795815296:li", "credential": "ksJbzfVRTtpljd8SFpbw6u1+J+A="}]})
        );
        assert!(!format!("{relays:?}").contains("north"));
    }

    #[test]
    fn what_is_no_relay_is_told() {
        let new = |urls: &[&str], secret: &str| {
            Relays::new(urls.iter().map(|u| (*u).to_owned()).collect(), secret).map(drop)
        };
        let secret = "sixteen letters.";
        assert_eq!(new(&["turns:[2001:db8::1]:5349?transport=tcp", "turn:t.example"], secret), Ok(()));
        for odd in ["http://turn.example", "turn:", "turn: a", "stun:a", "turn://a"] {
            assert_eq!(new(&[odd], secret), Err(RelayFault::Url(odd.to_owned())));
        }
        assert_eq!(new(&[], secret), Err(RelayFault::Count));
        assert_eq!(new(&["turn:a"], "short"), Err(RelayFault::Secret));
    }
}
