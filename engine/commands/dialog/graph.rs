//! `waihu dialog graph`: a flow as a drawing.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use waihu_types::Lang;

use super::source::Source;
use crate::{
    output::{note, out},
    project::Project,
};

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// The flow: a name of dialogs/, a stored version NAME@SHA, or a folder 话术
    flow: String,
    /// Where to write the SVG; standard output when left out 输出文件
    #[arg(long, value_name = "FILE.svg")]
    out: Option<PathBuf>,
    /// The language of its prompts 语言
    #[arg(long, default_value = "zh")]
    lang: Lang,
}

pub(crate) fn run(project: &Project, args: &GraphArgs) -> Result<ExitCode> {
    let svg = Source::named(project, &args.flow)?.script().graph(args.lang);
    match &args.out {
        None => out!("{}", svg.trim_end())?,
        Some(path) => {
            std::fs::write(path, svg)
                .with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
            note!("{}: open it in a browser; point at a state to see its ways 用浏览器打开", path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
