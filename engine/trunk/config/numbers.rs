//! `[numbers]` and `[[caller_id]]` of a trunk's file: how the carrier wants numbers written, and which of its own
//! callees see.
//!
//! A number goes through as E.164 where it can be told (`+8613800138000`), and comes out as the rule says whose prefix
//! is the longest that fits. Deliberately absent: which caller id a campaign wants, and the choice among several
//! (`campaign::CallerIds`).

use serde::Deserialize;
use waihu_types::PhoneNumber;

use super::{ConfigError, Wrong};

/// Shorter ones are extensions and services, which belong to no country \[digits\].
const SHORTEST_LINE: usize = 7;
/// What is written without a `+` and has so many digits behind the country's own has the country in front already.
const LONGEST_AREA: usize = 10;
/// The most rules of either kind, and the most caller ids.
const MAX_RULES: usize = 200;
/// The longest that a carrier may want in front: its prefix, and a code of the customer's.
const MAX_PREPENDED: usize = 16;

/// How the carrier wants numbers written, checked. As it stands by default they go as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    country: Option<String>,
    national_prefix: String,
    callee: Vec<Rule>,
    caller: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    prefix: String,
    #[serde(default)]
    strip: usize,
    #[serde(default)]
    prepend: String,
}

/// A number of the trunk's own that callees may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnNumber {
    /// The number.
    pub number: PhoneNumber,
    /// What the numbers begin with that see it: `+8621`, `021`; `default` for all others.
    pub region: String,
    /// Its share of the callees, against the others of the region.
    pub weight: u32,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NumbersTable {
    country: Option<String>,
    national_prefix: Option<String>,
    callee: Vec<Rule>,
    caller: Vec<Rule>,
    examples: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallerIdTable {
    number: String,
    #[serde(default = "all_others")]
    region: String,
    #[serde(default = "one")]
    weight: u32,
}

fn all_others() -> String {
    "default".to_owned()
}

fn one() -> u32 {
    1
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

impl NumbersTable {
    pub(super) fn check(self, wrong: &Wrong<'_>) -> Result<Numbers, ConfigError> {
        let country = self.country.map(|code| code.trim_start_matches('+').to_owned());
        if country.as_deref().is_some_and(|code| !(1..=3).contains(&code.len()) || !are_digits(code)) {
            return Err(wrong("numbers.country", "write the country's code, as \"86\"".into()));
        }
        let national_prefix = self.national_prefix.unwrap_or_else(|| "0".to_owned());
        if !are_digits(&national_prefix) || national_prefix.len() > 3 {
            return Err(wrong("numbers.national_prefix", "write digits, as \"0\", or \"\" for none".into()));
        }
        rules("numbers.callee", &self.callee, wrong)?;
        rules("numbers.caller", &self.caller, wrong)?;
        let Self { callee, caller, examples, .. } = self;
        let numbers = Numbers { country, national_prefix, callee, caller };
        for (number, expected) in examples {
            let read = number.parse().map_err(|e| wrong("numbers.examples", format!("{number:?}: {e}")))?;
            let becomes = numbers.callee(&read);
            if becomes != expected {
                let message =
                    format!("{number} becomes {becomes} by the rules, not {expected}; mend one of them");
                return Err(wrong("numbers.examples", message));
            }
        }
        Ok(numbers)
    }
}

fn rules(key: &'static str, rules: &[Rule], wrong: &Wrong<'_>) -> Result<(), ConfigError> {
    if rules.len() > MAX_RULES {
        return Err(wrong(key, format!("at most {MAX_RULES} rules")));
    }
    for (n, Rule { prefix, strip, prepend }) in rules.iter().enumerate() {
        let begins_well = are_digits(prefix.strip_prefix('+').unwrap_or(prefix));
        if !begins_well || rules[..n].iter().any(|other| other.prefix == *prefix) {
            let message =
                format!("prefix {prefix:?}: what numbers begin with is expected, as \"+861\", each once");
            return Err(wrong(key, message));
        }
        // Who strips more than the prefix does not know what is stripped.
        if *strip > prefix.len() {
            let message =
                format!("prefix {prefix:?}: strip is {} at most, as many as it has characters", prefix.len());
            return Err(wrong(key, message));
        }
        let written = |b: u8| b.is_ascii_digit() || b"+*#".contains(&b);
        if prepend.len() > MAX_PREPENDED || !prepend.bytes().all(written) {
            let message = format!("prepend {prepend:?}: at most {MAX_PREPENDED} of digits, +, * and #");
            return Err(wrong(key, message));
        }
    }
    Ok(())
}

pub(super) fn own_numbers(
    tables: Vec<CallerIdTable>,
    wrong: &Wrong<'_>,
) -> Result<Vec<OwnNumber>, ConfigError> {
    if tables.len() > MAX_RULES {
        return Err(wrong("caller_id", format!("at most {MAX_RULES} numbers")));
    }
    let own = |CallerIdTable { number, region, weight }: CallerIdTable| {
        let digits = region.strip_prefix('+').unwrap_or(&region);
        let is_prefix =
            (1..=15).contains(&digits.len()) && are_digits(digits) && digits.bytes().any(|b| b != b'0');
        if region != all_others() && !is_prefix {
            let message = format!(
                "{region:?}: what the called number begins with is expected, as \"+8621\" or \"021\""
            );
            return Err(wrong("caller_id.region", message));
        }
        if !(1..=1_000).contains(&weight) {
            return Err(wrong("caller_id.weight", "from 1 to 1000".into()));
        }
        let number = number.parse().map_err(|e| wrong("caller_id.number", format!("{e}")))?;
        Ok(OwnNumber { number, region, weight })
    };
    tables.into_iter().map(own).collect()
}

impl Numbers {
    /// A callee's number as the carrier wants it in the Request-URI and To.
    pub fn callee(&self, number: &PhoneNumber) -> String {
        self.written(&self.callee, number)
    }

    /// A number of our own as the carrier wants it in From.
    pub fn caller(&self, number: &PhoneNumber) -> String {
        self.written(&self.caller, number)
    }

    /// A number with its country; none where that cannot be told: it is an extension, or no country is configured.
    pub fn e164(&self, number: &PhoneNumber) -> Option<String> {
        let text = number.as_str();
        if text.starts_with('+') {
            return Some(text.to_owned());
        }
        if let Some(digits) = text.strip_prefix("00") {
            return Some(format!("+{digits}"));
        }
        let country = self.country.as_ref().filter(|_| text.len() >= SHORTEST_LINE)?;
        let behind = text.strip_prefix(country.as_str());
        if behind.is_some_and(|behind| behind.len() >= LONGEST_AREA) {
            return Some(format!("+{text}"));
        }
        let national = text.strip_prefix(&self.national_prefix).unwrap_or(text);
        Some(format!("+{country}{national}"))
    }

    fn written(&self, rules: &[Rule], number: &PhoneNumber) -> String {
        let text = self.e164(number).filter(|_| *self != Self::default());
        let text = text.unwrap_or_else(|| number.as_str().to_owned());
        let fits = rules.iter().filter(|rule| text.starts_with(&rule.prefix));
        match fits.max_by_key(|rule| rule.prefix.len()) {
            None => text,
            Some(rule) => format!("{}{}", rule.prepend, text.get(rule.strip..).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::TrunkConfig;

    const LEAST: &str =
        "[trunk]\nproxy = \"127.0.0.1:5070\"\nfrom = \"sip:waihu@127.0.0.1\"\nbind = \"127.0.0.1:0\"\n";

    fn read(text: &str) -> Result<TrunkConfig, String> {
        TrunkConfig::parse(&format!("{LEAST}{text}"), "t.toml").map_err(|e| e.to_string())
    }

    #[test]
    fn numbers_come_out_as_the_carrier_wants_them() {
        let chinese = read(
            "[numbers]\ncountry = \"86\"\nexamples = [[\"13800138000\", \"013800138000\"], [\"021-6234 5678\", \"02162345678\"]]\n\
             [[numbers.callee]]\nprefix = \"+86\"\nstrip = 3\nprepend = \"0\"\n\
             [[numbers.callee]]\nprefix = \"+\"\nstrip = 1\nprepend = \"00\"\n\
             [[numbers.caller]]\nprefix = \"+86400\"\nstrip = 3\n\
             [[numbers.caller]]\nprefix = \"+86\"\nstrip = 3\nprepend = \"0\"\n",
        )
        .unwrap()
        .numbers;
        for (number, callee) in [
            ("13800138000", "013800138000"),
            ("013800138000", "013800138000"),
            ("+8613800138000", "013800138000"),
            ("008613800138000", "013800138000"),
            ("8613800138000", "013800138000"),
            ("02162345678", "02162345678"),
            ("+862162345678", "02162345678"),
            ("862162345678", "02162345678"),
            ("+12125550142", "0012125550142"),
            ("0012125550142", "0012125550142"),
            // Services and extensions belong to no country.
            ("95588", "95588"),
            ("1001", "1001"),
        ] {
            assert_eq!(chinese.callee(&number.parse().unwrap()), callee, "{number}");
        }
        assert_eq!(chinese.caller(&"+864008001234".parse().unwrap()), "4008001234");
        assert_eq!(chinese.caller(&"021-62345678".parse().unwrap()), "02162345678");
        let american = read("[numbers]\ncountry = \"1\"\nnational_prefix = \"1\"\n[[numbers.callee]]\nprefix = \"+\"\nstrip = 1\n")
            .unwrap()
            .numbers;
        for number in ["2125550142", "12125550142", "+12125550142"] {
            assert_eq!(american.callee(&number.parse().unwrap()), "12125550142", "{number}");
        }
        // A customer's code before each number, whatever it is.
        let coded = read("[[numbers.callee]]\nprefix = \"\"\nprepend = \"7788#\"\n").unwrap().numbers;
        assert_eq!(coded.callee(&"1001".parse().unwrap()), "7788#1001");
    }

    #[test]
    fn without_rules_numbers_go_as_they_are() {
        let plain = read("").unwrap().numbers;
        for number in ["13800138000", "+8613800138000", "1001"] {
            assert_eq!(plain.callee(&number.parse().unwrap()), number);
        }
        // What is dialled abroad is read as E.164.
        assert_eq!(plain.callee(&"008613800138000".parse().unwrap()), "+8613800138000");
        assert_eq!(plain.e164(&"13800138000".parse().unwrap()), None);
    }

    #[test]
    fn what_is_wrong_with_numbers_is_said() {
        for (text, said) in [
            ("[numbers]\ncountry = \"China\"", "numbers.country"),
            ("[numbers]\nnational_prefix = \"x\"", "numbers.national_prefix"),
            ("[numbers]\ncolour = 1", "colour"),
            ("[[numbers.callee]]\nprefix = \"+86\"\nstrip = 4", "strip is 3 at most"),
            ("[[numbers.callee]]\nprefix = \"a\"", "numbers.callee: prefix \"a\""),
            (
                "[[numbers.caller]]\nprefix = \"1\"\n[[numbers.caller]]\nprefix = \"1\"",
                "numbers.caller: prefix \"1\"",
            ),
            ("[[numbers.callee]]\nprefix = \"1\"\nprepend = \"sip:\"", "prepend \"sip:\""),
            ("[numbers]\nexamples = [[\"13800138000\", \"1\"]]", "13800138000 becomes 13800138000"),
            ("[numbers]\nexamples = [[\"x\", \"1\"]]", "numbers.examples"),
            ("[[caller_id]]\nnumber = \"x\"", "caller_id.number"),
            ("[[caller_id]]\nnumber = \"4008001234\"\nregion = \"Shanghai\"", "caller_id.region"),
            ("[[caller_id]]\nnumber = \"4008001234\"\nweight = 0", "caller_id.weight"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(said), "{text}: {message}");
        }
        let own = read("[[caller_id]]\nnumber = \"+86 21 6234 5678\"\nregion = \"+8621\"\nweight = 3\n[[caller_id]]\nnumber = \"4008001234\"\n")
            .unwrap()
            .caller_ids;
        assert_eq!(
            (own[0].number.as_str(), own[0].region.as_str(), own[0].weight),
            ("+862162345678", "+8621", 3)
        );
        assert_eq!((own[1].region.as_str(), own[1].weight), ("default", 1));
    }
}
