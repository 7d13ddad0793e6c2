//! Which words of a text the words of eSpeak NG's phonemes are.
//!
//! Mostly one is one; but it joins small words (`of the` is one word of sounds) and takes a row of
//! capitals apart (`VIP` is three). Where the counts differ, the cheapest pairing by length is taken.

/// Sounds in a letter of English, on the average of running text.
const SOUNDS_PER_LETTER: f32 = 0.85;
/// Sounds in the name of a letter, as in a row of capitals.
const SOUNDS_PER_CAPITAL: f32 = 2.0;
/// How many words may stand against one.
const MOST: usize = 4;
/// Words beyond which no pairing is sought and the words are spread evenly: a sentence has some 40,
/// and the search takes their square.
const SEARCHED: usize = 400;

/// Where the words of `spoken` begin in `phonemes`: the number of symbols before, and the byte in `spoken`.
///
/// Of words that are said as one, only the first is given.
pub fn word_starts(spoken: &str, phonemes: &str) -> Vec<(usize, usize)> {
    let written = words(spoken, sounds_expected);
    let said = words(phonemes, sounds);
    let symbol_of = |n: usize| phonemes[..said[n].0].chars().count();
    if written.is_empty() || said.is_empty() {
        return Vec::new();
    }
    let pairs: Vec<(usize, usize)> = if written.len() == said.len() {
        (0..said.len()).map(|n| (n, n)).collect()
    } else if written.len().max(said.len()) > SEARCHED {
        (0..said.len()).map(|n| (n * written.len() / said.len(), n)).collect()
    } else {
        paired(&written, &said)
    };
    let mut out: Vec<(usize, usize)> = pairs.iter().map(|&(w, s)| (symbol_of(s), written[w].0)).collect();
    out.dedup_by_key(|&mut (_, byte)| byte);
    out
}

/// How many sounds a written word has, about.
fn sounds_expected(word: &str) -> f32 {
    let letters = word.chars().filter(|c| c.is_alphanumeric());
    let capitals = letters.clone().all(|c| c.is_uppercase());
    letters.count() as f32 * if capitals { SOUNDS_PER_CAPITAL } else { SOUNDS_PER_LETTER }
}

/// How many sounds stand in a word of phonemes; stress and length are none.
fn sounds(word: &str) -> f32 {
    word.chars().filter(|&c| c.is_alphabetic() && !matches!(c, 'ˈ' | 'ˌ' | 'ː')).count() as f32
}

/// The words with a sound in them: their byte, and how many sounds.
fn words(text: &str, sounds: fn(&str) -> f32) -> Vec<(usize, f32)> {
    let mut out = Vec::new();
    let mut at = 0;
    for piece in text.split(char::is_whitespace) {
        let count = sounds(piece);
        if count > 0.0 {
            out.push((at, count));
        }
        // The character at which it was cut follows.
        at += piece.len() + text[at + piece.len()..].chars().next().map_or(0, char::len_utf8);
    }
    out
}

/// Pairs of first words: groups of some words against one, in order, with the least difference in length.
fn paired(written: &[(usize, f32)], said: &[(usize, f32)]) -> Vec<(usize, usize)> {
    let (rows, columns) = (written.len() + 1, said.len() + 1);
    let mut cost = vec![f32::INFINITY; rows * columns];
    let mut from = vec![(0_usize, 0_usize); rows * columns];
    cost[0] = 0.0;
    let length = |of: &[(usize, f32)]| of.iter().map(|w| w.1).sum::<f32>();
    let groups = (1..=MOST).map(|n| (n, 1)).chain((2..=MOST).map(|n| (1, n)));
    let groups: Vec<(usize, usize)> = groups.collect();
    for w in 0..rows {
        for s in 0..columns {
            let here = cost[w * columns + s];
            if !here.is_finite() {
                continue;
            }
            for &(dw, ds) in &groups {
                let (to_w, to_s) = (w + dw, s + ds);
                if to_w >= rows || to_s >= columns {
                    continue;
                }
                // One against one is the rule: a group must fit better by a sound.
                let rare = if dw + ds > 2 { 1.0 } else { 0.0 };
                let there = here + (length(&written[w..to_w]) - length(&said[s..to_s])).abs() + rare;
                let slot = to_w * columns + to_s;
                if there < cost[slot] {
                    cost[slot] = there;
                    from[slot] = (w, s);
                }
            }
        }
    }
    let (mut w, mut s) = (rows - 1, columns - 1);
    if !cost[w * columns + s].is_finite() {
        return (0..said.len()).map(|n| (n * written.len() / said.len(), n)).collect();
    }
    let mut pairs = Vec::new();
    while (w, s) != (0, 0) {
        (w, s) = from[w * columns + s];
        pairs.push((w, s));
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each written word with the sounds that follow its start.
    fn starts(spoken: &str, phonemes: &str) -> Vec<(String, String)> {
        let first = |text: &str| text.split_whitespace().next().unwrap_or("").to_owned();
        word_starts(spoken, phonemes)
            .into_iter()
            .map(|(symbol, byte)| {
                (first(&spoken[byte..]), first(&phonemes.chars().skip(symbol).collect::<String>()))
            })
            .collect()
    }

    #[test]
    fn words_said_as_one_and_letters_said_apart_are_found() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            starts("Pay it, now.", "pˈA ɪt, nˈW."),
            [pair("Pay", "pˈA"), pair("it,", "ɪt,"), pair("now.", "nˈW.")]
        );
        assert_eq!(
            starts("the end of the balance", "ði ˈɛnd əvðə bˈælᵊns"),
            [pair("the", "ði"), pair("end", "ˈɛnd"), pair("of", "əvðə"), pair("balance", "bˈælᵊns")]
        );
        assert_eq!(
            starts("a VIP customer", "ɐ vˌi ˌI pˈi kˈʌstəmɚ"),
            [pair("a", "ɐ"), pair("VIP", "vˌi"), pair("customer", "kˈʌstəmɚ")]
        );
    }

    #[test]
    fn nothing_and_too_much_are_paired_all_the_same() {
        assert!(word_starts("", "a").is_empty() && word_starts("a — b", "?").is_empty());
        assert_eq!(word_starts(&"a ".repeat(9), "x"), [(0, 0)]);
        assert_eq!(word_starts(&"word ".repeat(1_000), &"wɜd ".repeat(900)).len(), 900);
    }
}
