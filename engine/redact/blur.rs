//! A text without persons: beside numbers and names, its sums become bands and its days are left out.

use rust_decimal::Decimal;
use waihu_types::Lang;

use crate::{Known, Span, band, find, hide};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A text for whoever counts and reads, and is not to know of whom. Sums that are written in words stay, as do days
/// that are ("the day after tomorrow").
pub fn blur(text: &str, lang: Lang, known: &Known) -> String {
    blur_spans(text, &find(text, lang, known), lang)
}

/// The same where the spans were found with the lines around it.
pub fn blur_spans(text: &str, spans: &[Span], lang: Lang) -> String {
    let hidden = hide(text, spans, lang);
    let mut blurred = String::with_capacity(hidden.len());
    let mut at = 0;
    while at < hidden.len() {
        let rest = &hidden[at..];
        let begins = !hidden[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
        if let Some(length) = day(rest).filter(|_| begins) {
            blurred.push_str(if lang == Lang::Zh { "〔日期〕" } else { "[date]" });
            at += length;
        } else if let Some((length, sum)) = sum(rest).filter(|_| begins) {
            blurred.push_str(&band(sum));
            at += length;
        } else {
            let Some(c) = rest.chars().next() else { break };
            blurred.push(c);
            at += c.len_utf8();
        }
    }
    blurred
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// The length of a day that begins here: `11月27日`, `2026年11月27日`, `2026-11-27`, `November 27, 2026`.
fn day(text: &str) -> Option<usize> {
    let number = digits(text);
    if number > 0 {
        let rest = &text[number..];
        if let Some(after) = rest.strip_prefix('年') {
            return Some(number + '年'.len_utf8() + day(after).unwrap_or(0));
        }
        if let Some(after) = rest.strip_prefix('月') {
            let month = number + '月'.len_utf8();
            let of = digits(after);
            let mark = after[of..].chars().next().filter(|c| matches!(c, '日' | '号'));
            return Some(if of > 0 { month + of + mark.map_or(0, char::len_utf8) } else { month });
        }
        let iso =
            number == 4 && rest.starts_with('-') && digits(&rest[1..]) == 2 && rest[3..].starts_with('-');
        return (iso && digits(&rest[4..]) == 2).then_some(10);
    }
    let month =
        MONTHS.iter().find(|m| text.get(..m.len()).is_some_and(|word| word.eq_ignore_ascii_case(m)))?;
    let rest = text[month.len()..].strip_prefix(' ')?;
    let of = digits(rest);
    if of == 0 || of > 2 {
        return None;
    }
    let mut length = month.len() + 1 + of;
    for suffix in ["st", "nd", "rd", "th"] {
        if text[length..].starts_with(suffix) {
            length += 2;
            break;
        }
    }
    if let Some(year) = text[length..].strip_prefix(", ").filter(|year| digits(year) == 4) {
        length = text.len() - year.len() + 4;
    }
    Some(length)
}

/// The length of a sum of three digits and more that begins here, or with hundredths, and what it is.
fn sum(text: &str) -> Option<(usize, Decimal)> {
    let mut end = digits(text);
    if end == 0 {
        return None;
    }
    while text[end..].starts_with(',') && digits(&text[end + 1..]) == 3 {
        end += 4;
    }
    let whole = end;
    if text[end..].starts_with('.') && (1..=2).contains(&digits(&text[end + 1..])) {
        end += 1 + digits(&text[end + 1..]);
    }
    let sum: Decimal = text[..end].replace(',', "").parse().ok()?;
    (whole >= 3 || end > whole).then_some((end, sum))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_go_and_sums_become_bands() {
        let zh = |text: &str| blur(text, Lang::Zh, &Known::default());
        assert_eq!(
            zh("您会在11月28日星期六还款3250.00元，对吗？"),
            "您会在〔日期〕星期六还款2000-5000元，对吗？"
        );
        assert_eq!(zh("2026年11月27日，分3期，电话13800138000"), "〔日期〕，分3期，电话〔电话〕");
        let en = |text: &str| blur(text, Lang::En, &Known::default());
        assert_eq!(
            en("A payment of $3,250.00 was due on November 15, 2026."),
            "A payment of $2000-5000 was due on [date]."
        );
        assert_eq!(en("2026-11-27 or May 3rd, I may pay 40"), "[date] or [date], I may pay 40");
    }

    proptest! {
        #[test]
        fn any_text_is_blurred(text in "\\PC{0,40}|[0-9年月日,.-]{0,30}") {
            let blurred = blur(&text, Lang::Zh, &Known::default());
            prop_assert!(!blurred.contains("13800138000"));
        }
    }
}
