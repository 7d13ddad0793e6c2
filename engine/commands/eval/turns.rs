//! Judging the end of turns: `file, lang, text, question, label[, condition[, ended_at_ms]]`.
//!
//! Two judges hear the same: silence alone (the endpointer as it is by itself), and the ears of a call with all
//! that they have. Whoever answers a turn before its last word, or anywhere in a file that breaks off
//! (`unfinished`), has cut the callee off; of those that a call would have taken back, since the callee went on
//! within 300 ms of the answer, the number is told too. Models answer late by what they took. Where a row does
//! not say when the last word ended, the voice activity model does.
//!
//! What is said while the bot speaks (`back_channel`, `interruption`) is heard in a call of the reminder script
//! while it states the matter: does the bot stop? Beside it so much voice alone.

use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use waihu_audio::Frame;
use waihu_corpus::{lines, score};
use waihu_dialog::Script;
use waihu_speech::{Event, Expectation, Heard, Rehearsal};
use waihu_types::{Lang, Question};
use waihu_vad::{Endpointer, EndpointerConfig, Gate, Silero, SpeechBoundary};

use super::{
    Common, Report, TODAY, bar,
    figures::{ms, share},
    list, listening,
    manifest::{self, BadRow, Row},
    page::{Mistake, Page},
    talk::{self, Talk},
};
use crate::{plant::speech_config, project::Project, table::Table};

/// Silence after which a pause is told to the machine [ms]: three windows, so that a stop consonant is none.
const PAUSE_MS: u64 = 96;

/// Who is heard again so soon after the answer is told has it taken back: what the call allows from the answer's
/// first packet, and a frame until that [ms].
const TAKEN_BACK_MS: u64 = waihu_call::GOES_ON_WITHIN.as_millis() as u64 + 20;

/// From the first sound of speech until it is told [ms]: the ears' shortest speech, and a window.
const TOLD_AFTER_MS: u64 = 150;

/// A decision this little before the last word's end is at it [ms]: a window and a half of the model.
const SLACK_MS: u64 = 50;

#[derive(Debug, Args)]
pub(crate) struct TurnsArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// So much voice over the bot stops it, whatever is said [ms] 打断所需语音时长
    #[arg(long, default_value_t = 1_000)]
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
    /// When the turn was ended and its words known, or the bot stopped [ms]; none where it was not.
    decided_at_ms: Option<u64>,
    /// What was done wrongly was made good at once: the answer was taken back, the line gone on with.
    made_good: bool,
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
        let right = matches!(self.label, Label::Finished | Label::Interruption) && !self.is_wrong();
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
    /// Of these, answers that were taken back as soon as they had begun.
    taken_back: usize,
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
    /// Of these, after which the line went on.
    went_on: usize,
    interruptions: usize,
    interruptions_missed: usize,
    /// From the last word of an interruption until the bot is stopped; 0 where that was before [ms].
    stopped_ms_p50: Option<f64>,
    stopped_ms_p95: Option<f64>,
    #[serde(skip)]
    delays: Vec<f64>,
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
const END_OF_TURN: &str = "ears 话轮";
const VOICE: &str = "voice 语音";
const CALL: &str = "call 通话";

/// Everything that listens.
struct Judges {
    silero: Silero,
    ears: Rehearsal,
    script: Arc<Script>,
    barge_in_ms: u64,
}

/// A decision: when [ms], whether it was made good, and why.
struct Decision {
    at_ms: Option<u64>,
    made_good: bool,
    why: String,
}

pub(super) fn judge(project: &Project, args: &TurnsArgs) -> Result<TurnsReport> {
    let mut list = manifest::read(&list(&args.common.dir))?;
    let mut judges = Judges {
        silero: listening::silero(project)?,
        ears: Rehearsal::load(&speech_config(project)?)?,
        script: talk::script(project)?,
        barge_in_ms: args.barge_in_ms,
    };
    let bar = bar(list.rows.len(), "judged 判断");
    let mut all = Vec::new();
    for row in std::mem::take(&mut list.rows) {
        let place = row.place.clone();
        let judged = understand(row).and_then(|turn| {
            let frames = listening::frames(&args.common.dir, &turn.file)?;
            judges.judge(&turn, &frames)
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
    fn judge(&mut self, turn: &Turn, frames: &[(Frame, Gate)]) -> Result<Vec<Judged>, String> {
        let heard = listening::voice(&mut self.silero, frames)?;
        let Some(last_ms) = last_voice(&heard) else {
            return Err(format!("{}: no speech is heard in it 未检测到语音", turn.file));
        };
        let judged = |judge, decision: Decision| Judged {
            place: turn.place.clone(),
            file: turn.file.clone(),
            lang: turn.lang,
            text: turn.text.clone(),
            question: turn.question,
            label: turn.label,
            condition: turn.condition.clone(),
            judge,
            ended_at_ms: turn.ended_at_ms.unwrap_or(last_ms),
            decided_at_ms: decision.at_ms,
            made_good: decision.made_good,
            why: decision.why,
        };
        Ok(match turn.label {
            Label::Finished | Label::Unfinished => {
                let ears = self.answers(turn, frames)?;
                vec![judged(SILENCE, silence(&heard)), judged(END_OF_TURN, ears)]
            }
            Label::BackChannel | Label::Interruption => {
                let call = self.stops(turn, frames)?;
                vec![judged(VOICE, by_voice(&heard, self.barge_in_ms)), judged(CALL, call)]
            }
        })
    }

    /// When a call would answer: the turn is over and its words are known, unless the callee speaks again
    /// before that.
    fn answers(&mut self, turn: &Turn, frames: &[(Frame, Gate)]) -> Result<Decision, String> {
        let mut ears = self.ears.listen(turn.lang, TODAY);
        ears.in_the_call(frames);
        ears.expect(Expectation { question: turn.question, ..Expectation::default() });
        let mut speaks = false;
        let mut decision = Decision { at_ms: None, made_good: false, why: String::new() };
        let end_ms = 20 * frames.len() as u64;
        for (n, (frame, gate)) in frames.iter().enumerate() {
            let now = 20 * (n as u64 + 1);
            for event in ears.hear(frame, *gate).map_err(|e| e.to_string())? {
                match event {
                    Event::Started => {
                        speaks = true;
                        decision.made_good |= decision.at_ms.is_some_and(|at| now <= at + TAKEN_BACK_MS);
                    }
                    Event::Ended => speaks = false,
                    // Words that come after the next have begun belong to those.
                    Event::Heard(_) | Event::Rejoined(_) | Event::Unintelligible if speaks => ears.join(),
                    Event::Heard(heard) | Event::Rejoined(heard) if decision.at_ms.is_none() => {
                        decision = Decision { at_ms: Some(now), made_good: false, why: told(&heard) };
                    }
                    Event::Unintelligible if decision.at_ms.is_none() => {
                        decision.at_ms = Some(now);
                        decision.why = "no words 无文字".to_owned();
                    }
                    _ => {}
                }
            }
        }
        // Where the sound breaks off the callee would go on.
        let soon = decision.at_ms.is_some_and(|at| end_ms + TOLD_AFTER_MS <= at + TAKEN_BACK_MS);
        decision.made_good |= turn.label == Label::Unfinished && soon;
        Ok(decision)
    }

    /// When the bot stops.
    fn stops(&mut self, turn: &Turn, frames: &[(Frame, Gate)]) -> Result<Decision, String> {
        let mut talk = Talk::in_the_matter(&self.script, turn.lang).map_err(|e| format!("{e:#}"))?;
        let mut ears = self.ears.listen(turn.lang, TODAY);
        ears.in_the_call(frames);
        ears.expect(talk.expected());
        let mut why = String::new();
        for (n, (frame, gate)) in frames.iter().enumerate() {
            for event in ears.hear(frame, *gate).map_err(|e| e.to_string())? {
                match &event {
                    Event::Partial(p) => why = format!("{} {:.2}: {}", p.intent, p.confidence, p.text),
                    Event::Heard(heard) | Event::Rejoined(heard) => why = told(heard),
                    _ => {}
                }
                talk.hears(20 * (n as u64 + 1), event);
            }
            if talk.joins() {
                ears.join();
            }
        }
        Ok(Decision { at_ms: talk.stopped_ms(), made_good: talk.went_on(), why })
    }
}

/// What was understood, and by whom.
fn told(heard: &Heard) -> String {
    let Heard { intent, confidence, clear, text, by, .. } = heard;
    format!("{intent} {confidence:.2}, clear {clear:.2}: {text} ({by:?})")
}

/// When voice ended for the last time [ms]; none where there is none.
fn last_voice(heard: &[(u64, f32)]) -> Option<u64> {
    let mut endpointer = Endpointer::new(EndpointerConfig { hangover_ms: PAUSE_MS, ..Default::default() });
    let (mut began, mut ended) = (false, None);
    for (now, probability) in heard {
        match endpointer.push(*now, *probability) {
            Some(SpeechBoundary::Started { .. }) => began = true,
            Some(SpeechBoundary::Ended { at_ms }) => ended = Some(at_ms),
            None => {}
        }
    }
    let end = heard.last()?.0;
    began.then_some(if endpointer.is_speaking() { end } else { ended.unwrap_or(end) })
}

/// Silence alone.
fn silence(heard: &[(u64, f32)]) -> Decision {
    let config = EndpointerConfig::default();
    let mut endpointer = Endpointer::new(config);
    let over = |(now, p): &(u64, f32)| {
        matches!(endpointer.push(*now, *p), Some(SpeechBoundary::Ended { .. })).then_some(*now)
    };
    let at_ms = heard.iter().find_map(over);
    Decision { at_ms, made_good: false, why: format!("{} ms", config.hangover_ms) }
}

/// So much voice stops the bot.
fn by_voice(heard: &[(u64, f32)], limit_ms: u64) -> Decision {
    let mut endpointer = Endpointer::default();
    let at_ms = heard.iter().find_map(|(now, p)| {
        endpointer.push(*now, *p);
        (endpointer.voiced_ms() >= limit_ms).then_some(*now)
    });
    Decision { at_ms, made_good: false, why: format!("{limit_ms} ms") }
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
            let taken_back = own.iter().filter(cut).filter(|j| j.made_good).count();
            out.push(Ends {
                judge,
                lang,
                question,
                finished: of(Label::Finished).count(),
                unfinished: of(Label::Unfinished).count(),
                cut_off: own.iter().filter(cut).count(),
                taken_back,
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
    for judge in [VOICE, CALL] {
        for lang in Lang::ALL {
            let of =
                |label| all.iter().filter(move |j| j.judge == judge && j.lang == lang && j.label == label);
            let (murmurs, interruptions) = (of(Label::BackChannel), of(Label::Interruption));
            let delays: Vec<f64> = interruptions.clone().filter_map(Judged::delay_ms).collect();
            let stopped = murmurs.clone().filter(|j| j.is_wrong());
            let stops = Stops {
                judge,
                lang,
                back_channels: murmurs.count(),
                back_channels_that_stop: stopped.clone().count(),
                went_on: stopped.filter(|j| j.made_good).count(),
                interruptions: interruptions.clone().count(),
                interruptions_missed: interruptions.filter(|j| j.is_wrong()).count(),
                stopped_ms_p50: score::percentile(&delays, 50.0),
                stopped_ms_p95: score::percentile(&delays, 95.0),
                delays,
            };
            if stops.back_channels + stops.interruptions > 0 {
                out.push(stops);
            }
        }
    }
    out
}

const ENDS: [&str; 8] = [
    "judge 方法",
    "of 范围",
    "turns 话轮",
    "cut off 抢话 (95 %)",
    "taken back 收回",
    "never ended 未结束",
    "delay 延迟 p50 ms",
    "p95 ms",
];

const STOPS: [&str; 6] = [
    "judge 方法",
    "lang 语言",
    "back-channels that stop 附和误停",
    "went on 续播",
    "interruptions missed 打断漏判",
    "stopped after the last word 末字后停止 p50/p95 ms",
];

impl Ends {
    fn cells(&self) -> [String; 8] {
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
            self.taken_back.to_string(),
            self.never.to_string(),
            ms(&self.delays, 50.0),
            ms(&self.delays, 95.0),
        ]
    }
}

impl Stops {
    fn cells(&self) -> [String; 6] {
        [
            self.judge.to_owned(),
            self.lang.to_string(),
            share(self.back_channels_that_stop, self.back_channels),
            self.went_on.to_string(),
            share(self.interruptions_missed, self.interruptions),
            format!("{} / {}", ms(&self.delays, 50.0), ms(&self.delays, 95.0)),
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
