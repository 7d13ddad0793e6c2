//! The four transaction machines of RFC 3261 §17, with RFC 6026's Accepted states, over datagrams and streams.
//!
//! Each is its own file: [`client_invite`] (figure 5 of RFC 3261, figure 1 of RFC 6026), [`client`]
//! (figure 6), [`server_invite`] (figure 7), [`server`] (figure 8). Over a stream nothing is sent again and
//! nothing lingers: timers A, E and G never fire, and D, I, J and K are zero.
//!
//! Deliberately absent: sockets. What carries a transaction is an argument ([`Transport`]).

pub mod client;
pub mod client_invite;
pub mod server;
pub mod server_invite;

use std::time::Duration;

use bytes::Bytes;

use crate::{message::Response, transport::Transport};

/// Round-trip estimate (RFC 3261 §17.1.1.1).
pub const T1: Duration = Duration::from_millis(500);
/// The longest interval between retransmissions of anything but INVITE.
pub const T2: Duration = Duration::from_secs(4);
/// The longest that a message stays in the network.
pub const T4: Duration = Duration::from_secs(5);
/// 64·T1: timers B, F, H, J, L and M.
pub const T1_64: Duration = Duration::from_secs(32);
/// Timer D over UDP.
pub const TIMER_D: Duration = Duration::from_secs(32);

/// What a client transaction decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOutput {
    /// Send these bytes to the request's next hop.
    Transmit(Bytes),
    /// A response for the transaction user.
    Response(Response),
    /// No final response in time (timer B or F, or the transaction user's own): as a 408.
    TimedOut,
    /// The machine is done; forget it.
    Terminated,
}

/// What a server transaction decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerOutput {
    /// Send these bytes back where the request came from.
    Transmit(Bytes),
    /// No ACK in time (timer H).
    AckTimedOut,
    /// The machine is done; forget it.
    Terminated,
}

/// When to send again for the first time: with the end of patience, and so never, over a stream.
fn first_retry(now: waihu_types::Time, transport: Transport) -> waihu_types::Time {
    if transport.is_reliable() { now + T1_64 } else { now + T1 }
}

/// How long a machine absorbs what still comes: not at all over a stream.
fn linger(transport: Transport, over_datagrams: Duration) -> Duration {
    if transport.is_reliable() { Duration::ZERO } else { over_datagrams }
}
