//! `waihu transcribe`: WAVs to text.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use waihu_asr::{Asr, AsrConfig, Options, Window};
use waihu_record::wav;
use waihu_types::{AttemptId, Lang};
use waihu_vault::Vault;

use super::written::written;
use crate::{
    configuration::Configuration,
    output::{note, out},
    project::{Project, cores},
};

/// Whisper's rate [Hz], and the longest piece that it hears at once [samples].
const RATE: u32 = 16_000;
const PIECE: usize = 28 * RATE as usize;

/// Where a long file may be cut: a pause is looked for in this much of the end of a piece [samples].
const LOOK_BACK: usize = 8 * RATE as usize;

#[derive(Debug, Args)]
pub(crate) struct TranscribeArgs {
    /// The language spoken 语言
    #[arg(long)]
    lang: Lang,
    /// One JSON object a file, with times and confidence 以 JSON 输出
    #[arg(long)]
    json: bool,
    /// Of a recording with two sides, hear one: left is the callee, right the bot 声道
    #[arg(long, value_enum, default_value_t = Side::Both)]
    side: Side,
    /// Compute no more of the model's window than the sound is long, as in a call: sooner, and now and then
    /// with words missing 按语音长度计算，与通话中相同
    #[arg(long)]
    cut_window: bool,
    /// WAV files of any usual format and rate, sealed ones (.age) too 音频文件，封存的亦可
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Side {
    Both,
    Left,
    Right,
}

#[derive(Serialize)]
struct Answer<'a> {
    path: &'a Path,
    text: String,
    audio_s: f64,
    took_s: f64,
    avg_logprob: f32,
    no_speech: f32,
}

pub(crate) fn run(project: &Project, args: &TranscribeArgs) -> Result<ExitCode> {
    let model = project.recognizer()?;
    let threads = cores();
    let configuration = Configuration::of(project)?;
    // What is sealed is opened where its key is here.
    let vault = configuration.vault.open()?;
    let runtime = super::runtime()?;
    // Of calls it is written down that they were heard.
    let calls: Vec<Option<AttemptId>> = args.files.iter().map(|path| call_of(project, path)).collect();
    let store = match calls.iter().any(Option::is_some) {
        true => runtime.block_on(configuration.existing_store())?,
        false => None,
    };
    let mut asr = Asr::load(model, AsrConfig { threads, ..AsrConfig::default() })?;
    let mut failed = 0;
    for (path, call) in args.files.iter().zip(&calls) {
        let hearing = async { transcribe(&mut asr, &vault, args, path) };
        let heard = match (&store, call) {
            (Some(store), Some(call)) => {
                runtime.block_on(written(store, &format!("transcribe {call}"), hearing))
            }
            _ => runtime.block_on(hearing),
        };
        match heard {
            Ok(answer) if args.json => out!("{}", serde_json::to_string(&answer)?)?,
            Ok(answer) => out!("{}\t{}", path.display(), answer.text)?,
            // One bad file does not keep the others from being read.
            Err(e) => {
                note!("{e:#}");
                failed += 1;
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The call that a file is of: one that lies among the project's recordings, or is sealed.
fn call_of(project: &Project, path: &Path) -> Option<AttemptId> {
    let name = path.file_name()?.to_str()?;
    let plain = name.strip_suffix(".age").unwrap_or(name);
    let folder = std::path::absolute(path).ok()?.parent()?.canonicalize().ok()?;
    let is_kept = project.recordings().canonicalize().is_ok_and(|recordings| recordings == folder);
    (is_kept || plain != name).then_some(plain)?.strip_suffix(".wav")?.parse().ok()
}

fn transcribe<'a>(asr: &mut Asr, vault: &Vault, args: &TranscribeArgs, path: &'a Path) -> Result<Answer<'a>> {
    let sealed = path.extension().is_some_and(|end| end == "age");
    let mut kept = if sealed { vault.open_sealed(path)? } else { vault.open(path)? };
    let pcm = wav::read_from(path, &mut kept)?;
    let side = |n: usize| {
        let at = pcm.channels.get(n).cloned();
        at.with_context(|| format!("{}: has one side only; leave --side out 只有一个声道", path.display()))
    };
    let samples = match args.side {
        Side::Both => pcm.mono(),
        Side::Left => side(0)?,
        Side::Right => side(1)?,
    };
    let samples = waihu_audio::resample(&samples, pcm.rate, RATE)
        .with_context(|| format!("{}: cannot be brought to {RATE} Hz", path.display()))?;
    let window = if args.cut_window { Window::Cut } else { Window::Full };
    let options = Options { lang: args.lang, window, ..Options::default() };
    let begun = Instant::now();
    let mut answer = Answer {
        path,
        text: String::new(),
        audio_s: samples.len() as f64 / f64::from(RATE),
        took_s: 0.0,
        avg_logprob: 0.0,
        no_speech: 0.0,
    };
    let mut rest = samples.as_slice();
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(cut(rest));
        rest = later;
        let heard = asr.transcribe(piece, &options).with_context(|| format!("{}", path.display()))?;
        if !answer.text.is_empty() && !heard.text.is_empty() {
            answer.text.push(' ');
        }
        answer.text.push_str(&heard.text);
        answer.avg_logprob = answer.avg_logprob.min(heard.avg_logprob);
        answer.no_speech = answer.no_speech.max(heard.no_speech);
    }
    answer.took_s = begun.elapsed().as_secs_f64();
    Ok(answer)
}

/// Where to cut what is longer than the model hears at once: at the quietest 0.2 s of its end.
fn cut(samples: &[f32]) -> usize {
    if samples.len() <= PIECE {
        return samples.len();
    }
    const STEP: usize = RATE as usize / 5;
    let energy = |at: usize| samples[at..at + STEP].iter().map(|s| s * s).sum::<f32>();
    let places = (PIECE - LOOK_BACK..PIECE - STEP).step_by(STEP);
    places.min_by(|a, b| energy(*a).total_cmp(&energy(*b))).map_or(PIECE, |at| at + STEP / 2)
}
