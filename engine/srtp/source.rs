//! What is remembered of each SSRC: how often its sequence number has wrapped, and which indices have been
//! seen (RFC 3711, 3.3.1 and 3.3.2). Absent: any change by a packet that is not yet authentic.

use crate::SrtpError;

/// Indices behind the newest that can be told apart [packets]: 2.5 s of 20 ms packets, more than any
/// jitter buffer waits. The RFC asks for 64 at least.
const WINDOW: u64 = 128;
/// RTP's greatest index: 32 bits of wraps, 16 of sequence number.
const MAX_RTP_INDEX: u64 = (1 << 48) - 1;
/// SRTCP's greatest index.
const MAX_RTCP_INDEX: u64 = (1 << 31) - 1;
/// SSRCs under one key. A far end takes a new one when it is transferred or plays music to whoever is on
/// hold; who takes more than this within a call is not telephoning. State is not given up for a newcomer,
/// since whoever recorded the old source could then play it again.
const MAX_SOURCES: usize = 8;

/// Which of the newest indices have been seen.
#[derive(Clone, Copy, Default)]
pub(crate) struct Window {
    newest: u64,
    /// Bit n: `newest - n` has been seen. Zero before the first.
    seen: u128,
}

impl Window {
    /// Whether that index is new, as far as is remembered.
    pub(crate) fn check(&self, index: u64) -> Result<(), SrtpError> {
        if self.seen == 0 || index > self.newest {
            return Ok(());
        }
        let age = self.newest - index;
        if age >= WINDOW || self.seen >> age & 1 == 1 { Err(SrtpError::Replayed) } else { Ok(()) }
    }

    /// Remembers an index that `check` has let pass.
    pub(crate) fn note(&mut self, index: u64) {
        if self.seen == 0 {
            (self.newest, self.seen) = (index, 1);
        } else if index > self.newest {
            let step = index - self.newest;
            self.seen = if step < WINDOW { self.seen << step | 1 } else { 1 };
            self.newest = index;
        } else if self.newest - index < WINDOW {
            self.seen |= 1 << (self.newest - index);
        }
    }

    /// The 48-bit index that a sequence number most likely stands for: the one nearest to the newest.
    pub(crate) fn rtp_index(&self, sequence: u16) -> Result<u64, SrtpError> {
        if self.seen == 0 {
            return Ok(u64::from(sequence));
        }
        let step = i32::from(sequence) - (self.newest & 0xffff) as i32;
        let wraps = self.newest >> 16;
        let wraps = match step {
            // From before the first packet's wrap count of nought.
            32_769.. => wraps.checked_sub(1).ok_or(SrtpError::Replayed)?,
            ..=-32_769 => wraps + 1,
            _ => wraps,
        };
        let index = wraps << 16 | u64::from(sequence);
        if index > MAX_RTP_INDEX { Err(SrtpError::KeySpent) } else { Ok(index) }
    }

    /// The index of the next SRTCP packet to send; the first is 0 (RFC 3711, 3.2.1).
    pub(crate) fn next_rtcp_index(&self) -> Result<u32, SrtpError> {
        let next = if self.seen == 0 { 0 } else { self.newest + 1 };
        if next > MAX_RTCP_INDEX { Err(SrtpError::KeySpent) } else { Ok(next as u32) }
    }
}

/// One SSRC.
#[derive(Clone, Copy, Default)]
pub(crate) struct Source {
    pub ssrc: u32,
    pub rtp: Window,
    pub rtcp: Window,
}

/// All SSRCs of a session.
#[derive(Default)]
pub(crate) struct Sources {
    known: [Source; MAX_SOURCES],
    len: usize,
}

impl Sources {
    /// The state of an SSRC, a new one where it is not known.
    pub(crate) fn of(&self, ssrc: u32) -> Result<Source, SrtpError> {
        match self.known[..self.len].iter().find(|source| source.ssrc == ssrc) {
            Some(source) => Ok(*source),
            None if self.len < MAX_SOURCES => Ok(Source { ssrc, ..Source::default() }),
            None => Err(SrtpError::TooManySources),
        }
    }

    /// Keeps the state of an SSRC that has proved itself.
    pub(crate) fn keep(&mut self, source: Source) {
        if let Some(known) = self.known[..self.len].iter_mut().find(|known| known.ssrc == source.ssrc) {
            *known = source;
        } else if let Some(free) = self.known.get_mut(self.len) {
            *free = source;
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(indices: &[u64]) -> Window {
        let mut window = Window::default();
        indices.iter().for_each(|&index| window.note(index));
        window
    }

    #[test]
    fn an_index_passes_once_and_never_from_behind_the_window() {
        let window = seen(&[1_000, 1_002, 1_001 - 100]);
        for (index, passes) in [
            (1_000, false),
            (1_001, true),
            (1_002, false),
            (1_003, true),
            (901, false),
            (902, true),
            (1_002 - 127, true),
            (1_002 - 128, false),
            (0, false),
            (5_000, true),
        ] {
            assert_eq!(window.check(index).is_ok(), passes, "{index}");
        }
        assert_eq!(seen(&[0, 5_000]).check(4_999), Ok(()));
        assert_eq!(seen(&[5, 5 + 127]).check(5), Err(SrtpError::Replayed));
    }

    #[test]
    fn a_sequence_number_stands_for_the_nearest_index() {
        for (newest, sequence, index) in [
            (65_535, 0, Ok(65_536)),
            (65_536, 65_535, Ok(65_535)),
            (65_535, 40_000, Ok(40_000)),
            (65_530, 5, Ok(65_541)),
            (3 << 16 | 2, 65_000, Ok(2 << 16 | 65_000)),
            (10, 60_000, Err(SrtpError::Replayed)),
            (MAX_RTP_INDEX, 0, Err(SrtpError::KeySpent)),
            (MAX_RTP_INDEX, 65_534, Ok(MAX_RTP_INDEX - 1)),
        ] {
            assert_eq!(seen(&[newest]).rtp_index(sequence), index, "{newest} {sequence}");
        }
    }

    #[test]
    fn rtcp_counts_from_nought_to_the_end_of_the_keys_life() {
        assert_eq!(Window::default().next_rtcp_index(), Ok(0));
        assert_eq!(seen(&[0]).next_rtcp_index(), Ok(1));
        assert_eq!(seen(&[MAX_RTCP_INDEX - 1]).next_rtcp_index(), Ok(MAX_RTCP_INDEX as u32));
        assert_eq!(seen(&[MAX_RTCP_INDEX]).next_rtcp_index(), Err(SrtpError::KeySpent));
    }

    #[test]
    fn sources_are_bounded_and_known_ones_stay() {
        let mut sources = Sources::default();
        for ssrc in 0..MAX_SOURCES as u32 {
            let mut source = sources.of(ssrc).unwrap();
            source.rtp.note(7);
            sources.keep(source);
        }
        assert_eq!(sources.of(99).map(|_| ()), Err(SrtpError::TooManySources));
        assert_eq!(sources.of(3).unwrap().rtp.check(7), Err(SrtpError::Replayed));
    }
}
