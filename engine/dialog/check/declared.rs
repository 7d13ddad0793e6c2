//! What every state, rule and prompt must say of itself, found without walking the paths.

use std::collections::BTreeMap;

use waihu_types::{Intent, Lang};

use crate::{
    condition::{Condition, Who},
    notices::Notice,
    problem::{Place, Problems},
    script::{Act, Kind, Line, Rule, Script, State, Then},
    template::Placeholder,
};

pub(super) fn check(script: &Script, problems: &mut Problems) {
    check_ends(script, problems);
    check_privacy(script, problems);
    check_shadowed(&script.always, problems);
    for state in &script.states {
        check_shadowed(state.kind.rules(), problems);
        check_confirmation(script, state, problems);
        // What was sealed already may be taken leave of in any words.
        if !state.seals_a_promise() {
            check_sealing(script, state.kind.rules(), problems);
        }
    }
    check_sealing(script, &script.always, problems);
    for rule in &script.always {
        if rule.identity == Some(Who::Confirmed) {
            let message = "a rule for every state confirms the person, whatever was asked there";
            problems.add(&rule.at, message, "move it to the state that asks for the name");
        }
    }
    for rule in script.rules() {
        check_conditions(rule, problems);
    }
    check_notices(script, problems);
    check_transfers(script, problems);
    check_unreached(script, problems);
}

/// The text where nobody was reached says for whom it is, and nothing of the matter: nobody has been asked who reads it,
/// and others may have the telephone.
fn check_unreached(script: &Script, problems: &mut Problems) {
    let Some(line) = &script.unreached else { return };
    let name = script.prompt_name(line.prompt);
    if let Some(telling) = tells_of_the_debt(script, line) {
        let message = format!(
            "prompt {name:?} speaks of the debt ({telling}), and anybody may read it where nobody was reached"
        );
        problems.add(&line.at, message, "say who asks to be called back, and at what number");
        return;
    }
    let unknown = |p: &Placeholder| of_a_transfer(*p) || p.comes_from_the_callee();
    if let Some(p) = script.placeholders(line.prompt).into_iter().find(unknown) {
        let message = format!("prompt {name:?} speaks {p}, and nobody has spoken");
        problems.add(&line.at, message, "say it without");
    }
    if !script.always_has(line, Placeholder::Creditor) {
        let message =
            format!("prompt {name:?} has a wording without {{creditor}}: it says not for whom it is");
        problems.add(&line.at, message, "say for whom the text is");
    }
}

/// What is said around a transfer can always be said: of the agent once there is one, of the wait while there is one,
/// and in other words where it is not known.
fn check_transfers(script: &Script, problems: &mut Problems) {
    for state in &script.states {
        let Kind::Transfer { waiting, joined, .. } = &state.kind else { continue };
        let both =
            [(waiting, Placeholder::is_of_the_wait as fn(_) -> _), (joined, |p| p == Placeholder::Agent)];
        for (line, own) in both.into_iter().filter_map(|(line, own)| Some((line.as_ref()?, own))) {
            let name = script.prompt_name(line.prompt);
            let unknown = |p: &Placeholder| {
                !own(*p)
                    && (of_a_transfer(*p)
                        || p.comes_from_the_callee()
                        || p.may_be_lacking()
                        || *p == Placeholder::AgentsBack)
            };
            if let Some(p) = script.placeholders(line.prompt).into_iter().find(unknown) {
                let message = format!("prompt {name:?} speaks {p}, which is not known there");
                problems.add(&line.at, message, "say it without");
            }
        }
        let Some(line) = waiting else { continue };
        for lang in Lang::ALL {
            let mut wordings = script.all_wordings(lang, line.prompt).peekable();
            let of_the_wait = |w: &crate::Template| w.placeholders().any(Placeholder::is_of_the_wait);
            if wordings.peek().is_some() && wordings.all(of_the_wait) {
                let name = script.prompt_name(line.prompt);
                let message = format!("prompt {name:?} always tells of the wait, which may not be known");
                problems.add(&line.at, message, "add a wording without {queue_place} and {queue_wait}");
            }
        }
    }
}

/// Whether it is filled in where an agent is sought, and nowhere else.
pub(super) fn of_a_transfer(p: Placeholder) -> bool {
    p.is_of_the_wait() || p == Placeholder::Agent
}

/// A flow that speaks of a debt says under which rules, and who calls is said by name.
fn check_notices(script: &Script, problems: &mut Problems) {
    let notices = &script.notices;
    if let Some(state) = script.states.iter().find(|s| s.private).filter(|_| notices.profiles.is_empty()) {
        let message = "this speaks of the debt, and no profile of rules is named";
        problems.add(&state.at, message, "add [notices] with profiles = [\"cn\"] or [\"us\"] to script.toml");
    }
    let calls = notices.given_by.iter().filter(|(_, given)| given.contains(&Notice::WhoCalls));
    for (prompt, _) in calls {
        let wordings = Lang::ALL.iter().flat_map(|l| script.all_wordings(*l, *prompt));
        let unnamed = wordings.filter(|w| !w.placeholders().any(|p| p == Placeholder::Creditor)).count();
        if let Some(at) = notices.at.as_ref().filter(|_| unnamed > 0) {
            let name = script.prompt_name(*prompt);
            let message =
                format!("prompt {name:?} is to say who calls, and has a wording without {{creditor}}");
            problems.add(at, message, "say for whom the call is");
        }
    }
}

/// The limits, the voicemail and the screening lead to ends, so that nothing more is asked there.
fn check_ends(script: &Script, problems: &mut Problems) {
    let screening = script.screening.iter().map(|s| (s.to, "screening.to", &s.at));
    let both = [
        (script.limits.to, "limits.to", &script.limits.at),
        (script.voicemail, "voicemail.to", &script.voicemail_at),
    ];
    for (ix, what, at) in both.into_iter().chain(screening) {
        let state = script.state(ix);
        if !matches!(state.kind, Kind::End(_)) {
            let message = format!("{what} names state {:?}, which is no end", state.name);
            problems.add(at, message, "name a state with end = …");
        }
    }
}

/// Every state and rule that speaks of the debt says so itself.
fn check_privacy(script: &Script, problems: &mut Problems) {
    let mut check = |lines: &mut dyn Iterator<Item = &Line>, private: bool, what: &str| {
        for line in lines.filter(|_| !private) {
            if let Some(telling) = tells_of_the_debt(script, line) {
                let name = script.prompt_name(line.prompt);
                let message =
                    format!("prompt {name:?} speaks of the debt ({telling}), and the {what} is not private");
                problems.add(&line.at, message, "add private = true, or say it in other words");
            }
        }
    };
    for state in &script.states {
        let sent = state.acts.iter().filter_map(Act::text);
        check(&mut state.say.iter().chain(&state.again).chain(sent), state.private, "state");
        if let Kind::Ask { silence, no_match, .. } = &state.kind {
            check(&mut silence.rungs.iter().chain(&no_match.rungs), state.private, "state");
        }
        if let Kind::Transfer { waiting, joined, .. } = &state.kind {
            // The agent hears it too, and whoever waits may have given the telephone to somebody.
            check(&mut waiting.iter().chain(joined), false, "transfer");
        }
    }
    for rule in script.rules() {
        check(&mut rule.texts(), rule.private, "rule");
    }
    if let Some(screening) = &script.screening {
        // Who hears it is nobody yet: it can never be private.
        check(&mut screening.say.iter(), false, "answer to a screening");
        for line in &screening.say {
            let callees = script.placeholders(line.prompt).into_iter().find(|p| p.comes_from_the_callee());
            if let Some(p) = callees {
                let name = script.prompt_name(line.prompt);
                let message = format!("prompt {name:?} speaks {p}, and nobody has spoken yet");
                problems.add(&line.at, message, "say who is calling and for whom");
            }
        }
    }
}

/// The placeholder or the word with which a line tells of the debt, in any language and wording.
fn tells_of_the_debt(script: &Script, line: &Line) -> Option<String> {
    let placeholder = script.placeholders(line.prompt).into_iter().find(|p| p.tells_of_the_debt());
    let word = || {
        Lang::ALL.iter().find_map(|lang| {
            let mut wordings = script.all_wordings(*lang, line.prompt);
            wordings.find_map(|w| w.debt_word(*lang)).map(|word| format!("{word:?} in {lang}"))
        })
    };
    placeholder.map(|p| p.to_string()).or_else(word)
}

/// The person is confirmed by a clear yes to a question with the name in it, and by nothing else.
fn check_confirmation(script: &Script, state: &State, problems: &mut Problems) {
    for rule in state.kind.rules().iter().filter(|r| r.identity == Some(Who::Confirmed)) {
        if let Some(other) = rule.intents.iter().find(|i| **i != Intent::Affirm) {
            let message = format!("{other} confirms the person: only a yes is sure enough");
            problems.add(&rule.at, message, "keep intent = \"affirm\" here, and give the others a rule");
        }
        let mut questions = state.say.last().into_iter().chain(&state.again);
        let unnamed = questions.find(|q| !script.always_has(q, Placeholder::Name));
        if unnamed.is_some() || state.say.is_empty() {
            let message = format!(
                "a yes confirms the person in state {:?}, of which the question has no {{name}}",
                state.name
            );
            let at = unnamed.map_or(&rule.at, |line| &line.at);
            problems.add(at, message, "ask for {name} in every wording of its last prompt and of again");
        }
    }
}

/// A promise is sealed by a clear yes, or by being said once more. A goodbye is easily misheard for a murmur,
/// and whoever murmurs only listens.
fn check_sealing(script: &Script, rules: &[Rule], problems: &mut Problems) {
    use Intent as I;
    let clear =
        |i: &Intent| matches!(i, I::Affirm | I::PromiseToPay | I::PartialPayment | I::RequestInstallments);
    let seals = |r: &&Rule| matches!(r.then, Then::Go(to) if script.state(to).seals_a_promise());
    for rule in rules.iter().filter(seals) {
        if let Some(other) = rule.intents.iter().find(|i| !clear(i)) {
            let message =
                format!("{other} seals a promise: only a yes, or the promise once more, is sure enough");
            problems.add(&rule.at, message, "keep \"affirm\" here, and ask the others for a clear yes");
        }
    }
}

/// Conditions that cannot hold together.
fn check_conditions(rule: &Rule, problems: &mut Problems) {
    use Condition as C;
    /// Of each group at most one can hold.
    const APART: [&[Condition]; 18] = [
        &[C::Confirmed, C::Unconfirmed],
        &[C::PromiseDate, C::NoPromiseDate],
        &[C::NoDate, C::DateSoon, C::DateLate, C::DateBeyond],
        &[C::NoDate, C::Date],
        &[C::NoDate, C::DateWithin, C::DateBeyond],
        &[C::DayOrTime, C::NoDayOrTime],
        &[C::Amount, C::NoAmount],
        &[C::SamePromise, C::OtherPromise],
        &[C::Count, C::NoCount],
        &[C::AnotherName, C::ThePerson],
        &[C::Plan, C::NoPlan],
        &[C::SamePlan, C::OtherPlan],
        &[C::PlanWithin, C::PlanCounter, C::PlanBeyond, C::PlanNoSum, C::PlanNoDate, C::PlanNoCount],
        &[C::MoreToOffer, C::NoMoreToOffer],
        &[C::Channel, C::NoChannel],
        &[C::LastPromise, C::NoLastPromise],
        &[C::BrokePromise, C::NoBrokenPromise],
        &[C::ProductCard, C::ProductPersonal, C::ProductMicro, C::ProductMortgage, C::ProductBusiness],
    ];
    for group in APART {
        let mut asked = rule.when.iter().filter(|c| group.contains(c));
        if let (Some(one), Some(other)) = (asked.next(), asked.next())
            && one != other
        {
            let message =
                format!("this rule never applies: {} and {} exclude each other", one.word(), other.word());
            problems.add(&rule.at, message, "keep one of them");
        }
    }
}

/// Rules that an earlier one always overtakes.
fn check_shadowed(rules: &[Rule], problems: &mut Problems) {
    let mut settled: BTreeMap<Intent, &Place> = BTreeMap::new();
    for rule in rules {
        let by: Vec<&Place> = rule.intents.iter().filter_map(|i| settled.get(i).copied()).collect();
        if let Some(first) = by.first()
            && by.len() == rule.intents.len()
        {
            let message = format!("this rule never applies: the one in line {} comes first", first.line);
            problems.add(&rule.at, message, "put the rule with conditions first");
        }
        if rule.is_final() {
            settled.extend(rule.intents.iter().map(|i| (*i, &rule.at)));
        }
    }
}

impl Script {
    /// Whether every wording of a line, in every language, has a placeholder.
    fn always_has(&self, line: &Line, placeholder: Placeholder) -> bool {
        let mut wordings = Lang::ALL.iter().flat_map(|l| self.all_wordings(*l, line.prompt));
        wordings.all(|w| w.placeholders().any(|p| p == placeholder))
    }
}
