//! The shipped personas, cases and expectations agree with one another.

#![allow(clippy::unwrap_used)] // helpers of tests may fail them

use std::collections::{BTreeMap, BTreeSet};

use waihu_simulator::{
    persona::{Act, Persona, Pickup},
    read_personas,
};
use waihu_types::Disposition;

fn personas() -> BTreeMap<String, Persona> {
    read_personas(include_str!("../personas.toml")).unwrap()
}

fn cases() -> waihu_campaign::CaseTable {
    waihu_campaign::read_csv(include_str!("../practice/cases.csv"))
}

fn expected() -> Vec<Vec<String>> {
    let text = include_str!("../practice/expected.csv");
    text.lines().skip(1).map(|l| l.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn every_case_is_sound_and_reaches_a_persona_of_its_language() {
    let (personas, table) = (personas(), cases());
    assert_eq!(table.problems, []);
    assert!(table.cases.len() >= 14);
    let mut numbers = BTreeSet::new();
    for (line, case) in &table.cases {
        let persona = &personas[case.phone.as_str()];
        assert_eq!(persona.lang, case.lang, "line {line}");
        assert!(numbers.insert(case.phone.as_str()), "line {line}: one case a persona");
    }
}

#[test]
fn every_case_has_one_expectation_that_its_persona_can_meet() {
    let personas = personas();
    let numbers: BTreeMap<String, String> =
        cases().cases.into_iter().map(|(_, c)| (c.id.to_string(), c.phone.as_str().to_owned())).collect();
    let expected = expected();
    let named: BTreeSet<&str> = expected.iter().map(|e| e[0].as_str()).collect();
    assert_eq!(named, numbers.keys().map(String::as_str).collect());
    assert_eq!(named.len(), expected.len());
    for e in &expected {
        let disposition: Disposition = serde_json::from_value(e[1].clone().into()).unwrap();
        let pickup = personas[&numbers[&e[0]]].pickup;
        let wanted = match disposition {
            Disposition::Busy => Pickup::Decline(486),
            Disposition::Rejected => Pickup::Decline(603),
            Disposition::InvalidNumber => Pickup::Decline(404),
            Disposition::NoAnswer => Pickup::NoAnswer,
            _ => Pickup::Answer,
        };
        assert_eq!(pickup, wanted, "{}", e[0]);
        assert_eq!(e[2] == "yes", disposition == Disposition::PromiseToPay, "{}", e[0]);
        assert!(["", "joined", "no_answer", "failed"].contains(&e[3].as_str()), "{}", e[0]);
    }
}

#[test]
fn a_mandarin_persona_speaks_chinese_and_an_english_one_english() {
    for persona in personas().values() {
        let lines = persona.steps.iter().map(|s| &s.act).chain(&persona.otherwise);
        for act in lines {
            if let Act::Say(text) = act {
                let chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                assert_eq!(chinese, persona.lang == waihu_types::Lang::Zh, "{}", persona.number);
            }
        }
    }
}
