//! Mandarin: names are compared by their syllables without tones, since recognition writes homophones.

use pinyin::ToPinyin;

use super::{Naming, apart};
use crate::address::family_name_zh;

/// What comes before one's own name. 我不是 is none of them.
const MARKERS: [&str; 9] =
    ["我就是", "我是", "我叫", "我姓", "免贵姓", "名字叫", "名字是", "这里是", "这边是"];

/// Family names of nine in ten people, without those that are common words.
const FAMILY: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏卢蒋\
                      蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟\
                      龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕\
                      聂焦柳邢路岳齐梅莫庄辛管祝左涂谷祁耿牟卜肖付闫欧詹凌裴阮";

/// Words that begin like a family name.
const WORDS: [&str; 36] = [
    "马上",
    "方便",
    "方面",
    "高兴",
    "高中",
    "周一",
    "周二",
    "周三",
    "周四",
    "周五",
    "周六",
    "周日",
    "周末",
    "周天",
    "白天",
    "安全",
    "安排",
    "江苏",
    "江西",
    "常常",
    "常用",
    "钱不",
    "钱没",
    "单位",
    "顾客",
    "石家庄",
    "关于",
    "何必",
    "何时",
    "万一",
    "路过",
    "路上",
    "任何",
    "谢谢",
    "付款",
    "余额",
];

const TITLES: [&str; 9] = ["先生", "女士", "小姐", "太太", "夫人", "经理", "老师", "师傅", "医生"];

/// People of a person's. 太太 and 夫人 are forms of address, too.
const RELATIVES: [&str; 34] = [
    "爱人",
    "老婆",
    "老公",
    "妻子",
    "丈夫",
    "太太",
    "夫人",
    "媳妇",
    "妈",
    "爸",
    "母亲",
    "父亲",
    "儿子",
    "女儿",
    "孩子",
    "哥",
    "弟",
    "姐",
    "妹",
    "家人",
    "家属",
    "亲戚",
    "同事",
    "朋友",
    "室友",
    "同学",
    "领导",
    "老板",
    "员工",
    "邻居",
    "女朋友",
    "男朋友",
    "对象",
    "表",
];

/// What may follow a name that has come to its end.
const AFTER: &str = "的啊呀呢吧嘛哦哈啦呃嗯你您他她不有找怎什干请在谁是也就我这那没";

pub(super) fn naming(text: &str, name: &str, title: &str) -> Naming {
    let person = Person::of(name, title);
    let after = |m: &'static str| text.match_indices(m).map(move |(at, _)| (&text[at + m.len()..], m));
    let said = MARKERS.into_iter().flat_map(after).map(|(rest, marker)| person.named_in(rest, marker));
    said.max().unwrap_or(Naming::None)
}

/// Whether one says to be who was asked for, without a name: 我就是, 就是我, 我是本人.
pub(super) fn is_me(text: &str) -> bool {
    let ends = |after: &str| {
        let after = after.trim_start_matches(['他', '她']);
        let after = after.strip_prefix("本人").unwrap_or(after);
        after.chars().next().is_none_or(|c| syllable(c).is_none() || "啊呀呢吧嘛哦哈啦的".contains(c))
    };
    ["我就是", "我是", "就是我", "是我"].into_iter().any(|me| {
        text.match_indices(me)
            .any(|(at, _)| ends(&text[at + me.len()..]) && !text[..at].ends_with(['不', '找']))
    })
}

struct Person<'c> {
    /// The syllables of the name; none where it is not written in characters.
    name: Vec<String>,
    /// How many of them are the family name's.
    family: usize,
    title: &'c str,
}

impl<'c> Person<'c> {
    fn of(name: &str, title: &'c str) -> Self {
        let name: Vec<char> = name.trim().chars().collect();
        let whole: String = name.iter().collect();
        let syllables: Vec<String> = name.iter().filter_map(|c| syllable(*c)).collect();
        let known = syllables.len() == name.len();
        Self {
            family: family_name_zh(&whole).map_or(1, |f| f.chars().count()),
            name: if known { syllables } else { Vec::new() },
            title,
        }
    }

    /// Who speaks, by what follows a marker.
    fn named_in(&self, rest: &str, marker: &str) -> Naming {
        let rest: String = rest.chars().take_while(|c| syllable(*c).is_some()).collect();
        let only_family = marker.ends_with('姓') || rest.starts_with('姓');
        let rest = rest.trim_start_matches(['就', '姓', '叫']);
        if let Some(of) = rest.strip_prefix(['他', '她']) {
            return if is_relative(of.trim_start_matches('的')) { Naming::Related } else { Naming::None };
        }
        if let Some(after) = self.matched(rest) {
            return self.after_the_name(after);
        }
        if is_another(rest, only_family) { Naming::Another } else { Naming::None }
    }

    /// What follows the person's own name at the beginning of `rest`, in any of its forms.
    fn matched<'t>(&self, rest: &'t str) -> Option<&'t str> {
        let given = self.name.get(self.family..).unwrap_or_default();
        let family = self.name.get(..self.family).unwrap_or_default();
        let familiar = rest.strip_prefix(['小', '老', '阿']);
        let over = |after: &&str| after.is_empty() || ends_a_name(after);
        strip(rest, &self.name)
            .or_else(|| strip(rest, given).filter(|_| given.len() > 1))
            .or_else(|| strip(rest, family).filter(over))
            .or_else(|| strip(familiar?, family).filter(over))
            .or_else(|| strip(familiar?, given.last_chunk::<1>()?).filter(over))
    }

    fn after_the_name(&self, after: &str) -> Naming {
        let title = TITLES.iter().find(|t| after.starts_with(**t));
        let rest = title.map_or(after, |t| &after[t.len()..]);
        let owned = rest.strip_prefix('的').is_some_and(|of| !of.is_empty());
        if owned || rest.starts_with(['他', '她', '家']) || is_relative(rest) {
            Naming::Related
        } else if title.is_some_and(|t| apart(t, self.title)) {
            Naming::Another
        } else {
            Naming::Same
        }
    }
}

/// A name that is not the person's.
fn is_another(rest: &str, only_family: bool) -> bool {
    if WORDS.iter().any(|w| rest.starts_with(w)) {
        return false;
    }
    let familiar = rest.strip_prefix(['小', '老', '阿']);
    let rest = familiar.unwrap_or(rest);
    let family = rest.chars().next().filter(|c| FAMILY.contains(*c));
    let Some(given) = family.and_then(|c| rest.get(c.len_utf8()..)) else { return false };
    let after = |n: usize| given.char_indices().nth(n).map(|(at, _)| &given[at..]);
    let a_name_long = |n| given.chars().count() == n || after(n).is_some_and(ends_a_name);
    let alone = given.is_empty() || ends_a_name(given);
    only_family
        || familiar.is_some() && alone
        || TITLES.iter().any(|t| given.starts_with(t))
        || a_name_long(1)
        || a_name_long(2)
}

fn ends_a_name(after: &str) -> bool {
    after.starts_with(|c| AFTER.contains(c))
        || TITLES.iter().chain(&RELATIVES).any(|t| after.starts_with(t))
        || after.starts_with(['家', '本'])
}

fn is_relative(text: &str) -> bool {
    let text = text.strip_prefix(['大', '小', '二', '前']).unwrap_or(text);
    RELATIVES.iter().any(|r| text.starts_with(r))
}

/// What follows `syllables` at the beginning of `text`, where one of them may be misheard; none where
/// they do not stand there.
fn strip<'t>(text: &'t str, syllables: &[String]) -> Option<&'t str> {
    let mut chars = text.chars();
    let mut misheard = 0;
    for wanted in syllables {
        let said = chars.next().and_then(syllable)?;
        if said != *wanted {
            misheard += 1;
            MISHEARD.iter().find(|fold| fold(&said) == fold(wanted))?;
        }
    }
    (!syllables.is_empty() && misheard <= 1).then_some(chars.as_str())
}

/// Sounds that some speakers and recognizers take for one another: 黄 and 王, 胡 and 吴; 飞 and 辉;
/// 冉 and 兰. Each alone, for by two of them 方 would be 王.
const MISHEARD: [fn(&str) -> String; 3] = [
    |syllable| match syllable {
        // -ui and -un are spelt out where they stand alone: wei, wen.
        "hui" => "wei".to_owned(),
        "hun" => "wen".to_owned(),
        "hu" => "wu".to_owned(),
        _ => syllable.replacen("hu", "w", 1),
    },
    |syllable| match syllable {
        "fei" => "hui".to_owned(),
        "fen" => "hun".to_owned(),
        "fu" => "hu".to_owned(),
        _ => syllable.replacen('f', "hu", 1),
    },
    |syllable| syllable.replacen('r', "l", 1),
];

/// A character's syllable without its tone; what many speakers and recognizers do not keep apart
/// (zh and z, n and ng, n and l) is written alike. None for what is no character.
fn syllable(c: char) -> Option<String> {
    let plain = c.to_pinyin()?.plain().replace("ng", "n");
    let plain = match plain.as_bytes() {
        [b'z' | b'c' | b's', b'h', ..] => plain.replacen('h', "", 1),
        [b'n', _, ..] => plain.replacen('n', "l", 1),
        _ => plain,
    };
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(name: &str, title: &str, want: Naming, texts: &[&str]) {
        for text in texts {
            assert_eq!(naming(text, name, title), want, "{name}: {text}");
        }
    }

    #[test]
    fn the_person_by_whole_or_family_name_in_any_characters() {
        let said = [
            "我是张伟",
            "对，我就是张伟。",
            "我是章薇",
            "我姓张",
            "我是张先生",
            "嗯我是张伟本人",
            "我是小张",
            "我是老张啊",
            "我是张伟你哪位",
            "是的，我叫张伟，你说",
        ];
        is("张伟", "先生", Naming::Same, &said);
        is("李小红", "女士", Naming::Same, &["我是小红", "我是李小洪", "我是李女士", "你好我是小红呀"]);
        is("欧阳娜娜", "女士", Naming::Same, &["我是欧阳娜娜", "我姓欧阳", "我是欧阳女士"]);
    }

    #[test]
    fn the_person_by_a_name_misheard_by_a_sound() {
        for (name, said) in [
            ("黄磊", "王磊"),
            ("王芳", "黄芳"),
            ("胡静", "吴静"),
            ("张辉", "张飞"),
            ("方华", "黄华"),
            ("赵冉", "赵兰"),
            ("罗荣", "罗龙"),
            ("李慧", "李伟"),
            ("文杰", "混杰"),
            ("张伟", "张辉"),
        ] {
            is(name, "", Naming::Same, &[&format!("我是{said}"), &format!("对，我叫{said}，您说")]);
        }
        // Two sounds away, or by a sound that nobody mishears.
        for (name, said) in [
            ("张伟", "李强"),
            ("黄磊", "张磊"),
            ("胡静", "吴强"),
            ("王芳", "刘芳"),
            ("王磊", "方磊"),
            ("黄辉", "王飞"),
        ] {
            is(name, "", Naming::Another, &[&format!("我是{said}"), &format!("对，我叫{said}，您说")]);
        }
    }

    #[test]
    fn another_name_is_another_person() {
        let said = [
            "我是李强",
            "对，我是李强。",
            "我叫李强，你哪位",
            "我姓李",
            "免贵姓李",
            "我是李先生",
            "我是张强",
            "我是小李",
            "这里是王建国",
            "我是李强你找谁",
            "我是张太太",
            "我是姓王的",
        ];
        is("张伟", "先生", Naming::Another, &said);
        is("欧阳娜娜", "女士", Naming::Another, &["我是王芳"]);
        is("Daniel Reed", "先生", Naming::Another, &["我是王芳"]);
    }

    #[test]
    fn somebody_of_the_persons_is_neither() {
        let said = [
            "我是张伟的爱人",
            "我是张先生的太太",
            "我是他爱人",
            "我是她的同事",
            "这里是张伟家",
            "我是张伟老婆",
        ];
        is("张伟", "先生", Naming::Related, &said);
    }

    #[test]
    fn one_says_to_be_the_person_without_the_name() {
        for text in
            ["我就是", "对，我就是。", "不是，我就是本人啊", "就是我", "是我，您说", "我是他本人", "嗯我是"]
        {
            assert!(is_me(text), "{text}");
        }
        for text in ["认识", "我是他爱人", "是我朋友", "我就是问问", "不是我", "我不是", "就是我邻居", ""]
        {
            assert!(!is_me(text), "{text}");
        }
    }

    #[test]
    fn without_a_name_nothing_is_said_of_it() {
        let said = [
            "我是",
            "我就是",
            "对，我是本人",
            "就是我",
            "我是的",
            "我是啊你说",
            "我不是张伟",
            "我是他",
            "我是马上就还",
            "我是周三还的",
            "我是方便的",
            "这里是单位",
            "我是快递",
            "我叫你别打了",
            "你是李强吗",
            "我是万一有钱就还",
            "",
            "我是。",
            "我是Mike",
        ];
        is("张伟", "先生", Naming::None, &said);
        is("Daniel Reed", "", Naming::None, &["我是丹尼尔", "我是"]);
        is("", "", Naming::None, &["我是", "我就是本人"]);
    }
}
