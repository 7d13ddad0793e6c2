//! One call's frames, gathered into the model's windows.

use waihu_audio::{Frame, frame::sample_to_f32};

use crate::{
    Silero, VadError,
    silero::{CONTEXT, Memory, WINDOW},
};

/// Quiet windows that the model still sees, so that its memory has settled on silence before it is left
/// alone: a third of a second.
const SETTLE: u32 = 10;

/// What a cheap judge said of a frame before it came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may be speech: the model looks.
    Open,
    /// It is silence, noise, or the bot's own voice coming back: the model is spared.
    Closed,
}

/// Turns one call's frames into probabilities of speech.
#[derive(Clone)]
pub struct Detector {
    /// The context, then the window as far as it is filled.
    samples: [f32; CONTEXT + WINDOW],
    filled: usize,
    /// Whether a frame that may be speech is in the window.
    open: bool,
    /// Windows without one in a row.
    quiet: u32,
    /// The last window that the model was spared, with its context.
    spared: Option<[f32; CONTEXT + WINDOW]>,
    memory: Memory,
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            samples: [0.0; CONTEXT + WINDOW],
            filled: 0,
            open: false,
            // A call begins as after a long silence: nothing has to settle.
            quiet: SETTLE,
            spared: None,
            memory: Memory::default(),
        }
    }
}

impl std::fmt::Debug for Detector {
    // The sound itself is the callee's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detector").field("filled", &self.filled).field("quiet", &self.quiet).finish()
    }
}

impl Detector {
    /// Takes the call's next 20 ms, and what the gate says of them. Gives the probability of speech, 0 to 1, of a
    /// window of 32 ms that these complete, and `None` where they complete none.
    ///
    /// Where the gate has been closed for a while the model is not run and the probability is 0.
    ///
    /// # Errors
    /// [`VadError::Model`] when the computation fails; the next window starts afresh.
    pub fn push(&mut self, model: &mut Silero, samples: &Frame, gate: Gate) -> Result<Option<f32>, VadError> {
        self.push_into(samples, gate, |window, memory| model.run(window, memory))
    }

    fn push_into(
        &mut self,
        frame: &Frame,
        gate: Gate,
        run: impl FnMut(&[f32; CONTEXT + WINDOW], &mut Memory) -> Result<f32, VadError>,
    ) -> Result<Option<f32>, VadError> {
        let open = gate == Gate::Open;
        self.open |= open;
        let (now, later) = frame.split_at(frame.len().min(WINDOW - self.filled));
        self.append(now);
        if self.filled < WINDOW {
            return Ok(None);
        }
        let judged = self.judge(run);
        self.samples.copy_within(WINDOW.., 0);
        self.filled = 0;
        self.open = open && !later.is_empty();
        self.append(later);
        if judged.is_err() {
            self.memory = Memory::default();
        }
        judged.map(Some)
    }

    fn append(&mut self, samples: &[i16]) {
        let free = &mut self.samples[CONTEXT + self.filled..];
        for (slot, sample) in free.iter_mut().zip(samples) {
            *slot = sample_to_f32(*sample);
        }
        self.filled += samples.len();
    }

    fn judge(
        &mut self,
        mut run: impl FnMut(&[f32; CONTEXT + WINDOW], &mut Memory) -> Result<f32, VadError>,
    ) -> Result<f32, VadError> {
        if self.open {
            self.quiet = 0;
            // The memory is that of settled silence; the sound's own beginning may lie under the gate.
            if let Some(spared) = self.spared.take() {
                run(&spared, &mut self.memory)?;
            }
            return run(&self.samples, &mut self.memory);
        }
        self.quiet = self.quiet.saturating_add(1);
        if self.quiet > SETTLE {
            self.spared = Some(self.samples);
            return Ok(0.0);
        }
        run(&self.samples, &mut self.memory)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use waihu_audio::{SAMPLES_8K, SILENCE};

    use super::*;

    /// Windows that the model was run on, as their samples.
    fn runs(frames: &[(Frame, Gate)]) -> (Vec<Vec<i16>>, Vec<Option<f32>>) {
        let mut detector = Detector::default();
        let mut seen = Vec::new();
        let given = frames
            .iter()
            .map(|(frame, gate)| {
                let run = |window: &[f32; CONTEXT + WINDOW], _: &mut Memory| {
                    seen.push(waihu_audio::frame::to_i16(window));
                    Ok(0.7)
                };
                detector.push_into(frame, *gate, run).unwrap()
            })
            .collect();
        (seen, given)
    }

    /// Frames in which every sample is its own number.
    fn counted(count: usize, gate: Gate) -> Vec<(Frame, Gate)> {
        (0..count).map(|n| (std::array::from_fn(|i| (n * SAMPLES_8K + i) as i16), gate)).collect()
    }

    #[test]
    fn windows_follow_without_a_gap_and_see_32_samples_of_the_one_before() {
        let (seen, given) = runs(&counted(100, Gate::Open));
        assert_eq!(seen.len(), 100 * SAMPLES_8K / WINDOW);
        assert_eq!(given.iter().flatten().count(), seen.len());
        for (k, window) in seen.iter().enumerate() {
            let start = k as i32 * WINDOW as i32 - CONTEXT as i32;
            let expected: Vec<i16> = (0..288).map(|i| (start + i).max(0) as i16).collect();
            assert_eq!(*window, expected, "window {k}");
        }
    }

    #[test]
    fn a_quiet_line_costs_nothing_from_the_first_frame_on() {
        let (seen, given) = runs(&counted(500, Gate::Closed));
        assert!(seen.is_empty());
        assert_eq!(given.iter().flatten().count(), 312);
        assert!(given.iter().flatten().all(|p| *p == 0.0));
    }

    #[test]
    fn the_model_sees_speech_end_and_its_next_beginning() {
        let mut frames = counted(8, Gate::Open);
        frames.extend(counted(92, Gate::Closed));
        let (seen, _) = runs(&frames);
        // 1,280 samples of sound are 5 windows; then the settling.
        assert_eq!(seen.len(), 5 + SETTLE as usize);
        frames.extend(counted(8, Gate::Open));
        let (seen, _) = runs(&frames);
        // Windows 63 to 67 hold the new sound; 62 was spared and is made up for.
        assert_eq!(seen.len(), 5 + SETTLE as usize + 1 + 5);
        let (spared, first) = (&seen[5 + SETTLE as usize], &seen[6 + SETTLE as usize]);
        assert_eq!(spared[WINDOW..], first[..CONTEXT]);
    }

    #[test]
    fn a_failure_is_told_and_forgotten() {
        let mut detector = Detector::default();
        let fails = |_: &[f32; CONTEXT + WINDOW], _: &mut Memory| Err(VadError::Model("x".to_owned()));
        detector.push_into(&SILENCE, Gate::Open, fails).unwrap();
        assert!(detector.push_into(&SILENCE, Gate::Open, fails).is_err());
        let works = |_: &[f32; CONTEXT + WINDOW], _: &mut Memory| Ok(0.1);
        let given: Vec<_> =
            (0..3).map(|_| detector.push_into(&SILENCE, Gate::Open, works).unwrap()).collect();
        assert_eq!(given, [None, Some(0.1), Some(0.1)]);
    }

    proptest! {
        #[test]
        fn every_window_is_answered_once_and_speech_is_always_judged(
            gates in proptest::collection::vec(prop_oneof![Just(Gate::Open), Just(Gate::Closed)], 0..300)
        ) {
            let frames: Vec<(Frame, Gate)> = gates.iter().map(|g| (SILENCE, *g)).collect();
            let (_, given) = runs(&frames);
            prop_assert_eq!(given.iter().flatten().count(), gates.len() * SAMPLES_8K / WINDOW);
            for (n, answer) in given.iter().enumerate() {
                // What this frame adds to its window may be speech: the model was asked.
                if let (Some(p), Gate::Open) = (answer, gates[n]) {
                    prop_assert_eq!(*p, 0.7);
                }
            }
        }
    }
}
