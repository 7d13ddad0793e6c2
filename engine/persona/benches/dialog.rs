//! What scripts and their interpreter cost: `cargo bench -p waihu-persona`.
//!
//! Steps of the interpreter and memory of running dialogs, under talks with simulated debtors; reading and
//! checking of the shipped scripts. Nothing is asserted: it prints, and ends within some seconds.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

#[path = "../tests/counting/mod.rs"]
mod counting;
#[path = "../tests/flows/mod.rs"]
mod flows;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use flows::promise::{call, words};
use waihu_dialog::{Interpreter, Script};
use waihu_persona::{Kind, Play, Scene, fuzz};
use waihu_types::Lang;

fn main() {
    // `cargo test --benches` only asks whether it builds.
    if std::env::args().any(|a| a == "--test") {
        return;
    }
    for script in &load() {
        steps(script);
        memory(script);
        talks(script);
        callees(script);
    }
}

/// Reads and checks every flow, and runs its golden conversations.
fn load() -> Vec<Arc<Script>> {
    let texts: Vec<_> = flows::names().into_iter().map(|name| (flows::files(&name), name)).collect();
    let best = |what: &str, work: &dyn Fn() -> usize| {
        let mut least = Duration::MAX;
        let mut count = 0;
        for _ in 0..5 {
            let begun = Instant::now();
            count = work();
            least = least.min(begun.elapsed());
        }
        println!("{what}: {:.1} ms ({count})", least.as_secs_f64() * 1e3);
    };
    best("read and check the shipped flows", &|| {
        texts.iter().map(|(files, name)| flows::load(name, files).state_count()).sum()
    });
    let scripts: Vec<Arc<Script>> = texts.iter().map(|(files, name)| flows::load(name, files)).collect();
    best("run their golden conversations", &|| {
        scripts.iter().for_each(|s| drop(black_box(s.run_examples())));
        scripts.iter().map(|s| Lang::ALL.iter().map(|l| s.examples(*l).len()).sum::<usize>()).sum()
    });
    scripts
}

/// A call that comes to a promise, again and again.
fn steps(script: &Arc<Script>) {
    for lang in Lang::ALL {
        let scene = Scene::new(lang, 1);
        let words = words(&scene);
        let (mut best, mut inputs) = (0.0_f64, 0);
        let before = counting::allocations();
        for _ in 0..5 {
            let (begun, mut steps) = (Instant::now(), 0);
            while begun.elapsed() < Duration::from_millis(400) {
                steps += (0..50).map(|_| call(script, &scene, &words, |_| {}).0).sum::<u64>();
            }
            inputs += steps;
            best = best.max(steps as f64 / begun.elapsed().as_secs_f64());
        }
        let allocations = (counting::allocations() - before) as f64 / inputs as f64;
        println!(
            "{} {lang}: {best:.0} inputs a second, one core ({allocations:.1} allocations each)",
            script.name()
        );
    }
}

/// What a dialog holds beside the script, at most, while it runs.
fn memory(script: &Arc<Script>) {
    for lang in Lang::ALL {
        let scene = Scene::new(lang, 1);
        let words = words(&scene);
        let before = counting::held();
        let mut most = 0;
        call(script, &scene, &words, |_| most = most.max(counting::held() - before));
        let own = size_of::<Interpreter>();
        println!(
            "{} {lang}: a running dialog holds {own} bytes itself and {most} on the heap",
            script.name()
        );
    }
}

/// A core's talks with simulated debtors of all kinds.
fn talks(script: &Arc<Script>) {
    let begun = Instant::now();
    let (mut talks, mut inputs) = (0, 0);
    while begun.elapsed() < Duration::from_secs(2) {
        for _ in 0..50 {
            let Some(play) = Play::nth(talks, 1, &Lang::ALL, Kind::ALL) else { return };
            inputs += u64::from(play.talk(script).inputs);
            talks += 1;
        }
    }
    let s = begun.elapsed().as_secs_f64();
    println!(
        "{}: {:.0} simulated talks a second, one core ({:.0} inputs a second)",
        script.name(),
        talks as f64 / s,
        inputs as f64 / s
    );
}

/// A core's random callees.
fn callees(script: &Arc<Script>) {
    let scene = Scene::new(Lang::Zh, 1);
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(2) {
        for _ in 0..50 {
            black_box(fuzz::fuzz(script, &scene, count, 60));
            count += 1;
        }
    }
    println!(
        "{}: {:.0} random callees a second, one core",
        script.name(),
        count as f64 / begun.elapsed().as_secs_f64()
    );
}
