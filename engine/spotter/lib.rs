//! Short answers heard without a recognizer: 对, 不是, 打错了, "yes", "wrong number" and some eighty more.
//!
//! Most turns of a call are a word or two to a closed question. A small network that was trained on these
//! words at telephone quality (`models/spotter`) hears them at a hundredth of what the recognizer costs, and
//! says nothing whenever it is not sure: other words, long utterances, breath, noise, tones. What it leaves
//! goes to the recognizer. Absent: where an utterance begins and ends (the caller's voice activity detection),
//! and what an answer means to the question asked (the intent room).

mod error;
pub mod front;
pub mod gemm;
pub mod net;
pub mod phrases;

use std::path::Path;

use waihu_types::{Intent, Lang};

pub use error::SpotterError;
use front::Front;
use net::Net;
pub use phrases::Phrase;

/// The first bytes of a file of weights, with the version of its form.
const MAGIC: &[u8; 8] = b"WHSPOT01";
/// The most networks in one file: more cost time and hear little more.
const MOST_NETS: usize = 4;

/// A short answer.
#[derive(Clone, Copy, PartialEq)]
pub struct Spotted {
    /// What it means.
    pub intent: Intent,
    /// The likeliest of the phrases that mean so.
    pub text: &'static str,
    /// The probability of that meaning, 0 to 1, as the network gives it.
    pub confidence: f32,
}

impl std::fmt::Debug for Spotted {
    /// Leaves the words out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spotted({}, {:.3})", self.intent, self.confidence)
    }
}

/// Hears short answers. Threads may share it.
pub struct Spotter {
    front: Front,
    phrases: Vec<Phrase>,
    nets: Vec<Net>,
    thresholds: [f32; 2],
}

impl Spotter {
    /// Reads the weights, `models/spotter/spotter.bin` of the repository.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or belongs to another list of phrases.
    pub fn load(path: &Path) -> Result<Self, SpotterError> {
        let bytes =
            std::fs::read(path).map_err(|source| SpotterError::File { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes)
    }

    /// As [`Spotter::load`], from the bytes of the file.
    ///
    /// # Errors
    /// When they are damaged, or belong to another list of phrases.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SpotterError> {
        let damaged = |what| SpotterError::Damaged { what };
        let (mut body, sum) = bytes.split_last_chunk::<8>().ok_or(damaged("it ends too early"))?;
        if !body.starts_with(MAGIC) {
            return Err(damaged("it does not begin as such a file does"));
        }
        if u64::from_le_bytes(*sum) != fnv(body) {
            return Err(damaged("its sum is wrong"));
        }
        body = &body[MAGIC.len()..];
        let head = net::take(&mut body, 17)?;
        let word = |from: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&head[from..from + 8]);
            u64::from_le_bytes(word)
        };
        let phrases = phrases::all();
        if word(0) != phrases::digest(&phrases) {
            return Err(SpotterError::OtherPhrases);
        }
        let float = |bits: u64| f32::from_bits(bits as u32);
        let thresholds = [float(word(8) & u64::from(u32::MAX)), float(word(8) >> 32)];
        let count = usize::from(head[16]);
        if !(1..=MOST_NETS).contains(&count) {
            return Err(damaged("it holds no networks, or too many"));
        }
        let classes = phrases.len() + 1;
        let nets = (0..count).map(|_| Net::read(&mut body, classes)).collect::<Result<_, _>>()?;
        if !body.is_empty() {
            return Err(damaged("bytes are left over"));
        }
        Ok(Self { front: Front::new(), phrases, nets, thresholds })
    }

    /// The file of these networks and thresholds (Mandarin, English).
    pub fn to_bytes(nets: &[Net], thresholds: [f32; 2]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(phrases::digest(&phrases::all()).to_le_bytes());
        out.extend(thresholds.iter().flat_map(|t| t.to_le_bytes()));
        out.push(nets.len() as u8);
        nets.iter().for_each(|n| n.write(&mut out));
        let sum = fnv(&out);
        out.extend(sum.to_le_bytes());
        out
    }

    /// The short answer in one utterance at 8 kHz, in the language of the call; `None` whenever that is not
    /// sure. Silence around the utterance does no harm, up to 3.6 s in all; speech longer than 1.6 s is not
    /// looked at.
    pub fn spot(&self, lang: Lang, samples_8k: &[i16]) -> Option<Spotted> {
        let best = self.guess(lang, samples_8k)?;
        (best.confidence >= self.threshold(lang)).then_some(best)
    }

    /// The likeliest short answer however unsure, `None` where there is nothing like one to look at. For
    /// measuring: a call uses [`Spotter::spot`].
    pub fn guess(&self, lang: Lang, samples_8k: &[i16]) -> Option<Spotted> {
        let features = self.front.hear(samples_8k)?;
        let mut sums = vec![0.0; self.phrases.len() + 1];
        for net in &self.nets {
            let heard = net.probabilities(&features);
            sums.iter_mut().zip(heard).for_each(|(s, p)| *s += p / self.nets.len() as f32);
        }
        meaning(&self.phrases, &sums, lang)
    }

    /// The networks, whose probabilities are averaged.
    pub fn nets(&self) -> &[Net] {
        &self.nets
    }

    /// The confidence from which an answer in that language counts.
    pub fn threshold(&self, lang: Lang) -> f32 {
        match lang {
            Lang::Zh => self.thresholds[0],
            Lang::En => self.thresholds[1],
        }
    }
}

/// From the probabilities of phrases to the likeliest meaning in a language, and its likeliest phrase.
pub fn meaning(phrases: &[Phrase], probabilities: &[f32], lang: Lang) -> Option<Spotted> {
    let ours = || phrases.iter().zip(probabilities).filter(|(p, _)| p.lang == lang);
    let sum = |intent| ours().filter(|(p, _)| p.intent == intent).map(|(_, x)| x).sum::<f32>();
    let (best, _) = ours().max_by(|a, b| sum(a.0.intent).total_cmp(&sum(b.0.intent)))?;
    let (phrase, _) = ours().filter(|(p, _)| p.intent == best.intent).max_by(|a, b| a.1.total_cmp(b.1))?;
    Some(Spotted { intent: phrase.intent, text: phrase.text, confidence: sum(phrase.intent) })
}

/// A sum over bytes that tells damage (FNV-1a, 64 bits).
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
