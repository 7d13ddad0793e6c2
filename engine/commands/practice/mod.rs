//! `waihu practice`: a whole campaign against the practice ground, through a service of its own, and whether it came
//! out right.

mod service;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use waihu_corpus::score::percentile;
use waihu_dialog::Script;
use waihu_simulator::practice::{self, Expectation};
use waihu_store::{Role, Store};
use waihu_trunk::TrunkConfig;
use waihu_types::{CampaignId, Case, CaseId, Outcome};

use super::{
    dialog,
    simulate::{ANSWERED, READY},
};
use crate::{
    output::{note, out},
    plant::{self, Ground},
    project::Project,
    table::Table,
};
use service::Service;

#[derive(Debug, Args)]
pub(crate) struct PracticeArgs {
    /// Cases by id; all when none is given 案件
    cases: Vec<CaseId>,
    /// Calls at once; the trunk's max_calls when left out, and never more 并发数
    #[arg(long)]
    max_at_once: Option<u32>,
    /// Do not print the words as they are spoken 不显示对话内容
    #[arg(long)]
    quiet: bool,
    /// A JSON object a case as it is called and as it ends, in place of the table 以 JSON 输出
    #[arg(long)]
    json: bool,
}

/// The trunk to the practice ground.
const TRUNK: &str = "practice";

/// Whoever the practice store has for the two people that a script needs.
const AUTHOR: &str = "practice";
const APPROVER: &str = "practice ground";

pub(crate) fn run(project: &Project, args: &PracticeArgs) -> Result<ExitCode> {
    let expected = practice::read_expected(practice::EXPECTED)?;
    let cases = wanted(&args.cases)?;
    let trunk = TrunkConfig::read(&project.trunk(TRUNK))?;
    let script = project.flow("reminder")?;
    let ground = PracticeGround::open(project, &trunk)?;
    // A campaign of its own each time: a second run calls everybody again.
    let id: CampaignId = format!("practice-{}", jiff::Timestamp::now().as_second()).parse()?;
    let outcomes = super::runtime()?.block_on(async {
        let store = plant::store(project, Ground::Practice).await?;
        let version = approved(&store, &script).await?;
        let day = Some(Duration::from_secs(86_400));
        let token = super::token::make(&store, id.as_str(), Role::Integrator, AUTHOR, day).await?;
        let mut service = Service::start(project, args, token.reveal())?;
        service.begin(&id, &version, &cases).await?;
        if args.json {
            cases.iter().try_for_each(|case| line(&case.id, expected.get(&case.id), None))?;
        }
        let mut told = BTreeSet::new();
        let outcomes = service.outcomes(&id, cases.len(), |filed| {
            let mut news = filed.iter().filter(|outcome| args.json && told.insert(outcome.case.clone()));
            news.try_for_each(|outcome| line(&outcome.case, expected.get(&outcome.case), Some(outcome)))
        });
        let outcomes = outcomes.await;
        store.revoke_token(id.as_str(), dialog::now()).await?;
        service.end()?;
        outcomes
    })?;
    if args.json {
        ground.close();
        let right = |case: &&Case| {
            let outcome = outcomes.iter().find(|o| o.case == case.id);
            outcome.map(Expectation::shown_by).as_ref() == expected.get(&case.id)
        };
        let all_right = cases.iter().filter(right).count() == cases.len();
        return Ok(if all_right { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let done = show(project, &id, &cases, &expected, &outcomes);
    let answers = ground.close();
    let at = |share| percentile(&answers, share);
    if let (Some(p50), Some(p95), Some(most)) = (at(50.0), at(95.0), at(100.0)) {
        out!(
            "the bot's answers 应答: {} of them, p50 {p50} ms, p95 {p95} ms, most {most} ms, from the callee's last \
             sound to the bot's first, at the callee's ear 自被叫说完至听到回答",
            answers.len()
        )?;
    }
    Ok(done)
}

/// The script as it lies on the disk, as an approved version: the practice ground is nobody's telephone, and its
/// store no real one.
async fn approved(store: &Store, script: &Script) -> Result<String> {
    let (name, sha256) = (script.name(), script.sha256());
    let files: Vec<(String, String)> =
        script.files().iter().map(|(path, text)| (path.clone(), text.to_string())).collect();
    let stored = store.submit_script(name, sha256, &files, AUTHOR, dialog::now()).await?;
    if stored.approved().is_none() {
        store.approve_script(name, sha256, APPROVER, dialog::now()).await?;
    }
    Ok(format!("{name}@{sha256}"))
}

fn wanted(ids: &[CaseId]) -> Result<Vec<Case>> {
    let table = waihu_campaign::read_csv(practice::CASES);
    if let Some(problem) = table.problems.first() {
        bail!("the practice cases 演练案件: {problem}");
    }
    let cases: Vec<Case> = table.cases.into_iter().map(|(_, case)| case).collect();
    for id in ids {
        if !cases.iter().any(|c| c.id == *id) {
            let known: Vec<&str> = cases.iter().map(|c| c.id.as_str()).collect();
            bail!("there is no practice case {id} 没有该案件; there are 现有: {}", known.join(", "));
        }
    }
    Ok(cases.into_iter().filter(|c| ids.is_empty() || ids.contains(&c.id)).collect())
}

/// The simulator's process; dropped, its input ends and with it the process.
struct PracticeGround {
    child: Child,
    /// How long each answer of the bot's took, at the callee's ear [ms].
    answers: Option<thread::JoinHandle<Vec<f64>>>,
}

impl PracticeGround {
    fn open(project: &Project, trunk: &TrunkConfig) -> Result<Self> {
        note!("opening the practice ground 打开演练场 …");
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--project")
            .arg(project.root())
            .args(["simulate", "--while-stdin", "--bind", &trunk.proxy.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A group of its own: Ctrl-C is for the calls, not for those who are being called.
            .process_group(0)
            .spawn()
            .context("the practice ground cannot be started 无法启动演练场")?;
        let out = child.stdout.take().context("the practice ground has no output 演练场没有输出")?;
        let mut lines = BufReader::new(out).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with(READY));
        if !ready {
            let status = child.wait()?;
            bail!("the practice ground did not open 演练场未能打开 ({status}): see above 见上文");
        }
        // All that it tells later is read, so that its pipe never fills.
        let answers = thread::spawn(move || {
            let told = lines.map_while(Result::ok);
            let after = |l: String| l.strip_prefix(ANSWERED)?.split(' ').next()?.parse().ok();
            told.filter_map(after).collect()
        });
        Ok(Self { child, answers: Some(answers) })
    }

    /// Closes it; how long the bot's answers took [ms].
    fn close(mut self) -> Vec<f64> {
        drop(self.child.stdin.take());
        self.answers.take().and_then(|a| a.join().ok()).unwrap_or_default()
    }
}

impl Drop for PracticeGround {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Prints a case for programs, with what came of it.
fn line(case: &CaseId, expected: Option<&Expectation>, outcome: Option<&Outcome>) -> Result<()> {
    let actual = outcome.map(Expectation::shown_by);
    let shown = |e: Option<&Expectation>| e.map(ToString::to_string);
    let line = serde_json::json!({
        "case": case, "expected": shown(expected).unwrap_or_default(), "actual": shown(actual.as_ref()),
        "right": actual.as_ref().map(|actual| expected == Some(actual)), "talk_s": outcome.and_then(talked_s),
    });
    out!("{line}")?;
    Ok(())
}

/// Between answer and end [s].
fn talked_s(outcome: &Outcome) -> Option<i64> {
    Some((outcome.ended_at.unix_millis() - outcome.answered_at?.unix_millis()) / 1_000)
}

/// Prints the table; success where every case came out as expected.
fn show(
    project: &Project,
    id: &CampaignId,
    cases: &[Case],
    expected: &BTreeMap<CaseId, Expectation>,
    outcomes: &[Outcome],
) -> ExitCode {
    let mut table =
        Table::new(["case 案件", "expected 预期", "actual 实际", "", "talk 通话 s", "recording 录音"]);
    let mut right = 0;
    for case in cases {
        let outcome = outcomes.iter().find(|o| o.case == case.id);
        let actual = outcome.map(Expectation::shown_by);
        let wanted = expected.get(&case.id);
        let same = actual.is_some() && actual.as_ref() == wanted;
        right += usize::from(same);
        let shown = |e: Option<&Expectation>| e.map(ToString::to_string).unwrap_or_else(|| "-".to_owned());
        let talked = outcome.and_then(talked_s);
        table.row([
            case.id.to_string(),
            shown(wanted),
            shown(actual.as_ref()),
            if same { "✓" } else { "✗" }.to_owned(),
            talked.map(|t| t.to_string()).unwrap_or_default(),
            outcome.and_then(|o| o.recording.as_ref()).map(|r| r.path.clone()).unwrap_or_default(),
        ]);
    }
    let mut lines = vec![format!("\n{table}")];
    lines.push(format!("{right} of {} cases came out as expected 符合预期", cases.len()));
    lines.push(format!("recordings and transcripts 录音与文本: {}", project.recordings().display()));
    lines.push(format!(
        "outcomes 结果: {} (waihu outcomes --practice --campaign {id})",
        project.practice_store().display()
    ));
    // Whether it came out right does not hang on a reader.
    let _ = lines.iter().try_for_each(|line| out!("{line}"));
    if right == cases.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
