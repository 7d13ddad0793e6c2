//! `waihu bench`: what this machine can carry, measured.

mod engine_side;
mod plot;
mod rtpengine;
mod run;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use waihu_types::{Codec, SrtpSuite};

use crate::{
    output::{note, out},
    project::cores,
    table::Table,
};
use run::Measured;

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Calls' sound alone, no SIP and no models: far ends in another process talk to the media threads
    /// 只测媒体层：另一进程模拟对端
    Media(MediaArgs),
    /// One run of `media`, in a process of its own
    #[command(hide = true)]
    Engine(RunArgs),
    /// The far ends of a run, in a process of their own
    #[command(hide = true)]
    FarEnds(RunArgs),
}

/// How calls get their ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PortMode {
    /// A port a call.
    PerCall,
    /// A port a thread.
    Shared,
}

#[derive(Debug, Args)]
pub(crate) struct MediaArgs {
    /// Calls at once; several numbers, with commas, are measured one after the other 并发数
    #[arg(long, value_delimiter = ',', default_value = "1000")]
    calls: Vec<usize>,
    /// How long each number is measured [s] 时长（秒）
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// A port a call, or one for all of a thread's calls; both, with a comma 端口方式
    #[arg(long, value_enum, value_delimiter = ',', default_value = "per-call")]
    ports: Vec<PortMode>,
    /// PCMA, PCMU, G722 or opus 编码
    #[arg(long, default_value = "PCMA")]
    codec: String,
    /// Lock sound both ways with this SRTP suite, such as AEAD_AES_128_GCM 加密
    #[arg(long)]
    srtp: Option<String>,
    /// Far ends prove where they are by connectivity checks, as browsers do 对端如浏览器般做 ICE 检查
    #[arg(long)]
    ice: bool,
    /// Each call is joined with a telephone's leg that sends back what it hears, and no prompt plays: every
    /// packet is mixed and coded anew 与电话互通
    #[arg(long)]
    joined: bool,
    /// Record both sides of every call, in a folder that is removed at the end 录音
    #[arg(long)]
    record: bool,
    /// Where recordings are written meanwhile 录音暂存目录
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Measure rtpengine as well, relaying as many packets 与 rtpengine 对比
    #[arg(long)]
    beside_rtpengine: bool,
    /// End each call after so long and begin another in its place [s]; shared ports only 每通时长（秒）
    #[arg(long, value_name = "SECONDS")]
    turnover: Option<u64>,
    /// Draw the figures into an SVG 画图
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// One JSON object a run 以 JSON 输出
    #[arg(long)]
    json: bool,
}

/// One run: what the processes of it are told.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    #[arg(long)]
    pub(crate) calls: usize,
    #[arg(long)]
    pub(crate) seconds: u64,
    #[arg(long, value_enum)]
    pub(crate) ports: PortMode,
    #[arg(long, value_parser = codec)]
    pub(crate) codec: Codec,
    #[arg(long, value_parser = suite)]
    pub(crate) srtp: Option<SrtpSuite>,
    #[arg(long)]
    pub(crate) ice: bool,
    #[arg(long)]
    pub(crate) joined: bool,
    #[arg(long)]
    pub(crate) record: Option<PathBuf>,
    #[arg(long)]
    pub(crate) turnover: Option<u64>,
    /// Relayed by rtpengine instead of the engine.
    #[arg(long)]
    pub(crate) rtpengine: bool,
}

fn codec(name: &str) -> Result<Codec, String> {
    Codec::from_name(name).ok_or_else(|| format!("{name:?}: use PCMA, PCMU, G722 or opus"))
}

fn suite(name: &str) -> Result<SrtpSuite, String> {
    let known = SrtpSuite::ALL.map(SrtpSuite::name).join(", ");
    SrtpSuite::from_name(name).ok_or_else(|| format!("{name:?}: use one of {known}"))
}

pub(crate) fn run(command: BenchCommand) -> Result<ExitCode> {
    match command {
        BenchCommand::Media(args) => media(&args),
        BenchCommand::Engine(args) => engine_side::run(&args),
        BenchCommand::FarEnds(args) => run::far_ends(&args),
    }
}

fn media(args: &MediaArgs) -> Result<ExitCode> {
    ensure!(!args.calls.contains(&0), "--calls 0: there is nothing to measure 并发数须大于 0");
    ensure!(args.seconds >= 5, "--seconds {}: at least 5, since the first 3 are not counted", args.seconds);
    ensure!(
        args.turnover.is_none_or(|s| s > 0) && (args.turnover.is_none() || args.ports == [PortMode::Shared]),
        "--turnover needs --ports shared and at least a second: far ends know one address only"
    );
    ensure!(args.turnover.is_none() || !args.ice, "--turnover goes without --ice: far ends check one call");
    let cores = cores();
    if cores < 2 {
        bail!("the far ends need a core of their own, and this machine has one 至少需要两个核心");
    }
    let scratch = args.record.then(|| args.scratch.clone().unwrap_or_else(std::env::temp_dir));
    let wanted = runs(args, scratch.as_deref())?;
    let mut all = Vec::new();
    for (n, one) in wanted.iter().enumerate() {
        let (calls, seconds) = (one.calls, one.seconds);
        note!("{} / {}: {calls} calls 并发, {seconds} s, {} …", n + 1, wanted.len(), one.carrier());
        let measured = run::measure(one).with_context(|| format!("{calls} calls"))?;
        if args.json {
            out!("{}", serde_json::to_string(&measured)?)?;
        }
        all.push(measured);
    }
    if !args.json {
        out!("{}", table(&all))?;
    }
    if let Some(path) = &args.plot {
        plot::draw(&all, path).with_context(|| path.display().to_string())?;
        note!("drawn 已画 {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Every run that is asked for.
fn runs(args: &MediaArgs, scratch: Option<&Path>) -> Result<Vec<RunArgs>> {
    let codec = codec(&args.codec).map_err(anyhow::Error::msg)?;
    let srtp = args.srtp.as_deref().map(suite).transpose().map_err(anyhow::Error::msg)?;
    let relayed = RunArgs {
        calls: 0,
        seconds: args.seconds,
        ports: PortMode::PerCall,
        codec,
        srtp,
        ice: false,
        joined: false,
        record: None,
        turnover: None,
        rtpengine: true,
    };
    let ours = RunArgs {
        ice: args.ice,
        joined: args.joined,
        record: scratch.map(Path::to_owned),
        turnover: args.turnover,
        rtpengine: false,
        ..relayed.clone()
    };
    let mut runs = Vec::new();
    for ports in &args.ports {
        runs.extend(args.calls.iter().map(|calls| RunArgs { calls: *calls, ports: *ports, ..ours.clone() }));
    }
    if args.beside_rtpengine {
        runs.extend(args.calls.iter().map(|calls| RunArgs { calls: *calls, ..relayed.clone() }));
    }
    Ok(runs)
}

impl RunArgs {
    /// Who carries the calls, and how.
    pub(crate) fn carrier(&self) -> &'static str {
        match (self.rtpengine, self.ports) {
            (true, _) => "rtpengine",
            (false, PortMode::PerCall) => "waihu, port a call",
            (false, PortMode::Shared) => "waihu, shared port",
        }
    }
}

fn table(all: &[Measured]) -> Table<11> {
    let mut table = Table::new([
        "calls 并发",
        "by 由",
        "core 核 %",
        "per 1000 每千路 %",
        "lost in 收丢",
        "lost out 发丢",
        "late ms p50/p99/max 迟",
        "jitter ms 抖动",
        "KiB/call",
        "unrecorded 漏录 s",
        "MOS",
    ]);
    for m in all {
        table.row([
            m.calls.to_string(),
            m.by.clone(),
            format!("{:.1}", m.core_percent),
            format!("{:.1}", m.core_percent * 1_000.0 / m.calls as f64),
            m.lost_in.map_or("-".to_owned(), |n| n.to_string()),
            m.lost_out.to_string(),
            format!("{:.2}/{:.2}/{:.1}", m.late_ms_p50, m.late_ms_p99, m.late_ms_max),
            format!("{:.2}", m.jitter_ms_p50),
            format!("{:.1}", m.kib_per_call),
            m.unrecorded_s.map_or("-".to_owned(), |s| format!("{s:.1}")),
            m.mos.map_or("-".to_owned(), |s| format!("{s:.2}")),
        ]);
    }
    table
}
