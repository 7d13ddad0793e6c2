//! Who answered: what a box, an assistant, an announcement or a fax makes of the call.

use waihu_dialog as dialog;
use waihu_types::{Announcement, AnsweredBy, Disposition, Time, Told};

use super::{CallMachine, LegState};

impl CallMachine {
    /// Something is known of who answered.
    pub(super) fn who_answered(
        &mut self,
        now: Time,
        by: AnsweredBy,
        announcement: Option<Announcement>,
        told: Told,
    ) {
        use AnsweredBy as By;
        if self.callee != LegState::Up || self.with_agent.is_some() {
            return;
        }
        if self.is_assistants(by) {
            return;
        }
        let machine = matches!(by, By::Voicemail | By::Announcement | By::Ivr | By::Fax);
        if machine && self.person_heard {
            self.note(now, format!("it sounds like {}, and a person has spoken", by.label()));
            return;
        }
        match by {
            By::Human => {
                self.answered_by = by;
                self.tell_dialog(now, dialog::Input::Person);
            }
            By::Voicemail => self.voicemail(now),
            By::Screening => {
                self.answered_by = by;
                self.note(now, "an assistant asks who is calling".to_owned());
                self.unfinished = None;
                self.tell_dialog(now, dialog::Input::Screening);
                self.a_person_came();
            }
            By::Announcement => {
                (self.answered_by, self.announcement) = (by, announcement);
                self.note(now, format!("an announcement answered: {}", named(announcement)));
                // The campaign's rules say more of it, by what was announced.
                self.no_person(now, Disposition::Unreachable);
            }
            By::Ivr | By::Fax => {
                self.answered_by = by;
                self.note(now, format!("{} answered", by.label()));
                self.no_person(now, if by == By::Fax { Disposition::Fax } else { Disposition::Ivr });
            }
            By::Silence if self.answered_by == By::Unknown => self.answered_by = by,
            By::Silence | By::Nobody | By::Unknown => return,
        }
        self.told = Some(told);
    }

    /// Whether an assistant that was answered goes on: "please stay on the line" is its own, and no menu's.
    pub(super) fn is_assistants(&self, by: AnsweredBy) -> bool {
        self.answered_by == AnsweredBy::Screening && matches!(by, AnsweredBy::Screening | AnsweredBy::Ivr)
    }

    fn no_person(&mut self, now: Time, disposition: Disposition) {
        self.unfinished = None;
        self.tell_dialog(now, dialog::Input::NoPerson { disposition });
    }

    /// Behind an assistant the dialog knows when a person has come.
    pub(super) fn a_person_came(&mut self) {
        if self.answered_by == AnsweredBy::Screening && !self.interpreter.waits_for_a_person() {
            self.answered_by = AnsweredBy::Human;
        }
    }

    pub(super) fn voicemail(&mut self, now: Time) {
        // A tone after a person was understood is a key or a kettle, not a box. A greeting and words
        // out of all scope are what boxes are heard as.
        let told = self.answered_by == AnsweredBy::Voicemail;
        if self.callee == LegState::Up && !self.person_heard && !told {
            self.answered_by = AnsweredBy::Voicemail;
            self.unfinished = None;
            self.note(now, "a voicemail box answered".to_owned());
            self.tell_dialog(now, dialog::Input::Voicemail);
        }
    }

    /// A single tone: a box, and from here on it records.
    pub(super) fn beep(&mut self, now: Time) {
        self.voicemail(now);
        if self.answered_by == AnsweredBy::Voicemail {
            self.tell_dialog(now, dialog::Input::Beep);
        }
    }
}

pub(super) fn named(announcement: Option<Announcement>) -> &'static str {
    announcement.unwrap_or(Announcement::Other).label()
}
