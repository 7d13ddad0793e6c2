use std::{fmt, str::FromStr};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{CaseProblem, GivenAuthority, Money};

/// What kind of loan is owed on: flows have wordings of their own for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductKind {
    /// A credit card.
    Card,
    /// A loan to a person.
    PersonalLoan,
    /// A small loan for a short time, mostly taken in an app.
    MicroLoan,
    /// A loan on a home.
    Mortgage,
    /// A loan to a business, for which a person answers.
    BusinessLoan,
    /// Anything else, or it was not said.
    #[default]
    Other,
}

impl ProductKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Card, Self::PersonalLoan, Self::MicroLoan, Self::Mortgage, Self::BusinessLoan, Self::Other];

    /// The name as it is written in cases and scripts.
    pub fn label(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::PersonalLoan => "personal_loan",
            Self::MicroLoan => "micro_loan",
            Self::Mortgage => "mortgage",
            Self::BusinessLoan => "business_loan",
            Self::Other => "other",
        }
    }

    fn is_other(&self) -> bool {
        *self == Self::Other
    }
}

/// What came of the last promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromiseState {
    /// Its day has not come.
    Open,
    /// It was paid.
    Kept,
    /// It was not.
    Broken,
}

impl PromiseState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Kept, Self::Broken];

    /// The name as it is written in cases.
    pub fn label(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Kept => "kept",
            Self::Broken => "broken",
        }
    }
}

/// A word that is none of a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of the known words")]
pub struct UnknownWord;

impl FromStr for ProductKind {
    type Err = UnknownWord;

    fn from_str(s: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|k| k.label() == s).ok_or(UnknownWord)
    }
}

impl FromStr for PromiseState {
    type Err = UnknownWord;

    fn from_str(s: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|k| k.label() == s).ok_or(UnknownWord)
    }
}

/// The digits that end an account's number, by which its owner knows it: two to six.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountTail(String);

impl AccountTail {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountTail {
    type Err = InvalidTail;

    fn from_str(s: &str) -> Result<Self, InvalidTail> {
        let right = (2..=6).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
        if right { Ok(Self(s.to_owned())) } else { Err(InvalidTail) }
    }
}

impl TryFrom<String> for AccountTail {
    type Error = InvalidTail;

    fn try_from(s: String) -> Result<Self, InvalidTail> {
        s.parse()
    }
}

impl From<AccountTail> for String {
    fn from(tail: AccountTail) -> Self {
        tail.0
    }
}

impl fmt::Debug for AccountTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountTail(…)")
    }
}

/// Not the end of an account's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the last 2 to 6 digits of the account are expected 应为账号末2至6位数字")]
pub struct InvalidTail;

/// What a lender may say of a case beside what every call needs. Each may be absent; a flow that
/// speaks it is then not dialled for the case.
///
/// `Debug` hides it: it is personal data.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Particulars {
    /// What kind of loan it is.
    #[serde(default, skip_serializing_if = "ProductKind::is_other")]
    pub kind: ProductKind,
    /// The end of the account's or the card's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_tail: Option<AccountTail>,
    /// The least that must be paid now, in the currency of the case.
    #[serde(default, with = "amount", skip_serializing_if = "Option::is_none")]
    pub minimum_due: Option<Decimal>,
    /// All that is owed on the loan, due or not, in the currency of the case.
    #[serde(default, with = "amount", skip_serializing_if = "Option::is_none")]
    pub total_balance: Option<Decimal>,
    /// Which installment is overdue, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installment_no: Option<u16>,
    /// What secures the loan, as it is spoken (翠湖路的房子, "your home on Lake Street").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collateral: Option<String>,
    /// A person whom the callee may ask for when calling back, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The number to call back, as it is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_number: Option<String>,
    /// What the lender allows to be agreed about this case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub authority: GivenAuthority,
    /// What came of the last promise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_promise: Option<PromiseState>,
    /// The day of the last promise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_promise_date: Option<Date>,
    /// Its sum, in the currency of the case.
    #[serde(default, with = "amount", skip_serializing_if = "Option::is_none")]
    pub last_promise_amount: Option<Decimal>,
    /// How many promises were broken, the last one among them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub broken_promises: u16,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl fmt::Debug for Particulars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Particulars({} …)", self.kind.label())
    }
}

/// The longest collateral, and the longest name [characters]: each is spoken in one breath.
const MAX_WORDS_CHARS: usize = 80;
/// How many digits a number to call may have: from a short code's three to the longest of E.164.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 3..=15;
/// The most installments: fifty years of months, as the longest mortgages run.
const MAX_INSTALLMENTS: u16 = 600;
/// The most broken promises: one a week for twenty years.
const MAX_BROKEN: u16 = 1_000;

/// Whether `text` is a telephone number as people write one.
fn is_a_number_to_call(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let written = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')');
    NUMBER_DIGITS.contains(&digits) && text.chars().all(written)
}

impl Particulars {
    /// How many promises were broken: one at least where the last one was.
    pub fn broken(&self) -> u32 {
        let last = u32::from(self.last_promise == Some(PromiseState::Broken));
        u32::from(self.broken_promises).max(last)
    }

    /// Checks what the types alone do not hold, beside what is due.
    pub(crate) fn check(&self, due: Money) -> Result<(), CaseProblem> {
        let odd = |field, expected| Err(CaseProblem::Odd { field, expected });
        let sums = [
            ("minimum_due", self.minimum_due),
            ("total_balance", self.total_balance),
            ("last_promise_amount", self.last_promise_amount),
        ];
        for (field, sum) in sums {
            if sum.is_some_and(|s| s.is_zero() || Money::new(s, due.currency()).is_err()) {
                return odd(
                    field,
                    "a sum above zero is expected; leave it empty where there is none 应大于零",
                );
            }
        }
        if self.total_balance.is_some_and(|total| total < due.amount()) {
            return odd(
                "total_balance",
                "below amount: all that is owed is not less than what is due 小于逾期金额",
            );
        }
        let most = self.total_balance.unwrap_or(due.amount());
        if self.minimum_due.is_some_and(|least| least > most) {
            return odd("minimum_due", "above all that is owed (total_balance, or else amount) 大于欠款总额");
        }
        if self.installment_no.is_some_and(|n| !(1..=MAX_INSTALLMENTS).contains(&n)) {
            return odd("installment_no", "from 1 to 600 is expected 期数有误");
        }
        for (field, words) in [("collateral", &self.collateral), ("contact", &self.contact)] {
            let Some(words) = words else { continue };
            let chars = words.chars().count();
            if chars > MAX_WORDS_CHARS {
                return Err(CaseProblem::TooLong { field, chars });
            }
            if words.trim().is_empty() || words.chars().any(char::is_control) {
                return odd(field, "words that can be spoken are expected, or nothing 应为可读文字");
            }
        }
        if self.reply_number.as_deref().is_some_and(|number| !is_a_number_to_call(number)) {
            return odd("reply_number", "a telephone number is expected, as 400-800-1234 回拨号码有误");
        }
        let promised = self.last_promise.is_some() || self.last_promise_amount.is_some();
        match self.last_promise_date {
            None if promised => {
                return odd("last_promise_date", "empty, and there was a promise: give its day 缺少承诺日期");
            }
            Some(day) if !crate::case::is_of_our_time(day) => {
                return odd("last_promise_date", "a day from 2000 to 2099 is expected 日期超出范围");
            }
            _ => {}
        }
        if self.broken_promises > MAX_BROKEN {
            return odd("broken_promises", "up to 1000 is expected 次数有误");
        }
        Ok(())
    }
}

/// A sum without its currency, written as text with two places.
mod amount {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(sum: &Option<Decimal>, s: S) -> Result<S::Ok, S::Error> {
        match sum {
            Some(sum) => s.collect_str(&format_args!("{sum:.2}")),
            None => s.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Decimal>, D::Error> {
        let text = Option::<String>::deserialize(d)?;
        let read = |t: String| crate::Money::parse(&t, crate::Currency::CNY).map(|m| m.amount());
        text.map(read).transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    fn read(json: &str) -> Particulars {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn particulars_read_back_and_absent_ones_are_not_written() {
        let json = r#"{"kind":"mortgage","account_tail":"0421","total_balance":"812000.00","installment_no":17,"collateral":"翠湖路的房子","contact":"李明","reply_number":"400-800-1234","authority":{"max_parts":3},"last_promise":"broken","last_promise_date":"2026-11-01","last_promise_amount":"3000.00","broken_promises":2}"#;
        let p = read(json);
        assert_eq!(serde_json::to_string(&p).unwrap(), json);
        assert_eq!(serde_json::to_string(&Particulars::default()).unwrap(), "{}");
        assert_eq!(format!("{p:?}"), "Particulars(mortgage …)");
        for kind in ProductKind::ALL {
            assert_eq!(kind.label().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("{:?}", kind.label()));
        }
        for state in PromiseState::ALL {
            assert_eq!(state.label().parse(), Ok(state));
        }
    }

    #[test]
    fn what_cannot_be_is_named_by_its_field() {
        let due = Money::parse("3250", Currency::CNY).unwrap();
        let fault = |json: &str| match read(json).check(due) {
            Err(CaseProblem::Odd { field, .. } | CaseProblem::TooLong { field, .. }) => field,
            other => panic!("{json}: {other:?}"),
        };
        assert_eq!(fault(r#"{"minimum_due":"0"}"#), "minimum_due");
        assert_eq!(fault(r#"{"minimum_due":"3250.01"}"#), "minimum_due");
        assert_eq!(fault(r#"{"total_balance":"3249.99"}"#), "total_balance");
        assert_eq!(fault(r#"{"installment_no":0}"#), "installment_no");
        assert_eq!(fault(r#"{"collateral":" "}"#), "collateral");
        assert_eq!(fault(&format!(r#"{{"collateral":"{}"}}"#, "房".repeat(81))), "collateral");
        assert_eq!(fault(r#"{"contact":"\u0007"}"#), "contact");
        for number in ["", "call me", "12", "1234567890123456"] {
            assert_eq!(fault(&format!(r#"{{"reply_number":"{number}"}}"#)), "reply_number");
        }
        assert_eq!(fault(r#"{"last_promise":"kept"}"#), "last_promise_date");
        assert_eq!(fault(r#"{"last_promise_date":"1999-12-31"}"#), "last_promise_date");
        assert_eq!(
            fault(r#"{"last_promise_date":"2026-11-01","last_promise_amount":"0"}"#),
            "last_promise_amount"
        );
        assert_eq!(fault(r#"{"broken_promises":1001}"#), "broken_promises");
        assert_eq!(read(r#"{"total_balance":"9000","minimum_due":"5000"}"#).check(due), Ok(()));
        for bad in [
            r#"{"account_tail":"1"}"#,
            r#"{"account_tail":"12a4"}"#,
            r#"{"account_tail":"1234567"}"#,
            r#"{"minimum_due":"-5"}"#,
            r#"{"kind":"yacht"}"#,
        ] {
            assert!(serde_json::from_str::<Particulars>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_last_promise_that_was_broken_is_one_broken_at_least() {
        let broken = |json: &str| read(json).broken();
        assert_eq!(broken(r#"{"last_promise":"broken","last_promise_date":"2026-11-01"}"#), 1);
        assert_eq!(broken(r#"{"broken_promises":3}"#), 3);
        assert_eq!(broken("{}"), 0);
    }
}
