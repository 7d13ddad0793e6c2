//! Starting, pausing and stopping campaigns, and how they stand.

use std::{io::IsTerminal, process::ExitCode, time::Duration};

use anyhow::{Result, bail};
use clap::Args;
use waihu_store::{CampaignState, Counts, Store, StoredCampaign};
use waihu_types::CampaignId;

use crate::{
    commands::{dialog, written::written},
    output::out,
    project::Project,
    table::Table,
};

/// How often a watched campaign is looked at.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct OfCampaign {
    /// The campaign 批次名
    pub(super) id: CampaignId,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The campaign; all when left out 批次名
    id: Option<CampaignId>,
    /// Look again every second, until it has nothing left to do 持续显示
    #[arg(long, requires = "id")]
    watch: bool,
    /// A JSON object a campaign, one a line 以 JSON 输出
    #[arg(long)]
    json: bool,
}

pub(crate) fn turn(project: &Project, of: &OfCampaign, state: CampaignState) -> Result<ExitCode> {
    crate::commands::runtime()?.block_on(async {
        let store = dialog::open(project).await?;
        let act = format!("campaign {}: {}", of.id, state.label());
        written(&store, &act, store.set_campaign_state(&of.id, state, None, dialog::now())).await?;
        out!("campaign 批次 {}: {} {}", of.id, state.label(), state.label_zh())?;
        Ok(ExitCode::SUCCESS)
    })
}

pub(crate) fn status(project: &Project, args: &StatusArgs) -> Result<ExitCode> {
    crate::commands::runtime()?.block_on(async {
        let store = dialog::open(project).await?;
        loop {
            let mut campaigns = store.campaigns().await?;
            if let Some(id) = &args.id {
                campaigns.retain(|campaign| campaign.id == *id);
                if campaigns.is_empty() {
                    bail!("there is no campaign {id}: see `waihu campaign list` 没有该批次");
                }
            }
            let rows = counted(&store, campaigns).await?;
            show(&rows, args)?;
            let over = |(campaign, counts): &(StoredCampaign, Counts)| {
                campaign.state != CampaignState::Running || counts.ready + counts.leased + counts.waiting == 0
            };
            if !args.watch || rows.iter().all(over) {
                return Ok(ExitCode::SUCCESS);
            }
            tokio::time::sleep(LOOK).await;
        }
    })
}

async fn counted(store: &Store, campaigns: Vec<StoredCampaign>) -> Result<Vec<(StoredCampaign, Counts)>> {
    let mut rows = Vec::with_capacity(campaigns.len());
    for campaign in campaigns {
        let counts = store.campaign_counts(&campaign.id).await?;
        rows.push((campaign, counts));
    }
    Ok(rows)
}

fn show(rows: &[(StoredCampaign, Counts)], args: &StatusArgs) -> Result<()> {
    if args.json {
        for (campaign, counts) in rows {
            let line = serde_json::json!({
                "campaign": campaign.id, "state": campaign.state.label(), "revision": campaign.revision,
                "waiting": counts.waiting, "ready": counts.ready, "leased": counts.leased, "done": counts.done,
                "next_due": counts.next_due,
            });
            out!("{line}")?;
        }
        return Ok(());
    }
    if args.watch && std::io::stdout().is_terminal() {
        // The cursor to the upper left, and what was there before is gone (ECMA-48, CUP and ED).
        out!("\x1b[H\x1b[2J")?;
    }
    let mut table = Table::new([
        "campaign 批次",
        "state 状态",
        "waiting 等待",
        "ready 待拨",
        "up 通话中",
        "done 完成",
        "next 下次",
    ]);
    for (campaign, counts) in rows {
        table.row([
            campaign.id.to_string(),
            format!("{} {}", campaign.state.label(), campaign.state.label_zh()),
            counts.waiting.to_string(),
            counts.ready.to_string(),
            counts.leased.to_string(),
            counts.done.to_string(),
            counts.next_due.map(|at| at.to_string()).unwrap_or_default(),
        ]);
    }
    out!("{table}")?;
    Ok(())
}
