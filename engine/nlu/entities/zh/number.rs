//! Mandarin numbers, spoken and written: 三千二百五, 1.5万, 3千2, 3,250.00, 四三二一.

use rust_decimal::Decimal;

/// A number found in the text.
#[derive(Debug, PartialEq)]
pub(super) struct Number {
    /// `None` when vague (几百, 两三千) or beyond all use.
    pub value: Option<Decimal>,
    /// Index after its last character.
    pub end: usize,
    /// It has 百 or more in it, so that it can hardly be anything but a quantity.
    pub hundreds: bool,
    /// The plain ASCII digits it was written with, if nothing else was.
    pub written: Option<String>,
    /// The value was given as approximate (一千多, 三十来).
    pub approximate: bool,
}

/// The value of one spoken digit. 幺 is for reading out digits only and is not among them.
pub(super) fn digit(c: char) -> Option<u32> {
    match c {
        '零' | '〇' => Some(0),
        '一' | '壹' => Some(1),
        '二' | '两' | '贰' => Some(2),
        '三' | '叁' => Some(3),
        '四' | '肆' => Some(4),
        '五' | '伍' => Some(5),
        '六' | '陆' => Some(6),
        '七' | '柒' => Some(7),
        '八' | '捌' => Some(8),
        '九' | '玖' => Some(9),
        _ => None,
    }
}

fn unit(c: char) -> Option<u64> {
    match c {
        '十' | '拾' => Some(10),
        '百' | '佰' => Some(100),
        '千' | '仟' => Some(1_000),
        '万' | 'w' => Some(10_000),
        '亿' => Some(100_000_000),
        'k' => Some(1_000),
        _ => None,
    }
}

/// No number that matters is written with more digits; longer runs are consumed without a value.
const MAX_DIGITS: usize = 15;

/// A number at `i`, or `None` when none starts there. Never looks behind `i`.
pub(super) fn parse(c: &[char], i: usize) -> Option<Number> {
    let first = *c.get(i)?;
    if matches!(first, '几' | '数') {
        return vague(c, i + 1, c.get(i + 1).and_then(|u| unit(*u)).is_some());
    }
    if matches!(first, '百' | '千' | '万') {
        // 百八十, 千八百, 万八千: only so may a number begin with its unit.
        let (Some('八'), Some(&next)) = (c.get(i + 1).copied(), c.get(i + 2)) else { return None };
        let fits = matches!((first, next), ('百', '十') | ('千', '百') | ('万', '千'));
        let value = unit(first)? + 8 * unit(next)?;
        return fits.then(|| Number {
            value: Some(Decimal::from(value)),
            end: i + 3,
            hundreds: true,
            written: None,
            approximate: true,
        });
    }
    if !(first.is_ascii_digit() || digit(first).is_some() || matches!(first, '十' | '拾')) {
        return None;
    }
    let run = c[i..].iter().take_while(|x| digit(**x).is_some()).count();
    if run >= 2 && first != '零' && first != '〇' {
        // 两三百, 三五天, or digits that the caller did not want.
        return vague(c, i + run, c.get(i + run).and_then(|u| unit(*u)).is_some());
    }
    quantity(c, i)
}

/// A vague number ends after the units that follow it.
fn vague(c: &[char], mut end: usize, is_number: bool) -> Option<Number> {
    let start = end;
    while c.get(end).is_some_and(|u| unit(*u).is_some()) {
        end += 1;
    }
    (is_number || end == start).then_some(Number {
        value: None,
        end,
        hundreds: end > start,
        written: None,
        approximate: true,
    })
}

/// One group of digits: a spoken digit, or ASCII digits with thousands commas and a fraction.
fn group(c: &[char], i: usize) -> Option<(Option<Decimal>, usize, String)> {
    if let Some(d) = c.get(i).copied().and_then(digit) {
        return Some((Some(Decimal::from(d)), i + 1, String::new()));
    }
    let mut text = String::new();
    let mut j = i;
    let mut fraction = false;
    while let Some(&x) = c.get(j) {
        let digits_after = || c[j + 1..].iter().take(4).take_while(|d| d.is_ascii_digit()).count();
        match x {
            '0'..='9' => text.push(x),
            ',' if !fraction && !text.is_empty() && digits_after() == 3 => {}
            '.' if !fraction && !text.is_empty() && digits_after() > 0 => {
                fraction = true;
                text.push('.');
            }
            _ => break,
        }
        j += 1;
    }
    if text.is_empty() {
        return None;
    }
    let value = if text.len() <= MAX_DIGITS { text.parse().ok() } else { None };
    let plain = !fraction && j - i == text.len();
    Some((value, j, if plain { text } else { String::new() }))
}

/// The state of reading one quantity: what stands above 万, the section under it, the digit group
/// that waits for its unit.
struct Reading {
    total: Decimal,
    section: Decimal,
    pending: Option<(Decimal, usize)>,
    last_unit: u64,
    section_unit: u64,
    after_zero: bool,
    hundreds: bool,
    vague: bool,
    approximate: bool,
    /// The ASCII digits that it was written with, as long as there was nothing else.
    written: String,
}

impl Reading {
    /// Takes in a unit; `false` when it does not go with what was read (三百五百).
    fn unit(&mut self, u: u64) -> Option<bool> {
        let pending = self.pending.map(|p| p.0);
        if u >= 10_000 {
            let all = self.section.checked_add(pending.unwrap_or_default())?;
            if all.is_zero() {
                return Some(false);
            }
            self.total = self.total.checked_add(all)?.checked_mul(Decimal::from(u))?;
            self.section = Decimal::ZERO;
            self.section_unit = u64::MAX;
        } else {
            if u >= self.section_unit || (pending.is_none() && u != 10) {
                return Some(false);
            }
            let part = pending.unwrap_or(Decimal::ONE).checked_mul(Decimal::from(u))?;
            self.section = self.section.checked_add(part)?;
            self.section_unit = u;
        }
        self.pending = None;
        self.last_unit = u;
        self.after_zero = false;
        self.hundreds |= u >= 100;
        Some(true)
    }

    /// Reads on at `j` in the number that begins at `i`; `None` where it ends.
    fn step(&mut self, c: &[char], i: usize, j: usize) -> Option<usize> {
        let x = *c.get(j)?;
        let waits = self.pending.is_some();
        if let Some(u) = unit(x) {
            // 3 w, 5 k stand for themselves, but kilometres and the like do not.
            if matches!(x, 'k' | 'w') && c.get(j + 1).is_some_and(char::is_ascii_alphanumeric) {
                return None;
            }
            match self.unit(u) {
                Some(true) => self.written.clear(),
                Some(false) => {
                    // The group belongs to another number; the two together are a range.
                    self.vague = waits;
                    return None;
                }
                None => self.vague = true,
            }
            return Some(j + 1);
        }
        if waits {
            return None;
        }
        match x {
            '零' | '〇' if j > i || c.get(j + 1).is_some_and(|d| digit(*d).is_some()) => {
                self.after_zero = true
            }
            '多' | '来' | '余' if self.last_unit > 1 => self.approximate = true,
            '几' if self.last_unit > 1 => self.vague = true,
            _ => {
                let (value, end, text) = group(c, j)?;
                self.vague |= value.is_none();
                self.pending = Some((value.unwrap_or_default(), j));
                if j == i {
                    self.written = text;
                }
                return Some(end);
            }
        }
        Some(j + 1)
    }

    /// Gives back a last character, before `j`, that belongs to what follows the number.
    fn give_back(&mut self, c: &[char], i: usize, j: usize) -> usize {
        if c[i..j].last() == Some(&'来')
            && !c.get(j).is_some_and(|x| matches!(x, '块' | '元' | '个' | '天' | '万'))
        {
            // 五百来 without a measure word: 来 is the verb "come".
            self.approximate = false;
            return j - 1;
        }
        // 两千一次结清, 五百三天后: the last digit counts what follows it.
        const COUNTED: &[char] = &[
            '次', '起', '定', '共', '下', '样', '并', '直', '笔', '期', '个', '天', '月', '号', '点', '周',
            '日', '年',
        ];
        let short = self.pending.filter(|p| self.last_unit >= 100 && !self.after_zero && j == p.1 + 1);
        if short.is_some()
            && c.get(j).is_some_and(|x| COUNTED.contains(x))
            && spoken_fraction(c, j, self.value()).is_none()
        {
            self.pending = None;
            return j - 1;
        }
        j
    }

    /// The whole; a last digit without its unit counts in the one below the last (三千二 = 3200).
    fn value(&self) -> Option<Decimal> {
        let mut value = self.total.checked_add(self.section)?;
        if let Some((p, _)) = self.pending {
            let spoken_short =
                self.last_unit >= 100 && !self.after_zero && p < Decimal::TEN && p.scale() == 0;
            let scale = if spoken_short { Decimal::from(self.last_unit / 10) } else { Decimal::ONE };
            value = value.checked_add(p.checked_mul(scale)?)?;
        }
        Some(value)
    }
}

fn quantity(c: &[char], i: usize) -> Option<Number> {
    let mut r = Reading {
        total: Decimal::ZERO,
        section: Decimal::ZERO,
        pending: None,
        last_unit: 1,
        section_unit: u64::MAX,
        after_zero: false,
        hundreds: false,
        vague: false,
        approximate: false,
        written: String::new(),
    };
    let mut j = i;
    while let Some(next) = r.step(c, i, j) {
        j = next;
    }
    j = r.give_back(c, i, j);
    let mut value = if r.vague { None } else { r.value() };
    let mut end = j;
    if r.pending.is_some() && c.get(j).is_some_and(|x| digit(*x).is_some()) {
        // 一百二三: between two values.
        let run = c[j..].iter().take_while(|x| digit(**x).is_some()).count();
        (value, end) = (None, j + run);
    } else if let Some((v, e)) = spoken_fraction(c, j, value) {
        (value, end) = (Some(v), e);
        r.written.clear();
    }
    (end > i).then_some(Number {
        value,
        end,
        hundreds: r.hundreds,
        written: (!r.written.is_empty()).then_some(r.written),
        approximate: r.approximate,
    })
}

/// 点 with spoken digits behind it, where it cannot be a time of day: 三点五万, 三千二百点五.
fn spoken_fraction(c: &[char], j: usize, whole: Option<Decimal>) -> Option<(Decimal, usize)> {
    let whole = whole?;
    if c.get(j) != Some(&'点') || whole.scale() > 0 {
        return None;
    }
    let digits: Vec<u32> = c[j + 1..].iter().take(4).map_while(|x| digit(*x).or(x.to_digit(10))).collect();
    let end = j + 1 + digits.len();
    let after = c.get(end).copied();
    let unit = after.and_then(unit).filter(|u| *u >= 1_000);
    let money = matches!(after, Some('元' | '块'));
    if digits.is_empty() || digits.len() > 2 || !(unit.is_some() || money || whole > Decimal::from(24)) {
        return None;
    }
    let mut value = whole;
    let mut place = Decimal::new(1, 1);
    for d in digits {
        value = value.checked_add(Decimal::from(d).checked_mul(place)?)?;
        place = place.checked_mul(Decimal::new(1, 1))?;
    }
    match unit {
        Some(u) => Some((value.checked_mul(Decimal::from(u))?, end + 1)),
        None => Some((value, end)),
    }
}

/// No number that is read out is longer: an account's, with room.
const MAX_READ_OUT: usize = 24;

/// Digits read one by one: 四三二一, 幺三八…, `4 3 2 1`, `138-1234-5678`. At least three.
///
/// A last X, as in an identity number, belongs to them. ASCII digits written in one go are an
/// ordinary number here.
pub(super) fn digits(c: &[char], i: usize) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut end = i;
    let mut j = i;
    let mut groups = 0usize;
    let mut group_len = 0usize;
    let mut all_single = true;
    let mut ascii = true;
    while let Some(&x) = c.get(j).filter(|_| out.len() <= MAX_READ_OUT) {
        let d = if x == '幺' { Some(1) } else { digit(x).filter(|_| x != '两').or(x.to_digit(10)) };
        if let Some(d) = d {
            if group_len == 0 {
                groups += 1;
            }
            group_len += 1;
            all_single &= group_len == 1;
            ascii &= x.is_ascii_digit();
            out.extend(char::from_digit(d, 10));
            j += 1;
            end = j;
        } else if matches!(x, ' ' | '、' | '-' | '杠' | ',') && group_len > 0 {
            // Groups of several digits are parted by nothing but a dash or a space.
            if !all_single && !matches!(x, ' ' | '-' | '杠') {
                break;
            }
            group_len = 0;
            j += 1;
        } else {
            break;
        }
    }
    let read_out = (groups == 1 && !ascii) || (all_single && groups >= 3) || groups > 1 && out.len() >= 7;
    let counted = c.get(end).is_some_and(|u| unit(*u).is_some() && *u != 'w' && *u != 'k');
    if !read_out || out.len() < 3 || out.len() > MAX_READ_OUT || counted {
        return None;
    }
    if matches!(c.get(end), Some('x' | '叉')) {
        out.push('X');
        end += 1;
    }
    Some((out, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<String> {
        let c: Vec<char> = text.chars().collect();
        let n = parse(&c, 0)?;
        assert_eq!(n.end, c.len(), "{text} is one number");
        n.value.map(|v| v.normalize().to_string())
    }

    #[test]
    fn quantities_are_read_as_they_are_said() {
        for (text, want) in [
            ("三千二百五", "3250"),
            ("三千零五十", "3050"),
            ("三千零五", "3005"),
            ("一万二", "12000"),
            ("一万零五百", "10500"),
            ("二百五", "250"),
            ("百八十", "180"),
            ("十万五千", "105000"),
            ("十五", "15"),
            ("两万三千四百五十六", "23456"),
            ("一百万", "1000000"),
            ("一亿", "100000000"),
            ("3千2", "3200"),
            ("1.5万", "15000"),
            ("1万5", "15000"),
            ("3,250.00", "3250"),
            ("5k", "5000"),
            ("三点五万", "35000"),
            ("一千多", "1000"),
            ("三千二百五十点五", "3250.5"),
            ("一千零一十", "1010"),
        ] {
            assert_eq!(value(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn vague_numbers_have_no_value() {
        for text in ["几百", "两三千", "一百二三", "十几", "三百五百", "几十万"] {
            let c: Vec<char> = text.chars().collect();
            assert_eq!(parse(&c, 0).and_then(|n| n.value), None, "{text}");
        }
    }
}
