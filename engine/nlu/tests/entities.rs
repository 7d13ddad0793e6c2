//! What was said, against what a listener would have written down: `tests/data/*.tsv`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;

use jiff::civil::Date;
use waihu_nlu::extract;
use waihu_types::Lang;

/// Checks every line `text<TAB>today<TAB>expected JSON` and reports all that differ.
fn check(lang: Lang, table: &str, at_least: usize) {
    let mut wrong = String::new();
    let mut cases = 0;
    for (n, line) in table.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
        let [text, today, want] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("line {}: not three columns", n + 1)
        };
        let today: Date = today.parse().unwrap_or_else(|e| panic!("line {}: {e}", n + 1));
        let want: serde_json::Value =
            serde_json::from_str(want).unwrap_or_else(|e| panic!("line {}: {e}", n + 1));
        let found = serde_json::to_value(extract(lang, text, today)).unwrap();
        cases += 1;
        if found != want {
            writeln!(wrong, "line {}: {text}\n    want  {want}\n    found {found}", n + 1).unwrap();
        }
    }
    assert!(cases >= at_least, "only {cases} cases");
    assert!(wrong.is_empty(), "{} of {cases} differ\n{wrong}", wrong.lines().count() / 3);
}

#[test]
fn mandarin_entities_are_what_a_listener_writes_down() {
    check(Lang::Zh, include_str!("data/zh.tsv"), 150);
}

#[test]
fn english_entities_are_what_a_listener_writes_down() {
    check(Lang::En, include_str!("data/en.tsv"), 150);
}

#[test]
fn all_of_it_is_told_from_a_part() {
    const TODAY: Date = jiff::civil::date(2026, 11, 24);
    for (lang, whole, texts) in [
        (Lang::Zh, true, &["我一次性还清", "全部还", "全额吧", "周五我把它还清", "那就全款"][..]),
        (
            Lang::Zh,
            false,
            &["还不清", "没法一次性还清", "全部还不上", "分三期还清", "先还五百", "全部三千二", "好的"],
        ),
        (
            Lang::En,
            true,
            &["In full.", "all of it", "I'll pay the whole thing on Friday", "the full amount, then"],
        ),
        (
            Lang::En,
            false,
            &["I can't pay it all", "not in full", "part of the whole amount", "two hundred", "okay"],
        ),
    ] {
        for text in texts {
            assert_eq!(extract(lang, text, TODAY).whole, whole, "{text}");
        }
    }
}

#[test]
fn a_currency_that_shares_its_word_is_told_from_one_that_does_not() {
    const TODAY: Date = jiff::civil::date(2026, 11, 24);
    for (lang, shared, texts) in [
        (Lang::Zh, true, &["五百块", "五百元", "三百块钱", "五百块零五毛", "$500"][..]),
        (Lang::Zh, false, &["五百美元", "五百港币", "五百人民币", "五百英镑", "五百"]),
        (Lang::En, true, &["five hundred dollars", "$500", "fifty bucks"]),
        (Lang::En, false, &["500 USD", "five hundred pounds", "five hundred yuan", "five hundred"]),
    ] {
        for text in texts {
            assert_eq!(extract(lang, text, TODAY).shared_currency, shared, "{text}");
        }
    }
}

#[test]
fn mandarin_entities_of_the_second_list_are_what_a_listener_writes_down() {
    check(Lang::Zh, include_str!("data/zh-2.tsv"), 150);
}

#[test]
fn english_entities_of_the_second_list_are_what_a_listener_writes_down() {
    check(Lang::En, include_str!("data/en-2.tsv"), 150);
}

#[test]
fn entities_of_the_third_lists_are_what_a_listener_writes_down() {
    check(Lang::Zh, include_str!("data/zh-3.tsv"), 60);
    check(Lang::En, include_str!("data/en-3.tsv"), 100);
}

#[test]
fn entities_of_the_fourth_lists_are_what_a_listener_writes_down() {
    check(Lang::Zh, include_str!("data/zh-4.tsv"), 120);
    check(Lang::En, include_str!("data/en-4.tsv"), 120);
}

#[test]
fn an_answer_with_a_day_that_is_left_out_is_told_from_a_bare_one() {
    const TODAY: Date = jiff::civil::date(2026, 11, 24);
    for (lang, left_out, texts) in [
        (Lang::Zh, true, &["十二月一号不行", "不是周三", "明天没钱", "农历八月十五", "初五"][..]),
        (Lang::Zh, false, &["不行", "没钱", "一号不行，五号吧", "一号不行吗", "初五不行，五号吧"]),
        (Lang::En, true, &["not the fifth", "I can't do Friday", "tomorrow won't work", "lunar August 15th"]),
        (Lang::En, false, &["no", "I can't", "not Friday, Monday", "why not Friday", "Friday"]),
    ] {
        for text in texts {
            let found = extract(lang, text, TODAY);
            assert_eq!(found.day_left_out, left_out, "{text}");
            assert!(!(left_out && (found.is_empty() || found.date.is_some())), "{text}");
        }
    }
}
