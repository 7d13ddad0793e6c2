//! One syllable: pinyin to IPA in the model's symbols, by the phonology of Standard Chinese.
//!
//! A syllable is an initial, a glide (j, w, ɥ), a rime and a tone. Affricates are single symbols, the
//! tone arrow stands after the vowel of the rime and before its nasal, and the neutral tone has none.

/// A tone of Standard Chinese.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// 55, high level.
    First,
    /// 35, rising.
    Second,
    /// 214, low.
    Third,
    /// 51, falling.
    Fourth,
    /// Light, without a tone of its own.
    Neutral,
}

impl Tone {
    fn arrow(self) -> &'static str {
        match self {
            Self::First => "→",
            Self::Second => "↗",
            Self::Third => "↓",
            Self::Fourth => "↘",
            Self::Neutral => "",
        }
    }

    fn digit(self) -> char {
        match self {
            Self::First => '1',
            Self::Second => '2',
            Self::Third => '3',
            Self::Fourth => '4',
            Self::Neutral => '5',
        }
    }
}

/// One syllable of running speech.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syllable {
    /// Pinyin letters without tone, ü written `v`.
    pub letters: String,
    /// The tone as spoken, after sandhi where that has been done.
    pub tone: Tone,
    /// Whether the rime is rhotacized by a following 儿.
    pub erhua: bool,
}

impl Syllable {
    /// Reads pinyin with a tone digit, as `huan2`, `lv4` or `de5`; without a digit the tone is neutral.
    ///
    /// `None` where the letters are no syllable.
    pub fn parse(pinyin: &str) -> Option<Self> {
        let (letters, tone) = match pinyin.char_indices().last()? {
            (at, '1') => (&pinyin[..at], Tone::First),
            (at, '2') => (&pinyin[..at], Tone::Second),
            (at, '3') => (&pinyin[..at], Tone::Third),
            (at, '4') => (&pinyin[..at], Tone::Fourth),
            (at, '5' | '0') => (&pinyin[..at], Tone::Neutral),
            _ => (pinyin, Tone::Neutral),
        };
        let letters = letters.replace('ü', "v").replace("u:", "v");
        split(&letters)?;
        Some(Self { letters, tone, erhua: false })
    }

    /// The syllable in the model's symbols.
    pub fn ipa(&self) -> String {
        let Some((initial, glide, rime)) = split(&self.letters) else {
            return String::new();
        };
        let (mut vowel, mut coda) = rime;
        let mut rhotic = "";
        if self.erhua {
            (vowel, coda) = rhotacized(vowel, coda);
            if vowel.is_empty() { vowel = "ɚ" } else { rhotic = "ɚ" }
        }
        format!("{initial}{glide}{vowel}{}{coda}{rhotic}", self.tone.arrow())
    }

    /// Pinyin with its tone digit, `r` before it for erhua: `dianr3`.
    pub fn pinyin(&self) -> String {
        let r = if self.erhua { "r" } else { "" };
        format!("{}{r}{}", self.letters, self.tone.digit())
    }
}

type Rime = (&'static str, &'static str);

/// What is left of a rime before ɚ: an i or n at its end goes, ŋ stays as it is.
fn rhotacized(vowel: &'static str, coda: &'static str) -> Rime {
    match (vowel, coda) {
        ("ai", _) => ("a", ""),
        ("ei" | "ɨ", _) | ("ə", "n") => ("", ""),
        ("ɛ", "n") => ("a", ""),
        (v, "n") => (v, ""),
        (v, c) => (v, c),
    }
}

/// Initial, glide and rime of a pinyin syllable.
fn split(letters: &str) -> Option<(&'static str, &'static str, Rime)> {
    if let Some(whole) = whole_syllable(letters) {
        return Some(whole);
    }
    let (initial, fin) = INITIALS
        .iter()
        .find_map(|&(p, ipa)| letters.strip_prefix(p).filter(|f| !f.is_empty()).map(|f| ((p, ipa), f)))?;
    let palatal = matches!(initial.0, "j" | "q" | "x");
    let fin = match fin {
        "i" if matches!(initial.0, "zh" | "ch" | "sh" | "r" | "z" | "c" | "s") => {
            return Some((initial.1, "", ("ɨ", "")));
        }
        "o" if matches!(initial.0, "b" | "p" | "m" | "f") => "uo",
        "u" if palatal => "v",
        "ue" if palatal || matches!(initial.0, "n" | "l") => "ve",
        "uan" if palatal => "van",
        "un" if palatal => "vn",
        f => f,
    };
    if fin.starts_with('v') && !palatal && !matches!(initial.0, "n" | "l") {
        return None;
    }
    let (glide, rime) = fin_of(fin)?;
    Some((initial.1, glide, rime))
}

/// Syllables without an initial, where pinyin writes y and w.
fn whole_syllable(letters: &str) -> Option<(&'static str, &'static str, Rime)> {
    let fin = match letters {
        "er" | "r" => return Some(("", "", ("ɚ", ""))),
        "m" | "hm" => return Some(("", "", ("m", ""))),
        "n" | "ng" | "hng" => return Some(("", "", ("", "ŋ"))),
        "yi" => "i",
        "yin" => "in",
        "ying" => "ing",
        "wu" => "u",
        "yu" => "v",
        "yue" => "ve",
        "yuan" => "van",
        "yun" => "vn",
        "yong" => "iong",
        "you" => "iu",
        "wei" => "ui",
        "wen" => "un",
        "weng" => "ueng",
        "yo" => "io",
        "ye" => "ie",
        "yan" => "ian",
        "ya" => "ia",
        "yao" => "iao",
        "yang" => "iang",
        "yai" => "iai",
        "wa" => "ua",
        "wo" => "uo",
        "wai" => "uai",
        "wan" => "uan",
        "wang" => "uang",
        f => f,
    };
    let (glide, rime) = fin_of(fin)?;
    Some(("", glide, rime))
}

/// Glide and rime of a final, written as after an initial.
fn fin_of(fin: &str) -> Option<(&'static str, Rime)> {
    Some(match fin {
        "a" => ("", ("a", "")),
        "ai" => ("", ("ai", "")),
        "ao" => ("", ("au", "")),
        "an" => ("", ("a", "n")),
        "ang" => ("", ("a", "ŋ")),
        "o" => ("", ("o", "")),
        "ou" => ("", ("ou", "")),
        "ong" => ("", ("ʊ", "ŋ")),
        "e" => ("", ("ɤ", "")),
        "ê" => ("", ("ɛ", "")),
        "ei" => ("", ("ei", "")),
        "en" => ("", ("ə", "n")),
        "eng" => ("", ("ə", "ŋ")),
        "i" => ("", ("i", "")),
        "in" => ("", ("i", "n")),
        "ing" => ("", ("i", "ŋ")),
        "ia" => ("j", ("a", "")),
        "iai" => ("j", ("ai", "")),
        "iao" => ("j", ("au", "")),
        "ian" => ("j", ("ɛ", "n")),
        "iang" => ("j", ("a", "ŋ")),
        "ie" => ("j", ("e", "")),
        "io" => ("j", ("o", "")),
        "iong" => ("j", ("ʊ", "ŋ")),
        "iu" => ("j", ("ou", "")),
        "u" => ("", ("u", "")),
        "ua" => ("w", ("a", "")),
        "uai" => ("w", ("ai", "")),
        "uan" => ("w", ("a", "n")),
        "uang" => ("w", ("a", "ŋ")),
        "uo" => ("w", ("o", "")),
        "ui" => ("w", ("ei", "")),
        "un" => ("w", ("ə", "n")),
        "ueng" => ("w", ("ə", "ŋ")),
        "v" => ("", ("y", "")),
        "ve" => ("ɥ", ("e", "")),
        "van" => ("ɥ", ("ɛ", "n")),
        "vn" => ("", ("y", "n")),
        _ => return None,
    })
}

/// Pinyin initials and their sounds, digraphs before the letters they begin with.
const INITIALS: [(&str, &str); 21] = [
    ("zh", "ꭧ"),
    ("ch", "ꭧʰ"),
    ("sh", "ʂ"),
    ("b", "p"),
    ("p", "pʰ"),
    ("m", "m"),
    ("f", "f"),
    ("d", "t"),
    ("t", "tʰ"),
    ("n", "n"),
    ("l", "l"),
    ("g", "k"),
    ("k", "kʰ"),
    ("h", "x"),
    ("j", "ʨ"),
    ("q", "ʨʰ"),
    ("x", "ɕ"),
    ("r", "ɻ"),
    ("z", "ʦ"),
    ("c", "ʦʰ"),
    ("s", "s"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn ipa(p: &str) -> String {
        Syllable::parse(p).unwrap().ipa()
    }

    #[test]
    fn syllables_have_initial_glide_vowel_tone_and_nasal() {
        for (pinyin, want) in [
            ("huan2", "xwa↗n"),
            ("kuan3", "kʰwa↓n"),
            ("zhang1", "ꭧa→ŋ"),
            ("xian1", "ɕjɛ→n"),
            ("sheng5", "ʂəŋ"),
            ("yuan2", "ɥɛ↗n"),
            ("yue4", "ɥe↘"),
            ("jun1", "ʨy→n"),
            ("lv4", "ly↘"),
            ("lüe4", "lɥe↘"),
            ("bo1", "pwo→"),
            ("yong4", "jʊ↘ŋ"),
            ("xiong2", "ɕjʊ↗ŋ"),
            ("shi2", "ʂɨ↗"),
            ("er4", "ɚ↘"),
            ("wen4", "wə↘n"),
            ("gui4", "kwei↘"),
            ("liu4", "ljou↘"),
            ("de", "tɤ"),
        ] {
            assert_eq!(ipa(pinyin), want, "{pinyin}");
        }
    }

    #[test]
    fn erhua_takes_the_place_of_i_and_n() {
        for (pinyin, want) in [("dian3", "tja↓ɚ"), ("hui4", "xwɚ↘"), ("shi4", "ʂɚ↘"), ("hua1", "xwa→ɚ")]
        {
            let s = Syllable { erhua: true, ..Syllable::parse(pinyin).unwrap() };
            assert_eq!(s.ipa(), want);
        }
    }

    #[test]
    fn letters_that_are_no_syllable_are_refused() {
        for bad in ["", "1", "xyz", "bv4", "b3", "zh4", "还"] {
            assert!(Syllable::parse(bad).is_none(), "{bad}");
        }
    }
}
