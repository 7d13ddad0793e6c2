//! How English sentences end, and how they do not.

use waihu_types::Question;

use crate::Completeness::{self, Finished, Unclear, Unfinished};

/// Sounds of somebody who thinks.
const FILLERS: &[&str] = &["um", "uh", "er", "erm", "hmm", "mm", "eh", "ah", "oh", "like", "well", "so"];

/// Words that nobody ends in: conjunctions, articles, prepositions, what belongs to a noun.
const OPEN: &[&str] = &[
    "and",
    "but",
    "or",
    "because",
    "cause",
    "since",
    "if",
    "when",
    "while",
    "which",
    "who",
    "whose",
    "than",
    "as",
    "although",
    "though",
    "unless",
    "until",
    "whether",
    "however",
    "the",
    "a",
    "an",
    "my",
    "your",
    "our",
    "their",
    "its",
    "every",
    "to",
    "of",
    "for",
    "with",
    "from",
    "at",
    "in",
    "on",
    "by",
    "about",
    "into",
    "between",
    "around",
    "after",
    "before",
    "during",
    "without",
    "through",
    "near",
    "per",
    "i",
    "we",
    "they",
    "he",
    "she",
    "um",
    "uh",
    "er",
    "erm",
    "hmm",
    "well",
    "like",
    "it's",
    "that's",
    "there's",
    "i'm",
    "i'll",
    "i'd",
    "i've",
    "we're",
    "we'll",
    "we've",
    "you're",
    "you'll",
    "they're",
    "they'll",
    "he's",
    "she's",
    "is",
    "are",
    "was",
    "were",
    "be",
    "been",
    "just",
    "very",
    "really",
    "also",
    "even",
    "gonna",
    "wanna",
    "next",
    "maybe",
    "probably",
    "only",
    "getting",
    "means",
    "mean",
    "most",
    "least",
    "another",
    "other",
    "these",
    "those",
    "then",
    "actually",
    "basically",
    "perhaps",
    "please",
    "think",
    "thinking",
    "somewhere",
    "sometime",
    "it'll",
    "let's",
    "each",
    "including",
    "not",
    "except",
    "either",
    "neither",
    "both",
    "such",
    "how",
    "why",
    "what",
    "where",
];

/// Verbs that want another one, unless a person stands before them: "I can", "she is".
const AUXILIARY: &[&str] = &[
    "am",
    "is",
    "are",
    "was",
    "were",
    "can",
    "could",
    "will",
    "would",
    "should",
    "might",
    "must",
    "do",
    "does",
    "did",
    "have",
    "has",
    "had",
    "don't",
    "doesn't",
    "didn't",
    "can't",
    "cannot",
    "couldn't",
    "won't",
    "wouldn't",
    "shouldn't",
    "haven't",
    "isn't",
    "wasn't",
];

const PERSONS: &[&str] = &["i", "you", "he", "she", "it", "we", "they", "that", "yes", "there", "this"];

/// What a closed question is answered with.
const ANSWERS: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "no",
    "nope",
    "nah",
    "sure",
    "okay",
    "ok",
    "right",
    "correct",
    "fine",
    "speaking",
    "absolutely",
    "definitely",
    "exactly",
    "certainly",
    "alright",
    "understand",
    "understood",
    "good",
    "agreed",
    "me",
    "him",
    "great",
    "course",
    "never",
    "already",
    "true",
    "wrong",
    "sorry",
    "thanks",
    "possible",
    "problem",
];

/// A no alone is seldom all: who was meant, why, and when instead come after a rest.
const DENIALS: &[&str] = &["no", "nope", "nah"];

const DAYS: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mondays",
    "fridays",
    "today",
    "tomorrow",
    "tonight",
    "morning",
    "afternoon",
    "evening",
    "noon",
    "midnight",
    "weekend",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "month",
    "year",
    "o'clock",
    "payday",
    "soon",
    "now",
];

const SUMS: &[&str] = &[
    "dollars",
    "dollar",
    "bucks",
    "pounds",
    "cents",
    "euros",
    "yuan",
    "rmb",
    "percent",
    "half",
    "everything",
    "all",
    "minimum",
    "month",
    "week",
    "installments",
    "payments",
    "full",
    "nothing",
    "it",
];

const DIGITS: &[&str] =
    &["zero", "oh", "o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

pub(crate) fn digits(text: &str) -> usize {
    let spoken = words(text).iter().filter(|w| DIGITS.contains(&w.as_str())).count();
    spoken + text.chars().filter(char::is_ascii_digit).count()
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .replace('’', "'")
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(crate) fn completeness(text: &str, question: Question) -> Completeness {
    let words = words(text);
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    // Politeness at the end says nothing.
    while words.len() > 1 && matches!(words.last(), Some(&("please" | "sir" | "ma'am"))) {
        words.pop();
    }
    let [before @ .., last] = &words[..] else { return Unclear };
    let previous = before.last().copied().unwrap_or_default();
    if words.iter().all(|w| FILLERS.contains(w)) {
        return if *last == "mm" { Unclear } else { Unfinished };
    }
    if AUXILIARY.contains(last) {
        // "Yes I am", "no I don't": answers. "I have", "it is": to another question they want more.
        let answers = question == Question::YesNo && PERSONS.contains(&previous);
        return if answers { Finished } else { Unfinished };
    }
    // "I think so" and no other "so".
    let so = *last == "so" && !["think", "guess", "hope", "suppose", "believe"].contains(&previous);
    if so || OPEN.contains(last) || digits_begun(before, last) {
        return if said(previous, last, question) { Finished } else { Unfinished };
    }
    if ["that", "this", "her", "his", "no"].contains(last) && wants_more(previous, last, question) {
        return Unfinished;
    }
    let answered = match question {
        Question::YesNo if words.iter().all(|w| DENIALS.contains(w)) => false,
        Question::YesNo => ANSWERS.contains(last) || words.len() <= 3 && ANSWERS.contains(&words[0]),
        Question::When => DAYS.contains(last),
        Question::HowMuch => SUMS.contains(last),
        Question::Digits | Question::Open => false,
    };
    let thanks =
        matches!(*last, "thanks" | "bye" | "goodbye" | "sorry") || (previous, *last) == ("thank", "you");
    if answered || thanks { Finished } else { Unclear }
}

/// Words of [`OPEN`] that end a sentence after some others: "maybe not", "in two weeks at least".
fn said(previous: &str, last: &str, question: Question) -> bool {
    match last {
        "not" => ["probably", "maybe", "course", "rather", "hope", "guess", "am", "better", "why"]
            .contains(&previous),
        "probably" | "maybe" => question == Question::YesNo && ["yes", "yeah", "no", ""].contains(&previous),
        "least" | "most" => previous == "at",
        "is" | "was" | "are" => previous == "what",
        _ => false,
    }
}

/// "the number is": what comes next are digits.
fn digits_begun(before: &[&str], last: &str) -> bool {
    last == "number" && before.last().is_some_and(|w| ["the", "my", "card"].contains(w))
}

/// "told me that", "call her": what follows depends on the verb before.
fn wants_more(previous: &str, last: &str, question: Question) -> bool {
    match last {
        "that" | "this" => !matches!(
            previous,
            "do" | "know"
                | "like"
                | "with"
                | "about"
                | "of"
                | "pay"
                | "afford"
                | "for"
                | "understand"
                | "sure"
                | "is"
                | "did"
                | "done"
                | "hear"
                | "want"
                | "to"
                | "on"
                | "get"
                | "believe"
        ),
        "no" => question != Question::YesNo && !previous.is_empty(),
        _ => !matches!(
            previous,
            "know" | "call" | "tell" | "ask" | "to" | "with" | "for" | "about" | "not" | "him" | "is"
        ),
    }
}
