//! English words, numbers and marks, as the other readers see them.

/// One word or number, small letters, without apostrophes (`o'clock` is `oclock`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters.
    Word,
    /// Digits, with the marks between them: `1,250.50`, `11/27`, `5:30`.
    Number,
    /// A currency's sign.
    Symbol,
    /// The end of a clause.
    Stop,
}

/// Splits an utterance. `15th` and `5pm` are a number and a word; a hyphen parts words.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let c: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut i = 0;
    while i < c.len() {
        let x = c[i];
        let (token, end) = if x.is_ascii_digit() {
            number(&c, i)
        } else if x.is_alphabetic() {
            word(&c, i)
        } else if matches!(x, '$' | '£' | '€' | '₹' | '¥') {
            (Token { kind: Kind::Symbol, text: x.to_string() }, i + 1)
        } else if matches!(x, ',' | '.' | '!' | '?' | ';' | ':' | '…') {
            (Token { kind: Kind::Stop, text: x.to_string() }, i + 1)
        } else if x == '%' {
            (Token { kind: Kind::Word, text: "percent".to_owned() }, i + 1)
        } else {
            i += 1;
            continue;
        };
        out.push(token);
        i = end;
    }
    out
}

fn number(c: &[char], i: usize) -> (Token, usize) {
    let mut end = i;
    while let Some(&x) = c.get(end) {
        let inside =
            matches!(x, ',' | '.' | ':' | '/' | '-') && c.get(end + 1).is_some_and(char::is_ascii_digit);
        if !x.is_ascii_digit() && !inside {
            break;
        }
        // A comma belongs to a number only before three digits.
        let thousands = || c[end + 1..].iter().take(4).take_while(|d| d.is_ascii_digit()).count() == 3;
        if x == ',' && !thousands() {
            break;
        }
        end += 1;
    }
    (Token { kind: Kind::Number, text: c[i..end].iter().collect() }, end)
}

fn word(c: &[char], i: usize) -> (Token, usize) {
    let mut text = String::new();
    let mut end = i;
    while let Some(&x) = c.get(end) {
        if x.is_alphabetic() {
            text.extend(x.to_lowercase());
        } else if x == '.' && end == i + 1 && c.get(end + 1).is_some_and(|m| matches!(m, 'm' | 'M')) {
            // p.m., a.m.
            text.push('m');
            end += 2;
            if c.get(end) == Some(&'.') {
                end += 1;
            }
            break;
        } else if !(matches!(x, '\'' | '’' | '`') && c.get(end + 1).is_some_and(|n| n.is_alphabetic())) {
            break;
        }
        end += 1;
    }
    (Token { kind: Kind::Word, text }, end)
}

/// The text of the token at `i`; empty beyond the end.
pub(super) fn at(t: &[Token], i: usize) -> &str {
    t.get(i).map_or("", |t| t.text.as_str())
}

/// Whether the phrase's words stand at `i`.
pub(super) fn phrase(t: &[Token], i: usize, words: &str) -> bool {
    words.split(' ').enumerate().all(|(k, w)| at(t, i + k) == w)
}

/// Whether the phrase's words end right before `i`.
pub(super) fn ends_with(t: &[Token], i: usize, words: &str) -> bool {
    let n = words.split(' ').count();
    i >= n && phrase(t, i - n, words)
}

/// The clause before `i`, at most `reach` tokens.
pub(super) fn before(t: &[Token], i: usize, reach: usize) -> &[Token] {
    let i = i.min(t.len());
    let n = t[..i].iter().rev().take(reach).take_while(|t| t.kind != Kind::Stop).count();
    &t[i - n..i]
}

/// The words of a clause that still bear on its end: "not Wednesday but" refuses nothing after it.
pub(super) fn not_taken_back(t: &[Token]) -> &[Token] {
    let from = t.iter().rposition(|t| matches!(t.text.as_str(), "but" | "its"));
    &t[from.map_or(0, |at| at + 1)..]
}

/// The clause from `i`, at most `reach` tokens.
pub(super) fn after(t: &[Token], i: usize, reach: usize) -> &[Token] {
    let rest = &t[i.min(t.len())..];
    let n = rest.iter().take(reach).take_while(|t| t.kind != Kind::Stop).count();
    &rest[..n]
}

/// Whether the phrase stands anywhere in the slice.
pub(super) fn has(t: &[Token], words: &str) -> bool {
    (0..t.len()).any(|i| phrase(t, i, words))
}
