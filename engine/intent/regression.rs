//! Multinomial logistic regression with L2, fitted by L-BFGS (Nocedal and Wright, "Numerical
//! Optimization", algorithm 7.4 and 7.5) on the whole data at once: no learning rate to tune, no
//! order of examples, the same weights on every run.
//!
//! Absent: other losses, mini-batches, sparse regularization.

use candle_core::{Device, Tensor};

use crate::IntentError;

/// Pairs of steps and gradients that approximate the curvature.
const HISTORY: usize = 10;
/// Halvings of one step before the fit is called finished.
const MAX_HALVINGS: usize = 20;
/// Armijo's constant: the part of the promised descent that a step must bring.
const SUFFICIENT: f64 = 1e-4;
/// The fit has converged when the gradient is this small beside the first one.
const GRADIENT_RATIO: f64 = 1e-3;

/// One example: a dense part, the buckets of a sparse part that are on, a class and a weight.
pub(crate) struct Row<'a> {
    pub dense: &'a [f32],
    pub sparse: &'a [u32],
    pub class: usize,
    pub weight: f32,
}

/// Sizes of the model. The weights are `(dense + sparse + 1) * classes` numbers, one row of
/// classes for each feature, the last row being the bias.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub dense: usize,
    pub sparse: usize,
    pub classes: usize,
}

impl Shape {
    pub fn weights(self) -> usize {
        (self.dense + self.sparse + 1) * self.classes
    }

    /// Raw scores of one example. A sparse bucket that is on counts `1 / sqrt(number on)`, so
    /// that long texts do not outweigh short ones.
    pub fn logits(self, weights: &[f32], dense: &[f32], sparse: &[u32]) -> Vec<f32> {
        let k = self.classes;
        let mut out = weights[(self.dense + self.sparse) * k..].to_vec();
        for (row, x) in weights.chunks_exact(k).zip(dense) {
            out.iter_mut().zip(row).for_each(|(o, w)| *o += w * x);
        }
        let x = sparse_value(sparse);
        for bucket in sparse {
            let row = (self.dense + *bucket as usize) * k;
            out.iter_mut().zip(&weights[row..row + k]).for_each(|(o, w)| *o += w * x);
        }
        out
    }
}

fn sparse_value(sparse: &[u32]) -> f32 {
    1.0 / (sparse.len().max(1) as f32).sqrt()
}

/// How strongly and how long to fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fit {
    /// L2 on every weight but the bias, beside the mean loss.
    pub l2_dense: f64,
    pub l2_sparse: f64,
    pub max_iterations: usize,
}

/// Fits the weights to the rows.
pub(crate) fn fit(shape: Shape, rows: &[Row], options: Fit) -> Result<Vec<f32>, IntentError> {
    let problem = Problem::new(shape, rows, options)?;
    let mut weights = vec![0f32; shape.weights()];
    let (mut loss, mut gradient) = problem.loss(&weights)?;
    let enough = norm(&gradient) * GRADIENT_RATIO;
    let mut history: Vec<(Vec<f32>, Vec<f32>, f64)> = Vec::new();
    for _ in 0..options.max_iterations {
        if norm(&gradient) <= enough {
            break;
        }
        let mut direction = direction(&gradient, &history);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            history.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = dot(&direction, &gradient);
        }
        let Some((step, next_loss, next_gradient)) = problem.search(&weights, &direction, loss, slope)?
        else {
            break;
        };
        let moved: Vec<f32> = direction.iter().map(|d| d * step).collect();
        let bent: Vec<f32> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        weights.iter_mut().zip(&moved).for_each(|(w, m)| *w += m);
        let curvature = dot(&moved, &bent);
        if curvature > 1e-12 {
            if history.len() == HISTORY {
                history.remove(0);
            }
            history.push((moved, bent, curvature));
        }
        (loss, gradient) = (next_loss, next_gradient);
    }
    Ok(weights)
}

/// The two-loop recursion: the gradient times the approximate inverse curvature, negated.
fn direction(gradient: &[f32], history: &[(Vec<f32>, Vec<f32>, f64)]) -> Vec<f32> {
    let mut q: Vec<f32> = gradient.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(history.len());
    for (moved, bent, curvature) in history.iter().rev() {
        let alpha = dot(moved, &q) / curvature;
        q.iter_mut().zip(bent).for_each(|(q, b)| *q -= alpha as f32 * b);
        alphas.push(alpha);
    }
    if let Some((_, bent, curvature)) = history.last() {
        let scale = (curvature / dot(bent, bent)) as f32;
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((moved, bent, curvature), alpha) in history.iter().zip(alphas.iter().rev()) {
        let beta = dot(bent, &q) / curvature;
        q.iter_mut().zip(moved).for_each(|(q, m)| *q += (alpha - beta) as f32 * m);
    }
    q
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    // Sixteen running sums, so that the compiler may use the machine's vectors.
    let mut sums = [0f64; 16];
    let (a16, b16) = (a.chunks_exact(16), b.chunks_exact(16));
    let tail: f64 = a16.remainder().iter().zip(b16.remainder()).map(|(x, y)| f64::from(x * y)).sum();
    for (x, y) in a16.zip(b16) {
        for i in 0..16 {
            sums[i] += f64::from(x[i] * y[i]);
        }
    }
    sums.iter().sum::<f64>() + tail
}

fn norm(a: &[f32]) -> f64 {
    dot(a, a).sqrt()
}

struct Problem<'a> {
    shape: Shape,
    rows: &'a [Row<'a>],
    options: Fit,
    /// [rows, dense] and its transpose.
    dense: Tensor,
    dense_t: Tensor,
    total: f64,
}

impl<'a> Problem<'a> {
    fn new(shape: Shape, rows: &'a [Row<'a>], options: Fit) -> Result<Self, IntentError> {
        let flat: Vec<f32> = rows.iter().flat_map(|r| r.dense.iter().copied()).collect();
        let dense = Tensor::from_vec(flat, (rows.len(), shape.dense), &Device::Cpu)?;
        let dense_t = dense.t()?.contiguous()?;
        let total = rows.iter().map(|r| f64::from(r.weight)).sum();
        Ok(Self { shape, rows, options, dense, dense_t, total })
    }

    /// Halves the step until it brings enough; none when no step does.
    fn search(
        &self,
        weights: &[f32],
        direction: &[f32],
        loss: f64,
        slope: f64,
    ) -> Result<Option<(f32, f64, Vec<f32>)>, IntentError> {
        let mut step = 1f32;
        for _ in 0..MAX_HALVINGS {
            let at: Vec<f32> = weights.iter().zip(direction).map(|(w, d)| w + step * d).collect();
            let (next, gradient) = self.loss(&at)?;
            if next <= loss + SUFFICIENT * f64::from(step) * slope {
                return Ok(Some((step, next, gradient)));
            }
            step *= 0.5;
        }
        Ok(None)
    }

    /// Mean weighted cross-entropy plus L2, and its gradient.
    fn loss(&self, weights: &[f32]) -> Result<(f64, Vec<f32>), IntentError> {
        let Shape { dense, sparse, classes } = self.shape;
        let cut = dense * classes;
        let bias = (dense + sparse) * classes;
        let dense_weights = Tensor::from_slice(&weights[..cut], (dense, classes), &Device::Cpu)?;
        let mut residual: Vec<f32> = self.dense.matmul(&dense_weights)?.flatten_all()?.to_vec1()?;
        let mut gradient = vec![0f32; weights.len()];
        let mut loss = 0.0;
        for (row, z) in self.rows.iter().zip(residual.chunks_exact_mut(classes)) {
            let x = sparse_value(row.sparse);
            z.iter_mut().zip(&weights[bias..]).for_each(|(z, w)| *z += w);
            for bucket in row.sparse {
                let at = (dense + *bucket as usize) * classes;
                z.iter_mut().zip(&weights[at..at + classes]).for_each(|(z, w)| *z += w * x);
            }
            let share = row.weight / self.total as f32;
            loss += f64::from(share) * softmax_loss(z, row.class);
            z.iter_mut().for_each(|p| *p *= share);
            gradient[bias..].iter_mut().zip(&*z).for_each(|(g, p)| *g += p);
            for bucket in row.sparse {
                let at = (dense + *bucket as usize) * classes;
                gradient[at..at + classes].iter_mut().zip(&*z).for_each(|(g, p)| *g += p * x);
            }
        }
        let residual = Tensor::from_vec(residual, (self.rows.len(), classes), &Device::Cpu)?;
        let dense_gradient: Vec<f32> = self.dense_t.matmul(&residual)?.flatten_all()?.to_vec1()?;
        gradient[..cut].copy_from_slice(&dense_gradient);
        for (range, l2) in [(0..cut, self.options.l2_dense), (cut..bias, self.options.l2_sparse)] {
            let w = &weights[range.clone()];
            loss += 0.5 * l2 * dot(w, w);
            gradient[range].iter_mut().zip(w).for_each(|(g, w)| *g += l2 as f32 * w);
        }
        Ok((loss, gradient))
    }
}

/// Turns raw scores into `probability - truth` and gives the loss.
fn softmax_loss(z: &mut [f32], class: usize) -> f64 {
    softmax(z, 1.0);
    let loss = -f64::from(z[class].max(f32::MIN_POSITIVE)).ln();
    z[class] -= 1.0;
    loss
}

/// Turns raw scores into probabilities, after dividing them by a temperature.
pub(crate) fn softmax(z: &mut [f32], temperature: f32) {
    let top = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    z.iter_mut().for_each(|z| *z = ((*z - top) / temperature).exp());
    let sum: f32 = z.iter().sum();
    z.iter_mut().for_each(|z| *z /= sum);
}

/// The temperature at which the probabilities of held-back examples fit best (Guo et al. 2017):
/// golden-section search on the log of it, over 0.1 to 10.
pub(crate) fn temperature(logits: &[(Vec<f32>, usize)]) -> f32 {
    let loss = |log_t: f32| -> f64 {
        logits
            .iter()
            .map(|(z, class)| {
                let mut p = z.clone();
                softmax(&mut p, log_t.exp());
                -f64::from(p[*class].max(f32::MIN_POSITIVE)).ln()
            })
            .sum()
    };
    let golden = 0.618_034f32;
    let (mut low, mut high) = (0.1f32.ln(), 10f32.ln());
    for _ in 0..30 {
        let (a, b) = (high - golden * (high - low), low + golden * (high - low));
        if loss(a) < loss(b) {
            high = b;
        } else {
            low = a;
        }
    }
    ((low + high) / 2.0).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { dense: 2, sparse: 4, classes: 3 };
    const FIT: Fit = Fit { l2_dense: 1e-4, l2_sparse: 1e-4, max_iterations: 100 };

    fn rows() -> Vec<Row<'static>> {
        vec![
            Row { dense: &[1.0, 0.0], sparse: &[0], class: 0, weight: 1.0 },
            Row { dense: &[0.9, 0.1], sparse: &[0, 3], class: 0, weight: 1.0 },
            Row { dense: &[0.0, 1.0], sparse: &[1], class: 1, weight: 1.0 },
            Row { dense: &[0.1, 0.9], sparse: &[1, 3], class: 1, weight: 1.0 },
            // Only the sparse part tells class 2 from class 1.
            Row { dense: &[0.0, 1.0], sparse: &[2], class: 2, weight: 1.0 },
        ]
    }

    fn best(z: &[f32]) -> usize {
        (0..z.len()).max_by(|a, b| z[*a].total_cmp(&z[*b])).unwrap()
    }

    #[test]
    fn the_fit_separates_what_can_be_separated() {
        let rows = rows();
        let w = fit(SHAPE, &rows, FIT).unwrap();
        for row in &rows {
            assert_eq!(best(&SHAPE.logits(&w, row.dense, row.sparse)), row.class);
        }
        assert_eq!(w, fit(SHAPE, &rows, FIT).unwrap());
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let rows = rows();
        let problem = Problem::new(SHAPE, &rows, FIT).unwrap();
        let at: Vec<f32> = (0..SHAPE.weights()).map(|i| (i as f32 * 0.7).sin()).collect();
        let (_, gradient) = problem.loss(&at).unwrap();
        for i in 0..at.len() {
            let (mut up, mut down) = (at.clone(), at.clone());
            up[i] += 1e-2;
            down[i] -= 1e-2;
            let slope = (problem.loss(&up).unwrap().0 - problem.loss(&down).unwrap().0) / 2e-2;
            assert!((slope - f64::from(gradient[i])).abs() < 1e-3, "weight {i}");
        }
    }

    #[test]
    fn overconfident_scores_are_cooled() {
        let sure_and_half_wrong = [(vec![8.0, 0.0], 0), (vec![8.0, 0.0], 1), (vec![8.0, 0.0], 0)];
        assert!(temperature(&sure_and_half_wrong) > 5.0);
        let unsure_and_right = [(vec![0.5, 0.0], 0), (vec![0.0, 0.5], 1)];
        assert!(temperature(&unsure_and_right) < 0.5);
    }
}
