//! `waihu call`: one call, watched as it happens.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::sync::{mpsc, watch};
use waihu_dialler::{DialError, Order, Stop, place_call};
use waihu_trunk::{TrunkConfig, Uri};
use waihu_types::{Case, Lang};

use crate::{
    commands::signals::Signals,
    output::out,
    plant::{self, Ground},
    project::Project,
    voices::Voices,
    watch::{Watch, Words},
};

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// Whom to call, as sip:name@192.0.2.7:5060. With --trunk the INVITE goes to the trunk's proxy,
    /// else straight there 被叫地址
    target: Uri,
    /// The flow in dialogs/ 话术
    #[arg(long)]
    script: String,
    /// The case: one JSON object (see README) 案件
    #[arg(long, value_name = "FILE.json")]
    case: PathBuf,
    /// The language to speak; the case's own when left out 语言
    #[arg(long)]
    lang: Option<Lang>,
    /// A trunk of sip-config/ 线路
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
}

pub(crate) fn run(project: &Project, args: CallArgs) -> Result<ExitCode> {
    let script = project.flow(&args.script)?;
    let case = read_case(&args.case)?;
    if let Some(fault) = Voices::of(project).in_case(&case) {
        bail!("{}: {fault}", args.case.display());
    }
    let trunk = match &args.trunk {
        Some(name) => TrunkConfig::read(&project.trunk(name))?,
        None => TrunkConfig::direct(&args.target)?,
    };
    let order = Order {
        attempt: Order::new_attempt_id(),
        campaign: None,
        lang: args.lang.unwrap_or(case.lang),
        case,
        recorded: project.recorded_prompts(&script)?,
        script,
        target: Some(args.target),
    };
    super::runtime()?.block_on(async {
        let plant = plant::start(project, trunk, Ground::Real).await?;
        let mut signals = Signals::catch()?;
        let sip = plant.sip.clone();
        let (observer, mut progress) = mpsc::unbounded_channel();
        let (stop, stopping) = watch::channel(Stop::No);
        let call = tokio::spawn(place_call(plant, order, observer, stopping));
        let mut watch = Watch::new(1, Words::Shown);
        loop {
            tokio::select! {
                seen = progress.recv() => match seen {
                    Some(progress) => watch.show(progress),
                    None => break,
                },
                () = signals.next() => {
                    // Of one call there is nothing to leave undialled.
                    watch.print("hanging up 正在挂断");
                    let _ = stop.send(Stop::HangUp);
                }
            }
        }
        watch.close();
        let outcome = call.await.context("the call's task failed 通话任务出错")?;
        if let Err(DialError::NotFiled { outcome, path: None, .. }) = &outcome {
            out!("{}", serde_json::to_string_pretty(outcome)?)?;
        }
        let outcome = outcome?;
        // A lost BYE is sent again as long as we are here.
        tokio::select! { () = sip.settled() => {}, () = signals.next() => {} }
        out!("{}", serde_json::to_string_pretty(&outcome)?)?;
        Ok(ExitCode::SUCCESS)
    })
}

fn read_case(path: &PathBuf) -> Result<Case> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read 无法读取"))?;
    // serde_json quotes what stood there in few of its messages; the place is what helps.
    let case: Case = serde_json::from_str(&text).with_context(|| format!("{shown}: is no case 不是案件"))?;
    case.check().with_context(|| format!("{shown}"))?;
    Ok(case)
}
