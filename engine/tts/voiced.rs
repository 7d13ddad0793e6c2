/// What a model made of phonemes, and when it says each of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Voiced {
    /// At the model's own rate.
    pub(crate) samples: Vec<f32>,
    /// The sample at which each symbol of the phonemes begins.
    pub(crate) starts: Vec<usize>,
}

impl Voiced {
    /// Each symbol as long as the next: what is known of a model that does not tell more.
    pub(crate) fn evenly(phonemes: &str, samples: Vec<f32>) -> Self {
        let count = phonemes.chars().count();
        let starts = (0..count).map(|n| n * samples.len() / count).collect();
        Self { samples, starts }
    }

    /// Takes the model's own word for how long each token lasts.
    ///
    /// `tokens` says how many tokens each symbol became, `frames` how many frames of `frame` samples each
    /// token lasts, one token at either end not counted. What does not fit the sound is not believed.
    pub(crate) fn timed(&mut self, tokens: impl Iterator<Item = usize>, frames: &[f32], frame: usize) {
        let length = |f: &f32| if f.is_finite() && *f > 0.0 { *f as usize * frame } else { 0 };
        let total: usize = frames.iter().map(length).sum();
        if total.abs_diff(self.samples.len()) > 2 * frame {
            return;
        }
        let mut frames = frames.iter();
        let mut at = frames.next().map_or(0, length);
        let mut starts = Vec::with_capacity(self.starts.len());
        for count in tokens {
            starts.push(at);
            at += frames.by_ref().take(count).map(length).sum::<usize>();
        }
        if at <= self.samples.len() + frame && starts.len() == self.starts.len() {
            self.starts = starts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_begin_where_the_tokens_before_them_end() {
        let mut v = Voiced::evenly("aˑb", vec![0.0; 100]);
        assert_eq!(v.starts, [0, 33, 66]);
        // The middle one has no token.
        v.timed([1, 0, 1].into_iter(), &[1.0, 4.0, 3.0, 2.0], 10);
        assert_eq!(v.starts, [10, 50, 50]);
    }

    #[test]
    fn durations_that_do_not_fit_the_sound_are_not_believed() {
        for frames in [&[1.0, 900.0, 1.0][..], &[], &[f32::NAN, -1.0]] {
            let mut v = Voiced::evenly("a", vec![0.0; 100]);
            v.timed([1].into_iter(), frames, 10);
            assert_eq!(v.starts, [0]);
        }
    }
}
