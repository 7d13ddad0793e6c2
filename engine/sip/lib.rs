//! A SIP user agent without a socket: bytes and time in, bytes and events out.
//!
//! [`Endpoint`] is the whole agent: many calls at once, each way. Below it, readable beside the RFCs:
//! messages ([`message`], [`headers`], [`uri`]), session descriptions ([`sdp`], [`offer_answer`]), the
//! four transaction machines ([`transaction`]), digest authentication ([`auth`]), dialogs ([`dialog`]), session
//! timers ([`session_timer`]), where others register ([`registrar`]) and what carries it all ([`transport`]). Beside it:
//! where a server's name leads ([`locate`]), and whether its machines are there ([`health`]). README.md has the RFCs'
//! sections one by one, with the test of each.
//!
//! Deliberately absent: sockets, clocks and randomness (arguments, all three), the DNS itself, presence, and sound: a
//! description is carried from end to end, and nobody here plays it.

pub mod auth;
pub mod dialog;
mod endpoint;
mod error;
pub mod framing;
pub mod headers;
pub mod health;
pub mod identity;
mod lex;
pub mod locate;
pub mod message;
mod method;
mod multipart;
mod name_addr;
pub mod offer_answer;
pub mod registrar;
pub mod registration;
pub mod sdp;
pub mod session_timer;
pub mod transaction;
pub mod transport;
pub mod uri;
mod via;

pub use auth::{Credentials, Unanswerable};
pub use endpoint::{
    CallHandle, CallsIn, Change, Command, Counts, Discard, EndedBy, Endpoint, EndpointConfig, Event,
    FailureCause, Input, Invite, LargeRequests, Output, Referral, Strangers, TRANSFER_PATIENCE, TimedOut,
    Usage,
};
pub use error::{FieldFault, ParseError};
pub use lex::Text;
pub use message::{Message, Request, Response};
pub use method::Method;
pub use name_addr::NameAddr;
pub use offer_answer::{
    AudioStream, ComfortNoise, DtlsRole, IceLite, Keys, MediaMismatch, Ours, PayloadTypes, Rtcp, Security,
    SrtpPolicy, StreamSecurity, agree,
};
pub use sdp::{SdpError, SessionDescription};
pub use transport::{Hop, Transport};
pub use uri::{InvalidUri, SipUri, Uri};
pub use via::Via;
pub use waihu_types::{Codec, Direction, SrtpKey, SrtpSuite};
