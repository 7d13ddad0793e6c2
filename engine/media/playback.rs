//! What a slot is to say: clips in a row, a frame at a time, stoppable with a fade.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    clip::Clip,
    event::{MediaEvent, PlaybackId},
};

/// Clips that may wait in a slot. A script says a handful in a row; more is a fault of the caller.
const MAX_CLIPS: usize = 64;

/// How often a clip is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Once.
    Once,
    /// Over and over, until it is stopped: hold music, ringback.
    Forever,
}

#[derive(Debug)]
struct Playing {
    id: PlaybackId,
    clip: Arc<Clip>,
    repeat: Repeat,
    /// The next frame.
    at: usize,
    /// Frames said so far.
    said: u64,
}

impl Playing {
    fn stopped(&self) -> MediaEvent {
        MediaEvent::PlaybackStopped { id: self.id, played_ms: self.said * 20 }
    }
}

/// The frame that is to be said in a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextFrame<'a> {
    pub(crate) clip: &'a Clip,
    pub(crate) n: usize,
    /// It is the last of a clip that is stopped, and goes down to silence.
    pub(crate) fades: bool,
}

#[derive(Debug, Default)]
pub(crate) struct PlayQueue {
    clips: VecDeque<Playing>,
    /// The first clip is to fade out with the next frame.
    stopping: bool,
}

impl PlayQueue {
    /// Appends a clip; beyond [`MAX_CLIPS`] it is told as stopped at once.
    pub(crate) fn add(
        &mut self,
        id: PlaybackId,
        clip: Arc<Clip>,
        repeat: Repeat,
        tell: &mut dyn FnMut(MediaEvent),
    ) {
        let playing = Playing { id, clip, repeat, at: 0, said: 0 };
        if self.clips.len() >= MAX_CLIPS {
            tell(playing.stopped());
        } else {
            self.clips.push_back(playing);
        }
    }

    /// Stops everything: what plays fades out in the next frame, what waits never begins.
    pub(crate) fn stop(&mut self, tell: &mut dyn FnMut(MediaEvent)) {
        self.stopping = self.clips.front().is_some_and(|c| c.said > 0);
        let keep = usize::from(self.stopping);
        for clip in self.clips.drain(keep..) {
            tell(clip.stopped());
        }
    }

    /// Stops everything where it stands, for when nothing of it is heard.
    pub(crate) fn end(&mut self, tell: &mut dyn FnMut(MediaEvent)) {
        self.stopping = false;
        for clip in self.clips.drain(..) {
            tell(clip.stopped());
        }
    }

    /// The next 20 ms; `None` when there is nothing to say. [`PlayQueue::said`] goes on to the next.
    pub(crate) fn next_frame(&mut self, tell: &mut dyn FnMut(MediaEvent)) -> Option<NextFrame<'_>> {
        while let Some(front) = self.clips.front()
            && front.clip.frames() == 0
        {
            // A clip without a sample has begun and is over.
            tell(MediaEvent::PlaybackStarted { id: front.id });
            tell(MediaEvent::PlaybackDone { id: front.id });
            self.clips.pop_front();
        }
        let front = self.clips.front()?;
        if front.said == 0 {
            tell(MediaEvent::PlaybackStarted { id: front.id });
        }
        Some(NextFrame { clip: &front.clip, n: front.at, fades: self.stopping })
    }

    /// The frame that [`PlayQueue::next_frame`] gave went out.
    pub(crate) fn said(&mut self, tell: &mut dyn FnMut(MediaEvent)) {
        let Some(front) = self.clips.front_mut() else { return };
        front.said += 1;
        front.at += 1;
        if front.at >= front.clip.frames() && front.repeat == Repeat::Forever {
            front.at = 0;
        }
        let over = if std::mem::take(&mut self.stopping) {
            front.stopped()
        } else if front.at >= front.clip.frames() {
            MediaEvent::PlaybackDone { id: front.id }
        } else {
            return;
        };
        self.clips.pop_front();
        tell(over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MediaEvent::{PlaybackDone as Done, PlaybackStarted as Started, PlaybackStopped as Stopped};

    fn id(n: u64) -> PlaybackId {
        PlaybackId(n)
    }

    fn clip(samples: usize) -> Arc<Clip> {
        Arc::new(Clip::new(vec![1; samples].into(), &[]))
    }

    /// What is said in `n` ticks: which frame of a clip of how many, and whether it fades.
    fn ticks(q: &mut PlayQueue, n: usize, events: &mut Vec<MediaEvent>) -> Vec<(usize, usize, bool)> {
        let mut out = Vec::new();
        for _ in 0..n {
            let frame = q.next_frame(&mut |e| events.push(e)).map(|f| (f.n, f.clip.frames(), f.fades));
            if frame.is_some() {
                q.said(&mut |e| events.push(e));
            }
            out.extend(frame);
        }
        out
    }

    #[test]
    fn clips_follow_each_other_from_tick_to_tick() {
        let (mut q, mut events) = (PlayQueue::default(), vec![]);
        for (n, samples) in [(1, 200), (2, 0), (3, 160)] {
            q.add(id(n), clip(samples), Repeat::Once, &mut |e| events.push(e));
        }
        assert_eq!(ticks(&mut q, 9, &mut events), [(0, 2, false), (1, 2, false), (0, 1, false)]);
        let want: Vec<_> = (1..4).flat_map(|n| [Started { id: id(n) }, Done { id: id(n) }]).collect();
        assert_eq!(events, want);
    }

    #[test]
    fn a_stop_fades_one_frame_and_tells_of_every_clip_once() {
        let (mut q, mut events) = (PlayQueue::default(), vec![]);
        for n in 1..=2 {
            q.add(id(n), clip(1_600), Repeat::Once, &mut |e| events.push(e));
        }
        ticks(&mut q, 1, &mut events);
        q.stop(&mut |e| events.push(e));
        q.stop(&mut |e| events.push(e));
        q.add(id(3), clip(160), Repeat::Once, &mut |e| events.push(e));
        assert_eq!(ticks(&mut q, 9, &mut events), [(1, 10, true), (0, 1, false)]);
        let stopped = |n, played_ms| Stopped { id: id(n), played_ms };
        let want =
            [Started { id: id(1) }, stopped(2, 0), stopped(1, 40), Started { id: id(3) }, Done { id: id(3) }];
        assert_eq!(events, want);
    }

    #[test]
    fn music_goes_round_until_it_is_stopped() {
        let (mut q, mut events) = (PlayQueue::default(), vec![]);
        q.add(id(1), clip(320), Repeat::Forever, &mut |e| events.push(e));
        let said: Vec<_> = ticks(&mut q, 5, &mut events).into_iter().map(|f| f.0).collect();
        assert_eq!(said, [0, 1, 0, 1, 0]);
        q.stop(&mut |e| events.push(e));
        assert_eq!(ticks(&mut q, 5, &mut events), [(1, 2, true)]);
        assert_eq!(events, [Started { id: id(1) }, Stopped { id: id(1), played_ms: 120 }]);
    }

    #[test]
    fn an_end_tells_how_far_each_clip_came() {
        let (mut q, mut events) = (PlayQueue::default(), vec![]);
        for n in 1..=2 {
            q.add(id(n), clip(1_600), Repeat::Once, &mut |e| events.push(e));
        }
        ticks(&mut q, 1, &mut Vec::new());
        q.stop(&mut |e| events.push(e));
        q.end(&mut |e| events.push(e));
        assert_eq!(events, [(2, 0), (1, 20)].map(|(n, played_ms)| Stopped { id: id(n), played_ms }));
        assert_eq!(ticks(&mut q, 2, &mut events), []);
    }

    #[test]
    fn a_stop_with_nothing_playing_says_nothing_and_the_queue_is_bounded() {
        let (mut q, mut events) = (PlayQueue::default(), vec![]);
        q.stop(&mut |e| events.push(e));
        assert!(events.is_empty());
        let one = clip(1);
        for n in 0..MAX_CLIPS as u64 + 3 {
            q.add(id(n), Arc::clone(&one), Repeat::Once, &mut |e| events.push(e));
        }
        assert_eq!(events.len(), 3);
        q.stop(&mut |e| events.push(e));
        assert_eq!(events.len(), MAX_CLIPS + 3);
        assert_eq!(ticks(&mut q, 2, &mut events), []);
    }
}
