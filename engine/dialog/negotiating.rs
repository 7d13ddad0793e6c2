//! The negotiation as a script meets it: what an utterance says of paying, the conditions on what it
//! comes to, and a plan in words.
//!
//! Deliberately absent: what may be agreed, and what is offered next; that is [`waihu_terms`].

use std::cell::OnceCell;

use jiff::civil::Date;
use rust_decimal::Decimal;
use waihu_terms::{Asks, Authority, Calendar, Judgement, Missing, Negotiation, Part, Plan};
use waihu_types::{Case, Intent, Lang, Money, Promise, PromisedPart};

use crate::{
    condition::{Condition, Said},
    memory::Understood,
    template,
};

/// Payments that are read out one by one; of more, the equal ones are told together.
const READ_OUT: usize = 4;

/// The negotiation about a case. Fields that are no authority allow what the standard one does: who
/// may be dialled with them at all is told by [`crate::Script::fits`].
pub(crate) fn negotiation(case: &Case, today: Date) -> Negotiation {
    let given = &case.particulars.authority;
    let authority = Authority::new(given, case.due).unwrap_or_else(|_| Authority::standard(case.due));
    let calendar = Calendar::of_zone(&case.time_zone);
    Negotiation::new(case.due, today, authority, calendar, case.particulars.broken())
}

/// A plan as it is promised, without the way it will be paid.
pub(crate) fn promise(plan: &Plan) -> Promise {
    let parts = plan.parts().iter().map(|p| PromisedPart { date: p.date, sum: p.sum });
    Promise {
        parts: parts.filter(|_| plan.parts().len() > 1).collect(),
        discount: Some(plan.discount()).filter(|d| !d.amount().is_zero()),
        ..Promise::of(plan.first().date, plan.total())
    }
}

/// What an utterance says of paying.
pub(crate) fn of_paying(utterance: &Understood, said: &Said<'_>) -> waihu_terms::Said {
    let asks = |intent: &Intent| match intent {
        Intent::PartialPayment => Some(Asks::Part),
        Intent::RequestInstallments => Some(Asks::Parts),
        Intent::RequestExtension => Some(Asks::Later),
        Intent::RequestReduction => Some(Asks::Less),
        _ => None,
    };
    let meant = || std::iter::once(&utterance.intent).chain(utterance.also.iter().map(|a| &a.0));
    let plainly = meant().any(|i| *i == Intent::PromiseToPay).then_some(Asks::Nothing);
    let entities = &utterance.entities;
    let whole = entities.whole;
    waihu_terms::Said {
        sum: said.sum.filter(|_| !whole),
        whole,
        each: entities.each,
        date: said.date(),
        count: entities.count,
        rest: entities.rest,
        asks: meant().find_map(asks).or(plainly),
    }
}

/// An utterance within a negotiation.
pub(crate) struct Bargain<'a> {
    negotiation: &'a Negotiation,
    said: waihu_terms::Said,
    broken: bool,
    /// The negotiation once it has heard it, worked out when a condition asks.
    after: OnceCell<Negotiation>,
}

impl<'a> Bargain<'a> {
    pub(crate) fn new(negotiation: &'a Negotiation, said: waihu_terms::Said, broken: bool) -> Self {
        Self { negotiation, said, broken, after: OnceCell::new() }
    }

    fn after(&self) -> &Negotiation {
        self.after.get_or_init(|| {
            let mut after = self.negotiation.clone();
            after.hear(&self.said);
            after
        })
    }

    fn judgement(&self) -> Judgement {
        let after = self.after();
        after.judge(&after.wish())
    }

    /// Whether a condition on the negotiation holds; false for any other.
    pub(crate) fn holds(&self, condition: Condition) -> bool {
        use Condition as C;
        let missing = |what| self.judgement() == Judgement::Incomplete(what);
        match condition {
            C::PlanWithin => matches!(self.judgement(), Judgement::Within(_)),
            C::PlanCounter => matches!(self.judgement(), Judgement::Counter(_)),
            C::PlanBeyond => self.judgement() == Judgement::Beyond,
            C::PlanNoSum => missing(Missing::Sum),
            C::PlanNoDate => missing(Missing::Date),
            C::PlanNoCount => missing(Missing::Count),
            C::MoreToOffer => self.after().has_more_to_offer(),
            C::NoMoreToOffer => !self.after().has_more_to_offer(),
            C::SamePlan => self.names_the_table(),
            C::OtherPlan => !self.names_the_table(),
            C::BrokePromise => self.broken,
            C::NoBrokenPromise => !self.broken,
            _ => false,
        }
    }

    /// Whether every value that is named is one of the plan on the table. Nobody says the cents.
    fn names_the_table(&self) -> bool {
        let Some(plan) = self.negotiation.table() else { return false };
        let said = &self.said;
        let like = |sum: Money, of: Money| (sum.amount() - of.amount()).abs() < Decimal::ONE;
        let parts = plan.parts();
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX) - u32::from(said.rest);
        let sum = said.sum.is_none_or(|s| like(s, plan.total()) || parts.iter().any(|p| like(s, p.sum)));
        let date = said.date.is_none_or(|d| parts.iter().any(|p| p.date == d));
        let asked = match said.asks {
            Some(Asks::Later | Asks::Less) => false,
            Some(Asks::Parts | Asks::Part) => parts.len() > 1,
            Some(Asks::Nothing) | None => true,
        };
        sum && date && asked && said.count.is_none_or(|n| n == count) && (!said.whole || parts.len() == 1)
    }
}

/// A plan as people say it, with every day and sum: `分三期：第一期1083.34元，12月1日星期二；…`, `three
/// payments: $400.00 on Tuesday, December 1; …`.
pub(crate) fn plan(plan: &Plan, today: Date, lang: Lang) -> String {
    match lang {
        Lang::Zh => plan_zh(plan, today),
        Lang::En => plan_en(plan, today),
    }
}

/// Of many payments: the equal ones between the first and the last.
fn alike(parts: &[Part]) -> Option<(Part, &[Part], Part)> {
    let [first, between @ .., last] = parts else { return None };
    let same = between.iter().all(|p| p.sum == between[0].sum);
    (parts.len() > READ_OUT && same).then_some((*first, between, *last))
}

fn plan_zh(plan: &Plan, today: Date) -> String {
    let money = |sum| template::money(sum, Lang::Zh);
    let day = |date| template::day_of_week(date, today, Lang::Zh);
    let parts = plan.parts();
    let waived = match plan.discount() {
        none if none.amount().is_zero() => String::new(),
        sum => format!("减免{}，", money(sum)),
    };
    if let [only] = parts {
        return format!("{waived}{}一次还清{}", day(only.date), money(only.sum));
    }
    let count = count(parts.len(), Lang::Zh);
    if let Some((first, between, last)) = alike(parts) {
        let to = if between[0].sum == last.sum {
            format!("以后每期{}，最后一期{}", money(last.sum), day(last.date))
        } else {
            let (sum, end) = (money(between[0].sum), money(last.sum));
            format!("以后每期{sum}，最后一期{end}，{}", day(last.date))
        };
        return format!("{waived}分{count}期：第一期{}，{}；{to}", money(first.sum), day(first.date));
    }
    let each = parts
        .iter()
        .enumerate()
        .map(|(n, p)| format!("第{}期{}，{}", number_zh(n + 1), money(p.sum), day(p.date)));
    format!("{waived}分{count}期：{}", each.collect::<Vec<_>>().join("；"))
}

fn plan_en(plan: &Plan, today: Date) -> String {
    let money = |sum| template::money(sum, Lang::En);
    let day = |date| template::day_of_week(date, today, Lang::En);
    let parts = plan.parts();
    let waived = match plan.discount() {
        none if none.amount().is_zero() => String::new(),
        sum => format!(", with {} taken off", money(sum)),
    };
    if let [only] = parts {
        return format!("one payment of {} on {}{waived}", money(only.sum), day(only.date));
    }
    let words = count(parts.len(), Lang::En);
    let on = |p: &Part| format!("{} on {}", money(p.sum), day(p.date));
    if let Some((first, between, last)) = alike(parts) {
        let to = if between[0].sum == last.sum {
            let n = count(between.len() + 1, Lang::En);
            format!("then {n} of {}, the last one on {}", money(last.sum), day(last.date))
        } else {
            let n = count(between.len(), Lang::En);
            format!("then {n} of {}, and {}", money(between[0].sum), on(&last))
        };
        return format!("{words} payments: {}; {to}{waived}", on(&first));
    }
    let (last, before) = parts.split_last().map_or((None, parts), |(l, b)| (Some(l), b));
    let before = before.iter().map(on).collect::<Vec<_>>().join("; ");
    let last = last.map(|p| format!("; and {}", on(p))).unwrap_or_default();
    format!("{words} payments: {before}{last}{waived}")
}

/// How many, as it stands before 期 and before "payments".
pub(crate) fn count(n: usize, lang: Lang) -> String {
    const ONES: [&str; 20] = [
        "no",
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
    match (lang, n) {
        (Lang::Zh, 2) => "两".to_owned(),
        (Lang::Zh, n) => number_zh(n),
        (Lang::En, n) if n < 20 => ONES[n].to_owned(),
        (Lang::En, n) if n < 100 && n % 10 == 0 => TENS[n / 10].to_owned(),
        (Lang::En, n) if n < 100 => format!("{}-{}", TENS[n / 10], ONES[n % 10]),
        (Lang::En, n) => n.to_string(),
    }
}

/// A number below a hundred in characters; a larger one in digits.
fn number_zh(n: usize) -> String {
    const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let ones = |n: usize| if n.is_multiple_of(10) { "" } else { DIGITS[n % 10] };
    match n {
        0..=9 => DIGITS[n].to_owned(),
        10..=19 => format!("十{}", ones(n)),
        20..=99 => format!("{}十{}", DIGITS[n / 10], ones(n)),
        _ => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use waihu_nlu::Entities;
    use waihu_types::GivenAuthority;

    /// A Thursday.
    const TODAY: Date = date(2026, 11, 26);

    fn case(lang: Lang, authority: &str) -> Case {
        let json = match lang {
            Lang::Zh => {
                r#"{"id":"C1","phone":"1001","name":"张伟","lang":"zh","creditor":"安信银行",
                "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#
            }
            Lang::En => {
                r#"{"id":"C2","phone":"1002","name":"Daniel Reed","lang":"en","creditor":"Harbor Bank",
                "product":"loan","amount":"1200.00","currency":"USD","due_date":"2026-11-15",
                "time_zone":"America/New_York"}"#
            }
        };
        let mut case: Case = serde_json::from_str(json).unwrap();
        case.particulars.authority = serde_json::from_str::<GivenAuthority>(authority).unwrap();
        case
    }

    const WIDE: &str = r#"{"max_parts":12,"least_part":"50","discounts":["10%"]}"#;

    fn talk(lang: Lang, intent: Intent, entities: Entities) -> (Negotiation, waihu_terms::Said) {
        let case = case(lang, WIDE);
        let negotiation = negotiation(&case, TODAY);
        let understood = Understood::new(intent, 0.9, entities);
        let said = Said::new(&understood.entities, crate::PromiseRules::default(), case.due, TODAY);
        let said = of_paying(&understood, &said);
        (negotiation, said)
    }

    fn agreed(lang: Lang, intent: Intent, entities: Entities) -> String {
        let (mut negotiation, said) = talk(lang, intent, entities);
        negotiation.hear(&said);
        let table = match negotiation.take_plan() {
            Some(_) => negotiation.table(),
            None => negotiation.take_counter(),
        };
        plan(table.unwrap(), TODAY, lang)
    }

    fn entities(day: Date, sum: Option<i64>, count: Option<u32>) -> Entities {
        Entities { date: Some(day), amount: sum.map(Into::into), count, ..Entities::default() }
    }

    const TUESDAY: Date = date(2026, 12, 1);

    #[test]
    fn a_plan_is_spoken_with_every_day_and_sum() {
        use Intent as I;
        assert_eq!(
            agreed(Lang::Zh, I::PromiseToPay, entities(TUESDAY, None, None)),
            "12月1日星期二一次还清3250.00元"
        );
        assert_eq!(
            agreed(Lang::Zh, I::RequestInstallments, entities(TUESDAY, None, Some(3))),
            "分三期：第一期1083.34元，12月1日星期二；第二期1083.33元，2027年1月4日星期一；第三期1083.33元，2027年2月1日星期一"
        );
        assert_eq!(
            agreed(Lang::Zh, I::PartialPayment, entities(TUESDAY, Some(2_000), None)),
            "分两期：第一期2000.00元，12月1日星期二；第二期1250.00元，2027年1月4日星期一"
        );
        assert_eq!(
            agreed(Lang::Zh, I::RequestReduction, entities(TUESDAY, None, None)),
            "减免325.00元，12月1日星期二一次还清2925.00元"
        );
        assert_eq!(
            agreed(Lang::En, I::RequestInstallments, entities(TUESDAY, None, Some(3))),
            "three payments: $400.00 on Tuesday, December 1; $400.00 on Monday, January 4, 2027; and $400.00 on \
             Monday, February 1, 2027"
        );
        assert_eq!(
            agreed(Lang::En, I::RequestReduction, entities(TUESDAY, None, None)),
            "one payment of $1,080.00 on Tuesday, December 1, with $120.00 taken off"
        );
    }

    #[test]
    fn of_many_payments_the_equal_ones_are_told_together() {
        use Intent as I;
        assert_eq!(
            agreed(Lang::Zh, I::RequestInstallments, entities(TUESDAY, None, Some(12))),
            "分十二期：第一期270.87元，12月1日星期二；以后每期270.83元，最后一期2027年11月1日星期一"
        );
        let monthly = Entities { each: true, ..entities(TUESDAY, Some(500), None) };
        assert_eq!(
            agreed(Lang::Zh, I::PartialPayment, monthly.clone()),
            "分七期：第一期500.00元，12月1日星期二；以后每期500.00元，最后一期250.00元，2027年6月1日星期二"
        );
        assert_eq!(
            agreed(Lang::En, I::PartialPayment, Entities { amount: Some(250.into()), ..monthly }),
            "five payments: $250.00 on Tuesday, December 1; then three of $250.00, and $200.00 on Thursday, \
             April 1, 2027"
        );
        assert_eq!(
            agreed(Lang::En, I::RequestInstallments, entities(TUESDAY, None, Some(6))),
            "six payments: $200.00 on Tuesday, December 1; then five of $200.00, the last one on Monday, May 3, 2027"
        );
    }

    #[test]
    fn numbers_stand_before_their_noun() {
        let zh = [1, 2, 3, 10, 12, 20, 24, 60].map(|n| count(n, Lang::Zh)).join(" ");
        assert_eq!(zh, "一 两 三 十 十二 二十 二十四 六十");
        let en = [1, 2, 12, 20, 36].map(|n| count(n, Lang::En)).join(" ");
        assert_eq!(en, "one two twelve twenty thirty-six");
    }

    #[test]
    fn what_is_said_again_of_the_table_is_the_same_plan() {
        use Intent as I;
        let (mut negotiation, said) =
            talk(Lang::Zh, I::RequestInstallments, entities(TUESDAY, None, Some(3)));
        negotiation.hear(&said);
        negotiation.take_plan().unwrap();
        let same = |intent, entities| {
            let (_, said) = talk(Lang::Zh, intent, entities);
            let bargain = Bargain::new(&negotiation, said, false);
            assert_ne!(bargain.holds(Condition::SamePlan), bargain.holds(Condition::OtherPlan));
            bargain.holds(Condition::SamePlan)
        };
        assert!(same(I::Affirm, Entities::default()));
        assert!(same(I::Affirm, entities(TUESDAY, Some(1_083), Some(3))));
        assert!(same(I::RequestInstallments, Entities { count: Some(3), ..Entities::default() }));
        assert!(!same(I::Affirm, entities(date(2026, 12, 2), None, None)));
        assert!(!same(I::RequestInstallments, Entities { count: Some(5), ..Entities::default() }));
        assert!(!same(I::RequestExtension, Entities::default()));
        assert!(!same(I::RequestReduction, Entities::default()));
    }
}
