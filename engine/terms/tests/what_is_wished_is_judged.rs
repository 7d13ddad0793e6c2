//! What people say they can pay, and what comes of it.
#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::civil::{Date, date};
use waihu_terms::{Asks, Authority, Calendar, Judgement, Missing, Negotiation, Plan, Said};
use waihu_types::{Currency, Money};

/// A Thursday.
const TODAY: Date = date(2026, 11, 26);

fn cny(text: &str) -> Money {
    Money::parse(text, Currency::CNY).unwrap()
}

fn negotiation(authority: &str, broken: u32) -> Negotiation {
    let given = serde_json::from_str(authority).unwrap();
    let authority = Authority::new(&given, cny("3250")).unwrap();
    Negotiation::new(cny("3250"), TODAY, authority, Calendar::Cn, broken)
}

const WIDE: &str = r#"{"max_parts":6,"least_part":"500","max_delay_days":20,"discounts":["5%","10%"]}"#;

fn heard(authority: &str, said: &[Said]) -> Negotiation {
    let mut n = negotiation(authority, 0);
    said.iter().for_each(|s| n.hear(s));
    n
}

fn judged(authority: &str, said: &[Said]) -> Judgement {
    let n = heard(authority, said);
    n.judge(&n.wish())
}

/// `1083.34@12-01 …`
fn shown(plan: &Plan) -> String {
    let part =
        |p: &waihu_terms::Part| format!("{}@{:02}-{:02}", p.sum.amount(), p.date.month(), p.date.day());
    plan.parts().iter().map(part).collect::<Vec<_>>().join(" ")
}

fn within(authority: &str, said: &[Said]) -> String {
    match judged(authority, said) {
        Judgement::Within(plan) => shown(&plan),
        other => panic!("{other:?}"),
    }
}

fn counter(authority: &str, said: &[Said]) -> String {
    match judged(authority, said) {
        Judgement::Counter(plan) => shown(&plan),
        other => panic!("{other:?}"),
    }
}

fn sum(text: &str) -> Said {
    Said { sum: Some(cny(text)), ..Said::default() }
}

fn on(day: Date) -> Said {
    Said { date: Some(day), ..Said::default() }
}

fn count(n: u32) -> Said {
    Said { count: Some(n), ..Said::default() }
}

fn asks(asks: Asks) -> Said {
    Said { asks: Some(asks), ..Said::default() }
}

const FRIDAY: Date = date(2026, 11, 27);

#[test]
fn what_is_missing_is_asked_first() {
    let missing = |said: &[Said]| match judged(WIDE, said) {
        Judgement::Incomplete(missing) => missing,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(&[]), Missing::Date);
    assert_eq!(missing(&[sum("2000")]), Missing::Date);
    assert_eq!(missing(&[asks(Asks::Part)]), Missing::Sum);
    assert_eq!(missing(&[asks(Asks::Parts)]), Missing::Count);
    assert_eq!(missing(&[on(FRIDAY), asks(Asks::Later)]), Missing::Date);
    assert_eq!(missing(&[Said { count: Some(2), rest: true, ..Said::default() }]), Missing::Sum);
}

#[test]
fn all_of_it_by_a_day_is_one_payment() {
    assert_eq!(within(WIDE, &[on(FRIDAY)]), "3250.00@11-27");
    assert_eq!(within(WIDE, &[sum("5000"), on(FRIDAY)]), "3250.00@11-27");
    // Payday, the 15th: a Tuesday.
    assert_eq!(within(WIDE, &[on(date(2026, 12, 15))]), "3250.00@12-15");
    // A Saturday becomes the Monday after it.
    assert_eq!(within(WIDE, &[on(date(2026, 11, 28))]), "3250.00@11-30");
}

#[test]
fn two_thousand_at_most_leaves_the_rest_for_a_month_later() {
    assert_eq!(within(WIDE, &[sum("2000"), on(FRIDAY)]), "2000.00@11-27 1250.00@12-28");
}

#[test]
fn three_parts_are_equal_monthly_and_exact() {
    assert_eq!(within(WIDE, &[count(3), on(date(2026, 12, 1))]), "1083.34@12-01 1083.33@01-04 1083.33@02-01");
}

#[test]
fn five_hundred_first_and_the_rest_in_two_are_three_payments() {
    let said =
        Said { sum: Some(cny("500")), count: Some(2), rest: true, date: Some(FRIDAY), ..Said::default() };
    assert_eq!(within(WIDE, &[said]), "500.00@11-27 1375.00@12-28 1375.00@01-27");
    // Without the rest being named, it is parts in all.
    assert_eq!(within(WIDE, &[Said { rest: false, ..said }]), "500.00@11-27 2750.00@12-28");
}

#[test]
fn so_much_a_month_is_as_many_months_as_it_takes() {
    let monthly = Said { sum: Some(cny("800")), each: true, ..on(FRIDAY) };
    assert_eq!(within(WIDE, &[monthly]), "800.00@11-27 800.00@12-28 800.00@01-27 800.00@03-01 50.00@03-29");
    // Three times eight hundred is not enough, and five times is.
    assert_eq!(within(WIDE, &[Said { count: Some(3), ..monthly }]), within(WIDE, &[monthly]));
}

#[test]
fn a_day_too_late_is_answered_with_the_latest_one() {
    assert_eq!(counter(WIDE, &[on(date(2027, 2, 1))]), "3250.00@12-16");
    assert_eq!(counter(WIDE, &[count(3), on(date(2027, 2, 1))]), "1083.34@12-16 1083.33@01-18 1083.33@02-16");
}

#[test]
fn too_little_is_answered_with_the_least_and_too_many_parts_with_the_most() {
    assert_eq!(counter(WIDE, &[sum("300"), on(FRIDAY)]), "500.00@11-27 2750.00@12-28");
    // Twelve parts would be below the least; no day need be asked for what cannot be.
    let six = counter(WIDE, &[count(12)]);
    assert!(six.starts_with("541.70@11-30 541.66@12-30") && six.split(' ').count() == 6, "{six}");
    assert_eq!(counter(r#"{"max_parts":2}"#, &[count(3), on(FRIDAY)]), "1625.00@11-27 1625.00@12-28");
}

#[test]
fn where_no_parts_are_allowed_the_answer_is_all_of_it_at_the_latest_day() {
    assert_eq!(counter("{}", &[sum("2000"), on(FRIDAY)]), "3250.00@12-25");
    assert_eq!(counter("{}", &[count(3)]), "3250.00@12-25");
}

#[test]
fn parts_that_do_not_fit_the_time_by_the_month_come_by_the_week() {
    let short = r#"{"max_parts":3,"max_delay_days":7,"max_span_days":30}"#;
    assert_eq!(counter(short, &[count(3), on(FRIDAY)]), "1083.34@11-27 1083.33@12-11 1083.33@12-25");
}

#[test]
fn whoever_broke_a_promise_has_less_time_where_the_lender_says_so() {
    let strict = r#"{"max_delay_days":30,"max_delay_broken_days":7}"#;
    let mut n = negotiation(strict, 1);
    n.hear(&on(date(2026, 12, 15)));
    match n.judge(&n.wish()) {
        Judgement::Counter(plan) => assert_eq!(shown(&plan), "3250.00@12-03"),
        other => panic!("{other:?}"),
    }
    assert_eq!(within(strict, &[on(date(2026, 12, 15))]), "3250.00@12-15");
}

#[test]
fn a_discount_is_offered_one_step_at_a_time_and_then_there_is_none() {
    let mut n = heard(WIDE, &[on(FRIDAY), asks(Asks::Less)]);
    assert_eq!(shown(n.take_counter().unwrap()), "3087.50@11-27");
    n.hear(&asks(Asks::Less));
    assert_eq!(shown(n.take_counter().unwrap()), "2925.00@11-27");
    assert_eq!(n.table().unwrap().discount(), cny("325"));
    n.hear(&asks(Asks::Less));
    assert_eq!(n.judge(&n.wish()), Judgement::Beyond);
    assert!(!n.has_more_to_offer());
}

#[test]
fn a_settlement_on_the_table_may_get_another_day_and_keeps_its_sum() {
    let mut n = heard(WIDE, &[asks(Asks::Less)]);
    n.take_counter().unwrap();
    n.hear(&on(date(2026, 12, 4)));
    assert_eq!(shown(n.take_plan().unwrap()), "3087.50@12-04");
}

#[test]
fn a_sum_to_settle_for_may_be_agreed_within_the_largest_step_only() {
    let settle = |text| Said { asks: Some(Asks::Less), ..sum(text) };
    assert_eq!(within(WIDE, &[settle("3000"), on(FRIDAY)]), "3000.00@11-27");
    assert_eq!(counter(WIDE, &[settle("2000"), on(FRIDAY)]), "3087.50@11-27");
    assert_eq!(judged("{}", &[settle("3000"), on(FRIDAY)]), Judgement::Beyond);
}

#[test]
fn offers_begin_with_all_of_it_soon_and_end_with_the_discounts() {
    let mut n = negotiation(WIDE, 0);
    let mut offers = Vec::new();
    while let Some(plan) = n.take_offer() {
        offers.push((shown(plan), plan.parts().len()));
    }
    assert_eq!(offers.iter().map(|o| o.1).collect::<Vec<_>>(), [1, 1, 2, 3, 6, 1, 1]);
    assert_eq!(offers[0].0, "3250.00@11-30");
    assert_eq!(offers[1].0, "3250.00@12-16");
    assert_eq!(offers[2].0, "1625.00@11-30 1625.00@12-30");
    assert_eq!(offers[6].0, "2925.00@12-16");
    assert!(!n.has_more_to_offer() && n.take_offer().is_none());
}

#[test]
fn what_is_on_the_table_is_what_the_next_words_are_about() {
    let mut n = negotiation(WIDE, 0);
    n.hear(&count(12));
    n.take_counter().unwrap();
    n.hear(&on(date(2026, 12, 10)));
    let plan = n.take_plan().unwrap();
    assert_eq!((plan.parts().len(), plan.first().date), (6, date(2026, 12, 10)));
    // Another number of parts drops what was ours, and a first sum of their own stays with it.
    n.hear(&count(2));
    assert_eq!(shown(n.take_plan().unwrap()), "1625.00@12-10 1625.00@01-11");
    n.hear(&sum("2000"));
    assert_eq!(shown(n.take_plan().unwrap()), "2000.00@12-10 1250.00@01-11");
}

#[test]
fn the_payday_that_was_named_is_the_day_of_our_parts() {
    let mut n = heard(WIDE, &[on(date(2026, 12, 15))]);
    for _ in 0..3 {
        n.take_offer().unwrap();
    }
    assert_eq!(shown(n.take_offer().unwrap()), "1083.34@12-15 1083.33@01-15 1083.33@02-15");
}

#[test]
fn whoever_asks_for_parts_is_offered_parts() {
    let mut n = heard(WIDE, &[asks(Asks::Parts)]);
    assert_eq!(n.take_offer().unwrap().parts().len(), 2);
    // Where there are none, all of it is what there is.
    let mut n = heard("{}", &[asks(Asks::Parts)]);
    assert_eq!(n.take_offer().unwrap().parts().len(), 1);
}

#[test]
fn no_word_of_the_debt_is_shown_to_a_log() {
    let n = heard(WIDE, &[sum("2000"), on(FRIDAY)]);
    let shown = format!("{n:?} {:?}", n.judge(&n.wish()));
    assert!(!shown.contains("2000") && !shown.contains("3250"), "{shown}");
}
