//! The commands, one file each family.

mod classify;
mod models;
mod train;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

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
    }
}
