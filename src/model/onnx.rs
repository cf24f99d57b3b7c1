//! As much of the ONNX file format as the facts need: metadata, inputs and outputs, and
//! the ends of the graph. Weights are skipped, not copied. Field numbers are those of
//! onnx.proto.
#![allow(
    missing_docs,
    reason = "the fields bear onnx.proto's names and mean what it says"
)]

use bytes::Bytes;
use prost::Message;

use super::manifest::{Dtype, OutputKind, Quantization};
use crate::error::{Error, Result};

/// The whole file.
#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetProto>,
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A version of one domain's operators.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetProto {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// The network.
#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
}

/// One operator.
#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
}

/// An operator's setting; only tensors are of interest.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
}

/// A constant.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "bytes", tag = "9")]
    pub raw_data: Bytes,
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<Entry>,
}

/// The name and type of a value.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
}

/// A type; only tensors are of interest.
#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorTypeProto>,
}

/// A tensor's type.
#[derive(Clone, PartialEq, Message)]
pub struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<ShapeProto>,
}

/// A tensor's shape.
#[derive(Clone, PartialEq, Message)]
pub struct ShapeProto {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

/// One axis: a length, or a name for one that may vary.
#[derive(Clone, PartialEq, Message)]
pub struct DimensionProto {
    #[prost(int64, tag = "1")]
    pub dim_value: i64,
    #[prost(string, tag = "2")]
    pub dim_param: String,
}

/// ONNX's numbers for element types.
const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const INT8: i32 = 3;
const FLOAT16: i32 = 10;

/// A tensor at one end of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its element type, where it is one that images or scores can have.
    pub dtype: Option<Dtype>,
    /// Its axes; `None` where the length may vary.
    pub shape: Vec<Option<usize>>,
}

/// Parses a model file's bytes.
///
/// # Errors
/// The bytes are empty, cut short or no ONNX.
pub fn parse(place: &str, bytes: Bytes) -> Result<ModelProto> {
    let remedy = "check that the file was copied whole (sha256sum) and is an ONNX model";
    if bytes.is_empty() {
        return Err(
            Error::model(place, "the file is empty, expected an ONNX model").remedy(remedy),
        );
    }
    let length = bytes.len();
    let model = ModelProto::decode(bytes).map_err(|e| {
        Error::model(place, format!("no ONNX model in these {length} bytes"))
            .caused_by(e)
            .remedy(remedy)
    })?;
    match &model.graph {
        Some(graph) if !graph.node.is_empty() => Ok(model),
        _ => Err(Error::model(place, format!("no network in these {length} bytes")).remedy(remedy)),
    }
}

impl ModelProto {
    /// The value of a metadata key; the last one counts, as in every protobuf reader.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata_props
            .iter()
            .rev()
            .find(|e| e.key == key)
            .map(|e| e.value.as_str())
    }

    /// Version of the standard operators.
    pub fn opset(&self) -> i64 {
        self.opset_import
            .iter()
            .find(|o| o.domain.is_empty() || o.domain == "ai.onnx")
            .map_or(1, |o| o.version)
    }

    fn graph(&self) -> &GraphProto {
        self.graph
            .as_ref()
            .expect("`parse` refuses a model without a graph")
    }

    /// The inputs that a caller has to give (older files list their weights here, too).
    pub fn inputs(&self) -> Vec<Port> {
        let graph = self.graph();
        let weights: std::collections::HashSet<&str> =
            graph.initializer.iter().map(|t| t.name.as_str()).collect();
        graph
            .input
            .iter()
            .filter(|v| !weights.contains(v.name.as_str()))
            .map(port)
            .collect()
    }

    /// The outputs.
    pub fn outputs(&self) -> Vec<Port> {
        self.graph().output.iter().map(port).collect()
    }

    /// Files beside the model that hold weights, as the model names them.
    pub fn external_files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = self
            .graph()
            .initializer
            .iter()
            .flat_map(|t| &t.external_data)
            .filter(|e| e.key == "location")
            .map(|e| e.value.as_str())
            .collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    /// How the integers of input `name` stand for real values, where the graph's first
    /// step on it is a `DequantizeLinear`.
    pub fn input_quantization(&self, name: &str) -> Option<Quantization> {
        let first = self
            .graph()
            .node
            .iter()
            .find(|n| n.input.iter().any(|i| i == name))?;
        (first.op_type == "DequantizeLinear").then(|| self.quantization(first))?
    }

    /// How the integers of output `name` stand for real values, where the graph's last
    /// step to it is a `QuantizeLinear`.
    pub fn output_quantization(&self, name: &str) -> Option<Quantization> {
        let last = self.maker(name)?;
        (last.op_type == "QuantizeLinear").then(|| self.quantization(last))?
    }

    /// What the values of output `name` are, read off the last operator that changes them.
    /// `None` where the output is not made by any.
    pub fn output_kind(&self, name: &str) -> Option<(OutputKind, &str)> {
        /// Operators that pass values on, or store them differently.
        const CARRIERS: [&str; 9] = [
            "Reshape",
            "Flatten",
            "Squeeze",
            "Unsqueeze",
            "Identity",
            "Cast",
            "QuantizeLinear",
            "DequantizeLinear",
            "Transpose",
        ];
        let mut node = self.maker(name)?;
        // A graph is acyclic, a hostile file may not be: stop after its number of nodes.
        for _ in 0..self.graph().node.len() {
            if !CARRIERS.contains(&node.op_type.as_str()) {
                break;
            }
            node = self.maker(node.input.first()?)?;
        }
        let kind = match node.op_type.as_str() {
            "Softmax" | "Sigmoid" => OutputKind::Probabilities,
            "LogSoftmax" => OutputKind::LogProbabilities,
            _ => OutputKind::Logits,
        };
        Some((kind, &node.op_type))
    }

    /// The value whose softmax is output `name`, in a graph whose opset still takes it over
    /// all axes from the second on (opset 13 made it one axis, the last by default).
    pub fn flat_softmax(&self, name: &str) -> Option<&str> {
        let node = self
            .maker(name)
            .filter(|n| n.op_type == "Softmax" && self.opset() < 13)?;
        node.input.first().map(String::as_str)
    }

    fn maker(&self, value: &str) -> Option<&NodeProto> {
        self.graph()
            .node
            .iter()
            .rev()
            .find(|n| n.output.iter().any(|o| o == value))
    }

    fn quantization(&self, node: &NodeProto) -> Option<Quantization> {
        let scale = self.constant(node.input.get(1)?)?;
        let zero_point = match node.input.get(2) {
            Some(name) => self.constant(name)?,
            None => 0.0,
        };
        Some(Quantization {
            scale,
            zero_point: zero_point as i32,
        })
    }

    /// The first value of a constant, be it an initializer or a `Constant` node.
    fn constant(&self, name: &str) -> Option<f32> {
        let graph = self.graph();
        let tensor = graph
            .initializer
            .iter()
            .find(|t| t.name == name)
            .or_else(|| {
                self.maker(name)
                    .filter(|n| n.op_type == "Constant")?
                    .attribute
                    .first()?
                    .t
                    .as_ref()
            })?;
        let raw = &tensor.raw_data;
        match tensor.data_type {
            FLOAT => tensor
                .float_data
                .first()
                .copied()
                .or_else(|| raw.first_chunk::<4>().map(|b| f32::from_le_bytes(*b))),
            UINT8 => tensor
                .int32_data
                .first()
                .map(|v| *v as f32)
                .or_else(|| raw.first().map(|b| f32::from(*b))),
            INT8 => tensor
                .int32_data
                .first()
                .map(|v| *v as f32)
                .or_else(|| raw.first().map(|b| f32::from(*b as i8))),
            _ => None,
        }
    }
}

fn port(value: &ValueInfoProto) -> Port {
    let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let dtype = tensor.and_then(|t| match t.elem_type {
        FLOAT => Some(Dtype::Float32),
        FLOAT16 => Some(Dtype::Float16),
        UINT8 => Some(Dtype::Uint8),
        INT8 => Some(Dtype::Int8),
        _ => None,
    });
    let axes = tensor
        .and_then(|t| t.shape.as_ref())
        .map_or(&[][..], |s| &s.dim);
    let shape = axes
        .iter()
        .map(|d| usize::try_from(d.dim_value).ok().filter(|v| *v > 0))
        .collect();
    Port {
        name: value.name.clone(),
        dtype,
        shape,
    }
}
