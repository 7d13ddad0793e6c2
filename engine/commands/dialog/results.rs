//! `waihu dialog results`: what the variants of a campaign came to, with intervals.

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use waihu_campaign::{Interval, Proportion, VariantResult, fate::Fate, results};
use waihu_store::Filter;
use waihu_types::{AttemptId, CampaignId};

use super::{source::open, versions::now};
use crate::{
    commands::{eval::escape, outcomes::fates, runtime},
    output::{note, out},
    plant,
    project::Project,
    table::Table,
};

const STYLE: &str = include_str!("results.css");

#[derive(Debug, Args)]
pub(crate) struct ResultsArgs {
    /// The campaign 批次
    campaign: CampaignId,
    /// One JSON object 以 JSON 输出
    #[arg(long)]
    json: bool,
    /// Write a page with a plot too 另存为网页
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
}

/// A share of the cases that is told of each variant: its name in records, in English, in Chinese.
struct Measure {
    key: &'static str,
    en: &'static str,
    zh: &'static str,
    hits: fn(&VariantResult) -> u32,
}

const MEASURES: [Measure; 6] = [
    Measure { key: "answered", en: "answered", zh: "接通", hits: |r| r.answered },
    Measure { key: "right_party", en: "right party", zh: "本人接听", hits: |r| r.right_party },
    Measure { key: "promises", en: "promises", zh: "承诺还款", hits: |r| r.promises },
    Measure { key: "kept", en: "promises kept", zh: "已兑现承诺", hits: |r| r.kept },
    Measure { key: "complaints", en: "complaints", zh: "投诉", hits: |r| r.complaints },
    Measure { key: "stop_calling", en: "stop calling", zh: "要求停止致电", hits: |r| r.stop_calling },
];

pub(crate) fn run(project: &Project, args: &ResultsArgs) -> Result<ExitCode> {
    let filter = Filter { campaign: Some(args.campaign.clone()), ..Filter::default() };
    let (outcomes, kept) = runtime()?.block_on(async {
        let store = open(project).await?;
        plant::recover(project, &store).await?;
        store.judge_promises(now()).await?;
        let outcomes = store.outcomes(&filter).await?;
        let fates = fates(&store, &outcomes).await?;
        let kept = fates.into_iter().filter(|(_, fate)| *fate == Fate::Kept).map(|(attempt, _)| attempt);
        let kept: BTreeSet<AttemptId> = kept.collect();
        anyhow::Ok((outcomes, kept))
    })?;
    if outcomes.is_empty() {
        bail!("campaign {} has no outcome yet 该批次尚无结果", args.campaign);
    }
    let results = results(&outcomes, &kept);
    if args.json {
        out!("{}", to_json(&args.campaign, &results))?;
    } else {
        text(&args.campaign, &results).iter().try_for_each(|line| out!("{line}"))?;
    }
    if let Some(path) = &args.html {
        std::fs::write(path, page(&args.campaign, &results))
            .with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
        note!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn of(result: &VariantResult, measure: &Measure) -> Proportion {
    result.of_cases((measure.hits)(result))
}

fn percent(i: Interval) -> String {
    format!("{:.1} % ({:.1} … {:.1})", 100.0 * i.value, 100.0 * i.low, 100.0 * i.high)
}

fn difference(i: Interval) -> String {
    format!("{:+.1} ({:+.1} … {:+.1})", 100.0 * i.value, 100.0 * i.low, 100.0 * i.high)
}

fn sums(result: &VariantResult) -> String {
    result.sums.iter().map(|(currency, sum)| format!("{sum:.2} {currency}")).collect::<Vec<_>>().join(", ")
}

fn text(campaign: &CampaignId, results: &[VariantResult]) -> Vec<String> {
    let mut lines = vec![format!("campaign 批次 {campaign}")];
    for result in results {
        let scripts: Vec<&str> = result.scripts.iter().map(String::as_str).collect();
        lines.push(format!(
            "{}: {}; {} calls 通话, {} cases 案件; promised 承诺金额 {}",
            result.variant,
            scripts.join(", "),
            result.calls,
            result.cases,
            Some(sums(result)).filter(|s| !s.is_empty()).unwrap_or_else(|| "-".to_owned())
        ));
    }
    let mut table = Table::new([
        "variant 方案",
        "of the cases 占案件",
        "count 数量",
        "share 占比 (95 %)",
        "against 相比 (95 %)",
    ]);
    for measure in &MEASURES {
        for (n, result) in results.iter().enumerate() {
            let against = results.first().filter(|_| n > 0).and_then(|first| {
                let above = of(result, measure).above(of(first, measure))?;
                Some(format!("{}: {}", first.variant, difference(above)))
            });
            table.row([
                result.variant.clone(),
                format!("{} {}", measure.en, measure.zh),
                (measure.hits)(result).to_string(),
                percent(of(result, measure).interval()),
                against.unwrap_or_default(),
            ]);
        }
    }
    lines.push(table.to_string());
    lines.push(
        "shares are of the cases called; intervals by Wilson and Newcombe; one that holds 0 shows no difference \
         占比按案件计；差异区间含 0 即未见差异"
            .to_owned(),
    );
    lines
}

fn to_json(campaign: &CampaignId, results: &[VariantResult]) -> Value {
    let interval = |i: Interval| json!({ "value": i.value, "low": i.low, "high": i.high });
    let variants: Vec<Value> = results
        .iter()
        .enumerate()
        .map(|(n, result)| {
            let mut all = json!({
                "variant": result.variant, "scripts": result.scripts, "calls": result.calls, "cases": result.cases,
                "sums": result.sums.iter().map(|(c, s)| (c.clone(), format!("{s:.2}"))).collect::<std::collections::BTreeMap<_, _>>(),
            });
            for measure in &MEASURES {
                let share = of(result, measure);
                let above = results.first().filter(|_| n > 0).and_then(|f| share.above(of(f, measure)));
                all[measure.key] = json!({
                    "count": share.hits,
                    "share": interval(share.interval()),
                    "above_first": above.map(interval),
                });
            }
            all
        })
        .collect();
    json!({ "campaign": campaign, "variants": variants })
}

fn page(campaign: &CampaignId, results: &[VariantResult]) -> String {
    let title = format!("campaign {campaign}");
    let mut body = String::new();
    for result in results {
        let scripts: Vec<&str> = result.scripts.iter().map(String::as_str).collect();
        body += &format!(
            "<p><b>{}</b> {} · {} calls <i>通话</i> · {} cases <i>案件</i> · {}</p>",
            escape(&result.variant),
            escape(&scripts.join(", ")),
            result.calls,
            result.cases,
            escape(&sums(result))
        );
    }
    for measure in &MEASURES {
        body += &format!(
            "<h2>{} <i lang=\"zh\">{}</i></h2>{}",
            measure.en,
            measure.zh,
            whiskers(measure, results)
        );
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>waihu · {title}</title>\
         <style>{STYLE}</style></head><body><h1>{title} <i lang=\"zh\">话术方案对比</i></h1>{body}\
         <p class=\"note\">Shares of the cases called, with 95 % intervals (Wilson); differences to {} with theirs \
         (Newcombe): one that holds 0 shows no difference. <span lang=\"zh\">占比按案件计；差异区间含 0 即未见差异。</span></p></body></html>\n",
        results.first().map(|r| escape(&r.variant)).unwrap_or_default()
    )
}

/// A measure of every variant as a point with its interval, and the difference to the first in words.
fn whiskers(measure: &Measure, results: &[VariantResult]) -> String {
    let most = results.iter().map(|r| of(r, measure).interval().high).fold(0.02, f64::max);
    let (left, long, row) = (130.0, 420.0, 30.0);
    let (width, height) = (left + long + 330.0, row * results.len() as f64 + 30.0);
    let x = |share: f64| left + long * share / most;
    let mut out = format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" aria-label=\"{}\">",
        measure.en
    );
    for tick in 0..=4 {
        let share = most * f64::from(tick) / 4.0;
        out += &format!(
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{:.0}\"/>\
             <text class=\"tick\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{:.1} %</text>",
            height - 24.0,
            height - 8.0,
            100.0 * share,
            x = x(share)
        );
    }
    for (n, result) in results.iter().enumerate() {
        let (share, y) = (of(result, measure), row * n as f64 + 16.0);
        let i = share.interval();
        let above = results.first().filter(|_| n > 0).and_then(|first| share.above(of(first, measure)));
        let told = above.map(|a| format!(" · {}", difference(a))).unwrap_or_default();
        let clear = above.is_some_and(|a| a.low > 0.0 || a.high < 0.0);
        out += &format!(
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <line class=\"bar\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <circle class=\"point\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"5\"/>\
             <text class=\"{}\" x=\"{:.1}\" y=\"{:.1}\">{}/{} {:.1} %{told}</text>",
            left - 10.0,
            y + 4.0,
            escape(&result.variant),
            x(i.low),
            x(i.high),
            x(i.value),
            if clear { "clear" } else { "told" },
            left + long + 14.0,
            y + 4.0,
            share.hits,
            share.of,
            100.0 * i.value
        );
    }
    out + "</svg>"
}
