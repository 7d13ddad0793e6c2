//! The checks, and what they weigh: `compliance/quality.toml`, which compliance edits.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use waihu_dialog::{Lexicon, Profile};
use waihu_types::Lang;

/// The rules as they are shipped.
const SHIPPED: &str = include_str!("../../compliance/quality.toml");

/// The heaviest that a check may weigh: beyond it the others mean nothing.
const MAX_WEIGHT: u32 = 1_000;

macro_rules! checks {
    ($($variant:ident $label:literal $zh:literal $en:literal)*) => {
        /// What a call is held against.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Check {
            $(#[doc = $en] $variant,)*
        }

        impl Check {
            /// All of them, the gravest first.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name as it is written in records.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// What it asks for, in words.
            pub fn title(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $((Self::$variant, Lang::Zh) => $zh, (Self::$variant, Lang::En) => $en,)*
                }
            }
        }
    };
}

checks! {
    Identity "identity" "说出债务之前已确认是本人" "The person was confirmed before the debt was told"
    ThirdParty "third_party" "未向他人透露债务" "No other person, box or assistant was told of the debt"
    Disclosures "disclosures" "先告知来电方、自动语音与录音，再谈正事" "Who calls, that it is a machine and that it records was said before the matter"
    BotWords "bot_words" "机器人未说禁用语" "The bot said nothing that is never said"
    AgentWords "agent_words" "坐席未说禁用语" "The agent said nothing that is never said"
    Hours "hours" "呼叫得到合规放行" "The call was allowed by the rules when it was placed"
    Wishes "wishes" "停止致电、委托律师、号码有误、已故等意愿得到遵从" "A wish to stop, a lawyer, a wrong number, a death was heeded"
    Distress "distress" "情绪危急时转人工或就此结束" "Distress was answered by a person or an end"
    ReadBack "read_back" "承诺经复述并得到确认" "What was promised was read back and agreed to"
    BargeIn "barge_in" "被叫插话时及时停下" "The bot gave way when the callee cut in"
    Silence "silence" "没有长时间无应答" "Nobody was left without an answer for long"
    TalkRatio "talk_ratio" "让被叫也能说话" "The callee had a share of the talk"
    AgentManners "agent_manners" "坐席不打断对方" "The agent did not talk over the callee"
}

impl std::str::FromStr for Check {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|check| check.label() == text).ok_or(())
    }
}

/// What a check weighs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weighed {
    id: String,
    weight: u32,
    #[serde(default)]
    critical: bool,
    /// Under profiles whose id begins so.
    #[serde(default)]
    profile: BTreeMap<String, u32>,
}

/// Where checks draw their lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How long the bot may go on after the callee's words [ms].
    pub barge_in_ms: u64,
    /// How long a callee may wait for a reply [ms].
    pub silence_ms: u64,
    /// The largest share of the talk that is ours [percent].
    pub our_share: u8,
    /// How sure an intent has to be to count [percent].
    pub sure: u8,
    /// How often an agent may talk over the callee.
    pub interruptions: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pass: u8,
    limits: Limits,
    check: Vec<Weighed>,
}

/// What calls are judged by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The least score of a call that is right.
    pass: u8,
    pub(crate) limits: Limits,
    checks: Vec<(Check, Weighed)>,
    lexicons: BTreeMap<Lang, Lexicon>,
    sha256: String,
}

/// What is wrong with `quality.toml`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesFault {
    /// It cannot be read.
    #[error("{path}:{line}: {message}")]
    Unreadable {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What the reader says.
        message: String,
    },
    /// A check that is not known here, or that stands twice.
    #[error("{path}: [[check]] id = {id:?}: each of {known} once is expected 检查项有误")]
    Check {
        /// The file.
        path: String,
        /// The id.
        id: String,
        /// What there is.
        known: String,
    },
    /// A number out of its bounds.
    #[error("{path}: {field}: {expected}")]
    Number {
        /// The file.
        path: String,
        /// The key.
        field: &'static str,
        /// What is expected.
        expected: &'static str,
    },
}

impl Rules {
    /// The shipped rules, with the lexicons that scripts are held against.
    ///
    /// # Errors
    /// Never, as a test holds.
    pub fn shipped(lexicons: BTreeMap<Lang, Lexicon>) -> Result<Self, RulesFault> {
        Self::parse("compliance/quality.toml", SHIPPED, lexicons)
    }

    /// Reads the rules; `path` is for messages. A check that is left out is not asked.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(path: &str, text: &str, lexicons: BTreeMap<Lang, Lexicon>) -> Result<Self, RulesFault> {
        let file: File = toml::from_str(text).map_err(|e| RulesFault::Unreadable {
            path: path.to_owned(),
            line: line_of(text, &e),
            message: e.message().to_owned(),
        })?;
        let number = |field, expected| Err(RulesFault::Number { path: path.to_owned(), field, expected });
        if file.pass > 100 || file.limits.our_share > 100 || file.limits.sure > 100 {
            return number("pass, our_share, sure", "0 to 100 is expected 应为 0 至 100");
        }
        let mut checks: Vec<(Check, Weighed)> = Vec::new();
        for weighed in file.check {
            let check = weighed.id.parse::<Check>().ok();
            let Some(check) = check.filter(|check| checks.iter().all(|(other, _)| other != check)) else {
                let known: Vec<&str> = Check::ALL.iter().map(|check| check.label()).collect();
                let known = known.join(", ");
                return Err(RulesFault::Check { path: path.to_owned(), id: weighed.id, known });
            };
            if weighed.profile.values().chain([&weighed.weight]).any(|weight| *weight > MAX_WEIGHT) {
                return number("weight", "0 to 1000 is expected 应为 0 至 1000");
            }
            checks.push((check, weighed));
        }
        checks.sort_by_key(|(check, _)| *check);
        let sha256 = hex::encode(Sha256::digest(text));
        Ok(Self { pass: file.pass, limits: file.limits, checks, lexicons, sha256 })
    }

    /// The least score of a call that is right.
    pub fn pass(&self) -> u8 {
        self.pass
    }

    /// The SHA-256 of what they were read from.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The checks that are asked under a profile: each with its weight, and whether a failure is the call's.
    pub(crate) fn asked(&self, profile: &str) -> impl Iterator<Item = (Check, u32, bool)> + use<'_> {
        let profile = profile.to_owned();
        self.checks.iter().map(move |(check, weighed)| {
            let own = weighed.profile.iter().filter(|(begin, _)| profile.starts_with(begin.as_str()));
            let own = own.max_by_key(|(begin, _)| begin.len()).map(|(_, weight)| *weight);
            (*check, own.unwrap_or(weighed.weight), weighed.critical)
        })
    }

    pub(crate) fn forbidden(&self, text: &str, lang: Lang) -> Option<(&str, &str)> {
        self.lexicons.get(&lang)?.first_in(text, lang)
    }

    /// How sure an intent has to be, from 0 to 1.
    pub(crate) fn sure(&self) -> f32 {
        f32::from(self.limits.sure) / 100.0
    }
}

/// The rules of notices that a profile stands for, by its id: those of the United States, or else China's.
pub(crate) fn notices_of(profile: &str) -> Profile {
    if profile == "us" || profile.starts_with("us-") { Profile::Us } else { Profile::Cn }
}

/// The line at which a reader stopped.
pub(crate) fn line_of(text: &str, e: &toml::de::Error) -> usize {
    let at = e.span().map_or(0, |span| span.start).min(text.len());
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rules_ask_every_check_and_weigh_the_gravest_most() {
        let rules = Rules::shipped(BTreeMap::new()).unwrap();
        let asked: Vec<_> = rules.asked("cn").collect();
        assert_eq!(asked.iter().map(|(check, ..)| *check).collect::<Vec<_>>(), Check::ALL);
        assert!(asked.iter().any(|(_, _, critical)| *critical));
        for check in Check::ALL {
            assert_eq!(check.label().parse(), Ok(*check));
        }
    }

    #[test]
    fn a_profile_weighs_by_its_longest_name_and_faults_are_told() {
        let text = "pass = 80\n[limits]\nbarge_in_ms = 1000\nsilence_ms = 5000\nour_share = 95\nsure = 60\ninterruptions = 2\n\
            [[check]]\nid = \"hours\"\nweight = 5\nprofile = { us = 10, us-ma = 20 }\n";
        let rules = Rules::parse("q", text, BTreeMap::new()).unwrap();
        let weight = |profile: &str| rules.asked(profile).map(|(_, weight, _)| weight).sum::<u32>();
        assert_eq!((weight("cn"), weight("us"), weight("us-ma-2")), (5, 10, 20));
        let fault = |text: &str| Rules::parse("q", text, BTreeMap::new()).unwrap_err().to_string();
        assert!(fault(&text.replace("hours", "manners")).contains("manners"));
        assert!(fault(&text.replace("weight = 5", "weight = 5000")).contains("0 to 1000"));
        assert!(fault(&text.replace("sure = 60", "sore = 60")).starts_with("q:6:"));
    }
}
