//! Makes the turns: parts spoken by a synthesizer, joined with the rests that people make.
//!
//! A part that is followed by another is spoken with a comma behind it, so that its tone is not that of an end.
//! The synthesizer itself rests at a comma for less than a tenth of a second, so that a turn spoken in one
//! piece cannot be cut at its rests with certainty.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use waihu_audio::{energy, g711::Law, tone};
use waihu_tts::{Request, Tts, TtsPaths, VoiceStyle};
use waihu_types::{Lang, Question};

use crate::texts::Half;

/// The rate of a telephone [Hz].
const RATE: u32 = 8_000;
/// Samples of a millisecond.
const MS: usize = 8;
/// A line is not silent: its noise [dBov].
const NOISE_DBOV: f32 = -58.0;
/// Before the first word and after the last one [ms]. The latter is more than any policy waits.
const BEFORE_MS: u32 = 400;
const AFTER_MS: u32 = 2_600;
/// Rests that a speaker makes [ms], even on a logarithmic scale: half of them are over within 490 ms.
const SHORTEST_MS: f32 = 200.0;
const LONGEST_MS: f32 = 1_200.0;
/// How often a turn with rests in it is joined.
const TAKES: usize = 3;

/// What a rest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// In the middle of a thought.
    Unfinished,
    /// The question has been answered, and more follows.
    Answered,
}

/// A rest in a turn, in ms from the turn's first sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    pub from_ms: u64,
    pub to_ms: u64,
    pub rest: Rest,
    /// The text before it, as a count of parts.
    pub parts: usize,
}

/// A turn as the telephone brings it.
pub(crate) struct Turn {
    pub lang: Lang,
    pub question: Question,
    pub parts: Vec<&'static str>,
    pub voice: &'static str,
    pub samples: Vec<i16>,
    pub pauses: Vec<Pause>,
    /// Where the last word is over.
    pub end_ms: u64,
}

impl Turn {
    /// The first `parts` parts as a recognizer would write them.
    pub(crate) fn text(&self, parts: usize) -> String {
        let between = if self.lang == Lang::Zh { "" } else { " " };
        self.parts[..parts].join(between)
    }
}

/// A small generator of numbers, 0 to 1 (the constants of Numerical Recipes).
pub(crate) struct Dice(u32);

impl Dice {
    pub(crate) fn new(seed: u32) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 24) as f32
    }
}

/// Speaks the turns of one half. What was spoken lies in `cache`. A turn of one part is spoken by two voices; one
/// of several parts by one, and joined thrice with rests of other lengths.
pub(crate) fn turns(models: &Path, cache: &Path, half: Half) -> Result<Vec<Turn>, Box<dyn Error>> {
    fs::create_dir_all(cache)?;
    let mut tts = Tts::load(TtsPaths { threads: 1, ..TtsPaths::under(models) })?;
    let mut dice = Dice::new(if half == Half::Tune { 11 } else { 23 });
    let mut made = Vec::new();
    for (n, (lang, question, text)) in half.turns().iter().enumerate() {
        let voices = half.voices(*lang);
        let parts: Vec<&str> = text.split(['|', '/']).collect();
        let (speakers, takes) = if parts.len() == 1 { (2, 1) } else { (1, TAKES) };
        for speaker in 0..speakers {
            let voice = voices[(n + speaker) % voices.len()];
            let spoken: Vec<Vec<i16>> = parts
                .iter()
                .enumerate()
                .map(|(i, part)| speak(&mut tts, cache, *lang, voice, part, i + 1 == parts.len()))
                .collect::<Result<_, _>>()?;
            for _ in 0..takes {
                let rests = text.chars().filter_map(|c| match c {
                    '|' => Some(Rest::Unfinished),
                    '/' => Some(Rest::Answered),
                    _ => None,
                });
                made.push(join(*lang, *question, parts.clone(), voice, &spoken, rests, &mut dice));
            }
        }
    }
    Ok(made)
}

fn speak(
    tts: &mut Tts,
    cache: &Path,
    lang: Lang,
    voice: &str,
    part: &str,
    last: bool,
) -> Result<Vec<i16>, Box<dyn Error>> {
    let marks = if lang == Lang::Zh { ["，", "。"] } else { [",", "."] };
    let file = cache.join(name(voice, &if last { part.to_owned() } else { format!("{part}{}", marks[0]) }));
    if let Ok(bytes) = fs::read(&file) {
        return Ok(bytes[44..].as_chunks().0.iter().map(|b| i16::from_le_bytes(*b)).collect());
    }
    let text = format!("{part}{}", marks[usize::from(last)]);
    let speech = tts.synthesize(&Request { lang, text: &text, style: &VoiceStyle::new(Some(voice), 1.0) })?;
    let samples = speech.to_rate(RATE)?;
    wav(&file, &samples)?;
    Ok(samples)
}

/// A file name from what is said and by whom (FNV-1a).
fn name(voice: &str, text: &str) -> PathBuf {
    let hash = voice
        .bytes()
        .chain(text.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    PathBuf::from(format!("{voice}-{hash:016x}.wav"))
}

/// A plain WAV file of one channel at 8 kHz.
pub(crate) fn wav(file: &Path, samples: &[i16]) -> std::io::Result<()> {
    let bytes = samples.len() as u32 * 2;
    let mut out = Vec::with_capacity(44 + samples.len() * 2);
    out.extend(b"RIFF");
    out.extend((36 + bytes).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16u32.to_le_bytes());
    out.extend([1u16, 1].map(u16::to_le_bytes).concat());
    out.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    out.extend([2u16, 16].map(u16::to_le_bytes).concat());
    out.extend(b"data");
    out.extend(bytes.to_le_bytes());
    out.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
    fs::write(file, out)
}

fn join(
    lang: Lang,
    question: Question,
    parts: Vec<&'static str>,
    voice: &'static str,
    spoken: &[Vec<i16>],
    rests: impl Iterator<Item = Rest>,
    dice: &mut Dice,
) -> Turn {
    let mut samples = tone::silence(BEFORE_MS, RATE);
    let mut pauses = Vec::new();
    let mut rests = rests.enumerate();
    for part in spoken {
        samples.extend_from_slice(part);
        let from_ms = (samples.len() / MS) as u64;
        let Some((n, rest)) = rests.next() else { continue };
        let length = SHORTEST_MS * (LONGEST_MS / SHORTEST_MS).powf(dice.roll());
        samples.extend(tone::silence(length as u32, RATE));
        pauses.push(Pause { from_ms, to_ms: (samples.len() / MS) as u64, rest, parts: n + 1 });
    }
    let end_ms = (samples.len() / MS) as u64;
    samples.extend(tone::silence(AFTER_MS, RATE));
    // The RMS of a uniform distribution is its half width / √3.
    let peak = energy::from_dbov(NOISE_DBOV) * 3f32.sqrt() * 32_767.0;
    for sample in &mut samples {
        let noise = (dice.roll() * 2.0 - 1.0) * peak;
        *sample = Law::A.decode(Law::A.encode(sample.saturating_add(noise as i16)));
    }
    Turn { lang, question, parts, voice, samples, pauses, end_ms }
}

/// Writes one file for each rest, which ends with it, and one for each whole turn; and `manifest.tsv` with
/// file, language, text so far, question and whether the speaker had finished.
pub(crate) fn write(turns: &[Turn], folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let mut manifest = String::new();
    for (n, turn) in turns.iter().enumerate() {
        let question = match turn.question {
            Question::YesNo => "yes_no",
            Question::When => "when",
            Question::HowMuch => "how_much",
            Question::Digits => "digits",
            Question::Open => "open",
        };
        let rests = turn.pauses.iter().filter(|p| p.rest == Rest::Unfinished);
        let rests = rests.map(|p| (p.to_ms as usize * MS, p.parts, "unfinished"));
        for (end, parts, label) in rests.chain([(turn.samples.len(), turn.parts.len(), "finished")]) {
            let file = format!("{n:03}-{parts}-{}.wav", turn.voice);
            wav(&folder.join(&file), &turn.samples[..end])?;
            manifest += &format!("{file}\t{}\t{}\t{question}\t{label}\n", turn.lang, turn.text(parts));
        }
    }
    fs::write(folder.join("manifest.tsv"), manifest)?;
    Ok(())
}
