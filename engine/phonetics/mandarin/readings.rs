//! Which reading a character takes in which word.
//!
//! Four layers: words of the trade with their whole reading, words of everyday with a character that is read
//! otherwise in them (both also known to the word cutter), readings of single
//! characters where the everyday one is not the dictionary's first, and, for what is left, the
//! dictionary of the `pinyin` crate. Characters that change with the sentence are in `context`.

use std::collections::HashMap;

use pinyin::ToPinyin;

use super::syllable::Syllable;

/// Words and their readings, one a line: the word, then pinyin with tone digits (5 is neutral).
const WORDS: &str = include_str!("words.txt");
/// Words in which a character is not read as by itself.
const POLYPHONES: &str = include_str!("polyphones.txt");
/// Everyday readings of single characters that have several.
const CHARACTERS: &str = include_str!("characters.txt");
/// Readings of family names that differ from the everyday one.
const SURNAMES: &str = include_str!("surnames.txt");

pub(super) struct Readings {
    words: HashMap<&'static str, Vec<Syllable>>,
    characters: HashMap<char, Syllable>,
    surnames: HashMap<char, Syllable>,
    longest: usize,
}

impl Readings {
    pub(super) fn load() -> Self {
        // The later table wins.
        let words: HashMap<_, _> = entries(POLYPHONES).chain(entries(WORDS)).collect();
        let longest = words.keys().map(|w| w.chars().count()).max().unwrap_or(1);
        Self { words, characters: single(CHARACTERS), surnames: single(SURNAMES), longest }
    }

    /// The words of the table, which the word cutter is to know.
    pub(super) fn known_words(&self) -> impl Iterator<Item = &'static str> {
        self.words.keys().copied()
    }

    /// The reading of a word: whole if the table has it, else by its longest known parts, else character
    /// by character. `None` stands for a character without a reading.
    pub(super) fn of_word(&self, word: &[char]) -> Vec<Option<Syllable>> {
        let mut out = Vec::with_capacity(word.len());
        let mut at = 0;
        while at < word.len() {
            let most = self.longest.min(word.len() - at);
            let known = (2..=most).rev().find_map(|n| {
                let part: String = word[at..at + n].iter().collect();
                self.words.get(part.as_str()).map(|s| (n, s))
            });
            if let Some((n, syllables)) = known {
                out.extend(syllables.iter().cloned().map(Some));
                at += n;
            } else {
                out.push(self.of_char(word[at]));
                at += 1;
            }
        }
        out
    }

    /// The everyday reading of one character.
    pub(super) fn of_char(&self, c: char) -> Option<Syllable> {
        if let Some(s) = self.characters.get(&c) {
            return Some(s.clone());
        }
        Syllable::parse(c.to_pinyin()?.with_tone_num_end())
    }

    /// The reading of a character as a family name.
    pub(super) fn of_surname(&self, c: char) -> Option<&Syllable> {
        self.surnames.get(&c)
    }
}

fn entries(table: &'static str) -> impl Iterator<Item = (&'static str, Vec<Syllable>)> {
    table.lines().filter(|l| !l.starts_with('#')).filter_map(|line| {
        let mut fields = line.split_whitespace();
        let word = fields.next()?;
        let syllables: Vec<Syllable> = fields.map_while(Syllable::parse).collect();
        (syllables.len() == word.chars().count()).then_some((word, syllables))
    })
}

fn single(table: &'static str) -> HashMap<char, Syllable> {
    entries(table).filter_map(|(w, s)| Some((w.chars().next()?, s.into_iter().next()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_a_word_with_its_reading() {
        for (name, table) in
            [("words", WORDS), ("polyphones", POLYPHONES), ("characters", CHARACTERS), ("surnames", SURNAMES)]
        {
            let lines = table.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()).count();
            assert_eq!(entries(table).count(), lines, "{name}: a line cannot be read");
            let mut words: Vec<_> = entries(table).map(|(w, _)| w).collect();
            words.sort_unstable();
            let before = words.len();
            words.dedup();
            assert_eq!(words.len(), before, "{name}: a word stands twice");
        }
    }
}
