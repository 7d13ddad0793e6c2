use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A telephone number: digits with an optional leading `+` (E.164 with it, a local or
/// practice-ground number without).
///
/// `==` compares what is written; [`Self::subscriber`] tells whether two ring the same telephone.
/// `Debug` shows the last two digits only: numbers never reach a log.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// The longest number kept: E.164 allows 15 digits.
const MAX_DIGITS: usize = 15;

/// Shorter ones are extensions, which have no prefixes \[digits\].
const SHORTEST_LINE: usize = 7;

impl PhoneNumber {
    /// The number as it is dialled.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits by which two numbers are compared: without `+`, without leading zeros (the prefixes
    /// 0 and 00), without country code 86, and without country code 1 before a North American number
    /// (three digits and seven, neither part beginning with 0 or 1).
    ///
    /// So `+8613800138000`, `008613800138000` and `13800138000` are one. Where digits alone leave it
    /// open (`13822345678` is a mobile in China, or +1 382 234 5678), they count as one too: a stranger
    /// spared a call is the smaller error. Other countries' numbers are compared as they are written.
    pub fn subscriber(&self) -> &str {
        let digits = self.0.trim_start_matches('+');
        if digits.len() < SHORTEST_LINE {
            return digits;
        }
        let digits = digits.trim_start_matches('0');
        // China: area code and number, or a mobile: 9 to 11 digits.
        let national = digits.strip_prefix("86").map(|d| d.trim_start_matches('0'));
        let digits = national.filter(|d| (9..=11).contains(&d.len())).unwrap_or(digits);
        match digits.as_bytes() {
            [b'1', b'2'..=b'9', _, _, b'2'..=b'9', _, _, _, _, _, _] => &digits[1..],
            _ => digits,
        }
    }

    /// Whether it is too short to be a person's own line: an extension, or a service's number.
    pub fn is_extension(&self) -> bool {
        self.0.trim_start_matches('+').len() < SHORTEST_LINE
    }

    /// The last two digits behind dots, for people who may not see the whole.
    pub fn masked(&self) -> String {
        format!("…{}", &self.0[self.0.len() - 2..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Text that is not a telephone number. The text itself is left out: it may be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a telephone number: 3 to 15 digits, with a leading + for an international one 号码格式有误")]
pub struct InvalidPhoneNumber;

impl FromStr for PhoneNumber {
    type Err = InvalidPhoneNumber;

    fn from_str(s: &str) -> Result<Self, InvalidPhoneNumber> {
        let plain: String = s.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
        let digits = plain.strip_prefix('+').unwrap_or(&plain);
        if (3..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(plain))
        } else {
            Err(InvalidPhoneNumber)
        }
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = InvalidPhoneNumber;

    fn try_from(s: String) -> Result<Self, InvalidPhoneNumber> {
        s.parse()
    }
}

impl From<PhoneNumber> for String {
    fn from(n: PhoneNumber) -> Self {
        n.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_two_digits_only() {
        let n: PhoneNumber = "+86 138-0013-8000".parse().unwrap();
        assert_eq!(n.as_str(), "+8613800138000");
        assert_eq!(format!("{n:?}"), "…00");
    }

    #[test]
    fn one_telephone_has_one_subscriber_however_it_is_written() {
        let subscriber = |s: &str| s.parse::<PhoneNumber>().unwrap().subscriber().to_owned();
        for same in [
            &["13800138000", "+8613800138000", "8613800138000", "008613800138000", "013800138000"][..],
            &["13822345678", "+86 138 2234 5678"],
            &["+1 (212) 555-0142", "12125550142", "2125550142", "0012125550142"],
            &["010-6234-5678", "+86 10 6234 5678", "+86 (010) 6234 5678"],
            &["1001", "+1001"],
            &["+44 7911 123456", "00447911123456"],
        ] {
            assert!(same.iter().all(|s| subscriber(s) == subscriber(same[0])), "{same:?}");
        }
        let extension = |s: &str| s.parse::<PhoneNumber>().unwrap().is_extension();
        assert!(["1001", "+1001", "95588"].iter().all(|s| extension(s)) && !extension("6234567"));
        let others = ["13800138000", "13800138001", "0001", "1001", "2125550142", "+442125550142", "0000000"];
        let all: std::collections::BTreeSet<String> = others.iter().map(|s| subscriber(s)).collect();
        assert_eq!(all.len(), others.len());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in ["", "12", "+", "1380013800a", "1234567890123456", "一二三四"] {
            assert!(bad.parse::<PhoneNumber>().is_err(), "{bad}");
        }
    }
}
