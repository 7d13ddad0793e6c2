//! The flow in `dialogs/reminder` passes its check and every golden conversation.

mod reminder;

use waihu_types::Lang;

#[test]
fn every_golden_conversation_comes_out_as_written() {
    let script = reminder::script();
    let wrong: Vec<String> = script.run_examples().iter().map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_state_and_rule_is_tried_in_each_language() {
    let script = reminder::script();
    for lang in Lang::ALL {
        let mut untried = script.untried(lang);
        // Come to by the clock or after thirty turns: tests/a_call_has_its_limits.rs.
        untried.retain(|p| !p.message.contains("end_time_is_up\""));
        assert!(untried.is_empty(), "{}", reminder::lines(&untried));
    }
}

#[test]
fn each_language_has_the_same_conversations() {
    let script = reminder::script();
    assert!(script.examples(Lang::Zh).len() >= 70);
    assert_eq!(script.examples(Lang::Zh).len(), script.examples(Lang::En).len());
}
