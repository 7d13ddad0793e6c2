//! Talks that go on, and a supervisor's seat in one of them: a WebSocket (RFC 6455) over which they listen, whisper,
//! join and take over.
//!
//! Whatever they do is written down before it is done: who sat in on whose talk is asked for later.

use axum::{
    Json,
    extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;
use waihu_agents::supervise::{FromSupervisor, Talk, ToSupervisor};
use waihu_store::Act;
use waihu_types::{AttemptId, Mood, WallTime};

use super::seat::{Behind, Seat};
use crate::{
    Problem,
    extract::{Answer, At, Who},
    floor::Attended,
    openapi::{CaseKey, Key},
    state::{Here, now},
};

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
/// Messages to the page: `ice` (first, where there are relays), `state` (`talk`, `sitting`, `card`, at first `lines`), `line`, `sdp`, `ended`, `refused`. From
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
    let (seat, upgrade) = Seat::of(&shared, &who, &headers, upgrade)?;
    let nowhere = || Problem::not_found("talk 通话");
    let floor = shared.inner().state.floor.as_ref().ok_or_else(nowhere)?;
    if !(floor.talks)().iter().any(|talk| talk.attempt == attempt) {
        return Err(nowhere());
    }
    write_down(&seat, &attempt, "listen").await?;
    let person = &seat.signed_in.session.person;
    let attended = (floor.attend)((person.login.as_str(), &person.name), &attempt).ok_or_else(nowhere)?;
    Ok(upgrade.on_upgrade(move |socket| seat.run(socket, Attending { attempt, attended })))
}

/// Writes down what a supervisor is about to do.
async fn write_down(seat: &Seat, attempt: &AttemptId, what: &str) -> Result<(), Problem> {
    let act = format!("GET /v1/talks/{attempt}/seat {what}");
    let person = &seat.signed_in.session.person.login;
    let act = Act { token: &seat.token, person: person.as_str(), act: &act, request: "" };
    seat.shared.store().write_down(act, now()).await?;
    Ok(())
}

/// A supervisor who sits in on a talk.
struct Attending {
    attempt: AttemptId,
    attended: Attended,
}

impl Behind for Attending {
    type Told = ToSupervisor;
    type Said = FromSupervisor;
    /// The talk is over.
    const OVER: u16 = 4_410;

    async fn hear(&mut self) -> Option<ToSupervisor> {
        self.attended.hear.recv().await
    }

    fn is_last(&mut self, told: &ToSupervisor) -> bool {
        matches!(told, ToSupervisor::Ended)
    }

    async fn said(&mut self, seat: &Seat, said: Result<FromSupervisor, String>) -> Option<ToSupervisor> {
        let said = match said {
            Ok(said) => said,
            Err(why) => return Some(ToSupervisor::Refused { why }),
        };
        // What is only how it sounds needs no row.
        let is_sound = matches!(said, FromSupervisor::Sdp { .. });
        if !is_sound && write_down(seat, &self.attempt, said.label()).await.is_err() {
            let why = "it could not be written down, and is not done 审计未能写入，未执行".to_owned();
            return Some(ToSupervisor::Refused { why });
        }
        (self.attended.say)(said);
        None
    }

    fn sign_out(&mut self) {
        (self.attended.sign_out)();
    }
}
