//! Mandarin days: 大后天, 下周三, 月底, 下个月五号, 十一月二十七号, 三天后.
//!
//! Deliberately absent: days of the moon's calendar (see [`super::lunar`]), and 这两天, 过几天, 下周,
//! which name no day.

use jiff::civil::{Date, Weekday};
use rust_decimal::prelude::ToPrimitive;

use super::{
    super::calendar::{self, Recurs},
    REACH, after, before, has,
    number::{self, digit},
    starts,
};

/// What 一 is a part of where it counts nothing: 一定, 一起.
pub(super) const AFTER_ONE: &[char] =
    &['定', '直', '般', '起', '样', '共', '次', '并', '旦', '切', '律', '下', '点', '些', '个'];

/// Reads a day at `i`: the day, where there is such a day, and the index after its words.
///
/// A day that comes round again (周五, 三号) is the coming one, or the last one before today where
/// the clause says that something was done on it (三号就还了).
pub(super) fn parse(c: &[char], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let pointed = pointer(c, i).0.is_some();
    let recurring = |found, recurs| Some((found, if pointed { Recurs::Never } else { recurs }));
    let ((date, end), recurs) = relative(c, i, today)
        .and_then(|f| recurring(f, Recurs::Never))
        .or_else(|| week(c, i, today).and_then(|f| recurring(f, Recurs::Weekly)))
        .or_else(|| month(c, i, today).and_then(|f| recurring(f, Recurs::Monthly)))
        .or_else(|| ahead(c, i, today).and_then(|f| recurring(f, Recurs::Never)))
        .or_else(|| written(c, i, today).and_then(|f| recurring(f, Recurs::Yearly)))
        .or_else(|| numbered(c, i, today).map(|(d, e, recurs)| ((d, e), recurs)))?;
    let date = if recurs != Recurs::Never && done(after(c, end, REACH), before(c, i, REACH)) {
        date.and_then(|d| calendar::last_such(d, today, recurs))
    } else {
        date
    };
    Some((date, end))
}

/// The index after a day at `i` that is named by month or number, as are those of the moon's calendar.
pub(super) fn by_calendar(c: &[char], i: usize, today: Date) -> Option<usize> {
    let found = month(c, i, today).or_else(|| written(c, i, today));
    found.or_else(|| numbered(c, i, today).map(|(day, end, _)| (day, end))).map(|f| f.1)
}

/// Whether the words around a day tell of something done, not of something to come.
fn done(behind: &[char], ahead: &[char]) -> bool {
    const DONE: &[&str] = &[
        "还了",
        "还的",
        "还过",
        "还掉了",
        "还掉的",
        "还上了",
        "还上的",
        "还清了",
        "付了",
        "付的",
        "交了",
        "交的",
        "转了",
        "转的",
        "存了",
        "存的",
        "打了",
        "扣了",
        "扣的",
        "去世",
        "走的",
    ];
    const TO_COME: &[&str] = &[
        "一定",
        "会",
        "肯定",
        "前",
        "要",
        "等",
        "能",
        "打算",
        "可以",
        "行",
        "吗",
        "发工资",
        "了吧",
        "再",
        "争取",
    ];
    DONE.iter().any(|w| has(behind, w)) && !TO_COME.iter().any(|w| has(behind, w) || has(ahead, w))
}

/// Words for days near today. Longer ones stand before those that they contain.
const NEAR: &[(&str, i64)] = &[
    ("大后天", 3),
    ("大后儿", 3),
    ("大前天", -3),
    ("明后天", 2),
    ("明后两天", 2),
    ("后天", 2),
    ("后儿", 2),
    ("前天", -2),
    ("今天", 0),
    ("今日", 0),
    ("今儿", 0),
    ("今晚", 0),
    ("今早", 0),
    ("今夜", 0),
    ("明天", 1),
    ("明日", 1),
    ("明儿", 1),
    ("明晚", 1),
    ("明早", 1),
    ("昨天", -1),
    ("昨日", -1),
    ("昨晚", -1),
    ("昨儿", -1),
];

/// Words that end in a weekday's or a day's first character and mean something else (以后天天).
const BEFORE_NO_DAY: &[char] = &['以', '之', '然', '最', '目', '提', '往', '今'];

fn relative(c: &[char], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let (word, days) = NEAR.iter().find(|(w, _)| starts(c, i, w))?;
    let glued = matches!(c[i], '后' | '前') && i > 0 && BEFORE_NO_DAY.contains(&c[i - 1]);
    (!glued).then(|| (calendar::days_ahead(today, *days), i + word.chars().count()))
}

/// How a week, month or year is pointed at, with the number of steps from this one.
const POINTERS: &[(&str, i64)] = &[
    ("下下个", 2),
    ("下下", 2),
    ("下个", 1),
    ("下一个", 1),
    ("下", 1),
    ("上上个", -2),
    ("上上", -2),
    ("上个", -1),
    ("上", -1),
    ("这个", 0),
    ("这", 0),
    ("本", 0),
    ("当", 0),
];

fn pointer(c: &[char], i: usize) -> (Option<i64>, usize) {
    POINTERS
        .iter()
        .find(|(w, _)| starts(c, i, w))
        .map_or((None, i), |(w, n)| (Some(*n), i + w.chars().count()))
}

fn week(c: &[char], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let (steps, mut j) = pointer(c, i);
    let word = ["周", "星期", "礼拜"].iter().find(|w| starts(c, j, w))?;
    // 两周, 一个星期: a length, not a day. 每周五: every one of them.
    let counted = |x: char| {
        digit(x).is_some() || x.is_ascii_digit() || matches!(x, '个' | '半' | '几' | '十' | '每' | '多')
    };
    if steps.is_none() && i > 0 && counted(c[i - 1]) {
        return None;
    }
    j += word.chars().count();
    if c.get(j) == Some(&'末') {
        let day = match steps {
            None | Some(0) => calendar::weekend(today),
            Some(n) => calendar::weekday_in_week(today, Weekday::Saturday, n),
        };
        return Some((day, j + 1));
    }
    let day = match c.get(j)? {
        '一' | '1' => Weekday::Monday,
        '二' | '2' => Weekday::Tuesday,
        '三' | '3' => Weekday::Wednesday,
        '四' | '4' => Weekday::Thursday,
        '五' | '5' => Weekday::Friday,
        '六' | '6' => Weekday::Saturday,
        '日' | '天' | '7' => Weekday::Sunday,
        _ => return None,
    };
    let next = c.get(j + 1).copied();
    // 下周一定, 下周一起: the 一 is another word's; 下周三千: the digit is a sum's.
    if c[j] == '一' && next.is_some_and(|x| AFTER_ONE.contains(&x)) && !starts(c, j + 1, "下午") {
        return None;
    }
    if matches!(next, Some('百' | '千' | '万' | '块' | '元' | '次' | '.'))
        || (c[j].is_ascii_digit() && next.is_some_and(|x| x.is_ascii_digit()))
    {
        return None;
    }
    let date = match steps {
        None | Some(0) => calendar::weekday_from_today(today, day),
        Some(n) => calendar::weekday_in_week(today, day, n),
    };
    Some((date, j + 1))
}

fn month(c: &[char], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    if starts(c, i, "年底") || starts(c, i, "年末") {
        // 明年底, 明年年底.
        let of = if i > 0 && c[i - 1] == '年' { i - 1 } else { i };
        let ahead = match of.checked_sub(1).map(|at| c[at]) {
            Some('明') => 1,
            Some('去') => -1,
            _ => 0,
        };
        return Some((Date::new(today.year() + ahead, 12, 31).ok(), i + 2));
    }
    if starts(c, i, "元旦") {
        // 过完元旦 is some day after it.
        let past = i >= 2 && (starts(c, i - 2, "过完") || starts(c, i - 2, "过了"));
        return Some((calendar::month_day(today, 1, 1).filter(|_| !past), i + 2));
    }
    if starts(c, i, "圣诞") {
        return Some((calendar::month_day(today, 12, 25), i + 2));
    }
    if starts(c, i, "国庆") {
        return Some((calendar::month_day(today, 10, 1), i + 2));
    }
    let (steps, mut j) = pointer(c, i);
    if c.get(j) != Some(&'月')
        || (steps.is_none()
            && i > 0
            && (digit(c[i - 1]).is_some() || matches!(c[i - 1], '个' | '十' | '半' | '0'..='9')))
    {
        return None;
    }
    j += 1;
    while matches!(c.get(j), Some('月' | '的')) && j < i + 6 {
        j += 1;
    }
    let n = steps.unwrap_or(0);
    if starts(c, j, "最后一天") {
        return Some((calendar::end_of_month(today, n), j + 4));
    }
    match c.get(j) {
        Some('底' | '末') => return Some((calendar::end_of_month(today, n), j + 1)),
        // A month's beginning or middle that is past means the next month's, as a bare day does.
        Some('初') if steps.is_none() => return Some((calendar::day_of_month(today, 1), j + 1)),
        Some('初') => return Some((calendar::day_in_month(today, n, 1), j + 1)),
        Some('中') if steps.is_none() => return Some((calendar::day_of_month(today, 15), j + 1)),
        Some('中') => return Some((calendar::day_in_month(today, n, 15), j + 1)),
        _ => {}
    }
    steps?;
    let (day, end) = small(c, j).filter(|(_, e)| is_day_word(c, *e))?;
    Some((calendar::day_in_month(today, n, i8::try_from(day).ok()?), end + 1))
}

/// A whole number up to four digits.
fn small(c: &[char], i: usize) -> Option<(i64, usize)> {
    let n = number::parse(c, i)?;
    let v = n.value.filter(|v| v.scale() == 0 && !n.approximate)?.to_i64()?;
    (0..10_000).contains(&v).then_some((v, n.end))
}

/// 号 or 日, but not as part of another word (五号楼, 三日内).
fn is_day_word(c: &[char], i: usize) -> bool {
    match c.get(i) {
        Some('号') => !c.get(i + 1).is_some_and(|x| {
            matches!(x, '楼' | '线' | '店' | '院' | '门' | '房' | '码' | '机' | '客' | '坐')
        }),
        Some('日') => !c.get(i + 1).is_some_and(|x| matches!(x, '内' | '后' | '元' | '常' | '子')),
        _ => false,
    }
}

/// 三天后, 三天前, 过两天, 一周之内, 半个月以后, 过一个月, 宽限我三天.
fn ahead(c: &[char], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let before = ["再过", "过", "等", "宽限我", "宽限"].iter().find(|w| starts(c, i, w));
    let mut j = before.map_or(i, |w| i + w.chars().count());
    let (n, halves) = if c.get(j) == Some(&'半') {
        j += 1;
        (0, true)
    } else {
        let (n, end) = small(c, j)?;
        j = end;
        (n, false)
    };
    let mut half_more = false;
    let counted = c.get(j) == Some(&'个');
    if counted {
        j += 1;
        if c.get(j) == Some(&'半') {
            half_more = true;
            j += 1;
        }
    }
    let half = i64::from(halves || half_more);
    let (days, months, used) = if matches!(c.get(j), Some('天' | '日')) {
        (n, 0, 1)
    } else if c.get(j) == Some(&'周') {
        (7 * n, 0, 1)
    } else if starts(c, j, "星期") || starts(c, j, "礼拜") {
        (7 * n, 0, 2)
    } else if c.get(j) == Some(&'月') && counted {
        (15 * half, n, 1)
    } else if c.get(j) == Some(&'年') {
        (0, 12 * n + 6 * half, 1)
    } else {
        return None;
    };
    if half == 1 && !matches!(c.get(j), Some('月' | '年')) {
        return None;
    }
    j += used;
    // What was done that long ago; 三天之前 may be by then.
    if before.is_none() && months == 0 && c.get(j) == Some(&'前') {
        return Some((calendar::days_ahead(today, -days), j + 1));
    }
    let after = ["之后", "以后", "过后", "后", "之内", "以内", "内"].iter().find(|w| starts(c, j, w));
    if before.is_none() && after.is_none() || matches!(c.get(j), Some('节' | '年')) {
        return None;
    }
    j += after.map_or(0, |w| w.chars().count());
    let date = calendar::months_ahead(today, months).and_then(|d| calendar::days_ahead(d, days));
    Some((date, j))
}

/// 2026-11-27, 2026/11/27, 11/27, 11-27 as a whole.
fn written(c: &[char], i: usize, today: Date) -> Option<(Option<Date>, usize)> {
    let ascii = |i: usize, most: usize| {
        let n = c[i.min(c.len())..].iter().take(most + 1).take_while(|x| x.is_ascii_digit()).count();
        let text: String = c[i.min(c.len())..].iter().take(n).collect();
        (n > 0 && n <= most).then_some(())?;
        Some((text.parse::<i16>().ok()?, i + n))
    };
    let (a, j) = ascii(i, 4)?;
    let mark = *c.get(j).filter(|x| matches!(x, '-' | '/'))?;
    // 2-3天, 10-15号: two numbers are a day with a slash alone.
    if a < 1_000 && mark == '-' {
        return None;
    }
    let (b, k) = ascii(j + 1, 2)?;
    let (date, end) = if a >= 1_000 {
        (c.get(k) == Some(&mark)).then_some(())?;
        let (d, end) = ascii(k + 1, 2)?;
        (Date::new(a, i8::try_from(b).ok()?, i8::try_from(d).ok()?).ok(), end)
    } else {
        (calendar::month_day(today, i8::try_from(a).ok()?, i8::try_from(b).ok()?), k)
    };
    // 先还1/3 is a part.
    let part = mark == '/' && i > 0 && matches!(c[i - 1], '还' | '付' | '先' | '给' | '有');
    let more = part || c.get(end).is_some_and(|x| matches!(x, '-' | '/') || x.is_ascii_digit());
    (!more && date.is_some()).then_some((date, end))
}

/// The year before 年: 2026, 二〇二六, 二六, 今, 明.
fn year(c: &[char], i: usize, today: Date) -> Option<(i16, usize)> {
    let named = match c.get(i)? {
        '今' => Some(0),
        '明' => Some(1),
        '去' => Some(-1),
        _ => None,
    };
    if let Some(n) = named {
        return (c.get(i + 1) == Some(&'年')).then_some((today.year().checked_add(n)?, i + 2));
    }
    let digits: Vec<u32> = c[i..].iter().take(5).map_while(|x| digit(*x).or(x.to_digit(10))).collect();
    if !matches!(digits.len(), 2 | 4) || c.get(i + digits.len()) != Some(&'年') {
        return None;
    }
    let n = digits.iter().fold(0, |n, d| n * 10 + d);
    let n = if digits.len() == 2 { 2_000 + n } else { n };
    (1_900..2_200).contains(&n).then_some((i16::try_from(n).ok()?, i + digits.len() + 1))
}

/// (年) 十一月二十七号, 11月27, 十一月底, and the bare 十五号.
fn numbered(c: &[char], i: usize, today: Date) -> Option<(Option<Date>, usize, Recurs)> {
    let (year, start) = year(c, i, today).map_or((None, i), |(y, j)| (Some(y), j));
    let recurs = if year.is_some() { Recurs::Never } else { Recurs::Yearly };
    let (n, j) = small(c, start)?;
    if c.get(j) == Some(&'月') && (1..=12).contains(&n) {
        let month = i8::try_from(n).ok()?;
        let mut k = j + 1;
        if matches!(c.get(k), Some('份' | '的')) {
            k += 1;
        }
        let on = |day: i8| match year {
            Some(y) => Date::new(y, month, day).ok(),
            None => calendar::month_day(today, month, day),
        };
        match c.get(k) {
            Some('底' | '末') => {
                let end = match year {
                    Some(y) => Date::new(y, month, 1).ok().map(Date::last_of_month),
                    None => calendar::end_of_named_month(today, month),
                };
                return Some((end, k + 1, Recurs::Never));
            }
            Some('初') => return Some((on(1), k + 1, recurs)),
            Some('中') => return Some((on(15), k + 1, recurs)),
            _ => {}
        }
        let (day, end) = small(c, k).filter(|(d, _)| (1..=31).contains(d))?;
        // 十二月一定还, 三月两次, 十二月三千: no day of it.
        let another = |x: &char| {
            matches!(x, '次' | '期' | '笔' | '个' | '天' | '百' | '千' | '万' | '块' | '元')
                || c[k] == '一' && end == k + 1 && AFTER_ONE.contains(x)
        };
        if c.get(end).is_some_and(another) {
            return None;
        }
        let end = if is_day_word(c, end) { end + 1 } else { end };
        return Some((on(i8::try_from(day).ok()?), end, recurs));
    }
    let ordinal = i > 0 && matches!(c[i - 1], '第' | '几' | '.');
    if year.is_some() || ordinal || !(1..=31).contains(&n) || !is_day_word(c, j) {
        return None;
    }
    Some((calendar::day_of_month(today, i8::try_from(n).ok()?), j + 1, Recurs::Monthly))
}
