//! What a callee answers: by its kind, by its means, and by what it was asked. A pure machine of turns.
//!
//! It knows the case and itself, and of the bot only the words. What it came to say it says once it knows the
//! matter; beyond that it answers questions, and agrees to nothing that it cannot pay.

use std::collections::VecDeque;

use jiff::{
    ToSpan,
    civil::{Date, time},
};
use rust_decimal::Decimal;

use crate::{
    asked::{Asked, Lines},
    persona::{Kind, Persona},
    phrase::{Line, Topic},
    random::Random,
    scene::Scene,
};

/// What a callee does when it is its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Says something.
    Says(Line),
    /// Presses a key.
    Presses(char),
    /// Lets the turn pass.
    IsSilent,
    /// Ends the call.
    HangsUp,
}

/// One callee in one talk.
#[derive(Clone, Debug)]
pub struct Mind {
    persona: Persona,
    due: Decimal,
    today: Date,
    /// What it says before it says who it is.
    first: VecDeque<Topic>,
    /// What it says once it knows the matter.
    wishes: VecDeque<Topic>,
    knows_the_matter: bool,
    turns: u32,
    last: Option<Line>,
    /// The day it means to pay on.
    day: Option<Date>,
    /// How often it will still change the day that is read back.
    changes: u32,
    /// How often it will still put off naming a day, or who it is.
    puts_off: u32,
    /// How often it will still offer less than it can pay.
    haggles: u32,
    /// What it offered last.
    bid: Option<Decimal>,
}

impl Mind {
    /// A callee that has just answered.
    pub fn new(persona: Persona, scene: &Scene, random: &mut Random) -> Self {
        let (first, wishes) = on_its_mind(persona.kind, random);
        let kind = persona.kind;
        Self {
            due: scene.case.due.amount(),
            today: scene.today,
            day: persona.means.whole_from,
            persona,
            first,
            wishes,
            haggles: match kind {
                Kind::Bargains => 2,
                Kind::Settles => 1 + u32::from(random.chance(0.5)),
                _ => 0,
            },
            bid: None,
            knows_the_matter: false,
            turns: 0,
            last: None,
            changes: if kind == Kind::ChangesDate { 2 } else { 0 },
            puts_off: match kind {
                Kind::Evasive => 2,
                Kind::DeniesFirst => 1,
                _ => 0,
            },
        }
    }

    /// Who it is.
    pub fn persona(&self) -> &Persona {
        &self.persona
    }

    /// What it does after these lines of the bot.
    pub fn answer(&mut self, asked: &Asked, lines: &Lines, random: &mut Random) -> Act {
        self.turns += 1;
        self.knows_the_matter |= lines.spoke_of_the_debt();
        let manners = &self.persona.manners;
        if self.turns > manners.patience {
            return if random.chance(0.5) { Act::HangsUp } else { Act::Says(Topic::Bye.into()) };
        }
        if random.chance(manners.hangs_up) {
            return Act::HangsUp;
        }
        if random.chance(manners.silence) {
            return Act::IsSilent;
        }
        let keys = manners.keys;
        let misheard = lines.did_not_hear(self.persona.lang);
        let again = self.last.clone().filter(|_| misheard && random.chance(0.8));
        let line = again.unwrap_or_else(|| self.says(asked, random));
        // Whoever was not heard remembers that there are keys.
        let key = match line.topic {
            Topic::Me | Topic::Yes => Some('1'),
            Topic::NotMe | Topic::No => Some('2'),
            Topic::Human => Some('0'),
            _ => None,
        };
        self.last = Some(line.clone());
        match key {
            Some(key) if random.chance(if misheard { keys * 6.0 } else { keys }) => Act::Presses(key),
            _ => Act::Says(line),
        }
    }

    fn says(&mut self, asked: &Asked, random: &mut Random) -> Line {
        if !self.persona.is_the_person {
            return self.as_another(asked, random).into();
        }
        match asked {
            Asked::Who => {
                if let Some(topic) = self.first.pop_front() {
                    return topic.into();
                }
                if self.persona.kind == Kind::DeniesFirst && self.puts_off > 0 {
                    self.puts_off -= 1;
                    return Topic::NotMe.into();
                }
                return Topic::Me.into();
            }
            Asked::Know => return Topic::Myself.into(),
            _ => {}
        }
        if self.knows_the_matter
            && let Some(topic) = self.wishes.pop_front()
        {
            return self.with_values(topic);
        }
        self.by_means(asked, random)
    }

    /// Somebody else: says so, and has nothing to say of the matter.
    fn as_another(&mut self, asked: &Asked, random: &mut Random) -> Topic {
        use Topic as T;
        let kind = self.persona.kind;
        let asks = self.turns <= 3 && random.chance(0.2);
        match (kind, asked) {
            (_, Asked::Who | Asked::Open) if asks => *random.pick(&[T::AskWho, T::Hello, T::AskMachine]),
            // People who are curious about somebody else's call.
            (Kind::ThirdParty, _) if asks => *random.pick(&[T::AskSum, T::AskDue, T::AskElse]),
            (_, Asked::Who) if random.chance(0.35) => T::NotMe,
            (Kind::WrongPerson, _) => T::Wrong,
            (Kind::Bereaved, _) => T::Dead,
            (Kind::Hospital, _) => T::RelativeHospital,
            (_, Asked::Know) if random.chance(0.4) => T::Yes,
            _ => T::Relative,
        }
    }

    /// A topic with this callee's values.
    fn with_values(&self, topic: Topic) -> Line {
        let part = self.persona.means.part;
        Line {
            date: self.day.or(part.map(|p| p.1)),
            sum: part.map(|p| p.0),
            count: self.persona.means.parts,
            ..Line::from(topic)
        }
    }

    /// The answer to a question, within what can be paid.
    fn by_means(&mut self, asked: &Asked, random: &mut Random) -> Line {
        use Topic as T;
        match asked {
            Asked::When | Asked::WhenAndHowMuch => self.offer(random),
            Asked::HowMuch => match (self.persona.means.part, self.day) {
                (Some((sum, _)), _) => Line::from(T::Sum).of(self.bid(sum)),
                (None, Some(_)) => Line::from(T::Sum).of(self.due),
                (None, None) => self.excuse().into(),
            },
            Asked::HowMany => match self.persona.means.parts {
                Some(_) => self.with_values(T::Parts),
                None => self.offer(random),
            },
            Asked::Plan { .. } if self.haggles > 0 && self.persona.means.part.is_some() => self.counter(),
            Asked::Plan { parts } if self.persona.means.affords_all(parts) => T::Yes.into(),
            Asked::Plan { .. } => match (self.persona.means.parts, self.persona.means.part) {
                // The parts are too few, or too large.
                (Some(_), _) if random.chance(0.6) => self.with_values(T::Parts),
                (_, Some((sum, _))) => Line::from(T::Part).of(sum),
                (_, None) => self.offer(random),
            },
            Asked::Channel => T::ByApp.into(),
            Asked::Suits if self.persona.kind == Kind::Busy || random.chance(0.05) => T::CallLater.into(),
            Asked::Suits => T::Yes.into(),
            Asked::Paid if self.persona.kind == Kind::AlreadyPaid => T::Paid.into(),
            Asked::Paid => T::NotYet.into(),
            Asked::Terms { date, sum } => self.terms(*date, *sum, random),
            Asked::CallTime => {
                let hour = i8::try_from(random.between(9, 20)).unwrap_or(15);
                let at = Line { time: Some(time(hour, 0, 0, 0)), ..Line::from(T::CallAt) };
                match random.between(0, 5) {
                    0 => T::CallLater.into(),
                    1 | 2 => {
                        let day = self.today.saturating_add(random.between(1, 4).days());
                        Line { topic: T::CallOn, ..at }.on(day)
                    }
                    _ => at,
                }
            }
            Asked::Person => {
                if random.chance(wants_a_person(self.persona.kind)) {
                    T::Yes.into()
                } else {
                    T::No.into()
                }
            }
            Asked::Why => match self.persona.kind {
                Kind::Unable
                | Kind::Installments
                | Kind::PaysPart
                | Kind::Bargains
                | Kind::Settles
                | Kind::Distressed => T::Hard.into(),
                Kind::Hospital => T::Ill.into(),
                _ => self.excuse().into(),
            },
            Asked::Digits => T::FourDigits.into(),
            Asked::Whether if self.can_pay() => T::Yes.into(),
            Asked::Whether => T::No.into(),
            Asked::Open if self.knows_the_matter => self.offer(random),
            Asked::Open | Asked::Who | Asked::Know => T::Hello.into(),
        }
    }

    fn can_pay(&self) -> bool {
        self.day.is_some() || self.persona.means.part.is_some()
    }

    /// What it offers by itself: the part that it has soon, else the whole on its day.
    fn offer(&mut self, random: &mut Random) -> Line {
        use Topic as T;
        if self.persona.kind == Kind::Evasive && self.puts_off > 0 {
            self.puts_off -= 1;
            return Line::from(*random.pick(&[T::PayVague, T::Aside, T::CallLater, T::Murmur]));
        }
        match (self.persona.means.part, self.day) {
            (Some((sum, from)), _) => Line::from(T::PartOn).on(from).of(self.bid(sum)),
            (None, Some(day)) => Line::from(T::PayOn).on(day),
            (None, None) => self.excuse().into(),
        }
    }

    /// What it offers of the most that it has: half, then three quarters, then all of it.
    fn bid(&mut self, most: Decimal) -> Decimal {
        let share = match self.haggles {
            0 => return *self.bid.insert(most),
            1 => Decimal::new(75, 2),
            _ => Decimal::new(50, 2),
        };
        self.haggles -= 1;
        *self.bid.insert((most * share).ceil().min(most))
    }

    /// "The most I can do is …": it is not, yet.
    fn counter(&mut self) -> Line {
        match self.persona.means.part {
            Some((most, _)) => Line::from(Topic::Part).of(self.bid(most)),
            None => self.excuse().into(),
        }
    }

    /// What it says instead of an offer.
    fn excuse(&self) -> Topic {
        match self.persona.kind {
            Kind::Unwilling | Kind::Complains | Kind::StopCalling => Topic::Refuse,
            Kind::Lawyer => Topic::MyLawyer,
            Kind::Dispute => Topic::Wrongly,
            Kind::AlreadyPaid => Topic::Paid,
            Kind::Hospital => Topic::Ill,
            Kind::WantsHuman => Topic::Human,
            Kind::Evasive => Topic::Aside,
            _ => Topic::Hard,
        }
    }

    /// Agrees only to what it can pay; else it says what it can.
    fn terms(&mut self, date: Option<Date>, sum: Option<Decimal>, random: &mut Random) -> Line {
        use Topic as T;
        let means = &self.persona.means;
        if let (Some(_), Some(day)) = (date.and(sum), self.day)
            && self.changes > 0
        {
            self.changes -= 1;
            let later = day.saturating_add(random.between(1, 3).days());
            self.day = Some(later);
            return Line::from(T::OtherDay).on(later);
        }
        // What it did not offer itself is worth a try.
        if self.haggles > 0 && means.part.is_some() && sum.is_some_and(|s| self.bid.is_none_or(|bid| s > bid))
        {
            return self.counter();
        }
        match (date, sum) {
            (Some(date), Some(sum)) if means.affords(sum, date) => T::Yes.into(),
            (None, Some(sum)) if self.day.is_some_and(|d| means.affords(sum, d)) => T::Yes.into(),
            (None, Some(sum)) if means.part.is_some_and(|(most, _)| sum <= most) => T::Yes.into(),
            // "By Friday?": a day of one's own, where there is one.
            (Some(date), None)
                if self.day.is_some_and(|d| d <= date) || means.part.is_some_and(|p| p.1 <= date) =>
            {
                self.offer(random)
            }
            (Some(_), None) if self.can_pay() => Line::from(*random.pick(&[T::Later, T::No])),
            (Some(_), Some(_)) => match (means.part, self.day) {
                (Some((sum, from)), _) => Line::from(T::OtherTerms).on(from).of(sum),
                (None, Some(day)) => Line::from(T::OtherDay).on(day),
                (None, None) => self.excuse().into(),
            },
            _ => self.offer(random),
        }
    }
}

/// How likely such a callee lets itself be put through.
fn wants_a_person(kind: Kind) -> f32 {
    match kind {
        Kind::WantsHuman => 1.0,
        Kind::Installments | Kind::Distressed => 0.9,
        Kind::Bargains | Kind::Settles => 0.6,
        Kind::Unable | Kind::Dispute => 0.7,
        Kind::Hospital | Kind::PaysPart => 0.5,
        Kind::Angry | Kind::Complains | Kind::HardOfHearing => 0.4,
        Kind::Unwilling => 0.1,
        _ => 0.25,
    }
}

/// What such a callee says before it says who it is, and what once it knows the matter.
fn on_its_mind(kind: Kind, random: &mut Random) -> (VecDeque<Topic>, VecDeque<Topic>) {
    use Topic as T;
    let mut either = |share: f32, topic: T| {
        let topics = VecDeque::from([topic]);
        if random.chance(share) { (topics, VecDeque::new()) } else { (VecDeque::new(), topics) }
    };
    let (mut first, mut wishes) = match kind {
        Kind::Busy => either(0.6, T::CallLater),
        Kind::WantsHuman => either(0.5, T::Human),
        Kind::StopCalling => either(0.5, T::NoMore),
        Kind::Angry => either(0.4, T::Swear),
        Kind::AsksEverything => {
            (VecDeque::from([T::AskWho, T::AskMachine]), [T::AskSum, T::AskDue, T::AskHow, T::AskElse].into())
        }
        Kind::HardOfHearing => ([T::Again].into(), [T::Again, T::Again].into()),
        Kind::Unable => (VecDeque::new(), [T::Hard, T::Less].into()),
        Kind::Hospital => (VecDeque::new(), [T::Ill].into()),
        Kind::Unwilling => (VecDeque::new(), [T::Refuse].into()),
        Kind::Evasive => (VecDeque::new(), [T::Aside].into()),
        Kind::Complains => (VecDeque::new(), [T::Complain].into()),
        Kind::Lawyer => (VecDeque::new(), [T::MyLawyer].into()),
        Kind::Dispute => (VecDeque::new(), [T::Wrongly].into()),
        Kind::AlreadyPaid => (VecDeque::new(), [T::Paid].into()),
        Kind::Distressed => (VecDeque::new(), [T::Hard, T::Despair].into()),
        Kind::Installments => (VecDeque::new(), [T::Parts].into()),
        Kind::Settles => (VecDeque::new(), [T::Less].into()),
        _ => Default::default(),
    };
    // Anyone may ask, or look for a pen.
    if random.chance(0.10) {
        first.push_front(*random.pick(&[T::AskWho, T::Hello, T::AskMachine, T::Again]));
    }
    if random.chance(0.10) {
        wishes.push_front(*random.pick(&[T::Hold, T::AskSum, T::AskHow, T::Again]));
    }
    (first, wishes)
}
