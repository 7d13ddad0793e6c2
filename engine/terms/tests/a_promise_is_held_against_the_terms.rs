//! What an agent takes down is held against what the lender allows, and refused with what is allowed.
#![allow(clippy::unwrap_used)]

use jiff::civil::{Date, date};
use waihu_terms::{Beyond, Terms};
use waihu_types::{Case, Currency, Money, Promise, PromisedPart};

/// A Thursday.
const TODAY: Date = date(2026, 11, 26);
const SOON: Date = date(2026, 12, 1);

const WIDE: &str = r#"{"max_parts":6,"least_part":"500","max_delay_days":20,"max_delay_broken_days":4,
    "discounts":["5%","10%"]}"#;

fn terms(authority: &str, broken: u16) -> Terms {
    let json = r#"{"id":"C1","phone":"1001","name":"张伟","lang":"zh","creditor":"安信银行","product":"信用卡",
        "amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#;
    let mut case: Case = serde_json::from_str(json).unwrap();
    case.particulars.authority = serde_json::from_str(authority).unwrap();
    case.particulars.broken_promises = broken;
    Terms::of(&case)
}

fn cny(text: &str) -> Money {
    Money::parse(text, Currency::CNY).unwrap()
}

fn once(day: Date, sum: &str) -> Promise {
    Promise::of(day, cny(sum))
}

/// The first of these parts is the promise's day.
fn parts(sum: &str, parts: &[(Date, &str)]) -> Promise {
    let parts: Vec<PromisedPart> =
        parts.iter().map(|(date, sum)| PromisedPart { date: *date, sum: cny(sum) }).collect();
    Promise { parts: parts.clone(), ..once(parts[0].date, sum) }
}

fn less(promise: Promise, waived: &str) -> Promise {
    Promise { discount: Some(cny(waived)), ..promise }
}

#[test]
fn what_is_within_the_terms_is_kept() {
    let terms = terms(WIDE, 0);
    for promise in [
        once(TODAY, "3250"),
        once(date(2026, 12, 16), "3250"),
        // The rest is a further part.
        once(SOON, "2900"),
        parts("3250", &[(SOON, "2000"), (date(2027, 1, 4), "1250")]),
        parts("3250", &[(SOON, "3000"), (date(2027, 1, 4), "250")]),
        less(once(SOON, "2925"), "325"),
        less(once(SOON, "3100"), "150"),
    ] {
        assert_eq!(terms.check(&promise, TODAY), Ok(()), "{} {}", promise.date, promise.sum.amount());
    }
}

#[test]
fn what_is_beyond_them_is_refused_with_what_is_allowed() {
    let months =
        |n: i8| -> Vec<(Date, &'static str)> { (1..=n).map(|m| (date(2026, 12, m), "500")).collect() };
    let day = Beyond::Day { first: TODAY, last: date(2026, 12, 16) };
    let dollars = Promise::of(SOON, Money::parse("3250", Currency::USD).unwrap());
    for (promise, beyond) in [
        (once(date(2026, 11, 25), "3250"), day.clone()),
        (once(date(2026, 12, 17), "3250"), day),
        (dollars, Beyond::Currency(Currency::CNY)),
        (once(SOON, "3250.01"), Beyond::Above(cny("3250"))),
        (once(SOON, "499.99"), Beyond::Least(cny("500"))),
        (once(SOON, "0"), Beyond::Parts),
        (parts("3250", &[(SOON, "200"), (date(2027, 1, 4), "3050")]), Beyond::Least(cny("500"))),
        (parts("3250", &[(SOON, "2000"), (date(2027, 1, 4), "1200")]), Beyond::Parts),
        (parts("3250", &[(SOON, "2000"), (SOON, "1250")]), Beyond::Parts),
        (Promise { date: TODAY, ..parts("3250", &[(SOON, "3250")]) }, Beyond::Parts),
        (parts("3250", &[(SOON, "2000"), (date(2027, 9, 1), "1250")]), Beyond::LastDay(date(2027, 5, 20))),
        (parts("3000", &months(6)), Beyond::Count { due: cny("3250"), most: 6 }),
        (less(once(SOON, "2900"), "350"), Beyond::Discount(cny("325"))),
        (less(once(SOON, "2000"), "325"), Beyond::Discount(cny("325"))),
        (
            less(parts("2925", &[(SOON, "2000"), (date(2027, 1, 4), "925")]), "325"),
            Beyond::Discount(cny("325")),
        ),
    ] {
        assert_eq!(terms(WIDE, 0).check(&promise, TODAY), Err(beyond));
    }
}

#[test]
fn who_broke_a_promise_has_less_time_and_who_was_told_nothing_takes_all_of_it() {
    let broken = terms(WIDE, 1).check(&once(SOON, "3250"), TODAY);
    assert_eq!(broken, Err(Beyond::Day { first: TODAY, last: date(2026, 11, 30) }));
    let told = terms("{}", 0).check(&once(SOON, "1000"), TODAY).unwrap_err().to_string();
    assert!(told.starts_with("all of 3250.00 CNY") && told.contains("应还清 3250.00 CNY"), "{told}");
    assert_eq!(terms("{}", 0).check(&once(SOON, "3250"), TODAY), Ok(()));
}
