//! What the bot says around a handover: to the agent who it is, and to both that they are there.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use waihu_agents::desk;
use waihu_call::{AgentEvent, Leg, Line, Speaker};
use waihu_media::{PlaybackId, SlotId};
use waihu_speech::{Urgency as Spoken, VoiceRequest};
use waihu_types::{Intent, VoiceStyle};

use super::{AgentSide, Happening, Own};
use crate::{
    plant::{Order, Plant},
    whisper,
};

/// A whisper that is not spoken within this is left out: an agent who is there is worth more than two words.
const WHISPER_WITHIN: Duration = Duration::from_secs(2);

/// Both are introduced within this, or not at all: then they have greeted each other.
const INTRODUCED_WITHIN: Duration = Duration::from_millis(1_500);

/// What is played beside prompts: no prompt has these numbers.
pub(super) const WHISPER: PlaybackId = PlaybackId(u64::MAX);
const INTRODUCTION: PlaybackId = PlaybackId(u64::MAX - 1);
pub(super) const MUSIC: PlaybackId = PlaybackId(u64::MAX - 2);

/// What an agent hears before the callee hears them.
#[derive(Default)]
pub(super) enum Whisper {
    /// There is none.
    #[default]
    None,
    /// It is being spoken.
    Coming,
    Ready(Arc<[i16]>),
}

/// What both are to hear once they are joined.
#[derive(Default)]
pub(super) struct Introduction {
    words: Option<Arc<str>>,
    sound: Option<Arc<[i16]>>,
    pub(super) joined_at: Option<Instant>,
}

impl AgentSide {
    /// Has the whisper spoken, while an agent is sought.
    pub(super) fn prepare(&mut self, plant: &Plant, order: &Order, reason: Intent, card: &desk::Card) {
        let text = whisper::words(order.lang, &order.case, card.identity, reason, card.mood);
        let to_side = self.happenings.clone();
        let request = VoiceRequest {
            lang: order.lang,
            text,
            parts: Vec::new(),
            style: VoiceStyle::new(None, whisper::SPEED),
            urgency: Spoken::Preparation,
        };
        self.whisper = Whisper::Coming;
        let reply = move |part: Result<waihu_speech::VoicePart, _>| {
            let samples = part.ok().map(|part| whisper::bounded(&part.spoken_whole()));
            let _ = to_side.send((0, Own(Happening::Whisper(samples))));
            ControlFlow::Break(())
        };
        plant.speech.voice(request, Box::new(reply));
    }

    /// Tells an agent who it is; whether that is over at once.
    pub(crate) fn brief(&mut self, plant: &Plant, leg: Leg) -> Option<waihu_call::Input> {
        let at = self.at(leg)?;
        match &self.whisper {
            Whisper::Ready(samples) => {
                plant.media.play(self.legs.get(at)?.slot(), WHISPER, Arc::clone(samples));
                None
            }
            Whisper::Coming => {
                let leg = self.legs.get_mut(at)?;
                leg.awaits_whisper = true;
                let (to_side, number) = (self.happenings.clone(), leg.number);
                tokio::spawn(async move {
                    sleep(WHISPER_WITHIN).await;
                    let _ = to_side.send((number, Own(Happening::WhisperLate)));
                });
                None
            }
            Whisper::None => self.of_an_agent(at, AgentEvent::Briefed),
        }
    }

    /// The whisper's sound has come, or there is none.
    pub(super) fn spoken(&mut self, plant: &Plant, samples: Option<Arc<[i16]>>) -> Option<waihu_call::Input> {
        self.whisper = samples.map_or(Whisper::None, Whisper::Ready);
        let at = self.legs.iter().position(|leg| leg.awaits_whisper)?;
        let leg = self.legs.get_mut(at)?;
        leg.awaits_whisper = false;
        match leg.who {
            super::leg::Who::Consulted(_) => self.brief(plant, Leg::Consulted),
            _ => self.brief(plant, Leg::Agent),
        }
    }

    /// Has the introduction spoken, while the agent's leg is made.
    pub(crate) fn introduce(&mut self, plant: &Plant, words: &str, request: VoiceRequest) {
        let words: Arc<str> = words.into();
        self.introduction = Introduction { words: Some(Arc::clone(&words)), ..Introduction::default() };
        let to_side = self.happenings.clone();
        let reply = move |part: Result<waihu_speech::VoicePart, _>| {
            let samples = part.ok().map(|part| part.spoken_whole().samples);
            let _ = to_side.send((0, Own(Happening::Introduction(Arc::clone(&words), samples))));
            ControlFlow::Break(())
        };
        plant.speech.voice(request, Box::new(reply));
    }

    pub(super) fn introduction_spoken(
        &mut self,
        plant: &Plant,
        callee: SlotId,
        words: &str,
        samples: Option<Arc<[i16]>>,
    ) -> Option<Line> {
        // Another agent's may come late.
        if self.introduction.words.as_deref() == Some(words) {
            self.introduction.sound = samples;
        }
        self.play_introduction(plant, callee)
    }

    /// Both hear it, each on their own leg, at the same time; the line where they do.
    pub(super) fn play_introduction(&mut self, plant: &Plant, callee: SlotId) -> Option<Line> {
        let agent = self.legs.get(self.at(Leg::Agent)?)?.slot();
        let in_time = self.introduction.joined_at?.elapsed() < INTRODUCED_WITHIN;
        let samples = self.introduction.sound.take().filter(|_| in_time)?;
        let words = self.introduction.words.take()?;
        for slot in [callee, agent] {
            plant.media.play(slot, INTRODUCTION, Arc::clone(&samples));
        }
        let text = words.to_string();
        Some(Line { at: plant.media.now(), speaker: Speaker::Bot, text, understood: None })
    }
}
