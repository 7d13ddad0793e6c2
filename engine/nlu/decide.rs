//! From a classifier's scores to one intent, and what else was meant.
//!
//! The top score decides, except where the words leave no doubt: a callee in danger, one who wants
//! no more calls or a human, or asks for a machine, must never be missed by a near tie; a bare
//! day or sum is an answer that a sentence encoder sees too little in; and what is denied is not asked
//! for. A recognizer's guesses are heard together ([`fuse`]); an utterance of several clauses is read as a
//! whole and clause by clause ([`combine`]).
//! Deliberately absent: memory of the conversation; the script says what it `expected`.

mod clauses;
mod negation;
mod phrases;
mod words;

use waihu_types::{Intent, Lang};

pub use clauses::clauses;
pub(crate) use words::Words;

/// One utterance, decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What the callee means: of several meanings the one to act on.
    pub intent: Intent,
    /// How sure that is, 0 to 1: the classifier's calibrated share, or the rule's where a rule decided.
    pub confidence: f32,
    /// What else was meant in the same breath, surest first, each with its confidence.
    pub also: Vec<(Intent, f32)>,
}

impl Decision {
    fn of(intent: Intent, confidence: f32) -> Self {
        Self { intent, confidence, also: Vec::new() }
    }
}

/// The least confidence of an unmistakable phrase.
const SURE: f32 = 0.95;

/// The confidence of what a denial turned round: the pattern is plain, its words may be misheard.
const TURNED: f32 = 0.85;

/// Above this the classifier is believed over the reading of a bare value.
const BELIEVED: f32 = 0.6;

/// The confidence of a bare value's reading: enough to act on, with the script's confirmation.
const BARE_VALUE: f32 = 0.7;

/// An intent that the script waits for counts half as much again. More would let an expectation
/// drown what was said.
const EXPECTED_WEIGHT: f32 = 1.5;

/// Below this a grave intent is not taken for granted: it would end the talk of the matter, and words
/// that were misheard look like anything. The bot asks again, which whoever meant it will bear. Danger
/// to life is none of them: who is in despair may not say it twice, and the script has a threshold
/// of its own for it.
const GRAVE: f32 = 0.7;

/// A clause must be this sure to tell something of its own: it is short, and torn from what it hangs on.
const CLAUSE: f32 = 0.6;

/// And this sure to be what the conversation acts on, against the reading of the whole.
const CLAUSE_LEADS: f32 = 0.8;

/// How fast a guess loses weight beside a better one: for each 0.1 that its mean log-probability is lower,
/// a third. An utterance has about ten tokens, and their errors come together.
const SHARPNESS: f32 = 4.0;

/// A phrase of danger counts from a guess of this weight on, even if the best guess has it not.
const DANGER_WEIGHT: f32 = 0.15;

/// Decides what an utterance means.
///
/// `scores` are probabilities in the order of [`Intent::ALL`]; missing ones and those that are no
/// number count as zero. `expected` are the intents that the script waits for at this point, or
/// none. Text without a letter or a digit, and what a recognizer makes of noise, is
/// [`Intent::OutOfScope`] with confidence zero.
pub fn decide(lang: Lang, text: &str, scores: &[f32], expected: &[Intent]) -> Decision {
    let words = Words::of(lang, text);
    if words.is_noise() {
        return Decision::of(Intent::OutOfScope, 0.0);
    }
    let top = top(scores, expected);
    if let Some(intent) = words.unmistakable()
        && negation::denied(&words, intent).is_none()
    {
        let confidence = if intent == top.intent { top.confidence.max(SURE) } else { SURE };
        return Decision::of(intent, confidence);
    }
    if let Some(intent) = negation::denied(&words, top.intent) {
        let confidence = if intent == top.intent { top.confidence.max(TURNED) } else { TURNED };
        return Decision::of(intent, confidence);
    }
    // "I paid five hundred of it already" has a sum in it, and offers none.
    if matches!(top.intent, Intent::PartialPayment | Intent::PromiseToPay) && words.tells_of_a_payment() {
        return Decision::of(Intent::AlreadyPaid, top.confidence.max(TURNED));
    }
    // Who is going to die today names no day of payment.
    if top.confidence < BELIEVED
        && top.intent != Intent::Distress
        && let Some(intent) = words.bare_value(text, expected)
        && intent != top.intent
    {
        return Decision::of(intent, BARE_VALUE);
    }
    let grave = matches!(top.intent, Intent::Deceased | Intent::LegalRepresentation);
    if grave && top.confidence < GRAVE && !expected.contains(&top.intent) {
        return Decision::of(Intent::OutOfScope, top.confidence);
    }
    top
}

/// One guess of a recognizer at the same utterance, and what the classifier makes of it.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// The words.
    pub text: &'a str,
    /// Mean log-probability of its tokens, at most 0.
    pub log_probability: f32,
    /// As for [`decide`].
    pub scores: &'a [f32],
}

/// Decides over all guesses of a recognizer at one utterance. The scores are joined with the guesses'
/// weights, the words are those of the likeliest; a phrase of danger is heeded in any guess that has some
/// weight.
pub fn fuse(lang: Lang, readings: &[Reading<'_>], expected: &[Intent]) -> Decision {
    let heard: Vec<&Reading<'_>> = readings.iter().filter(|r| !Words::of(lang, r.text).is_noise()).collect();
    let weights = weights(&heard);
    let best = (0..heard.len()).max_by(|a, b| weights[*a].total_cmp(&weights[*b]).then(b.cmp(a)));
    let Some(best) = best else { return Decision::of(Intent::OutOfScope, 0.0) };
    let mut scores = vec![0.0; Intent::ALL.len()];
    for (reading, weight) in heard.iter().zip(&weights) {
        scores.iter_mut().zip(reading.scores).for_each(|(sum, s)| *sum += weight * s);
    }
    let decision = decide(lang, heard[best].text, &scores, expected);
    let danger = |i: &usize| {
        weights[*i] >= DANGER_WEIGHT
            && Words::of(lang, heard[*i].text).unmistakable() == Some(Intent::Distress)
    };
    if decision.intent != Intent::Distress && (0..heard.len()).any(|i| danger(&i)) {
        let mut heeded = Decision::of(Intent::Distress, BARE_VALUE);
        heeded.also.push((decision.intent, decision.confidence));
        return heeded;
    }
    decision
}

/// The share of each guess, 1 together.
fn weights(readings: &[&Reading<'_>]) -> Vec<f32> {
    let finite =
        |r: &&Reading<'_>| if r.log_probability.is_finite() { r.log_probability.min(0.0) } else { -9.0 };
    let best = readings.iter().map(finite).fold(f32::NEG_INFINITY, f32::max);
    let mut out: Vec<f32> = readings.iter().map(|r| (SHARPNESS * (finite(r) - best)).exp()).collect();
    let sum: f32 = out.iter().sum();
    out.iter_mut().for_each(|w| *w /= sum);
    out
}

/// Joins the reading of the whole with those of its clauses: what to act on, and what else was meant.
///
/// What weighs more is acted on: danger to life, then what ends the talk of the matter, then what is said
/// about it, and last a bare yes, no or hello. Among equals the reading of the whole stands.
pub fn combine(whole: Decision, parts: &[Decision]) -> Decision {
    let mut found: Vec<(Intent, f32)> = Vec::new();
    for p in parts.iter().filter(|p| p.confidence >= CLAUSE && p.intent != Intent::OutOfScope) {
        match found.iter_mut().find(|f| f.0 == p.intent) {
            Some(f) => f.1 = f.1.max(p.confidence),
            None => found.push((p.intent, p.confidence)),
        }
    }
    let heaviest = found
        .iter()
        .filter(|f| f.1 >= CLAUSE_LEADS && weight(f.0) > weight(whole.intent))
        .max_by(|a, b| weight(a.0).cmp(&weight(b.0)).then(a.1.total_cmp(&b.1)))
        .copied();
    let (intent, confidence) = heaviest.unwrap_or((whole.intent, whole.confidence));
    if whole.confidence >= CLAUSE && !found.iter().any(|f| f.0 == whole.intent) {
        found.push((whole.intent, whole.confidence));
    }
    found.retain(|f| f.0 != intent && f.0 != Intent::OutOfScope);
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    Decision { intent, confidence, also: found }
}

/// How much a meaning weighs in what is done next.
fn weight(intent: Intent) -> u8 {
    match intent {
        Intent::Distress => 5,
        Intent::Deceased => 4,
        Intent::StopCalling | Intent::Complaint | Intent::LegalRepresentation | Intent::WrongNumber => 3,
        Intent::OutOfScope => 0,
        Intent::Affirm
        | Intent::Deny
        | Intent::Greeting
        | Intent::Acknowledge
        | Intent::Goodbye
        | Intent::Abuse => 1,
        _ => 2,
    }
}

/// The highest score once the expected ones weigh more, as a share of all.
fn top(scores: &[f32], expected: &[Intent]) -> Decision {
    let mut best = Decision::of(Intent::OutOfScope, 0.0);
    let mut sum = 0.0;
    for (i, intent) in Intent::ALL.iter().enumerate() {
        let score = scores.get(i).copied().filter(|s| s.is_finite() && *s > 0.0).unwrap_or(0.0);
        let weight = if expected.contains(intent) { EXPECTED_WEIGHT } else { 1.0 };
        let score = score.min(1.0) * weight;
        sum += score;
        if score > best.confidence {
            best = Decision::of(*intent, score);
        }
    }
    if sum > 0.0 {
        best.confidence = (best.confidence / sum).min(1.0);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores with this intent on top by a little.
    fn leaning(intent: Intent) -> Vec<f32> {
        Intent::ALL.iter().map(|i| if *i == intent { 0.3 } else { 0.7 / 32.0 }).collect()
    }

    fn decided(lang: Lang, text: &str, scored: Intent) -> Intent {
        decide(lang, text, &leaning(scored), &[]).intent
    }

    #[test]
    fn a_grave_meaning_is_not_guessed_and_danger_is_never_thrown_away() {
        let of = |intent: Intent, share: f32| {
            let rest = (1.0 - share) / (Intent::ALL.len() - 1) as f32;
            let scores: Vec<f32> =
                Intent::ALL.iter().map(|i| if *i == intent { share } else { rest }).collect();
            let d = decide(Lang::Zh, "我我知道了天就环", &scores, &[]);
            assert!((d.confidence - share).abs() < 0.001);
            d.intent
        };
        for grave in [Intent::Deceased, Intent::LegalRepresentation] {
            assert_eq!((of(grave, 0.5), of(grave, 0.9)), (Intent::OutOfScope, grave));
        }
        // How sure is sure enough is for the script to say.
        assert_eq!(
            (of(Intent::Distress, 0.4), of(Intent::Distress, 0.9)),
            (Intent::Distress, Intent::Distress)
        );
    }

    #[test]
    fn without_a_rule_the_top_score_decides() {
        for intent in Intent::ALL {
            // Expected, so that a grave one needs no more than others.
            let d = decide(Lang::En, "something or other", &leaning(*intent), Intent::ALL);
            assert_eq!(d.intent, *intent);
            assert!((d.confidence - 0.3).abs() < 0.001);
        }
    }

    #[test]
    fn unmistakable_words_win_over_the_scores() {
        use Intent::{AskIfRobot, Distress, RequestHuman, StopCalling};
        for (lang, text, want) in [
            (Lang::Zh, "我真的不想活了。", Distress),
            (Lang::Zh, "你们再逼我，我就跳楼", Distress),
            (Lang::En, "I just don't want to live anymore", Distress),
            (Lang::En, "Sometimes I want to die.", Distress),
            (Lang::En, "There's no point in living.", Distress),
            (Lang::En, "I don't want to wake up tomorrow.", Distress),
            (Lang::Zh, "死了一了百了", Distress),
            (Lang::Zh, "我死给你看", Distress),
            (Lang::Zh, "你们要逼死我", Distress),
            (Lang::Zh, "我去上吊", Distress),
            (Lang::Zh, "真的没法活了", Distress),
            (Lang::Zh, "别再打了，听见没有", StopCalling),
            (Lang::En, "Stop calling me!", StopCalling),
            (Lang::En, "take me off your list", StopCalling),
            (Lang::Zh, "给我转人工", RequestHuman),
            (Lang::Zh, "不想跟机器人讲，转人工", RequestHuman),
            (Lang::En, "can I talk to a real person", RequestHuman),
            (Lang::Zh, "你是机器人吧？", AskIfRobot),
            (Lang::Zh, "你是人工还是机器", AskIfRobot),
            (Lang::En, "Am I talking to a robot?", AskIfRobot),
        ] {
            assert_eq!(decided(lang, text, Intent::Acknowledge), want, "{text}");
        }
    }

    #[test]
    fn words_that_only_look_alike_leave_the_scores_alone() {
        for (lang, text) in [
            (Lang::Zh, "现在别打了，晚点再打"),
            (Lang::Zh, "你别打断我"),
            (Lang::Zh, "现在是跳楼价"),
            (Lang::Zh, "周五还清，一了百了"),
            (Lang::Zh, "不能在一棵树上吊死"),
            (Lang::En, "don't wake up the baby"),
            (Lang::En, "I never stopped paying"),
            (Lang::En, "don't call me before five"),
            (Lang::En, "I don't want to talk to a person"),
            (Lang::En, "he died by suicide in March"),
        ] {
            assert_eq!(decided(lang, text, Intent::RequestCallback), Intent::RequestCallback, "{text}");
        }
    }

    #[test]
    fn noise_is_out_of_scope_and_never_sure() {
        for (lang, text) in [
            (Lang::Zh, ""),
            (Lang::Zh, "。。。"),
            (Lang::En, "[BLANK_AUDIO]"),
            (Lang::En, " - "),
            (Lang::En, "Thanks for watching!"),
            (Lang::Zh, "字幕志愿者 李宗盛"),
        ] {
            let d = decide(lang, text, &leaning(Intent::Affirm), &[Intent::Affirm]);
            assert_eq!(d, Decision::of(Intent::OutOfScope, 0.0), "{text}");
        }
    }

    #[test]
    fn a_bare_value_is_an_answer_unless_the_scores_are_sure() {
        assert_eq!(decided(Lang::En, "Friday.", Intent::Greeting), Intent::PromiseToPay);
        assert_eq!(decided(Lang::Zh, "下周三吧", Intent::OutOfScope), Intent::PromiseToPay);
        assert_eq!(decided(Lang::Zh, "五百块", Intent::OutOfScope), Intent::PartialPayment);
        assert_eq!(decided(Lang::Zh, "全额", Intent::OutOfScope), Intent::PromiseToPay);
        assert_eq!(decided(Lang::En, "All of it.", Intent::Acknowledge), Intent::PromiseToPay);
        assert_eq!(decided(Lang::En, "In full.", Intent::RequestInstallments), Intent::PromiseToPay);
        assert_eq!(decided(Lang::En, "three payments", Intent::Goodbye), Intent::RequestInstallments);
        assert_eq!(
            decide(Lang::Zh, "明天下午三点", &leaning(Intent::Greeting), &[Intent::RequestCallback]).intent,
            Intent::RequestCallback
        );
        let mut sure = vec![0.0; Intent::ALL.len()];
        sure[0] = 1.0;
        assert_eq!(decide(Lang::En, "Friday", &sure, &[]).intent, Intent::Greeting);
        assert_eq!(decided(Lang::Zh, "是周五吗", Intent::AskDueDate), Intent::AskDueDate);
    }

    #[test]
    fn what_the_script_expects_wins_a_near_tie_only() {
        let mut scores = vec![0.0; Intent::ALL.len()];
        scores[1] = 0.45;
        scores[2] = 0.40;
        assert_eq!(decide(Lang::En, "mhm right", &scores, &[]).intent, Intent::ALL[1]);
        assert_eq!(decide(Lang::En, "mhm right", &scores, &[Intent::ALL[2]]).intent, Intent::ALL[2]);
        scores[1] = 0.8;
        scores[2] = 0.1;
        assert_eq!(decide(Lang::En, "mhm right", &scores, &[Intent::ALL[2]]).intent, Intent::ALL[1]);
    }

    #[test]
    fn bad_scores_never_decide() {
        let d = decide(Lang::En, "hello there", &[f32::NAN, f32::INFINITY, -1.0], &[]);
        assert_eq!(d, Decision::of(Intent::OutOfScope, 0.0));
    }

    fn part(intent: Intent, confidence: f32) -> Decision {
        Decision::of(intent, confidence)
    }

    #[test]
    fn of_several_meanings_the_gravest_leads_and_the_others_are_told() {
        use Intent::{Affirm, AlreadyPaid, Distress, Hardship, RequestInstallments, StopCalling};
        let d = combine(part(Affirm, 0.9), &[part(Affirm, 0.97), part(AlreadyPaid, 0.95)]);
        assert_eq!((d.intent, &d.also[..]), (AlreadyPaid, &[(Affirm, 0.97)][..]));
        let d = combine(part(Hardship, 0.7), &[part(Hardship, 0.9), part(RequestInstallments, 0.95)]);
        assert_eq!(
            (d.intent, d.confidence, &d.also[..]),
            (Hardship, 0.7, &[(RequestInstallments, 0.95)][..])
        );
        let d = combine(part(StopCalling, 0.95), &[part(StopCalling, 0.95), part(Distress, 0.95)]);
        assert_eq!((d.intent, d.also[0].0), (Distress, StopCalling));
    }

    #[test]
    fn a_clause_that_is_not_sure_tells_nothing() {
        use Intent::{Abuse, Hardship, OutOfScope};
        let d = combine(part(Hardship, 0.9), &[part(Abuse, 0.4), part(OutOfScope, 0.9)]);
        assert_eq!(d, part(Hardship, 0.9));
    }

    #[test]
    fn guesses_are_heard_together() {
        let (yes, no) = (leaning(Intent::Affirm), leaning(Intent::Deny));
        let read = |text, log_probability, scores| Reading { text, log_probability, scores };
        let d = fuse(Lang::En, &[read("yeah", -0.2, &yes), read("nah", -0.9, &no)], &[]);
        assert_eq!(d.intent, Intent::Affirm);
        assert!(d.confidence < 0.3);
        let d = fuse(Lang::En, &[read("nah", -0.9, &no), read("yeah", -0.2, &yes)], &[]);
        assert_eq!(d.intent, Intent::Affirm);
        // One guess is as before, and a guess that is noise has no say.
        let alone = fuse(Lang::En, &[read("yeah", -0.5, &yes)], &[]);
        assert_eq!(alone, decide(Lang::En, "yeah", &yes, &[]));
        let d = fuse(Lang::En, &[read("[music]", 0.0, &no), read("yeah", -0.5, &yes)], &[]);
        assert_eq!(d.intent, Intent::Affirm);
        assert_eq!(fuse(Lang::En, &[], &[]), Decision::of(Intent::OutOfScope, 0.0));
        let d = fuse(Lang::En, &[read("yeah", f32::NAN, &yes)], &[]);
        assert_eq!(d.intent, Intent::Affirm);
    }

    #[test]
    fn a_payment_that_was_made_is_no_offer() {
        let of = |lang, text: &str, intent| {
            let mut scores = vec![0.0; Intent::ALL.len()];
            scores[Intent::ALL.iter().position(|i| *i == intent).unwrap()] = 0.7;
            decide(lang, text, &scores, &[]).intent
        };
        let offer = Intent::PartialPayment;
        for (lang, text) in [
            (Lang::En, "I paid five hundred of it already."),
            (Lang::En, "I've already paid 200 of that"),
            (Lang::Zh, "我已经还了五百了"),
            (Lang::Zh, "上个月还了一千"),
        ] {
            assert_eq!(of(lang, text, offer), Intent::AlreadyPaid, "{text}");
        }
        for (lang, text) in [
            (Lang::En, "I can pay five hundred when I get paid."),
            (Lang::En, "I haven't paid, I'll pay 200 on Friday."),
            (Lang::Zh, "我明天还五百"),
            (Lang::Zh, "已经还了五百，下个月再还五百"),
        ] {
            assert_eq!(of(lang, text, offer), offer, "{text}");
        }
    }

    #[test]
    fn danger_is_heeded_in_any_likely_guess() {
        let calm = leaning(Intent::Greeting);
        let read = |text, log_probability| Reading { text, log_probability, scores: &calm };
        let of = |worse| fuse(Lang::Zh, &[read("我不想火了", -0.2), read("我不想活了", worse)], &[]).intent;
        assert_eq!((of(-0.3), of(-2.0)), (Intent::Distress, Intent::Greeting));
    }
}
