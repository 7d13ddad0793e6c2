//! The socket task: datagrams and commands in, datagrams and events out.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use dashmap::DashMap;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, oneshot},
};
use waihu_sip::{
    CallHandle, Command, Credentials, Discard, Endpoint, EndpointConfig, Event, Hop, Input, Invite, NameAddr,
    Output, SessionDescription, TimedOut, Uri, Usage,
};
use waihu_types::Time;

use crate::{
    call::{Call, IncomingCall},
    icmp,
};

/// The largest UDP datagram.
const MAX_DATAGRAM: usize = 65_535;

/// Events that may wait for a call's task: a call has some ten in its life. A task that leaves so
/// many unread has stopped reading, and loses what follows but for its own time-out.
const MAX_EVENTS: usize = 64;

/// Calls that may wait to be taken in; more are told 503.
const MAX_INCOMING: usize = 256;

/// What may wait to be read [bytes], as far as the system lets us (`net.core.rmem_max`). At 1,000 calls a
/// second some 4,000 datagrams come in, each counted by the kernel at about 1 KiB: this is a second's worth.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Datagrams read in one go before timers and commands have their turn.
const READ_BOUND: usize = 64;

/// Times that a datagram is offered to the socket: a failure may be the report about an earlier datagram
/// to somewhere else, and several such may wait.
const SEND_ATTEMPTS: usize = 4;

/// A call to place.
#[derive(Clone, Debug)]
pub struct InviteRequest {
    /// The Request-URI, and To.
    pub target: Uri,
    /// Where the request goes, and by what.
    pub next_hop: Hop,
    /// From: the caller id.
    pub from: NameAddr,
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
struct Tally {
    received: AtomicU64,
    sent: AtomicU64,
    discarded: AtomicU64,
    refused: AtomicU64,
}

enum Order {
    Command(Command),
    Ping { target: Uri, next_hop: Hop, reply: oneshot::Sender<Result<u16, TimedOut>> },
    Usage(oneshot::Sender<Usage>),
    Settled(oneshot::Sender<()>),
}

/// The way into the socket task. Unbounded: what goes in is a few commands a call, and a command
/// that found no room would leave a phone ringing.
#[derive(Clone)]
pub(crate) struct Commands(mpsc::UnboundedSender<Order>);

impl Commands {
    pub(crate) fn send(&self, command: Command) {
        // Where the task has ended, so has every call.
        let _ = self.0.send(Order::Command(command));
    }
}

/// A SIP user agent on one UDP port. Clones share it. When the last of them and of their calls is gone,
/// the port closes as soon as every hang-up has been answered, at most 64 s later.
#[derive(Clone)]
pub struct SipSocket {
    local: SocketAddr,
    commands: Commands,
    calls: Arc<DashMap<CallHandle, mpsc::Sender<Event>>>,
    next: Arc<AtomicU64>,
    tally: Arc<Tally>,
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
        if local.ip().is_unspecified() {
            let message = "name one address of this machine: the far side sends its answers there";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let socket = UdpSocket::bind(local).await?;
        icmp::ask(&socket)?;
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
        let local = socket.local_addr()?;
        let endpoint = Endpoint::new(EndpointConfig::new(local, user_agent, rand::random()));
        let (orders, inbox) = mpsc::unbounded_channel();
        let (incoming, calls_in) = mpsc::channel(MAX_INCOMING);
        let own = Self {
            local,
            commands: Commands(orders),
            calls: Arc::default(),
            // Even handles are ours to choose; the endpoint gives odd ones to calls that come in.
            next: Arc::new(AtomicU64::new(2)),
            tally: Arc::default(),
        };
        let task = Task {
            socket,
            endpoint,
            inbox,
            incoming,
            commands: own.commands.0.downgrade(),
            calls: Arc::clone(&own.calls),
            tally: Arc::clone(&own.tally),
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

    /// Whether the socket's task lives; once it has died no call can be placed.
    pub fn is_open(&self) -> bool {
        !self.commands.0.is_closed()
    }

    /// Places a call. Its first event tells how it goes; there is none where the socket's task has died.
    pub fn invite(&self, request: InviteRequest) -> Call {
        let handle = CallHandle(self.next.fetch_add(2, Ordering::Relaxed));
        let (sender, events) = mpsc::channel(MAX_EVENTS);
        self.calls.insert(handle, sender);
        let command = Command::Invite(Box::new(Invite {
            call: handle,
            target: request.target,
            next_hop: request.next_hop,
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

struct Task {
    socket: UdpSocket,
    endpoint: Endpoint,
    inbox: mpsc::UnboundedReceiver<Order>,
    incoming: mpsc::Sender<IncomingCall>,
    commands: mpsc::WeakUnboundedSender<Order>,
    calls: Arc<DashMap<CallHandle, mpsc::Sender<Event>>>,
    tally: Arc<Tally>,
    pings: HashMap<u64, oneshot::Sender<Result<u16, TimedOut>>>,
    next_ping: u64,
    /// Who waits for all to be settled.
    waiting: Vec<oneshot::Sender<()>>,
    /// Nobody is left to command it.
    closing: bool,
    start: Instant,
}

/// However the task ends, by a panic too, no call is left to wait for events that nobody will send.
impl Drop for Task {
    fn drop(&mut self) {
        // In this order: an invite at this moment is either cleared away here, or finds the way in closed.
        self.inbox.close();
        self.calls.clear();
    }
}

impl Task {
    async fn run(mut self) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let due = self.endpoint.poll_timeout();
            let at = due.map(|t| tokio::time::Instant::from_std(self.start + t.since(Time::ZERO)));
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => self.read(received, &mut buffer),
                order = self.inbox.recv(), if !self.closing => match order {
                    Some(order) => self.obey(order),
                    None => self.closing = true,
                },
                () = tokio::time::sleep_until(at.unwrap_or_else(tokio::time::Instant::now)), if at.is_some() => {
                    self.endpoint.handle_input(self.now(), Input::Timeout);
                }
            }
            self.carry_out().await;
            if (self.closing || !self.waiting.is_empty()) && self.endpoint.is_settled() {
                self.waiting.drain(..).for_each(|reply| {
                    let _ = reply.send(());
                });
                if self.closing {
                    return;
                }
            }
        }
    }

    fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }

    /// Takes what was received, and what else waits, up to a bound.
    fn read(&mut self, first: io::Result<(usize, SocketAddr)>, buffer: &mut [u8]) {
        let mut received = first;
        for _ in 0..READ_BOUND {
            let (length, from) = match received {
                Ok(received) => received,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.note_unreachable(),
            };
            self.tally.received.fetch_add(1, Ordering::Relaxed);
            self.endpoint
                .handle_input(self.now(), Input::Datagram { from: from.into(), bytes: &buffer[..length] });
            received = self.socket.try_recv_from(buffer);
        }
    }

    /// An error on the socket is a report about an earlier datagram.
    fn note_unreachable(&mut self) {
        for to in icmp::unreachable(&self.socket) {
            self.endpoint.handle_input(self.now(), Input::Unreachable { to: to.into() });
        }
    }

    async fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        self.tally.sent.fetch_add(1, Ordering::Relaxed);
        for _ in 0..SEND_ATTEMPTS {
            if self.socket.send_to(bytes, to).await.is_ok() {
                return;
            }
            self.note_unreachable();
        }
        self.endpoint.handle_input(self.now(), Input::Unreachable { to: to.into() });
    }

    fn obey(&mut self, order: Order) {
        let command = match order {
            Order::Command(command) => command,
            Order::Ping { target, next_hop, reply } => {
                self.next_ping += 1;
                self.pings.insert(self.next_ping, reply);
                Command::Options { ping: self.next_ping, target, next_hop }
            }
            Order::Usage(reply) => {
                let _ = reply.send(self.endpoint.usage());
                return;
            }
            Order::Settled(reply) => return self.waiting.push(reply),
        };
        self.endpoint.handle_input(self.now(), Input::Command(command));
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { to, bytes } => self.send(to.address, &bytes).await,
                Output::Registered { .. } => {}
                Output::Event { call, event } => self.tell(call, event),
                Output::Pong { ping, result } => {
                    if let Some(reply) = self.pings.remove(&ping) {
                        let _ = reply.send(result);
                    }
                }
                Output::Discarded { reason: Discard::KeepAlive, .. } => {}
                Output::Discarded { reason, .. } => {
                    self.tally.discarded.fetch_add(1, Ordering::Relaxed);
                    tracing::debug!(%reason, "a datagram was discarded");
                }
            }
        }
    }

    fn tell(&mut self, handle: CallHandle, event: Event) {
        if let Event::Incoming { from, to, request_uri, offer, identity, replaces } = event {
            let Some(orders) = self.commands.upgrade() else {
                let reject = Command::Reject { call: handle, code: 503, reason: "Closing".to_owned() };
                return self.endpoint.handle_input(self.now(), Input::Command(reject));
            };
            let (sender, events) = mpsc::channel(MAX_EVENTS);
            self.calls.insert(handle, sender);
            let call = Call::new(handle, Commands(orders), events);
            let incoming = IncomingCall { call, from, to, request_uri, offer, identity, replaces };
            if let Err(e) = self.incoming.try_send(incoming) {
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
                let (mpsc::error::TrySendError::Full(refused) | mpsc::error::TrySendError::Closed(refused)) =
                    e;
                refused.call.reject(503, "Service Unavailable");
            }
            return;
        }
        let last = matches!(event, Event::Failed { .. } | Event::Ended { .. });
        if let Some(sender) = self.calls.get(&handle) {
            let _ = sender.try_send(event);
        }
        if last {
            self.calls.remove(&handle);
        }
    }
}
