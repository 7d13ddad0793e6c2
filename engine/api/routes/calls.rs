//! One call as it is looked into: its recording, its words and why the bot said them, whether its files are whole.
//!
//! Each look at what was said is written down, as changes are: who heard whom is asked for later.

use std::{
    io,
    path::{Path, PathBuf},
};

use axum::{
    Json,
    body::Body as Sent,
    extract::Request,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tower_http::services::ServeFile;
use utoipa::{IntoParams, ToSchema};
use waihu_redact::Known;
use waihu_store::{Act, Filter};
use waihu_types::{AttemptId, Lang, Outcome};

use crate::{
    Problem,
    extract::{Answer, Asked, At, Who},
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

/// Writes down who looks at what, before it is shown.
async fn looked(shared: &Shared, who: &Who, attempt: &AttemptId, at: &str) -> Result<i64, Problem> {
    let act = format!("GET /v1/calls/{attempt}/{at}");
    let act = Act { token: &who.token, person: &who.person, act: &act, request: "" };
    Ok(shared.store().write_down(act, now()).await?)
}

async fn ended(shared: &Shared, id: i64, status: u16) {
    if let Err(e) = shared.store().write_down_end(id, status).await {
        tracing::warn!(error = %e, "how a look ended was not written down");
    }
}

pub(super) fn elsewhere(what: &str) -> Problem {
    Problem::new(
        Code::NotFound,
        format!("{what} is not on this node's disk: ask the node that placed the call 文件不在本节点上"),
    )
}

/// A file that an outcome names, which has to lie in the folder of recordings: a row is not trusted further.
async fn within(folder: &Path, path: &str, what: &str) -> Result<PathBuf, Problem> {
    let folder = tokio::fs::canonicalize(folder).await.map_err(|_| elsewhere(what))?;
    let name = Path::new(path).file_name().ok_or_else(|| elsewhere(what))?;
    let file = tokio::fs::canonicalize(folder.join(name)).await.map_err(|_| elsewhere(what))?;
    if file.starts_with(&folder) { Ok(file) } else { Err(elsewhere(what)) }
}

/// Where the recording of a call lies.
pub(super) async fn recording_file(shared: &Shared, attempt: &AttemptId) -> Result<PathBuf, Problem> {
    let found = outcome(shared, attempt).await?.and_then(|o| o.recording);
    let found = found.ok_or_else(|| Problem::not_found("recording 录音"))?;
    within(&shared.inner().state.recordings, &found.path, "the recording").await
}

/// The sound of a call: stereo, the callee left and our side right. A range may be asked for (RFC 9110, 14).
#[utoipa::path(get, path = "/v1/calls/{attempt}/recording", tag = "calls",
    params(("attempt" = Key, Path, description = "The attempt"), ("Range" = Option<String>, Header, description = "A part of it")),
    responses((status = 200, description = "The recording", content_type = "audio/wav"),
        (status = 206, description = "The part that was asked for", content_type = "audio/wav"),
        (status = 416, description = "There is no such part")))]
pub(crate) async fn recording(
    shared: Here,
    who: Who,
    At(attempt): At<AttemptId>,
    request: Request,
) -> Result<Response, Problem> {
    let file = recording_file(&shared, &attempt).await?;
    let id = looked(&shared, &who, &attempt, "recording").await?;
    let served = ServeFile::new(file).try_call(request).await;
    let response = served.map_err(|_: io::Error| elsewhere("the recording"))?;
    ended(&shared, id, response.status().as_u16()).await;
    let named = format!("inline; filename=\"{attempt}.wav\"");
    let told = [
        (header::CONTENT_TYPE, "audio/wav".to_owned()),
        (header::CONTENT_DISPOSITION, named),
        (HeaderName::from_static("cache-control"), "no-store".to_owned()),
    ];
    Ok((told, response.map(Sent::new)).into_response())
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

/// What was said in a call and why, also while it is up. Who sees no numbers sees neither those that were said nor names.
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
    let file = within(&shared.inner().state.recordings, &path, "the transcript").await;
    // A call that has just begun has no line yet.
    let file = match file {
        Err(_) if live => return Ok(Json(TranscriptRecord { live, lines: Vec::new() })),
        file => file?,
    };
    // Once a call: what comes while it is up is the same look.
    if from.after.unwrap_or(0) == 0 {
        let id = looked(&shared, &who, &attempt, "transcript").await?;
        ended(&shared, id, 200).await;
    }
    let text = read(&file).await.map_err(|_| elsewhere("the transcript"))?;
    let skip = usize::try_from(from.after.unwrap_or(0)).unwrap_or(usize::MAX);
    // The last line of a call that is up may be half written: it comes with the next look.
    let mut lines: Vec<TranscriptLine> =
        text.lines().map_while(|line| serde_json::from_str(line).ok()).collect();
    if !who.sees_numbers() {
        let case = shared.store().case(&case).await?;
        hide(&mut lines, lang, &case.map(|stored| Known::of(&stored.case)).unwrap_or_default());
    }
    let lines = lines.into_iter().skip(skip).collect();
    Ok(Json(TranscriptRecord { live, lines }))
}

/// Numbers and names of persons give way to what they are, also where a number was said in several lines.
fn hide(lines: &mut [TranscriptLine], lang: Lang, known: &Known) {
    let said: Vec<(u64, &str, &str)> =
        lines.iter().map(|line| (line.at_ms, line.speaker.as_str(), line.text.as_str())).collect();
    let spans = waihu_redact::find_in_lines(&said, lang, known);
    for (line, spans) in lines.iter_mut().zip(spans).filter(|(_, spans)| !spans.is_empty()) {
        line.text = waihu_redact::hide(&line.text, &spans, lang);
        // The same numbers may stand there once more.
        line.entities = None;
    }
}

async fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    tokio::fs::File::open(file).await?.take(MAX_TRANSCRIPT).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a file of a call is as it was when its outcome was filed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whole {
    /// Its SHA-256 is the one that was filed.
    Same,
    /// It was changed since.
    Changed,
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
    let folder = &shared.inner().state.recordings;
    Ok(Json(Checked {
        recording: compare(folder, recording).await,
        transcript: compare(folder, transcript).await,
    }))
}

async fn compare(folder: &Path, filed: Option<(String, String)>) -> Whole {
    let Some((path, sha256)) = filed else { return Whole::None };
    let Ok(file) = within(folder, &path, "the file").await else { return Whole::Missing };
    // An hour of sound is a hundred megabytes: not on a thread that serves others.
    let hashed = tokio::task::spawn_blocking(move || hash(&file));
    match hashed.await {
        Ok(Ok(found)) if found == sha256 => Whole::Same,
        Ok(Ok(_)) => Whole::Changed,
        _ => Whole::Missing,
    }
}

fn hash(file: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut part) = (std::fs::File::open(file)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match io::Read::read(&mut file, &mut part)? {
            0 => return Ok(hex::encode(hash.finalize())),
            read => hash.update(&part[..read]),
        }
    }
}
