//! `[sms]`: windows and counts of text messages, beside those of calls.
#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use waihu_compliance::{Contact, Decision, Profile, Reached, Subject};

const CN: &str = include_str!("../../../compliance/cn.toml");
const LABORATORY: &str = include_str!("../../../compliance/laboratory.toml");

fn profile(text: &str) -> Profile {
    Profile::parse("p.toml", text, |_| None).unwrap()
}

fn there(text: &str) -> Timestamp {
    Subject::new("Asia/Shanghai").moment(text.parse().unwrap()).unwrap()
}

fn sent(text: &str) -> Contact {
    Contact { same_debt: false, ..Contact::new(there(text), Reached::Attempted) }
}

fn denied(profile: &Profile, history: &[Contact], now: &str) -> Option<String> {
    match profile.decide(&Subject::new("Asia/Shanghai"), history, there(now)) {
        Decision::Allowed { .. } => None,
        Decision::Denied { rule, .. } => Some(rule.id.clone()),
    }
}

#[test]
fn messages_keep_to_windows_that_calls_do_not_have() {
    let cn = profile(CN);
    let sms = cn.sms().unwrap();
    for (now, rule) in [
        ("2026-11-26T08:59:59", Some("cn-sms-hours")),
        ("2026-11-26T09:00", None),
        ("2026-11-26T11:00", Some("cn-sms-hours")),
        ("2026-11-26T15:00", None),
        ("2026-11-26T16:59:59", None),
        ("2026-11-26T17:00", Some("cn-sms-hours")),
    ] {
        assert_eq!(denied(sms, &[], now).as_deref(), rule, "{now}");
    }
    assert_eq!(denied(&cn, &[], "2026-11-26T12:00"), None, "a call is allowed at noon");
    let subject = Subject::new("Asia/Shanghai");
    let next = sms.next_allowed(&subject, &[], there("2026-11-26T17:00"));
    assert_eq!(next, Some(there("2026-11-27T09:00")));
}

#[test]
fn the_third_message_of_a_week_waits_until_the_first_is_a_week_old() {
    let cn = profile(CN);
    let sms = cn.sms().unwrap();
    let history = [sent("2026-11-23T09:30"), sent("2026-11-26T09:30")];
    assert_eq!(denied(sms, &history[..1], "2026-11-26T10:00"), None);
    assert_eq!(denied(sms, &history, "2026-11-26T10:00").as_deref(), Some("cn-sms-week"));
    let next = sms.next_allowed(&Subject::new("Asia/Shanghai"), &history, there("2026-11-26T10:00"));
    assert_eq!(next, Some(there("2026-11-30T09:00")));
}

#[test]
fn whose_zone_is_not_the_profiles_gets_no_message() {
    let cn = profile(CN);
    let decision = cn.sms().unwrap().decide(&Subject::new("Europe/Paris"), &[], there("2026-11-26T09:30"));
    assert!(matches!(decision, Decision::Denied { rule, until: None, .. } if rule.id == "zone"));
}

#[test]
fn a_profile_that_says_nothing_of_messages_allows_none() {
    let without = CN.split("[sms.hours]").next().unwrap();
    assert!(profile(without).sms().is_none());
    for laboratory in [profile(LABORATORY), Profile::laboratory()] {
        assert!(laboratory.sms().is_some(), "machines of one's own get what they are sent");
    }
}

#[test]
fn what_sms_may_not_say_is_told_by_line() {
    let (calls, sms) = CN.split_once("[sms.hours]").unwrap();
    for (sms, words) in [
        (sms.replace("per = \"number\"", "per = \"debt\""), "按号码"),
        (sms.replace("counts = \"attempts\"", "counts = \"conversations\""), "attempts"),
        (sms.replace("cn-sms-week", "cn-sms-hours"), "twice"),
        (format!("{sms}\n[sms.rest]\ndays = 2\n"), "rest"),
    ] {
        let faults = Profile::parse("p.toml", &format!("{calls}[sms.hours]{sms}"), |_| None).unwrap_err();
        assert!(faults.to_string().contains(words), "{faults}");
    }
    let faults = Profile::parse("p.toml", &format!("{calls}[sms]\n"), |_| None).unwrap_err();
    assert!(faults.to_string().contains("[sms.hours] is missing"), "{faults}");
}
