//! Text to phonemes, Mandarin and English. The room is laid out and not yet furnished.
