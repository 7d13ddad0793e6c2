//! A call over TLS whose connection breaks goes on: the far end dials our Contact, where TLS is listened for, and its
//! BYE arrives. The far end is written out here: what both ends of ours have wrong in the same way would not show.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod certificates;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use waihu_sip::{
    Codec, EndedBy, Event, NameAddr, SessionDescription, Uri,
    framing::{Frame, Framer},
};
use waihu_trunk::{
    Call, Hop, InviteRequest, Listen, SipSocket, SocketConfig, StreamConfig, TlsFiles, Transport,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// The far end's connection.
struct Line<S> {
    stream: S,
    framer: Framer,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    fn new(stream: S) -> Self {
        Self { stream, framer: Framer::default() }
    }

    /// The next message that begins so.
    async fn hears(&mut self, start: &str) -> String {
        let message = async {
            let mut buffer = [0; 8_192];
            loop {
                match self.framer.next_frame().unwrap() {
                    Some(Frame::Message(bytes)) if bytes.starts_with(start.as_bytes()) => {
                        return String::from_utf8(bytes.to_vec()).unwrap();
                    }
                    Some(_) => {}
                    None => {
                        let length = self.stream.read(&mut buffer).await.unwrap();
                        assert!(length > 0, "the connection was closed");
                        self.framer.push(&buffer[..length]);
                    }
                }
            }
        };
        timeout(PATIENCE, message).await.unwrap_or_else(|_| panic!("no {start} comes"))
    }

    async fn says(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }
}

/// What the far end takes connections with, and what it dials with.
fn tls(files: &Path) -> (TlsAcceptor, TlsConnector) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = |name: &str| -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(files.join(name)).unwrap().map(Result::unwrap).collect()
    };
    let key = PrivateKeyDer::from_pem_file(files.join("own.key")).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain("own.pem"), key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(chain("ca.pem"));
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)))
}

/// One that listens for TLS; the far end's certificate is for `localhost`.
async fn socket(files: TlsFiles) -> SipSocket {
    for _ in 0..20 {
        let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
        config.streams = StreamConfig {
            listen: Listen::Streams,
            tls: Some(files.clone()),
            names: vec![(config.local.ip(), "localhost".to_owned())],
            ..StreamConfig::default()
        };
        // A free port for datagrams, or the one above, may be taken for streams.
        if let Ok((open, _calls)) = SipSocket::open(config).await {
            return open;
        }
    }
    panic!("no free port");
}

fn sdp(port: u16) -> SessionDescription {
    SessionDescription::offer(SocketAddr::from(([127, 0, 0, 1], port)), &[Codec::Pcma])
}

fn invite(from: &SipSocket, to: Hop) -> Call {
    from.invite(InviteRequest {
        target: Uri::sip("1001", to.address),
        next_hop: to,
        backups: Vec::new(),
        redirects: Vec::new(),
        signed_as: None,
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", from.local_addr())),
        credentials: None,
        offer: sdp(40_000),
        headers: Vec::new(),
    })
}

async fn until(call: &mut Call, what: impl Fn(&Event) -> bool) {
    let found = async { while !what(&call.event().await.expect("the call is over")) {} };
    timeout(PATIENCE, found).await.unwrap();
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap()
}

/// The far end's answer.
fn answer(invite: &str, at: SocketAddr) -> String {
    let copied: String = ["Via", "From", "Call-ID", "CSeq"]
        .map(|name| format!("{name}: {}\r\n", field(invite, name)))
        .concat();
    let (to, body) = (field(invite, "To"), sdp(50_000).to_string());
    format!(
        "SIP/2.0 200 OK\r\n{copied}To: {to};tag=far\r\nContact: <sip:1001@{at};transport=tls>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The far end's BYE within the call of this INVITE.
fn bye(invite: &str, at: SocketAddr, target: &Uri) -> String {
    let (us, them, id) = (field(invite, "From"), field(invite, "To"), field(invite, "Call-ID"));
    format!(
        "BYE {target} SIP/2.0\r\nVia: SIP/2.0/TLS {at};branch=z9hG4bKbye\r\nFrom: {them};tag=far\r\nTo: {us}\r\n\
         Call-ID: {id}\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

#[tokio::test]
async fn a_far_end_that_dials_our_contact_over_tls_can_hang_up() {
    let files = tempfile::tempdir().unwrap();
    let (_, server) = certificates::make(files.path());
    let (acceptor, connector) = tls(files.path());
    let us = socket(server).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let mut call = invite(&us, Hop::new(Transport::Tls, at));
    let (stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut line = Line::new(acceptor.accept(stream).await.unwrap());
    let invited = line.hears("INVITE ").await;
    line.says(&answer(&invited, at)).await;
    until(&mut call, |event| matches!(event, Event::Answered { .. })).await;
    line.hears("ACK ").await;

    let contact: Uri = field(&invited, "Contact").trim_matches(['<', '>']).parse().unwrap();
    let hop = contact.as_sip().unwrap().hop().unwrap();
    let tls_port = us.local_addr().port() + 1;
    assert_eq!(hop, Hop::new(Transport::Tls, SocketAddr::new(at.ip(), tls_port)));
    assert!(field(&invited, "Via").starts_with(&format!("SIP/2.0/TLS {};", hop.address)));

    drop(line);
    let stream = TcpStream::connect(hop.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut line = Line::new(connector.connect(name, stream).await.unwrap());
    line.says(&bye(&invited, at, &contact)).await;
    line.hears("SIP/2.0 200 ").await;
    until(&mut call, |event| matches!(event, Event::Ended { by: EndedBy::Remote, .. })).await;
}
