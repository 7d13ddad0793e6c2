//! The words of one utterance, made plain, and what they say by themselves.

use jiff::civil::{Date, date};
use waihu_types::{Intent, Lang};

use super::phrases;
use crate::entities::{Entities, extract};

/// An utterance made plain: small letters, no marks; English words with one blank on either side.
pub(crate) struct Words {
    lang: Lang,
    pub plain: String,
}

impl Words {
    pub fn lang(&self) -> Lang {
        self.lang
    }

    pub fn of(lang: Lang, text: &str) -> Self {
        let mut plain = String::with_capacity(text.len() + 2);
        plain.push(' ');
        for c in text.chars() {
            if c.is_alphanumeric() {
                plain.extend(c.to_lowercase());
            } else if !matches!(c, '\'' | '’') && lang == Lang::En && !plain.ends_with(' ') {
                plain.push(' ');
            }
        }
        if !plain.ends_with(' ') {
            plain.push(' ');
        }
        Self { lang, plain }
    }

    /// Whether one of the phrases stands in the text; in English as whole words.
    pub fn has(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|p| match self.lang {
            Lang::Zh => self.plain.contains(p),
            Lang::En => self
                .plain
                .match_indices(p)
                .any(|(i, _)| self.plain[..i].ends_with(' ') && self.plain[i + p.len()..].starts_with(' ')),
        })
    }

    /// Nothing was said, or only what recognizers write for noise and music.
    pub fn is_noise(&self) -> bool {
        const WHOLE: &[&str] = &[
            "blank audio",
            "blankaudio",
            "music",
            "inaudible",
            "silence",
            "noise",
            "thanks for watching",
            "thank you for watching",
            "请不吝点赞订阅转发打赏支持明镜与点点栏目",
            "谢谢观看",
            "感谢观看",
            "谢谢收看",
            "音乐",
            "掌声",
            "you",
        ];
        let text = self.plain.trim();
        text.is_empty() || WHOLE.contains(&text) || text.starts_with("字幕") || text.contains("amaraorg")
    }

    pub fn unmistakable(&self) -> Option<Intent> {
        let rules: &[phrases::Rule] = match self.lang {
            Lang::Zh => phrases::ZH,
            Lang::En => phrases::EN,
        };
        rules.iter().find(|r| self.has(r.phrases) && !self.has(r.unless)).map(|r| r.intent)
    }

    /// Whether a payment is told of that was made.
    pub fn tells_of_a_payment(&self) -> bool {
        let (paid, unless): (&[&str], &[&str]) = match self.lang {
            Lang::Zh => (
                &[
                    "已经还",
                    "已经付",
                    "已经转",
                    "已还",
                    "早就还",
                    "早还了",
                    "刚还了",
                    "刚刚还了",
                    "刚付",
                    "刚转",
                    "昨天还了",
                    "昨天付",
                    "昨天转",
                    "前天还了",
                    "上周还了",
                    "上个月还了",
                    "还过",
                    "付过",
                    "转过",
                ],
                &["没", "不", "如果", "要是", "等我", "明天", "后天", "下周", "下个月", "再还"],
            ),
            Lang::En => (
                &[
                    "i paid",
                    "i already paid",
                    "ive paid",
                    "i have paid",
                    "ive already paid",
                    "i have already paid",
                    "already paid",
                    "i sent",
                    "ive sent",
                    "i already sent",
                    "we paid",
                    "weve paid",
                ],
                &[
                    "not",
                    "havent",
                    "if i paid",
                    "if i sent",
                    "once ive",
                    "when ive",
                    "after ive",
                    "until ive",
                    "what if",
                    "tomorrow",
                    "next week",
                    "next month",
                    "id rather",
                ],
            ),
        };
        self.has(paid) && !self.has(unless)
    }

    /// A day, a sum, all of it or a number of parts with next to nothing around it.
    pub fn bare_value(&self, text: &str, expected: &[Intent]) -> Option<Intent> {
        // Which kinds are found does not hang on the day of the call.
        const ANY_DAY: Date = date(2026, 1, 1);
        let short = match self.lang {
            Lang::Zh => self.plain.chars().count() <= 10,
            Lang::En => self.plain.split_whitespace().count() <= 5,
        };
        let asks_or_denies = match self.lang {
            Lang::Zh => self.has(&[
                "吗", "什么", "几", "多少", "哪", "不", "没", "昨", "前天", "已经", "了", "打", "再", "天气",
                "说",
            ]),
            Lang::En => self.has(&[
                "what",
                "when",
                "how",
                "why",
                "no",
                "not",
                "cant",
                "dont",
                "wont",
                "yesterday",
                "paid",
                "call",
                "last",
                "is",
                "are",
                "was",
                "did",
                "do you",
            ]),
        };
        if !short || asks_or_denies || text.ends_with(['?', '？']) {
            return None;
        }
        let Entities { date, amount, count, whole, .. } = extract(self.lang, text, ANY_DAY);
        let fits: &[Intent] = if amount.is_some() {
            &[Intent::PartialPayment, Intent::PromiseToPay, Intent::RequestInstallments]
        } else if count.is_some() {
            &[Intent::RequestInstallments]
        } else if whole {
            &[Intent::PromiseToPay]
        } else if date.is_some() {
            &[Intent::PromiseToPay, Intent::RequestCallback, Intent::RequestExtension]
        } else {
            return None;
        };
        fits.iter().find(|i| expected.contains(i)).or(fits.first()).copied()
    }
}
