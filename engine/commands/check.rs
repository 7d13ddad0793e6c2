//! `waihu check`: scripts, trunks and cases, before any call.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use waihu_trunk::{KeyExchange, SrtpPolicy, TrunkConfig};
use waihu_types::Lang;

use crate::{output::out, project::Project, recorded};

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Flows by name; all of dialogs/ when none is given 话术名
    scripts: Vec<String>,
    /// Check a file of cases too 案件表
    #[arg(long, value_name = "FILE.csv")]
    cases: Option<PathBuf>,
    /// Check a trunk of sip-config/ too, and that its password can be had 线路
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
}

pub(crate) fn run(project: &Project, args: &CheckArgs) -> Result<ExitCode> {
    let mut wrong = 0;
    let names = if args.scripts.is_empty() { project.flows()? } else { args.scripts.clone() };
    for name in &names {
        let checked = project.check_flow(name)?;
        match checked.and_then(|script| recorded::sounds(&script).map(|_| script)) {
            Ok(script) => {
                let count = |lang| script.examples(lang).len();
                out!(
                    "script 话术 {name}: right 正确 ({} states 状态; golden conversations 标准对话: zh {}, en {})",
                    script.state_count(),
                    count(Lang::Zh),
                    count(Lang::En),
                )?;
                let recorded = Lang::ALL.into_iter().flat_map(|lang| recorded::summary(&script, lang));
                recorded.into_iter().try_for_each(|line| out!("{line}"))?;
            }
            Err(problems) => {
                problems.iter().try_for_each(|p| out!("{p}"))?;
                out!("script 话术 {name}: {} things are wrong 处错误", problems.len())?;
                wrong += problems.len();
            }
        }
    }
    if let Some(path) = &args.cases {
        let table = super::campaign::case_table(project, path)?;
        let shown = path.display();
        table.notices.iter().chain(&table.problems).try_for_each(|p| out!("{shown}: {p}"))?;
        out!(
            "cases 案件 {shown}: {} can be called 可拨打, {} things are wrong 处错误",
            table.cases.len(),
            table.problems.len()
        )?;
        wrong += table.problems.len();
    }
    if let Some(name) = &args.trunk {
        let environment = |name: &str| std::env::var(name).ok();
        let checked = TrunkConfig::read(&project.trunk(name))
            .and_then(|trunk| trunk.credentials(&environment).map(|_| trunk));
        match checked {
            Ok(t) => {
                let codecs = t.codecs.iter().map(|c| c.name()).collect::<Vec<_>>().join(", ");
                let (agents, srtp) = (t.agents.len(), locked(&t));
                let proxy = t.proxy;
                out!("trunk 线路 {name}: right 正确 (proxy {proxy}, {agents} agents 坐席; {codecs}; {srtp})")?
            }
            Err(e) => {
                out!("{e}")?;
                wrong += 1;
            }
        }
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How a trunk's sound is locked, for whoever reads over its file.
fn locked(trunk: &TrunkConfig) -> &'static str {
    match (trunk.srtp, trunk.key_exchange) {
        (SrtpPolicy::Off, _) => "no SRTP 不加密",
        (SrtpPolicy::Optional, KeyExchange::Sdes) => {
            "SRTP where it is taken, keys in SIP 可选加密，密钥在信令中"
        }
        (SrtpPolicy::Optional, KeyExchange::Dtls) => {
            "SRTP where it is taken, keys by DTLS 可选加密，DTLS 密钥"
        }
        (SrtpPolicy::Mandatory, KeyExchange::Sdes) => "SRTP always, keys in SIP 强制加密，密钥在信令中",
        (SrtpPolicy::Mandatory, KeyExchange::Dtls) => "SRTP always, keys by DTLS 强制加密，DTLS 密钥",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_whose_password_cannot_be_had_is_not_right() {
        let folder = tempfile::tempdir().unwrap();
        for made in ["dialogs", "sip-config"] {
            std::fs::create_dir(folder.path().join(made)).unwrap();
        }
        let check = |name: &str, password: &str| {
            let trunk = format!(
                "[trunk]\nproxy = \"192.0.2.10:5060\"\nfrom = \"sip:1@192.0.2.10\"\nbind = \"192.0.2.20:0\"\n\
                 username = \"waihu\"\npassword_file = {password:?}\n"
            );
            std::fs::write(folder.path().join(format!("sip-config/{name}.toml")), trunk).unwrap();
            let args = CheckArgs { scripts: Vec::new(), cases: None, trunk: Some(name.to_owned()) };
            format!("{:?}", run(&Project::at(folder.path()), &args).unwrap())
        };
        let there = folder.path().join("password");
        std::fs::write(&there, "secret\n").unwrap();
        assert_eq!(check("good", &there.display().to_string()), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(check("bad", "/nowhere/password"), format!("{:?}", ExitCode::FAILURE));
    }
}
