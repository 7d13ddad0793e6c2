//! `waihu prompts`: what a campaign says, spoken before anybody is dialled.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;
use waihu_dialler::{RecordedPrompts, Words};
use waihu_dialog::{Interpreter, Script};
use waihu_record::wav;
use waihu_speech::{Origin, Speaker, Urgency, VoiceRequest};
use waihu_tts::PromptCache;
use waihu_types::{Case, GivenAuthority, Lang};

use crate::{
    output::{note, out},
    project::Project,
    recorded,
};

/// The rate of calls' prompts [Hz].
const RATE: u32 = 8_000;

#[derive(Debug, Subcommand)]
pub(crate) enum PromptsCommand {
    /// Speak all that is known before dialling into the prompt cache, and say what it cost 预先合成话术语音
    Build(BuildArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The flow in dialogs/ 话术
    #[arg(long)]
    script: String,
    /// The cases; rows that are wrong are named and left out 案件表
    #[arg(long, value_name = "FILE.csv")]
    cases: PathBuf,
    /// The language to speak; each case's own when left out 语言
    #[arg(long)]
    lang: Option<Lang>,
    /// Write each prompt as a WAV into this folder too, with a list of them, to listen to. They may name
    /// debtors 另存为 WAV 供试听（含个人信息）
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print what it cost as JSON 输出 JSON
    #[arg(long)]
    json: bool,
}

/// What there was to speak, and what it took.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Cost {
    /// Cases of the file.
    cases: usize,
    /// Prompts of all cases together.
    prompts: usize,
    /// Different ones among them.
    distinct: usize,
    /// Of these, spoken before and found in the cache.
    cached: usize,
    /// Of these, spoken now.
    spoken: usize,
    /// Of these, recorded whole by a person.
    recorded: usize,
    /// Of these, recorded with values spoken between.
    spliced: usize,
    /// Of these, not to be spoken; each was named.
    failed: usize,
    /// How long all distinct prompts last [s].
    speech_s: f64,
    /// How long those spoken now last [s].
    spoken_s: f64,
    /// Processor time of speaking them, models loaded [core-seconds].
    core_s: f64,
    /// Time on the clock [s].
    wall_s: f64,
    /// What the synthesized prompts take in the cache [bytes].
    bytes: u64,
}

pub(crate) fn run(project: &Project, command: PromptsCommand) -> Result<ExitCode> {
    let PromptsCommand::Build(args) = command;
    let script = project.flow(&args.script)?;
    let (cases, bad_rows) = super::campaign::read_cases(project, &args.cases, &GivenAuthority::default())?;
    let recorded = project.recorded_prompts(&script)?;
    let (prompts, texts) = known_before(&script, &recorded, &cases, args.lang)?;
    let mut speaker = Speaker::open(project.voices()?, project.prompts("bot"))?;
    let mut cost = Cost { cases: cases.len(), prompts, distinct: texts.len(), ..Cost::default() };
    speak(&texts, &mut speaker, args.out.as_deref(), &mut cost)?;
    if args.json {
        out!("{}", serde_json::to_string(&cost)?)?;
    } else {
        let recorded = Lang::ALL.into_iter().flat_map(|lang| recorded::summary(&script, lang));
        table(&cost).into_iter().chain(recorded).try_for_each(|line| out!("{line}"))?;
    }
    Ok(if cost.failed == 0 && bad_rows == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How many prompts the cases have together, and each different one once, in the order of the cases.
fn known_before(
    script: &Arc<Script>,
    recorded: &Arc<RecordedPrompts>,
    cases: &[Case],
    lang: Option<Lang>,
) -> Result<(usize, Vec<VoiceRequest>)> {
    let (mut count, mut seen, mut texts) = (0, HashSet::new(), Vec::new());
    for case in cases {
        let lang = lang.unwrap_or(case.lang);
        let interpreter = Interpreter::new(Arc::clone(script), lang, case, today(case)?);
        // The same as the call's: what is built here is found by calls.
        let words = Words::new(&interpreter, script, lang, case, Arc::clone(recorded));
        let spoken_as = format!("{lang} {:?}", words.style());
        for text in interpreter.prompts_to_prepare() {
            count += 1;
            if seen.insert((spoken_as.clone(), text.clone())) {
                texts.push(words.to_speak(text, Urgency::Preparation));
            }
        }
    }
    Ok((count, texts))
}

/// The day at the callee's place: prompts say today and tomorrow, so what is built is for this day.
fn today(case: &Case) -> Result<Date> {
    let zone = &case.time_zone;
    let now = jiff::Timestamp::now().in_tz(zone);
    let now = now.with_context(|| format!("case {}: {zone:?} is no time zone 时区有误", case.id))?;
    Ok(now.date())
}

fn speak(texts: &[VoiceRequest], speaker: &mut Speaker, out: Option<&Path>, cost: &mut Cost) -> Result<()> {
    let bar = bar(texts.len());
    let mut warm = HashSet::new();
    let (mut core, mut wall, mut list) = (Duration::ZERO, Duration::ZERO, Vec::new());
    for request in texts {
        if !speaker.is_ready(request)? && warm.insert((request.lang, request.style.voice.clone())) {
            speaker.warm_up(request.lang, &request.style)?;
        }
        let (begun, used) = (std::time::Instant::now(), processor_time());
        let made = speaker.speak(request);
        wall += begun.elapsed();
        core += processor_time().saturating_sub(used);
        match made {
            Ok((spoken, origin)) => {
                let seconds = spoken.samples.len() as f64 / f64::from(RATE);
                cost.speech_s += seconds;
                match origin {
                    Origin::Cache => cost.cached += 1,
                    Origin::Voice => {
                        (cost.spoken, cost.spoken_s) = (cost.spoken + 1, cost.spoken_s + seconds)
                    }
                    Origin::Recording => cost.recorded += 1,
                    Origin::Spliced => cost.spliced += 1,
                }
                if let Some(folder) = out {
                    let name = format!("{:04}.wav", list.len() + 1);
                    wav::write_mono(folder.join(&name), RATE, &spoken.samples)?;
                    list.push(format!("{name}\t{}\t{origin:?}\t{}\n", request.lang, request.text));
                }
                if matches!(origin, Origin::Cache | Origin::Voice) {
                    cost.bytes += PromptCache::bytes_of(&spoken);
                }
            }
            Err(e) => {
                // The words may name a debtor: only its place is told.
                bar.suspend(|| note!("prompt {} 话术: {e}", bar.position() + 1));
                cost.failed += 1;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(folder) = out {
        let path = folder.join("prompts.tsv");
        std::fs::write(&path, list.concat())
            .with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
    }
    (cost.core_s, cost.wall_s) = (core.as_secs_f64(), wall.as_secs_f64());
    Ok(())
}

fn bar(length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message("prompts 话术语音");
    if let Ok(style) = ProgressStyle::with_template("{msg} {pos}/{len} {wide_bar} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// What this process has used of the processors.
fn processor_time() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Duration::ZERO };
    let of = |t: nix::sys::time::TimeVal| {
        let (s, us) = (u64::try_from(t.tv_sec()).unwrap_or(0), u64::try_from(t.tv_usec()).unwrap_or(0));
        Duration::from_secs(s) + Duration::from_micros(us)
    };
    of(usage.user_time()) + of(usage.system_time())
}

/// The lines that say what it cost.
fn table(cost: &Cost) -> Vec<String> {
    let mut lines = vec![
        format!("{:>10} cases 案件", cost.cases),
        format!("{:>10} prompts 话术, {} of them different 去重后", cost.prompts, cost.distinct),
        format!("{:>10} already in the cache 已缓存", cost.cached),
        format!("{:>10} spoken now 本次合成", cost.spoken),
        format!("{:>10} recorded 真人录音", cost.recorded),
        format!("{:>10} recorded, with values spoken between 录音与合成拼接", cost.spliced),
        format!("{:>10.1} s of speech 语音 (now 本次 {:.1})", cost.speech_s, cost.spoken_s),
        format!("{:>10.1} core-seconds 核秒 ({:.1} s on the clock 耗时)", cost.core_s, cost.wall_s),
        format!("{:>10.1} MB in the cache 缓存占用", cost.bytes as f64 / 1e6),
    ];
    if cost.failed > 0 {
        lines.push(format!("{:>10} could not be spoken, as told above 合成失败", cost.failed));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_that_cases_share_are_spoken_once() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = Project::at(root).flow("reminder").unwrap();
        let csv = "id,phone,name,title,lang,creditor,product,amount,currency,due_date,time_zone\n\
                   C1,1001,张伟,先生,zh,安信银行,信用卡,3250.00,CNY,2026-11-15,Asia/Shanghai\n\
                   C2,1002,李娜,女士,zh,安信银行,信用卡,880.00,CNY,2026-11-15,Asia/Shanghai\n";
        let table = waihu_campaign::read_csv_bytes(csv.as_bytes());
        let cases: Vec<Case> = table.cases.into_iter().map(|(_, case)| case).collect();
        assert_eq!(cases.len(), 2, "{:?}", table.problems);
        let none = Arc::default();
        let (one, _) = known_before(&script, &none, &cases[..1], None).unwrap();
        let (both, texts) = known_before(&script, &none, &cases, None).unwrap();
        assert_eq!(both, 2 * one);
        assert!(texts.len() > one && texts.len() < both, "{} of {both}", texts.len());
        let (_, english) = known_before(&script, &none, &cases, Some(Lang::En)).unwrap();
        assert!(english.iter().all(|t| t.lang == Lang::En));
        let mut other = cases[..1].to_vec();
        other[0].voice.speed = Some(0.9);
        let (_, slower) = known_before(&script, &none, &[cases[0].clone(), other.remove(0)], None).unwrap();
        assert_eq!(slower.len(), 2 * one, "the same words at another speed are another sound");
    }
}
