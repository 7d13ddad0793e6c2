//! Mandarin entities: one pass from left to right.
//!
//! At each place a day, a time, a number of parts, digits and a sum are tried in this order, and
//! what is read is skipped, so that the 五 of 周五 is never a sum.

mod amount;
mod count;
mod date;
mod lunar;
mod number;
mod refusal;
mod time;

use jiff::civil::Date;

use super::{
    Entities,
    found::{Found, Hold},
};

/// Whether `word` stands at `i`.
fn starts(c: &[char], i: usize, word: &str) -> bool {
    let mut at = i;
    word.chars().all(|w| {
        let same = c.get(at) == Some(&w);
        at += 1;
        same
    })
}

/// Whether `word` stands anywhere in the slice.
fn has(c: &[char], word: &str) -> bool {
    (0..c.len()).any(|i| starts(c, i, word))
}

/// Full-width forms become ASCII, letters small, and blanks stay only between ASCII characters.
fn normalise(text: &str) -> Vec<char> {
    let mut out: Vec<char> = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(x) = chars.next() {
        let x = match x {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(x) - 0xfee0).unwrap_or(x),
            '\u{3000}' => ' ',
            '￥' => '¥',
            '–' | '—' => '-',
            _ => x,
        };
        if x.is_whitespace() {
            let ascii_before =
                out.last().is_some_and(|b: &char| b.is_ascii_alphanumeric() || number::digit(*b).is_some());
            let ascii_after =
                chars.peek().is_some_and(|a| a.is_ascii_alphanumeric() || number::digit(*a).is_some());
            if ascii_before && ascii_after {
                out.push(' ');
            }
        } else if x == '廿' {
            out.extend(['二', '十']);
        } else {
            out.extend(x.to_lowercase());
        }
    }
    out
}

/// A clause ends here.
fn is_stop(c: char) -> bool {
    matches!(c, ',' | '。' | '.' | '!' | '?' | ';' | '、' | ':' | '…' | '\n')
}

/// How far a part of the day reaches over the words between it and its hour (晚上大概八点).
const PERIOD_REACH: usize = 6;

/// How far around a value the words are looked at that make it weak.
const REACH: usize = 8;

/// The rest of the clause from `i`, no longer than `reach`.
fn after(c: &[char], i: usize, reach: usize) -> &[char] {
    let rest = &c[i.min(c.len())..];
    let n = rest.iter().take(reach).take_while(|x| !is_stop(**x)).count();
    &rest[..n]
}

/// The clause up to `i`, no longer than `reach`.
fn before(c: &[char], i: usize, reach: usize) -> &[char] {
    let n = c[..i].iter().rev().take(reach).take_while(|x| !is_stop(**x)).count();
    &c[i - n..i]
}

/// What follows a day that is not the one meant: pay day, or a day that does not suit.
const DAY_GIVES_WAY: &[&str] = &[
    "发工资",
    "发薪",
    "开工资",
    "发钱",
    "不行",
    "没空",
    "不上班",
    "没时间",
    "来不及",
    "不可能",
    "没钱",
    "没有钱",
    "没法",
    "没办法",
    "不够",
    "太忙",
    "还不上",
    "还不了",
    "不方便",
    "太早",
    "太晚",
];

/// What takes back the words before it.
const CORRECTIONS: &[&str] = &["不对", "说错了", "应该是", "改成", "不是不是", "哦不", "啊不", "还是改"];

/// Whether what follows `ahead` is named only to be refused: 不是(说)周三, 不要五百.
fn is_refused(ahead: &[char]) -> bool {
    let small = |x: &&char| matches!(x, '说' | '在' | '给' | '还' | '付' | '的' | '那' | '这');
    let n = ahead.iter().rev().take_while(small).count();
    let ahead = &ahead[..ahead.len() - n];
    let ends = |word: &str| ahead.len() >= 2 && starts(ahead, ahead.len() - 2, word);
    // 是不是周三 asks.
    (ends("不是") || ends("不要")) && !matches!(ahead.iter().rev().nth(2), Some('是' | '要'))
}

/// Words for all of what is owed.
const WHOLE: &[&str] =
    &["一次性", "一次还清", "一次付清", "全部", "全额", "全款", "还清", "付清", "结清", "全还", "整笔"];

/// Words around them by which it is not all.
const NOT_WHOLE: &[&str] = &["不", "没", "无法", "别", "难", "分期", "分", "部分"];

/// Whether all of what is owed is named.
fn says_whole(c: &[char]) -> bool {
    (0..c.len()).any(|i| {
        WHOLE.iter().find(|w| starts(c, i, w)).is_some_and(|word| {
            let (ahead, behind) = (before(c, i, REACH), after(c, i + word.chars().count(), REACH));
            !NOT_WHOLE.iter().any(|w| has(ahead, w) || has(behind, w))
        })
    })
}

pub(super) fn extract(text: &str, today: Date) -> Entities {
    let c = normalise(text);
    let context = amount::Context::of(&c);
    let mut found = Found::new();
    let mut period = None;
    // What refuses one day does not refuse the next: 五号不行八号吧.
    let (mut i, mut last_day) = (0, 0);
    while i < c.len() {
        if let Some(word) = CORRECTIONS.iter().find(|w| starts(&c, i, w)) {
            found.correct();
            i += word.chars().count();
            continue;
        }
        if let Some(p) = time::period(&c, i) {
            period = Some((p, i));
            if p == time::Period::Noon && time::parse(&c, i + 2, Some(p)).is_none() {
                found.time(jiff::civil::time(12, 0, 0, 0));
            }
        }
        if let Some(end) = lunar::parse(&c, i, today) {
            found.leave_day_out();
            i = end;
            continue;
        }
        if let Some((day, end)) = date::parse(&c, i, today) {
            let gives_way = DAY_GIVES_WAY.iter().any(|w| has(after(&c, end, REACH), w))
                || is_refused(before(&c, i, REACH));
            let ahead = before(&c[last_day..], i - last_day, REACH);
            let hold = match (refusal::refuses(ahead, &c, end, today), gives_way) {
                (true, _) => Hold::Refused,
                (_, true) => Hold::Weak,
                _ => Hold::Firm,
            };
            found.date(day, hold);
            i = end.max(i + 1);
            last_day = i.min(c.len());
            continue;
        }
        let near = period.filter(|(_, at)| i - at <= PERIOD_REACH).map(|p| p.0);
        if let Some((time, end)) = time::parse(&c, i, near) {
            found.time(time);
            i = end.max(i + 1);
            continue;
        }
        if let Some((count, end)) = count::parse(&c, i) {
            found.count(count);
            i = end.max(i + 1);
            continue;
        }
        i = amount::parse(&c, i, &context, &mut found).max(i + 1);
    }
    found.into_entities(says_whole(&c))
}
