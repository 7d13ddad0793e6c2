//! The compliance gate stands before every attempt, counts what is stored, and its decisions are kept.
use crate::common::{Ground, at, attempt, campaign, free, on_both, outcome};
use waihu_compliance::{AnswersByDay, Gate, Profile, Reached};
use waihu_store::{AnsweredDay, NewAttempt, Passage, Refusal, Store, StoreError, Verdict};
use waihu_types::{AnsweredBy, Case, Disposition, Handover, HandoverResult, Outcome, PhoneNumber, WallTime};

on_both!(
    a_call_at_night_does_not_begin_and_its_denial_is_kept,
    an_allowed_call_begins_with_its_decision_and_neither_is_ever_changed,
    calls_of_every_campaign_count_as_far_as_they_came,
    a_debtors_calls_count_over_all_cases_and_numbers,
    of_nodes_that_call_a_debtor_at_once_one_has_the_last_call,
    a_relative_is_called_after_the_debtors_own_number_and_not_after_a_refusal,
    who_was_not_reached_counts_as_called_and_laboratory_calls_count_as_nothing,
    who_calls_all_the_same_is_kept_with_the_reason,
    a_campaign_that_abandoned_too_many_calls_nobody_ahead_of_its_agents,
);

fn gate(text: &str) -> Gate {
    Gate::new(Profile::parse("p.toml", text, |_| None).unwrap())
}

fn passage(gate: &Gate) -> Passage {
    Passage::new(gate.clone(), "Asia/Shanghai")
}

fn cn() -> Gate {
    gate(include_str!("../../../../compliance/cn.toml"))
}

/// A call to a mobile, at a time of 2026-11-26 in Shanghai.
fn call(id: &str, case: &str, clock: &str) -> NewAttempt {
    let dialled_at: WallTime = format!("2026-11-26T{clock}+08:00").parse().unwrap();
    NewAttempt { callee: "13800138000".parse().unwrap(), dialled_at, ..attempt(id, case, 0) }
}

/// Ends it as a person's call, or as nobody's.
async fn over(store: &Store, of: &NewAttempt, disposition: Disposition) {
    let end = of.dialled_at.plus(std::time::Duration::from_secs(40));
    let mut outcome = outcome(of.attempt.as_str(), of.case.as_str(), disposition);
    (outcome.callee, outcome.dialled_at, outcome.ended_at) = (of.callee.clone(), of.dialled_at, end);
    outcome.answered_at = outcome.answered_at.map(|_| end);
    outcome.redial = waihu_campaign::redial_as_agreed(of.dialled_at, 1);
    store.close_attempt(&outcome).await.unwrap();
}

fn rule(done: Result<(), StoreError>) -> Option<String> {
    match done {
        Ok(()) => None,
        Err(StoreError::Refused { why: Refusal::Denied(denied), .. }) => Some(denied.rule),
        Err(e) => panic!("{e}"),
    }
}

async fn a_call_at_night_does_not_begin_and_its_denial_is_kept(ground: Ground) {
    let store = ground.store().await;
    let cn = cn();
    let night = call("a1", "C1", "22:00:00");
    assert_eq!(rule(store.begin_attempt(&night, &passage(&cn)).await).as_deref(), Some("cn-hours"));
    assert!(store.attempts(None).await.unwrap().is_empty());
    assert!(store.cases_done(&campaign()).await.unwrap().is_empty(), "it has not had its turn");
    let kept = store.decisions(&"C1".parse().unwrap()).await.unwrap();
    assert_eq!((kept.len(), kept[0].verdict, &kept[0].attempt), (1, Verdict::Denied, &None));
    assert_eq!(kept[0].rules, ["cn-hours"]);
    assert_eq!(kept[0].next, Some("2026-11-27T00:00:00Z".parse().unwrap()));
    assert_eq!((kept[0].profile.as_str(), kept[0].profile_sha256.as_str()), ("cn", cn.profile.sha256()));
    let evidence = kept[0].evidence.to_string();
    assert!(evidence.contains("22:00") && !evidence.contains("138001"), "{evidence}");
    // Asked before anything is prepared, it is the same.
    let asked = store.ask(None, &night.case, &night.callee, &passage(&cn), night.dialled_at).await.unwrap();
    assert_eq!(asked.unwrap().rule, "cn-hours");
}

async fn an_allowed_call_begins_with_its_decision_and_neither_is_ever_changed(ground: Ground) {
    let store = ground.store().await;
    let day = call("a1", "C1", "10:00:00");
    assert_eq!(rule(store.begin_attempt(&day, &passage(&cn())).await), None);
    let kept = store.decisions(&"C1".parse().unwrap()).await.unwrap();
    assert_eq!((kept.len(), kept[0].verdict, kept[0].at), (1, Verdict::Allowed, day.dialled_at));
    assert_eq!(
        (kept[0].attempt.as_ref(), kept[0].rules.len()),
        (Some(&day.attempt), cn().profile.rules().len())
    );
    let raw = ground.raw().await;
    for spoil in [
        "UPDATE compliance_decisions SET verdict = 'denied', attempt = NULL",
        "DELETE FROM compliance_decisions",
    ] {
        let said = sqlx::query(spoil).execute(&raw).await.unwrap_err().to_string();
        assert!(said.contains("what was decided"), "{said}");
    }
}

async fn calls_of_every_campaign_count_as_far_as_they_came(ground: Ground) {
    let store = ground.store().await;
    let gate = cn();
    let hours = ["09:00:00", "10:30:00", "12:00:00"];
    for (n, clock) in hours.iter().enumerate() {
        let other = format!("other-{n}").parse().unwrap();
        let talk = NewAttempt { campaign: Some(other), ..call(&format!("a{n}"), &format!("C{n}"), clock) };
        assert_eq!(rule(store.begin_attempt(&talk, &passage(&gate)).await), None);
        let mut end = outcome(talk.attempt.as_str(), talk.case.as_str(), Disposition::PromiseToPay);
        end.campaign = talk.campaign.clone();
        (end.callee, end.dialled_at, end.ended_at) = (talk.callee.clone(), talk.dialled_at, talk.dialled_at);
        end.answered_at = Some(talk.dialled_at);
        store.close_attempt(&end).await.unwrap();
    }
    let fourth = call("a4", "C9", "15:00:00");
    let denied = rule(store.begin_attempt(&fourth, &passage(&gate)).await);
    assert_eq!(denied.as_deref(), Some("cn-effective-number"));
    // However the number is written.
    let written = NewAttempt { callee: "+8613800138000".parse().unwrap(), ..fourth.clone() };
    assert!(rule(store.begin_attempt(&written, &passage(&gate)).await).is_some());
    let stranger = NewAttempt { callee: "13800138001".parse().unwrap(), ..fourth };
    assert_eq!(rule(store.begin_attempt(&stranger, &passage(&gate)).await), None);
}

/// A case of a person, at a number, with a relative's.
fn case(id: &str, debtor: &str, phone: &str) -> Case {
    let case = serde_json::json!({
        "id": id, "debtor": debtor, "phone": phone, "name": "Dana", "lang": "zh", "creditor": "Bank",
        "product": "loan", "amount": "10.00", "currency": "CNY", "due_date": "2026-11-15",
        "numbers": [{ "phone": "13900139000", "whose": "relative" }],
    });
    serde_json::from_value(case).unwrap()
}

async fn a_debtors_calls_count_over_all_cases_and_numbers(ground: Ground) {
    let store = ground.store().await;
    let begin = async |id: &str, case: &Case, clock: &str| {
        let new = NewAttempt { callee: case.phone.clone(), ..call(id, case.id.as_str(), clock) };
        let begun = store.begin_attempt(&new, &Passage::of(cn(), case, &case.phone)).await;
        let rule = rule(begun);
        if rule.is_none() {
            over(&store, &new, Disposition::PromiseToPay).await;
        }
        rule
    };
    for (n, clock) in ["09:00:00", "11:00:00", "13:00:00"].into_iter().enumerate() {
        let own = case(&format!("C{n}"), "D-7", &format!("1380013800{n}"));
        assert_eq!(begin(&format!("a{n}"), &own, clock).await, None);
    }
    let fourth = case("C9", "D-7", "13800138009");
    assert_eq!(begin("a9", &fourth, "15:00:00").await.as_deref(), Some("cn-effective-debtor"));
    assert_eq!(begin("a9", &case("C9", "D-8", "13800138009"), "15:00:00").await, None);
}

/// Two calls a day to a debtor, whatever becomes of them.
const TWO_A_DAY: &str = r#"
id = "two"
zh = "两次"
en = "two"
[hours]
id = "two-hours"
source = "test"
zh = "全天"
en = "all day"
every_day = ["00:00-24:00"]
[[cap]]
id = "two-a-day"
source = "test"
zh = "每天两次"
en = "two a day"
counts = "attempts"
most = 2
within = "1 day"
per = "debtor"
"#;

async fn of_nodes_that_call_a_debtor_at_once_one_has_the_last_call(ground: Ground) {
    let gate = gate(TWO_A_DAY);
    let begin = async |store: &Store, n: u32, clock: &str| {
        let own = case(&format!("C{n}"), "D-7", &format!("1380013800{n}"));
        let new = NewAttempt { callee: own.phone.clone(), ..call(&format!("a{n}"), own.id.as_str(), clock) };
        rule(store.begin_attempt(&new, &Passage::of(gate.clone(), &own, &own.phone)).await)
    };
    let store = ground.store().await;
    assert_eq!(begin(&store, 0, "09:00:00").await, None);
    let (two, three, four) = (ground.store().await, ground.store().await, ground.store().await);
    // Each about another case, at another number.
    let (a, b, c, d) = tokio::join!(
        begin(&store, 1, "10:00:00"),
        begin(&two, 2, "10:00:00"),
        begin(&three, 3, "10:00:00"),
        begin(&four, 4, "10:00:00")
    );
    let denied: Vec<String> = [a, b, c, d].into_iter().flatten().collect();
    assert_eq!(denied, ["two-a-day"; 3]);
    assert_eq!(store.attempts(None).await.unwrap().len(), 2);
}

async fn a_relative_is_called_after_the_debtors_own_number_and_not_after_a_refusal(ground: Ground) {
    let store = ground.store().await;
    let case = case("C1", "D-7", "13800138000");
    let relative = case.dossier.numbers[0].phone.clone();
    let begin = async |id: &str, number: &PhoneNumber, clock: &str, end: Disposition| {
        let new = NewAttempt { callee: number.clone(), ..call(id, "C1", clock) };
        let rule = rule(store.begin_attempt(&new, &Passage::of(cn(), &case, number)).await);
        if rule.is_none() {
            over(&store, &new, end).await;
        }
        rule
    };
    for n in 0..4 {
        let clock = format!("{:02}:00:00", 9 + n);
        assert_eq!(begin(&format!("a{n}"), &case.phone, &clock, Disposition::NoAnswer).await, None);
    }
    let early = begin("b1", &relative, "13:30:00", Disposition::Complaint).await;
    assert_eq!(early.as_deref(), Some("cn-third-party"));
    assert_eq!(begin("a4", &case.phone, "14:00:00", Disposition::NoAnswer).await, None);
    assert_eq!(begin("b1", &relative, "15:00:00", Disposition::Complaint).await, None);
    let after = begin("b2", &relative, "17:00:00", Disposition::NoAnswer).await;
    assert_eq!(after.as_deref(), Some("cn-third-party"));
}

async fn who_was_not_reached_counts_as_called_and_laboratory_calls_count_as_nothing(ground: Ground) {
    let store = ground.store().await;
    let gate = cn();
    let rang = call("a1", "C1", "09:00:00");
    store.begin_attempt(&rang, &passage(&gate)).await.unwrap();
    over(&store, &rang, Disposition::NoAnswer).await;
    let lab = call("a2", "C1", "10:00:00");
    store.begin_attempt(&lab, &free()).await.unwrap();
    over(&store, &lab, Disposition::PromiseToPay).await;
    let later: WallTime = "2026-11-26T11:00:00+08:00".parse().unwrap();
    let contacts = store.contacts(&rang.callee, &rang.case, &passage(&gate), later).await.unwrap();
    let told: Vec<_> = contacts.iter().map(|c| (c.reached, c.same_number, c.same_debt)).collect();
    assert_eq!(told, [(Reached::Attempted, true, true)]);
    // Long enough ago, nothing matters any more.
    let next_year: WallTime = "2027-11-26T11:00:00+08:00".parse().unwrap();
    assert!(store.contacts(&rang.callee, &rang.case, &passage(&gate), next_year).await.unwrap().is_empty());
}

async fn who_calls_all_the_same_is_kept_with_the_reason(ground: Ground) {
    let store = ground.store().await;
    let night = call("a1", "C1", "23:00:00");
    let despite = Gate { despite: Some("Li Ming: the callee asked for 23:00".to_owned()), ..cn() };
    assert_eq!(rule(store.begin_attempt(&night, &passage(&despite)).await), None);
    let kept = store.decisions(&night.case).await.unwrap();
    assert_eq!((kept.len(), kept[0].verdict, kept[0].rules.len()), (1, Verdict::Despite, 1));
    assert_eq!((&kept[0].despite, kept[0].attempt.as_ref()), (&despite.despite, Some(&night.attempt)));
}

async fn a_campaign_that_abandoned_too_many_calls_nobody_ahead_of_its_agents(ground: Ground) {
    let store = ground.store().await;
    let gate = gate(&include_str!("../../../../compliance/cn.toml").replace("least = 34", "least = 4"));
    let counted = async || -> AnswersByDay {
        let days =
            store.answers_by_day(&campaign(), at(0), waihu_campaign::pacing::AGENT_WITHIN).await.unwrap();
        days.iter().map(AnsweredDay::counts).collect()
    };
    for n in 0..4 {
        let (id, case) = (format!("a{n}"), format!("C{n}"));
        store.begin_attempt(&attempt(&id, &case, 0), &free()).await.unwrap();
        // Three are too few for a share.
        let handover = (n == 0).then(|| Handover::of("Li".to_owned(), HandoverResult::NoAnswer));
        let of = outcome(&id, &case, Disposition::HungUp);
        store.close_attempt(&Outcome { answered_by: AnsweredBy::Human, handover, ..of }).await.unwrap();
        if n == 2 {
            let early = NewAttempt { dialled_at: at(60), ..attempt("b1", "C8", 60) };
            let ahead = passage(&gate).ahead_of_agents(counted().await);
            assert_eq!(rule(store.begin_attempt(&early, &ahead).await), None);
        }
    }
    let new = attempt("b2", "C9", 3_600);
    let ahead = passage(&gate).ahead_of_agents(counted().await);
    let asked = store.ask(Some(&campaign()), &new.case, &new.callee, &ahead, new.dialled_at).await.unwrap();
    let asked = asked.unwrap();
    assert_eq!((asked.rule.as_str(), asked.wants_an_agent), ("cn-abandoned", true));
    assert!(
        asked.zh.contains("4 通，1 通无坐席") && asked.en.contains("1 of the campaign's 4 calls"),
        "{asked:?}"
    );
    assert_eq!(rule(store.begin_attempt(&new, &ahead).await).as_deref(), Some("cn-abandoned"));
    let kept = store.decisions(&new.case).await.unwrap();
    assert_eq!(kept.len(), 2);
    for kept in kept {
        assert_eq!((kept.verdict, &kept.attempt, kept.at), (Verdict::Denied, &None, new.dialled_at));
        assert_eq!(kept.rules, ["cn-abandoned"]);
        assert_eq!(kept.campaign, Some(campaign()));
        assert_eq!(kept.evidence["answers"], serde_json::json!({ "answered": 4, "abandoned": 1 }));
        // The day leaves the window at 08:00 in Shanghai: an hour of calls.
        assert_eq!(kept.next, Some("2026-12-27T00:00:00Z".parse().unwrap()));
    }
    // With an agent who is free for it, the same case is called.
    assert_eq!(rule(store.begin_attempt(&new, &passage(&gate)).await), None);
}
