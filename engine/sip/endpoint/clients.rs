//! Client transactions: matching responses (RFC 3261 §17.1.3) and what becomes of them.

use std::collections::HashMap;

use bytes::Bytes;
use waihu_types::Time;

use super::{
    CallHandle, Discard, Endpoint, Hop, LargeRequests, MAX_TRANSACTIONS, Output, TimedOut, TimerKey,
    Transport,
    established::{Bye, Proof},
    outgoing::retry_after,
    within::Ask,
};
use crate::{
    dialog::{Dialog, DialogId},
    health::{Asked, Sign},
    message::{Request, Response},
    method::Method,
    transaction::{
        ClientOutput, T1_64,
        client::{self, Client},
        client_invite::{self, ClientInvite},
    },
};

/// The largest request that goes by UDP where the way's limits are unknown [bytes] (RFC 3261 §18.1.1).
const MAX_OVER_UDP: usize = 1_300;

/// Whom a transaction is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A call of ours.
    Invite(CallHandle),
    /// A call of ours that goes another way by now: who wakes up late is cancelled, or hung up on.
    Abandoned {
        /// The call, as it was.
        call: CallHandle,
        /// Whether CANCEL has gone out.
        cancelled: bool,
    },
    /// The end of a call; the call itself is already forgotten.
    Bye(Box<Bye>),
    /// Whose answer says nothing: the INVITE's own answer follows.
    Cancel,
    /// An OPTIONS.
    Ping(u64),
    /// Whatever is asked within a call.
    Within(Box<Ask>),
    /// A REGISTER.
    Register(u64),
}

#[derive(Debug)]
enum Machine {
    Invite(Box<ClientInvite>),
    Other(Client),
}

impl Machine {
    fn new(now: Time, request: Request, transport: Transport) -> Self {
        if request.method != Method::Invite {
            return Self::Other(Client::new(now, &request, transport));
        }
        let within = request.headers.to.tag().is_some();
        let mut machine = ClientInvite::new(now, request, transport);
        // Nobody has to pick up for a re-INVITE: it has the time of any other request.
        if within {
            machine.handle_input(now, client_invite::Input::WaitUntil(now + T1_64));
        }
        Self::Invite(Box::new(machine))
    }

    fn handle(&mut self, now: Time, response: Option<Response>) {
        match (self, response) {
            (Self::Invite(m), Some(r)) => m.handle_input(now, client_invite::Input::Response(r)),
            (Self::Invite(m), None) => m.handle_input(now, client_invite::Input::Timeout),
            (Self::Other(m), Some(r)) => m.handle_input(now, client::Input::Response(r)),
            (Self::Other(m), None) => m.handle_input(now, client::Input::Timeout),
        }
    }

    fn poll_output(&mut self) -> Option<ClientOutput> {
        match self {
            Self::Invite(m) => m.poll_output(),
            Self::Other(m) => m.poll_output(),
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        match self {
            Self::Invite(m) => m.poll_timeout(),
            Self::Other(m) => m.poll_timeout(),
        }
    }
}

/// The ACK sent to one answer of an INVITE, kept to be sent again.
#[derive(Debug)]
pub(super) struct SentAck {
    pub(super) remote_tag: String,
    pub(super) to: Hop,
    pub(super) bytes: Bytes,
}

#[derive(Debug)]
struct Entry {
    machine: Machine,
    key: (String, Method),
    to: Hop,
    purpose: Purpose,
    acks: Vec<SentAck>,
    /// The early dialogs that an INVITE has left behind with its first answer: whoever of them answers too is hung up
    /// on with the next of its numbers.
    branches: Vec<Dialog>,
    /// Whether anything has come back.
    heard: bool,
    /// The same request for UDP, where it went over TCP for its size alone and nothing has come back.
    fallback: Option<Box<Request>>,
    /// What the call's own BYE would prove itself with, for the BYEs to the other branches of a fork, and to who
    /// answers an INVITE that was given up.
    proof: Proof,
}

/// All client transactions.
#[derive(Debug, Default)]
pub(super) struct Clients {
    entries: HashMap<u64, Entry>,
    by_branch: HashMap<(String, Method), u64>,
    /// The dialogs that our BYEs are ending: a BYE of the far end may cross with ours.
    mortal: HashMap<DialogId, u64>,
    next: u64,
}

impl Clients {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether a BYE of ours is on its way in this dialog (the Mortal state of RFC 5407 §2).
    pub(super) fn is_mortal(&self, dialog: &DialogId) -> bool {
        self.mortal.contains_key(dialog)
    }

    /// Whether every request has had its final answer, or has been given up; nothing is lost with an OPTIONS.
    pub(super) fn all_answered(&self) -> bool {
        self.entries.values().filter(|e| !matches!(e.purpose, Purpose::Ping(_))).all(|e| match &e.machine {
            Machine::Invite(m) => m.is_answered(),
            Machine::Other(m) => m.is_answered(),
        })
    }

    /// The INVITE of a transaction and where it went.
    pub(super) fn invite(&self, id: u64) -> Option<(&Request, Hop)> {
        let entry = self.entries.get(&id)?;
        match &entry.machine {
            Machine::Invite(m) => Some((m.request(), entry.to)),
            Machine::Other(_) => None,
        }
    }

    /// Keeps what an INVITE was answered for with; see [`Clients::proof`].
    pub(super) fn keep_proof(&mut self, id: u64, proof: Proof) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.proof = proof;
        }
    }

    /// What requests to a further branch of this INVITE may prove themselves with.
    pub(super) fn proof(&self, id: u64) -> Proof {
        self.entries.get(&id).map(|e| e.proof.clone()).unwrap_or_default()
    }

    /// Keeps the early dialogs of the branches that have not answered first.
    pub(super) fn keep_branches(&mut self, id: u64, branches: impl Iterator<Item = Dialog>) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.branches.extend(branches);
        }
    }

    /// The dialog of a branch that answers later, by the tag of its far end.
    pub(super) fn take_branch(&mut self, id: u64, tag: &str) -> Option<Dialog> {
        let branches = &mut self.entries.get_mut(&id)?.branches;
        let place = branches.iter().position(|d| d.remote_tag() == tag)?;
        Some(branches.swap_remove(place))
    }

    /// Lets an INVITE go its way without its call; `proof` is for the BYE to whoever still answers it.
    pub(super) fn abandon(&mut self, id: u64, call: CallHandle, proof: Proof) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.purpose = Purpose::Abandoned { call, cancelled: false };
            entry.proof = proof;
        }
    }

    /// The ACKs that a transaction has led to.
    pub(super) fn acks(&mut self, id: u64) -> Option<&mut Vec<SentAck>> {
        self.entries.get_mut(&id).map(|e| &mut e.acks)
    }
}

impl Endpoint {
    /// Sends a request; `None` where there are too many already. What ends a call always goes out: there
    /// are no more of those than calls.
    pub(super) fn start_client(
        &mut self,
        now: Time,
        to: Hop,
        request: Request,
        purpose: Purpose,
    ) -> Option<u64> {
        if self.clients.len() >= MAX_TRANSACTIONS {
            match purpose {
                Purpose::Ping(ping) => {
                    self.output.push_back(Output::Pong { ping, result: Err(TimedOut) });
                    return None;
                }
                Purpose::Invite(_) | Purpose::Within(_) | Purpose::Register(_) => return None,
                Purpose::Bye(_) | Purpose::Cancel | Purpose::Abandoned { .. } => {}
            }
        }
        let (to, request, fallback) = self.by_size(to, request);
        let key = (request.branch().unwrap_or_default().to_owned(), request.method.clone());
        let dialog = DialogId::of_own_request(&request);
        let machine = Machine::new(now, request, to.transport);
        self.clients.next += 1;
        let id = self.clients.next;
        if matches!(purpose, Purpose::Bye(_)) {
            self.clients.mortal.insert(dialog, id);
        }
        self.clients.by_branch.insert(key.clone(), id);
        self.clients.entries.insert(
            id,
            Entry {
                machine,
                key,
                to,
                purpose,
                acks: Vec::new(),
                branches: Vec::new(),
                heard: false,
                fallback,
                proof: Proof::default(),
            },
        );
        self.drain_client(now, id);
        Some(id)
    }

    /// What is too large for a datagram goes over TCP, where that is wished (RFC 3261 §18.1.1), and keeps
    /// what it was in case that nobody listens there.
    fn by_size(&self, to: Hop, request: Request) -> (Hop, Request, Option<Box<Request>>) {
        let switches = to.transport == Transport::Udp && self.config.large == LargeRequests::OverTcp;
        if !switches || request.to_bytes().len() <= MAX_OVER_UDP {
            return (to, request, None);
        }
        let mut larger = request.clone();
        if let Some(via) = larger.headers.via.first_mut() {
            via.transport = Transport::Tcp.name().into();
        }
        (Hop::new(Transport::Tcp, to.address), larger, Some(Box::new(request)))
    }

    pub(super) fn client_timeout(&mut self, now: Time, id: u64) {
        if let Some(entry) = self.clients.entries.get_mut(&id) {
            entry.machine.handle(now, None);
            // What a timer sends was sent before (timers A and E).
            self.counts.sent_again += self.drain_client(now, id);
        }
    }

    /// An INVITE whose CANCEL goes out: without a final response within 64·T1 it counts as cancelled (RFC 3261 §9.1).
    pub(super) fn expect_end(&mut self, now: Time, id: u64) {
        if let Some(entry) = self.clients.entries.get_mut(&id)
            && let Machine::Invite(machine) = &mut entry.machine
        {
            machine.handle_input(now, client_invite::Input::WaitUntil(now + T1_64));
            self.schedule.set(TimerKey::Client(id), machine.poll_timeout());
        }
    }

    /// Forgets a transaction.
    pub(super) fn drop_client(&mut self, id: u64) {
        if let Some(entry) = self.clients.entries.remove(&id) {
            self.clients.by_branch.remove(&entry.key);
            if let Purpose::Bye(bye) = entry.purpose {
                let dialog = bye.dialog();
                if self.clients.mortal.get(&dialog) == Some(&id) {
                    self.clients.mortal.remove(&dialog);
                }
            }
        }
        self.schedule.set(TimerKey::Client(id), None);
    }

    pub(super) fn on_response(&mut self, now: Time, from: Hop, response: Response) {
        // More than one Via: it was meant for somebody else (RFC 3261 §8.1.3.3).
        let via = &response.headers.via;
        let branch = via.first().filter(|_| via.len() == 1).and_then(|v| v.branch());
        let key = branch.map(|b| (b.to_owned(), response.headers.cseq.method.clone()));
        let id = key.and_then(|k| self.clients.by_branch.get(&k).copied());
        let Some((id, entry)) = id.and_then(|id| Some((id, self.clients.entries.get_mut(&id)?))) else {
            return self.discard(from, Discard::StrayResponse);
        };
        // Somebody listens there: what is broken off later is not begun again.
        entry.fallback = None;
        entry.machine.handle(now, Some(response));
        self.drain_client(now, id);
    }

    /// Carries out what a machine decided; how many messages it sent.
    fn drain_client(&mut self, now: Time, id: u64) -> u64 {
        let Some(entry) = self.clients.entries.get_mut(&id) else { return 0 };
        let mut sent = 0;
        let outputs: Vec<_> = std::iter::from_fn(|| entry.machine.poll_output()).collect();
        let to = entry.to;
        self.schedule.set(TimerKey::Client(id), entry.machine.poll_timeout());
        for output in outputs {
            match output {
                ClientOutput::Transmit(bytes) => {
                    sent += 1;
                    self.transmit(to, bytes);
                }
                ClientOutput::Response(response) => self.client_response(now, id, &response),
                ClientOutput::TimedOut => self.client_timed_out(now, id),
                ClientOutput::Terminated => self.drop_client(id),
            }
        }
        sent
    }

    /// Tells what a machine made of a call or an OPTIONS.
    fn saw_answer(&mut self, id: u64, response: &Response) {
        let Some(entry) = self.clients.entries.get_mut(&id) else { return };
        let asked = match entry.purpose {
            Purpose::Invite(_) | Purpose::Abandoned { .. } => Asked::Call,
            Purpose::Ping(_) => Asked::Options,
            _ => return,
        };
        let first = !std::mem::replace(&mut entry.heard, true);
        let hop = entry.to;
        let overloaded = (response.code == 503).then(|| retry_after(&response.headers.other)).flatten();
        let sign = overloaded.map(|retry_after_s| Sign::Overloaded { retry_after_s });
        if let Some(sign) = sign.or(first.then_some(Sign::Answered)) {
            self.output.push_back(Output::Sign { hop, asked, sign });
        }
    }

    /// Tells that a machine has said nothing to a call.
    pub(super) fn saw_silence(&mut self, id: u64) {
        if let Some(entry) = self.clients.entries.get(&id) {
            let sign = Output::Sign { hop: entry.to, asked: Asked::Call, sign: Sign::Silent };
            self.output.push_back(sign);
        }
    }

    fn client_response(&mut self, now: Time, id: u64, response: &Response) {
        self.saw_answer(id, response);
        let Some(entry) = self.clients.entries.get_mut(&id) else { return };
        match &mut entry.purpose {
            Purpose::Invite(call) => {
                let call = *call;
                self.on_invite_response(now, id, call, response);
            }
            Purpose::Abandoned { call, cancelled } => match response.code {
                100..=199 if !std::mem::replace(cancelled, true) => self.cancel_late(now, id),
                200..=299 => {
                    let call = *call;
                    self.on_answer(now, id, call, response);
                }
                _ => {}
            },
            Purpose::Bye(bye) if matches!(response.code, 401 | 407) => {
                let (bye, to) = (bye.clone(), entry.to);
                self.retry_bye(now, to, *bye, response);
            }
            Purpose::Ping(ping) if response.code >= 200 => {
                let ping = *ping;
                self.output.push_back(Output::Pong { ping, result: Ok(response.code) });
            }
            Purpose::Within(ask) => {
                let (ask, to) = (ask.clone(), entry.to);
                self.on_within_response(now, id, *ask, to, response);
            }
            Purpose::Register(registration) => {
                let registration = *registration;
                self.on_register_response(now, registration, response);
            }
            Purpose::Bye(_) | Purpose::Cancel | Purpose::Ping(_) => {}
        }
    }

    fn client_timed_out(&mut self, now: Time, id: u64) {
        self.counts.unanswered += 1;
        match self.clients.entries.get(&id).map(|e| &e.purpose) {
            Some(Purpose::Invite(call)) => {
                let call = *call;
                self.invite_timed_out(now, id, call);
            }
            Some(Purpose::Ping(ping)) => {
                let ping = *ping;
                self.output.push_back(Output::Pong { ping, result: Err(TimedOut) });
            }
            Some(Purpose::Within(ask)) => {
                let ask = ask.clone();
                self.within_failed(now, &ask, 408);
            }
            Some(Purpose::Register(registration)) => {
                let registration = *registration;
                self.register_failed(now, registration, 408, "no answer within 32 s".to_owned(), None);
            }
            Some(Purpose::Bye(_) | Purpose::Cancel | Purpose::Abandoned { .. }) | None => {}
        }
    }

    /// A transport error ends what still waits for a first answer from there (RFC 3261 §8.1.3.1).
    pub(super) fn unreachable(&mut self, now: Time, to: Hop) {
        let hit: Vec<u64> =
            self.clients.entries.iter().filter(|(_, e)| e.to == to).map(|(id, _)| *id).collect();
        for id in hit {
            if self.falls_back(now, id) {
                continue;
            }
            let sign = |asked| Output::Sign { hop: to, asked, sign: Sign::Unreachable };
            let call = match self.clients.entries.get(&id).map(|e| (&e.purpose, e.heard)) {
                Some((Purpose::Invite(call), heard)) => {
                    if !heard {
                        self.output.push_back(sign(Asked::Call));
                    }
                    *call
                }
                Some((Purpose::Ping(ping), false)) => {
                    let ping = *ping;
                    self.output.push_back(sign(Asked::Options));
                    self.output.push_back(Output::Pong { ping, result: Err(TimedOut) });
                    self.drop_client(id);
                    continue;
                }
                Some((Purpose::Within(ask), _)) if to.transport.is_reliable() => {
                    let ask = ask.clone();
                    self.drop_client(id);
                    self.within_failed(now, &ask, 503);
                    continue;
                }
                Some((Purpose::Register(registration), _)) => {
                    let registration = *registration;
                    self.drop_client(id);
                    self.register_failed(now, registration, 503, "nobody listens there".to_owned(), None);
                    continue;
                }
                Some(_) | None => continue,
            };
            if self.invite_unreachable(now, id, call) {
                self.drop_client(id);
            }
        }
    }

    /// Whether the transaction begins again over UDP, having found nobody over TCP.
    fn falls_back(&mut self, now: Time, id: u64) -> bool {
        let Some(entry) = self.clients.entries.get_mut(&id) else { return false };
        let Some(request) = entry.fallback.take() else { return false };
        entry.to.transport = Transport::Udp;
        entry.machine = Machine::new(now, *request, Transport::Udp);
        self.drain_client(now, id);
        true
    }
}
