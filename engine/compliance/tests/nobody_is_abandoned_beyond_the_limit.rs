//! `[abandonment]`: the share of a campaign's answered calls that found no agent, where one is placed ahead of free ones.
#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use serde_json::json;
use waihu_compliance::{Answers, AnswersByDay, Decision, Evidence, Profile, Subject};
use waihu_types::Lang;

const US: &str = include_str!("../../../compliance/us.toml");

fn profile(text: &str) -> Profile {
    Profile::parse("us.toml", text, |_| None).unwrap()
}

/// Noon in New York, on a day that is the same in UTC.
fn noon() -> Timestamp {
    "2026-11-26T17:00:00Z".parse().unwrap()
}

/// Somebody there who agreed to be called by a machine.
fn subject() -> Subject {
    let case = json!({
        "id": "C1", "phone": "1001", "name": "Dana", "lang": "en", "creditor": "Bank", "product": "loan",
        "amount": "10.00", "currency": "USD", "due_date": "2026-11-15", "time_zone": "America/New_York",
        "consent": "given",
    });
    let case: waihu_types::Case = serde_json::from_value(case).unwrap();
    Subject::of(&case, &case.phone)
}

/// Days with how many people answered, and how many of them found no agent.
fn by_day(days: &[(&str, u32, u32)]) -> AnswersByDay {
    let day = |&(day, answered, abandoned): &(&str, u32, u32)| {
        (day.parse().unwrap(), Answers { answered, abandoned })
    };
    days.iter().map(day).collect()
}

/// The rule that denies it; none where it is allowed.
fn denied(profile: &Profile, subject: &Subject) -> Option<String> {
    match profile.decide(subject, &[], noon()) {
        Decision::Allowed { .. } => None,
        Decision::Denied { rule, .. } => Some(rule.id.clone()),
    }
}

/// Days, each with how many people answered and how many of them were abandoned.
type Days = [(&'static str, u32, u32)];

#[test]
fn ahead_of_agents_nobody_is_called_for_a_campaign_that_is_over_its_limit() {
    let us = profile(US);
    assert_eq!(us.most_abandoned(), Some(("3%".parse().unwrap(), 30)));
    let table: [(&Days, Option<&str>); 8] = [
        (&[], None),
        (&[("2026-11-26", 100, 3)], None),
        (&[("2026-11-26", 100, 4)], Some("us-abandoned")),
        // Of fewer nothing is said.
        (&[("2026-11-26", 33, 33)], None),
        (&[("2026-11-26", 34, 2)], Some("us-abandoned")),
        // Good days and bad ones make one share, and the thirtieth day counts as the thirty-first does not.
        (&[("2026-11-02", 200, 0), ("2026-11-26", 40, 5)], None),
        (&[("2026-10-28", 50, 10), ("2026-11-26", 50, 0)], Some("us-abandoned")),
        (&[("2026-10-27", 50, 10), ("2026-11-26", 50, 0)], None),
    ];
    for (days, rule) in table {
        let ahead = subject().ahead_of_agents(by_day(days));
        assert_eq!(denied(&us, &ahead).as_deref(), rule, "{days:?}");
        // Where an agent is free for it, or none is wanted, whatever was before.
        assert_eq!(denied(&us, &subject()), None);
    }
}

#[test]
fn the_window_is_the_profiles() {
    let week = profile(&US.replace("days = 30\nleast", "days = 7\nleast"));
    let bad = |day| subject().ahead_of_agents(by_day(&[(day, 50, 10), ("2026-11-26", 50, 0)]));
    assert_eq!(denied(&week, &bad("2026-11-20")).as_deref(), Some("us-abandoned"));
    assert_eq!(denied(&week, &bad("2026-11-19")), None);
    assert_eq!(week.most_abandoned().unwrap().1, 7);
}

#[test]
fn it_may_be_asked_again_when_the_worst_days_have_left_the_window() {
    let us = profile(US);
    let days = by_day(&[("2026-11-01", 100, 10), ("2026-11-10", 100, 4), ("2026-11-26", 100, 0)]);
    let ahead = subject().ahead_of_agents(days);
    let first: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    match us.decide(&ahead, &[], noon()) {
        Decision::Denied { rule, until, evidence } => {
            assert_eq!((until, rule.wants_an_agent()), (Some(first), true));
            let most = "3%".parse().unwrap();
            assert_eq!(evidence, Evidence::Abandoned { answered: 300, abandoned: 14, most, days: 30 });
        }
        other => panic!("{other:?}"),
    }
    // 19:00 on the day before in New York: an hour of calls.
    assert_eq!(us.next_allowed(&ahead, &[], noon()), Some(first));
    assert_eq!(us.next_allowed(&subject(), &[], noon()), Some(noon()));
    // What else forbids a call is told first: an agent would not help.
    let night = "2026-11-26T03:00:00Z".parse().unwrap();
    assert!(matches!(us.decide(&ahead, &[], night), Decision::Denied { rule, .. } if rule.id == "us-hours"));
}

#[test]
fn what_it_was_decided_from_is_kept_and_told_in_both_languages() {
    let us = profile(US);
    let ahead = subject().ahead_of_agents(by_day(&[("2026-11-26", 100, 4)]));
    let facts = serde_json::to_value(us.facts(&ahead, &[], noon())).unwrap();
    assert_eq!(facts["answers"], json!({ "answered": 100, "abandoned": 4 }));
    let evidence = json!({ "kind": "abandoned", "answered": 100, "abandoned": 4, "most": "3%", "days": 30 });
    assert_eq!(facts["denied"], json!([["us-abandoned", evidence]]));
    assert_eq!(facts["now"], json!(noon()));
    let decision = us.decide(&ahead, &[], noon());
    let (zh, en) = (decision.explain(&ahead, Lang::Zh), decision.explain(&ahead, Lang::En));
    for words in ["30 天", "100 通", "4 通", "上限 3%", "规则 us-abandoned", "16 CFR 310.4(b)(4)"] {
        assert!(zh.contains(words), "{words}: {zh}");
    }
    assert!(en.contains("4 of the campaign's 100 calls") && en.contains("3% at most"), "{en}");
    // What was allowed tells its share too, and a call that is not asked for it none.
    let well = subject().ahead_of_agents(by_day(&[("2026-11-26", 100, 3)]));
    let facts = |subject: &Subject| serde_json::to_value(us.facts(subject, &[], noon())).unwrap();
    assert_eq!(facts(&well)["answers"], json!({ "answered": 100, "abandoned": 3 }));
    assert_eq!(facts(&subject()).get("answers"), None);
}

#[test]
fn whoever_is_called_into_a_talk_is_not_asked_for_it() {
    let ahead = subject().ahead_of_agents(by_day(&[("2026-11-26", 100, 50)]));
    assert_eq!(denied(&profile(US).called_in(), &ahead), None);
    assert_eq!(profile(US).called_in().most_abandoned(), None);
}

#[test]
fn what_is_wrong_with_the_table_is_told_by_its_line() {
    let text = US.replace(
        "most = \"3%\"\ndays = 30\nleast = 34",
        "most = \"0%\"\ndays = 31\nleast = 0\nmode = \"all\"",
    );
    let line = |key: &str| 1 + text.lines().position(|line| line.starts_with(key)).unwrap();
    let faults = Profile::parse("us.toml", &text, |_| None).unwrap_err().0;
    for (line, words) in [
        (line("most = \"0%\""), "百分比有误"),
        (line("days = 31"), "1 to 30"),
        (line("least = 0"), "1 to 1000"),
        (line("mode = "), "unknown key \"mode\""),
    ] {
        assert!(faults.iter().any(|f| f.line == line && f.message.contains(words)), "{words}: {faults:?}");
    }
}
