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
    /// Whether a plan of several payments is right, or possible.
    Plan {
        /// Its payments, as far as they were read out.
        parts: Vec<(Date, Decimal)>,
    },
    /// Whether now is a good time to talk.
    Suits,
    /// Whether it has been paid.
    Paid,
    /// When it will pay.
    When,
    /// How much.
    HowMuch,
    /// Both of them.
    WhenAndHowMuch,
    /// In how many parts.
    HowMany,
    /// By which way it will pay.
    Channel,
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
        if has(question, words.channel) {
            return Asked::Channel;
        }
        if has(question, words.suits) {
            return Asked::Suits;
        }
        if has(question, words.paid) {
            return Asked::Paid;
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
        if has(question, words.why) {
            return Asked::Why;
        }
        // "On Friday, November 27. Is that right?": the values stand in a sentence before.
        let near = [1, 2, 3].map(|n| last(&text, question, n));
        if has(near[2], words.plan) {
            return Asked::Plan { parts: parts(lang, near[2], today) };
        }
        let values = near.map(|t| values(lang, t, today));
        let both = values.iter().find(|v| v.date.is_some() && v.amount.is_some());
        let any = || values.iter().find(|v| v.date.is_some() || v.amount.is_some());
        // A sum by itself, two sentences away, may be anything: the debt, say.
        if let Some(v) = both.or_else(any) {
            return Asked::Terms { date: v.date, sum: v.amount };
        }
        match kind {
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
        let over = matches!(c, '。' | '？' | '！' | '?' | '!')
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

/// The question and what stands before it, so many sentences in all.
fn last<'t>(text: &'t str, question: &str, sentences: usize) -> &'t str {
    let Some(at) = text.rfind(question) else { return text };
    let before = text[..at].trim_end();
    // The end of the sentence just before the question is where it begins.
    let begin = if sentences <= 1 { at } else { ends(before).rev().nth(sentences - 1).unwrap_or(0) };
    &text[begin..at + question.len()]
}

/// The payments of a plan: each stands between semicolons with its sum and its day.
fn parts(lang: Lang, text: &str, today: Date) -> Vec<(Date, Decimal)> {
    let plan = text.split(['；', ';', '。']);
    plan.filter_map(|part| {
        let v = values(lang, part, today);
        v.date.zip(v.amount)
    })
    .collect()
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
    channel: &'static [&'static str],
    suits: &'static [&'static str],
    paid: &'static [&'static str],
    plan: &'static [&'static str],
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
    why: &["为什么", "什么原因", "怎么回事", "什么困难", "什么情况", "遇到", "难处"],
    suits: &["现在方便", "几分钟，方便吗"],
    paid: &["已经还款了吗", "已经还了吗"],
    channel: &["怎么还呢", "用什么方式还", "转账，还是"],
    plan: &["期：", "期:"],
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
    when: &["when ", "what day", "which day", "what date", "a date", "how soon", "how long"],
    how_much: &["how much", "what amount", "what sum", "any figure", "what could you manage"],
    how_many: &["how many"],
    call_time: &["time to call", "what time", "suit you", "call you", "good time"],
    call_back: &["call you back"],
    pay: &["pay", "afford", "manage"],
    why: &[
        "why",
        "what happened",
        "the reason",
        "makes it difficult",
        "made it hard",
        "made it difficult",
        "something come up",
    ],
    suits: &["is now a good time", "a minute now", "few minutes now", "is this a good time"],
    paid: &["been able to send it", "has it been paid"],
    channel: &["how would you like to pay", "by bank transfer, or"],
    plan: &["payments:"],
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
            ("您现在方便接电话吗？", "Do you have a few minutes now?", Asked::Suits),
            ("想跟您核对一下上次说好的事，现在方便吗？", "Is now a good time?", Asked::Suits),
            ("这笔款您已经还了吗？", "Has it been paid, do you know?", Asked::Paid),
            ("是不是有什么难处？您可以跟我说。", "Has something come up? You can tell me.", Asked::Why),
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
    fn a_plan_is_known_with_its_payments() {
        let sum = |whole: i64| Decimal::new(whole * 100, 2);
        let zh = "跟您确认一下：分三期：第一期400.00元，12月1日星期二；第二期400.00元，2027年1月4日星期一；\
                  第三期400.00元，2027年2月1日星期一，一共1200.00元。对吗？";
        let en = "Let me check that: three payments: $400.00 on Tuesday, December 1; $400.00 on Monday, \
                  January 4, 2027; and $400.00 on Monday, February 1, 2027. That is $1,200.00 in all. Is that right?";
        let wanted = [date(2026, 12, 1), date(2027, 1, 4), date(2027, 2, 1)].map(|d| (d, sum(400))).to_vec();
        assert_eq!(asked(Lang::Zh, zh), Asked::Plan { parts: wanted.clone() });
        assert_eq!(asked(Lang::En, en), Asked::Plan { parts: wanted });
        let one =
            "So that is one payment of $1,200.00 on Friday, November 27, $1,200.00 in all. Is that right?";
        let terms = Asked::Terms { date: Some(date(2026, 11, 27)), sum: Some(sum(1_200)) };
        assert_eq!(asked(Lang::En, one), terms);
        let one = "Let me check that: one payment of $1,200.00 on Friday, November 27. That is $1,200.00 in all. \
                   Is that right?";
        assert_eq!(asked(Lang::En, one), terms);
        assert_eq!(asked(Lang::Zh, "您打算怎么还呢，手机应用、转账，还是自动扣款？"), Asked::Channel);
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
