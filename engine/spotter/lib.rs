//! Short answers heard without a recognizer.
