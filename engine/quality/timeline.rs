//! A transcript as it was heard: what of each prompt reached the callee, and about how long each line lasted.
//!
//! A transcript tells when lines began, and of prompts that were stopped how far they were heard. How long the others
//! took is reckoned from their length, and never reaches into the next line of the same speaker. The notes that are
//! read here are those that `call` writes; a note of another kind is let pass.

use std::collections::BTreeMap;

use waihu_types::{Intent, Lang};

use crate::{Line, Speaker};

/// How fast people and voices speak: characters of Mandarin, and letters with the gaps of English [per s]. Measured on
/// the practice ground's calls: prompts 4.6 to 5.7 and 14 to 16.
const ZH_PER_S: f64 = 5.0;
const EN_PER_S: f64 = 15.0;

/// Something that was said.
#[derive(Clone, Debug)]
pub(crate) struct Said<'a> {
    /// Its line in the transcript, from 1.
    pub(crate) line: u32,
    pub(crate) by: Speaker,
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
    /// What was said of it; of a prompt, what was heard.
    pub(crate) text: &'a str,
    /// When it was stopped [ms], where it was and did not go on.
    pub(crate) stopped_ms: Option<u64>,
    pub(crate) intent: Option<Intent>,
    pub(crate) confidence: f32,
    /// What happened before it in the transcript: its place among notes too.
    pub(crate) order: usize,
}

impl Said<'_> {
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.by, Speaker::Bot | Speaker::Agent)
    }
}

/// A note of the engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note<'a> {
    pub(crate) text: &'a str,
    pub(crate) order: usize,
}

/// A call's lines, by when they began.
pub(crate) struct Timeline<'a> {
    pub(crate) said: Vec<Said<'a>>,
    pub(crate) notes: Vec<Note<'a>>,
}

/// What a note says of a prompt.
enum Prompt<'a> {
    Stopped { after_ms: u64, heard: &'a str },
    GoesOn,
    Unspoken,
}

fn of_prompt(note: &str) -> Option<(usize, Prompt<'_>)> {
    let (number, rest) = note.strip_prefix("prompt ")?.split_once(' ')?;
    let number = number.parse().ok()?;
    if rest.starts_with("goes on from ") {
        return Some((number, Prompt::GoesOn));
    }
    if rest == "could not be spoken" {
        return Some((number, Prompt::Unspoken));
    }
    let (after_ms, heard) = rest.strip_prefix("was cut short after ")?.split_once(" ms")?;
    let heard = heard.strip_prefix(", heard: ").unwrap_or("");
    Some((number, Prompt::Stopped { after_ms: after_ms.parse().ok()?, heard }))
}

/// About how long a text takes to say [ms].
pub(crate) fn lasts_ms(text: &str, lang: Lang) -> u64 {
    let per_s = if lang == Lang::Zh { ZH_PER_S } else { EN_PER_S };
    let said = match lang {
        Lang::Zh => text.chars().filter(|c| c.is_alphanumeric()).count(),
        Lang::En => text.chars().count(),
    };
    // Lengths of lines are far below what a f64 counts exactly.
    (said as f64 / per_s * 1_000.0) as u64
}

impl<'a> Timeline<'a> {
    pub(crate) fn of(lines: &'a [Line], lang: Lang) -> Self {
        let mut said: Vec<Said<'a>> = Vec::new();
        let mut notes = Vec::new();
        // Prompts are numbered in the order of the bot's lines.
        let mut prompts: BTreeMap<usize, usize> = BTreeMap::new();
        for (order, line) in lines.iter().enumerate() {
            if line.speaker == Speaker::System {
                notes.push(Note { text: &line.text, order });
                let Some((number, what)) = of_prompt(&line.text) else { continue };
                let Some(prompt) = prompts.get(&number).and_then(|at| said.get_mut(*at)) else { continue };
                match what {
                    Prompt::Stopped { after_ms, heard } => {
                        prompt.text = heard;
                        prompt.stopped_ms = Some(line.at_ms.max(prompt.from_ms));
                        // Played, less whatever it stood still for meanwhile.
                        prompt.to_ms = prompt.stopped_ms.unwrap_or(prompt.from_ms + after_ms);
                    }
                    Prompt::GoesOn => {
                        let whole = &lines[prompt.order].text;
                        let rest = lasts_ms(whole, lang).saturating_sub(lasts_ms(prompt.text, lang));
                        prompt.text = whole;
                        prompt.stopped_ms = None;
                        prompt.to_ms = line.at_ms + rest;
                    }
                    Prompt::Unspoken => {
                        prompt.text = "";
                        prompt.to_ms = prompt.from_ms;
                    }
                }
                continue;
            }
            if line.speaker == Speaker::Bot {
                prompts.insert(prompts.len(), said.len());
            }
            said.push(Said {
                line: u32::try_from(order + 1).unwrap_or(u32::MAX),
                by: line.speaker,
                from_ms: line.at_ms,
                to_ms: line.at_ms + lasts_ms(&line.text, lang),
                text: &line.text,
                stopped_ms: None,
                intent: line.intent,
                confidence: line.confidence.unwrap_or(0.0),
                order,
            });
        }
        for by in [Speaker::Callee, Speaker::Bot, Speaker::Agent] {
            let mut own: Vec<usize> = (0..said.len()).filter(|n| said[*n].by == by).collect();
            own.sort_by_key(|n| said[*n].from_ms);
            for pair in own.windows(2) {
                let next = said[pair[1]].from_ms;
                let this = &mut said[pair[0]];
                this.to_ms = this.to_ms.min(next).max(this.from_ms);
            }
        }
        Self { said, notes }
    }

    /// What was said by one of them, in the order in which it was written.
    pub(crate) fn by(&self, by: Speaker) -> impl Iterator<Item = &Said<'a>> {
        self.said.iter().filter(move |said| said.by == by)
    }

    /// What our side said.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Said<'a>> {
        self.said.iter().filter(|said| said.is_ours())
    }

    pub(crate) fn noted(&self, text: &str) -> Option<&Note<'a>> {
        self.notes.iter().find(|note| note.text == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at_ms: u64, speaker: Speaker, text: &str) -> Line {
        Line { at_ms, speaker, text: text.to_owned(), intent: None, confidence: None }
    }

    #[test]
    fn of_a_prompt_that_was_stopped_only_its_beginning_was_heard() {
        use Speaker::{Bot, Callee, System};
        let lines = [
            line(0, Bot, "您好，这里是安信银行。"),
            line(2_300, Bot, "请问您大概哪天可以还款？"),
            line(3_000, Callee, "等一下"),
            line(3_900, System, "prompt 1 was cut short after 1600 ms, heard: 请问您"),
        ];
        let t = Timeline::of(&lines, Lang::Zh);
        assert_eq!((t.said[0].to_ms, t.said[0].text), (1_800, lines[0].text.as_str()));
        assert_eq!((t.said[1].text, t.said[1].stopped_ms, t.said[1].to_ms), ("请问您", Some(3_900), 3_900));
        let went_on: Vec<Line> =
            lines.iter().cloned().chain([line(5_000, System, "prompt 1 goes on from 700 ms")]).collect();
        let t = Timeline::of(&went_on, Lang::Zh);
        assert_eq!((t.said[1].text, t.said[1].stopped_ms), (lines[1].text.as_str(), None));
        assert!(t.said[1].to_ms > 6_000);
        let unheard = [lines[0].clone(), line(0, System, "prompt 0 was cut short after 20 ms")];
        assert_eq!(Timeline::of(&unheard, Lang::Zh).said[0].text, "");
    }

    #[test]
    fn notes_that_are_not_known_change_nothing() {
        for odd in [
            "prompt",
            "prompt x was cut short after 5 ms",
            "prompt 9 goes on from 1 ms",
            "prompt 0 was cut short",
        ] {
            let lines = [line(0, Speaker::Bot, "您好"), line(1, Speaker::System, odd)];
            assert_eq!(Timeline::of(&lines, Lang::Zh).said[0].text, "您好", "{odd}");
        }
    }
}
