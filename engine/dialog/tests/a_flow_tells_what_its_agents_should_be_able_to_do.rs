//! Whoever is to have a flow's calls is chosen by what its transfers ask for.
#![allow(clippy::unwrap_used)]

mod reminder;

use waihu_dialog::Script;

#[test]
fn the_skills_of_all_transfers_are_told_once_each() {
    assert!(reminder::script().transfer_skills().is_empty(), "the shipped flow asks for none");
    let mut files = reminder::FILES.clone();
    let at = files.iter().position(|(path, _)| path.ends_with("courtesy/part.toml")).unwrap();
    let with = |text: &str, state: &str, skills: &str| {
        let head = format!("[states.{state}.transfer]\n");
        text.replace(&head, &format!("{head}skills = {skills}\n"))
    };
    let text = with(files[at].1, "distress", r#"["crisis", "hardship"]"#);
    let text = with(&text, "transfer", r#"["hardship"]"#);
    files[at].1 = &text;
    let script = Script::load("reminder", &files).unwrap();
    assert_eq!(script.transfer_skills(), ["crisis", "hardship"]);
}
