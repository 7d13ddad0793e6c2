//! `case.schema.json` is held against examples by a JSON Schema validator of others: what it takes the reader takes,
//! and what it refuses the reader refuses.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/peers/json_schema.rs"]
mod json_schema;

use std::path::Path;

use json_schema::by_schema;
use serde_json::{Map, Value, json};
use waihu_campaign::read_object;

fn full() -> Map<String, Value> {
    serde_json::from_str(include_str!("full_case.json")).unwrap()
}

/// The full case with one key another, or without it.
fn with(key: &str, value: Value) -> Value {
    let mut case = full();
    if value == json!("absent") {
        case.remove(key);
    } else {
        case.insert(key.to_owned(), value);
    }
    Value::Object(case)
}

#[test]
fn what_the_schema_takes_the_reader_takes_and_the_other_way_round() {
    let mut examples = vec![
        (Value::Object(full()), true),
        (json!({}), false),
        (
            json!({"id": "C-1", "phone": 13_800_138_000_i64, "name": "Dana", "lang": "en", "creditor": "Bank",
                "product": "loan", "amount": 3250.5, "currency": "USD", "due_date": "2026/11/5"}),
            true,
        ),
    ];
    for key in ["id", "phone", "name", "lang", "creditor", "product", "amount", "currency", "due_date"] {
        examples.push((with(key, json!("absent")), false));
    }
    for (key, right) in [
        ("title", json!("")),
        ("amount", json!("3,250.5")),
        ("amount", json!(3250)),
        ("phone", json!("(0512) 6234-5678")),
        ("phone_kind", json!("absent")),
        ("numbers", json!([])),
        ("contacts", json!([{ "at": "2026-11-20T10:05:00Z", "reached": "conversation" }])),
        ("authority", json!({ "max_parts": 2 })),
        ("do_not_call", json!(false)),
        ("propensity", json!(1)),
        ("best_time", json!("00:00-24:00")),
        ("branch", json!("Suzhou")),
    ] {
        examples.push((with(key, right), true));
    }
    for (key, wrong) in [
        ("id", json!("../etc")),
        ("id", json!("x".repeat(65))),
        ("phone", json!("call me")),
        ("phone", json!("12")),
        ("name", json!(" ")),
        ("name", json!("n".repeat(81))),
        ("title", json!("t".repeat(21))),
        ("lang", json!("fr")),
        ("amount", json!("-1")),
        ("amount", json!("1.005")),
        ("amount", json!(["3250.00"])),
        ("currency", json!("yuan")),
        ("due_date", json!("15.11.2026")),
        ("due_date", json!("1999-12-31")),
        ("voice_speed", json!(3)),
        ("kind", json!("yacht")),
        ("account_tail", json!("1")),
        ("installment_no", json!(0)),
        ("installment_no", json!("third")),
        ("last_promise", json!("maybe")),
        ("broken_promises", json!(-1)),
        ("kept_promises", json!(1001)),
        ("authority", json!("none")),
        ("debtor", json!("D 7")),
        ("phone_kind", json!("pager")),
        ("consent", json!("perhaps")),
        ("numbers", json!("13900139000")),
        ("numbers", json!([{ "kind": "home" }])),
        ("numbers", json!([{ "phone": "13900139000", "owner": "me" }])),
        ("numbers", json!((0..9).map(|n| json!({ "phone": format!("2000{n}") })).collect::<Vec<_>>())),
        ("days_past_due", json!(-1)),
        ("days_past_due", json!(40_000)),
        ("risk_grade", json!("a grade that is a story")),
        ("propensity", json!(1.01)),
        ("best_time", json!("18-20")),
        ("contacts", json!([{ "at": "soon", "reached": "person" }])),
        ("contacts", json!([{ "at": "2026-11-20T10:05:00Z", "reached": "maybe" }])),
        ("contacts", json!([{ "at": "2026-11-20T10:05:00Z", "reached": "person", "by": "x" }])),
        ("do_not_call", json!("perhaps")),
        ("represented_by", json!("r".repeat(201))),
    ] {
        examples.push((with(key, wrong), false));
    }
    let cases: Vec<Value> = examples.iter().map(|(case, _)| case.clone()).collect();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("case.schema.json");
    for (n, ((case, right), valid)) in examples.iter().zip(by_schema(&schema, false, &cases)).enumerate() {
        let read = read_object(case.as_object().unwrap().clone());
        assert_eq!((valid, read.is_ok()), (*right, *right), "example {n}: {case}\n{:?}", read.err());
    }
}
