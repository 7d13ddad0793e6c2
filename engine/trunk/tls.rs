//! TLS for streams: whom we believe, and what we show (RFC 5922).
//!
//! A server's certificate is always checked, against the system's authorities or the trunk's own. Deliberately
//! absent: a way to switch that off.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

/// The files of one trunk's TLS, all PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities that are believed in place of the system's.
    pub authorities: Option<PathBuf>,
    /// Our own certificate's chain, shown where it is asked for, and its key. With it TLS is listened for too.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file holds no certificate or key.
    #[error("{path}: no certificate or key in PEM can be read: {source}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::pki_types::pem::Error,
    },
    /// Nobody is believed: the system has no authorities either.
    #[error("no authority is believed: name a file with tls_ca")]
    NobodyBelieved,
    /// TLS is to be listened for without a certificate of ours.
    #[error("TLS is listened for with a certificate: name it with tls_certificate and tls_key")]
    NoCertificate,
    /// The certificate and its key do not go together, or cannot be used.
    #[error("the certificate or its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bad = |source| TlsError::Pem { path: path.to_owned(), source };
    CertificateDer::pem_file_iter(path).map_err(bad)?.collect::<Result<_, _>>().map_err(bad)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| TlsError::Pem { path: path.to_owned(), source })
}

fn believed(files: &TlsFiles) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let authorities = match &files.authorities {
        Some(path) => chain(path)?,
        // What the system holds and cannot be read is passed over, as every client of it does.
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(authorities);
    if roots.is_empty() { Err(TlsError::NobodyBelieved) } else { Ok(roots) }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// For connections that we open.
pub(crate) fn client(files: &TlsFiles) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(believed(files)?);
    Ok(match &files.certificate {
        Some((certificate, private)) => builder.with_client_auth_cert(chain(certificate)?, key(private)?)?,
        None => builder.with_no_client_auth(),
    })
}

/// For connections that others open; none without a certificate of ours. Where authorities are named, a client
/// that shows a certificate must show one of theirs.
pub(crate) fn server(files: &TlsFiles) -> Result<Option<ServerConfig>, TlsError> {
    let Some((certificate, private)) = &files.certificate else { return Ok(None) };
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = if files.authorities.is_some() {
        let roots = Arc::new(believed(files)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
            .allow_unauthenticated()
            .build()
            .map_err(|_| TlsError::NobodyBelieved)?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    Ok(Some(builder.with_single_cert(chain(certificate)?, key(private)?)?))
}

/// The same for browsers, which are asked for no certificate: most have none, and would ask whoever sits before them.
pub(crate) fn for_browsers(files: &TlsFiles) -> Result<Option<ServerConfig>, TlsError> {
    server(&TlsFiles { authorities: None, certificate: files.certificate.clone() })
}
