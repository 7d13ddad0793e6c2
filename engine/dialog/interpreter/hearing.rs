//! What is heard, and what is made of it: which words are an answer, which rule applies, and what
//! follows when nothing was heard or understood.

use std::time::Duration;

use waihu_nlu::Entities;
use waihu_types::{Disposition, Intent, Question, Time};

use super::{CLOSING_GRACE, Closing, Held, Interpreter, MAX_HELD, Phase, Speech};
use crate::{
    condition::{Slot, Who},
    io::{BargeIn, Output, Utterance, Weight},
    memory::Understood,
    naming::Naming,
    passing::names_a_day_in_passing,
    script::{End, Kind, Line, Rule, StateIx, Then},
};

/// The longest utterance waited for. Recognition cuts utterances long before; this is a net.
const MAX_UTTERANCE: Duration = Duration::from_secs(30);
/// A no that began sooner than this after a line did is no answer to it: it was meant for the line
/// before. People need about as long to react at all.
const REACTION: Duration = Duration::from_millis(500);
/// How long before the end of a question its answer may begin. The name comes first in it, and
/// people say yes into the last syllables; what begins earlier has not heard what it would agree to.
const ANTICIPATION: Duration = Duration::from_millis(700);
/// How long to wait for another answer where one came too early, before asking again: whoever gave
/// it takes the question for answered.
const EARLY_WAIT: Duration = Duration::from_secs(2);
/// What is urgent and comes as the call is being closed has this long: an agent's telephone rings
/// for 40 s, and the words after it take a quarter of a minute.
const URGENT_GRACE: Duration = Duration::from_secs(90);

impl Interpreter {
    pub(super) fn speech_started(&mut self, now: Time) {
        match &mut self.phase {
            Phase::Listening { until, speaking } => (*until, *speaking) = (now + MAX_UTTERANCE, true),
            Phase::Saying { interrupted_until: Some(until), .. } => *until = now + MAX_UTTERANCE,
            _ => {}
        }
    }

    /// What is kept of an utterance. Where the person is asked for, one who gives another name says
    /// no, however it sounded, and one who is the person's wife is not the person.
    pub(super) fn understood(&mut self, utterance: Utterance) -> Understood {
        use Intent as I;
        let Utterance { text, intent, confidence, mut entities, also } = utterance;
        if intent == I::OutOfScope && entities.date.is_some() && names_a_day_in_passing(self.lang, &text) {
            self.trace("a day in passing answers nothing");
            (entities.date, entities.time) = (None, None);
        }
        let rules = self.script.state(self.state).kind.rules();
        let asks = rules.iter().any(|r| r.identity == Some(Who::Confirmed));
        let says_yes = matches!(intent, I::Affirm | I::Acknowledge | I::Greeting | I::OutOfScope);
        let named = self.memory.naming(&text);
        let meant = match named {
            Naming::Another if asks && says_yes => I::Deny,
            Naming::Related if asks && says_yes => I::ThirdParty,
            _ => intent,
        };
        if meant != intent {
            self.trace(format!("{intent} with another's name: {meant}"));
        }
        let understood = Understood {
            another_name: meant != intent && named == Naming::Another,
            the_person: named == Naming::Same,
            also,
            ..Understood::new(meant, confidence, entities)
        };
        self.heeded(understood)
    }

    /// The same with the intent that is answered. What is urgent comes first, and what has no rule here
    /// gives way to what has one. Nobody is confirmed and nothing is sealed by what was said beside.
    fn heeded(&mut self, utterance: Understood) -> Understood {
        let urgent = |intent: Intent| self.script.confidence.urgent_intents.contains(&intent);
        let as_other = |(intent, confidence): (Intent, f32)| Understood {
            intent,
            confidence,
            another_name: false,
            ..utterance.clone()
        };
        let answered = |other: &Understood| self.matching(other).is_some() && !self.binds(other);
        let mut others = utterance.also.iter().copied().map(as_other).filter(answered);
        let found = match (urgent(utterance.intent), self.matching(&utterance)) {
            (true, Some(_)) => None,
            (false, Some(_)) => others.find(|o| urgent(o.intent)),
            (_, None) => {
                let others: Vec<Understood> = others.collect();
                let first = others.iter().find(|o| urgent(o.intent)).or(others.first());
                first.cloned()
            }
        };
        let Some(found) = found else { return utterance };
        self.trace(format!("{} beside {}: it is answered", found.intent, utterance.intent));
        let also = utterance.also.iter().copied().filter(|a| a.0 != found.intent);
        let also = [(utterance.intent, utterance.confidence)].into_iter().chain(also).collect();
        Understood { also, ..found }
    }

    /// Writes down what was meant: what is answered first.
    fn meets(&mut self, utterance: &Understood) {
        let sure = self.script.confidence.accept;
        let also = utterance.also.iter().filter(|a| a.1 >= sure && a.0 != Intent::OutOfScope);
        self.intents.extend([utterance.intent].into_iter().chain(also.map(|a| a.0)));
    }

    /// Whether a yes or no began before the question could be meant by it. Words come late when the
    /// recognizer is busy: a yes to "can you hear me?" must not confirm who it is.
    pub(super) fn is_too_early(&self, began: Time, utterance: &Understood) -> bool {
        let Some(line) = self.line else { return false };
        let before_its_end = || line.until.is_some_and(|end| began + ANTICIPATION < end);
        if self.binds(utterance) {
            return match self.phase {
                // Cut short, the question has not been heard; while it lasts, see `hold`.
                Phase::Saying { interrupted_until, .. } => interrupted_until.is_some(),
                // It may never have come to its end, for noise.
                Phase::Listening { .. } => line.until.is_none() || began < line.since || before_its_end(),
                _ => false,
            };
        }
        let bare = matches!(utterance.intent, Intent::Affirm | Intent::Deny)
            && utterance.entities == Entities::default();
        let asked = matches!(self.phase, Phase::Listening { .. } | Phase::Saying { .. });
        bare && asked && (began < line.since + REACTION || line.must_be_heard && before_its_end())
    }

    /// Whether an utterance would confirm the person or seal a promise: then the whole question must
    /// have been heard before it.
    fn binds(&self, utterance: &Understood) -> bool {
        self.matching(utterance).is_some_and(|(_, rule)| {
            rule.identity == Some(Who::Confirmed)
                || matches!(rule.then, Then::Go(to) if self.script.state(to).seals_a_promise())
        })
    }

    pub(super) fn heard_too_early(&mut self, now: Time, utterance: &Understood) {
        self.heard_anything = true;
        self.turns += 1;
        self.trace("a yes or no from before the question");
        let own_time = match &self.script.state(self.state).kind {
            Kind::Ask { listen, .. } => listen.timeout,
            _ => Duration::ZERO,
        };
        let answers = utterance.intent != Intent::Acknowledge && self.binds(utterance);
        let wait = if answers { EARLY_WAIT } else { own_time };
        match &mut self.phase {
            Phase::Listening { until, speaking } => (*until, *speaking) = (now + wait, false),
            Phase::Saying { interrupted_until: Some(_), .. } => self.replay(now),
            _ => {}
        }
    }

    /// A murmur stopped the line, and is no more than that.
    pub(super) fn murmured(&mut self, now: Time) {
        if matches!(self.phase, Phase::Saying { interrupted_until: Some(_), .. }) {
            self.trace("a murmur: the line goes on");
            self.replay(now);
        }
    }

    pub(super) fn unintelligible(&mut self, now: Time) {
        match self.phase {
            Phase::Listening { .. } if self.boxed => self.greeting_goes_on(now),
            Phase::Listening { .. } if self.screened.is_some() => self.wait_for_the_person(now),
            Phase::Listening { .. } => {
                self.heard_anything = true;
                self.turns += 1;
                self.no_match(now, "no words in it");
            }
            Phase::Saying { interrupted_until: Some(_), .. } => self.replay(now),
            _ => {}
        }
    }

    /// A key is meant, whatever is being spoken: once the question was asked it counts at once.
    pub(super) fn key_pressed(&mut self, now: Time, intent: Intent) {
        let utterance = Understood::new(intent, 1.0, Entities::default());
        let may_cut = matches!(self.phase, Phase::Saying { current, .. } if !self.must_go_on(current));
        if self.asked && may_cut && self.matching(&utterance).is_some() {
            self.heard_anything = true;
            self.forget_yes();
            self.respond(now, utterance);
        } else if self.is_too_early(now, &utterance) {
            self.heard_too_early(now, &utterance);
        } else {
            self.heard(now, Held { utterance, began: now });
        }
    }

    /// Whether the line being spoken, or one after it, must be heard.
    fn must_go_on(&self, current: Speech) -> bool {
        current.must_be_heard() || self.queue.iter().any(Speech::must_be_heard)
    }

    pub(super) fn heard(&mut self, now: Time, heard: Held) {
        self.heard_anything = true;
        match self.phase {
            Phase::Listening { .. } => self.respond(now, heard.utterance),
            Phase::Saying { current, interrupted_until, .. } => {
                if self.must_go_on(current) {
                    // A murmur does not take the rest of a line away; what is answered after it does.
                    let goes_on = self.is_back_channel(&heard.utterance);
                    self.hold(heard);
                    if interrupted_until.is_some() && !current.must_be_heard() {
                        match goes_on {
                            true => self.replay(now),
                            false => self.next_line(now),
                        }
                    }
                } else if self.settled.is_some() {
                    if !self.heed_urgently(now, &heard.utterance) && interrupted_until.is_some() {
                        self.next_line(now);
                    }
                } else if self.cuts_in(&heard.utterance) {
                    if self.waits_for_the_end(&heard.utterance) {
                        self.hold(heard);
                        if interrupted_until.is_some() {
                            self.replay(now);
                        }
                    } else {
                        self.forget_yes();
                        self.respond(now, heard.utterance);
                    }
                } else if interrupted_until.is_some() {
                    self.trace("a back-channel: the line goes on");
                    self.turns += 1;
                    self.replay(now);
                }
            }
            Phase::Calling { .. } => {
                let utterance = heard.utterance;
                let Some((rule, _)) = self.matching(&utterance) else {
                    self.trace("heard while an agent is dialled");
                    return;
                };
                self.outputs.push_back(Output::CancelAgent);
                self.turns += 1;
                self.meets(&utterance);
                self.apply(now, rule, &utterance);
            }
            Phase::Before | Phase::Over => {}
        }
    }

    /// Keeps what is said over a line that must be heard, or into the question, for after it. A bare
    /// yes or no is an answer only to the question that it is said into, and where it binds only if it
    /// did not begin too early.
    fn hold(&mut self, heard: Held) {
        use Intent as I;
        if heard.utterance.intent == I::Deny {
            self.forget_yes();
        }
        let back_channel = matches!(heard.utterance.intent, I::Acknowledge | I::Greeting);
        let bare = matches!(heard.utterance.intent, I::Affirm | I::Deny | I::OutOfScope);
        let idle = back_channel || bare && !self.waits_for_the_end(&heard.utterance);
        if idle || !self.accepts(&heard.utterance) {
            return;
        }
        self.forget_yes();
        // Who says a thing twice has said it once; the later words have the later day in them.
        self.held.retain(|h| h.utterance.intent != heard.utterance.intent);
        if self.is_urgent(heard.utterance.intent) {
            self.held.insert(0, heard);
        } else {
            self.held.push(heard);
        }
        if self.held.len() > MAX_HELD {
            let oldest = self.held.iter().position(|h| !self.is_urgent(h.utterance.intent));
            self.held.remove(oldest.unwrap_or(MAX_HELD));
        }
    }

    pub(super) fn is_urgent(&self, intent: Intent) -> bool {
        self.script.confidence.urgent_intents.contains(&intent)
    }

    /// Other words have come since: a yes or no that was held answers nothing any more.
    fn forget_yes(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        held.retain(|h| {
            let bare = matches!(h.utterance.intent, Intent::Affirm | Intent::Deny);
            !bare && !self.binds(&h.utterance) || self.is_urgent(h.utterance.intent)
        });
        self.held = held;
    }

    /// Takes down what was said over a line that had to be heard, where it would have ended the
    /// call: who says "stop calling" and hangs up has said it.
    pub(super) fn settle_held(&mut self) {
        let script = self.script.clone();
        for Held { utterance, .. } in std::mem::take(&mut self.held) {
            let state = script.state(self.state);
            // A yes into a question that never came to its end seals nothing.
            if self.settled.is_some() && !script.heeds(state, utterance.intent) || self.binds(&utterance) {
                continue;
            }
            let Some((_, rule)) = self.matching(&utterance) else { continue };
            let Then::Go(to) = rule.then else { continue };
            let to = script.state(to);
            let end = match &to.kind {
                Kind::End(end) => Some(*end),
                // The call would have gone on from there; what is reached there stands.
                _ => to.reached.map(End::of),
            };
            if let Some(end) = end {
                let (take, identity) = (rule.take.clone(), rule.identity);
                self.take_down(&take, identity, &utterance);
                self.meets(&utterance);
                self.settle(end);
                return;
            }
        }
    }

    /// Takes down what a rule takes from an utterance.
    fn take_down(&mut self, take: &[Slot], identity: Option<Who>, utterance: &Understood) {
        let sealed = (self.reached == Some(Disposition::PromiseToPay)).then(|| self.memory.payments());
        self.memory.take(take, utterance);
        if sealed.is_some_and(|sealed| sealed != self.memory.payments()) {
            // What was said yes to is taken back, and what takes its place has no yes yet.
            self.reached = Some(Disposition::NoCommitment);
        }
        self.memory.identity = identity.unwrap_or(self.memory.identity);
        if identity == Some(Who::Confirmed) {
            // What was reached with somebody else is void: it is the person after all.
            self.reached = None;
        }
    }

    /// Whether whoever says it listens: murmurs, and a bare yes into what is no question for it.
    fn is_back_channel(&self, utterance: &Understood) -> bool {
        use Intent as I;
        let no_question = !self.queue.is_empty() || self.question_asked() != Question::YesNo;
        matches!(utterance.intent, I::Acknowledge | I::Greeting)
            || utterance.intent == I::Affirm
                && no_question
                && utterance.entities == Entities::default()
                && !self.binds(utterance)
    }

    /// Whether an utterance into a question answers it, once it has been asked to its end: what binds,
    /// and a bare yes to a question for one. It is as often a murmur, and loses nothing by waiting.
    fn waits_for_the_end(&self, utterance: &Understood) -> bool {
        let bare = utterance.intent == Intent::Affirm && utterance.entities == Entities::default();
        self.binds(utterance)
            || bare
                && self.queue.is_empty()
                && self.question_asked() == Question::YesNo
                && self.may_be_asked()
    }

    /// Whether the line being spoken may be a question: one that must be heard is a statement.
    fn may_be_asked(&self) -> bool {
        matches!(self.phase, Phase::Saying { current, .. } if !current.must_be_heard())
    }

    /// What an utterance that is not over yet would do to the line being spoken, as far as it was
    /// understood with `confidence`. It changes nothing.
    pub fn weigh(&self, intent: Intent, confidence: f32) -> Weight {
        let utterance = Understood::new(intent, confidence, Entities::default());
        let Phase::Saying { current, .. } = self.phase else { return Weight::Unclear };
        if self.is_back_channel(&utterance) || self.waits_for_the_end(&utterance) {
            Weight::BackChannel
        } else if self.must_go_on(current) || self.settled.is_some() && !self.is_urgent(intent) {
            Weight::Unclear
        } else if self.cuts_in(&utterance) {
            Weight::CutsIn
        } else {
            Weight::Unclear
        }
    }

    /// Whether an utterance over a prompt is meant to stop it.
    fn cuts_in(&self, utterance: &Understood) -> bool {
        !self.is_back_channel(utterance)
            && self.matching(utterance).is_some_and(|(_, rule)| {
                matches!(rule.then, Then::Go(_) | Then::Replay | Then::Ask) || !rule.say.is_empty()
            })
    }

    /// Answers an utterance by the first rule that applies.
    pub(super) fn respond(&mut self, now: Time, utterance: Understood) {
        self.turns += 1;
        if !self.accepts(&utterance) {
            self.no_match(now, format!("{} is not sure ({:.2})", utterance.intent, utterance.confidence));
            return;
        }
        self.meets(&utterance);
        let urgent = self.script.confidence.urgent_intents.contains(&utterance.intent);
        if !urgent && self.over_turns(now) {
            return;
        }
        if urgent {
            self.goes_over_time(now, URGENT_GRACE);
        }
        match self.matching(&utterance) {
            Some((rule, _)) => self.apply(now, rule, &utterance),
            None => self.no_match(now, format!("no rule for {}", utterance.intent)),
        }
    }

    /// A call whose time is up, or about to be, is given so much more for what is urgent.
    fn goes_over_time(&mut self, now: Time, more: Duration) {
        if self.closing != Closing::No {
            self.closing = Closing::Under;
            self.limit_at = Some(now + more);
        }
    }

    /// In an end, or before a state goes on by itself, what is urgent is heeded. Whether it was.
    pub(super) fn heed_urgently(&mut self, now: Time, utterance: &Understood) -> bool {
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
        self.meets(utterance);
        // The end is taken back, and the call back that was agreed with it.
        (self.settled, self.callback) = (None, None);
        self.goes_over_time(now, if ends { CLOSING_GRACE } else { URGENT_GRACE });
        self.apply(now, rule, utterance);
        true
    }

    pub(super) fn accepts(&self, utterance: &Understood) -> bool {
        let c = &self.script.confidence;
        let mut needed = c.accept;
        if let Kind::Ask { listen, .. } = &self.script.state(self.state).kind
            && listen.expects.contains(&utterance.intent)
        {
            needed = needed.min(c.expected);
        }
        if c.urgent_intents.contains(&utterance.intent) {
            needed = needed.min(c.urgent);
        }
        utterance.confidence >= needed
    }

    /// The first rule that applies: its place among the state's rules, and itself.
    fn matching(&self, utterance: &Understood) -> Option<(usize, &Rule)> {
        if !self.accepts(utterance) {
            return None;
        }
        let facts = self.memory.facts();
        let said = self.memory.said(utterance);
        let rules = self.script.rules_in(self.script.state(self.state));
        rules.enumerate().find(|(_, rule)| {
            rule.intents.contains(&utterance.intent)
                && rule.limit.is_none_or(|limit| u32::from(self.applied[rule.id]) < limit)
                && (rule.identity != Some(Who::Confirmed)
                    || utterance.confidence >= self.script.confidence.confirm)
                && rule.when.iter().all(|c| c.of_facts(&facts) != Some(false) && c.of_utterance(&said))
                && rule.guard.as_ref().is_none_or(|g| g.holds(&self.memory.values(&said, self.turns)))
        })
    }

    fn apply(&mut self, now: Time, rule: usize, utterance: &Understood) {
        let script = self.script.clone();
        let state = script.state(self.state);
        let Some(rule) = script.rules_in(state).nth(rule) else { return };
        self.trace(format!("{} ({:.2}): {}", utterance.intent, utterance.confidence, script.why(rule)));
        self.applied[rule.id] = self.applied[rule.id].saturating_add(1);
        (self.silence_rung, self.no_match_rung) = (0, 0);
        self.take_down(&rule.take, rule.identity, utterance);
        self.carry_out(&rule.acts, rule.private);
        let mut lines: Vec<Speech> = rule.say.iter().map(|l| Speech::of(l, rule.private)).collect();
        match rule.then {
            Then::Go(to) => {
                self.enter(now, to, lines);
                return;
            }
            Then::Ask => lines.extend(self.question()),
            Then::Replay => {
                // It may have other values now, which were not asked about yet.
                self.asked = false;
                lines.extend(state.say.iter().map(|l| Speech::of(l, state.private)));
            }
            Then::Listen(time) => self.listen_for = time,
        }
        self.speak(now, lines);
    }

    /// The state's question in its short form.
    pub(super) fn question(&self) -> Option<Speech> {
        let state = self.script.state(self.state);
        state.again.as_ref().or(state.say.last()).map(|l| {
            let speech = Speech::of(l, state.private);
            match speech.barge_in {
                // What had to be heard was heard; asking again may be cut short.
                BargeIn::MustBeHeard => Speech { barge_in: BargeIn::Allowed { after: None }, ..speech },
                _ => speech,
            }
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
            if self.no_match_rung > no_match.rungs.len() {
                self.unclear_after = Some(self.intents.len());
            }
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
