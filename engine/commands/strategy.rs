//! `waihu strategy`: strategies of the project's files, and versions that people saved, which stand before a file of
//! their name. Campaigns keep copies of theirs.

use std::{collections::BTreeMap, fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use waihu_api::{StrategyOf, save_strategy};
use waihu_store::StoredStrategy;

use super::{
    dialog::{now, open},
    listed::local,
    written::written_by,
};
use crate::{interface, output::out, project::Project, table::Table};

#[derive(Debug, Subcommand)]
pub(crate) enum StrategyCommand {
    /// List strategies: files, and the newest version of each that was saved 列出策略
    List {
        /// One JSON object a strategy 以 JSON 输出
        #[arg(long)]
        json: bool,
    },
    /// Show a strategy as the next campaign would have it, as TOML 查看策略内容
    Show {
        /// Its name 策略名
        name: String,
    },
    /// Save a file as a strategy's next version, for campaigns that are made from then on 保存策略的新版本
    Save(SaveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    /// Its name, as settings have it 策略名
    name: String,
    /// The file, as strategies/example.toml 策略文件
    file: PathBuf,
    /// Who saves it 保存人
    #[arg(long)]
    by: String,
    /// Only where this is its newest version, 0 where none was saved 仅当最新版本仍为此值
    #[arg(long, value_name = "N")]
    revision: Option<i64>,
}

pub(crate) fn run(project: &Project, command: &StrategyCommand) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        match command {
            StrategyCommand::List { json } => list(project, *json).await?,
            StrategyCommand::Show { name } => show(project, name).await?,
            StrategyCommand::Save(args) => save(project, args).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn list(project: &Project, as_json: bool) -> Result<()> {
    let files = project.names("strategies").into_iter().chain(["default".to_owned()]);
    let mut all: BTreeMap<String, Option<StoredStrategy>> = files.map(|name| (name, None)).collect();
    let saved = open(project).await?.strategies().await?;
    all.extend(saved.into_iter().map(|saved| (saved.name.clone(), Some(saved))));
    if as_json {
        for (name, saved) in &all {
            let saved = saved.as_ref();
            let (by, at) = (saved.map(|saved| &saved.saved_by), saved.map(|saved| saved.saved_at));
            let revision = saved.map_or(0, |saved| saved.revision);
            out!("{}", json!({"name": name, "revision": revision, "saved_by": by, "saved_at": at}))?;
        }
        return Ok(());
    }
    let mut table = Table::new(["strategy 策略", "version 版本", "saved by 保存人", "saved 保存时间"]);
    for (name, saved) in &all {
        let saved = saved.as_ref();
        table.row([
            name.clone(),
            saved.map_or_else(|| "file 文件".to_owned(), |saved| saved.revision.to_string()),
            saved.map(|saved| saved.saved_by.clone()).unwrap_or_default(),
            saved.map(|saved| local(saved.saved_at)).unwrap_or_default(),
        ]);
    }
    out!("{table}\n{} strategies 个策略", all.len())
}

async fn show(project: &Project, name: &str) -> Result<()> {
    let content = match open(project).await?.strategy(name).await? {
        Some(saved) => saved.content,
        None => match interface::strategy(project, StrategyOf::File(name)) {
            Ok(content) => content,
            Err(why) => bail!("{why}"),
        },
    };
    out!("{}", content.trim_end())
}

async fn save(project: &Project, args: &SaveArgs) -> Result<()> {
    let shown = args.file.display();
    let content =
        fs::read_to_string(&args.file).with_context(|| format!("{shown}: cannot be read 无法读取"))?;
    let store = open(project).await?;
    let (of, by) = (project.clone(), args.by.trim());
    let read = move |strategy: StrategyOf<'_>| interface::strategy(&of, strategy);
    let saved =
        save_strategy(&store, &read, (args.name.as_str(), content.as_str()), (args.revision, by), now());
    let revision = written_by(&store, by, &format!("strategy save {}", args.name), saved).await?;
    out!("strategy 策略 {}: version {revision} is saved 已保存为版本 {revision}", args.name)
}

#[cfg(test)]
mod tests {
    use waihu_store::Store;

    use super::*;

    #[test]
    fn what_is_saved_goes_through_what_the_api_checks_and_is_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::at(folder.path());
        let file = folder.path().join("gentle.toml");
        let saved = |name: &str, content: &str, revision| {
            fs::write(&file, content).unwrap();
            let args = SaveArgs { name: name.to_owned(), file: file.clone(), by: "Li".to_owned(), revision };
            run(&project, &StrategyCommand::Save(args)).map(drop)
        };
        let right = waihu_campaign::Strategy::SHIPPED;
        saved("gentle", right, Some(0)).unwrap();
        assert!(saved("gentle", right, Some(0)).unwrap_err().to_string().contains("changed meanwhile"));
        assert!(saved("gentle", "speed = 3", None).is_err());
        assert!(saved("../etc", right, None).is_err());
        let runtime = crate::commands::runtime().unwrap();
        let (kept, rows) = runtime.block_on(async {
            let store = Store::open(project.store()).await.unwrap();
            (store.strategy("gentle").await.unwrap().unwrap(), store.audit(0, 10).await.unwrap())
        });
        assert_eq!((kept.revision, kept.saved_by.as_str(), kept.content.as_str()), (1, "Li", right));
        let acts: Vec<_> =
            rows.iter().map(|row| (row.person.as_str(), row.act.as_str(), row.status)).collect();
        assert_eq!(
            acts[..2],
            [("Li", "strategy save gentle", Some(200)), ("Li", "strategy save gentle", Some(409))]
        );
        assert_eq!(acts.len(), 4);
    }
}
