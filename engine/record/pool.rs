//! The chunks that travel between the media threads and the disk.
//!
//! Two a call go round: one is being filled, one is on its way or at rest. When the disk stands still
//! they all pile up behind it; then a thread of its own, which never touches the disk, adds more, up to five
//! a call, and they are let go of when the disk has caught up. So a stall of two seconds costs no sound and
//! a call costs 32 kB, not 80. Beyond that the media threads find no empty chunk, and owe silence.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use waihu_audio::StereoChunk;

use crate::header::RATES;

/// Chunks that go round for each call.
const A_CALL: usize = 2;
/// Chunks a call while the disk stands still: one that is being filled, and two seconds behind it.
const A_CALL_IN_A_STALL: usize = 5;
/// Chunks of one rate: for 8,192 calls, or for 3,276 in a stall. A place in a queue takes 16 bytes,
/// whether there is a chunk in it or not.
pub(crate) const MOST: usize = 16_384;
/// How often the keeper looks. In a stall a call uses up a tenth of a chunk in this time, and the keeper
/// acts when less than a quarter of a chunk a call is left.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Pool {
    /// In the order of [`RATES`].
    circles: [Circle; 2],
    wake_keeper: Sender<()>,
}

/// The chunks of one rate.
#[derive(Debug)]
struct Circle {
    rate_hz: u32,
    to_fill: Sender<Box<StereoChunk>>,
    empty: Receiver<Box<StereoChunk>>,
    counts: Mutex<Counts>,
}

/// Read and changed where a recording begins or ends, by the recorder for each chunk and by the keeper;
/// never by a media thread.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: usize,
    /// Chunks that there are: empty, being filled, or waiting for the disk.
    chunks: usize,
}

impl Pool {
    /// An empty pool and the thread that keeps it, which ends with it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn spawn() -> io::Result<Arc<Self>> {
        let (wake_keeper, woken) = bounded(1);
        let pool = Arc::new(Self { circles: RATES.map(Circle::new), wake_keeper });
        let kept = Arc::downgrade(&pool);
        std::thread::Builder::new().name("recorder-pool".to_owned()).spawn(move || {
            let mut looks = false;
            loop {
                let waited = if looks { woken.recv_timeout(LOOK) } else { woken.recv().map_err(Into::into) };
                if waited == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
                let Some(pool) = kept.upgrade() else { return };
                looks = pool.keep();
            }
        })?;
        Ok(pool)
    }

    /// Makes room for another call, and gives where its empty chunks come from.
    pub(crate) fn join(&self, rate_hz: u32) -> Receiver<Box<StereoChunk>> {
        let circle = self.circle(rate_hz);
        {
            let mut counts = circle.counts();
            counts.calls += 1;
            circle.grow(&mut counts, A_CALL, A_CALL);
        }
        // It may be awake already.
        let _ = self.wake_keeper.try_send(());
        circle.empty.clone()
    }

    /// A call less. `lost` chunks of it will never come back.
    pub(crate) fn leave(&self, rate_hz: u32, lost: usize) {
        let circle = self.circle(rate_hz);
        let mut counts = circle.counts();
        counts.calls = counts.calls.saturating_sub(1);
        counts.chunks = counts.chunks.saturating_sub(lost);
        while (counts.calls == 0 || counts.chunks > A_CALL * counts.calls) && circle.empty.try_recv().is_ok()
        {
            counts.chunks = counts.chunks.saturating_sub(1);
        }
        if counts.calls == 0 {
            // What went astray with a slot that fell is forgotten here.
            counts.chunks = 0;
        }
    }

    /// Takes a chunk that is written; it is let go of where there are enough of them.
    pub(crate) fn give_back(&self, chunk: Box<StereoChunk>) {
        let circle = self.circle(chunk.rate_hz());
        let mut counts = circle.counts();
        let plenty = counts.chunks > A_CALL * counts.calls && circle.empty.len() >= counts.calls;
        if counts.calls == 0 || plenty || circle.to_fill.try_send(chunk).is_err() {
            counts.chunks = counts.chunks.saturating_sub(1);
        }
    }

    /// Adds chunks where they run short, and says whether to look again.
    fn keep(&self) -> bool {
        let mut looks = false;
        for circle in &self.circles {
            let mut counts = circle.counts();
            looks |= counts.calls > 0;
            if circle.empty.len() < counts.calls.div_ceil(4) {
                let more = counts.calls.div_ceil(2);
                circle.grow(&mut counts, more, A_CALL_IN_A_STALL);
            }
        }
        looks
    }

    fn circle(&self, rate_hz: u32) -> &Circle {
        let [telephone, wide] = &self.circles;
        if rate_hz == telephone.rate_hz { telephone } else { wide }
    }
}

impl Circle {
    fn new(rate_hz: u32) -> Self {
        let (to_fill, empty) = bounded(MOST);
        Self { rate_hz, to_fill, empty, counts: Mutex::default() }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds up to `more` chunks, but no more than there may be.
    fn grow(&self, counts: &mut Counts, more: usize, a_call: usize) {
        let limit = counts.calls.saturating_mul(a_call).min(MOST);
        for _ in counts.chunks..limit.min(counts.chunks.saturating_add(more)) {
            if self.to_fill.try_send(Box::new(StereoChunk::new(self.rate_hz))).is_err() {
                return;
            }
            counts.chunks += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without the thread: its looks are made by hand.
    fn pool() -> (Pool, Receiver<()>) {
        let (wake_keeper, woken) = bounded(1);
        (Pool { circles: RATES.map(Circle::new), wake_keeper }, woken)
    }

    fn chunks(pool: &Pool, rate_hz: u32) -> usize {
        pool.circle(rate_hz).counts().chunks
    }

    #[test]
    fn there_are_two_chunks_a_call_and_none_without_calls() {
        let (pool, _woken) = pool();
        for rate_hz in RATES {
            let empty = pool.join(rate_hz);
            for n in 2..=10 {
                pool.join(rate_hz);
                assert_eq!((empty.len(), chunks(&pool, rate_hz)), (2 * n, 2 * n));
            }
            assert!(empty.try_recv().is_ok_and(|c| c.rate_hz() == rate_hz), "each rate has its own");
            // That chunk never came back.
            pool.leave(rate_hz, 1);
            assert_eq!((empty.len(), chunks(&pool, rate_hz)), (18, 18));
            for n in (0..9).rev() {
                pool.leave(rate_hz, 0);
                assert_eq!((empty.len(), chunks(&pool, rate_hz)), (2 * n, 2 * n));
            }
        }
    }

    #[test]
    fn a_stall_is_bridged_for_two_seconds_and_then_paid_back() {
        const CALLS: usize = 100;
        let (pool, _woken) = pool();
        let empty = (0..CALLS).map(|_| pool.join(8_000)).last().unwrap();
        let mut filling: Vec<_> = (0..CALLS).map(|_| empty.try_recv().unwrap()).collect();
        let mut behind_the_disk = Vec::new();
        // Each step is 10 ms: two of a hundred calls have a full chunk and need the next.
        let mut steps = 0;
        'stall: loop {
            for _ in 0..CALLS / 50 {
                let Ok(next) = empty.try_recv() else { break 'stall };
                behind_the_disk.push(filling.remove(0));
                filling.push(next);
            }
            steps += 1;
            if steps % 5 == 0 {
                assert!(pool.keep());
            }
        }
        assert_eq!(steps, 200, "two seconds");
        assert_eq!(chunks(&pool, 8_000), CALLS * A_CALL_IN_A_STALL);
        behind_the_disk.into_iter().for_each(|c| pool.give_back(c));
        assert_eq!((empty.len(), chunks(&pool, 8_000)), (CALLS, CALLS * A_CALL));
    }

    #[test]
    fn what_comes_back_late_is_let_go_of() {
        let (pool, _woken) = pool();
        let empty = pool.join(8_000);
        let late = empty.try_recv().unwrap();
        pool.leave(8_000, 0);
        pool.give_back(late);
        assert_eq!((empty.len(), chunks(&pool, 8_000)), (0, 0));
        // More is never asked back than was given.
        pool.leave(8_000, 3);
        assert_eq!(chunks(&pool, 8_000), 0);
    }

    #[test]
    fn there_is_a_limit_whatever_the_number_of_calls() {
        let (pool, _woken) = pool();
        let empty = (0..MOST).map(|_| pool.join(8_000)).last().unwrap();
        assert_eq!(empty.len(), MOST);
    }
}
