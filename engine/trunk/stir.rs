//! Who calls, signed (STIR/SHAKEN): a PASSporT (RFC 8225) with the claims of RFC 8588, in the Identity header of RFC
//! 8224, by ES256 with the operator's key.
//!
//! Deliberately absent: judging what others have signed, and the certificate itself, which stands where `x5u` says.

use std::{fmt, path::Path, sync::Arc};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::json;
use waihu_types::{PhoneNumber, WallTime};

/// How far the operator answers for the caller (RFC 8588 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attestation {
    /// For the caller and for the right to the number.
    #[default]
    Full,
    /// For the caller alone.
    Partial,
    /// For the call having come in here.
    Gateway,
}

impl Attestation {
    /// By its letter.
    pub fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "A" => Some(Self::Full),
            "B" => Some(Self::Partial),
            "C" => Some(Self::Gateway),
            _ => None,
        }
    }

    fn letter(self) -> &'static str {
        match self {
            Self::Full => "A",
            Self::Partial => "B",
            Self::Gateway => "C",
        }
    }
}

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub enum StirError {
    /// The file holds no key.
    #[error("{path}: no PKCS #8 key in PEM can be read: {source}")]
    Pem {
        /// The file.
        path: String,
        /// What is wrong.
        source: rustls::pki_types::pem::Error,
    },
    /// The key is of another kind.
    #[error("{0}: the key is none of ES256 (curve P-256)")]
    Key(String),
}

/// Signs calls. `Debug` shows nothing of the key.
#[derive(Clone)]
pub struct Signer {
    key: Arc<EcdsaKeyPair>,
    x5u: String,
    attestation: Attestation,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.x5u)
    }
}

/// A number in E.164 as PASSporTs have it: digits alone (RFC 8225 §5.2.1).
fn tn(number: &PhoneNumber) -> &str {
    number.as_str().trim_start_matches('+')
}

/// The value of Date (RFC 3261 §20.17) at a time [s of UTC].
pub(crate) fn date(at_s: u64) -> String {
    let at_ms = i64::try_from(at_s).unwrap_or(i64::MAX).saturating_mul(1_000);
    let at = WallTime::from_unix_millis(at_ms).timestamp();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

impl Signer {
    /// Reads the key; `x5u` is where everybody finds its certificate.
    ///
    /// # Errors
    /// When it is no key for ES256.
    pub fn read(key: &Path, x5u: &str, attestation: Attestation) -> Result<Self, StirError> {
        let path = key.display().to_string();
        let pem = PrivatePkcs8KeyDer::from_pem_file(key)
            .map_err(|source| StirError::Pem { path: path.clone(), source })?;
        let random = SystemRandom::new();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pem.secret_pkcs8_der(), &random)
                .map_err(|_| StirError::Key(path))?;
        Ok(Self { key: Arc::new(pair), x5u: x5u.to_owned(), attestation })
    }

    /// The value of Identity for a call between two numbers in E.164; none where the key signs nothing. `origid` is
    /// unlike any before, and `iat_s` the time [s of UTC], which Date has to tell as well (RFC 8224 §4.1).
    pub fn identity(&self, from: &PhoneNumber, to: &PhoneNumber, origid: &str, iat_s: u64) -> Option<String> {
        let header = json!({"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": self.x5u});
        let claims = json!({
            "attest": self.attestation.letter(),
            "dest": {"tn": [tn(to)]},
            "iat": iat_s,
            "orig": {"tn": tn(from)},
            "origid": origid,
        });
        let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref());
        Some(format!("{signed}.{signature};info=<{}>;alg=ES256;ppt=shaken", self.x5u))
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair as _, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_date_is_written_as_sip_has_it() {
        assert_eq!(date(1_700_000_000), "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn a_call_is_signed_for_whoever_holds_the_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stir.key");
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pem = base64::prelude::BASE64_STANDARD.encode(made.as_ref());
        std::fs::write(&path, format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n"))
            .unwrap();
        let signer = Signer::read(&path, "https://cert.example/a.pem", Attestation::Full).unwrap();
        let from = "+8640-0800-1234".parse().unwrap();
        let to = "+8613800001234".parse().unwrap();
        let identity = signer.identity(&from, &to, "0198", 1_700_000_000).unwrap();
        let (token, rest) = identity.split_once(';').unwrap();
        assert_eq!(rest, "info=<https://cert.example/a.pem>;alg=ES256;ppt=shaken");
        let parts: Vec<&str> = token.split('.').collect();
        let read = |part: &str| String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(
            read(parts[1]),
            "{\"attest\":\"A\",\"dest\":{\"tn\":[\"8613800001234\"]},\"iat\":1700000000,\
             \"orig\":{\"tn\":\"864008001234\"},\"origid\":\"0198\"}"
        );
        assert_eq!(
            read(parts[0]),
            "{\"alg\":\"ES256\",\"ppt\":\"shaken\",\"typ\":\"passport\",\"x5u\":\"https://cert.example/a.pem\"}"
        );
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, signer.key.public_key().as_ref());
        let signature = BASE64_URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        public.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature).unwrap();
        assert!(!format!("{signer:?}").contains("key"));
        assert!(Signer::read(&folder.path().join("none"), "x", Attestation::Full).is_err());
    }
}
