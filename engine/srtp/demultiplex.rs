//! What comes on a port of sound, told by its first octet (RFC 7983, 7). Absent: ZRTP and TURN channels,
//! which nobody agrees on with us.

/// Whether a datagram that begins so is STUN.
pub fn is_stun(first_byte: u8) -> bool {
    first_byte <= 3
}

/// Whether a datagram that begins so is DTLS.
pub fn is_dtls(first_byte: u8) -> bool {
    (20..=63).contains(&first_byte)
}

/// Whether a datagram that begins so is RTP or RTCP, locked or not.
pub fn is_rtp_or_rtcp(first_byte: u8) -> bool {
    (128..=191).contains(&first_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_first_octet_is_of_one_protocol_at_most() {
        let kinds = |n| (is_stun(n), is_dtls(n), is_rtp_or_rtcp(n));
        for n in 0..=255 {
            let expected = match n {
                0..=3 => (true, false, false),
                20..=63 => (false, true, false),
                128..=191 => (false, false, true),
                _ => (false, false, false),
            };
            assert_eq!(kinds(n), expected, "{n}");
        }
    }
}
