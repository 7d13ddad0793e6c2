//! A strategy's file, read with every fault by its line.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Range, RangeInclusive},
    str::FromStr,
    time::Duration,
};

use toml::de::{DeTable, DeValue};
use waihu_compliance::{
    Faults,
    read::{File, Table},
};
use waihu_types::{DayWindow, Disposition, PhoneKind};

use crate::contact::ContactModel;

use super::{
    Callbacks, Limits, Numbers, Promises, Strategy, UNREACHED, Weights,
    hours::{BestTime, Parts},
    ladder::{Ladder, NumberRule, Step},
    select::{Rule, Span, When},
};

/// The longest wait [days]: a quarter; who is to be called later is another campaign's.
const MAX_WAIT_DAYS: u64 = 92;
/// The largest rank: room for what is added to it.
const MAX_RANK: u32 = 1_000_000;

impl Strategy {
    /// Reads a strategy. `path` is for its faults. What its `[[ladder]]` does not say is as in the shipped one.
    ///
    /// # Errors
    /// Every fault of the file, by line.
    pub fn parse(path: &str, text: &str) -> Result<Self, Faults> {
        let mut strategy = Self::read(path, text)?;
        strategy.ladder.fill(&Self::shipped().ladder);
        Ok(strategy)
    }

    /// The content of a strategy's file with a model in place of the path to it, so that a campaign keeps both.
    pub fn with_model_inside(text: &str, model: &ContactModel) -> String {
        let (table, _) = DeTable::parse_recoverable(text);
        let place = table.get_ref().get("propensity").map(|value| value.span());
        // A model is numbers and names: it can be written.
        let json = serde_json::to_string(model).unwrap_or_default();
        match place {
            Some(place) => {
                let inside = toml::Value::String(json).to_string();
                format!("{}{inside}{}", &text[..place.start], &text[place.end..])
            }
            None => text.to_owned(),
        }
    }

    /// The flows that a strategy's file names without a version.
    pub fn flows(text: &str) -> BTreeSet<String> {
        unpinned(text).into_iter().map(|(_, flow)| flow).collect()
    }

    /// The content of a strategy's file with versions (flow, SHA-256) in place of the flows that it names without
    /// one, so that a campaign keeps both. Of a flow that is not among them nothing is changed.
    pub fn with_versions(text: &str, versions: &BTreeMap<String, String>) -> String {
        let mut kept = text.to_owned();
        // From the end on, so that what lies before stays where it is.
        for (place, flow) in unpinned(text).into_iter().rev() {
            if let Some(sha256) = versions.get(&flow) {
                kept.replace_range(place, &format!("\"{flow}@{sha256}\""));
            }
        }
        kept
    }

    /// The same without the shipped ladder.
    pub(super) fn read(path: &str, text: &str) -> Result<Self, Faults> {
        let mut file = File::new(path, text);
        let mut table = file.table(text);
        let mut strategy = Self::default();
        if let Some(mut limits) = table.one("limits", &mut file) {
            let default = Limits::default();
            strategy.limits = Limits {
                per_case: limits.number_or("per_case", 1..=50, default.per_case, &mut file),
                per_day: limits.number_or("per_day", 1..=20, default.per_day, &mut file),
            };
            limits.close(&mut file);
        }
        if let Some(mut weights) = table.one("rank", &mut file) {
            let mut points = |key| i64::from(weights.number_or(key, 0..=MAX_RANK, 0, &mut file));
            strategy.weights = Weights {
                propensity: points("propensity"),
                days_past_due: points("days_past_due"),
                amount: points("amount"),
            };
            weights.close(&mut file);
        }
        if let Some((at, text)) = table.text_if("propensity", &mut file) {
            // A campaign keeps its model inside its strategy.
            match text.starts_with('{').then(|| ContactModel::parse(&text)) {
                Some(Ok(model)) => strategy.model = Some(model),
                Some(Err(e)) => file.fault(at, e.to_string()),
                None => strategy.propensity = Some(text),
            }
        }
        if let Some(day) = table.one("day", &mut file) {
            strategy.parts = parts(day, &mut file);
        }
        if let Some(best) = table.one("best_time", &mut file) {
            strategy.best_time = Some(best_time(best, &mut file));
        }
        if let Some(of) = table.one("numbers", &mut file) {
            strategy.numbers = numbers(of, &mut file);
        }
        if let Some(of) = table.one("promises", &mut file) {
            strategy.promises = promises(of, &mut file);
        }
        if let Some(mut of) = table.one("callbacks", &mut file) {
            strategy.callbacks =
                Callbacks { rank: i64::from(of.number_or("rank", 0..=MAX_RANK, 0, &mut file)) };
            of.close(&mut file);
        }
        if let Some(of) = table.one("unreached", &mut file) {
            strategy.unreached = unreached(of, &mut file);
        }
        let rules = table.many("rule", &mut file);
        if rules.is_empty() {
            file.fault(
                0,
                "no [[rule]]: no case would be called; write one with id, zh, en and rank 缺少 [[rule]]",
            );
        }
        for of in rules {
            let at = of.at;
            if let Some(rule) = rule(of, &mut file) {
                if strategy.rules.iter().any(|before| before.id == rule.id) {
                    file.fault(at, format!("the rule {:?} stands twice 规则编号重复", rule.id));
                }
                strategy.rules.push(rule);
            }
        }
        for of in table.many("ladder", &mut file) {
            ladder(of, &mut strategy.ladder, &mut file);
        }
        table.close(&mut file);
        if file.faults.is_empty() { Ok(strategy) } else { Err(Faults(file.faults)) }
    }
}

/// A text that is read as a `T`; a fault, where it is none.
fn read<T>(
    table: &mut Table<'_>,
    key: &'static str,
    expected: &str,
    file: &mut File,
    of: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let (at, text) = table.text_if(key, file)?;
    let value = of(&text);
    if value.is_none() {
        file.fault(at, format!("{key}: {text:?}: {expected}"));
    }
    value
}

/// A list of texts, each read as a `T`.
fn list<T>(
    table: &mut Table<'_>,
    key: &'static str,
    expected: &str,
    file: &mut File,
    of: impl Fn(&str) -> Option<T>,
) -> Option<Vec<T>> {
    let texts = table.texts(key, file)?;
    let mut values = Vec::with_capacity(texts.len());
    for (at, text) in texts {
        match of(&text) {
            Some(value) => values.push(value),
            None => file.fault(at, format!("{key}: {text:?}: {expected}")),
        }
    }
    Some(values)
}

fn known<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Where a strategy's file names a flow without a version, in the order of the file.
fn unpinned(text: &str) -> Vec<(Range<usize>, String)> {
    fn look(table: &DeTable<'_>, found: &mut Vec<(Range<usize>, String)>) {
        for (key, value) in table {
            match value.get_ref() {
                DeValue::String(name) if key.get_ref() == "script" && !name.contains('@') => {
                    found.push((value.span(), name.to_string()));
                }
                DeValue::Table(inner) => look(inner, found),
                DeValue::Array(items) => items.iter().for_each(|item| {
                    if let DeValue::Table(inner) = item.get_ref() {
                        look(inner, found);
                    }
                }),
                _ => {}
            }
        }
    }
    let (table, _) = DeTable::parse_recoverable(text);
    let mut found = Vec::new();
    look(table.get_ref(), &mut found);
    found.sort_by_key(|(place, _)| place.start);
    found
}

fn parts(mut table: Table<'_>, file: &mut File) -> Parts {
    let at = table.at;
    let expected = "write it as 08:00-12:00 应为时段";
    let parts: Vec<DayWindow> = list(&mut table, "parts", expected, file, known).unwrap_or_default();
    if !parts.is_sorted_by(|a, b| a.to_min() <= b.from_min()) {
        file.fault(at, "parts must follow each other and not overlap 时段须依次排列且不重叠");
    }
    table.close(file);
    Parts(parts)
}

fn best_time(mut table: Table<'_>, file: &mut File) -> BestTime {
    let expected =
        "write how far a call may be put off, as \"1 day\" or \"12 hours\", 3 days at most 时长有误";
    let short = |text: &str| wait(text).filter(|wait| *wait <= Duration::from_secs(3 * 86_400));
    let look_ahead = read(&mut table, "look_ahead", expected, file, short).unwrap_or(DAY);
    // In hundredths, since a file of ours has whole numbers alone.
    let gain = table.number_or("gain_percent", 100..=1_000, 150, file);
    let by_hour = list(
        &mut table,
        "answered_by_hour",
        "write the share in percent, as \"12\" 应为百分比",
        file,
        |text| {
            text.parse::<u8>()
                .ok()
                .filter(|percent| *percent <= 100)
                .map(|percent| f64::from(percent) / 100.0)
        },
    );
    let at = table.at;
    let by_hour = by_hour.unwrap_or_else(|| vec![0.3; 24]);
    let by_hour = <[f64; 24]>::try_from(by_hour).unwrap_or_else(|wrong: Vec<f64>| {
        file.fault(
            at,
            format!(
                "answered_by_hour has {} shares: 24 are expected, from midnight on 应为 24 个",
                wrong.len()
            ),
        );
        [0.3; 24]
    });
    table.close(file);
    BestTime { look_ahead, gain: f64::from(gain) / 100.0, by_hour }
}

fn numbers(mut table: Table<'_>, file: &mut File) -> Numbers {
    let default = Numbers::default();
    let kinds = PhoneKind::ALL.iter().map(|kind| kind.label()).collect::<Vec<_>>().join(", ");
    let order = list(&mut table, "order", &format!("use 可用 {kinds}"), file, known::<PhoneKind>);
    let expected = "write how long, as \"10 minutes\" 时长有误";
    let wait = read(&mut table, "wait", expected, file, wait).unwrap_or(default.wait);
    let third_parties = table.switch("third_parties", file);
    table.close(file);
    Numbers { order: order.unwrap_or(default.order), wait, third_parties }
}

fn promises(mut table: Table<'_>, file: &mut File) -> Option<Promises> {
    let flow = "the name of a flow is expected 应为话术名";
    let script = read(&mut table, "script", flow, file, known);
    let time = |text: &str| {
        let window: DayWindow = format!("{text}-24:00").parse().ok()?;
        Some(window.from_min())
    };
    let at =
        read(&mut table, "at", "write a time of day, as \"10:00\" 应为时刻", file, time).unwrap_or(10 * 60);
    let most = table.number_or("most", 1..=10, 2, file);
    let days_after = table.number_or("days_after", 1..=30, 1, file);
    table.close(file);
    Some(Promises { script, at, most, days_after })
}

fn unreached(mut table: Table<'_>, file: &mut File) -> Vec<Disposition> {
    let expected = format!("use 可用 {}", UNREACHED.map(Disposition::label).join(", "));
    let end = |text: &str| UNREACHED.into_iter().find(|end| end.label() == text);
    let after = list(&mut table, "after", &expected, file, end);
    table.close(file);
    after.unwrap_or_else(|| UNREACHED.to_vec())
}

fn rule(mut table: Table<'_>, file: &mut File) -> Option<Rule> {
    let mut text = |key, file: &mut File| table.text(key, file).map(|(_, text)| text);
    let (id, zh, en) = (text("id", file), text("zh", file), text("en", file));
    let when = table.one("when", file).map(|of| when(of, file)).unwrap_or_default();
    let leaves_out = table.switch("leave_out", file);
    let rank = if leaves_out { Some(0) } else { table.number("rank", 0..=MAX_RANK, file) };
    let script = read(&mut table, "script", "write FLOW or FLOW@SHA 应为话术", file, known);
    table.close(file);
    Some(Rule { id: id?, zh: zh?, en: en?, when, call: !leaves_out, rank: i64::from(rank?), script })
}

fn when(mut table: Table<'_>, file: &mut File) -> When {
    const SPAN: &str = "write \"30 to 90\", \"from 30\" or \"up to 90\" 区间格式有误";
    let word = "not known 未知的值";
    let t = &mut table;
    let when = When {
        risk_grade: list(t, "risk_grade", word, file, |text| Some(text.to_owned())),
        kind: list(t, "kind", word, file, known),
        lang: list(t, "lang", word, file, known),
        currency: list(t, "currency", word, file, known),
        promise: list(t, "promise", "use 可用 none, open, kept, broken", file, known),
        days_past_due: read(t, "days_past_due", SPAN, file, Span::read),
        amount: read(t, "amount", SPAN, file, Span::read),
        broken_promises: read(t, "broken_promises", SPAN, file, Span::read),
        propensity: read(t, "propensity", SPAN, file, Span::read),
    };
    table.close(file);
    when
}

fn ladder(mut table: Table<'_>, ladder: &mut Ladder, file: &mut File) {
    let at = table.at;
    let id = table.text("id", file).map(|(_, id)| id);
    let disposition = |text: &str| Disposition::ALL.into_iter().find(|d| d.label() == text);
    let expected = "no end of a call; see OUTCOME.md for them 未知的通话结果";
    let after = list(&mut table, "after", expected, file, disposition).unwrap_or_default();
    let expected = "write how long, as \"10 minutes\", \"2 hours\" or \"1 day\", 92 days at most 时长有误";
    let waits: Vec<Duration> = list(&mut table, "wait", expected, file, wait).unwrap_or_default();
    if !waits.is_sorted() {
        file.fault(at, "wait: the next must not be shorter than the one before 等待时间不得递减");
    }
    let other_part = table.switch("other_part_of_day", file);
    let number = read(&mut table, "number", "use 可用 case, number, drop", file, |text| {
        NumberRule::WORDS.iter().find(|(word, _)| *word == text).map(|(_, rule)| *rule)
    });
    table.close(file);
    let Some(id) = id else { return };
    if after.is_empty() {
        file.fault(at, "after: write the ends of a call that it is for, as [\"busy\"] 缺少 after");
    }
    for of in after {
        let step =
            Step { id: id.clone(), waits: waits.clone(), other_part, number: number.unwrap_or_default() };
        if !ladder.set(of, step) {
            file.fault(at, format!("{} stands in two steps 通话结果重复", of.label()));
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);

/// `10 minutes`, `2 hours`, `1 day`.
fn wait(text: &str) -> Option<Duration> {
    let (n, unit) = text.split_once(' ')?;
    let n: u64 = n.parse().ok()?;
    let unit_s = match unit {
        "second" | "seconds" => 1,
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    let range: RangeInclusive<u64> = 0..=MAX_WAIT_DAYS * 86_400;
    n.checked_mul(unit_s).filter(|s| range.contains(s)).map(Duration::from_secs)
}
