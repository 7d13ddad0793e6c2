//! The files of `dialogs/reminder`, and a case for each language.
#![allow(dead_code, clippy::panic, clippy::unwrap_used)]

use std::sync::{Arc, LazyLock};

use waihu_dialog::{Problem, Script};
use waihu_types::{Case, Lang};

macro_rules! file {
    ($name:literal) => {
        (concat!("dialogs/reminder/", $name), include_str!(concat!("../../../../dialogs/reminder/", $name)))
    };
}

pub const FILES: [(&str, &str); 5] = [
    file!("script.toml"),
    file!("prompts.zh.toml"),
    file!("prompts.en.toml"),
    file!("examples.zh.toml"),
    file!("examples.en.toml"),
];

/// Read and checked once: a check walks every path.
static SCRIPT: LazyLock<Arc<Script>> = LazyLock::new(|| match Script::load("reminder", &FILES) {
    Ok(script) => Arc::new(script),
    Err(problems) => panic!("{}", lines(&problems)),
});

pub fn script() -> Arc<Script> {
    SCRIPT.clone()
}

pub fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

pub fn case(lang: Lang) -> Case {
    let json = match lang {
        Lang::Zh => {
            r#"{"id":"C1","phone":"1001","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行",
            "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#
        }
        Lang::En => {
            r#"{"id":"C2","phone":"1002","name":"Daniel Reed","title":"Mr","lang":"en","creditor":"Harbor Bank",
            "product":"personal loan","amount":"1840.50","currency":"USD","due_date":"2026-11-15"}"#
        }
    };
    serde_json::from_str(json).unwrap()
}
