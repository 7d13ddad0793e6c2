//! What the routes share: the store, the engine's pulse, the limits.

use std::{
    collections::HashSet,
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Semaphore, watch};
use waihu_keeping::Archive;
use waihu_store::{Role, Store, StoredScript};
use waihu_types::{AttemptId, WallTime};

use crate::{
    costs::Prices,
    floor::{Connect, Floor},
    ladder::Ladder,
    limits::Rates,
    mask::Purpose,
    oidc::OpenId,
    password::Judge,
    relay::Relays,
    routes::{
        board::{Choices, Counting},
        practice::{Practise, Runs},
        reports::Reports,
    },
    session::Cookies,
};

/// What can be told of a script's content before it is approved: every fault, in both languages.
pub type ScriptCheck = dyn Fn(&StoredScript, &[(String, String)]) -> Vec<String> + Send + Sync;

/// Which strategy is meant.
#[derive(Clone, Copy, Debug)]
pub enum StrategyOf<'a> {
    /// The project's file of this name.
    File(&'a str),
    /// What somebody wrote.
    Text(&'a str),
}

/// The content of a strategy with its model inside, or what is wrong, in both languages.
pub type StrategyFile = dyn Fn(StrategyOf<'_>) -> Result<String, String> + Send + Sync;

/// The most that are asked of the server at once and per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Requests of one token [per s]: a page every 20 ms, which no person and few programs need.
    pub rate_per_s: f64,
    /// How many of them may come at once.
    pub burst: f64,
    /// Bytes of a body: a thousand cases of 4 KiB.
    pub body_bytes: usize,
    /// Connections: each costs some tens of kilobytes.
    pub connections: usize,
    /// Readers of live events: each asks the database twice a second.
    pub readers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rate_per_s: 50.0, burst: 100.0, body_bytes: 4 << 20, connections: 1_024, readers: 64 }
    }
}

/// Whether the engine works: it beats once a tick, and says when it takes no further work.
#[derive(Debug, Default)]
pub struct Pulse {
    beat_ms: AtomicI64,
    draining: AtomicBool,
}

/// Ticks come each second: so many that were missed [ms] are a stuck engine.
const PULSE_LOST_MS: i64 = 10_000;

impl Pulse {
    /// The engine is there.
    pub fn beat(&self, now: WallTime) {
        self.beat_ms.store(now.unix_millis(), Ordering::Relaxed);
    }

    /// No further call is placed; those that are up finish.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether no further call is placed.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether the engine has been seen lately.
    pub fn is_there(&self, now: WallTime) -> bool {
        now.unix_millis().saturating_sub(self.beat_ms.load(Ordering::Relaxed)) < PULSE_LOST_MS
    }
}

/// Whether passwords are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passwords {
    /// They are.
    #[default]
    Taken,
    /// They are not: people sign in at the provider alone.
    Refused,
}

/// What becomes of a password that somebody else has chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstPasswords {
    /// It stays until somebody changes it.
    #[default]
    Stay,
    /// Whoever signs in with it first of all takes another one.
    Change,
}

/// What the server is made of.
pub struct State {
    /// The store.
    pub store: Arc<Store>,
    /// The engine's pulse.
    pub pulse: Arc<Pulse>,
    /// What `/metrics` tells; none where nothing is measured.
    pub metrics: Option<PrometheusHandle>,
    /// What is asked of a script's content before it is approved.
    pub check_script: Box<ScriptCheck>,
    /// Where strategies are read from.
    pub strategy: Box<StrategyFile>,
    /// What a campaign may be made of here.
    pub choices: Box<dyn Fn() -> Choices + Send + Sync>,
    /// What calls and agents cost.
    pub prices: Box<dyn Fn() -> Prices + Send + Sync>,
    /// Reports that are made by themselves; none where none are.
    pub reports: Option<Reports>,
    /// Recordings, transcripts and what opens them.
    pub archive: Archive,
    /// The folder whose disk has to have room.
    pub disk: PathBuf,
    /// Where agents sit down at their desks; none where no calls are placed.
    pub desks: Option<Box<Connect>>,
    /// What practises; none where no calls are placed.
    pub practise: Option<Box<Practise>>,
    /// Where people sign in elsewhere; none for nowhere.
    pub provider: Option<OpenId>,
    /// Whether they may sign in by a password.
    pub passwords: Passwords,
    /// What becomes of a password that somebody else has chosen.
    pub first_passwords: FirstPasswords,
    /// Roles that sign in by a password with a second factor alone.
    pub second_factor: Vec<Role>,
    /// What supervisors see of agents; none where no calls are placed.
    pub floor: Option<Floor>,
    /// What passed over the wire for a call; none where no calls are placed.
    pub ladder: Option<Box<Ladder>>,
    /// Relays for browsers whose network lets no UDP through to us; none where there are none.
    pub relays: Option<Relays>,
    /// How browsers reach the server.
    pub cookies: Cookies,
    /// Limits.
    pub limits: Limits,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// [`State`] with what the server keeps about its callers.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub state: State,
    pub rates: Rates,
    pub judge: Judge,
    pub readers: Arc<Semaphore>,
    pub board: Counting,
    pub practice: Runs,
    /// Changes whenever sessions are ended here, or whose they are is changed: seats look at theirs then.
    pub sessions: watch::Sender<()>,
    /// Who has begun to read which transcript, and what for, as it was written down.
    pub reading: Mutex<HashSet<(String, AttemptId, Option<Purpose>)>>,
}

impl Shared {
    pub fn new(state: State) -> Self {
        let Limits { rate_per_s, burst, readers, .. } = state.limits;
        let (rates, readers) = (Rates::new(rate_per_s, burst), Arc::new(Semaphore::new(readers)));
        Self(Arc::new(Inner {
            state,
            rates,
            judge: Judge::default(),
            readers,
            board: Counting::default(),
            practice: Runs::default(),
            sessions: watch::Sender::new(()),
            reading: Mutex::default(),
        }))
    }

    pub fn inner(&self) -> &Inner {
        &self.0
    }

    pub fn store(&self) -> &Store {
        &self.0.state.store
    }

    /// Sessions were ended, or whose they are was changed: whoever sits anywhere by one of them is let go, or known anew,
    /// at once.
    pub fn sessions_changed(&self) {
        self.0.sessions.send_replace(());
    }
}

/// How long what was begun then and is over now rests before it is done again: so long that it takes a twentieth of the
/// time at most.
pub(crate) fn rest_after(begun: Instant, least: Duration) -> Duration {
    (begun.elapsed() * 20).max(least)
}

/// The state as handlers take it.
pub(crate) type Here = axum::extract::State<Shared>;

/// Now, by the machine's clock.
pub(crate) fn now() -> WallTime {
    WallTime::from_unix_millis(jiff::Timestamp::now().as_millisecond())
}
