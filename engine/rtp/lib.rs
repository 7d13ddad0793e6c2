//! RTP: headers, sequence, jitter buffer, RFC 4733. The room is laid out and not yet furnished.
