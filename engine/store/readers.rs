//! Readers of events: how far each is, who delivers to it, and what it would not take.
//!
//! A reader is held by one node at a time, by a lease that each move of its place renews; a move by who
//! holds it no longer, or from where it is not, changes nothing. Deliberately absent: how events are
//! delivered (`deliver`), and any clock.

use async_recursion::async_recursion as boxed;
use sqlx::FromRow;
use waihu_types::WallTime;

use crate::{Store, StoreError};

/// How far a reader is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The reader.
    pub reader: String,
    /// Delivered, or set aside, up to this event.
    pub seq: i64,
    /// How often the next one was tried.
    pub tries: u32,
    /// When it was first tried.
    pub since: Option<WallTime>,
    /// Not tried again before.
    pub next_at: WallTime,
    /// What went wrong last; empty where nothing did.
    pub told: String,
}

/// By whom, and until when, a reader is held.
#[derive(Clone, Copy, Debug)]
pub struct Hold<'a> {
    /// The node.
    pub node: &'a str,
    /// When another may take it, unless it was renewed.
    pub until: WallTime,
}

/// An event that a reader would not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The reader.
    pub reader: String,
    /// The event.
    pub seq: i64,
    /// When it was set aside.
    pub at: WallTime,
    /// How often it was tried.
    pub tries: u32,
    /// What went wrong last.
    pub told: String,
}

#[derive(FromRow)]
struct PlaceRow {
    reader: String,
    seq: i64,
    tries: i64,
    since: Option<i64>,
    next_at: i64,
    told: String,
}

impl From<PlaceRow> for Place {
    fn from(row: PlaceRow) -> Self {
        Self {
            reader: row.reader,
            seq: row.seq,
            tries: u32::try_from(row.tries).unwrap_or(u32::MAX),
            since: row.since.map(WallTime::from_unix_millis),
            next_at: WallTime::from_unix_millis(row.next_at),
            told: row.told,
        }
    }
}

impl Store {
    /// Takes a reader, which is made where it is not there (its place before the first event), or
    /// renews the hold on it. None where another node holds it.
    ///
    /// # Errors
    /// When it cannot be read or written.
    #[boxed]
    pub async fn take_reader(
        &self,
        reader: &str,
        hold: Hold<'async_recursion>,
        now: WallTime,
    ) -> Result<Option<Place>, StoreError> {
        let mut tx = self.write().await?;
        let row: Option<PlaceRow> = sqlx::query_as(
            "INSERT INTO readers (reader, seq, tries, since, next_at, told, node, lease_until)
             VALUES ($1, 0, 0, NULL, 0, '', $2, $3)
             ON CONFLICT (reader) DO UPDATE SET node = $2, lease_until = $3
                WHERE readers.node IS NULL OR readers.node = $2 OR readers.lease_until <= $4
             RETURNING reader, seq, tries, since, next_at, told",
        )
        .bind(reader)
        .bind(hold.node)
        .bind(hold.until.unix_millis())
        .bind(now.unix_millis())
        .fetch_optional(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(row.map(Place::from))
    }

    /// Moves a reader from where it was, or writes down a failed try, and sets an event aside with it;
    /// on the disk when this returns. False, and nothing changed, where another node holds the reader
    /// by now or a person has moved it.
    ///
    /// # Errors
    /// When it cannot be written.
    #[boxed]
    pub async fn move_reader(
        &self,
        from: i64,
        to: &Place,
        hold: Hold<'async_recursion>,
        aside: Option<&DeadLetter>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let moved = sqlx::query(
            "UPDATE readers SET seq = $4, tries = $5, since = $6, next_at = $7, told = $8, lease_until = $9
             WHERE reader = $1 AND node = $2 AND seq = $3",
        )
        .bind(&to.reader)
        .bind(hold.node)
        .bind(from)
        .bind(to.seq)
        .bind(i64::from(to.tries))
        .bind(to.since.map(WallTime::unix_millis))
        .bind(to.next_at.unix_millis())
        .bind(&to.told)
        .bind(hold.until.unix_millis())
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if moved.rows_affected() == 0 {
            return Ok(false);
        }
        if let Some(letter) = aside {
            sqlx::query(
                "INSERT INTO dead_letters (reader, seq, at, tries, told) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (reader, seq) DO UPDATE SET at = $3, tries = $4, told = $5",
            )
            .bind(&letter.reader)
            .bind(letter.seq)
            .bind(letter.at.unix_millis())
            .bind(i64::from(letter.tries))
            .bind(&letter.told)
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(true)
    }

    /// Lets go of a reader, so that another node need not wait for the lease.
    ///
    /// # Errors
    /// When it cannot be written.
    #[boxed]
    pub async fn release_reader(&self, reader: &str, node: &str) -> Result<(), StoreError> {
        let change = sqlx::query("UPDATE readers SET node = NULL WHERE reader = $1 AND node = $2")
            .bind(reader)
            .bind(node);
        self.change(change).await.map(drop)
    }

    /// Puts a reader before another event, whoever holds it: all from there on is delivered (again).
    /// False where there is no such reader.
    ///
    /// # Errors
    /// When it cannot be written.
    #[boxed]
    pub async fn put_reader_before(&self, reader: &str, seq: i64) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE readers SET seq = $2, tries = 0, since = NULL, next_at = 0, told = '' WHERE reader = $1",
        )
        .bind(reader)
        .bind(seq.saturating_sub(1).max(0));
        Ok(self.change(done).await? > 0)
    }

    /// How far each reader is, by name.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn readers(&self) -> Result<Vec<Place>, StoreError> {
        let rows: Vec<PlaceRow> =
            sqlx::query_as("SELECT reader, seq, tries, since, next_at, told FROM readers ORDER BY reader")
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        Ok(rows.into_iter().map(Place::from).collect())
    }

    /// What a reader would not take, from an event on, in the order of events.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn dead_letters(
        &self,
        reader: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(
            "SELECT seq, at, tries, told FROM dead_letters WHERE reader = $1 AND seq > $2
             ORDER BY seq LIMIT $3",
        )
        .bind(reader)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        let letter = |(seq, at, tries, told)| DeadLetter {
            reader: reader.to_owned(),
            seq,
            at: WallTime::from_unix_millis(at),
            tries: u32::try_from(tries).unwrap_or(u32::MAX),
            told,
        };
        Ok(rows.into_iter().map(letter).collect())
    }

    /// How many events a reader would not take.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn dead_letter_count(&self, reader: &str) -> Result<i64, StoreError> {
        sqlx::query_scalar("SELECT count(*) FROM dead_letters WHERE reader = $1")
            .bind(reader)
            .fetch_one(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// Takes an event off the list of what a reader would not take: it has it now.
    ///
    /// # Errors
    /// When it cannot be written.
    #[boxed]
    pub async fn settle_dead_letter(&self, reader: &str, seq: i64) -> Result<(), StoreError> {
        let change =
            sqlx::query("DELETE FROM dead_letters WHERE reader = $1 AND seq = $2").bind(reader).bind(seq);
        self.change(change).await.map(drop)
    }
}
