use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A telephone number: digits with an optional leading `+` (E.164 with it, a local or
/// practice-ground number without).
///
/// `Debug` shows the last two digits only: numbers never reach a log.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// The longest number kept: E.164 allows 15 digits.
const MAX_DIGITS: usize = 15;

impl PhoneNumber {
    /// The number as it is dialled.
    pub fn as_str(&self) -> &str {
        &self.0
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
#[error("not a telephone number: 3 to 15 digits, with a leading + for an international one")]
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
    fn what_is_no_number_is_refused() {
        for bad in ["", "12", "+", "1380013800a", "1234567890123456", "一二三四"] {
            assert!(bad.parse::<PhoneNumber>().is_err(), "{bad}");
        }
    }
}
