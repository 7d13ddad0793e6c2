//! What the recognizer makes of sounds in which nobody speaks: `nothing MODEL [AFTER:LEAST]`.
//!
//! Prints each sound that was given words, and how many were, with and without words from a script.
#![allow(clippy::print_stdout, clippy::expect_used)]

#[path = "../tests/sounds/mod.rs"]
mod sounds;

use waihu_asr::{Asr, AsrConfig, Options, Prompt, Window};
use waihu_types::Lang;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, rest @ ..] = &args[..] else { return Err("nothing MODEL [AFTER:LEAST]".into()) };
    let window = match rest.first().and_then(|w| w.split_once(':')) {
        Some((after, least)) => Window::Room { after_ms: after.parse()?, least_ms: least.parse()? },
        None => Window::Cut,
    };
    let mut asr = Asr::load(model, AsrConfig::default())?;
    let prompts = [
        Prompt::new(Lang::Zh).script(["恒通消费金融", "安心花", "赵立峰"]).question(["分期", "可以"]),
        Prompt::new(Lang::En).script(["Harborline", "FlexiCash", "Naveen Kowalski"]).question(["yes", "no"]),
    ];
    for (lang, own) in Lang::ALL.into_iter().zip(prompts) {
        for prompt in [None, Some(own.text())] {
            let (mut words, mut all) = (0, 0);
            for (ms, dbov) in [(700, -25.0), (1_500, -20.0), (4_000, -35.0), (9_000, -25.0)] {
                for (name, sound) in sounds::all(ms, dbov, 7) {
                    let options = Options { lang, prompt: prompt.as_deref(), window, readings: 1 };
                    let heard = asr.transcribe(&sound, &options)?;
                    all += 1;
                    words += usize::from(!heard.text.is_empty());
                    println!(
                        "{lang} {ms} ms {name}: {:?} {:?} logprob {:.2} no speech {:.2} {:.3} s",
                        heard.text,
                        heard.rejected,
                        heard.avg_logprob,
                        heard.no_speech,
                        heard.took.as_secs_f64()
                    );
                }
            }
            println!(
                "{lang}, {}: words in {words} of {all}",
                if prompt.is_some() { "own words" } else { "default" }
            );
        }
    }
    Ok(())
}
