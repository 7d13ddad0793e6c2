//! How Mandarin sentences end, and how they do not.

use waihu_types::Question;

use crate::Completeness::{self, Finished, Unclear, Unfinished};

/// Sounds of somebody who thinks.
const FILLERS: &[&str] = &[
    "嗯",
    "呃",
    "额",
    "啊",
    "哦",
    "唉",
    "诶",
    "哎",
    "那个",
    "这个",
    "就是说",
    "就是",
    "然后",
    "怎么说呢",
    "怎么说",
    "我想想",
    "让我想想",
    "我看看",
    "让我看看",
    "你听我说",
    "等一下",
    "其实",
];

/// What a sentence does not end in: conjunctions, prepositions, pronouns that want a verb, adverbs that want
/// what they describe.
const OPEN: &[&str] = &[
    "因为",
    "所以",
    "但是",
    "但",
    "可是",
    "不过",
    "而且",
    "而是",
    "并且",
    "还有",
    "如果",
    "要是",
    "假如",
    "或者",
    "还是",
    "虽然",
    "除非",
    "只要",
    "只是",
    "以及",
    "的话",
    "对于",
    "关于",
    "由于",
    "为了",
    "等我",
    "等",
    "我",
    "我们",
    "我的",
    "你们",
    "你们的",
    "他们",
    "咱们",
    "它",
    "在",
    "把",
    "被",
    "跟",
    "和",
    "从",
    "到",
    "向",
    "比",
    "往",
    "最多",
    "最少",
    "至少",
    "最快",
    "最晚",
    "最早",
    "大概",
    "大约",
    "可能",
    "应该",
    "也许",
    "差不多",
    "肯定",
    "只能",
    "只有",
    "先",
    "先还",
    "先给",
    "先给你",
    "先付",
    "要等",
    "才",
    "就",
    "也",
    "都",
    "很",
    "太",
    "最",
    "再",
    "又",
    "不",
    "没",
    "一个",
    "一条",
    "一些",
    "这",
    "那",
    "那个",
    "这个",
    "哪个",
    "有个人",
    "有个",
    "觉得",
    "希望",
    "需要",
    "准备",
    "打算",
    "上个",
    "下个",
    "号码是",
    "尾号是",
    "四位是",
    "就是最近",
    "得",
    "不是我",
    "每个",
    "每",
    "第",
    "其中",
    "比如",
    "例如",
    "另外",
    "包括",
    "按照",
    "根据",
    "通过",
    "至于",
    "毕竟",
    "既然",
];

/// Where 我 is whom somebody does it to, and not who does it.
const OBJECTS: &[&str] = &[
    "是我",
    "找我",
    "给我",
    "帮我",
    "问我",
    "烦我",
    "骗我",
    "逼我",
    "告诉我",
    "联系我",
    "打我",
    "骂我",
    "欠我",
    "是我的",
    "给我们",
    "找我们",
    "骚扰我",
    "催我",
    "通知我",
    "发我",
    "信我",
    "相信我",
];

/// Verbs that want another one, or an object; alone or denied they answer a closed question.
const AUXILIARY: &[&str] = &["是", "能", "会", "要", "想", "有", "给", "说", "叫", "用", "让", "请", "去"];

/// Short answers to a closed question.
const ANSWERS: &[&str] = &[
    "是",
    "对",
    "好",
    "行",
    "可以",
    "能",
    "会",
    "有",
    "要",
    "在",
    "不是",
    "不对",
    "不好",
    "不行",
    "不可以",
    "不能",
    "不会",
    "没有",
    "没",
    "不要",
    "不在",
    "不",
    "同意",
    "不同意",
    "知道",
    "不知道",
    "明白",
    "认识",
    "不认识",
    "确定",
    "不确定",
    "没问题",
    "收到",
    "没收到",
    "没有收到",
    "方便",
    "不方便",
    "本人",
    "我是",
    "是我",
    "我能",
    "我会",
    "没空",
    "打错",
    "你打错",
    "记得",
    "不记得",
    "愿意",
    "不愿意",
    "清楚",
    "听明白",
    "了解",
    "嗯",
    "我在",
    "是我的",
    "我就是",
    "就是我",
    "没错",
    "不用",
];

/// A no alone is seldom all: who was meant, why, and when instead come after a rest.
const DENIALS: &[&str] =
    &["不", "没", "没有", "不是", "不对", "不行", "不能", "不可以", "不会", "不好", "不要"];

/// Particles that close a sentence.
const PARTICLES: &[char] = &['了', '吧', '啊', '呀', '呢', '吗', '嘛', '哈', '啦', '哦', '喽'];

/// Days that are enough for an answer.
const DAYS: &[&str] = &[
    "今天",
    "明天",
    "后天",
    "今晚",
    "明晚",
    "月底",
    "月初",
    "年底",
    "周末",
    "上午",
    "下午",
    "晚上",
    "中午",
    "早上",
    "之前",
    "以前",
    "左右",
    "号",
    "日",
    "点",
    "点钟",
    "天内",
    "还",
    "还清",
    "还款",
    "付",
    "给你",
    "给你们",
    "到账",
    "天后",
    "天以后",
];

/// What closes a sum.
const SUMS: &[&str] = &[
    "块",
    "块钱",
    "元",
    "元钱",
    "毛",
    "一半",
    "全部",
    "全额",
    "还清",
    "结清",
    "分之一",
    "分之二",
    "期",
    "个月",
    "最低还款",
];

const WEEK: &[&str] = &["周", "星期", "礼拜"];
const DIGITS: &str = "零〇一二三四五六七八九幺两0123456789";

pub(crate) fn digits(text: &str) -> usize {
    text.chars().filter(|c| DIGITS.contains(*c)).count()
}

pub(crate) fn completeness(text: &str, question: Question) -> Completeness {
    let text: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let meant = without_fillers(&text);
    if text.is_empty() {
        return Unclear;
    }
    if meant.is_empty() {
        // 嗯 and 啊 may be a yes.
        return if question == Question::YesNo && text.chars().count() == 1 { Unclear } else { Unfinished };
    }
    let closed = meant.trim_end_matches(PARTICLES).trim_end_matches('的');
    let particle = closed.len() < meant.len();
    // Of one character only where nothing stands before it: 在 and 有 begin as much as they answer.
    let answers = |a: &&str| closed == *a || meant == *a || a.len() > 3 && closed.ends_with(a);
    if question == Question::YesNo && ANSWERS.iter().any(answers) {
        let denied = DENIALS.contains(&closed) || DENIALS.contains(&meant);
        return if denied { Unclear } else { Finished };
    }
    let open = ends_in(meant, OPEN) && !ends_in(meant, OBJECTS);
    if ends_in(&text, FILLERS) && !particle || open || wants_more(meant, question) {
        return Unfinished;
    }
    let answered = match question {
        Question::YesNo => ends_in(closed, ANSWERS),
        Question::When => ends_in(closed, DAYS) || weekday(closed),
        Question::HowMuch => ends_in(closed, SUMS),
        Question::Digits | Question::Open => false,
    };
    // 的 alone closes nothing: 我的, 公司的. A particle does, except over digits, where it is a breath.
    // To a closed question it closes what is no answer to it, and that is to come or was said with it.
    let said = meant.ends_with(PARTICLES) && !matches!(question, Question::Digits | Question::YesNo);
    if answered || said { Finished } else { Unclear }
}

/// The text without the sounds of thought at its beginning.
fn without_fillers(mut text: &str) -> &str {
    while let Some(rest) = FILLERS.iter().find_map(|f| text.strip_prefix(f)) {
        text = rest;
    }
    text
}

fn ends_in(text: &str, ends: &[&str]) -> bool {
    ends.iter().any(|e| text.ends_with(e))
}

/// An auxiliary at the end, and it is not the answer itself.
fn wants_more(text: &str, question: Question) -> bool {
    let Some(before) = AUXILIARY.iter().find_map(|a| text.strip_suffix(a)) else { return false };
    let answers =
        matches!(before, "" | "我" | "不" | "没" | "我不" | "我没" | "他不" | "她不" | "当然" | "都");
    !(answers && matches!(question, Question::YesNo | Question::Open))
}

/// 周五, 星期天.
fn weekday(text: &str) -> bool {
    let Some(day) = text.chars().next_back() else { return false };
    "一二三四五六日天末".contains(day) && ends_in(&text[..text.len() - day.len_utf8()], WEEK)
}
