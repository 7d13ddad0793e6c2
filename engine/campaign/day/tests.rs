use super::*;

fn profile() -> Profile {
    let text = include_str!("../../../compliance/cn.toml");
    Profile::parse("compliance/cn.toml", text, |_| None).unwrap_or_else(|e| panic!("{e}"))
}

fn at<'r>(report: &'r Report, plan: &Plan, name: &str) -> &'r CampaignReport {
    let at = plan.campaigns.iter().position(|c| c.id.as_str() == name).unwrap();
    &report.campaigns[at]
}

/// The share of abandoned calls that the shipped settings allow.
const BOUND: f64 = 0.03;

#[test]
fn a_day_of_a_hundred_thousand_calls_keeps_every_bound_and_starves_nobody() {
    let plan = Plan::typical(100_000, 7);
    let report = run(&plan, &profile());
    let all: u64 = report.campaigns.iter().map(|c| c.calls).sum();
    assert!((90_000..=100_000).contains(&all), "{all}");
    assert_eq!(report.calls.len() as u64, all, "each call came to an end");
    for (planned, campaign) in plan.campaigns.iter().zip(&report.campaigns) {
        let name = &planned.id;
        assert!(campaign.worst_abandoned <= BOUND, "{name}: {}", campaign.worst_abandoned);
        assert!(campaign.longest_pause_s <= 60.0, "{name} starves: {} s", campaign.longest_pause_s);
    }
    let predictive = at(&report, &plan, "predictive");
    let (own, other) =
        (predictive.occupancy().unwrap(), at(&report, &plan, "progressive").occupancy().unwrap());
    assert!(
        own >= other + 0.15,
        "agents are busy {own:.3} of their time by prediction, {other:.3} one by one"
    );
    let abandoned = predictive.abandoned_share();
    assert!((0.012..0.024).contains(&abandoned), "aimed at 1.8 %: {abandoned}");
    for one_each in ["progressive", "preview", "reminder"] {
        assert_eq!(at(&report, &plan, one_each).abandoned, 0, "{one_each}");
    }
    assert!(report.most_at_once <= plan.trunk.channels, "{}", report.most_at_once);
    assert!(f64::from(report.most_a_second) <= 2.0 * plan.trunk.cps, "{}", report.most_a_second);
    assert!(report.most_attempts_a_day <= 3 && report.most_reached_a_day <= 3);
    assert!(report.denied["cn-hours"] > 0, "the night is asked about");
    let out_of_hours = report.calls.iter().filter(|call| {
        let hour = (call.past.dialled_at.unix_millis() / 3_600_000 + 8) % 24;
        !(8..22).contains(&hour)
    });
    assert_eq!(out_of_hours.count(), 0);
    // Between three and ten past recognition has half of its machine: fewer are up.
    let up = |from: u32, to: u32| {
        let minutes = report.minutes.iter().filter(|m| (from..to).contains(&m.minute)).map(|m| m.up[0]);
        minutes.sum::<f64>() / f64::from(to - from)
    };
    assert!(up(903, 913) < 0.9 * up(890, 900), "{} {}", up(903, 913), up(890, 900));
}

#[test]
fn the_bound_holds_for_few_agents_and_for_many_whatever_the_day_brings() {
    for (agents, seed) in [(2, 1), (5, 2), (12, 3), (12, 4), (60, 5), (150, 6)] {
        let mut plan = Plan::typical(100_000, seed);
        plan.campaigns.retain(|c| c.settings.pacing.mode == Mode::Predictive);
        let of = &mut plan.campaigns[0];
        (of.agents, of.cases, of.settings.pacing.max_calls) = (agents, 200 * u64::from(agents), None);
        (plan.trunk, plan.most_calls) = (Trunk { cps: 50.0, channels: 2_000 }, 500 * u64::from(agents));
        let report = run(&plan, &profile());
        let campaign = &report.campaigns[0];
        assert!(campaign.worst_abandoned <= BOUND, "{agents} agents: {}", campaign.worst_abandoned);
        assert!(campaign.answered > 50 * u64::from(agents), "{agents} agents: {}", campaign.answered);
    }
}

#[test]
fn the_same_seed_is_the_same_day() {
    let told = |seed| {
        let report = run(&Plan::typical(2_000, seed), &profile());
        report.calls.iter().map(|c| (c.case, c.past.dialled_at, c.past.disposition)).collect::<Vec<_>>()
    };
    assert_eq!(told(5), told(5));
    assert_ne!(told(5), told(6));
}
