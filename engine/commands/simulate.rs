//! `waihu simulate`: the practice ground, a process of its own.

use std::{io::Read, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use tokio::sync::oneshot;
use waihu_media::{Codec, MediaConfig};
use waihu_simulator::{Clips, Report, SimulatorConfig, practice, read_personas, serve};
use waihu_trunk::SrtpPolicy;
use waihu_tts::{PromptCache, Tts};

use super::signals::Signals;
use crate::{output::out, project::Project};

/// What is printed before the address once calls can come.
pub(crate) const READY: &str = "practice ground open 演练场已打开: ";

/// What is printed before who has picked up, and who hears the bot for the first time: the callees' own word for it.
const PICKED_UP: &str = "picked up 已接听: ";
const GREETED: &str = "hears the bot 听到机器人: ";

/// What is printed before how long an answer took [ms].
pub(crate) const ANSWERED: &str = "answered after 应答用时 ";

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Where to listen for SIP 监听地址
    #[arg(long, default_value = "127.0.0.1:5070")]
    bind: SocketAddr,
    /// First and last port for RTP 端口范围
    #[arg(long, default_values_t = [30_000, 30_998], num_args = 2, value_names = ["FIRST", "LAST"])]
    rtp_ports: Vec<u16>,
    /// Callees of your own (see engine/simulator/personas.toml); those of the practice ground when left out 被叫
    #[arg(long, value_name = "FILE.toml")]
    personas: Option<PathBuf>,
    /// Calls at once 并发数
    #[arg(long, default_value_t = 50)]
    max_calls: usize,
    /// Whether keys for SRTP are taken where they are offered, or nothing is spoken without 加密
    #[arg(long, value_enum, default_value_t = Srtp::Optional)]
    srtp: Srtp,
    /// What is spoken, of PCMA, PCMU, G722 and opus; the caller's order decides 编码
    #[arg(long, value_delimiter = ',', default_value = "PCMA,PCMU,G722,opus", value_parser = codec)]
    codecs: Vec<Codec>,
    /// End when standard input does: for a parent process.
    #[arg(long, hide = true)]
    while_stdin: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Srtp {
    Off,
    Optional,
    Mandatory,
}

fn codec(name: &str) -> Result<Codec, String> {
    Codec::from_name(name).ok_or_else(|| format!("use one of {}", Codec::ALL.map(Codec::name).join(", ")))
}

pub(crate) fn run(project: &Project, args: SimulateArgs) -> Result<ExitCode> {
    let text = match &args.personas {
        None => practice::PERSONAS.to_owned(),
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("{}: cannot be read 无法读取", path.display()))?,
    };
    let personas = read_personas(&text)?;
    let mut tts = Tts::load(project.voices()?)?;
    let mut cache = PromptCache::open(project.prompts("callees"))?;
    let bar = indicatif::ProgressBar::no_length().with_message("the callees' lines 被叫语音");
    let clips = Clips::speak(&personas, &mut tts, &mut cache, |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    // Several hundred megabytes that nobody needs any more.
    drop((tts, cache));
    let config = SimulatorConfig {
        bind: args.bind,
        media: MediaConfig {
            codecs: args.codecs.clone(),
            ..MediaConfig::new(args.bind.ip(), args.rtp_ports[0]..=args.rtp_ports[1], Duration::from_secs(30))
        },
        srtp: match args.srtp {
            Srtp::Off => SrtpPolicy::Off,
            Srtp::Optional => SrtpPolicy::Optional,
            Srtp::Mandatory => SrtpPolicy::Mandatory,
        },
        codecs: args.codecs.clone(),
        personas,
        clips,
        max_calls: args.max_calls,
    };
    let served = super::runtime()?.block_on(serve(config, tell, stopped(args.while_stdin)))?;
    out!("{} calls came in 来电, {} were answered 已接听", served.calls, served.answered)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(report: Report) {
    // Callees need no reader.
    let _ = match report {
        Report::Ready { sip } => out!("{READY}{sip}"),
        Report::Called { persona } => out!("called 来电: {persona}"),
        Report::PickedUp { persona } => out!("{PICKED_UP}{persona}"),
        Report::Greeted { persona } => out!("{GREETED}{persona}"),
        Report::Answered { persona, after_ms } => out!("{ANSWERED}{after_ms} ms: {persona}"),
        Report::Over { persona, bot_turns } => {
            out!("over 结束: {persona} (the bot spoke 机器人说了 {bot_turns} times 次)")
        }
    };
}

/// Ready when standard input has ended, for a child of ours; else with a signal.
pub(crate) async fn stopped(while_stdin: bool) {
    if !while_stdin {
        match Signals::catch() {
            Ok(mut signals) => signals.next().await,
            // Then they end the process by themselves.
            Err(_) => std::future::pending().await,
        }
        return;
    }
    let (ended, end) = oneshot::channel();
    // A plain thread: tokio would wait for a blocking read of its own at the end.
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = ended.send(());
    });
    let _ = end.await;
}
