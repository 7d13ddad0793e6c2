//! What a slot is to say: clips in a row, cut into frames, stoppable with a fade.

use std::{collections::VecDeque, sync::Arc};

use waihu_audio::{Frame, SAMPLES_8K, SILENCE, mix};

use crate::event::{MediaEvent, PlaybackId};

/// Clips that may wait in a slot. A script says a handful in a row; more is a fault of the caller.
const MAX_CLIPS: usize = 64;

#[derive(Debug)]
struct Clip {
    id: PlaybackId,
    samples: Arc<[i16]>,
    at: usize,
    started: bool,
}

impl Clip {
    fn stopped(&self) -> MediaEvent {
        MediaEvent::PlaybackStopped { id: self.id, played_ms: self.at as u64 / 8 }
    }
}

#[derive(Debug, Default)]
pub(crate) struct PlayQueue {
    clips: VecDeque<Clip>,
    /// The first clip is to fade out with the next frame.
    stopping: bool,
}

impl PlayQueue {
    /// Appends a clip; beyond [`MAX_CLIPS`] it is told as stopped at once.
    pub(crate) fn add(&mut self, id: PlaybackId, samples: Arc<[i16]>, tell: &mut dyn FnMut(MediaEvent)) {
        let clip = Clip { id, samples, at: 0, started: false };
        if self.clips.len() >= MAX_CLIPS {
            tell(clip.stopped());
        } else {
            self.clips.push_back(clip);
        }
    }

    /// Stops everything: what plays fades out in the next frame, what waits never begins.
    pub(crate) fn stop(&mut self, tell: &mut dyn FnMut(MediaEvent)) {
        self.stopping = self.clips.front().is_some_and(|c| c.started);
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

    /// The next 20 ms; `None` when there is nothing to say.
    pub(crate) fn next_frame(&mut self, tell: &mut dyn FnMut(MediaEvent)) -> Option<Frame> {
        let mut frame = SILENCE;
        let mut filled = 0;
        if std::mem::take(&mut self.stopping)
            && let Some(mut clip) = self.clips.pop_front()
        {
            let n = clip.copy(&mut frame);
            mix::fade_out(&mut frame[..n]);
            tell(clip.stopped());
            // What was queued since the stop begins with a frame of its own.
            return Some(frame);
        }
        while filled < SAMPLES_8K
            && let Some(clip) = self.clips.front_mut()
        {
            if !clip.started {
                clip.started = true;
                tell(MediaEvent::PlaybackStarted { id: clip.id });
            }
            filled += clip.copy(&mut frame[filled..]);
            if clip.at < clip.samples.len() {
                break;
            }
            tell(MediaEvent::PlaybackDone { id: clip.id });
            self.clips.pop_front();
        }
        (filled > 0).then_some(frame)
    }
}

impl Clip {
    fn copy(&mut self, to: &mut [i16]) -> usize {
        let rest = &self.samples[self.at..];
        let n = rest.len().min(to.len());
        to[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MediaEvent::{PlaybackDone as Done, PlaybackStarted as Started, PlaybackStopped as Stopped};

    fn id(n: u64) -> PlaybackId {
        PlaybackId(n)
    }

    fn frames(q: &mut PlayQueue, events: &mut Vec<MediaEvent>) -> Vec<i16> {
        std::iter::from_fn(|| q.next_frame(&mut |e| events.push(e))).flatten().collect()
    }

    #[test]
    fn clips_follow_each_other_without_a_gap() {
        let (mut q, mut events) = (PlayQueue::default(), vec![]);
        for (n, len) in [(1, 200), (2, 0), (3, 250)] {
            q.add(id(n), vec![n as i16; len].into(), &mut |e| events.push(e));
        }
        let out = frames(&mut q, &mut events);
        assert_eq!(out.len(), 480);
        assert!(out[..200].iter().all(|s| *s == 1) && out[200..450].iter().all(|s| *s == 3));
        assert!(out[450..].iter().all(|s| *s == 0));
        let want: Vec<_> = (1..4).flat_map(|n| [Started { id: id(n) }, Done { id: id(n) }]).collect();
        assert_eq!(events, want);
    }

    #[test]
    fn a_stop_fades_within_a_frame_and_tells_of_every_clip_once() {
        let (mut q, mut events) = (PlayQueue::default(), vec![]);
        q.add(id(1), vec![8_000; 1_600].into(), &mut |e| events.push(e));
        q.add(id(2), vec![8_000; 1_600].into(), &mut |e| events.push(e));
        q.next_frame(&mut |e| events.push(e));
        q.stop(&mut |e| events.push(e));
        q.stop(&mut |e| events.push(e));
        q.add(id(3), vec![5; 160].into(), &mut |e| events.push(e));
        let out = frames(&mut q, &mut events);
        assert!(out[..160].is_sorted_by(|a, b| a > b) && out[159] == 0 && out[160..] == [5; 160]);
        let stopped = |n, played_ms| Stopped { id: id(n), played_ms };
        let want =
            [Started { id: id(1) }, stopped(2, 0), stopped(1, 40), Started { id: id(3) }, Done { id: id(3) }];
        assert_eq!(events, want);
    }

    #[test]
    fn an_end_tells_how_far_each_clip_came() {
        let (mut q, mut events) = (PlayQueue::default(), vec![]);
        for n in 1..=2 {
            q.add(id(n), vec![8_000; 1_600].into(), &mut |e| events.push(e));
        }
        q.next_frame(&mut |_| ());
        q.stop(&mut |e| events.push(e));
        q.end(&mut |e| events.push(e));
        assert_eq!(events, [(2, 0), (1, 20)].map(|(n, played_ms)| Stopped { id: id(n), played_ms }));
        assert_eq!(frames(&mut q, &mut events), []);
    }

    #[test]
    fn a_stop_with_nothing_playing_says_nothing_and_the_queue_is_bounded() {
        let (mut q, mut events) = (PlayQueue::default(), vec![]);
        q.stop(&mut |e| events.push(e));
        assert!(events.is_empty());
        let one: Arc<[i16]> = vec![1].into();
        for n in 0..MAX_CLIPS as u64 + 3 {
            q.add(id(n), one.clone(), &mut |e| events.push(e));
        }
        assert_eq!(events.len(), 3);
        q.stop(&mut |e| events.push(e));
        assert_eq!(events.len(), MAX_CLIPS + 3);
        assert_eq!(frames(&mut q, &mut events), []);
    }
}
