//! RTP sockets and the media thread. The room is laid out and not yet furnished.
