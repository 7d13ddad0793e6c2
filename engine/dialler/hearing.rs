//! What the ears tell, in the call's words, and what the call expects, in the ears'.

use waihu_call::{Partial, SpeechEvent};
use waihu_dialog::Utterance;
use waihu_speech::{CallMood, Event, Expectation, Heard, Verdict};
use waihu_types::{Announcement, AttemptId, Mood, Told};

/// From this confidence on a verdict on who answered is acted on before it is settled.
const SURE: f32 = 0.9;

/// An event of the ears in the call's words; none for what the call has no use for.
pub fn speech_word(event: Event) -> Option<SpeechEvent> {
    Some(match event {
        Event::Started => SpeechEvent::Started,
        Event::GoesOn { voiced } => SpeechEvent::GoesOn { voiced },
        Event::Partial(p) => {
            let waihu_speech::Partial { text, intent, confidence, clear } = p;
            SpeechEvent::Partial(Partial { text, intent, confidence, clear })
        }
        // The call waits for the words, not for the end of their sound.
        Event::Ended => return None,
        Event::Heard(heard) => SpeechEvent::Heard { clear: heard.clear, utterance: utterance(heard) },
        Event::Rejoined(heard) => SpeechEvent::Rejoined(utterance(heard)),
        Event::Unintelligible => SpeechEvent::Unintelligible,
        Event::Beep => SpeechEvent::Beep,
        // A guess that may be taken back in a second moves nothing.
        Event::AnsweredBy(v) if !v.settled && v.confidence < SURE => return None,
        Event::AnsweredBy(v) => {
            SpeechEvent::AnsweredBy { by: v.by, announcement: v.announcement, told: told(&v) }
        }
        Event::Announced(v) => SpeechEvent::Announced {
            announcement: v.announcement.unwrap_or(Announcement::Other),
            told: told(&v),
        },
        Event::EarlyWords { owed } => SpeechEvent::EarlyWords { owed },
    })
}

fn told(verdict: &Verdict) -> Told {
    // Both ends lie within 0 to 100.
    Told {
        after_ms: verdict.after_ms,
        confidence: (verdict.confidence.clamp(0.0, 1.0) * 100.0).round() as u8,
    }
}

/// What was heard in the dialog's words.
pub fn utterance(heard: Heard) -> Utterance {
    let Heard { text, intent, confidence, entities, also, .. } = heard;
    Utterance { text, intent, confidence, entities, also }
}

/// Logs what an utterance took.
pub(crate) fn note(attempt: &AttemptId, event: &Event) {
    let (Event::Heard(heard) | Event::Rejoined(heard)) = event else { return };
    tracing::info!(
        %attempt,
        by = ?heard.by,
        silence_ms = heard.silence_ms,
        waited_ms = heard.waited_ms,
        took_ms = heard.took_ms,
        cost_ms = heard.cost.as_millis() as u64,
        "an utterance was understood"
    );
}

/// Keeps what was said for the mood of the call.
pub(crate) fn take_down(mood: &mut CallMood, event: &Event) {
    match event {
        Event::Heard(heard) => mood.heard(heard, false),
        Event::Rejoined(heard) => mood.heard(heard, true),
        _ => {}
    }
}

/// How the callee seemed to feel, for the outcome.
pub(crate) fn mood(mood: &CallMood) -> Option<Mood> {
    // All lie within 0 to 1.
    let percent = |share: f32| (share.clamp(0.0, 1.0) * 100.0).round() as u8;
    mood.mood().map(|m| Mood {
        agitation: percent(m.agitation),
        distress: percent(m.distress),
        willingness: percent(m.willingness),
    })
}

/// What the call expects of the callee's next words.
pub fn expectation(expected: waihu_dialog::Expectation) -> Expectation {
    let ms = |d: std::time::Duration| u32::try_from(d.as_millis()).unwrap_or(u32::MAX);
    Expectation {
        intents: expected.intents,
        question: expected.question,
        pause_ms: expected.pause.map(|p| (ms(p.least), ms(p.most))),
        words: expected.words,
        examples: expected.examples,
    }
}
