//! From a classifier's scores to one intent.
//!
//! The top score decides, except where the words leave no doubt: a callee in danger, one who wants
//! no more calls or a human, or asks for a machine, must never be missed by a near tie, and a bare
//! day or sum is an answer that a sentence encoder sees too little in. The lists are short on
//! purpose: a phrase belongs in them only if it cannot mean anything else on this telephone.
//! Deliberately absent: memory of the conversation; the script says what it `expected`.

use jiff::civil::{Date, date};
use waihu_types::{Intent, Lang};

use crate::entities::{Entities, extract};

/// One utterance, decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// What the callee means.
    pub intent: Intent,
    /// How sure that is, 0 to 1: the classifier's share, or the rule's where a rule decided.
    pub confidence: f32,
}

/// The least confidence of an unmistakable phrase.
const SURE: f32 = 0.95;

/// Above this the classifier is believed over the reading of a bare value.
const BELIEVED: f32 = 0.6;

/// The confidence of a bare value's reading: enough to act on, with the script's confirmation.
const BARE_VALUE: f32 = 0.7;

/// An intent that the script waits for counts half as much again. More would let an expectation
/// drown what was said.
const EXPECTED_WEIGHT: f32 = 1.5;

/// Below this a grave intent is not taken for granted: it would end the talk of the matter, and words
/// that were misheard look like anything. The bot asks again, which whoever meant it will bear. Danger
/// to life is none of them: who is in despair may not say it twice, and the script has a threshold
/// of its own for it.
const GRAVE: f32 = 0.7;

/// Decides what an utterance means.
///
/// `scores` are probabilities in the order of [`Intent::ALL`]; missing ones and those that are no
/// number count as zero. `expected` are the intents that the script waits for at this point, or
/// none. Text without a letter or a digit, and what a recognizer makes of noise, is
/// [`Intent::OutOfScope`] with confidence zero.
pub fn decide(lang: Lang, text: &str, scores: &[f32], expected: &[Intent]) -> Decision {
    let words = Words::of(lang, text);
    if words.is_noise() {
        return Decision { intent: Intent::OutOfScope, confidence: 0.0 };
    }
    let top = top(scores, expected);
    if let Some(intent) = words.unmistakable() {
        let confidence = if intent == top.intent { top.confidence.max(SURE) } else { SURE };
        return Decision { intent, confidence };
    }
    if top.confidence < BELIEVED
        && let Some(intent) = words.bare_value(text, expected)
        && intent != top.intent
    {
        return Decision { intent, confidence: BARE_VALUE };
    }
    let grave = matches!(top.intent, Intent::Deceased | Intent::LegalRepresentation);
    if grave && top.confidence < GRAVE && !expected.contains(&top.intent) {
        return Decision { intent: Intent::OutOfScope, confidence: top.confidence };
    }
    top
}

/// The highest score once the expected ones weigh more, as a share of all.
fn top(scores: &[f32], expected: &[Intent]) -> Decision {
    let mut best = Decision { intent: Intent::OutOfScope, confidence: 0.0 };
    let mut sum = 0.0;
    for (i, intent) in Intent::ALL.iter().enumerate() {
        let score = scores.get(i).copied().filter(|s| s.is_finite() && *s > 0.0).unwrap_or(0.0);
        let weight = if expected.contains(intent) { EXPECTED_WEIGHT } else { 1.0 };
        let score = score.min(1.0) * weight;
        sum += score;
        if score > best.confidence {
            best = Decision { intent: *intent, confidence: score };
        }
    }
    if sum > 0.0 {
        best.confidence = (best.confidence / sum).min(1.0);
    }
    best
}

/// An utterance made plain: small letters, no marks; English words with one blank on either side.
struct Words {
    lang: Lang,
    plain: String,
}

impl Words {
    fn of(lang: Lang, text: &str) -> Self {
        let mut plain = String::with_capacity(text.len() + 2);
        plain.push(' ');
        for c in text.chars() {
            if c.is_alphanumeric() {
                plain.extend(c.to_lowercase());
            } else if !matches!(c, '\'' | '’') && lang == Lang::En && !plain.ends_with(' ') {
                plain.push(' ');
            }
        }
        if !plain.ends_with(' ') {
            plain.push(' ');
        }
        Self { lang, plain }
    }

    /// Whether one of the phrases stands in the text; in English as whole words.
    fn has(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|p| match self.lang {
            Lang::Zh => self.plain.contains(p),
            Lang::En => self
                .plain
                .match_indices(p)
                .any(|(i, _)| self.plain[..i].ends_with(' ') && self.plain[i + p.len()..].starts_with(' ')),
        })
    }

    /// Nothing was said, or only what recognizers write for noise and music.
    fn is_noise(&self) -> bool {
        const WHOLE: &[&str] = &[
            "blank audio",
            "blankaudio",
            "music",
            "inaudible",
            "silence",
            "noise",
            "thanks for watching",
            "thank you for watching",
            "请不吝点赞订阅转发打赏支持明镜与点点栏目",
            "谢谢观看",
            "感谢观看",
            "谢谢收看",
            "音乐",
            "掌声",
            "you",
        ];
        let text = self.plain.trim();
        text.is_empty() || WHOLE.contains(&text) || text.starts_with("字幕") || text.contains("amaraorg")
    }

    fn unmistakable(&self) -> Option<Intent> {
        let rules: &[Rule] = match self.lang {
            Lang::Zh => ZH,
            Lang::En => EN,
        };
        rules.iter().find(|r| self.has(r.phrases) && !self.has(r.unless)).map(|r| r.intent)
    }

    /// A day, a sum, all of it or a number of parts with next to nothing around it.
    fn bare_value(&self, text: &str, expected: &[Intent]) -> Option<Intent> {
        // Which kinds are found does not hang on the day of the call.
        const ANY_DAY: Date = date(2026, 1, 1);
        let short = match self.lang {
            Lang::Zh => self.plain.chars().count() <= 10,
            Lang::En => self.plain.split_whitespace().count() <= 5,
        };
        let asks_or_denies = match self.lang {
            Lang::Zh => self.has(&[
                "吗", "什么", "几", "多少", "哪", "不", "没", "昨", "前天", "已经", "了", "打", "再", "天气",
                "说",
            ]),
            Lang::En => self.has(&[
                "what",
                "when",
                "how",
                "why",
                "no",
                "not",
                "cant",
                "dont",
                "wont",
                "yesterday",
                "paid",
                "call",
                "last",
                "is",
                "are",
                "was",
                "did",
                "do you",
            ]),
        };
        if !short || asks_or_denies || text.ends_with(['?', '？']) {
            return None;
        }
        let Entities { date, amount, count, whole, .. } = extract(self.lang, text, ANY_DAY);
        let fits: &[Intent] = if amount.is_some() {
            &[Intent::PartialPayment, Intent::PromiseToPay, Intent::RequestInstallments]
        } else if count.is_some() {
            &[Intent::RequestInstallments]
        } else if whole {
            &[Intent::PromiseToPay]
        } else if date.is_some() {
            &[Intent::PromiseToPay, Intent::RequestCallback, Intent::RequestExtension]
        } else {
            return None;
        };
        fits.iter().find(|i| expected.contains(i)).or(fits.first()).copied()
    }
}

/// Phrases that leave no doubt, and the ones beside which they do.
struct Rule {
    intent: Intent,
    phrases: &'static [&'static str],
    unless: &'static [&'static str],
}

/// In order of weight: what must least be missed comes first.
const ZH: &[Rule] = &[
    Rule {
        intent: Intent::Distress,
        phrases: &[
            "不想活",
            "活不下去",
            "想自杀",
            "要自杀",
            "去自杀",
            "自杀算了",
            "死了算了",
            "想死了",
            "不如死了",
            "跳楼",
            "跳河",
            "轻生",
            "结束生命",
            "结束自己",
            "活着没意思",
            "活着没什么意思",
            "没有活下去",
            "割腕",
            "喝农药",
            "上吊",
            "一了百了",
            "一死了之",
            "死给你",
            "逼死",
            "没法活了",
            "没法活下去",
        ],
        unless: &[
            "他跳楼",
            "她跳楼",
            "跳楼价",
            "他不想活",
            "跳楼了",
            "他上吊",
            "她上吊",
            "树上吊",
            // Paid, and done with it.
            "还了一了百了",
            "还完一了百了",
            "还清一了百了",
            "还上一了百了",
            "结清一了百了",
        ],
    },
    Rule {
        intent: Intent::StopCalling,
        phrases: &[
            "别再打",
            "不要再打",
            "不要再给我打",
            "别再给我打",
            "别打了",
            "不要打了",
            "别给我打电话",
            "不要给我打电话",
            "别打电话来了",
            "别打过来了",
            "停止拨打",
            "不许再打",
            "不准再打",
            "别老打",
            "别总打",
            "别天天打",
            "别一直打",
            "别再联系",
            "不要再联系",
            "别再骚扰",
            "不要再骚扰",
        ],
        unless: &["别打断", "不要打断", "晚点", "等会", "晚上再打", "明天再打", "下午再打", "别打官司"],
    },
    Rule {
        intent: Intent::RequestHuman,
        phrases: &[
            "转人工",
            "人工客服",
            "人工服务",
            "接人工",
            "换人工",
            "找人工",
            "要人工",
            "转接人工",
            "叫个真人",
            "找个真人",
            "换个真人",
            "换真人",
            "找真人",
            "跟真人说",
            "和真人说",
        ],
        unless: &[
            "是人工客服吗",
            "是不是人工",
            "人工还是",
            "还是人工",
            "不用转人工",
            "不要转人工",
            "别转人工",
            "不需要人工",
            "你是人工",
        ],
    },
    Rule {
        intent: Intent::AskIfRobot,
        phrases: &[
            "你是机器人",
            "是不是机器人",
            "是机器人吗",
            "是机器人吧",
            "机器人还是",
            "还是机器人",
            "你是真人吗",
            "是不是真人",
            "是真人吗",
            "你是ai",
            "是ai吗",
            "是不是ai",
            "是人工智能吗",
            "你是人工智能",
            "是录音吗",
            "是不是录音",
            "你是人还是",
            "是人工还是",
            "是不是人工",
            "机器人打的",
            "你是人工吗",
        ],
        unless: &["不管你是"],
    },
];

const EN: &[Rule] = &[
    Rule {
        intent: Intent::Distress,
        phrases: &[
            "kill myself",
            "killing myself",
            "end my life",
            "ending my life",
            "take my own life",
            "want to die",
            "wanna die",
            "dont want to live",
            "do not want to live",
            "dont want to be alive",
            "cant go on living",
            "suicide",
            "suicidal",
            "no reason to live",
            "better off dead",
            "hurt myself",
            "nothing to live for",
            "dont want to be here anymore",
            "end it all",
            "jump off a bridge",
            "no point in living",
            "no point living",
            "dont want to wake up",
            "hope i dont wake up",
            "sleep and never wake up",
        ],
        unless: &["he committed suicide", "she committed suicide", "died by suicide", "suicide squad"],
    },
    Rule {
        intent: Intent::StopCalling,
        phrases: &[
            "stop calling",
            "stop phoning",
            "stop ringing me",
            "quit calling",
            "dont call me again",
            "do not call me again",
            "dont call again",
            "do not call again",
            "dont call here again",
            "dont call this number again",
            "do not call this number again",
            "dont ever call",
            "never call me",
            "never call this number",
            "dont call me anymore",
            "dont call me any more",
            "do not call me anymore",
            "dont call anymore",
            "take me off your list",
            "take me off your call list",
            "take me off the list",
            "remove my number",
            "take my number off",
            "lose my number",
            "no more calls",
            "do not call list",
            "cease and desist",
            "stop contacting me",
        ],
        unless: &["did you stop calling", "when will you stop calling", "wont stop calling"],
    },
    Rule {
        intent: Intent::RequestHuman,
        phrases: &[
            "talk to a person",
            "speak to a person",
            "talk to a human",
            "speak to a human",
            "talk to a real person",
            "speak to a real person",
            "speak with a human",
            "speak with a person",
            "speak with a real person",
            "talk to an agent",
            "speak to an agent",
            "speak with an agent",
            "talk to a representative",
            "speak to a representative",
            "speak with a representative",
            "live agent",
            "live person",
            "human agent",
            "real agent",
            "talk to an operator",
            "speak to an operator",
            "connect me to a human",
            "connect me to an agent",
            "connect me with a human",
            "transfer me to a human",
            "transfer me to an agent",
            "transfer me to a person",
            "get me a human",
            "get me a person",
            "human please",
            "agent please",
            "representative please",
            "operator please",
        ],
        unless: &[
            "dont want to talk to",
            "dont want to speak to",
            "am i talking to",
            "am i speaking to",
            "are you a live",
            "are you a human",
            "is this a live",
            "is this a human",
        ],
    },
    Rule {
        intent: Intent::AskIfRobot,
        phrases: &[
            "are you a robot",
            "are you a bot",
            "are you a machine",
            "are you a real person",
            "are you a human",
            "are you human",
            "are you real",
            "are you a computer",
            "are you an ai",
            "are you ai",
            "are you a recording",
            "is this a robot",
            "is this a bot",
            "is this a recording",
            "is this a machine",
            "is this a real person",
            "is this a computer",
            "is this an ai",
            "is this ai",
            "is this automated",
            "am i talking to a robot",
            "am i talking to a bot",
            "am i talking to a machine",
            "am i talking to a computer",
            "am i talking to a real",
            "am i talking to a human",
            "am i talking to an ai",
            "am i speaking to a robot",
            "am i speaking to a machine",
            "am i speaking to a human",
            "am i speaking with a robot",
            "am i speaking to a real",
            "are you a live person",
            "is this a live person",
            "are you an actual person",
        ],
        unless: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores with this intent on top by a little.
    fn leaning(intent: Intent) -> Vec<f32> {
        Intent::ALL.iter().map(|i| if *i == intent { 0.3 } else { 0.7 / 32.0 }).collect()
    }

    fn decided(lang: Lang, text: &str, scored: Intent) -> Intent {
        decide(lang, text, &leaning(scored), &[]).intent
    }

    #[test]
    fn a_grave_meaning_is_not_guessed_and_danger_is_never_thrown_away() {
        let of = |intent: Intent, share: f32| {
            let rest = (1.0 - share) / (Intent::ALL.len() - 1) as f32;
            let scores: Vec<f32> =
                Intent::ALL.iter().map(|i| if *i == intent { share } else { rest }).collect();
            let d = decide(Lang::Zh, "我我知道了天就环", &scores, &[]);
            assert!((d.confidence - share).abs() < 0.001);
            d.intent
        };
        for grave in [Intent::Deceased, Intent::LegalRepresentation] {
            assert_eq!((of(grave, 0.5), of(grave, 0.9)), (Intent::OutOfScope, grave));
        }
        // How sure is sure enough is for the script to say.
        assert_eq!(
            (of(Intent::Distress, 0.4), of(Intent::Distress, 0.9)),
            (Intent::Distress, Intent::Distress)
        );
    }

    #[test]
    fn without_a_rule_the_top_score_decides() {
        for intent in Intent::ALL {
            // Expected, so that a grave one needs no more than others.
            let d = decide(Lang::En, "something or other", &leaning(*intent), Intent::ALL);
            assert_eq!(d.intent, *intent);
            assert!((d.confidence - 0.3).abs() < 0.001);
        }
    }

    #[test]
    fn unmistakable_words_win_over_the_scores() {
        use Intent::{AskIfRobot, Distress, RequestHuman, StopCalling};
        for (lang, text, want) in [
            (Lang::Zh, "我真的不想活了。", Distress),
            (Lang::Zh, "你们再逼我，我就跳楼", Distress),
            (Lang::En, "I just don't want to live anymore", Distress),
            (Lang::En, "Sometimes I want to die.", Distress),
            (Lang::En, "There's no point in living.", Distress),
            (Lang::En, "I don't want to wake up tomorrow.", Distress),
            (Lang::Zh, "死了一了百了", Distress),
            (Lang::Zh, "我死给你看", Distress),
            (Lang::Zh, "你们要逼死我", Distress),
            (Lang::Zh, "我去上吊", Distress),
            (Lang::Zh, "真的没法活了", Distress),
            (Lang::Zh, "别再打了，听见没有", StopCalling),
            (Lang::En, "Stop calling me!", StopCalling),
            (Lang::En, "take me off your list", StopCalling),
            (Lang::Zh, "给我转人工", RequestHuman),
            (Lang::Zh, "不想跟机器人讲，转人工", RequestHuman),
            (Lang::En, "can I talk to a real person", RequestHuman),
            (Lang::Zh, "你是机器人吧？", AskIfRobot),
            (Lang::Zh, "你是人工还是机器", AskIfRobot),
            (Lang::En, "Am I talking to a robot?", AskIfRobot),
        ] {
            assert_eq!(decided(lang, text, Intent::Acknowledge), want, "{text}");
        }
    }

    #[test]
    fn words_that_only_look_alike_leave_the_scores_alone() {
        for (lang, text) in [
            (Lang::Zh, "现在别打了，晚点再打"),
            (Lang::Zh, "你别打断我"),
            (Lang::Zh, "现在是跳楼价"),
            (Lang::Zh, "周五还清，一了百了"),
            (Lang::Zh, "不能在一棵树上吊死"),
            (Lang::En, "don't wake up the baby"),
            (Lang::En, "I never stopped paying"),
            (Lang::En, "don't call me before five"),
            (Lang::En, "I don't want to talk to a person"),
            (Lang::En, "he died by suicide in March"),
        ] {
            assert_eq!(decided(lang, text, Intent::RequestCallback), Intent::RequestCallback, "{text}");
        }
    }

    #[test]
    fn noise_is_out_of_scope_and_never_sure() {
        for (lang, text) in [
            (Lang::Zh, ""),
            (Lang::Zh, "。。。"),
            (Lang::En, "[BLANK_AUDIO]"),
            (Lang::En, " - "),
            (Lang::En, "Thanks for watching!"),
            (Lang::Zh, "字幕志愿者 李宗盛"),
        ] {
            let d = decide(lang, text, &leaning(Intent::Affirm), &[Intent::Affirm]);
            assert_eq!(d, Decision { intent: Intent::OutOfScope, confidence: 0.0 }, "{text}");
        }
    }

    #[test]
    fn a_bare_value_is_an_answer_unless_the_scores_are_sure() {
        assert_eq!(decided(Lang::En, "Friday.", Intent::Greeting), Intent::PromiseToPay);
        assert_eq!(decided(Lang::Zh, "下周三吧", Intent::OutOfScope), Intent::PromiseToPay);
        assert_eq!(decided(Lang::Zh, "五百块", Intent::OutOfScope), Intent::PartialPayment);
        assert_eq!(decided(Lang::Zh, "全额", Intent::OutOfScope), Intent::PromiseToPay);
        assert_eq!(decided(Lang::En, "All of it.", Intent::Acknowledge), Intent::PromiseToPay);
        assert_eq!(decided(Lang::En, "In full.", Intent::RequestInstallments), Intent::PromiseToPay);
        assert_eq!(decided(Lang::En, "three payments", Intent::Goodbye), Intent::RequestInstallments);
        assert_eq!(
            decide(Lang::Zh, "明天下午三点", &leaning(Intent::Greeting), &[Intent::RequestCallback]).intent,
            Intent::RequestCallback
        );
        let mut sure = vec![0.0; Intent::ALL.len()];
        sure[0] = 1.0;
        assert_eq!(decide(Lang::En, "Friday", &sure, &[]).intent, Intent::Greeting);
        assert_eq!(decided(Lang::Zh, "是周五吗", Intent::AskDueDate), Intent::AskDueDate);
    }

    #[test]
    fn what_the_script_expects_wins_a_near_tie_only() {
        let mut scores = vec![0.0; Intent::ALL.len()];
        scores[1] = 0.45;
        scores[2] = 0.40;
        assert_eq!(decide(Lang::En, "mhm right", &scores, &[]).intent, Intent::ALL[1]);
        assert_eq!(decide(Lang::En, "mhm right", &scores, &[Intent::ALL[2]]).intent, Intent::ALL[2]);
        scores[1] = 0.8;
        scores[2] = 0.1;
        assert_eq!(decide(Lang::En, "mhm right", &scores, &[Intent::ALL[2]]).intent, Intent::ALL[1]);
    }

    #[test]
    fn bad_scores_never_decide() {
        let d = decide(Lang::En, "hello there", &[f32::NAN, f32::INFINITY, -1.0], &[]);
        assert_eq!(d, Decision { intent: Intent::OutOfScope, confidence: 0.0 });
    }
}
