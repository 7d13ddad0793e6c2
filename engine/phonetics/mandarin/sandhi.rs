//! Tone sandhi: how tones change beside each other.
//!
//! After the standard descriptions (Chao 1968, Duanmu 2007): 一 and 不 before the tone that follows, a
//! third tone before a third tone within a foot and across a one-syllable word. The half third tone is
//! not written: the model makes it.

use super::context::{Draft, is_digit_word};
use super::syllable::{Syllable, Tone};

/// Applies all changes to a phrase, that is to words between which the voice does not rest.
pub(super) fn apply(words: &mut [Draft]) {
    one_and_not(words);
    third_tones(words);
}

/// What one syllable has beside it.
struct Beside {
    before: Option<char>,
    before_that: Option<char>,
    after: Option<char>,
    tone_after: Option<Tone>,
    /// Whether the character stands inside a word of three or more, neither first nor last.
    inside: bool,
}

fn one_and_not(words: &mut [Draft]) {
    let flat: Vec<(char, Tone)> =
        words.iter().flat_map(|w| w.chars.iter().copied().zip(w.syllables.iter().map(|s| s.tone))).collect();
    let mut at = 0;
    for word in words {
        let last = word.chars.len() - 1;
        for (n, syllable) in word.syllables.iter_mut().enumerate() {
            let (c, tone) = flat[at];
            let char_at = |i: usize| flat.get(i).map(|&(c, _)| c);
            let beside = Beside {
                before: at.checked_sub(1).and_then(char_at),
                before_that: at.checked_sub(2).and_then(char_at),
                after: char_at(at + 1),
                tone_after: flat.get(at + 1).map(|&(_, t)| t),
                inside: n > 0 && n < last,
            };
            syllable.tone = match (c, tone) {
                ('一', Tone::First) => one(&beside, n == last && last > 0),
                ('不', Tone::Fourth) => not(&beside),
                (_, t) => t,
            };
            at += 1;
        }
    }
}

/// The tone of 一. It keeps its own in rows of digits, in ordinals and dates, and at the end of a word.
fn one(beside: &Beside, ends_word: bool) -> Tone {
    let counts_itself =
        beside.before.is_some_and(|c| is_digit_word(c) || matches!(c, '第' | '十' | '周' | '初' | '期'))
            || beside
                .after
                .is_some_and(|c| is_digit_word(c) || matches!(c, '十' | '月' | '号' | '日' | '楼' | '期'))
            || beside.before == Some('点') && beside.before_that.is_some_and(is_digit_word);
    if counts_itself || ends_word {
        return Tone::First;
    }
    if beside.before.is_some() && beside.before == beside.after {
        return Tone::Neutral;
    }
    match (beside.tone_after, beside.after) {
        (None, _) => Tone::First,
        (Some(Tone::Fourth), _) | (Some(Tone::Neutral), Some('个')) => Tone::Second,
        _ => Tone::Fourth,
    }
}

/// The tone of 不: light in 行不行 and 听不懂, rising before a falling tone.
fn not(beside: &Beside) -> Tone {
    if beside.inside || (beside.before.is_some() && beside.before == beside.after) {
        return Tone::Neutral;
    }
    if beside.tone_after == Some(Tone::Fourth) { Tone::Second } else { Tone::Fourth }
}

/// The same within a name, which stands by itself: third tones only.
pub(super) fn within_name(syllables: &mut [Syllable]) {
    for n in (1..syllables.len()).rev() {
        if syllables[n - 1].tone == Tone::Third && syllables[n].tone == Tone::Third {
            syllables[n - 1].tone = Tone::Second;
        }
    }
}

fn third_tones(words: &mut [Draft]) {
    for word in words.iter_mut() {
        within_word(word);
    }
    for at in 1..words.len() {
        let (before, after) = words.split_at_mut(at);
        let (Some(before), Some(after)) = (before.last_mut(), after.first()) else { return };
        let close = before.chars.len() == 1 || after.chars.len() == 1;
        let next_is_third = after.syllables.first().is_some_and(|s| s.tone == Tone::Third);
        if let Some(last) = before.syllables.last_mut()
            && close
            && next_is_third
            && last.tone == Tone::Third
        {
            last.tone = Tone::Second;
        }
    }
}

/// Within a word, foot by foot: two syllables each, three in the last of an odd word.
fn within_word(word: &mut Draft) {
    let n = word.syllables.len();
    let feet = (n / 2).max(1);
    for foot in 0..feet {
        let start = foot * 2;
        let end = if foot + 1 == feet { n } else { start + 2 };
        rise(word, start, end);
    }
    for foot in 1..feet {
        rise(word, foot * 2 - 1, foot * 2 + 1);
    }
}

fn rise(word: &mut Draft, start: usize, end: usize) {
    for i in start..end.saturating_sub(1) {
        if word.syllables[i].tone == Tone::Third && word.syllables[i + 1].tone == Tone::Third {
            word.syllables[i].tone = Tone::Second;
        }
    }
}
