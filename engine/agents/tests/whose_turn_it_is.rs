//! Who is asked, in which order, and how an offer ends.
#![allow(clippy::unwrap_used)]

mod board;

use board::{Board, agent, call, need, phone};
use waihu_agents::{AgentId, AwayNote, Input, Need, OfferEnd, Output, Presence, Urgency, Wish};
use waihu_types::Lang;

#[test]
fn the_best_at_it_is_asked_first_and_anybody_before_nobody() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.comes(agent("b", &[("hardship", 2)]));
    board.comes(agent("c", &[("hardship", 5)]));
    board.comes(agent("d", &[("hardship", 4), ("legal", 1)]));
    board.seeks("1", need(&["hardship"]));
    let mut asked = String::new();
    while let Some(at) = board.rings("1") {
        asked += &at;
        board.declines(&at, "1");
    }
    assert_eq!(asked, "cdba");
    assert_eq!(board.missing, [call("1")], "all were asked");
    board.seeks("2", need(&["hardship", "legal"]));
    assert_eq!(board.rings("2").unwrap(), "d", "who has both");
}

#[test]
fn without_the_callees_language_nobody_is_asked() {
    let mut board = Board::new();
    let mut english = agent("e", &[]);
    english.langs = vec![Lang::En];
    board.comes(english);
    board.seeks("1", need(&[]));
    assert_eq!((board.rings("1"), board.missing.len()), (None, 1));
    board.seeks("2", Need { lang: Lang::En, ..need(&[]) });
    assert_eq!(board.rings("2").unwrap(), "e");
}

#[test]
fn whom_the_debtor_knows_comes_before_who_has_waited_longest() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.wait(60);
    board.comes(agent("b", &[]));
    board.seeks("1", Need { last_agent: Some(AgentId::new("b")), ..need(&[]) });
    assert_eq!(board.rings("1").unwrap(), "b");
    board.seeks("2", need(&[]));
    assert_eq!(board.rings("2").unwrap(), "a");
}

#[test]
fn work_is_shared_by_load_and_then_by_who_has_waited_longest() {
    let mut board = Board::new();
    for name in ["a", "b", "c"] {
        board.comes(agent(name, &[]));
        board.wait(1);
    }
    let mut took = String::new();
    for n in 0..6 {
        let id = n.to_string();
        board.seeks(&id, need(&[]));
        let at = board.rings(&id).unwrap();
        board.takes(&at, &id);
        board.wait(if at == "b" { 1_000 } else { 60 });
        board.unwanted(&id);
        board.wraps_up(&at);
        took += &at;
    }
    assert_eq!(took, "abcaca", "b has had a quarter of an hour more");
}

#[test]
fn a_desk_that_rings_out_is_followed_by_the_next_and_twice_in_a_row_sends_away() {
    let mut board = Board::new();
    board.comes(agent("a", &[("x", 5)]));
    board.comes(agent("b", &[]));
    board.seeks("1", need(&["x"]));
    board.wait(20);
    assert_eq!(board.ends, [("a".into(), "1".into(), OfferEnd::RangOut)]);
    assert_eq!(board.rings("1").unwrap(), "b");
    board.takes("b", "1");
    assert_eq!(board.presence("a"), Presence::Available, "once may happen");
    board.seeks("2", need(&["x"]));
    board.wait(20);
    let a = board.standing("a").unwrap();
    assert_eq!((a.presence, a.wish, a.note), (Presence::Away, Wish::Away, Some(AwayNote::RangOut)));
    assert_eq!(board.missing.len(), 0, "b will be free again");
    board.unwanted("1");
    board.wraps_up("b");
    assert_eq!(board.rings("2").unwrap(), "b");
    board.wants("a", Wish::Available);
    assert_eq!(board.standing("a").unwrap().note, None);
}

#[test]
fn an_answer_in_between_makes_ring_outs_count_from_the_beginning() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    for n in 0..4 {
        let id = n.to_string();
        board.seeks(&id, need(&[]));
        if n % 2 == 0 {
            board.wait(20);
        } else {
            board.takes("a", &id);
            board.unwanted(&id);
            board.wraps_up("a");
        }
        assert_eq!(board.presence("a"), Presence::Available);
    }
}

#[test]
fn of_two_answers_the_second_is_told_that_it_is_too_late() {
    let mut board = Board::new();
    board.comes(agent("a", &[("x", 5)]));
    board.comes(agent("b", &[]));
    board.seeks("1", need(&["x"]));
    board.wait(20);
    board.takes("b", "1");
    board.accepts("a", "1");
    assert_eq!(board.too_late, [("a".to_owned(), "1".to_owned())]);
    board.accepts("b", "1");
    assert_eq!(board.too_late.len(), 2, "nor is it taken twice by the same");
    assert_eq!(board.presence("a"), Presence::Available);
}

#[test]
fn who_waits_is_served_in_their_order_but_distress_and_complaints_before() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.seeks("0", need(&[]));
    board.takes("a", "0");
    let of = |urgency| Need { urgency, ..need(&[]) };
    board.seeks("1", of(Urgency::Usual));
    board.seeks("2", of(Urgency::Usual));
    board.seeks("3", of(Urgency::Complaint));
    board.seeks("4", of(Urgency::Distress));
    let mut served = String::new();
    let mut last = "0".to_owned();
    for _ in 0..4 {
        board.unwanted(&last);
        board.wraps_up("a");
        last = ["1", "2", "3", "4"].into_iter().find(|c| board.rings(c).is_some()).unwrap().to_owned();
        board.takes("a", &last);
        served += &last;
    }
    assert_eq!(served, "4312");
}

#[test]
fn a_desk_keeps_its_call_through_a_reload_and_loses_it_after_the_grace() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.seeks("1", need(&[]));
    board.takes("a", "1");
    board.goes("a");
    board.wait(29);
    board.comes_back(agent("a", &[]));
    board.wait(60);
    assert_eq!((board.presence("a"), board.lost.len()), (Presence::Talking, 0));
    board.goes("a");
    board.wait(31);
    assert_eq!(board.lost, [("a".to_owned(), "1".to_owned())]);
    assert_eq!(board.standing("a"), None);
    board.seeks("1", need(&[]));
    assert_eq!(board.missing.len(), 1, "nobody is there any more");
}

#[test]
fn a_desk_whose_session_is_ended_loses_its_call_at_once_and_is_gone() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.comes(agent("b", &[]));
    board.comes(phone("p", 0));
    board.seeks("1", need(&[]));
    board.takes("a", "1");
    board.seeks("2", need(&[]));
    assert_eq!(board.rings("2").unwrap(), "b");
    for id in ["a", "b", "p", "nobody"] {
        board.input(Input::SignedOut { agent: AgentId::new(id) });
    }
    assert_eq!(board.lost, [("a".to_owned(), "1".to_owned())], "nobody waits for them to come back");
    assert_eq!(board.ends, [("b".into(), "2".into(), OfferEnd::DeskGone)]);
    assert_eq!((board.standing("a"), board.standing("b")), (None, None));
    assert_eq!(board.rings("2").unwrap(), "p", "a telephone has no session");
}

#[test]
fn a_desk_that_goes_while_it_rings_hands_the_call_on_at_once() {
    let mut board = Board::new();
    board.comes(agent("a", &[("x", 5)]));
    board.comes(agent("b", &[]));
    board.seeks("1", need(&["x"]));
    board.goes("a");
    assert_eq!(board.ends, [("a".into(), "1".into(), OfferEnd::DeskGone)]);
    assert_eq!(board.rings("1").unwrap(), "b");
}

#[test]
fn a_wrap_up_has_an_end_can_be_ended_and_is_prolonged_only_so_far() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    let talk = |board: &mut Board, id: &str| {
        board.seeks(id, need(&[]));
        board.takes("a", id);
        board.wait(30);
        board.unwanted(id);
        assert_eq!(board.presence("a"), Presence::WrappingUp);
    };
    talk(&mut board, "1");
    board.wait(59);
    assert_eq!(board.presence("a"), Presence::WrappingUp);
    board.wait(1);
    assert_eq!(board.presence("a"), Presence::Available);
    talk(&mut board, "2");
    board.wraps_up("a");
    assert_eq!(board.presence("a"), Presence::Available);
    talk(&mut board, "3");
    for _ in 0..20 {
        board.wraps_up_longer("a");
        board.wait(30);
    }
    assert_eq!(board.presence("a"), Presence::Available, "five minutes are the most");
}

#[test]
fn a_break_waits_for_the_end_of_the_call() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.seeks("1", need(&[]));
    board.takes("a", "1");
    board.wants("a", Wish::OnBreak);
    assert_eq!(board.presence("a"), Presence::Talking);
    board.unwanted("1");
    board.wraps_up("a");
    assert_eq!(board.presence("a"), Presence::OnBreak);
    board.seeks("2", need(&[]));
    assert_eq!(board.missing.len(), 1);
}

#[test]
fn telephones_are_asked_after_desks_in_their_files_order_and_wrap_nothing_up() {
    let mut board = Board::new();
    board.comes_back(phone("z", 0));
    board.comes_back(phone("a", 1));
    board.comes(agent("m", &[]));
    board.seeks("1", need(&[]));
    let mut asked = String::new();
    while let Some(at) = board.rings("1") {
        asked += &at;
        board.declines(&at, "1");
    }
    assert_eq!(asked, "mza");
    board.seeks("2", need(&[]));
    board.takes("m", "2");
    board.seeks("3", need(&[]));
    board.takes("z", "3");
    board.unwanted("3");
    assert_eq!(board.presence("z"), Presence::Available);
    board.goes("z");
    board.wants("z", Wish::Away);
    assert_eq!(board.presence("z"), Presence::Available, "a telephone has no desk that could go");
}

#[test]
fn a_call_that_ends_while_it_rings_stops_the_ringing() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.seeks("1", need(&[]));
    board.unwanted("1");
    assert_eq!(board.ends, [("a".into(), "1".into(), OfferEnd::Unwanted)]);
    assert_eq!(board.presence("a"), Presence::Available);
    board.accepts("a", "1");
    assert_eq!(board.too_late.len(), 1);
}

#[test]
fn a_time_that_has_not_come_changes_nothing() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.seeks("1", need(&[]));
    let before: Vec<_> = board.machine.standings().collect();
    board.input(Input::Timeout);
    assert_eq!(before, board.machine.standings().collect::<Vec<_>>());
    assert_eq!(
        board.told.last(),
        Some(&Output::Offer {
            agent: AgentId::new("a"),
            call: call("1"),
            until: board.machine.poll_timeout().unwrap(),
        })
    );
}

#[test]
fn who_waits_is_told_their_place_and_how_long_it_takes_once_that_is_known() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.comes(agent("b", &[]));
    let place = |board: &Board, id: &str| board.machine.place(&call(id)).map(|p| (p.place, p.expected));
    for n in ["1", "2", "3", "4"] {
        board.seeks(n, need(&[]));
    }
    assert_eq!(
        (place(&board, "1"), place(&board, "3"), place(&board, "4")),
        (None, Some((1, None)), Some((2, None)))
    );
    // Each call takes 100 s with its wrap-up.
    board.seeks("5", Need { urgency: Urgency::Distress, ..need(&[]) });
    for (at, id) in [("a", "1"), ("b", "2"), ("a", "5"), ("b", "3")] {
        assert_eq!(board.rings(id).as_deref(), Some(at));
        board.takes(at, id);
        board.wait(if at == "b" { 90 } else { 0 });
        if at == "b" {
            for (at, id) in if id == "2" { [("a", "1"), ("b", "2")] } else { [("a", "5"), ("b", "3")] } {
                board.unwanted(id);
                board.wait(if at == "b" { 10 } else { 0 });
                board.wraps_up(at);
            }
        }
    }
    board.seeks("6", need(&[]));
    let (first, second) = (place(&board, "4"), place(&board, "6"));
    assert_eq!(first, None, "it rings");
    board.takes("a", "4");
    board.seeks("7", need(&[]));
    assert_eq!(board.rings("6").as_deref(), Some("b"));
    board.takes("b", "6");
    assert_eq!(second, None);
    let (place, expected) = place(&board, "7").unwrap();
    assert_eq!(place, 1);
    assert!((45..=55).contains(&expected.unwrap().as_secs()), "two agents, 100 s a call: {expected:?}");
}

#[test]
fn a_desk_that_answers_by_itself_rings_for_five_seconds() {
    let mut board = Board::new();
    let mut at_once = agent("a", &[("x", 5)]);
    at_once.answers = waihu_types::Answers::AtOnce;
    board.comes(at_once);
    board.comes(agent("b", &[]));
    board.seeks("1", need(&["x"]));
    board.wait(4);
    assert_eq!(board.rings("1").as_deref(), Some("a"));
    board.wait(1);
    assert_eq!(board.rings("1").as_deref(), Some("b"), "its page does not work");
}

#[test]
fn a_call_for_one_agent_waits_for_them_and_is_nobody_elses() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.comes(agent("b", &[]));
    board.seeks("0", need(&[]));
    board.takes("a", "0");
    board.seeks("1", Need { only: Some(AgentId::new("a")), ..need(&[]) });
    assert_eq!((board.rings("1"), board.missing.len()), (None, 0), "b is free, and is not asked");
    board.unwanted("0");
    board.wraps_up("a");
    assert_eq!(board.rings("1").as_deref(), Some("a"));
    board.seeks("2", Need { only: Some(AgentId::new("nobody")), ..need(&[]) });
    assert_eq!(board.missing, [call("2")]);
}

#[test]
fn who_was_asked_about_a_call_takes_it_and_the_first_wraps_up() {
    let mut board = Board::new();
    board.comes(agent("a", &[]));
    board.comes(agent("b", &[]));
    board.seeks("1", need(&[]));
    board.takes("a", "1");
    board.seeks("1.2", Need { without: vec![AgentId::new("a")], ..need(&[]) });
    board.takes("b", "1.2");
    board.input(waihu_agents::Input::HandOver { consult: call("1.2"), call: call("1") });
    assert_eq!((board.presence("a"), board.presence("b")), (Presence::WrappingUp, Presence::Talking));
    assert_eq!(board.standing("b").unwrap().call, Some(call("1")));
    board.unwanted("1.2");
    assert_eq!(board.presence("b"), Presence::Talking, "that is over already");
    board.unwanted("1");
    assert_eq!(board.presence("b"), Presence::WrappingUp);
    // Where the second is gone, nothing is handed over.
    board.wraps_up("a");
    board.seeks("3", need(&[]));
    board.takes("a", "3");
    board.input(waihu_agents::Input::HandOver { consult: call("3.2"), call: call("3") });
    assert_eq!(board.presence("a"), Presence::Talking);
}
