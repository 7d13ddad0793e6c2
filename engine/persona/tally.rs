//! What became of many talks: counted, so that the counts of several threads can be added up.

use std::{collections::BTreeMap, sync::Arc};

use waihu_dialog::Script;
use waihu_types::{Disposition, Lang};

use crate::{
    persona::{Kind, Persona},
    random::Random,
    scene::{Allows, Scene},
    talk::{Bargain, Disclosure, Failure, Talk, Way, converse, converse_by},
};

/// How many of the worst talks are kept of each kind: more are not read.
const WORST_OF_A_KIND: usize = 2;

/// Which talk it is: everything in it follows from this and the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Play {
    /// The language of the case.
    pub lang: Lang,
    /// Who is called.
    pub kind: Kind,
    /// The seed of the case, the callee and the talk.
    pub seed: u64,
}

impl Play {
    /// The `n`th of an arena: kinds and languages take turns.
    pub fn nth(n: u64, seed: u64, langs: &[Lang], kinds: &[Kind]) -> Option<Self> {
        let of = |count: usize, n: u64| usize::try_from(n.checked_rem(u64::try_from(count).ok()?)?).ok();
        let kind = *kinds.get(of(kinds.len(), n)?)?;
        let round = n / u64::try_from(kinds.len()).ok()?;
        let lang = *langs.get(of(langs.len(), round)?)?;
        Some(Self { lang, kind, seed: Random::nth(seed, n).next_u64() })
    }

    /// Plays it.
    pub fn talk(&self, script: &Arc<Script>) -> Talk {
        let (scene, persona) = self.who();
        converse(script, persona, &scene, self.seed)
    }

    /// Plays it where words come to the bot on a way of their own.
    pub fn talk_by(&self, script: &Arc<Script>, way: &mut Way<'_>) -> Talk {
        let (scene, persona) = self.who();
        converse_by(script, persona, &scene, self.seed, way)
    }

    fn who(&self) -> (Scene, Persona) {
        let scene = Scene::new(self.lang, self.seed);
        let persona = Persona::new(self.kind, &scene, self.seed);
        (scene, persona)
    }
}

/// What became of the talks with one kind of callee.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Of {
    /// How many there were.
    pub talks: u64,
    /// How they ended.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// How many promises were made.
    pub promises: u64,
    /// How many of these are within the callee's means.
    pub kept: u64,
    /// The callee's turns, by how many talks had so many.
    pub turns: BTreeMap<u32, u64>,
    /// How long the talks were [s].
    pub seconds: BTreeMap<u32, u64>,
    /// Talks that did not end.
    pub endless: u64,
    /// Somebody else was told of the debt, by the script.
    pub disclosed: u64,
    /// The same, since something else was misheard for a yes.
    pub disclosed_misheard: u64,
    /// The talks that went worst, with how badly, the worst first.
    pub worst: Vec<(u32, Play)>,
}

/// What became of the talks about cases that allow the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bargaining {
    /// How many talks there were.
    pub talks: u64,
    /// How those ended in which the callee bargained.
    pub ends: BTreeMap<Bargain, u64>,
}

impl Bargaining {
    /// In how many of them the callee bargained.
    pub fn bargained(&self) -> u64 {
        self.ends.values().sum()
    }
}

/// What became of many talks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By whom they were with.
    pub by_kind: BTreeMap<Kind, Of>,
    /// How often each state was come to.
    pub states: BTreeMap<Arc<str>, u64>,
    /// How often one state was followed by another; a call's beginning is `""`, its end by the outcome's name.
    pub ways: BTreeMap<(Arc<str>, Arc<str>), u64>,
    /// Turns that failed.
    pub failures: BTreeMap<(Arc<str>, Failure), u64>,
    /// What came of bargaining, by what the lender allows.
    pub bargaining: BTreeMap<Allows, Bargaining>,
    /// Inputs that the interpreter took.
    pub inputs: u64,
}

fn add<K: Ord>(map: &mut BTreeMap<K, u64>, key: K, count: u64) {
    *map.entry(key).or_default() += count;
}

impl Tally {
    /// Counts one talk.
    pub fn count(&mut self, play: Play, talk: &Talk) {
        let of = self.by_kind.entry(play.kind).or_default();
        of.talks += 1;
        let outcome = talk.conclusion.as_ref().map_or("endless", |c| c.disposition.label());
        add(&mut of.outcomes, outcome, 1);
        add(&mut of.turns, talk.conclusion.as_ref().map_or(0, |c| c.turns), 1);
        add(&mut of.seconds, u32::try_from(talk.took.as_secs()).unwrap_or(u32::MAX), 1);
        if let Some(kept) = talk.promise_kept() {
            of.promises += 1;
            of.kept += u64::from(kept);
        }
        of.endless += u64::from(talk.conclusion.is_none());
        of.disclosed += u64::from(talk.disclosure == Disclosure::ByTheScript);
        of.disclosed_misheard += u64::from(talk.disclosure == Disclosure::Misheard);
        of.keep_worst([(talk.trouble(), play)]);
        let mut before: Arc<str> = "".into();
        for state in &talk.entered {
            add(&mut self.states, state.clone(), 1);
            add(&mut self.ways, (before, state.clone()), 1);
            before = state.clone();
        }
        add(&mut self.ways, (before, outcome.into()), 1);
        for failure in &talk.failures {
            add(&mut self.failures, failure.clone(), 1);
        }
        let bargaining = self.bargaining.entry(talk.allows).or_default();
        bargaining.talks += 1;
        if let Some(end) = talk.bargain() {
            add(&mut bargaining.ends, end, 1);
        }
        self.inputs += u64::from(talk.inputs);
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: Self) {
        for (kind, of) in other.by_kind {
            self.by_kind.entry(kind).or_default().merge(of);
        }
        other.states.into_iter().for_each(|(k, n)| add(&mut self.states, k, n));
        other.ways.into_iter().for_each(|(k, n)| add(&mut self.ways, k, n));
        other.failures.into_iter().for_each(|(k, n)| add(&mut self.failures, k, n));
        for (allows, of) in other.bargaining {
            let mine = self.bargaining.entry(allows).or_default();
            mine.talks += of.talks;
            of.ends.into_iter().for_each(|(k, n)| add(&mut mine.ends, k, n));
        }
        self.inputs += other.inputs;
    }

    /// All kinds together.
    pub fn all(&self) -> Of {
        let mut all = Of::default();
        self.by_kind.values().for_each(|of| all.merge(of.clone()));
        all
    }

    /// The states of a script that no talk came to.
    pub fn never_visited(&self, script: &Script) -> Vec<String> {
        script.state_names().filter(|s| !self.states.contains_key(*s)).map(str::to_owned).collect()
    }
}

impl Of {
    fn merge(&mut self, other: Self) {
        self.talks += other.talks;
        other.outcomes.into_iter().for_each(|(k, n)| add(&mut self.outcomes, k, n));
        other.turns.into_iter().for_each(|(k, n)| add(&mut self.turns, k, n));
        other.seconds.into_iter().for_each(|(k, n)| add(&mut self.seconds, k, n));
        self.promises += other.promises;
        self.kept += other.kept;
        self.endless += other.endless;
        self.disclosed += other.disclosed;
        self.disclosed_misheard += other.disclosed_misheard;
        self.keep_worst(other.worst);
    }

    fn keep_worst(&mut self, more: impl IntoIterator<Item = (u32, Play)>) {
        self.worst.extend(more);
        // The seed decides between two that are as bad, so that the order of threads does not.
        self.worst.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
        self.worst.truncate(WORST_OF_A_KIND);
    }

    /// How many ended so.
    pub fn ended(&self, disposition: Disposition) -> u64 {
        self.outcomes.get(disposition.label()).copied().unwrap_or(0)
    }

    /// The number of turns that this share of the talks did not exceed.
    pub fn turns_at(&self, share: f64) -> u32 {
        at(&self.turns, share)
    }

    /// The same of seconds.
    pub fn seconds_at(&self, share: f64) -> u32 {
        at(&self.seconds, share)
    }
}

fn at(spread: &BTreeMap<u32, u64>, share: f64) -> u32 {
    let all: u64 = spread.values().sum();
    let wanted = (all as f64 * share.clamp(0.0, 1.0)).ceil() as u64;
    let mut seen = 0;
    let found = spread.iter().find(|(_, n)| {
        seen += **n;
        seen >= wanted.max(1)
    });
    found.map_or(0, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_nearly_all_are_found_in_a_spread() {
        let spread = BTreeMap::from([(2, 5), (4, 4), (9, 1)]);
        assert_eq!([at(&spread, 0.5), at(&spread, 0.9), at(&spread, 0.95), at(&spread, 1.0)], [2, 4, 9, 9]);
        assert_eq!(at(&BTreeMap::new(), 0.5), 0);
    }

    #[test]
    fn kinds_and_languages_take_turns_and_no_kind_plays_nothing() {
        let kinds = [Kind::Willing, Kind::Angry];
        let of = |n| Play::nth(n, 1, &Lang::ALL, &kinds).map(|p| (p.kind, p.lang));
        assert_eq!(of(0), Some((Kind::Willing, Lang::Zh)));
        assert_eq!(of(1), Some((Kind::Angry, Lang::Zh)));
        assert_eq!(of(2), Some((Kind::Willing, Lang::En)));
        assert_eq!(Play::nth(0, 1, &Lang::ALL, &[]), None);
    }
}
