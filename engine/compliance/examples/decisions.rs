//! How many decisions a second one core makes over a case with ten contacts, for a campaign of thirty days:
//! `cargo run --release -p waihu-compliance --example decisions`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{hint::black_box, time::Instant};

use jiff::{SignedDuration, Timestamp, civil::date};
use waihu_compliance::{Answers, Contact, Profile, Reached, Subject};

/// Decisions made and thrown away, and decisions timed.
const ROUNDS: u32 = 2_000_000;

fn main() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compliance");
    // By day at either place, and by night at either.
    let moments = [("allowed", "2026-11-26T13:30:00Z"), ("denied by the hour", "2026-11-26T19:30:00Z")];
    for (name, zone, night) in [("cn", "Asia/Shanghai", 0), ("us", "America/New_York", 10)] {
        let path = format!("{root}/{name}.toml");
        let profile = Profile::parse(&path, &std::fs::read_to_string(&path).unwrap(), |_| None).unwrap();
        let case = serde_json::json!({
            "id": "C1", "phone": "1001", "name": "Dana", "lang": "en", "creditor": "Bank", "product": "loan",
            "amount": "10.00", "currency": "USD", "due_date": "2026-11-15", "time_zone": zone, "consent": "given",
            "debtor": "D1", "numbers": [{"phone": "1002", "whose": "relative"}],
            "contacts": [{"at": "2026-10-01T02:00:00Z", "reached": "attempted"}],
        });
        let case: waihu_types::Case = serde_json::from_value(case).unwrap();
        let answers = |day| (date(2026, 11, day), Answers { answered: 100, abandoned: 2 });
        let subject = Subject::of(&case, &case.phone).ahead_of_agents((1..=30).map(answers).collect());
        for (what, now) in moments {
            let mut now: Timestamp = now.parse().unwrap();
            if what != "allowed" {
                now += SignedDuration::from_hours(night);
            }
            // Ten calls that nobody answered, five of them about this debt, the newest yesterday.
            let contact = |n: i64| Contact {
                same_number: n % 2 == 0,
                same_debt: n % 2 == 1,
                ..Contact::new(now - SignedDuration::from_hours(30 * (n + 1)), Reached::Attempted)
            };
            let history: Vec<Contact> = (0..10).map(contact).collect();
            assert_eq!(profile.decide(&subject, &history, now).is_allowed(), what == "allowed");
            let begun = Instant::now();
            for _ in 0..ROUNDS {
                black_box(profile.decide(&subject, black_box(&history), black_box(now)));
            }
            let each = begun.elapsed() / ROUNDS;
            println!("{name}, {what}: {each:?} a decision, {:.0} a second", 1.0 / each.as_secs_f64());
        }
    }
}
