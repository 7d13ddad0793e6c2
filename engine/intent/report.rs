//! How well a trained head does on examples that it has not seen.

use std::fmt;

use serde::Serialize;
use waihu_types::{Intent, Lang};

use crate::Calibration;

/// The quality of a trained head.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The encoder's version.
    pub encoder: String,
    /// One for each language trained.
    pub languages: Vec<LanguageReport>,
}

/// The quality in one language.
#[derive(Clone, Debug, Serialize)]
pub struct LanguageReport {
    /// The language.
    pub lang: Lang,
    /// Examples trained on.
    pub examples: usize,
    /// The share right when each fold is classified by a head trained on the other folds, 0 to 1.
    pub cross_validated: f64,
    /// The share right on the examples that are never trained on, 0 to 1.
    pub held_out: Option<f64>,
    /// The same for each set of them.
    pub held_out_sets: Vec<HeldOut>,
    /// How true the confidence is in cross-validation.
    pub calibration: Calibration,
    /// How true it is on the examples that are never trained on.
    pub held_out_calibration: Option<Calibration>,
    /// Divisor of the raw scores that makes the confidence true.
    pub temperature: f32,
    /// One for each label, in the order of the label set.
    pub labels: Vec<LabelReport>,
    /// What is most often taken for what in cross-validation, worst first.
    pub confusions: Vec<Confusion>,
    /// Held-out examples taken for something else.
    pub held_out_mistakes: Vec<Mistake>,
    /// Cross-validated examples taken for something else.
    pub mistakes: Vec<Mistake>,
}

/// The quality on one set that is never trained on.
#[derive(Clone, Debug, Serialize)]
pub struct HeldOut {
    /// Its file.
    pub file: String,
    /// Its examples.
    pub examples: usize,
    /// The share right, 0 to 1.
    pub right: f64,
}

/// The quality for one label, by cross-validation.
#[derive(Clone, Debug, Serialize)]
pub struct LabelReport {
    /// The label.
    pub intent: Intent,
    /// Examples trained on.
    pub examples: usize,
    /// Of its examples, the share found, 0 to 1.
    pub recall: f64,
    /// Of what was taken for it, the share right, 0 to 1.
    pub precision: f64,
    /// Recall on the held-out examples, if it has any.
    pub held_out_recall: Option<f64>,
}

/// One kind of mistake.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Confusion {
    /// What was meant.
    pub meant: Intent,
    /// What it was taken for.
    pub taken_for: Intent,
    /// How often.
    pub count: usize,
}

/// One example that was taken for something else.
#[derive(Clone, Debug, Serialize)]
pub struct Mistake {
    /// `FILE:LINE` of the example.
    pub place: String,
    /// Its text.
    pub text: String,
    /// What was meant.
    pub meant: Intent,
    /// What it was taken for.
    pub taken_for: Intent,
    /// The confidence of the mistake, 0 to 1.
    pub confidence: f32,
}

/// How many confusions a printed report shows.
const SHOWN: usize = 8;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "encoder {}", self.encoder)?;
        for l in &self.languages {
            write!(
                f,
                "{}: {} examples, cross-validated {:.1} %",
                l.lang,
                l.examples,
                l.cross_validated * 100.0
            )?;
            match l.held_out {
                Some(share) => writeln!(f, ", held out {:.1} %", share * 100.0)?,
                None => writeln!(f)?,
            }
            for h in &l.held_out_sets {
                writeln!(f, "  {}: {} examples, {:.1} % right", h.file, h.examples, h.right * 100.0)?;
            }
            let sets = std::iter::once(("cross-validated", &l.calibration))
                .chain(l.held_out_calibration.as_ref().map(|c| ("held out", c)));
            for (name, c) in sets {
                let (before, after) = (c.ece_before * 100.0, c.ece_after * 100.0);
                writeln!(
                    f,
                    "  confidence, {name}: error {before:.1} % before, {after:.1} % after {:.2}",
                    l.temperature
                )?;
                for b in &c.bins {
                    let (said, right) = (b.confidence * 100.0, b.right * 100.0);
                    writeln!(f, "    {:4} answers said {said:.0} %, were {right:.0} % right", b.examples)?;
                }
            }
            for c in l.confusions.iter().take(SHOWN) {
                writeln!(f, "  {:3} × {} taken for {}", c.count, c.meant, c.taken_for)?;
            }
        }
        Ok(())
    }
}

/// Answers on unseen examples, gathered.
pub(crate) struct Tally {
    counts: Vec<usize>,
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

impl Tally {
    pub fn new() -> Self {
        Self { counts: vec![0; Intent::ALL.len() * Intent::ALL.len()] }
    }

    /// Adds the answers of another.
    pub fn join(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
    }

    /// Counts one answer, by the intents' places in `Intent::ALL`.
    pub fn add(&mut self, meant: usize, taken_for: usize) {
        self.counts[meant * Intent::ALL.len() + taken_for] += 1;
    }

    fn count(&self, meant: usize, taken_for: usize) -> usize {
        self.counts[meant * Intent::ALL.len() + taken_for]
    }

    pub fn accuracy(&self) -> f64 {
        let right: usize = (0..Intent::ALL.len()).map(|i| self.count(i, i)).sum();
        share(right, self.counts.iter().sum())
    }

    pub fn examples(&self, i: usize) -> usize {
        (0..Intent::ALL.len()).map(|j| self.count(i, j)).sum()
    }

    pub fn recall(&self, i: usize) -> f64 {
        share(self.count(i, i), self.examples(i))
    }

    pub fn precision(&self, i: usize) -> f64 {
        share(self.count(i, i), (0..Intent::ALL.len()).map(|j| self.count(j, i)).sum())
    }

    /// The mistakes by kind, most frequent first.
    pub fn confusions(&self) -> Vec<Confusion> {
        let mut out = Vec::new();
        for (i, meant) in Intent::ALL.iter().enumerate() {
            for (j, taken_for) in Intent::ALL.iter().enumerate() {
                let count = self.count(i, j);
                if i != j && count > 0 {
                    out.push(Confusion { meant: *meant, taken_for: *taken_for, count });
                }
            }
        }
        out.sort_by_key(|c| std::cmp::Reverse(c.count));
        out
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_confusions_are_counted_from_the_answers() {
        let mut t = Tally::new();
        for (meant, taken_for) in [(0, 0), (0, 0), (0, 1), (0, 1), (1, 1), (2, 0)] {
            t.add(meant, taken_for);
        }
        assert!((t.accuracy() - 0.5).abs() < 1e-9);
        assert!((t.recall(0) - 0.5).abs() < 1e-9);
        assert!((t.precision(1) - 1.0 / 3.0).abs() < 1e-9);
        let c = t.confusions();
        assert_eq!((c[0].meant, c[0].taken_for, c[0].count), (Intent::ALL[0], Intent::ALL[1], 2));
        assert_eq!(c.len(), 2);
    }
}
