//! What the lender allows to be agreed in a call, complete and free of contradictions.

use rust_decimal::{Decimal, RoundingStrategy};
use waihu_types::{GivenAuthority, Least, Money, Percent};

/// The most parts that an authority may allow: five years of months. What is longer is a new loan,
/// and is not agreed by word of mouth.
const MAX_PARTS: u8 = 60;
/// The longest delay of a first payment [days]: a year. Beyond it a promise is none.
const MAX_DELAY_DAYS: u16 = 366;
/// The longest span of a plan [days]: that of the most parts.
const MAX_SPAN_DAYS: u16 = 1_830;
/// The most steps of a discount: each is an offer, and nobody listens to more.
const MAX_STEPS: usize = 8;
/// The longest name of an approver [characters]: it is spoken.
const MAX_APPROVER_CHARS: usize = 40;

/// The latest payment where the lender names none [days]: what a promise may name anyway.
const DELAY_DAYS: u16 = 31;
/// The least part where the lender names none [percent of the due].
const LEAST_PERCENT: u32 = 10;
/// How much longer each further part may take where the lender names no span [days]: a month.
const PART_DAYS: u16 = 31;

/// What may be agreed about one debt.
///
/// A lender who says nothing has allowed all of it within 31 days, in one payment, without a
/// discount, and nobody to ask for more. Who allows parts has allowed them monthly, each a tenth of
/// the due at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The least that a part may be, at most what is due; the last part may be less, where it is
    /// what remains.
    pub least_part: Money,
    /// The most parts to pay in, 1 at least.
    pub max_parts: u8,
    /// The latest day of the first payment [days from the call].
    pub max_delay_days: u16,
    /// The same for whoever has broken a promise; never later.
    pub max_delay_broken_days: u16,
    /// The latest day of the last payment [days from the call]; never before that of the first.
    pub max_span_days: u16,
    /// The steps of a discount for paying at once, ascending, none of them all.
    pub discounts: Vec<Percent>,
    /// Who may allow more, as it is spoken.
    pub approver: Option<String>,
}

/// Why fields make no authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityProblem {
    /// No part at all, or more than anyone tracks.
    #[error("max_parts is {0}: from 1 to {MAX_PARTS} is expected 期数超出范围")]
    Parts(u8),
    /// The first payment would be too far away.
    #[error("max_delay_days is {0}: up to {MAX_DELAY_DAYS} is expected 最长延期天数过大")]
    Delay(u16),
    /// Whoever broke a promise would have longer than whoever did not.
    #[error(
        "max_delay_broken_days is {broken}: it must not exceed max_delay_days, {kept} 违约者延期不得更长"
    )]
    DelayBroken {
        /// The days for whoever broke a promise.
        broken: u16,
        /// The days for the others.
        kept: u16,
    },
    /// The last payment would be due before the first, or too far away.
    #[error(
        "max_span_days is {span}: from max_delay_days, {delay}, to {MAX_SPAN_DAYS} is expected 总跨度天数超出范围"
    )]
    Span {
        /// The days of the last payment.
        span: u16,
        /// The days of the first payment.
        delay: u16,
    },
    /// More steps than are offered in a call.
    #[error("discounts has {0} steps: at most {MAX_STEPS} are offered 减免档位过多")]
    Steps(usize),
    /// Steps out of order.
    #[error("discounts must ascend and differ, as 5% 10% 减免档位须由低到高")]
    Order,
    /// Nothing would be left to pay.
    #[error("discounts has a step of 100%: nothing would be left to pay 减免不得为全额")]
    All,
    /// A name that cannot be spoken.
    #[error("approver must be a name of 1 to {MAX_APPROVER_CHARS} characters: it is spoken 审批人名称有误")]
    Approver,
}

impl AuthorityProblem {
    /// The field that is at fault.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Parts(_) => "max_parts",
            Self::Delay(_) => "max_delay_days",
            Self::DelayBroken { .. } => "max_delay_broken_days",
            Self::Span { .. } => "max_span_days",
            Self::Steps(_) | Self::Order | Self::All => "discounts",
            Self::Approver => "approver",
        }
    }
}

impl Authority {
    /// The authority that `given` is over a debt of `due`.
    ///
    /// # Errors
    /// The first field that contradicts another, or that nobody can mean.
    pub fn new(given: &GivenAuthority, due: Money) -> Result<Self, AuthorityProblem> {
        let max_parts = given.max_parts.unwrap_or(1);
        if !(1..=MAX_PARTS).contains(&max_parts) {
            return Err(AuthorityProblem::Parts(max_parts));
        }
        let delay = given.max_delay_days.unwrap_or(DELAY_DAYS);
        if delay > MAX_DELAY_DAYS {
            return Err(AuthorityProblem::Delay(delay));
        }
        let broken = given.max_delay_broken_days.unwrap_or(delay);
        if broken > delay {
            return Err(AuthorityProblem::DelayBroken { broken, kept: delay });
        }
        let months = PART_DAYS * u16::from(max_parts - 1);
        let span = given.max_span_days.unwrap_or((delay + months).min(MAX_SPAN_DAYS));
        if !(delay..=MAX_SPAN_DAYS).contains(&span) {
            return Err(AuthorityProblem::Span { span, delay });
        }
        let discounts = given.discounts.clone().unwrap_or_default();
        if discounts.len() > MAX_STEPS {
            return Err(AuthorityProblem::Steps(discounts.len()));
        }
        if !discounts.is_sorted_by(|a, b| a < b) {
            return Err(AuthorityProblem::Order);
        }
        if discounts.iter().any(|p| p.of_hundred() >= Decimal::ONE_HUNDRED) {
            return Err(AuthorityProblem::All);
        }
        if let Some(name) = &given.approver {
            let spoken = !name.trim().is_empty() && !name.chars().any(char::is_control);
            if !spoken || name.chars().count() > MAX_APPROVER_CHARS {
                return Err(AuthorityProblem::Approver);
            }
        }
        Ok(Self {
            least_part: least(given.least_part, due),
            max_parts,
            max_delay_days: delay,
            max_delay_broken_days: broken,
            max_span_days: span,
            discounts,
            approver: given.approver.clone(),
        })
    }

    /// What is allowed where the lender says nothing.
    pub fn standard(due: Money) -> Self {
        Self {
            least_part: least(None, due),
            max_parts: 1,
            max_delay_days: DELAY_DAYS,
            max_delay_broken_days: DELAY_DAYS,
            max_span_days: DELAY_DAYS,
            discounts: Vec::new(),
            approver: None,
        }
    }

    /// The latest day of the first payment, for someone who has broken so many promises before [days from the call].
    pub fn delay_days(&self, broken: u32) -> u16 {
        if broken == 0 { self.max_delay_days } else { self.max_delay_broken_days }
    }

    /// The most that may be waived of `due`.
    pub fn most_waived(&self, due: Money) -> Money {
        let most = self.discounts.last().map(|step| Self::waived(*step, due));
        most.or_else(|| Money::new(Decimal::ZERO, due.currency()).ok()).unwrap_or(due)
    }

    /// What a step waives of `due`, rounded down to the cent: it is never more than allowed.
    pub(crate) fn waived(step: Percent, due: Money) -> Money {
        share(step.of_hundred(), due, RoundingStrategy::ToZero)
    }

    /// The most parts into which `due` can be divided with no part below the least.
    pub(crate) fn parts_at_most(&self, due: Money) -> u32 {
        let least = self.least_part.amount();
        let fit = if least.is_zero() { None } else { u32::try_from((due.amount() / least).floor()).ok() };
        fit.unwrap_or(1).clamp(1, u32::from(self.max_parts))
    }
}

/// The least part, at most the due and never nothing, rounded up to the cent.
fn least(given: Option<Least>, due: Money) -> Money {
    let percent = match given {
        Some(Least::Sum(sum)) => return Money::new(sum.min(due.amount()), due.currency()).unwrap_or(due),
        Some(Least::Share(share)) => share.of_hundred(),
        None => LEAST_PERCENT.into(),
    };
    share(percent, due, RoundingStrategy::AwayFromZero)
}

/// So many percent of a sum, in cents. A share is at most all, so that it is a sum again.
fn share(percent: Decimal, of: Money, rounding: RoundingStrategy) -> Money {
    let part = of.amount() / Decimal::ONE_HUNDRED * percent;
    Money::new(part.round_dp_with_strategy(2, rounding), of.currency()).unwrap_or(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use waihu_types::Currency;

    fn due() -> Money {
        Money::parse("3250.01", Currency::CNY).unwrap()
    }

    fn given(json: &str) -> Result<Authority, AuthorityProblem> {
        Authority::new(&serde_json::from_str(json).unwrap(), due())
    }

    #[test]
    fn who_says_nothing_has_allowed_one_payment_within_a_month() {
        let a = given("{}").unwrap();
        assert_eq!((a.max_parts, a.max_delay_days, a.max_span_days), (1, 31, 31));
        assert_eq!((a.max_delay_broken_days, &a.discounts, &a.approver), (31, &vec![], &None));
        assert_eq!(a.least_part.amount().to_string(), "325.01");
        assert_eq!(a, Authority::standard(due()));
    }

    #[test]
    fn parts_without_a_span_are_monthly_ones() {
        assert_eq!(given(r#"{"max_parts":3,"max_delay_days":14}"#).unwrap().max_span_days, 14 + 62);
        assert!(given(r#"{"max_parts":60,"max_delay_days":366}"#).is_ok());
    }

    #[test]
    fn each_contradiction_names_its_field() {
        for (json, field) in [
            (r#"{"max_parts":0}"#, "max_parts"),
            (r#"{"max_parts":61}"#, "max_parts"),
            (r#"{"max_delay_days":367}"#, "max_delay_days"),
            (r#"{"max_delay_days":7,"max_delay_broken_days":8}"#, "max_delay_broken_days"),
            (r#"{"max_delay_days":31,"max_span_days":30}"#, "max_span_days"),
            (r#"{"max_span_days":1831}"#, "max_span_days"),
            (r#"{"discounts":["10%","5%"]}"#, "discounts"),
            (r#"{"discounts":["5%","5%"]}"#, "discounts"),
            (r#"{"discounts":["5%","100%"]}"#, "discounts"),
            (r#"{"discounts":["1%","2%","3%","4%","5%","6%","7%","8%","9%"]}"#, "discounts"),
            (r#"{"approver":" "}"#, "approver"),
            (r#"{"approver":"a\nb"}"#, "approver"),
        ] {
            let problem = given(json).unwrap_err();
            assert_eq!(problem.field(), field, "{json}");
            assert!(problem.to_string().contains(field), "{problem}");
        }
    }

    #[test]
    fn a_least_sum_above_the_due_is_the_due() {
        assert_eq!(given(r#"{"least_part":"5000"}"#).unwrap().least_part, due());
        assert_eq!(given(r#"{"least_part":"33.33%"}"#).unwrap().least_part.amount().to_string(), "1083.23");
    }
}
