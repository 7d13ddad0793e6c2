//! What may never be said, whoever writes a script: `lexicon.LANG.toml`, which compliance edits.
//!
//! Deliberately absent: judgement. A word is found or not; what it would do to whoever hears it stands
//! beside it, for the person who has to find another.

use waihu_types::Lang;

use crate::{
    problem::{Problem, Problems},
    reader::{self, Value},
};

/// A group of expressions, and why they are not said.
#[derive(Clone, Debug)]
struct Forbidden {
    words: Vec<String>,
    except: Vec<String>,
    why: String,
}

/// What may never be said in one language.
#[derive(Clone, Debug, Default)]
pub struct Lexicon(Vec<Forbidden>);

impl Lexicon {
    /// Reads `lexicon.LANG.toml`; `path` is for messages.
    ///
    /// # Errors
    /// Everything that is wrong with it, by line.
    pub fn parse(path: &str, text: &str, lang: Lang) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let lexicon = Self::read(path, text, lang, &mut problems);
        if problems.0.is_empty() { Ok(lexicon) } else { Err(problems.0) }
    }

    pub(super) fn read(path: &str, text: &str, lang: Lang, problems: &mut Problems) -> Self {
        let mut t = reader::read(path, text, problems);
        let groups = t.take("forbidden").map(Value::items_or_one).unwrap_or_default();
        t.close(problems);
        let mut lexicon = Self::default();
        for group in groups {
            let Some(mut t) = group.table("forbidden", problems) else { continue };
            let at = t.at.clone();
            let mut texts = |key| {
                let words = t.strings(key, problems);
                words.into_iter().map(|(w, _)| plain(&w, lang)).filter(|w| !w.trim().is_empty()).collect()
            };
            let (words, except): (Vec<String>, _) = (texts("words"), texts("except"));
            let why = t.string("why", problems).map(|w| w.0).unwrap_or_default();
            if words.is_empty() || why.is_empty() {
                problems.add(&at, "a group needs words and why", "why is shown to whoever writes the script");
            }
            t.close(problems);
            lexicon.0.push(Forbidden { words, except, why });
        }
        lexicon
    }

    /// The first expression of a text that may not be said, and why.
    pub fn first_in(&self, text: &str, lang: Lang) -> Option<(&str, &str)> {
        let text = plain(text, lang);
        self.0.iter().find_map(|group| {
            let text = group.except.iter().fold(text.clone(), |text, e| text.replace(e, " "));
            let word = group.words.iter().find(|w| text.contains(*w))?;
            Some((word.trim(), group.why.as_str()))
        })
    }
}

/// A text as it is searched: Mandarin without spaces and punctuation, English as words between spaces.
fn plain(text: &str, lang: Lang) -> String {
    match lang {
        Lang::Zh => text.chars().filter(|c| c.is_alphanumeric()).collect(),
        Lang::En => {
            let words = text.to_lowercase().replace(|c: char| !c.is_alphanumeric() && c != '\'', " ");
            format!(" {} ", words.split_whitespace().collect::<Vec<_>>().join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole_and_exceptions_are_left() {
        let text = "[[forbidden]]\nwords = [\"arrest\", \"jail\"]\nexcept = [\"cardiac arrest\"]\nwhy = \"a threat\"\n";
        let mut problems = Problems::default();
        let lexicon = Lexicon::read("lexicon.en.toml", text, Lang::En, &mut problems);
        assert!(problems.0.is_empty());
        assert_eq!(lexicon.first_in("You may be ARRESTED.", Lang::En), None);
        assert_eq!(lexicon.first_in("They will arrest you!", Lang::En), Some(("arrest", "a threat")));
        assert_eq!(lexicon.first_in("After a cardiac arrest.", Lang::En), None);
        let zh = Lexicon::read(
            "lexicon.zh.toml",
            "[[forbidden]]\nwords = \"坐牢\"\nwhy = \"威胁\"",
            Lang::Zh,
            &mut problems,
        );
        assert_eq!(zh.first_in("不还就要坐，牢", Lang::Zh), Some(("坐牢", "威胁")));
    }
}
