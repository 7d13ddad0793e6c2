//! Judging who answered: `file, lang, label[, announcement[, answered_at_ms[, condition]]]`.
//!
//! A file begins with the first sound of the line. `answered_at_ms` says when the call was answered: 0 where it
//! is missing, never where it is `-`. The ears of a call hear it, whose models answer as late as they took.

use anyhow::Result;
use clap::Args;
use serde::{
    Serialize,
    de::{
        DeserializeOwned,
        value::{self, StrDeserializer},
    },
};
use waihu_answer::{Event, Replay, replay};
use waihu_audio::Frame;
use waihu_corpus::score::{self, Confusion, LabelScore};
use waihu_speech::{Event as Told, Rehearsal};
use waihu_types::{Announcement, AnsweredBy, Lang};
use waihu_vad::{Endpointer, Gate, Silero, SpeechBoundary};

use super::{
    Common, Report, TODAY, bar,
    figures::{ms, percent, share},
    list, listening,
    manifest::{self, BadRow, Row},
    page::{Mistake, Page},
};
use crate::{plant::speech_config, project::Project, table::Table};

#[derive(Debug, Args)]
pub(crate) struct AnswersArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// Leave the words out: tones and timing alone 不用识别文字
    #[arg(long)]
    without_words: bool,
}

struct Call {
    place: String,
    file: String,
    lang: Lang,
    by: AnsweredBy,
    announcement: Option<Announcement>,
    answered_at_ms: Option<u64>,
    condition: String,
}

/// One call, judged.
#[derive(Clone, Debug, Serialize)]
struct Judged {
    place: String,
    file: String,
    lang: Lang,
    condition: String,
    by: AnsweredBy,
    announcement: Option<Announcement>,
    taken_for: AnsweredBy,
    taken_announcement: Option<Announcement>,
    confidence: f32,
    /// From the answer, or the first sound, to where the verdict was given that stood [ms].
    after_ms: Option<u32>,
    words: Vec<String>,
}

impl Judged {
    fn right(&self) -> bool {
        self.by == self.taken_for
    }

    fn called_a_machine(&self) -> bool {
        let fair = [AnsweredBy::Human, AnsweredBy::Unknown, AnsweredBy::Silence, AnsweredBy::Nobody];
        self.by == AnsweredBy::Human && !fair.contains(&self.taken_for)
    }
}

/// Decision times of those who answered alike.
#[derive(Debug, Serialize)]
struct Times {
    by: AnsweredBy,
    calls: usize,
    after_ms_p50: Option<f64>,
    after_ms_p95: Option<f64>,
    #[serde(skip)]
    all: Vec<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct AnswersReport {
    kind: &'static str,
    calls: usize,
    right: usize,
    humans: usize,
    humans_called_machines: usize,
    announcements: usize,
    announcements_named_right: usize,
    labels: Vec<LabelScore>,
    confusion: Confusion,
    times: Vec<Times>,
    mistakes: Vec<Judged>,
    bad_rows: Vec<BadRow>,
}

pub(super) fn judge(project: &Project, args: &AnswersArgs) -> Result<AnswersReport> {
    let mut list = manifest::read(&list(&args.common.dir))?;
    let mut ears = match args.without_words {
        true => Ears::Tones(listening::silero(project)?),
        false => Ears::Whole(Box::new(Rehearsal::load(&speech_config(project)?)?)),
    };
    let bar = bar(list.rows.len(), "judged 判断");
    let mut all = Vec::new();
    for row in std::mem::take(&mut list.rows) {
        let place = row.place.clone();
        match understand(row).and_then(|call| hear(&mut ears, args, call)) {
            Ok(judged) => all.push(judged),
            Err(problem) => list.bad.push(BadRow { place, problem }),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(report(&all, list.bad))
}

fn report(all: &[Judged], bad_rows: Vec<BadRow>) -> AnswersReport {
    // Rows and columns in one order, whatever comes first in the list.
    let mut seen: Vec<&str> = all.iter().flat_map(|j| [j.by.label(), j.taken_for.label()]).collect();
    seen.sort_unstable();
    seen.dedup();
    let mut confusion = Confusion::new(seen);
    all.iter().for_each(|j| confusion.add(j.by.label(), j.taken_for.label()));
    let announced = all.iter().filter(|j| j.announcement.is_some());
    let humans = all.iter().filter(|j| j.by == AnsweredBy::Human);
    let mut by: Vec<AnsweredBy> = Vec::new();
    for judged in all {
        if !by.contains(&judged.by) {
            by.push(judged.by);
        }
    }
    by.sort_by_key(|by| by.label());
    let times = by.into_iter().map(|by| {
        let own: Vec<f64> =
            all.iter().filter(|j| j.by == by).filter_map(|j| j.after_ms.map(f64::from)).collect();
        Times {
            by,
            calls: all.iter().filter(|j| j.by == by).count(),
            after_ms_p50: score::percentile(&own, 50.0),
            after_ms_p95: score::percentile(&own, 95.0),
            all: own,
        }
    });
    let mut mistakes: Vec<Judged> =
        all.iter().filter(|j| !j.right() || j.announcement != j.taken_announcement).cloned().collect();
    mistakes.sort_by_key(|j| (!j.called_a_machine(), j.right()));
    AnswersReport {
        kind: "answers",
        calls: all.len(),
        right: confusion.right(),
        humans: humans.clone().count(),
        humans_called_machines: humans.filter(|j| j.called_a_machine()).count(),
        announcements: announced.clone().count(),
        announcements_named_right: announced.filter(|j| j.announcement == j.taken_announcement).count(),
        labels: confusion.by_label(),
        confusion,
        times: times.collect(),
        mistakes,
        bad_rows,
    }
}

/// A label as records write it.
fn label<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    T::deserialize(StrDeserializer::<value::Error>::new(text)).map_err(|e| format!("{e} 未知标签"))
}

fn understand(row: Row) -> Result<Call, String> {
    let [file, lang, by, rest @ ..] = &row.cells[..] else {
        return Err(format!(
            "{} cells; wanted: file, lang, label[, announcement[, answered_at_ms[, condition]]] 列数不符",
            row.cells.len()
        ));
    };
    let cell = |n: usize| rest.get(n).map(String::as_str).unwrap_or_default();
    Ok(Call {
        lang: lang.parse().map_err(|e: waihu_types::UnknownLang| e.to_string())?,
        by: label(by)?,
        announcement: match cell(0) {
            "" | "-" => None,
            name => Some(label(name)?),
        },
        answered_at_ms: match cell(1) {
            "" => Some(0),
            "-" => None,
            ms => Some(ms.parse().map_err(|_| format!("{ms:?} is no time in ms 不是毫秒数"))?),
        },
        condition: cell(2).to_owned(),
        file: file.clone(),
        place: row.place,
    })
}

/// Who listens.
enum Ears {
    /// The detector with the beginnings and ends of speech.
    Tones(Silero),
    /// All of a call's.
    Whole(Box<Rehearsal>),
}

fn hear(ears: &mut Ears, args: &AnswersArgs, call: Call) -> Result<Judged, String> {
    let frames = listening::frames(&args.common.dir, &call.file)?;
    let (found, words) = match ears {
        Ears::Tones(silero) => (by_tones(silero, &frames, &call)?, Vec::new()),
        Ears::Whole(ears) => by_ears(ears, &frames, &call).map_err(|e| e.to_string())?,
    };
    let last = found.last();
    Ok(Judged {
        place: call.place,
        file: call.file,
        lang: call.lang,
        condition: call.condition,
        by: call.by,
        announcement: call.announcement,
        // Of what is never answered, and of which nothing is said, the network will tell.
        taken_for: last.map_or(
            if call.answered_at_ms.is_some() { AnsweredBy::Unknown } else { AnsweredBy::Nobody },
            |v| v.by,
        ),
        taken_announcement: last.and_then(|v| v.announcement),
        confidence: last.map_or(0.0, |v| v.confidence),
        after_ms: found.decided_after_ms(),
        words,
    })
}

/// What the ears of a call tell, and the words that they hear once it is answered.
fn by_ears(
    ears: &mut Rehearsal,
    frames: &[(Frame, Gate)],
    call: &Call,
) -> Result<(Replay, Vec<String>), waihu_speech::SpeechError> {
    let mut ears = ears.listen(call.lang, TODAY);
    let (mut found, mut words) = (Replay::default(), Vec::new());
    for (n, (frame, gate)) in frames.iter().enumerate() {
        let now = 20 * n as u64;
        // The answer comes before the frame in which it is.
        if call.answered_at_ms.is_some_and(|at| (now..now + 20).contains(&at)) {
            ears.answered();
        }
        for event in ears.hear(frame, *gate)? {
            match event {
                // After an assistant the ears wait for the person, who is another.
                Told::AnsweredBy(verdict) if !found.last().is_some_and(|v| v.settled) => {
                    found.verdicts.push((now + 20, verdict));
                }
                Told::Announced(verdict) => found.verdicts.push((now + 20, verdict)),
                Told::Beep => found.beeps.push(now + 20),
                Told::Heard(heard) | Told::Rejoined(heard) => words.push(heard.text),
                _ => {}
            }
        }
    }
    Ok((found, words))
}

/// What the detector tells by tones and timing alone.
fn by_tones(silero: &mut Silero, frames: &[(Frame, Gate)], call: &Call) -> Result<Replay, String> {
    let mut events: Vec<(u64, Event)> = Vec::new();
    let mut endpointer = Endpointer::default();
    for (now, probability) in listening::voice(silero, frames)? {
        match endpointer.push(now, probability) {
            Some(SpeechBoundary::Started { .. }) => events.push((now, Event::SpeechStarted)),
            Some(SpeechBoundary::Ended { at_ms }) => events.push((now, Event::SpeechEnded { at_ms })),
            None => {}
        }
    }
    events.extend(call.answered_at_ms.map(|at| (at, Event::Answered)));
    events.sort_by_key(|(at, _)| *at);
    let frames = frames.iter().map(|(frame, gate)| {
        let gate = match gate {
            Gate::Open => waihu_answer::Gate::Open,
            Gate::Closed => waihu_answer::Gate::Closed,
        };
        (*frame, gate)
    });
    Ok(replay(frames, &events))
}

const TIMES: [&str; 5] = ["who 谁接的", "calls 通数", "right 正确率 %", "decision 判定 p50 ms", "p95 ms"];

impl AnswersReport {
    fn rows(&self) -> Vec<[String; 5]> {
        self.times
            .iter()
            .map(|t| {
                let score = self.labels.iter().find(|l| l.label == t.by.label());
                [
                    t.by.label().to_owned(),
                    t.calls.to_string(),
                    percent(score.and_then(|s| s.recall)),
                    ms(&t.all, 50.0),
                    ms(&t.all, 95.0),
                ]
            })
            .collect()
    }

    fn lines(&self) -> [(&'static str, String); 3] {
        [
            ("right 正确率", share(self.right, self.calls)),
            ("humans called machines 真人误判为机器", share(self.humans_called_machines, self.humans)),
            (
                "announcements named right 提示音类别正确",
                share(self.announcements_named_right, self.announcements),
            ),
        ]
    }
}

impl Report for AnswersReport {
    fn text(&self) -> String {
        let mut table = Table::new(TIMES);
        self.rows().into_iter().for_each(|row| table.row(row));
        let lines: Vec<String> = self.lines().map(|(name, value)| format!("{name}: {value}")).into();
        let kinds = self.confusion.mistakes();
        let kinds =
            kinds.iter().map(|m| format!("\n  {} × {} taken for 误判为 {}", m.count, m.meant, m.taken_for));
        format!("{table}\n{}{}", lines.join("\n"), kinds.collect::<String>())
    }

    fn fill(&self, page: &mut Page) {
        page.title("Who answered", "谁接的电话");
        for (name, value) in self.lines() {
            page.fact(name, &value);
        }
        let human = self.times.iter().find(|t| t.by == AnsweredBy::Human);
        page.fact(
            "decision for a human 真人判定 p50 ms",
            &human.map_or("-".to_owned(), |t| ms(&t.all, 50.0)),
        );
        page.heading("What was taken for what", "混淆矩阵");
        page.heat(&self.confusion);
        page.heading("When it was decided", "判定时间");
        let series: Vec<(String, Vec<f64>)> = [AnsweredBy::Human, AnsweredBy::Voicemail]
            .iter()
            .filter_map(|by| self.times.iter().find(|t| t.by == *by))
            .map(|t| (t.by.label().to_owned(), t.all.clone()))
            .collect();
        page.spread(&series, 10_000.0);
        page.table(&TIMES, &self.rows().iter().map(|r| r.to_vec()).collect::<Vec<_>>());
        let name = |by: AnsweredBy, announcement: Option<Announcement>| match announcement {
            Some(a) => format!("{} · {}", by.label(), a.label()),
            None => by.label().to_owned(),
        };
        let mistakes = self.mistakes.iter().map(|j| Mistake {
            file: Some(j.file.clone()),
            place: j.place.clone(),
            lang: j.lang,
            about: format!("{} · {}", j.words.join(" | "), j.condition),
            meant: name(j.by, j.announcement),
            taken: name(j.taken_for, j.taken_announcement),
            weight: format!(
                "{:.2}, {} ms",
                j.confidence,
                j.after_ms.map_or("-".to_owned(), |ms| ms.to_string())
            ),
        });
        page.mistakes(
            ["heard 识别", "is 实为", "taken for 判为", "confidence, after 置信度与时间"],
            &mistakes.collect::<Vec<_>>(),
        );
    }

    fn bad_rows(&self) -> &[BadRow] {
        &self.bad_rows
    }
}
