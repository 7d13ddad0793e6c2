//! The workers that listen, understand and speak for every call.
//!
//! [`Speech`] joins the engines of `vad`, `asr`, `intent` and `tts` with queues that are bounded
//! and say what they refuse. It knows no call and no script: a [`Listener`] takes frames and tells
//! its sink what was heard, [`Speech::voice`] takes a text and answers with samples. Absent on
//! purpose: end of turn by meaning, partial results and the cheap path, which will live here.

mod beep;
mod ears;
mod recognizer;
mod voice;

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::civil::Date;
use waihu_intent::Classifier;
use waihu_nlu::Entities;
use waihu_tts::{PromptCache, Tts, TtsPaths};
use waihu_types::{Intent, Lang};

pub use ears::{EarTap, Listener};
pub use voice::{BotVoices, Urgency, VoiceReply, VoiceRequest};
pub use waihu_vad::Gate;

/// What the workers load, and how many there are.
#[derive(Clone, Debug)]
pub struct SpeechConfig {
    /// ONNX Runtime's shared library.
    pub onnx_runtime: PathBuf,
    /// The Whisper model in ggml format.
    pub whisper: PathBuf,
    /// The Silero model.
    pub silero: PathBuf,
    /// The sentence encoder's folder.
    pub encoder: PathBuf,
    /// The trained head.
    pub head: PathBuf,
    /// The voices' files.
    pub tts: TtsPaths,
    /// Where spoken prompts are kept.
    pub prompts: PathBuf,
    /// Recognizer threads; each takes 0.4 GB and one core while it works.
    pub recognizers: usize,
    /// The bot's voices.
    pub voices: BotVoices,
}

/// What is told of a callee's speech. Each `Started` is followed by one `Ended`, and that by one of
/// `Heard` and `Unintelligible`.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Speech began.
    Started,
    /// Speech goes on; told every tenth of a second of voice.
    GoesOn {
        /// How much of the utterance so far was voice, without its pauses.
        voiced: Duration,
    },
    /// Speech ended; recognition is under way.
    Ended,
    /// What was said.
    Heard(Heard),
    /// Sound without words, or the recognizer had no room, or fell over it.
    Unintelligible,
    /// A single tone, as a voicemail box gives before it records.
    Beep,
}

/// An utterance and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// The words.
    pub text: String,
    /// What they mean.
    pub intent: Intent,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
    /// Dates, sums and numbers in it.
    pub entities: Entities,
    /// From its end to its turn [ms].
    pub waited_ms: u64,
    /// From its turn to the words [ms].
    pub took_ms: u64,
}

/// Who is told; called on a worker's thread, and must not block.
pub type Sink = Arc<dyn Fn(Event) + Send + Sync>;

/// Why speech does not work.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// The recognizer.
    #[error(transparent)]
    Asr(#[from] waihu_asr::AsrError),
    /// Voice activity.
    #[error(transparent)]
    Vad(#[from] waihu_vad::VadError),
    /// A voice.
    #[error(transparent)]
    Tts(#[from] waihu_tts::TtsError),
    /// Understanding.
    #[error(transparent)]
    Intent(#[from] waihu_intent::IntentError),
    /// Sound that cannot be resampled.
    #[error(transparent)]
    Resample(#[from] waihu_audio::ResampleError),
    /// More texts wait for the voice than it may keep.
    #[error("too many prompts are waiting to be spoken; place fewer calls at once")]
    VoiceBusy,
    /// A worker fell over this one piece of work.
    #[error(
        "a fault of this program's own in a speech worker; please report it with what it wrote to stderr"
    )]
    Fell,
    /// The system gave no thread.
    #[error("no thread for a speech worker: {0}")]
    Thread(std::io::Error),
}

/// How loaded the workers are; the pacer's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Utterances that wait for a recognizer.
    pub waiting: usize,
    /// Utterances refused since the start.
    pub refused: u64,
    /// Frames dropped since the start.
    pub dropped_frames: u64,
}

/// The speech workers.
#[derive(Clone)]
pub struct Speech {
    ears: ears::Ears,
    recognizers: recognizer::Recognizers,
    voice: voice::Voice,
}

impl Speech {
    /// Loads every model and starts the threads.
    ///
    /// # Errors
    /// When a model is missing or damaged, with its path and what to do.
    pub fn start(config: SpeechConfig) -> Result<Self, SpeechError> {
        waihu_vad::onnx::init(&config.onnx_runtime)?;
        let classifier = Arc::new(Classifier::load(&config.encoder, &config.head)?);
        let recognizers = recognizer::Recognizers::start(config.recognizers, &config.whisper, classifier)?;
        let ears = ears::Ears::start(&config.silero, recognizers.clone())?;
        let voice =
            voice::Voice::start(Tts::load(config.tts)?, PromptCache::open(&config.prompts)?, config.voices)?;
        Ok(Self { ears, recognizers, voice })
    }

    /// Begins to listen to one call.
    pub fn listen(&self, lang: Lang, today: Date, sink: Sink) -> Listener {
        self.ears.open(lang, today, sink)
    }

    /// Speaks a text, from the cache or now; `reply` is called on a worker's thread.
    pub fn voice(&self, request: VoiceRequest, reply: VoiceReply) {
        self.voice.speak(request, reply);
    }

    /// How loaded the workers are.
    pub fn load(&self) -> Load {
        let (waiting, refused) = self.recognizers.load();
        Load { waiting, refused, dropped_frames: self.ears.dropped() }
    }
}
