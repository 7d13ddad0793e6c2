//! Golden conversations run and counted: which of them hold, and what of the script they come to.
//!
//! Deliberately absent: how a conversation runs ([`crate::example`]).

use std::{collections::BTreeSet, sync::Arc};

use waihu_types::Lang;

use crate::{
    example::{Example, Run},
    problem::{Problem, Problems},
    script::Script,
};

/// All golden conversations of one language, run.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The language.
    pub lang: Lang,
    /// Every conversation, in the order of the file.
    pub conversations: Vec<Tried>,
    /// The states that some conversation came to.
    pub states: Coverage,
    /// The rules that applied in some conversation.
    pub rules: Coverage,
    /// The states and rules that none came to, by file and line: what nobody has tried. Not a fault of
    /// the script, and so no part of [`Script::load`].
    pub untried: Vec<Problem>,
}

/// One golden conversation, run.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What it shows.
    pub name: String,
    /// Where it stands: the file as it was handed in.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// How many steps it has.
    pub steps: usize,
    /// What came out otherwise first; none where it holds.
    pub failure: Option<Failure>,
}

/// What came out otherwise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The step, from 1; one more than there are: the outcome.
    pub step: usize,
    /// What was said instead, by file and line.
    pub problem: Problem,
}

/// How much of what there is was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// So much of it.
    pub tried: usize,
    /// So much there is.
    pub total: usize,
}

impl Trial {
    /// The conversations that came out otherwise.
    pub fn failures(&self) -> impl Iterator<Item = (&Tried, &Failure)> {
        self.conversations.iter().filter_map(|tried| Some((tried, tried.failure.as_ref()?)))
    }
}

impl Script {
    /// Runs every golden conversation of every language; what came out otherwise, by file and line.
    pub fn run_examples(self: &Arc<Self>) -> Vec<Problem> {
        let trials = Lang::ALL.iter().map(|lang| self.try_examples(*lang));
        trials.flat_map(|t| t.failures().map(|(_, f)| f.problem.clone()).collect::<Vec<_>>()).collect()
    }

    /// Runs every golden conversation of a language and counts what they come to.
    pub fn try_examples(self: &Arc<Self>, lang: Lang) -> Trial {
        self.try_with(self.examples(lang), lang)
    }

    /// Runs golden conversations, which may be those of another version of the flow, and counts what they
    /// come to here.
    pub fn try_with(self: &Arc<Self>, examples: &[Example], lang: Lang) -> Trial {
        let (mut states, mut rules) = (BTreeSet::new(), BTreeSet::new());
        let mut conversations = Vec::with_capacity(examples.len());
        for example in examples {
            let mut run = Run::new(example, self, lang);
            // One that comes out otherwise has still tried what it came to.
            let failed = run.all().err();
            conversations.push(Tried {
                name: example.name.clone(),
                file: example.at.file.to_string(),
                line: example.at.line,
                steps: example.steps(),
                failure: failed.map(|problem| Failure { step: run.at_step, problem }),
            });
            rules.extend(run.bot.applied_rules());
            states.append(&mut run.entered);
        }
        let mut untried = Problems::default();
        for state in self.states.iter().filter(|s| !states.contains(&s.name)) {
            let message = format!("state {:?} is tried by no conversation in {lang}", state.name);
            untried.add(&state.at, message, "");
        }
        for rule in self.rules().filter(|r| !rules.contains(&r.id)) {
            untried.add(&rule.at, format!("this rule is tried by no conversation in {lang}"), "");
        }
        untried.0.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        let of = |tried: usize, total: usize| Coverage { tried, total };
        Trial {
            lang,
            conversations,
            states: of(self.states.iter().filter(|s| states.contains(&s.name)).count(), self.states.len()),
            rules: of(self.rules().filter(|r| rules.contains(&r.id)).count(), self.rules().count()),
            untried: untried.0,
        }
    }
}
