//! The API with what only the program knows: scripts as the project reads them, strategies' files, the disk.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{Arc, OnceLock},
};

use anyhow::{Context, Result};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use waihu_api::{
    Attended, Choices, Connected, Cookies, Floor, LadderStep, Limits, Passwords, Pulse, ReportPlanned,
    Stands, State, StepWay, StrategyOf, Tls, TrunkChoice,
};
use waihu_deliver::ReportPlan;
use waihu_dialler::{DeskLink, SupervisorLink, Switchboard};
use waihu_keeping::Archive;
use waihu_store::Store;
use waihu_trunk::{SipSocket, Step, TrunkConfig, Way};
use waihu_types::WallTime;

use crate::{
    commands::{campaign, dialog},
    configuration::{Configuration, Turn},
    project::Project,
    reports::Reports,
};

/// The trunk's socket, once it is open.
pub(crate) type Line = Arc<OnceLock<SipSocket>>;

/// Where the API listens, and the task that serves it; it ends when `stop` turns true, after the requests that run.
///
/// # Errors
/// When its certificate cannot be used or its address is taken, before anything is served.
pub(crate) async fn serve(
    project: &Project,
    configuration: &Configuration,
    archive: Archive,
    pulse: Arc<Pulse>,
    agents: Switchboard,
    line: Line,
    mut stop: watch::Receiver<bool>,
) -> Result<(SocketAddr, JoinHandle<()>)> {
    let (listen, limits) = (configuration.api.listen, Limits::default());
    let tls = match &configuration.api.tls {
        Some((cert, key)) => Some(Tls::read(cert, key)?),
        None => None,
    };
    let (provider, passwords) = match &configuration.sign_in {
        Some(sign_in) => {
            let (provider, passwords) = sign_in.open(project)?;
            (Some(provider), passwords)
        }
        None => (None, Passwords::Taken),
    };
    let relays = configuration.turn.as_ref().map(Turn::open).transpose()?;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("the API cannot listen at {listen}: is another waihu there? 接口端口不可用，请检查 waihu.toml 的 [api] listen")
    })?;
    let at = listener.local_addr().context("the address that the API listens at")?;
    let metrics = waihu_api::install_metrics()?;
    let (scripts, strategies, chosen) = (project.clone(), project.clone(), project.clone());
    let practice = project.clone();
    let (priced, agent_cost) = (project.clone(), configuration.cost.clone());
    let floor = floor(&agents);
    let store = Arc::clone(&archive.store);
    let state = State {
        store: Arc::clone(&store),
        pulse: Arc::clone(&pulse),
        metrics: Some(metrics.clone()),
        check_script: Box::new(move |stored, files| match dialog::right(&scripts, stored, files) {
            Ok(script) => scripts.problems(&script).iter().map(ToString::to_string).collect(),
            Err(e) => vec![format!("{e:#}")],
        }),
        strategy: Box::new(move |of: StrategyOf<'_>| strategy(&strategies, of)),
        choices: Box::new(move || choices(&chosen)),
        prices: Box::new(move || crate::rates::of(&priced, &agent_cost)),
        reports: Some(reports(project, configuration, &store)),
        archive,
        disk: project.made(),
        desks: Some(Box::new(move |profile| {
            let DeskLink { hear, say } = agents.connect(profile);
            let voice = Arc::new(say);
            let (known, desk) = (Arc::clone(&voice), Arc::clone(&voice));
            let say = move |said: Result<_, String>| match said {
                Ok(said) => voice.say(said),
                Err(why) => voice.refuse(&why),
            };
            let know = move |profile| known.know(profile);
            let sign_out = move || desk.sign_out();
            Connected { hear, say: Box::new(say), know: Box::new(know), sign_out: Box::new(sign_out) }
        })),
        practise: Some(Box::new(move |cases| {
            // Where the program's own file cannot be found the process is not started, and says so.
            let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| "waihu".into()));
            command.arg("--project").arg(practice.root()).args(["practice", "--quiet", "--json"]).args(cases);
            command
        })),
        provider,
        passwords,
        first_passwords: configuration.api.first_passwords,
        second_factor: configuration.api.second_factor.clone(),
        floor: Some(floor),
        ladder: Some(Box::new(move |call_id| {
            Some(line.get()?.trace(call_id).into_iter().map(step).collect())
        })),
        relays,
        cookies: if configuration.api.secure { Cookies::Secure } else { Cookies::Plain },
        limits,
    };
    let router = waihu_api::router(state);
    let serving = tokio::spawn(async move {
        let ended = async move {
            // Whoever held the other end is gone with the program.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        tokio::select! {
            () = waihu_api::serve(listener, tls, router, limits.connections, ended) => {}
            () = waihu_api::keep_metrics(metrics, &store, &pulse) => {}
        }
    });
    Ok((at, serving))
}

/// The content of a strategy with its model inside, or what is wrong with it.
pub(crate) fn strategy(project: &Project, of: StrategyOf<'_>) -> Result<String, String> {
    let content = match of {
        StrategyOf::File(name) => campaign::strategy(project, name),
        StrategyOf::Text(text) => campaign::with_model(project, "strategy", text.to_owned()),
    };
    content.map_err(|e| format!("{e:#}"))
}

/// A message that passed, in the API's words.
fn step(step: Step) -> LadderStep {
    LadderStep {
        at_ms: step.at_ms,
        way: match step.way {
            Way::Out => StepWay::Out,
            Way::In => StepWay::In,
        },
        far: step.hop.to_string(),
        line: step.line,
        cseq: step.cseq,
        reason: step.reason,
        described: step.described,
    }
}

/// What is known of reports: the plans of `waihu.toml`, and one as it would be now.
fn reports(project: &Project, configuration: &Configuration, store: &Arc<Store>) -> waihu_api::Reports {
    let plans = Arc::new(configuration.deliveries.reports.clone());
    let (project, cost) = (project.clone(), configuration.cost.clone());
    let maker = Arc::new(Reports { project, plans: Vec::new(), mail: None, cost });
    let (planned, store) = (Arc::clone(&plans), Arc::clone(store));
    let told = |plan: &ReportPlan, now: WallTime| ReportPlanned {
        name: plan.name.clone(),
        every: plan.every.label(),
        hour: plan.hour(),
        zone: plan.zone().to_owned(),
        campaigns: plan.campaigns.clone(),
        mail: plan.mailed_to().collect(),
        next_at: plan.next(now.timestamp()),
    };
    waihu_api::Reports {
        planned: Box::new(move |now| planned.iter().map(|plan| told(plan, now)).collect()),
        preview: Box::new(move |name| {
            let (plans, maker, store) = (Arc::clone(&plans), Arc::clone(&maker), Arc::clone(&store));
            Box::pin(async move {
                let plan = plans.iter().find(|plan| plan.name == name);
                let due = plan.and_then(|plan| Some((plan, plan.due(dialog::now().timestamp())?)));
                let Some((plan, period)) = due else { return Ok(None) };
                let report = maker.made(&store, plan, period).await?;
                Ok(Some((period.first.to_string(), report.html(), report.csv())))
            })
        }),
        mails: configuration.deliveries.mail.is_some(),
    }
}

/// What supervisors see of the agents, and do in their talks.
fn floor(agents: &Switchboard) -> Floor {
    let (talks, seats, board) = (agents.clone(), agents.clone(), agents.clone());
    Floor {
        talks: Box::new(move || talks.talks()),
        attend: Box::new(move |(login, name), attempt| {
            let SupervisorLink { hear, say } = seats.attend(login, name, attempt)?;
            let voice = Arc::new(say);
            let seat = Arc::clone(&voice);
            let sign_out = move || seat.sign_out();
            Some(Attended { hear, say: Box::new(move |said| voice.say(said)), sign_out: Box::new(sign_out) })
        }),
        stands: Box::new(move || {
            let mut stands = Stands::default();
            for agent in board.standings() {
                *stands.agents.entry(agent.presence.label()).or_default() += 1;
            }
            for call in board.waiting() {
                stands.waiting += 1;
                stands.longest = stands.longest.max(call.lasting);
            }
            stands
        }),
    }
}

/// What campaigns may be made of: the files of the project that can be read.
fn choices(project: &Project) -> Choices {
    let trunks = project.names("sip-config").into_iter().filter_map(|name| {
        let trunk = TrunkConfig::read(&project.trunk(&name)).ok()?;
        Some(TrunkChoice {
            profile: trunk.compliance.clone().unwrap_or_default(),
            max_calls: trunk.max_calls,
            max_cps: trunk.max_cps,
            name,
        })
    });
    Choices { trunks: trunks.collect(), strategies: project.names("strategies"), case_keys: Vec::new() }
}
