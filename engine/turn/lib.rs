//! Whether a callee has finished: the end of a turn, from silence, tone of voice, words and the question asked.
