//! A node's engine: takes what is ready from the store's queue, calls it, and puts it where its outcome says.
//!
//! What is to be done, and whether it is, stands in the store: another process starts, pauses and stops campaigns
//! there, pays and withdraws cases, and the engine sees it within a second. Deliberately absent: which case is
//! next (`store`, `campaign`), and HTTP.

mod active;
mod appointments;
mod crew;
mod gauge;
mod overtaken;
mod preview;
mod unplaced;

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use waihu_agents::{AgentId, Decision};
use waihu_campaign::{
    Load, Mode, Pace, PacingSettings, Past, Placement, ScriptName,
    pacing::{AGENT_WITHIN, CampaignNow, Pacing, Seen, Trunk},
};
use waihu_compliance::AnswersByDay;
use waihu_store::{CampaignState, Draining, Picked, Refusal, StoredCampaign};
use waihu_trunk::Room;
use waihu_types::{AnsweredBy, AttemptId, CampaignId, CaseId, Outcome, Time, WallTime};

use crate::{
    actor::{Observer, place_call},
    error::DialError,
    legs,
    plant::{Order, Plant, Progress, ProgressKind, Stop},
    recovery::{self, close_fallen},
    switchboard::CallSide,
    words::RecordedPrompts,
};
use active::Active;
use crew::{Crew, Wanting};
use gauge::Gauge;
use preview::Looks;
use unplaced::{NO_PORT, asked_again, lacks_port, may_have_rung, not_placed, where_to};

/// How often it is looked whether somebody may be called.
const TICK: Duration = Duration::from_millis(200);

/// How often the store is asked what has changed: a case that is paid is called no more within this.
const LOOK: Duration = Duration::from_secs(1);

/// How often what dead nodes left, and what could not be filed, is looked for.
const MEND: Duration = Duration::from_secs(5);

/// Cases that become ready at one look, the highest of those that are due; the others at the next. A thousand a
/// second is more than a node dials.
const SWEEP: u32 = 1_000;

/// Ready cases are counted up to here: more than a node dials in a second.
const MANY: u32 = 1_000;

/// Where a case waits that a fault of ours kept from being dialled.
const AFTER_FAULT: Duration = Duration::from_secs(300);

/// Where a case waits that an agent has looked at and left.
const SKIPPED: Duration = Duration::from_secs(3_600);

/// Calls of before that an agent sees of a case: those of a year, once a week.
const MOST_EARLIER: u32 = 50;

/// One of the scripts that a campaign tries.
#[derive(Clone)]
pub struct Variant {
    /// Its name; none where there is one script for all.
    pub name: Option<String>,
    /// Its share of the cases, against the shares of the others.
    pub share: u32,
    /// The script.
    pub script: Arc<waihu_dialog::Script>,
    /// The sound of what a person recorded for it.
    pub recorded: Arc<RecordedPrompts>,
}

impl Variant {
    /// One script for all cases.
    pub fn only(recorded: Arc<RecordedPrompts>, script: Arc<waihu_dialog::Script>) -> Vec<Self> {
        vec![Self { name: None, share: 1, script, recorded }]
    }
}

/// Which scripts of a campaign are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that it was begun with.
    Begun,
    /// One that its strategy names for some cases.
    Named(ScriptName),
}

/// Scripts as they are given, or why they are not.
pub type Scripts = Pin<Box<dyn Future<Output = Result<Vec<Variant>, String>> + Send>>;

/// What gives a campaign's scripts.
pub type ScriptSource = Arc<dyn Fn(&StoredCampaign, Wanted) -> Scripts + Send + Sync>;

/// What an engine is to do.
pub struct EngineOrder {
    /// The trunk's name: campaigns that name another are another node's.
    pub trunk: String,
    /// This campaign alone, until none of its cases is ready or up; without it all of the trunk, until stopped.
    pub only: Option<CampaignId>,
    /// This node's name, for people: its machine and process.
    pub node: String,
    /// For so long others take this node for alive that is heard of no more. On a file its lock tells at once.
    pub lease: Duration,
    /// Calls at once.
    pub max_at_once: usize,
    /// Is told of each tick: whoever has to know that the engine works.
    pub beat: Arc<dyn Fn() + Send + Sync>,
    /// Gives a campaign's scripts.
    pub scripts: ScriptSource,
}

/// A call that is being prepared, ringing or up.
struct Up {
    order: Order,
    stop: watch::Sender<Stop>,
    begun_at: Time,
    answered_at: Option<Time>,
    /// The agent's who asked for it: until the call is over, they wait for it.
    _asked_for: Option<CallSide>,
}

/// Calls to place of a campaign.
struct Dials {
    campaign: CampaignId,
    calls: u32,
    /// So many of them cannot be abandoned: an agent is free for each, or none is wanted. The others are placed ahead.
    covered: u32,
}

/// What may be done now.
struct Given {
    /// Calls to place, by campaign.
    calls: Vec<Dials>,
    /// Agents who are to look at a case, by campaign.
    to_show: Vec<(CampaignId, Vec<AgentId>)>,
}

struct Engine {
    plant: Arc<Plant>,
    order: EngineOrder,
    observer: Observer,
    /// What calls tell, on its way to the observer.
    told: Observer,
    campaigns: BTreeMap<CampaignId, Active>,
    calls: JoinSet<Result<Outcome, DialError>>,
    up: HashMap<tokio::task::Id, Up>,
    gauge: Gauge,
    crew: Crew,
    looks: Looks,
    pacing: Pacing,
    pace: Pace,
    /// What the trunk carries, for all nodes that dial on it.
    trunk: Trunk,
    /// This node's id, from when it has joined.
    node: Option<String>,
    stop: Stop,
    mended_at: Option<Instant>,
    looked_at: Option<Instant>,
    /// Whether an outcome of this process waits in the spool.
    unfiled: bool,
    /// What kept it from the store, told once.
    away: Option<String>,
    /// Why the carrier takes no call, told once.
    shut: Option<String>,
    /// Until when calls are taken to wait for media ports; told once.
    full_until: Option<Instant>,
}

/// Runs the engine until its one campaign has nothing left to do now, or until `stop` says otherwise and the
/// calls that are up have ended.
///
/// # Errors
/// Where there is one campaign alone: when it is not there, or cannot be dialled.
pub async fn run_engine(
    plant: Arc<Plant>,
    order: EngineOrder,
    observer: Observer,
    mut stop: watch::Receiver<Stop>,
) -> Result<(), DialError> {
    let (told, mut telling) = mpsc::unbounded_channel();
    let trunk = Trunk {
        cps: plant.trunk.max_cps,
        channels: u32::try_from(order.max_at_once).unwrap_or(u32::MAX).clamp(1, plant.trunk.max_calls),
    };
    let mut engine = Engine {
        plant,
        order,
        observer,
        told,
        campaigns: BTreeMap::new(),
        calls: JoinSet::new(),
        up: HashMap::new(),
        gauge: Gauge::default(),
        crew: Crew::default(),
        looks: Looks::default(),
        pacing: Pacing::new(trunk),
        pace: Pace::Full,
        trunk,
        node: None,
        stop: Stop::No,
        mended_at: None,
        looked_at: None,
        unfiled: false,
        away: None,
        shut: None,
        full_until: None,
    };
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(progress) = telling.recv() => engine.hear(progress),
            Some(ended) = engine.calls.join_next_with_id() => {
                // What the call told last comes before its end.
                while let Ok(progress) = telling.try_recv() {
                    engine.hear(progress);
                }
                engine.over(ended).await;
            }
            _ = ticks.tick() => if engine.tick().await? { break },
            Ok(()) = stop.changed() => engine.told_to(*stop.borrow_and_update()),
        }
    }
    while let Ok(progress) = telling.try_recv() {
        engine.hear(progress);
    }
    engine.plant.store.leave().await?;
    Ok(())
}

impl Given {
    /// The same with so many calls in all.
    fn at_most(mut self, most: u32) -> Self {
        let mut left = most;
        for dials in &mut self.calls {
            dials.calls = dials.calls.min(left);
            left -= dials.calls;
        }
        self.calls.retain(|dials| dials.calls > 0);
        self
    }
}

impl Engine {
    /// Passes on what a call told, and keeps what matters here.
    fn hear(&mut self, progress: Progress) {
        if let Progress::Case { case, kind: ProgressKind::Answered } = &progress
            && let Some(up) = self.up.values_mut().find(|up| up.order.case.id == *case)
        {
            up.answered_at = Some(self.plant.media.now());
        }
        // Whether anybody watches changes nothing.
        let _ = self.observer.send(progress);
    }

    fn tell(&self, case: CaseId, kind: ProgressKind) {
        let _ = self.observer.send(Progress::Case { case, kind });
    }

    fn told_to(&mut self, stop: Stop) {
        self.stop = stop;
        for up in self.up.values() {
            let _ = up.stop.send(stop);
        }
    }

    /// Whether it is over.
    async fn tick(&mut self) -> Result<bool, DialError> {
        (self.order.beat)();
        let look = self.looked_at.is_none_or(|at| at.elapsed() >= LOOK);
        if look {
            self.looked_at = Some(Instant::now());
            let looked = self.look().await;
            if let Some(e) = self.reached(looked)? {
                tracing::debug!(error = %e, "the store is away");
                return Ok(false);
            }
        }
        if self.stop != Stop::No {
            let withdrawn = self.withdraw(|_| true, Some(legs::wall_now()), "stopped_before_dialling").await;
            return Ok(self.reached(withdrawn)?.is_none() && self.up.is_empty());
        }
        // Only a look tells that the store is back: a tick that dials nobody may not ask it anything.
        if self.away.is_some() {
            return Ok(false);
        }
        let dialled = self.dial().await;
        if self.reached(dialled)?.is_some() {
            return Ok(false);
        }
        if look && let Some(only) = self.order.only.clone() {
            return self.is_done(&only).await;
        }
        Ok(false)
    }

    /// Takes how it went with the store: an engine of many campaigns waits until it is back, and says so once.
    fn reached(&mut self, went: Result<(), DialError>) -> Result<Option<DialError>, DialError> {
        match went {
            Ok(()) => {
                if self.away.take().is_some() {
                    tracing::warn!("the store and its disk are fit again: dialling goes on");
                }
                Ok(None)
            }
            Err(e) if self.order.only.is_some() && self.up.is_empty() => Err(e),
            Err(e) => {
                let why = e.to_string();
                if self.away.as_ref() != Some(&why) {
                    tracing::error!(error = %why, "nothing is dialled until the store and its disk are fit again");
                    self.away = Some(why);
                }
                Ok(Some(e))
            }
        }
    }

    /// Looks what has changed in the store.
    async fn look(&mut self) -> Result<(), DialError> {
        self.live().await?;
        if self.mended_at.is_none_or(|at| at.elapsed() >= MEND) {
            self.mended_at = Some(Instant::now());
            let mine: Vec<AttemptId> = self.up.values().map(|up| up.order.attempt.clone()).collect();
            recovery::mend(&self.plant, &mine, self.unfiled).await?;
            self.unfiled = false;
            let held = self.up.values().map(|up| &up.order);
            let held = held.filter_map(|order| Some((order.campaign.clone()?, order.case.id.clone())));
            let held = held.chain(self.looks.held()).collect();
            self.plant.store.release_but(&held).await?;
        }
        let profile = &self.plant.gate.profile;
        let mut running = BTreeMap::new();
        for stored in self.plant.store.campaigns().await? {
            let only = self.order.only.as_ref().is_none_or(|only| *only == stored.id);
            if stored.state != CampaignState::Running || !only {
                continue;
            }
            let now = legs::wall_now();
            let known = self.campaigns.remove(&stored.id).filter(|known| known.is_of(&stored, now));
            let mut active = match known {
                Some(known) => known,
                None => match Active::load(stored.clone(), &self.order, profile).await {
                    Ok(Some(active)) => active,
                    Ok(None) => continue,
                    Err(why) => {
                        tracing::error!(campaign = %stored.id, %why, "the campaign cannot be dialled");
                        let _ = self.observer.send(Progress::Campaign { campaign: stored.id.clone(), why });
                        Active::faulty(stored, now)
                    }
                },
            };
            self.plant.store.sweep(active.id(), now, SWEEP).await?;
            active.ready = self.plant.store.ready(active.id(), MANY).await?;
            running.insert(active.id().clone(), active);
        }
        for active in running.values_mut() {
            self.count(active).await?;
        }
        for gone in self.campaigns.keys().filter(|id| !running.contains_key(*id)) {
            self.pacing.forget(gone);
        }
        self.campaigns = running;
        let runs: Vec<CampaignId> = self.campaigns.keys().cloned().collect();
        let is_of = |id: &CampaignId, order: &Order| order.campaign.as_ref() == Some(id);
        let is_over = |order: &Order| !runs.iter().any(|id| is_of(id, order));
        self.withdraw(is_over, Some(legs::wall_now()), "put_back").await?;
        gauge::measure(&self.pacing, self.campaigns.values());
        gauge::measure_trunk(&self.plant.carrier);
        self.stop_overtaken().await?;
        self.has_room().await
    }

    /// Refuses to call anybody new where the disk has no room: the recording would lack its end.
    async fn has_room(&self) -> Result<(), DialError> {
        let plant = Arc::clone(&self.plant);
        // The disk is waited for elsewhere.
        let room = tokio::task::spawn_blocking(move || plant.reserve.has_room()).await;
        if room.unwrap_or(true) { Ok(()) } else { Err(DialError::NoRoom) }
    }

    /// Takes from the store how many people had answered and found no agent, of this node's calls and of others':
    /// the bound is one for all of them.
    async fn count(&mut self, active: &mut Active) -> Result<(), DialError> {
        let now = legs::wall_now();
        let Some(settings) = active.pacing().filter(|_| active.wants_agents()) else { return Ok(()) };
        let settings = *settings;
        let Some(since) = active.counts_from(now, settings.abandoned_days) else { return Ok(()) };
        for day in self.plant.store.answers_by_day(active.id(), since, AGENT_WITHIN).await? {
            let (date, counts) = day.counts();
            self.pacing.remember(active.id(), &settings, date, counts);
        }
        Ok(())
    }

    /// Says that this node lives, and takes its share of the trunk: what it carries is split evenly among the nodes
    /// that dial on it.
    async fn live(&mut self) -> Result<(), DialError> {
        let (store, now) = (&self.plant.store, legs::wall_now());
        if self.node.is_none() {
            let name = format!("{}@{}", self.order.node, self.order.trunk);
            self.node = Some(store.join(&name, now, self.order.lease).await?);
        } else if !store.renew(now, self.order.lease).await? {
            tracing::warn!("this node was taken for dead: what it had open is filed, and it dials anew");
        }
        if self.stop != Stop::No {
            store.drain(Draining::Yes).await?;
        }
        let of_trunk = format!("@{}", self.order.trunk);
        let nodes = store.nodes(now).await?;
        let dials = |n: &&waihu_store::Node| n.alive && !n.draining && n.name.ends_with(&of_trunk);
        let dialling: Vec<&str> = nodes.iter().filter(dials).map(|n| n.id.as_str()).collect();
        let at = dialling.iter().position(|id| self.node.as_deref() == Some(*id)).unwrap_or(0);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let nodes = count(dialling.len()).max(1);
        self.pacing.set_nodes(nodes);
        self.pacing.set_trunk(self.trunk.of_node(count(at), nodes));
        Ok(())
    }

    /// Takes cases off the agents' desks, and puts them where they belong.
    async fn withdraw(
        &mut self,
        is_over: impl Fn(&Order) -> bool,
        due_at: Option<WallTime>,
        why: &str,
    ) -> Result<(), DialError> {
        for order in self.looks.withdraw(is_over) {
            if let Some(campaign) = &order.campaign {
                self.put_back(campaign, &order.case.id, due_at, why).await?;
            }
        }
        Ok(())
    }

    /// Takes in what agents decided who look at cases.
    async fn looked(&mut self) -> Result<(), DialError> {
        for (order, decision) in self.looks.decided() {
            let now = legs::wall_now();
            let (due_at, why) = match decision {
                Decision::Skips => (now.plus(SKIPPED), "skipped_by_agent"),
                _ => (now, "put_back"),
            };
            if let Some(campaign) = &order.campaign {
                self.put_back(campaign, &order.case.id, Some(due_at), why).await?;
            }
        }
        Ok(())
    }

    /// Whether a campaign has nothing left to do now.
    async fn is_done(&self, campaign: &CampaignId) -> Result<bool, DialError> {
        if !self.up.is_empty() {
            return Ok(false);
        }
        let counts = self.plant.store.campaign_counts(campaign).await?;
        // Who waits for a port waits for this run.
        let full = self.full_until.is_some_and(|until| Instant::now() < until);
        let soon = if full { NO_PORT } else { Duration::ZERO };
        let due = counts.next_due.is_some_and(|at| at <= legs::wall_now().plus(soon));
        let stands_still = !self.campaigns.get(campaign).is_some_and(Active::is_sound);
        Ok(stands_still || counts.ready == 0 && counts.leased == 0 && !due)
    }

    /// Calls as many as may be called now.
    async fn dial(&mut self) -> Result<(), DialError> {
        self.looked().await?;
        let (now, load) = (self.plant.media.now(), self.gauge.read(&self.plant));
        let Some(most) = self.most_by_trunk() else { return Ok(()) };
        let given = self.share_out(now, load).at_most(most);
        let pace = self.pacing.pace();
        if pace != self.pace {
            tracing::info!(?pace, ?load, "the pace of dialling has changed");
            let _ = self.observer.send(Progress::Pace(pace));
            self.pace = pace;
        }
        self.place_appointments();
        for Dials { campaign: id, calls, mut covered } in given.calls {
            let previews = self.campaigns.get(&id).is_some_and(Active::previews);
            if previews {
                for (order, asked_for) in self.looks.take(&id, calls) {
                    self.place(order, Some(asked_for));
                }
                continue;
            }
            for case in self.pick(&id, calls).await? {
                let ahead = (covered == 0).then(|| self.pacing.answers(&id));
                match self.turn(&id, case, ahead).await? {
                    Some(order) if appointments::is_one(&order) => self.keep_appointment(&id, order).await?,
                    Some(order) => {
                        covered = covered.saturating_sub(1);
                        self.place(order, None);
                    }
                    None => {}
                }
            }
        }
        for (id, agents) in given.to_show {
            self.show_cases(&id, agents).await?;
        }
        Ok(())
    }

    /// How many calls the carrier's machines may be given now; none for none at all: nobody is looked at, and no case
    /// is used up.
    fn most_by_trunk(&mut self) -> Option<u32> {
        let shut = self.plant.carrier.why_shut();
        if shut != self.shut {
            match &shut {
                Some(why) => tracing::error!(%why, "no call is placed until the carrier is back"),
                None => tracing::warn!("the carrier is back: dialling goes on"),
            }
            let _ = self.observer.send(Progress::Trunk(shut.clone()));
            self.shut.clone_from(&shut);
        }
        match self.plant.carrier.room() {
            Room::Shut => None,
            // A call that has heard something has told of the machine, too: it is no longer on trial.
            Room::Trial => self.up.values().all(|up| up.answered_at.is_some()).then_some(1),
            Room::Open => Some(u32::MAX),
        }
    }

    async fn pick(&mut self, id: &CampaignId, most: u32) -> Result<Vec<Picked>, DialError> {
        if let Some(active) = self.campaigns.get_mut(id) {
            active.ready = active.ready.saturating_sub(most);
        }
        Ok(self.plant.store.pick(id, most).await?)
    }

    /// How many calls each campaign may place now.
    fn share_out(&mut self, now: Time, load: Load) -> Given {
        let of = |id: &CampaignId| {
            let own = self.up.values().filter(|up| up.order.campaign.as_ref() == Some(id));
            let (up, ringing): (Vec<&Up>, Vec<&Up>) = own.partition(|up| up.answered_at.is_some());
            (up.len(), ringing.iter().map(|up| up.begun_at).collect::<Vec<Time>>())
        };
        let paced: Vec<(&Active, &PacingSettings)> =
            self.campaigns.values().filter_map(|active| Some((active, active.pacing()?))).collect();
        let stands: Vec<(usize, Vec<Time>)> = paced.iter().map(|(active, _)| of(active.id())).collect();
        let wanting: Vec<Wanting<'_>> = paced
            .iter()
            .zip(&stands)
            .map(|((active, settings), (up, ringing))| {
                let asked_for = self.looks.asked_for(active.id()) > 0;
                let has_work = active.ready > 0 || asked_for || *up + ringing.len() > 0;
                Wanting { id: active.id(), settings, has_work }
            })
            .collect();
        let standings = self.plant.switchboard.standings();
        self.crew.learn(&standings, &mut self.pacing, today());
        let of_call = |attempt: &AttemptId| {
            let up = self.up.values().find(|up| up.order.attempt == *attempt);
            up.map_or_else(|| self.looks.campaign_of(attempt), |up| up.order.campaign.clone())
        };
        let shares = self.crew.deal(now, &standings, &wanting, of_call);
        let campaigns: Vec<CampaignNow<'_>> = paced
            .iter()
            .zip(&stands)
            .zip(&shares)
            .map(|(((active, settings), (up, ringing)), share)| {
                let up = u32::try_from(*up).unwrap_or(u32::MAX);
                CampaignNow {
                    id: active.id(),
                    settings,
                    ready: if active.previews() { self.looks.asked_for(active.id()) } else { active.ready },
                    ringing,
                    // Whom the bot greets will want an agent.
                    waiting: if settings.mode == Mode::Agentless {
                        0
                    } else {
                        up.saturating_sub(share.joined)
                    },
                    up,
                    agents: &share.agents,
                }
            })
            .collect();
        let covered = |id: &CampaignId| {
            let predictive = |c: &&CampaignNow<'_>| c.id == id && c.settings.mode == Mode::Predictive;
            campaigns.iter().find(predictive).map_or(u32::MAX, CampaignNow::one_each)
        };
        let calls = self.pacing.tick(now, today(), load, &campaigns).into_iter();
        let calls = calls.map(|(id, calls)| Dials { covered: covered(&id), campaign: id, calls }).collect();
        let previewing = paced.iter().zip(shares).filter(|((active, _), _)| active.previews());
        let to_show = previewing.filter(|((active, _), share)| active.ready > 0 && !share.free.is_empty());
        let to_show = to_show.map(|((active, _), share)| (active.id().clone(), share.free)).collect();
        Given { calls, to_show }
    }

    /// It is a case's turn: the call to place, ahead of free agents where `ahead` says what came of those before; none
    /// where it was put where it belongs.
    async fn turn(
        &mut self,
        id: &CampaignId,
        picked: Picked,
        ahead: Option<AnswersByDay>,
    ) -> Result<Option<Order>, DialError> {
        let Some(active) = self.campaigns.get_mut(id) else { return Ok(None) };
        let Some(plan) = active.plan() else { return Ok(None) };
        let now = legs::wall_now();
        let case = &picked.stored.case;
        let past = active.past(&self.plant, case).await?;
        let next = match plan.strategy.place(&plan.settings, case, &past, now) {
            Placement::Call(next) => next,
            Placement::Never { rule } => return self.put_back_instead(id, &case.id, None, &rule).await,
        };
        if next.due_at > now {
            return self.put_back_instead(id, &case.id, Some(next.due_at), &next.why).await;
        }
        // Asked before its prompts are made; the store asks again in the moment of dialling.
        if let Some(by) = self.plant.store.barred(&next.number).await? {
            let why = Refusal::NumberBarred { by };
            self.tell(case.id.clone(), ProgressKind::NotCalled(why));
            return self.put_back_instead(id, &case.id, None, "number_barred").await;
        }
        let order = match active.order(picked.stored.clone(), &next, past, &self.order).await {
            // An appointment is shown to an agent before it is called.
            Ok(order) => Order { ahead: ahead.filter(|_| !appointments::is_one(&order)), ..order },
            // The store that has the script may be away, or its approval taken back for now.
            Err(why) => {
                self.tell(case.id.clone(), ProgressKind::NotPlaced(why));
                return self.put_back_instead(id, &case.id, Some(now.plus(AFTER_FAULT)), "no_script").await;
            }
        };
        let passage = order.passage(&self.plant.gate);
        let asked = self.plant.store.ask(Some(id), &case.id, &order.number, &passage, now);
        if let Some(denied) = asked.await? {
            let (rule, again) = (denied.rule.clone(), asked_again(&denied, now));
            self.tell(case.id.clone(), ProgressKind::NotCalled(Refusal::Denied(Box::new(denied))));
            return self.put_back_instead(id, &case.id, again, &rule).await;
        }
        let before = self.plant.store.latest_of_case(&case.id, MOST_EARLIER).await?;
        let history = before.iter().map(|outcome| Past::of(outcome, &case.time_zone)).collect();
        Ok(Some(Order { history, ..order }))
    }

    /// Calls.
    fn place(&mut self, order: Order, asked_for: Option<CallSide>) {
        let (stop, stopping) = watch::channel(self.stop);
        let (plant, told, own) = (Arc::clone(&self.plant), self.told.clone(), order.clone());
        let handle = self.calls.spawn(async move { place_call(plant, own, told, stopping).await });
        let begun_at = self.plant.media.now();
        let up = Up { order, stop, begun_at, answered_at: None, _asked_for: asked_for };
        self.up.insert(handle.id(), up);
    }

    /// No call is placed: the case is put where it belongs.
    async fn put_back_instead(
        &self,
        id: &CampaignId,
        case: &CaseId,
        due_at: Option<WallTime>,
        why: &str,
    ) -> Result<Option<Order>, DialError> {
        self.put_back(id, case, due_at, why).await?;
        Ok(None)
    }

    async fn put_back(
        &self,
        id: &CampaignId,
        case: &CaseId,
        due_at: Option<WallTime>,
        why: &str,
    ) -> Result<(), DialError> {
        Ok(self.plant.store.put_back(id, case, due_at, why).await?)
    }

    /// A call is over.
    async fn over(
        &mut self,
        ended: Result<(tokio::task::Id, Result<Outcome, DialError>), tokio::task::JoinError>,
    ) {
        let (task, placed) = match ended {
            Ok((task, placed)) => (task, Some(placed)),
            Err(e) => (e.id(), None),
        };
        let Some(up) = self.up.remove(&task) else { return };
        // Whom nobody rang did not leave it unanswered.
        if let Some(campaign) = up.order.campaign.as_ref().filter(|_| may_have_rung(placed.as_ref())) {
            let outcome = placed.as_ref().and_then(|placed| placed.as_ref().ok());
            for seen in seen_of(&up, outcome, self.plant.media.now()) {
                self.pacing.saw(campaign, seen, today());
            }
        }
        // A panic in one call ends that call, with an outcome, and no other.
        let placed = match placed {
            Some(placed) => placed,
            None => close_fallen(&self.plant, &up.order.attempt).await,
        };
        let (case, campaign) = (up.order.case.id, up.order.campaign);
        let Err(e) = placed else { return };
        self.unfiled |= matches!(e, DialError::NotFiled { .. });
        if lacks_port(&e) {
            self.note_full(&e);
        }
        let now = legs::wall_now();
        let (due_at, rule) = where_to(&e, now);
        self.tell(case.clone(), not_placed(e));
        if let Some(campaign) = campaign
            && let Err(e) = self.put_back(&campaign, &case, due_at, rule).await
        {
            // Its lease ends with this process.
            tracing::error!(%campaign, %case, error = %e, "a case could not be put back");
        }
    }

    /// No media port was free for a call. Those that are turned away keep coming back until one is.
    fn note_full(&mut self, why: &DialError) {
        let now = Instant::now();
        if self.full_until.is_none_or(|until| until < now) {
            tracing::warn!(error = %why, "calls wait for media ports");
        }
        self.full_until = Some(now + NO_PORT * 2);
    }
}

/// What a call that is over tells the pacing. Who answered is known with its outcome.
fn seen_of(up: &Up, outcome: Option<&Outcome>, now: Time) -> Vec<Seen> {
    let person = outcome.is_some_and(|outcome| outcome.answered_by == AnsweredBy::Human);
    let Some(answered_at) = up.answered_at.filter(|_| person) else {
        return vec![Seen::NotAnswered { after: now.since(up.begun_at) }];
    };
    let mut seen = vec![Seen::Answered { after: answered_at.since(up.begun_at) }];
    let Some(outcome) = outcome else { return seen };
    if outcome.is_abandoned(AGENT_WITHIN) {
        seen.push(Seen::Abandoned);
    }
    let talked = outcome.handover.as_ref().and_then(|handover| handover.talked_ms);
    seen.extend(talked.map(|ms| Seen::Talked { lasted: Duration::from_millis(ms) }));
    seen
}

/// The day by which answered and abandoned calls are counted: one for all nodes, wherever they are.
fn today() -> jiff::civil::Date {
    legs::wall_now().timestamp().in_tz("UTC").map_or(jiff::civil::Date::MIN, |at| at.date())
}
