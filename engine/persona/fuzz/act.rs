//! What a random callee, or the world around it, does.

use jiff::civil::time;
use rust_decimal::Decimal;
use waihu_nlu::Entities;
use waihu_types::{HandoverResult, Intent, Lang};

use crate::random::Random;

/// What the words say of who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// No name.
    Nobody,
    /// Another's.
    Another,
    /// That it is the person.
    ThePerson,
}

impl Named {
    /// Such words.
    pub fn words(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Nobody, Lang::Zh) => "话",
            (Self::Nobody, Lang::En) => "words",
            (Self::Another, Lang::Zh) => "我是李强",
            (Self::Another, Lang::En) => "This is Mike.",
            (Self::ThePerson, Lang::Zh) => "我就是",
            (Self::ThePerson, Lang::En) => "That's me.",
        }
    }
}

/// What an utterance means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    /// This.
    Is(Intent),
    /// One of what the script expects just then: so that callees come far into scripts nobody knows.
    Expected(u32),
}

/// Values, by their distance from the day and their share of the sum, so that they fit any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// So many days from today.
    pub days: Option<i64>,
    /// So many half hours after midnight.
    pub half_hours: Option<i8>,
    /// A sum, so many hundredths of what is due.
    pub percent: Option<i64>,
    /// All that is due.
    pub whole: bool,
    /// A number of parts.
    pub count: Option<u32>,
}

impl Values {
    /// As they are heard in a call.
    pub fn entities(&self, today: jiff::civil::Date, due: Decimal) -> Entities {
        let span = |d: i64| jiff::Span::new().try_days(d).ok();
        Entities {
            date: self.days.and_then(span).and_then(|s| today.checked_add(s).ok()),
            time: self.half_hours.map(|h| time(h / 2 % 24, h % 2 * 30, 0, 0)),
            amount: self.percent.map(|p| (due * Decimal::new(p, 2)).round_dp(2)),
            whole: self.whole,
            count: self.count,
            ..Entities::default()
        }
    }
}

/// One thing that a callee, or the world, does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The prompt, if any, goes on to its end.
    Listens,
    /// Says something.
    Says {
        /// What it means.
        meant: Meant,
        /// How sure that is, 0 to 1.
        confidence: f32,
        /// The values in it.
        values: Values,
        /// While a line is being spoken.
        over: bool,
        /// Whom it names.
        named: Named,
        /// What else it means.
        also: Option<(Intent, f32)>,
    },
    /// Speech of which the words never come.
    BeginsToSpeak,
    /// Sound without words.
    Noise {
        /// While a line is being spoken.
        over: bool,
    },
    /// A murmur that stops nothing.
    Murmurs,
    /// Nothing, until the bot's patience is at its end.
    IsSilent,
    /// A while passes, and the bot is told of it too early [ms].
    Waits(u64),
    /// Presses a key.
    Key(char),
    /// An agent takes the call, or does not.
    Agent(Option<HandoverResult>),
    /// A box answers.
    Voicemail,
    /// It gives its tone.
    Beep,
    /// An assistant asks.
    Screening,
    /// The person comes.
    Person,
    /// A fax answers.
    NoPerson,
    /// A prompt that is long over, or never was, is said to be done.
    StalePrompt(u32),
    /// The prompt has no voice.
    VoiceFails,
    /// The callee's side goes.
    HangsUp,
}

impl Act {
    /// The same, said more plainly.
    pub(super) fn plainer(&self) -> Vec<Self> {
        let Self::Says { meant, confidence, values, over, named, also } = self.clone() else {
            return match self {
                Self::Noise { over: true } => vec![Self::Noise { over: false }],
                _ => Vec::new(),
            };
        };
        let says = |values, over, named, also, confidence| Self::Says {
            meant,
            confidence,
            values,
            over,
            named,
            also,
        };
        let mut ways = Vec::new();
        if also.is_some() {
            ways.push(says(values, over, named, None, confidence));
        }
        if values != Values::default() {
            ways.push(says(Values::default(), over, named, None, confidence));
        }
        if over {
            ways.push(says(values, false, named, None, confidence));
        }
        if named != Named::Nobody {
            ways.push(says(values, over, Named::Nobody, None, confidence));
        }
        ways.push(says(Values::default(), false, Named::Nobody, None, 0.9));
        ways
    }
}

/// The acts of the callee of a seed, up to `most` of them.
pub fn callee(seed: u64, most: usize) -> Vec<Act> {
    let mut random = Random::nth(seed, 0xF022);
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let count = usize::try_from(random.between(0, most)).unwrap_or(0);
    let mut acts = Vec::with_capacity(count);
    while acts.len() < count {
        if random.chance(0.04) {
            acts.extend(stretch(&mut random));
        } else {
            acts.push(act(&mut random));
        }
    }
    acts.truncate(count);
    acts
}

/// Somebody who hears each line to its end for a while, and then says nothing, or nothing that is understood,
/// until a ladder is at its end, or nearly; or who gets on with it.
fn stretch(random: &mut Random) -> Vec<Act> {
    let how = random.between(0, 3);
    let mut acts = Vec::new();
    for _ in 0..random.between(2, 6) {
        // A question may have a few lines before it.
        acts.extend([Act::Listens, Act::Listens, Act::Listens, Act::Listens]);
        acts.push(match how {
            0 => Act::IsSilent,
            1 if random.chance(0.25) => Act::Noise { over: false },
            1 => Act::Says {
                meant: Meant::Is(Intent::OutOfScope),
                confidence: 0.9 * random.unit(),
                values: Values::default(),
                over: false,
                named: Named::Nobody,
                also: None,
            },
            _ => likely(random),
        });
    }
    acts
}

fn values(random: &mut Random) -> Values {
    Values {
        days: random.chance(0.5).then(|| random.between(-3, 60)),
        half_hours: random.chance(0.3).then(|| i8::try_from(random.between(0, 47)).unwrap_or(0)),
        percent: random.chance(0.5).then(|| random.between(0, 250)),
        whole: random.chance(0.05),
        count: random.chance(0.1).then(|| u32::try_from(random.between(1, 24)).unwrap_or(3)),
    }
}

fn act(random: &mut Random) -> Act {
    match random.between(0, 239) {
        0..40 => Act::Listens,
        40..140 => says(random),
        140..180 => likely(random),
        180..184 => Act::BeginsToSpeak,
        184..192 => Act::Noise { over: random.chance(0.5) },
        192..195 => Act::Murmurs,
        195..207 => Act::IsSilent,
        207..211 => Act::Waits(random.between(1, 20_000).unsigned_abs()),
        211..221 => Act::Key(*random.pick(&['0', '1', '1', '2', '5', '*', '#'])),
        221..225 => Act::Agent(None),
        225..227 => Act::Agent(Some(HandoverResult::NoAnswer)),
        227..229 => Act::Agent(Some(HandoverResult::Failed)),
        229 => Act::Voicemail,
        230 => Act::Beep,
        231 => Act::Screening,
        232 => Act::Person,
        233 => {
            if random.chance(0.3) {
                Act::NoPerson
            } else {
                Act::Listens
            }
        }
        234..237 => Act::StalePrompt(u32::try_from(random.between(0, 40)).unwrap_or(0)),
        237 | 238 => Act::VoiceFails,
        _ => {
            if random.chance(0.5) {
                Act::HangsUp
            } else {
                Act::Listens
            }
        }
    }
}

fn named(random: &mut Random) -> Named {
    *random.pick(&[
        Named::Nobody,
        Named::Nobody,
        Named::Nobody,
        Named::Nobody,
        Named::Another,
        Named::ThePerson,
    ])
}

/// Anything, half of it what is expected.
fn says(random: &mut Random) -> Act {
    let meant = if random.chance(0.5) {
        Meant::Is(*random.pick(Intent::ALL))
    } else {
        Meant::Expected(u32::try_from(random.between(0, 99)).unwrap_or(0))
    };
    let also = random.chance(0.15).then(|| (*random.pick(Intent::ALL), 0.2 + 0.8 * random.unit()));
    Act::Says {
        meant,
        confidence: 0.2 + 0.8 * random.unit(),
        values: values(random),
        over: random.chance(0.5),
        named: named(random),
        also,
    }
}

/// What people say who get on with it.
fn likely(random: &mut Random) -> Act {
    use Intent as I;
    let common = [I::Affirm, I::Affirm, I::PromiseToPay, I::Deny];
    let rarer = [I::Hardship, I::RequestCallback, I::RequestInstallments, I::RefuseToPay, I::OutOfScope];
    let intent = *if random.chance(0.9) { random.pick(&common) } else { random.pick(&rarer) };
    let with = random.chance(0.5);
    Act::Says {
        meant: Meant::Is(intent),
        confidence: 0.9,
        values: if with { values(random) } else { Values::default() },
        over: random.chance(0.4),
        named: named(random),
        also: None,
    }
}
