//! Finding calls: by how they ended, and by what was said in them.
//!
//! Chinese is written without spaces, so what is looked up are pairs of neighbouring characters; other scripts are
//! looked up by words. Both are written in plain letters and digits ([`grams`]), which every database's index reads
//! alike, whatever its language. The lines themselves come from transcripts, which `record` writes: whoever files an
//! outcome hands them in. Where they are sealed (`seal`), what is looked up is a hash of each pair or word, and whatever
//! it may be found by the beginning of stands as a word of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use sqlx::{AssertSqlSafe, FromRow};
use waihu_types::{AttemptId, CampaignId, Case, CaseId, Disposition, Lang, ScriptVersion, WallTime};

use crate::{
    Location, Store, StoreError,
    board::json_field,
    seal::{At, MOST_LETTERS, Seal, opened},
    write::{Tx, placeholders},
};

/// A line of a transcript that somebody said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Said<'a> {
    /// When it began, from the beginning of the recording [ms].
    pub at_ms: u64,
    /// `callee`, `bot` or `agent`.
    pub speaker: &'a str,
    /// The words.
    pub text: &'a str,
}

/// Which calls are sought; all where nothing is set.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// In which these words were said, next to each other as they stand.
    pub words: Option<String>,
    /// By the callee, the bot or an agent; where words are sought.
    pub speaker: Option<String>,
    /// Those of a campaign.
    pub campaign: Option<CampaignId>,
    /// Those of a case.
    pub case: Option<CaseId>,
    /// Those that ended so.
    pub disposition: Option<Disposition>,
    /// That ended at this moment or later.
    pub since: Option<WallTime>,
    /// That ended before this moment.
    pub until: Option<WallTime>,
}

impl Sought {
    /// Whether the words that are sought stand in a text, as they are looked up; also where none are sought.
    pub fn stands_in(&self, text: &str) -> bool {
        let Some(words) = &self.words else { return true };
        let held = grams(text);
        let held: Vec<&str> = held.iter().map(Gram::text).collect();
        Wanted::of(words).0.iter().all(|(wanted, open)| {
            let is = |(held, wanted): (&&str, &String)| {
                if *open { held.starts_with(wanted.as_str()) } else { *held == wanted.as_str() }
            };
            held.windows(wanted.len()).any(|some| some.iter().zip(wanted).all(is))
        })
    }
}

/// After which hit a page goes on: an utterance's id where words are sought, else the end and the id of a call.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Beyond(pub i64, pub String);

/// A call that was found.
#[derive(Clone, PartialEq, Eq, FromRow)]
pub struct Hit {
    /// Where the next page begins.
    place: i64,
    /// The attempt.
    pub attempt: String,
    /// The campaign; none for a call placed by hand.
    pub campaign: Option<String>,
    /// The case.
    pub case_id: String,
    /// How it ended.
    pub disposition: String,
    /// What answered.
    pub answered_by: String,
    /// When it was dialled [ms since the Unix epoch].
    pub dialled_at: i64,
    /// When it was answered.
    pub answered_at: Option<i64>,
    /// When it was over.
    pub ended_at: i64,
    /// When the words were said, from the beginning of the recording [ms].
    pub at_ms: Option<i64>,
    /// Who said them.
    pub speaker: Option<String>,
    /// The utterance that they stand in.
    pub text: Option<String>,
    /// By which key it is sealed.
    sealed: i64,
}

impl Hit {
    /// Where the page after it begins.
    pub fn place(&self) -> Beyond {
        Beyond(self.place, self.attempt.clone())
    }

    fn open(&mut self, seal: Option<&Seal>) -> Result<(), StoreError> {
        if let (Some(at_ms), Some(speaker), Some(text)) = (self.at_ms, &self.speaker, &self.text) {
            let at = At { attempt: &self.attempt, at_ms, speaker };
            self.text = Some(opened(seal, self.sealed, at, text)?);
        }
        Ok(())
    }
}

/// What was said in a call, with what tells whose words in it are personal.
#[derive(Clone)]
pub struct Conversation {
    /// The language of its script.
    pub lang: Lang,
    /// The lender's case, as it was told last; none where there is none.
    pub case: Option<Case>,
    /// The utterances, in their order.
    pub lines: Vec<Line>,
}

/// An utterance of a conversation.
#[derive(Clone)]
pub struct Line {
    place: i64,
    /// When it began, from the beginning of the recording [ms].
    pub at_ms: u64,
    /// Who said it.
    pub speaker: String,
    /// The words.
    pub text: String,
}

impl Conversation {
    /// Which of its lines was hit by words that were sought; none where it is not there any more.
    pub fn line_of(&self, hit: &Hit) -> Option<usize> {
        self.lines.binary_search_by_key(&hit.place, |line| line.place).ok()
    }
}

/// So many words of an utterance are looked up: a minute of speech.
const MOST_GRAMS: usize = 500;
/// So many digits has the number of a sign.
const SIGN: usize = 5;

/// What is looked up: an `x`, and a word, or the numbers of one sign or two.
pub(crate) enum Gram {
    Word(String),
    Signs(String),
}

impl Gram {
    pub(crate) fn text(&self) -> &str {
        let (Self::Word(text) | Self::Signs(text)) = self;
        text
    }

    /// What it is found by that may not be its end: each beginning of a word, the first of two signs.
    pub(crate) fn heads(&self) -> Vec<&str> {
        match self {
            Self::Word(text) => {
                (2..=text.len().min(MOST_LETTERS)).filter_map(|end| text.get(..end)).collect()
            }
            Self::Signs(text) => text.get(..=SIGN).into_iter().collect(),
        }
    }
}

/// What an index holds of a text: each word in lower case, each pair of neighbouring characters of scripts without
/// spaces, and the last one alone.
pub(crate) fn grams(text: &str) -> Vec<Gram> {
    let mut found = Vec::new();
    for run in runs(text) {
        match run {
            Run::Word(word) => found.push(Gram::Word(format!("x{word}"))),
            Run::Signs(signs) => {
                let pair = |pair: &[char]| Gram::Signs(format!("x{}{}", code(pair[0]), code(pair[1])));
                found.extend(signs.windows(2).map(pair));
                found.extend(signs.last().map(|sign| Gram::Signs(format!("x{}", code(*sign)))));
            }
        }
    }
    found.truncate(MOST_GRAMS);
    found
}

/// What a row and the index hold of words, in clear or sealed.
fn kept(seal: Option<&Seal>, at: At<'_>, text: &str) -> Result<(String, String), StoreError> {
    let grams = grams(text);
    Ok(match seal {
        Some(seal) => (seal.sealed(at, text)?, seal.indexed(&grams)),
        None => (text.to_owned(), grams.iter().map(Gram::text).collect::<Vec<_>>().join(" ")),
    })
}

/// What the utterances of a campaign's calls have in common in the index: words of one campaign are found without a
/// look at those of all others.
pub(crate) fn campaign_gram(campaign: &str) -> String {
    format!("k{}", hex::encode(campaign))
}

enum Run {
    Word(String),
    Signs(Vec<char>),
}

/// Words and runs of signs, in their order. A letter outside ASCII of a script with spaces is a sign too: it is found
/// all the same.
fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut joined = false;
    for c in text.chars().flat_map(char::to_lowercase) {
        if !c.is_alphanumeric() {
            joined = false;
            continue;
        }
        match (c.is_ascii(), runs.last_mut().filter(|_| joined)) {
            (true, Some(Run::Word(word))) => word.push(c),
            (false, Some(Run::Signs(signs))) => signs.push(c),
            (true, _) => runs.push(Run::Word(c.to_string())),
            (false, _) => runs.push(Run::Signs(vec![c])),
        }
        joined = true;
    }
    runs
}

/// A sign by its number; all of the same width, so that what begins with a sign is found by it.
fn code(sign: char) -> String {
    let mut text = String::with_capacity(SIGN);
    let _ = write!(text, "{:0SIGN$x}", u32::from(sign));
    text
}

/// What is looked up: phrases, of which the last part may go on.
struct Wanted(Vec<(Vec<String>, bool)>);

impl Wanted {
    fn of(words: &str) -> Self {
        let phrase = |run| match run {
            // Whoever types a word may not have typed its end.
            Run::Word(word) => (vec![format!("x{word}")], true),
            Run::Signs(signs) if signs.len() == 1 => (vec![format!("x{}", code(signs[0]))], true),
            Run::Signs(signs) => {
                let pair = |pair: &[char]| format!("x{}{}", code(pair[0]), code(pair[1]));
                (signs.windows(2).map(pair).collect(), false)
            }
        };
        Self(runs(words).into_iter().map(phrase).collect())
    }

    /// As a sealed index has it: there each beginning stands as a word.
    fn sealed(&self, seal: &Seal) -> Self {
        let hashed = |(grams, _): &(Vec<String>, bool)| {
            (grams.iter().map(|gram| seal.hashed(gram)).collect::<Vec<_>>(), false)
        };
        Self(self.0.iter().map(hashed).collect())
    }

    /// As SQLite's full-text search has it. Nothing but letters and digits comes from outside.
    fn fts5(&self) -> String {
        let one = |(grams, open): &(Vec<String>, bool)| {
            format!("\"{}\"{}", grams.join(" "), if *open { "*" } else { "" })
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(" AND ")
    }

    /// As PostgreSQL's has it.
    fn tsquery(&self) -> String {
        let one = |(grams, open): &(Vec<String>, bool)| {
            format!("({}{})", grams.join(" <-> "), if *open { ":*" } else { "" })
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(" & ")
    }
}

/// What a database's search is asked: for words in clear, and for what is sealed where that is found; in one campaign
/// where one is named.
fn asked(wanted: &Wanted, seal: Option<&Seal>, campaign: Option<&str>, is_file: bool) -> String {
    let written = |wanted: &Wanted| if is_file { wanted.fts5() } else { wanted.tsquery() };
    let (or, and) = if is_file { (" OR ", " AND ") } else { (" | ", " & ") };
    let sealed = seal.filter(|seal| seal.finds()).map(|seal| wanted.sealed(seal));
    let either = [Some(wanted), sealed.as_ref()].into_iter().flatten();
    let said = either.map(|wanted| format!("({})", written(wanted))).collect::<Vec<_>>().join(or);
    match campaign {
        Some(campaign) => format!("({said}){and}{}", campaign_gram(campaign)),
        None => said,
    }
}

impl Store {
    /// Takes the words of an attempt's transcript in, in place of those that were taken in before.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn keep_words(&self, attempt: &AttemptId, lines: &[Said<'_>]) -> Result<(), StoreError> {
        let Some(mut tx) = self.write_of(attempt).await? else { return Ok(()) };
        self.put_words(&mut tx, attempt, lines).await?;
        tx.commit().await.map_err(|e| self.sql(e))
    }

    pub(crate) async fn put_words(
        &self,
        tx: &mut Tx,
        attempt: &AttemptId,
        lines: &[Said<'_>],
    ) -> Result<(), StoreError> {
        let is_file = matches!(self.location, Location::File(_));
        let gone: Vec<i64> = sqlx::query_scalar("SELECT id FROM utterances WHERE attempt = $1")
            .bind(attempt.as_str())
            .fetch_all(&mut **tx)
            .await
            .map_err(|e| self.sql(e))?;
        for id in gone {
            let statements: &[&str] = match is_file {
                true => {
                    &["DELETE FROM utterance_words WHERE rowid = $1", "DELETE FROM utterances WHERE id = $1"]
                }
                false => &["DELETE FROM utterances WHERE id = $1"],
            };
            for statement in statements {
                sqlx::query(AssertSqlSafe(*statement))
                    .bind(id)
                    .execute(&mut **tx)
                    .await
                    .map_err(|e| self.sql(e))?;
            }
        }
        let campaign: Option<Option<String>> =
            sqlx::query_scalar("SELECT campaign FROM attempts WHERE attempt = $1")
                .bind(attempt.as_str())
                .fetch_optional(&mut **tx)
                .await
                .map_err(|e| self.sql(e))?;
        let of =
            campaign.flatten().map(|campaign| format!(" {}", campaign_gram(&campaign))).unwrap_or_default();
        let seal = self.seal();
        let by = seal.as_ref().map_or(0, |seal| seal.id());
        for line in lines {
            let at_ms = i64::try_from(line.at_ms).unwrap_or(i64::MAX);
            let at = At { attempt: attempt.as_str(), at_ms, speaker: line.speaker };
            let (text, grams) = kept(seal.as_deref(), at, line.text)?;
            let grams = grams + &of;
            let insert = if is_file {
                "INSERT INTO utterances (attempt, at_ms, speaker, text, sealed) VALUES ($1, $2, $3, $4, $5)
                 RETURNING id"
            } else {
                "INSERT INTO utterances (attempt, at_ms, speaker, text, sealed, grams)
                 VALUES ($1, $2, $3, $4, $5, to_tsvector('simple', $6)) RETURNING id"
            };
            let insert = sqlx::query_scalar(insert).bind(attempt.as_str()).bind(at_ms).bind(line.speaker);
            let insert = insert.bind(text).bind(by);
            let insert = if is_file { insert } else { insert.bind(&grams) };
            let id: i64 = insert.fetch_one(&mut **tx).await.map_err(|e| self.sql(e))?;
            if is_file {
                sqlx::query("INSERT INTO utterance_words (rowid, grams) VALUES ($1, $2)")
                    .bind(id)
                    .bind(&grams)
                    .execute(&mut **tx)
                    .await
                    .map_err(|e| self.sql(e))?;
            }
        }
        sqlx::query(
            "INSERT INTO searchable (attempt, sealed) VALUES ($1, $2)
             ON CONFLICT (attempt) DO UPDATE SET sealed = excluded.sealed",
        )
        .bind(attempt.as_str())
        .bind(by)
        .execute(&mut **tx)
        .await
        .map(drop)
        .map_err(|e| self.sql(e))
    }

    /// Outcomes with a transcript whose words were not taken in yet, after an attempt in the order of their ids: the
    /// attempt and the transcript's path.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn without_words(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(AttemptId, String)>, StoreError> {
        let path = json_field(&self.location, "o.record", "transcript.path");
        let sql = format!(
            "SELECT o.attempt, {path} FROM outcomes AS o LEFT JOIN searchable AS s ON s.attempt = o.attempt
             WHERE s.attempt IS NULL AND o.attempt > $1 AND {path} IS NOT NULL ORDER BY o.attempt LIMIT $2"
        );
        let rows: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.sql(e))?;
        rows.into_iter().map(|(attempt, path)| Ok((attempt.parse()?, path))).collect()
    }

    /// Calls that are sought, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn search(
        &self,
        sought: &Sought,
        beyond: Option<&Beyond>,
        limit: u32,
    ) -> Result<Vec<Hit>, StoreError> {
        let wanted = sought.words.as_deref().map(Wanted::of);
        // Words of which nothing can be looked up were said by nobody.
        if wanted.as_ref().is_some_and(|wanted| wanted.0.is_empty()) {
            return Ok(Vec::new());
        }
        let is_file = matches!(self.location, Location::File(_));
        let seal = self.seal();
        let campaign = sought.campaign.as_ref().map(CampaignId::as_str);
        let wanted = wanted.map(|wanted| asked(&wanted, seal.as_deref(), campaign, is_file));
        let (from, order, wanted) = match (wanted, is_file) {
            (None, _) => (LISTED, LISTED_ORDER, String::new()),
            (Some(wanted), true) => (SAID_ON_SQLITE, SAID_ORDER_ON_SQLITE, wanted),
            (Some(wanted), false) => (SAID_ON_POSTGRES, SAID_ORDER_ON_POSTGRES, wanted),
        };
        let sql = format!(
            "{from} AND ($2 IS NULL OR o.campaign = $2) AND ($3 IS NULL OR o.case_id = $3)
               AND ($4 IS NULL OR o.effective = $4) AND o.ended_at >= $5 AND o.ended_at < $6 {order}"
        );
        let said = !wanted.is_empty();
        let rows = sqlx::query_as(AssertSqlSafe(sql))
            .bind(wanted)
            .bind(campaign)
            .bind(sought.case.as_ref().map(CaseId::as_str))
            .bind(sought.disposition.map(Disposition::label))
            .bind(sought.since.map_or(i64::MIN, WallTime::unix_millis))
            .bind(sought.until.map_or(i64::MAX, WallTime::unix_millis))
            .bind(beyond.map_or(i64::MAX, |b| b.0));
        let rows = match said {
            true => rows.bind(sought.speaker.as_deref()),
            false => rows.bind(beyond.map_or("", |b| b.1.as_str())),
        };
        let hits = rows.bind(i64::from(limit)).fetch_all(&self.pool).await;
        let mut hits: Vec<Hit> = hits.map_err(|e| self.sql(e))?;
        hits.iter_mut().try_for_each(|hit| hit.open(seal.as_deref()))?;
        Ok(hits)
    }

    /// All that was said in the calls of some hits, by attempt; each call is read once.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn conversations(&self, hits: &[Hit]) -> Result<BTreeMap<String, Conversation>, StoreError> {
        let attempts: BTreeSet<&str> = hits.iter().map(|hit| hit.attempt.as_str()).collect();
        if attempts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let these = placeholders(1, 1, attempts.len());
        let mut calls = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT a.attempt, a.script, c.record FROM attempts AS a LEFT JOIN cases AS c ON c.case_id = a.case_id
             WHERE a.attempt IN {these}"
        )));
        // By attempt first: that is the index's order.
        let mut lines = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT attempt, id, at_ms, speaker, text, sealed FROM utterances WHERE attempt IN {these}
             ORDER BY attempt, id"
        )));
        for attempt in &attempts {
            calls = calls.bind(*attempt);
            lines = lines.bind(*attempt);
        }
        let calls: Vec<(String, String, Option<String>)> =
            calls.fetch_all(&self.pool).await.map_err(|e| self.sql(e))?;
        let lines: Vec<(String, i64, i64, String, String, i64)> =
            lines.fetch_all(&self.pool).await.map_err(|e| self.sql(e))?;
        let mut found = BTreeMap::new();
        for (attempt, script, case) in calls {
            let json = |source| StoreError::Record { of: attempt.clone(), source };
            let script: ScriptVersion = serde_json::from_str(&script).map_err(json)?;
            let case: Option<Case> =
                case.map(|record| serde_json::from_str(&record)).transpose().map_err(json)?;
            found.insert(attempt, Conversation { lang: script.lang, case, lines: Vec::new() });
        }
        let seal = self.seal();
        for (attempt, place, at_ms, speaker, text, key) in lines {
            let at = At { attempt: &attempt, at_ms, speaker: &speaker };
            let text = opened(seal.as_deref(), key, at, &text)?;
            let at_ms = u64::try_from(at_ms).unwrap_or_default();
            if let Some(call) = found.get_mut(&attempt) {
                call.lines.push(Line { place, at_ms, speaker, text });
            }
        }
        Ok(found)
    }
}

macro_rules! call_columns {
    () => {
        "o.attempt AS attempt, o.campaign AS campaign, o.case_id AS case_id, o.effective AS disposition,
         o.answered_by AS answered_by, o.dialled_at AS dialled_at, o.answered_at AS answered_at,
         o.ended_at AS ended_at"
    };
}

const LISTED: &str = concat!(
    "SELECT o.ended_at AS place, ",
    call_columns!(),
    ", CAST(NULL AS BIGINT) AS at_ms, CAST(NULL AS TEXT) AS speaker, CAST(NULL AS TEXT) AS text,
       CAST(0 AS BIGINT) AS sealed
     FROM outcomes AS o WHERE $1 = ''"
);
const LISTED_ORDER: &str = "AND (o.ended_at < $7 OR o.ended_at = $7 AND o.attempt < $8) ORDER BY o.ended_at DESC, o.attempt DESC LIMIT $9";
const SAID_ON_SQLITE: &str = concat!(
    "SELECT u.id AS place, ",
    call_columns!(),
    ", u.at_ms AS at_ms, u.speaker AS speaker, u.text AS text, u.sealed AS sealed
     FROM utterance_words AS w CROSS JOIN utterances AS u ON u.id = w.rowid CROSS JOIN outcomes AS o ON o.attempt = u.attempt
     WHERE w.grams MATCH $1"
);
const SAID_ON_POSTGRES: &str = concat!(
    "SELECT u.id AS place, ",
    call_columns!(),
    ", u.at_ms AS at_ms, u.speaker AS speaker, u.text AS text, u.sealed AS sealed
     FROM utterances AS u JOIN outcomes AS o ON o.attempt = u.attempt
     WHERE u.grams @@ to_tsquery('simple', $1)"
);
// By the index's own id: it gives its rows in that order, and no more of them than a page needs.
const SAID_ORDER_ON_SQLITE: &str =
    "AND w.rowid < $7 AND ($8 IS NULL OR u.speaker = $8) ORDER BY w.rowid DESC LIMIT $9";
const SAID_ORDER_ON_POSTGRES: &str =
    "AND u.id < $7 AND ($8 IS NULL OR u.speaker = $8) ORDER BY u.id DESC LIMIT $9";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_looked_up_by_pairs_and_words_as_they_are() {
        let held = |text: &str| grams(text).iter().map(Gram::text).collect::<Vec<_>>().join(" ");
        assert_eq!(held("还款, OK?"), "x08fd806b3e x06b3e xok");
        assert_eq!(held("！？ …"), "");
        let heads = |text: &str| grams(text).iter().flat_map(Gram::heads).collect::<Vec<_>>().join(" ");
        assert_eq!(heads("还款, OK?"), "x08fd8 x06b3e xo xok");
        assert_eq!(Wanted::of("还款日").fts5(), "\"x08fd806b3e x06b3e065e5\"");
        assert_eq!(Wanted::of("还 pay").fts5(), "\"x08fd8\"* AND \"xpay\"*");
        assert_eq!(Wanted::of("还款日 due").tsquery(), "(x08fd806b3e <-> x06b3e065e5) & (xdue:*)");
        assert_eq!(Wanted::of("\" OR 1=1 --").fts5(), "\"xor\"* AND \"x1\"* AND \"x1\"*");
    }

    #[test]
    fn words_stand_in_a_text_as_they_are_looked_up() {
        let stands = |words: &str, text: &str| {
            Sought { words: Some(words.into()), ..Sought::default() }.stands_in(text)
        };
        for (words, text) in [
            ("还款日", "您的还款日是"),
            ("日", "还款日"),
            ("PAY fri", "I'll pay Friday"),
            ("138", "打13800138000"),
        ] {
            assert!(stands(words, text), "{words} {text}");
        }
        for (words, text) in
            [("还日", "还款日"), ("还款日", "还款 日"), ("还款 周五", "周五还"), ("ay", "pay"), ("日", "")]
        {
            assert!(!stands(words, text), "{words} {text}");
        }
        assert!(Sought::default().stands_in("还款"));
    }
}
