//! `waihu train contact`: who is likely to answer when, and to pay, from what came of calls.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use plotters::prelude::*;
use waihu_campaign::{
    Past,
    contact::{Example, Judgement, Trained, examples, train},
    day::{Plan, run as day},
};
use waihu_store::{CaseState, Filter};
use waihu_types::{CampaignId, Case, CaseId, Outcome};

use crate::{
    gate,
    output::{note, out},
    project::Project,
};

#[derive(Debug, Args)]
pub(crate) struct ContactArgs {
    /// The calls of this campaign alone; those of all when left out 只用该批次的通话
    #[arg(long, value_name = "ID")]
    campaign: Option<CampaignId>,
    /// Learn from so many simulated calls over five days in place of real ones: to try it out 用模拟通话试用
    #[arg(long, value_name = "CALLS", conflicts_with = "campaign",
          value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    simulated: Option<u64>,
    /// Where the model goes; a strategy names it as `propensity` 模型文件
    #[arg(long, default_value = "models/contact/contact.json", value_name = "FILE.json")]
    out: PathBuf,
    /// Draw how many of those who answer and pay are among the first so many calls 绘制提升图
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

pub(super) fn run(project: &Project, args: &ContactArgs) -> Result<ExitCode> {
    let (examples, trained_on) = match args.simulated {
        Some(calls) => (simulated(project, calls)?, format!("{calls} simulated calls 模拟通话")),
        None => {
            let of = args
                .campaign
                .as_ref()
                .map_or_else(|| "all campaigns 全部批次".to_owned(), ToString::to_string);
            (from_store(project, args.campaign.as_ref())?, of)
        }
    };
    let trained = train(examples, &trained_on)?;
    tell("answers 接通", &trained.model.answers_judged, trained.model.answers.is_some())?;
    tell("pays 还款", &trained.model.pays_judged, trained.model.pays.is_some())?;
    let path = project.root().join(&args.out);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("{}: cannot be made 无法创建", folder.display()))?;
    }
    let json = serde_json::to_string_pretty(&trained.model)?;
    fs::write(&path, json + "\n")
        .with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
    out!("{}", path.display())?;
    if let Some(plot) = &args.plot {
        draw(&trained, plot).with_context(|| format!("{}: cannot be drawn 无法绘制", plot.display()))?;
        out!("{}", plot.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(what: &str, judged: &Judgement, is_kept: bool) -> Result<()> {
    out!(
        "{what}: {} later calls 后段通话, {} so 其中; AUC {:.3} ± {:.3}, lift 提升 10 % {:.2}, 20 % {:.2}; log loss 对数损失 {:.4}, \
         base 基准 {:.4}; calibration 校准误差 {:.3}; {}",
        judged.examples,
        judged.happened,
        judged.auc,
        judged.auc_error,
        judged.lift_10,
        judged.lift_20,
        judged.log_loss,
        judged.log_loss_base,
        judged.calibration_error,
        if is_kept { "kept 采用" } else { "no better than a guess: left out 与猜测无异，不采用" },
    )
}

fn simulated(project: &Project, calls: u64) -> Result<Vec<Example>> {
    const DAYS: u32 = 5;
    note!("simulating: callees are made up, and so is what is learnt of them 模拟中：被叫为虚构 …");
    let mut plan = Plan::typical(calls / u64::from(DAYS), 1);
    (plan.days, plan.most_calls) = (DAYS, calls);
    plan.campaigns.iter_mut().for_each(|campaign| campaign.cases *= 3);
    Ok(day(&plan, &gate::profile(project, "cn")?).examples())
}

/// Cases are read by pages of so many.
const PAGE: u32 = 1_000;

fn from_store(project: &Project, campaign: Option<&CampaignId>) -> Result<Vec<Example>> {
    crate::commands::runtime()?.block_on(async {
        let store = crate::commands::dialog::open(project).await?;
        let filter = Filter { campaign: campaign.cloned(), ..Filter::default() };
        let mut by_case = BTreeMap::<CaseId, Vec<Outcome>>::new();
        for outcome in store.outcomes(&filter).await? {
            by_case.entry(outcome.case.clone()).or_default().push(outcome);
        }
        let mut all = Vec::new();
        let mut after: Option<CaseId> = None;
        loop {
            let page = store.cases_page(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.case.id.clone());
            for stored in &page {
                if let Some(outcomes) = by_case.get(&stored.case.id) {
                    all.extend(of_case(&stored.case, outcomes, stored.state == CaseState::Paid));
                }
            }
        }
        store.close().await;
        Ok(all)
    })
}

fn of_case(case: &Case, outcomes: &[Outcome], paid: bool) -> Vec<Example> {
    let calls: Vec<Past> = outcomes.iter().map(|outcome| Past::of(outcome, &case.time_zone)).collect();
    examples(case, &calls, paid)
}

const SIZE: (u32, u32) = (900, 460);
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const GREY: RGBColor = RGBColor(120, 120, 120);

/// How many of those in whom it happened are among the first so many by chance.
fn draw(trained: &Trained, path: &Path) -> Result<()> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(SIZE.0 / 2);
    let judged = &trained.model;
    let of = |what: &str, judged: &Judgement| format!("{what}, AUC {:.3}", judged.auc);
    let answers = of("answers 接通", &judged.answers_judged);
    let pays = of("pays 还款", &judged.pays_judged);
    for (panel, about, gains, colour) in
        [(left, answers, &trained.answers_gains, BLUE), (right, pays, &trained.pays_gains, ORANGE)]
    {
        let mut chart = ChartBuilder::on(&panel)
            .caption(about, ("sans-serif", 17))
            .margin(12)
            .margin_right(22)
            .x_label_area_size(38)
            .y_label_area_size(44)
            .build_cartesian_2d(0.0..100.0, 0.0..100.0)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(RGBColor(225, 225, 225))
            .x_labels(6)
            .y_labels(6)
            .x_desc("called first, of all 先呼的占比 [%]")
            .y_desc("found of those 找到的占比 [%]")
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .draw()?;
        let line = |(x, y): (i32, i32), colour: RGBColor| {
            PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2))
        };
        chart
            .draw_series(DashedLineSeries::new([(0.0, 0.0), (100.0, 100.0)], 6, 4, GREY.stroke_width(1)))?
            .label("a guess 随机")
            .legend(move |at| line(at, GREY));
        let points = gains.iter().enumerate().map(|(n, share)| (n as f64, 100.0 * share));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label("the model 模型")
            .legend(move |at| line(at, colour));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.85))
            .draw()?;
    }
    area.present()?;
    Ok(())
}
