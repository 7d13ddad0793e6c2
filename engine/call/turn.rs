//! Whose turn it is: what plays, and who speaks over it.

use std::{collections::VecDeque, time::Duration};

use waihu_dialog::{BargeIn, PromptId};
use waihu_types::Time;

use crate::seam::PlaybackId;

/// So much voice over a prompt is meant to stop it: back-channels (嗯, uh-huh) last 200 to 450 ms.
/// Voice and not time since the speech began, for its end is known only after a silence that is
/// longer than this.
pub(crate) const BARGE_IN_AFTER: Duration = Duration::from_millis(500);

/// The same for the first prompt: people say hello into it, and a hello may be long.
pub(crate) const BARGE_IN_AFTER_HELLO: Duration = Duration::from_millis(1_300);

/// A prompt that was handed to the media thread and is not over.
#[derive(Clone, Debug)]
pub(crate) struct Playing {
    pub id: PlaybackId,
    pub prompt: PromptId,
    barge_in: BargeIn,
    /// Another took its place: how it ended is noted, and means nothing to the dialog.
    pub gave_way: bool,
}

/// The state of the turn.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    queue: VecDeque<Playing>,
    next: u64,
    /// Since when those utterances were spoken whose words are still to come.
    unresolved: VecDeque<Time>,
    /// A stop was asked for; the media thread has yet to report it.
    stopping: bool,
}

impl Turn {
    pub(crate) fn begin(&mut self, prompt: PromptId, barge_in: BargeIn) -> PlaybackId {
        let id = PlaybackId(self.next);
        self.next += 1;
        self.stopping = false;
        self.queue.push_back(Playing { id, prompt, barge_in, gave_way: false });
        id
    }

    /// Takes a finished or stopped prompt off; none where it is not known. A stop that was asked for
    /// is done with it, also where the prompt came to its end first.
    pub(crate) fn over(&mut self, id: PlaybackId) -> Option<Playing> {
        let at = self.queue.iter().position(|p| p.id == id)?;
        let over = self.queue.remove(at)?;
        self.stopping &= over.gave_way;
        Some(over)
    }

    /// The prompt that the callee is to hear.
    fn playing(&self) -> Option<&Playing> {
        self.queue.iter().find(|p| !p.gave_way)
    }

    /// Whether the bot has nothing under way to say.
    pub(crate) fn is_quiet(&self) -> bool {
        self.playing().is_none()
    }

    /// Ends the part of the prompt that plays; true where there is one to stop.
    pub(crate) fn give_way(&mut self) -> bool {
        let playing = !self.is_quiet();
        self.queue.iter_mut().for_each(|p| p.gave_way = true);
        self.stopping = false;
        playing
    }

    pub(crate) fn speech_started(&mut self, now: Time) {
        self.unresolved.push_back(now);
    }

    /// The callee's speech goes on, and has this much voice; true where the prompt is to stop.
    pub(crate) fn speech_goes_on(&mut self, voiced: Duration) -> bool {
        let Some(playing) = self.playing() else { return false };
        let limit = if playing.id == PlaybackId(0) { BARGE_IN_AFTER_HELLO } else { BARGE_IN_AFTER };
        let stops = !self.stopping && playing.barge_in != BargeIn::MustBeHeard && voiced >= limit;
        self.stopping |= stops;
        stops
    }

    /// Takes the oldest utterance off, and tells when it began.
    pub(crate) fn utterance_resolved(&mut self) -> Option<Time> {
        self.unresolved.pop_front()
    }

    /// Whether words of the callee are still to come.
    pub(crate) fn words_to_come(&self) -> bool {
        !self.unresolved.is_empty()
    }

    /// Waits for no more words.
    pub(crate) fn forget_words(&mut self) {
        self.unresolved.clear();
    }
}
