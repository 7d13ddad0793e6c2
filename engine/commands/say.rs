//! `waihu say`: a text to a WAV.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use waihu_record::wav;
use waihu_tts::{Cut, Request, Speech, Tts, VoiceStyle, plain_text};
use waihu_types::Lang;

use crate::{
    output::{note, out},
    project::Project,
    table::Table,
};

#[derive(Debug, Args)]
pub(crate) struct SayArgs {
    /// The language of the text 语言
    #[arg(long, required_unless_present = "list")]
    lang: Option<Lang>,
    /// A voice by its name (see --list); the language's own when left out 音色
    #[arg(long)]
    voice: Option<String>,
    /// The rate of the WAV [Hz]: 8000 is a telephone's 采样率
    #[arg(long, default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(8_000..=48_000))]
    rate: u32,
    /// How fast: 1 is the voice's own pace, 0.5 to 2 语速
    #[arg(long, default_value_t = 1.0)]
    speed: f32,
    /// How much higher or lower than the voice's own pitch [semitones], -6 to 6 音高
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pitch: f32,
    /// Speak it as in a call, sentence by sentence, and say when the first was ready 逐句合成
    #[arg(long)]
    stream: bool,
    /// Print when each word begins: milliseconds, a tab, the word 输出每个词的起始时间
    #[arg(long)]
    marks: bool,
    /// The file to write 输出文件
    #[arg(long, required_unless_present = "list", value_name = "FILE.wav")]
    out: Option<PathBuf>,
    /// Show the voices and stop 列出音色
    #[arg(long)]
    list: bool,
    /// What to say; figures, sums and dates are read as people read them. Markup stands in <speak>…</speak>
    /// 要念的文字
    #[arg(required_unless_present = "list")]
    text: Vec<String>,
}

pub(crate) fn run(project: &Project, args: SayArgs) -> Result<ExitCode> {
    let mut tts = Tts::load(project.voices()?)?;
    if args.list {
        let mut table = Table::new(["voice 音色", "engine 引擎", "langs 语言", "licence 许可"]);
        for voice in tts.voices() {
            let langs: Vec<&str> = voice.langs.iter().map(|l| l.code()).collect();
            table.row([
                voice.name.to_string(),
                voice.engine.to_string(),
                langs.join(","),
                voice.licence.to_string(),
            ]);
        }
        out!("{table}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let lang = args.lang.context("--lang is missing 缺少 --lang")?;
    let out = args.out.context("--out is missing 缺少 --out")?;
    let text = args.text.join(" ");
    let style = VoiceStyle { voice: args.voice.clone(), speed: args.speed, pitch: args.pitch };
    let request = Request { lang, text: &text, style: &style };
    // The first run of a model loads it; only the second is what a call would wait for.
    tts.warm_up(lang, args.voice.as_deref())?;
    let begun = std::time::Instant::now();
    let speech = if args.stream { streamed(&mut tts, &request)? } else { tts.synthesize(&request)? };
    let took = begun.elapsed().as_secs_f64();
    wav::write_mono(&out, args.rate, &speech.to_rate(args.rate)?)?;
    if !speech.dropped.is_empty() {
        let dropped: String = speech.dropped.iter().collect();
        note!("not spoken, since the voice has no sound for it 未念出: {dropped}");
    }
    if args.marks {
        let plain = plain_text(&text);
        for (n, mark) in speech.marks.iter().enumerate() {
            let end = speech.marks.get(n + 1).map_or(plain.len(), |next| next.byte);
            out!("{:>6}\t{}", mark.at_ms, plain.get(mark.byte..end).unwrap_or_default().trim())?;
        }
    }
    let seconds = speech.seconds();
    out!(
        "{}: {seconds:.2} s of speech 语音 in {took:.2} s (real-time factor 实时率 {:.2})",
        out.display(),
        took / seconds
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Speaks a text as it is spoken to a callee who waits for it.
fn streamed(tts: &mut Tts, request: &Request<'_>) -> Result<Speech> {
    let begun = std::time::Instant::now();
    let mut saying = tts.begin(request, Cut::FirstShort)?;
    let mut whole = Speech::default();
    let mut parts = 0;
    while let Some(speech) = tts.go_on(&mut saying)? {
        if parts == 0 {
            let (after, seconds) = (begun.elapsed().as_secs_f64(), speech.seconds());
            out!("the first {seconds:.2} s of speech were ready after 首段用时 {after:.2} s")?;
        }
        parts += 1;
        whole.append(speech);
    }
    out!("{parts} parts 段")?;
    Ok(whole)
}
