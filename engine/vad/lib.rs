//! Voice activity: Silero on ONNX Runtime, and the end of an utterance. The room is laid out and not yet furnished.
