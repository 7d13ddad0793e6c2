//! What is done with a case next: whether it is called, when, at which of its numbers, by which script, and where
//! it stands among the others.
//!
//! A strategy is a file of `strategies/`, kept with its campaign. Every answer is a function of the case, of what
//! was tried and of the moment: two nodes give the same. Deliberately absent: what the law allows (`compliance`,
//! which is asked apart from this and has the last word), and how many are called at once ([`crate::pacing`]).

mod file;
pub(crate) mod hours;
mod ladder;
mod select;

use std::{sync::LazyLock, time::Duration};

use jiff::{civil::DateTime, tz::TimeZone};
use waihu_types::{
    Case, Consent, Disposition, Line, PhoneKind, PhoneNumber, PromiseState, Redial, WallTime, Whose,
};

pub use ladder::{Ladder, NumberRule, Step};
pub use select::Rule;

use crate::{
    Mode, Past, ScriptName, Settings,
    contact::{Asked, ContactModel},
};
use hours::{BestTime, Parts, Tried, zone};

/// What is done with cases.
#[derive(Clone, Debug, Default)]
pub struct Strategy {
    limits: Limits,
    weights: Weights,
    parts: Parts,
    best_time: Option<BestTime>,
    numbers: Numbers,
    promises: Option<Promises>,
    callbacks: Callbacks,
    /// The ends of a last call after which a text is left.
    unreached: Vec<Disposition>,
    rules: Vec<Rule>,
    ladder: Ladder,
    propensity: Option<String>,
    model: Option<ContactModel>,
}

/// How often a case is called.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Attempts in all, since the last promise.
    per_case: u32,
    /// Attempts a day, at the callee's place.
    per_day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_case: 5, per_day: 3 }
    }
}

/// What is added to a rule's rank.
#[derive(Clone, Copy, Debug, Default)]
struct Weights {
    /// Where a payment is certain.
    propensity: i64,
    /// For each day past due, up to a year.
    days_past_due: i64,
    /// For each thousand of the sum due, up to a hundred of them.
    amount: i64,
}

/// Which of several numbers is next.
#[derive(Clone, Debug)]
struct Numbers {
    order: Vec<PhoneKind>,
    /// From an attempt at one number to the next at another.
    wait: Duration,
    /// Whether numbers of others may be called once those of the debtor are used up.
    third_parties: bool,
}

impl Default for Numbers {
    fn default() -> Self {
        let order = vec![PhoneKind::Mobile, PhoneKind::Home, PhoneKind::Work, PhoneKind::Other];
        Self { order, wait: Duration::from_secs(600), third_parties: false }
    }
}

/// The call after the day of a promise.
#[derive(Clone, Debug)]
struct Promises {
    script: Option<ScriptName>,
    /// When [min since midnight].
    at: u16,
    /// So many promises of a case in a campaign are followed up.
    most: u32,
    days_after: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Callbacks {
    /// Where a call back stands that is due: before others, so that it is on time.
    rank: i64,
}

/// What is done with a case next.
#[derive(Clone, Debug, PartialEq)]
pub enum Placement {
    /// It is called.
    Call(Next),
    /// It is not called any more in this campaign.
    Never {
        /// By this rule.
        rule: String,
    },
}

/// The next call of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    /// From when on.
    pub due_at: WallTime,
    /// Of those that are due, the highest is called first.
    pub rank: i64,
    /// Where.
    pub number: PhoneNumber,
    /// The number that the callee sees; none for the trunk's own.
    pub caller_id: Option<PhoneNumber>,
    /// The script, where it is not the one that the campaign draws for the case.
    pub script: Option<ScriptName>,
    /// The rule that decided when; after a comma what moved it further (`no_answer_2_h, best_time`).
    pub why: String,
}

/// The rule where the limit of attempts is reached.
const USED_UP: &str = "attempts_used_up";
/// Where no number is left.
const NO_NUMBER: &str = "no_number_left";
/// Where no rule selects the case.
const NOT_SELECTED: &str = "not_selected";
/// Where the campaign is over.
const CAMPAIGN_OVER: &str = "campaign_over";

/// Ends of a call that reached nobody, on a telephone that is somebody's.
const UNREACHED: [Disposition; 3] = [Disposition::NoAnswer, Disposition::Voicemail, Disposition::Unreachable];

/// How long a telephone may ring for an INVITE that nobody cancels: a proxy gives it more than three minutes
/// (timer C, RFC 3261 section 16.6), and some seconds for the way there.
pub(crate) const LOST_INVITE: Duration = Duration::from_secs(3 * 60 + 20);

/// The most days that a call is moved on by the limit of a day: each has room for at least one.
const MOST_MOVES: usize = 60;

/// What was tried, summed up.
struct Standing {
    /// Attempts since the last promise.
    attempts: u32,
    /// The case is free from then on.
    free_at: Option<WallTime>,
    why: Option<String>,
    script: Option<ScriptName>,
    /// Whether the moment is what somebody asked for, and is not moved to a better one.
    is_fixed: bool,
    is_callback: bool,
    /// Numbers that wait for themselves, and those that are dropped, by subscriber.
    waiting: Vec<(String, WallTime)>,
    dropped: Vec<(String, String)>,
    /// The number that is to be called, where a call back was agreed.
    wanted: Option<String>,
    closed: Option<String>,
}

impl Strategy {
    /// The file of the shipped strategy, whose ladder holds where another says nothing.
    pub const SHIPPED: &str = include_str!("../../strategies/default.toml");

    /// The shipped strategy.
    pub fn shipped() -> &'static Self {
        static READ: LazyLock<Strategy> = LazyLock::new(|| {
            Strategy::read("strategies/default.toml", Strategy::SHIPPED).unwrap_or_default()
        });
        &READ
    }

    /// What follows the ends of calls.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// The most attempts for a case.
    pub fn most_attempts(&self) -> u32 {
        self.limits.per_case
    }

    /// Where the model lies that tells how likely a debtor answers and pays, as it is written in the file.
    pub fn propensity_path(&self) -> Option<&str> {
        self.propensity.as_deref()
    }

    /// The same with the model that lies there, which the shell has read.
    #[must_use]
    pub fn with_model(self, model: ContactModel) -> Self {
        Self { model: Some(model), ..self }
    }

    /// The rule that a case falls under at `now`; none where no rule fits it.
    pub fn rule(&self, case: &Case, now: WallTime) -> Option<&Rule> {
        let local = hours::local(&zone(&case.time_zone), now);
        self.rule_at(case, local, self.likely_to_pay(case, &[], local))
    }

    fn rule_at(&self, case: &Case, local: DateTime, propensity: Option<f64>) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.when.holds(case, local.date(), propensity))
    }

    /// Where a case stands among those that are due; none where it is not called.
    pub fn rank(&self, case: &Case, now: WallTime) -> Option<i64> {
        let local = hours::local(&zone(&case.time_zone), now);
        let propensity = self.likely_to_pay(case, &[], local);
        let rule = self.rule_at(case, local, propensity).filter(|rule| rule.call)?;
        Some(self.rank_under(rule, case, local, propensity))
    }

    fn rank_under(&self, rule: &Rule, case: &Case, local: DateTime, propensity: Option<f64>) -> i64 {
        let likely = propensity.unwrap_or(0.0).clamp(0.0, 1.0);
        // At most a million: no truncation to speak of.
        let likely = (likely * self.weights.propensity as f64).round() as i64;
        let days = i64::from(case.days_past_due(local.date()).min(365));
        let thousands =
            i64::try_from(case.due.amount().trunc().mantissa() / 1_000).unwrap_or(i64::MAX).min(100);
        rule.rank + likely + days * self.weights.days_past_due + thousands * self.weights.amount
    }

    /// How likely it pays: as the case says, or else the model.
    fn likely_to_pay(&self, case: &Case, past: &[Past], local: DateTime) -> Option<f64> {
        let asked = Asked { case, kind: case.dossier.phone_kind, past, local };
        case.dossier.propensity.or_else(|| self.model.as_ref()?.pays(&asked))
    }

    /// What is done with a case next. `past` is what was tried for it in the campaign, in the order of time.
    pub fn place(&self, settings: &Settings, case: &Case, past: &[Past], now: WallTime) -> Placement {
        let never = |rule: &str| Placement::Never { rule: rule.to_owned() };
        let local = hours::local(&zone(&case.time_zone), now);
        let propensity = self.likely_to_pay(case, past, local);
        let rule = match self.rule_at(case, local, propensity) {
            None => return never(NOT_SELECTED),
            Some(rule) if !rule.call => return never(&rule.id),
            Some(rule) => rule,
        };
        let standing = self.standing(case, past, settings.pacing.mode);
        if let Some(rule) = &standing.closed {
            return never(rule);
        }
        if standing.attempts >= self.limits.per_case {
            return never(USED_UP);
        }
        let Some((line, free_at)) = self.number(case, past, &standing, now) else {
            return never(standing.dropped.last().map_or(NO_NUMBER, |(_, rule)| rule));
        };
        let zone = zone(line.time_zone);
        let mut why = standing.why.clone().unwrap_or_else(|| rule.id.clone());
        let mut moved = |at: WallTime, to: WallTime, by: &str| {
            if to > at {
                why.push_str(", ");
                why.push_str(by);
            }
            at.max(to)
        };
        let mut due_at = free_at;
        if let Some(first) = settings.from.and_then(|day| hours::moment(&zone, day, 0)) {
            due_at = moved(due_at, first, "campaign_from");
        }
        if !standing.is_fixed {
            let best = self.best(&zone, case, &line, past, due_at);
            due_at = moved(due_at, best, "best_time");
        }
        let in_limit = self.within_a_day(&zone, past, due_at);
        due_at = moved(due_at, in_limit, "attempts_a_day");
        let over = settings.until.and_then(|day| hours::moment(&zone, day.tomorrow().ok()?, 0));
        if over.is_some_and(|over| due_at >= over) {
            return never(CAMPAIGN_OVER);
        }
        let rank = self.rank_under(rule, case, local, propensity);
        Placement::Call(Next {
            due_at,
            rank: rank + if standing.is_callback { self.callbacks.rank } else { 0 },
            number: line.phone.clone(),
            caller_id: settings.caller_ids.of(line.phone).cloned(),
            script: standing.script.or_else(|| rule.script.clone()),
            why,
        })
    }

    /// The verdict on the case after the last attempt of `past`, which is over, as it goes into its outcome.
    pub fn redial(&self, settings: &Settings, case: &Case, past: &[Past]) -> Redial {
        let now = past.last().map_or(WallTime::from_unix_millis(0), |last| last.ended_at);
        match self.place(settings, case, past, now) {
            Placement::Never { rule } => Redial::No { rule },
            Placement::Call(next) => Redial::Allowed { rule: next.why, not_before: next.due_at },
        }
    }

    /// Whether the script's text for who was not reached is left after the last attempt of `past`, on which the verdict
    /// is `redial`: it reached nobody at a telephone of the debtor's own that takes texts, and there is no further call
    /// because ladder, attempts, numbers or days are used up. Where the script, the trunk or a rule closed the case,
    /// nothing is left.
    pub fn leaves_text(&self, case: &Case, past: &[Past], redial: &Redial) -> bool {
        let (Redial::No { rule }, Some(last)) = (redial, past.last()) else { return false };
        let used_up = [USED_UP, NO_NUMBER, CAMPAIGN_OVER].contains(&rule.as_str())
            || self.ladder.step(last.disposition).is_some_and(|step| step.id == *rule);
        let called = case.lines().find(|line| line.phone.subscriber() == last.number.subscriber());
        let takes_texts = called.is_some_and(|line| {
            line.whose == Whose::Debtor && !matches!(line.kind, PhoneKind::Home | PhoneKind::Work)
        });
        used_up && takes_texts && self.unreached.contains(&last.disposition)
    }

    /// Sums up what was tried.
    fn standing(&self, case: &Case, past: &[Past], mode: Mode) -> Standing {
        let mut standing = Standing {
            attempts: 0,
            free_at: None,
            why: None,
            script: None,
            is_fixed: false,
            is_callback: false,
            waiting: Vec::new(),
            dropped: Vec::new(),
            wanted: None,
            closed: None,
        };
        self.told_promise(case, &mut standing);
        let mut promises = 0;
        for (n, tried) in past.iter().enumerate() {
            standing.attempts += 1;
            standing.is_fixed = false;
            standing.is_callback = false;
            standing.wanted = None;
            if tried.closed.is_some() {
                standing.closed.clone_from(&tried.closed);
            }
            // Where a campaign has no agents, a call back by a person is somebody else's.
            let is_ours = !tried.agent_calls || mode != Mode::Agentless;
            if let Some(at) = tried.callback_at.filter(|_| is_ours) {
                standing.free_at = Some(at.max(tried.ended_at));
                let why = if tried.agent_calls { "callback_by_agent" } else { "callback_as_agreed" };
                standing.why = Some(why.to_owned());
                (standing.is_fixed, standing.is_callback) = (true, true);
                standing.wanted = Some(tried.number.subscriber().to_owned());
                continue;
            }
            let follow_up = self.promises.as_ref().zip(tried.promised);
            if let Some((follow, day)) = follow_up.filter(|_| tried.disposition == Disposition::PromiseToPay)
            {
                promises += 1;
                self.follow_up(case, follow, day, &mut standing);
                standing.attempts = 0;
                if promises > follow.most {
                    standing.closed = Some("promises_for_a_human".to_owned());
                }
                continue;
            }
            let same_before =
                past[..n].iter().filter(|before| before.disposition == tried.disposition).count();
            self.climb(case, tried, same_before + 1, &mut standing);
        }
        standing
    }

    /// What the ladder makes of one attempt.
    fn climb(&self, case: &Case, tried: &Past, nth: usize, standing: &mut Standing) {
        let subscriber = tried.number.subscriber().to_owned();
        let after = |wait: Duration| tried.ended_at.plus(wait);
        let mut wait_for_case = |at: WallTime, why: &str| {
            standing.free_at = standing.free_at.max(Some(at));
            standing.why = Some(why.to_owned());
        };
        // The engine died, and nobody had answered: the telephone may still be ringing.
        if tried.disposition == Disposition::Unknown && !tried.answered {
            let rung_out = tried.dialled_at.plus(LOST_INVITE);
            return wait_for_case(tried.ended_at.max(rung_out), "interrupted_before_answer");
        }
        let Some(step) = self.ladder.step(tried.disposition) else {
            standing.closed.get_or_insert_with(|| "no_rule".to_owned());
            return;
        };
        let zone = zone(case.zone_of(&tried.number));
        let waited = step.wait(nth).map(|wait| {
            let at = after(wait);
            if step.other_part { self.parts.other(&zone, at, tried.dialled_at) } else { at }
        });
        match (step.number, waited) {
            (NumberRule::Drop, _) => {
                standing.free_at = standing.free_at.max(Some(after(self.numbers.wait)));
                standing.why = Some("next_number".to_owned());
                standing.dropped.push((subscriber, step.id.clone()));
            }
            (_, None) => {
                standing.closed.get_or_insert_with(|| step.id.clone());
            }
            (NumberRule::Case, Some(at)) => wait_for_case(at, &step.id),
            (NumberRule::Number, Some(at)) => {
                wait_for_case(after(self.numbers.wait), &step.id);
                standing.waiting.push((subscriber, at));
            }
        }
    }

    /// The call after a promise that the lender told of and whose day has not come.
    fn told_promise(&self, case: &Case, standing: &mut Standing) {
        let open = case.particulars.last_promise == Some(PromiseState::Open);
        if let (Some(follow), Some(day)) =
            (&self.promises, case.particulars.last_promise_date.filter(|_| open))
        {
            self.follow_up(case, follow, day, standing);
        }
    }

    fn follow_up(&self, case: &Case, follow: &Promises, day: jiff::civil::Date, standing: &mut Standing) {
        let after = day.saturating_add(jiff::Span::new().days(i64::from(follow.days_after)));
        let at = hours::moment(&zone(&case.time_zone), after, follow.at);
        standing.free_at = standing.free_at.max(at);
        standing.why = Some("promise_follow_up".to_owned());
        standing.script.clone_from(&follow.script);
        standing.is_fixed = true;
    }

    /// The number that is next, and from when on it may be called: of those that are free first, the one that the
    /// debtor wished, then where somebody answered, then the one that was tried least, then by kind.
    fn number<'c>(
        &self,
        case: &'c Case,
        past: &[Past],
        standing: &Standing,
        now: WallTime,
    ) -> Option<(Line<'c>, WallTime)> {
        let of = |line: &Line<'_>| line.phone.subscriber().to_owned();
        let is_dropped = |line: &Line<'_>| standing.dropped.iter().any(|(number, _)| *number == of(line));
        let usable = case.lines().filter(|line| {
            line.consent != Some(Consent::Revoked)
                && !is_dropped(line)
                && (line.whose == Whose::Debtor || self.numbers.third_parties)
        });
        let case_free = standing.free_at.map_or(now, |free| free.max(now));
        let free = |line: &Line<'_>| {
            let own =
                standing.waiting.iter().filter(|(number, _)| *number == of(line)).map(|(_, at)| *at).max();
            own.map_or(case_free, |own| own.max(case_free))
        };
        let key = |(n, line): &(usize, Line<'_>)| {
            let number = of(line);
            let tried = past.iter().filter(|past| past.number.subscriber() == number);
            let talked =
                tried.clone().any(|past| past.answered && past.disposition != Disposition::ThirdParty);
            let kind = self.numbers.order.iter().position(|kind| *kind == line.kind);
            let wanted = standing.wanted.as_ref() == Some(&number);
            let own = line.whose == Whose::Debtor;
            (!own, free(line), !wanted, !talked, tried.count(), kind.unwrap_or(usize::MAX), *n)
        };
        let (_, line) = usable.enumerate().min_by_key(key)?;
        Some((line, free(&line)))
    }

    /// The best moment from `at` on: within the hours that the case names, else by what was tried.
    fn best(&self, zone: &TimeZone, case: &Case, line: &Line<'_>, past: &[Past], at: WallTime) -> WallTime {
        let Some(best) = &self.best_time else { return at };
        let tried: Vec<Tried> = past.iter().filter_map(|past| Tried::of_past(past, zone)).collect();
        if let Some(window) = case.dossier.best_time {
            let in_vain = past.iter().filter(|past| {
                !past.answered && hours::within(zone, window, past.dialled_at) == Some(past.dialled_at)
            });
            // A hint that proved wrong twice is none.
            if in_vain.count() < 2 {
                let latest = at.plus(best.look_ahead);
                return hours::within(zone, window, at).filter(|hint| *hint <= latest).unwrap_or(at);
            }
        }
        let others = case.dossier.contacts.iter();
        let tried: Vec<Tried> = others.map(|c| Tried::reached(zone, c.at, c.reached)).chain(tried).collect();
        let asked = Asked { case, kind: line.kind, past, local: hours::local(zone, at) };
        let prior = self.model.as_ref().and_then(|model| model.answers(&asked));
        best.best(zone, &self.parts, at, &tried, |shown| prior.as_ref().map(|prior| prior(*shown)))
    }

    /// The first moment from `at` on at whose day there is room for another attempt; of a later day its beginning,
    /// since calling hours are asked apart from this.
    fn within_a_day(&self, zone: &TimeZone, past: &[Past], at: WallTime) -> WallTime {
        let mut at = at;
        for _ in 0..MOST_MOVES {
            let day = hours::local(zone, at).date();
            let tried = past.iter().filter(|past| hours::local(zone, past.dialled_at).date() == day).count();
            match hours::tomorrow(zone, at) {
                Some(tomorrow) if tried >= self.limits.per_day as usize => at = tomorrow,
                _ => return at,
            }
        }
        at
    }
}

#[cfg(test)]
mod tests;
