//! How it goes: a board that is looked at all day, results to draw, and what a campaign may be made of.
//!
//! A board is counted once a second, however many look at it. What takes long to count, over large queues and a day's
//! calls, is counted so rarely that it takes a twentieth of the time.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Json;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};
use waihu_store::{
    CampaignState, Cell as Counted, Counts, LiveCall, Node, NodeLoad, Store, StoredCampaign, Tally,
};
use waihu_types::{CampaignId, WallTime};

use crate::{
    Problem,
    extract::{Answer, Asked, Who},
    floor::Stands,
    openapi::{CaseKey, Key},
    routes::campaigns::State as CampaignStands,
    state::{Here, Shared, now, rest_after},
};

/// How old a board may be: what people take for now.
const FRESH: Duration = Duration::from_secs(1);
/// The calls that are up that a board tells of: more than one machine carries.
const MOST_CALLS: u32 = 5_000;
/// What "of late" means on a board [ms]: a day.
const LATELY_MS: i64 = 86_400_000;
/// Over how long faults are counted [ms]: long enough for a share to mean something, short enough to be now.
const FAULTS_MS: i64 = 600_000;
/// Over how long new calls per second are counted [s]: so that a few are not a wave.
const CPS_S: u32 = 10;

/// The board that was counted last.
#[derive(Debug, Default)]
pub(crate) struct Counting(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    board: Option<(Instant, Arc<Board>)>,
    rows: Rows,
}

/// What takes long to count.
#[derive(Debug, Default)]
struct Rows {
    tallies: Vec<Tally>,
    queues: BTreeMap<CampaignId, Counts>,
    /// What each trunk carries, by its file.
    trunks: Vec<TrunkChoice>,
    /// Until when it stands.
    until: Option<Instant>,
}

impl Rows {
    async fn count(shared: &Shared, campaigns: &[StoredCampaign], now: WallTime) -> Result<Self, Problem> {
        let (begun, store) = (Instant::now(), shared.store());
        let tallies = store.tallies(WallTime::from_unix_millis(now.unix_millis() - LATELY_MS)).await?;
        let mut queues = BTreeMap::new();
        for campaign in campaigns {
            queues.insert(campaign.id.clone(), store.campaign_counts(&campaign.id).await?);
        }
        let trunks = (shared.inner().state.choices)().trunks;
        let until = Instant::now() + rest_after(begun, FRESH);
        Ok(Self { tallies, queues, trunks, until: Some(until) })
    }

    fn stand(&self, campaigns: &[StoredCampaign]) -> bool {
        let known = campaigns.iter().all(|campaign| self.queues.contains_key(&campaign.id));
        known && self.until.is_some_and(|until| Instant::now() < until)
    }
}

/// A call that is up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Live {
    /// The attempt.
    #[schema(value_type = Key)]
    attempt: String,
    /// The campaign; none for a call placed by hand.
    #[schema(value_type = Option<Key>)]
    campaign: Option<String>,
    /// The case.
    #[schema(value_type = CaseKey)]
    case: String,
    /// When it was dialled.
    #[schema(value_type = String, format = DateTime)]
    dialled_at: WallTime,
    /// When it was answered; none where it rings.
    #[schema(value_type = Option<String>, format = DateTime)]
    answered_at: Option<WallTime>,
}

impl From<LiveCall> for Live {
    fn from(call: LiveCall) -> Self {
        let time = WallTime::from_unix_millis;
        Self {
            attempt: call.attempt,
            campaign: call.campaign,
            case: call.case_id,
            dialled_at: time(call.dialled_at),
            answered_at: call.answered_at.map(time),
        }
    }
}

/// How a campaign goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Going {
    /// The campaign.
    #[schema(value_type = Key)]
    id: String,
    /// Whether it is dialled.
    state: CampaignStands,
    /// Cases that are not due yet.
    waiting: u64,
    /// Cases to be called.
    ready: u64,
    /// Cases being called.
    leased: u64,
    /// Cases that are over.
    done: u64,
    /// Its calls of the last 24 hours.
    day: Day,
}

/// What came of calls within the last 24 hours.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Day {
    /// Calls that ended.
    calls: i64,
    /// That were answered, by whatever.
    answered: i64,
    /// That a person answered.
    human: i64,
    /// That a person answered, and in which the matter was settled one way or another.
    completed: i64,
    /// In which a promise was made.
    promised: i64,
    /// In which an agent was wanted.
    wanted_agent: i64,
    /// In which one was, and none came.
    missed_agent: i64,
}

impl Day {
    fn add(&mut self, tally: &Tally) {
        self.calls += tally.calls;
        self.answered += tally.answered;
        self.human += tally.human;
        self.completed += tally.completed;
        self.promised += tally.promised;
        self.wanted_agent += tally.wanted_agent;
        self.missed_agent += tally.missed_agent;
    }
}

/// A process that places calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeStands {
    /// Its machine and process.
    name: String,
    /// When it was seen last.
    #[schema(value_type = String, format = DateTime)]
    seen_at: WallTime,
    /// Whether its lease holds.
    alive: bool,
    /// Whether it places no further call.
    draining: bool,
}

/// What came of the calls of the last ten minutes, as far as they tell of faults.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Faults {
    /// Calls that ended.
    calls: i64,
    /// That the trunk failed.
    trunk: i64,
    /// That this program failed.
    engine: i64,
}

/// How many calls a campaign has abandoned, as this node's pacing counts them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Abandoned {
    /// The campaign.
    #[schema(value_type = Key)]
    campaign: String,
    /// Of the answered calls of the legal window, those that found no agent in time, from 0 to 1.
    share: f64,
    /// The share that may find none at most: the campaign's own `most_abandoned`, or the compliance profile's where that
    /// is less.
    limit: f64,
    /// How many more may be abandoned now.
    room: f64,
}

/// How a trunk is used, by all nodes that dial on it. What is called by hand, from a process of its own, is not counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrunkStands {
    /// Its file's name.
    name: String,
    /// Calls on it that ring or are up.
    calls: i64,
    /// How many it carries at once; none where its file is not here.
    max_calls: Option<u32>,
    /// New calls per second, over the last ten seconds.
    cps: f64,
    /// How many of those it takes; none where its file is not here.
    max_cps: Option<f64>,
}

/// Who takes events, and how far they are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReaderStands {
    /// The reader, by its name in `waihu.toml`.
    name: String,
    /// Events that it has yet to take.
    behind: i64,
    /// Since when the next one was tried in vain; none where it was not.
    #[schema(value_type = Option<String>, format = DateTime)]
    stuck_since: Option<WallTime>,
    /// Events that it would not take, which were set aside.
    set_aside: i64,
}

/// The agents of this node, and who waits for them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentsStand {
    /// Agents by how they stand: `away`, `available`, `looking`, `awaiting`, `offered`, `talking`, `wrapping_up`,
    /// `on_break`.
    presences: BTreeMap<&'static str, u32>,
    /// Callees who wait for one.
    waiting: u32,
    /// How long the one waits who has waited longest \[s\].
    longest_wait_s: f64,
}

impl From<Stands> for AgentsStand {
    fn from(stands: Stands) -> Self {
        let Stands { agents, waiting, longest } = stands;
        Self { presences: agents, waiting, longest_wait_s: longest.as_secs_f64() }
    }
}

/// How it goes now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Board {
    /// When it was counted.
    #[schema(value_type = String, format = DateTime)]
    at: WallTime,
    /// Calls that are up, the newest first; at most 5,000.
    calls: Vec<Live>,
    /// Campaigns that are not over, by their ids.
    campaigns: Vec<Going>,
    /// All calls of the last 24 hours.
    day: Day,
    /// The processes that place calls.
    nodes: Vec<NodeStands>,
    /// The agents of this node, and who waits for them; none where no calls are placed.
    agents: Option<AgentsStand>,
    /// How long utterances wait for a recognizer on this node \[s\]; none where nothing is measured.
    recognition_wait_s: Option<f64>,
    /// Share of frames of sound that this node sent late in the last second, from 0 to 1; none where nothing is
    /// measured.
    media_late: Option<f64>,
    /// The carrier's machines of this node's trunk by how they stand: `up`, `suspected`, `untried`, `down`; empty where
    /// nothing is measured.
    machines: BTreeMap<String, u32>,
    /// The trunks that are dialled on, by name.
    trunks: Vec<TrunkStands>,
    /// Faults of the last ten minutes.
    faults: Faults,
    /// What predictive and progressive campaigns have abandoned, by their ids; none where nothing is measured.
    abandoned: Vec<Abandoned>,
    /// Who takes events, by name.
    readers: Vec<ReaderStands>,
}

/// How it goes now: calls, campaigns, the last 24 hours, nodes, load.
#[utoipa::path(get, path = "/v1/board", tag = "board",
    responses((status = 200, description = "The board", body = Board)))]
pub(crate) async fn board(shared: Here, _: Who) -> Result<Json<Arc<Board>>, Problem> {
    let mut kept = shared.inner().board.0.lock().await;
    if let Some((at, board)) = kept.board.as_ref()
        && at.elapsed() < FRESH
    {
        return Ok(Json(Arc::clone(board)));
    }
    let board = Arc::new(count(&shared, &mut kept.rows).await?);
    kept.board = Some((Instant::now(), Arc::clone(&board)));
    Ok(Json(board))
}

async fn count(shared: &Shared, rows: &mut Rows) -> Result<Board, Problem> {
    let (store, now) = (shared.store(), now());
    let calls = store.live_calls(MOST_CALLS).await?.into_iter().map(Live::from).collect();
    let mut going = store.campaigns().await?;
    going.retain(|campaign| campaign.state != CampaignState::Stopped);
    if !rows.stand(&going) {
        *rows = Rows::count(shared, &going, now).await?;
    }
    let tallies = &rows.tallies;
    let mut day = Day::default();
    tallies.iter().for_each(|tally| day.add(tally));
    let mut campaigns = Vec::new();
    for campaign in going {
        let counts = rows.queues.get(&campaign.id).copied().unwrap_or_default();
        let mut its_day = Day::default();
        let its = tallies.iter().filter(|tally| tally.campaign.as_deref() == Some(campaign.id.as_str()));
        its.for_each(|tally| its_day.add(tally));
        campaigns.push(Going {
            id: campaign.id.to_string(),
            state: campaign.state.into(),
            waiting: counts.waiting,
            ready: counts.ready,
            leased: counts.leased,
            done: counts.done,
            day: its_day,
        });
    }
    campaigns.sort_by(|a, b| a.id.cmp(&b.id));
    let nodes = store.nodes(now).await?;
    let lately = WallTime::from_unix_millis(now.unix_millis() - i64::from(CPS_S) * 1_000);
    let trunks = trunks(&nodes, &store.node_loads(lately).await?, &rows.trunks);
    let nodes = nodes.into_iter().map(|node| NodeStands {
        alive: node.alive,
        name: node.name,
        seen_at: node.seen_at,
        draining: node.draining,
    });
    let measured = shared.inner().state.metrics.as_ref().map(|metrics| metrics.render()).unwrap_or_default();
    Ok(Board {
        at: now,
        calls,
        campaigns,
        day,
        nodes: nodes.collect(),
        agents: shared.inner().state.floor.as_ref().map(|floor| (floor.stands)().into()),
        recognition_wait_s: gauge(&measured, "waihu_recognition_queue_age_seconds"),
        media_late: gauge(&measured, "waihu_media_late_ratio"),
        machines: labelled(&measured, "waihu_trunk_machines", "state")
            .map(|(state, n)| (state.to_owned(), n as u32))
            .collect(),
        trunks,
        faults: faults(store, now).await?,
        abandoned: abandoned(&measured),
        readers: readers(store).await?,
    })
}

/// How the trunks are used that nodes dial on: a node's name ends with its trunk's.
fn trunks(nodes: &[Node], loads: &[NodeLoad], known: &[TrunkChoice]) -> Vec<TrunkStands> {
    let mut used: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for node in nodes.iter().filter(|node| node.alive) {
        let Some((_, trunk)) = node.name.rsplit_once('@') else { continue };
        let (calls, dialled) = used.entry(trunk).or_default();
        if let Some(load) = loads.iter().find(|load| load.node == node.id) {
            *calls += load.calls;
            *dialled += load.dialled;
        }
    }
    let stands = used.into_iter().map(|(name, (calls, dialled))| {
        let file = known.iter().find(|trunk| trunk.name == name);
        TrunkStands {
            name: name.to_owned(),
            calls,
            max_calls: file.map(|trunk| trunk.max_calls),
            cps: dialled as f64 / f64::from(CPS_S),
            max_cps: file.map(|trunk| trunk.max_cps),
        }
    });
    stands.collect()
}

async fn faults(store: &Store, now: WallTime) -> Result<Faults, Problem> {
    let since = WallTime::from_unix_millis(now.unix_millis() - FAULTS_MS);
    let mut faults = Faults::default();
    for cell in store.results(None, (since, WallTime::from_unix_millis(i64::MAX)), 0).await? {
        faults.calls += cell.calls;
        match cell.disposition.as_str() {
            "trunk_failed" => faults.trunk += cell.calls,
            "engine_failed" => faults.engine += cell.calls,
            _ => {}
        }
    }
    Ok(faults)
}

fn abandoned(measured: &str) -> Vec<Abandoned> {
    let rooms = labelled(measured, "waihu_pacing_abandoned_room", "campaign");
    let limits = labelled(measured, "waihu_pacing_abandoned_limit_ratio", "campaign");
    let mut found: Vec<_> = labelled(measured, "waihu_pacing_abandoned_ratio", "campaign")
        .filter_map(|(campaign, share)| {
            let room = rooms.clone().find(|(of, _)| *of == campaign)?.1;
            let limit = limits.clone().find(|(of, _)| *of == campaign)?.1;
            Some(Abandoned { campaign: campaign.to_owned(), share, limit, room })
        })
        .collect();
    found.sort_by(|a, b| a.campaign.cmp(&b.campaign));
    found
}

async fn readers(store: &Store) -> Result<Vec<ReaderStands>, Problem> {
    let last = store.last_event().await?;
    let mut readers = Vec::new();
    for place in store.readers().await? {
        readers.push(ReaderStands {
            behind: last.saturating_sub(place.seq).max(0),
            stuck_since: place.since.filter(|_| place.tries > 0),
            set_aside: store.dead_letter_count(&place.reader).await?,
            name: place.reader,
        });
    }
    Ok(readers)
}

/// A gauge without labels, as the exposition has it.
fn gauge(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Gauges of this name by the value of their one label.
fn labelled<'a>(
    text: &'a str,
    name: &'a str,
    label: &'a str,
) -> impl Iterator<Item = (&'a str, f64)> + Clone {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?.strip_prefix('{')?.strip_prefix(label)?.strip_prefix("=\"")?;
        let (value, number) = rest.split_once("\"} ")?;
        Some((value, number.trim().parse().ok()?))
    })
}

/// Which results are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Of one campaign; of all where left out.
    #[param(value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// Of calls that ended at this moment or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-27T00:00:00Z")]
    since: Option<WallTime>,
    /// Of calls that ended before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<WallTime>,
    /// How far the clock that hours are told by is ahead of UTC [min].
    #[param(minimum = -1440, maximum = 1440, default = 0)]
    ahead_min: Option<i32>,
}

/// Calls that have all of these in common.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cell {
    /// How they ended.
    disposition: String,
    /// What answered.
    answered_by: String,
    /// Whether the person was who was asked for.
    identity: String,
    /// The script's variant, or else its name.
    script: String,
    /// The kind of loan; empty where it is not known.
    kind: String,
    /// The grade of risk; empty where it is not known.
    grade: String,
    /// The hour in which they were dialled.
    #[schema(minimum = 0, maximum = 23)]
    hour: i64,
    /// So many.
    calls: i64,
    /// So many with a promise.
    promises: i64,
    /// Of these promises, those that are due by now, and of which it is known what became of them.
    due: i64,
    /// Of those that are due, the kept ones.
    kept: i64,
    /// Of those that are due, the ones that were kept in part.
    kept_in_part: i64,
    /// All that was promised, in hundredths, whatever the currency.
    promised: i64,
    /// Between answer and end, together [ms].
    talk_ms: i64,
}

impl From<Counted> for Cell {
    fn from(cell: Counted) -> Self {
        let Counted { disposition, answered_by, identity, script, kind, grade, .. } = cell;
        let Counted { hour, calls, promises, due, kept, kept_in_part, promised, talk_ms, .. } = cell;
        Self {
            disposition,
            answered_by,
            identity,
            script,
            kind,
            grade,
            hour,
            calls,
            promises,
            due,
            kept,
            kept_in_part,
            promised,
            talk_ms,
        }
    }
}

/// What came of calls, counted by all that tells them apart: whoever draws adds up what a picture needs.
#[utoipa::path(get, path = "/v1/results", tag = "board", params(Which),
    responses((status = 200, description = "The counts", body = Vec<Cell>)))]
pub(crate) async fn results(shared: Here, _: Who, Asked(which): Asked<Which>) -> Answer<Vec<Cell>> {
    let ahead = which.ahead_min.unwrap_or(0);
    if !(-1_440..=1_440).contains(&ahead) {
        return Err(Problem::invalid("ahead_min", "from -1440 to 1440 minutes 应为 -1440 至 1440 分钟"));
    }
    let since = which.since.unwrap_or(WallTime::from_unix_millis(0));
    let until = which.until.unwrap_or(WallTime::from_unix_millis(i64::MAX));
    let cells = shared.store().results(which.campaign.as_ref(), (since, until), ahead).await?;
    Ok(Json(cells.into_iter().map(Cell::from).collect()))
}

/// What a campaign may be made of here.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Choices {
    /// Trunks, by their files.
    pub trunks: Vec<TrunkChoice>,
    /// Strategies, by their files.
    pub strategies: Vec<String>,
    /// The keys of a case: columns of a file, the ones that must be there first.
    pub case_keys: Vec<CaseColumn>,
}

/// A trunk, and what is allowed on it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TrunkChoice {
    /// Its file's name.
    pub name: String,
    /// The compliance profile of its calls.
    pub profile: String,
    /// How many calls it carries at once.
    pub max_calls: u32,
    /// How many new calls it takes per second.
    pub max_cps: f64,
}

/// A key of a case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CaseColumn {
    /// The key.
    pub key: String,
    /// What it is, in English and Chinese.
    pub told: String,
    /// Whether a case cannot be without it.
    pub required: bool,
}

/// What a campaign may be made of: trunks, strategies, and the columns that cases have.
#[utoipa::path(get, path = "/v1/choices", tag = "campaigns",
    responses((status = 200, description = "The choices", body = Choices)))]
pub(crate) async fn choices(shared: Here, _: Who) -> Answer<Choices> {
    let mut choices = (shared.inner().state.choices)();
    choices.case_keys = crate::routes::cases::columns();
    Ok(Json(choices))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_read_by_its_whole_name() {
        let text = "# HELP a x\na_b 3\na{c=\"d\"} 4\na 0.25\n";
        assert_eq!(gauge(text, "a"), Some(0.25));
        assert_eq!(gauge(text, "c"), None);
    }

    #[test]
    fn what_was_abandoned_is_read_by_campaign() {
        let text = "waihu_pacing_abandoned_ratio{campaign=\"b\"} 0.02\nwaihu_pacing_abandoned_ratio{campaign=\"a\"} \
                    0\nwaihu_pacing_abandoned_room{campaign=\"a\"} 4\nwaihu_pacing_abandoned_room{campaign=\"b\"} 0\n\
                    waihu_pacing_abandoned_limit_ratio{campaign=\"b\"} 0.025\n\
                    waihu_pacing_abandoned_limit_ratio{campaign=\"a\"} 0.03\n";
        let told: Vec<_> =
            abandoned(text).into_iter().map(|a| (a.campaign, a.share, a.limit, a.room)).collect();
        assert_eq!(told, [("a".to_owned(), 0.0, 0.03, 4.0), ("b".to_owned(), 0.02, 0.025, 0.0)]);
    }

    #[test]
    fn a_trunk_has_the_calls_of_all_nodes_that_dial_on_it_and_of_no_dead_one() {
        let at = WallTime::from_unix_millis(0);
        let node = |id: &str, name: &str, alive| Node {
            id: id.to_owned(),
            name: name.to_owned(),
            seen_at: at,
            lease_until: at,
            alive,
            draining: false,
        };
        let nodes = [
            node("n1", "a:1@main", true),
            node("n2", "b@b:2@main", true),
            node("n3", "c:3@main", false),
            node("n4", "d:4@spare", true),
            node("n5", "by-hand:5", true),
        ];
        let load = |node: &str, calls, dialled| NodeLoad { node: node.to_owned(), calls, dialled };
        let loads = [load("n1", 7, 20), load("n2", 5, 15), load("n3", 9, 9), load("n5", 1, 1)];
        let (name, profile) = ("main".to_owned(), "cn".to_owned());
        let known = [TrunkChoice { name, profile, max_calls: 30, max_cps: 5.0 }];
        let told: Vec<_> = trunks(&nodes, &loads, &known)
            .into_iter()
            .map(|t| (t.name, t.calls, t.max_calls, t.cps, t.max_cps))
            .collect();
        let main = ("main".to_owned(), 12, Some(30), 3.5, Some(5.0));
        assert_eq!(told, [main, ("spare".to_owned(), 0, None, 0.0, None)]);
    }
}
