//! What goes into an endpoint and what comes out.

use std::net::SocketAddr;

use bytes::Bytes;
use waihu_types::Direction;

use crate::{
    auth::Credentials,
    dialog::Dialog,
    error::ParseError,
    health::{Asked, Sign},
    identity::{Cause, Identity},
    name_addr::NameAddr,
    sdp::SessionDescription,
    transport::{Hop, Transport},
    uri::{Host, Uri},
};

/// A call at one endpoint. The caller of [`super::Endpoint`] chooses even numbers for calls it places;
/// the endpoint gives odd ones to calls that come in. No number is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallHandle(pub u64);

/// How an endpoint presents itself.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Our address as the far end sees it: Via and Contact.
    pub local: SocketAddr,
    /// Where we are bound: elsewhere, where a translator stands between.
    pub bound: SocketAddr,
    /// The port that TLS is listened for at, where that is another than `local`'s: Via and Contact name it over TLS.
    pub tls_port: Option<u16>,
    /// The same of WebSocket.
    pub ws_port: Option<u16>,
    /// The same of WebSocket within TLS.
    pub wss_port: Option<u16>,
    /// User-Agent and Server.
    pub user_agent: String,
    /// Seeds branches, tags, Call-IDs and cnonces; draw it from the system's randomness, for a
    /// stranger who knows it can forge requests within our calls.
    pub seed: u64,
    /// The interval that we propose for session timers (RFC 4028) [s], at least 90.
    pub session_expires_s: u32,
    /// What becomes of the far end's wish that a call be taken elsewhere.
    pub referral: Referral,
    /// Whether anybody takes the calls that come in.
    pub calls_in: CallsIn,
    /// What a stranger hears.
    pub strangers: Strangers,
    /// Whether a request that might not fit into a datagram goes over TCP.
    pub large: LargeRequests,
}

impl EndpointConfig {
    /// The usual: half an hour between refreshes (RFC 4028 §4 recommends it), no transfers, and whatever its
    /// size by the transport that was named.
    pub fn new(local: SocketAddr, user_agent: &str, seed: u64) -> Self {
        Self {
            local,
            bound: local,
            tls_port: None,
            ws_port: None,
            wss_port: None,
            user_agent: user_agent.to_owned(),
            seed,
            session_expires_s: 1_800,
            referral: Referral::Declined,
            calls_in: CallsIn::Taken,
            strangers: Strangers::Ignored,
            large: LargeRequests::AsAsked,
        }
    }

    /// Where requests within a dialog go. By a WebSocket that is listened for here the far end is a page, which has nobody
    /// behind it: what it names as its address or its route is never dialled for it.
    pub(super) fn way(&self, dialog: &Dialog, otherwise: Hop) -> Hop {
        let listened = match otherwise.transport {
            Transport::Ws => self.ws_port,
            Transport::Wss => self.wss_port,
            Transport::Udp | Transport::Tcp | Transport::Tls => None,
        };
        if listened.is_some() { otherwise } else { dialog.next_hop(otherwise) }
    }
}

/// What becomes of a REFER (RFC 3515).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Referral {
    /// 405, and Allow does not name REFER: a stranger would have us call whomever he likes.
    #[default]
    Declined,
    /// 202 and [`Event::TransferAsked`]; the call's owner decides.
    Told,
}

/// Whether the endpoint's owner takes calls that come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallsIn {
    /// It does, also in the place of others (RFC 3891).
    #[default]
    Taken,
    /// It refuses each of them: Supported does not name `replaces`, by which one would come in.
    Refused,
}

/// What a stranger's request outside our calls comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// Nothing: whoever looks for telephones finds none.
    #[default]
    Ignored,
    /// 403, ten times a second at most: for a network of one's own, where a wrong setting should show.
    Refused,
}

/// What becomes of a request over UDP above 1,300 bytes (RFC 3261 §18.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LargeRequests {
    /// It goes as it was asked for, in fragments: many a carrier listens on UDP alone.
    #[default]
    AsAsked,
    /// It goes over TCP to the same port, and over UDP after all where nobody listens there.
    OverTcp,
}

/// What is to become of a session that is up.
#[derive(Clone, Debug)]
pub enum Change {
    /// The same, in another direction: `SendOnly` or `Inactive` holds it, `SendRecv` resumes.
    Direction(Direction),
    /// Another description of ours; the endpoint numbers it.
    Description(Box<SessionDescription>),
}

/// A call to place.
#[derive(Clone, Debug)]
pub struct Invite {
    /// An even number not used before.
    pub call: CallHandle,
    /// Request-URI and To.
    pub target: Uri,
    /// Where the INVITE goes, and requests within the dialog when route set and Contact are names.
    pub next_hop: Hop,
    /// Where it goes instead, in order, where the next hop cannot be reached, says nothing for six seconds, or
    /// answers 503 (RFC 3263 §4.3). Whoever then wakes up late is cancelled.
    pub backups: Vec<Hop>,
    /// The hosts that a redirection (3xx) may lead to, for the same user; with none it is a refusal. A host's name
    /// leads where the call went already.
    pub redirects: Vec<Host>,
    /// The Call-ID, unlike any before; the endpoint's own where none is given.
    pub call_id: Option<String>,
    /// The caller; its tag is set by the endpoint.
    pub from: NameAddr,
    /// For 401 and 407.
    pub credentials: Option<Credentials>,
    /// Our description.
    pub offer: SessionDescription,
    /// Further headers; those that the endpoint writes itself are left out.
    pub headers: Vec<(String, String)>,
}

/// What a caller of the endpoint may ask. A command about a call that is not there does nothing: it
/// has crossed with the call's end.
#[derive(Clone, Debug)]
pub enum Command {
    /// Place a call.
    Invite(Box<Invite>),
    /// 180, or 183 with early media, on a call that came in. Where the caller requires that it arrives and leaves the
    /// offer to us, the description is our offer, `Answered` brings the answer, and nothing rings before it.
    Ring {
        /// The call.
        call: CallHandle,
        /// 180 to 199.
        code: u16,
        /// Early media's description; that of the answer to come.
        sdp: Option<SessionDescription>,
    },
    /// 200 on a call that came in.
    Answer {
        /// The call.
        call: CallHandle,
        /// Our answer; our offer where the INVITE had none. Not repeated where `Ring` has said it to a caller who
        /// requires that it arrives.
        sdp: SessionDescription,
    },
    /// A final refusal of a call that came in.
    Reject {
        /// The call.
        call: CallHandle,
        /// 300 to 699.
        code: u16,
        /// Reason phrase.
        reason: String,
    },
    /// End a call in whichever way its state asks for: CANCEL (once a provisional response allows it,
    /// RFC 3261 §9.1), BYE, ACK and BYE where a 2xx crosses the CANCEL, or 480 on a call that came in.
    Hangup {
        /// The call.
        call: CallHandle,
        /// The value of a Reason header (RFC 3326).
        reason: Option<String>,
    },
    /// Offer the session of a call that is up anew, by re-INVITE: `Modified` or `NotModified` tells, 491 where it is not
    /// up yet.
    Modify {
        /// The call.
        call: CallHandle,
        /// What is to be.
        change: Change,
    },
    /// Ask the far end to call somebody else in our place (REFER): `Transfer` tells how it goes.
    Refer {
        /// The call whose far end is asked.
        call: CallHandle,
        /// Whom it is to call.
        target: Uri,
        /// The call of ours, up at the target, whose place it is to take there (an attended transfer).
        replaces: Option<CallHandle>,
    },
    /// Tell the far end that asked for a transfer how it goes: from 200 on it is over.
    ReportTransfer {
        /// The call that was asked.
        call: CallHandle,
        /// 100 to 699: the target's last response, or 603 where we do not do it.
        code: u16,
        /// Its phrase.
        reason: String,
    },
    /// A key pressed, by INFO: for far ends without telephone-event in the sound.
    Digit {
        /// The call.
        call: CallHandle,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
        /// How long [ms].
        duration_ms: u32,
    },
    /// Register an address of ours, and keep it so until told otherwise: [`Output::Registered`] tells.
    Register(Box<crate::registration::Order>),
    /// Take a registration back.
    Unregister {
        /// As in the order.
        registration: u64,
    },
    /// Let a registration run out where it is, without a word: another one has its Contact.
    Forget {
        /// As in the order.
        registration: u64,
    },
    /// OPTIONS outside any call, answered by [`Output::Pong`].
    Options {
        /// Comes back with the answer.
        ping: u64,
        /// Request-URI and To.
        target: Uri,
        /// Where it goes.
        next_hop: Hop,
    },
}

/// What happens to an endpoint.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// One message's bytes from a socket: a datagram, or what a stream's framing has cut out.
    Datagram {
        /// Their source.
        from: Hop,
        /// All of them.
        bytes: &'a [u8],
    },
    /// The same from an address that belongs to no trunk, no telephone and no call: it may go on with a call
    /// of ours, and anything else is treated as [`EndpointConfig::strangers`] says.
    Stranger {
        /// Their source.
        from: Hop,
        /// All of them.
        bytes: &'a [u8],
    },
    /// A wish.
    Command(Command),
    /// Nothing could be sent there, or the connection there has broken.
    Unreachable {
        /// Where.
        to: Hop,
    },
    /// `poll_timeout` may have passed.
    Timeout,
}

/// No final response within 32 s (timer F).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer within 32 s")]
pub struct TimedOut;

/// What an endpoint decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes.
    Transmit {
        /// Where to.
        to: Hop,
        /// One message.
        bytes: Bytes,
    },
    /// News of a call.
    Event {
        /// The call.
        call: CallHandle,
        /// The news.
        event: Event,
    },
    /// The end of an OPTIONS.
    Pong {
        /// As in the command.
        ping: u64,
        /// The final status code.
        result: Result<u16, TimedOut>,
    },
    /// How a registration stands, each time that it changes.
    Registered {
        /// As in the order.
        registration: u64,
        /// Until when, or why not.
        state: crate::registration::State,
    },
    /// What a machine made of a call or an OPTIONS of ours: once for each, or for each machine that one goes to.
    Sign {
        /// The machine.
        hop: Hop,
        /// What it was.
        asked: Asked,
        /// What came of it.
        sign: Sign,
    },
    /// A datagram that was of no use.
    Discarded {
        /// Its source.
        from: Hop,
        /// Why.
        reason: Discard,
    },
}

/// Why a datagram was of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Discard {
    /// Line ends that keep a NAT open.
    #[error("keep-alive")]
    KeepAlive,
    /// Not SIP, or broken; a request among them was answered with 400 or 505.
    #[error("{0}")]
    Unparsable(ParseError),
    /// A response to nothing we asked.
    #[error("a response to no request of ours")]
    StrayResponse,
    /// From an address that is nobody's we know.
    #[error("from a stranger")]
    Stranger,
    /// An ACK for nothing we answered.
    #[error("an ACK for no response of ours")]
    StrayAck,
    /// As many transactions as we keep; the far end will ask again.
    #[error("too many transactions at once")]
    Overload,
}

/// Who ended a call that was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// We did.
    Local,
    /// They did.
    Remote,
    /// Another call has taken its place (RFC 3891).
    Replaced(CallHandle),
}

/// Why a call never came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// A final response of 300 to 699.
    Rejected,
    /// A 401 or 407 that we could not answer, or whose answer was refused; the reason says which. It
    /// is the trunk's configuration that is wrong, not the callee.
    Unauthorized,
    /// Nothing at all came back in time (timer B), not even a 100. It is the next hop that is silent, not
    /// the callee; so also where the call was given up meanwhile.
    TimedOut,
    /// Nothing could be sent.
    TransportError,
    /// Somebody picked up: a 2xx came, but without a description that we can speak. It is acknowledged and
    /// hung up on. So is a caller who left the offer to us and whose answer is none that we can speak.
    BadAnswer,
    /// Cancelled before it was answered, by whoever placed it.
    Cancelled,
}

/// News of one call. `Failed` or `Ended` comes once and last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A call comes in; Ring, Answer, Reject or Hangup it.
    Incoming {
        /// The caller.
        from: NameAddr,
        /// Whom it was addressed to.
        to: NameAddr,
        /// Whom it was routed to.
        request_uri: Uri,
        /// Their offer; `None` leaves the offer to us.
        offer: Option<SessionDescription>,
        /// What the network says of the caller and of the way here.
        identity: Box<Identity>,
        /// The call of ours whose place it is to take (RFC 3891). Answering it ends that one.
        replaces: Option<CallHandle>,
    },
    /// 100 to 199 on a call that we placed, also after we have given it up: 100 says only that the next hop
    /// has it, yet tells a trunk that is there from one that is silent.
    Provisional {
        /// The code.
        code: u16,
        /// Its phrase.
        reason: String,
        /// The early dialog that it is of, by the far end's tag (RFC 3261 §12.1): a fork rings at several telephones,
        /// each with a description of its own. None with 100, and where the far end gives no tag.
        early_dialog: Option<String>,
        /// Early media's description.
        sdp: Option<SessionDescription>,
    },
    /// A call that we placed is answered and acknowledged; on a call that came in without an offer, the
    /// answer to ours, which may come before we have answered the call.
    Answered {
        /// Their description.
        sdp: SessionDescription,
    },
    /// The ACK for our 200 came: a call that came in is up.
    Confirmed,
    /// They changed the session (hold and back as a rule); we have agreed, with the same address of ours. A call that
    /// came in may change before it is answered.
    Reinvited {
        /// Their description now.
        sdp: SessionDescription,
    },
    /// They have agreed to our change of the session.
    Modified {
        /// Their description now.
        sdp: SessionDescription,
    },
    /// They have not, and the session goes on as it was.
    NotModified {
        /// The final response's code; 408 for none, 488 for an answer that is no use.
        code: u16,
    },
    /// How a transfer goes that we asked for. From 200 on it is the last: 2xx, the target has answered (hang
    /// up now); else the call is ours again. 408 where no news came.
    Transfer {
        /// 100 that they try; what the target answered.
        code: u16,
    },
    /// They want us to call somebody in their place; report how it goes, or 603.
    TransferAsked {
        /// Whom.
        target: Uri,
        /// The value of the Replaces header to send along (RFC 3891), in an attended transfer.
        replaces: Option<String>,
        /// The value of Referred-By, as it stands (RFC 3892).
        referred_by: Option<String>,
    },
    /// A key that they pressed, told by INFO, where the sound does not tell it (telephone-event).
    Digit {
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
        /// How long [ms]; 160 where it is not said.
        duration_ms: u32,
    },
    /// The call never came up.
    Failed {
        /// The final response's code; 408 for none, 487 for a cancelled call, 488 for a bad answer, 503
        /// for a transport error.
        code: u16,
        /// Its phrase.
        reason: String,
        /// Why.
        cause: FailureCause,
        /// Retry-After [s].
        retry_after_s: Option<u32>,
        /// What the Reason headers say (RFC 3326): the network's own cause, as a rule Q.850's.
        because: Vec<Cause>,
    },
    /// The call was up and is over. `Local` also where our CANCEL crossed with their answer.
    Ended {
        /// Who ended it.
        by: EndedBy,
        /// The value of their Reason header (RFC 3326), or why we gave up.
        reason: Option<String>,
    },
}

/// What an endpoint holds. All zero when every call is over and the last timer (32 s) has run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls not over.
    pub calls: usize,
    /// Dialogs that requests from the far end may name.
    pub dialogs: usize,
    /// Client transactions.
    pub clients: usize,
    /// Server transactions.
    pub servers: usize,
    /// Armed timers.
    pub timers: usize,
}

/// What an endpoint has met since it was made: what of it was lost on the way shows here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages of ours that a timer sent once more.
    pub sent_again: u64,
    /// Requests of theirs that came once more.
    pub heard_again: u64,
    /// Requests of ours that no final response came to in time.
    pub unanswered: u64,
}
