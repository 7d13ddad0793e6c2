//! `dialogs/README.md` is the manual of scripts: a word that it does not name cannot be used.

use waihu_dialog::{Condition, Placeholder, Slot};
use waihu_types::Question;

const MANUAL: &str = include_str!("../../../dialogs/README.md");

#[test]
fn conditions_slots_and_placeholders() {
    let quoted =
        |word: &str| MANUAL.contains(&format!("`{word}`")) || MANUAL.contains(&format!("`\"{word}\"`"));
    let conditions = Condition::WORDS.iter().map(|w| w.0);
    for word in conditions.chain(Slot::WORDS.iter().map(|w| w.0)) {
        assert!(quoted(word), "{word}");
    }
    for (name, _) in waihu_dialog::guard_names() {
        assert!(quoted(name), "{name}");
    }
    for placeholder in Placeholder::ALL {
        assert!(quoted(&placeholder.to_string()), "{placeholder}");
    }
}

#[test]
fn kinds_of_answer() {
    use Question as Q;
    for question in [Q::YesNo, Q::When, Q::HowMuch, Q::Digits, Q::Open] {
        let word = serde_json::to_string(&question).unwrap_or_default();
        assert!(MANUAL.contains(&format!("`{word}`")), "{word}");
    }
}

#[test]
fn which_placeholders_tell_of_the_debt() {
    for line in MANUAL.lines().filter(|l| l.starts_with("| `{")) {
        let told = line.ends_with("| yes |");
        let named = Placeholder::ALL.iter().filter(|p| line.contains(&format!("`{p}`")));
        for placeholder in named {
            assert_eq!(placeholder.tells_of_the_debt(), told, "{placeholder}");
        }
    }
}
