//! The few octets of RTP and RTCP that locking needs (RFC 3550, 5.1 and 6.4.1). Absent: everything that
//! a receiver makes of them; that is the room `rtp`.

use crate::SrtpError;

/// RTP's header without CSRCs and extension [bytes].
const RTP_HEADER: usize = 12;
/// What of an RTCP packet is authenticated but not enciphered: header and sender's SSRC [bytes]
/// (RFC 3711, 3.4).
pub(crate) const RTCP_CLEAR: usize = 8;
/// The longest packet that UDP carries [bytes]. Far below the 2^16 blocks of AES that one packet may
/// have (RFC 3711, 4.1.1).
const MAX_PACKET: usize = 65_535;

/// What locking needs of an RTP header.
pub(crate) struct RtpHeader {
    pub ssrc: u32,
    pub sequence: u16,
    /// Where the payload begins, behind CSRCs and extension [bytes].
    pub payload_at: usize,
}

/// The header of an RTP packet; `trailer` bytes at its end are not RTP's.
pub(crate) fn rtp_header(packet: &[u8], trailer: usize) -> Result<RtpHeader, SrtpError> {
    let end = inner_len(packet, RTP_HEADER, trailer)?;
    let mut payload_at = RTP_HEADER + 4 * usize::from(packet[0] & 0x0f);
    if packet[0] & 0x10 != 0 {
        let words = payload_at
            .checked_add(4)
            .filter(|&words_end| words_end <= end)
            .map(|words_end| usize::from(u16::from_be_bytes([packet[words_end - 2], packet[words_end - 1]])));
        payload_at += 4 + 4 * words.ok_or(SrtpError::Malformed)?;
    }
    if payload_at > end {
        return Err(SrtpError::Malformed);
    }
    let sequence = u16::from_be_bytes([packet[2], packet[3]]);
    let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
    Ok(RtpHeader { ssrc, sequence, payload_at })
}

/// The SSRC of an RTCP packet's first report; `trailer` bytes at its end are not RTCP's.
pub(crate) fn rtcp_ssrc(packet: &[u8], trailer: usize) -> Result<u32, SrtpError> {
    inner_len(packet, RTCP_CLEAR, trailer)?;
    Ok(u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]))
}

/// A packet's length without its trailer, where that is at least `least` and the version is 2.
fn inner_len(packet: &[u8], least: usize, trailer: usize) -> Result<usize, SrtpError> {
    let end = packet.len().checked_sub(trailer).ok_or(SrtpError::Malformed)?;
    if end < least || packet.len() > MAX_PACKET || packet[0] >> 6 != 2 {
        return Err(SrtpError::Malformed);
    }
    Ok(end)
}
