//! Small surface features beside the sentence vector: which short runs of characters, syllables
//! and words occur. The encoder knows meanings but blurs short words that decide (不, 没, 吗, 先);
//! these features keep them apart. Syllables without tones see through a recognizer's homophones
//! (预期 for 逾期, 环 for 还).

use std::ops::RangeInclusive;

use pinyin::ToPinyin;
use waihu_types::Lang;

/// Features are hashed into this many buckets; four times as many measured no better.
pub const NGRAM_BUCKETS: usize = 8192;

/// The buckets of a normalized text, in ascending order without doubles.
pub(crate) fn buckets(lang: Lang, text: &str) -> Vec<u32> {
    let mut out = Vec::new();
    match lang {
        Lang::Zh => {
            let characters = between_marks(text.chars().map(|c| alike(c).to_string()));
            runs(CHARACTERS, &characters, 1..=3, &mut out);
            runs(SYLLABLES, &between_marks(text.chars().map(syllable)), 1..=2, &mut out);
        }
        Lang::En => {
            let words: Vec<String> = text.split(' ').map(word).collect();
            let characters = between_marks(words.join(" ").chars().map(String::from));
            runs(WORDS, &between_marks(words.into_iter()), 1..=2, &mut out);
            runs(CHARACTERS, &characters, 3..=4, &mut out);
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// Kinds of features, hashed apart.
const CHARACTERS: u8 = 0;
const SYLLABLES: u8 = 0x20;
const WORDS: u8 = 0x10;

/// All runs of so many parts.
fn runs(kind: u8, parts: &[String], lengths: RangeInclusive<u8>, out: &mut Vec<u32>) {
    for n in lengths {
        let windows = parts.windows(usize::from(n));
        out.extend(windows.map(|w| bucket(kind + n, &w.join(" "))));
    }
}

/// The parts of a text between marks for where it begins and ends.
fn between_marks(parts: impl Iterator<Item = String>) -> Vec<String> {
    let mark = |m: &str| std::iter::once(m.to_owned());
    mark("^").chain(parts).chain(mark("$")).collect()
}

/// All figures are alike: which one is said is the entities' business.
fn alike(c: char) -> char {
    if c.is_ascii_digit() { '0' } else { c }
}

fn word(w: &str) -> String {
    if w.starts_with(|c: char| c.is_ascii_digit()) { "0".to_owned() } else { w.to_owned() }
}

/// A character's commonest reading without its tone; of 还, the reading that pays.
fn syllable(c: char) -> String {
    match (c, c.to_pinyin()) {
        ('还', _) => "huan".to_owned(),
        (_, Some(reading)) => reading.plain().to_owned(),
        (c, None) => alike(c).to_string(),
    }
}

/// How a normalized text sounds, without tones: of Mandarin its syllables, all else as it is written.
pub(crate) fn sounds(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c.to_string() } else { syllable(c) + " " }).collect()
}

/// FNV-1a over the kind of feature and its characters: the same on every machine and release.
fn bucket(kind: u8, text: &str) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for b in std::iter::once(kind).chain(text.bytes()) {
        hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash >> 20) as u32 % NGRAM_BUCKETS as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_always_has_the_same_buckets() {
        let a = buckets(Lang::Zh, "我不还");
        assert_eq!(a, buckets(Lang::Zh, "我不还"));
        assert_ne!(a, buckets(Lang::Zh, "我还"));
        assert!(a.windows(2).all(|w| w[0] < w[1]));
        assert!(a.iter().all(|b| (*b as usize) < NGRAM_BUCKETS));
    }

    #[test]
    fn all_digits_are_alike() {
        assert_eq!(buckets(Lang::Zh, "还500"), buckets(Lang::Zh, "还300"));
        assert_eq!(buckets(Lang::En, "i pay 20"), buckets(Lang::En, "i pay 350"));
    }

    #[test]
    fn homophones_share_their_syllables() {
        let shared = |a: &str, b: &str| {
            let (a, b) = (buckets(Lang::Zh, a), buckets(Lang::Zh, b));
            a.iter().filter(|x| b.contains(x)).count() as f64 / a.len() as f64
        };
        assert!(shared("逾期", "预期") > shared("逾期", "过期"));
        assert!(shared("我不还", "我不环") > shared("我不还", "我不来"));
    }
}
