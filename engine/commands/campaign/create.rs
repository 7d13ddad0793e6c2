//! Creating a campaign and giving it cases.

use std::{fs, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use waihu_api::CaseFilter;
use waihu_campaign::{ScriptName, Settings, Strategy, contact::ContactModel};
use waihu_dialler::{ScriptSource, Variant, Wanted as WantedScripts};
use waihu_store::{CaseState, Imported, Placement, Store, StoredCampaign};
use waihu_trunk::TrunkConfig;
use waihu_types::{CampaignId, Case, ProductKind};

use crate::{
    commands::{
        dialog::{self, Wanted},
        written::{look, written},
    },
    gate,
    output::{note, out},
    project::Project,
};

/// Cases that are written in one transaction: others write in between.
const BATCH: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The campaign's id 批次名
    id: CampaignId,
    /// What is to be done: trunk, script, strategy, pacing (`campaigns/example.toml` explains every key) 批次设置
    #[arg(long, value_name = "FILE.toml")]
    settings: PathBuf,
    /// The cases 案件表
    #[arg(long, value_name = "FILE.csv")]
    cases: Option<PathBuf>,
    /// Start it at once 立即启动
    #[arg(long)]
    start: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The campaign 批次名
    id: CampaignId,
    /// The cases 案件表
    #[arg(long, value_name = "FILE.csv", required_unless_present = "stored")]
    cases: Option<PathBuf>,
    /// Every open case of the store 库中全部待催案件
    #[arg(long, conflicts_with = "cases")]
    stored: bool,
    #[command(flatten)]
    filter: FilterArgs,
}

/// Which of the store's open cases; all where nothing is set.
#[derive(Debug, Args)]
struct FilterArgs {
    /// Of the store's, those of these kinds of loan 仅限这些贷款种类
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', requires = "stored", conflicts_with = "cases", value_parser = kind())]
    kind: Vec<ProductKind>,
    /// Of the store's, those of these grades of risk 仅限这些风险等级
    #[arg(
        long,
        value_name = "GRADE,…",
        value_delimiter = ',',
        requires = "stored",
        conflicts_with = "cases"
    )]
    risk_grade: Vec<String>,
    /// Of the store's, those overdue for so many days at least 逾期不少于几天
    #[arg(long, value_name = "DAYS", requires = "stored", conflicts_with = "cases")]
    min_days_past_due: Option<u32>,
    /// Of the store's, those overdue for so many days at most 逾期不多于几天
    #[arg(long, value_name = "DAYS", requires = "stored", conflicts_with = "cases")]
    max_days_past_due: Option<u32>,
}

fn kind() -> impl TypedValueParser<Value = ProductKind> {
    PossibleValuesParser::new(ProductKind::ALL.map(ProductKind::label))
        .try_map(|word| word.parse::<ProductKind>())
}

impl FilterArgs {
    /// The same as the API has it.
    fn filter(&self) -> CaseFilter {
        CaseFilter {
            kinds: self.kind.clone(),
            risk_grades: self.risk_grade.clone(),
            min_days_past_due: self.min_days_past_due,
            max_days_past_due: self.max_days_past_due,
        }
    }
}

pub(crate) fn create(project: &Project, args: &CreateArgs) -> Result<ExitCode> {
    let shown = args.settings.display();
    let text =
        fs::read_to_string(&args.settings).with_context(|| format!("{shown}: cannot be read 无法读取"))?;
    let settings = Settings::parse(&text).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("{shown}: {fault}")).collect();
        anyhow::anyhow!(lines.join("\n"))
    })?;
    // No campaign on a line that does not say by which rules.
    let trunk = TrunkConfig::read(&project.trunk(&settings.trunk))?;
    gate::of(project, &settings.trunk, &trunk)?;
    crate::commands::runtime()?.block_on(async {
        let store = dialog::open(project).await?;
        let created = async {
            let made = make(project, &store, &args.id, &settings).await?;
            if let Some(cases) = &args.cases {
                let (cases, bad_rows) = super::read_cases(project, cases, &settings.authority)?;
                told(&args.id, &fill(&store, &made, &cases).await?, bad_rows)?;
            }
            if args.start {
                let running = waihu_store::CampaignState::Running;
                store.set_campaign_state(&args.id, running, None, dialog::now()).await?;
            }
            anyhow::Ok(())
        };
        let and_started = if args.start { " --start" } else { "" };
        written(&store, &format!("campaign create {}{and_started}", args.id), created).await?;
        let next = if args.start { "is started 已启动" } else { "is created 已新建" };
        out!(
            "campaign 批次 {} {next}; `waihu serve` dials it, `waihu campaign status {}` shows it",
            args.id,
            args.id
        )?;
        Ok(ExitCode::SUCCESS)
    })
}

pub(crate) fn add(project: &Project, args: &AddArgs) -> Result<ExitCode> {
    crate::commands::runtime()?.block_on(async {
        let store = dialog::open(project).await?;
        let filter = &args.filter;
        let act = look(
            &format!("campaign add {}", args.id),
            [
                ("--kind", !filter.kind.is_empty()),
                ("--risk-grade", !filter.risk_grade.is_empty()),
                ("--min-days-past-due", filter.min_days_past_due.is_some()),
                ("--max-days-past-due", filter.max_days_past_due.is_some()),
            ],
        );
        written(&store, &act, added(project, &store, args)).await
    })
}

async fn added(project: &Project, store: &Store, args: &AddArgs) -> Result<ExitCode> {
    let Some(stored) = store.campaign(&args.id).await? else {
        bail!("there is no campaign {}: see `waihu campaign list` 没有该批次", args.id);
    };
    let made = Made::of(stored)?;
    let Some(file) = &args.cases else {
        let (mut placed, filter, now) = (Filled::default(), args.filter.filter(), dialog::now());
        let mut after = None;
        loop {
            let page = store.cases_page(after.as_ref(), 1_000).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.case.id.clone());
            let open = page.into_iter().filter(|stored| stored.state == CaseState::Open);
            let wanted = open.map(|stored| stored.case).filter(|case| filter.lets_through(case, now));
            let cases: Vec<Case> = wanted.collect();
            placed.add(place(store, &made, &cases).await?);
        }
        told(&args.id, &placed, 0)?;
        return Ok(ExitCode::SUCCESS);
    };
    let (cases, bad_rows) = super::read_cases(project, file, &made.settings.authority)?;
    told(&args.id, &fill(store, &made, &cases).await?, bad_rows)?;
    Ok(if bad_rows == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A campaign with what it goes by.
pub(crate) struct Made {
    pub(crate) id: CampaignId,
    pub(crate) settings: Settings,
    pub(super) strategy: Strategy,
    pub(super) stored: StoredCampaign,
}

impl Made {
    pub(crate) fn of(stored: StoredCampaign) -> Result<Self> {
        let settings: Settings = serde_json::from_value(stored.settings.clone()).with_context(|| {
            format!("campaign {}: its settings cannot be read 批次设置无法读取", stored.id)
        })?;
        let strategy = Strategy::parse("strategy", &stored.strategy)
            .map_err(|faults| anyhow::anyhow!("campaign {}: {faults}", stored.id))?;
        Ok(Self { id: stored.id.clone(), settings, strategy, stored })
    }
}

/// Creates a campaign: its strategy's content is kept with it, and its scripts are approved ones that it keeps.
pub(super) async fn make(
    project: &Project,
    store: &Store,
    id: &CampaignId,
    settings: &Settings,
) -> Result<Made> {
    // What people saved stands before the file of the same name.
    let strategy = match store.strategy(&settings.strategy).await? {
        Some(saved) => with_model(project, &format!("strategy {}", saved.name), saved.content)?,
        None => strategy(project, &settings.strategy)?,
    };
    dialog::scripts(project, store, id, &wanted(settings), settings.authority.clone()).await?;
    store.create_campaign(id, &serde_json::to_value(settings)?, &strategy, dialog::now()).await?;
    let stored =
        store.campaign(id).await?.context("the campaign that was just created is gone 批次不见了")?;
    Made::of(stored)
}

/// The content of a strategy, which is right, with the model that it names inside. Where a project has no
/// `default` of its own, it is the shipped one.
pub(crate) fn strategy(project: &Project, name: &str) -> Result<String> {
    let path = project.root().join("strategies").join(format!("{name}.toml"));
    if name == "default" && !path.exists() {
        return Ok(Strategy::SHIPPED.to_owned());
    }
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{}: cannot be read 无法读取策略文件", path.display()))?;
    with_model(project, &path.display().to_string(), text)
}

/// A strategy's text, which is right, with the model that it names inside; `of` is where it stands, for people.
pub(crate) fn with_model(project: &Project, of: &str, text: String) -> Result<String> {
    let strategy = Strategy::parse(of, &text).map_err(|faults| anyhow::anyhow!("{faults}"))?;
    let Some(model) = strategy.propensity_path() else { return Ok(text) };
    let path = project.root().join(model);
    let json = fs::read_to_string(&path)
        .with_context(|| format!("{}: cannot be read 无法读取联系模型", path.display()))?;
    let model = ContactModel::parse(&json).with_context(|| path.display().to_string())?;
    Ok(Strategy::with_model_inside(&text, &model))
}

/// The scripts that settings name.
pub(super) fn wanted(settings: &Settings) -> Vec<Wanted> {
    match &settings.script {
        Some(script) => vec![Wanted::script(&script.to_string())],
        None => settings.variants.iter().map(Wanted::variant).collect(),
    }
}

/// What became of cases that were given to a campaign.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filled {
    pub(super) imported: Imported,
    /// Cases that are in its queue.
    pub(crate) placed: u64,
    /// Cases that its strategy does not call.
    pub(super) not_selected: usize,
}

impl Filled {
    fn add(&mut self, other: Self) {
        self.imported += other.imported;
        self.placed += other.placed;
        self.not_selected += other.not_selected;
    }
}

/// Takes cases over and puts them into the queue.
pub(super) async fn fill(store: &Store, made: &Made, cases: &[Case]) -> Result<Filled> {
    let mut filled = Filled::default();
    for batch in cases.chunks(BATCH) {
        let imported = store.import(batch, dialog::now()).await?;
        filled.add(Filled { imported, ..place(store, made, batch).await? });
    }
    Ok(filled)
}

/// Puts cases of the store into the queue.
pub(crate) async fn place(store: &Store, made: &Made, cases: &[Case]) -> Result<Filled> {
    let now = dialog::now();
    let mut placements = Vec::with_capacity(cases.len());
    for case in cases {
        if let Some(placement) = Placement::first(&made.strategy, &made.settings, case, now) {
            placements.push(placement);
        }
    }
    let not_selected = cases.len() - placements.len();
    let placed = store.enqueue(&made.id, &placements).await?;
    Ok(Filled { imported: Imported::default(), placed, not_selected })
}

fn told(id: &CampaignId, filled: &Filled, bad_rows: usize) -> Result<()> {
    let Imported { new, changed, same } = filled.imported;
    out!("cases 案件: {new} new 新增, {changed} changed 更新, {same} as before 不变")?;
    out!("campaign 批次 {id}: {} in its queue 已入队", filled.placed)?;
    for (count, what) in [
        (filled.not_selected, "are not called by its strategy 按策略不呼叫"),
        (bad_rows, "rows are wrong, as named above 行有误"),
    ] {
        if count > 0 {
            out!("  {count:>6} {what}")?;
        }
    }
    Ok(())
}

/// What gives an engine the scripts of campaigns: those that they keep, and approved ones by name.
pub(crate) fn scripts_of(project: &Project, store: Arc<Store>) -> ScriptSource {
    let project = project.clone();
    Arc::new(move |campaign, wanted| {
        let (project, store, id) = (project.clone(), Arc::clone(&store), campaign.id.clone());
        Box::pin(async move {
            let given = match wanted {
                WantedScripts::Begun => dialog::begun(&project, &store, &id).await,
                WantedScripts::Named(name) => named(&project, &store, &name).await,
            };
            given.map_err(|e| format!("{e:#}"))
        })
    })
}

async fn named(project: &Project, store: &Store, name: &ScriptName) -> Result<Vec<Variant>> {
    let script = dialog::approved(project, store, &Wanted::script(&name.to_string())).await?;
    note!("script 话术 {}@{}", script.name(), script.sha256().get(..12).unwrap_or_default());
    Ok(Variant::only(project.recorded_prompts(&script)?, script))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: AddArgs,
    }

    fn adding(words: &[&str]) -> Result<AddArgs, clap::Error> {
        Line::try_parse_from(["add"].iter().chain(words)).map(|line| line.args)
    }

    fn case(id: &str, kind: &str, grade: &str, days: u32) -> Case {
        let case = json!({
            "id": id, "phone": "13800000000", "name": "张伟", "lang": "zh", "creditor": "安信银行", "product": "贷款",
            "amount": "3250.00", "currency": "CNY", "due_date": "2026-11-15", "kind": kind, "risk_grade": grade,
            "days_past_due": days
        });
        serde_json::from_value(case).unwrap()
    }

    #[test]
    fn of_the_stores_open_cases_those_come_in_that_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::at(folder.path());
        let runtime = crate::commands::runtime().unwrap();
        let store = runtime.block_on(Store::open(project.store())).unwrap();
        let cases = [
            case("c-1", "card", "A", 10),
            case("c-2", "card", "B", 40),
            case("c-3", "mortgage", "B", 70),
            case("c-4", "card", "A", 10),
        ];
        let settings = Settings::parse("trunk = \"main\"\nscript = \"reminder\"").unwrap();
        let settings = serde_json::to_value(settings).unwrap();
        runtime.block_on(async {
            let now = dialog::now();
            store.import(&cases, now).await.unwrap();
            store.set_case_state(&cases[3].id, CaseState::Paid, None, now).await.unwrap();
        });
        let added: [(&[&str], u64); 6] = [
            (&[], 3),
            (&["--kind", "card"], 2),
            (&["--kind", "card,mortgage", "--risk-grade", "B"], 2),
            (&["--min-days-past-due", "40"], 2),
            (&["--max-days-past-due", "39"], 1),
            (&["--min-days-past-due", "11", "--max-days-past-due", "69", "--risk-grade", "A,B"], 1),
        ];
        for (n, (words, expected)) in added.into_iter().enumerate() {
            let id = format!("number-{n}");
            let args = adding(&[&[id.as_str(), "--stored"][..], words].concat()).unwrap();
            let made = store.create_campaign(&args.id, &settings, Strategy::SHIPPED, dialog::now());
            runtime.block_on(made).unwrap();
            add(&project, &args).unwrap();
            let counts = runtime.block_on(store.campaign_counts(&args.id)).unwrap();
            assert_eq!((counts.waiting, counts.done), (expected, 0), "{words:?}");
        }
        let rows = runtime.block_on(store.audit(0, 10)).unwrap();
        assert_eq!(rows[3].act, "campaign add number-3 --min-days-past-due");
        for wrong in [&["x", "--stored", "--kind", "boat"][..], &["x", "--cases", "f.csv", "--kind", "card"]]
        {
            assert!(adding(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_example_of_settings_is_right() {
        let text = include_str!("../../../campaigns/example.toml");
        let settings = Settings::parse(text).unwrap();
        assert_eq!(settings.pacing.max_calls, Some(20));
        assert_eq!(wanted(&settings), [Wanted::script("reminder")]);
    }
}
