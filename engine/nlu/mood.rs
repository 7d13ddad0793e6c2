//! How a callee seems to feel over a call: agitation, distress, and willingness to pay, each 0 to 1.
//!
//! From the words and intents of what was said so far, and from the voice where it was measured. Small sums
//! of evidence that can be read and argued with, no model: each word list and weight is below. They are for
//! the outcome and for the choice of who calls next; an urgent step hangs on the intent `distress` and never
//! on these alone. Deliberately absent: any memory (the utterances are handed in), the clock, and a judgement
//! of the person: the scores speak of one call.

mod lists;

use waihu_types::{Intent, Lang};

use crate::decide::Words;

/// How an utterance was spoken, beside the callee's own way in this call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prosody {
    /// Level over the callee's own mean in this call [dB].
    pub level_db_over_own_mean: f32,
    /// Pitch over the callee's own mean, 1 is alike.
    pub pitch_ratio: f32,
    /// How fast [syllables/s].
    pub rate_syllables_s: f32,
}

/// One utterance of the callee.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    /// The words, as recognized.
    pub text: &'a str,
    /// What they were taken for.
    pub intent: Intent,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
    /// How it was spoken, where it was measured.
    pub prosody: Option<Prosody>,
}

/// How a callee seems to feel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mood {
    /// 0 is calm, 1 is furious. What was said lately weighs most.
    pub agitation: f32,
    /// 0 is none, 1 is danger to life. It does not fade: who said it once is in danger.
    pub distress: f32,
    /// 0 will not pay, 1 will; 0.5 where nothing was said of it.
    pub willingness: f32,
}

/// Agitation fades to this share with each later utterance.
const AGITATION_FADES: f32 = 0.7;
/// And what was said of paying to this one: a promise outlives the next hello.
const WILLINGNESS_FADES: f32 = 0.85;
/// Utterances looked at, the last ones: a call has about twenty.
const MAX_UTTERANCES: usize = 100;

/// The mood of a callee after these utterances, the oldest first.
pub fn mood(lang: Lang, said: &[Said<'_>]) -> Mood {
    let said = &said[said.len().saturating_sub(MAX_UTTERANCES)..];
    let mut agitation = 0f32;
    let mut distress = 0f32;
    let mut evidence = 0f32;
    for s in said {
        let words = Words::of(lang, s.text);
        agitation = (agitation * AGITATION_FADES).max(agitated(&words, s));
        distress = distress.max(in_distress(&words, s));
        evidence = evidence * WILLINGNESS_FADES + willing(&words, s);
    }
    Mood { agitation, distress, willingness: 1.0 / (1.0 + (-1.8 * evidence).exp()) }
}

fn agitated(words: &Words, s: &Said<'_>) -> f32 {
    let of_intent = match s.intent {
        Intent::Abuse => 0.85,
        Intent::Complaint => 0.6,
        Intent::StopCalling => 0.5,
        Intent::RefuseToPay => 0.35,
        Intent::LegalRepresentation => 0.3,
        _ => 0.0,
    };
    let listed = match words.lang() {
        Lang::Zh => lists::ZH_AGITATED,
        Lang::En => lists::EN_AGITATED,
    };
    let mut evidence = vec![of_intent * sure(s.confidence)];
    evidence.extend(listed.iter().filter(|(w, _)| words.has(&[w])).map(|w| w.1));
    if let Some(p) = s.prosody {
        evidence.extend(loud(p));
    }
    either(&evidence)
}

/// What a voice tells of agitation: 3 dB over one's own mean is chance, 12 dB is shouting; the pitch rises
/// by a fifth to a half in anger; 5.5 syllables a second is brisk, 8.5 a torrent. (Murray and Arnott 1993 for
/// the directions; the bounds are set so that the voice alone tells of unrest and never of fury.)
fn loud(p: Prosody) -> [f32; 3] {
    [
        0.35 * ramp(p.level_db_over_own_mean, 3.0, 12.0),
        0.30 * ramp(p.pitch_ratio, 1.15, 1.5),
        0.15 * ramp(p.rate_syllables_s, 5.5, 8.5),
    ]
}

fn in_distress(words: &Words, s: &Said<'_>) -> f32 {
    if words.unmistakable() == Some(Intent::Distress) {
        return 0.95;
    }
    let listed = match words.lang() {
        Lang::Zh => lists::ZH_DISTRESSED,
        Lang::En => lists::EN_DISTRESSED,
    };
    let mut evidence: Vec<f32> = listed.iter().filter(|(w, _)| words.has(&[w])).map(|w| w.1).collect();
    if s.intent == Intent::Distress {
        evidence.push(sure(s.confidence));
    }
    let of_words = either(&evidence);
    // A voice that has sunk and slowed makes dark words darker; alone it may be a bad line.
    let sunk = s
        .prosody
        .map_or(0.0, |p| ramp(-p.level_db_over_own_mean, 3.0, 9.0) * ramp(-p.rate_syllables_s, -3.5, -2.0));
    either(&[of_words, 0.3 * sunk * of_words.min(1.0)])
}

fn willing(words: &Words, s: &Said<'_>) -> f32 {
    let of_intent = match s.intent {
        Intent::PromiseToPay => 1.0,
        Intent::PartialPayment => 0.8,
        Intent::AskHowToPay | Intent::RequestInstallments => 0.7,
        Intent::AlreadyPaid | Intent::RequestExtension => 0.5,
        Intent::RequestReduction | Intent::AskAmount | Intent::AskDueDate => 0.35,
        Intent::Affirm => 0.1,
        Intent::Hardship => -0.15,
        Intent::Deny => -0.2,
        Intent::Complaint | Intent::LegalRepresentation => -0.5,
        Intent::DisputeDebt | Intent::StopCalling | Intent::Abuse => -0.6,
        Intent::RefuseToPay => -1.0,
        _ => 0.0,
    };
    let listed = match words.lang() {
        Lang::Zh => lists::ZH_WILLING,
        Lang::En => lists::EN_WILLING,
    };
    let of_words: f32 = listed.iter().filter(|(w, _)| words.has(&[w])).map(|w| w.1).sum();
    of_intent * sure(s.confidence) + of_words.clamp(-0.5, 0.5)
}

/// The probability that at least one of independent signs is true.
fn either(signs: &[f32]) -> f32 {
    1.0 - signs.iter().fold(1.0, |none, s| none * (1.0 - s.clamp(0.0, 1.0)))
}

/// 0 up to `from`, 1 from `to` on, straight between. No number is 0.
fn ramp(x: f32, from: f32, to: f32) -> f32 {
    if x.is_finite() { ((x - from) / (to - from)).clamp(0.0, 1.0) } else { 0.0 }
}

fn sure(confidence: f32) -> f32 {
    if confidence.is_finite() { confidence.clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, intent: Intent) -> Said<'_> {
        Said { text, intent, confidence: 0.9, prosody: None }
    }

    #[test]
    fn nothing_said_is_calm_and_undecided() {
        let m = mood(Lang::Zh, &[]);
        assert_eq!((m.agitation, m.distress, m.willingness), (0.0, 0.0, 0.5));
    }

    #[test]
    fn despair_does_not_fade_and_anger_does() {
        let calm = said("好的", Intent::Affirm);
        let mut call = vec![said("我真的不想活了", Intent::Distress), said("滚，有完没完", Intent::Abuse)];
        let at_once = mood(Lang::Zh, &call);
        assert!(at_once.agitation > 0.8 && at_once.distress > 0.9);
        call.extend([calm; 6]);
        let later = mood(Lang::Zh, &call);
        assert!(later.agitation < 0.15 && later.distress == at_once.distress);
    }

    #[test]
    fn promises_and_refusals_move_the_will_to_pay() {
        let of = |text, intent| mood(Lang::En, &[said(text, intent)]).willingness;
        assert!(of("i'll pay on friday for sure", Intent::PromiseToPay) > 0.8);
        assert!(of("how do i pay", Intent::AskHowToPay) > 0.7);
        assert!(of("i'm not paying a dime", Intent::RefuseToPay) < 0.2);
        let hardship = of("i lost my job", Intent::Hardship);
        assert!((0.35..0.5).contains(&hardship));
        let turned = [said("i won't pay", Intent::RefuseToPay), said("fine, friday", Intent::PromiseToPay)];
        assert!(mood(Lang::En, &turned).willingness > 0.5);
    }

    #[test]
    fn a_voice_alone_tells_of_unrest_and_never_of_fury() {
        let shouted = Prosody { level_db_over_own_mean: 15.0, pitch_ratio: 1.8, rate_syllables_s: 9.0 };
        let of = |text, intent, prosody| {
            mood(Lang::En, &[Said { text, intent, confidence: 0.9, prosody }]).agitation
        };
        let alone = of("hello", Intent::Greeting, Some(shouted));
        assert!((0.4..0.7).contains(&alone), "{alone}");
        assert!(of("stop it", Intent::StopCalling, Some(shouted)) > of("stop it", Intent::StopCalling, None));
        let broken =
            Prosody { level_db_over_own_mean: f32::NAN, pitch_ratio: f32::INFINITY, rate_syllables_s: -1.0 };
        assert_eq!(of("hello", Intent::Greeting, Some(broken)), 0.0);
    }

    #[test]
    fn a_sunken_voice_makes_dark_words_darker_and_bright_ones_not_dark() {
        let sunken = Some(Prosody { level_db_over_own_mean: -10.0, pitch_ratio: 0.9, rate_syllables_s: 1.5 });
        let of = |text, prosody| {
            mood(Lang::En, &[Said { text, intent: Intent::Hardship, confidence: 0.9, prosody }]).distress
        };
        assert!(of("i can't cope anymore", sunken) > of("i can't cope anymore", None));
        assert_eq!(of("i lost my job", sunken), 0.0);
    }
}
