//! The cheap speech gate: whether 20 ms may hold speech, so that the costly detector need not hear the
//! rest.
//!
//! **Speech.** A frame's energy in four bands (0.5, 1, 2, 4 kHz; a pyramid of sums and differences) is
//! compared with each band's floor, the lowest that it was in the last 0.8 to 1.6 s. What rises above
//! the floors far enough, in one band or in several together, is speech. A steady noise, hum or tone
//! becomes the floor itself; a pure tone of steady level (ringback, busy) is known sooner, by its
//! predictability: two samples tell the third. A gap of 200 ms still counts as speech. Mistakes are
//! meant to fall on the side of hearing too much.
//!
//! **Echo.** While the bot speaks, what comes back of it is to be told from the callee. The levels of
//! what was said are kept, in 10 ms by band, and correlated with those heard over lags to 0.45 s: the
//! best lag, once it is clear, is the delay of the echo. At that lag each band's return loss is a
//! running lower quantile of heard over said: the callee's own speech only adds to the echo, so it does
//! not pull a low quantile with it. Speech then is only what rises above the echo expected, by a
//! margin. Until a delay is clear (about a second of the bot's speech) nothing is taken for echo.
//!
//! The cost is the same for every frame but for the echo's share, which is bounded by the number of
//! lags. Absent: any cancelling of the echo, and the decision whether the callee means to interrupt.

use crate::energy::SILENCE_DBOV;

/// Bands: 0 to 0.5, 0.5 to 1, 1 to 2 and 2 to 4 kHz.
const BANDS: usize = 4;

/// One step of the levels' row: 10 ms at 8 kHz [samples].
const BLOCK: usize = 80;
/// A frame: 20 ms.
const FRAME: usize = 2 * BLOCK;

/// Blocks over which an echo's delay is searched: 0.45 s. A call by satellite is at the edge of it.
const LAGS: usize = 45;
/// What is kept of the levels of what was said [blocks]: the lags, and the blocks about each of them
/// that [`Echo::expected`] looks at.
const KEPT: usize = 64;

/// A floor looks back over one to two of these [frames]: 0.8 s; at first over half of it, so that a
/// noisy line is known as such in 0.4 s.
const FLOOR_FRAMES: u32 = 40;
/// Below this total level nothing is speech [dBov]; and, over the bot's voice, below the other: an echo
/// so soft is hardly found by its correlation, and who interrupts speaks up.
const SPEECH_DBOV: f32 = -60.0;
const SPEECH_OVER_BOT_DBOV: f32 = -52.0;
/// What a floor is taken for at first, at most [log₂ of a band's mean square]: -56 dBov. Without it a
/// call that begins with speech would begin with a loud floor.
const FIRST_FLOOR: f32 = 11.4;
/// Below this a band's level tells nothing, as half a step of G.711 is there [log₂].
const LEAST: f32 = 3.0;

/// A band counts from so far above its floor [log₂: 3 dB each], and the sum of the bands' excess makes
/// speech.
const BAND_OVER: f32 = 1.3;
const SPEECH_OVER: f32 = 1.2;

/// How far above the echo expected a band must be [log₂].
const ECHO_MARGIN: f32 = 2.5;
/// The sum of what rises above the echo, as [`SPEECH_OVER`].
const ECHO_OVER: f32 = 1.6;

/// Speech lasts so long after its last frame [frames]: 200 ms, the pause before a stop consonant.
const HANGOVER: u32 = 10;

/// A frame whose third sample is told by two, up to this part of its energy, is a tone; for so many
/// frames of a steady level, it is no voice.
const TONE_RESIDUE: f32 = 0.004;
const TONE_FRAMES: u32 = 5;
/// How much a tone's level may move from frame to frame [log₂]: 0.6 dB. A voice's moves more.
const TONE_STEADY: f32 = 0.2;
/// How much its pitch may move [of 2 cos ω].
const TONE_TURN: f32 = 0.02;

/// What the gate says of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// It may hold the callee's speech, or ended less than 200 ms ago.
    pub speech: bool,
    /// The frame's level [dBov]; of several frames the loudest's.
    pub level_dbov: f32,
    /// What is heard is the bot's own voice coming back.
    pub echo: bool,
}

/// The gate of one call.
#[derive(Clone, Debug)]
pub struct SpeechGate {
    ratio: usize,
    dc: f32,
    floors: Floors,
    echo: Echo,
    /// Frames since speech.
    since: u32,
    tone: Tone,
}

/// Levels of the bands [log₂ of the mean square].
type Levels = [f32; BANDS];

impl SpeechGate {
    /// For a stream of 8000 or 16000 samples a second; other rates are taken for the nearer of them.
    pub fn new(rate_hz: u32) -> Self {
        Self {
            ratio: if rate_hz <= 12_000 { 1 } else { 2 },
            dc: 0.0,
            floors: Floors::new(),
            echo: Echo::new(),
            since: HANGOVER,
            tone: Tone::default(),
        }
    }

    /// Hears 20 ms, and what the bot said in the same 20 ms (as it was sent; `None` while it is silent).
    /// Shorter pieces are judged as they are, longer ones by 20 ms and together.
    pub fn push(&mut self, heard: &[i16], said: Option<&[i16]>) -> Gate {
        let mut gate = Gate { speech: self.since < HANGOVER, level_dbov: SILENCE_DBOV, echo: false };
        let frame = FRAME * self.ratio;
        let mut said = said.unwrap_or(&[]);
        let mut speech = false;
        for piece in heard.chunks(frame) {
            let with = said.split_at(said.len().min(piece.len()));
            said = with.1;
            let one = self.frame(piece, with.0);
            speech |= one.speech;
            gate.echo |= one.echo;
            gate.level_dbov = gate.level_dbov.max(one.level_dbov);
        }
        if !heard.is_empty() {
            gate.speech = speech;
        }
        gate
    }

    fn frame(&mut self, heard: &[i16], said: &[i16]) -> Gate {
        let x = Scaled::of(heard, self.ratio);
        let blocks = levels(&x, &mut self.dc);
        let whole = both(&blocks);
        let (steady_tone, power) = self.tone.push(&x, &whole);
        let said_blocks = (!said.is_empty()).then(|| levels(&Scaled::of(said, self.ratio), &mut 0.0));
        let expected = self.echo.push(&blocks, said_blocks.as_ref(), &self.floors.now);
        let floor = self.floors.push(&whole);
        let (mut over, mut over_echo) = (0.0, 0.0);
        for b in 0..BANDS {
            over += (whole[b] - floor[b] - BAND_OVER).max(0.0);
            let least = floor[b].max(expected[b] + ECHO_MARGIN - BAND_OVER);
            over_echo += (whole[b] - least - BAND_OVER).max(0.0);
        }
        // A square wave of full scale has 0 dBov.
        let level = (3.0103 * (log2(power) - 30.0)).clamp(SILENCE_DBOV, 0.0);
        let sounds = over > SPEECH_OVER && level > SPEECH_DBOV && !steady_tone;
        let faint = self.echo.possible() && level < SPEECH_OVER_BOT_DBOV;
        // Where no echo is expected the two are equal.
        let unexpected = over_echo > ECHO_OVER || over_echo >= over;
        let speaks = sounds && unexpected && !faint;
        self.since = match (speaks, steady_tone) {
            (true, _) => 0,
            (false, true) => HANGOVER,
            (false, false) => self.since.saturating_add(1).min(HANGOVER),
        };
        Gate { speech: self.since < HANGOVER, level_dbov: level, echo: sounds && !speaks }
    }
}

/// A frame at 8 kHz, its samples made smaller by so many bits that sums of squares stay in 32 bits.
struct Scaled {
    samples: [i16; FRAME],
    /// How many there are; zeros follow.
    len: usize,
    shift: u32,
}

impl Scaled {
    fn of(sound: &[i16], ratio: usize) -> Self {
        let len = (sound.len() / ratio).min(FRAME);
        let mut samples = [0; FRAME];
        if ratio == 1 {
            samples[..len].copy_from_slice(&sound[..len]);
        } else {
            for (x, pair) in samples.iter_mut().zip(sound.as_chunks::<2>().0) {
                *x = ((i32::from(pair[0]) + i32::from(pair[1])) >> 1) as i16;
            }
        }
        let loudest = samples.iter().fold(0_u16, |m, s| m.max(s.unsigned_abs()));
        // 2¹⁰, times 8 by three sums, squared, times 10 to 40 samples: below 2³¹.
        let shift = (16 - loudest.leading_zeros()).saturating_sub(10);
        samples.iter_mut().for_each(|s| *s >>= shift);
        Self { samples, len, shift }
    }

    /// What a power of the smaller samples is to be multiplied with.
    fn power(&self) -> f32 {
        (1_u32 << (2 * self.shift)) as f32
    }
}

/// The logarithm to the base 2, to 0.01, of a number above zero; what is not, is taken for very little.
#[inline(always)]
fn log2(x: f32) -> f32 {
    // A float is its own exponent; the mantissa's part of the logarithm by a parabola through its ends.
    let bits = x.max(f32::MIN_POSITIVE).to_bits();
    let exponent = (bits >> 23) as f32 - 127.0;
    let m = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000) - 1.0;
    exponent + m * (1.0 + 0.344 * (1.0 - m))
}

/// The levels of a frame's two blocks. `dc` follows the offset.
fn levels(x: &Scaled, dc: &mut f32) -> [Levels; 2] {
    let mut sum = 0_i32;
    let mut blocks = [[LEAST; BANDS]; 2];
    let offset = *dc * 8.0 / (1_u32 << x.shift) as f32;
    for (block, x80) in blocks.iter_mut().zip(x.samples.as_chunks::<BLOCK>().0) {
        let (mut a1, mut a2, mut a3) = ([0_i16; 40], [0_i16; 20], [0_i16; 10]);
        let e1 = halved(x80, &mut a1);
        let e2 = halved(&a1, &mut a2);
        let e3 = halved(&a2, &mut a3);
        let e4: f32 = a3.iter().map(|s| (f32::from(*s) - offset) * (f32::from(*s) - offset)).sum();
        sum = a3.iter().fold(sum, |sum, s| sum.wrapping_add(i32::from(*s)));
        // An orthogonal pyramid would have each level smaller by √2.
        let parts = [e4 / 8.0, e3 as f32 / 8.0, e2 as f32 / 4.0, e1 as f32 / 2.0];
        for (level, part) in block.iter_mut().zip(parts) {
            *level = log2(part * (x.power() / BLOCK as f32)).max(LEAST);
        }
    }
    if x.len > 0 {
        *dc += ((sum << x.shift) as f32 / x.len as f32 - *dc) * 0.02;
    }
    blocks
}

/// Sums of neighbours in `a`; gives the energy of their differences.
#[inline(always)]
fn halved(x: &[i16], a: &mut [i16]) -> i32 {
    let mut energy = 0_i32;
    for (a, pair) in a.iter_mut().zip(x.as_chunks::<2>().0) {
        *a = pair[0].wrapping_add(pair[1]);
        let d = i32::from(pair[0].wrapping_sub(pair[1]));
        energy = energy.wrapping_add(d * d);
    }
    energy
}

/// The levels of two blocks together.
fn both(blocks: &[Levels; 2]) -> Levels {
    let mut whole = [0.0; BANDS];
    for b in 0..BANDS {
        let (most, least) = (blocks[0][b].max(blocks[1][b]), blocks[0][b].min(blocks[1][b]));
        // log₂((2^most + 2^least) / 2), by a curve that meets it at 0 and far away, to 0.05.
        let apart = (most - least).min(6.0);
        whole[b] = most - 1.0 + (1.0 - apart / 6.0) * (1.0 - apart / 6.0);
    }
    whole
}

/// The lowest that each band was.
#[derive(Clone, Debug)]
struct Floors {
    /// The floor now.
    now: Levels,
    smooth: Levels,
    current: Levels,
    before: Levels,
    frames: u32,
    window: u32,
}

impl Floors {
    fn new() -> Self {
        let first = [FIRST_FLOOR; BANDS];
        let most = [f32::MAX; BANDS];
        Self { now: first, smooth: most, current: most, before: first, frames: 0, window: FLOOR_FRAMES / 2 }
    }

    /// Takes in a frame; gives the floor.
    fn push(&mut self, levels: &Levels) -> Levels {
        for (b, level) in levels.iter().enumerate() {
            let s = self.smooth[b];
            self.smooth[b] = if s == f32::MAX { *level } else { s + (level - s) * 0.4 };
            self.current[b] = self.current[b].min(self.smooth[b]);
            self.now[b] = self.before[b].min(self.current[b]);
        }
        self.frames += 1;
        if self.frames >= self.window {
            (self.frames, self.window) = (0, FLOOR_FRAMES);
            self.before = self.current;
            self.current = self.smooth;
        }
        self.now
    }
}

/// Whether what is heard is a tone, and for how long.
#[derive(Clone, Debug, Default)]
struct Tone {
    frames: u32,
    /// Levels of the last 100 ms, in which the beats of two tones 40 or 50 Hz apart come round.
    levels: [f32; 5],
    turn: f32,
}

impl Tone {
    /// Takes in a frame; says whether a steady tone has been heard for some time, or ends in this frame,
    /// and the frame's power.
    fn push(&mut self, x: &Scaled, levels: &Levels) -> (bool, f32) {
        // Of a sine, x[i] + x[i-2] is c · x[i-1]; how far it is not, is what is left.
        let (mut own, mut cross, mut sums) = (0_i32, 0_i32, 0_i32);
        let (first, middle, last) = (&x.samples[..FRAME - 2], &x.samples[1..FRAME - 1], &x.samples[2..]);
        for ((a, m), b) in first.iter().zip(middle).zip(last) {
            let sum = i32::from(a.wrapping_add(*b));
            let m = i32::from(*m);
            own = own.wrapping_add(m * m);
            cross = cross.wrapping_add(m * sum);
            sums = sums.wrapping_add(sum * sum);
        }
        let ends = [x.samples[0], x.samples[FRAME - 1]].map(|s| i32::from(s) * i32::from(s));
        let power = own.wrapping_add(ends[0] + ends[1]) as f32 * x.power() / x.len.max(1) as f32;
        let (own, cross, sums) = (own as f32, cross as f32, sums as f32);
        let turn = cross / own.max(1.0);
        let left = (sums - cross * turn) / own.max(1.0);
        let level = levels.iter().fold(LEAST, |m, l| m.max(*l));
        let [last, .., first] = self.levels;
        let near = |other: f32| (level - other).abs() < TONE_STEADY;
        let steady = (near(last) || near(first)) && (turn - self.turn).abs() < TONE_TURN;
        let tone = x.len == FRAME && left < TONE_RESIDUE && level > FIRST_FLOOR - 4.0;
        let was = self.frames >= TONE_FRAMES;
        self.frames = if tone && steady { self.frames + 1 } else { 0 };
        self.turn = turn;
        self.levels.copy_within(0..4, 1);
        self.levels[0] = level;
        // The frame in which it stops is no tone any more, but nothing new either.
        (self.frames >= TONE_FRAMES || was && level < last + TONE_STEADY, power)
    }
}

/// What comes back of the bot's voice.
#[derive(Clone, Debug)]
struct Echo {
    /// Levels of what was said, by band: a ring, written twice, so that each stretch of it lies in one piece.
    said: [[f32; 2 * KEPT]; BANDS],
    /// Where the next levels go; those of `lag` blocks ago lie at `at + KEPT - 1 - lag`.
    at: usize,
    /// Blocks since something was said.
    quiet: u32,
    /// Running means, by which the levels are centred.
    said_mean: Levels,
    heard_mean: Levels,
    /// Products of the centred levels, the longest lag first, and the two powers. What was added `n` blocks
    /// ago has lost its weight against what is added now, by [`PRODUCT_KEEPS`] to the power of `n`: instead
    /// of all of them growing less, what is added grows, and `weight` is that of the next.
    products: [f32; LAGS],
    said_power: f32,
    heard_power: f32,
    weight: f32,
    /// Blocks that the products are made of.
    learnt: u32,
    delay: Option<usize>,
    /// Heard over said, by band [log₂].
    returns: Levels,
}

/// How much of a product is left after each block: 1/e in 3 s.
const PRODUCT_KEEPS: f32 = 0.9967;
/// From this weight on all is made small again: far from where a float ends.
const MOST_WEIGHT: f32 = 1e6;
const MEAN_TAKES: f32 = 0.01;
/// Blocks of the bot's speech before any delay is believed.
const LEARN: u32 = 60;
/// A delay is believed from this correlation on, and given up below the other.
const BELIEVED: f32 = 0.5;
const GIVEN_UP: f32 = 0.3;
/// What was said counts as sound above this [log₂]: -50 dBov.
const SAID: f32 = 13.4;
/// The return quantile's steps up and down: at rest a third of the blocks lie below it.
const UP: f32 = 0.05;
const DOWN: f32 = 0.10;
/// What a newly found echo's return is taken for [log₂]: 6 dB of loss, the least that is met.
const FIRST_RETURN: f32 = -2.0;
/// No echo is expected.
const NOTHING: f32 = -100.0;

impl Echo {
    fn new() -> Self {
        Self {
            said: [[LEAST; 2 * KEPT]; BANDS],
            at: 0,
            quiet: u32::MAX,
            said_mean: [LEAST; BANDS],
            heard_mean: [LEAST; BANDS],
            products: [0.0; LAGS],
            said_power: 0.0,
            heard_power: 0.0,
            weight: 1.0,
            learnt: 0,
            delay: None,
            returns: [FIRST_RETURN; BANDS],
        }
    }

    /// Takes in a frame of both sides; gives the echo's levels to expect in it.
    fn push(&mut self, heard: &[Levels; 2], said: Option<&[Levels; 2]>, floor: &Levels) -> Levels {
        let mut expected = [NOTHING; BANDS];
        if said.is_none() && self.quiet > KEPT as u32 {
            return expected;
        }
        for (i, heard) in heard.iter().enumerate() {
            let said = said.map_or([LEAST; BANDS], |s| s[i]);
            for (band, level) in self.said.iter_mut().zip(said) {
                (band[self.at], band[self.at + KEPT]) = (level, level);
            }
            self.at = (self.at + 1) % KEPT;
            self.quiet = if said.iter().any(|l| *l > SAID) { 0 } else { self.quiet.saturating_add(1) };
            if self.quiet > KEPT as u32 {
                continue;
            }
            self.correlate(heard, &said, floor);
            if let Some(delay) = self.delay {
                let block = self.expected(delay, heard, floor);
                for (all, one) in expected.iter_mut().zip(block) {
                    *all = all.max(one);
                }
            }
        }
        expected
    }

    /// The bot speaks, or did so shortly that it may still come back.
    fn possible(&self) -> bool {
        self.quiet <= KEPT as u32
    }

    fn back(&self, lag: usize) -> Levels {
        let at = self.at + KEPT - 1 - lag;
        [self.said[0][at], self.said[1][at], self.said[2][at], self.said[3][at]]
    }

    fn correlate(&mut self, heard: &Levels, said: &Levels, floor: &Levels) {
        let (mut h, mut s_power, mut h_power) = ([0.0; BANDS], 0.0, 0.0);
        for b in 0..BANDS {
            // Below the noise there is nothing to compare.
            let level = heard[b].max(floor[b] + 1.0);
            self.heard_mean[b] += (level - self.heard_mean[b]) * MEAN_TAKES;
            self.said_mean[b] += (said[b] - self.said_mean[b]) * MEAN_TAKES;
            h[b] = level - self.heard_mean[b];
            h_power += h[b] * h[b];
            s_power += (said[b] - self.said_mean[b]).powi(2);
        }
        self.weight /= PRODUCT_KEEPS;
        self.said_power += s_power * self.weight;
        self.heard_power += h_power * self.weight;
        // Who hears nothing but a steady floor learns nothing of an echo.
        if h_power > 0.01 {
            self.multiply(&h.map(|h| h * self.weight));
        }
        if self.weight > MOST_WEIGHT {
            let less = 1.0 / self.weight;
            self.products.iter_mut().for_each(|p| *p *= less);
            (self.said_power, self.heard_power) = (self.said_power * less, self.heard_power * less);
            self.weight = 1.0;
        }
        self.learnt = self.learnt.saturating_add(1);
        // A new delay need not be known within a block: every fourth is looked at.
        if self.learnt.is_multiple_of(4) {
            self.look();
        }
    }

    /// Adds what was heard, times what was said at each lag.
    fn multiply(&mut self, h: &Levels) {
        let from = self.at + KEPT - LAGS;
        let mean = self.said_mean;
        let offset = h[0] * mean[0] + h[1] * mean[1] + h[2] * mean[2] + h[3] * mean[3];
        let [a, b, c, d] = self.said.each_ref().map(|band| &band[from..from + LAGS]);
        for (i, product) in self.products.iter_mut().enumerate() {
            *product += h[0] * a[i] + h[1] * b[i] + h[2] * c[i] + h[3] * d[i] - offset;
        }
    }

    /// Looks which delay is likely by now.
    fn look(&mut self) {
        let most = self.products.iter().fold(f32::MIN, |m, p| m.max(*p));
        let best = LAGS - 1 - self.products.iter().rposition(|p| *p >= most).unwrap_or(LAGS - 1);
        let least = self.weight * self.weight;
        let likeness = most / (self.said_power * self.heard_power).max(least).sqrt();
        match self.delay {
            None if self.learnt >= LEARN && likeness > BELIEVED => {
                self.delay = Some(best);
                self.returns = [FIRST_RETURN; BANDS];
            }
            Some(_) if likeness < GIVEN_UP => self.delay = None,
            Some(_) if likeness > BELIEVED => self.delay = Some(best),
            _ => {}
        }
    }

    /// The levels to expect in the newest block; learns the return from it.
    fn expected(&mut self, delay: usize, heard: &Levels, floor: &Levels) -> Levels {
        let mut most = self.back(delay);
        // A block earlier and later, as the delay is no whole number of them; what rings on, more softly.
        for (lag, less) in
            [(delay.wrapping_sub(1), 0.0), (delay + 1, 0.0), (delay + 2, 1.0), (delay + 3, 2.0)]
        {
            if lag < KEPT - 1 {
                let other = self.back(lag);
                for b in 0..BANDS {
                    most[b] = most[b].max(other[b] - less);
                }
            }
        }
        let mut expected = [NOTHING; BANDS];
        for b in 0..BANDS {
            if most[b] <= LEAST {
                continue;
            }
            expected[b] = most[b] + self.returns[b];
            // Only where the echo would be heard over the noise does the difference tell its loss.
            if most[b] > SAID && heard[b] > floor[b] + 2.0 {
                let step = if heard[b] > expected[b] { UP } else { -DOWN };
                self.returns[b] = (self.returns[b] + step).clamp(-16.0, 0.0);
            } else if most[b] > SAID && expected[b] > floor[b] + 2.0 {
                self.returns[b] = (self.returns[b] - DOWN).max(-16.0);
            }
        }
        expected
    }
}
