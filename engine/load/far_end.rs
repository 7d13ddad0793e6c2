//! One far end: what it sends, and whose the packets are that come back.

use std::{collections::HashMap, net::SocketAddrV4};

use waihu_rtp::{Packet, write_packet};
use waihu_srtp::{
    Lock, MAX_GROWTH, Unlock,
    stun::{self, Nomination},
};
use waihu_types::Codec;

use crate::{Credentials, Line, judge::Judge, track::Track};

/// The payload type of codecs that have none of their own: what most offers give Opus.
const DYNAMIC_PAYLOAD_TYPE: u8 = 111;
/// Bytes of a packet at most: header, payload, tag.
pub(crate) const MAX_PACKET: usize = waihu_rtp::header::FIXED_HEADER + waihu_codec::MAX_PAYLOAD + MAX_GROWTH;
/// Keys that are tried on the first packet of a stream whose SSRC nobody told us.
const MAX_TRIED: usize = 512;

pub(crate) fn payload_type(codec: Codec) -> u8 {
    codec.static_payload_type().unwrap_or(DYNAMIC_PAYLOAD_TYPE)
}

/// One far end.
pub(crate) struct FarStream {
    pub(crate) socket: usize,
    pub(crate) to: SocketAddrV4,
    pub(crate) ssrc: u32,
    /// What proves that it is the far end, where the engine wants proof.
    pub(crate) check: Option<Box<[u8]>>,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    /// Its place in the track.
    pub(crate) frame: usize,
    pub(crate) lock: Option<Lock>,
    pub(crate) unlock: Option<Unlock>,
    pub(crate) judge: Judge,
    /// Its way to the engine, where it is not perfect.
    pub(crate) line: Option<Line>,
    /// Whether a source has been found to be this stream's.
    pub(crate) claimed: bool,
}

impl FarStream {
    /// Writes the next packet; gives its length, or none where SRTP refuses.
    pub(crate) fn write(
        &mut self,
        codec: Codec,
        track: &Track,
        buffer: &mut [u8; MAX_PACKET],
    ) -> Option<usize> {
        let (payload, marker) = track.frame(self.frame);
        let packet = Packet {
            payload_type: payload_type(codec),
            marker,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            payload,
        };
        let written = write_packet(&packet, buffer);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(codec.frame_ticks());
        self.frame = (self.frame + 1) % track.len().max(1);
        match (&mut self.lock, written) {
            (Some(lock), Some(len)) => lock.rtp(buffer, len).ok(),
            (_, written) => written,
        }
    }
}

/// The check of a browser that has made its choice: the same each time, which is nothing to whoever answers.
pub(crate) fn check(ours: &Credentials) -> Option<Box<[u8]>> {
    let mut bytes = [0; 256];
    let username = format!("{}:load", ours.ufrag);
    let len = stun::check([7; 12], &username, &ours.pwd, Nomination::Nominated, &mut bytes).ok()?;
    bytes.get(..len).map(Into::into)
}

/// What came of a datagram.
pub(crate) enum Found {
    /// It is of this stream, and so long in the clear.
    Stream(usize, usize),
    /// No RTP, or not authentic.
    Bad,
    /// RTP, but nobody's.
    Unknown,
}

/// Whose packets come from where.
pub(crate) struct Directory {
    by_source: HashMap<(SocketAddrV4, u32), usize>,
    by_address: HashMap<SocketAddrV4, Vec<usize>>,
}

impl Directory {
    pub(crate) fn new(streams: &[FarStream]) -> Self {
        let mut by_address: HashMap<_, Vec<_>> = HashMap::new();
        for (i, stream) in streams.iter().enumerate() {
            by_address.entry(stream.to).or_default().push(i);
        }
        Self { by_source: HashMap::new(), by_address }
    }

    /// Finds a datagram's stream and unlocks it. A source that is heard for the first time becomes the
    /// first stream's of its address and socket that has none, and whose key fits.
    pub(crate) fn find(
        &mut self,
        streams: &mut [FarStream],
        socket: usize,
        from: SocketAddrV4,
        bytes: &mut [u8],
    ) -> Found {
        let Some(ssrc) = bytes.get(8..12).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])) else {
            return Found::Bad;
        };
        if let Some(i) = self.by_source.get(&(from, ssrc)) {
            return unlock(&mut streams[*i], bytes).map_or(Found::Bad, |len| Found::Stream(*i, len));
        }
        let Some(at_address) = self.by_address.get(&from) else { return Found::Unknown };
        if let [only] = at_address[..] {
            // A port a call: whatever comes from there is its, under whichever SSRC.
            let stream = &mut streams[only];
            if stream.socket != socket {
                return Found::Unknown;
            }
            return unlock(stream, bytes).map_or(Found::Bad, |len| Found::Stream(only, len));
        }
        let mut locked = [0; crate::socket::ROOM];
        let locked = &mut locked[..bytes.len().min(crate::socket::ROOM)];
        locked.copy_from_slice(&bytes[..locked.len()]);
        let free = at_address.iter().filter(|i| !streams[**i].claimed && streams[**i].socket == socket);
        let free: Vec<usize> = free.take(MAX_TRIED).copied().collect();
        for i in &free {
            // What does not fit leaves the bytes in no good state.
            bytes.copy_from_slice(locked);
            if let Some(len) = unlock(&mut streams[*i], bytes) {
                streams[*i].claimed = true;
                self.by_source.insert((from, ssrc), *i);
                return Found::Stream(*i, len);
            }
        }
        if free.is_empty() { Found::Unknown } else { Found::Bad }
    }
}

/// The length of the packet in the clear; none where it is none.
fn unlock(stream: &mut FarStream, bytes: &mut [u8]) -> Option<usize> {
    let len = match &mut stream.unlock {
        Some(unlock) => unlock.rtp(bytes).ok()?,
        None => bytes.len(),
    };
    Packet::parse(&bytes[..len]).ok().map(|_| len)
}
