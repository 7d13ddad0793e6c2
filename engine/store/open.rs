//! Opening the store: finding it, checking whose it is, bringing its schema up to date.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};

use sqlx::{
    AnyConnection, AnyPool, ConnectOptions, Connection, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};
use waihu_types::PhoneNumber;

use crate::{StoreError, owner::Owner, seal::Seal, write::Writers};

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// The `application_id` that SQLite's first migration writes: "waih".
const APPLICATION_ID: i64 = 0x7761_6968;

/// The comment that PostgreSQL's first migration puts on the table of attempts.
const POSTGRES_MARK: &str = "waihu";

/// How long a connection is waited for (s): twice the longest wait for a write to a file, and as long as a
/// server needs to be up again after a fall.
const ACQUIRE_TIMEOUT_S: u64 = 10;

/// Connections to a file: one writes at a time, the others read meanwhile.
const TO_A_FILE: u32 = 4;

/// Connections to a server, of the hundred that PostgreSQL allows as it comes: ten nodes fit.
const TO_A_SERVER: u32 = 8;

/// What each connection to a file is set to. Another process's write is waited for 5 s: a commit takes
/// milliseconds, so who takes longer is stuck, not busy. An attempt must outlive a power cut: `synchronous = NORMAL` would
/// lose the last commits.
const SQLITE_SETTINGS: &str =
    "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON";

/// What each connection to a server is set to. Each statement sees what was committed before it, and so what
/// was committed while it waited for a lock (see [`Store::write_alone`]); under the stricter levels it would see what
/// stood when the transaction began, and fail at the end. A commit is on the disk when it returns, whatever the
/// server's file says, and who waits half a minute for a lock waits for a process that hangs.
const POSTGRES_SETTINGS: &str =
    "SET default_transaction_isolation = 'read committed'; SET synchronous_commit = 'on';
    SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'";

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Server {
        /// Its host, or its socket's folder.
        host: String,
        /// The database's name.
        name: String,
    },
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server { host, name } => write!(f, "database {name} at {host}"),
        }
    }
}

/// The attempts and outcomes, and all that belongs to them, in one database.
///
/// Dropping it closes it; attempts that were open stay open and are closed by the next
/// [`Store::recover`].
#[derive(Debug)]
pub struct Store {
    pub(crate) location: Location,
    /// For reading; what writes stands in line, [`Store::write`].
    pub(crate) pool: AnyPool,
    pub(crate) writers: Arc<Writers>,
    /// Whether what is dialled is no person.
    pub(crate) practice: bool,
    /// Made with the first attempt: who only reads leaves no mark behind.
    pub(crate) owner: Mutex<Option<Owner>>,
    /// What words are sealed with; none where they stay in clear.
    pub(crate) seal: RwLock<Option<Arc<Seal>>>,
}

impl Store {
    /// Opens what `address` names: a PostgreSQL database (`postgres://USER:PASSWORD@HOST/DATABASE`, as libpq
    /// writes it), or else an SQLite file by its path.
    ///
    /// # Errors
    /// When it cannot be reached, opened or written, belongs to another program, or a newer waihu has made of it what
    /// this one cannot live with.
    pub async fn connect(address: &str) -> Result<Self, StoreError> {
        if address.starts_with("postgres://") || address.starts_with("postgresql://") {
            Self::server(address).await
        } else {
            Self::open(address).await
        }
    }

    /// Opens an SQLite file, creating it (readable by its owner only: it holds personal data) and its
    /// folder where they are not there, and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be opened or written, belongs to another program, or a newer waihu has made of it what this one
    /// cannot live with.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let whole =
            create(&path).and_then(|()| fs::canonicalize(&path)).map_err(|e| StoreError::io(&path, e))?;
        let location = Location::File(path);
        let options =
            format!("sqlite://{}", encoded(&whole)).parse().map_err(|e| StoreError::sql(&location, e))?;
        Self::opened(location, TO_A_FILE, SQLITE_SETTINGS, options).await
    }

    async fn server(address: &str) -> Result<Self, StoreError> {
        let bad = |source| StoreError::Address { source };
        let told: PgConnectOptions = address.parse().map_err(bad)?;
        let host = match told.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => told.get_host().to_owned(),
        };
        // As libpq has it: a database of the user's name where none is named.
        let name = told.get_database().unwrap_or_else(|| told.get_username()).to_owned();
        let options = address.parse().map_err(bad)?;
        Self::opened(Location::Server { host, name }, TO_A_SERVER, POSTGRES_SETTINGS, options).await
    }

    /// Looks at what is there on one connection, whose faults come at once and as they are: a pool tries again
    /// until its time is over, and then tells of that.
    async fn opened(
        location: Location,
        connections: u32,
        settings: &'static str,
        options: AnyConnectOptions,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let sql = |e| StoreError::sql(&location, e);
        let mut first = options.connect().await.map_err(sql)?;
        first.execute(settings).await.map_err(sql)?;
        check_whose(&mut first, &location).await?;
        migrate(&mut first, &location).await?;
        check_newer(&mut first, &location).await?;
        first.close().await.map_err(sql)?;
        let pool = pool(connections, settings, options);
        let writers = Writers::new(pool.clone(), location.clone());
        let (owner, seal) = (Mutex::new(None), RwLock::new(None));
        let store = Self { location, pool, writers, practice: false, owner, seal };
        store.fill_in_subscribers().await?;
        store.chain_up().await?;
        Ok(store)
    }

    /// The store for a practice ground: what its callees say forbids no number, and what other
    /// callees said forbids none there.
    #[must_use]
    pub fn for_practice(self) -> Self {
        Self { practice: true, ..self }
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Closes it, waiting for statements under way. Dropping does the same, later.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// Completes the attempts of a schema that did not have the column.
    async fn fill_in_subscribers(&self) -> Result<(), StoreError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT attempt, callee FROM attempts WHERE subscriber IS NULL")
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        for (attempt, callee) in rows {
            sqlx::query("UPDATE attempts SET subscriber = $2 WHERE attempt = $1")
                .bind(attempt)
                .bind(callee.parse::<PhoneNumber>()?.subscriber())
                .execute(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?;
        }
        tx.commit().await.map_err(|e| self.sql(e))
    }

    pub(crate) fn sql(&self, e: sqlx::Error) -> StoreError {
        StoreError::sql(&self.location, e)
    }
}

/// Whether it is ours, or nobody's yet.
async fn check_whose(connection: &mut AnyConnection, location: &Location) -> Result<(), StoreError> {
    let ours = match location {
        Location::File(_) => {
            let (id, tables): (i64, i64) = sqlx::query_as(
                // A process that died in its very first moment leaves the migrator's own table alone.
                "SELECT application_id,
                        (SELECT count(*) FROM sqlite_schema WHERE tbl_name != '_sqlx_migrations')
                 FROM pragma_application_id",
            )
            .fetch_one(&mut *connection)
            .await
            .map_err(|e| StoreError::sql(location, e))?;
            id == APPLICATION_ID || (id == 0 && tables == 0)
        }
        Location::Server { .. } => {
            let (tables, mark): (i64, Option<String>) = sqlx::query_as(
                // What an extension brought along is nobody's table.
                "SELECT (SELECT count(*) FROM pg_class AS c
                         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
                           AND c.relname <> '_sqlx_migrations' AND NOT EXISTS (
                               SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')),
                        obj_description(to_regclass('attempts'), 'pg_class')",
            )
            .fetch_one(&mut *connection)
            .await
            .map_err(|e| StoreError::sql(location, e))?;
            tables == 0 || mark.as_deref() == Some(POSTGRES_MARK)
        }
    };
    if ours { Ok(()) } else { Err(StoreError::NotOurs { location: location.clone() }) }
}

/// The migrations that this program knows.
fn shipped(location: &Location) -> &'static Migrator {
    match location {
        Location::File(_) => &SQLITE,
        Location::Server { .. } => &POSTGRES,
    }
}

/// Brings the schema up to date. What a newer program has added to it serves this one as well (README.md, "Older
/// programs"): so a node starts again while others are newer already.
async fn migrate(connection: &mut AnyConnection, location: &Location) -> Result<(), StoreError> {
    let mut migrator = Migrator::with_migrations(shipped(location).iter().cloned().collect());
    migrator.set_ignore_missing(true);
    migrator.run(connection).await.map_err(|e| match e {
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => StoreError::sql(location, e),
        source => StoreError::Migrate { location: location.clone(), source },
    })
}

/// Refuses a schema with which older programs cannot live: that stands in the name of the migration that made it so
/// (`NNNN_breaks_….sql`).
async fn check_newer(connection: &mut AnyConnection, location: &Location) -> Result<(), StoreError> {
    let known = shipped(location).iter().map(|m| m.version).max().unwrap_or(0);
    let breaks: Option<i64> = sqlx::query_scalar(
        "SELECT min(version) FROM _sqlx_migrations WHERE version > $1 AND description LIKE 'breaks %'",
    )
    .bind(known)
    .fetch_one(connection)
    .await
    .map_err(|e| StoreError::sql(location, e))?;
    match breaks {
        None => Ok(()),
        Some(found) => Err(StoreError::Newer { location: location.clone(), found, known }),
    }
}

fn pool(connections: u32, settings: &'static str, options: AnyConnectOptions) -> AnyPool {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(ACQUIRE_TIMEOUT_S))
        .after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(settings).await.map(drop) })
        })
        // On a full disk SQLite rolls a transaction back by itself, which the driver does not notice: it would begin
        // no other one on that connection.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .connect_lazy_with(options)
}

/// A path as an address has it: all that could mean something else is written by its number.
fn encoded(path: &Path) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().map(|&b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Makes the folder and an empty file, where they are not there.
fn create(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
