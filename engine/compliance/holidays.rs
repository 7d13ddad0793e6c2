//! Days off, and weekends that are worked, by year, from a file of `compliance/holidays/`.

use std::{collections::BTreeMap, ops::RangeInclusive};

use jiff::civil::Date;

use crate::read::{Faults, File};

/// The days off of some years. A year that is not listed is not known: no day of it is taken for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays {
    years: BTreeMap<i16, Year>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Year {
    off: Vec<RangeInclusive<Date>>,
    worked: Vec<Date>,
}

impl Holidays {
    /// Reads a file; `path` is for messages.
    ///
    /// # Errors
    /// Every fault, by line.
    pub fn parse(path: &str, text: &str) -> Result<Self, Faults> {
        let mut file = File::new(path, text);
        let mut table = file.table(text);
        let mut holidays = Self::default();
        for mut row in table.many("year", &mut file) {
            let at = row.at;
            let number = row.number("year", 2000..=2199, &mut file);
            row.text("source", &mut file);
            let mut year = Year::default();
            for (at, text) in row.texts("off", &mut file).unwrap_or_default() {
                match days(&text) {
                    Some(days) => year.off.push(days),
                    None => file.fault(
                        at,
                        format!("{text:?}: write a day as 2026-05-01, or 2026-05-01 to 2026-05-05 日期有误"),
                    ),
                }
            }
            for (at, text) in row.texts("worked", &mut file).unwrap_or_default() {
                match text.parse() {
                    Ok(day) => year.worked.push(day),
                    Err(_) => file.fault(at, format!("{text:?}: write a day as 2026-02-14 日期有误")),
                }
            }
            row.close(&mut file);
            let Some(number) = number.and_then(|n| i16::try_from(n).ok()) else { continue };
            let ends = year.off.iter().flat_map(|days| [*days.start(), *days.end()]);
            if let Some(day) = ends.chain(year.worked.iter().copied()).find(|day| day.year() != number) {
                file.fault(
                    at,
                    format!("{day} is no day of {number}: write it under its own year 日期不在该年"),
                );
            }
            if holidays.years.insert(number, year).is_some() {
                file.fault(at, format!("{number} stands twice 年份重复"));
            }
        }
        table.close(&mut file);
        if file.faults.is_empty() { Ok(holidays) } else { Err(Faults(file.faults)) }
    }

    /// Whether the days of a year are known.
    pub fn knows(&self, year: i16) -> bool {
        self.years.contains_key(&year)
    }

    /// Whether a day is off, weekends aside.
    pub fn is_off(&self, day: Date) -> bool {
        self.years.get(&day.year()).is_some_and(|year| year.off.iter().any(|days| days.contains(&day)))
    }

    /// Whether a day of a weekend is worked.
    pub fn is_worked(&self, day: Date) -> bool {
        self.years.get(&day.year()).is_some_and(|year| year.worked.contains(&day))
    }
}

fn days(text: &str) -> Option<RangeInclusive<Date>> {
    let (first, last) = text.split_once(" to ").unwrap_or((text, text));
    let (first, last): (Date, Date) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(first..=last)
}
