//! whisper.cpp's model file: header, mel filters, vocabulary, then one tensor after another.
//!
//! Names are those of the original Whisper code. Convolutions stay in f16, positions, biases and norms
//! in f32, and every matrix is in f16 or q8_0.

use std::io::{self, Write};

use half::f16;

use super::{ConvertError, ct2::Model, mel};

/// "ggml" as whisper.cpp reads it.
const MAGIC: u32 = 0x6767_6d6c;

/// Values in a q8_0 block.
const Q8_BLOCK: usize = 32;

/// Version of the quantized layouts, which the header multiplies by 1000.
const QUANTIZATION_VERSION: u32 = 2;

/// How the matrices are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Two bytes a weight.
    F16,
    /// Blocks of 32 signed bytes with one f16 scale: half the size, and faster on a processor.
    Q8,
}

impl Weights {
    fn file_type(self) -> u32 {
        match self {
            Self::F16 => 1,
            Self::Q8 => QUANTIZATION_VERSION * 1000 + 7,
        }
    }
}

/// ggml's number for an element type.
#[derive(Clone, Copy)]
enum Element {
    F32 = 0,
    F16 = 1,
    Q8 = 8,
}

struct Sizes {
    vocab: usize,
    audio_ctx: usize,
    state: usize,
    audio_head: usize,
    audio_layer: usize,
    text_ctx: usize,
    text_head: usize,
    text_layer: usize,
    mels: usize,
}

impl Sizes {
    fn of(model: &Model<'_>) -> Result<Self, ConvertError> {
        let dim = |name: &str, i: usize| -> Result<usize, ConvertError> {
            let dims = &model.variable(name)?.dims;
            dims.get(i).copied().ok_or_else(|| ConvertError::Shape {
                name: name.to_owned(),
                actual: dims.clone(),
                expected: vec![0; i + 1],
            })
        };
        let heads = |name: &str| -> Result<usize, ConvertError> {
            usize::try_from(model.scalar(name)?).map_err(|_| ConvertError::Type(name.to_owned()))
        };
        Ok(Self {
            vocab: dim("decoder/embeddings/weight", 0)?,
            audio_ctx: dim("encoder/position_encodings/encodings", 0)?,
            state: dim("encoder/position_encodings/encodings", 1)?,
            audio_head: heads("encoder/num_heads")?,
            audio_layer: model.layers("encoder"),
            text_ctx: dim("decoder/position_encodings/encodings", 0)?,
            text_head: heads("decoder/num_heads")?,
            text_layer: model.layers("decoder"),
            mels: dim("encoder/conv1/weight", 1)?,
        })
    }
}

/// Writes the whole file.
pub(super) fn write(
    model: &Model<'_>,
    tokens: &[Vec<u8>],
    weights: Weights,
    out: &mut dyn Write,
) -> Result<(), ConvertError> {
    let sizes = Sizes::of(model)?;
    let mut file = File { model, state: sizes.state, weights, out };
    file.header(&sizes, tokens)?;
    file.encoder(&sizes)?;
    file.decoder(&sizes)
}

struct File<'a, 'm> {
    model: &'a Model<'m>,
    state: usize,
    weights: Weights,
    out: &'a mut dyn Write,
}

impl File<'_, '_> {
    fn header(&mut self, s: &Sizes, tokens: &[Vec<u8>]) -> Result<(), ConvertError> {
        let fields = [
            s.vocab,
            s.audio_ctx,
            s.state,
            s.audio_head,
            s.audio_layer,
            s.text_ctx,
            s.state,
            s.text_head,
            s.text_layer,
            s.mels,
        ];
        self.u32(MAGIC)?;
        for field in fields {
            self.length(field)?;
        }
        self.u32(self.weights.file_type())?;
        self.length(s.mels)?;
        self.length(mel::BINS)?;
        for value in mel::filters(s.mels) {
            self.out.write_all(&value.to_le_bytes())?;
        }
        self.length(tokens.len())?;
        for token in tokens {
            self.length(token.len())?;
            self.out.write_all(token)?;
        }
        Ok(())
    }

    fn encoder(&mut self, s: &Sizes) -> Result<(), ConvertError> {
        let n = self.state;
        self.plain(
            "encoder.positional_embedding",
            "encoder/position_encodings/encodings",
            &[s.audio_ctx, n],
        )?;
        self.convolution("encoder.conv1", "encoder/conv1", &[n, s.mels, 3])?;
        self.convolution("encoder.conv2", "encoder/conv2", &[n, n, 3])?;
        for i in 0..s.audio_layer {
            let (to, from) = (format!("encoder.blocks.{i}"), format!("encoder/layer_{i}"));
            self.feed_forward(&to, &from)?;
            self.self_attention(&to, &from)?;
        }
        self.norm("encoder.ln_post", "encoder/layer_norm")
    }

    fn decoder(&mut self, s: &Sizes) -> Result<(), ConvertError> {
        let n = self.state;
        self.plain("decoder.positional_embedding", "decoder/position_encodings/encodings", &[s.text_ctx, n])?;
        let embedding = self.model.values("decoder/embeddings/weight", &[s.vocab, n])?;
        self.matrix("decoder.token_embedding.weight", &embedding, s.vocab, n)?;
        for i in 0..s.text_layer {
            let (to, from) = (format!("decoder.blocks.{i}"), format!("decoder/layer_{i}"));
            self.feed_forward(&to, &from)?;
            self.self_attention(&to, &from)?;
            self.cross_attention(&to, &from)?;
        }
        self.norm("decoder.ln", "decoder/layer_norm")
    }

    fn feed_forward(&mut self, to: &str, from: &str) -> Result<(), ConvertError> {
        let n = self.state;
        self.norm(&format!("{to}.mlp_ln"), &format!("{from}/ffn/layer_norm"))?;
        // Whisper's inner layer is four times as wide.
        self.linear(&format!("{to}.mlp.0"), &format!("{from}/ffn/linear_0"), 4 * n, n)?;
        self.linear(&format!("{to}.mlp.2"), &format!("{from}/ffn/linear_1"), n, 4 * n)
    }

    /// CTranslate2 keeps query, key and value one below the other in one matrix.
    fn self_attention(&mut self, to: &str, from: &str) -> Result<(), ConvertError> {
        let from = format!("{from}/self_attention");
        self.norm(&format!("{to}.attn_ln"), &format!("{from}/layer_norm"))?;
        self.fused(&format!("{to}.attn"), &format!("{from}/linear_0"), &["query", "key", "value"])?;
        self.linear(&format!("{to}.attn.out"), &format!("{from}/linear_1"), self.state, self.state)
    }

    fn cross_attention(&mut self, to: &str, from: &str) -> Result<(), ConvertError> {
        let from = format!("{from}/attention");
        let to_attn = format!("{to}.cross_attn");
        self.norm(&format!("{to}.cross_attn_ln"), &format!("{from}/layer_norm"))?;
        self.fused(&to_attn, &format!("{from}/linear_0"), &["query"])?;
        self.fused(&to_attn, &format!("{from}/linear_1"), &["key", "value"])?;
        self.linear(&format!("{to_attn}.out"), &format!("{from}/linear_2"), self.state, self.state)
    }

    fn fused(&mut self, to: &str, from: &str, names: &[&str]) -> Result<(), ConvertError> {
        let n = self.state;
        let weight = self.model.values(&format!("{from}/weight"), &[names.len() * n, n])?;
        let bias = self.model.values(&format!("{from}/bias"), &[names.len() * n])?;
        for (i, name) in names.iter().enumerate() {
            let bias = &bias[i * n..(i + 1) * n];
            self.matrix(&format!("{to}.{name}.weight"), &weight[i * n * n..(i + 1) * n * n], n, n)?;
            if *name != "key" {
                self.floats(&format!("{to}.{name}.bias"), bias, &[n])?;
            } else if bias.iter().any(|b| *b != 0.0) {
                return Err(ConvertError::KeyBias(from.to_owned()));
            }
        }
        Ok(())
    }

    fn linear(&mut self, to: &str, from: &str, rows: usize, columns: usize) -> Result<(), ConvertError> {
        let weight = self.model.values(&format!("{from}/weight"), &[rows, columns])?;
        self.matrix(&format!("{to}.weight"), &weight, rows, columns)?;
        self.plain(&format!("{to}.bias"), &format!("{from}/bias"), &[rows])
    }

    fn norm(&mut self, to: &str, from: &str) -> Result<(), ConvertError> {
        let dims = [self.state];
        self.plain(&format!("{to}.weight"), &format!("{from}/gamma"), &dims)?;
        self.plain(&format!("{to}.bias"), &format!("{from}/beta"), &dims)
    }

    fn convolution(&mut self, to: &str, from: &str, dims: &[usize; 3]) -> Result<(), ConvertError> {
        let weight = self.model.values(&format!("{from}/weight"), dims)?;
        self.tensor(&format!("{to}.weight"), Element::F16, dims)?;
        self.half_floats(&weight)?;
        let bias = self.model.values(&format!("{from}/bias"), &dims[..1])?;
        // A column, so that ggml can add it to every frame.
        self.floats(&format!("{to}.bias"), &bias, &[dims[0], 1])
    }

    /// A variable kept in f32.
    fn plain(&mut self, to: &str, from: &str, dims: &[usize]) -> Result<(), ConvertError> {
        let values = self.model.values(from, dims)?;
        self.floats(to, &values, dims)
    }

    fn floats(&mut self, name: &str, values: &[f32], dims: &[usize]) -> Result<(), ConvertError> {
        self.tensor(name, Element::F32, dims)?;
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Ok(self.out.write_all(&bytes)?)
    }

    fn matrix(
        &mut self,
        name: &str,
        values: &[f32],
        rows: usize,
        columns: usize,
    ) -> Result<(), ConvertError> {
        let dims = [rows, columns];
        match self.weights {
            Weights::F16 => {
                self.tensor(name, Element::F16, &dims)?;
                self.half_floats(values)
            }
            Weights::Q8 if columns.is_multiple_of(Q8_BLOCK) => {
                self.tensor(name, Element::Q8, &dims)?;
                Ok(self.out.write_all(&quantize(values))?)
            }
            Weights::Q8 => Err(ConvertError::Shape {
                name: name.to_owned(),
                actual: dims.to_vec(),
                expected: vec![rows, columns.next_multiple_of(Q8_BLOCK)],
            }),
        }
    }

    fn half_floats(&mut self, values: &[f32]) -> Result<(), ConvertError> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
        Ok(self.out.write_all(&bytes)?)
    }

    /// A tensor's head; ggml counts dimensions from the innermost.
    fn tensor(&mut self, name: &str, element: Element, dims: &[usize]) -> Result<(), ConvertError> {
        self.length(dims.len())?;
        self.length(name.len())?;
        self.u32(element as u32)?;
        for dim in dims.iter().rev() {
            self.length(*dim)?;
        }
        Ok(self.out.write_all(name.as_bytes())?)
    }

    fn length(&mut self, n: usize) -> Result<(), ConvertError> {
        // Every length comes out of a u32 in the source file, or is a name's.
        let n = u32::try_from(n).map_err(io::Error::other)?;
        self.u32(n)
    }

    fn u32(&mut self, n: u32) -> Result<(), ConvertError> {
        Ok(self.out.write_all(&n.to_le_bytes())?)
    }
}

/// q8_0: for each block of 32 the scale `max|x| / 127` in f16, then the rounded multiples of it.
fn quantize(values: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() / Q8_BLOCK * (Q8_BLOCK + 2));
    for block in values.chunks_exact(Q8_BLOCK) {
        let scale = block.iter().fold(0.0f32, |m, v| m.max(v.abs())) / 127.0;
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        bytes.extend(f16::from_f32(scale).to_le_bytes());
        bytes.extend(block.iter().map(|v| ((v * inverse).round() as i8).cast_unsigned()));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_q8_block_keeps_every_value_to_half_a_step() {
        let values: Vec<f32> = (0..64).map(|i| ((i * 37 % 64) as f32 - 31.0) * 0.013).collect();
        let bytes = quantize(&values);
        assert_eq!(bytes.len(), 2 * 34);
        for (block, original) in bytes.chunks(34).zip(values.chunks(32)) {
            let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
            for (q, v) in block[2..].iter().zip(original) {
                // The scale itself is rounded to f16, which adds up to 127 times 2^-11 of a step.
                assert!((f32::from(q.cast_signed()) * scale - v).abs() <= scale * 0.57);
            }
        }
        assert_eq!(quantize(&[0.0; 32]), vec![0; 34]);
    }
}
