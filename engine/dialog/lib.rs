//! Scripts and their interpreter. The room is laid out and not yet furnished.
