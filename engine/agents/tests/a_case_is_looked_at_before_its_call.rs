//! Preview: who has looked at a case and asks for its call has it before anybody else.
#![allow(clippy::unwrap_used)]

mod board;

use board::{Board, agent, call, need, phone};
use waihu_agents::{Agent, AgentId, Decision, Input, Need, Output, Presence, Wish};
use waihu_types::Lang;

fn decisions(board: &Board) -> Vec<(String, Decision)> {
    let decided = board.told.iter().filter_map(|output| match output {
        Output::Looked { call, decision, .. } => Some((call.to_string(), *decision)),
        _ => None,
    });
    decided.collect()
}

fn show(board: &mut Board, agent: &str, which: &str) {
    board.input(Input::Show { agent: AgentId::new(agent), call: call(which) });
}

fn presence(board: &Board, agent: &str) -> Presence {
    board.machine.standing(&AgentId::new(agent)).unwrap().presence
}

#[test]
fn who_asked_has_the_call_as_soon_as_it_seeks_and_though_another_waits_longer() {
    let mut board = Board::new();
    board.comes(agent("li", &[("hardship", 5)]));
    board.wait(30);
    board.comes(agent("wang", &[]));
    show(&mut board, "wang", "shown");
    assert_eq!(presence(&board, "wang"), Presence::Looking);
    let agent = AgentId::new("wang");
    board.input(Input::Accept { agent: agent.clone(), call: call("shown") });
    assert_eq!(decisions(&board), [("shown".to_owned(), Decision::Asks)]);
    assert_eq!(presence(&board, "wang"), Presence::Awaiting);
    // Another call goes to the other.
    board.input(Input::Seek { call: call("other"), need: need(&[]) });
    assert_eq!(presence(&board, "li"), Presence::Offered);
    board.input(Input::Seek { call: call("shown"), need: need(&["hardship"]) });
    let taken = Output::Taken { agent, call: call("shown") };
    assert!(board.told.contains(&taken));
    assert_eq!(presence(&board, "wang"), Presence::Talking);
}

#[test]
fn a_call_that_nobody_answered_frees_who_waited_for_it_without_a_wrap_up() {
    let mut board = Board::new();
    board.comes(agent("wang", &[]));
    show(&mut board, "wang", "shown");
    board.input(Input::Accept { agent: AgentId::new("wang"), call: call("shown") });
    board.input(Input::Unwanted { call: call("shown") });
    assert_eq!(presence(&board, "wang"), Presence::Available);
}

#[test]
fn who_skips_is_free_and_who_sleeps_twice_is_away() {
    let mut board = Board::new();
    board.comes(agent("wang", &[]));
    let wang = AgentId::new("wang");
    show(&mut board, "wang", "a");
    board.input(Input::Decline { agent: wang.clone(), call: call("a") });
    assert_eq!(presence(&board, "wang"), Presence::Available);
    for shown in ["b", "c"] {
        show(&mut board, "wang", shown);
        board.wait(121);
    }
    assert_eq!(presence(&board, "wang"), Presence::Away);
    show(&mut board, "wang", "d");
    board.input(Input::Wants { agent: wang.clone(), wish: Wish::Available });
    show(&mut board, "wang", "e");
    board.input(Input::Wants { agent: wang, wish: Wish::OnBreak });
    let told = decisions(&board);
    let told: Vec<(&str, Decision)> = told.iter().map(|(call, d)| (call.as_str(), *d)).collect();
    let (skips, slept, gone) = (Decision::Skips, Decision::Slept, Decision::Gone);
    assert_eq!(told, [("a", skips), ("b", slept), ("c", slept), ("d", gone), ("e", gone)]);
    assert_eq!(presence(&board, "wang"), Presence::OnBreak);
}

#[test]
fn a_desk_that_does_not_come_back_gives_up_what_it_waited_for() {
    let mut board = Board::new();
    board.comes(agent("wang", &[]));
    show(&mut board, "wang", "shown");
    let wang = AgentId::new("wang");
    board.input(Input::Accept { agent: wang.clone(), call: call("shown") });
    board.input(Input::DeskGone { agent: wang });
    board.wait(31);
    assert_eq!(decisions(&board).last().unwrap().1, Decision::Gone);
}

#[test]
fn a_case_is_shown_to_who_speaks_its_language_and_best_to_who_can_do_what_is_needed() {
    let mut board = Board::new();
    let may_look = |board: &Board, skills: &[&str], lang| {
        let need = Need { lang, ..need(skills) };
        board.machine.who_may_look(&need).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    board.comes(phone("front", 0));
    board.comes(Agent { langs: vec![Lang::En], ..agent("amy", &[("hardship", 5)]) });
    board.comes(agent("li", &[]));
    board.wait(30);
    board.comes(agent("wang", &[("hardship", 3)]));
    board.comes(Agent { langs: Vec::new(), ..agent("zhao", &[("hardship", 4)]) });
    assert_eq!(may_look(&board, &["hardship"], Lang::Zh), ["zhao", "wang", "li"]);
    assert_eq!(may_look(&board, &[], Lang::Zh)[0], "li", "who has waited longest");
    assert_eq!(may_look(&board, &["hardship"], Lang::En), ["amy", "zhao"]);
    // Who looks at another case, or takes nothing, is asked for none.
    show(&mut board, "zhao", "shown");
    board.wants("wang", Wish::OnBreak);
    assert_eq!(may_look(&board, &["hardship"], Lang::Zh), ["li"]);
}
