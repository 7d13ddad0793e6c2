//! `waihu dialog arena`: simulated debtors by the thousand, and what becomes of a flow with them.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde_json::{Value, json};
use waihu_dialog::Script;
use waihu_persona::{Allows, Bargain, Bargaining, Failure, Kind, Of, Play, Talk, Tally, Understood, What};
use waihu_types::Lang;

use super::{arena_plots as plots, flows, langs, spoken::Telephone};
use crate::{
    commands::eval::{bar, page::Page},
    output::{note, out},
    project::{Project, cores},
    table::Table,
};

/// How many of the worst talks are printed, and how many stand on the page.
const WORST_PRINTED: usize = 2;
/// Talks of a flow where nothing is said.
const TALKS: u64 = 10_000;
const TALKS_SPOKEN: u64 = 24;
const WORST_ON_PAGE: usize = 24;
/// How many states with failures are printed.
const FAILURES_PRINTED: usize = 12;
/// How many talks a thread takes at a time: the others wait for none, and no counter is fought over.
const PIECE: u64 = 32;

#[derive(Debug, Args)]
pub(crate) struct ArenaArgs {
    /// Flows by name; all of dialogs/ when none is given 话术名
    flows: Vec<String>,
    /// How many talks a flow has; 10,000, by voice 24 每个话术的通话数
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    talks: Option<u64>,
    /// Callees speak, through a telephone, and are heard by the recognizer; some seconds a talk 用语音对话
    #[arg(long)]
    spoken: bool,
    /// The same seed gives the same talks 随机种子
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Talks in one language only 只用一种语言
    #[arg(long)]
    lang: Option<Lang>,
    /// Which callees, by name and with commas between; all when left out 模拟被叫
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    personas: Vec<Kind>,
    /// Print one talk of one persona in one language, by its seed 按种子显示一通
    #[arg(long, value_name = "SEED", requires_all = ["personas", "lang"])]
    talk: Option<u64>,
    /// Write a page with plots and the worst talks for each flow 输出网页报告的目录
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// All figures as one JSON object 以 JSON 输出
    #[arg(long)]
    json: bool,
}

/// A flow's talks, counted.
pub(super) struct Played {
    pub(super) script: Arc<Script>,
    pub(super) tally: Tally,
    pub(super) took: Duration,
    /// The talks by voice, which are not played again to be shown.
    spoken: BTreeMap<Play, Talk>,
}

pub(crate) fn run(project: &Project, args: &ArenaArgs) -> Result<ExitCode> {
    let kinds = if args.personas.is_empty() { Kind::ALL } else { &args.personas[..] };
    let mut good = true;
    let mut told = Vec::new();
    let mut telephone = args.spoken.then(|| Telephone::load(project)).transpose()?;
    let talks = args.talks.unwrap_or(if args.spoken { TALKS_SPOKEN } else { TALKS });
    for script in flows(project, &args.flows)? {
        if let (Some(seed), Some(lang), [kind]) = (args.talk, args.lang, kinds) {
            let play = Play { lang, kind: *kind, seed };
            let talk = match &mut telephone {
                Some(telephone) => telephone.talk(play, &script)?,
                None => play.talk(&script),
            };
            out!("{}", talk.dialogue().trim_end())?;
            continue;
        }
        let langs = langs(args.lang);
        let played = match &mut telephone {
            Some(telephone) => by_voice(telephone, script, talks, args.seed, &langs, kinds)?,
            None => play(script, talks, args.seed, &langs, kinds)?,
        };
        let all = played.tally.all();
        good &= all.disclosed == 0 && all.endless == 0;
        if args.json {
            told.push(played.json());
        } else {
            out!("{}", played.text())?;
        }
        if let Some(folder) = &args.out {
            let path = folder.join(format!("arena-{}.html", played.script.name()));
            let page = played.page(&path, args.seed);
            page.write(&path).with_context(|| format!("{}: cannot be written 无法写入", path.display()))?;
            note!("page 报告: {}", path.display());
        }
    }
    if args.json {
        out!("{}", serde_json::to_string_pretty(&json!({ "seed": args.seed, "flows": told }))?)?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays all talks on all cores.
fn play(script: Arc<Script>, talks: u64, seed: u64, langs: &[Lang], kinds: &[Kind]) -> Result<Played> {
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let bar = bar(usize::try_from(talks)?, "talks 通话");
    let work = || {
        let mut tally = Tally::default();
        loop {
            let first = next.fetch_add(PIECE, Ordering::Relaxed);
            let piece = first..(first + PIECE).min(talks);
            if piece.is_empty() {
                return tally;
            }
            bar.inc(piece.end - piece.start);
            for play in piece.filter_map(|n| Play::nth(n, seed, langs, kinds)) {
                tally.count(play, &play.talk(&script));
            }
        }
    };
    let tallies: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores()).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    bar.finish_and_clear();
    let mut tally = Tally::default();
    for of_one in tallies {
        tally.merge(of_one.map_err(|_| anyhow!("a talk panicked; `waihu dialog fuzz` shows how 程序崩溃"))?);
    }
    Ok(Played { script, tally, took: begun.elapsed(), spoken: BTreeMap::new() })
}

/// Plays talks by voice, one after the other: one voice speaks at a time.
fn by_voice(
    telephone: &mut Telephone,
    script: Arc<Script>,
    talks: u64,
    seed: u64,
    langs: &[Lang],
    kinds: &[Kind],
) -> Result<Played> {
    let begun = Instant::now();
    let bar = bar(usize::try_from(talks)?, "talks by voice 语音通话");
    let (mut tally, mut spoken) = (Tally::default(), BTreeMap::new());
    for play in (0..talks).filter_map(|n| Play::nth(n, seed, langs, kinds)) {
        let talk = telephone.talk(play, &script)?;
        tally.count(play, &talk);
        spoken.insert(play, talk);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Played { script, tally, took: begun.elapsed(), spoken })
}

/// The most frequent outcomes of a kind.
fn outcomes(of: &Of) -> String {
    let mut outcomes: Vec<_> = of.outcomes.iter().collect();
    outcomes.sort_by_key(|(name, n)| (Reverse(**n), **name));
    let shown = outcomes.iter().take(3).map(|(name, n)| format!("{name} {}", percent(**n, of.talks)));
    shown.collect::<Vec<_>>().join(", ")
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.0} %", 100.0 * part as f64 / whole as f64) }
}

impl Played {
    /// A kind's row: the same in the terminal and on the page.
    fn row(name: &str, of: &Of) -> [String; 7] {
        [
            name.to_owned(),
            of.talks.to_string(),
            outcomes(of),
            of.promises.to_string(),
            percent(of.kept, of.promises),
            format!("{} / {}", of.turns_at(0.5), of.turns_at(0.95)),
            format!("{} / {}", of.seconds_at(0.5), of.seconds_at(0.95)),
        ]
    }

    const HEADING: [&str; 7] = [
        "callee 被叫",
        "talks 通话",
        "outcomes 结果",
        "promises 承诺",
        "within means 可兑现",
        "turns 轮次 p50/p95",
        "seconds 秒 p50/p95",
    ];

    fn rows(&self) -> Vec<[String; 7]> {
        let kinds = self.tally.by_kind.iter();
        let kinds = kinds.map(|(kind, of)| Self::row(&format!("{kind} {}", kind.zh()), of));
        kinds.chain([Self::row("all 合计", &self.tally.all())]).collect()
    }

    /// States in which turns failed, the most failures first: not understood, silent, limit, entered.
    pub(super) fn failures(&self) -> Vec<(String, [u64; 3], u64)> {
        let mut states: Vec<(String, [u64; 3], u64)> = Vec::new();
        for ((state, failure), n) in &self.tally.failures {
            let at = Failure::ALL.iter().position(|f| f == failure).unwrap_or(0);
            if states.last().is_none_or(|s| s.0 != **state) {
                let entered = self.tally.states.get(state).copied().unwrap_or(0);
                states.push((state.to_string(), [0; 3], entered));
            }
            if let Some(last) = states.last_mut() {
                last.1[at] += n;
            }
        }
        states.sort_by_key(|s| Reverse(s.1.iter().sum::<u64>()));
        states
    }

    fn failure_rows(&self) -> Vec<[String; 5]> {
        let row = |(state, [no_match, silence, limit], entered): (String, [u64; 3], u64)| {
            [state, entered.to_string(), no_match.to_string(), silence.to_string(), limit.to_string()]
        };
        self.failures().into_iter().map(row).collect()
    }

    const FAILURE_HEADING: [&str; 5] =
        ["state 状态", "entered 进入", "not understood 未听懂", "silent 沉默", "limit 超限"];

    /// What came of bargaining, by what the lender allows: shares of the talks in which the callee asked for
    /// other terms.
    fn bargain_rows(&self) -> Vec<[String; 9]> {
        let row = |(allows, of): (&Allows, &Bargaining)| {
            let bargained = of.bargained();
            let [a, b, c, d, e, f] =
                Bargain::ALL.map(|(end, _)| percent(of.ends.get(&end).copied().unwrap_or(0), bargained));
            let name = format!("{} {}", allows.label(), allows.zh());
            [name, of.talks.to_string(), percent(bargained, of.talks), a, b, c, d, e, f]
        };
        self.tally.bargaining.iter().map(row).collect()
    }

    fn bargain_heading() -> [&'static str; 9] {
        let [a, b, c, d, e, f] = Bargain::ALL.map(|(_, name)| name);
        ["authority 授权", "talks 通话", "bargained 协商", a, b, c, d, e, f]
    }

    /// The worst talks, the worst first.
    fn worst(&self) -> Vec<Play> {
        let mut worst = self.tally.by_kind.values().flat_map(|of| of.worst.clone()).collect::<Vec<_>>();
        worst.sort_by_key(|w| (Reverse(w.0), w.1));
        worst.into_iter().filter(|w| w.0 > 0).map(|w| w.1).collect()
    }

    fn speed(&self) -> String {
        let s = self.took.as_secs_f64();
        format!("{:.1} s ({:.0} talks 通话/s)", s, self.tally.all().talks as f64 / s.max(1e-9))
    }

    fn disclosures(all: &Of) -> String {
        format!(
            "{} by the script 话术所致; {} where a recognizer took something else for a yes 误识为“是”",
            all.disclosed, all.disclosed_misheard
        )
    }

    fn text(&self) -> String {
        let all = self.tally.all();
        let mut out = format!("{} · {} talks 通话 · {}\n\n", self.script.name(), all.talks, self.speed());
        let mut table = Table::new(Self::HEADING);
        self.rows().into_iter().for_each(|row| table.row(row));
        let _ = writeln!(out, "{table}\n");
        let mut table = Table::new(Self::FAILURE_HEADING);
        let rows = self.failure_rows();
        let hidden = rows.len().saturating_sub(FAILURES_PRINTED);
        rows.into_iter().take(FAILURES_PRINTED).for_each(|row| table.row(row));
        let _ = writeln!(out, "{table}");
        if hidden > 0 {
            let _ = writeln!(out, "… and {hidden} more states 另有 {hidden} 个状态");
        }
        let mut table = Table::new(Self::bargain_heading());
        self.bargain_rows().into_iter().for_each(|row| table.row(row));
        let _ = writeln!(out, "\n{table}");
        let never = self.tally.never_visited(&self.script);
        let never = if never.is_empty() { "none 无".to_owned() } else { never.join(", ") };
        let _ = writeln!(out, "\nstates never come to 从未到达: {never}");
        let _ = writeln!(out, "told the wrong person 向他人泄露: {}", Self::disclosures(&all));
        if !self.spoken.is_empty() {
            let (right, turns) = self.understood();
            let _ = writeln!(out, "turns by voice understood 语音轮次听懂: {right} of {turns}");
        }
        let _ = writeln!(out, "talks without an end 没有结束: {}", all.endless);
        for play in self.worst().into_iter().take(WORST_PRINTED) {
            let _ = writeln!(out, "\n{}", self.headline(play));
            out.push_str(&self.talk(play).dialogue());
        }
        out.trim_end().to_owned()
    }

    /// The talk, as it was or once more.
    fn talk(&self, play: Play) -> Talk {
        self.spoken.get(&play).cloned().unwrap_or_else(|| play.talk(&self.script))
    }

    /// Turns by voice that were understood, of all.
    fn understood(&self) -> (usize, usize) {
        let turns = self.spoken.values().flat_map(|t| &t.steps).filter_map(|step| match &step.what {
            What::Callee { understood, .. } => Some(*understood == Understood::Rightly),
            _ => None,
        });
        turns.fold((0, 0), |(right, all), ok| (right + usize::from(ok), all + 1))
    }

    fn headline(&self, play: Play) -> String {
        let talk = self.talk(play);
        let outcome = talk.conclusion.as_ref().map_or("no end 未结束", |c| c.disposition.label());
        let kind = play.kind;
        format!("{kind} {} ({}, seed 种子 {}) → {outcome}", kind.zh(), play.lang, play.seed)
    }

    fn json(&self) -> Value {
        let of = |of: &Of| {
            json!({
                "talks": of.talks,
                "outcomes": of.outcomes,
                "promises": of.promises,
                "within_means": of.kept,
                "turns": { "p50": of.turns_at(0.5), "p95": of.turns_at(0.95) },
                "seconds": { "p50": of.seconds_at(0.5), "p95": of.seconds_at(0.95) },
                "told_the_wrong_person": of.disclosed,
                "told_after_a_misheard_yes": of.disclosed_misheard,
                "without_an_end": of.endless,
            })
        };
        let worst =
            |play: Play| json!({ "persona": play.kind.label(), "lang": play.lang, "seed": play.seed });
        let personas: serde_json::Map<String, Value> =
            self.tally.by_kind.iter().map(|(kind, o)| (kind.label().to_owned(), of(o))).collect();
        let failures: Vec<Value> = self
            .failures()
            .into_iter()
            .map(|(state, [no_match, silence, limit], entered)| {
                json!({ "state": state, "entered": entered, "not_understood": no_match, "silent": silence, "limit": limit })
            })
            .collect();
        let bargaining: serde_json::Map<String, Value> = self
            .tally
            .bargaining
            .iter()
            .map(|(allows, of)| {
                let ends: serde_json::Map<String, Value> =
                    of.ends.iter().map(|(end, n)| (end.label().to_owned(), json!(n))).collect();
                let of = json!({ "talks": of.talks, "bargained": of.bargained(), "ends": ends });
                (allows.label().to_owned(), of)
            })
            .collect();
        json!({
            "flow": self.script.name(),
            "sha256": self.script.sha256(),
            "all": of(&self.tally.all()),
            "personas": personas,
            "failures": failures,
            "bargaining": bargaining,
            "never_come_to": self.tally.never_visited(&self.script),
            "seconds": self.took.as_secs_f64(),
            "inputs": self.tally.inputs,
            "worst": self.worst().into_iter().map(worst).collect::<Vec<_>>(),
        })
    }

    fn page(&self, path: &Path, seed: u64) -> Page {
        let all = self.tally.all();
        let name = self.script.name();
        let mut page = Page::new(Path::new(&format!("dialogs/{name}")), path);
        page.title(&format!("Arena: {name}"), "模拟试谈");
        page.model(&format!("seed {seed} · sha256 {:.12}", self.script.sha256()));
        page.fact("talks 通话", &all.talks.to_string());
        page.fact("promises 承诺", &format!("{} ({})", all.promises, percent(all.promises, all.talks)));
        page.fact("of these within means 可兑现", &percent(all.kept, all.promises));
        page.fact("turns 轮次 p50 / p95", &format!("{} / {}", all.turns_at(0.5), all.turns_at(0.95)));
        page.fact("seconds 秒 p50 / p95", &format!("{} / {}", all.seconds_at(0.5), all.seconds_at(0.95)));
        page.fact("told the wrong person 泄露", &all.disclosed.to_string());
        page.fact("told after a misheard yes 误识后泄露", &all.disclosed_misheard.to_string());
        page.fact("without an end 未结束", &all.endless.to_string());
        page.heading("Outcomes by callee", "各类被叫的结果");
        page.plot(&plots::outcomes(&self.tally));
        page.heading("The ways taken", "走过的路径");
        page.plot(&plots::ways(&self.tally));
        page.heading("Turns in a talk", "每通轮次");
        page.plot(&plots::histogram(&all.turns, 1, "turns 轮次"));
        page.heading("Seconds of a talk", "每通时长");
        page.plot(&plots::histogram(&all.seconds, 10, "seconds 秒"));
        page.heading("Turns that failed, by state", "各状态的失败轮次");
        page.plot(&plots::failures(&self.failures()));
        let failures: Vec<Vec<String>> = self.failure_rows().into_iter().map(Vec::from).collect();
        page.details("As a table", "列表", &Self::FAILURE_HEADING, &failures);
        page.heading("By callee", "各类被叫");
        let rows: Vec<Vec<String>> = self.rows().into_iter().map(Vec::from).collect();
        page.table(&Self::HEADING, &rows);
        page.heading("What came of bargaining, by authority", "协商结果（按授权）");
        let rows: Vec<Vec<String>> = self.bargain_rows().into_iter().map(Vec::from).collect();
        page.table(&Self::bargain_heading(), &rows);
        let never = self.tally.never_visited(&self.script);
        page.heading(&format!("States never come to ({})", never.len()), "从未到达的状态");
        let never: Vec<Vec<String>> = never.into_iter().map(|state| vec![state]).collect();
        page.table(&["state 状态"], &never);
        page.heading("Talks that went worst", "最差的通话");
        for play in self.worst().into_iter().take(WORST_ON_PAGE) {
            page.text(&self.headline(play), &self.talk(play).dialogue());
        }
        page
    }
}
