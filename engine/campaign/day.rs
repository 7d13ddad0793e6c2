//! A simulated day: callees, agents and several campaigns in virtual time, with the strategy, the ladder, the pacing
//! and the compliance gate that place real calls.
//!
//! What callees do is made up ([`truth`]); what is decided about them is not. Deliberately absent: the store, whose
//! queue is done after here, and sound.

mod callee;
mod line;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use jiff::civil::Date;
use waihu_compliance::{Contact, Decision, Profile, Subject};
use waihu_types::{CampaignId, Case, Disposition, Reached, Time, WallTime};

pub use callee::truth;

use crate::{
    Load, Mode, PacingSettings, Past, Placement, Settings, Strategy,
    contact::{self, Example},
    pacing::{AGENT_WITHIN, AgentNow, CampaignNow, Pacing, Seen, Trunk},
};
use callee::{Callee, Chance};
use line::{Campaign, Event};

/// How often the pacing is asked.
const TICK: Duration = Duration::from_millis(500);

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Everything that is by chance hangs on it.
    pub seed: u64,
    /// The day, in Shanghai.
    pub day: Date,
    /// How many days.
    pub days: u32,
    /// What the trunk carries.
    pub trunk: Trunk,
    /// Calls that talk to the bot at once before recognition falls behind.
    pub recognizers: u32,
    /// No further call is placed after so many.
    pub most_calls: u64,
    /// The campaigns.
    pub campaigns: Vec<PlannedCampaign>,
}

/// A campaign of the day.
#[derive(Clone, Debug)]
pub struct PlannedCampaign {
    /// Its id.
    pub id: CampaignId,
    /// Its settings.
    pub settings: Settings,
    /// Its strategy.
    pub strategy: Strategy,
    /// How many cases it has.
    pub cases: u64,
    /// Its agents, when all are at work.
    pub agents: u32,
}

impl Plan {
    /// A Thursday of about so many calls: a bot that reminds, agents who are dialled for by prediction and as many who
    /// are dialled for one by one, and a few who ask for each call; each with the shipped strategy.
    pub fn typical(calls: u64, seed: u64) -> Self {
        let size = calls as f64 / 100_000.0;
        let of = |n: f64| (n * size).ceil().max(1.0) as u32;
        let campaign = |name: &str, mode, weight, priority, cases: f64, agents: f64| {
            let pacing = PacingSettings {
                mode,
                weight,
                priority,
                talk_s: 90,
                max_calls: Some(of(if mode == Mode::Agentless { 42.0 } else { 100.0 })),
                ..PacingSettings::default()
            };
            let settings = Settings {
                trunk: "simulated".to_owned(),
                script: "reminder".parse().ok(),
                variants: Vec::new(),
                strategy: "default".to_owned(),
                pacing,
                caller_ids: Default::default(),
                from: None,
                until: None,
                authority: Default::default(),
            };
            Some(PlannedCampaign {
                id: name.parse().ok()?,
                settings,
                strategy: Strategy::shipped().clone(),
                cases: u64::from(of(cases)),
                agents: if agents > 0.0 { of(agents) } else { 0 },
            })
        };
        let campaigns = [
            campaign("reminder", Mode::Agentless, 3, 5, 34_000.0, 0.0),
            campaign("predictive", Mode::Predictive, 1, 5, 16_000.0, 20.0),
            campaign("progressive", Mode::Progressive, 1, 5, 16_000.0, 20.0),
            campaign("preview", Mode::Preview, 1, 3, 4_000.0, 6.0),
        ];
        Self {
            seed,
            day: jiff::civil::date(2026, 11, 26),
            days: 1,
            trunk: Trunk { cps: 4.5 * size.max(0.02), channels: of(110.0) },
            recognizers: of(26.0),
            most_calls: calls,
            campaigns: campaigns.into_iter().flatten().collect(),
        }
    }
}

/// How a day went.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// By campaign, in the order of the plan.
    pub campaigns: Vec<CampaignReport>,
    /// A point a minute.
    pub minutes: Vec<Minute>,
    /// Denials of the gate, by rule.
    pub denied: BTreeMap<String, u64>,
    /// The most calls in a second, and at once.
    pub most_a_second: u32,
    /// The most calls at once.
    pub most_at_once: u32,
    /// The most attempts at a case in a day.
    pub most_attempts_a_day: u32,
    /// The most calls to a number in a day that a person answered.
    pub most_reached_a_day: u32,
    /// Every call, in the order of their ends.
    pub calls: Vec<Call>,
    /// The cases that they were about.
    pub cases: Vec<Case>,
}

/// A call that was placed.
#[derive(Clone, Debug)]
pub struct Call {
    /// The campaign, by its place in the plan.
    pub campaign: usize,
    /// The case, by its place in [`Report::cases`].
    pub case: usize,
    /// What came of it.
    pub past: Past,
}

/// How a campaign went.
#[derive(Clone, Debug, Default)]
pub struct CampaignReport {
    /// Calls placed.
    pub calls: u64,
    /// Calls that a person answered.
    pub answered: u64,
    /// Of these, those that found no agent in time.
    pub abandoned: u64,
    /// By how calls ended.
    pub dispositions: BTreeMap<Disposition, u64>,
    /// The most that the abandoned share ever was on a day, after any call.
    pub worst_abandoned: f64,
    /// Time that agents were at work, and that they talked or worked after a call [s].
    pub at_work_s: f64,
    /// See `at_work_s`.
    pub busy_s: f64,
    /// The longest time that it had cases ready and agents or channels free and placed no call [s].
    pub longest_pause_s: f64,
    /// Cases that were called.
    pub cases: u64,
}

impl Report {
    /// The calls as examples to learn from.
    pub fn examples(&self) -> Vec<Example> {
        let mut by_case = BTreeMap::<usize, Vec<Past>>::new();
        for call in &self.calls {
            by_case.entry(call.case).or_default().push(call.past.clone());
        }
        by_case.iter().flat_map(|(case, calls)| contact::examples(&self.cases[*case], calls, false)).collect()
    }
}

impl CampaignReport {
    /// Of the time at work, the share in talks and after them; none where there are no agents.
    pub fn occupancy(&self) -> Option<f64> {
        (self.at_work_s > 0.0).then(|| self.busy_s / self.at_work_s)
    }

    /// The abandoned share.
    pub fn abandoned_share(&self) -> f64 {
        self.abandoned as f64 / (self.answered as f64).max(1.0)
    }
}

/// A minute of the day, by campaign where there is one figure each.
#[derive(Clone, Debug, Default)]
pub struct Minute {
    /// Since midnight of the first day [min].
    pub minute: u32,
    /// Calls that ring, on average.
    pub ringing: f64,
    /// Calls that are answered and not over, on average.
    pub up: Vec<f64>,
    /// Calls placed a second.
    pub dials_per_s: f64,
    /// The share of agents at work who are busy; none where there are none.
    pub occupancy: Vec<Option<f64>>,
    /// The abandoned share of the day so far.
    pub abandoned: Vec<f64>,
}

/// Sums over a minute.
#[derive(Default)]
struct Sums {
    ticks: u32,
    ringing: u64,
    dials: u32,
    up: Vec<u64>,
    at_work: Vec<u64>,
    busy: Vec<u64>,
}

struct Simulation<'p> {
    plan: &'p Plan,
    profile: &'p Profile,
    subject: Subject,
    now_ms: u64,
    midnight: WallTime,
    pacing: Pacing,
    campaigns: Vec<Campaign>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    next_event: u64,
    report: Report,
    sums: Sums,
    placed: u64,
    second: (u64, u32),
}

const ZONE: &str = "Asia/Shanghai";
const DAY_MS: u64 = 86_400_000;

/// Runs a plan; `profile` is what compliance allows.
pub fn run(plan: &Plan, profile: &Profile) -> Report {
    let mut simulation = Simulation::new(plan, profile);
    while simulation.now_ms < u64::from(plan.days) * DAY_MS {
        simulation.tick();
        simulation.now_ms += u64::try_from(TICK.as_millis()).unwrap_or(1);
    }
    simulation.closed()
}

impl<'p> Simulation<'p> {
    fn new(plan: &'p Plan, profile: &'p Profile) -> Self {
        let midnight =
            plan.day.at(0, 0, 0, 0).in_tz(ZONE).map(|at| at.timestamp().as_millisecond()).unwrap_or(0);
        let midnight = WallTime::from_unix_millis(midnight);
        let mut first = 0;
        let mut cases = Vec::new();
        let campaigns = plan.campaigns.iter().map(|planned| {
            let from = cases.len();
            cases.extend((first..first + planned.cases).filter_map(|n| callee::case(plan.seed, n)));
            first += planned.cases;
            Campaign::new(plan.seed, planned, &cases, from, midnight)
        });
        let campaigns: Vec<Campaign> = campaigns.collect();
        let report = Report {
            campaigns: vec![CampaignReport::default(); campaigns.len()],
            cases,
            ..Report::default()
        };
        Self {
            plan,
            profile,
            subject: Subject::new(ZONE),
            now_ms: 0,
            midnight,
            pacing: Pacing::new(plan.trunk),
            sums: Sums::of(campaigns.len()),
            campaigns,
            events: BinaryHeap::new(),
            next_event: 0,
            report,
            placed: 0,
            second: (0, 0),
        }
    }

    fn wall(&self) -> WallTime {
        self.midnight.plus(Duration::from_millis(self.now_ms))
    }

    fn today(&self) -> Date {
        let days = i64::try_from(self.now_ms / DAY_MS).unwrap_or(0);
        self.plan.day.saturating_add(jiff::Span::new().days(days))
    }

    fn at(&mut self, after: Duration, event: Event) {
        let at = self.now_ms + u64::try_from(after.as_millis()).unwrap_or(u64::MAX / 2);
        self.next_event += 1;
        self.events.push(Reverse((at, self.next_event, event)));
    }

    fn tick(&mut self) {
        let tick_ms = self.now_ms;
        while let Some(Reverse((at, _, _))) = self.events.peek()
            && *at <= tick_ms
        {
            if let Some(Reverse((at, _, event))) = self.events.pop() {
                self.now_ms = at;
                self.happens(event);
            }
        }
        self.now_ms = tick_ms;
        let minute_of_day = u32::try_from(self.now_ms % DAY_MS / 60_000).unwrap_or(0);
        let wall = self.wall();
        for campaign in &mut self.campaigns {
            campaign.agents_come_and_go(minute_of_day);
            campaign.become_ready(wall);
        }
        self.dial();
        self.count();
    }

    /// Asks the pacing, and places what it says.
    fn dial(&mut self) {
        if self.placed >= self.plan.most_calls {
            return;
        }
        let now = Time::from_millis(self.now_ms);
        let agents: Vec<Vec<AgentNow>> = self.campaigns.iter().map(Campaign::agents_now).collect();
        let ringing: Vec<Vec<Time>> = self.campaigns.iter().map(Campaign::ringing_since).collect();
        let states: Vec<CampaignNow<'_>> = self
            .campaigns
            .iter()
            .zip(&self.plan.campaigns)
            .enumerate()
            .map(|(n, (campaign, planned))| CampaignNow {
                id: &planned.id,
                settings: &planned.settings.pacing,
                ready: campaign.ready(),
                ringing: &ringing[n],
                waiting: campaign.waiting(),
                up: campaign.up(),
                agents: &agents[n],
            })
            .collect();
        let load = self.load();
        let dials = self.pacing.tick(now, self.today(), load, &states);
        for (id, n) in dials {
            let Some(at) = self.plan.campaigns.iter().position(|planned| planned.id == id) else { continue };
            for _ in 0..n {
                if !self.place(at) {
                    break;
                }
            }
        }
        let now_ms = self.now_ms;
        for (campaign, report) in self.campaigns.iter_mut().zip(&mut self.report.campaigns) {
            let pause = campaign.pause_s(now_ms);
            report.longest_pause_s = report.longest_pause_s.max(pause);
        }
    }

    /// Recognition keeps up with so many talks; beyond, each adds to the queue. From three to ten past it has half
    /// of its machine.
    fn load(&self) -> Load {
        let talking: u32 = self
            .campaigns
            .iter()
            .zip(&self.plan.campaigns)
            .filter(|(_, planned)| planned.settings.pacing.mode == Mode::Agentless)
            .map(|(campaign, _)| campaign.up())
            .sum();
        let minute = self.now_ms % DAY_MS / 60_000;
        let recognizers = self.plan.recognizers / if (900..910).contains(&minute) { 2 } else { 1 };
        Load { queue_age_ms: 60 + 60 * u64::from(talking.saturating_sub(recognizers)), late_permille: 0 }
    }

    /// Places the next call of a campaign; false where nobody of it may be called now.
    fn place(&mut self, at: usize) -> bool {
        let wall = self.wall();
        let plan = self.plan;
        let planned = &plan.campaigns[at];
        while let Some(n) = self.campaigns[at].pop() {
            let debtor = &self.campaigns[at].debtors[n];
            let case = &self.report.cases[debtor.case];
            let next = match planned.strategy.place(&planned.settings, case, &debtor.past, wall) {
                Placement::Never { .. } => continue,
                Placement::Call(next) => next,
            };
            if next.due_at > wall {
                self.campaigns[at].wait(n, next.due_at, next.rank);
                continue;
            }
            let history = debtor.contacts(&next.number);
            if let Decision::Denied { rule, .. } =
                self.profile.decide(&self.subject, &history, wall.timestamp())
            {
                *self.report.denied.entry(rule.id.clone()).or_default() += 1;
                let allowed = self.profile.next_allowed(&self.subject, &history, wall.timestamp());
                if let Some(from) = allowed {
                    let from = WallTime::from_unix_millis(from.as_millisecond() + 1);
                    self.campaigns[at].wait(n, from, next.rank);
                }
                continue;
            }
            let hour = i8::try_from(self.now_ms % DAY_MS / 3_600_000).unwrap_or(0);
            let attempts = debtor.past.len();
            let Some(line) = case.lines().find(|line| *line.phone == next.number) else { continue };
            let ring_s = planned.settings.pacing.ring_s;
            let fate = self.campaigns[at].debtors[n].callee.called(case, &line, hour, attempts, ring_s);
            let call = self.campaigns[at].begin(n, next.number.clone(), fate, self.now_ms, wall);
            self.at(fate.rings, Event::RingEnds { campaign: at, call });
            self.placed += 1;
            self.sums.dials += 1;
            self.report.campaigns[at].calls += 1;
            let second = self.now_ms / 1_000;
            self.second = if self.second.0 == second { (second, self.second.1 + 1) } else { (second, 1) };
            self.report.most_a_second = self.report.most_a_second.max(self.second.1);
            return true;
        }
        false
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::RingEnds { campaign, call } => self.ring_ends(campaign, call),
            Event::Impatient { campaign, call } => self.impatient(campaign, call),
            Event::TalkEnds { campaign, call } => self.talk_ends(campaign, call),
            Event::WrapEnds { campaign, lasted_ms } => {
                self.saw(campaign, Seen::Wrapped { lasted: Duration::from_millis(lasted_ms) });
                self.campaigns[campaign].wrapped(self.now_ms, lasted_ms);
                self.connect(campaign);
            }
        }
    }

    fn saw(&mut self, campaign: usize, seen: Seen) {
        let today = self.today();
        self.pacing.saw(&self.plan.campaigns[campaign].id, seen, today);
    }

    fn ring_ends(&mut self, campaign: usize, call: u64) {
        let Some((fate, after)) = self.campaigns[campaign].rung(call, self.now_ms) else { return };
        if !fate.answers {
            self.saw(campaign, Seen::NotAnswered { after });
            self.over(campaign, call, fate.disposition);
            return;
        }
        self.saw(campaign, Seen::Answered { after });
        self.report.campaigns[campaign].answered += 1;
        let today = self.today();
        self.campaigns[campaign].counts_of(today).0 += 1;
        if self.plan.campaigns[campaign].settings.pacing.mode == Mode::Agentless {
            self.campaigns[campaign].talks(call, None);
            self.at(fate.talks, Event::TalkEnds { campaign, call });
        } else {
            self.campaigns[campaign].waits_for_agent(call);
            self.at(AGENT_WITHIN, Event::Impatient { campaign, call });
            self.connect(campaign);
        }
    }

    /// Brings who waits to agents who are free.
    fn connect(&mut self, campaign: usize) {
        while let Some((call, talks)) = self.campaigns[campaign].connects(self.now_ms) {
            self.at(talks, Event::TalkEnds { campaign, call });
        }
    }

    fn impatient(&mut self, campaign: usize, call: u64) {
        if !self.campaigns[campaign].gives_up(call) {
            return;
        }
        self.saw(campaign, Seen::Abandoned);
        let today = self.today();
        let counts = self.campaigns[campaign].counts_of(today);
        counts.1 += 1;
        let share = counts.1 as f64 / (counts.0 as f64).max(1.0);
        let report = &mut self.report.campaigns[campaign];
        report.abandoned += 1;
        report.worst_abandoned = report.worst_abandoned.max(share);
        self.over(campaign, call, Disposition::HungUp);
    }

    fn talk_ends(&mut self, campaign: usize, call: u64) {
        let Some((disposition, agent)) = self.campaigns[campaign].talked(call, self.now_ms) else { return };
        if let Some(lasted) = agent {
            self.saw(campaign, Seen::Talked { lasted });
            let wrap = self.campaigns[campaign].wrap(self.now_ms);
            let lasted_ms = u64::try_from(wrap.as_millis()).unwrap_or(0);
            self.at(wrap, Event::WrapEnds { campaign, lasted_ms });
        }
        self.over(campaign, call, disposition);
    }

    /// A call is over: its case goes where the strategy says.
    fn over(&mut self, campaign: usize, call: u64, disposition: Disposition) {
        let wall = self.wall();
        let plan = self.plan;
        let planned = &plan.campaigns[campaign];
        let Some((n, past)) = self.campaigns[campaign].over(call, disposition, wall) else { return };
        let debtor = &self.campaigns[campaign].debtors[n];
        let case = &self.report.cases[debtor.case];
        let today =
            debtor.past.iter().filter(|past| past.dialled_at.date_in(ZONE).ok() == wall.date_in(ZONE).ok());
        let (attempts, reached) = today.fold((0, 0), |(all, reached), past| {
            let same = past.answered && past.number == debtor.past[debtor.past.len() - 1].number;
            (all + 1, reached + u32::from(same))
        });
        self.report.most_attempts_a_day = self.report.most_attempts_a_day.max(attempts);
        self.report.most_reached_a_day = self.report.most_reached_a_day.max(reached);
        *self.report.campaigns[campaign].dispositions.entry(disposition).or_default() += 1;
        self.report.calls.push(Call { campaign, case: debtor.case, past });
        if let Placement::Call(next) = planned.strategy.place(&planned.settings, case, &debtor.past, wall) {
            self.campaigns[campaign].wait(n, next.due_at, next.rank);
        }
    }

    /// Sums up for the minute, and closes it.
    fn count(&mut self) {
        let sums = &mut self.sums;
        sums.ticks += 1;
        let mut at_once = 0;
        for (n, campaign) in self.campaigns.iter().enumerate() {
            let (at_work, busy) = campaign.at_work();
            let ringing = campaign.ringing();
            sums.ringing += u64::from(ringing);
            sums.up[n] += u64::from(campaign.up());
            sums.at_work[n] += u64::from(at_work);
            sums.busy[n] += u64::from(busy);
            at_once += campaign.up() + ringing;
            let report = &mut self.report.campaigns[n];
            report.at_work_s += f64::from(at_work) * TICK.as_secs_f64();
            report.busy_s += f64::from(busy) * TICK.as_secs_f64();
        }
        self.report.most_at_once = self.report.most_at_once.max(at_once);
        let minute_s = 60.0;
        if f64::from(sums.ticks) * TICK.as_secs_f64() < minute_s {
            return;
        }
        let today = self.today();
        let ticks = f64::from(self.sums.ticks);
        let sums = std::mem::replace(&mut self.sums, Sums::of(self.campaigns.len()));
        let each = |of: &[u64]| of.iter().map(|n| *n as f64 / ticks).collect::<Vec<_>>();
        let (at_work, busy) = (each(&sums.at_work), each(&sums.busy));
        self.report.minutes.push(Minute {
            minute: u32::try_from(self.now_ms / 60_000).unwrap_or(0),
            ringing: sums.ringing as f64 / ticks,
            up: each(&sums.up),
            dials_per_s: f64::from(sums.dials) / minute_s,
            occupancy: at_work.iter().zip(busy).map(|(all, busy)| (*all > 0.0).then(|| busy / all)).collect(),
            abandoned: self
                .campaigns
                .iter_mut()
                .map(|campaign| {
                    let (answered, abandoned) = *campaign.counts_of(today);
                    abandoned as f64 / (answered as f64).max(1.0)
                })
                .collect(),
        });
    }

    fn closed(mut self) -> Report {
        for (campaign, report) in self.campaigns.iter().zip(&mut self.report.campaigns) {
            let called = campaign.debtors.iter().filter(|debtor| !debtor.past.is_empty()).count();
            report.cases = u64::try_from(called).unwrap_or(0);
        }
        self.report
    }
}

impl Sums {
    fn of(campaigns: usize) -> Self {
        let none = || vec![0; campaigns];
        Self { up: none(), at_work: none(), busy: none(), ..Self::default() }
    }
}

/// A debtor of a campaign.
struct Debtor {
    /// The case, by its place among all.
    case: usize,
    callee: Callee,
    past: Vec<Past>,
}

impl Debtor {
    /// What the gate counts for a call to a number.
    fn contacts(&self, number: &waihu_types::PhoneNumber) -> Vec<Contact> {
        let contact = |past: &Past| {
            let reached = match (past.answered, past.disposition) {
                (false, _) => Reached::Attempted,
                (true, Disposition::HungUp | Disposition::ThirdParty | Disposition::WrongNumber) => {
                    Reached::Person
                }
                (true, _) => Reached::Conversation,
            };
            let same_number = past.number == *number;
            Contact { same_number, ..Contact::new(past.dialled_at.timestamp(), reached) }
        };
        self.past.iter().map(contact).collect()
    }
}

#[cfg(test)]
mod tests;
