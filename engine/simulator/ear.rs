//! When the bot speaks, told from the level of what arrives. Pure: frames in, edges out.
//!
//! Level alone is enough on the practice ground: the bot's side is synthetic speech over digital
//! silence. Deliberately absent: a voice activity model. A callee who borrowed the engine's ears
//! would share its mistakes.

use waihu_types::Time;

/// Louder than this is speech [dBov]: well above comfort noise, well below quiet speech.
pub(crate) const SPEECH_DBOV: f32 = -50.0;

/// Sound must last so long to be speech [frames of 20 ms]: a click is not.
const ONSET_FRAMES: u32 = 3;

/// An edge in what the bot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// It began to speak.
    Started {
        /// With the first sound.
        at: Time,
    },
    /// It has been silent for the pause that ends a turn.
    Stopped {
        /// From the turn's first sound to its last [ms].
        spoke_ms: u64,
    },
}

/// Listens to one call.
#[derive(Debug)]
pub struct Ear {
    /// The silence that ends a turn [ms]: longer than the pauses between spoken sentences.
    turn_end_ms: u64,
    /// Since when the turn goes on.
    since: Option<Time>,
    loud_run: u32,
    /// When the run of loud frames began.
    first_loud: Time,
    last_loud: Time,
}

impl Ear {
    /// An ear that takes `turn_end_ms` of silence for the end of a turn.
    pub fn new(turn_end_ms: u64) -> Self {
        Self { turn_end_ms, since: None, loud_run: 0, first_loud: Time::ZERO, last_loud: Time::ZERO }
    }

    /// Takes the level of one 20 ms frame [dBov], or of a frame that did not come as silence.
    pub fn hear(&mut self, now: Time, level_dbov: f32) -> Option<Edge> {
        if level_dbov > SPEECH_DBOV {
            if self.loud_run == 0 {
                self.first_loud = now;
            }
            self.loud_run += 1;
            if self.loud_run >= ONSET_FRAMES || self.since.is_some() {
                self.last_loud = now;
            }
            if self.loud_run >= ONSET_FRAMES && self.since.is_none() {
                self.since = Some(self.first_loud);
                return Some(Edge::Started { at: self.first_loud });
            }
        } else {
            self.loud_run = 0;
            let over = now.since(self.last_loud).as_millis() >= u128::from(self.turn_end_ms);
            if let Some(since) = self.since.filter(|_| over) {
                self.since = None;
                return Some(Edge::Stopped { spoke_ms: self.last_loud.as_millis() - since.as_millis() });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays levels of 20 ms each; returns the edges with the ms at which they came.
    fn edges(levels: impl IntoIterator<Item = f32>) -> Vec<(u64, Edge)> {
        let mut ear = Ear::new(700);
        (0u64..)
            .zip(levels)
            .filter_map(|(n, l)| ear.hear(Time::from_millis(n * 20), l).map(|e| (n * 20, e)))
            .collect()
    }

    fn run(parts: &[(usize, f32)]) -> Vec<f32> {
        parts.iter().flat_map(|(n, l)| std::iter::repeat_n(*l, *n)).collect()
    }

    #[test]
    fn a_turn_ends_after_its_silence_and_not_in_a_pause_between_sentences() {
        let heard = edges(run(&[(10, -90.0), (50, -20.0), (25, -90.0), (50, -20.0), (60, -90.0)]));
        assert_eq!(heard.len(), 2);
        assert_eq!(heard[0], (240, Edge::Started { at: Time::from_millis(200) }));
        // The last loud frame is number 134; 700 ms later is frame 169.
        assert_eq!(heard[1], (169 * 20, Edge::Stopped { spoke_ms: (134 - 10) * 20 }));
    }

    #[test]
    fn clicks_and_noise_are_not_speech() {
        assert_eq!(edges(run(&[(2, -10.0), (50, -90.0), (2, -10.0), (200, -55.0)])), []);
    }
}
