//! Nodes: the processes that place calls, and which of them live.
//!
//! On a server a node lives until its lease is over, by the clocks of those who ask: so the machines' clocks
//! have to agree to a small part of a lease. On a file the lock beside it tells at once (`owner.rs`), and the
//! lease is only told. When to renew is the caller's business: several times a lease.

use std::time::Duration;

use sqlx::FromRow;
use waihu_types::{AttemptId, WallTime};

use crate::{
    Location, Store, StoreError,
    owner::{Owner, holds_lock, remove_lock},
    write::{Statement, Tx},
};

/// A process that places calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its machine and process, for people.
    pub name: String,
    /// When it was heard of last.
    pub seen_at: WallTime,
    /// When its lease is over.
    pub lease_until: WallTime,
    /// Whether it lives.
    pub alive: bool,
    /// Whether it places no further call.
    pub draining: bool,
}

impl Store {
    /// Enters this process as a node, for as long as `lease` unless it is renewed; its id. A second time it is
    /// the same node still.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn join(&self, name: &str, now: WallTime, lease: Duration) -> Result<String, StoreError> {
        if matches!(self.location, Location::File(_)) {
            self.owner_id()?;
        }
        let id = {
            let mut owner = self.owner();
            let owner = owner.get_or_insert_with(Owner::leased);
            owner.name = Some(name.to_owned());
            owner.id.clone()
        };
        let change = sqlx::query(
            "INSERT INTO nodes (node, name, seen_at, lease_until, draining) VALUES ($1, $2, $3, $4, 0)
             ON CONFLICT (node) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at,
                lease_until = excluded.lease_until",
        )
        .bind(&id)
        .bind(name)
        .bind(now.unix_millis())
        .bind(now.plus(lease).unix_millis());
        self.apart(change).await?;
        Ok(id)
    }

    /// Renews this node's lease; false where others had taken it for dead since, and have filed what it had
    /// open: it goes on as if it had joined anew.
    ///
    /// # Errors
    /// [`StoreError::NoLease`] where it never joined, or that it cannot be written.
    pub async fn renew(&self, now: WallTime, lease: Duration) -> Result<bool, StoreError> {
        let known = self.owner().as_ref().and_then(|owner| Some((owner.id.clone(), owner.name.clone()?)));
        let (id, name) = known.ok_or(StoreError::NoLease)?;
        let change = sqlx::query("UPDATE nodes SET seen_at = $2, lease_until = $3 WHERE node = $1")
            .bind(&id)
            .bind(now.unix_millis())
            .bind(now.plus(lease).unix_millis());
        if self.apart(change).await? > 0 {
            return Ok(true);
        }
        self.join(&name, now, lease).await?;
        Ok(false)
    }

    /// Says that this node places no further call, or that it does again.
    ///
    /// # Errors
    /// [`StoreError::NoLease`] where it never joined, or that it cannot be written.
    pub async fn drain(&self, draining: Draining) -> Result<(), StoreError> {
        let change = sqlx::query("UPDATE nodes SET draining = $2 WHERE node = $1")
            .bind(self.owner_id()?)
            .bind(i64::from(draining == Draining::Yes));
        self.apart(change).await.map(drop)
    }

    /// Strikes this node off. What it has open still is filed by the next [`Store::recover`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn leave(&self) -> Result<(), StoreError> {
        let Some(owner) = self.owner().take() else { return Ok(()) };
        let change = sqlx::query("DELETE FROM nodes WHERE node = $1").bind(&owner.id);
        self.apart(change).await.map(drop)
    }

    /// The nodes that were not struck off, by their names.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn nodes(&self, now: WallTime) -> Result<Vec<Node>, StoreError> {
        let rows: Vec<NodeRow> = sqlx::query_as(
            "SELECT node, name, seen_at, lease_until, draining FROM nodes ORDER BY name, node",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        let mut nodes = Vec::new();
        for row in rows {
            nodes.push(Node {
                alive: match &self.location {
                    Location::File(file) => holds_lock(file, &row.node)?,
                    Location::Server { .. } => row.lease_until > now.unix_millis(),
                },
                id: row.node,
                name: row.name,
                seen_at: WallTime::from_unix_millis(row.seen_at),
                lease_until: WallTime::from_unix_millis(row.lease_until),
                draining: row.draining != 0,
            });
        }
        Ok(nodes)
    }

    /// The mark for an attempt that begins at `now`. On a server there is one only while the lease runs:
    /// after that others may have filed what this node has open, and dial its cases.
    pub(crate) async fn living(&self, tx: &mut Tx, now: WallTime) -> Result<String, StoreError> {
        let id = self.owner_id()?;
        if matches!(self.location, Location::Server { .. }) {
            let lease: Option<i64> = sqlx::query_scalar("SELECT lease_until FROM nodes WHERE node = $1")
                .bind(&id)
                .fetch_optional(&mut **tx)
                .await
                .map_err(|e| self.sql(e))?;
            if lease.is_none_or(|until| until <= now.unix_millis()) {
                return Err(StoreError::NoLease);
            }
        }
        Ok(id)
    }

    /// A change that waits for no call's write: on a server on a connection of its own.
    async fn apart(&self, change: Statement<'_>) -> Result<u64, StoreError> {
        match self.location {
            Location::File(_) => self.change(change).await,
            Location::Server { .. } => {
                change.execute(&self.pool).await.map(|done| done.rows_affected()).map_err(|e| self.sql(e))
            }
        }
    }

    /// Whether the process lives that marked attempts with `owner`.
    pub(crate) async fn is_alive(&self, owner: &str, now: WallTime) -> Result<bool, StoreError> {
        if let Location::File(file) = &self.location {
            return holds_lock(file, owner);
        }
        let lease: Option<i64> = sqlx::query_scalar("SELECT lease_until FROM nodes WHERE node = $1")
            .bind(owner)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        Ok(lease.is_some_and(|until| until > now.unix_millis()))
    }

    /// Who placed an attempt; none where there is no such.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn placed(&self, attempt: &AttemptId, now: WallTime) -> Result<Option<Placed>, StoreError> {
        let row: Option<(String, Option<String>)> = sqlx::query_as(
            "SELECT attempts.owner, nodes.name FROM attempts LEFT JOIN nodes ON nodes.node = attempts.owner
             WHERE attempts.attempt = $1",
        )
        .bind(attempt.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        let Some((owner, name)) = row else { return Ok(None) };
        if self.owner().as_ref().is_some_and(|own| own.id == owner) {
            return Ok(Some(Placed::Here));
        }
        Ok(Some(match name {
            Some(node) if self.is_alive(&owner, now).await? => Placed::At { node },
            _ => Placed::Gone,
        }))
    }

    /// Strikes a dead process off; on a server unless it has renewed its lease meanwhile.
    pub(crate) async fn forget(&self, owner: &str, now: WallTime) -> Result<(), StoreError> {
        let over = match &self.location {
            Location::File(file) => {
                remove_lock(file, owner);
                i64::MAX
            }
            Location::Server { .. } => now.unix_millis(),
        };
        let change =
            sqlx::query("DELETE FROM nodes WHERE node = $1 AND lease_until <= $2").bind(owner).bind(over);
        self.apart(change).await.map(drop)
    }
}

/// Who placed a call, as seen from a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// This process.
    Here,
    /// Another node that lives, by its name.
    At {
        /// Its machine and process.
        node: String,
    },
    /// A process that has ended.
    Gone,
}

/// Whether a node places no further call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draining {
    /// It ends the calls that it has, and places no other.
    Yes,
    /// It places calls.
    No,
}

#[derive(FromRow)]
struct NodeRow {
    node: String,
    name: String,
    seen_at: i64,
    lease_until: i64,
    draining: i64,
}
