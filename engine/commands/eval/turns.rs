//! Judging the end of turns: `file, lang, text, question, label[, condition[, ended_at_ms]]`.
//!
//! Two judges hear the same: silence alone (the endpointer as it is by itself), and the end of turn from
//! silence, tone of voice and words together. Whoever ends a turn before its last word, or anywhere in a file
//! that breaks off (`unfinished`), has cut the callee off. Models answer late by what they took. Where a row
//! does not say when the last word ended, the voice activity model does.
//!
//! Of what is said while the bot speaks (`back_channel`, `interruption`) it is judged what stops the bot: so
//! much voice, or the words at the first short pause.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use waihu_asr::{Asr, AsrConfig, Options};
use waihu_corpus::{lines, score};
use waihu_intent::Classifier;
use waihu_turn::{EndOfTurn, Input, Output, Policy, Words};
use waihu_types::{Intent, Lang, Question, Time};
use waihu_vad::{Endpointer, EndpointerConfig, Silero, SmartTurn, SpeechBoundary};

use super::{
    Common, Report, bar, core_seconds,
    figures::{ms, share},
    list,
    listening::{self, Moment},
    manifest::{self, BadRow, Row},
    page::{Mistake, Page},
};
use crate::{project::Project, table::Table};

/// Silence after which a pause is told to the machine [ms]: three windows, so that a stop consonant is none.
const PAUSE_MS: u64 = 96;

/// Sound before speech began that models hear too [ms].
const PRE_ROLL_MS: u64 = 400;

/// A decision this little before the last word's end is at it [ms]: a window and a half of the model.
const SLACK_MS: u64 = 50;

#[derive(Debug, Args)]
pub(crate) struct TurnsArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// So much voice over the bot stops it, whatever is said [ms] 打断所需语音时长
    #[arg(long, default_value_t = 700)]
    barge_in_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Label {
    Finished,
    Unfinished,
    BackChannel,
    Interruption,
}

/// One row, understood.
struct Turn {
    place: String,
    file: String,
    lang: Lang,
    text: String,
    question: Question,
    label: Label,
    condition: String,
    ended_at_ms: Option<u64>,
}

/// What one judge made of one file.
#[derive(Clone, Debug, Serialize)]
struct Judged {
    place: String,
    file: String,
    lang: Lang,
    text: String,
    question: Question,
    label: Label,
    condition: String,
    judge: &'static str,
    /// When the last word ended [ms].
    ended_at_ms: u64,
    /// When the turn was ended, or the bot stopped [ms]; none where it was not.
    decided_at_ms: Option<u64>,
    /// Why, as the judge says.
    why: String,
}

impl Judged {
    fn is_wrong(&self) -> bool {
        match (self.label, self.decided_at_ms) {
            (Label::Finished, Some(at)) => at + SLACK_MS < self.ended_at_ms,
            (Label::Finished | Label::Interruption, None) => true,
            (Label::Unfinished | Label::BackChannel, decided) => decided.is_some(),
            (Label::Interruption, Some(_)) => false,
        }
    }

    fn delay_ms(&self) -> Option<f64> {
        let right = self.label == Label::Finished && !self.is_wrong();
        self.decided_at_ms.filter(|_| right).map(|at| at.saturating_sub(self.ended_at_ms) as f64)
    }
}

/// A judge's figures over files of one kind.
#[derive(Debug, Serialize)]
struct Ends {
    judge: &'static str,
    lang: Option<Lang>,
    question: Option<Question>,
    finished: usize,
    unfinished: usize,
    /// Turns ended before their last word, of both.
    cut_off: usize,
    /// Finished turns that were never ended.
    never: usize,
    delay_ms_p50: Option<f64>,
    delay_ms_p95: Option<f64>,
    #[serde(skip)]
    delays: Vec<f64>,
}

/// What stopped the bot.
#[derive(Debug, Serialize)]
struct Stops {
    judge: &'static str,
    lang: Lang,
    back_channels: usize,
    back_channels_that_stop: usize,
    interruptions: usize,
    interruptions_missed: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct TurnsReport {
    kind: &'static str,
    ends: Vec<Ends>,
    stops: Vec<Stops>,
    mistakes: Vec<Judged>,
    bad_rows: Vec<BadRow>,
}

const SILENCE: &str = "silence 静音";
const END_OF_TURN: &str = "end of turn 话轮";
const VOICE: &str = "voice 语音";
const WORDS: &str = "voice or words 语音或语义";

/// Everything that listens.
struct Judges {
    silero: Silero,
    smart_turn: SmartTurn,
    asr: Asr,
    classifier: Classifier,
    barge_in_ms: u64,
}

pub(super) fn judge(project: &Project, args: &TurnsArgs) -> Result<TurnsReport> {
    let library = project.library()?;
    let mut list = manifest::read(&list(&args.common.dir))?;
    let mut judges = Judges {
        silero: listening::silero(project)?,
        smart_turn: SmartTurn::load(&library.path("smart-turn", "smart_turn.onnx")?)?,
        asr: Asr::load(project.recognizer()?, AsrConfig { threads: 1, ..AsrConfig::default() })?,
        classifier: Classifier::load(&project.encoder()?, &project.trained_head()?)?,
        barge_in_ms: args.barge_in_ms,
    };
    let bar = bar(list.rows.len(), "judged 判断");
    let mut all = Vec::new();
    for row in std::mem::take(&mut list.rows) {
        let place = row.place.clone();
        let judged = understand(row).and_then(|turn| {
            let heard = listening::hear(&mut judges.silero, &args.common.dir, &turn.file)?;
            judges.judge(&turn, &heard)
        });
        match judged {
            Ok(judged) => all.extend(judged),
            Err(problem) => list.bad.push(BadRow { place, problem }),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut mistakes: Vec<Judged> = all.iter().filter(|j| j.is_wrong()).cloned().collect();
    // The machine's own first: those are to be mended.
    mistakes.sort_by_key(|j| (j.judge == SILENCE || j.judge == VOICE, j.label as u8));
    Ok(TurnsReport { kind: "turns", ends: ends(&all), stops: stops(&all), mistakes, bad_rows: list.bad })
}

fn understand(row: Row) -> Result<Turn, String> {
    let [file, lang, text, question, label, rest @ ..] = &row.cells[..] else {
        return Err(format!(
            "{} cells; wanted: file, lang, text, question, label[, condition[, ended_at_ms]] 列数不符",
            row.cells.len()
        ));
    };
    let label = match label.as_str() {
        "finished" => Label::Finished,
        "unfinished" => Label::Unfinished,
        "back_channel" => Label::BackChannel,
        "interruption" => Label::Interruption,
        other => {
            return Err(format!(
                "unknown label {other:?}: use finished, unfinished, back_channel or interruption 未知标签"
            ));
        }
    };
    let ended_at_ms = match rest.get(1).map(String::as_str) {
        None | Some("" | "-") => None,
        Some(ms) => Some(ms.parse().map_err(|_| format!("{ms:?} is no time in ms 不是毫秒数"))?),
    };
    Ok(Turn {
        lang: lang.parse().map_err(|e: waihu_types::UnknownLang| e.to_string())?,
        question: lines::question(question).ok_or_else(|| {
            format!("unknown question {question:?}: use yes_no, when, how_much, digits or open 未知问题类型")
        })?,
        file: file.clone(),
        text: text.clone(),
        label,
        condition: rest.first().cloned().unwrap_or_default(),
        ended_at_ms,
        place: row.place,
    })
}

impl Judges {
    fn judge(&mut self, turn: &Turn, heard: &[Moment]) -> Result<Vec<Judged>, String> {
        let Some((began_ms, last_ms)) = voice(heard) else {
            return Err(format!("{}: no speech is heard in it 未检测到语音", turn.file));
        };
        let judged = |judge, (decided_at_ms, why): (Option<u64>, String)| Judged {
            place: turn.place.clone(),
            file: turn.file.clone(),
            lang: turn.lang,
            text: turn.text.clone(),
            question: turn.question,
            label: turn.label,
            condition: turn.condition.clone(),
            judge,
            ended_at_ms: turn.ended_at_ms.unwrap_or(last_ms),
            decided_at_ms,
            why,
        };
        Ok(match turn.label {
            Label::Finished | Label::Unfinished => {
                let machine = self.end_of_turn(turn, heard, began_ms)?;
                vec![judged(SILENCE, silence(heard)), judged(END_OF_TURN, machine)]
            }
            Label::BackChannel | Label::Interruption => {
                let voice = by_voice(heard, self.barge_in_ms);
                let words = match voice.0 {
                    Some(_) => voice.clone(),
                    None => self.by_words(turn, heard, began_ms)?,
                };
                vec![judged(VOICE, voice), judged(WORDS, words)]
            }
        })
    }

    /// The machine, driven as the ears drive it.
    fn end_of_turn(
        &mut self,
        turn: &Turn,
        heard: &[Moment],
        began_ms: u64,
    ) -> Result<(Option<u64>, String), String> {
        let mut machine = EndOfTurn::new(Policy::of(turn.question));
        let config = EndpointerConfig { hangover_ms: PAUSE_MS, ..EndpointerConfig::default() };
        let mut endpointer = Endpointer::new(config);
        let from_ms = began_ms.saturating_sub(PRE_ROLL_MS);
        // Answers on their way, with the time at which they come [ms].
        let mut coming: Vec<(u64, Input)> = Vec::new();
        for moment in heard {
            let now = Time::from_millis(moment.now_ms);
            let boundary = moment.probability.and_then(|p| endpointer.push(moment.now_ms, p));
            match boundary {
                Some(SpeechBoundary::Started { .. }) => machine.handle_input(now, Input::Voice),
                Some(SpeechBoundary::Ended { at_ms }) => {
                    machine.handle_input(now, Input::Pause { since: Time::from_millis(at_ms) });
                }
                None => {}
            }
            coming.retain(|(due, input)| {
                let comes = *due <= moment.now_ms;
                if comes {
                    machine.handle_input(now, *input);
                }
                !comes
            });
            if machine.poll_timeout().is_some_and(|at| at <= now) {
                machine.handle_input(now, Input::Timeout);
            }
            while let Some(output) = machine.poll_output() {
                let begun = core_seconds();
                let input = match output {
                    Output::AskModel(pause) => {
                        let sound = listening::between(heard, from_ms, moment.now_ms)?;
                        let probability = self.smart_turn.finished(&sound).map_err(|e| e.to_string())?;
                        Input::Model { pause, probability }
                    }
                    Output::Recognize(pause) => {
                        let text = self.recognize(turn, heard, from_ms, moment.now_ms)?;
                        Input::Words { pause, words: Words::of(turn.lang, &text, turn.question) }
                    }
                    Output::GoesOn(_) => continue,
                    Output::Ended { why, .. } => return Ok((Some(moment.now_ms), format!("{why:?}"))),
                };
                let took_ms = ((core_seconds() - begun) * 1_000.0).ceil() as u64;
                coming.push((moment.now_ms + took_ms, input));
            }
        }
        Ok((None, String::new()))
    }

    fn recognize(&mut self, turn: &Turn, heard: &[Moment], from: u64, to: u64) -> Result<String, String> {
        let sound = listening::between(heard, from, to)?;
        let options = Options { lang: turn.lang, ..Options::default() };
        Ok(self.asr.transcribe(&sound, &options).map_err(|e| e.to_string())?.text)
    }

    /// Too little voice to stop the bot: what its words say at the first short pause.
    fn by_words(
        &mut self,
        turn: &Turn,
        heard: &[Moment],
        began: u64,
    ) -> Result<(Option<u64>, String), String> {
        let pause_ms = u64::from(Policy::of(Question::Open).look_after_ms);
        let config = EndpointerConfig { hangover_ms: pause_ms, ..EndpointerConfig::default() };
        let Some(now_ms) = first_end(heard, config) else { return Ok((None, String::new())) };
        let begun = core_seconds();
        let text = self.recognize(turn, heard, began.saturating_sub(PRE_ROLL_MS), now_ms)?;
        let decision = self.classifier.classify(turn.lang, &text, &[]).map_err(|e| e.to_string())?;
        let took_ms = ((core_seconds() - begun) * 1_000.0).ceil() as u64;
        let listens = matches!(decision.intent, Intent::Acknowledge | Intent::Affirm | Intent::Greeting);
        let nothing = decision.intent == Intent::OutOfScope;
        let stops = !listens && !nothing && decision.confidence >= 0.6;
        let why = format!("{} {:.2}: {text}", decision.intent, decision.confidence);
        Ok((stops.then_some(now_ms + took_ms), why))
    }
}

/// When voice began and ended for the last time [ms]; none where there is none.
fn voice(heard: &[Moment]) -> Option<(u64, u64)> {
    let mut endpointer = Endpointer::new(EndpointerConfig { hangover_ms: PAUSE_MS, ..Default::default() });
    let (mut began, mut ended) = (None, None);
    for (now, probability) in judged(heard) {
        match endpointer.push(now, probability) {
            Some(SpeechBoundary::Started { at_ms }) => began = began.or(Some(at_ms)),
            Some(SpeechBoundary::Ended { at_ms }) => ended = Some(at_ms),
            None => {}
        }
    }
    let end = heard.last()?.now_ms;
    began.map(|began| (began, if endpointer.is_speaking() { end } else { ended.unwrap_or(end) }))
}

fn judged(heard: &[Moment]) -> impl Iterator<Item = (u64, f32)> {
    heard.iter().filter_map(|m| Some((m.now_ms, m.probability?)))
}

/// When an endpointer tells the first end of speech [ms].
fn first_end(heard: &[Moment], config: EndpointerConfig) -> Option<u64> {
    let mut endpointer = Endpointer::new(config);
    judged(heard).find_map(|(now, p)| {
        matches!(endpointer.push(now, p), Some(SpeechBoundary::Ended { .. })).then_some(now)
    })
}

/// Silence alone.
fn silence(heard: &[Moment]) -> (Option<u64>, String) {
    let config = EndpointerConfig::default();
    (first_end(heard, config), format!("{} ms", config.hangover_ms))
}

/// So much voice stops the bot.
fn by_voice(heard: &[Moment], limit_ms: u64) -> (Option<u64>, String) {
    let mut endpointer = Endpointer::default();
    let stopped = judged(heard).find_map(|(now, p)| {
        endpointer.push(now, p);
        (endpointer.voiced_ms() >= limit_ms).then_some(now)
    });
    (stopped, format!("{limit_ms} ms"))
}

/// Each judge over all, by language and by question.
fn ends(all: &[Judged]) -> Vec<Ends> {
    let mut out = Vec::new();
    let questions = [Question::YesNo, Question::When, Question::HowMuch, Question::Digits, Question::Open];
    for judge in [SILENCE, END_OF_TURN] {
        let mut add = |lang: Option<Lang>, question: Option<Question>| {
            let own: Vec<&Judged> = all
                .iter()
                .filter(|j| j.judge == judge)
                .filter(|j| lang.is_none_or(|l| j.lang == l) && question.is_none_or(|q| j.question == q))
                .collect();
            if own.is_empty() {
                return;
            }
            let of = |label| own.iter().filter(move |j| j.label == label);
            let delays: Vec<f64> = own.iter().filter_map(|j| j.delay_ms()).collect();
            let cut = |j: &&&Judged| j.decided_at_ms.is_some() && j.is_wrong();
            out.push(Ends {
                judge,
                lang,
                question,
                finished: of(Label::Finished).count(),
                unfinished: of(Label::Unfinished).count(),
                cut_off: own.iter().filter(cut).count(),
                never: of(Label::Finished).filter(|j| j.decided_at_ms.is_none()).count(),
                delay_ms_p50: score::percentile(&delays, 50.0),
                delay_ms_p95: score::percentile(&delays, 95.0),
                delays,
            });
        };
        add(None, None);
        Lang::ALL.iter().for_each(|lang| add(Some(*lang), None));
        questions.iter().for_each(|question| add(None, Some(*question)));
    }
    out
}

fn stops(all: &[Judged]) -> Vec<Stops> {
    let mut out = Vec::new();
    for judge in [VOICE, WORDS] {
        for lang in Lang::ALL {
            let of =
                |label| all.iter().filter(move |j| j.judge == judge && j.lang == lang && j.label == label);
            let (murmurs, interruptions) = (of(Label::BackChannel), of(Label::Interruption));
            let stops = Stops {
                judge,
                lang,
                back_channels: murmurs.clone().count(),
                back_channels_that_stop: murmurs.filter(|j| j.is_wrong()).count(),
                interruptions: interruptions.clone().count(),
                interruptions_missed: interruptions.filter(|j| j.is_wrong()).count(),
            };
            if stops.back_channels + stops.interruptions > 0 {
                out.push(stops);
            }
        }
    }
    out
}

const ENDS: [&str; 7] = [
    "judge 方法",
    "of 范围",
    "turns 话轮",
    "cut off 抢话 (95 %)",
    "never ended 未结束",
    "delay 延迟 p50 ms",
    "p95 ms",
];

const STOPS: [&str; 4] =
    ["judge 方法", "lang 语言", "back-channels that stop 附和误停", "interruptions missed 打断漏判"];

impl Ends {
    fn cells(&self) -> [String; 7] {
        let of = match (self.lang, self.question) {
            (Some(lang), _) => lang.to_string(),
            (_, Some(question)) => lines::question_name(question).to_owned(),
            _ => "all 全部".to_owned(),
        };
        [
            self.judge.to_owned(),
            of,
            format!("{} + {}", self.finished, self.unfinished),
            share(self.cut_off, self.finished + self.unfinished),
            self.never.to_string(),
            ms(&self.delays, 50.0),
            ms(&self.delays, 95.0),
        ]
    }
}

impl Stops {
    fn cells(&self) -> [String; 4] {
        [
            self.judge.to_owned(),
            self.lang.to_string(),
            share(self.back_channels_that_stop, self.back_channels),
            share(self.interruptions_missed, self.interruptions),
        ]
    }
}

impl Report for TurnsReport {
    fn text(&self) -> String {
        let mut ends = Table::new(ENDS);
        self.ends.iter().for_each(|e| ends.row(e.cells()));
        let mut stops = Table::new(STOPS);
        self.stops.iter().for_each(|s| stops.row(s.cells()));
        if self.stops.is_empty() { ends.to_string() } else { format!("{ends}\n\n{stops}") }
    }

    fn fill(&self, page: &mut Page) {
        page.title("End of turn", "话轮判断");
        let whole: Vec<&Ends> =
            self.ends.iter().filter(|e| e.lang.is_none() && e.question.is_none()).collect();
        for e in &whole {
            page.fact(&format!("{}: cut off 抢话", e.judge), &share(e.cut_off, e.finished + e.unfinished));
            let delays = format!("{} / {} ms", ms(&e.delays, 50.0), ms(&e.delays, 95.0));
            page.fact(&format!("{}: delay 延迟 p50 / p95", e.judge), &delays);
        }
        page.heading("From the last word to the end of the turn", "从最后一个字到判定结束");
        let series: Vec<(String, Vec<f64>)> =
            whole.iter().rev().map(|e| (e.judge.to_owned(), e.delays.clone())).collect();
        page.spread(&series, 2_000.0);
        page.heading("Figures", "数据");
        page.table(&ENDS, &self.ends.iter().map(|e| e.cells().to_vec()).collect::<Vec<_>>());
        if !self.stops.is_empty() {
            page.heading("What stops the bot", "打断");
            page.table(&STOPS, &self.stops.iter().map(|s| s.cells().to_vec()).collect::<Vec<_>>());
        }
        let mistakes = self.mistakes.iter().map(|j| Mistake {
            file: Some(j.file.clone()),
            place: j.place.clone(),
            lang: j.lang,
            about: if j.condition.is_empty() {
                j.text.clone()
            } else {
                format!("{} · {}", j.text, j.condition)
            },
            meant: format!("{:?} · {}", j.label, lines::question_name(j.question)),
            taken: format!("{} {}", j.judge, j.why),
            weight: match j.decided_at_ms {
                Some(at) => format!("{} ms", at as i64 - j.ended_at_ms as i64),
                None => "-".to_owned(),
            },
        });
        page.mistakes(
            ["text 文本", "is 实为", "judge, and why 方法与依据", "from the last word 距最后一字"],
            &mistakes.collect::<Vec<_>>(),
        );
    }

    fn bad_rows(&self) -> &[BadRow] {
        &self.bad_rows
    }
}
