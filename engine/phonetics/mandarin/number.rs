//! Numbers in Chinese characters, as they are said.

const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/// How a lone 2 before a measure word is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Two {
    /// 二, as in dates, ordinals and decimals.
    Er,
    /// 两, as in 两个, 两元.
    Liang,
}

/// Digits one by one: `2026` to 二零二六. Characters other than ASCII digits are passed over.
pub(crate) fn one_by_one(digits: &str) -> String {
    digits.bytes().filter(u8::is_ascii_digit).map(|b| DIGITS[usize::from(b - b'0')]).collect()
}

/// Digits one by one with 幺 for 1, as telephone numbers are read.
pub(crate) fn telephone(digits: &str) -> String {
    one_by_one(digits).replace('一', "幺")
}

/// A year's digits, with 〇 as it is written: `2026` to 二〇二六.
pub(crate) fn year(digits: &str) -> String {
    one_by_one(digits).replace('零', "〇")
}

/// A whole number in words: `3250` to 三千二百五十. Over 16 digits it is read one by one.
pub(crate) fn cardinal(digits: &str, two: Two) -> String {
    let plain: Vec<u8> =
        digits.bytes().filter(u8::is_ascii_digit).skip_while(|&b| b == b'0').map(|b| b - b'0').collect();
    if plain.is_empty() {
        return "零".to_owned();
    }
    if plain.len() > 16 {
        return one_by_one(digits);
    }
    if plain == [2] {
        return if two == Two::Liang { "两" } else { "二" }.to_owned();
    }
    let groups: Vec<&[u8]> = plain.rchunks(4).rev().collect();
    let mut out = String::new();
    let mut gap = false;
    for (n, group) in groups.iter().enumerate() {
        let power = groups.len() - 1 - n;
        let value = group.iter().fold(0_u32, |v, &d| v * 10 + u32::from(d));
        if value == 0 {
            gap = true;
            continue;
        }
        if n > 0 && (gap || value < 1000) {
            out.push('零');
        }
        gap = false;
        section(group, n == 0, power > 0, &mut out);
        out.push_str(["", "万", "亿", "万亿"][power.min(3)]);
    }
    out
}

/// Up to four digits. `leads`: the first of the number, where 10 is 十 and 2000 两千.
fn section(digits: &[u8], leads: bool, counted: bool, out: &mut String) {
    let significant: Vec<u8> = digits.iter().copied().skip_while(|&d| d == 0).collect();
    if significant == [2] && counted && leads {
        out.push('两');
        return;
    }
    let mut gap = false;
    let mut begun = false;
    for (n, &d) in significant.iter().enumerate() {
        let power = significant.len() - 1 - n;
        if d == 0 {
            gap = begun;
            continue;
        }
        if gap {
            out.push('零');
            gap = false;
        }
        let elided_one = d == 1 && power == 1 && !begun && leads;
        if d == 2 && power == 3 && leads {
            out.push('两');
        } else if !elided_one {
            out.push(DIGITS[usize::from(d)]);
        }
        out.push_str(["", "十", "百", "千"][power.min(3)]);
        begun = true;
    }
}

/// A number with an optional fraction: `3.14` to 三点一四, `3.00` to 三.
pub(crate) fn decimal(whole: &str, fraction: Option<&str>, two: Two) -> String {
    match fraction.map(|f| f.trim_end_matches('0')) {
        Some(f) if !f.is_empty() => format!("{}点{}", cardinal(whole, Two::Er), one_by_one(f)),
        _ => cardinal(whole, two),
    }
}

/// A sum: `3250.50` with 元 to 三千二百五十元五角. A fraction of more than two digits is read as a decimal.
///
/// `unit` is 元, 块 or a foreign unit; only 元 and 块 have 角 and 分.
pub(crate) fn money(whole: &str, fraction: Option<&str>, unit: &str) -> String {
    let cents = fraction.map(|f| f.trim_end_matches('0')).unwrap_or("");
    if cents.is_empty() {
        return format!("{}{unit}", cardinal(whole, Two::Liang));
    }
    if cents.len() > 2 || !matches!(unit, "元" | "块" | "块钱") {
        return format!("{}{unit}", decimal(whole, fraction, Two::Liang));
    }
    let digit = |at: usize| cents.as_bytes().get(at).map_or(0, |b| usize::from(b - b'0'));
    let (jiao, fen) = (digit(0), digit(1));
    let has_yuan = whole.bytes().any(|b| matches!(b, b'1'..=b'9'));
    let mut out = String::new();
    if has_yuan {
        out = format!("{}{}", cardinal(whole, Two::Liang), if unit == "块钱" { "块" } else { unit });
    }
    if jiao > 0 {
        out.push(DIGITS[jiao]);
        out.push(if unit == "元" { '角' } else { '毛' });
    } else if has_yuan {
        out.push('零');
    }
    if fen > 0 {
        out.push(DIGITS[fen]);
        out.push('分');
    }
    out
}

/// A time of day: 17:30 to 下午五点半; `period` is left out where the text has said it.
pub(crate) fn clock(hour: u8, minute: u8, with_period: bool) -> String {
    let period = match hour {
        0..=4 => "凌晨",
        5..=7 => "早上",
        8..=11 => "上午",
        12 => "中午",
        13..=17 => "下午",
        _ => "晚上",
    };
    let twelve = match hour {
        0 => 0,
        13..=23 => hour - 12,
        h => h.min(24),
    };
    let mut out = String::new();
    if with_period {
        out.push_str(period);
    }
    out.push_str(&cardinal(&twelve.to_string(), Two::Liang));
    out.push('点');
    match minute {
        0 => {}
        30 => out.push('半'),
        1..=9 => {
            out.push('零');
            out.push_str(&cardinal(&minute.to_string(), Two::Er));
            out.push('分');
        }
        _ => {
            out.push_str(&cardinal(&minute.to_string(), Two::Er));
            out.push('分');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_in_words() {
        for (digits, want) in [
            ("0", "零"),
            ("10", "十"),
            ("12", "十二"),
            ("20", "二十"),
            ("100", "一百"),
            ("101", "一百零一"),
            ("110", "一百一十"),
            ("202", "二百零二"),
            ("2000", "两千"),
            ("2222", "两千二百二十二"),
            ("3250", "三千二百五十"),
            ("3005", "三千零五"),
            ("10000", "一万"),
            ("10010", "一万零一十"),
            ("20000", "两万"),
            ("22000", "两万二千"),
            ("100000", "十万"),
            ("120000", "十二万"),
            ("1000001", "一百万零一"),
            ("10500000", "一千零五十万"),
            ("100010000", "一亿零一万"),
            ("200000000", "两亿"),
            ("1234567890", "十二亿三千四百五十六万七千八百九十"),
            ("007", "七"),
            ("12345678901234567", "一二三四五六七八九零一二三四五六七"),
        ] {
            assert_eq!(cardinal(digits, Two::Er), want, "{digits}");
        }
    }

    #[test]
    fn sums_have_jiao_and_fen() {
        for (whole, fraction, want) in [
            ("3250", Some("00"), "三千二百五十元"),
            ("3250", Some("5"), "三千二百五十元五角"),
            ("3250", Some("05"), "三千二百五十元零五分"),
            ("0", Some("05"), "五分"),
            ("2", None, "两元"),
            ("19", Some("99"), "十九元九角九分"),
        ] {
            assert_eq!(money(whole, fraction, "元"), want);
        }
        assert_eq!(money("3", Some("5"), "美元"), "三点五美元");
    }

    #[test]
    fn times_of_day_are_said_on_the_twelve_hour_clock() {
        assert_eq!(clock(17, 30, true), "下午五点半");
        assert_eq!(clock(9, 5, true), "上午九点零五分");
        assert_eq!(clock(12, 0, true), "中午十二点");
        assert_eq!(clock(14, 0, true), "下午两点");
        assert_eq!(clock(20, 45, false), "八点四十五分");
        assert_eq!(clock(0, 10, true), "凌晨零点十分");
    }
}
