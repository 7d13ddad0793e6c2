//! One call as it is looked into: its recording, its words and why the bot said them, whether its files are whole;
//! and all of it as one file that proves itself.
//!
//! Each look at what was said is written down, as changes are: who heard whom is asked for later. Files are opened by
//! the vault alone, plain or sealed.

use std::{
    io,
    path::{Path, PathBuf},
    sync::PoisonError,
};

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::spawn_blocking;
use utoipa::{IntoParams, ToSchema};
use waihu_keeping::KeepError;
use waihu_store::{Act, Filter};
use waihu_types::{AttemptId, Outcome};
use waihu_vault::{Opened, VaultError, sealed_name};

use crate::{
    Problem,
    extract::{Answer, Asked, At, Who},
    kept::{Part, sent},
    mask::Veil,
    openapi::Key,
    problem::Code,
    state::{Here, Shared, now},
};

/// The longest transcript that is read [bytes]: a day of talk.
const MAX_TRANSCRIPT: u64 = 16 << 20;

/// The outcome of an attempt; none where the call is up.
async fn outcome(shared: &Shared, attempt: &AttemptId) -> Result<Option<Outcome>, Problem> {
    let filter = Filter { attempt: Some(attempt.clone()), ..Filter::default() };
    Ok(shared.store().outcomes(&filter).await?.pop())
}

/// So many are remembered; beyond it a look is written down once more.
const MOST_READING: usize = 10_000;

/// Whether that somebody reads a transcript was written down before.
fn is_reading(shared: &Shared, who: &Who, attempt: &AttemptId) -> bool {
    let reading = shared.inner().reading.lock().unwrap_or_else(PoisonError::into_inner);
    reading.contains(&(who.token.clone(), attempt.clone(), who.purpose))
}

fn reads(shared: &Shared, who: &Who, attempt: &AttemptId) {
    let mut reading = shared.inner().reading.lock().unwrap_or_else(PoisonError::into_inner);
    if reading.len() >= MOST_READING {
        reading.clear();
    }
    reading.insert((who.token.clone(), attempt.clone(), who.purpose));
}

/// Writes down who looks at what and what for, before it is shown.
async fn looked(shared: &Shared, who: &Who, attempt: &AttemptId, at: &str) -> Result<i64, Problem> {
    let act = format!("GET /v1/calls/{attempt}/{at}{}", who.what_for());
    let act = Act { token: &who.token, person: &who.person, act: &act, request: "" };
    Ok(shared.store().write_down(act, now()).await?)
}

pub(super) async fn ended(shared: &Shared, id: i64, status: u16) {
    if let Err(e) = shared.store().write_down_end(id, status, now()).await {
        tracing::warn!(error = %e, "how a look ended was not written down");
    }
}

pub(super) fn elsewhere(what: &str) -> Problem {
    Problem::new(
        Code::NotFound,
        format!("{what} is not on this node's disk: ask the node that placed the call 文件不在本节点上"),
    )
}

/// A file that an outcome names, by its plain name, which has to lie in the folder of recordings, plain or sealed: a
/// row is not trusted further.
async fn within(folder: &Path, path: &str, what: &str) -> Result<PathBuf, Problem> {
    let folder = tokio::fs::canonicalize(folder).await.map_err(|_| elsewhere(what))?;
    let plain = folder.join(Path::new(path).file_name().ok_or_else(|| elsewhere(what))?);
    for name in [plain.clone(), sealed_name(&plain)] {
        if let Ok(file) = tokio::fs::canonicalize(name).await {
            return if file.starts_with(&folder) { Ok(plain) } else { Err(elsewhere(what)) };
        }
    }
    Err(elsewhere(what))
}

/// Opens it, elsewhere than on a thread that serves others.
async fn open(shared: &Shared, file: PathBuf, what: &str) -> Result<Opened, Problem> {
    let vault = std::sync::Arc::clone(&shared.inner().state.archive.vault);
    let opened = spawn_blocking(move || vault.open(&file)).await;
    opened.map_err(|_| fell())?.map_err(|e| unopened(&e, what))
}

/// Why a kept file is not shown: for people, without where it lies.
pub(super) fn unopened(e: &VaultError, what: &str) -> Problem {
    match e {
        VaultError::Missing { .. } => elsewhere(what),
        VaultError::NoKey { recipients, .. } => Problem::new(
            Code::Conflict,
            format!(
                "{what} is sealed for {recipients}, and this node has no key of that 本节点没有可解封的私钥"
            ),
        ),
        VaultError::Altered { .. } | VaultError::Foreign { .. } => altered(what),
        e => {
            tracing::error!(error = %e, "a kept file cannot be read");
            Problem::new(Code::Internal, format!("{what} cannot be read; the log says more 文件无法读取"))
        }
    }
}

fn altered(what: &str) -> Problem {
    let told =
        format!("{what} was altered after it was sealed: it is not played 文件在封存后被改动，不予播放");
    Problem::new(Code::Conflict, told)
}

pub(super) fn fell() -> Problem {
    Problem::new(Code::Internal, "a fault of ours; the log says more 内部故障")
}

/// The recording of a call.
pub(super) async fn recording_of(shared: &Shared, attempt: &AttemptId) -> Result<Opened, Problem> {
    let file = recording_file(shared, attempt).await?;
    open(shared, file, "the recording").await
}

/// Where the recording of a call lies.
async fn recording_file(shared: &Shared, attempt: &AttemptId) -> Result<PathBuf, Problem> {
    let found = outcome(shared, attempt).await?.and_then(|o| o.recording);
    let found = found.ok_or_else(|| Problem::not_found("recording 录音"))?;
    within(&shared.inner().state.archive.recordings, &found.path, "the recording").await
}

/// The sound of a call, for a purpose alone: stereo, the callee left and our side right. A range may be asked for (RFC
/// 9110, 14).
#[utoipa::path(get, path = "/v1/calls/{attempt}/recording", tag = "calls",
    params(("attempt" = Key, Path, description = "The attempt"), ("Range" = Option<String>, Header, description = "A part of it")),
    responses((status = 200, description = "The recording", content_type = "audio/wav"),
        (status = 206, description = "The part that was asked for", content_type = "audio/wav"),
        (status = 409, description = "It was altered, or no key here opens it"),
        (status = 416, description = "There is no such part")))]
pub(crate) async fn recording(
    shared: Here,
    who: Who,
    At(attempt): At<AttemptId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.needs_purpose()?;
    let file = recording_file(&shared, &attempt).await?;
    let id = looked(&shared, &who, &attempt, "recording").await?;
    let response = played(&shared, file, &headers).await;
    let status = response.as_ref().map_or_else(Problem::status, Response::status);
    ended(&shared, id, status.as_u16()).await;
    let named = format!("inline; filename=\"{attempt}.wav\"");
    let told = [
        (header::CONTENT_TYPE, "audio/wav".to_owned()),
        (header::CONTENT_DISPOSITION, named),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((told, response?).into_response())
}

/// The part that is asked for. What was altered is not played: where the first of it was, nothing is sent, and later
/// the answer breaks off.
async fn played(shared: &Shared, file: PathBuf, headers: &HeaderMap) -> Result<Response, Problem> {
    let opened = open(shared, file, "the recording").await?;
    let length = opened.length();
    let Some(part) = Part::asked(headers, length) else {
        let told = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, told).into_response());
    };
    let told =
        [(header::ACCEPT_RANGES, "bytes".to_owned()), (header::CONTENT_LENGTH, part.length().to_string())];
    let body = sent(opened, part).await.map_err(|e| match e.kind() {
        io::ErrorKind::InvalidData => altered("the recording"),
        _ => elsewhere("the recording"),
    })?;
    if part.is_all(length) {
        return Ok((told, body).into_response());
    }
    let range =
        [(header::CONTENT_RANGE, format!("bytes {}-{}/{length}", part.first, part.end.saturating_sub(1)))];
    Ok((StatusCode::PARTIAL_CONTENT, told, range, body).into_response())
}

/// Something that was said, or that happened, in a call.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct TranscriptLine {
    /// When it began, from the beginning of the recording [ms].
    at_ms: u64,
    /// `callee`, `bot`, `agent`; or `system`: what happened, and why the script went where it did.
    #[schema(example = "callee")]
    speaker: String,
    /// The words. Of a decision: the state, what was understood, the rule's file and line, and where it led.
    text: String,
    /// What was understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    intent: Option<String>,
    /// How sure that is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    confidence: Option<f32>,
    /// The amounts, days and numbers in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Object)]
    entities: Option<Value>,
}

/// What was said in a call.
#[derive(Serialize, ToSchema)]
pub(crate) struct TranscriptRecord {
    /// Whether the call is up, and more may come.
    live: bool,
    /// Its lines, in their order.
    lines: Vec<TranscriptLine>,
    /// Whether what tells of persons is masked: who asks may not see it in clear, or has not said what for.
    masked: bool,
}

/// Which lines are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct From {
    /// After so many lines, for who has read them.
    #[param(minimum = 0)]
    after: Option<u64>,
}

/// What was said in a call and why, also while it is up. Masked, it has neither names nor numbers that were said.
#[utoipa::path(get, path = "/v1/calls/{attempt}/transcript", tag = "calls",
    params(("attempt" = Key, Path, description = "The attempt"), From),
    responses((status = 200, description = "The lines", body = TranscriptRecord)))]
pub(crate) async fn transcript(
    shared: Here,
    who: Who,
    At(attempt): At<AttemptId>,
    Asked(from): Asked<From>,
) -> Answer<TranscriptRecord> {
    let standing = shared.store().attempt(&attempt).await?;
    let standing = standing.ok_or_else(|| Problem::not_found("attempt 通话"))?;
    let (live, case, lang) = (standing.open, standing.begun.case, standing.begun.script.lang);
    let path = match outcome(&shared, &attempt).await? {
        Some(outcome) => outcome.transcript.map(|t| t.path),
        None => Some(format!("{attempt}.jsonl")),
    };
    let path = path.ok_or_else(|| Problem::not_found("transcript 文本"))?;
    let file = within(&shared.inner().state.archive.recordings, &path, "the transcript").await;
    // A call that has just begun has no line yet.
    let file = match file {
        Err(_) if live => {
            return Ok(Json(TranscriptRecord { live, lines: Vec::new(), masked: !who.sees_clear() }));
        }
        file => file?,
    };
    // Once a call and purpose: what comes while it is up is the same look.
    if from.after.unwrap_or(0) == 0 || !is_reading(&shared, &who, &attempt) {
        let id = looked(&shared, &who, &attempt, "transcript").await?;
        ended(&shared, id, 200).await;
        reads(&shared, &who, &attempt);
    }
    let mut opened = open(&shared, file, "the transcript").await?;
    let text = spawn_blocking(move || opened.text(MAX_TRANSCRIPT)).await.map_err(|_| fell())?;
    let text = text.map_err(|e| match e.kind() {
        io::ErrorKind::InvalidData => altered("the transcript"),
        _ => elsewhere("the transcript"),
    })?;
    let skip = usize::try_from(from.after.unwrap_or(0)).unwrap_or(usize::MAX);
    // The last line of a call that is up may be half written: it comes with the next look.
    let mut lines: Vec<TranscriptLine> =
        text.lines().map_while(|line| serde_json::from_str(line).ok()).collect();
    let veil = Veil::over(&shared, &who, (&case, lang)).await?;
    if let Some(veil) = &veil {
        hide(&mut lines, veil);
    }
    let lines = lines.into_iter().skip(skip).collect();
    Ok(Json(TranscriptRecord { live, lines, masked: veil.is_some() }))
}

fn hide(lines: &mut [TranscriptLine], veil: &Veil) {
    let said: Vec<(u64, &str, &str)> =
        lines.iter().map(|line| (line.at_ms, line.speaker.as_str(), line.text.as_str())).collect();
    let hidden = veil.lines(&said);
    for (line, text) in lines.iter_mut().zip(hidden) {
        if let Some(text) = text {
            line.text = text;
            // The same numbers may stand there once more.
            line.entities = None;
        }
    }
}

/// Whether a file of a call is as it was when its outcome was filed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whole {
    /// Its SHA-256 is the one that was filed.
    Same,
    /// It was changed since.
    Changed,
    /// It is sealed, and no key of this node opens it.
    Locked,
    /// It is not on this node's disk.
    Missing,
    /// The call left none.
    None,
}

/// Whether the files of a call are whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checked {
    /// Its recording.
    recording: Whole,
    /// Its transcript.
    transcript: Whole,
}

/// Reads the files of a call and compares their SHA-256 with what was filed.
#[utoipa::path(get, path = "/v1/calls/{attempt}/check", tag = "calls", params(("attempt" = Key, Path, description = "The attempt")),
    responses((status = 200, description = "What was found", body = Checked)))]
pub(crate) async fn check(shared: Here, _: Who, At(attempt): At<AttemptId>) -> Answer<Checked> {
    let found = outcome(&shared, &attempt).await?.ok_or_else(|| Problem::not_found("outcome 结果"))?;
    let recording = found.recording.map(|r| (r.path, r.sha256));
    let transcript = found.transcript.map(|t| (t.path, t.sha256));
    Ok(Json(Checked {
        recording: compare(&shared, recording).await,
        transcript: compare(&shared, transcript).await,
    }))
}

async fn compare(shared: &Shared, filed: Option<(String, String)>) -> Whole {
    let Some((path, sha256)) = filed else { return Whole::None };
    let archive = &shared.inner().state.archive;
    let Ok(file) = within(&archive.recordings, &path, "the file").await else { return Whole::Missing };
    let vault = std::sync::Arc::clone(&archive.vault);
    // An hour of sound is a hundred megabytes: not on a thread that serves others.
    let compared = spawn_blocking(move || match vault.open(&file) {
        Ok(mut opened) => match opened.hash() {
            Ok(found) if found == sha256 => Whole::Same,
            Err(e) if e.kind() != io::ErrorKind::InvalidData => Whole::Missing,
            _ => Whole::Changed,
        },
        Err(VaultError::NoKey { .. }) => Whole::Locked,
        Err(VaultError::Altered { .. } | VaultError::Foreign { .. }) => Whole::Changed,
        Err(_) => Whole::Missing,
    });
    compared.await.unwrap_or(Whole::Missing)
}

/// All that is kept of a call that is over, for a purpose alone, as one zip: sound, words, outcome with its revisions,
/// why it was allowed, the script, a page to read it by, hashes and a signature. `waihu bundle verify` needs nothing else.
#[utoipa::path(get, path = "/v1/calls/{attempt}/bundle", tag = "calls",
    params(("attempt" = Key, Path, description = "The attempt")),
    responses((status = 200, description = "The zip", content_type = "application/zip"),
        (status = 409, description = "No key here opens its files")))]
pub(crate) async fn bundle(shared: Here, who: Who, At(attempt): At<AttemptId>) -> Result<Response, Problem> {
    who.needs_purpose()?;
    outcome(&shared, &attempt).await?.ok_or_else(|| Problem::not_found("outcome 结果"))?;
    let id = looked(&shared, &who, &attempt, "bundle").await?;
    let made = made(&shared, &who, &attempt).await;
    ended(&shared, id, made.as_ref().map_or_else(Problem::status, |_| StatusCode::OK).as_u16()).await;
    let (body, length) = made?;
    let told = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{attempt}.zip\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((told, body).into_response())
}

/// The zip, which has no name on the disk and is gone when it was sent.
async fn made(shared: &Shared, who: &Who, attempt: &AttemptId) -> Result<(axum::body::Body, u64), Problem> {
    let archive = &shared.inner().state.archive;
    let failed = |e: io::Error| {
        tracing::error!(error = %e, "a bundle cannot be written");
        Problem::new(Code::Unavailable, "no room for the bundle 磁盘无法写入证据包")
    };
    let out = waihu_keeping::scratch(&archive.recordings).map_err(failed)?;
    let bundled = archive.bundle(attempt, out, &who.person, now()).await.map_err(|e| match e {
        KeepError::Store(e) => e.into(),
        KeepError::Vault(e) => unopened(&e, "a file of the call"),
        KeepError::UnknownCall(_) => Problem::not_found("outcome 结果"),
        e => {
            tracing::error!(error = %e, "a bundle cannot be made");
            fell()
        }
    })?;
    let length = bundled.file.metadata().map_err(failed)?.len();
    let part = Part { first: 0, end: length };
    Ok((sent(bundled.file, part).await.map_err(failed)?, length))
}
