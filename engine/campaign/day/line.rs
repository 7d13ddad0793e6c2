//! A simulated campaign: its queue, its calls and its agents.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap, VecDeque},
    time::Duration,
};

use jiff::civil::Date;
use waihu_types::{Case, Disposition, PhoneNumber, Time, WallTime};

use super::{Callee, Chance, Debtor, PlannedCampaign, callee::Fate};
use crate::{Mode, Past, Placement, pacing::AgentNow};

/// What is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    RingEnds { campaign: usize, call: u64 },
    Impatient { campaign: usize, call: u64 },
    TalkEnds { campaign: usize, call: u64 },
    WrapEnds { campaign: usize, lasted_ms: u64 },
}

struct Ringing {
    debtor: usize,
    number: PhoneNumber,
    fate: Fate,
    dialled_ms: u64,
    dialled_at: WallTime,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Rings,
    Waits,
    /// With an agent since then, or with the bot.
    Talks(Option<u64>),
}

pub(super) struct Campaign {
    mode: Mode,
    pub(super) debtors: Vec<Debtor>,
    ready: BinaryHeap<(i64, Reverse<usize>)>,
    waiting: BinaryHeap<Reverse<(WallTime, i64, usize)>>,
    calls: HashMap<u64, Ringing>,
    next_call: u64,
    /// Calls that wait for an agent, the oldest first.
    queue: VecDeque<u64>,
    planned_agents: u32,
    free: u32,
    /// Since when each who works after a call does [ms].
    wrapping: Vec<u64>,
    chance: Chance,
    /// By day: answered, abandoned.
    counts: BTreeMap<Date, (u64, u64)>,
    dialled_ms: Option<u64>,
}

/// From a call to the day that is promised in it.
const PROMISED: Duration = Duration::from_secs(3 * 86_400);

/// How long an agent looks at a case before asking for its call [ms].
const LOOKS_MS: u64 = 15_000;

impl Campaign {
    pub(super) fn new(
        seed: u64,
        planned: &PlannedCampaign,
        cases: &[Case],
        from: usize,
        start: WallTime,
    ) -> Self {
        let mut campaign = Self {
            mode: planned.settings.pacing.mode,
            debtors: Vec::new(),
            ready: BinaryHeap::new(),
            waiting: BinaryHeap::new(),
            calls: HashMap::new(),
            next_call: 0,
            queue: VecDeque::new(),
            planned_agents: planned.agents,
            free: 0,
            wrapping: Vec::new(),
            chance: Chance::of(seed, 0xA6E7 + from as u64),
            counts: BTreeMap::new(),
            dialled_ms: None,
        };
        for (at, case) in cases.iter().enumerate().skip(from) {
            let callee = Callee::new(seed, at as u64, case);
            campaign.debtors.push(Debtor { case: at, callee, past: Vec::new() });
            if let Placement::Call(next) = planned.strategy.place(&planned.settings, case, &[], start) {
                campaign.wait(campaign.debtors.len() - 1, next.due_at, next.rank);
            }
        }
        campaign
    }

    pub(super) fn wait(&mut self, debtor: usize, due_at: WallTime, rank: i64) {
        self.waiting.push(Reverse((due_at, rank, debtor)));
    }

    pub(super) fn become_ready(&mut self, now: WallTime) {
        while let Some(Reverse((due_at, rank, debtor))) = self.waiting.peek().copied()
            && due_at <= now
        {
            self.waiting.pop();
            self.ready.push((rank, Reverse(debtor)));
        }
    }

    pub(super) fn pop(&mut self) -> Option<usize> {
        self.ready.pop().map(|(_, Reverse(debtor))| debtor)
    }

    pub(super) fn ready(&self) -> u32 {
        u32::try_from(self.ready.len()).unwrap_or(u32::MAX)
    }

    fn count(&self, of: impl Fn(Stage) -> bool) -> u32 {
        u32::try_from(self.calls.values().filter(|call| of(call.stage)).count()).unwrap_or(0)
    }

    pub(super) fn ringing(&self) -> u32 {
        self.count(|stage| stage == Stage::Rings)
    }

    pub(super) fn waiting(&self) -> u32 {
        u32::try_from(self.queue.len()).unwrap_or(0)
    }

    pub(super) fn up(&self) -> u32 {
        self.count(|stage| stage != Stage::Rings)
    }

    pub(super) fn ringing_since(&self) -> Vec<Time> {
        let rings = self.calls.values().filter(|call| call.stage == Stage::Rings);
        let mut since: Vec<Time> = rings.map(|call| Time::from_millis(call.dialled_ms)).collect();
        // The map has an order of its own in each process.
        since.sort_unstable();
        since
    }

    fn talking(&self) -> u32 {
        self.count(|stage| matches!(stage, Stage::Talks(Some(_))))
    }

    pub(super) fn agents_now(&self) -> Vec<AgentNow> {
        let mut agents = Vec::new();
        let since = |ms: u64| Time::from_millis(ms);
        let mut talks: Vec<u64> = self
            .calls
            .values()
            .filter_map(|call| if let Stage::Talks(since) = call.stage { since } else { None })
            .collect();
        talks.sort_unstable();
        agents.extend(talks.into_iter().map(|at| AgentNow::Talking { since: since(at) }));
        agents.extend(self.wrapping.iter().map(|at| AgentNow::Wrapping { since: since(*at) }));
        let free = if self.mode == Mode::Preview { AgentNow::Asks } else { AgentNow::Free };
        agents.extend((0..self.free).map(|_| free));
        agents
    }

    /// Agents at work, and those of them who are busy.
    pub(super) fn at_work(&self) -> (u32, u32) {
        let busy = self.talking() + u32::try_from(self.wrapping.len()).unwrap_or(0);
        (self.free + busy, busy)
    }

    /// Agents come between nine and ten, a quarter goes for lunch between noon and two, all go between half past
    /// seven and half past eight. Who goes is free, and no call rings for them.
    pub(super) fn agents_come_and_go(&mut self, minute: u32) {
        let all = f64::from(self.planned_agents);
        let share = match minute {
            540..600 => f64::from(minute - 540) / 60.0,
            720..840 => 0.75,
            600..1_170 => 1.0,
            1_170..1_230 => 1.0 - f64::from(minute - 1_170) / 60.0,
            _ => 0.0,
        };
        // At most all of them, and not negative.
        let wanted = (all * share).round() as u32;
        let (here, _) = self.at_work();
        if here < wanted {
            self.free += wanted - here;
        } else {
            let spare = self.free.saturating_sub(self.ringing() + self.waiting());
            self.free -= spare.min(here - wanted);
        }
    }

    pub(super) fn begin(
        &mut self,
        debtor: usize,
        number: PhoneNumber,
        fate: Fate,
        now_ms: u64,
        dialled_at: WallTime,
    ) -> u64 {
        self.next_call += 1;
        self.dialled_ms = Some(now_ms);
        let call = Ringing { debtor, number, fate, dialled_ms: now_ms, dialled_at, stage: Stage::Rings };
        self.calls.insert(self.next_call, call);
        self.next_call
    }

    /// What a ring came to, and after how long.
    pub(super) fn rung(&mut self, call: u64, now_ms: u64) -> Option<(Fate, Duration)> {
        let call = self.calls.get(&call)?;
        Some((call.fate, Duration::from_millis(now_ms.saturating_sub(call.dialled_ms))))
    }

    pub(super) fn talks(&mut self, call: u64, agent_since: Option<u64>) {
        if let Some(call) = self.calls.get_mut(&call) {
            call.stage = Stage::Talks(agent_since);
        }
    }

    pub(super) fn waits_for_agent(&mut self, call: u64) {
        if let Some(of) = self.calls.get_mut(&call) {
            of.stage = Stage::Waits;
            self.queue.push_back(call);
        }
    }

    /// Brings the oldest who waits to a free agent: the call, and how long they will talk.
    pub(super) fn connects(&mut self, now_ms: u64) -> Option<(u64, Duration)> {
        if self.free == 0 {
            return None;
        }
        let call = self.queue.pop_front()?;
        self.free -= 1;
        self.talks(call, Some(now_ms));
        Some((call, self.calls.get(&call)?.fate.talks))
    }

    /// Whether who waits has to go without an agent.
    pub(super) fn gives_up(&mut self, call: u64) -> bool {
        let waits = self.calls.get(&call).is_some_and(|of| of.stage == Stage::Waits);
        self.queue.retain(|waiting| *waiting != call);
        waits
    }

    /// A talk is over: how it ended, and where an agent talked how long.
    pub(super) fn talked(&mut self, call: u64, now_ms: u64) -> Option<(Disposition, Option<Duration>)> {
        let call = self.calls.get(&call)?;
        let since = if let Stage::Talks(since) = call.stage { since } else { None };
        Some((call.fate.disposition, since.map(|at| Duration::from_millis(now_ms.saturating_sub(at)))))
    }

    /// An agent works after the call: for so long.
    pub(super) fn wrap(&mut self, now_ms: u64) -> Duration {
        self.wrapping.push(now_ms);
        let looks = if self.mode == Mode::Preview { LOOKS_MS } else { 0 };
        // Uneven: from ten seconds to fifty; in preview with the look at the next case.
        Duration::from_millis(looks + 10_000 + (40_000.0 * self.chance.unit() * self.chance.unit()) as u64)
    }

    pub(super) fn wrapped(&mut self, now_ms: u64, lasted_ms: u64) {
        if let Some(at) = self.wrapping.iter().position(|since| since + lasted_ms == now_ms) {
            self.wrapping.swap_remove(at);
        } else {
            self.wrapping.pop();
        }
        self.free += 1;
    }

    /// A call is over and remembered: its debtor, and what is remembered.
    pub(super) fn over(
        &mut self,
        call: u64,
        disposition: Disposition,
        now: WallTime,
    ) -> Option<(usize, Past)> {
        let call = self.calls.remove(&call)?;
        let callback = disposition == Disposition::CallbackAgreed;
        let promised = disposition == Disposition::PromiseToPay;
        let past = Past {
            number: call.number,
            dialled_at: call.dialled_at,
            ended_at: now,
            answered: call.fate.answers,
            disposition,
            callback_at: callback.then(|| now.plus(Duration::from_secs(2 * 3_600))),
            agent_calls: false,
            promised: promised.then(|| now.plus(PROMISED).date_in(super::ZONE).ok()).flatten(),
            closed: None,
        };
        self.debtors[call.debtor].past.push(past.clone());
        Some((call.debtor, past))
    }

    /// Today's counts: answered, abandoned.
    pub(super) fn counts_of(&mut self, day: Date) -> &mut (u64, u64) {
        self.counts.entry(day).or_default()
    }

    /// How long it has placed no call though it had cases ready, and agents where it needs them [s].
    pub(super) fn pause_s(&mut self, now_ms: u64) -> f64 {
        let could = !self.ready.is_empty() && (self.mode == Mode::Agentless || self.free > self.ringing());
        if !could {
            self.dialled_ms = Some(now_ms);
        }
        let since = *self.dialled_ms.get_or_insert(now_ms);
        now_ms.saturating_sub(since) as f64 / 1_000.0
    }
}
