//! What persons changed and looked at: a row before it is done, and a row with how it ended.
//!
//! The rows are a chain: each carries the SHA-256 of the one before and of itself, numbered without gaps in the
//! transaction that writes it, and triggers refuse to change or to remove one. Who goes around them, with rights on
//! the database, is found by walking the chain ([`Store::walk_audit`]). What a chain cannot tell is that its end was cut off, or
//! that all of it was written anew: for that its head goes out to others once a day, and can be asked for later.
//!
//! What an act was about in full stands where it was changed; here stands who did what, when, by which token.

use async_recursion::async_recursion as boxed;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, FromRow, error::Error as SqlError};
use waihu_types::{AttemptId, WallTime};

use crate::{Store, StoreError, events::Happened, write::Tx};

/// What all who add to the chain wait for each other by.
const CHAIN: &str = "audit";

/// Rows that are read at once where older ones are taken in.
const PAGE: i64 = 1_000;

/// What somebody is about to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act<'a> {
    /// The token that asks.
    pub token: &'a str,
    /// Whose it is.
    pub person: &'a str,
    /// The method and the path, which hold no number.
    pub act: &'a str,
    /// The SHA-256 of what was handed in; empty where nothing was.
    pub request: &'a str,
}

/// What somebody changed or looked at.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    /// Its place in the table.
    pub id: i64,
    /// When [ms since the Unix epoch].
    pub at: i64,
    /// The token.
    pub token: String,
    /// The person.
    pub person: String,
    /// The method and the path.
    pub act: String,
    /// The SHA-256 of what was handed in.
    pub request: String,
    /// The status of the answer; none where the process died before it.
    pub status: Option<i64>,
    /// Its number in the chain; none where an older program wrote it, until the next start.
    pub seq: Option<i64>,
    /// Its hash.
    pub hash: Option<String>,
}

/// The last row of the chain: whoever has it can tell later whether all up to it is still there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 for a chain without a row.
    pub seq: i64,
    /// Its hash; empty for a chain without a row.
    pub hash: String,
}

/// A row as the chain has it.
#[derive(Debug, FromRow)]
struct Link {
    id: i64,
    seq: Option<i64>,
    at: i64,
    token: String,
    person: String,
    act: String,
    request: String,
    ends: Option<i64>,
    status: Option<i64>,
    before: Option<String>,
    hash: Option<String>,
}

impl Link {
    /// Of what a row's hash is: each field as its length (eight bytes, the high ones first) and its bytes; numbers
    /// in decimals, what is not there as a length of all ones. So no two rows are written alike.
    fn digest(&self, seq: i64, before: &str) -> String {
        let number = |n: Option<i64>| n.map(|n| n.to_string());
        let fields = [
            Some("waihu audit 1".to_owned()),
            Some(seq.to_string()),
            Some(self.at.to_string()),
            Some(self.token.clone()),
            Some(self.person.clone()),
            Some(self.act.clone()),
            Some(self.request.clone()),
            number(self.ends),
            number(self.status),
            Some(before.to_owned()),
        ];
        let mut hash = Sha256::new();
        for field in fields {
            match field {
                Some(text) => {
                    hash.update((text.len() as u64).to_be_bytes());
                    hash.update(text);
                }
                None => hash.update(u64::MAX.to_be_bytes()),
            }
        }
        hex::encode(hash.finalize())
    }
}

/// Where the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The row is not what its hash was made of.
    #[error("row {seq} was changed: it is not what its hash was made of 第 {seq} 行被改动")]
    Changed {
        /// The row.
        seq: i64,
    },
    /// Rows are missing.
    #[error("rows {from} to {to} are missing 缺少第 {from} 至 {to} 行")]
    Removed {
        /// The first that is missing.
        from: i64,
        /// The last.
        to: i64,
    },
    /// A row stands where another one stood.
    #[error(
        "row {seq} does not follow the one before it: one of the two was put in the place of another 第 {seq} 行与前一行不相接"
    )]
    Replaced {
        /// The row.
        seq: i64,
    },
    /// A row that no chain has.
    #[error("row {seq} is there twice, or out of its turn 第 {seq} 行重复或错位")]
    Inserted {
        /// Its number.
        seq: i64,
    },
    /// A row without a number.
    #[error(
        "the row at place {id} is not in the chain: something other than waihu put it there, or an older waihu that still runs (then the next start takes it in) 位置 {id} 的行不在链中"
    )]
    Outside {
        /// Its place in the table.
        id: i64,
    },
}

/// A walk along the chain, from its first row on.
#[derive(Debug, Default)]
struct Walk {
    head: Head,
}

impl Walk {
    /// Takes one more row, if it fits.
    fn step(&mut self, link: &Link) -> Result<(), Broken> {
        let (Some(seq), Some(before), Some(hash)) = (link.seq, &link.before, &link.hash) else {
            return Err(Broken::Outside { id: link.id });
        };
        let due = self.head.seq.saturating_add(1);
        if seq < due {
            return Err(Broken::Inserted { seq });
        }
        if seq > due {
            return Err(Broken::Removed { from: due, to: seq - 1 });
        }
        if link.digest(seq, before) != *hash {
            return Err(Broken::Changed { seq });
        }
        if *before != self.head.hash {
            return Err(Broken::Replaced { seq });
        }
        self.head = Head { seq, hash: hash.clone() };
        Ok(())
    }
}

/// The columns of a [`Link`].
const LINK: &str = "id, seq, at, token, person, act, request, ends, status, before, hash";

/// The columns of an [`AuditRow`], with how it ended from the row that tells it.
const ROW: &str =
    "a.id, a.at, a.token, a.person, a.act, a.request, coalesce(a.status, e.status) AS status, a.seq,
    a.hash FROM audit AS a LEFT JOIN audit AS e ON e.ends = a.seq";

impl Store {
    /// Writes down what is about to be done; its number in the chain.
    ///
    /// # Errors
    /// When it cannot be written: then it must not be done.
    #[boxed]
    pub async fn write_down(&self, act: Act<'async_recursion>, now: WallTime) -> Result<i64, StoreError> {
        let mut tx = self.write_alone(&[CHAIN.to_owned()]).await?;
        let seq = append(&mut tx, act, None, now).await.map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(seq)
    }

    /// Writes down how it ended, beside what stands there.
    ///
    /// # Errors
    /// When it cannot be written.
    #[boxed]
    pub async fn write_down_end(&self, seq: i64, status: u16, now: WallTime) -> Result<(), StoreError> {
        let mut tx = self.write_alone(&[CHAIN.to_owned()]).await?;
        let act = Act { token: "", person: "", act: "", request: "" };
        append(&mut tx, act, Some((seq, status)), now).await.map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))
    }

    /// What was written down after a place, at most so many.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn audit(&self, after: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let sql = format!("SELECT {ROW} WHERE a.id > $1 AND a.ends IS NULL ORDER BY a.id LIMIT $2");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(after).bind(i64::from(limit));
        query.fetch_all(&self.pool).await.map_err(|e| self.sql(e))
    }

    /// What was written down before a place, the newest first; from the newest on where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn audit_before(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let sql = format!("SELECT {ROW} WHERE a.id < $1 AND a.ends IS NULL ORDER BY a.id DESC LIMIT $2");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
        let query = query.bind(before.unwrap_or(i64::MAX)).bind(i64::from(limit));
        query.fetch_all(&self.pool).await.map_err(|e| self.sql(e))
    }

    /// What was written down about a call by its id: who looked at it, and who handed it out.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn looks_at(&self, attempt: &AttemptId) -> Result<Vec<AuditRow>, StoreError> {
        let sql = format!("SELECT {ROW} WHERE a.act LIKE '%' || $1 || '%' AND a.ends IS NULL ORDER BY a.id");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(attempt.as_str());
        query.fetch_all(&self.pool).await.map_err(|e| self.sql(e))
    }

    /// The chain's last row.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn audit_head(&self) -> Result<Head, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|e| self.sql(e))?;
        head(&mut connection).await.map_err(|e| self.sql(e))
    }

    /// Walks the chain to its end, or to the first row that does not fit: where that was, and how. `seen` is told of
    /// each row that fits. A chain may be longer than memory: it is read in pages.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn walk_audit(
        &self,
        mut seen: impl FnMut(&Head),
    ) -> Result<(Head, Option<Broken>), StoreError> {
        let (mut walk, mut last) = (Walk::default(), None);
        loop {
            let links = self.audit_links(last.as_ref(), PAGE).await?;
            for link in &links {
                if let Err(broken) = walk.step(link) {
                    return Ok((walk.head, Some(broken)));
                }
                seen(&walk.head);
            }
            match links.into_iter().next_back() {
                Some(link) => last = Some(link),
                None => return Ok((walk.head, None)),
            }
        }
    }

    /// The next rows of the chain after one, at most so many; after the last of them comes one that is in no chain,
    /// where there is one.
    async fn audit_links(&self, after: Option<&Link>, limit: i64) -> Result<Vec<Link>, StoreError> {
        let sql = format!(
            "SELECT {LINK} FROM audit WHERE seq >= $1 AND (seq > $1 OR id > $2) ORDER BY seq, id LIMIT $3"
        );
        let (seq, id) = after.map_or((0, 0), |link| (link.seq.unwrap_or(0), link.id));
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(seq).bind(id).bind(limit);
        let links: Vec<Link> = query.fetch_all(&self.pool).await.map_err(|e| self.sql(e))?;
        if !links.is_empty() {
            return Ok(links);
        }
        let sql = format!("SELECT {LINK} FROM audit WHERE seq IS NULL OR seq < 1 ORDER BY id LIMIT 1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&self.pool).await.map_err(|e| self.sql(e))
    }

    /// Tells others of the chain's head, once for each `day`: what they keep of it cannot be changed here. False
    /// where it was told that day, or where there is no row.
    ///
    /// # Errors
    /// When it cannot be read or written.
    #[boxed]
    pub async fn tell_audit_head(&self, day: &str, now: WallTime) -> Result<bool, StoreError> {
        let key = format!("audit_head:{day}");
        let mut tx = self.write_alone(&[CHAIN.to_owned()]).await?;
        let told: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE key = $1")
            .bind(&key)
            .fetch_one(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        let head = head(&mut tx).await.map_err(|e| self.sql(e))?;
        if told > 0 || head.seq == 0 {
            return Ok(false);
        }
        tx.tell(Happened {
            key,
            kind: "audit_head",
            at: now,
            campaign: None,
            case: None,
            attempt: None,
            body: serde_json::json!({"seq": head.seq, "sha256": head.hash}),
        });
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(true)
    }

    /// Takes rows into the chain that a program wrote which knew of none.
    pub(crate) async fn chain_up(&self) -> Result<(), StoreError> {
        let any = "SELECT count(*) FROM (SELECT id FROM audit WHERE seq IS NULL LIMIT 1) AS unnumbered";
        let left: i64 = sqlx::query_scalar(any).fetch_one(&self.pool).await.map_err(|e| self.sql(e))?;
        if left == 0 {
            return Ok(());
        }
        let mut tx = self.write_alone(&[CHAIN.to_owned()]).await?;
        chain_all(&mut tx).await.map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))
    }
}

/// Adds a row to the chain; its number. Whoever calls has waited for [`CHAIN`].
pub(crate) async fn append(
    tx: &mut Tx,
    act: Act<'_>,
    end: Option<(i64, u16)>,
    now: WallTime,
) -> Result<i64, SqlError> {
    let head = head(tx).await?;
    let seq = head.seq.saturating_add(1);
    let link = Link {
        id: 0,
        seq: None,
        at: now.unix_millis(),
        token: act.token.to_owned(),
        person: act.person.to_owned(),
        act: act.act.to_owned(),
        request: act.request.to_owned(),
        ends: end.map(|(seq, _)| seq),
        status: end.map(|(_, status)| i64::from(status)),
        before: None,
        hash: None,
    };
    let hash = link.digest(seq, &head.hash);
    sqlx::query(
        "INSERT INTO audit (seq, at, token, person, act, request, ends, status, before, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(seq)
    .bind(link.at)
    .bind(link.token)
    .bind(link.person)
    .bind(link.act)
    .bind(link.request)
    .bind(link.ends)
    .bind(link.status)
    .bind(head.hash)
    .bind(hash)
    .execute(&mut **tx)
    .await?;
    Ok(seq)
}

async fn head(on: &mut AnyConnection) -> Result<Head, SqlError> {
    let last: Option<(i64, String)> =
        sqlx::query_as("SELECT seq, hash FROM audit WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&mut *on)
            .await?;
    Ok(last.map_or_else(Head::default, |(seq, hash)| Head { seq, hash }))
}

async fn chain_all(tx: &mut Tx) -> Result<(), SqlError> {
    let Head { mut seq, mut hash } = head(tx).await?;
    let sql = format!("SELECT {LINK} FROM audit WHERE seq IS NULL ORDER BY id LIMIT {PAGE}");
    loop {
        let links: Vec<Link> = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).fetch_all(&mut **tx).await?;
        if links.is_empty() {
            return Ok(());
        }
        for link in links {
            seq = seq.saturating_add(1);
            let before = hash;
            hash = link.digest(seq, &before);
            sqlx::query("UPDATE audit SET seq = $2, before = $3, hash = $4 WHERE id = $1")
                .bind(link.id)
                .bind(seq)
                .bind(before)
                .bind(&hash)
                .execute(&mut **tx)
                .await?;
        }
    }
}
