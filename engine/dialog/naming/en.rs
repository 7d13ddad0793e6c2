//! English: any word of the case's name will do, by its sounds, since recognition spells as it likes.

use super::{Naming, addressed, apart};

/// What comes before one's own name. After the first three, nearly anything is a name; after the
/// others it must also be written like one.
const MARKERS: [&[&str]; 9] = [
    &["name", "is"],
    &["name's"],
    &["names"],
    &["this", "is"],
    &["i'm"],
    &["im"],
    &["i", "am"],
    &["it's"],
    &["it", "is"],
];
const SURE_MARKERS: usize = 3;

/// What comes after one's own name.
const AFTER: [&str; 2] = ["speaking", "here"];

/// Words that are no name, even where they are written with a capital letter.
const WORDS: &str = " a about ah all already am american an and at available aware back because busy but calling \
    correct done dr driving early english fine for from glad god going gonna good great guy happy he hee hello her here \
    hey hi him his home how i i'd i'll i'm i've if in interested is it its jesus just kidding lady late listening \
    looking man me mine my myself no nope not now of off oh ok okay on one only or our out person please really \
    retired right same she sick so sorry speaking still sure talking that the their there they this to today \
    tomorrow trying uh um us very we well what when where who why with working yeah yep yes you your \
    monday tuesday wednesday thursday friday saturday sunday ";

const RELATIVES: &str = " wife husband spouse partner mother father mom mum dad son daughter brother sister aunt \
    uncle cousin grandmother grandfather grandma grandpa girlfriend boyfriend fiance fiancee roommate flatmate \
    housemate friend colleague coworker boss assistant secretary neighbor neighbour landlord landlady family \
    relative caregiver nurse phone house line office ex ";

/// Short forms that are no beginning of the long one.
const SHORT: [(&str, &str); 20] = [
    ("mike", "michael"),
    ("bob", "robert"),
    ("rob", "robert"),
    ("bill", "william"),
    ("will", "william"),
    ("jim", "james"),
    ("jack", "john"),
    ("dick", "richard"),
    ("rick", "richard"),
    ("tony", "anthony"),
    ("liz", "elizabeth"),
    ("beth", "elizabeth"),
    ("betty", "elizabeth"),
    ("kate", "katherine"),
    ("kathy", "katherine"),
    ("danny", "daniel"),
    ("dave", "david"),
    ("joe", "joseph"),
    ("ted", "edward"),
    ("peggy", "margaret"),
];

struct Token<'t> {
    /// As it is written, without marks around it.
    written: &'t str,
    /// In small letters.
    word: String,
    /// A sentence or a part of one ends here.
    ends: bool,
}

pub(super) fn naming(text: &str, name: &str, title: &str) -> Naming {
    let tokens: Vec<Token<'_>> = text.split_whitespace().filter_map(token).collect();
    let person: Vec<String> = name.split_whitespace().filter_map(token).map(|t| t.word).collect();
    let capitals = text.chars().any(char::is_uppercase);
    let mut found = Naming::None;
    for at in 0..tokens.len() {
        for (kind, marker) in MARKERS.iter().enumerate() {
            let stands = tokens[at..].len() >= marker.len()
                && marker.iter().zip(&tokens[at..]).all(|(m, t)| t.word == *m);
            if stands {
                let said = clause(&tokens[at + marker.len()..]);
                found = found.max(named_in(said, &person, title, kind < SURE_MARKERS, capitals));
            }
        }
        if AFTER.contains(&tokens[at].word.as_str()) {
            found = found.max(named_in(before(&tokens[..at]), &person, title, false, capitals));
        }
    }
    found
}

fn token(written: &str) -> Option<Token<'_>> {
    let bare = written.trim_matches(|c: char| !c.is_alphanumeric());
    let word = bare.to_lowercase().replace('’', "'");
    let ends = written.ends_with([',', '.', '!', '?', ';', ':']);
    (!bare.is_empty()).then_some(Token { written: bare, word, ends })
}

/// The tokens up to the first mark.
fn clause<'s, 't>(tokens: &'s [Token<'t>]) -> &'s [Token<'t>] {
    let end = tokens.iter().position(|t| t.ends && addressed(&t.word).is_none());
    &tokens[..end.map_or(tokens.len(), |at| at + 1)]
}

/// The name that may end `tokens`: the last words that could be one.
fn before<'s, 't>(tokens: &'s [Token<'t>]) -> &'s [Token<'t>] {
    let no_name = |t: &Token<'_>| t.ends && addressed(&t.word).is_none() || is_word(&t.word);
    &tokens[tokens.iter().rposition(no_name).map_or(0, |at| at + 1)..]
}

/// Who speaks, by the words of a name and what follows it.
fn named_in(said: &[Token<'_>], person: &[String], title: &str, sure: bool, capitals: bool) -> Naming {
    let Some((first, rest)) = said.split_first() else { return Naming::None };
    let related = |next: &[Token<'_>]| next.first().is_some_and(|t| has(RELATIVES, &t.word));
    if ["his", "her", "their"].contains(&first.word.as_str()) {
        return if related(rest) { Naming::Related } else { Naming::None };
    }
    if addressed(&first.word).is_some() {
        let named = named_in(rest, person, title, true, capitals);
        let other = named == Naming::Same && apart(&first.word, title);
        return if other { Naming::Another } else { named };
    }
    // Daniel's wife, Daniel Reed's office: the name, and somebody or something of the person's.
    let is_person = |word: &str| person.iter().any(|p| alike(p, word));
    let owner = |t: &Token<'_>| t.word.strip_suffix("'s").is_some_and(is_person);
    if said.iter().take(3).position(owner).is_some_and(|at| at + 1 < said.len()) {
        return Naming::Related;
    }
    if is_person(&first.word) {
        return Naming::Same;
    }
    let capital = first.written.starts_with(char::is_uppercase);
    let like_a_name =
        sure || capital || !capitals && said.len() <= 2 && said.iter().all(|t| !is_word(&t.word));
    let no_name =
        is_word(&first.word) || has(RELATIVES, &first.word) || !first.word.starts_with(char::is_alphabetic);
    if like_a_name && !no_name { Naming::Another } else { Naming::None }
}

fn is_word(word: &str) -> bool {
    has(WORDS, word)
}

fn has(list: &str, word: &str) -> bool {
    list.split(' ').any(|w| w == word)
}

/// Whether two spellings may be one name: Reed and Read, Dan and Daniel, Bill and William.
fn alike(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let (a, b) = (sounds(short), sounds(long));
    a == b
        || short.len() >= 3 && long.starts_with(short)
        || SHORT.contains(&(short, long))
        || has_one_more(&a, &b)
        || has_one_more(&b, &a)
}

/// Whether `long` is `short` with one sound more, where enough is left to know it by.
fn has_one_more(short: &str, long: &str) -> bool {
    let same = short.chars().zip(long.chars()).take_while(|(a, b)| a == b).count();
    let rest = |text: &str, skipped| text.chars().skip(skipped).collect::<String>();
    short.chars().count() >= 5 && rest(short, same) == rest(long, same + 1)
}

/// A spelling's sounds: consonants by what they are spoken like, and where vowels stand between them.
fn sounds(word: &str) -> String {
    let mut out = String::new();
    let word = word.replace("ph", "f").replace("ck", "k").replace("wr", "r").replace("kn", "n");
    for (i, c) in word.chars().enumerate() {
        let sound = match c {
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' => 'a',
            'c' | 'q' => 'k',
            'z' => 's',
            'v' => 'f',
            'h' | 'w' if i > 0 => continue,
            c if c.is_alphanumeric() => c,
            _ => continue,
        };
        if !out.ends_with(sound) {
            out.push(sound);
        }
    }
    // A vowel at the end is spoken by some and written by others.
    let silent = word.ends_with('e') && out.chars().count() > 2;
    out.truncate(out.len() - usize::from(silent));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(name: &str, title: &str, want: Naming, texts: &[&str]) {
        for text in texts {
            assert_eq!(naming(text, name, title), want, "{name}: {text}");
        }
    }

    #[test]
    fn the_person_by_any_word_of_the_name_however_spelt() {
        let said = [
            "This is Daniel.",
            "Yes, this is Mr. Read.",
            "yes this is daniel reid",
            "I'm Dan",
            "My name is Danielle Reed",
            "Daniel speaking.",
            "Hello, Dan Reed here.",
            "It's Danny.",
            "Yeah I am Daniel, what is it?",
        ];
        is("Daniel Reed", "Mr", Naming::Same, &said);
        is("Mary Ann O'Neil", "Ms", Naming::Same, &["This is Mary", "O'Neil speaking", "I'm Ms O'Neill."]);
        is("Stephen Clarke", "", Naming::Same, &["this is Steven", "Clark speaking"]);
        // Misheard by a sound.
        is("Kevin Brooks", "Mr", Naming::Same, &["Yes, this is Calvin.", "Yes, this is Kevan."]);
    }

    #[test]
    fn another_name_is_another_person() {
        let said = [
            "This is Mike.",
            "Yes, this is Mike Brown.",
            "I'm Mike",
            "yes this is mike",
            "My name is Ruth.",
            "my name's ruth",
            "Mike speaking.",
            "Hello Mike Brown speaking, how can I help?",
            "This is Mike Reed",
            "This is Mrs Reed.",
            "this is mr brown",
            "No, Mike here.",
        ];
        is("Daniel Reed", "Mr", Naming::Another, &said);
        is("Kevin Brooks", "Mr", Naming::Another, &["This is Karen.", "This is Alvin"]);
        is("Mary Reed", "Ms", Naming::Another, &["This is Mark.", "This is Gary", "This is Mr Reed"]);
    }

    #[test]
    fn somebody_of_the_persons_is_neither() {
        let said = [
            "This is Daniel's wife.",
            "I'm his wife",
            "this is her brother",
            "Daniel Reed's office, hello? This is Daniel Reed's phone",
        ];
        is("Daniel Reed", "Mr", Naming::Related, &said);
    }

    #[test]
    fn without_a_name_nothing_is_said_of_it() {
        let said = [
            "Yes, speaking.",
            "This is he.",
            "This is him speaking",
            "This is she",
            "I'm listening",
            "Yes I am",
            "I am not Daniel",
            "It's me.",
            "Yes, that's me, I'm driving.",
            "i'm busy right now",
            "I'm at work",
            "This is the wife",
            "I'm here",
            "it is okay go on",
            "I'm sorry, who is this?",
            "This is her.",
            "I'm American.",
            "Are you Mike?",
            "",
            "this is",
            "I'm 45",
        ];
        is("Daniel Reed", "Mr", Naming::None, &said);
        is("", "", Naming::None, &["This is he", "speaking"]);
    }
}
