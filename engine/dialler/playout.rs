//! Prompts on their way to the media thread, in the order in which they were asked for.
//!
//! A prompt known before dialling is ready at once; one with a word of the callee's in it is
//! synthesized first, and what was asked for after it waits behind it.

use std::{collections::VecDeque, sync::Arc};

use waihu_call::PlaybackId;

/// A prompt's samples at 8 kHz.
pub(crate) type Pcm = Arc<[i16]>;

/// The waiting line.
#[derive(Default)]
pub(crate) struct Playout {
    waiting: VecDeque<(PlaybackId, Option<Pcm>)>,
}

impl Playout {
    /// Puts a prompt at the end; without samples it waits for [`Self::voiced`].
    pub(crate) fn push(&mut self, id: PlaybackId, pcm: Option<Pcm>) {
        self.waiting.push_back((id, pcm));
    }

    /// The samples of a waiting prompt have come.
    pub(crate) fn voiced(&mut self, id: PlaybackId, pcm: Pcm) {
        if let Some(entry) = self.waiting.iter_mut().find(|(waiting, _)| *waiting == id) {
            entry.1 = Some(pcm);
        }
    }

    /// Takes a waiting prompt out; false where it does not wait.
    pub(crate) fn give_up(&mut self, id: PlaybackId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, _)| *waiting != id);
        self.waiting.len() < before
    }

    /// The next prompt that can be played now.
    pub(crate) fn next(&mut self) -> Option<(PlaybackId, Pcm)> {
        match self.waiting.front()? {
            (_, None) => None,
            (id, Some(pcm)) => {
                let ready = (*id, Arc::clone(pcm));
                self.waiting.pop_front();
                Some(ready)
            }
        }
    }

    /// Forgets what waits, and names it.
    pub(crate) fn clear(&mut self) -> Vec<PlaybackId> {
        self.waiting.drain(..).map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_played_in_the_order_asked_for() {
        let pcm: Pcm = Arc::new([0; 160]);
        let mut playout = Playout::default();
        playout.push(PlaybackId(1), None);
        playout.push(PlaybackId(2), Some(Arc::clone(&pcm)));
        assert!(playout.next().is_none());
        playout.voiced(PlaybackId(1), pcm);
        assert_eq!(playout.next().map(|p| p.0), Some(PlaybackId(1)));
        assert_eq!(playout.next().map(|p| p.0), Some(PlaybackId(2)));
        assert!(playout.next().is_none());
    }

    #[test]
    fn what_is_cleared_is_named_and_never_played() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(7), None);
        assert_eq!(playout.clear(), [PlaybackId(7)]);
        playout.voiced(PlaybackId(7), Arc::new([0; 160]));
        assert!(playout.next().is_none());
        assert!(!playout.give_up(PlaybackId(7)));
    }
}
