//! The wire form of an event, the same on every way.

use serde::Serialize;
use waihu_store::Event;
use waihu_types::WallTime;

/// The shape of Standard Webhooks' payloads (`type`, `timestamp`, `data`), with what tells order and repeats.
#[derive(Serialize)]
struct Wire<'a> {
    r#type: &'a str,
    timestamp: WallTime,
    seq: i64,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<&'a str>,
    data: &'a serde_json::Value,
}

/// An event as JSON: the same bytes whenever it is made from the same event.
pub fn body(event: &Event) -> Vec<u8> {
    let wire = Wire {
        r#type: &event.kind,
        timestamp: event.at,
        seq: event.seq,
        key: &event.key,
        campaign: event.campaign.as_ref().map(|id| id.as_str()),
        case: event.case.as_ref().map(|id| id.as_str()),
        attempt: event.attempt.as_ref().map(|id| id.as_str()),
        data: &event.body,
    };
    // Texts, numbers and a value that is JSON already: nothing of it can fail.
    serde_json::to_vec(&wire).unwrap_or_default()
}
