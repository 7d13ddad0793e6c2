//! What counts as one unit of a transcript: a character of Mandarin, a word of English, once the ways of
//! writing the same thing are made one.
//!
//! Numbers become digits, one unit each, so that who writes 3200 for 三千二百, or 138 for "one three eight",
//! made no error. Marks, case and blanks do not count; English contractions are written out. Absent:
//! spellings of names, and British against American ones.

use waihu_types::Lang;

/// The units of `text`, to be compared with others of the same language.
pub fn units(lang: Lang, text: &str) -> Vec<String> {
    match lang {
        Lang::Zh => mandarin(text),
        Lang::En => english(text),
    }
}

/// One form for wide letters and figures.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '’' => '\'',
        other => other,
    }
}

fn mandarin(text: &str) -> Vec<String> {
    let plain: Vec<char> = text.chars().map(narrow).flat_map(char::to_lowercase).collect();
    let mut out = String::new();
    let mut at = 0;
    while at < plain.len() {
        let run = plain[at..].iter().take_while(|c| numeral(**c).is_some()).count();
        // 万一 and 千万 are words; a number begins with a digit or with 十.
        let begins = matches!(numeral(plain[at]), Some(Numeral::Digit(_) | Numeral::Unit(10)));
        if begins {
            number(&plain[at..at + run], &mut out);
            at += run;
            match plain.get(at) {
                Some('%') => {
                    // Said before the number, 百分之二十.
                    let digits = out.chars().rev().take_while(char::is_ascii_digit).count();
                    out.insert_str(out.len() - digits, "百分之");
                }
                Some('.') if plain.get(at + 1).is_some_and(char::is_ascii_digit) => out.push('点'),
                _ => {}
            }
        } else {
            out.push(plain[at]);
            at += 1;
        }
    }
    out.chars().filter(|c| c.is_alphanumeric()).map(String::from).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Numeral {
    Digit(u64),
    Unit(u64),
    /// A comma between thousands.
    Comma,
}

fn numeral(c: char) -> Option<Numeral> {
    Some(match c {
        '0'..='9' => Numeral::Digit(u64::from(u32::from(c) - 48)),
        '〇' | '零' => Numeral::Digit(0),
        '一' | '幺' => Numeral::Digit(1),
        '二' | '两' => Numeral::Digit(2),
        '三' => Numeral::Digit(3),
        '四' => Numeral::Digit(4),
        '五' => Numeral::Digit(5),
        '六' => Numeral::Digit(6),
        '七' => Numeral::Digit(7),
        '八' => Numeral::Digit(8),
        '九' => Numeral::Digit(9),
        '十' => Numeral::Unit(10),
        '百' => Numeral::Unit(100),
        '千' => Numeral::Unit(1_000),
        '万' => Numeral::Unit(10_000),
        '亿' => Numeral::Unit(100_000_000),
        ',' => Numeral::Comma,
        _ => return None,
    })
}

/// Writes a run of numerals as figures: by value where it has units, else digit by digit.
fn number(run: &[char], out: &mut String) {
    let has_units = run.iter().any(|c| matches!(numeral(*c), Some(Numeral::Unit(_))));
    if !has_units {
        out.extend(run.iter().filter_map(|c| match numeral(*c) {
            Some(Numeral::Digit(d)) => char::from_digit(d as u32, 10),
            // A comma may end a clause; marks go anyway.
            _ => None,
        }));
        return;
    }
    let (mut total, mut section, mut digits) = (0_u64, 0_u64, None::<u64>);
    // The unit just before, for 三千二 (3200); a 零 or a second digit between ends that.
    let mut before = 1;
    for c in run {
        match numeral(*c) {
            Some(Numeral::Digit(d)) => {
                before = if digits.is_some() || d == 0 { 1 } else { before };
                digits = Some(digits.unwrap_or(0).saturating_mul(10).saturating_add(d));
            }
            Some(Numeral::Unit(unit)) if unit >= 10_000 => {
                let own = section.saturating_add(digits.take().unwrap_or(0)).max(1);
                total = total.saturating_add(own.saturating_mul(unit));
                (section, before) = (0, unit);
            }
            Some(Numeral::Unit(unit)) => {
                section = section.saturating_add(digits.take().unwrap_or(1).saturating_mul(unit));
                before = unit;
            }
            _ => {}
        }
    }
    let rest = digits.map_or(0, |d| if before >= 100 && d < 10 { d.saturating_mul(before / 10) } else { d });
    out.push_str(&total.saturating_add(section).saturating_add(rest).to_string());
}

fn english(text: &str) -> Vec<String> {
    let plain: String = text.chars().map(narrow).flat_map(char::to_lowercase).collect();
    let plain = plain.replace("can't", "can not").replace("won't", "will not").replace("let's", "let us");
    let mut words: Vec<String> = Vec::new();
    for word in plain.split(|c: char| c.is_whitespace() || matches!(c, '-' | '—' | '/')) {
        write_out(word.trim_matches(|c: char| !c.is_alphanumeric() && c != '$' && c != '%'), &mut words);
    }
    figures(&words)
}

/// Takes one word's contraction and signs apart.
fn write_out(word: &str, words: &mut Vec<String>) {
    const ENDINGS: [(&str, &str); 7] = [
        ("n't", "not"),
        ("'m", "am"),
        ("'re", "are"),
        ("'ll", "will"),
        ("'ve", "have"),
        ("'d", "would"),
        ("'s", "is"),
    ];
    let (dollars, word) = word.strip_prefix('$').map_or((false, word), |w| (true, w));
    let (percent, word) = word.strip_suffix('%').map_or((false, word), |w| (true, w));
    let ending = ENDINGS.iter().find_map(|(e, full)| Some((word.strip_suffix(e)?, *full)));
    let (stem, full) = ending.map_or((word, None), |(stem, full)| (stem, Some(full)));
    let stem: String = stem.chars().filter(|c| c.is_alphanumeric() || *c == '.').collect();
    match stem.trim_matches('.') {
        "" => {}
        "okay" => words.push("ok".to_owned()),
        "gonna" => words.extend(["going".to_owned(), "to".to_owned()]),
        "wanna" => words.extend(["want".to_owned(), "to".to_owned()]),
        stem => {
            let figure = stem.bytes().next().is_some_and(|b| b.is_ascii_digit());
            let stem = if figure { stem.to_owned() } else { stem.replace('.', "") };
            words.push(stem);
        }
    }
    words.extend(full.map(str::to_owned));
    words.extend(dollars.then(|| "dollars".to_owned()));
    words.extend(percent.then(|| "percent".to_owned()));
}

#[derive(Clone, Copy)]
enum Spoken {
    /// Below ten, and whether an ordinal (first).
    One(u64),
    /// Ten to nineteen.
    Teen(u64),
    Tens(u64),
    Unit(u64),
}

fn spoken(word: &str) -> Option<Spoken> {
    const ONES: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    const ONES_TH: [&str; 10] =
        ["zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"];
    const TEENS: [&str; 10] = [
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let place = |list: &[&str], word: &str| list.iter().position(|w| *w == word).map(|n| n as u64);
    let cardinal = word.strip_suffix("ieth").map(|stem| format!("{stem}y"));
    let cardinal = cardinal.as_deref().or_else(|| word.strip_suffix("th")).unwrap_or(word);
    if let Some(n) = place(&ONES, word).or_else(|| place(&ONES_TH, word)) {
        return Some(Spoken::One(n));
    }
    if let Some(n) = place(&TEENS, cardinal) {
        return Some(Spoken::Teen(n + 10));
    }
    if cardinal == "twelf" {
        return Some(Spoken::Teen(12));
    }
    if let Some(n) = place(&TENS, cardinal) {
        return Some(Spoken::Tens(10 * (n + 2)));
    }
    match cardinal {
        "hundred" => Some(Spoken::Unit(100)),
        "thousand" => Some(Spoken::Unit(1_000)),
        "million" => Some(Spoken::Unit(1_000_000)),
        _ => None,
    }
}

/// A number being put together.
#[derive(Default)]
struct Sum {
    total: u64,
    /// Below a thousand.
    part: u64,
    /// What may still be added to `part`: its multiple of this is filled.
    room: u64,
    begun: bool,
}

impl Sum {
    /// Takes a word; false where it does not continue this number.
    fn take(&mut self, word: Spoken) -> bool {
        let (value, least) = match word {
            Spoken::One(n) => (n, 10),
            Spoken::Teen(n) => (n, 100),
            Spoken::Tens(n) => (n, 100),
            Spoken::Unit(unit) => {
                // "hundred" alone is one hundred; "two thousand" closes a part.
                let own = self.part.max(u64::from(self.part == 0));
                if self.begun && self.part == 0 {
                    return false;
                }
                if unit == 100 {
                    self.part = own.saturating_mul(100);
                } else {
                    self.total = self.total.saturating_add(own.saturating_mul(unit));
                    self.part = 0;
                }
                (self.room, self.begun) = (100, true);
                return true;
            }
        };
        if self.begun && (self.room < least || value == 0) {
            return false;
        }
        self.part = self.part.saturating_add(value);
        self.room = if matches!(word, Spoken::Tens(_)) { 10 } else { 0 };
        self.begun = true;
        true
    }

    fn end(&mut self, out: &mut Vec<String>) {
        if self.begun {
            let value = self.total.saturating_add(self.part).to_string();
            out.extend(value.chars().map(String::from));
        }
        *self = Self::default();
    }
}

/// Numbers as digits, one unit each; other words as they are.
fn figures(words: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let mut sum = Sum::default();
    for (n, word) in words.iter().enumerate() {
        let next = words.get(n + 1).and_then(|w| spoken(w));
        match spoken(word) {
            Some(part) => {
                if !sum.take(part) {
                    sum.end(&mut out);
                    sum.take(part);
                }
            }
            // Two hundred and five; a hundred.
            None if word == "and" && sum.begun && sum.room == 100 && next.is_some() => {}
            None if word == "a" && matches!(next, Some(Spoken::Unit(_))) => sum.end(&mut out),
            None => {
                sum.end(&mut out);
                if word.starts_with(|c: char| c.is_ascii_digit()) {
                    figure(word, &mut out);
                } else {
                    out.push(word.clone());
                }
            }
        }
    }
    sum.end(&mut out);
    out
}

/// 23rd, 5pm, 3.50: the digits one by one, what is left as a word.
fn figure(word: &str, out: &mut Vec<String>) {
    let digits = word.chars().take_while(|c| c.is_ascii_digit()).count();
    let (digits, rest) = word.split_at(digits);
    out.extend(digits.chars().map(String::from));
    match rest {
        "" | "st" | "nd" | "rd" | "th" => {}
        rest if rest.starts_with('.') => {
            out.push("point".to_owned());
            out.extend(rest.chars().filter(char::is_ascii_digit).map(String::from));
        }
        rest => out.push(rest.replace('.', "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(lang: Lang, pairs: &[(&str, &str)]) {
        for (a, b) in pairs {
            assert_eq!(units(lang, a), units(lang, b), "{a} | {b}");
        }
    }

    #[test]
    fn two_ways_to_write_the_same_are_one_in_mandarin() {
        same(
            Lang::Zh,
            &[
                ("三千二百五十元。", "3250元"),
                ("三千二", "3200"),
                ("一万两千零五块", "12005块"),
                ("3万块钱", "三万块钱"),
                ("一三八，零零一三", "138 0013"),
                ("二〇二六年十月二十三号", "2026年10月23号"),
                ("百分之二十", "20%"),
                ("三点五", "3.5"),
                ("1,200块", "一千二百块"),
                ("喂，你好！", "喂你好"),
                ("十五号", "15号"),
                ("ＡＢ卡", "ab卡"),
                ("两百五", "250"),
            ],
        );
        assert_eq!(units(Lang::Zh, "千万别").len(), 3);
        assert_eq!(units(Lang::Zh, "好的，明天").len(), 4);
        assert_ne!(units(Lang::Zh, "还五百"), units(Lang::Zh, "还五千"));
    }

    #[test]
    fn two_ways_to_write_the_same_are_one_in_english() {
        same(
            Lang::En,
            &[
                ("I'm sorry, I can't.", "I am sorry I can not"),
                ("three thousand two hundred and fifty dollars", "$3,250"),
                ("one three eight zero", "1380"),
                ("one hundred thirty-eight", "138"),
                ("a hundred dollars", "$100"),
                ("on the twenty third", "on the 23rd"),
                ("twenty percent", "20%"),
                ("Okay, I'll pay.", "OK I will pay"),
                ("twenty twenty six", "2026"),
                ("the twelfth", "the 12th"),
                ("3.5", "3.5"),
            ],
        );
        assert_eq!(units(Lang::En, "five and six"), ["5", "and", "6"]);
        assert_eq!(units(Lang::En, "pay me"), ["pay", "me"]);
        assert_ne!(units(Lang::En, "fifty"), units(Lang::En, "fifteen"));
    }

    #[test]
    fn any_text_has_units_and_none_breaks_it() {
        let long = "九".repeat(500) + &"万亿".repeat(500);
        for text in ["", "…", "%%", "'s n't $", "万", "。。%", "9%", "hundred hundred million th ieth", &long]
        {
            for lang in Lang::ALL {
                units(lang, text);
            }
        }
        assert!(units(Lang::Zh, "……！").is_empty());
    }
}
