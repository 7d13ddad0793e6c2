//! The symbols that the Kokoro model was trained on.

/// Every symbol of the model's `vocab.json`, space included.
const SYMBOLS: &str = concat!(
    ";:,.!?—…\"()“” ",
    "\u{303}ʣʥʦʨᵝꭧAIOQSTWYᵊ",
    "abcdefhijklmnopqrstuvwxyz",
    "ɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔ",
    "ˈˌːʰʲ↓→↗↘ᵻ",
);

/// Whether the model has a token for `c`; all others are left out of its input.
pub fn is_symbol(c: char) -> bool {
    SYMBOLS.contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_symbols_as_the_model_has_tokens() {
        let mut all: Vec<char> = SYMBOLS.chars().collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), SYMBOLS.chars().count());
        assert_eq!(all.len(), 114);
        assert!(!is_symbol('g'), "the model knows ɡ only");
    }
}
