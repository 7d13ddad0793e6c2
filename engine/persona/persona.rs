//! Who is called: what they want, what they can pay, and how they behave on a telephone.

use std::{fmt, str::FromStr};

use jiff::{ToSpan, civil::Date};
use rust_decimal::Decimal;
use waihu_types::Lang;

use crate::{noise::Noise, random::Random, scene::Scene};

macro_rules! kinds {
    ($($variant:ident $label:literal $zh:literal $meaning:literal)*) => {
        /// What a simulated callee is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $meaning] $variant,)*
        }

        impl Kind {
            /// Every kind, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name as commands take it.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// The name in Chinese.
            pub fn zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)* }
            }

            /// What such a callee does, in a few words.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

kinds! {
    Willing "willing" "愿意还" "Can pay soon, and says so."
    Late "late" "晚些还" "Will pay, on a later day than is asked for."
    PaysPart "pays_part" "先还一部分" "Can pay a part soon, and the rest later."
    Installments "installments" "想分期" "Can pay in parts over months."
    Bargains "bargains" "讨价还价" "Offers too little at first, and comes up to what it can pay."
    Settles "settles" "求减免" "Has most of it, and wants the rest waived; takes what it can pay in the end."
    Unable "unable" "还不起" "Cannot pay: no work, no money."
    Hospital "hospital" "住院" "Is in hospital."
    Unwilling "unwilling" "不愿还" "Will not pay, whatever is said."
    Evasive "evasive" "敷衍" "Says neither yes nor no, and names no day unless pressed."
    Angry "angry" "发火" "Is angry at the call; some calm down."
    Complains "complains" "要投诉" "Will complain of the call to an authority."
    Lawyer "lawyer" "有律师" "Refers to a lawyer."
    StopCalling "stop_calling" "别再打" "Wants never to be called again."
    Dispute "dispute" "有异议" "Says the debt or the sum is wrong."
    AlreadyPaid "already_paid" "已还" "Says it has been paid."
    AsksEverything "asks_everything" "什么都问" "Asks who, what, how much, how and what if, then names a day."
    ChangesDate "changes_date" "改两次日期" "Changes the day twice while it is read back."
    Busy "busy" "正忙" "Has no time now, and wants to be called later."
    WantsHuman "wants_human" "要人工" "Wants a person, and says nothing to a machine."
    HardOfHearing "hard_of_hearing" "听不清" "Asks to repeat again and again."
    DeniesFirst "denies_first" "先否认" "Says it is somebody else, then admits who it is."
    HangsUp "hangs_up" "挂断" "Hangs up soon."
    Silent "silent" "不说话" "Says next to nothing."
    OtherLanguage "other_language" "说别的语言" "Speaks the other language."
    Distressed "distressed" "绝望" "Speaks of ending it all."
    ThirdParty "third_party" "家人接听" "A relative or a colleague of the person."
    WrongPerson "wrong_person" "打错" "A stranger: the number is another's now."
    Bereaved "bereaved" "已故" "A relative: the person has died."
    Voicemail "voicemail" "语音信箱" "A voicemail box."
    Screened "screened" "助理代接" "An assistant that asks who is calling; behind it the person, or nobody."
}

impl Kind {
    /// Whether whoever speaks is the person of the case, at least in some talks.
    pub fn is_the_person(self) -> bool {
        !matches!(self, Self::ThirdParty | Self::WrongPerson | Self::Bereaved | Self::Voicemail)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A name that is no persona's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind(pub String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = Kind::ALL.iter().map(|k| k.label()).collect();
        write!(f, "no persona {:?}: use 可用 {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(s: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|k| k.label() == s).ok_or_else(|| UnknownKind(s.to_owned()))
    }
}

/// What a callee can pay, in the currency of the case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Means {
    /// From which day on there is money for the whole.
    pub whole_from: Option<Date>,
    /// A part, and from which day on there is money for it.
    pub part: Option<(Decimal, Date)>,
    /// In how many parts the whole could be paid, a month apart.
    pub parts: Option<u32>,
}

impl Means {
    /// Whether `sum` can be paid on `day`.
    pub fn affords(&self, sum: Decimal, day: Date) -> bool {
        let part = self.part.is_some_and(|(most, from)| sum <= most && day >= from);
        part || self.whole_from.is_some_and(|from| day >= from)
    }

    /// Whether each of these payments can be made.
    pub fn affords_all(&self, parts: &[(Date, Decimal)]) -> bool {
        !parts.is_empty() && parts.iter().all(|(day, sum)| self.affords(*sum, *day))
    }
}

/// How a callee behaves, each from 0 (never) to 1 (always).
#[derive(Clone, Debug, PartialEq)]
pub struct Manners {
    /// Speaks while a line is still being spoken.
    pub talks_over: f32,
    /// Murmurs while listening.
    pub murmurs: f32,
    /// Presses a key where it could have said yes or no.
    pub keys: f32,
    /// Lets a question pass in silence.
    pub silence: f32,
    /// Hangs up instead of answering.
    pub hangs_up: f32,
    /// After so many turns it has had enough.
    pub patience: u32,
    /// How long it thinks before it answers [ms].
    pub thinks_ms: (i64, i64),
}

/// One simulated callee.
#[derive(Clone, Debug, PartialEq)]
pub struct Persona {
    /// What it is about.
    pub kind: Kind,
    /// The language it speaks.
    pub lang: Lang,
    /// Whether it is the person of the case.
    pub is_the_person: bool,
    /// What it can pay.
    pub means: Means,
    /// How it behaves.
    pub manners: Manners,
    /// What becomes of its words on their way.
    pub noise: Noise,
}

impl Persona {
    /// A callee of this kind for a case, by a seed.
    pub fn new(kind: Kind, scene: &Scene, seed: u64) -> Self {
        let mut random = Random::nth(seed, 0xBE16);
        let lang = match (kind, scene.case.lang) {
            (Kind::OtherLanguage, Lang::Zh) => Lang::En,
            (Kind::OtherLanguage, Lang::En) => Lang::Zh,
            (_, lang) => lang,
        };
        // Whoever is in hospital cannot always come to the telephone.
        let is_the_person = kind.is_the_person() && !(kind == Kind::Hospital && random.chance(0.4));
        let means = means(kind, scene, &mut random);
        let manners = manners(kind, &mut random);
        Self { kind, lang, is_the_person, means, manners, noise: Noise::TELEPHONE }
    }
}

fn means(kind: Kind, scene: &Scene, random: &mut Random) -> Means {
    use Kind as K;
    let due = scene.case.due.amount();
    let mut within = |least: i64, most: i64| scene.today.saturating_add(random.between(least, most).days());
    let (soon, late, next_month) = (within(0, 6), within(9, 28), within(25, 45));
    // A round sum, as people offer.
    let share = Decimal::new(random.between(2, 6), 1);
    let step = if due >= Decimal::from(1_000) { Decimal::from(100) } else { Decimal::from(10) };
    let part = ((due * share / step).floor() * step).max(step).min(due);
    match kind {
        K::Willing
        | K::AsksEverything
        | K::HardOfHearing
        | K::DeniesFirst
        | K::HangsUp
        | K::Silent
        | K::Busy
        | K::OtherLanguage
        | K::Screened => Means { whole_from: Some(soon), ..Means::default() },
        K::ChangesDate => Means { whole_from: Some(scene.today.saturating_add(1.day())), ..Means::default() },
        K::Late | K::Angry => Means { whole_from: Some(late), ..Means::default() },
        K::PaysPart => Means { whole_from: Some(next_month), part: Some((part, soon)), parts: None },
        // What it has in the end; it begins with less.
        K::Bargains => Means { whole_from: Some(next_month), part: Some((part, soon)), parts: None },
        K::Settles => {
            let most = (due * Decimal::new(random.between(80, 97), 2)).ceil().min(due);
            Means { part: Some((most, soon)), ..Means::default() }
        }
        K::Evasive => Means { whole_from: random.chance(0.5).then_some(late), ..Means::default() },
        K::Installments => {
            let count = u32::try_from(random.between(3, 12)).unwrap_or(3);
            let each = ((due / Decimal::from(count)).ceil()).min(due);
            Means { whole_from: None, part: Some((each, soon)), parts: Some(count) }
        }
        _ => Means::default(),
    }
}

fn manners(kind: Kind, random: &mut Random) -> Manners {
    use Kind as K;
    let base = Manners {
        talks_over: 0.12,
        murmurs: 0.10,
        keys: 0.05,
        silence: 0.03,
        hangs_up: 0.01,
        patience: u32::try_from(random.between(8, 16)).unwrap_or(12),
        thinks_ms: (200, 1_600),
    };
    match kind {
        K::Angry | K::StopCalling => Manners { talks_over: 0.5, murmurs: 0.0, hangs_up: 0.10, ..base },
        K::Unwilling | K::Complains => Manners { talks_over: 0.25, hangs_up: 0.06, ..base },
        K::Evasive => Manners { murmurs: 0.25, hangs_up: 0.05, silence: 0.10, ..base },
        K::HangsUp => Manners { hangs_up: 0.5, ..base },
        K::Silent => Manners { silence: 0.9, ..base },
        K::HardOfHearing => Manners { talks_over: 0.0, silence: 0.1, patience: 20, ..base },
        K::AsksEverything | K::ChangesDate | K::Bargains | K::Settles => Manners { patience: 20, ..base },
        K::Hospital | K::Distressed => Manners { talks_over: 0.03, thinks_ms: (600, 3_500), ..base },
        K::Busy => Manners { talks_over: 0.35, hangs_up: 0.05, ..base },
        _ => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_by_its_name_and_others_are_told_the_names() {
        for kind in Kind::ALL {
            assert_eq!(kind.label().parse(), Ok(*kind));
        }
        let said = "unabel".parse::<Kind>().unwrap_err().to_string();
        assert!(said.contains("unabel") && said.contains("unable"), "{said}");
    }

    #[test]
    fn what_is_afforded_is_within_the_sum_and_from_the_day_on() {
        let day = jiff::civil::date(2026, 11, 24);
        let later = day.saturating_add(9.days());
        let means = Means { whole_from: Some(later), part: Some((Decimal::from(500), day)), parts: None };
        let sum = Decimal::from;
        assert!(means.affords(sum(500), day) && !means.affords(sum(501), day));
        assert!(means.affords(sum(9_000), later) && !Means::default().affords(sum(1), later));
    }
}
