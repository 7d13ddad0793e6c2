//! When agents are at work, by the clock where they sit: what callees are told who want one at another time.
//!
//! Deliberately absent: who of them is there (`agents`). Somebody may be at any time, and is offered calls then.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    hours::Hours,
    profile::{by_day, days_off},
    read::{Faults, File},
};

/// How far ahead it is looked when they are back [days]: twice the longest row of days off.
const REACH_DAYS: u16 = 20;

/// When agents are at work.
#[derive(Clone, Debug)]
pub struct WorkingHours {
    hours: Hours,
    zone: TimeZone,
}

impl WorkingHours {
    /// Reads the table `[agents]` of a file, where it has one; `path` is for messages. `holidays` gives path and text of
    /// a file of `compliance/holidays/` by its name, where there is one.
    ///
    /// # Errors
    /// Every fault of the table or that file, by line, with what to write.
    pub fn parse(
        path: &str,
        text: &str,
        holidays: impl FnOnce(&str) -> Option<(String, String)>,
    ) -> Result<Option<Self>, Faults> {
        let mut file = File::new(path, text);
        let mut read = None;
        if let Some(mut table) = file.table(text).one("agents", &mut file) {
            let zone = table.text("zone", &mut file).and_then(|(at, name)| {
                let zone = TimeZone::get(&name).ok();
                if zone.is_none() {
                    file.fault(at, format!("zone: {name:?} is none: write it as Asia/Shanghai 时区有误"));
                }
                zone
            });
            let days_off = days_off(&mut table, holidays, &mut file);
            for key in ["holiday", "worked"] {
                if table.has(key) && days_off.is_none() {
                    file.fault(
                        table.at,
                        format!(
                            "{key}: which days those are is not said: write holidays = \"cn\" 须写 holidays"
                        ),
                    );
                }
            }
            let hours = by_day(&mut table, days_off, &mut file);
            if hours.days.iter().all(Vec::is_empty) {
                file.fault(
                    table.at,
                    "[agents] has no hours: write when they are at work, as every_day = [\"09:00-18:00\"] 未写坐席的工作时间",
                );
            }
            table.close(&mut file);
            read = zone.map(|zone| Self { hours, zone });
        }
        if file.faults.is_empty() { Ok(read) } else { Err(Faults(file.faults)) }
    }

    /// When they are at work again; none while they are.
    pub fn back_at(&self, now: Timestamp) -> Option<Timestamp> {
        let is_at_work = self.hours.open_at(self.zone.to_datetime(now));
        if is_at_work { None } else { self.hours.next_open(&self.zone, now, REACH_DAYS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENTS: &str = r#"
        [agents]
        zone = "Asia/Shanghai"
        holidays = "cn"
        every_day = ["09:00-12:00", "13:30-18:00"]
        sat = []
        sun = []
        holiday = []
        worked = ["10:00-16:00"]
    "#;

    fn read(text: &str) -> Result<Option<WorkingHours>, String> {
        let of_cn = "[[year]]\nyear = 2026\nsource = \"x\"\noff = [\"2026-10-01 to 2026-10-07\"]\nworked = [\"2026-10-10\"]\n";
        let holidays = |name: &str| (name == "cn").then(|| ("cn.toml".to_owned(), of_cn.to_owned()));
        WorkingHours::parse("waihu.toml", text, holidays).map_err(|faults| faults.to_string())
    }

    #[test]
    fn whoever_is_not_at_work_is_back_at_the_next_hour_of_work() {
        let hours = read(AGENTS).unwrap().unwrap();
        let at = |local: &str| -> Timestamp { format!("{local}+08:00").parse().unwrap() };
        for (now, back) in [
            ("2026-11-24T09:00:00", None),
            ("2026-11-24T17:59:59", None),
            ("2026-11-24T08:59:59", Some("2026-11-24T09:00:00")),
            ("2026-11-24T12:10:00", Some("2026-11-24T13:30:00")),
            ("2026-11-24T18:00:00", Some("2026-11-25T09:00:00")),
            ("2026-11-27T20:00:00", Some("2026-11-30T09:00:00")),
            ("2026-09-30T20:00:00", Some("2026-10-08T09:00:00")),
            // A Saturday that is worked for a day off.
            ("2026-10-09T20:00:00", Some("2026-10-10T10:00:00")),
            ("2026-10-10T12:00:00", None),
            ("2026-10-10T16:00:00", Some("2026-10-12T09:00:00")),
            ("2026-10-16T20:00:00", Some("2026-10-19T09:00:00")),
        ] {
            assert_eq!(hours.back_at(at(now)), back.map(at), "{now}");
        }
        let as_any_saturday = read(&AGENTS.replace("worked = ", "mon = ")).unwrap().unwrap();
        let friday = at("2026-10-09T20:00:00");
        assert_eq!(as_any_saturday.back_at(friday), Some(at("2026-10-12T10:00:00")), "nothing is said of it");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        assert!(read("node = \"a\"\n").unwrap().is_none(), "nothing is said of them");
        for (text, said) in [
            ("[agents]\nevery_day = [\"09:00-18:00\"]\n", "waihu.toml:1: zone is missing"),
            ("[agents]\nzone = \"Shanghai\"\nmon = [\"09:00-18:00\"]\n", "waihu.toml:2: zone"),
            ("[agents]\nzone = \"Asia/Shanghai\"\n", "has no hours"),
            ("[agents]\nzone = \"Asia/Shanghai\"\nmon = [\"9-18\"]\n", "waihu.toml:3: mon"),
            (
                "[agents]\nzone = \"Asia/Shanghai\"\nmon = [\"09:00-18:00\"]\nworked = []\n",
                "waihu.toml:1: worked: which days",
            ),
            ("[agents]\nzone = \"Asia/Shanghai\"\nholidays = \"us\"\nmon = [\"09:00-18:00\"]\n", "us.toml"),
            ("[agents]\nzone = \"Asia/Shanghai\"\nmonday = [\"09:00-18:00\"]\n", "unknown key \"monday\""),
        ] {
            let faults = read(text).unwrap_err();
            assert!(faults.contains(said), "{text}: {faults}");
        }
    }
}
