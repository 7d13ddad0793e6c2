//! Who is on the line: an assistant that asks who is calling, and what is no person at all.

use std::time::Duration;

use waihu_types::{Disposition, Intent, Time};

use super::{Held, Interpreter, Phase, Speech};
use crate::{
    condition::{Facts, Who},
    io::{Output, Utterance},
    script::{End, Kind},
};

/// How often an assistant is answered: the second time it did not understand, the third is a loop.
const MAX_SCREENINGS: u32 = 2;

/// How long the tone of a box is waited for after it was known for one: greetings are shorter.
const BEEP_WAIT: Duration = Duration::from_secs(12);
/// How long after the last words of the greeting. Boxes give their tone within two seconds of them, and
/// not every tone is recognized.
const BEEP_AFTER_WORDS: Duration = Duration::from_secs(3);

/// An assistant is being answered, or was, and the person is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screened {
    /// How often it was answered.
    times: u32,
    /// Until when the person is waited for; none while the answer is being spoken for the first time.
    until: Option<Time>,
}

impl Interpreter {
    /// Tells an assistant who is calling. Where the script has no words for it, the greeting has them.
    pub(super) fn screening(&mut self, now: Time) {
        let facts = self.memory.facts();
        if facts != (Facts { last_promise: facts.last_promise, ..Facts::NONE }) || self.a_person_spoke() {
            self.trace("no screening: a person has been spoken to");
            return;
        }
        let script = self.script.clone();
        let Some(screening) = &script.screening else {
            self.enter(now, script.start, Vec::new());
            return;
        };
        let before = self.screened.unwrap_or(Screened { times: 0, until: None });
        if before.times >= MAX_SCREENINGS {
            self.trace("the assistant asks once more, and was answered");
            return;
        }
        self.screened = Some(Screened { times: before.times + 1, ..before });
        self.held.clear();
        self.trace("an assistant asks who is calling");
        self.speak(now, screening.say.iter().map(|l| Speech::of(l, false)));
    }

    /// Whether the call is decided, or something was said that is heeded rather once too often: what
    /// sounds like a machine after that changes nothing.
    fn a_person_spoke(&self) -> bool {
        let held = self.held.iter().map(|h| h.utterance.intent);
        self.settled.is_some() || self.intents.iter().copied().chain(held).any(|i| self.is_urgent(i))
    }

    /// The words for the assistant are spoken.
    pub(super) fn wait_for_the_person(&mut self, now: Time) {
        let script = self.script.clone();
        let (Some(screening), Some(screened)) = (&script.screening, &mut self.screened) else { return };
        let until = *screened.until.get_or_insert(now + screening.wait);
        self.phase = Phase::Listening { until, speaking: false };
        let timeout = until.since(now);
        self.outputs.push_back(Output::Listen { timeout, expectation: self.expectation() });
    }

    /// Words while an assistant has the line: most are its own, and a person's begin the call anew.
    pub(super) fn heard_screened(&mut self, now: Time, utterance: Utterance, began: Time) {
        use Intent as I;
        self.heard_anything = true;
        let waits = matches!(self.phase, Phase::Listening { .. });
        let its_own = matches!(utterance.intent, I::OutOfScope | I::Wait | I::Acknowledge | I::AskIdentity);
        let utterance = self.understood(utterance);
        let understood = self.accepts(&utterance);
        let urgent = understood && self.is_urgent(utterance.intent);
        if !urgent && (!waits || its_own || !understood) {
            self.trace("heard while an assistant has the line");
            if waits {
                self.wait_for_the_person(now);
            }
            return;
        }
        self.person(now, Some(Held { utterance, began }));
    }

    /// The person is on the line: the call begins anew, and what was said is answered after the greeting.
    pub(super) fn person(&mut self, now: Time, said: Option<Held>) {
        if self.screened.take().is_none() {
            return;
        }
        self.trace("a person is on the line");
        self.turns += u32::from(said.is_some());
        let start = self.script.start;
        self.enter(now, start, Vec::new());
        if let Some(said) = said {
            self.heard(now, said);
        }
    }

    pub(super) fn nobody_came(&mut self, now: Time) {
        self.trace("nobody came after the screening");
        self.screened = None;
        if let Some(to) = self.script.screening.as_ref().map(|s| s.to) {
            self.enter(now, to, Vec::new());
        }
    }

    /// Nothing is there to speak with.
    pub(super) fn no_person(&mut self, disposition: Disposition) {
        if self.memory.identity == Who::Confirmed || self.a_person_spoke() {
            self.trace("a person has been spoken to");
            return;
        }
        if matches!(self.phase, Phase::Calling { .. }) {
            self.outputs.push_back(Output::CancelAgent);
        }
        self.settled = Some(End::of(disposition));
        self.outputs.push_back(Output::HangUp);
        self.conclude("no person answered");
    }

    /// Leaves a word in a box, after its tone: what is said into its greeting is not recorded.
    pub(super) fn voicemail(&mut self, now: Time) {
        if self.memory.identity == Who::Confirmed || self.settled.is_some() {
            self.trace("no voicemail: a person has been spoken to");
            return;
        }
        if matches!(self.phase, Phase::Calling { .. }) {
            self.outputs.push_back(Output::CancelAgent);
        }
        self.limit_at = self.limit_at.or(Some(now + self.script.limits.max_time));
        self.memory.identity = Who::Unconfirmed;
        self.held.clear();
        self.screened = None;
        self.queue.clear();
        if self.script.state(self.script.voicemail).say.is_empty() {
            self.enter(now, self.script.voicemail, Vec::new());
            return;
        }
        self.trace("the tone of a voicemail box is waited for");
        self.boxed = true;
        // It stands without its words: a box hangs up as it likes.
        let script = self.script.clone();
        if let Kind::End(end) = &script.state(script.voicemail).kind {
            self.settle(*end);
        }
        self.wait_for_the_tone(now, BEEP_WAIT);
    }

    /// Whether a person is waited for behind an assistant.
    pub fn waits_for_a_person(&self) -> bool {
        self.screened.is_some()
    }

    fn wait_for_the_tone(&mut self, now: Time, timeout: Duration) {
        self.phase = Phase::Listening { until: now + timeout, speaking: false };
        self.outputs.push_back(Output::Listen { timeout, expectation: self.expectation() });
    }

    /// Words while the tone is waited for: the greeting's own, unless they are heeded rather once too often.
    pub(super) fn heard_from_a_box(&mut self, now: Time, utterance: Utterance, began: Time) {
        let utterance = self.understood(utterance);
        if self.is_urgent(utterance.intent) && self.accepts(&utterance) {
            self.boxed = false;
            (self.settled, self.callback) = (None, None);
            self.heard(now, Held { utterance, began });
        } else {
            self.greeting_goes_on(now);
        }
    }

    pub(super) fn greeting_goes_on(&mut self, now: Time) {
        self.wait_for_the_tone(now, BEEP_AFTER_WORDS);
    }

    pub(super) fn beep(&mut self, now: Time) {
        if self.boxed {
            self.enter(now, self.script.voicemail, Vec::new());
        }
    }
}
