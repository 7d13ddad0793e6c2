//! Handing a message in (RFC 5321, 6409): as much of SMTP as that takes.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;
use waihu_types::base64;

use super::{Address, Encipher, MailServer};
use crate::retry::Untaken;

/// How long all of it may take: a server that is slow is tried later.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest line of a server [bytes] (RFC 5321, 4.5.3.1.5 has 512).
const MAX_LINE: u64 = 2_048;
/// The most lines of an answer: servers name a dozen of extensions.
const MAX_LINES: usize = 100;

/// An answer: its code, and its lines.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

struct Talk<S> {
    stream: BufReader<S>,
}

/// Hands a message in for all of these; `message` has no line that is a dot.
pub(super) async fn hand_in(server: &MailServer, to: &[Address], message: &str) -> Result<(), Untaken> {
    match timeout(PATIENCE, connected(server, to, message)).await {
        Ok(done) => done,
        Err(_) => Err(Untaken::later("no answer within a minute 超时")),
    }
}

fn io_fault(e: io::Error) -> Untaken {
    Untaken::later(e.to_string())
}

async fn connected(server: &MailServer, to: &[Address], message: &str) -> Result<(), Untaken> {
    let tcp = TcpStream::connect((server.host.as_str(), server.port)).await.map_err(io_fault)?;
    match server.encipher {
        Encipher::Off => {
            let mut talk = Talk::of(tcp);
            talk.expect(220).await?;
            talk.deliver(server, to, message).await
        }
        Encipher::Tls => {
            let mut talk = Talk::of(enciphered(server, tcp).await?);
            talk.expect(220).await?;
            talk.deliver(server, to, message).await
        }
        Encipher::Starttls => {
            let mut talk = Talk::of(tcp);
            talk.expect(220).await?;
            let offers = talk.greet().await?;
            if !offers.lines.iter().any(|line| line.eq_ignore_ascii_case("STARTTLS")) {
                return Err(Untaken::later("the server offers no STARTTLS 服务器不支持 STARTTLS"));
            }
            talk.say("STARTTLS").await?;
            talk.expect(220).await?;
            // What came before the handshake may be anybody's (RFC 3207, 6).
            if !talk.stream.buffer().is_empty() {
                return Err(Untaken::later("the server spoke before the handshake 握手前收到数据"));
            }
            let mut talk = Talk::of(enciphered(server, talk.stream.into_inner()).await?);
            talk.deliver(server, to, message).await
        }
    }
}

async fn enciphered(server: &MailServer, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Untaken> {
    crate::tls::enciphered(&server.host, server.ca.as_deref(), tcp).await.map_err(Untaken::later)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    fn of(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    async fn say(&mut self, command: &str) -> Result<(), Untaken> {
        let line = format!("{command}\r\n");
        self.stream.write_all(line.as_bytes()).await.map_err(io_fault)?;
        self.stream.flush().await.map_err(io_fault)
    }

    async fn reply(&mut self) -> Result<Reply, Untaken> {
        let mut lines = Vec::new();
        while lines.len() < MAX_LINES {
            let mut line = Vec::new();
            (&mut self.stream).take(MAX_LINE).read_until(b'\n', &mut line).await.map_err(io_fault)?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
            let Some(code) = code else {
                return Err(Untaken::later("that is no mail server, or it is gone 无有效应答"));
            };
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if last {
                return Ok(Reply { code, lines });
            }
        }
        Err(Untaken::later("the server says too much 应答过长"))
    }

    /// An answer with this code. One that refuses for good (RFC 5321, 4.2.1) does so the next time too.
    async fn expect(&mut self, wanted: u16) -> Result<Reply, Untaken> {
        let reply = self.reply().await?;
        match reply.code {
            code if code == wanted || (wanted == 250 && code == 251) => Ok(reply),
            // Its words may repeat an address.
            code @ 500..=599 => Err(Untaken::Never { told: format!("answered 回应 {code}") }),
            code => Err(Untaken::later(format!("answered 回应 {code}"))),
        }
    }

    async fn ask(&mut self, command: &str, wanted: u16) -> Result<Reply, Untaken> {
        self.say(command).await?;
        self.expect(wanted).await
    }

    async fn greet(&mut self) -> Result<Reply, Untaken> {
        // Who has no name that others know says where they are (RFC 5321, 4.1.3).
        self.ask("EHLO [127.0.0.1]", 250).await
    }

    async fn deliver(&mut self, server: &MailServer, to: &[Address], message: &str) -> Result<(), Untaken> {
        self.greet().await?;
        if let Some((user, password)) = &server.login {
            let password = password.read().map_err(|e| Untaken::later(e.to_string()))?;
            let plain = base64::encode(format!("\0{user}\0{}", password.0).as_bytes());
            self.say(&format!("AUTH PLAIN {plain}")).await?;
            // A password is put right by a person: it is tried again until then.
            if let Err(Untaken::Never { told }) = self.expect(235).await {
                return Err(Untaken::later(told));
            }
        }
        self.ask(&format!("MAIL FROM:<{}>", server.from.0), 250).await?;
        for address in to {
            self.ask(&format!("RCPT TO:<{}>", address.0), 250).await?;
        }
        self.ask("DATA", 354).await?;
        self.stream.write_all(message.as_bytes()).await.map_err(io_fault)?;
        self.ask(".", 250).await?;
        // It has it: how it says goodbye is of no matter.
        let _ = self.say("QUIT").await;
        Ok(())
    }
}
