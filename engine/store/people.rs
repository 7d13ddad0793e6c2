//! Who may sign in, and who is signed in: people with what tells their passwords, sessions by the SHA-256 of their
//! tokens.
//!
//! Passwords are hashed and judged by `api`; here stand the hash and how often a wrong one came.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use sha2::{Digest, Sha256};
use sqlx::FromRow;
use waihu_types::{Answers, Lang, WallTime};

use crate::{Role, Store, StoreError, write::Tx};

/// The longest login [bytes].
const MAX_LOGIN: usize = 64;

/// What all who change a person wait for each other by: of two admins of whom each takes the other's role away, the
/// second is the last one.
const PEOPLE: &str = "people";

/// Names a person who signs in: in small letters, so that nobody is two.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Login(String);

impl Login {
    /// The login as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a login has 1 to 64 letters, digits and . _ - + @ and begins with a letter or digit 登录名有误")]
pub struct InvalidLogin;

impl FromStr for Login {
    type Err = InvalidLogin;

    fn from_str(text: &str) -> Result<Self, InvalidLogin> {
        let text = text.trim();
        let fits = (1..=MAX_LOGIN).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+@".contains(&b))
            && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if fits { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidLogin) }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// It may be somebody's address.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// By what they sign in.
    pub login: Login,
    /// Their name for other people.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// What they can do, in the words of scripts, from 1 to 5.
    pub skills: BTreeMap<String, u8>,
    /// Languages they speak; empty for all.
    pub langs: Vec<Lang>,
    /// How they take calls.
    pub answers: Answers,
    /// Since when they are known.
    pub made_at: WallTime,
    /// Since when they may not sign in any more.
    pub disabled_at: Option<WallTime>,
    /// Until when no password opens: too many were wrong.
    pub locked_until: Option<WallTime>,
    /// Since when they sign in with a one-time code beside their password; none where they do not.
    pub second_factor_at: Option<WallTime>,
    /// Whether somebody else chose their password.
    pub password_given: bool,
}

impl Person {
    /// A number that is another one once anything that others change of them is. It has 48 bits, so that whoever reads
    /// JSON has it whole.
    pub fn revision(&self) -> i64 {
        let at = |at: Option<WallTime>| at.map(WallTime::unix_millis);
        let (disabled_at, second_factor_at) = (at(self.disabled_at), at(self.second_factor_at));
        let (role, answers) = (self.role.label(), self.answers.label());
        let told =
            json(&(&self.name, role, &self.skills, &self.langs, answers, disabled_at, second_factor_at));
        Sha256::digest(told).iter().take(6).fold(0, |number, byte| (number << 8) | i64::from(*byte))
    }
}

/// What of somebody is to be otherwise; what is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonChange {
    /// Their name for other people.
    pub name: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// All that they can do, from 1 to 5.
    pub skills: Option<BTreeMap<String, u8>>,
    /// All languages that they speak; empty for all there are.
    pub langs: Option<Vec<Lang>>,
}

impl PersonChange {
    /// What would be otherwise than it is, as it is written down: names and skills are not told, roles are. Empty where
    /// nothing would.
    pub fn told(&self, before: &Person) -> String {
        let after = self.of(before);
        let mut told = Vec::new();
        if after.name != before.name {
            told.push("name".to_owned());
        }
        if after.role != before.role {
            told.push(format!("role {} to {}", before.role, after.role));
        }
        if after.skills != before.skills {
            told.push("skills".to_owned());
        }
        if after.langs != before.langs {
            told.push("languages".to_owned());
        }
        told.join(", ")
    }

    /// The person as they will be.
    fn of(&self, before: &Person) -> Person {
        let mut after = before.clone();
        if let Some(name) = &self.name {
            after.name.clone_from(name);
        }
        if let Some(role) = self.role {
            after.role = role;
        }
        if let Some(skills) = &self.skills {
            after.skills.clone_from(skills);
        }
        if let Some(langs) = &self.langs {
            after.langs.clone_from(langs);
        }
        after
    }
}

/// A person with what tells their password. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Whose.
    pub person: Person,
    /// The hash, in the PHC's string form.
    pub password: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("person", &self.person).finish_non_exhaustive()
    }
}

/// Who chose a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChosenBy {
    /// Whoever signs in with it.
    Themselves,
    /// Somebody else, who knows it.
    Another,
}

/// By what somebody has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInWay {
    /// A password, and a code where they have a second factor.
    Password,
    /// The house's own provider.
    Provider,
}

impl SignInWay {
    fn label(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Provider => "provider",
        }
    }
}

/// After how many wrong passwords and codes nobody is let in, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// So many in a row.
    pub after: u32,
    /// For so long.
    pub lasting: Duration,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub person: Person,
    /// By what they signed in.
    pub way: SignInWay,
    /// When they signed in.
    pub made_at: WallTime,
    /// When they last asked for something.
    pub seen_at: WallTime,
    /// From when on they have to sign in again, whatever they do.
    pub ends_at: WallTime,
}

#[derive(FromRow)]
struct PersonRow {
    login: String,
    name: String,
    role: String,
    skills: String,
    langs: String,
    answers: String,
    made_at: i64,
    disabled_at: Option<i64>,
    locked_until: Option<i64>,
    second_factor_at: Option<i64>,
    password_given: i64,
}

#[derive(FromRow)]
struct SecretRow {
    #[sqlx(flatten)]
    person: PersonRow,
    password: String,
}

#[derive(FromRow)]
struct SessionRow {
    #[sqlx(flatten)]
    person: PersonRow,
    way: String,
    begun_at: i64,
    seen_at: i64,
    ends_at: i64,
}

impl PersonRow {
    /// None where the row holds what this program does not know: it opens nothing.
    fn person(self) -> Option<Person> {
        Some(Person {
            login: self.login.parse().ok()?,
            name: self.name,
            role: self.role.parse().ok()?,
            skills: serde_json::from_str(&self.skills).ok()?,
            langs: serde_json::from_str(&self.langs).ok()?,
            answers: self.answers.parse().ok()?,
            made_at: WallTime::from_unix_millis(self.made_at),
            disabled_at: self.disabled_at.map(WallTime::from_unix_millis),
            locked_until: self.locked_until.map(WallTime::from_unix_millis),
            second_factor_at: self.second_factor_at.map(WallTime::from_unix_millis),
            password_given: self.password_given != 0,
        })
    }
}

/// The columns of a person, of the table that is called so here.
macro_rules! columns {
    () => {
        "p.login, p.name, p.role, p.skills, p.langs, p.answers, p.made_at, p.disabled_at, p.locked_until,
         p.second_factor_at, p.password_given"
    };
}

fn json(value: &impl serde::Serialize) -> String {
    // Maps of text to numbers and words of our own: always JSON.
    serde_json::to_string(value).unwrap_or_default()
}

impl Store {
    /// Keeps a person with a password's hash. False where the login is taken: nothing was changed then.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn keep_person(&self, person: &Person, password: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO people (login, name, role, password, skills, langs, answers, made_at, password_given)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (login) DO NOTHING",
        )
        .bind(person.login.as_str())
        .bind(person.name.as_str())
        .bind(person.role.label())
        .bind(password)
        .bind(json(&person.skills))
        .bind(json(&person.langs))
        .bind(person.answers.label())
        .bind(person.made_at.unix_millis())
        .bind(i64::from(person.password_given));
        Ok(self.change(statement).await? == 1)
    }

    /// Everybody, by login.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn people(&self) -> Result<Vec<Person>, StoreError> {
        let rows: Vec<PersonRow> =
            sqlx::query_as(concat!("SELECT ", columns!(), " FROM people p ORDER BY p.login"))
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        Ok(rows.into_iter().filter_map(PersonRow::person).collect())
    }

    /// A person with what tells their password, those that may not sign in too.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn secret(&self, login: &Login) -> Result<Option<Secret>, StoreError> {
        let row: Option<SecretRow> =
            sqlx::query_as(concat!("SELECT ", columns!(), ", p.password FROM people p WHERE p.login = $1"))
                .bind(login.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.sql(e))?;
        Ok(row.and_then(|row| Some(Secret { person: row.person.person()?, password: row.password })))
    }

    /// Counts a wrong password or a wrong code, and locks the door where there were too many.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn wrong_password(
        &self,
        login: &Login,
        lockout: Lockout,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE people SET
                 locked_until = CASE WHEN failed + 1 >= $2 THEN $3 ELSE locked_until END,
                 failed = CASE WHEN failed + 1 >= $2 THEN 0 ELSE failed + 1 END
             WHERE login = $1",
        )
        .bind(login.as_str())
        .bind(i64::from(lockout.after))
        .bind(now.plus(lockout.lasting).unix_millis());
        self.change(statement).await.map(drop)
    }

    /// Begins a session, known by its token's SHA-256 (hexadecimal), and forgets what was wrong before it.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn begin_session(
        &self,
        sha256: &str,
        (login, way): (&Login, SignInWay),
        now: WallTime,
        ends_at: WallTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("UPDATE people SET failed = 0, locked_until = NULL WHERE login = $1")
            .bind(login.as_str())
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        sqlx::query(
            "INSERT INTO sessions (sha256, login, made_at, seen_at, ends_at, way)
             VALUES ($1, $2, $3, $3, $4, $5)",
        )
        .bind(sha256)
        .bind(login.as_str())
        .bind(now.unix_millis())
        .bind(ends_at.unix_millis())
        .bind(way.label())
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        tx.commit().await.map_err(|e| self.sql(e))
    }

    /// The session of a token that has not been ended, of a person who may sign in. Whether it has run out is for
    /// whoever asks to say, who has the time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn session(&self, sha256: &str) -> Result<Option<Session>, StoreError> {
        let row: Option<SessionRow> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            ", s.way, s.made_at AS begun_at, s.seen_at, s.ends_at FROM sessions s JOIN people p ON p.login = s.login
             WHERE s.sha256 = $1 AND s.ended_at IS NULL AND p.disabled_at IS NULL"
        ))
        .bind(sha256)
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(row.and_then(|row| {
            Some(Session {
                person: row.person.person()?,
                way: match row.way.as_str() {
                    "provider" => SignInWay::Provider,
                    _ => SignInWay::Password,
                },
                made_at: WallTime::from_unix_millis(row.begun_at),
                seen_at: WallTime::from_unix_millis(row.seen_at),
                ends_at: WallTime::from_unix_millis(row.ends_at),
            })
        }))
    }

    /// A session was used.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn session_seen(&self, sha256: &str, now: WallTime) -> Result<(), StoreError> {
        let statement =
            sqlx::query("UPDATE sessions SET seen_at = $2 WHERE sha256 = $1 AND ended_at IS NULL")
                .bind(sha256)
                .bind(now.unix_millis());
        self.change(statement).await.map(drop)
    }

    /// Ends a session. False where there was none to end.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn end_session(&self, sha256: &str, now: WallTime) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("UPDATE sessions SET ended_at = $2 WHERE sha256 = $1 AND ended_at IS NULL")
                .bind(sha256)
                .bind(now.unix_millis());
        Ok(self.change(statement).await? == 1)
    }

    /// A person's sessions but the one of this token, that have not been ended and were used since a moment: when each
    /// was begun and used last, the latest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn other_sessions(
        &self,
        login: &Login,
        sha256: &str,
        since: WallTime,
        now: WallTime,
    ) -> Result<Vec<(WallTime, WallTime)>, StoreError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT made_at, seen_at FROM sessions
             WHERE login = $1 AND sha256 <> $2 AND ended_at IS NULL AND seen_at > $3 AND ends_at > $4
             ORDER BY seen_at DESC, made_at DESC",
        )
        .bind(login.as_str())
        .bind(sha256)
        .bind(since.unix_millis())
        .bind(now.unix_millis())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| self.sql(e))?;
        let at = WallTime::from_unix_millis;
        Ok(rows.into_iter().map(|(made, seen)| (at(made), at(seen))).collect())
    }

    /// Ends all of a person's sessions but the one of this token; how many.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn end_other_sessions(
        &self,
        login: &Login,
        sha256: &str,
        now: WallTime,
    ) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let ended = self.end_sessions(&mut tx, login, Some(sha256), now).await?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(ended)
    }

    /// Lets a person in no more, ends all their sessions, and revokes the tokens under their name or login; the names of
    /// these. None where there is nobody of that login, or they were shut out before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn disable_person(
        &self,
        login: &Login,
        now: WallTime,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let mut tx = self.write().await?;
        let name: Option<String> = sqlx::query_scalar(
            "UPDATE people SET disabled_at = $2 WHERE login = $1 AND disabled_at IS NULL RETURNING name",
        )
        .bind(login.as_str())
        .bind(now.unix_millis())
        .fetch_optional(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        let Some(name) = name else { return Ok(None) };
        self.end_sessions(&mut tx, login, None, now).await?;
        let revoked = self.revoke_tokens(&mut tx, (login, &name), None, now).await?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(Some(revoked))
    }

    /// Gives a person another password, lets them in again where they were shut out or locked out, and ends all their
    /// sessions. False where there is nobody of that login.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn set_password(
        &self,
        login: &Login,
        (password, chosen): (&str, ChosenBy),
        now: WallTime,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE people SET password = $2, password_given = $3, failed = 0, locked_until = NULL,
                 disabled_at = NULL
             WHERE login = $1",
        )
        .bind(login.as_str())
        .bind(password)
        .bind(i64::from(chosen == ChosenBy::Another))
        .execute(&mut *tx)
        .await
        .map_err(|e| self.sql(e))?;
        self.end_sessions(&mut tx, login, None, now).await?;
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(done.rows_affected() == 1)
    }

    /// Has a person take calls in another way, from when they next sit down at their desk. False where there is nobody
    /// of that login.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn set_answers(&self, login: &Login, answers: Answers) -> Result<bool, StoreError> {
        let statement = sqlx::query("UPDATE people SET answers = $2 WHERE login = $1")
            .bind(login.as_str())
            .bind(answers.label());
        Ok(self.change(statement).await? == 1)
    }

    /// Changes what somebody is called, may do, can do and speaks, all of it or nothing; the names of tokens that were
    /// revoked with it. None where there is nobody of that login.
    ///
    /// Another role ends all their sessions, and revokes the tokens under their name or login that are of any other
    /// role: no role has all that another has, so each of those may something that they may not. Under another name go
    /// their tokens too, unless somebody else is called as they were.
    ///
    /// # Errors
    /// [`StoreError::Revised`] where `expected` is not their [`Person::revision`], [`StoreError::LastAdmin`] where
    /// nobody else could sign in as an admin, or that it could not be written.
    pub async fn change_person(
        &self,
        login: &Login,
        change: &PersonChange,
        expected: Option<i64>,
        now: WallTime,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let mut tx = self.write_alone(&[PEOPLE.to_owned()]).await?;
        let row: Option<PersonRow> =
            sqlx::query_as(concat!("SELECT ", columns!(), " FROM people p WHERE p.login = $1"))
                .bind(login.as_str())
                .fetch_optional(&mut *tx)
                .await
                .map_err(|e| self.sql(e))?;
        let Some(before) = row.and_then(PersonRow::person) else { return Ok(None) };
        let revision = before.revision();
        if expected.is_some_and(|expected| expected != revision) {
            return Err(StoreError::Revised { of: login.to_string(), revision });
        }
        let after = change.of(&before);
        let revoked = if after.role == before.role {
            Vec::new()
        } else {
            self.leave_role(&mut tx, &before, after.role, now).await?
        };
        sqlx::query("UPDATE people SET name = $2, role = $3, skills = $4, langs = $5 WHERE login = $1")
            .bind(login.as_str())
            .bind(after.name.as_str())
            .bind(after.role.label())
            .bind(json(&after.skills))
            .bind(json(&after.langs))
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        if after.name != before.name {
            sqlx::query(
                "UPDATE tokens SET person = $2 WHERE person = $3
                     AND NOT EXISTS (SELECT 1 FROM people WHERE name = $3 AND login <> $1)",
            )
            .bind(login.as_str())
            .bind(after.name.as_str())
            .bind(before.name.as_str())
            .execute(&mut *tx)
            .await
            .map_err(|e| self.sql(e))?;
        }
        tx.commit().await.map_err(|e| self.sql(e))?;
        Ok(Some(revoked))
    }

    /// Ends what somebody has by the role that they had; the names of the tokens among it.
    async fn leave_role(
        &self,
        tx: &mut Tx,
        before: &Person,
        role: Role,
        now: WallTime,
    ) -> Result<Vec<String>, StoreError> {
        if before.role == Role::Admin && before.disabled_at.is_none() {
            let others: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM people WHERE role = $1 AND disabled_at IS NULL AND login <> $2",
            )
            .bind(Role::Admin.label())
            .bind(before.login.as_str())
            .fetch_one(&mut **tx)
            .await
            .map_err(|e| self.sql(e))?;
            if others == 0 {
                return Err(StoreError::LastAdmin(before.login.to_string()));
            }
        }
        self.end_sessions(tx, &before.login, None, now).await?;
        self.revoke_tokens(tx, (&before.login, &before.name), Some(role), now).await
    }

    /// Revokes the tokens under somebody's name or login, but those of a role where they have one; the names of these.
    async fn revoke_tokens(
        &self,
        tx: &mut Tx,
        (login, name): (&Login, &str),
        role: Option<Role>,
        now: WallTime,
    ) -> Result<Vec<String>, StoreError> {
        let mut revoked: Vec<String> = sqlx::query_scalar(
            "UPDATE tokens SET revoked_at = $4
             WHERE (person = $1 OR lower(person) = $2) AND role <> $3 AND revoked_at IS NULL
                 AND (expires_at IS NULL OR expires_at > $4)
             RETURNING token",
        )
        .bind(name)
        .bind(login.as_str())
        .bind(role.map_or("", Role::label))
        .bind(now.unix_millis())
        .fetch_all(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        revoked.sort_unstable();
        Ok(revoked)
    }

    /// Ends somebody's sessions but the one of a token's SHA-256, where one is to stay; how many.
    pub(crate) async fn end_sessions(
        &self,
        tx: &mut Tx,
        login: &Login,
        keep: Option<&str>,
        now: WallTime,
    ) -> Result<u64, StoreError> {
        let ended = sqlx::query(
            "UPDATE sessions SET ended_at = $3 WHERE login = $1 AND sha256 <> $2 AND ended_at IS NULL",
        )
        .bind(login.as_str())
        .bind(keep.unwrap_or_default())
        .bind(now.unix_millis())
        .execute(&mut **tx)
        .await
        .map_err(|e| self.sql(e))?;
        Ok(ended.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_small_letters_and_no_mark_that_reads_as_another() {
        assert_eq!("Li.Ming@Bank.CN".parse::<Login>().unwrap().as_str(), "li.ming@bank.cn");
        for odd in ["", " ", "李明", "a b", ".a", "a/b", &"x".repeat(65)] {
            assert!(odd.parse::<Login>().is_err(), "{odd:?}");
        }
        assert!(!format!("{:?}", "li".parse::<Login>().unwrap()).contains("li"));
    }
}
