//! Prompts on their way to the media thread, in the order in which they were asked for.
//!
//! A prompt known before dialling is ready at once; one with a word of the callee's in it is
//! synthesized first, and what was asked for after it waits behind it.

use std::collections::{HashMap, VecDeque};

use waihu_call::{MediaEvent, PlaybackId};
use waihu_speech::Spoken;

/// The waiting line, and what is known of what was played.
#[derive(Default)]
pub(crate) struct Playout {
    waiting: VecDeque<Waiting>,
    /// What is with the media thread, and from where on [ms].
    playing: HashMap<PlaybackId, (Spoken, u64)>,
}

struct Waiting {
    id: PlaybackId,
    spoken: Option<Spoken>,
    from_ms: u64,
}

/// Samples of a prompt in a millisecond.
const SAMPLES_PER_MS: u64 = 8;

impl Playout {
    /// Puts a prompt at the end, to be played from the word on that is said at `from_ms`; without its sound
    /// it waits for [`Self::voiced`].
    pub(crate) fn push(&mut self, id: PlaybackId, spoken: Option<Spoken>, from_ms: u64) {
        self.waiting.push_back(Waiting { id, spoken, from_ms });
    }

    /// The sound of a waiting prompt has come.
    pub(crate) fn voiced(&mut self, id: PlaybackId, spoken: Spoken) {
        if let Some(entry) = self.waiting.iter_mut().find(|w| w.id == id) {
            entry.spoken = Some(spoken);
        }
    }

    /// Takes a waiting prompt out; false where it does not wait.
    pub(crate) fn give_up(&mut self, id: PlaybackId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|w| w.id != id);
        self.waiting.len() < before
    }

    /// The next prompt that can be played now: its samples from where it begins.
    pub(crate) fn next(&mut self) -> Option<(PlaybackId, std::sync::Arc<[i16]>)> {
        self.waiting.front()?.spoken.as_ref()?;
        let Waiting { id, spoken, from_ms } = self.waiting.pop_front()?;
        let spoken = spoken?;
        let from_ms = word_at(&spoken, from_ms);
        let cut = usize::try_from(from_ms.saturating_mul(SAMPLES_PER_MS)).unwrap_or(usize::MAX);
        let samples = match cut {
            // As it is, the media threads know it coded already.
            0 => spoken.samples.clone(),
            cut => spoken.samples.get(cut..).unwrap_or_default().into(),
        };
        self.playing.insert(id, (spoken, from_ms));
        Some((id, samples))
    }

    /// What the media thread tells of what it played, told of the whole prompt and its text.
    pub(crate) fn of_the_whole(&mut self, event: MediaEvent) -> MediaEvent {
        match event {
            MediaEvent::PlaybackStopped { id, played_ms, .. } => {
                let Some((spoken, from_ms)) = self.playing.remove(&id).filter(|_| played_ms > 0) else {
                    return event;
                };
                let played_ms = played_ms + from_ms;
                let heard = spoken.heard_to(u32::try_from(played_ms).unwrap_or(u32::MAX));
                MediaEvent::PlaybackStopped { id, played_ms, heard_bytes: heard.unwrap_or(0) }
            }
            MediaEvent::PlaybackDone(id) => {
                self.playing.remove(&id);
                event
            }
            other => other,
        }
    }

    /// Forgets what waits, and names it.
    pub(crate) fn clear(&mut self) -> Vec<PlaybackId> {
        self.waiting.drain(..).map(|w| w.id).collect()
    }
}

/// Where the word begins that is said at a time [ms]; the time itself where there are no marks.
fn word_at(spoken: &Spoken, at_ms: u64) -> u64 {
    let before = |at: &u64| *at <= at_ms;
    let marks = spoken.marks.iter().map(|m| u64::from(m.at_ms));
    if at_ms == 0 { 0 } else { marks.take_while(before).last().unwrap_or(at_ms) }
}

#[cfg(test)]
mod tests {
    use waihu_speech::Mark;

    use super::*;

    /// A prompt of one second, with a word at each quarter of it, 3 bytes each.
    fn spoken() -> Spoken {
        let marks: Vec<Mark> = (0..4).map(|n| Mark { at_ms: n * 250, byte: n as usize * 3 }).collect();
        Spoken { samples: vec![0; 8_000].into(), marks: marks.into() }
    }

    #[test]
    fn prompts_are_played_in_the_order_asked_for() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(1), None, 0);
        playout.push(PlaybackId(2), Some(spoken()), 0);
        assert!(playout.next().is_none());
        playout.voiced(PlaybackId(1), spoken());
        assert_eq!(playout.next().map(|p| p.0), Some(PlaybackId(1)));
        assert_eq!(playout.next().map(|p| p.0), Some(PlaybackId(2)));
        assert!(playout.next().is_none());
    }

    #[test]
    fn what_goes_on_begins_with_a_word_and_is_told_of_as_a_whole() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(3), Some(spoken()), 400);
        playout.push(PlaybackId(4), Some(Spoken { samples: [0; 80].into(), marks: [].into() }), 400);
        assert_eq!(playout.next().map(|p| p.1.len()), Some(6_000), "from 250 ms on");
        assert_eq!(playout.next().map(|p| p.1.len()), Some(0), "there is no more of it");
        let stopped = |id, played_ms, heard_bytes| MediaEvent::PlaybackStopped {
            id: PlaybackId(id),
            played_ms,
            heard_bytes,
        };
        assert_eq!(
            playout.of_the_whole(stopped(3, 300, 0)),
            stopped(3, 550, 6),
            "the third word was not heard"
        );
        assert_eq!(playout.of_the_whole(stopped(3, 300, 0)), stopped(3, 300, 0), "it is told once");
        assert_eq!(playout.of_the_whole(stopped(9, 200, 0)), stopped(9, 200, 0));
    }

    #[test]
    fn what_is_cleared_is_named_and_never_played() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(7), None, 0);
        assert_eq!(playout.clear(), [PlaybackId(7)]);
        playout.voiced(PlaybackId(7), spoken());
        assert!(playout.next().is_none());
        assert!(!playout.give_up(PlaybackId(7)));
    }
}
