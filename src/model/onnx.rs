//! As much of the ONNX file format as the facts need: metadata, inputs and outputs, and
//! the ends of the graph. Weights are skipped, not copied. Field numbers are those of
//! onnx.proto.
#![allow(
    missing_docs,
    reason = "the fields bear onnx.proto's names and mean what it says"
)]

use bytes::Bytes;
use prost::Message;

use super::manifest::Dtype;
use crate::error::{Error, Result};

/// The whole file.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
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
pub(super) struct Entry {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A version of one domain's operators.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSetProto {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// The network.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphProto {
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
pub(super) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
}

/// An operator's setting; only tensors and lists of integers are of interest.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
}

/// A constant.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
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
pub(super) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
}

/// A type; only tensors are of interest.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorTypeProto>,
}

/// A tensor's type.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<ShapeProto>,
}

/// A tensor's shape.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ShapeProto {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

/// One axis: a length, or a name for one that may vary.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DimensionProto {
    #[prost(int64, tag = "1")]
    pub dim_value: i64,
    #[prost(string, tag = "2")]
    pub dim_param: String,
}

/// ONNX's numbers for element types.
pub(super) const FLOAT: i32 = 1;
pub(super) const UINT8: i32 = 2;
pub(super) const INT8: i32 = 3;
const FLOAT16: i32 = 10;

/// A tensor at one end of the graph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Port {
    /// Its name.
    pub name: String,
    /// Its element type, where it is one that images or scores can have.
    pub dtype: Option<Dtype>,
    /// Its axes; `None` where the length may vary.
    pub shape: Vec<Option<usize>>,
    /// The names of those that vary; empty where the length is known or has no name.
    pub axes: Vec<String>,
}

/// Parses a model file's bytes.
///
/// # Errors
/// The bytes are empty, cut short or no ONNX.
pub(super) fn parse(place: &str, bytes: Bytes) -> Result<ModelProto> {
    let remedy = "check that the file was copied whole (sha256sum) and is an ONNX model";
    if bytes.is_empty() {
        return Err(
            Error::model(place, "the file is empty, expected an ONNX model").with_remedy(remedy),
        );
    }
    let length = bytes.len();
    let model = ModelProto::decode(bytes).map_err(|e| {
        Error::model(place, format!("these {length} bytes are not an ONNX model"))
            .caused_by(e)
            .with_remedy(remedy)
    })?;
    match &model.graph {
        Some(graph) if !graph.node.is_empty() => Ok(model),
        _ => Err(
            Error::model(place, format!("these {length} bytes hold no network"))
                .with_remedy(remedy),
        ),
    }
}

/// The bytes of a model whose inner value `name` is an output, too: a protobuf message may
/// be appended to, and the outputs are a repeated field.
#[cfg(feature = "onnxruntime")]
pub(crate) fn with_output(mut bytes: Vec<u8>, name: &str) -> Vec<u8> {
    let output = ValueInfoProto {
        name: name.to_owned(),
        ..ValueInfoProto::default()
    };
    let graph = GraphProto {
        output: vec![output],
        ..GraphProto::default()
    };
    let addition = ModelProto {
        graph: Some(graph),
        ..ModelProto::default()
    };
    bytes.extend_from_slice(&addition.encode_to_vec());
    bytes
}

impl ModelProto {
    /// The value of a metadata key; the last one counts, as in every protobuf reader.
    pub(super) fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata_props
            .iter()
            .rev()
            .find(|e| e.key == key)
            .map(|e| e.value.as_str())
    }

    /// Version of the standard operators.
    pub(super) fn opset(&self) -> i64 {
        self.opset_import
            .iter()
            .find(|o| o.domain.is_empty() || o.domain == "ai.onnx")
            .map_or(1, |o| o.version)
    }

    /// The network.
    pub(super) fn graph(&self) -> &GraphProto {
        self.graph
            .as_ref()
            .expect("`parse` refuses a model without a graph")
    }

    /// The inputs that a caller has to give (older files list their weights here, too).
    pub(super) fn inputs(&self) -> Vec<Port> {
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
    pub(super) fn outputs(&self) -> Vec<Port> {
        self.graph().output.iter().map(port).collect()
    }

    /// Files beside the model that hold weights, as the model names them.
    pub(super) fn external_files(&self) -> Vec<&str> {
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
        axes: axes.iter().map(|d| d.dim_param.clone()).collect(),
    }
}
