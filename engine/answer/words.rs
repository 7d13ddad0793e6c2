//! What the recognized words give away: whose they are, and what an announcement announces.
//!
//! Each language has a table of phrases, each with what it speaks for and how strongly. A phrase counts
//! once, however often it is said; a clause that speaks of somebody else, or asks, is a person's, and
//! there only phrases of assistants count. Two points are enough for a machine where a person's words
//! do not outweigh them.

use pinyin::ToPinyin;
use waihu_types::{Announcement, Lang};

/// What a phrase speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// A voicemail box.
    Box,
    /// The network; `Other` where the phrase does not say what it announces.
    Network(Announcement),
    /// A screening assistant.
    Assistant,
    /// A menu or a queue.
    Menu,
    /// A person: what nobody records.
    Person,
    /// A person, or the beginning of anything: a hello.
    Hello,
}

/// A phrase: elements parted by blanks, each of alternatives parted by `|`. An element is a run of
/// characters in Mandarin and a word in English, where `+` at its end lets the word go on. `*` stands for
/// up to [`GAP_ZH`] characters or [`GAP_EN`] words of any kind, none among them.
pub(crate) type Phrase = (For, f32, &'static str);

/// The phrases of a language.
pub(crate) struct Table {
    pub(crate) phrases: &'static [Phrase],
    /// A clause with one of these speaks of somebody else, or to somebody: a person's.
    pub(crate) of_others: &'static [&'static str],
}

/// A word, or a character of Mandarin with its sound.
struct Word {
    text: String,
    /// Its syllable without the tone; none in English.
    sound: Option<&'static str>,
}

const GAP_ZH: usize = 7;
const GAP_EN: usize = 3;

/// Points that make a machine.
pub(crate) const ENOUGH: f32 = 2.0;

/// The longest text that is looked at [characters]: half a minute of fast speech. A recognizer that loops
/// must not cost the ears their time.
pub(crate) const MAX_CHARS: usize = 600;

/// What the words so far speak for, in points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Points {
    pub(crate) voicemail: f32,
    pub(crate) network: f32,
    pub(crate) assistant: f32,
    pub(crate) menu: f32,
    pub(crate) person: f32,
    pub(crate) hello: f32,
    /// What is announced, where that was said.
    pub(crate) announcement: Option<Announcement>,
    /// How much was said [characters of Mandarin, words of English].
    pub(crate) length: usize,
}

/// Counts the points of all that was said.
pub(crate) fn points(lang: Lang, text: &str) -> Points {
    let table = match lang {
        Lang::Zh => crate::zh::TABLE,
        Lang::En => crate::en::TABLE,
    };
    let clauses = clauses(lang, text);
    let mut points = Points { length: clauses.iter().map(|c| c.words.len()).sum(), ..Points::default() };
    let mut kinds = [0.0_f32; Announcement::ALL.len()];
    for (whose, weight, phrase) in table.phrases {
        // In a person's clause, only assistants are believed to be machines.
        let counts = |clause: &&Clause| match whose {
            For::Box | For::Network(_) | For::Menu => !clause.personal,
            For::Assistant | For::Person | For::Hello => true,
        };
        if !clauses.iter().filter(counts).any(|clause| found(lang, &clause.words, phrase)) {
            continue;
        }
        match whose {
            For::Box => points.voicemail += weight,
            For::Network(kind) => {
                points.network += weight;
                if let Some(at) = Announcement::ALL.iter().position(|a| a == kind) {
                    kinds[at] += weight;
                }
            }
            For::Assistant => points.assistant += weight,
            For::Menu => points.menu += weight,
            For::Person => points.person += weight,
            For::Hello => points.hello += weight,
        }
    }
    if clauses.iter().any(|c| c.personal) {
        points.person += 1.0;
    }
    // The first of the best in the list's order; `Other` stands last and wins only alone.
    let named = &kinds[..kinds.len() - 1];
    let best = named.iter().copied().fold(0.0, f32::max);
    points.announcement = named.iter().position(|k| best > 0.0 && *k == best).map(|at| Announcement::ALL[at]);
    points
}

struct Clause {
    /// Words, lower case; characters in Mandarin.
    words: Vec<Word>,
    /// It speaks of somebody else, or asks.
    personal: bool,
}

fn clauses(lang: Lang, text: &str) -> Vec<Clause> {
    let text: String = text.chars().take(MAX_CHARS).collect::<String>().to_lowercase();
    // 其他 is "other", and speaks of nobody.
    let text = text.replace('’', "'").replace("其他", "其它");
    let of_others = match lang {
        Lang::Zh => crate::zh::TABLE.of_others,
        Lang::En => crate::en::TABLE.of_others,
    };
    text.split_inclusive(['。', '！', '？', '，', '；', '、', '.', '!', '?', ',', ';', '\n'])
        .map(|clause| {
            let asks = clause.ends_with(['？', '?']);
            let words: Vec<Word> = match lang {
                Lang::Zh => clause
                    .chars()
                    .filter(|c| c.is_alphanumeric())
                    .map(digit)
                    .map(|c| Word { text: c.to_string(), sound: sound(c) })
                    .collect(),
                Lang::En => clause
                    .split(|c: char| !c.is_alphanumeric() && c != '\'')
                    .filter(|w| !w.is_empty())
                    .map(|w| Word { text: w.to_owned(), sound: None })
                    .collect(),
            };
            let personal = asks || of_others.iter().any(|phrase| found(lang, &words, phrase));
            Clause { words, personal }
        })
        .collect()
}

/// Figures as they are spoken, so that 按1 and 按一 are one.
fn digit(c: char) -> char {
    c.to_digit(10).and_then(|d| "零一二三四五六七八九".chars().nth(d as usize)).unwrap_or(c)
}

fn found(lang: Lang, words: &[Word], phrase: &str) -> bool {
    let elements: Vec<&str> = phrase.split(' ').collect();
    (0..words.len()).any(|at| matches(lang, &words[at..], &elements))
}

/// Whether `words` begins with the elements. The gaps are short and few, so that the search is too.
fn matches(lang: Lang, words: &[Word], elements: &[&str]) -> bool {
    let Some((first, rest)) = elements.split_first() else { return true };
    if *first == "*" {
        let gap = if lang == Lang::Zh { GAP_ZH } else { GAP_EN };
        return (0..=gap.min(words.len())).any(|skip| matches(lang, &words[skip..], rest));
    }
    first.split('|').any(|alternative| {
        let taken = match lang {
            Lang::Zh => run(words, alternative),
            Lang::En => usize::from(words.first().is_some_and(|word| is(&word.text, alternative))),
        };
        taken > 0 && matches(lang, &words[taken..], rest)
    })
}

/// How many characters the run takes up at the beginning of `words`; none where it is not there. Runs of two
/// and more are compared by their sound, since a recognizer that does not know what it is to hear writes 波打 for
/// 拨打 and 正盲 for 正忙; of one there are too many that sound alike.
fn run(words: &[Word], wanted: &str) -> usize {
    let by_sound = wanted.chars().nth(1).is_some();
    let mut taken = 0;
    for c in wanted.chars() {
        let alike = |word: &Word| {
            word.text.chars().eq([c])
                || (by_sound && word.sound.zip(sound(c)).is_some_and(|(a, b)| sounds_alike(a, b)))
        };
        if !words.get(taken).is_some_and(alike) {
            return 0;
        }
        taken += 1;
    }
    taken
}

fn sound(c: char) -> Option<&'static str> {
    c.to_pinyin().map(pinyin::Pinyin::plain)
}

/// Whether two syllables are one to a telephone's ear: zh, ch, sh are heard as z, c, s, and a final ng as n.
fn sounds_alike(a: &str, b: &str) -> bool {
    fn parts(syllable: &str) -> (&str, &str) {
        let initial = &syllable[..syllable.len().min(1)];
        let rest = &syllable[initial.len()..];
        let rest =
            if matches!(initial, "z" | "c" | "s") { rest.strip_prefix('h').unwrap_or(rest) } else { rest };
        (initial, rest.strip_suffix('g').unwrap_or(rest))
    }
    a == b || (a.is_ascii() && b.is_ascii() && parts(a) == parts(b))
}

fn is(word: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('+') {
        Some(stem) => word.starts_with(stem),
        None => word == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_say_is_no_machine() {
        for (lang, text) in [
            (Lang::Zh, "喂，你好"),
            (Lang::Zh, "我现在不方便接听"),
            (Lang::Zh, "他不在，您要留言吗"),
            (Lang::Zh, "他不在您要留言吗"),
            (Lang::Zh, "张伟不在，要不要给他留言？"),
            (Lang::Zh, "我刚才无法接听，你说吧"),
            (Lang::En, "Hello? Who is this?"),
            (Lang::En, "He can't come to the phone right now."),
            (Lang::En, "He can't come to the phone right now, do you want to leave a message?"),
            (Lang::En, "Daniel can't come to the phone right now, who's calling?"),
            (Lang::En, "Do you want to leave a message?"),
            (Lang::En, "You've reached Daniel's office, how can I help you?"),
            (Lang::En, "I'm not available right now, I'll call you later."),
            (Lang::En, "She's not available, you can leave a message with me"),
            (Lang::En, "Yes, speaking."),
            (Lang::En, ""),
        ] {
            let p = points(lang, text);
            let machine = p.voicemail.max(p.network).max(p.menu).max(p.assistant);
            assert!(machine < ENOUGH || machine <= p.person, "{text}: {p:?}");
        }
    }

    #[test]
    fn greetings_of_boxes_have_points_enough() {
        for (lang, text) in [
            (Lang::Zh, "您好，我现在无法接听，请在滴声后留言"),
            (Lang::Zh, "我现在不方便接电话，有事请留言"),
            (Lang::Zh, "您好我现在无法接听我会尽快给您回电"),
            (Lang::En, "Hi, please leave a message after the beep."),
            (Lang::En, "You have reached the VOICEMAIL of"),
            (Lang::En, "Please leave your name and number."),
            (Lang::En, "The person you are calling is not available."),
            (Lang::En, "Daniel Reed is not available. Please record your message."),
            (Lang::En, "Hi, you've reached Daniel. I can't come to the phone right now."),
            (Lang::En, "Sorry I missed your call, I’ll get back to you as soon as I can."),
        ] {
            let p = points(lang, text);
            assert!(p.voicemail >= ENOUGH && p.voicemail > p.person, "{text}: {p:?}");
        }
    }

    #[test]
    fn announcements_are_told_apart() {
        use Announcement as A;
        for (lang, text, kind) in [
            (Lang::Zh, "您好，您拨打的号码是空号，请核对后再拨。", Some(A::NotInService)),
            (Lang::Zh, "您好！您拨叫的用户已停机。", Some(A::Suspended)),
            (Lang::Zh, "您所拨打的用户已关机，我们将尽快用短信通知对方", Some(A::PoweredOff)),
            (Lang::Zh, "您好，您拨叫的用户暂时无法接通，请稍后再拨。", Some(A::Unreachable)),
            (Lang::Zh, "您好！您拨叫的用户正在通话中，请稍后再拨。", Some(A::Busy)),
            (Lang::Zh, "您拨叫的用户正忙，请您稍后再拨。", Some(A::Busy)),
            (Lang::Zh, "您拨打的电话无人接听，请稍后再拨", Some(A::NoAnswer)),
            (Lang::Zh, "您拨打的电话已设置呼入限制", Some(A::Barred)),
            (Lang::Zh, "对不起，网络忙，请稍后再拨", Some(A::Congestion)),
            (Lang::Zh, "该用户已改号，新号码为", Some(A::Changed)),
            (Lang::En, "The number you have dialed is not in service.", Some(A::NotInService)),
            (
                Lang::En,
                "I'm sorry, all circuits are busy now. Please try your call again later.",
                Some(A::Congestion),
            ),
            (Lang::En, "The subscriber you are calling is switched off.", Some(A::PoweredOff)),
            (Lang::En, "The subscriber you dialed is not reachable.", Some(A::Unreachable)),
        ] {
            let p = points(lang, text);
            assert!(p.network >= ENOUGH && p.network > p.person, "{text}: {p:?}");
            assert_eq!(p.announcement, kind, "{text}");
        }
    }

    #[test]
    fn assistants_and_menus_are_neither_boxes_nor_people() {
        for (lang, text) in [
            (Lang::Zh, "您好，我是机主的AI电话助理，请问有什么可以帮您转达？"),
            (
                Lang::En,
                "Hi, if you record your name and reason for calling, I'll see if this person is available.",
            ),
            (
                Lang::En,
                "Hi, I'm Call Assist by Google recording this call. Can I ask what you're calling about?",
            ),
        ] {
            let p = points(lang, text);
            assert!(p.assistant >= ENOUGH && p.assistant >= p.voicemail.max(p.menu).max(p.network), "{p:?}");
        }
        for (lang, text) in [
            (Lang::Zh, "您好，欢迎致电，业务办理请按1，人工服务请按0"),
            (Lang::En, "Thank you for calling. For sales, press 1. For support, press 2."),
        ] {
            let p = points(lang, text);
            assert!(p.menu >= ENOUGH && p.menu > p.voicemail.max(p.network) && p.menu > p.person, "{p:?}");
        }
    }

    #[test]
    fn an_endless_text_is_cut_off() {
        assert_eq!(points(Lang::Zh, &"嗯".repeat(100_000)).length, MAX_CHARS);
    }
}
