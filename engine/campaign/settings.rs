//! What a campaign is to do: its line, its script, how fast, until when. The same shape in TOML and in JSON.
//!
//! Deliberately absent: which cases and in what order ([`crate::Strategy`]), and whether what is named here
//! exists: trunks, scripts and strategies are the shell's to find.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use waihu_compliance::Profile;
use waihu_terms::Authority;
use waihu_types::{Currency, GivenAuthority, Money, Percent};

use crate::CallerIds;

/// What a campaign is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The trunk, by its file in `sip-config/`.
    pub trunk: String,
    /// The script for all cases; none where `variant` names several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<ScriptName>,
    /// Several scripts side by side, each with its share of the cases.
    #[serde(default, rename = "variant", skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<ScriptShare>,
    /// The strategy, by its file in `strategies/`.
    #[serde(default = "shipped_strategy")]
    pub strategy: String,
    /// How fast.
    #[serde(default)]
    pub pacing: PacingSettings,
    /// The number that the callee sees.
    #[serde(default, skip_serializing_if = "CallerIds::is_empty")]
    pub caller_ids: CallerIds,
    /// The first day of calls, at the callee's place; none for at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The last day of calls, at the callee's place; none for no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// What may be agreed where a case leaves it open.
    #[serde(default, skip_serializing_if = "is_default")]
    pub authority: GivenAuthority,
}

/// A script as it is named: `FLOW`, or `FLOW@SHA` with at least four digits of its hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScriptName {
    /// The flow.
    pub flow: String,
    /// What the version's hash begins with; none for the newest that is approved.
    pub sha256: Option<String>,
}

/// One of several scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptShare {
    /// Its name among the variants.
    pub name: String,
    /// The script.
    pub script: ScriptName,
    /// Its share of the cases, against the shares of the others.
    pub share: u32,
}

/// How calls and agents go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// An agent sees the case first, and asks for the call.
    Preview,
    /// A call for each free agent, and no more.
    Progressive,
    /// More calls than free agents, as many as will be answered when an agent is free.
    Predictive,
    /// The bot talks: no call waits for an agent.
    #[default]
    Agentless,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Preview, Self::Progressive, Self::Predictive, Self::Agentless];

    /// The name as it is written in settings.
    pub fn label(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Progressive => "progressive",
            Self::Predictive => "predictive",
            Self::Agentless => "agentless",
        }
    }
}

/// How fast a campaign dials.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PacingSettings {
    /// How calls and agents go together.
    pub mode: Mode,
    /// The most calls at once; none for what the trunk carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_calls: Option<u32>,
    /// Its share of what is there, against the other campaigns of the same priority.
    pub weight: u32,
    /// Who goes first where not all can: 0 (last) to 9.
    pub priority: u8,
    /// How long a call rings before it is given up [s]; less where the trunk allows less.
    pub ring_s: u32,
    /// How long an agent talks, until that was measured [s].
    pub talk_s: u32,
    /// How long an agent needs after a call, until that was measured [s].
    pub wrap_s: u32,
    /// Of the calls that a person answers, so many at most may find no agent.
    pub most_abandoned: Percent,
    /// Over so many days [days].
    pub abandoned_days: u16,
}

impl Default for PacingSettings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            max_calls: None,
            weight: 1,
            priority: 5,
            ring_s: 30,
            talk_s: 120,
            wrap_s: 30,
            most_abandoned: three_percent(),
            // 16 CFR 310.4(b)(4)(i): over a campaign, or each 30 days of it.
            abandoned_days: 30,
        }
    }
}

/// 16 CFR 310.4(b)(4)(i), and the most that may be set.
fn three_percent() -> Percent {
    Percent::whole(3)
}

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct SettingsFault {
    /// The key, with the table that it is in.
    pub field: String,
    /// What is wrong and what to write, in both languages.
    pub message: String,
}

/// Text that names no script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a script: write FLOW or FLOW@SHA, as reminder@1f3c, with 4 to 64 digits of its hash 请写成 话术 或 话术@哈希"
)]
pub struct InvalidScriptName;

/// The longest name of a trunk, flow or strategy: it is that of a file \[bytes\].
const MAX_NAME: usize = 64;
/// The most calls at once that can be meant: a trunk of this engine carries fewer.
const MAX_CALLS: u32 = 100_000;
/// The largest weight: beyond it the smallest of two campaigns would not be called in a day.
const MAX_WEIGHT: u32 = 1_000;
/// The most variants that an experiment tells apart.
const MAX_VARIANTS: usize = 20;
/// The largest share.
const MAX_SHARE: u32 = 1_000_000;

/// The line of a text that its reader has found fault with, the first being 1.
pub fn toml_line(text: &str, fault: &toml::de::Error) -> usize {
    let before = fault.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    before.matches('\n').count() + 1
}

fn shipped_strategy() -> String {
    "default".to_owned()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whether a name can be that of a file, and of nothing outside its folder.
fn is_file_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

impl FromStr for ScriptName {
    type Err = InvalidScriptName;

    fn from_str(text: &str) -> Result<Self, InvalidScriptName> {
        let (flow, sha256) = text.split_once('@').map_or((text, None), |(flow, sha)| (flow, Some(sha)));
        let hex = |sha: &str| (4..=64).contains(&sha.len()) && sha.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_file_name(flow) || !sha256.is_none_or(hex) {
            return Err(InvalidScriptName);
        }
        Ok(Self { flow: flow.to_owned(), sha256: sha256.map(str::to_ascii_lowercase) })
    }
}

impl fmt::Display for ScriptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.flow)?;
        self.sha256.as_ref().map_or(Ok(()), |sha| write!(f, "@{sha}"))
    }
}

impl Serialize for ScriptName {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScriptName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

impl Settings {
    /// Reads settings from TOML.
    ///
    /// # Errors
    /// What is no TOML or of another shape, as one fault with its line; and every fault of [`Settings::check`].
    pub fn parse(text: &str) -> Result<Self, Vec<SettingsFault>> {
        let settings: Self = toml::from_str(text).map_err(|e| {
            let line = toml_line(text, &e);
            vec![SettingsFault { field: format!("line 行 {line}"), message: e.message().to_owned() }]
        })?;
        match settings.check() {
            faults if faults.is_empty() => Ok(settings),
            faults => Err(faults),
        }
    }

    /// Everything that is wrong with them by themselves; nothing where they are right.
    pub fn check(&self) -> Vec<SettingsFault> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: String| {
            faults.push(SettingsFault { field: field.to_owned(), message });
        };
        for (field, name) in [("trunk", &self.trunk), ("strategy", &self.strategy)] {
            if !is_file_name(name) {
                fault(
                    field,
                    "the name of its file without .toml is expected, as main 应为配置文件名（不含 .toml）"
                        .to_owned(),
                );
            }
        }
        match (&self.script, self.variants.as_slice()) {
            (None, []) => fault(
                "script",
                "missing: write script = \"FLOW\", or a [[variant]] for each of several 缺少话术".to_owned(),
            ),
            (Some(_), [_, ..]) => fault(
                "script",
                "stands beside [[variant]]: write one of them 不能与 [[variant]] 同时使用".to_owned(),
            ),
            _ => {}
        }
        self.variant_faults(&mut fault);
        self.pacing.faults(&mut fault);
        for key in self.caller_ids.odd_keys() {
            fault(
                &format!("caller_ids.{key:?}"),
                "what a number begins with is expected, as \"+8621\", \"021\" or \"default\" 应为号码前缀或 default".to_owned(),
            );
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until < from
        {
            fault("until", format!("{until} is before from = {from} 结束日早于开始日"));
        }
        // Whether the fields fit together does not hang on what is owed.
        if let Ok(due) = Money::parse("1.00", Currency::CNY)
            && let Err(e) = Authority::new(&self.authority, due)
        {
            fault(&format!("authority.{}", e.field()), e.to_string());
        }
        faults
    }

    fn variant_faults(&self, fault: &mut impl FnMut(&str, String)) {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        if self.variants.len() > MAX_VARIANTS {
            fault("variant", format!("{} of them: at most {MAX_VARIANTS} 方案过多", self.variants.len()));
        }
        for (n, variant) in self.variants.iter().enumerate() {
            let at = format!("variant {}", n + 1);
            if variant.name.is_empty() || variant.name.len() > 40 || !variant.name.chars().all(plain) {
                fault(&at, "name: letters, digits, - and _ are expected, 40 at most 方案名有误".to_owned());
            }
            if self.variants[..n].iter().any(|before| before.name == variant.name) {
                fault(&at, format!("two are named {:?} 方案名重复", variant.name));
            }
            if !(1..=MAX_SHARE).contains(&variant.share) {
                fault(&at, format!("share: from 1 to {MAX_SHARE} is expected 份额超出范围"));
            }
        }
    }
}

impl PacingSettings {
    /// The same, with no more abandoned than a compliance profile allows: the lower share, and the longer run of days, of
    /// which each shorter one is held to it as well.
    #[must_use]
    pub fn held_to(self, profile: &Profile) -> Self {
        let Some((most, days)) = profile.most_abandoned() else { return self };
        Self {
            most_abandoned: self.most_abandoned.min(most),
            abandoned_days: self.abandoned_days.max(days),
            ..self
        }
    }

    fn faults(&self, fault: &mut impl FnMut(&str, String)) {
        let mut within = |key: &str, value: u32, range: std::ops::RangeInclusive<u32>| {
            if !range.contains(&value) {
                let (first, last) = range.into_inner();
                fault(
                    &format!("pacing.{key}"),
                    format!("{value}: from {first} to {last} is expected 应在 {first} 至 {last} 之间"),
                );
            }
        };
        within("max_calls", self.max_calls.unwrap_or(1), 1..=MAX_CALLS);
        within("weight", self.weight, 1..=MAX_WEIGHT);
        within("priority", u32::from(self.priority), 0..=9);
        // 16 CFR 310.4(b)(4)(ii): at least 15 s or four rings; and networks give up after two minutes.
        within("ring_s", self.ring_s, 15..=120);
        within("talk_s", self.talk_s, 5..=3_600);
        within("wrap_s", self.wrap_s, 0..=3_600);
        within("abandoned_days", u32::from(self.abandoned_days), 1..=30);
        if self.most_abandoned > three_percent() {
            fault(
                "pacing.most_abandoned",
                format!("{}: at most 3% may be allowed 放弃率上限不得超过 3%", self.most_abandoned),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        trunk = "main"
        script = "reminder@1f3c"
        strategy = "default"
        from = "2026-11-27"
        until = "2026-12-31"
        [pacing]
        mode = "predictive"
        max_calls = 60
        most_abandoned = "2.5%"
        [caller_ids]
        default = "4008000000"
        "+8621" = "02160000000"
        "021" = "02160000000"
        "212" = "+12125550100"
        [authority]
        max_parts = 3
    "#;

    fn fields(settings: &Settings) -> Vec<String> {
        settings.check().into_iter().map(|f| f.field).collect()
    }

    #[test]
    fn toml_and_json_are_the_same_shape_and_read_back() {
        let settings = Settings::parse(WHOLE).unwrap();
        assert_eq!(settings.pacing.mode, Mode::Predictive);
        assert_eq!(settings.pacing.weight, 1, "what is left out has its default");
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
        let toml = toml::to_string(&settings).unwrap();
        assert_eq!(Settings::parse(&toml).unwrap(), settings);
        let least = Settings::parse("trunk = \"main\"\nscript = \"reminder\"").unwrap();
        assert_eq!((least.pacing, least.strategy.as_str()), (PacingSettings::default(), "default"));
    }

    #[test]
    fn the_example_is_right_and_leaves_no_key_out() {
        let text = include_str!("../../campaigns/example.toml");
        let settings = Settings::parse(text).unwrap();
        let one = Settings { script: Some("reminder".parse().unwrap()), ..settings.clone() };
        for settings in [settings, one] {
            let value = toml::Value::try_from(&settings).unwrap();
            for key in value.as_table().unwrap().keys().chain(value["pacing"].as_table().unwrap().keys()) {
                assert!(text.contains(key.as_str()), "{key}");
            }
        }
    }

    #[test]
    fn a_campaign_abandons_no_more_than_its_profile_allows() {
        let us = include_str!("../../compliance/us.toml");
        let of = |text: &str| Profile::parse("us.toml", text, |_| None).unwrap();
        let strict = of(&us.replace("most = \"3%\"", "most = \"1%\""));
        let own = PacingSettings {
            most_abandoned: "2.5%".parse().unwrap(),
            abandoned_days: 7,
            ..PacingSettings::default()
        };
        let held = |profile: &Profile| {
            let held = own.held_to(profile);
            assert_eq!(PacingSettings { most_abandoned: own.most_abandoned, abandoned_days: 7, ..held }, own);
            (held.most_abandoned.to_string(), held.abandoned_days)
        };
        assert_eq!(held(&of(us)), ("2.5%".to_owned(), 30), "its own share, over the law's days");
        assert_eq!(held(&strict), ("1%".to_owned(), 30));
        assert_eq!(held(&Profile::laboratory()), ("2.5%".to_owned(), 7));
    }

    #[test]
    fn an_unknown_key_and_a_wrong_script_are_named_with_their_line() {
        let with = |extra: &str| Settings::parse(&format!("trunk = \"main\"\n{extra}\n")).unwrap_err();
        assert_eq!(with("script = \"a\"\nspeed = 3")[0].field, "line 行 3");
        let wrong = with("script = \"a@xyz\"");
        assert!(wrong[0].message.contains("FLOW@SHA"), "{wrong:?}");
        assert!(Settings::parse("trunk = ").is_err());
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once_in_both_languages() {
        let mut settings = Settings::parse(WHOLE).unwrap();
        settings.trunk = "../secret".into();
        settings.variants =
            vec![ScriptShare { name: "a b".into(), script: "x".parse().unwrap(), share: 0 }; 2];
        settings.pacing = PacingSettings {
            max_calls: Some(0),
            weight: 0,
            priority: 10,
            ring_s: 5,
            talk_s: 0,
            wrap_s: 9_999,
            most_abandoned: "3.01%".parse().unwrap(),
            abandoned_days: 31,
            ..settings.pacing
        };
        settings.caller_ids = [("0".to_owned(), "1001".parse().unwrap())].into_iter().collect();
        settings.until = Some(jiff::civil::date(2026, 11, 26));
        settings.authority.max_parts = Some(0);
        assert_eq!(
            fields(&settings),
            [
                "trunk",
                "script",
                "variant 1",
                "variant 1",
                "variant 2",
                "variant 2",
                "variant 2",
                "pacing.max_calls",
                "pacing.weight",
                "pacing.priority",
                "pacing.ring_s",
                "pacing.talk_s",
                "pacing.wrap_s",
                "pacing.abandoned_days",
                "pacing.most_abandoned",
                "caller_ids.\"0\"",
                "until",
                "authority.max_parts",
            ]
        );
        let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c));
        assert!(settings.check().iter().all(|f| is_chinese(&f.message)), "{:?}", settings.check());
        settings.script = None;
        settings.variants.clear();
        assert_eq!(fields(&settings)[1], "script");
    }

    #[test]
    fn the_longest_prefix_chooses_the_number_that_is_seen() {
        let ids = Settings::parse(WHOLE).unwrap().caller_ids;
        let seen = |callee: &str| ids.of(&callee.parse().unwrap()).map(|id| id.as_str().to_owned());
        for (callee, expected) in [
            ("+86 21 6123 4567", "02160000000"),
            ("021-6123-4567", "02160000000"),
            ("13800138000", "4008000000"),
            ("+1 212 555 0142", "+12125550100"),
            ("+1 310 555 0142", "4008000000"),
        ] {
            assert_eq!(seen(callee).as_deref(), Some(expected), "{callee}");
        }
        assert_eq!(CallerIds::default().of(&"13800138000".parse().unwrap()), None);
    }
}
