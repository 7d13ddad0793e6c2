//! What two descriptions, ours and theirs, come to.

use std::net::{Ipv4Addr, SocketAddr};

use waihu_types::Direction;

use super::{AudioStream, MediaMismatch, PTIME_MS, PayloadTypes, formats::best_event, security};
use crate::sdp::{Media, SessionDescription};

/// The stream that both sides have agreed on. Either may be the offer; the other is its answer.
///
/// # Errors
/// When they have not agreed: no audio on both sides, no common codec, no address, or SRTP that one side
/// insists on and the other does not give. Nothing may be sent then.
pub fn agree(ours: &SessionDescription, theirs: &SessionDescription) -> Result<AudioStream, MediaMismatch> {
    let (mine, section) = pair(ours, theirs).ok_or(MediaMismatch::NoAudio)?;
    let srtp = security::agreed((ours, mine), (theirs, section))?;
    let number_of = |wanted| mine.codecs().find(|(_, codec)| *codec == wanted).map(|(number, _)| number);
    let (sent, received, codec) = section
        .codecs()
        .find_map(|(number, codec)| Some((number, number_of(codec)?, codec)))
        .ok_or(MediaMismatch::NoCommonCodec)?;
    let checks = |of: &SessionDescription, m: &Media| m.ice.ufrag.is_some() || of.ice.ufrag.is_some();
    let ice = checks(ours, mine);
    if ice && !checks(theirs, section) {
        return Err(MediaMismatch::NoIce);
    }
    let named = section.connection.or(theirs.connection);
    let address = named.or(ice.then_some(Ipv4Addr::UNSPECIFIED.into())).ok_or(MediaMismatch::NoAddress)?;
    let holds = address.is_unspecified() && !ice;
    let direction = if holds { Direction::Inactive } else { theirs.direction_of(section) };

    let our_event = |rate| mine.events().find(|(_, r)| *r == rate).map(|(number, _)| number);
    let event = best_event(codec, section.events().filter(|(_, rate)| our_event(*rate).is_some()));
    // Noise of 8,000 Hz goes with a clock of 8,000 Hz.
    let quiet = |m: &Media| m.comfort_noise().filter(|_| codec.clock_rate_hz() == 8_000);
    let noise = quiet(mine).zip(quiet(section));

    let rtcp_mux = mine.rtcp_mux && section.rtcp_mux;
    let rtcp = match section.rtcp {
        _ if rtcp_mux => SocketAddr::new(address, section.port),
        Some(place) => SocketAddr::new(place.address.unwrap_or(address), place.port),
        // Above the last port there is none.
        None => SocketAddr::new(address, section.port.saturating_add(1)),
    };
    // Zero is no packet time; some write it where they mean that they do not care.
    let ptime_ms = section.ptime_ms.filter(|ms| *ms > 0).unwrap_or(PTIME_MS);
    let ptime_ms = section.max_ptime_ms.filter(|ms| *ms > 0).map_or(ptime_ms, |most| ptime_ms.min(most));
    Ok(AudioStream {
        ice,
        remote: SocketAddr::new(address, section.port),
        rtcp,
        rtcp_mux,
        codec,
        payload_type: sent,
        telephone_event: event.map(|(number, _)| number),
        telephone_event_clock_hz: event.map_or(codec.clock_rate_hz(), |(_, rate_hz)| rate_hz),
        comfort_noise: noise.map(|(_, number)| number),
        receives: PayloadTypes {
            codec: received,
            telephone_event: event.and_then(|(_, rate_hz)| our_event(rate_hz)),
            comfort_noise: noise.map(|(number, _)| number),
        },
        ptime_ms,
        direction,
        ssrc: section.sources.first().map(|s| s.ssrc),
        srtp,
    })
}

/// Our section and the one in the same place of theirs (RFC 3264 §6); some lose the places.
fn pair<'a>(ours: &'a SessionDescription, theirs: &'a SessionDescription) -> Option<(&'a Media, &'a Media)> {
    let (place, mine) = ours.media.iter().enumerate().find(|(_, m)| m.is_usable_audio())?;
    let usable = |m: &&Media| m.is_usable_audio();
    let section = theirs.media.get(place).filter(usable).or_else(|| theirs.media.iter().find(usable))?;
    Some((mine, section))
}
