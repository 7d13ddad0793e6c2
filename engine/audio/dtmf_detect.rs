//! Keys pressed, heard in the sound itself (ITU-T Q.23, Q.24), for a far end that sends no events of
//! RFC 4733.
//!
//! Eight of Goertzel's filters look at 12.75 ms at once. A key is one tone of each group, either of
//! them well above the others of its group, the two within the twist that Q.24 allows, and together
//! nearly all of the sound: speech has more besides. It is told when two pieces on end agree and are
//! equally loud, which any 40 ms hold and less than 23 ms cannot. It is over after three pieces
//! without it: a break of 10 ms is none, one of 40 ms is. Absent: the removal of the tones from the
//! sound, and how long a key was held.

/// Samples looked at at once, at 8 kHz: 40 ms always hold two of them whole.
const BLOCK: u32 = 102;

/// The low group's four, the high group's four [Hz].
const TONES: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1_209.0, 1_336.0, 1_477.0, 1_633.0];

const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// The softest tone [mean square of full scale 1]: -35 dBov. Q.24's receivers must take -25 dBm at the
/// least, which is some -31 dBov.
const SOFTEST: f32 = 0.000_316;
/// The high group may be louder by 4 dB, the low one by 8 dB (Q.24, table A.1), and a little more.
const HIGH_LOUDER: f32 = 2.8;
const LOW_LOUDER: f32 = 8.5;
/// A tone stands above the others of its group by 6.5 dB: so it does 1.8 % off its frequency, and beside
/// a low tone 8 dB louder, whose skirt reaches into the high group.
const ABOVE_OTHERS: f32 = 4.5;
/// The two tones' least part of all that is heard. 1.8 % off, and in noise 15 dB below, 0.7 is left.
const SHARE: f32 = 0.7;
/// How much two pieces of one press may differ in loudness: 2 dB.
const STEADY: f32 = 1.6;
/// Pieces without the key after which it is over.
const OVER: u8 = 3;

/// What one piece held.
#[derive(Clone, Copy, Debug)]
struct Hit {
    key: char,
    low: f32,
    high: f32,
}

/// Hears the keys of one stream.
#[derive(Clone, Debug)]
pub struct InbandDtmf {
    ratio: usize,
    /// 2 cos ω of each filter, and its last two states.
    turn: [f32; 8],
    s1: [f32; 8],
    s2: [f32; 8],
    energy: f32,
    count: u32,
    /// The piece before.
    before: Option<Hit>,
    /// The key that is being pressed, and for how many pieces it has not been heard.
    pressed: Option<char>,
    missing: u8,
}

impl InbandDtmf {
    /// For a stream of 8000 or 16000 samples a second; other rates are taken for the nearer of them.
    pub fn new(rate_hz: u32) -> Self {
        Self {
            ratio: if rate_hz <= 12_000 { 1 } else { 2 },
            turn: TONES.map(|f| 2.0 * (std::f32::consts::TAU * f / 8_000.0).cos()),
            s1: [0.0; 8],
            s2: [0.0; 8],
            energy: 0.0,
            count: 0,
            before: None,
            pressed: None,
            missing: 0,
        }
    }

    /// Hears the next samples, 20 ms or so; gives a key once for each press, some 30 ms after it began.
    /// (Of two that begin in one piece, which takes more than 80 ms, the second is given.)
    pub fn push(&mut self, samples: &[i16]) -> Option<char> {
        let mut key = None;
        if self.ratio == 1 {
            for s in samples {
                key = self.sample(f32::from(*s) / 32_768.0).or(key);
            }
        } else {
            for pair in samples.as_chunks::<2>().0 {
                key = self.sample((f32::from(pair[0]) + f32::from(pair[1])) / 65_536.0).or(key);
            }
        }
        key
    }

    #[inline(always)]
    fn sample(&mut self, x: f32) -> Option<char> {
        for i in 0..8 {
            let s = x + self.turn[i] * self.s1[i] - self.s2[i];
            self.s2[i] = self.s1[i];
            self.s1[i] = s;
        }
        self.energy += x * x;
        self.count += 1;
        if self.count == BLOCK { self.block() } else { None }
    }

    fn block(&mut self) -> Option<char> {
        let n = BLOCK as f32;
        let mut power = [0.0; 8];
        for (i, p) in power.iter_mut().enumerate() {
            let (a, b) = (self.s1[i], self.s2[i]);
            *p = 2.0 * (a * a + b * b - self.turn[i] * a * b) / (n * n);
        }
        let hit = hit(&power, self.energy / n);
        (self.s1, self.s2, self.energy, self.count) = ([0.0; 8], [0.0; 8], 0.0, 0);
        let steady = |a: f32, b: f32| a < b * STEADY && b < a * STEADY;
        let sure = match (hit, self.before) {
            (Some(now), Some(was)) => {
                now.key == was.key && steady(now.low, was.low) && steady(now.high, was.high)
            }
            _ => false,
        };
        self.before = hit;
        if self.pressed.is_some() {
            let heard = hit.map(|h| h.key) == self.pressed;
            self.missing = if heard { 0 } else { self.missing + 1 };
            if self.missing >= OVER {
                (self.pressed, self.missing) = (None, 0);
            }
        }
        let key = hit.filter(|_| sure).map(|h| h.key)?;
        if self.pressed == Some(key) {
            return None;
        }
        (self.pressed, self.missing) = (Some(key), 0);
        Some(key)
    }
}

/// The key whose tones these are.
fn hit(power: &[f32; 8], all: f32) -> Option<Hit> {
    let (low, high) = power.split_at(4);
    let (row, low) = strongest(low)?;
    let (column, high) = strongest(high)?;
    let loud = low > SOFTEST && high > SOFTEST;
    let twist = high < low * HIGH_LOUDER && low < high * LOW_LOUDER;
    let alone = low + high > all * SHARE;
    (loud && twist && alone).then_some(Hit { key: KEYS[row][column], low, high })
}

/// Which of a group is the strongest, if it stands above the others.
fn strongest(group: &[f32]) -> Option<(usize, f32)> {
    let (at, most) = group.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let alone = group.iter().enumerate().all(|(i, p)| i == at || p * ABOVE_OTHERS < most);
    alone.then_some((at, most))
}
