//! The outcome of an attempt, put together from what each room knows of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use waihu_call::{Ending, Offered};
use waihu_campaign::{Past, TRUNK_CAUSE_NEVER};
use waihu_dialog::{Conclusion, RedialAdvice};
use waihu_sip::identity::Cause;
use waihu_trunk::{Causes, Meaning, SipEnd};
use waihu_types::{
    Announcement, AttemptId, CampaignId, Case, Disposition, FaultOwner, FollowUp, Handover, HandoverOffer,
    OUTCOME_VERSION, Outcome, PhoneNumber, Redial, ScriptVersion, SipCause, Time, WallTime,
};

use crate::plant::Plan;

/// What is known of an attempt before it is dialled.
pub(crate) struct Attempt {
    pub attempt: AttemptId,
    pub campaign: Option<CampaignId>,
    pub case: Case,
    pub script: ScriptVersion,
    pub models: BTreeMap<String, String>,
    pub dialled_at: WallTime,
    /// The number that is dialled.
    pub number: PhoneNumber,
    /// What the campaign's calls go by; none for a call by hand.
    pub plan: Option<Arc<Plan>>,
    /// What was tried for the case in the campaign before.
    pub past: Vec<Past>,
    /// The text that is left where this is the last call and reaches nobody, if the strategy says so.
    pub unreached: Option<FollowUp>,
}

/// The outcome of an attempt whose call ran to its end, as yet without its files. `wall` tells the wall
/// time of a point on the call's clock.
pub(crate) fn outcome(
    of: &Attempt,
    causes: &Causes,
    ending: Ending,
    ended_at: WallTime,
    wall: impl Fn(Time) -> WallTime,
) -> Outcome {
    let meaning = meaning(causes, &ending);
    let conclusion = ending.conclusion;
    let (disposition, fault) = if ending.answered_at.is_some() {
        match (ending.engine_failed, conclusion.disposition) {
            // Picked up with a description that nothing may be said to: no codec or no key in common.
            (true, reached) if ending.sip.as_ref().is_some_and(|sip| sip.code == 488) => {
                (spoilt(reached), Some(FaultOwner::Trunk))
            }
            (true, reached) => (spoilt(reached), Some(FaultOwner::Us)),
            (false, Disposition::EngineFailed) => (Disposition::EngineFailed, Some(FaultOwner::Us)),
            // What was announced says more than that no person was there.
            (false, Disposition::Unreachable) => {
                let told = waihu_campaign::answer_verdict(ending.answered_by, ending.announcement);
                told.map_or((Disposition::Unreachable, None), |(what, whose)| (what, Some(whose)))
            }
            (false, reached) => (reached, None),
        }
    } else {
        let (disposition, fault) = match (&ending.sip, ending.rang_out) {
            _ if ending.engine_failed => (Disposition::EngineFailed, FaultOwner::Us),
            (_, true) => waihu_campaign::announced_sip_verdict(RANG_OUT, ending.announcement),
            (Some(sip), false) => match meaning {
                Some(meaning) => (meaning.disposition, meaning.fault),
                None => waihu_campaign::announced_sip_verdict(sip.code, ending.announcement),
            },
            (None, false) => waihu_campaign::NO_RESPONSE,
        };
        (disposition, Some(fault))
    };
    let redial = match meaning {
        Some(meaning) if meaning.never_again => Redial::No { rule: TRUNK_CAUSE_NEVER.to_owned() },
        _ => redial(of, disposition, ending.answered_at.is_some(), &conclusion, ended_at),
    };
    let mut outcome = Outcome {
        version: OUTCOME_VERSION,
        attempt: of.attempt.clone(),
        campaign: of.campaign.clone(),
        case: of.case.id.clone(),
        callee: of.number.clone(),
        dialled_at: of.dialled_at,
        answered_at: ending.answered_at.map(&wall),
        ended_at,
        answered_by: ending.answered_by,
        announcement: ending.announcement,
        told: ending.told,
        mood: None,
        identity: conclusion.identity,
        debt_disclosed: conclusion.debt_disclosed,
        disposition,
        promise: conclusion.promise,
        callback: conclusion.callback,
        follow_ups: conclusion.follow_ups,
        intents: conclusion.intents,
        handover: ending.handover.map(|h| Handover {
            agent: h.agent,
            result: h.result,
            joined_at: h.joined_at.map(&wall),
            waited_ms: Some(ms(h.waited)),
            talked_ms: Some(ms(h.talked)).filter(|ms| *ms > 0),
            offers: h.offers.into_iter().map(|o| offer(o, &wall)).collect(),
            others: Vec::new(),
            disposition: None,
            notes: None,
        }),
        script: of.script.clone(),
        models: of.models.clone(),
        recording: None,
        transcript: None,
        sound: None,
        sip: ending.sip.map(|sip| with_cause(sip, &ending.because)),
        ended_by: ending.ended_by,
        fault,
        redial,
    };
    if let Some(plan) = &of.plan {
        let this = Past::of(&outcome, &of.case.time_zone);
        let past: Vec<Past> = of.past.iter().cloned().chain([this]).collect();
        outcome.redial = plan.strategy.redial(&plan.settings, &of.case, &past);
        if plan.strategy.leaves_text(&of.case, &past, &outcome.redial) {
            outcome.follow_ups.extend(of.unreached.clone());
        }
    }
    outcome
}

/// What the trunk's own table makes of a refusal; none where it says nothing of it, or knows less than was announced.
fn meaning(causes: &Causes, ending: &Ending) -> Option<Meaning> {
    if ending.answered_at.is_some() || ending.rang_out || ending.engine_failed {
        return None;
    }
    let sip = ending.sip.as_ref()?;
    let end = SipEnd { code: sip.code, phrase: &sip.reason, because: &ending.because };
    let announced = ending.announcement.is_some_and(|told| told != Announcement::Other);
    causes.meaning(&end).filter(|meaning| meaning.is_precise || !announced)
}

/// The signalling's end with the network's own cause beside the phrase.
fn with_cause(sip: SipCause, because: &[Cause]) -> SipCause {
    let end = SipEnd { code: sip.code, phrase: "", because };
    match end.q850() {
        Some(cause) => SipCause { reason: format!("{} (Q.850 {cause})", sip.reason), ..sip },
        None => sip,
    }
}

fn ms(lasting: Duration) -> u64 {
    u64::try_from(lasting.as_millis()).unwrap_or(u64::MAX)
}

fn offer(offered: Offered, wall: &impl Fn(Time) -> WallTime) -> HandoverOffer {
    HandoverOffer { agent: offered.agent, at: wall(offered.at), result: offered.end }
}

/// The code of a call that we gave up while it rang (RFC 3261 section 21.4.25).
const RANG_OUT: u16 = 487;

/// A call that a fault of ours ended keeps what was reached in it, and is else put down to the fault.
fn spoilt(disposition: Disposition) -> Disposition {
    match disposition {
        Disposition::HungUp | Disposition::NoCommitment | Disposition::Silence => Disposition::EngineFailed,
        reached => reached,
    }
}

/// When the case may be dialled again: never where the script says so, as agreed where the bot is to call
/// back, else by the shipped ladder. A campaign's strategy has the last word.
fn redial(
    of: &Attempt,
    disposition: Disposition,
    answered: bool,
    conclusion: &Conclusion,
    ended_at: WallTime,
) -> Redial {
    let attempts = u32::try_from(of.past.len()).unwrap_or(u32::MAX).saturating_add(1);
    if answered && conclusion.redial == RedialAdvice::Never {
        return Redial::No { rule: "script_never".to_owned() };
    }
    // Who picked up is not called again for a fault of ours: something may have been said.
    if answered && disposition == Disposition::EngineFailed {
        return Redial::No { rule: "engine_failed_in_call".to_owned() };
    }
    let agreed = conclusion.callback.as_ref().filter(|c| answered && !c.by_agent);
    match agreed.and_then(|c| waihu_campaign::agreed_time(c, ended_at, &of.case.time_zone)) {
        Some(at) => waihu_campaign::redial_as_agreed(at, attempts),
        None => waihu_campaign::redial(disposition, ended_at, attempts),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use waihu_campaign::{Settings, Strategy};
    use waihu_compliance::Gate;
    use waihu_deliver::{Courier, Reader};
    use waihu_dialog::Script;
    use waihu_store::{MessageState, NewAttempt, Passage, Store};
    use waihu_types::{AnsweredBy, Callback, EndedBy, Identity, Lang};

    /// 2026-11-25 15:00 in Shanghai.
    fn ended() -> WallTime {
        WallTime::from_unix_millis(1_795_590_000_000)
    }

    fn attempt() -> Attempt {
        let case = r#"{"id":"c-1","phone":"1001","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行",
            "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15","reply_number":"95588"}"#;
        Attempt {
            attempt: "a-1".parse().unwrap(),
            campaign: None,
            case: serde_json::from_str(case).unwrap(),
            script: ScriptVersion {
                name: "reminder".into(),
                lang: Lang::Zh,
                sha256: String::new(),
                variant: None,
                draft: false,
            },
            models: BTreeMap::new(),
            dialled_at: ended(),
            number: "1001".parse().unwrap(),
            plan: None,
            past: Vec::new(),
            unreached: None,
        }
    }

    fn ending(disposition: Disposition) -> Ending {
        Ending {
            conclusion: Conclusion {
                disposition,
                identity: Identity::Unconfirmed,
                debt_disclosed: false,
                promise: None,
                callback: None,
                follow_ups: Vec::new(),
                intents: Vec::new(),
                handover: None,
                redial: RedialAdvice::ByRule,
                turns: 1,
            },
            answered_at: Some(Time::from_millis(1_000)),
            answered_by: AnsweredBy::Human,
            announcement: None,
            told: None,
            sip: None,
            because: Vec::new(),
            ended_by: Some(EndedBy::Us),
            rang_out: false,
            handover: None,
            engine_failed: false,
        }
    }

    fn filed(ending: Ending) -> Outcome {
        outcome(&attempt(), &Causes::default(), ending, ended(), |_| ended())
    }

    fn not_before(outcome: &Outcome) -> String {
        match &outcome.redial {
            Redial::No { rule } => rule.clone(),
            Redial::Allowed { not_before, .. } => {
                not_before.timestamp().in_tz("Asia/Shanghai").unwrap().datetime().to_string()
            }
        }
    }

    #[test]
    fn a_script_that_says_never_is_heeded() {
        let mut end = ending(Disposition::ThirdParty);
        assert_eq!(not_before(&filed(end.clone())), "2026-11-26T15:00:00");
        end.conclusion.redial = RedialAdvice::Never;
        assert_eq!(not_before(&filed(end)), "script_never");
    }

    #[test]
    fn the_bot_calls_back_when_it_was_agreed_and_a_person_when_a_person_is_to() {
        let date = Some(jiff::civil::date(2026, 11, 30));
        let today = Some(jiff::civil::date(2026, 11, 25));
        let time = |h| Some(jiff::civil::time(h, 0, 0, 0));
        for (date, time, by_agent, expected) in [
            (date, time(18), false, "2026-11-30T18:00:00"),
            (date, None, false, "2026-11-30T10:00:00"),
            (None, time(18), false, "2026-11-25T18:00:00"),
            (None, time(9), false, "2026-11-26T09:00:00"),
            (None, None, false, "2026-11-26T15:00:00"),
            (today, None, false, "2026-11-25T17:00:00"),
            (today, time(14), false, "2026-11-25T17:00:00"),
            (today, time(20), false, "2026-11-25T20:00:00"),
            (date, time(18), true, "2026-11-26T15:00:00"),
        ] {
            let mut end = ending(Disposition::ThirdParty);
            end.conclusion.callback = Some(Callback { date, time, by_agent });
            assert_eq!(not_before(&filed(end)), expected, "{date:?} {time:?} {by_agent}");
        }
    }

    /// An attempt of a campaign under these rules, after so many that nobody answered.
    fn attempt_after(before: i64, rules: &str) -> Attempt {
        let rule = "[[rule]]\nid = \"all\"\nzh = \"全部\"\nen = \"all\"\nrank = 1\n";
        let settings = Settings::parse("trunk = \"main\"\nscript = \"reminder\"").unwrap();
        let strategy = Strategy::parse("s.toml", &format!("{rules}{rule}")).unwrap();
        let tried = |n: i64| {
            let at = WallTime::from_unix_millis(ended().unix_millis() - n * 86_400_000);
            Past {
                number: "1001".parse().unwrap(),
                dialled_at: at,
                ended_at: at,
                answered: false,
                disposition: Disposition::NoAnswer,
                callback_at: None,
                agent_calls: false,
                promised: None,
                closed: None,
            }
        };
        Attempt {
            plan: Some(Arc::new(Plan { settings, strategy })),
            past: (1..=before).rev().map(tried).collect(),
            ..attempt()
        }
    }

    /// It rings until it is given up.
    fn rang() -> Ending {
        Ending { answered_at: None, rang_out: true, ..ending(Disposition::Unknown) }
    }

    #[test]
    fn who_was_not_reached_is_left_a_text_by_the_last_call_alone() {
        let text = FollowUp::Sms { template: "unreached".into(), text: "安信银行: 95588".into() };
        let left = |rules: &str, before: i64, end: Ending| {
            let of = Attempt { unreached: Some(text.clone()), ..attempt_after(before, rules) };
            outcome(&of, &Causes::default(), end, ended(), |_| ended()).follow_ups
        };
        let rang = rang();
        let off = Ending { announcement: Some(Announcement::PoweredOff), ..rang.clone() };
        let a_box = Ending { answered_by: AnsweredBy::Voicemail, ..ending(Disposition::Voicemail) };
        for end in [rang.clone(), off, a_box] {
            assert_eq!(
                left("[unreached]\n", 4, end.clone()),
                std::slice::from_ref(&text),
                "{:?}",
                end.announcement
            );
            assert!(left("[unreached]\n", 3, end.clone()).is_empty(), "another call follows");
            assert!(left("", 4, end).is_empty(), "the strategy says nothing of it");
        }
        assert!(left("[unreached]\n", 4, ending(Disposition::NoCommitment)).is_empty(), "somebody spoke");
        assert!(filed(rang).follow_ups.is_empty(), "by hand");
    }

    /// The shipped flow.
    fn reminder() -> Script {
        let dialogs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialogs");
        let parts = fs::read_dir(dialogs.join("parts")).unwrap().map(|part| part.unwrap().path());
        let files: Vec<(String, String)> = parts
            .chain([dialogs.join("reminder")])
            .flat_map(|folder| fs::read_dir(folder).unwrap())
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "toml"))
            .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap()))
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        Script::load("reminder", &files).unwrap()
    }

    #[tokio::test]
    async fn the_last_call_that_nobody_answers_leaves_the_flows_text_to_be_sent() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path().join("outcomes.db")).await.unwrap());
        let script = reminder();
        for (id, before) in [("c-1", 3), ("c-2", 4)] {
            let case = Case { id: id.parse().unwrap(), ..attempt().case };
            let of = Attempt {
                attempt: format!("of-{id}").parse().unwrap(),
                campaign: Some("november".parse().unwrap()),
                unreached: script.unreached(&case, Lang::Zh, jiff::civil::date(2026, 11, 25)),
                case,
                ..attempt_after(before, "[unreached]\n")
            };
            let begun = NewAttempt {
                attempt: of.attempt.clone(),
                campaign: of.campaign.clone(),
                case: of.case.id.clone(),
                callee: of.number.clone(),
                script: of.script.clone(),
                models: of.models.clone(),
                dialled_at: of.dialled_at,
                own_number: true,
            };
            store.import(std::slice::from_ref(&of.case), ended()).await.unwrap();
            store.begin_attempt(&begun, &Passage::new(Gate::laboratory(), "Asia/Shanghai")).await.unwrap();
            let rang = outcome(&of, &Causes::default(), rang(), ended(), |_| ended());
            store.close_attempt(&rang).await.unwrap();
        }
        let mut courier = Courier::new(Arc::clone(&store), Reader::follow_ups(), "node", 1).unwrap();
        for _ in 0..3 {
            courier.step(ended()).await.unwrap();
        }

        let left = async |id: &str| store.messages_of(&format!("of-{id}").parse().unwrap()).await.unwrap();
        assert!(left("c-1").await.is_empty(), "another call follows");
        let left = left("c-2").await;
        assert_eq!((left.len(), left[0].state), (1, MessageState::Waiting));
        let new = &left[0].new;
        assert_eq!((new.template.as_str(), new.callee.as_str()), ("unreached", "1001"));
        assert!(new.text.contains("安信银行") && new.text.contains("95588"), "{}", new.text);
        for private in ["张", "3250", "信用卡", "还款", "逾期"] {
            assert!(!new.text.contains(private), "{private}: {}", new.text);
        }
    }

    #[test]
    fn what_was_announced_before_an_answer_is_what_came_of_the_call() {
        use Announcement as A;
        let end = |announcement, code: Option<u16>, rang_out| {
            let end = ending(Disposition::Unknown);
            let sip = code.map(|code| waihu_types::SipCause { code, reason: String::new() });
            filed(Ending { answered_at: None, announcement, sip, rang_out, ..end })
        };
        for (announcement, code, rang_out, disposition, again) in [
            (Some(A::NotInService), Some(404), false, Disposition::NotInService, "not_in_service_never"),
            (Some(A::PoweredOff), Some(480), false, Disposition::Unreachable, "2026-11-25T19:00:00"),
            (Some(A::PoweredOff), Some(487), true, Disposition::Unreachable, "2026-11-25T19:00:00"),
            (Some(A::Busy), None, true, Disposition::Busy, "2026-11-25T15:10:00"),
            (Some(A::Other), None, true, Disposition::NoAnswer, "2026-11-25T17:00:00"),
            (None, Some(487), true, Disposition::NoAnswer, "2026-11-25T17:00:00"),
            (None, None, false, Disposition::TrunkFailed, "2026-11-25T15:05:00"),
        ] {
            let outcome = end(announcement, code, rang_out);
            assert_eq!(
                (outcome.disposition, &*not_before(&outcome)),
                (disposition, again),
                "{announcement:?} {code:?}"
            );
            assert_eq!(outcome.answered_at, None);
        }
    }

    #[test]
    fn the_carriers_own_table_of_causes_is_heeded_and_an_announcement_before_a_code_alone() {
        let trunk = |rules: &str| {
            let text = format!(
                "[trunk]\nproxy = \"127.0.0.1:9\"\nfrom = \"sip:a@b\"\nbind = \"127.0.0.1:0\"\n{rules}"
            );
            waihu_trunk::TrunkConfig::parse(&text, "t.toml").unwrap().causes
        };
        let causes = trunk(
            "[[cause]]\ncode = [480]\nq850 = [20]\nmeans = \"switched_off\"\n\
             [[cause]]\ncode = [404]\nmeans = \"congestion\"\n[[cause]]\ncode = [603]\nmeans = \"forbidden\"\nredial = false\n",
        );
        let end = |code, q850: Option<u16>, announcement| {
            let because = q850
                .map(|code| Cause { protocol: "Q.850".to_owned(), code, text: None })
                .into_iter()
                .collect();
            let sip = Some(SipCause { code, reason: "x".to_owned() });
            let end = ending(Disposition::Unknown);
            let end = Ending { answered_at: None, announcement, sip, because, ..end };
            outcome(&attempt(), &causes, end, ended(), |_| ended())
        };
        use Announcement as A;
        for (code, q850, announcement, disposition, fault) in [
            (480, Some(20), None, Disposition::Unreachable, FaultOwner::Callee),
            (480, Some(20), Some(A::Busy), Disposition::Unreachable, FaultOwner::Callee),
            (480, Some(18), None, Disposition::NoAnswer, FaultOwner::Callee),
            (480, None, Some(A::PoweredOff), Disposition::Unreachable, FaultOwner::Callee),
            (404, None, None, Disposition::TrunkFailed, FaultOwner::Trunk),
            (404, None, Some(A::NotInService), Disposition::NotInService, FaultOwner::Callee),
            (603, None, None, Disposition::Rejected, FaultOwner::Trunk),
        ] {
            let outcome = end(code, q850, announcement);
            assert_eq!(
                (outcome.disposition, outcome.fault),
                (disposition, Some(fault)),
                "{code} {q850:?} {announcement:?}"
            );
        }
        assert_eq!(end(480, Some(20), None).sip.unwrap().reason, "x (Q.850 20)");
        let never = end(603, None, None);
        assert_eq!(never.redial, Redial::No { rule: TRUNK_CAUSE_NEVER.to_owned() });
        assert_eq!(Past::of(&never, "Asia/Shanghai").closed.as_deref(), Some(TRUNK_CAUSE_NEVER));
    }

    #[test]
    fn a_fault_of_ours_before_the_answer_is_no_callees() {
        let end = Ending { answered_at: None, engine_failed: true, ..ending(Disposition::Unknown) };
        let outcome = filed(end);
        assert_eq!((outcome.disposition, outcome.fault), (Disposition::EngineFailed, Some(FaultOwner::Us)));
        assert!(matches!(outcome.redial, Redial::Allowed { .. }), "nobody was spoken with");
    }

    #[test]
    fn a_call_that_our_fault_ended_says_whose_it_was() {
        assert_eq!(filed(ending(Disposition::EngineFailed)).fault, Some(FaultOwner::Us));
        assert_eq!(filed(ending(Disposition::HungUp)).fault, None);
        let sip = waihu_types::SipCause { code: 488, reason: "no key".to_owned() };
        let end = Ending { engine_failed: true, sip: Some(sip), ..ending(Disposition::HungUp) };
        let outcome = filed(end);
        assert_eq!(
            (outcome.disposition, outcome.fault),
            (Disposition::EngineFailed, Some(FaultOwner::Trunk))
        );
    }

    #[test]
    fn a_fault_of_ours_spoils_no_wish_of_the_callee_and_calls_nobody_twice() {
        for (reached, told) in [
            (Disposition::HungUp, Disposition::EngineFailed),
            (Disposition::StopCalling, Disposition::StopCalling),
            (Disposition::PromiseToPay, Disposition::PromiseToPay),
        ] {
            let outcome = filed(Ending { engine_failed: true, ..ending(reached) });
            assert_eq!((outcome.disposition, outcome.fault), (told, Some(FaultOwner::Us)));
            assert!(matches!(outcome.redial, Redial::No { .. }), "{:?}", outcome.redial);
        }
    }
}
