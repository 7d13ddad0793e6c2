//! The gate: a moment and what was called before, held against a profile's rules.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::DateTime, tz::TimeZone};
use serde::Serialize;
use waihu_types::{Consent, Flag, Percent, Reached, Whose};

use crate::{
    abandoned::Answers,
    contact::Contact,
    profile::{Cap, Check, Per, Profile, Rule, Within},
    subject::{NotOthers, Subject},
};

/// How far ahead a moment is looked for at which a call would be allowed [days].
pub const HORIZON_DAYS: u16 = 60;

/// The most steps of that search. A step is a rule that has to be waited for: a few a day at most.
const MAX_STEPS: usize = 1_000;

/// A profile as calls are placed under it.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The rules.
    pub profile: Arc<Profile>,
    /// Who lets a call pass that the rules deny, and why; none lets none pass.
    pub despite: Option<String>,
}

impl Gate {
    /// The gate of a profile, which nobody passes that it denies.
    pub fn new(profile: Profile) -> Self {
        Self { profile: Arc::new(profile), despite: None }
    }

    /// The gate of lines that reach machines of one's own alone.
    pub fn laboratory() -> Self {
        Self::new(Profile::laboratory())
    }
}

/// Whether a call may be placed now.
#[derive(Clone, Debug)]
pub enum Decision<'p> {
    /// It may.
    Allowed {
        /// All that was asked.
        checked: &'p [Rule],
    },
    /// It may not.
    Denied {
        /// The first rule that denies it.
        rule: &'p Rule,
        /// When this rule denies it no longer, if nothing happens; none where time alone does not help.
        until: Option<Timestamp>,
        /// What the rule was held against.
        evidence: Evidence,
    },
}

impl Decision<'_> {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }
}

/// What a rule was held against when it denied a call; no name, no number.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Evidence {
    /// The case is flagged.
    Flagged {
        /// How.
        flag: Flag,
    },
    /// The case does not tell who owes.
    NoDebtor,
    /// The owner of the number did not agree to an automated voice.
    Consent {
        /// What the case tells of it; none where it tells nothing.
        told: Option<Consent>,
    },
    /// The number is not the debtor's own.
    NotOwn {
        /// Whose it is.
        whose: Whose,
        /// What is in the way.
        why: NotOthers,
    },
    /// The clock is before the newest call.
    ClockSetBack {
        /// The newest call.
        newest: Timestamp,
    },
    /// The time zone is not known, or not one of the profile's.
    Zone {
        /// The time zone of the case.
        zone: String,
    },
    /// The days off of a year are not known.
    HolidaysUnknown {
        /// The year.
        year: i16,
    },
    /// It is no calling hour.
    Hours {
        /// What the clock shows at the callee's place.
        local: DateTime,
        /// The calling hours of that day, as they are written; empty where there are none.
        allowed: String,
    },
    /// So many calls were placed.
    Calls {
        /// How many.
        counted: u32,
        /// How many are allowed.
        most: u32,
        /// How far they came at least.
        reached: Reached,
        /// The oldest of them.
        oldest: Timestamp,
    },
    /// A conversation was not long ago.
    Conversation {
        /// When.
        at: Timestamp,
    },
    /// The call is placed ahead of free agents, and too many calls of its campaign found none.
    Abandoned {
        /// Calls that people answered.
        answered: u32,
        /// Of these, those that found no agent in time.
        abandoned: u32,
        /// The share of them that is allowed.
        most: Percent,
        /// Within so many days, with today.
        days: u16,
    },
}

/// All that a decision was made from, to be kept; no name, no number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// The clock.
    pub now: Timestamp,
    /// The callee's time zone.
    pub zone: String,
    /// What the clock shows there.
    pub local: Option<DateTime>,
    /// Whose number it is.
    pub whose: Whose,
    /// What was told of consent.
    pub consent: Option<Consent>,
    /// How the case is flagged.
    pub flags: Vec<Flag>,
    /// The calls of before that were looked at.
    pub contacts: usize,
    /// What each rule that counts has counted.
    pub counted: Vec<(String, u32)>,
    /// What people answered of its campaign's calls within the days that count; none where the call is not placed ahead
    /// of free agents, or the profile has no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
    /// What denied it, by rule.
    pub denied: Vec<(String, Evidence)>,
}

/// A moment at the callee's place.
struct Moment<'a> {
    now: Timestamp,
    subject: &'a Subject,
    zone: &'a TimeZone,
    local: DateTime,
}

/// Until when a rule denies a call, and what it was held against.
pub(crate) type Broken = (Option<Timestamp>, Evidence);

impl Profile {
    /// Whether a call may be placed at `now`. `history` is what was called before, in any order, from
    /// [`Profile::reach_days`] on and with all that is later than `now`.
    pub fn decide(&self, subject: &Subject, history: &[Contact], now: Timestamp) -> Decision<'_> {
        let moment = Moment::of(subject, now);
        let denied = self.rules().iter().find_map(|rule| rule.denial(subject, history, now, moment.as_ref()));
        denied.unwrap_or(Decision::Allowed { checked: self.rules() })
    }

    /// Every rule that denies a call at `now`.
    pub fn denials(&self, subject: &Subject, history: &[Contact], now: Timestamp) -> Vec<Decision<'_>> {
        let moment = Moment::of(subject, now);
        let denial = |rule| Rule::denial(rule, subject, history, now, moment.as_ref());
        self.rules().iter().filter_map(denial).collect()
    }

    /// The first rule that forbids a call whatever the time and whatever was called before: the case is flagged, or
    /// nobody agreed to an automated voice.
    pub fn forbids(&self, subject: &Subject) -> Option<&Rule> {
        self.rules().iter().find(|rule| match &rule.check {
            Check::Flag(flag) => subject.flags.contains(flag),
            Check::Consent => subject.consent != Some(Consent::Given),
            _ => false,
        })
    }

    /// The first moment from `now` on at which a call would be allowed if nothing else happened, within
    /// [`HORIZON_DAYS`].
    pub fn next_allowed(&self, subject: &Subject, history: &[Contact], now: Timestamp) -> Option<Timestamp> {
        let end = now.checked_add((24 * i64::from(HORIZON_DAYS)).hours()).ok()?;
        let mut at = now;
        // Each rule denies all the time until its own `until`: nothing allowed is stepped over.
        for _ in 0..MAX_STEPS {
            match self.decide(subject, history, at) {
                Decision::Allowed { .. } => return Some(at),
                Decision::Denied { until: Some(until), .. } if at < until && until <= end => at = until,
                Decision::Denied { .. } => return None,
            }
        }
        None
    }

    /// What a decision at `now` is made from.
    pub fn facts(&self, subject: &Subject, history: &[Contact], now: Timestamp) -> Facts {
        let denials = self.denials(subject, history, now).into_iter();
        let denied = denials.filter_map(|denied| match denied {
            Decision::Denied { rule, evidence, .. } => Some((rule.id.clone(), evidence)),
            Decision::Allowed { .. } => None,
        });
        let moment = Moment::of(subject, now);
        let counted = self.rules().iter().filter_map(|rule| match (&rule.check, &moment) {
            (Check::Cap(cap), Some(moment)) => Some((rule.id.clone(), count(cap.of(moment, history)?))),
            _ => None,
        });
        let answers = self.rules().iter().find_map(|rule| match &rule.check {
            Check::Abandoned(most) => Some(most.counted(subject.ahead.as_deref()?, now)),
            _ => None,
        });
        Facts {
            now,
            zone: subject.zone_name.clone(),
            local: subject.local(now),
            whose: subject.whose,
            consent: subject.consent,
            flags: subject.flags.clone(),
            contacts: subject.calls(history).count(),
            counted: counted.collect(),
            answers,
            denied: denied.collect(),
        }
    }
}

impl Rule {
    fn denial(
        &self,
        subject: &Subject,
        history: &[Contact],
        now: Timestamp,
        moment: Option<&Moment<'_>>,
    ) -> Option<Decision<'_>> {
        let (until, evidence) = match &self.check {
            Check::Laboratory => None,
            Check::Clock => set_back(history, now),
            Check::Zone(zones) => elsewhere(zones, subject),
            Check::Flag(flag) => {
                subject.flags.contains(flag).then_some((None, Evidence::Flagged { flag: *flag }))
            }
            Check::Debtor => subject.debtor().is_none().then_some((None, Evidence::NoDebtor)),
            Check::Consent => (subject.consent != Some(Consent::Given))
                .then_some((None, Evidence::Consent { told: subject.consent })),
            Check::Abandoned(most) => most.broken(subject.ahead.as_deref()?, now),
            // Where it is not known what the clock shows there, the rule before has denied it.
            check => check.broken(moment?, history),
        }?;
        Some(Decision::Denied { rule: self, until, evidence })
    }
}

/// Nobody can say how long ago a call was that is yet to come.
fn set_back(history: &[Contact], now: Timestamp) -> Option<Broken> {
    let newest = history.iter().map(|contact| contact.at).max().filter(|newest| *newest > now)?;
    Some((Some(newest), Evidence::ClockSetBack { newest }))
}

fn elsewhere(zones: &[String], subject: &Subject) -> Option<Broken> {
    // A zone is named in full, or as an area by what it begins with.
    let named = |zone: &String| {
        *zone == subject.zone_name || zone.ends_with('/') && subject.zone_name.starts_with(zone.as_str())
    };
    let known = subject.zone.is_some() && (zones.is_empty() || zones.iter().any(named));
    (!known).then(|| (None, Evidence::Zone { zone: subject.zone_name.clone() }))
}

impl Check {
    fn broken(&self, moment: &Moment<'_>, history: &[Contact]) -> Option<Broken> {
        match self {
            Self::Laboratory
            | Self::Clock
            | Self::Zone(_)
            | Self::Flag(_)
            | Self::Debtor
            | Self::Consent
            | Self::Abandoned(_) => None,
            Self::ThirdParty(others) => {
                let since = day_start(moment, 1 - i64::from(others.days))?;
                let why = others.broken(moment.subject, history, since)?;
                let until = match &why {
                    NotOthers::Reached { at } => day_start(&moment.at(*at), i64::from(others.days)),
                    NotOthers::Never | NotOthers::Tried { .. } | NotOthers::Refused { .. } => None,
                };
                Some((until, Evidence::NotOwn { whose: moment.subject.whose, why }))
            }
            Self::Holidays(holidays) => {
                // A window may have begun yesterday.
                let today = moment.local.date();
                let days = [Some(today), today.yesterday().ok()];
                let year = days.into_iter().flatten().map(|day| day.year()).find(|y| !holidays.knows(*y))?;
                Some((None, Evidence::HolidaysUnknown { year }))
            }
            Self::Hours(hours) => {
                if hours.open_at(moment.local) {
                    return None;
                }
                let until = hours.next_open(moment.zone, moment.now, HORIZON_DAYS);
                let allowed = hours.shown(moment.local.date());
                Some((until, Evidence::Hours { local: moment.local, allowed }))
            }
            Self::Cap(cap) => cap.broken(moment, history),
            Self::Rest { days, per } => {
                let since = day_start(moment, 1 - i64::from(*days))?;
                let talks = moment.subject.calls(history).filter(|c| {
                    per.counts(moment.subject, c)
                        && c.reached == Reached::Conversation
                        && since <= c.at
                        && c.at <= moment.now
                });
                let at = talks.map(|c| c.at).max()?;
                Some((day_start(&moment.at(at), i64::from(*days)), Evidence::Conversation { at }))
            }
        }
    }
}

impl Cap {
    /// The calls that count now; none where the calendar has no such day.
    fn of<'h>(
        &self,
        moment: &Moment<'h>,
        history: &'h [Contact],
    ) -> Option<impl Iterator<Item = &'h Contact> + use<'h>> {
        let (cap, now, subject) = (*self, moment.now, moment.subject);
        let since = match cap.within {
            Within::Days(days) => day_start(moment, 1 - i64::from(days))?,
            // Just as long ago is over.
            Within::Clock(span) => {
                now.checked_sub(span).ok()?.checked_add(SignedDuration::from_nanos(1)).ok()?
            }
        };
        Some(subject.calls(history).filter(move |c| {
            cap.per.counts(subject, c) && c.reached >= cap.counts && since <= c.at && c.at <= now
        }))
    }

    fn broken(&self, moment: &Moment<'_>, history: &[Contact]) -> Option<Broken> {
        // What cannot be counted is denied.
        let counted = match self.of(moment, history) {
            Some(calls) => count(calls),
            None => self.most.max(1),
        };
        if counted < self.most {
            return None;
        }
        let mut calls: Vec<Timestamp> =
            self.of(moment, history).into_iter().flatten().map(|c| c.at).collect();
        calls.sort_unstable();
        let oldest = calls.first().copied().unwrap_or(moment.now);
        // When this one counts no longer, fewer than allowed do; a cap of none never ends.
        let last = usize::try_from(counted - self.most).ok().and_then(|n| calls.get(n));
        let until = last.filter(|_| self.most > 0).and_then(|last| match self.within {
            Within::Days(days) => day_start(&moment.at(*last), i64::from(days)),
            Within::Clock(span) => last.checked_add(span).ok(),
        });
        let evidence = Evidence::Calls { counted, most: self.most, reached: self.counts, oldest };
        Some((until, evidence))
    }
}

impl Per {
    fn counts(self, subject: &Subject, contact: &Contact) -> bool {
        match self {
            Self::Number => contact.same_number,
            Self::Debt => contact.same_debt,
            // Who is not named is known by the debt and by the number.
            Self::Debtor => {
                contact.same_debtor || contact.same_debt || subject.debtor().is_none() && contact.same_number
            }
        }
    }
}

impl<'a> Moment<'a> {
    fn of(subject: &'a Subject, now: Timestamp) -> Option<Self> {
        subject.zone.as_ref().map(|zone| Self { now, subject, zone, local: zone.to_datetime(now) })
    }

    /// The same place at another time.
    fn at(&self, at: Timestamp) -> Self {
        Self { now: at, subject: self.subject, zone: self.zone, local: self.zone.to_datetime(at) }
    }
}

/// When the day begins at the callee's place that is so many days after the moment's.
fn day_start(moment: &Moment<'_>, days: i64) -> Option<Timestamp> {
    let day = moment.local.date().checked_add(days.days()).ok()?;
    moment.zone.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

fn count<'a>(calls: impl Iterator<Item = &'a Contact>) -> u32 {
    u32::try_from(calls.count()).unwrap_or(u32::MAX)
}
