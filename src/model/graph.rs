//! Facts that the network itself states: its ends, their shapes and types, and the
//! operators next to them.

use super::axes;
use super::facts::{Facts, fact};
use super::manifest::{Color, Dtype, Input, Layout, Manifest, OutputKind, Quantization, Size};
use super::onnx::{FLOAT, INT8, ModelProto, NodeProto, Port, UINT8};
use crate::error::{Error, Result};

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

/// What the graph says about its own input and output. `input` and `output` are names
/// that were asked for, where the graph has several.
///
/// # Errors
/// Ends that no image classifier has: several inputs, a tensor of text, another rank.
pub(super) fn facts(
    place: &str,
    model: &ModelProto,
    input: Option<&str>,
    output: Option<&str>,
) -> Result<Facts> {
    let input = one(place, "input", "input.tensor", model.inputs(), input)?;
    let mut facts = input_facts(place, model, &input)?;
    let outputs = model.outputs();
    if outputs.len() == 1 || output.is_some() {
        let output = one(place, "output", "output.tensor", outputs, output)?;
        if let Some((kind, operator)) = model.output_kind(&output.name) {
            facts.kind = fact(kind, &format!("graph: the last operator is {operator}"));
        }
        facts.output_quantization = model
            .output_quantization(&output.name)
            .and_then(|q| fact(Some(q), "graph: QuantizeLinear"));
        facts.output = fact(output.name, "graph");
    }
    Ok(facts)
}

fn input_facts(place: &str, model: &ModelProto, input: &Port) -> Result<Facts> {
    let dtype = input.dtype.ok_or_else(|| {
        Error::model(
            place,
            format!(
                "input `{}` holds no float32, float16, uint8 or int8 values",
                input.name
            ),
        )
        .with_remedy("an image classifier is needed: one image tensor in, one score per class out")
    })?;
    let [_, a, b, c] = input.shape[..] else {
        return Err(Error::model(
            place,
            format!(
                "input `{}` has {} axes, expected 4 (batch, channels, height, width)",
                input.name,
                input.shape.len()
            ),
        ));
    };
    let is_channels = |axis: Option<usize>| matches!(axis, Some(1 | 3));
    let (layout, said_by) = match (is_channels(a), is_channels(c)) {
        (true, false) => (Some(Layout::Nchw), "graph"),
        (false, true) => (Some(Layout::Nhwc), "graph"),
        _ => (axes::layout(input), "graph: the names of its axes"),
    };
    let (channels, height, width) = match layout {
        Some(Layout::Nhwc) => (c, a, b),
        _ => (a, b, c),
    };
    let size = match (layout, width, height) {
        (Some(_), Some(width), Some(height)) => Some(Size { width, height }),
        _ => None,
    };
    let quantization = model.input_quantization(&input.name);
    Ok(Facts {
        tensor: fact(input.name.clone(), "graph"),
        dtype: fact(dtype, "graph"),
        layout: layout.and_then(|l| fact(l, said_by)),
        size: size.and_then(|s| fact(s, "graph")),
        color: (channels == Some(1))
            .then_some(Color::Gray)
            .and_then(|c| fact(c, "graph: one channel")),
        quantization: quantization.and_then(|q| fact(Some(q), "graph: DequantizeLinear")),
        ..Facts::default()
    })
}

impl ModelProto {
    /// How the integers of input `name` stand for real values, where the graph's first
    /// step on it is a `DequantizeLinear`.
    pub(super) fn input_quantization(&self, name: &str) -> Option<Quantization> {
        let first = self
            .graph()
            .node
            .iter()
            .find(|n| n.input.iter().any(|i| i == name))?;
        (first.op_type == "DequantizeLinear").then(|| self.quantization(first))?
    }

    /// How the integers of output `name` stand for real values, where the graph's last
    /// step to it is a `QuantizeLinear`.
    pub(super) fn output_quantization(&self, name: &str) -> Option<Quantization> {
        let last = self.maker(name)?;
        (last.op_type == "QuantizeLinear").then(|| self.quantization(last))?
    }

    /// What the values of output `name` are, read off the last operator that changes them.
    /// `None` where the output is not made by any.
    pub(super) fn output_kind(&self, name: &str) -> Option<(OutputKind, &str)> {
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
    pub(super) fn flat_softmax(&self, name: &str) -> Option<&str> {
        let node = self
            .maker(name)
            .filter(|n| n.op_type == "Softmax" && self.opset() < 13)?;
        node.input.first().map(String::as_str)
    }

    /// The value below the classes of output `name`: the input of the last Gemm, MatMul or
    /// 1x1 Conv, behind which only a bias, pooling and a softmax may stand.
    pub(super) fn features(&self, name: &str) -> Option<&str> {
        const BETWEEN: [&str; 6] = [
            "Softmax",
            "LogSoftmax",
            "Sigmoid",
            "GlobalAveragePool",
            "AveragePool",
            "ReduceMean",
        ];
        let mut value = name;
        for _ in 0..self.graph().node.len() {
            let node = self.maker(value)?;
            value = match node.op_type.as_str() {
                "Gemm" | "MatMul" => return self.first_computed(node),
                "Conv" if is_pointwise(node) => return self.first_computed(node),
                "Add" => self.first_computed(node)?,
                between if BETWEEN.contains(&between) || CARRIERS.contains(&between) => {
                    node.input.first()?
                }
                _ => return None,
            };
        }
        None
    }

    /// The first input of an operator that is not a weight.
    fn first_computed<'a>(&'a self, node: &'a NodeProto) -> Option<&'a str> {
        let weights = &self.graph().initializer;
        let is_weight = |value: &str| weights.iter().any(|tensor| tensor.name == value);
        let mut inputs = node.input.iter().map(String::as_str);
        inputs.find(|value| !value.is_empty() && !is_weight(value))
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

/// Whether a convolution mixes channels only.
fn is_pointwise(node: &NodeProto) -> bool {
    let kernel = node.attribute.iter().find(|a| a.name == "kernel_shape");
    kernel.is_some_and(|kernel| kernel.ints.iter().all(|side| *side == 1))
}

fn one(
    place: &str,
    what: &str,
    setting: &'static str,
    ports: Vec<Port>,
    wanted: Option<&str>,
) -> Result<Port> {
    let names = names(&ports);
    match wanted {
        Some(name) => ports.into_iter().find(|p| p.name == name).ok_or_else(|| {
            Error::model(
                place,
                format!("no {what} named `{name}`, the model has {names}"),
            )
        }),
        None => <[Port; 1]>::try_from(ports)
            .map(|[port]| port)
            .map_err(|_| {
                Error::model(place, format!("expected one {what}, found {names}"))
                    .with_remedy("name it")
                    .with_settings(&[setting])
            }),
    }
}

/// Refuses a manifest that the graph contradicts: sizes, channels, number of classes.
///
/// # Errors
/// What the manifest says and what the graph says.
pub(crate) fn check(place: &str, model: &ModelProto, manifest: &Manifest) -> Result<()> {
    check_input(place, model.inputs(), &manifest.input)?;
    let wanted = Some(manifest.output.tensor.as_str());
    let output = one(place, "output", "output.tensor", model.outputs(), wanted)?;
    if output.dtype.is_some_and(Dtype::is_integer) && manifest.output.quantization.is_none() {
        let what = format!(
            "output `{}` holds integers, and nothing says what they stand for",
            output.name
        );
        return Err(Error::model(place, what)
            .with_remedy("say what they stand for")
            .with_settings(&["output.quantization"]));
    }
    let classes: Option<usize> = output.shape.iter().skip(1).copied().product();
    match classes {
        Some(classes) if output.shape.len() > 1 => {
            check_classes(place, manifest.labels.len(), classes)
        }
        _ => Ok(()),
    }
}

fn check_input(place: &str, inputs: Vec<Port>, expected: &Input) -> Result<()> {
    if inputs.len() > 1 {
        let count = inputs.len();
        let what = format!("the network takes {count} inputs ({})", names(&inputs));
        return Err(Error::model(place, what).with_expected("one image"));
    }
    let input = one(
        place,
        "input",
        "input.tensor",
        inputs,
        Some(&expected.tensor),
    )?;
    let (w, h, c) = (expected.width, expected.height, expected.color.channels());
    let axes = match expected.layout {
        Layout::Nchw => [c, h, w],
        Layout::Nhwc => [h, w, c],
    };
    let fits = input.shape.len() == 4
        && input.shape[1..]
            .iter()
            .zip(axes)
            .all(|(axis, want)| axis.is_none_or(|a| a == want));
    if !fits {
        let shape: Vec<String> = input
            .shape
            .iter()
            .map(|a| a.map_or("?".into(), |n| n.to_string()))
            .collect();
        let what = format!(
            "input `{}` is [{}], but the facts give [?, {}, {}, {}]",
            input.name,
            shape.join(", "),
            axes[0],
            axes[1],
            axes[2]
        );
        return Err(Error::model(place, what)
            .with_remedy("correct the layout, the size or the colour")
            .with_settings(&["input.layout", "input.size", "input.color"]));
    }
    if input.dtype != Some(expected.dtype) {
        return Err(Error::model(
            place,
            format!(
                "input `{}` is {:?}, but the manifest says {:?}",
                input.name, input.dtype, expected.dtype
            ),
        ));
    }
    Ok(())
}

fn names(ports: &[Port]) -> String {
    let names = ports.iter().map(|port| format!("`{}`", port.name));
    names.collect::<Vec<_>>().join(", ")
}

/// Refuses a number of labels that is not the number of scores.
///
/// # Errors
/// Both numbers.
pub(crate) fn check_classes(place: &str, labels: usize, classes: usize) -> Result<()> {
    if labels == classes {
        return Ok(());
    }
    let error = Error::model(
        place,
        format!("{labels} labels for an output of {classes} scores"),
    );
    Err(if classes == labels + 1 {
        error.with_remedy(
            "the model may have a background class first: add that line to the labels file",
        )
    } else {
        error
            .with_remedy("give the right labels")
            .with_settings(&["labels"])
    })
}
