//! The workers that listen, understand and speak for every call.
//!
//! [`Speech`] joins the engines of `vad`, `turn`, `answer`, `spotter`, `asr`, `intent` and `tts` with queues that
//! are bounded and say what they refuse. It knows no call and no script: a [`Listener`] takes frames and tells
//! its sink what was heard, [`Speech::voice`] takes a text and answers with samples, part by part.
//!
//! An utterance is looked at in its first short pause: a short answer that the spotter is sure of is known at
//! once, all else is recognized on speculation, and dropped if the callee goes on. The turn is over when tone,
//! words and silence together say so (`turn`); then its words are mostly there.

mod ear;
mod ears;
mod looks;
mod mood;
mod queue;
mod recognizer;
mod rehearsal;
mod speaker;
mod voice;

use std::{fmt, path::PathBuf, sync::Arc, sync::atomic::Ordering, time::Duration};

use jiff::civil::Date;
use waihu_intent::Classifier;
use waihu_nlu::Entities;
use waihu_spotter::Spotter;
use waihu_tts::TtsPaths;
use waihu_types::{Intent, Lang, Question};
use waihu_vad::SmartTurn;

pub use ears::{EarTap, Listener};
pub use mood::{CallMood, Manner};
pub use rehearsal::{Rehearsal, Rehearsed};
pub use speaker::{Origin, Speaker, SpokenPart};
pub use voice::{Urgency, VoicePart, VoiceReply, VoiceRequest};
pub use waihu_answer::Verdict;
pub use waihu_nlu::Mood;
pub use waihu_tts::{FitError, Mark, RecordingFault, Spoken, Take, TtsError, fit};
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
    /// The model of the end of a turn; without it words and silence decide.
    pub smart_turn: Option<PathBuf>,
    /// The spotter's weights; without them everything is recognized.
    pub spotter: Option<PathBuf>,
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
}

/// What is told of a callee's speech; before the answer, only the last two. Each `Started` is followed by one `Ended`, and that by one of
/// `Heard`, `Rejoined` and `Unintelligible`.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Speech began.
    Started,
    /// Speech goes on; told every tenth of a second of voice.
    GoesOn {
        /// How much of the utterance so far was voice, without its pauses.
        voiced: Duration,
    },
    /// What was said so far, in a pause that may be the end.
    Partial(Partial),
    /// Speech ended; its words follow, mostly at once.
    Ended,
    /// What was said.
    Heard(Heard),
    /// What was said, together with the utterance before it ([`Listener::join`]).
    Rejoined(Heard),
    /// Sound without words, or the recognizer had no room, or fell over it.
    Unintelligible,
    /// A single tone, as a voicemail box gives before it records.
    Beep,
    /// Who answered; the last one counts.
    AnsweredBy(Verdict),
    /// What the network announces before an answer; the last one counts.
    Announced(Verdict),
    /// How many utterances of early media are owed their words; told whenever that changes.
    EarlyWords {
        /// So many.
        owed: usize,
    },
}

impl Event {
    /// Whether it tells what became of an utterance.
    pub fn is_result(&self) -> bool {
        matches!(self, Self::Heard(_) | Self::Rejoined(_) | Self::Unintelligible)
    }
}

/// What was said so far. `Debug` hides the words.
#[derive(Clone, PartialEq)]
pub struct Partial {
    /// The words.
    pub text: String,
    /// What they mean.
    pub intent: Intent,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
    /// How sure the words themselves are, 0 to 1.
    pub clear: f32,
}

impl fmt::Debug for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partial({} {:.2})", self.intent, self.confidence)
    }
}

/// Who found the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeardBy {
    /// The spotter, which knows short answers only.
    Spotter,
    /// The recognizer.
    Recognizer,
}

/// An utterance and what it means. `Debug` hides the words and values.
#[derive(Clone, PartialEq)]
pub struct Heard {
    /// The words.
    pub text: String,
    /// What they mean.
    pub intent: Intent,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
    /// How sure the words themselves are, 0 to 1: the mean probability of the recognizer's tokens.
    pub clear: f32,
    /// What else they mean, surest first.
    pub also: Vec<(Intent, f32)>,
    /// Dates, sums and numbers in it.
    pub entities: Entities,
    /// How it was spoken.
    pub manner: Manner,
    /// Who found them.
    pub by: HeardBy,
    /// From the last word to the end of the turn [ms].
    pub silence_ms: u64,
    /// From the end of the turn to the words [ms]: nothing, where they were there before it.
    pub waited_ms: u64,
    /// From when a worker was asked, or began, to the words [ms].
    pub took_ms: u64,
    /// Processor time that they took.
    pub cost: Duration,
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Heard({} {:.2} by {:?})", self.intent, self.confidence, self.by)
    }
}

/// What is known of the callee's next words. `Debug` hides the words: names are among them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Intents that the script waits for: a hint for the classifier.
    pub intents: Vec<Intent>,
    /// What kind of answer is asked for: how long a pause is waited out.
    pub question: Question,
    /// The least and the longest silence that ends the turn [ms]; none: the question's.
    pub pause_ms: Option<(u32, u32)>,
    /// Words that may well be said, the likeliest last, for the recognizer.
    pub words: Vec<String>,
    /// Lines that may well be said, and what is meant by them here, for the classifier.
    pub examples: Arc<[(Intent, String)]>,
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { intents, question, pause_ms, words, examples } = self;
        let (words, examples) = (words.len(), examples.len());
        write!(f, "Expectation({intents:?} {question:?} {pause_ms:?} {words} words, {examples} examples)")
    }
}

/// Who is told; called on a worker's thread, and must not block.
pub type Sink = Arc<dyn Fn(Event) + Send + Sync>;

/// Why speech does not work.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// The recognizer.
    #[error(transparent)]
    Asr(#[from] waihu_asr::AsrError),
    /// Voice activity, or the end of a turn.
    #[error(transparent)]
    Vad(#[from] waihu_vad::VadError),
    /// The spotter.
    #[error(transparent)]
    Spotter(#[from] waihu_spotter::SpotterError),
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

/// How loaded the workers are, and what utterances cost; the pacer's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Utterances that wait for a recognizer; without early media, which waits behind all others.
    pub waiting: usize,
    /// How long the oldest of them has waited.
    pub oldest: Duration,
    /// How long utterances wait for a recognizer: the 95th percentile of the last half minute.
    pub queue_age_p95: Duration,
    /// What a recognized utterance costs of late: a running mean of processor time.
    pub cost: Duration,
    /// Utterances recognized since the start.
    pub recognized: u64,
    /// Of what was handed in on speculation, dropped before it was begun.
    pub spared: u64,
    /// Utterances that the spotter answered.
    pub spotted: u64,
    /// Utterances refused since the start.
    pub refused: u64,
    /// Frames dropped since the start.
    pub dropped_frames: u64,
}

/// The speech workers.
#[derive(Clone)]
pub struct Speech {
    ears: ears::Ears,
    looks: looks::Looks,
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
        let (answers, found) = ears::answers();
        let recognizers =
            recognizer::Recognizers::start(config.recognizers, &config.whisper, classifier, answers.clone())?;
        let spotter = config.spotter.as_deref().map(Spotter::load).transpose()?;
        let smart_turn = config.smart_turn.as_deref().map(SmartTurn::load).transpose()?;
        let looks = looks::Looks::start(spotter, smart_turn, recognizers.clone(), answers)?;
        let ears = ears::Ears::start(&config.silero, looks.clone(), found)?;
        let voice = voice::Voice::start(Speaker::open(config.tts, config.prompts)?)?;
        Ok(Self { ears, looks, recognizers, voice })
    }

    /// Begins to listen to one call.
    pub fn listen(&self, lang: Lang, today: Date, sink: Sink) -> Listener {
        self.ears.open(lang, today, sink)
    }

    /// Speaks a text, from the cache or now; `reply` is called on a worker's thread, for a callee on the
    /// line with each part as it is ready.
    pub fn voice(&self, request: VoiceRequest, reply: VoiceReply) {
        self.voice.speak(request, reply);
    }

    /// How loaded the workers are.
    pub fn load(&self) -> Load {
        let (counts, waits) = (self.recognizers.counts(), self.recognizers.waits());
        Load {
            waiting: waits.waiting,
            oldest: waits.oldest,
            queue_age_p95: waits.p95,
            cost: Duration::from_micros(counts.cost_us.load(Ordering::Relaxed)),
            recognized: counts.recognized.load(Ordering::Relaxed),
            spared: waits.dropped,
            spotted: self.looks.spotted(),
            refused: counts.refused.load(Ordering::Relaxed),
            dropped_frames: self.ears.dropped(),
        }
    }
}
