//! `waihu trace`: what passed over the wire for one call, asked of the running `waihu serve`.

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use reqwest::{Certificate, Client, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;
use waihu_api::{LadderStep, StepWay};
use waihu_types::AttemptId;

use crate::{configuration::Configuration, output::out, project::Project};

/// How long the service may take: it looks through 16 MiB at most.
const PATIENCE: Duration = Duration::from_secs(10);
/// The narrowest room between us and a far end [columns].
const LEAST_ROOM: usize = 24;

#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// The call, by its attempt's id, which is the Call-ID too 通话编号（即 Call-ID）
    #[arg(value_name = "CALL-ID")]
    call: AttemptId,
    /// Where the service answers, in place of waihu.toml's `api.listen` 服务地址
    #[arg(long, value_name = "URL")]
    at: Option<String>,
    /// A file with a token of operations or compliance; without it the variable WAIHU_TOKEN 令牌文件
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The messages as JSON 以 JSON 输出
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Told {
    steps: Vec<LadderStep>,
}

pub(crate) fn run(project: &Project, args: &TraceArgs) -> Result<ExitCode> {
    let answer = super::runtime()?.block_on(ask(project, args))?;
    if args.json {
        out!("{}", serde_json::to_string_pretty(&answer["steps"])?)?;
    } else {
        let Told { steps } =
            serde_json::from_value(answer).context("the service answers otherwise 应答有误")?;
        out!("{}", ladder(&steps))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn ask(project: &Project, args: &TraceArgs) -> Result<Value> {
    let token = match &args.token_file {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read 无法读取令牌文件", file.display()))?,
        None => std::env::var("WAIHU_TOKEN").ok().context(
            "a token is needed: set WAIHU_TOKEN or write --token-file (`waihu token make NAME --role operations`) \
             需要令牌：设置 WAIHU_TOKEN 或使用 --token-file",
        )?,
    };
    let api = Configuration::of(project)?.api;
    // The client wants a way to TLS, wherever it goes; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder().timeout(PATIENCE);
    if let Some((certificate, _)) = &api.tls {
        // Whoever has the service's own file needs no authority to know it.
        let pem = std::fs::read(certificate)
            .with_context(|| format!("{} cannot be read 无法读取证书", certificate.display()))?;
        client = client.tls_certs_merge(Certificate::from_pem_bundle(&pem)?);
    }
    let at = args.at.clone().unwrap_or_else(|| {
        let scheme = if api.tls.is_some() { "https" } else { "http" };
        let mut listen = api.listen;
        if listen.ip().is_unspecified() {
            listen.set_ip(if listen.is_ipv4() {
                Ipv4Addr::LOCALHOST.into()
            } else {
                Ipv6Addr::LOCALHOST.into()
            });
        }
        format!("{scheme}://{listen}")
    });
    let url = format!("{}/v1/calls/{}/trace", at.trim_end_matches('/'), args.call);
    // What stands on this machine is not asked for by way of a proxy.
    let client = if args.at.is_none() { client.no_proxy() } else { client }.build()?;
    let asked = client.get(&url).bearer_auth(token.trim()).send().await;
    let answer = asked.with_context(|| {
        format!("{at} does not answer: is `waihu serve` running there? Another address is --at URL 服务未应答，请确认 waihu serve 已启动")
    })?;
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    let detail = body["detail"].as_str().unwrap_or_default();
    match status {
        StatusCode::OK => Ok(body),
        StatusCode::UNAUTHORIZED => bail!("the token is not known or no longer good 令牌无效或已吊销"),
        StatusCode::FORBIDDEN => {
            bail!(
                "this token's role may not read calls: operations and compliance may 该令牌的角色无权查看通话"
            )
        }
        _ => bail!("{}: {status}: {detail}", args.call),
    }
}

/// The messages between us and each far end, time downwards, a column for each far end.
fn ladder(steps: &[LadderStep]) -> String {
    let mut far: Vec<&str> = Vec::new();
    for step in steps {
        if !far.contains(&step.far.as_str()) {
            far.push(&step.far);
        }
    }
    let widest = steps.iter().map(|step| words(step).width()).chain(far.iter().map(|name| name.width()));
    let room = widest.max().unwrap_or(0).max(LEAST_ROOM) + 3;
    let mut text = format!("{:23}us 本机", "");
    // Each name ends above its column's line.
    let mut end = text.width();
    for (n, name) in far.iter().enumerate() {
        let line = 24 + (n + 1) * (room + 1);
        let _ = write!(text, "{:>1$}", name, line.saturating_sub(end));
        end = line;
    }
    text.push('\n');
    let mut before = steps.first().map_or(0, |step| step.at_ms);
    for step in steps {
        let (s, ms) = (step.at_ms / 1_000 % 86_400, step.at_ms % 1_000);
        let took = format!("+{}", step.at_ms.saturating_sub(before));
        before = step.at_ms;
        let _ = write!(text, "{:02}:{:02}:{:02}.{ms:03} {took:>8}  │", s / 3_600, s / 60 % 60, s % 60);
        let at = far.iter().position(|name| *name == step.far).unwrap_or(0);
        // What goes to a farther column passes the nearer ones by.
        text.push_str(&format!("{}┼", "─".repeat(room)).repeat(at));
        let words = words(step);
        let line = "─".repeat(room.saturating_sub(words.width() + 2));
        let _ = match step.way {
            StepWay::Out => write!(text, "{words} {line}▶│"),
            StepWay::In => write!(text, "◀{line} {words}│"),
        };
        text.push_str(&format!("{}│", " ".repeat(room)).repeat(far.len().saturating_sub(at + 1)));
        let _ = writeln!(text, "  {}", step.cseq);
    }
    let _ = write!(text, "{} messages 条信令; times in UTC, steps in ms 时间为 UTC，步长为毫秒", steps.len());
    text
}

/// What a message says.
fn words(step: &LadderStep) -> String {
    let sdp = if step.described { " [sdp]" } else { "" };
    let reason = step.reason.as_ref().map(|reason| format!(" {reason}"));
    format!("{}{sdp}{}", step.line, reason.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(at_ms: u64, way: StepWay, far: &str, line: &str, cseq: &str) -> LadderStep {
        LadderStep {
            at_ms,
            way,
            far: far.to_owned(),
            line: line.to_owned(),
            cseq: cseq.to_owned(),
            reason: (line == "BYE sip:…@b").then(|| "Q.850;cause=16".to_owned()),
            described: line.starts_with("INVITE"),
        }
    }

    #[test]
    fn a_ladder_has_a_column_for_each_far_end_and_all_lines_are_as_long() {
        let (a, b) = ("UDP 192.0.2.10:5060", "UDP 192.0.2.11:5060");
        let shown = ladder(&[
            step(1_000, StepWay::Out, a, "INVITE sip:…@a", "1 INVITE"),
            step(7_000, StepWay::Out, b, "INVITE sip:…@b", "1 INVITE"),
            step(7_030, StepWay::In, b, "200 OK", "1 INVITE"),
            step(9_000, StepWay::Out, b, "BYE sip:…@b", "2 BYE"),
        ]);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 6);
        assert!(lines[0].contains("us 本机") && lines[0].contains(a) && lines[0].contains(b));
        assert!(lines[1].starts_with("00:00:01.000       +0  │INVITE sip:…@a [sdp] ─"), "{shown}");
        assert!(lines[2].contains("+6000  │──") && lines[2].contains("┼INVITE sip:…@b [sdp] ─"), "{shown}");
        assert!(
            lines[3].contains("+30  │")
                && lines[3].contains("┼◀─")
                && lines[3].contains("─ 200 OK│  1 INVITE"),
            "{shown}"
        );
        assert!(lines[4].contains("Q.850;cause=16"), "{shown}");
        let bars = |line: &str| line.rfind('│').map(|at| line[..at].width());
        assert!(lines[1..5].iter().all(|line| bars(line) == bars(lines[1])), "{shown}");
        assert!(lines[5].starts_with("4 messages"));
    }
}
