//! What a report looks like: a page in both languages that any mail program shows, and a table for a spreadsheet.

use std::fmt::Write;

use super::Period;

/// What came of a campaign in a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The campaign; empty for calls placed by hand.
    pub campaign: String,
    /// Calls that ended.
    pub calls: i64,
    /// That were answered.
    pub answered: i64,
    /// In which the person who owes was spoken with.
    pub contacts: i64,
    /// With a promise.
    pub promises: i64,
    /// With a promise that is due by now, and was kept.
    pub kept: i64,
    /// The currency of the sums.
    pub currency: String,
    /// What the carrier charges.
    pub calls_cost: String,
    /// What agents' time costs.
    pub agents_cost: String,
    /// Both by contact; empty where there was none.
    pub per_contact: String,
    /// Both by promise; empty where there was none.
    pub per_promise: String,
    /// Both by promise kept; empty where there was none.
    pub per_kept: String,
}

/// How many calls ended in a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The way, in Mandarin.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// So many.
    pub calls: i64,
}

/// How often a check of quality held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What it asks for, in Mandarin.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Calls in which it held.
    pub passed: i64,
    /// In which it did not.
    pub failed: i64,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub period: Period,
    /// By campaign.
    pub rows: Vec<Row>,
    /// By how calls ended, the most frequent first.
    pub ended: Vec<Ended>,
    /// By check.
    pub checked: Vec<Checked>,
}

const HEADS: [(&str, &str); 12] = [
    ("campaign", "批次"),
    ("calls", "通话"),
    ("answered", "接通"),
    ("contacts", "联系到本人"),
    ("promises", "承诺"),
    ("kept by now", "已兑现"),
    ("currency", "币种"),
    ("cost of calls", "线路费用"),
    ("cost of agents", "坐席费用"),
    ("per contact", "每次联系成本"),
    ("per promise", "每次承诺成本"),
    ("per promise kept", "每次兑现成本"),
];

impl Row {
    fn cells(&self) -> [String; 12] {
        [
            if self.campaign.is_empty() { "(by hand 手动)".to_owned() } else { self.campaign.clone() },
            self.calls.to_string(),
            self.answered.to_string(),
            self.contacts.to_string(),
            self.promises.to_string(),
            self.kept.to_string(),
            self.currency.clone(),
            self.calls_cost.clone(),
            self.agents_cost.clone(),
            self.per_contact.clone(),
            self.per_promise.clone(),
            self.per_kept.clone(),
        ]
    }
}

impl Report {
    /// The page.
    pub fn html(&self) -> String {
        let title = format!("waihu {}: {} – {}", self.name, self.period.first, self.period.last);
        let mut page = format!(
            "<!doctype html><html><head><meta charset=\"utf-8\"><title>{0}</title></head>\
             <body style=\"font-family:sans-serif;color:#222\"><h2>{0}</h2>",
            escaped(&title)
        );
        let head =
            |words: &[(&str, &str)]| words.iter().map(|(en, zh)| format!("{en}<br>{zh}")).collect::<Vec<_>>();
        let rows = self.rows.iter().map(|row| row.cells().map(|cell| escaped(&cell)).to_vec());
        table(&mut page, "Campaigns 批次", &head(&HEADS), rows.collect());
        let ended = self.ended.iter().map(|e| vec![escaped(&e.en), escaped(&e.zh), e.calls.to_string()]);
        table(
            &mut page,
            "How calls ended 通话结果",
            &head(&[("outcome", "结果"), ("", ""), ("calls", "通话")]),
            ended.collect(),
        );
        let checked = self.checked.iter().map(|c| {
            let share = (c.passed * 100).checked_div(c.passed + c.failed);
            let share = share.map_or_else(String::new, |share| format!("{share}%"));
            vec![escaped(&c.en), escaped(&c.zh), c.passed.to_string(), c.failed.to_string(), share]
        });
        let words =
            [("check", "检查项"), ("", ""), ("held", "通过"), ("failed", "不通过"), ("share", "通过率")];
        table(&mut page, "Quality 质检", &head(&words), checked.collect());
        page.push_str("</body></html>");
        page
    }

    /// The table by campaign, as RFC 4180 has it.
    pub fn csv(&self) -> String {
        // A mark by which spreadsheets know UTF-8.
        let mut text = String::from("\u{feff}");
        let heads: Vec<String> = HEADS.iter().map(|(en, zh)| format!("{en} {zh}")).collect();
        line(&mut text, &heads);
        for row in &self.rows {
            line(&mut text, &row.cells());
        }
        text
    }
}

fn table(page: &mut String, title: &str, heads: &[String], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        // Nothing to tell is told, too.
        let _ = write!(page, "<h3>{title}</h3><p>– nothing 无 –</p>");
        return;
    }
    let cell = "padding:4px 10px;border-bottom:1px solid #ddd;text-align:left";
    let _ = write!(page, "<h3>{title}</h3><table style=\"border-collapse:collapse\"><tr>");
    for head in heads {
        let _ = write!(page, "<th style=\"{cell};font-size:12px;color:#666\">{head}</th>");
    }
    page.push_str("</tr>");
    for row in rows {
        page.push_str("<tr>");
        for text in row {
            let _ = write!(page, "<td style=\"{cell}\">{text}</td>");
        }
        page.push_str("</tr>");
    }
    page.push_str("</table>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn line(text: &mut String, cells: &[String]) {
    let cell = |cell: &String| {
        // What a spreadsheet would take for a formula is a text.
        let cell =
            if cell.starts_with(['=', '+', '-', '@', '\t']) { format!("'{cell}") } else { cell.clone() };
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    };
    text.push_str(&cells.iter().map(cell).collect::<Vec<_>>().join(","));
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use waihu_types::WallTime;

    use super::*;

    #[test]
    fn a_name_is_neither_a_tag_nor_a_formula() {
        let day = jiff::civil::date(2026, 11, 26);
        let at = WallTime::from_unix_millis(0);
        let report = Report {
            name: "daily".into(),
            period: Period { first: day, last: day, from: at, to: at },
            rows: vec![
                Row {
                    campaign: "<script>".into(),
                    calls: 3,
                    kept: 7_301,
                    calls_cost: "0.49".into(),
                    ..Row::default()
                },
                Row { campaign: "=1+1,\"x\"".into(), ..Row::default() },
            ],
            ended: vec![Ended { zh: "承诺还款".into(), en: "promise to pay".into(), calls: 2 }],
            checked: vec![Checked { zh: "身份".into(), en: "identity".into(), passed: 9, failed: 1 }],
        };
        let html = report.html();
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"));
        assert!(html.contains("已兑现") && html.contains(">7301<"), "{html}");
        assert!(html.contains("承诺还款") && html.contains("90%") && html.contains("2026-11-26"));
        let csv = report.csv();
        assert_eq!(csv.lines().count(), 3);
        assert!(csv.contains("\"'=1+1,\"\"x\"\"\","), "{csv}");
    }
}
