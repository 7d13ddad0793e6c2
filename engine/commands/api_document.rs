//! `waihu api-document`: the description of the API, as the server gives it, for who makes a client of it.

use std::process::ExitCode;

use anyhow::Result;

use crate::output::out;

pub(crate) fn run() -> Result<ExitCode> {
    out!("{}", serde_json::to_string_pretty(&waihu_api::openapi())?)?;
    Ok(ExitCode::SUCCESS)
}
