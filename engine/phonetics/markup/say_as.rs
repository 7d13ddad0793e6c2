//! What `say-as` makes of the words in it.

use jiff::civil::Date;
use waihu_types::Lang;

use crate::{english, mandarin, spoken};

/// What words are to be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interpret {
    Digits,
    Telephone,
    Date,
    Currency,
    Cardinal,
    Characters,
    Name,
}

impl Interpret {
    pub(super) const ALL: &str = "digits, telephone, date, currency, cardinal, characters or name";

    pub(super) fn parse(value: &str) -> Option<Self> {
        Some(match value.trim() {
            "digits" => Self::Digits,
            "telephone" => Self::Telephone,
            "date" => Self::Date,
            "currency" => Self::Currency,
            "cardinal" | "number" => Self::Cardinal,
            "characters" | "spell-out" => Self::Characters,
            "name" => Self::Name,
            _ => return None,
        })
    }

    /// What is said for the words; none where they are not what they are taken for.
    pub(super) fn said(self, lang: Lang, words: &str) -> Option<String> {
        let has_digit = words.bytes().any(|b| b.is_ascii_digit());
        match self {
            Self::Digits => has_digit.then(|| spoken::digits(lang, words)),
            Self::Telephone => {
                let own = words.trim().strip_prefix("+86").unwrap_or(words);
                has_digit.then(|| spoken::telephone(lang, own))
            }
            Self::Date => date(lang, words),
            Self::Currency => currency(lang, words),
            Self::Cardinal => cardinal(lang, words),
            Self::Characters => Some(characters(lang, words)),
            Self::Name => None,
        }
    }
}

/// `2026-11-27`, `2026/11/27`, `20261127`, `11-27`, and the same with 年月日.
fn date(lang: Lang, words: &str) -> Option<String> {
    let compact = words.trim();
    let split = (compact.len() == 8 && compact.bytes().all(|b| b.is_ascii_digit()))
        .then(|| format!("{}-{}-{}", &compact[..4], &compact[4..6], &compact[6..]));
    let parts: Vec<i16> = split
        .as_deref()
        .unwrap_or(compact)
        .split(|c: char| !c.is_ascii_digit())
        .filter(|p| !p.is_empty())
        .map(|p| p.parse().ok())
        .collect::<Option<_>>()?;
    let small = |n: i16| i8::try_from(n).ok();
    match parts[..] {
        [y, m, d] => Some(spoken::date(lang, Date::new(y, small(m)?, small(d)?).ok()?, None)),
        // A year that has a 29th of February, and is then left out.
        [m, d] => {
            let day = Date::new(2024, small(m)?, small(d)?).ok()?;
            Some(spoken::date(lang, day, Date::new(2024, 1, 1).ok().filter(|near| *near != day)))
        }
        _ => None,
    }
}

fn currency(lang: Lang, words: &str) -> Option<String> {
    let words = words.trim();
    let bare = words.bytes().all(|b| b.is_ascii_digit() || matches!(b, b',' | b'.'));
    let has_digit = words.bytes().any(|b| b.is_ascii_digit());
    has_digit.then(|| match lang {
        Lang::Zh if bare => mandarin::spoken_form(&format!("{words}元")),
        Lang::Zh => mandarin::spoken_form(words),
        Lang::En => english::spoken_form(words),
    })
}

fn cardinal(lang: Lang, words: &str) -> Option<String> {
    let plain: String = words.trim().chars().filter(|c| !matches!(c, ',' | '，')).collect();
    let (minus, number) = match plain.strip_prefix('-') {
        Some(n) => (true, n),
        None => (false, plain.as_str()),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((w, f)) => (w, Some(f)),
        None => (number, None),
    };
    let figures = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !figures(whole) || fraction.is_some_and(|f| !figures(f)) {
        return None;
    }
    Some(match lang {
        Lang::Zh => {
            let said = mandarin::number::decimal(whole, fraction, mandarin::number::Two::Er);
            format!("{}{said}", if minus { "负" } else { "" })
        }
        Lang::En => {
            let said = english::number::decimal(whole, fraction);
            format!("{}{said}", if minus { "minus " } else { "" })
        }
    })
}

/// Character by character: figures as digits, letters by their names.
fn characters(lang: Lang, words: &str) -> String {
    let said: Vec<String> = words
        .chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| {
            if c.is_ascii_digit() {
                spoken::digits(lang, &c.to_string())
            } else {
                c.to_uppercase().to_string()
            }
        })
        .collect();
    said.join(" ")
}
