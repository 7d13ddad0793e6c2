//! Where a text may be cut, and how long to rest there.

/// How a sentence ends, which says how long the voice rests after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// At a full stop, question mark or exclamation mark.
    Full,
    /// At a semicolon.
    Half,
    /// Within a sentence that was too long, or at the end of a text without a mark.
    None,
}

/// One sentence in the model's symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The phonemes with their closing mark.
    pub phonemes: String,
    /// How it ends.
    pub ends: Break,
    /// Where each word begins, in order; the words of one figure begin together, at the figure.
    pub words: Vec<WordStart>,
}

/// Where a word begins, in the phonemes and in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordStart {
    /// How many symbols of the sentence's phonemes stand before it.
    pub symbol: usize,
    /// The byte of the text, as it was given to the front end, at which it begins.
    pub byte: usize,
}

/// Text is cut after this many characters even without any mark.
///
/// A spoken sentence has some 20 to 60; the limit only keeps marked-up or pasted text from becoming
/// one sentence of unbounded cost.
const MAX_CHARS: usize = 200;

/// Cuts text into sentences at `。！？；.!?;` and line ends, marks kept.
///
/// A full stop inside a number or an abbreviation (`3.5`, `a.m.`) does not cut. A piece without any
/// mark is cut at a comma or space, and failing those anywhere, after 200 characters.
pub fn split_sentences(text: &str) -> Vec<(&str, Break)> {
    sentences_at(text).into_iter().map(|(_, sentence, ends)| (sentence, ends)).collect()
}

/// As [`split_sentences`], each with the byte of the text at which it begins.
pub fn sentences_at(text: &str) -> Vec<(usize, &str, Break)> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|&(_, n)| n);
        let ends = match c {
            '。' | '！' | '？' | '!' | '?' | '…' => Break::Full,
            '.' if next.is_none_or(|n| n.is_whitespace() || is_closing(n) || is_han(n)) => {
                if is_abbreviation(&text[start..at]) && next.is_some() { continue } else { Break::Full }
            }
            '；' | ';' => Break::Half,
            '\n' => Break::Full,
            _ => continue,
        };
        let mut end = at + c.len_utf8();
        while let Some(&(i, n)) = chars.peek() {
            if !(is_closing(n) || matches!(n, '。' | '！' | '？' | '!' | '?' | '…')) {
                break;
            }
            end = i + n.len_utf8();
            chars.next();
        }
        push(&mut out, start, &text[start..end], ends);
        start = end;
    }
    push(&mut out, start, &text[start..], Break::None);
    out
}

fn is_closing(c: char) -> bool {
    matches!(c, '”' | '’' | '」' | '』' | '）' | ')' | '"' | '》')
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// Whether the text before a full stop ends in a word that is written with one.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or("");
    let lower = word.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "mr" | "mrs"
            | "ms"
            | "dr"
            | "st"
            | "no"
            | "inc"
            | "ltd"
            | "co"
            | "vs"
            | "a.m"
            | "p.m"
            | "e.g"
            | "i.e"
            | "jan"
            | "feb"
            | "mar"
            | "apr"
            | "jun"
            | "jul"
            | "aug"
            | "sep"
            | "sept"
            | "oct"
            | "nov"
            | "dec"
    ) || (word.len() == 1 && word.chars().all(|c| c.is_ascii_uppercase()))
}

fn push<'a>(out: &mut Vec<(usize, &'a str, Break)>, start: usize, piece: &'a str, ends: Break) {
    let mut rest = piece.trim_end();
    loop {
        let at = start + piece.trim_end().len() - rest.trim_start().len();
        rest = rest.trim_start();
        if rest.chars().nth(MAX_CHARS).is_none() {
            if !rest.is_empty() {
                out.push((at, rest, ends));
            }
            return;
        }
        let cut = cut_at(rest, MAX_CHARS);
        out.push((at, rest[..cut].trim_end(), Break::None));
        rest = &rest[cut..];
    }
}

/// Cuts phonemes into pieces of at most `max` symbols: at a comma or other mark if the second half of
/// the piece has one, else at a space, else anywhere. No piece is empty.
pub fn split_long(phonemes: &str, max: usize) -> Vec<&str> {
    let max = max.max(1);
    let mut out = Vec::new();
    let mut rest = phonemes.trim();
    while rest.chars().nth(max).is_some() {
        let cut = cut_at(rest, max);
        let piece = rest[..cut].trim();
        if !piece.is_empty() {
            out.push(piece);
        }
        rest = rest[cut..].trim_start();
    }
    if !rest.is_empty() {
        out.push(rest);
    }
    out
}

/// The byte at which to cut `text`, which is longer than `max` characters.
fn cut_at(text: &str, max: usize) -> usize {
    let (mut mark, mut space, mut hard) = (None, None, text.len());
    let mut before = ' ';
    for (n, (at, c)) in text.char_indices().enumerate() {
        if n >= max {
            hard = at;
            break;
        }
        // A comma or colon between figures is part of a sum or a time.
        let in_figure = before.is_ascii_digit()
            && text[at + c.len_utf8()..].starts_with(|next: char| next.is_ascii_digit());
        before = c;
        if in_figure {
            continue;
        }
        if matches!(c, ',' | ';' | ':' | '，' | '、' | '；' | '：' | '—') && n >= max / 2 {
            mark = Some(at + c.len_utf8());
        } else if c.is_whitespace() && n > 0 {
            space = Some(at);
        }
    }
    mark.or(space).unwrap_or(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(s: &str) -> Vec<&str> {
        split_sentences(s).into_iter().map(|(t, _)| t).collect()
    }

    #[test]
    fn sentences_end_at_marks_and_keep_them() {
        assert_eq!(
            texts("您好。请问是张先生吗？“对！”好；再见"),
            ["您好。", "请问是张先生吗？", "“对！”", "好；", "再见"]
        );
        assert_eq!(texts("I owe $3.50. Is that right?"), ["I owe $3.50.", "Is that right?"]);
        assert_eq!(texts("Mr. Reed pays at 5 p.m. today."), ["Mr. Reed pays at 5 p.m. today."]);
        assert_eq!(texts(""), Vec::<&str>::new());
        assert_eq!(texts(" 。\n。 "), ["。", "。"]);
    }

    #[test]
    fn text_without_marks_is_cut_all_the_same() {
        let long = "还".repeat(10_000);
        let pieces = texts(&long);
        assert!(pieces.iter().all(|p| p.chars().count() <= MAX_CHARS));
        assert_eq!(pieces.concat(), long);
    }

    #[test]
    fn long_phonemes_are_cut_at_a_comma_then_a_space_then_anywhere() {
        assert_eq!(split_long("aaaa, bbbb cccc", 9), ["aaaa,", "bbbb cccc"]);
        assert_eq!(split_long("aaaa bbbb", 6), ["aaaa", "bbbb"]);
        assert_eq!(split_long("aaaabbbb", 4), ["aaaa", "bbbb"]);
        assert_eq!(split_long("ab", 0), ["a", "b"]);
        assert!(split_long("  ", 3).is_empty());
    }
}
