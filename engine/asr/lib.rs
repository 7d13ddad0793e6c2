//! Recognition: Whisper on whisper.cpp. The room is laid out and not yet furnished.
