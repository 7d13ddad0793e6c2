//! The static check of a script: what can happen on any call, found before the first one.
//!
//! The check walks every pair of a state and what may be known there ([`Facts`]). A condition on
//! the utterance may always hold and a limit may always be left, so that the walk sees at least
//! what can happen; what it proves (no debt before the person is confirmed) therefore holds.

mod declared;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use waihu_types::{Intent, Lang};

use crate::{
    condition::{Condition, Facts, Slot, Who},
    io::BargeIn,
    notices::Given,
    problem::{Place, Problems},
    script::{Act, Kind, Line, PromptIx, Rule, Script, State, StateIx, Then},
    template::{Placeholder, Template},
};

/// A state, and what is known in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    state: StateIx,
    facts: Facts,
    /// In an aside: the state that it can go back to.
    back: Option<StateIx>,
    /// What was said by notices before it.
    given: Given,
}

/// A way from one node to another.
struct Edge {
    to: Node,
    at: Place,
    /// Whether a limit bounds how often it is gone in one call.
    limited: bool,
    /// Whether it is gone without a word of the callee: on silence, or when no agent comes.
    by_itself: bool,
}

pub(crate) fn check(script: &Script, problems: &mut Problems) {
    declared::check(script, problems);
    let walk = Walk::all(script);
    let before = problems.0.len();
    walk.check_lines(problems);
    if problems.0.len() > before {
        // Past a broken path nothing was walked; what lies there is no news.
        return;
    }
    walk.check_promises(problems);
    walk.check_reached(problems);
    walk.check_rules_apply(problems);
    walk.check_ends_are_near(problems);
    walk.check_loops(problems);
}

impl Script {
    /// Every rule there is.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.states.iter().flat_map(|s| s.kind.rules()).chain(&self.always)
    }

    /// What a prompt has filled in, in any language and wording.
    pub(crate) fn placeholders(&self, prompt: PromptIx) -> BTreeSet<Placeholder> {
        let wordings = Lang::ALL.iter().flat_map(|l| self.all_wordings(*l, prompt));
        wordings.flat_map(|t| t.placeholders()).collect()
    }

    /// The rules that can apply to an utterance in `state`, in their order.
    pub(crate) fn rules_in<'s>(&'s self, state: &'s State) -> impl Iterator<Item = &'s Rule> {
        // While an agent is called only that state's own rules apply; in an end only what is urgent.
        let (own, always): (&[Rule], &[Rule]) = match &state.kind {
            Kind::Ask { rules, .. } => (rules, &self.always),
            Kind::Transfer { rules, .. } => (rules, &[]),
            Kind::Pass { .. } | Kind::Back | Kind::End(_) => (&[], &self.always),
        };
        own.iter().chain(always)
    }

    /// Whether an intent can make a rule apply in `state`.
    pub(crate) fn heeds(&self, state: &State, intent: Intent) -> bool {
        !matches!(state.kind, Kind::End(_)) || self.confidence.urgent_intents.contains(&intent)
    }
}

/// All nodes that a call can come to, and the ways between them.
struct Walk<'s> {
    script: &'s Script,
    nodes: BTreeMap<Node, Vec<Edge>>,
    /// How each node was first come to.
    from: BTreeMap<Node, Node>,
}

impl<'s> Walk<'s> {
    fn all(script: &'s Script) -> Self {
        let mut walk = Self { script, nodes: BTreeMap::new(), from: BTreeMap::new() };
        let start = Node { state: script.start, facts: Facts::NONE, back: None, given: Given::default() };
        // Whether there was a promise before is so from the start; it matters to scripts that ask.
        let before = Node { facts: Facts { last_promise: true, ..Facts::NONE }, ..start };
        let asked = script
            .rules()
            .flat_map(|r| &r.when)
            .any(|c| matches!(c, Condition::LastPromise | Condition::NoLastPromise));
        let mut queue = VecDeque::from_iter([start].into_iter().chain(asked.then_some(before)));
        while let Some(node) = queue.pop_front() {
            if walk.nodes.contains_key(&node) {
                continue;
            }
            let edges = walk.edges(node);
            // Limits and a late voicemail can come from anywhere; they lead to ends.
            let at_limit = Node { state: script.limits.to, back: None, ..node };
            let unconfirmed = Facts { identity: Who::Unconfirmed, ..node.facts };
            let voicemail = Node { state: script.voicemail, facts: unconfirmed, ..at_limit };
            // An assistant is told who calls before anything is known; the person is greeted from the start.
            let screened = script.screening.as_ref().filter(|_| node == start || node == before);
            let screened = screened.into_iter().map(|s| Node { state: s.to, ..node });
            for to in edges.iter().map(|e| e.to).chain([at_limit, voicemail]).chain(screened) {
                if !walk.nodes.contains_key(&to) && to != node {
                    walk.from.entry(to).or_insert(node);
                    queue.push_back(to);
                }
            }
            walk.nodes.insert(node, edges);
        }
        walk
    }

    fn edges(&self, node: Node) -> Vec<Edge> {
        let state = self.script.state(node.state);
        let mut edges = Vec::new();
        if state.private && node.facts.identity != Who::Confirmed {
            // It must not be come to like this; one fault is told once, and not again behind it.
            return edges;
        }
        let after = Node { given: self.given(node.given, &state.say), ..node };
        let mut go = |to: StateIx, at: &Place| {
            let to = self.entered(to, after);
            edges.push(Edge { to, at: at.clone(), limited: false, by_itself: true });
        };
        match &state.kind {
            Kind::Ask { silence, no_match, .. } => {
                go(silence.to, &state.at);
                go(no_match.to, &state.at);
            }
            Kind::Pass { next } => go(*next, &state.at),
            Kind::Back => {
                if let Some(back) = node.back {
                    let to = match self.script.state(back).kind {
                        Kind::Pass { next } => next,
                        _ => back,
                    };
                    go(to, &state.at);
                }
            }
            Kind::Transfer { failed, .. } => go(*failed, &state.at),
            Kind::End(_) => {}
        }
        for (rule, facts) in self.applying(state, node.facts) {
            let after = Node { facts, given: self.given(after.given, &rule.say), ..after };
            if let Then::Go(to) = rule.then {
                // An end that is urgent once more is not entered again.
                if !(to == node.state && matches!(state.kind, Kind::End(_))) {
                    let (to, limited) = (self.entered(to, after), rule.limit.is_some());
                    edges.push(Edge { to, at: rule.at.clone(), limited, by_itself: false });
                }
            } else if facts != node.facts {
                let to = Node { given: node.given, ..after };
                edges.push(Edge { to, at: rule.at.clone(), limited: true, by_itself: false });
            }
        }
        edges
    }

    /// A state as it is come to from `before`: an aside keeps where it can go back to.
    fn entered(&self, to: StateIx, before: Node) -> Node {
        let from = self.script.state(before.state);
        let back = match (self.script.state(to).aside, from.aside) {
            (false, _) => None,
            (true, true) => before.back,
            (true, false) => from.kind.can_be_left().then_some(before.state),
        };
        Node { state: to, back, ..before }
    }

    /// The notices given when `lines` were spoken: what may be cut short gives none.
    fn given(&self, before: Given, lines: &[Line]) -> Given {
        let heard = lines.iter().filter(|l| l.barge_in == BargeIn::MustBeHeard);
        let notices = heard.filter_map(|l| self.script.notices.given_by.get(&l.prompt)).flatten();
        notices.fold(before, |given, notice| given.with(*notice))
    }

    /// The rules that may apply in a state, with what may be known after each.
    fn applying(&self, state: &'s State, facts: Facts) -> Vec<(&'s Rule, Facts)> {
        let mut settled: BTreeSet<Intent> = BTreeSet::new();
        let mut found = Vec::new();
        for rule in self.script.rules_in(state) {
            let mut open = rule
                .intents
                .iter()
                .filter(|i| self.script.heeds(state, **i) && !settled.contains(i))
                .peekable();
            if open.peek().is_none() || rule.when.iter().any(|c| c.of_facts(&facts) == Some(false)) {
                continue;
            }
            found.extend(after(rule, facts).into_iter().map(|f| (rule, f)));
            if rule.limit.is_none()
                && rule.guard.is_none()
                && rule.when.iter().all(|c| c.of_facts(&facts) == Some(true))
            {
                settled.extend(&rule.intents);
            }
        }
        found
    }

    fn check_lines(&self, problems: &mut Problems) {
        for node in self.nodes.keys() {
            let state = self.script.state(node.state);
            let mut given = node.given;
            for line in &state.say {
                self.check_line(line, state.private, Node { given, ..*node }, problems);
                given = self.given(given, std::slice::from_ref(line));
            }
            let spoken = Node { given, ..*node };
            let mut lines: Vec<&Line> = state.again.iter().collect();
            if let Kind::Ask { silence, no_match, .. } = &state.kind {
                lines.extend(silence.rungs.iter().chain(&no_match.rungs));
            }
            for line in lines {
                self.check_line(line, state.private, spoken, problems);
            }
            for line in state.acts.iter().filter_map(Act::text) {
                self.check_line(line, state.private, *node, problems);
            }
            for (rule, facts) in self.applying(state, node.facts) {
                for line in rule.texts() {
                    self.check_line(line, rule.private, Node { facts, ..spoken }, problems);
                }
            }
            if matches!(state.kind, Kind::Back) && node.back.is_none() {
                let message = format!("there is nothing to go back to on the path {}", self.path(*node));
                let help =
                    "lead to it, and to all of the aside, from states that ask; mark each aside = true";
                problems.add_once(&state.at, "there is nothing to go back to", message, help);
            }
        }
    }

    fn check_line(&self, line: &Line, private: bool, node: Node, problems: &mut Problems) {
        let (name, facts) = (self.script.prompt_name(line.prompt), node.facts);
        if private && facts.identity != Who::Confirmed {
            let message = format!(
                "private prompt {name:?} can be spoken before the person is confirmed, on the path {}",
                self.path(node)
            );
            // One path is enough: the same prompt by another path is the same mistake.
            let help =
                "let a rule with identity = \"confirmed\" lead here, or ask for when = [\"confirmed\"]";
            problems.add_once(&line.at, "private prompt", message, help);
        }
        self.check_notices(line, private, node, problems);
        for p in self.script.placeholders(line.prompt) {
            if p == Placeholder::AgentsBack {
                self.check_after_hours(line, problems);
            }
            let known = match p {
                Placeholder::PromiseDate => facts.promise_date,
                Placeholder::CallbackDate => facts.callback_date,
                Placeholder::CallbackTime => facts.callback_time,
                Placeholder::CallbackWhen => facts.callback,
                Placeholder::LastPromiseDate | Placeholder::LastPromiseAmount => facts.last_promise,
                p if p.is_of_the_plan() => facts.plan,
                p => !declared::of_a_transfer(p),
            };
            if !known {
                let said = format!("prompt {name:?} speaks {p}");
                let message = format!("{said}, which is not known on the path {}", self.path(node));
                let help = "take it in the rule that leads here, under a condition that it is said";
                problems.add_once(&line.at, &said, message, help);
            }
        }
    }

    /// What is said while agents are not at work has other words for while they are.
    fn check_after_hours(&self, line: &Line, problems: &mut Problems) {
        for lang in Lang::ALL {
            let mut wordings = self.script.all_wordings(lang, line.prompt).peekable();
            if wordings.peek().is_some() && wordings.all(Template::is_after_hours) {
                let name = self.script.prompt_name(line.prompt);
                let said = format!("prompt {name:?} always says when agents are back");
                let message = format!("{said}, and they may be there");
                problems.add_once(&line.at, &said, message, "add a wording without {agents_back}");
            }
        }
    }

    /// Of the debt nothing is spoken before the notices of every profile were.
    fn check_notices(&self, line: &Line, private: bool, node: Node, problems: &mut Problems) {
        let notices = &self.script.notices;
        if !private || notices.given_by.contains_key(&line.prompt) {
            return;
        }
        for profile in &notices.profiles {
            for notice in profile.notices().iter().filter(|n| !node.given.has(**n)) {
                let said = format!(
                    "private prompt {:?} can be spoken before the notice {:?}, which profile {profile} wants",
                    self.script.prompt_name(line.prompt),
                    notice.word()
                );
                let message = format!("{said}, on the path {}", self.path(node));
                let help = "say its prompt (named in [notices]) on every way here, with barge_in = false";
                problems.add_once(&line.at, &said, message, help);
            }
        }
    }

    /// A promise that is filed has its day.
    fn check_promises(&self, problems: &mut Problems) {
        for node in self.nodes.keys().filter(|n| !n.facts.promise_date && !n.facts.plan) {
            let state = self.script.state(node.state);
            let message = format!("state {:?} ends with a promise, and its day can be unknown", state.name);
            if state.seals_a_promise() {
                let path = self.path(*node);
                let help = "take = [\"promise_date\"] under when = [\"date_soon\"], or take = [\"plan\"] under when = [\"plan_within\"], on every way here";
                problems.add_once(&state.at, &message, format!("{message}, on the path {path}"), help);
            }
        }
    }

    /// Every rule can apply somewhere, seen with what may be known there.
    fn check_rules_apply(&self, problems: &mut Problems) {
        let nodes = self.nodes.keys();
        let applying: BTreeSet<usize> = nodes
            .flat_map(|n| self.applying(self.script.state(n.state), n.facts))
            .map(|(rule, _)| rule.id)
            .collect();
        let reached: BTreeSet<StateIx> = self.nodes.keys().map(|n| n.state).collect();
        let own = |(ix, state): (usize, &'s State)| reached.contains(&ix).then_some(state.kind.rules());
        let rules = self.script.states.iter().enumerate().filter_map(own).flatten();
        for rule in rules.chain(&self.script.always).filter(|r| !applying.contains(&r.id)) {
            let what = "this rule never applies";
            let message = format!("{what}: what it asks of the call is never so, or others come first");
            problems.add_once(&rule.at, what, message, "change its when, move it up, or take it out");
        }
    }

    fn check_reached(&self, problems: &mut Problems) {
        let reached: BTreeSet<StateIx> = self.nodes.keys().map(|n| n.state).collect();
        for (ix, state) in self.script.states.iter().enumerate() {
            if !reached.contains(&ix) {
                problems.add(
                    &state.at,
                    format!("state {:?} cannot be reached", state.name),
                    "lead a rule to it, or take it out",
                );
            }
        }
    }

    /// From every node an end is come to, also when the callee says nothing more.
    fn check_ends_are_near(&self, problems: &mut Problems) {
        let ends = |n: &Node| matches!(self.script.state(n.state).kind, Kind::End(_));
        let mut good: BTreeSet<Node> = self.nodes.keys().filter(|n| ends(n)).copied().collect();
        loop {
            let more: Vec<Node> = self
                .nodes
                .iter()
                .filter(|(n, edges)| {
                    let mut alone = edges.iter().filter(|e| e.by_itself).peekable();
                    !good.contains(n) && alone.peek().is_some() && alone.all(|e| good.contains(&e.to))
                })
                .map(|(n, _)| *n)
                .collect();
            if more.is_empty() {
                break;
            }
            good.extend(more);
        }
        let bad: BTreeSet<StateIx> =
            self.nodes.keys().filter(|n| !good.contains(n)).map(|n| n.state).collect();
        for ix in bad {
            let state = self.script.state(ix);
            problems.add(
                &state.at,
                format!(
                    "no end can be reached from state {:?} when the callee says nothing more",
                    state.name
                ),
                "lead its next, its failed or its ladders to an end",
            );
        }
    }

    /// No way round and round without a limit.
    fn check_loops(&self, problems: &mut Problems) {
        let mut done: BTreeSet<Node> = BTreeSet::new();
        // The same states with other things known are the same mistake.
        let mut told: BTreeSet<BTreeSet<StateIx>> = BTreeSet::new();
        for start in self.nodes.keys() {
            let mut path: Vec<(Node, usize)> = vec![(*start, 0)];
            while let Some((node, next)) = path.last().copied() {
                let edges = self.nodes.get(&node).map_or(&[][..], Vec::as_slice);
                let Some(edge) = edges.get(next).filter(|_| !done.contains(&node)) else {
                    done.insert(node);
                    path.pop();
                    continue;
                };
                if let Some(top) = path.last_mut() {
                    top.1 += 1;
                }
                if edge.limited || done.contains(&edge.to) {
                    continue;
                }
                if let Some(i) = path.iter().position(|(n, _)| *n == edge.to) {
                    if !told.insert(path[i..].iter().map(|(n, _)| n.state).collect()) {
                        continue;
                    }
                    let mut names: Vec<&str> =
                        path[i..].iter().map(|(n, _)| self.script.state(n.state).name.as_ref()).collect();
                    names.push(names[0]);
                    let message = format!("a loop without a limit: {}", names.join(" → "));
                    problems.add(&edge.at, message, "add limit = … to one of its rules");
                } else {
                    path.push((edge.to, 0));
                }
            }
        }
    }

    /// A path from the start to a node, in words.
    fn path(&self, node: Node) -> String {
        let mut names = vec![self.script.state(node.state).name.as_ref()];
        let mut seen = BTreeSet::from([node]);
        let mut at = node;
        while let Some(before) = self.from.get(&at).copied() {
            if !seen.insert(before) {
                break;
            }
            names.push(self.script.state(before.state).name.as_ref());
            at = before;
        }
        names.dedup();
        names.reverse();
        names.join(" → ")
    }
}

/// What may be known after a rule: one entry for each way in which the utterance can be.
fn after(rule: &Rule, before: Facts) -> Vec<Facts> {
    let mut all = vec![Facts { identity: rule.identity.unwrap_or(before.identity), ..before }];
    for slot in &rule.take {
        let surely = rule.when.iter().any(|c| c.fills(*slot));
        let mut next = Vec::new();
        for f in all {
            if !surely {
                next.push(f);
            }
            match slot {
                Slot::PromiseDate | Slot::LastPromiseDate => {
                    next.push(Facts { promise_date: true, ..f });
                }
                Slot::PromiseAmount | Slot::LastPromiseAmount | Slot::Wish | Slot::Channel => next.push(f),
                Slot::Plan | Slot::Counter | Slot::Offer => next.push(Facts { plan: true, ..f }),
                Slot::Callback => {
                    next.push(Facts { callback: true, callback_date: true, ..f });
                    next.push(Facts { callback: true, callback_time: true, ..f });
                    next.push(Facts { callback: true, callback_date: true, callback_time: true, ..f });
                }
            }
        }
        next.sort_unstable();
        next.dedup();
        all = next;
    }
    all
}
