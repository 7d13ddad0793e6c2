//! What a case tells of the person and of its numbers: flags, consent, numbers of others, calls of before.
#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waihu_compliance::{Contact, Decision, Profile, Reached, Subject};
use waihu_types::{Case, Flag, Lang, Whose};

const CN: &str = include_str!("../../../compliance/cn.toml");
const US: &str = include_str!("../../../compliance/us.toml");
const EXAMPLE: &str = include_str!("../../../compliance/example.toml");
const HOLIDAYS_CN: &str = include_str!("../../../compliance/holidays/cn.toml");

fn profile(text: &str) -> Profile {
    Profile::parse("p.toml", text, |_| Some(("h.toml".into(), HOLIDAYS_CN.into()))).unwrap()
}

/// A case of somebody in Shanghai, or in New York, with more told of it.
fn case(zone: &str, more: Value) -> Case {
    let mut case = json!({
        "id": "C1", "phone": "1001", "name": "Dana", "lang": "en", "creditor": "Bank", "product": "loan",
        "amount": "10.00", "currency": "USD", "due_date": "2026-11-15", "time_zone": zone,
    });
    case.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(case).unwrap()
}

/// Noon in Shanghai, and in New York.
fn noon(zone: &str) -> Timestamp {
    Subject::new(zone).moment("2026-11-26T12:00:00".parse().unwrap()).unwrap()
}

/// The rules that deny a call to a number of a case at noon, and the first one's words.
fn denied(profile: &Profile, case: &Case, number: &str, history: &[Contact]) -> (Vec<String>, String) {
    let subject = Subject::of(case, &number.parse().unwrap());
    let now = noon(&case.time_zone);
    let denials = profile.denials(&subject, history, now);
    let rules = denials.iter().filter_map(|denied| match denied {
        Decision::Denied { rule, .. } => Some(rule.id.clone()),
        Decision::Allowed { .. } => None,
    });
    let words = denials.first().map(|d| d.explain(&subject, Lang::En) + &d.explain(&subject, Lang::Zh));
    (rules.collect(), words.unwrap_or_default())
}

const NY: &str = "America/New_York";
const SH: &str = "Asia/Shanghai";

#[test]
fn a_flag_denies_by_its_own_rule_and_time_does_not_help() {
    let (cn, us) = (profile(CN), profile(US));
    for flag in Flag::ALL {
        let told = json!({ flag.label(): true, "consent": "given" });
        let (rules, words) = denied(&us, &case(NY, told.clone()), "1001", &[]);
        let own = ["cease", "represented", "dispute", "bankrupt"].contains(&flag.label());
        let id = if own { format!("us-{}", flag.label()) } else { flag.label().to_owned() };
        assert_eq!(rules, [id.as_str()]);
        assert!(words.contains(flag.label()), "{words}");
        let silent = ["dispute", "bankrupt"].contains(&flag.label());
        let (rules, _) = denied(&cn, &case(SH, told.clone()), "1001", &[]);
        assert_eq!(rules.is_empty(), silent, "{}", flag.label());
        let subject = Subject::of(&case(NY, told), &"1001".parse().unwrap());
        assert_eq!(us.next_allowed(&subject, &[], noon(NY)), None);
        let forbids = |profile: &Profile| profile.forbids(&subject).map(|rule| rule.id.clone());
        assert_eq!(forbids(&us), Some(id));
        assert_eq!((forbids(&cn).is_none(), forbids(&Profile::laboratory())), (silent, None));
    }
    let named = case(NY, json!({ "represented_by": "Kim & Co", "consent": "given" }));
    assert_eq!(denied(&us, &named, "1001", &[]).0, ["us-represented"]);
    // A person is not called under any line's own flags where even the place is unknown.
    let nowhere = case("Mars/Olympus", json!({ "deceased": true }));
    assert_eq!(denied_at(&cn, &nowhere), ["deceased", "zone"]);
}

fn denied_at(profile: &Profile, case: &Case) -> Vec<String> {
    let subject = Subject::of(case, &case.phone);
    let denials = profile.denials(&subject, &[], noon(SH));
    let id = |d: &Decision<'_>| match d {
        Decision::Denied { rule, .. } => rule.id.clone(),
        Decision::Allowed { .. } => String::new(),
    };
    denials.iter().map(id).collect()
}

#[test]
fn a_voice_needs_the_consent_of_the_number_that_it_calls() {
    let us = profile(US);
    let two = |own: &str, other: &str| {
        let told = |consent: &str| if consent.is_empty() { Value::Null } else { consent.into() };
        case(NY, json!({ "consent": told(own), "numbers": [{ "phone": "1002", "consent": told(other) }] }))
    };
    let of = |case: &Case, number: &str| denied(&us, case, number, &[]);
    assert_eq!(of(&two("given", "none"), "1001").0, [""; 0]);
    assert_eq!(of(&two("given", "none"), "1002").0, ["us-voice"]);
    let forbids = |told: &str| us.forbids(&Subject::of(&two(told, ""), &"1001".parse().unwrap())).is_some();
    assert_eq!([forbids("given"), forbids("revoked"), forbids("")], [false, true, true]);
    assert_eq!(of(&two("none", "given"), "1002").0, [""; 0]);
    let (rules, words) = of(&two("", "given"), "1001");
    assert_eq!(rules, ["us-voice"]);
    assert!(words.contains("consent = given") && words.contains("请填写 consent"), "{words}");
    assert!(of(&two("revoked", ""), "1001").1.contains("took back"));
    // A number that the case does not name has agreed to nothing.
    assert_eq!(of(&two("given", "given"), "1003").0, ["us-voice"]);
    // The place is the number's own: by night there, nobody is called.
    let far = json!({ "consent": "given", "numbers": [{ "phone": "1002", "consent": "given", "time_zone": "Pacific/Honolulu" }] });
    assert_eq!(of(&case(NY, far), "1002").0, ["us-hours"]);
}

/// So many calls to the debtor's own number in the last days, none answered.
fn rings(n: i64) -> Vec<Contact> {
    let at = |n: i64| noon(SH) - SignedDuration::from_hours(24 * (n + 1));
    let ring = |n| Contact { same_number: false, ..Contact::new(at(n), Reached::Attempted) };
    (0..n).map(ring).collect()
}

#[test]
fn others_are_called_only_where_the_debtor_cannot_be_reached_and_never_after_a_refusal() {
    let cn = profile(CN);
    let told = json!({ "numbers": [{ "phone": "1002", "whose": "relative" }, { "phone": "1003" }] });
    let case = case(SH, told);
    let of = |history: &[Contact]| denied(&cn, &case, "1002", history);
    let (rules, words) = of(&rings(4));
    assert_eq!(rules, ["cn-third-party"]);
    assert!(words.contains("4 calls") && words.contains("亲属") && words.contains("5 次"), "{words}");
    assert_eq!(of(&rings(5)).0, [""; 0]);
    let mut reached = rings(6);
    reached[2].reached = Reached::Person;
    let (rules, words) = of(&reached);
    assert_eq!(rules, ["cn-third-party"]);
    assert!(words.contains("can be reached"), "{words}");
    // A call to another relative's number is no try to reach the debtor.
    let mut elsewhere = rings(5);
    elsewhere[0].whose = Whose::Relative;
    assert_eq!(of(&elsewhere).0, ["cn-third-party"]);
    let mut refused = rings(5);
    refused.push(Contact {
        whose: Whose::Relative,
        refused: true,
        ..Contact::new(noon(SH) - SignedDuration::from_hours(24 * 80), Reached::Person)
    });
    let (rules, words) = of(&refused);
    assert_eq!(rules, ["cn-third-party"]);
    assert!(words.contains("refused") && words.contains("已拒绝"), "{words}");
    assert!(cn.reach_days() > 90, "a refusal is looked for that far back");
    // The debtor's own second number needs none of that; a profile that says nothing allows none.
    assert_eq!(denied(&cn, &case, "1003", &[]).0, [""; 0]);
    let us = profile(US);
    let relative = json!({ "consent": "given", "numbers": [{ "phone": "1002", "whose": "relative", "consent": "given" }] });
    assert_eq!(denied(&us, &self::case(NY, relative), "1002", &rings(30)).0[0], "third_party");
}

#[test]
fn who_is_called_into_a_talk_is_asked_for_the_hour_and_for_whose_number_it_is() {
    let (cn, us) = (profile(CN).called_in(), profile(US).called_in());
    let told = json!({ "numbers": [{ "phone": "1002", "whose": "relative" }, { "phone": "1003" }] });
    let own = case(SH, told);
    // The debtor is on the line, and was called often enough today: that counts for the others of the case alone.
    let mut talks = rings(6);
    talks.extend(
        (1..=9).map(|m| Contact::new(noon(SH) - SignedDuration::from_mins(m), Reached::Conversation)),
    );
    for number in ["1001", "1003"] {
        assert_eq!(denied(&cn, &own, number, &talks).0, [""; 0], "{number}");
    }
    assert_eq!(denied(&cn, &own, "1002", &talks).0, ["cn-third-party"]);
    assert_eq!(denied(&cn, &own, "1002", &rings(5)).0, [""; 0]);
    // Whoever is nobody of the case is asked for by the place and the hour.
    let stranger = Subject::new(SH);
    let night = noon(SH) + SignedDuration::from_hours(11);
    assert!(cn.decide(&stranger, &talks, noon(SH)).is_allowed());
    assert!(!cn.decide(&stranger, &[], night).is_allowed());
    assert!(!us.decide(&stranger, &[], night).is_allowed());
    // An agent speaks, no automated voice; and what ends all calls ends these.
    assert_eq!(denied(&us, &case(NY, json!({})), "1001", &[]).0, [""; 0]);
    assert_eq!(denied(&us, &case(NY, json!({ "deceased": true })), "1001", &[]).0, ["deceased"]);
}

#[test]
fn a_debtor_is_counted_over_all_debts_and_numbers() {
    let cn = profile(CN);
    let today = |same_debtor, same_debt, same_number| {
        let at = |h: i64| noon(SH) - SignedDuration::from_hours(h);
        let call =
            |h| Contact { same_debtor, same_debt, same_number, ..Contact::new(at(h), Reached::Person) };
        [call(1), call(2), call(3)]
    };
    let named = case(SH, json!({ "debtor": "D-7" }));
    assert_eq!(denied(&cn, &named, "1001", &today(true, false, false)).0, ["cn-effective-debtor"]);
    assert_eq!(denied(&cn, &named, "1001", &today(false, true, false)).0, ["cn-effective-debtor"]);
    // Whoever else has the number is somebody else, where the lender says who is who.
    assert_eq!(denied(&cn, &named, "1001", &today(false, false, true)).0, ["cn-effective-number"]);
    let nameless = case(SH, json!({}));
    let both = ["cn-effective-number", "cn-effective-debtor"];
    assert_eq!(denied(&cn, &nameless, "1001", &today(false, false, true)).0, both);
    let example = profile(EXAMPLE);
    let (rules, words) = denied(&example, &case(SH, json!({ "consent": "given" })), "1001", &[]);
    assert_eq!(rules[0], "debtor");
    assert!(words.contains("give debtor") && words.contains("请填写 debtor"), "{words}");
}

#[test]
fn calls_that_others_made_before_count_as_ours() {
    let us = profile(US);
    let call =
        |at: &str, number: Value, reached: &str| json!({ "at": at, "number": number, "reached": reached });
    let with = |contacts: Vec<Value>| case(NY, json!({ "consent": "given", "contacts": contacts }));
    let talked = with(vec![call("2026-11-24T15:00:00Z", Value::Null, "conversation")]);
    assert_eq!(denied(&us, &talked, "1001", &[]).0, ["us-after-conversation"]);
    let days: Vec<Value> =
        (20..=26).map(|d| call(&format!("2026-11-{d}T13:30:00Z"), "1001".into(), "attempted")).collect();
    assert_eq!(denied(&us, &with(days.clone()), "1001", &[]).0, ["us-seven-in-seven"]);
    let ours = Contact::new(noon(NY) - SignedDuration::from_hours(1), Reached::Attempted);
    assert_eq!(denied(&us, &with(days[1..].to_vec()), "1001", &[]).0, [""; 0]);
    assert_eq!(denied(&us, &with(days[1..].to_vec()), "1001", &[ours]).0, ["us-seven-in-seven"]);
    // By number they count where the number is the same, or may have been.
    let cn = profile(CN);
    let minute = |number: Value| {
        let told = json!({ "contacts": [call("2026-11-26T03:59:30Z", number, "attempted")] });
        denied(&cn, &case(SH, told), "1001", &[]).0
    };
    assert_eq!(minute("1001".into()), ["cn-minute"]);
    assert_eq!(minute(Value::Null), ["cn-minute"]);
    assert_eq!(minute("1002".into()), [""; 0]);
    // A lender's clock that is ahead of ours stops nobody.
    let ahead = json!({ "contacts": [call("2026-12-26T03:59:30Z", Value::Null, "attempted")] });
    assert_eq!(denied(&cn, &case(SH, ahead), "1001", &[]).0, [""; 0]);
}

#[test]
fn what_a_case_told_is_kept_with_the_decision() {
    let case = case(SH, json!({ "debtor": "D-7", "cease": true, "consent": "none" }));
    let subject = Subject::of(&case, &case.phone);
    let facts = serde_json::to_value(profile(CN).facts(&subject, &[], noon(SH))).unwrap();
    assert_eq!(
        (&facts["flags"], &facts["consent"], &facts["whose"]),
        (&json!(["cease"]), &json!("none"), &json!("debtor"))
    );
    assert_eq!(facts["denied"][0], json!(["cease", { "kind": "flagged", "flag": "cease" }]));
}

#[test]
fn what_is_wrong_with_the_new_keys_is_told_by_its_line() {
    let text = CN.replace("whose = [\"guarantor\", \"relative\", \"other\"]", "whose = [\"debtor\"]").replace(
        "[hours]",
        "[[flag]]\nid = \"x\"\nflag = \"rich\"\nsource = \"s\"\nzh = \"z\"\nen = \"e\"\n[consent]\nid = \"clock\"\n[hours]",
    );
    let text = text.replace("zones = [", "needs = [\"name\"]\nzones = [").replace("days = 30", "days = 93");
    let told = Profile::parse("p.toml", &text, |_| None).unwrap_err().to_string();
    for words in [
        "whose: \"debtor\"",
        "names nobody",
        "do_not_call, cease",
        "needs: \"name\"",
        "1 to 92",
        "source is missing",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
