//! One worker's recognizer: a model shared, a state of its own.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use waihu_types::Lang;
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState};

use crate::{
    AsrError, Rejected, check, default_prompt,
    guard::{judge, unloop},
    to_simplified,
};

/// Whisper's rate [Hz].
const RATE: usize = 16_000;

/// Samples that one position of the encoder stands for: two mel frames of 10 ms.
const SAMPLES_PER_POSITION: usize = 320;

/// The encoder's positions for 30 s.
const POSITIONS_FULL: usize = 1_500;

/// Silence that the cut window keeps after the utterance, in positions of 20 ms: two seconds. With less
/// the model loses last words, or does not see that the utterance has ended and goes on making up text.
const POSITIONS_AFTER: usize = 100;

/// The smallest cut window: six seconds. In smaller ones the model goes on making up text after short
/// answers. With these two, 96 Mandarin and 96 English lines of a telephone's sound come out about as right as
/// with the whole window (`examples/measure.rs`); one second after and no least window had twice the errors.
const POSITIONS_LEAST: usize = 300;

/// whisper.cpp refuses less than 100 ms; a syllable with its edges is longer.
const SHORTEST: usize = RATE / 5;

/// The loudest 20 ms of an utterance below this [dBov] is line noise: G.711 cannot carry speech there.
const SILENCE_DBOV: f32 = -55.0;

/// Prompt tokens at most: half of the decoder's context is kept for the text, and each one costs time.
const PROMPT_MAX_TOKENS: usize = 96;

/// How a recognizer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsrConfig {
    /// Threads for one utterance. One is best where several calls speak at once.
    pub threads: usize,
    /// whisper.cpp's fused attention.
    pub flash_attention: bool,
}

impl Default for AsrConfig {
    fn default() -> Self {
        Self { threads: 1, flash_attention: false }
    }
}

/// How much of its 30 s window the model computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// The utterance and two seconds more, six at least.
    #[default]
    Cut,
    /// All of it: the reference, several times slower.
    Full,
}

/// What is known about an utterance beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options<'a> {
    /// The language spoken. It is not guessed: a wrong guess on a short answer costs the whole of it.
    pub lang: Lang,
    /// Words to expect, as a sentence that could have come before; `None` takes [`default_prompt`], an
    /// empty one does without.
    pub prompt: Option<&'a str>,
    /// How much is computed.
    pub window: Window,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { lang: Lang::Zh, prompt: None, window: Window::Cut }
    }
}

/// What was said.
#[derive(Clone, PartialEq)]
pub struct Transcription {
    /// The words with their punctuation; empty when nothing was said, and [`Self::rejected`] says why.
    pub text: String,
    /// Mean log-probability of the tokens: near 0 is sure, below -1 is a guess. 0 without tokens.
    pub avg_logprob: f32,
    /// The model's probability that nobody spoke, 0 to 1.
    pub no_speech: f32,
    /// Length of the utterance [ms].
    pub audio_ms: u32,
    /// Why there is no text.
    pub rejected: Option<Rejected>,
}

impl std::fmt::Debug for Transcription {
    // The words are personal data: a log line shows how many there were.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcription")
            .field("characters", &self.text.chars().count())
            .field("avg_logprob", &self.avg_logprob)
            .field("no_speech", &self.no_speech)
            .field("audio_ms", &self.audio_ms)
            .field("rejected", &self.rejected)
            .finish()
    }
}

/// A recognizer. It is one worker's own; [`Asr::another`] makes one more on the same weights.
pub struct Asr {
    context: Arc<WhisperContext>,
    state: WhisperState,
    config: AsrConfig,
    /// One for each language: whisper-rs never frees the language's name, so it is set only once.
    params: [(Lang, FullParams<'static, 'static>); 2],
    /// The last prompt and its tokens; a call asks with the same one again and again.
    prompt: (String, Vec<i32>),
}

impl Asr {
    /// Loads the ggml Whisper model at `path`. The file is checked before whisper.cpp reads it: a
    /// damaged one is an error, never the end of the process.
    ///
    /// # Errors
    /// [`AsrError::Missing`], [`AsrError::Damaged`] and [`AsrError::EnglishOnly`] name the file and what
    /// to do; [`AsrError::Whisper`] when there is not enough memory.
    pub fn load(path: impl AsRef<Path>, config: AsrConfig) -> Result<Self, AsrError> {
        let path: PathBuf = path.as_ref().to_owned();
        check::check(&path)?;
        // Without a back end for its log, whisper.cpp is silent from here on.
        whisper_rs::install_logging_hooks();
        let mut parameters = WhisperContextParameters::default();
        parameters.flash_attn(config.flash_attention);
        let context = WhisperContext::new_with_params(&path, parameters).map_err(|_| AsrError::Damaged {
            path: path.clone(),
            problem: "whisper.cpp does not take it".to_owned(),
        })?;
        if !context.is_multilingual() {
            return Err(AsrError::EnglishOnly { path });
        }
        Self::on(Arc::new(context), config)
    }

    /// One more recognizer on the same weights: a worker's memory without the model's.
    ///
    /// # Errors
    /// [`AsrError::Whisper`] when there is not enough memory.
    pub fn another(&self) -> Result<Self, AsrError> {
        Self::on(Arc::clone(&self.context), self.config)
    }

    fn on(context: Arc<WhisperContext>, config: AsrConfig) -> Result<Self, AsrError> {
        let state = context.create_state()?;
        let params = Lang::ALL.map(|lang| (lang, params(lang, config)));
        Ok(Self { context, state, config, params, prompt: (String::new(), Vec::new()) })
    }

    /// The words in `samples`: mono, 16 kHz, -1 to 1, at most 30 s.
    ///
    /// Decoding is greedy, without time stamps and without a second try at a higher temperature, so
    /// that its time has a bound.
    ///
    /// # Errors
    /// [`AsrError::TooLong`], or [`AsrError::Whisper`] when the computation fails. That nothing was said
    /// is no error.
    pub fn transcribe(&mut self, samples: &[f32], options: &Options<'_>) -> Result<Transcription, AsrError> {
        if samples.len() > 30 * RATE {
            return Err(AsrError::TooLong { seconds: samples.len().div_ceil(RATE) });
        }
        let audio_ms = (samples.len() * 1_000 / RATE) as u32;
        let mut heard =
            Transcription { text: String::new(), avg_logprob: 0.0, no_speech: 1.0, audio_ms, rejected: None };
        if samples.len() < SHORTEST || loudest_dbov(samples) < SILENCE_DBOV {
            heard.rejected = Some(Rejected::Silence);
            return Ok(heard);
        }
        let prompt = options.prompt.unwrap_or_else(|| default_prompt(options.lang));
        self.remember(prompt)?;
        let (raw, avg_logprob, no_speech) = self.run(samples, options)?;
        (heard.avg_logprob, heard.no_speech) = (avg_logprob, no_speech);
        let text = unloop(raw.trim());
        let text = if options.lang == Lang::Zh { to_simplified(&text) } else { text };
        match judge(&text, prompt, options.lang, audio_ms, avg_logprob, no_speech) {
            Ok(()) => heard.text = text,
            Err(rejected) => heard.rejected = Some(rejected),
        }
        Ok(heard)
    }

    fn run(&mut self, samples: &[f32], options: &Options<'_>) -> Result<(String, f32, f32), AsrError> {
        let Self { params, prompt, state, context, .. } = self;
        // `Lang::ALL` has every language, in this order.
        let params = &params[usize::from(params[0].0 != options.lang)].1;
        let mut params: FullParams<'_, '_> = params.clone();
        if !prompt.1.is_empty() {
            params.set_tokens(&prompt.1);
        }
        params.set_audio_ctx(match options.window {
            Window::Cut => positions(samples.len()) as i32,
            Window::Full => 0,
        });
        params.set_max_tokens(tokens_at_most(samples.len()) as i32);
        state.full(params, samples)?;
        let mut text = Vec::new();
        let (mut sum, mut count, mut no_speech) = (0.0, 0, 0.0f32);
        let first_special = context.token_eot();
        for segment in state.as_iter() {
            text.extend_from_slice(segment.to_bytes()?);
            no_speech = no_speech.max(segment.no_speech_probability());
            for i in 0..segment.n_tokens() {
                if let Some(token) = segment.get_token(i)
                    && token.token_id() < first_special
                {
                    sum += token.token_data().plog;
                    count += 1;
                }
            }
        }
        let avg_logprob = if count == 0 { 0.0 } else { sum / count as f32 };
        // A token can end in the middle of a character; at the token limit the rest of it never comes.
        let text = String::from_utf8_lossy(&text).replace('\u{fffd}', "");
        Ok((text, avg_logprob, no_speech))
    }

    fn remember(&mut self, prompt: &str) -> Result<(), AsrError> {
        if self.prompt.0 == prompt {
            return Ok(());
        }
        // whisper.cpp reads a C string; text after a NUL would be lost, the NUL itself is a panic.
        let clean = prompt.replace('\0', "");
        let mut tokens = match clean.is_empty() {
            true => Vec::new(),
            false => self.context.tokenize(&clean, clean.len() + 1)?,
        };
        // The end of a prompt counts most: it is nearest to what is said.
        tokens.drain(..tokens.len().saturating_sub(PROMPT_MAX_TOKENS));
        self.prompt = (prompt.to_owned(), tokens);
        Ok(())
    }
}

fn params(lang: Lang, config: AsrConfig) -> FullParams<'static, 'static> {
    let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    params.set_language(Some(lang.code()));
    params.set_n_threads(i32::try_from(config.threads.max(1)).unwrap_or(1));
    params.set_translate(false);
    params.set_no_context(true);
    params.set_no_timestamps(true);
    params.set_single_segment(true);
    params.set_suppress_blank(true);
    params.set_suppress_nst(true);
    params.set_temperature(0.0);
    params.set_temperature_inc(0.0);
    params.set_print_special(false);
    params.set_print_progress(false);
    params.set_print_realtime(false);
    params.set_print_timestamps(false);
    params
}

/// Encoder positions for the cut window.
fn positions(samples: usize) -> usize {
    (samples.div_ceil(SAMPLES_PER_POSITION) + POSITIONS_AFTER).clamp(POSITIONS_LEAST, POSITIONS_FULL)
}

/// More than anyone says in that time: hurried Mandarin takes some 12 tokens a second.
fn tokens_at_most(samples: usize) -> usize {
    16 + samples * 16 / RATE
}

/// Level of the loudest 20 ms [dBov].
fn loudest_dbov(samples: &[f32]) -> f32 {
    let power = samples
        .chunks(RATE / 50)
        .map(|c| c.iter().map(|s| s * s).sum::<f32>() / c.len() as f32)
        .fold(0.0, f32::max);
    // An RMS of one is 0 dBov.
    10.0 * power.max(1e-12).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_keeps_two_seconds_after_the_utterance_of_six_at_least_and_thirty_at_most() {
        assert_eq!(positions(RATE), 300);
        assert_eq!(positions(3 * RATE), 300);
        assert_eq!(positions(8 * RATE), 500);
        assert_eq!(positions(30 * RATE), POSITIONS_FULL);
    }

    #[test]
    fn a_recognizer_can_be_handed_to_a_worker() {
        fn hand_over<T: Send + 'static>() {}
        hand_over::<Asr>();
    }

    #[test]
    fn silence_lies_below_speech_on_a_telephone() {
        assert!(loudest_dbov(&vec![0.0; RATE]) < SILENCE_DBOV);
        // G.711's smallest step, up and down.
        let idle: Vec<f32> = (0..RATE).map(|i| if i % 2 == 0 { 8.0 } else { -8.0 } / 32_768.0).collect();
        assert!(loudest_dbov(&idle) < SILENCE_DBOV);
        let mut soft = vec![0.0; RATE];
        soft[8_000..8_320].fill(0.005);
        assert!(loudest_dbov(&soft) > SILENCE_DBOV);
    }
}
