//! English entities: one pass from left to right.
//!
//! At each place a day, a time, a number of parts, and then digits and a sum are tried, and what
//! is read is skipped, so that the "fifteenth" of a day is never part of a sum.

mod amount;
mod count;
mod date;
mod number;
mod refusal;
mod time;
mod token;

use jiff::civil::Date;

use super::{
    Entities,
    found::{Found, Hold},
};
use token::{Token, after, before, has, not_taken_back, phrase};

/// What stands before or behind a day that is not the one meant: pay day, or a day that does not
/// suit.
const BEFORE_GIVES_WAY: &[&str] = &[
    "get paid",
    "salary",
    "paycheck",
    "due",
    "get my check",
    "wages",
    "payday is",
    "paycheck comes",
    "cant do",
    "cant make",
    "not",
];
const AFTER_GIVES_WAY: &[&str] = &[
    "i get paid",
    "is payday",
    "is my payday",
    "is no good",
    "doesnt work",
    "wont work",
    "isnt good",
    "is not possible",
    "i cant",
    "is too soon",
    "is too early",
];

/// What takes back the words before it.
const CORRECTIONS: &[&str] = &[
    "no wait",
    "i mean",
    "i meant",
    "make that",
    "make it",
    "sorry no",
    "no sorry",
    "actually",
    "or rather",
    "correction",
    "scratch that",
];

/// How far around a day the words are looked at that make it weak.
const REACH: usize = 4;

/// Words for all of what is owed.
const WHOLE: &[&str] = &[
    "in full",
    "all of it",
    "it all",
    "the whole thing",
    "the whole amount",
    "the whole lot",
    "the whole sum",
    "whole balance",
    "full amount",
    "full balance",
    "the full sum",
    "entire amount",
    "entire balance",
    "entire thing",
    "everything i owe",
    "pay it off",
    "pay off everything",
];

/// Words around them by which it is not all.
const NOT_WHOLE: &[&str] = &[
    "not",
    "no",
    "cant",
    "cannot",
    "dont",
    "wont",
    "couldnt",
    "never",
    "unable",
    "part of",
    "half of",
    "without",
    "instead of",
];

/// Whether all of what is owed is named.
fn says_whole(t: &[Token]) -> bool {
    (0..t.len()).any(|i| {
        let ahead = not_taken_back(before(t, i, 6));
        WHOLE.iter().any(|w| phrase(t, i, w)) && !NOT_WHOLE.iter().any(|w| has(ahead, w))
    })
}

pub(super) fn extract(text: &str, today: Date) -> Entities {
    let t = token::tokens(text);
    let context = amount::Context::of(&t);
    let mut found = Found::new();
    // What refuses one day does not refuse the next: "not Monday, Tuesday".
    let (mut i, mut earlier) = (0, refusal::Earlier::default());
    while i < t.len() {
        if let Some(words) = CORRECTIONS.iter().find(|w| phrase(&t, i, w)) {
            found.correct();
            i += words.split(' ').count();
            continue;
        }
        if let Some((day, end)) = date::parse(&t, i, today) {
            let ahead = not_taken_back(before(&t[earlier.end..], i - earlier.end, REACH));
            let behind = after(&t, end, REACH);
            let gives_way = BEFORE_GIVES_WAY.iter().any(|w| has(ahead, w))
                || AFTER_GIVES_WAY.iter().any(|w| phrase(behind, 0, w));
            let refused = refusal::refuses(&t, earlier, i, end, today);
            let left_out = refused || date::is_lunar(&t, i, end, today);
            let hold = match (left_out, gives_way) {
                (true, _) => Hold::Refused,
                (_, true) => Hold::Weak,
                _ => Hold::Firm,
            };
            found.date(day, hold);
            i = end.max(i + 1);
            earlier = refusal::Earlier { end: i.min(t.len()), refused };
            continue;
        }
        if let Some((time, end)) = time::parse(&t, i) {
            found.time(time);
            i = end.max(i + 1);
            continue;
        }
        if let Some((count, end)) = count::parse(&t, i) {
            found.count(count);
            i = end.max(i + 1);
            continue;
        }
        i = amount::parse(&t, i, &context, &mut found).max(i + 1);
    }
    found.into_entities(says_whole(&t))
}
