//! The call's words and the wires' words for the same things.

use std::net::SocketAddr;

use jiff::civil::Date;
use waihu_call::{MediaEvent, PlaybackId};
use waihu_media::{Codec, Remote};
use waihu_sip::{
    Event, FailureCause,
    sdp::SessionDescription,
    uri::Uri,
};
use waihu_trunk::{Call, InviteRequest, TrunkConfig};
use waihu_types::{Case, WallTime};

use crate::{
    error::DialError,
    plant::{Order, Plant},
};

/// The next event of a leg; never, where there is no such leg. A leg whose signalling is gone
/// has failed.
pub(crate) async fn event(leg: &mut Option<Call>) -> Event {
    let Some(call) = leg else { return std::future::pending().await };
    match call.event().await {
        Some(event) => event,
        None => {
            *leg = None;
            Event::Failed {
                code: 408,
                reason: "signalling lost".to_owned(),
                cause: FailureCause::TransportError,
                retry_after_s: None,
            }
        }
    }
}

/// The media thread's event in the call's words; none for those that the call does not need.
pub(crate) fn callee_media(event: &waihu_media::MediaEvent) -> Option<MediaEvent> {
    use waihu_media::MediaEvent as M;
    match event {
        M::PlaybackDone { id } => Some(MediaEvent::PlaybackDone(PlaybackId(id.0))),
        M::PlaybackStopped { id, played_ms } => {
            Some(MediaEvent::PlaybackStopped { id: PlaybackId(id.0), played_ms: *played_ms })
        }
        M::Dtmf { digit, .. } => Some(MediaEvent::Digit(*digit)),
        M::NoAudio { .. } => Some(MediaEvent::NoAudio),
        _ => None,
    }
}

/// Where to send a leg's media, and how; none where the description has no codec of ours.
pub(crate) fn remote(sdp: &SessionDescription) -> Option<Remote> {
    let audio = sdp.audio().ok()?;
    Some(Remote {
        address: audio.remote,
        codec: match audio.codec {
            waihu_sip::Codec::Pcma => Codec::Pcma,
            waihu_sip::Codec::Pcmu => Codec::Pcmu,
        },
        payload_type: audio.payload_type,
        dtmf_payload_type: audio.telephone_event,
    })
}

/// Where the callee is dialled: the case's number at the trunk's proxy, or the order's own target.
pub(crate) fn callee_uri(trunk: &TrunkConfig, order: &Order) -> Result<Uri, DialError> {
    match &order.target {
        Some(target) => uri(target),
        None => uri(&format!("sip:{}@{}", order.case.phone.as_str(), trunk.proxy)),
    }
}

/// A SIP URI from a configuration.
pub(crate) fn uri(text: &str) -> Result<Uri, DialError> {
    text.parse().map_err(|e| DialError::Address(format!("{text:?} cannot be dialled: {e}")))
}

pub(crate) fn invite_request(plant: &Plant, target: Uri, rtp: SocketAddr) -> InviteRequest {
    todo!()
}

/// The day at the callee's place.
pub(crate) fn today(case: &Case) -> Result<Date, DialError> {
    wall_now()
        .date_in(&case.time_zone)
        .map_err(|_| DialError::Address(format!("case {}: unknown time zone {:?}", case.id, case.time_zone)))
}

/// The wall clock.
pub(crate) fn wall_now() -> WallTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    WallTime::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
