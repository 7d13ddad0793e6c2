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
fn each_language_has_at_least_fifteen() {
    let script = reminder::script();
    for lang in Lang::ALL {
        assert!(script.examples(lang).len() >= 15, "{lang}: {}", script.examples(lang).len());
    }
}
