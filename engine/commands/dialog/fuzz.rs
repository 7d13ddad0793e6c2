//! `waihu dialog fuzz`: random callees against flows, until a law is broken or their number is up.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic,
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;
use waihu_dialog::Script;
use waihu_persona::{
    Scene,
    fuzz::{Finding, Law, fuzz},
};
use waihu_types::Lang;

use super::{flows, langs};
use crate::{
    commands::eval::bar,
    output::out,
    project::{Project, cores},
};

/// How many acts a random callee has at most: three times what the longest golden conversation has.
const MOST_ACTS: usize = 60;
/// Every so many callees have a case made by their seed, with other names and sums than the flow's own.
const MADE_CASES: u64 = 4;

#[derive(Debug, Args)]
pub(crate) struct FuzzArgs {
    /// Flows by name; all of dialogs/ when none is given 话术名
    flows: Vec<String>,
    /// How many random callees a flow and language has 每个话术、每种语言的随机被叫数
    #[arg(long, default_value_t = 20_000)]
    runs: u64,
    /// Go on for so long a flow instead [s] 改为按时长运行
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,
    /// The first seed; the same seed is the same callee 起始种子
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// In one language only 只用一种语言
    #[arg(long)]
    lang: Option<Lang>,
}

/// What random callees found in a flow.
#[derive(Default)]
struct Found {
    runs: u64,
    states: BTreeSet<Arc<str>>,
    outcomes: BTreeMap<&'static str, u64>,
    /// One of each law and language.
    findings: BTreeMap<(Law, Lang), Finding>,
}

pub(crate) fn run(project: &Project, args: &FuzzArgs) -> Result<ExitCode> {
    let mut good = true;
    for script in flows(project, &args.flows)? {
        let begun = Instant::now();
        // A panic is a finding, told with its callee: its message by itself is noise.
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        let found = search(&script, args);
        panic::set_hook(hook);
        let found = found?;
        for finding in found.findings.values() {
            let (before, now) = (finding.before, finding.acts.len());
            out!("{}: {}", script.name(), finding.fault)?;
            out!("  seed 种子 {}, {now} acts of 动作，原有 {before}:\n\n{}", finding.seed, finding.golden)?;
        }
        let states = script.state_names().filter(|s| found.states.contains(*s)).count();
        let never: Vec<&str> = script.state_names().filter(|s| !found.states.contains(*s)).collect();
        out!(
            "fuzz 随机 {}: {} callees 被叫 in {:.1} s; {states} of 共 {} states come to 到达状态, {} outcomes 种结果; \
             {} laws broken 条规则被破坏",
            script.name(),
            found.runs,
            begun.elapsed().as_secs_f64(),
            script.state_count(),
            found.outcomes.len(),
            found.findings.len()
        )?;
        if !never.is_empty() {
            out!("  never come to 从未到达: {}", never.join(", "))?;
        }
        good &= found.findings.is_empty();
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The case of one of the flow's golden conversations, or one of the seed's.
fn scene(script: &Script, lang: Lang, seed: u64) -> Scene {
    let examples = script.examples(lang);
    let at = usize::try_from(seed).unwrap_or(0).checked_rem(examples.len());
    match at.and_then(|at| examples.get(at)) {
        Some(example) if !seed.is_multiple_of(MADE_CASES) => {
            let (case, today) = example.case();
            Scene { case: case.clone(), today }
        }
        _ => Scene::new(lang, seed),
    }
}

fn search(script: &Arc<Script>, args: &FuzzArgs) -> Result<Found> {
    let langs = langs(args.lang);
    let runs = args.runs.saturating_mul(u64::try_from(langs.len())?);
    let until = args.seconds.map(|s| Instant::now() + Duration::from_secs(s));
    let all = if until.is_some() { u64::MAX } else { runs };
    let bar = bar(usize::try_from(if until.is_some() { 0 } else { runs })?, "callees 被叫");
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let found = Mutex::new(Found::default());
    let work = || {
        let mut mine = Found::default();
        while !over.load(Ordering::Relaxed) {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= all || until.is_some_and(|t| Instant::now() >= t) {
                over.store(true, Ordering::Relaxed);
                break;
            }
            let count = u64::try_from(langs.len()).unwrap_or(1);
            let Some(lang) = usize::try_from(n % count).ok().and_then(|at| langs.get(at).copied()) else {
                break;
            };
            let seed = args.seed.wrapping_add(n / count);
            let (run, finding) = fuzz(script, &scene(script, lang, seed), seed, MOST_ACTS);
            mine.runs += 1;
            mine.states.extend(run.states);
            if let Some(c) = run.conclusion {
                *mine.outcomes.entry(c.disposition.label()).or_default() += 1;
            }
            if let Some(finding) = finding {
                mine.keep(lang, finding);
            }
            bar.inc(1);
        }
        if let Ok(mut found) = found.lock() {
            found.merge(mine);
        }
    };
    thread::scope(|scope| (0..cores()).for_each(|_| drop(scope.spawn(work))));
    bar.finish_and_clear();
    match found.into_inner() {
        Ok(found) => Ok(found),
        Err(_) => bail!("a thread of the search panicked 搜索线程崩溃"),
    }
}

impl Found {
    /// Keeps the shortest of each law; of two that are as short, that of the smaller seed.
    fn keep(&mut self, lang: Lang, finding: Finding) {
        let key = (finding.fault.law, lang);
        let worth = |f: &Finding| (f.acts.len(), f.seed);
        if self.findings.get(&key).is_none_or(|f| worth(f) > worth(&finding)) {
            self.findings.insert(key, finding);
        }
    }

    fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        self.states.extend(other.states);
        other.outcomes.into_iter().for_each(|(name, n)| *self.outcomes.entry(name).or_default() += n);
        other.findings.into_iter().for_each(|((_, lang), finding)| self.keep(lang, finding));
    }
}
