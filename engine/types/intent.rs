use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! intents {
    ($($variant:ident $label:literal $meaning:literal)*) => {
        /// What the callee means by one utterance: the closed set that scripts, outcomes and
        /// reports use by these names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Intent {
            $(#[doc = $meaning] $variant,)*
        }

        impl Intent {
            /// Every intent, in the order of the label set.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The label as it is written in scripts and outcomes.
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }
        }

        impl FromStr for Intent {
            type Err = UnknownIntent;

            fn from_str(s: &str) -> Result<Self, UnknownIntent> {
                match s {
                    $($label => Ok(Self::$variant),)*
                    other => Err(UnknownIntent(other.to_owned())),
                }
            }
        }
    };
}

intents! {
    Greeting "greeting" "Answers the phone, says hello."
    Acknowledge "acknowledge" "Listens, follows (a back-channel, no answer)."
    Affirm "affirm" "Yes, agrees, is the person asked for."
    Deny "deny" "No, does not agree (and none of the more exact labels fits)."
    WrongNumber "wrong_number" "The person asked for is not known at this number."
    ThirdParty "third_party" "Someone else, who knows the debtor."
    Deceased "deceased" "The debtor has died."
    PromiseToPay "promise_to_pay" "Will pay, in full or as asked, by some time."
    PartialPayment "partial_payment" "Offers a part now."
    AlreadyPaid "already_paid" "Has paid."
    RefuseToPay "refuse_to_pay" "Will not pay."
    Hardship "hardship" "Cannot pay: job, illness, money."
    RequestExtension "request_extension" "Wants more time."
    RequestInstallments "request_installments" "Wants to pay in parts over time."
    RequestReduction "request_reduction" "Wants to pay less: interest, fees, settlement."
    DisputeDebt "dispute_debt" "Says the debt or the sum is wrong, or not theirs."
    AskAmount "ask_amount" "Asks how much."
    AskDueDate "ask_due_date" "Asks by when."
    AskHowToPay "ask_how_to_pay" "Asks where or how to pay."
    AskIdentity "ask_identity" "Asks who is calling, from where, how they got the number."
    AskIfRobot "ask_if_robot" "Asks whether this is a machine."
    AskConsequences "ask_consequences" "Asks what happens when unpaid."
    RequestHuman "request_human" "Wants a human agent."
    RequestCallback "request_callback" "Not now, call later."
    StopCalling "stop_calling" "Do not call again."
    Complaint "complaint" "Complains, or will report to an authority."
    LegalRepresentation "legal_representation" "Refers to a lawyer, or a court."
    Distress "distress" "Danger to life, despair."
    Abuse "abuse" "Insults, swears."
    Repeat "repeat" "Did not hear or follow."
    Wait "wait" "Hold on."
    Goodbye "goodbye" "Ends the call."
    OutOfScope "out_of_scope" "Anything else."
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A label outside the closed set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown intent {0:?}")]
pub struct UnknownIntent(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_read_back_and_serialize_as_themselves() {
        assert_eq!(Intent::ALL.len(), 33);
        for i in Intent::ALL {
            assert_eq!(i.label().parse(), Ok(*i));
            assert_eq!(serde_json::to_string(i).unwrap(), format!("{:?}", i.label()));
        }
    }
}
