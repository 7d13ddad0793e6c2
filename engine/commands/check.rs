//! `waihu check`: scripts, trunks and cases, before any call.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Result;
use clap::Args;
use waihu_campaign::CaseTable;
use waihu_dialog::{Script, Unfit};
use waihu_trunk::{KeyExchange, SrtpPolicy, TrunkConfig};
use waihu_types::{Lang, WallTime};

use super::authority;
use crate::{gate, output::out, project::Project, recorded};

/// How many lines of a file are named that lack the same: a whole column may be missing.
const LINES_NAMED: usize = 10;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Flows by name; all of dialogs/ when none is given 话术名
    scripts: Vec<String>,
    /// Check a file of cases too, and whether the flows can be spoken about them: each row that one of the flows
    /// named cannot be is a fault; where none is named it is told 案件表，并检查话术是否适用
    #[arg(long, value_name = "FILE.csv")]
    cases: Option<PathBuf>,
    /// The campaign's authority, as for `waihu campaign run`: the cases are checked with it 批次授权文件
    #[arg(long, value_name = "FILE.toml", requires = "cases")]
    authority: Option<PathBuf>,
    /// Check a trunk of sip-config/ too, and that its password can be had 线路
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
}

pub(crate) fn run(project: &Project, args: &CheckArgs) -> Result<ExitCode> {
    let mut wrong = 0;
    let mut right = Vec::new();
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
                right.push(script);
            }
            Err(problems) => {
                problems.iter().try_for_each(|p| out!("{p}"))?;
                out!("script 话术 {name}: {} things are wrong 处错误", problems.len())?;
                wrong += problems.len();
            }
        }
    }
    if let Some(path) = &args.cases {
        wrong += cases(project, args, path, &right)?;
    }
    if let Some(name) = &args.trunk {
        let environment = |name: &str| std::env::var(name).ok();
        let checked = TrunkConfig::read(&project.trunk(name))
            .and_then(|trunk| trunk.credentials(&environment).map(|_| trunk))
            .map_err(anyhow::Error::from)
            .and_then(|trunk| gate::of(project, name, &trunk).map(|gate| (trunk, gate)));
        match checked {
            Ok((t, gate)) => {
                let codecs = t.codecs.iter().map(|c| c.name()).collect::<Vec<_>>().join(", ");
                let (agents, srtp) = (t.agents.len(), locked(&t));
                let (proxy, rules) = (t.proxy, gate.profile.id());
                out!(
                    "trunk 线路 {name}: right 正确 (proxy {proxy}, {agents} agents 坐席; {codecs}; {srtp}; rules 规则 {rules})"
                )?
            }
            Err(e) => {
                out!("{e}")?;
                wrong += 1;
            }
        }
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks a file of cases: how many things are wrong with it, and with speaking about them.
fn cases(project: &Project, args: &CheckArgs, path: &Path, scripts: &[Arc<Script>]) -> Result<usize> {
    let given = args.authority.as_deref().map(authority::read).transpose()?.unwrap_or_default();
    let mut table = super::cases::table(project, path)?;
    authority::fill(&mut table, &given);
    let shown = path.display();
    table.notices.iter().chain(&table.problems).try_for_each(|p| out!("{shown}: {p}"))?;
    let count = table.cases.len();
    out!(
        "cases 案件 {shown}: {count} can be called 可拨打, {} things are wrong 处错误",
        table.problems.len()
    )?;
    let mut wrong = table.problems.len();
    for script in scripts {
        let name = script.name();
        let misfits = misfits(script, &table, super::dialog::now());
        let rows: BTreeSet<u64> = misfits.values().flatten().copied().collect();
        for (what, rows) in &misfits {
            out!("{shown}: {}: script 话术 {name}: {what}", lines(rows))?;
        }
        out!("  {name} can be spoken about 适用: {} of {count}", count - rows.len())?;
        // Who names no flow has not said which the cases are for.
        wrong += if args.scripts.is_empty() { 0 } else { rows.len() };
    }
    Ok(wrong)
}

/// What keeps a script from being spoken about cases, each with the lines of their rows.
fn misfits(script: &Script, table: &CaseTable, now: WallTime) -> BTreeMap<String, BTreeSet<u64>> {
    let mut found = BTreeMap::<String, BTreeSet<u64>>::new();
    for (line, case) in &table.cases {
        let unfit = match now.date_in(&case.time_zone) {
            Ok(today) => script.misfits(case, case.lang, today).iter().map(Unfit::to_string).collect(),
            Err(_) => vec!["time_zone: no such time zone 没有该时区".to_owned()],
        };
        for what in unfit {
            found.entry(what).or_default().insert(*line);
        }
    }
    found
}

/// Lines of a file: the first few, and how many more.
fn lines(rows: &BTreeSet<u64>) -> String {
    let shown: Vec<String> = rows.iter().take(LINES_NAMED).map(u64::to_string).collect();
    let more = rows.len().saturating_sub(LINES_NAMED);
    let more = if more > 0 { format!(" and {more} more 等") } else { String::new() };
    format!("line 行 {}{more}", shown.join(", "))
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
                 compliance = \"laboratory\"\nusername = \"waihu\"\npassword_file = {password:?}\n"
            );
            std::fs::write(folder.path().join(format!("sip-config/{name}.toml")), trunk).unwrap();
            let args =
                CheckArgs { scripts: Vec::new(), cases: None, authority: None, trunk: Some(name.to_owned()) };
            format!("{:?}", run(&Project::at(folder.path()), &args).unwrap())
        };
        let there = folder.path().join("password");
        std::fs::write(&there, "secret\n").unwrap();
        assert_eq!(check("good", &there.display().to_string()), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(check("bad", "/nowhere/password"), format!("{:?}", ExitCode::FAILURE));
    }
}
