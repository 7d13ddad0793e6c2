//! Simulated debtors against the shipped flows: none hears what is not its own; and against the reminder: each
//! comes out as its kind.

mod flows;

use std::sync::{Arc, LazyLock};

use waihu_dialog::{Conclusion, Script};
use waihu_persona::{
    Allows, Bargain, Disclosure, Failure, Kind, Noise, Persona, Play, Scene, Talk, Tally, converse,
};
use waihu_types::{Disposition as D, Lang};

/// Read and checked once: a check walks every path.
static REMINDER: LazyLock<Arc<Script>> = LazyLock::new(|| flows::flow("reminder"));

fn talks(kind: Kind, noise: Noise, count: u64) -> Vec<Talk> {
    (0..count)
        .map(|seed| {
            let lang = if seed.is_multiple_of(2) { Lang::Zh } else { Lang::En };
            let scene = Scene::new(lang, seed);
            let persona = Persona { noise, ..Persona::new(kind, &scene, seed) };
            converse(&REMINDER, persona, &scene, seed)
        })
        .collect()
}

fn share(talks: &[Talk], fits: impl Fn(&Conclusion) -> bool) -> f64 {
    let fit = talks.iter().filter(|t| t.conclusion.as_ref().is_some_and(&fits)).count();
    fit as f64 / talks.len() as f64
}

#[test]
fn every_flow_can_be_spoken_about_every_made_case() {
    for name in flows::names() {
        let script = flows::flow(&name);
        for lang in Lang::ALL {
            for seed in 0..200 {
                let Scene { case, today } = Scene::new(lang, seed);
                assert_eq!(script.misfits(&case, lang, today), [], "{name}, seed {seed}");
            }
        }
    }
}

#[test]
fn who_bargains_is_met_within_what_the_lender_allows() {
    let script = flows::flow("negotiation");
    let mut tally = Tally::default();
    for n in 0..3_000 {
        let kinds = [Kind::Bargains, Kind::Settles, Kind::Installments, Kind::PaysPart];
        let play = Play::nth(n, 3, &Lang::ALL, &kinds).unwrap();
        let talk = play.talk(&script);
        tally.count(play, &talk);
    }
    let ended = |allows: Allows, end: Bargain| tally.bargaining[&allows].ends.get(&end).copied().unwrap_or(0);
    for (allows, of) in &tally.bargaining {
        assert!(of.bargained() * 10 > of.talks * 8, "{allows:?}: {of:?}");
        assert!(ended(*allows, Bargain::NotUnderstood) * 20 < of.bargained(), "{allows:?}: {of:?}");
        let parts = matches!(allows, Allows::Parts | Allows::Both);
        let less = matches!(allows, Allows::Less | Allows::Both);
        assert_eq!(ended(*allows, Bargain::Parts) > 0, parts, "{allows:?}: {of:?}");
        assert_eq!(ended(*allows, Bargain::Less) > 0, less, "{allows:?}: {of:?}");
    }
    assert_eq!(tally.bargaining.len(), 4);
    // Without an authority there is a person.
    assert!(ended(Allows::Nothing, Bargain::Person) > 200, "{:?}", tally.bargaining);
}

#[test]
fn a_promise_before_is_come_back_to() {
    let script = flows::flow("promise-follow-up");
    let mut tally = Tally::default();
    for n in 0..2_000 {
        let play = Play::nth(n, 3, &Lang::ALL, Kind::ALL).unwrap();
        tally.count(play, &play.talk(&script));
    }
    for state in ["coming", "due", "what_happened", "once_more", "end_on_track"] {
        assert!(tally.states.contains_key(state), "{state}");
    }
}

#[test]
fn every_talk_ends_and_nobody_else_is_told_of_the_debt() {
    for name in flows::names() {
        let script = flows::flow(&name);
        for n in 0..60 * u64::try_from(Kind::ALL.len()).unwrap() {
            let play = Play::nth(n, 5, &Lang::ALL, Kind::ALL).unwrap();
            let talk = play.talk(&script);
            assert!(talk.conclusion.is_some(), "{name}, {}:\n{}", play.kind, talk.dialogue());
            let told = talk.disclosure == Disclosure::ByTheScript;
            assert!(!told, "{name}, {}:\n{}", play.kind, talk.dialogue());
        }
    }
}

#[test]
fn on_a_clear_line_each_kind_comes_to_its_end() {
    let promised = |c: &Conclusion| c.disposition == D::PromiseToPay;
    for (kind, least, ends) in [
        (Kind::Willing, 0.85, &[D::PromiseToPay][..]),
        (Kind::Late, 0.75, &[D::PromiseToPay]),
        (Kind::PaysPart, 0.75, &[D::PromiseToPay]),
        (Kind::AsksEverything, 0.75, &[D::PromiseToPay]),
        (Kind::ChangesDate, 0.75, &[D::PromiseToPay]),
        (Kind::DeniesFirst, 0.70, &[D::PromiseToPay]),
        (Kind::Unwilling, 0.75, &[D::RefusedToPay, D::HandedOver]),
        (Kind::Unable, 0.70, &[D::Hardship, D::HandedOver, D::CallbackAgreed]),
        (Kind::AlreadyPaid, 0.85, &[D::AlreadyPaid]),
        (Kind::Dispute, 0.80, &[D::Dispute, D::HandedOver, D::CallbackAgreed]),
        (Kind::WrongPerson, 0.80, &[D::WrongNumber]),
        (Kind::ThirdParty, 0.80, &[D::ThirdParty]),
        (Kind::Bereaved, 0.75, &[D::Deceased]),
        (Kind::StopCalling, 0.75, &[D::StopCalling]),
        (Kind::Distressed, 0.70, &[D::Distress, D::HandedOver]),
        (Kind::Silent, 0.60, &[D::Silence]),
        (Kind::Voicemail, 1.00, &[D::Voicemail]),
        (Kind::Lawyer, 0.80, &[D::LegalRepresentation]),
        (Kind::Complains, 0.65, &[D::Complaint, D::HandedOver]),
    ] {
        let talks = talks(kind, Noise::OFF, 120);
        let right = share(&talks, |c| ends.contains(&c.disposition));
        let wrong =
            talks.iter().find(|t| !t.conclusion.as_ref().is_some_and(|c| ends.contains(&c.disposition)));
        let wrong = wrong.map_or_else(String::new, Talk::dialogue);
        assert!(right >= least, "{kind}: {right:.2}\n{wrong}");
        if !ends.contains(&D::PromiseToPay) {
            let promises = share(&talks, promised);
            assert!(promises <= 0.02, "{kind}: {promises:.2} promise");
        }
    }
}

#[test]
fn whoever_is_understood_promises_nothing_beyond_its_means() {
    for kind in Kind::ALL {
        for talk in talks(*kind, Noise::OFF, 100) {
            assert!(talk.promise_kept() != Some(false), "{kind}:\n{}", talk.dialogue());
        }
    }
}

#[test]
fn a_failed_turn_is_counted_in_its_state() {
    let failed = |kind, noise, which| {
        let talks = talks(kind, noise, 40);
        talks.iter().filter(|t| t.failures.iter().any(|f| f.1 == which && !f.0.is_empty())).count()
    };
    assert!(failed(Kind::OtherLanguage, Noise::OFF, Failure::NoMatch) >= 30);
    assert!(failed(Kind::Silent, Noise::OFF, Failure::Silence) >= 30);
}

#[test]
fn a_talk_is_the_same_each_time_and_counts_add_up_in_any_order() {
    let plays: Vec<Play> = (0..120).map(|n| Play::nth(n, 1, &Lang::ALL, Kind::ALL).unwrap()).collect();
    let tally = |plays: &[Play]| {
        let mut tally = Tally::default();
        plays.iter().for_each(|p| tally.count(*p, &p.talk(&REMINDER)));
        tally
    };
    let whole = tally(&plays);
    let (first, second) = plays.split_at(50);
    let mut parts = tally(second);
    parts.merge(tally(first));
    assert_eq!(whole, parts);
    let all = whole.all();
    assert_eq!((all.talks, all.outcomes.values().sum::<u64>()), (120, 120));
    assert_eq!(all.turns.values().sum::<u64>(), 120);
    let greeted = whole.states.iter().find(|(name, _)| name.ends_with("greet")).map(|(_, n)| *n);
    assert!(greeted >= Some(100), "{greeted:?}");
}
