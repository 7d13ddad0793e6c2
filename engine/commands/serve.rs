//! `waihu serve`: the engine that dials whatever campaigns are started, until it is told to end.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use clap::Args;
use tokio::sync::{mpsc, watch};
use waihu_dialler::{EngineOrder, Stop, run_engine};
use waihu_trunk::TrunkConfig;

use super::{
    campaign::{LEASE, further, node, scripts_of},
    signals::Signals,
};
use crate::{
    gate,
    output::{note, out},
    plant::{self, Ground},
    project::Project,
    watch::{Watch, Words},
};

/// What is printed before the trunk's name once it dials.
const READY: &str = "serving 服务已启动: ";

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The trunk in sip-config/: campaigns on it are dialled 线路
    #[arg(long, value_name = "NAME")]
    trunk: String,
    /// Calls at once; the trunk's max_calls when left out, and never more 并发数
    #[arg(long)]
    max_at_once: Option<u32>,
    /// Print the words as they are spoken. They are personal data 显示对话内容（个人信息）
    #[arg(long)]
    words: bool,
}

pub(crate) fn run(project: &Project, args: &ServeArgs) -> Result<ExitCode> {
    let trunk = TrunkConfig::read(&project.trunk(&args.trunk))?;
    let gate = gate::of(project, &args.trunk, &trunk)?;
    super::runtime()?.block_on(serve(project, args, trunk, gate))
}

async fn serve(
    project: &Project,
    args: &ServeArgs,
    trunk: TrunkConfig,
    gate: waihu_compliance::Gate,
) -> Result<ExitCode> {
    note!("loading models 加载模型 …");
    let max_at_once = args.max_at_once.unwrap_or(u32::MAX).clamp(1, trunk.max_calls) as usize;
    let store = plant::store(project, Ground::Real).await?;
    let plant = plant::start(project, trunk, gate, Arc::clone(&store)).await?;
    let sip = plant.sip.clone();
    let mut signals = Signals::catch()?;
    let (observer, mut progress) = mpsc::unbounded_channel();
    let (stop, stopping) = watch::channel(Stop::No);
    let order = EngineOrder {
        trunk: args.trunk.clone(),
        only: None,
        node: node(),
        lease: LEASE,
        max_at_once,
        beat: Arc::new(|| {}),
        scripts: scripts_of(project, store),
    };
    let mut engine = tokio::spawn(run_engine(Arc::clone(&plant), order, observer, stopping));
    out!("{READY}{}", args.trunk)?;
    let mut view = Watch::new(0, if args.words { Words::Shown } else { Words::Hidden });
    let ended = loop {
        tokio::select! {
            Some(progress) = progress.recv() => view.show(progress),
            ended = &mut engine => break ended,
            () = signals.next() => {
                let (wish, told) = further(*stop.borrow());
                view.print(told);
                let _ = stop.send(wish);
            }
        }
    };
    view.close();
    // A lost BYE is sent again as long as we are here.
    tokio::select! { () = sip.settled() => {}, () = signals.next() => {} }
    ended.context("the engine's task failed 引擎任务出错")??;
    Ok(ExitCode::SUCCESS)
}
