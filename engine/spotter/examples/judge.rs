//! Judges weights on a list of clips in each condition.
//!
//! `judge WEIGHTS LIST [condition…]`: what was accepted and right, accepted and wrong, and which.
//! `judge WEIGHTS LIST thresholds`: the same at a row of thresholds, all conditions together.
//! `judge JOINED join ZH EN WEIGHTS…`: one file of several networks, with these two thresholds.
#![allow(clippy::print_stdout)]

mod shared;

use std::{collections::BTreeMap, path::Path, time::Instant};

use shared::{Clip, Failure, NO_SPEECH, clips, no_speech};
use waihu_corpus::{Condition, Random, apply};
use waihu_spotter::{Spotted, Spotter, front::RATE, phrases};
use waihu_types::Lang;

/// One clip in one condition, and what was guessed.
struct Heard<'a> {
    clip: &'a Clip,
    condition: &'static str,
    guess: Option<Spotted>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    phrases: usize,
    right: usize,
    wrong: usize,
    others: usize,
    taken: usize,
}

impl Count {
    fn add(&mut self, heard: &Heard<'_>, threshold: f32) {
        let clip = heard.clip;
        let accepted = heard.guess.filter(|g| g.confidence >= threshold);
        let meant = clip.intent.trim_end_matches('?');
        let right = accepted.is_some_and(|g| g.intent.label() == meant);
        if clip.class.is_some() {
            self.phrases += 1;
            self.right += usize::from(right);
            self.wrong += usize::from(accepted.is_some() && !right);
        } else {
            self.others += 1;
            self.taken += usize::from(accepted.is_some() && !right);
        }
    }

    fn row(&self, name: &str) -> String {
        let share = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
        format!(
            "{name:<12} {:>5} phrases: {:5.1} % right, {:4.2} % wrong; {:>5} others: {:4.2} % taken",
            self.phrases,
            share(self.right, self.phrases),
            share(self.wrong, self.phrases),
            self.others,
            share(self.taken, self.others)
        )
    }
}

fn hear<'a>(spotter: &Spotter, all: &'a [Clip], wanted: &[String]) -> Vec<Heard<'a>> {
    let mut heard = Vec::new();
    let chosen = Condition::all().iter().filter(|(n, _)| wanted.is_empty() || wanted.iter().any(|w| w == n));
    for (name, condition) in chosen {
        for (n, clip) in all.iter().enumerate() {
            let others: Vec<&[i16]> =
                (1..5).map(|k| all[(n + k * 17) % all.len()].samples.as_slice()).collect();
            // As an endpointer hands it over: 0.2 s before, 0.25 s after.
            let padded = [&vec![0; RATE / 5], clip.samples.as_slice(), &vec![0; RATE / 4]].concat();
            let sound = apply(condition, &padded, &others, n as u64);
            heard.push(Heard { clip, condition: name, guess: spotter.guess(clip.lang, &sound) });
        }
    }
    heard
}

fn report(heard: &[Heard<'_>], threshold: impl Fn(Lang) -> f32) {
    let mut tables: [BTreeMap<String, Count>; 3] = Default::default();
    let mut misses: BTreeMap<String, usize> = BTreeMap::new();
    let mut words: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for h in heard {
        let least = threshold(h.clip.lang);
        let lang = h.clip.lang;
        for (table, key) in
            tables.iter_mut().zip([lang.to_string(), format!("{lang} {}", h.condition), h.clip.voice.clone()])
        {
            table.entry(key).or_default().add(h, least);
        }
        let Some(guess) = h.guess.filter(|g| g.confidence >= least) else { continue };
        let meant = h.clip.intent.trim_end_matches('?');
        if guess.intent.label() != meant {
            let key = format!("{} ({meant}) heard as {} ({})", h.clip.text, guess.text, guess.intent);
            *misses.entry(key).or_default() += 1;
        } else if h.clip.class.is_some() {
            words.entry(format!("{lang} {}", h.clip.text)).or_default().0 += 1;
        }
    }
    for h in heard.iter().filter(|h| h.clip.class.is_some()) {
        words.entry(format!("{} {}", h.clip.lang, h.clip.text)).or_default().1 += 1;
    }
    for (title, table) in ["language", "condition", "voice"].iter().zip(&tables) {
        println!("by {title}");
        table.iter().for_each(|(name, count)| println!("  {}", count.row(name)));
    }
    println!("least heard");
    let mut words: Vec<_> = words.into_iter().collect();
    words.sort_by_key(|(_, (n, of))| 1000 * n / of);
    words.iter().take(25).for_each(|(text, (n, of))| println!("  {text}: {n} of {of}"));
    println!("taken for what they are not");
    let mut misses: Vec<_> = misses.into_iter().collect();
    misses.sort_by_key(|m| std::cmp::Reverse(m.1));
    misses.iter().take(40).for_each(|(what, n)| println!("  {n} {what}"));
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [weights, list, rest @ ..] = &args[..] else {
        return Err("judge WEIGHTS LIST [condition…]".into());
    };
    if let ("join", [zh, en, files @ ..]) = (list.as_str(), rest) {
        let loaded = files.iter().map(|f| Spotter::load(Path::new(f))).collect::<Result<Vec<_>, _>>()?;
        let nets: Vec<_> = loaded.iter().flat_map(|s| s.nets().to_vec()).collect();
        std::fs::write(weights, Spotter::to_bytes(&nets, [zh.parse()?, en.parse()?]))?;
        return Ok(());
    }
    let spotter = Spotter::load(Path::new(weights))?;
    let all = clips(Path::new(list), &phrases::all())?;
    let thresholds = rest.first().is_some_and(|r| r == "thresholds");
    let heard = hear(&spotter, &all, if thresholds { &[] } else { rest });
    if thresholds {
        for t in [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995] {
            for lang in Lang::ALL {
                let mut count = Count::default();
                heard.iter().filter(|h| h.clip.lang == lang).for_each(|h| count.add(h, t));
                println!("{}", count.row(&format!("{lang} {t}")));
            }
        }
        return Ok(());
    }
    report(&heard, |lang| spotter.threshold(lang));
    let mut random = Random::new(5);
    for (kind, name) in NO_SPEECH.iter().enumerate() {
        let sounds: Vec<_> = (0..100).map(|_| no_speech(kind, &mut random)).collect();
        let taken = |lang| sounds.iter().filter(|s| spotter.spot(lang, s).is_some()).count();
        println!("no speech, {name}: {} and {} of 100 taken", taken(Lang::Zh), taken(Lang::En));
    }
    let begun = Instant::now();
    let looked = all.iter().filter(|c| spotter.guess(c.lang, &c.samples).is_some()).count();
    let each = begun.elapsed().as_secs_f64() / all.len().max(1) as f64;
    println!("{:.2} ms each, {looked} of {} looked at", 1e3 * each, all.len());
    Ok(())
}
