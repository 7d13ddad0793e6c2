//! The certificate that a process shows in its handshakes. Absent: any authority above it; what makes it
//! ours is its fingerprint in the signalling (RFC 5763, 5).

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rtc_dtls::crypto::Certificate as DtlsCertificate;
use rtc_dtls::crypto_provider::{RTCCryptoProvider, default_provider};

use crate::DtlsError;

/// A self-signed certificate on P-256 with its private key, and what does the arithmetic. One serves all
/// calls of a process.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) with_key: DtlsCertificate,
    pub(crate) provider: Arc<dyn RTCCryptoProvider>,
}

impl Certificate {
    /// Makes one; takes less than a millisecond.
    ///
    /// # Errors
    /// [`DtlsError::Certificate`], where the system gives no randomness.
    pub fn generate() -> Result<Self, DtlsError> {
        let provider = default_provider().map_err(|_| DtlsError::Certificate)?;
        let names = vec!["waihu".to_owned()];
        let with_key = DtlsCertificate::generate_self_signed(names, provider.crypto())
            .map_err(|_| DtlsError::Certificate)?;
        Ok(Self { with_key, provider })
    }

    /// SHA-256 of it in DER: what `a=fingerprint:sha-256` says (RFC 8122, 5).
    pub fn sha256_fingerprint(&self) -> [u8; 32] {
        self.with_key.certificate.first().map_or([0; 32], |der| sha256(der))
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut octets = [0; 32];
    octets.copy_from_slice(digest(&SHA256, bytes).as_ref());
    octets
}
