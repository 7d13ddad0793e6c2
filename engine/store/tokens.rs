//! Who may ask over HTTP: names of tokens with what tells them, never the tokens themselves.
//!
//! A token is looked up by its SHA-256: what an index compares is no secret, so the time of the comparison
//! tells nothing of one. What a role may do is `api`'s to say.

use std::{fmt, str::FromStr};

use async_recursion::async_recursion as boxed;
use sqlx::FromRow;
use waihu_types::WallTime;

use crate::{Store, StoreError};

/// What somebody is to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Runs campaigns.
    Operations,
    /// Answers for what may be said and who may be called.
    Compliance,
    /// Talks with callees.
    Agent,
    /// A lender's system.
    Integrator,
    /// Sets the machine up.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Operations, Self::Compliance, Self::Agent, Self::Integrator, Self::Admin];

    /// The word in the table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Compliance => "compliance",
            Self::Agent => "agent",
            Self::Integrator => "integrator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A word that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role: operations, compliance, agent, integrator or admin 没有该角色")]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|r| r.label() == word).ok_or_else(|| UnknownRole(word.to_owned()))
    }
}

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// Its name in lists and logs.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// Who holds it.
    pub person: String,
    /// When it was made.
    pub made_at: WallTime,
    /// From when it is refused; none where it does not end.
    pub expires_at: Option<WallTime>,
    /// When it was revoked.
    pub revoked_at: Option<WallTime>,
}

impl StoredToken {
    /// Whether it opens anything at `now`.
    pub fn is_valid(&self, now: WallTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

#[derive(FromRow)]
struct TokenRow {
    token: String,
    role: String,
    person: String,
    made_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TokenRow {
    /// None where the row has a role that this program does not know: it opens nothing.
    fn token(self) -> Option<StoredToken> {
        Some(StoredToken {
            role: self.role.parse().ok()?,
            name: self.token,
            person: self.person,
            made_at: WallTime::from_unix_millis(self.made_at),
            expires_at: self.expires_at.map(WallTime::from_unix_millis),
            revoked_at: self.revoked_at.map(WallTime::from_unix_millis),
        })
    }
}

impl Store {
    /// Keeps a token by the SHA-256 of its text (hexadecimal). False where its name is taken: nothing was
    /// changed then.
    ///
    /// # Errors
    /// When it could not be written.
    #[boxed]
    pub async fn keep_token(&self, token: &StoredToken, sha256: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO tokens (token, sha256, role, person, made_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (token) DO NOTHING",
        )
        .bind(token.name.as_str())
        .bind(sha256)
        .bind(token.role.label())
        .bind(token.person.as_str())
        .bind(token.made_at.unix_millis())
        .bind(token.expires_at.map(WallTime::unix_millis));
        let done = self.change(statement).await?;
        Ok(done == 1)
    }

    /// The token with this SHA-256, expired and revoked ones too.
    ///
    /// # Errors
    /// When it cannot be read.
    #[boxed]
    pub async fn token(&self, sha256: &str) -> Result<Option<StoredToken>, StoreError> {
        let row: Option<TokenRow> = sqlx::query_as(
            "SELECT token, role, person, made_at, expires_at, revoked_at FROM tokens WHERE sha256 = $1",
        )
        .bind(sha256)
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(row.and_then(TokenRow::token))
    }

    /// All tokens, by name.
    ///
    /// # Errors
    /// When they cannot be read.
    #[boxed]
    pub async fn tokens(&self) -> Result<Vec<StoredToken>, StoreError> {
        let rows: Vec<TokenRow> = sqlx::query_as(
            "SELECT token, role, person, made_at, expires_at, revoked_at FROM tokens ORDER BY token",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(rows.into_iter().filter_map(TokenRow::token).collect())
    }

    /// Revokes a token. False where there is none of this name, or it was revoked before.
    ///
    /// # Errors
    /// When it could not be written.
    #[boxed]
    pub async fn revoke_token(&self, name: &str, now: WallTime) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("UPDATE tokens SET revoked_at = $2 WHERE token = $1 AND revoked_at IS NULL")
                .bind(name)
                .bind(now.unix_millis());
        let done = self.change(statement).await?;
        Ok(done == 1)
    }
}
