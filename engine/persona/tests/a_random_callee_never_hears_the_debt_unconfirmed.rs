//! Random callees against the shipped flows: whatever they say and do, and in whatever order it is reported.

mod flows;

use std::{collections::BTreeSet, sync::Arc};

use waihu_dialog::Script;
use waihu_persona::fuzz::{Act, Law, Meant, Named, Values, callee, fuzz, run, shrink};
use waihu_types::{Disposition, Intent, Lang};

#[test]
fn the_laws_hold_and_every_call_ends() {
    for name in flows::names() {
        let script = flows::flow(&name);
        for lang in Lang::ALL {
            let scene = flows::scene(&script, lang);
            for seed in 0..1_000 {
                if let (_, Some(found)) = fuzz(&script, &scene, seed, 60) {
                    panic!("{name}: {}\n{}", found.fault, found.golden);
                }
            }
        }
    }
}

#[test]
fn random_callees_come_far_into_the_reminder() {
    let script = flows::flow("reminder");
    // Only a value that the callee gives is not known before the call.
    let from_the_callee =
        ["read_back", "will_call_when", "agent_will_call_when", "complaint_noted_when", "neutral_when"];
    let mut met = BTreeSet::new();
    for lang in Lang::ALL {
        let scene = flows::scene(&script, lang);
        for seed in 0..2_000 {
            let (run, _) = fuzz(&script, &scene, seed, 60);
            for (prompt, prepared) in &run.spoken {
                let own_name = prompt.rsplit('.').next().unwrap_or(prompt);
                assert_eq!(*prepared, !from_the_callee.contains(&own_name), "{prompt}");
            }
            met.extend(run.conclusion.map(|c| c.disposition));
        }
    }
    assert!(met.len() >= 14, "{met:?}");
    assert!(met.contains(&Disposition::PromiseToPay) && met.contains(&Disposition::HandedOver), "{met:?}");
}

#[test]
fn who_is_silent_or_never_understood_is_among_the_random_callees() {
    let script = flows::flow("reminder");
    let mut come_to = BTreeSet::new();
    for lang in Lang::ALL {
        let scene = flows::scene(&script, lang);
        for seed in 0..3_000 {
            come_to.extend(fuzz(&script, &scene, seed, 60).0.states);
        }
    }
    for state in ["offer_help", "end_not_understood", "end_silence", "agent_callback"] {
        assert!(come_to.contains(format!("courtesy.{state}").as_str()), "{state}: {come_to:?}");
    }
}

#[test]
fn a_callee_who_talks_for_ever_is_brought_to_an_end() {
    let script = flows::flow("reminder");
    let scene = flows::scene(&script, Lang::Zh);
    for seed in 0..500 {
        let mut acts = callee(seed, 0);
        (0..12).for_each(|n| acts.extend(callee(seed * 100 + n, 60)));
        let run = run(&script, &scene, &acts);
        assert_eq!(run.fault, None, "seed {seed}");
    }
}

/// The reminder with some words changed, in a way that the check lets pass.
fn broken(from: &str, to: &str) -> Arc<Script> {
    let mut files = flows::files("reminder");
    files.retain(|(path, _)| !path.contains("examples"));
    assert!(files.iter().any(|(_, text)| text.contains(from)), "{from}");
    files.iter_mut().for_each(|(_, text)| *text = text.replace(from, to));
    flows::load("reminder", &files)
}

#[test]
fn a_promise_without_its_day_in_the_read_back_is_found_and_shown_short() {
    // "So you will pay. Is that right?": the check cannot know that this reads nothing back.
    let script = broken("您会在{promise_date}还款{promise_amount}", "您会还款{promise_amount}");
    let scene = flows::scene(&flows::flow("reminder"), Lang::Zh);
    let found = (0..2_000).find_map(|seed| fuzz(&script, &scene, seed, 60).1).unwrap();
    assert_eq!(found.fault.law, Law::Promise, "{}", found.fault);
    // A yes, an offer with a day, a yes: and what lets the lines come to their end.
    assert!(found.acts.len() <= 12, "{} acts:\n{}", found.acts.len(), found.golden);
    assert!(found.golden.contains("promise_to_pay") && found.golden.contains("bot = [\"greeting\"]"));
}

#[test]
fn shrinking_keeps_what_breaks_the_law() {
    let script = broken("您会在{promise_date}还款{promise_amount}", "您会还款{promise_amount}");
    let scene = flows::scene(&flows::flow("reminder"), Lang::Zh);
    let says = |intent, days| Act::Says {
        meant: Meant::Is(intent),
        confidence: 0.9,
        values: Values { days, ..Values::default() },
        over: false,
        named: Named::Nobody,
        also: None,
    };
    let listens = [Act::Listens, Act::Listens, Act::Listens, Act::Listens];
    let mut acts = vec![Act::Listens, Act::Murmurs, says(Intent::Affirm, None)];
    acts.extend(listens.clone());
    acts.extend([Act::Key('5'), says(Intent::PromiseToPay, Some(3))]);
    acts.extend(listens);
    acts.push(says(Intent::Affirm, None));
    assert_eq!(run(&script, &scene, &acts).fault.map(|f| f.law), Some(Law::Promise));
    let short = shrink(&script, &scene, &acts, Law::Promise);
    assert!(short.len() < acts.len() && !short.contains(&Act::Murmurs) && !short.contains(&Act::Key('5')));
    assert_eq!(run(&script, &scene, &short).fault.map(|f| f.law), Some(Law::Promise));
}
