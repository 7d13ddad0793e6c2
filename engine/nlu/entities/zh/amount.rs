//! Mandarin sums and read-out digits: 三千二百五十元五角, 五百块, ¥1,250.50, 尾号4321.

use rust_decimal::Decimal;
use waihu_types::Currency;

use super::{
    super::found::{Found, Hold, Named},
    REACH, after, before, has, is_refused, is_stop,
    number::{self, Number, digit},
    starts,
};

/// What the whole utterance says about a number in it.
pub(super) struct Context {
    /// The utterance is a number and small words: an answer to a question for one.
    bare: bool,
    /// It speaks of a tail number, an identity card, a phone number.
    asks_digits: bool,
}

/// Characters of the small words around a bare answer.
const SMALL_WORDS: &str =
    "嗯啊呃哦额噢那就吧呢行吗可以好的话差不多左右大概最多先是还要我给能只有个付多少块元钱啦了嘛成到上下 ";

const DIGIT_WORDS: &[&str] = &[
    "尾号",
    "后四位",
    "后三位",
    "后六位",
    "末四位",
    "末尾",
    "最后四位",
    "身份证",
    "卡号",
    "号码",
    "手机",
    "电话",
    "工号",
    "编号",
    "验证码",
    "账号",
    "单号",
];

impl Context {
    pub(super) fn of(c: &[char]) -> Self {
        let plain = |x: &char| {
            is_stop(*x)
                || matches!(
                    x,
                    '-' | '¥'
                        | '$'
                        | '十'
                        | '百'
                        | '千'
                        | '万'
                        | '亿'
                        | '点'
                        | '角'
                        | '毛'
                        | '几'
                        | '幺'
                        | '半'
                )
                || x.is_ascii_digit()
                || digit(*x).is_some()
                || SMALL_WORDS.contains(*x)
        };
        Self { bare: c.iter().all(plain), asks_digits: DIGIT_WORDS.iter().any(|w| has(c, w)) }
    }
}

/// Words behind a number that make it count something else than money.
const MEASURES: &[&str] = &[
    "天",
    "个",
    "月",
    "号",
    "日",
    "年",
    "周",
    "点",
    "分钟",
    "分",
    "次",
    "期",
    "岁",
    "遍",
    "条",
    "路",
    "度",
    "%",
    "小时",
    "秒",
    "米",
    "公里",
    "斤",
    "位",
    "名",
    "家",
    "句",
    "种",
    "项",
    "层",
    "楼",
    "室",
    "栋",
    "单元号",
    "人",
    "口",
    "倍",
    "页",
    "星期",
    "礼拜",
    "刻",
    "时",
    "通",
    "回",
    "趟",
    "辆",
    "套",
    "件",
    "里",
    "km",
    "kg",
    "g",
    "m",
    "份",
    "别",
];

/// Words before a number that it names or ranks, not pays.
const NAMES: &[&str] = &[
    "第",
    "拨打",
    "拨",
    "报警",
    "工号",
    "尾号",
    "房间",
    "门牌",
    "百分之",
    "你这个",
    "你个",
    "真是个",
    "就是个",
    "是个",
];

/// Verbs of paying, directly before a sum.
const PAYS: &[&str] = &[
    "还",
    "付",
    "给",
    "交",
    "转",
    "还个",
    "先",
    "凑",
    "凑个",
    "拿",
    "拿出",
    "出",
    "还上",
    "付个",
    "只有",
    "能还",
    "打款",
    "还你",
    "给你",
    "给你们",
    "还你们",
    "存",
    "还款",
    "转账",
    "最多",
    "还掉",
    "每期",
    "一期",
    "每次",
    "每月",
    "每个月",
];

/// What stands before a sum that is not the one offered.
const NOT_OFFERED: &[&str] = &["欠", "一共", "总共", "剩下", "剩", "还差", "借了", "工资", "利息", "你说"];

/// What stands behind a sum that is not the one offered.
const REFUSED: &[&str] =
    &["太多", "不行", "还不起", "拿不出", "没办法", "太高", "是不可能", "减到", "能不能"];

/// Reads a sum or digits at `i` into `found`; gives the place to go on from.
pub(super) fn parse(c: &[char], i: usize, context: &Context, found: &mut Found) -> usize {
    if let Some(symbol) = symbol(c[i]) {
        if let Some(n) = number::parse(c, i + 1) {
            let (value, end) = with_fractions(c, &n).unwrap_or((n.value, n.end));
            let end = currency_word(c, end).map_or(end, |w| w.1);
            offer(c, i, end, value, Some(symbol), found);
            return end;
        }
        return i + 1;
    }
    if let Some((text, end)) = number::digits(c, i) {
        // 二零二六年 and 五五六六块 are not digits that were asked for.
        let address = ends_with(c, i, &["单元", "楼", "栋", "幢", "座"]);
        if !matches!(c.get(end), Some('年' | '块' | '元' | '%'))
            && !address
            && !is_refused(before(c, i, REACH))
        {
            found.digits(text);
            return end;
        }
        return end;
    }
    let Some(n) = number::parse(c, i) else { return i + 1 };
    if let Some((value, end)) = with_fractions(c, &n) {
        let (currency, end) = currency_word(c, end).unwrap_or((Named::shared(Currency::CNY), end));
        offer(c, i, end, value, Some(currency), found);
        return end;
    }
    if let Some((currency, end)) = currency_word(c, n.end) {
        offer(c, i, end, n.value, Some(currency), found);
        return end;
    }
    without_currency(c, i, &n, context, found);
    n.end
}

fn symbol(c: char) -> Option<Named> {
    match c {
        '¥' => Some(Named::shared(Currency::CNY)),
        '$' => Some(Named::shared(Currency::USD)),
        '€' => Named::code("EUR"),
        '£' => Named::code("GBP"),
        _ => None,
    }
}

/// The words for money, longer ones before those that they contain.
const CURRENCIES: &[(&str, &str)] = &[
    ("人民币", "CNY"),
    ("块钱", "CNY"),
    ("元钱", "CNY"),
    ("元人民币", "CNY"),
    ("rmb", "CNY"),
    ("美元", "USD"),
    ("美金", "USD"),
    ("港币", "HKD"),
    ("港元", "HKD"),
    ("欧元", "EUR"),
    ("英镑", "GBP"),
    ("日元", "JPY"),
    ("台币", "TWD"),
    ("块", "CNY"),
    ("元", "CNY"),
    ("圆", "CNY"),
];

/// Those of them that stand for any dollar as well.
const SHARED: &[&str] = &["块钱", "元钱", "块", "元", "圆"];

fn currency_word(c: &[char], i: usize) -> Option<(Named, usize)> {
    let (word, code) = CURRENCIES.iter().find(|(w, _)| starts(c, i, w))?;
    // 三元里, 五块腹肌 and the like are too rare to guard against.
    let named = Named { shared: SHARED.contains(word), ..Named::code(code)? };
    Some((named, i + word.chars().count()))
}

/// Yuan with jiao and fen: 五元五角, 三块五, 十二块零五分, 五毛; also 一百二十块半.
fn with_fractions(c: &[char], n: &Number) -> Option<(Option<Decimal>, usize)> {
    let jiao = |x: Option<&char>| matches!(x, Some('角' | '毛'));
    let tenth = Decimal::new(1, 1);
    let hundredth = Decimal::new(1, 2);
    if jiao(c.get(n.end)) {
        let end = n.end + 1 + usize::from(c.get(n.end + 1) == Some(&'钱'));
        return Some((n.value.and_then(|v| v.checked_mul(tenth)), end));
    }
    if !matches!(c.get(n.end), Some('块' | '元' | '圆')) {
        return None;
    }
    let mut j = n.end + 1;
    if c.get(j) == Some(&'半') {
        return Some((n.value.and_then(|v| v.checked_add(Decimal::new(5, 1))), j + 1));
    }
    if matches!(c.get(j), Some('零' | '〇' | '又')) {
        j += 1;
    }
    let small = |k: usize| {
        let x = *c.get(k)?;
        let d = digit(x).or(x.to_digit(10)).filter(|d| *d < 10)?;
        let more = c.get(k + 1).is_some_and(|y| {
            digit(*y).is_some()
                || y.is_ascii_digit()
                || matches!(y, '十' | '百' | '千' | '万' | '个' | '号' | '天' | '次' | '点')
        });
        (!more).then_some((Decimal::from(d), k + 1))
    };
    let (first, k) = small(j)?;
    let mut add = Decimal::ZERO;
    let mut end;
    if jiao(c.get(k)) {
        add += first * tenth;
        end = k + 1;
        if let Some((second, m)) = small(k + 1) {
            add += second * hundredth;
            end = m + usize::from(c.get(m) == Some(&'分'));
        }
    } else if c.get(k) == Some(&'分') {
        add += first * hundredth;
        end = k + 1;
    } else if c.get(k).is_none_or(|x| is_stop(*x) || matches!(x, '钱' | '吧' | '吗' | '的')) {
        // 三块五: what is left unsaid is 角.
        add += first * tenth;
        end = k + usize::from(c.get(k) == Some(&'钱'));
    } else {
        return None;
    }
    Some((n.value.and_then(|v| v.checked_add(add)), end))
}

fn offer(
    c: &[char],
    start: usize,
    end: usize,
    value: Option<Decimal>,
    currency: Option<Named>,
    found: &mut Found,
) {
    let (ahead, behind) = (before(c, start, REACH), after(c, end, REACH));
    let none_of_it = ["都没", "也没有", "都拿不出", "都不", "也不", "不拔", "也别想", "都别想"]
        .iter()
        .any(|w| starts(behind, 0, w));
    let Some(value) = value.filter(|_| !none_of_it) else { return };
    let weak = NOT_OFFERED.iter().any(|w| has(ahead, w))
        || REFUSED.iter().any(|w| has(behind, w))
        || is_refused(ahead);
    found.amount(value, currency, if weak { Hold::Weak } else { Hold::Firm });
}

/// Whether one of the words ends right before `i`.
fn ends_with(c: &[char], i: usize, words: &[&str]) -> bool {
    words.iter().any(|w| {
        let n = w.chars().count();
        i >= n && starts(c, i - n, w)
    })
}

/// A number without a word for money: a sum if it can hardly be anything else, or is an answer.
fn without_currency(c: &[char], i: usize, n: &Number, context: &Context, found: &mut Found) {
    // 每月还三百分十期: of 分 a number of parts follows.
    let parted = c.get(n.end) == Some(&'分') && super::count::parse(c, n.end + 1).is_some();
    let measured = !parted && MEASURES.iter().any(|w| starts(c, n.end, w));
    if measured || ends_with(c, i, NAMES) && !ends_with(c, i, PAYS) {
        if let Some(text) = n.written.as_ref().filter(|t| t.len() >= 3 && !measured && context.asks_digits) {
            found.digits(tail(c, n.end, text));
        }
        return;
    }
    let pays = ends_with(c, i, PAYS);
    if let Some(text) = &n.written {
        let farewell = context.bare && matches!(text.as_str(), "88" | "886");
        if !pays && (farewell || is_hotline(text)) {
            return;
        }
        if text.len() >= 3 && context.asks_digits && !pays {
            found.digits(tail(c, n.end, text));
            return;
        }
        let round = text.ends_with("00") && !text.starts_with('0');
        if !pays && (text.starts_with('0') && text.len() >= 3 || text.len() >= 6 && !round) {
            found.digits(tail(c, n.end, text));
            return;
        }
        // Four digits as the whole answer are a sum or the end of a number: the script knows which
        // of the two it asked for.
        if context.bare && text.len() == 4 && !pays && !round {
            found.digits(tail(c, n.end, text));
        }
    }
    let enough = n.hundreds || n.value.is_some_and(|v| v >= Decimal::ONE_HUNDRED);
    let more_than_a_word = n.value.is_some_and(|v| v >= Decimal::TEN);
    if enough || (more_than_a_word && (pays || context.bare)) {
        offer(c, i, n.end, n.value, None, found);
    }
}

/// Numbers that are dialled: the police, regulators' and banks' lines.
fn is_hotline(text: &str) -> bool {
    matches!(text, "110" | "119" | "120" | "122")
        || text.len() == 5
            && ["123", "100", "95", "968"].iter().any(|p| text.starts_with(p))
            && !text.ends_with("00")
}

/// Digits with the X that may end an identity number.
fn tail(c: &[char], end: usize, text: &str) -> String {
    if matches!(c.get(end), Some('x' | '叉')) { format!("{text}X") } else { text.to_owned() }
}
