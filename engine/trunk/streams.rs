//! Connections: one for each hop that is reached by a stream, opened when something is to be sent there, and
//! those that others open (RFC 3261 §18, RFC 5626 §4.4 keep-alives, RFC 7118 WebSocket).
//!
//! Each is a task of its own, so that a far end which does not read holds up nobody else.

mod upgrade;
mod web;

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use dashmap::DashMap;
use nix::sys::socket::{setsockopt, sockopt};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use waihu_sip::{
    Hop, Transport,
    framing::{Frame, Framer},
};

use crate::{
    known::Known,
    tls::{self, TlsError, TlsFiles},
};

/// How long a connection and its handshake may take: a transaction has 32 s, and UDP or the next carrier is
/// still to be tried.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// How long a message that has begun may take to end, and one that is sent to be taken: half-open connections
/// and those who send a byte a second are let go.
const STALL: Duration = Duration::from_secs(10);
/// After how long without a word from the far end it is asked for one, and how long the answer may take (RFC 5626
/// §4.4.1: between 95 and 120 s over streams, and 10 s).
const BEAT: Beat = Beat { every: Duration::from_secs(100), patience: Duration::from_secs(10) };
/// How long what was sent may stay unacknowledged before the system ends the connection [ms] (RFC 5482): nothing else
/// tells of a far end that is gone while there is always something to send.
const UNACKNOWLEDGED_MS: u32 = 30_000;
/// How long a connection of others may be quiet: three of their keep-alives.
const QUIET: Duration = Duration::from_secs(400);
/// Messages that may wait for one connection; a far end that leaves more unread is gone.
const MAX_WAITING: usize = 1_024;
/// Connections that others may have open, and strangers among them: the rest is left to those who are known.
const MAX_CONNECTIONS: usize = 1_024;
const MAX_OF_STRANGERS: usize = MAX_CONNECTIONS / 2;
/// Connections that one telephone may need: the one that it lost may not have ended yet.
const EACH_TELEPHONE: usize = 2;

/// What connections tell.
pub(crate) enum Arrival {
    /// A message.
    Message(Hop, Bytes),
    /// Others have opened one.
    Opened(Hop, u64, mpsc::Sender<Bytes>),
    /// One of ours is up.
    Connected(Hop),
    /// One is no more, and why where it was ours and that is a fault.
    Closed(Hop, u64, Option<String>),
    /// Somebody from there may open none: why, by its label.
    Refused(IpAddr, &'static str),
}

struct Setup {
    local: SocketAddr,
    client: Option<TlsConnector>,
    /// The names that certificates must bear, by address.
    names: Arc<DashMap<IpAddr, String>>,
    /// The path that a proxy serves WebSocket at.
    ws_path: String,
    /// The sites whose pages may connect.
    origins: Vec<String>,
    beat: Beat,
    arrivals: mpsc::Sender<Arrival>,
}

/// How quiet connections are kept open.
#[derive(Clone, Copy)]
struct Beat {
    /// So long after the last that was received.
    every: Duration,
    /// For so long the answer is waited for.
    patience: Duration,
}

/// The room for connections of others, by where they come from.
pub(crate) struct Room {
    known: Arc<Known>,
    /// Of one stranger's address: all telephones may stand behind one.
    of_one: usize,
    /// Each connection's far end, and whether that is known.
    taken: Mutex<Vec<(IpAddr, bool)>>,
}

/// A connection's place in it, for as long as this lives.
struct Held {
    room: Arc<Room>,
    by: (IpAddr, bool),
}

impl Room {
    /// Strangers have some where telephones may register: these come from anywhere.
    pub(crate) fn new(known: Arc<Known>, telephones: usize) -> Arc<Self> {
        let of_one = telephones.saturating_mul(EACH_TELEPHONE);
        Arc::new(Self { known, of_one, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Vec<(IpAddr, bool)>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(self: &Arc<Self>, from: IpAddr) -> Option<Held> {
        let known = self.known.contains(from);
        let mut taken = self.taken();
        let strangers = taken.iter().filter(|(_, known)| !known).count();
        let of_one = taken.iter().filter(|(ip, _)| *ip == from).count();
        let fits = known || (strangers < MAX_OF_STRANGERS && of_one < self.of_one);
        if !fits || taken.len() >= MAX_CONNECTIONS {
            return None;
        }
        taken.push((from, known));
        Some(Held { room: Arc::clone(self), by: (from, known) })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        if let Some(at) = taken.iter().position(|by| *by == self.by) {
            taken.swap_remove(at);
        }
    }
}

/// All connections.
pub(crate) struct Streams {
    open: HashMap<Hop, (u64, mpsc::Sender<Bytes>)>,
    setup: Arc<Setup>,
    next: u64,
    /// Where each kind is listened for.
    ports: HashMap<Transport, u16>,
}

/// What streams need to be told.
#[derive(Clone, Debug, Default)]
pub struct StreamConfig {
    /// Whether TCP is listened for at the same port, and TLS where there is a certificate.
    pub listen: Listen,
    /// TLS; without it nothing goes by TLS.
    pub tls: Option<TlsFiles>,
    /// The names that certificates must bear, by address; where none is given it is the address itself.
    pub names: Vec<(IpAddr, String)>,
    /// The path of a proxy's WebSocket; `/` where it is empty.
    pub ws_path: String,
    /// Whether telephones in browsers may connect.
    pub web: Web,
}

/// Where WebSocket of others is listened for, and whose (RFC 7118).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Web {
    /// The port of WebSocket; none where it is not listened for.
    pub ws_port: Option<u16>,
    /// The port of WebSocket within TLS, with our certificate.
    pub wss_port: Option<u16>,
    /// The sites whose pages may connect, as browsers write them: `https://desk.example` (RFC 6454 §6.2).
    pub origins: Vec<String>,
}

/// Whether others may open streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listen {
    /// Datagrams alone are taken.
    #[default]
    UdpOnly,
    /// TCP at the same port; TLS at the port above where there is a certificate.
    Streams,
}

/// One way in for others.
#[derive(Clone)]
struct Door {
    transport: Transport,
    tls: Option<TlsAcceptor>,
}

/// The ways in that are wished, each with its port.
fn doors(local: SocketAddr, config: &StreamConfig) -> io::Result<Vec<(Door, u16)>> {
    let within = |server: rustls::ServerConfig| Some(TlsAcceptor::from(Arc::new(server)));
    let files = config.tls.as_ref();
    let mut doors = Vec::new();
    if config.listen == Listen::Streams {
        doors.push((Door { transport: Transport::Tcp, tls: None }, local.port()));
        if let Some(server) = files.map(tls::server).transpose()?.flatten() {
            let door = Door { transport: Transport::Tls, tls: within(server) };
            doors.push((door, local.port().saturating_add(1)));
        }
    }
    doors.extend(config.web.ws_port.map(|port| (Door { transport: Transport::Ws, tls: None }, port)));
    if let Some(port) = config.web.wss_port {
        let server = files.map(tls::for_browsers).transpose()?.flatten().ok_or(TlsError::NoCertificate)?;
        doors.push((Door { transport: Transport::Wss, tls: within(server) }, port));
    }
    Ok(doors)
}

impl Streams {
    /// Sets up what connections will need, and listens where that is wished.
    pub(crate) async fn start(
        local: SocketAddr,
        config: &StreamConfig,
        arrivals: mpsc::Sender<Arrival>,
        room: Arc<Room>,
    ) -> io::Result<Self> {
        let files = config.tls.as_ref();
        let client = match files.map(tls::client) {
            // Where nothing of TLS is written it may never be wanted: whoever wants it is told then.
            Some(Err(TlsError::NobodyBelieved)) if config.tls == Some(TlsFiles::default()) => None,
            client => client.transpose()?.map(|c| TlsConnector::from(Arc::new(c))),
        };
        let names = Arc::new(config.names.iter().cloned().collect());
        let ws_path = if config.ws_path.is_empty() { "/".to_owned() } else { config.ws_path.clone() };
        let origins = config.web.origins.clone();
        let setup = Arc::new(Setup { local, client, names, ws_path, origins, beat: BEAT, arrivals });
        let mut ports = HashMap::new();
        for (n, (door, port)) in (0..).zip(doors(local, config)?) {
            let listener = TcpListener::bind(SocketAddr::new(local.ip(), port)).await?;
            ports.insert(door.transport, listener.local_addr()?.port());
            tokio::spawn(listen(listener, n, door, Arc::clone(&setup), Arc::clone(&room)));
        }
        Ok(Self { open: HashMap::new(), setup, next: 0, ports })
    }

    /// The ports that streams are listened for at.
    pub(crate) fn ports(&self) -> &HashMap<Transport, u16> {
        &self.ports
    }

    /// Sends to a hop, over the connection that there is or a new one. False where the far end does not read.
    pub(crate) fn send(&mut self, hop: Hop, bytes: Bytes) -> bool {
        let Some((_, outbox)) = self.open.get(&hop) else { return self.connect(hop, bytes) };
        match outbox.try_send(bytes) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(bytes)) => self.connect(hop, bytes),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.open.remove(&hop);
                false
            }
        }
    }

    /// Sends over the connection that there is; false where there is none, or the far end does not read.
    pub(crate) fn answer(&self, hop: Hop, bytes: Bytes) -> bool {
        self.open.get(&hop).is_some_and(|(_, outbox)| outbox.try_send(bytes).is_ok())
    }

    fn connect(&mut self, hop: Hop, first: Bytes) -> bool {
        let (outbox, waiting) = mpsc::channel(MAX_WAITING);
        let sent = outbox.try_send(first).is_ok();
        self.next += 2;
        self.open.insert(hop, (self.next, outbox));
        tokio::spawn(outgoing(Arc::clone(&self.setup), hop, self.next, waiting));
        sent
    }

    /// Notes the names that certificates bear at these addresses.
    pub(crate) fn names(&self, names: Vec<(IpAddr, String)>) {
        for (ip, name) in names {
            self.setup.names.insert(ip, name);
        }
    }

    /// Notes what others have opened.
    pub(crate) fn opened(&mut self, hop: Hop, id: u64, outbox: mpsc::Sender<Bytes>) {
        self.open.insert(hop, (id, outbox));
    }

    /// Forgets a connection; false where another has taken its place meanwhile.
    pub(crate) fn closed(&mut self, hop: Hop, id: u64) -> bool {
        let same = self.open.get(&hop).is_some_and(|(open, _)| *open == id);
        if same {
            self.open.remove(&hop);
        }
        same
    }
}

async fn outgoing(setup: Arc<Setup>, hop: Hop, id: u64, waiting: mpsc::Receiver<Bytes>) {
    let fault = match timeout(CONNECT_PATIENCE, dial(&setup, hop)).await {
        Err(_) => Some("nobody answers within 5 s".to_owned()),
        Ok(Err(fault)) => Some(fault.to_string()),
        Ok(Ok(connected)) => {
            let _ = setup.arrivals.send(Arrival::Connected(hop)).await;
            carry(&setup, hop, connected, waiting).await.err().map(|e| e.to_string())
        }
    };
    let _ = setup.arrivals.send(Arrival::Closed(hop, id, fault)).await;
}

/// Who keeps a connection open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpenedBy {
    Us,
    Others,
}

/// Either kind of stream.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

async fn dial(setup: &Setup, hop: Hop) -> io::Result<Box<dyn Wire>> {
    let socket = if hop.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if setup.local.is_ipv4() == hop.address.is_ipv4() {
        socket.bind(SocketAddr::new(setup.local.ip(), 0))?;
    }
    let stream = socket.connect(hop.address).await?;
    tune(&stream)?;
    if !hop.transport.is_secure() {
        return Ok(Box::new(stream));
    }
    let connector = setup.client.as_ref().ok_or(TlsError::NobodyBelieved)?;
    let name = setup.names.get(&hop.address.ip()).map(|name| name.clone());
    let name = match name {
        Some(name) => {
            ServerName::try_from(name).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?
        }
        None => ServerName::IpAddress(hop.address.ip().into()),
    };
    Ok(Box::new(connector.connect(name, stream).await?))
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::TcpUserTimeout, &UNACKNOWLEDGED_MS)?;
    Ok(())
}

async fn carry(
    setup: &Setup,
    hop: Hop,
    stream: Box<dyn Wire>,
    waiting: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    match hop.transport {
        Transport::Ws | Transport::Wss => {
            let socket = web::dial(setup, hop, stream).await?;
            web::carry(setup, hop, socket, waiting).await
        }
        _ => plain(setup, hop, stream, waiting, OpenedBy::Us).await,
    }
}

/// Messages both ways over a stream, until it ends.
async fn plain(
    setup: &Setup,
    hop: Hop,
    stream: impl Wire,
    mut waiting: mpsc::Receiver<Bytes>,
    by: OpenedBy,
) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (mut framer, mut buffer) = (Framer::default(), vec![0; 8_192]);
    let Beat { every, patience } = setup.beat;
    let (mut due, mut heard) = (Instant::now() + every, Instant::now());
    // Whoever has answered one keep-alive answers each (RFC 5626 §4.4.1); many answer none.
    let (mut answers, mut pong_due) = (false, None);
    loop {
        let stalled = heard + if framer.is_within() { STALL } else { QUIET };
        tokio::select! {
            read = reader.read(&mut buffer) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                (due, pong_due) = (Instant::now() + every, None);
                if !framer.is_within() {
                    heard = Instant::now();
                }
                framer.push(buffer.get(..read).unwrap_or_default());
                loop {
                    let frame = framer.next_frame().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
                    match frame {
                        None => break,
                        Some(Frame::Ping) => write(&mut writer, b"\r\n").await?,
                        Some(Frame::Pong) => answers = true,
                        Some(Frame::Message(bytes)) => {
                            let told = setup.arrivals.send(Arrival::Message(hop, bytes)).await;
                            if told.is_err() {
                                return Ok(());
                            }
                        }
                    }
                    heard = Instant::now();
                }
            }
            bytes = waiting.recv() => match bytes {
                None => return Ok(()),
                Some(bytes) => write(&mut writer, &bytes).await?,
            },
            () = tokio::time::sleep_until(due), if by == OpenedBy::Us => {
                write(&mut writer, b"\r\n\r\n").await?;
                due = Instant::now() + every;
                pong_due = pong_due.or(answers.then(|| Instant::now() + patience));
            }
            () = tokio::time::sleep_until(pong_due.unwrap_or(due)), if pong_due.is_some() => {
                return Err(unanswered());
            }
            () = tokio::time::sleep_until(stalled), if framer.is_within() || by == OpenedBy::Others => {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

fn unanswered() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "a keep-alive was not answered")
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    timeout(STALL, async {
        writer.write_all(bytes).await?;
        writer.flush().await
    })
    .await?
}

/// Takes connections of others by the `n`th way in, as many as there is room for.
async fn listen(listener: TcpListener, n: u64, door: Door, setup: Arc<Setup>, room: Arc<Room>) {
    // Odd numbers are theirs, even ones ours.
    let mut id = n << 60 | 1;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = setup.arrivals.closed() => return,
        };
        let Ok((stream, from)) = accepted else {
            // Out of file descriptors as a rule: others are let go meanwhile.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Some(held) = room.hold(from.ip()) else { continue };
        id = id.wrapping_add(2) | 1;
        tokio::spawn(incoming(Arc::clone(&setup), stream, from, door.clone(), id, held));
    }
}

/// A connection of others that messages can go over.
enum Taken {
    Plain(Box<dyn Wire>),
    Web(web::Socket),
}

async fn incoming(setup: Arc<Setup>, stream: TcpStream, from: SocketAddr, door: Door, id: u64, _held: Held) {
    let hop = Hop::new(door.transport, from);
    let Some(taken) = take(&setup, stream, from, door).await else { return };
    let (outbox, waiting) = mpsc::channel(MAX_WAITING);
    if setup.arrivals.send(Arrival::Opened(hop, id, outbox)).await.is_err() {
        return;
    }
    // They keep it open; we only let it go when they are gone. Why they are is theirs to know.
    let _ = match taken {
        Taken::Plain(stream) => plain(&setup, hop, stream, waiting, OpenedBy::Others).await,
        Taken::Web(socket) => web::carry(&setup, hop, socket, waiting).await,
    };
    let _ = setup.arrivals.send(Arrival::Closed(hop, id, None)).await;
}

/// Goes through the handshakes of a connection of others.
async fn take(setup: &Setup, stream: TcpStream, from: SocketAddr, door: Door) -> Option<Taken> {
    let _ = tune(&stream);
    let stream: Box<dyn Wire> = match door.tls {
        None => Box::new(stream),
        Some(acceptor) => Box::new(timeout(CONNECT_PATIENCE, acceptor.accept(stream)).await.ok()?.ok()?),
    };
    if !door.transport.is_web() {
        return Some(Taken::Plain(stream));
    }
    match timeout(CONNECT_PATIENCE, upgrade::accept(stream, &setup.origins)).await.ok()? {
        Ok(socket) => Some(Taken::Web(socket)),
        Err(refused) => {
            let _ = setup.arrivals.send(Arrival::Refused(from.ip(), refused?.label())).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::getsockopt;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    /// A connection of ours with a quick beat, and its far end.
    fn connection(
        transport: Transport,
    ) -> (tokio::task::JoinHandle<io::Result<()>>, DuplexStream, mpsc::Sender<Bytes>) {
        let (arrivals, heard) = mpsc::channel(8);
        // Nobody reads what comes, and the way stays open.
        std::mem::forget(heard);
        let beat = Beat { every: Duration::from_millis(20), patience: Duration::from_secs(2) };
        let local = SocketAddr::from(([127, 0, 0, 1], 5060));
        let setup = Setup {
            local,
            client: None,
            names: Arc::default(),
            ws_path: "/".to_owned(),
            origins: Vec::new(),
            beat,
            arrivals,
        };
        let (near, far) = tokio::io::duplex(64);
        let (outbox, waiting) = mpsc::channel(8);
        let hop = Hop::new(transport, local);
        let task = tokio::spawn(async move { carry(&setup, hop, Box::new(near), waiting).await });
        (task, far, outbox)
    }

    async fn pinged(far: &mut DuplexStream) {
        let mut ping = [0; 4];
        timeout(LONG, far.read_exact(&mut ping)).await.unwrap().unwrap();
        assert_eq!(&ping, b"\r\n\r\n");
    }

    #[tokio::test]
    async fn who_has_answered_keep_alives_and_then_does_not_is_gone() {
        let (task, mut far, _outbox) = connection(Transport::Tcp);
        for _ in 0..3 {
            pinged(&mut far).await;
            far.write_all(b"\r\n").await.unwrap();
        }
        pinged(&mut far).await;
        let drain = tokio::spawn(async move { while far.read_u8().await.is_ok() {} });
        let ended = timeout(LONG, task).await.unwrap().unwrap().unwrap_err();
        assert_eq!(ended.to_string(), "a keep-alive was not answered");
        drain.await.unwrap();
    }

    /// Reads on and answers nothing, while there is always something sent there.
    async fn ends_though_we_send(
        task: tokio::task::JoinHandle<io::Result<()>>,
        mut far: DuplexStream,
        outbox: mpsc::Sender<Bytes>,
    ) {
        let drain = tokio::spawn(async move { while far.read_u8().await.is_ok() {} });
        let sending =
            tokio::spawn(async move { while outbox.send(Bytes::from_static(b"x")).await.is_ok() {} });
        let ended = timeout(LONG, task).await.unwrap().unwrap().unwrap_err();
        assert_eq!(ended.to_string(), "a keep-alive was not answered");
        sending.await.unwrap();
        drain.await.unwrap();
    }

    #[tokio::test]
    async fn what_we_send_keeps_no_connection_alive() {
        let (task, mut far, outbox) = connection(Transport::Tcp);
        pinged(&mut far).await;
        far.write_all(b"\r\n").await.unwrap();
        ends_though_we_send(task, far, outbox).await;
    }

    #[tokio::test]
    async fn over_websocket_each_ping_wants_its_pong() {
        let (task, mut far, outbox) = connection(Transport::Ws);
        let mut asked = String::new();
        while !asked.ends_with("\r\n\r\n") {
            asked.push(char::from(timeout(LONG, far.read_u8()).await.unwrap().unwrap()));
        }
        let mut fields = asked.lines().filter_map(|line| line.split_once(": "));
        let key = fields.find(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Key")).unwrap().1;
        let accept = derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        far.write_all(answer.as_bytes()).await.unwrap();
        ends_though_we_send(task, far, outbox).await;
    }

    #[tokio::test]
    async fn the_system_is_told_how_long_to_wait_for_acknowledgements() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        tune(&stream).unwrap();
        assert_eq!(getsockopt(&stream, sockopt::TcpUserTimeout), Ok(UNACKNOWLEDGED_MS));
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn who_never_answers_keep_alives_is_left_alone() {
        let (task, mut far, outbox) = connection(Transport::Tcp);
        for _ in 0..30 {
            pinged(&mut far).await;
        }
        assert!(!task.is_finished());
        drop((far, outbox));
        let _ = timeout(LONG, task).await.unwrap().unwrap();
    }
}
