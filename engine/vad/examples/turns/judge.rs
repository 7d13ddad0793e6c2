//! Plays turns to those who decide when a turn is over, and counts what they do.

use std::{collections::HashMap, error::Error, path::Path};

use waihu_audio::{gate::SpeechGate, resample};
use waihu_turn::{EndOfTurn, Input, Output, Policy, Words};
use waihu_types::{Lang, Question, Time};
use waihu_vad::{Detector, Endpointer, EndpointerConfig, Gate, Silero, SmartTurn, SpeechBoundary, WINDOW_MS};

use crate::make::{Rest, Turn};

/// From the question to the model until its answer: a queue's turn and 40 ms of work [ms].
const MODEL_TAKES_MS: u64 = 80;
/// From the question to the recognizer until its words [ms].
const WORDS_TAKE_MS: u64 = 300;
/// Sound before the first word that the model hears [ms].
const BEFORE_MS: usize = 300;

/// What is known of a turn's sound, whoever decides.
pub(crate) struct Heard<'a> {
    pub turn: &'a Turn,
    /// The probability of speech, and when its window ended [ms].
    windows: Vec<(u64, f32)>,
    /// The model's answers by where the sound ended [ms] and where it began.
    tone: HashMap<(u64, u64), f32>,
}

/// The models, and a turn's sound at 16 kHz.
pub(crate) struct Models {
    pub silero: Silero,
    pub smart: SmartTurn,
}

impl<'a> Heard<'a> {
    pub(crate) fn new(models: &mut Models, turn: &'a Turn) -> Result<Self, Box<dyn Error>> {
        let (mut detector, mut gate) = (Detector::default(), SpeechGate::new(8_000));
        let mut windows = Vec::new();
        for (n, frame) in turn.samples.as_chunks().0.iter().enumerate() {
            let gate = if gate.push(frame, None).speech { Gate::Open } else { Gate::Closed };
            if let Some(p) = detector.push(&mut models.silero, frame, gate)? {
                windows.push(((n as u64 + 1) * 20, p));
            }
        }
        Ok(Self { turn, windows, tone: HashMap::new() })
    }

    /// The model's answer for the sound of a turn that began and now pauses [ms].
    pub(crate) fn tone(&mut self, models: &mut Models, began: u64, now: u64) -> Result<f32, Box<dyn Error>> {
        if let Some(known) = self.tone.get(&(began, now)) {
            return Ok(*known);
        }
        let from = (began as usize).saturating_sub(BEFORE_MS) * 8;
        let to = (now as usize * 8).min(self.turn.samples.len());
        let sound: Vec<f32> = self.turn.samples[from..to].iter().map(|s| f32::from(*s) / 32_768.0).collect();
        let p = models.smart.finished(&resample(&sound, 8_000, 16_000)?)?;
        self.tone.insert((began, now), p);
        Ok(p)
    }
}

/// Who decides.
#[derive(Clone, Copy)]
pub(crate) enum Judge<'p> {
    /// The machine, with what it is given.
    Machine { policy: &'p dyn Fn(&Turn) -> Policy, model: bool, words: bool },
    /// A silence of this length after Silero's last window of speech [ms].
    Silero(u64),
    /// The same after WebRTC's detector.
    WebRtc(u64),
    /// The model above a half, asked once in each pause of 200 ms; else a silence of 2 s.
    SmartTurn,
}

/// When a turn was ended [ms], in the order of time; a turn that was cut off is taken up anew.
pub(crate) fn ends(
    judge: Judge<'_>,
    models: &mut Models,
    heard: &mut Heard<'_>,
) -> Result<Vec<u64>, Box<dyn Error>> {
    match judge {
        Judge::Machine { policy, model, words } => {
            let policy = policy(heard.turn);
            machine(policy, model, words, models, heard)
        }
        Judge::SmartTurn => {
            // As its makers' pipeline does it, but for the silence that ends a turn it never believes: 3 s there.
            let policy = Policy {
                least_ms: 200,
                unclear_ms: 200,
                most_ms: 2_000,
                sure: 0.500_001,
                doubtful: 0.5,
                unheard: 1.0,
                ..Policy::of(Question::Open)
            };
            machine(policy, true, false, models, heard)
        }
        Judge::Silero(hangover_ms) => Ok(fixed(heard.windows.iter().copied(), hangover_ms)),
        Judge::WebRtc(hangover_ms) => {
            use webrtc_vad::{SampleRate, Vad, VadMode};
            let mut vad = Vad::new_with_rate_and_mode(SampleRate::Rate8kHz, VadMode::Aggressive);
            let frames = heard.turn.samples.chunks_exact(160).enumerate();
            let windows: Vec<(u64, f32)> = frames
                .map(|(n, f)| {
                    ((n as u64 + 1) * 20, f32::from(u8::from(vad.is_voice_segment(f).unwrap_or(false))))
                })
                .collect();
            Ok(fixed(windows.into_iter(), hangover_ms))
        }
    }
}

fn fixed(windows: impl Iterator<Item = (u64, f32)>, hangover_ms: u64) -> Vec<u64> {
    let mut endpointer = Endpointer::new(EndpointerConfig { hangover_ms, ..EndpointerConfig::default() });
    windows
        .filter_map(|(now, p)| {
            matches!(endpointer.push(now, p), Some(SpeechBoundary::Ended { .. })).then_some(now)
        })
        .collect()
}

fn machine(
    policy: Policy,
    model: bool,
    words: bool,
    models: &mut Models,
    heard: &mut Heard<'_>,
) -> Result<Vec<u64>, Box<dyn Error>> {
    let config = EndpointerConfig { hangover_ms: 5_000, ..EndpointerConfig::default() };
    let mut endpointer = Endpointer::new(config);
    let (mut turn, mut ends) = (EndOfTurn::new(policy), Vec::new());
    let mut answers: Vec<(u64, Input)> = Vec::new();
    let (mut began, mut first_part) = (0, 0);
    let mut speaking = false;
    let windows = std::mem::take(&mut heard.windows);
    for now in 1..windows.last().map_or(0, |w| w.0) {
        let at = Time::from_millis(now);
        answers.retain(|(when, input)| {
            if *when == now {
                turn.handle_input(at, *input);
            }
            *when > now
        });
        if let Ok(n) = windows.binary_search_by_key(&now, |w| w.0) {
            if let Some(SpeechBoundary::Started { at_ms }) = endpointer.push(now, windows[n].1) {
                began = at_ms;
            }
            let silent = endpointer.silent_since_ms();
            if endpointer.is_speaking() && silent.is_none() {
                turn.handle_input(at, Input::Voice);
                speaking = true;
            } else if let (true, Some(since)) = (speaking, silent) {
                turn.handle_input(at, Input::Pause { since: Time::from_millis(since) });
            }
        }
        if turn.poll_timeout().is_some_and(|due| due <= at) {
            turn.handle_input(at, Input::Timeout);
        }
        while let Some(output) = turn.poll_output() {
            match output {
                Output::AskModel(pause) if model => {
                    let probability = heard.tone(models, began, now)?;
                    answers.push((now + MODEL_TAKES_MS, Input::Model { pause, probability }));
                }
                Output::Recognize(pause) if words => {
                    let words = heard.words(first_part, now);
                    answers.push((now + WORDS_TAKE_MS, Input::Words { pause, words }));
                }
                Output::Ended { .. } => {
                    ends.push(now);
                    // Whoever goes on begins a turn of his own.
                    first_part = heard.parts(now).min(heard.turn.parts.len() - 1);
                    turn = EndOfTurn::new(policy);
                    endpointer = Endpointer::new(config);
                    (answers, speaking) = (Vec::new(), false);
                }
                _ => {}
            }
        }
    }
    heard.windows = windows;
    Ok(ends)
}

impl Heard<'_> {
    /// How many parts have been said by now.
    fn parts(&self, now: u64) -> usize {
        let over = self.turn.pauses.iter().rev().find(|p| p.from_ms <= now + WINDOW_MS);
        if now + WINDOW_MS >= self.turn.end_ms { self.turn.parts.len() } else { over.map_or(0, |p| p.parts) }
    }

    fn words(&self, first: usize, now: u64) -> Words {
        let parts = &self.turn.parts[first.min(self.parts(now))..self.parts(now)];
        let text = parts.join(if self.turn.lang == Lang::Zh { "" } else { " " });
        Words::of(self.turn.lang, &text, self.turn.question)
    }
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Score {
    /// Rests in the middle of a thought, and those at which the turn was ended.
    pub rests: usize,
    pub cut: usize,
    /// Rests after an answer, and those at which the turn was ended.
    pub answered: usize,
    pub early: usize,
    /// From the last word until the turn was ended [ms].
    pub waits: Vec<u64>,
    /// Never ended.
    pub never: usize,
}

impl Score {
    pub(crate) fn add(&mut self, turn: &Turn, ends: &[u64]) {
        let count = |rest| turn.pauses.iter().filter(|p| p.rest == rest).count();
        self.rests += count(Rest::Unfinished);
        self.answered += count(Rest::Answered);
        // A voice fades before its sample is over.
        let (before, after): (Vec<u64>, Vec<u64>) = ends.iter().partition(|e| **e + 100 < turn.end_ms);
        for end in before {
            match turn.pauses.iter().rev().find(|p| p.from_ms <= end) {
                Some(pause) if pause.rest == Rest::Answered => self.early += 1,
                _ => self.cut += 1,
            }
        }
        match after.first() {
            Some(end) => self.waits.push(end.saturating_sub(turn.end_ms)),
            None => self.never += 1,
        }
    }

    /// The wait that this share of the turns stays under [ms].
    pub(crate) fn wait(&self, share: f64) -> u64 {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let at = ((waits.len() as f64 * share).ceil() as usize).clamp(1, waits.len().max(1)) - 1;
        waits.get(at).copied().unwrap_or(0)
    }

    pub(crate) fn cut_share(&self) -> f64 {
        self.cut as f64 / self.rests.max(1) as f64
    }
}

/// Everything that is known of some turns.
pub(crate) fn hear<'a>(models: &mut Models, turns: &'a [Turn]) -> Result<Vec<Heard<'a>>, Box<dyn Error>> {
    turns.iter().map(|turn| Heard::new(models, turn)).collect()
}

/// The models under a folder.
pub(crate) fn models(folder: &Path) -> Result<Models, Box<dyn Error>> {
    waihu_vad::onnx::init(&folder.join("onnxruntime/libonnxruntime.so"))?;
    Ok(Models {
        silero: Silero::load(&folder.join("silero-vad/silero_vad.onnx"))?,
        smart: SmartTurn::load(&folder.join("smart-turn/smart_turn.onnx"))?,
    })
}
