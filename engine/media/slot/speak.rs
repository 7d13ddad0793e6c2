//! What goes to the far end.

use std::net::UdpSocket;

use waihu_audio::mix;
use waihu_codec::{Band, Encoder, MAX_PAYLOAD};
use waihu_rtp::{
    Packet, SourceState,
    dtmf::{self, DtmfSend},
    write_packet,
};
use waihu_srtp::MAX_GROWTH;
use waihu_types::{Codec, Time};

use super::{Slot, Sockets, Stream};
use crate::{
    clip::Clip,
    event::MediaEvent,
    playback::NextFrame,
    receiver::MAX_FRAME,
    report::Reports,
    wire::{Outbox, PACKET},
};

/// How long a decoder may feel what an encoder made [frames]: G.722's and Opus's filters ring for a
/// few milliseconds, their steps adapt in some twenty.
const LIVE: u8 = 5;

/// How many frames of a clip an encoder is shown before it goes on with it. After one, G.722 clicks (a step
/// of 1.6 times the sound's own) and Opus rings on at -41 dBov; after two neither does, and more gain little.
const WARM: usize = 2;

/// The payloads of silence, by codec.
pub(crate) struct Silence([Clip; Codec::ALL.len()]);

impl Silence {
    pub(crate) fn new() -> Self {
        // The last frames are what an encoder comes to when silence goes on.
        Self(Codec::ALL.map(|codec| Clip::new(vec![0; 10 * 160].into(), &[codec])))
    }

    fn payload(&self, codec: Codec) -> Option<&[u8]> {
        self.0.get(codec as usize)?.payload(codec, 9)
    }
}

/// What every slot of a thread sends with.
pub(crate) struct Voice {
    pub(crate) outbox: Outbox,
    pub(crate) silence: Silence,
    pub(crate) shared: Option<UdpSocket>,
    pub(crate) shared_rtcp: Option<UdpSocket>,
}

/// What the slots that one hears said in this tick.
#[derive(Clone, Copy)]
pub(crate) struct Others<'a> {
    pub(crate) mixed: &'a [i16],
    /// Of those that have most of it.
    pub(crate) band: Band,
}

/// What a tick's packet is.
struct Coded {
    payload_type: u8,
    timestamp: u32,
    marker: bool,
    len: usize,
}

impl Slot {
    /// Second part of a tick: sends 20 ms, and records. `others` is what the slots that this one
    /// hears said.
    pub(crate) fn speak(&mut self, now: Time, others: Option<Others<'_>>, voice: &mut Voice) {
        let Some(stream) = &mut self.stream else { return };
        if stream.awaits_keys() {
            // What is to be said waits: nothing of it may go out in the clear, or be lost.
            stream.clock.advance(stream.remote.codec.frame_ticks());
            // A recording that has begun goes on where keys are awaited anew.
            self.record(&[0; MAX_FRAME][..self.frame]);
            return;
        }
        let mut said = [0; MAX_FRAME];
        let said = &mut said[..self.frame];
        let mut payload = [0; MAX_PAYLOAD];
        let (coded, sounds) = self.code(now, others, said, &mut payload, &voice.silence);
        self.send(now, &coded, &payload[..coded.len], voice);
        self.judge(now, sounds.then_some(&*said));
        self.record(said);
    }

    /// Codes the next 20 ms; gives what it is, and whether it sounds.
    fn code(
        &mut self,
        now: Time,
        others: Option<Others<'_>>,
        said: &mut [i16],
        payload: &mut [u8; MAX_PAYLOAD],
        silence: &Silence,
    ) -> (Coded, bool) {
        let key = self.keys_out.next_frame();
        let Some(stream) = &mut self.stream else {
            return (Coded { payload_type: 0, timestamp: 0, marker: false, len: 0 }, false);
        };
        let timestamp = stream.clock.timestamp();
        if let Some(DtmfSend::Event { event, since_start, marker }) = key {
            // Keys go instead of sound; what plays waits for them.
            stream.marker = true;
            payload[..dtmf::EVENT_LEN].copy_from_slice(&event.to_bytes());
            let payload_type = stream.remote.dtmf_payload_type.unwrap_or(101);
            // The packet's timestamp counts the sound's clock, whatever the keys' is.
            let ticks = stream.remote.codec.clock_rate_hz() / self.keys_hz;
            let timestamp = timestamp.wrapping_sub(since_start * ticks.max(1));
            return (Coded { payload_type, timestamp, marker, len: dtmf::EVENT_LEN }, false);
        }
        let listener = &mut self.listener;
        let tell = &mut |e| listener.tell(now, e);
        let mut alone = true;
        // Clips have a telephone's band. To telephones they go as wide ones that were coded before, and what
        // is coded here goes between those.
        let of_clips = if self.checks.is_some() { Band::Narrow } else { Band::Wide };
        stream.encoder.set_band(others.map_or(of_clips, |others| others.band));
        if let Some(others) = others {
            said.copy_from_slice(others.mixed);
            alone = false;
        }
        let tones = !self.tones_out.is_empty();
        if tones {
            let n = self.tones_out.len().min(said.len());
            for (s, tone) in said.iter_mut().zip(self.tones_out.drain(..n)) {
                *s = s.saturating_add(tone);
            }
            alone = false;
        }
        let codec = stream.remote.codec;
        let waits = tones || key.is_some();
        let next = if waits { None } else { self.play.next_frame(tell) };
        let mut sounds = !alone;
        let mut ready = if alone { silence.payload(codec).filter(|_| stream.live == 0) } else { None };
        if let Some(next) = &next {
            sounds = true;
            ready = stream.add_clip(next, alone, said, payload);
        }
        let len = match ready {
            Some(ready) => {
                payload[..ready.len()].copy_from_slice(ready);
                stream.live = stream.live.saturating_sub(1);
                ready.len()
            }
            None => {
                stream.live = if sounds { LIVE } else { stream.live.saturating_sub(1) };
                stream.encoder.encode(said, payload)
            }
        };
        if next.is_some() {
            self.play.said(tell);
        }
        let marker = std::mem::take(&mut stream.marker);
        (Coded { payload_type: stream.remote.payload_type, timestamp, marker, len }, sounds)
    }

    fn send(&mut self, now: Time, coded: &Coded, payload: &[u8], voice: &mut Voice) {
        let Some(stream) = &mut self.stream else { return };
        stream.clock.advance(stream.remote.codec.frame_ticks());
        let Some(target) = stream.target(self.checks.as_deref(), now) else {
            // The numbers go on only when something is sent; the first packet after a hold tells
            // the far end that the hole in the timestamps is meant.
            stream.marker = true;
            return;
        };
        let packet = Packet {
            payload_type: coded.payload_type,
            marker: coded.marker,
            sequence: stream.clock.take_sequence(),
            timestamp: coded.timestamp,
            ssrc: self.ssrc,
            payload,
        };
        let buffer = voice.outbox.packet();
        let written = write_packet(&packet, &mut buffer[..PACKET - MAX_GROWTH]);
        let locked = written.and_then(|len| match stream.locks() {
            Some(locks) => locks.ours.rtp(buffer, len).ok(),
            None => Some(len),
        });
        let (socket, shared) = match (&self.sockets, &voice.shared) {
            (Sockets::Own { rtp, .. }, _) => (rtp, false),
            (Sockets::Shared, Some(socket)) => (socket, true),
            (Sockets::Shared, None) => return,
        };
        if locked.is_some_and(|len| voice.outbox.send(socket, shared, len, target)) {
            self.stats.sent += 1;
            stream.reports.sent(now, packet.timestamp, payload.len());
        } else {
            self.stats.send_errors += 1;
        }
        if !std::mem::replace(&mut stream.sent_any, true) {
            self.listener.tell(now, MediaEvent::FirstPacketSent);
        }
    }

    /// Sends what RTCP has to tell, if its time has come.
    pub(crate) fn report(&mut self, now: Time, voice: &Voice) {
        if self.stream.as_ref().is_some_and(|s| s.reports.is_due(now)) {
            self.tell_far_end(now, voice, Reports::write);
        }
    }

    /// Says goodbye by RTCP.
    pub(crate) fn say_goodbye(&mut self, now: Time, voice: &Voice) {
        self.tell_far_end(now, voice, Reports::goodbye);
    }

    fn tell_far_end(
        &mut self,
        now: Time,
        voice: &Voice,
        write: fn(&mut Reports, Time, &mut SourceState, &mut [u8]) -> Option<usize>,
    ) {
        let Some(stream) = &mut self.stream else { return };
        let target = stream.target(self.checks.as_deref(), now);
        let (Some(to), Some(target)) = (stream.remote.rtcp, target) else { return };
        let mux = to == stream.remote.address;
        let mut buffer = [0; PACKET];
        let written = write(&mut stream.reports, now, &mut self.source, &mut buffer[..PACKET - MAX_GROWTH]);
        let locked = written.and_then(|len| match stream.locks() {
            Some(locks) => locks.ours.rtcp(&mut buffer, len).ok(),
            None => Some(len),
        });
        let Some(len) = locked else { return };
        let socket = match (&self.sockets, mux) {
            (Sockets::Own { rtp, .. }, true) => Some(rtp),
            (Sockets::Own { rtcp, .. }, false) => rtcp.as_ref(),
            (Sockets::Shared, true) => voice.shared.as_ref(),
            (Sockets::Shared, false) => voice.shared_rtcp.as_ref(),
        };
        // A far end behind address translation that shares the port is where its sound comes from. Lost,
        // it is as if it were lost on the way.
        let _ = socket.map(|s| s.send_to(&buffer[..len], if mux { target } else { to }));
    }
}

impl Stream {
    /// Adds a clip's frame to what is said; gives the clip's own payload, where it is said as it stands.
    fn add_clip<'a>(
        &mut self,
        next: &NextFrame<'a>,
        alone: bool,
        said: &mut [i16],
        payload: &mut [u8; MAX_PAYLOAD],
    ) -> Option<&'a [u8]> {
        if alone && !next.fades {
            next.clip.copy_frame(next.n, said);
            return next.clip.payload(self.remote.codec, next.n);
        }
        let mut frame = [0; MAX_FRAME];
        let frame = &mut frame[..said.len()];
        if alone && self.live == 0 {
            // The far end's decoder stands at the frame before: our encoder is brought there.
            warm(&mut self.encoder, next.clip, next.n, frame, payload);
        }
        next.clip.copy_frame(next.n, frame);
        if next.fades {
            mix::fade_out(frame);
        }
        mix::add(said, frame);
        None
    }
}

/// Brings an encoder to where the far end's decoder stands before frame `n` of a clip.
fn warm(encoder: &mut Encoder, clip: &Clip, n: usize, frame: &mut [i16], payload: &mut [u8; MAX_PAYLOAD]) {
    if matches!(encoder.codec(), Codec::G722 | Codec::Opus) {
        for before in n.saturating_sub(WARM)..n {
            clip.copy_frame(before, frame);
            encoder.encode(frame, payload);
        }
    }
}
