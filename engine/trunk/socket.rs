//! A user agent at one port, as the rest of the program knows it.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};

use dashmap::DashMap;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, oneshot, watch},
};
use waihu_sip::{
    CallHandle, CallsIn, Command, Credentials, Endpoint, EndpointConfig, Event, Hop, Invite, LargeRequests,
    NameAddr, Referral, SessionDescription, Strangers, TimedOut, Transport, Uri, Usage,
    registrar::{Registrar, Telephone},
    registration::{self, State},
    uri::Host,
};
use waihu_types::PhoneNumber;

use crate::{
    call::{Call, IncomingCall},
    discards::Discards,
    hep::{Hep, HepConfig},
    icmp,
    known::Known,
    measure::Measures,
    network::Network,
    stir::{Signer, date},
    streams::{Room, StreamConfig, Streams},
    task::Task,
    trace::{Step, Trace},
    watch::Watch,
};

/// Events that may wait for a call's task: a call has some ten in its life. A task that leaves so
/// many unread has stopped reading, and loses what follows but for its own time-out.
pub(crate) const MAX_EVENTS: usize = 64;

/// Messages of streams that may wait to be read; more wait in their connections.
const MAX_ARRIVALS: usize = 1_024;

/// Calls that may wait to be taken in; more are told 503.
const MAX_INCOMING: usize = 256;

/// What may wait to be read [bytes], as far as the system lets us (`net.core.rmem_max`). At 1,000 calls a
/// second some 4,000 datagrams come in, each counted by the kernel at about 1 KiB: this is a second's worth.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A call to place.
#[derive(Clone, Debug)]
pub struct InviteRequest {
    /// The Request-URI, and To.
    pub target: Uri,
    /// Where the request goes, and by what.
    pub next_hop: Hop,
    /// Where it goes instead, in order, where that hop is dead, silent or answers 503.
    pub backups: Vec<Hop>,
    /// The hosts that a redirection (3xx) may lead to, for the same user; with none it is a refusal.
    pub redirects: Vec<Host>,
    /// The Call-ID, unlike any before; one of our making where none is given.
    pub call_id: Option<String>,
    /// From: the caller id.
    pub from: NameAddr,
    /// Caller and callee in E.164, which a signature names; none where the call is not to be signed.
    pub signed_as: Option<(PhoneNumber, PhoneNumber)>,
    /// For a 401 or 407.
    pub credentials: Option<Credentials>,
    /// The offer.
    pub offer: SessionDescription,
    /// Further header fields, by name and value.
    pub headers: Vec<(String, String)>,
}

/// What the socket has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams that were no message of ours to act on, keep-alives left out.
    pub discarded: u64,
    /// Calls refused with 503, since nobody took them.
    pub refused: u64,
}

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) discarded: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// What was sent and received.
    pub(crate) trace: Trace,
    /// How the carrier's machines are.
    pub(crate) watch: Watch,
    /// Why connections of ours were lost last, by where they led, until they are up again.
    pub(crate) faults: DashMap<Hop, String>,
}

/// Who may call us.
#[derive(Clone, Debug, Default)]
pub enum Callers {
    /// Whoever wants to.
    #[default]
    Anybody,
    /// These networks; everybody else is a stranger.
    Of(Vec<Network>),
}

/// What a socket needs to be told.
#[derive(Clone, Debug)]
pub struct SocketConfig {
    /// What its counts are called by.
    pub name: String,
    /// Where it is bound: one address of this machine.
    pub local: SocketAddr,
    /// The address that Via and Contact name in its place, where a translator stands between.
    pub public: Option<IpAddr>,
    /// User-Agent and Server.
    pub user_agent: String,
    /// Streams.
    pub streams: StreamConfig,
    /// Who may call us.
    pub callers: Callers,
    /// What everybody else hears.
    pub strangers: Strangers,
    /// What becomes of a REFER.
    pub referral: Referral,
    /// Whether anybody takes the calls that come in.
    pub calls_in: CallsIn,
    /// What becomes of a request too large for a datagram.
    pub large: LargeRequests,
    /// Telephones that may register here.
    pub telephones: Vec<Telephone>,
    /// Those of them, by user, that know MD5 digests alone.
    pub md5_alone: Vec<String>,
    /// Signs calls from number to number.
    pub signer: Option<Signer>,
    /// The capture server that all that passes is told to.
    pub hep: Option<HepConfig>,
}

impl SocketConfig {
    /// UDP alone, anybody may call, no transfers.
    pub fn new(local: SocketAddr, user_agent: &str) -> Self {
        Self {
            name: "direct".to_owned(),
            local,
            public: None,
            user_agent: user_agent.to_owned(),
            streams: StreamConfig::default(),
            callers: Callers::default(),
            strangers: Strangers::default(),
            referral: Referral::default(),
            calls_in: CallsIn::default(),
            large: LargeRequests::default(),
            telephones: Vec::new(),
            md5_alone: Vec::new(),
            signer: None,
            hep: None,
        }
    }
}

/// A registration of ours: for how it stands, and to take it back when it is dropped.
pub struct Registration {
    id: u64,
    commands: Commands,
    news: watch::Receiver<Option<State>>,
    moved: bool,
}

impl Registration {
    /// Ends it without taking it back: the carrier's machines may share what they know, and the next one has the same
    /// Contact (RFC 3261 §10.3).
    pub(crate) fn moves(mut self) {
        self.moved = true;
    }

    /// How it stands, each time that this changes; none once the socket is closed.
    pub async fn state(&mut self) -> Option<State> {
        loop {
            self.news.changed().await.ok()?;
            if let Some(state) = self.news.borrow_and_update().clone() {
                return Some(state);
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let registration = self.id;
        self.commands.send(if self.moved {
            Command::Forget { registration }
        } else {
            Command::Unregister { registration }
        });
    }
}

pub(crate) enum Order {
    Command(Command),
    Ping {
        target: Uri,
        next_hop: Hop,
        reply: oneshot::Sender<Result<u16, TimedOut>>,
    },
    Register(Box<registration::Order>, watch::Sender<Option<State>>),
    /// The carrier's networks from here on, and the names that its certificates bear.
    Carried(Vec<Network>, Vec<(IpAddr, String)>),
    Usage(oneshot::Sender<Usage>),
    Settled(oneshot::Sender<()>),
}

/// The way into the socket task. Unbounded: what goes in is a few commands a call, and a command
/// that found no room would leave a phone ringing.
#[derive(Clone)]
pub(crate) struct Commands(pub(crate) mpsc::UnboundedSender<Order>);

impl Commands {
    pub(crate) fn send(&self, command: Command) {
        // Where the task has ended, so has every call.
        let _ = self.0.send(Order::Command(command));
    }
}

/// A SIP user agent on one port. Clones share it. When the last of them and of their calls is gone,
/// the port closes as soon as every hang-up has been answered, at most 64 s later.
#[derive(Clone)]
pub struct SipSocket {
    local: SocketAddr,
    ports: Arc<HashMap<Transport, u16>>,
    commands: Commands,
    calls: Arc<DashMap<CallHandle, mpsc::Sender<Event>>>,
    next: Arc<AtomicU64>,
    tally: Arc<Tally>,
    signer: Option<Signer>,
}

impl SipSocket {
    /// Opens the port and starts the task, within a tokio runtime. `local` also stands in Via and
    /// Contact, so it must be an address at which the far side reaches us. Calls that come in are
    /// handed to the receiver; dropped, they are refused with 503.
    ///
    /// # Errors
    /// When the port cannot be had, or the address is 0.0.0.0 or `::`.
    pub async fn bind(
        local: SocketAddr,
        user_agent: &str,
    ) -> io::Result<(Self, mpsc::Receiver<IncomingCall>)> {
        Self::open(SocketConfig::new(local, user_agent)).await
    }

    /// The same with streams, and with a word about who may call.
    ///
    /// # Errors
    /// As [`SipSocket::bind`], and when TLS's files cannot be used.
    pub async fn open(config: SocketConfig) -> io::Result<(Self, mpsc::Receiver<IncomingCall>)> {
        let local = config.local;
        if local.ip().is_unspecified() {
            let message = "name one address of this machine: the far side sends its answers there";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let socket = UdpSocket::bind(local).await?;
        icmp::ask(&socket)?;
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
        let local = socket.local_addr()?;
        let named = SocketAddr::new(config.public.unwrap_or(local.ip()), local.port());
        let (arrived, arrivals) = mpsc::channel(MAX_ARRIVALS);
        let known = Arc::new(Known::new(config.callers));
        let room = Room::new(Arc::clone(&known), config.telephones.len());
        let streams = Streams::start(local, &config.streams, arrived, room).await?;
        let ports = Arc::new(streams.ports().clone());
        let port = |by: Transport| ports.get(&by).copied();
        let endpoint = Endpoint::new(EndpointConfig {
            bound: local,
            tls_port: port(Transport::Tls),
            ws_port: port(Transport::Ws),
            wss_port: port(Transport::Wss),
            referral: config.referral,
            calls_in: config.calls_in,
            strangers: config.strangers,
            large: config.large,
            ..EndpointConfig::new(named, &config.user_agent, rand::random())
        });
        // Where nobody may register, REGISTER stays refused.
        let endpoint = if config.telephones.is_empty() {
            endpoint
        } else {
            let registrar = Registrar::new("waihu", config.telephones, rand::random());
            endpoint.with_registrar(registrar.asking_md5(config.md5_alone))
        };
        let (orders, inbox) = mpsc::unbounded_channel();
        let (incoming, calls_in) = mpsc::channel(MAX_INCOMING);
        let own = Self {
            local,
            ports,
            commands: Commands(orders),
            calls: Arc::default(),
            // Even handles are ours to choose; the endpoint gives odd ones to calls that come in.
            next: Arc::new(AtomicU64::new(2)),
            tally: Arc::default(),
            signer: config.signer,
        };
        let task = Task {
            socket,
            streams,
            arrivals,
            known,
            registrations: HashMap::new(),
            endpoint,
            inbox,
            incoming,
            commands: own.commands.0.downgrade(),
            calls: Arc::clone(&own.calls),
            tally: Arc::clone(&own.tally),
            measures: Measures::of(&config.name),
            discards: Discards::default(),
            hep: config.hep.map(|hep| Hep::start(hep, named, &config.name)),
            pings: HashMap::new(),
            next_ping: 0,
            waiting: Vec::new(),
            closing: false,
            start: Instant::now(),
        };
        tokio::spawn(task.run());
        Ok((own, calls_in))
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Where others may open a stream of this kind; none where it is not listened for.
    pub fn listens(&self, by: Transport) -> Option<SocketAddr> {
        self.ports.get(&by).map(|port| SocketAddr::new(self.local.ip(), *port))
    }

    /// Whether the socket's task lives; once it has died no call can be placed.
    pub fn is_open(&self) -> bool {
        !self.commands.0.is_closed()
    }

    /// Places a call. Its first event tells how it goes; there is none where the socket's task has died.
    pub fn invite(&self, mut request: InviteRequest) -> Call {
        self.sign(&mut request);
        let handle = CallHandle(self.next.fetch_add(2, Ordering::Relaxed));
        let (sender, events) = mpsc::channel(MAX_EVENTS);
        self.calls.insert(handle, sender);
        let command = Command::Invite(Box::new(Invite {
            call: handle,
            target: request.target,
            next_hop: request.next_hop,
            backups: request.backups,
            redirects: request.redirects,
            call_id: request.call_id,
            from: request.from,
            credentials: request.credentials,
            offer: request.offer,
            headers: request.headers,
        }));
        if self.commands.0.send(Order::Command(command)).is_err() {
            self.calls.remove(&handle);
        }
        Call::new(handle, self.commands.clone(), events)
    }

    /// Adds Identity, and Date with the time of its `iat` (RFC 8224 §4.1, §6.1).
    fn sign(&self, request: &mut InviteRequest) {
        let (Some(signer), Some((from, to))) = (&self.signer, &request.signed_as) else { return };
        let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) else { return };
        let origid = uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string();
        let Some(identity) = signer.identity(from, to, &origid, now.as_secs()) else { return };
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Date"));
        request.headers.push(("Date".to_owned(), date(now.as_secs())));
        request.headers.push(("Identity".to_owned(), identity));
    }

    /// Registers an address of ours and keeps it so until what is returned is dropped.
    pub fn register(&self, order: registration::Order) -> Registration {
        let (news, heard) = watch::channel(None);
        let id = self.next.fetch_add(2, Ordering::Relaxed);
        let order = registration::Order { registration: id, ..order };
        let _ = self.commands.0.send(Order::Register(Box::new(order), news));
        Registration { id, commands: self.commands.clone(), news: heard, moved: false }
    }

    /// The exchange of a call by its Call-ID, of what is still kept: the latest 10,000 messages of this socket.
    pub fn trace(&self, call_id: &str) -> Vec<Step> {
        self.tally.trace.of(call_id)
    }

    /// Why the connection to a hop was lost, or could not be made; none once it is up.
    pub fn fault(&self, hop: Hop) -> Option<String> {
        self.tally.faults.get(&hop).map(|fault| fault.clone())
    }

    /// How the carrier's machines are.
    pub(crate) fn watch(&self) -> &Watch {
        &self.tally.watch
    }

    /// Whose messages are the carrier's from here on, and the names that certificates bear at these addresses.
    pub(crate) fn carried_by(&self, networks: Vec<Network>, names: Vec<(IpAddr, String)>) {
        let _ = self.commands.0.send(Order::Carried(networks, names));
    }

    /// Asks the far side whether it is there (OPTIONS), and returns its status code.
    ///
    /// # Errors
    /// When nothing answers in 32 s.
    pub async fn ping(&self, target: Uri, next_hop: Hop) -> Result<u16, TimedOut> {
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.0.send(Order::Ping { target, next_hop, reply });
        answer.await.unwrap_or(Err(TimedOut))
    }

    /// Waits until no call is left and every BYE and CANCEL has been answered, or given up after 32 s.
    /// A process that ends before that may leave a phone off the hook.
    pub async fn settled(&self) {
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.0.send(Order::Settled(reply));
        let _ = answer.await;
    }

    /// What it holds at this moment. Ended calls leave transactions behind for 32 s, and then nothing.
    pub async fn usage(&self) -> Usage {
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.0.send(Order::Usage(reply));
        answer.await.unwrap_or_default()
    }

    /// What it has seen so far.
    pub fn counters(&self) -> Counters {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Counters {
            received: read(&self.tally.received),
            sent: read(&self.tally.sent),
            discarded: read(&self.tally.discarded),
            refused: read(&self.tally.refused),
        }
    }
}
