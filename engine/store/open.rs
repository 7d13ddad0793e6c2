//! Opening the file: creating it, checking whose it is, bringing its schema up to date.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Mutex,
    time::Duration,
};

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use waihu_types::PhoneNumber;

use crate::{StoreError, owner::Owner};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The `application_id` that the first migration writes: "waih".
const APPLICATION_ID: i64 = 0x7761_6968;

/// How long a statement waits for another process's write (s): a commit takes milliseconds, so this
/// is a stuck program, not a busy one.
const BUSY_TIMEOUT_S: u64 = 5;

/// Connections to the file: one writes at a time, the others read meanwhile.
const CONNECTIONS: u32 = 4;

/// The attempts and outcomes in one file.
///
/// Dropping it closes it; attempts that were open stay open and are closed by the next
/// [`Store::recover`].
#[derive(Debug)]
pub struct Store {
    pub(crate) path: PathBuf,
    pub(crate) pool: SqlitePool,
    /// Whether what is dialled is no person.
    pub(crate) practice: bool,
    /// Made with the first attempt: who only reads leaves no lock behind.
    pub(crate) owner: Mutex<Option<Owner>>,
}

impl Store {
    /// Opens the file, creating it (readable by its owner only: it holds personal data) and its
    /// folder where they are not there, and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be opened or written, belongs to another program or to a newer waihu.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        create(&path).map_err(|e| StoreError::io(&path, e))?;
        let options = SqliteConnectOptions::from_str("sqlite:")
            .map_err(|e| StoreError::sqlite(&path, e))?
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            // An attempt must outlive a power cut: NORMAL would lose the last commits.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(BUSY_TIMEOUT_S))
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(2 * BUSY_TIMEOUT_S))
            .connect_lazy_with(options);
        let store = Self { path, pool, practice: false, owner: Mutex::new(None) };
        store.check_whose().await?;
        store.migrate().await?;
        store.fill_in_subscribers().await?;
        Ok(store)
    }

    /// The store for a practice ground: what its callees say forbids no number, and what other
    /// callees said forbids none there.
    #[must_use]
    pub fn for_practice(self) -> Self {
        Self { practice: true, ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file, waiting for statements under way. Dropping does the same, later.
    pub async fn close(self) {
        self.pool.close().await;
    }

    async fn check_whose(&self) -> Result<(), StoreError> {
        let (id, tables): (i64, i64) = sqlx::query_as(
            // A process that died in its very first moment leaves the migrator's own table alone.
            "SELECT application_id,
                    (SELECT count(*) FROM sqlite_schema WHERE tbl_name != '_sqlx_migrations')
             FROM pragma_application_id",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        if id == APPLICATION_ID || (id == 0 && tables == 0) {
            Ok(())
        } else {
            Err(StoreError::NotOurs { path: self.path.clone() })
        }
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let known = MIGRATOR.iter().map(|m| m.version).max().unwrap_or(0);
        MIGRATOR.run(&self.pool).await.map_err(|e| match e {
            MigrateError::VersionMissing(found) | MigrateError::VersionTooNew(found, _) => {
                StoreError::Newer { path: self.path.clone(), found, known }
            }
            MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => self.sql(e),
            source => StoreError::Migrate { path: self.path.clone(), source },
        })
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
            sqlx::query("UPDATE attempts SET subscriber = ?2 WHERE attempt = ?1")
                .bind(attempt)
                .bind(callee.parse::<PhoneNumber>()?.subscriber())
                .execute(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?;
        }
        tx.commit().await.map_err(|e| self.sql(e))
    }

    /// A transaction that writes, taken at once: one that began by reading could not be promoted
    /// while another process writes.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(|e| self.sql(e))
    }

    pub(crate) fn sql(&self, e: sqlx::Error) -> StoreError {
        StoreError::sqlite(&self.path, e)
    }
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
