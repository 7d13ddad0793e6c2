//! `waihu call`: one call, watched as it happens.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::sync::{mpsc, watch};
use waihu_compliance::Gate;
use waihu_dialler::{DialError, Order, Stop, Switchboard, place_call};
use waihu_trunk::{TrunkConfig, Uri};
use waihu_types::Lang;

use crate::{
    commands::{
        campaign::node,
        dialog::{self, read_case},
        signals::Signals,
    },
    gate,
    output::{note, out},
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
    /// The flow in dialogs/, or a stored version FLOW@SHA 话术
    #[arg(long, value_name = "FLOW[@SHA]")]
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
    /// Dial over a trunk with a script that nobody has approved; the outcome tells so 使用未审批的话术，结果中会注明
    #[arg(long)]
    draft: bool,
    /// Call although the trunk's compliance profile denies it: who answers for it, and why. It is kept with the
    /// decision 规则不允许时仍然呼叫：写明责任人与理由，随决定留存
    #[arg(long, value_name = "WHO AND WHY", requires = "trunk")]
    despite_compliance: Option<String>,
}

pub(crate) fn run(project: &Project, args: CallArgs) -> Result<ExitCode> {
    let case = read_case(&args.case)?;
    if let Some(fault) = Voices::of(project).in_case(&case) {
        bail!("{}: {fault}", args.case.display());
    }
    let (script, approved) = super::dialog::script(project, &args.script)?;
    // Without a trunk the INVITE goes to the telephone that was typed, and on the practice ground to nobody's.
    let real = args.trunk.as_ref().is_some_and(|name| name != "practice");
    if real && !approved && !args.draft {
        bail!(
            "{} is not approved: `waihu dialog submit` and `approve` come first, or --draft, which the outcome tells \
             话术未经审批",
            args.script
        );
    }
    if real && !approved {
        note!(
            "warning: {} is a draft that nobody has approved; the outcome tells so 警告：使用未审批的话术",
            args.script
        );
    }
    let trunk = match &args.trunk {
        Some(name) => TrunkConfig::read(&project.trunk(name))?,
        None => TrunkConfig::direct(&args.target)?,
    };
    let mut gate = gate::of(project, args.trunk.as_deref().unwrap_or_default(), &trunk)?;
    gate.despite = args.despite_compliance.map(|why| why.trim().to_owned());
    if gate.despite.as_ref().is_some_and(String::is_empty) {
        bail!("--despite-compliance: say who answers for it, and why 请写明责任人与理由");
    }
    let order = Order {
        attempt: Order::new_attempt_id(),
        campaign: None,
        lang: args.lang.unwrap_or(case.lang),
        number: case.phone.clone(),
        case,
        revision: None,
        recorded: project.recorded_prompts(&script)?,
        script,
        variant: None,
        draft: !approved,
        target: Some(args.target),
        caller_id: None,
        plan: None,
        past: Vec::new(),
        history: Vec::new(),
        ahead: None,
    };
    place_through(project, trunk, gate, order)
}

/// Places a call to a telephone of one's own, shows it as it happens and prints its outcome.
///
/// # Errors
/// When it could not be placed or its outcome not be filed.
pub(super) fn place(project: &Project, trunk: TrunkConfig, order: Order) -> Result<ExitCode> {
    place_through(project, trunk, Gate::laboratory(), order)
}

fn place_through(project: &Project, trunk: TrunkConfig, gate: Gate, order: Order) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let store = plant::store(project, Ground::Real).await?;
        // On a server whoever calls has to have joined. No call lasts longer than this.
        store.join(&node(), dialog::now(), Duration::from_secs(600)).await?;
        let agents = Switchboard::start(std::sync::Arc::clone(&store), &trunk.agents);
        let plant = plant::start(project, trunk, gate, store, agents).await?;
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
