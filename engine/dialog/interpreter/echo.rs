//! Whether what was heard is the bot's own line, come back: from a loudspeaker, or from whoever repeats it.
//!
//! An echo has no wish in it, whatever its words would mean from a callee. People take words of a question up
//! in their answer, and name its day or sum once more: so only whole clauses count, with hardly a letter
//! changed, and without values.

use waihu_nlu::Entities;
use waihu_types::Lang;

use super::Interpreter;
use crate::io::Utterance;

/// Fewer letters than these may be an answer: 现在方便, "I'm here".
const LEAST_ZH: usize = 5;
const LEAST_EN: usize = 12;
/// One letter in so many may be misheard.
const MISHEARD: usize = 8;
/// More letters than these are not compared: no line is longer.
const MOST: usize = 200;

impl Interpreter {
    /// Whether an utterance is one of the last lines, or whole clauses of it.
    pub(super) fn is_an_echo(&self, utterance: &Utterance) -> bool {
        let least = match self.lang {
            Lang::Zh => LEAST_ZH,
            Lang::En => LEAST_EN,
        };
        let heard = letters(&utterance.text);
        if !(least..=MOST).contains(&heard.len()) || utterance.entities != Entities::default() {
            return false;
        }
        let filled = |(prompt, turn): (u16, u8)| self.memory.fill(self.wording(usize::from(prompt), turn)?);
        self.said.iter().flatten().copied().filter_map(filled).any(|line| has_clauses(&line, &heard))
    }
}

/// Whether a run of whole clauses of `line` is what was heard.
fn has_clauses(line: &str, heard: &[char]) -> bool {
    let marks = |c: char| c.is_ascii_punctuation() && c != '\'' || "，。？！；：、".contains(c);
    let clauses: Vec<Vec<char>> = line.split(marks).map(letters).filter(|c| !c.is_empty()).collect();
    let misheard = heard.len() / MISHEARD;
    (0..clauses.len()).any(|first| {
        let mut run: Vec<char> = Vec::new();
        clauses.iter().skip(first).any(|clause| {
            run.extend(clause);
            run.len().abs_diff(heard.len()) <= misheard && changed(&run, heard) <= misheard
        })
    })
}

fn letters(text: &str) -> Vec<char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How many letters have to be changed, left out or put in (Levenshtein 1965).
fn changed(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for j in 0..b.len() {
            let next = (diagonal + usize::from(*x != b[j])).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echoes(line: &str, heard: &str) -> bool {
        has_clauses(line, &letters(heard))
    }

    #[test]
    fn whole_clauses_come_back_and_an_answer_in_the_questions_words_does_not() {
        let zh = "您好，我是安信银行的智能语音助手，想联系张伟先生，请帮我转接。谢谢。";
        for heard in
            ["请帮我转接", "想联系张伟先生，请帮我转接。", zh, "我是安信银行的智能语音助手想联系张卫先生"]
        {
            assert!(echoes(zh, heard), "{heard}");
        }
        for (line, heard) in [
            ("现在帮您转接人工专员，可以吗？", "帮我转接人工"),
            ("您现在方便说几句吗？", "我现在方便说几句"),
            ("到那天还款，您看可以吗？", "到那天还款可以"),
            (zh, "我是张伟先生"),
        ] {
            assert!(!echoes(line, heard), "{heard}");
        }
        let en = "Is now a good time? You can ask for a person at any time.";
        assert!(echoes(en, "you can ask for a person at any time"));
        assert!(!echoes(en, "can I ask for a person") && !echoes(en, "now is a good time"));
    }

    #[test]
    fn letters_changed_are_counted() {
        let of = |a: &str, b: &str| changed(&letters(a), &letters(b));
        assert_eq!((of("kitten", "sitting"), of("", "abc"), of("abc", "abc")), (3, 3, 0));
    }
}
