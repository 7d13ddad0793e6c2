//! An ONNX model quantized at run time (int8 weights, `DynamicQuantizeLinear`), back in floating point.
//!
//! ONNX Runtime 1.24 computes Kokoro's integer operators wrongly with some numbers of threads: clips
//! come out faint, or end in values of 1e18. In floating point the same weights give clean clips, and
//! on one core in half the time. The rounding of the weights stays; that of the activations goes.
//!
//! `ConvInteger`, `MatMulInteger` and `DynamicQuantizeLSTM` become `Conv`, `MatMul` and `LSTM`; the
//! multiplication by the scales behind them stays where it is, with 1 for the activation's scale.

use std::{
    collections::{BTreeSet, HashMap},
    io::Write,
};

use prost::Message;

use super::ConvertError;

/// Data types of a tensor (`TensorProto.DataType`).
const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const INT8: i32 = 3;

/// The activation's scale, now that it is not rounded.
const ONE: &str = "waihu_one";

// The parts of onnx.proto that are changed; what is only carried along is kept as bytes.

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    opset_import: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    node: Vec<Node>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<Tensor>,
    #[prost(bytes = "vec", repeated, tag = "11")]
    input: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "12")]
    output: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(bytes = "vec", repeated, tag = "5")]
    attribute: Vec<Vec<u8>>,
    #[prost(string, tag = "7")]
    domain: String,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    int32_data: Vec<i32>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    string_data: Vec<Vec<u8>>,
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
    #[prost(double, repeated, tag = "10")]
    double_data: Vec<f64>,
    #[prost(uint64, repeated, tag = "11")]
    uint64_data: Vec<u64>,
}

fn wrong(what: impl Into<String>) -> ConvertError {
    ConvertError::Onnx(what.into())
}

/// Writes the model without its integer operators. The same input gives the same bytes.
///
/// # Errors
/// [`ConvertError::Onnx`] for what is no such model.
pub fn in_floating_point(model: &[u8], out: &mut dyn Write) -> Result<(), ConvertError> {
    let mut model = Model::decode(model).map_err(|e| wrong(format!("not an ONNX model: {e}")))?;
    let graph = model.graph.as_mut().ok_or_else(|| wrong("it has no graph"))?;
    Conversion::of(graph)?.run(graph)?;
    out.write_all(&model.encode_to_vec())?;
    Ok(())
}

struct Conversion {
    tensors: HashMap<String, Tensor>,
    /// What stands for the outputs of the quantizers.
    plain: HashMap<String, String>,
    /// Weights in floating point, in the order in which they were made.
    made: Vec<Tensor>,
    names: BTreeSet<String>,
}

impl Conversion {
    fn of(graph: &Graph) -> Result<Self, ConvertError> {
        let mut plain = HashMap::new();
        for node in graph.node.iter().filter(|n| n.op_type == "DynamicQuantizeLinear") {
            let ([x], [y, scale, ..]) = (&node.input[..], &node.output[..]) else {
                return Err(wrong(format!("node {} has another shape", node.name)));
            };
            plain.insert(y.clone(), x.clone());
            plain.insert(scale.clone(), ONE.to_owned());
        }
        if plain.is_empty() {
            return Err(wrong("nothing in it is quantized at run time"));
        }
        let tensors = graph.initializer.iter().map(|t| (t.name.clone(), t.clone())).collect();
        Ok(Self { tensors, plain, made: Vec::new(), names: BTreeSet::new() })
    }

    fn run(mut self, graph: &mut Graph) -> Result<(), ConvertError> {
        let integers: BTreeSet<String> = graph
            .node
            .iter()
            .filter(|n| matches!(n.op_type.as_str(), "ConvInteger" | "MatMulInteger"))
            .flat_map(|n| n.output.clone())
            .collect();
        plain_biases(graph, &integers);
        graph.node.retain(|n| n.op_type != "DynamicQuantizeLinear");
        for node in &mut graph.node {
            match node.op_type.as_str() {
                "ConvInteger" | "MatMulInteger" => self.plain_product(node)?,
                "DynamicQuantizeLSTM" => self.plain_lstm(node)?,
                _ => {}
            }
            for input in &mut node.input {
                if let Some(plain) = self.plain.get(input) {
                    input.clone_from(plain);
                }
            }
        }
        let used: BTreeSet<&String> = graph.node.iter().flat_map(|n| &n.input).collect();
        graph.initializer.retain(|t| used.contains(&t.name));
        graph.initializer.append(&mut self.made);
        graph.initializer.push(tensor(ONE, vec![], vec![1.0]));
        Ok(())
    }

    /// `ConvInteger` or `MatMulInteger` of x, w and their zero points: of x and the plain w.
    fn plain_product(&mut self, node: &mut Node) -> Result<(), ConvertError> {
        let (x, w) = match &node.input[..] {
            [x, w, ..] => (x.clone(), w.clone()),
            _ => return Err(wrong(format!("node {} has too few inputs", node.name))),
        };
        let zero = match node.input.get(3) {
            Some(name) if !name.is_empty() => self.integers(name)?.1,
            _ => vec![0],
        };
        let (dims, values) = self.integers(&w)?;
        // One for all, or one for each output: a matrix's columns, a convolution's filters.
        let columns = node.op_type == "MatMulInteger";
        let outputs = if columns { dims.last() } else { dims.first() }.copied().unwrap_or(1);
        let zero_of = |at: usize| match zero.len() {
            1 => Some(zero[0]),
            n if n == outputs && columns => Some(zero[at % n]),
            n if n == outputs => Some(zero[at / (values.len() / n).max(1)]),
            _ => None,
        };
        let values: Option<Vec<f32>> =
            values.iter().enumerate().map(|(at, v)| Some((v - zero_of(at)?) as f32)).collect();
        let values = values.ok_or_else(|| wrong(format!("the zero points of {w} do not fit it")))?;
        node.input = vec![x, self.keep(&w, dims, values)];
        node.op_type = node.op_type.replace("Integer", "");
        Ok(())
    }

    /// `DynamicQuantizeLSTM`: its weights are transposed to what `LSTM` takes.
    fn plain_lstm(&mut self, node: &mut Node) -> Result<(), ConvertError> {
        let Ok(inputs) = <[String; 12]>::try_from(node.input.clone()) else {
            return Err(wrong(format!("node {} has another number of inputs", node.name)));
        };
        let [x, w, r, b, lengths, h, c, peepholes, w_scale, w_zero, r_scale, r_zero] = inputs;
        let w = self.plain_gates(&w, &w_scale, &w_zero)?;
        let r = self.plain_gates(&r, &r_scale, &r_zero)?;
        node.input = vec![x, w, r, b, lengths, h, c];
        if !peepholes.is_empty() {
            node.input.push(peepholes);
        }
        node.op_type = "LSTM".to_owned();
        node.domain.clear();
        Ok(())
    }

    /// Weights [directions, inputs, gates] times their scale, as [directions, gates, inputs].
    fn plain_gates(&mut self, name: &str, scale: &str, zero: &str) -> Result<String, ConvertError> {
        let (dims, values) = self.integers(name)?;
        let scales = self.floats(scale)?;
        let (_, zeros) = self.integers(zero)?;
        let [directions, rows, columns] = dims[..] else {
            return Err(wrong(format!("{name} has {} dimensions", dims.len())));
        };
        if scales.len() != directions || zeros.len() != directions {
            return Err(wrong(format!("{name} has no scale for each direction")));
        }
        let mut plain = vec![0.0; values.len()];
        for (at, value) in values.iter().enumerate() {
            let (d, row, column) = (at / (rows * columns), at / columns % rows, at % columns);
            plain[(d * columns + column) * rows + row] = (value - zeros[d]) as f32 * scales[d];
        }
        Ok(self.keep(name, vec![directions, columns, rows], plain))
    }

    fn keep(&mut self, of: &str, dims: Vec<usize>, values: Vec<f32>) -> String {
        let name = format!("{of}_plain");
        if self.names.insert(name.clone()) {
            self.made.push(tensor(&name, dims, values));
        }
        name
    }

    /// A tensor of signed or unsigned bytes.
    fn integers(&self, name: &str) -> Result<(Vec<usize>, Vec<i32>), ConvertError> {
        let t = self.tensors.get(name).ok_or_else(|| wrong(format!("{name} is no constant")))?;
        let values: Vec<i32> = match t.data_type {
            UINT8 | INT8 if t.raw_data.is_empty() => t.int32_data.clone(),
            UINT8 => t.raw_data.iter().map(|b| i32::from(*b)).collect(),
            INT8 => t.raw_data.iter().map(|b| i32::from(b.cast_signed())).collect(),
            other => return Err(wrong(format!("{name} has type {other}, no bytes"))),
        };
        let dims = shape(t, values.len())?;
        Ok((dims, values))
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>, ConvertError> {
        let t = self.tensors.get(name).ok_or_else(|| wrong(format!("{name} is no constant")))?;
        if t.data_type != FLOAT {
            return Err(wrong(format!("{name} has type {}, not f32", t.data_type)));
        }
        let values = match t.raw_data.is_empty() {
            true => t.float_data.clone(),
            false => t.raw_data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        };
        shape(t, values.len())?;
        Ok(values)
    }
}

/// Lets a convolution's bias be added as it is: it was rounded to the integers' steps.
fn plain_biases(graph: &mut Graph, integers: &BTreeSet<String>) {
    let maker: HashMap<String, usize> = graph
        .node
        .iter()
        .enumerate()
        .flat_map(|(n, node)| node.output.iter().map(move |o| (o.clone(), n)))
        .collect();
    let mut rounding = BTreeSet::new();
    for add in graph.node.iter().filter(|n| n.op_type == "Add") {
        if !add.input.iter().any(|i| integers.contains(i)) {
            continue;
        }
        for input in &add.input {
            let mut at = input;
            // Reshape, Cast, Floor: no longer in any model.
            for _ in 0..4 {
                let Some(&n) = maker.get(at) else { break };
                match graph.node[n].op_type.as_str() {
                    "Reshape" => {}
                    "Cast" | "Floor" => drop(rounding.insert(n)),
                    _ => break,
                }
                let Some(next) = graph.node[n].input.first() else { break };
                at = next;
            }
        }
    }
    for n in rounding {
        graph.node[n].op_type = "Identity".to_owned();
        graph.node[n].attribute.clear();
    }
}

fn shape(t: &Tensor, values: usize) -> Result<Vec<usize>, ConvertError> {
    let dims: Option<Vec<usize>> = t.dims.iter().map(|d| usize::try_from(*d).ok()).collect();
    let size = dims.as_ref().and_then(|d| d.iter().try_fold(1usize, |n, d| n.checked_mul(*d)));
    match dims {
        Some(dims) if size == Some(values) => Ok(dims),
        _ => Err(wrong(format!("{} has {values} values in dimensions {:?}", t.name, t.dims))),
    }
}

fn tensor(name: &str, dims: Vec<usize>, values: Vec<f32>) -> Tensor {
    Tensor {
        dims: dims.into_iter().map(|d| d as i64).collect(),
        data_type: FLOAT,
        name: name.to_owned(),
        raw_data: values.into_iter().flat_map(f32::to_le_bytes).collect(),
        ..Tensor::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(name: &str, dims: &[i64], values: &[u8]) -> Tensor {
        Tensor {
            dims: dims.to_vec(),
            data_type: UINT8,
            name: name.to_owned(),
            raw_data: values.to_vec(),
            ..Tensor::default()
        }
    }

    fn node(op: &str, input: &[&str], output: &[&str]) -> Node {
        let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        Node { op_type: op.to_owned(), input: own(input), output: own(output), ..Node::default() }
    }

    fn model() -> Model {
        let graph = Graph {
            node: vec![
                node("DynamicQuantizeLinear", &["x"], &["xq", "xs", "xz"]),
                node("ConvInteger", &["xq", "w", "xz", "wz"], &["ci"]),
                node("Div", &["b", "s"], &["bd"]),
                node("Floor", &["bd"], &["bf"]),
                node("Cast", &["bf"], &["bi"]),
                node("Add", &["ci", "bi"], &["ca"]),
                node("Mul", &["xs", "ws"], &["s"]),
                node("Mul", &["ca", "s"], &["y"]),
            ],
            initializer: vec![
                bytes("w", &[1, 1, 2], &[130, 120]),
                bytes("wz", &[], &[128]),
                tensor("ws", vec![], vec![0.5]),
                tensor("b", vec![1], vec![2.0]),
            ],
            ..Graph::default()
        };
        Model { ir_version: 9, graph: Some(graph), ..Model::default() }
    }

    fn converted(model: &Model) -> Result<Graph, ConvertError> {
        let mut out = Vec::new();
        in_floating_point(&model.encode_to_vec(), &mut out)?;
        Ok(Model::decode(&out[..]).unwrap().graph.unwrap())
    }

    #[test]
    fn an_integer_convolution_becomes_a_plain_one_with_its_bias_unrounded() {
        let graph = converted(&model()).unwrap();
        let ops: Vec<&str> = graph.node.iter().map(|n| n.op_type.as_str()).collect();
        assert_eq!(ops, ["Conv", "Div", "Identity", "Identity", "Add", "Mul", "Mul"]);
        assert_eq!(graph.node[0].input, ["x", "w_plain"]);
        assert_eq!(graph.node[5].input, [ONE, "ws"]);
        let w = graph.initializer.iter().find(|t| t.name == "w_plain").unwrap();
        assert_eq!((w.dims.as_slice(), w.raw_data.len()), (&[1, 1, 2][..], 8));
        assert_eq!(w.raw_data[..4], 2.0f32.to_le_bytes());
        assert!(graph.initializer.iter().all(|t| t.name != "w" && t.name != "wz"));
    }

    #[test]
    fn an_lstm_gets_its_weights_scaled_and_turned() {
        let mut model = model();
        let graph = model.graph.as_mut().unwrap();
        let mut lstm = node(
            "DynamicQuantizeLSTM",
            &["x", "W", "R", "", "", "h", "c", "", "ws1", "wz1", "ws1", "wz1"],
            &["l"],
        );
        lstm.domain = "com.microsoft".to_owned();
        graph.node.push(lstm);
        graph.initializer.extend([
            bytes("W", &[1, 2, 3], &[1, 2, 3, 4, 5, 6]),
            bytes("R", &[1, 1, 1], &[3]),
            tensor("ws1", vec![1], vec![0.5]),
            bytes("wz1", &[1], &[1]),
        ]);
        let graph = converted(&model).unwrap();
        let lstm = graph.node.last().unwrap();
        assert_eq!((lstm.op_type.as_str(), lstm.domain.as_str()), ("LSTM", ""));
        assert_eq!(lstm.input, ["x", "W_plain", "R_plain", "", "", "h", "c"]);
        let w = graph.initializer.iter().find(|t| t.name == "W_plain").unwrap();
        let values: Vec<f32> = w.raw_data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!((w.dims.as_slice(), values), (&[1, 3, 2][..], vec![0.0, 1.5, 0.5, 2.0, 1.0, 2.5]));
    }

    #[test]
    fn what_is_damaged_or_not_quantized_is_refused() {
        let plain = Model { graph: Some(Graph::default()), ..Model::default() };
        assert!(converted(&plain).is_err());
        assert!(in_floating_point(b"PK\x03\x04 a zip", &mut Vec::new()).is_err());
        let mut short = model();
        short.graph.as_mut().unwrap().initializer[0].raw_data.pop();
        assert!(converted(&short).unwrap_err().to_string().contains("w has 1 values"));
    }
}
