//! Counts made into figures: confusion, calibration, percentiles, and how far a share may be trusted.

use serde::Serialize;

/// What was taken for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// The labels, in the order of rows and columns.
    pub labels: Vec<String>,
    /// A row for each label meant, with how often each label was taken for it.
    pub counts: Vec<Vec<usize>>,
}

/// One kind of mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistaken {
    /// What was meant.
    pub meant: String,
    /// What it was taken for.
    pub taken_for: String,
    /// How often.
    pub count: usize,
}

/// How well one label does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelScore {
    /// The label.
    pub label: String,
    /// How often it was meant.
    pub meant: usize,
    /// Of these, the share found, 0 to 1; none where it was never meant.
    pub recall: Option<f64>,
    /// Of what was taken for it, the share right, 0 to 1; none where nothing was.
    pub precision: Option<f64>,
}

impl Confusion {
    /// An empty one over these labels.
    pub fn new<S: Into<String>>(labels: impl IntoIterator<Item = S>) -> Self {
        let labels: Vec<String> = labels.into_iter().map(Into::into).collect();
        let counts = vec![vec![0; labels.len()]; labels.len()];
        Self { labels, counts }
    }

    /// Counts one answer. A label that is not there yet gets its row and column.
    pub fn add(&mut self, meant: &str, taken_for: &str) {
        let (row, column) = (self.place(meant), self.place(taken_for));
        self.counts[row][column] += 1;
    }

    fn place(&mut self, label: &str) -> usize {
        if let Some(at) = self.labels.iter().position(|l| l == label) {
            return at;
        }
        self.labels.push(label.to_owned());
        self.counts.iter_mut().for_each(|row| row.push(0));
        self.counts.push(vec![0; self.labels.len()]);
        self.labels.len() - 1
    }

    /// All answers.
    pub fn total(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// The right ones.
    pub fn right(&self) -> usize {
        (0..self.labels.len()).map(|i| self.counts[i][i]).sum()
    }

    /// Each label's recall and precision, in the order of the labels.
    pub fn by_label(&self) -> Vec<LabelScore> {
        let labels = self.labels.iter().enumerate();
        labels
            .map(|(i, label)| {
                let (meant, right) = (self.counts[i].iter().sum(), self.counts[i][i]);
                let taken: usize = self.counts.iter().map(|row| row[i]).sum();
                LabelScore {
                    label: label.clone(),
                    meant,
                    recall: share(right, meant),
                    precision: share(right, taken),
                }
            })
            .collect()
    }

    /// The mistakes by kind, the most frequent first.
    pub fn mistakes(&self) -> Vec<Mistaken> {
        let mut out = Vec::new();
        for (i, row) in self.counts.iter().enumerate() {
            for (j, count) in row.iter().enumerate().filter(|(j, count)| *j != i && **count > 0) {
                let (meant, taken_for) = (self.labels[i].clone(), self.labels[j].clone());
                out.push(Mistaken { meant, taken_for, count: *count });
            }
        }
        out.sort_by_key(|m| std::cmp::Reverse(m.count));
        out
    }
}

/// A part of a whole, 0 to 1; none of nothing.
pub fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Between which bounds the true share lies with 95 % certainty, when `part` of `whole` were counted
/// (Wilson, 1927).
pub fn bounds(part: usize, whole: usize) -> (f64, f64) {
    const Z: f64 = 1.96;
    let Some(p) = share(part, whole) else { return (0.0, 1.0) };
    let n = whole as f64;
    let middle = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0))
}

/// The value that `percent` of all are not above (nearest rank); none of nothing. What is no number is left
/// out.
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// How many bins a reliability plot has.
const BINS: usize = 10;

/// Whether a confidence means what it says: answers in ten bins by their confidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// The bins, from 0 to 1.
    pub bins: Vec<Bin>,
    /// The mean distance between confidence and share right over all answers (ECE: Naeini, Cooper and
    /// Hauskrecht, 2015).
    pub ece: f64,
}

/// Answers of about the same confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// How many.
    pub count: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// The share of them that is right.
    pub right: f64,
}

/// Bins answers: each its confidence, 0 to 1, and whether it was right.
pub fn calibration(answers: &[(f32, bool)]) -> Calibration {
    let mut bins = vec![Bin::default(); BINS];
    for (confidence, right) in answers {
        let confidence = f64::from(*confidence).clamp(0.0, 1.0);
        let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
        bin.count += 1;
        bin.confidence += confidence;
        bin.right += f64::from(u8::from(*right));
    }
    let mut ece = 0.0;
    for bin in bins.iter_mut().filter(|b| b.count > 0) {
        bin.confidence /= bin.count as f64;
        bin.right /= bin.count as f64;
        ece += bin.count as f64 / answers.len() as f64 * (bin.confidence - bin.right).abs();
    }
    Calibration { bins, ece }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confusion_counts_its_rows_and_columns() {
        let mut c = Confusion::new(["human", "voicemail"]);
        for (meant, taken) in
            [("human", "human"), ("human", "human"), ("voicemail", "human"), ("fax", "voicemail")]
        {
            c.add(meant, taken);
        }
        assert_eq!((c.right(), c.total()), (2, 4));
        let scores = c.by_label();
        assert_eq!((scores[0].recall, scores[0].precision), (Some(1.0), Some(2.0 / 3.0)));
        assert_eq!(
            (scores[2].label.as_str(), scores[2].recall, scores[2].precision),
            ("fax", Some(0.0), None)
        );
        assert_eq!(c.mistakes().len(), 2);
    }

    #[test]
    fn a_confidence_that_is_true_has_no_error_and_a_boast_has() {
        let honest: Vec<(f32, bool)> = (0..100).map(|n| (0.75, n % 4 != 0)).collect();
        assert!(calibration(&honest).ece < 1e-6);
        let boast: Vec<(f32, bool)> = (0..100).map(|n| (0.95, n % 2 == 0)).collect();
        assert!((calibration(&boast).ece - 0.45).abs() < 1e-6);
        let odd = calibration(&[(f32::NAN, true), (7.0, true), (-1.0, false)]);
        assert_eq!(odd.bins[9].count, 1);
        assert_eq!(calibration(&[]).ece, 0.0);
    }

    #[test]
    fn percentiles_are_values_that_were_there() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 50.0), Some(50.0));
        assert_eq!(percentile(&values, 95.0), Some(95.0));
        assert_eq!(percentile(&[3.0], 95.0), Some(3.0));
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(percentile(&[f64::NAN, 1.0, 2.0], 100.0), Some(2.0));
    }

    #[test]
    fn the_bounds_of_a_share_are_wide_for_few_and_hold_it() {
        let (low, high) = bounds(97, 100);
        assert!((0.914..0.917).contains(&low) && (0.989..0.991).contains(&high), "{low} {high}");
        let (low, high) = bounds(0, 10);
        assert!(low == 0.0 && (0.27..0.29).contains(&high), "{high}");
        assert_eq!(bounds(0, 0), (0.0, 1.0));
    }
}
