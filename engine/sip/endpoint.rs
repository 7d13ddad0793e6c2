//! The whole agent as one machine: datagrams, wishes and time in; datagrams and news out.
//!
//! Its parts: [`clients`] and [`servers`] run the transactions, [`outgoing`] places calls, [`incoming`]
//! takes them, [`early`] acknowledges what comes before the answer, [`exchange`] has its offers and answers,
//! [`established`] keeps calls up and ends them, [`session`] changes and refreshes them, [`transfer`] hands them on, [`within`] asks within them,
//! [`registering`] keeps our addresses known. Every map here is bounded and empties itself.

mod clients;
mod dice;
mod early;
mod established;
mod exchange;
mod incoming;
mod outgoing;
mod rate;
mod registering;
mod schedule;
mod servers;
mod session;
mod transfer;
mod within;
mod words;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
};

use waihu_types::Time;

use self::{
    clients::Clients, dice::Dice, rate::Rate, registering::Registration, schedule::Schedule, servers::Servers,
};
pub use transfer::TRANSFER_PATIENCE;
pub use words::{
    CallHandle, CallsIn, Change, Command, Counts, Discard, EndedBy, EndpointConfig, Event, FailureCause,
    Input, Invite, LargeRequests, Output, Referral, Strangers, TimedOut, Usage,
};

use crate::{
    auth::Nonces,
    dialog::DialogId,
    error::ParseError,
    headers::{CSeq, Fields, Headers},
    message::{Message, Request, refusal},
    method::Method,
    multipart,
    name_addr::NameAddr,
    offer_answer::MediaMismatch,
    registrar::Registrar,
    sdp::{SdpError, SessionDescription},
    transport::{Hop, Transport},
    uri::Uri,
    via::{MAGIC_COOKIE, Via},
};

/// The most calls at once; beyond it INVITEs get 503. Four times what one core carries media for.
const MAX_CALLS: usize = 20_000;
/// The most transactions of either kind. Each ended call leaves two or three for 32 s, so this is
/// room for 1,000 calls a second; beyond it requests are dropped, and the far end sends them again.
/// What belongs to our calls has as much room once more, which nobody else takes from it.
const MAX_TRANSACTIONS: usize = 100_000;

/// Refusals of strangers in one second: enough to find a wrong setting by, too few to be of use to anybody.
const MAX_REFUSALS: u32 = 10;
/// REGISTERs that prove nothing, answered in one second: a thousand telephones that all come back at once are asked
/// within two seconds, and a flood is not answered in full.
const MAX_CHALLENGES: u32 = 500;

/// What a deadline belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum TimerKey {
    Client(u64),
    Server(u64),
    Call(CallHandle),
    Registration(u64),
}

/// A call, by the stage it is at.
#[derive(Debug)]
enum Call {
    Calling(Box<outgoing::Calling>),
    Ringing(Box<incoming::Ringing>),
    Up(Box<established::Up>),
}

/// The agent.
#[derive(Debug)]
pub struct Endpoint {
    config: EndpointConfig,
    dice: Dice,
    output: VecDeque<Output>,
    schedule: Schedule<TimerKey>,
    clients: Clients,
    servers: Servers,
    calls: HashMap<CallHandle, Call>,
    dialogs: HashMap<DialogId, CallHandle>,
    registrations: HashMap<u64, Registration>,
    refusals: Rate,
    challenges: Rate,
    registrar: Option<Registrar>,
    nonces: Nonces,
    next_incoming: u64,
    counts: Counts,
}

impl Endpoint {
    /// An agent without calls.
    pub fn new(config: EndpointConfig) -> Self {
        Self {
            dice: Dice::new(config.seed),
            config,
            output: VecDeque::new(),
            schedule: Schedule::new(),
            clients: Clients::default(),
            servers: Servers::default(),
            calls: HashMap::new(),
            dialogs: HashMap::new(),
            registrations: HashMap::new(),
            refusals: Rate::default(),
            challenges: Rate::default(),
            registrar: None,
            nonces: Nonces::default(),
            next_incoming: 1,
            counts: Counts::default(),
        }
    }

    /// Lets telephones register: calls to their users at our own addresses go to where they are.
    pub fn with_registrar(mut self, registrar: Registrar) -> Self {
        self.registrar = Some(registrar);
        self
    }

    /// Where a telephone is that has registered here, the latest place first; by the far end's way to us.
    pub fn telephone(&self, now: Time, user: &str) -> Option<(Uri, Hop)> {
        let place = self.registrar.as_ref()?.places(now, user).next()?;
        Some((place.contact.clone(), place.hop))
    }

    /// What is asked for and where it goes: a telephone that is registered here is reached where it is, by whichever of
    /// our addresses.
    fn reached(&self, now: Time, target: Uri, next_hop: Hop) -> (Uri, Hop) {
        let ours = [self.config.local.ip(), self.config.bound.ip()];
        let own = target.as_sip().filter(|uri| uri.host.address().is_some_and(|ip| ours.contains(&ip)));
        let user = own.and_then(|uri| uri.user());
        let (target, next_hop) =
            user.and_then(|user| self.telephone(now, &user)).unwrap_or((target, next_hop));
        // A Contact may bring headers, which have no place here (§19.1.1, table 1).
        (target.for_request_line(), next_hop)
    }

    /// Takes one input. Poll all output afterwards.
    pub fn handle_input(&mut self, now: Time, input: Input<'_>) {
        match input {
            Input::Datagram { from, bytes } => self.datagram(now, from, bytes),
            Input::Stranger { from, bytes } => self.stranger(now, from, bytes),
            Input::Command(command) => self.command(now, command),
            Input::Unreachable { to } => {
                if let Some(registrar) = &mut self.registrar {
                    registrar.lost(to);
                }
                self.unreachable(now, to);
            }
            Input::Timeout => self.timeout(now),
        }
    }

    /// What it wants done, first things first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When it next wants `Timeout`.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.schedule.next()
    }

    /// What it holds.
    pub fn usage(&self) -> Usage {
        Usage {
            calls: self.calls.len(),
            dialogs: self.dialogs.len(),
            clients: self.clients.len(),
            servers: self.servers.len(),
            timers: self.schedule.len(),
        }
    }

    /// What it has counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether no call is left and every request of ours has had its final answer: nothing is lost if
    /// the agent now ends. Ended transactions may still linger for 32 s to absorb retransmissions.
    pub fn is_settled(&self) -> bool {
        self.calls.is_empty() && self.clients.all_answered()
    }

    fn datagram(&mut self, now: Time, from: Hop, bytes: &[u8]) {
        match Message::parse(bytes) {
            Ok(Message::Request(request)) => self.on_request(now, from, request),
            Ok(Message::Response(response)) => self.on_response(now, from, response),
            Err(ParseError::KeepAlive) => self.discard(from, Discard::KeepAlive),
            Err(error) => {
                if let Some((via, answer)) = refusal(bytes, &error) {
                    self.transmit(via.response_address(from), answer);
                }
                self.discard(from, Discard::Unparsable(error));
            }
        }
    }

    /// A message of a stranger. Nothing is kept of it, so that a flood of them costs nothing but the reading.
    fn stranger(&mut self, now: Time, from: Hop, bytes: &[u8]) {
        match Message::parse(bytes) {
            Ok(Message::Response(response)) => self.on_response(now, from, response),
            Ok(Message::Request(request)) if self.is_within(&request) => self.on_request(now, from, request),
            // Who may register is found out by asking.
            Ok(Message::Request(request)) if self.may_register(now, from, &request) => {
                self.on_request(now, from, request);
            }
            Ok(Message::Request(mut request)) => {
                let refused = self.config.strangers == Strangers::Refused && request.method != Method::Ack;
                if let Some(via) = request.headers.via.first_mut()
                    && refused
                    && self.refusals.allows(now, MAX_REFUSALS)
                {
                    let to = via.response_address(from);
                    via.note_source(from.address);
                    let tag = self.tag_of(&request);
                    self.transmit(to, request.respond(403, "Forbidden", Some(&tag)).to_bytes());
                }
                self.discard(from, Discard::Stranger);
            }
            Err(ParseError::KeepAlive) => self.discard(from, Discard::KeepAlive),
            Err(error) => self.discard(from, Discard::Unparsable(error)),
        }
    }

    /// Whether a request belongs to a dialog of ours.
    fn is_within(&self, request: &Request) -> bool {
        DialogId::of_request(request)
            .is_some_and(|d| self.dialogs.contains_key(&d) || self.clients.is_mortal(&d))
    }

    /// The To tag of an answer that nothing is kept of: the same for the same request (RFC 3261 §8.2.7).
    fn tag_of(&self, request: &Request) -> String {
        let h = &request.headers;
        let branch = request.branch().unwrap_or_default();
        self.dice.word_of(&format!("{branch} {} {}", h.call_id, h.cseq.number))
    }

    fn may_register(&self, now: Time, from: Hop, request: &Request) -> bool {
        let registrar = self.registrar.as_ref();
        registrar.is_some_and(|r| request.method == Method::Register || r.knows(now, from))
    }

    fn command(&mut self, now: Time, command: Command) {
        match command {
            Command::Invite(invite) => self.invite(now, *invite),
            Command::Ring { call, code, sdp } => self.ring(now, call, code, sdp.as_ref()),
            Command::Answer { call, sdp } => self.answer(now, call, sdp),
            Command::Reject { call, code, reason } => self.reject(now, call, code, &reason),
            Command::Options { ping, target, next_hop } => self.options(now, ping, target, next_hop),
            Command::Modify { call, change } => self.modify(now, call, change),
            Command::Refer { call, target, replaces } => self.refer(now, call, target, replaces),
            Command::ReportTransfer { call, code, reason } => self.report_transfer(now, call, code, &reason),
            Command::Digit { call, digit, duration_ms } => self.send_digit(now, call, digit, duration_ms),
            Command::Register(order) => self.register(now, *order),
            Command::Unregister { registration } => self.unregister(now, registration),
            Command::Forget { registration } => self.forget_registration(registration),
            Command::Hangup { call, reason } => match self.calls.get(&call) {
                Some(Call::Calling(_)) => self.hang_up_calling(now, call, reason),
                Some(Call::Ringing(_)) => self.reject(now, call, 480, "Temporarily Unavailable"),
                Some(Call::Up(_)) => self.hang_up(now, call, reason),
                None => {}
            },
        }
    }

    fn timeout(&mut self, now: Time) {
        while let Some(key) = self.schedule.pop(now) {
            match key {
                TimerKey::Client(id) => self.client_timeout(now, id),
                TimerKey::Server(id) => self.server_timeout(now, id),
                TimerKey::Registration(id) => self.renew(now, id),
                TimerKey::Call(call) => match self.calls.get(&call) {
                    Some(Call::Calling(_)) => self.silence_timeout(now, call),
                    Some(Call::Up(_)) => self.up_timeout(now, call),
                    Some(Call::Ringing(_)) => self.ringing_timeout(now, call),
                    None => {}
                },
            }
        }
    }

    fn transmit(&mut self, to: Hop, bytes: bytes::Bytes) {
        self.output.push_back(Output::Transmit { to, bytes });
    }

    fn event(&mut self, call: CallHandle, event: Event) {
        self.output.push_back(Output::Event { call, event });
    }

    fn discard(&mut self, from: Hop, reason: Discard) {
        self.output.push_back(Output::Discarded { from, reason });
    }

    /// Forgets a call and its dialog, and says how it ended.
    fn finish(&mut self, call: CallHandle, event: Event) {
        match self.calls.remove(&call) {
            Some(Call::Up(up)) => drop(self.dialogs.remove(&up.dialog.id)),
            Some(Call::Ringing(ringing)) => drop(self.dialogs.remove(&ringing.dialog.id)),
            Some(Call::Calling(calling)) => calling.early.iter().for_each(|e| {
                self.dialogs.remove(&e.dialog.id);
            }),
            None => return,
        }
        self.schedule.set(TimerKey::Call(call), None);
        self.event(call, event);
    }

    fn via(&mut self, transport: Transport) -> Via {
        let branch = format!("{MAGIC_COOKIE}{}", self.dice.word());
        Via::ours(transport, self.own_address(transport), &branch)
    }

    /// Where the far end dials us, by this transport.
    fn own_address(&self, transport: Transport) -> SocketAddr {
        let mut at = self.config.local;
        let other = match transport {
            Transport::Udp | Transport::Tcp => None,
            Transport::Tls => self.config.tls_port,
            Transport::Ws => self.config.ws_port,
            Transport::Wss => self.config.wss_port,
        };
        if let Some(port) = other {
            at.set_port(port);
        }
        at
    }

    /// Where the far end reaches us by the way that it is reached by.
    fn contact(&self, transport: Transport) -> NameAddr {
        self.contact_of("waihu", transport)
    }

    fn contact_of(&self, user: &str, transport: Transport) -> NameAddr {
        let uri = Uri::sip(user, self.own_address(transport));
        let uri = match transport {
            Transport::Udp => uri,
            other => uri.with_param("transport", other.in_uri()),
        };
        NameAddr::new(None, uri)
    }

    /// What we accept, truthfully.
    fn allow(&self) -> &'static str {
        match self.config.referral {
            Referral::Declined => "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, NOTIFY",
            Referral::Told => "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, NOTIFY, REFER",
        }
    }

    /// The extensions that we know, as Supported has it: PRACK, session timers, and Replaces where calls in are taken.
    fn supported(&self) -> &'static str {
        match self.config.calls_in {
            CallsIn::Taken => "100rel, replaces, timer",
            CallsIn::Refused => "100rel, timer",
        }
    }

    /// A request outside any dialog (RFC 3261 §8.1.1).
    fn request(&mut self, method: Method, target: Uri, from: NameAddr, transport: Transport) -> Request {
        let mut other = Fields::default();
        other.push("User-Agent", &self.config.user_agent);
        let tag = self.dice.word();
        let headers = Headers {
            via: vec![self.via(transport)],
            from: from.with_tag(&tag),
            to: NameAddr::new(None, target.clone()),
            call_id: format!("{}{}", self.dice.word(), self.dice.word()),
            cseq: CSeq { number: 1, method: method.clone() },
            max_forwards: Some(70),
            contact: vec![self.contact(transport)],
            route: Vec::new(),
            record_route: Vec::new(),
            other,
        };
        Request { method, uri: target, headers, body: bytes::Bytes::new() }
    }

    fn options(&mut self, now: Time, ping: u64, target: Uri, next_hop: Hop) {
        let (target, next_hop) = self.reached(now, target, next_hop);
        let from = self.contact(next_hop.transport);
        let mut request = self.request(Method::Options, target, from, next_hop.transport);
        request.headers.other.push("Accept", SDP);
        self.start_client(now, next_hop, request, clients::Purpose::Ping(ping));
    }
}

/// The media type of session descriptions.
const SDP: &str = "application/sdp";

/// Puts a description into a message.
fn set_body(fields: &mut Fields, body: &mut bytes::Bytes, sdp: &SessionDescription) {
    fields.remove("Content-Type");
    fields.push("Content-Type", SDP);
    *body = sdp.to_string().into();
}

/// The description in a message: `None` without one, or with one that is broken or of another type.
fn description(fields: &Fields, body: &[u8]) -> Option<SessionDescription> {
    written(fields, body).ok().flatten()
}

/// The same, where it matters that it is broken.
fn written(fields: &Fields, body: &[u8]) -> Result<Option<SessionDescription>, SdpError> {
    match sdp_of(fields, body).filter(|text| !text.is_empty()) {
        Some(text) => SessionDescription::parse(text).map(Some),
        None => Ok(None),
    }
}

/// The answer in a message where one is due; else why there is none, in words for the call's owner.
fn answer_of(fields: &Fields, body: &[u8]) -> Result<SessionDescription, String> {
    match written(fields, body) {
        Ok(Some(sdp)) => Ok(sdp),
        Ok(None) => Err("The answer has no description".to_owned()),
        Err(error) => Err(format!("The answer cannot be read: {error}")),
    }
}

/// The body, or the part of it, that is said to be a description; silence counts as consent.
fn sdp_of<'a>(fields: &Fields, body: &'a [u8]) -> Option<&'a [u8]> {
    match fields.value("Content-Type") {
        None => Some(body),
        Some(kind) if multipart::is_of(kind, SDP) => Some(body),
        Some(kind) => multipart::part(kind, body, SDP),
    }
}

/// Why an answer is no use, in words for the call's owner.
fn no_use(mismatch: MediaMismatch) -> String {
    format!("The answer is no use: {mismatch}")
}

/// Whether the body is none that we read, and the sender lets it go unread (RFC 3261 §20.11).
fn may_stay_unread(fields: &Fields, body: &[u8]) -> bool {
    let optional = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("handling") && value.trim().eq_ignore_ascii_case("optional")
        })
    };
    sdp_of(fields, body).is_none()
        && fields.value("Content-Disposition").is_some_and(|d| d.split(';').any(optional))
}

/// The value of a Reason header (RFC 3326), as it stands.
fn reason_of(fields: &Fields) -> Option<String> {
    fields.value("Reason").map(str::to_owned)
}

/// Whether an extension stands in a list as Supported, Require or Allow are.
fn lists(fields: &Fields, name: &str, word: &str) -> bool {
    fields.items(name).any(|w| w.eq_ignore_ascii_case(word))
}
