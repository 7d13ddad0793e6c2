//! An utterance cut into clauses: more than one thing may be meant in one breath.

use waihu_types::Lang;

/// Clauses looked at in one utterance: who says more tells a story, and the whole stands for it. Each
/// costs one pass of the encoder.
const MAX_CLAUSES: usize = 6;

/// Words that begin another thought. They stay with what they begin.
const ZH_JOINTS: &[&str] =
    &["但是", "不过", "可是", "然后", "而且", "所以", "能不能", "可不可以", "能否", "你们再"];
const EN_JOINTS: &[&str] = &["but", "and", "so", "because", "then", "or else"];

/// The clauses of an utterance, or none where it is a single one.
pub fn clauses(lang: Lang, text: &str) -> Vec<&str> {
    let mut out: Vec<&str> = Vec::new();
    for part in text.split(is_mark) {
        match lang {
            Lang::Zh => cut_before(part, |rest| ZH_JOINTS.iter().any(|j| rest.starts_with(j)), &mut out),
            Lang::En => cut_before(part, begins_english, &mut out),
        }
    }
    out.retain(|c| says_something(lang, c));
    if out.len() < 2 || out.len() > MAX_CLAUSES { Vec::new() } else { out }
}

/// Marks between clauses; not those inside of a figure, which no blank follows.
fn is_mark(c: char) -> bool {
    matches!(c, '，' | '。' | '！' | '？' | '；' | '!' | '?' | ';' | '\n') || c == '、'
}

fn begins_english(rest: &str) -> bool {
    let joint = |j: &&str| rest.strip_prefix(*j).is_some_and(|r| r.starts_with(' '));
    EN_JOINTS.iter().any(joint)
}

/// Cuts a part before each joint, and in both languages after a comma or a full stop that a blank follows.
fn cut_before<'t>(part: &'t str, joint: impl Fn(&str) -> bool, out: &mut Vec<&'t str>) {
    let mut begin = 0;
    let mut before = ' ';
    for (i, c) in part.char_indices() {
        let rest = &part[i..];
        let after_blank = before == ' ' || !c.is_ascii();
        let stop = matches!(c, ',' | '.') && rest[1..].chars().next().is_none_or(|n| !n.is_ascii_digit());
        if i > begin && (stop || (after_blank && joint(rest))) {
            out.push(part[begin..i].trim_matches([',', '.', ' ']));
            begin = i;
        }
        before = c;
    }
    out.push(part[begin..].trim_matches([',', '.', ' ']));
}

/// A clause of a breath says nothing by itself: 嗯, "well".
fn says_something(lang: Lang, clause: &str) -> bool {
    match lang {
        Lang::Zh => clause.chars().filter(|c| c.is_alphanumeric()).count() >= 2,
        Lang::En => {
            clause.split_whitespace().count() >= 2
                || ["yes", "no", "sorry"].contains(&clause.to_lowercase().as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_utterance_is_cut_where_another_thought_begins() {
        assert_eq!(clauses(Lang::Zh, "我失业了，能不能分期"), ["我失业了", "能不能分期"]);
        assert_eq!(clauses(Lang::Zh, "我失业了能不能分期？"), ["我失业了", "能不能分期"]);
        assert_eq!(
            clauses(Lang::En, "Yes it's me, but I already paid."),
            ["Yes it's me", "but I already paid"]
        );
        assert_eq!(clauses(Lang::En, "i lost my job so i can't pay"), ["i lost my job", "so i can't pay"]);
    }

    #[test]
    fn one_thought_is_not_cut() {
        for (lang, text) in [
            (Lang::Zh, "我明天还"),
            (Lang::Zh, "嗯，好的"),
            (Lang::Zh, "3,250.00元"),
            (Lang::En, "$3,250.00"),
            (Lang::En, "well, okay then"),
            (Lang::En, "android phone"),
        ] {
            assert!(clauses(lang, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_story_stands_as_a_whole() {
        assert!(clauses(Lang::Zh, &"我没钱，".repeat(9)).is_empty());
        assert!(clauses(Lang::En, "").is_empty());
    }
}
