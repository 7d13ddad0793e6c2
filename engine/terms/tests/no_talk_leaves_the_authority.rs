//! Whatever is said, in whatever order, nothing is agreed or offered beyond the authority.
#![allow(clippy::unwrap_used)]

use jiff::{
    ToSpan,
    civil::{Date, date},
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use waihu_terms::{Asks, Authority, Calendar, Judgement, Negotiation, Plan, Said, Terms};
use waihu_types::{Case, Currency, GivenAuthority, Money, Promise, PromisedPart};

fn money(cents: i64) -> Money {
    Money::new(Decimal::new(cents, 2), Currency::CNY).unwrap()
}

#[derive(Clone, Debug)]
enum Turn {
    Hear(Said),
    Plan,
    Counter,
    Offer,
}

prop_compose! {
    fn authority()(
        parts in 1_u8..=60, delay in 0_u16..=366, broken in 0_u16..=366, longer in 0_u16..=1464,
        least in prop_oneof![
            Just(None),
            (1_i64..2_000_000).prop_map(|c| Some(format!("{}", Decimal::new(c, 2)))),
            (1_u32..=100).prop_map(|p| Some(format!("{p}%"))),
        ],
        steps in proptest::collection::btree_set(1_u32..100, 0..8),
    ) -> GivenAuthority {
        GivenAuthority {
            least_part: least.map(|l| l.parse().unwrap()),
            max_parts: Some(parts),
            max_delay_days: Some(delay),
            max_delay_broken_days: Some(broken.min(delay)),
            max_span_days: Some(delay + longer),
            discounts: Some(steps.into_iter().map(|p| format!("{p}%").parse().unwrap()).collect()),
            approver: None,
        }
    }
}

prop_compose! {
    fn said(today: Date)(
        sum in proptest::option::of(1_i64..3_000_000),
        whole in proptest::bool::weighted(0.1),
        each in proptest::bool::weighted(0.3),
        ahead in proptest::option::of(0_i32..500),
        count in proptest::option::of(0_u32..400),
        rest in any::<bool>(),
        asks in proptest::option::of(prop_oneof![
            Just(Asks::Part), Just(Asks::Parts), Just(Asks::Later), Just(Asks::Less), Just(Asks::Nothing)
        ]),
    ) -> Said {
        let date = ahead.and_then(|n| today.checked_add(n.days()).ok());
        Said { sum: sum.map(money), whole, each, date, count, rest, asks }
    }
}

fn turns(today: Date) -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        3 => said(today).prop_map(Turn::Hear),
        1 => Just(Turn::Plan),
        1 => Just(Turn::Counter),
        1 => Just(Turn::Offer),
    ];
    proptest::collection::vec(turn, 1..24)
}

fn day() -> impl Strategy<Value = Date> {
    (0_i32..800).prop_map(|n| date(2025, 12, 1).checked_add(n.days()).unwrap())
}

/// A plan as an agent takes it down.
fn promise(plan: &Plan) -> Promise {
    let parts: Vec<PromisedPart> =
        plan.parts().iter().map(|part| PromisedPart { date: part.date, sum: part.sum }).collect();
    let discount = Some(plan.discount()).filter(|waived| !waived.amount().is_zero());
    let parts = if parts.len() > 1 { parts } else { Vec::new() };
    Promise { parts, discount, ..Promise::of(plan.first().date, plan.total()) }
}

fn terms(due: Money, authority: &GivenAuthority, broken: u32) -> Terms {
    let json = r#"{"id":"C1","phone":"1001","name":"张伟","lang":"zh","creditor":"安信银行","product":"信用卡",
        "amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#;
    let mut case: Case = serde_json::from_str(json).unwrap();
    case.due = due;
    case.particulars.authority = authority.clone();
    case.particulars.broken_promises = u16::try_from(broken).unwrap();
    Terms::of(&case)
}

/// A debt, its authority and the place, for the rules that every plan keeps.
struct Rules {
    due: Money,
    today: Date,
    authority: Authority,
    calendar: Calendar,
    broken: u32,
    terms: Terms,
}

impl Rules {
    fn hold(&self, plan: &Plan) -> Result<(), TestCaseError> {
        let (due, a) = (self.due.amount(), &self.authority);
        let sums: Decimal = plan.parts().iter().map(|p| p.sum.amount()).sum();
        prop_assert_eq!(sums, plan.total().amount());
        prop_assert_eq!(plan.total().amount() + plan.discount().amount(), due);
        prop_assert!(plan.parts().iter().all(|p| !p.sum.amount().is_zero()));

        let parts = plan.parts();
        prop_assert!((1..=usize::from(a.max_parts)).contains(&parts.len()));
        let but_last = &parts[..parts.len() - 1];
        prop_assert!(but_last.iter().all(|p| p.sum.amount() >= a.least_part.amount()));

        let most = a.discounts.last().map_or(Decimal::ZERO, |p| p.of_hundred());
        prop_assert!(plan.discount().amount() <= due * most / Decimal::ONE_HUNDRED);
        prop_assert!(plan.discount().amount().is_zero() || parts.len() == 1);

        let delay = if self.broken > 0 { a.max_delay_broken_days } else { a.max_delay_days };
        let ahead = |d: Date| (d - self.today).get_days();
        prop_assert!((0..=i32::from(delay)).contains(&ahead(plan.first().date)));
        prop_assert!(ahead(plan.last().date) <= i32::from(a.max_span_days));
        prop_assert!(parts.is_sorted_by(|p, q| p.date < q.date));
        let working = |d| self.calendar.is_working(d);
        let any = (0..=i32::from(delay)).any(|n| working(self.today.checked_add(n.days()).unwrap()));
        let (first, later) = parts.split_first().unwrap();
        prop_assert!(working(first.date) || !any);
        prop_assert!(later.iter().all(|p| working(p.date)));
        prop_assert_eq!(self.terms.check(&promise(plan), self.today), Ok(()), "an agent may take it down");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_is_exact_timely_and_allowed(
        (today, turns) in day().prop_flat_map(|d| (Just(d), turns(d))),
        cents in 1_i64..2_000_000, given in authority(), broken in 0_u32..3,
        calendar in prop_oneof![Just(Calendar::Cn), Just(Calendar::Us), Just(Calendar::None)],
    ) {
        let due = money(cents);
        let authority = Authority::new(&given, due).unwrap();
        let terms = terms(due, &given, broken);
        let rules = Rules { due, today, authority: authority.clone(), calendar, broken, terms };
        let mut n = Negotiation::new(due, today, authority, calendar, broken);
        let mut last = None;
        for turn in turns {
            let ours = match turn {
                Turn::Hear(said) => { n.hear(&said); None }
                Turn::Plan => { n.take_plan(); None }
                Turn::Counter => n.take_counter().cloned(),
                Turn::Offer => n.take_offer().cloned(),
            };
            match n.judge(&n.wish()) {
                Judgement::Within(plan) | Judgement::Counter(plan) => rules.hold(&plan)?,
                Judgement::Incomplete(_) | Judgement::Beyond => {}
            }
            if let Some(table) = n.table() {
                rules.hold(table)?;
            }
            if let Some(plan) = ours {
                prop_assert!(last.is_none_or(|last| last < plan.ease()), "an offer that is no concession");
                last = Some(plan.ease());
            }
        }
    }

    #[test]
    fn offers_come_to_an_end(
        today in day(), cents in 1_i64..2_000_000, given in authority(), said in said(date(2026, 11, 26)),
    ) {
        let due = money(cents);
        let authority = Authority::new(&given, due).unwrap();
        // All of it twice, a part first, three and on by doubling up to sixty, and the discounts.
        let most = 3 + 6 + given.discounts.unwrap().len();
        let mut n = Negotiation::new(due, today, authority, Calendar::Cn, 0);
        n.hear(&said);
        let mut offers = 0;
        while n.has_more_to_offer() {
            prop_assert!(n.take_offer().is_some());
            offers += 1;
            prop_assert!(offers <= most);
        }
        prop_assert!(offers > 0 && n.take_offer().is_none());
        prop_assert!(n.table().is_some());
    }
}
