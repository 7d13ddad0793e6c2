//! Offers and answers of a call that came in, until it is answered: in which message each may stand (RFC 3261 §13.2.1,
//! RFC 3262 §5, RFC 6337 §2.2).
//!
//! Deliberately absent: offers of our own beyond the first. No response may carry one (RFC 6337 §3.1.1), and before the
//! answer we send nothing but responses.

use super::{answer_of, no_use, written};
use crate::{
    headers::Fields,
    offer_answer::{MediaMismatch, agree},
    sdp::SessionDescription,
};

/// Where the descriptions of both sides stand.
#[derive(Debug)]
pub(super) enum Exchange {
    /// Theirs came with the INVITE and waits for our answer.
    Offered(SessionDescription),
    /// The INVITE leaves the offer to us.
    LeftToUs,
    /// Our offer is out: its PRACK brings the answer, or the ACK.
    Asked(SessionDescription),
    /// Both are said, and ours is not said again (RFC 6337 §3.1.1).
    Settled {
        /// Ours.
        ours: SessionDescription,
        /// Keys are told in the sound.
        keys_in_sound: bool,
    },
}

/// What a PRACK has brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// No description.
    Nothing,
    /// The answer to our offer.
    Answer(SessionDescription),
    /// Another offer of theirs, and our answer, which stands in the PRACK's 200.
    Offer { theirs: SessionDescription, ours: SessionDescription },
}

fn keys_in_sound(ours: &SessionDescription, theirs: &SessionDescription) -> bool {
    agree(ours, theirs).is_ok_and(|stream| stream.telephone_event.is_some())
}

impl Exchange {
    /// As an INVITE begins it.
    pub(super) fn new(offer: Option<SessionDescription>) -> Self {
        offer.map_or(Self::LeftToUs, Self::Offered)
    }

    /// Whether ours is still to be said.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Offered(_) | Self::LeftToUs)
    }

    /// Notes that ours goes out in a response that is sure to arrive.
    pub(super) fn say(&mut self, ours: SessionDescription) {
        *self = match std::mem::replace(self, Self::LeftToUs) {
            Self::Offered(theirs) => Self::Settled { keys_in_sound: keys_in_sound(&ours, &theirs), ours },
            Self::LeftToUs => Self::Asked(ours),
            said => said,
        };
    }

    /// Takes the PRACK of what was said. An error ends the call: a PRACK itself is never refused (RFC 3262 §3).
    pub(super) fn acknowledged(&mut self, fields: &Fields, body: &[u8]) -> Result<Brought, String> {
        match self {
            Self::Asked(ours) => {
                let theirs = answer_of(fields, body)?;
                let stream = ours.settle(&theirs).map_err(no_use)?;
                *self = Self::Settled { ours: ours.clone(), keys_in_sound: stream.telephone_event.is_some() };
                Ok(Brought::Answer(theirs))
            }
            Self::Settled { ours, keys_in_sound: keys } => {
                let refused = |mismatch: MediaMismatch| format!("The offer in PRACK is no use: {mismatch}");
                let read =
                    written(fields, body).map_err(|e| format!("The offer in PRACK cannot be read: {e}"));
                let Some(theirs) = read? else { return Ok(Brought::Nothing) };
                let answer = ours.answer_again(&theirs).map_err(refused)?;
                ours.note(&answer);
                *keys = keys_in_sound(&answer, &theirs);
                Ok(Brought::Offer { theirs, ours: answer })
            }
            // Nobody may offer anything else before the INVITE's offer has its answer (RFC 3264 §4): it is read over.
            Self::Offered(_) | Self::LeftToUs => Ok(Brought::Nothing),
        }
    }
}
