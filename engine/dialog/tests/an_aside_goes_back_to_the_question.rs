//! An aside: a question of the callee's that is answered in a few steps, and then the call is where it was.
#![allow(clippy::unwrap_used, clippy::panic)]

mod reminder;

use std::sync::Arc;

use reminder::{FILES, Talk};
use waihu_dialog::Script;
use waihu_types::{Intent, Lang};

/// The reminder, in which what follows an unpaid debt is told in an aside that asks something itself.
fn script() -> Arc<Script> {
    let (path, rule) = ("dialogs/parts/account/part.toml", "private = true\nsay = \"consequences\"");
    let text = FILES.iter().find(|f| f.0 == path).unwrap().1;
    let states = "\n[states.explain]\naside = true\nprivate = true\nsay = [\"consequences\", \"offer_dispute\"]\n\
        [[states.explain.on]]\nintent = \"deny\"\nto = \"well\"\nlimit = 3\n\
        [states.well]\naside = true\nsay = \"i_am_here\"\nnext = \"back\"\n";
    let changed = text.replacen(rule, "to = \"explain\"\nlimit = 2", 1) + states;
    let files = FILES
        .iter()
        .map(|&(p, old)| if p == path { (p, changed.as_str()) } else { (p, old) })
        .collect::<Vec<_>>();
    Arc::new(Script::load("reminder", &files).unwrap_or_else(|p| panic!("{}", reminder::lines(&p))))
}

#[test]
fn the_question_is_asked_again_where_it_was_left() {
    for lang in Lang::ALL {
        let mut talk = Talk::with(script(), lang);
        talk.all_done(2_000);
        talk.says(Intent::Affirm);
        talk.all_done(2_000);
        assert_eq!(talk.bot.state_name(), "promise.matter");
        talk.says(Intent::AskConsequences);
        talk.all_done(2_000);
        assert_eq!(talk.bot.state_name(), "account.explain");
        talk.says(Intent::Deny);
        talk.all_done(2_000);
        assert_eq!(talk.bot.state_name(), "promise.matter");
        assert_eq!(talk.last(), "ask_when");
        assert!(talk.bot.is_listening());
    }
}
