//! A text as SMPP carries it: alphabet, and parts where it is long. Pure.
//!
//! The GSM alphabet (3GPP TS 23.038, 6.2.1) is sent a character an octet, as centres expect it under data coding
//! 0, and is packed there; whatever does not fit into it is UCS-2, a surrogate pair for what lies beyond.

/// The GSM alphabet, by its codes; 0x1B leads to the table below.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those behind 0x1B (6.2.1.1).
const EXTENDED: &[(char, u8)] = &[
    ('\u{c}', 0x0A),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2F),
    ('[', 0x3C),
    ('~', 0x3D),
    (']', 0x3E),
    ('|', 0x40),
    ('€', 0x65),
];
const ESCAPE: u8 = 0x1B;

/// Octets of a user data header that tells of parts, by an 8-bit reference (3GPP TS 23.040, 9.2.3.24.1).
const HEADER: usize = 6;
/// The most parts that such a header can count.
const MOST_PARTS: usize = 255;

/// How the octets are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// GSM 7 bit, an octet a character.
    Gsm,
    /// UCS-2, big-endian.
    Ucs2,
}

impl Alphabet {
    /// Octets of one message, and of one part of several: 140 octets of the air hold 160 characters of 7 bits,
    /// beside the header 153.
    fn room(self) -> (usize, usize) {
        match self {
            Self::Gsm => (160, 153),
            Self::Ucs2 => (140, 140 - HEADER),
        }
    }
}

/// A text in an alphabet.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Coded {
    pub(crate) alphabet: Alphabet,
    /// Each of these stays whole: a character, an escape with what it leads to, a surrogate pair.
    units: Vec<Vec<u8>>,
}

impl Coded {
    pub(crate) fn new(text: &str) -> Self {
        match text.chars().map(gsm).collect() {
            Some(units) => Self { alphabet: Alphabet::Gsm, units },
            None => Self { alphabet: Alphabet::Ucs2, units: text.chars().map(ucs2).collect() },
        }
    }

    /// All its octets.
    pub(crate) fn whole(&self) -> Vec<u8> {
        self.units.concat()
    }

    /// The octets as they are sent: one message, or parts with a header each. None where it is too long for
    /// any number of parts.
    pub(crate) fn parts(&self, reference: u8) -> Option<Vec<Vec<u8>>> {
        let (single, part) = self.alphabet.room();
        let whole = self.whole();
        if whole.len() <= single {
            return Some(vec![whole]);
        }
        let mut parts: Vec<Vec<u8>> = vec![Vec::new()];
        for unit in &self.units {
            match parts.last_mut() {
                Some(last) if last.len() + unit.len() <= part => last.extend(unit),
                _ => parts.push(unit.clone()),
            }
        }
        if parts.len() > MOST_PARTS {
            return None;
        }
        let count = u8::try_from(parts.len()).ok()?;
        let with_header = |(part, n): (Vec<u8>, u8)| [vec![5, 0, 3, reference, count, n], part].concat();
        Some(parts.into_iter().zip(1..=count).map(with_header).collect())
    }
}

/// Octets of the GSM alphabet as text, an octet a character.
pub(crate) fn from_gsm(octets: &[u8]) -> String {
    let mut text = String::new();
    let mut octets = octets.iter();
    while let Some(code) = octets.next() {
        if *code == ESCAPE {
            let meant = octets.next();
            text.extend(EXTENDED.iter().find(|(_, known)| Some(known) == meant).map(|(c, _)| *c));
        } else {
            text.extend(GSM.chars().nth(usize::from(*code)));
        }
    }
    text
}

/// Octets of UCS-2 as text; what is none of it is left out.
pub(crate) fn from_ucs2(octets: &[u8]) -> String {
    let units = octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).filter_map(Result::ok).collect()
}

/// Octets of GBK as text; what is none of it comes out as U+FFFD.
pub(crate) fn from_gbk(octets: &[u8]) -> String {
    encoding_rs::GBK.decode_without_bom_handling(octets).0.into_owned()
}

fn gsm(c: char) -> Option<Vec<u8>> {
    if let Some((_, code)) = EXTENDED.iter().find(|(known, _)| *known == c) {
        return Some(vec![ESCAPE, *code]);
    }
    let code = GSM.chars().position(|known| known == c && c != '\u{1b}')?;
    u8::try_from(code).ok().map(|code| vec![code])
}

fn ucs2(c: char) -> Vec<u8> {
    let mut units = [0; 2];
    c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &str) -> Vec<usize> {
        Coded::new(text).parts(7).unwrap().iter().map(Vec::len).collect()
    }

    #[test]
    fn what_fits_the_gsm_alphabet_is_sent_in_it() {
        assert_eq!(GSM.chars().count(), 128);
        let coded = Coded::new("@Pay $5 {now} €");
        assert_eq!(coded.alphabet, Alphabet::Gsm);
        assert_eq!(
            coded.whole(),
            [
                0, 0x50, 0x61, 0x79, 0x20, 0x02, 0x35, 0x20, 0x1B, 0x28, 0x6E, 0x6F, 0x77, 0x1B, 0x29, 0x20,
                0x1B, 0x65
            ]
        );
        let coded = Coded::new("您好😀");
        assert_eq!(coded.alphabet, Alphabet::Ucs2);
        assert_eq!(coded.whole(), [0x60, 0xA8, 0x59, 0x7D, 0xD8, 0x3D, 0xDE, 0x00]);
    }

    #[test]
    fn what_was_coded_is_read_again() {
        for text in ["@Pay $5 {now} €", "STOP", "\u{e0}"] {
            assert_eq!(from_gsm(&Coded::new(text).whole()), text);
        }
        assert_eq!(
            from_gsm(&[0x53, 0x1B, 0xFF, 0xFF, 0x54, 0x1B]),
            "ST",
            "octets that mean nothing are left out"
        );
        assert_eq!(from_ucs2(&Coded::new("退订😀").whole()), "退订😀");
        assert_eq!(from_ucs2(&[0x90, 0x00, 0xD8, 0x3D, 0x8B, 0xA2, 0x00]), "退订");
        assert_eq!(from_gbk(&[0xCD, 0xCB, 0xB6, 0xA9, b'T', 0xA3, 0xC4]), "退订TＤ");
        assert_eq!(from_gbk(&[0xCD, 0xCB, 0xFF, 0xB6, 0xA9, 0xCD]), "退\u{fffd}订\u{fffd}");
    }

    #[test]
    fn a_long_text_is_cut_where_no_character_is_torn() {
        assert_eq!(lengths(&"a".repeat(160)), [160]);
        assert_eq!(lengths(&"a".repeat(161)), [159, 14]);
        assert_eq!(lengths(&"还".repeat(70)), [140]);
        assert_eq!(lengths(&"还".repeat(71)), [140, 14]);
        // The pair that would straddle the cut goes over whole.
        assert_eq!(lengths(&format!("{}{}{}", "a".repeat(152), "€", "a".repeat(20))), [158, 28]);
        assert_eq!(lengths(&format!("{}😀{}", "还".repeat(66), "还".repeat(10))), [138, 30]);
        let parts = Coded::new(&"a".repeat(161)).parts(7).unwrap();
        assert_eq!((&parts[0][..6], &parts[1][..6]), (&[5, 0, 3, 7, 2, 1][..], &[5, 0, 3, 7, 2, 2][..]));
        assert!(Coded::new(&"还".repeat(67 * 255)).parts(1).is_some());
        assert!(Coded::new(&"还".repeat(67 * 255 + 1)).parts(1).is_none());
    }
}
