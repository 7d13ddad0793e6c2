//! What the engine makes of each persona's lines: spoken, sent through G.711, recognized, classified.
//!
//! `lines_heard MODELS [PERSONAS.toml]`, with the folder of the models (`.waihu/models`). For each line:
//! its words, intent and entities, and below it what was heard in each of three cuts. What differs is marked
//! with `!`. Run it after a line or a voice is changed.
#![allow(clippy::print_stdout)]

use std::path::Path;

use waihu_asr::{Asr, AsrConfig, Options};
use waihu_audio::{energy, frame::to_f32, g711::Law, resample};
use waihu_intent::Classifier;
use waihu_simulator::{Clips, lines, practice, read_personas};
use waihu_tts::{PromptCache, Tts, TtsPaths};
use waihu_types::Lang;

/// Silence that an utterance keeps when it is cut out of a call [samples at 8 kHz]. What is kept before
/// it differs from call to call: three cuts show which lines hang by a hair.
const BEFORE: [usize; 3] = [1_600, 2_240, 2_880];
const AFTER: usize = 1_600;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [models, rest @ ..] = &args[..] else {
        return Err("lines_heard MODELS [PERSONAS.toml]".into());
    };
    let models = Path::new(models);
    let text = rest.first().map_or(Ok(practice::PERSONAS.to_owned()), std::fs::read_to_string)?;
    let personas = read_personas(&text)?;
    let mut tts = Tts::load(TtsPaths::under(models))?;
    let mut cache = PromptCache::open(models.with_file_name("prompts").join("callees"))?;
    let clips = Clips::speak(&personas, &mut tts, &mut cache, |done, of| eprint!("\rvoices {done}/{of}"))?;
    eprintln!();
    let classifier = Classifier::load(&models.join("use-multilingual"), &models.join("intents/head.json"))?;
    let mut asr = Asr::load(models.join("whisper-base/ggml-base-q8_0.bin"), AsrConfig::default())?;
    let day = jiff::civil::date(2026, 11, 24);
    let mut said: Vec<_> = lines(&personas);
    said.sort_by_key(|l| (l.lang == Lang::En, l.text.clone()));
    for line in said {
        let pcm = clips.of(&line).ok_or("a line without sound")?;
        let meant = classifier.classify(line.lang, &line.text, &[])?;
        let entities = |text: &str| serde_json::to_string(&waihu_nlu::extract(line.lang, text, day));
        let mut heard_as = String::new();
        let mut right = 0;
        for before in BEFORE {
            let sound = [&vec![0; before][..], &pcm, &[0; AFTER]].concat();
            let telephone: Vec<i16> = sound.into_iter().map(|s| Law::A.decode(Law::A.encode(s))).collect();
            let samples = resample(&to_f32(&telephone), 8_000, 16_000)?;
            let heard = asr.transcribe(&samples, &Options { lang: line.lang, ..Options::default() })?;
            let taken = classifier.classify(line.lang, &heard.text, &[])?;
            let same = taken.intent == meant.intent && entities(&line.text)? == entities(&heard.text)?;
            right += usize::from(same);
            let why = heard.rejected.map(|r| format!("rejected: {r:?}")).unwrap_or_default();
            heard_as += &format!(
                "    {} {} {} {:.2} {} {why}\n",
                if same { " " } else { "!" },
                heard.text,
                taken.intent,
                taken.confidence,
                entities(&heard.text)?,
            );
        }
        println!(
            "{right}/{} {} {} {:.2} {} [{} {:.1} s {:.0} dBov]\n{heard_as}",
            BEFORE.len(),
            line.text,
            meant.intent,
            meant.confidence,
            entities(&line.text)?,
            line.voice.as_deref().unwrap_or("-"),
            pcm.len() as f32 / 8_000.0,
            energy::level_dbov(&pcm),
        );
    }
    Ok(())
}
