//! A profile: the rules of a country or a line, read from a file of `compliance/`.

use std::sync::Arc;

use jiff::SignedDuration;
use serde::Serialize;
use sha2::{Digest, Sha256};
use waihu_types::{Flag, InvalidTerm, Lang, Percent, Reached, Whose};

use crate::{
    abandoned::MostAbandoned,
    holidays::Holidays,
    hours::{DAYS, Hours, Window},
    read::{Faults, File, Table},
    retention::Retention,
    subject::ThirdParty,
};

/// Text of the shipped laboratory profile.
const LABORATORY: &str = include_str!("../../compliance/laboratory.toml");

/// The longest that a cap or a rest may look back [days]: a quarter. What is meant for longer is no pace of
/// calls but a decision about the case.
const MAX_DAYS: u32 = LONGEST_DAYS as u32;
pub(crate) const LONGEST_DAYS: u16 = 92;
/// The most calls that a cap may allow: beyond it nothing is capped.
const MAX_CALLS: u32 = 1_000;
/// The longest window over which abandoned calls are counted [days]: answers are kept by day for so long.
const MOST_ABANDONED_DAYS: u32 = 30;

/// Words in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// In Mandarin.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Words {
    /// The words of a language.
    pub fn of(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }
}

/// One rule of a profile.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id, unique in the profile.
    pub id: String,
    /// Where it comes from: a law's section, a standard, a contract.
    pub source: String,
    /// What it asks for.
    pub words: Words,
    pub(crate) check: Check,
}

/// What a rule holds a moment against.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    /// Nothing: the line reaches machines of one's own alone.
    Laboratory,
    /// The clock is not before the newest call.
    Clock,
    /// The callee's time zone is known, and one of these or beginning with one; any, where none is named.
    Zone(Vec<String>),
    /// The case is not flagged so.
    Flag(Flag),
    /// The case tells who owes.
    Debtor,
    /// The owner of the number agreed to an automated voice.
    Consent,
    /// The number is the debtor's own, or of one who may be called.
    ThirdParty(ThirdParty),
    /// The days off of the year are known.
    Holidays(Arc<Holidays>),
    /// Calling hours.
    Hours(Hours),
    /// So many calls within so long.
    Cap(Cap),
    /// No call for so many days after a conversation, whose day is the first [days].
    Rest { days: u16, per: Per },
    /// Of the campaign's answered calls no more found no agent, where this one is placed ahead of free agents.
    Abandoned(MostAbandoned),
}

/// So many calls within so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cap {
    /// How far a call must have come to count.
    pub(crate) counts: Reached,
    pub(crate) most: u32,
    pub(crate) within: Within,
    pub(crate) per: Per,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// Calendar days at the callee's place, with today.
    Days(u16),
    /// As long as a clock runs.
    Clock(SignedDuration),
}

/// Whose calls are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Per {
    Number,
    Debt,
    Debtor,
}

/// The rules of a country or a line.
#[derive(Clone, Debug)]
pub struct Profile {
    id: String,
    names: Words,
    sha256: String,
    rules: Vec<Rule>,
    reach_days: u16,
    /// The rules of text messages, which are as those of calls; none where no message is allowed.
    sms: Option<Box<Profile>>,
    retention: Retention,
}

impl Profile {
    /// Reads a profile; `path` is for messages. `holidays` gives path and text of a file of `compliance/holidays/`
    /// by its name, where there is one.
    ///
    /// # Errors
    /// Every fault of either file, by line, with what to write.
    pub fn parse(
        path: &str,
        text: &str,
        holidays: impl FnOnce(&str) -> Option<(String, String)>,
    ) -> Result<Self, Faults> {
        let mut file = File::new(path, text);
        let mut table = file.table(text);
        let mut hash = Sha256::new();
        hash.update(text);
        let id = table.text("id", &mut file).map(|(_, id)| id).unwrap_or_default();
        let names = words(&mut table, &mut file);
        let retention = table.one("retention", &mut file);
        let retention = retention.map(|table| Retention::read(table, &mut file)).unwrap_or_default();
        if table.switch("laboratory", &mut file) {
            let rules = vec![built_in("laboratory", Check::Laboratory)];
            table.close(&mut file);
            return done(
                file,
                Self {
                    id,
                    names,
                    sha256: hex::encode(hash.finalize()),
                    sms: Self::laboratory().sms,
                    rules,
                    reach_days: 0,
                    retention,
                },
            );
        }
        let zones = table.texts("zones", &mut file).unwrap_or_default();
        let zones = zones.into_iter().map(|(_, zone)| zone).collect();
        let mut rules = flag_rules(table.many("flag", &mut file), &mut file);
        if needs(&mut table, &mut file) {
            rules.push(built_in("debtor", Check::Debtor));
        }
        let others = table.one("third_party", &mut file);
        rules.push(match others.and_then(|others| third_party_rule(others, &mut file)) {
            Some(rule) => rule,
            None => built_in(
                "third_party",
                Check::ThirdParty(ThirdParty { whose: Vec::new(), tries: 0, days: 1 }),
            ),
        });
        rules.push(built_in("clock", Check::Clock));
        rules.push(built_in("zone", Check::Zone(zones)));
        let consent = table.one("consent", &mut file);
        let sms = table.one("sms", &mut file);
        let read = |name: &str| holidays(name).inspect(|(_, text)| hash.update(text));
        let days_off = days_off(&mut table, read, &mut file);
        rules.extend(days_off.iter().map(|read| built_in("holidays", Check::Holidays(Arc::clone(read)))));
        // What need not be written holds for messages too.
        let sms = sms.map(|sms| sms_rules(sms, rules.clone(), days_off.clone(), &mut file));
        // Of the voice alone: messages have none.
        rules.extend(consent.map(|consent| rule(consent, Check::Consent, &mut file)));
        match table.one("hours", &mut file) {
            Some(hours) => rules.extend(hours_rule(hours, days_off, &mut file)),
            None => file.fault(
                0,
                "[hours] is missing, and without it no call is allowed: write when calls are allowed, as every_day = [\"08:00-21:00\"] 缺少 [hours] 呼叫时段",
            ),
        }
        rules.extend(table.many("cap", &mut file).into_iter().filter_map(|cap| cap_rule(cap, &mut file)));
        rules.extend(table.many("rest", &mut file).into_iter().filter_map(|rest| rest_rule(rest, &mut file)));
        let abandonment = table.one("abandonment", &mut file);
        rules.extend(abandonment.and_then(|abandonment| abandonment_rule(abandonment, &mut file)));
        once_each(&rules, &mut file);
        table.close(&mut file);
        let reach_days = reach_days(&rules);
        let sha256 = hex::encode(hash.finalize());
        let sms = sms.map(|rules| {
            let (id, names, sha256) = (id.clone(), names.clone(), sha256.clone());
            Box::new(Self {
                id,
                names,
                sha256,
                reach_days: self::reach_days(&rules),
                rules,
                sms: None,
                retention,
            })
        });
        done(file, Self { id, names, sha256, rules, reach_days, sms, retention })
    }

    /// The profile of lines that reach machines of one's own alone, as it is shipped: it has no rule, and each
    /// decision says so.
    pub fn laboratory() -> Self {
        let calls = Self {
            id: "laboratory".to_owned(),
            names: Words { zh: "实验线路".to_owned(), en: "laboratory".to_owned() },
            sha256: hex::encode(Sha256::digest(LABORATORY)),
            rules: vec![built_in("laboratory", Check::Laboratory)],
            reach_days: 0,
            sms: None,
            retention: Retention::default(),
        };
        Self { sms: Some(Box::new(calls.clone())), ..calls }
    }

    /// The rules under which text messages are sent, asked as those of calls are: a message is a contact that
    /// was attempted. None where the profile allows no message.
    pub fn sms(&self) -> Option<&Self> {
        self.sms.as_deref()
    }

    /// The rules for whoever is called into a talk that is up, at the callee's wish and by an agent: of the place, the
    /// hour, the case and whose number it is. Neither are calls counted nor is asked what an automated voice needs.
    #[must_use]
    pub fn called_in(&self) -> Self {
        let is_asked = |rule: &&Rule| match rule.check {
            Check::Laboratory
            | Check::Clock
            | Check::Zone(_)
            | Check::Flag(_)
            | Check::ThirdParty(_)
            | Check::Holidays(_)
            | Check::Hours(_) => true,
            // Whoever calls is there.
            Check::Debtor | Check::Consent | Check::Cap(_) | Check::Rest { .. } | Check::Abandoned(_) => {
                false
            }
        };
        let rules: Vec<Rule> = self.rules.iter().filter(is_asked).cloned().collect();
        Self { reach_days: reach_days(&rules), rules, sms: None, ..self.clone() }
    }

    /// The share of a campaign's answered calls that may find no agent at most, and within how many days it is counted,
    /// with today; none where the profile has no such limit.
    pub fn most_abandoned(&self) -> Option<(Percent, u16)> {
        self.rules.iter().find_map(|rule| match &rule.check {
            Check::Abandoned(limit) => Some((limit.most, limit.days)),
            _ => None,
        })
    }

    /// For how long what its calls left is kept.
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name.
    pub fn name(&self, lang: Lang) -> &str {
        self.names.of(lang)
    }

    /// The SHA-256 of what it was read from, holidays with it.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Its rules, in the order in which they are asked.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// How far back calls may matter [days].
    pub fn reach_days(&self) -> u16 {
        self.reach_days
    }
}

impl Rule {
    /// Whether it lets the call pass as soon as an agent is free for it.
    pub fn wants_an_agent(&self) -> bool {
        matches!(self.check, Check::Abandoned(_))
    }
}

impl Check {
    /// How far back a call may matter to it [days]; a day more than it says, since days begin elsewhere.
    fn reach_days(&self) -> u16 {
        match self {
            Self::Cap(Cap { within: Within::Days(days), .. }) | Self::Rest { days, .. } => days + 2,
            Self::Cap(Cap { within: Within::Clock(span), .. }) => {
                u16::try_from(span.as_hours() / 24).unwrap_or(u16::MAX).saturating_add(2)
            }
            // A refusal is remembered as long as anything is.
            Self::ThirdParty(others) if !others.whose.is_empty() => LONGEST_DAYS + 2,
            Self::Laboratory
            | Self::Clock
            | Self::Zone(_)
            | Self::Flag(_)
            | Self::Debtor
            | Self::Consent
            | Self::ThirdParty(_)
            | Self::Holidays(_)
            | Self::Hours(_)
            | Self::Abandoned(_) => 0,
        }
    }
}

/// The rules of `[sms]`, after those that need not be written.
fn sms_rules(
    mut table: Table<'_>,
    mut rules: Vec<Rule>,
    days_off: Option<Arc<Holidays>>,
    file: &mut File,
) -> Vec<Rule> {
    match table.one("hours", file) {
        Some(hours) => rules.extend(hours_rule(hours, days_off, file)),
        None => file.fault(
            table.at,
            "[sms.hours] is missing: write when messages are allowed, as every_day = [\"09:00-11:00\"] 缺少 [sms.hours] 短信时段",
        ),
    }
    rules.extend(table.many("cap", file).into_iter().filter_map(|cap| {
        let at = cap.at;
        let rule = cap_rule(cap, file)?;
        // A message has no answer to count, and speaks of the debts of whoever has the number.
        if !matches!(rule.check, Check::Cap(Cap { counts: Reached::Attempted, per: Per::Number, .. })) {
            file.fault(
                at,
                "[[sms.cap]]: messages are counted as counts = \"attempts\", per = \"number\" 短信按号码计数",
            );
        }
        Some(rule)
    }));
    once_each(&rules, file);
    table.close(file);
    rules
}

fn once_each(rules: &[Rule], file: &mut File) {
    for (n, rule) in rules.iter().enumerate() {
        if rules[..n].iter().any(|before| before.id == rule.id) {
            file.fault(
                0,
                format!(
                    "the rule {:?} stands twice, or is built in: each has an id of its own 规则编号重复",
                    rule.id
                ),
            );
        }
    }
}

fn reach_days(rules: &[Rule]) -> u16 {
    rules.iter().map(|rule| rule.check.reach_days()).max().unwrap_or(0)
}

fn done(file: File, profile: Profile) -> Result<Profile, Faults> {
    if file.faults.is_empty() { Ok(profile) } else { Err(Faults(file.faults)) }
}

/// The rules that need not be written.
fn built_in(id: &str, check: Check) -> Rule {
    let (zh, en) = match &check {
        Check::Laboratory => (
            "实验线路：只通向自己的机器，没有任何规则",
            "laboratory: the line reaches machines of one's own alone, and no rule is asked",
        ),
        Check::Clock => ("时钟不得早于最近一次呼叫", "the clock is not before the newest call"),
        Check::Zone(_) => (
            "须知道被叫的时区，且属于本规则的地区",
            "the callee's time zone is known, and one that the profile is for",
        ),
        Check::Holidays(_) => ("须有当年的节假日表", "the days off of the year are known"),
        Check::Flag(Flag::DoNotCall) => {
            ("要求不再致电的人不呼叫", "who asked not to be called is not called")
        }
        Check::Flag(Flag::Cease) => {
            ("书面要求停止联系的人不呼叫", "who asked that all contact end is not called")
        }
        Check::Flag(Flag::Deceased) => ("已故者不呼叫", "nobody calls for a person who has died"),
        Check::Flag(Flag::Represented) => {
            ("已委托代理人的，只与代理人联系", "who is represented is met through who represents")
        }
        Check::Flag(Flag::Minor) => ("未成年人不呼叫", "who is not of age is not called"),
        Check::Flag(Flag::Dispute) => ("对债务有争议的不呼叫", "who disputes the debt is not called"),
        Check::Flag(Flag::Bankrupt) => ("处于破产程序的不呼叫", "who is in bankruptcy is not called"),
        Check::Debtor => ("须知道债务人是谁", "it is known who owes"),
        Check::ThirdParty(_) => ("只呼叫债务人本人的号码", "the debtor's own numbers alone are called"),
        Check::Consent | Check::Hours(_) | Check::Cap(_) | Check::Rest { .. } | Check::Abandoned(_) => {
            ("", "")
        }
    };
    let words = Words { zh: zh.to_owned(), en: en.to_owned() };
    Rule { id: id.to_owned(), source: "waihu".to_owned(), words, check }
}

fn words(table: &mut Table<'_>, file: &mut File) -> Words {
    let mut text = |key| table.text(key, file).map(|(_, text)| text).unwrap_or_default();
    Words { zh: text("zh"), en: text("en") }
}

/// What every rule has, with its check.
fn rule(mut table: Table<'_>, check: Check, file: &mut File) -> Rule {
    let id = table.text("id", file).map(|(_, id)| id).unwrap_or_default();
    let source = table.text("source", file).map(|(_, source)| source).unwrap_or_default();
    let words = words(&mut table, file);
    table.close(file);
    Rule { id, source, words, check }
}

/// The flags that no profile lets pass.
const ALWAYS: [Flag; 5] = [Flag::DoNotCall, Flag::Cease, Flag::Deceased, Flag::Represented, Flag::Minor];

/// A rule a flag: those that a profile names, and those that always deny.
fn flag_rules(tables: Vec<Table<'_>>, file: &mut File) -> Vec<Rule> {
    let mut rules = Vec::new();
    let known: Vec<(&str, Flag)> = Flag::ALL.iter().map(|flag| (flag.label(), *flag)).collect();
    for mut table in tables {
        let flag = one_of(&mut table, "flag", &known, file);
        let rule = rule(table, flag.map_or(Check::Clock, Check::Flag), file);
        rules.extend(flag.map(|_| rule));
    }
    let named = |flag| move |rule: &Rule| matches!(rule.check, Check::Flag(f) if f == flag);
    for flag in ALWAYS {
        if !rules.iter().any(named(flag)) {
            rules.push(built_in(flag.label(), Check::Flag(flag)));
        }
    }
    rules
}

/// Whether a case must tell who owes.
fn needs(table: &mut Table<'_>, file: &mut File) -> bool {
    let mut debtor = false;
    for (at, text) in table.texts("needs", file).unwrap_or_default() {
        if text == "debtor" {
            debtor = true;
        } else {
            file.fault(at, format!("needs: {text:?} is not known: use 可用 debtor"));
        }
    }
    debtor
}

fn third_party_rule(mut table: Table<'_>, file: &mut File) -> Option<Rule> {
    let at = table.at;
    let mut whose = Vec::new();
    for (at, text) in table.texts("whose", file).unwrap_or_default() {
        match text.parse() {
            Ok(of) if of != Whose::Debtor => whose.push(of),
            _ => file.fault(at, format!("whose: {text:?} is not known: use 可用 guarantor, relative, other")),
        }
    }
    if whose.is_empty() {
        file.fault(
            at,
            "[third_party] names nobody: write whose = [\"relative\"], or leave the table out 未列出可联系的人",
        );
    }
    let tries = table.number("tries", 1..=MAX_CALLS, file);
    let days = table.number("days", 1..=MAX_DAYS, file).and_then(|days| u16::try_from(days).ok());
    let others = (|| Some(ThirdParty { whose, tries: tries?, days: days? }))();
    let whole = others.is_some();
    let rule = rule(table, others.map_or(Check::Clock, Check::ThirdParty), file);
    whole.then_some(rule)
}

fn hours_rule(mut table: Table<'_>, holidays: Option<Arc<Holidays>>, file: &mut File) -> Option<Rule> {
    let at = table.at;
    for key in ["holiday", "worked"] {
        if table.has(key) && holidays.is_none() {
            file.fault(at, format!("{key}: the profile does not say which days those are: write holidays = \"cn\" at its top 须在文件开头写 holidays"));
        }
    }
    let hours = by_day(&mut table, holidays, file);
    if hours.days.iter().all(Vec::is_empty) {
        file.fault(at, "[hours] allows nothing: write when calls are allowed, as every_day = [\"08:00-21:00\"] 没有任何可呼叫时段");
    }
    Some(rule(table, Check::Hours(hours), file))
}

/// Windows by day: of one of which nothing is said those of every day, or of a worked day of a weekend its weekday's.
pub(crate) fn by_day(table: &mut Table<'_>, holidays: Option<Arc<Holidays>>, file: &mut File) -> Hours {
    let every = windows(table, "every_day", file);
    let own = DAYS.map(|day| windows(table, day, file));
    let with_every = |n: usize| own[n].clone().or_else(|| every.clone()).unwrap_or_default();
    Hours { days: std::array::from_fn(with_every), worked: windows(table, "worked", file), holidays }
}

/// The days off that a table names, if it names any. `holidays` gives path and text of their file by its name.
pub(crate) fn days_off(
    table: &mut Table<'_>,
    holidays: impl FnOnce(&str) -> Option<(String, String)>,
    file: &mut File,
) -> Option<Arc<Holidays>> {
    let value = table.take("holidays")?;
    let (at, name) = (value.at, value.text("holidays", file).unwrap_or_default());
    let read = match holidays(&name) {
        Some((path, text)) => Holidays::parse(&path, &text).unwrap_or_else(|Faults(mut faults)| {
            file.faults.append(&mut faults);
            Holidays::default()
        }),
        None => {
            // Not known is not the same as none: without its file nobody is called.
            file.fault(
                at,
                format!("holidays: there is no compliance/holidays/{name}.toml: write it, or leave the key out 缺少节假日文件"),
            );
            Holidays::default()
        }
    };
    Some(Arc::new(read))
}

fn windows(table: &mut Table<'_>, day: &'static str, file: &mut File) -> Option<Vec<Window>> {
    let mut read = Vec::new();
    for (at, text) in table.texts(day, file)? {
        match Window::read(&text) {
            Some(window) => read.push(window),
            None => file.fault(
                at,
                format!("{day}: {text:?} is no window: write it as 08:00-21:00, a whole day as 00:00-24:00 时段格式有误"),
            ),
        }
    }
    Some(read)
}

fn cap_rule(mut table: Table<'_>, file: &mut File) -> Option<Rule> {
    let counts = one_of(&mut table, "counts", COUNTS, file);
    let most = table.number("most", 0..=MAX_CALLS, file);
    let within = table.text("within", file).and_then(|(at, text)| {
        let read = span(&text);
        if read.is_none() {
            file.fault(at, format!("within: {text:?}: write \"1 day\", \"7 days\", \"1 hour\" or \"1 minute\", {MAX_DAYS} days at most 时长有误"));
        }
        read
    });
    let per = one_of(&mut table, "per", PER, file);
    let cap = (|| Some(Cap { counts: counts?, most: most?, within: within?, per: per? }))();
    // What is missing was told; its other keys are looked at all the same.
    let stand_in = Check::Clock;
    let whole = cap.is_some();
    let rule = rule(table, cap.map_or(stand_in, Check::Cap), file);
    whole.then_some(rule)
}

fn rest_rule(mut table: Table<'_>, file: &mut File) -> Option<Rule> {
    let days = table.number("days", 1..=MAX_DAYS, file).and_then(|days| u16::try_from(days).ok());
    let per = one_of(&mut table, "per", PER, file);
    let rest = (|| Some(Check::Rest { days: days?, per: per? }))();
    let whole = rest.is_some();
    let rule = rule(table, rest.unwrap_or(Check::Clock), file);
    whole.then_some(rule)
}

fn abandonment_rule(mut table: Table<'_>, file: &mut File) -> Option<Rule> {
    let most = table.text("most", file).and_then(|(at, text)| {
        let told = |e: InvalidTerm| file.fault(at, format!("most: {text:?} is {e}"));
        text.parse::<Percent>().map_err(told).ok()
    });
    let days = table.number("days", 1..=MOST_ABANDONED_DAYS, file).and_then(|days| u16::try_from(days).ok());
    let least = table.number("least", 1..=MAX_CALLS, file);
    let limit = (|| Some(MostAbandoned { most: most?, days: days?, least: least? }))();
    let whole = limit.is_some();
    let rule = rule(table, limit.map_or(Check::Clock, Check::Abandoned), file);
    whole.then_some(rule)
}

const COUNTS: &[(&str, Reached)] = &[
    ("attempts", Reached::Attempted),
    ("effective", Reached::Person),
    ("conversations", Reached::Conversation),
];
const PER: &[(&str, Per)] = &[("number", Per::Number), ("debt", Per::Debt), ("debtor", Per::Debtor)];

fn one_of<T: Copy>(
    table: &mut Table<'_>,
    key: &'static str,
    known: &[(&str, T)],
    file: &mut File,
) -> Option<T> {
    let (at, text) = table.text(key, file)?;
    let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        file.fault(at, format!("{key}: {text:?} is not known: use 可用 {}", words.join(", ")));
    }
    found
}

fn span(text: &str) -> Option<Within> {
    let (n, unit) = text.split_once(' ')?;
    let n: u32 = n.parse().ok().filter(|n| *n > 0)?;
    let clock = |seconds: i64| {
        (i64::from(n) * seconds <= i64::from(MAX_DAYS) * 86_400)
            .then(|| Within::Clock(SignedDuration::from_secs(i64::from(n) * seconds)))
    };
    match unit {
        "day" | "days" if n <= MAX_DAYS => u16::try_from(n).ok().map(Within::Days),
        "hour" | "hours" => clock(3_600),
        "minute" | "minutes" => clock(60),
        _ => None,
    }
}
