//! What comes from the far end.

use std::net::{SocketAddr, UdpSocket};

use waihu_audio::{Frame, SILENCE, gate::Gate};
use waihu_rtp::{Arrival, DtmfEvent, Packet, Pushed};
use waihu_srtp::stun::MAX_ANSWER;
use waihu_types::Time;

use super::{Slot, tell_press};
use crate::{
    event::{Heard, MediaEvent},
    remote::{Content, Security},
    wire::{Clocks, Single},
};

/// Datagrams read from one slot at a time, whatever comes to others: eight times what a call sends.
const READ_BATCH: usize = 16;
/// Datagrams of a handshake that may come in a row, and what parts two rows: more than any flight has,
/// and a bound to what a flood costs.
const HANDSHAKE_FLIGHT: u32 = 16;
const HANDSHAKE_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

impl Slot {
    /// Reads what has come to its own sockets, in a bounded batch; where more has come, as many as there
    /// are `spare`.
    pub(crate) fn receive(
        &mut self,
        clocks: Clocks,
        inbox: &mut Single,
        spare: &mut usize,
        all: bool,
        with_rtcp: bool,
    ) {
        // Taken out for as long as it is read from: what comes changes the slot.
        let super::Sockets::Own { rtp, rtcp } = std::mem::replace(&mut self.sockets, super::Sockets::Shared)
        else {
            return;
        };
        // Short packets come several a tick.
        let all = all || self.stream.as_ref().is_none_or(|s| s.receiver.gets_short_packets());
        let limit = READ_BATCH + *spare;
        let read = inbox.read(&rtp, clocks, limit, all, |arrived, from, bytes| {
            self.datagram(arrived, from, bytes, &rtp);
        });
        *spare = limit.saturating_sub(read.max(READ_BATCH));
        if with_rtcp && let Some(rtcp) = &rtcp {
            let mut discarded = 0;
            inbox.read(rtcp, clocks, READ_BATCH, true, |arrived, from, bytes| {
                discarded += u64::from(!self.control(arrived, from, bytes));
            });
            self.stats.discarded += discarded;
        }
        self.sockets = super::Sockets::Own { rtp, rtcp };
    }

    /// One datagram; counts it where it was of no use. A check is answered by `socket`, which it came to.
    pub(crate) fn datagram(&mut self, arrived: Time, from: SocketAddr, bytes: &mut [u8], socket: &UdpSocket) {
        // RFC 7983: what the first byte, and for RTCP the second, tell apart.
        let used = match bytes {
            [0..=3, ..] => self.check(arrived, from, bytes, socket),
            [20..=63, ..] => self.handshake(arrived, from, bytes),
            [128..=191, 192..=223, ..] => self.control(arrived, from, bytes),
            _ => self.sound(arrived, from, bytes),
        };
        self.stats.discarded += u64::from(!used);
    }

    /// A connectivity check; whether it was one of the far end's.
    fn check(&mut self, arrived: Time, from: SocketAddr, bytes: &[u8], socket: &UdpSocket) -> bool {
        let Some(checks) = &mut self.checks else { return false };
        let mut answer = [0; MAX_ANSWER];
        let Some(checked) = checks.take(arrived, from, bytes, &mut answer) else { return false };
        // Lost, it is asked again.
        let _ = socket.send_to(&answer[..checked.len], from);
        if checked.renewed {
            self.listener.tell(arrived, MediaEvent::ConsentRenewed);
        }
        true
    }

    /// Part of a handshake, for who makes it; whether anybody awaits one from there.
    fn handshake(&mut self, arrived: Time, from: SocketAddr, bytes: &[u8]) -> bool {
        let awaited = self.stream.as_ref().is_some_and(|s| s.remote.security != Security::Plain)
            && self.checks.as_ref().is_none_or(|checks| checks.knows(from));
        let (last, in_a_row) = self.handshakes;
        let in_a_row = if arrived.since(last) >= HANDSHAKE_PAUSE { 0 } else { in_a_row + 1 };
        if !awaited || in_a_row > HANDSHAKE_FLIGHT {
            return false;
        }
        self.handshakes = (arrived, in_a_row);
        self.listener.tell(arrived, MediaEvent::Handshake { from, bytes: bytes.into() });
        true
    }

    /// RTCP. What is not from the far end, or not whole, is passed over: it is advice, no more.
    /// Whether it was of any use.
    fn control(&mut self, arrived: Time, from: SocketAddr, bytes: &mut [u8]) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let known = stream.latch.believes_host(from) || stream.remote.rtcp == Some(from);
        let plain = stream.remote.security == Security::Plain;
        let len = match stream.locks() {
            Some(locks) => match locks.theirs.rtcp(bytes) {
                Ok(len) => len,
                Err(_) => return false,
            },
            None if known && plain => bytes.len(),
            None => return false,
        };
        let Some(goodbye) = stream.reports.received(arrived, &bytes[..len], self.source.ssrc()) else {
            return false;
        };
        if goodbye {
            self.listener.tell(arrived, MediaEvent::Bye);
        }
        true
    }

    /// RTP; whether it was of any use.
    fn sound(&mut self, arrived: Time, from: SocketAddr, bytes: &mut [u8]) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let plain = stream.remote.security == Security::Plain;
        let (len, proven) = match stream.locks() {
            Some(locks) => match locks.theirs.rtp(bytes) {
                Ok(len) => (len, true),
                Err(_) => return false,
            },
            None if plain => (bytes.len(), false),
            None => return false,
        };
        let Ok(packet) = Packet::parse(&bytes[..len]) else { return false };
        let Some(content) = stream.remote.content(&packet) else { return false };
        let seeks = stream.remote.direction.sends() && content != Content::Keys;
        let owned = !proven && stream.remote.owns(from.ip());
        let admitted = proven
            || match &self.checks {
                Some(checks) => checks.knows(from),
                None => {
                    (seeks || stream.latch.believes(from))
                        && stream.latch.admits(arrived, from, owned, packet.ssrc, packet.sequence)
                }
            };
        if !admitted {
            return false;
        }
        let arrival = self.source.arrived(packet.ssrc, packet.sequence);
        if proven && matches!(arrival, Arrival::Next { .. } | Arrival::Restarted) {
            // Not by an older one: it may have been held back, to be sent again from elsewhere.
            stream.latch.proven(arrived, from);
        }
        match arrival {
            Arrival::Discarded => return false,
            Arrival::Restarted => {
                stream.receiver.reset();
                let press = self.keys_in.reset();
                tell_press(&mut self.listener, arrived, press);
            }
            Arrival::Next { .. } | Arrival::Older => {}
        }
        stream.heard_at = arrived;
        if !std::mem::replace(&mut stream.heard_any, true) {
            self.listener.tell(arrived, MediaEvent::FirstPacketReceived);
        }
        if stream.gap_told.take().is_some() {
            self.listener.tell(arrived, MediaEvent::AudioResumed);
        }
        match content {
            Content::Sound(codec) => {
                self.source.timed(arrived, packet.timestamp, codec.clock_rate_hz());
                return stream.receiver.push(arrived, &packet, codec) != Pushed::Refused;
            }
            Content::Keys => {
                stream.receiver.pass(packet.sequence);
                for (timestamp, event) in DtmfEvent::parse_all(packet.payload, packet.timestamp) {
                    let press = self.keys_in.push(arrived, timestamp, event);
                    tell_press(&mut self.listener, arrived, press);
                }
            }
            Content::Noise => {
                stream.receiver.pass(packet.sequence);
                stream.receiver.push_noise(packet.payload);
            }
        }
        true
    }

    /// First part of a tick: takes 20 ms from the far end.
    pub(crate) fn hear(&mut self, now: Time) {
        self.other = None;
        if self.checks.as_mut().is_some_and(|checks| checks.tick(now)) {
            self.listener.tell(now, MediaEvent::ConsentLost);
        }
        let heard = &mut self.heard[..self.frame];
        let Some(stream) = &mut self.stream else {
            heard.fill(0);
            return;
        };
        let remote = &stream.remote;
        stream.receiver.take(now, heard, |number| remote.codec_of(number));
        let press = self.keys_in.poll(now);
        tell_press(&mut self.listener, now, press);
        if let Some(inband) = &mut stream.inband
            && let Some(digit) = inband.push(heard)
        {
            // A tone is told while it lasts; what follows of it tells no length.
            self.listener.tell(now, MediaEvent::Dtmf { digit, duration_ms: 40 });
        }
        if !stream.is_owed_sound(self.checks.as_deref()) {
            stream.heard_at = now;
            stream.gap_told = None;
        }
        let gap = now.since(stream.heard_at);
        if gap >= stream.gap_told.map_or(self.no_audio_after, |told| told * 2) {
            stream.gap_told = Some(gap);
            let for_ms = u64::try_from(gap.as_millis()).unwrap_or(u64::MAX);
            self.listener.tell(now, MediaEvent::NoAudio { for_ms });
        }
    }

    /// Last part of a tick: judges what came beside what was said in the same 20 ms, and tells who
    /// listens.
    pub(super) fn judge(&mut self, now: Time, said: Option<&[i16]>) {
        let Some(stream) = &mut self.stream else { return };
        let Some(tap) = &mut self.heard_tap else { return };
        let heard = &self.heard[..self.frame];
        let Gate { speech, level_dbov, echo } = stream.gate.push(heard, said);
        let mut narrow: Frame = SILENCE;
        if heard.len() == narrow.len() {
            narrow.copy_from_slice(heard);
        } else {
            stream.narrow.convert(heard, &mut narrow);
        }
        if !tap(&Heard { at: now, frame: &narrow, speech, level_dbov, echo }) {
            self.stats.unheard += 1;
        }
    }
}
