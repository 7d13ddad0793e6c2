//! What the tools of this room share: lists of clips, and sounds that are no speech.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use waihu_audio::resample;
use waihu_corpus::Random;
use waihu_spotter::{Phrase, front::RATE};
use waihu_types::Lang;

pub type Failure = Box<dyn std::error::Error>;

/// One clip of a list.
#[derive(Clone)]
pub struct Clip {
    pub lang: Lang,
    pub voice: String,
    pub text: String,
    /// `-`, or a label; with `?` after it where the text is none of the phrases.
    pub intent: String,
    /// Its class; `None` for what is none of the phrases.
    pub class: Option<usize>,
    pub samples: Vec<i16>,
}

/// The clips of a list `file<TAB>lang<TAB>voice<TAB>speed<TAB>text<TAB>intent` that are rendered so far.
pub fn clips(list: &Path, phrases: &[Phrase]) -> Result<Vec<Clip>, Failure> {
    let mut clips = Vec::new();
    for line in std::fs::read_to_string(list)?.lines() {
        let [file, lang, voice, _, text, intent] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("{}: not six columns: {line}", list.display()).into());
        };
        let Some(samples) = read(&PathBuf::from(file)) else { continue };
        let lang = lang.parse()?;
        let class = phrases.iter().position(|p| p.lang == lang && p.text.eq_ignore_ascii_case(text));
        if class.is_none() && intent != "-" && !intent.ends_with('?') {
            continue; // A phrase that the list has no more.
        }
        let (voice, text, intent) = (voice.to_owned(), text.to_owned(), intent.to_owned());
        clips.push(Clip { lang, voice, text, intent, class, samples });
    }
    Ok(clips)
}

/// A WAV file at 8 kHz; `None` while it is not wholly written.
pub fn read(file: &Path) -> Option<Vec<i16>> {
    let mut wav = hound::WavReader::open(file).ok()?;
    let rate = wav.spec().sample_rate;
    let samples: Vec<f32> =
        wav.samples::<i16>().map(|s| s.map(|s| f32::from(s) / 32_768.0)).collect::<Result<_, _>>().ok()?;
    let samples = resample(&samples, rate, RATE as u32).ok()?;
    (!samples.is_empty()).then(|| samples.into_iter().map(|s| (s * 32_767.0) as i16).collect())
}

/// Kinds of [`no_speech`].
pub const NO_SPEECH: [&str; 6] = ["noise", "breath", "tone", "music", "clicks", "hum"];

/// A sound of a kind of [`NO_SPEECH`] that is no speech, 0.15 to 1.5 s within a second of near silence.
pub fn no_speech(kind: usize, random: &mut Random) -> Vec<i16> {
    let length = (random.between(0.15, 1.5) * RATE as f32) as usize;
    let amplitude = random.between(300.0, 12_000.0);
    let (low, sharp) = (random.between(0.0, 0.95), random.between(0.3, 3.0));
    let notes: Vec<f32> = (0..4).map(|_| 110.0 * 2f32.powf(random.below(40) as f32 / 12.0)).collect();
    let (mut slow, mut out) = (0.0, vec![0i16; RATE / 4]);
    for n in 0..length {
        let (t, share) = (n as f32 / RATE as f32, n as f32 / length as f32);
        let wave = |hz: f32| (std::f32::consts::TAU * hz * t).sin();
        slow = low * slow + (1.0 - low) * random.white();
        let swell = (std::f32::consts::PI * share).sin().powf(sharp);
        let value = match kind {
            0 => slow * 2.0,
            1 => slow * 2.0 * swell,
            2 => {
                (wave(notes[0] * 2.0) + wave(notes[1] * 2.0)) * 0.5 * f32::from(u8::from(t * 4.0 % 2.0 < 1.3))
            }
            3 => {
                let note = notes[(t * 5.0) as usize % 4];
                (1..6).map(|h| wave(note * h as f32) / h as f32).sum::<f32>() * 0.4 * (1.0 - t * 5.0 % 1.0)
            }
            4 => random.white() * f32::from(u8::from(t * sharp * 4.0 % 1.0 < 0.06)),
            _ => (1..9).map(|h| wave(notes[0] * 0.6 * h as f32)).sum::<f32>() * 0.2 * swell,
        };
        out.push((value * amplitude) as i16);
    }
    out.extend(vec![0; RATE / 4]);
    out.iter_mut().for_each(|s| *s = s.saturating_add((random.white() * 12.0) as i16));
    out
}
