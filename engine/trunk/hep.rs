//! What passes over the wire, told to a capture server (Homer) as well: HEP version 3, a datagram a message.
//!
//! Nothing here may hold up a call: messages wait in a bounded queue for a task that sends them, and what finds no
//! room, no name or nobody there is dropped and counted. Deliberately absent: TCP and TLS to the server, compression,
//! RTCP and logs.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    time::{Instant, sleep_until},
};
use waihu_sip::{Hop, Transport};

use crate::trace::Way;

/// Messages that may wait to be told: at 4,000 a second a quarter of one.
const MAX_WAITING: usize = 1_024;
/// How often a name is asked for again that leads nowhere, and one that does: servers move.
const ASK_AGAIN: Duration = Duration::from_secs(30);
const ASK_ANEW: Duration = Duration::from_secs(600);

/// Where what passes is told to.
#[derive(Clone)]
pub struct HepConfig {
    /// The server, by name or address, with its port.
    pub server: String,
    /// Which of its senders we are.
    pub capture_id: u32,
    /// What proves it, where the server asks for that. It goes in the clear.
    pub password: Option<String>,
}

impl std::fmt::Debug for HepConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HepConfig").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A message that passed.
struct Told {
    at: SystemTime,
    way: Way,
    hop: Hop,
    bytes: Bytes,
}

/// The way to the server.
pub(crate) struct Hep {
    tell: mpsc::Sender<Told>,
    dropped: metrics::Counter,
}

impl Hep {
    /// Starts the task that tells. It ends with the value that is returned.
    pub(crate) fn start(config: HepConfig, own: SocketAddr, trunk: &str) -> Self {
        let (tell, told) = mpsc::channel(MAX_WAITING);
        let count = |end: &'static str| metrics::counter!("waihu_hep_messages_total", "trunk" => trunk.to_owned(), "end" => end);
        let (sent, dropped) = (count("sent"), count("dropped"));
        let sender = Sender { config, own, sent, dropped: dropped.clone(), server: None };
        tokio::spawn(sender.run(told));
        Self { tell, dropped }
    }

    /// Tells of a message, unless too many wait already.
    pub(crate) fn tell(&self, way: Way, hop: Hop, bytes: Bytes) {
        if self.tell.try_send(Told { at: SystemTime::now(), way, hop, bytes }).is_err() {
            self.dropped.increment(1);
        }
    }
}

struct Sender {
    config: HepConfig,
    own: SocketAddr,
    sent: metrics::Counter,
    dropped: metrics::Counter,
    server: Option<UdpSocket>,
}

impl Sender {
    async fn run(mut self, mut told: mpsc::Receiver<Told>) {
        // Before any message is looked at: the first is told as well.
        let mut ask_at = self.ask().await;
        loop {
            tokio::select! {
                () = sleep_until(ask_at) => ask_at = self.ask().await,
                message = told.recv() => match message {
                    Some(message) => self.send(&message).await,
                    None => return,
                },
            }
        }
    }

    /// Looks where the server is; when to look again.
    async fn ask(&mut self) -> Instant {
        let found = find(&self.config.server).await;
        if let Err(fault) = &found {
            tracing::warn!(%fault, server = %self.config.server, "the capture server cannot be found");
        }
        // A server that was found once is kept while its name cannot be asked for.
        self.server = found.ok().or(self.server.take());
        Instant::now() + if self.server.is_some() { ASK_ANEW } else { ASK_AGAIN }
    }

    async fn send(&self, told: &Told) {
        let ends = match told.way {
            Way::Out => (self.own, told.hop.address),
            Way::In => (told.hop.address, self.own),
        };
        let packet = packet(&self.config, ends, told.hop.transport, told.at, &told.bytes);
        let sent = match self.server.as_ref().zip(packet) {
            // A new socket has to be waited for before it takes anything.
            Some((server, packet)) => server.send(&packet).await.is_ok(),
            None => false,
        };
        if sent { &self.sent } else { &self.dropped }.increment(1);
    }
}

/// A socket that leads to a server.
async fn find(server: &str) -> io::Result<UdpSocket> {
    let mut found = tokio::net::lookup_host(server).await?;
    let to = found.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address"))?;
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// One packet: `HEP3`, its length, and chunks of vendor (0: general), kind, length and value. None where the message
/// leaves no room for them in a datagram.
fn packet(
    config: &HepConfig,
    (from, to): (SocketAddr, SocketAddr),
    transport: Transport,
    at: SystemTime,
    message: &[u8],
) -> Option<Bytes> {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut packet = BytesMut::with_capacity(message.len() + 128);
    packet.put_slice(b"HEP3\0\0");
    let mut chunk = |kind: u16, value: &[u8]| {
        packet.put_u16(0);
        packet.put_u16(kind);
        // What is too long is refused below, as a whole.
        packet.put_u16(u16::try_from(value.len() + 6).unwrap_or(u16::MAX));
        packet.put_slice(value);
    };
    // AF_INET and AF_INET6 as Linux numbers them; UDP and TCP by their numbers at IANA.
    let (family, protocol) =
        (if from.is_ipv4() { 2 } else { 10 }, if transport.is_reliable() { 6 } else { 17 });
    chunk(1, &[family]);
    chunk(2, &[protocol]);
    for (at, v4, v6) in [(from, 3, 5), (to, 4, 6)] {
        match at.ip() {
            IpAddr::V4(a) => chunk(v4, &a.octets()),
            IpAddr::V6(a) => chunk(v6, &a.octets()),
        }
    }
    chunk(7, &from.port().to_be_bytes());
    chunk(8, &to.port().to_be_bytes());
    chunk(9, &u32::try_from(since.as_secs()).unwrap_or(u32::MAX).to_be_bytes());
    chunk(10, &since.subsec_micros().to_be_bytes());
    // 1 is SIP.
    chunk(11, &[1]);
    chunk(12, &config.capture_id.to_be_bytes());
    if let Some(password) = &config.password {
        chunk(14, password.as_bytes());
    }
    chunk(15, &without_keys(message));
    let length = u16::try_from(packet.len()).ok()?;
    packet.get_mut(4..6)?.copy_from_slice(&length.to_be_bytes());
    Some(packet.freeze())
}

/// The message with the keys of its sound blotted out (RFC 4568 §9.1: `inline:` and the key), as long as it was: who
/// watches signalling is not to hear calls.
fn without_keys(message: &[u8]) -> Vec<u8> {
    const MARK: &[u8] = b"inline:";
    let mut text = message.to_vec();
    let mut at = 0;
    while let Some(found) =
        text.get(at..).and_then(|rest| rest.windows(MARK.len()).position(|w| w.eq_ignore_ascii_case(MARK)))
    {
        at += found + MARK.len();
        let key = text.iter_mut().skip(at).take_while(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b));
        key.for_each(|byte| *byte = b'*');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_sound_do_not_leave_and_all_else_stays() {
        let told = b"a=crypto:1 AEAD_AES_256_GCM inline:abC+/9==|2^20|1:4;inline:Zz\r\na=crypto:2 X INLINE:q\r\nm=audio";
        let shown = without_keys(told);
        assert_eq!(
            String::from_utf8(shown).unwrap(),
            "a=crypto:1 AEAD_AES_256_GCM inline:********|2^20|1:4;inline:**\r\na=crypto:2 X INLINE:*\r\nm=audio"
        );
        assert_eq!(without_keys(b"INVITE inline"), b"INVITE inline");
    }

    #[test]
    fn what_does_not_fit_into_a_datagram_is_left_out() {
        let config = HepConfig { server: "h:9060".to_owned(), capture_id: 1, password: None };
        let ends = ("[2001:db8::1]:5060".parse().unwrap(), "[2001:db8::2]:5060".parse().unwrap());
        let of = |length: usize| packet(&config, ends, Transport::Tcp, UNIX_EPOCH, &vec![b'x'; length]);
        assert!(of(65_507).is_none());
        let packet = of(10).unwrap();
        assert_eq!(packet.get(4..6), Some(&u16::try_from(packet.len()).unwrap().to_be_bytes()[..]));
    }
}
