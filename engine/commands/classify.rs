//! `waihu classify`: lines in, what they mean out.

use std::{
    io::{self, BufRead},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use waihu_intent::Classifier;
use waihu_nlu::Entities;
use waihu_types::{Intent, Lang};

use crate::{output::out, project::Project};

#[derive(Debug, Args)]
pub(crate) struct ClassifyArgs {
    /// The language of the lines 语言
    #[arg(long)]
    lang: Lang,
    /// The day from which "tomorrow" is seen; today when left out 基准日期
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<jiff::civil::Date>,
    /// Lines; standard input when none is given 语句
    text: Vec<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    text: &'a str,
    intent: Intent,
    confidence: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Also>,
    entities: Entities,
}

/// What else was meant.
#[derive(Serialize)]
struct Also {
    intent: Intent,
    confidence: f64,
}

pub(crate) fn run(project: &Project, args: &ClassifyArgs) -> Result<ExitCode> {
    let classifier = Classifier::load(&project.encoder()?, &project.trained_head()?)?;
    let date = args.date.unwrap_or_else(|| jiff::ZonedDateTime::now().date());
    let answer = |text: &str| -> Result<()> {
        let decision = classifier.classify(args.lang, text, &[])?;
        let answer = Answer {
            text,
            intent: decision.intent,
            confidence: rounded(decision.confidence),
            also: decision
                .also
                .iter()
                .map(|(intent, c)| Also { intent: *intent, confidence: rounded(*c) })
                .collect(),
            entities: waihu_nlu::extract(args.lang, text, date),
        };
        out!("{}", serde_json::to_string(&answer)?)
    };
    if args.text.is_empty() {
        for line in io::stdin().lock().lines() {
            let line = line.context("standard input: not UTF-8 text 不是 UTF-8 文本")?;
            answer(line.trim())?;
        }
    } else {
        args.text.iter().try_for_each(|text| answer(text))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rounded(confidence: f32) -> f64 {
    (f64::from(confidence) * 1000.0).round() / 1000.0
}
