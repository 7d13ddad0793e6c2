//! Which files a set has: who says which line, what happens around it, and under which condition.
//!
//! A plan follows from its seed and the voices that are there. Lines, voices and conditions go round at
//! different paces, so that no voice meets one condition only, and each language meets all.

use std::collections::BTreeMap;

use waihu_types::Lang;

use crate::{
    Condition, Purpose, Random,
    lines::{self, AnswerLine, TurnKind, TurnLine, question_name},
    scene::Scene,
};

/// Conditions under which one utterance of a set of speech is heard: the same words in several make the
/// conditions comparable, and spare synthesis.
const HEARD_IN: usize = 3;

/// Rests for thought [ms]: from one that every endpointer sits out to one that most people bear.
const REST_MS: (f32, f32) = (350.0, 1_000.0);

/// How often each murmur is heard, in other voices and conditions: there are few words for it, and each costs little.
const MURMURS: usize = 4;

/// Conditions for the sound of machines: theirs is recorded well, and suffers from the line alone.
const OF_MACHINES: [&str; 4] = ["alaw", "mulaw", "loss5", "low"];

/// What a set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// What is said: `file, lang, text, condition`.
    Speech,
    /// What is meant: `file, lang, label, text, condition`.
    Intents,
    /// When a turn is over: `file, lang, text, question, label, condition, ended_at_ms`, the last of which is
    /// put in at the end.
    Turns,
    /// Who answers: `file, lang, label, announcement, answered_at_ms, condition`.
    Answers,
}

/// A line with what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meant {
    /// The language.
    pub lang: Lang,
    /// The intent's label.
    pub label: String,
    /// The words.
    pub text: String,
}

/// Words and who says them.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The voice's name.
    pub voice: String,
    /// The words, with bars.
    pub text: String,
    /// How fast, 1 the voice's own pace.
    pub speed: f32,
}

/// A file of a set.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The file's name, without an ending.
    pub name: String,
    /// The language.
    pub lang: Lang,
    /// The words; none of a tone or silence.
    pub said: Option<Said>,
    /// The condition's name and itself.
    pub condition: (&'static str, Condition),
    /// What happens around the words.
    pub scene: Scene,
    /// The manifest's cells after the file. Where the set is of answers, the moment of the answer is to be
    /// put in before the last.
    pub cells: Vec<String>,
}

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// Which set.
    pub set: Set,
    /// Whether it trains or judges: that chooses the lines.
    pub purpose: Purpose,
    /// How many files.
    pub count: usize,
    /// What random choices follow from.
    pub seed: u64,
    /// The voices of that purpose, by language.
    pub voices: &'a BTreeMap<Lang, Vec<String>>,
    /// Lines with their meaning, for [`Set::Intents`].
    pub meant: &'a [Meant],
}

impl Plan<'_> {
    /// The files. A language without a voice or a line has none.
    pub fn items(&self) -> Vec<Item> {
        let mut each: Vec<Vec<Item>> = Lang::ALL.map(|lang| self.of(lang)).into();
        each.retain(|items| !items.is_empty());
        let mut all = Vec::new();
        for n in 0..self.count.div_ceil(each.len().max(1)) {
            all.extend(each.iter().filter_map(|items| items.get(n).cloned()));
        }
        all.truncate(self.count);
        all
    }

    fn of(&self, lang: Lang) -> Vec<Item> {
        let mut random = Random::named(self.seed, lang.code());
        let none = Vec::new();
        let voices = self.voices.get(&lang).unwrap_or(&none);
        if voices.is_empty() {
            return Vec::new();
        }
        let mut bare = match self.set {
            Set::Speech => speech(self.purpose, lang),
            Set::Intents => intents(self.meant, lang),
            Set::Turns => turns(self.purpose, lang, &mut random),
            Set::Answers => answers(self.purpose, lang, &mut random),
        };
        random.shuffle(&mut bare);
        if bare.is_empty() {
            return bare;
        }
        let each = if self.set == Set::Speech { HEARD_IN } else { 1 };
        let files = (0..self.count).map(|n| {
            let (utterance, round) = (n / each, n / each / bare.len());
            let mut item = bare[utterance % bare.len()].clone();
            // The pace of voices shifts each time that the conditions have gone round.
            let conditions = Condition::all();
            let turn = n / conditions.len();
            item.condition = condition(&item, n);
            if let Some(said) = &mut item.said {
                let voice = match (self.set, item.scene) {
                    (Set::Speech, _) => utterance + turn,
                    // Whole, rested and broken off it is one recording.
                    (Set::Turns, Scene::Finished { .. } | Scene::Unfinished { .. }) => {
                        let same = |other: &Item| other.said.as_ref().is_some_and(|s| s.text == said.text);
                        bare.iter().position(same).unwrap_or(utterance) + round
                    }
                    _ => n + turn + round,
                };
                said.voice.clone_from(&voices[voice % voices.len()]);
                // People differ in pace more than the voices do.
                let mut pace = Random::named(self.seed, &format!("{}/{}", said.voice, said.text));
                said.speed = (pace.between(0.9, 1.15) * 20.0).round() / 20.0;
            }
            item.name = format!("{lang}-{n:04}");
            item.cells.push(item.condition.0.to_owned());
            item
        });
        files.collect()
    }
}

fn condition(item: &Item, n: usize) -> (&'static str, Condition) {
    let all = Condition::all();
    let machine = !matches!(item.scene, Scene::Answered { beep_hz: None, .. })
        && matches!(
            item.scene,
            Scene::Answered { .. }
                | Scene::Announced { .. }
                | Scene::Fax { .. }
                | Scene::Silence { .. }
                | Scene::Rings
        );
    let name = OF_MACHINES[n % OF_MACHINES.len()];
    match all.iter().find(|(of, _)| machine && *of == name) {
        Some(found) => *found,
        None => all[n % all.len()],
    }
}

fn bare(lang: Lang, text: Option<&str>, scene: Scene, cells: Vec<String>) -> Item {
    let said = text.map(|text| Said { voice: String::new(), text: text.to_owned(), speed: 1.0 });
    Item { name: String::new(), lang, said, condition: Condition::all()[0], scene, cells }
}

fn speech(purpose: Purpose, lang: Lang) -> Vec<Item> {
    let own = lines::speech(purpose).into_iter().filter(|l| l.lang == lang);
    own.map(|l| bare(lang, Some(l.text), Scene::Utterance, cells(lang, &[l.text]))).collect()
}

fn intents(meant: &[Meant], lang: Lang) -> Vec<Item> {
    let own = meant.iter().filter(|m| m.lang == lang);
    own.map(|m| bare(lang, Some(&m.text), Scene::Utterance, cells(lang, &[&m.label, &m.text]))).collect()
}

fn cells(lang: Lang, rest: &[&str]) -> Vec<String> {
    std::iter::once(lang.code()).chain(rest.iter().copied()).map(str::to_owned).collect()
}

/// Each answer whole, with a rest, and broken off; the rest as it is.
fn turns(purpose: Purpose, lang: Lang, random: &mut Random) -> Vec<Item> {
    let mut out = Vec::new();
    for line in lines::turns(purpose).into_iter().filter(|l| l.lang == lang) {
        match line.kind {
            TurnKind::BackChannel => {
                out.extend(vec![turn(&line, Scene::OverTheBot, "back_channel"); MURMURS]);
            }
            TurnKind::Interruption => out.push(turn(&line, Scene::OverTheBot, "interruption")),
            TurnKind::Turn => {
                out.push(turn(&line, Scene::Finished { rest: None }, "finished"));
                let bars = line.text.matches('|').count();
                if bars > 0 {
                    let mut rest = || (random.below(bars), random.between(REST_MS.0, REST_MS.1) as u32);
                    out.push(turn(&line, Scene::Finished { rest: Some(rest()) }, "finished"));
                    let (bar, rest_ms) = rest();
                    out.push(turn(&line, Scene::Unfinished { bar, rest_ms }, "unfinished"));
                }
            }
        }
    }
    out
}

fn turn(line: &TurnLine, scene: Scene, label: &str) -> Item {
    let plain = match scene {
        Scene::Unfinished { bar, .. } => {
            line.text.split('|').take(bar + 1).collect::<String>().trim_end().to_owned()
        }
        _ => line.text.replace('|', ""),
    };
    let cells = cells(line.lang, &[&plain, question_name(line.question), label]);
    bare(line.lang, Some(line.text), scene, cells)
}

fn answers(purpose: Purpose, lang: Lang, random: &mut Random) -> Vec<Item> {
    let own = lines::answers(purpose).into_iter().filter(|l| l.lang == lang);
    own.map(|line| {
        let cells = cells(lang, &[line.who, line.announcement.unwrap_or("-")]);
        bare(lang, line.text, answer(&line, random), cells)
    })
    .collect()
}

fn answer(line: &AnswerLine, random: &mut Random) -> Scene {
    let rings_ms = random.between(500.0, 6_000.0) as u32;
    let after = |random: &mut Random, from: f32, to: f32| random.between(from, to) as u32;
    match line.who {
        "announcement" => Scene::Announced {
            // North America's networks begin with the three tones.
            special_information: line.lang == Lang::En && random.unit() < 0.5,
            answered: random.unit() < 0.2,
        },
        "fax" => Scene::Fax { rings_ms },
        "silence" => Scene::Silence { rings_ms },
        "nobody" => Scene::Rings,
        // A box begins by itself; people need a moment to bring the telephone to the ear.
        "voicemail" => Scene::Answered {
            rings_ms,
            after_ms: after(random, 100.0, 800.0),
            beep_hz: Some(700 + 50 * random.below(15) as u16),
        },
        _ => Scene::Answered { rings_ms, after_ms: after(random, 150.0, 1_200.0), beep_hz: None },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn voices() -> BTreeMap<Lang, Vec<String>> {
        let names = |all: &[&str]| all.iter().map(|v| (*v).to_owned()).collect();
        [
            (Lang::Zh, names(&["zf_xiaoyi", "zm_yunyang"])),
            (Lang::En, names(&["af_nova", "am_puck", "bf_emma"])),
        ]
        .into()
    }

    fn plan(set: Set, count: usize, seed: u64) -> Vec<Item> {
        let meant: Vec<Meant> =
            Lang::ALL.map(|lang| Meant { lang, label: "affirm".to_owned(), text: "ok".to_owned() }).into();
        let plan = Plan { set, purpose: Purpose::Judge, count, seed, voices: &voices(), meant: &meant };
        plan.items()
    }

    #[test]
    fn a_plan_has_the_files_asked_for_each_named_once_and_follows_from_its_seed() {
        for (set, cells) in [(Set::Speech, 3), (Set::Intents, 4), (Set::Turns, 5), (Set::Answers, 4)] {
            for count in [0, 1, 7, 200] {
                let items = plan(set, count, 3);
                assert_eq!(items.len(), count, "{set:?}");
                assert_eq!(items.iter().map(|i| &i.name).collect::<BTreeSet<_>>().len(), count);
                assert!(items.iter().all(|i| i.cells.len() == cells), "{set:?}: {:?}", items[0].cells);
                assert_eq!(items, plan(set, count, 3));
            }
            assert_ne!(plan(set, 100, 3), plan(set, 100, 4), "{set:?}");
        }
    }

    #[test]
    fn each_language_and_each_voice_meets_every_condition() {
        let items = plan(Set::Speech, 288, 1);
        for (lang, names) in voices() {
            let of: BTreeSet<_> = items.iter().filter(|i| i.lang == lang).map(|i| i.condition.0).collect();
            assert_eq!(of.len(), Condition::all().len(), "{lang}");
            for name in names {
                let by = items.iter().filter(|i| i.said.as_ref().is_some_and(|s| s.voice == name));
                let of: BTreeSet<_> = by.map(|i| i.condition.0).collect();
                assert!(of.len() >= 9, "{name}: {of:?}");
            }
        }
    }

    #[test]
    fn turns_are_whole_rested_and_broken_off() {
        let items = plan(Set::Turns, 144, 1);
        let count = |of: fn(&Scene) -> bool| items.iter().filter(|i| of(&i.scene)).count();
        assert!(count(|s| matches!(s, Scene::Unfinished { .. })) > 20);
        assert!(count(|s| matches!(s, Scene::Finished { rest: Some(_) })) > 20);
        for item in &items {
            let whole = item.said.as_ref().unwrap().text.replace('|', "");
            if let Scene::Unfinished { .. } = item.scene {
                assert!(whole.starts_with(&item.cells[1]) && whole.len() > item.cells[1].len());
                assert_eq!(item.cells[3], "unfinished");
            } else {
                assert_eq!(item.cells[1], whole);
            }
        }
    }

    #[test]
    fn a_language_without_a_voice_is_left_out() {
        let zh: BTreeMap<_, _> = voices().into_iter().filter(|(lang, _)| *lang == Lang::Zh).collect();
        let plan =
            Plan { set: Set::Speech, purpose: Purpose::Train, count: 9, seed: 1, voices: &zh, meant: &[] };
        let items = plan.items();
        assert!(items.len() == 9 && items.iter().all(|i| i.lang == Lang::Zh));
        assert!(Plan { voices: &BTreeMap::new(), ..plan }.items().is_empty());
    }
}
