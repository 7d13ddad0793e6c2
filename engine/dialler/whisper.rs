//! What an agent hears before the callee hears them: who it is, why, and how they seem to feel; two seconds at most.

use std::{sync::Arc, time::Duration};

use waihu_dialog::address;
use waihu_speech::Spoken;
use waihu_types::{Case, Identity, Intent, Lang, Mood};

/// The callee hears music meanwhile, and the agent a callee who waits.
const MOST: Duration = Duration::from_secs(2);
/// The same in samples at 8 kHz.
const MOST_SAMPLES: usize = 16_000;
const SAMPLES_PER_MS: usize = 8;

/// How much faster than a prompt it is spoken: agents hear it dozens of times a day.
pub(crate) const SPEED: f32 = 1.25;

/// From this on a mood is told [percent].
const TOLD_FROM: u8 = 55;

/// The words, in a language that the agent speaks. What matters most comes first, and how the callee feels is left out
/// where there is no time for it.
pub(crate) fn words(
    lang: Lang,
    case: &Case,
    identity: Identity,
    reason: Intent,
    mood: Option<Mood>,
) -> String {
    let who = match (identity, lang) {
        (Identity::Confirmed, _) => address(&case.name, &case.title, lang),
        (_, Lang::Zh) => "身份未核实".to_owned(),
        (_, Lang::En) => "Not verified".to_owned(),
    };
    let (who, why) = (who.as_str(), why(lang, reason));
    let told = [feeling(lang, mood).map(|feeling| vec![who, why, feeling]), Some(vec![who, why])];
    let fits = |parts: &Vec<&str>| lasting(lang, &joined(lang, parts)) <= MOST;
    // Of a name that is too long its end may be missing, and not why they want somebody.
    let parts = told.into_iter().flatten().find(fits).unwrap_or_else(|| vec![why, who]);
    joined(lang, &parts)
}

fn joined(lang: Lang, parts: &[&str]) -> String {
    let (mark, end) = if lang == Lang::Zh { ("，", "。") } else { (", ", ".") };
    format!("{}{end}", parts.join(mark))
}

/// How long the words take to be whispered, as the shipped voices speak: measured on prompts, with their pauses.
fn lasting(lang: Lang, words: &str) -> Duration {
    let each_ms = match lang {
        Lang::Zh => 175.0,
        Lang::En => 60.0,
    };
    Duration::from_millis((words.chars().count() as f32 * each_ms / SPEED) as u64)
}

/// The sound, [`MOST`] at most: where the voice took longer, up to the word that would not be over by then.
pub(crate) fn bounded(spoken: &Spoken) -> Arc<[i16]> {
    let begins = spoken.marks.iter().map(|mark| mark.at_ms as usize * SAMPLES_PER_MS);
    let last = begins.filter(|begin| (1..=MOST_SAMPLES).contains(begin)).max().unwrap_or(MOST_SAMPLES);
    match spoken.samples.get(..last) {
        Some(heard) if spoken.samples.len() > MOST_SAMPLES => heard.into(),
        _ => Arc::clone(&spoken.samples),
    }
}

fn why(lang: Lang, reason: Intent) -> &'static str {
    use Intent as I;
    let (zh, en) = match reason {
        I::Distress => ("处境困难", "in difficulty"),
        I::Complaint => ("要投诉", "has a complaint"),
        I::RequestHuman => ("要求人工", "wants a person"),
        I::RequestExtension
        | I::RequestInstallments
        | I::RequestReduction
        | I::PromiseToPay
        | I::PartialPayment => ("要协商还款", "wants other terms"),
        I::Hardship => ("还款有困难", "cannot pay"),
        I::RefuseToPay => ("不愿还款", "will not pay"),
        I::DisputeDebt => ("对欠款有异议", "disputes the debt"),
        I::OutOfScope | I::Repeat => ("没有听懂", "not understood"),
        _ => ("需要协助", "needs help"),
    };
    if lang == Lang::Zh { zh } else { en }
}

fn feeling(lang: Lang, mood: Option<Mood>) -> Option<&'static str> {
    let mood = mood?;
    let (zh, en) = if mood.distress >= TOLD_FROM {
        ("情绪低落", "distressed")
    } else if mood.agitation >= TOLD_FROM {
        ("情绪激动", "upset")
    } else {
        ("情绪平稳", "calm")
    };
    Some(if lang == Lang::Zh { zh } else { en })
}

#[cfg(test)]
mod tests {
    use waihu_speech::Mark;

    use super::*;

    fn case(name: &str, title: &str) -> Case {
        let case = r#"{"id":"c-1","phone":"1001","name":"NAME","title":"TITLE","lang":"zh","creditor":"安信银行",
            "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#;
        serde_json::from_str(&case.replace("NAME", name).replace("TITLE", title)).unwrap()
    }

    fn mood(agitation: u8, distress: u8) -> Option<Mood> {
        Some(Mood { agitation, distress, willingness: 50 })
    }

    #[test]
    fn who_is_not_verified_is_not_named() {
        let case = case("张伟", "先生");
        let told = |identity| words(Lang::Zh, &case, identity, Intent::RequestHuman, mood(70, 10));
        assert_eq!(told(Identity::Confirmed), "张先生，要求人工，情绪激动。");
        assert!(told(Identity::Unconfirmed).starts_with("身份未核实，要求人工"));
        let english = words(Lang::En, &case, Identity::Denied, Intent::Distress, None);
        assert_eq!(english, "Not verified, in difficulty.");
    }

    #[test]
    fn whatever_it_is_about_it_takes_two_seconds_at_most() {
        for (lang, name, title) in [
            (Lang::Zh, "张伟", "先生"),
            (Lang::Zh, "欧阳娜娜", "女士"),
            (Lang::En, "Daniel Reed", "Mr"),
            (Lang::En, "Mary Ann Featherstonehaugh", "Ms"),
        ] {
            let case = case(name, title);
            for identity in [Identity::Confirmed, Identity::Unconfirmed, Identity::Denied] {
                for reason in Intent::ALL {
                    for mood in [None, mood(0, 0), mood(90, 0), mood(0, 90)] {
                        let told = words(lang, &case, identity, *reason, mood);
                        assert!(lasting(lang, &told) <= MOST, "{told}");
                        assert!(told.contains(why(lang, *reason)), "{told}");
                    }
                }
            }
        }
    }

    #[test]
    fn of_a_name_without_an_end_it_is_heard_first_why() {
        let name = "阿依古丽·买买提·阿不都热合曼";
        let told = words(Lang::Zh, &case(name, ""), Identity::Confirmed, Intent::Complaint, mood(90, 0));
        assert_eq!(told, format!("要投诉，{name}。"));
    }

    #[test]
    fn a_slow_voice_is_cut_at_a_word() {
        let of = |seconds: usize, words_ms: &[u32]| Spoken {
            samples: vec![1; seconds * 8_000].into(),
            marks: words_ms.iter().map(|at_ms| Mark { at_ms: *at_ms, byte: 0 }).collect(),
        };
        let lasts_ms = |spoken: Spoken| bounded(&spoken).len() / SAMPLES_PER_MS;
        assert_eq!(lasts_ms(of(1, &[0, 500])), 1_000, "it is left whole");
        assert_eq!(lasts_ms(of(2, &[0, 500])), 2_000);
        assert_eq!(lasts_ms(of(3, &[0, 900, 1_700, 2_100])), 1_700);
        assert_eq!(lasts_ms(of(9, &[0, 2_400])), 2_000, "a word of nine seconds");
        assert_eq!(lasts_ms(of(9, &[])), 2_000, "nothing is known of its words");
    }
}
