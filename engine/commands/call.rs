//! `waihu call`: one call, watched as it happens.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use tokio::sync::{mpsc, watch};
use waihu_dialler::{Order, Stop, place_call};
use waihu_trunk::{TrunkConfig, Uri};
use waihu_types::{Case, Lang};

use crate::{
    plant,
    project::Project,
    watch::{Watch, Words},
};

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// Whom to call, as sip:name@192.0.2.7:5060. With --trunk the INVITE goes to the trunk's proxy,
    /// else straight there.
    target: Uri,
    /// The flow in dialogs/.
    #[arg(long)]
    script: String,
    /// The case: one JSON object (see README).
    #[arg(long, value_name = "FILE.json")]
    case: PathBuf,
    /// The language to speak; the case's own when left out.
    #[arg(long)]
    lang: Option<Lang>,
    /// A trunk of sip-config/.
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
}

pub(crate) fn run(project: &Project, args: CallArgs) -> Result<ExitCode> {
    let script = project.flow(&args.script)?;
    let case = read_case(&args.case)?;
    let trunk = match &args.trunk {
        Some(name) => TrunkConfig::read(&project.trunk(name))?,
        None => TrunkConfig::direct(&args.target)?,
    };
    let order = Order {
        attempt: Order::new_attempt_id(),
        campaign: None,
        lang: args.lang.unwrap_or(case.lang),
        case,
        script,
        target: Some(args.target),
    };
    super::runtime()?.block_on(async {
        let plant = plant::start(project, trunk).await?;
        let sip = plant.sip.clone();
        let (observer, mut progress) = mpsc::unbounded_channel();
        let (_stop, stopping) = watch::channel(Stop::No);
        let call = tokio::spawn(place_call(plant, order, observer, stopping));
        let mut watch = Watch::new(1, Words::Shown);
        while let Some(progress) = progress.recv().await {
            watch.show(progress);
        }
        watch.close();
        let outcome = call.await.context("the call's task failed")??;
        // A lost BYE is sent again as long as we are here.
        sip.settled().await;
        println!("{}", serde_json::to_string_pretty(&outcome)?);
        Ok(ExitCode::SUCCESS)
    })
}

fn read_case(path: &PathBuf) -> Result<Case> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read"))?;
    // serde_json quotes what stood there in few of its messages; the place is what helps.
    let case: Case = serde_json::from_str(&text).with_context(|| format!("{shown}: is no case"))?;
    case.check().with_context(|| format!("{shown}"))?;
    Ok(case)
}
