//! What deciding costs one core: a tick of the pacing for fifty campaigns, and placements of cases by the shipped
//! strategy, without a model and with one:
//! `cargo run --release -p waihu-campaign --example decisions`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{hint::black_box, time::Instant};

use waihu_campaign::{
    Load, Mode, PacingSettings, Past, Settings, Strategy,
    contact::train,
    day::{Plan, run},
    pacing::{AgentNow, CampaignNow, Pacing, Seen, Trunk},
};
use waihu_compliance::Profile;
use waihu_types::{CampaignId, Time, WallTime};

const CAMPAIGNS: usize = 50;
const AGENTS: usize = 20;
const TICKS: u64 = 2_000;
const PLACEMENTS: usize = 200_000;

fn main() {
    pacing();
    placements();
}

/// Fifty predictive campaigns of twenty agents each: no other mode costs as much.
fn pacing() {
    let ids: Vec<CampaignId> = (0..CAMPAIGNS).map(|n| format!("c{n}").parse().unwrap()).collect();
    let settings = PacingSettings { mode: Mode::Predictive, ..PacingSettings::default() };
    let today = jiff::civil::date(2026, 11, 26);
    let mut pacing = Pacing::new(Trunk { cps: 100.0, channels: 5_000 });
    let s = |seconds: u64| Time::from_millis(1_000 * seconds);
    let agents: Vec<AgentNow> = (0..AGENTS as u64)
        .map(|n| match n % 5 {
            0 => AgentNow::Free,
            1 => AgentNow::Wrapping { since: s(1_000 - n) },
            _ => AgentNow::Talking { since: s(1_000 - 7 * n) },
        })
        .collect();
    let ringing: Vec<Time> = (0..12).map(|n| s(1_000 - 2 * n)).collect();
    let now: Vec<CampaignNow<'_>> = ids
        .iter()
        .map(|id| CampaignNow {
            id,
            settings: &settings,
            ready: 10_000,
            ringing: &ringing,
            waiting: 0,
            up: 12,
            agents: &agents,
        })
        .collect();
    pacing.tick(s(1_000), today, Load::default(), &now);
    let second = std::time::Duration::from_secs(1);
    for id in &ids {
        for n in 0..2_000_u32 {
            let seen = match n % 4 {
                0 => Seen::Answered { after: 8 * second },
                _ => Seen::NotAnswered { after: 25 * second },
            };
            pacing.saw(id, seen, today);
            pacing.saw(id, Seen::Talked { lasted: (60 + n % 90) * second }, today);
            pacing.saw(id, Seen::Wrapped { lasted: (10 + n % 20) * second }, today);
        }
    }
    let started = Instant::now();
    for tick in 0..TICKS {
        black_box(pacing.tick(Time::from_millis(1_000_000 + tick), today, Load::default(), &now));
    }
    let each = started.elapsed().as_secs_f64() / TICKS as f64;
    println!("a tick of {CAMPAIGNS} predictive campaigns, {AGENTS} agents each: {:.0} µs", 1e6 * each);
}

fn placements() {
    let text = include_str!("../../../compliance/cn.toml");
    let profile = Profile::parse("compliance/cn.toml", text, |_| None).unwrap();
    let started = Instant::now();
    let report = run(&Plan::typical(100_000, 1), &profile);
    println!("a simulated day of {} calls: {:.1} s", report.calls.len(), started.elapsed().as_secs_f64());
    let settings = Settings::parse("trunk = \"main\"\nscript = \"reminder\"").unwrap();
    let plain = Strategy::shipped().clone();
    let modelled = plain.clone().with_model(train(report.examples(), "a simulated day").unwrap().model);
    let now: WallTime = "2026-11-26T02:00:00Z".parse().unwrap();
    let calls: Vec<(usize, Past)> = report.calls.iter().map(|call| (call.case, call.past.clone())).collect();
    for (what, strategy) in [("the shipped strategy", &plain), ("the same with a contact model", &modelled)] {
        let started = Instant::now();
        for n in 0..PLACEMENTS {
            let (case, past) = &calls[n % calls.len()];
            black_box(strategy.place(&settings, &report.cases[*case], std::slice::from_ref(past), now));
        }
        let a_second = PLACEMENTS as f64 / started.elapsed().as_secs_f64();
        println!("placements by {what}, after one attempt: {a_second:.0} a second");
    }
}
