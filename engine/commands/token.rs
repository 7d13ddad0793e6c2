//! `waihu token`: who may ask over HTTP.

use std::{process::ExitCode, time::Duration};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use waihu_api::TokenText;
use waihu_store::{Role, Store, StoredToken};

use super::{
    dialog::{now, open},
    runtime,
    written::written,
};
use crate::{
    output::{note, out},
    project::Project,
    table::Table,
};

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and print it once 新建令牌，只显示一次
    Make(MakeArgs),
    /// List tokens by their names: the tokens themselves are kept nowhere 列出
    List {
        /// One JSON object a token 以 JSON 输出
        #[arg(long)]
        json: bool,
    },
    /// Refuse a token from now on 吊销
    Revoke {
        /// Its name 令牌名
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct MakeArgs {
    /// Its name in lists and logs 令牌名
    name: String,
    /// operations, compliance, agent, integrator or admin 角色
    #[arg(long)]
    role: Role,
    /// Who holds it: what is done with it is written down under this name 持有人
    #[arg(long, value_name = "NAME")]
    person: String,
    /// For how many days it is good; without it until it is revoked 有效天数
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: Option<u32>,
}

pub(crate) fn run(project: &Project, command: TokenCommand) -> Result<ExitCode> {
    runtime()?.block_on(async {
        let store = open(project).await?;
        match command {
            TokenCommand::Make(args) => {
                let days = args.days.map(|days| Duration::from_secs(u64::from(days) * 86_400));
                let text = make(&store, &args.name, args.role, &args.person, days).await?;
                note!("It is shown this once; only its SHA-256 is kept 令牌只显示一次，请妥善保存");
                out!("{}", text.reveal())?;
            }
            TokenCommand::List { json } => list(&store, json).await?,
            TokenCommand::Revoke { name } => {
                let revoked = async {
                    if !store.revoke_token(&name, now()).await? {
                        bail!("there is no token {name:?} that could be revoked: see `waihu token list` 没有可吊销的令牌");
                    }
                    Ok(())
                };
                written(&store, &format!("token revoke {name}"), revoked).await?;
                out!("token 令牌 {name}: revoked 已吊销")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The longest name of a token or a person [characters].
const MAX_NAME: usize = 64;

/// Makes a token and keeps what tells it.
///
/// # Errors
/// When the name is taken or none, or it cannot be kept.
pub(crate) async fn make(
    store: &Store,
    name: &str,
    role: Role,
    person: &str,
    good_for: Option<Duration>,
) -> Result<TokenText> {
    for (what, text) in [("name 令牌名", name), ("person 持有人", person)] {
        let length = text.trim().chars().count();
        if !(1..=MAX_NAME).contains(&length) || text.chars().any(char::is_control) {
            bail!("the {what} has from 1 to 64 letters 应为 1 至 64 个字符");
        }
    }
    let text = TokenText::new()?;
    let made_at = now();
    let token = StoredToken {
        name: name.trim().to_owned(),
        role,
        person: person.trim().to_owned(),
        made_at,
        expires_at: good_for.map(|d| made_at.plus(d)),
        revoked_at: None,
    };
    let made = async {
        if !store.keep_token(&token, &text.digest()).await? {
            bail!("there is a token {name:?} already: choose another name 令牌名已存在");
        }
        Ok(())
    };
    written(store, &format!("token make {} as {role}", token.name), made).await?;
    Ok(text)
}

async fn list(store: &Store, as_json: bool) -> Result<()> {
    let tokens = store.tokens().await?;
    if as_json {
        for t in &tokens {
            out!(
                "{}",
                json!({"name": t.name, "role": t.role.label(), "person": t.person, "made_at": t.made_at,
                    "expires_at": t.expires_at, "revoked_at": t.revoked_at, "valid": t.is_valid(now())})
            )?;
        }
        return Ok(());
    }
    let mut table =
        Table::new(["name 令牌", "role 角色", "person 持有人", "made 新建", "until 至", "good 有效"]);
    let day =
        |at: waihu_types::WallTime| at.date_in("UTC").map_or_else(|_| at.to_string(), |day| day.to_string());
    for t in &tokens {
        let until = t.revoked_at.map(|at| format!("revoked 已吊销 {}", day(at))).or(t.expires_at.map(day));
        let good = if t.is_valid(now()) { "yes 是" } else { "no 否" };
        table.row([
            t.name.clone(),
            t.role.to_string(),
            t.person.clone(),
            day(t.made_at),
            until.unwrap_or_default(),
            good.to_owned(),
        ]);
    }
    out!("{table}\n{} tokens 个令牌", tokens.len())
}
