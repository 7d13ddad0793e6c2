//! How good chances are, held against what happened.

use serde::{Deserialize, Serialize};

/// How a part of a model did on later examples that it had not seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// Examples.
    pub examples: u32,
    /// Of these, those in which it happened.
    pub happened: u32,
    /// How likely one in which it happened has the higher chance of two (area under the curve); 0.5 is a guess.
    pub auc: f64,
    /// Its standard error (Hanley and McNeil 1982).
    pub auc_error: f64,
    /// How much oftener it happened among the tenth with the highest chances than among all.
    pub lift_10: f64,
    /// The same of the fifth.
    pub lift_20: f64,
    /// The mean of the negative logarithm of the chance that was given to what came.
    pub log_loss: f64,
    /// The same of whoever knows the share of the earlier examples alone.
    pub log_loss_base: f64,
    /// How far the chances are from the shares, over tenths of the examples by their chance.
    pub calibration_error: f64,
}

impl Judgement {
    /// Judges chances, with whether it happened; `base` is the share among the earlier examples.
    pub(super) fn of(chances: &[(f64, bool)], base: f64) -> Self {
        let n = chances.len() as f64;
        let hits = chances.iter().filter(|(_, yes)| *yes).count() as f64;
        if hits == 0.0 || hits >= n {
            return Self { auc: 0.5, auc_error: 0.5, ..Self::default() };
        }
        let mut sorted = chances.to_vec();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let loss = |p: f64, yes: bool| -(if yes { p } else { 1.0 - p }).clamp(1e-9, 1.0).ln();
        let mean = |of: &dyn Fn(&(f64, bool)) -> f64| sorted.iter().map(of).sum::<f64>() / n;
        let lift = |share: f64| {
            let top = ((n * share).ceil() as usize).max(1);
            let of = sorted.iter().take(top).filter(|(_, yes)| *yes).count() as f64 / top as f64;
            of / (hits / n)
        };
        let auc = auc(&sorted, hits, n - hits);
        let (q1, q2) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
        let spread =
            auc * (1.0 - auc) + (hits - 1.0) * (q1 - auc * auc) + (n - hits - 1.0) * (q2 - auc * auc);
        let tenth = (sorted.len() / 10).max(1);
        let off = |part: &[(f64, bool)]| {
            let size = part.len() as f64;
            let told = part.iter().map(|(p, _)| p).sum::<f64>() / size;
            let came = part.iter().filter(|(_, yes)| *yes).count() as f64 / size;
            (told - came).abs() * size
        };
        Self {
            examples: u32::try_from(chances.len()).unwrap_or(u32::MAX),
            happened: hits as u32,
            auc,
            auc_error: (spread.max(0.0) / (hits * (n - hits))).sqrt(),
            lift_10: lift(0.1),
            lift_20: lift(0.2),
            log_loss: mean(&|(p, yes)| loss(*p, *yes)),
            log_loss_base: mean(&|(_, yes)| loss(base, *yes)),
            calibration_error: sorted.chunks(tenth).map(off).sum::<f64>() / n,
        }
    }

    /// Whether it is better than a guess by more than luck, and better than the share alone.
    pub fn is_of_use(&self) -> bool {
        self.auc - 3.0 * self.auc_error > 0.5 && self.log_loss < self.log_loss_base
    }
}

/// The area under the curve of chances that fall; equal ones count half.
fn auc(sorted: &[(f64, bool)], hits: f64, misses: f64) -> f64 {
    let (mut above, mut area) = (0.0, 0.0);
    for same in sorted.chunk_by(|a, b| a.0 == b.0) {
        let yes = same.iter().filter(|(_, yes)| *yes).count() as f64;
        let no = same.len() as f64 - yes;
        area += no * (above + yes / 2.0);
        above += yes;
    }
    area / (hits * misses)
}

/// The share of what happened that is among the first so many, by chance: a point each hundredth.
pub(super) fn gains(chances: &[(f64, bool)]) -> Vec<f64> {
    let mut sorted = chances.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let hits = sorted.iter().filter(|(_, yes)| *yes).count().max(1) as f64;
    let first = |share: f64| (share * sorted.len() as f64).round() as usize;
    (0..=100)
        .map(|n| {
            sorted.iter().take(first(f64::from(n) / 100.0)).filter(|(_, yes)| *yes).count() as f64 / hits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_small_sets_by_hand() {
        let set = [(0.9, true), (0.8, true), (0.7, false), (0.6, true), (0.2, false), (0.1, false)];
        let judged = Judgement::of(&set, 0.5);
        assert!((judged.auc - 8.0 / 9.0).abs() < 1e-9);
        assert!((judged.lift_10 - 2.0).abs() < 1e-9 && (judged.lift_20 - 2.0).abs() < 1e-9);
        assert!((judged.log_loss_base - std::f64::consts::LN_2).abs() < 1e-9);
        assert!(judged.log_loss < judged.log_loss_base && !judged.is_of_use(), "six are too few");
        assert_eq!(auc(&[(0.5, true), (0.5, false)], 1.0, 1.0), 0.5);
        assert_eq!(Judgement::of(&[(0.5, true)], 0.5).auc, 0.5);
        assert_eq!(gains(&set)[50], 2.0 / 3.0);
    }
}
