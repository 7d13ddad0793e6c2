//! Written Mandarin to what is said: numbers, sums, dates, times, telephone numbers.
//!
//! The text is read once from left to right. Where a figure begins, the readings are tried from the most
//! telling (a date with its year) to the least (a bare number); what stands before and after decides.

use super::number::{Two, cardinal, clock, decimal, money, one_by_one, telephone, year};
use crate::SpokenText;

/// The spoken form of a text: figures in characters, full-width forms made plain, all else as it was.
pub fn spoken_form(text: &str) -> String {
    spoken_text(text).text
}

/// As [`spoken_form`], with the way back to the text.
pub fn spoken_text(text: &str) -> SpokenText {
    let chars: Vec<char> = text.chars().map(plain).collect();
    let mut steps = Vec::with_capacity(chars.len());
    let mut bytes = text.char_indices().map(|(byte, _)| byte);
    let mut scan = Scan { chars: &chars, at: 0, out: String::with_capacity(text.len()) };
    let mut seen = 0;
    while scan.at < chars.len() {
        // As many bytes further as characters were taken.
        let byte = bytes.nth(scan.at - seen).unwrap_or(text.len());
        seen = scan.at + 1;
        steps.push((scan.out.len(), byte));
        if !scan.figure() {
            scan.out.push(chars[scan.at]);
            scan.at += 1;
        }
    }
    SpokenText::new(scan.out, steps)
}

/// Full-width letters, digits and signs as their ASCII twins; Chinese marks stay.
fn plain(c: char) -> char {
    match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '％' | '＋' | '－' | '／' | '＄' | '．' | '＆' => {
            char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c)
        }
        '￥' => '¥',
        '～' | '∼' | '〜' => '~',
        '–' | '−' | '‐' | '‑' => '-',
        '\u{3000}' | '\u{a0}' | '\t' => ' ',
        c => c,
    }
}

struct Scan<'a> {
    chars: &'a [char],
    at: usize,
    out: String,
}

/// A run of figures as written: `3,250.00`.
struct Figure {
    /// Digits of the whole part, separators taken out.
    whole: String,
    /// Digits after the point.
    fraction: Option<String>,
    /// Where the text goes on.
    end: usize,
}

impl Figure {
    fn is_plain(&self) -> bool {
        self.fraction.is_none()
    }
}

/// Words before a row of digits that say that it is read one by one with 幺.
const TELEPHONE_WORDS: [&str; 12] =
    ["电话", "手机", "号码", "拨打", "致电", "热线", "座机", "分机", "来电", "客服", "短信", "回拨"];
/// Words before a row of digits that say that it is read one by one.
const DIGIT_WORDS: [&str; 14] = [
    "尾号",
    "后四位",
    "末四位",
    "后六位",
    "后三位",
    "卡号",
    "账号",
    "帐号",
    "工号",
    "编号",
    "验证码",
    "单号",
    "证号",
    "密码",
];
/// What counts in 两 rather than 二 when it follows a lone 2.
const MEASURES: &str =
    "个次天年块元万千亿期位笔条张种家件份分点小周星秒层遍回句些部台套间名口人把斤公米倍度声双封轮";
const UNITS: [(&str, &str); 9] = [
    ("km", "公里"),
    ("kg", "公斤"),
    ("cm", "厘米"),
    ("mm", "毫米"),
    ("℃", "摄氏度"),
    ("°C", "摄氏度"),
    ("ml", "毫升"),
    ("GB", "G"),
    ("MB", "兆"),
];

impl Scan<'_> {
    fn peek(&self, at: usize) -> Option<char> {
        self.chars.get(at).copied()
    }

    fn starts(&self, at: usize, word: &str) -> bool {
        word.chars().enumerate().all(|(n, c)| self.peek(at + n) == Some(c))
    }

    /// Takes a figure at the cursor, if one begins there.
    fn figure(&mut self) -> bool {
        let Some(c) = self.peek(self.at) else { return false };
        let after_word = self.at > 0 && self.chars[self.at - 1].is_ascii_alphanumeric();
        if let Some(unit) = self.currency_before() {
            return unit;
        }
        if c == '+' && self.starts(self.at, "+86") {
            self.at += 3;
            if matches!(self.peek(self.at), Some('-' | ' ')) {
                self.at += 1;
            }
            return true;
        }
        if matches!(c, '-' | '~') && self.is_range() {
            self.out.push('到');
            self.at += 1;
            return true;
        }
        if c == '-' && !after_word && self.peek(self.at + 1).is_some_and(|d| d.is_ascii_digit()) {
            self.out.push('负');
            self.at += 1;
            return true;
        }
        if !c.is_ascii_digit() {
            return false;
        }
        self.date() || self.telephone() || self.time() || self.number()
    }

    /// Whether the dash at the cursor stands between two counted figures, as in `5%-10%`, `3天-5天`.
    fn is_range(&self) -> bool {
        self.at > 0
            && (self.chars[self.at - 1] == '%' || "元万天年月日号点个".contains(self.chars[self.at - 1]))
            && self.peek(self.at + 1).is_some_and(|d| d.is_ascii_digit())
    }

    /// `¥3,250.00`, `$20`, `RMB 500`: the unit is said after the number.
    fn currency_before(&mut self) -> Option<bool> {
        const SIGNS: [(&str, &str); 10] = [
            ("US$", "美元"),
            ("HK$", "港元"),
            ("RMB", "元"),
            ("CNY", "元"),
            ("USD", "美元"),
            ("EUR", "欧元"),
            ("¥", "元"),
            ("$", "美元"),
            ("€", "欧元"),
            ("£", "英镑"),
        ];
        let &(sign, unit) = SIGNS.iter().find(|(sign, _)| self.starts(self.at, sign))?;
        let mut at = self.at + sign.chars().count();
        while self.peek(at) == Some(' ') {
            at += 1;
        }
        let figure = self.figure_at(at)?;
        self.at = figure.end;
        if matches!(self.peek(self.at), Some('万' | '亿')) {
            let scale = self.chars[self.at];
            self.at += 1;
            self.out.push_str(&decimal(&figure.whole, figure.fraction.as_deref(), Two::Liang));
            self.out.push(scale);
            self.out.push_str(unit);
        } else {
            self.out.push_str(&money(&figure.whole, figure.fraction.as_deref(), unit));
        }
        if unit == "元" && self.peek(self.at) == Some('元') {
            self.at += 1;
        }
        Some(true)
    }

    /// Digits at `at`, thousands separators and one decimal point.
    fn figure_at(&self, at: usize) -> Option<Figure> {
        let digits = |from: usize| {
            self.chars
                .get(from..)
                .unwrap_or(&[])
                .iter()
                .take_while(|c| c.is_ascii_digit())
                .collect::<String>()
        };
        let mut whole = digits(at);
        if whole.is_empty() {
            return None;
        }
        let mut end = at + whole.len();
        if whole.len() <= 3 {
            while matches!(self.peek(end), Some(',' | '，')) {
                let group = digits(end + 1);
                if group.len() != 3 {
                    break;
                }
                end += 4;
                whole.push_str(&group);
            }
        }
        let mut fraction = None;
        if self.peek(end) == Some('.') {
            let f = digits(end + 1);
            if !f.is_empty() {
                end += 1 + f.len();
                fraction = Some(f);
            }
        }
        Some(Figure { whole, fraction, end })
    }

    /// A whole number of `least` to `most` digits at `at`, not followed by another digit.
    fn small(&self, at: usize, least: usize, most: usize) -> Option<(String, usize)> {
        let d: String =
            self.chars.get(at..)?.iter().take(most + 1).take_while(|c| c.is_ascii_digit()).collect();
        (least..=most).contains(&d.len()).then(|| {
            let end = at + d.len();
            (d, end)
        })
    }

    /// `2026-11-27`, `2026/11/27`, `2026年11月27日`, `2026年`, `11月27日`.
    fn date(&mut self) -> bool {
        self.date_with_year() || self.year_alone() || self.month_and_day()
    }

    fn date_with_year(&mut self) -> bool {
        let Some((y, end)) = self.small(self.at, 4, 4) else { return false };
        let Some(sep) = self.peek(end).filter(|c| matches!(c, '-' | '/' | '.')) else { return false };
        let Some((m, end)) = self.small(end + 1, 1, 2).filter(|(m, _)| within(m, 1, 12)) else {
            return false;
        };
        if self.peek(end) != Some(sep) {
            return false;
        }
        let Some((d, end)) = self.small(end + 1, 1, 2).filter(|(d, _)| within(d, 1, 31)) else {
            return false;
        };
        self.out.push_str(&format!("{}年{}月{}日", year(&y), cardinal(&m, Two::Er), cardinal(&d, Two::Er)));
        self.at = end;
        true
    }

    fn year_alone(&mut self) -> bool {
        let four = self.small(self.at, 4, 4).filter(|(y, _)| within(y, 1000, 2999));
        let Some((y, end)) = four.or_else(|| self.small(self.at, 2, 2)) else { return false };
        if self.peek(end) != Some('年') || self.starts(end, "年以") || self.starts(end, "年前") {
            return false;
        }
        let month_follows = self.peek(end + 1).is_some_and(|c| c.is_ascii_digit());
        if y.len() == 2 && !month_follows {
            return false;
        }
        self.out.push_str(&year(&y));
        self.out.push('年');
        self.at = end + 1;
        true
    }

    fn month_and_day(&mut self) -> bool {
        let Some((m, end)) = self.small(self.at, 1, 2).filter(|(m, _)| within(m, 1, 12)) else {
            return false;
        };
        if self.peek(end) != Some('月') {
            return false;
        }
        self.out.push_str(&cardinal(&m, Two::Er));
        self.out.push('月');
        self.at = end + 1;
        if let Some((d, end)) = self.small(self.at, 1, 2).filter(|(d, _)| within(d, 1, 31))
            && matches!(self.peek(end), Some('日' | '号'))
        {
            self.out.push_str(&cardinal(&d, Two::Er));
            self.at = end;
        }
        true
    }

    /// Rows of digits that are names of something, not amounts: telephone numbers, card tails, codes.
    fn telephone(&mut self) -> bool {
        let mut end = self.at;
        let mut digits = String::new();
        while let Some(c) = self.peek(end) {
            let joined = matches!(c, '-' | ' ') && self.peek(end + 1).is_some_and(|d| d.is_ascii_digit());
            if c.is_ascii_digit() {
                digits.push(c);
            } else if !joined {
                break;
            }
            end += 1;
        }
        let run: String = self.chars[self.at..end].iter().take_while(|c| c.is_ascii_digit()).collect();
        let before = self.words_before();
        let mobile = |d: &str| d.len() == 11 && d.starts_with('1') && within(&d[1..2], 3, 9);
        let hotline = digits.len() == 10 && (digits.starts_with("400") || digits.starts_with("800"));
        let landline = digits.len() >= 10 && digits.len() <= 12 && digits.starts_with('0');
        let cued = run.len() >= 3 && TELEPHONE_WORDS.iter().any(|w| before.contains(w));
        let short = run.len() == 5 && run.starts_with("955");
        if mobile(&digits) || hotline || landline || (cued && digits.len() <= 13 && !self.is_counted(end)) {
            self.out.push_str(&telephone(&digits));
            self.at = end;
            return true;
        }
        let end = self.at + run.len();
        let decimal = self.peek(end) == Some('.') && self.peek(end + 1).is_some_and(|c| c.is_ascii_digit());
        if decimal || self.is_counted(end) {
            return false;
        }
        if mobile(&run) || short {
            self.out.push_str(&telephone(&run));
        } else if (run.len() >= 3 && DIGIT_WORDS.iter().any(|w| before.contains(w)))
            || run.len() >= 9
            || (run.len() > 1 && run.starts_with('0') && self.peek(end) != Some(':'))
        {
            self.out.push_str(&one_by_one(&run));
        } else {
            return false;
        }
        self.at = end;
        true
    }

    /// The last few characters before the cursor, back to the nearest mark.
    fn words_before(&self) -> String {
        let from = self.at.saturating_sub(8);
        let before = &self.chars[from..self.at];
        let cut =
            before.iter().rposition(|c| matches!(c, '，' | '。' | '！' | '？' | ',')).map_or(0, |p| p + 1);
        before[cut..].iter().collect()
    }

    /// Whether money or a measure follows, so that the digits are an amount after all.
    fn is_counted(&self, at: usize) -> bool {
        self.peek(at).is_some_and(|c| "元块万亿个次天期笔,".contains(c) && c != ',')
    }

    /// `17:30`, `9:05:30`.
    fn time(&mut self) -> bool {
        let Some((h, end)) = self.small(self.at, 1, 2).filter(|(h, _)| within(h, 0, 24)) else {
            return false;
        };
        if !matches!(self.peek(end), Some(':' | '：')) {
            return false;
        }
        let Some((m, end)) = self.small(end + 1, 2, 2).filter(|(m, _)| within(m, 0, 59)) else {
            return false;
        };
        let seconds = match self.peek(end) {
            Some(':' | '：') => self.small(end + 1, 2, 2).filter(|(s, _)| within(s, 0, 59)),
            _ => None,
        };
        let before = self.words_before();
        let said = ["午", "上", "晨", "晚", "夜"].iter().any(|p| before.trim_end().ends_with(p));
        self.out.push_str(&clock(number(&h), number(&m), !said));
        self.at = end;
        if let Some((s, end)) = seconds {
            self.out.push_str(&format!("{}秒", cardinal(&s, Two::Er)));
            self.at = end;
        }
        true
    }

    /// Percentages, fractions, ranges, ordinals, sums and bare numbers.
    fn number(&mut self) -> bool {
        let Some(figure) = self.figure_at(self.at) else { return false };
        let (whole, fraction, end) = (&figure.whole, figure.fraction.as_deref(), figure.end);
        let ordinal = self.at > 0 && self.chars[self.at - 1] == '第';
        match self.peek(end) {
            Some('%' | '‰') => {
                let of = if self.peek(end) == Some('%') { "百" } else { "千" };
                self.out.push_str(&format!("{of}分之{}", decimal(whole, fraction, Two::Er)));
                self.at = end + 1;
            }
            Some('/') if figure.is_plain() && self.peek(end + 1).is_some_and(|c| c.is_ascii_digit()) => {
                let Some(below) = self.figure_at(end + 1) else { return false };
                self.out.push_str(&format!(
                    "{}分之{}",
                    decimal(&below.whole, below.fraction.as_deref(), Two::Er),
                    cardinal(whole, Two::Er)
                ));
                self.at = below.end;
            }
            Some('~' | '-') if self.peek(end + 1).is_some_and(|c| c.is_ascii_digit()) => {
                let percent = self.figure_at(end + 1).is_some_and(|f| self.peek(f.end) == Some('%'));
                if percent {
                    self.out.push_str("百分之");
                }
                self.out.push_str(&decimal(whole, fraction, Two::Liang));
                self.out.push('到');
                self.at = end + 1;
            }
            _ => {
                self.counted(&figure, ordinal);
            }
        }
        true
    }

    fn counted(&mut self, figure: &Figure, ordinal: bool) {
        let (whole, fraction) = (&figure.whole, figure.fraction.as_deref());
        self.at = figure.end;
        if let Some(unit) = ["元", "块钱", "块"].into_iter().find(|u| self.starts(figure.end, u)) {
            self.out.push_str(&money(whole, fraction, unit));
            self.at += unit.chars().count();
            return;
        }
        let next = self.peek(figure.end);
        let counts = !ordinal
            && next.is_some_and(|c| MEASURES.contains(c))
            && !self.starts(figure.end, "分之")
            && !self.starts(figure.end, "号");
        let two = if counts { Two::Liang } else { Two::Er };
        self.out.push_str(&decimal(whole, fraction, two));
        if let Some((sign, word)) = UNITS.iter().find(|(sign, _)| self.starts(self.at, sign)) {
            self.out.push_str(word);
            self.at += sign.chars().count();
        }
    }
}

fn number(digits: &str) -> u8 {
    digits.parse().unwrap_or(0)
}

fn within(digits: &str, least: u16, most: u16) -> bool {
    digits.parse::<u16>().is_ok_and(|n| (least..=most).contains(&n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_said_as_people_say_them() {
        for (written, said) in [
            ("您有一笔3,250.00元的账单", "您有一笔三千二百五十元的账单"),
            ("¥3250", "三千二百五十元"),
            ("￥２０００元", "两千元"),
            ("逾期2天，2个月", "逾期两天，两个月"),
            ("2月2日前", "二月二日前"),
            ("第2期，共12期", "第二期，共十二期"),
            ("2026年11月27日", "二〇二六年十一月二十七日"),
            ("2026-11-27", "二〇二六年十一月二十七日"),
            ("2026/1/5之前", "二〇二六年一月五日之前"),
            ("11月27号", "十一月二十七号"),
            ("98年5月", "九八年五月"),
            ("10年", "十年"),
            ("今天17:30", "今天下午五点半"),
            ("下午5:30", "下午五点半"),
            ("晚上20:00前", "晚上八点前"),
            ("利率15.5%", "利率百分之十五点五"),
            ("5%-10%", "百分之五到百分之十"),
            ("3-5天", "三到五天"),
            ("5~10%", "百分之五到百分之十"),
            ("手机13812345678", "手机幺三八幺二三四五六七八"),
            ("请拨打95588", "请拨打九五五八八"),
            ("热线400-810-1234", "热线四零零八幺零幺二三四"),
            ("+86 13900001111", "幺三九零零零零幺幺幺幺"),
            ("尾号1234的信用卡", "尾号一二三四的信用卡"),
            ("身份证后四位是0571吗", "身份证后四位是零五七一吗"),
            ("电话费200元", "电话费二百元"),
            ("12.5万元", "十二点五万元"),
            ("¥2.5万", "二点五万元"),
            ("2万元", "两万元"),
            ("1/3", "三分之一"),
            ("-5", "负五"),
            ("3250.50元", "三千二百五十元五角"),
            ("100块钱", "一百块钱"),
            ("APP", "APP"),
            ("$20", "二十美元"),
            ("", ""),
        ] {
            assert_eq!(spoken_form(written), said, "{written}");
        }
    }
}
