//! The health of the carrier's machines, shared by the socket's task, which sees what comes of calls, and by whoever
//! asks the machines themselves.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use waihu_sip::{
    Hop,
    health::{Asked, Changed, Health, Sign, Standing},
};
use waihu_types::Time;

pub(crate) struct Watch {
    start: Instant,
    health: Mutex<(Health, HashSet<Hop>)>,
    changed: Notify,
}

impl Default for Watch {
    fn default() -> Self {
        let nobody = (Health::new(None), HashSet::new());
        Self { start: Instant::now(), health: Mutex::new(nobody), changed: Notify::new() }
    }
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, (Health, HashSet<Hop>)> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }

    /// Nobody yet, each to be asked so often from here on, or never.
    pub(crate) fn begin(&self, every: Option<Duration>) {
        self.lock().0 = Health::new(every);
    }

    /// These machines are watched from here on.
    pub(crate) fn these(&self, hops: &[Hop]) {
        let now = self.now();
        self.lock().0.watch(now, hops);
        self.changed.notify_one();
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&Health) -> T) -> T {
        look(&self.lock().0)
    }

    pub(crate) fn saw(&self, hop: Hop, asked: Asked, sign: Sign) {
        let now = self.now();
        let mut lock = self.lock();
        let (health, told) = &mut *lock;
        let Some(change) = health.saw(now, hop, asked, sign) else { return };
        tell(change, told);
        self.changed.notify_one();
    }

    /// Whom to ask now; those who have rested are tried again.
    pub(crate) fn due(&self) -> Vec<Hop> {
        let now = self.now();
        let mut lock = self.lock();
        for Changed { hop, .. } in lock.0.rested(now) {
            tracing::debug!(%hop, "a machine of the carrier is tried again");
        }
        lock.0.due(now)
    }

    /// When somebody is due next.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.lock().0.poll_timeout().map(|at| self.start + at.since(Time::ZERO))
    }

    /// Waits until somebody stands otherwise.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// Says so; of a machine that is down, once until it is back.
fn tell(Changed { hop, from, to }: Changed, told: &mut HashSet<Hop>) {
    match to {
        Standing::Down if told.insert(hop) => {
            tracing::warn!(%hop, "a machine of the carrier is down: no call goes there 线路落地不可用");
        }
        Standing::Up if told.remove(&hop) => {
            tracing::warn!(%hop, "a machine of the carrier is back 线路落地已恢复");
        }
        Standing::Up if from == Standing::Untried => tracing::info!(%hop, "a machine of the carrier answers"),
        Standing::Suspected => tracing::info!(%hop, "a machine of the carrier has missed a question"),
        _ => {}
    }
}
