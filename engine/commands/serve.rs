//! `waihu serve`: the engine that dials whatever campaigns are started, with the API and the deliveries, until it is
//! told to end.

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use clap::Args;
use tokio::sync::{mpsc, watch};
use waihu_api::Pulse;
use waihu_dialler::{EngineOrder, Stop, Switchboard, run_engine};
use waihu_quality::{Rules, Sampling};
use waihu_trunk::TrunkConfig;

use super::{
    campaign::{further, scripts_of},
    deliver, dialog,
    signals::Signals,
    simulate::stopped,
};
use crate::{
    configuration::Configuration,
    daily, gate,
    interface::{self, Line},
    output::{note, out},
    plant::{self, Ground},
    project::Project,
    reports::Reports,
    tending::Tending,
    watch::{Watch, Words},
};

/// What is printed before the trunk's name and the API's address once it serves.
pub(crate) const READY: &str = "serving 服务已启动: ";

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The trunk in sip-config/: campaigns on it are dialled 线路
    #[arg(long, value_name = "NAME")]
    trunk: String,
    /// Calls at once; the trunk's max_calls when left out, and never more 并发数
    #[arg(long)]
    max_at_once: Option<u32>,
    /// Where the API listens, in place of waihu.toml's `api.listen` 接口监听地址
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Print the words as they are spoken. They are personal data 显示对话内容（个人信息）
    #[arg(long)]
    words: bool,
    /// The practice ground's store, whose callees are nobody; it ends with standard input.
    #[arg(long, hide = true)]
    practice: bool,
}

pub(crate) fn run(project: &Project, args: &ServeArgs) -> Result<ExitCode> {
    let trunk = TrunkConfig::read(&project.trunk(&args.trunk))?;
    let gate = gate::of(project, &args.trunk, &trunk)?;
    let mut configuration = Configuration::of(project)?;
    let (rules, sampling) = (project.quality_rules()?, project.sampling()?);
    configuration.api.listen = args.listen.unwrap_or(configuration.api.listen);
    super::runtime()?.block_on(serve(project, args, configuration, trunk, gate, (rules, sampling)))
}

async fn serve(
    project: &Project,
    args: &ServeArgs,
    configuration: Configuration,
    trunk: TrunkConfig,
    gate: waihu_compliance::Gate,
    (rules, sampling): (Rules, Sampling),
) -> Result<ExitCode> {
    let ground = if args.practice { Ground::Practice } else { Ground::Real };
    let store = plant::store(project, ground).await?;
    let pulse = Arc::new(Pulse::default());
    let (end, ending) = watch::channel(false);
    let archive = configuration.archive(project, Arc::clone(&store))?;
    waihu_keeping::unlock_words(&store, &archive.vault).await?;
    let line = Line::default();
    let agents = Switchboard::start(Arc::clone(&store), &trunk.agents)
        .with_telephones(trunk.seats().map(|(login, _)| login));
    // What is asked for is refused at once where its address is taken, not after the models are loaded.
    let (listens, mut api) = interface::serve(
        project,
        &configuration,
        archive.clone(),
        Arc::clone(&pulse),
        agents.clone(),
        Arc::clone(&line),
        ending,
    )
    .await?;
    // What the practice ground's callees say is no lender's.
    let mut delivering = match ground {
        Ground::Real => deliver::begin(project, &configuration.deliveries, Arc::clone(&store)).await?,
        Ground::Practice => None,
    };
    note!("loading models 加载模型 …");
    let max_at_once = args.max_at_once.unwrap_or(u32::MAX).clamp(1, trunk.max_calls) as usize;
    let plant = plant::start(project, trunk, gate, Arc::clone(&store), agents).await?;
    let sip = plant.sip.clone();
    let _ = line.set(sip.clone());
    let mut signals = Signals::catch()?;
    let (observer, mut progress) = mpsc::unbounded_channel();
    let (stop, stopping) = watch::channel(Stop::No);
    let beats = Arc::clone(&pulse);
    let words = archive.clone();
    let order = EngineOrder {
        trunk: args.trunk.clone(),
        only: None,
        node: format!("{}:{}", configuration.node, std::process::id()),
        lease: configuration.lease,
        max_at_once,
        beat: Arc::new(move || beats.beat(dialog::now())),
        scripts: scripts_of(project, store),
    };
    let mut engine = tokio::spawn(run_engine(plant, order, observer, stopping));
    let reports = Reports {
        project: project.clone(),
        plans: configuration.deliveries.reports.clone(),
        mail: configuration.deliveries.mail.clone(),
        cost: configuration.cost.clone(),
    };
    let tending = Tending { archive: archive.clone(), rules, sampling, reports }.run();
    let tending = tokio::spawn(tending);
    tokio::spawn(daily::keep(project.clone(), archive));
    // Searched is what older calls said as well; nobody waits for it.
    tokio::spawn(async move {
        match waihu_dialler::catch_up(&words.store, &words.vault, &words.recordings).await {
            Ok(0) => {}
            Ok(taken) => tracing::info!(taken, "words of earlier calls can be searched now"),
            Err(e) => tracing::warn!(error = %e, "words of earlier calls cannot be searched yet"),
        }
    });
    let scheme = if configuration.api.tls.is_some() { "https" } else { "http" };
    out!("{READY}{} {scheme}://{listens}", args.trunk)?;
    let mut view = Watch::new(0, if args.words { Words::Shown } else { Words::Hidden });
    let mut listening = true;
    let parent_gone = stopped(true);
    tokio::pin!(parent_gone);
    let mut has_parent = args.practice;
    let ended = loop {
        tokio::select! {
            Some(progress) = progress.recv() => view.show(progress),
            ended = &mut engine => break ended,
            // Nobody could ask for anything any more: it ends as if it were told to.
            ended = &mut api, if listening => {
                listening = false;
                tracing::error!(?ended, "the API has ended: no further call is placed");
                let _ = stop.send(Stop::DialNoMore);
            }
            () = &mut parent_gone, if has_parent => {
                has_parent = false;
                pulse.drain();
                let _ = stop.send(Stop::DialNoMore);
            }
            () = signals.next() => {
                pulse.drain();
                let (wish, told) = further(*stop.borrow());
                view.print(told);
                let _ = stop.send(wish);
            }
        }
    };
    view.close();
    tending.abort();
    // A lost BYE is sent again as long as we are here.
    tokio::select! { () = sip.settled() => {}, () = signals.next() => {} }
    if let Some(delivering) = delivering.take() {
        delivering.end().await?;
    }
    end.send_replace(true);
    if listening {
        api.await.context("the API's task failed 接口任务出错")?;
    }
    ended.context("the engine's task failed 引擎任务出错")??;
    Ok(ExitCode::SUCCESS)
}
