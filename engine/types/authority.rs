use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A share of a whole, more than nothing and at most all of it, in hundredths of a percent at the
/// finest. Written `"12.5%"`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Percent(Decimal);

impl Percent {
    /// So many of a hundred; held between 1 and 100.
    pub fn whole(percent: u8) -> Self {
        Self(percent.clamp(1, 100).into())
    }

    /// Out of a hundred.
    pub fn of_hundred(self) -> Decimal {
        self.0
    }

    /// Whether a part of a whole is more than this share of it.
    pub fn is_passed_by(self, part: u32, whole: u32) -> bool {
        Decimal::from(part) * Decimal::ONE_HUNDRED > self.0 * Decimal::from(whole)
    }
}

/// The least sum that may be promised at once.
///
/// Written `"500.00"`, in the currency of the case, or `"20%"` of what is due.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Least {
    /// A sum in the currency of the case.
    Sum(Decimal),
    /// A share of what is due.
    Share(Percent),
}

/// A share or a least sum that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTerm {
    /// Not a number with a percent sign, above 0 and up to 100.
    #[error("not a share: write it with its sign, above 0% and up to 100%, as 12.5% 百分比有误")]
    Percent,
    /// Neither a sum above nothing nor a share.
    #[error("neither a sum nor a share: write 500.00 or 20% 应为金额或百分比")]
    Least,
}

impl FromStr for Percent {
    type Err = InvalidTerm;

    fn from_str(s: &str) -> Result<Self, InvalidTerm> {
        let digits = s.trim().strip_suffix('%').ok_or(InvalidTerm::Percent)?.trim();
        let value = decimal(digits).ok_or(InvalidTerm::Percent)?;
        if value.is_zero() || value > Decimal::ONE_HUNDRED {
            Err(InvalidTerm::Percent)
        } else {
            Ok(Self(value))
        }
    }
}

impl FromStr for Least {
    type Err = InvalidTerm;

    fn from_str(s: &str) -> Result<Self, InvalidTerm> {
        if s.trim().ends_with('%') {
            return s.parse().map(Self::Share);
        }
        let sum = decimal(s.trim()).filter(|d| !d.is_zero()).ok_or(InvalidTerm::Least)?;
        Ok(Self::Sum(sum))
    }
}

/// A number as people write it in a file: digits, and at most two places.
fn decimal(text: &str) -> Option<Decimal> {
    crate::Money::parse(text, crate::Currency::CNY).ok().map(|m| m.amount())
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0.normalize())
    }
}

impl fmt::Display for Least {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum(sum) => write!(f, "{sum:.2}"),
            Self::Share(percent) => percent.fmt(f),
        }
    }
}

impl fmt::Debug for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Least {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! written_as_text {
    ($($name:ty)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

written_as_text!(Percent Least);

/// What a lender allows to be agreed without asking, as a case or a campaign states it: each field
/// may be absent. What then holds, and what is no authority at all, is told by
/// `waihu_terms::Authority`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenAuthority {
    /// The least that a part may be; the last one may be less, where it is what remains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_part: Option<Least>,
    /// The most parts to pay in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parts: Option<u8>,
    /// The latest day of the first payment [days from the call].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay_days: Option<u16>,
    /// The same for whoever has broken a promise [days from the call].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay_broken_days: Option<u16>,
    /// The latest day of the last payment [days from the call].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_span_days: Option<u16>,
    /// What may be waived where all the rest is paid at once: in steps, the smallest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discounts: Option<Vec<Percent>>,
    /// Who may allow more, as it is spoken (客户经理, "a supervisor").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
}

impl GivenAuthority {
    /// These fields, and `other`'s where they are absent: the case's outweigh the campaign's.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            least_part: self.least_part.or(other.least_part),
            max_parts: self.max_parts.or(other.max_parts),
            max_delay_days: self.max_delay_days.or(other.max_delay_days),
            max_delay_broken_days: self.max_delay_broken_days.or(other.max_delay_broken_days),
            max_span_days: self.max_span_days.or(other.max_span_days),
            discounts: self.discounts.or_else(|| other.discounts.clone()),
            approver: self.approver.or_else(|| other.approver.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_least_sums_read_back_as_they_are_written() {
        for text in ["0.01%", "12.5%", "100%"] {
            assert_eq!(text.parse::<Percent>().unwrap().to_string(), text);
        }
        assert_eq!("1,200".parse::<Least>().unwrap().to_string(), "1200.00");
        assert_eq!("20 %".parse::<Least>().unwrap().to_string(), "20%");
        for bad in ["0%", "100.01%", "-5%", "5", "5%%", "%", "a%", "1.005%"] {
            assert_eq!(bad.parse::<Percent>(), Err(InvalidTerm::Percent), "{bad}");
        }
        for bad in ["0", "-1", "", "all", "0.001"] {
            assert!(bad.parse::<Least>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_field_of_the_case_outweighs_the_campaigns_and_the_others_stay() {
        let read = |json: &str| serde_json::from_str::<GivenAuthority>(json).unwrap();
        let case = read(r#"{"max_parts":2,"discounts":[]}"#);
        let campaign = read(r#"{"max_parts":6,"least_part":"20%","discounts":["5%","10%"]}"#);
        let both = case.or(&campaign);
        let json = r#"{"least_part":"20%","max_parts":2,"discounts":[]}"#;
        assert_eq!(serde_json::to_string(&both).unwrap(), json);
        assert!(serde_json::from_str::<GivenAuthority>(r#"{"max_part":2}"#).is_err());
    }
}
