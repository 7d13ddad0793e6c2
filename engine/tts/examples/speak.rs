//! Speaks lines from standard input into numbered WAV files, to listen to voices side by side.
//!
//! `speak MODELS LANG VOICE RATE OUT_DIR [SPEED] < lines.txt`; prints the real-time factor of each.

use std::{io::BufRead, path::Path, time::Instant};

use waihu_tts::{Request, Tts, TtsPaths, VoiceStyle};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [models, lang, voice, rate, out, speed @ ..] = &args[..] else {
        return Err("speak MODELS LANG VOICE RATE OUT_DIR [SPEED]".into());
    };
    let rate: u32 = rate.parse()?;
    let speed: f32 = speed.first().map_or(Ok(1.0), |s| s.parse())?;
    let voice = Some(voice.as_str()).filter(|v| *v != "-");
    let lang = lang.parse()?;
    let mut tts = Tts::load(TtsPaths::under(Path::new(models)))?;
    std::fs::create_dir_all(out)?;
    tts.warm_up(lang, voice)?;
    for (n, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line?;
        let begun = Instant::now();
        let speech = tts.synthesize(&Request { lang, text: &line, style: &VoiceStyle::new(voice, speed) })?;
        let took = begun.elapsed().as_secs_f64();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(Path::new(out).join(format!("{n:02}.wav")), spec)?;
        for sample in speech.to_rate(rate)? {
            file.write_sample(sample)?;
        }
        file.finalize()?;
        eprintln!("{n:02} {:.2} s, factor {:.2}", speech.seconds(), took / speech.seconds());
    }
    Ok(())
}
