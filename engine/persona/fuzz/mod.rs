//! Random callees against a script: whatever they say and do, in whatever order things are reported, the
//! [`Law`]s hold. What breaks one is made as short as it can be, and written as a golden conversation.

mod act;
mod call;
mod golden;
mod law;

use std::sync::Arc;

use waihu_dialog::Script;

pub use act::{Act, Meant, Named, Values, callee};
pub use call::{Entry, Run, run};
pub use golden::golden;
pub use law::{Fault, Law};

use crate::scene::Scene;

/// A callee under whom a law was broken.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The seed of the callee.
    pub seed: u64,
    /// What was broken.
    pub fault: Fault,
    /// The fewest acts found that break it.
    pub acts: Vec<Act>,
    /// How many acts it was before.
    pub before: usize,
    /// The conversation, as a file of golden conversations has it.
    pub golden: String,
}

/// How often a shorter callee is tried, at most: each try is a whole call.
const MAX_TRIES: u32 = 2_000;

/// Lets the random callee of a seed, with up to `most` acts, call a script.
pub fn fuzz(script: &Arc<Script>, scene: &Scene, seed: u64, most: usize) -> (Run, Option<Finding>) {
    let acts = callee(seed, most);
    let run = run(script, scene, &acts);
    let Some(fault) = &run.fault else { return (run, None) };
    let short = shrink(script, scene, &acts, fault.law);
    let again = self::run(script, scene, &short);
    let fault = again.fault.clone().unwrap_or_else(|| fault.clone());
    let golden = golden(scene, &short, &again, &fault, seed);
    let finding = Finding { seed, fault, before: acts.len(), acts: short, golden };
    (run, Some(finding))
}

/// Fewer and plainer acts under which the same law is broken (Zeller and Hildebrandt 2002, simplified).
pub fn shrink(script: &Arc<Script>, scene: &Scene, acts: &[Act], law: Law) -> Vec<Act> {
    let mut tries = 0;
    let mut breaks = |acts: &[Act]| {
        tries += 1;
        tries <= MAX_TRIES && run(script, scene, acts).fault.is_some_and(|f| f.law == law)
    };
    let mut short = acts.to_vec();
    let mut piece = short.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < short.len() {
            let mut less = short.clone();
            less.drain(at..(at + piece).min(less.len()));
            if breaks(&less) {
                short = less;
            } else {
                at += piece;
            }
        }
        if piece == 1 {
            break;
        }
        piece = piece.div_ceil(2);
    }
    for at in 0..short.len() {
        for plainer in short[at].plainer() {
            let mut other = short.clone();
            other[at] = plainer;
            if breaks(&other) {
                short = other;
            }
        }
    }
    short
}
