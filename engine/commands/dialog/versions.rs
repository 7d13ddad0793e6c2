//! `waihu dialog submit`, `approve`, `withdraw`, `versions`: who drafted a flow's content and who, being
//! another, approved it.
//!
//! A name is what whoever sits at the machine gives: who may sit there is not known here.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use waihu_store::StoredScript;
use waihu_types::WallTime;

use super::source::{Source, from_store, lines, open};
use crate::{
    commands::{runtime, written::written_by},
    output::{note, out},
    project::Project,
    table::Table,
};

#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// The flow in dialogs/ 话术
    flow: String,
    /// Who submits it 提交人
    #[arg(long, value_name = "NAME")]
    by: String,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The version: NAME@SHA, with as much of the hash as tells it from others 版本
    version: String,
    /// Who approves it, another than who submitted it 审批人
    #[arg(long, value_name = "NAME")]
    by: String,
}

#[derive(Debug, Args)]
pub(crate) struct VersionsArgs {
    /// Of one flow; of all when left out 话术
    flow: Option<String>,
    /// One JSON object a version 以 JSON 输出
    #[arg(long)]
    json: bool,
}

pub(crate) fn submit(project: &Project, args: &SubmitArgs) -> Result<ExitCode> {
    if args.flow.contains('@') {
        bail!("{} is stored already: submit what lies in dialogs/ 该版本已入库", args.flow);
    }
    let script = Source::named(project, &args.flow)?.script();
    let wrong = project.problems(&script);
    if !wrong.is_empty() {
        note!("{}", lines(&wrong));
        note!(
            "{} golden conversations do not hold: it cannot be approved like this 标准对话未通过，无法审批",
            wrong.len()
        );
    }
    let files: Vec<(String, String)> =
        script.files().iter().map(|(n, t)| (n.clone(), t.to_string())).collect();
    let stored = runtime()?.block_on(async {
        let store = open(project).await?;
        let act = act("submit", script.name(), script.sha256());
        let submitted = store.submit_script(script.name(), script.sha256(), &files, &args.by, now());
        written_by(&store, &args.by, &act, submitted).await
    })?;
    out!("{}", line(&stored))?;
    let label = stored.label();
    out!(
        "compare 比较: waihu dialog diff …@… {label}; approve 审批: waihu dialog approve {label} --by NAME"
    )?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn approve(project: &Project, args: &ApproveArgs) -> Result<ExitCode> {
    let (flow, sha256) = named(&args.version)?;
    let stored = runtime()?.block_on(async {
        let store = open(project).await?;
        let found = store.find_script(flow, sha256).await?;
        let approved = async {
            let script = from_store(project, &store, &found).await?;
            let wrong = project.problems(&script);
            if !wrong.is_empty() {
                bail!(
                    "{} is not approved: its golden conversations do not hold 标准对话未通过:\n{}",
                    found.label(),
                    lines(&wrong)
                );
            }
            anyhow::Ok(store.approve_script(&found.flow, &found.sha256, &args.by, now()).await?)
        };
        written_by(&store, &args.by, &act("approve", &found.flow, &found.sha256), approved).await
    })?;
    out!("{}", line(&stored))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn withdraw(project: &Project, args: &ApproveArgs) -> Result<ExitCode> {
    let (flow, sha256) = named(&args.version)?;
    let stored = runtime()?.block_on(async {
        let store = open(project).await?;
        let found = store.find_script(flow, sha256).await?;
        let withdrawn = store.withdraw_script(&found.flow, &found.sha256, &args.by, now());
        written_by(&store, &args.by, &act("withdraw", &found.flow, &found.sha256), withdrawn).await
    })?;
    out!("{}", line(&stored))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn versions(project: &Project, args: &VersionsArgs) -> Result<ExitCode> {
    let scripts = runtime()?.block_on(async {
        let store = open(project).await?;
        anyhow::Ok(store.scripts(args.flow.as_deref()).await?)
    })?;
    if args.json {
        for script in &scripts {
            let acts: Vec<_> = script
                .acts
                .iter()
                .map(|a| json!({ "act": a.deed.label(), "by": a.by, "at": a.at }))
                .collect();
            let approved = script.approved().is_some();
            out!(
                "{}",
                json!({ "flow": script.flow, "sha256": script.sha256, "approved": approved, "acts": acts })
            )?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["version 版本", "submitted 提交", "approved 审批", "on disk 磁盘"]);
    for script in &scripts {
        let on_disk = project
            .load_flow(&script.flow)
            .is_ok_and(|loaded| loaded.is_ok_and(|s| s.sha256() == script.sha256));
        let told = |act: Option<&waihu_store::ScriptAct>| act.map(|a| format!("{} {}", a.by, local(a.at)));
        table.row([
            script.label(),
            told(script.submitted()).unwrap_or_default(),
            told(script.approved()).unwrap_or_else(|| "- draft 草稿".to_owned()),
            if on_disk { "yes 是".to_owned() } else { String::new() },
        ]);
    }
    out!("{table}")?;
    Ok(ExitCode::SUCCESS)
}

/// What is done with a version, as it is written down: with the whole hash, which tells it from later ones too.
fn act(deed: &str, flow: &str, sha256: &str) -> String {
    format!("dialog {deed} {flow}@{sha256}")
}

/// `NAME@SHA`.
pub(crate) fn named(version: &str) -> Result<(&str, &str)> {
    let parts = version.split_once('@').filter(|(flow, sha)| !flow.is_empty() && !sha.is_empty());
    parts.with_context(|| {
        format!("{version:?} is no version: write NAME@SHA, see `waihu dialog versions` 请写成 话术名@哈希")
    })
}

/// Now, by the machine's clock.
pub(crate) fn now() -> WallTime {
    WallTime::from_unix_millis(jiff::Timestamp::now().as_millisecond())
}

fn line(script: &StoredScript) -> String {
    let act = |act: &waihu_store::ScriptAct| format!("{} {} ({})", act.deed.label(), act.by, local(act.at));
    let acts: Vec<String> = script.acts.iter().map(act).collect();
    let standing = if script.approved().is_some() { "approved 已审批" } else { "draft 草稿" };
    format!("{}: {standing}; {}", script.label(), acts.join(", "))
}

/// A time as the viewer's clock shows it.
fn local(at: WallTime) -> String {
    at.timestamp().to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}
