//! What passes between a switchboard and a desk's page: values that `api` writes as JSON, a message a frame.
//!
//! Whatever a page needs to show a call is in [`ToDesk::State`], so that one that is loaded anew goes on where it was.
//! `Debug` of what is personal shows ids alone.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use waihu_types::{
    Answers, AttemptId, CampaignId, CaseId, Disposition, Identity, Intent, Lang, Money, Mood, PhoneNumber,
    Promise, WallTime,
};

/// The longest notes of an agent [characters]: a page.
pub const MOST_NOTES: usize = 4_000;

/// From a switchboard to a desk.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToDesk {
    /// How everything stands: at first, and whenever the agent's presence or call changes.
    State(Box<State>),
    /// A call is offered: it rings until then.
    Offer {
        /// Which.
        attempt: AttemptId,
        /// Until when.
        until: WallTime,
        /// Whether the desk is to answer by itself, after a short tone.
        auto: bool,
        /// What there is to know of it.
        card: Box<Card>,
    },
    /// A case is to be looked at before its call: `answer` asks for the call, `decline` leaves it for later.
    Look {
        /// The call that would be placed.
        attempt: AttemptId,
        /// Until when.
        until: WallTime,
        /// What there is to know.
        card: Box<Card>,
    },
    /// Something was said in a call that is offered or taken.
    Line {
        /// In which.
        attempt: AttemptId,
        /// What.
        line: Said,
    },
    /// Our offer for the sound of a call that was taken, to be answered by `sdp`.
    Sdp {
        /// Of which call.
        attempt: AttemptId,
        /// A session description (RFC 8866).
        sdp: String,
    },
    /// Callee and agent hear each other from here on.
    Joined {
        /// In which call.
        attempt: AttemptId,
    },
    /// It rings no longer.
    Revoked {
        /// Which call.
        attempt: AttemptId,
        /// `declined`, `rang_out`, `unwanted` or `too_late`.
        why: Revocation,
    },
    /// A call that was taken is over; a wrap-up follows.
    Ended {
        /// Which.
        attempt: AttemptId,
    },
    /// Whoever was asked about a call has it from here on, under its own id: its sound goes on as it is.
    Yours {
        /// The call.
        attempt: AttemptId,
        /// By what it was called while they were asked.
        was: AttemptId,
    },
    /// Who else is there, to hand a call on to.
    Colleagues {
        /// By name.
        items: Vec<Colleague>,
    },
    /// What was put down in a wrap-up is kept.
    Wrapped {
        /// Of which call.
        attempt: AttemptId,
    },
    /// Another page of the same person has the desk now: this one is closed.
    Superseded,
    /// A message was not heeded.
    Refused {
        /// What is wrong with it, in both languages.
        why: String,
    },
}

/// Why it rings no longer at a desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// The agent said no.
    Declined,
    /// Nobody answered.
    RangOut,
    /// The call needs nobody any more.
    Unwanted,
    /// It was not there any more when the answer came.
    TooLate,
}

/// How an agent and their call stand.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// The agent.
    pub agent: Profile,
    /// `away`, `available`, `looking`, `awaiting`, `offered`, `talking`, `wrapping_up` or `on_break`.
    pub presence: &'static str,
    /// What they are to be given once they are free.
    pub wish: Wanted,
    /// Why they are away who did not ask for it: `rang_out`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
    /// Since when they stand so.
    pub since: WallTime,
    /// Until when it lasts at most: the ringing, the wrap-up.
    pub until: Option<WallTime>,
    /// The call they are at.
    pub call: Option<Box<CallState>>,
    /// Whether their sound is a telephone's, which rings when they have taken a call: the page has none then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub telephone: bool,
    /// The server's time, to set clocks by.
    pub now: WallTime,
}

/// Who an agent is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The login.
    pub login: String,
    /// The name.
    pub name: String,
    /// What they can do, in the words of scripts, from 1 to 5.
    pub skills: BTreeMap<String, u8>,
    /// Languages they speak; empty for all.
    pub langs: Vec<Lang>,
    /// How they take calls: `by_hand`, or `at_once`.
    pub answers: Answers,
}

/// A call at a desk.
#[derive(Clone, Debug, Serialize)]
pub struct CallState {
    /// Which.
    pub attempt: AttemptId,
    /// What there was to know of it when an agent was sought.
    pub card: Card,
    /// What was said, the oldest first.
    pub lines: Vec<Said>,
    /// Whether callee and agent hear each other.
    pub joined: bool,
    /// Whether the callee waits.
    pub held: bool,
    /// Whether the callee does not hear the agent.
    pub muted: bool,
    /// Who is asked about it, or is sought for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Whoever is called in by their number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called_in: Option<CalledIn>,
}

/// Another agent who is asked about a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Their name; none while nobody has said yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether both hear each other.
    pub there: bool,
}

/// Whoever is called in by their number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CalledIn {
    /// The end of the number.
    pub number: String,
    /// Whether they have answered.
    pub there: bool,
}

/// Another agent of this node.
#[derive(Clone, Debug, Serialize)]
pub struct Colleague {
    /// The login, or the telephone's name.
    pub login: String,
    /// The name.
    pub name: String,
    /// How they stand, in the words of [`State`].
    pub presence: &'static str,
    /// What they can do, from 1 to 5.
    pub skills: BTreeMap<String, u8>,
}

/// What an agent sees of a call before they answer.
#[derive(Clone, Serialize)]
pub struct Card {
    /// The campaign.
    pub campaign: Option<CampaignId>,
    /// The case.
    pub case: CaseId,
    /// The debtor's name.
    pub name: String,
    /// How the debtor is addressed after the name.
    pub title: String,
    /// The language spoken.
    pub lang: Lang,
    /// Whom the call is for.
    pub creditor: String,
    /// The product in the debtor's words.
    pub product: String,
    /// What is overdue.
    #[serde(flatten)]
    pub due: Money,
    /// The day on which it was due.
    pub due_date: jiff::civil::Date,
    /// The time zone where the telephone rings, by its IANA name.
    pub time_zone: String,
    /// What made the callee be handed over; none where the call has yet to be placed.
    pub reason: Option<Intent>,
    /// What the agent should be able to do.
    pub skills: Vec<String>,
    /// Whether the person is who was asked for.
    pub identity: Identity,
    /// Whether any word of the debt was spoken.
    pub debt_disclosed: bool,
    /// How the callee seems to feel.
    pub mood: Option<Mood>,
    /// Intents met, in the order of the utterances.
    pub intents: Vec<Intent>,
    /// What was offered or asked for last.
    pub table: Option<Promise>,
    /// What may be offered next, each easier than the one before.
    pub offers: Vec<Promise>,
    /// What may be agreed at all.
    pub authority: Authority,
    /// The case's calls of before, in whatever campaign, the latest first.
    pub history: Vec<Earlier>,
    /// Since when the callee waits, or the case is shown.
    pub wanted_at: WallTime,
    /// By whom the agent is asked about a call that is another's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
}

/// A call of before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// When it was dialled.
    pub at: WallTime,
    /// How it ended.
    pub disposition: Disposition,
    /// The day of the payment that was promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promised: Option<jiff::civil::Date>,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({} {:?})", self.case, self.reason)
    }
}

/// What may be agreed about a debt.
#[derive(Clone, Debug, Serialize)]
pub struct Authority {
    /// The least that a part may be.
    pub least_part: Money,
    /// The most parts to pay in.
    pub max_parts: u8,
    /// The latest day of the first payment [days from the call].
    pub max_delay_days: u16,
    /// The latest day of the last payment [days from the call].
    pub max_span_days: u16,
    /// The steps of a discount for paying at once [percent].
    pub discounts: Vec<String>,
    /// Who may allow more.
    pub approver: Option<String>,
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The person called.
    Callee,
    /// The bot.
    Bot,
    /// The agent.
    Agent,
}

/// Something that was said.
#[derive(Clone, PartialEq, Serialize)]
pub struct Said {
    /// When.
    pub at: WallTime,
    /// By whom.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
    /// What they were taken to mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Said({:?})", self.speaker)
    }
}

/// From a desk to a switchboard.
#[derive(Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FromDesk {
    /// What the agent is to be given.
    Presence {
        /// What.
        wish: Wanted,
    },
    /// The agent takes the call that rings.
    Answer {
        /// Which.
        attempt: AttemptId,
    },
    /// The agent does not take it.
    Decline {
        /// Which.
        attempt: AttemptId,
    },
    /// The answer to our offer for the sound.
    Sdp {
        /// Of which call.
        attempt: AttemptId,
        /// A session description (RFC 8866).
        sdp: String,
    },
    /// The page was loaded anew, and wants another offer for the sound of its call.
    Renew {
        /// Of which call.
        attempt: AttemptId,
    },
    /// The callee is to wait, or no longer.
    Hold {
        /// In which call.
        attempt: AttemptId,
        /// Whether they wait.
        on: bool,
    },
    /// The callee is not to hear the agent, or again.
    Mute {
        /// In which call.
        attempt: AttemptId,
        /// Whether the agent is muted.
        on: bool,
    },
    /// The agent hangs up: the call is over.
    HangUp {
        /// Which.
        attempt: AttemptId,
    },
    /// The call is to be another's.
    Transfer {
        /// Which.
        attempt: AttemptId,
        /// Whose.
        to: To,
        /// How.
        how: How,
    },
    /// Whoever was asked takes the call; who is still sought is to have it.
    HandOver {
        /// Which.
        attempt: AttemptId,
    },
    /// Back to the callee: nobody else is asked.
    Return {
        /// In which call.
        attempt: AttemptId,
    },
    /// Somebody is called in, at the callee's wish.
    CallIn {
        /// Into which call.
        attempt: AttemptId,
        /// Their number.
        number: PhoneNumber,
    },
    /// Whoever was called in is let go.
    LetGo {
        /// From which call.
        attempt: AttemptId,
    },
    /// The agent leaves the callee and whoever was called in to each other.
    Leave {
        /// Which call.
        attempt: AttemptId,
    },
    /// Who else is there?
    Colleagues,
    /// What came of a call. It may be told more than once: the last one stands.
    WrapUp {
        /// Of which.
        attempt: AttemptId,
        /// What came of it, as the agent sees it.
        #[serde(default)]
        disposition: Option<Disposition>,
        /// What is to be known of it.
        #[serde(default)]
        notes: String,
        /// What was promised, in the form of outcomes.
        #[serde(default)]
        promise: Option<Promise>,
    },
    /// The wrap-up is done, and the next call may come.
    Done,
    /// The wrap-up takes longer.
    Longer,
}

impl fmt::Debug for FromDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Presence { .. } => "Presence",
            Self::Answer { .. } => "Answer",
            Self::Decline { .. } => "Decline",
            Self::Sdp { .. } => "Sdp",
            Self::Renew { .. } => "Renew",
            Self::Hold { .. } => "Hold",
            Self::Mute { .. } => "Mute",
            Self::HangUp { .. } => "HangUp",
            Self::Transfer { .. } => "Transfer",
            Self::HandOver { .. } => "HandOver",
            Self::Return { .. } => "Return",
            Self::CallIn { .. } => "CallIn",
            Self::LetGo { .. } => "LetGo",
            Self::Leave { .. } => "Leave",
            Self::Colleagues => "Colleagues",
            Self::WrapUp { .. } => "WrapUp",
            Self::Done => "Done",
            Self::Longer => "Longer",
        })
    }
}

/// Whose a call is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// One agent's, by login or telephone.
    Agent(String),
    /// Of whoever can do this.
    Skills(Vec<String>),
}

/// How a call is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// They are asked first, with the callee on hold.
    AskFirst,
    /// The bot says that it connects, and seeks them.
    AtOnce,
}

/// What an agent is to be given, in the words of desks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// The next call.
    Available,
    /// No call for a while.
    OnBreak,
    /// No call.
    Away,
}

impl From<Wanted> for crate::Wish {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Available => Self::Available,
            Wanted::OnBreak => Self::OnBreak,
            Wanted::Away => Self::Away,
        }
    }
}

impl From<crate::Wish> for Wanted {
    fn from(wish: crate::Wish) -> Self {
        match wish {
            crate::Wish::Available => Self::Available,
            crate::Wish::OnBreak => Self::OnBreak,
            crate::Wish::Away => Self::Away,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desks_words_are_read_and_what_is_no_word_is_not() {
        let read = |text: &str| serde_json::from_str::<FromDesk>(text);
        let wrap_up = r#"{"type":"wrap_up","attempt":"a","disposition":"promise_to_pay","notes":"n",
            "promise":{"date":"2026-12-01","amount":"100.00","currency":"CNY"}}"#;
        let FromDesk::WrapUp { promise: Some(promise), disposition, .. } = read(wrap_up).unwrap() else {
            unreachable!("it is a wrap-up");
        };
        assert_eq!(disposition, Some(Disposition::PromiseToPay));
        assert_eq!(promise.sum.amount().to_string(), "100.00");
        assert!(matches!(read(r#"{"type":"done"}"#), Ok(FromDesk::Done)));
        let presence = read(r#"{"type":"presence","wish":"on_break"}"#).unwrap();
        assert!(matches!(presence, FromDesk::Presence { wish: Wanted::OnBreak }));
        for odd in [r#"{"type":"no"}"#, r#"{"type":"answer"}"#, r#"{"type":"answer","attempt":"/"}"#, "[]"] {
            assert!(read(odd).is_err(), "{odd}");
        }
        assert_eq!(format!("{:?}", read(wrap_up).unwrap()), "WrapUp", "no word of it is shown");
    }
}
