//! Finding and hiding.

use waihu_types::Lang;

use crate::{Kind, Known, digits, numbers};

/// Where something stands in a text [bytes].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its first byte.
    pub from: usize,
    /// The byte after it.
    pub to: usize,
    /// What it is.
    pub kind: Kind,
}

/// What in a text tells who somebody is, in its order; no two spans overlap.
pub fn find(text: &str, lang: Lang, known: &Known) -> Vec<Span> {
    let names = known.places(text).into_iter().map(|(from, to)| Span { from, to, kind: Kind::Name });
    let mut spans: Vec<Span> = names.collect();
    for run in digits::runs(text) {
        let Some(first) = run.digits.first() else { continue };
        let mut found = numbers::of_run(&run, &text[..first.from], lang);
        let values: String =
            run.digits.iter().filter(|d| d.value < 10).map(|d| char::from(b'0' + d.value)).collect();
        if found.is_empty() && known.is_number(&values) {
            found.push((0, run.digits.len(), Kind::Phone));
        }
        let span = |(a, b, kind): (usize, usize, Kind)| {
            let (from, to) = (run.digits.get(a)?.from, run.digits.get(b.checked_sub(1)?)?.to);
            Some(Span { from, to, kind })
        };
        spans.extend(found.into_iter().filter_map(span));
    }
    spans.sort_unstable();
    spans.dedup_by(|b, a| {
        let over = b.from < a.to;
        if over {
            a.to = a.to.max(b.to);
        }
        over
    });
    spans
}

/// The longest pause in which a number that was begun goes on in the next line [ms].
const PAUSE_MS: u64 = 6_000;

/// The same over the lines of a call, each with when it began \[ms\] and by whom it was said: a number that is said in
/// pieces, with somebody's "yes?" between them, is one number. The spans of each line.
pub fn find_in_lines<S: PartialEq>(lines: &[(u64, S, &str)], lang: Lang, known: &Known) -> Vec<Vec<Span>> {
    let mut spans: Vec<Vec<Span>> = lines.iter().map(|(.., text)| find(text, lang, known)).collect();
    for first in 0..lines.len() {
        for (n, span) in find_in_pieces(lines, first, lang, known) {
            add(&mut spans[n], span);
        }
    }
    spans
}

/// The spans of one line among those of its call; no more of them are looked at than a number may be said in.
pub fn find_in_line<S: PartialEq>(
    lines: &[(u64, S, &str)],
    at: usize,
    lang: Lang,
    known: &Known,
) -> Vec<Span> {
    let Some((_, by, text)) = lines.get(at) else { return Vec::new() };
    let mut spans = find(text, lang, known);
    let own = lines[..=at].iter().enumerate().rev().filter(|(_, (_, who, _))| who == by);
    let firsts: Vec<usize> = own.take(PIECES).map(|(n, _)| n).collect();
    for first in firsts.into_iter().rev() {
        for (_, span) in find_in_pieces(lines, first, lang, known).into_iter().filter(|(n, _)| *n == at) {
            add(&mut spans, span);
        }
    }
    spans
}

/// What is found in a line together with those that go on with it: lines of one person, each soon after the other.
/// Each with its line.
fn find_in_pieces<S: PartialEq>(
    lines: &[(u64, S, &str)],
    first: usize,
    lang: Lang,
    known: &Known,
) -> Vec<(usize, Span)> {
    let Some((_, by, _)) = lines.get(first) else { return Vec::new() };
    let (mut joined, mut parts, mut last) = (String::new(), Vec::new(), None::<u64>);
    for (n, (at, who, text)) in lines.iter().enumerate().skip(first) {
        if who != by {
            continue;
        }
        if last.is_some_and(|last| at.saturating_sub(last) > PAUSE_MS) || parts.len() == PIECES {
            break;
        }
        parts.push((n, joined.len(), text.len()));
        joined.push_str(text);
        joined.push(' ');
        last = Some(at + lasting_ms(text));
    }
    if parts.len() < 2 {
        return Vec::new();
    }
    let mut found = Vec::new();
    for span in find(&joined, lang, known) {
        for (n, from, length) in &parts {
            let (a, b) = (span.from.max(*from), span.to.min(from + length));
            if a < b {
                found.push((*n, Span { from: a - from, to: b - from, kind: span.kind }));
            }
        }
    }
    found
}

/// In at most so many lines a number is said: four digits at a time, a card has five.
const PIECES: usize = 6;

fn add(spans: &mut Vec<Span>, new: Span) {
    if spans.iter().any(|s| s.from <= new.from && new.to <= s.to) {
        return;
    }
    spans.retain(|s| s.to <= new.from || new.to <= s.from);
    spans.push(new);
    spans.sort_unstable();
}

/// About how long a text takes to say \[ms\]: at the pace at which people tell numbers. A figure is a word of its own,
/// where a letter is a part of one.
pub fn lasting_ms(text: &str) -> u64 {
    let lasts = |c: char| match c {
        '0'..='9' | '０'..='９' => 350,
        c if c.is_ascii() => 70,
        _ => 220,
    };
    text.chars().map(lasts).sum()
}

/// The text with each span replaced by what it is.
pub fn hide(text: &str, spans: &[Span], lang: Lang) -> String {
    replace(text, spans, |kind| match (kind, lang) {
        (Kind::Card, Lang::Zh) => "〔卡号〕",
        (Kind::Identity, Lang::Zh) => "〔身份证号〕",
        (Kind::SocialSecurity, Lang::Zh) => "〔社会安全号〕",
        (Kind::Phone, Lang::Zh) => "〔电话〕",
        (Kind::Account, Lang::Zh) => "〔账号〕",
        (Kind::Secret, Lang::Zh) => "〔密码〕",
        (Kind::Name, Lang::Zh) => "〔姓名〕",
        (Kind::Card, Lang::En) => "[card]",
        (Kind::Identity, Lang::En) => "[identity number]",
        (Kind::SocialSecurity, Lang::En) => "[social security number]",
        (Kind::Phone, Lang::En) => "[telephone]",
        (Kind::Account, Lang::En) => "[account]",
        (Kind::Secret, Lang::En) => "[code]",
        (Kind::Name, Lang::En) => "[name]",
    })
}

/// What is left of the text without its spans, a space for each: what stands before one and after it does not meet.
pub fn without(text: &str, spans: &[Span]) -> String {
    replace(text, spans, |_| " ")
}

fn replace(text: &str, spans: &[Span], with: impl Fn(Kind) -> &'static str) -> String {
    let (mut replaced, mut at) = (String::with_capacity(text.len()), 0);
    for span in spans {
        replaced.push_str(text.get(at..span.from).unwrap_or_default());
        replaced.push_str(with(span.kind));
        at = span.to;
    }
    replaced.push_str(text.get(at..).unwrap_or_default());
    replaced
}

/// How much before and after a span is silent too [ms]: nobody speaks evenly.
const MARGIN_MS: u64 = 600;

/// When a span of a line was said, where the line was said from `from_ms` to `to_ms`: its share of the line by how
/// long its words take, and generous at both ends, since the times of single words are not known.
pub fn silent(text: &str, span: Span, (from_ms, to_ms): (u64, u64)) -> (u64, u64) {
    let all = lasting_ms(text).max(1);
    let before = |to: usize| text.get(..to).map_or(all, lasting_ms);
    let lasting = to_ms.saturating_sub(from_ms);
    // A tenth of the line: the longer it is, the further its words may be from where they are looked for.
    let margin = MARGIN_MS.max(lasting / 10);
    let from = (from_ms + lasting * before(span.from) / all).saturating_sub(margin);
    let to = from_ms + lasting * before(span.to) / all + margin;
    (from, to)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_found_is_hidden_and_the_rest_stays() {
        let text =
            "我的卡号是6222 0212 3456 7890 123，每期还1200.50元，11月27日还，电话一三八零零一三八零零零";
        let hidden = hide(text, &find(text, Lang::Zh, &Known::default()), Lang::Zh);
        assert_eq!(hidden, "我的卡号是〔账号〕，每期还1200.50元，11月27日还，电话〔电话〕");
        let left = without(text, &find(text, Lang::Zh, &Known::default()));
        assert_eq!(left, "我的卡号是 ，每期还1200.50元，11月27日还，电话 ");
    }

    #[test]
    fn a_number_that_is_said_in_pieces_is_one() {
        let lines = [
            (0, 'c', "卡号是四一一一"),
            (2_500, 'b', "嗯"),
            (3_000, 'c', "一一一一"),
            (5_000, 'c', "一一一一 一一一一"),
            (30_000, 'c', "一千块"),
        ];
        let found = find_in_lines(&lines, Lang::Zh, &Known::default());
        let hidden: Vec<String> =
            lines.iter().zip(&found).map(|((.., text), spans)| hide(text, spans, Lang::Zh)).collect();
        assert_eq!(hidden, ["卡号是〔卡号〕", "嗯", "〔卡号〕", "〔卡号〕", "一千块"]);
        let apart = [(0, 'c', "卡号是四一一一"), (60_000, 'c', "一一一一一一一")];
        assert!(find_in_lines(&apart, Lang::Zh, &Known::default()).iter().all(Vec::is_empty));
    }

    #[test]
    fn silence_covers_more_than_the_words() {
        let text = "卡号4111111111111111好的";
        let span = find(text, Lang::Zh, &Known::default())[0];
        let (from, to) = silent(text, span, (10_000, 16_000));
        assert!(from < 10_600 && to > 15_400, "{from} {to}");
        assert_eq!(silent("", span, (5, 5)), (0, 605));
        // Words are said faster than figures: sixteen at 0.3 s each begin a second and a half into this line.
        let text = "my card number is 4111 1111 1111 1111";
        let span = find(text, Lang::En, &Known::default())[0];
        let (from, to) = silent(text, span, (0, 6_300));
        assert!(from < 1_500 && to > 6_300, "{from} {to}");
        assert!(lasting_ms(&text[span.from..span.to]) > 16 * 300);
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_its_spans_are_whole(text in "\\PC{0,60}|[0-9一二三四 ,.x-]{0,40}") {
            let spans = find(&text, Lang::Zh, &Known::default());
            for pair in spans.windows(2) {
                prop_assert!(pair[0].to <= pair[1].from);
            }
            for span in &spans {
                prop_assert!(text.get(span.from..span.to).is_some());
            }
            let _ = hide(&text, &spans, Lang::En);
        }

        #[test]
        fn a_line_has_the_spans_that_it_has_among_all(
            said in proptest::collection::vec((0_u64..9_000, any::<bool>(), "卡号|[0-9一二三四 ]{0,9}张?伟?"), 0..14)
        ) {
            let mut known = Known::default();
            known.name("张伟", Lang::Zh);
            let mut now = 0;
            let lines: Vec<(u64, bool, &str)> = said
                .iter()
                .map(|(pause_ms, callee, text)| {
                    now += pause_ms;
                    (now, *callee, text.as_str())
                })
                .collect();
            let all = find_in_lines(&lines, Lang::Zh, &known);
            for (n, spans) in all.iter().enumerate() {
                prop_assert_eq!(find_in_line(&lines, n, Lang::Zh, &known), spans.clone());
            }
            prop_assert!(find_in_line(&lines, lines.len(), Lang::Zh, &known).is_empty());
        }
    }
}
