//! The machine: pauses and what is known about them in, the end of the turn out.

use std::{collections::VecDeque, time::Duration};

use waihu_types::Time;

use crate::{Completeness, Policy, Words};

/// One pause of a turn. What is said about an earlier one is not taken for this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PauseId(pub u32);

/// What the machine is told. Anything may come at any time and twice: what does not fit does nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input {
    /// The callee speaks: has begun, goes on, or has gone on after a pause.
    Voice,
    /// No voice since then.
    Pause {
        /// When the last word ended.
        since: Time,
    },
    /// The model's answer to [`Output::AskModel`].
    Model {
        /// The pause that was asked about.
        pause: PauseId,
        /// How likely the turn is over, 0 to 1.
        probability: f32,
    },
    /// The recognizer's answer to [`Output::Recognize`].
    Words {
        /// The pause up to which was recognized.
        pause: PauseId,
        /// What was said so far.
        words: Words,
    },
    /// Another question is on the table (somebody spoke while a prompt went on).
    Ask(Policy),
    /// The time of [`EndOfTurn::poll_timeout`] has come.
    Timeout,
}

/// What the machine wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask the tone-of-voice model about this pause now.
    AskModel(PauseId),
    /// Recognize the turn up to this pause, on speculation.
    Recognize(PauseId),
    /// The callee goes on: what was begun for this pause is of no more use.
    GoesOn(PauseId),
    /// The turn is over. Nothing comes after this.
    Ended {
        /// When the last word ended.
        at: Time,
        /// How long it has been silent since, in ms.
        silence_ms: u32,
        /// The pause it ended in, whose recognition is the final one; `None` where it was cut for its length.
        pause: Option<PauseId>,
        /// Why now.
        why: Why,
    },
}

/// Why a turn was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The words answer the question or close a sentence.
    Words,
    /// All digits that were asked for are there.
    Digits,
    /// The tone of voice is that of an end.
    Tone,
    /// It has been silent for long enough.
    Silence,
    /// It had gone on too long.
    TooLong,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    id: PauseId,
    since: Time,
    looked: bool,
    probability: Option<f32>,
    words: Option<Words>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nobody has spoken yet.
    Before,
    Speaking {
        began: Time,
    },
    Pausing {
        began: Time,
        pause: Pause,
    },
    Over,
}

/// One turn of a callee's.
#[derive(Clone, Debug)]
pub struct EndOfTurn {
    policy: Policy,
    state: State,
    pauses: u32,
    last: Time,
    outputs: VecDeque<Output>,
}

impl EndOfTurn {
    /// A turn that has not begun.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy: policy.within_limits(),
            state: State::Before,
            pauses: 0,
            last: Time::ZERO,
            outputs: VecDeque::new(),
        }
    }

    /// Takes what happened at `now`; a clock that runs backwards stands still.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        let now = now.max(self.last);
        self.last = now;
        match input {
            Input::Voice => self.voice(now),
            Input::Pause { since } => {
                if let State::Speaking { began } = self.state {
                    let id = PauseId(self.pauses);
                    self.pauses = self.pauses.saturating_add(1);
                    let since = since.clamp(began, now);
                    let pause = Pause { id, since, looked: false, probability: None, words: None };
                    self.state = State::Pausing { began, pause };
                }
            }
            Input::Model { pause: id, probability } => {
                if let State::Pausing { pause, .. } = &mut self.state
                    && pause.id == id
                    && probability.is_finite()
                {
                    pause.probability = Some(probability);
                }
            }
            Input::Words { pause: id, words } => {
                if let State::Pausing { pause, .. } = &mut self.state
                    && pause.id == id
                {
                    pause.words = Some(words);
                }
            }
            Input::Ask(policy) => self.policy = policy.within_limits(),
            Input::Timeout => {}
        }
        self.advance(now);
    }

    /// What the machine wants next, if anything.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due, if at all.
    pub fn poll_timeout(&self) -> Option<Time> {
        match self.state {
            State::Before | State::Over => None,
            State::Speaking { began } => Some(self.cut_at(began)),
            State::Pausing { began, pause } => {
                let end = pause.since + ms(self.wait_ms(&pause));
                let look = pause.since + ms(self.policy.look_after_ms);
                let next = if pause.looked { end } else { end.min(look) };
                Some(next.min(self.cut_at(began)))
            }
        }
    }

    /// Whether the turn has ended.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The silence that ends the turn by what is known of this pause [ms].
    fn wait_ms(&self, pause: &Pause) -> u32 {
        let policy = &self.policy;
        if self.all_digits(pause) {
            return policy.least_ms;
        }
        let doubt = pause.probability.map_or(policy.unheard, |p| {
            let between = (policy.sure - policy.doubtful).max(f32::EPSILON);
            ((policy.sure - p) / between).clamp(0.0, 1.0)
        });
        let (from, doubt) = match pause.words.map_or(Completeness::Unclear, |w| w.complete) {
            Completeness::Unfinished => return policy.most_ms,
            Completeness::Unclear => (policy.unclear_ms, doubt),
            Completeness::Finished => (policy.least_ms, doubt * policy.finished),
        };
        // Both ends are within 2,000, so that the cast holds.
        from + ((policy.most_ms - from) as f32 * doubt) as u32
    }

    fn all_digits(&self, pause: &Pause) -> bool {
        let Some(words) = pause.words else { return false };
        self.policy.digits.is_some_and(|wanted| wanted > 0 && words.digits >= usize::from(wanted))
    }

    fn cut_at(&self, began: Time) -> Time {
        began + ms(self.policy.longest_ms)
    }

    fn voice(&mut self, now: Time) {
        match self.state {
            State::Before => self.state = State::Speaking { began: now },
            State::Pausing { began, pause } => {
                if pause.looked {
                    self.outputs.push_back(Output::GoesOn(pause.id));
                }
                self.state = State::Speaking { began };
            }
            State::Speaking { .. } | State::Over => {}
        }
    }

    /// Does what is due.
    fn advance(&mut self, now: Time) {
        if let State::Pausing { pause, .. } = &mut self.state
            && !pause.looked
            && now >= pause.since + ms(self.policy.look_after_ms)
        {
            pause.looked = true;
            self.outputs.extend([Output::AskModel(pause.id), Output::Recognize(pause.id)]);
        }
        match self.state {
            State::Pausing { pause, .. } if now >= pause.since + ms(self.wait_ms(&pause)) => {
                self.end(pause.since, now, Some(&pause), self.why(&pause, now));
            }
            State::Pausing { began, pause } if now >= self.cut_at(began) => {
                self.end(pause.since, now, Some(&pause), Why::TooLong);
            }
            State::Speaking { began } if now >= self.cut_at(began) => {
                self.end(now, now, None, Why::TooLong);
            }
            _ => {}
        }
    }

    fn end(&mut self, at: Time, now: Time, pause: Option<&Pause>, why: Why) {
        // Where it ends before anybody was asked, the final recognition is still to be begun.
        let pause = pause.filter(|p| p.looked).map(|p| p.id);
        let silence_ms = u32::try_from(now.since(at).as_millis()).unwrap_or(u32::MAX);
        self.outputs.push_back(Output::Ended { at, silence_ms, pause, why });
        self.state = State::Over;
    }

    fn why(&self, pause: &Pause, now: Time) -> Why {
        if self.all_digits(pause) {
            Why::Digits
        } else if now >= pause.since + ms(self.policy.most_ms) {
            Why::Silence
        } else if pause.words.is_some_and(|w| w.complete == Completeness::Finished) {
            Why::Words
        } else if pause.probability.is_some() {
            Why::Tone
        } else {
            Why::Silence
        }
    }
}

fn ms(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

#[cfg(test)]
mod tests;
