//! waihu (外呼): outbound calls by a voice bot, from the command line.
//!
//! This package joins the rooms: arguments are parsed here, configuration is loaded, and each
//! command in `commands/` hands over to a room. No logic of calls lives here.

mod commands;
mod configuration;
mod daily;
mod gate;
mod interface;
pub mod logs;
mod output;
mod plant;
mod project;
mod rates;
mod recorded;
mod reports;
mod table;
mod tending;
mod voices;
mod watch;

pub use commands::{Cli, run};
