//! `waihu cases`: what the lender hands over, in and out.

mod read;
mod write;

use std::{
    io::{BufRead, stdin},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use waihu_store::{CaseState, StoreError, StoredCase};
use waihu_types::{CampaignId, CaseId};

use super::{
    dialog::{now, open},
    written::written,
};
use crate::{
    output::{note, out},
    project::Project,
    table::Table,
};

pub(crate) use read::table;
pub(crate) use write::{File, Form};

/// How many cases are taken over by one transaction: large enough that its commit is little of the work.
const BATCH: usize = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum CasesCommand {
    /// Take cases over from a file or from the lender's database. The same case again changes nothing; rows that
    /// are wrong are named and left out 导入案件
    Import(ImportArgs),
    /// Say what is wrong with a file, and take nothing over 检查案件表
    Check(SourceArgs),
    /// Show the cases of the store, without names and numbers 列出案件
    List(ListArgs),
    /// Show one case, as JSON. It is personal data 查看案件（个人信息）
    Show {
        /// The case 案件
        case: CaseId,
    },
    /// Cases were paid: nobody is called about them any more, and calls that ring are stopped 标记已还
    Paid(OfCases),
    /// The lender takes cases back: as for paid ones 标记撤回
    Withdrawn(OfCases),
    /// Cases are to be called about again 重新打开
    Reopen(OfCases),
    /// Write all cases of the store into a file that can be imported again: .csv, .jsonl or .parquet 导出案件
    Export {
        /// The file; what is there is replaced 文件
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// .csv, .jsonl (an object a line) or .parquet; see engine/campaign/CASE.md for the columns 案件表
    #[arg(required_unless_present = "sql")]
    file: Option<PathBuf>,
    /// The lender's database: env:NAME or file:PATH where its address stands (postgres://…), or the path of an
    /// SQLite file 贷方数据库地址的引用
    #[arg(long, value_name = "REF", conflicts_with = "file")]
    sql: Option<String>,
    /// Its view or table with the columns of a case 视图
    #[arg(long, value_name = "NAME", requires = "sql", required_unless_present_any = ["file", "query"])]
    view: Option<String>,
    /// One SELECT in place of a view 查询
    #[arg(long, value_name = "SELECT", requires = "sql", conflicts_with = "view")]
    query: Option<String>,
    /// Write everything that is wrong into a CSV file: row, column, what to write 错误清单
    #[arg(long, value_name = "FILE.csv")]
    report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Put them into the queue of a campaign too 同时加入批次
    #[arg(long, value_name = "ID")]
    campaign: Option<CampaignId>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Those that stand so: open, paid, withdrawn 状态
    #[arg(long)]
    state: Option<String>,
    /// From the one after this on 从此案件之后
    #[arg(long, value_name = "ID")]
    after: Option<CaseId>,
    /// At most so many 最多几条
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct OfCases {
    /// The cases; "-" reads their ids from standard input, one a line 案件编号；"-" 从标准输入读取
    #[arg(required = true)]
    cases: Vec<String>,
}

pub(crate) fn run(project: &Project, command: CasesCommand) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        match command {
            CasesCommand::Import(args) => read::import(project, &args).await,
            CasesCommand::Check(args) => read::check(project, &args).await,
            CasesCommand::List(args) => list(project, &args).await,
            CasesCommand::Show { case } => show(project, &case).await,
            CasesCommand::Paid(of) => turn(project, &of, CaseState::Paid).await,
            CasesCommand::Withdrawn(of) => turn(project, &of, CaseState::Withdrawn).await,
            CasesCommand::Reopen(of) => turn(project, &of, CaseState::Open).await,
            CasesCommand::Export { file } => {
                let store = open(project).await?;
                written(&store, "cases export", write::cases(&store, &file)).await
            }
        }
    })
}

async fn list(project: &Project, args: &ListArgs) -> Result<ExitCode> {
    let states = [CaseState::Open, CaseState::Paid, CaseState::Withdrawn];
    let wanted = match &args.state {
        None => None,
        Some(word) => match states.into_iter().find(|state| state.label() == word) {
            Some(state) => Some(state),
            None => {
                bail!("--state {word}: open, paid or withdrawn is expected 状态应为 open、paid 或 withdrawn")
            }
        },
    };
    let store = open(project).await?;
    let mut table = Table::new([
        "case 案件",
        "state 状态",
        "debtor 债务人",
        "numbers 号码",
        "due 应还日",
        "changed 更新",
    ]);
    let (mut after, mut shown) = (args.after.clone(), 0);
    while shown < args.limit {
        let page = store.cases_page(after.as_ref(), 1_000).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.case.id.clone());
        let wanted = page.iter().filter(|stored| wanted.is_none_or(|state| state == stored.state));
        for stored in wanted.take(args.limit - shown) {
            table.row(row(stored));
            shown += 1;
        }
    }
    out!("{table}\n{shown} cases 个案件")?;
    Ok(ExitCode::SUCCESS)
}

fn row(stored: &StoredCase) -> [String; 6] {
    let case = &stored.case;
    [
        case.id.to_string(),
        format!("{} {}", stored.state.label(), stored.state.label_zh()),
        case.dossier.debtor.as_ref().map(ToString::to_string).unwrap_or_default(),
        case.lines().count().to_string(),
        case.due_date.to_string(),
        stored.changed_at.to_string(),
    ]
}

async fn show(project: &Project, id: &CaseId) -> Result<ExitCode> {
    let store = open(project).await?;
    let Some(stored) = written(&store, &format!("cases show {id}"), store.case(id)).await? else {
        bail!("{id}: there is no such case in the store 库中没有该案件");
    };
    let shown = serde_json::json!({
        "case": stored.case,
        "state": stored.state.label(),
        "revision": stored.revision,
        "changed_at": stored.changed_at,
    });
    out!("{}", serde_json::to_string_pretty(&shown)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Says how cases stand.
async fn turn(project: &Project, of: &OfCases, state: CaseState) -> Result<ExitCode> {
    let ids: Vec<String> = match &of.cases[..] {
        [dash] if dash == "-" => stdin().lock().lines().collect::<Result<_, _>>()?,
        ids => ids.to_vec(),
    };
    let store = open(project).await?;
    let set = async {
        let (mut done, mut wrong) = (0, 0);
        for (n, id) in ids.iter().enumerate().filter(|(_, id)| !id.trim().is_empty()) {
            let set = match id.trim().parse::<CaseId>() {
                Ok(id) => store.set_case_state(&id, state, None, now()).await,
                Err(e) => Err(e.into()),
            };
            match set {
                Ok(_) => done += 1,
                Err(e @ (StoreError::UnknownCase(_) | StoreError::Id(_))) => {
                    note!("{} 第 {} 个: {e}", n + 1, n + 1);
                    wrong += 1;
                }
                Err(e) => return Err(e),
            }
        }
        Ok((done, wrong))
    };
    let (done, wrong): (u64, u64) =
        written(&store, &format!("cases {}: {} ids", state.label(), ids.len()), set).await?;
    out!(
        "{done} cases are {} now; {wrong} are not known 已标记为{} {done} 个，未找到 {wrong} 个",
        state.label(),
        state.label_zh()
    )?;
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
