//! Whose turn it is: what plays, who speaks over it, and where a prompt goes on that was stopped.

use std::{collections::VecDeque, time::Duration};

use waihu_dialog::{BargeIn, PromptId};
use waihu_types::Time;

use crate::seam::PlaybackId;

/// So much voice over a prompt stops it where no words are known yet. Of 65 back-channels (嗯, 好好好, uh-huh,
/// yeah okay) a quarter lasted longer than 700 ms and none longer than 930; of 23 that cut in on purpose the
/// shortest took 900, and those are known by their words in their first pause. Voice and not time since the
/// speech began, for its end is known only after a silence that is about as long.
pub(crate) const BARGE_IN_AFTER: Duration = Duration::from_millis(1_000);

/// The same for the first prompt: people say hello into it, and a hello may be long.
pub(crate) const BARGE_IN_AFTER_HELLO: Duration = Duration::from_millis(1_300);

/// So much more voice is taken for the same murmur once its words are known to be one: 嗯嗯嗯 goes on for
/// less, and "mm, but …" for more.
const MURMUR_LASTS: Duration = Duration::from_millis(1_000);

/// A prompt that goes on begins again with the phrase that it broke off in, if that began no longer ago
/// than this: more is a repetition.
const RESUME_PHRASE_MS: u64 = 2_000;
/// In a longer phrase it begins so much earlier: two or three syllables, which the callee spoke over.
const RESUME_WORDS_MS: u64 = 600;
/// A prompt of which no more than this was heard begins anew.
const RESUME_NOT_BEFORE_MS: u64 = 1_000;

/// A prompt that was handed to the media thread and is not over.
#[derive(Clone, Debug)]
pub(crate) struct Playing {
    pub id: PlaybackId,
    pub prompt: PromptId,
    pub text: String,
    barge_in: BargeIn,
    /// Its first frame went out then.
    begun: Option<Time>,
    /// Another took its place: how it ended is noted, and means nothing to the dialog.
    pub gave_way: bool,
}

/// A prompt that was stopped, and may go on.
#[derive(Debug)]
struct BrokenOff {
    prompt: PromptId,
    text: String,
    at_ms: u64,
    heard_bytes: usize,
}

/// The state of the turn.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    queue: VecDeque<Playing>,
    next: u64,
    /// Since when those utterances were spoken whose words are still to come.
    unresolved: VecDeque<Time>,
    /// A stop was asked for; the media thread has yet to report it.
    stopping: bool,
    /// How much voice the utterance has that goes on.
    voiced: Duration,
    /// Up to so much voice it is known to be a murmur.
    murmur_until: Duration,
    broken_off: Option<BrokenOff>,
}

impl Turn {
    pub(crate) fn begin(&mut self, prompt: PromptId, text: String, barge_in: BargeIn) -> PlaybackId {
        let id = PlaybackId(self.next);
        self.next += 1;
        self.stopping = false;
        self.queue.push_back(Playing { id, prompt, text, barge_in, begun: None, gave_way: false });
        id
    }

    /// The first frame of a prompt went out.
    pub(crate) fn begun(&mut self, now: Time, id: PlaybackId) {
        if let Some(playing) = self.queue.iter_mut().find(|p| p.id == id) {
            playing.begun = Some(now);
        }
    }

    /// Takes a finished or stopped prompt off; none where it is not known. A stop that was asked for
    /// is done with it, also where the prompt came to its end first.
    pub(crate) fn over(&mut self, id: PlaybackId) -> Option<Playing> {
        let at = self.queue.iter().position(|p| p.id == id)?;
        let over = self.queue.remove(at)?;
        self.stopping &= over.gave_way;
        Some(over)
    }

    /// A prompt was stopped there, and may be gone on with.
    pub(crate) fn broke_off(&mut self, over: Playing, at_ms: u64, heard_bytes: usize) {
        let Playing { prompt, text, .. } = over;
        self.broken_off = Some(BrokenOff { prompt, text, at_ms, heard_bytes });
    }

    /// Goes on with a prompt that was stopped: its playback, its words, and from where on [ms].
    pub(crate) fn go_on(&mut self, prompt: PromptId, barge_in: BargeIn) -> Option<(PlaybackId, String, u64)> {
        let broken = self.broken_off.take_if(|b| b.prompt == prompt)?;
        let from_ms = goes_on_at(&broken.text, broken.at_ms, broken.heard_bytes);
        Some((self.begin(prompt, broken.text.clone(), barge_in), broken.text, from_ms))
    }

    /// The prompt that the callee is to hear.
    fn playing(&self) -> Option<&Playing> {
        self.queue.iter().find(|p| !p.gave_way)
    }

    /// Whether the bot has nothing under way to say.
    pub(crate) fn is_quiet(&self) -> bool {
        self.playing().is_none()
    }

    /// The prompt under way, and since when it is heard.
    pub(crate) fn under_way(&self) -> Option<(PlaybackId, Option<Time>)> {
        self.playing().map(|p| (p.id, p.begun))
    }

    /// Ends the part of the prompt that plays; true where there is one to stop.
    pub(crate) fn give_way(&mut self) -> bool {
        let playing = !self.is_quiet();
        self.queue.iter_mut().for_each(|p| p.gave_way = true);
        self.stopping = false;
        playing
    }

    pub(crate) fn speech_started(&mut self, now: Time) {
        self.unresolved.push_back(now);
        (self.voiced, self.murmur_until) = (Duration::ZERO, Duration::ZERO);
    }

    /// The callee's speech goes on, and has this much voice; true where the prompt is to stop.
    pub(crate) fn speech_goes_on(&mut self, voiced: Duration) -> bool {
        self.voiced = voiced;
        let Some(playing) = self.playing() else { return false };
        let limit = match playing.barge_in {
            BargeIn::MustBeHeard | BargeIn::ByWords => return false,
            BargeIn::Allowed { after: Some(after) } => after,
            BargeIn::Allowed { after: None } if playing.id == PlaybackId(0) => BARGE_IN_AFTER_HELLO,
            BargeIn::Allowed { after: None } => BARGE_IN_AFTER,
        };
        let stops = !self.stopping && voiced >= limit && voiced > self.murmur_until;
        self.stopping |= stops;
        stops
    }

    /// How much voice the last utterance had, to a tenth of a second.
    pub(crate) fn voiced(&self) -> Duration {
        self.voiced
    }

    /// The words so far cut in; true where the prompt is to stop.
    pub(crate) fn words_cut_in(&mut self) -> bool {
        let may = self.playing().is_some_and(|p| p.barge_in != BargeIn::MustBeHeard);
        let stops = may && !self.stopping;
        self.stopping |= stops;
        stops
    }

    /// The words so far are a murmur.
    pub(crate) fn murmurs(&mut self) {
        self.murmur_until = self.voiced + MURMUR_LASTS;
    }

    /// Takes the oldest utterance off, and tells when it began.
    pub(crate) fn utterance_resolved(&mut self) -> Option<Time> {
        self.unresolved.pop_front()
    }

    /// Whether words of the callee are still to come.
    pub(crate) fn words_to_come(&self) -> bool {
        !self.unresolved.is_empty()
    }

    /// Waits for no more words.
    pub(crate) fn forget_words(&mut self) {
        self.unresolved.clear();
    }
}

/// The part of a prompt's text up to the last word that was heard; a mark within a character is moved
/// back to its beginning.
pub(crate) fn heard(text: &str, heard_bytes: usize) -> &str {
    let mut end = heard_bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Where a prompt goes on that was stopped at `at_ms` with this much of its text heard [ms]. The time of a
/// phrase's beginning is reckoned from its place in the text: speech is even enough over two seconds, and
/// the shell moves it to a word.
fn goes_on_at(text: &str, at_ms: u64, heard_bytes: usize) -> u64 {
    if at_ms <= RESUME_NOT_BEFORE_MS {
        return 0;
    }
    let heard = heard(text, heard_bytes);
    let chars = heard.chars().count() as u64;
    let since_phrase = chars.saturating_sub(phrase_start(heard));
    let back_ms = match chars {
        0 => RESUME_WORDS_MS,
        _ => at_ms.saturating_mul(since_phrase) / chars,
    };
    let back_ms = if back_ms == 0 || back_ms > RESUME_PHRASE_MS { RESUME_WORDS_MS } else { back_ms };
    at_ms.saturating_sub(back_ms)
}

/// Where the last phrase of a text begins [characters]. A point or comma within a number ends none.
fn phrase_start(text: &str) -> u64 {
    let mut start = 0;
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|n| n.1);
        let wide = matches!(c, '，' | '。' | '？' | '！' | '、' | '；' | '：');
        let narrow = matches!(c, ',' | '.' | '?' | '!' | ';' | ':') && next.is_some_and(char::is_whitespace);
        if (wide || narrow) && next.is_some() {
            start = at as u64 + 1;
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_goes_on_from_its_phrase_or_a_few_words_back() {
        let text = "您在安信银行的信用卡，有一笔3250元的款项，还款日是十一月十五日。";
        let after = |words: &str| text.find(words).map_or(0, |at| at + words.len());
        // A hundred and fifty milliseconds a character.
        for (heard_to, at_ms, from_ms) in [
            ("您在", 400, 0),
            ("您在安信银行的信用", 1_350, 0),
            ("您在安信银行的信用卡，有一笔", 2_100, 1_650),
            ("信用卡，", 1_650, 0),
            ("还款日是十一月十五", 4_600, 3_307),
        ] {
            let from = goes_on_at(text, at_ms, after(heard_to));
            assert!(from <= at_ms && at_ms - from <= RESUME_PHRASE_MS, "{heard_to}");
            assert_eq!(from, from_ms, "{heard_to}");
        }
    }

    #[test]
    fn without_marks_it_goes_on_a_few_words_back() {
        assert_eq!(goes_on_at("Hello, this is the bank.", 5_000, 0), 4_400);
        assert_eq!(goes_on_at("", 5_000, 99), 4_400);
        assert_eq!(goes_on_at("abc", u64::MAX, 3), u64::MAX - RESUME_WORDS_MS);
    }

    #[test]
    fn a_comma_within_a_number_begins_no_phrase() {
        assert_eq!(phrase_start("You owe 1,840.50 dollars"), 0);
        assert_eq!(phrase_start("Well, you owe"), 5);
    }

    #[test]
    fn a_mark_within_a_character_takes_the_whole_ones() {
        assert_eq!(heard("您好", 4), "您");
        assert_eq!(heard("您好", 99), "您好");
    }
}
