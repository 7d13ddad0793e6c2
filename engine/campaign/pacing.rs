//! How many calls to place now, of which campaign: one value for all campaigns of a node.
//!
//! Each campaign wants calls by its mode: one for each agent who asks (preview), one for each free agent
//! (progressive), as many as will meet an agent (predictive), or as many as it may have at once (agentless). What the
//! trunk, its calls per second and the engine's load allow is shared out by priority and weight. Where a person
//! answers and no agent is there within two seconds, the call is abandoned: how many of those there may be is a hard
//! bound, and near it predictive is progressive.
//!
//! Deliberately absent: clocks, which cases those are ([`crate::Strategy`]) and whether they may be called
//! (`compliance`).

mod abandoned;
mod bucket;
mod estimate;
mod predict;

use std::{collections::HashMap, time::Duration};

use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;
use waihu_types::{CampaignId, Time};

pub use waihu_compliance::{Answers, AnswersByDay};

use crate::{Load, Mode, Pace, PacingSettings, pace::Pacer};
use abandoned::Ledger;
use bucket::Bucket;
use estimate::{Lasting, Share};
use predict::{AHEAD_S, Ahead, Allowed, Count};

/// A person who has answered and hears no agent for so long is abandoned (16 CFR 310.4(b)(4)(iii)).
pub const AGENT_WITHIN: Duration = Duration::from_secs(2);

/// From nothing to all calls at once it takes so long [s]: the load of a call shows ten seconds late, and answer
/// rates are learnt on the way.
const RAMP_S: f64 = 60.0;

/// So many calls are no burst, however few there may be at once.
const FIRST_CALLS: f64 = 3.0;

/// Of ten calls that not all can have, one is for those below the highest priority.
const BELOW_EVERY: u32 = 10;

/// Of the abandoned share that is allowed, so much is aimed at: what is beyond it is for errors of the estimate.
const AIM: f64 = 0.6;

/// How much one abandoned call takes from the trust in the prediction.
const LEARNING: f64 = 0.3;

/// Standard deviations by which the answer rate is taken for higher than it seems: too many answers cost more than
/// an idle agent.
const CAUTION: f64 = 1.0;

/// What a trunk carries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trunk {
    /// New calls per second.
    pub cps: f64,
    /// Calls at once.
    pub channels: u32,
}

impl Trunk {
    /// What of it one node has, the `at`-th of so many that dial on it: together they have all of it, and no more.
    pub fn of_node(self, at: u32, nodes: u32) -> Self {
        let nodes = nodes.max(1);
        let one_more = u32::from(at < self.channels % nodes);
        Self { cps: self.cps / f64::from(nodes), channels: self.channels / nodes + one_more }
    }
}

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentNow {
    /// Waits for a call.
    Free,
    /// Has looked at a case, and asks for its call (preview).
    Asks,
    /// Talks.
    Talking {
        /// Since then.
        since: Time,
    },
    /// Does what is to be done after a call.
    Wrapping {
        /// Since then.
        since: Time,
    },
}

/// How a campaign stands now.
#[derive(Clone, Copy, Debug)]
pub struct CampaignNow<'a> {
    /// Which one.
    pub id: &'a CampaignId,
    /// Its settings.
    pub settings: &'a PacingSettings,
    /// Cases that may be called now, as many as are known of; more than can be dialled need not be counted.
    pub ready: u32,
    /// Since when each of its calls rings.
    pub ringing: &'a [Time],
    /// Calls that a person answered and that have no agent yet.
    pub waiting: u32,
    /// All its calls that were answered and are not over, those that wait among them.
    pub up: u32,
    /// Its agents who are at work.
    pub agents: &'a [AgentNow],
}

/// What came of a call, as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A person answered.
    Answered {
        /// After so long.
        after: Duration,
    },
    /// No person did, whatever else came of it.
    NotAnswered {
        /// It was over after so long.
        after: Duration,
    },
    /// A person who had answered found no agent within [`AGENT_WITHIN`].
    Abandoned,
    /// An agent's talk is over.
    Talked {
        /// It took so long.
        lasted: Duration,
    },
    /// An agent is ready for the next call.
    Wrapped {
        /// It took so long.
        lasted: Duration,
    },
}

/// How a campaign is paced, for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The share of calls that a person answers.
    pub answer_rate: f64,
    /// How long an agent talks [s].
    pub talk_s: f64,
    /// How long an agent needs after a call [s].
    pub wrap_s: f64,
    /// Today's counts.
    pub today: Answers,
    /// Those of the whole window.
    pub window: Answers,
    /// The share of them that may be abandoned.
    pub most: f64,
    /// How many more may be abandoned now.
    pub room: u32,
}

/// What is known of a campaign.
#[derive(Debug)]
struct Known {
    answer: Share,
    rings: Lasting,
    in_vain: Lasting,
    talk: Lasting,
    wrap: Lasting,
    ledger: Ledger,
    window_days: u16,
    most: f64,
    /// Nodes among which the calls that may be abandoned are split.
    nodes: u32,
    /// Calls at once that it may have, while it grows.
    grown: f64,
    ticked_at: Option<Time>,
    /// By how much what is abandoned falls short of what was predicted, or goes beyond it: learnt from each answer.
    trust: f64,
    /// Calls that it was given, by its weight: who has the fewest is next.
    served: f64,
    /// Whether it wanted a call at the last tick.
    wanted: bool,
}

/// Paces all campaigns of a node.
#[derive(Debug)]
pub struct Pacing {
    trunk: Trunk,
    bucket: Bucket,
    throttle: Pacer,
    known: HashMap<CampaignId, Known>,
    /// Counts calls that were shared out, for [`BELOW_EVERY`].
    shared: u32,
    /// Nodes that dial, this one included.
    nodes: u32,
}

impl Known {
    fn new(settings: &PacingSettings) -> Self {
        let s = |seconds: u32| f64::from(seconds);
        Self {
            answer: Share::unknown(),
            rings: Lasting::expected(12.0, 0.5),
            in_vain: Lasting::expected(s(settings.ring_s), 0.5),
            talk: Lasting::expected(s(settings.talk_s), 5.0),
            wrap: Lasting::expected(s(settings.wrap_s), 4.0),
            ledger: Ledger::default(),
            window_days: settings.abandoned_days,
            most: share(settings),
            nodes: 1,
            grown: 0.0,
            ticked_at: None,
            trust: 1.0,
            served: 0.0,
            wanted: false,
        }
    }

    /// Where what is aimed at comes, this stays as it is; each abandoned call weighs as much as all those that found
    /// their agent until then (a stochastic approximation, Robbins and Monro 1951).
    fn learns(&mut self, abandoned: f64) {
        let aim = AIM * self.most;
        let step = LEARNING * if abandoned > 0.0 { -1.0 } else { aim };
        self.trust = (self.trust * step.exp()).clamp(0.02, 4.0);
    }

    fn room(&self, today: Date) -> u32 {
        self.ledger.room(today, self.window_days, self.most) / self.nodes
    }
}

fn share(settings: &PacingSettings) -> f64 {
    settings.most_abandoned.of_hundred().to_f64().unwrap_or(0.0) / 100.0
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Pacing {
    /// Paces calls over a trunk.
    pub fn new(trunk: Trunk) -> Self {
        Self {
            trunk,
            bucket: Bucket::new(trunk.cps),
            throttle: Pacer::new(trunk.channels as usize),
            known: HashMap::new(),
            shared: 0,
            nodes: 1,
        }
    }

    /// From here on the trunk carries so much for this node: what it carries in all, shared with the other nodes.
    pub fn set_trunk(&mut self, trunk: Trunk) {
        if trunk != self.trunk {
            self.trunk = trunk;
            self.bucket.set_rate(trunk.cps);
            self.throttle.set_most(trunk.channels as usize);
        }
    }

    /// So many nodes dial: the calls that may still be abandoned are split among them, since each hears of the others'
    /// only after a while.
    pub fn set_nodes(&mut self, nodes: u32) {
        self.nodes = nodes.max(1);
    }

    /// Takes what came of a call on a day; nothing where its campaign was in no tick yet.
    pub fn saw(&mut self, campaign: &CampaignId, seen: Seen, today: Date) {
        let Some(known) = self.known.get_mut(campaign) else { return };
        match seen {
            Seen::Answered { after } => {
                known.answer.saw(true);
                known.rings.saw(after);
                let day = known.ledger.of(today);
                day.answered = day.answered.saturating_add(1);
                known.learns(0.0);
            }
            Seen::NotAnswered { after } => {
                known.answer.saw(false);
                known.in_vain.saw(after);
            }
            Seen::Abandoned => {
                let day = known.ledger.of(today);
                day.abandoned = day.abandoned.saturating_add(1);
                known.learns(1.0);
            }
            Seen::Talked { lasted } => known.talk.saw(lasted),
            Seen::Wrapped { lasted } => known.wrap.saw(lasted),
        }
    }

    /// Takes the counts of a day as the store has them, before the first tick: after a start, and where other nodes
    /// place calls of the campaign too.
    pub fn remember(&mut self, campaign: &CampaignId, settings: &PacingSettings, day: Date, counts: Answers) {
        *self.known(campaign, settings).ledger.of(day) = counts;
    }

    fn known(&mut self, campaign: &CampaignId, settings: &PacingSettings) -> &mut Known {
        let known = self.known.entry(campaign.clone()).or_insert_with(|| Known::new(settings));
        (known.window_days, known.most) = (settings.abandoned_days, share(settings));
        known.nodes = self.nodes;
        known
    }

    /// How many calls to place now, by campaign, in the order of `campaigns`; those with none are left out. To be
    /// asked a few times a second; what is answered counts as placed.
    pub fn tick(
        &mut self,
        now: Time,
        today: Date,
        load: Load,
        campaigns: &[CampaignNow<'_>],
    ) -> Vec<(CampaignId, u32)> {
        let in_flight = campaigns.iter().map(CampaignNow::in_flight).sum::<u32>();
        self.throttle.loaded(now, load, in_flight as usize);
        let free = self
            .throttle
            .room(in_flight as usize)
            .min(self.trunk.channels.saturating_sub(in_flight) as usize);
        let room = self.bucket.fill(now).min(count(free));
        let wants: Vec<u32> = campaigns.iter().map(|campaign| self.wants(campaign, now, today)).collect();
        let given = self.share_out(campaigns, &wants, room);
        self.bucket.take(given.iter().sum());
        let dials = campaigns.iter().zip(given).filter(|(_, n)| *n > 0);
        dials.map(|(campaign, n)| (campaign.id.clone(), n)).collect()
    }

    /// How many calls a campaign would place, if it were alone.
    fn wants(&mut self, campaign: &CampaignNow<'_>, now: Time, today: Date) -> u32 {
        let channels = self.trunk.channels;
        let settings = campaign.settings;
        let known = self.known(campaign.id, settings);
        let most = settings.max_calls.unwrap_or(channels).min(channels);
        let in_flight = campaign.in_flight();
        let since = known.ticked_at.map(|at| now.since(at).as_secs_f64());
        known.ticked_at = Some(now);
        // It begins with a tenth more than is there, or a few, and has all of it within the ramp.
        let begins = since.is_none() || campaign.ready == 0;
        let begin = f64::from(in_flight) + (f64::from(most) / 10.0).ceil().max(FIRST_CALLS);
        let grown = known.grown + since.unwrap_or(0.0) / RAMP_S * f64::from(most);
        known.grown = if begins { begin } else { grown }.min(f64::from(most));
        let room = (known.grown as u32).saturating_sub(in_flight).min(campaign.ready);
        let (lines, one_each) = (campaign.lines(), campaign.one_each());
        match settings.mode {
            Mode::Agentless => room,
            Mode::Preview => {
                campaign.of(|agent| matches!(agent, AgentNow::Asks)).saturating_sub(lines).min(room)
            }
            Mode::Progressive => one_each.min(room),
            Mode::Predictive => {
                known.predicts(campaign, lines, campaign.free(), now, today, room).max(one_each).min(room)
            }
        }
    }

    /// Shares out what there is room for.
    fn share_out(&mut self, campaigns: &[CampaignNow<'_>], wants: &[u32], room: u32) -> Vec<u32> {
        self.begin_even(campaigns, wants);
        let mut given = vec![0; wants.len()];
        if wants.iter().map(|n| u64::from(*n)).sum::<u64>() <= u64::from(room) {
            given.copy_from_slice(wants);
            campaigns.iter().zip(&given).for_each(|(campaign, n)| self.serve(campaign, *n));
            return given;
        }
        for _ in 0..room {
            self.shared = (self.shared + 1) % BELOW_EVERY;
            let Some(at) = self.next(campaigns, wants, &given) else { break };
            given[at] += 1;
            self.serve(&campaigns[at], 1);
        }
        given
    }

    fn serve(&mut self, campaign: &CampaignNow<'_>, calls: u32) {
        let weight = f64::from(campaign.settings.weight.max(1));
        self.known(campaign.id, campaign.settings).served += f64::from(calls) / weight;
    }

    /// Who wanted nothing for a while begins where the others of its priority are: it has no claim to what it did
    /// not want.
    fn begin_even(&mut self, campaigns: &[CampaignNow<'_>], wants: &[u32]) {
        for (campaign, wanted) in campaigns.iter().zip(wants) {
            let is_new = *wanted > 0 && !self.known(campaign.id, campaign.settings).wanted;
            if is_new {
                let others = campaigns.iter().filter(|c| c.settings.priority == campaign.settings.priority);
                let active = others.filter_map(|c| self.known.get(c.id)).filter(|known| known.wanted);
                let least = active.map(|known| known.served).min_by(f64::total_cmp).unwrap_or(0.0);
                let known = self.known(campaign.id, campaign.settings);
                known.served = known.served.max(least);
            }
            self.known(campaign.id, campaign.settings).wanted = *wanted > 0;
        }
    }

    /// Who has the next call: of the highest priority that wants one, and now and then of those below it, whoever
    /// was given the fewest by its weight.
    fn next(&self, campaigns: &[CampaignNow<'_>], wants: &[u32], given: &[u32]) -> Option<usize> {
        let wanting = || (0..campaigns.len()).filter(|at| given[*at] < wants[*at]);
        let priority = |at: &usize| campaigns[*at].settings.priority;
        let top = wanting().map(|at| priority(&at)).max()?;
        let is_below = self.shared == 0 && wanting().any(|at| priority(&at) < top);
        let served = |at: &usize| self.known.get(campaigns[*at].id).map_or(0.0, |known| known.served);
        wanting()
            .filter(|at| (priority(at) == top) != is_below)
            .min_by(|a, b| served(a).total_cmp(&served(b)))
    }

    /// Whether the engine's load slows it down.
    pub fn pace(&self) -> Pace {
        self.throttle.pace()
    }

    /// How a campaign is paced; none where it was in no tick yet.
    pub fn view(&self, campaign: &CampaignId, today: Date) -> Option<View> {
        let known = self.known.get(campaign)?;
        Some(View {
            answer_rate: known.answer.mean(),
            talk_s: known.talk.mean_s(),
            wrap_s: known.wrap.mean_s(),
            today: known.ledger.today(today),
            window: known.ledger.window(today, known.window_days),
            most: known.most,
            room: known.room(today),
        })
    }

    /// What people answered of a campaign's calls by day, as far back as its window goes at least; nothing where it was
    /// in no tick yet.
    pub fn answers(&self, campaign: &CampaignId) -> AnswersByDay {
        self.known.get(campaign).map(|known| known.ledger.by_day()).unwrap_or_default()
    }

    /// Forgets a campaign that has ended.
    pub fn forget(&mut self, campaign: &CampaignId) {
        self.known.remove(campaign);
    }
}

impl CampaignNow<'_> {
    fn in_flight(&self) -> u32 {
        self.up.saturating_add(count(self.ringing.len()))
    }

    /// Calls that want an agent, or will, and have none.
    fn lines(&self) -> u32 {
        count(self.ringing.len()).saturating_add(self.waiting)
    }

    fn of(&self, wanted: fn(&AgentNow) -> bool) -> u32 {
        count(self.agents.iter().filter(|agent| wanted(agent)).count())
    }

    fn free(&self) -> u32 {
        self.of(|agent| matches!(agent, AgentNow::Free))
    }

    /// How many calls more may be placed with an agent free for each of them: what is placed beyond is placed ahead of
    /// free agents.
    pub fn one_each(&self) -> u32 {
        self.free().saturating_sub(self.lines())
    }
}

impl Known {
    /// How many calls will meet an agent, beyond those that ring.
    fn predicts(
        &self,
        campaign: &CampaignNow<'_>,
        lines: u32,
        free: u32,
        now: Time,
        today: Date,
        most: u32,
    ) -> u32 {
        let answer = self.answer.bound(CAUTION);
        let (rings, in_vain) = (self.rings.left(), self.in_vain.left());
        let (talk, wrap) = (self.talk.left(), self.wrap.left());
        let since = |at: Time| now.since(at).as_secs_f64();
        let within = AGENT_WITHIN.as_secs_f64();
        let ahead = AHEAD_S.map(|ahead_s| {
            // Who answers then is met by whoever is free a little later.
            let mut ahead =
                Ahead { free: Count::certain(free), answered: Count::certain(campaign.waiting), new: 0.0 };
            for at in campaign.ringing {
                ahead.answered.add(predict::answered(answer, &rings, &in_vain, since(*at), ahead_s));
            }
            for agent in campaign.agents {
                match *agent {
                    AgentNow::Free | AgentNow::Asks => {}
                    AgentNow::Talking { since: at } => {
                        ahead.free.add(predict::free_soon(&talk, &wrap, since(at), ahead_s + within));
                    }
                    AgentNow::Wrapping { since: at } => {
                        ahead.free.add(wrap.ends(since(at), ahead_s + within))
                    }
                }
            }
            ahead.new = predict::answered(answer, &rings, &in_vain, 0.0, ahead_s);
            ahead
        });
        let allowed = Allowed { share: AIM * self.most * self.trust, calls: self.room(today) };
        let rate = self.answer.bound(predict::WORST_RATE);
        predict::dials(&ahead, allowed, rate, lines, free, most)
    }
}

#[cfg(test)]
mod tests;
