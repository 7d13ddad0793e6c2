//! Ends of turns: makes turns with rests in them, and judges who waits and who cuts off.
//!
//! `turns write MODELS CACHE OUT` writes the sets as folders with a `manifest.tsv`;
//! `turns judge MODELS CACHE tune|judge` prints how often each way of deciding cuts a speaker off, and how long it
//! waits; `turns dump MODELS CACHE tune|judge` prints what the model and the words say at each rest.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod judge;
mod make;
mod texts;

use std::{error::Error, path::Path};

use judge::{Heard, Judge, Models, Score};
use make::Turn;
use texts::Half;
use waihu_turn::{Policy, Words};
use waihu_types::{Lang, Question};

const QUESTIONS: [Question; 5] =
    [Question::YesNo, Question::When, Question::HowMuch, Question::Digits, Question::Open];

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let half = |name: &str| if name == "judge" { Half::Judge } else { Half::Tune };
    match args[..] {
        ["write", models, cache, out] => {
            for (half, name) in [(Half::Tune, "tune"), (Half::Judge, "judge")] {
                let turns = make::turns(Path::new(models), Path::new(cache), half)?;
                make::write(&turns, &Path::new(out).join(name))?;
            }
            Ok(())
        }
        ["judge", models, cache, name] => judged(Path::new(models), Path::new(cache), half(name)),
        ["dump", models, cache, name] => dump(Path::new(models), Path::new(cache), half(name)),
        _ => Err("turns write MODELS CACHE OUT | turns judge|dump MODELS CACHE tune|judge".into()),
    }
}

/// The policy of a turn's question; whoever asks for digits knows how many.
fn policy(turn: &Turn) -> Policy {
    let wanted = Words::of(turn.lang, &turn.text(turn.parts.len()), turn.question).digits;
    let digits = (turn.question == Question::Digits).then(|| u8::try_from(wanted).unwrap_or(u8::MAX));
    Policy { digits, ..Policy::of(turn.question) }
}

fn judged(models: &Path, cache: &Path, half: Half) -> Result<(), Box<dyn Error>> {
    let turns = make::turns(models, cache, half)?;
    let mut models = judge::models(models)?;
    let mut heard = judge::hear(&mut models, &turns)?;
    let uncounted = |turn: &Turn| Policy { digits: None, ..policy(turn) };
    let machine = |policy, model, words| Judge::Machine { policy, model, words };
    println!("{} turns; cut off: of the rests in the middle of a thought", turns.len());
    for (name, judge) in [
        ("policy: model and words", machine(&policy as &dyn Fn(&Turn) -> Policy, true, true)),
        ("  digits not counted", machine(&uncounted, true, true)),
        ("policy: model alone", machine(&policy, true, false)),
        ("policy: words alone", machine(&policy, false, true)),
        ("policy: neither", machine(&policy, false, false)),
        ("Smart Turn above 0.5", Judge::SmartTurn),
        ("Silero + 600 ms", Judge::Silero(600)),
        ("Silero + 800 ms", Judge::Silero(800)),
        ("Silero + 1,000 ms", Judge::Silero(1_000)),
        ("Silero + 1,200 ms", Judge::Silero(1_200)),
        ("WebRTC + 600 ms", Judge::WebRtc(600)),
    ] {
        let all = score(judge, &mut models, &mut heard, |_| true)?;
        println!("{name:26}{}", line(&all));
        if name == "policy: model and words" {
            for lang in Lang::ALL {
                let one = score(judge, &mut models, &mut heard, |t| t.lang == lang)?;
                println!("  {:24}{}", lang.to_string(), line(&one));
            }
            for question in QUESTIONS {
                let one = score(judge, &mut models, &mut heard, |t| t.question == question)?;
                println!("  {:24}{}", format!("{question:?}"), line(&one));
            }
        }
    }
    Ok(())
}

fn score(
    judge: Judge<'_>,
    models: &mut Models,
    heard: &mut [Heard<'_>],
    counts: impl Fn(&Turn) -> bool,
) -> Result<Score, Box<dyn Error>> {
    let mut score = Score::default();
    for heard in heard.iter_mut().filter(|h| counts(h.turn)) {
        let ends = judge::ends(judge, models, heard)?;
        score.add(heard.turn, &ends);
    }
    Ok(score)
}

fn line(score: &Score) -> String {
    format!(
        "cut off {:3} of {:3} ({:4.1} %)  early {:2} of {:2}  wait p50 {:4} p95 {:4} ms  never {}",
        score.cut,
        score.rests,
        score.cut_share() * 100.0,
        score.early,
        score.answered,
        score.wait(0.5),
        score.wait(0.95),
        score.never
    )
}

/// At each rest and at the end, after 200, 400 and 800 ms of it: the model's answer, and what the words say.
fn dump(models: &Path, cache: &Path, half: Half) -> Result<(), Box<dyn Error>> {
    let turns = make::turns(models, cache, half)?;
    let mut models = judge::models(models)?;
    for mut heard in judge::hear(&mut models, &turns)? {
        let turn = heard.turn;
        let rests = turn.pauses.iter().map(|p| (p.from_ms, p.to_ms, p.parts, format!("{:?}", p.rest)));
        let end = (turn.end_ms, turn.end_ms + 2_000, turn.parts.len(), "End".to_owned());
        for (from, to, parts, what) in rests.chain([end]) {
            let mut tones = String::new();
            for after in [200, 400, 800] {
                let p =
                    if from + after <= to { heard.tone(&mut models, 400, from + after)? } else { f32::NAN };
                tones += &format!("{p:.3}\t");
            }
            let text = turn.text(parts);
            let words = Words::of(turn.lang, &text, turn.question).complete;
            println!("{}\t{:?}\t{what}\t{tones}{words:?}\t{}\t{text}", turn.lang, turn.question, to - from);
        }
    }
    Ok(())
}
