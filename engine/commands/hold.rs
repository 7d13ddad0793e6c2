//! `waihu hold`: what may not be removed.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};
use waihu_store::{HoldOn, Store, StoredHold};
use waihu_types::WallTime;

use super::{
    dialog::{now, open},
    written::{ended, write_down},
};
use crate::{output::out, project::Project, table::Table};

/// Holds that are read at once.
const PAGE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Keep a call, a case or a debtor from being removed, whatever the days say 封存
    Place(PlaceArgs),
    /// Let go of what was held 解除封存
    Lift(LiftArgs),
    /// List holds 列出
    List {
        /// Those too that were lifted or are over 包括已解除和已到期的
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// call:ATTEMPT, case:CASE or debtor:DEBTOR 封存对象
    on: HoldOn,
    /// Why: a court, an authority, a complaint 原因
    #[arg(long)]
    why: String,
    /// Who places it 封存人
    #[arg(long)]
    by: String,
    /// Until the end of this day (UTC), as 2027-06-30; until it is lifted where left out 截止日期
    #[arg(long, value_name = "DAY")]
    until: Option<jiff::civil::Date>,
}

#[derive(Debug, Args)]
pub(crate) struct LiftArgs {
    /// Its number, as `waihu hold list` shows it 编号
    id: i64,
    /// Why 原因
    #[arg(long)]
    why: String,
    /// Who answers for it 责任人
    #[arg(long)]
    by: String,
}

pub(crate) fn run(project: &Project, command: HoldCommand) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let store = open(project).await?;
        match command {
            HoldCommand::Place(args) => place(&store, &args).await?,
            HoldCommand::Lift(args) => lift(&store, &args).await?,
            HoldCommand::List { all } => list(&store, all).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn place(store: &Store, args: &PlaceArgs) -> Result<()> {
    let why = args.why.trim();
    if why.is_empty() {
        bail!("--why is empty: whoever looks later has to know 不能为空");
    }
    let until = match args.until {
        Some(day) => {
            let day = day.tomorrow().context("--until")?;
            let end = jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).context("--until")?;
            Some(WallTime::from_unix_millis(end.as_millisecond()))
        }
        None => None,
    };
    if until.is_some_and(|until| until <= now()) {
        bail!("--until: that is over 日期已过");
    }
    // The audit keeps what it is told for good: of a person not even the lender's id.
    let (act, request) = match &args.on {
        HoldOn::Debtor(debtor) => {
            ("hold place debtor".to_owned(), hex::encode(Sha256::digest(debtor.as_str())))
        }
        on => (format!("hold place {on}"), String::new()),
    };
    let row = write_down(store, &args.by, &act, &request).await?;
    let done = store.place_hold(&args.on, why, args.by.trim(), until, now()).await;
    ended(store, row, &done).await?;
    out!("hold 封存 {}: {}", done?, args.on)
}

async fn lift(store: &Store, args: &LiftArgs) -> Result<()> {
    let row = write_down(store, &args.by, &format!("hold lift {}", args.id), "").await?;
    let done = store.lift_hold(args.id, args.why.trim(), args.by.trim(), now()).await;
    ended(store, row, &done).await?;
    if !done? {
        bail!("there is no hold {} that stands: see `waihu hold list` 没有有效的封存", args.id);
    }
    out!("hold {}: lifted 已解除", args.id)
}

async fn list(store: &Store, all: bool) -> Result<()> {
    let mut table =
        Table::new(["hold 编号", "on 对象", "since 起", "until 至", "by 封存人", "why 原因", "stands 有效"]);
    let (now, mut after, mut listed) = (now(), None, 0);
    loop {
        let page = store.holds_page(after, PAGE, now).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.stands(now), last.id));
        for hold in page.into_iter().filter(|hold| all || hold.stands(now)) {
            listed += 1;
            table.row(row(&hold));
        }
    }
    out!("{table}\n{listed} holds 条")
}

fn row(hold: &StoredHold) -> [String; 7] {
    let day = |at: WallTime| at.date_in("UTC").map_or_else(|_| at.to_string(), |day| day.to_string());
    let until = match (&hold.lifted, hold.until) {
        (Some((at, by, _)), _) => format!("{} lifted 解除 ({by})", day(*at)),
        // With its last day.
        (None, Some(until)) => day(WallTime::from_unix_millis(until.unix_millis() - 1)),
        (None, None) => String::new(),
    };
    let stands = if hold.stands(now()) { "yes 是" } else { "no 否" };
    [
        hold.id.to_string(),
        hold.on.to_string(),
        day(hold.at),
        until,
        hold.person.clone(),
        hold.why.clone(),
        stands.to_owned(),
    ]
}
