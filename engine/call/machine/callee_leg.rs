//! The callee's leg: rung, answered, lost and hung up.

use waihu_dialog as dialog;
use waihu_types::{AnsweredBy, EndedBy, SipCause, Time};

use super::{CallMachine, LINGER, LegState, early::Early};
use crate::seam::{Leg, MediaEvent, Part};

impl CallMachine {
    pub(super) fn callee_signalling(&mut self, now: Time, event: waihu_sip::Event) {
        use waihu_sip::Event as E;
        if self.callee == LegState::Over {
            return;
        }
        match event {
            E::Provisional { code, early_dialog, sdp, .. } => {
                self.rang = true;
                if code > 100 {
                    self.note(now, format!("SIP {code}"));
                }
                if code == 199 {
                    self.early.dialog_over(early_dialog.as_deref());
                } else if let Some(sdp) = sdp {
                    self.early_sound(now, early_dialog, sdp);
                }
            }
            E::Answered { sdp } if self.callee == LegState::Ringing && !self.rang_out => {
                self.callee = LegState::Up;
                self.ring_until = None;
                self.answered_at = Some(now);
                // What was heard before it was no answer: many play music there.
                self.early = Early::default();
                (self.answered_by, self.announcement, self.told) = (AnsweredBy::Unknown, None, None);
                self.sip = Some(SipCause { code: 200, reason: "OK".to_owned() });
                self.note(now, "answered".to_owned());
                self.connect(Leg::Callee, Part::Answer, sdp);
                self.tell_dialog(now, dialog::Input::Start);
            }
            E::Reinvited { sdp } => self.connect(Leg::Callee, Part::Offer, sdp),
            E::Transfer { code } => self.referred(now, code),
            E::Failed { code, reason, cause, because, .. } => {
                // The signalling fell under a call that was up.
                if self.callee == LegState::Up {
                    self.note(now, "the signalling of the call was lost".to_owned());
                    self.engine_failed = true;
                    self.ended_by.get_or_insert(EndedBy::Network);
                    self.callee = LegState::Over;
                    return;
                }
                self.early.given_up();
                // Somebody picked up, and we could not speak with them.
                if cause == waihu_sip::FailureCause::BadAnswer {
                    self.answered_at = Some(now);
                    self.answered_by = AnsweredBy::Unknown;
                    self.ended_by = Some(EndedBy::Us);
                    self.engine_failed = true;
                }
                // Where nothing at all came back, it is the trunk that was silent and not the callee.
                let silent = cause == waihu_sip::FailureCause::TimedOut || self.rang_out && !self.rang;
                self.rang_out &= !silent;
                self.note(
                    now,
                    if silent { "no answer from the trunk".to_owned() } else { format!("SIP {code}") },
                );
                self.sip = (!silent).then_some(SipCause { code, reason });
                self.because = because;
                self.callee = LegState::Over;
            }
            E::Ended { by, reason } => {
                let by = match by {
                    waihu_sip::EndedBy::Local | waihu_sip::EndedBy::Replaced(_) => EndedBy::Us,
                    waihu_sip::EndedBy::Remote => EndedBy::Callee,
                };
                self.ended_by.get_or_insert(by);
                if let (Some(sip), Some(reason)) = (&mut self.sip, reason) {
                    sip.reason = reason;
                }
                let who = if by == EndedBy::Us { "we" } else { "the callee" };
                self.note(now, format!("{who} hung up"));
                self.callee = LegState::Over;
                // "Don't call again", and the receiver is down: those words still count.
                if self.turn.words_to_come() {
                    self.linger_until.get_or_insert(now + LINGER);
                } else {
                    self.tell_dialog(now, dialog::Input::CalleeHungUp);
                }
            }
            // A key told by INFO is a key.
            E::Digit { digit, .. } => self.media(now, MediaEvent::Digit(digit)),
            E::Answered { .. }
            | E::Incoming { .. }
            | E::Confirmed
            | E::Modified { .. }
            | E::NotModified { .. }
            | E::TransferAsked { .. } => {}
        }
    }
}
