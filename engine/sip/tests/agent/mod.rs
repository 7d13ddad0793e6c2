//! One endpoint against a far end that says exactly what it is told to, in virtual time.
#![allow(clippy::unwrap_used, dead_code, reason = "each test file needs its own part")]

pub mod busy;

use std::{net::SocketAddr, time::Duration};

use waihu_sip::{
    CallHandle, Codec, Command, Credentials, Endpoint, EndpointConfig, Event, Hop, Input, Invite, NameAddr,
    Output, SessionDescription, Transport, Uri, Usage,
    health::{Asked, Sign},
    registration::{Order, State},
};
use waihu_types::Time;

pub const HERE: &str = "192.0.2.1:5060";
pub const THERE: &str = "192.0.2.2:5060";
pub const CALL: CallHandle = CallHandle(2);
pub const BODY: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

/// A datagram of ours.
pub struct Sent {
    pub at_ms: u64,
    pub to: SocketAddr,
    pub transport: Transport,
    pub text: String,
}

/// One endpoint, its clock, and all that came out with the time at which it did [ms].
pub struct Agent {
    pub endpoint: Endpoint,
    pub now_ms: u64,
    pub sent: Vec<Sent>,
    pub events: Vec<(CallHandle, Event)>,
    pub registrations: Vec<State>,
    pub signs: Vec<(Hop, Asked, Sign)>,
    pub transport: Transport,
}

pub fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).unwrap()
}

/// A far end's response to one of our requests; the To tag is set unless it is there already.
pub fn response(request: &str, status: &str, body: &str) -> String {
    let to = field(request, "To");
    let tag = if to.contains(";tag=") || status.starts_with("100") { "" } else { ";tag=far" };
    let mut out = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        out += &format!("{name}: {}\r\n", field(request, name));
    }
    out += &format!("To: {to}{tag}\r\nContact: <sip:far@{THERE}>\r\n");
    if !body.is_empty() {
        out += "Content-Type: application/sdp\r\n";
    }
    out + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A request of the far end; `dialog` is From, To and Call-ID.
pub fn request(method: &str, cseq: u32, branch: &str, dialog: (&str, &str, &str), body: &str) -> String {
    let (from, to, call_id) = dialog;
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:waihu@{HERE} SIP/2.0\r\nVia: SIP/2.0/UDP {THERE};branch=z9hG4bK{branch}\r\nFrom: {from}\r\n\
         To: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:far@{THERE}>\r\n\
         Max-Forwards: 70\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Agent {
    pub fn new() -> Self {
        Self::with(EndpointConfig::new(HERE.parse().unwrap(), "test", 7))
    }

    pub fn with(config: EndpointConfig) -> Self {
        Self {
            endpoint: Endpoint::new(config),
            now_ms: 0,
            sent: Vec::new(),
            events: Vec::new(),
            registrations: Vec::new(),
            signs: Vec::new(),
            transport: Transport::Udp,
        }
    }

    pub fn input(&mut self, input: Input<'_>) {
        self.endpoint.handle_input(Time::ZERO + Duration::from_millis(self.now_ms), input);
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { to, bytes } => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    self.sent.push(Sent {
                        at_ms: self.now_ms,
                        to: to.address,
                        transport: to.transport,
                        text,
                    });
                }
                Output::Event { call, event } => self.events.push((call, event)),
                Output::Registered { state, .. } => self.registrations.push(state),
                Output::Sign { hop, asked, sign } => self.signs.push((hop, asked, sign)),
                Output::Pong { .. } | Output::Discarded { .. } => {}
            }
        }
    }

    /// The same for bytes that need not be text: what we send is not kept.
    pub fn input_lossy(&mut self, input: Input<'_>) {
        self.endpoint.handle_input(Time::ZERO + Duration::from_millis(self.now_ms), input);
        while let Some(output) = self.endpoint.poll_output() {
            if let Output::Event { call, event } = output {
                self.events.push((call, event));
            }
        }
    }

    pub fn hear_lossy(&mut self, from: Hop, bytes: &[u8]) {
        self.input_lossy(Input::Datagram { from, bytes });
    }

    pub fn wait_lossy(&mut self, until_ms: u64) {
        let until = Time::ZERO + Duration::from_millis(until_ms);
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= until) {
            self.now_ms = u64::try_from(due.since(Time::ZERO).as_millis()).unwrap().max(self.now_ms);
            self.input_lossy(Input::Timeout);
        }
        self.now_ms = until_ms;
    }

    pub fn hear(&mut self, text: &str) {
        self.hear_bytes(text.as_bytes());
    }

    pub fn hear_bytes(&mut self, bytes: &[u8]) {
        let from = Hop::new(self.transport, THERE.parse().unwrap());
        self.input(Input::Datagram { from, bytes });
    }

    /// Lets time pass up to `until_ms`.
    pub fn wait(&mut self, until_ms: u64) {
        let until = Time::ZERO + Duration::from_millis(until_ms);
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= until) {
            self.now_ms = u64::try_from(due.since(Time::ZERO).as_millis()).unwrap().max(self.now_ms);
            self.input(Input::Timeout);
        }
        self.now_ms = until_ms;
    }

    pub fn invite(&mut self, call: CallHandle, credentials: Option<Credentials>) -> String {
        let there: SocketAddr = THERE.parse().unwrap();
        self.invite_to(call, Uri::sip("far", there), Hop::new(self.transport, there), credentials)
    }

    /// Calls a telephone that is registered here.
    pub fn invite_here(&mut self, call: CallHandle, user: &str) -> String {
        let here: SocketAddr = HERE.parse().unwrap();
        self.invite_to(call, Uri::sip(user, here), here.into(), None)
    }

    fn invite_to(
        &mut self,
        call: CallHandle,
        target: Uri,
        next_hop: Hop,
        credentials: Option<Credentials>,
    ) -> String {
        self.input(Input::Command(Command::Invite(Box::new(Invite {
            call,
            target,
            next_hop,
            backups: Vec::new(),
            redirects: Vec::new(),
            call_id: None,
            from: NameAddr::new(None, Uri::sip("waihu", HERE.parse().unwrap())),
            credentials,
            offer: sdp(),
            headers: Vec::new(),
        }))));
        self.last("INVITE")
    }

    /// Registers at the carrier.
    pub fn register(&mut self, credentials: Option<Credentials>) {
        self.input(Input::Command(Command::Register(Box::new(Order {
            registration: 1,
            registrar: "sip:carrier.example".parse().unwrap(),
            next_hop: Hop::from(THERE.parse::<SocketAddr>().unwrap()),
            of: NameAddr::new(None, "sip:4008@carrier.example".parse().unwrap()),
            contact_user: "4008".into(),
            expires_s: 600,
            credentials,
        }))));
    }

    /// A call that we placed, answered at once: the INVITE and the ACK.
    pub fn call(&mut self, call: CallHandle) -> (String, String) {
        let invite = self.invite(call, None);
        self.hear(&response(&invite, "200 OK", BODY));
        (invite, self.last("ACK"))
    }

    pub fn hang_up(&mut self, call: CallHandle) {
        self.input(Input::Command(Command::Hangup { call, reason: None }));
    }

    /// A call that comes in: its INVITE as it was heard, and its handle.
    pub fn ringing(&mut self) -> (String, CallHandle) {
        let heard = request("INVITE", 1, "in", ("<sip:far@x>;tag=f", "<sip:waihu@x>", "in@x"), BODY);
        self.hear(&heard);
        let call = self.events.iter().find(|(_, e)| matches!(e, Event::Incoming { .. })).unwrap().0;
        (heard, call)
    }

    pub fn last(&self, start: &str) -> String {
        self.sent_last(start).text.clone()
    }

    pub fn sent_last(&self, start: &str) -> &Sent {
        self.sent.iter().rev().find(|s| s.text.starts_with(start)).unwrap()
    }

    /// When each message went out that begins so [ms].
    pub fn times(&self, start: &str) -> Vec<u64> {
        self.sent.iter().filter(|s| s.text.starts_with(start)).map(|s| s.at_ms).collect()
    }

    pub fn end(&self) -> &Event {
        &self.events.last().unwrap().1
    }

    pub fn is_empty(&self) -> bool {
        self.endpoint.usage() == Usage::default()
    }
}

pub fn sdp() -> SessionDescription {
    SessionDescription::offer("192.0.2.1:4000".parse().unwrap(), &[Codec::Pcma])
}

/// With one more line in its header.
pub fn with(message: &str, line: &str) -> String {
    message.replacen("Content-Length", &format!("{line}\r\nContent-Length"), 1)
}

/// Every value of a header, in order.
pub fn fields<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).collect()
}
