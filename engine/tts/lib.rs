//! Voices: Kokoro on ONNX Runtime, Piper. The room is laid out and not yet furnished.
