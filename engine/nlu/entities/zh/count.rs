//! How many parts: 分三期, 12期, 分6次, 分一年, and a bare 三个月 in answer.

use rust_decimal::prelude::ToPrimitive;

use super::{before, has, number, starts};

/// Words that may stand around a bare number of months without making it a length of time past.
const AROUND_ANSWER: &[char] = &[
    '吧', '吗', '呢', '行', '可', '以', '好', '的', '就', '那', '嗯', '呃', '啊', '分', '期', '成', '给',
    '我', '想', '能', '还', '清', '个', '月', '大', '概',
];

/// A number of parts at `i`.
pub(super) fn parse(c: &[char], i: usize) -> Option<(u32, usize)> {
    let (n, j) = if c.get(i) == Some(&'半') && c.get(i + 1) == Some(&'年') {
        (6, i + 1)
    } else {
        let n = number::parse(c, i)?;
        (n.value.filter(|v| v.scale() == 0)?.to_u32()?, n.end)
    };
    // Nobody pays a consumer debt in more than thirty years of months.
    if !(1..=360).contains(&n) || (i > 0 && matches!(c[i - 1], '第' | '逾')) {
        return None;
    }
    let said_split = has(before(c, i, 8), "分") && !has(before(c, i, 8), "十分");
    let paid_or_missed = ["欠", "逾期", "拖", "还了", "失业"].iter().any(|w| has(before(c, i, 8), w));
    if c.get(j) == Some(&'期') {
        let term = c.get(j + 1) == Some(&'间');
        return (!term && !paid_or_missed && n >= 2).then_some((n, j + 1));
    }
    if matches!(c.get(j), Some('次' | '笔' | '回')) && n >= 2 {
        let pays = said_split || ["还清", "付清", "还完", "付完"].iter().any(|w| starts(c, j + 1, w));
        return pays.then_some((n, j + 1));
    }
    if c.get(j) == Some(&'份') && said_split && n >= 2 {
        return Some((n, j + 1));
    }
    if c.get(j) == Some(&'个') && c.get(j + 1) == Some(&'月') {
        let later = ["后", "以后", "之后", "之内", "内", "前", "以前", "了", "没"]
            .iter()
            .any(|w| starts(c, j + 2, w));
        let whole = || c[..i].iter().chain(&c[j..]).all(|x| AROUND_ANSWER.contains(x) || super::is_stop(*x));
        let clears = ["还清", "还完", "付清"].iter().any(|w| starts(c, j + 2, w));
        return (n >= 2 && !later && !paid_or_missed && (said_split || clears || whole()))
            .then_some((n, j + 2));
    }
    if c.get(j) == Some(&'年') && said_split {
        let half = c.get(j + 1) == Some(&'半');
        let months = if c[i] == '半' { 6 } else { n.checked_mul(12)? + if half { 6 } else { 0 } };
        return Some((months, j + 1 + usize::from(half)));
    }
    None
}
