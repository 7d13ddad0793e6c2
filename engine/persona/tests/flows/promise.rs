//! A call that comes to a promise, without a simulated debtor: yes, a question, a day, another day, yes.
#![allow(dead_code)]

use std::{sync::Arc, time::Duration};

use waihu_dialog::{Input, Interpreter, Output, PromptId, Script, Utterance};
use waihu_persona::{Scene, fuzz::Values};
use waihu_types::{Intent, Lang, Time};

/// What the callee says, one after the other.
pub fn words(scene: &Scene) -> Vec<Utterance> {
    let [yes, how, day, no, sure] = match scene.case.lang {
        Lang::Zh => ["对，我是。", "怎么还？", "我周五还。", "不对，改成后天吧。", "对，没问题。"],
        Lang::En => [
            "Yes, speaking.",
            "How do I pay?",
            "On Friday.",
            "No, make it the day after.",
            "Yes, that's right.",
        ],
    };
    let said = |intent, text: &str, days| {
        let values = Values { days, ..Values::default() };
        let entities = values.entities(scene.today, scene.case.due.amount());
        Utterance { text: text.to_owned(), intent, confidence: 0.9, entities, also: Vec::new() }
    };
    vec![
        said(Intent::Affirm, yes, None),
        said(Intent::AskHowToPay, how, None),
        said(Intent::PromiseToPay, day, Some(3)),
        said(Intent::Deny, no, Some(2)),
        said(Intent::Affirm, sure, None),
    ]
}

/// How many inputs the call took, and what it ended as; `seen` sees the interpreter after each.
pub fn call(
    script: &Arc<Script>,
    scene: &Scene,
    words: &[Utterance],
    mut seen: impl FnMut(&Interpreter),
) -> (u64, &'static str) {
    let mut bot = Interpreter::new(script.clone(), scene.case.lang, &scene.case, scene.today);
    let mut now = Time::ZERO;
    let mut saying: Option<PromptId> = None;
    let mut inputs = 0;
    let mut words = words.iter();
    let mut input = Input::Start;
    loop {
        bot.handle_input(now, input);
        inputs += 1;
        while let Some(output) = bot.poll_output() {
            match output {
                Output::Say { id, .. } | Output::Resume { id, .. } => saying = Some(id),
                Output::Ended(c) => return (inputs, c.disposition.label()),
                _ => {}
            }
        }
        seen(&bot);
        now = now + Duration::from_secs(2);
        input = match saying.take() {
            Some(id) => Input::PromptDone { id },
            None => match words.next() {
                Some(utterance) => {
                    bot.handle_input(now, Input::SpeechStarted);
                    inputs += 1;
                    Input::Heard { utterance: utterance.clone(), began: now }
                }
                None => Input::CalleeHungUp,
            },
        };
    }
}
