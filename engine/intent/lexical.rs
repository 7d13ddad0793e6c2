//! Small surface features beside the sentence vector: which short runs of characters and words
//! occur. The encoder knows meanings but blurs short words that decide (不, 没, 吗, 先); these
//! features keep them apart.

use waihu_types::Lang;

/// Features are hashed into this many buckets.
pub const NGRAM_BUCKETS: usize = 4096;

/// The buckets of a normalized text, in ascending order without doubles.
pub(crate) fn buckets(lang: Lang, text: &str) -> Vec<u32> {
    let mut out = Vec::new();
    match lang {
        Lang::Zh => characters(text, &[1, 2, 3], &mut out),
        Lang::En => words(text, &mut out),
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// Runs of characters, with marks for where the text begins and ends; digits are all alike.
fn characters(text: &str, lengths: &[usize], out: &mut Vec<u32>) {
    let text: Vec<char> = std::iter::once('^')
        .chain(text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }))
        .chain(std::iter::once('$'))
        .collect();
    for n in lengths {
        out.extend(text.windows(*n).map(|w| bucket(*n as u8, w.iter().copied())));
    }
}

/// Words, pairs and triples of words.
fn words(text: &str, out: &mut Vec<u32>) {
    let words: Vec<String> =
        std::iter::once("^".to_owned())
            .chain(text.split(' ').map(|w| {
                if w.starts_with(|c: char| c.is_ascii_digit()) { "0".to_owned() } else { w.to_owned() }
            }))
            .chain(std::iter::once("$".to_owned()))
            .collect();
    for n in 1..=3usize {
        let runs = words.windows(n);
        out.extend(runs.map(|w| bucket(0x10 + n as u8, w.join(" ").chars())));
    }
}

/// FNV-1a over the kind of feature and its characters: the same on every machine and release.
fn bucket(kind: u8, chars: impl Iterator<Item = char>) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut byte = |b: u8| hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
    byte(kind);
    for c in chars {
        (c as u32).to_le_bytes().into_iter().for_each(&mut byte);
    }
    (hash >> 20) as u32 % NGRAM_BUCKETS as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_always_has_the_same_buckets() {
        let a = buckets(Lang::Zh, "我不还");
        assert_eq!(a, buckets(Lang::Zh, "我不还"));
        assert_ne!(a, buckets(Lang::Zh, "我还"));
        assert!(a.windows(2).all(|w| w[0] < w[1]));
        assert!(a.iter().all(|b| (*b as usize) < NGRAM_BUCKETS));
    }

    #[test]
    fn all_digits_are_alike() {
        assert_eq!(buckets(Lang::Zh, "还500"), buckets(Lang::Zh, "还300"));
        assert_eq!(buckets(Lang::En, "i pay 20"), buckets(Lang::En, "i pay 350"));
    }
}
