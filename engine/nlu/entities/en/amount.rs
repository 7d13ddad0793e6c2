//! English sums and read-out digits: $1,250.50, two fifty, twelve hundred bucks, "double four".

use rust_decimal::Decimal;
use waihu_types::Currency;

use super::{
    super::found::{Found, Hold, Named},
    count,
    number::{self, Number},
    token::{Kind, Token, after, at, before, ends_with, has, not_taken_back, phrase},
};

/// What the whole utterance says about a number in it.
pub(super) struct Context {
    /// The utterance is a number and small words: an answer to a question for one.
    bare: bool,
    /// It speaks of last digits, an identity, an account.
    asks_digits: bool,
}

const SMALL_WORDS: &[&str] = &[
    "um", "uh", "er", "erm", "well", "like", "about", "maybe", "around", "roughly", "okay", "ok", "yes",
    "yeah", "yep", "sure", "just", "only", "please", "i", "can", "do", "could", "its", "is", "say", "lets",
    "how", "what", "the", "a", "an", "and", "oh", "zero", "double", "triple", "hundred", "thousand", "grand",
    "k", "lakh", "tops", "max", "so", "then", "it", "hmm", "right", "now", "couple", "of", "point",
    "probably", "think", "x", "id", "that", "thats", "believe", "have", "got", "to", "be", "would", "at",
    "most",
];

const DIGIT_WORDS: &[&str] = &[
    "last four",
    "last three",
    "last 4",
    "ending",
    "ends in",
    "ends with",
    "social",
    "ssn",
    "id number",
    "account number",
    "card number",
    "phone number",
    "my number",
    "digits",
    "reference",
    "zip",
    "pin",
    "case number",
    "birth",
    "account ends",
    "extension",
];

impl Context {
    pub(super) fn of(t: &[Token]) -> Self {
        let plain = |i: usize| {
            t[i].kind != Kind::Word
                || SMALL_WORDS.contains(&at(t, i))
                || number::below_hundred(t, i).is_some()
        };
        Self { bare: (0..t.len()).all(plain), asks_digits: DIGIT_WORDS.iter().any(|w| has(t, w)) }
    }
}

/// Words behind a number that make it count something else than money.
const MEASURES: &[&str] = &[
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "hour",
    "hours",
    "minute",
    "minutes",
    "min",
    "mins",
    "second",
    "seconds",
    "sec",
    "secs",
    "time",
    "times",
    "percent",
    "people",
    "person",
    "kids",
    "children",
    "payments",
    "installments",
    "instalments",
    "pm",
    "am",
    "oclock",
    "miles",
    "calls",
    "call",
    "things",
    "other",
    "others",
    "point",
    "points",
    "different",
    "loans",
    "cards",
    "accounts",
    "emails",
    "letters",
    "th",
    "st",
    "nd",
    "rd",
    "moment",
    "more",
    "guys",
    "men",
    "women",
    "dogs",
    "of",
    "jobs",
    "degrees",
    "oh",
    "street",
    "avenue",
    "working",
    "business",
    "emis",
    "fortnight",
    "years old",
    "questions",
    "messages",
    "texts",
    "am",
    "thing",
    "bit",
];

/// Words before a number that it names, not pays.
const NAMES: &[&str] = &[
    "call",
    "dial",
    "extension",
    "ext",
    "room",
    "apartment",
    "apt",
    "unit",
    "number",
    "route",
    "channel",
    "press",
    "option",
    "in",
    "since",
    "age",
    "aged",
    "form",
    "chapter",
];

/// Words of paying before a sum, and those that may stand between.
const PAYS: &[&str] = &[
    "pay", "paying", "give", "send", "do", "afford", "offer", "put", "manage", "paid", "transfer", "spare",
    "scrape", "deposit", "is", "was", "for",
];
const BETWEEN: &[&str] = &[
    "you", "about", "like", "maybe", "only", "just", "around", "up", "to", "down", "together", "a", "say",
    "the", "them", "in", "at", "least", "most", "another", "it", "roughly", "me", "be",
];

/// What stands before a sum that is not the one offered.
const NOT_OFFERED: &[&str] = &[
    "owe",
    "owed",
    "owing",
    "balance",
    "rest",
    "remaining",
    "you said",
    "says",
    "cant do",
    "cannot do",
    "cant pay",
    "cant afford",
    "instead of",
    "not",
];

/// What stands behind a sum that is not the one offered.
const REFUSED: &[&str] = &["is too much", "too much", "left", "is impossible", "is a lot"];

/// Reads a sum or digits at `i` into `found`; gives the place to go on from.
pub(super) fn parse(t: &[Token], i: usize, context: &Context, found: &mut Found) -> usize {
    if let Some(currency) = symbol(t, i) {
        if let Some(n) = number::parse(t, i + 1) {
            let end = currency_word(t, n.end).map_or(n.end, |c| c.1);
            offer(t, i, end, n.value, Some(currency), found);
            return end;
        }
        return i + 1;
    }
    if let Some((text, end)) = number::digits(t, i) {
        // "Four oh five" is read out of a price, if nothing that has digits is spoken of.
        let price = end == i + 3 && matches!(at(t, i + 1), "oh" | "o") && !context.asks_digits;
        match text.parse().ok().filter(|_| price) {
            Some(value) => offer(t, i, end, Some(value), None, found),
            None => found.digits(text),
        }
        return end;
    }
    let Some(n) = number::parse(t, i) else { return i + 1 };
    if let Some(end) = cents(t, n.end) {
        offer(
            t,
            i,
            end,
            n.value.and_then(|v| v.checked_mul(Decimal::new(1, 2))),
            sub_currency(at(t, n.end)),
            found,
        );
        return end;
    }
    if let Some((currency, end)) = currency_word(t, n.end) {
        let (value, end) = with_cents(t, &n, end);
        offer(t, i, end, value, Some(currency), found);
        return end;
    }
    without_currency(t, i, &n, context, found);
    n.end
}

fn symbol(t: &[Token], i: usize) -> Option<Named> {
    match at(t, i) {
        "$" => Some(Named::shared(Currency::USD)),
        "¥" => Some(Named::shared(Currency::CNY)),
        "£" => Named::code("GBP"),
        "€" => Named::code("EUR"),
        "₹" | "rs" | "inr" | "rupees" => Named::code("INR"),
        "usd" => Named::code("USD"),
        _ => None,
    }
}

fn currency_word(t: &[Token], i: usize) -> Option<(Named, usize)> {
    let named = match at(t, i) {
        "dollars" | "dollar" | "bucks" | "buck" => Some(Named::shared(Currency::USD)),
        "usd" => Named::code("USD"),
        "pounds" | "pound" | "quid" | "gbp" => Named::code("GBP"),
        "rupees" | "rupee" | "rs" | "inr" => Named::code("INR"),
        "euros" | "euro" | "eur" => Named::code("EUR"),
        "yuan" | "rmb" | "kuai" | "cny" => Named::code("CNY"),
        _ => None,
    };
    Some((named?, i + 1))
}

fn cents(t: &[Token], i: usize) -> Option<usize> {
    matches!(at(t, i), "cents" | "cent" | "pence" | "paise").then_some(i + 1)
}

fn sub_currency(w: &str) -> Option<Named> {
    match w {
        "pence" => Named::code("GBP"),
        "paise" => Named::code("INR"),
        _ => Some(Named::shared(Currency::USD)),
    }
}

/// "… dollars and fifty cents", "… dollars fifty".
fn with_cents(t: &[Token], n: &Number, end: usize) -> (Option<Decimal>, usize) {
    let j = end + usize::from(at(t, end) == "and");
    let Some((c, k)) = number::count(t, j).filter(|(c, _)| *c < 100) else { return (n.value, end) };
    let bare = t.get(k).is_none_or(|t| t.kind == Kind::Stop) && j == end && c >= 10;
    let Some(e) = cents(t, k).or(bare.then_some(k)) else { return (n.value, end) };
    (n.value.and_then(|v| v.checked_add(Decimal::new(i64::from(c), 2))), e)
}

/// How far around a sum the words are looked at that make it weak.
const REACH: usize = 4;

fn offer(
    t: &[Token],
    start: usize,
    end: usize,
    value: Option<Decimal>,
    currency: Option<Named>,
    found: &mut Found,
) {
    let (ahead, behind) = (not_taken_back(before(t, start, REACH)), after(t, end, REACH));
    let none_of_it =
        ["dont have", "dont even have", "havent got", "not got", "even have"].iter().any(|w| has(ahead, w));
    let Some(value) = value.filter(|_| !none_of_it) else { return };
    let weak = NOT_OFFERED.iter().any(|w| has(ahead, w)) || REFUSED.iter().any(|w| has(behind, w));
    found.amount(value, currency, if weak { Hold::Weak } else { Hold::Firm });
}

/// Whether a word of paying stands before `i`, with nothing but small words between.
fn pays(t: &[Token], i: usize) -> bool {
    let mut j = i;
    while j > 0 && i - j < 4 && BETWEEN.contains(&at(t, j - 1)) {
        j -= 1;
    }
    // "four payments of ninety"
    let each = i > 1 && at(t, i - 1) == "of" && count::PARTS.contains(&at(t, i - 2));
    each || j > 0 && PAYS.contains(&at(t, j - 1))
}

/// A number without a word for money: a sum if it can hardly be anything else, or is an answer.
fn without_currency(t: &[Token], i: usize, n: &Number, context: &Context, found: &mut Found) {
    if MEASURES.contains(&at(t, n.end)) {
        return;
    }
    let pays = pays(t, i);
    let spoken_pair = n.pair.filter(|p| p.0 >= 10).map(|p| format!("{:02}{:02}", p.0, p.1));
    let text = n.written.clone().or(spoken_pair.filter(|_| context.asks_digits));
    if let Some(text) = text {
        let tail = if at(t, n.end) == "x" { format!("{text}X") } else { text.clone() };
        let round = text.ends_with("00") && !text.starts_with('0');
        let surely = context.asks_digits || text.starts_with('0') || text.len() >= 6 && !round;
        if text.len() >= 3 && surely && !pays_sum(t, i) {
            found.digits(tail);
            return;
        }
        // Four digits as the whole answer are a sum or the end of a number: the script knows which
        // of the two it asked for.
        if context.bare && text.len() == 4 && !pays && !round {
            found.digits(tail);
        }
        let year = text.len() == 4 && (text.starts_with("19") || text.starts_with("20"));
        if year && ["in", "since", "until", "from", "year", "back in"].iter().any(|w| ends_with(t, i, w)) {
            return;
        }
    }
    if NAMES.iter().any(|w| ends_with(t, i, w)) && !pays {
        return;
    }
    let enough = n.hundreds || n.pair.is_some() || n.value.is_some_and(|v| v >= Decimal::ONE_HUNDRED);
    let regular =
        at(t, n.end) == "a" && matches!(at(t, n.end + 1), "month" | "week" | "year" | "payday" | "fortnight");
    // "start with fifty today": tens that no thing counted follows.
    let alone = n.value.is_some_and(|v| v >= Decimal::from(20))
        && !NAMES.iter().any(|w| ends_with(t, i, w))
        && matches!(
            at(t, n.end),
            "now"
                | "today"
                | "tonight"
                | "tomorrow"
                | "right"
                | "every"
                | "per"
                | "each"
                | "help"
                | "up"
                | "instead"
                | "upfront"
                | "down"
        )
        || phrase(t, n.end, "is all") && n.value.is_some_and(|v| v >= Decimal::TEN);
    let more_than_a_word = n.value.is_some_and(|v| v >= Decimal::TEN) || n.written.is_some();
    if enough
        || alone
        || regular && n.value.is_some_and(|v| v >= Decimal::TEN)
        || (more_than_a_word && (pays || context.bare))
    {
        offer(t, i, n.end, n.value, None, found);
    }
}

/// Paying words that speak of money alone ("is" and "for" do not).
fn pays_sum(t: &[Token], i: usize) -> bool {
    pays(t, i)
        && ["pay", "give", "send", "afford", "offer", "transfer", "paid"]
            .iter()
            .any(|w| has(before(t, i, 4), w))
}
