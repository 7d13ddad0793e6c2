//! What a rule may ask before it applies, and what is known of a call: the closed words of guards.
//!
//! The same [`Facts`] serve the interpreter (as they are) and the check (as they may be), so that
//! what is proved of a script is what runs.

use jiff::{ToSpan, civil::Date};
use waihu_nlu::Entities;
use waihu_types::{Currency, Identity, Money, ProductKind};

use crate::negotiating::Bargain;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal $meaning:literal)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $(#[doc = $meaning] $variant,)* }

        impl $name {
            /// Every one, with the word that scripts use.
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),*];

            /// The one named by `word`.
            pub fn named(word: &str) -> Option<Self> {
                Self::WORDS.iter().find(|w| w.0 == word).map(|w| w.1)
            }

            /// The word that scripts use for it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// A condition on the utterance or on what is known of the call.
    Condition {
        Confirmed "confirmed" "The person is who was asked for."
        Unconfirmed "unconfirmed" "That is not known, or denied."
        PromiseDate "promise_date" "A day of payment has been taken down."
        NoPromiseDate "no_promise_date" "None has."
        Date "date" "The utterance has a day from today on."
        NoDate "no_date" "It has none: no day, or one that is past."
        DateSoon "date_soon" "Its day is not later than `promise.soon_days` from today."
        DateLate "date_late" "Its day is later than that, but within `promise.max_days`."
        DateWithin "date_within" "Its day is not later than `promise.max_days` from today."
        DateBeyond "date_beyond" "Its day is later than `promise.max_days` from today."
        DayOrTime "day_or_time" "The utterance has a day from today on, or a time of day."
        NoDayOrTime "no_day_or_time" "It has neither."
        Amount "amount" "The utterance has a sum, more than nothing, in the currency of the case, or names all that is due."
        NoAmount "no_amount" "It has none."
        SamePromise "same_promise" "The day and the sum it names, where it names any, are those taken down."
        OtherPromise "other_promise" "It names another day or another sum."
        Count "count" "The utterance has a number of parts."
        NoCount "no_count" "It has none."
        AnotherName "another_name" "It is a yes with another's name, where the person was asked for."
        ThePerson "the_person" "Whoever speaks says to be the person: by name, or 我就是, or that's me."
        Plan "plan" "A plan is on the table."
        NoPlan "no_plan" "None is."
        SamePlan "same_plan" "The days, sums and parts it names, where it names any, are those of the plan on the table."
        OtherPlan "other_plan" "It names another, or asks for one."
        PlanWithin "plan_within" "What is wished, with what it adds, may be agreed."
        PlanCounter "plan_counter" "It may not, and there is another plan near it."
        PlanBeyond "plan_beyond" "It may not, and nothing is left to offer in its place."
        PlanNoSum "plan_no_sum" "It is not known yet how much is wished to be paid."
        PlanNoDate "plan_no_date" "It is not known yet from when on."
        PlanNoCount "plan_no_count" "It is not known yet in how many parts."
        MoreToOffer "more_to_offer" "There is one more concession."
        NoMoreToOffer "no_more_to_offer" "All was offered that may be."
        Channel "channel" "The utterance names a way of paying."
        NoChannel "no_channel" "It names none."
        LastPromise "has_last_promise" "The case has day and sum of a promise before."
        NoLastPromise "no_last_promise" "It has none."
        BrokePromise "broke_promise" "A promise was broken before."
        NoBrokenPromise "no_broken_promise" "None was."
        ProductCard "product_card" "A credit card is owed on."
        ProductPersonal "product_personal_loan" "A loan to a person is."
        ProductMicro "product_micro_loan" "A small loan for a short time is."
        ProductMortgage "product_mortgage" "A loan on a home is."
        ProductBusiness "product_business_loan" "A loan to a business is."
    }
}

words! {
    /// What a rule takes down from the utterance.
    Slot {
        PromiseDate "promise_date" "The day of payment; a day beyond `promise.max_days` is not taken."
        PromiseAmount "promise_amount" "The sum to be paid; held at what is due."
        Callback "callback" "The day and the time of a call back."
        LastPromiseDate "last_promise_date" "The day of the promise before, which is promised once more."
        LastPromiseAmount "last_promise_amount" "Its sum; held at what is due."
        Wish "wish" "What the callee wants: days, sums, parts, and what is asked for. It adds up."
        Plan "plan" "The same, and the callee's own plan comes onto the table, where it may be agreed."
        Counter "counter" "The same, and what comes nearest comes onto the table, where it may not."
        Offer "offer" "The same, and the next concession comes onto the table."
        Channel "channel" "By what way it will be paid."
    }
}

/// How far ahead a promise may lie [days from today].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromiseRules {
    /// Up to here a day is taken as it is.
    pub soon_days: u32,
    /// Beyond this a day is not taken at all.
    pub max_days: u32,
}

impl Default for PromiseRules {
    fn default() -> Self {
        Self { soon_days: 7, max_days: 31 }
    }
}

/// What is known of a call at one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Facts {
    pub(crate) identity: Who,
    pub(crate) promise_date: bool,
    pub(crate) callback_date: bool,
    pub(crate) callback_time: bool,
    pub(crate) callback: bool,
    /// A plan is on the table.
    pub(crate) plan: bool,
    /// The case has day and sum of a promise before: so from the start, or never.
    pub(crate) last_promise: bool,
}

/// [`Identity`], in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Who {
    Unconfirmed,
    Confirmed,
    Denied,
}

impl From<Who> for Identity {
    fn from(who: Who) -> Self {
        match who {
            Who::Unconfirmed => Self::Unconfirmed,
            Who::Confirmed => Self::Confirmed,
            Who::Denied => Self::Denied,
        }
    }
}

impl Facts {
    /// Before anyone has spoken.
    pub(crate) const NONE: Self = Self {
        identity: Who::Unconfirmed,
        promise_date: false,
        callback_date: false,
        callback_time: false,
        callback: false,
        plan: false,
        last_promise: false,
    };
}

impl Condition {
    /// Whether it holds of the call; none when it is about the utterance.
    pub(crate) fn of_facts(self, facts: &Facts) -> Option<bool> {
        match self {
            Self::Confirmed => Some(facts.identity == Who::Confirmed),
            Self::Unconfirmed => Some(facts.identity != Who::Confirmed),
            Self::PromiseDate => Some(facts.promise_date),
            Self::NoPromiseDate => Some(!facts.promise_date),
            Self::Plan => Some(facts.plan),
            Self::NoPlan => Some(!facts.plan),
            Self::LastPromise => Some(facts.last_promise),
            Self::NoLastPromise => Some(!facts.last_promise),
            _ => None,
        }
    }

    /// Whether it holds of the utterance; true when it is about the call.
    pub(crate) fn of_utterance(self, said: &Said) -> bool {
        let ahead = said.days_ahead;
        match self {
            Self::Confirmed | Self::Unconfirmed | Self::PromiseDate | Self::NoPromiseDate => true,
            Self::Plan | Self::NoPlan | Self::LastPromise | Self::NoLastPromise => true,
            Self::Date => ahead.is_some(),
            Self::NoDate => ahead.is_none(),
            Self::DateSoon => ahead.is_some_and(|d| d <= said.rules.soon_days),
            Self::DateLate => ahead.is_some_and(|d| d > said.rules.soon_days && d <= said.rules.max_days),
            Self::DateWithin => ahead.is_some_and(|d| d <= said.rules.max_days),
            Self::DateBeyond => ahead.is_some_and(|d| d > said.rules.max_days),
            Self::DayOrTime => ahead.is_some() || said.entities.time.is_some(),
            Self::NoDayOrTime => ahead.is_none() && said.entities.time.is_none(),
            Self::Amount => said.sum.is_some(),
            Self::NoAmount => said.sum.is_none(),
            Self::SamePromise => !said.is_other_promise(),
            Self::OtherPromise => said.is_other_promise(),
            Self::Count => said.entities.count.is_some(),
            Self::NoCount => said.entities.count.is_none(),
            Self::AnotherName => said.another_name,
            Self::ThePerson => said.the_person,
            Self::Channel => said.entities.channel.is_some(),
            Self::NoChannel => said.entities.channel.is_none(),
            Self::ProductCard => said.kind == ProductKind::Card,
            Self::ProductPersonal => said.kind == ProductKind::PersonalLoan,
            Self::ProductMicro => said.kind == ProductKind::MicroLoan,
            Self::ProductMortgage => said.kind == ProductKind::Mortgage,
            Self::ProductBusiness => said.kind == ProductKind::BusinessLoan,
            _ => said.bargain.as_ref().is_some_and(|bargain| bargain.holds(self)),
        }
    }

    /// Whether an utterance for which it holds surely has what `slot` takes down.
    pub(crate) fn fills(self, slot: Slot) -> bool {
        match slot {
            Slot::PromiseDate => matches!(self, Self::DateSoon | Self::DateLate | Self::DateWithin),
            Slot::PromiseAmount => matches!(self, Self::Amount),
            Slot::LastPromiseDate | Slot::LastPromiseAmount => self == Self::LastPromise,
            Slot::Plan => self == Self::PlanWithin,
            Slot::Counter => self == Self::PlanCounter,
            Slot::Offer => self == Self::MoreToOffer,
            Slot::Wish | Slot::Channel => true,
            Slot::Callback => {
                matches!(
                    self,
                    Self::DayOrTime | Self::Date | Self::DateSoon | Self::DateLate | Self::DateWithin
                )
            }
        }
    }
}

/// Whether a currency that was named is the case's: a bare dollar is any dollar, and 块 or 元 any of
/// those, or the yuan.
fn is_ours(named: Currency, shared: bool, ours: Currency) -> bool {
    const DOLLARS: [&str; 8] = ["USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MOP"];
    named == ours || shared && matches!(named.code(), "USD" | "CNY") && DOLLARS.contains(&ours.code())
}

/// An utterance's entities as the conditions see them.
pub(crate) struct Said<'a> {
    pub(crate) entities: &'a Entities,
    rules: PromiseRules,
    /// How far ahead its day lies, if it has one that is not past [days].
    days_ahead: Option<u32>,
    /// Its sum, at most what is due.
    pub(crate) sum: Option<Money>,
    /// What has been taken down before it: the day, if any, and the sum.
    taken: (Option<Date>, Money),
    another_name: bool,
    the_person: bool,
    kind: ProductKind,
    /// What it comes to in the negotiation.
    pub(crate) bargain: Option<Bargain<'a>>,
}

impl<'a> Said<'a> {
    pub(crate) fn new(entities: &'a Entities, rules: PromiseRules, due: Money, today: Date) -> Self {
        let days_ahead = entities.date.and_then(|d| {
            let days = (d - today).get_days();
            u32::try_from(days).ok()
        });
        let ours = entities.currency.is_none_or(|c| is_ours(c, entities.shared_currency, due.currency()));
        let sum = entities
            .amount
            .filter(|a| ours && !a.is_zero())
            .and_then(|a| Money::new(a.min(due.amount()), due.currency()).ok())
            .or(entities.whole.then_some(due));
        Self {
            entities,
            rules,
            days_ahead,
            sum,
            taken: (None, due),
            another_name: false,
            the_person: false,
            kind: ProductKind::Other,
            bargain: None,
        }
    }

    /// The same beside a promise that has been taken down.
    pub(crate) fn beside(self, day: Option<Date>, sum: Money) -> Self {
        Self { taken: (day, sum), ..self }
    }

    /// The same with what was said of who speaks.
    pub(crate) fn who(self, another_name: bool, the_person: bool) -> Self {
        Self { another_name, the_person, ..self }
    }

    /// The same about a kind of product, within a negotiation.
    pub(crate) fn in_negotiation(self, kind: ProductKind, bargain: Bargain<'a>) -> Self {
        Self { kind, bargain: Some(bargain), ..self }
    }

    fn is_other_promise(&self) -> bool {
        let other_day = self.date().is_some_and(|d| Some(d) != self.taken.0);
        other_day || self.sum.is_some_and(|s| s != self.taken.1)
    }

    /// Its day, if that is not past.
    pub(crate) fn date(&self) -> Option<Date> {
        self.entities.date.filter(|_| self.days_ahead.is_some())
    }

    /// Its day, if a promise may name it.
    pub(crate) fn promise_date(&self) -> Option<Date> {
        self.entities.date.filter(|_| self.days_ahead.is_some_and(|d| d <= self.rules.max_days))
    }
}

/// The last day of a promise that needs no second question.
pub(crate) fn latest_date(today: Date, rules: PromiseRules) -> Date {
    today.checked_add(i64::from(rules.soon_days).days()).unwrap_or(today)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const TODAY: Date = date(2026, 11, 24);

    fn due() -> Money {
        Money::parse("1000", Currency::CNY).unwrap()
    }

    fn holds(c: Condition, e: &Entities) -> bool {
        c.of_utterance(&Said::new(e, PromiseRules::default(), due(), TODAY))
    }

    #[test]
    fn a_day_is_past_soon_late_or_beyond() {
        let on = |d| Entities { date: Some(d), ..Entities::default() };
        use Condition as C;
        assert!(holds(C::NoDate, &on(date(2026, 11, 23))));
        assert!(holds(C::DateSoon, &on(TODAY)) && holds(C::DateSoon, &on(date(2026, 12, 1))));
        assert!(holds(C::DateLate, &on(date(2026, 12, 2))) && holds(C::DateLate, &on(date(2026, 12, 25))));
        assert!(
            holds(C::DateBeyond, &on(date(2026, 12, 26))) && !holds(C::DateLate, &on(date(2026, 12, 26)))
        );
    }

    #[test]
    fn a_promise_said_again_is_the_same_and_any_other_value_makes_it_another() {
        let friday = date(2026, 11, 27);
        let part = Money::parse("500", Currency::CNY).unwrap();
        let other = |date, amount: Option<i64>| {
            let e = Entities { date, amount: amount.map(Into::into), ..Entities::default() };
            let said = Said::new(&e, PromiseRules::default(), due(), TODAY).beside(Some(friday), part);
            let other = Condition::OtherPromise.of_utterance(&said);
            assert_ne!(other, Condition::SamePromise.of_utterance(&said));
            other
        };
        assert!(!other(None, None) && !other(Some(friday), None) && !other(Some(friday), Some(500)));
        assert!(other(Some(TODAY), None) && other(Some(friday), Some(600)) && other(None, Some(1_000)));
        assert!(!other(Some(date(2026, 11, 23)), None), "a day that is past is no other promise");
    }

    #[test]
    fn a_sum_is_held_at_what_is_due_and_in_its_currency() {
        let mut e = Entities { amount: Some(5_000.into()), ..Entities::default() };
        let said = |e: &Entities| Said::new(e, PromiseRules::default(), due(), TODAY).sum;
        assert_eq!(said(&e), Some(due()));
        e.currency = Some(Currency::USD);
        assert_eq!(said(&e), None);
    }

    #[test]
    fn a_bare_dollar_and_a_kuai_are_the_cases_own() {
        let sum = |named: &str, shared_currency, ours: &str| {
            let due = Money::parse("1000", ours.parse().unwrap()).unwrap();
            let currency = named.parse().ok();
            let e = Entities { amount: Some(500.into()), currency, shared_currency, ..Entities::default() };
            Said::new(&e, PromiseRules::default(), due, TODAY).sum.map(|m| m.currency() == due.currency())
        };
        for ours in ["USD", "CAD", "AUD", "HKD"] {
            assert_eq!((sum("USD", true, ours), sum("CNY", true, ours)), (Some(true), Some(true)), "{ours}");
        }
        assert_eq!(sum("CNY", true, "CNY"), Some(true));
        // 美元 and 人民币 are no Hong Kong dollars, and a dollar is no yuan.
        assert_eq!(
            (sum("USD", false, "HKD"), sum("CNY", false, "HKD"), sum("USD", true, "CNY")),
            (None, None, None)
        );
        assert_eq!(sum("CNY", true, "GBP"), None);
    }

    #[test]
    fn all_of_it_is_the_sum_due() {
        let e = Entities { whole: true, ..Entities::default() };
        let part = Money::parse("500", Currency::CNY).unwrap();
        let said = Said::new(&e, PromiseRules::default(), due(), TODAY).beside(Some(TODAY), part);
        assert_eq!(said.sum, Some(due()));
        assert!(Condition::Amount.of_utterance(&said) && Condition::OtherPromise.of_utterance(&said));
    }
}
