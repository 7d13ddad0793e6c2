//! What an agent hears before the callee hears them: who it is, why, and how they seem to feel; some two seconds.

use waihu_types::{Case, Identity, Intent, Lang, Mood};

/// From this on a mood is told [percent].
const TOLD_FROM: u8 = 55;

/// The words, in a language that the agent speaks.
pub(crate) fn words(
    lang: Lang,
    case: &Case,
    identity: Identity,
    reason: Intent,
    mood: Option<Mood>,
) -> String {
    let zh = lang == Lang::Zh;
    let who = match identity {
        Identity::Confirmed if zh => format!("{}{}", case.name, case.title),
        Identity::Confirmed => format!("{} {}", case.title, case.name).trim().to_owned(),
        _ if zh => "身份未核实".to_owned(),
        _ => "Not verified".to_owned(),
    };
    let (mark, end) = if zh { ("，", "。") } else { (", ", ".") };
    let said: Vec<&str> =
        std::iter::once(who.as_str()).chain([why(lang, reason)]).chain(feeling(lang, mood)).collect();
    format!("{}{end}", said.join(mark))
}

fn why(lang: Lang, reason: Intent) -> &'static str {
    let (zh, en) = match reason {
        Intent::Distress => ("处境困难", "in difficulty"),
        Intent::Complaint => ("要投诉", "has a complaint"),
        Intent::RequestHuman => ("要求人工", "asked for a person"),
        Intent::RequestExtension | Intent::RequestInstallments | Intent::RequestReduction => {
            ("要协商还款", "wants other terms")
        }
        Intent::DisputeDebt => ("对欠款有异议", "disputes the debt"),
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
    use super::*;

    fn case() -> Case {
        let case = r#"{"id":"c-1","phone":"1001","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行",
            "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#;
        serde_json::from_str(case).unwrap()
    }

    #[test]
    fn who_is_not_verified_is_not_named() {
        let mood = Mood { agitation: 70, distress: 10, willingness: 50 };
        let told = |identity| words(Lang::Zh, &case(), identity, Intent::RequestHuman, Some(mood));
        assert_eq!(told(Identity::Confirmed), "张伟先生，要求人工，情绪激动。");
        assert_eq!(told(Identity::Unconfirmed), "身份未核实，要求人工，情绪激动。");
        let english = words(Lang::En, &case(), Identity::Denied, Intent::Distress, None);
        assert_eq!(english, "Not verified, in difficulty.");
    }
}
