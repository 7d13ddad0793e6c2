//! The text messages that a call left, and how each stands; neither their words nor a number.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use waihu_store::{Filter, Message, NewMessage};
use waihu_types::{AttemptId, FollowUp, WallTime};

use crate::{
    Problem,
    extract::{Answer, At, Who},
    openapi::Key,
    state::Here,
};

/// A text message as it stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct TextRecord {
    /// The template's name in the script.
    #[schema(example = "promise")]
    template: String,
    /// Where it stands: `waiting`, `sending`, `sent`, `delivered`, `failed`, `refused`, `unknown`.
    #[schema(value_type = String, example = "delivered")]
    state: &'static str,
    /// Why it stands there; empty where nothing is to be told.
    why: String,
    /// From when it may be sent, where it waits.
    #[schema(value_type = String, format = DateTime)]
    due_at: WallTime,
    /// How often it was given to the gateway.
    tries: u32,
    /// When it was last given to the gateway; none where it never was.
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<WallTime>,
}

impl TextRecord {
    fn of(message: Message) -> Self {
        let Message { new, state, why, due_at, tries, sent_at, .. } = message;
        Self { template: new.template, state: state.label(), why, due_at, tries, sent_at }
    }
}

/// How the text messages stand that a call left. Empty where it left none, or none was taken up yet.
#[utoipa::path(get, path = "/v1/calls/{attempt}/texts", tag = "calls", params(("attempt" = Key, Path, description = "The attempt")),
    responses((status = 200, description = "The text messages", body = Vec<TextRecord>)))]
pub(crate) async fn texts(shared: Here, _: Who, At(attempt): At<AttemptId>) -> Answer<Vec<TextRecord>> {
    let filter = Filter { attempt: Some(attempt.clone()), ..Filter::default() };
    let outcome = shared.store().outcomes(&filter).await?.pop();
    let outcome = outcome.ok_or_else(|| Problem::not_found("outcome 结果"))?;
    let mut texts = Vec::new();
    for (n, left) in outcome.follow_ups.iter().enumerate() {
        if matches!(left, FollowUp::Sms { .. }) {
            let message = shared.store().message(&NewMessage::id(&attempt, n)).await?;
            texts.extend(message.map(TextRecord::of));
        }
    }
    Ok(Json(texts))
}
