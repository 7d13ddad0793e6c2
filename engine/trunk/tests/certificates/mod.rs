//! An authority and a certificate of it, as a carrier with its own authority has them.
#![allow(dead_code, reason = "each test file needs its own part")]

use std::{path::Path, process::Command};

use waihu_trunk::TlsFiles;

/// An authority of its own name, and a certificate of it for `localhost`; all by openssl, in PEM.
pub fn make(at: &Path) -> (TlsFiles, TlsFiles) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout ca.key \
        -out ca.pem -subj \"/CN=authority of ${PWD##*/}\" \
        -addext basicConstraints=critical,CA:TRUE 2>&1 && \
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout own.key -out own.csr \
        -subj /CN=localhost 2>&1 && \
        printf 'subjectAltName=DNS:localhost\\n' > ext && \
        openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out own.pem -extfile ext 2>&1";
    run(at, script);
    let client = TlsFiles { authorities: Some(at.join("ca.pem")), certificate: None };
    let server = TlsFiles { authorities: None, certificate: Some((at.join("own.pem"), at.join("own.key"))) };
    (client, TlsFiles { authorities: Some(at.join("ca.pem")), ..server })
}

/// Puts a certificate in the place of the one that was made, which ran out years ago and is as good otherwise.
pub fn expire(at: &Path) {
    let script = "printf '[ca]\\ndefault_ca=a\\n[a]\\ndatabase=given\\nnew_certs_dir=.\\nrand_serial=yes\\npolicy=p\\n\
        [p]\\ncommonName=supplied\\n' > ca.cnf && : > given && \
        openssl ca -batch -notext -config ca.cnf -in own.csr -out own.pem -cert ca.pem -keyfile ca.key -md sha256 \
        -startdate 20200101000000Z -enddate 20200102000000Z -extfile ext 2>&1";
    run(at, script);
}

fn run(at: &Path, script: &str) {
    let made = Command::new("sh").args(["-c", script]).current_dir(at).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
}
