//! What the words so far say about the end of a turn.

use waihu_types::{Lang, Question};

use crate::{english, mandarin};

/// Whether words may be the end of what somebody says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    /// They end where nobody ends: in a conjunction, an article, a filler.
    Unfinished,
    /// They may go on or not.
    #[default]
    Unclear,
    /// They answer the question, or close a sentence.
    Finished,
}

/// The words of a turn up to a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// How they end.
    pub complete: Completeness,
    /// How many digits were read out.
    pub digits: usize,
}

impl Words {
    /// Looks at a recognized text, in answer to a question.
    pub fn of(lang: Lang, text: &str, question: Question) -> Self {
        let digits = match lang {
            Lang::Zh => mandarin::digits(text),
            Lang::En => english::digits(text),
        };
        Self { complete: completeness(lang, text, question), digits }
    }
}

/// Judges by its last words whether a text, recognized as far as a pause, may be all that somebody answers to
/// a question. Full stops are not believed: a recognizer puts one wherever the sound ends.
pub fn completeness(lang: Lang, text: &str, question: Question) -> Completeness {
    let text = text.trim();
    if text.ends_with(['?', '？']) {
        return Completeness::Finished;
    }
    // Where it hears that something follows it writes one of these; and, in a pause, now and then where nothing does.
    let more = text.ends_with(['，', ',', '、', '…', '—', '-', ':', '：']) || text.ends_with("...");
    let words = match lang {
        Lang::Zh => mandarin::completeness(text, question),
        Lang::En => english::completeness(text, question),
    };
    match (more, words) {
        (false, words) => words,
        (true, Completeness::Finished) => Completeness::Unclear,
        (true, _) => Completeness::Unfinished,
    }
}

#[cfg(test)]
mod tests {
    use waihu_types::{
        Lang::{En, Zh},
        Question::{Digits, HowMuch, Open, When, YesNo},
    };

    use super::{Completeness::*, *};

    #[test]
    fn a_value_where_it_is_asked_for_is_an_answer() {
        for (lang, text, question) in [
            (Zh, "是的", YesNo),
            (Zh, "对，我就是。", YesNo),
            (Zh, "嗯，可以的。", YesNo),
            (Zh, "我没有", YesNo),
            (Zh, "他不在", YesNo),
            (Zh, "下周五", When),
            (Zh, "我十五号还", When),
            (Zh, "三千五百块", HowMuch),
            (Zh, "先还一半吧", HowMuch),
            (Zh, "我已经还了", Open),
            (En, "Yes.", YesNo),
            (En, "no I can't", YesNo),
            (En, "probably not", YesNo),
            (En, "next Friday", When),
            (En, "two hundred dollars", HowMuch),
            (En, "could you say that again?", Open),
        ] {
            assert_eq!(completeness(lang, text, question), Finished, "{text}");
        }
    }

    #[test]
    fn a_conjunction_or_a_filler_is_no_end() {
        for (lang, text, question) in [
            (Zh, "嗯那个", When),
            (Zh, "可以，但是", YesNo),
            (Zh, "我失业了，因为", Open),
            (Zh, "我", YesNo),
            (Zh, "我把钱打到，", Open),
            (Zh, "尾号是", Digits),
            (Zh, "我想", When),
            (Zh, "就是", HowMuch),
            (En, "um", YesNo),
            (En, "Yes, but", YesNo),
            (En, "I lost my job and", Open),
            (En, "the", When),
            (En, "I can", When),
            (En, "my number is", Digits),
            (En, "I could do like", HowMuch),
            (En, "They said that", Open),
        ] {
            assert_eq!(completeness(lang, text, question), Unfinished, "{text}");
        }
    }

    #[test]
    fn a_number_may_go_on() {
        for (lang, text, question) in [
            (Zh, "三千", HowMuch),
            (Zh, "六二二二", Digits),
            (Zh, "下个月", When),
            (En, "two thousand", HowMuch),
            (En, "four one one one", Digits),
            (En, "the fifteenth", When),
            (Zh, "不是", YesNo),
            (Zh, "没有啊", YesNo),
            (Zh, "他出去了", YesNo),
            (En, "No, no.", YesNo),
            (Zh, "", Open),
            (En, "  ", YesNo),
        ] {
            assert_eq!(completeness(lang, text, question), Unclear, "{text}");
        }
    }

    #[test]
    fn digits_are_counted_as_they_are_read() {
        assert_eq!(Words::of(Zh, "幺三八 零零", Digits).digits, 5);
        assert_eq!(Words::of(Zh, "尾号是6868", Digits).digits, 4);
        assert_eq!(Words::of(En, "four one oh, 22", Digits).digits, 5);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_judged(text in "\\PC{0,40}", zh in "[一-龥]{0,12}[，。…]?") {
            for question in [YesNo, When, HowMuch, Digits, Open] {
                for text in [&text, &zh] {
                    Words::of(Zh, text, question);
                    Words::of(En, text, question);
                }
            }
        }
    }
}
