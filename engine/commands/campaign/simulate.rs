//! `waihu campaign simulate`: a day of calls in virtual time, with made-up callees and real decisions.

mod plot;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use waihu_campaign::{
    Strategy,
    day::{Plan, Report, run as day},
};

use crate::{
    gate,
    output::{note, out},
    project::Project,
    table::Table,
};

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Calls of the day; trunk, agents and cases are in proportion 当日呼叫量
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(100..=2_000_000))]
    calls: u64,
    /// Everything that is by chance hangs on it 随机种子
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days in a row, the first a Thursday 天数
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=31))]
    days: u32,
    /// The compliance profile, by its file in compliance/ 合规规则
    #[arg(long, default_value = "cn", value_name = "NAME")]
    profile: String,
    /// The strategy of all campaigns, a file as in strategies/; the shipped one when left out 策略文件
    #[arg(long, value_name = "FILE.toml")]
    strategy: Option<PathBuf>,
    /// Draw calls up, calls a second, agents' occupancy and the abandoned share 绘图
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

pub(crate) fn run(project: &Project, args: &SimulateArgs) -> Result<ExitCode> {
    let profile = gate::profile(project, &args.profile)?;
    let mut plan = Plan::typical(args.calls, args.seed);
    plan.days = args.days;
    plan.most_calls = args.calls.saturating_mul(u64::from(args.days));
    if let Some(path) = &args.strategy {
        let shown = path.display().to_string();
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read 无法读取"))?;
        let strategy = Strategy::parse(&shown, &text)?;
        plan.campaigns.iter_mut().for_each(|campaign| campaign.strategy = strategy.clone());
    }
    note!("simulating; callees are made up, decisions are not 模拟中：被叫为虚构，决策为真实代码 …");
    let started = std::time::Instant::now();
    let report = day(&plan, &profile);
    tell(&plan, &report)?;
    note!("{:.1} s", started.elapsed().as_secs_f64());
    if let Some(path) = &args.plot {
        plot::draw(&plan, &report, path)
            .with_context(|| format!("{}: cannot be drawn 无法绘制", path.display()))?;
        out!("{}", path.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(plan: &Plan, report: &Report) -> Result<()> {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let mut table = Table::new([
        "campaign 批次",
        "calls 呼叫",
        "cases 案件",
        "answered 接通",
        "agents busy 坐席占用",
        "abandoned 放弃",
        "at worst 最高",
    ]);
    for (planned, campaign) in plan.campaigns.iter().zip(&report.campaigns) {
        let answered = campaign.answered as f64 / (campaign.calls as f64).max(1.0);
        table.row([
            planned.id.to_string(),
            campaign.calls.to_string(),
            campaign.cases.to_string(),
            percent(answered),
            campaign.occupancy().map_or_else(|| "-".to_owned(), percent),
            percent(campaign.abandoned_share()),
            percent(campaign.worst_abandoned),
        ]);
    }
    out!("{table}")?;
    out!(
        "at once 最大并发 {}, a second 每秒最多 {}; attempts at a case a day 单案每日最多 {}",
        report.most_at_once,
        report.most_a_second,
        report.most_attempts_a_day,
    )?;
    for (rule, n) in &report.denied {
        out!("denied 拒绝 {rule}: {n}")?;
    }
    Ok(())
}
