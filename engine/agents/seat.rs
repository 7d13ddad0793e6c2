//! One agent's seat: whether somebody is there, what they want, what they are doing.

use std::time::Duration;

use waihu_types::{AttemptId, Time};

use crate::agent::{Agent, Reach};

/// What an agent is to be given, as they say themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The next call.
    Available,
    /// No call for a while.
    OnBreak,
    /// No call.
    Away,
}

/// How an agent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// Not there, or takes nothing.
    Away,
    /// Waits for a call.
    Available,
    /// Looks at a case before its call (preview).
    Looking,
    /// Has asked for the call of a case, which is being placed or greeted.
    Awaiting,
    /// A call is offered.
    Offered,
    /// Talks.
    Talking,
    /// Writes down what came of the call.
    WrappingUp,
    /// Has a break.
    OnBreak,
}

impl Presence {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Away,
        Self::Available,
        Self::Looking,
        Self::Awaiting,
        Self::Offered,
        Self::Talking,
        Self::WrappingUp,
        Self::OnBreak,
    ];

    /// The word, as desks and boards have it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Available => "available",
            Self::Looking => "looking",
            Self::Awaiting => "awaiting",
            Self::Offered => "offered",
            Self::Talking => "talking",
            Self::WrappingUp => "wrapping_up",
            Self::OnBreak => "on_break",
        }
    }
}

/// Why somebody is away who did not ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwayNote {
    /// Calls rang out at the desk, one after the other.
    RangOut,
}

/// Whether the desk is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Up,
    /// Since then it is not.
    Down(Time),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Nothing,
    Looking { call: AttemptId, until: Time },
    Awaiting { call: AttemptId },
    Offered { call: AttemptId, until: Time },
    Talking { call: AttemptId },
    WrappingUp { call: AttemptId, until: Time },
}

#[derive(Debug)]
pub(crate) struct Seat {
    pub agent: Agent,
    pub link: Link,
    pub wish: Wish,
    pub note: Option<AwayNote>,
    pub doing: Doing,
    /// Since when the agent stands as they do.
    pub since: Time,
    /// Since when no call was taken: the longest waits is the next.
    pub idle_since: Time,
    /// When the call came that is being talked with or written down.
    pub busy_since: Time,
    /// Time in talks, since the desk came.
    pub talked: Duration,
    /// Offers that rang out, one after the other.
    pub rang_out: u32,
}

impl Seat {
    pub fn new(now: Time, agent: Agent) -> Self {
        let wish = if agent.reach == Reach::Desk { Wish::Away } else { Wish::Available };
        Self {
            agent,
            link: Link::Up,
            wish,
            note: None,
            doing: Doing::Nothing,
            since: now,
            idle_since: now,
            busy_since: now,
            talked: Duration::ZERO,
            rang_out: 0,
        }
    }

    pub fn presence(&self) -> Presence {
        match (&self.doing, self.link, self.wish) {
            (Doing::Looking { .. }, ..) => Presence::Looking,
            (Doing::Awaiting { .. }, ..) => Presence::Awaiting,
            (Doing::Offered { .. }, ..) => Presence::Offered,
            (Doing::Talking { .. }, ..) => Presence::Talking,
            (Doing::WrappingUp { .. }, ..) => Presence::WrappingUp,
            (Doing::Nothing, Link::Down(_), _) | (Doing::Nothing, _, Wish::Away) => Presence::Away,
            (Doing::Nothing, _, Wish::Available) => Presence::Available,
            (Doing::Nothing, _, Wish::OnBreak) => Presence::OnBreak,
        }
    }

    /// Nobody answered what came to the desk: after so many nobody sits at it.
    pub fn was_not_there(&mut self, most: u32) {
        if self.agent.reach == Reach::Desk {
            self.rang_out += 1;
            if self.rang_out >= most {
                (self.wish, self.note, self.rang_out) = (Wish::Away, Some(AwayNote::RangOut), 0);
            }
        }
    }

    /// Whether a call may come here, now or once what is being done is over.
    pub fn takes_calls(&self) -> bool {
        self.link == Link::Up && self.wish == Wish::Available
    }

    /// The call that the agent is at: looked at, asked for, offered, taken or just over.
    pub fn call(&self) -> Option<&AttemptId> {
        match &self.doing {
            Doing::Nothing => None,
            Doing::Looking { call, .. }
            | Doing::Awaiting { call }
            | Doing::Offered { call, .. }
            | Doing::Talking { call }
            | Doing::WrappingUp { call, .. } => Some(call),
        }
    }

    /// Until when what is being done lasts, where that has an end.
    pub fn until(&self) -> Option<Time> {
        match self.doing {
            Doing::Looking { until, .. } | Doing::Offered { until, .. } | Doing::WrappingUp { until, .. } => {
                Some(until)
            }
            Doing::Nothing | Doing::Awaiting { .. } | Doing::Talking { .. } => None,
        }
    }
}
