//! Logistic regression with a penalty on the squares of the weights, by Newton's method, on standardized features.

use serde::{Deserialize, Serialize};

/// What one feature weighs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// The feature's name.
    pub name: String,
    /// What is taken from its value.
    pub mean: f64,
    /// By what the rest is divided.
    pub deviation: f64,
    /// What it then weighs, on the scale of log odds.
    pub weight: f64,
}

/// A chance by features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    /// The log odds where all features are at their mean.
    pub bias: f64,
    /// What each weighs, by name.
    pub weights: Vec<Weight>,
    /// The log odds are stretched by the first and moved by the second, as later examples have taught (Platt 1999).
    pub calibration: (f64, f64),
}

/// The penalty: as if this many examples spoke for a weight of nothing, on standardized features.
const PENALTY: f64 = 10.0;
/// Newton's method doubles the right digits at each step: more are never needed.
const MOST_STEPS: usize = 25;

/// The chance of log odds.
pub(super) fn chance(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

impl Logistic {
    /// Learns from rows of features by `names`, each with whether it happened. None where it always did or never, or
    /// there are no rows.
    pub(super) fn fit(names: &[String], rows: &[Vec<f64>], happened: &[bool]) -> Option<Self> {
        let n = rows.len() as f64;
        let hits = happened.iter().filter(|yes| **yes).count();
        if hits == 0 || hits == happened.len() {
            return None;
        }
        let columns = names.len();
        let mean: Vec<f64> = (0..columns).map(|c| rows.iter().map(|row| row[c]).sum::<f64>() / n).collect();
        let spread = |c: usize| (rows.iter().map(|row| (row[c] - mean[c]).powi(2)).sum::<f64>() / n).sqrt();
        // What never changes tells nothing, and is divided by something.
        let deviation: Vec<f64> =
            (0..columns).map(|c| Some(spread(c)).filter(|s| *s > 1e-9).unwrap_or(1.0)).collect();
        let standard: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| {
                let scaled = row.iter().enumerate().map(|(c, x)| (x - mean[c]) / deviation[c]);
                std::iter::once(1.0).chain(scaled).collect()
            })
            .collect();
        let weights = newton(&standard, happened, PENALTY)?;
        let named = names.iter().enumerate().map(|(c, name)| Weight {
            name: name.clone(),
            mean: mean[c],
            deviation: deviation[c],
            weight: weights[c + 1],
        });
        Some(Self { bias: weights[0], weights: named.collect(), calibration: (1.0, 0.0) })
    }

    /// The log odds before calibration, of the features that `value` gives by name.
    pub(super) fn raw(&self, value: impl Fn(&str) -> f64) -> f64 {
        let weigh = |w: &Weight| w.weight * (value(&w.name) - w.mean) / w.deviation;
        self.bias + self.weights.iter().map(weigh).sum::<f64>()
    }

    /// The same of a row whose columns are in the order of the weights.
    pub(super) fn raw_row(&self, row: &[f64]) -> f64 {
        let weigh = |(w, x): (&Weight, &f64)| w.weight * (x - w.mean) / w.deviation;
        self.bias + self.weights.iter().zip(row).map(weigh).sum::<f64>()
    }

    /// The chance of raw log odds.
    pub(super) fn calibrated(&self, raw: f64) -> f64 {
        chance(self.calibration.0 * raw + self.calibration.1)
    }

    /// Learns the calibration from examples that the weights do not know.
    pub(super) fn calibrate(&mut self, rows: &[Vec<f64>], happened: &[bool]) {
        let raw: Vec<Vec<f64>> = rows.iter().map(|row| vec![1.0, self.raw_row(row)]).collect();
        // Towards no change, where there is little to learn from.
        if let Some(fitted) = newton(&raw, happened, 1.0)
            && fitted[1] > 0.0
        {
            self.calibration = (fitted[1], fitted[0]);
        }
    }
}

/// The weights that make `happened` likeliest; the first column is the bias and bears no penalty.
fn newton(rows: &[Vec<f64>], happened: &[bool], penalty: f64) -> Option<Vec<f64>> {
    let columns = rows.first()?.len();
    let mut weights = vec![0.0; columns];
    for _ in 0..MOST_STEPS {
        let mut gradient = vec![0.0; columns];
        let mut curve = vec![0.0; columns * columns];
        for (row, yes) in rows.iter().zip(happened) {
            let p = chance(row.iter().zip(&weights).map(|(x, w)| x * w).sum());
            let (miss, bend) = (f64::from(u8::from(*yes)) - p, (p * (1.0 - p)).max(1e-9));
            for i in 0..columns {
                gradient[i] += miss * row[i];
                let xi = bend * row[i];
                for j in 0..=i {
                    curve[i * columns + j] += xi * row[j];
                }
            }
        }
        for i in 1..columns {
            gradient[i] -= penalty * weights[i];
            curve[i * columns + i] += penalty;
        }
        let step = solve(&mut curve, &gradient)?;
        weights.iter_mut().zip(&step).for_each(|(w, s)| *w += s.clamp(-4.0, 4.0));
        if step.iter().all(|s| s.abs() < 1e-6) {
            break;
        }
    }
    weights.iter().all(|w| w.is_finite()).then_some(weights)
}

/// Solves for a symmetric matrix of which the lower half is given (Cholesky); none where it is not positive.
fn solve(matrix: &mut [f64], right: &[f64]) -> Option<Vec<f64>> {
    let n = right.len();
    for j in 0..n {
        for i in j..n {
            let before: f64 = (0..j).map(|k| matrix[i * n + k] * matrix[j * n + k]).sum();
            let rest = matrix[i * n + j] - before;
            if i == j {
                if rest <= 1e-12 {
                    return None;
                }
                matrix[j * n + j] = rest.sqrt();
            } else {
                matrix[i * n + j] = rest / matrix[j * n + j];
            }
        }
    }
    let mut x = right.to_vec();
    for i in 0..n {
        let before: f64 = (0..i).map(|k| matrix[i * n + k] * x[k]).sum();
        x[i] = (x[i] - before) / matrix[i * n + i];
    }
    for i in (0..n).rev() {
        let after: f64 = (i + 1..n).map(|k| matrix[k * n + i] * x[k]).sum();
        x[i] = (x[i] - after) / matrix[i * n + i];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_were_put_in_are_found_and_calibration_stretches() {
        let mut random = waihu_types::SplitMix64::new(3);
        let mut unit = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let rows: Vec<Vec<f64>> = (0..20_000).map(|_| vec![10.0 * unit(), unit(), 5.0]).collect();
        let happened: Vec<bool> =
            rows.iter().map(|r| unit() < chance(-2.0 + 0.4 * r[0] - 1.0 * r[1])).collect();
        let names = ["a", "b", "same"].map(str::to_owned);
        let mut fitted = Logistic::fit(&names, &rows, &happened).unwrap();
        let each: Vec<f64> = fitted.weights.iter().map(|w| w.weight / w.deviation).collect();
        assert!(
            (each[0] - 0.4).abs() < 0.02 && (each[1] + 1.0).abs() < 0.12 && each[2].abs() < 1e-6,
            "{each:?}"
        );
        fitted.weights.iter_mut().for_each(|w| w.weight *= 2.0);
        fitted.calibrate(&rows, &happened);
        assert!((fitted.calibration.0 - 0.5).abs() < 0.05, "{:?}", fitted.calibration);
        assert!(Logistic::fit(&names, &rows, &vec![true; rows.len()]).is_none());
    }

    #[test]
    fn a_system_is_solved_or_refused() {
        let mut matrix = vec![4.0, 0.0, 2.0, 3.0];
        assert_eq!(
            solve(&mut matrix, &[10.0, 8.0]).unwrap().iter().map(|x| x.round()).collect::<Vec<_>>(),
            [2.0, 1.0]
        );
        assert!(solve(&mut [1.0, 0.0, 1.0, 1.0], &[1.0, 1.0]).is_none());
    }
}
