//! How far a call came, as far as rules count it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AnsweredBy, Disposition, Identity, Outcome, UnknownWord};

/// How far a call came; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// It was dialled.
    Attempted,
    /// A person was on the line, or may have been.
    Person,
    /// The debt was talked about with the person who owes it, or may have been.
    Conversation,
}

impl Reached {
    /// Every one, the shortest first.
    pub const ALL: [Self; 3] = [Self::Attempted, Self::Person, Self::Conversation];

    /// The name as it is written in cases.
    pub fn label(self) -> &'static str {
        match self {
            Self::Attempted => "attempted",
            Self::Person => "person",
            Self::Conversation => "conversation",
        }
    }

    /// How far a call that is over came. Where it is not known, it came as far as it may have.
    pub fn of(outcome: &Outcome) -> Self {
        use AnsweredBy as By;
        use Disposition as D;
        if outcome.answered_at.is_none() && outcome.answered_by == By::Nobody {
            return Self::Attempted;
        }
        let person = match outcome.answered_by {
            By::Human | By::Unknown | By::Nobody => true,
            // Someone may have come after the assistant.
            By::Screening => outcome.disposition != D::Screened,
            By::Voicemail | By::Announcement | By::Ivr | By::Fax | By::Silence => false,
        };
        // An agent finds out whom they talk with; that they talked is known without their word.
        let other = outcome.identity == Identity::Denied
            || matches!(outcome.effective_disposition(), D::WrongNumber | D::ThirdParty | D::Deceased);
        let talked = outcome.identity == Identity::Confirmed
            || outcome.debt_disclosed
            || !matches!(outcome.disposition, D::HungUp | D::Silence | D::NotUnderstood | D::EngineFailed);
        match (person, other, talked) {
            (false, ..) => Self::Attempted,
            (true, false, true) => Self::Conversation,
            (true, ..) => Self::Person,
        }
    }

    /// How far a call came of which no outcome is there yet: it is under way, or its process died.
    pub fn without_outcome(answered: bool) -> Self {
        if answered { Self::Conversation } else { Self::Attempted }
    }
}

impl FromStr for Reached {
    type Err = UnknownWord;

    fn from_str(s: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|reached| reached.label() == s).ok_or(UnknownWord)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Handover, HandoverResult, Lang, Redial, ScriptVersion, WallTime};

    fn outcome(answered_by: AnsweredBy, disposition: Disposition) -> Outcome {
        let at = WallTime::from_unix_millis(1_795_772_096_000);
        Outcome {
            version: crate::OUTCOME_VERSION,
            attempt: "a1".parse().unwrap(),
            campaign: None,
            case: "C1".parse().unwrap(),
            callee: "1001".parse().unwrap(),
            dialled_at: at,
            answered_at: (answered_by != AnsweredBy::Nobody).then_some(at),
            ended_at: at,
            answered_by,
            announcement: None,
            told: None,
            mood: None,
            identity: Identity::Unconfirmed,
            debt_disclosed: false,
            disposition,
            promise: None,
            callback: None,
            follow_ups: Vec::new(),
            intents: Vec::new(),
            handover: None,
            script: ScriptVersion {
                name: "reminder".into(),
                lang: Lang::Zh,
                sha256: String::new(),
                variant: None,
                draft: false,
            },
            models: Default::default(),
            recording: None,
            transcript: None,
            sound: None,
            sip: None,
            ended_by: None,
            fault: None,
            redial: Redial::No { rule: String::new() },
        }
    }

    #[test]
    fn a_call_came_as_far_as_its_outcome_says_or_may_have() {
        use AnsweredBy as By;
        use Disposition as D;
        for (by, disposition, reached) in [
            (By::Nobody, D::NoAnswer, Reached::Attempted),
            (By::Voicemail, D::Voicemail, Reached::Attempted),
            (By::Announcement, D::Unreachable, Reached::Attempted),
            (By::Screening, D::Screened, Reached::Attempted),
            (By::Human, D::HungUp, Reached::Person),
            (By::Human, D::WrongNumber, Reached::Person),
            (By::Human, D::ThirdParty, Reached::Person),
            (By::Human, D::PromiseToPay, Reached::Conversation),
            (By::Human, D::RefusedToPay, Reached::Conversation),
            (By::Unknown, D::Unknown, Reached::Conversation),
        ] {
            assert_eq!(
                Reached::of(&outcome(by, disposition)),
                reached,
                "{} {}",
                by.label(),
                disposition.label()
            );
        }
        let hung_up = outcome(By::Human, D::HungUp);
        let told = Outcome { debt_disclosed: true, ..hung_up.clone() };
        let denied = Outcome { identity: Identity::Denied, debt_disclosed: true, ..hung_up };
        assert_eq!((Reached::of(&told), Reached::of(&denied)), (Reached::Conversation, Reached::Person));
        assert_eq!(Reached::without_outcome(true), Reached::Conversation);
    }

    #[test]
    fn what_an_agent_put_down_is_how_it_ended() {
        use Disposition as D;
        let mut call = outcome(AnsweredBy::Human, D::HandedOver);
        let mut handover = Handover::of("Li Na".to_owned(), HandoverResult::Joined);
        call.handover = Some(handover.clone());
        assert_eq!(
            (call.effective_disposition(), Reached::of(&call)),
            (D::HandedOver, Reached::Conversation)
        );
        for (put_down, reached) in [
            (D::WrongNumber, Reached::Person),
            (D::StopCalling, Reached::Conversation),
            (D::HungUp, Reached::Conversation),
        ] {
            handover.disposition = Some(put_down);
            call.handover = Some(handover.clone());
            assert_eq!((call.effective_disposition(), Reached::of(&call)), (put_down, reached));
        }
    }
}
