//! Words of calls, sealed: each row by AES-256-GCM, and its index by what a keyed hash (HMAC-SHA-256) makes of each word
//! that is looked up. So rows and index hold no word in clear, and are found by equal hashes alone. What quotes calls is
//! sealed the same way (`quotes`).
//!
//! A key's secret stands in the database, wrapped: `vault` wraps and opens it, `keeping` hands it in, here it is 32 bytes.
//! A row names its key, 0 where it is in clear; those of older programs and of nodes without a key stay what they are, and
//! are found side by side with the others until [`Store::seal_words`] has been over them. A key that is *shared* is of
//! all nodes: they find by it. Who cannot open that one, since it has public halves alone, seals with a key of its own, and
//! leaves the index to the others.
//!
//! What equal hashes tell whoever has the database alone: which rows have words in common, in which order, and how often
//! each is said.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, PoisonError},
};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use sqlx::{AssertSqlSafe, FromRow, error::Error as SqlError};
use waihu_types::{AttemptId, base64};

use crate::{
    Location, Store, StoreError,
    quotes::KEYED,
    search::{Gram, campaign_gram, grams},
    write::Tx,
};

/// So long is a secret, and what is derived from it [bytes].
const SECRET: usize = 32;
/// So much of a hash is kept [bytes]: that two words of some hundred thousand share one is nothing that happens.
const HASH: usize = 8;
/// Words are told apart by so many of their letters, and the `x` before them.
pub(crate) const MOST_LETTERS: usize = 25;

/// So much of an index is written anew at once [pages of 4 KiB]: other writes wait for it.
const MERGED_AT_ONCE: i64 = 500;
/// After so many times it is left at that: 20 GiB.
const MOST_MERGES: u32 = 10_000;

/// What a sealing key is derived from.
pub struct SealingSecret([u8; SECRET]);

impl fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingSecret")
    }
}

impl SealingSecret {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> Result<Self, StoreError> {
        let mut bytes = [0; SECRET];
        SystemRandom::new().fill(&mut bytes).map_err(|_| StoreError::Cipher)?;
        Ok(Self(bytes))
    }

    /// The one that these bytes are; none where they are too few or too many.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes, to be wrapped.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn derived(&self, what: &str) -> hmac::Key {
        let own = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&own, what.as_bytes()).as_ref())
    }
}

/// A sealing key, as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SealingKey {
    /// What rows call it.
    pub id: i64,
    shared: i64,
    /// Its secret, wrapped.
    pub wrapped: String,
    /// For whom it is wrapped.
    pub sealed_for: String,
}

impl SealingKey {
    /// Whether it is the one of all nodes.
    pub fn is_shared(&self) -> bool {
        self.shared != 0
    }
}

/// Whose a sealing key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// All nodes': words are found by it.
    All,
    /// One node's, which opens nothing.
    Alone,
}

/// With which key words are sealed here, and which are opened.
pub struct Seal {
    id: i64,
    keeper: Keeper,
    index: hmac::Key,
    texts: BTreeMap<i64, hmac::Key>,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({} of {} keys)", self.id, self.texts.len())
    }
}

/// Where words stand: what was sealed for there opens nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) attempt: &'a str,
    pub(crate) at_ms: i64,
    /// Who said them, or what quotes them.
    pub(crate) speaker: &'a str,
}

impl At<'_> {
    fn told(&self) -> String {
        format!("{} {}", self.at_ms, self.speaker)
    }
}

impl Seal {
    /// Seals with a key, by its id, and opens what others sealed.
    pub fn new(
        keeper: Keeper,
        (id, secret): (i64, &SealingSecret),
        others: impl IntoIterator<Item = (i64, SealingSecret)>,
    ) -> Self {
        let text = |secret: &SealingSecret| secret.derived("waihu words: text");
        let others = others.into_iter().map(|(id, secret)| (id, text(&secret)));
        let texts = others.chain([(id, text(secret))]).collect();
        Self { id, keeper, index: secret.derived("waihu words: index"), texts }
    }

    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    /// Whether what is kept by a key is to be sealed with this one: it is in clear, or the key is here.
    pub(crate) fn renews(&self, key: i64) -> bool {
        key != self.id && (key == 0 || self.texts.contains_key(&key))
    }

    /// Whether words are found by it.
    pub(crate) fn finds(&self) -> bool {
        self.keeper == Keeper::All
    }

    /// The cipher of a call: a nonce drawn by chance is used twice by no chance that counts.
    fn cipher(&self, key: i64, at: At<'_>) -> Result<LessSafeKey, StoreError> {
        let text = self.texts.get(&key).ok_or_else(|| sealed(at))?;
        let own = hmac::sign(text, at.attempt.as_bytes());
        UnboundKey::new(&AES_256_GCM, own.as_ref()).map(LessSafeKey::new).map_err(|_| StoreError::Cipher)
    }

    pub(crate) fn sealed(&self, at: At<'_>, text: &str) -> Result<String, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| StoreError::Cipher)?;
        let mut out = text.as_bytes().to_vec();
        let (cipher, told) = (self.cipher(self.id, at)?, at.told());
        cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(told.as_bytes()),
                &mut out,
            )
            .map_err(|_| StoreError::Cipher)?;
        Ok(base64::encode(&[nonce.as_slice(), &out].concat()))
    }

    fn opened(&self, key: i64, at: At<'_>, text: &str) -> Result<String, StoreError> {
        let bytes = base64::decode(text).ok_or_else(|| sealed(at))?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or_else(|| sealed(at))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| sealed(at))?;
        let (mut text, told) = (text.to_vec(), at.told());
        let opened = self.cipher(key, at)?.open_in_place(nonce, Aad::from(told.as_bytes()), &mut text);
        let opened = opened.map_err(|_| sealed(at))?;
        String::from_utf8(opened.to_vec()).map_err(|_| sealed(at))
    }

    /// What stands in the index in place of a word, or of its beginning.
    pub(crate) fn hashed(&self, gram: &str) -> String {
        let hash = hmac::sign(&self.index, gram.get(..MOST_LETTERS).unwrap_or(gram).as_bytes());
        let hash = hash.as_ref();
        format!("y{}", hex::encode(hash.get(..HASH).unwrap_or(hash)))
    }

    /// What an index holds of a text: its words in their order, then all that they begin with, in none.
    pub(crate) fn indexed(&self, grams: &[Gram]) -> String {
        if !self.finds() {
            return String::new();
        }
        let whole: BTreeSet<&str> = grams.iter().map(Gram::text).collect();
        let heads: BTreeSet<&str> = grams.iter().flat_map(Gram::heads).collect();
        let heads: BTreeSet<String> = heads.difference(&whole).map(|head| self.hashed(head)).collect();
        let words: Vec<String> = grams.iter().map(|gram| self.hashed(gram.text())).chain(heads).collect();
        words.join(" ")
    }
}

pub(crate) fn sealed(at: At<'_>) -> StoreError {
    StoreError::Sealed { attempt: at.attempt.to_owned() }
}

/// The words of a row, whose key is named.
pub(crate) fn opened(seal: Option<&Seal>, key: i64, at: At<'_>, text: &str) -> Result<String, StoreError> {
    match (key, seal) {
        (0, _) => Ok(text.to_owned()),
        (_, Some(seal)) => seal.opened(key, at, text),
        (_, None) => Err(sealed(at)),
    }
}

impl Store {
    /// Has words sealed from now on, and opened.
    pub fn seal_with(&self, seal: Seal) {
        *self.seal.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(seal));
    }

    /// Whether words are sealed.
    pub fn seals_words(&self) -> bool {
        self.seal().is_some()
    }

    pub(crate) fn seal(&self) -> Option<Arc<Seal>> {
        self.seal.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All sealing keys, the oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn sealing_keys(&self) -> Result<Vec<SealingKey>, StoreError> {
        sqlx::query_as("SELECT id, shared, wrapped, sealed_for FROM sealing_keys ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))
    }

    /// Keeps a new sealing key, wrapped for some; its id, and none where all nodes have one already.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn keep_sealing_key(
        &self,
        keeper: Keeper,
        wrapped: &str,
        sealed_for: &str,
    ) -> Result<Option<i64>, StoreError> {
        let mut tx = self.write().await?;
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO sealing_keys (shared, wrapped, sealed_for) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(i64::from(keeper == Keeper::All))
        .bind(wrapped)
        .bind(sealed_for)
        .fetch_optional(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(id)
    }

    /// Puts a key's secret down as it is wrapped for others; false where somebody else did so meanwhile.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn rewrap(
        &self,
        key: &SealingKey,
        wrapped: &str,
        sealed_for: &str,
    ) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "UPDATE sealing_keys SET wrapped = $3, sealed_for = $4 WHERE id = $1 AND wrapped = $2",
        )
        .bind(key.id)
        .bind(key.wrapped.as_str())
        .bind(wrapped)
        .bind(sealed_for);
        Ok(self.change(statement).await? > 0)
    }

    /// Finds no more by the key of all nodes, so that there can be a new one; what it sealed is opened by it still.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn set_sealing_key_aside(&self) -> Result<(), StoreError> {
        self.change(sqlx::query("UPDATE sealing_keys SET shared = 0 WHERE shared = 1")).await.map(drop)
    }

    /// How many calls have words that are sealed by each key; 0 stands for those in clear. A call that has words by two
    /// keys counts for both.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub async fn words_by_key(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let sql = format!(
            "SELECT sealed, count(*) FROM ({}) AS keyed GROUP BY sealed ORDER BY sealed",
            KEYED.join(" UNION ")
        );
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&self.pool).await.map_err(|e| self.sql(e))
    }

    /// Calls of which words can be sealed with the key of all nodes and are not, after one, in the order of their ids.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn words_to_seal(&self, after: &str, limit: u32) -> Result<Vec<AttemptId>, StoreError> {
        let Some(seal) = self.seal().filter(|seal| seal.finds()) else { return Ok(Vec::new()) };
        let others: Vec<String> =
            seal.texts.keys().filter(|id| **id != seal.id).map(i64::to_string).collect();
        // Those in clear by themselves: an index has them in their order.
        let mut keys = vec!["= 0".to_owned()];
        if !others.is_empty() {
            keys.push(format!("IN ({})", others.join(", ")));
        }
        let due = |keyed: &str, key: &str| {
            format!(
                "SELECT attempt FROM (SELECT attempt FROM ({keyed}) AS keyed
                 WHERE sealed {key} AND attempt > $1 ORDER BY attempt LIMIT $2) AS due"
            )
        };
        let due: Vec<String> =
            KEYED.iter().flat_map(|keyed| keys.iter().map(move |key| due(keyed, key))).collect();
        let sql = format!("{} ORDER BY attempt LIMIT $2", due.join(" UNION "));
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        rows.into_iter().map(|attempt| Ok(attempt.parse()?)).collect()
    }

    /// Seals the words of a call that are in clear or sealed with another key, in their places, and what quotes them;
    /// whether there were any.
    ///
    /// # Errors
    /// When they cannot be opened or written: then they are as they were.
    pub async fn seal_words(&self, attempt: &AttemptId) -> Result<bool, StoreError> {
        let Some(seal) = self.seal().filter(|seal| seal.finds()) else { return Ok(false) };
        let mut tx = self.write().await?;
        // First: who takes these words in anew meanwhile comes after this, and says by which key.
        sqlx::query("UPDATE searchable SET sealed = $2 WHERE attempt = $1")
            .bind(attempt.as_str())
            .bind(seal.id)
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        let rows: Vec<(i64, i64, String, String, i64)> = sqlx::query_as(
            "SELECT id, at_ms, speaker, text, sealed FROM utterances WHERE attempt = $1 AND sealed <> $2",
        )
        .bind(attempt.as_str())
        .bind(seal.id)
        .fetch_all(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        let campaign: Option<Option<String>> =
            sqlx::query_scalar("SELECT campaign FROM attempts WHERE attempt = $1")
                .bind(attempt.as_str())
                .fetch_optional(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?;
        let of = campaign.flatten().map(|campaign| campaign_gram(&campaign)).unwrap_or_default();
        let any = !rows.is_empty();
        for (id, at_ms, speaker, text, key) in rows {
            let at = At { attempt: attempt.as_str(), at_ms, speaker: &speaker };
            let text = opened(Some(&seal), key, at, &text)?;
            let grams = format!("{} {of}", seal.indexed(&grams(&text)));
            sqlx::query("UPDATE utterances SET text = $2, sealed = $3 WHERE id = $1")
                .bind(id)
                .bind(seal.sealed(at, &text)?)
                .bind(seal.id)
                .execute(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?;
            self.index_anew(&mut tx, id, &grams).await.map_err(|e| self.sql(e))?;
        }
        let quoted = self.seal_quotes(&mut tx, &seal, attempt).await?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(any || quoted)
    }

    async fn index_anew(&self, tx: &mut Tx, id: i64, grams: &str) -> Result<(), SqlError> {
        let write = match self.location {
            Location::File(_) => {
                sqlx::query("DELETE FROM utterance_words WHERE rowid = $1")
                    .bind(id)
                    .execute(&mut **tx)
                    .await?;
                "INSERT INTO utterance_words (rowid, grams) VALUES ($1, $2)"
            }
            Location::Server { .. } => {
                "UPDATE utterances SET grams = to_tsvector('simple', $2) WHERE id = $1"
            }
        };
        sqlx::query(write).bind(id).bind(grams).execute(&mut **tx).await.map(drop)
    }

    /// Rids a file's index of what was taken out of it: it is marked as gone, and stays until the index is merged. A
    /// server's own vacuum does the like.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn tidy_index(&self) -> Result<(), StoreError> {
        if matches!(self.location, Location::Server { .. }) {
            return Ok(());
        }
        // Fewer than none begins a merge of all of it (sqlite.org/fts5.html, 6.8).
        let mut pages = -MERGED_AT_ONCE;
        for _ in 0..MOST_MERGES {
            let mut tx = self.write().await?;
            let count = "SELECT total_changes()";
            let before: i64 = sqlx::query_scalar(count).fetch_one(&mut *tx).await.map_err(|e| self.sql(e))?;
            sqlx::query("INSERT INTO utterance_words (utterance_words, rank) VALUES ('merge', $1)")
                .bind(pages)
                .execute(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?;
            let after: i64 = sqlx::query_scalar(count).fetch_one(&mut *tx).await.map_err(|e| self.sql(e))?;
            tx.commit().await.map_err(|e| self.sql(e))?;
            // The statement itself counts as one.
            if after.saturating_sub(before) < 2 {
                break;
            }
            pages = MERGED_AT_ONCE;
        }
        Ok(())
    }
}
