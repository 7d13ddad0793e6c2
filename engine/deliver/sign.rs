//! Signatures of webhooks, as Standard Webhooks has them (github.com/standard-webhooks/standard-webhooks,
//! spec/standard-webhooks.md, symmetric signatures).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use waihu_types::base64;

use crate::DeliverError;

/// Bytes that a signing secret may have, by the specification.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key that bodies are signed with.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    /// Where it is something else, with how to make one.
    pub fn parse(text: &str) -> Result<Self, DeliverError> {
        text.strip_prefix("whsec_")
            .and_then(base64::decode)
            .filter(|key| KEY_BYTES.contains(&key.len()))
            .map(Self)
            .ok_or(DeliverError::SigningKey)
    }

    fn sign(&self, id: &str, at_s: i64, body: &[u8]) -> Result<String, DeliverError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|_| DeliverError::SigningKey)?;
        mac.update(format!("{id}.{at_s}.").as_bytes());
        mac.update(body);
        Ok(format!("v1,{}", base64::encode(&mac.finalize().into_bytes())))
    }
}

/// The header `webhook-signature` of a body sent at `at_s` [s since 1970]: one signature for each key, so that
/// a receiver may change from the old key to the new one at any moment.
///
/// # Errors
/// None that a parsed key can cause.
pub fn signature(keys: &[SigningKey], id: &str, at_s: i64, body: &[u8]) -> Result<String, DeliverError> {
    let each: Result<Vec<String>, DeliverError> = keys.iter().map(|key| key.sign(id, at_s, body)).collect();
    Ok(each?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // The example of the specification's reference libraries.
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(
            std::slice::from_ref(&key),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = signature(&[key.clone(), key], "a", 1, b"").unwrap();
        assert_eq!(both.split(' ').count(), 2);
    }

    #[test]
    fn what_is_no_signing_secret_is_refused_and_never_shown() {
        for text in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!"] {
            let refused = SigningKey::parse(text).unwrap_err().to_string();
            assert!(refused.contains("openssl rand"), "{text}");
        }
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey");
    }
}
