//! The warm transfer: an agent is told who it is before the callee hears them; whoever is lost is followed by the bot.
#![allow(clippy::unwrap_used)]

mod shell;

use shell::{Shell, answer, failed, hung_up};
use waihu_agents::{AgentId, Input as BoardInput, Presence};
use waihu_call::{AgentEvent, Input, Leg, MediaEvent, Part};
use waihu_sip::{Event, FailureCause};
use waihu_types::{Disposition, HandoverResult, Intent, OfferResult};

fn wants_human(agents: &[&str]) -> Shell {
    let mut shell = Shell::answered(agents);
    asks(&mut shell);
    shell
}

fn asks(shell: &mut Shell) {
    shell.say("对，我就是", Intent::Affirm);
    shell.say("给我转人工", Intent::RequestHuman);
    shell.hear_out();
}

/// A call that an agent at a desk has taken.
fn with_agent() -> Shell {
    let mut shell = Shell::answered(&[]);
    shell.sits_down("li");
    asks(&mut shell);
    shell.wait(3_000);
    shell.desk_answers("li");
    assert!(shell.bridged);
    shell
}

#[test]
fn a_telephone_is_told_who_it_is_and_then_joined() {
    let mut shell = wants_human(&["desk-1"]);
    shell.polite = false;
    shell.sip(Leg::Agent, answer());
    assert_eq!((shell.briefed, shell.bridged), (1, false), "the callee hears nothing of it");
    assert_eq!(shell.connects.last(), Some(&(Leg::Agent, Part::Answer)));
    shell.wait(2_000);
    shell.input(Input::Agent(AgentEvent::Briefed));
    assert!(shell.bridged);
}

#[test]
fn a_desk_is_called_once_it_has_said_yes() {
    let mut shell = Shell::answered(&[]);
    shell.sits_down("li");
    asks(&mut shell);
    assert_eq!(shell.desks.len(), 0, "it rings on the page alone");
    shell.wait(5_000);
    shell.desk_answers("li");
    assert_eq!((&shell.desks[..], shell.bridged), (&["li".to_owned()][..], true));
    shell.wait(60_000);
    shell.input(Input::Agent(AgentEvent::HungUp));
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::HandedOver);
    let handover = ending.handover.unwrap();
    assert_eq!((handover.waited.as_secs(), handover.talked.as_secs()), (5, 60));
    let offers: Vec<_> = handover.offers.iter().map(|o| (o.agent.as_str(), o.end)).collect();
    assert_eq!(offers, [("li", OfferResult::Joined)]);
}

#[test]
fn an_agent_without_sound_is_followed_by_the_next() {
    let mut shell = Shell::answered(&["desk-1"]);
    shell.sits_down("li");
    asks(&mut shell);
    shell.board(BoardInput::Accept { agent: AgentId::new("li"), call: shell::call() });
    // Nothing comes of the handshake, or the page answers nothing at all.
    shell.board(BoardInput::Wants { agent: AgentId::new("li"), wish: waihu_agents::Wish::OnBreak });
    shell.wait(13_000);
    shell.hear_out();
    assert_eq!(shell.desks, ["li", "desk-1"]);
    shell.sip(Leg::Agent, answer());
    assert!(shell.bridged);
    let offers: Vec<_> = {
        shell.sip(Leg::Agent, hung_up());
        shell.end().handover.unwrap().offers.into_iter().map(|o| o.end).collect()
    };
    assert_eq!(offers, [OfferResult::Lost, OfferResult::Joined]);
}

#[test]
fn an_agent_who_is_lost_in_the_talk_leaves_nobody_in_silence() {
    let mut shell = with_agent();
    // Much longer than the dialog waits for anything, and than a call may last.
    shell.wait(400_000);
    let said = shell.said.len();
    shell.board(BoardInput::DeskGone { agent: AgentId::new("li") });
    shell.wait(29_000);
    assert_eq!(shell.said.len(), said, "a page may load anew");
    shell.wait(2_000);
    assert!(!shell.bridged);
    assert!(shell.said.len() > said, "the bot is back");
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::CallbackAgreed, "and ends it honestly");
    let handover = ending.handover.unwrap();
    assert_eq!((handover.result, handover.offers[0].end), (HandoverResult::Failed, OfferResult::Lost));
    assert_eq!(handover.talked.as_secs(), 430);
}

#[test]
fn the_next_agent_takes_over_from_one_who_was_lost() {
    let mut shell = with_agent();
    shell.sits_down("wang");
    shell.wait(30_000);
    shell.input(Input::Agent(AgentEvent::Lost));
    shell.hear_out();
    shell.wait(1_000);
    shell.desk_answers("wang");
    assert!(shell.bridged);
    shell.wait(20_000);
    shell.sip(Leg::Callee, hung_up());
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::HandedOver);
    let handover = ending.handover.unwrap();
    assert_eq!((handover.agent.as_str(), handover.result), ("wang", HandoverResult::Joined));
    assert_eq!(handover.talked.as_secs(), 50);
    assert_eq!(handover.offers.len(), 2);
}

#[test]
fn agents_who_are_lost_one_after_the_other_come_to_an_end() {
    let mut shell = Shell::answered(&["a"]);
    asks(&mut shell);
    for _ in 0..6 {
        if shell.ending.is_none() {
            shell.sip(Leg::Agent, answer());
            shell.wait(1_000);
            shell.input(Input::Agent(AgentEvent::Lost));
            shell.hear_out();
            shell.wait(500);
        }
    }
    assert_eq!(shell.desks.len(), 4);
    assert_eq!(shell.end().conclusion.disposition, Disposition::CallbackAgreed);
}

#[test]
fn a_callee_who_hangs_up_in_the_whisper_leaves_no_leg_up() {
    let mut shell = wants_human(&["desk-1"]);
    shell.polite = false;
    shell.sip(Leg::Agent, answer());
    shell.sip(Leg::Callee, hung_up());
    shell.wait(5_000);
    assert!(shell.hangups.contains(&Leg::Agent));
    assert!(!shell.agents.standings().any(|s| s.call.is_some()), "the telephone is free again");
    let ending = shell.ending.unwrap();
    assert_eq!(ending.handover.unwrap().offers[0].end, OfferResult::Withdrawn);
}

#[test]
fn who_wants_no_further_calls_while_it_rings_is_heeded() {
    let mut shell = wants_human(&["desk-1"]);
    shell.say("别再打给我了", Intent::StopCalling);
    assert!(shell.hangups.contains(&Leg::Agent));
    assert_eq!(shell.end().conclusion.disposition, Disposition::StopCalling);
}

#[test]
fn a_page_that_was_loaded_anew_takes_its_sound_up_again() {
    let mut shell = with_agent();
    let before = shell.connects.len();
    shell.sip(Leg::Agent, answer());
    assert_eq!((shell.connects.len(), shell.briefed, shell.bridged), (before + 1, 1, true));
}

#[test]
fn the_callees_media_that_is_lost_ends_the_talk_too() {
    let mut shell = with_agent();
    shell.input(Input::Media(MediaEvent::Lost));
    assert!(shell.hangups.contains(&Leg::Callee));
    let ending = shell.end();
    assert!(ending.engine_failed);
    assert_eq!(ending.conclusion.disposition, Disposition::HandedOver);
}

#[test]
fn an_agent_who_has_hung_up_is_not_lost() {
    let mut shell = wants_human(&["desk-1"]);
    shell.sip(Leg::Agent, answer());
    shell.polite = false;
    shell.sip(Leg::Agent, hung_up());
    // The signalling of the leg has nothing more to say.
    shell.sip(Leg::Agent, failed(408, FailureCause::TransportError));
    let said = shell.said.len();
    shell.sip(Leg::Callee, hung_up());
    assert_eq!(shell.said.len(), said);
    assert_eq!(shell.end().conclusion.disposition, Disposition::HandedOver);
}

#[test]
fn a_telephone_that_is_busy_is_no_agent_lost() {
    let mut shell = wants_human(&["desk-1", "desk-2"]);
    shell.sip(Leg::Agent, failed(486, FailureCause::Rejected));
    shell.sip(Leg::Agent, failed(486, FailureCause::Rejected));
    let ending = shell.end();
    let handover = ending.handover.unwrap();
    assert_eq!(handover.result, HandoverResult::Failed);
    assert!(handover.offers.iter().all(|o| o.end == OfferResult::Declined));
    assert_eq!(ending.conclusion.disposition, Disposition::CallbackAgreed);
}

#[test]
fn an_agent_is_there_when_the_callee_has_heard_that_they_are_put_through() {
    let mut shell = Shell::answered(&[]);
    shell.sits_down("li");
    shell.say("对，我就是", Intent::Affirm);
    shell.say("给我转人工", Intent::RequestHuman);
    shell.polite = false;
    shell.wait(700);
    assert!(shell.playing.is_some(), "the words are still spoken");
    // A desk that answers by itself: the tone, and two seconds of whisper.
    shell.wait(300);
    shell.desk_answers("li");
    assert_eq!((shell.briefed, shell.bridged), (1, false));
    shell.wait(2_000);
    shell.input(Input::Agent(AgentEvent::Briefed));
    shell.hear_out();
    assert!(shell.bridged);
    shell.wait(9_000);
    shell.input(Input::Agent(AgentEvent::HungUp));
    let handover = shell.end().handover.unwrap();
    assert!(handover.waited.as_millis() < 2_000, "{:?}: nobody was abandoned", handover.waited);
}

#[test]
fn both_are_introduced_by_the_agents_name() {
    let shell = with_agent();
    assert_eq!(shell.introduced, ["li已经接通，请讲。"]);
}

#[test]
fn who_waits_hears_music_and_now_and_then_how_it_stands() {
    let mut shell = Shell::answered(&["desk-1", "desk-2", "desk-3"]);
    asks(&mut shell);
    let said = shell.said.len();
    shell.wait = waihu_dialog::Wait { place: Some(2), expected: Some(std::time::Duration::from_secs(100)) };
    let mut music = 0;
    for _ in 0..140 {
        shell.wait(100);
        assert!(shell.music || shell.playing.is_some(), "never silence");
        music += u32::from(shell.music);
    }
    assert_eq!(shell.said[said..], ["您排在第2位，大约还要等2分钟，请不要挂机。"]);
    assert!((100..115).contains(&music), "{music} tenths of a second of music");
    // What is not known is not told, and nothing is said more often than each twenty seconds.
    shell.wait = waihu_dialog::Wait::default();
    shell.wait(15_000);
    assert_eq!(shell.said[said..].len(), 2);
    assert_eq!(shell.said.last().unwrap(), "谢谢您耐心等待，正在为您接通。");
    shell.sip(Leg::Agent, answer());
    assert!(shell.bridged && !shell.music);
}

#[test]
fn an_agent_whom_the_callees_side_reaches_before_the_words_are_spoken_has_the_call() {
    let mut shell = Shell::answered(&[]);
    shell.behind_a_pbx(&["desk-1"]);
    shell.say("对，我就是", Intent::Affirm);
    shell.say("给我转人工", Intent::RequestHuman);
    shell.wait(700);
    shell.sip(Leg::Callee, Event::Transfer { code: 200 });
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::HandedOver);
    let handover = ending.handover.unwrap();
    assert_eq!((handover.result, handover.waited.as_millis()), (HandoverResult::Joined, 0));
    let offers: Vec<_> = handover.offers.iter().map(|o| (o.agent.as_str(), o.end)).collect();
    assert_eq!(offers, [("desk-1", OfferResult::Joined)]);
}

/// A call for which the callee's side was asked to call the first of these, who rings out for us.
fn rings_out(agents: &[&str]) -> Shell {
    let mut shell = Shell::answered(&[]);
    shell.behind_a_pbx(agents);
    asks(&mut shell);
    for _ in 0..160 {
        shell.wait(100);
        assert!(shell.music || shell.playing.is_some() || agents.len() == 1, "who waits is not in silence");
    }
    assert_eq!(shell.desks, ["desk-1"], "the callee's side calls one at a time");
    shell
}

#[test]
fn an_agent_who_rang_out_for_us_and_picks_up_where_the_callees_side_calls_has_the_call() {
    // The bot is back with the callee, or the next one waits to be called.
    for agents in [&["desk-1"][..], &["desk-1", "desk-2"][..]] {
        let mut shell = rings_out(agents);
        shell.sip(Leg::Callee, Event::Transfer { code: 200 });
        assert!(shell.hangups.contains(&Leg::Callee), "it is over for us");
        let ending = shell.end();
        assert_eq!(ending.conclusion.disposition, Disposition::HandedOver);
        let handover = ending.handover.unwrap();
        assert_eq!((handover.agent.as_str(), handover.result), ("desk-1", HandoverResult::Joined));
        let offers: Vec<_> = handover.offers.iter().map(|o| o.end).collect();
        assert_eq!(offers, [OfferResult::Joined, OfferResult::Withdrawn][..agents.len()]);
    }
}

#[test]
fn the_callees_side_is_asked_to_call_the_next_agent_once_it_has_told_of_the_first() {
    let mut shell = rings_out(&["desk-1", "desk-2"]);
    shell.sip(Leg::Callee, Event::Transfer { code: 180 });
    assert_eq!(shell.desks, ["desk-1"]);
    shell.sip(Leg::Callee, Event::Transfer { code: 480 });
    assert_eq!(shell.desks, ["desk-1", "desk-2"]);
    shell.wait(3_000);
    shell.sip(Leg::Callee, Event::Transfer { code: 200 });
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::HandedOver);
    let handover = ending.handover.unwrap();
    assert_eq!((handover.agent.as_str(), handover.result), ("desk-2", HandoverResult::Joined));
    let offers: Vec<_> = handover.offers.iter().map(|o| o.end).collect();
    assert_eq!(offers, [OfferResult::NoAnswer, OfferResult::Joined]);
}

#[test]
fn a_desk_that_talks_gives_way_to_whom_the_callees_side_has_reached() {
    let mut shell = Shell::answered(&[]);
    shell.behind_a_pbx(&["desk-1"]);
    asks(&mut shell);
    shell.sits_down("li");
    shell.wait(16_000);
    shell.desk_answers("li");
    assert!(shell.bridged);
    shell.wait(10_000);
    shell.sip(Leg::Callee, Event::Transfer { code: 200 });
    assert!(shell.hangups.contains(&Leg::Callee));
    assert!(!shell.agents.standings().any(|s| s.presence == Presence::Talking), "Li is not left on the line");
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::HandedOver);
    let handover = ending.handover.unwrap();
    assert_eq!((handover.agent.as_str(), handover.talked.as_secs()), ("desk-1", 10));
    assert!(handover.offers.iter().all(|o| o.end == OfferResult::Joined));
}

#[test]
fn words_that_lead_elsewhere_stop_what_rang_ahead_of_them() {
    let mut shell = Shell::answered(&[]);
    shell.sits_down("li");
    shell.say("对，我就是", Intent::Affirm);
    shell.say("给我转人工", Intent::RequestHuman);
    shell.wait(700);
    assert!(shell.agents.standings().any(|s| s.call.is_some()), "it rings while the words are spoken");
    shell.starts_speaking();
    shell.voices(1_100);
    shell.heard("别再打给我了", Intent::StopCalling);
    shell.wait(100);
    assert!(!shell.agents.standings().any(|s| s.call.is_some()), "it rings no longer");
    let ending = shell.end();
    assert_eq!(ending.conclusion.disposition, Disposition::StopCalling);
    assert_eq!(ending.handover, None, "nobody waited for an agent");
}

#[test]
fn nobody_there_is_told_when_the_words_are_spoken_and_somebody_may_come_meanwhile() {
    let mut shell = Shell::answered(&[]);
    shell.say("对，我就是", Intent::Affirm);
    shell.say("给我转人工", Intent::RequestHuman);
    shell.wait(1_000);
    assert!(shell.agents.waiting().is_empty(), "nobody is there");
    shell.sits_down("li");
    shell.hear_out();
    assert!(shell.agents.standings().any(|s| s.call.is_some()), "now somebody is");
}

/// A person is wanted, and nobody is there; agents are back then.
fn nobody_until(back: Option<jiff::civil::DateTime>) -> Shell {
    let mut shell = Shell::answered(&[]);
    shell.input(Input::Agent(AgentEvent::Back(back)));
    asks(&mut shell);
    shell
}

#[test]
fn after_hours_it_is_told_when_agents_are_back_and_they_call_then() {
    let was_told = |shell: &Shell, words: &str| shell.said.last().is_some_and(|line| line.contains(words));
    let back = jiff::civil::date(2026, 11, 25).at(9, 0, 0, 0);
    let mut shell = nobody_until(Some(back));
    assert!(was_told(&shell, "同事们明天上午9点上班"), "{:?}", shell.said);
    assert!(shell.said.iter().all(|line| !line.contains("没有空闲")), "nobody is busy: {:?}", shell.said);
    shell.say("嗯", Intent::Acknowledge);
    shell.hear_out();
    assert!(was_told(&shell, "明天上午9点上班后给您回电"), "{:?}", shell.said);
    let callback = shell.end().conclusion.callback.unwrap();
    let agreed = (callback.date, callback.time, callback.by_agent);
    assert_eq!(agreed, (Some(back.date()), Some(back.time()), true));

    let shell = nobody_until(None);
    assert!(was_told(&shell, "现在没有空闲的同事"), "{:?}", shell.said);
}
