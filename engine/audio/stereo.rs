//! Both sides of a call, half a second at a time, on their way to the disk.
//!
//! Whoever records owns a pool of these; the thread that has the sound fills one a call and hands it on.
//! A chunk is allocated once and travels in a circle. Absent here: the channels, the pool and the file.

/// How much sound a chunk holds \[ms\]. Half a second: a tick at a time would mean 25 times the
/// hand-overs, and each chunk that is being filled is sound that a killed process loses.
pub const CHUNK_MS: u32 = 500;

/// How much one [`push`](StereoChunk::push) brings at most \[ms\].
const TICK_MS: u32 = 20;

/// Both sides of a call for up to half a second, interleaved: left is what was heard, right what was said.
///
/// [`begin`](Self::begin) it, [`push`](Self::push) a tick at a time until it [is full](Self::is_full),
/// hand it on. None of these allocates.
#[derive(Debug)]
pub struct StereoChunk {
    recording: u64,
    rate_hz: u32,
    owed: u64,
    paused: u32,
    is_last: bool,
    /// Left and right. Never longer than [`Self::capacity`].
    samples: Vec<[i16; 2]>,
}

impl StereoChunk {
    /// An empty chunk for [`CHUNK_MS`] at `rate_hz`: 16 kB at 8000 Hz, 32 kB at 16000 Hz.
    pub fn new(rate_hz: u32) -> Self {
        let capacity = pairs_in(CHUNK_MS, rate_hz);
        Self {
            recording: 0,
            rate_hz,
            owed: 0,
            paused: 0,
            is_last: false,
            samples: Vec::with_capacity(capacity),
        }
    }

    /// Empties it for the next sound of a recording. `owed` is the silence that goes before that sound
    /// [pairs of samples]: for ticks that were not run, and for sound that no chunk was at hand for.
    pub fn begin(&mut self, recording: u64, owed: u64) {
        (self.recording, self.owed, self.paused, self.is_last) = (recording, owed, 0, false);
        self.samples.clear();
    }

    /// Adds one tick, at most 20 ms. Both sides have the same length, and the chunk is not full: what is
    /// more than the shorter side or than the room is dropped.
    pub fn push(&mut self, left: &[i16], right: &[i16]) {
        let n = left.len().min(right.len()).min(self.room());
        self.samples.extend(left[..n].iter().zip(&right[..n]).map(|(l, r)| [*l, *r]));
    }

    /// Adds one tick of silence while the recording is paused: so many pairs of samples, at most 20 ms.
    pub fn push_paused(&mut self, pairs: usize) {
        let n = pairs.min(self.room());
        self.samples.resize(self.samples.len() + n, [0; 2]);
        // Not more than the chunk holds.
        self.paused += n as u32;
    }

    /// Marks it as the last of its recording. It may hold nothing but owed silence, or nothing at all.
    pub fn end(&mut self) {
        self.is_last = true;
    }

    /// Whether there is no room for another 20 ms.
    pub fn is_full(&self) -> bool {
        self.room() < pairs_in(TICK_MS, self.rate_hz).max(1)
    }

    /// Whether no sound is in it; silence may be owed all the same.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// How much sound is in it [pairs of samples].
    pub fn pairs(&self) -> usize {
        self.samples.len()
    }

    /// How much sound it can hold [pairs of samples].
    pub fn capacity(&self) -> usize {
        pairs_in(CHUNK_MS, self.rate_hz)
    }

    /// Which recording it belongs to.
    pub fn recording(&self) -> u64 {
        self.recording
    }

    /// Samples a second and side \[Hz\].
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The silence that goes before it [pairs of samples].
    pub fn owed(&self) -> u64 {
        self.owed
    }

    /// How much of the sound in it is silence because the recording was paused [pairs of samples].
    pub fn paused(&self) -> u32 {
        self.paused
    }

    /// Whether nothing of its recording follows.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// What is in it: left, right, left, right.
    pub fn samples(&self) -> &[i16] {
        self.samples.as_flattened()
    }

    fn room(&self) -> usize {
        self.capacity().saturating_sub(self.samples.len())
    }
}

/// How many pairs of samples last so long.
fn pairs_in(ms: u32, rate_hz: u32) -> usize {
    (u64::from(ms) * u64::from(rate_hz) / 1_000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_second_of_ticks_fills_a_chunk_and_comes_out_interleaved() {
        for (rate_hz, tick) in [(8_000, 160), (16_000, 320)] {
            let mut chunk = StereoChunk::new(rate_hz);
            chunk.begin(7, 480);
            let left: Vec<i16> = (0..).take(tick * 25).collect();
            let right: Vec<i16> = left.iter().map(|s| -s).collect();
            for (l, r) in left.chunks(tick).zip(right.chunks(tick)) {
                assert!(!chunk.is_full());
                chunk.push(l, r);
            }
            assert!(chunk.is_full() && !chunk.is_last());
            assert_eq!((chunk.recording(), chunk.owed(), chunk.rate_hz()), (7, 480, rate_hz));
            assert_eq!((chunk.pairs(), chunk.paused()), (tick * 25, 0));
            let want: Vec<i16> = left.iter().zip(&right).flat_map(|(l, r)| [*l, *r]).collect();
            assert_eq!(chunk.samples(), want);
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_dropped_and_nothing_is_allocated() {
        let mut chunk = StereoChunk::new(8_000);
        let at = chunk.samples.as_ptr();
        chunk.push(&[1; 9_000], &[2; 9_000]);
        chunk.push_paused(9_000);
        assert_eq!((chunk.pairs(), chunk.paused()), (4_000, 0));
        chunk.begin(1, 0);
        chunk.push(&[1; 160], &[2; 159]);
        assert_eq!(chunk.pairs(), 159);
        assert_eq!((chunk.samples.as_ptr(), chunk.samples.capacity()), (at, 4_000));
    }

    #[test]
    fn ticks_of_thirty_milliseconds_lose_nothing_where_the_chunk_is_asked_first() {
        let mut chunk = StereoChunk::new(8_000);
        chunk.begin(1, 0);
        // Not more than a tick is pushed at once: 30 ms are pushed as 20 and 10.
        for n in (1..).map(|n| if n % 2 == 0 { 80 } else { 160 }) {
            if chunk.is_full() {
                break;
            }
            let before = chunk.pairs();
            chunk.push(&vec![1; n], &vec![1; n]);
            assert_eq!(chunk.pairs(), before + n);
        }
        assert!(chunk.pairs() > 3_840);
    }

    #[test]
    fn begun_again_it_holds_nothing_of_the_call_before() {
        let mut chunk = StereoChunk::new(8_000);
        chunk.begin(1, 9);
        chunk.push(&[5; 160], &[6; 160]);
        chunk.push_paused(160);
        chunk.end();
        assert_eq!((chunk.pairs(), chunk.paused(), chunk.is_last()), (320, 160, true));
        assert_eq!(chunk.samples()[320..], [0; 320]);
        chunk.begin(2, 0);
        assert!(chunk.is_empty() && !chunk.is_last());
        assert_eq!((chunk.recording(), chunk.owed(), chunk.paused()), (2, 0, 0));
    }

    #[test]
    fn no_rate_makes_it_fall() {
        for rate_hz in [0, 1, 49, 11_025] {
            let mut chunk = StereoChunk::new(rate_hz);
            chunk.begin(1, u64::MAX);
            for _ in 0..4_000 {
                chunk.push(&[1; 3], &[1; 3]);
            }
            assert!(chunk.is_full() && chunk.pairs() <= chunk.capacity());
        }
    }
}
