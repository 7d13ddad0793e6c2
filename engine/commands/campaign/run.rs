//! `waihu campaign run`: a file of cases, called now.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::Args;
use waihu_campaign::{PacingSettings, ScriptName, ScriptShare, Settings};
use waihu_store::{CampaignState, Store};
use waihu_trunk::TrunkConfig;
use waihu_types::CampaignId;

use super::{
    Dial,
    create::{Made, fill, make},
    dial, read_cases, scripts_of,
};
use crate::{
    commands::{
        authority,
        dialog::{self, Wanted},
        written::written,
    },
    gate,
    output::out,
    plant::{self, Ground},
    project::Project,
    watch::Words,
};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The cases (see README for the columns). Rows that are wrong are named and left out 案件表
    #[arg(long, value_name = "FILE.csv")]
    cases: PathBuf,
    /// The flow: the newest version that is approved, or FLOW@SHA for that one. The campaign goes on with
    /// it to its end, whatever becomes of the files 话术（已审批的版本）
    #[arg(long, value_name = "FLOW[@SHA]", required_unless_present = "variant")]
    script: Option<ScriptName>,
    /// Several versions side by side, each with its share of the cases, as A=reminder@1f3c:50; given for each
    /// 话术方案及其案件份额，可多次给出
    #[arg(long, value_name = "NAME=FLOW@SHA:SHARE", conflicts_with = "script")]
    variant: Vec<Wanted>,
    /// What may be agreed where a case leaves it open: a TOML file with the keys of a case's `authority`. The
    /// campaign keeps it to its end; left out later, it goes on with it 批次授权文件（案件自身的授权优先）
    #[arg(long, value_name = "FILE.toml")]
    authority: Option<PathBuf>,
    /// The strategy: a file of strategies/. The campaign keeps it to its end 策略
    #[arg(long, value_name = "NAME", default_value = "default")]
    strategy: String,
    /// The trunk in sip-config/ 线路
    #[arg(long, value_name = "NAME")]
    trunk: String,
    /// The campaign's id; the file's name when left out. A second run of the same id goes on where the
    /// first ended, and calls nobody twice 批次名
    #[arg(long)]
    id: Option<CampaignId>,
    /// Calls at once; the trunk's max_calls when left out, and never more 并发数
    #[arg(long)]
    max_at_once: Option<u32>,
    /// Print the words as they are spoken. They are personal data 显示对话内容（个人信息）
    #[arg(long)]
    words: bool,
}

pub(super) fn run(project: &Project, args: RunArgs) -> Result<ExitCode> {
    let trunk = TrunkConfig::read(&project.trunk(&args.trunk))?;
    let gate = gate::of(project, &args.trunk, &trunk)?;
    let id = match &args.id {
        Some(id) => id.clone(),
        None => {
            let stem = args.cases.file_stem().unwrap_or_default().to_string_lossy();
            stem.parse().with_context(|| {
                format!("{stem:?} cannot be a campaign's id; name one with --id 请用 --id 指定批次名")
            })?
        }
    };
    let dial_it = Dial {
        trunk_name: args.trunk.clone(),
        campaign: id.clone(),
        max_at_once: args.max_at_once.unwrap_or(u32::MAX).clamp(1, trunk.max_calls) as usize,
        words: if args.words { Words::Shown } else { Words::Hidden },
    };
    let (claim, bad_rows, left_out, report) = crate::commands::runtime()?.block_on(async {
        let store = plant::store(project, Ground::Real).await?;
        // One process at a time goes by this file; `waihu serve` may dial the same campaign beside it.
        let claim = store.claim(&id).await?;
        let begun = begin(project, &store, &id, &args);
        let (bad_rows, left_out) = written(&store, &format!("campaign run {id}"), begun).await?;
        let scripts = scripts_of(project, Arc::clone(&store));
        let report = dial(project, trunk, gate, Arc::clone(&store), dial_it, scripts).await?;
        // It is over for now: whoever serves campaigns does not go on with it unasked.
        store.set_campaign_state(&id, CampaignState::Paused, None, dialog::now()).await?;
        anyhow::Ok((claim, bad_rows, left_out, report))
    })?;
    drop(claim);
    // A reader who has gone changes nothing of whether it is done.
    let _ = report.summary(&id, left_out, bad_rows).iter().try_for_each(|line| out!("{line}"));
    Ok(if bad_rows == 0 && report.is_done() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Takes the file over and starts the campaign, which it creates where it is not there; how many rows are
/// wrong, and how many cases have no turn now.
async fn begin(project: &Project, store: &Store, id: &CampaignId, args: &RunArgs) -> Result<(usize, u64)> {
    let given = args.authority.as_deref().map(authority::read).transpose()?;
    let authority = dialog::authority(store, id, given).await?;
    // A file of which no row can be called begins no campaign.
    let (cases, bad_rows) = read_cases(project, &args.cases, &authority)?;
    let settings = Settings {
        trunk: args.trunk.clone(),
        script: args.script.clone(),
        variants: args.variant.iter().filter_map(Wanted::share).collect::<Vec<ScriptShare>>(),
        strategy: args.strategy.clone(),
        pacing: PacingSettings::default(),
        caller_ids: Default::default(),
        from: None,
        until: None,
        authority,
    };
    if let Some(fault) = settings.check().first() {
        bail!("{fault}");
    }
    let made = match store.campaign(id).await? {
        None => make(project, store, id, &settings).await?,
        Some(stored) => {
            let made = Made::of(stored)?;
            let wanted = super::create::wanted(&settings);
            dialog::scripts(project, store, id, &wanted, settings.authority.clone()).await?;
            if made.settings.trunk != settings.trunk || made.settings.strategy != settings.strategy {
                bail!(
                    "campaign {id} was begun on trunk {} by strategy {}, and goes on with these: name the same, or \
                     another --id 该批次已固定线路与策略",
                    made.settings.trunk,
                    made.settings.strategy
                );
            }
            made
        }
    };
    if made.stored.state == CampaignState::Stopped {
        bail!("campaign {id} was stopped, which is for good: take another --id 批次已停止");
    }
    fill(store, &made, &cases).await?;
    store.set_campaign_state(id, CampaignState::Running, None, dialog::now()).await?;
    let now = dialog::now();
    while store.sweep(id, now, 10_000).await? > 0 {}
    let counts = store.campaign_counts(id).await?;
    Ok((bad_rows, counts.waiting + counts.done))
}
