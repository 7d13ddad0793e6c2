//! The network: convolutions over time, the mean and the greatest of what they find, one layer of classes.
//!
//! Seven layers of 64 and 80 channels see 0.8 s each at 40 ms steps: 133 thousand weights. Weights are one byte
//! each in the file, with one scale for each output, and f32 in memory: at this size the products are a few
//! million, and f32 costs no accuracy. Absent: training, which is in `examples/train.rs`.

use crate::{
    error::SpotterError,
    front::{BANDS, Features},
    gemm::{COLUMNS, Left, add_product},
};

/// Whether a layer's input is added to its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// It is.
    Add,
    /// It is not: the shapes differ.
    No,
}

/// One convolution over time, then a ramp (ReLU).
#[derive(Clone, Copy, Debug)]
pub struct Layer {
    /// Channels in.
    pub input: usize,
    /// Channels out, a multiple of 16.
    pub output: usize,
    /// Frames that one output sees.
    pub taps: usize,
    /// Frames between these.
    pub dilation: usize,
    /// Input frames for one output frame.
    pub stride: usize,
    /// Whether the input is added.
    pub skip: Skip,
}

const fn layer(
    input: usize,
    output: usize,
    taps: usize,
    dilation: usize,
    stride: usize,
    skip: Skip,
) -> Layer {
    Layer { input, output, taps, dilation, stride, skip }
}

/// The convolutions, first to last.
pub const LAYERS: [Layer; 7] = [
    layer(BANDS, 64, 5, 1, 2, Skip::No),
    layer(64, 64, 3, 1, 1, Skip::Add),
    layer(64, 80, 3, 1, 2, Skip::No),
    layer(80, 80, 3, 1, 1, Skip::Add),
    layer(80, 80, 3, 2, 1, Skip::Add),
    layer(80, 80, 3, 4, 1, Skip::Add),
    layer(80, 80, 3, 1, 1, Skip::Add),
];
/// Channels of the last convolution.
pub const LAST: usize = 80;
/// What the classes are judged by: the mean and the greatest of each channel.
pub const POOLED: usize = 2 * LAST;

impl Layer {
    /// Inputs of one output: rows of its matrix.
    pub fn depth(&self) -> usize {
        self.input * self.taps
    }

    /// Output frames for so many input frames.
    pub fn frames(&self, input: usize) -> usize {
        input.div_ceil(self.stride)
    }

    /// The input frame that a tap of an output frame sees; `None` beyond the ends.
    pub fn sees(&self, frame: usize, tap: usize, frames: usize) -> Option<usize> {
        let at = frame * self.stride + tap * self.dilation;
        at.checked_sub(self.taps / 2 * self.dilation).filter(|t| *t < frames)
    }

    /// Lays out what each output frame sees, row by row.
    pub fn unfold(&self, input: &[f32], frames: usize, out: &mut Vec<f32>) {
        out.clear();
        for frame in 0..self.frames(frames) {
            for tap in 0..self.taps {
                match self.sees(frame, tap, frames) {
                    Some(t) => out.extend_from_slice(&input[t * self.input..(t + 1) * self.input]),
                    None => out.resize(out.len() + self.input, 0.0),
                }
            }
        }
    }
}

/// A matrix of `depth` by `width` and what is added to each of its outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Row by row: one row for each input.
    pub weights: Vec<f32>,
    /// One for each output.
    pub bias: Vec<f32>,
}

/// The weights of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    /// One for each of [`LAYERS`], then the classes.
    pub matrices: Vec<Matrix>,
    classes: usize,
}

/// Width of the matrix of so many classes: whole tiles.
pub fn padded(classes: usize) -> usize {
    classes.next_multiple_of(COLUMNS)
}

/// Depth and width of each matrix of a network with so many classes.
pub fn shapes(classes: usize) -> Vec<(usize, usize)> {
    LAYERS.iter().map(|l| (l.depth(), l.output)).chain([(POOLED, padded(classes))]).collect()
}

impl Net {
    /// A network of these matrices, in the order of [`shapes`].
    pub fn new(matrices: Vec<Matrix>, classes: usize) -> Self {
        Self { matrices, classes }
    }

    /// The probability of each class, the last one "something else".
    pub fn probabilities(&self, features: &Features) -> Vec<f32> {
        let mut frames = features.frames;
        let mut now = features.values.clone();
        let (mut seen, mut next, mut pack) = (Vec::new(), Vec::new(), Vec::new());
        for (layer, matrix) in LAYERS.iter().zip(&self.matrices) {
            layer.unfold(&now, frames, &mut seen);
            frames = layer.frames(frames);
            spread(&matrix.bias, frames, &mut next);
            let left = Left { values: &seen, row: layer.depth(), column: 1 };
            add_product(left, &matrix.weights, &mut next, layer.depth(), layer.output, &mut pack);
            next.iter_mut().for_each(|x| *x = x.max(0.0));
            if layer.skip == Skip::Add {
                next.iter_mut().zip(&now).for_each(|(x, before)| *x += before);
            }
            std::mem::swap(&mut now, &mut next);
        }
        let pooled = pool(&now);
        let Some(head) = self.matrices.last() else { return Vec::new() };
        let mut logits = head.bias.clone();
        let left = Left { values: &pooled, row: POOLED, column: 1 };
        add_product(left, &head.weights, &mut logits, POOLED, padded(self.classes), &mut pack);
        logits.truncate(self.classes);
        softmax(&mut logits);
        logits
    }

    /// Appends the weights in the file's form: for each matrix the biases and the scales (f32), then the
    /// weights (i8), little-endian.
    pub fn write(&self, out: &mut Vec<u8>) {
        for matrix in &self.matrices {
            let width = matrix.bias.len();
            let mut scales = vec![f32::MIN_POSITIVE; width];
            for row in matrix.weights.chunks_exact(width) {
                scales.iter_mut().zip(row).for_each(|(s, w)| *s = s.max(w.abs() / 127.0));
            }
            out.extend(matrix.bias.iter().chain(&scales).flat_map(|x| x.to_le_bytes()));
            for row in matrix.weights.chunks_exact(width) {
                out.extend(row.iter().zip(&scales).map(|(w, s)| ((w / s).round() as i8).cast_unsigned()));
            }
        }
    }

    /// Reads what [`Net::write`] wrote and leaves the rest in `bytes`.
    ///
    /// # Errors
    /// When bytes are wanting, or a number is none.
    pub fn read(bytes: &mut &[u8], classes: usize) -> Result<Self, SpotterError> {
        let mut matrices = Vec::new();
        for (depth, width) in shapes(classes) {
            let bias = floats(bytes, width)?;
            let scales = floats(bytes, width)?;
            let raw = take(bytes, depth * width)?;
            let weights = raw
                .chunks_exact(width)
                .flat_map(|row| row.iter().zip(&scales).map(|(w, s)| f32::from(w.cast_signed()) * s))
                .collect();
            matrices.push(Matrix { weights, bias });
        }
        Ok(Self { matrices, classes })
    }
}

/// The first `count` bytes, which are taken off.
pub(crate) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], SpotterError> {
    bytes.split_off(..count).ok_or(SpotterError::Damaged { what: "it ends too early" })
}

fn floats(bytes: &mut &[u8], count: usize) -> Result<Vec<f32>, SpotterError> {
    let values: Vec<f32> = take(bytes, 4 * count)?
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    let sound = values.iter().all(|x| x.is_finite());
    sound.then_some(values).ok_or(SpotterError::Damaged { what: "a weight is no number" })
}

/// Fills with one copy of the biases for each frame.
pub fn spread(bias: &[f32], frames: usize, out: &mut Vec<f32>) {
    out.clear();
    (0..frames).for_each(|_| out.extend_from_slice(bias));
}

/// The mean, then the greatest, of each channel over all frames.
pub fn pool(values: &[f32]) -> Vec<f32> {
    let frames = (values.len() / LAST).max(1) as f32;
    let (mut mean, mut greatest) = ([0.0; LAST], [f32::MIN; LAST]);
    for row in values.chunks_exact(LAST) {
        for ((m, g), x) in mean.iter_mut().zip(&mut greatest).zip(row) {
            *m += x / frames;
            *g = g.max(*x);
        }
    }
    [mean, greatest].concat()
}

/// From logits to probabilities.
pub fn softmax(logits: &mut [f32]) {
    let top = logits.iter().copied().fold(f32::MIN, f32::max);
    logits.iter_mut().for_each(|x| *x = (*x - top).exp());
    let sum: f32 = logits.iter().sum();
    logits.iter_mut().for_each(|x| *x /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_net(classes: usize) -> Net {
        let matrices = shapes(classes)
            .into_iter()
            .map(|(depth, width)| Matrix {
                weights: (0..depth * width).map(|n| ((n * 7919) % 255) as f32 / 1270.0 - 0.1).collect(),
                bias: vec![0.01; width],
            })
            .collect();
        Net::new(matrices, classes)
    }

    #[test]
    fn what_is_written_reads_back_within_half_a_step() {
        let net = some_net(20);
        let mut bytes = Vec::new();
        net.write(&mut bytes);
        let mut rest = bytes.as_slice();
        let read = Net::read(&mut rest, 20).unwrap();
        assert!(rest.is_empty());
        for (a, b) in net.matrices.iter().zip(&read.matrices) {
            assert!(a.weights.iter().zip(&b.weights).all(|(x, y)| (x - y).abs() < 0.001));
            assert_eq!(a.bias, b.bias);
        }
        assert!(Net::read(&mut &bytes[..bytes.len() - 1], 20).is_err());
    }

    #[test]
    fn probabilities_sum_to_one_for_any_length() {
        let net = some_net(20);
        for frames in [1, 2, 3, 40, 181] {
            let features = Features { values: vec![0.5; frames * BANDS], frames };
            let all = net.probabilities(&features);
            assert_eq!(all.len(), 20);
            assert!((all.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{frames} frames");
        }
    }
}
