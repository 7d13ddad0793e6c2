//! Readings that hang on the neighbours: family names before a title, particles, 还, 为, 只.

use super::readings::Readings;
use super::syllable::{Syllable, Tone};
use super::{Word, number};

/// A word whose readings may still change.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) chars: Vec<char>,
    pub(super) syllables: Vec<Syllable>,
    /// How many characters stand before it in the sentence.
    pub(super) at: usize,
}

impl Draft {
    pub(super) fn push(&mut self, c: char, s: Syllable) {
        self.chars.push(c);
        self.syllables.push(s);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chars.is_empty()
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.chars.iter().copied().eq(text.chars())
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|w| self.is(w))
    }

    fn read_as(&mut self, pinyin: &str) {
        if let (Some(slot), Some(s)) = (self.syllables.first_mut(), Syllable::parse(pinyin)) {
            *slot = s;
        }
    }

    pub(super) fn into_word(self) -> Word {
        let mut syllables: Vec<Syllable> = Vec::with_capacity(self.syllables.len());
        for (n, (&c, s)) in self.chars.iter().zip(self.syllables).enumerate() {
            match syllables.last_mut() {
                Some(before) if c == '儿' && n > 0 && s.tone == Tone::Neutral => before.erhua = true,
                _ => syllables.push(s),
            }
        }
        Word { text: self.chars.into_iter().collect(), syllables, at: self.at }
    }
}

/// Joins what the cutter leaves apart: a 儿 after the word that it colours, figures after figures.
pub(super) fn regroup(cut: Vec<Vec<char>>) -> Vec<Vec<char>> {
    let mut out: Vec<Vec<char>> = Vec::with_capacity(cut.len());
    for word in cut {
        let joins = match out.last() {
            Some(before) => word == ['儿'] && !before.is_empty(),
            None => false,
        };
        match out.last_mut() {
            Some(before) if joins => before.extend(word),
            _ => out.push(word),
        }
    }
    out
}

/// Words that follow a name.
const TITLES: [&str; 16] = [
    "先生", "女士", "小姐", "太太", "老师", "师傅", "经理", "总", "主任", "律师", "阿姨", "叔叔", "同志",
    "大哥", "大姐", "本人",
];

/// Words after which a person is named.
const BEFORE_NAMES: [&str; 8] = ["是", "叫", "找", "问", "请问", "认识", "联系", "通知"];
/// Words that may follow a name which has no title.
const AFTER_NAMES: [&str; 6] = ["吗", "么", "吧", "在", "在吗", "接"];

/// Reads the family name of a name without a title, where the words around say that it is one: 是单晓红吗,
/// 我姓仇. A word of the dictionary is no name: 是单位吗.
pub(super) fn bare_names(words: &mut [Draft], readings: &Readings, is_word: impl Fn(&str) -> bool) {
    for at in 1..words.len() {
        let surname = words[at].chars.first().and_then(|&c| readings.of_surname(c)).cloned();
        let Some(surname) = surname else { continue };
        let ends = |n: usize| words.get(n).is_none_or(|w| w.is_any(&AFTER_NAMES));
        let text: String = words[at].chars.iter().collect();
        let alone = words[at].chars.len() == 1;
        let given = words.get(at + 1).map_or(0, |w| w.chars.len());
        let named = words[at - 1].chars.last() == Some(&'姓') && alone
            || words[at - 1].is_any(&BEFORE_NAMES)
                && if alone {
                    (1..=2).contains(&given) && ends(at + 2) && !words[at + 1].is_any(&AFTER_NAMES)
                } else {
                    words[at].chars.len() <= 3 && ends(at + 1) && !is_word(&text)
                };
        if named {
            words[at].syllables[0] = surname;
        }
    }
}

/// Reads the family name before a title: 单先生 is Shàn, 解女士 is Xiè.
pub(super) fn surnames(words: &mut [Draft], readings: &Readings) {
    for at in 1..words.len() {
        if !words[at].is_any(&TITLES) {
            continue;
        }
        let before = words[at - 1].chars.len();
        let two_back = at >= 2 && before <= 2 && words[at - 2].chars.len() == 1;
        let name_of_two_words = two_back
            && words[at - 2].chars.first().and_then(|&c| readings.of_surname(c)).is_some()
            && words[at - 1].chars.first().and_then(|&c| readings.of_surname(c)).is_none();
        let name = if name_of_two_words
            && !words[at - 2].is_any(&["应", "任", "和", "么", "会", "查", "重", "能"])
        {
            at - 2
        } else if before <= 3 {
            at - 1
        } else {
            continue;
        };
        if let Some(s) = words[name].chars.first().and_then(|&c| readings.of_surname(c)) {
            words[name].syllables[0] = s.clone();
        }
    }
}

/// Reads the small words whose sound hangs on what stands beside them.
pub(super) fn particles(words: &mut [Draft]) {
    for at in 0..words.len() {
        let (before, rest) = words.split_at_mut(at);
        let Some((word, after)) = rest.split_first_mut() else { return };
        let (before, after) = (before.last(), after);
        let [c] = word.chars[..] else { continue };
        let reading = match c {
            '还' => repay(before, after).then_some("huan2"),
            '得' => must(before, after).then_some("dei3"),
            '地' => (before.is_some_and(|b| b.chars.len() >= 2) && !after.is_empty()).then_some("de5"),
            '了' => before.is_some_and(|b| b.chars.last() == Some(&'不')).then_some("liao3"),
            '着' => before.is_some_and(|b| b.chars.last() == Some(&'不')).then_some("zhao2"),
            '为' => (!after.first().is_some_and(is_beneficiary)).then_some("wei2"),
            '只' => before.and_then(|b| b.chars.last()).is_some_and(|&c| is_numeral(c)).then_some("zhi1"),
            '干' => after
                .first()
                .is_some_and(|a| a.is_any(&["什么", "嘛", "吗", "啥", "活", "完"]))
                .then_some("gan4"),
            '数' => after.first().is_some_and(|a| a.is_any(&["一", "一数", "数", "一下"])).then_some("shu3"),
            '长' => after.first().is_some_and(|a| a.is_any(&["大", "得", "高"])).then_some("zhang3"),
            _ => None,
        };
        if let Some(reading) = reading {
            word.read_as(reading);
        }
    }
}

/// For whom something is done: 为 before it is wèi, else wéi (金额为三千元).
fn is_beneficiary(word: &Draft) -> bool {
    matches!(
        word.chars.first(),
        Some(
            '您' | '你'
                | '我'
                | '他'
                | '她'
                | '它'
                | '咱'
                | '了'
                | '何'
                | '此'
                | '大'
                | '客'
                | '自'
                | '避'
                | '确'
                | '保'
                | '防'
                | '什'
        )
    )
}

fn is_numeral(c: char) -> bool {
    c == '几' || c == '两' || "零一二三四五六七八九十百千万亿".contains(c)
}

/// Whether a lone 还 is the verb huán, to pay back, and not the adverb hái, still.
fn repay(before: Option<&Draft>, after: &[Draft]) -> bool {
    const OBJECTS: [&str; 34] = [
        "了",
        "过",
        "清",
        "上",
        "完",
        "掉",
        "钱",
        "款",
        "多少",
        "一部分",
        "部分",
        "全部",
        "全款",
        "全额",
        "本金",
        "利息",
        "欠款",
        "账单",
        "贷款",
        "最低",
        "给",
        "这笔",
        "那笔",
        "一点",
        "一半",
        "上去",
        "进去",
        "一下",
        "一些",
        "点",
        "信用卡",
        "清楚",
        "不上",
        "不起",
    ];
    const LEADS: [&str; 32] = [
        "怎么",
        "如何",
        "分期",
        "按时",
        "准时",
        "全额",
        "提前",
        "先",
        "没",
        "未",
        "不",
        "已",
        "已经",
        "不能",
        "没法",
        "无法",
        "慢慢",
        "替",
        "帮",
        "一次性",
        "一起",
        "再",
        "最晚",
        "最迟",
        "何时",
        "必须",
        "尽快",
        "打算",
        "准备",
        "及时",
        "来",
        "去",
    ];
    let Some(next) = after.first() else { return true };
    if next.is("不") && after.get(1).is_some_and(|a| a.is("还")) || next.is("不还") {
        return true;
    }
    if before.is_some_and(|b| b.is_any(&LEADS)) {
        return !next.is_any(&["是", "有", "没", "没有"]);
    }
    if next.is_any(&OBJECTS) {
        return true;
    }
    let sum: Vec<char> = after.iter().flat_map(|w| w.chars.iter().copied()).take(8).collect();
    sum.first().is_some_and(|&c| is_numeral(c))
        && sum.iter().any(|&c| matches!(c, '元' | '块' | '百' | '千' | '万'))
}

/// Whether a lone 得 is děi, must: after a subject or adverb, or at the start of the phrase.
fn must(before: Option<&Draft>, after: &[Draft]) -> bool {
    const SUBJECTS: [&str; 22] = [
        "我", "你", "您", "他", "她", "我们", "你们", "他们", "咱们", "也", "都", "就", "还", "总", "可",
        "又", "今天", "明天", "现在", "肯定", "一定", "必",
    ];
    !after.is_empty() && before.is_none_or(|b| b.is_any(&SUBJECTS))
}

/// Whether a character stands for one digit, in a row of digits or within a number.
pub(super) fn is_digit_word(c: char) -> bool {
    c == '〇' || c == '幺' || number::one_by_one("0123456789").contains(c)
}
