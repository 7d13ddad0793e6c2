//! The task that owns the sockets: messages and commands in, messages and events out.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use bytes::Bytes;
use dashmap::DashMap;
use tokio::{
    net::UdpSocket,
    sync::{mpsc, oneshot},
};
use waihu_sip::{
    CallHandle, Command, Endpoint, Event, Hop, Input, Output, TimedOut, Transport, registration::State,
};
use waihu_types::Time;

use crate::{
    call::{Call, IncomingCall},
    discards::Discards,
    hep::Hep,
    icmp,
    known::Known,
    measure::{Measures, why},
    socket::{Commands, MAX_EVENTS, Order, Tally},
    streams::{Arrival, Streams},
    trace::Way,
};

/// The largest UDP datagram.
const MAX_DATAGRAM: usize = 65_535;

/// Datagrams read in one go before timers and commands have their turn.
const READ_BOUND: usize = 64;

/// What a response begins with (RFC 3261 §7.2).
const RESPONSE: &[u8] = b"SIP/2.0 ";

/// Times that a datagram is offered to the socket: a failure may be the report about an earlier datagram
/// to somewhere else, and several such may wait.
const SEND_ATTEMPTS: usize = 4;

pub(crate) struct Task {
    pub(crate) socket: UdpSocket,
    pub(crate) streams: Streams,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    /// Who is no stranger.
    pub(crate) known: Arc<Known>,
    /// Who waits to hear of registrations.
    pub(crate) registrations: HashMap<u64, tokio::sync::watch::Sender<Option<State>>>,
    pub(crate) endpoint: Endpoint,
    pub(crate) inbox: mpsc::UnboundedReceiver<Order>,
    pub(crate) incoming: mpsc::Sender<IncomingCall>,
    pub(crate) commands: mpsc::WeakUnboundedSender<Order>,
    pub(crate) calls: Arc<DashMap<CallHandle, mpsc::Sender<Event>>>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) measures: Measures,
    pub(crate) discards: Discards,
    /// Whom else all that passes is told to.
    pub(crate) hep: Option<Hep>,
    pub(crate) pings: HashMap<u64, oneshot::Sender<Result<u16, TimedOut>>>,
    pub(crate) next_ping: u64,
    /// Who waits for all to be settled.
    pub(crate) waiting: Vec<oneshot::Sender<()>>,
    /// Nobody is left to command it.
    pub(crate) closing: bool,
    pub(crate) start: Instant,
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
    pub(crate) async fn run(mut self) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let due = [self.endpoint.poll_timeout(), self.discards.due()].into_iter().flatten().min();
            let at = due.map(|t| tokio::time::Instant::from_std(self.start + t.since(Time::ZERO)));
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => self.read(received, &mut buffer),
                Some(arrival) = self.arrivals.recv() => self.arrived(arrival),
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
        let mut received = Some(first);
        // What is not handled in this turn stays with the socket.
        for _ in 0..READ_BOUND {
            let (length, from) = match received.take().unwrap_or_else(|| self.socket.try_recv_from(buffer)) {
                Ok(received) => received,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.note_unreachable(),
            };
            self.heard(from.into(), buffer.get(..length).unwrap_or_default());
        }
    }

    /// An error on the socket is a report about an earlier datagram.
    fn note_unreachable(&mut self) {
        for to in icmp::unreachable(&self.socket) {
            self.endpoint.handle_input(self.now(), Input::Unreachable { to: to.into() });
        }
    }

    /// Notes what passes, where it can be told again.
    fn passed(&self, way: Way, hop: Hop, bytes: Bytes) {
        if let Some(hep) = &self.hep {
            hep.tell(way, hop, bytes.clone());
        }
        self.tally.trace.saw(way, hop, bytes);
    }

    /// Hands a message on, from a friend or a stranger.
    fn heard(&mut self, from: Hop, bytes: &[u8]) {
        self.tally.received.fetch_add(1, Ordering::Relaxed);
        self.measures.passed(Way::In);
        let known = self.known.contains(from.address.ip());
        // A flood of strangers must not wash calls away.
        if known {
            self.passed(Way::In, from, Bytes::copy_from_slice(bytes));
        }
        let input = if known { Input::Datagram { from, bytes } } else { Input::Stranger { from, bytes } };
        self.endpoint.handle_input(self.now(), input);
    }

    /// What happened to a connection.
    fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Message(hop, bytes) => self.heard(hop, &bytes),
            Arrival::Opened(hop, id, outbox) => self.streams.opened(hop, id, outbox),
            Arrival::Refused(from, why) => self.useless(from, why),
            Arrival::Connected(hop) => {
                self.tally.faults.remove(&hop);
            }
            Arrival::Closed(hop, id, fault) => {
                if !self.streams.closed(hop, id) {
                    return;
                }
                if let Some(fault) = fault {
                    tracing::warn!(%hop, %fault, "a connection is lost");
                    self.measures.lost();
                    self.tally.faults.insert(hop, fault);
                }
                self.endpoint.handle_input(self.now(), Input::Unreachable { to: hop });
            }
        }
    }

    /// Notes that what came from there was of no use.
    fn useless(&mut self, from: IpAddr, why: &'static str) {
        self.tally.discarded.fetch_add(1, Ordering::Relaxed);
        self.measures.discarded(why);
        self.discards.note(from, why);
    }

    async fn send(&mut self, to: Hop, bytes: Bytes) {
        self.tally.sent.fetch_add(1, Ordering::Relaxed);
        self.measures.passed(Way::Out);
        // Whom nobody knows is answered, and neither told of nor dialled for it; what we ask of them is our own wish.
        let answer = bytes.starts_with(RESPONSE) && !self.known.contains(to.address.ip());
        if !answer {
            self.passed(Way::Out, to, bytes.clone());
        }
        if to.transport != Transport::Udp {
            // Nor is a page dialled that is gone: nobody listens where it was (RFC 7118 §5.2).
            let pages_come = to.transport.is_web() && self.streams.ports().contains_key(&to.transport);
            let is_page = pages_come && !self.known.contains(to.address.ip());
            let by_what_is_open = answer || is_page;
            let sent =
                if by_what_is_open { self.streams.answer(to, bytes) } else { self.streams.send(to, bytes) };
            if !sent {
                self.endpoint.handle_input(self.now(), Input::Unreachable { to });
            }
            return;
        }
        for _ in 0..SEND_ATTEMPTS {
            if self.socket.send_to(&bytes, to.address).await.is_ok() {
                return;
            }
            self.note_unreachable();
        }
        self.endpoint.handle_input(self.now(), Input::Unreachable { to });
    }

    fn obey(&mut self, order: Order) {
        let command = match order {
            Order::Command(command) => command,
            Order::Ping { target, next_hop, reply } => {
                self.next_ping += 1;
                self.pings.insert(self.next_ping, reply);
                Command::Options { ping: self.next_ping, target, next_hop }
            }
            Order::Register(order, news) => {
                self.registrations.insert(order.registration, news);
                Command::Register(order)
            }
            Order::Carried(networks, names) => {
                self.known.carried(networks);
                return self.streams.names(names);
            }
            Order::Usage(reply) => {
                let _ = reply.send(self.endpoint.usage());
                return;
            }
            Order::Settled(reply) => return self.waiting.push(reply),
        };
        if let Command::Invite(invite) = &command {
            self.measures.invited(self.now(), invite.call);
        }
        self.endpoint.handle_input(self.now(), Input::Command(command));
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { to, bytes } => self.send(to, bytes).await,
                Output::Registered { registration, state } => self.registered(registration, state),
                Output::Event { call, event } => self.tell(call, event),
                Output::Pong { ping, result } => {
                    if let Some(reply) = self.pings.remove(&ping) {
                        let _ = reply.send(result);
                    }
                }
                Output::Sign { hop, asked, sign } => self.tally.watch.saw(hop, asked, sign),
                Output::Discarded { from, reason } => {
                    let Some(why) = why(&reason) else { continue };
                    self.useless(from.address.ip(), why);
                    tracing::debug!(%reason, "a message was discarded");
                }
            }
        }
        self.measures.counted(self.endpoint.counts());
        self.discards.tell(self.now());
    }

    fn registered(&mut self, registration: u64, state: State) {
        self.measures.registered(&state);
        match &state {
            State::Registered { expires_s } => tracing::info!(expires_s, "registered at the carrier"),
            State::Failed { code, again_s, .. } => {
                tracing::warn!(code, again_s, "the carrier does not register us");
            }
            State::Removed => tracing::info!("no longer registered at the carrier"),
        }
        let removed = state == State::Removed;
        if let Some(news) = self.registrations.get(&registration) {
            let _ = news.send(Some(state));
        }
        if removed {
            self.registrations.remove(&registration);
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
                self.measures.refused();
                let (mpsc::error::TrySendError::Full(refused) | mpsc::error::TrySendError::Closed(refused)) =
                    e;
                refused.call.reject(503, "Service Unavailable");
            }
            return;
        }
        self.measures.told(self.now(), handle, &event);
        let last = matches!(event, Event::Failed { .. } | Event::Ended { .. });
        if let Some(sender) = self.calls.get(&handle) {
            let _ = sender.try_send(event);
        }
        if last {
            self.calls.remove(&handle);
        }
    }
}
