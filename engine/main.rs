//! The program `waihu`: arguments and the environment in, exit code out.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = waihu::Cli::parse();
    match waihu::run(cli) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("waihu: {e:#}");
            ExitCode::FAILURE
        }
    }
}
