//! A case as a row: the columns of [`crate::read_csv`], so that what is written is read back the same.

use std::fmt::Write;

use waihu_types::{Case, Dossier, EarlierContact, GivenAuthority, Particulars, ProductKind};

use crate::columns::{COLUMNS, Column, Field, OF_NUMBER};

/// The columns of a row that [`case_cells`] writes.
pub fn case_columns() -> Vec<String> {
    Column::all().map(Column::name).collect()
}

/// A case as the cells of [`case_columns`]; empty where it says nothing.
pub fn case_cells(case: &Case) -> Vec<String> {
    let mut row = Cells(vec![String::new(); COLUMNS]);
    row.put(Field::Id, &case.id);
    row.put(Field::Phone, case.phone.as_str());
    row.put(Field::Name, &case.name);
    row.put(Field::Lang, case.lang.code());
    row.put(Field::Creditor, &case.creditor);
    row.put(Field::Product, &case.product);
    row.put(Field::Amount, case.due.amount());
    row.put(Field::Currency, case.due.currency());
    row.put(Field::DueDate, case.due_date);
    row.put(Field::Title, &case.title);
    row.put(Field::TimeZone, &case.time_zone);
    row.may(Field::Voice, case.voice.name.as_ref());
    row.may(Field::VoiceSpeed, case.voice.speed);
    row.particulars(&case.particulars);
    row.dossier(&case.dossier);
    row.0
}

/// Appends a row of CSV, with the quotes that are needed, and its line end.
pub fn csv_row<'a>(cells: impl IntoIterator<Item = &'a str>, to: &mut String) {
    for (n, cell) in cells.into_iter().enumerate() {
        if n > 0 {
            to.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            let _ = write!(to, "\"{}\"", cell.replace('"', "\"\""));
        } else {
            to.push_str(cell);
        }
    }
    to.push('\n');
}

struct Cells(Vec<String>);

impl Cells {
    fn put(&mut self, column: impl Into<Column>, value: impl ToString) {
        self.0[column.into().index()] = value.to_string();
    }

    fn may(&mut self, column: impl Into<Column>, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.put(column, value);
        }
    }

    fn particulars(&mut self, p: &Particulars) {
        self.may(Field::Kind, Some(p.kind).filter(|k| *k != ProductKind::Other).map(ProductKind::label));
        self.may(Field::AccountTail, p.account_tail.as_ref().map(|t| t.as_str()));
        self.may(Field::MinimumDue, p.minimum_due);
        self.may(Field::TotalBalance, p.total_balance);
        self.may(Field::InstallmentNo, p.installment_no);
        self.may(Field::Collateral, p.collateral.as_ref());
        self.may(Field::Contact, p.contact.as_ref());
        self.may(Field::ReplyNumber, p.reply_number.as_ref());
        self.may(Field::LastPromise, p.last_promise.map(|s| s.label()));
        self.may(Field::LastPromiseDate, p.last_promise_date);
        self.may(Field::LastPromiseAmount, p.last_promise_amount);
        self.may(Field::BrokenPromises, Some(p.broken_promises).filter(|n| *n > 0));
        let GivenAuthority {
            least_part,
            max_parts,
            max_delay_days,
            max_delay_broken_days,
            max_span_days,
            discounts,
            approver,
        } = &p.authority;
        self.may(Field::LeastPart, least_part.as_ref());
        self.may(Field::MaxParts, max_parts.as_ref());
        self.may(Field::MaxDelayDays, max_delay_days.as_ref());
        self.may(Field::MaxDelayBrokenDays, max_delay_broken_days.as_ref());
        self.may(Field::MaxSpanDays, max_span_days.as_ref());
        let steps = |steps: &Vec<_>| steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        self.may(Field::Discounts, discounts.as_ref().map(steps));
        self.may(Field::Approver, approver.as_ref());
    }

    fn dossier(&mut self, d: &Dossier) {
        self.may(Field::KeptPromises, Some(d.kept_promises).filter(|n| *n > 0));
        self.may(Field::Debtor, d.debtor.as_ref());
        self.put(Field::PhoneKind, d.phone_kind.label());
        self.may(Field::Consent, d.consent.map(|c| c.label()));
        self.may(Field::DaysPastDue, d.days_past_due);
        self.may(Field::RiskGrade, d.risk_grade.as_ref());
        self.may(Field::Propensity, d.propensity);
        self.may(Field::BestTime, d.best_time);
        self.may(Field::RepresentedBy, d.represented_by.as_ref());
        let contact = |c: &EarlierContact| {
            let number = c.number.as_ref().map_or("", |n| n.as_str());
            format!("{} {} {number}", c.at, c.reached.label()).trim_end().to_owned()
        };
        self.put(Field::Contacts, d.contacts.iter().map(contact).collect::<Vec<_>>().join("; "));
        for (field, set) in [
            (Field::DoNotCall, d.do_not_call),
            (Field::Cease, d.cease),
            (Field::Deceased, d.deceased),
            (Field::Represented, d.represented),
            (Field::Minor, d.minor),
            (Field::Dispute, d.dispute),
            (Field::Bankrupt, d.bankrupt),
        ] {
            self.may(field, set.then_some("true"));
        }
        for (n, number) in d.numbers.iter().take(crate::columns::NUMBERS).enumerate() {
            let parts: [&str; OF_NUMBER.len()] = [
                number.phone.as_str(),
                number.kind.label(),
                number.whose.label(),
                number.consent.map_or("", |c| c.label()),
                number.time_zone.as_deref().unwrap_or_default(),
            ];
            for (part, value) in parts.into_iter().enumerate() {
                self.put(Column::of_number(n, part), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{read_csv, read_object};

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let full = include_str!("tests/full_case.json");
        let case = read_object(serde_json::from_str(full).unwrap()).unwrap();
        let mut text = String::new();
        csv_row(case_columns().iter().map(String::as_str), &mut text);
        csv_row(case_cells(&case).iter().map(String::as_str), &mut text);
        let table = read_csv(&text);
        assert_eq!((table.problems, table.notices), (vec![], vec![]));
        assert_eq!(table.cases, [(2, case.clone())]);
        // The object that is kept says the same, and every key of it is known.
        let kept = serde_json::to_string(&case).unwrap();
        assert_eq!(serde_json::from_str::<Case>(&kept).unwrap(), case);
        assert_eq!(read_object(serde_json::from_str(&kept).unwrap()).unwrap(), case);
        let cells = case_cells(&case);
        let untried = Field::ALL.iter().filter(|field| cells[Column::from(**field).index()].is_empty());
        assert_eq!(untried.map(|field| field.name()).collect::<Vec<_>>(), [""; 0]);
    }
}
