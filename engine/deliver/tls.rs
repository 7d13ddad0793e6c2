//! A line enciphered, to a server for whose name somebody vouches.

use std::{fmt::Display, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Enciphers a connection to `host`, whom the system's authorities vouch for, or the one in the file `ca`. Else why
/// not.
pub(crate) async fn enciphered(
    host: &str,
    ca: Option<&Path>,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, String> {
    // Another of this process may have chosen it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    // One that cannot be read vouches for nobody.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(ca) = ca {
        let told = |e: &dyn Display| format!("{}: {e}", ca.display());
        for certificate in CertificateDer::pem_file_iter(ca).map_err(|e| told(&e))? {
            roots.add(certificate.map_err(|e| told(&e))?).map_err(|e| told(&e))?;
        }
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|e| e.to_string())?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|e| e.to_string())
}
