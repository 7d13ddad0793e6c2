//! The program `waihu`: arguments and the environment in, exit code out.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use tracing_subscriber::EnvFilter;
use waihu::logs::{self, LogFormat};

fn main() -> ExitCode {
    // Logs go to standard error; results to standard output. `WAIHU_LOG=info` tells more. Each far end's
    // extensions of DTLS that it does not know are a warning to rtc-dtls, and none to an operator.
    // `WAIHU_LOG_FORMAT=json` writes an object a line.
    let filter =
        EnvFilter::try_from_env("WAIHU_LOG").unwrap_or_else(|_| EnvFilter::new("warn,rtc_dtls=error"));
    // A panic's own words may quote what was said: the place is what helps, and all that is told.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            std::io::stderr(),
            "waihu: a fault at 程序故障于 {place}; please report this place 请上报"
        );
    }));
    let cli = waihu::Cli::parse();
    let format = LogFormat::of(std::env::var("WAIHU_LOG_FORMAT").ok().as_deref());
    let _logs = logs::begin(filter, format, cli.project());
    match waihu::run(cli) {
        Ok(code) => code,
        Err(e) => {
            // Where standard error is closed too, the exit code tells.
            let _ = writeln!(std::io::stderr(), "waihu: {e:#}");
            ExitCode::FAILURE
        }
    }
}
