//! A callee's acts as a file of golden conversations has them, to be pasted beside the script.

use std::fmt::Write as _;

use waihu_types::{HandoverResult, Intent};

use super::{
    act::{Act, Named, Values},
    call::{Entry, Run},
    law::Fault,
};
use crate::scene::Scene;

/// The conversation that breaks a law; what golden conversations have no word for stands as a comment.
pub fn golden(scene: &Scene, acts: &[Act], run: &Run, fault: &Fault, seed: u64) -> String {
    let mut out = String::new();
    let case = &scene.case;
    let quoted = |text: &str| format!("{text:?}");
    let _ = writeln!(out, "# {} ({})", fault.law, case.lang);
    let _ = writeln!(out, "# {}", fault.detail.replace('\n', " "));
    let _ = writeln!(
        out,
        "# today = {}\n# [case] name = {} title = {} creditor = {} product = {} amount = {} currency = {} due_date = {}",
        scene.today,
        quoted(&case.name),
        quoted(&case.title),
        quoted(&case.creditor),
        quoted(&case.product),
        quoted(&case.due.amount().to_string()),
        quoted(case.due.currency().code()),
        case.due_date,
    );
    let _ = writeln!(out, "[[conversation]]\nname = \"fuzz seed {seed}\"\nsteps = [");
    let mut bot: Vec<String> = Vec::new();
    for entry in &run.log {
        match entry {
            Entry::Said(prompt) => bot.push(quoted(prompt)),
            Entry::Resumed(prompt) => bot.push(quoted(&format!("… {prompt}"))),
            Entry::Did(n, intent) => {
                let Some(step) = acts.get(*n).and_then(|act| step(act, *intent, scene)) else { continue };
                flush(&mut out, &mut bot);
                let _ = writeln!(out, "    {step}");
            }
        }
    }
    flush(&mut out, &mut bot);
    out.push_str("]\n");
    if let Some(c) = &run.conclusion {
        let _ = writeln!(
            out,
            "outcome = {{ disposition = {}, debt_disclosed = {} }} # as it came out; write here what it ought to be",
            quoted(c.disposition.label()),
            c.debt_disclosed
        );
    }
    out
}

fn flush(out: &mut String, bot: &mut Vec<String>) {
    if !bot.is_empty() {
        let _ = writeln!(out, "    {{ bot = [{}] }},", bot.join(", "));
        bot.clear();
    }
}

/// One act as a step; none where it only lets time pass.
fn step(act: &Act, intent: Option<Intent>, scene: &Scene) -> Option<String> {
    let event = |name: &str| Some(format!("{{ event = {name:?} }},"));
    match act {
        Act::Listens => None,
        Act::Says { confidence, values, over, named, also, .. } => {
            let mut step = format!(
                "{{ callee = {:?}, intent = {:?}, confidence = {confidence:.2}",
                if *named == Named::Nobody { "…" } else { named.words(scene.case.lang) },
                intent.map_or("out_of_scope", Intent::label),
            );
            if let Some((other, _)) = also {
                let _ = write!(step, ", also = [{:?}]", other.label());
            }
            write_values(&mut step, values, scene);
            Some(step + if *over { ", over = true }," } else { " }," })
        }
        Act::Noise { over } => {
            Some(format!("{{ event = \"noise\"{} }},", if *over { ", over = true" } else { "" }))
        }
        Act::IsSilent => event("silence"),
        Act::Key(key) => Some(format!("{{ key = {:?} }},", key.to_string())),
        Act::Agent(None) => event("agent_joined"),
        Act::Agent(Some(HandoverResult::NoAnswer)) => event("agent_no_answer"),
        Act::Agent(Some(_)) => event("agent_failed"),
        // The event of the golden conversations has the tone in it.
        Act::Voicemail => event("voicemail"),
        Act::Beep => Some("# the tone of the box".to_owned()),
        Act::Screening => event("screening"),
        Act::Person => event("person"),
        Act::NoPerson => event("announcement"),
        Act::VoiceFails => event("prompt_failed"),
        Act::HangsUp => event("hang_up"),
        Act::BeginsToSpeak => Some("# begins to speak, and no words come".to_owned()),
        Act::Murmurs => Some("# murmurs".to_owned()),
        Act::Waits(ms) => Some(format!("# {ms} ms pass, or what the bot waits for comes before")),
        Act::StalePrompt(n) => Some(format!("# prompt {n} is reported done, and is not being spoken")),
    }
}

fn write_values(step: &mut String, values: &Values, scene: &Scene) {
    let e = values.entities(scene.today, scene.case.due.amount());
    if let Some(date) = e.date {
        let _ = write!(step, ", date = {date}");
    }
    if let Some(time) = e.time {
        let _ = write!(step, ", time = \"{time}\"");
    }
    if let Some(amount) = e.amount {
        let _ = write!(step, ", amount = \"{amount:.2}\"");
    }
    if e.whole {
        step.push_str(", whole = true");
    }
    if let Some(count) = e.count {
        let _ = write!(step, ", count = {count}");
    }
}
