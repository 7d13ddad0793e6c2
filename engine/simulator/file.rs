//! The file of personas (TOML), read strictly: an unknown key, a step that does two things or a
//! number that stands twice is an error that names the persona.

use serde::Deserialize;
use waihu_types::Lang;

use crate::{
    Personas,
    persona::{Act, Answer, Cue, Noise, Persona, Pickup, Step},
};

/// What is wrong with a file of personas.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonaError {
    /// It is not TOML of this shape.
    #[error("not a file of personas 不是被叫文件: {0}")]
    Toml(String),
    /// A persona's number is none.
    #[error("persona {name:?}: the number {number:?} is not 3 to 15 digits 号码有误")]
    Number {
        /// The persona.
        name: String,
        /// The number.
        number: String,
    },
    /// A number stands twice, for the same callers.
    #[error("number {0} stands twice: give one of them a when_shown of its own 号码重复")]
    Twice(String),
    /// A step is not one cue and one deed.
    #[error("persona 被叫 {number}, step 步骤 {step}: {problem}")]
    Step {
        /// The persona.
        number: String,
        /// The step, 1 for the first; 0 for `otherwise`.
        step: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A persona that does not answer has a conversation, or declines with no failure code; or a level
    /// that no voice has.
    #[error("persona 被叫 {number}: {problem}")]
    Persona {
        /// The persona.
        number: String,
        /// What is wrong.
        problem: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    persona: Vec<RawPersona>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPersona {
    number: String,
    when_shown: Option<String>,
    name: String,
    lang: Lang,
    voice: Option<String>,
    #[serde(default = "level_dbov")]
    level_dbov: i8,
    #[serde(default = "rings_ms")]
    rings_ms: u64,
    #[serde(default)]
    no_answer: bool,
    decline: Option<u16>,
    #[serde(default)]
    early: Vec<RawAct>,
    #[serde(default)]
    steps: Vec<RawStep>,
    #[serde(default)]
    again: bool,
    otherwise: Option<RawAnswer>,
    #[serde(default = "max_turns")]
    max_turns: u32,
    #[serde(default = "patience_ms")]
    patience_ms: u64,
    #[serde(default = "max_call_ms")]
    max_call_ms: u64,
}

/// The level at which telephone speech arrives (ITU-T P.56, P.800: -26 dBov).
fn level_dbov() -> i8 {
    -26
}

/// A ring and a half at the shortest cadence: a person cannot answer faster.
fn rings_ms() -> u64 {
    1_500
}

/// More turns than any good call has; a bot that goes on is going in circles.
fn max_turns() -> u32 {
    14
}

/// Longer than the ringing for an agent may take, with the bot silent.
fn patience_ms() -> u64 {
    45_000
}

/// Longer than any call that goes well; the engine's own limit is five minutes.
fn max_call_ms() -> u64 {
    240_000
}

// No deny_unknown_fields where another table is flattened in: that one sees what is left, and denies.
#[derive(Deserialize)]
struct RawStep {
    after_ms: Option<u64>,
    bot_speaking_ms: Option<u64>,
    or_after_ms: Option<u64>,
    #[serde(flatten)]
    answer: RawAnswer,
}

#[derive(Deserialize)]
struct RawAnswer {
    #[serde(default)]
    bot_spoke_ms: u64,
    to_shorter: Option<String>,
    #[serde(flatten)]
    act: RawAct,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAct {
    say: Option<String>,
    beep_ms: Option<u32>,
    ringback_ms: Option<u32>,
    music_ms: Option<u32>,
    breath_ms: Option<u32>,
    press: Option<String>,
    tones: Option<String>,
    parrot: Option<bool>,
    listen: Option<bool>,
    hang_up: Option<bool>,
}

/// Reads a file of personas.
///
/// # Errors
/// The first problem found.
pub fn read_personas(text: &str) -> Result<Personas, PersonaError> {
    let raw: RawFile = toml::from_str(text).map_err(|e| PersonaError::Toml(e.to_string()))?;
    let mut all = Personas::default();
    for raw in raw.persona {
        all.insert(checked(raw)?).map_err(|twice| PersonaError::Twice(twice.number))?;
    }
    Ok(all)
}

fn checked(raw: RawPersona) -> Result<Persona, PersonaError> {
    let number = raw.number;
    if number.parse::<waihu_types::PhoneNumber>().is_err() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PersonaError::Number { name: raw.name, number });
    }
    let pickup = match (raw.no_answer, raw.decline) {
        (false, None) => Pickup::Answer,
        (true, None) => Pickup::NoAnswer,
        (false, Some(code @ 400..=699)) => Pickup::Decline(code),
        (false, Some(_)) => {
            return Err(PersonaError::Persona {
                number,
                problem: "decline is a SIP failure code, 400 to 699",
            });
        }
        (true, Some(_)) => {
            return Err(PersonaError::Persona { number, problem: "either no_answer or decline" });
        }
    };
    if pickup != Pickup::Answer && !(raw.steps.is_empty() && raw.otherwise.is_none()) {
        return Err(PersonaError::Persona { number, problem: "who does not answer has no conversation" });
    }
    let mut steps = Vec::new();
    for (n, s) in raw.steps.into_iter().enumerate() {
        let wrong = |problem| PersonaError::Step { number: number.clone(), step: n + 1, problem };
        let cue = match (s.after_ms, s.bot_speaking_ms) {
            (None, None) => Cue::BotDone,
            (Some(ms), None) => Cue::After(ms),
            (None, Some(ms)) => Cue::BotSpeaking(ms),
            (Some(_), Some(_)) => return Err(wrong("either after_ms or bot_speaking_ms")),
        };
        if s.after_ms.is_some() && s.answer.bot_spoke_ms > 0 {
            return Err(wrong("bot_spoke_ms is of no use where it does not wait for the bot"));
        }
        steps.push(Step { cue, or_after_ms: s.or_after_ms, answer: answer(s.answer).map_err(wrong)? });
    }
    if raw.again && steps.iter().all(|s| s.answer.act == Act::Listen) {
        return Err(PersonaError::Persona { number, problem: "again needs a step that does something" });
    }
    let early = raw.early.into_iter().map(|raw| match act(raw)? {
        sound @ (Act::Say(_) | Act::Make(..)) => Ok(sound),
        _ => Err("what comes early is a line or a noise"),
    });
    let early = early.collect::<Result<Vec<_>, _>>();
    let early = early.map_err(|problem| PersonaError::Persona { number: number.clone(), problem })?;
    if !(LEVELS_DBOV).contains(&raw.level_dbov) {
        return Err(PersonaError::Persona { number, problem: "level_dbov is -50 to -10" });
    }
    let otherwise = raw.otherwise.map(answer).transpose().map_err(|problem| PersonaError::Step {
        number: number.clone(),
        step: 0,
        problem,
    })?;
    Ok(Persona {
        number,
        when_shown: raw.when_shown,
        name: raw.name,
        lang: raw.lang,
        voice: raw.voice,
        level_dbov: raw.level_dbov,
        rings_ms: raw.rings_ms,
        early,
        pickup,
        steps,
        again: raw.again,
        otherwise,
        max_turns: raw.max_turns,
        patience_ms: raw.patience_ms,
        max_call_ms: raw.max_call_ms,
    })
}

/// A voice below is lost in the line's noise, one above clips in G.711.
const LEVELS_DBOV: std::ops::RangeInclusive<i8> = -50..=-10;

fn answer(raw: RawAnswer) -> Result<Answer, &'static str> {
    if raw.to_shorter.is_some() && raw.bot_spoke_ms == 0 {
        return Err("to_shorter needs bot_spoke_ms: shorter than what?");
    }
    if raw.to_shorter.as_ref().is_some_and(|text| text.trim().is_empty()) {
        return Err("to_shorter has no words");
    }
    Ok(Answer { act: act(raw.act)?, bot_spoke_ms: raw.bot_spoke_ms, to_shorter: raw.to_shorter })
}

/// The longest noise [ms]; what lasts longer comes again.
const MAX_NOISE_MS: u32 = 120_000;

fn act(raw: RawAct) -> Result<Act, &'static str> {
    let RawAct { say, beep_ms, ringback_ms, music_ms, breath_ms, press, tones, parrot, listen, hang_up } =
        raw;
    let make = |noise| move |ms| Act::Make(noise, ms);
    let only = |act: Act| move |set: bool| set.then_some(act);
    let all = [
        say.map(Act::Say),
        beep_ms.map(make(Noise::Beep)),
        ringback_ms.map(make(Noise::Ringback)),
        music_ms.map(make(Noise::Music)),
        breath_ms.map(make(Noise::Breath)),
        press.map(Act::Press),
        tones.map(Act::Tones),
        parrot.and_then(only(Act::Parrot)),
        listen.and_then(only(Act::Listen)),
        hang_up.and_then(only(Act::HangUp)),
    ];
    let mut given = all.into_iter().flatten();
    let (Some(act), None) = (given.next(), given.next()) else {
        return Err(
            "exactly one of say, beep_ms, ringback_ms, music_ms, breath_ms, press, tones, parrot = true, \
             listen = true, hang_up = true",
        );
    };
    let known = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D');
    match &act {
        Act::Say(text) if text.trim().is_empty() => Err("say has no words"),
        Act::Make(_, ms) if !(1..=MAX_NOISE_MS).contains(ms) => Err("a noise is 1 to 120000 ms long"),
        Act::Press(keys) | Act::Tones(keys) if keys.is_empty() || !keys.chars().all(known) => {
            Err("press and tones take keys 0 to 9, *, #, A to D")
        }
        _ => Ok(act),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[[persona]]\nnumber = \"1001\"\nname = \"x\"\nlang = \"zh\"\n";

    fn read(rest: &str) -> Result<Persona, PersonaError> {
        read_personas(&format!("{HEAD}{rest}")).map(|all| all.find("1001", None).unwrap().clone())
    }

    #[test]
    fn steps_read_as_cues_and_acts() {
        let p = read(
            "steps = [{ after_ms = 300, say = \"喂？\" }, { press = \"1#\" }, { bot_speaking_ms = 900, hang_up = true }]\n\
             otherwise = { bot_spoke_ms = 4000, say = \"好的。\", to_shorter = \"明天。\" }",
        )
        .unwrap();
        assert_eq!(p.steps[0].cue, Cue::After(300));
        assert_eq!(
            p.steps[1],
            Step { cue: Cue::BotDone, or_after_ms: None, answer: Act::Press("1#".into()).into() }
        );
        assert_eq!(p.steps[2].cue, Cue::BotSpeaking(900));
        let otherwise =
            Answer {
                act: Act::Say("好的。".into()), bot_spoke_ms: 4_000, to_shorter: Some("明天。".into())
            };
        assert_eq!(p.otherwise, Some(otherwise));
        assert_eq!(p.pickup, Pickup::Answer);
        let p = read("decline = 404\nearly = [{ ringback_ms = 900 }, { say = \"空号\" }]").unwrap();
        assert_eq!(p.early, [Act::Make(Noise::Ringback, 900), Act::Say("空号".into())]);
        let p = read("again = true\nsteps = [{ after_ms = 0, music_ms = 60000 }]").unwrap();
        assert!(p.again && p.steps[0].answer.act == Act::Make(Noise::Music, 60_000));
        assert_eq!(read("decline = 486").unwrap().pickup, Pickup::Decline(486));
    }

    #[test]
    fn what_is_odd_is_an_error_that_names_the_persona() {
        for bad in [
            "steps = [{ say = \"a\", hang_up = true }]",
            "steps = [{ say = \" \" }]",
            "steps = [{ press = \"x\" }]",
            "steps = [{ after_ms = 1, bot_speaking_ms = 1, listen = true }]",
            "steps = [{}]",
            "otherwise = { listen = false }",
            "otherwise = { say = \"a\", to_shorter = \"b\" }",
            "otherwise = { say = \"a\", bot_spoke_ms = 1, to_shorter = \"\" }",
            "steps = [{ after_ms = 1, bot_spoke_ms = 1, say = \"a\" }]",
            "level_dbov = 0",
            "decline = 200",
            "decline = 486\nno_answer = true",
            "no_answer = true\nsteps = [{ say = \"a\" }]",
            "early = [{ hang_up = true }]",
            "early = [{ music_ms = 0 }]",
            "again = true",
            "steps = [{ tones = \"x\" }]",
            "steps = [{ parrot = false }]",
        ] {
            let message = read(bad).unwrap_err().to_string();
            assert!(message.contains("1001"), "{bad}: {message}");
        }
        assert!(matches!(read("nmae = 1"), Err(PersonaError::Toml(_))));
        assert!(matches!(
            read("steps = [{ sya = \"a\" }]"),
            Err(PersonaError::Toml(_) | PersonaError::Step { .. })
        ));
        for same in ["", "when_shown = \"en-\"\n"] {
            let twice = format!("{HEAD}{same}{HEAD}{same}");
            assert!(matches!(read_personas(&twice), Err(PersonaError::Twice(_))));
        }
    }
}
