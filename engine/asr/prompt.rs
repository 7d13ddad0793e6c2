//! The words that the recognizer is told to expect.
//!
//! Whisper reads a prompt as the text that came before. A short one in the domain's words steers
//! homophones (逾期, not 余期), names that it cannot know, and the kind of characters; each token of it
//! costs decoding time, so it is a line or two. What stands nearest to the end counts most. Its marks are ASCII,
//! in Mandarin too: the full-width comma is three tokens, the model takes to writing it when it reads it, and it
//! often misses the last of the three, which makes Ｇ, ４ or ０ of a comma and loops of what follows.

use waihu_types::Lang;

use crate::guard::plain;

/// The prompt used where [`crate::Options::prompt`] says nothing.
pub fn default_prompt(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "您的账单逾期了,什么时候还款?",
        Lang::En => "Your loan payment is overdue. When can you pay?",
    }
}

/// Characters of a script's or a question's words at most. A character of Mandarin is one to three tokens,
/// a letter of English about a quarter; the recognizer cuts what is still too long at the front.
const CHARACTERS_MAX: usize = 60;

/// A prompt out of a script's words and the question's.
///
/// ```
/// use waihu_asr::Prompt;
/// use waihu_types::Lang;
///
/// let script = Prompt::new(Lang::Zh).script(["恒通消费金融", "安心花", "赵立峰"]);
/// let asked = script.clone().question(["分期", "最低还款额"]);
/// assert_eq!(asked.text(), "恒通消费金融,安心花,赵立峰,您的账单逾期了,什么时候还款?分期,最低还款额。");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt {
    lang: Lang,
    script: Vec<String>,
    question: Vec<String>,
}

impl std::fmt::Debug for Prompt {
    // The callee's name is among the words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prompt")
            .field("lang", &self.lang)
            .field("script", &self.script.len())
            .field("question", &self.question.len())
            .finish()
    }
}

impl Prompt {
    /// The line of every call: [`default_prompt`].
    pub fn new(lang: Lang) -> Self {
        Self { lang, script: Vec::new(), question: Vec::new() }
    }

    /// Adds words that hold for the whole call, the most important last: creditor, product, name.
    #[must_use]
    pub fn script<'w>(mut self, words: impl IntoIterator<Item = &'w str>) -> Self {
        add(&mut self.script, words);
        self
    }

    /// Adds words that may answer the question just asked, the likeliest last.
    #[must_use]
    pub fn question<'w>(mut self, words: impl IntoIterator<Item = &'w str>) -> Self {
        add(&mut self.question, words);
        self
    }

    /// The text for [`crate::Options::prompt`].
    pub fn text(&self) -> String {
        let (comma, stop) = match self.lang {
            Lang::Zh => (",", "。"),
            Lang::En => (", ", "."),
        };
        let mut text = String::new();
        for word in newest(&self.script) {
            text += word;
            text += comma;
        }
        text += default_prompt(self.lang);
        let question = newest(&self.question);
        if !question.is_empty() {
            if self.lang == Lang::En {
                text.push(' ');
            }
            text += &question.join(comma);
            text += stop;
        }
        text
    }
}

/// Takes words that have letters, without marks that would end the line, each once: the later place counts.
fn add<'w>(list: &mut Vec<String>, words: impl IntoIterator<Item = &'w str>) {
    for word in words {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        let word = word.trim();
        if !plain(word).is_empty() {
            list.retain(|w| w != word);
            list.push(word.to_owned());
        }
    }
}

/// The last words that fit, in their order.
fn newest(words: &[String]) -> &[String] {
    let mut left = CHARACTERS_MAX;
    let fit = words.iter().rev().take_while(|w| {
        let length = w.chars().count();
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    });
    &words[words.len() - fit.count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_words_it_is_the_line_of_every_call() {
        for lang in Lang::ALL {
            assert_eq!(Prompt::new(lang).text(), default_prompt(lang));
            assert_eq!(Prompt::new(lang).script(["", " ", "\0", "，"]).text(), default_prompt(lang));
        }
    }

    #[test]
    fn the_questions_words_stand_nearest_to_the_answer() {
        let prompt = Prompt::new(Lang::En).script(["Harborline", "Imogen Tesfaye"]).question(["yes", "no"]);
        assert_eq!(
            prompt.text(),
            "Harborline, Imogen Tesfaye, Your loan payment is overdue. When can you pay? yes, no."
        );
    }

    #[test]
    fn of_too_many_words_the_latest_stay_and_none_is_cut_in_two() {
        let words: Vec<String> = (0..100).map(|n| format!("第{n}号产品")).collect();
        let text = Prompt::new(Lang::Zh).script(words.iter().map(String::as_str)).text();
        assert!(text.starts_with("第90号产品,第91号产品,"), "{text}");
        assert!(text.contains("第99号产品,您的账单"));
        let endless = "长".repeat(10_000);
        let prompt = Prompt::new(Lang::Zh).script([endless.as_str(), "安心花"]);
        assert!(prompt.text().starts_with("安心花,您"));
    }

    #[test]
    fn a_word_given_twice_stands_where_it_was_given_last() {
        let prompt = Prompt::new(Lang::Zh).question(["分期", "全额"]).question(["分期"]);
        assert!(prompt.text().ends_with("全额,分期。"));
    }

    #[test]
    fn a_log_line_shows_no_word() {
        let prompt = Prompt::new(Lang::Zh).script(["赵立峰"]);
        assert!(!format!("{prompt:?}").contains('赵'));
    }
}
