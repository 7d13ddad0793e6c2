//! Strategies that people saved: versions of each, none of which is ever changed. Campaigns keep copies of theirs.

use async_recursion::async_recursion as boxed;
use sqlx::FromRow;
use waihu_types::WallTime;

use crate::{Store, StoreError};

/// A version of a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredStrategy {
    /// Its name.
    pub name: String,
    /// Its version, from 1.
    pub revision: i64,
    /// What stands in it, as in a file of `strategies/`.
    pub content: String,
    /// Who saved it.
    pub saved_by: String,
    /// When.
    pub saved_at: WallTime,
}

#[derive(FromRow)]
struct Row {
    name: String,
    revision: i64,
    content: String,
    saved_by: String,
    saved_at: i64,
}

impl From<Row> for StoredStrategy {
    fn from(row: Row) -> Self {
        let Row { name, revision, content, saved_by, saved_at } = row;
        Self { name, revision, content, saved_by, saved_at: WallTime::from_unix_millis(saved_at) }
    }
}

impl Store {
    /// Saves a strategy; its new version.
    ///
    /// # Errors
    /// [`StoreError::Revised`] where `expected` names another version than the newest (none is 0), or that it cannot
    /// be written.
    #[boxed]
    pub async fn save_strategy(
        &self,
        name: &str,
        content: &str,
        expected: Option<i64>,
        by: &str,
        now: WallTime,
    ) -> Result<i64, StoreError> {
        let mut tx = self.write_alone(&[format!("strategy:{name}")]).await?;
        let newest: Option<i64> = sqlx::query_scalar("SELECT max(revision) FROM strategies WHERE name = $1")
            .bind(name)
            .fetch_one(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        let newest = newest.unwrap_or(0);
        if expected.is_some_and(|expected| expected != newest) {
            return Err(StoreError::Revised { of: name.to_owned(), revision: newest });
        }
        sqlx::query(
            "INSERT INTO strategies (name, revision, content, saved_by, saved_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(name)
        .bind(newest + 1)
        .bind(content)
        .bind(by)
        .bind(now.unix_millis())
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(newest + 1)
    }

    /// The newest version of a strategy; none where none was saved.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn strategy(&self, name: &str) -> Result<Option<StoredStrategy>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT name, revision, content, saved_by, saved_at FROM strategies WHERE name = $1
             ORDER BY revision DESC LIMIT 1",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(row.map(Into::into))
    }

    /// The newest version of each strategy that was saved, in the order of their names.
    ///
    /// # Errors
    /// When they cannot be read.
    #[boxed]
    pub async fn strategies(&self) -> Result<Vec<StoredStrategy>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT name, revision, content, saved_by, saved_at FROM strategies AS s
             WHERE revision = (SELECT max(revision) FROM strategies AS n WHERE n.name = s.name) ORDER BY name",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}
