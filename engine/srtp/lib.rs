//! Locked sound: SRTP and SRTCP (RFC 3711, RFC 7714), and the handshake that agrees on keys (RFC 5764).
