//! A telephone of browsers that we did not write (JsSIP, in node): it registers over WebSocket with its password, is
//! asked whether it is there by the connection that it opened, takes itself back; a wrong password and a page of
//! another site are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use waihu_trunk::{Callers, Hop, SipSocket, SocketConfig, StreamConfig, Telephone, Transport, Uri, Web};

const SITE: &str = "https://desk.example";
/// Long enough on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One that it may register with.
async fn socket() -> SipSocket {
    let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
    config.callers = Callers::Of(Vec::new());
    config.telephones = vec![Telephone { user: "desk".to_owned(), password: "secret".to_owned() }];
    // It knows no other digest.
    config.md5_alone = vec!["desk".to_owned()];
    let web = Web { ws_port: Some(0), wss_port: None, origins: vec![SITE.to_owned()] };
    config.streams = StreamConfig { web, ..StreamConfig::default() };
    SipSocket::open(config).await.unwrap().0
}

/// The telephone; it ends with its input.
struct Telephoned {
    _child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Telephoned {
    fn start(sip: &SipSocket, origin: &str, password: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let packages = root.join("../../.tools/jssip/node_modules");
        assert!(packages.exists(), "JsSIP is missing: run `.ci/setup --with-peers`");
        let url = format!("ws://{}/", sip.listens(Transport::Ws).unwrap());
        let mut child = Command::new("node")
            .arg(root.join("tests/jssip/telephone.js"))
            .args([&*url, origin, "desk", password])
            .env("NODE_PATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, stdin, lines }
    }

    /// Waits for a line that begins so, and for none of these before.
    async fn tells(&mut self, wanted: &str, never: &str) {
        let told = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("it has ended");
                if line.starts_with(wanted) {
                    return;
                }
                assert!(!line.starts_with(never), "{line}");
            }
        };
        timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("{wanted}: it does not come"));
    }
}

/// Whether it is there; where it is registered nowhere, nobody is asked.
async fn is_there(sip: &SipSocket) -> bool {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let asked = sip.ping(Uri::sip("desk", sip.local_addr()), Hop::new(Transport::Tcp, closed));
    timeout(PATIENCE, asked).await.unwrap() == Ok(200)
}

#[tokio::test]
async fn it_registers_is_asked_and_takes_itself_back() {
    let sip = socket().await;
    assert!(!is_there(&sip).await);
    let mut telephone = Telephoned::start(&sip, SITE, "secret");
    telephone.tells("registered 200", "failed").await;
    assert!(is_there(&sip).await);
    drop(telephone.stdin.take());
    telephone.tells("unregistered", "failed").await;
    assert!(!is_there(&sip).await);
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let sip = socket().await;
    Telephoned::start(&sip, SITE, "guessed").tells("failed 403", "registered").await;
    assert!(!is_there(&sip).await);
}

#[tokio::test]
async fn a_page_of_another_site_is_let_in_nowhere() {
    let sip = socket().await;
    Telephoned::start(&sip, "https://other.example", "secret").tells("disconnected", "connected").await;
    assert!(!is_there(&sip).await);
}
