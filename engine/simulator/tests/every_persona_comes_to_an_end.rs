//! No persona holds a call for ever, whatever the bot does: in virtual time.
#![allow(clippy::unwrap_used)] // helpers of tests may fail them

use std::time::Duration;

use waihu_simulator::{
    persona::{Input, Machine, Output, Persona, Pickup},
    read_personas,
};
use waihu_types::Time;

/// How long the callee's own lines take [ms].
const LINE_MS: u64 = 2_500;

/// Plays a call with a bot that speaks for `speak_ms` whenever the callee has been quiet for
/// `think_ms`; what the callee did, with its time.
fn play(persona: &Persona, speak_ms: u64, think_ms: u64, limit: Time) -> Vec<(Time, Output)> {
    let mut machine = Machine::new(persona.clone());
    let mut done = Vec::new();
    let mut events: Vec<(Time, Input)> = vec![(Time::ZERO, Input::Invited)];
    loop {
        events.sort_by_key(|(t, _)| *t);
        let next = events.first().map(|(t, _)| *t);
        let (now, input) = match (next, machine.poll_timeout()) {
            (Some(e), Some(t)) if t < e => (t, Input::Timeout),
            (Some(_), _) => events.remove(0),
            (None, Some(t)) => (t, Input::Timeout),
            (None, None) => return done,
        };
        if now > limit {
            return done;
        }
        machine.handle_input(now, input);
        let ms = |n: u64| now + Duration::from_millis(n);
        if input == Input::BotStarted {
            events.push((ms(speak_ms), Input::BotStopped { spoke_ms: speak_ms }));
        }
        let mut bot_turn = matches!(input, Input::BotStopped { .. }) || input == Input::ActDone;
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Play(_) | Output::Press(_) => {
                    events.push((ms(LINE_MS), Input::ActDone));
                    bot_turn = false;
                }
                Output::Answer => bot_turn = true,
                _ => {}
            }
            done.push((now, output));
        }
        if bot_turn && think_ms < u64::MAX && !events.iter().any(|(_, e)| *e == Input::BotStarted) {
            events.push((ms(think_ms), Input::BotStarted));
        }
        if machine.is_over() {
            return done;
        }
    }
}

fn all() -> impl Iterator<Item = Persona> {
    let all = read_personas(waihu_simulator::practice::PERSONAS).unwrap();
    all.iter().cloned().collect::<Vec<_>>().into_iter()
}

#[test]
fn who_is_called_by_a_bot_that_never_stops_asking_hangs_up_within_five_minutes() {
    let limit = Time::from_millis(300_000);
    for persona in all().filter(|p| p.pickup == Pickup::Answer) {
        let done = play(&persona, 5_000, 1_500, limit);
        assert_eq!(done.last().map(|d| &d.1), Some(&Output::HangUp), "{}", persona.name);
    }
}

#[test]
fn who_is_called_by_a_bot_that_never_speaks_hangs_up_within_two_minutes() {
    let limit = Time::from_millis(120_000);
    // Who never stops has no silence to lose patience in.
    for persona in all().filter(|p| p.pickup == Pickup::Answer && !p.again) {
        let done = play(&persona, 0, u64::MAX, limit);
        assert_eq!(done.last().map(|d| &d.1), Some(&Output::HangUp), "{}", persona.name);
    }
}

#[test]
fn who_does_not_answer_says_nothing() {
    for persona in all() {
        let all = play(&persona, 5_000, 1_500, Time::from_millis(60_000)).into_iter().map(|(_, o)| o);
        let early = |o: &Output| {
            matches!(o, Output::Progress) || matches!(o, Output::Play(a) if persona.early.contains(a))
        };
        let outputs: Vec<Output> = all.filter(|o| !early(o)).collect();
        match persona.pickup {
            Pickup::Answer => assert_eq!(outputs[..2], [Output::Ring, Output::Answer], "{}", persona.name),
            Pickup::NoAnswer => assert_eq!(outputs, [Output::Ring], "{}", persona.name),
            Pickup::Decline(code) => {
                assert_eq!(outputs, [Output::Ring, Output::Reject(code)], "{}", persona.name);
            }
        }
    }
}
