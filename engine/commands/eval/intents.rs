//! Judging the classifier: `label, text` or `lang, label, text`, and through the spotter and the recognizer as in a
//! call, without the words and intents that a script would expect, `file, lang, label, text[, condition]`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use waihu_audio::frame::to_i16;
use waihu_corpus::score::{Calibration, Confusion, LabelScore, Mistaken, calibration, share};
use waihu_intent::Classifier;
use waihu_speech::{Expectation, HeardBy, Rehearsal};
use waihu_types::{Intent, Lang};

use super::{
    Common, Report, TODAY, bar,
    figures::{percent, share as bounded},
    list,
    manifest::{self, BadRow, Row},
    page::{Mistake, Page},
};
use crate::{plant::speech_config, project::Project, table::Table};

/// The rate at which a call is heard [Hz].
const RATE: u32 = 8_000;

#[derive(Debug, Args)]
pub(crate) struct IntentsArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// Below this confidence an answer counts as refused, as a script would ask again 低于此置信度视为拒识
    #[arg(long, default_value_t = 0.45)]
    accept: f32,
}

/// One row, understood.
struct Example {
    place: String,
    file: Option<String>,
    lang: Lang,
    meant: Intent,
    text: String,
    condition: String,
}

/// One answer.
#[derive(Clone, Debug, Serialize)]
struct Answer {
    place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    lang: Lang,
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    condition: String,
    /// What was made of it, where it was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<String>,
    /// The spotter knew it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    spotted: bool,
    meant: Intent,
    taken_for: Intent,
    confidence: f32,
}

impl Answer {
    fn right(&self) -> bool {
        self.meant == self.taken_for
    }
}

/// One language's figures.
#[derive(Debug, Serialize)]
struct Language {
    lang: Lang,
    examples: usize,
    right: usize,
    top_1: f64,
    /// Of what is out of scope, how much was refused: called so, or answered below the threshold.
    out_of_scope: usize,
    out_of_scope_refused: usize,
    /// Of what is in scope, how much was refused.
    in_scope_refused: usize,
    calibration: Calibration,
    labels: Vec<LabelScore>,
    confusion: Confusion,
    confusions: Vec<Mistaken>,
}

#[derive(Debug, Serialize)]
pub(super) struct IntentsReport {
    kind: &'static str,
    model: String,
    accept: f32,
    languages: Vec<Language>,
    /// Every wrong answer, the surest first.
    mistakes: Vec<Answer>,
    bad_rows: Vec<BadRow>,
}

pub(super) fn judge(project: &Project, args: &IntentsArgs) -> Result<IntentsReport> {
    let classifier = Classifier::load(&project.encoder()?, &project.trained_head()?)?;
    let mut bad_rows = Vec::new();
    let examples = examples(args, &mut bad_rows)?;
    let mut ears = None;
    let bar = bar(examples.len(), "judged 判断");
    let mut answers = Vec::new();
    for example in examples {
        let place = example.place.clone();
        match answer(project, args, &classifier, &mut ears, example) {
            Ok(answer) => answers.push(answer),
            Err(e) => bad_rows.push(BadRow { place, problem: format!("{e:#}") }),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let languages = Lang::ALL.iter().filter_map(|lang| language(*lang, &answers, args.accept)).collect();
    let mut mistakes: Vec<Answer> = answers.into_iter().filter(|a| !a.right()).collect();
    mistakes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    Ok(IntentsReport {
        kind: "intents",
        model: classifier.version(),
        accept: args.accept,
        languages,
        mistakes,
        bad_rows,
    })
}

/// The rows of `manifest.tsv`, or else of the files named after languages.
fn examples(args: &IntentsArgs, bad: &mut Vec<BadRow>) -> Result<Vec<Example>> {
    let dir = &args.common.dir;
    let mut lists: Vec<(PathBuf, Option<Lang>)> = vec![(list(dir), None)];
    lists.extend(Lang::ALL.map(|lang| (dir.join(format!("{lang}.tsv")), Some(lang))));
    lists.retain(|(path, _)| path.exists());
    if lists.is_empty() {
        bail!("{}: neither manifest.tsv nor zh.tsv nor en.tsv is in it 目录中没有清单", dir.display());
    }
    let mut out = Vec::new();
    for (path, lang) in lists {
        let list = manifest::read(&path)?;
        bad.extend(list.bad);
        for row in list.rows {
            let place = row.place.clone();
            match understand(row, lang) {
                Ok(example) => out.push(example),
                Err(problem) => bad.push(BadRow { place, problem }),
            }
        }
    }
    Ok(out)
}

fn understand(row: Row, lang: Option<Lang>) -> Result<Example, String> {
    let condition = row.cells.get(4).cloned().unwrap_or_default();
    let (file, own, label, text) = match (&row.cells[..], lang) {
        ([label, text], Some(lang)) => (None, Ok(lang), label, text),
        ([lang, label, text], _) => (None, lang.parse::<Lang>(), label, text),
        ([file, lang, label, text] | [file, lang, label, text, _], _) => {
            (Some(file.clone()), lang.parse(), label, text)
        }
        (cells, _) => {
            return Err(format!(
                "{} cells; wanted: label, text (in zh.tsv or en.tsv); lang, label, text; or file, lang, label, text 列数不符",
                cells.len()
            ));
        }
    };
    Ok(Example {
        file,
        lang: own.map_err(|e| e.to_string())?,
        meant: label.parse().map_err(|e: waihu_types::UnknownIntent| format!("{e} 未知标签"))?,
        text: text.clone(),
        condition,
        place: row.place,
    })
}

fn answer(
    project: &Project,
    args: &IntentsArgs,
    classifier: &Classifier,
    ears: &mut Option<Rehearsal>,
    example: Example,
) -> Result<Answer> {
    let Example { place, file, lang, meant, text, condition } = example;
    let own = |heard, spotted, taken_for, confidence| Answer {
        place,
        file: file.clone(),
        lang,
        text: text.clone(),
        condition,
        heard,
        spotted,
        meant,
        taken_for,
        confidence,
    };
    let Some(file) = &file else {
        let decision = classifier.classify(lang, &text, &[])?;
        return Ok(own(None, false, decision.intent, decision.confidence));
    };
    let samples = manifest::sound(&args.common.dir, file, RATE).map_err(anyhow::Error::msg)?;
    // Loaded by the first row that has sound.
    let ears = match ears {
        Some(ears) => ears,
        none => none.insert(Rehearsal::load(&speech_config(project)?)?),
    };
    Ok(match ears.understand(lang, TODAY, &to_i16(&samples), Expectation::default())? {
        Some(heard) => own(Some(heard.text), heard.by == HeardBy::Spotter, heard.intent, heard.confidence),
        // A call asks again.
        None => own(Some(String::new()), false, Intent::OutOfScope, 0.0),
    })
}

fn language(lang: Lang, all: &[Answer], accept: f32) -> Option<Language> {
    let own: Vec<&Answer> = all.iter().filter(|a| a.lang == lang).collect();
    let mut labels: Vec<Intent> = own.iter().flat_map(|a| [a.meant, a.taken_for]).collect();
    labels.sort_unstable();
    labels.dedup();
    let mut confusion = Confusion::new(labels.iter().map(|l| l.label()));
    own.iter().for_each(|a| confusion.add(a.meant.label(), a.taken_for.label()));
    let refused = |a: &&&Answer| a.taken_for == Intent::OutOfScope || a.confidence < accept;
    let (outside, inside): (Vec<&Answer>, Vec<&Answer>) =
        own.iter().copied().partition(|a| a.meant == Intent::OutOfScope);
    let judged: Vec<(f32, bool)> = own.iter().map(|a| (a.confidence, a.right())).collect();
    Some(Language {
        lang,
        examples: own.len(),
        right: confusion.right(),
        top_1: share(confusion.right(), own.len())?,
        out_of_scope: outside.len(),
        out_of_scope_refused: outside.iter().filter(refused).count(),
        in_scope_refused: inside.iter().filter(refused).count(),
        calibration: calibration(&judged),
        labels: confusion.by_label(),
        confusions: confusion.mistakes(),
        confusion,
    })
}

impl Language {
    fn cells(&self) -> [String; 6] {
        let inside = self.examples - self.out_of_scope;
        [
            self.lang.to_string(),
            self.examples.to_string(),
            bounded(self.right, self.examples),
            bounded(self.out_of_scope_refused, self.out_of_scope),
            bounded(self.in_scope_refused, inside),
            format!("{:.3}", self.calibration.ece),
        ]
    }
}

const HEADINGS: [&str; 6] = [
    "lang 语言",
    "examples 例句",
    "right 正确率 (95 %)",
    "out of scope refused 范围外拒识",
    "in scope refused 误拒",
    "calibration error 校准误差 ECE",
];

/// Kinds of mistakes that are printed for a language.
const SHOWN: usize = 8;

impl Report for IntentsReport {
    fn text(&self) -> String {
        let mut table = Table::new(HEADINGS);
        self.languages.iter().for_each(|l| table.row(l.cells()));
        let mut out = table.to_string();
        for language in &self.languages {
            for m in language.confusions.iter().take(SHOWN) {
                out += &format!(
                    "\n  {} {} × {} taken for 误判为 {}",
                    language.lang, m.count, m.meant, m.taken_for
                );
            }
        }
        out.push('\n');
        out.push_str(&self.model);
        out
    }

    fn fill(&self, page: &mut Page) {
        page.title("Understanding", "意图理解");
        page.model(&self.model);
        for l in &self.languages {
            page.fact(&format!("{} right 正确率", l.lang), &format!("{:.1} %", 100.0 * l.top_1));
            if l.out_of_scope > 0 {
                page.fact(
                    &format!("{} out of scope refused 范围外拒识", l.lang),
                    &format!("{} %", percent(share(l.out_of_scope_refused, l.out_of_scope))),
                );
            }
            page.fact(
                &format!("{} calibration error 校准误差", l.lang),
                &format!("{:.3}", l.calibration.ece),
            );
        }
        page.heading("Figures", "数据");
        page.table(&HEADINGS, &self.languages.iter().map(|l| l.cells().to_vec()).collect::<Vec<_>>());
        for l in &self.languages {
            page.heading(&format!("What was taken for what, {}", l.lang), "混淆矩阵");
            page.heat(&l.confusion);
            page.heading(&format!("Whether confidence means what it says, {}", l.lang), "置信度可靠性");
            page.reliability(&l.calibration);
            let rows: Vec<Vec<String>> = l
                .labels
                .iter()
                .map(|s| vec![s.label.clone(), s.meant.to_string(), percent(s.recall), percent(s.precision)])
                .collect();
            let headings = ["label 标签", "examples 例句", "recall 召回 %", "precision 精确 %"];
            page.details(&format!("By label, {}", l.lang), "各标签", &headings, &rows);
        }
        let mistakes = self.mistakes.iter().map(|a| Mistake {
            file: a.file.clone(),
            place: a.place.clone(),
            lang: a.lang,
            about: match &a.heard {
                Some(heard) if *heard != a.text => format!("{} → {heard}", a.text),
                _ => a.text.clone(),
            },
            meant: a.meant.to_string(),
            taken: a.taken_for.to_string(),
            weight: format!("{:.2}", a.confidence),
        });
        page.mistakes(
            ["text 文本", "meant 应为", "taken for 判为", "confidence 置信度"],
            &mistakes.collect::<Vec<_>>(),
        );
    }

    fn bad_rows(&self) -> &[BadRow] {
        &self.bad_rows
    }
}
