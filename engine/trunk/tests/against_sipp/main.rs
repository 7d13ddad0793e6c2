//! The trunk against SIPp: a user agent that shares no code with ours, on real sockets.
//!
//! Each test starts its own SIPp with one scenario of `tests/sipp/` and puts a [`wire::Wire`] between
//! the two, which keeps every datagram and loses those that the test wants lost. At its end SIPp must
//! have found the whole scenario fulfilled, and every datagram of ours must keep the laws of
//! [`laws`]. The tests wait for events, never for time to pass, and run side by side.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod answered;
mod challenged;
mod crossing;
mod dissected;
#[path = "../dissector/mod.rs"]
mod dissector;
mod disturbed;
mod handed_on;
mod incoming;
mod laws;
mod loaded;
mod lossy;
mod near;
mod not_answered;
mod outside_a_call;
mod sipp;
#[path = "../../../sip/tests/torture/mod.rs"]
mod torture;
mod unreachable;
mod wire;
mod within_the_call;
