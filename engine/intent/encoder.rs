//! The multilingual Universal Sentence Encoder: a text in, a vector of 512 numbers of length 1 out.
//!
//! The network (Yang et al. 2019, "Multilingual Universal Sentence Encoder for Semantic
//! Retrieval", the convolutional one): piece embeddings; three branches that look at 2, 3 and 5
//! pieces, two convolutions each with a residual; layer norm; the sum over pieces projected to
//! 512 and divided by the root of their number; three dense layers with skips; tanh. Sentences go
//! through in flat batches: their pieces stacked in one matrix, with a row of zeros standing for
//! what lies outside a sentence. Absent: other encoders, devices other than the CPU.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use candle_core::{D, Device, Tensor};
use sha2::{Digest, Sha256};

use crate::{IntentError, npy::Npz, sentencepiece::SentencePiece};

/// Numbers in one sentence vector.
pub const EMBEDDING_DIM: usize = 512;

/// The embedding table is dealt in turn over this many blocks, each with its own 8-bit scale.
const BLOCKS: usize = 17;
/// Rows of one block.
const BLOCK_ROWS: usize = 7530;
/// Width of one convolution branch.
const BRANCH_DIM: usize = 256;
/// The branches: (pieces seen, of them before the piece itself).
const BRANCHES: [(usize, usize); 3] = [(2, 0), (3, 1), (5, 2)];
/// Width of the piece features: the embedding and the three branches.
const FEATURE_DIM: usize = EMBEDDING_DIM + BRANCHES.len() * BRANCH_DIM;
/// Width of the inner dense layers.
const INNER_DIM: usize = 320;
/// Pieces in one pass: enough that the weights are read seldom, few enough to stay in cache.
const PIECES_PER_PASS: usize = 384;
/// A text longer than this many pieces is cut: a callee's utterance has below 100.
const MAX_PIECES: usize = 512;

/// One convolution branch. Weights are [input, output].
struct Branch {
    pieces: usize,
    before: usize,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
}

/// The loaded sentence encoder. It keeps no state between calls and may be shared by threads.
pub struct Encoder {
    tokens: SentencePiece,
    /// [BLOCKS * BLOCK_ROWS, EMBEDDING_DIM], by piece id.
    table: Vec<u8>,
    scale: Vec<f32>,
    low: Vec<f32>,
    project: (Tensor, Tensor),
    project_norm: (Tensor, Tensor),
    branches: Vec<Branch>,
    norm: (Tensor, Tensor),
    pool: (Tensor, Tensor),
    d0: Tensor,
    d1: Tensor,
    d2: Tensor,
    d3: Tensor,
    p1: Tensor,
    p3: Tensor,
    epsilon: f64,
    version: String,
}

impl Encoder {
    /// Loads `weights.npz` and `sp.model` from a folder. Takes about half a second and 75 MB.
    pub fn load(dir: &Path) -> Result<Self, IntentError> {
        let weights = dir.join("weights.npz");
        let model = dir.join("sp.model");
        let tokens = SentencePiece::load(&model)?;
        let mut npz = Npz::open(&weights)?;
        let (table, scale, low) = read_table(&mut npz)?;
        if tokens.pieces() * EMBEDDING_DIM > table.len() {
            return Err(IntentError::BadModel {
                path: model,
                reason: format!("{} pieces, but weights.npz has fewer rows", tokens.pieces()),
            });
        }
        let mut read = Reader { npz: &mut npz };
        let mut branches = Vec::new();
        for (pieces, before) in BRANCHES {
            let wide = pieces * BRANCH_DIM;
            branches.push(Branch {
                pieces,
                before,
                w1: read.matrix(&format!("w1_{pieces}"), wide, BRANCH_DIM)?,
                b1: read.row(&format!("b1_{pieces}"), BRANCH_DIM)?,
                w2: read.matrix(&format!("w2_{pieces}"), wide, BRANCH_DIM)?,
                b2: read.row(&format!("b2_{pieces}"), BRANCH_DIM)?,
            });
        }
        Ok(Self {
            tokens,
            table,
            scale,
            low,
            project: (
                read.joined_matrix("proj", EMBEDDING_DIM, BRANCH_DIM)?,
                read.joined_row("proj_b", BRANCH_DIM)?,
            ),
            project_norm: (read.joined_row("ln_g", BRANCH_DIM)?, read.joined_row("ln_b", BRANCH_DIM)?),
            branches,
            norm: (read.row("ln_g", FEATURE_DIM)?, read.row("ln_b", FEATURE_DIM)?),
            pool: (read.matrix("cnn_W", FEATURE_DIM, EMBEDDING_DIM)?, read.row("cnn_b", EMBEDDING_DIM)?),
            d0: read.matrix("d0", EMBEDDING_DIM, INNER_DIM)?,
            d1: read.matrix("d1", INNER_DIM, INNER_DIM)?,
            d2: read.matrix("d2", INNER_DIM, EMBEDDING_DIM)?,
            d3: read.matrix("d3", EMBEDDING_DIM, EMBEDDING_DIM)?,
            p1: read.matrix("p1", EMBEDDING_DIM, INNER_DIM)?,
            p3: read.matrix("p3", INNER_DIM, EMBEDDING_DIM)?,
            epsilon: f64::from(npz.floats("eps", &[])?.first().copied().unwrap_or(1e-6)),
            version: version(&[weights, model])?,
        })
    }

    /// Names these weights: `use-multilingual-` and the start of their sha256.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// One vector of [`EMBEDDING_DIM`] numbers and length 1 for each text. Each text stands for
    /// itself: the others of the same call do not change its vector.
    pub fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, IntentError> {
        let mut out = Vec::with_capacity(texts.len());
        let mut pass: Vec<Vec<u32>> = Vec::new();
        let mut pieces = 0;
        for text in texts {
            let mut ids = self.tokens.ids(text)?;
            ids.truncate(MAX_PIECES);
            if !pass.is_empty() && pieces + ids.len() > PIECES_PER_PASS {
                out.extend(self.forward(&pass)?);
                pass.clear();
                pieces = 0;
            }
            pieces += ids.len();
            pass.push(ids);
        }
        if !pass.is_empty() {
            out.extend(self.forward(&pass)?);
        }
        Ok(out)
    }

    fn forward(&self, sentences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, IntentError> {
        let embedded = self.embed(sentences)?;
        let x = linear(&embedded, &self.project)?;
        let x = self.layer_norm(&x, &self.project_norm)?;
        let mut features = vec![embedded];
        for (i, branch) in self.branches.iter().enumerate() {
            let windows = windows(sentences, branch)?;
            let x = x.narrow(1, i * BRANCH_DIM, BRANCH_DIM)?.contiguous()?;
            let h = convolve(&x, &windows, branch, (&branch.w1, &branch.b1))?;
            features.push(convolve(&h, &windows, branch, (&branch.w2, &branch.b2))?);
        }
        let features = self.layer_norm(&Tensor::cat(&features, 1)?, &self.norm)?;
        let mean = linear(&features_per_sentence(&features, sentences)?, &self.pool)?;
        // A sum over pieces is divided by the root of their number, as the network was trained;
        // `features_per_sentence` has divided by the number, to which the bias then adds once.
        let roots: Vec<f32> = sentences.iter().map(|s| (s.len() as f32).sqrt()).collect();
        let roots = Tensor::from_vec(roots, (sentences.len(), 1), &Device::Cpu)?;
        let z = self.dense(&mean.broadcast_mul(&roots)?)?;
        let lengths = (z.sqr()?.sum_keepdim(D::Minus1)?.clamp(self.epsilon, f64::MAX)?).sqrt()?;
        Ok(z.broadcast_div(&lengths)?.to_vec2()?)
    }

    /// The last dense layers, with their skips.
    fn dense(&self, mean: &Tensor) -> candle_core::Result<Tensor> {
        let y0 = mean.matmul(&self.d0)?.relu()?;
        let y1 = (mean.matmul(&self.p1)? + y0.matmul(&self.d1)?)?.relu()?;
        let y2 = y1.matmul(&self.d2)?.relu()?;
        (y1.matmul(&self.p3)? + y2.matmul(&self.d3)?)?.tanh()
    }

    /// Piece embeddings, [pieces, EMBEDDING_DIM], brought back from 8 bits.
    fn embed(&self, sentences: &[Vec<u32>]) -> candle_core::Result<Tensor> {
        let rows: usize = sentences.iter().map(Vec::len).sum();
        let mut out: Vec<f32> = Vec::with_capacity(rows * EMBEDDING_DIM);
        for id in sentences.iter().flatten() {
            let id = *id as usize;
            let (scale, low) = (self.scale[id % BLOCKS], self.low[id % BLOCKS]);
            let row = &self.table[id * EMBEDDING_DIM..(id + 1) * EMBEDDING_DIM];
            out.extend(row.iter().map(|v| f32::from(*v) * scale + low));
        }
        Tensor::from_vec(out, (rows, EMBEDDING_DIM), &Device::Cpu)
    }

    fn layer_norm(&self, x: &Tensor, (gain, bias): &(Tensor, Tensor)) -> candle_core::Result<Tensor> {
        let x = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let deviation = (x.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?;
        x.broadcast_div(&deviation)?.broadcast_mul(gain)?.broadcast_add(bias)
    }
}

fn linear(x: &Tensor, (weight, bias): &(Tensor, Tensor)) -> candle_core::Result<Tensor> {
    x.matmul(weight)?.broadcast_add(bias)
}

/// For each piece the rows that its window covers; a place outside its sentence is the row after
/// the last, which holds zeros.
fn windows(sentences: &[Vec<u32>], branch: &Branch) -> candle_core::Result<Tensor> {
    let rows: usize = sentences.iter().map(Vec::len).sum();
    let mut index = Vec::with_capacity(rows * branch.pieces);
    let mut start = 0;
    for sentence in sentences {
        for at in 0..sentence.len() {
            for k in 0..branch.pieces {
                let inside = (at + k).checked_sub(branch.before).filter(|p| *p < sentence.len());
                index.push(inside.map_or(rows, |p| start + p) as u32);
            }
        }
        start += sentence.len();
    }
    Tensor::from_vec(index, rows * branch.pieces, &Device::Cpu)
}

/// One convolution with its residual: `x + relu(window(x) · w + b)`.
fn convolve(
    x: &Tensor,
    windows: &Tensor,
    branch: &Branch,
    (weight, bias): (&Tensor, &Tensor),
) -> candle_core::Result<Tensor> {
    let rows = x.dim(0)?;
    let outside = Tensor::zeros((1, BRANCH_DIM), x.dtype(), &Device::Cpu)?;
    let seen = Tensor::cat(&[x, &outside], 0)?
        .index_select(windows, 0)?
        .reshape((rows, branch.pieces * BRANCH_DIM))?;
    x + seen.matmul(weight)?.broadcast_add(bias)?.relu()?
}

/// The mean of each sentence's rows.
fn features_per_sentence(features: &Tensor, sentences: &[Vec<u32>]) -> candle_core::Result<Tensor> {
    let mut start = 0;
    let mut means = Vec::with_capacity(sentences.len());
    for sentence in sentences {
        means.push(features.narrow(0, start, sentence.len())?.mean_keepdim(0)?);
        start += sentence.len();
    }
    Tensor::cat(&means, 0)
}

/// The embedding table by piece id, with the scale and the lowest value of each block.
type Table = (Vec<u8>, Vec<f32>, Vec<f32>);

fn read_table(npz: &mut Npz) -> Result<Table, IntentError> {
    let mut table = vec![0u8; BLOCKS * BLOCK_ROWS * EMBEDDING_DIM];
    for block in 0..BLOCKS {
        let rows = npz.bytes(&format!("q{}", block + 1), &[BLOCK_ROWS, EMBEDDING_DIM])?;
        for (i, row) in rows.chunks_exact(EMBEDDING_DIM).enumerate() {
            let at = (i * BLOCKS + block) * EMBEDDING_DIM;
            table[at..at + EMBEDDING_DIM].copy_from_slice(row);
        }
    }
    Ok((table, npz.floats("scale", &[BLOCKS])?, npz.floats("lo", &[BLOCKS])?))
}

/// Reads tensors of a given shape.
struct Reader<'a> {
    npz: &'a mut Npz,
}

impl Reader<'_> {
    fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Tensor, IntentError> {
        let values = self.npz.floats(name, &[rows, columns])?;
        Ok(Tensor::from_vec(values, (rows, columns), &Device::Cpu)?)
    }

    fn row(&mut self, name: &str, n: usize) -> Result<Tensor, IntentError> {
        Ok(Tensor::from_vec(self.npz.floats(name, &[n])?, n, &Device::Cpu)?)
    }

    /// The matrices of the three branches side by side.
    fn joined_matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Tensor, IntentError> {
        let mut parts = Vec::new();
        for (pieces, _) in BRANCHES {
            parts.push(self.matrix(&format!("{name}{pieces}"), rows, columns)?);
        }
        Ok(Tensor::cat(&parts, 1)?.contiguous()?)
    }

    fn joined_row(&mut self, name: &str, n: usize) -> Result<Tensor, IntentError> {
        let mut parts = Vec::new();
        for (pieces, _) in BRANCHES {
            parts.push(self.row(&format!("{name}{pieces}"), n)?);
        }
        Ok(Tensor::cat(&parts, 0)?)
    }
}

fn version(paths: &[PathBuf]) -> Result<String, IntentError> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 1 << 16];
    for path in paths {
        let fail = |source| IntentError::Read { path: path.clone(), source };
        let mut file = File::open(path).map_err(fail)?;
        loop {
            let n = file.read(&mut buffer).map_err(fail)?;
            if n == 0 {
                break;
            }
            hash.update(&buffer[..n]);
        }
    }
    Ok(format!("use-multilingual-{}", &hex::encode(hash.finalize())[..12]))
}
