//! Days of the moon's calendar: 农历八月十五, 正月初五, 腊月二十三, 初一.
//!
//! They are recognized to be left alone: the calendar is not reckoned here, and the day of the sun's
//! calendar with the same numbers is another one. Deliberately absent: 八月十五 by itself, which may be
//! meant either way and is read as the sun's, and feasts without a number (中秋节, 除夕), which name no
//! day here.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{
    REACH, before,
    date::{self, AFTER_ONE},
    is_stop, number, starts,
};

const LUNAR: &[&str] = &["农历", "阴历", "旧历", "老历", "古历", "夏历"];
const SOLAR: &[&str] = &["阳历", "公历", "新历", "国历"];

/// Feasts that are named beside their day: 八月十五中秋节.
const FEASTS: &[&str] = &["中秋", "端午", "重阳", "七夕", "元宵", "腊八", "中元", "小年"];

/// The index after a day of that calendar at `i`, or after its name.
pub(super) fn parse(c: &[char], i: usize, today: Date) -> Option<usize> {
    if let Some(end) = word(c, i, LUNAR) {
        return Some(end);
    }
    if let Some(end) = month(c, i) {
        return Some(day_of(c, end));
    }
    if let Some(end) = first_ten(c, i) {
        return Some(end);
    }
    let end = date::by_calendar(c, i, today)?;
    // 十月初五, 下个月初五.
    if let Some(end) = first_ten(c, end - 1) {
        return Some(end);
    }
    (is_marked(c, i) || is_marked_behind(c, end, today) || is_feast(c, i, end)).then_some(end)
}

/// The index after one of the words at `i`.
fn word(c: &[char], i: usize, words: &[&str]) -> Option<usize> {
    words.iter().find(|w| starts(c, i, w)).map(|w| i + w.chars().count())
}

/// 正月, 冬月, 腊月, 闰六月.
fn month(c: &[char], i: usize) -> Option<usize> {
    let first = *c.get(i)?;
    // 反正月底, 真正月底.
    let within = first == '正' && i > 0 && matches!(c[i - 1], '反' | '真' | '公' | '改' | '端' | '修' | '纠');
    if within || !matches!(first, '正' | '冬' | '腊' | '闰') {
        return None;
    }
    let leap = number::parse(c, i + 1).filter(|_| first == '闰');
    let j = leap.map_or(i + 1, |n| n.end);
    (c.get(j) == Some(&'月')).then_some(j + 1)
}

/// The index after the day of such a month, where one follows at `i`.
fn day_of(c: &[char], i: usize) -> usize {
    let j = i + usize::from(matches!(c.get(i), Some('份' | '的')));
    if let Some(end) = first_ten(c, j) {
        return end;
    }
    if matches!(c.get(j), Some('底' | '末' | '初' | '中')) {
        return j + 1;
    }
    day_number(c, j, 31).unwrap_or(i)
}

/// 初一 to 初十, which the sun's months have not. In 下月初三千, 下个月初一定 and 上初三 there is none.
fn first_ten(c: &[char], i: usize) -> Option<usize> {
    let another = i > 0 && matches!(c[i - 1], '最' | '当' | '起' | '上' | '读' | '念');
    if c.get(i) != Some(&'初') || another || c.get(i + 1) == Some(&'两') {
        return None;
    }
    day_number(c, i + 1, 10)
}

/// The index after a number up to `most` that counts nothing, with its 号.
fn day_number(c: &[char], i: usize, most: u32) -> Option<usize> {
    const COUNTED: &[char] = &[
        '块', '元', '个', '期', '次', '笔', '点', '天', '周', '年', '月', '岁', '人', '倍', '折', '毛', '角',
        '%',
    ];
    let n = number::parse(c, i)?;
    let day = n.value.is_some_and(|v| !v.is_zero() && v.scale() == 0 && v <= Decimal::from(most));
    let next = c.get(n.end);
    let one = c[i] == '一' && n.end == i + 1 && !starts(c, n.end, "下午");
    let counts = next.is_some_and(|x| COUNTED.contains(x) || one && AFTER_ONE.contains(x));
    (day && !n.approximate && !counts).then(|| n.end + usize::from(matches!(next, Some('号' | '日'))))
}

/// Whether the clause says before `i` that its days are the moon's, and no other day stands between.
fn is_marked(c: &[char], i: usize) -> bool {
    let mut clause = before(c, i, REACH);
    if clause.is_empty() && i > 0 {
        // 农历，八月十五.
        clause = before(c, i - 1, 2);
    }
    let last = |words: &[&str]| (0..clause.len()).rev().find(|k| word(clause, *k, words).is_some());
    last(LUNAR).is_some_and(|k| {
        last(SOLAR).is_none_or(|s| s < k) && !clause[k..].iter().any(|x| matches!(x, '月' | '号'))
    })
}

/// Whether that is said behind a day: 八月十五，我说的是农历. In 九月一号是农历七月二十 another day is
/// meant by it.
fn is_marked_behind(c: &[char], end: usize, today: Date) -> bool {
    let small = |x: &&char| matches!(x, '我' | '说' | '的' | '是' | '按' | '这' | '指' | '算');
    let from = end + usize::from(c.get(end).is_some_and(|x| is_stop(*x) && *x != '?'));
    let j = from + c[from.min(c.len())..].iter().take(5).take_while(small).count();
    word(c, j, LUNAR).is_some_and(|k| {
        let k = k + usize::from(c.get(k) == Some(&'的'));
        let another = date::by_calendar(c, k, today).or(month(c, k)).or(first_ten(c, k));
        another.is_none() && number::parse(c, k).is_none()
    })
}

/// Whether its feast is named behind a month and a number: 八月十五中秋节, not 九月二十五号中秋节.
fn is_feast(c: &[char], i: usize, end: usize) -> bool {
    let bare = number::parse(c, i).is_some() && !matches!(c[end - 1], '号' | '日');
    bare && word(c, end, FEASTS).is_some()
}
