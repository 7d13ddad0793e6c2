use super::*;
use crate::Bottleneck;

fn settings(mode: Mode) -> PacingSettings {
    PacingSettings { mode, ..PacingSettings::default() }
}

fn today() -> Date {
    jiff::civil::date(2026, 11, 26)
}

fn ids(n: usize) -> Vec<CampaignId> {
    (0..n).map(|n| format!("c{n}").parse().unwrap()).collect()
}

fn now<'a>(id: &'a CampaignId, settings: &'a PacingSettings, agents: &'a [AgentNow]) -> CampaignNow<'a> {
    CampaignNow { id, settings, ready: 10_000, ringing: &[], waiting: 0, up: 0, agents }
}

const WIDE: Trunk = Trunk { cps: 1_000.0, channels: 1_000 };

fn first(trunk: Trunk, campaign: CampaignNow<'_>) -> u32 {
    let mut pacing = Pacing::new(trunk);
    pacing.tick(Time::ZERO, today(), Load::default(), &[campaign]).first().map_or(0, |(_, n)| *n)
}

#[test]
fn each_mode_wants_what_it_says() {
    let ids = ids(1);
    let ringing = [Time::ZERO; 2];
    let agents = [
        AgentNow::Free,
        AgentNow::Free,
        AgentNow::Free,
        AgentNow::Asks,
        AgentNow::Talking { since: Time::ZERO },
    ];
    for (mode, expected) in [
        (Mode::Preview, 0),
        (Mode::Progressive, 1),
        // Nobody has answered yet: no room for anybody to be abandoned.
        (Mode::Predictive, 1),
        // A tenth of the channels, to begin with.
        (Mode::Agentless, 100),
    ] {
        let settings = settings(mode);
        let campaign = CampaignNow { ringing: &ringing, ..now(&ids[0], &settings, &agents) };
        assert_eq!(first(WIDE, campaign), expected, "{}", mode.label());
        assert_eq!(first(WIDE, CampaignNow { ready: 0, ..campaign }), 0);
    }
    let preview = settings(Mode::Preview);
    assert_eq!(first(WIDE, now(&ids[0], &preview, &agents)), 1);
    let few = PacingSettings { max_calls: Some(3), ..settings(Mode::Agentless) };
    assert_eq!(first(WIDE, CampaignNow { up: 2, ..now(&ids[0], &few, &[]) }), 1);
}

#[test]
fn calls_grow_to_what_is_allowed_without_a_burst() {
    let (ids, settings) = (ids(1), settings(Mode::Agentless));
    let mut pacing = Pacing::new(Trunk { cps: 50.0, channels: 300 });
    let (mut up, mut placed) = (0, Vec::new());
    for second in 0..90 {
        let campaign = CampaignNow { up, ..now(&ids[0], &settings, &[]) };
        let dials = pacing.tick(Time::from_millis(second * 1_000), today(), Load::default(), &[campaign]);
        let n = dials.first().map_or(0, |(_, n)| *n);
        up += n;
        placed.push(n);
    }
    assert_eq!(up, 300);
    assert!(placed[1..].iter().all(|n| *n <= 6), "{placed:?}");
    let full = placed
        .iter()
        .scan(0, |up, n| {
            *up += n;
            Some(*up)
        })
        .position(|up| up == 300);
    assert!(full.is_some_and(|s| (50..=60).contains(&s)), "{full:?}");
}

#[test]
fn what_does_not_suffice_is_shared_by_weight_and_priority_and_nobody_starves() {
    let ids = ids(4);
    let of = |weight, priority| PacingSettings { weight, priority, ..settings(Mode::Agentless) };
    let settings = [of(3, 5), of(1, 5), of(2, 1), of(6, 0)];
    let mut pacing = Pacing::new(Trunk { cps: 10.0, channels: 1_000 });
    let mut placed = [0_u32; 4];
    for tick in 0..10_000 {
        let campaigns: Vec<_> = ids.iter().zip(&settings).map(|(id, of)| now(id, of, &[])).collect();
        for (id, n) in pacing.tick(Time::from_millis(tick * 100), today(), Load::default(), &campaigns) {
            placed[ids.iter().position(|i| *i == id).unwrap()] += n;
        }
    }
    let all: u32 = placed.iter().sum();
    assert!((9_990..=10_010).contains(&all), "{placed:?}");
    let share = |n: usize| f64::from(placed[n]) / f64::from(all);
    for (n, expected) in [(0, 0.675), (1, 0.225), (2, 0.025), (3, 0.075)] {
        assert!((share(n) - expected).abs() < 0.002, "{n}: {placed:?}");
    }
}

#[test]
fn who_comes_back_has_no_claim_to_what_it_did_not_want() {
    let ids = ids(2);
    let settings = settings(Mode::Agentless);
    let mut pacing = Pacing::new(Trunk { cps: 10.0, channels: 1_000 });
    let mut late = 0;
    for second in 0..110 {
        let second_ready = if second < 100 { 0 } else { 10_000 };
        let campaigns = [
            now(&ids[0], &settings, &[]),
            CampaignNow { ready: second_ready, ..now(&ids[1], &settings, &[]) },
        ];
        let dials = pacing.tick(Time::from_millis(second * 1_000), today(), Load::default(), &campaigns);
        late += dials.iter().filter(|(id, _)| *id == ids[1]).map(|(_, n)| n).sum::<u32>();
    }
    assert!((49..=51).contains(&late), "half of ten seconds, not all of them: {late}");
}

#[test]
fn who_is_behind_dials_slower_and_nobody_while_it_is() {
    let (ids, settings) = (ids(1), settings(Mode::Agentless));
    let mut pacing = Pacing::new(Trunk { cps: 100.0, channels: 80 });
    let campaign = |up| CampaignNow { up, ..now(&ids[0], &settings, &[]) };
    let behind = Load { queue_age_ms: 2_000, late_permille: 0 };
    assert!(pacing.tick(Time::ZERO, today(), behind, &[campaign(40)]).is_empty());
    assert_eq!(pacing.pace(), Pace::Held(Bottleneck::Recognition));
    let slower = pacing.tick(Time::from_millis(60_000), today(), Load::default(), &[campaign(30)]);
    assert!(slower[0].1 <= 10, "what was too much is not placed again at once: {slower:?}");
}

#[test]
fn predictive_dials_more_than_progressive_once_it_knows_and_no_more_than_the_bound_has_room_for() {
    let ids = ids(1);
    let settings = settings(Mode::Predictive);
    let agents = [AgentNow::Free; 20];
    let mut pacing = Pacing::new(WIDE);
    let dials = |pacing: &mut Pacing, second: u64| {
        let campaign = now(&ids[0], &settings, &agents);
        let dials = pacing.tick(Time::from_millis(second * 1_000), today(), Load::default(), &[campaign]);
        dials.first().map_or(0, |(_, n)| *n)
    };
    assert_eq!(dials(&mut pacing, 0), 20);
    for n in 0..3_000 {
        let after = Duration::from_secs(8);
        let seen = if n % 4 == 0 { Seen::Answered { after } } else { Seen::NotAnswered { after: after * 3 } };
        pacing.saw(&ids[0], seen, today());
    }
    let many = dials(&mut pacing, 100);
    assert!((40..75).contains(&many), "a quarter answers: {many}");
    // 750 answered: 22 may be abandoned.
    for _ in 0..20 {
        pacing.saw(&ids[0], Seen::Abandoned, today());
    }
    let near = dials(&mut pacing, 101);
    assert!((20..38).contains(&near), "near the bound it is careful: {near}");
    (0..2).for_each(|_| pacing.saw(&ids[0], Seen::Abandoned, today()));
    assert_eq!(dials(&mut pacing, 102), 20, "at the bound it is progressive");
    let view = pacing.view(&ids[0], today()).unwrap();
    assert_eq!((view.today, view.room), (Answers { answered: 750, abandoned: 22 }, 0));
    assert!((view.answer_rate - 0.25).abs() < 0.01);
}

#[test]
fn agents_who_are_about_to_be_free_are_dialled_for() {
    let ids = ids(1);
    let settings = settings(Mode::Predictive);
    let mut pacing = Pacing::new(WIDE);
    let free = [AgentNow::Free];
    pacing.tick(Time::ZERO, today(), Load::default(), &[now(&ids[0], &settings, &free)]);
    for _ in 0..2_000 {
        let after = Duration::from_secs(10);
        pacing.saw(&ids[0], Seen::Answered { after }, today());
        pacing.saw(&ids[0], Seen::Talked { lasted: Duration::from_secs(60) }, today());
        pacing.saw(&ids[0], Seen::Wrapped { lasted: Duration::from_secs(10) }, today());
    }
    let at = Time::from_millis(200_000);
    let since = |s: u64| Time::from_millis(200_000 - s * 1_000);
    let mut dials = |agent: AgentNow| {
        let agents = [agent; 10];
        let dials = pacing.tick(at, today(), Load::default(), &[now(&ids[0], &settings, &agents)]);
        dials.first().map_or(0, |(_, n)| *n)
    };
    assert_eq!(dials(AgentNow::Talking { since: since(5) }), 0, "they have only begun");
    assert!(dials(AgentNow::Wrapping { since: since(8) }) >= 8);
    assert!(dials(AgentNow::Talking { since: since(62) }) >= 5);
}

#[test]
fn counts_of_before_are_remembered() {
    let ids = ids(1);
    let settings = settings(Mode::Predictive);
    let mut pacing = Pacing::new(WIDE);
    let yesterday = today().yesterday().unwrap();
    pacing.remember(&ids[0], &settings, yesterday, Answers { answered: 100, abandoned: 3 });
    pacing.remember(&ids[0], &settings, today(), Answers { answered: 200, abandoned: 1 });
    let view = pacing.view(&ids[0], today()).unwrap();
    assert_eq!((view.window, view.room), (Answers { answered: 300, abandoned: 4 }, 5));
    assert_eq!(view.most, 0.03);
    // So they are handed to whoever holds them against a limit, with what was seen since.
    pacing.saw(&ids[0], Seen::Abandoned, today());
    let counts = |answered, abandoned| Answers { answered, abandoned };
    assert_eq!(*pacing.answers(&ids[0]), [(yesterday, counts(100, 3)), (today(), counts(200, 2))]);
    pacing.forget(&ids[0]);
    assert_eq!(pacing.view(&ids[0], today()), None);
    assert!(pacing.answers(&ids[0]).is_empty());
}

#[test]
fn what_has_an_agent_free_for_it_is_told_from_what_is_placed_ahead() {
    let (ids, settings) = (ids(1), settings(Mode::Predictive));
    let agents = [AgentNow::Free, AgentNow::Free, AgentNow::Free, AgentNow::Talking { since: Time::ZERO }];
    let ringing = [Time::ZERO; 2];
    let campaign = now(&ids[0], &settings, &agents);
    assert_eq!(campaign.one_each(), 3);
    assert_eq!(CampaignNow { ringing: &ringing[..1], waiting: 1, ..campaign }.one_each(), 1);
    assert_eq!(CampaignNow { ringing: &ringing, waiting: 2, ..campaign }.one_each(), 0);
    // Without room for one who is abandoned, nothing is placed ahead.
    let mut pacing = Pacing::new(WIDE);
    pacing.remember(&ids[0], &settings, today(), Answers { answered: 1_000, abandoned: 40 });
    let dials = pacing.tick(Time::ZERO, today(), Load::default(), &[campaign]);
    assert_eq!(dials, [(ids[0].clone(), campaign.one_each())]);
}

/// Calls that a node has placed after so many seconds; `up` tells how many of them are.
fn placed(pacing: &mut Pacing, seconds: u64, up: impl Fn(u32) -> u32) -> u32 {
    let (ids, settings) = (ids(1), settings(Mode::Agentless));
    let mut placed = 0;
    for tick in 0..seconds * 10 {
        let campaign = CampaignNow { up: up(placed), ..now(&ids[0], &settings, &[]) };
        let dials = pacing.tick(Time::from_millis(tick * 100), today(), Load::default(), &[campaign]);
        placed += dials.first().map_or(0, |(_, n)| *n);
    }
    placed
}

#[test]
fn nodes_have_all_of_the_trunk_together_and_no_more() {
    let ids = ids(1);
    for nodes in 1..=5 {
        let node = |trunk: Trunk, at: u32| {
            // It begins with all of it, and hears of the others.
            let mut pacing = Pacing::new(trunk);
            pacing.set_nodes(nodes);
            pacing.set_trunk(trunk.of_node(at, nodes));
            pacing
        };
        for channels in [1, 3, 5, 10, 97] {
            let trunk = Trunk { cps: 10.0, channels };
            let at_once: Vec<u32> =
                (0..nodes).map(|at| placed(&mut node(trunk, at), 120, |placed| placed)).collect();
            assert_eq!(at_once.iter().sum::<u32>(), channels, "{at_once:?}");
            let even =
                at_once.iter().max().zip(at_once.iter().min()).is_some_and(|(most, least)| most - least <= 1);
            assert!(even, "{at_once:?}");
        }
        // Calls that are over at once: what is left is the calls per second.
        let trunk = Trunk { cps: 10.0, channels: 1_000 };
        let in_all: u32 = (0..nodes).map(|at| placed(&mut node(trunk, at), 100, |_| 0)).sum();
        assert!((995..=1_010).contains(&in_all), "{nodes}: {in_all}");

        let settings = settings(Mode::Predictive);
        let mut pacing = node(trunk, 0);
        pacing.remember(&ids[0], &settings, today(), Answers { answered: 1_000, abandoned: 4 });
        let room = pacing.view(&ids[0], today()).unwrap().room;
        assert_eq!(room, 26 / nodes, "each hears of the others' only after a while");
    }
    // Without a node that dials there is none to share with.
    assert_eq!(WIDE.of_node(0, 0), WIDE);
}
