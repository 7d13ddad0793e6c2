//! An authority and a certificate of it, as a carrier with its own authority has them.

use std::{path::Path, process::Command};

use waihu_trunk::TlsFiles;

/// An authority, and a certificate of it for `localhost`; all by openssl, in PEM.
pub fn make(at: &Path) -> (TlsFiles, TlsFiles) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout ca.key \
        -out ca.pem -subj /CN=authority \
        -addext basicConstraints=critical,CA:TRUE 2>&1 && \
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout own.key -out own.csr \
        -subj /CN=localhost 2>&1 && \
        printf 'subjectAltName=DNS:localhost\\n' > ext && \
        openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out own.pem -extfile ext 2>&1";
    let made = Command::new("sh").args(["-c", script]).current_dir(at).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    let client = TlsFiles { authorities: Some(at.join("ca.pem")), certificate: None };
    let server = TlsFiles { authorities: None, certificate: Some((at.join("own.pem"), at.join("own.key"))) };
    (client, TlsFiles { authorities: Some(at.join("ca.pem")), ..server })
}
