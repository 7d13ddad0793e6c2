//! Sets of speech to judge by: which lines, which voices, what the telephone does to them.
