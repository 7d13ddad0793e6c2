//! `waihu dialog diff`: what two versions of a flow have otherwise.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use waihu_dialog::{Change, Mark, Script};
use waihu_types::Lang;

use super::{source::Source, test::problem};
use crate::{output::out, project::Project};

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The version before: a name of dialogs/, a stored version NAME@SHA, or a folder 旧版本
    before: String,
    /// The version after 新版本
    after: String,
    /// One JSON object 以 JSON 输出
    #[arg(long)]
    json: bool,
}

/// Conversations of one version run with another.
struct Held {
    what: &'static str,
    total: usize,
    /// Language, name, and what came out otherwise.
    failed: Vec<(Lang, String, waihu_dialog::Problem)>,
}

pub(crate) fn run(project: &Project, args: &DiffArgs) -> Result<ExitCode> {
    let before = Source::named(project, &args.before)?.script();
    let after = Source::named(project, &args.after)?.script();
    let difference = before.difference(&after);
    let held = [
        held("those of before, before 旧对话在旧版本", &before, &before),
        held("those of after, after 新对话在新版本", &after, &after),
        held("those of before, after 旧对话在新版本", &before, &after),
    ];
    let parts = [
        ("said", "What is said 话术内容", &difference.said),
        ("states", "States 状态", &difference.states),
        ("rules", "Rules 规则", &difference.rules),
        ("settings", "Limits and settings 限制与设置", &difference.settings),
    ];
    if args.json {
        let mut all = json!({
            "before": { "flow": before.name(), "sha256": before.sha256() },
            "after": { "flow": after.name(), "sha256": after.sha256() },
        });
        for (key, _, changes) in &parts {
            all[*key] = changes.iter().map(change_json).collect();
        }
        all["conversations"] = held.iter().map(held_json).collect();
        out!("{all}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let label = |s: &Script| format!("{}@{}", s.name(), s.sha256().get(..12).unwrap_or_default());
    out!("{} → {}", label(&before), label(&after))?;
    let coloured = io::stdout().is_terminal();
    for (_, heading, changes) in parts.iter().filter(|p| !p.2.is_empty()) {
        out!("\n{heading} ({})", changes.len())?;
        for change in changes.iter() {
            out!("  {}", told(change, coloured))?;
        }
    }
    if difference.is_empty() {
        out!("nothing differs 没有差别")?;
    }
    out!("\nGolden conversations 标准对话")?;
    for held in &held {
        out!("  {}: {} of {} hold 通过", held.what, held.total - held.failed.len(), held.total)?;
        held.failed.iter().try_for_each(|(lang, name, p)| out!("    ✗ {lang} {name}: {p}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn held(what: &'static str, of: &Arc<Script>, with: &Arc<Script>) -> Held {
    let mut held = Held { what, total: 0, failed: Vec::new() };
    for lang in Lang::ALL {
        let trial = with.try_with(of.examples(lang), lang);
        held.total += trial.conversations.len();
        held.failed.extend(trial.failures().map(|(t, f)| (lang, t.name.clone(), f.problem.clone())));
    }
    held
}

/// A change in a line or two: what is gone in `[- -]`, what is new in `{+ +}`, in colours on a terminal.
fn told(change: &Change, coloured: bool) -> String {
    let mark = |mark: Mark, text: &str| match (mark, coloured) {
        (Mark::Same, _) => text.to_owned(),
        (Mark::Gone, false) => format!("[-{text}-]"),
        (Mark::New, false) => format!("{{+{text}+}}"),
        (Mark::Gone, true) => format!("\u{1b}[31;9m{text}\u{1b}[0m"),
        (Mark::New, true) => format!("\u{1b}[32m{text}\u{1b}[0m"),
    };
    let sign = match (&change.before, &change.after) {
        (None, _) => "+",
        (_, None) => "-",
        _ => "~",
    };
    let text: String = change.pieces().iter().map(|p| mark(p.mark, &p.text)).collect();
    format!("{sign} {}: {text}", change.what)
}

fn change_json(change: &Change) -> Value {
    json!({ "what": change.what, "before": change.before, "after": change.after })
}

fn held_json(held: &Held) -> Value {
    let failed: Vec<Value> = held
        .failed
        .iter()
        .map(|(lang, name, p)| json!({ "lang": lang, "name": name, "problem": problem(p) }))
        .collect();
    json!({ "what": held.what, "total": held.total, "failed": failed })
}
