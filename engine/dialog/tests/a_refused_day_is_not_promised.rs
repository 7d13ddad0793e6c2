//! A day that is refused is not taken down: what was agreed before it stands, or another day is asked for.
#![allow(clippy::unwrap_used, clippy::panic)]

mod reminder;

use jiff::civil::{Date, date};
use reminder::Talk;
use waihu_types::{Intent, Lang};

/// The day of the call: a Tuesday.
const TODAY: Date = date(2026, 11, 24);

/// What is being said comes to its end, and then the callee answers.
fn answers(talk: &mut Talk, lang: Lang, intent: Intent, text: &str) {
    talk.all_done(4_000);
    talk.pass(700);
    talk.heard_since(talk.now, intent, waihu_nlu::extract(lang, text, TODAY));
}

/// The matter has been told.
fn asked_when(lang: Lang) -> Talk {
    let mut talk = Talk::answered(lang);
    talk.all_done(6_000);
    talk.says(Intent::Affirm);
    talk.all_done(4_000);
    assert_eq!(talk.bot.state_name(), "promise.matter");
    talk
}

/// The day that comes to be promised.
fn promised(mut talk: Talk) -> Option<Date> {
    talk.all_done(4_000);
    talk.says(Intent::Affirm);
    talk.all_done(4_000);
    talk.ended.and_then(|c| c.promise).map(|p| p.date)
}

#[test]
fn no_earlier_day_leaves_the_one_that_was_named() {
    for (lang, named, refused) in
        [(Lang::Zh, "十二月十五号", "周五不行"), (Lang::En, "December 15th", "Friday doesn't work")]
    {
        let mut talk = asked_when(lang);
        answers(&mut talk, lang, Intent::PromiseToPay, named);
        assert_eq!(talk.bot.state_name(), "promise.earlier_date");
        answers(&mut talk, lang, Intent::Deny, refused);
        assert_eq!(talk.last(), "read_back");
        assert_eq!(promised(talk), Some(date(2026, 12, 15)), "{refused}");
    }
}

#[test]
fn a_day_refused_at_its_read_back_is_asked_for_anew() {
    for (lang, named, refused, other) in [
        (Lang::Zh, "周五还", "周五不行", "周五不行，周一吧"),
        (Lang::En, "I'll pay on Friday", "I can't do Friday", "not Friday, Monday"),
    ] {
        let mut talk = asked_when(lang);
        answers(&mut talk, lang, Intent::PromiseToPay, named);
        assert_eq!(talk.last(), "read_back");
        answers(&mut talk, lang, Intent::Deny, refused);
        assert_eq!(talk.bot.state_name(), "promise.correction");
        answers(&mut talk, lang, Intent::Deny, other);
        assert_eq!(talk.last(), "read_back");
        assert_eq!(promised(talk), Some(date(2026, 11, 30)), "{other}");
    }
}
