//! What a lender may tell of a case for deciding whether, when and where to call. Nothing of it is spoken.
//!
//! Deliberately absent: what follows from it (`compliance`, `campaign`).

use std::{collections::BTreeSet, fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{CaseProblem, DebtorId, PhoneNumber, Reached, UnknownWord, WallTime};

/// A closed set of words: the enum, all of it, and each one's name as it is written in cases.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $word:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$of])* $word,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$word),*];

            /// The name as it is written in cases.
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$word => $label,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(s: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|word| word.label() == s).ok_or(UnknownWord)
            }
        }
    };
}

words! {
    /// What kind of telephone a number rings.
    #[derive(Default)]
    PhoneKind {
        /// One that is carried about.
        Mobile = "mobile",
        /// At home: others may answer.
        Home = "home",
        /// At the place of work.
        Work = "work",
        /// Another, or it was not said.
        #[default]
        Other = "other",
    }
}

words! {
    /// Whose number it is.
    #[derive(Default)]
    Whose {
        /// Of the person who owes.
        #[default]
        Debtor = "debtor",
        /// Of one who answers for the debt.
        Guarantor = "guarantor",
        /// Of the debtor's family.
        Relative = "relative",
        /// Of anybody else: a colleague, a landlord, a reference.
        Other = "other",
    }
}

words! {
    /// Whether the owner of a number has agreed to be called on it by an automated voice.
    Consent {
        /// Agreed, and the lender can prove it.
        Given = "given",
        /// Never asked, or never answered.
        None = "none",
        /// Taken back.
        Revoked = "revoked",
    }
}

words! {
    /// What keeps a person from being called, or may.
    Flag {
        /// Asked not to be called.
        DoNotCall = "do_not_call",
        /// Asked in writing that all contact end.
        Cease = "cease",
        /// Has died.
        Deceased = "deceased",
        /// A lawyer or another stands for the person.
        Represented = "represented",
        /// Is not of age.
        Minor = "minor",
        /// Disputes the debt.
        Dispute = "dispute",
        /// Is in bankruptcy.
        Bankrupt = "bankrupt",
    }
}

impl PhoneKind {
    fn is_other(&self) -> bool {
        *self == Self::Other
    }
}

impl Whose {
    fn is_debtor(&self) -> bool {
        *self == Self::Debtor
    }
}

/// A further number by which the debtor may be reached.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherNumber {
    /// The number to dial.
    pub phone: PhoneNumber,
    /// What kind of telephone it rings.
    #[serde(default, skip_serializing_if = "PhoneKind::is_other")]
    pub kind: PhoneKind,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Whose::is_debtor")]
    pub whose: Whose,
    /// Whether its owner agreed to an automated voice; none where nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// The IANA name of the time zone there, where it is not the case's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// A call that others made before the case came here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierContact {
    /// When it was dialled.
    pub at: WallTime,
    /// The number; none where nobody told, and then it may have been any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<PhoneNumber>,
    /// How far it came.
    pub reached: Reached,
}

/// From one time of day to before a later one of the same day, by the clock at the callee's place;
/// written as `18:00-20:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DayWindow {
    from_min: u16,
    to_min: u16,
}

impl DayWindow {
    /// When it begins [min since midnight].
    pub fn from_min(self) -> u16 {
        self.from_min
    }

    /// When it is over [min since midnight].
    pub fn to_min(self) -> u16 {
        self.to_min
    }
}

/// No window of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a window of one day is expected, as 18:00-20:00 应为一天内的时段")]
pub struct InvalidWindow;

impl FromStr for DayWindow {
    type Err = InvalidWindow;

    fn from_str(s: &str) -> Result<Self, InvalidWindow> {
        let minutes = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let two = |s: &str| s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit());
            let all = (two(hour) && two(minute)).then_some((hour.parse::<u16>().ok()?, minute))?;
            let (hour, minute) = (all.0, all.1.parse::<u16>().ok()?);
            (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
        };
        let (from, to) = s.split_once('-').ok_or(InvalidWindow)?;
        let (from_min, to_min) = (minutes(from).ok_or(InvalidWindow)?, minutes(to).ok_or(InvalidWindow)?);
        if from_min < to_min { Ok(Self { from_min, to_min }) } else { Err(InvalidWindow) }
    }
}

impl TryFrom<String> for DayWindow {
    type Error = InvalidWindow;

    fn try_from(s: String) -> Result<Self, InvalidWindow> {
        s.parse()
    }
}

impl fmt::Display for DayWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from_min, self.to_min);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl From<DayWindow> for String {
    fn from(window: DayWindow) -> Self {
        window.to_string()
    }
}

/// What is known of a case beside what is spoken. Each may be absent; a rule that needs what is absent
/// denies the call.
///
/// `Debug` hides it: it is personal data.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Dossier {
    /// The lender's id of the person who owes; several cases may share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debtor: Option<DebtorId>,
    /// What kind of telephone the case's own number rings.
    #[serde(default, skip_serializing_if = "PhoneKind::is_other")]
    pub phone_kind: PhoneKind,
    /// Whether the debtor agreed to an automated voice on the case's own number; none where nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// Further numbers, in the order in which they may be tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<OtherNumber>,
    /// For how long it is due [days], where the lender counts in a way of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_past_due: Option<u32>,
    /// The lender's grade of the risk, in the lender's own words (`M2`, `C+`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_grade: Option<String>,
    /// How likely it is that the debtor pays, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propensity: Option<f64>,
    /// When the debtor is best reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_time: Option<DayWindow>,
    /// Calls that others made before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<EarlierContact>,
    /// How many promises were kept before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kept_promises: u16,
    /// See [`Flag::DoNotCall`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub do_not_call: bool,
    /// See [`Flag::Cease`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub cease: bool,
    /// See [`Flag::Deceased`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub deceased: bool,
    /// See [`Flag::Represented`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub represented: bool,
    /// Who stands for the person; whoever is named here does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub represented_by: Option<String>,
    /// See [`Flag::Minor`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub minor: bool,
    /// See [`Flag::Dispute`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub dispute: bool,
    /// See [`Flag::Bankrupt`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub bankrupt: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl fmt::Debug for Dossier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dossier(…)")
    }
}

impl fmt::Debug for OtherNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OtherNumber({:?}, {} …)", self.phone, self.whose.label())
    }
}

impl fmt::Debug for EarlierContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EarlierContact({} …)", self.reached.label())
    }
}

impl Dossier {
    /// The most further numbers: the columns of a file end there.
    pub const MAX_NUMBERS: usize = 8;
    /// The most earlier contacts: beyond three a day for a quarter, the longest that a cap looks back,
    /// no rule would still allow a call.
    pub const MAX_CONTACTS: usize = 300;
    /// The longest grade of risk [characters]: it is a code.
    const MAX_GRADE_CHARS: usize = 16;
    /// The longest name of who stands for the person [characters]: a law firm with its address.
    const MAX_REPRESENTED_BY_CHARS: usize = 200;
    /// The longest time past due [days]: a hundred years.
    const MAX_DAYS_PAST_DUE: u32 = 36_525;
    /// The most promises kept: one a week for twenty years.
    const MAX_KEPT: u16 = 1_000;
    const PROPENSITY: RangeInclusive<f64> = 0.0..=1.0;

    /// Whether a flag is set. Whoever names who stands for a person has said that somebody does.
    pub fn has(&self, flag: Flag) -> bool {
        match flag {
            Flag::DoNotCall => self.do_not_call,
            Flag::Cease => self.cease,
            Flag::Deceased => self.deceased,
            Flag::Represented => self.represented || self.represented_by.is_some(),
            Flag::Minor => self.minor,
            Flag::Dispute => self.dispute,
            Flag::Bankrupt => self.bankrupt,
        }
    }

    /// Sets a flag.
    pub fn set(&mut self, flag: Flag) {
        let at = match flag {
            Flag::DoNotCall => &mut self.do_not_call,
            Flag::Cease => &mut self.cease,
            Flag::Deceased => &mut self.deceased,
            Flag::Represented => &mut self.represented,
            Flag::Minor => &mut self.minor,
            Flag::Dispute => &mut self.dispute,
            Flag::Bankrupt => &mut self.bankrupt,
        };
        *at = true;
    }

    /// Checks what the types alone do not hold, beside the case's own number.
    pub(crate) fn check(&self, own: &PhoneNumber) -> Result<(), CaseProblem> {
        let odd = |field, expected| Err(CaseProblem::Odd { field, expected });
        if self.numbers.len() > Self::MAX_NUMBERS {
            return odd("numbers", "up to 8 further numbers are expected 号码过多");
        }
        let mut subscribers = BTreeSet::from([own.subscriber()]);
        for number in &self.numbers {
            if !subscribers.insert(number.phone.subscriber()) {
                return odd("numbers", "a number of the case stands twice: write each once 号码重复");
            }
            if let Some(zone) = &number.time_zone
                && jiff::tz::TimeZone::get(zone).is_err()
            {
                return Err(CaseProblem::TimeZone(zone.clone()));
            }
        }
        if self.contacts.len() > Self::MAX_CONTACTS {
            return odd(
                "contacts",
                "up to 300 earlier contacts are expected: leave out the oldest 历史联系过多",
            );
        }
        if self.days_past_due.is_some_and(|days| days > Self::MAX_DAYS_PAST_DUE) {
            return odd("days_past_due", "up to 36525 days are expected 逾期天数有误");
        }
        let short = |text: &Option<String>, most: usize| match text {
            None => true,
            Some(text) => {
                let chars = text.chars().count();
                (1..=most).contains(&chars) && !text.chars().any(char::is_control) && text.trim() == text
            }
        };
        if !short(&self.risk_grade, Self::MAX_GRADE_CHARS) {
            return odd("risk_grade", "1 to 16 characters are expected, as M2 or C+ 风险等级有误");
        }
        if !short(&self.represented_by, Self::MAX_REPRESENTED_BY_CHARS) {
            return odd("represented_by", "1 to 200 characters are expected, or nothing 代理人有误");
        }
        if self.propensity.is_some_and(|p| !Self::PROPENSITY.contains(&p)) {
            return odd("propensity", "a number from 0 to 1 is expected 应为 0 至 1 的数字");
        }
        if self.kept_promises > Self::MAX_KEPT {
            return odd("kept_promises", "up to 1000 is expected 次数有误");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{"debtor":"D-7","phone_kind":"mobile","consent":"given","numbers":[{"phone":"13900000001","kind":"work","whose":"guarantor","consent":"revoked","time_zone":"America/New_York"},{"phone":"1003"}],"days_past_due":12,"risk_grade":"M2","propensity":0.37,"best_time":"18:00-20:00","contacts":[{"at":"2026-11-20T02:00:00.000Z","number":"13900000001","reached":"person"},{"at":"2026-11-21T02:00:00.000Z","reached":"attempted"}],"kept_promises":2,"do_not_call":true,"represented":true,"represented_by":"Kim & Co","bankrupt":true}"#;

    fn fault(json: &str) -> &'static str {
        match serde_json::from_str::<Dossier>(json).unwrap().check(&"1001".parse().unwrap()) {
            Err(CaseProblem::Odd { field, .. }) => field,
            Err(CaseProblem::TimeZone(_)) => "time_zone",
            other => panic!("{json}: {other:?}"),
        }
    }

    #[test]
    fn a_dossier_reads_back_and_an_empty_one_is_nothing() {
        let full: Dossier = serde_json::from_str(FULL).unwrap();
        assert_eq!(serde_json::to_string(&full).unwrap(), FULL);
        assert_eq!(full.check(&"1001".parse().unwrap()), Ok(()));
        assert_eq!(serde_json::to_string(&Dossier::default()).unwrap(), "{}");
        assert_eq!(
            format!("{full:?} {:?} {:?}", full.numbers[0], full.contacts[0]),
            "Dossier(…) OtherNumber(…01, guarantor …) EarlierContact(person …)"
        );
    }

    #[test]
    fn each_flag_is_set_alone_and_a_name_is_a_representation() {
        for flag in Flag::ALL {
            let mut dossier = Dossier::default();
            dossier.set(*flag);
            let set: Vec<_> = Flag::ALL.iter().filter(|f| dossier.has(**f)).collect();
            assert_eq!(set, [flag]);
            assert_eq!(serde_json::to_string(&dossier).unwrap(), format!("{{\"{}\":true}}", flag.label()));
        }
        let named = Dossier { represented_by: Some("Kim & Co".into()), ..Dossier::default() };
        assert!(named.has(Flag::Represented));
    }

    #[test]
    fn what_cannot_be_is_named_by_its_field() {
        assert_eq!(fault(r#"{"numbers":[{"phone":"1002"},{"phone":"1002"}]}"#), "numbers");
        assert_eq!(fault(r#"{"numbers":[{"phone":"1001"}]}"#), "numbers");
        assert_eq!(fault(r#"{"numbers":[{"phone":"1002","time_zone":"Mars"}]}"#), "time_zone");
        let nine: Vec<String> = (0..9).map(|n| format!(r#"{{"phone":"200{n}"}}"#)).collect();
        assert_eq!(fault(&format!(r#"{{"numbers":[{}]}}"#, nine.join(","))), "numbers");
        let many = vec![r#"{"at":"2026-11-20T02:00:00Z","reached":"person"}"#; 301].join(",");
        assert_eq!(fault(&format!(r#"{{"contacts":[{many}]}}"#)), "contacts");
        assert_eq!(fault(r#"{"propensity":1.01}"#), "propensity");
        assert_eq!(fault(r#"{"days_past_due":40000}"#), "days_past_due");
        assert_eq!(fault(r#"{"risk_grade":""}"#), "risk_grade");
        assert_eq!(fault(r#"{"risk_grade":"a grade that is a story"}"#), "risk_grade");
        assert_eq!(fault(r#"{"represented_by":" "}"#), "represented_by");
        assert_eq!(fault(r#"{"kept_promises":1001}"#), "kept_promises");
        for bad in [
            r#"{"best_time":"18-20"}"#,
            r#"{"consent":"perhaps"}"#,
            r#"{"numbers":[{"phone":"1002","owner":"me"}]}"#,
            r#"{"contacts":[{"at":"soon","reached":"person"}]}"#,
            r#"{"days_past_due":-1}"#,
            r#"{"cease":"yes"}"#,
        ] {
            assert!(serde_json::from_str::<Dossier>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_window_is_of_one_day() {
        let window: DayWindow = "08:05-24:00".parse().unwrap();
        assert_eq!(
            (window.from_min(), window.to_min(), window.to_string().as_str()),
            (485, 1440, "08:05-24:00")
        );
        for bad in [
            "",
            "18:00",
            "20:00-18:00",
            "18:00-18:00",
            "8:00-9:00",
            "08:60-09:00",
            "08:00-24:01",
            "-",
            "99:00-99:30",
        ] {
            assert_eq!(bad.parse::<DayWindow>(), Err(InvalidWindow), "{bad}");
        }
    }
}
