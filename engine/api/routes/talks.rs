//! Talks that go on, and a supervisor's seat in one of them: a WebSocket (RFC 6455) over which they listen, whisper,
//! join and take over.
//!
//! Whatever they do is written down before it is done: who sat in on whose talk is asked for later.

use std::time::Duration;

use axum::{
    Json,
    extract::ws::{
        CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
    },
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use utoipa::ToSchema;
use waihu_agents::supervise::{FromSupervisor, Talk, ToSupervisor};
use waihu_store::Act;
use waihu_types::{AttemptId, Mood, WallTime};

use super::desk::is_own_page;
use crate::{
    Problem,
    extract::{Answer, At, Who, text},
    floor::Attended,
    openapi::{CaseKey, Key},
    problem::Code,
    session::{SignedIn, is_alive},
    state::{Here, Shared, now},
};

/// The longest message [bytes]: a browser's description has some 2 KiB.
const MOST_BYTES: usize = 32 << 10;
/// How often a page is asked whether it is there, and whether its session still is.
const PING: Duration = Duration::from_secs(10);
/// A page that says nothing for so long is gone.
const SILENT: Duration = Duration::from_secs(25);
/// The close codes of our own (RFC 6455, 7.4.2).
const SIGNED_OUT: u16 = 4_401;
const OVER: u16 = 4_410;
const TOO_MANY: u16 = 4_429;

/// How a callee seems to feel, from 0 to 100.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Feeling {
    agitation: u8,
    distress: u8,
    willingness: u8,
}

impl From<Mood> for Feeling {
    fn from(mood: Mood) -> Self {
        let Mood { agitation, distress, willingness } = mood;
        Self { agitation, distress, willingness }
    }
}

/// A talk that goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TalkTold {
    /// The attempt.
    #[schema(value_type = Key)]
    attempt: String,
    /// The campaign; none for a call placed by hand.
    #[schema(value_type = Option<Key>)]
    campaign: Option<String>,
    /// The case.
    #[schema(value_type = CaseKey)]
    case: String,
    /// Who talks with the callee: a login, `phone:` and a telephone's name, or `supervisor:` and a login.
    agent: String,
    /// Their name.
    name: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: WallTime,
    /// Why the callee was handed over.
    reason: &'static str,
    /// How the callee seems to feel.
    mood: Option<Feeling>,
    /// Whether the callee is on hold.
    held: bool,
    /// How many supervisors sit in on it.
    supervisors: usize,
}

impl From<Talk> for TalkTold {
    fn from(talk: Talk) -> Self {
        Self {
            attempt: talk.attempt.to_string(),
            campaign: talk.campaign.map(|c| c.to_string()),
            case: talk.case.to_string(),
            agent: talk.agent,
            name: talk.name,
            since: talk.since,
            reason: talk.reason.label(),
            mood: talk.mood.map(Feeling::from),
            held: talk.held,
            supervisors: talk.supervisors,
        }
    }
}

/// The talks that go on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Talks {
    /// The oldest first.
    items: Vec<TalkTold>,
}

/// The talks of this node's agents with callees, the oldest first.
#[utoipa::path(get, path = "/v1/talks", tag = "people",
    responses((status = 200, description = "The talks", body = Talks)))]
pub(crate) async fn list(shared: Here, _: Who) -> Answer<Talks> {
    let talks = shared.inner().state.floor.as_ref().map(|floor| (floor.talks)());
    Ok(Json(Talks { items: talks.unwrap_or_default().into_iter().map(TalkTold::from).collect() }))
}

/// Sits in on a talk, unheard at first. Needs a session, and comes from our own pages alone.
///
/// Messages to the page: `state` (`talk`, `sitting`, `card`, at first `lines`), `line`, `sdp`, `ended`, `refused`. From
/// it: `sdp`, `listen`, `whisper`, `join`, `take_over`, `hang_up`. README.md explains them.
#[utoipa::path(get, path = "/v1/talks/{attempt}/seat", tag = "people",
    params(("attempt" = Key, Path, description = "The attempt")),
    responses((status = 101, description = "Messages follow, as JSON"),
        (status = 404, description = "There is no such talk on this node", body = crate::problem::Details)))]
pub(crate) async fn seat(
    shared: Here,
    who: Who,
    At(attempt): At<AttemptId>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| {
        Problem::new(Code::Malformed, "a WebSocket of version 13 is expected 应使用 WebSocket 连接")
            .of("Upgrade")
    })?;
    let Some(signed_in) = who.session.clone() else {
        let what = "a seat is a person's: sign in with a login and a password 须以账号登录";
        return Err(Problem::new(Code::Conflict, what));
    };
    is_own_page(&headers)?;
    let nowhere = || Problem::not_found("talk 通话");
    let floor = shared.inner().state.floor.as_ref().ok_or_else(nowhere)?;
    if !(floor.talks)().iter().any(|talk| talk.attempt == attempt) {
        return Err(nowhere());
    }
    let seat = Seat { shared: shared.0.clone(), token: who.token.clone(), signed_in, attempt };
    seat.write_down("listen").await?;
    let person = &seat.signed_in.session.person;
    let attended =
        (floor.attend)((person.login.as_str(), &person.name), &seat.attempt).ok_or_else(nowhere)?;
    Ok(upgrade
        .max_message_size(MOST_BYTES)
        .max_frame_size(MOST_BYTES)
        .on_upgrade(move |socket| seat.run(socket, attended)))
}

struct Seat {
    shared: Shared,
    token: String,
    signed_in: SignedIn,
    attempt: AttemptId,
}

impl Seat {
    /// Writes down what the supervisor is about to do.
    async fn write_down(&self, what: &str) -> Result<(), Problem> {
        let act = format!("GET /v1/talks/{}/seat {what}", self.attempt);
        let person = &self.signed_in.session.person.login;
        let act = Act { token: &self.token, person: person.as_str(), act: &act, request: "" };
        self.shared.store().write_down(act, now()).await?;
        Ok(())
    }

    async fn run(self, mut socket: WebSocket, mut attended: Attended) {
        let mut ping = interval_at(Instant::now() + PING, PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        let code = loop {
            tokio::select! {
                told = attended.hear.recv() => {
                    let is_over = matches!(told, None | Some(ToSupervisor::Ended));
                    if let Some(told) = told {
                        let Ok(text) = text(&told) else { return };
                        if socket.send(Message::Text(text.into())).await.is_err() {
                            return;
                        }
                    }
                    if is_over {
                        break OVER;
                    }
                }
                said = socket.recv() => match said {
                    Some(Ok(Message::Text(said))) => {
                        heard_at = Instant::now();
                        if self.shared.inner().rates.take(&self.token, std::time::Instant::now()).is_err() {
                            break TOO_MANY;
                        }
                        if let Some(refused) = self.heard(&attended, &said).await {
                            let Ok(text) = text(&ToSupervisor::Refused { why: refused }) else { return };
                            if socket.send(Message::Text(text.into())).await.is_err() {
                                return;
                            }
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => heard_at = Instant::now(),
                },
                _ = ping.tick() => {
                    let is_gone = heard_at.elapsed() > SILENT;
                    if is_gone || socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                        return;
                    }
                    let session = self.shared.store().session(&self.signed_in.token.digest()).await;
                    // A store that is away for a minute ends no seat.
                    if matches!(session, Ok(session) if !session.as_ref().is_some_and(|s| is_alive(s, now()))) {
                        break SIGNED_OUT;
                    }
                }
            }
        };
        let reason = Utf8Bytes::from_static("");
        let _ = socket.send(Message::Close(Some(CloseFrame { code, reason }))).await;
    }

    /// Does what the page says; why it is not done.
    async fn heard(&self, attended: &Attended, said: &str) -> Option<String> {
        let said = match serde_json::from_str::<FromSupervisor>(said) {
            Ok(said) => said,
            Err(e) => return Some(format!("it cannot be read, column {} 无法解析", e.column())),
        };
        // What is only how it sounds needs no row.
        if !matches!(said, FromSupervisor::Sdp { .. }) && self.write_down(said.label()).await.is_err() {
            return Some("it could not be written down, and is not done 审计未能写入，未执行".to_owned());
        }
        (attended.say)(said);
        None
    }
}
