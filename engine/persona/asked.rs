//! What a callee makes of the bot's lines: what it has just been asked.
//!
//! By words, as people do, and by what the bot says it listens for, where that is known. Deliberately absent:
//! the script's states and rules, so that a persona can talk with any flow.

use jiff::civil::Date;
use rust_decimal::Decimal;
use waihu_dialog::Expectation;
use waihu_nlu::Entities;
use waihu_types::{Lang, Question};

/// What the bot has asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whether it is the person.
    Who,
    /// Whether it knows the person.
    Know,
    /// Whether this day, this sum or both are right, or possible.
    Terms {
        /// The day.
        date: Option<Date>,
        /// The sum.
        sum: Option<Decimal>,
    },
    /// When it will pay.
    When,
    /// How much.
    HowMuch,
    /// Both of them.
    WhenAndHowMuch,
    /// In how many parts.
    HowMany,
    /// When to call.
    CallTime,
    /// Whether it wants to be put through to a person.
    Person,
    /// Why it has not paid, or cannot.
    Why,
    /// Digits, of a document say.
    Digits,
    /// Something else that wants a yes or no.
    Whether,
    /// Anything, or nothing that could be made out.
    Open,
}

/// The bot's lines since the callee's last turn.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    text: String,
    private: bool,
}

impl Lines {
    /// One more line was heard.
    pub fn hear(&mut self, text: &str, private: bool) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(text);
        self.private |= private;
    }

    /// Nothing was said since.
    pub fn clear(&mut self) {
        self.text.clear();
        self.private = false;
    }

    /// Whether one of them spoke of the debt.
    pub fn spoke_of_the_debt(&self) -> bool {
        self.private
    }

    /// Whether the bot said that it heard or understood nothing.
    pub fn did_not_hear(&self, lang: Lang) -> bool {
        let words: &[&str] = match lang {
            Lang::Zh => &["没听清", "没听明白", "没有听到", "没能听懂", "喂，您好"],
            Lang::En => &["didn't catch", "didn't follow", "don't follow", "can't hear", "Hello?"],
        };
        words.iter().any(|w| self.text.contains(w))
    }

    /// What was asked, by the last question of the lines.
    pub fn asked(&self, lang: Lang, name: &str, today: Date, expected: Option<&Expectation>) -> Asked {
        let text = self.text.to_lowercase();
        let question = last_question(&text);
        let name = name.to_lowercase();
        let kind = expected.map(|e| e.question);
        let has = |text: &str, words: &[&str]| words.iter().any(|w| text.contains(w));
        let words = Words::of(lang);
        if has(question, words.know) {
            return Asked::Know;
        }
        if has(question, words.who) || question.contains(&name) && !name.is_empty() {
            return Asked::Who;
        }
        // "You can ask for a person at any time" is no question.
        if has(question, words.person) && question.ends_with(['?', '？']) {
            return Asked::Person;
        }
        let (when, how_much) = (has(question, words.when), has(question, words.how_much));
        if when && how_much {
            return Asked::WhenAndHowMuch;
        }
        if has(question, words.how_many) {
            return Asked::HowMany;
        }
        let of_calls = has(question, words.call_time) || has(&text, words.call_back);
        if of_calls && !has(question, words.pay) && (when || kind != Some(Question::YesNo)) {
            return Asked::CallTime;
        }
        if when {
            return Asked::When;
        }
        if how_much {
            return Asked::HowMuch;
        }
        // "On Friday, November 27. Is that right?": the values stand in the sentence before.
        let values = [question, last_two(&text, question)].map(|t| values(lang, t, today));
        if let Some(v) = values.iter().find(|v| v.date.is_some() || v.amount.is_some()) {
            return Asked::Terms { date: v.date, sum: v.amount };
        }
        match kind {
            _ if has(question, words.why) => Asked::Why,
            Some(Question::When) => Asked::When,
            Some(Question::HowMuch) => Asked::HowMuch,
            Some(Question::Digits) => Asked::Digits,
            Some(Question::YesNo) => Asked::Whether,
            None if question.ends_with(['?', '？']) => Asked::Whether,
            Some(Question::Open) | None => Asked::Open,
        }
    }
}

/// The day and the sum in a text of the bot's. It names days with their weekday first in English ("Tuesday,
/// September 1"), where the rules for callees hear the next Tuesday.
fn values(lang: Lang, text: &str, today: Date) -> Entities {
    const WEEKDAYS: [&str; 7] =
        ["monday, ", "tuesday, ", "wednesday, ", "thursday, ", "friday, ", "saturday, ", "sunday, "];
    match lang {
        Lang::Zh => waihu_nlu::extract(lang, text, today),
        Lang::En => {
            let plain = WEEKDAYS.iter().fold(text.to_owned(), |t, day| t.replace(day, ""));
            waihu_nlu::extract(lang, &plain, today)
        }
    }
}

/// Where sentences end: not in `$1,840.50`.
fn ends(text: &str) -> impl DoubleEndedIterator<Item = usize> {
    let after = |(i, c): (usize, char)| {
        let end = i + c.len_utf8();
        let over = matches!(c, '。' | '？' | '！' | '?' | '!' | ';')
            || c == '.' && text[end..].chars().next().is_none_or(char::is_whitespace);
        over.then_some(end)
    };
    text.char_indices().filter_map(after)
}

/// The last sentence that is a question; the last sentence where none is.
fn last_question(text: &str) -> &str {
    let text = text.trim_end();
    let end = text
        .rfind(['?', '？'])
        .map_or(text.len(), |i| i + text[i..].chars().next().map_or(0, char::len_utf8));
    let begin = ends(&text[..end]).rfind(|e| *e < end).unwrap_or(0);
    text[begin..end].trim()
}

/// The sentence before the question, and the question.
fn last_two<'t>(text: &'t str, question: &str) -> &'t str {
    let Some(at) = text.rfind(question) else { return text };
    let end = at + question.len();
    let begin = ends(&text[..at]).rev().nth(1).unwrap_or(0);
    &text[begin..end]
}

/// The words by which a question is known.
struct Words {
    know: &'static [&'static str],
    who: &'static [&'static str],
    person: &'static [&'static str],
    when: &'static [&'static str],
    how_much: &'static [&'static str],
    how_many: &'static [&'static str],
    call_time: &'static [&'static str],
    call_back: &'static [&'static str],
    pay: &'static [&'static str],
    why: &'static [&'static str],
}

impl Words {
    fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Zh => &ZH,
            Lang::En => &EN,
        }
    }
}

const ZH: Words = Words {
    know: &["认识"],
    who: &["本人", "请问是"],
    person: &["人工", "转接", "专员", "同事跟您", "主管"],
    when: &["哪天", "哪一天", "什么时候", "什么时间", "几号", "日期", "何时"],
    how_much: &["多少", "说个数", "几成"],
    how_many: &["几期", "几个月还", "分几"],
    call_time: &["几点", "联系您", "接电话", "回电", "什么时间方便", "给您打"],
    call_back: &["回电"],
    pay: &["还款", "还清", "还上", "还多少", "付"],
    why: &["为什么", "什么原因", "怎么回事", "什么困难", "遇到"],
};

const EN: Words = Words {
    know: &["do you know mr", "do you know ms", "do you know mrs", "do you know "],
    who: &["speaking with", "speaking to", "is that you", "is this you", "am i through to"],
    person: &[
        "put you through",
        "speak to a person",
        "speak to someone",
        "one of our people",
        "talk to a person",
    ],
    when: &["when ", "what day", "which day", "what date", "a date", "how soon"],
    how_much: &["how much", "what amount", "what sum", "any figure"],
    how_many: &["how many"],
    call_time: &["time to call", "what time", "suit you", "call you", "good time"],
    call_back: &["call you back"],
    pay: &["pay", "afford", "manage"],
    why: &["why ", "what happened", "the reason", "makes it difficult", "made it hard"],
};

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 11, 24);

    fn asked(lang: Lang, text: &str) -> Asked {
        let mut lines = Lines::default();
        lines.hear(text, false);
        let name = if lang == Lang::Zh { "张伟" } else { "Daniel Reed" };
        lines.asked(lang, name, TODAY, None)
    }

    #[test]
    fn a_question_is_known_by_its_words() {
        for (zh, en, wanted) in [
            (
                "您好，我是安信银行的智能语音助手。请问是张伟先生吗？",
                "Am I speaking with Mr Daniel Reed?",
                Asked::Who,
            ),
            ("不好意思。请问您认识张伟先生吗？", "I'm sorry. Do you know Mr Daniel Reed?", Asked::Know),
            ("还款日是11月15日。请问您大概哪天可以还款？", "When do you think you can pay it?", Asked::When),
            ("好的，您打算先还多少呢？", "All right. How much could you pay first?", Asked::HowMuch),
            (
                "麻烦您再说一下，哪天还，还多少？",
                "Which day would it be, and how much?",
                Asked::WhenAndHowMuch,
            ),
            (
                "抱歉。我请他们给您回电，您什么时间方便？",
                "I'll have someone call you back. When would suit you?",
                Asked::CallTime,
            ),
            ("您看几点联系您比较方便？", "What time would suit you?", Asked::CallTime),
            (
                "现在帮您转接人工专员，可以吗？",
                "One of our people can. Shall I put you through now?",
                Asked::Person,
            ),
        ] {
            assert_eq!(asked(Lang::Zh, zh), wanted, "{zh}");
            assert_eq!(asked(Lang::En, en), wanted, "{en}");
        }
    }

    #[test]
    fn a_day_two_weeks_ahead_is_no_day_of_this_week() {
        let later = Some(date(2026, 12, 11));
        let text = "Let me check that: you will pay $20.00 on Friday, December 11. Is that right?";
        assert_eq!(asked(Lang::En, text), Asked::Terms { date: later, sum: Some(Decimal::new(2_000, 2)) });
    }

    #[test]
    fn a_day_and_a_sum_that_are_read_back_are_known() {
        let friday = Some(date(2026, 11, 27));
        let sum = |cents| Some(Decimal::new(cents, 2));
        assert_eq!(
            asked(Lang::Zh, "跟您确认一下：您会在11月27日星期五还款3250.00元，对吗？"),
            Asked::Terms { date: friday, sum: sum(325_000) }
        );
        assert_eq!(
            asked(
                Lang::En,
                "Let me check that: you will pay $1,840.50 on Friday, November 27. Is that right?"
            ),
            Asked::Terms { date: friday, sum: sum(184_050) }
        );
        assert_eq!(
            asked(Lang::En, "Could you manage it a little sooner, by Friday, November 27?"),
            Asked::Terms { date: friday, sum: None }
        );
    }
}
