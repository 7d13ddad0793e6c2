//! The gate: shipped profiles, counting, clocks that are put forward and back, and what files may say.
#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use waihu_compliance::{Contact, Decision, Evidence, Holidays, Profile, Reached, Subject};

const CN: &str = include_str!("../../../compliance/cn.toml");
const US: &str = include_str!("../../../compliance/us.toml");
const US_MA: &str = include_str!("../../../compliance/us-ma.toml");
const US_NY: &str = include_str!("../../../compliance/us-ny.toml");
const EXAMPLE: &str = include_str!("../../../compliance/example.toml");
const HOLIDAYS_CN: &str = include_str!("../../../compliance/holidays/cn.toml");
const HOLIDAYS_US: &str = include_str!("../../../compliance/holidays/us.toml");

fn profile(text: &str) -> Profile {
    let holidays = |name: &str| {
        let text = if name == "cn" { HOLIDAYS_CN } else { HOLIDAYS_US };
        Some((format!("holidays/{name}.toml"), text.to_owned()))
    };
    Profile::parse("p.toml", text, holidays).unwrap()
}

/// A profile of calling hours alone.
fn hours(windows: &str) -> Profile {
    let rest = "id = \"h\"\nzh = \"时段\"\nen = \"hours\"\nsource = \"test\"\n";
    profile(&format!("id = \"t\"\nzh = \"测\"\nen = \"test\"\n[hours]\n{rest}{windows}\n"))
}

/// Somebody at a place who agreed to be called by a machine.
fn subject(zone: &str) -> Subject {
    let case = serde_json::json!({
        "id": "C1", "phone": "1001", "name": "Dana", "lang": "en", "creditor": "Bank", "product": "loan",
        "amount": "10.00", "currency": "USD", "due_date": "2026-11-15", "time_zone": zone, "consent": "given", "debtor": "D1",
    });
    let case: waihu_types::Case = serde_json::from_value(case).unwrap();
    Subject::of(&case, &case.phone)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A moment by the clock of a place.
fn there(zone: &str, text: &str) -> Timestamp {
    subject(zone).moment(text.parse().unwrap()).unwrap()
}

fn call(at: Timestamp, reached: Reached) -> Contact {
    Contact::new(at, reached)
}

/// The rule that denies it; none where it is allowed.
fn denied(profile: &Profile, zone: &str, history: &[Contact], now: Timestamp) -> Option<String> {
    match profile.decide(&subject(zone), history, now) {
        Decision::Allowed { .. } => None,
        Decision::Denied { rule, .. } => Some(rule.id.clone()),
    }
}

fn next(profile: &Profile, zone: &str, history: &[Contact], now: Timestamp) -> Option<Timestamp> {
    profile.next_allowed(&subject(zone), history, now)
}

#[test]
fn the_shipped_profiles_are_read_and_name_their_sources() {
    for (text, id, rules) in
        [(CN, "cn", 15), (US, "us", 15), (US_MA, "us-ma", 16), (US_NY, "us-ny", 16), (EXAMPLE, "example", 16)]
    {
        let profile = profile(text);
        assert_eq!((profile.id(), profile.rules().len()), (id, rules));
        assert!(profile.rules().iter().all(|rule| !rule.source.is_empty() && !rule.words.zh.is_empty()));
        assert_eq!(profile.sha256().len(), 64);
    }
    assert_eq!(Profile::laboratory().id(), "laboratory");
    Holidays::parse("us.toml", HOLIDAYS_US).unwrap();
}

#[test]
fn the_laboratory_asks_nothing_and_says_so() {
    let file = include_str!("../../../compliance/laboratory.toml");
    let read = Profile::parse("laboratory.toml", file, |_| None).unwrap();
    let built_in = Profile::laboratory();
    assert_eq!((read.id(), read.sha256()), (built_in.id(), built_in.sha256()));
    let decision = built_in.decide(&subject("Nowhere/AtAll"), &[], at("2026-11-26T20:00:00Z"));
    assert!(decision.is_allowed());
    let words = decision.explain(&subject("Asia/Shanghai"), waihu_types::Lang::En);
    assert!(words.contains("laboratory"), "{words}");
}

#[test]
fn hours_are_those_of_the_callees_place_whatever_the_machines_are() {
    let (cn, us) = (profile(CN), profile(US));
    // One moment: 21:30 in Shanghai, 08:30 in New York, 05:30 in Los Angeles, 03:30 in Honolulu.
    let now = at("2026-11-26T13:30:00Z");
    assert_eq!(denied(&cn, "Asia/Shanghai", &[], now), None);
    assert_eq!(denied(&us, "America/New_York", &[], now), None);
    assert_eq!(denied(&us, "America/Los_Angeles", &[], now).as_deref(), Some("us-hours"));
    assert_eq!(next(&us, "Pacific/Honolulu", &[], now), Some(at("2026-11-26T18:00:00Z")));
    // The last minute counts as the first one does not.
    for (text, rule) in [
        ("21:59:59", None),
        ("22:00:00", Some("cn-hours")),
        ("07:59:59", Some("cn-hours")),
        ("08:00:00", None),
    ] {
        let now = there("Asia/Shanghai", &format!("2026-11-26T{text}"));
        assert_eq!(denied(&cn, "Asia/Shanghai", &[], now).as_deref(), rule, "{text}");
    }
}

#[test]
fn who_is_elsewhere_or_nobody_knows_where_is_not_called() {
    let now = at("2026-11-26T14:00:00Z");
    for (text, zone) in [(CN, "America/New_York"), (US, "Asia/Shanghai"), (CN, "Mars/Olympus"), (US, "")] {
        let profile = profile(text);
        assert_eq!(denied(&profile, zone, &[], now).as_deref(), Some("zone"), "{zone}");
        assert_eq!(next(&profile, zone, &[], now), None);
    }
}

#[test]
fn a_clock_before_the_newest_call_is_not_believed() {
    let cn = profile(CN);
    let newest = there("Asia/Shanghai", "2026-11-26T12:00:00");
    let history = [call(newest, Reached::Attempted)];
    let now = there("Asia/Shanghai", "2026-11-26T11:00:00");
    assert_eq!(denied(&cn, "Asia/Shanghai", &history, now).as_deref(), Some("clock"));
    assert_eq!(next(&cn, "Asia/Shanghai", &history, now), Some(newest + SignedDuration::from_mins(1)));
}

#[test]
fn clocks_put_forward_open_a_window_at_the_leap_and_clocks_put_back_open_it_twice() {
    // New York, 2026-03-08: 02:00 becomes 03:00.
    let spring = hours("every_day = [\"02:30-04:00\"]");
    let night = there("America/New_York", "2026-03-08T01:59:00");
    let leap = night + SignedDuration::from_mins(1);
    assert_eq!(next(&spring, "America/New_York", &[], night), Some(leap));
    assert_eq!(denied(&spring, "America/New_York", &[], leap), None);
    // 2026-11-01: 02:00 becomes 01:00.
    let autumn = hours("every_day = [\"01:30-01:45\"]");
    let first = there("America/New_York", "2026-11-01T01:30:00");
    let between = first + SignedDuration::from_mins(20);
    let second = first + SignedDuration::from_mins(60);
    assert_eq!(denied(&autumn, "America/New_York", &[], first), None);
    assert_eq!(next(&autumn, "America/New_York", &[], between), Some(second));
    // A day of 25 hours is one day: its first call counts at its end.
    let us = profile(US);
    let calls = [there("America/New_York", "2026-11-01T08:00:00"); 7].map(|t| call(t, Reached::Attempted));
    let evening = there("America/New_York", "2026-11-07T20:59:00");
    assert_eq!(denied(&us, "America/New_York", &calls, evening).as_deref(), Some("us-seven-in-seven"));
    let free = there("America/New_York", "2026-11-08T08:00:00");
    assert_eq!(next(&us, "America/New_York", &calls, evening), Some(free));
}

#[test]
fn a_window_may_pass_midnight_and_belongs_to_the_day_on_which_it_begins() {
    let night = hours("fri = [\"22:00-02:00\"]");
    for (text, open) in [
        ("2026-11-27T21:59:59", false),
        ("2026-11-27T22:00:00", true),
        ("2026-11-28T00:00:00", true),
        ("2026-11-28T01:59:59", true),
        ("2026-11-28T02:00:00", false),
        ("2026-11-28T22:30:00", false),
        ("2026-11-27T01:00:00", false),
    ] {
        let now = there("Asia/Shanghai", text);
        assert_eq!(denied(&night, "Asia/Shanghai", &[], now).is_none(), open, "{text}");
    }
    let whole = hours("every_day = [\"00:00-24:00\"]");
    assert_eq!(denied(&whole, "Asia/Shanghai", &[], there("Asia/Shanghai", "2026-11-28T23:59:59")), None);
    let saturday = there("Asia/Shanghai", "2026-11-28T02:00:00");
    assert_eq!(
        next(&night, "Asia/Shanghai", &[], saturday),
        Some(there("Asia/Shanghai", "2026-12-04T22:00:00"))
    );
}

#[test]
fn seven_calls_in_seven_days_are_allowed_and_the_eighth_waits_for_the_first_to_leave() {
    let us = profile(US);
    let zone = "America/Chicago";
    let day = |d: u8, hour: u8| there(zone, &format!("2026-11-{d:02}T{hour:02}:00:00"));
    let mut calls: Vec<Contact> = (10..=15).map(|d| call(day(d, 20), Reached::Attempted)).collect();
    assert_eq!(denied(&us, zone, &calls, day(16, 9)), None, "six before: the seventh is allowed");
    calls.push(call(day(16, 9), Reached::Attempted));
    assert_eq!(denied(&us, zone, &calls, day(16, 10)).as_deref(), Some("us-seven-in-seven"));
    // On the 17th, the 11th to the 17th count: six calls.
    assert_eq!(next(&us, zone, &calls, day(16, 10)), Some(day(17, 8)));
    // Another debt of the same person has its own seven.
    for contact in &mut calls {
        contact.same_debt = false;
    }
    assert_eq!(denied(&us, zone, &calls, day(16, 10)), None);
}

#[test]
fn the_day_of_a_conversation_is_the_first_of_seven_without_a_call() {
    let us = profile(US);
    let zone = "America/New_York";
    let talk = there(zone, "2026-11-10T20:59:00");
    let history = [call(talk, Reached::Conversation)];
    for (text, rule) in [
        ("2026-11-10T20:59:30", Some("us-after-conversation")),
        ("2026-11-16T20:59:59", Some("us-after-conversation")),
        ("2026-11-17T08:00:00", None),
    ] {
        assert_eq!(denied(&us, zone, &history, there(zone, text)).as_deref(), rule, "{text}");
    }
    assert_eq!(next(&us, zone, &history, talk), Some(there(zone, "2026-11-17T08:00:00")));
    // Whoever only heard it ring has not talked.
    let rang = [call(talk, Reached::Attempted)];
    assert_eq!(denied(&us, zone, &rang, there(zone, "2026-11-11T12:00:00")), None);
}

#[test]
fn three_effective_calls_a_day_are_the_most_in_china_by_number_and_by_debt() {
    let cn = profile(CN);
    let zone = "Asia/Shanghai";
    let hour = |h: u8| there(zone, &format!("2026-11-26T{h:02}:00:00"));
    let calls = [9, 11, 13].map(|h| call(hour(h), Reached::Person));
    assert_eq!(denied(&cn, zone, &calls[..2], hour(15)), None);
    assert_eq!(denied(&cn, zone, &calls, hour(15)).as_deref(), Some("cn-effective-number"));
    assert_eq!(next(&cn, zone, &calls, hour(15)), Some(there(zone, "2026-11-27T08:00:00")));
    let other_number = calls.map(|c| Contact { same_number: false, ..c });
    assert_eq!(denied(&cn, zone, &other_number, hour(15)).as_deref(), Some("cn-effective-debtor"));
    let nobody = calls.map(|c| Contact { reached: Reached::Attempted, ..c });
    assert_eq!(denied(&cn, zone, &nobody, hour(15)), None);
    // A minute is 60 s: just as long ago is over.
    let one = [call(hour(9), Reached::Attempted)];
    let after = |s: i64| denied(&cn, zone, &one, hour(9) + SignedDuration::from_secs(s));
    assert_eq!((after(59).as_deref(), after(60)), (Some("cn-minute"), None));
}

#[test]
fn without_its_days_off_a_year_is_denied() {
    let example = profile(EXAMPLE);
    let zone = "Asia/Shanghai";
    let rule = |text: &str| denied(&example, zone, &[], there(zone, text));
    assert_eq!(rule("2026-11-26T10:00:00"), None);
    assert_eq!(rule("2026-10-01T10:00:00").as_deref(), Some("example-hours"), "a day off");
    assert_eq!(rule("2026-10-01T15:00:00"), None);
    // A Saturday like any, one that is worked for a day off, and the same where nothing is said of those.
    assert_eq!(rule("2026-10-17T10:00:00").as_deref(), Some("example-hours"));
    assert_eq!(rule("2026-10-10T10:00:00"), None);
    let silent = profile(&EXAMPLE.replace("\nworked = ", "\n# "));
    let saturday = denied(&silent, zone, &[], there(zone, "2026-10-10T10:00:00"));
    assert_eq!(saturday.as_deref(), Some("example-hours"));
    assert_eq!(rule("2028-03-01T10:00:00").as_deref(), Some("holidays"));
    match example.decide(&subject(zone), &[], there(zone, "2028-03-01T10:00:00")) {
        Decision::Denied { evidence, until: None, .. } => {
            assert_eq!(evidence, Evidence::HolidaysUnknown { year: 2028 });
        }
        other => panic!("{other:?}"),
    }
    let missing = Profile::parse("p.toml", EXAMPLE, |_| None).unwrap_err();
    assert!(missing.to_string().contains("holidays/cn.toml"), "{missing}");
}

#[test]
fn every_fault_of_a_profile_is_told_by_its_line() {
    let text = "id = \"t\"\nzh = \"\"\nen = \"test\"\ncolour = 1\n[hours]\nid = \"h\"\nsource = \"s\"\nzh = \"时\"\nen = \"h\"\n\
                every_day = [\"8-22\"]\nholiday = []\nworked = []\n[[cap]]\nid = \"clock\"\nsource = \"s\"\nzh = \"次\"\nen = \"c\"\n\
                counts = \"rings\"\nmost = -1\nwithin = \"1 week\"\nper = \"person\"\n[[rest]]\ndays = 0\n";
    let faults = Profile::parse("p.toml", text, |_| None).unwrap_err();
    let told: Vec<(usize, String)> = faults.0.iter().map(|f| (f.line, f.message.clone())).collect();
    for (line, words) in [
        (2, "zh is empty"),
        (4, "colour"),
        (10, "8-22"),
        (5, "holiday: the profile does not say"),
        (5, "worked: the profile does not say"),
        (18, "attempts, effective, conversations"),
        (19, "0 to 1000"),
        (20, "7 days"),
        (21, "number, debt"),
        (23, "1 to 92"),
        (22, "id is missing"),
    ] {
        assert!(told.iter().any(|(l, m)| *l == line && m.contains(words)), "{line} {words}: {told:#?}");
    }
    assert!(
        Profile::parse("p.toml", "id = \"t\"\nzh = \"测\"\nen = \"t\"\n", |_| None).is_err(),
        "no hours, no call"
    );
    assert!(Profile::parse("p.toml", "= nothing", |_| None).is_err());
    let day = "[[year]]\nyear = 2026\nsource = \"s\"\noff = [\"2027-01-01\", \"soon\"]\n";
    assert_eq!(Holidays::parse("h.toml", day).unwrap_err().0.len(), 2);
}

#[test]
fn what_is_denied_is_explained_in_both_languages() {
    let (cn, zone) = (profile(CN), subject("Asia/Shanghai"));
    let now = there("Asia/Shanghai", "2026-11-26T22:30:00");
    let decision = cn.decide(&zone, &[], now);
    let (zh, en) =
        (decision.explain(&zone, waihu_types::Lang::Zh), decision.explain(&zone, waihu_types::Lang::En));
    assert!(zh.contains("22:30") && zh.contains("08:00-22:00") && zh.contains("GB/T 45251"), "{zh}");
    assert!(en.contains("22:30") && en.contains("cn-hours"), "{en}");
    let facts = serde_json::to_value(cn.facts(&zone, &[], now)).unwrap();
    assert_eq!(facts["denied"][0][0], "cn-hours");
    assert_eq!(facts["counted"].as_array().unwrap().len(), 5);
}

fn some_history() -> impl Strategy<Value = Vec<(i64, u8, bool, bool)>> {
    prop::collection::vec((0_i64..20 * 1_440, 0_u8..3, any::<bool>(), any::<bool>()), 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_allowed_is_in_no_denied_hour_and_the_next_moment_is_the_first(
        minutes in 0_i64..800 * 1_440,
        history in some_history(),
        place in 0_usize..5,
    ) {
        let (text, zone) = [
            (CN, "Asia/Shanghai"),
            (US, "America/New_York"),
            (US_MA, "America/Los_Angeles"),
            (US, "Pacific/Honolulu"),
            (EXAMPLE, "Asia/Urumqi"),
        ][place];
        let profile = profile(text);
        let subject = subject(zone);
        let now = at("2025-06-01T00:00:00Z") + SignedDuration::from_mins(minutes);
        let reached = [Reached::Attempted, Reached::Person, Reached::Conversation];
        let history: Vec<Contact> = history
            .iter()
            .map(|&(ago, far, same_number, same_debt)| Contact {
                at: now - SignedDuration::from_mins(ago),
                reached: reached[usize::from(far)],
                same_number,
                same_debt,
                ..Contact::new(now, Reached::Attempted)
            })
            .collect();
        if profile.decide(&subject, &history, now).is_allowed() {
            let local = subject.local(now).unwrap();
            let last = match place { 0 => 22, 4 => 20, _ => 21 };
            prop_assert!((8..last).contains(&local.hour()), "{local}");
            prop_assert!(profile.denials(&subject, &history, now).is_empty());
        }
        if let Some(next) = profile.next_allowed(&subject, &history, now) {
            prop_assert!(profile.decide(&subject, &history, next).is_allowed());
            // Nothing between is allowed: looked at every 17 minutes, and just before.
            let mut between = now;
            while between < next {
                prop_assert!(!profile.decide(&subject, &history, between).is_allowed(), "{between} before {next}");
                between += SignedDuration::from_mins(17);
            }
            let before = next - SignedDuration::from_mins(1);
            if before >= now {
                prop_assert!(!profile.decide(&subject, &history, before).is_allowed());
            }
        }
    }
}
