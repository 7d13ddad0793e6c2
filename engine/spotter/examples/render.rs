//! Renders the clips of a list with the project's own voices, 8 kHz WAV each; what is there already is kept.
//!
//! `render MODELS < list.tsv`, each line `file<TAB>lang<TAB>voice<TAB>speed<TAB>text`.

use std::{
    io::{BufRead, Write},
    path::Path,
};

use waihu_tts::{Request, Tts, TtsPaths, VoiceStyle};

/// The rate of a telephone line [Hz].
const RATE: u32 = 8000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let models = std::env::args().nth(1).ok_or("render MODELS < list.tsv")?;
    let mut tts = Tts::load(TtsPaths::under(Path::new(&models)))?;
    let mut log = std::io::stderr().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let [file, lang, voice, speed, text] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("not five columns: {line}").into());
        };
        if Path::new(file).exists() {
            continue;
        }
        let style = VoiceStyle::new(Some(voice), speed.parse()?);
        let request = Request { lang: lang.parse()?, text, style: &style };
        let speech = match tts.synthesize(&request) {
            Ok(speech) => speech,
            Err(e) => {
                writeln!(log, "{file}: {e}")?;
                continue;
            }
        };
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(file, spec)?;
        for sample in speech.to_rate(RATE)? {
            wav.write_sample(sample)?;
        }
        wav.finalize()?;
    }
    Ok(())
}
