//! The INVITE client transaction: RFC 3261 §17.1.1 (figure 5) with RFC 6026 §7.2.
//!
//! ```text
//!           INVITE from TU
//!            v   Timer A fires: reset A, INVITE sent
//!        Calling ---- Timer B: inform TU ----------------> Terminated
//!  1xx |    | 2xx           | 300-699: ACK sent                ^
//!      v    |               v                                  |
//!  Proceeding --- 300-699 --> Completed --- Timer D -----------+
//!        | 2xx                                                 |
//!        +------> Accepted (each 2xx to TU) --- Timer M -------+
//! ```
//!
//! Proceeding has no timer of its own: after a CANCEL the transaction user gives it one (§9.1), and where nobody is
//! waited for to pick up.

use std::collections::VecDeque;

use waihu_types::Time;

use super::{ClientOutput as Output, T1, T1_64, TIMER_D, first_retry, linger};
use crate::{
    message::{Request, Response},
    method::Method,
    transport::Transport,
};

/// What happens to the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// A response that matches this transaction.
    Response(Response),
    /// A final response is waited for until then and no longer.
    WaitUntil(Time),
    /// `poll_timeout` may have passed.
    Timeout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Calling { a: Time, interval: std::time::Duration, b: Time },
    Proceeding,
    Completed { d: Time },
    Accepted { m: Time },
    Terminated,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct ClientInvite {
    request: Request,
    transport: Transport,
    state: State,
    /// The end of patience in Proceeding.
    until: Option<Time>,
    output: VecDeque<Output>,
}

impl ClientInvite {
    /// Sends the INVITE and starts timers A and B.
    pub fn new(now: Time, request: Request, transport: Transport) -> Self {
        let output = VecDeque::from([Output::Transmit(request.to_bytes())]);
        let state = State::Calling { a: first_retry(now, transport), interval: T1, b: now + T1_64 };
        Self { request, transport, state, until: None, output }
    }

    /// The INVITE.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whether a final response has come, or is no longer waited for.
    pub fn is_answered(&self) -> bool {
        !matches!(self.state, State::Calling { .. } | State::Proceeding)
    }

    /// Takes one input.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match input {
            Input::Response(response) => self.response(now, response),
            Input::WaitUntil(until) => self.until = Some(until),
            Input::Timeout => self.timeout(now),
        }
    }

    fn response(&mut self, now: Time, response: Response) {
        let open = matches!(self.state, State::Calling { .. } | State::Proceeding);
        match (response.code, self.state) {
            (100..=199, _) if open => self.state = State::Proceeding,
            (200..=299, State::Accepted { .. }) => {}
            (200..=299, _) if open => self.state = State::Accepted { m: now + T1_64 },
            (300..=699, State::Completed { .. }) => {
                // A retransmission: acknowledge again, tell nobody.
                self.output.push_back(Output::Transmit(self.ack(&response).to_bytes()));
                return;
            }
            (300..=699, _) if open => {
                self.output.push_back(Output::Transmit(self.ack(&response).to_bytes()));
                self.state = State::Completed { d: now + linger(self.transport, TIMER_D) };
            }
            _ => return,
        }
        self.output.push_back(Output::Response(response));
    }

    fn timeout(&mut self, now: Time) {
        match self.state {
            State::Calling { b, .. } if now >= b => self.time_out(),
            State::Proceeding if self.until.is_some_and(|until| now >= until) => self.time_out(),
            State::Calling { a, interval, b } if now >= a => {
                self.output.push_back(Output::Transmit(self.request.to_bytes()));
                let interval = interval * 2;
                self.state = State::Calling { a: now + interval, interval, b };
            }
            State::Completed { d: end } | State::Accepted { m: end } if now >= end => self.terminate(),
            _ => {}
        }
    }

    fn time_out(&mut self) {
        self.output.push_back(Output::TimedOut);
        self.terminate();
    }

    fn terminate(&mut self) {
        self.state = State::Terminated;
        self.output.push_back(Output::Terminated);
    }

    /// The ACK for a final response that is not 2xx (§17.1.1.3): the INVITE's top Via, Route and
    /// CSeq number, the response's To, and the INVITE's credentials (§22.1).
    fn ack(&self, response: &Response) -> Request {
        let mut ack = self.request.clone();
        ack.method = Method::Ack;
        ack.body.clear();
        ack.headers.via.truncate(1);
        ack.headers.to = response.headers.to.clone();
        ack.headers.cseq.method = Method::Ack;
        ack.headers.contact.clear();
        ack.headers.other = crate::headers::Fields::default();
        for name in ["Authorization", "Proxy-Authorization"] {
            self.request.headers.other.values(name).for_each(|v| ack.headers.other.push(name, v));
        }
        ack
    }

    /// What it wants done, first things first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When it next wants `Timeout`.
    pub fn poll_timeout(&self) -> Option<Time> {
        match self.state {
            State::Calling { a, b, .. } => Some(a.min(b)),
            State::Completed { d } => Some(d),
            State::Accepted { m } => Some(m),
            State::Proceeding => self.until,
            State::Terminated => None,
        }
    }
}
