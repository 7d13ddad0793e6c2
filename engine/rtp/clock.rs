//! RTP's two counters: where the sender stands, and how a receiver counts on beyond 32 bits.

/// Ticks of the RTP clock a second for telephone sound [Hz].
pub const RATE_8K: u32 = 8_000;

/// Ticks of the RTP clock in 20 ms.
pub const FRAME: u32 = 160;

/// Sequence number and timestamp of the next packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendClock {
    sequence: u16,
    timestamp: u32,
}

impl SendClock {
    /// Starts at two numbers that the caller drew (RFC 3550, 5.1 wants them unpredictable).
    pub fn new(sequence: u16, timestamp: u32) -> Self {
        Self { sequence, timestamp }
    }

    /// The sequence number for one packet; the next is one more.
    pub fn take_sequence(&mut self) -> u16 {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        sequence
    }

    /// The timestamp of the sample about to be sent.
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// `samples` have passed, sent or not.
    pub fn advance(&mut self, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
    }
}

/// Turns the 32-bit timestamps of one stream into a count that never wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwrapper {
    last: Option<i64>,
}

impl Unwrapper {
    /// The long form of `timestamp`: the one nearest to the last that was seen.
    pub fn unwrap(&mut self, timestamp: u32) -> i64 {
        let long = match self.last {
            None => i64::from(timestamp),
            // The low 32 bits of the last are its timestamp; the difference is read as signed.
            Some(last) => last + i64::from(timestamp.wrapping_sub(last as u32).cast_signed()),
        };
        self.last = Some(long);
        long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sender_counts_over_the_end() {
        let mut clock = SendClock::new(65_535, u32::MAX - 79);
        assert_eq!((clock.take_sequence(), clock.timestamp()), (65_535, u32::MAX - 79));
        clock.advance(FRAME);
        assert_eq!((clock.take_sequence(), clock.timestamp()), (0, 80));
    }

    #[test]
    fn timestamps_go_on_over_the_wrap_and_back() {
        let mut u = Unwrapper::default();
        let start = u.unwrap(u32::MAX - 9);
        assert_eq!(u.unwrap(150) - start, 160);
        assert_eq!(u.unwrap(u32::MAX - 9), start, "a reordered packet from before the wrap");
        assert_eq!(u.unwrap(310) - start, 320);
    }
}
