//! An engine at work, watched on the terminal.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::sync::{mpsc, watch};
use waihu_compliance::Gate;
use waihu_dialler::{EngineOrder, ScriptSource, Stop, Switchboard, run_engine};
use waihu_store::Store;
use waihu_trunk::TrunkConfig;
use waihu_types::CampaignId;

use super::Report;
use crate::{
    commands::signals::Signals,
    configuration::host_name,
    output::note,
    plant,
    project::Project,
    watch::{Watch, Words},
};

/// One campaign to dial.
pub(crate) struct Dial {
    pub(crate) trunk_name: String,
    pub(crate) campaign: CampaignId,
    pub(crate) max_at_once: usize,
    pub(crate) words: Words,
}

/// Dials a campaign until it has nothing left to do now, and shows it. The first signal to end dials no further
/// and lets the calls that are up come to their end, the second hangs them up.
pub(crate) async fn dial(
    project: &Project,
    trunk: TrunkConfig,
    gate: Gate,
    store: Arc<Store>,
    dial: Dial,
    scripts: ScriptSource,
) -> Result<Report> {
    note!("loading models 加载模型 …");
    let agents = Switchboard::start(Arc::clone(&store), &trunk.agents);
    let plant = plant::start(project, trunk, gate, store, agents).await?;
    let counts = plant.store.campaign_counts(&dial.campaign).await?;
    let to_come = counts.ready + counts.leased;
    // Until here there is nothing that a signal could spoil.
    let mut signals = Signals::catch()?;
    let sip = plant.sip.clone();
    let (observer, mut progress) = mpsc::unbounded_channel();
    let (stop, stopping) = watch::channel(Stop::No);
    let mut view = Watch::new(usize::try_from(to_come).unwrap_or(usize::MAX), dial.words);
    let mut report = Report::default();
    let order = EngineOrder {
        trunk: dial.trunk_name,
        only: Some(dial.campaign.clone()),
        node: node(),
        lease: LEASE,
        max_at_once: dial.max_at_once,
        beat: Arc::new(|| {}),
        scripts,
    };
    let store_of = Arc::clone(&plant);
    let mut engine = tokio::spawn(run_engine(plant, order, observer, stopping));
    let ended = loop {
        tokio::select! {
            Some(progress) = progress.recv() => {
                report.take(&progress);
                view.show(progress);
            }
            ended = &mut engine => break ended,
            () = signals.next() => {
                let (wish, told) = further(*stop.borrow());
                view.print(told);
                let _ = stop.send(wish);
            }
        }
    };
    while let Ok(progress) = progress.try_recv() {
        report.take(&progress);
        view.show(progress);
    }
    view.close();
    report.counts = store_of.store.campaign_counts(&dial.campaign).await?;
    // A lost BYE is sent again as long as we are here.
    tokio::select! { () = sip.settled() => {}, () = signals.next() => {} }
    ended.context("the engine's task failed 批次任务出错")??;
    Ok(report)
}

/// For so long a node is taken for alive that is heard of no more. The engine says that it lives each second.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// This process as a node: its machine and its number there.
pub(crate) fn node() -> String {
    format!("{}:{}", host_name(), std::process::id())
}

/// What another signal wishes, and how that is told.
pub(crate) fn further(wished: Stop) -> (Stop, &'static str) {
    match wished {
        Stop::No => (
            Stop::DialNoMore,
            "no further call is placed; those that are up come to their end; once more hangs up \
             不再拨出，通话中的会正常结束；再按一次则挂断",
        ),
        Stop::DialNoMore | Stop::HangUp => (Stop::HangUp, "hanging up 正在挂断"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_signal_hangs_up() {
        let (first, _) = further(Stop::No);
        assert_eq!(
            (first, further(first).0, further(Stop::HangUp).0),
            (Stop::DialNoMore, Stop::HangUp, Stop::HangUp)
        );
    }
}
