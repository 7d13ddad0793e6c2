//! G.722 (ITU-T G.722, 2012) at 64 kbit/s: 16 kHz sound as one byte for two samples.
//!
//! A quadrature mirror filter halves the band; each half goes through an adaptive differential coder
//! of its own, 6 bits a sample below 4 kHz and 2 bits above. The arithmetic is the recommendation's,
//! to the bit, with its 16-bit saturation; samples are 16 bits as in the ITU software library (G.191),
//! where the recommendation's text has 14. Absent: the modes of 56 and 48 kbit/s and their data
//! channel, which no telephone uses, and the concealment of its appendices III and IV.
//!
//! Names in the code are the recommendation's: NB is the logarithmic quantizer factor, DET the linear
//! one, S the predicted signal and SZ its zero part, D the quantized difference, P the partial
//! signal, R the rebuilt one, A and B the predictor's two poles and six zeros.

/// Samples a second of the sound [Hz].
pub const RATE_HZ: u32 = 16_000;

/// Pairs of samples worked on at once: 20 ms, so that a telephone frame is one round.
const BLOCK: usize = 160;

/// Half the taps of the mirror filter; one of its two phases.
const TAPS: usize = 12;

/// Samples of one phase that the filter still needs from the block before.
const PAST: usize = TAPS - 1;

/// Coefficients of the mirror filter, one phase; the other runs backwards (Table 11, H0 to H22).
const QMF: [i16; TAPS] = [3, -11, 12, 32, -210, 951, 3_876, -805, 362, -156, 53, -11];
const QMF_BACKWARDS: [i16; TAPS] = [-11, 53, -156, 362, -805, 3_876, 951, -210, 32, 12, -11, 3];

/// Decision levels of the 6-bit quantizer, times 16 so that a product's upper 16 bits are the
/// recommendation's `Q6 · DETL >> 12` (Table 14). What lies below the first is interval 1.
const Q6: [u16; 32] = {
    let levels: [u16; 29] = [
        35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1_023, 1_121,
        1_219, 1_339, 1_458, 1_612, 1_765, 1_980, 2_195, 2_557, 2_919,
    ];
    // The three that fill up the table are past everything: a level is at most 2919 · 16.
    let mut table = [u16::MAX; 32];
    let mut i = 0;
    while i < levels.len() {
        table[i] = levels[i] * 16;
        i += 1;
    }
    table
};

/// The 6-bit code of an interval from 1 to 30; 32 more where the difference is negative (Table 14, ILN
/// and ILP).
static CODES: [u8; 64] = {
    let mut table = [0; 64];
    let mut i = 1;
    while i <= 30 {
        table[i] = 62 - i as u8;
        table[32 + i] = if i <= 2 { 64 } else { 34 } - i as u8;
        i += 1;
    }
    table
};

/// Outputs of the 6-bit inverse quantizer by code (Tables 15 and 17). Codes 0 to 3 are not sent.
const QM6: [i16; 64] = [
    -136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192, -10_232,
    -9_360, -8_576, -7_856, -7_192, -6_576, -6_000, -5_456, -4_944, -4_464, -4_008, -3_576, -3_168, -2_776,
    -2_400, -2_032, -1_688, -1_360, -1_040, -728, 24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280,
    11_192, 10_232, 9_360, 8_576, 7_856, 7_192, 6_576, 6_000, 5_456, 4_944, 4_464, 4_008, 3_576, 3_168,
    2_776, 2_400, 2_032, 1_688, 1_360, 1_040, 728, 432, 136, -432, -136,
];

/// The same by the upper four bits, which alone drive the adaptation (Table 16).
const QM4: [i16; 16] = [
    0, -20_456, -12_896, -8_968, -6_288, -4_240, -2_584, -1_200, 20_456, 12_896, 8_968, 6_288, 4_240, 2_584,
    1_200, 0,
];

/// What the upper four bits add to NB: W_L of RL42 (Tables 18 and 19).
const WL: [i16; 16] = [-60, 3_042, 1_198, 538, 334, 172, 58, -30, 3_042, 1_198, 538, 334, 172, 58, -30, -60];

/// The two bits of the upper band (Tables 20 to 22).
const QM2: [i16; 4] = [-7_408, -1_616, 7_408, 1_616];
const WH: [i16; 4] = [798, -214, 798, -214];

/// The one decision level of the upper band [of DETH / 4096].
const Q2: i32 = 564;

/// The largest NB of each band.
const NB_MAX_LOW: i32 = 18_432;
const NB_MAX_HIGH: i32 = 22_528;

/// 2048 · 2^(n/32), as the recommendation rounds it (Table 13, ILB).
const ILB: [u16; 32] = [
    2_048, 2_093, 2_139, 2_186, 2_233, 2_282, 2_332, 2_383, 2_435, 2_489, 2_543, 2_599, 2_656, 2_714, 2_774,
    2_834, 2_896, 2_960, 3_025, 3_091, 3_158, 3_228, 3_298, 3_371, 3_444, 3_520, 3_597, 3_676, 3_756, 3_838,
    3_922, 4_008,
];

/// DET by NB / 64. The upper band's begins at 0; the lower one's is two octaves further on.
static DET: [i16; 384] = {
    let mut table = [0; 384];
    let mut i = 0;
    while i < table.len() {
        let (fine, octave) = (ILB[i & 31], i >> 5);
        table[i] = ((if octave > 10 { fine << (octave - 10) } else { fine >> (10 - octave) }) << 2) as i16;
        i += 1;
    }
    table
};
const DET_LOW_AT: i32 = 64;

/// One band's predictor and quantizer, the same in coder and decoder.
#[derive(Clone, Debug)]
struct Band {
    /// B and the last D, six of each; eight so that they fill a register.
    b: [i16; 8],
    d: [i16; 8],
    a: [i32; 2],
    /// The last two R and P, the newest first.
    r: [i32; 2],
    p: [i32; 2],
    s: i32,
    sz: i32,
    nb: i32,
    det: i32,
}

/// Holds a value in 16 bits, as every operation of the recommendation does.
#[inline(always)]
fn held(x: i32) -> i32 {
    x.clamp(-32_768, 32_767)
}

/// `x`, or -`x` where the mask is -1.
#[inline(always)]
fn signed(x: i32, mask: i32) -> i32 {
    (x ^ mask).wrapping_sub(mask)
}

impl Band {
    fn new(det: i32) -> Self {
        Self { b: [0; 8], d: [0; 8], a: [0; 2], r: [0; 2], p: [0; 2], s: 0, sz: 0, nb: 0, det }
    }

    /// LOGSC and SCALE: the quantizer's step after a code that adds `w` (blocks 3L and 3H).
    #[inline(always)]
    fn rescale(&mut self, w: i16, nb_max: i32, det_at: i32) {
        self.nb = (((self.nb * 127) >> 7) + i32::from(w)).clamp(0, nb_max);
        self.det = i32::from(DET[((self.nb >> 6) + det_at) as usize]);
    }

    /// The predictor after the quantized difference `d` (blocks 4L and 4H).
    #[inline(always)]
    fn adapt(&mut self, d: i32) {
        // RECONS, PARREC.
        let r = held(self.s + d);
        let p = held(self.sz + d);
        // UPPOL2, UPPOL1: only signs decide. They are masks, 0 where the same and -1 where not, since a
        // branch on them would be guessed wrong half the time.
        let [a1, a2] = self.a;
        let other1 = (p ^ self.p[0]) >> 31;
        let other2 = (p ^ self.p[1]) >> 31;
        let w = held(signed(held(a1 << 2), !other1));
        let a2 = (signed(128, other2) + (w >> 7) + ((a2 * 32_512) >> 15)).clamp(-12_288, 12_288);
        let room = 15_360 - a2;
        let a1 = (signed(192, other1) + ((a1 * 32_640) >> 15)).clamp(-room, room);
        self.a = [a1, a2];
        // UPZERO.
        self.b = zeros(&self.b, &self.d, d as i16);
        // DELAYA, FILTEP, FILTEZ, PREDIC.
        self.d = [d as i16, self.d[0], self.d[1], self.d[2], self.d[3], self.d[4], 0, 0];
        self.sz = held(filtez(&self.b, &self.d));
        let pole = ((a1 * held(r + r)) >> 15) + ((a2 * held(self.r[0] + self.r[0])) >> 15);
        self.r = [r, self.r[0]];
        self.p = [p, self.p[0]];
        self.s = held(held(pole) + self.sz);
    }
}

/// UPZERO: every zero leaks by 1/256 and takes a step with or against the sign of its difference.
#[inline(always)]
fn zeros(b: &[i16; 8], past: &[i16; 8], d: i16) -> [i16; 8] {
    let step: i16 = if d == 0 { 0 } else { 128 };
    let mut new = [0; 8];
    for i in 0..8 {
        // B · 32640 >> 15, without leaving 16 bits: B less B/256 rounded up.
        let whole = i16::from(b[i] & 0xFF == 0);
        let kept = b[i].wrapping_add(!b[i] >> 8).wrapping_add(whole);
        let against = (past[i] ^ d) >> 15;
        new[i] = kept.saturating_add((step ^ against).wrapping_sub(against));
    }
    // The two that only fill the register have no difference to learn from.
    new[6] = 0;
    new[7] = 0;
    new
}

#[inline(always)]
fn filtez(b: &[i16; 8], d: &[i16; 8]) -> i32 {
    let mut sum = 0_i32;
    for i in 0..8 {
        let twice = d[i].saturating_add(d[i]);
        sum = sum.wrapping_add((i32::from(b[i]) * i32::from(twice)) >> 15);
    }
    sum
}

/// The two bands together.
#[derive(Clone, Debug)]
struct Bands {
    low: Band,
    high: Band,
}

impl Bands {
    fn new() -> Self {
        Self { low: Band::new(32), high: Band::new(8) }
    }

    #[inline(always)]
    fn encode(&mut self, low: i32, high: i32) -> u8 {
        // SUBTRA, QUANTL.
        let e = held(low - self.low.s);
        let magnitude = (e ^ (e >> 31)) as u16;
        let det = self.low.det as u16;
        let mut at = 0_u16;
        for level in Q6 {
            let level = ((u32::from(level) * u32::from(det)) >> 16) as u16;
            at = at.wrapping_add(u16::from(magnitude >= level));
        }
        // The three that fill up the table can be reached by no more than the last real one.
        let interval = at.min(29) + 1;
        let code = CODES[usize::from(interval) | usize::from(e < 0) << 5];
        // SUBTRA, QUANTH.
        let e = held(high - self.high.s);
        let magnitude = e ^ (e >> 31);
        let inner = magnitude < (Q2 * self.high.det) >> 12;
        let high_code = u8::from(inner) | u8::from(e >= 0) << 1;
        self.step(code, high_code);
        code | high_code << 6
    }

    /// Gives the rebuilt samples of both bands.
    #[inline(always)]
    fn decode(&mut self, byte: u8) -> (i32, i32) {
        let (code, high_code) = (byte & 0x3F, byte >> 6);
        // INVQBL with all six bits, LIMIT. The adaptation uses four.
        let low = self.low.s + ((self.low.det * i32::from(QM6[usize::from(code)])) >> 15);
        let high = self.high.s + ((self.high.det * i32::from(QM2[usize::from(high_code)])) >> 15);
        self.step(code, high_code);
        (low.clamp(-16_384, 16_383), high.clamp(-16_384, 16_383))
    }

    #[inline(always)]
    fn step(&mut self, code: u8, high_code: u8) {
        let four = usize::from(code >> 2 & 0x0F);
        let d = (self.low.det * i32::from(QM4[four])) >> 15;
        self.low.rescale(WL[four], NB_MAX_LOW, DET_LOW_AT);
        self.low.adapt(d);
        let two = usize::from(high_code & 3);
        let d = (self.high.det * i32::from(QM2[two])) >> 15;
        self.high.rescale(WH[two], NB_MAX_HIGH, 0);
        self.high.adapt(d);
    }
}

/// Codes 16 kHz sound.
#[derive(Clone, Debug)]
pub struct Encoder {
    bands: Bands,
    /// The last samples of each phase.
    even: [i16; PAST],
    odd: [i16; PAST],
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// A coder that has heard nothing.
    pub fn new() -> Self {
        Self { bands: Bands::new(), even: [0; PAST], odd: [0; PAST] }
    }

    /// Codes `samples` (an even number: a last one alone is left out) into `bytes`, as far as there
    /// is room; says how many bytes.
    pub fn encode(&mut self, samples: &[i16], bytes: &mut [u8]) -> usize {
        let n = (samples.len() / 2).min(bytes.len());
        for (pairs, out) in samples[..2 * n].chunks(2 * BLOCK).zip(bytes[..n].chunks_mut(BLOCK)) {
            let mut even = [0; PAST + BLOCK];
            let mut odd = [0; PAST + BLOCK];
            even[..PAST].copy_from_slice(&self.even);
            odd[..PAST].copy_from_slice(&self.odd);
            for (i, pair) in pairs.as_chunks::<2>().0.iter().enumerate() {
                even[PAST + i] = pair[0];
                odd[PAST + i] = pair[1];
            }
            let a = convolve(&even, &QMF);
            let b = convolve(&odd, &QMF_BACKWARDS);
            for (i, byte) in out.iter_mut().enumerate() {
                *byte = self.bands.encode((b[i] + a[i]) >> 14, (b[i] - a[i]) >> 14);
            }
            self.even.copy_from_slice(&even[out.len()..][..PAST]);
            self.odd.copy_from_slice(&odd[out.len()..][..PAST]);
        }
        n
    }
}

/// Decodes to 16 kHz sound.
#[derive(Clone, Debug)]
pub struct Decoder {
    bands: Bands,
    sum: [i16; PAST],
    difference: [i16; PAST],
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder that has heard nothing.
    pub fn new() -> Self {
        Self { bands: Bands::new(), sum: [0; PAST], difference: [0; PAST] }
    }

    /// Decodes `bytes` into `samples`, two for each, as far as there is room; says how many samples.
    pub fn decode(&mut self, bytes: &[u8], samples: &mut [i16]) -> usize {
        let n = bytes.len().min(samples.len() / 2);
        for (coded, out) in bytes[..n].chunks(BLOCK).zip(samples[..2 * n].chunks_mut(2 * BLOCK)) {
            let mut sum = [0; PAST + BLOCK];
            let mut difference = [0; PAST + BLOCK];
            sum[..PAST].copy_from_slice(&self.sum);
            difference[..PAST].copy_from_slice(&self.difference);
            for (i, byte) in coded.iter().enumerate() {
                let (low, high) = self.bands.decode(*byte);
                // 15 bits and a sign at most: each band is held in 14 and a sign.
                sum[PAST + i] = (low + high) as i16;
                difference[PAST + i] = (low - high) as i16;
            }
            let first = convolve(&difference, &QMF_BACKWARDS);
            let second = convolve(&sum, &QMF);
            for (i, pair) in out.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                *pair = [held(first[i] >> 11) as i16, held(second[i] >> 11) as i16];
            }
            self.sum.copy_from_slice(&sum[coded.len()..][..PAST]);
            self.difference.copy_from_slice(&difference[coded.len()..][..PAST]);
        }
        n * 2
    }
}

/// One phase of the mirror filter over a block. Tap by tap over all samples, not sample by sample:
/// so the compiler does eight at once.
#[inline(always)]
fn convolve(x: &[i16; PAST + BLOCK], h: &[i16; TAPS]) -> [i32; BLOCK] {
    let mut out = [0_i32; BLOCK];
    for (o, w) in out.iter_mut().zip(x.windows(TAPS)) {
        let mut sum = 0_i32;
        for t in 0..TAPS {
            // The taps' magnitudes add up to 6482: no sum leaves 28 bits.
            sum = sum.wrapping_add(i32::from(w[t]) * i32::from(h[t]));
        }
        *o = sum;
    }
    out
}
