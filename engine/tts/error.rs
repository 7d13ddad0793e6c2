use std::path::PathBuf;

use waihu_types::Lang;

/// Why nothing could be spoken. No message holds words of the text.
#[derive(Debug, thiserror::Error)]
pub enum TtsError {
    /// The text is empty.
    #[error("there is no text to speak: give at least one word")]
    EmptyText,
    /// The text has only characters that nobody can say.
    #[error("nothing in the text can be spoken: it has only marks and unknown characters ({} kinds)", dropped.len())]
    NothingToSay {
        /// The characters that were left out.
        dropped: Vec<char>,
    },
    /// More to say than is said at once.
    #[error("the text has {characters} characters, and at most {most} are spoken at once: cut it")]
    TooLong {
        /// Its length without markup.
        characters: usize,
        /// What is allowed.
        most: usize,
    },
    /// Its markup cannot be read.
    #[error("the text's markup is wrong at {0}")]
    Markup(#[from] waihu_phonetics::markup::MarkupError),
    /// A pitch out of range.
    #[error("a pitch of {0} semitones is out of range: use -6 (low) to 6 (high)")]
    Pitch(f32),
    /// A speed out of range.
    #[error("a speed of {0} is out of range: use 0.5 (slow) to 2 (fast)")]
    Speed(f32),
    /// No voice has this name.
    #[error("no voice is called {name:?}; there are: {known}")]
    UnknownVoice {
        /// The name asked for.
        name: String,
        /// The names that there are, with commas.
        known: String,
    },
    /// The voice speaks another language.
    #[error("the voice {name:?} does not speak {lang}; these do: {known}")]
    WrongLanguage {
        /// The voice.
        name: String,
        /// The language of the text.
        lang: Lang,
        /// Voices of that language, with commas.
        known: String,
    },
    /// No voice of this language is installed.
    #[error("no voice for {0} is installed: run `waihu models pull`")]
    NoVoice(Lang),
    /// No voice at all.
    #[error("no voices under {kokoro} and none of Piper's: run `waihu models pull`")]
    NoVoices {
        /// Where Kokoro's were looked for.
        kokoro: PathBuf,
    },
    /// A file of a model cannot be read.
    #[error("cannot read {path}: {source}; run `waihu models verify`")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of a model is not what it should be.
    #[error("{path} is damaged: {what}; run `waihu models pull`")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The ONNX Runtime library cannot be loaded.
    #[error("cannot load ONNX Runtime from {path}: {cause}; run `waihu models pull`")]
    Runtime {
        /// The shared library.
        path: PathBuf,
        /// What the loader said.
        cause: String,
    },
    /// A model failed while it ran or loaded.
    #[error("the model {model} failed: {cause}")]
    Model {
        /// Which.
        model: String,
        /// What ONNX Runtime or Piper said.
        cause: String,
    },
    /// eSpeak NG has no data, or failed.
    #[error(
        "eSpeak NG cannot read English aloud ({cause}): put its `espeak-ng-data` folder beside the program, or \
         install Debian's `espeak-ng-data` and set PIPER_ESPEAKNG_DATA_DIRECTORY to the folder that holds it \
         (/usr/lib/x86_64-linux-gnu)"
    )]
    Espeak {
        /// What it said.
        cause: String,
    },
    /// The sound could not be brought to another rate.
    #[error(transparent)]
    Resample(#[from] waihu_audio::ResampleError),
    /// The prompt cache cannot be used.
    #[error(
        "the prompt cache at {path} cannot be used: {source}; check the folder's rights and the disk's space"
    )]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
