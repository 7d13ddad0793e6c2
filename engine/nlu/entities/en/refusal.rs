//! Days that are named only to be refused: "not the first", "I can't do Friday", "the 5th won't work".
//!
//! Between a day and what refuses it stand nothing but small words. Deliberately absent: what asks
//! ("why not Friday?"), what is set as a condition ("if the 5th doesn't work"), and what is refused of a
//! day alone ("not before the 5th", "I can't pay it all on Friday"): there the day at most gives way.

use jiff::civil::Date;

use super::{
    date,
    token::{Kind, Token, at, before, ends_with, has, not_taken_back, phrase},
};

/// How far before a day the words are looked at.
const REACH: usize = 8;

/// What refuses the day behind it.
const NEGATIONS: &[&str] = &[
    "not",
    "cant",
    "cannot",
    "wont",
    "unable",
    "dont",
    "neither",
    "nor",
    "dont think i can",
    "dont think ill",
    "dont think i will",
    "dont think i could",
];

/// The words that may stand between the two: "can't [make it on] Friday", "don't [have the money] today".
const BETWEEN: &[&str] = &[
    "on", "by", "for", "the", "do", "make", "manage", "pay", "paying", "it", "anything", "any", "be", "able",
    "to", "have", "get", "money", "cash", "come", "up", "with",
];

/// What excepts the day behind it.
const EXCEPTIONS: &[&str] =
    &["any day but", "any day except", "any day other than", "anything but", "except", "except on"];

/// Beside these nothing else is left: "nothing except Friday".
const NOTHING: &[&str] = &["no", "not", "nothing", "none", "cant", "cannot", "dont", "never", "only"];

/// What refuses the day before it.
const REFUSALS: &[&str] = &[
    "doesnt work",
    "does not work",
    "dont work",
    "do not work",
    "wont work",
    "will not work",
    "wont do",
    "will not do",
    "isnt going to work",
    "is not going to work",
    "isnt good",
    "is not good",
    "is no good",
    "are no good",
    "isnt possible",
    "is not possible",
    "is impossible",
    "is out",
    "are out",
    "is too soon",
    "is too early",
    "is too late",
    "doesnt suit",
    "does not suit",
    "i cant",
    "i cannot",
    "i cant do",
    "i cant make",
    "i cant make it",
    "i cant do it",
    "i cant pay",
];

/// Words before a day by which what is said of it is a condition or a question.
const TURNED: &[&str] = &[
    "if",
    "unless",
    "whether",
    "why",
    "who",
    "case",
    "suppose",
    "can i not",
    "could i not",
    "could we not",
    "could you not",
];

/// Before a day that is refused by what follows, a denial turns that round.
const DENIED: &[&str] = &["not", "never", "dont", "didnt", "doubt"];

/// The days of a list that are looked at behind one of them.
const MOST_LISTED: usize = 3;

/// Where the day that was named before ends, if there was one, and what became of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Earlier {
    pub(super) end: usize,
    pub(super) refused: bool,
}

/// Whether the day at `i..end` is refused.
pub(super) fn refuses(t: &[Token], earlier: Earlier, i: usize, end: usize, today: Date) -> bool {
    let clause = before(&t[earlier.end..], i - earlier.end, REACH);
    let ahead = not_taken_back(clause);
    // "not Friday or Monday"
    let goes_on = earlier.refused
        && matches!(at(t, earlier.end), "or" | "nor")
        && t[earlier.end..i].iter().skip(1).all(|w| matches!(w.text.as_str(), "on" | "by" | "for"));
    let refused = goes_on || is_negated(ahead) || is_excepted(clause);
    if refused { !asks(t, end) } else { is_refused_behind(t, ahead, end, today) }
}

/// "not the first", "I can't make it on Friday".
fn is_negated(ahead: &[Token]) -> bool {
    let small = ahead.iter().rev().take_while(|w| BETWEEN.contains(&w.text.as_str())).count();
    let n = ahead.len() - small;
    NEGATIONS.iter().any(|w| ends_with(ahead, n, w)) && !TURNED.iter().any(|w| has(ahead, w))
}

/// "any day but Friday".
fn is_excepted(clause: &[Token]) -> bool {
    let n = clause.len();
    let excepts = |w: &&&str| ends_with(clause, n, w);
    EXCEPTIONS.iter().find(excepts).is_some_and(|w| {
        let left = &clause[..n - w.split(' ').count()];
        !NOTHING.iter().any(|w| has(left, w))
    })
}

/// "Friday won't work", "Friday and Saturday are out", "I don't think Friday works".
fn is_refused_behind(t: &[Token], ahead: &[Token], end: usize, today: Date) -> bool {
    let mut j = end;
    for _ in 0..MOST_LISTED {
        let next = matches!(at(t, j), "and" | "or" | "nor").then(|| date::parse(t, j + 1, today));
        let Some((_, k)) = next.flatten() else { break };
        j = k;
    }
    j += usize::from(matches!(at(t, j), "really" | "just" | "probably" | "definitely" | "still"));
    if ends_with(ahead, ahead.len(), "dont think") {
        return ["works", "will work", "would work", "is possible", "will do"]
            .iter()
            .any(|w| phrase(t, j, w));
    }
    let turned = TURNED.iter().chain(DENIED).any(|w| has(ahead, w));
    let words = REFUSALS.iter().filter(|w| phrase(t, j, w)).max_by_key(|w| w.len());
    !turned && words.is_some_and(|w| ends_thought(t, j, w))
}

/// Whether the refusal at `i` asks nothing, and says nothing of what it refuses: not "Friday I can't pay
/// it all".
fn ends_thought(t: &[Token], i: usize, words: &str) -> bool {
    let mut end = i + words.split(' ').count();
    if phrase(t, end, "for me") || phrase(t, end, "for us") {
        end += 2;
    }
    let stops = t.get(end).is_none_or(|t| t.kind == Kind::Stop)
        || matches!(at(t, end), "but" | "so" | "because" | "sorry" | "how" | "can" | "could" | "what");
    let whole = !words.starts_with("i cant") && !words.starts_with("i cannot");
    (whole || stops) && !asks(t, end) && !phrase(t, end, "for you")
}

/// Whether the words end in a question at `i`: "not Friday?", "Friday doesn't work, does it?".
fn asks(t: &[Token], i: usize) -> bool {
    let j = i + usize::from(at(t, i) == ",");
    at(t, i) == "?" || ["does it", "is it", "right"].iter().any(|w| phrase(t, j, w))
}
