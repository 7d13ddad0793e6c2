//! What waits for a recognizer, and for how long.
//!
//! Whoever has been answered is served before early media, each in the order in which they were handed in. What
//! is no longer wanted is passed over where it waits. How long work waits is kept, for the pacer: of that which
//! waits now, and of that which was taken of late.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::recognizer::Job;

/// Utterances that may wait. At a quarter of a second each this is a quarter of a minute of one recognizer's
/// work: whoever would come after has long been asked to say it again.
const MAX_WAITING: usize = 64;

/// The same of early media: what comes after is recognized for calls that have ended meanwhile.
const MAX_EARLY: usize = 16;

/// Waits are remembered for so long: a few turns of each call, so that one busy second is not the whole truth.
const REMEMBERED: Duration = Duration::from_secs(30);

/// And so many of them at most.
const MAX_REMEMBERED: usize = 256;

#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Default)]
struct Waiting {
    live: VecDeque<Job>,
    early: VecDeque<Job>,
    /// When a piece was taken, and how long it had waited; of those answered.
    waits: VecDeque<(Instant, Duration)>,
    dropped: u64,
}

/// How long work waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waits {
    /// Pieces that wait and are wanted.
    pub waiting: usize,
    /// How long the oldest of them has waited.
    pub oldest: Duration,
    /// The 95th percentile of what was taken in the last half minute.
    pub p95: Duration,
    /// Pieces passed over since the start, since nobody wanted them any more.
    pub dropped: u64,
}

impl Queue {
    /// Puts a piece at the end; back it comes where there is no room.
    pub(crate) fn push(&self, job: Job) -> Result<(), Box<Job>> {
        let mut waiting = self.lock();
        let (queue, room) = match job.is_early {
            true => (&mut waiting.early, MAX_EARLY),
            false => (&mut waiting.live, MAX_WAITING),
        };
        if queue.len() >= room {
            return Err(Box::new(job));
        }
        queue.push_back(job);
        drop(waiting);
        self.came.notify_one();
        Ok(())
    }

    /// The next piece that is wanted; waits for one.
    pub(crate) fn take(&self) -> Job {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.next(Instant::now()) {
                return job;
            }
            waiting = self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next piece that is wanted, if there is one.
    pub(crate) fn try_take(&self) -> Option<Job> {
        self.lock().next(Instant::now())
    }

    pub(crate) fn waits(&self, now: Instant) -> Waits {
        let mut waiting = self.lock();
        waiting.forget(now);
        let wanted = || waiting.live.iter().filter(|job| !job.is_dropped());
        let mut waits: Vec<Duration> = waiting.waits.iter().map(|w| w.1).collect();
        waits.sort_unstable();
        let p95 = waits.len().checked_sub(1).map(|last| waits.get((last * 95).div_ceil(100)));
        Waits {
            waiting: wanted().count(),
            oldest: wanted().map(|job| now.saturating_duration_since(job.since)).max().unwrap_or_default(),
            p95: p95.flatten().copied().unwrap_or_default(),
            dropped: waiting.dropped,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Each change is one step: nothing is left half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn next(&mut self, now: Instant) -> Option<Job> {
        while let Some(job) = self.live.pop_front().or_else(|| self.early.pop_front()) {
            if job.is_dropped() {
                self.dropped += 1;
                continue;
            }
            if !job.is_early {
                self.forget(now);
                self.waits.push_back((now, now.saturating_duration_since(job.since)));
            }
            return Some(job);
        }
        None
    }

    fn forget(&mut self, now: Instant) {
        let old = |w: &(Instant, Duration)| now.saturating_duration_since(w.0) > REMEMBERED;
        while self.waits.front().is_some_and(old) || self.waits.len() > MAX_REMEMBERED {
            self.waits.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::Ordering};

    use waihu_types::Lang;

    use super::*;
    use crate::recognizer::{Call, Ticket};

    fn job(number: u64, is_early: bool, since: Instant) -> Job {
        let of = Call::new(7, Lang::Zh, jiff::civil::date(2026, 11, 25), Arc::new(drop));
        let ticket = Ticket { call: 7, number, pause: None };
        Job { of, ticket, samples: Arc::new([0; 8]), since, dropped: Arc::default(), is_early }
    }

    fn taken(queue: &Queue) -> Vec<u64> {
        std::iter::from_fn(|| queue.try_take()).map(|job| job.ticket.number).collect()
    }

    #[test]
    fn who_was_answered_comes_before_early_media() {
        let (queue, now) = (Queue::default(), Instant::now());
        for (number, is_early) in [(0, true), (1, false), (2, true), (3, false)] {
            queue.push(job(number, is_early, now)).map_err(|_| "no room").unwrap();
        }
        assert_eq!(taken(&queue), [1, 3, 0, 2]);
        assert_eq!(queue.waits(now).dropped, 0);
    }

    #[test]
    fn early_media_takes_no_room_from_who_was_answered() {
        let (queue, now) = (Queue::default(), Instant::now());
        let refused = (0..100).filter(|n| queue.push(job(*n, true, now)).is_err()).count();
        assert_eq!(refused, 100 - MAX_EARLY);
        let refused = (0..100).filter(|n| queue.push(job(*n, false, now)).is_err()).count();
        assert_eq!(refused, 100 - MAX_WAITING);
    }

    #[test]
    fn early_media_of_a_call_that_was_answered_is_passed_over() {
        let (queue, now) = (Queue::default(), Instant::now());
        let early = job(0, true, now);
        early.of.answer();
        let live =
            Job { is_early: false, ticket: Ticket { number: 1, ..early.ticket }, ..job(1, false, now) };
        live.of.answer();
        [early, live].into_iter().for_each(|j| drop(queue.push(j)));
        assert_eq!(taken(&queue), [1]);
        assert_eq!(queue.waits(now).dropped, 1);
    }

    #[test]
    fn how_long_work_waits_is_told_of_what_waits_and_of_what_was_taken() {
        let (queue, now) = (Queue::default(), Instant::now());
        let ago = |ms| now.checked_sub(Duration::from_millis(ms)).unwrap();
        assert_eq!(queue.waits(now), Waits::default());
        for ms in [900, 500] {
            drop(queue.push(job(0, false, ago(ms))));
        }
        let unwanted = job(1, false, ago(5_000));
        unwanted.dropped.store(true, Ordering::Relaxed);
        drop(queue.push(unwanted));
        drop(queue.push(job(2, true, ago(7_000))));
        let waits = queue.waits(now);
        assert_eq!((waits.waiting, waits.oldest, waits.p95), (2, Duration::from_millis(900), Duration::ZERO));
        taken(&queue);
        let waits = queue.waits(now);
        assert_eq!((waits.waiting, waits.oldest, waits.dropped), (0, Duration::ZERO, 1));
        assert!(waits.p95 >= Duration::from_millis(900) && waits.p95 < Duration::from_secs(5), "{waits:?}");
        let later = now + REMEMBERED + Duration::from_secs(1);
        assert_eq!(queue.waits(later).p95, Duration::ZERO, "the past is over");
    }
}
