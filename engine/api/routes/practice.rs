//! The practice ground from a browser: a whole campaign against simulated callees, by a process of its own with a store
//! of its own, so that nobody is called and nothing of it gets among real cases.
//!
//! One run at a time on a node. Deliberately absent: what is practised (`waihu practice`).

use std::{
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Child,
    sync::oneshot,
};
use utoipa::ToSchema;
use waihu_types::WallTime;

use crate::{
    Problem,
    extract::{Answer, Body, Who},
    problem::Code,
    state::{Here, now},
};

/// What a run says when it fails is kept so far \[lines\]: a message with what it is about.
const MOST_SAID: usize = 20;

/// The most lines that a run tells of its cases: there are some forty.
const MOST_CASES: usize = 1_000;

/// What practises: the program itself, as a process that is yet to be started.
pub type Practise = dyn Fn(&[String]) -> Command + Send + Sync;

/// Whether a practice campaign runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Practising {
    /// None has been run since the server began.
    #[default]
    Idle,
    /// It runs.
    Running,
    /// It is over.
    Ended,
}

/// A practice callee, and what came of the call.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PracticeCase {
    /// The practice case.
    case: String,
    /// How the call should end.
    expected: String,
    /// How it ended; none before.
    #[serde(default)]
    actual: Option<String>,
    /// Whether that is the same.
    #[serde(default)]
    right: Option<bool>,
    /// Between answer and end \[s\].
    #[serde(default)]
    talk_s: Option<i64>,
}

/// A practice campaign.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct PracticeRecord {
    /// Whether it runs.
    state: Practising,
    /// Who began it.
    by: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    began_at: Option<WallTime>,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<WallTime>,
    /// Its callees.
    cases: Vec<PracticeCase>,
    /// Why it could not go on; empty where it could.
    fault: String,
}

/// Which callees are wanted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPractice {
    /// Practice cases; all where none is named.
    #[serde(default)]
    #[schema(max_items = 100)]
    cases: Vec<String>,
}

/// The run of this node: the last one, or the one that goes on.
#[derive(Debug, Default)]
pub(crate) struct Runs(Arc<Mutex<Run>>);

#[derive(Debug, Default)]
struct Run {
    record: PracticeRecord,
    said: Vec<String>,
    /// Dropped, the process is ended.
    stop: Option<oneshot::Sender<()>>,
}

impl Runs {
    fn lock(&self) -> MutexGuard<'_, Run> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a practice campaign: simulated callees are called over real signalling and sound, and nobody else. It takes
/// some minutes, and a core or two.
#[utoipa::path(post, path = "/v1/practice", tag = "campaigns", request_body = NewPractice,
    responses((status = 202, description = "It was begun", body = PracticeRecord)))]
pub(crate) async fn begin(
    shared: Here,
    who: Who,
    Body(new): Body<NewPractice>,
) -> Result<(StatusCode, Json<PracticeRecord>), Problem> {
    let fits = |id: &String| {
        id.len() <= 64 && !id.starts_with('-') && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if new.cases.len() > 100 || !new.cases.iter().all(fits) {
        return Err(Problem::invalid("cases", "name practice cases, or none for all 演练案件有误"));
    }
    let Some(practise) = &shared.inner().state.practise else {
        return Err(Problem::new(Code::Unavailable, "no calls are placed here 本节点不外呼"));
    };
    let runs = &shared.inner().practice;
    let mut run = runs.lock();
    if run.record.state == Practising::Running {
        return Err(Problem::new(Code::Conflict, "a practice campaign runs already 演练正在进行"));
    }
    let mut command = tokio::process::Command::from(practise(&new.cases));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().map_err(|error| {
        tracing::error!(%error, "the practice ground cannot be started");
        Problem::new(Code::Internal, "the practice ground cannot be started 无法启动演练")
    })?;
    let (stop, stopped) = oneshot::channel();
    let record = PracticeRecord {
        state: Practising::Running,
        by: Some(who.person().to_owned()),
        began_at: Some(now()),
        ..PracticeRecord::default()
    };
    *run = Run { record: record.clone(), said: Vec::new(), stop: Some(stop) };
    tokio::spawn(follow(Arc::clone(&runs.0), child, stopped));
    Ok((StatusCode::ACCEPTED, Json(record)))
}

/// The practice campaign that runs, or the last one.
#[utoipa::path(get, path = "/v1/practice", tag = "campaigns",
    responses((status = 200, description = "The practice campaign", body = PracticeRecord)))]
pub(crate) async fn look(shared: Here, _: Who) -> Answer<PracticeRecord> {
    Ok(Json(shared.inner().practice.lock().record.clone()))
}

/// Ends the practice campaign that runs.
#[utoipa::path(delete, path = "/v1/practice", tag = "campaigns",
    responses((status = 200, description = "As it stands; it ends within seconds", body = PracticeRecord)))]
pub(crate) async fn end(shared: Here, _: Who) -> Answer<PracticeRecord> {
    let mut run = shared.inner().practice.lock();
    drop(run.stop.take());
    Ok(Json(run.record.clone()))
}

/// Takes in what the process tells, until it has ended or is told to.
async fn follow(run: Arc<Mutex<Run>>, mut child: Child, stopped: oneshot::Receiver<()>) {
    let tell = |take: &dyn Fn(&mut Run)| take(&mut run.lock().unwrap_or_else(PoisonError::into_inner));
    let told = read(child.stdout.take(), |line| {
        if let Ok(case) = serde_json::from_str::<PracticeCase>(&line) {
            tell(&|run| run.record.keep(&case));
        }
    });
    let said = read(child.stderr.take(), |line| {
        tell(&|run| {
            run.said.push(line.clone());
            let beyond = run.said.len().saturating_sub(MOST_SAID);
            run.said.drain(..beyond);
        });
    });
    let ended = async {
        tokio::join!(told, said);
        child.wait().await
    };
    let fault = tokio::select! {
        status = ended => match status {
            Ok(status) if status.code().is_some_and(|code| code <= 1) => Ok(()),
            _ => Err(()),
        },
        // Its own processes end with their input.
        _ = stopped => Ok(()),
    };
    tell(&|run| {
        run.stop = None;
        let all_called = run.record.cases.iter().all(|case| case.actual.is_some());
        let failed = fault.is_err() || run.record.cases.is_empty() || !all_called;
        run.record.state = Practising::Ended;
        run.record.ended_at = Some(now());
        run.record.fault = if failed { run.said.join("\n") } else { String::new() };
    });
}

async fn read(from: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(String)) {
    let Some(from) = from else { return };
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        take(line);
    }
}

impl PracticeRecord {
    fn keep(&mut self, case: &PracticeCase) {
        let is_full = self.cases.len() >= MOST_CASES;
        match self.cases.iter_mut().find(|known| known.case == case.case) {
            Some(known) => known.clone_from(case),
            None if is_full => {}
            None => self.cases.push(case.clone()),
        }
    }
}
