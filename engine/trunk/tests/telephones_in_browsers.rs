//! Telephones in browsers (RFC 7118): who may open a WebSocket, what goes over it, and that a page is reached by it
//! alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod certificates;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        ClientRequestBuilder, Message,
        protocol::frame::{
            Frame,
            coding::{CloseCode, Data, OpCode},
        },
    },
};
use waihu_sip::{
    Codec, EndedBy, Event, NameAddr, SessionDescription, TimedOut, auth::Challenge, message::MAX_BYTES,
};
use waihu_trunk::{
    Call, Callers, Credentials, Hop, InviteRequest, SipSocket, SocketConfig, StreamConfig, Telephone,
    TlsFiles, Transport, Uri, Web,
};

const SITE: &str = "https://desk.example";
const PAGE: &str = "df7jal23ls0d.invalid";
const PATIENCE: Duration = Duration::from_secs(20);

/// A handshake as a browser writes it.
const UPGRADE: &str = "GET /sip HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive, Upgrade\r\n\
    Upgrade: websocket\r\nOrigin: https://desk.example\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp, sip\r\n\r\n";

/// One that pages may connect to, with so many telephones, and nobody known.
async fn socket(telephones: usize, tls: Option<TlsFiles>) -> SipSocket {
    let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
    config.callers = Callers::Of(Vec::new());
    let user = |n| if n == 0 { "desk".to_owned() } else { format!("desk{n}") };
    config.telephones =
        (0..telephones).map(|n| Telephone { user: user(n), password: "secret".to_owned() }).collect();
    let wss_port = tls.is_some().then_some(0);
    config.streams = StreamConfig {
        tls,
        web: Web {
            ws_port: Some(0),
            wss_port,
            origins: vec!["http://localhost".to_owned(), SITE.to_owned()],
        },
        ..StreamConfig::default()
    };
    SipSocket::open(config).await.unwrap().0
}

fn at(sip: &SipSocket, by: Transport) -> SocketAddr {
    sip.listens(by).unwrap()
}

/// What is answered to this, up to the empty line; nothing where the connection is closed.
async fn answered(sip: &SipSocket, asked: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(at(sip, Transport::Ws)).await.unwrap();
    let _ = stream.write_all(asked.as_bytes()).await;
    let mut answer = String::new();
    let read = async {
        while !answer.ends_with("\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            answer.push(char::from(byte));
        }
    };
    timeout(PATIENCE, read).await.unwrap();
    (answer, stream)
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    // A reset closes as well.
    timeout(PATIENCE, stream.read_u8()).await.unwrap().is_err()
}

#[tokio::test]
async fn who_may_open_a_connection_is_said_by_http() {
    let sip = socket(50, None).await;
    let origin = format!("Origin: {SITE}\r\n");
    for (line, instead) in [("", ""), (&*origin, ""), (SITE, "http://localhost"), ("xmpp, sip", "sip")] {
        let (answer, _) = answered(&sip, &UPGRADE.replacen(line, instead, 1)).await;
        assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{line}: {answer}");
        for field in
            ["sec-websocket-protocol: sip\r\n", "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"]
        {
            assert!(answer.contains(field), "{answer}");
        }
    }
    let two = format!("{origin}Origin: https://other.example\r\n");
    let refused = [
        (SITE, "https://other.example", "403 Forbidden"),
        (SITE, "null", "403 Forbidden"),
        (origin.as_str(), two.as_str(), "403 Forbidden"),
        ("xmpp, sip", "xmpp", "400 Bad Request"),
        ("Sec-WebSocket-Protocol: xmpp, sip\r\n", "", "400 Bad Request"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", "400 Bad Request"),
        ("Host: 127.0.0.1\r\n", "", "400 Bad Request"),
        ("Upgrade: websocket\r\n", "", "426 Upgrade Required"),
        ("keep-alive, Upgrade", "keep-alive", "426 Upgrade Required"),
        ("Version: 13", "Version: 8", "426 Upgrade Required"),
        ("GET", "POST", "405 Method Not Allowed"),
        ("HTTP/1.1", "HTTP/1.0", "505 HTTP Version Not Supported"),
        (UPGRADE, "OPTIONS sip:a@b SIP/2.0\r\n\r\n", "400 Bad Request"),
    ];
    for (line, instead, status) in refused {
        let (answer, mut stream) = answered(&sip, &UPGRADE.replacen(line, instead, 1)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{line} {instead}: {answer}");
        let says_how =
            answer.contains("sec-websocket-version: 13\r\n") && answer.contains("upgrade: websocket\r\n");
        assert_eq!(says_how, status.starts_with("426"), "{answer}");
        assert!(is_closed(&mut stream).await, "{line} {instead}");
    }
    let told = async {
        while sip.counters().discarded < refused.len() as u64 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, told).await.unwrap();
    let endless = UPGRADE.replacen("Host", &format!("Cookie: {}\r\nHost", "x".repeat(40_000)), 1);
    let (answer, mut stream) = answered(&sip, &endless).await;
    assert!(!answer.contains(" 101 ") && is_closed(&mut stream).await, "{answer}");
}

#[tokio::test]
async fn a_strangers_pages_take_two_connections_for_each_telephone() {
    let sip = socket(1, None).await;
    let (_, first) = answered(&sip, UPGRADE).await;
    let (answer, _second) = answered(&sip, UPGRADE).await;
    assert!(answer.contains(" 101 "), "{answer}");
    assert_eq!(answered(&sip, UPGRADE).await.0, "");
    drop(first);
    // Its end takes a moment to be seen.
    let another = async { while !answered(&sip, UPGRADE).await.0.contains(" 101 ") {} };
    timeout(PATIENCE, another).await.unwrap();
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// A page with a connection of its own.
struct Page(WebSocketStream<Box<dyn Wire>>);

impl Page {
    async fn open(sip: &SipSocket) -> Self {
        let stream = TcpStream::connect(at(sip, Transport::Ws)).await.unwrap();
        Self::over(Box::new(stream), "ws://localhost/").await
    }

    async fn over(stream: Box<dyn Wire>, uri: &str) -> Self {
        let request = ClientRequestBuilder::new(uri.parse().unwrap())
            .with_sub_protocol("sip")
            .with_header("Origin", SITE);
        Self(timeout(PATIENCE, client_async(request, stream)).await.unwrap().unwrap().0)
    }

    async fn sends(&mut self, message: impl Into<Message>) {
        timeout(PATIENCE, self.0.send(message.into())).await.unwrap().unwrap();
    }

    /// The next of SIP, or of what keeps the way open.
    async fn hears(&mut self) -> String {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("nothing comes").unwrap().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Registers, and proves who it is.
    async fn registers(&mut self) {
        self.sends(register(1, "")).await;
        let asked = self.hears().await;
        assert!(asked.starts_with("SIP/2.0 401"), "{asked}");
        let challenge = Challenge::parse(field(&asked, "WWW-Authenticate")).unwrap();
        let who = Credentials { username: "desk".into(), password: "secret".into(), realm: None };
        let proof = challenge.answer(&who, ("REGISTER", "sip:127.0.0.1", b""), 1, "c");
        self.sends(register(2, &format!("Authorization: {proof}\r\n"))).await;
        let ok = self.hears().await;
        assert!(ok.starts_with("SIP/2.0 200"), "{ok}");
    }
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap()
}

/// A REGISTER without Content-Length, which no message needs here.
fn register(cseq: u32, more: &str) -> String {
    format!(
        "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS {PAGE};branch=z9hG4bKr{cseq};rport\r\n\
         From: <sip:desk@127.0.0.1>;tag=f\r\nTo: <sip:desk@127.0.0.1>\r\nCall-ID: page\r\nCSeq: {cseq} REGISTER\r\n\
         Contact: <sip:page@{PAGE};transport=ws>;expires=120\r\nMax-Forwards: 70\r\n{more}\r\n"
    )
}

/// A page's answer to a request of ours.
fn response(request: &str, status: &str, body: &str) -> String {
    let copied: String = ["Via", "From", "Call-ID", "CSeq"]
        .map(|name| format!("{name}: {}\r\n", field(request, name)))
        .concat();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status}\r\n{copied}To: {};tag=page\r\nContact: <sip:page@{PAGE};transport=ws>\r\n{kind}\r\n{body}",
        field(request, "To")
    )
}

#[tokio::test]
async fn a_message_comes_as_text_as_bytes_and_in_pieces() {
    let sip = socket(5, None).await;
    let mut page = Page::open(&sip).await;
    page.sends(register(1, "")).await;
    page.sends(Message::binary(register(2, "").into_bytes())).await;
    let in_pieces = register(3, "");
    let pieces = in_pieces.as_bytes().chunks(100).collect::<Vec<_>>();
    for (n, piece) in pieces.iter().enumerate() {
        let kind = OpCode::Data(if n == 0 { Data::Text } else { Data::Continue });
        let frame = Frame::message(piece.to_vec(), kind, n + 1 == pieces.len());
        page.sends(Message::Frame(frame)).await;
    }
    // Two in one go, and what is behind the end of a message is no part of it.
    page.0.feed(Message::text(register(4, ""))).await.unwrap();
    page.0
        .feed(Message::text(register(5, "Content-Length: 0\r\n") + "OPTIONS sip:x SIP/2.0\r\n"))
        .await
        .unwrap();
    page.0.flush().await.unwrap();
    for cseq in 1..=5 {
        let asked = page.hears().await;
        assert!(asked.starts_with("SIP/2.0 401"), "{asked}");
        assert_eq!(field(&asked, "CSeq"), format!("{cseq} REGISTER"));
        let via = field(&asked, "Via");
        assert!(via.contains(";received=127.0.0.1") && via.contains(";rport="), "{via}");
    }
    page.sends(Message::text("nonsense")).await;
    page.sends(Message::text("\r\n")).await;
    page.sends(Message::text("\r\n\r\n")).await;
    assert_eq!(page.hears().await, "\r\n");
    page.sends(Message::Ping("are you there".into())).await;
    let pong = timeout(PATIENCE, page.0.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(pong, Message::Pong("are you there".into()));
}

#[tokio::test]
async fn what_is_too_long_ends_its_own_connection_and_no_other() {
    let sip = socket(5, None).await;
    let mut other = Page::open(&sip).await;
    let mut whole = Page::open(&sip).await;
    let _ = whole.0.send(Message::text("x".repeat(MAX_BYTES + 1))).await;
    let mut in_pieces = Page::open(&sip).await;
    for n in 0..4 {
        let kind = OpCode::Data(if n == 0 { Data::Binary } else { Data::Continue });
        let _ =
            in_pieces.0.send(Message::Frame(Frame::message(vec![b'x'; MAX_BYTES / 3], kind, n == 3))).await;
    }
    for mut page in [whole, in_pieces] {
        match timeout(PATIENCE, page.0.next()).await.unwrap() {
            Some(Ok(Message::Close(Some(why)))) => assert_eq!(why.code, CloseCode::Size),
            // What was not read any more has the system reset it.
            None | Some(Err(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    other.registers().await;
}

/// A hop that nobody is at, which is found out at once.
fn nowhere() -> Hop {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Hop::new(Transport::Tcp, closed)
}

/// Whether the telephone is there; where it is registered nowhere, nobody is asked.
async fn is_there(sip: &SipSocket, otherwise: Hop) -> Result<u16, TimedOut> {
    timeout(PATIENCE, sip.ping(Uri::sip("desk", sip.local_addr()), otherwise)).await.expect("no answer")
}

/// Waits until it is registered nowhere: then the question goes where it was told to.
async fn is_gone(sip: &SipSocket) {
    let otherwise = nowhere();
    let gone = async {
        while sip.fault(otherwise).is_none() {
            assert_eq!(is_there(sip, otherwise).await, Err(TimedOut));
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
}

/// Is asked whether it is there, and says yes; the question.
async fn says_yes(sip: &SipSocket, page: &mut Page) -> String {
    let answers = async {
        let options = page.hears().await;
        page.sends(Message::text(response(&options, "200 OK", ""))).await;
        options
    };
    let (there, options) = tokio::join!(is_there(sip, nowhere()), answers);
    assert_eq!(there, Ok(200));
    options
}

#[tokio::test]
async fn a_page_is_asked_by_its_connection_and_is_gone_with_it() {
    let sip = socket(5, None).await;
    let mut page = Page::open(&sip).await;
    page.registers().await;
    let options = says_yes(&sip, &mut page).await;
    assert!(options.starts_with(&format!("OPTIONS sip:page@{PAGE};transport=ws SIP/2.0\r\n")), "{options}");
    let ours = at(&sip, Transport::Ws);
    assert!(field(&options, "Via").starts_with(&format!("SIP/2.0/WS {ours};")), "{options}");
    assert_eq!(field(&options, "Contact"), format!("<sip:waihu@{ours};transport=ws>"));

    page.0.close(None).await.unwrap();
    while let Some(Ok(_)) = timeout(PATIENCE, page.0.next()).await.unwrap() {}
    let mut again = Page::open(&sip).await;
    is_gone(&sip).await;
    again.registers().await;
    says_yes(&sip, &mut again).await;
}

async fn until(call: &mut Call, what: impl Fn(&Event) -> bool) -> Event {
    let found = async {
        loop {
            let event = call.event().await.expect("the call is over");
            if what(&event) {
                return event;
            }
        }
    };
    timeout(PATIENCE, found).await.unwrap()
}

/// A description of our machine's, at this port.
fn sdp(port: u16) -> SessionDescription {
    SessionDescription::offer(SocketAddr::from(([127, 0, 0, 1], port)), &[Codec::Pcma])
}

/// Calls the page, which answers; the call, the INVITE and the ACK.
async fn called(sip: &SipSocket, page: &mut Page) -> (Call, String, String) {
    let here = sip.local_addr();
    let mut call = sip.invite(InviteRequest {
        target: Uri::sip("desk", here),
        next_hop: here.into(),
        backups: Vec::new(),
        redirects: Vec::new(),
        signed_as: None,
        call_id: None,
        from: NameAddr::new(None, Uri::sip("waihu", here)),
        credentials: None,
        offer: sdp(40_000),
        headers: Vec::new(),
    });
    let invite = page.hears().await;
    assert!(invite.starts_with(&format!("INVITE sip:page@{PAGE};transport=ws SIP/2.0\r\n")), "{invite}");
    page.sends(response(&invite, "200 OK", &sdp(50_000).to_string())).await;
    until(&mut call, |event| matches!(event, Event::Answered { .. })).await;
    let ack = page.hears().await;
    assert!(ack.starts_with(&format!("ACK sip:page@{PAGE};transport=ws SIP/2.0\r\n")), "{ack}");
    (call, invite, ack)
}

#[tokio::test]
async fn a_page_is_called_and_hangs_up() {
    let sip = socket(5, None).await;
    let mut page = Page::open(&sip).await;
    page.registers().await;
    let (mut call, invite, ack) = called(&sip, &mut page).await;
    let target = field(&invite, "Contact").trim_matches(['<', '>']);
    let (us, them, id) = (field(&ack, "From"), field(&ack, "To"), field(&ack, "Call-ID"));
    let bye = format!(
        "BYE {target} SIP/2.0\r\nVia: SIP/2.0/WS {PAGE};branch=z9hG4bKbye\r\nFrom: {them}\r\nTo: {us}\r\n\
         Call-ID: {id}\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\n\r\n"
    );
    page.sends(bye).await;
    let ok = page.hears().await;
    assert!(ok.starts_with("SIP/2.0 200") && field(&ok, "CSeq") == "1 BYE", "{ok}");
    let ended = until(&mut call, |event| matches!(event, Event::Ended { .. })).await;
    assert!(matches!(ended, Event::Ended { by: EndedBy::Remote, .. }));
}

#[tokio::test]
async fn nobody_is_dialled_where_a_page_was() {
    let sip = socket(5, None).await;
    let stream = TcpStream::connect(at(&sip, Transport::Ws)).await.unwrap();
    let was = Hop::new(Transport::Ws, stream.local_addr().unwrap());
    let mut page = Page::over(Box::new(stream), "ws://localhost/").await;
    page.registers().await;
    let (call, ..) = called(&sip, &mut page).await;
    drop(page);
    is_gone(&sip).await;
    call.hangup(None);
    // What is asked after it is done after it.
    is_gone(&sip).await;
    assert_eq!(sip.fault(was), None);
}

#[tokio::test]
async fn within_tls_a_page_is_asked_for_no_certificate() {
    let files = tempfile::tempdir().unwrap();
    let (_, server) = certificates::make(files.path());
    let sip = socket(5, Some(server)).await;
    let ours = at(&sip, Transport::Wss);
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::pem_file_iter(files.path().join("ca.pem")).unwrap().map(Result::unwrap);
    roots.add_parsable_certificates(authority);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(ours).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
    let mut page = Page::over(Box::new(stream), "wss://localhost/").await;
    page.registers().await;
    let options = says_yes(&sip, &mut page).await;
    assert!(field(&options, "Via").starts_with(&format!("SIP/2.0/WSS {ours};")), "{options}");
    assert_eq!(field(&options, "Contact"), format!("<sip:waihu@{ours};transport=ws>"));
}
