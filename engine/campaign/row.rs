//! One row as a [`Case`], with everything that is wrong with it.

use std::{borrow::Cow, str::FromStr};

use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use waihu_terms::Authority;
use waihu_types::{
    Case, CaseProblem, CaseVoice, Consent, Currency, Dossier, EarlierContact, Flag, GivenAuthority,
    InvalidTail, InvalidTerm, InvalidWindow, Lang, Money, OtherNumber, Particulars, PhoneKind, PhoneNumber,
    ProductKind, PromiseState, Reached, WallTime, Whose,
};

use crate::{
    cases::RowProblem,
    columns::{Column, Columns, Field},
};

/// Where nobody told.
const DEFAULT_ZONE: &str = "Asia/Shanghai";

const ID: &str = "1 to 64 letters, digits, '-', '_' or '.', and no '.' first, are expected 编号格式有误";
const SUM: &str = "a number with at most two places is expected, as 3250.00 or 3,250.00 金额有误";
const DAY: &str = "a day is expected, as 2026-11-15 日期有误";
const WHOLE: &str = "a whole number is expected, or nothing 应为整数";
const YES_OR_NO: &str = "true or false is expected, or nothing 应为 true 或 false（是/否）";
const SCIENTIFIC: &str = "a spreadsheet wrote the number in scientific notation, and digits are lost: format the column as text and \
     enter it again 电子表格写成了科学计数法，请将该列设为文本后重新填写";
const SERIAL: &str = "a spreadsheet's day number: format the column as a date, as 2026-11-15 电子表格的日期序号，请将该列设为日期格式";
const DAY_MONTH: &str =
    "which is the month is not clear: write year, month, day, as 2026-11-15 日期顺序不明，请写作 2026-11-15";
const GARBLED: &str =
    "garbled characters (GBK, as spreadsheets write it?): 乱码: save the file as 请另存为 \"CSV UTF-8\"";
const CONTACTS: &str = "calls apart by ';' are expected, each as 2026-11-20 10:05 person 13900000001: when, then attempted, person or \
     conversation, then the number where it is known 应为以分号分隔的历史联系，如 2026-11-20 10:05 person 13900000001";

/// A row that is being read.
struct Row<'a> {
    line: u64,
    columns: &'a Columns,
    cells: &'a [Cow<'a, str>],
    faults: Vec<RowProblem>,
    name: fn(Column) -> String,
}

/// Reads one row; `name` is what its columns are called where it comes from.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn read(
    line: u64,
    columns: &Columns,
    cells: &[Cow<'_, str>],
    name: fn(Column) -> String,
) -> Result<Case, Vec<RowProblem>> {
    let mut row = Row { line, columns, cells, faults: Vec::new(), name };
    match row.case() {
        Some(case) if row.faults.is_empty() => Ok(case),
        _ => Err(row.faults),
    }
}

impl Row<'_> {
    fn case(&mut self) -> Option<Case> {
        let id = self.must(Field::Id, ID, |t| t.parse().ok());
        let phone = self.phone(Field::Phone.into());
        let lang =
            self.must(Field::Lang, "zh or en is expected 应为 zh 或 en", |t| t.parse::<Lang>().ok());
        // Whether text is garbled depends on the language; where that is not known it is the fault.
        if let Some(lang) = lang {
            self.garbled(lang);
        }
        let currency = self.must(
            Field::Currency,
            "three capital letters are expected, as CNY or USD 币种有误",
            |t| t.parse::<Currency>().ok(),
        );
        let sum = self.sum(Field::Amount, SUM);
        if sum.is_none() && self.cell(Field::Amount).is_empty() {
            self.fault(Field::Amount, SUM);
        }
        let due_date = self.day(Field::DueDate);
        if due_date.is_none() && self.cell(Field::DueDate).is_empty() {
            self.fault(Field::DueDate, DAY);
        }
        let time_zone = self.text(Field::TimeZone).unwrap_or_else(|| DEFAULT_ZONE.to_owned());
        let particulars = self.particulars();
        let speed =
            self.read(Field::VoiceSpeed, "a number as 0.95 is expected 应为数字", |t| t.parse().ok());
        let voice = CaseVoice { name: self.text(Field::Voice), speed };
        let dossier = self.dossier(&time_zone);
        let due = Money::new(sum?, currency?).ok()?;
        let case = Case {
            id: id?,
            phone: phone?,
            name: self.cell(Field::Name).to_owned(),
            title: self.cell(Field::Title).to_owned(),
            lang: lang?,
            creditor: self.cell(Field::Creditor).to_owned(),
            product: self.cell(Field::Product).to_owned(),
            due,
            due_date: due_date?,
            time_zone,
            particulars,
            voice,
            dossier,
        };
        self.check(&case);
        Some(case)
    }

    /// What the fields together must hold.
    fn check(&mut self, case: &Case) {
        match case.check() {
            Ok(()) => {
                if let Err(problem) = Authority::new(&case.particulars.authority, case.due) {
                    self.fault_of(&format!("authority_{}", problem.field()), &problem.to_string());
                }
            }
            Err(CaseProblem::Empty(field)) => {
                self.fault_of(field, "empty: it is spoken in the call 不能为空")
            }
            Err(e @ CaseProblem::TooLong { field, .. }) => self.fault_of(field, &e.to_string()),
            Err(CaseProblem::TimeZone(zone)) => {
                let numbers = case.dossier.numbers.iter();
                let of = numbers.zip(0..).find(|(n, _)| n.time_zone.as_ref() == Some(&zone));
                let column = match of {
                    Some((_, n)) if case.time_zone != zone => Column::of_number(n, 4),
                    _ => Field::TimeZone.into(),
                };
                self.fault(column, "an IANA name is expected, as Asia/Shanghai 时区无效");
            }
            Err(CaseProblem::Odd { field, expected }) => self.fault_of(field, expected),
            Err(CaseProblem::NothingDue) => {
                self.fault(Field::Amount, "zero: there is nothing to call about 金额为零");
            }
        }
    }

    /// The columns that may be spoken.
    fn particulars(&mut self) -> Particulars {
        let kinds = || {
            format!(
                "one of {} is expected, or nothing 产品类别有误",
                ProductKind::ALL.map(ProductKind::label).join(", ")
            )
        };
        let states = || {
            format!(
                "one of {} is expected, or nothing 承诺状态有误",
                PromiseState::ALL.map(PromiseState::label).join(", ")
            )
        };
        Particulars {
            kind: self.word(Field::Kind, kinds).unwrap_or_default(),
            account_tail: self.read(Field::AccountTail, &InvalidTail.to_string(), |t| t.parse().ok()),
            minimum_due: self.sum(Field::MinimumDue, SUM),
            total_balance: self.sum(Field::TotalBalance, SUM),
            installment_no: self.whole(Field::InstallmentNo),
            collateral: self.text(Field::Collateral),
            contact: self.text(Field::Contact),
            reply_number: self.text(Field::ReplyNumber),
            authority: self.authority(),
            last_promise: self.word(Field::LastPromise, states),
            last_promise_date: self.day(Field::LastPromiseDate),
            last_promise_amount: self.sum(Field::LastPromiseAmount, SUM),
            broken_promises: self.whole(Field::BrokenPromises).unwrap_or_default(),
        }
    }

    fn authority(&mut self) -> GivenAuthority {
        let steps =
            |text: &str| text.split([' ', ';', '|']).filter(|s| !s.is_empty()).map(str::parse).collect();
        GivenAuthority {
            least_part: self.read(Field::LeastPart, &InvalidTerm::Least.to_string(), |t| t.parse().ok()),
            max_parts: self.whole(Field::MaxParts),
            max_delay_days: self.whole(Field::MaxDelayDays),
            max_delay_broken_days: self.whole(Field::MaxDelayBrokenDays),
            max_span_days: self.whole(Field::MaxSpanDays),
            discounts: self.read(
                Field::Discounts,
                "shares are expected, the smallest first, as 5% 10%, or nothing 应为百分比",
                |text| Result::<Vec<_>, InvalidTerm>::ok(steps(text)),
            ),
            approver: self.text(Field::Approver),
        }
    }

    /// The columns that decide whether, when and where to call.
    fn dossier(&mut self, zone: &str) -> Dossier {
        let mut dossier = Dossier {
            debtor: self.read(Field::Debtor, ID, |t| t.parse().ok()),
            phone_kind: self.word(Field::PhoneKind, kinds).unwrap_or_default(),
            consent: self.word(Field::Consent, consents),
            numbers: (0..self.columns.numbers).filter_map(|n| self.number(n)).collect(),
            days_past_due: self.whole(Field::DaysPastDue),
            risk_grade: self.text(Field::RiskGrade),
            propensity: self.read(
                Field::Propensity,
                "a number from 0 to 1 is expected 应为 0 至 1 的数字",
                |t| t.parse().ok(),
            ),
            best_time: self.read(Field::BestTime, &InvalidWindow.to_string(), |t| t.parse().ok()),
            contacts: self.read(Field::Contacts, CONTACTS, |t| contacts(t, zone)).unwrap_or_default(),
            kept_promises: self.whole(Field::KeptPromises).unwrap_or_default(),
            represented_by: self.text(Field::RepresentedBy),
            ..Dossier::default()
        };
        for (flag, field) in FLAGS {
            if self.read(field, YES_OR_NO, yes_or_no) == Some(true) {
                dossier.set(flag);
            }
        }
        dossier
    }

    /// A further number; none where its columns are empty.
    fn number(&mut self, n: usize) -> Option<OtherNumber> {
        let column = |part| Column::of_number(n, part);
        if (0..5).all(|part| self.cell(column(part)).is_empty()) {
            return None;
        }
        let phone = self.phone(column(0));
        let kind = self.word(column(1), kinds);
        let whose = self.word(column(2), || {
            format!("one of {} is expected, or nothing 号码所属有误", labels(Whose::ALL, Whose::label))
        });
        let consent = self.word(column(3), consents);
        let time_zone = self.text(column(4));
        Some(OtherNumber {
            phone: phone?,
            kind: kind.unwrap_or_default(),
            whose: whose.unwrap_or_default(),
            consent,
            time_zone,
        })
    }

    fn phone(&mut self, column: Column) -> Option<PhoneNumber> {
        let text = self.cell(column);
        match text.parse::<PhoneNumber>() {
            Ok(phone) => Some(phone),
            Err(_) if is_scientific(text) => {
                self.fault(column, SCIENTIFIC);
                None
            }
            Err(e) => {
                self.fault(column, &e.to_string());
                None
            }
        }
    }

    /// The currency is the case's own; how a sum is written does not depend on it.
    fn sum(&mut self, field: Field, expected: &str) -> Option<Decimal> {
        let told = if is_scientific(self.cell(field)) { SCIENTIFIC } else { expected };
        self.read(field, told, |t| Money::parse(t, Currency::CNY).ok().map(|m| m.amount()))
    }

    fn day(&mut self, field: Field) -> Option<jiff::civil::Date> {
        let text = self.cell(field);
        let digits = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
        let told = if digits {
            SERIAL
        } else if text.len() >= 6
            && text.split(['/', '.', '-']).next_back().is_some_and(|year| year.len() == 4)
        {
            DAY_MONTH
        } else {
            DAY
        };
        self.read(field, told, date)
    }

    fn whole<T: FromStr>(&mut self, field: Field) -> Option<T> {
        self.read(field, WHOLE, |t| t.parse().ok())
    }

    fn word<T: FromStr>(&mut self, column: impl Into<Column>, expected: impl Fn() -> String) -> Option<T> {
        let column = column.into();
        let text = self.cell(column);
        if text.is_empty() {
            return None;
        }
        let read = text.parse().ok();
        if read.is_none() {
            self.fault(column, &expected());
        }
        read
    }

    fn text(&self, column: impl Into<Column>) -> Option<String> {
        Some(self.cell(column)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A cell that may be empty.
    fn read<T>(&mut self, field: Field, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        if self.cell(field).is_empty() { None } else { self.must(field, expected, read) }
    }

    fn must<T>(&mut self, field: Field, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = read(self.cell(field));
        if value.is_none() {
            self.fault(field, expected);
        }
        value
    }

    fn garbled(&mut self, lang: Lang) {
        use Field as F;
        for field in [
            F::Name,
            F::Title,
            F::Creditor,
            F::Product,
            F::Collateral,
            F::Contact,
            F::Approver,
            F::RiskGrade,
            F::RepresentedBy,
        ] {
            if garbled(self.cell(field), lang) {
                self.fault(field, GARBLED);
            }
        }
    }

    fn cell(&self, column: impl Into<Column>) -> &str {
        self.columns.place(column.into()).and_then(|at| self.cells.get(at)).map_or("", |cell| cell.trim())
    }

    fn fault(&mut self, column: impl Into<Column>, expected: &str) {
        let problem = RowProblem::column(self.line, (self.name)(column.into()), expected);
        // One thing a column: the first says it.
        if self.faults.iter().all(|before| before.column != problem.column) {
            self.faults.push(problem);
        }
    }

    /// The same by the name of a field, which may be one that rows have no single column for.
    fn fault_of(&mut self, name: &str, expected: &str) {
        match Column::named(name) {
            Some(column) => self.fault(column, expected),
            None => self.faults.push(RowProblem::column(self.line, name, expected)),
        }
    }
}

const FLAGS: [(Flag, Field); 7] = [
    (Flag::DoNotCall, Field::DoNotCall),
    (Flag::Cease, Field::Cease),
    (Flag::Deceased, Field::Deceased),
    (Flag::Represented, Field::Represented),
    (Flag::Minor, Field::Minor),
    (Flag::Dispute, Field::Dispute),
    (Flag::Bankrupt, Field::Bankrupt),
];

fn labels<T: Copy>(all: &[T], label: fn(T) -> &'static str) -> String {
    all.iter().map(|word| label(*word)).collect::<Vec<_>>().join(", ")
}

fn kinds() -> String {
    format!("one of {} is expected, or nothing 号码类型有误", labels(PhoneKind::ALL, PhoneKind::label))
}

fn consents() -> String {
    format!("one of {} is expected, or nothing 同意状态有误", labels(Consent::ALL, Consent::label))
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" | "y" | "t" | "是" => Some(true),
        "false" | "no" | "0" | "n" | "f" | "否" => Some(false),
        _ => None,
    }
}

/// `1.38E+10`, as spreadsheets write long numbers.
fn is_scientific(text: &str) -> bool {
    text.split_once(['e', 'E']).is_some_and(|(digits, power)| {
        let power = power.strip_prefix(['+', '-']).unwrap_or(power);
        let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        all_digits(power) && all_digits(&digits.replacen('.', "", 1))
    })
}

/// Earlier calls, apart by `;`.
fn contacts(text: &str, zone: &str) -> Option<Vec<EarlierContact>> {
    let items = text.split(';').map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| contact(item, zone)).collect()
}

/// `2026-11-20 10:05 person 13900000001`.
fn contact(item: &str, zone: &str) -> Option<EarlierContact> {
    let words = || item.split_ascii_whitespace();
    let at = words().position(|word| word.parse::<Reached>().is_ok())?;
    let reached = words().nth(at)?.parse().ok()?;
    let time: Vec<&str> = words().take(at).collect();
    let number: Vec<&str> = words().skip(at + 1).collect();
    let number = if number.is_empty() { None } else { Some(number.join("").parse().ok()?) };
    Some(EarlierContact { at: moment(&time.join(" "), zone)?, number, reached })
}

/// A moment with an offset, or by the clock of a place.
fn moment(text: &str, zone: &str) -> Option<WallTime> {
    let there = || {
        let local: jiff::civil::DateTime = text.parse().ok()?;
        // A day alone is no moment.
        text.contains(':').then_some(())?;
        TimeZone::get(zone).ok()?.to_timestamp(local).ok()
    };
    let at = text.parse::<jiff::Timestamp>().ok().or_else(there)?;
    (2000..=2099)
        .contains(&TimeZone::UTC.to_datetime(at).year())
        .then_some(WallTime::from_unix_millis(at.as_millisecond()))
}

/// A day as `2026-11-15` or, as spreadsheets rewrite it, `2026/11/15` or `2026/11/5`; or the midnight of one,
/// as databases write it.
fn date(text: &str) -> Option<jiff::civil::Date> {
    let (text, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let midnight = |time: &str| {
        let end = time.find(['Z', '+', '-']).unwrap_or(time.len());
        time[..end].split([':', '.']).all(|part| !part.is_empty() && part.bytes().all(|b| b == b'0'))
    };
    if !midnight(time) {
        return None;
    }
    let mut parts = text.split(if text.contains('/') { '/' } else { '-' });
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |s: &str, max: usize| (1..=max).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || year.len() != 4 || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Whether text was read in the wrong encoding: replacement or control characters, the well-known
/// pair that GBK makes of replacement characters, or a Mandarin row whose letters beyond ASCII are
/// all Latin.
fn garbled(text: &str, lang: Lang) -> bool {
    if text.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return false;
    }
    let latin = |c: char| u32::from(c) < 0x0250 || matches!(c, '\u{2000}'..='\u{2122}');
    let mut beyond = text.chars().filter(|c| !c.is_ascii()).peekable();
    text.chars().any(|c| c == '\u{fffd}' || c.is_control())
        || text.contains("锟斤拷")
        || (lang == Lang::Zh && beyond.peek().is_some() && beyond.all(latin))
}
