//! Each check, held against the reminder flow with one thing broken in it.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests may fail them

mod reminder;

use std::sync::Arc;

use reminder::FILES;
use waihu_dialog::{Problem, Script};
use waihu_types::Lang;

/// Whether a file, of the flow or of a part, is what `name` calls it: `script.toml` is a part's `part.toml`.
fn is_a(path: &str, name: &str) -> bool {
    path.ends_with(name) || name == "script.toml" && path.ends_with("part.toml")
}

/// The flow with `from` in a file `name` replaced by `to`: the problems, and the line of `from`.
fn broken(name: &str, from: &str, to: &str) -> (Vec<Problem>, usize) {
    let (path, text) = FILES
        .iter()
        .copied()
        .find(|f| is_a(f.0, name) && f.1.contains(from))
        .unwrap_or_else(|| panic!("{from:?} is in no {name}"));
    let line = text[..text.find(from).unwrap()].matches('\n').count() + 1;
    let changed = text.replacen(from, to, 1);
    let files = FILES
        .iter()
        .map(|&(p, old)| if p == path { (p, changed.as_str()) } else { (p, old) })
        .collect::<Vec<_>>();
    (Script::load("reminder", &files).err().unwrap_or_default(), line)
}

/// Asserts that a problem of a file `name` with all of `words` is in `line`.
#[track_caller]
fn assert_named(problems: &[Problem], name: &str, line: usize, words: &[&str]) {
    let found = problems.iter().any(|p| {
        is_a(&p.file, name)
            && p.line == line
            && words.iter().all(|w| p.message.contains(w) || p.help.contains(w))
    });
    assert!(found, "wanted {name}:{line} with {words:?}, got:\n{}", reminder::lines(problems));
}

#[test]
fn the_flow_as_it_is_has_no_problem() {
    assert!(broken("script.toml", "start = ", "start = ").0.is_empty());
}

#[test]
fn text_that_is_not_toml() {
    let (p, line) = broken("script.toml", "max_turns = 30", "max_turns = = 30");
    assert_named(&p, "script.toml", line, &["not TOML"]);
}

#[test]
fn an_unknown_key_with_the_nearest() {
    let (p, line) = broken("script.toml", "max_turns = 30", "max_turn = 30");
    assert_named(&p, "script.toml", line, &["unknown key \"max_turn\"", "max_turns"]);
}

#[test]
fn an_unknown_intent_with_the_nearest() {
    let (p, line) = broken("script.toml", "intent = \"deceased\"", "intent = \"deceasd\"");
    assert_named(&p, "script.toml", line, &["unknown intent \"deceasd\"", "did you mean \"deceased\"?"]);
}

#[test]
fn an_unknown_state_with_the_nearest() {
    let (p, line) = broken("script.toml", "to = \"end_legal\"", "to = \"end_leagl\"");
    assert_named(&p, "script.toml", line, &["no state \"end_leagl\"", "end_legal"]);
}

#[test]
fn an_unknown_condition() {
    let (p, line) = broken("script.toml", "when = [\"unconfirmed\"]", "when = [\"unconfirmd\"]");
    assert_named(&p, "script.toml", line, &["unknown word \"unconfirmd\"", "unconfirmed"]);
}

#[test]
fn an_unknown_disposition() {
    let (p, line) = broken("script.toml", "end = \"deceased\"", "end = \"dead\"");
    assert_named(&p, "script.toml", line, &["\"dead\" is no disposition", "deceased"]);
    // Handed over, busy and the like are nothing that a script can decide.
    let (p, line) = broken("script.toml", "end = \"deceased\"", "end = \"handed_over\"");
    assert_named(&p, "script.toml", line, &["\"handed_over\" is no disposition that a script can give"]);
}

#[test]
fn a_prompt_in_no_language() {
    let (p, line) = broken("script.toml", "say = \"who_we_are\"", "say = \"who_are_we\"");
    assert_named(&p, "script.toml", line, &["prompt \"who_are_we\" is in no language"]);
}

#[test]
fn a_prompt_missing_in_one_language() {
    let (p, _) = broken("prompts.en.toml", "\ncalm = ", "\n# calm = ");
    assert_named(&p, "prompts.en.toml", 1, &["prompt \"calm\" is missing in en"]);
}

#[test]
fn a_prompt_never_said() {
    let (p, line) = broken("prompts.zh.toml", "\ncalm = ", "\nspare = \"x\"\ncalm = ");
    assert_named(&p, "prompts.zh.toml", line + 1, &["prompt \"spare\" is never said"]);
}

#[test]
fn an_unknown_placeholder_with_the_nearest() {
    let (p, line) = broken("prompts.zh.toml", "ask_name = [\"{name}", "ask_name = [\"{nam}");
    assert_named(&p, "prompts.zh.toml", line, &["unknown placeholder {nam}", "did you mean \"name\"?"]);
}

#[test]
fn a_state_that_cannot_be_reached() {
    let (p, _) = broken("script.toml", "to = \"end_abuse\"", "to = \"end_legal\"");
    let line = line_of("[states.end_abuse]");
    assert_named(&p, "script.toml", line, &["state \"courtesy.end_abuse\" cannot be reached"]);
}

#[test]
fn a_state_without_a_way_on() {
    let (p, line) = broken(
        "script.toml",
        "[states.end_legal]\nsay = \"will_follow_up\"\nend = \"legal_representation\"\nredial = \"never\"",
        "[states.end_legal]\nsay = \"will_follow_up\"",
    );
    assert_named(&p, "script.toml", line, &["end_legal\" has no way on", "outcome"]);
}

#[test]
fn a_state_with_two_ways_on() {
    let (p, line) = broken("script.toml", "[states.end_legal]\n", "[states.end_legal]\nnext = \"greet\"\n");
    assert_named(&p, "script.toml", line, &["next and end at once"]);
}

#[test]
fn a_state_from_which_no_end_can_be_reached() {
    let lost = "[states.end_legal]\nsay = \"will_follow_up\"\nnext = \"end_legal\"";
    let (p, line) = broken(
        "script.toml",
        "[states.end_legal]\nsay = \"will_follow_up\"\nend = \"legal_representation\"\nredial = \"never\"",
        lost,
    );
    assert_named(&p, "script.toml", line, &["no end can be reached from state \"courtesy.end_legal\""]);
    assert_named(
        &p,
        "script.toml",
        line,
        &["a loop without a limit: courtesy.end_legal → courtesy.end_legal"],
    );
}

#[test]
fn a_loop_without_a_limit() {
    let (p, _) = broken("script.toml", "to = \"correction\"\nlimit = 2\n", "to = \"correction\"\n");
    assert!(
        p.iter().any(|p| p.message.starts_with("a loop without a limit")
            && p.message.contains("promise.read_back → promise.correction")
            || p.message.contains("promise.correction → promise.read_back")),
        "{}",
        reminder::lines(&p)
    );
}

#[test]
fn a_path_to_the_debt_that_passes_no_confirmation() {
    let (p, _) = broken(
        "script.toml",
        "intent = \"affirm\"\nidentity = \"confirmed\"\nsay = \"thank_person\"\nto = \"@confirmed\"",
        "intent = \"affirm\"\nsay = \"thank_person\"\nto = \"@confirmed\"",
    );
    let line = line_of("say = { prompt = \"notice\", barge_in = false }");
    assert_named(
        &p,
        "script.toml",
        line,
        &["\"notice\" can be spoken before the person is confirmed", "identity.greet → notice"],
    );
    assert_eq!(p.len(), 1, "one fault is told once:\n{}", reminder::lines(&p));
}

#[test]
fn an_answer_about_the_debt_to_someone_unconfirmed() {
    let rule = "intent = \"ask_amount\"\nwhen = [\"confirmed\"]";
    let (p, line) = broken("script.toml", rule, "intent = \"ask_amount\"\nwhen = [\"no_amount\"]");
    // The rule for everyone unconfirmed stands before it, but has a limit.
    assert_named(
        &p,
        "script.toml",
        line + 3,
        &["\"the_amount\" can be spoken before the person is confirmed"],
    );
}

#[test]
fn a_prompt_of_the_debt_in_a_state_that_is_not_private() {
    let (p, line) = broken("prompts.zh.toml", "who_we_are = \"", "who_we_are = \"{amount}");
    let script = line_of("say = \"who_we_are\"");
    assert!(line > 0);
    assert_named(&p, "script.toml", script, &["speaks of the debt ({amount})", "add private = true"]);
}

#[test]
fn a_value_spoken_before_it_is_known() {
    let (p, _) = broken(
        "script.toml",
        "when = [\"day_or_time\"]\ntake = [\"callback\"]\nto = \"end_callback_when\"",
        "when = [\"day_or_time\"]\nto = \"end_callback_when\"",
    );
    // One line was taken out before it.
    let line = line_of("say = \"will_call_when\"") - 1;
    assert_named(&p, "script.toml", line, &["speaks {callback_when}, which is not known on the path"]);
}

/// The line of the first line of the script, or of a part, that is `text`.
fn line_of(text: &str) -> usize {
    let mut scripts = FILES.iter().filter(|f| is_a(f.0, "script.toml"));
    scripts.find_map(|f| f.1.lines().position(|l| l == text)).unwrap() + 1
}

#[test]
fn a_word_of_debt_in_a_prompt_for_anyone() {
    for (file, word, named) in [
        ("prompts.zh.toml", "i_am_here = \"您有一笔逾期，", "\"逾期\" in zh"),
        ("prompts.en.toml", "i_am_here = \"About your overdue Payment: ", "\"overdue\" in en"),
    ] {
        let (p, _) = broken(file, "i_am_here = \"", word);
        let line = line_of("say = \"i_am_here\"");
        let message =
            format!("prompt \"i_am_here\" speaks of the debt ({named}), and the rule is not private");
        assert_named(&p, "script.toml", line, &[&message, "add private = true"]);
    }
}

#[test]
fn a_person_confirmed_by_less_than_a_yes() {
    let (p, line) = broken(
        "script.toml",
        "[[states.greet.on]]\nintent = \"affirm\"",
        "[[states.greet.on]]\nintent = [\"affirm\", \"acknowledge\"]",
    );
    assert_named(&p, "script.toml", line, &["acknowledge confirms the person: only a yes is sure enough"]);
}

#[test]
fn a_person_confirmed_by_a_question_without_the_name() {
    let (p, _) = broken("prompts.en.toml", "\"{title} {name}, is that you on the line?\"", "\"Is it you?\"");
    let line = line_of("again = \"ask_name\"");
    let what = "a yes confirms the person in state \"identity.greet\", of which the question has no {name}";
    assert_named(&p, "script.toml", line, &[what, "in every wording"]);
}

#[test]
fn a_person_confirmed_by_a_yes_to_anything() {
    let rule = "[[always]]\nintent = \"affirm\"\nidentity = \"confirmed\"\nsay = \"thank_person\"\nto = \"end_goodbye\"\n\n";
    let first = "[[always]]\nintent = \"deceased\"";
    let (p, line) = broken("script.toml", first, &format!("{rule}{first}"));
    assert_named(&p, "script.toml", line, &["a rule for every state confirms the person"]);
}

#[test]
fn conditions_that_exclude_each_other() {
    let (p, line) = broken(
        "script.toml",
        "intent = [\"affirm\", \"request_extension\"]\nwhen = [\"no_date\"]",
        "intent = [\"affirm\", \"request_extension\"]\nwhen = [\"no_date\", \"date_soon\"]",
    );
    let what = "this rule never applies: no_date and date_soon exclude each other";
    assert_named(&p, "script.toml", line - 1, &[what]);
}

#[test]
fn a_rule_whose_condition_is_never_so() {
    let (p, line) = broken(
        "script.toml",
        "[[states.who_else.on]]\nintent = \"deny\"",
        "[[states.who_else.on]]\nintent = \"deny\"\nwhen = [\"promise_date\"]",
    );
    assert_named(&p, "script.toml", line, &["this rule never applies: what it asks of the call is never so"]);
}

#[test]
fn a_promise_without_its_day() {
    let last = "intent = \"deny\"\nto = \"account.refusal\"\nlimit = 1\n\n# A part";
    let bare = "[states.bare]\nprivate = true\nsay = \"thanks_for_promise\"\nend = \"promise_to_pay\"";
    let first = format!("intent = \"deny\"\nto = \"bare\"\n\n{bare}\n\n# A part");
    let (p, line) = broken("script.toml", last, &first);
    let what = "state \"promise.bare\" ends with a promise, and its day can be unknown, on the path identity.greet → notice → promise.matter → promise.bare";
    assert_named(&p, "script.toml", line + 3, &[what]);
    // The one that leaves a text of it is named for the text.
    let (p, _) = broken("script.toml", last, "intent = \"deny\"\nto = \"end_promise\"\n\n\n# A part");
    let line = line_of("do = { sms = \"promise\" }");
    assert_named(
        &p,
        "script.toml",
        line,
        &["prompt \"sms.promise\" speaks {promise_date}, which is not known"],
    );
}

#[test]
fn a_prompt_without_a_wording() {
    let (p, line) = broken("prompts.en.toml", "i_am_here = \"Hello, I'm here.\"", "i_am_here = []");
    assert_named(&p, "prompts.en.toml", line, &["prompt \"i_am_here\" has no wording"]);
}

#[test]
fn a_state_that_asks_and_has_no_ladder() {
    let (p, _) = broken(
        "script.toml",
        "[silence]\nsay = [\"silence_1\", \"silence_2\"]\nto = \"end_silence\"\n",
        "\n\n\n",
    );
    let line = line_of("[states.greet]");
    assert_named(&p, "script.toml", line, &["no silence ladder: the call would have no outcome"]);
}

#[test]
fn a_voicemail_that_is_asked_questions() {
    let (p, line) =
        broken("script.toml", "[voicemail]\nto = \"end_voicemail\"", "[voicemail]\nto = \"offer_help\"");
    assert_named(
        &p,
        "script.toml",
        line,
        &["voicemail.to names state \"courtesy.offer_help\", which is no end"],
    );
}

#[test]
fn a_file_that_belongs_to_no_flow() {
    let mut files = FILES.to_vec();
    files.push(("dialogs/reminder/prompt.en.toml", ""));
    let p = Script::load("reminder", &files).unwrap_err();
    assert_named(&p, "prompt.en.toml", 1, &["no file of a flow", "did you mean \"prompts.en.toml\"?"]);
}

#[test]
fn a_rule_that_an_earlier_one_overtakes() {
    let (p, line) = broken(
        "script.toml",
        "[[always]]\nintent = \"deceased\"",
        "[[always]]\nintent = \"deceased\"\nto = \"end_deceased\"\n[[always]]\nintent = \"deceased\"",
    );
    assert_named(&p, "script.toml", line + 3, &["this rule never applies"]);
}

#[test]
fn a_limit_that_leads_to_no_end() {
    let (p, _) = broken("script.toml", "to = \"end_time_is_up\"", "to = \"offer_help\"");
    assert!(
        p.iter()
            .any(|p| p.message.contains("limits.to names state \"courtesy.offer_help\", which is no end"))
    );
}

#[test]
fn a_missing_file() {
    let problems = Script::load("reminder", &FILES[..2]).unwrap_err();
    assert!(problems.iter().any(|p| p.message == "prompts.en.toml is missing"));
    let problems = Script::load("reminder", &FILES[1..]).unwrap_err();
    assert!(problems.iter().any(|p| p.message == "script.toml is missing"));
}

#[test]
fn all_problems_are_told_at_once() {
    let (p, _) = broken(
        "script.toml",
        "intent = \"deceased\"\nto = \"end_deceased\"",
        "intent = \"deceasd\"\nto = \"end_decesed\"",
    );
    assert!(p.len() >= 2, "{}", reminder::lines(&p));
}

#[test]
fn a_golden_conversation_that_comes_out_otherwise() {
    let name = "examples.zh.toml";
    let text = FILES.iter().find(|f| f.0.ends_with(name)).unwrap().1;
    for (from, to, what) in [
        ("disposition = \"promise_to_pay\"", "disposition = \"dispute\"", "disposition promise_to_pay"),
        ("{ bot = [\"read_back\"] }", "{ bot = [\"ask_date\"] }", "the bot said [read_back], not [ask_date]"),
        ("promise_date = 2026-11-27", "promise_date = 2026-11-28", "promise"),
    ] {
        let at = text.find(from).unwrap();
        let line = text[..at].matches('\n').count() + 1;
        let changed = text.replacen(from, to, 1);
        let changes = |&(path, old): &(&'static str, &'static str)| match path.ends_with(name) {
            true => (path, changed.as_str()),
            false => (path, old),
        };
        let files: Vec<(&str, &str)> = FILES.iter().map(changes).collect();
        let wrong = Arc::new(Script::load("reminder", &files).unwrap()).run_examples();
        assert_eq!(wrong.len(), 1, "{}", reminder::lines(&wrong));
        assert_named(&wrong, name, line, &[what]);
    }
}

#[test]
fn the_digest_changes_with_any_word() {
    let one = reminder::script();
    assert_eq!(one.sha256().len(), 64);
    // Of the flow, and of a part that it uses.
    for (path, word) in [("reminder/prompts.zh.toml", "个人账户"), ("identity/prompts.zh.toml", "您好")]
    {
        let changed = FILES.iter().find(|f| f.0.ends_with(path)).unwrap().1.replacen(word, "你好", 1);
        let files = FILES
            .iter()
            .map(|&(p, old)| if p.ends_with(path) { (p, changed.as_str()) } else { (p, old) })
            .collect::<Vec<_>>();
        assert_ne!(one.sha256(), Script::load("reminder", &files).unwrap().sha256());
    }
    // What it keeps of its files makes the same flow again.
    let kept: Vec<(&str, &str)> = one.files().iter().map(|(name, text)| (name.as_str(), &**text)).collect();
    assert_eq!(kept.len(), FILES.len());
    assert_eq!(one.sha256(), Script::load("reminder", &kept).unwrap().sha256());
    let mut files = FILES.clone();
    files.reverse();
    assert_eq!(one.sha256(), Script::load("reminder", &files).unwrap().sha256());
}

#[test]
fn how_a_state_listens() {
    let read_back = "listen = { answer = \"yes_no\" }\nno_match";
    for (listen, words) in [
        ("listen = { answer = \"yes\" }\nno_match", &["unknown word \"yes\"", "yes_no"][..]),
        ("listen = { pause_ms = { least = 400 } }\nno_match", &["pause_ms has no most"]),
        ("listen = { pause_ms = { least = 900, most = 400 } }\nno_match", &["least is more than most"]),
        ("listen = { pause_ms = { least = 9, most = 400 } }\nno_match", &["least", "100"]),
        ("listen = { pauses = 4 }\nno_match", &["unknown key \"pauses\""]),
    ] {
        let (p, line) = broken("script.toml", read_back, listen);
        assert_named(&p, "script.toml", line, words);
    }
}

#[test]
fn who_may_stop_a_prompt() {
    let say = "say = { prompt = \"notice\", barge_in = false }";
    for wrong in ["\"word\"", "50", "9000", "1.5", "[]"] {
        let (p, line) = broken("script.toml", say, &say.replace("false", wrong));
        assert_named(&p, "script.toml", line, &["barge_in is true, false, \"words\""]);
    }
    let say = "say = { prompt = \"calm\", barge_in = false }";
    for right in ["true", "\"words\"", "900"] {
        assert!(broken("script.toml", say, &say.replace("false", right)).0.is_empty(), "{right}");
    }
}

#[test]
fn words_to_hear_for_no_state_or_too_many() {
    let (p, line) = broken("prompts.en.toml", "ask_self = [\"speaking\"", "ask_slef = [\"speaking\"");
    assert_named(&p, "prompts.en.toml", line, &["hear: no state \"ask_slef\"", "ask_self"]);
    let many = vec!["\"payday\""; 21].join(", ");
    let (p, line) =
        broken("prompts.en.toml", "ask_part = [\"half\"", &format!("ask_part = [{many}, \"half\""));
    assert_named(&p, "prompts.en.toml", line, &["hear: 24 words"]);
    let long = "x".repeat(41);
    let (p, line) = broken("prompts.zh.toml", "ask_part = [\"先还\"", &format!("ask_part = [\"{long}\""));
    assert_named(&p, "prompts.zh.toml", line, &["hear: each has 1 to 40 characters"]);
}

#[test]
fn a_screening_that_tells_of_the_debt_or_leads_to_no_end() {
    let say = "say = [\"screening_answer\"]";
    let (p, line) = broken("script.toml", say, "say = [\"screening_answer\", \"the_amount\"]");
    assert_named(&p, "script.toml", line, &["\"the_amount\" speaks of the debt", "screening"]);
    let (p, line) = broken("script.toml", say, "say = [\"screening_answer\", \"will_call_when\"]");
    assert_named(&p, "script.toml", line, &["{callback_when}", "nobody has spoken yet"]);
    let (p, line) = broken("script.toml", say, "say = []");
    assert_named(&p, "script.toml", line - 1, &["screening says nothing"]);
    let (p, line) = broken("script.toml", "to = \"end_screened\"", "to = \"offer_help\"");
    assert_named(&p, "script.toml", line - 2, &["screening.to", "no end"]);
}

#[test]
fn a_part_that_is_used_wrongly() {
    let use_of = "[use.identity]\nexits = { confirmed = \"notice\" }";
    for (from, to, below, words) in [
        (use_of, "[use.identity]\nexits = { known = \"notice\" }", 1, &["no exit \"known\""][..]),
        (use_of, "[use.identity]\nexits = {}", 0, &["exit \"confirmed\" of part \"identity\" leads nowhere"]),
        (
            use_of,
            "[use.identity]\nexits = { confirmed = \"notices\" }",
            1,
            &["no state \"notices\"", "notice"],
        ),
        ("[use.account]\n", "[use.acount]\n", 0, &["no part \"acount\"", "did you mean \"account\"?"]),
        ("next = \"promise\"", "next = \"promis\"", 0, &["no state \"promis\""]),
        ("next = \"promise\"", "next = \"@done\"", 0, &["a flow has no exits"]),
        ("[use.account]\n", "[use.account]\nparts = 2\n", 1, &["unknown key \"parts\""]),
    ] {
        let (p, line) = broken("script.toml", from, to);
        assert_named(&p, "reminder/script.toml", line + below, words);
    }
    let (p, line) = broken("part.toml", "needs = [\"courtesy\", \"account\"]", "needs = [\"manners\"]");
    assert_named(&p, "promise/part.toml", line, &["needs \"manners\"", "add [use.manners] to script.toml"]);
    let (p, line) = broken("part.toml", "to = \"courtesy.transfer\"", "to = \"courtesy.transfr\"");
    assert_named(&p, "part.toml", line, &["no state \"courtesy.transfr\""]);
    let (p, line) = broken("prompts.en.toml", "empathy = ", "goodbye = \"Bye.\"\nempathy = ");
    assert_named(&p, "account/prompts.en.toml", line, &["prompt \"goodbye\" is in part \"courtesy\" too"]);
}

#[test]
fn parts_that_use_each_other() {
    let (p, line) = broken("part.toml", "start = \"matter\"", "start = \"matter\"\n[use.promise]");
    assert_named(&p, "promise/part.toml", line + 1, &["a part uses itself: promise → promise"]);
    let account = "# The account, spoken of to the person";
    let in_turn = format!("[use.promise]\n{account}");
    let (p, _) = broken("part.toml", account, &in_turn);
    assert!(p.iter().all(|p| p.line < 200), "{}", reminder::lines(&p));
    assert!(!p.is_empty());
}

#[test]
fn what_a_flow_says_in_its_own_words() {
    let (p, _) = broken("reminder/prompts.en.toml", "notice = ", "goodbye = \"Take care.\"\nnotice = ");
    assert!(p.is_empty(), "{}", reminder::lines(&p));
}

#[test]
fn examples_for_the_classifier_that_are_none() {
    let hear = "[hear]\ngreet = ";
    for (table, words) in [
        ("[examples.geet]\naffirm = \"it is I\"\n", &["examples: no state \"geet\""][..]),
        ("[examples.greet]\naffirms = \"it is I\"\n", &["unknown intent \"affirms\""]),
        ("[examples.greet]\naffirm = \" \"\n", &["each has 1 to 200 characters"]),
    ] {
        let (p, line) = broken("identity/prompts.en.toml", hear, &format!("{table}{hear}"));
        let named = |p: &Problem| words.iter().all(|w| p.message.contains(w));
        assert!(p.iter().any(|p| named(p) && p.line.abs_diff(line) < 2), "{}", reminder::lines(&p));
    }
}

#[test]
fn an_expression_that_cannot_be_right() {
    let rule = "intent = \"refuse_to_pay\"\nwhen = [\"confirmed\"]\nto = \"refusal\"";
    for (guard, words) in [
        ("due / count > 5", &["it fails where", "count = 0"][..]),
        ("amount > 5", &["cannot be read", "amount", "it can name due"]),
        ("sum > \'much\'", &["cannot be read"]),
        ("due >= 0", &["it always holds"]),
    ] {
        let (p, line) = broken("part.toml", rule, &format!("{rule}\nif = {guard:?}"));
        assert_named(&p, "account/part.toml", line + 3, words);
    }
}

#[test]
fn a_debt_spoken_of_before_a_notice() {
    // What may be cut short is no notice, and what nobody names is none.
    let say = "say = { prompt = \"notice\", barge_in = false }";
    let what = "\"matter\" can be spoken before the notice \"collector\", which profile us wants";
    for (from, to) in [(say, say.replace("false", "true")), ("collector = \"notice\"", String::new())] {
        let (p, _) = broken("script.toml", from, &to);
        assert_named(
            &p,
            "promise/part.toml",
            line_of("say = [\"matter\", \"ask_when\"]"),
            &[what, "notice → promise.matter"],
        );
    }
    let (p, _) = broken("script.toml", "profiles = [\"cn\", \"us\"]", "profiles = [\"cn\"]\n");
    assert!(p.is_empty(), "{}", reminder::lines(&p));
    let (p, _) =
        broken("script.toml", "profiles = [\"cn\", \"us\"]\ncollector = \"notice\"", "profiles = []");
    assert!(p.iter().any(|p| p.message.contains("no profile of rules is named")), "{}", reminder::lines(&p));
    let (p, line) = broken("part.toml", "recorded = \"greeting\"", "recorded = \"greetings\"");
    assert_named(&p, "identity/part.toml", line, &["prompt \"greetings\" is in no language"]);
    let (p, _) =
        broken("prompts.en.toml", "calling for {creditor}, on a recorded line", "on a recorded line");
    let at = line_of("[notices]");
    assert!(
        p.iter().any(|p| p.message.contains("is to say who calls") && p.line <= at),
        "{}",
        reminder::lines(&p)
    );
}

/// The flow with the lexicons, and `words` said by the prompt `goodbye` in a language.
fn with_lexicon(lang: &str, words: &str) -> Vec<Problem> {
    let lexicons = [
        ("dialogs/lexicon.zh.toml", include_str!("../../../dialogs/lexicon.zh.toml")),
        ("dialogs/lexicon.en.toml", include_str!("../../../dialogs/lexicon.en.toml")),
    ];
    let path = format!("dialogs/reminder/prompts.{lang}.toml");
    let own = FILES.iter().find(|f| f.0 == path).unwrap().1;
    let changed =
        format!("{own}\n{}", if words.is_empty() { String::new() } else { format!("goodbye = {words:?}") });
    let files = FILES
        .iter()
        .map(|&(p, old)| if p == path { (p, changed.as_str()) } else { (p, old) })
        .collect::<Vec<_>>();
    Script::load("reminder", &[&files[..], &lexicons].concat()).err().unwrap_or_default()
}

#[test]
fn what_compliance_forbids() {
    assert!(with_lexicon("zh", "").is_empty(), "{}", reminder::lines(&with_lexicon("zh", "")));
    for (lang, words, why) in [
        ("zh", "再不处理就要坐牢。再见。", "never said: 用刑事后果威胁"),
        ("zh", "我们会通知您的家人，再见。", "告知第三人"),
        ("en", "Otherwise we may sue you. Goodbye.", "claims legal action"),
        ("en", "You should be ashamed. Goodbye.", "shames"),
        ("en", "Tell your employer? No: goodbye.", "threatens to tell others"),
    ] {
        let p = with_lexicon(lang, words);
        assert!(
            p.iter().any(|p| p.message.contains("\"goodbye\" says") && p.message.contains(why)),
            "{}",
            reminder::lines(&p)
        );
    }
}

#[test]
fn an_aside_with_nowhere_to_go_back_to() {
    let rule = "private = true\nsay = \"consequences\"";
    let aside = |mark: &str| {
        format!(
            "to = \"explain\"\n[states.explain]\n{mark}private = true\nsay = \"consequences\"\nnext = \"back\""
        )
    };
    // Come to from any state that asks, it goes back to that; but it may be come to for ever.
    let (p, _) = broken("account/part.toml", rule, &aside("aside = true\n"));
    assert!(p.iter().all(|p| p.message.starts_with("a loop without a limit")), "{}", reminder::lines(&p));
    let (p, line) = broken("account/part.toml", rule, &aside(""));
    assert_named(&p, "account/part.toml", line + 1, &["there is nothing to go back to", "aside = true"]);
}

#[test]
fn a_message_that_is_none_or_tells_too_much() {
    let state = "[states.end_legal]\n";
    for (act, words) in [
        ("do = { sms = \"link\" }\n", &["prompt \"sms.link\" is in no language"][..]),
        ("do = { note = \"\" }\n", &["a note has 1 to 200 characters"]),
        ("do = { sms = \"link\", note = \"x\" }\n", &["do wants one thing"]),
        ("do = [{ mail = \"link\" }]\n", &["unknown key \"mail\""]),
    ] {
        let (p, line) = broken("part.toml", state, &format!("{state}{act}"));
        assert_named(&p, "courtesy/part.toml", line + 1, words);
    }
    let sent = "do = { sms = \"link\" }\n";
    let part = FILES.iter().find(|f| f.0.ends_with("courtesy/part.toml")).unwrap();
    let part_changed = part.1.replacen(state, &format!("{state}{sent}"), 1);
    let load = |text: &str| {
        let table = format!("\n[sms]\nlink = {text:?}\n");
        let own: Vec<(String, String)> = FILES
            .iter()
            .map(|(path, old)| match *path {
                p if p == part.0 => (p.to_owned(), part_changed.clone()),
                p if p.starts_with("dialogs/reminder/prompts") => (p.to_owned(), format!("{old}{table}")),
                p => (p.to_owned(), (*old).to_owned()),
            })
            .collect();
        let files: Vec<(&str, &str)> = own.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        Script::load("reminder", &files).err().unwrap_or_default()
    };
    assert!(load("{creditor}").is_empty(), "{}", reminder::lines(&load("{creditor}")));
    let p = load("{amount}");
    assert!(
        p.iter().any(|p| p.message.contains("\"sms.link\" speaks of the debt")),
        "{}",
        reminder::lines(&p)
    );
}

#[test]
fn a_text_for_who_was_not_reached_that_says_too_much_or_too_little() {
    let key = "sms = \"unreached\"";
    let (p, line) = broken("courtesy/part.toml", key, &format!("{key}\nmail = \"x\""));
    assert_named(&p, "courtesy/part.toml", line + 1, &["unknown key \"mail\""]);
    let (p, line) = broken("courtesy/part.toml", key, "sms = \"unreachd\"");
    assert_named(&p, "courtesy/part.toml", line, &["prompt \"sms.unreachd\" is in no language", "unreached"]);
    let wording = "\nunreached = \"{creditor}";
    for (more, words) in [
        ("{creditor}: {amount} ", &["\"sms.unreached\" speaks of the debt ({amount})", "anybody"][..]),
        ("{creditor}: {product} ", &["speaks of the debt ({product})"]),
        ("{creditor}: {due_date} ", &["speaks of the debt ({due_date})"]),
        ("{creditor}: your payment. ", &["speaks of the debt (\"pay\" in en)"]),
        ("{creditor}: {agent} ", &["speaks {agent}, and nobody has spoken"]),
        ("{creditor}: {callback_time} ", &["speaks {callback_time}, and nobody has spoken"]),
        ("Hello", &["has a wording without {creditor}"]),
    ] {
        let (p, _) = broken("courtesy/prompts.en.toml", wording, &format!("\nunreached = \"{more}"));
        assert_named(&p, "courtesy/part.toml", line, words);
        // Nor where it is worded so for one product.
        let own = format!("\n\"unreached@card\" = \"{more}\"{wording}");
        let (p, _) = broken("courtesy/prompts.en.toml", wording, &own);
        assert_named(&p, "courtesy/part.toml", line, words);
    }
}

#[test]
fn a_wording_for_no_product_or_for_one_alone() {
    let empathy = "\nempathy = ";
    let (p, line) = broken("prompts.en.toml", empathy, "\n\"empathy@cards\" = \"So sorry.\"\nempathy = ");
    assert_named(&p, "account/prompts.en.toml", line + 1, &["for \"cards\", which is no product", "card"]);
    let (p, line) = broken("prompts.en.toml", empathy, "\n\"empathy@card\" = \"So sorry.\"\n# ");
    assert_named(&p, "account/prompts.en.toml", line + 1, &["\"empathy\" is worded for \"card\" only"]);
    let (p, _) = broken("prompts.en.toml", empathy, "\n\"empathy@card\" = \"So sorry.\"\nempathy = ");
    assert!(p.is_empty(), "{}", reminder::lines(&p));
    // It is held against everything that the others are.
    let (p, _) = broken(
        "prompts.en.toml",
        "\ni_am_here = ",
        "\n\"i_am_here@card\" = \"About your debt.\"\ni_am_here = ",
    );
    assert!(
        p.iter().any(|p| p.message.contains("\"i_am_here\" speaks of the debt")),
        "{}",
        reminder::lines(&p)
    );
}

#[test]
fn a_voice_that_cannot_be_spoken_with() {
    let before = "[use.courtesy]";
    let with = |voice: &str| broken("reminder/script.toml", before, &format!("{voice}\n{before}"));
    for (voice, words) in [
        ("[voice.zh]\nspeed = 3", &["speed must be a number from 0.5 to 2.0"][..]),
        ("[voice.zh]\npitch = \"high\"", &["pitch must be a number from -6.0 to 6.0"]),
        ("[voice.zh]\nnmae = \"joe\"", &["unknown key \"nmae\"", "name"]),
    ] {
        let (p, line) = with(voice);
        assert_named(&p, "reminder/script.toml", line + 1, words);
    }
    let (p, line) = with("[voice.fr]");
    assert_named(&p, "reminder/script.toml", line, &["\"fr\" is no language", "zh, en"]);
    assert!(with("[voice.zh]\nname = \"zf_xiaoxiao\"\nspeed = 0.95\npitch = 0").0.is_empty());
}

#[test]
fn a_voice_that_is_not_there_is_told_where_it_is_named() {
    let mut files = FILES.clone();
    let text =
        files[0].1.replace("[use.courtesy]", "[voice.en]\nspeed = 1.25\nname = \"jo\"\n[use.courtesy]");
    files[0].1 = &text;
    let script = Script::load("reminder", &files).unwrap();
    assert_eq!((script.voice_style(Lang::En).speed, script.voice_style(Lang::Zh).speed), (1.25, 1.0));
    let line = text.lines().position(|l| l.starts_with("name = \"jo\"")).unwrap() + 1;
    let problem = script.voice_problem(Lang::En, "no voice".to_owned());
    assert_eq!(problem.to_string(), format!("dialogs/reminder/script.toml:{line}: no voice"));
}
