//! Calls and desks at one switchboard, by its channels.

use std::collections::BTreeMap;

use waihu_agents::{
    Need, Urgency,
    desk::{self, FromDesk, Profile, Revocation, ToDesk, Wanted},
};
use waihu_types::{Disposition, Identity, Intent, Lang, Promise};

use super::{call::Turned, *};

async fn board(phones: &[waihu_trunk::Agent]) -> (Switchboard, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(folder.path().join("waihu.sqlite")).await.unwrap());
    (Switchboard::start(store, phones), folder)
}

fn profile(login: &str) -> Profile {
    Profile {
        login: login.to_owned(),
        name: login.to_uppercase(),
        skills: BTreeMap::from([("hardship".to_owned(), 4)]),
        langs: vec![Lang::Zh],
        answers: Answers::ByHand,
    }
}

fn card() -> desk::Card {
    let due: waihu_types::Money = serde_json::from_str(r#"{"amount":"3250.00","currency":"CNY"}"#).unwrap();
    desk::Card {
        campaign: None,
        case: "c-1".parse().unwrap(),
        name: "张伟".to_owned(),
        title: "先生".to_owned(),
        lang: Lang::Zh,
        creditor: "安信银行".to_owned(),
        product: "信用卡".to_owned(),
        due,
        due_date: jiff::civil::date(2026, 11, 15),
        time_zone: "Asia/Shanghai".to_owned(),
        reason: Some(Intent::RequestHuman),
        skills: vec!["hardship".to_owned()],
        identity: Identity::Confirmed,
        debt_disclosed: true,
        mood: None,
        intents: Vec::new(),
        table: None,
        offers: vec![Promise::of(jiff::civil::date(2026, 12, 1), due)],
        authority: desk::Authority {
            least_part: due,
            max_parts: 1,
            max_delay_days: 31,
            max_span_days: 31,
            discounts: Vec::new(),
            approver: None,
        },
        history: Vec::new(),
        asked_by: None,
        wanted_at: wall_now(),
    }
}

fn need() -> Need {
    Need {
        skills: vec!["hardship".to_owned()],
        lang: Lang::Zh,
        last_agent: None,
        without: Vec::new(),
        only: None,
        urgency: Urgency::Usual,
    }
}

fn said(text: &str) -> desk::Said {
    let (at, speaker) = (wall_now(), desk::Speaker::Callee);
    desk::Said { at, speaker, text: text.to_owned(), intent: None }
}

/// What a desk is told next that is no state.
async fn next(link: &mut DeskLink) -> ToDesk {
    loop {
        match link.hear.recv().await.unwrap() {
            ToDesk::State(_) => {}
            told => return told,
        }
    }
}

/// The state that comes last of those that wait.
fn state(link: &mut DeskLink) -> Box<desk::State> {
    let mut last = None;
    while let Ok(told) = link.hear.try_recv() {
        if let ToDesk::State(state) = told {
            last = Some(state);
        }
    }
    last.unwrap()
}

fn attempt() -> AttemptId {
    "a-1".parse().unwrap()
}

#[tokio::test]
async fn a_desk_sees_the_card_before_it_answers_and_all_of_the_call_after_a_reload() {
    let (board, _folder) = board(&[]).await;
    let mut link = board.connect(profile("li"));
    assert_eq!(state(&mut link).presence, "away", "who sits down is not at once called");
    link.say.say(FromDesk::Presence { wish: Wanted::Available });
    let mut call = board.of_call(attempt());
    call.seek(need(), card(), &[said("给我转人工")]);
    let ToDesk::Offer { card, .. } = next(&mut link).await else { unreachable!("it is offered") };
    assert_eq!(card.name, "张伟");
    assert!(matches!(call.news().await, CallNews::Agent(AgentEvent::Offered(a)) if a.name == "LI"));
    call.said(&said("我等着"));
    assert!(matches!(next(&mut link).await, ToDesk::Line { line, .. } if line.text == "我等着"));
    link.say.say(FromDesk::Answer { attempt: attempt() });
    assert!(matches!(call.news().await, CallNews::Agent(AgentEvent::Taken(_))));
    call.joined();
    assert!(matches!(next(&mut link).await, ToDesk::Joined { .. }));
    link.say.say(FromDesk::Mute { attempt: attempt(), on: true });

    // The page is loaded anew.
    drop(link);
    let mut link = board.connect(profile("li"));
    let state = state(&mut link);
    let told = state.call.unwrap();
    assert_eq!((state.presence, told.joined, told.muted), ("talking", true, true));
    let lines: Vec<_> = told.lines.iter().map(|l| l.text.as_str()).collect();
    assert_eq!(lines, ["给我转人工", "我等着"]);
    link.say.say(FromDesk::Renew { attempt: attempt() });
    assert!(matches!(call.news().await, CallNews::Desk(_, DeskNews::Renew(2))));
    assert!(!call.is_offered(2), "it has no sound yet");

    drop(call);
    assert!(matches!(next(&mut link).await, ToDesk::Ended { .. }));
    assert_eq!(board.standings()[0].presence, Presence::WrappingUp);
    link.say.say(FromDesk::Done);
    assert_eq!(board.standings()[0].presence, Presence::Available);
    assert!(board.board().calls.is_empty(), "nothing of the call is kept");
}

#[tokio::test]
async fn of_two_pages_of_one_agent_the_later_one_has_the_desk() {
    let (board, _folder) = board(&[]).await;
    let mut first = board.connect(profile("li"));
    first.say.say(FromDesk::Presence { wish: Wanted::Available });
    let second = board.connect(profile("li"));
    assert!(matches!(next(&mut first).await, ToDesk::Superseded));
    first.say.say(FromDesk::Presence { wish: Wanted::Away });
    assert_eq!(board.standings()[0].presence, Presence::Available, "it says nothing any more");
    drop(first);
    assert_eq!(board.standings()[0].presence, Presence::Available);
    drop(second);
    assert_eq!(board.standings()[0].presence, Presence::Away);
}

#[tokio::test]
async fn a_desk_may_do_nothing_with_a_call_that_it_has_not() {
    let (board, _folder) = board(&[]).await;
    let mut li = board.connect(profile("li"));
    li.say.say(FromDesk::Presence { wish: Wanted::Available });
    let wang = board.connect(profile("wang"));
    let mut call = board.of_call(attempt());
    call.seek(need(), card(), &[]);
    li.say.say(FromDesk::Answer { attempt: attempt() });
    while !matches!(call.news().await, CallNews::Agent(AgentEvent::Taken(_))) {}
    wang.say.say(FromDesk::HangUp { attempt: attempt() });
    wang.say.say(FromDesk::Renew { attempt: attempt() });
    li.say.say(FromDesk::HangUp { attempt: attempt() });
    assert!(matches!(call.news().await, CallNews::Desk(by, DeskNews::HangUp) if by.as_str() == "li"));
    let late = board.connect(profile("chen"));
    late.say.say(FromDesk::Answer { attempt: attempt() });
    let mut late = late;
    assert!(matches!(next(&mut late).await, ToDesk::Revoked { why: Revocation::TooLate, .. }));
    li.say.say(FromDesk::Sdp { attempt: attempt(), sdp: "no description".to_owned() });
    while !matches!(next(&mut li).await, ToDesk::Refused { .. }) {}
}

#[tokio::test]
async fn what_is_changed_of_an_agent_counts_from_the_next_offer_on() {
    let (board, _folder) = board(&[]).await;
    let unable = |login| Profile { skills: BTreeMap::new(), ..profile(login) };
    let (li, mut wang) = (board.connect(profile("li")), board.connect(unable("wang")));
    for desk in [&li, &wang] {
        desk.say.say(FromDesk::Presence { wish: Wanted::Available });
    }
    let mut first = board.of_call(attempt());
    first.seek(need(), card(), &[]);
    let offered = async |call: &mut CallSide| match call.news().await {
        CallNews::Agent(AgentEvent::Offered(agent)) => agent.id.to_string(),
        _ => unreachable!("it is offered"),
    };
    assert_eq!(offered(&mut first).await, "li", "who has the skill");
    // It rings on where the skill is Li's no longer, and now Wang's.
    li.say.know(Profile { name: "Li Ming".to_owned(), ..unable("li") });
    wang.say.know(Profile { answers: Answers::AtOnce, ..profile("wang") });
    li.say.say(FromDesk::Answer { attempt: attempt() });
    assert!(matches!(first.news().await, CallNews::Agent(AgentEvent::Taken(_))));
    assert_eq!(board.name_of(&AgentId::new("li")), "Li Ming");
    let told = state(&mut wang).agent;
    assert_eq!((told.skills, told.answers), (profile("wang").skills, Answers::ByHand));
    drop(first);
    li.say.say(FromDesk::Done);

    let mut second = board.of_call("a-2".parse().unwrap());
    second.seek(need(), card(), &[]);
    assert_eq!(offered(&mut second).await, "wang");
    // Who does not speak the callee's language any more is not asked next.
    li.say.know(Profile { langs: vec![Lang::En], ..profile("li") });
    wang.say.say(FromDesk::Decline { attempt: "a-2".parse().unwrap() });
    assert!(matches!(second.news().await, CallNews::Agent(AgentEvent::Revoked { .. })));
    assert!(matches!(second.news().await, CallNews::Agent(AgentEvent::Missing)));

    // A page that has the desk no longer changes nothing of who sits there.
    let _later = board.connect(profile("wang"));
    wang.say.know(unable("wang"));
    assert_eq!(board.board().machine.skills(&AgentId::new("wang")).count(), 1);
}

#[tokio::test]
async fn a_wrap_up_is_only_of_ones_own_call() {
    let (board, _folder) = board(&[]).await;
    let mut link = board.connect(profile("li"));
    link.say.say(FromDesk::WrapUp {
        attempt: attempt(),
        disposition: Some(Disposition::PromiseToPay),
        notes: "x".to_owned(),
        promise: None,
    });
    assert!(matches!(next(&mut link).await, ToDesk::Refused { .. }));
    let notes = "x".repeat(desk::MOST_NOTES + 1);
    link.say.say(FromDesk::WrapUp { attempt: attempt(), disposition: None, notes, promise: None });
    assert!(matches!(next(&mut link).await, ToDesk::Refused { .. }));
}

/// The terms of the case that the card is of.
fn terms() -> Terms {
    let case = r#"{"id":"c-1","phone":"1001","name":"张伟","lang":"zh","creditor":"安信银行","product":"信用卡",
        "amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#;
    Terms::of(&serde_json::from_str(case).unwrap())
}

/// What an agent writes down of a promise of so much, in so many days.
fn promises(days: i64, sum: &str) -> FromDesk {
    let today = wall_now().date_in("Asia/Shanghai").unwrap();
    let date = today.checked_add(jiff::Span::new().days(days)).unwrap();
    let sum = waihu_types::Money::parse(sum, waihu_types::Currency::CNY).unwrap();
    FromDesk::WrapUp {
        attempt: attempt(),
        disposition: Some(Disposition::PromiseToPay),
        notes: "x".to_owned(),
        promise: Some(Promise::of(date, sum)),
    }
}

/// The call is on file, and an agent has it.
async fn has_talked(store: &Store, agent: &str) {
    let (case, now): (waihu_types::CaseId, _) = ("c-1".parse().unwrap(), wall_now());
    let script = waihu_types::ScriptVersion {
        name: "reminder".to_owned(),
        lang: Lang::Zh,
        sha256: String::new(),
        variant: None,
        draft: false,
    };
    let new = waihu_store::NewAttempt {
        attempt: attempt(),
        campaign: None,
        case: case.clone(),
        callee: "1001".parse().unwrap(),
        script,
        models: BTreeMap::new(),
        dialled_at: now,
        own_number: true,
    };
    let free = waihu_store::Passage::new(waihu_compliance::Gate::laboratory(), "Asia/Shanghai");
    store.begin_attempt(&new, &free).await.unwrap();
    store.begin_talk((&attempt(), agent), (&case, None), now).await.unwrap();
}

#[tokio::test]
async fn a_promise_beyond_the_authority_is_refused_until_it_is_put_right() {
    let (board, _folder) = board(&[]).await;
    let mut li = board.connect(profile("li"));
    li.say.say(FromDesk::Presence { wish: Wanted::Available });
    let call = board.of_call(attempt());
    call.may_promise(terms());
    call.seek(need(), card(), &[]);
    li.say.say(FromDesk::Answer { attempt: attempt() });
    has_talked(&board.0.store, "li").await;
    // Also once the call is over, and its agent has done with it.
    drop(call);
    for (promise, told) in [
        (promises(-1, "3250"), "the first payment may be from"),
        (promises(32, "3250"), "the first payment may be from"),
        (promises(3, "9999"), "no more than 3250.00 CNY is owed 承诺金额不得超过欠款 3250.00 CNY"),
        (promises(3, "100"), "all of 3250.00 CNY is to be paid; payments at most: 1"),
    ] {
        li.say.say(promise);
        let why = loop {
            if let ToDesk::Refused { why } = next(&mut li).await {
                break why;
            }
        };
        assert!(why.starts_with(&format!("promise: {told}")), "{why}");
        li.say.say(FromDesk::Done);
    }
    li.say.say(promises(3, "3250"));
    while !matches!(next(&mut li).await, ToDesk::Wrapped { .. }) {}

    // Of a call that nobody knows here nothing is promised.
    let FromDesk::WrapUp { promise, .. } = promises(3, "3250") else { unreachable!("it is a wrap-up") };
    let (disposition, notes) = (None, String::new());
    li.say.say(FromDesk::WrapUp { attempt: "a-2".parse().unwrap(), disposition, notes, promise });
    let ToDesk::Refused { why } = next(&mut li).await else { unreachable!("it is refused") };
    assert!(why.starts_with("promise: what may be agreed is not known"), "{why}");
}

#[tokio::test]
async fn a_desk_that_reads_nothing_is_let_go() {
    let (board, _folder) = board(&[]).await;
    let link = board.connect(profile("li"));
    for _ in 0..1_000 {
        link.say.say(FromDesk::Presence { wish: Wanted::Available });
    }
    assert!(board.board().desks.is_empty());
    drop(link);
    assert_eq!(board.standings()[0].presence, Presence::Away);
}

#[tokio::test]
async fn a_desk_that_reads_nothing_is_signed_out_all_the_same() {
    let (board, _folder) = board(&[]).await;
    let link = board.connect(profile("li"));
    link.say.say(FromDesk::Presence { wish: Wanted::Available });
    let mut call = board.of_call(attempt());
    call.seek(need(), card(), &[]);
    link.say.say(FromDesk::Answer { attempt: attempt() });
    for _ in 0..1_000 {
        call.said(&said("喂"));
    }
    assert!(board.board().desks.is_empty());
    link.say.sign_out();
    assert!(board.standings().is_empty(), "nobody is there");
    while !matches!(call.news().await, CallNews::Lost(agent) if agent.as_str() == "li") {}
    // Whoever comes next is not signed out by what is left of it.
    let _owner = board.connect(profile("li"));
    link.say.sign_out();
    drop(link);
    assert_eq!(board.standings().len(), 1);
}

#[tokio::test]
async fn the_trunks_telephones_are_there_from_the_beginning() {
    let phone = waihu_trunk::Agent {
        name: "前台".to_owned(),
        address: "sip:100@192.0.2.1".parse().unwrap(),
        ring_timeout_s: 20,
        skills: vec!["hardship".to_owned()],
        handover: waihu_trunk::Handover::Join,
    };
    let (board, _folder) = board(&[phone]).await;
    let mut call = board.of_call(attempt());
    call.seek(need(), card(), &[]);
    assert_eq!(board.waiting().len(), 1);
    let CallNews::Agent(AgentEvent::Offered(agent)) = call.news().await else {
        unreachable!("it is offered")
    };
    assert_eq!((agent.name.as_str(), agent.id.as_str()), ("前台", "phone:前台"));
    call.accept(agent.id.clone());
    assert!(matches!(call.news().await, CallNews::Agent(AgentEvent::Taken(_))));
    call.unwanted();
    assert_eq!(board.standings()[0].presence, Presence::Available);
    call.seek(need(), card(), &[]);
    assert!(matches!(call.news().await, CallNews::Agent(AgentEvent::Offered(_))));
    call.decline(agent.id);
    assert!(matches!(call.news().await, CallNews::Agent(AgentEvent::Revoked { .. })));
    assert!(matches!(call.news().await, CallNews::Agent(AgentEvent::Missing)));
}

#[test]
fn a_telephone_that_the_callees_side_calls_rings_until_that_tells_how_it_ended() {
    let phone = waihu_trunk::Agent {
        name: "前台".to_owned(),
        address: "sip:100@192.0.2.1".parse().unwrap(),
        ring_timeout_s: 20,
        skills: Vec::new(),
        handover: waihu_trunk::Handover::Refer,
    };
    let agent = of_phone(1, &phone);
    assert_eq!(agent.reach, Reach::Phone { place: 1, refers: true });
    assert_eq!(agent.ring, Some(waihu_sip::TRANSFER_PATIENCE));
}

/// The news that come next and are no agent's.
async fn other_news(call: &mut CallSide) -> CallNews {
    loop {
        match call.news().await {
            CallNews::Agent(_) => {}
            news => return news,
        }
    }
}

#[tokio::test]
async fn who_was_asked_about_a_call_has_it_under_its_own_id() {
    let (board, _folder) = board(&[]).await;
    let mut li = board.connect(profile("li"));
    li.say.say(FromDesk::Presence { wish: Wanted::Available });
    let mut call = board.of_call(attempt());
    call.seek(need(), card(), &[said("给我转人工")]);
    li.say.say(FromDesk::Answer { attempt: attempt() });
    call.joined();
    call.is_had_by(&AgentId::new("li"), "LI");
    let mut wang = board.connect(profile("wang"));
    wang.say.say(FromDesk::Presence { wish: Wanted::Available });

    let to = desk::To::Agent("wang".to_owned());
    li.say.say(FromDesk::Transfer { attempt: attempt(), to, how: desk::How::AskFirst });
    let CallNews::Desk(by, DeskNews::Wish(waihu_call::AgentWish::Consult(_))) = other_news(&mut call).await
    else {
        unreachable!("the call hears of it")
    };
    assert_eq!(by.as_str(), "li");
    let asked: AttemptId = "a-1.1".parse().unwrap();
    let consult = board.of_call(asked.clone());
    let only = Some(AgentId::new("wang"));
    let card = desk::Card { asked_by: Some("LI".to_owned()), ..card() };
    consult.seek(Need { only, ..need() }, card, &[]);
    let ToDesk::Offer { attempt: offered, card, .. } = next(&mut wang).await else {
        unreachable!("it is offered")
    };
    assert_eq!((offered, card.asked_by.as_deref()), (asked.clone(), Some("LI")));
    wang.say.say(FromDesk::Answer { attempt: asked.clone() });
    consult.joined();
    // What Li says before they hear that Wang has the call is told as Li's.
    li.say.say(FromDesk::HangUp { attempt: attempt() });
    call.hand_over(&consult);
    drop(consult);
    assert!(
        matches!(other_news(&mut call).await, CallNews::Desk(by, DeskNews::HangUp) if by.as_str() == "li")
    );
    li.say.say(FromDesk::HangUp { attempt: attempt() });
    while !matches!(next(&mut li).await, ToDesk::Ended { .. }) {}
    let yours = loop {
        if let ToDesk::Yours { attempt, was } = next(&mut wang).await {
            break (attempt, was);
        }
    };
    assert_eq!(yours, (attempt(), asked));
    // What Wang does from here on is done with the call itself.
    wang.say.say(FromDesk::Hold { attempt: attempt(), on: true });
    let CallNews::Desk(by, DeskNews::Hold(hold)) = other_news(&mut call).await else {
        unreachable!("it is Wang's, and no more Li's")
    };
    assert_eq!((by.as_str(), hold), ("wang", Turned::On));
    let told = state(&mut wang).call.unwrap();
    assert_eq!((told.attempt, told.lines.len()), (attempt(), 1));
    let presences: Vec<_> = board.standings().into_iter().map(|s| s.presence).collect();
    assert_eq!(presences, [Presence::WrappingUp, Presence::Talking]);
    drop(call);
    assert!(board.board().calls.keys().all(|call| *call == attempt()), "of the asking nothing is kept");
}

#[tokio::test]
async fn a_supervisor_sits_in_on_a_talk_and_on_nothing_else() {
    let (board, _folder) = board(&[]).await;
    let mut call = board.of_call(attempt());
    let li = board.connect(profile("li"));
    li.say.say(FromDesk::Presence { wish: Wanted::Available });
    call.seek(need(), card(), &[]);
    assert!(board.talks().is_empty() && board.attend("zhao", "ZHAO", &attempt()).is_none(), "nobody talks");
    li.say.say(FromDesk::Answer { attempt: attempt() });
    call.joined();
    call.is_had_by(&AgentId::new("li"), "LI");
    let talk = &board.talks()[0];
    assert_eq!((talk.agent.as_str(), talk.name.as_str(), talk.supervisors), ("li", "LI", 0));
    let seats: Vec<_> = (0..5).map(|n| board.attend(&format!("s{n}"), "S", &attempt())).collect();
    assert_eq!(seats.iter().filter(|seat| seat.is_some()).count(), 4, "so many and no more");
    assert_eq!(board.talks()[0].supervisors, 4);
    let CallNews::Attend(page) = other_news(&mut call).await else { unreachable!("the call hears of it") };
    assert_eq!(page.login, "s0");
    seats[0].as_ref().unwrap().say.sign_out();
    while !matches!(other_news(&mut call).await, CallNews::SignedOut(id) if id == page.id) {}
    drop(seats);
    assert_eq!(board.talks()[0].supervisors, 0);
    drop(call);
    assert!(board.talks().is_empty());
}
