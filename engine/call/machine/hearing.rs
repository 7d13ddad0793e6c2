//! What the callee says: what it does to the prompt under way, and when it is a whole turn.
//!
//! A callee who goes on after a pause is not answered in between: the answer is withheld, the
//! conversation is taken back to before it, and the parts are heard as one.

use std::time::Duration;

use waihu_dialog as dialog;
use waihu_dialog::{Answer, Interpreter, Utterance, Weight};
use waihu_nlu::Entities;
use waihu_types::{AnsweredBy, Intent, Lang, Time, Told};

use super::CallMachine;
use crate::seam::{Line, Output, Partial, PlaybackId, Speaker, SpeechEvent};

/// Who speaks again so soon after our answer began has not answered it: nothing of it is known yet, and who means to
/// cut in needs as long to hear that it is not for them. They had not finished, and go on.
pub const GOES_ON_WITHIN: Duration = Duration::from_millis(600);

/// How many parts one turn is made of, beside the first. Who needs more pauses than these is answered in
/// one of them: nobody may keep the bot silent for ever.
const MAX_JOINS: u32 = 3;

/// From which confidence on half-heard words count. A stop that was wrong is gone on from, so that less is
/// at stake than with an answer; but the spotter tells nothing below this, and a guess at half a word is
/// worth less than a little more voice.
const PARTIAL_SURE: f32 = 0.6;

/// Of so little voice a recognizer makes anything: "uh-huh" and 哦，好 come out as insults and denials, and the
/// classifier is sure of them.
const LITTLE_VOICE: Duration = Duration::from_millis(900);

/// From which confidence on, that of the words and that of their meaning together, so little voice is believed over a
/// line that did not ask for it, and over one that did. Of 46 murmurs that were misheard two had more.
const LITTLE_SURE: f32 = 0.55;
const LITTLE_EXPECTED: f32 = 0.4;

/// How sure a machine's words alone make it who answered [percent].
const WORDS_SURE: u8 = 90;

/// What was answered last, while that can still be undone.
pub(super) struct Answered {
    /// The conversation before it.
    before: Interpreter,
    utterance: Utterance,
    began: Time,
    /// The first line of the answer.
    playback: PlaybackId,
}

impl CallMachine {
    pub(super) fn speech(&mut self, now: Time, event: SpeechEvent) {
        // Early media is the network's, and none of it is an answer to anything.
        if self.answered_at.is_none() {
            return self.early_speech(now, &event);
        }
        match event {
            SpeechEvent::Started => {
                self.turn.speech_started(now);
                self.withhold_answer(now);
                self.tell_dialog(now, dialog::Input::SpeechStarted);
            }
            SpeechEvent::GoesOn { voiced } => {
                if self.turn.speech_goes_on(voiced) {
                    self.outputs.push_back(Output::StopPlayback);
                }
            }
            SpeechEvent::Partial(partial) => self.half_heard(now, &partial),
            SpeechEvent::Heard { utterance, clear } => {
                let began = self.turn.utterance_resolved().unwrap_or(now);
                self.heard(now, began, utterance, Words::Own { clear });
            }
            SpeechEvent::Rejoined(utterance) => {
                let began = self.turn.utterance_resolved().unwrap_or(now);
                self.heard(now, began, utterance, Words::Both);
            }
            SpeechEvent::Unintelligible => {
                self.turn.utterance_resolved();
                match self.unfinished.take() {
                    // It was no more than noise, and may be our own voice come back: once is enough.
                    Some((utterance, began)) => {
                        self.joins = MAX_JOINS;
                        self.answer(now, began, utterance);
                    }
                    None => self.tell_dialog(now, dialog::Input::Unintelligible),
                }
            }
            SpeechEvent::Beep => self.beep(now),
            SpeechEvent::AnsweredBy { by, announcement, told } => {
                self.who_answered(now, by, announcement, told);
            }
            // Late: it was told before the answer.
            SpeechEvent::Announced { .. } | SpeechEvent::EarlyWords { .. } => {}
        }
    }

    /// Words of an utterance that goes on: a murmur keeps the prompt going, whatever voice it has, and
    /// what cuts in stops it at once.
    fn half_heard(&mut self, now: Time, partial: &Partial) {
        if partial.confidence < PARTIAL_SURE
            || self.is_murmured(partial.intent, partial.confidence * partial.clear)
        {
            return;
        }
        match self.interpreter.weigh(partial.intent, partial.confidence) {
            Weight::BackChannel => {
                self.turn.murmurs();
                // Stopped for it already: it goes on.
                if self.turn.is_quiet() {
                    self.tell_dialog(now, dialog::Input::BackChannel);
                }
            }
            Weight::CutsIn => {
                if self.turn.words_cut_in() {
                    self.outputs.push_back(Output::StopPlayback);
                }
            }
            Weight::Unclear => {}
        }
    }

    /// Whether what was understood over a line, as surely as this, is rather a murmur that was misheard: little
    /// voice, and not clear. Danger to life and who wants no more calls are heeded.
    fn is_murmured(&self, intent: Intent, sure: f32) -> bool {
        let enough = match intent {
            Intent::Distress | Intent::StopCalling => 0.0,
            _ if self.expected.intents.contains(&intent) => LITTLE_EXPECTED,
            _ => LITTLE_SURE,
        };
        !self.turn.is_quiet() && self.turn.voiced() < LITTLE_VOICE && sure < enough
    }

    /// Whoever speaks again before the answer is heard had not finished.
    fn withhold_answer(&mut self, now: Time) {
        let Some(answered) = self.answered.take() else { return };
        let Some((playing, begun)) = self.turn.under_way() else { return };
        let early = begun.is_none_or(|begun| now <= begun + GOES_ON_WITHIN);
        if playing != answered.playback || !early || self.joins >= MAX_JOINS {
            return;
        }
        self.joins += 1;
        self.hush();
        let answer = if begun.is_some() { Answer::Begun } else { Answer::Unspoken };
        self.interpreter.take_back(answered.before, answer);
        self.unfinished = Some((answered.utterance, answered.began));
        self.note(now, "the callee went on: the answer is withheld".to_owned());
        self.outputs.push_back(Output::Join);
    }

    /// Words that machines say; true where they are no answer to anything.
    fn is_a_machines(&mut self, now: Time, text: &str) -> bool {
        let Some((by, announcement)) = waihu_answer::whose_words(self.lang, text) else { return false };
        if by == self.answered_by || self.is_assistants(by) {
            // A box's greeting goes on. What an assistant says is the dialog's to hear.
            let is_box = by == AnsweredBy::Voicemail;
            if is_box {
                self.unfinished = None;
                self.tell_dialog(now, dialog::Input::Unintelligible);
            }
            return is_box;
        }
        let after = self.answered_at.map_or(0, |answered| now.since(answered).as_millis());
        let told = Told { after_ms: u32::try_from(after).unwrap_or(u32::MAX), confidence: WORDS_SURE };
        self.unfinished = None;
        self.who_answered(now, by, announcement, told);
        true
    }

    fn heard(&mut self, now: Time, began: Time, utterance: Utterance, words: Words) {
        self.outputs.push_back(Output::Line(Line {
            at: began,
            speaker: Speaker::Callee,
            text: utterance.text.clone(),
            understood: Some(utterance.clone()),
        }));
        if !self.person_heard && self.is_a_machines(now, &utterance.text) {
            return;
        }
        let cuts_in = self.interpreter.weigh(utterance.intent, utterance.confidence) == Weight::CutsIn;
        let whole = self.unfinished.is_none() && !self.turn.words_to_come();
        let bare = utterance.entities == Entities::default();
        if let Words::Own { clear } = words
            && cuts_in
            && whole
            && bare
            && self.is_murmured(utterance.intent, utterance.confidence * clear)
        {
            self.tell_dialog(now, dialog::Input::Unintelligible);
            return;
        }
        let (utterance, began) = match (self.unfinished.take(), words) {
            (Some((first, began)), Words::Own { .. }) => (joined(self.lang, first, utterance), began),
            (Some((_, began)), Words::Both) => (utterance, began),
            (None, _) => (utterance, began),
        };
        // The next part has begun already, and nothing is being said meanwhile.
        if self.turn.words_to_come() && self.turn.is_quiet() && self.joins < MAX_JOINS && self.dialog_runs() {
            self.joins += 1;
            self.unfinished = Some((utterance, began));
            self.outputs.push_back(Output::Join);
            return;
        }
        self.answer(now, began, utterance);
    }

    /// Has an utterance answered, and keeps what it takes to undo that.
    fn answer(&mut self, now: Time, began: Time, utterance: Utterance) {
        // A box says neither that somebody despairs nor that they want no calls: a tone was taken for one.
        let grave = matches!(utterance.intent, Intent::StopCalling | Intent::Distress);
        if self.answered_by == AnsweredBy::Voicemail && !grave {
            self.tell_dialog(now, dialog::Input::Unintelligible);
            return;
        }
        // What was being said over is not taken up again: then the answer stands.
        let listened = self.turn.is_quiet() && self.dialog_runs() && self.interpreter.is_listening();
        let before = listened.then(|| self.interpreter.clone());
        self.acted = false;
        if self.answered_by != AnsweredBy::Screening {
            self.person_heard |= !matches!(utterance.intent, Intent::OutOfScope | Intent::Greeting);
            self.answered_by = AnsweredBy::Human;
        }
        self.tell_dialog(now, dialog::Input::Heard { utterance: utterance.clone(), began });
        self.a_person_came();
        self.interpret(now);
        let playback = self.turn.under_way().map(|p| p.0).filter(|_| !self.acted);
        if let (Some(before), Some(playback)) = (before, playback) {
            self.answered = Some(Answered { before, utterance, began, playback });
        }
    }

    /// What was said last is answered after all: nothing follows it.
    pub(super) fn finish_words(&mut self, now: Time) {
        if let Some((utterance, began)) = self.unfinished.take() {
            self.tell_dialog(now, dialog::Input::Heard { utterance, began });
        }
    }
}

/// Of which words an utterance is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Words {
    /// Its own, so sure.
    Own { clear: f32 },
    /// Those before it too.
    Both,
}

/// Two parts of one turn as one utterance. What says more is what is meant, the later part first where
/// both say as much; the other is meant beside it. Values are the later ones.
fn joined(lang: Lang, first: Utterance, second: Utterance) -> Utterance {
    let mark = match lang {
        Lang::Zh => "，",
        Lang::En => ", ",
    };
    let text = [first.text.trim_end_matches(['。', '，', '.', ',', ' ']), &second.text].join(mark);
    let entities = both(first.entities, second.entities);
    let says_more = says(second.intent) >= says(first.intent);
    let (main, beside) = match says_more {
        true => ((second.intent, second.confidence), (first.intent, first.confidence)),
        false => ((first.intent, first.confidence), (second.intent, second.confidence)),
    };
    let mut also: Vec<(Intent, f32)> = Vec::new();
    for other in [beside].into_iter().chain(second.also).chain(first.also) {
        if other.0 != main.0 && says(other.0) == SAYS_SOMETHING && also.iter().all(|a| a.0 != other.0) {
            also.push(other);
        }
    }
    Utterance { text, intent: main.0, confidence: main.1, entities, also }
}

const SAYS_SOMETHING: u8 = 2;

/// How much an intent says: 0 for murmurs and what was not understood, 1 for a yes or no.
fn says(intent: Intent) -> u8 {
    use Intent as I;
    match intent {
        I::OutOfScope | I::Acknowledge | I::Greeting => 0,
        I::Affirm | I::Deny | I::Wait => 1,
        _ => SAYS_SOMETHING,
    }
}

fn both(first: Entities, second: Entities) -> Entities {
    let sum = if second.amount.is_some() || second.whole { &second } else { &first };
    let (amount, currency) = (sum.amount, sum.currency);
    let (whole, shared_currency, each) = (sum.whole, sum.shared_currency, sum.each);
    let parts = if second.count.is_some() { &second } else { &first };
    let date = second.date.or(first.date);
    Entities {
        date,
        day_left_out: date.is_none() && (first.day_left_out || second.day_left_out),
        time: second.time.or(first.time),
        amount,
        currency,
        shared_currency,
        whole,
        count: parts.count,
        each,
        rest: parts.rest,
        channel: second.channel.or(first.channel),
        digits: second.digits.or(first.digits),
    }
}
