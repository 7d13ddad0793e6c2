//! Coded sound to samples and back: G.711, G.722 and Opus behind one encoder and one decoder.
