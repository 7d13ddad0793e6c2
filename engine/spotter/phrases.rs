//! The phrases that are listened for, and what each means. Absent: how they sound; that is in the weights.

use waihu_types::{Intent, Lang};

/// The list that the weights were trained for: their classes are its lines, in its order.
const LIST: &str = include_str!("../../models/spotter/phrases.tsv");

/// One short answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// Its language.
    pub lang: Lang,
    /// What it means.
    pub intent: Intent,
    /// Its words.
    pub text: &'static str,
}

/// Every phrase, in the order of the classes.
pub fn all() -> Vec<Phrase> {
    LIST.lines().filter_map(parse).collect()
}

/// A digest of the phrases in their order (FNV-1a), which tells weights of another list.
pub fn digest(phrases: &[Phrase]) -> u64 {
    let words = phrases.iter().flat_map(|p| [p.lang.code(), p.intent.label(), p.text]);
    words.flat_map(|w| w.bytes().chain([0])).fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A line `lang<TAB>intent<TAB>text`; comments are none.
fn parse(line: &'static str) -> Option<Phrase> {
    let mut columns = line.split('\t');
    let (lang, intent, text) = (columns.next()?, columns.next()?, columns.next()?);
    Some(Phrase { lang: lang.parse().ok()?, intent: intent.parse().ok()?, text })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_of_the_list_is_a_phrase_and_none_stands_twice() {
        let phrases = all();
        let lines = LIST.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).count();
        assert_eq!(phrases.len(), lines);
        let texts: BTreeSet<_> = phrases.iter().map(|p| (p.lang, p.text)).collect();
        assert_eq!(texts.len(), lines);
    }

    #[test]
    fn another_order_is_another_list() {
        let mut phrases = all();
        let before = digest(&phrases);
        phrases.swap(0, 1);
        assert_ne!(digest(&phrases), before);
    }
}
