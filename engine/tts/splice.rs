//! Parts of a text that follow each other from different sources: the rests between them, edges that do
//! not click, and where each word stands.

use std::ops::Range;

use crate::{Mark, Spoken, plan, recording::FADE, telephone};

/// Samples of a frame of 20 ms: parts end with a frame, so that none is filled up by whoever plays them.
const FRAME: usize = 160;

/// A part of a text as it stands in the whole: its bytes, its sound at 8 kHz, and its marks, told of the
/// part alone. Where there are no marks, each word has time by its length.
pub fn part(text: &str, bytes: Range<usize>, samples: &[i16], marks: &[Mark]) -> Spoken {
    let said = text.get(bytes.clone()).unwrap_or_default();
    let marks = match marks {
        [] => by_length(said, samples.len()),
        known => known.to_vec(),
    };
    let marks = marks.into_iter().map(|m| Mark { byte: m.byte + bytes.start, ..m }).collect();
    let mut samples = samples.to_vec();
    fade(&mut samples);
    let after = text.get(bytes.end..).unwrap_or_default();
    if !after.trim().is_empty() {
        let rest = (rest_s(said, after) * telephone::RATE as f32) as usize;
        samples.resize((samples.len() + rest).next_multiple_of(FRAME), 0);
    }
    Spoken { samples: samples.into(), marks }
}

/// Silence up to a whole frame after a clip that is to be followed by another.
pub fn to_frames(spoken: Spoken) -> Spoken {
    if spoken.samples.len().is_multiple_of(FRAME) {
        return spoken;
    }
    let mut samples = spoken.samples.to_vec();
    samples.resize(samples.len().next_multiple_of(FRAME), 0);
    Spoken { samples: samples.into(), ..spoken }
}

/// Puts parts one after the other.
#[derive(Debug, Default)]
pub struct Whole {
    samples: Vec<i16>,
    marks: Vec<Mark>,
}

impl Whole {
    /// Adds what is said next, at 8 kHz.
    pub fn push(&mut self, part: &Spoken) {
        let ms = (self.samples.len() as u64 * 1_000 / u64::from(telephone::RATE)) as u32;
        self.marks.extend(part.marks.iter().map(|m| Mark { at_ms: m.at_ms + ms, ..*m }));
        self.samples.extend_from_slice(&part.samples);
    }

    /// All of it.
    pub fn spoken(&self) -> Spoken {
        Spoken { samples: self.samples.as_slice().into(), marks: self.marks.as_slice().into() }
    }
}

/// The rest where a part ends and another begins [s], by the marks that stand there. Within a phrase the
/// margins of both are rest enough.
fn rest_s(before: &str, after: &str) -> f32 {
    let ends = before.trim_end().chars().next_back().into_iter().chain(after.trim_start().chars().next());
    ends.map(plan::rest_after).fold(0.0, f32::max)
}

fn fade(samples: &mut [i16]) {
    let length = samples.len();
    for n in 0..FADE.min(length / 2) {
        let faded = |s: i16| (i32::from(s) * n as i32 / FADE as i32) as i16;
        samples[n] = faded(samples[n]);
        samples[length - 1 - n] = faded(samples[length - 1 - n]);
    }
}

/// A mark for each word, and for each character of Chinese, as if every character took the same time.
fn by_length(text: &str, samples: usize) -> Vec<Mark> {
    let spoken = text.chars().filter(|c| c.is_alphanumeric()).count().max(1) as u64;
    let ms = samples as u64 * 1_000 / u64::from(telephone::RATE);
    let (mut said, mut in_word) = (0, false);
    let mut marks = Vec::new();
    for (byte, c) in text.char_indices() {
        let is_word = c.is_alphanumeric();
        let stands_alone = is_word && !c.is_ascii() && ('\u{2e80}'..='\u{9fff}').contains(&c);
        if is_word && (stands_alone || !in_word) {
            marks.push(Mark { at_ms: (ms * said / spoken) as u32, byte });
        }
        in_word = (is_word || (in_word && c == '\'')) && !stands_alone;
        said += u64::from(is_word);
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "您好，我是张伟先生吗？";

    #[test]
    fn parts_follow_each_other_with_a_rest_by_their_marks_and_without_a_click() {
        let loud = vec![20_000_i16; 1_600];
        let comma = part(TEXT, 0..9, &loud, &[]);
        let within = part(TEXT, 0..6, &loud, &[]);
        let last = part(TEXT, 9..TEXT.len(), &loud, &[]);
        assert_eq!(last.samples.len(), 1_600, "nothing follows");
        assert!(comma.samples.len() > 1_600 + 1_600 && within.samples.len() > 1_600 + 1_600, "。 and ，");
        assert_eq!(part(TEXT, 9..15, &loud, &[]).samples.len(), 1_600, "within a phrase");
        for p in [&comma, &last] {
            let steps = p.samples.windows(2).map(|w| w[1].abs_diff(w[0])).max();
            assert!(steps.is_some_and(|s| s <= 320), "{steps:?}");
            assert_eq!(p.samples[0], 0);
        }
    }

    #[test]
    fn marks_are_those_of_the_whole_text_and_time() {
        let mut whole = Whole::default();
        whole.push(&part(TEXT, 0..15, &[1; 8_000], &[]));
        let known = [Mark { at_ms: 30, byte: 0 }, Mark { at_ms: 400, byte: 6 }];
        whole.push(&part(TEXT, 15..27, &[1; 4_000], &known));
        let spoken = whole.spoken();
        let first: Vec<(u32, usize)> = spoken.marks.iter().take(4).map(|m| (m.at_ms, m.byte)).collect();
        assert_eq!(first, [(0, 0), (250, 3), (500, 9), (750, 12)]);
        let slot: Vec<(u32, usize)> = spoken.marks.iter().skip(4).map(|m| (m.at_ms, m.byte)).collect();
        assert_eq!(slot, [(1_030, 15), (1_400, 21)]);
        assert_eq!(spoken.heard_to(1_200), Some(15));
    }

    #[test]
    fn words_of_english_have_one_mark_each() {
        let marks = by_length("It's Dan, OK?", 8_000);
        assert_eq!(marks.iter().map(|m| m.byte).collect::<Vec<_>>(), [0, 5, 10]);
        assert_eq!(by_length("", 8_000), []);
        assert_eq!(by_length("？", 8_000), []);
    }
}
