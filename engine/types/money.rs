use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An ISO 4217 currency code, three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Chinese yuan.
    pub const CNY: Self = Self(*b"CNY");
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A sum or a currency that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMoney {
    /// Not three capital letters.
    #[error("{0:?} is not a currency: use its three capital letters, as CNY or USD 币种有误")]
    Currency(String),
    /// Not a decimal number of at most two places, or negative.
    #[error("{0:?} is not an amount: write a number with at most two places, as 3250.00 金额有误")]
    Amount(String),
}

impl FromStr for Currency {
    type Err = InvalidMoney;

    fn from_str(s: &str) -> Result<Self, InvalidMoney> {
        match s.as_bytes() {
            [a, b, c] if s.bytes().all(|x| x.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(InvalidMoney::Currency(s.to_owned())),
        }
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An exact sum of money, never negative, in hundredths at the finest.
///
/// Written as `"3250.00"` beside its currency. Redacted in `Debug`: amounts are personal data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    #[serde(with = "amount")]
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// A sum from its parts.
    ///
    /// # Errors
    /// When the amount is negative or has more than two places.
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, InvalidMoney> {
        if amount.is_sign_negative() && !amount.is_zero() || amount.normalize().scale() > 2 {
            return Err(InvalidMoney::Amount(amount.to_string()));
        }
        let mut amount = amount;
        amount.rescale(2);
        Ok(Self { amount, currency })
    }

    /// A sum from text as `3250`, `3250.5` or `3,250.50`. A comma stands before each three digits of
    /// the whole part or nowhere: `1200,50` may be meant as 1200.50, and guessing it would multiply a
    /// debt by a hundred.
    ///
    /// # Errors
    /// When the text is no such number.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, InvalidMoney> {
        let invalid = || InvalidMoney::Amount(text.to_owned());
        let text = text.trim();
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let mut groups = whole.split(',');
        let first = groups.next().unwrap_or_default();
        let grouped = first.len() <= 3 && groups.clone().all(|g| g.len() == 3 && digits(g));
        let whole_is_right = !first.is_empty() && digits(first) && (first.len() == whole.len() || grouped);
        if !whole_is_right || !(1..=2).contains(&places.len()) || !digits(places) {
            return Err(invalid());
        }
        let amount = Decimal::from_str(&text.replace(',', "")).map_err(|_| invalid())?;
        Self::new(amount, currency).map_err(|_| invalid())
    }

    /// The amount, always with two places.
    pub fn amount(&self) -> Decimal {
        self.amount
    }

    /// The currency.
    pub fn currency(&self) -> Currency {
        self.currency
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money(… {})", self.currency)
    }
}

mod amount {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(d: &Decimal, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{d:.2}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Decimal, D::Error> {
        let text = String::deserialize(d)?;
        super::Money::parse(&text, super::Currency::CNY).map(|m| m.amount).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_with_two_places() {
        let m = Money::parse("3,250.5", Currency::CNY).unwrap();
        assert_eq!(m.amount().to_string(), "3250.50");
        assert_eq!(serde_json::to_string(&m).unwrap(), r#"{"amount":"3250.50","currency":"CNY"}"#);
        for bad in ["-1", "1.005", "", "abc", "1e3", ".", "1.", "9".repeat(40).as_str()] {
            assert!(Money::parse(bad, Currency::CNY).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_comma_groups_thousands_or_the_text_is_no_amount() {
        for (text, amount) in [("1,200", "1200.00"), ("12,345,678.9", "12345678.90"), ("3250", "3250.00")] {
            assert_eq!(Money::parse(text, Currency::CNY).unwrap().amount().to_string(), amount);
        }
        for bad in ["1200,50", "1,20", "1.200,50", "1.200", "1200,500", ",200", "1,,200", "1,200,", "3.2,5"] {
            assert!(Money::parse(bad, Currency::CNY).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_amount() {
        assert!(!format!("{:?}", Money::parse("3250", Currency::USD).unwrap()).contains("3250"));
    }
}
