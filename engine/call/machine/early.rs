//! Early media: the sound that comes before an answer (RFC 3960), and what is announced in it.
//!
//! It is heard and recorded, and nothing is spoken into it. Carriers tell there that a number is none, a
//! telephone is off or a line is busy, and then refuse the call with a code that says less, or let it ring on.
//!
//! A fork rings in several early dialogs, each with sound of its own (RFC 3261 §12.1): the one that began last is heard,
//! since what a network announces comes after the ringing that it ends.

use std::time::Duration;

use waihu_sip::sdp::SessionDescription;
use waihu_types::{Announcement, AnsweredBy, Time, Told};

use super::{CallMachine, LegState, who::named};
use crate::seam::{Leg, Part, SpeechEvent};

/// How long a call rings on after it was announced that nobody will take it. Carriers say it twice or in two
/// languages, 8 to 15 s in all, and then end the call themselves, with a code that is worth having; whoever
/// still rings after this would ring until we gave up.
const ANNOUNCED_FOR: Duration = Duration::from_secs(12);

/// How sure an announcement is to be for that [percent]: from here on it is not told otherwise any more.
const CLEAR: u8 = 90;

/// Early dialogs of a fork: more telephones than that are a loop.
const MAX_DIALOGS: usize = 16;

/// What is known of a call before its answer.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// Sound comes with it.
    is_heard: bool,
    /// The early dialogs that have brought sound, whichever is heard last.
    dialogs: Vec<String>,
    /// Utterances that are owed their words.
    owed: usize,
    /// It is clear what is announced: nothing that is still to be recognized says more.
    is_clear: bool,
    /// It was announced that nobody will take the call: until then it may ring on.
    give_up_at: Option<Time>,
}

impl Early {
    pub(super) fn give_up_at(&self) -> Option<Time> {
        self.give_up_at
    }

    /// It rings no more.
    pub(super) fn given_up(&mut self) {
        self.give_up_at = None;
    }

    /// Whether sound of this early dialog is to be heard: from its beginning until another begins. What one says again
    /// that was left, it says to be held for alive (RFC 3261 §13.3.1.1).
    fn hears(&mut self, dialog: Option<String>) -> bool {
        // A far end that gives no tag is the only one.
        let Some(dialog) = dialog else { return true };
        if self.dialogs.contains(&dialog) {
            return self.dialogs.last() == Some(&dialog);
        }
        let has_room = self.dialogs.len() < MAX_DIALOGS;
        if has_room {
            self.dialogs.push(dialog);
        }
        has_room
    }

    /// An early dialog is over (RFC 6228): the one before it is heard, once it says where.
    pub(super) fn dialog_over(&mut self, dialog: Option<&str>) {
        self.dialogs.retain(|known| Some(known.as_str()) != dialog);
    }

    pub(super) fn words_to_come(&self) -> bool {
        self.owed > 0 && !self.is_clear
    }

    pub(super) fn forget_words(&mut self) {
        self.owed = 0;
    }
}

impl CallMachine {
    /// A provisional response has brought a description, of this early dialog.
    pub(super) fn early_sound(&mut self, now: Time, dialog: Option<String>, sdp: SessionDescription) {
        if self.callee != LegState::Ringing || self.rang_out || !self.early.hears(dialog) {
            return;
        }
        if !std::mem::replace(&mut self.early.is_heard, true) {
            self.note(now, "early media: it is heard and recorded from here on".to_owned());
        }
        self.connect(Leg::Callee, Part::EarlyAnswer, sdp);
    }

    /// What the ears tell of early media; also where the call was refused meanwhile.
    pub(super) fn early_speech(&mut self, now: Time, event: &SpeechEvent) {
        match event {
            SpeechEvent::Announced { announcement, told } => self.announced(now, *announcement, *told),
            SpeechEvent::EarlyWords { owed } => self.early.owed = *owed,
            _ => {}
        }
    }

    fn announced(&mut self, now: Time, announcement: Announcement, told: Told) {
        if self.announcement != Some(announcement) {
            self.note(now, format!("announced before an answer: {}", named(Some(announcement))));
        }
        (self.answered_by, self.announcement) = (AnsweredBy::Announcement, Some(announcement));
        self.told = Some(told);
        if told.confidence < CLEAR || announcement == Announcement::Other {
            return;
        }
        self.early.is_clear = true;
        // A busy line may knock at the one who is talking: it rings until we give up.
        let rings_on = self.callee == LegState::Ringing && !self.rang_out;
        if rings_on && announcement != Announcement::Busy {
            self.early.give_up_at.get_or_insert(now + ANNOUNCED_FOR);
        }
    }
}
