//! How many parts: three installments, over six months, in 3 payments, split it in four.

use super::{
    number,
    token::{Token, at, before, has},
};

pub(super) const PARTS: &[&str] = &[
    "installments",
    "instalments",
    "installment",
    "instalment",
    "payments",
    "parts",
    "emis",
    "chunks",
    "portions",
    "pieces",
    "goes",
];

/// A number of parts at `i`.
pub(super) fn parse(t: &[Token], i: usize) -> Option<(u32, usize)> {
    if at(t, i) == "a" && at(t, i + 1) == "year" && ["over", "across"].contains(&at(t, i.wrapping_sub(1))) {
        return Some((12, i + 2));
    }
    let (n, mut j) = number::count(t, i).filter(|(n, _)| (2..=360).contains(n))?;
    let ahead = before(t, i, 4);
    let past = ["missed", "late", "behind", "made", "skipped", "already"].iter().any(|w| has(ahead, w));
    while matches!(
        at(t, j),
        "equal"
            | "monthly"
            | "weekly"
            | "small"
            | "smaller"
            | "separate"
            | "different"
            | "easy"
            | "month"
            | "biweekly"
            | "more"
    ) {
        j += 1;
    }
    let plan = at(t, j) == "plan" && at(t, j.wrapping_sub(1)) == "month";
    if plan || PARTS.contains(&at(t, j)) {
        return (!past).then_some((n, j + 1));
    }
    if matches!(at(t, j), "years") && ["over", "across"].contains(&at(t, i.wrapping_sub(1))) && !past {
        return n.checked_mul(12).map(|months| (months, j + 1));
    }
    let split =
        ["split", "divide", "break", "spread", "pay it", "stretch"].iter().any(|w| has(before(t, i, 6), w));
    if matches!(at(t, j), "months" | "weeks") {
        // "fifty a month for six months"
        let each = at(t, i.wrapping_sub(1)) == "for"
            && ["a month", "each month", "per month", "every month", "a week", "per week"]
                .iter()
                .any(|w| has(before(t, i, 4), w));
        let over = each || ["over", "across"].iter().any(|w| has(before(t, i, 3), w)) || split;
        // Nothing else was said: the answer to "over how many months".
        let whole = i <= 2
            && j + 3 >= t.len()
            && !has(ahead, "in")
            && !has(ahead, "after")
            && !matches!(at(t, j + 1), "ago" | "from" | "later" | "behind" | "late");
        let months = at(t, j) == "months";
        let late = matches!(at(t, j + 1), "late" | "later" | "behind" | "ago");
        return (!past && !late && (over || whole && months)).then_some((n, j + 1));
    }
    let into = matches!(at(t, i.wrapping_sub(1)), "in" | "into" | "by");
    let ends = matches!(at(t, j), "" | "." | "," | "?" | "please" | "ways" | "or");
    (split && into && ends || split && at(t, j) == "ways").then_some((n, j))
}
