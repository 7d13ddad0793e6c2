use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    CaseId, CaseVoice, Consent, Dossier, Lang, Money, Particulars, PhoneKind, PhoneNumber, VoiceStyle, Whose,
};

/// One overdue case as the lender hands it over: whom to call, about what, in which language.
///
/// `Debug` shows the id only: the rest is personal data.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The lender's id of the case.
    pub id: CaseId,
    /// The number to dial.
    pub phone: PhoneNumber,
    /// The debtor's name, as it is spoken (`张伟`, `Daniel Reed`).
    pub name: String,
    /// How the debtor is addressed after the name: `先生`, `女士`, `Mr`, `Ms`; empty when unknown.
    #[serde(default)]
    pub title: String,
    /// The language to begin in.
    pub lang: Lang,
    /// Whom the call is for: the lender's name, as it is spoken.
    pub creditor: String,
    /// The product in the debtor's words: `信用卡`, `personal loan`.
    pub product: String,
    /// What is overdue.
    #[serde(flatten)]
    pub due: Money,
    /// The day on which it was due, at the callee's place.
    pub due_date: jiff::civil::Date,
    /// The callee's time zone, by its IANA name.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// What the lender may say beside this.
    #[serde(flatten)]
    pub particulars: Particulars,
    /// The bot's voice for this case, where it is not the script's.
    #[serde(flatten)]
    pub voice: CaseVoice,
    /// What is known beside what is spoken.
    #[serde(flatten)]
    pub dossier: Dossier,
}

/// A number of a case, as it would be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The number.
    pub phone: &'a PhoneNumber,
    /// What kind of telephone it rings.
    pub kind: PhoneKind,
    /// Whose it is.
    pub whose: Whose,
    /// Whether its owner agreed to an automated voice; none where nobody told.
    pub consent: Option<Consent>,
    /// The IANA name of the time zone there.
    pub time_zone: &'a str,
}

fn default_zone() -> String {
    "Asia/Shanghai".to_owned()
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({})", self.id)
    }
}

/// What is wrong with a case that could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseProblem {
    /// A field that is spoken is empty.
    #[error("{0} is empty: it is spoken in the call 不能为空")]
    Empty(&'static str),
    /// A field that is spoken is longer than anyone would say.
    #[error("{field} has {chars} characters, too many to be spoken in a call: shorten it 过长")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length [characters].
        chars: usize,
    },
    /// The time zone is not in the bundled table.
    #[error("unknown time_zone {0:?}: use an IANA name, as Asia/Shanghai 时区无效")]
    TimeZone(String),
    /// Nothing is owed.
    #[error("amount is zero: there is nothing to call about 金额为零")]
    NothingDue,
    /// A field has what nobody can mean.
    #[error("{field}: {expected}")]
    Odd {
        /// The field.
        field: &'static str,
        /// What is expected in its place.
        expected: &'static str,
    },
}

/// The longest spoken field [characters]: a company's full name fits.
const MAX_SPOKEN_CHARS: usize = 80;
/// The longest form of address [characters].
const MAX_TITLE_CHARS: usize = 20;
/// The largest sum due: whoever owes more is not called by a machine, and it is a slip of the columns.
const MAX_DUE: i64 = 1_000_000_000;

/// Whether a day is one of the years in which loans of today are due: others are slips.
pub(crate) fn is_of_our_time(day: jiff::civil::Date) -> bool {
    (2000..=2099).contains(&day.year())
}

impl Case {
    /// Checks what the types alone do not hold.
    ///
    /// # Errors
    /// The first problem found.
    pub fn check(&self) -> Result<(), CaseProblem> {
        for (field, text) in [("name", &self.name), ("creditor", &self.creditor), ("product", &self.product)]
        {
            if text.trim().is_empty() {
                return Err(CaseProblem::Empty(field));
            }
            let chars = text.chars().count();
            if chars > MAX_SPOKEN_CHARS {
                return Err(CaseProblem::TooLong { field, chars });
            }
        }
        let chars = self.title.chars().count();
        if chars > MAX_TITLE_CHARS {
            return Err(CaseProblem::TooLong { field: "title", chars });
        }
        if self.due.amount().is_zero() {
            return Err(CaseProblem::NothingDue);
        }
        let odd = |field, expected| Err(CaseProblem::Odd { field, expected });
        if self.due.amount() > MAX_DUE.into() {
            return odd("amount", "up to 1000000000 is expected 金额过大");
        }
        if !is_of_our_time(self.due_date) {
            return odd("due_date", "a day from 2000 to 2099 is expected 日期超出范围");
        }
        self.particulars.check(self.due)?;
        self.dossier.check(&self.phone)?;
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(CaseProblem::TimeZone(self.time_zone.clone()));
        }
        match self.voice.speed {
            Some(speed) if !VoiceStyle::SPEEDS.contains(&speed) => {
                odd("voice_speed", "a number from 0.5 (slow) to 2 (fast) is expected 应为 0.5 至 2 的数字")
            }
            _ => Ok(()),
        }
    }

    /// Every number of the case, its own first.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let own = Line {
            phone: &self.phone,
            kind: self.dossier.phone_kind,
            whose: Whose::Debtor,
            consent: self.dossier.consent,
            time_zone: &self.time_zone,
        };
        let others = self.dossier.numbers.iter().map(|number| Line {
            phone: &number.phone,
            kind: number.kind,
            whose: number.whose,
            consent: number.consent,
            time_zone: number.time_zone.as_deref().unwrap_or(&self.time_zone),
        });
        std::iter::once(own).chain(others)
    }

    /// The IANA name of the time zone where one of its numbers rings; its own where it has no such number.
    pub fn zone_of(&self, number: &PhoneNumber) -> &str {
        let line = self.lines().find(|line| line.phone.subscriber() == number.subscriber());
        line.map_or(&self.time_zone, |line| line.time_zone)
    }

    /// For how long it is due [days] on a day at the callee's place: as the lender counts, or else since
    /// [`Self::due_date`]; 0 before it.
    pub fn days_past_due(&self, today: jiff::civil::Date) -> u32 {
        let counted =
            || u32::try_from(today.since(self.due_date).map_or(0, |span| span.get_days())).unwrap_or(0);
        self.dossier.days_past_due.unwrap_or_else(counted)
    }

    /// How the bot speaks to this callee: the script's way, but for what the case sets. A voice that the
    /// case names is one of its own language, and of no use in another.
    pub fn voice_style(&self, lang: Lang, script: &VoiceStyle) -> VoiceStyle {
        let own = self.voice.name.clone().filter(|_| lang == self.lang);
        VoiceStyle {
            voice: own.or_else(|| script.voice.clone()),
            speed: self.voice.speed.unwrap_or(script.speed),
            pitch: script.pitch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"id":"C1","phone":"1001","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行",
        "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#;

    #[test]
    fn a_case_reads_from_json_and_checks() {
        let case: Case = serde_json::from_str(JSON).unwrap();
        assert_eq!(case.check(), Ok(()));
        assert_eq!(case.time_zone, "Asia/Shanghai");
        assert_eq!(format!("{case:?}"), "Case(C1)");
    }

    #[test]
    fn what_a_case_says_of_the_voice_goes_before_the_script() {
        let script = VoiceStyle { pitch: -1.0, ..VoiceStyle::new(Some("zf_xiaoxiao"), 0.95) };
        let case: Case = serde_json::from_str(JSON).unwrap();
        assert_eq!(case.voice_style(Lang::Zh, &script), script);
        let own = JSON.replace("\"id\"", "\"voice\":\"zm_yunxi\",\"voice_speed\":0.8,\"id\"");
        let case: Case = serde_json::from_str(&own).unwrap();
        let zh = case.voice_style(Lang::Zh, &script);
        assert_eq!((zh.voice.as_deref(), zh.speed, zh.pitch), (Some("zm_yunxi"), 0.8, -1.0));
        let en = case.voice_style(Lang::En, &script);
        assert_eq!(
            (en.voice.as_deref(), en.speed),
            (Some("zf_xiaoxiao"), 0.8),
            "a Mandarin voice speaks no English"
        );
        let fast: Case = serde_json::from_str(&own.replace("0.8", "3")).unwrap();
        assert!(matches!(fast.check(), Err(CaseProblem::Odd { field: "voice_speed", .. })));
    }

    #[test]
    fn what_cannot_be_spoken_or_dialled_is_named() {
        let case: Case = serde_json::from_str(JSON).unwrap();
        let with = |f: fn(&mut Case)| {
            let mut c = case.clone();
            f(&mut c);
            c.check()
        };
        assert_eq!(with(|c| c.name = " ".into()), Err(CaseProblem::Empty("name")));
        assert_eq!(with(|c| c.time_zone = "Mars".into()), Err(CaseProblem::TimeZone("Mars".into())));
        let long = CaseProblem::TooLong { field: "name", chars: 500 };
        assert_eq!(with(|c| c.name = "伟".repeat(500)), Err(long));
        assert_eq!(
            with(|c| c.title = "先".repeat(21)),
            Err(CaseProblem::TooLong { field: "title", chars: 21 })
        );
        let odd = |f: fn(&mut Case)| match with(f) {
            Err(CaseProblem::Odd { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(odd(|c| c.due_date = jiff::civil::date(1900, 1, 1)), "due_date");
        assert_eq!(odd(|c| c.due_date = jiff::civil::date(2150, 1, 1)), "due_date");
        assert_eq!(odd(|c| c.due = Money::parse("1000000000.01", c.due.currency()).unwrap()), "amount");
        assert_eq!(odd(|c| c.particulars.installment_no = Some(0)), "installment_no");
        for bad in [JSON.replace("1001", "call me"), JSON.replace("3250.00", "-3250.00")] {
            assert!(serde_json::from_str::<Case>(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_numbers_of_a_case_are_its_own_and_then_the_others() {
        let more = r#""consent":"given","numbers":[{"phone":"1002","whose":"relative","time_zone":"Asia/Urumqi"},
            {"phone":"1003"}],"name""#;
        let case: Case = serde_json::from_str(&JSON.replace("\"name\"", more)).unwrap();
        let lines: Vec<_> =
            case.lines().map(|l| (l.phone.as_str(), l.whose, l.consent, l.time_zone)).collect();
        assert_eq!(
            lines,
            [
                ("1001", Whose::Debtor, Some(Consent::Given), "Asia/Shanghai"),
                ("1002", Whose::Relative, None, "Asia/Urumqi"),
                ("1003", Whose::Debtor, None, "Asia/Shanghai"),
            ]
        );
        let zones = ["+1002", "1003", "1004"].map(|number| case.zone_of(&number.parse().unwrap()));
        assert_eq!(zones, ["Asia/Urumqi", "Asia/Shanghai", "Asia/Shanghai"]);
        assert_eq!(serde_json::from_str::<Case>(&serde_json::to_string(&case).unwrap()).unwrap(), case);
    }

    #[test]
    fn days_past_due_are_the_lenders_or_counted() {
        let mut case: Case = serde_json::from_str(JSON).unwrap();
        let on = |case: &Case, day| case.days_past_due(jiff::civil::date(2026, 11, day));
        assert_eq!((on(&case, 26), on(&case, 15), on(&case, 1)), (11, 0, 0));
        case.dossier.days_past_due = Some(40);
        assert_eq!(on(&case, 26), 40);
    }

    #[test]
    fn particulars_stand_beside_the_rest() {
        let json = JSON.replace("\"name\"", r#""kind":"card","minimum_due":"325.00","name""#);
        let case: Case = serde_json::from_str(&json).unwrap();
        assert_eq!(case.particulars.kind, crate::ProductKind::Card);
        assert_eq!(case.check(), Ok(()));
        assert_eq!(serde_json::from_str::<Case>(&serde_json::to_string(&case).unwrap()).unwrap(), case);
    }
}
