//! The head of a classifier: its last linear layer and what stands behind it, taken off and
//! replaced by one for other classes. What stands before it stays as it is, byte by byte;
//! what only the old head needed is left out.

use std::path::Path;

use bytes::Bytes;
use prost::Message;

use super::edit::{
    Edit, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_NODE, GRAPH_OUTPUT, change_graph, edited_graph,
};
use super::explicit::number;
use super::manifest::Manifest;
use super::onnx::{
    DimensionProto, FLOAT, ModelProto, NodeProto, ShapeProto, TensorProto, TensorTypeProto,
    TypeProto, ValueInfoProto, parse,
};
use super::pack::embed;
use super::wire::append;
use super::{Features, Model};
use crate::error::{Error, Result};

/// What the names of the new head's values begin with.
const PREFIX: &str = "ocelli/head/";
/// What its output is called, unless something else is.
const OUTPUT: &str = "logits";

/// A linear layer on a network's features: a class's logit is the sum of the features by its
/// weights, and its bias.
#[derive(Clone, Debug)]
pub(crate) struct LinearHead {
    /// `[classes, features]`, row-major.
    pub weights: Vec<f32>,
    /// One for each class.
    pub biases: Vec<f32>,
    /// What is left of rows and columns where the features stand in the network.
    pub places: Places,
}

/// Rows and columns that features still have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// None: `[batch, D]`.
    None,
    /// One of each: `[batch, D, 1, 1]`.
    One,
    /// Several, of which the mean counts: `[batch, D, rows, columns]`.
    Many,
}

impl Model {
    /// The same, whose features are what its head takes.
    ///
    /// # Errors
    /// Its end is no linear layer.
    pub(crate) fn at_head(mut self) -> Result<Self> {
        let Some(value) = self.file.features.clone() else {
            return Err(
                Error::model(self.place(), "the network's head cannot be told")
                    .with_expected("a Gemm, a MatMul or a 1x1 Conv of floats at its end")
                    .with_remedy("export the network in floats or in QDQ form, with its classifier as the last layer"),
            );
        };
        if self.features.as_ref().map(Features::value) != Some(&value) {
            self.features = Some(Features::Inside(value));
        }
        Ok(self)
    }

    /// The head that it has, where that is a plain linear layer of 32-bit floats.
    ///
    /// # Errors
    /// It is something else; the file cannot be read.
    pub(crate) fn linear_head(&self) -> Result<LinearHead> {
        let proto = parse(&self.place(), self.bytes_of_file()?)?;
        let output = self.manifest.output.tensor.as_str();
        let maker = proto
            .graph()
            .maker(output)
            .filter(|node| node.op_type == "Gemm");
        let head = maker.and_then(|node| linear(&proto, node, self.manifest.labels.len()));
        head.ok_or_else(|| {
            Error::model(
                self.place(),
                format!("`{output}` is no plain linear layer of features"),
            )
            .with_expected("a Gemm of 32-bit floats, as trained or taught models end in")
        })
    }

    /// What the output of a new head is called.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn head_output(&self) -> Result<String> {
        let proto = parse(&self.place(), self.bytes_of_file()?)?;
        let edit = self.without_head()?;
        let is_taken = edit.needed(proto.graph()).values.contains(OUTPUT);
        Ok(match is_taken {
            true => format!("{PREFIX}{OUTPUT}"),
            false => OUTPUT.into(),
        })
    }

    /// Writes the network with another head, and with its manifest, into a file.
    ///
    /// # Errors
    /// The model cannot be read, or the file not be written.
    pub(crate) fn write_with_head(
        &self,
        head: &LinearHead,
        manifest: &Manifest,
        out: &Path,
    ) -> Result<()> {
        let bytes = self.bytes_of_file()?;
        let proto = parse(&self.place(), bytes.clone())?;
        let edit = self.without_head()?;
        let features = self.head_features()?;
        let parts = head.parts(&proto, features, manifest);
        let changed = change_graph(&bytes, |graph| {
            let mut graph = edited_graph(&proto, graph, &edit)?;
            parts.append_to(&mut graph);
            Some(graph)
        });
        let network = changed
            .ok_or_else(|| Error::model(self.place(), "the network in it cannot be changed"))?;
        let packed = embed(&self.place(), &network, manifest.to_json()?)?;
        std::fs::write(out, packed)
            .map_err(|e| Error::output(out.display().to_string(), "cannot be written").caused_by(e))
    }

    /// The output that gives the head's features, where the manifest names one.
    pub(crate) fn features_output(&self) -> Option<&str> {
        let named = self.manifest.output.embedding.as_deref();
        named.filter(|named| self.file.features.as_deref() == Some(*named))
    }

    /// The network down to the head's features; of its outputs only that for these stays.
    fn without_head(&self) -> Result<Edit<'_>> {
        Ok(Edit {
            outputs: self.features_output().into_iter().collect(),
            kept: Some(self.head_features()?),
            is_explicit: false,
        })
    }

    fn head_features(&self) -> Result<&str> {
        let features = self.file.features.as_deref();
        features.ok_or_else(|| Error::model(self.place(), "the network's head cannot be told"))
    }

    fn bytes_of_file(&self) -> Result<Bytes> {
        let read = std::fs::read(&self.path).map(Bytes::from);
        read.map_err(|e| Error::model(self.place(), "the model cannot be read").caused_by(e))
    }
}

/// What a new head adds to a graph.
struct Parts {
    nodes: Vec<NodeProto>,
    weights: [TensorProto; 2],
    /// The weights again: before version 4 of the format they were inputs, too.
    inputs: Vec<ValueInfoProto>,
    output: ValueInfoProto,
}

impl Parts {
    fn append_to(&self, graph: &mut Vec<u8>) {
        for node in &self.nodes {
            append(graph, GRAPH_NODE, &node.encode_to_vec());
        }
        for tensor in &self.weights {
            append(graph, GRAPH_INITIALIZER, &tensor.encode_to_vec());
        }
        for input in &self.inputs {
            append(graph, GRAPH_INPUT, &input.encode_to_vec());
        }
        append(graph, GRAPH_OUTPUT, &self.output.encode_to_vec());
    }
}

impl LinearHead {
    fn parts(&self, model: &ModelProto, features: &str, manifest: &Manifest) -> Parts {
        let named = |part: &str| format!("{PREFIX}{part}");
        let mut nodes = Vec::new();
        let mut value = features.to_owned();
        let mut step = |operator: &str, part: &str, setting: Option<(&str, i64)>| {
            let output = named(part);
            nodes.push(NodeProto {
                op_type: operator.into(),
                input: vec![std::mem::replace(&mut value, output.clone())],
                output: vec![output],
                attribute: setting
                    .map(|(name, value)| number(name, value))
                    .into_iter()
                    .collect(),
                ..NodeProto::default()
            });
        };
        if !has_float_head(model, features) {
            step("Cast", "float", Some(("to", i64::from(FLOAT))));
        }
        if self.places == Places::Many {
            step("GlobalAveragePool", "pooled", None);
        }
        if self.places != Places::None {
            step("Flatten", "flat", Some(("axis", 1)));
        }
        let [weight, bias] = ["weight", "bias"].map(named);
        let classes = self.biases.len();
        let output = manifest.output.tensor.clone();
        nodes.push(NodeProto {
            op_type: "Gemm".into(),
            input: vec![value, weight.clone(), bias.clone()],
            output: vec![output.clone()],
            attribute: vec![number("transB", 1)],
            ..NodeProto::default()
        });
        let columns = self.weights.len() / classes.max(1);
        let weights = [
            tensor(weight, &[classes, columns], &self.weights),
            tensor(bias, &[classes], &self.biases),
        ];
        let are_inputs = model.ir_version < 4;
        let inputs = weights.iter().filter(|_| are_inputs).map(|tensor| {
            let dims = tensor.dims.iter().map(|length| fixed(*length));
            floats(tensor.name.clone(), dims.collect())
        });
        Parts {
            nodes,
            inputs: inputs.collect(),
            output: output_of(model, output, classes),
            weights,
        }
    }
}

fn tensor(name: String, dims: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        name,
        dims: dims.iter().map(|length| *length as i64).collect(),
        data_type: FLOAT,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// An output of a score for each class, for as many pictures as the input takes.
fn output_of(model: &ModelProto, name: String, classes: usize) -> ValueInfoProto {
    let weights = &model.graph().initializer;
    let mut inputs = model.graph().input.iter();
    let input = inputs.find(|input| weights.iter().all(|tensor| tensor.name != input.name));
    let batch = input
        .and_then(|input| input.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref())
        .and_then(|shape| shape.dim.first().cloned());
    floats(name, vec![batch.unwrap_or_default(), fixed(classes as i64)])
}

fn fixed(length: i64) -> DimensionProto {
    DimensionProto {
        dim_value: length,
        ..DimensionProto::default()
    }
}

/// A declared tensor of 32-bit floats.
fn floats(name: String, dim: Vec<DimensionProto>) -> ValueInfoProto {
    ValueInfoProto {
        name,
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: FLOAT,
                shape: Some(ShapeProto { dim }),
            }),
            ..TypeProto::default()
        }),
    }
}

/// The weights and biases of a Gemm that is nothing but a linear layer.
fn linear(model: &ModelProto, node: &NodeProto, classes: usize) -> Option<LinearHead> {
    let number = |name: &str| node.setting(name).map(|setting| (setting.i, setting.f));
    let is_plain = ["alpha", "beta"]
        .iter()
        .all(|name| number(name).is_none_or(|(_, f)| f == 1.0));
    let is_transposed = number("transB").is_some_and(|(i, _)| i == 1);
    let features = number("transA").is_none_or(|(i, _)| i == 0);
    if !(is_plain && is_transposed && features) {
        return None;
    }
    let floats = |at: usize| {
        let name = node.input.get(at)?;
        let tensor = model
            .graph()
            .initializer
            .iter()
            .find(|tensor| tensor.name == *name)?;
        let is_here = tensor.data_type == FLOAT && tensor.external_data.is_empty();
        is_here.then(|| match tensor.raw_data.is_empty() {
            true => tensor.float_data.clone(),
            false => tensor
                .raw_data
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
        })
    };
    let head = LinearHead {
        weights: floats(1)?,
        biases: floats(2)?,
        places: Places::None,
    };
    let is_whole = head.biases.len() == classes && head.weights.len().is_multiple_of(classes);
    is_whole.then_some(head)
}

/// Whether what takes the features takes 32-bit floats: its weights are, or stand for, such.
fn has_float_head(model: &ModelProto, features: &str) -> bool {
    let graph = model.graph();
    let is_float = |name: &String| {
        let mut tensors = graph.initializer.iter();
        if let Some(tensor) = tensors.find(|tensor| tensor.name == *name) {
            return tensor.data_type == FLOAT;
        }
        let constant = graph.maker(name).filter(|node| node.op_type == "Constant");
        let value = constant.and_then(|node| node.setting("value")?.t.as_ref());
        value.is_some_and(|tensor| tensor.data_type == FLOAT)
    };
    let mut takers = graph.node.iter().filter(|node| {
        let is_head = matches!(node.op_type.as_str(), "Gemm" | "MatMul" | "Conv");
        is_head && node.input.iter().any(|input| input == features)
    });
    let Some(head) = takers.next() else {
        return false;
    };
    let mut others = head.input.iter().filter(|input| *input != features);
    others.next().is_some_and(|weight| {
        let dequantised = graph
            .maker(weight)
            .filter(|n| n.op_type == "DequantizeLinear");
        is_float(
            dequantised
                .and_then(|node| node.input.get(1))
                .unwrap_or(weight),
        )
    })
}
