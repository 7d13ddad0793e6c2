//! `waihu dialog test`: all golden conversations, and what of the flow they come to.

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use waihu_dialog::{Coverage, Problem, Script, Trial, Tried};
use waihu_types::Lang;

use crate::{output::out, project::Project};

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Flows by name; all of dialogs/ when none is given 话术名
    flows: Vec<String>,
    /// Conversations in this language only 语言
    #[arg(long)]
    lang: Option<Lang>,
    /// Name the conversations that hold too 也列出通过的对话
    #[arg(long)]
    all: bool,
    /// One JSON object a flow and language 以 JSON 输出
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(project: &Project, args: &TestArgs) -> Result<ExitCode> {
    let names = if args.flows.is_empty() { project.flows()? } else { args.flows.clone() };
    let mut failed = false;
    for name in &names {
        match project.load_flow(name)? {
            Ok(script) => failed |= test(name, &script, args)?,
            Err(problems) => {
                failed = true;
                if args.json {
                    let problems: Vec<Value> = problems.iter().map(problem).collect();
                    out!("{}", json!({ "flow": name, "problems": problems }))?;
                } else {
                    problems.iter().try_for_each(|p| out!("{p}"))?;
                    out!("{name}: {} things are wrong 处错误: nothing was run 未运行", problems.len())?;
                }
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whether any conversation failed.
fn test(name: &str, script: &Arc<Script>, args: &TestArgs) -> Result<bool> {
    let mut failed = false;
    for lang in Lang::ALL.iter().filter(|l| args.lang.is_none_or(|wanted| wanted == **l)) {
        let trial = script.try_examples(*lang);
        failed |= trial.failures().next().is_some();
        if args.json {
            out!("{}", json(name, &trial))?;
        } else {
            lines(name, &trial, args.all).iter().try_for_each(|line| out!("{line}"))?;
        }
    }
    Ok(failed)
}

fn lines(name: &str, trial: &Trial, all: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let total = trial.conversations.len();
    let of = |c: Coverage| format!("{} of {}", c.tried, c.total);
    lines.push(format!(
        "{name} {}: {} of {total} conversations hold 对话通过; states 状态 {}, rules 规则 {}",
        trial.lang,
        total - trial.failures().count(),
        of(trial.states),
        of(trial.rules),
    ));
    for tried in trial.conversations.iter().filter(|t| all || t.failure.is_some()) {
        lines.push(match &tried.failure {
            None => format!("  ✓ {}", tried.name),
            Some(failure) => {
                format!("  ✗ {}\n    {}: {}", tried.name, step(tried, failure.step), failure.problem)
            }
        });
    }
    if !trial.untried.is_empty() {
        lines.push(format!("  untried 未覆盖: {}", trial.untried.len()));
        lines.extend(trial.untried.iter().map(|p| format!("    {p}")));
    }
    lines
}

fn step(tried: &Tried, step: usize) -> String {
    if step > tried.steps {
        "the outcome 结果".to_owned()
    } else {
        format!("step 第 {step} of {} 步", tried.steps)
    }
}

fn json(name: &str, trial: &Trial) -> Value {
    let of = |c: Coverage| json!({ "tried": c.tried, "total": c.total });
    let conversations: Vec<Value> = trial
        .conversations
        .iter()
        .map(|t| {
            let failure = t.failure.as_ref();
            json!({
                "name": t.name, "file": t.file, "line": t.line, "steps": t.steps,
                "passed": failure.is_none(),
                "failed_step": failure.map(|f| f.step),
                "problem": failure.map(|f| problem(&f.problem)),
            })
        })
        .collect();
    json!({
        "flow": name,
        "lang": trial.lang,
        "passed": trial.conversations.len() - trial.failures().count(),
        "failed": trial.failures().count(),
        "states": of(trial.states),
        "rules": of(trial.rules),
        "conversations": conversations,
        "untried": trial.untried.iter().map(problem).collect::<Vec<_>>(),
    })
}

/// A problem for other programs.
pub(super) fn problem(p: &Problem) -> Value {
    json!({ "file": p.file, "line": p.line, "message": p.message, "help": p.help })
}
