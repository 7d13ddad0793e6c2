//! The non-INVITE server transaction: RFC 3261 §17.2.2 (figure 8).
//!
//! ```text
//!      request: pass to TU
//!        v
//!     Trying ------- 1xx from TU ----> Proceeding (request: last 1xx sent again)
//!        | 200-699 from TU                 | 200-699 from TU
//!        +------> Completed <--------------+
//!                 request: response sent again; Timer J ---> Terminated
//! ```

use std::collections::VecDeque;

use bytes::Bytes;
use waihu_types::Time;

use super::{ServerOutput as Output, T1_64, linger};
use crate::{message::Response, transport::Transport};

/// What happens to the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// The same request again.
    Retransmission,
    /// A response from the transaction user.
    Respond(Response),
    /// `poll_timeout` may have passed.
    Timeout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Trying, and Proceeding once there is a last response.
    Open,
    Completed {
        j: Time,
    },
    Terminated,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct Server {
    state: State,
    transport: Transport,
    last: Option<Bytes>,
    output: VecDeque<Output>,
}

impl Server {
    /// Waits for the transaction user.
    pub fn new(transport: Transport) -> Self {
        Self { state: State::Open, transport, last: None, output: VecDeque::new() }
    }

    /// Takes one input.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match (input, self.state) {
            (Input::Retransmission, State::Open | State::Completed { .. }) => {
                self.output.extend(self.last.clone().map(Output::Transmit));
            }
            (Input::Respond(response), State::Open) => {
                let bytes = response.to_bytes();
                self.output.push_back(Output::Transmit(bytes.clone()));
                self.last = Some(bytes);
                if response.code >= 200 {
                    self.state = State::Completed { j: now + linger(self.transport, T1_64) };
                }
            }
            (Input::Timeout, State::Completed { j }) if now >= j => {
                self.state = State::Terminated;
                self.output.push_back(Output::Terminated);
            }
            _ => {}
        }
    }

    /// What it wants done, first things first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When it next wants `Timeout`.
    pub fn poll_timeout(&self) -> Option<Time> {
        match self.state {
            State::Completed { j } => Some(j),
            State::Open | State::Terminated => None,
        }
    }
}
