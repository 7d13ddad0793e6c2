//! The commands, one file each family.

mod call;
mod campaign;
mod check;
mod classify;
mod models;
mod outcomes;
mod practice;
mod say;
mod simulate;
mod train;
mod transcribe;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::project::Project;

/// Outbound calls by a voice bot: dials over SIP, speaks and listens in Mandarin or English with
/// local models, follows a script and files an outcome of every call.
#[derive(Debug, Parser)]
#[command(name = "waihu", version, about)]
pub struct Cli {
    /// The project's folder, with models/, dialogs/ and sip-config/ in it.
    #[arg(long, global = true, default_value = ".", env = "WAIHU_PROJECT", value_name = "DIR")]
    project: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch, list and verify speech and language models.
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// Train what is trained from examples in the project.
    #[command(subcommand)]
    Train(train::TrainCommand),
    /// Tell what lines of text mean: one JSON object a line, with intent, confidence and entities.
    Classify(classify::ClassifyArgs),
    /// Speak a text into a WAV file, or list the voices.
    Say(say::SayArgs),
    /// Write down what is said in WAV files.
    Transcribe(transcribe::TranscribeArgs),
    /// Check scripts (and cases, and a trunk) without calling anybody.
    Check(check::CheckArgs),
    /// Place one call, show it as it happens, and print its outcome as JSON.
    Call(call::CallArgs),
    /// Call the cases of a file.
    #[command(subcommand)]
    Campaign(campaign::CampaignCommand),
    /// Show the outcomes on file.
    Outcomes(outcomes::OutcomesArgs),
    /// Serve simulated callees on this machine, for practice.
    Simulate(simulate::SimulateArgs),
    /// Run a campaign against simulated callees, and compare every outcome with what is expected.
    Practice(practice::PracticeArgs),
}

/// Runs one command.
///
/// # Errors
/// What went wrong, for people.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let project = Project::at(&cli.project);
    match cli.command {
        Command::Models(command) => models::run(&project, command),
        Command::Train(command) => train::run(&project, command),
        Command::Classify(args) => classify::run(&project, &args),
        Command::Say(args) => say::run(&project, args),
        Command::Transcribe(args) => transcribe::run(&project, &args),
        Command::Check(args) => check::run(&project, &args),
        Command::Call(args) => call::run(&project, args),
        Command::Campaign(command) => campaign::run(&project, command),
        Command::Outcomes(args) => outcomes::run(&project, args),
        Command::Simulate(args) => simulate::run(&project, args),
        Command::Practice(args) => practice::run(&project, &args),
    }
}

/// The control plane's runtime. Two threads are enough: they pass messages, and the work is done in
/// threads of their own.
fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().context("no threads for the runtime")
}
