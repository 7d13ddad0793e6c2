use std::sync::LazyLock;

use proptest::{prelude::*, strategy::Strategy as Generated};
use waihu_types::Percent;

use super::{Strategy, *};

/// 2026-11-26, a Thursday, at an hour in Shanghai.
fn at(hour: i64) -> WallTime {
    let midnight: WallTime = "2026-11-25T16:00:00Z".parse().unwrap();
    WallTime::from_unix_millis(midnight.unix_millis() + hour * 3_600_000)
}

/// A moment as the clock in Shanghai shows it: day of the month, hour, minute.
fn shown(at: WallTime) -> (i8, i8, i8) {
    let local = hours::local(&zone("Asia/Shanghai"), at);
    (local.day(), local.hour(), local.minute())
}

fn case(more: &str) -> Case {
    let json = format!(
        r#"{{"id":"C1","phone":"13800000001","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行",
        "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"{more}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

const NUMBERS: &str = r#","phone_kind":"home","numbers":[{"phone":"13900000002","kind":"mobile"},
    {"phone":"13900000003","kind":"work"},{"phone":"13900000004","whose":"relative"}]"#;

fn settings() -> &'static Settings {
    static READ: LazyLock<Settings> =
        LazyLock::new(|| Settings::parse("trunk = \"main\"\nscript = \"reminder\"").unwrap());
    &READ
}

fn past(number: &str, disposition: Disposition, dialled_at: WallTime) -> Past {
    Past {
        number: number.parse().unwrap(),
        dialled_at,
        ended_at: dialled_at.plus(Duration::from_secs(60)),
        answered: matches!(
            disposition,
            Disposition::HungUp
                | Disposition::PromiseToPay
                | Disposition::NoCommitment
                | Disposition::ThirdParty
        ),
        disposition,
        callback_at: None,
        agent_calls: false,
        promised: None,
        closed: None,
    }
}

fn own(disposition: Disposition, dialled_at: WallTime) -> Past {
    past("13800000001", disposition, dialled_at)
}

fn next(case: &Case, tried: &[Past], now: WallTime) -> Next {
    match Strategy::shipped().place(settings(), case, tried, now) {
        Placement::Call(next) => next,
        Placement::Never { rule } => panic!("never: {rule}"),
    }
}

fn never(case: &Case, tried: &[Past]) -> String {
    match Strategy::shipped().place(settings(), case, tried, at(20)) {
        Placement::Call(next) => panic!("{next:?}"),
        Placement::Never { rule } => rule,
    }
}

fn parse(text: &str) -> Result<Strategy, String> {
    Strategy::parse("strategies/x.toml", text).map_err(|faults| faults.to_string())
}

const LEAST: &str = "[[rule]]\nid = \"all\"\nzh = \"全部\"\nen = \"all\"\nrank = 1\n";

#[test]
fn the_shipped_files_are_right_and_the_shipped_ladder_says_something_of_every_end() {
    let shipped =
        Strategy::read("strategies/default.toml", Strategy::SHIPPED).unwrap_or_else(|e| panic!("{e}"));
    for disposition in Disposition::ALL {
        assert!(shipped.ladder.step(disposition).is_some(), "{}", disposition.label());
    }
    let example = include_str!("../../../strategies/example.toml");
    let example = parse(&example.replace("# propensity =", "propensity =")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(example.ladder.step(Disposition::NoAnswer).unwrap().waits.len(), 3);
    assert_eq!(example.ladder.step(Disposition::Busy), shipped.ladder.step(Disposition::Busy));
    assert!(example.propensity_path().is_some());
}

#[test]
fn every_fault_of_a_file_is_named_with_its_line() {
    let text = "[limits]\nper_case = 0\nper_day = 3\nspeed = 1\n[day]\nparts = [\"12:00-18:00\", \"08:00-13:00\"]\n\
        [[rule]]\nid = \"a\"\nzh = \"甲\"\nen = \"a\"\nwhen = { kind = [\"car\"], amount = \"90 to 30\" }\nrank = 1\n\
        [[rule]]\nid = \"a\"\nzh = \"甲\"\nen = \"a\"\nrank = 1\n[[ladder]]\nid = \"x\"\nafter = [\"busy\", \"bored\"]\n\
        wait = [\"2 hours\", \"1 hour\"]\nnumber = \"swap\"\n[[ladder]]\nid = \"y\"\nafter = [\"busy\"]\n";
    let faults = parse(text).unwrap_err();
    for (line, word) in [
        (2, "per_case"),
        (4, "speed"),
        (5, "overlap"),
        (11, "kind"),
        (11, "amount"),
        (13, "twice"),
        (20, "bored"),
        (18, "shorter"),
        (22, "swap"),
        (23, "two steps"),
    ] {
        let named =
            faults.lines().any(|l| l.starts_with(&format!("strategies/x.toml:{line}: ")) && l.contains(word));
        assert!(named, "line {line}, {word}:\n{faults}");
    }
    assert!(parse("").unwrap_err().contains("[[rule]]"));
}

#[test]
fn the_first_rule_that_fits_selects_ranks_and_names_the_script() {
    let text = r#"
        [rank]
        propensity = 100
        days_past_due = 2
        amount = 10
        [[rule]]
        id = "small"
        zh = "小"
        en = "small"
        when = { amount = "up to 50" }
        leave_out = true
        [[rule]]
        id = "m3"
        zh = "三"
        en = "three"
        when = { risk_grade = ["M3"], days_past_due = "from 5", promise = ["none", "kept"], propensity = "0.2 to 1" }
        rank = 500
        script = "negotiation@12ab"
        [[rule]]
        id = "cards"
        zh = "卡"
        en = "cards"
        when = { kind = ["card"] }
        rank = 10
    "#;
    let strategy = parse(text).unwrap();
    let rank = |more: &str| strategy.rank(&case(more), at(9));
    let m3 = r#","risk_grade":"M3","propensity":0.25"#;
    // 11 days past due, 3 full thousands.
    assert_eq!(rank(m3), Some(500 + 25 + 22 + 30));
    assert_eq!(rank(&format!("{m3},\"last_promise\":\"broken\",\"kind\":\"card\"")), Some(10 + 25 + 22 + 30));
    assert_eq!(rank(r#","risk_grade":"M3","propensity":0.1"#), None);
    assert_eq!(rank(r#","risk_grade":"M3""#), None, "a figure that nobody gave is within no span");
    assert_eq!(rank(r#","kind":"card""#), Some(10 + 22 + 30));
    let mut small = case(m3);
    small.due = waihu_types::Money::parse("49.99", waihu_types::Currency::CNY).unwrap();
    assert_eq!(strategy.rank(&small, at(9)), None);
    let placed = |case: &Case| strategy.place(settings(), case, &[], at(9));
    assert_eq!(placed(&small), Placement::Never { rule: "small".into() });
    assert_eq!(placed(&case("")), Placement::Never { rule: NOT_SELECTED.into() });
    let Placement::Call(next) = placed(&case(m3)) else { panic!() };
    assert_eq!((next.why.as_str(), next.due_at), ("m3", at(9)));
    assert_eq!(next.script.unwrap().to_string(), "negotiation@12ab");
}

#[test]
fn the_ladder_waits_as_it_says_and_longer_for_the_same_end_again() {
    use Disposition as D;
    for (disposition, expected) in [
        (D::Busy, (26, 9, 11)),
        // Two hours would still be the morning.
        (D::NoAnswer, (26, 12, 0)),
        (D::Silence, (26, 11, 1)),
        (D::Unreachable, (26, 13, 1)),
        // A day later it would be the same part of the day.
        (D::Voicemail, (27, 12, 0)),
        (D::HungUp, (27, 12, 0)),
        (D::Rejected, (27, 9, 1)),
        (D::NoCommitment, (29, 9, 1)),
    ] {
        let due = next(&case(""), &[own(disposition, at(9))], at(9)).due_at;
        assert_eq!(shown(due), expected, "{}", disposition.label());
    }
    let busy = [own(D::Busy, at(9)), own(D::Busy, at(10))];
    assert_eq!(shown(next(&case(""), &busy, at(10)).due_at), (26, 10, 31));
    for disposition in [D::StopCalling, D::RefusedToPay, D::Complaint, D::AlreadyPaid, D::Fax] {
        let rule = never(&case(""), &[own(disposition, at(9))]);
        assert_eq!(Some(rule), Strategy::shipped().ladder.step(disposition).map(|s| s.id.clone()));
    }
    let late = own(D::NoAnswer, at(19));
    assert_eq!(
        shown(next(&case(""), &[late], at(19)).due_at),
        (27, 8, 0),
        "nobody is called in the night for it"
    );
}

#[test]
fn a_verdict_of_the_ladder_alone_is_the_same_rule() {
    use Disposition as D;
    for disposition in
        D::ALL.into_iter().filter(|d| !matches!(d, D::PromiseToPay | D::CallbackAgreed | D::Unknown))
    {
        let tried = own(disposition, at(9));
        let whole = Strategy::shipped().redial(settings(), &case(""), std::slice::from_ref(&tried));
        let alone = crate::redial(disposition, tried.ended_at, 1);
        match (&whole, &alone) {
            (Redial::No { rule }, Redial::No { rule: same }) => assert_eq!(rule, same),
            (Redial::Allowed { rule, not_before }, Redial::Allowed { rule: same, not_before: first }) => {
                assert!(rule == same && not_before >= first, "{whole:?} {alone:?}")
            }
            _ => panic!("{whole:?} {alone:?}"),
        }
    }
}

#[test]
fn of_several_numbers_the_free_the_answered_and_the_untried_come_first_and_a_dead_one_never_again() {
    use Disposition as D;
    let case = case(NUMBERS);
    let number = |tried: &[Past], now| next(&case, tried, now).number.as_str().to_owned();
    assert_eq!(number(&[], at(9)), "13900000002", "a mobile before a home");
    let mobile = |d, t| past("13900000002", d, t);
    let first = mobile(D::NoAnswer, at(9));
    let second = next(&case, std::slice::from_ref(&first), at(9));
    assert_eq!((second.number.as_str(), shown(second.due_at)), ("13800000001", (26, 9, 11)), "another, soon");
    assert_eq!(second.why, "no_answer_2_h");
    let dead = mobile(D::InvalidNumber, at(9));
    let instead = next(&case, std::slice::from_ref(&dead), at(9));
    assert_eq!((instead.number.as_str(), instead.why.as_str()), ("13800000001", "next_number"));
    // All that are the debtor's own are dead: a relative is not called unless the strategy says so.
    let all = [dead, own(D::NotInService, at(10)), past("+86 13900000003", D::Fax, at(11))];
    assert_eq!(never(&case, &all), "fax_never");
    let text = format!("{LEAST}[numbers]\nthird_parties = true\n");
    let Placement::Call(relative) = parse(&text).unwrap().place(settings(), &case, &all, at(12)) else {
        panic!()
    };
    assert_eq!(relative.number.as_str(), "13900000004");
    // Where somebody answered before, the next call goes.
    let talked = [past("13900000003", D::HungUp, at(9))];
    assert_eq!(number(&talked, at(48)), "13900000003");
    let revoked = NUMBERS.replace("\"mobile\"", "\"mobile\",\"consent\":\"revoked\"");
    assert_eq!(next(&self::case(&revoked), &[], at(9)).number.as_str(), "13800000001");
}

#[test]
fn a_call_back_is_placed_at_its_time_where_it_was_agreed_and_before_others() {
    let case = case(&format!("{NUMBERS},\"best_time\":\"08:00-09:00\""));
    let mut agreed = past("13900000003", Disposition::CallbackAgreed, at(9));
    agreed.callback_at = Some(at(18));
    let before = past("13900000002", Disposition::NoCommitment, at(8));
    let next = next(&case, &[before, agreed], at(10));
    assert_eq!(
        (next.due_at, next.number.as_str(), next.why.as_str()),
        (at(18), "13900000003", "callback_as_agreed")
    );
    assert!(next.rank > 100_000);
    let by_agent =
        Past { callback_at: Some(at(18)), agent_calls: true, ..own(Disposition::CallbackAgreed, at(9)) };
    let with_agents = "trunk = \"main\"\nscript = \"reminder\"\n[pacing]\nmode = \"progressive\"";
    let with_agents = Settings::parse(with_agents).unwrap();
    let placed = Strategy::shipped().place(&with_agents, &case, std::slice::from_ref(&by_agent), at(10));
    let Placement::Call(next) = placed else { panic!("an agent calls") };
    assert_eq!((next.due_at, next.why.as_str()), (at(18), "callback_by_agent"));
    assert_eq!(never(&case, &[by_agent]), "callback_as_agreed", "nobody is there who could");
    assert_eq!(
        never(&case, &[past("13900000003", Disposition::CallbackAgreed, at(9))]),
        "callback_as_agreed"
    );
}

#[test]
fn a_promise_is_followed_up_the_day_after_its_day_with_its_own_script_and_not_for_ever() {
    let promise = |day: i8, t| Past {
        promised: Some(jiff::civil::date(2026, 11, day)),
        ..own(Disposition::PromiseToPay, t)
    };
    let follow = next(&case(""), &[promise(28, at(9))], at(9));
    assert_eq!((shown(follow.due_at), follow.why.as_str()), ((29, 10, 0), "promise_follow_up"));
    assert_eq!(follow.script.unwrap().flow, "promise-follow-up");
    let many: Vec<Past> = (0..4).map(|n| own(Disposition::Busy, at(9 + n))).collect();
    let with_promise: Vec<Past> = many.iter().cloned().chain([promise(28, at(14))]).collect();
    assert_eq!(next(&case(""), &with_promise, at(15)).why, "promise_follow_up", "its attempts count anew");
    let third = [promise(26, at(9)), promise(28, at(34)), promise(30, at(58))];
    assert_eq!(never(&case(""), &third), "promises_for_a_human");
    let told = case(r#","last_promise":"open","last_promise_date":"2026-11-27""#);
    assert_eq!(shown(next(&told, &[], at(9)).due_at), (28, 10, 0), "one that the lender told of, too");
}

#[test]
fn attempts_end_after_as_many_as_the_strategy_says_and_are_so_many_a_day() {
    let busy = |n: i64| (0..n).map(|n| own(Disposition::TrunkFailed, at(9 + n))).collect::<Vec<_>>();
    let third = next(&case(""), &busy(3), at(11));
    assert_eq!((shown(third.due_at), third.why.as_str()), ((27, 0, 0), "trunk_failed_5_min, attempts_a_day"));
    assert_eq!(never(&case(""), &busy(5)), USED_UP);
    let mut closed = own(Disposition::ThirdParty, at(9));
    closed.closed = Some("script_never".into());
    assert_eq!(never(&case(""), &[closed]), "script_never");
}

#[test]
fn a_case_is_called_when_its_debtor_is_best_reached() {
    let hint = case(r#","best_time":"18:00-20:00""#);
    let first = next(&hint, &[], at(9));
    assert_eq!((shown(first.due_at), first.why.as_str()), ((26, 18, 0), "early, best_time"));
    assert_eq!(next(&hint, &[], at(19)).due_at, at(19));
    let in_vain = [own(Disposition::NoAnswer, at(18)), own(Disposition::NoAnswer, at(42))];
    assert_eq!(
        shown(next(&hint, &in_vain, at(43)).due_at),
        (28, 8, 0),
        "a hint that was wrong twice is none"
    );
    // Who answered in the evenings and never in the mornings is called in the evening.
    let contact = |day: u8, hour: u8, reached| {
        format!(r#"{{"at":"2026-11-{day}T{hour:02}:30:00Z","reached":"{reached}"}}"#)
    };
    let history = [
        contact(18, 1, "attempted"),
        contact(19, 1, "attempted"),
        contact(18, 11, "person"),
        contact(19, 11, "person"),
    ];
    let evening = case(&format!(r#","contacts":[{}]"#, history.join(",")));
    let due = next(&evening, &[], at(9));
    assert!(matches!(shown(due.due_at), (26, 18 | 19, 0)), "{:?}", shown(due.due_at));
}

#[test]
fn a_campaign_calls_within_its_days_alone() {
    let text = "trunk = \"main\"\nscript = \"reminder\"\nfrom = \"2026-11-28\"\nuntil = \"2026-11-29\"";
    let settings = Settings::parse(text).unwrap();
    let placed = |tried: &[Past], now| Strategy::shipped().place(&settings, &case(""), tried, now);
    let Placement::Call(first) = placed(&[], at(9)) else { panic!() };
    assert_eq!((shown(first.due_at), first.why.as_str()), ((28, 0, 0), "early, campaign_from"));
    let refused = [own(Disposition::Rejected, at(9 + 3 * 24))];
    assert_eq!(placed(&refused, at(9 + 3 * 24)), Placement::Never { rule: CAMPAIGN_OVER.into() });
    assert!(Percent::whole(3) == settings.pacing.most_abandoned);
}

fn any_past() -> impl Generated<Value = Vec<Past>> {
    let numbers = prop::sample::select(vec!["13800000001", "13900000002", "13900000003", "13900000004"]);
    let disposition = prop::sample::select(Disposition::ALL.to_vec());
    prop::collection::vec((numbers, disposition, 0i64..6 * 1_440, prop::bool::weighted(0.2)), 0..7).prop_map(
        |tried| {
            let mut minutes = 0;
            let tried = tried.into_iter().map(|(number, disposition, later, agrees)| {
                minutes += later;
                let dialled = WallTime::from_unix_millis(at(0).unix_millis() + minutes * 60_000);
                let mut past = past(number, disposition, dialled);
                let day = dialled.date_in("Asia/Shanghai").unwrap();
                past.promised = (disposition == Disposition::PromiseToPay && agrees).then_some(day);
                let callback = disposition == Disposition::CallbackAgreed && agrees;
                past.callback_at = callback.then(|| dialled.plus(Duration::from_secs(7_200)));
                past
            });
            tried.collect::<Vec<_>>()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_placement_is_never_too_early_never_at_a_dropped_number_and_always_the_same(
        tried in any_past(),
        wait_min in 0i64..3 * 1_440,
        third_parties: bool,
    ) {
        let strategy = if third_parties {
            parse(&format!("{LEAST}[numbers]\nthird_parties = true\n")).unwrap()
        } else {
            Strategy::shipped().clone()
        };
        let case = case(NUMBERS);
        let last = tried.last().map_or(at(0), |past| past.ended_at);
        let now = WallTime::from_unix_millis(last.unix_millis() + wait_min * 60_000);
        let placed = strategy.place(settings(), &case, &tried, now);
        prop_assert_eq!(&placed, &strategy.place(settings(), &case, &tried, now));
        let Placement::Call(next) = placed else { return Ok(()) };
        prop_assert!(next.due_at >= now);
        let subscriber = next.number.subscriber();
        prop_assert!(third_parties || next.number.as_str() != "13900000004");
        for (n, past) in tried.iter().enumerate() {
            let step = strategy.ladder.step(past.disposition).unwrap();
            let same = past.number.subscriber() == subscriber;
            prop_assert!(!(same && step.number == NumberRule::Drop), "{:?} is dropped", past.number);
            // Unless something was agreed since, or the engine had died, each wait is kept.
            let agreed = tried[n..].iter().any(|later| later.callback_at.is_some());
            let nth = tried[..=n].iter().filter(|p| p.disposition == past.disposition).count();
            let holds = same || step.number == NumberRule::Case;
            if let Some(wait) = step.wait(nth).filter(|_| holds && !agreed && past.promised.is_none()) {
                prop_assert!(next.due_at >= past.ended_at.plus(wait), "{} {:?}", past.disposition.label(), next);
            }
        }
    }

    #[test]
    fn waiting_longer_or_trying_once_more_never_makes_a_case_due_earlier(
        disposition in prop::sample::select(Disposition::ALL.to_vec()),
        times in 1usize..4,
        minute in 0i64..1_440,
    ) {
        let start = WallTime::from_unix_millis(at(0).unix_millis() + minute * 60_000);
        let case = case("");
        // Without the best hour, which an answer may well bring forward.
        let strategy = Strategy { best_time: None, ..Strategy::shipped().clone() };
        let wait = |times: usize| {
            let tried = vec![own(disposition, start); times];
            match strategy.place(settings(), &case, &tried, start) {
                Placement::Call(next) => next.due_at.unix_millis(),
                Placement::Never { .. } => i64::MAX,
            }
        };
        prop_assert!(wait(times + 1) >= wait(times));
        prop_assert!(wait(1) >= start.unix_millis());
    }
}

#[test]
fn a_campaign_keeps_the_versions_that_its_strategy_names() {
    let flows = Strategy::flows(Strategy::SHIPPED);
    assert_eq!(flows.iter().map(String::as_str).collect::<Vec<_>>(), ["promise-follow-up"]);
    let versions = |sha: &str| flows.iter().map(|flow| (flow.clone(), sha.to_owned())).collect();
    let sha = "ab".repeat(32);
    let kept = Strategy::with_versions(Strategy::SHIPPED, &versions(&sha));
    let pinned = format!("script = \"promise-follow-up@{sha}\"");
    assert_eq!(
        kept.matches(&pinned).count(),
        Strategy::SHIPPED.matches("script = \"promise-follow-up\"").count()
    );
    assert_eq!(kept.replace(&format!("@{sha}"), ""), Strategy::SHIPPED, "nothing else is touched");
    assert!(Strategy::parse("kept", &kept).is_ok());
    assert_eq!(Strategy::with_versions(&kept, &versions("cd")), kept, "what is kept stays");
    assert_eq!(Strategy::with_versions(Strategy::SHIPPED, &Default::default()), Strategy::SHIPPED);
    // What is no strategy is left to whoever reads it.
    assert!(Strategy::flows("script = [").is_empty());
}

#[test]
fn a_text_is_left_where_nobody_was_reached_and_there_is_no_further_call() {
    use Disposition as D;
    let on = parse(&format!("[unreached]\n{LEAST}")).unwrap();
    let left = |strategy: &Strategy, case: &Case, tried: &[Past]| {
        strategy.leaves_text(case, tried, &strategy.redial(settings(), case, tried))
    };
    let tried = |n: i64, last: D| -> Vec<Past> {
        let before = (1..n).map(|day| own(D::NoAnswer, at(day * 24 + 10)));
        before.chain([own(last, at(n * 24 + 10))]).collect()
    };
    let case = case("");
    for (last, is_left) in [
        (D::NoAnswer, true),
        (D::Voicemail, true),
        (D::Unreachable, true),
        (D::Busy, false),
        (D::HungUp, false),
    ] {
        assert!(!left(&on, &case, &tried(4, last)), "{}: another call follows", last.label());
        assert_eq!(left(&on, &case, &tried(5, last)), is_left, "{}", last.label());
        assert!(!left(Strategy::shipped(), &case, &tried(5, last)), "{}: off until asked for", last.label());
    }
    // After one end alone; and where the ladder has no further rung for it.
    let once = "[[ladder]]\nid = \"once\"\nafter = [\"voicemail\"]\n";
    let one = parse(&format!("[unreached]\nafter = [\"voicemail\"]\n{LEAST}{once}")).unwrap();
    assert!(left(&one, &case, &tried(2, D::Voicemail)) && !left(&one, &case, &tried(5, D::NoAnswer)));
    // Whatever else closed the case leaves nothing.
    let mut closed = tried(5, D::NoAnswer);
    closed[4].closed = Some("script_never".to_owned());
    assert!(!left(&on, &case, &closed));
    let out = parse("[unreached]\n[[rule]]\nid = \"all\"\nzh = \"全部\"\nen = \"all\"\nleave_out = true\n")
        .unwrap();
    assert!(!left(&out, &case, &tried(5, D::NoAnswer)));
}

#[test]
fn a_text_is_left_on_no_telephone_of_others_and_on_none_that_takes_no_texts() {
    let on = parse(&format!("[unreached]\n{LEAST}")).unwrap();
    let used_up = Redial::No { rule: USED_UP.to_owned() };
    // The first is at home, the third at work, the fourth a relative's, the last none of the case's any more.
    for (number, is_left) in [
        ("13800000001", false),
        ("+86 139 0000 0002", true),
        ("13900000003", false),
        ("13900000004", false),
        ("13900000009", false),
    ] {
        let tried = [past(number, Disposition::NoAnswer, at(10))];
        assert_eq!(on.leaves_text(&case(NUMBERS), &tried, &used_up), is_left, "{number}");
    }
    assert!(!on.leaves_text(&case(""), &[], &used_up));
    let faults = parse(&format!("[unreached]\nafter = [\"busy\"]\nby = \"sms\"\n{LEAST}")).unwrap_err();
    assert!(
        faults.contains("x.toml:2: after") && faults.contains("no_answer, voicemail, unreachable"),
        "{faults}"
    );
    assert!(faults.contains("x.toml:3: "), "{faults}");
}
