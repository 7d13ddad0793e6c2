//! An agent hands a call on, or asks somebody first: at each step either of them may vanish, and the callee is never
//! left alone, nor with two.
#![allow(clippy::unwrap_used)]

mod shell;

use shell::{Shell, answer, hung_up};
use waihu_agents::{AgentId, Input as BoardInput, Presence};
use waihu_call::{Agent, AgentEvent, AgentWish, ConsultEnd, Input, Leg, Onward};
use waihu_sip::Event;
use waihu_types::{Disposition, HandoverResult, Intent, OfferResult};

/// Li talks with the callee; Wang is free.
fn talking() -> Shell {
    let mut shell = Shell::answered(&[]);
    shell.sits_down("li");
    shell.say("对，我就是", Intent::Affirm);
    shell.say("给我转人工", Intent::RequestHuman);
    shell.hear_out();
    shell.wait(1_000);
    shell.desk_answers("li");
    assert!(shell.bridged);
    shell.wait(20_000);
    shell.sits_down("wang");
    shell
}

fn asks(shell: &mut Shell) {
    shell.input(Input::Wish(AgentWish::Consult(Onward::Agent(AgentId::new("wang")))));
    assert!(shell.held, "the callee hears music");
}

fn presence(shell: &Shell, name: &str) -> Option<Presence> {
    shell.agents.standing(&AgentId::new(name)).map(|s| s.presence)
}

/// Nobody has a call that is over, and nothing rings.
fn all_is_over(shell: &Shell) {
    let busy = |p| matches!(p, Presence::Offered | Presence::Talking);
    assert!(!shell.agents.standings().any(|s| busy(s.presence)));
    assert!(shell.agents.waiting().is_empty());
}

#[test]
fn who_was_asked_takes_the_call_and_the_first_is_free() {
    let mut shell = talking();
    asks(&mut shell);
    shell.wait(2_000);
    shell.desk_may_be_asked("wang");
    assert!(shell.consulted && shell.held);
    shell.wait(30_000);
    shell.input(Input::Wish(AgentWish::HandOver));
    assert!(!shell.held && shell.bridged);
    assert_eq!(presence(&shell, "li"), Some(Presence::WrappingUp));
    assert_eq!(presence(&shell, "wang"), Some(Presence::Talking));
    shell.wait(10_000);
    shell.input(Input::Agent(AgentEvent::HungUp));
    all_is_over(&shell);
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::HandedOver);
    let handover = ending.handover.unwrap();
    assert_eq!((handover.agent.as_str(), handover.result), ("wang", HandoverResult::Joined));
    assert_eq!(handover.talked.as_secs(), 62);
    let offers: Vec<_> = handover.offers.iter().map(|o| (o.agent.as_str(), o.end)).collect();
    assert_eq!(offers, [("li", OfferResult::Joined), ("wang", OfferResult::Joined)]);
}

#[test]
fn the_agent_comes_back_to_the_callee_however_asking_ends() {
    for (end, expected) in [
        ("returns", ConsultEnd::Wanted),
        ("declined", ConsultEnd::Nobody),
        ("rings out", ConsultEnd::Nobody),
        ("gone", ConsultEnd::Gone),
        ("no sound", ConsultEnd::Gone),
    ] {
        let mut shell = talking();
        asks(&mut shell);
        let wang = AgentId::new("wang");
        match end {
            "returns" => {
                shell.desk_may_be_asked("wang");
                shell.wait(5_000);
                shell.input(Input::Wish(AgentWish::Return));
            }
            "declined" => shell.board(BoardInput::Decline { agent: wang, call: shell::consult() }),
            "rings out" => shell.wait(16_000),
            "gone" => {
                shell.desk_may_be_asked("wang");
                shell.input(Input::Consulted(AgentEvent::Lost));
            }
            _ => {
                shell.board(BoardInput::Accept { agent: wang, call: shell::consult() });
                shell.wait(13_000);
            }
        }
        assert_eq!(shell.consults, [expected], "{end}");
        assert!(shell.bridged && !shell.held, "{end}");
        assert_eq!(presence(&shell, "li"), Some(Presence::Talking), "{end}");
        // And may ask again.
        asks(&mut shell);
        shell.sip(Leg::Callee, hung_up());
        all_is_over(&shell);
        assert_eq!(shell.end().conclusion.disposition, Disposition::HandedOver, "{end}");
    }
}

#[test]
fn handed_on_unseen_the_bot_says_so_and_the_next_is_sought() {
    let mut shell = talking();
    shell.without.push(AgentId::new("li"));
    let said = shell.said.len();
    shell.input(Input::Wish(AgentWish::HandOn(Onward::Skills(vec!["legal".to_owned()]))));
    assert!(!shell.bridged);
    assert_eq!(presence(&shell, "li"), Some(Presence::WrappingUp));
    shell.hear_out();
    assert_eq!(shell.said.len(), said + 1, "the callee hears that they are put through");
    shell.desk_answers("wang");
    assert!(shell.bridged);
    shell.sip(Leg::Callee, hung_up());
    let handover = shell.end().handover.unwrap();
    assert_eq!((handover.agent.as_str(), handover.offers.len()), ("wang", 2));
}

#[test]
fn handed_on_to_somebody_who_is_gone_others_are_asked_and_then_a_call_back_is_agreed() {
    let mut shell = talking();
    shell.without.push(AgentId::new("li"));
    let gone = AgentId::new("nobody");
    shell.input(Input::Wish(AgentWish::HandOn(Onward::Agent(gone))));
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::CallbackAgreed);
    let offers: Vec<_> = ending.handover.unwrap().offers.into_iter().map(|o| (o.agent, o.end)).collect();
    let expected = [("li", OfferResult::Joined), ("wang", OfferResult::NoAnswer)];
    assert_eq!(offers, expected.map(|(name, end)| (name.to_owned(), end)));
}

#[test]
fn an_agent_who_vanishes_leaves_the_callee_with_whoever_was_asked() {
    for hangs_up in [true, false] {
        let mut shell = talking();
        asks(&mut shell);
        shell.desk_may_be_asked("wang");
        shell.wait(1_000);
        let event = if hangs_up { AgentEvent::HungUp } else { AgentEvent::Lost };
        shell.input(Input::Agent(event));
        assert!(shell.bridged && !shell.held, "nobody is dropped");
        assert_eq!(presence(&shell, "wang"), Some(Presence::Talking));
        shell.sip(Leg::Callee, hung_up());
        all_is_over(&shell);
        assert_eq!(shell.end().handover.unwrap().agent, "wang");
    }
}

#[test]
fn an_agent_who_vanishes_while_it_rings_leaves_the_callee_with_the_bot() {
    let mut shell = talking();
    asks(&mut shell);
    shell.wait(1_000);
    let said = shell.said.len();
    shell.input(Input::Agent(AgentEvent::Lost));
    assert_eq!(shell.said.len(), said + 1);
    assert!(!shell.bridged && !shell.held);
    shell.hear_out();
    shell.desk_answers("wang");
    assert!(shell.bridged);
    shell.sip(Leg::Callee, hung_up());
    assert_eq!(shell.end().handover.unwrap().agent, "wang");
}

#[test]
fn who_hangs_up_while_it_rings_has_handed_on() {
    let mut shell = talking();
    shell.without.push(AgentId::new("li"));
    asks(&mut shell);
    shell.input(Input::Agent(AgentEvent::HungUp));
    assert!(shell.ending.is_none(), "the callee waits for Wang");
    shell.hear_out();
    shell.desk_answers("wang");
    assert!(shell.bridged);
}

#[test]
fn two_who_answer_at_once_are_not_both_joined() {
    let mut shell = talking();
    shell.sits_down("chen");
    shell.input(Input::Wish(AgentWish::Consult(Onward::Skills(Vec::new()))));
    let rings: Vec<_> =
        shell.agents.standings().filter(|s| s.presence == Presence::Offered).map(|s| s.agent).collect();
    assert_eq!(rings.len(), 1, "it rings at one desk");
    for name in ["wang", "chen"] {
        shell.board(BoardInput::Accept { agent: AgentId::new(name), call: shell::consult() });
    }
    shell.sip(Leg::Consulted, answer());
    let talking: Vec<_> = shell.agents.standings().filter(|s| s.presence == Presence::Talking).collect();
    assert_eq!(talking.len(), 2, "Li, and one of them");
    shell.input(Input::Wish(AgentWish::HandOver));
    assert_eq!(shell.agents.standings().filter(|s| s.presence == Presence::Talking).count(), 1);
}

#[test]
fn a_supervisor_who_takes_over_has_the_call_like_an_agent() {
    let mut shell = talking();
    let (id, name) = (AgentId::new("supervisor:zhao"), "ZHAO".to_owned());
    let by = Agent { id, name, reach: waihu_agents::Reach::Desk };
    shell.input(Input::Wish(AgentWish::TakenOver(by)));
    shell.board(BoardInput::Unwanted { call: shell::call() });
    assert!(shell.bridged);
    shell.wait(5_000);
    // Their network goes: the bot comes back, and seeks somebody.
    shell.input(Input::Agent(AgentEvent::Lost));
    shell.hear_out();
    shell.desk_answers("wang");
    assert!(shell.bridged);
    let offers: Vec<_> = {
        shell.sip(Leg::Callee, hung_up());
        shell.end().handover.unwrap().offers.into_iter().map(|o| (o.agent, o.end)).collect()
    };
    let expected = [("li", OfferResult::Joined), ("ZHAO", OfferResult::Lost), ("wang", OfferResult::Joined)];
    assert_eq!(offers, expected.map(|(name, end)| (name.to_owned(), end)));
}

#[test]
fn a_callee_who_hangs_up_while_both_are_introduced_leaves_nobody_on_the_line() {
    for at_ms in [0, 100, 2_500] {
        let mut shell = Shell::answered(&[]);
        shell.sits_down("li");
        shell.say("对，我就是", Intent::Affirm);
        shell.say("给我转人工", Intent::RequestHuman);
        shell.wait(1_000);
        shell.polite = false;
        shell.desk_answers("li");
        shell.wait(at_ms);
        shell.input(Input::Agent(AgentEvent::Briefed));
        shell.sip(Leg::Callee, hung_up());
        shell.wait(5_000);
        assert!(shell.hangups.contains(&Leg::Agent), "after {at_ms} ms");
        all_is_over(&shell);
    }
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let mut shell = Shell::answered(&[]);
    for wish in [AgentWish::HandOver, AgentWish::Return, AgentWish::HandOn(Onward::Skills(Vec::new()))] {
        shell.input(Input::Wish(wish));
    }
    shell.input(Input::Consulted(AgentEvent::Briefed));
    shell.sip(Leg::Consulted, answer());
    assert!(!shell.bridged && shell.hangups.is_empty() && shell.consults.is_empty());
    let mut shell = talking();
    shell.input(Input::Wish(AgentWish::HandOver));
    shell.input(Input::Wish(AgentWish::Return));
    assert!(shell.bridged && shell.ending.is_none());
    assert_eq!(presence(&shell, "li"), Some(Presence::Talking));
}

#[test]
fn a_callee_who_was_called_to_the_agent_by_their_own_side_is_handed_over() {
    let mut shell = Shell::answered(&[]);
    shell.behind_a_pbx(&["desk-1", "desk-2"]);
    shell.say("对，我就是", Intent::Affirm);
    shell.say("给我转人工", Intent::RequestHuman);
    shell.hear_out();
    // The first is busy there; the second answers.
    shell.sip(Leg::Callee, Event::Transfer { code: 100 });
    shell.sip(Leg::Callee, Event::Transfer { code: 486 });
    assert_eq!(shell.desks, ["desk-1", "desk-2"]);
    shell.wait(4_000);
    shell.sip(Leg::Callee, Event::Transfer { code: 200 });
    assert!(shell.hangups.contains(&Leg::Callee), "it is over for us");
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::HandedOver);
    let handover = ending.handover.unwrap();
    assert_eq!((handover.agent.as_str(), handover.result), ("desk-2", HandoverResult::Joined));
    let offers: Vec<_> = handover.offers.iter().map(|o| o.end).collect();
    assert_eq!(offers, [OfferResult::Declined, OfferResult::Joined]);
}
