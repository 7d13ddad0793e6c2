//! The shipped personas, cases and expectations agree with one another.

#![allow(clippy::unwrap_used)] // helpers of tests may fail them

use std::collections::{BTreeMap, BTreeSet};

use waihu_simulator::{
    Personas,
    persona::Pickup,
    practice::{self, read_expected},
    read_personas,
};
use waihu_types::Disposition;

fn personas() -> Personas {
    read_personas(practice::PERSONAS).unwrap()
}

fn cases() -> waihu_campaign::CaseTable {
    waihu_campaign::read_csv(practice::CASES)
}

#[test]
fn every_case_is_sound_and_reaches_a_persona_of_its_language() {
    let (personas, table) = (personas(), cases());
    assert_eq!(table.problems, []);
    assert!(table.cases.len() >= 14);
    let mut numbers = BTreeSet::new();
    for (line, case) in &table.cases {
        let persona = personas.find(case.phone.as_str(), None).unwrap();
        // One is there to speak another.
        let of_its_language = persona.lang == case.lang || persona.name == "speaks English only";
        assert!(of_its_language, "line {line}");
        assert!(numbers.insert(case.phone.as_str()), "line {line}: one case a persona");
    }
}

#[test]
fn every_case_has_one_expectation_that_its_persona_can_meet() {
    let personas = personas();
    let numbers: BTreeMap<String, String> =
        cases().cases.into_iter().map(|(_, c)| (c.id.to_string(), c.phone.as_str().to_owned())).collect();
    let expected = read_expected(practice::EXPECTED).unwrap();
    let ids: Vec<String> = expected.keys().map(ToString::to_string).collect();
    assert_eq!(ids, numbers.keys().cloned().collect::<Vec<_>>());
    for (case, e) in &expected {
        let wanted = match e.disposition {
            Disposition::Busy => Pickup::Decline(486),
            Disposition::Rejected => Pickup::Decline(603),
            Disposition::InvalidNumber => Pickup::Decline(404),
            Disposition::NoAnswer => Pickup::NoAnswer,
            _ => Pickup::Answer,
        };
        let persona = personas.find(&numbers[case.as_str()], None).unwrap();
        // What is announced before it says what came of a call that is not answered.
        let announced = !persona.early.is_empty() && e.disposition != Disposition::PromiseToPay;
        assert_eq!(persona.pickup != Pickup::Answer, announced || wanted != Pickup::Answer, "{case}");
        assert!(announced || persona.pickup == wanted, "{case}");
        assert_eq!(e.promise, e.disposition == Disposition::PromiseToPay, "{case}");
    }
}

#[test]
fn a_mandarin_persona_speaks_chinese_and_an_english_one_english() {
    for persona in personas().iter() {
        for text in persona.says() {
            let chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert_eq!(chinese, persona.lang == waihu_types::Lang::Zh, "{}", persona.number);
        }
    }
}
