//! English: any word of the case's name will do, by its sounds, since recognition spells as it likes.

use super::{Naming, addressed, apart};

/// What comes before one's own name. After the first, nearly anything is a name; after the others it
/// must also be written like one.
const MARKERS: [&[&str]; 9] = [
    &["name", "is"],
    &["my", "names"],
    &["this", "is"],
    &["i", "am"],
    &["it", "is"],
    &["you", "are", "speaking", "with"],
    &["you", "are", "speaking", "to"],
    &["you", "are", "talking", "with"],
    &["you", "are", "talking", "to"],
];
const SURE_MARKERS: usize = 2;

/// What comes after one's own name.
const AFTER: [&str; 2] = ["speaking", "here"];

/// Words that are no name, even where they are written with a capital letter. Common words that
/// people are called (Mark, Grace, Bill) are not among them.
const WORDS: &str = " \
    a able about absolutely actually afraid after again agree ah ahead all almost alone already alright also \
    always am american an and another any anybody anyone anything anyway apparently are around as ask asking \
    asleep at available aware away awful back bad be because been before behind being believe bet better \
    between big both bothering boy british broke busy but by bye call called calling calls came can canadian \
    cannot cause certain certainly chinese christmas close closed come comes coming completely confused cool \
    correct could curious currently dad daughter day dead deaf definitely did different do doctor does doing \
    done down dr driving during each early easter eating either else employed employee english enough even \
    ever every everybody everyone everything exactly excuse exhausted expecting far fed feeling female few \
    fine finished first following for free french friday from full fully funny gave german get gets getting \
    girl give given gives glad go god goes going gone gonna good goodbye got gotta great guess guy ha haan \
    had half handling happening happy hard has have having he hear hearing hello help her here hers herself \
    hey hi him himself hindu his hmm hold holding home homeless honest honestly hopefully how hurry hurt i \
    if ill important in indeed indian injured inside interested into irish is it italian its japanese jesus \
    jewish ji job just keep kidding kind know knows korean lady last late later least leave leaving left \
    less let like listen listening live lives living located long look looking lost lot mad made make makes \
    making male man many married maybe me mean means meet meeting mexican mhm might mine minute mister \
    moment monday more morning most mother move moved mr mrs ms much muslim must my myself name need needs \
    neither nervous never new next nice night no nobody none nope nor not nothing now of off ok okay old \
    older on once one ones only open or other our ours out outside over owner paid parked pay paying people \
    perfect perfectly person phone pissed please positive possible pregnant present pretty private probably \
    put quite ready real really receiving recording retired right running said same saturday saw say saying \
    says see seeing self send serious seriously shall she shopping should shut sick similar since single sir \
    sitting sleeping slow so some somebody someone something sometimes somewhere soon sorry sort spanish \
    speak speaking standing start started starting stay stayed staying still stop stopped stuck stupid such \
    sunday suppose supposed sure surely surprised take taken taking talk talking tell telling than thank \
    thanks that thats the their theirs them themselves then there these they thing things think thinking \
    this those though through thursday tied till tired to today together told tomorrow tonight too took \
    totally traveling travelling true truly trying tuesday twice uh um unable unavailable under understand \
    unemployed unfortunately until up upset us use used using usually very waiting walking want wants was \
    watching way we wednesday week welcome well went were what whatever whats when where which while who \
    whoever whom whos whose why willing with without woman wonderful wondering work working works worried \
    worry worse would wow wrong yah yeah yep yes yesterday yet yo you your yours yourself yup ain't can't \
    don't won't ";

/// Words that are names, too: they are none before another word that is none.
const HALF_WORDS: &str = " may will ";
/// What may follow one's own name all the same: Will from the office.
const JOINS: &str = " and at from here in is of speaking ";

const RELATIVES: &str = " wife husband spouse partner mother father mom mum dad son daughter brother sister aunt \
    uncle cousin grandmother grandfather grandma grandpa girlfriend boyfriend fiance fiancee roommate flatmate \
    housemate friend colleague coworker boss assistant secretary neighbor neighbour landlord landlady family \
    relative caregiver nurse phone house line office ex ";

/// Forms of one name that neither letters nor sounds show.
const FORMS: [(&str, &str); 46] = [
    ("abby", "abigail"),
    ("andy", "andrew"),
    ("becky", "rebecca"),
    ("beth", "elizabeth"),
    ("betty", "elizabeth"),
    ("bill", "william"),
    ("billy", "william"),
    ("bob", "robert"),
    ("bobby", "robert"),
    ("charlie", "charles"),
    ("chuck", "charles"),
    ("danny", "daniel"),
    ("dave", "david"),
    ("debbie", "deborah"),
    ("dick", "richard"),
    ("drew", "andrew"),
    ("geoff", "jeffrey"),
    ("hank", "henry"),
    ("harry", "harold"),
    ("jack", "john"),
    ("jeff", "geoffrey"),
    ("jenny", "jennifer"),
    ("jerry", "gerald"),
    ("jim", "james"),
    ("jimmy", "james"),
    ("joe", "joseph"),
    ("kate", "katherine"),
    ("kathy", "katherine"),
    ("larry", "lawrence"),
    ("lewis", "louis"),
    ("liz", "elizabeth"),
    ("maggie", "margaret"),
    ("mike", "michael"),
    ("nick", "nicholas"),
    ("peggy", "margaret"),
    ("rick", "richard"),
    ("rob", "robert"),
    ("sean", "shaun"),
    ("sean", "shawn"),
    ("steve", "stephen"),
    ("sue", "susan"),
    ("ted", "edward"),
    ("tom", "thomas"),
    ("tony", "anthony"),
    ("vicky", "victoria"),
    ("will", "william"),
];

/// What makes a woman's name of a man's: Paul and Paula, Jack and Jackie, Daniel and Danielle.
const FEMININE: [&str; 10] = ["a", "e", "ia", "ie", "ina", "ine", "le", "lle", "ette", "ne"];

/// What stands after a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    None,
    /// A comma, or dots of hesitation.
    Pause,
    /// The end of a sentence.
    Stop,
}

struct Token<'t> {
    /// As it is written, without marks around it.
    written: &'t str,
    /// In small letters.
    word: String,
    mark: Mark,
}

impl Token<'_> {
    /// A sentence or a part of one ends here. The point of "Mr." ends none.
    fn ends(&self) -> bool {
        self.mark > Mark::None && addressed(&self.word).is_none()
    }
}

pub(super) fn naming(text: &str, name: &str, title: &str) -> Naming {
    let tokens: Vec<Token<'_>> = text.split_whitespace().flat_map(tokens).collect();
    let person: Vec<String> = name.split_whitespace().filter_map(bare).map(str::to_lowercase).collect();
    let capitals = text.chars().any(char::is_uppercase);
    let mut found = Naming::None;
    for at in 0..tokens.len() {
        for (kind, marker) in MARKERS.iter().enumerate() {
            let stands = tokens[at..].len() >= marker.len()
                && marker.iter().zip(&tokens[at..]).all(|(m, t)| t.word == *m);
            let last = at + marker.len() - 1;
            // "Yes, I am. Go ahead.": what follows is another sentence.
            if stands && tokens[last].mark < Mark::Stop {
                let sure = kind < SURE_MARKERS && tokens[last].mark == Mark::None;
                let said = clause(&tokens[last + 1..]);
                found = found.max(named_in(said, &person, title, sure, capitals));
            }
        }
        if AFTER.contains(&tokens[at].word.as_str()) {
            found = found.max(named_in(before(&tokens[..at]), &person, title, false, capitals));
        }
    }
    found
}

/// What one says to be who was asked for, without a name.
const ME: [&[&str]; 9] = [
    &["that", "is", "me"],
    &["it", "is", "me"],
    &["this", "is", "me"],
    &["this", "is", "he"],
    &["this", "is", "she"],
    &["this", "is", "him"],
    &["this", "is", "her"],
    &["i", "am", "him"],
    &["i", "am", "her"],
];

/// Whether one says to be who was asked for: a whole part of a sentence says so.
pub(super) fn is_me(text: &str) -> bool {
    let tokens: Vec<Token<'_>> = text.split_whitespace().flat_map(tokens).collect();
    let goes_on = |next: &Token<'_>| is_word(&next.word) && !has(RELATIVES, &next.word);
    let ends = |at: usize| tokens.get(at).is_none_or(goes_on) || tokens[at - 1].ends();
    let stands = |at: usize, me: &[&str]| {
        tokens[at..].len() >= me.len() && me.iter().zip(&tokens[at..]).all(|(m, t)| t.word == *m)
    };
    (0..tokens.len()).any(|at| ME.iter().any(|me| stands(at, me) && ends(at + me.len())))
}

fn bare(written: &str) -> Option<&str> {
    let bare = written.trim_matches(|c: char| !c.is_alphanumeric());
    (!bare.is_empty()).then_some(bare)
}

/// The words of one piece of text: "I'm" and "who's" are two.
fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mark = match text.chars().last() {
        Some('.') if text.ends_with("..") => Mark::Pause,
        Some('.' | '!' | '?' | ';' | ':') => Mark::Stop,
        Some(',' | '…' | '-' | '—') => Mark::Pause,
        _ => Mark::None,
    };
    let written = bare(text).unwrap_or_default();
    let word = written.to_lowercase().replace('’', "'");
    let (first, second) = match (word.as_str(), word.rsplit_once('\'')) {
        ("im", _) => ("i", "am"),
        ("its", _) => ("it", "is"),
        (_, Some((stem, "s"))) if is_word(stem) => (stem, "is"),
        (_, Some((stem, "m"))) => (stem, "am"),
        (_, Some((stem, "re"))) => (stem, "are"),
        _ => (word.as_str(), ""),
    };
    let both = [(first, if second.is_empty() { mark } else { Mark::None }), (second, mark)];
    both.map(|(word, mark)| Token { written, word: word.to_owned(), mark })
        .into_iter()
        .filter(|t| !t.word.is_empty())
}

/// The tokens up to the first mark.
fn clause<'s, 't>(tokens: &'s [Token<'t>]) -> &'s [Token<'t>] {
    let end = tokens.iter().position(Token::ends);
    &tokens[..end.map_or(tokens.len(), |at| at + 1)]
}

/// The name that may end `tokens`: the last words that could be one.
fn before<'s, 't>(tokens: &'s [Token<'t>]) -> &'s [Token<'t>] {
    let no_name = |t: &Token<'_>| t.ends() || is_word(&t.word) && addressed(&t.word).is_none();
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
    let next = rest.first().map(|t| t.word.as_str());
    let half = has(HALF_WORDS, &first.word) && next.is_some_and(|next| is_word(next) && !has(JOINS, next));
    let no_name = half
        || is_word(&first.word)
        || has(RELATIVES, &first.word)
        || !first.word.starts_with(char::is_alphabetic);
    let like_a_name = if capitals {
        first.written.starts_with(char::is_uppercase)
    } else {
        // Without capital letters there are no marks either: one word or two, and then common ones.
        let length = said.iter().take_while(|t| !is_word(&t.word)).count();
        length <= 2 && !first.word.ends_with("ing")
    };
    if (sure || like_a_name) && !no_name { Naming::Another } else { Naming::None }
}

/// Whether it is a common word, or begins as one: you've, he'll.
fn is_word(word: &str) -> bool {
    has(WORDS, word) || word.split_once('\'').is_some_and(|(stem, _)| has(WORDS, stem))
}

fn has(list: &str, word: &str) -> bool {
    list.split(' ').any(|w| w == word)
}

/// Whether what was said may be the person's name: Read for Reed, Dan for Daniel, Bill for William.
fn alike(person: &str, said: &str) -> bool {
    let (short, long) = if person.len() <= said.len() { (person, said) } else { (said, person) };
    let (a, b) = (sounds(short), sounds(long));
    let form = |f: &(&str, &str)| *f == (person, said) || *f == (said, person);
    // A beginning that goes on to "a" is a woman's; a woman may well be called by the beginning.
    let grown = long == said && said.ends_with('a');
    let begins = |rest: &str| short.len() >= 3 && !FEMININE.contains(&rest) && !grown;
    a == b && !is_feminine(short, long) && (a.chars().count() >= KNOWN_BY || vowel(short) == vowel(long))
        || long.strip_prefix(short).is_some_and(begins)
        || FORMS.iter().any(form)
        || has_one_inside(&a, &b)
        || has_one_inside(&b, &a)
}

/// From how many sounds on a name is known by its consonants: of four, John is Jane.
const KNOWN_BY: usize = 5;

/// Whether one is the woman's form of the other, though they sound alike to [`sounds`]: Daniel and
/// Danielle, Dennis and Denise, Jack and Jackie. Clark and Clarke are one name.
fn is_feminine(one: &str, other: &str) -> bool {
    let once = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.dedup();
        letters.into_iter().collect::<String>()
    };
    let (one, other) = (once(one), once(other));
    let grown = |short: &str, long: &str| match long.strip_prefix(short) {
        Some("e") => ["is", "on", "el"].iter().any(|end| short.ends_with(end)),
        rest => rest == Some("ie"),
    };
    grown(&one, &other) || grown(&other, &one)
}

/// A name's first vowel, by how it is spelt: Reed is Read, and John is not Joan.
fn vowel(word: &str) -> Option<char> {
    let at = word.find(VOWELS)?;
    let group: String = word[at..].chars().take_while(|c| VOWELS.contains(c) || *c == 'w').take(2).collect();
    Some(match group.as_str() {
        "ee" | "ea" | "ei" | "ie" | "ey" => 'e',
        "oa" | "oe" => '0',
        "au" | "aw" => '1',
        "oo" | "ou" => 'u',
        other => other.chars().next().map_or('e', |c| if c == 'y' { 'i' } else { c }),
    })
}

const VOWELS: [char; 6] = ['a', 'e', 'i', 'o', 'u', 'y'];

/// Whether `long` is `short` with one sound more in it, where enough is left to know it by. One more
/// at the end is another name: Donald is not Daniel.
fn has_one_inside(short: &str, long: &str) -> bool {
    let same = short.chars().zip(long.chars()).take_while(|(a, b)| a == b).count();
    let rest = |text: &str, skipped| text.chars().skip(skipped).collect::<String>();
    let after = rest(short, same);
    short.chars().count() >= KNOWN_BY && !after.is_empty() && after == rest(long, same + 1)
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
            "You're speaking with Daniel.",
            "yes you are talking to daniel reed",
            "This is... Daniel.",
            "Yes it is, Daniel speaking, who's this?",
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
        for (name, said) in [
            ("Alan Clark", "Allen"),
            ("Ann Green", "Anne"),
            ("Jon Smith", "John"),
            ("Brian Smith", "Smyth"),
            ("Louis Brown", "Lewis"),
            ("Sean Brown", "Shawn"),
            ("Stephen Brown", "Steve"),
            ("Samantha Brown", "Sam"),
            ("Rob Brown", "Robbie"),
            ("Kathy Brown", "Cathy"),
        ] {
            is(name, "", Naming::Same, &[&format!("This is {said}.")]);
        }
    }

    #[test]
    fn a_name_with_the_same_consonants_is_another() {
        for (one, other) in [
            ("John", "Jane"),
            ("John", "Joan"),
            ("Jane", "Joan"),
            ("Alan", "Ellen"),
            ("Tony", "Tina"),
            ("Danny", "Donna"),
            ("Dennis", "Denise"),
            ("Eric", "Erica"),
            ("Paul", "Paula"),
            ("Daniel", "Donald"),
            ("Daniel", "Danielle"),
            ("Daniel", "Daniela"),
            ("Larry", "Laura"),
            ("Jack", "Jackie"),
            ("Robert", "Roberta"),
        ] {
            is(&format!("{one} Smith"), "", Naming::Another, &[&format!("This is {other}.")]);
            is(&format!("{other} Smith"), "", Naming::Another, &[&format!("this is {one}").to_lowercase()]);
        }
        is("Sam Smith", "Mr", Naming::Another, &["This is Samantha."]);
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
            "Yes, this is Mike. Who's calling?",
            "Yes. This is Mike, how can I help you?",
            "Yes it's Mike, go ahead.",
            "Yeah, it's Mike Brown.",
            "yes it's mike brown what do you want",
            "yes this is mike brown how can i help",
            "yeah its mike",
            "my names mike",
            "hi im mike brown",
            "yes i am mike",
            "mike brown speaking",
            "mike here",
            "Yes, Mike here, who's calling?",
            "You're speaking with Mike.",
            "You are talking to Mike Brown.",
            "you're speaking to mike",
            "This is, uh, this is Mike.",
            "This is... Mike.",
            "This is, Mike Brown.",
            "Yes, I am Mike Brown.",
            "Hello, Ruth Brown speaking.",
            "Good morning, this is Ruth.",
            "Yes, you're through to reception, this is Ruth.",
            "Yes, this is Will.",
            "This is Will from accounts.",
            "This is May Brown.",
            "This is Will Brown, may I ask who's calling?",
            "This is Grace.",
            "I'm Mark, who's this?",
            "It's Bill.",
            "This is Mr. Brown speaking.",
            "Ms Brown here.",
            "Yes. My name is Ahmed.",
            "Yes, my name is Sterling.",
            "It’s Priya.",
            "Yes, this is Dan's... no, this is Mike.",
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
    fn one_says_to_be_the_person_without_the_name() {
        for text in
            ["Yes, that's me.", "That is me, actually.", "no wait that's me", "This is he.", "Oh, I'm him."]
        {
            assert!(is_me(text), "{text}");
        }
        for text in [
            "Yes, I do.",
            "That's my brother.",
            "This is her mother.",
            "this is her sister",
            "It's Mike.",
            "",
        ] {
            assert!(!is_me(text), "{text}");
        }
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
            // What follows the marker is another sentence, or a common word.
            "Yes, I am. Go ahead.",
            "Yes it is. Who's this?",
            "Yes, it is. Who is this?",
            "Yes, this is. Who's calling?",
            "Yes, it is. May I ask who's calling?",
            "Yes, I am. Thank you.",
            "Yes, I am! Thanks for calling.",
            "Yes, it is. What's this about?",
            "Yes, it is. How can I help you?",
            "Yes, I am, go ahead.",
            "Yes, it is, what's up?",
            "Yes it is, may I ask who's calling?",
            "Yes, I am... Can I help you?",
            "Yes, it is. Tell me.",
            "Yes, this is. Could you speak up?",
            "yes i am go ahead",
            "yes it is who's this",
            "yes it is whos this",
            "yes this is who is calling",
            "yes it is may i ask who is calling",
            "yes i am what do you want",
            "yes i am will you tell me what this is about",
            "yes it is thanks",
            "yes i am how can i help you",
            "yes it is go on please",
            "yeah i am just driving",
            "yes i am but i'm busy",
            "yes i'm him",
            "yes its me",
            "You're speaking with him.",
            "You're speaking to her.",
            "you're talking to him",
            "yes you are speaking with him",
            "you are",
            "He's speaking.",
            "He is speaking.",
            "That's me speaking.",
            "That's me, who's speaking?",
            "Yes, speaking. What's this about?",
            "speaking who is this",
            "Yes, I'm right here.",
            "yes i live here",
            "Yes, still here.",
            "yes i'm still listening",
            "yes i am vacuuming",
            "Yes, that's right. I'm Mexican.",
            "Yes, I am. Absolutely.",
            "Yes, I am. Why?",
            "Yes, I am. Sorry, I was sleeping.",
            "Yes, it is. Still me.",
            "Yes, I am. Not a good time.",
            "Yes, I am. I'm driving.",
            "yes this is correct",
            "ha ji speaking",
            "Yes, it's Monday, isn't it?",
        ];
        is("Daniel Reed", "Mr", Naming::None, &said);
        is("", "", Naming::None, &["This is he", "speaking"]);
    }
}
