//! The call's words and the wires' words for the same things.

use std::time::Duration;

use jiff::civil::Date;
use tokio::sync::watch;
use waihu_agents::AgentId;
use waihu_call::{Leg, Line, MediaEvent, PlaybackId, Speaker};
use waihu_campaign::CallerIds;
use waihu_dialog::AgentsBack;
use waihu_record::TranscriptLine;
use waihu_sip::{Event, FailureCause, SessionDescription, Uri};
use waihu_trunk::{Call, Handover, InviteRequest, OwnNumber, Route};
use waihu_types::{Case, CaseId, Codec, PhoneNumber, WallTime};

use crate::{
    error::DialError,
    plant::{Order, Plant, Stop},
    switchboard::phone,
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
                because: Vec::new(),
            }
        }
    }
}

/// Ends when whoever placed the call wants it hung up; once.
pub(crate) async fn told_to_hang_up(stop: &mut Option<watch::Receiver<Stop>>) {
    let Some(wants) = stop else { return std::future::pending().await };
    let told = wants.wait_for(|s| *s == Stop::HangUp).await.is_ok();
    *stop = None;
    if !told {
        std::future::pending().await
    }
}

/// What a leg that could not be dialled at all reports.
pub(crate) fn not_dialled() -> Event {
    Event::Failed {
        code: 500,
        reason: "not dialled".to_owned(),
        cause: FailureCause::TransportError,
        retry_after_s: None,
        because: Vec::new(),
    }
}

/// The media thread's event of a leg's slot in the call's words; none for those that the call does not need.
/// A slot that ends while the call lasts is lost, and of a leg beside the callee's nothing else is told but the whisper's
/// end and that nothing comes; after the call, nobody reads this. A far end that says goodbye by RTCP may still speak:
/// only its BYE ends a call.
pub(crate) fn media_word(leg: Leg, event: &waihu_media::MediaEvent) -> Option<MediaEvent> {
    use waihu_media::MediaEvent as M;
    match event {
        M::Closed(_) => Some(MediaEvent::Lost),
        M::PlaybackDone { id } => Some(MediaEvent::PlaybackDone(PlaybackId(id.0))),
        M::NoAudio { for_ms } => Some(MediaEvent::NoAudio { lasting: Duration::from_millis(*for_ms) }),
        _ if leg == Leg::Agent => None,
        M::PlaybackStarted { id } => Some(MediaEvent::PlaybackStarted(PlaybackId(id.0))),
        M::PlaybackStopped { id, played_ms } => {
            let (id, played_ms) = (PlaybackId(id.0), *played_ms);
            Some(MediaEvent::PlaybackStopped { id, played_ms, heard_bytes: 0 })
        }
        M::Dtmf { digit, .. } => Some(MediaEvent::Digit(*digit)),
        _ => None,
    }
}

/// A line of the call as it is written down, so long after the start of the recording [ms].
pub(crate) fn transcript_line(at_ms: u64, line: Line) -> TranscriptLine {
    let entities = line.understood.as_ref().filter(|u| !u.entities.is_empty()).map(|u| &u.entities);
    TranscriptLine {
        at_ms,
        speaker: match line.speaker {
            Speaker::Callee => waihu_record::Speaker::Callee,
            Speaker::Bot => waihu_record::Speaker::Bot,
            Speaker::Agent => waihu_record::Speaker::Agent,
            Speaker::System => waihu_record::Speaker::System,
        },
        text: line.text,
        intent: line.understood.as_ref().map(|u| u.intent),
        confidence: line.understood.as_ref().map(|u| u.confidence),
        entities: entities.and_then(|e| serde_json::to_value(e).ok()),
    }
}

/// The rate to record at: the highest that a leg may have [Hz].
pub(crate) fn recording_rate(codecs: &[Codec]) -> u32 {
    codecs.iter().map(|c| c.sample_rate_hz()).max().unwrap_or(8_000)
}

/// What the media thread's judge says of a frame, for the ears.
pub(crate) fn gate(heard: &waihu_media::Heard<'_>) -> waihu_speech::Gate {
    if heard.speech { waihu_speech::Gate::Open } else { waihu_speech::Gate::Closed }
}

/// The recorder's tap in the media thread's words.
pub(crate) fn stereo_tap(tap: waihu_record::StereoTap) -> waihu_media::StereoTap {
    let waihu_record::StereoTap { recording, rate_hz, full, empty, paused } = tap;
    waihu_media::StereoTap { recording, rate_hz, full, empty, paused }
}

/// The INVITE to the callee: a number of the case, or the order's own target, by way of the carrier; none where none
/// of its machines is known.
pub(crate) fn invite_callee(
    plant: &Plant,
    order: &Order,
    offer: SessionDescription,
) -> Option<InviteRequest> {
    let trunk = &plant.trunk;
    let target = order.target.clone().unwrap_or_else(|| to_number(plant, &order.number));
    let mut request = invite(plant, target, plant.carrier.route_at_all()?, offer);
    // By it the carrier's records and ours are compared.
    request.call_id = Some(order.attempt.to_string());
    let pool = || CallerIds::pool(trunk.caller_ids.iter().map(pooled)).of(&order.number).cloned();
    let caller_id = order.caller_id.clone().or_else(pool);
    // A target given by hand may be anybody's.
    let callee = order.target.is_none().then_some(&order.number);
    trunk.introduce(&mut request, caller_id.as_ref(), callee);
    Some(request)
}

fn pooled(own: &OwnNumber) -> (String, PhoneNumber, u32) {
    (own.region.clone(), own.number.clone(), own.weight)
}

/// A number at the carrier, as it wants it written.
fn to_number(plant: &Plant, number: &PhoneNumber) -> Uri {
    plant.trunk.proxy.uri(&plant.trunk.numbers.callee(number))
}

/// Whether the telephone that rings is the number's own: a target given by hand may be anybody's.
pub(crate) fn rings_own_number(order: &Order) -> bool {
    let Some(target) = &order.target else { return true };
    let user = target.as_sip().and_then(|uri| uri.user()).and_then(|user| user.parse::<PhoneNumber>().ok());
    user.is_some_and(|number| number.subscriber() == order.number.subscriber())
}

/// Where an agent's telephone is called: one of the trunk's file, or one that registers here and stands at a desk; none
/// of an agent who speaks by their page.
pub(crate) fn telephone_of(plant: &Plant, agent: &AgentId) -> Option<Uri> {
    let of_the_file = phone(&plant.trunk.agents, agent).map(|phone| phone.address.clone());
    of_the_file.or_else(|| {
        let (_, user) = plant.trunk.seats().find(|(login, _)| *login == agent.as_str())?;
        Some(Uri::sip(user, plant.sip.local_addr()))
    })
}

/// The INVITE to an agent: straight to an address that names a machine, else by way of the carrier. The
/// agent's telephone shows the case as the caller's name.
///
/// # Errors
/// When none of the carrier's machines is known.
pub(crate) fn invite_agent(
    plant: &Plant,
    case: &CaseId,
    telephone: Uri,
    offer: SessionDescription,
) -> Result<InviteRequest, DialError> {
    let own = telephone.as_sip().and_then(waihu_sip::SipUri::hop);
    let own = own.map(|next_hop| Route { next_hop, backups: Vec::new() });
    let shut = || DialError::TrunkShut(plant.carrier.why_shut().unwrap_or_default());
    let route = own.or_else(|| plant.carrier.route_at_all()).ok_or_else(shut)?;
    let mut request = invite(plant, telephone, route, offer);
    if plant.carrier.is_one(request.next_hop) {
        plant.trunk.introduce(&mut request, None, None);
    }
    request.from.display = Some(case.to_string().into());
    Ok(request)
}

/// Where the callee's side is to call an agent in our place; none where we call them ourselves.
pub(crate) fn refers_to(plant: &Plant, agent: &AgentId) -> Option<Uri> {
    let phone = phone(&plant.trunk.agents, agent)?;
    (phone.handover == Handover::Refer).then(|| phone.address.clone())
}

/// Whether a number is one of the house's own: an extension, a colleague's telephone, or one that registers here.
pub(crate) fn is_internal(plant: &Plant, number: &PhoneNumber) -> bool {
    let trunk = &plant.trunk;
    let is_its = |uri: &Uri| {
        let user = uri.as_sip().and_then(|uri| uri.user()).and_then(|user| user.parse::<PhoneNumber>().ok());
        user.is_some_and(|own| own.subscriber() == number.subscriber())
    };
    number.is_extension()
        || trunk.has_phone(number.as_str())
        || trunk.agents.iter().any(|agent| is_its(&agent.address))
}

/// The INVITE to whoever is called in, by way of the carrier; none where none of its machines is known.
pub(crate) fn invite_number(
    plant: &Plant,
    number: &PhoneNumber,
    offer: SessionDescription,
) -> Option<InviteRequest> {
    let mut request = invite(plant, to_number(plant, number), plant.carrier.route_at_all()?, offer);
    plant.trunk.introduce(&mut request, None, Some(number));
    Some(request)
}

fn invite(plant: &Plant, target: Uri, route: Route, offer: SessionDescription) -> InviteRequest {
    let Route { next_hop, backups } = route;
    // The carrier's password is for the carrier, and so are the ways that it shows: whoever else challenges gets no
    // answer to guess it from.
    let carrier = Some(&plant.carrier).filter(|carrier| carrier.is_one(next_hop));
    InviteRequest {
        target,
        next_hop,
        backups,
        redirects: carrier.map(|carrier| carrier.hosts()).unwrap_or_default(),
        call_id: None,
        from: plant.trunk.from.clone(),
        signed_as: None,
        credentials: plant.credentials.clone().filter(|_| carrier.is_some()),
        offer,
        headers: Vec::new(),
    }
}

/// The day at the callee's place.
pub(crate) fn today(case: &Case) -> Result<Date, DialError> {
    wall_now()
        .date_in(&case.time_zone)
        .map_err(|_| DialError::TimeZone { case: case.id.clone(), zone: case.time_zone.clone() })
}

/// When agents are at work again, by the clock at the callee's place; none while they are, and where no hours are set.
pub(crate) fn agents_back(plant: &Plant, case: &Case) -> AgentsBack {
    let back = plant.working_hours.as_ref()?.back_at(wall_now().timestamp())?;
    Some(back.in_tz(&case.time_zone).ok()?.datetime())
}

/// The wall clock.
pub(crate) fn wall_now() -> WallTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    WallTime::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_ends_while_the_call_lasts_is_lost() {
        let closed = waihu_media::MediaEvent::Closed(waihu_media::Stats::default());
        for leg in [Leg::Callee, Leg::Agent] {
            assert_eq!(media_word(leg, &closed), Some(MediaEvent::Lost));
            assert_eq!(media_word(leg, &waihu_media::MediaEvent::Bye), None, "only SIP's BYE ends a call");
            let silent = media_word(leg, &waihu_media::MediaEvent::NoAudio { for_ms: 160_000 });
            assert_eq!(silent, Some(MediaEvent::NoAudio { lasting: Duration::from_secs(160) }));
        }
        let key = waihu_media::MediaEvent::Dtmf { digit: '1', duration_ms: 80 };
        assert_eq!(media_word(Leg::Callee, &key), Some(MediaEvent::Digit('1')));
        assert_eq!(media_word(Leg::Agent, &key), None);
    }
}
