//! Text messages: written down before they leave, and never sent twice.
//!
//! A message is `waiting`, then `sending` (on the disk before the gateway hears of it), then what the
//! gateway said. One that is found `sending` when whoever sent it must be long gone is `unknown`: it may
//! have left, so it is told to people and not sent again. Where words of calls are sealed, so is the text of a
//! message that is sent no more (`quotes`). Deliberately absent: gateways (`deliver`), what a
//! template says (`dialog`), and any clock.

use std::fmt;

use sqlx::FromRow;
use waihu_compliance::{Contact, Reached};
use waihu_types::{AttemptId, CaseId, PhoneNumber, WallTime};

use crate::{
    Denied, Passage, Store, StoreError,
    attempts::number_lock,
    decisions::Judged,
    events::Happened,
    seal::{At, Seal, opened},
    write::Tx,
};

/// The most messages to a number that a rule is held against: more than any cap allows.
const MOST_BEFORE: i64 = 1_000;

/// A message to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id, the same for the same follow-up of the same call: told twice, it is sent once.
    pub message: String,
    /// The call that left it.
    pub attempt: AttemptId,
    /// The case.
    pub case: CaseId,
    /// To whom.
    pub callee: PhoneNumber,
    /// The template's name in the script.
    pub template: String,
    /// The text, final.
    pub text: String,
    /// When the call was over that left it; from then on it may be sent.
    pub made_at: WallTime,
}

impl NewMessage {
    /// The id of a call's `n`th follow-up, from 0.
    pub fn id(attempt: &AttemptId, n: usize) -> String {
        format!("{attempt}:sms:{}", n + 1)
    }
}

/// A message as it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// What is sent to whom.
    pub new: NewMessage,
    /// Whether its text is sealed, and no key here opens it: it is empty then.
    pub closed: bool,
    /// Where it stands.
    pub state: MessageState,
    /// Why it stands there; empty where nothing is to be told.
    pub why: String,
    /// From when it may be sent.
    pub due_at: WallTime,
    /// How often it was begun.
    pub tries: u32,
    /// When it was last given to the gateway.
    pub sent_at: Option<WallTime>,
    /// The gateway's id of it.
    pub gateway_id: Option<String>,
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewMessage({})", self.message)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} {})", self.new.message, self.state.label())
    }
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// It is sent when it is due and allowed.
    Waiting,
    /// It is given to the gateway in this moment.
    Sending,
    /// The gateway has it.
    Sent,
    /// The callee's telephone has it.
    Delivered,
    /// The gateway or the network would not take it.
    Failed,
    /// A rule or a flag forbids it for good.
    Refused,
    /// It may have left, or not; it is not sent again.
    Unknown,
}

impl MessageState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Failed,
        Self::Refused,
        Self::Unknown,
    ];

    /// The word in the store.
    pub fn label(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    /// The same in Mandarin.
    pub fn label_zh(self) -> &'static str {
        match self {
            Self::Waiting => "等待发送",
            Self::Sending => "正在发送",
            Self::Sent => "已发送",
            Self::Delivered => "已送达",
            Self::Failed => "发送失败",
            Self::Refused => "不予发送",
            Self::Unknown => "是否发出未知",
        }
    }

    fn of(label: &str) -> Self {
        // The table knows no other word.
        Self::ALL.into_iter().find(|state| state.label() == label).unwrap_or(Self::Unknown)
    }
}

/// Whether a message may leave now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageBegun {
    /// It may, and is written down as leaving.
    Begun,
    /// The profile denies it now.
    Denied(Denied),
    /// It does not wait any more: another process has it. Or its number was barred a moment ago, and whoever looks next
    /// refuses it.
    Gone,
}

/// What came of giving a message to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Where it stands; [`MessageState::Waiting`] where it surely did not leave and is to be tried again.
    pub state: MessageState,
    /// Why.
    pub why: String,
    /// The gateway's id of it.
    pub gateway_id: Option<String>,
    /// From when it may be tried, where it waits.
    pub due_at: Option<WallTime>,
}

/// Whose a message is: its id, its attempt, its case.
type Of = (String, String, String);

#[derive(FromRow)]
struct MessageRow {
    message: String,
    attempt: String,
    case_id: String,
    callee: String,
    template: String,
    text: String,
    sealed: i64,
    state: String,
    why: String,
    made_at: i64,
    due_at: i64,
    tries: i64,
    sent_at: Option<i64>,
    gateway_id: Option<String>,
}

/// What [`MessageRow`] reads.
const COLUMNS: &str = "message, attempt, case_id, callee, template, text, sealed, state, why, made_at, due_at, tries, sent_at, gateway_id";

impl MessageRow {
    fn read(self, seal: Option<&Seal>) -> Result<Message, StoreError> {
        // What was emptied is no longer sealed, whoever did it.
        let key = if self.text.is_empty() { 0 } else { self.sealed };
        let at = At { attempt: &self.attempt, at_ms: self.made_at, speaker: &self.message };
        let (text, closed) = match opened(seal, key, at, &self.text) {
            Ok(text) => (text, false),
            Err(StoreError::Sealed { .. }) => (String::new(), true),
            Err(e) => return Err(e),
        };
        Ok(Message {
            new: NewMessage {
                attempt: self.attempt.parse()?,
                case: self.case_id.parse()?,
                callee: self.callee.parse()?,
                template: self.template,
                text,
                made_at: WallTime::from_unix_millis(self.made_at),
                message: self.message,
            },
            closed,
            state: MessageState::of(&self.state),
            why: self.why,
            due_at: WallTime::from_unix_millis(self.due_at),
            tries: u32::try_from(self.tries).unwrap_or(u32::MAX),
            sent_at: self.sent_at.map(WallTime::from_unix_millis),
            gateway_id: self.gateway_id,
        })
    }
}

impl Store {
    /// Writes messages down that are to be sent. One that is there already is left as it is.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn add_messages(&self, messages: &[NewMessage]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for new in messages {
            sqlx::query(
                "INSERT INTO messages (message, attempt, case_id, subscriber, callee, template, text, state, why,
                    made_at, due_at, tries)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', '', $8, $8, 0) ON CONFLICT (message) DO NOTHING",
            )
            .bind(&new.message)
            .bind(new.attempt.as_str())
            .bind(new.case.as_str())
            .bind(new.callee.subscriber())
            .bind(new.callee.as_str())
            .bind(&new.template)
            .bind(&new.text)
            .bind(new.made_at.unix_millis())
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        }
        tx.commit().await.map_err(|e| self.sql(e))
    }

    fn read_messages(&self, rows: Vec<MessageRow>) -> Result<Vec<Message>, StoreError> {
        let seal = self.seal();
        rows.into_iter().map(|row| row.read(seal.as_deref())).collect()
    }

    /// The messages that a call left.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn messages_of(&self, attempt: &AttemptId) -> Result<Vec<Message>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM messages WHERE attempt = $1 ORDER BY message");
        let rows: Vec<MessageRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(attempt.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        self.read_messages(rows)
    }

    /// The messages that calls about a case left, in the order of their calls.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn messages_about(&self, case: &CaseId) -> Result<Vec<Message>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM messages WHERE case_id = $1 ORDER BY made_at, message");
        let rows: Vec<MessageRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(case.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        self.read_messages(rows)
    }

    /// Whether a message may ever have left for a number.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn was_texted(&self, number: &PhoneNumber) -> Result<bool, StoreError> {
        let sent: i64 =
            sqlx::query_scalar("SELECT count(*) FROM messages WHERE subscriber = $1 AND sent_at IS NOT NULL")
                .bind(number.subscriber())
                .fetch_one(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        Ok(sent > 0)
    }

    /// The newest messages that nobody had, or perhaps nobody, though no rule forbade them.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn messages_amiss(&self, limit: u32) -> Result<Vec<Message>, StoreError> {
        let rows: Vec<MessageRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM messages WHERE state IN ('failed', 'unknown')
             ORDER BY made_at DESC, message LIMIT $1"
        )))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        self.read_messages(rows)
    }

    /// The messages that may be due, those that wait longest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn due_messages(&self, now: WallTime, limit: u32) -> Result<Vec<Message>, StoreError> {
        let rows: Vec<MessageRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM messages WHERE state = 'waiting' AND due_at <= $1
             ORDER BY due_at, message LIMIT $2"
        )))
        .bind(now.unix_millis())
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        self.read_messages(rows)
    }

    /// The message of an id.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn message(&self, message: &str) -> Result<Option<Message>, StoreError> {
        let row: Option<MessageRow> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM messages WHERE message = $1")))
                .bind(message)
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        row.map(|row| row.read(self.seal().as_deref())).transpose()
    }

    /// Writes down that a message leaves now, where the number is not barred ([`Store::barred`]) and the profile of
    /// `passage` allows it after all that left for the number before; asked and written in one transaction.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn begin_message(
        &self,
        message: &NewMessage,
        passage: &Passage,
        now: WallTime,
    ) -> Result<MessageBegun, StoreError> {
        // Of two that ask for one number the second waits, and sees what the first did; and so does whoever forbids it.
        let texts = format!("sms:{}", message.callee.subscriber());
        let mut tx = self.write_alone(&[texts, number_lock(&message.callee)]).await?;
        let begun = sqlx::query(
            "UPDATE messages SET state = 'sending', why = '', tries = tries + 1, sent_at = $2
             WHERE message = $1 AND state = 'waiting'",
        )
        .bind(&message.message)
        .bind(now.unix_millis())
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if begun.rows_affected() == 0 || self.bar(&mut tx, &message.callee).await?.is_some() {
            return Ok(MessageBegun::Gone);
        }
        let before: Vec<i64> = sqlx::query_scalar(
            // What failed may have left all the same.
            "SELECT sent_at FROM messages WHERE subscriber = $1 AND message <> $2 AND sent_at IS NOT NULL
                AND state IN ('sending', 'sent', 'delivered', 'failed', 'unknown')
             ORDER BY sent_at DESC LIMIT $3",
        )
        .bind(message.callee.subscriber())
        .bind(&message.message)
        .bind(MOST_BEFORE)
        .fetch_all(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        let history = before.into_iter().map(|at| Contact {
            same_debt: false,
            ..Contact::new(WallTime::from_unix_millis(at).timestamp(), Reached::Attempted)
        });
        match Judged::of(passage, history.collect(), now).denied {
            Some(denied) => Ok(MessageBegun::Denied(denied)),
            None => {
                tx.commit().await.map_err(|e| self.sql(e))?;
                Ok(MessageBegun::Begun)
            }
        }
    }

    /// Puts a message that waits off until another moment, or refuses it for good.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn put_off_message(
        &self,
        message: &str,
        until: Option<WallTime>,
        why: &str,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let state = if until.is_some() { MessageState::Waiting } else { MessageState::Refused };
        let of: Option<Of> = sqlx::query_as(
            "UPDATE messages SET why = $2, due_at = coalesce($3, due_at), state = $4
             WHERE message = $1 AND state = 'waiting' RETURNING message, attempt, case_id",
        )
        .bind(message)
        .bind(why)
        .bind(until.map(WallTime::unix_millis))
        .bind(state.label())
        .fetch_optional(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if let Some(of) = of {
            self.seal_text(&mut tx, message).await?;
            tell(&mut tx, &of, state, now)?;
        }
        tx.commit().await.map_err(|e| self.sql(e))
    }

    /// Writes down what came of a message that was begun, also where it was thought unknown meanwhile.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn settle_message(
        &self,
        message: &str,
        settled: &Settled,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let of: Option<Of> = sqlx::query_as(
            "UPDATE messages SET state = $2, why = $3, gateway_id = $4, due_at = coalesce($5, due_at)
             WHERE message = $1 AND state IN ('sending', 'unknown') RETURNING message, attempt, case_id",
        )
        .bind(message)
        .bind(settled.state.label())
        .bind(&settled.why)
        .bind(settled.gateway_id.as_deref())
        .bind(settled.due_at.map(WallTime::unix_millis))
        .fetch_optional(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if let Some(of) = of {
            self.seal_text(&mut tx, message).await?;
            tell(&mut tx, &of, settled.state, now)?;
        }
        tx.commit().await.map_err(|e| self.sql(e))
    }

    /// Writes down what a receipt says of a message that the gateway has; its id, where there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn receive_receipt(
        &self,
        gateway_id: &str,
        state: MessageState,
        why: &str,
        now: WallTime,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.write().await?;
        let of: Option<Of> = sqlx::query_as(
            "UPDATE messages SET state = $2, why = $3 WHERE gateway_id = $1 AND state = 'sent'
             RETURNING message, attempt, case_id",
        )
        .bind(gateway_id)
        .bind(state.label())
        .bind(why)
        .fetch_optional(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        if let Some(of) = &of {
            tell(&mut tx, of, state, now)?;
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(of.map(|(message, ..)| message))
    }

    /// Makes messages unknown that were begun before a moment and never settled: whoever sent them is
    /// gone. Their ids, to be told.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn abandon_messages(&self, before: WallTime, now: WallTime) -> Result<Vec<String>, StoreError> {
        let lost: i64 =
            sqlx::query_scalar("SELECT count(*) FROM messages WHERE state = 'sending' AND sent_at < $1")
                .bind(before.unix_millis())
                .fetch_one(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        if lost == 0 {
            // Nearly always: nothing is written every second for it.
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let of: Vec<Of> = sqlx::query_as(
            "UPDATE messages SET state = 'unknown', why = 'its sender ended before the gateway answered'
             WHERE state = 'sending' AND sent_at < $1 RETURNING message, attempt, case_id",
        )
        .bind(before.unix_millis())
        .fetch_all(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        for of in &of {
            tell(&mut tx, of, MessageState::Unknown, now)?;
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(of.into_iter().map(|(message, ..)| message).collect())
    }

    /// How many messages there are in each state.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn message_counts(&self) -> Result<Vec<(MessageState, i64)>, StoreError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT state, count(*) FROM messages GROUP BY state ORDER BY state")
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        Ok(rows.into_iter().map(|(state, n)| (MessageState::of(&state), n)).collect())
    }
}

/// Tells others where a message stands; of one that waits there is nothing to tell.
fn tell(
    tx: &mut Tx,
    (message, attempt, case): &Of,
    state: MessageState,
    now: WallTime,
) -> Result<(), StoreError> {
    if state != MessageState::Waiting {
        tx.tell(Happened {
            key: format!("sms:{message}:{}", state.label()),
            kind: "sms",
            at: now,
            campaign: None,
            case: Some(&case.parse()?),
            attempt: Some(&attempt.parse()?),
            body: serde_json::json!({ "message": message, "state": state.label() }),
        });
    }
    Ok(())
}
