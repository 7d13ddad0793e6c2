//! The non-INVITE client transaction: RFC 3261 §17.1.2 (figure 6).
//!
//! ```text
//!           request from TU
//!            v    Timer E fires: reset E, request sent
//!         Trying ---- Timer F: inform TU ----------> Terminated
//!     1xx |    | 200-699                                  ^
//!         v    v                                          |
//!  Proceeding -- 200-699 --> Completed ---- Timer K ------+
//!   Timer E at T2, Timer F
//! ```

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use waihu_types::Time;

use super::{ClientOutput as Output, T1, T1_64, T2, T4, first_retry, linger};
use crate::{
    message::{Request, Response},
    transport::Transport,
};

/// What happens to the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// A response that matches this transaction.
    Response(Response),
    /// `poll_timeout` may have passed.
    Timeout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trying { e: Time, interval: Duration, f: Time },
    Proceeding { e: Time, f: Time },
    Completed { k: Time },
    Terminated,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct Client {
    request: Bytes,
    transport: Transport,
    state: State,
    output: VecDeque<Output>,
}

impl Client {
    /// Sends the request and starts timers E and F.
    pub fn new(now: Time, request: &Request, transport: Transport) -> Self {
        let request = request.to_bytes();
        let output = VecDeque::from([Output::Transmit(request.clone())]);
        let state = State::Trying { e: first_retry(now, transport), interval: T1, f: now + T1_64 };
        Self { request, transport, state, output }
    }

    /// Whether the final response has come, or is no longer waited for.
    pub fn is_answered(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Terminated)
    }

    /// Takes one input.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match input {
            Input::Response(response) => self.response(now, response),
            Input::Timeout => self.timeout(now),
        }
    }

    fn response(&mut self, now: Time, response: Response) {
        self.state = match (self.state, response.code) {
            (State::Trying { f, .. }, 100..=199) if self.transport.is_reliable() => {
                State::Proceeding { e: f, f }
            }
            (State::Trying { f, .. }, 100..=199) => State::Proceeding { e: now + T2, f },
            (state @ State::Proceeding { .. }, 100..=199) => state,
            (State::Trying { .. } | State::Proceeding { .. }, _) => {
                State::Completed { k: now + linger(self.transport, T4) }
            }
            _ => return,
        };
        self.output.push_back(Output::Response(response));
    }

    fn timeout(&mut self, now: Time) {
        match self.state {
            State::Trying { f, .. } | State::Proceeding { f, .. } if now >= f => {
                self.output.push_back(Output::TimedOut);
                self.terminate();
            }
            State::Trying { e, interval, f } if now >= e => {
                let interval = (interval * 2).min(T2);
                self.output.push_back(Output::Transmit(self.request.clone()));
                self.state = State::Trying { e: now + interval, interval, f };
            }
            State::Proceeding { e, f } if now >= e => {
                self.output.push_back(Output::Transmit(self.request.clone()));
                self.state = State::Proceeding { e: now + T2, f };
            }
            State::Completed { k } if now >= k => self.terminate(),
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
            State::Trying { e, f, .. } | State::Proceeding { e, f } => Some(e.min(f)),
            State::Completed { k } => Some(k),
            State::Terminated => None,
        }
    }
}
