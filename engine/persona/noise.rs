//! What becomes of a callee's words on their way: recognized wrongly, not surely, or not at all.

use waihu_dialog::Utterance;
use waihu_nlu::Entities;
use waihu_types::Intent;

use crate::random::Random;

/// How often words come to harm, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// One intent is taken for another that is near it.
    pub confused: f32,
    /// No words are found in the sound.
    pub no_words: f32,
    /// The classifier is not sure.
    pub unsure: f32,
    /// A day or a sum is lost.
    pub values_lost: f32,
}

impl Noise {
    /// None: every word arrives.
    pub const OFF: Self = Self { confused: 0.0, no_words: 0.0, unsure: 0.0, values_lost: 0.0 };
    /// A telephone line and a recognizer of middling quality. Worse than what is measured on clear
    /// lines (README, figures): an arena is to find what goes wrong.
    pub const TELEPHONE: Self = Self { confused: 0.05, no_words: 0.03, unsure: 0.05, values_lost: 0.03 };
}

/// What arrives.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrived {
    /// Words; whether what was meant is what was understood.
    Words(Utterance, Understood),
    /// Sound without words.
    Nothing,
}

/// Whether what was meant is what was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Understood {
    /// It is.
    Rightly,
    /// Another intent, or a value less.
    Wrongly,
}

impl Noise {
    /// The utterance as it arrives.
    pub fn on(&self, mut utterance: Utterance, random: &mut Random) -> Arrived {
        if random.chance(self.no_words) {
            return Arrived::Nothing;
        }
        let mut understood = Understood::Rightly;
        if random.chance(self.confused) {
            utterance.intent = *random.pick(near(utterance.intent));
            utterance.confidence = 0.45 + 0.4 * random.unit();
            understood = Understood::Wrongly;
        }
        if random.chance(self.unsure) {
            utterance.confidence = 0.1 + 0.4 * random.unit();
        }
        if utterance.entities != Entities::default() && random.chance(self.values_lost) {
            utterance.entities = Entities::default();
            understood = Understood::Wrongly;
        }
        Arrived::Words(utterance, understood)
    }
}

/// The intents that one is taken for: those whose words are like it. A no is never taken for a yes here: where
/// a recognizer does that no script can help, and `waihu eval intents` counts how often ours does.
fn near(intent: Intent) -> &'static [Intent] {
    use Intent as I;
    match intent {
        I::Affirm => &[I::Acknowledge, I::Greeting, I::OutOfScope, I::Repeat],
        I::Deny => &[I::OutOfScope, I::RefuseToPay, I::WrongNumber],
        I::Acknowledge => &[I::Affirm, I::OutOfScope],
        I::Greeting => &[I::Acknowledge, I::OutOfScope, I::Affirm],
        I::PromiseToPay => &[I::PartialPayment, I::Affirm, I::RequestExtension, I::OutOfScope],
        I::PartialPayment => &[I::PromiseToPay, I::RequestInstallments, I::OutOfScope],
        I::RequestExtension => &[I::PromiseToPay, I::Hardship, I::OutOfScope],
        I::RequestInstallments => &[I::PartialPayment, I::RequestReduction],
        I::RequestReduction => &[I::RequestInstallments, I::Hardship],
        I::Hardship => &[I::RequestExtension, I::RefuseToPay, I::OutOfScope],
        I::RefuseToPay => &[I::Deny, I::Hardship, I::OutOfScope],
        I::AlreadyPaid => &[I::PromiseToPay, I::DisputeDebt, I::OutOfScope],
        I::DisputeDebt => &[I::Deny, I::OutOfScope, I::AskAmount],
        I::WrongNumber => &[I::Deny, I::OutOfScope],
        I::ThirdParty => &[I::Deny, I::OutOfScope, I::WrongNumber],
        I::AskAmount => &[I::AskDueDate, I::DisputeDebt, I::OutOfScope],
        I::AskDueDate => &[I::AskAmount, I::OutOfScope],
        I::AskIdentity => &[I::AskIfRobot, I::OutOfScope, I::Repeat],
        I::RequestCallback => &[I::Goodbye, I::Wait, I::OutOfScope],
        I::Repeat => &[I::Greeting, I::OutOfScope],
        I::Abuse => &[I::OutOfScope, I::StopCalling],
        I::Complaint => &[I::Abuse, I::OutOfScope],
        I::Distress => &[I::Hardship, I::OutOfScope],
        I::Goodbye => &[I::Acknowledge, I::OutOfScope],
        _ => &[I::OutOfScope],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_noise_every_word_arrives_and_with_it_about_as_many_as_said() {
        let said = Utterance {
            text: "x".to_owned(),
            intent: Intent::PromiseToPay,
            confidence: 0.9,
            entities: Entities::default(),
            also: Vec::new(),
        };
        let mut random = Random::new(3);
        let mut wrong = |noise: Noise| {
            let rightly = Arrived::Words(said.clone(), Understood::Rightly);
            (0..4_000).filter(|_| noise.on(said.clone(), &mut random) != rightly).count()
        };
        assert_eq!(wrong(Noise::OFF), 0);
        let harmed = wrong(Noise::TELEPHONE);
        assert!((350..600).contains(&harmed), "{harmed}");
    }
}
