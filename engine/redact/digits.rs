//! Digits as they are written and spoken, in runs.
//!
//! A run is what a person would say in one go: digits with nothing between them but spaces, dashes and hesitations. A
//! sum, a day or a counted thing ends a run: its digits belong to no number of somebody's.

/// A digit, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digit {
    /// `0` to `9`, or `X` at the end of an identity number.
    pub(crate) value: u8,
    /// Its first byte.
    pub(crate) from: usize,
    /// The byte after it.
    pub(crate) to: usize,
    /// Whether something stood between it and the one before.
    pub(crate) apart: bool,
}

/// A run of digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) digits: Vec<Digit>,
}

/// The longest thing between two digits of a run [bytes]: a hesitation with its commas.
const GAP: usize = 24;

/// What people say between the parts of a number.
const FILLERS: [&str; 22] = [
    "然后是",
    "然后",
    "接着是",
    "后面是",
    "后面",
    "再来",
    "还有",
    "嗯",
    "呃",
    "啊",
    "那个",
    "就是",
    "是",
    "杠",
    "and then",
    "then",
    "and",
    "um",
    "uh",
    "er",
    "dash",
    "hyphen",
];

/// What makes a digit before it a count, a sum or a part of a day.
const UNITS: [&str; 33] = [
    "十", "百", "千", "万", "亿", "点", "元", "块", "角", "毛", "分钱", "期", "个月", "月", "年", "号", "日",
    "天", "岁", "%", "％", "折", "hundred", "thousand", "million", "dollar", "yuan", "percent", "month",
    "day", "cent", "pound", "euro",
];

/// What makes digits after it a sum.
const BEFORE: [&str; 6] = ["$", "¥", "￥", "£", "€", "第"];

const WORDS: [(&str, u8); 13] = [
    ("zero", 0),
    ("oh", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("nought", 0),
    ("niner", 9),
];

fn of_sign(c: char) -> Option<u8> {
    Some(match c {
        '0'..='9' => c as u8 - b'0',
        '０'..='９' => u8::try_from(c as u32 - '０' as u32).ok()?,
        '零' | '〇' | '洞' => 0,
        '一' | '幺' | '壹' => 1,
        '二' | '两' | '贰' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' | '拐' => 7,
        '八' | '捌' => 8,
        '九' | '玖' | '勾' => 9,
        _ => return None,
    })
}

/// A piece of a text.
enum Piece {
    /// Digits, with their places in the whole text.
    Digits(Vec<Digit>),
    /// What ends a run.
    End,
    /// What may stand in a run.
    Gap,
}

/// The runs of a text.
pub(crate) fn runs(text: &str) -> Vec<Run> {
    let (mut runs, mut run, mut apart) = (Vec::new(), Run::default(), false);
    let (mut at, mut gap_from) = (0, 0);
    while at < text.len() {
        let (piece, length) = next(text, at);
        match piece {
            Piece::Digits(digits) => {
                if at - gap_from > GAP && !run.digits.is_empty() {
                    runs.push(std::mem::take(&mut run));
                }
                let first = run.digits.len();
                run.digits.extend(digits);
                run.digits.iter_mut().skip(first).take(1).for_each(|digit| digit.apart = apart);
                gap_from = at + length;
                apart = false;
            }
            Piece::Gap => apart = true,
            Piece::End => {
                if !run.digits.is_empty() {
                    runs.push(std::mem::take(&mut run));
                }
                apart = false;
                gap_from = at + length;
            }
        }
        at += length;
    }
    if !run.digits.is_empty() {
        runs.push(run);
    }
    runs
}

/// What stands at a place, and how long it is [bytes].
fn next(text: &str, at: usize) -> (Piece, usize) {
    let rest = &text[at..];
    let Some(first) = rest.chars().next() else { return (Piece::End, 1) };
    let width = first.len_utf8();
    let begins_word = !text[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
    if first.is_ascii_digit() {
        return written(text, at);
    }
    if let Some(value) = of_sign(first) {
        let mut length = width;
        let mut values = vec![digit(value, at, width)];
        // Spoken digits side by side are looked at together: a unit after the last counts for all.
        while let Some(c) = rest[length..].chars().next() {
            let Some(value) = of_sign(c).filter(|_| !c.is_ascii_digit()) else { break };
            values.push(digit(value, at + length, c.len_utf8()));
            length += c.len_utf8();
        }
        let before = text[..at].chars().next_back();
        let counted = unit_after(&rest[length..]) || before.is_some_and(|c| "第十百千万亿点".contains(c));
        // A long row is no count, whatever comes after it ("一三八零零一三八零零零号码").
        if counted && values.len() < 7 {
            return (Piece::End, length);
        }
        return (Piece::Digits(values), length);
    }
    // The check character of an identity number, written with it.
    let after_digit = text[..at].chars().next_back().is_some_and(|c| c.is_ascii_digit());
    let ends = !rest[width..].starts_with(|c: char| c.is_ascii_alphanumeric());
    if matches!(first, 'x' | 'X') && after_digit && ends {
        return (Piece::Digits(vec![digit(b'X', at, width)]), width);
    }
    if first.is_ascii_alphabetic() && begins_word {
        let end = rest.find(|c: char| !c.is_ascii_alphabetic() && c != '\'').unwrap_or(rest.len());
        let word = rest[..end].to_ascii_lowercase();
        if let Some(value) = spoken(&word) {
            if unit_after(&rest[end..]) {
                return (Piece::End, end);
            }
            return (Piece::Digits(vec![digit(value, at, end)]), end);
        }
        if let Some(times) = match word.as_str() {
            "double" => Some(2),
            "triple" => Some(3),
            _ => None,
        } {
            let gap = rest[end..].len() - rest[end..].trim_start().len();
            let from = end + gap;
            let to = rest[from..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(rest.len(), |n| from + n);
            let of = rest[from..to].to_ascii_lowercase();
            let value = spoken(&of).or_else(|| of.parse::<u8>().ok().filter(|v| *v < 10));
            if let Some(value) = value {
                // Both digits are the words together.
                return (Piece::Digits(vec![digit(value, at, to); times]), to);
            }
        }
        // The check character of an identity number.
        if word == "x" {
            return (Piece::Digits(vec![digit(b'X', at, end)]), end);
        }
    }
    if first == '叉' || first == 'Ｘ' {
        return (Piece::Digits(vec![digit(b'X', at, width)]), width);
    }
    for filler in FILLERS {
        let Some(begin) = rest.get(..filler.len()) else { continue };
        let fits = begin.eq_ignore_ascii_case(filler);
        let goes_on = rest[begin.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
        let whole = !filler.is_ascii() || begins_word && !goes_on;
        if fits && whole {
            return (Piece::Gap, filler.len());
        }
    }
    let between = first.is_whitespace() || "-–—‐.·,，、。…()（）+/_".contains(first);
    (if between { Piece::Gap } else { Piece::End }, width)
}

fn digit(value: u8, from: usize, length: usize) -> Digit {
    Digit { value, from, to: from + length, apart: false }
}

fn spoken(word: &str) -> Option<u8> {
    WORDS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

/// Whether what comes next makes a count, a sum or a day of what came before.
fn unit_after(rest: &str) -> bool {
    let rest = rest.trim_start_matches([' ', '-']);
    UNITS.iter().any(|unit| {
        let begins = rest.get(..unit.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(unit));
        // "号" counts days, but names numbers too.
        begins && !(*unit == "号" && rest.starts_with("号码"))
    })
}

/// Digits as they are written: a day, a time, a sum with its marks or what may be a part of a number.
fn written(text: &str, at: usize) -> (Piece, usize) {
    let rest = &text[at..];
    if let Some(length) = sum_or_day(rest) {
        return (Piece::End, length);
    }
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let before = text[..at].trim_end();
    let is_sum = BEFORE.iter().any(|mark| before.ends_with(mark)) || unit_after(&rest[end..]);
    if is_sum && end < 12 {
        return (Piece::End, end);
    }
    (
        Piece::Digits(rest.bytes().take(end).enumerate().map(|(n, b)| digit(b - b'0', at + n, 1)).collect()),
        end,
    )
}

/// The length of a day, a time of day or a sum with its marks that begins here: `2026-11-27`, `11/27`, `10:30`,
/// `3,250.00`, `12.5`.
fn sum_or_day(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let number = |from: usize| {
        let n = bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        (from + n, n)
    };
    let (end, first) = number(0);
    let mark = *bytes.get(end)?;
    let (end_2, second) = number(end + 1);
    if second == 0 {
        return None;
    }
    let more = bytes.get(end_2).copied();
    match mark {
        b'-' | b'/' | b'.' if first == 4 && second <= 2 && more == Some(mark) => {
            let (end_3, third) = number(end_2 + 1);
            let year = rest[..4].parse::<u32>().is_ok_and(|year| (1900..2100).contains(&year));
            let month = rest[end + 1..end_2].parse::<u32>().is_ok_and(|month| (1..=12).contains(&month));
            (year && month && (1..=2).contains(&third)).then_some(end_3)
        }
        b'/' if first <= 2 && second <= 2 => {
            let year = more == Some(b'/');
            Some(if year { number(end_2 + 1).0 } else { end_2 })
        }
        b':' if first <= 2 && second == 2 => Some(end_2),
        b'.' if second <= 2 && more != Some(b'.') && more != Some(b'-') => Some(end_2),
        b',' if first <= 3 && second == 3 => {
            let mut end = end_2;
            while bytes.get(end) == Some(&b',') && number(end + 1).1 == 3 {
                end = number(end + 1).0;
            }
            if bytes.get(end) == Some(&b'.') && (1..=2).contains(&number(end + 1).1) {
                end = number(end + 1).0;
            }
            Some(end)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        let digit = |d: &Digit| if d.value == b'X' { 'X' } else { char::from(b'0' + d.value) };
        runs(text).iter().map(|run| run.digits.iter().map(digit).collect()).collect()
    }

    #[test]
    fn digits_are_read_however_they_are_said() {
        assert_eq!(of("四二七一，呃，二二"), ["427122"]);
        assert_eq!(of("four two seven one, then double five"), ["427155"]);
        assert_eq!(of("triple 8 9"), ["8889"]);
        assert_eq!(of("138 0013-8000"), ["13800138000"]);
        assert_eq!(of("１３８００１３"), ["1380013"]);
        assert_eq!(of("尾数是叉"), ["X"]);
    }

    #[test]
    fn sums_days_and_counts_are_no_part_of_a_run() {
        let none: [&str; 0] = [];
        for text in [
            "3250.00元",
            "$3,250.00",
            "11月27日",
            "2026-11-27",
            "三十六期",
            "two hundred dollars",
            "10:30",
            "第二期",
        ] {
            assert_eq!(of(text), none, "{text}");
        }
        assert_eq!(of("3,250.00, 1,200.00"), none);
        assert_eq!(of("分3期，每期1200元"), none);
    }

    #[test]
    fn what_stands_between_ends_a_run() {
        assert_eq!(of("一二三我知道四五六"), ["123", "456"]);
        assert_eq!(of("12 apples 34"), ["12", "34"]);
    }
}
