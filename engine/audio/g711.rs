//! G.711 (ITU-T G.711, 1988): A-law and µ-law, bit for bit.
//!
//! Coding is one table look-up a sample. The tables are worked out at compile time from the
//! segment rule of the recommendation, with the 16-bit conventions of the ITU software library
//! (G.191): a negative sample is coded as its one's complement. Packet loss concealment (appendix
//! I) and comfort noise (appendix II) are absent.

/// Which of the two laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// PCMA, payload type 8; the world but North America and Japan.
    A,
    /// PCMU, payload type 0.
    Mu,
}

impl Law {
    /// The byte that means silence in this law.
    pub fn silence(self) -> u8 {
        self.encode(0)
    }

    /// One linear 16-bit sample to one byte.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::A => ALAW_ENCODE[usize::from(sample.cast_unsigned() >> 4)],
            Self::Mu => ULAW_ENCODE[usize::from(sample.cast_unsigned() >> 2)],
        }
    }

    /// One byte to one linear 16-bit sample.
    pub fn decode(self, byte: u8) -> i16 {
        match self {
            Self::A => ALAW_DECODE[usize::from(byte)],
            Self::Mu => ULAW_DECODE[usize::from(byte)],
        }
    }

    /// Codes `samples` into `bytes`, as far as the shorter of the two reaches; says how many.
    pub fn encode_into(self, samples: &[i16], bytes: &mut [u8]) -> usize {
        let n = samples.len().min(bytes.len());
        for (byte, sample) in bytes.iter_mut().zip(samples) {
            *byte = self.encode(*sample);
        }
        n
    }

    /// Decodes `bytes` into `samples`, as far as the shorter of the two reaches; says how many.
    pub fn decode_into(self, bytes: &[u8], samples: &mut [i16]) -> usize {
        let n = samples.len().min(bytes.len());
        for (sample, byte) in samples.iter_mut().zip(bytes) {
            *sample = self.decode(*byte);
        }
        n
    }
}

/// A-law uses the upper 12 bits of a sample.
static ALAW_ENCODE: [u8; 4_096] = alaw_encode_table();
/// µ-law uses the upper 14 bits of a sample.
static ULAW_ENCODE: [u8; 16_384] = ulaw_encode_table();
static ALAW_DECODE: [i16; 256] = alaw_decode_table();
static ULAW_DECODE: [i16; 256] = ulaw_decode_table();

/// Even bits are inverted on the line (G.711, 3.2), so that silence is not a row of equal bits.
const ALAW_INVERT: u8 = 0x55;

const fn alaw_encode_table() -> [u8; 4_096] {
    let mut table = [0; 4_096];
    let mut i = 0;
    while i < table.len() {
        let negative = i >= 2_048;
        // One's complement of a negative value; what is left is an 11-bit magnitude.
        let magnitude = (if negative { 4_095 - i } else { i }) as u32;
        let code = if magnitude < 32 {
            magnitude
        } else {
            // The segment is where the highest bit stands, the step the next four bits.
            let segment = 31 - magnitude.leading_zeros() - 3;
            segment << 4 | ((magnitude >> (segment - 1)) & 0x0F)
        };
        table[i] = (code as u8 | if negative { 0 } else { 0x80 }) ^ ALAW_INVERT;
        i += 1;
    }
    table
}

const fn alaw_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < table.len() {
        let byte = i as u8 ^ ALAW_INVERT;
        let segment = (byte >> 4) & 0x07;
        let step = (byte & 0x0F) as i16;
        // The middle of the step, in units of 8 (13 bits in 16).
        let magnitude = match segment {
            0 => (step << 4) + 8,
            s => ((step << 4) + 0x108) << (s - 1),
        };
        table[i] = if byte & 0x80 != 0 { magnitude } else { -magnitude };
        i += 1;
    }
    table
}

/// µ-law's curve is shifted by this, so that each segment is twice as wide as the one before.
const ULAW_BIAS: u32 = 33;

const fn ulaw_encode_table() -> [u8; 16_384] {
    let mut table = [0; 16_384];
    let mut i = 0;
    while i < table.len() {
        let negative = i >= 8_192;
        let magnitude = (if negative { 16_383 - i } else { i }) as u32 + ULAW_BIAS;
        let magnitude = if magnitude > 0x1FFF { 0x1FFF } else { magnitude };
        let segment = 31 - magnitude.leading_zeros() - 5;
        let code = segment << 4 | ((magnitude >> (segment + 1)) & 0x0F);
        // All bits are inverted on the line (G.711, 3.3); the sign bit is 1 for positive.
        table[i] = !(code as u8) & 0x7F | if negative { 0 } else { 0x80 };
        i += 1;
    }
    table
}

const fn ulaw_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < table.len() {
        let byte = !(i as u8);
        let segment = (byte >> 4) & 0x07;
        let step = (byte & 0x0F) as i32;
        let magnitude = ((((step << 1) + ULAW_BIAS as i32) << segment) - ULAW_BIAS as i32) << 2;
        table[i] = (if byte & 0x80 != 0 { -magnitude } else { magnitude }) as i16;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decision values of Table 1a (A-law), full scale 4096, one for each code and one more.
    fn alaw_decisions() -> Vec<i32> {
        let mut at = 0;
        let mut values = vec![0];
        for step in [2, 2, 4, 8, 16, 32, 64, 128] {
            for _ in 0..16 {
                at += step;
                values.push(at);
            }
        }
        assert_eq!(at, 4_096);
        values
    }

    /// The decision values of Table 2a (µ-law), full scale 8159; the first step is half a step.
    fn ulaw_decisions() -> Vec<i32> {
        let mut values = vec![0];
        let mut at = -1;
        for segment in 0..8 {
            for _ in 0..16 {
                at += 2 << segment;
                values.push(at);
            }
        }
        assert_eq!(at, 8_159);
        values
    }

    /// Which interval a magnitude falls into; beyond the last is the last.
    fn interval(decisions: &[i32], magnitude: i32) -> usize {
        (decisions.partition_point(|d| *d <= magnitude) - 1).min(127)
    }

    #[test]
    fn every_sample_falls_into_the_interval_of_the_recommendation() {
        let (a, mu) = (alaw_decisions(), ulaw_decisions());
        for s in i16::MIN..=i16::MAX {
            let sign = if s < 0 { 0 } else { 0x80 };
            let magnitude = i32::from(if s < 0 { !s } else { s });
            let want_a = (interval(&a, magnitude / 8) as u8 | sign) ^ 0x55;
            assert_eq!(Law::A.encode(s), want_a, "A-law of {s}");
            let want_mu = (interval(&mu, magnitude / 4) as u8 ^ 0x7F) | sign;
            assert_eq!(Law::Mu.encode(s), want_mu, "µ-law of {s}");
        }
    }

    #[test]
    fn every_byte_is_the_middle_of_its_interval() {
        let (a, mu) = (alaw_decisions(), ulaw_decisions());
        for byte in 0..=255_u8 {
            let sign = if byte & 0x80 != 0 { 1 } else { -1 };
            let n = usize::from((byte ^ 0x55) & 0x7F);
            assert_eq!(i32::from(Law::A.decode(byte)), sign * (a[n] + a[n + 1]) * 4, "A-law {byte:#x}");
            let n = usize::from(!byte & 0x7F);
            // y0 of µ-law is 0, not the middle of half a step.
            let middle = if n == 0 { 0 } else { (mu[n] + mu[n + 1]) * 2 };
            assert_eq!(i32::from(Law::Mu.decode(byte)), sign * middle, "µ-law {byte:#x}");
        }
    }

    #[test]
    fn a_byte_survives_decoding_and_coding() {
        for byte in 0..=255_u8 {
            assert_eq!(Law::A.encode(Law::A.decode(byte)), byte);
            // µ-law has two zeros; the negative one comes back as the positive one.
            let want = if byte == 0x7F { 0xFF } else { byte };
            assert_eq!(Law::Mu.encode(Law::Mu.decode(byte)), want);
        }
        assert_eq!((Law::A.silence(), Law::Mu.silence()), (0xD5, 0xFF));
    }
}
