//! What a call leaves behind for whoever watches the machine: a trace of its parts, and counts.
//!
//! A call is a trace: `call`, and in it `dial`, `talk` with each `turn` and `transfer`, `filing`. Spans are few and end
//! when they are dropped, however the call ends. They carry ids, codes and counts alone: no number, no name, no word.

use std::time::Instant;

use tracing::{Span, field::Empty, info_span};
use waihu_types::{CampaignId, Outcome};

use crate::plant::Order;

/// A call's spans, and the times that are measured.
pub(crate) struct Trail {
    campaign: String,
    call: Span,
    /// `dial`, then `talk`, then `filing`.
    part: Span,
    /// What the callee said last, until it is replied to.
    turn: Option<Span>,
    transfer: Option<Span>,
    state: State,
    dialled: Instant,
}

/// A call's state, as it is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Dialling,
    Talking,
    Over,
}

impl State {
    fn count(self, change: f64) {
        let label = match self {
            Self::Dialling => "dialling",
            Self::Talking => "talking",
            Self::Over => return,
        };
        metrics::gauge!("waihu_calls", "state" => label).increment(change);
    }
}

impl Trail {
    /// An attempt is on the disk; its INVITE leaves now.
    pub(crate) fn begin(order: &Order) -> Self {
        let campaign = order.campaign.as_ref().map_or("none", CampaignId::as_str).to_owned();
        let call = info_span!(target: "waihu_call", parent: None, "call", attempt = %order.attempt, campaign = campaign.as_str(),
            script = order.script.name(), lang = order.lang.code(), disposition = Empty, sip = Empty, turns = Empty);
        let part = info_span!(target: "waihu_call", parent: &call, "dial");
        metrics::counter!("waihu_dials_total", "campaign" => campaign.clone()).increment(1);
        State::Dialling.count(1.0);
        let dialled = Instant::now();
        Self { campaign, call, part, turn: None, transfer: None, state: State::Dialling, dialled }
    }

    /// The callee's side has answered.
    pub(crate) fn answered(&mut self) {
        self.part = info_span!(target: "waihu_call", parent: &self.call, "talk");
        self.to(State::Talking);
        metrics::counter!("waihu_answers_total", "campaign" => self.campaign.clone()).increment(1);
        metrics::histogram!("waihu_ringing_seconds").record(self.dialled.elapsed().as_secs_f64());
    }

    /// The callee has said something.
    pub(crate) fn heard(&mut self) {
        if self.state == State::Talking {
            self.turn = Some(info_span!(target: "waihu_call", parent: &self.part, "turn"));
        }
    }

    /// The bot speaks: the turn is over.
    pub(crate) fn spoke(&mut self) {
        self.turn = None;
    }

    /// An agent is sought.
    pub(crate) fn transferring(&mut self) {
        self.transfer = Some(info_span!(target: "waihu_call", parent: &self.part, "transfer"));
    }

    /// The agent is there, or nobody is needed any more.
    pub(crate) fn transferred(&mut self) {
        self.transfer = None;
    }

    /// The call is over, and is filed now.
    pub(crate) fn ended(&mut self, outcome: &Outcome) {
        (self.turn, self.transfer) = (None, None);
        if self.state == State::Dialling {
            metrics::histogram!("waihu_ringing_seconds").record(self.dialled.elapsed().as_secs_f64());
        }
        if let Some(answered) = outcome.answered_at {
            let ms = outcome.ended_at.unix_millis().saturating_sub(answered.unix_millis());
            let s = std::time::Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs_f64();
            metrics::histogram!("waihu_talk_seconds").record(s);
        }
        let disposition = outcome.disposition.label();
        metrics::counter!("waihu_outcomes_total", "campaign" => self.campaign.clone(), "disposition" => disposition)
            .increment(1);
        self.call.record("disposition", disposition);
        self.call.record("turns", outcome.intents.len());
        if let Some(sip) = &outcome.sip {
            self.call.record("sip", sip.code);
        }
        self.part = info_span!(target: "waihu_call", parent: &self.call, "filing");
        self.to(State::Over);
    }

    fn to(&mut self, state: State) {
        self.state.count(-1.0);
        state.count(1.0);
        self.state = state;
    }
}

/// However it ends, and be it by a panic: it is counted no more.
impl Drop for Trail {
    fn drop(&mut self) {
        self.to(State::Over);
    }
}
