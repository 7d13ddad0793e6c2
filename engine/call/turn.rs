//! Whose turn it is: what plays, who speaks over it, and what was said meanwhile.

use std::{collections::VecDeque, time::Duration};

use waihu_dialog::{BargeIn, PromptId};
use waihu_types::{Intent, Time};

use crate::seam::PlaybackId;

/// Speech that goes on for this long over a prompt is meant to stop it. Back-channels (嗯, uh-huh)
/// last 200 to 450 ms; the detector has already seen its minimum of speech when it reports.
pub(crate) const BARGE_IN_AFTER: Duration = Duration::from_millis(500);

/// The same for the first prompt: people say hello into it, and a hello may be long.
pub(crate) const BARGE_IN_AFTER_HELLO: Duration = Duration::from_millis(1_300);

/// A prompt that was handed to the media thread and is not over.
#[derive(Clone, Debug)]
pub(crate) struct Playing {
    pub id: PlaybackId,
    pub prompt: PromptId,
    pub barge_in: BargeIn,
}

/// The state of the turn.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    queue: VecDeque<Playing>,
    next: u64,
    /// Prompts begun so far; the first is special.
    begun: u64,
    /// Since when the callee speaks, while no end was reported.
    speaking_since: Option<Time>,
    /// Utterances whose words are still to come.
    unresolved: u32,
    /// Said over a prompt; to be handed on when the prompt is over.
    held: Option<waihu_dialog::Input>,
    /// A stop was asked for; the media thread has yet to report it.
    stopping: bool,
}

impl Turn {
    pub(crate) fn begin(&mut self, prompt: PromptId, barge_in: BargeIn) -> PlaybackId {
        let id = PlaybackId(self.next);
        self.next += 1;
        self.begun += 1;
        self.queue.push_back(Playing { id, prompt, barge_in });
        id
    }

    /// Takes a finished or stopped prompt off; none where it is not known.
    pub(crate) fn over(&mut self, id: PlaybackId) -> Option<Playing> {
        let at = self.queue.iter().position(|p| p.id == id)?;
        self.queue.remove(at)
    }

    pub(crate) fn playing(&self) -> Option<&Playing> {
        self.queue.front()
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.queue.is_empty()
    }

    /// May the prompt that plays be cut short?
    pub(crate) fn may_stop(&self) -> bool {
        !self.stopping && self.queue.iter().all(|p| p.barge_in == BargeIn::Allowed)
    }

    /// Notes that a stop was asked for; what is queued behind will never be heard.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
        self.queue.truncate(1);
    }

    pub(crate) fn stopped(&mut self) {
        self.stopping = false;
    }

    pub(crate) fn speech_started(&mut self, now: Time) {
        self.speaking_since = Some(now);
        self.unresolved += 1;
    }

    pub(crate) fn speech_ended(&mut self) {
        self.speaking_since = None;
    }

    pub(crate) fn utterance_resolved(&mut self) {
        self.unresolved = self.unresolved.saturating_sub(1);
        if self.unresolved == 0 {
            self.speaking_since = None;
        }
    }

    /// Whether words of the callee are still to come.
    pub(crate) fn words_to_come(&self) -> bool {
        self.unresolved > 0
    }

    /// When the callee's speech becomes a barge-in, if it goes on.
    pub(crate) fn barge_in_at(&self) -> Option<Time> {
        if self.is_quiet() || !self.may_stop() {
            return None;
        }
        let patience = if self.begun == 1 { BARGE_IN_AFTER_HELLO } else { BARGE_IN_AFTER };
        self.speaking_since.map(|t| t + patience)
    }

    pub(crate) fn hold(&mut self, input: waihu_dialog::Input) {
        self.held = Some(input);
    }

    pub(crate) fn release(&mut self) -> Option<waihu_dialog::Input> {
        self.held.take()
    }
}

/// Words that are no turn of their own when spoken over a prompt.
pub(crate) fn is_back_channel(intent: Intent) -> bool {
    matches!(intent, Intent::Acknowledge | Intent::Greeting)
}
