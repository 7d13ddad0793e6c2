//! How a sum or a number of parts is meant, and by what way it will be paid: by words anywhere in the
//! utterance.

use waihu_types::{Lang, PaymentChannel};

/// What the words around the values say of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Paying {
    /// A sum is that of every part.
    pub(super) each: bool,
    /// Parts are those of what then remains.
    pub(super) rest: bool,
    pub(super) channel: Option<PaymentChannel>,
}

const EACH_ZH: &[&str] = &[
    "每个月",
    "每月",
    "每期",
    "每次",
    "每笔",
    "每周",
    "每个星期",
    "每星期",
    "每礼拜",
    "每回",
    "一个月还",
    "一个月给",
    "一个月付",
    "一个月只能",
    "一个月最多",
    "一期还",
];
const EACH_EN: &[&str] = &[
    "a month",
    "per month",
    "each month",
    "every month",
    "monthly",
    "a week",
    "per week",
    "each week",
    "every week",
    "weekly",
    "biweekly",
    "each payment",
    "per payment",
    "each time",
    "every time",
    "every payday",
    "each payday",
    "a paycheck",
    "per paycheck",
    "every two weeks",
    "apiece",
];
/// Before "a month" or "a week" these make it a length of time.
const LENGTH_EN: &[&str] =
    &["in", "for", "within", "after", "once", "about", "another", "over", "half", "twice"];
const REST_ZH: &[&str] = &["剩下", "剩余", "余下", "其余", "剩的", "后面的", "余款", "尾款"];
const REST_EN: &[&str] =
    &["the rest", "the remaining", "remainder", "whats left", "what's left", "the balance", "left over"];

/// The first list with a word in the text names the channel: the more special lists come first.
const CHANNELS_ZH: &[(PaymentChannel, &[&str])] = &[
    (
        PaymentChannel::Autodebit,
        &[
            "自动扣",
            "代扣",
            "自动还",
            "绑定的卡",
            "绑的卡",
            "存到卡里",
            "存进卡",
            "卡里扣",
            "扣款",
            "直接扣",
            "划扣",
        ],
    ),
    (PaymentChannel::Other, &["支付宝", "微信", "云闪付", "还款码", "扫码"]),
    (
        PaymentChannel::Counter,
        &["柜台", "网点", "营业厅", "去银行", "到银行", "去你们银行", "线下", "门店", "柜面"],
    ),
    (
        PaymentChannel::BankTransfer,
        &["转账", "汇款", "打款", "转过去", "转过来", "打过去", "转给你们", "对公"],
    ),
    (
        PaymentChannel::App,
        &["app", "手机银行", "网上银行", "网银", "小程序", "官网", "线上", "软件", "手机上还", "客户端"],
    ),
];
const CHANNELS_EN: &[(PaymentChannel, &[&str])] = &[
    (
        PaymentChannel::Autodebit,
        &[
            "autopay",
            "auto pay",
            "auto debit",
            "direct debit",
            "automatic",
            "take it out of my",
            "debit my account",
        ],
    ),
    (
        PaymentChannel::Other,
        &[
            "debit card",
            "credit card",
            "by card",
            "with my card",
            "over the phone",
            "by phone",
            "by check",
            "a check",
            "cheque",
            "by mail",
            "mail it",
            "paypal",
            "cash app",
            "venmo",
            "money order",
            "apple pay",
        ],
    ),
    (
        PaymentChannel::Counter,
        &["branch", "in person", "counter", "teller", "walk in", "at the bank", "to the bank"],
    ),
    (
        PaymentChannel::BankTransfer,
        &["bank transfer", "a transfer", "by transfer", "transfer it", "transfer the money", "wire", "zelle"],
    ),
    (PaymentChannel::App, &["app", "online", "website", "web site", "portal", "mobile banking", "your site"]),
];

/// What the words of an utterance say of paying.
pub(super) fn paying(lang: Lang, text: &str) -> Paying {
    let text = text.to_lowercase();
    match lang {
        Lang::Zh => {
            let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
            Paying {
                each: has(EACH_ZH),
                rest: has(REST_ZH),
                channel: CHANNELS_ZH.iter().find(|c| has(c.1)).map(|c| c.0),
            }
        }
        Lang::En => {
            let has = |words: &[&str]| words.iter().any(|w| english(&text, w).next().is_some());
            let each = EACH_EN.iter().any(|w| english(&text, w).any(|at| !is_length(&text[..at])));
            Paying { each, rest: has(REST_EN), channel: CHANNELS_EN.iter().find(|c| has(c.1)).map(|c| c.0) }
        }
    }
}

/// Where a phrase stands in an English text as whole words.
fn english<'a>(text: &'a str, phrase: &'a str) -> impl Iterator<Item = usize> + 'a {
    let joins = |c: char| c.is_alphanumeric();
    text.match_indices(phrase)
        .map(|m| m.0)
        .filter(move |at| !text[..*at].ends_with(joins) && !text[at + phrase.len()..].starts_with(joins))
}

fn is_length(before: &str) -> bool {
    before.split_whitespace().next_back().is_some_and(|word| LENGTH_EN.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use PaymentChannel as C;

    fn of(lang: Lang, text: &str) -> (bool, bool, Option<C>) {
        let p = paying(lang, text);
        (p.each, p.rest, p.channel)
    }

    #[test]
    fn a_sum_is_of_every_part_only_where_that_is_said() {
        for text in ["我每个月还五百", "每期一千可以吗", "一个月最多八百"] {
            assert!(of(Lang::Zh, text).0, "{text}");
        }
        for text in ["一个月后还五百", "先还五百", "下个月还"] {
            assert!(!of(Lang::Zh, text).0, "{text}");
        }
        for text in ["I can do 200 a month", "Two hundred per paycheck.", "fifty weekly"] {
            assert!(of(Lang::En, text).0, "{text}");
        }
        for text in ["I'll pay 200 in a month", "give me a week", "for a month", "Monday"] {
            let expected = text == "give me a week";
            assert_eq!(of(Lang::En, text).0, expected, "{text}");
        }
    }

    #[test]
    fn the_rest_is_named() {
        assert!(of(Lang::Zh, "先还五百剩下分两期").1 && of(Lang::En, "500 now and the rest in two").1);
        assert!(!of(Lang::Zh, "分三期").1 && !of(Lang::En, "in three payments").1);
    }

    #[test]
    fn the_way_of_paying_is_named() {
        for (text, channel) in [
            ("我在手机银行还", C::App),
            ("用你们APP", C::App),
            ("我转账过去", C::BankTransfer),
            ("你们自动扣款就行", C::Autodebit),
            ("我去柜台还", C::Counter),
            ("微信可以吗", C::Other),
        ] {
            assert_eq!(of(Lang::Zh, text).2, Some(channel), "{text}");
        }
        for (text, channel) in [
            ("I'll use the app", C::App),
            ("bank transfer", C::BankTransfer),
            ("just take it out of my checking account", C::Autodebit),
            ("I'll stop by a branch", C::Counter),
            ("with my debit card", C::Other),
            ("cash app", C::Other),
        ] {
            assert_eq!(of(Lang::En, text).2, Some(channel), "{text}");
        }
        for (zh, en) in
            [("好的", "perhaps"), ("帮我转到人工", "transfer me to a person"), ("我看一下", "let me check")]
        {
            assert_eq!((of(Lang::Zh, zh).2, of(Lang::En, en).2), (None, None), "{zh}, {en}");
        }
    }
}
