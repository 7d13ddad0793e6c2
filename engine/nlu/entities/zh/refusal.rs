//! Days that are named only to be refused: 十二月一号不行, 明天没钱, 不是周三, 除了五号都行.
//!
//! What refuses a day stands beside it with nothing but small words between, and ends its thought.
//! Deliberately absent: what asks (一号不行吗, 一号行不行), what is set as a condition (一号不行的话),
//! and what is refused of a day alone (一号之前不行, 明天上午没空, 月底还不上那么多): there the day
//! only gives way.

use jiff::civil::Date;

use super::{REACH, after, date, has, is_refused, is_stop, starts};

/// What says that a day will not do.
const WILL_NOT_DO: &[&str] = &["不行", "不成", "不可以", "不可能"];

/// The same of one's money and time.
const HAVE_NOT: &[&str] = &[
    "不方便",
    "不合适",
    "没空",
    "没有空",
    "没时间",
    "没有时间",
    "没钱",
    "没有钱",
    "没戏",
    "够呛",
    "太忙",
    "太早",
    "太晚",
    "太赶",
    "还不上",
    "还不了",
    "还不起",
    "付不了",
    "付不上",
    "拿不出来",
    "拿不出",
];

/// These may go on with what cannot be done: 一号不能再晚, 没法改到五号.
const CANNOT: &[&str] = &["不可以", "不可能", "不能", "没法", "没办法", "没有办法", "来不及"];

/// The words that may stand between a day and what refuses it.
const BETWEEN: &[&str] = &[
    "真的", "可能", "肯定", "恐怕", "估计", "实在", "确实", "应该", "绝对", "好像", "那天", "这天", "当天",
    "我们", "手里", "手头", "手上", "卡里", "家里", "也", "就", "还", "真", "怕", "是", "我", "啊", "呢",
    "呀", "嘛", "哦", "都", "全",
];

/// How many of them.
const MOST_BETWEEN: usize = 4;

/// The words between the days of a list; by the first alone its days are refused together (一号和五号
/// 不行), by the others with 都 (一号，五号都不行).
const AND: &[&str] = &["和", "跟", "或者", "或", "还是", "以及", "、"];
const BESIDE: &[&str] = &[",", ""];

/// The days of a list that are looked at behind one of them.
const MOST_LISTED: usize = 3;

/// Words before a day by which what follows it is a condition, a question, of other days, or denied
/// itself: 过了一号不行, 没说一号不行.
const TURNED: &[&str] = &[
    "如果",
    "要是",
    "万一",
    "假如",
    "若是",
    "只要",
    "除",
    "过了",
    "超过",
    "非得",
    "非要",
    "非等",
    "非到",
    "不到",
    "不等",
    "没到",
    "没说",
    "没有说",
    "不是",
    "谁说",
    "不觉得",
    "不认为",
    "不至于",
    "为什么",
    "为啥",
    "凭什么",
    "怎么",
    "难道",
];

/// Whether the day that ends before `end`, with the words `ahead` before it, is refused.
pub(super) fn refuses(ahead: &[char], c: &[char], end: usize, today: Date) -> bool {
    let turned = TURNED.iter().any(|w| has(ahead, w)) || ahead.last() == Some(&'非');
    match (is_refused(ahead), is_refused_behind(c, end, today)) {
        // 不是一号不行: either may be meant.
        (true, true) => false,
        (true, false) => {
            let another = starts(c, end, "是") && word(c, end, TAGS).is_none();
            another || starts(c, end, "而是") || ends_thought(c, end, today)
        }
        (false, true) => !turned,
        (false, false) => is_excepted(ahead, after(c, end, REACH)),
    }
}

/// 除了一号都行, 除了一号以外哪天都可以.
fn is_excepted(ahead: &[char], behind: &[char]) -> bool {
    const OTHERS: &[&str] = &["都行", "都可以", "都能", "都有空", "都方便", "都好"];
    let except = |w: &&str| ahead.len() >= 2 && starts(ahead, ahead.len() - 2, w);
    ["除了", "除开", "除去"].iter().any(except)
        && OTHERS.iter().any(|w| has(behind, w))
        && !["不", "没", "吗", "么"].iter().any(|w| has(behind, w))
}

/// Whether what follows a day refuses it.
fn is_refused_behind(c: &[char], end: usize, today: Date) -> bool {
    // 一号，不行: the day is said over, and then refused.
    if c.get(end).is_some_and(|x| is_stop(*x)) && !is_listed(c, end, today) {
        return refused_from(c, end + 1, WILL_NOT_DO, today);
    }
    let (mut j, mut apart) = (end, false);
    for _ in 0..MOST_LISTED {
        let joined = word(c, j, AND);
        let next = joined.or(word(c, j, BESIDE)).and_then(|k| date::parse(c, k, today));
        let Some((_, k)) = next else { break };
        apart |= joined.is_none();
        j = k;
    }
    let (mut all, mut refused) = (false, false);
    for _ in 0..=MOST_BETWEEN {
        refused = [WILL_NOT_DO, HAVE_NOT, CANNOT].iter().any(|words| refused_from(c, j, words, today));
        let Some(k) = word(c, j, BETWEEN).filter(|_| !refused) else { break };
        all |= matches!(c[j], '都' | '全');
        j = k;
    }
    refused && (all || !apart)
}

/// Whether a list of days goes on at the stop at `j`.
fn is_listed(c: &[char], j: usize, today: Date) -> bool {
    matches!(c[j], ',' | '、') && date::parse(c, j + 1, today).is_some()
}

/// The index after one of the words at `i`.
fn word(c: &[char], i: usize, words: &[&str]) -> Option<usize> {
    words.iter().find(|w| starts(c, i, w)).map(|w| i + w.chars().count())
}

/// Whether one of these refusals stands at `i`, and nothing of what it refuses but paying: 没钱还.
fn refused_from(c: &[char], i: usize, refusals: &[&str], today: Date) -> bool {
    const VERBS: &[&str] =
        &["还款", "还钱", "还上", "还", "付款", "付", "转账", "转", "交", "存", "给", "去", "弄", "办"];
    let Some(j) = word(c, i, refusals) else { return false };
    let done = word(c, j, VERBS);
    let whole = done.is_some() || word(c, i, CANNOT).is_none();
    let j = done.unwrap_or(j);
    ends_thought(c, j, today) || whole && asks_for_another(c, j)
}

/// What asks whether it is so.
const TAGS: &[&str] = &["是吗", "是吧", "对吗", "对吧", "是不是", "对不对"];

/// The index after small words that end a thought.
fn after_endings(c: &[char], i: usize) -> usize {
    let ends = |x: &&char| matches!(x, '了' | '的' | '啊' | '呀' | '哦' | '啦' | '吧' | '哈');
    i + c[i.min(c.len())..].iter().take_while(ends).count()
}

/// Whether nothing follows at `i` that asks, sets a condition, or says what is refused; another thought
/// may begin there, or another day.
fn ends_thought(c: &[char], i: usize, today: Date) -> bool {
    const THOUGHTS: &[&str] = &["我", "能", "但", "不过", "因为", "工资"];
    const CONDITIONED: &[&str] = &["我再", "我就"];
    let j = after_endings(c, i);
    match c.get(j) {
        None => true,
        Some('?') => false,
        // 一号不行，是吧.
        Some(x) if is_stop(*x) => word(c, j + 1, TAGS).is_none(),
        Some(_) if word(c, j, CONDITIONED).is_some() => false,
        Some(_) => word(c, j, THOUGHTS).is_some() || date::parse(c, j, today).is_some(),
    }
}

/// Whether another day, or a later one, is asked for at `i`: 一号不行[晚几天吧].
fn asks_for_another(c: &[char], i: usize) -> bool {
    const WISHES: &[&str] = &[
        "你", "您", "可", "得", "要", "改", "换", "只", "下", "等", "晚", "过", "推", "缓", "宽", "延", "最",
    ];
    const CONDITIONED: &[&str] = &["你再", "你们再", "你就", "可就"];
    let j = after_endings(c, i);
    word(c, j, WISHES).is_some() && word(c, j, CONDITIONED).is_none()
}
