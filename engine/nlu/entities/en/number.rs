//! English numbers, spoken and written: twelve hundred, two fifty, a thousand and fifty, 5k.

use rust_decimal::Decimal;

use super::token::{Kind, Token, at, phrase};

/// A number found in the utterance.
#[derive(Debug, PartialEq)]
pub(super) struct Number {
    /// `None` when vague ("a few hundred") or beyond all use.
    pub value: Option<Decimal>,
    /// Index after its last token.
    pub end: usize,
    /// It names hundreds or thousands, so that it is hardly anything but a quantity.
    pub hundreds: bool,
    /// Said as two parts ("two fifty", "forty three twenty one"), each below a hundred.
    pub pair: Option<(u64, u64)>,
    /// The plain ASCII digits it was written with, if nothing else was.
    pub written: Option<String>,
}

/// The value of a word for one to nine.
pub(super) fn digit(w: &str) -> Option<u64> {
    Some(match w {
        "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        _ => return None,
    })
}

fn teen(w: &str) -> Option<u64> {
    Some(match w {
        "ten" => 10,
        "eleven" => 11,
        "twelve" => 12,
        "thirteen" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        _ => return None,
    })
}

fn tens(w: &str) -> Option<u64> {
    Some(match w {
        "twenty" => 20,
        "thirty" => 30,
        "forty" | "fourty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        _ => return None,
    })
}

fn multiplier(w: &str) -> Option<u64> {
    Some(match w {
        "thousand" | "thousands" | "grand" | "k" => 1_000,
        "lakh" | "lakhs" | "lac" => 100_000,
        "million" => 1_000_000,
        "crore" | "crores" => 10_000_000,
        _ => return None,
    })
}

/// One to ninety-nine at `i`.
pub(super) fn below_hundred(t: &[Token], i: usize) -> Option<(u64, usize)> {
    let w = at(t, i);
    if let Some(ten) = tens(w) {
        let ones = digit(at(t, i + 1)).filter(|_| !phrase(t, i + 1, "one of"));
        return Some(ones.map_or((ten, i + 1), |d| (ten + d, i + 2)));
    }
    teen(w).or_else(|| digit(w)).map(|v| (v, i + 1))
}

/// An ordinal below a hundred in words or as `15th`.
pub(super) fn ordinal(t: &[Token], i: usize) -> Option<(i8, usize)> {
    if t.get(i)?.kind == Kind::Number {
        let n = at(t, i).parse::<i8>().ok().filter(|n| (1..=31).contains(n))?;
        return matches!(at(t, i + 1), "st" | "nd" | "rd" | "th").then_some((n, i + 2));
    }
    let one = |w: &str| {
        Some(match w {
            "first" => 1,
            "second" => 2,
            "third" => 3,
            "fourth" => 4,
            "fifth" => 5,
            "sixth" => 6,
            "seventh" => 7,
            "eighth" => 8,
            "ninth" => 9,
            _ => return None,
        })
    };
    let w = at(t, i);
    let simple = one(w).or(match w {
        "tenth" => Some(10),
        "eleventh" => Some(11),
        "twelfth" => Some(12),
        "thirteenth" => Some(13),
        "fourteenth" => Some(14),
        "fifteenth" => Some(15),
        "sixteenth" => Some(16),
        "seventeenth" => Some(17),
        "eighteenth" => Some(18),
        "nineteenth" => Some(19),
        "twentieth" => Some(20),
        "thirtieth" => Some(30),
        _ => None,
    });
    if let Some(n) = simple {
        return Some((n, i + 1));
    }
    let ten = match w {
        "twenty" => 20,
        "thirty" => 30,
        _ => return None,
    };
    let n = ten + one(at(t, i + 1))?;
    (n <= 31).then_some((n, i + 2))
}

/// No number that matters is written with more digits.
const MAX_DIGITS: usize = 15;

/// The value of a written number: `1,250.50`. Dates and times have other marks and are refused.
fn written(t: &[Token], i: usize) -> Option<(Option<Decimal>, bool)> {
    let token = t.get(i).filter(|t| t.kind == Kind::Number)?;
    if token.text.contains(['/', ':', '-']) {
        return None;
    }
    let plain: String = token.text.chars().filter(|c| *c != ',').collect();
    if plain.len() > MAX_DIGITS {
        return Some((None, false));
    }
    let value = plain.parse().ok();
    Some((value, token.text.bytes().all(|b| b.is_ascii_digit())))
}

/// A number at `i`, or `None` when none starts there.
pub(super) fn parse(t: &[Token], i: usize) -> Option<Number> {
    if matches!(at(t, i), "few" | "several") || phrase(t, i, "a few") {
        let mut end = i + 1 + usize::from(at(t, i) == "a");
        let start = end;
        while at(t, end) == "hundred" || multiplier(at(t, end)).is_some() {
            end += 1;
        }
        return Some(Number { value: None, end, hundreds: end > start, pair: None, written: None });
    }
    if t.get(i)?.kind == Kind::Number {
        return from_written(t, i);
    }
    if let Some((value, end)) = spoken_fraction(t, i) {
        return Some(Number { value: Some(value), end, hundreds: true, pair: None, written: None });
    }
    spoken(t, i)
}

fn from_written(t: &[Token], i: usize) -> Option<Number> {
    let (value, plain) = written(t, i)?;
    if matches!(at(t, i + 1), "st" | "nd" | "rd" | "th") {
        return None;
    }
    let scale = match at(t, i + 1) {
        "hundred" => Some(100),
        w => multiplier(w),
    };
    let Some(scale) = scale else {
        let text = plain.then(|| at(t, i).to_owned());
        return Some(Number { value, end: i + 1, hundreds: false, pair: None, written: text });
    };
    let mut value = value.and_then(|v| v.checked_mul(Decimal::from(scale)));
    let mut end = i + 2;
    // 2 thousand 500, 2 thousand and fifty.
    let rest = end + usize::from(at(t, end) == "and");
    let part = match written(t, rest) {
        Some((Some(v), _)) => Some((v, rest + 1)),
        _ => spoken(t, rest).and_then(|n| Some((n.value?, n.end))),
    };
    if let Some((v, e)) = part.filter(|(v, _)| *v < Decimal::from(scale) && v.scale() == 0) {
        value = value.and_then(|x| x.checked_add(v));
        end = e;
    }
    Some(Number { value, end, hundreds: true, pair: None, written: None })
}

/// "two and a half thousand", "one point five lakh", "half a grand".
fn spoken_fraction(t: &[Token], i: usize) -> Option<(Decimal, usize)> {
    if phrase(t, i, "half a") {
        let m = multiplier(at(t, i + 2))?;
        return Some((Decimal::from(m / 2), i + 3));
    }
    let (whole, j) = below_hundred(t, i)?;
    let (tenths, k) = if phrase(t, j, "and a half") {
        (5, j + 3)
    } else if at(t, j) == "point" {
        (digit(at(t, j + 1))?, j + 2)
    } else {
        return None;
    };
    let m = if at(t, k) == "hundred" { 100 } else { multiplier(at(t, k))? };
    Some((Decimal::from((whole * 10 + tenths) * m / 10), k + 1))
}

fn spoken(t: &[Token], i: usize) -> Option<Number> {
    let mut total: u64 = 0;
    let mut current: Option<u64> = None;
    let mut pair = None;
    let mut hundreds = false;
    // Since the last thousand: "three thousand two fifty" leaves the second hundred unsaid.
    let mut hundred_said = false;
    let mut may_add = false;
    let mut last_scale = u64::MAX;
    // "a hundred", "a grand": the article is part of the number.
    let next = at(t, i + 1);
    let article = at(t, i) == "a" && (next == "hundred" || next != "k" && multiplier(next).is_some());
    let mut j = i + usize::from(article);
    loop {
        let w = at(t, j);
        if let Some((v, end)) = below_hundred(t, j) {
            match current {
                None => current = Some(v),
                Some(c) if may_add && c % 100 == 0 => current = Some(c + v),
                // Two parts: hundreds left unsaid. The second part has two digits or an "oh".
                Some(c) if c < 100 && v >= 10 && pair.is_none() && !hundred_said => {
                    pair = Some((c, v));
                    current = Some(c * 100 + v);
                }
                Some(_) => break,
            }
            may_add = false;
            j = end;
        } else if w == "oh"
            && pair.is_none()
            && current.is_some_and(|c| c < 100)
            && digit(at(t, j + 1)).is_some()
            && !hundreds
        {
            let (c, d) = (current?, digit(at(t, j + 1))?);
            pair = Some((c, d));
            current = Some(c * 100 + d);
            j += 2;
        } else if w == "hundred" && pair.is_none() && current.is_none_or(|c| c < 100) {
            current = Some(current.unwrap_or(1) * 100);
            hundreds = true;
            hundred_said = true;
            may_add = true;
            j += 1;
        } else if let Some(m) = multiplier(w).filter(|m| *m < last_scale && (current.is_some() || w != "k")) {
            total = total.checked_add(current.unwrap_or(1).checked_mul(m)?)?;
            current = None;
            last_scale = m;
            hundreds = true;
            hundred_said = false;
            may_add = false;
            pair = None;
            j += 1;
        } else if w == "and"
            && hundreds
            && (current.is_none() || may_add)
            && (below_hundred(t, j + 1).is_some())
        {
            j += 1;
        } else if let Some(n) = couple(t, j).filter(|_| j == i) {
            current = Some(2);
            j = n;
        } else {
            break;
        }
    }
    let value = total.checked_add(current.unwrap_or(0)).filter(|v| *v > 0)?;
    Some(Number { value: Some(Decimal::from(value)), end: j, hundreds, pair, written: None })
}

/// "a couple of", "a couple", "couple"; also with what it counts left to follow.
pub(super) fn couple(t: &[Token], i: usize) -> Option<usize> {
    let i = i + usize::from(at(t, i) == "a");
    (at(t, i) == "couple").then(|| i + 1 + usize::from(at(t, i + 1) == "of"))
}

/// A small whole count at `i`: words, digits, "a couple of".
pub(super) fn count(t: &[Token], i: usize) -> Option<(u32, usize)> {
    if let Some(end) = couple(t, i) {
        return Some((2, end));
    }
    if let Some((v, end)) = below_hundred(t, i) {
        return Some((u32::try_from(v).ok()?, end));
    }
    let token = t.get(i).filter(|t| t.kind == Kind::Number)?;
    Some((token.text.parse().ok().filter(|n| *n <= 999)?, i + 1))
}

/// Digits read one by one: "four three two one", "double four", `4 3 2 1`, `4-3-2-1`.
///
/// At least three. ASCII digits written in one go are an ordinary number here.
pub(super) fn digits(t: &[Token], i: usize) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut end = i;
    let mut j = i;
    while out.len() <= 24 {
        let w = at(t, j);
        let repeat = match w {
            "double" => 2,
            "triple" | "treble" => 3,
            _ => 1,
        };
        let k = if repeat > 1 { j + 1 } else { j };
        // "oh six one nine": three digits behind it make it a nought, and no sigh.
        let nought = out.is_empty() && (1..=3).all(|n| one_digit(t, k + n, false).is_some());
        if let Some(d) = one_digit(t, k, !out.is_empty() || repeat > 1 || nought) {
            for _ in 0..repeat {
                out.push_str(&d);
            }
            j = k + 1;
            end = j;
        } else if matches!(w, "," | ".") && !out.is_empty() && one_digit(t, j + 1, true).is_some() {
            j += 1;
        } else {
            break;
        }
    }
    // "four hundred", "two twenty": the last digit belongs to a quantity.
    let counted = at(t, end) == "hundred" || multiplier(at(t, end)).is_some() || tens(at(t, end)).is_some();
    if out.len() < 3 || out.len() > 24 || counted {
        return None;
    }
    if at(t, end) == "x" {
        out.push('X');
        end += 1;
    }
    Some((out, end))
}

/// One digit token. "oh" and "o" count only inside a run; `4-3-2-1` and `555-1234` are whole runs.
fn one_digit(t: &[Token], i: usize, inside: bool) -> Option<String> {
    let token = t.get(i)?;
    if token.kind == Kind::Number {
        if token.text.len() == 1 {
            return Some(token.text.clone());
        }
        let parts: Vec<&str> = token.text.split('-').collect();
        let run =
            parts.len() >= 2 && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        let one_by_one = parts.len() >= 3 && parts.iter().all(|p| p.len() == 1);
        let telephone = token.text.len() >= 8 && parts[0].len() == 3;
        return (run && (one_by_one || telephone)).then(|| parts.concat());
    }
    match token.text.as_str() {
        "zero" | "nought" => Some("0".to_owned()),
        "oh" | "o" if inside => Some("0".to_owned()),
        w => digit(w).map(|d| d.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::token::tokens, *};

    #[test]
    fn quantities_are_read_as_they_are_said() {
        for (text, want) in [
            ("two fifty", "250"),
            ("twelve hundred", "1200"),
            ("a thousand and fifty", "1050"),
            ("two thousand five hundred", "2500"),
            ("fifteen hundred", "1500"),
            ("thirty-two fifty", "3250"),
            ("three thousand two hundred and fifty", "3250"),
            ("five k", "5000"),
            ("5k", "5000"),
            ("2.5k", "2500"),
            ("two and a half thousand", "2500"),
            ("one point five lakhs", "150000"),
            ("a couple of hundred", "200"),
            ("hundred and twenty", "120"),
            ("two hundred fifty five", "255"),
            ("3 thousand 200", "3200"),
            ("1,250.50", "1250.5"),
            ("a grand", "1000"),
            ("four oh five", "405"),
            ("half a grand", "500"),
        ] {
            let t = tokens(text);
            let n = parse(&t, 0).unwrap();
            assert_eq!(n.end, t.len(), "{text} is one number");
            assert_eq!(n.value.unwrap().normalize().to_string(), want, "{text}");
        }
    }
}
