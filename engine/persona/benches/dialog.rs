//! What scripts and their interpreter cost: `cargo bench -p waihu-persona`.
//!
//! Steps of the interpreter and memory of running dialogs, under talks with simulated debtors; reading and
//! checking of the shipped scripts. Nothing is asserted: it prints, and ends within some seconds.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

#[path = "../tests/flows/mod.rs"]
mod flows;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use waihu_dialog::{Input, Interpreter, Output, PromptId, Script, Utterance};
use waihu_persona::{Kind, Play, Scene, fuzz};
use waihu_types::{Intent, Lang, Time};

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is handed to the system's allocator as it came; the counts touch no memory but plain
// cells of the thread.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.with(|n| n.set(n.get() + layout.size().cast_signed()));
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.with(|n| n.set(n.get() - layout.size().cast_signed()));
        // SAFETY: the caller keeps the contract of `dealloc`; `at` is the system allocator's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

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
    best("read and check the shipped flows", &|| texts.iter().map(|(f, name)| flows::load(name, f)).count());
    let scripts: Vec<Arc<Script>> = texts.iter().map(|(files, name)| flows::load(name, files)).collect();
    best("run their golden conversations", &|| {
        scripts.iter().for_each(|s| drop(black_box(s.run_examples())));
        scripts.iter().map(|s| Lang::ALL.iter().map(|l| s.examples(*l).len()).sum::<usize>()).sum()
    });
    scripts
}

fn said(intent: Intent, text: &str, days: Option<i64>, scene: &Scene) -> Utterance {
    let values = fuzz::Values { days, ..fuzz::Values::default() };
    let entities = values.entities(scene.today, scene.case.due.amount());
    Utterance { text: text.to_owned(), intent, confidence: 0.9, entities, also: Vec::new() }
}

/// A call that comes to a promise: yes, a question, a day, another day, yes. How many inputs it took.
fn call(script: &Arc<Script>, scene: &Scene, words: &[Utterance], seen: &mut dyn FnMut(&Interpreter)) -> u64 {
    let mut bot = Interpreter::new(script.clone(), scene.case.lang, &scene.case, scene.today);
    let mut now = Time::ZERO;
    let mut saying: Option<PromptId> = None;
    let mut inputs = 0;
    let mut words = words.iter();
    let mut input = Input::Start;
    loop {
        bot.handle_input(now, input);
        inputs += 1;
        while let Some(output) = bot.poll_output() {
            match output {
                Output::Say { id, .. } | Output::Resume { id, .. } => saying = Some(id),
                Output::Ended(_) => return inputs,
                other => drop(black_box(other)),
            }
        }
        seen(&bot);
        now = now + Duration::from_secs(2);
        input = match (saying.take(), words.as_slice().first()) {
            (Some(id), _) => Input::PromptDone { id },
            (None, Some(utterance)) => {
                words.next();
                bot.handle_input(now, Input::SpeechStarted);
                inputs += 1;
                Input::Heard { utterance: utterance.clone(), began: now }
            }
            (None, None) => Input::CalleeHungUp,
        };
    }
}

fn words(scene: &Scene) -> Vec<Utterance> {
    let [yes, how, day, no, sure] = match scene.case.lang {
        Lang::Zh => ["对，我是。", "怎么还？", "我周五还。", "不对，改成后天吧。", "对，没问题。"],
        Lang::En => [
            "Yes, speaking.",
            "How do I pay?",
            "On Friday.",
            "No, make it the day after.",
            "Yes, that's right.",
        ],
    };
    vec![
        said(Intent::Affirm, yes, None, scene),
        said(Intent::AskHowToPay, how, None, scene),
        said(Intent::PromiseToPay, day, Some(3), scene),
        said(Intent::Deny, no, Some(2), scene),
        said(Intent::Affirm, sure, None, scene),
    ]
}

fn steps(script: &Arc<Script>) {
    for lang in Lang::ALL {
        let scene = Scene::new(lang, 1);
        let words = words(&scene);
        let mut best = 0.0_f64;
        let before = ALLOCATIONS.with(Cell::get);
        let mut inputs = 0;
        for _ in 0..5 {
            let (begun, mut steps) = (Instant::now(), 0);
            while begun.elapsed() < Duration::from_millis(400) {
                for _ in 0..50 {
                    steps += call(script, &scene, &words, &mut |_| {});
                }
            }
            inputs += steps;
            best = best.max(steps as f64 / begun.elapsed().as_secs_f64());
        }
        let allocations = (ALLOCATIONS.with(Cell::get) - before) as f64 / inputs as f64;
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
        let before = HELD.with(Cell::get);
        let (mut most, mut copy) = (0, 0);
        call(script, &scene, &words, &mut |bot| {
            // A copy's own memory is what the dialog holds: what it shares with others is not copied.
            let at = HELD.with(Cell::get);
            let twin = bot.clone();
            copy = copy.max(HELD.with(Cell::get) - at);
            drop(twin);
            most = most.max(HELD.with(Cell::get) - before);
        });
        let own = size_of::<Interpreter>();
        println!(
            "{} {lang}: a running dialog holds {own} bytes itself and {copy} on the heap, {most} with what is \
             spare in its lists",
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
