//! The program `waihu`: arguments and the environment in, exit code out.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // Logs go to standard error; results to standard output. `WAIHU_LOG=info` tells more.
    let filter = EnvFilter::try_from_env("WAIHU_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let cli = waihu::Cli::parse();
    match waihu::run(cli) {
        Ok(code) => code,
        Err(e) => {
            // Where standard error is closed too, the exit code tells.
            let _ = writeln!(std::io::stderr(), "waihu: {e:#}");
            ExitCode::FAILURE
        }
    }
}
