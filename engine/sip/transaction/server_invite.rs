//! The INVITE server transaction: RFC 3261 §17.2.1 (figure 7) with RFC 6026 §7.1.
//!
//! ```text
//!          INVITE: pass to TU, 100 sent
//!            v    INVITE: last provisional sent again
//!        Proceeding ---- 2xx from TU ---> Accepted --- Timer L --> Terminated
//!            | 300-699 from TU                                        ^  ^
//!            v    INVITE, Timer G: response sent again                |  |
//!        Completed ---- Timer H: inform TU ---------------------------+  |
//!            | ACK                                                       |
//!            v                                                           |
//!        Confirmed ---- Timer I -----------------------------------------+
//! ```
//!
//! The 2xx itself is retransmitted by the transaction user (§13.3.1.4), so Accepted only absorbs.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use waihu_types::Time;

use super::{ServerOutput as Output, T1, T1_64, T2, T4, first_retry, linger};
use crate::{message::Response, transport::Transport};

/// What happens to the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// The same INVITE again.
    Retransmission,
    /// An ACK with the INVITE's branch.
    Ack,
    /// A response from the transaction user.
    Respond(Response),
    /// `poll_timeout` may have passed.
    Timeout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Proceeding,
    Completed { g: Time, interval: Duration, h: Time },
    Confirmed { i: Time },
    Accepted { l: Time },
    Terminated,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct ServerInvite {
    state: State,
    transport: Transport,
    last: Option<Bytes>,
    output: VecDeque<Output>,
}

impl ServerInvite {
    /// Waits for the transaction user, which is to send a 100 within 200 ms (§17.2.1).
    pub fn new(transport: Transport) -> Self {
        Self { state: State::Proceeding, transport, last: None, output: VecDeque::new() }
    }

    /// Whether an ACK belongs to this machine: only one for a final response that is not 2xx.
    pub fn takes_ack(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Confirmed { .. })
    }

    /// Takes one input.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match (input, self.state) {
            (Input::Retransmission, State::Proceeding | State::Completed { .. }) => {
                self.output.extend(self.last.clone().map(Output::Transmit));
            }
            (Input::Respond(response), State::Proceeding) => self.respond(now, &response),
            (Input::Ack, State::Completed { .. }) => {
                self.state = State::Confirmed { i: now + linger(self.transport, T4) };
            }
            (Input::Timeout, _) => self.timeout(now),
            _ => {}
        }
    }

    fn respond(&mut self, now: Time, response: &Response) {
        let bytes = response.to_bytes();
        self.output.push_back(Output::Transmit(bytes.clone()));
        match response.code {
            100..=199 => self.last = Some(bytes),
            200..=299 => {
                self.last = None;
                self.state = State::Accepted { l: now + T1_64 };
            }
            _ => {
                self.last = Some(bytes);
                self.state =
                    State::Completed { g: first_retry(now, self.transport), interval: T1, h: now + T1_64 };
            }
        }
    }

    fn timeout(&mut self, now: Time) {
        match self.state {
            State::Completed { h, .. } if now >= h => {
                self.output.push_back(Output::AckTimedOut);
                self.terminate();
            }
            State::Completed { g, interval, h } if now >= g => {
                self.output.extend(self.last.clone().map(Output::Transmit));
                let interval = (interval * 2).min(T2);
                self.state = State::Completed { g: now + interval, interval, h };
            }
            State::Confirmed { i: end } | State::Accepted { l: end } if now >= end => self.terminate(),
            _ => {}
        }
    }

    fn terminate(&mut self) {
        self.state = State::Terminated;
        self.output.push_back(Output::Terminated);
    }

    /// What it wants done, first things first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When it next wants `Timeout`.
    pub fn poll_timeout(&self) -> Option<Time> {
        match self.state {
            State::Completed { g, h, .. } => Some(g.min(h)),
            State::Confirmed { i } => Some(i),
            State::Accepted { l } => Some(l),
            State::Proceeding | State::Terminated => None,
        }
    }
}
