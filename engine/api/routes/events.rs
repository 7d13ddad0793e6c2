//! Live events: read from the store by their sequence, so that who comes back misses none, and none is held here
//! for a reader who does not read.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::HeaderMap,
    response::sse::{Event as Sent, Sse},
};
use futures_util::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, sleep, timeout},
};
use utoipa::{IntoParams, ToSchema};
use waihu_store::Event;
use waihu_types::{AttemptId, CampaignId, CaseId, WallTime};

use crate::{
    Problem,
    extract::{Asked, Who},
    mask::record,
    openapi::{CaseKey, Key},
    problem::Code,
    session::is_alive,
    state::{Here, Shared, now},
};

/// Events that are read at once, and that wait for their reader's connection.
const AT_ONCE: u32 = 64;
/// How often the store is asked where nothing new was there: half of what a person calls at once.
const PAUSE: Duration = Duration::from_millis(500);
/// How often something is sent where nothing happens: proxies close what is silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Whoever takes nothing for so long is let go, and comes back by `Last-Event-ID`.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how long the store may fail before readers are let go.
const STORE_AWAY: Duration = Duration::from_secs(60);

/// What happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventRecord {
    /// Its place: also the `id` of the event, and what `Last-Event-ID` names.
    #[schema(minimum = 1)]
    seq: i64,
    /// The same for a repeat, and for nothing else.
    #[schema(example = "01JD7Z…:1")]
    key: String,
    /// `outcome`, `attempt`, `case`, `campaign`, `do_not_call`, `sms` or `report`; also the `event`.
    kind: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: WallTime,
    /// The campaign, where there is one.
    #[schema(value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// The case, where there is one.
    #[schema(value_type = Option<CaseKey>)]
    case: Option<CaseId>,
    /// The attempt, where there is one.
    #[schema(value_type = Option<Key>)]
    attempt: Option<AttemptId>,
    /// What there is to tell: of an `outcome` the record and its revision.
    #[schema(value_type = Object)]
    body: Value,
}

/// Which events are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Kinds, with commas between them; all where left out.
    #[param(example = "outcome,attempt", max_length = 128)]
    kinds: Option<String>,
    /// Of one campaign.
    #[param(value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// Of one case.
    #[param(value_type = Option<CaseKey>)]
    case: Option<CaseId>,
    /// From after this place on; `Last-Event-ID` goes before it. From now on where neither is there.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// The kinds of events that may be asked for.
pub const KINDS: [&str; 7] = ["outcome", "attempt", "case", "campaign", "do_not_call", "sms", "report"];

impl Which {
    fn check(&self) -> Result<(), Problem> {
        let mut kinds = self.kinds.iter().flat_map(|kinds| kinds.split(','));
        if kinds.any(|kind| !KINDS.contains(&kind)) {
            let known = KINDS.join(", ");
            return Err(Problem::invalid(
                "kinds",
                format!("of these, with commas 请从以下类型中选择: {known}"),
            ));
        }
        if self.after.is_some_and(|after| after < 0) {
            return Err(Problem::invalid(
                "after",
                "0 or a place that was told is expected 应为 0 或已收到的序号",
            ));
        }
        Ok(())
    }

    fn wants(&self, event: &Event) -> bool {
        let kind = self.kinds.as_ref().is_none_or(|kinds| kinds.split(',').any(|kind| kind == event.kind));
        let campaign = self.campaign.is_none() || self.campaign == event.campaign;
        kind && campaign && (self.case.is_none() || self.case == event.case)
    }
}

/// Follows what happens, as server-sent events: `id` is the place, `event` the kind, `data` the event as JSON. Whoever
/// comes back with `Last-Event-ID` misses nothing. Every 15 s without an event a comment comes, with the place that was
/// reached. Who takes nothing for 30 s is let go.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(Which, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was taken")),
    responses((status = 200, description = "Events, without an end", body = EventRecord, content_type = "text/event-stream")))]
pub(crate) async fn follow(
    shared: Here,
    who: Who,
    headers: HeaderMap,
    Asked(which): Asked<Which>,
) -> Result<Sse<impl Stream<Item = Result<Sent, Infallible>>>, Problem> {
    which.check()?;
    let after = match headers.get("last-event-id") {
        Some(id) => {
            Some(id.to_str().ok().and_then(|id| id.parse().ok()).filter(|id| *id >= 0).ok_or_else(|| {
                Problem::new(Code::Malformed, "the id of an event is expected 应为事件序号")
                    .of("Last-Event-ID")
            })?)
        }
        None => which.after,
    };
    let room = shared.inner().readers.clone().try_acquire_owned().map_err(|_| {
        Problem::new(Code::Unavailable, "there are as many readers of events as may be 实时订阅数已达上限")
            .after(30)
    })?;
    let after = match after {
        Some(after) => after,
        None => shared.store().last_event().await?,
    };
    let (hand_on, taken) = mpsc::channel(1);
    tokio::spawn(feed(shared.0, who, which, after, hand_on, room));
    Ok(Sse::new(stream::unfold(taken, |mut taken| async move {
        taken.recv().await.map(|sent| (Ok(sent), taken))
    })))
}

/// Reads events for one reader until it goes, or takes nothing for too long.
async fn feed(
    shared: Shared,
    who: Who,
    which: Which,
    mut after: i64,
    hand_on: mpsc::Sender<Sent>,
    _room: OwnedSemaphorePermit,
) {
    let (mut sent_at, mut store_at, mut looked_at) = (Instant::now(), Instant::now(), Instant::now());
    let mut sessions = shared.inner().sessions.subscribe();
    loop {
        if sessions.has_changed().unwrap_or(false) || looked_at.elapsed() >= HEARTBEAT {
            sessions.mark_unchanged();
            looked_at = Instant::now();
            if !may_read_on(&shared, &who).await {
                return;
            }
        }
        let events = match shared.store().events(after, AT_ONCE).await {
            Ok(events) => {
                store_at = Instant::now();
                events
            }
            Err(_) if store_at.elapsed() < STORE_AWAY => Vec::new(),
            Err(e) => {
                tracing::warn!(error = %e, "events cannot be read: a reader is let go");
                return;
            }
        };
        let full = events.len() == usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        for event in events {
            after = event.seq;
            if !which.wants(&event) {
                continue;
            }
            let Some(told) = told(event, &who) else { return };
            sent_at = Instant::now();
            if !matches!(timeout(PATIENCE, hand_on.send(told)).await, Ok(Ok(()))) {
                return;
            }
        }
        if sent_at.elapsed() >= HEARTBEAT {
            sent_at = Instant::now();
            // An id without data moves the reader's place and tells nothing.
            let beat = Sent::default().id(after.to_string()).comment("nothing new");
            if !matches!(timeout(PATIENCE, hand_on.send(beat)).await, Ok(Ok(()))) {
                return;
            }
        }
        if !full {
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = hand_on.closed() => return,
            }
        }
    }
}

/// Whether a reader's session or token still holds; a store that is away ends nothing.
async fn may_read_on(shared: &Shared, who: &Who) -> bool {
    let now = now();
    match &who.session {
        Some(signed_in) => match shared.store().session(&signed_in.token.digest()).await {
            Ok(session) => session.is_some_and(|session| is_alive(&session, now)),
            Err(_) => true,
        },
        None => match shared.store().tokens().await {
            Ok(tokens) => tokens.iter().any(|token| token.name == who.token && token.is_valid(now)),
            Err(_) => true,
        },
    }
}

fn told(event: Event, who: &Who) -> Option<Sent> {
    let body = record(&event.body, who).ok()?;
    let Event { seq, key, kind, at, campaign, case, attempt, .. } = event;
    let sent = Sent::default().id(seq.to_string()).event(kind.clone());
    sent.json_data(EventRecord { seq, key, kind, at, campaign, case, attempt, body }).ok()
}
