//! Whatever a recognizer writes, entities come back, and in linear time.

use jiff::civil::{Date, date};
use proptest::prelude::*;
use waihu_nlu::{decide, extract};
use waihu_types::Lang;

/// The pieces that rules look for, to be strung together without sense.
const PIECES: &[&str] = &[
    "三",
    "千",
    "百",
    "十",
    "万",
    "亿",
    "两",
    "半",
    "零",
    "点",
    "块",
    "毛",
    "周",
    "下",
    "下下个",
    "月",
    "底",
    "号",
    "年",
    "天",
    "后",
    "过",
    "分",
    "期",
    "个",
    "一",
    "五",
    "多",
    "几",
    "尾号",
    "晚上",
    "刻",
    "¥",
    "x",
    "幺",
    "不对",
    "不行",
    "农历",
    "正",
    "闰",
    "初",
    "中秋",
    "没钱",
    "不是",
    "都",
    "和",
    "1",
    "23",
    "99999999999",
    "0",
    ".",
    ",",
    ":",
    "/",
    "-",
    " ",
    "two",
    "fifty",
    "hundred",
    "thousand",
    "and",
    "a",
    "the",
    "first",
    "second",
    "thirty",
    "of",
    "next",
    "friday",
    "week",
    "month",
    "end",
    "in",
    "days",
    "from",
    "today",
    "not",
    "lunar",
    "cant",
    "or",
    "wont work",
    "november",
    "may",
    "at",
    "five",
    "pm",
    "oclock",
    "half",
    "past",
    "quarter",
    "to",
    "$",
    "dollars",
    "cents",
    "point",
    "k",
    "lakh",
    "crore",
    "million",
    "double",
    "oh",
    "payments",
    "over",
    "split",
    "no wait",
    "2026",
    "31",
    "12",
];

fn any_day() -> impl Strategy<Value = Date> {
    prop_oneof![
        (1i16..=9998, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| date(y, m, d)),
        Just(Date::MIN),
        Just(Date::MAX),
    ]
}

proptest! {
    #[test]
    fn any_text_on_any_day_is_read(text in "\\PC{0,80}", today in any_day()) {
        for lang in Lang::ALL {
            let found = extract(lang, &text, today);
            prop_assert!(serde_json::to_string(&found).is_ok());
            let _ = decide(lang, &text, &[], &[]);
        }
    }

    #[test]
    fn any_string_of_number_words_is_read(
        picks in prop::collection::vec(0..PIECES.len(), 0..40),
        spaced in any::<bool>(),
        today in any_day(),
    ) {
        let words: Vec<&str> = picks.iter().map(|p| PIECES[*p]).collect();
        let text = words.join(if spaced { " " } else { "" });
        for lang in Lang::ALL {
            let found = extract(lang, &text, today);
            if let Some(a) = found.amount {
                prop_assert!(!a.is_sign_negative() && a.normalize().scale() <= 2);
            }
            prop_assert!(found.currency.is_none() || found.amount.is_some());
            prop_assert!(found.digits.is_none_or(|d| (3..=25).contains(&d.len())));
        }
    }
}

/// Written in one go, they once came back as they stood.
#[test]
fn digits_of_no_length_that_is_read_out_are_left_out() {
    let today = date(2026, 11, 24);
    let digits = |lang, text: &str| extract(lang, text, today).digits;
    for length in 1..60 {
        for (lang, said) in [(Lang::Zh, "尾号"), (Lang::En, "the last digits are ")] {
            let run = "1".repeat(length);
            let found = digits(lang, &format!("{said}{run}"));
            let read_out = (3..=25).contains(&length);
            assert!(found.is_none() || read_out && found.as_ref() == Some(&run), "{said}, {length} digits");
        }
    }
    let long = "2312".to_owned() + "99999999999" + "99999999999" + "一";
    assert_eq!(digits(Lang::Zh, &long), None);
}

/// What is read is no longer than the longest text that is looked at, so that no utterance, made
/// of whatever rules look at again and again, costs more than the last.
#[test]
fn what_lies_beyond_the_limit_is_not_read() {
    let today = date(2026, 11, 24);
    for (lang, filler) in [(Lang::Zh, "嗯"), (Lang::En, "um "), (Lang::Zh, "三千"), (Lang::En, "nine ")] {
        let long = filler.repeat(5_000);
        let value = if lang == Lang::Zh { "明天" } else { " tomorrow" };
        assert_eq!(extract(lang, &format!("{long}{value}"), today).date, None);
        assert!(extract(lang, &format!("{value} {long}"), today).date.is_some());
    }
}
