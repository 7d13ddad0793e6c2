//! Calls as they happen, on the terminal of whoever placed them.
//!
//! A line for each call that is up, and one for the whole; what is over is printed above them. Where
//! the output is no terminal there are only the printed lines.

use std::{collections::HashMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use waihu_call::Speaker;
use waihu_campaign::{Bottleneck, Pace};
use waihu_dialler::{Progress, ProgressKind};
use waihu_types::{CaseId, Disposition, Outcome, Sound};

use crate::output::out;

/// Whether the words of a call are shown. They are personal data: for a terminal, never for a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    Shown,
    Hidden,
}

/// What is shown of calls.
pub(crate) struct Watch {
    all: MultiProgress,
    whole: ProgressBar,
    calls: HashMap<CaseId, ProgressBar>,
    words: Words,
}

impl Watch {
    /// A view of `total` calls to come.
    pub(crate) fn new(total: usize, words: Words) -> Self {
        let all = MultiProgress::new();
        let whole = all.add(ProgressBar::new(total as u64));
        whole.set_style(style("{bar:30} {pos}/{len} cases 案件  {elapsed}  {msg}"));
        whole.enable_steady_tick(Duration::from_millis(500));
        Self { all, whole, calls: HashMap::new(), words }
    }

    /// Shows what happened.
    pub(crate) fn show(&mut self, progress: Progress) {
        let (case, kind) = match progress {
            Progress::Case { case, kind } => (case, kind),
            Progress::Pace(pace) => {
                let told = paced(pace);
                self.whole.set_message(told);
                if self.all.is_hidden() && !told.is_empty() {
                    self.print(told);
                }
                return;
            }
            Progress::Trunk(Some(why)) => {
                return self
                    .print(&format!("waiting for the carrier, no case is used up 等待线路恢复: {why}"));
            }
            Progress::Trunk(None) => return self.print("the carrier is back 线路已恢复"),
            Progress::Campaign { campaign, why } => {
                return self.print(&format!("campaign 批次 {campaign}: cannot be dialled 无法拨打: {why}"));
            }
        };
        match kind {
            ProgressKind::Preparing { done, total } => {
                // Where no bar is drawn, nothing would be told for as long as this takes.
                if done == 0 && self.all.is_hidden() {
                    self.print(&format!("  {case:14} preparing {total} prompts 合成语音"));
                }
                self.call(&case).set_message(format!("preparing prompts 合成语音 {done}/{total}"));
            }
            ProgressKind::Dialling => self.call(&case).set_message("ringing 呼叫中"),
            ProgressKind::Answered => {
                let call = self.call(&case);
                call.reset_elapsed();
                call.set_message("answered 已接听");
            }
            ProgressKind::Line { at_ms, speaker, text, intent } => {
                self.line(&case, at_ms, speaker, &text, intent.map(|i| i.to_string()));
            }
            ProgressKind::Done(outcome) => {
                self.over(&case);
                self.print(&done(&outcome));
            }
            ProgressKind::NotPlaced(why) => self.not_called(&case, &why),
            ProgressKind::NotCalled(refusal) => self.not_called(&case, &refusal.to_string()),
            ProgressKind::Stopped => self.over(&case),
            ProgressKind::NotFiled { why, outcome } => {
                self.over(&case);
                self.print(&format!("{case}: called, not filed 已呼叫，结果未入库: {why}"));
                if let Some(json) = outcome.and_then(|o| serde_json::to_string(&o).ok()) {
                    self.print(&json);
                }
            }
        }
    }

    /// Ends the view.
    pub(crate) fn close(self) {
        self.whole.finish_and_clear();
    }

    /// A line above the bars.
    pub(crate) fn print(&self, line: &str) {
        // Whether anybody reads along changes nothing of the calls.
        self.all.suspend(|| drop(out!("{line}")));
    }

    fn call(&mut self, case: &CaseId) -> &ProgressBar {
        self.calls.entry(case.clone()).or_insert_with(|| {
            let bar = self.all.insert_before(&self.whole, ProgressBar::new_spinner());
            bar.set_style(style("  {prefix:16} {elapsed:>4}  {wide_msg}"));
            bar.set_prefix(case.to_string());
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        })
    }

    fn line(&mut self, case: &CaseId, at_ms: u64, speaker: Speaker, text: &str, intent: Option<String>) {
        let who = match speaker {
            Speaker::Bot => "bot 机器人",
            Speaker::Callee => "callee 对方",
            Speaker::Agent => "agent 坐席",
            Speaker::System => {
                if self.words == Words::Shown {
                    let at = clock(at_ms);
                    self.print(&format!("  {case:14} {at}  · {text}"));
                }
                return;
            }
        };
        self.call(case).set_message(format!("{who} speaking 说话中"));
        if self.words == Words::Shown {
            let meant = intent.map(|i| format!("   [{i}]")).unwrap_or_default();
            let at = clock(at_ms);
            self.print(&format!("  {case:14} {at}  {who}: {text}{meant}"));
        }
    }

    fn not_called(&mut self, case: &CaseId, why: &str) {
        self.over(case);
        self.print(&format!("{case}: not called 未呼叫: {why}"));
    }

    fn over(&mut self, case: &CaseId) {
        if let Some(bar) = self.calls.remove(case) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
        self.whole.inc(1);
    }
}

/// How a campaign is dialled, where that is not at full pace.
fn paced(pace: Pace) -> &'static str {
    match pace {
        Pace::Full => "",
        Pace::Slower(Bottleneck::Recognition) => {
            "dialling slower: recognition was behind 识别曾跟不上，放慢拨号"
        }
        Pace::Slower(Bottleneck::Media) => "dialling slower: sound was late 语音曾延迟，放慢拨号",
        Pace::Held(Bottleneck::Recognition) => "not dialling: recognition is behind 识别跟不上，暂停拨号",
        Pace::Held(Bottleneck::Media) => "not dialling: sound is late 语音延迟，暂停拨号",
    }
}

fn done(o: &Outcome) -> String {
    let talked = o.answered_at.map_or(0, |a| (o.ended_at.unix_millis() - a.unix_millis()) / 1_000);
    let sound = o.sound.as_ref().map(|s| format!(", {}", sounded(s))).unwrap_or_default();
    format!("{}: {} ({talked} s{sound})", o.case, named(o.disposition))
}

/// How a call sounded, in a word: the codec, whether it was locked, and the mean opinion score.
pub(crate) fn sounded(sound: &Sound) -> String {
    let lock = if sound.srtp.is_some() { "+SRTP" } else { "" };
    let score = sound.quality.as_ref().map(|q| format!(" {:.1}", f64::from(q.mos_hundredths) / 100.0));
    format!("{}{lock}{}", sound.codec, score.unwrap_or_default())
}

/// A disposition for readers of both languages.
pub(crate) fn named(disposition: Disposition) -> String {
    format!("{} {}", disposition.label(), disposition.label_zh())
}

fn clock(ms: u64) -> String {
    format!("{:02}:{:02}.{}", ms / 60_000, ms / 1_000 % 60, ms / 100 % 10)
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of ours; were one wrong, the plain style would do.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_call_sounded_is_a_word_and_a_score() {
        let json = r#"{"codec":"opus","srtp":null,"sent":1,"received":1,"lost":0,"quality":null}"#;
        let mut sound: Sound = serde_json::from_str(json).unwrap();
        assert_eq!(sounded(&sound), "opus");
        sound.srtp = Some("AEAD_AES_128_GCM".to_owned());
        sound.quality = serde_json::from_str(
            r#"{"concealed_permille":0,"jitter_ms":1,"round_trip_ms":null,"far_loss_permille":null,
                "mos_hundredths":436}"#,
        )
        .unwrap();
        assert_eq!(sounded(&sound), "opus+SRTP 4.4");
    }
}
