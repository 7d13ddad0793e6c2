//! Entities said in one utterance: a day, a time, a sum, a number of parts, digits.
//!
//! By rules, one scanner per language, each a single pass over the text with bounded look-ahead.
//! The first firm value of a kind wins; see [`found`] for what makes a value give way to a later
//! one. Deliberately absent: durations measured in minutes or hours (they need the clock) and
//! vague words (几天, "a few hundred"), for which nothing is better than a guess.

mod calendar;
mod en;
mod found;
mod paying;
mod zh;

use std::fmt;

use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use waihu_types::{Currency, Lang, PaymentChannel};

/// What was said beside the intent. Absent keys are skipped when serialized.
///
/// `Debug` names the kinds that were found and hides their values: they are personal data.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct Entities {
    /// A calendar day in the callee's time zone, written `"2026-11-27"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// A day was named and is none to offer, and no other was: 一号不行, 正月初五. Not written down:
    /// it tells such an answer from one without a day.
    #[serde(skip)]
    pub day_left_out: bool,
    /// A time of day in the callee's time zone, written `"17:00"`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "clock_time")]
    pub time: Option<Time>,
    /// An exact sum, written with two places: `"3250.00"`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "two_places")]
    pub amount: Option<Decimal>,
    /// The sum's currency, where it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The currency's word is other currencies', too: 块, "dollars". Not written down: the case's
    /// currency says which one is meant.
    #[serde(skip)]
    pub shared_currency: bool,
    /// All of what is owed was named, and no sum: 一次性还清, "in full". Not written down: it is no
    /// value by itself.
    #[serde(skip)]
    pub whole: bool,
    /// A number of parts to pay in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The sum is that of every part: 每期五百, "two hundred a month". Like the next two not written
    /// down: they say how a value is meant.
    #[serde(skip)]
    pub each: bool,
    /// The parts are those of what then remains: 剩下分两期, "the rest in two".
    #[serde(skip)]
    pub rest: bool,
    /// By what way it will be paid.
    #[serde(skip)]
    pub channel: Option<PaymentChannel>,
    /// Digits read one by one, as the last four of an identity number (whose last may be `X`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digits: Option<String>,
}

impl Entities {
    /// Nothing was found.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Debug for Entities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("date", self.date.is_some()),
            ("day_left_out", self.day_left_out),
            ("time", self.time.is_some()),
            ("amount", self.amount.is_some()),
            ("currency", self.currency.is_some()),
            ("whole", self.whole),
            ("count", self.count.is_some()),
            ("each", self.each),
            ("rest", self.rest),
            ("channel", self.channel.is_some()),
            ("digits", self.digits.is_some()),
        ];
        f.write_str("Entities")?;
        f.debug_set().entries(kinds.iter().filter(|k| k.1).map(|k| k.0)).finish()
    }
}

fn clock_time<S: Serializer>(time: &Option<Time>, s: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(t) => s.collect_str(&format_args!("{:02}:{:02}", t.hour(), t.minute())),
        None => s.serialize_none(),
    }
}

fn two_places<S: Serializer>(amount: &Option<Decimal>, s: S) -> Result<S::Ok, S::Error> {
    match amount {
        Some(d) => s.collect_str(&format_args!("{d:.2}")),
        None => s.serialize_none(),
    }
}

/// The longest text looked at, in characters: an utterance of a minute and more. What lies beyond
/// is no answer to a question, and cutting it bounds the work for one utterance.
const MAX_CHARS: usize = 2_000;

/// The entities in one utterance, as a recognizer writes it, seen from the day of the call.
///
/// Spoken and written numerals both count, punctuation may be there or not. Time of day without
/// its half is read as in business hours: one to seven in the afternoon, eight to twelve as said.
pub fn extract(lang: Lang, text: &str, today: Date) -> Entities {
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(i, _)| i);
    let text = &text[..end];
    let found = match lang {
        Lang::Zh => zh::extract(text, today),
        Lang::En => en::extract(text, today),
    };
    let how = paying::paying(lang, text);
    Entities {
        each: how.each && found.amount.is_some(),
        rest: how.rest && (found.amount.is_some() || found.count.is_some()),
        channel: how.channel,
        ..found
    }
}
