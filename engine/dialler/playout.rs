//! Prompts on their way to the media thread, in the order in which they were asked for.
//!
//! A prompt known before dialling is ready at once. One with a word of the callee's in it is spoken
//! first, and begins when its first sentence is there: it goes to the media thread part by part, and is
//! told of as one. What was asked for after it waits until all of it is handed over.
//!
//! A prompt whose voice fails on the way is told of as stopped where its sound ends: what was heard was
//! heard, and the call goes on from there as after any stop. One that has no sound at all has failed.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use waihu_call::{MediaEvent, PlaybackId};
use waihu_speech::{Mark, SpeechError, Spoken, VoicePart};

/// Samples of a prompt in a millisecond.
const SAMPLES_PER_MS: u64 = 8;
/// Parts of a prompt that are with the media thread at once: so many that it never runs dry, and far
/// fewer than it takes (a slot holds 64).
const MOST_OUT: usize = 8;
/// Bits of the media thread's number for a playback that count its parts: a part is a sentence or half
/// of one, and a million is a week of speech.
const PART_BITS: u32 = 20;

/// The waiting line, and what is known of what was played.
#[derive(Default)]
pub(crate) struct Playout {
    line: VecDeque<Prompt>,
    /// Prompts of lower numbers were stopped.
    stopped_before: Arc<AtomicU64>,
    /// The number after the last.
    next_id: u64,
}

struct Prompt {
    id: PlaybackId,
    parts: Vec<Sound>,
    marks: Vec<Mark>,
    length_ms: u64,
    end: End,
    /// From where on it is to be played, and where that is once its sound is there: at a word [ms].
    from_ms: u64,
    begins_ms: Option<u64>,
    /// Parts that were handed to the media thread, or left out as being before `begins_ms`.
    handed: usize,
    /// Of these, not over yet.
    out: usize,
    begun: bool,
    stopped: bool,
    /// How far it was heard, of the whole [ms].
    heard_ms: u64,
}

struct Sound {
    samples: Arc<[i16]>,
    starts_ms: u64,
    ends_ms: u64,
}

/// Whether more of a prompt's sound is to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    ToCome,
    Whole,
    /// The voice failed.
    BrokenOff,
}

/// The media thread's number for a part of a playback.
fn number(id: PlaybackId, part: usize) -> u64 {
    (id.0 << PART_BITS) | part as u64
}

impl Playout {
    /// Puts a prompt at the end, to be played from the word on that is said at `from_ms`; without its sound
    /// it waits for [`Self::voiced`].
    pub(crate) fn push(&mut self, id: PlaybackId, spoken: Option<Spoken>, from_ms: u64) {
        let mut prompt = Prompt {
            id,
            parts: Vec::new(),
            marks: Vec::new(),
            length_ms: 0,
            end: End::ToCome,
            from_ms,
            begins_ms: None,
            handed: 0,
            out: 0,
            begun: false,
            stopped: false,
            heard_ms: 0,
        };
        if let Some(spoken) = spoken {
            prompt.add(&spoken);
            prompt.end = End::Whole;
        }
        self.next_id = self.next_id.max(id.0 + 1);
        self.line.push_back(prompt);
    }

    /// What tells other threads which prompts were stopped: those with a lower number.
    pub(crate) fn stopped_before(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.stopped_before)
    }

    /// More sound of a prompt has come, or none will; what the call is to hear of that.
    pub(crate) fn voiced(
        &mut self,
        id: PlaybackId,
        part: &Result<VoicePart, SpeechError>,
    ) -> Option<MediaEvent> {
        let at = self.line.iter().position(|p| p.id == id)?;
        let prompt = self.line.get_mut(at)?;
        match part {
            Ok(part) => {
                prompt.add(&part.spoken);
                if part.whole.is_some() {
                    prompt.end = End::Whole;
                }
                None
            }
            Err(_) if prompt.parts.is_empty() && !prompt.stopped => {
                self.line.remove(at);
                Some(MediaEvent::PlaybackFailed(id))
            }
            Err(_) => {
                prompt.end = End::BrokenOff;
                self.over_if_all_was_heard(at)
            }
        }
    }

    /// The next part of a prompt that can be played now: its number for [`Self::of_the_whole`], and its
    /// samples.
    pub(crate) fn next(&mut self) -> Option<(u64, Arc<[i16]>)> {
        for prompt in self.line.iter_mut().filter(|p| !p.stopped) {
            if let Some(part) = prompt.next() {
                return Some(part);
            }
            if prompt.end == End::ToCome || prompt.handed < prompt.parts.len() {
                return None;
            }
        }
        None
    }

    /// What the media thread tells of a part that it played, told of the whole prompt and its text; none
    /// where that is no news of the prompt.
    pub(crate) fn of_the_whole(&mut self, event: MediaEvent) -> Option<MediaEvent> {
        let (PlaybackId(number), played_ms) = match &event {
            MediaEvent::PlaybackStarted(id) | MediaEvent::PlaybackDone(id) => (*id, None),
            MediaEvent::PlaybackStopped { id, played_ms, .. } => (*id, Some(*played_ms)),
            _ => return Some(event),
        };
        let (id, part) = (PlaybackId(number >> PART_BITS), number & ((1 << PART_BITS) - 1));
        let at = self.line.iter().position(|p| p.id == id)?;
        let prompt = self.line.get_mut(at)?;
        if matches!(event, MediaEvent::PlaybackStarted(_)) {
            return (!std::mem::replace(&mut prompt.begun, true)).then_some(MediaEvent::PlaybackStarted(id));
        }
        let sound = prompt.parts.get(part as usize)?;
        let starts_ms = sound.starts_ms.max(prompt.begins_ms.unwrap_or(0));
        let heard_ms = played_ms.map_or(sound.ends_ms, |played| starts_ms + played);
        if played_ms != Some(0) {
            prompt.heard_ms = prompt.heard_ms.max(heard_ms);
        }
        prompt.out = prompt.out.saturating_sub(1);
        prompt.stopped |= played_ms.is_some();
        self.over_if_all_was_heard(at)
    }

    /// The media thread was told to stop: what of that is known here already. Of parts that are with it,
    /// it tells itself.
    pub(crate) fn stop(&mut self) -> Vec<MediaEvent> {
        let mut told = Vec::new();
        self.stopped_before.store(self.next_id, Ordering::Relaxed);
        self.line.retain_mut(|prompt| {
            prompt.stopped = true;
            if prompt.out == 0 {
                told.push(prompt.stopped_there());
            }
            prompt.out > 0
        });
        told
    }

    /// Takes a prompt out that is over, and tells how it ended.
    fn over_if_all_was_heard(&mut self, at: usize) -> Option<MediaEvent> {
        let prompt = self.line.get(at)?;
        let all_handed = prompt.handed == prompt.parts.len();
        let is_over = prompt.out == 0 && (prompt.stopped || (all_handed && prompt.end != End::ToCome));
        if !is_over {
            return None;
        }
        let prompt = self.line.remove(at)?;
        // One that came to its end before it could be stopped was heard.
        let heard = all_handed && prompt.end == End::Whole && prompt.heard_ms >= prompt.length_ms;
        Some(if heard { MediaEvent::PlaybackDone(prompt.id) } else { prompt.stopped_there() })
    }
}

impl Prompt {
    fn add(&mut self, spoken: &Spoken) {
        let starts_ms = self.length_ms;
        // A prompt is at most an hour long.
        let shift = u32::try_from(starts_ms).unwrap_or(u32::MAX);
        self.marks.extend(spoken.marks.iter().map(|m| Mark { at_ms: m.at_ms.saturating_add(shift), ..*m }));
        self.length_ms += spoken.samples.len() as u64 / SAMPLES_PER_MS;
        let sound = Sound { samples: spoken.samples.clone(), starts_ms, ends_ms: self.length_ms };
        self.parts.push(sound);
    }

    fn next(&mut self) -> Option<(u64, Arc<[i16]>)> {
        if self.begins_ms.is_none() {
            if self.parts.is_empty() || (self.length_ms <= self.from_ms && self.end == End::ToCome) {
                return None;
            }
            let begins_ms = self.word_at(self.from_ms);
            self.begins_ms = Some(begins_ms);
            (self.heard_ms, self.handed) =
                (begins_ms, self.parts.partition_point(|p| p.ends_ms <= begins_ms));
            // Where there is no more of it, the end of it is played: nothing, and its end is told.
            self.handed = self.handed.min(self.parts.len() - 1);
        }
        if self.out >= MOST_OUT {
            return None;
        }
        let part = self.parts.get(self.handed)?;
        let before_ms = self.begins_ms.unwrap_or(0).saturating_sub(part.starts_ms);
        let cut = usize::try_from(before_ms.saturating_mul(SAMPLES_PER_MS)).unwrap_or(usize::MAX);
        let samples = match cut {
            // As it is, the media threads know it coded already.
            0 => part.samples.clone(),
            cut => part.samples.get(cut..).unwrap_or_default().into(),
        };
        let number = number(self.id, self.handed);
        self.handed += 1;
        self.out += 1;
        Some((number, samples))
    }

    /// Where the word begins that is said at a time [ms]; the time itself where there are no marks.
    fn word_at(&self, at_ms: u64) -> u64 {
        let before = |at: &u64| *at <= at_ms;
        let marks = self.marks.iter().map(|m| u64::from(m.at_ms));
        if at_ms == 0 { 0 } else { marks.take_while(before).last().unwrap_or(at_ms) }
    }

    fn stopped_there(&self) -> MediaEvent {
        let was_heard = self.begins_ms.is_some_and(|begins| self.heard_ms > begins);
        let played_ms = if was_heard { self.heard_ms } else { 0 };
        let said = self.marks.partition_point(|m| u64::from(m.at_ms) <= played_ms);
        let word = said.checked_sub(1).and_then(|n| self.marks.get(n)).filter(|_| was_heard);
        MediaEvent::PlaybackStopped { id: self.id, played_ms, heard_bytes: word.map_or(0, |m| m.byte) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A prompt of one second, with a word at each quarter of it, 3 bytes each from `byte` on.
    fn second(byte: usize) -> Spoken {
        let marks: Vec<Mark> = (0..4).map(|n| Mark { at_ms: n * 250, byte: byte + n as usize * 3 }).collect();
        Spoken { samples: vec![0; 8_000].into(), marks: marks.into() }
    }

    fn part(n: usize, last: usize) -> Result<VoicePart, SpeechError> {
        Ok(VoicePart { spoken: second(n * 12), whole: (n == last).then(|| second(0)) })
    }

    fn stopped(id: u64, played_ms: u64, heard_bytes: usize) -> MediaEvent {
        MediaEvent::PlaybackStopped { id: PlaybackId(id), played_ms, heard_bytes }
    }

    /// What the media thread would tell of the part with this number.
    fn started(number: u64) -> MediaEvent {
        MediaEvent::PlaybackStarted(PlaybackId(number))
    }
    fn done(number: u64) -> MediaEvent {
        MediaEvent::PlaybackDone(PlaybackId(number))
    }

    /// The parts that can be played now, as prompt and part.
    fn ready(playout: &mut Playout) -> Vec<(u64, u64)> {
        std::iter::from_fn(|| playout.next())
            .map(|(number, _)| (number >> PART_BITS, number & ((1 << PART_BITS) - 1)))
            .collect()
    }

    fn n(id: u64, part: usize) -> u64 {
        number(PlaybackId(id), part)
    }

    #[test]
    fn prompts_are_played_in_the_order_asked_for() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(1), None, 0);
        playout.push(PlaybackId(2), Some(second(0)), 0);
        assert_eq!(ready(&mut playout), []);
        assert_eq!(playout.voiced(PlaybackId(1), &part(0, 1)), None);
        assert_eq!(ready(&mut playout), [(1, 0)], "the first waits for its second part");
        playout.voiced(PlaybackId(1), &part(1, 1));
        assert_eq!(ready(&mut playout), [(1, 1), (2, 0)]);
    }

    #[test]
    fn a_prompt_in_parts_is_told_of_as_one() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(1), None, 0);
        playout.voiced(PlaybackId(1), &part(0, 2));
        assert_eq!(ready(&mut playout), [(1, 0)]);
        assert_eq!(playout.of_the_whole(started(n(1, 0))), Some(started(1)));
        assert_eq!(playout.of_the_whole(done(n(1, 0))), None, "the voice is late, and nothing is over");
        playout.voiced(PlaybackId(1), &part(1, 2));
        playout.voiced(PlaybackId(1), &part(2, 2));
        assert_eq!(ready(&mut playout), [(1, 1), (1, 2)]);
        assert_eq!(playout.of_the_whole(started(n(1, 1))), None);
        assert_eq!(playout.of_the_whole(done(n(1, 1))), None);
        assert_eq!(playout.of_the_whole(done(n(1, 2))), Some(done(1)));
        assert_eq!(playout.of_the_whole(done(n(1, 2))), None, "it is told once");
    }

    #[test]
    fn a_stop_tells_how_far_all_of_it_was_heard_and_drops_the_rest() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(1), None, 0);
        playout.push(PlaybackId(2), Some(second(0)), 0);
        for p in 0..3 {
            playout.voiced(PlaybackId(1), &part(p, 5));
        }
        assert_eq!(ready(&mut playout).len(), 3);
        playout.of_the_whole(started(n(1, 0)));
        playout.of_the_whole(done(n(1, 0)));
        // Two are with the media thread; what waits was never heard.
        assert_eq!(playout.stop(), [stopped(2, 0, 0)]);
        playout.voiced(PlaybackId(1), &part(3, 5));
        assert_eq!(ready(&mut playout), [], "the rest is dropped");
        assert_eq!(playout.of_the_whole(stopped(n(1, 2), 0, 0)), None, "the part that waited is told first");
        assert_eq!(playout.of_the_whole(stopped(n(1, 1), 300, 0)), Some(stopped(1, 1_300, 15)));
        assert_eq!(playout.voiced(PlaybackId(1), &part(4, 5)), None);
    }

    #[test]
    fn a_stop_between_two_parts_is_told_at_once_and_one_that_was_too_late_is_none() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(1), None, 0);
        playout.voiced(PlaybackId(1), &part(0, 1));
        assert_eq!(ready(&mut playout), [(1, 0)]);
        playout.of_the_whole(done(n(1, 0)));
        assert_eq!(playout.stop(), [stopped(1, 1_000, 9)]);
        playout.push(PlaybackId(2), Some(second(0)), 0);
        assert_eq!(ready(&mut playout), [(2, 0)]);
        assert_eq!(playout.stop(), []);
        assert_eq!(playout.of_the_whole(done(n(2, 0))), Some(done(2)), "it had come to its end");
    }

    #[test]
    fn a_voice_that_fails_has_failed_or_is_heard_as_far_as_it_came() {
        let failed = || Err(SpeechError::Fell);
        let mut playout = Playout::default();
        playout.push(PlaybackId(1), None, 0);
        assert_eq!(playout.voiced(PlaybackId(1), &failed()), Some(MediaEvent::PlaybackFailed(PlaybackId(1))));
        playout.push(PlaybackId(2), None, 0);
        playout.voiced(PlaybackId(2), &part(0, 3));
        assert_eq!(ready(&mut playout), [(2, 0)]);
        assert_eq!(playout.voiced(PlaybackId(2), &failed()), None, "what is there is heard first");
        assert_eq!(playout.of_the_whole(done(n(2, 0))), Some(stopped(2, 1_000, 9)));
        playout.push(PlaybackId(3), None, 0);
        playout.voiced(PlaybackId(3), &part(0, 3));
        ready(&mut playout);
        playout.of_the_whole(done(n(3, 0)));
        assert_eq!(playout.voiced(PlaybackId(3), &failed()), Some(stopped(3, 1_000, 9)));
    }

    #[test]
    fn a_long_prompt_never_fills_the_media_threads_line() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(1), None, 0);
        for p in 0..600 {
            playout.voiced(PlaybackId(1), &part(p, 599));
        }
        let (mut told, mut next) = (0, ready(&mut playout).len());
        assert_eq!(next, MOST_OUT);
        while told < 600 {
            let event = playout.of_the_whole(done(n(1, told)));
            assert_eq!(event.is_some(), told == 599);
            told += 1;
            next += ready(&mut playout).len();
            assert!(next - told <= MOST_OUT);
        }
    }

    #[test]
    fn what_goes_on_begins_with_a_word_and_is_told_of_as_a_whole() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(3), Some(second(0)), 400);
        playout.push(PlaybackId(4), Some(Spoken { samples: [0; 80].into(), marks: [].into() }), 400);
        assert_eq!(playout.next().map(|p| p.1.len()), Some(6_000), "from 250 ms on");
        assert_eq!(playout.next().map(|p| p.1.len()), Some(0), "there is no more of it");
        let event = playout.of_the_whole(stopped(n(3, 0), 300, 0));
        assert_eq!(event, Some(stopped(3, 550, 6)), "the third word was not heard");
        assert_eq!(playout.of_the_whole(stopped(n(3, 0), 300, 0)), None, "it is told once");
        assert_eq!(playout.of_the_whole(done(n(4, 0))), Some(done(4)));
    }

    #[test]
    fn what_goes_on_in_a_later_part_waits_for_it() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(1), None, 1_600);
        playout.voiced(PlaybackId(1), &part(0, 2));
        assert_eq!(ready(&mut playout), []);
        playout.voiced(PlaybackId(1), &part(1, 2));
        let (number, samples) = playout.next().unwrap();
        assert_eq!((number, samples.len()), (n(1, 1), 4_000), "from 1500 ms on");
        assert_eq!(
            playout.of_the_whole(stopped(number, 0, 0)),
            Some(stopped(1, 0, 0)),
            "none of it was played"
        );
    }

    #[test]
    fn what_is_cleared_is_named_and_never_played() {
        let mut playout = Playout::default();
        playout.push(PlaybackId(7), None, 0);
        assert_eq!(playout.stop(), [stopped(7, 0, 0)]);
        assert_eq!(playout.voiced(PlaybackId(7), &part(0, 0)), None);
        assert_eq!(ready(&mut playout), []);
    }
}
