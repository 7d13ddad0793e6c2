//! `waihu say`: a text to a WAV.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use waihu_record::wav;
use waihu_tts::{Request, Tts};
use waihu_types::Lang;

use crate::project::Project;

#[derive(Debug, Args)]
pub(crate) struct SayArgs {
    /// The language of the text.
    #[arg(long, required_unless_present = "list")]
    lang: Option<Lang>,
    /// A voice by its name (see --list); the language's own when left out.
    #[arg(long)]
    voice: Option<String>,
    /// The rate of the WAV [Hz]: 8000 is a telephone's.
    #[arg(long, default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(8_000..=48_000))]
    rate: u32,
    /// How fast: 1 is the voice's own pace, 0.5 to 2.
    #[arg(long, default_value_t = 1.0)]
    speed: f32,
    /// The file to write.
    #[arg(long, required_unless_present = "list", value_name = "FILE.wav")]
    out: Option<PathBuf>,
    /// Show the voices and stop.
    #[arg(long)]
    list: bool,
    /// What to say; figures, sums and dates are read as people read them.
    #[arg(required_unless_present = "list")]
    text: Vec<String>,
}

pub(crate) fn run(project: &Project, args: SayArgs) -> Result<ExitCode> {
    let mut tts = Tts::load(project.voices()?)?;
    if args.list {
        println!("{:<14} {:<7} {:<6} licence", "voice", "engine", "langs");
        for voice in tts.voices() {
            let langs: Vec<&str> = voice.langs.iter().map(|l| l.code()).collect();
            println!("{:<14} {:<7} {:<6} {}", voice.name, voice.engine, langs.join(","), voice.licence);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let lang = args.lang.context("--lang is missing")?;
    let out = args.out.context("--out is missing")?;
    let text = args.text.join(" ");
    let request = Request { lang, voice: args.voice.as_deref(), text: &text, speed: args.speed };
    // The first run of a model loads it; only the second is what a call would wait for.
    tts.warm_up(lang, args.voice.as_deref())?;
    let begun = std::time::Instant::now();
    let speech = tts.synthesize(&request)?;
    let took = begun.elapsed().as_secs_f64();
    wav::write_mono(&out, args.rate, &speech.to_rate(args.rate)?)?;
    if !speech.dropped.is_empty() {
        let dropped: String = speech.dropped.iter().collect();
        eprintln!("not spoken, since the voice has no sound for it: {dropped}");
    }
    let seconds = speech.seconds();
    println!(
        "{}: {seconds:.2} s of speech in {took:.2} s (real-time factor {:.2})",
        out.display(),
        took / seconds
    );
    Ok(ExitCode::SUCCESS)
}
