//! [`Lock`] and [`Unlock`]: the two directions of a session. Absent: an MKI (no far end offers one), keys
//! that change within a session (a new key is a new `Lock`), RTCP that is authenticated only.

use waihu_types::{SrtpKey, SrtpSuite};

use crate::SrtpError;
use crate::counter_mode::CounterMode;
use crate::derive::{Protocol, SessionKeys};
use crate::galois::{Galois, TAG};
use crate::packet::{RTCP_CLEAR, rtcp_ssrc, rtp_header};
use crate::source::Sources;

/// SRTCP's index with the E bit before it [bytes].
const INDEX: usize = 4;
/// E: what follows is enciphered (RFC 3711, 3.4).
const ENCIPHERED: u32 = 1 << 31;
/// The tag of AES-CM [bytes], in RTCP whatever the suite (RFC 4568, 6.2.2).
const TAG_80: usize = 10;
/// The tag of the suite that is named for its 32 bits [bytes].
const TAG_32: usize = 4;

/// The most that locking appends to a packet [bytes]: GCM's tag, and RTCP's index.
pub const MAX_GROWTH: usize = TAG + INDEX;

/// One protocol's cipher.
enum Cipher {
    CounterMode(CounterMode),
    Galois(Galois),
}

impl Cipher {
    fn new(key: &SrtpKey, protocol: Protocol) -> Result<Self, SrtpError> {
        let keys = SessionKeys::derive(key, protocol).ok_or(SrtpError::Key)?;
        let tag = match (key.suite(), protocol) {
            (SrtpSuite::AeadAes128Gcm | SrtpSuite::AeadAes256Gcm, _) => {
                return Ok(Self::Galois(Galois::new(&keys)?));
            }
            (SrtpSuite::AesCm128HmacSha1_32, Protocol::Rtp) => TAG_32,
            _ => TAG_80,
        };
        Ok(Self::CounterMode(CounterMode::new(&keys, tag)?))
    }

    fn tag_len(&self) -> usize {
        match self {
            Self::CounterMode(cipher) => cipher.tag_len(),
            Self::Galois(_) => TAG,
        }
    }
}

/// One direction, sending. It keeps state for eight SSRCs; their sequence numbers should begin in the
/// lower half of their range, so that the far end, when it misses the first packets, does not miss the
/// wrap with them (RFC 3711, 3.3.1).
pub struct Lock {
    rtp: Cipher,
    rtcp: Cipher,
    sources: Sources,
}

impl Lock {
    /// A session at its beginning. A key that is offered a second time is no new session: beginning again
    /// with it would lay the same key stream upon other sound.
    ///
    /// # Errors
    /// [`SrtpError::Key`], where the key does not fit its suite; [`SrtpKey`] sees to it that it does.
    pub fn new(key: &SrtpKey) -> Result<Self, SrtpError> {
        Ok(Self {
            rtp: Cipher::new(key, Protocol::Rtp)?,
            rtcp: Cipher::new(key, Protocol::Rtcp)?,
            sources: Sources::default(),
        })
    }

    /// `buffer[..len]` holds an RTP packet with its whole header; it is enciphered and authenticated in
    /// place. Gives the new length [bytes]; `buffer` has [`MAX_GROWTH`] bytes of room behind the packet.
    ///
    /// # Errors
    /// [`SrtpError::Malformed`], [`SrtpError::NoRoom`], [`SrtpError::Replayed`] (a sequence number used
    /// twice), [`SrtpError::TooManySources`], [`SrtpError::KeySpent`]. Nothing must be sent then.
    pub fn rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let (packet, tag) = split_room(buffer, len, self.rtp.tag_len())?;
        let header = rtp_header(packet, 0)?;
        let mut source = self.sources.of(header.ssrc)?;
        let index = source.rtp.rtp_index(header.sequence)?;
        source.rtp.check(index)?;
        match &self.rtp {
            Cipher::CounterMode(cipher) => {
                cipher.apply(header.ssrc, index, &mut packet[header.payload_at..]);
                cipher.sign(packet, &wraps(index), tag);
            }
            Cipher::Galois(cipher) => {
                let (clear, payload) = packet.split_at_mut(header.payload_at);
                tag.copy_from_slice(&cipher.seal(header.ssrc, index, clear, payload)?);
            }
        }
        source.rtp.note(index);
        self.sources.keep(source);
        Ok(len + self.rtp.tag_len())
    }

    /// The same for an RTCP packet, simple or compound.
    ///
    /// # Errors
    /// As for [`Lock::rtp`].
    pub fn rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let (packet, trailer) = split_room(buffer, len, self.rtcp.tag_len() + INDEX)?;
        let ssrc = rtcp_ssrc(packet, 0)?;
        let mut source = self.sources.of(ssrc)?;
        let index = source.rtcp.next_rtcp_index()?;
        let word = (ENCIPHERED | index).to_be_bytes();
        match &self.rtcp {
            Cipher::CounterMode(cipher) => {
                cipher.apply(ssrc, u64::from(index), &mut packet[RTCP_CLEAR..]);
                let (index_place, tag) = trailer.split_at_mut(INDEX);
                cipher.sign(packet, &word, tag);
                index_place.copy_from_slice(&word);
            }
            Cipher::Galois(cipher) => {
                let (clear, text) = packet.split_at_mut(RTCP_CLEAR);
                let sealed = cipher.seal(ssrc, u64::from(index), &rtcp_clear(clear, word), text)?;
                let (tag, index_place) = trailer.split_at_mut(TAG);
                tag.copy_from_slice(&sealed);
                index_place.copy_from_slice(&word);
            }
        }
        source.rtcp.note(u64::from(index));
        self.sources.keep(source);
        Ok(len + self.rtcp.tag_len() + INDEX)
    }
}

/// One direction, receiving. It keeps state for eight SSRCs, and for none whose first packet is not
/// authentic; remembers 128 packets of each.
pub struct Unlock {
    rtp: Cipher,
    rtcp: Cipher,
    sources: Sources,
}

impl Unlock {
    /// A session at its beginning.
    ///
    /// # Errors
    /// [`SrtpError::Key`], where the key does not fit its suite; [`SrtpKey`] sees to it that it does.
    pub fn new(key: &SrtpKey) -> Result<Self, SrtpError> {
        Ok(Self {
            rtp: Cipher::new(key, Protocol::Rtp)?,
            rtcp: Cipher::new(key, Protocol::Rtcp)?,
            sources: Sources::default(),
        })
    }

    /// Authenticates an SRTP packet and deciphers it in place; gives the length of the RTP packet [bytes].
    ///
    /// # Errors
    /// [`SrtpError::Malformed`], [`SrtpError::Forged`], [`SrtpError::Replayed`],
    /// [`SrtpError::TooManySources`], [`SrtpError::KeySpent`]. The packet's bytes are of no use then.
    pub fn rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let header = rtp_header(packet, self.rtp.tag_len())?;
        let end = packet.len() - self.rtp.tag_len();
        let mut source = self.sources.of(header.ssrc)?;
        let index = source.rtp.rtp_index(header.sequence)?;
        source.rtp.check(index)?;
        match &self.rtp {
            Cipher::CounterMode(cipher) => {
                let (packet, tag) = packet.split_at_mut(end);
                cipher.verify(packet, &wraps(index), tag)?;
                cipher.apply(header.ssrc, index, &mut packet[header.payload_at..]);
            }
            Cipher::Galois(cipher) => {
                let (clear, text_and_tag) = packet.split_at_mut(header.payload_at);
                cipher.open(header.ssrc, index, clear, text_and_tag)?;
            }
        }
        source.rtp.note(index);
        self.sources.keep(source);
        Ok(end)
    }

    /// The same for an SRTCP packet.
    ///
    /// # Errors
    /// As for [`Unlock::rtp`], and [`SrtpError::Unenciphered`].
    pub fn rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let ssrc = rtcp_ssrc(packet, self.rtcp.tag_len() + INDEX)?;
        let len = packet.len();
        let end = len - self.rtcp.tag_len() - INDEX;
        let index_at = match self.rtcp {
            Cipher::CounterMode(_) => end,
            Cipher::Galois(_) => len - INDEX,
        };
        let mut word = [0; INDEX];
        word.copy_from_slice(&packet[index_at..index_at + INDEX]);
        let index = u64::from(u32::from_be_bytes(word) & !ENCIPHERED);
        let mut source = self.sources.of(ssrc)?;
        source.rtcp.check(index)?;
        let is_enciphered = u32::from_be_bytes(word) & ENCIPHERED != 0;
        match &self.rtcp {
            Cipher::CounterMode(cipher) => {
                let (authentic, tag) = packet.split_at_mut(end + INDEX);
                cipher.verify(authentic, &[], tag)?;
                if !is_enciphered {
                    return Err(SrtpError::Unenciphered);
                }
                cipher.apply(ssrc, index, &mut authentic[RTCP_CLEAR..end]);
            }
            Cipher::Galois(_) if !is_enciphered => return Err(SrtpError::Unenciphered),
            Cipher::Galois(cipher) => {
                let (clear, behind) = packet.split_at_mut(RTCP_CLEAR);
                let text_and_tag = &mut behind[..index_at - RTCP_CLEAR];
                cipher.open(ssrc, index, &rtcp_clear(clear, word), text_and_tag)?;
            }
        }
        source.rtcp.note(index);
        self.sources.keep(source);
        Ok(end)
    }
}

/// The packet in a buffer, and the room behind it that its trailer takes.
fn split_room(buffer: &mut [u8], len: usize, trailer: usize) -> Result<(&mut [u8], &mut [u8]), SrtpError> {
    let (packet, room) = buffer.split_at_mut_checked(len).ok_or(SrtpError::NoRoom)?;
    Ok((packet, room.get_mut(..trailer).ok_or(SrtpError::NoRoom)?))
}

/// How often the sequence number has wrapped: what the tag of RTP covers beside the packet (RFC 3711, 4.2).
fn wraps(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// What GCM authenticates of an RTCP packet without enciphering it (RFC 7714, 9.2).
fn rtcp_clear(header: &[u8], word: [u8; INDEX]) -> [u8; RTCP_CLEAR + INDEX] {
    let mut clear = [0; RTCP_CLEAR + INDEX];
    clear[..RTCP_CLEAR].copy_from_slice(header);
    clear[RTCP_CLEAR..].copy_from_slice(&word);
    clear
}
