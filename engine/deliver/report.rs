//! Reports that are sent by themselves: when one is due, what it looks like, and sending it.
//!
//! A report is made once for each period, whichever node comes first, and is kept. Readers of `report` events have it
//! by the way that they have all others; where it names addresses it goes out as mail as well, and is tried again until
//! a server takes it. It holds counts and sums of campaigns, and nothing of a person.

mod page;

use std::time::Duration;

use jiff::{
    Timestamp,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::Deserialize;
use waihu_store::{Sent, Store, StoreError, StoredReport};
use waihu_types::WallTime;

pub use page::{Checked, Ended, Report, Row};

use crate::{
    MailServer,
    mail::{Address, Mail},
    retry::{Untaken, wait},
};

/// Until then whoever took a report sends it: longer than a server may take for a mail.
const LEASE: Duration = Duration::from_secs(120);
/// After so many tries in vain a report is given up: some two days.
const MOST_TRIES: i64 = 600;
/// The most addresses of a report.
const MOST_ADDRESSES: usize = 50;

/// How often a report is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// Of the day that is over.
    Day,
    /// Of the week that is over, from Monday to Sunday.
    Week,
}

impl Every {
    /// The word in the file.
    pub fn label(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
        }
    }
}

/// `[[report]]` of `waihu.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Table")]
pub struct ReportPlan {
    /// Its name.
    pub name: String,
    /// How often.
    pub every: Every,
    /// Campaigns; none for all.
    pub campaigns: Vec<String>,
    hour: i8,
    zone: String,
    mail: Vec<Address>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    every: Every,
    #[serde(default = "eight")]
    hour: i8,
    zone: String,
    #[serde(default)]
    campaigns: Vec<String>,
    #[serde(default)]
    mail: Vec<String>,
}

fn eight() -> i8 {
    8
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub first: Date,
    /// Its last day.
    pub last: Date,
    /// Its beginning.
    pub from: WallTime,
    /// Its end, which is no part of it.
    pub to: WallTime,
}

impl TryFrom<Table> for ReportPlan {
    type Error = String;

    fn try_from(t: Table) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !(1..=64).contains(&t.name.len()) || !t.name.chars().all(plain) {
            return Err("name: 1 to 64 letters, digits, - _ and . are expected 报表名有误".to_owned());
        }
        if !(0..=23).contains(&t.hour) {
            return Err("hour: 0 to 23 is expected 应为 0 至 23".to_owned());
        }
        TimeZone::get(&t.zone)
            .map_err(|_| "zone: an IANA name, as Asia/Shanghai, is expected 时区无效".to_owned())?;
        if t.mail.len() > MOST_ADDRESSES {
            return Err(format!("mail: {MOST_ADDRESSES} addresses at most 收件人过多"));
        }
        let address = |text: &String| text.parse::<Address>().map_err(|e| format!("mail: {e}"));
        let mail = t.mail.iter().map(address).collect::<Result<_, String>>()?;
        Ok(Self { name: t.name, every: t.every, campaigns: t.campaigns, hour: t.hour, zone: t.zone, mail })
    }
}

impl ReportPlan {
    /// Whether it goes out by mail.
    pub fn is_mailed(&self) -> bool {
        !self.mail.is_empty()
    }

    /// To whom it goes by mail.
    pub fn mailed_to(&self) -> impl Iterator<Item = String> {
        self.mail.iter().map(|address| address.as_str().to_owned())
    }

    /// From which hour on it is made, by the clock of [`Self::zone`].
    pub fn hour(&self) -> i8 {
        self.hour
    }

    /// The zone whose days it is about.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// When the next one is made. None where the zone has no such day.
    pub fn next(&self, now: Timestamp) -> Option<WallTime> {
        let today = now.in_tz(&self.zone).ok()?.date();
        let at = |day: Date| Some(day.at(self.hour, 0, 0, 0).in_tz(&self.zone).ok()?.timestamp());
        let days = (0..=7).filter_map(|n| today.checked_add(span(n)).ok());
        let days = days.filter(|day| self.every == Every::Day || day.weekday() == Weekday::Monday);
        let next = days.filter_map(at).find(|at| *at > now)?;
        Some(WallTime::from_unix_millis(next.as_millisecond()))
    }

    /// The last period that is over, and whose hour has come. None where the zone has no such day.
    pub fn due(&self, now: Timestamp) -> Option<Period> {
        let local = now.in_tz(&self.zone).ok()?;
        let today = local.date();
        // Before its hour the period before that one is due; mostly it was made long ago.
        let late = |day: Date| if day == today && local.hour() < self.hour { 1 } else { 0 };
        let (next, days) = match self.every {
            Every::Day => (today.checked_sub(span(late(today))).ok()?, 1),
            Every::Week => {
                let back = i64::from(today.weekday().to_monday_zero_offset());
                let monday = today.checked_sub(span(back)).ok()?;
                (monday.checked_sub(span(7 * late(monday))).ok()?, 7)
            }
        };
        let first = next.checked_sub(span(days)).ok()?;
        let start = |day: Date| {
            let at = day.at(0, 0, 0, 0).in_tz(&self.zone).ok()?.timestamp();
            Some(WallTime::from_unix_millis(at.as_millisecond()))
        };
        Some(Period { first, last: next.yesterday().ok()?, from: start(first)?, to: start(next)? })
    }
}

fn span(days: i64) -> jiff::Span {
    jiff::Span::new().days(days)
}

/// Sends what waits to be sent by mail; how many were taken. `dice` is any number, all 64 bits even.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn send_reports(
    store: &Store,
    plans: &[ReportPlan],
    server: Option<&MailServer>,
    now: WallTime,
    mut dice: impl FnMut() -> u64,
) -> Result<usize, StoreError> {
    let Some(server) = server else { return Ok(0) };
    let mailed: Vec<&ReportPlan> = plans.iter().filter(|plan| !plan.mail.is_empty()).collect();
    let names: Vec<&str> = mailed.iter().map(|plan| plan.name.as_str()).collect();
    let mut taken = 0;
    while let Some(report) = store.take_report(&names, now, LEASE).await? {
        let Some(plan) = mailed.iter().find(|plan| plan.name == report.report) else { continue };
        let sent = send(server, plan, &report).await;
        let of = (report.report.as_str(), report.period.as_str());
        let settled = match &sent {
            Ok(()) => Sent::Taken,
            Err(Untaken::Never { told }) => Sent::Failed { told },
            Err(Untaken::Later { told, .. }) if report.tries >= MOST_TRIES => Sent::Failed { told },
            Err(Untaken::Later { told, .. }) => {
                let tries = u32::try_from(report.tries).unwrap_or(u32::MAX);
                Sent::Again { at: now.plus(wait(tries, dice())), told }
            }
        };
        if let Err(untaken) = &sent {
            tracing::warn!(
                report = report.report,
                period = report.period,
                why = untaken.told(),
                "a report was not taken"
            );
        }
        taken += usize::from(sent.is_ok());
        store.settle_report(of, settled, now).await?;
    }
    Ok(taken)
}

async fn send(server: &MailServer, plan: &ReportPlan, report: &StoredReport) -> Result<(), Untaken> {
    let file = format!("{}-{}.csv", report.report, report.period);
    let id = format!("waihu-{}-{}", report.report, report.period);
    let subject = format!("waihu {} {} 外呼报表", report.report, report.period);
    let made = Timestamp::from_millisecond(report.made_at).unwrap_or_default();
    let date = made.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let csv = (file.as_str(), report.csv.as_str());
    let mail = Mail { id: &id, to: &plan.mail, subject: &subject, html: &report.html, csv, date: &date };
    server.send(&mail).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<ReportPlan, String> {
        toml::from_str(&format!("name = \"r\"\nzone = \"Asia/Shanghai\"\n{text}")).map_err(|e| e.to_string())
    }

    fn due(plan: &ReportPlan, now: &str) -> (String, String, String) {
        let period = plan.due(now.parse().unwrap()).unwrap();
        (period.first.to_string(), period.last.to_string(), period.to.to_string())
    }

    #[test]
    fn a_day_is_reported_at_its_hour_in_its_zone() {
        let day = plan("every = \"day\"\nhour = 8").unwrap();
        // 07:59 and 08:00 in Shanghai.
        assert_eq!(due(&day, "2026-11-26T23:59:59Z").0, "2026-11-25");
        let (first, last, to) = due(&day, "2026-11-27T00:00:00Z");
        assert_eq!((first.as_str(), last.as_str()), ("2026-11-26", "2026-11-26"));
        assert!(to.starts_with("2026-11-26T16:00:00"));
    }

    #[test]
    fn a_week_is_reported_on_its_monday() {
        let week = plan("every = \"week\"\nhour = 8").unwrap();
        // Monday the 23rd, 07:00 and 08:00; Sunday the 29th.
        assert_eq!(due(&week, "2026-11-22T23:00:00Z").0, "2026-11-09");
        let (first, last, _) = due(&week, "2026-11-23T00:00:00Z");
        assert_eq!((first.as_str(), last.as_str()), ("2026-11-16", "2026-11-22"));
        assert_eq!(due(&week, "2026-11-29T10:00:00Z").0, "2026-11-16");
    }

    #[test]
    fn the_next_one_is_made_at_its_hour() {
        let next = |every: &str, now: &str| {
            plan(every)
                .unwrap()
                .next(now.parse().unwrap())
                .unwrap()
                .to_string()
                .split('.')
                .next()
                .unwrap()
                .to_owned()
        };
        assert_eq!(next("every = \"day\"", "2026-11-26T23:59:59Z"), "2026-11-27T00:00:00");
        assert_eq!(next("every = \"day\"", "2026-11-27T00:00:00Z"), "2026-11-28T00:00:00");
        // Of Monday the 23rd at eight in Shanghai, and a week on.
        assert_eq!(next("every = \"week\"", "2026-11-22T23:00:00Z"), "2026-11-23T00:00:00");
        assert_eq!(next("every = \"week\"", "2026-11-23T00:00:00Z"), "2026-11-30T00:00:00");
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_told() {
        assert!(plan("every = \"hour\"").is_err());
        assert!(plan("every = \"day\"\nhour = 24").unwrap_err().contains("0 to 23"));
        assert!(plan("every = \"day\"\nmail = [\"nobody\"]").unwrap_err().contains("address"));
        let server = |text: &str| toml::from_str::<MailServer>(text).map(|_| ()).map_err(|e| e.to_string());
        assert!(server("host = \"mail.example\"\nfrom = \"a@b.example\"").is_ok());
        assert!(
            server("host = \"mail.example\"\nfrom = \"a@b.example\"\nencipher = \"off\"")
                .unwrap_err()
                .contains("this machine")
        );
        assert!(
            server("host = \"mail.example\"\nfrom = \"a@b.example\"\nuser = \"a\"")
                .unwrap_err()
                .contains("together")
        );
    }
}
