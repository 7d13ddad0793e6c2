//! Numbers in English words.

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
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
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const SCALES: [&str; 6] = ["", "thousand", "million", "billion", "trillion", "quadrillion"];

/// Digits one by one: `4321` to `four three two one`. Other characters are passed over.
pub(crate) fn one_by_one(digits: &str) -> String {
    let said: Vec<&str> =
        digits.bytes().filter(u8::is_ascii_digit).map(|b| ONES[usize::from(b - b'0')]).collect();
    said.join(" ")
}

/// A whole number in words: `3250` to `three thousand two hundred fifty`. Over 18 digits it is read one
/// by one.
pub(crate) fn cardinal(digits: &str) -> String {
    let plain: String = digits.chars().filter(char::is_ascii_digit).collect();
    let plain = plain.trim_start_matches('0');
    if plain.is_empty() {
        return ONES[0].to_owned();
    }
    if plain.len() > 18 {
        return one_by_one(digits);
    }
    let mut said: Vec<&str> = Vec::new();
    let groups: Vec<&[u8]> = plain.as_bytes().rchunks(3).rev().collect();
    for (n, group) in groups.iter().enumerate() {
        let value = group.iter().fold(0, |v, b| v * 10 + usize::from(b - b'0'));
        if value == 0 {
            continue;
        }
        below_thousand(value, &mut said);
        let scale = SCALES.get(groups.len() - 1 - n).copied().unwrap_or("");
        if !scale.is_empty() {
            said.push(scale);
        }
    }
    said.join(" ")
}

fn below_thousand(value: usize, said: &mut Vec<&str>) {
    if value >= 100 {
        said.push(ONES[value / 100 % 10]);
        said.push("hundred");
    }
    match value % 100 {
        0 => {}
        rest @ 1..=19 => said.push(ONES[rest]),
        rest => {
            said.push(TENS[rest / 10]);
            if !rest.is_multiple_of(10) {
                said.push(ONES[rest % 10]);
            }
        }
    }
}

/// A number with an optional fraction: `3.14` to `three point one four`, `3.00` to `three`.
pub(crate) fn decimal(whole: &str, fraction: Option<&str>) -> String {
    match fraction.map(|f| f.trim_end_matches('0')) {
        Some(f) if !f.is_empty() => format!("{} point {}", cardinal(whole), one_by_one(f)),
        _ => cardinal(whole),
    }
}

/// An ordinal: `27` to `twenty-seventh`, tens and ones joined as they are written.
pub(crate) fn ordinal(digits: &str) -> String {
    let words = cardinal(digits);
    let mut parts: Vec<&str> = words.split(' ').collect();
    let last = parts.pop().unwrap_or("");
    let end = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        w if w.ends_with('y') => format!("{}ieth", &w[..w.len() - 1]),
        w => format!("{w}th"),
    };
    match parts.pop() {
        Some(tens) if TENS.contains(&tens) => {
            let head = parts.join(" ");
            if head.is_empty() { format!("{tens}-{end}") } else { format!("{head} {tens}-{end}") }
        }
        Some(other) => format!("{} {other} {end}", parts.join(" ")).trim_start().to_owned(),
        None => end,
    }
}

/// A year in pairs: `2026` to `twenty twenty-six`, `2005` to `two thousand five`, `1900` to `nineteen hundred`.
pub(crate) fn year(digits: &str) -> String {
    let (Some(century), Some(rest)) = (digits.get(..2), digits.get(2..4)) else { return cardinal(digits) };
    if digits.len() != 4
        || century.starts_with('0')
        || matches!(century, "10" | "20") && rest.starts_with('0')
    {
        return cardinal(digits);
    }
    match rest {
        "00" => format!("{} hundred", cardinal(century)),
        r if r.starts_with('0') => format!("{} oh {}", cardinal(century), cardinal(r)),
        r => format!("{} {}", cardinal(century), cardinal(r).replace(' ', "-")),
    }
}

/// A sum in dollars and the like: `three thousand two hundred fifty dollars and five cents`.
pub(crate) fn money(whole: &str, fraction: Option<&str>, unit: &Unit) -> String {
    let cents = fraction.unwrap_or("");
    if cents.trim_end_matches('0').len() > 2 {
        return format!("{} {}", decimal(whole, fraction), unit.many);
    }
    let cents = match cents.len() {
        0 => String::new(),
        1 => format!("{cents}0"),
        _ => cents[..2].to_owned(),
    };
    let whole_said = cardinal(whole);
    let cents_said = cardinal(&cents);
    let count = |words: &str, one: &str, many: &str| {
        format!("{words} {}", if words == "one" { one.to_owned() } else { many.to_owned() })
    };
    match (whole_said == "zero", cents_said == "zero") {
        (_, true) => count(&whole_said, unit.one, unit.many),
        (true, false) => count(&cents_said, unit.cent, unit.cents),
        (false, false) => format!(
            "{} and {}",
            count(&whole_said, unit.one, unit.many),
            count(&cents_said, unit.cent, unit.cents)
        ),
    }
}

/// The names of a currency.
pub(crate) struct Unit {
    pub(crate) one: &'static str,
    pub(crate) many: &'static str,
    pub(crate) cent: &'static str,
    pub(crate) cents: &'static str,
}

pub(crate) const DOLLAR: Unit = Unit { one: "dollar", many: "dollars", cent: "cent", cents: "cents" };
pub(crate) const POUND: Unit = Unit { one: "pound", many: "pounds", cent: "penny", cents: "pence" };
pub(crate) const EURO: Unit = Unit { one: "euro", many: "euros", cent: "cent", cents: "cents" };
pub(crate) const YUAN: Unit = Unit { one: "yuan", many: "yuan", cent: "fen", cents: "fen" };

/// A time of day: 17:30 to `five thirty p m`, 9:00 to `nine a m`, 9:05 to `nine oh five a m`.
pub(crate) fn clock(hour: u8, minute: u8, half: Option<&str>) -> String {
    let half = half.unwrap_or(if hour % 24 < 12 { "a.m." } else { "p.m." });
    let twelve = match hour % 12 {
        0 => 12,
        h => h,
    };
    let hour_said = cardinal(&twelve.to_string());
    let minute_said = match minute {
        0 => String::new(),
        1..=9 => format!(" oh {}", cardinal(&minute.to_string())),
        _ => format!(" {}", cardinal(&minute.to_string())),
    };
    format!("{hour_said}{minute_said} {half}")
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_words() {
        for (digits, want) in [
            ("0", "zero"),
            ("13", "thirteen"),
            ("21", "twenty one"),
            ("100", "one hundred"),
            ("3250", "three thousand two hundred fifty"),
            ("1000001", "one million one"),
        ] {
            assert_eq!(cardinal(digits), want);
        }
        for (digits, want) in [
            ("1", "first"),
            ("12", "twelfth"),
            ("20", "twentieth"),
            ("27", "twenty-seventh"),
            ("101", "one hundred first"),
            ("30", "thirtieth"),
        ] {
            assert_eq!(ordinal(digits), want);
        }
        for (digits, want) in [
            ("2026", "twenty twenty-six"),
            ("2005", "two thousand five"),
            ("1999", "nineteen ninety-nine"),
            ("1905", "nineteen oh five"),
            ("1900", "nineteen hundred"),
        ] {
            assert_eq!(year(digits), want);
        }
    }

    #[test]
    fn sums_are_said_with_their_cents() {
        assert_eq!(money("3250", Some("00"), &DOLLAR), "three thousand two hundred fifty dollars");
        assert_eq!(money("1", Some("5"), &DOLLAR), "one dollar and fifty cents");
        assert_eq!(money("0", Some("01"), &POUND), "one penny");
        assert_eq!(money("2", Some("125"), &EURO), "two point one two five euros");
    }

    #[test]
    fn times_are_said_on_the_twelve_hour_clock() {
        assert_eq!(clock(17, 30, None), "five thirty p.m.");
        assert_eq!(clock(9, 5, None), "nine oh five a.m.");
        assert_eq!(clock(0, 0, None), "twelve a.m.");
        assert_eq!(clock(5, 0, Some("p.m.")), "five p.m.");
    }
}
