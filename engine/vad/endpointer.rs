//! Where an utterance begins and ends, from probabilities of speech. Pure: time is an argument.

use std::cmp::Ordering;

use crate::silero::WINDOW_MS;

/// When speech is taken to begin and to end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EndpointerConfig {
    /// A window at or above this probability may begin speech, and shows that it goes on.
    pub start_probability: f32,
    /// A window below this one may end it. Between the two it stays as it was, so that a voice that
    /// fades is not cut off and a noise does not begin an utterance.
    pub stop_probability: f32,
    /// Shorter sounds are no speech [ms]. The shortest answers (对, no) last 150 to 200 ms; a click or a
    /// cough's first burst is shorter.
    pub min_speech_ms: u64,
    /// Silence that ends an utterance [ms]. Shorter ones are pauses: people who say a sum or a date
    /// rest up to half a second in it.
    pub hangover_ms: u64,
    /// An utterance that goes on this long is ended [ms]: announcements and music never pause, and the
    /// recognizer hears 30 s at once.
    pub max_speech_ms: u64,
}

impl Default for EndpointerConfig {
    fn default() -> Self {
        Self {
            start_probability: 0.5,
            stop_probability: 0.35,
            min_speech_ms: 120,
            hangover_ms: 600,
            max_speech_ms: 25_000,
        }
    }
}

/// A change between silence and speech. Times are on the clock of [`Endpointer::push`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechBoundary {
    /// Speech goes on since then; that lies `min_speech_ms` or more back.
    Started {
        /// When its first window began [ms].
        at_ms: u64,
    },
    /// Speech was over then; that lies `hangover_ms` or more back.
    Ended {
        /// When its last window ended [ms].
        at_ms: u64,
    },
}

#[derive(Clone, Copy, Debug)]
enum State {
    Silent,
    /// Speech perhaps, since.
    Rising(u64),
    Speaking {
        since: u64,
        /// Silence, perhaps, since.
        silence: Option<u64>,
        voiced_ms: u64,
    },
}

/// Finds utterances in one call.
#[derive(Clone, Debug)]
pub struct Endpointer {
    config: EndpointerConfig,
    state: State,
    last_ms: u64,
}

impl Default for Endpointer {
    fn default() -> Self {
        Self::new(EndpointerConfig::default())
    }
}

impl Endpointer {
    /// An endpointer that has heard nothing yet.
    pub fn new(config: EndpointerConfig) -> Self {
        Self { config, state: State::Silent, last_ms: 0 }
    }

    /// Whether an utterance has begun and not yet ended.
    pub fn is_speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }

    /// How much of the utterance that goes on was voice [ms]; 0 where none goes on. Pauses do not
    /// count, nor does the silence that may turn out to be its end: only this tells a murmur from a
    /// sentence before `hangover_ms` have passed.
    pub fn voiced_ms(&self) -> u64 {
        if let State::Speaking { voiced_ms, .. } = self.state { voiced_ms } else { 0 }
    }

    /// Since when the utterance that goes on has been silent; `None` where it is not, or none goes on. It may
    /// be a pause or the end: only `hangover_ms` tell that here, the turn room sooner.
    pub fn silent_since_ms(&self) -> Option<u64> {
        if let State::Speaking { silence, .. } = self.state { silence } else { None }
    }

    /// Takes the probability of speech of the 32 ms window that ended at `now_ms`, and says where an
    /// utterance has begun or ended. Time without windows counts as silence; time that runs backwards
    /// counts as none.
    pub fn push(&mut self, now_ms: u64, probability: f32) -> Option<SpeechBoundary> {
        let now = now_ms.max(self.last_ms);
        let before = self.last_ms;
        // Where this window began. A clock that counts frames of 20 ms sees windows 20 and 40 ms apart:
        // only what leaves room for another window is a gap.
        let since = if now - before <= 2 * WINDOW_MS { before } else { now - WINDOW_MS };
        self.last_ms = now;
        let gap = since - before;
        let starts = probability >= self.config.start_probability;
        // Also true of what is no number.
        let stops = !matches!(
            probability.partial_cmp(&self.config.stop_probability),
            Some(Ordering::Greater | Ordering::Equal)
        );
        let rises = if starts { State::Rising(since) } else { State::Silent };
        match self.state {
            State::Silent => self.rise_or_stay(rises, now),
            State::Rising(_) if gap > 0 => self.rise_or_stay(rises, now),
            State::Rising(_) if stops => self.rise_or_stay(State::Silent, now),
            State::Rising(from) => self.rise_or_stay(State::Rising(from), now),
            State::Speaking { since: from, silence, voiced_ms } => {
                let silence = silence.or((gap > 0).then_some(before));
                // Silence that was long enough before this window began has ended the utterance,
                // whatever the window holds.
                if let Some(at_ms) = silence.filter(|s| since - s >= self.config.hangover_ms) {
                    self.state = rises;
                    return Some(SpeechBoundary::Ended { at_ms });
                }
                let silence = if starts { None } else { silence.or(stops.then_some(since)) };
                if let Some(at_ms) = silence.filter(|s| now - s >= self.config.hangover_ms) {
                    self.state = State::Silent;
                    return Some(SpeechBoundary::Ended { at_ms });
                }
                if now - from >= self.config.max_speech_ms {
                    self.state = State::Silent;
                    return Some(SpeechBoundary::Ended { at_ms: silence.unwrap_or(now) });
                }
                let voiced_ms = if silence.is_none() { voiced_ms + (now - since) } else { voiced_ms };
                self.state = State::Speaking { since: from, silence, voiced_ms };
                None
            }
        }
    }

    /// Enters a state before speech, or speech itself where it has lasted long enough.
    fn rise_or_stay(&mut self, next: State, now: u64) -> Option<SpeechBoundary> {
        self.state = next;
        match next {
            State::Rising(from) if now - from >= self.config.min_speech_ms => {
                self.state = State::Speaking { since: from, silence: None, voiced_ms: now - from };
                Some(SpeechBoundary::Started { at_ms: from })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SpeechBoundary::*, *};

    /// Feeds windows of 32 ms: each pair is a number of them and their probability.
    fn heard(stretches: &[(u64, f32)]) -> Vec<SpeechBoundary> {
        let mut endpointer = Endpointer::default();
        let mut now = 0;
        let mut out = Vec::new();
        for (windows, probability) in stretches {
            for _ in 0..*windows {
                now += WINDOW_MS;
                out.extend(endpointer.push(now, *probability));
            }
        }
        out
    }

    #[test]
    fn an_utterance_has_its_beginning_and_its_end() {
        let (start, end) = (10 * WINDOW_MS, 40 * WINDOW_MS);
        assert_eq!(
            heard(&[(10, 0.02), (30, 0.95), (30, 0.02)]),
            [Started { at_ms: start }, Ended { at_ms: end }]
        );
    }

    #[test]
    fn a_click_is_no_speech_and_the_shortest_answer_is() {
        assert!(heard(&[(10, 0.0), (3, 0.99), (50, 0.0)]).is_empty());
        assert_eq!(heard(&[(10, 0.0), (5, 0.99), (50, 0.0)]).len(), 2);
    }

    #[test]
    fn a_pause_for_thought_does_not_end_the_utterance_and_a_long_one_does() {
        assert_eq!(heard(&[(20, 0.9), (18, 0.1), (20, 0.9), (40, 0.1)]).len(), 2);
        assert_eq!(heard(&[(20, 0.9), (19, 0.1), (20, 0.9), (40, 0.1)]).len(), 4);
    }

    #[test]
    fn a_doubtful_window_begins_nothing_and_ends_nothing() {
        assert!(heard(&[(200, 0.4)]).is_empty());
        assert_eq!(heard(&[(20, 0.9), (200, 0.4)]).len(), 1);
        assert_eq!(heard(&[(20, 0.9), (10, 0.4), (5, 0.1), (30, 0.4)]).len(), 2);
        assert_eq!(heard(&[(2, 0.9), (10, 0.4)]), [Started { at_ms: 0 }]);
    }

    #[test]
    fn speech_without_end_is_ended() {
        let heard = heard(&[(2_000, 0.9)]);
        assert_eq!(heard.len(), 5);
        assert!(matches!(heard[1], Ended { at_ms: 25_024 }));
        assert!(matches!(heard[2], Started { at_ms: 25_024 }));
    }

    #[test]
    fn voice_is_measured_without_the_pauses() {
        let mut endpointer = Endpointer::default();
        let mut now = 0;
        let mut after = |windows: u64, probability| {
            for _ in 0..windows {
                now += WINDOW_MS;
                endpointer.push(now, probability);
            }
            endpointer.voiced_ms()
        };
        assert_eq!(after(3, 0.9), 0, "perhaps a click");
        assert_eq!(after(7, 0.9), 10 * WINDOW_MS);
        assert_eq!(after(18, 0.1), 10 * WINDOW_MS, "silence is no voice, though the end is not told yet");
        assert_eq!(after(5, 0.9), 15 * WINDOW_MS);
        assert_eq!(after(19, 0.1), 0, "over");
        assert_eq!(after(4, 0.9), 4 * WINDOW_MS, "and begun anew");
    }

    #[test]
    fn a_pause_is_told_while_it_lasts() {
        let mut endpointer = Endpointer::default();
        let mut now = 0;
        let mut after = |windows: u64, p: f32| {
            for _ in 0..windows {
                now += WINDOW_MS;
                endpointer.push(now, p);
            }
            endpointer.silent_since_ms()
        };
        assert_eq!(after(5, 0.1), None, "nobody has spoken");
        assert_eq!(after(10, 0.9), None);
        assert_eq!(after(7, 0.1), Some(15 * WINDOW_MS));
        assert_eq!(after(1, 0.4), Some(15 * WINDOW_MS), "doubt ends no pause");
        assert_eq!(after(1, 0.9), None);
        assert_eq!(after(18, 0.1), Some(24 * WINDOW_MS));
        assert_eq!(after(1, 0.1), None, "over");
    }

    #[test]
    fn missing_sound_is_silence() {
        let mut endpointer = Endpointer::default();
        for n in 1..=10 {
            endpointer.push(n * WINDOW_MS, 0.9);
        }
        assert!(endpointer.is_speaking());
        assert_eq!(endpointer.push(5_000, 0.9), Some(Ended { at_ms: 10 * WINDOW_MS }));
        // And a click on both sides of a gap is two clicks.
        let mut endpointer = Endpointer::default();
        endpointer.push(32, 0.9);
        assert_eq!(endpointer.push(5_000, 0.9), None);
    }

    #[test]
    fn a_clock_of_frames_sees_no_gaps() {
        let mut endpointer = Endpointer::default();
        let (mut samples, mut out) = (0, Vec::new());
        for frame in 1..=150 {
            samples += 160;
            if samples >= 256 {
                samples -= 256;
                let p = if (50..100).contains(&frame) { 0.9 } else { 0.1 };
                out.extend(endpointer.push(frame * 20, p));
            }
        }
        assert_eq!(out, [Started { at_ms: 960 }, Ended { at_ms: 1_960 }]);
    }

    #[test]
    fn odd_numbers_and_a_clock_that_runs_backwards_do_no_harm() {
        let mut endpointer = Endpointer::default();
        for (now, p) in [(u64::MAX, 0.9), (0, f32::NAN), (7, f32::INFINITY), (3, -1.0), (u64::MAX, 2.0)] {
            endpointer.push(now, p);
        }
    }

    fn config() -> impl Strategy<Value = EndpointerConfig> {
        (0u64..300, 0u64..1_500, 500u64..5_000).prop_map(|(min_speech_ms, hangover_ms, max_speech_ms)| {
            EndpointerConfig { min_speech_ms, hangover_ms, max_speech_ms, ..EndpointerConfig::default() }
        })
    }

    proptest! {
        #[test]
        fn beginnings_and_ends_alternate_in_time_and_keep_to_the_limits(
            config in config(),
            windows in proptest::collection::vec((prop_oneof![9 => Just(32u64), 1 => 0u64..2_000], 0.0f32..1.0), 0..600)
        ) {
            let mut endpointer = Endpointer::new(config);
            let (mut now, mut last, mut speaking) = (0, 0, false);
            for (step, probability) in windows {
                now += step;
                match endpointer.push(now, probability) {
                    Some(Started { at_ms }) => {
                        prop_assert!(!speaking && at_ms >= last && at_ms + config.min_speech_ms <= now);
                        (speaking, last) = (true, at_ms);
                    }
                    Some(Ended { at_ms }) => {
                        prop_assert!(speaking && at_ms >= last && at_ms <= now);
                        prop_assert!(at_ms + config.hangover_ms <= now || last + config.max_speech_ms <= now);
                        (speaking, last) = (false, at_ms);
                    }
                    None => prop_assert!(!speaking || now - last <= config.max_speech_ms + config.hangover_ms),
                }
                prop_assert_eq!(endpointer.is_speaking(), speaking);
                let at_most = if speaking { now - last } else { 0 };
                prop_assert!(endpointer.voiced_ms() <= at_most);
            }
        }

        #[test]
        fn what_never_reaches_the_upper_mark_is_silence(
            windows in proptest::collection::vec(0.0f32..0.4999, 0..400)
        ) {
            let mut endpointer = Endpointer::default();
            for (n, p) in windows.into_iter().enumerate() {
                prop_assert_eq!(endpointer.push((n as u64 + 1) * WINDOW_MS, p), None);
            }
        }

        #[test]
        fn speech_with_pauses_under_the_hangover_is_one_utterance(
            pauses in proptest::collection::vec(0u64..=18, 1..12)
        ) {
            let mut stretches = vec![(8, 0.8)];
            for pause in pauses {
                stretches.extend([(pause, 0.1), (6, 0.8)]);
            }
            stretches.push((19, 0.1));
            let whole: u64 = stretches.iter().map(|s| s.0).sum();
            let heard = heard(&stretches);
            prop_assert_eq!(heard, [Started { at_ms: 0 }, Ended { at_ms: (whole - 19) * WINDOW_MS }]);
        }
    }
}
