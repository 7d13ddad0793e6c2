//! SIP over UDP: one socket task around the pure endpoint. The room is laid out and not yet furnished.
