//! Both sides of a leg on their way to the disk.

use std::sync::atomic::Ordering::Relaxed;

use waihu_audio::{SAMPLES_8K, StereoChunk, frame::RATE_8K};

use super::Slot;
use crate::{event::StereoTap, rate::Rate, receiver::MAX_FRAME};

/// A recording that goes on: the chunk that is being filled, and the silence that is owed.
pub(crate) struct Tape {
    tap: StereoTap,
    chunk: Option<Box<StereoChunk>>,
    /// Pairs of samples that are not in any chunk: no chunk was at hand, or ticks were not run.
    owed: u64,
    /// To the recording's rate, where the leg has another.
    heard: Rate,
    said: Rate,
}

impl Tape {
    pub(crate) fn new(tap: StereoTap) -> Self {
        Self { tap, chunk: None, owed: 0, heard: Rate::default(), said: Rate::default() }
    }

    fn frame(&self) -> usize {
        SAMPLES_8K * (self.tap.rate_hz / RATE_8K).max(1) as usize
    }

    /// One tick of both sides, of equal length; whether it will be in the recording.
    fn push(&mut self, heard: &[i16], said: &[i16]) -> bool {
        let pairs = self.frame();
        if self.chunk.is_none() {
            self.chunk = self.tap.empty.try_recv().ok();
            if let Some(chunk) = &mut self.chunk {
                chunk.begin(self.tap.recording, std::mem::take(&mut self.owed));
            }
        }
        let Some(chunk) = &mut self.chunk else {
            self.owed += pairs as u64;
            return false;
        };
        if self.tap.paused.load(Relaxed) {
            chunk.push_paused(pairs);
        } else if heard.len() == pairs {
            chunk.push(heard, said);
        } else {
            let (mut left, mut right) = ([0; MAX_FRAME], [0; MAX_FRAME]);
            self.heard.convert(heard, &mut left[..pairs]);
            self.said.convert(said, &mut right[..pairs]);
            chunk.push(&left[..pairs], &right[..pairs]);
        }
        if chunk.is_full() {
            self.hand_on();
        }
        true
    }

    /// Gives the chunk to the recorder; what it has no room for is owed.
    fn hand_on(&mut self) {
        let Some(chunk) = self.chunk.take() else { return };
        let pairs = chunk.owed() + chunk.pairs() as u64;
        if let Err(refused) = self.tap.full.try_send(chunk) {
            self.owed += pairs;
            // It is used again: what was in it is silence now.
            let mut chunk = refused.into_inner();
            chunk.begin(self.tap.recording, std::mem::take(&mut self.owed));
            self.chunk = Some(chunk);
        }
    }

    /// Ticks that are not run.
    pub(crate) fn skip(&mut self, ticks: u64) {
        // What is in the chunk comes before the hole.
        if self.chunk.as_ref().is_some_and(|c| !c.is_empty()) {
            self.hand_on();
        }
        let pairs = ticks.saturating_mul(self.frame() as u64);
        match &mut self.chunk {
            Some(chunk) => {
                let owed = chunk.owed() + pairs;
                chunk.begin(self.tap.recording, owed);
            }
            None => self.owed += pairs,
        }
    }
}

/// The leg is over, however it came to its end: a recording whose last chunk never came would be waited for.
impl Drop for Tape {
    fn drop(&mut self) {
        let chunk = self.chunk.take().or_else(|| {
            let mut chunk = self.tap.empty.try_recv().ok()?;
            chunk.begin(self.tap.recording, self.owed);
            Some(chunk)
        });
        if let Some(mut chunk) = chunk {
            chunk.end();
            // A recorder that is so far behind ends the file by itself.
            let _ = self.tap.full.try_send(chunk);
        }
    }
}

impl Slot {
    /// From the first packet sent on, each tick is in the recording.
    pub(super) fn record(&mut self, said: &[i16]) {
        let Some(tape) = &mut self.tape else { return };
        if self.stream.as_ref().is_none_or(|s| !s.sent_any) {
            return;
        }
        if !tape.push(&self.heard[..self.frame], said) {
            self.stats.unrecorded += 1;
        }
    }
}
