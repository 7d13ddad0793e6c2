//! What is denied is not asked for: 不用转人工, "I never said I'd complain". And what is denied twice is
//! meant: 我没说不还, "I'm not saying I won't pay".
//!
//! A sentence encoder gives the words of a wish nearly the same vector with and without its negation; these
//! few patterns put that right. Absent: irony, and negations further from their wish than a few words.

use waihu_types::{Intent, Lang};

use super::words::Words;

/// Characters that may stand between a denial and what it denies: 不是想[找你们]领导.
const REACH_ZH: usize = 3;
/// The same in words: "don't want [to talk to an] agent".
const REACH_EN: usize = 4;

/// The words of wishes that are often denied.
const WISHES: &[(Intent, &[&str], &[&str])] = &[
    (
        Intent::Complaint,
        &["投诉", "举报", "告你", "报警", "曝光"],
        &["complain", "complaining", "complaint", "report", "reporting", "reported"],
    ),
    (
        Intent::RequestHuman,
        &["人工", "客服", "真人", "经理", "领导", "主管", "专员"],
        &[
            "agent",
            "person",
            "human",
            "representative",
            "manager",
            "supervisor",
            "operator",
            "transfer",
            "transferred",
            "somebody",
            "someone",
        ],
    ),
    (
        Intent::RequestInstallments,
        &["分期", "分次", "分几"],
        &["plan", "installments", "instalments", "split", "splitting", "parts"],
    ),
    (
        Intent::RequestReduction,
        &["减免", "打折", "优惠", "免息", "少收"],
        &["discount", "reduction", "waive", "lower", "reduce", "settlement"],
    ),
    (
        Intent::RequestExtension,
        &["延期", "宽限", "延后", "缓几天", "展期"],
        &["extension", "postpone", "extra"],
    ),
    (
        Intent::LegalRepresentation,
        &["律师", "打官司", "上法院", "起诉"],
        &["lawyer", "attorney", "solicitor", "sue", "suing", "court"],
    ),
    (Intent::StopCalling, &["别打", "不让你打", "不要打", "不让打", "不能打电话"], &["stop"]),
];

const ZH_DENIALS: &[&str] = &[
    "不是要",
    "不是来",
    "不是想",
    "没有要",
    "没要",
    "没说",
    "没有说",
    "没想",
    "没有想",
    "不想",
    "不用",
    "不需要",
    "用不着",
    "不打算",
    "没打算",
    "没有打算",
    "不要",
    "不必",
    "没让",
    "没叫",
    "没求",
    "没要求",
    "没申请",
    "不会去",
    "没请",
    "哪有",
    "没有",
    "不",
];

/// Each with one blank between words, as [`Words`] writes them.
const EN_DENIALS: &[&str] = &[
    "dont want",
    "do not want",
    "dont wanna",
    "dont need",
    "do not need",
    "dont have",
    "havent got",
    "not asking",
    "not here",
    "not going",
    "not gonna",
    "not trying",
    "never",
    "didnt say",
    "did not say",
    "never said",
    "never mentioned",
    "didnt ask",
    "never asked",
    "didnt tell",
    "never told",
    "no need",
    "dont",
];

/// Denied twice.
const ZH_TWICE: &[&str] = &[
    "没说不还",
    "没有说不还",
    "没说我不还",
    "没有说我不还",
    "没讲不还",
    "没说不给",
    "没有说不给",
    "没说我不给",
    "不会不还",
    "不会不给",
    "不可能不还",
    "怎么会不还",
    "怎么可能不还",
    "哪会不还",
    "哪里会不还",
    "哪能不还",
    "哪敢不还",
    "不敢不还",
    "谁说不还",
    "谁说我不还",
    "没有不还",
    "不是不还",
    "不是说不还",
    "又不是不给",
    "不是不给",
    "没打算赖",
    "没想赖",
    "没想过赖",
    "没有要赖",
    "不会赖",
    "没打算不还",
    "没想不还",
    "没想过不还",
    "没有不想还",
    "不是不想还",
    "不是我不还",
    "不是我不想还",
    "不是不想给",
    "不是我不想给",
    "不是不愿意还",
    "不是赖账",
    "不是赖着不还",
];

const EN_TWICE: &[&str] = &[
    "not saying i wont",
    "not saying im not",
    "not saying no to paying",
    "didnt say i wont",
    "didnt say i wouldnt",
    "never said i wont",
    "never said i wouldnt",
    "didnt say im not",
    "never said im not",
    "not like im not",
    "not like i wont",
    "not refusing",
    "not that i wont",
    "not that im not",
    "not that im refusing",
    "not that i dont want to pay",
    "not trying to dodge",
    "not trying to avoid",
    "not trying to get out of",
    "not trying to skip",
    "not dodging",
    "not avoiding",
    "who said i wont",
    "who said im not",
    "isnt that i wont",
    "isnt that i dont want",
    "not because i dont want",
];

/// Beside these, what is denied twice is no promise: the money is not there.
const ZH_NEED: &[&str] = &[
    "没钱",
    "没有钱",
    "没工作",
    "没能力",
    "没收入",
    "还不起",
    "还不出",
    "还不上",
    "拿不出",
    "失业",
    "困难",
    "住院",
    "生病",
    "真没",
    "实在没",
    "没发",
    "发不下来",
    "垮了",
    "穷",
];

const EN_NEED: &[&str] = &[
    "broke",
    "lost my job",
    "out of work",
    "no money",
    "cant",
    "cannot",
    "dont have",
    "no income",
    "unemployed",
    "not working",
    "penniless",
    "skint",
    "just havent",
];

/// And beside these it is a refusal: 不是没钱，就是不想还.
const ZH_WONT: &[&str] = &["就是不想还", "就是不还", "就不还", "就是不给你", "就不给你", "就是不想给"];
const EN_WONT: &[&str] = &["i just wont", "but i wont", "i simply wont"];

/// What words that deny make of the intent that the scores found; `None` where they change nothing.
pub(super) fn denied(words: &Words, found: Intent) -> Option<Intent> {
    if let Some(intent) = twice(words, found) {
        return Some(intent);
    }
    let (_, zh, en) = WISHES.iter().find(|w| w.0 == found)?;
    let denied = match words.lang() {
        Lang::Zh => zh_denied(&words.plain, zh, found),
        Lang::En => en_denied(&words.plain, en, found),
    };
    denied.then_some(Intent::Deny)
}

/// Only what speaks of paying is read so.
fn twice(words: &Words, found: Intent) -> Option<Intent> {
    use Intent::{Deny, DisputeDebt, Hardship, OutOfScope, PromiseToPay, RefuseToPay};
    if !matches!(found, Deny | DisputeDebt | Hardship | OutOfScope | PromiseToPay | RefuseToPay) {
        return None;
    }
    let (twice, need, wont) = match words.lang() {
        Lang::Zh => (ZH_TWICE, ZH_NEED, ZH_WONT),
        Lang::En => (EN_TWICE, EN_NEED, EN_WONT),
    };
    if words.has(wont) {
        return Some(RefuseToPay);
    }
    if !words.has(twice) {
        return None;
    }
    let needy = words.has(need) || (found == Hardship && !words.has(&["会还", "i will pay", "ill pay"]));
    Some(if needy { Hardship } else { PromiseToPay })
}

fn zh_denied(plain: &str, wishes: &[&str], found: Intent) -> bool {
    let at = |w: &&str| plain.find(w).map(|i| (i, i + w.len()));
    wishes.iter().filter_map(at).any(|(wish, wish_end)| {
        let asked = plain[wish_end..].contains(['吗', '呢']);
        !asked
            && ZH_DENIALS.iter().filter(|d| reports(d, found)).any(|denial| {
                plain[..wish].rfind(denial).is_some_and(|i| {
                    let between = &plain[i + denial.len()..wish];
                    between.chars().count() <= reach_of(denial)
                        && !between.contains(ANOTHER_THOUGHT)
                        && !asks(&plain[..i], denial)
                })
            })
    })
}

/// What stands between is no part of the denial: 不想再拖，能分期.
const ANOTHER_THOUGHT: [char; 7] = ['能', '可', '就', '给', '再', '我', '机'];

/// A bare 不 or 没有 denies only what follows at once.
fn reach_of(denial: &str) -> usize {
    match denial.chars().count() {
        1 => 0,
        2 if denial == "没有" || denial == "不要" => 2,
        _ => REACH_ZH,
    }
}

/// 是不是要投诉 asks: what stands before 不 stands after it, too. 有没有优惠 asks as well, and 为什么不.
fn asks(before: &str, denial: &str) -> bool {
    let mut chars = denial.chars();
    let (first, second) = (chars.next(), chars.next());
    let last = before.chars().last();
    (matches!(first, Some('不' | '没')) && second.is_some() && last == second)
        || ["能", "可", "为什么", "凭什么", "怎么", "会", "要", "敢", "为啥"]
            .iter()
            .any(|w| before.ends_with(w))
}

/// 不要，别打了 is said twice and not denied: who wants no calls is misread only where the words report what
/// was said.
fn reports(denial: &str, found: Intent) -> bool {
    const REPORTS: &[&str] = &["说", "让", "叫", "是要", "say", "said", "ask", "tell", "told", "mention"];
    found != Intent::StopCalling || REPORTS.iter().any(|r| denial.contains(r))
}

/// As [`ANOTHER_THOUGHT`]: "don't want a machine, get me a human".
const ANOTHER_THOUGHT_EN: &[&str] =
    &["i", "im", "get", "give", "let", "machine", "robot", "bot", "but", "can", "need", "so"];

fn en_denied(plain: &str, wishes: &[&str], found: Intent) -> bool {
    let words: Vec<&str> = plain.split_whitespace().collect();
    let denials: Vec<Vec<&str>> =
        EN_DENIALS.iter().filter(|d| reports(d, found)).map(|d| d.split(' ').collect()).collect();
    let Some(wish) = words.iter().position(|w| wishes.contains(w)) else { return false };
    denials.iter().any(|d| {
        let from = wish.saturating_sub(d.len() + REACH_EN);
        (from..wish).any(|i| {
            let question = i > 0 && matches!(words[i - 1], "why" | "or" | "if");
            let single = d.len() == 1 && wish - i > 2;
            words[i..wish].starts_with(d)
                && !question
                && !single
                && !words[i + d.len()..wish].iter().any(|w| ANOTHER_THOUGHT_EN.contains(w))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lang: Lang, text: &str, found: Intent) -> Option<Intent> {
        denied(&Words::of(lang, text), found)
    }

    #[test]
    fn what_is_denied_is_not_asked_for() {
        for (lang, text, found) in [
            (Lang::Zh, "我没说要投诉", Intent::Complaint),
            (Lang::Zh, "不用转人工", Intent::RequestHuman),
            (Lang::Zh, "不需要分期", Intent::RequestInstallments),
            (Lang::En, "I don't want to talk to an agent", Intent::RequestHuman),
            (Lang::En, "I never said stop calling", Intent::StopCalling),
            (Lang::En, "I'm not asking for a discount", Intent::RequestReduction),
        ] {
            assert_eq!(of(lang, text, found), Some(Intent::Deny), "{text}");
        }
    }

    #[test]
    fn a_question_and_another_wish_are_no_denial() {
        for (lang, text, found) in [
            (Lang::Zh, "是不是要投诉才行", Intent::Complaint),
            (Lang::Zh, "能不能分期", Intent::RequestInstallments),
            (Lang::Zh, "我不想跟机器讲，给我转人工", Intent::RequestHuman),
            (Lang::Zh, "利息能不能减免", Intent::RequestReduction),
            (Lang::Zh, "有没有优惠", Intent::RequestReduction),
            (Lang::Zh, "我不想再拖，能分期吗", Intent::RequestInstallments),
            (Lang::Zh, "你们没有人工吗", Intent::RequestHuman),
            (Lang::Zh, "不需要，别打了", Intent::StopCalling),
            (Lang::Zh, "不需要机器，转人工", Intent::RequestHuman),
            (Lang::En, "I don't want any more calls, stop", Intent::StopCalling),
            (Lang::En, "don't want a machine, get me a human", Intent::RequestHuman),
            (Lang::Zh, "不要打了", Intent::StopCalling),
            (Lang::En, "No, transfer me to a person", Intent::RequestHuman),
            (Lang::En, "you're not a person, get me a human", Intent::RequestHuman),
            (Lang::En, "I'm not going to make it this week", Intent::RequestExtension),
            (Lang::En, "why don't you waive the fee", Intent::RequestReduction),
            (Lang::En, "I don't want a robot, get me a person", Intent::RequestHuman),
            (Lang::En, "stop calling, I'm not him", Intent::StopCalling),
            (Lang::En, "I can't make it, I need more time", Intent::RequestExtension),
        ] {
            assert_eq!(of(lang, text, found), None, "{text}");
        }
    }

    #[test]
    fn denied_twice_is_meant_unless_the_money_is_missing() {
        use Intent::{Hardship, PromiseToPay, RefuseToPay};
        for (lang, text, want) in [
            (Lang::Zh, "我没说不还", PromiseToPay),
            (Lang::Zh, "不是不想还，真没钱", Hardship),
            (Lang::Zh, "不是没钱，就是不想还", RefuseToPay),
            (Lang::En, "I'm not saying I won't pay", PromiseToPay),
            (Lang::En, "it's not that I won't pay, I'm broke", Hardship),
        ] {
            assert_eq!(of(lang, text, RefuseToPay), Some(want), "{text}");
        }
        assert_eq!(of(Lang::Zh, "我就是不还", RefuseToPay), Some(RefuseToPay));
        assert_eq!(of(Lang::En, "I won't pay", RefuseToPay), None);
        assert_eq!(of(Lang::Zh, "能不能不还", RefuseToPay), None);
        assert_eq!(of(Lang::Zh, "老板就是不给我发工资", Hardship), None);
        assert_eq!(of(Lang::Zh, "我没说不还，我要投诉", Intent::Complaint), None);
    }
}
