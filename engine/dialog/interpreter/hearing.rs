//! What is heard, and what is made of it: which words are an answer, which rule applies, and what
//! follows when nothing was heard or understood.

use std::time::Duration;

use waihu_nlu::Entities;
use waihu_types::{Intent, Time};

use super::{CLOSING_GRACE, Closing, Interpreter, Phase, Speech};
use crate::{
    condition::{Slot, Who},
    io::{Output, Utterance},
    script::{End, Kind, Line, Rule, StateIx, Then},
};

/// The longest utterance waited for. Recognition cuts utterances long before; this is a net.
const MAX_UTTERANCE: Duration = Duration::from_secs(30);
/// A yes that began sooner than this after a question did is no answer to it: it was meant for the
/// line before. People need about as long to react at all.
const REACTION: Duration = Duration::from_millis(500);
/// How long before the end of a line that must be heard a yes to it may begin: its question, a
/// name, stands in its last second, and people answer on the name.
const ANTICIPATION: Duration = Duration::from_millis(1_500);
/// What is urgent and comes as the call is being closed has this long: an agent's telephone rings
/// for 40 s, and the words after it take a quarter of a minute.
const URGENT_GRACE: Duration = Duration::from_secs(90);

impl Interpreter {
    pub(super) fn speech_started(&mut self, now: Time) {
        // What is already being said began earlier; words come once for both.
        self.speaking_since.get_or_insert(now);
        match &mut self.phase {
            Phase::Listening { until, speaking } => (*until, *speaking) = (now + MAX_UTTERANCE, true),
            Phase::Saying { interrupted_until: Some(until), .. } => *until = now + MAX_UTTERANCE,
            _ => {}
        }
    }

    /// Whether a bare yes or no began before the question could be meant by it. Words come late
    /// when the recognizer is busy: a yes to "can you hear me?" must not confirm who it is.
    pub(super) fn is_too_early(&self, began: Time, utterance: &Utterance) -> bool {
        if !matches!(utterance.intent, Intent::Affirm | Intent::Deny)
            || utterance.entities != Entities::default()
        {
            return false;
        }
        let asked = matches!(self.phase, Phase::Listening { .. } | Phase::Saying { .. });
        self.line.filter(|_| asked).is_some_and(|line| {
            let too_soon = began < line.since + REACTION;
            let over_the_notice =
                line.must_be_heard && line.until.is_some_and(|end| began + ANTICIPATION < end);
            too_soon || over_the_notice
        })
    }

    pub(super) fn heard_too_early(&mut self, now: Time) {
        self.heard_anything = true;
        self.turns += 1;
        self.trace("a yes or no from before the question");
        let own_time = match &self.script.state(self.state).kind {
            Kind::Ask { timeout, .. } => *timeout,
            _ => Duration::ZERO,
        };
        match &mut self.phase {
            Phase::Listening { until, speaking } => (*until, *speaking) = (now + own_time, false),
            Phase::Saying { interrupted_until: Some(_), .. } => self.replay(now),
            _ => {}
        }
    }

    pub(super) fn unintelligible(&mut self, now: Time) {
        self.speaking_since = None;
        match self.phase {
            Phase::Listening { .. } => {
                self.heard_anything = true;
                self.turns += 1;
                self.no_match(now, "no words in it");
            }
            Phase::Saying { interrupted_until: Some(_), .. } => self.replay(now),
            _ => {}
        }
    }

    pub(super) fn heard(&mut self, now: Time, utterance: Utterance) {
        self.heard_anything = true;
        match self.phase {
            Phase::Listening { .. } => self.respond(now, utterance),
            Phase::Saying { current, interrupted_until, .. } => {
                if current.must_be_heard || self.queue.iter().any(|l| l.must_be_heard) {
                    self.hold(utterance);
                    if interrupted_until.is_some() && !current.must_be_heard {
                        self.next_line(now);
                    }
                } else if self.settled.is_some() {
                    if !self.heed_urgently(now, &utterance) && interrupted_until.is_some() {
                        self.next_line(now);
                    }
                } else if self.cuts_in(&utterance) {
                    self.respond(now, utterance);
                } else if interrupted_until.is_some() {
                    self.trace("a back-channel: the line is spoken again");
                    self.turns += 1;
                    self.replay(now);
                }
            }
            Phase::Calling { .. } => {
                let Some((rule, _)) = self.matching(&utterance) else {
                    self.trace("heard while an agent is dialled");
                    return;
                };
                self.outputs.push_back(Output::CancelAgent);
                self.turns += 1;
                self.intents.push(utterance.intent);
                self.apply(now, rule, &utterance);
            }
            Phase::Before | Phase::Over => {}
        }
    }

    /// Keeps what is said over a line that must be heard, for after it. A bare yes or no is no
    /// answer: its words came before the line's last, and the question is there or later.
    fn hold(&mut self, utterance: Utterance) {
        use Intent as I;
        let bare = matches!(utterance.intent, I::Affirm | I::Deny | I::OutOfScope);
        let back_channel = matches!(utterance.intent, I::Acknowledge | I::Greeting);
        if back_channel || bare || !self.accepts(&utterance) {
            return;
        }
        let urgent = &self.script.confidence.urgent_intents;
        if !self.held.as_ref().is_some_and(|h| urgent.contains(&h.intent)) {
            self.held = Some(utterance);
        }
    }

    /// Takes down what was said over a line that had to be heard, where it would have ended the
    /// call: who says "stop calling" and hangs up has said it.
    pub(super) fn settle_held(&mut self) {
        let script = self.script.clone();
        let Some(utterance) = self.held.take() else { return };
        let state = script.state(self.state);
        if self.settled.is_some() && !script.heeds(state, utterance.intent) {
            return;
        }
        let Some((_, rule)) = self.matching(&utterance) else { return };
        let Then::Go(to) = rule.then else { return };
        let to = script.state(to);
        let end = match &to.kind {
            Kind::End(end) => Some(*end),
            // The call would have gone on from there; what is reached there stands.
            _ => to.reached.map(End::of),
        };
        if let Some(end) = end {
            let (take, identity) = (rule.take.clone(), rule.identity);
            self.take_down(&take, identity, &utterance);
            self.intents.push(utterance.intent);
            self.settle(end);
        }
    }

    /// Takes down what a rule takes from an utterance.
    fn take_down(&mut self, take: &[Slot], identity: Option<Who>, utterance: &Utterance) {
        let said = self.memory.said(&utterance.entities);
        for slot in take {
            self.memory.take(*slot, &said);
        }
        self.memory.identity = identity.unwrap_or(self.memory.identity);
    }

    /// Whether an utterance over a prompt is meant to stop it.
    fn cuts_in(&self, utterance: &Utterance) -> bool {
        use Intent as I;
        let listens = matches!(utterance.intent, I::Acknowledge | I::Greeting)
            || utterance.intent == I::Affirm && !self.queue.is_empty();
        !listens
            && self.matching(utterance).is_some_and(|(_, rule)| {
                matches!(rule.then, Then::Go(_) | Then::Replay | Then::Ask) || !rule.say.is_empty()
            })
    }

    /// Answers an utterance by the first rule that applies.
    pub(super) fn respond(&mut self, now: Time, utterance: Utterance) {
        self.turns += 1;
        if !self.accepts(&utterance) {
            self.no_match(now, format!("{} is not sure ({:.2})", utterance.intent, utterance.confidence));
            return;
        }
        self.intents.push(utterance.intent);
        let urgent = self.script.confidence.urgent_intents.contains(&utterance.intent);
        if !urgent && self.over_turns(now) {
            return;
        }
        match self.matching(&utterance) {
            Some((rule, _)) => self.apply(now, rule, &utterance),
            None => self.no_match(now, format!("no rule for {}", utterance.intent)),
        }
    }

    /// In an end, what is urgent is heeded and all else is over. Whether it was.
    pub(super) fn heed_urgently(&mut self, now: Time, utterance: &Utterance) -> bool {
        let state = self.script.state(self.state);
        if !self.script.heeds(state, utterance.intent) || !self.accepts(utterance) {
            return false;
        }
        let Some((rule, found)) = self.matching(utterance) else { return false };
        if found.then == Then::Go(self.state) {
            return false;
        }
        let Then::Go(to) = found.then else { return false };
        let ends = matches!(self.script.state(to).kind, Kind::End(_));
        self.intents.push(utterance.intent);
        self.settled = None;
        if self.closing == Closing::Under {
            self.limit_at = Some(now + if ends { CLOSING_GRACE } else { URGENT_GRACE });
        }
        self.apply(now, rule, utterance);
        true
    }

    fn accepts(&self, utterance: &Utterance) -> bool {
        let c = &self.script.confidence;
        let mut needed = c.accept;
        if let Kind::Ask { expects, .. } = &self.script.state(self.state).kind
            && expects.contains(&utterance.intent)
        {
            needed = needed.min(c.expected);
        }
        if c.urgent_intents.contains(&utterance.intent) {
            needed = needed.min(c.urgent);
        }
        utterance.confidence >= needed
    }

    /// The first rule that applies: its place among the state's rules, and itself.
    fn matching(&self, utterance: &Utterance) -> Option<(usize, &Rule)> {
        if !self.accepts(utterance) {
            return None;
        }
        let facts = self.memory.facts();
        let said = self.memory.said(&utterance.entities);
        let rules = self.script.rules_in(self.script.state(self.state));
        rules.enumerate().find(|(_, rule)| {
            rule.intents.contains(&utterance.intent)
                && rule.limit.is_none_or(|limit| self.applied[rule.id] < limit)
                && (rule.identity != Some(Who::Confirmed)
                    || utterance.confidence >= self.script.confidence.confirm)
                && rule.when.iter().all(|c| c.of_facts(&facts) != Some(false) && c.of_utterance(&said))
        })
    }

    fn apply(&mut self, now: Time, rule: usize, utterance: &Utterance) {
        let script = self.script.clone();
        let state = script.state(self.state);
        let Some(rule) = script.rules_in(state).nth(rule) else { return };
        self.trace(format!("{} by line {}", utterance.intent, rule.at.line));
        self.applied[rule.id] += 1;
        (self.silence_rung, self.no_match_rung) = (0, 0);
        self.take_down(&rule.take, rule.identity, utterance);
        let mut lines: Vec<Speech> = rule.say.iter().map(|l| Speech::of(l, rule.private)).collect();
        match rule.then {
            Then::Go(to) => {
                self.enter(now, to, lines);
                return;
            }
            Then::Ask => lines.extend(self.question()),
            Then::Replay => lines.extend(state.say.iter().map(|l| Speech::of(l, state.private))),
            Then::Listen(time) => self.listen_for = time,
        }
        self.speak(now, lines);
    }

    /// The state's question in its short form.
    fn question(&self) -> Option<Speech> {
        let state = self.script.state(self.state);
        state.again.as_ref().or(state.say.last()).map(|l| {
            // What had to be heard was heard; asking again may be cut short.
            Speech { must_be_heard: false, ..Speech::of(l, state.private) }
        })
    }

    pub(super) fn no_match(&mut self, now: Time, why: impl Into<String>) {
        self.trace(format!("not understood: {}", why.into()));
        if self.over_turns(now) {
            return;
        }
        let script = self.script.clone();
        if let Kind::Ask { no_match, .. } = &script.state(self.state).kind {
            self.no_match_rung += 1;
            self.silence_rung = 0;
            self.climb(now, self.no_match_rung - 1, &no_match.rungs, no_match.to);
        }
    }

    pub(super) fn silent(&mut self, now: Time) {
        self.trace("silence");
        self.turns += 1;
        if self.over_turns(now) {
            return;
        }
        let script = self.script.clone();
        if let Kind::Ask { silence, .. } = &script.state(self.state).kind {
            self.silence_rung += 1;
            self.climb(now, self.silence_rung - 1, &silence.rungs, silence.to);
        }
    }

    /// Says the next rung and the question, or goes where the ladder ends.
    fn climb(&mut self, now: Time, rung: usize, rungs: &[Line], to: StateIx) {
        let private = self.script.state(self.state).private;
        match rungs.get(rung) {
            Some(line) => {
                let lines: Vec<Speech> =
                    [Speech::of(line, private)].into_iter().chain(self.question()).collect();
                self.speak(now, lines);
            }
            None => self.enter(now, to, Vec::new()),
        }
    }
}
