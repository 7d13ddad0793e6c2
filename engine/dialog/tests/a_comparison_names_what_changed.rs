//! Two versions of a flow beside each other.
#![allow(clippy::unwrap_used)]

mod reminder;

use std::sync::Arc;

use waihu_dialog::Script;
use waihu_types::Lang;

/// The shipped flow with one text exchanged for another, which must be there.
fn with(file: &str, from: &str, to: &str) -> Arc<Script> {
    let shipped = reminder::script();
    let mut found = false;
    let files: Vec<(String, String)> = shipped
        .files()
        .iter()
        .map(|(name, text)| {
            let changed = if name == file { text.replacen(from, to, 1) } else { text.to_string() };
            found |= changed != **text;
            (name.clone(), changed)
        })
        .collect();
    assert!(found, "{from:?} is not in {file}");
    let views: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    Arc::new(Script::load("reminder", &views).unwrap_or_else(|p| unreachable!("{}", reminder::lines(&p))))
}

#[test]
fn a_flow_does_not_differ_from_itself() {
    let script = reminder::script();
    assert!(script.difference(&script).is_empty());
}

#[test]
fn a_limit_that_moved_is_told_before_and_after() {
    let shipped = reminder::script();
    let (at, text) = shipped.files().iter().find(|(_, t)| t.contains("max_turns = 30")).unwrap();
    assert!(text.contains("max_turns"));
    let difference = shipped.difference(&with(at, "max_turns = 30", "max_turns = 20"));
    let [change] = &difference.settings[..] else { unreachable!("{difference:?}") };
    assert_eq!(
        (change.what.as_str(), change.before.as_deref(), change.after.as_deref()),
        ("limits.max_turns", Some("30"), Some("20"))
    );
    assert!(difference.said.is_empty() && difference.states.is_empty() && difference.rules.is_empty());
}

#[test]
fn a_rule_that_leads_elsewhere_fails_the_conversations_of_before() {
    let shipped = reminder::script();
    let rule = "intent = \"request_callback\"\nto = \"end_callback\"";
    let (at, _) = shipped.files().iter().find(|(_, t)| t.contains(rule)).unwrap();
    let other = with(at, rule, "intent = \"request_callback\"\nto = \"end_complaint\"");
    let difference = shipped.difference(&other);
    let change =
        difference.rules.iter().find(|c| c.after.as_deref().is_some_and(|a| a.contains("end_complaint")));
    assert!(change.unwrap().before.as_deref().unwrap().contains("end_callback"));
    let trial = other.try_with(shipped.examples(Lang::En), Lang::En);
    assert!(trial.failures().count() > 0 && trial.failures().count() < trial.conversations.len());
}
