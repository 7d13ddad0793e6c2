//! Server transactions: matching requests (RFC 3261 §17.2.3), and what any request is checked for (§8.2).

use std::collections::HashMap;

use waihu_types::Time;

use super::{
    Call, CallHandle, Discard, Endpoint, Hop, MAX_CHALLENGES, MAX_TRANSACTIONS, Referral, SDP, TimerKey,
    may_stay_unread, sdp_of,
};
use crate::{
    dialog::DialogId,
    message::{Request, Response},
    method::Method,
    multipart,
    transaction::{
        ServerOutput,
        server::{self, Server},
        server_invite::{self, ServerInvite},
    },
};

/// What makes two requests the same: branch, sent-by and method; for RFC 2543 elements, without a branch,
/// Call-ID, CSeq and From tag in the branch's place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    branch: String,
    sent_by: String,
    method: Method,
}

impl Key {
    /// The key of `request` as if it were of `method`: ACK and CANCEL look for the INVITE they belong to.
    fn of(request: &Request, method: Method) -> Option<Self> {
        let via = request.headers.via.first()?;
        let branch = via.branch().map_or_else(
            || {
                let h = &request.headers;
                format!("{} {} {}", h.call_id, h.cseq.number, h.from.tag().unwrap_or_default())
            },
            str::to_owned,
        );
        let sent_by = format!("{}:{}", via.host, via.port.unwrap_or(5060));
        Some(Self { branch, sent_by, method })
    }
}

/// What an INVITE keeps on every path that it comes by (§8.2.2.2): Call-ID, From tag and CSeq number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct InviteId {
    call_id: String,
    from_tag: String,
    cseq: u32,
}

impl InviteId {
    /// `None` for what a proxy cannot have forked: other methods, and requests within a dialog.
    fn of(request: &Request) -> Option<Self> {
        let h = &request.headers;
        (request.method == Method::Invite && h.to.tag().is_none()).then(|| Self {
            call_id: h.call_id.clone(),
            from_tag: h.from.tag().unwrap_or_default().to_owned(),
            cseq: h.cseq.number,
        })
    }
}

#[derive(Debug)]
enum Machine {
    Invite(ServerInvite),
    Other(Server),
}

#[derive(Debug)]
struct Entry {
    machine: Machine,
    key: Key,
    invite: Option<InviteId>,
    to: Hop,
    /// The call that an INVITE has begun.
    call: Option<CallHandle>,
}

/// All server transactions.
#[derive(Debug, Default)]
pub(super) struct Servers {
    entries: HashMap<u64, Entry>,
    by_key: HashMap<Key, u64>,
    /// The first transaction of each INVITE that begins a call: no more of them than entries.
    by_invite: HashMap<InviteId, u64>,
    next: u64,
}

impl Servers {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Where responses of a transaction go.
    pub(super) fn address(&self, id: u64) -> Option<Hop> {
        self.entries.get(&id).map(|e| e.to)
    }

    /// Notes the call that an INVITE has begun, for its CANCEL.
    pub(super) fn set_call(&mut self, id: u64, call: CallHandle) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.call = Some(call);
        }
    }
}

/// Code, reason, and a header that says more.
type Fault = (u16, &'static str, Option<(&'static str, String)>);

impl Endpoint {
    pub(super) fn on_request(&mut self, now: Time, from: Hop, mut request: Request) {
        let Some(via) = request.headers.via.first_mut() else { return };
        let to = via.response_address(from);
        via.note_source(from.address);
        if request.method == Method::Ack {
            if !self.take_ack(now, &request) {
                self.discard(from, Discard::StrayAck);
            }
            return;
        }
        if may_stay_unread(&request.headers.other, &request.body) {
            request.body.clear();
        }
        let Some(key) = Key::of(&request, request.method.clone()) else { return };
        if let Some(id) = self.servers.by_key.get(&key).copied() {
            if let Some(entry) = self.servers.entries.get_mut(&id) {
                match &mut entry.machine {
                    Machine::Invite(m) => m.handle_input(now, server_invite::Input::Retransmission),
                    Machine::Other(m) => m.handle_input(now, server::Input::Retransmission),
                }
            }
            self.counts.heard_again += 1;
            self.drain_server(id);
            return;
        }
        if request.method == Method::Register && self.registrar.is_some() {
            return self.take_registration(now, from, to, key, &request);
        }
        let Some(id) = self.begin(from, to, key, &request) else { return };
        if let Some(invite) = InviteId::of(&request)
            && *self.servers.by_invite.entry(invite).or_insert(id) != id
        {
            return self.refuse(now, id, &request, 482, "Loop Detected", &[]);
        }
        self.dispatch(now, from, id, &request);
    }

    /// A transaction for a request; `None` where there are too many already.
    fn begin(&mut self, from: Hop, to: Hop, key: Key, request: &Request) -> Option<u64> {
        let open = self.servers.len();
        if open >= MAX_TRANSACTIONS && (open >= 2 * MAX_TRANSACTIONS || !self.is_of_a_call(request)) {
            self.discard(from, Discard::Overload);
            return None;
        }
        let machine = match request.method {
            Method::Invite => Machine::Invite(ServerInvite::new(from.transport)),
            _ => Machine::Other(Server::new(from.transport)),
        };
        self.servers.next += 1;
        let id = self.servers.next;
        self.servers.by_key.insert(key.clone(), id);
        let invite = InviteId::of(request);
        self.servers.entries.insert(id, Entry { machine, key, invite, to, call: None });
        Some(id)
    }

    /// Whether a request is within a dialog of ours, or cancels an INVITE that is here.
    fn is_of_a_call(&self, request: &Request) -> bool {
        let invite =
            || Key::of(request, Method::Invite).is_some_and(|k| self.servers.by_key.contains_key(&k));
        self.is_within(request) || (request.method == Method::Cancel && invite())
    }

    fn dispatch(&mut self, now: Time, from: Hop, id: u64, request: &Request) {
        if request.method == Method::Cancel {
            return self.on_cancel(now, id, request);
        }
        if self.is_unacceptable(now, id, request) {
            return;
        }
        if let Some(dialog) = DialogId::of_request(request) {
            return match self.dialogs.get(&dialog).copied() {
                Some(call) => self.in_dialog(now, id, call, request),
                // Both sides hang up at once: each BYE is agreed to (RFC 5407 §3.2).
                None if request.method == Method::Bye && self.clients.is_mortal(&dialog) => {
                    self.refuse(now, id, request, 200, "OK", &[]);
                }
                None => self.refuse(now, id, request, 481, "Call/Transaction Does Not Exist", &[]),
            };
        }
        match request.method {
            Method::Invite => self.incoming(now, from, id, request),
            Method::Options => self.answer_options(now, id, request),
            _ => self.refuse(now, id, request, 481, "Call/Transaction Does Not Exist", &[]),
        }
    }

    /// Whether a refusal was sent for a fault of the request.
    fn is_unacceptable(&mut self, now: Time, id: u64, request: &Request) -> bool {
        let Some((code, reason, extra)) = self.fault_of(request) else { return false };
        let extra: Vec<(&str, &str)> = extra.iter().map(|(n, v)| (*n, v.as_str())).collect();
        self.refuse(now, id, request, code, reason, &extra);
        true
    }

    /// What a request is refused for, with a header that says more: the checks of §8.2 in its order, method, scheme,
    /// Require, content. Content is that of INVITE only: a BYE hangs up whatever it brings along (ISUP, quality
    /// reports).
    fn fault_of(&self, request: &Request) -> Option<Fault> {
        let (allow, supported) = (self.allow(), self.supported());
        let known = match &request.method {
            Method::Refer => self.config.referral == Referral::Told,
            Method::Register => self.registrar.is_some(),
            Method::Invite
            | Method::Bye
            | Method::Options
            | Method::Prack
            | Method::Update
            | Method::Info => true,
            Method::Notify => true,
            _ => false,
        };
        let fault = match &request.method {
            _ if known => {
                let ours = |w: &&str| supported.split(", ").any(|s| s.eq_ignore_ascii_case(w));
                let required: Vec<&str> =
                    request.headers.other.items("Require").filter(|w| !ours(w)).collect();
                if request.uri.as_sip().is_none() {
                    (416, "Unsupported URI Scheme", None)
                } else if !required.is_empty() {
                    (420, "Bad Extension", Some(("Unsupported", required.join(", "))))
                } else if matches!(request.method, Method::Invite | Method::Update)
                    && !request.body.is_empty()
                    && sdp_of(&request.headers.other, &request.body).is_none()
                {
                    (415, "Unsupported Media Type", Some(("Accept", SDP.to_owned())))
                } else if request.method == Method::Invite && !takes_descriptions(&request.headers.other) {
                    (406, "Not Acceptable", None)
                } else {
                    return None;
                }
            }
            Method::Extension(_) => (501, "Not Implemented", Some(("Allow", allow.to_owned()))),
            _ => (405, "Method Not Allowed", Some(("Allow", allow.to_owned()))),
        };
        Some(fault)
    }

    /// A REGISTER, answered by the registrar. Of whoever proves nothing, nothing is kept (§8.2.7), and no more of them
    /// are answered in a second than [`MAX_CHALLENGES`]; a telephone that is registered is always asked.
    fn take_registration(&mut self, now: Time, from: Hop, to: Hop, key: Key, request: &Request) {
        let tag = self.tag_of(request);
        let fault = self.fault_of(request);
        let Some(registrar) = &mut self.registrar else { return };
        let response = match fault {
            None => registrar.answer(now, from, request, &tag),
            Some((code, reason, extra)) => {
                let mut response = request.respond(code, reason, Some(&tag));
                extra.iter().for_each(|(name, value)| response.headers.other.push(name, value));
                response
            }
        };
        let proven = !matches!(response.code, 400..=420);
        if proven {
            if let Some(id) = self.begin(from, to, key, request) {
                self.respond(now, id, response);
            }
        } else if self.challenges.allows(now, MAX_CHALLENGES) || registrar.knows(now, from) {
            self.transmit(to, response.to_bytes());
        } else {
            self.discard(from, Discard::Stranger);
        }
    }

    /// Sends a response without a body.
    pub(super) fn refuse(
        &mut self,
        now: Time,
        id: u64,
        request: &Request,
        code: u16,
        reason: &str,
        extra: &[(&str, &str)],
    ) {
        let tag = self.dice.word();
        self.refuse_as(now, id, request, (code, reason), &tag, extra);
    }

    fn refuse_as(
        &mut self,
        now: Time,
        id: u64,
        request: &Request,
        (code, reason): (u16, &str),
        tag: &str,
        extra: &[(&str, &str)],
    ) {
        let mut response = request.respond(code, reason, Some(tag));
        response.headers.other.push("Server", &self.config.user_agent);
        extra.iter().for_each(|(name, value)| response.headers.other.push(name, value));
        self.respond(now, id, response);
    }

    pub(super) fn answer_options(&mut self, now: Time, id: u64, request: &Request) {
        let more = [("Allow", self.allow()), ("Accept", SDP), ("Supported", self.supported())];
        self.refuse(now, id, request, 200, "OK", &more);
    }

    /// CANCEL is answered for itself; the INVITE it names gets its 487 if it still has no answer (§9.2).
    fn on_cancel(&mut self, now: Time, id: u64, request: &Request) {
        let invite = Key::of(request, Method::Invite).and_then(|k| self.servers.by_key.get(&k));
        let call = invite.and_then(|i| self.servers.entries.get(i)).map(|e| e.call);
        match call {
            None => self.refuse(now, id, request, 481, "Call/Transaction Does Not Exist", &[]),
            Some(call) => {
                // Under the tag that the INVITE's answer has (§9.2).
                let tag = match call.and_then(|c| self.calls.get(&c)) {
                    Some(Call::Ringing(ringing)) => ringing.dialog.id.local_tag.clone(),
                    Some(Call::Up(up)) => up.dialog.id.local_tag.clone(),
                    Some(Call::Calling(_)) | None => self.dice.word(),
                };
                self.refuse_as(now, id, request, (200, "OK"), &tag, &[]);
                if let Some(call) = call {
                    self.cancelled_by_caller(now, call);
                }
            }
        }
    }

    /// An ACK goes to the INVITE transaction that waits for it, else to its dialog. False: to nobody.
    fn take_ack(&mut self, now: Time, ack: &Request) -> bool {
        let id = Key::of(ack, Method::Invite).and_then(|k| self.servers.by_key.get(&k).copied());
        if let Some((id, entry)) = id.and_then(|id| Some((id, self.servers.entries.get_mut(&id)?)))
            && let Machine::Invite(machine) = &mut entry.machine
            && machine.takes_ack()
        {
            machine.handle_input(now, server_invite::Input::Ack);
            self.drain_server(id);
            return true;
        }
        let call = DialogId::of_request(ack).and_then(|d| self.dialogs.get(&d).copied());
        call.is_some_and(|call| self.on_ack(now, call, ack))
    }

    /// Hands a response to its transaction.
    pub(super) fn respond(&mut self, now: Time, id: u64, response: Response) {
        if let Some(entry) = self.servers.entries.get_mut(&id) {
            match &mut entry.machine {
                Machine::Invite(m) => m.handle_input(now, server_invite::Input::Respond(response)),
                Machine::Other(m) => m.handle_input(now, server::Input::Respond(response)),
            }
        }
        self.drain_server(id);
    }

    pub(super) fn server_timeout(&mut self, now: Time, id: u64) {
        if let Some(entry) = self.servers.entries.get_mut(&id) {
            match &mut entry.machine {
                Machine::Invite(m) => m.handle_input(now, server_invite::Input::Timeout),
                Machine::Other(m) => m.handle_input(now, server::Input::Timeout),
            }
        }
        // What a timer sends was sent before (timer G).
        self.counts.sent_again += self.drain_server(id);
    }

    /// Carries out what a machine decided; how many messages it sent.
    fn drain_server(&mut self, id: u64) -> u64 {
        let Some(entry) = self.servers.entries.get_mut(&id) else { return 0 };
        let (mut done, mut sent) = (false, 0);
        let (outputs, timeout): (Vec<_>, _) = match &mut entry.machine {
            Machine::Invite(m) => (std::iter::from_fn(|| m.poll_output()).collect(), m.poll_timeout()),
            Machine::Other(m) => (std::iter::from_fn(|| m.poll_output()).collect(), m.poll_timeout()),
        };
        let to = entry.to;
        for output in outputs {
            match output {
                ServerOutput::Transmit(bytes) => {
                    sent += 1;
                    self.transmit(to, bytes);
                }
                // A refused caller that never acknowledges: the call is over either way.
                ServerOutput::AckTimedOut => {}
                ServerOutput::Terminated => done = true,
            }
        }
        self.schedule.set(TimerKey::Server(id), timeout.filter(|_| !done));
        if done && let Some(entry) = self.servers.entries.remove(&id) {
            self.servers.by_key.remove(&entry.key);
            if let Some(invite) = entry.invite.filter(|i| self.servers.by_invite.get(i) == Some(&id)) {
                self.servers.by_invite.remove(&invite);
            }
        }
        sent
    }
}

/// Whether the caller can read our answer: Accept, where it stands, names descriptions (RFC 3261 §20.1).
fn takes_descriptions(fields: &crate::headers::Fields) -> bool {
    let mut accepted = fields.items("Accept").peekable();
    let readable =
        |range: &str| ["application/sdp", "application/*", "*/*"].iter().any(|r| multipart::is_of(range, r));
    accepted.peek().is_none() || accepted.any(readable)
}
