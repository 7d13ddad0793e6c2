//! Whether a confidence is true: of the answers given with 0.8, about 80 % should be right.
//!
//! Measured as the expected calibration error (Naeini, Cooper and Hauskrecht 2015): answers are sorted
//! into bins by their confidence; the error is the mean distance between a bin's confidence and its share
//! of right answers, weighed by its answers.

use serde::Serialize;

use crate::regression;

/// Bins between 0 and 1.
const BINS: usize = 10;

/// How true the confidences are on one set.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Calibration {
    /// The expected calibration error of the raw scores, 0 to 1.
    pub ece_before: f64,
    /// The same after the scores are divided by the temperature.
    pub ece_after: f64,
    /// The bins after it, those with an answer, from unsure to sure.
    pub bins: Vec<Bin>,
}

/// Answers with about the same confidence.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Bin {
    /// The least confidence in it.
    pub from: f64,
    /// The confidence that the next bin begins with.
    pub to: f64,
    /// Answers.
    pub examples: usize,
    /// Their mean confidence, 0 to 1.
    pub confidence: f64,
    /// The share of them that is right, 0 to 1.
    pub right: f64,
}

impl Calibration {
    /// Of raw scores, each with the class that is right.
    pub(crate) fn of(scores: &[(Vec<f32>, usize)], temperature: f32) -> Self {
        let bins = bins(scores, temperature);
        Self { ece_before: error(&self::bins(scores, 1.0)), ece_after: error(&bins), bins }
    }
}

fn bins(scores: &[(Vec<f32>, usize)], temperature: f32) -> Vec<Bin> {
    let mut sums = [(0usize, 0f64, 0usize); BINS];
    for (z, class) in scores {
        let mut p = z.clone();
        regression::softmax(&mut p, temperature);
        let Some(best) = (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b])) else { continue };
        let bin = &mut sums[((p[best] * BINS as f32) as usize).min(BINS - 1)];
        bin.0 += 1;
        bin.1 += f64::from(p[best]);
        bin.2 += usize::from(best == *class);
    }
    let bin = |(i, (n, confidence, right)): (usize, &(usize, f64, usize))| Bin {
        from: i as f64 / BINS as f64,
        to: (i + 1) as f64 / BINS as f64,
        examples: *n,
        confidence: confidence / *n as f64,
        right: *right as f64 / *n as f64,
    };
    sums.iter().enumerate().filter(|(_, s)| s.0 > 0).map(bin).collect()
}

fn error(bins: &[Bin]) -> f64 {
    let all: usize = bins.iter().map(|b| b.examples).sum();
    let part = |b: &Bin| b.examples as f64 / all.max(1) as f64 * (b.confidence - b.right).abs();
    bins.iter().map(part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_are_too_sure_are_told_and_cooled() {
        // Two classes, 8 apart: sure to 99.97 %, and half of the time wrong.
        let scores: Vec<(Vec<f32>, usize)> = (0..10).map(|i| (vec![8.0, 0.0], i % 2)).collect();
        let c = Calibration::of(&scores, 1000.0);
        assert!(c.ece_before > 0.49 && c.ece_after < 0.01, "{c:?}");
        assert_eq!((c.bins.len(), c.bins[0].examples), (1, 10));
        assert!((c.bins[0].right - 0.5).abs() < 1e-9);
    }

    #[test]
    fn nothing_has_no_error() {
        let c = Calibration::of(&[], 1.0);
        assert_eq!((c.ece_before, c.ece_after, c.bins.len()), (0.0, 0.0, 0));
    }
}
