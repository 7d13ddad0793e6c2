//! A decision in plain words.

use jiff::Timestamp;
use waihu_types::{Consent, Flag, Lang, Reached, Whose};

use crate::{
    gate::{Decision, Evidence},
    subject::{NotOthers, Subject},
};

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
            Self::Flagged { flag } => format!("案件标记为“{}”（{}）", flag_zh(*flag), flag.label()),
            Self::NoDebtor => "案件未提供债务人编号：请填写 debtor".to_owned(),
            Self::Consent { told: None } => {
                "未提供该号码是否同意自动语音呼叫：确已同意并可证明时，请填写 consent = given".to_owned()
            }
            Self::Consent { told: Some(Consent::Revoked) } => "该号码已撤回对自动语音呼叫的同意".to_owned(),
            Self::Consent { told: Some(_) } => "该号码未同意自动语音呼叫".to_owned(),
            Self::NotOwn { whose, why } => {
                let why = match why {
                    NotOthers::Never => "不得呼叫".to_owned(),
                    NotOthers::Tried { tried, least } => {
                        format!("须先呼叫债务人本人 {least} 次，现为 {tried} 次")
                    }
                    NotOthers::Reached { at: reached } => format!("债务人本人可以联系到（{}）", at(reached)),
                    NotOthers::Refused { at: refused } => format!("接听人已拒绝（{}）", at(refused)),
                };
                format!("号码属于{}，{why}", whose_zh(*whose))
            }
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
            Self::Abandoned { answered, abandoned, most, days } => format!(
                "暂无空闲坐席，且该批次 {days} 天内真人接听 {answered} 通，{abandoned} 通无坐席及时接听，上限 {most}"
            ),
        }
    }

    fn en(&self, subject: &Subject) -> String {
        let at = |at: &Timestamp| shown(subject, *at);
        match self {
            Self::Flagged { flag } => format!("the case is flagged {}", flag.label()),
            Self::NoDebtor => "the case does not tell who owes: give debtor".to_owned(),
            Self::Consent { told: None } => {
                "nobody told whether the owner of the number agreed to an automated \
                 voice: give consent = given where it did and that can be proved"
                    .to_owned()
            }
            Self::Consent { told: Some(Consent::Revoked) } => {
                "the owner of the number took back the consent to an automated voice".to_owned()
            }
            Self::Consent { told: Some(_) } => {
                "the owner of the number has not agreed to an automated voice".to_owned()
            }
            Self::NotOwn { whose, why } => {
                let why = match why {
                    NotOthers::Never => "none of those is called".to_owned(),
                    NotOthers::Tried { tried, least } => {
                        format!("{tried} calls to the debtor's own numbers so far, {least} come first")
                    }
                    NotOthers::Reached { at: reached } => {
                        format!("the debtor can be reached, and was on {}", at(reached))
                    }
                    NotOthers::Refused { at: refused } => {
                        format!("who answers there refused on {}", at(refused))
                    }
                };
                format!("the number is of {}: {why}", whose_en(*whose))
            }
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
            Self::Abandoned { answered, abandoned, most, days } => format!(
                "no agent is free for it, and {abandoned} of the campaign's {answered} calls that people answered \
                 within {days} days found none in time, {most} at most"
            ),
        }
    }
}

fn shown(subject: &Subject, at: Timestamp) -> String {
    match subject.local(at) {
        Some(local) => local.strftime("%Y-%m-%d %H:%M").to_string(),
        None => at.to_string(),
    }
}

fn flag_zh(flag: Flag) -> &'static str {
    match flag {
        Flag::DoNotCall => "要求不再致电",
        Flag::Cease => "要求停止一切联系",
        Flag::Deceased => "已故",
        Flag::Represented => "已委托代理人",
        Flag::Minor => "未成年",
        Flag::Dispute => "对债务有争议",
        Flag::Bankrupt => "处于破产程序",
    }
}

fn whose_zh(whose: Whose) -> &'static str {
    match whose {
        Whose::Debtor => "债务人本人",
        Whose::Guarantor => "担保人",
        Whose::Relative => "亲属",
        Whose::Other => "其他人",
    }
}

fn whose_en(whose: Whose) -> &'static str {
    match whose {
        Whose::Debtor => "the debtor",
        Whose::Guarantor => "a guarantor",
        Whose::Relative => "a relative",
        Whose::Other => "somebody else",
    }
}
