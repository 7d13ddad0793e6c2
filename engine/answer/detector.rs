//! The detector: frames, speech and words in, verdicts out.

use std::collections::VecDeque;

use waihu_audio::Frame;
use waihu_types::{Announcement, AnsweredBy, Lang};

use crate::{
    cadence::{Cadence, Signal},
    words::{self, ENOUGH, MAX_CHARS, Points},
};

/// The last verdict comes within this of the answer [ms]: who has not shown by then is treated as a person
/// who was not understood.
pub const SETTLED_AFTER_MS: u64 = 10_000;

/// An answer after which nothing is heard is silence from here on [ms]; boxes begin within three seconds, and
/// a person who picks up and waits says hello again. It settles at 8 s.
pub const SILENCE_AFTER_MS: u64 = 4_500;

/// Silence is certain then [ms].
const SILENCE_SETTLED_MS: u64 = 8_000;

/// A greeting up to this long, and then a pause, is a person's [ms]. Personal greetings of boxes may be as
/// short: the words correct it.
const SHORT_MS: u64 = 2_200;

/// The pause after it [ms]: longer than those between words.
const PAUSE_MS: u64 = 340;

/// A longer greeting up to this [ms], and the pause that it takes then.
const LONG_MS: u64 = 3_800;
const LONG_PAUSE_MS: u64 = 700;

/// Voice that goes on for so long without a person's word is a machine's [ms]: the longest greetings of
/// receptions take five seconds.
const MONOLOGUE_MS: u64 = 6_500;

/// Quiet after the last word, from which on a verdict stands [ms]: greetings of boxes pause for less.
const STANDS_MS: u64 = 2_500;

/// The same where a person's words were recognized [ms].
const PERSON_STANDS_MS: u64 = 1_000;

/// Points of a person that no beep outweighs.
const SURELY_A_PERSON: f32 = 2.0;

/// The gate closes this long after the sound [ms] (`waihu_audio::gate`).
const GATE_HANGOVER_MS: u64 = 200;

/// Words that come so soon after the answer, of an utterance that began before it, are early media's [ms].
const LATE_WORDS_MS: u64 = 2_000;

/// How much sooner or surer a verdict must be to be told again.
const SURER: f32 = 0.05;

/// Verdicts and beeps that may wait to be fetched: nobody fetches less often than every few frames.
const MAX_WAITING: usize = 16;

/// Whose words a text is by itself, where they are a machine's: for who has nothing but the words.
pub fn whose_words(lang: Lang, text: &str) -> Option<(AnsweredBy, Option<Announcement>)> {
    let points = words::points(lang, text);
    let detector = Detector { answered: Some(0), points, ..Detector::new() };
    let (by, _) = detector.machine()?;
    Some((by, (by == AnsweredBy::Announcement).then(|| detector.announced())))
}

/// What the speech gate says of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may hold speech.
    Open,
    /// It holds none.
    Closed,
}

/// Who it is, as far as could be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Who.
    pub by: AnsweredBy,
    /// What the network announced, where it did.
    pub announcement: Option<Announcement>,
    /// How sure it is, 0 to 1: below 0.9 another may follow soon.
    pub confidence: f32,
    /// From the answer [ms]; before an answer, from the first sound.
    pub after_ms: u32,
    /// No other will follow.
    pub settled: bool,
}

/// What the detector says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output {
    /// Who it is; the last one counts.
    Verdict(Verdict),
    /// A voicemail box has given its beep, and records from here on.
    Beep,
}

/// Tells who answered one call.
#[derive(Clone)]
pub struct Detector {
    now: u64,
    answered: Option<u64>,
    first_sound: Option<u64>,
    cadence: Cadence,
    voice: Voice,
    /// What was said since the beginning or the answer, clause after clause; never logged.
    text: String,
    points: Points,
    signals: Signals,
    told: Option<Verdict>,
    outputs: VecDeque<Output>,
}

impl std::fmt::Debug for Detector {
    /// Leaves the words out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detector").field("now", &self.now).field("told", &self.told).finish_non_exhaustive()
    }
}

/// Tones so far.
#[derive(Clone, Copy, Debug, Default)]
struct Signals {
    beep: bool,
    fax: bool,
    fax_calls: u8,
    ringback: bool,
    line: Option<Announcement>,
    line_count: u8,
    special: Option<Announcement>,
}

/// When there was voice.
#[derive(Clone, Copy, Debug, Default)]
struct Voice {
    /// The detector of speech says that it goes on.
    speaking: bool,
    /// Where the first utterance began, and the present or last one; told a little after its first sound.
    first: Option<u64>,
    began: u64,
    /// Where the last one ended, or its last sound was.
    last: u64,
    /// The longest voice without a pause of [`LONG_PAUSE_MS`] [ms].
    longest: u64,
    stretch_began: u64,
    /// When the gate last was open.
    open_at: Option<u64>,
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl Detector {
    /// A detector of a call that has not been answered.
    pub fn new() -> Self {
        Self {
            now: 0,
            answered: None,
            first_sound: None,
            cadence: Cadence::default(),
            voice: Voice::default(),
            text: String::new(),
            points: Points::default(),
            signals: Signals::default(),
            told: None,
            outputs: VecDeque::new(),
        }
    }

    /// The call was answered: what was heard so far was early media, and all begins anew.
    pub fn answered(&mut self, now_ms: u64) {
        self.at(now_ms);
        if self.answered.is_some() {
            return;
        }
        // Voice that goes on over the answer (a ringback song) is not the callee's, but it is told to
        // end all the same.
        *self =
            Self { now: self.now, answered: Some(self.now), outputs: self.outputs.clone(), ..Self::new() };
    }

    /// Takes the next 20 ms of what comes back.
    pub fn push(&mut self, now_ms: u64, frame: &Frame, gate: Gate) {
        self.at(now_ms);
        if gate == Gate::Open {
            self.voice.open_at = Some(self.now);
            self.first_sound.get_or_insert(self.now);
        }
        if let Some(signal) = self.cadence.push(frame) {
            self.signal(signal);
        }
        self.judge();
    }

    /// Lets time pass where no frames come.
    pub fn tick(&mut self, now_ms: u64) {
        self.at(now_ms);
        self.judge();
    }

    /// Speech began, as the detector of speech says, at this time or a little before.
    pub fn speech_started(&mut self, now_ms: u64) {
        self.at(now_ms);
        self.first_sound.get_or_insert(self.now);
        self.voice.start(self.now);
        self.judge();
    }

    /// Speech has ended: its last sound was at `now_ms`, which may lie back.
    pub fn speech_ended(&mut self, now_ms: u64) {
        self.at(now_ms);
        self.voice.end(now_ms);
        self.judge();
    }

    /// Words were recognized, of an utterance that has ended or goes on.
    pub fn heard(&mut self, now_ms: u64, lang: Lang, text: &str) {
        self.at(now_ms);
        // The last words of a ringback song, or of an announcement before the answer.
        let of_early_media = self.answered.is_some_and(|answered| {
            self.voice.first.is_none_or(|first| first < answered) && self.now < answered + LATE_WORDS_MS
        });
        if of_early_media || self.told.is_some_and(|t| t.settled) {
            return;
        }
        // Words of a voice that was told to begin before the answer, and went on.
        if self.voice.first.is_none() {
            self.voice.start(self.now);
            self.voice.end(self.now);
        }
        self.remember(text);
        self.points = words::points(lang, &self.text);
        self.judge();
    }

    /// What there is to say, the oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The verdict as it stands.
    pub fn verdict(&self) -> Option<Verdict> {
        self.told
    }

    /// Time goes forward only.
    fn at(&mut self, now_ms: u64) {
        self.now = self.now.max(now_ms);
    }

    /// A text that begins as the last one did is its longer form; another one is the next.
    fn remember(&mut self, text: &str) {
        let text: String = text.chars().take(MAX_CHARS).filter(|c| *c != '\n').collect();
        let beginning = |s: &str| -> String { s.trim_start().chars().take(4).collect() };
        let last = self.text.rfind('\n').map_or(0, |at| at + 1);
        if beginning(&self.text[last..]) == beginning(&text) {
            self.text.truncate(last);
        } else if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&text);
        // The newest words are kept.
        let surplus = self.text.chars().count().saturating_sub(MAX_CHARS);
        if let Some((at, _)) = self.text.char_indices().nth(surplus) {
            self.text.drain(..at);
        }
    }

    fn signal(&mut self, signal: Signal) {
        self.first_sound.get_or_insert(self.now);
        match signal {
            // A key, a kettle: a person was understood already.
            Signal::Beep { .. } if self.answered.is_some() && !self.is_person() => self.beep(),
            Signal::FaxCalls if self.answered.is_some() => {
                // Half a second at 1100 Hz after a greeting is a box's beep.
                if self.voice.first.is_some() && !self.is_person() {
                    self.beep();
                } else {
                    self.signals.fax_calls = self.signals.fax_calls.saturating_add(1);
                }
            }
            Signal::FaxAnswers => self.signals.fax |= self.answered.is_some(),
            Signal::Ringback => self.signals.ringback = true,
            Signal::Busy(kind) => {
                self.signals.line = Some(kind);
                self.signals.line_count = self.signals.line_count.saturating_add(1);
            }
            Signal::SpecialInformation(kind) => self.signals.special = Some(kind),
            Signal::Beep { .. } | Signal::FaxCalls => {}
        }
    }

    fn beep(&mut self) {
        self.signals.beep = true;
        self.say(Output::Beep);
    }

    /// Whether a person's words were recognized, and nothing that outweighs them.
    fn is_person(&self) -> bool {
        self.points.person >= SURELY_A_PERSON
            && self.machine().is_none()
            && self.told.is_some_and(|t| t.by == AnsweredBy::Human)
    }

    /// Whose words these are, where they are a machine's, and how many points speak for it.
    fn machine(&self) -> Option<(AnsweredBy, f32)> {
        let p = &self.points;
        let before = self.answered.is_none();
        // Of equal points the network's come first before an answer, the box's after it.
        let network = p.network + if before { 0.5 } else { 0.0 };
        let candidates = [
            (AnsweredBy::Screening, p.assistant, p.person - 1.0),
            (AnsweredBy::Voicemail, p.voicemail, p.person),
            (AnsweredBy::Announcement, network, p.person),
            (AnsweredBy::Ivr, p.menu, p.person),
        ];
        let mut best: Option<(AnsweredBy, f32)> = None;
        for (by, points, against) in candidates {
            if points >= ENOUGH && points > against && best.is_none_or(|(_, most)| points > most) {
                best = Some((by, points));
            }
        }
        best
    }

    /// Weighs what is known, and says what is new in it.
    fn judge(&mut self) {
        if self.told.is_some_and(|t| t.settled) {
            return;
        }
        let found = match self.answered {
            Some(answered) => self.after_answer(answered),
            None => self.before_answer().map(|(by, a, sure)| (by, a, sure, false)),
        };
        let Some((by, announcement, confidence, settled)) = found else { return };
        let new = self.told.is_none_or(|told| {
            (told.by, told.announcement) != (by, announcement)
                || confidence >= told.confidence + SURER
                || settled
        });
        if new {
            let from = self.answered.or(self.first_sound).unwrap_or(self.now);
            let after_ms = u32::try_from(self.now.saturating_sub(from)).unwrap_or(u32::MAX);
            let verdict = Verdict { by, announcement, confidence, after_ms, settled };
            self.told = Some(verdict);
            self.say(Output::Verdict(verdict));
        }
    }

    /// Before an answer only the network speaks, and songs and advertisements in place of ringback.
    fn before_answer(&self) -> Option<(AnsweredBy, Option<Announcement>, f32)> {
        if let Some((AnsweredBy::Announcement, points)) = self.machine() {
            return Some((AnsweredBy::Announcement, Some(self.announced()), sure(points)));
        }
        // Nobody else speaks of numbers and subscribers here, so that half an announcement will do.
        if self.points.network >= 1.0 && self.points.network > self.points.person {
            return Some((AnsweredBy::Announcement, Some(self.announced()), 0.75));
        }
        self.by_line_tones().or(self.signals.ringback.then_some((AnsweredBy::Nobody, None, 0.8)))
    }

    /// What the words announce, else the tones.
    fn announced(&self) -> Announcement {
        self.points.announcement.or(self.signals.special).unwrap_or(Announcement::Other)
    }

    fn by_line_tones(&self) -> Option<(AnsweredBy, Option<Announcement>, f32)> {
        let s = &self.signals;
        let special = s.special.map(|kind| (kind, if kind == Announcement::Other { 0.8 } else { 0.9 }));
        let line = s.line.map(|kind| (kind, if s.line_count > 1 { 0.95 } else { 0.8 }));
        let (kind, confidence) = special.or(line)?;
        let kind = self.points.announcement.unwrap_or(kind);
        Some((AnsweredBy::Announcement, Some(kind), confidence))
    }

    /// The verdict, its confidence, and whether it stands.
    fn after_answer(&self, answered: u64) -> Option<(AnsweredBy, Option<Announcement>, f32, bool)> {
        let since = self.now.saturating_sub(answered);
        let out_of_time = since >= SETTLED_AFTER_MS;
        let quiet = self.voice.quiet(self.now);
        let stands = |after: u64| out_of_time || quiet.is_some_and(|q| q >= after);
        if self.signals.fax {
            return Some((AnsweredBy::Fax, None, 0.97, true));
        }
        if let Some((by, points)) = self.machine() {
            let beeped = self.signals.beep && by == AnsweredBy::Voicemail;
            let announcement = (by == AnsweredBy::Announcement).then(|| self.announced());
            return Some((by, announcement, sure(points), beeped || stands(STANDS_MS)));
        }
        if self.signals.beep {
            return Some((AnsweredBy::Voicemail, None, 0.95, stands(STANDS_MS)));
        }
        if let Some((by, announcement, confidence)) = self.by_line_tones() {
            return Some((by, announcement, confidence, out_of_time));
        }
        if self.points.person >= 1.0 {
            // One word may be misheard in a greeting whose beep is still to come.
            let after = if self.points.person >= SURELY_A_PERSON { PERSON_STANDS_MS } else { STANDS_MS };
            return Some((AnsweredBy::Human, None, 0.96, stands(after)));
        }
        if self.voice.first.is_none() && self.points.length == 0 {
            return self.without_voice(since);
        }
        match self.by_timing(quiet) {
            Some(confidence) if confidence > 0.0 => {
                Some((AnsweredBy::Human, None, confidence, stands(STANDS_MS)))
            }
            Some(_) => Some((AnsweredBy::Voicemail, None, 0.6, out_of_time)),
            None if out_of_time => Some((AnsweredBy::Unknown, None, 0.3, true)),
            None => None,
        }
    }

    fn without_voice(&self, since: u64) -> Option<(AnsweredBy, Option<Announcement>, f32, bool)> {
        if self.signals.fax_calls > 0 {
            let sure = if self.signals.fax_calls > 1 { 0.97 } else { 0.7 };
            return Some((
                AnsweredBy::Fax,
                None,
                sure,
                self.signals.fax_calls > 1 || since >= SETTLED_AFTER_MS,
            ));
        }
        // It rings on behind a switchboard.
        if self.signals.ringback {
            return (since >= SETTLED_AFTER_MS).then_some((AnsweredBy::Unknown, None, 0.3, true));
        }
        if since < SILENCE_AFTER_MS {
            return None;
        }
        let settled = since >= SILENCE_SETTLED_MS;
        Some((AnsweredBy::Silence, None, if settled { 0.95 } else { 0.7 }, settled))
    }

    /// A person by the timing of the voice, with a confidence; a machine with none; or nothing yet.
    fn by_timing(&self, quiet: Option<u64>) -> Option<f32> {
        let p = &self.points;
        let suspect = p.voicemail.max(p.network).max(p.assistant).max(p.menu) >= 1.0;
        let length = self.voice.longest(self.now);
        let quiet = quiet.unwrap_or(0);
        if suspect {
            // Half a greeting: what comes next decides, or nothing does.
            return (quiet >= STANDS_MS).then_some(0.6);
        }
        // Without a word it may be a television behind a person.
        if length >= MONOLOGUE_MS && p.hello < 1.0 && p.length > 0 {
            return Some(0.0);
        }
        let short = length <= SHORT_MS && quiet >= PAUSE_MS;
        let long = length <= LONG_MS && quiet >= LONG_PAUSE_MS;
        let spoken = p.length > 0;
        match (short, long, spoken) {
            // A few words, and nothing of a machine among them.
            (true, _, true) if p.hello >= 1.0 && p.length <= 6 => Some(0.92),
            (true, _, true) => Some(0.85),
            (true, _, false) => Some(0.75),
            (false, true, true) => Some(0.75),
            (false, true, false) => Some(0.6),
            _ if spoken && quiet >= STANDS_MS => Some(0.6),
            _ => None,
        }
    }

    fn say(&mut self, output: Output) {
        if self.outputs.len() < MAX_WAITING {
            self.outputs.push_back(output);
        } else if let Some(last) = self.outputs.back_mut() {
            *last = output;
        }
    }
}

impl Voice {
    fn start(&mut self, now: u64) {
        if self.speaking {
            return;
        }
        self.speaking = true;
        self.first.get_or_insert(now);
        if self.stretch_began == 0 || now.saturating_sub(self.last) >= LONG_PAUSE_MS {
            self.stretch_began = now;
        }
        self.began = now;
    }

    fn end(&mut self, at: u64) {
        if !self.speaking {
            return;
        }
        self.speaking = false;
        self.last = at.max(self.began);
        self.longest = self.longest.max(self.last.saturating_sub(self.stretch_began));
    }

    /// For how long there has been no voice; none where there was none yet, or it goes on.
    fn quiet(&self, now: u64) -> Option<u64> {
        self.first?;
        if !self.speaking {
            return Some(now.saturating_sub(self.last));
        }
        // The gate knows sooner that it has ended, where the line is quiet enough.
        let open_at = self.open_at.filter(|at| *at >= self.began)?;
        let closed = now.saturating_sub(open_at);
        (closed > 0).then_some(closed + GATE_HANGOVER_MS)
    }

    /// The longest voice so far without a long pause, the present one among it.
    fn longest(&self, now: u64) -> u64 {
        let present = if self.speaking {
            let until = now.saturating_sub(self.quiet(now).unwrap_or(0));
            until.saturating_sub(self.stretch_began)
        } else {
            0
        };
        self.longest.max(present)
    }
}

/// How sure points of a machine make it.
fn sure(points: f32) -> f32 {
    (0.84 + 0.04 * points).min(0.98)
}
