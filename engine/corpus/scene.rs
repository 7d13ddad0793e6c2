//! From words that were spoken to what a line hears: rests for thought, silence around, ringback, beeps and
//! announcements, and then the condition of the call.

use waihu_audio::{
    SAMPLES_8K,
    frame::RATE_8K,
    tone::{self, RINGBACK_CN, RINGBACK_US},
};
use waihu_types::Lang;

use crate::{Condition, Random, apply};

/// The level of tones on a line [dBov], near to that of speech.
const TONE_DBOV: f32 = -20.0;

/// Sound after a turn that is over [ms]: whoever has not decided by then never will.
const AFTER_MS: u32 = 3_000;

/// How far from its place by counting words a rest is looked for [of the utterance].
const REACH: f32 = 0.2;

/// What happens around the words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scene {
    /// A little silence on either side, as an endpointer leaves it.
    Utterance,
    /// A turn that ends; with a rest of that length at that bar.
    Finished {
        /// The bar, from 0, and the silence [ms].
        rest: Option<(usize, u32)>,
    },
    /// A turn that breaks off at a bar; the sound ends where the speaker would go on.
    Unfinished {
        /// The bar, from 0.
        bar: usize,
        /// The silence before the sound ends [ms].
        rest_ms: u32,
    },
    /// Words while the bot speaks.
    OverTheBot,
    /// A telephone rings and is answered, and the words come after a while.
    Answered {
        /// Ringback heard before [ms].
        rings_ms: u32,
        /// From the answer to the words [ms].
        after_ms: u32,
        /// A beep after the words, at this pitch [Hz].
        beep_hz: Option<u16>,
    },
    /// The network speaks, mostly with no answer; the words come twice.
    Announced {
        /// The three tones before.
        special_information: bool,
        /// Whether the call was answered for it.
        answered: bool,
    },
    /// A fax machine answers.
    Fax {
        /// Ringback heard before [ms].
        rings_ms: u32,
    },
    /// An answer, and not a sound.
    Silence {
        /// Ringback heard before [ms].
        rings_ms: u32,
    },
    /// It rings and rings.
    Rings,
}

/// What a line hears.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// The sound, at 8 kHz.
    pub samples: Vec<i16>,
    /// When the call was answered [ms from the beginning]; none where it was not.
    pub answered_at_ms: Option<u32>,
    /// When the last word of a turn ends [ms from the beginning]; none where the scene is of no turn.
    pub ended_at_ms: Option<u32>,
}

/// What is to be heard.
#[derive(Clone, Copy, Debug)]
pub struct Take<'a> {
    /// What happens.
    pub scene: Scene,
    /// The network's or the speaker's language.
    pub lang: Lang,
    /// The words, with bars.
    pub text: &'a str,
    /// The words spoken, at 8 kHz.
    pub spoken: &'a [i16],
    /// What is done to the callee's sound.
    pub condition: Condition,
    /// Others' utterances, for babble.
    pub others: &'a [&'a [i16]],
}

/// Puts it together. The same seed gives the same samples.
pub fn compose(take: &Take<'_>, seed: u64) -> Heard {
    let mut random = Random::new(seed);
    let early = early(take);
    let (own, ended_at) = own(take, &mut random);
    let mut samples = apply(&Condition { law: take.condition.law, ..Condition::default() }, &early, &[], 0);
    let answered_at_ms = match take.scene {
        Scene::Rings | Scene::Announced { answered: false, .. } => None,
        _ => Some((samples.len() / 8) as u32),
    };
    samples.extend(apply(&take.condition, &own, take.others, random.next_u64()));
    let turn = matches!(take.scene, Scene::Finished { .. } | Scene::Unfinished { .. } | Scene::OverTheBot);
    // A fast speaker ends earlier.
    let faster = if take.condition.speed.is_finite() { take.condition.speed.clamp(0.5, 2.0) } else { 1.0 };
    let ended_at_ms = turn.then_some((ended_at as f32 / 8.0 / faster) as u32);
    Heard { samples, answered_at_ms, ended_at_ms }
}

/// Before an answer.
fn early(take: &Take<'_>) -> Vec<i16> {
    let rings_ms = match take.scene {
        Scene::Answered { rings_ms, .. } | Scene::Fax { rings_ms } | Scene::Silence { rings_ms } => rings_ms,
        _ => return Vec::new(),
    };
    ringback(take.lang, rings_ms)
}

fn ringback(lang: Lang, ms: u32) -> Vec<i16> {
    let cadence = match lang {
        Lang::Zh => RINGBACK_CN,
        Lang::En => RINGBACK_US,
    };
    cadence.period(TONE_DBOV).into_iter().cycle().take(ms as usize * 8).collect()
}

/// The callee's or the network's own sound, and where its words end [samples].
fn own(take: &Take<'_>, random: &mut Random) -> (Vec<i16>, usize) {
    let quiet = |ms: u32| tone::silence(ms, RATE_8K);
    let mut out = Vec::new();
    let mut ended_at = 0;
    let lead = random.between(200.0, 500.0) as u32;
    match take.scene {
        Scene::Utterance => {
            out.extend(quiet(200));
            out.extend(take.spoken);
            out.extend(quiet(300));
        }
        Scene::Finished { rest } => {
            out.extend(quiet(lead));
            let (first, second) = parted(take, rest.map(|r| r.0));
            out.extend(first);
            out.extend(quiet(rest.map_or(0, |r| r.1)));
            out.extend(second);
            ended_at = out.len();
            out.extend(quiet(AFTER_MS));
        }
        Scene::Unfinished { bar, rest_ms } => {
            out.extend(quiet(lead));
            out.extend(parted(take, Some(bar)).0);
            ended_at = out.len();
            out.extend(quiet(rest_ms));
        }
        Scene::OverTheBot => {
            out.extend(quiet(lead));
            out.extend(take.spoken);
            ended_at = out.len();
            out.extend(quiet(AFTER_MS / 2));
        }
        Scene::Answered { after_ms, beep_hz, .. } => {
            out.extend(quiet(after_ms));
            out.extend(take.spoken);
            if let Some(hz) = beep_hz {
                out.extend(quiet(random.between(300.0, 900.0) as u32));
                let ms = random.between(250.0, 800.0) as u32;
                out.extend(tone::sine(f32::from(hz), ms, TONE_DBOV, RATE_8K));
            }
            out.extend(quiet(AFTER_MS));
        }
        Scene::Announced { special_information, .. } => {
            if special_information {
                out.extend(tone::special_information(TONE_DBOV, RATE_8K));
            }
            out.extend(quiet(lead));
            for _ in 0..2 {
                out.extend(take.spoken);
                out.extend(quiet(900));
            }
        }
        Scene::Fax { .. } => {
            // The called station's tone (ITU-T T.30, 4.2): 2100 Hz for 2.6 to 4 s, 1.8 to 2.5 s after the answer.
            out.extend(quiet(2_000));
            out.extend(tone::sine(2_100.0, 3_000, TONE_DBOV, RATE_8K));
            out.extend(quiet(1_000));
        }
        Scene::Silence { .. } => out.extend(quiet(12_000)),
        Scene::Rings => out.extend(ringback(take.lang, 20_000)),
    }
    (out, ended_at)
}

/// The words before and after a bar.
fn parted<'a>(take: &Take<'a>, bar: Option<usize>) -> (&'a [i16], &'a [i16]) {
    let at = bar.and_then(|bar| rest_at(take.text, take.spoken, bar)).unwrap_or(take.spoken.len());
    take.spoken.split_at(at)
}

/// Where in `spoken` the bar of that number stands: the quietest place near to where it would be if each
/// letter took as long as any other. None where the text has no such bar.
fn rest_at(text: &str, spoken: &[i16], bar: usize) -> Option<usize> {
    let letters = |t: &str| t.chars().filter(|c| c.is_alphanumeric()).count();
    let (place, _) = text.match_indices('|').nth(bar)?;
    let whole = letters(text).max(1);
    let part = letters(&text[..place]) as f32 / whole as f32;
    let frames: Vec<f64> =
        spoken.chunks_exact(SAMPLES_8K / 2).map(|f| f.iter().map(|s| f64::from(*s).powi(2)).sum()).collect();
    if frames.len() < 8 {
        return None;
    }
    let expected = part * frames.len() as f32;
    let reach = (REACH * frames.len() as f32).max(15.0);
    // 60 ms must be quiet together: a stop consonant is shorter.
    let energy = |at: usize| frames[at..at + 6].iter().sum::<f64>();
    let places = 1..frames.len() - 6;
    let near = places.filter(|at| (*at as f32 + 3.0 - expected).abs() < reach);
    let quietest = near.min_by(|a, b| {
        // Of places that are quiet alike, the nearer.
        let far = |at: usize| f64::from((at as f32 + 3.0 - expected).abs());
        (energy(*a) + far(*a)).total_cmp(&(energy(*b) + far(*b)))
    })?;
    Some((quietest + 3) * SAMPLES_8K / 2)
}

#[cfg(test)]
mod tests {
    use waihu_audio::energy::level_dbov;

    use super::*;

    /// Two words of 600 and 400 ms with a gap of 100 ms.
    fn two_words() -> Vec<i16> {
        let mut out = tone::sine(300.0, 600, -20.0, 8_000);
        out.extend(tone::silence(100, 8_000));
        out.extend(tone::sine(500.0, 400, -20.0, 8_000));
        out
    }

    fn take(scene: Scene, spoken: &[i16]) -> Take<'_> {
        let condition = Condition::default();
        Take { scene, lang: Lang::Zh, text: "我大概下个，|星期五", spoken, condition, others: &[] }
    }

    #[test]
    fn a_rest_lies_between_the_words_and_nothing_is_lost() {
        let words = two_words();
        let whole = compose(&take(Scene::Finished { rest: None }, &words), 1).samples;
        let rested = compose(&take(Scene::Finished { rest: Some((0, 800)) }, &words), 1).samples;
        assert_eq!(rested.len(), whole.len() + 6_400);
        let sounding = |s: &[i16]| s.iter().filter(|s| **s != 0).count();
        assert_eq!(sounding(&rested), sounding(&whole));
        let cut = compose(&take(Scene::Unfinished { bar: 0, rest_ms: 500 }, &words), 1).samples;
        let first = tone::sine(300.0, 600, -20.0, 8_000);
        assert_eq!(sounding(&cut), sounding(&first));
        assert!(cut[cut.len() - 4_000..].iter().all(|s| *s == 0));
    }

    #[test]
    fn the_end_of_the_words_is_known_also_of_a_fast_speaker() {
        let words = two_words();
        let scene = Scene::Finished { rest: Some((0, 800)) };
        for speed in [1.0, 1.3] {
            let fast = Take { condition: Condition { speed, ..Condition::default() }, ..take(scene, &words) };
            let heard = compose(&fast, 1);
            let last = heard.samples.iter().rposition(|s| s.abs() > 500).unwrap() / 8;
            let ended_at = heard.ended_at_ms.unwrap() as usize;
            assert!(ended_at.abs_diff(last) < 25, "{speed}: {ended_at} {last}");
        }
    }

    #[test]
    fn a_bar_that_is_not_there_parts_nothing() {
        let words = two_words();
        let whole = compose(&take(Scene::Finished { rest: None }, &words), 1);
        let other = compose(&take(Scene::Unfinished { bar: 7, rest_ms: 3_000 }, &words), 1);
        assert_eq!(whole.samples, other.samples);
        compose(&take(Scene::Unfinished { bar: 0, rest_ms: 100 }, &[1, 2, 3]), 1);
    }

    #[test]
    fn the_answer_stands_where_ringback_ends() {
        let words = two_words();
        let scene = Scene::Answered { rings_ms: 2_500, after_ms: 400, beep_hz: Some(1_000) };
        let heard = compose(&take(scene, &words), 1);
        assert_eq!(heard.answered_at_ms, Some(2_500));
        assert!(level_dbov(&heard.samples[..8_000]) > -25.0);
        assert!(heard.samples[20_000..23_200].iter().all(|s| *s == 0));
        let announced = Scene::Announced { special_information: true, answered: false };
        assert_eq!(compose(&take(announced, &words), 1).answered_at_ms, None);
        assert_eq!(compose(&take(Scene::Rings, &[]), 1).answered_at_ms, None);
        assert_eq!(compose(&take(Scene::Silence { rings_ms: 0 }, &[]), 1).answered_at_ms, Some(0));
    }
}
