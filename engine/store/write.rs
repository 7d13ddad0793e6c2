//! Writing: who wants to commits together with all who want to at the same time.
//!
//! A commit waits for the disk, and a file has one writer. So a process has one transaction open at a time, its
//! *group*. Whoever writes gets it in turn, does his statements behind a savepoint, and stands in line again to
//! commit; whoever of the group is first there commits for all of it. Those who came meanwhile have joined by
//! then: a group is as large as the disk is slow, and who writes alone waits for nobody. A write that fails takes
//! back its own statements and nothing of the others'.
//!
//! On a server it is the same, where nodes write side by side: events are numbered under one lock that is held
//! until their commit is on the disk (`number_events` in the schema), so that a commit a call would make all nodes
//! wait for each other's disk. Other locks ([`Store::write_alone`]) are waited for by the first of a group alone,
//! which holds none yet; who would have to wait for one later begins a group of its own. So no two groups wait for
//! each other.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, Executor, Transaction,
    any::AnyArguments,
    error::{DatabaseError, Error as SqlError, ErrorKind},
    query::Query,
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, watch},
};

use crate::{
    Location, Store, StoreError,
    error::{Kind, kind},
    events::{Happened, Noted, insert_events},
};

/// Most writes in a group: on a file each takes a third of a millisecond, so that who came first waits some
/// 20 ms for the others, of which the disk is then a small part.
const MOST: u32 = 64;

/// How long a server is asked what became of a commit whose answer was lost: one that fell is up again by then.
const ASK: Duration = Duration::from_secs(30);
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Where all who write in this process stand in line, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Writers {
    pool: AnyPool,
    location: Location,
    line: Arc<Mutex<Option<Group>>>,
}

pub(crate) type Statement<'q> = Query<'q, Any, AnyArguments>;

type Turn = OwnedMutexGuard<Option<Group>>;

/// How a write holds the things that it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Nobody else holds them.
    Alone,
    /// Others may, who hold them so too.
    Beside,
}

impl Hold {
    /// The end of the names of PostgreSQL's functions.
    fn ending(self) -> &'static str {
        match self {
            Self::Alone => "",
            Self::Beside => "_shared",
        }
    }
}

/// A transaction of several writes.
#[derive(Debug)]
struct Group {
    tx: Transaction<'static, Any>,
    /// Writes that are to be committed with it.
    writes: u32,
    /// The savepoint before the last one.
    savepoint: Option<String>,
    /// Whether the last one was given up, and its statements are to be taken back.
    given_up: bool,
    /// What the writes tell of; written last, so that the lock on events is held as short as can be.
    events: Vec<Noted>,
    /// Who of them waits for the commit listens here.
    done: watch::Sender<Option<Result<(), Failed>>>,
}

/// A write under way. Dropped without [`Tx::commit`], it has not been.
#[derive(Debug)]
pub(crate) struct Tx {
    group: OwnedMappedMutexGuard<Option<Group>, Group>,
    writers: Arc<Writers>,
    events: Vec<Noted>,
    kept: bool,
}

impl Store {
    /// Begins a write.
    pub(crate) async fn write(&self) -> Result<Tx, StoreError> {
        self.write_alone(&[]).await
    }

    /// Begins a write that waits for every other one, of whatever node, that named one of the same `things`,
    /// until that is committed. All that is decided from has to be read after this.
    pub(crate) async fn write_alone(&self, things: &[String]) -> Result<Tx, StoreError> {
        self.write_holding(things, Hold::Alone).await
    }

    /// Begins a write that waits for those who are alone with one of the same `things`, as they wait for it, and for
    /// nobody who begins so as well.
    pub(crate) async fn write_beside(&self, things: &[String]) -> Result<Tx, StoreError> {
        self.write_holding(things, Hold::Beside).await
    }

    /// Has a write that is under way be alone with one more thing; false where somebody else is, who is not waited for.
    pub(crate) async fn take_alone(&self, tx: &mut Tx, thing: &str) -> Result<bool, StoreError> {
        if matches!(self.location, Location::File(_)) {
            return Ok(true);
        }
        let taken: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS ours) AS tried WHERE ours",
        )
        .bind(thing)
        .fetch_one(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(taken > 0)
    }

    async fn write_holding(&self, things: &[String], hold: Hold) -> Result<Tx, StoreError> {
        // A file has one writer.
        let things: &[String] = if matches!(self.location, Location::File(_)) { &[] } else { things };
        Writers::open(&self.writers, things, hold).await.map_err(|e| self.sql(e))
    }

    /// A write of one statement; how many rows it changed.
    pub(crate) async fn change(&self, statement: Statement<'_>) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let done = statement.execute(&mut *tx).await.map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(done.rows_affected())
    }
}

impl Writers {
    pub(crate) fn new(pool: AnyPool, location: Location) -> Arc<Self> {
        Arc::new(Self { pool, location, line: Arc::default() })
    }

    /// Joins the group, or begins one.
    async fn open(this: &Arc<Self>, things: &[String], hold: Hold) -> Result<Tx, SqlError> {
        let mut turn = this.turn().await;
        if turn.as_ref().is_some_and(|group| group.writes >= MOST) {
            turn = this.finish(turn).await;
        }
        if let Some(group) = &mut *turn {
            match group.join(things, hold).await {
                Ok(true) => {}
                Ok(false) => turn = this.finish(turn).await,
                Err(e) => lose(&mut turn, &e),
            }
        }
        if turn.is_none() {
            let group = this.begin(things, hold).await?;
            *turn = Some(group);
        }
        match OwnedMutexGuard::try_map(turn, Option::as_mut) {
            Ok(group) => Ok(Tx { group, writers: Arc::clone(this), events: Vec::new(), kept: false }),
            Err(_) => Err(SqlError::WorkerCrashed),
        }
    }

    /// Waits in line. What the one before left behind is tidied up first.
    async fn turn(&self) -> Turn {
        let mut turn = Arc::clone(&self.line).lock_owned().await;
        if turn.as_ref().is_some_and(|group| group.done.receiver_count() == 0) {
            // Nobody waits for it any more: it is rolled back.
            *turn = None;
        }
        if let Some(group) = &mut *turn
            && let Err(e) = group.take_back().await
        {
            // A full disk, say, over which the whole transaction is gone: each tries for himself.
            let undone = Failed { code: "40001".to_owned(), told: e.to_string() };
            lose(&mut turn, &undone.into());
        }
        turn
    }

    /// Begins a group. A file is taken at once: a transaction that began by reading could not be promoted while
    /// another process writes.
    async fn begin(&self, things: &[String], hold: Hold) -> Result<Group, SqlError> {
        let mut tx = match self.location {
            Location::File(_) => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            Location::Server { .. } => self.pool.begin().await?,
        };
        if !things.is_empty() {
            // In one order for all, so that of two who want the same neither waits for the other.
            let sql = format!(
                "SELECT pg_advisory_xact_lock{}(hashtextextended(value, 0)) FROM
                    (SELECT value FROM json_array_elements_text(CAST($1 AS json)) ORDER BY value) AS sorted",
                hold.ending()
            );
            let held = sqlx::query(AssertSqlSafe(sql)).bind(serde_json::json!(things).to_string());
            held.execute(&mut *tx).await?;
        }
        let (done, _) = watch::channel(None);
        Ok(Group { tx, writes: 0, savepoint: None, given_up: false, events: Vec::new(), done })
    }

    /// Commits the group, and tells all of it how that went. In a task of its own: who began it may be dropped,
    /// and the others wait all the same.
    async fn finish(self: &Arc<Self>, mut turn: Turn) -> Turn {
        let this = Arc::clone(self);
        let task = tokio::spawn(async move {
            if let Some(group) = turn.take() {
                let done = group.done.clone();
                let result = this.commit(group).await.map_err(|e| Failed::from(&e));
                done.send_replace(Some(result));
            }
            turn
        });
        match task.await {
            Ok(turn) => turn,
            // The runtime is shutting down.
            Err(_) => Arc::clone(&self.line).lock_owned().await,
        }
    }

    async fn commit(&self, group: Group) -> Result<(), SqlError> {
        let Group { mut tx, events, writes, .. } = group;
        let begun = Instant::now();
        insert_events(&mut tx, &events).await?;
        let committed = tx.commit().await;
        metrics::histogram!("waihu_store_commit_seconds").record(begun.elapsed().as_secs_f64());
        metrics::counter!("waihu_store_writes_total").increment(writes.into());
        match committed {
            Err(lost) if kind(&lost) == Kind::Unreachable && !events.is_empty() => {
                match tokio::time::timeout(ASK, self.ask(&events)).await {
                    Ok(true) => Ok(()),
                    Ok(false) | Err(_) => Err(lost),
                }
            }
            result => result,
        }
    }

    /// Whether a commit whose answer was lost came about. Its events tell, each of which is there with its write
    /// and not otherwise; a transaction's number would not, since a server that fell may give it again. What
    /// still commits holds the lock on events, and is waited for.
    async fn ask(&self, events: &[Noted]) -> bool {
        loop {
            match self.all_told(events).await {
                Ok(told) => return told,
                // The server is not up yet.
                Err(_) => tokio::time::sleep(ASK_AGAIN).await,
            }
        }
    }

    async fn all_told(&self, events: &[Noted]) -> Result<bool, SqlError> {
        let mut tx = self.pool.begin().await?;
        tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('events', 0))").await?;
        for event in events {
            let told: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE key = $1")
                .bind(event.key())
                .fetch_one(&mut *tx)
                .await?;
            if told == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Slices of few lengths, so that a statement for each length is prepared once.
pub(crate) fn slices<T>(mut left: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = [256, 32, 4, 1].into_iter().find(|&length| length <= left.len())?;
        let some;
        (some, left) = left.split_at(length);
        Some(some)
    })
}

/// The placeholders of `rows` rows of `columns` each, from number `first` on: `($1, $2), ($3, $4)`.
pub(crate) fn placeholders(first: usize, rows: usize, columns: usize) -> String {
    let row = |r: usize| {
        let row: Vec<String> = (0..columns).map(|c| format!("${}", first + r * columns + c)).collect();
        format!("({})", row.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// Gives a group up: the transaction is rolled back, and whoever has written in it hears why.
fn lose(turn: &mut Turn, e: &SqlError) {
    if let Some(group) = turn.take() {
        group.done.send_replace(Some(Err(Failed::from(e))));
    }
}

impl Group {
    /// Makes ready for another write; false where it would have to wait for one of the `things`.
    async fn join(&mut self, things: &[String], hold: Hold) -> Result<bool, SqlError> {
        let next = format!("w{}", self.writes);
        let sql = match &self.savepoint {
            Some(last) => format!("RELEASE SAVEPOINT {last}; SAVEPOINT {next}"),
            None => format!("SAVEPOINT {next}"),
        };
        self.tx.execute(AssertSqlSafe(sql)).await?;
        self.savepoint = Some(next);
        if things.is_empty() {
            return Ok(true);
        }
        let sql = format!(
            "SELECT count(*) FROM (SELECT pg_try_advisory_xact_lock{}(hashtextextended(value, 0)) AS ours
                FROM json_array_elements_text(CAST($1 AS json))) AS tried WHERE NOT ours",
            hold.ending()
        );
        let tried = sqlx::query_scalar(AssertSqlSafe(sql)).bind(serde_json::json!(things).to_string());
        let taken: i64 = tried.fetch_one(&mut *self.tx).await?;
        Ok(taken == 0)
    }

    /// Takes back the statements of a write that was given up.
    async fn take_back(&mut self) -> Result<(), SqlError> {
        if self.given_up
            && let Some(savepoint) = &self.savepoint
        {
            self.tx.execute(AssertSqlSafe(format!("ROLLBACK TO SAVEPOINT {savepoint}"))).await?;
        }
        self.given_up = false;
        Ok(())
    }
}

impl Tx {
    /// Has others told of what happened, once it is committed. A key that was told before is not told again.
    pub(crate) fn tell(&mut self, happened: Happened<'_>) {
        self.events.push(happened.into());
    }

    /// Keeps what was written: it is on the disk when this returns.
    pub(crate) async fn commit(mut self) -> Result<(), SqlError> {
        self.kept = true;
        let events = std::mem::take(&mut self.events);
        self.group.events.extend(events);
        self.group.writes += 1;
        let mut listening =
            Listening { writers: Arc::clone(&self.writers), done: Some(self.group.done.subscribe()) };
        drop(self);
        listening.result().await.map_err(SqlError::from)
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if !self.kept {
            self.group.given_up = true;
            tidy(&self.writers);
        }
    }
}

impl Deref for Tx {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.group.tx
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.group.tx
    }
}

/// Has the line looked after where a write was dropped: if nobody else waits in its group, that is rolled back
/// now and not with the next write, since others may wait for it. Without a runtime the process is ending.
fn tidy(writers: &Arc<Writers>) {
    if let Ok(runtime) = Handle::try_current() {
        let writers = Arc::clone(writers);
        runtime.spawn(async move { drop(writers.turn().await) });
    }
}

/// Somebody whose write is in the group, until he knows how its commit went.
struct Listening {
    writers: Arc<Writers>,
    /// None once that is known.
    done: Option<watch::Receiver<Option<Result<(), Failed>>>>,
}

impl Listening {
    async fn result(&mut self) -> Result<(), Failed> {
        let Some(done) = &mut self.done else { return Err(Failed::lost()) };
        tokio::select! {
            biased;
            _ = done.changed() => {}
            turn = self.writers.turn() => {
                if done.borrow().is_none() {
                    drop(self.writers.finish(turn).await);
                }
            }
        }
        let result = done.borrow().clone().unwrap_or_else(|| Err(Failed::lost()));
        self.done = None;
        result
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if self.done.take().is_some() {
            tidy(&self.writers);
        }
    }
}

/// Why a group failed, for each of its writes.
#[derive(Clone, Debug)]
struct Failed {
    code: String,
    told: String,
}

impl Failed {
    /// For a group of which nothing is known: PostgreSQL's `transaction_resolution_unknown`.
    fn lost() -> Self {
        Self { code: "08007".to_owned(), told: "it is not known whether it was written".to_owned() }
    }
}

impl From<&SqlError> for Failed {
    fn from(e: &SqlError) -> Self {
        let code = match e {
            SqlError::Database(e) => e.code().map(|code| code.into_owned()),
            _ => None,
        };
        let of_kind = || match kind(e) {
            // PostgreSQL's `connection_failure` and `lock_not_available`.
            Kind::Unreachable => "08006",
            Kind::Locked => "55P03",
            _ => "XX000",
        };
        Self { code: code.unwrap_or_else(|| of_kind().to_owned()), told: e.to_string() }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

impl std::error::Error for Failed {}

impl DatabaseError for Failed {
    fn message(&self) -> &str {
        &self.told
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some((&self.code).into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}
