//! Judging the recognizer: `file, lang, text[, condition]`.
//!
//! Each utterance is heard as in a call: on one thread, with the cut window. The time is the process's own on
//! the cores, so that others on the machine do not count.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use waihu_asr::{Asr, AsrConfig, Options, Window};
use waihu_corpus::{
    edits::{Edits, edits},
    score,
    words::units,
};
use waihu_types::Lang;

use super::{
    Common, Report, bar, core_seconds, list,
    manifest::{self, BadRow, Row},
    page::{Mistake, Page},
};
use crate::{project::Project, table::Table};

/// Whisper's rate [Hz], and the longest utterance that it hears at once [samples].
const RATE: u32 = 16_000;
const LONGEST: usize = 30 * RATE as usize;

/// The condition of a row that names none.
const UNNAMED: &str = "-";

#[derive(Debug, Args)]
pub(crate) struct SpeechArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// Hear each utterance with the model's whole window too, as the reference 与完整窗口对比
    #[arg(long)]
    full: bool,
}

/// One row, understood.
struct Utterance {
    place: String,
    file: String,
    lang: Lang,
    said: String,
    condition: String,
}

/// What was heard of one utterance.
#[derive(Clone, Debug, Serialize)]
struct Heard {
    place: String,
    file: String,
    lang: Lang,
    condition: String,
    said: String,
    heard: String,
    edits: Edits,
    seconds: f64,
    core_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_window: Option<Full>,
}

/// The same with the whole window.
#[derive(Clone, Debug, Serialize)]
struct Full {
    heard: String,
    edits: Edits,
    core_seconds: f64,
}

/// Utterances of one language, of all conditions or of one.
#[derive(Clone, Debug, Serialize)]
struct Group {
    lang: Lang,
    /// None where it is all of them.
    condition: Option<String>,
    utterances: usize,
    edits: Edits,
    /// Errors for each character (Mandarin) or word (English) said.
    error_rate: f64,
    /// Utterances without an error.
    whole: usize,
    /// Utterances of which nothing was heard, though something was said.
    empty: usize,
    core_seconds_mean: f64,
    core_seconds_p95: f64,
    core_seconds_per_second: f64,
    full_error_rate: Option<f64>,
    full_core_seconds_mean: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct SpeechReport {
    kind: &'static str,
    model: String,
    utterances: usize,
    groups: Vec<Group>,
    /// Every utterance with an error, the worst first.
    mistakes: Vec<Heard>,
    bad_rows: Vec<BadRow>,
}

pub(super) fn judge(project: &Project, args: &SpeechArgs) -> Result<SpeechReport> {
    let library = project.library()?;
    let mut list = manifest::read(&list(&args.common.dir))?;
    let mut asr = Asr::load(project.recognizer()?, AsrConfig { threads: 1, ..AsrConfig::default() })?;
    let bar = bar(list.rows.len(), "heard 识别");
    let mut all = Vec::new();
    for row in std::mem::take(&mut list.rows) {
        let place = row.place.clone();
        match understand(row).and_then(|u| hear(&mut asr, args, u)) {
            Ok(heard) => all.push(heard),
            Err(problem) => list.bad.push(BadRow { place, problem }),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut mistakes: Vec<Heard> = all.iter().filter(|h| h.edits.errors() > 0).cloned().collect();
    mistakes.sort_by(|a, b| b.edits.rate().total_cmp(&a.edits.rate()));
    Ok(SpeechReport {
        kind: "speech",
        model: library.version_tag("whisper-base")?,
        utterances: all.len(),
        groups: groups(&all),
        mistakes,
        bad_rows: list.bad,
    })
}

fn understand(row: Row) -> Result<Utterance, String> {
    let (file, lang, said, condition) = match &row.cells[..] {
        [file, lang, said] => (file, lang, said, UNNAMED),
        [file, lang, said, condition, ..] => (file, lang, said, condition.as_str()),
        other => {
            return Err(format!("{} cells; wanted: file, lang, text[, condition] 列数不符", other.len()));
        }
    };
    Ok(Utterance {
        lang: lang.parse().map_err(|e: waihu_types::UnknownLang| e.to_string())?,
        file: file.clone(),
        said: said.clone(),
        condition: condition.to_owned(),
        place: row.place,
    })
}

fn hear(asr: &mut Asr, args: &SpeechArgs, row: Utterance) -> Result<Heard, String> {
    let samples = manifest::sound(&args.common.dir, &row.file, RATE)?;
    if samples.len() > LONGEST {
        return Err(format!("{}: longer than the 30 s of an utterance; cut it 超过 30 秒", row.file));
    }
    let said = units(row.lang, &row.said);
    let mut run = |window| -> Result<(String, Edits, f64), String> {
        let begun = core_seconds();
        let options = Options { lang: row.lang, window, ..Options::default() };
        let heard = asr.transcribe(&samples, &options).map_err(|e| format!("{}: {e}", row.file))?;
        let took = core_seconds() - begun;
        let edits = edits(&said, &units(row.lang, &heard.text));
        Ok((heard.text, edits, took))
    };
    let (heard, edits, core_seconds) = run(Window::Cut)?;
    let full_window = if args.full {
        let (heard, edits, core_seconds) = run(Window::Full)?;
        Some(Full { heard, edits, core_seconds })
    } else {
        None
    };
    Ok(Heard {
        seconds: samples.len() as f64 / f64::from(RATE),
        place: row.place,
        file: row.file,
        lang: row.lang,
        condition: row.condition,
        said: row.said,
        heard,
        edits,
        core_seconds,
        full_window,
    })
}

/// Each language whole, and then by condition.
fn groups(all: &[Heard]) -> Vec<Group> {
    let mut out = Vec::new();
    for lang in Lang::ALL {
        let own: Vec<&Heard> = all.iter().filter(|h| h.lang == lang).collect();
        if own.is_empty() {
            continue;
        }
        let mut conditions: Vec<&str> = Vec::new();
        for heard in &own {
            if !conditions.contains(&heard.condition.as_str()) {
                conditions.push(&heard.condition);
            }
        }
        let known = |c: &str| waihu_corpus::Condition::all().iter().position(|(name, _)| *name == c);
        conditions.sort_by_key(|c| (known(c).unwrap_or(usize::MAX), *c));
        out.push(group(lang, None, &own));
        if conditions.len() > 1 {
            for condition in conditions {
                let own: Vec<&Heard> = own.iter().filter(|h| h.condition == condition).copied().collect();
                out.push(group(lang, Some(condition), &own));
            }
        }
    }
    out
}

fn group(lang: Lang, condition: Option<&str>, own: &[&Heard]) -> Group {
    let sum = |of: &dyn Fn(&Heard) -> Option<Edits>| {
        let mut sum = Edits::default();
        own.iter().filter_map(|h| of(h)).for_each(|e| sum.add(&e));
        sum
    };
    let edits = sum(&|h| Some(h.edits));
    let full: Vec<&Full> = own.iter().filter_map(|h| h.full_window.as_ref()).collect();
    let full_edits = sum(&|h| h.full_window.as_ref().map(|f| f.edits));
    let times: Vec<f64> = own.iter().map(|h| h.core_seconds).collect();
    let count = own.len() as f64;
    let seconds: f64 = own.iter().map(|h| h.seconds).sum();
    Group {
        lang,
        condition: condition.map(str::to_owned),
        utterances: own.len(),
        edits,
        error_rate: edits.rate(),
        whole: own.iter().filter(|h| h.edits.errors() == 0).count(),
        empty: own.iter().filter(|h| h.edits.said > 0 && h.heard.is_empty()).count(),
        core_seconds_mean: times.iter().sum::<f64>() / count,
        core_seconds_p95: score::percentile(&times, 95.0).unwrap_or(0.0),
        core_seconds_per_second: times.iter().sum::<f64>() / seconds.max(1e-9),
        full_error_rate: (!full.is_empty()).then(|| full_edits.rate()),
        full_core_seconds_mean: (!full.is_empty())
            .then(|| full.iter().map(|f| f.core_seconds).sum::<f64>() / full.len() as f64),
    }
}

const HEADINGS: [&str; 10] = [
    "lang 语言",
    "condition 条件",
    "utterances 句数",
    "error 错误率 %",
    "whole 全对 %",
    "empty 空",
    "core s 核秒",
    "p95",
    "core s / s",
    "full window 完整窗口 % / s",
];

impl Group {
    fn cells(&self) -> [String; 10] {
        let full = match (self.full_error_rate, self.full_core_seconds_mean) {
            (Some(rate), Some(seconds)) => format!("{:.1} / {seconds:.2}", 100.0 * rate),
            _ => "-".to_owned(),
        };
        [
            self.lang.to_string(),
            self.condition.clone().unwrap_or_else(|| "all 全部".to_owned()),
            self.utterances.to_string(),
            format!("{:.1}", 100.0 * self.error_rate),
            format!("{:.0}", 100.0 * self.whole as f64 / self.utterances.max(1) as f64),
            self.empty.to_string(),
            format!("{:.3}", self.core_seconds_mean),
            format!("{:.3}", self.core_seconds_p95),
            format!("{:.3}", self.core_seconds_per_second),
            full,
        ]
    }
}

impl Report for SpeechReport {
    fn text(&self) -> String {
        let mut table = Table::new(HEADINGS);
        self.groups.iter().for_each(|g| table.row(g.cells()));
        format!("{table}\n{} (zh: characters 字; en: words 词)", self.model)
    }

    fn fill(&self, page: &mut Page) {
        page.title("Recognition", "语音识别");
        page.fact("utterances 句数", &self.utterances.to_string());
        page.model(&self.model);
        for group in self.groups.iter().filter(|g| g.condition.is_none()) {
            let unit = if group.lang == Lang::Zh { "CER 字错误率" } else { "WER 词错误率" };
            page.fact(&format!("{} {unit}", group.lang), &format!("{:.1} %", 100.0 * group.error_rate));
            page.fact(
                &format!("{} core-seconds an utterance 每句核秒", group.lang),
                &format!("{:.2}", group.core_seconds_mean),
            );
        }
        for lang in Lang::ALL {
            let own = self.groups.iter().filter(|g| g.lang == lang);
            let bars: Vec<(String, f64, Option<f64>)> = own
                .map(|g| {
                    let name = g.condition.clone().unwrap_or_else(|| "all 全部".to_owned());
                    (name, g.error_rate, g.full_error_rate)
                })
                .collect();
            if !bars.is_empty() {
                page.heading(&format!("Error rate by condition, {lang}"), "各条件下的错误率");
                page.bars(&bars);
            }
        }
        page.heading("Figures", "数据");
        page.table(&HEADINGS, &self.groups.iter().map(|g| g.cells().to_vec()).collect::<Vec<_>>());
        let mistakes = self.mistakes.iter().map(|h| Mistake {
            file: Some(h.file.clone()),
            place: h.place.clone(),
            lang: h.lang,
            about: h.condition.clone(),
            meant: h.said.clone(),
            taken: h.heard.clone(),
            weight: format!("{} / {}", h.edits.errors(), h.edits.said),
        });
        page.mistakes(
            ["condition 条件", "said 原文", "heard 识别", "errors 错误"],
            &mistakes.collect::<Vec<_>>(),
        );
    }

    fn bad_rows(&self) -> &[BadRow] {
        &self.bad_rows
    }
}
