//! Placing calls: one task per call, one per campaign. The room is laid out and not yet furnished.
