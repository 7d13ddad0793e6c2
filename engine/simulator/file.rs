//! The file of personas (TOML), read strictly: an unknown key, a step that does two things or a
//! number that stands twice is an error that names the persona.

use std::collections::BTreeMap;

use serde::Deserialize;
use waihu_types::Lang;

use crate::persona::{Act, Cue, Persona, Pickup, Step};

/// What is wrong with a file of personas.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonaError {
    /// It is not TOML of this shape.
    #[error("not a file of personas: {0}")]
    Toml(String),
    /// A persona's number is none.
    #[error("persona {name:?}: the number {number:?} is not 3 to 15 digits")]
    Number {
        /// The persona.
        name: String,
        /// The number.
        number: String,
    },
    /// A number stands twice.
    #[error("number {0} stands twice")]
    Twice(String),
    /// A step is not one cue and one deed.
    #[error("persona {number}, step {step}: {problem}")]
    Step {
        /// The persona.
        number: String,
        /// The step, 1 for the first; 0 for `otherwise`.
        step: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A persona that does not answer has a conversation, or declines with no failure code.
    #[error("persona {number}: {problem}")]
    Pickup {
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
    name: String,
    lang: Lang,
    voice: Option<String>,
    #[serde(default = "rings_ms")]
    rings_ms: u64,
    #[serde(default)]
    no_answer: bool,
    decline: Option<u16>,
    #[serde(default)]
    steps: Vec<RawStep>,
    otherwise: Option<RawAct>,
    #[serde(default = "max_turns")]
    max_turns: u32,
    #[serde(default = "patience_ms")]
    patience_ms: u64,
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

#[derive(Deserialize)]
struct RawStep {
    after_ms: Option<u64>,
    bot_speaking_ms: Option<u64>,
    or_after_ms: Option<u64>,
    #[serde(flatten)]
    act: RawAct,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAct {
    say: Option<String>,
    beep_ms: Option<u32>,
    press: Option<String>,
    listen: Option<bool>,
    hang_up: Option<bool>,
}

/// Reads a file of personas, by number.
///
/// # Errors
/// The first problem found.
pub fn read_personas(text: &str) -> Result<BTreeMap<String, Persona>, PersonaError> {
    let raw: RawFile = toml::from_str(text).map_err(|e| PersonaError::Toml(e.to_string()))?;
    let mut personas = BTreeMap::new();
    for raw in raw.persona {
        let persona = checked(raw)?;
        if let Some(first) = personas.insert(persona.number.clone(), persona) {
            return Err(PersonaError::Twice(first.number));
        }
    }
    Ok(personas)
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
            return Err(PersonaError::Pickup {
                number,
                problem: "decline is a SIP failure code, 400 to 699",
            });
        }
        (true, Some(_)) => {
            return Err(PersonaError::Pickup { number, problem: "either no_answer or decline" });
        }
    };
    if pickup != Pickup::Answer && !(raw.steps.is_empty() && raw.otherwise.is_none()) {
        return Err(PersonaError::Pickup { number, problem: "who does not answer has no conversation" });
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
        steps.push(Step { cue, or_after_ms: s.or_after_ms, act: act(s.act).map_err(wrong)? });
    }
    let otherwise = raw.otherwise.map(act).transpose().map_err(|problem| PersonaError::Step {
        number: number.clone(),
        step: 0,
        problem,
    })?;
    Ok(Persona {
        number,
        name: raw.name,
        lang: raw.lang,
        voice: raw.voice,
        rings_ms: raw.rings_ms,
        pickup,
        steps,
        otherwise,
        max_turns: raw.max_turns,
        patience_ms: raw.patience_ms,
    })
}

/// The longest tone [ms]: a voicemail box's is under a second or two.
const MAX_BEEP_MS: u32 = 5_000;

fn act(raw: RawAct) -> Result<Act, &'static str> {
    match raw {
        RawAct { say: Some(text), beep_ms: None, press: None, listen: None, hang_up: None } => {
            if text.trim().is_empty() { Err("say has no words") } else { Ok(Act::Say(text)) }
        }
        RawAct { say: None, beep_ms: Some(ms), press: None, listen: None, hang_up: None } => {
            if (1..=MAX_BEEP_MS).contains(&ms) { Ok(Act::Beep(ms)) } else { Err("beep_ms is 1 to 5000") }
        }
        RawAct { say: None, beep_ms: None, press: Some(keys), listen: None, hang_up: None } => {
            let known = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D');
            if !keys.is_empty() && keys.chars().all(known) {
                Ok(Act::Press(keys))
            } else {
                Err("press takes keys 0 to 9, *, #, A to D")
            }
        }
        RawAct { say: None, beep_ms: None, press: None, listen: Some(true), hang_up: None } => {
            Ok(Act::Listen)
        }
        RawAct { say: None, beep_ms: None, press: None, listen: None, hang_up: Some(true) } => {
            Ok(Act::HangUp)
        }
        _ => Err("exactly one of say, beep_ms, press, listen = true, hang_up = true"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[[persona]]\nnumber = \"1001\"\nname = \"x\"\nlang = \"zh\"\n";

    fn read(rest: &str) -> Result<Persona, PersonaError> {
        read_personas(&format!("{HEAD}{rest}")).map(|mut all| all.remove("1001").unwrap())
    }

    #[test]
    fn steps_read_as_cues_and_acts() {
        let p = read(
            "steps = [{ after_ms = 300, say = \"喂？\" }, { press = \"1#\" }, { bot_speaking_ms = 900, hang_up = true }]\n\
             otherwise = { say = \"好的。\" }",
        )
        .unwrap();
        assert_eq!(p.steps[0].cue, Cue::After(300));
        assert_eq!(p.steps[1], Step { cue: Cue::BotDone, or_after_ms: None, act: Act::Press("1#".into()) });
        assert_eq!(p.steps[2].cue, Cue::BotSpeaking(900));
        assert_eq!(p.otherwise, Some(Act::Say("好的。".into())));
        assert_eq!(p.pickup, Pickup::Answer);
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
            "decline = 200",
            "decline = 486\nno_answer = true",
            "no_answer = true\nsteps = [{ say = \"a\" }]",
        ] {
            let message = read(bad).unwrap_err().to_string();
            assert!(message.contains("1001"), "{bad}: {message}");
        }
        assert!(matches!(read("nmae = 1"), Err(PersonaError::Toml(_))));
        assert!(matches!(
            read("steps = [{ sya = \"a\" }]"),
            Err(PersonaError::Toml(_) | PersonaError::Step { .. })
        ));
        assert!(matches!(read_personas(&format!("{HEAD}{HEAD}")), Err(PersonaError::Twice(_))));
    }
}
