//! One worker's recognizer: a model shared, a state of its own.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use waihu_types::Lang;
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState};

use crate::{
    AsrError, Hypothesis, Rejected, check,
    cost::thread_time,
    default_prompt,
    guard::{Heard, UNSURE, judge, plain, runs_in_circles, unloop},
    hypotheses::{Line, Reader, Token},
    mend_commas, to_simplified,
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

/// Places of the decoder, the same in every Whisper model.
const TEXT_POSITIONS: usize = 448;

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
    /// The utterance and `after_ms` more, `least_ms` at least: for measuring other cuts.
    Room {
        /// Silence after the utterance [ms].
        after_ms: u16,
        /// The smallest window [ms].
        least_ms: u16,
    },
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
    /// Readings wanted, the best one included: others are looked for only where the recognizer was not
    /// sure of a word. One does without; each more costs some 30 ms of a core where it is looked for.
    pub readings: usize,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { lang: Lang::Zh, prompt: None, window: Window::Cut, readings: 3 }
    }
}

/// What was said.
#[derive(Clone, PartialEq)]
pub struct Transcription {
    /// The words with their punctuation; empty when nothing was said, and [`Self::rejected`] says why.
    pub text: String,
    /// What it may have been, the best first and that one included; empty when nothing was said. All of
    /// them differ in their words, not in punctuation alone.
    pub alternatives: Vec<Hypothesis>,
    /// Mean log-probability of the tokens: near 0 is sure, below -1 is a guess. 0 without tokens.
    pub avg_logprob: f32,
    /// The model's probability that nobody spoke, 0 to 1.
    pub no_speech: f32,
    /// Length of the utterance [ms].
    pub audio_ms: u32,
    /// Processor time of the calling thread that it took: what it cost, however busy the machine was.
    /// With more threads than one it is this thread's share.
    pub took: Duration,
    /// Why there is no text.
    pub rejected: Option<Rejected>,
}

impl std::fmt::Debug for Transcription {
    // The words are personal data: a log line shows how many there were.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcription")
            .field("characters", &self.text.chars().count())
            .field("alternatives", &self.alternatives.len())
            .field("avg_logprob", &self.avg_logprob)
            .field("no_speech", &self.no_speech)
            .field("audio_ms", &self.audio_ms)
            .field("took", &self.took)
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
        let begun = thread_time();
        let mut heard = self.hear(samples, options)?;
        if heard.rejected == Some(Rejected::Prompt) {
            // There was speech, and the prompt stood in its way.
            heard = self.hear(samples, &Options { prompt: Some(""), ..*options })?;
        }
        heard.took = thread_time().saturating_sub(begun);
        Ok(heard)
    }

    fn hear(&mut self, samples: &[f32], options: &Options<'_>) -> Result<Transcription, AsrError> {
        let mut heard = Transcription {
            text: String::new(),
            alternatives: Vec::new(),
            avg_logprob: 0.0,
            no_speech: 1.0,
            audio_ms: (samples.len() * 1_000 / RATE) as u32,
            took: Duration::ZERO,
            rejected: None,
        };
        if samples.len() < SHORTEST || loudest_dbov(samples) < SILENCE_DBOV {
            heard.rejected = Some(Rejected::Silence);
            return Ok(heard);
        }
        let prompt = options.prompt.unwrap_or_else(|| default_prompt(options.lang));
        self.remember(prompt)?;
        let best = self.run(samples, options)?;
        heard.avg_logprob = best.avg_logprob();
        let others = if options.readings > 1 && heard.avg_logprob > UNSURE {
            self.others(&best, samples.len(), options)?
        } else {
            Vec::new()
        };
        heard.no_speech = self.no_speech()?;
        match self.reading(&best, prompt, options.lang, &heard)? {
            Ok(best) => heard.alternatives.push(best),
            Err(rejected) => heard.rejected = Some(rejected),
        }
        for line in others.iter().take_while(|_| heard.rejected.is_none()) {
            let Ok(other) = self.reading(line, prompt, options.lang, &heard)? else { continue };
            if heard.alternatives.iter().all(|a| plain(&a.text) != plain(&other.text)) {
                heard.alternatives.push(other);
            }
        }
        heard.alternatives.sort_by(|a, b| b.avg_logprob.total_cmp(&a.avg_logprob));
        if let Some(best) = heard.alternatives.first() {
            (heard.text, heard.avg_logprob) = (best.text.clone(), best.avg_logprob);
        }
        Ok(heard)
    }

    /// What `line` says, or why it is not believed.
    fn reading(
        &self,
        line: &Line,
        prompt: &str,
        lang: Lang,
        heard: &Transcription,
    ) -> Result<Result<Hypothesis, Rejected>, AsrError> {
        let raw = line.text(&self.context)?;
        let text = unloop(&raw);
        if runs_in_circles(&raw, &text) {
            return Ok(Err(Rejected::Loop));
        }
        let text = if lang == Lang::Zh { to_simplified(&mend_commas(&text)) } else { text };
        let avg_logprob = line.avg_logprob();
        let heard = Heard { audio_ms: heard.audio_ms, avg_logprob, no_speech: heard.no_speech };
        Ok(judge(&text, prompt, lang, &heard).map(|()| Hypothesis { text, avg_logprob }))
    }

    fn others(&mut self, best: &Line, samples: usize, options: &Options<'_>) -> Result<Vec<Line>, AsrError> {
        // Start, language, task, no time stamps.
        let before = self.start() + 4;
        let mut reader = Reader {
            before,
            last_before: self.context.token_not(),
            threads: self.config.threads.max(1),
            most: tokens_of_a_reading(samples, before),
            state: &mut self.state,
            context: &self.context,
        };
        reader.others(best, options.readings - 1)
    }

    /// Where whisper.cpp puts the start of the text: behind the prompt and its mark.
    fn start(&self) -> usize {
        if self.prompt.1.is_empty() { 0 } else { self.prompt.1.len() + 1 }
    }

    /// The model's probability that what it has just heard is no speech. It is read at the start of the
    /// text, where the model was trained to tell it; whisper.cpp's own figure is left over from the utterance
    /// before.
    fn no_speech(&mut self) -> Result<f32, AsrError> {
        let (start, threads) = (self.start(), self.config.threads.max(1));
        self.state.decode(&[self.context.token_sot()], start, threads)?;
        let logits = self.state.get_logits()?;
        let most = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = logits.iter().map(|l| (l - most).exp()).sum();
        let token = usize::try_from(self.context.token_nosp()).unwrap_or(usize::MAX);
        Ok(logits.get(token).map_or(0.0, |l| (l - most).exp() / sum))
    }

    fn run(&mut self, samples: &[f32], options: &Options<'_>) -> Result<Line, AsrError> {
        let Self { params, prompt, state, .. } = self;
        // `Lang::ALL` has every language, in this order.
        let params = &params[usize::from(params[0].0 != options.lang)].1;
        let mut params: FullParams<'_, '_> = params.clone();
        if !prompt.1.is_empty() {
            params.set_tokens(&prompt.1);
        }
        params.set_audio_ctx(positions(samples.len(), options.window) as i32);
        params.set_max_tokens(tokens_at_most(samples.len()) as i32);
        state.full(params, samples)?;
        let mut line = Line::default();
        for segment in state.as_iter() {
            for i in 0..segment.n_tokens() {
                if let Some(token) = segment.get_token(i) {
                    line.tokens.push(Token { id: token.token_id(), logprob: token.token_data().plog });
                }
            }
        }
        Ok(line)
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
    // whisper.cpp compares a probability that it reads from the row of another token's logits, left over
    // from the utterance before; ours is read in `no_speech`. No probability is above one.
    params.set_no_speech_thold(2.0);
    params.set_temperature(0.0);
    params.set_temperature_inc(0.0);
    params.set_print_special(false);
    params.set_print_progress(false);
    params.set_print_realtime(false);
    params.set_print_timestamps(false);
    params
}

/// Encoder positions for the window.
fn positions(samples: usize, window: Window) -> usize {
    let (after, least) = match window {
        Window::Cut => (POSITIONS_AFTER, POSITIONS_LEAST),
        Window::Room { after_ms, least_ms } => (usize::from(after_ms) / 20, usize::from(least_ms) / 20),
        Window::Full => (0, POSITIONS_FULL),
    };
    (samples.div_ceil(SAMPLES_PER_POSITION) + after).max(least).min(POSITIONS_FULL)
}

/// More than anyone says in that time: hurried Mandarin takes some 12 tokens a second.
fn tokens_at_most(samples: usize) -> usize {
    16 + samples * 16 / RATE
}

/// The same of a reading that begins behind so many tokens. Beyond the decoder's last place whisper.cpp ends the
/// whole process.
fn tokens_of_a_reading(samples: usize, before: usize) -> usize {
    tokens_at_most(samples).min(TEXT_POSITIONS.saturating_sub(before))
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
    fn no_reading_goes_beyond_the_decoders_last_place() {
        for seconds in [1, 5, 27, 30, 600] {
            for before in [4, 5 + PROMPT_MAX_TOKENS, TEXT_POSITIONS, 9_000] {
                let most = tokens_of_a_reading(seconds * RATE, before);
                assert!(most == 0 || before + most <= TEXT_POSITIONS, "{seconds} s after {before}");
            }
        }
        assert_eq!(tokens_of_a_reading(3 * RATE, 20), tokens_at_most(3 * RATE), "short ones have their room");
    }

    #[test]
    fn the_window_keeps_two_seconds_after_the_utterance_of_six_at_least_and_thirty_at_most() {
        assert_eq!(positions(RATE, Window::Cut), 300);
        assert_eq!(positions(3 * RATE, Window::Cut), 300);
        assert_eq!(positions(8 * RATE, Window::Cut), 500);
        assert_eq!(positions(30 * RATE, Window::Cut), POSITIONS_FULL);
        assert_eq!(positions(RATE, Window::Full), POSITIONS_FULL);
        let own = Window::Room { after_ms: 1_000, least_ms: 2_400 };
        assert_eq!(positions(RATE, own), 120);
        assert_eq!(positions(2 * RATE, own), 150);
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
