//! `waihu classify`: lines in, what they mean out.

use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use waihu_intent::Classifier;
use waihu_nlu::Entities;
use waihu_types::{Intent, Lang};

use crate::project::Project;

#[derive(Debug, Args)]
pub(crate) struct ClassifyArgs {
    /// The language of the lines.
    #[arg(long)]
    lang: Lang,
    /// The day from which "tomorrow" is seen; today when left out.
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<jiff::civil::Date>,
    /// Lines; standard input when none is given.
    text: Vec<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    text: &'a str,
    intent: Intent,
    confidence: f64,
    entities: Entities,
}

pub(crate) fn run(project: &Project, args: &ClassifyArgs) -> Result<ExitCode> {
    let classifier = Classifier::load(&project.encoder()?, &project.trained_head()?)?;
    let date = args.date.unwrap_or_else(|| jiff::ZonedDateTime::now().date());
    let mut out = io::stdout().lock();
    let mut answer = |text: &str| -> Result<()> {
        let decision = classifier.classify(args.lang, text, &[])?;
        let answer = Answer {
            text,
            intent: decision.intent,
            confidence: (f64::from(decision.confidence) * 1000.0).round() / 1000.0,
            entities: waihu_nlu::extract(args.lang, text, date),
        };
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        Ok(())
    };
    if args.text.is_empty() {
        for line in io::stdin().lock().lines() {
            let line = line.context("standard input: not UTF-8 text")?;
            answer(line.trim())?;
        }
    } else {
        args.text.iter().try_for_each(|text| answer(text))?;
    }
    Ok(ExitCode::SUCCESS)
}
