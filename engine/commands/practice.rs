//! `waihu practice`: a whole campaign against the practice ground, and whether it came out right.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, ExitCode, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use waihu_dialler::{CampaignOrder, CampaignReport};
use waihu_simulator::practice::{self, Expectation};
use waihu_trunk::TrunkConfig;
use waihu_types::{CampaignId, Case, CaseId};

use super::{campaign, simulate::READY};
use crate::{project::Project, table::Table, watch::Words};

#[derive(Debug, Args)]
pub(crate) struct PracticeArgs {
    /// Cases by id; all when none is given.
    cases: Vec<CaseId>,
    /// Calls at once; the trunk's max_calls when left out, and never more.
    #[arg(long)]
    max_at_once: Option<u32>,
    /// Do not print the words as they are spoken.
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(project: &Project, args: &PracticeArgs) -> Result<ExitCode> {
    let expected = practice::read_expected(practice::EXPECTED)?;
    let cases = wanted(&args.cases)?;
    let trunk = TrunkConfig::read(&project.trunk("practice"))?;
    let script = project.flow("reminder")?;
    let ground = PracticeGround::open(project, &trunk)?;
    // A campaign of its own each time: a second run calls everybody again.
    let id: CampaignId = format!("practice-{}", jiff::Timestamp::now().as_second()).parse()?;
    let max = args.max_at_once.unwrap_or(u32::MAX).clamp(1, trunk.max_calls) as usize;
    let order = CampaignOrder { id: id.clone(), cases: cases.clone(), script, max_at_once: max };
    let words = if args.quiet { Words::Hidden } else { Words::Shown };
    let report = super::runtime()?.block_on(campaign::dial(project, trunk, order, words))?;
    drop(ground);
    Ok(show(project, &id, &cases, &expected, &report))
}

fn wanted(ids: &[CaseId]) -> Result<Vec<Case>> {
    let table = waihu_campaign::read_csv(practice::CASES);
    if let Some(problem) = table.problems.first() {
        bail!("the practice cases: {problem}");
    }
    let cases: Vec<Case> = table.cases.into_iter().map(|(_, case)| case).collect();
    for id in ids {
        if !cases.iter().any(|c| c.id == *id) {
            let known: Vec<&str> = cases.iter().map(|c| c.id.as_str()).collect();
            bail!("there is no practice case {id}; there are: {}", known.join(", "));
        }
    }
    Ok(cases.into_iter().filter(|c| ids.is_empty() || ids.contains(&c.id)).collect())
}

/// The simulator's process; dropped, its input ends and with it the process.
struct PracticeGround(Child);

impl PracticeGround {
    fn open(project: &Project, trunk: &TrunkConfig) -> Result<Self> {
        eprintln!("opening the practice ground 打开演练场 …");
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--project")
            .arg(project.root())
            .args(["simulate", "--while-stdin", "--bind", &trunk.proxy.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the practice ground cannot be started")?;
        let out = child.stdout.take().context("the practice ground has no output")?;
        let mut lines = BufReader::new(out).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with(READY));
        if !ready {
            let status = child.wait()?;
            bail!("the practice ground did not open ({status}): see above");
        }
        // What it tells later is only read, so that its pipe never fills.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self(child))
    }
}

impl Drop for PracticeGround {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Prints the table; success where every case came out as expected.
fn show(
    project: &Project,
    id: &CampaignId,
    cases: &[Case],
    expected: &BTreeMap<CaseId, Expectation>,
    report: &CampaignReport,
) -> ExitCode {
    let mut table = Table::new(["case 案件", "expected 预期", "actual 实际", "", "talk s", "recording 录音"]);
    let mut right = 0;
    for case in cases {
        let outcome = report.outcomes.iter().find(|o| o.case == case.id);
        let actual = outcome.map(Expectation::shown_by);
        let wanted = expected.get(&case.id);
        let same = actual.is_some() && actual.as_ref() == wanted;
        right += usize::from(same);
        let shown = |e: Option<&Expectation>| e.map(ToString::to_string).unwrap_or_else(|| "-".to_owned());
        let talked =
            outcome.and_then(|o| Some((o.ended_at.unix_millis() - o.answered_at?.unix_millis()) / 1_000));
        table.row([
            case.id.to_string(),
            shown(wanted),
            shown(actual.as_ref()),
            if same { "✓" } else { "✗" }.to_owned(),
            talked.map(|t| t.to_string()).unwrap_or_default(),
            outcome.and_then(|o| o.recording.as_ref()).map(|r| r.path.clone()).unwrap_or_default(),
        ]);
    }
    println!("\n{table}");
    for (case, why) in &report.not_placed {
        println!("{case}: not called 未呼叫: {why}");
    }
    println!("{right} of {} cases came out as expected 符合预期", cases.len());
    println!("recordings and transcripts 录音与文本: {}", project.recordings().display());
    println!("outcomes 结果: {} (waihu outcomes --campaign {id})", project.store().display());
    if right == cases.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
