//! A decision in plain words.

use jiff::Timestamp;
use waihu_types::{Lang, Reached};

use crate::gate::{Decision, Evidence, Subject};

impl Decision<'_> {
    /// Why, in plain words; no name, no number. Times are those of the callee's place.
    pub fn explain(&self, subject: &Subject, lang: Lang) -> String {
        match (self, lang) {
            (Self::Allowed { checked }, _) => {
                let ids: Vec<&str> = checked.iter().map(|rule| rule.id.as_str()).collect();
                let ids = ids.join(", ");
                match (checked, lang) {
                    ([only], _) => only.words.of(lang).to_owned(),
                    (_, Lang::Zh) => format!("可以呼叫。已核对：{ids}"),
                    (_, Lang::En) => format!("may be called; checked: {ids}"),
                }
            }
            (Self::Denied { rule, evidence, .. }, Lang::Zh) => {
                format!(
                    "{}。{}（规则 {}，依据：{}）",
                    evidence.zh(subject),
                    rule.words.zh,
                    rule.id,
                    rule.source
                )
            }
            (Self::Denied { rule, evidence, .. }, Lang::En) => {
                format!("{}: {} (rule {}, {})", evidence.en(subject), rule.words.en, rule.id, rule.source)
            }
        }
    }
}

impl Evidence {
    fn zh(&self, subject: &Subject) -> String {
        let at = |at: &Timestamp| shown(subject, *at);
        match self {
            Self::ClockSetBack { newest } => {
                format!("本机时钟早于最近一次呼叫（{}），时钟被调回", at(newest))
            }
            Self::Zone { zone } => format!("时区 {zone} 未知或不在本规则范围内"),
            Self::HolidaysUnknown { year } => format!("没有 {year} 年的节假日表"),
            Self::Hours { local, allowed } if allowed.is_empty() => {
                format!("被叫当地 {}，当天不可呼叫", local.strftime("%m-%d %H:%M"))
            }
            Self::Hours { local, allowed } => {
                format!("被叫当地 {}，可呼叫时段为 {allowed}", local.strftime("%m-%d %H:%M"))
            }
            Self::Calls { counted, most, reached, oldest } => {
                let what = match reached {
                    Reached::Attempted => "呼叫",
                    Reached::Person => "接通",
                    Reached::Conversation => "通话",
                };
                format!("自 {} 起已{what} {counted} 次，上限 {most} 次", at(oldest))
            }
            Self::Conversation { at: talked } => format!("{} 已通话", at(talked)),
        }
    }

    fn en(&self, subject: &Subject) -> String {
        let at = |at: &Timestamp| shown(subject, *at);
        match self {
            Self::ClockSetBack { newest } => {
                format!("this machine's clock is before the newest call ({}): it was set back", at(newest))
            }
            Self::Zone { zone } => format!("the time zone {zone} is not known, or not one of the profile's"),
            Self::HolidaysUnknown { year } => format!("the days off of {year} are not known"),
            Self::Hours { local, allowed } if allowed.is_empty() => {
                format!(
                    "it is {} at the callee's place, a day without calls",
                    local.strftime("%a %m-%d %H:%M")
                )
            }
            Self::Hours { local, allowed } => {
                format!(
                    "it is {} at the callee's place, calls are {allowed}",
                    local.strftime("%a %m-%d %H:%M")
                )
            }
            Self::Calls { counted, most, reached, oldest } => {
                let what = match reached {
                    Reached::Attempted => "calls",
                    Reached::Person => "calls that a person answered",
                    Reached::Conversation => "conversations",
                };
                format!("{counted} {what} since {}, {most} at most", at(oldest))
            }
            Self::Conversation { at: talked } => format!("there was a conversation on {}", at(talked)),
        }
    }
}

fn shown(subject: &Subject, at: Timestamp) -> String {
    match subject.local(at) {
        Some(local) => local.strftime("%Y-%m-%d %H:%M").to_string(),
        None => at.to_string(),
    }
}
