//! Written English to what is said: numbers, sums, dates, times, digits.

use super::number::{
    DOLLAR, EURO, MONTHS, POUND, Unit, YUAN, clock, decimal, money, one_by_one, ordinal, year,
};
use crate::SpokenText;

/// The spoken form of a text: figures in words and `Ms` as it sounds, all else as it was.
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

fn plain(c: char) -> char {
    match c {
        '’' | '‘' => '\'',
        '–' | '−' => '-',
        '￥' => '¥',
        '\u{a0}' | '\t' | '\u{3000}' => ' ',
        c => c,
    }
}

struct Scan<'a> {
    chars: &'a [char],
    at: usize,
    out: String,
}

/// Words before a row of digits that say that it is read one by one.
const DIGIT_WORDS: [&str; 14] = [
    "ending in",
    "ends in",
    "ending",
    "number",
    "code",
    "digits",
    "reference",
    "call",
    "dial",
    "phone",
    "account",
    "extension",
    "at",
    "press",
];

impl Scan<'_> {
    fn peek(&self, at: usize) -> Option<char> {
        self.chars.get(at).copied()
    }

    fn starts(&self, at: usize, word: &str) -> bool {
        word.chars().enumerate().all(|(n, c)| self.peek(at + n).is_some_and(|p| p.eq_ignore_ascii_case(&c)))
    }

    fn digits(&self, at: usize) -> String {
        self.chars.get(at..).unwrap_or(&[]).iter().take_while(|c| c.is_ascii_digit()).collect()
    }

    fn small(&self, at: usize, least: usize, most: usize, high: u16) -> Option<(String, usize)> {
        let d = self.digits(at);
        let fits = (least..=most).contains(&d.len()) && d.parse::<u16>().is_ok_and(|n| n <= high);
        fits.then(|| {
            let end = at + d.len();
            (d, end)
        })
    }

    /// Digits with thousands separators and a fraction: whole, fraction, end.
    fn amount(&self, at: usize) -> Option<(String, Option<String>, usize)> {
        let mut whole = self.digits(at);
        if whole.is_empty() {
            return None;
        }
        let mut end = at + whole.len();
        while whole.len() <= 18 && self.peek(end) == Some(',') {
            let group = self.digits(end + 1);
            if group.len() != 3 {
                break;
            }
            whole.push_str(&group);
            end += 4;
        }
        let mut fraction = None;
        if self.peek(end) == Some('.') {
            let f = self.digits(end + 1);
            if !f.is_empty() {
                end += 1 + f.len();
                fraction = Some(f);
            }
        }
        Some((whole, fraction, end))
    }

    /// Takes a figure at the cursor, if one begins there.
    fn figure(&mut self) -> bool {
        let Some(c) = self.peek(self.at) else { return false };
        if self.sum() {
            return true;
        }
        let after_word = self.at > 0 && self.chars[self.at - 1].is_alphanumeric();
        if c == '-' && !after_word && self.peek(self.at + 1).is_some_and(|d| d.is_ascii_digit()) {
            self.say("minus");
            self.at += 1;
            return true;
        }
        if self.named_month() || !after_word && self.title() {
            return true;
        }
        if c == '%' || c == '&' {
            self.say(if c == '%' { "percent" } else { "and" });
            self.at += 1;
            return true;
        }
        c.is_ascii_digit() && (self.iso_date() || self.time() || self.digit_row() || self.number())
    }

    fn say(&mut self, words: &str) {
        if self.out.ends_with(|c: char| c.is_alphanumeric()) {
            self.out.push(' ');
        }
        self.out.push_str(words);
    }

    /// `Ms`: the one title that speech engines spell out, as letters.
    fn title(&mut self) -> bool {
        let stands = ['M', 's'].iter().enumerate().all(|(n, c)| self.peek(self.at + n) == Some(*c));
        if !stands || self.peek(self.at + 2).is_some_and(char::is_alphanumeric) {
            return false;
        }
        self.at += if self.peek(self.at + 2) == Some('.') { 3 } else { 2 };
        self.say("Miz");
        true
    }

    /// Puts a space where a letter follows a figure, as in `20kg`.
    fn apart(&mut self) {
        if self.peek(self.at).is_some_and(char::is_alphanumeric) {
            self.out.push(' ');
        }
    }

    fn sum(&mut self) -> bool {
        const SIGNS: [(&str, &Unit); 8] = [
            ("US$", &DOLLAR),
            ("$", &DOLLAR),
            ("£", &POUND),
            ("€", &EURO),
            ("¥", &YUAN),
            ("USD ", &DOLLAR),
            ("CNY ", &YUAN),
            ("RMB ", &YUAN),
        ];
        let Some(&(sign, unit)) = SIGNS.iter().find(|(s, _)| self.starts(self.at, s)) else { return false };
        if self.at > 0 && self.chars[self.at - 1].is_alphanumeric() {
            return false;
        }
        let Some((whole, fraction, end)) = self.amount(self.at + sign.chars().count()) else { return false };
        self.at = end;
        for (written, said) in
            [(" million", "million"), (" billion", "billion"), ("k", "thousand"), ("M", "million")]
        {
            let stop = end + written.chars().count();
            if self.starts(end, written) && !self.peek(stop).is_some_and(char::is_alphanumeric) {
                self.at = stop;
                let words = format!("{} {said} {}", decimal(&whole, fraction.as_deref()), unit.many);
                self.say(&words);
                return true;
            }
        }
        let words = money(&whole, fraction.as_deref(), unit);
        self.say(&words);
        self.apart();
        true
    }

    /// `2026-11-27` and `11/27/2026`.
    fn iso_date(&mut self) -> bool {
        let date = self.year_first().or_else(|| self.month_first());
        let Some((y, m, d, end)) = date else { return false };
        let month = m.parse::<usize>().ok().and_then(|m| MONTHS.get(m.wrapping_sub(1)));
        let Some(month) = month.filter(|_| d.parse::<u8>().is_ok_and(|d| d > 0)) else { return false };
        let words = format!("{month} {}, {}", ordinal(&d), year(&y));
        self.say(&words);
        self.at = end;
        true
    }

    fn year_first(&self) -> Option<(String, String, String, usize)> {
        let (y, end) = self.small(self.at, 4, 4, 9999)?;
        let sep = self.peek(end).filter(|c| matches!(c, '-' | '/'))?;
        let (m, end) = self.small(end + 1, 1, 2, 12)?;
        if self.peek(end) != Some(sep) {
            return None;
        }
        let (d, end) = self.small(end + 1, 1, 2, 31)?;
        Some((y, m, d, end))
    }

    fn month_first(&self) -> Option<(String, String, String, usize)> {
        let (m, end) = self.small(self.at, 1, 2, 12)?;
        if self.peek(end) != Some('/') {
            return None;
        }
        let (d, end) = self.small(end + 1, 1, 2, 31)?;
        if self.peek(end) != Some('/') {
            return None;
        }
        let (y, end) = self.small(end + 1, 4, 4, 9999)?;
        Some((y, m, d, end))
    }

    /// `November 27`, `Nov 27, 2026`: the day is an ordinal, the year in pairs.
    fn named_month(&mut self) -> bool {
        if self.at > 0 && self.chars[self.at - 1].is_alphanumeric() {
            return false;
        }
        let full = MONTHS.iter().find(|m| self.starts(self.at, m));
        let found = full.map(|m| (*m, m.len())).or_else(|| {
            MONTHS.iter().find(|m| self.starts(self.at, &m[..3])).map(|m| {
                let dot = usize::from(self.peek(self.at + 3) == Some('.'));
                (*m, 3 + dot)
            })
        });
        let Some((month, length)) = found else { return false };
        let at = self.at + length;
        if self.peek(at) != Some(' ') {
            return false;
        }
        let Some((d, mut end)) = self.small(at + 1, 1, 2, 31) else { return false };
        if ["st", "nd", "rd", "th"].iter().any(|s| self.starts(end, s)) {
            end += 2;
        }
        let mut words = format!("{month} {}", ordinal(&d));
        let comma = usize::from(self.peek(end) == Some(','));
        if self.peek(end + comma) == Some(' ')
            && let Some((y, stop)) = self.small(end + comma + 1, 4, 4, 2999)
        {
            words = format!("{words}, {}", year(&y));
            end = stop;
        }
        self.say(&words);
        self.at = end;
        true
    }

    /// `17:30`, `5:30 pm`, `5pm`.
    fn time(&mut self) -> bool {
        let Some((h, mut end)) = self.small(self.at, 1, 2, 24) else { return false };
        let mut minute = 0;
        let mut has_minute = false;
        if self.peek(end) == Some(':')
            && let Some((m, stop)) = self.small(end + 1, 2, 2, 59)
        {
            minute = m.parse().unwrap_or(0);
            has_minute = true;
            end = stop;
        }
        let mut half = None;
        let at = end + usize::from(self.peek(end) == Some(' '));
        for (written, said) in [("a.m.", "a.m."), ("p.m.", "p.m."), ("am", "a.m."), ("pm", "p.m.")] {
            let stop = at + written.len();
            if self.starts(at, written) && !self.peek(stop).is_some_and(char::is_alphanumeric) {
                half = Some(said);
                end = stop;
                break;
            }
        }
        if !has_minute && half.is_none() {
            return false;
        }
        let hour = h.parse().unwrap_or(0);
        let words = clock(hour, minute, half);
        self.say(&words);
        self.at = end;
        true
    }

    /// Telephone numbers, card tails, codes.
    fn digit_row(&mut self) -> bool {
        let mut end = self.at;
        let mut groups: Vec<String> = Vec::new();
        loop {
            let d = self.digits(end);
            if d.is_empty() {
                break;
            }
            end += d.len();
            groups.push(d);
            if !(self.peek(end) == Some('-') && self.peek(end + 1).is_some_and(|c| c.is_ascii_digit())) {
                break;
            }
            end += 1;
        }
        let first = groups.first().map_or(0, String::len);
        let total: usize = groups.iter().map(String::len).sum();
        let fraction = matches!(self.peek(end), Some('.' | ',' | '%' | ':' | '/'))
            && self.peek(end + 1).is_some_and(|c| c.is_ascii_digit())
            || self.peek(end) == Some('%');
        let cued = first >= 3 && self.cue();
        let zero_led = first > 1 && self.peek(self.at) == Some('0');
        if fraction || !(groups.len() >= 2 && total >= 7 || first >= 7 || cued || zero_led) {
            return false;
        }
        if !(groups.len() >= 2 && total >= 7) {
            end = self.at + first;
            groups.truncate(1);
        }
        let said: Vec<String> = groups.iter().map(|g| one_by_one(g)).collect();
        self.say(&said.join(", "));
        self.at = end;
        self.apart();
        true
    }

    fn cue(&self) -> bool {
        let from = self.at.saturating_sub(24);
        let before: String = self.chars[from..self.at].iter().collect::<String>().to_ascii_lowercase();
        let before = before.trim_end_matches([' ', ':', '#']);
        let before = before.strip_suffix(" is").unwrap_or(before).trim_end();
        DIGIT_WORDS.iter().any(|w| {
            before.strip_suffix(w).is_some_and(|head| !head.ends_with(|c: char| c.is_alphanumeric()))
        })
    }

    fn number(&mut self) -> bool {
        let Some((whole, fraction, end)) = self.amount(self.at) else { return false };
        self.at = end;
        let ordinal_ending = ["st", "nd", "rd", "th"]
            .iter()
            .any(|s| self.starts(end, s) && !self.peek(end + 2).is_some_and(char::is_alphanumeric));
        if fraction.is_none() && ordinal_ending {
            let words = ordinal(&whole);
            self.say(&words);
            self.at = end + 2;
            return true;
        }
        if self.peek(end) == Some('-') && self.peek(end + 1).is_some_and(|c| c.is_ascii_digit()) {
            let words = format!("{} to ", decimal(&whole, fraction.as_deref()));
            self.say(&words);
            self.at = end + 1;
            return true;
        }
        let in_year = self.out.trim_end().ends_with(" in") || self.out.trim_end().ends_with("since");
        let years = whole.len() == 4
            && fraction.is_none()
            && in_year
            && (whole.starts_with("19") || whole.starts_with("20"));
        let words = if years { year(&whole) } else { decimal(&whole, fraction.as_deref()) };
        self.say(&words);
        if self.peek(self.at) == Some('%') {
            self.at += 1;
            self.say("percent");
        }
        self.apart();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_said_as_people_say_them() {
        for (written, said) in [
            ("You owe $3,250.00.", "You owe three thousand two hundred fifty dollars."),
            ("$3,250.50 is due", "three thousand two hundred fifty dollars and fifty cents is due"),
            ("by 2026-11-27", "by November twenty-seventh, twenty twenty-six"),
            ("on 11/27/2026.", "on November twenty-seventh, twenty twenty-six."),
            ("on November 27", "on November twenty-seventh"),
            ("Nov. 5th, 2026", "November fifth, twenty twenty-six"),
            ("I may 5", "I May fifth"),
            ("at 17:30", "at five thirty p.m."),
            ("at 5:30 pm today", "at five thirty p.m. today"),
            ("after 5pm", "after five p.m."),
            ("card ending in 1234", "card ending in one two three four"),
            ("call 800-555-0199 now", "call eight zero zero, five five five, zero one nine nine now"),
            ("your 3rd payment", "your third payment"),
            ("15.5% interest", "fifteen point five percent interest"),
            ("in 3-5 days", "in three to five days"),
            ("$2.5 million", "two point five million dollars"),
            ("20kg", "twenty kg"),
            ("-5", "minus five"),
            ("¥200", "two hundred yuan"),
            ("Ms Bennett, or Ms. Reed", "Miz Bennett, or Miz Reed"),
            ("Msgr Mills, MsX, ALMs", "Msgr Mills, MsX, ALMs"),
            ("no figures", "no figures"),
        ] {
            assert_eq!(spoken_form(written), said, "{written}");
        }
    }
}
