//! The API with a certificate of its own: who trusts it comes in and is told never to come otherwise; what cannot be
//! served is refused before it is, and why is told.
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use crate::common::{Server, person, server_as};
use reqwest::{Certificate, Client, StatusCode};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use waihu_api::{Cookies, ServeError, State, Tls};
use waihu_store::Role;

const PASSWORD: &str = "eight words are a good one";

/// A certificate that vouches for itself, and its key; by the program `openssl`, in PEM.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (cert, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=waihu", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .args([key.as_path(), Path::new("-out"), cert.as_path()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (cert, key)
}

/// Whoever trusts this certificate and no other.
fn trusts(cert: &Path) -> Client {
    // The client names no provider of its own; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own = Certificate::from_pem(&fs::read(cert).unwrap()).unwrap();
    Client::builder().no_proxy().tls_certs_only([own]).build().unwrap()
}

/// The server with somebody who may sign in, and where it is served.
async fn served(tls: Tls) -> (Server, SocketAddr) {
    let server = server_as(|state| State { cookies: Cookies::Secure, ..state }).await;
    let person = person("li", "李明", Role::Operations);
    let hash = waihu_api::hash_password(PASSWORD).unwrap();
    assert!(server.store.keep_person(&person, &hash).await.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, app) = (listener.local_addr().unwrap(), server.app.clone());
    tokio::spawn(waihu_api::serve(listener, Some(tls), app, 16, std::future::pending()));
    (server, at)
}

#[tokio::test]
async fn who_trusts_it_signs_in_with_a_cookie_that_goes_no_other_way() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(folder.path(), "own");
    let (_server, at) = served(Tls::read(&cert, &key).unwrap()).await;
    // One that says nothing keeps nobody waiting.
    let _silent = TcpStream::connect(at).await.unwrap();
    let client = trusts(&cert);
    let url = |path: &str| format!("https://{at}{path}");
    let health = client.get(url("/healthz")).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(health.headers()["strict-transport-security"], "max-age=31536000");

    let sign_in = json!({"login": "li", "password": PASSWORD});
    let signed_in = client.post(url("/v1/session")).json(&sign_in).send().await.unwrap();
    assert_eq!(signed_in.status(), StatusCode::CREATED);
    let set = signed_in.headers()["set-cookie"].to_str().unwrap().to_owned();
    let mut parts = set.split("; ");
    let cookie = parts.next().unwrap();
    assert!(cookie.starts_with("__Host-waihu=whu_"), "{set}");
    // What the prefix asks for (RFC 6265bis, 4.1.3.2): browsers drop it otherwise.
    let flags: Vec<&str> = parts.collect();
    assert!(["Path=/", "Secure", "HttpOnly", "SameSite=Strict"].iter().all(|f| flags.contains(f)), "{set}");
    assert!(!set.contains("Domain"), "{set}");
    let asks = async |cookie: &str| {
        let asked = client.get(url("/v1/session")).header("cookie", cookie).send().await.unwrap();
        assert!(asked.headers().contains_key("strict-transport-security"), "refusals tell it too");
        asked.status()
    };
    assert_eq!(asks(cookie).await, StatusCode::OK);
    // Another host could have set one without the prefix.
    assert_eq!(asks(cookie.trim_start_matches("__Host-")).await, StatusCode::UNAUTHORIZED);

    // Neither who trusts another certificate nor who comes in the clear hears anything.
    let (other, _) = certificate(folder.path(), "other");
    assert!(trusts(&other).get(url("/healthz")).send().await.is_err());
    assert!(client.get(format!("http://{at}/healthz")).send().await.is_err());
}

/// What comes back to half a head, until the connection is closed.
async fn half_a_head(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: waihu\r\n").await.unwrap();
    let mut told = Vec::new();
    // Closed without a farewell of TLS it is closed as well.
    let _ = timeout(Duration::from_secs(120), stream.read_to_end(&mut told)).await.unwrap();
    String::from_utf8_lossy(&told).into_owned()
}

#[tokio::test]
async fn who_does_not_end_the_head_of_a_request_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(folder.path(), "own");
    let (server, locked) = served(Tls::read(&cert, &key).unwrap()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    tokio::spawn(waihu_api::serve(listener, None, server.app.clone(), 16, std::future::pending()));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&cert).unwrap()).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let shaken =
        TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(locked).await.unwrap());
    let (plain, locked) = tokio::join!(
        half_a_head(TcpStream::connect(plain).await.unwrap()),
        half_a_head(shaken.await.unwrap())
    );
    assert!(!plain.contains(" 200 ") && !locked.contains(" 200 "), "{plain}{locked}");
}

#[test]
fn what_cannot_be_served_is_refused_and_why_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(folder.path(), "own");
    let (_, other) = certificate(folder.path(), "other");
    let (none, text) = (folder.path().join("none.pem"), folder.path().join("text.pem"));
    fs::write(&text, "neither of the two\n").unwrap();
    let told = |cert: &Path, key: &Path| match Tls::read(cert, key) {
        Err(refused @ (ServeError::Pem { .. } | ServeError::Pair(_))) => refused.to_string(),
        other => unreachable!("{other:?}"),
    };
    assert!(told(&cert, &other).contains("do not go together 证书与私钥不匹配"), "another's key");
    let unreadable: [(&Path, &Path, &Path); 7] = [
        (&none, &key, &none),
        (&cert, &none, &none),
        (&text, &key, &text),
        (&cert, &text, &text),
        // A folder is no file; and in each other's place they hold nothing of use.
        (folder.path(), &key, folder.path()),
        (&key, &cert, &key),
        (&cert, &cert, &cert),
    ];
    for (cert, key, wrong) in unreadable {
        let told = told(cert, key);
        assert!(told.starts_with(&wrong.display().to_string()), "{told}");
        assert!(told.contains("no certificate or key in PEM 证书或私钥无法读取"), "{told}");
    }
}
