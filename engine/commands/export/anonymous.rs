//! Calls for whoever counts: a JSON object each, in which nobody stands.

use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use waihu_record::{Speaker, TranscriptLine};
use waihu_redact::{Known, LEAST_KEY, Pseudonyms, band, blur_spans, find_in_lines};
use waihu_store::{PageFilter, Store};
use waihu_types::{Case, Lang, Outcome};

use super::AnonymousArgs;
use crate::{
    configuration::Configuration,
    output::{note, out},
    project::Project,
};

/// How many are read at once.
const PAGE: u32 = 500;

pub(super) async fn write(project: &Project, store: &Store, args: &AnonymousArgs) -> Result<ExitCode> {
    let pseudonyms = Pseudonyms::new(&key(&args.key)?)?;
    let vault = Configuration::of(project)?.vault.open()?;
    if args.file.exists() {
        bail!("{}: it is there already: name another file 文件已存在", args.file.display());
    }
    let file = waihu_record::create_private(&args.file)
        .with_context(|| format!("{}: cannot be written 无法写入", args.file.display()))?;
    let mut file = BufWriter::new(file);
    let filter = PageFilter { campaign: args.campaign.clone(), ..PageFilter::default() };
    let (mut after, mut written) = (None, 0_u64);
    loop {
        let outcomes = store.outcomes_page(&filter, after.as_ref(), PAGE).await?;
        let Some(last) = outcomes.last() else { break };
        after = Some((last.ended_at, last.attempt.clone()));
        for outcome in &outcomes {
            let case = store.case(&outcome.case).await?.map(|stored| stored.case);
            let lines = if args.no_words { None } else { super::lines(project, &vault, outcome)? };
            let score = store.score_of(&outcome.attempt).await?;
            let row = row(&pseudonyms, outcome, case.as_ref(), lines.as_deref(), score);
            serde_json::to_writer(&mut file, &row)?;
            file.write_all(b"\n")?;
            written += 1;
        }
    }
    file.flush()?;
    out!("{written} calls are written to 已导出至 {}", args.file.display())?;
    Ok(ExitCode::SUCCESS)
}

/// The key, which is made where it is not there.
fn key(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(key) => Ok(key),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let key: [u8; LEAST_KEY] = rand::random();
            let mut file = waihu_record::create_private(path)
                .with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
            file.write_all(&key)?;
            note!("{}: a new key 已生成新密钥", path.display());
            Ok(key.to_vec())
        }
        Err(e) => Err(e).with_context(|| format!("{}: cannot be read 无法读取", path.display())),
    }
}

/// A call in which nobody stands. The field `attempt` is a pseudonym too: its id tells the time.
fn row(
    names: &Pseudonyms,
    outcome: &Outcome,
    case: Option<&Case>,
    lines: Option<&[TranscriptLine]>,
    score: Option<i64>,
) -> Value {
    let of = case.and_then(|case| case.dossier.debtor.as_ref());
    // Whose debtor is not told is known by the case.
    let debtor = of.map_or_else(|| outcome.case.to_string(), ToString::to_string);
    let zone = case.map_or("Asia/Shanghai", |case| case.time_zone.as_str());
    let at = outcome.dialled_at.timestamp();
    let local = at.in_tz(zone).ok();
    let day = local.as_ref().map(|local| local.date());
    let seconds = |from: waihu_types::WallTime, to: waihu_types::WallTime| {
        (to.unix_millis() - from.unix_millis()) / 1_000
    };
    json!({
        "attempt": names.of("attempt", outcome.attempt.as_str()),
        "debtor": names.of("debtor", &debtor),
        "case": names.of("case", outcome.case.as_str()),
        "campaign": outcome.campaign,
        "script": outcome.script.name,
        "variant": outcome.script.variant,
        "lang": outcome.script.lang,
        "day": day.and_then(|day| names.day(&debtor, day)),
        "hour": local.as_ref().map(|local| local.hour()),
        "ringing_s": outcome.answered_at.map(|answered| seconds(outcome.dialled_at, answered)),
        "talk_s": outcome.answered_at.map(|answered| seconds(answered, outcome.ended_at)),
        "answered_by": outcome.answered_by,
        "identity": outcome.identity,
        "disposition": outcome.disposition,
        "intents": outcome.intents,
        "mood": outcome.mood,
        "handover": outcome.handover.as_ref().map(|h| json!({
            "result": h.result, "waited_ms": h.waited_ms, "talked_ms": h.talked_ms, "disposition": h.disposition,
            "agent": names.of("agent", &h.agent),
        })),
        "promise": outcome.promise.as_ref().map(|p| json!({
            "in_days": day.and_then(|day| day.until(p.date).ok()).map(|span| span.get_days()),
            "sum": band(p.sum.amount()),
            "parts": p.parts.len(),
            "channel": p.channel,
        })),
        "due": case.map(|case| band(case.due.amount())),
        "currency": case.map(|case| case.due.currency().code().to_owned()),
        "days_past_due": case.zip(day).map(|(case, day)| case.days_past_due(day)),
        "kind": case.map(|case| case.particulars.kind.label()),
        "risk_grade": case.and_then(|case| case.dossier.risk_grade.clone()),
        "ended_by": outcome.ended_by,
        "score": score,
        "lines": lines.map(|lines| said(lines, outcome.script.lang, case)),
    })
}

/// What was said, blurred; what happened is left out, since it repeats words.
fn said(lines: &[TranscriptLine], lang: Lang, case: Option<&Case>) -> Vec<Value> {
    let known = case.map(Known::of).unwrap_or_default();
    let said: Vec<&TranscriptLine> = lines.iter().filter(|line| line.speaker != Speaker::System).collect();
    let texts: Vec<(u64, Speaker, &str)> =
        said.iter().map(|line| (line.at_ms, line.speaker, line.text.as_str())).collect();
    let spans = find_in_lines(&texts, lang, &known);
    let line = |(line, spans): (&&TranscriptLine, Vec<waihu_redact::Span>)| {
        json!({
            "at_ms": line.at_ms,
            "speaker": line.speaker,
            "text": blur_spans(&line.text, &spans, lang),
            "intent": line.intent,
            "confidence": line.confidence,
        })
    };
    said.iter().zip(spans).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_stands_in_a_row() {
        let calls = include_str!("../../quality/tests/calls.jsonl");
        let names = Pseudonyms::new(&[3; 32]).unwrap();
        for line in calls.lines() {
            let filed: Value = serde_json::from_str(line).unwrap();
            let outcome: Outcome = serde_json::from_value(filed["outcome"].clone()).unwrap();
            let case: Case = serde_json::from_value(filed["case"].clone()).unwrap();
            let lines: Vec<TranscriptLine> = serde_json::from_value(filed["lines"].clone()).unwrap();
            let row = row(&names, &outcome, Some(&case), Some(&lines), Some(100)).to_string();
            let due = format!("{:.2}", case.due.amount());
            for told in [
                case.name.as_str(),
                case.id.as_str(),
                outcome.attempt.as_str(),
                &due,
                "11月15日",
                "2026-11-2",
            ] {
                let told_at = row.find(told);
                assert!(told_at.is_none(), "{told} in {row}");
            }
            assert!(!row.contains(&format!("\"{}\"", case.phone.as_str())));
            assert!(row.contains(outcome.disposition.label()) && row.contains("\"lines\":["));
        }
    }
}
