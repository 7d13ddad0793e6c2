//! A day that is named in passing: 今天天气不错 answers no question for a day, and names one all the same.
//!
//! Only words that mean nothing to the classifier are looked at, and only the days that people name without
//! meaning to. Deliberately absent: what is meant otherwise.

use waihu_types::Lang;

/// The days that are named in passing.
const DAYS_ZH: [&str; 5] = ["今天", "今日", "明天", "后天", "今晚"];
const DAYS_EN: [&str; 3] = ["today", "tomorrow", "tonight"];
/// What stands beside a day that is an answer: times, who, will, and where the money comes from.
const BESIDE_ZH: [&str; 22] = [
    "发工资",
    "工资",
    "到账",
    "上午",
    "下午",
    "中午",
    "早上",
    "晚上",
    "之前",
    "之内",
    "以内",
    "可以",
    "应该",
    "大概",
    "没问题",
    "行",
    "还",
    "付",
    "转",
    "给",
    "就",
    "是",
];
const FEW_ZH: &str = "我你的吧呢啊哦嗯了那要会能把再先在点半刻分钟左右零一二三四五六七八九十两百千万块元钱";
const BESIDE_EN: [&str; 42] = [
    "day",
    "after",
    "i",
    "ill",
    "im",
    "id",
    "is",
    "its",
    "thats",
    "my",
    "it",
    "that",
    "the",
    "a",
    "an",
    "on",
    "by",
    "at",
    "in",
    "for",
    "or",
    "then",
    "well",
    "uh",
    "um",
    "oh",
    "maybe",
    "just",
    "can",
    "will",
    "would",
    "could",
    "be",
    "pay",
    "payday",
    "paycheck",
    "get",
    "paid",
    "morning",
    "afternoon",
    "evening",
    "works",
];
/// So much more than that, in characters or words, and something else is spoken of.
const MORE: usize = 2;

/// Whether a text names a day and speaks of something else.
pub(crate) fn names_a_day_in_passing(lang: Lang, text: &str) -> bool {
    let text = text.to_lowercase();
    match lang {
        Lang::Zh => {
            if !DAYS_ZH.iter().any(|day| text.contains(day)) {
                return false;
            }
            let left = DAYS_ZH.iter().chain(&BESIDE_ZH).fold(text, |text, word| text.replace(word, " "));
            let more = left.chars().filter(|c| c.is_alphabetic() && !FEW_ZH.contains(*c)).count();
            more >= MORE
        }
        Lang::En => {
            let plain: String = text.chars().filter(|c| *c != '\'' && *c != '’').collect();
            let words = || plain.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
            let beside = |w: &&str| {
                DAYS_EN.contains(w) || BESIDE_EN.contains(w) || w.starts_with(|c: char| c.is_ascii_digit())
            };
            words().any(|w| DAYS_EN.contains(&w)) && words().filter(|w| !beside(w)).count() >= MORE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weather_of_today_is_no_day_to_pay_on() {
        for (lang, text) in [
            (Lang::Zh, "今天天气不错。"),
            (Lang::Zh, "我今天看看吧"),
            (Lang::Zh, "明天有台风呢"),
            (Lang::En, "Nice weather today."),
            (Lang::En, "What's on TV tonight?"),
        ] {
            assert!(names_a_day_in_passing(lang, text), "{text}");
        }
        for (lang, text) in [
            (Lang::Zh, "今天吧。"),
            (Lang::Zh, "明天下午三点。"),
            (Lang::Zh, "后天发工资，就还。"),
            (Lang::Zh, "十五号吧，天气不错"),
            (Lang::En, "Today."),
            (Lang::En, "I get paid tomorrow."),
            (Lang::En, "Tomorrow at 3 in the afternoon works."),
            (Lang::En, "The fifteenth, nice weather then"),
        ] {
            assert!(!names_a_day_in_passing(lang, text), "{text}");
        }
    }
}
