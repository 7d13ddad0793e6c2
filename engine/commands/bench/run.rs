//! One run, seen from outside: an engine's process and one of far ends, each on its core.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, ExitCode, Stdio},
    thread::JoinHandle,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use waihu_load::{FarEnds, LoadConfig, NearEnds, Network, Report};

use super::{PortMode, RunArgs};

/// The core that the engine keeps to, and the far ends'.
pub(super) const ENGINE_CORE: usize = 0;
const FAR_CORE: usize = 1;
/// The sockets of far ends whose streams share ports: as many as a carrier has media servers.
const SHARED_SOCKETS: usize = 32;
/// What is not counted at the beginning [s]: streams begin, buffers are touched.
pub(super) const WARM_UP_S: u64 = 3;

/// What came of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Who carried the calls.
    pub(crate) by: String,
    /// Calls at once.
    pub(crate) calls: usize,
    /// How long it was measured [s].
    pub(crate) seconds: f64,
    /// How calls got their ports.
    pub(crate) ports: String,
    /// How sound was coded.
    pub(crate) codec: String,
    /// How it was locked.
    pub(crate) srtp: Option<String>,
    /// Whether both sides were recorded.
    pub(crate) recorded: bool,
    /// What the process took of its core, user and system together [%].
    pub(crate) core_percent: f64,
    /// Of the packets that the far ends sent, missing by their numbers; unknown for a relay.
    pub(crate) lost_in: Option<u64>,
    /// Of the packets that it sent, missing by their numbers at the far ends.
    pub(crate) lost_out: u64,
    /// Of `lost_out`, those for which the far ends themselves had no room.
    pub(crate) lost_by_far_ends: u64,
    /// How late packets left, against their slot's time; for a relay, how late they came against their
    /// stream's grid [ms].
    pub(crate) late_ms_p50: f64,
    pub(crate) late_ms_p99: f64,
    pub(crate) late_ms_max: f64,
    /// Jitter at the far ends, as RTCP tells it: the median of the streams [ms].
    pub(crate) jitter_ms_p50: f64,
    /// Memory that it grew by, a call [KiB].
    pub(crate) kib_per_call: f64,
    /// Sound that is silence in the recordings, all calls together [s].
    pub(crate) unrecorded_s: Option<f64>,
    /// The mean opinion score of what was heard (G.107), the mean of the calls.
    pub(crate) mos: Option<f64>,
    /// What the process had in memory in the course of the run, at equal steps [KiB].
    pub(crate) memory_kib: Vec<u64>,
    /// Calls that were carried in all.
    pub(crate) carried: usize,
    /// What was left when all calls had ended: slots, and chunks of sound on their way.
    pub(crate) left_at_end: u64,
    /// How late the far ends themselves sent: 99 of 100 were less [ms].
    pub(crate) far_ends_late_ms_p99: f64,
}

/// Runs one, in processes of their own, and gives what it measured.
pub(super) fn measure(args: &RunArgs) -> Result<Measured> {
    let mut child = ourselves("engine", args)?.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no pipe")?).lines();
    let told = lines.by_ref().map_while(Result::ok).last();
    let status = child.wait()?;
    match told {
        Some(line) if status.success() => Ok(serde_json::from_str(&line)?),
        _ => bail!("the measured process ended without figures ({status}); above is why"),
    }
}

fn ourselves(what: &str, args: &RunArgs) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let ports = args.ports.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default();
    command.args(["bench", what, "--calls", &args.calls.to_string(), "--ports", &ports]);
    command.args(["--seconds", &args.seconds.to_string(), "--codec", args.codec.name()]);
    if let Some(suite) = args.srtp {
        command.args(["--srtp", suite.name()]);
    }
    if let Some(folder) = &args.record {
        command.arg("--record").arg(folder);
    }
    if let Some(seconds) = args.turnover {
        command.args(["--turnover", &seconds.to_string()]);
    }
    if args.ice {
        command.arg("--ice");
    }
    if args.joined {
        command.arg("--joined");
    }
    if args.rtpengine {
        command.arg("--rtpengine");
    }
    Ok(command)
}

/// The far ends' process.
pub(super) fn far_ends(args: &RunArgs) -> Result<ExitCode> {
    let config = LoadConfig {
        calls: args.calls,
        seconds: args.seconds + WARM_UP_S + 1,
        codec: args.codec,
        ports: match args.ports {
            // A browser has a port of its own for each call.
            _ if args.ice => waihu_load::Ports::PerCall,
            PortMode::PerCall => waihu_load::Ports::PerCall,
            PortMode::Shared => waihu_load::Ports::Shared { sockets: SHARED_SOCKETS.min(args.calls) },
        },
        srtp: args.srtp,
        speech: Vec::new(),
        network: Network::default(),
        core: Some(FAR_CORE),
        seed: 1,
    };
    waihu_load::run(&config, &mut std::io::stdin().lock(), &mut std::io::stdout())?;
    Ok(ExitCode::SUCCESS)
}

/// Far ends that run beside us.
pub(super) struct Beside {
    child: Child,
    stdin: ChildStdin,
    /// Reads what they say: nobody may let them wait for a full pipe.
    reader: JoinHandle<Result<Report>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Progress(serde::de::IgnoredAny),
    Report(Box<Report>),
}

impl Beside {
    /// Starts them, and hears where they are.
    pub(super) fn start(args: &RunArgs) -> Result<(Self, FarEnds)> {
        let mut child = ourselves("far-ends", args)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().context("no pipe")?;
        let mut lines = BufReader::new(child.stdout.take().context("no pipe")?).lines();
        let first = lines.next().context("the far ends did not open")??;
        let reader = std::thread::spawn(move || report_in(lines));
        Ok((Self { child, stdin, reader }, serde_json::from_str(&first)?))
    }

    /// Tells them where to send, and they begin.
    pub(super) fn begin(&mut self, near: &NearEnds) -> Result<()> {
        writeln!(self.stdin, "{}", serde_json::to_string(near)?)?;
        Ok(self.stdin.flush()?)
    }

    /// Waits for what they saw.
    pub(super) fn finish(mut self) -> Result<Report> {
        let report = self.reader.join().map_err(|_| anyhow!("the reader of the far ends fell"))??;
        self.child.wait()?;
        Ok(report)
    }
}

fn report_in(lines: impl Iterator<Item = std::io::Result<String>>) -> Result<Report> {
    for line in lines {
        match serde_json::from_str::<Told>(&line?)? {
            Told::Progress(_) => {}
            Told::Report(report) => return Ok(*report),
        }
    }
    bail!("the far ends ended without a report")
}
