//! Who is to be called, as far as rules ask.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use waihu_types::{Case, Consent, DebtorId, Flag, PhoneNumber, Reached, Whose};

use crate::{abandoned::AnswersByDay, contact::Contact};

/// Who is to be called, as far as rules ask.
#[derive(Clone, Debug)]
pub struct Subject {
    pub(crate) zone_name: String,
    pub(crate) zone: Option<TimeZone>,
    pub(crate) flags: Vec<Flag>,
    pub(crate) whose: Whose,
    pub(crate) consent: Option<Consent>,
    debtor: Option<DebtorId>,
    /// The numbers that are not the debtor's own, as numbers are compared.
    others: Vec<(String, Whose)>,
    /// The calls that others made before.
    pub(crate) earlier: Vec<Contact>,
    /// What people answered of the campaign's calls, where the call is placed ahead of free agents.
    pub(crate) ahead: Option<AnswersByDay>,
}

impl Subject {
    /// A callee at a place, by the IANA name of its time zone, of whom nothing else is told.
    pub fn new(time_zone: &str) -> Self {
        Self {
            zone_name: time_zone.to_owned(),
            zone: TimeZone::get(time_zone).ok(),
            flags: Vec::new(),
            whose: Whose::Debtor,
            consent: None,
            debtor: None,
            others: Vec::new(),
            earlier: Vec::new(),
            ahead: None,
        }
    }

    /// Who is reached about a case at a number. One that the case does not name counts as the debtor's own,
    /// without consent.
    pub fn of(case: &Case, number: &PhoneNumber) -> Self {
        let subscriber = number.subscriber();
        let line = case.lines().find(|line| line.phone.subscriber() == subscriber);
        let dossier = &case.dossier;
        let others = case.lines().filter(|line| line.whose != Whose::Debtor);
        let mut subject = Self {
            flags: Flag::ALL.iter().copied().filter(|flag| dossier.has(*flag)).collect(),
            whose: line.map(|line| line.whose).unwrap_or_default(),
            consent: line.and_then(|line| line.consent),
            debtor: dossier.debtor.clone(),
            others: others.map(|line| (line.phone.subscriber().to_owned(), line.whose)).collect(),
            ..Self::new(line.map_or(case.time_zone.as_str(), |line| line.time_zone))
        };
        let earlier = dossier.contacts.iter().map(|contact| Contact {
            // Where nobody told which number it was, it may have been this one.
            same_number: contact.number.as_ref().is_none_or(|number| number.subscriber() == subscriber),
            whose: contact
                .number
                .as_ref()
                .map_or(Whose::Debtor, |number| subject.whose_is(number.subscriber())),
            ..Contact::new(contact.at.timestamp(), contact.reached)
        });
        subject.earlier = earlier.collect();
        subject
    }

    /// The same, by a call that is placed ahead of free agents: who answers it may find none. With what people answered of
    /// its campaign's calls, as far back as [`crate::Profile::most_abandoned`] counts.
    #[must_use]
    pub fn ahead_of_agents(self, answers: AnswersByDay) -> Self {
        Self { ahead: Some(answers), ..self }
    }

    /// The person who owes, where the lender told.
    pub fn debtor(&self) -> Option<&DebtorId> {
        self.debtor.as_ref()
    }

    /// Whose a number is, written as numbers are compared; the debtor's own where the case says nothing.
    pub fn whose_is(&self, subscriber: &str) -> Whose {
        let known = self.others.iter().find(|(other, _)| other == subscriber);
        known.map(|(_, whose)| *whose).unwrap_or_default()
    }

    /// What the clock shows at the callee's place; none where the time zone is not known.
    pub fn local(&self, at: Timestamp) -> Option<DateTime> {
        self.zone.as_ref().map(|zone| zone.to_datetime(at))
    }

    /// The moment at which the clock there shows `local`.
    pub fn moment(&self, local: DateTime) -> Option<Timestamp> {
        self.zone.as_ref()?.to_timestamp(local).ok()
    }

    /// What was called before: by us, and by others before us.
    pub(crate) fn calls<'h>(&'h self, history: &'h [Contact]) -> impl Iterator<Item = &'h Contact> + Clone {
        self.earlier.iter().chain(history)
    }
}

/// Numbers of others than the debtor: which may be called, and when.
#[derive(Clone, Debug)]
pub(crate) struct ThirdParty {
    /// Whose; nobody's, where the profile does not speak of them.
    pub(crate) whose: Vec<Whose>,
    /// How many calls to the debtor's own numbers come first.
    pub(crate) tries: u32,
    /// Within so many days, with today.
    pub(crate) days: u16,
}

/// What keeps a number of another from being called.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotOthers {
    /// The profile allows no call to numbers of such people.
    Never,
    /// The debtor was called too few times for that to be the last resort.
    Tried {
        /// How many times.
        tried: u32,
        /// How many are asked for.
        least: u32,
    },
    /// The debtor can be reached.
    Reached {
        /// When a person answered at the debtor's own number.
        at: Timestamp,
    },
    /// Who answered there refused.
    Refused {
        /// When.
        at: Timestamp,
    },
}

impl ThirdParty {
    /// Why the number may not be called; `since` is when the days begin that are looked at.
    pub(crate) fn broken(
        &self,
        subject: &Subject,
        history: &[Contact],
        since: Timestamp,
    ) -> Option<NotOthers> {
        if subject.whose == Whose::Debtor {
            return None;
        }
        if !self.whose.contains(&subject.whose) {
            return Some(NotOthers::Never);
        }
        let calls = || subject.calls(history);
        if let Some(refusal) = calls().find(|c| c.same_number && c.refused) {
            return Some(NotOthers::Refused { at: refusal.at });
        }
        let own = || calls().filter(|c| c.whose == Whose::Debtor && c.same_debt && c.at >= since);
        if let Some(reached) = own().filter(|c| c.reached >= Reached::Person).max_by_key(|c| c.at) {
            return Some(NotOthers::Reached { at: reached.at });
        }
        let tried = u32::try_from(own().count()).unwrap_or(u32::MAX);
        (tried < self.tries).then_some(NotOthers::Tried { tried, least: self.tries })
    }
}
