//! A tiny Whisper in CTranslate2's format, made here, converted and read back.

use super::*;

const STATE: usize = 32;
const TOKENIZER: &[u8] =
    br#"{"added_tokens":[{"id":2}],"model":{"vocab":{"a":0,"\u0120b":1,"<|endoftext|>":2}}}"#;

fn text(out: &mut Vec<u8>, s: &str) {
    out.extend((s.len() as u16 + 1).to_le_bytes());
    out.extend(s.as_bytes());
    out.push(0);
}

struct Tiny {
    variables: Vec<(String, Vec<usize>, u8, Vec<u8>)>,
}

impl Tiny {
    /// f16 values that differ from place to place.
    fn f16(&mut self, name: &str, dims: &[usize]) {
        let n: usize = dims.iter().product();
        let salt = name.len();
        let data = (0..n)
            .flat_map(|i| half::f16::from_f32(((i * 7 + salt) % 13) as f32 * 0.25 - 1.5).to_le_bytes())
            .collect();
        self.variables.push((name.to_owned(), dims.to_owned(), 4, data));
    }

    fn zero_key_bias(&mut self, name: &str, key_at: usize) {
        let found = self.variables.iter_mut().find(|v| v.0 == name).unwrap();
        found.3[key_at * STATE * 2..(key_at + 1) * STATE * 2].fill(0);
    }

    fn attention(&mut self, from: &str, linears: &[usize]) {
        self.f16(&format!("{from}/layer_norm/gamma"), &[STATE]);
        self.f16(&format!("{from}/layer_norm/beta"), &[STATE]);
        for (i, rows) in linears.iter().enumerate() {
            self.f16(&format!("{from}/linear_{i}/weight"), &[rows * STATE, STATE]);
            self.f16(&format!("{from}/linear_{i}/bias"), &[rows * STATE]);
        }
    }

    fn new() -> Self {
        let mut t = Self { variables: Vec::new() };
        for stack in ["encoder", "decoder"] {
            let layer = format!("{stack}/layer_0");
            t.attention(&format!("{layer}/self_attention"), &[3, 1]);
            t.zero_key_bias(&format!("{layer}/self_attention/linear_0/bias"), 1);
            t.f16(&format!("{layer}/ffn/layer_norm/gamma"), &[STATE]);
            t.f16(&format!("{layer}/ffn/layer_norm/beta"), &[STATE]);
            t.f16(&format!("{layer}/ffn/linear_0/weight"), &[4 * STATE, STATE]);
            t.f16(&format!("{layer}/ffn/linear_0/bias"), &[4 * STATE]);
            t.f16(&format!("{layer}/ffn/linear_1/weight"), &[STATE, 4 * STATE]);
            t.f16(&format!("{layer}/ffn/linear_1/bias"), &[STATE]);
            t.f16(&format!("{stack}/layer_norm/gamma"), &[STATE]);
            t.f16(&format!("{stack}/layer_norm/beta"), &[STATE]);
            t.variables.push((format!("{stack}/num_heads"), vec![], 2, vec![2, 0]));
        }
        t.attention("decoder/layer_0/attention", &[1, 2, 1]);
        t.zero_key_bias("decoder/layer_0/attention/linear_1/bias", 0);
        t.f16("encoder/position_encodings/encodings", &[10, STATE]);
        t.f16("decoder/position_encodings/encodings", &[8, STATE]);
        t.f16("decoder/embeddings/weight", &[5, STATE]);
        t.f16("encoder/conv1/weight", &[STATE, 80, 3]);
        t.f16("encoder/conv1/bias", &[STATE]);
        t.f16("encoder/conv2/weight", &[STATE, STATE, 3]);
        t.f16("encoder/conv2/bias", &[STATE]);
        t
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = 6u32.to_le_bytes().to_vec();
        text(&mut out, "WhisperSpec");
        out.extend(3u32.to_le_bytes());
        out.extend((self.variables.len() as u32).to_le_bytes());
        for (name, dims, kind, data) in &self.variables {
            text(&mut out, name);
            out.push(dims.len() as u8);
            dims.iter().for_each(|d| out.extend((*d as u32).to_le_bytes()));
            out.push(*kind);
            out.extend((data.len() as u32).to_le_bytes());
            out.extend(data);
        }
        out.extend(1u32.to_le_bytes());
        text(&mut out, "decoder/projection/weight");
        text(&mut out, "decoder/embeddings/weight");
        out
    }
}

struct Tensor {
    kind: u32,
    dims: Vec<usize>,
    data: Vec<u8>,
}

/// Reads a ggml file as whisper.cpp does: header fields, tokens, tensors by name.
fn read_ggml(bytes: &[u8]) -> (Vec<u32>, Vec<Vec<u8>>, std::collections::BTreeMap<String, Tensor>) {
    let mut at = 0;
    let u32_ = |at: &mut usize| {
        let v = u32::from_le_bytes(bytes[*at..*at + 4].try_into().unwrap());
        *at += 4;
        v
    };
    let header: Vec<u32> = (0..12).map(|_| u32_(&mut at)).collect();
    let (mels, bins) = (u32_(&mut at), u32_(&mut at));
    at += (mels * bins * 4) as usize;
    let tokens = (0..u32_(&mut at))
        .map(|_| {
            let n = u32_(&mut at) as usize;
            at += n;
            bytes[at - n..at].to_vec()
        })
        .collect();
    let mut tensors = std::collections::BTreeMap::new();
    while at < bytes.len() {
        let (rank, name_len, kind) = (u32_(&mut at), u32_(&mut at) as usize, u32_(&mut at));
        let dims: Vec<usize> = (0..rank).map(|_| u32_(&mut at) as usize).collect();
        let name = String::from_utf8(bytes[at..at + name_len].to_vec()).unwrap();
        at += name_len;
        let n: usize = dims.iter().product();
        let size = match kind {
            0 => n * 4,
            1 => n * 2,
            8 => n / 32 * 34,
            other => panic!("unexpected type {other}"),
        };
        tensors.insert(name, Tensor { kind, dims, data: bytes[at..at + size].to_vec() });
        at += size;
    }
    (header, tokens, tensors)
}

fn convert(model: &[u8], weights: Weights) -> Result<Vec<u8>, ConvertError> {
    let mut out = Vec::new();
    whisper(model, TOKENIZER, weights, &mut out)?;
    Ok(out)
}

#[test]
fn every_tensor_that_whisper_cpp_wants_is_there_with_its_shape() {
    let (header, tokens, tensors) = read_ggml(&convert(&Tiny::new().bytes(), Weights::F16).unwrap());
    assert_eq!(header, [0x6767_6d6c, 5, 10, 32, 2, 1, 8, 32, 2, 1, 80, 1]);
    assert_eq!(tokens, [b"a".to_vec(), b" b".to_vec()]);
    // whisper.cpp: 15 an encoder layer and 24 a decoder layer, 7 + 4 outside of them.
    assert_eq!(tensors.len(), 15 + 24 + 11);
    assert_eq!(tensors["encoder.conv1.weight"].dims, [3, 80, 32]);
    assert_eq!(tensors["encoder.conv1.bias"].dims, [1, 32]);
    assert_eq!(tensors["decoder.blocks.0.mlp.0.weight"].dims, [32, 128]);
    assert!(!tensors.contains_key("encoder.blocks.0.attn.key.bias"));
    assert_eq!(tensors["encoder.blocks.0.attn_ln.weight"].kind, 0);
}

#[test]
fn the_fused_projection_is_split_in_the_order_query_key_value() {
    let tiny = Tiny::new();
    let (_, _, tensors) = read_ggml(&convert(&tiny.bytes(), Weights::F16).unwrap());
    let fused = |name: &str| &tiny.variables.iter().find(|v| v.0 == name).unwrap().3;
    let own = fused("encoder/layer_0/self_attention/linear_0/weight");
    let third = own.len() / 3;
    for (i, name) in ["query", "key", "value"].iter().enumerate() {
        let made = &tensors[&format!("encoder.blocks.0.attn.{name}.weight")].data;
        assert_eq!(made, &own[i * third..(i + 1) * third], "{name}");
    }
    let cross = fused("decoder/layer_0/attention/linear_1/weight");
    assert_eq!(tensors["decoder.blocks.0.cross_attn.key.weight"].data, cross[..cross.len() / 2]);
    assert_eq!(tensors["decoder.blocks.0.cross_attn.value.weight"].data, cross[cross.len() / 2..]);
}

#[test]
fn q8_quantizes_matrices_and_nothing_else() {
    let (header, _, tensors) = read_ggml(&convert(&Tiny::new().bytes(), Weights::Q8).unwrap());
    assert_eq!(header[11], 2007);
    for (name, tensor) in tensors {
        let matrix = tensor.dims.len() == 2 && name.ends_with(".weight");
        assert_eq!(tensor.kind == 8, matrix, "{name}");
    }
}

#[test]
fn a_model_cut_off_anywhere_is_an_error() {
    let whole = Tiny::new().bytes();
    for end in (0..whole.len()).step_by(97).chain(whole.len() - 60..whole.len()) {
        assert!(convert(&whole[..end], Weights::F16).is_err(), "cut at {end}");
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let whole = Tiny::new().bytes();
    // The first 600 bytes hold every kind of field; further ones are mostly weights.
    for at in (0..600).chain((600..whole.len()).step_by(1009)) {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= flip;
            let _ = convert(&damaged, Weights::Q8);
        }
    }
}

#[test]
fn a_key_bias_other_than_zero_is_refused() {
    let mut tiny = Tiny::new();
    let bias =
        tiny.variables.iter_mut().find(|v| v.0 == "encoder/layer_0/self_attention/linear_0/bias").unwrap();
    bias.3[STATE * 2 + 1] = 0x3c;
    assert!(matches!(convert(&tiny.bytes(), Weights::F16), Err(ConvertError::KeyBias(_))));
}

#[test]
fn other_versions_specs_and_quantized_weights_are_named() {
    let mut other = Tiny::new().bytes();
    other[0] = 5;
    assert!(matches!(convert(&other, Weights::F16), Err(ConvertError::Version(5))));
    let mut other = Tiny::new().bytes();
    other[6] = b'X';
    assert!(matches!(convert(&other, Weights::F16), Err(ConvertError::Spec(_))));
    let mut int8 = Tiny::new();
    let weight = int8.variables.iter_mut().find(|v| v.0 == "encoder/layer_0/ffn/linear_0/weight").unwrap();
    weight.2 = 1;
    weight.3.truncate(4 * STATE * STATE);
    assert!(
        matches!(convert(&int8.bytes(), Weights::F16), Err(ConvertError::Type(name)) if name.contains("ffn"))
    );
}

#[test]
fn the_mel_filters_are_slaneys() {
    // Reference values of librosa.filters.mel(sr=16000, n_fft=400, n_mels=80).
    let rows = mel::filters(80);
    assert_eq!(rows.len(), 80 * mel::BINS);
    assert_eq!(rows[0], 0.0);
    assert!((rows[1] - 0.024_862_6).abs() < 1e-6, "{}", rows[1]);
    let last = &rows[79 * mel::BINS..];
    assert!(last[200].abs() < 1e-6);
    assert!(last.iter().any(|v| *v > 0.0));
}
