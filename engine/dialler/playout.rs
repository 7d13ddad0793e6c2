//! Prompts on their way to the media thread, in the order in which they were asked for.
//!
//! A prompt known before dialling is ready at once; one with a word of the callee's in it is
//! synthesized first, and what was asked for after it waits behind it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use waihu_call::{MediaEvent, PlaybackId};

/// A prompt's samples at 8 kHz.
pub(crate) type Pcm = Arc<[i16]>;

/// The waiting line.
#[derive(Default)]
pub(crate) struct Playout {
    waiting: VecDeque<(PlaybackId, Option<Pcm>)>,
    /// Those that do not begin at their beginning, and where they do [ms].
    from_ms: HashMap<PlaybackId, u64>,
}

/// Samples of a prompt in a millisecond.
const SAMPLES_PER_MS: u64 = 8;

impl Playout {
    /// Puts a prompt at the end, to be played from `from_ms` on; without samples it waits for
    /// [`Self::voiced`].
    pub(crate) fn push(&mut self, id: PlaybackId, pcm: Option<Pcm>, from_ms: u64) {
        if from_ms > 0 {
            self.from_ms.insert(id, from_ms);
        }
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
                let cut = self.from_ms.get(id).map_or(0, |ms| ms.saturating_mul(SAMPLES_PER_MS));
                let cut = usize::try_from(cut).unwrap_or(usize::MAX).min(pcm.len());
                let ready = (*id, if cut > 0 { pcm[cut..].into() } else { Arc::clone(pcm) });
                self.waiting.pop_front();
                Some(ready)
            }
        }
    }

    /// What the media thread tells of a part of a prompt, told of the whole prompt.
    pub(crate) fn of_the_whole(&self, event: MediaEvent) -> MediaEvent {
        match event {
            MediaEvent::PlaybackStopped { id, played_ms, heard_bytes } if played_ms > 0 => {
                let played_ms = played_ms + self.from_ms.get(&id).copied().unwrap_or(0);
                MediaEvent::PlaybackStopped { id, played_ms, heard_bytes }
            }
            other => other,
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
        playout.push(PlaybackId(1), None, 0);
        playout.push(PlaybackId(2), Some(Arc::clone(&pcm)), 0);
        assert!(playout.next().is_none());
        playout.voiced(PlaybackId(1), pcm);
        assert_eq!(playout.next().map(|p| p.0), Some(PlaybackId(1)));
        assert_eq!(playout.next().map(|p| p.0), Some(PlaybackId(2)));
        assert!(playout.next().is_none());
    }

    #[test]
    fn what_goes_on_is_played_from_there_and_told_of_as_a_whole() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(3), Some(Arc::new([0; 8_000])), 400);
        playout.push(PlaybackId(4), Some(Arc::new([0; 80])), 400);
        assert_eq!(playout.next().map(|p| p.1.len()), Some(4_800));
        assert_eq!(playout.next().map(|p| p.1.len()), Some(0), "there is no more of it");
        for (id, played_ms, of_the_whole) in [(3, 200, 600), (3, 0, 0), (9, 200, 200)] {
            let stopped =
                |played_ms| MediaEvent::PlaybackStopped { id: PlaybackId(id), played_ms, heard_bytes: 0 };
            assert_eq!(playout.of_the_whole(stopped(played_ms)), stopped(of_the_whole));
        }
    }

    #[test]
    fn what_is_cleared_is_named_and_never_played() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(7), None, 0);
        assert_eq!(playout.clear(), [PlaybackId(7)]);
        playout.voiced(PlaybackId(7), Arc::new([0; 160]));
        assert!(playout.next().is_none());
        assert!(!playout.give_up(PlaybackId(7)));
    }
}
