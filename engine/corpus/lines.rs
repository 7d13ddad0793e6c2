//! What is said in the sets: lists of lines of the project's own, those that judge apart from those that
//! train. The files in `lines/` say what their columns are.

use waihu_types::{Lang, Question};

use crate::Purpose;

/// A line of a set of speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeechLine {
    /// Its language.
    pub lang: Lang,
    /// The words.
    pub text: &'static str,
}

/// What a turn is to a bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TurnKind {
    /// An answer, with bars where the speaker may rest.
    Turn,
    /// A sign of listening.
    BackChannel,
    /// It means to stop the bot.
    Interruption,
}

/// A line of a set of turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnLine {
    /// Its language.
    pub lang: Lang,
    /// What was asked.
    pub question: Question,
    /// What it is.
    pub kind: TurnKind,
    /// The words, with bars.
    pub text: &'static str,
}

/// A line of a set of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerLine {
    /// Its language, which for tones is that of the network.
    pub lang: Lang,
    /// Who answers, as outcomes name it.
    pub who: &'static str,
    /// What is announced, as outcomes name it.
    pub announcement: Option<&'static str>,
    /// The words; none of a tone or silence.
    pub text: Option<&'static str>,
}

/// The lines of speech for a purpose.
pub fn speech(purpose: Purpose) -> Vec<SpeechLine> {
    let rows = rows(include_str!("lines/speech.tsv"), purpose);
    rows.filter_map(|row| match row[..] {
        [lang, text] => Some(SpeechLine { lang: lang.parse().ok()?, text }),
        _ => None,
    })
    .collect()
}

/// The turns for a purpose.
pub fn turns(purpose: Purpose) -> Vec<TurnLine> {
    let rows = rows(include_str!("lines/turns.tsv"), purpose);
    rows.filter_map(|row| match row[..] {
        [lang, asked, kind, text] => Some(TurnLine {
            lang: lang.parse().ok()?,
            question: question(asked)?,
            kind: match kind {
                "turn" => TurnKind::Turn,
                "back_channel" => TurnKind::BackChannel,
                "interruption" => TurnKind::Interruption,
                _ => return None,
            },
            text,
        }),
        _ => None,
    })
    .collect()
}

/// What is heard at answers, for a purpose.
pub fn answers(purpose: Purpose) -> Vec<AnswerLine> {
    let rows = rows(include_str!("lines/answers.tsv"), purpose);
    let some = |cell: &'static str| (cell != "-").then_some(cell);
    rows.filter_map(|row| match row[..] {
        [lang, who, announcement, text] => Some(AnswerLine {
            lang: lang.parse().ok()?,
            who,
            announcement: some(announcement),
            text: some(text),
        }),
        _ => None,
    })
    .collect()
}

/// The question of that name (`yes_no`, `when`, `how_much`, `digits`, `open`).
pub fn question(name: &str) -> Option<Question> {
    [Question::YesNo, Question::When, Question::HowMuch, Question::Digits, Question::Open]
        .into_iter()
        .find(|q| question_name(*q) == name)
}

/// The name of a question, as manifests write it.
pub fn question_name(question: Question) -> &'static str {
    match question {
        Question::YesNo => "yes_no",
        Question::When => "when",
        Question::HowMuch => "how_much",
        Question::Digits => "digits",
        Question::Open => "open",
    }
}

fn rows(file: &'static str, purpose: Purpose) -> impl Iterator<Item = Vec<&'static str>> {
    let wanted = match purpose {
        Purpose::Judge => "judge",
        Purpose::Train => "train",
    };
    file.lines().filter_map(move |line| {
        let mut cells = line.split('\t');
        (cells.next() == Some(wanted)).then(|| cells.collect())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_of_the_files_is_read() {
        let lines = |file: &str| file.lines().filter(|l| !l.starts_with('#')).count();
        let both = [Purpose::Judge, Purpose::Train];
        let read = |count: fn(Purpose) -> usize| both.into_iter().map(count).sum::<usize>();
        assert_eq!(read(|p| speech(p).len()), lines(include_str!("lines/speech.tsv")));
        assert_eq!(read(|p| turns(p).len()), lines(include_str!("lines/turns.tsv")));
        assert_eq!(read(|p| answers(p).len()), lines(include_str!("lines/answers.tsv")));
    }

    #[test]
    fn no_line_both_trains_and_judges() {
        let texts = |p| -> BTreeSet<String> {
            let plain = |t: &str| t.replace(['|', '，', '。', '？', ',', '.', '?'], "").to_lowercase();
            let answers = answers(p).into_iter().filter_map(|l| l.text);
            speech(p)
                .into_iter()
                .map(|l| l.text)
                .chain(turns(p).into_iter().map(|l| l.text))
                .chain(answers)
                .map(plain)
                .collect()
        };
        let both: Vec<_> = texts(Purpose::Judge).intersection(&texts(Purpose::Train)).cloned().collect();
        assert!(both.is_empty(), "{both:?}");
    }
}
