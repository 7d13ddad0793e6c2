//! The workers that join recognition, voice activity, voices and intents. The room is laid out and not yet furnished.
